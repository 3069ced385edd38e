"""Pictures of one's own: which files are read as a tile, and what of them."""

import io
import struct
import zlib

import numpy as np
import pytest
from helpers_files import KINDS_OF_NO_FILE, forbid
from PIL import Image, ImageOps

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


GREY = TILES[0][..., 0]
BLACK_AND_WHITE = np.where(GREY > np.median(GREY), 255, 0).astype(np.uint8)


def chunk(kind, content):
    return (
        len(content).to_bytes(4, "big")
        + kind
        + content
        + zlib.crc32(kind + content).to_bytes(4, "big")
    )


def png(pixels, bits, colour_type, *chunks, width=64):
    """A PNG by its bytes: ``pixels`` are rows as they are packed in the file."""
    header = struct.pack(">IIBBBBB", width, len(pixels), bits, colour_type, 0, 0, 0)
    rows = b"".join(b"\0" + bytes(row) for row in pixels)
    return io.BytesIO(
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + b"".join(chunk(*each) for each in chunks)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


def saved(picture, kind="PNG", **options):
    content = io.BytesIO()
    picture.save(content, kind, **options)
    return content


def rgb(*values):
    return np.broadcast_to(np.uint8(values), (64, 64, 3))


def with_alpha(alpha):
    """A tile with a fourth channel."""
    return file_of(np.dstack([TILES[0], np.full((64, 64), alpha, np.uint8)]))


def with_one_pixel(picture, value):
    picture.putpixel((5, 60), value)
    return picture


# Kinds of PNG and JPEG that are read, and what of them


ROW_OF_TWO = b"\x0f" * 8
READ = {
    "RGB": (lambda: file_of(TILES[0]), TILES[0]),
    "grey": (lambda: file_of(GREY), np.dstack([GREY] * 3)),
    "black and white": (
        lambda: saved(Image.fromarray(BLACK_AND_WHITE).convert("1")),
        np.dstack([BLACK_AND_WHITE] * 3),
    ),
    "palette": (lambda: saved(Image.fromarray(GREY).convert("P")), np.dstack([GREY] * 3)),
    "palette of 4 bits": (
        lambda: png([b"\x11" * 32] * 64, 4, 3, (b"PLTE", bytes([1, 2, 3, 40, 50, 60]))),
        rgb(40, 50, 60),
    ),
    "grey of 2 bits": (lambda: png([b"\xaa" * 16] * 64, 2, 0), rgb(170, 170, 170)),
    "grey of 4 bits": (lambda: png([b"\x33" * 32] * 64, 4, 0), rgb(51, 51, 51)),
    "opaque RGBA": (lambda: with_alpha(255), TILES[0]),
    "opaque grey with alpha": (
        lambda: saved(Image.fromarray(GREY).convert("LA")),
        np.dstack([GREY] * 3),
    ),
    "a transparent colour that no pixel has": (
        lambda: saved(Image.new("RGB", (64, 64), (9, 8, 7)), transparency=(9, 8, 8)),
        rgb(9, 8, 7),
    ),
    "a transparent grey that no pixel has": (
        lambda: saved(Image.new("L", (64, 64), 9), transparency=10),
        rgb(9, 9, 9),
    ),
    "a transparent grey of 4 bits that no pixel has": (
        # 51 in 8 bits is 3 in 4, and the other way round it would be.
        lambda: png([b"\x33" * 32] * 64, 4, 0, (b"tRNS", b"\0\x04")),
        rgb(51, 51, 51),
    ),
    "a transparent entry of the palette that no pixel has": (
        lambda: png([bytes(64)] * 64, 8, 3, (b"PLTE", bytes(range(6))), (b"tRNS", b"\xff\x00")),
        rgb(0, 1, 2),
    ),
    "half transparent entries that no pixel has": (
        lambda: png([bytes(64)] * 64, 8, 3, (b"PLTE", bytes(range(6))), (b"tRNS", b"\xff\x77")),
        rgb(0, 1, 2),
    ),
    "grey JPEG": (lambda: file_of(np.full((64, 64), 99, np.uint8), "JPEG"), rgb(99, 99, 99)),
    "progressive JPEG": (
        lambda: saved(Image.new("RGB", (64, 64), (50, 50, 50)), "JPEG", progressive=True),
        rgb(50, 50, 50),
    ),
    "first of the pictures of an animated PNG": (
        lambda: saved(
            Image.fromarray(TILES[0]), save_all=True, append_images=[Image.fromarray(TILES[1])]
        ),
        TILES[0],
    ),
    "first of the pictures of a camera's JPEG": (
        lambda: saved(
            Image.new("RGB", (64, 64), (50, 50, 50)),
            "MPO",
            save_all=True,
            append_images=[Image.new("RGB", (64, 64))],
        ),
        rgb(50, 50, 50),
    ),
}


@pytest.mark.parametrize("kind", READ)
def test_kinds_of_pictures_that_are_read(kind):
    make, expected = READ[kind]
    np.testing.assert_array_equal(read_tile(make())[0], expected)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_every_way_of_holding_the_camera(orientation, kind):
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = Image.fromarray(TILES[0]).resize((90, 70))
    upright = ImageOps.exif_transpose(Image.open(saved(stored, kind, exif=exif)))
    expected = read_tile(saved(upright.convert("RGB"), "PNG"))
    read = read_tile(saved(stored, kind, exif=exif))
    assert abs(read.astype(int) - expected).max() <= 1


def test_a_photograph_of_many_pixels_is_read_as_it_is_seen():
    """It is made smaller while it is decoded."""
    small = Image.fromarray(TILES[0])
    large = small.resize((4200, 4100), Image.Resampling.BICUBIC)
    read = read_tile(saved(large, "JPEG", quality=95)).astype(int)
    assert abs(read - read_tile(saved(large.resize((420, 410))))).mean() < 2


def test_a_file_is_read_from_its_start_whatever_it_can_do():
    content = file_of(TILES[0]).getvalue()

    class Stream(io.RawIOBase):
        """Gives a little at a time, and cannot be wound back."""

        def __init__(self):
            self.file = io.BytesIO(content)

        def readable(self):
            return True

        def readinto(self, buffer):
            return self.file.readinto(memoryview(buffer)[:100])

    at_its_end = io.BytesIO(content)
    at_its_end.read()
    for file in (at_its_end, Stream(), io.BufferedReader(Stream())):
        np.testing.assert_array_equal(read_tile(file)[0], TILES[0])


# Kinds that are refused


TRANSPARENT = {
    "RGBA": lambda: with_alpha(254),
    "one pixel of RGBA": lambda: saved(
        with_one_pixel(Image.new("RGBA", (64, 64), (1, 2, 3, 255)), (1, 2, 3, 0))
    ),
    "grey with alpha": lambda: saved(with_one_pixel(Image.new("LA", (64, 64), (1, 255)), (1, 100))),
    "a colour": lambda: saved(
        with_one_pixel(Image.new("RGB", (64, 64)), (9, 8, 7)), transparency=(9, 8, 7)
    ),
    "a grey": lambda: saved(with_one_pixel(Image.new("L", (64, 64)), 9), transparency=9),
    "a grey of 4 bits": lambda: png([b"\x33" * 32] * 64, 4, 0, (b"tRNS", b"\0\x03")),
    "a grey of 2 bits": lambda: png([b"\xaa" * 16] * 64, 2, 0, (b"tRNS", b"\0\x02")),
    "white of 1 bit": lambda: png([ROW_OF_TWO] * 64, 1, 0, (b"tRNS", b"\0\x01")),
    "black of 1 bit": lambda: png([ROW_OF_TWO] * 64, 1, 0, (b"tRNS", b"\0\x00")),
    "an entry of the palette": lambda: png(
        [bytes(64)] * 64, 8, 3, (b"PLTE", bytes(6)), (b"tRNS", b"\x00")
    ),
    "a half transparent entry": lambda: png(
        [b"\1" * 64] * 64, 8, 3, (b"PLTE", bytes(6)), (b"tRNS", b"\xff\x80")
    ),
    "pixels outside the middle square": lambda: saved(
        with_one_pixel(Image.new("RGBA", (64, 192), (1, 2, 3, 255)), (0, 0, 0, 0))
    ),
}


@pytest.mark.parametrize("kind", TRANSPARENT)
def test_transparent_pixels_are_refused(kind):
    with pytest.raises(ValueError, match="must be opaque, got transparent pixels: save it on a"):
        read_tile(TRANSPARENT[kind]())


DEEP = {
    "grey": lambda: file_of(np.zeros((64, 64), np.uint16)),
    "grey with alpha": lambda: png([bytes(256)] * 64, 16, 4),
    "RGB": lambda: png([bytes(384)] * 64, 16, 2),
    "RGBA": lambda: png([bytes(512)] * 64, 16, 6),
}


@pytest.mark.parametrize("kind", DEEP)
def test_more_than_eight_bits_are_refused(kind):
    with pytest.raises(ValueError, match="must have 8 bits per channel, got 16: save it with 8"):
        read_tile(DEEP[kind]())


def test_the_inks_of_print_are_refused():
    with pytest.raises(ValueError, match="must be RGB or grey, got CMYK: save it as RGB"):
        read_tile(saved(Image.new("CMYK", (64, 64)), "JPEG"))


@pytest.mark.parametrize("size", [(1, 21), (2100, 100)])
def test_strips_are_refused(size):
    with pytest.raises(ValueError, match=rf"20 times the other, got {size[0]} x {size[1]}: cut"):
        read_tile(saved(Image.new("RGB", size)))


def truncated():
    return io.BytesIO(file_of(TILES[0]).read()[:-200])


def damaged():
    content = bytearray(file_of(TILES[0]).read())
    content[40:60] = bytes(20)
    return io.BytesIO(bytes(content))


NO_PICTURES = {
    "empty": lambda: io.BytesIO(b""),
    "text": lambda: io.BytesIO(b"not a picture at all"),
    "another format": lambda: file_of(TILES[0], "GIF"),
    "PostScript": lambda: file_of(TILES[0], "EPS"),
    "a TIFF": lambda: file_of(TILES[0], "TIFF"),
    "truncated": truncated,
    "truncated JPEG": lambda: io.BytesIO(file_of(TILES[0], "JPEG").read()[:-500]),
    "damaged": damaged,
    "a JPEG's first bytes": lambda: io.BytesIO(b"\xff\xd8\xff"),
    "a JPEG cut at its picture's size": lambda: io.BytesIO(b"\xff\xd8\xff\xc0\0\x11"),
    "a JPEG cut at its first scan": lambda: io.BytesIO(b"\xff\xd8\xff\xda\0"),
    "a PNG's first bytes": lambda: io.BytesIO(b"\x89PNG\r\n\x1a\n"),
}


@pytest.mark.parametrize("kind", NO_PICTURES)
def test_what_is_no_picture_is_refused(kind):
    with pytest.raises(ValueError, match="the picture must be an undamaged PNG or JPEG") as refused:
        read_tile(NO_PICTURES[kind]())
    # In words for whoever uploaded it.
    assert "object at 0x" not in str(refused.value)


def test_a_picture_beyond_what_pillow_opens_is_refused_in_our_words():
    header = struct.pack(">IIBBBBB", 20_000, 20_000, 8, 2, 0, 0, 0)
    parts = [(b"IHDR", header), (b"IDAT", zlib.compress(b"")), (b"IEND", b"")]
    chunks = [
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in parts
    ]
    with pytest.raises(ValueError, match="^the picture must have at most 40,000,000 pixels$"):
        read_tile(io.BytesIO(b"\x89PNG\r\n\x1a\n" + b"".join(chunks)))


def assert_a_value_error_or_a_picture(kind, cases):
    exif = Image.Exif()
    exif[0x0112] = 6
    options = {"progressive": True} if "progressive" in kind else {}
    whole = saved(Image.fromarray(TILES[0]), kind.split()[-1], exif=exif, **options).getvalue()
    random = np.random.default_rng(0)
    refused = 0
    for _ in range(cases):
        content = bytearray(whole)
        for at in random.integers(len(content) if random.random() < 0.3 else 300, size=3):
            content[at] = random.integers(256)
        try:
            assert read_tile(io.BytesIO(bytes(content))).shape == (1, 64, 64, 3)
        except ValueError as problem:
            refused += 1
            assert "picture" in str(problem)
    assert refused > cases / 6


KINDS = ("PNG", "JPEG", "progressive JPEG")


@pytest.mark.parametrize("kind", KINDS)
def test_damage_anywhere(kind, recwarn):
    assert_a_value_error_or_a_picture(kind, 300)
    # Of the thousand things that Pillow finds to warn of.
    assert not recwarn.list


@pytest.mark.faults
@pytest.mark.parametrize("kind", KINDS)
def test_damage_anywhere_in_very_many_pictures(kind):
    assert_a_value_error_or_a_picture(kind, 20_000)


# What is no file


@pytest.mark.parametrize("file", [None, 3, b"tile.png", TILES[0], io.StringIO("text"), ["a"]])
def test_what_is_neither_a_path_nor_a_binary_file(file):
    with pytest.raises(TypeError, match="^file must be"):
        read_tile(file)


@pytest.mark.parametrize("path", ["", "a\0b"])
def test_what_cannot_be_a_path(path):
    with pytest.raises(ValueError, match="^file must be a path"):
        read_tile(path)


def test_a_path_may_begin_with_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    (tmp_path / "tile.png").write_bytes(file_of(TILES[0]).read())
    np.testing.assert_array_equal(read_tile("~/tile.png")[0], TILES[0])


def test_a_missing_file_is_called_missing(tmp_path):
    with pytest.raises(FileNotFoundError, match="none.png"):
        read_tile(tmp_path / "none.png")


@pytest.mark.parametrize("kind", KINDS_OF_NO_FILE)
def test_what_is_no_file_is_refused_and_does_not_hang(kind, tmp_path):
    with pytest.raises(ValueError, match="^file (must be a picture|.* cannot be read: )"):
        read_tile(KINDS_OF_NO_FILE[kind](tmp_path))


def test_a_file_that_may_not_be_read_is_named(tmp_path, monkeypatch):
    path = tmp_path / "tile.png"
    path.write_bytes(b"")
    forbid(monkeypatch, path)
    with pytest.raises(ValueError, match=r"^file '.*tile.png' cannot be read: Permission denied"):
        read_tile(path)
