"""What the mask families share: random shapes, joined as packed bits until a coverage is met."""

from collections.abc import Callable, Iterator
from functools import reduce
from typing import Any

import numpy as np

# Most shapes that may be asked for in each mask.
MOST_SHAPES = 100_000
# Masks are computed in blocks of at most so many pixels, each some tens of bytes for a moment.
_PIXELS_AT_ONCE = 2**19
# Shapes are drawn in blocks of at most so many pixels, each a few bytes for a moment, and of so
# many shapes, since small ones take more than their pixels.
_SHAPE_PIXELS_AT_ONCE = 2**22
_SHAPES_AT_ONCE = 2**14
# Shapes drawn at a time where a coverage is asked for.
_SHAPES_PER_TURN = 8
# The slowest wish that can be met, 95 % under the thinnest of the original's lines, takes a few
# hundred.
_MOST_TURNS = 1000
# Turns after which some shape must have left a pixel unpainted, and shapes that tell how large
# they are on average.
_TURNS_WITHOUT_ANY = 100
_SHAPES_TO_JUDGE_BY = 100
_BITS_SET = np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1).sum(axis=1)


def integers_from(uniforms: np.ndarray, lowest: int, highest: int) -> np.ndarray:
    """Integers from ``lowest`` to ``highest``, both included, from numbers in [0, 1)."""
    return lowest + (uniforms * (highest - lowest + 1)).astype(np.int64)


def packed_intervals(first: np.ndarray, last: np.ndarray, size: int) -> np.ndarray:
    """Rows of pixels set from column ``first`` to ``last``, both included, eight to a byte.

    Args:
        first: columns, integer array of any shape; may lie outside the row.
        last: columns, same shape; where it lies before ``first`` nothing is set.
        size: length of a row, in pixels.

    Returns:
        uint8 array of shape (*first.shape, ceil(size / 8)), to be read by ``np.unpackbits``.
    """
    columns = np.arange(size)
    before = np.packbits(columns < np.arange(size + 1)[:, None], axis=-1)
    return before[np.clip(last + 1, 0, size)] & ~before[np.clip(first, 0, size)]


