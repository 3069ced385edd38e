"""What every card of shipped weights says."""

CARD_FIELDS = {
    "name",
    "builder",
    "arguments",
    "parameters",
    "weights",
    "sha256",
    "data",
    "masks",
    "recipe",
    "dtype",
    "seed",
    "epochs",
    "best_epoch",
    "minutes",
    "machine",
    "versions",
    "date",
    "command",
    "validation",
}
