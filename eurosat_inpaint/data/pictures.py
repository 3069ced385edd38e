"""Pictures of one's own, read as tiles. ``data`` is the front door; used in notebook 02.

A picture may be a stranger's upload, so it is looked at before it is decoded: whether it is one of
the kinds that can be meant, and whether it stays below 500 MB of memory.
"""

import io
import os
import re
import stat
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

import numpy as np

from eurosat_inpaint._checks import as_path
from eurosat_inpaint.data.cache import reason_of
from eurosat_inpaint.data.synthetic import SIZE

_MOST_BYTES = 64 * 2**20
# Decoded, a pixel takes 4 bytes, and as many again while it is converted.
_MOST_PIXELS = 40_000_000
# Of a JPEG that is stored row after row, which is made smaller while it is decoded.
_MOST_PIXELS_BY_ROWS = 120_000_000
_WHOLE_PIXELS = 16_000_000
_LEAST_SIDE_WHEN_REDUCED = 8 * SIZE
_WIDEST = 20
# Each scan goes over all of the picture again; encoders write 10, or a few more.
_MOST_SCANS = 50
# Segments of a JPEG or chunks of a PNG: a few dozen, but for a PNG cut into very small ones.
_MOST_PARTS = 50_000
_MOST_EXIF_BYTES = 2**16

_JPEG_MARKER = re.compile(rb"\xff+([\x01-\xfe])")
_WITHOUT_CONTENT = {0x01, 0xD8, *range(0xD0, 0xD8)}
_EXIF, _END, _SCAN, _SEQUENTIAL = 0xE1, 0xD9, 0xDA, (0xC0, 0xC1)


def read_tile(file: str | os.PathLike | BinaryIO) -> np.ndarray:
    """Read a picture of any size as a tile: its middle square, resized to 64 x 64 pixels.

    Grey, black and white, and pictures with a palette become RGB, exactly. A photograph is turned
    upright as its EXIF says. Of several pictures in one file, as in an animated PNG, the first is
    read. Colour profiles are ignored.

    Args:
        file: path of a PNG or JPEG, or a file object opened in binary mode, read from its start.

    Returns:
        uint8 array of shape (1, 64, 64, 3), RGB. A picture of 64 x 64 pixels comes out unchanged.

    Raises:
        TypeError: if ``file`` is neither a path nor a binary file.
        FileNotFoundError: if there is no such file.
        ValueError: if it is neither a PNG nor a JPEG, or is damaged; if it has more than 8 bits per
            channel, a pixel that is not opaque, or the inks of print (CMYK, YCCK) instead of RGB;
            if one side is more than 20 times the other; or if it is too large: more than 64 MiB, or
            40 million pixels, for a JPEG that is not progressive 120 million.

    Example:
        >>> import io
        >>> from PIL import Image
        >>> file = io.BytesIO()
        >>> Image.new("L", (300, 200), 77).save(file, "PNG")
        >>> read_tile(file).shape, read_tile(file)[0, 0, 0]
        ((1, 64, 64, 3), array([77, 77, 77], dtype=uint8))
    """
    from PIL import Image, ImageOps

    content = _content(file)
    by_rows = _look_through(content)
    with _damage_named():
        picture = Image.open(io.BytesIO(content), formats=("PNG", "JPEG"))
        # Such as "L;4" for grey of 4 bits; the mode says what becomes of it.
        stored = str(picture.tile[0][3])
    with picture:
        _require_fitting(picture, stored, _MOST_PIXELS_BY_ROWS if by_rows else _MOST_PIXELS)
        with _damage_named():
            if picture.width * picture.height > _WHOLE_PIXELS:
                picture.draft("RGB", (_LEAST_SIDE_WHEN_REDUCED, _LEAST_SIDE_WHEN_REDUCED))
            picture.load()
            opaque = _is_opaque(picture, stored)
            exif = picture.info.get("exif", picture.info.get("Raw profile type exif", b""))
        if not opaque:
            raise ValueError(
                "the picture must be opaque, got transparent pixels: save it on a background, or "
                "as a JPEG"
            )
        if len(exif) > _MOST_EXIF_BYTES:
            raise ValueError(f"the picture must have at most {_MOST_EXIF_BYTES:,} bytes of EXIF")
        with _damage_named():
            coloured = picture if picture.mode == "RGB" else picture.convert("RGB")
            fitted = ImageOps.fit(coloured, (SIZE, SIZE), Image.Resampling.LANCZOS)
            return np.asarray(ImageOps.exif_transpose(fitted))[None]


def _content(file) -> bytes:
    """All of a file, or an error if it is none, or too large."""
    if hasattr(file, "read"):
        return _read(file)
    path = as_path("file", file)
    try:
        # Whoever opens a pipe waits for somebody to write.
        if not stat.S_ISREG(path.stat().st_mode):
            raise ValueError(f"file must be a picture, got the folder or device {str(path)!r}")
        with open(path, "rb") as opened:
            return _read(opened)
    except FileNotFoundError:
        raise
    except OSError as problem:
        message = f"file {str(path)!r} cannot be read: {reason_of(problem)}"
        raise ValueError(message) from problem


