"""Mask families made of shapes laid over each other: lines, boxes, strokes, columns.

They are used as ``masks.box_masks`` and so on, or by name through ``masks.make``. All raise a
ValueError, too, for a coverage that shapes of the size given cannot reach.
"""

import numpy as np

from eurosat_inpaint._checks import (
    LARGEST_LENGTH,
    as_coverage,
    as_integer,
    as_mask_settings,
    as_number,
    as_range,
)
from eurosat_inpaint.masks.painting import (
    MOST_SHAPES,
    integers_from,
    join_random_shapes,
    packed_intervals,
    unpacked,
)

# Directions are vectors of integers of about this length: rounded, they are the same on machines
# whose cosines differ in the last bit.
_UNIT = 4096
# Strokes: pieces of each, their shortest and longest length, the sharpest turn between two.
_PIECES = 8
_PIECE_LENGTHS = (4, 12)
_SHARPEST_TURN = np.pi / 2
# Ends of a stroke's pieces lie on a grid of this many points to a pixel.
_POINTS = 16


def free_line_masks(
    n: int,
    size: int = 64,
    *,
    lines: int = 9,
    thickness: int = 3,
    angles: tuple[float, float] = (0, 180),
    coverage: float | None = None,
    seed: int = 0,
) -> np.ndarray:
    """Draw lines of any orientation across the tile: what lies under them is known.

    Like the original's lines, but free to run in every direction and with true widths. Angle and
    distance from the tile's middle are uniform; the middle of each line crosses the tile.

    Args:
        n: number of masks.
        size: side of the tile, in pixels.
        lines: number of lines in each mask; not used where ``coverage`` is given.
        thickness: width across the line, in pixels.
        angles: lowest and highest angle, in degrees from -180 to 180: 0 runs along a row, 45 from
            bottom left to top right, 90 along a column. Equal ends give parallel lines.
        coverage: fraction known, 0.05 to 0.95. Lines are added until it is as near as it gets with
            whole lines; a mask has one at least.
        seed: the first k masks of a seed are the same for every n.

    Returns:
        float32 array of shape (n, size, size, 1): 1 = known, 0 = hole.

    Raises:
        ValueError: for a number outside its range; it names the argument.
        MemoryError: if so many masks do not fit into memory.
    """
    n, size, seed = as_mask_settings(n, size, seed)
    lines = as_integer("lines", lines, 1, MOST_SHAPES)
    thickness = as_integer("thickness", thickness, 1, LARGEST_LENGTH)
    lowest, highest = as_range("angles", angles, as_number, -180, 180)
    coverage = as_coverage(coverage, by_shapes=True)

    def shapes(uniforms):
        radians = np.deg2rad(lowest + uniforms[..., 0] * (highest - lowest))
        # Across the line, in (column, row); rows are counted downwards.
        across = np.stack([np.sin(radians), np.cos(radians)])
        across = np.floor(across * _UNIT + 0.5).astype(np.int64)
        return _packed_strips(*across, uniforms[..., 1], thickness, size)

    joined = join_random_shapes(shapes, 2, n, size, count=lines, fraction=coverage, seed=seed)
    return unpacked(joined, size)


def box_masks(
    n: int,
    size: int = 64,
    *,
    boxes: int = 4,
    sides: tuple[int, int] = (8, 24),
    coverage: float | None = None,
    seed: int = 0,
) -> np.ndarray:
    """Cut boxes out of the tile, the plainest holes of the inpainting literature.

    Height and width of each are uniform and independent. Boxes may overlap and reach over the
    border, where they are cut off, so that every pixel is equally likely to be lost.

    Args:
        n: number of masks.
        size: side of the tile, in pixels.
        boxes: number of boxes in each mask; not used where ``coverage`` is given.
        sides: shortest and longest side, in pixels. Boxes much larger than the tile may leave
            nothing known, unless a ``coverage`` is asked for.
        coverage: fraction known, 0.05 to 0.95. Boxes are added until it is as near as it gets with
            whole boxes; a mask has one at least, and always a known pixel.
        seed: the first k masks of a seed are the same for every n.

    Returns:
        float32 array of shape (n, size, size, 1): 1 = known, 0 = hole.

    Raises:
        ValueError: for a number outside its range; it names the argument.
        MemoryError: if so many masks do not fit into memory.
    """
    n, size, seed = as_mask_settings(n, size, seed)
    boxes = as_integer("boxes", boxes, 1, MOST_SHAPES)
    sides = as_range("sides", sides, as_integer, 1, LARGEST_LENGTH)
    coverage = as_coverage(coverage, by_shapes=True)

    def shapes(uniforms):
        heights, widths = (integers_from(uniforms[..., i], *sides) for i in (0, 1))
        tops = integers_from(uniforms[..., 2], 1 - heights, size - 1)
        lefts = integers_from(uniforms[..., 3], 1 - widths, size - 1)
        below = np.arange(size) - tops[..., None]
        inside = (below >= 0) & (below < heights[..., None])
        columns = packed_intervals(lefts, lefts + widths - 1, size)
        return columns[..., None, :] * inside[..., None]

    joined = join_random_shapes(
        shapes, 4, n, size, count=boxes, fraction=_holes(coverage), seed=seed
    )
    return unpacked(~joined, size)


