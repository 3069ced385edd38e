"""Pictures in and out: what PNGs show, and which files are read as a tile."""

import io
import zlib

import matplotlib
import numpy as np
import pytest
from PIL import Image

from eurosat_inpaint import pictures
from eurosat_inpaint.data import synthetic_tiles
from eurosat_inpaint.masks import line_masks

TILES = synthetic_tiles(3)[0]


def pixels(png):
    with Image.open(io.BytesIO(png)) as picture:
        assert picture.format == "PNG"
        return np.asarray(picture.convert("RGB"))


def file_of(array, kind="PNG", **options):
    content = io.BytesIO()
    Image.fromarray(array).save(content, kind, **options)
    content.seek(0)
    return content


# Out


def test_each_pixel_of_a_tile_is_a_square():
    shown = pixels(pictures.tile_png(TILES[0], enlarged=3))
    np.testing.assert_array_equal(shown, TILES[0].repeat(3, axis=0).repeat(3, axis=1))


def test_floats_and_masks_are_shown_like_bytes():
    np.testing.assert_array_equal(
        pixels(pictures.tile_png(TILES[0] / 255)), pixels(pictures.tile_png(TILES[0]))
    )
    mask = line_masks(1)[0]
    shown = pixels(pictures.tile_png(mask, enlarged=1))
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
    shown = pixels(pictures.error_png(errors, largest=0.2))[::4, ::4]
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
        np.flatnonzero(heights), [*range(20 + 40, 20 + 44), *range(20 + 120, 20 + 124)]
    )
    assert heights[20 + 40] / heights[20 + 120] == pytest.approx(3 / 7, abs=0.02)
    assert abs(line - (20 + 180)).max() <= 1


def test_histogram_holds_both_ends():
    heights, _ = bars_of(pictures.histogram_png([0.0, 1.0], marked=0.5))
    assert np.flatnonzero(heights)[[0, -1]].tolist() == [20, 20 + 199]
    assert len(bars_of(pictures.histogram_png([0.0, 1.0], marked=1.0))[1]) > 0


# In


def test_a_picture_of_the_right_size_is_read_unchanged(tmp_path):
    path = tmp_path / "tile.png"
    path.write_bytes(file_of(TILES[1]).read())
    for file in (path, str(path), io.BytesIO(path.read_bytes())):
        read = pictures.read_tile(file)
        assert read.shape == (1, 64, 64, 3) and read.dtype == np.uint8
        np.testing.assert_array_equal(read[0], TILES[1])


def test_the_middle_square_is_taken():
    wide = np.zeros((128, 512, 3), np.uint8)
    wide[:, 192:320] = (10, 200, 30)
    for picture in (wide, wide.transpose(1, 0, 2)):
        read = pictures.read_tile(file_of(np.ascontiguousarray(picture)))
        # The outermost pixels are averaged with what is left away.
        inside = read[:, 3:-3, 3:-3]
        np.testing.assert_array_equal(inside, np.broadcast_to((10, 200, 30), inside.shape))
        assert abs(read.astype(int) - (10, 200, 30)).max() < 20


def test_a_photograph_is_turned_upright():
    halves = np.zeros((128, 128), np.uint8)
    halves[:, :64] = 255
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was held upright: turn by a quarter clockwise to see it
    turned = pictures.read_tile(file_of(halves, "JPEG", exif=exif))[0]
    assert turned[:28].min() > 240 and turned[36:].max() < 15


@pytest.mark.parametrize("kind", ["grey", "palette", "transparent"])
def test_every_kind_of_colours_is_read(kind):
    grey = TILES[0][..., 0]
    picture = Image.fromarray(grey)
    picture = {
        "grey": picture,
        "palette": picture.convert("P"),
        "transparent": picture.convert("RGBA"),
    }[kind]
    content = io.BytesIO()
    picture.save(content, "PNG")
    np.testing.assert_array_equal(pictures.read_tile(content)[0], np.stack([grey] * 3, axis=-1))


def truncated():
    return io.BytesIO(file_of(TILES[0]).read()[:-200])


def damaged():
    content = bytearray(file_of(TILES[0]).read())
    content[40:60] = bytes(20)
    return io.BytesIO(bytes(content))


def much_too_large():
    """The header of a PNG of 65,535 x 65,535 pixels."""
    content = bytearray(file_of(TILES[0]).read())
    content[16:24] = (65_535).to_bytes(4, "big") * 2
    content[29:33] = zlib.crc32(bytes(content[12:29])).to_bytes(4, "big")
    return io.BytesIO(bytes(content))


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda: io.BytesIO(b""), id="empty"),
        pytest.param(lambda: io.BytesIO(b"not a picture at all"), id="text"),
        pytest.param(lambda: file_of(TILES[0], "GIF"), id="another format"),
        pytest.param(truncated, id="truncated"),
        pytest.param(damaged, id="damaged"),
        pytest.param(much_too_large, id="much too large"),
    ],
)
def test_what_is_no_picture_is_refused(make):
    with pytest.raises(ValueError, match="the picture must be an undamaged PNG or JPEG"):
        pictures.read_tile(make())


def test_more_than_eight_bits_are_refused():
    with pytest.raises(ValueError, match="must have 8 bits per channel, got mode 'I;16'"):
        pictures.read_tile(file_of(np.zeros((64, 64), np.uint16)))


def test_a_missing_file_is_called_missing(tmp_path):
    with pytest.raises(FileNotFoundError, match="none.png"):
        pictures.read_tile(tmp_path / "none.png")
