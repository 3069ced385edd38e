"""Small networks in place of those that ship, the same in two environments."""

from dataclasses import replace

import eurosat_inpaint as ei

TILES, EPOCHS = 24, 2
_BATCH_SIZE = 8
STEPS = EPOCHS * TILES // _BATCH_SIZE
_SMALL = {"filters": [32, 32], "blocks": [1, 1]}
_CRITICISED = {"noise": 1, "without_chessboard": True}
_ARGUMENTS = {
    "unet": _SMALL,
    "gan": _SMALL | _CRITICISED,
    "wnet": {"first": _SMALL} | _SMALL | _CRITICISED,
}


def small(name):
    """A network of ``shipping`` and its recipe, made small, in short batches, not averaged."""
    network = replace(ei.shipping.NETWORKS[name], arguments=_ARGUMENTS[name])
    recipe = ei.training.RECIPES[network.recipe]
    if isinstance(recipe, ei.training.Recipe):
        # `fit_unet` changes the loss where an epoch begins, the tool at any step.
        recipe = replace(recipe, final_loss=None)
    return network, replace(recipe, batch_size=_BATCH_SIZE, average=None)


def few_tiles():
    return ei.data.load_tiles("train", source="synthetic")[:TILES]