def brush_stroke_masks(
    n: int,
    size: int = 64,
    *,
    strokes: int = 4,
    widths: tuple[int, int] = (4, 10),
    coverage: float | None = None,
    seed: int = 0,
) -> np.ndarray:
    """Paint holes with free-form brush strokes, as a person would who rubs something out.

    The idea is that of Yu et al., "Free-form image inpainting with gated convolution" (ICCV 2019).
    Here a stroke is eight straight pieces of 4 to 12 pixels with round ends; between pieces it
    turns by up to 90 degrees to either side, and the border of the tile throws it back.

    Args:
        n: number of masks.
        size: side of the tile, in pixels.
        strokes: number of strokes in each mask; not used where ``coverage`` is given.
        widths: narrowest and widest brush, in pixels; one width for each stroke.
        coverage: fraction known, 0.05 to 0.95. Strokes are added, and the last one ends early,
            where it is as near as it gets with whole pieces; a mask has one piece at least, and
            always a known pixel.
        seed: the first k masks of a seed are the same for every n.

    Returns:
        float32 array of shape (n, size, size, 1): 1 = known, 0 = hole.

    Raises:
        ValueError: for a number outside its range; it names the argument.
        MemoryError: if so many masks do not fit into memory.
    """
    n, size, seed = as_mask_settings(n, size, seed)
    strokes = as_integer("strokes", strokes, 1, MOST_SHAPES)
    widths = as_range("widths", widths, as_integer, 1, LARGEST_LENGTH)
    coverage = as_coverage(coverage, by_shapes=True)

    def shapes(uniforms):
        columns, rows = _stroke_points(uniforms, size)
        reach = integers_from(uniforms[..., 3], *widths)[..., None, None] / 2
        pieces = _packed_pieces(columns, rows, reach, size)
        return pieces.reshape(len(pieces), -1, *pieces.shape[3:])

    numbers = 4 + 2 * _PIECES
    joined = join_random_shapes(
        shapes, numbers, n, size, count=strokes, fraction=_holes(coverage), seed=seed
    )
    return unpacked(~joined, size)


def dead_column_masks(
    n: int,
    size: int = 64,
    *,
    groups: int = 6,
    widest: int = 3,
    coverage: float | None = None,
    seed: int = 0,
) -> np.ndarray:
    """Lose whole columns, as a push-broom sensor does whose detectors have died.

    A push-broom sensor has one detector for each column of the picture and moves along the
    columns, so a dead detector loses a column from top to bottom. Neighbours often die together.

    Args:
        n: number of masks.
        size: side of the tile, in pixels.
        groups: number of groups of dead columns, which may overlap; not used where ``coverage`` is
            given.
        widest: most columns in a group; from 1 to ``widest`` are equally likely.
        coverage: fraction known, 0.05 to 0.95. Groups are added until it is as near as it gets
            with whole groups; one column at least is dead, and one alive.
        seed: the first k masks of a seed are the same for every n.

    Returns:
        float32 array of shape (n, size, size, 1): 1 = known, 0 = hole.

    Raises:
        ValueError: for a number outside its range; it names the argument.
        MemoryError: if so many masks do not fit into memory.
    """
    n, size, seed = as_mask_settings(n, size, seed)
    groups = as_integer("groups", groups, 1, MOST_SHAPES)
    widest = as_integer("widest", widest, 1, LARGEST_LENGTH)
    coverage = as_coverage(coverage, by_shapes=True)

    def shapes(uniforms):
        widths = integers_from(uniforms[..., 0], 1, widest)
        lefts = integers_from(uniforms[..., 1], 1 - widths, size - 1)
        return packed_intervals(lefts, lefts + widths - 1, size)[..., None, :]

    dead = join_random_shapes(
        shapes, 2, n, size, count=groups, fraction=_holes(coverage), seed=seed
    )
    return np.repeat(unpacked(~dead, size), size, axis=1)


