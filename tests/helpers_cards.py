"""What the tests of shipped networks share."""

# What every card holds; that of the classifier has no masks, and a task.
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
