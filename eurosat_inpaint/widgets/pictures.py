"""Tiles, error maps and histograms as PNGs, drawn fast enough to follow a slider.

NumPy and Pillow draw them; Matplotlib, which takes far longer, draws the figures of the series.
"""

import base64
import io
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

# Between the tiles of a grid, in pixels of the tile.
_GAP = 2
# Histogram: screen pixels per percent, height of the bars, room for the axis below and beside.
_PER_PERCENT = 5
_BARS = 120
_BELOW, _BESIDE = 22, 20
_BAR_PERCENT = 2
_BAR_COLOUR, _MARK_COLOUR = "#0072B2", "#D55E00"


def tile_png(image: np.ndarray) -> bytes:
    """A tile, mask or masked tile as PNG, of one pixel for each of its own.

    Args:
        image: uint8, or float in [0, 1]; shape (height, width, 3), or (height, width, 1) for grey.
    """
    return _png(Image.fromarray(_levels(image)), enlarged=1)


def error_colours(errors: np.ndarray, largest: float) -> np.ndarray:
    """Errors as colours: black for 0, over purple and orange to pale yellow.

    Args:
        errors: 0 or more, of any shape.
        largest: error that is shown in the last colour, as are all above it.

    Returns:
        uint8 RGB, of one axis more than the errors have.
    """
    import matplotlib

    from eurosat_inpaint.plots import ERROR_COLOURS

    return matplotlib.colormaps[ERROR_COLOURS](errors / largest, bytes=True)[..., :3]


def data_address(png: bytes) -> str:
    """An address that holds the picture itself."""
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"


def grid_png(rows: Sequence[Sequence[np.ndarray]], enlarged: int = 2) -> bytes:
    """Rows of tiles or masks on white as PNG, each pixel a square of ``enlarged`` pixels.

    Images are as of :func:`tile_png`, all of one size.
    """
    images = np.array([[_levels(image) for image in row] for row in rows])
    gaps = [(0, 0), (0, 0), (0, _GAP), (0, _GAP), (0, 0)]
    padded = np.pad(images, gaps, constant_values=255)
    rows, columns, height, width, channels = padded.shape
    whole = padded.transpose(0, 2, 1, 3, 4).reshape(rows * height, columns * width, channels)
    return _png(Image.fromarray(whole[:-_GAP, :-_GAP]), enlarged)


def histogram_png(coverages: np.ndarray, marked: float) -> bytes:
    """A histogram of coverages from 0 to 100 % as PNG, and a line at one of them.

    Args:
        coverages: fractions known, shape (n,).
        marked: the fraction at which the line stands.
    """
    counts, edges = np.histogram(100 * np.asarray(coverages), bins=np.arange(0, 101, _BAR_PERCENT))
    size = 100 * _PER_PERCENT + 2 * _BESIDE, _BARS + _BELOW
    picture = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(picture)
    for count, edge in zip(counts, edges, strict=False):
        if count:
            top = _BARS - round(count / counts.max() * (_BARS - 4))
            left, right = (_BESIDE + _PER_PERCENT * e for e in (edge, edge + _BAR_PERCENT))
            draw.rectangle((left, top, right - 1, _BARS - 1), fill=_BAR_COLOUR)
    draw.line((_BESIDE, _BARS, size[0] - _BESIDE, _BARS), fill="black")
    for percent in range(0, 101, 25):
        x = _BESIDE + _PER_PERCENT * percent
        draw.line((x, _BARS, x, _BARS + 4), fill="black")
        text = f"{percent} %"
        draw.text((x - draw.textlength(text) / 2, _BARS + 7), text, fill="black")
    x = _BESIDE + round(_PER_PERCENT * 100 * marked)
    draw.line((x, 0, x, _BARS), fill=_MARK_COLOUR, width=2)
    return _png(picture, enlarged=1)


def _levels(image):
    """An image as uint8 (height, width, 3)."""
    image = np.asarray(image)
    if image.dtype != np.uint8:
        image = np.rint(255 * image).astype(np.uint8)
    return np.broadcast_to(image, (*image.shape[:2], 3))


def _png(picture, enlarged):
    if enlarged > 1:
        size = tuple(enlarged * side for side in picture.size)
        picture = picture.resize(size, Image.Resampling.NEAREST)
    content = io.BytesIO()
    picture.save(content, "PNG", compress_level=1)
    return content.getvalue()