def _holes(coverage: float | None) -> float | None:
    return None if coverage is None else 1 - coverage


def _packed_strips(column_part, row_part, places, thickness: int, size: int) -> np.ndarray:
    """Straight strips across the tile as packed bits, in whole numbers throughout.

    Distances are in half pixels times ``_UNIT``, so that the middle of the tile is at 0.

    Args:
        column_part: of the vector of length ``_UNIT`` across the strip, integer array (m, k).
        row_part: of the same vector, rows counted downwards.
        places: where the strip's middle lies across the tile, from 0 to 1.
        thickness: width of the strip, in pixels.
        size: side of the tile, in pixels.

    Returns:
        uint8 array of shape (m, k, size, bytes).
    """
    farthest = (np.abs(column_part) + np.abs(row_part)) * (size - 1)
    middles = integers_from(places, -farthest, farthest)
    leans_left = column_part < 0
    column_part, row_part, middles = (
        np.where(leans_left, -part, part)[..., None] for part in (column_part, row_part, middles)
    )
    # Known are columns x with low <= column_part * (2 * x - (size - 1)) < high.
    low = middles - thickness * _UNIT - row_part * (2 * np.arange(size) - (size - 1))
    high = low + 2 * thickness * _UNIT
    along_row, divisor = column_part == 0, np.maximum(2 * column_part, 1)
    first, after = (-(-(end + column_part * (size - 1)) // divisor) for end in (low, high))
    whole_row = (low <= 0) & (high > 0)
    first = np.where(along_row, 0, first)
    after = np.where(along_row, np.where(whole_row, size, 0), after)
    return packed_intervals(first, after - 1, size)


def _stroke_points(uniforms: np.ndarray, size: int):
    """Columns and rows of the points that strokes run through, in pixels: (m, k, pieces + 1)."""
    start, turns, lengths = np.split(uniforms, [4, 4 + _PIECES], axis=-1)
    turns = _SHARPEST_TURN * (2 * turns - 1)
    directions = 2 * np.pi * start[..., 2:3] + np.cumsum(turns, axis=-1)
    shortest, longest = _PIECE_LENGTHS
    lengths = _POINTS * (shortest + lengths * (longest - shortest))
    last = _POINTS * (size - 1)
    points = []
    for along, first in (
        (np.cos(directions), start[..., :1]),
        (np.sin(directions), start[..., 1:2]),
    ):
        steps = np.floor(lengths * along + 0.5).astype(np.int64)
        path = np.cumsum(np.concatenate([integers_from(first, 0, last), steps], axis=-1), axis=-1)
        # A triangle wave: the border throws the stroke back.
        points.append(last - np.abs(path % (2 * last) - last))
    columns, rows = points
    # Odd and even in turn, no two points follow each other in one row, and slopes are finite.
    rows = rows - rows % 2 + np.arange(_PIECES + 1) % 2
    return columns / _POINTS, rows / _POINTS


def _packed_pieces(columns, rows, reach, size: int) -> np.ndarray:
    """Pixels within ``reach`` of the straight pieces between points, as packed bits.

    A disc that moves along a piece covers one interval of each row. The interval ends where the
    row crosses the straight side of the piece, or else on the disc that comes nearest to there.
    Only square roots and quotients are used, which every machine rounds alike.

    Args:
        columns: of the points, float array (m, k, pieces + 1).
        rows: of the points, same shape; no two neighbours are equal.
        reach: half the width, broadcastable to (m, k, pieces, size).
        size: side of the tile, in pixels.

    Returns:
        uint8 array of shape (m, k, pieces, size, bytes).
    """
    x, y = columns[..., :-1, None], rows[..., :-1, None]
    across, down = np.diff(columns)[..., None], np.diff(rows)[..., None]
    below = np.arange(size) - y
    # The part of the piece, from 0 to 1, at which the disc reaches into the row.
    ends = (below - reach) / down, (below + reach) / down
    begin, end = np.maximum(np.minimum(*ends), 0), np.minimum(np.maximum(*ends), 1)
    aside = reach * across * np.sign(down) / np.sqrt(across**2 + down**2)

    def edge(sign):
        at = np.clip((below + sign * aside) / down, begin, np.maximum(begin, end))
        half = np.sqrt(np.maximum(reach**2 - (below - at * down) ** 2, 0))
        return x + at * across + sign * half

    first, last = np.ceil(edge(-1)).astype(np.int64), np.floor(edge(1)).astype(np.int64)
    return packed_intervals(first, np.where(begin <= end, last, first - 1), size)