def blocks(n: int, pixels: int) -> Iterator[slice]:
    """Slices of ``n`` masks, few at a time so that the work on their ``pixels`` fits in memory."""
    step = max(1, _PIXELS_AT_ONCE // pixels)
    return (slice(start, min(n, start + step)) for start in range(0, n, step))


def join_shapes(
    draw: Callable[[int, int], np.ndarray], n: int, size: int, *, count: int
) -> np.ndarray:
    """Join shapes, the same number of them in every mask.

    Args:
        draw: draws the next k shapes of each of the next m masks: packed bits, shape
            (m, k, rows, bytes), or more than k parts of them.
        n: number of masks.
        size: length of a row, in pixels.
        count: shapes in each mask.

    Returns:
        uint8 array of packed bits, shape (n, rows, bytes).
    """
    at_once = _shapes_at_once(size)
    step = max(1, at_once // count)
    return np.concatenate(
        [
            reduce(
                np.bitwise_or,
                (
                    np.bitwise_or.reduce(
                        draw(min(step, n - start), min(at_once, count - first)), axis=1
                    )
                    for first in range(0, count, at_once)
                ),
            )
            for start in range(0, n, step)
        ]
    )


def join_random_shapes(
    shapes: Callable[[np.ndarray], np.ndarray],
    numbers: int,
    n: int,
    size: int,
    *,
    count: int,
    fraction: float | None,
    seed: int,
) -> np.ndarray:
    """Join random shapes, mask by mask: a fixed number of them, or until a fraction is painted.

    With ``fraction`` a mask gets shape after shape until it has been reached. Then the last one is
    taken back if the mask was nearer to ``fraction`` without it, or if it left no pixel unpainted.
    Every mask keeps its first shape, unless it alone fills the tile.

    Args:
        shapes: turns random numbers in [0, 1), shape (m, k, ``numbers``), into k shapes for each
            of m masks: packed bits, shape (m, k, rows, bytes), or more than k parts of them.
        numbers: how many random numbers make one shape.
        n: number of masks.
        size: length of a row, in pixels.
        count: shapes in each mask, where ``fraction`` is None.
        fraction: of the pixels, to be painted; None for a fixed number of shapes.
        seed: the first k masks of a seed are the same for every n.

    Returns:
        uint8 array of packed bits, shape (n, rows, bytes).

    Raises:
        ValueError: if 8,000 shapes are not enough for ``fraction``.
    """
    if fraction is None:
        generator = np.random.default_rng(seed)
        return join_shapes(
            lambda m, k: shapes(generator.random((m, k, numbers))), n, size, count=count
        )
    step = max(1, _shapes_at_once(size) // _SHAPES_PER_TURN)
    # The first mask alone: where it cannot be finished, no time is spent on others.
    starts = [0, *range(1, n, step), n]
    parts = map(range, starts, starts[1:])
    return np.concatenate([_painted(shapes, numbers, part, size, fraction, seed) for part in parts])


def unpacked(packed: np.ndarray, size: int) -> np.ndarray:
    """Packed bits (n, rows, bytes) as a float32 mask of shape (n, rows, size, 1)."""
    n, rows, _ = packed.shape
    masks = np.empty((n, rows, size, 1), np.float32)
    for part in blocks(n, rows * size):
        masks[part, ..., 0] = np.unpackbits(packed[part], axis=-1, count=size)
    return masks


def _shapes_at_once(size):
    return min(_SHAPES_AT_ONCE, max(1, _SHAPE_PIXELS_AT_ONCE // size**2))


def _painted(shapes, numbers: int, part: range, size: int, fraction: float, seed: int):
    """Those masks of ``part``, each with so many shapes that ``fraction`` is painted."""
    masks: Any = None
    unfinished = np.arange(len(part))
    full_row = np.packbits(np.ones(size, bool))
    drawn = fitting = area = 0
    for turn in range(_MOST_TURNS):
        # A generator per turn: what a mask gets does not depend on how long the others take. It
        # steps over the numbers of the masks before.
        steps = part.start * _SHAPES_PER_TURN * numbers
        generator = np.random.Generator(np.random.PCG64([seed, turn]).advance(steps))
        uniforms = generator.random((len(part), _SHAPES_PER_TURN, numbers))
        added = shapes(uniforms[unfinished])
        everything = added.shape[2] * size
        # What fills the tile is not used.
        fits = (added != full_row).any(axis=(-2, -1))
        added = added * fits[..., None, None]
        if masks is None:
            masks = np.zeros((len(part), *added.shape[2:]), np.uint8)
        if fitting < _SHAPES_TO_JUDGE_BY:
            drawn, fitting = drawn + fits.size, fitting + fits.sum()
            area += _areas(added).sum()
        grown, areas = _grown(masks[unfinished], added, fraction * everything, everything)
        masks[unfinished] = grown
        ongoing = areas < fraction * everything
        unfinished, areas = unfinished[ongoing], areas[ongoing]
        if len(unfinished) == 0:
            return masks
        if fitting == 0 and turn >= _TURNS_WITHOUT_ANY:
            break
        if fitting >= _SHAPES_TO_JUDGE_BY:
            # On average k shapes that each paint the part p paint 1 - (1 - p)**k of a tile if they
            # come to lie everywhere alike, else less. They are taken to be twice as large.
            left = (_MOST_TURNS - turn) * added.shape[1]
            bare = (1 - areas.min() / everything) * max(
                0, 1 - 2 * area / drawn / everything
            ) ** left
            if bare > 1 - fraction:
                break
    raise ValueError("coverage must be one that shapes of this size can reach on such a tile")


def _grown(masks: np.ndarray, added: np.ndarray, wanted: float, everything: int):
    """Masks after shapes were added to them, and their areas with all of these shapes."""
    grown = masks | np.bitwise_or.reduce(added, axis=1)
    areas = _areas(grown)
    reached = areas >= wanted
    if reached.any():
        grown[reached] = _ended(masks[reached], added[reached], wanted, everything)
    return grown, areas


def _ended(masks: np.ndarray, added: np.ndarray, wanted: float, everything: int):
    """Masks with so many of the shapes that each comes as near as it gets to the area wanted."""
    steps = np.concatenate([masks[:, None], added], axis=1)
    np.bitwise_or.accumulate(steps, axis=1, out=steps)
    areas = _areas(steps)
    last = (areas >= wanted).argmax(axis=1)
    every = np.arange(len(masks))
    after, before = areas[every, last], areas[every, last - 1]
    nearer_before = after - wanted > wanted - before
    back = (before > 0) & (nearer_before | (after == everything))
    return steps[every, last - back]


def _areas(packed: np.ndarray) -> np.ndarray:
    return _BITS_SET[packed].sum(axis=(-2, -1), dtype=np.int64)
