"""What explorers and the training monitor are given, and cannot show."""

import dataclasses

import numpy as np
import pytest

from eurosat_inpaint import data, widgets

IMAGES, LABELS, NAMES = data.synthetic_tiles(4)
TILES = data.Tiles(IMAGES, LABELS, NAMES, data.CLASS_NAMES, "synthetic")


@pytest.mark.parametrize("explorer", [widgets.mask_explorer, widgets.inpainting_explorer])
@pytest.mark.parametrize(
    ("tiles", "error", "message"),
    [
        (IMAGES, TypeError, "tiles must be a data.Tiles, got ndarray"),
        ("validation", TypeError, "tiles must be a data.Tiles, got str"),
        ([], TypeError, "tiles must be a data.Tiles, got list"),
        (TILES[:0], ValueError, "tiles.images must hold at least one tile, got none"),
        (
            dataclasses.replace(TILES, images=IMAGES / 255),
            TypeError,
            "tiles.images must be a uint8 array",
        ),
        (
            dataclasses.replace(TILES, images=IMAGES[:, :32, :32]),
            ValueError,
            r"tiles.images must have shape \(n, 64, 64, 3\)",
        ),
    ],
)
def test_explorers_refuse_what_they_cannot_show(explorer, tiles, error, message):
    with pytest.raises(error, match=f"^{message}"):
        explorer(tiles)


@pytest.mark.parametrize(
    ("images", "masks", "error"),
    [
        (IMAGES, np.ones((4, 64, 64, 1)), ValueError),
        (IMAGES, np.zeros((3, 64, 64, 1)), ValueError),
        (IMAGES, np.full((4, 64, 64, 1), np.nan), ValueError),
        (IMAGES, np.zeros((4, 64, 64)), ValueError),
        (IMAGES, [["a"]], ValueError),
        (IMAGES * 1.0, np.zeros((4, 64, 64, 1)), ValueError),
        (np.full((4, 64, 64, 3), np.nan), np.zeros((4, 64, 64, 1)), ValueError),
        (IMAGES[:0], np.zeros((0, 64, 64, 1)), ValueError),
    ],
)
def test_a_training_cannot_be_watched_on_these(images, masks, error):
    with pytest.raises(error):
        widgets.watch_training(images, masks)