def _read(file):
    parts, size = [], 0
    # What cannot be wound back is read from where it is.
    if hasattr(file, "seekable") and file.seekable():
        file.seek(0)
    # An unbuffered file gives less than it is asked for.
    while part := file.read(_MOST_BYTES + 1 - size):
        if not isinstance(part, (bytes, bytearray, memoryview)):
            raise TypeError(f"file must be opened in binary mode, got {type(part).__name__}")
        parts.append(part)
        if (size := size + len(part)) > _MOST_BYTES:
            raise ValueError(f"the picture must have at most {_MOST_BYTES:,} bytes, got more")
    return parts[0] if len(parts) == 1 else b"".join(parts)


@contextmanager
def _damage_named() -> Iterator[None]:
    """Whatever Pillow raises of a damaged picture, and that is much, as one ValueError.

    Of what it only warns of there may be thousands, and sizes are judged here.
    """
    from PIL import Image, UnidentifiedImageError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except Image.DecompressionBombError as problem:
        raise ValueError(f"the picture must have at most {_MOST_PIXELS:,} pixels") from problem
    except UnidentifiedImageError as problem:
        raise ValueError("the picture must be an undamaged PNG or JPEG, got neither") from problem
    except Exception as problem:
        raise ValueError(
            f"the picture must be an undamaged PNG or JPEG: {problem or type(problem).__name__}"
        ) from problem


def _require_fitting(picture, stored, most_pixels):
    """Raise a ValueError for a picture that should not be decoded, by its header."""
    width, height = picture.size
    if width * height > most_pixels:
        raise ValueError(
            f"the picture must have at most {most_pixels:,} pixels, got {width} x {height}: make "
            "it smaller, or save it as a JPEG that is not progressive"
        )
    if max(width, height) > _WIDEST * min(width, height):
        raise ValueError(
            f"no side of the picture may be more than {_WIDEST} times the other, got {width} x "
            f"{height}: cut it"
        )
    # Pillow reads some kinds of 16 bits by their higher 8.
    if picture.mode.startswith(("I", "F")) or "16" in stored:
        raise ValueError("the picture must have 8 bits per channel, got 16: save it with 8")
    if picture.mode == "CMYK":
        raise ValueError("the picture must be RGB or grey, got CMYK: save it as RGB")


def _is_opaque(picture, stored):
    """Whether no pixel is transparent, be it by an alpha channel, a colour or the palette."""
    if "A" in picture.getbands():
        return picture.getchannel("A").getextrema()[0] == 255
    transparent = picture.info.get("transparency")
    if transparent is None:
        return True
    if picture.mode == "RGB":
        return picture.convert("RGBA").getchannel("A").getextrema()[0] == 255
    if isinstance(transparent, bytes):
        values = [value for value, alpha in enumerate(transparent) if alpha < 255]
    elif picture.mode == "1":
        values = [255 if transparent else 0]
    else:
        # Of 2 and 4 bits it counts in these, and the pixels are in 8.
        values = [transparent * {"L;2": 85, "L;4": 17}.get(stored, 1)]
    counts = picture.histogram()
    return not any(counts[value & 255] for value in values)


def _look_through(content: bytes) -> bool:
    """Whether it is a JPEG stored row after row; a ValueError if decoding it may never end."""
    if content.startswith(b"\xff\xd8"):
        return _look_through_jpeg(content)
    at, parts = 8, 0
    while at < len(content):
        at += 12 + int.from_bytes(content[at : at + 4], "big")
        parts += 1
        _require_few("chunks", parts, _MOST_PARTS)
    return False


def _look_through_jpeg(content):
    at, kinds = 2, []
    components = scanned = 0
    while marker := _JPEG_MARKER.search(content, at):
        at, kind = marker.end(), marker[1][0]
        if kind in _WITHOUT_CONTENT:
            continue
        if kind == _END:
            break
        if kind == _EXIF and content[at + 2 : at + 8] != b"Exif\0\0":
            kind = 0
        if kind in _SEQUENTIAL:
            components = int.from_bytes(content[at + 7 : at + 8], "big")
        if kind == _SCAN:
            scanned = int.from_bytes(content[at + 2 : at + 3], "big")
        kinds.append(kind)
        _require_few("segments", len(kinds), _MOST_PARTS)
        at += int.from_bytes(content[at : at + 2], "big")
    _require_few("scans", kinds.count(_SCAN), _MOST_SCANS)
    _require_few("segments of EXIF", kinds.count(_EXIF), 1)
    # Else all of it is kept until the last scan.
    return kinds.count(_SCAN) == 1 and 0 < components == scanned


def _require_few(what, count, most):
    if count > most:
        raise ValueError(f"the picture must have at most {most:,} {what}, got more")
