"""The original's masks: what lies under random lines is known. Taught in notebook 02."""

from functools import lru_cache

import numpy as np

from eurosat_inpaint._checks import require_coverage, require_integer, require_mask_settings
from eurosat_inpaint.masks.painting import join_random_shapes, unpacked

# A packed table of all lines of one size takes size**4 / 8 bytes: 2 MB at 64, 33 MB at 128.
_LARGEST_TABLE_SIZE = 128
# Lines are drawn in blocks of at most so many pixels, each a byte for a moment.
_LINE_PIXELS_AT_ONCE = 2**24


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
            below 2), or for a ``coverage`` outside its range.

    Example:
        >>> masks = line_masks(2, seed=0)
        >>> masks.shape, round(float(masks.mean()), 3)
        ((2, 64, 64, 1), 0.382)
    """
    require_mask_settings(n, size, seed)
    require_integer("lines", lines, 1)
    require_integer("thickness", thickness, 1)
    require_coverage(coverage, by_shapes=True)
    columns = size if include_last_column else size - 1
    if coverage is not None:

        def shapes(uniforms):
            return _packed_lines((uniforms * columns).astype(int), size, thickness)

        joined = join_random_shapes(shapes, 2, n, size, count=lines, fraction=coverage, seed=seed)
        return unpacked(joined, size)
    ends = np.random.default_rng(seed).integers(0, columns, size=(n, lines, 2))
    masks = np.empty((n, size, size, 1), np.float32)
    block = max(1, _LINE_PIXELS_AT_ONCE // (lines * size**2))
    for start in range(0, n, block):
        drawn = _packed_lines(ends[start : start + block], size, thickness)
        packed = np.bitwise_or.reduce(drawn, axis=1)
        masks[start : start + block, ..., 0] = np.unpackbits(packed, axis=-1, count=size)
    return masks


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
        uint8 array of shape (*tops.shape, size, ceil(size / 8)), to be read by ``np.unpackbits``.
    """
    tops, bottoms = (np.asarray(ends, float)[..., None] for ends in (tops, bottoms))
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
    columns = np.arange(size)
    # Of two pixels that are equally near, OpenCV takes the left one.
    kept = (columns >= left[..., None]) & (columns < right[..., None])
    return np.packbits(kept, axis=-1)


def _packed_lines(ends: np.ndarray, size: int, thickness: int) -> np.ndarray:
    tops, bottoms = ends[..., 0], ends[..., 1]
    if size <= _LARGEST_TABLE_SIZE:
        return _packed_table(size, thickness)[tops, bottoms]
    return packed_lines(tops, bottoms, size=size, thickness=thickness)


@lru_cache(maxsize=4)
def _packed_table(size: int, thickness: int) -> np.ndarray:
    tops = np.arange(size)
    return np.stack(
        [packed_lines(np.full(size, t), tops, size=size, thickness=thickness) for t in tops]
    )
