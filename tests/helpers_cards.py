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
    "tiles_seen",
    "batch_size",
    "minutes",
    "machine",
    "versions",
    "date",
    "command",
    "validation",
}
