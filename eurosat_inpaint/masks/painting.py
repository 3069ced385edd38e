"""What the mask families share: random shapes, joined as packed bits until a coverage is met."""

from collections.abc import Callable
from typing import Any

import numpy as np

# Shapes are drawn in blocks of at most so many pixels, each a few bytes for a moment.
_SHAPE_PIXELS_AT_ONCE = 2**22
# Shapes drawn at a time where a coverage is asked for.
_SHAPES_PER_TURN = 8
# The slowest wish that can be met, 95 % under the thinnest of the original's lines, takes a few
# hundred.
_MOST_TURNS = 1000
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
        ValueError: if 8,000 shapes were not enough for ``fraction``.
    """
    if fraction is None:
        uniforms = np.random.default_rng(seed).random((n, count, numbers))
        blocks = _blocks(shapes, uniforms, size)
        return np.concatenate([np.bitwise_or.reduce(block, axis=1) for _, block in blocks])
    masks: Any = None
    unfinished = np.arange(n)
    for turn in range(_MOST_TURNS):
        # A generator per turn: what a mask gets does not depend on how long the others take.
        uniforms = np.random.default_rng([seed, turn]).random((n, _SHAPES_PER_TURN, numbers))
        finished = []
        for part, added in _blocks(shapes, uniforms[unfinished], size):
            if masks is None:
                masks = np.zeros((n, *added.shape[2:]), np.uint8)
            these = unfinished[part]
            masks[these], reached = _grown(masks[these], added, fraction, size)
            finished.append(reached)
        unfinished = unfinished[~np.concatenate(finished)]
        if len(unfinished) == 0:
            return masks
    raise ValueError("coverage must be one that shapes of this size can reach on such a tile")


def unpacked(packed: np.ndarray, size: int) -> np.ndarray:
    """Packed bits (n, rows, bytes) as a float32 mask of shape (n, rows, size, 1)."""
    return np.unpackbits(packed, axis=-1, count=size)[..., None].astype(np.float32)


def _blocks(shapes: Callable, uniforms: np.ndarray, size: int):
    """Yield a slice of masks and their shapes, few at a time so that the work fits in memory."""
    step = max(1, _SHAPE_PIXELS_AT_ONCE // (uniforms.shape[1] * size**2))
    for start in range(0, len(uniforms), step):
        part = slice(start, start + step)
        yield part, shapes(uniforms[part])


def _grown(masks: np.ndarray, added: np.ndarray, fraction: float, size: int):
    """Masks after shapes were added to them, and which of them are finished."""
    everything = added.shape[2] * size
    fits = _areas(added) < everything
    steps = np.concatenate([masks[:, None], added * fits[..., None, None]], axis=1)
    np.bitwise_or.accumulate(steps, axis=1, out=steps)
    areas = _areas(steps)
    enough = areas >= fraction * everything
    reached = enough.any(axis=1)
    last = np.where(reached, enough.argmax(axis=1), steps.shape[1] - 1)
    every = np.arange(len(masks))
    after, before = areas[every, last], areas[every, last - 1]
    nearer_before = after - fraction * everything > fraction * everything - before
    back = reached & (before > 0) & (nearer_before | (after == everything))
    return steps[every, last - back], reached


def _areas(packed: np.ndarray) -> np.ndarray:
    return _BITS_SET[packed].sum(axis=(-2, -1), dtype=np.int64)
