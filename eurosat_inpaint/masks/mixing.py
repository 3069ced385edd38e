"""Masks of all families, one family and one coverage a mask. Taught in notebook 11."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from eurosat_inpaint._checks import as_mask_settings, as_number, require_choice
from eurosat_inpaint.masks.families import FAMILIES, make
from eurosat_inpaint.masks.lines import line_masks

# Fractions known, from the least to the most that families of shapes can be asked for.
_COVERAGES = (0.05, 0.95)
# Pixels of a cloud mask come in squares of this side: many are made at a coarser resolution than
# the picture's.
_COARSENESS = (1, 1, 1, 2, 4, 8, 16)


def mixed_masks(
    n: int,
    size: int = 64,
    *,
    families: Sequence[str] | None = None,
    original: float = 0.0,
    seed: int = 0,
) -> np.ndarray:
    """Draw masks of all families: what a network is trained on that is to fill any hole.

    For each mask a family is drawn, then its parameters: a coverage from 5 to 95 %, widths, the
    size of clouds and how coarse their outline is, the period and width of scan-line gaps; then a
    quarter turn, or none.

    Args:
        n: number of masks.
        size: side of the tile, in pixels, 8 at least.
        families: names in ``FAMILIES`` to draw from, all alike; by default all of them.
        original: share of the masks, from 0 to 1, that are the original's nine lines instead, as
            :func:`line_masks` draws them by default.
        seed: the first k masks of a seed are the same for every n.

    Returns:
        float32 array of shape (n, size, size, 1): 1 = known, 0 = hole. Each has a known pixel and
        a hole.

    Raises:
        ValueError: for an unknown family, none, or a number outside its range.
        MemoryError: if so many masks do not fit into memory.

    Example:
        >>> masks = mixed_masks(200, seed=0)
        >>> share_known = masks.mean(axis=(1, 2, 3))
        >>> bool(share_known.min() < 0.1), bool(share_known.max() > 0.9)
        (True, True)
    """
    n, size, seed = as_mask_settings(n, size, seed)
    if size < 8:
        raise ValueError(f"size must be an integer of at least 8, got {size}")
    original = as_number("original", original, 0, 1)
    names = tuple(FAMILIES) if families is None else families
    if not isinstance(names, (tuple, list)) or not names:
        raise ValueError(f"families must be a tuple of one name or more, got {families!r}")
    for name in names:
        require_choice("each of families", name, FAMILIES)
    masks = np.empty((n, size, size, 1), np.float32)
    for number in range(n):
        # A generator for each mask: none depends on those before it.
        random = np.random.default_rng([seed, number])
        if random.random() < original:
            masks[number] = line_masks(1, size, seed=_seed(random))
        else:
            masks[number] = _drawn(names[random.integers(len(names))], size, random)
    return masks


def _drawn(family: str, size: int, random: np.random.Generator) -> np.ndarray:
    """One mask of a family, turned, with a known pixel and a hole."""
    while True:
        mask = _ONE_OF[family](size, random)
        if 0 < mask.mean() < 1:
            return np.rot90(mask, int(random.integers(4)))


def _seed(random):
    return int(random.integers(2**31))


def _coverage(random):
    return float(random.uniform(*_COVERAGES))


def _of_shapes(family: str, settings: Callable[[np.random.Generator], dict[str, Any]]) -> Callable:
    def one(size, random):
        settings_of_one = settings(random)
        return make(family, 1, size=size, seed=_seed(random), **settings_of_one)[0]

    return one


def _range(random, shortest, longest):
    """A pair of lengths, both between these two."""
    return tuple(sorted(int(random.integers(shortest, longest + 1)) for _ in range(2)))


def _clouds(size, random):
    coarseness = int(random.choice([side for side in _COARSENESS if 4 * side <= size]))
    side = -(-size // coarseness) + 1
    mask = make(
        "clouds",
        1,
        size=side,
        coverage=_coverage(random),
        scale=max(2, int(np.exp2(random.uniform(3, 6.5))) // coarseness),
        octaves=int(random.integers(1, 6)),
        roughness=float(random.uniform(0.3, 0.7)),
        seed=_seed(random),
    )[0]
    top, left = random.integers(coarseness, size=2)
    enlarged = mask.repeat(coarseness, axis=0).repeat(coarseness, axis=1)
    return enlarged[top : top + size, left : left + size]


def _scan_line_gaps(size, random):
    period = int(np.exp2(random.uniform(2.6, 6)))
    # Away from the middle of the scene, which has none.
    position = random.choice([-1, 1]) * random.uniform(0.3, 1)
    return make(
        "scan_line_gaps",
        1,
        size=size,
        period=period,
        widest_gap=min(period - 1, max(1, round(period * random.uniform(0.25, 0.85)))),
        scene_width=4 * size,
        tilt=float(random.uniform(-15, 15)),
        position=float(position),
        seed=_seed(random),
    )[0]


_ONE_OF: dict[str, Callable] = {
    "lines": _of_shapes(
        "lines",
        lambda random: {"thickness": int(random.integers(1, 6)), "coverage": _coverage(random)},
    ),
    "free_lines": _of_shapes(
        "free_lines",
        lambda random: {"thickness": int(random.integers(2, 9)), "coverage": _coverage(random)},
    ),
    "scan_line_gaps": _scan_line_gaps,
    "clouds": _clouds,
    "boxes": _of_shapes(
        "boxes", lambda random: {"sides": _range(random, 4, 40), "coverage": _coverage(random)}
    ),
    "brush_strokes": _of_shapes(
        "brush_strokes",
        lambda random: {"widths": _range(random, 2, 16), "coverage": _coverage(random)},
    ),
    "random_pixels": _of_shapes("random_pixels", lambda random: {"coverage": _coverage(random)}),
    "dead_columns": _of_shapes(
        "dead_columns",
        lambda random: {"widest": int(random.integers(1, 13)), "coverage": _coverage(random)},
    ),
}
