"""What PNGs of tiles, masks, errors and coverages show."""

import io

import matplotlib
import numpy as np
import pytest
from PIL import Image

from eurosat_inpaint.data import synthetic_tiles
from eurosat_inpaint.masks import line_masks
from eurosat_inpaint.widgets import pictures

TILES = synthetic_tiles(3)[0]


def pixels(png):
    with Image.open(io.BytesIO(png)) as picture:
        assert picture.format == "PNG"
        return np.asarray(picture.convert("RGB"))


def test_a_tile_comes_out_as_it_is_and_enlarged_in_squares():
    np.testing.assert_array_equal(pixels(pictures.tile_png(TILES[0])), TILES[0])
    shown = pixels(pictures.grid_png([TILES[:1]], enlarged=3))
    np.testing.assert_array_equal(shown, TILES[0].repeat(3, axis=0).repeat(3, axis=1))


def test_floats_and_masks_are_shown_like_bytes():
    np.testing.assert_array_equal(
        pixels(pictures.tile_png(TILES[0] / 255)), pixels(pictures.tile_png(TILES[0]))
    )
    mask = line_masks(1)[0]
    shown = pixels(pictures.tile_png(mask))
    np.testing.assert_array_equal(shown, np.repeat(255 * mask, 3, axis=-1))


def test_grid_has_every_image_in_its_place_on_white():
    masks = line_masks(3)
    shown = pixels(pictures.grid_png([TILES, masks], enlarged=1))
    assert shown.shape == (2 * 64 + 2, 3 * 64 + 4, 3)
    for column in range(3):
        left = 66 * column
        np.testing.assert_array_equal(shown[:64, left : left + 64], TILES[column])
        np.testing.assert_array_equal(shown[66:, left : left + 64, :1], 255 * masks[column])
    assert (shown[64:66] == 255).all() and (shown[:, 64:66] == 255).all()


def test_error_is_black_where_there_is_none_and_ends_at_the_largest():
    errors = np.array([[0, 0.1], [0.2, 5]])
    shown = pictures.error_colours(errors, largest=0.2)
    colours = matplotlib.colormaps["magma"]([0, 0.5, 1.0, 1.0], bytes=True)[:, :3]
    np.testing.assert_array_equal(shown.reshape(4, 3), colours)
    assert shown[0, 0].max() < 5


def bars_of(png):
    """Height of the blue bar in each column of a histogram, and where the orange line stands."""
    shown = pixels(png).astype(int)
    blue = (shown == (0x00, 0x72, 0xB2)).all(axis=-1)
    orange = (shown == (0xD5, 0x5E, 0x00)).all(axis=-1)
    return blue.sum(axis=0), np.flatnonzero(orange.any(axis=0))


def test_histogram_has_bars_where_coverages_are():
    # Three of ten in the bar of 20 to 22 %, seven in that of 60 to 62 %; 0 % at column 20.
    heights, line = bars_of(pictures.histogram_png([0.21] * 3 + [0.61] * 7, marked=0.9))
    np.testing.assert_array_equal(
        np.flatnonzero(heights), [*range(20 + 100, 20 + 110), *range(20 + 300, 20 + 310)]
    )
    assert heights[20 + 100] / heights[20 + 300] == pytest.approx(3 / 7, abs=0.02)
    assert abs(line - (20 + 450)).max() <= 1


def test_histogram_holds_both_ends():
    heights, _ = bars_of(pictures.histogram_png([0.0, 1.0], marked=0.5))
    assert np.flatnonzero(heights)[[0, -1]].tolist() == [20, 20 + 499]
    assert len(bars_of(pictures.histogram_png([0.0, 1.0], marked=1.0))[1]) > 0
