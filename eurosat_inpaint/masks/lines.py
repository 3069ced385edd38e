"""The original's masks: what lies under random lines is known. Taught in notebook 02."""

from functools import lru_cache

import numpy as np

from eurosat_inpaint._checks import (
    LARGEST_LENGTH,
    as_coverage,
    as_integer,
    as_integer_array,
    as_mask_settings,
    require_memory,
    require_shape,
)
from eurosat_inpaint.masks.painting import (
    MOST_SHAPES,
    join_random_shapes,
    join_shapes,
    packed_intervals,
    unpacked,
)

# A packed table of all lines of one size takes size**4 / 8 bytes: 2 MB at 64, 33 MB at 128.
_LARGEST_TABLE_SIZE = 128


def line_masks(
    n: int,
    size: int = 64,
    *,
    lines: int = 9,
    thickness: int = 2,
    seed: int = 0,
    include_last_column: bool = False,
    coverage: float | None = None,
) -> np.ndarray:
    """Draw the masks of the original procedure: what lies under random lines is known.

    Each line runs from a uniformly drawn column of the top row to one of the bottom row. The
    pixels it covers are those that OpenCV's ``line`` paints between the same end points
    (intersection over union 0.98 and equal area at thickness 2; identical at thickness 1).

    Args:
        n: number of masks.
        size: side of the tile, in pixels.
        lines: number of lines in each mask; not used where ``coverage`` is given.
        thickness: OpenCV's thickness parameter. Despite its name it is not a width in pixels:
            2 paints three pixels of each row, 3 and 4 paint five, 5 and 6 seven.
        seed: the first k masks of a seed are the same for every n.
        include_last_column: let end points fall on the last column too; the original, whose
            upper bound was exclusive by one too many, never drew it.
        coverage: fraction known, 0.05 to 0.95. Lines are added until it is as near as it gets with
            whole lines; a mask has one at least.

    Returns:
        float32 array of shape (n, size, size, 1): 1 = known, 0 = hole.

    Raises:
        ValueError: for a number that is not a positive integer (a negative ``seed``; a ``size``
            below 2), or for a ``coverage`` outside its range or that such lines cannot reach.
        MemoryError: if so many masks do not fit into memory.

    Example:
        >>> masks = line_masks(2, seed=0)
        >>> masks.shape, round(float(masks.mean()), 3)
        ((2, 64, 64, 1), 0.382)
    """
    n, size, seed = as_mask_settings(n, size, seed)
    lines = as_integer("lines", lines, 1, MOST_SHAPES)
    thickness = as_integer("thickness", thickness, 1, LARGEST_LENGTH)
    coverage = as_coverage(coverage, by_shapes=True)
    columns = size if include_last_column else size - 1
    if coverage is not None:

        def shapes(uniforms):
            return _packed_lines((uniforms * columns).astype(int), size, thickness)

        joined = join_random_shapes(shapes, 2, n, size, count=lines, fraction=coverage, seed=seed)
        return unpacked(joined, size)
    generator = np.random.default_rng(seed)

    def draw(masks, lines):
        ends = generator.integers(0, columns, size=(masks, lines, 2))
        return _packed_lines(ends, size, thickness)

    return unpacked(join_shapes(draw, n, size, count=lines), size)


def packed_lines(tops: np.ndarray, bottoms: np.ndarray, *, size: int, thickness: int) -> np.ndarray:
    """Rasterise lines from the top to the bottom row, eight pixels to a byte.

    OpenCV draws a thick line as a polygon whose corners lie ``reach`` pixels to either side, and
    rounds their rows. On the edge whose corner was cut off by the top or bottom of the picture
    the exact row is used instead, which is why one edge of a slanted line is not parallel to it.

    Args:
        tops: columns on the top row, integer array of any shape.
        bottoms: columns on the bottom row, same shape.
        size: side of the tile, in pixels.
        thickness: OpenCV's thickness parameter.

    Returns:
        uint8 array of shape ``(*tops.shape, size, ceil(size / 8))``, to be read by
        ``np.unpackbits``.

    Raises:
        TypeError: if the columns are no integers.
        ValueError: if there are not as many of them below as above, or for a ``size`` below 2 or a
            ``thickness`` below 1.
        MemoryError: if so many lines do not fit into memory.
    """
    tops, bottoms = as_integer_array("tops", tops), as_integer_array("bottoms", bottoms)
    require_shape("bottoms", bottoms, *tops.shape)
    size = as_integer("size", size, 2, LARGEST_LENGTH)
    thickness = as_integer("thickness", thickness, 1, LARGEST_LENGTH)
    # Two bits for each pixel; for each row some tens of numbers, for a moment.
    required = tops.size * size * (size // 4 + 200)
    require_memory(f"{tops.size:,} lines on {size:,} x {size:,} pixels", required)
    return _rasterised(tops, bottoms, size, thickness)


def _rasterised(tops, bottoms, size: int, thickness: int) -> np.ndarray:
    tops, bottoms = (ends.astype(float)[..., None] for ends in (tops, bottoms))
    last = size - 1
    down = np.arange(size) / last
    centre = tops + (bottoms - tops) * np.arange(size) / last
    slope = np.abs(bottoms - tops) / last
    length = np.sqrt(1 + slope**2)
    reach = 0 if thickness == 1 else (thickness + thickness % 2) / 2
    exact, rounded = reach * slope / length, np.floor(reach * slope / length + 0.5)
    ahead = np.maximum(rounded, exact * (1 - down) + rounded * down)
    behind = np.maximum(rounded, exact * down + rounded * (1 - down))
    leans_right = bottoms >= tops
    left = centre - reach / length - slope * np.where(leans_right, behind, ahead) - 0.5
    right = centre + reach / length + slope * np.where(leans_right, ahead, behind) + 0.5
    # Of two pixels that are equally near, OpenCV takes the left one.
    first, after = (np.ceil(side).astype(np.int64) for side in (left, right))
    return packed_intervals(first, after - 1, size)


def _packed_lines(ends: np.ndarray, size: int, thickness: int) -> np.ndarray:
    tops, bottoms = ends[..., 0], ends[..., 1]
    if size <= _LARGEST_TABLE_SIZE:
        return _packed_table(size, thickness)[tops, bottoms]
    return _rasterised(tops, bottoms, size, thickness)


@lru_cache(maxsize=4)
def _packed_table(size: int, thickness: int) -> np.ndarray:
    tops = np.arange(size)
    return np.stack([_rasterised(np.full(size, top), tops, size, thickness) for top in tops])
