"""Pictures of one's own: which files are read as a tile, and what of them."""

import io
import zlib

import numpy as np
import pytest
from PIL import Image

from eurosat_inpaint.data import read_tile, synthetic_tiles

TILES = synthetic_tiles(3)[0]


def file_of(array, kind="PNG", **options):
    content = io.BytesIO()
    Image.fromarray(array).save(content, kind, **options)
    content.seek(0)
    return content


def test_a_picture_of_the_right_size_is_read_unchanged(tmp_path):
    path = tmp_path / "tile.png"
    path.write_bytes(file_of(TILES[1]).read())
    for file in (path, str(path), io.BytesIO(path.read_bytes())):
        read = read_tile(file)
        assert read.shape == (1, 64, 64, 3) and read.dtype == np.uint8
        np.testing.assert_array_equal(read[0], TILES[1])


def test_the_middle_square_is_taken():
    wide = np.zeros((128, 512, 3), np.uint8)
    wide[:, 192:320] = (10, 200, 30)
    for picture in (wide, wide.transpose(1, 0, 2)):
        read = read_tile(file_of(np.ascontiguousarray(picture)))
        # The outermost pixels are averaged with what is left away.
        inside = read[:, 3:-3, 3:-3]
        np.testing.assert_array_equal(inside, np.broadcast_to((10, 200, 30), inside.shape))
        assert abs(read.astype(int) - (10, 200, 30)).max() < 20


def test_a_photograph_is_turned_upright():
    halves = np.zeros((128, 128), np.uint8)
    halves[:, :64] = 255
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was held upright: turn by a quarter clockwise to see it
    turned = read_tile(file_of(halves, "JPEG", exif=exif))[0]
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
    np.testing.assert_array_equal(read_tile(content)[0], np.stack([grey] * 3, axis=-1))


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
        read_tile(make())


def test_more_than_eight_bits_are_refused():
    with pytest.raises(ValueError, match="must have 8 bits per channel, got mode 'I;16'"):
        read_tile(file_of(np.zeros((64, 64), np.uint16)))


def test_a_missing_file_is_called_missing(tmp_path):
    with pytest.raises(FileNotFoundError, match="none.png"):
        read_tile(tmp_path / "none.png")
