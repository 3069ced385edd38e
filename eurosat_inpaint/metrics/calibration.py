"""Whether intervals keep their word, and whether expected errors say where the errors are.

Taught in notebook 10.
"""

from collections.abc import Sequence

import numpy as np

from eurosat_inpaint._checks import (
    as_array,
    as_masks,
    as_number,
    as_tiles,
    require_shape,
)
from eurosat_inpaint.metrics.positions import mean_error_by_distance

# Parts of the hole pixels that a sparsification curve leaves out, one after the other.
SPARSIFIED = np.linspace(0, 1, 21)[:-1]


def interval_coverage(
    tiles: np.ndarray, lower: np.ndarray, upper: np.ndarray, masks: np.ndarray
) -> np.ndarray:
    """Part of the values in each tile's holes that lies within its interval, ends included.

    Args:
        tiles: true tiles, (n, height, width, 3): uint8, or float in [0, 1].
        lower, upper: ends of the intervals, float of the same shape, as of
            ``uncertainty.interval``.
        masks: (n, height, width, 1), 1 = known, 0 = hole, each with a hole.

    Returns:
        float64 (n,). Means over all tiles, over a class, or over the tiles that are hard to restore
        are means of it.

    Raises:
        TypeError: for what is no real numbers.
        ValueError: for shapes that differ, tiles outside [0, 1], NaN, a lower end above the upper,
            or a mask without holes.

    Example:
        >>> tiles = np.full((1, 8, 8, 3), 0.5)
        >>> mask = np.zeros((1, 8, 8, 1))
        >>> lower = np.broadcast_to([0.4, 0.5, 0.6], tiles.shape)
        >>> float(interval_coverage(tiles, lower, lower + 0.2, mask)[0])
        0.6666666666666666
    """
    tiles, lower, upper, holes = _checked(tiles, lower, upper, masks)
    return _mean_in_holes((lower <= tiles) & (tiles <= upper), holes)


def coverage_by_distance(
    tiles: np.ndarray,
    lower: np.ndarray,
    upper: np.ndarray,
    masks: np.ndarray,
    edges: Sequence[float],
) -> np.ndarray:
    """Part of the hole values within their intervals, by distance to the nearest known pixel.

    Args:
        tiles, lower, upper, masks: as of :func:`interval_coverage`; each mask with a known pixel.
        edges: increasing distances in pixels, as of :func:`mean_error_by_distance`.

    Returns:
        float64 (k,); NaN for a bin without pixels.

    Raises:
        TypeError, ValueError: as these two.
    """
    tiles, lower, upper, _ = _checked(tiles, lower, upper, masks)
    within = ((lower <= tiles) & (tiles <= upper)).mean(axis=-1)
    return mean_error_by_distance(within, masks, edges)


def interval_width(lower: np.ndarray, upper: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """Mean width of the intervals in each tile's holes, float64 (n,).

    Arguments and errors are those of :func:`interval_coverage`.
    """
    lower, upper, holes = _checked_ends(lower, upper, masks, ("n", "height", "width", 3))
    return _mean_in_holes(upper - lower, holes)


def interval_score(
    tiles: np.ndarray,
    lower: np.ndarray,
    upper: np.ndarray,
    masks: np.ndarray,
    coverage: float = 0.9,
) -> np.ndarray:
    """Width of the intervals, plus a fine for each value outside; lower is better.

    A value outside is fined by 2 / (1 - coverage) times how far it is outside: then the expected
    score is least for the interval between the right two quantiles. After Gneiting and Raftery,
    "Strictly proper scoring rules, prediction, and estimation" (JASA 2007).

    Args:
        tiles, lower, upper, masks: as of :func:`interval_coverage`.
        coverage: what the intervals promise, between 0 and 1, without either.

    Returns:
        float64 (n,), the mean over the values in each tile's holes.

    Raises:
        TypeError, ValueError: as :func:`interval_coverage`; also for another coverage.
    """
    coverage = as_number("coverage", coverage, 0, 1)
    if coverage in (0, 1):
        raise ValueError(f"coverage must lie between 0 and 1, without either, got {coverage}")
    tiles, lower, upper, holes = _checked(tiles, lower, upper, masks)
    outside = np.maximum(lower - tiles, 0) + np.maximum(tiles - upper, 0)
    return _mean_in_holes(upper - lower + 2 / (1 - coverage) * outside, holes)


def sparsification(errors: np.ndarray, expected: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """Mean error of the hole pixels that are left when the most doubtful ones are taken away.

    After Ilg et al., "Uncertainty estimates and multi-hypotheses networks for optical flow" (ECCV
    2018): the better an expected error tells where the errors are, the faster the curve falls.

    Args:
        errors: magnitudes of errors, (n, height, width), mean over the channels.
        expected: by which pixels are sorted, the same shape; errors themselves give the curve of an
            oracle. Of pixels that are expected to err alike none is taken away before the other:
            each counts as their mean.
        masks: (n, height, width, 1), 1 = known, 0 = hole; only holes count, those of all tiles
            together.

    Returns:
        float64 (20,): the mean error of what is left without 0, 5, ... 95 % of the hole pixels,
        over that of all of them; so it begins with 1.

    Raises:
        TypeError: for what is no real numbers.
        ValueError: for shapes that differ, values that are not finite, errors that are negative or
            all 0, or masks without any hole.

    Example:
        >>> errors = np.arange(100.0).reshape(1, 10, 10)
        >>> curve = sparsification(errors, errors, np.zeros((1, 10, 10, 1)))
        >>> float(curve[0]), round(float(curve[10]), 3)
        (1.0, 0.495)
    """
    errors, expected, holes = _errors_and_expected(errors, expected, masks)
    _, group, sizes = np.unique(-expected[holes], return_inverse=True, return_counts=True)
    # As if in a random order where nothing is said about it.
    ordered = np.repeat(np.bincount(group, errors[holes]) / sizes, sizes)
    # Of what is left from each pixel on: its sum, and how many there are.
    left = np.cumsum(ordered[::-1])[::-1]
    starts = np.minimum((SPARSIFIED * len(ordered)).astype(int), len(ordered) - 1)
    return left[starts] / (len(ordered) - starts) / ordered.mean()


def ause(errors: np.ndarray, expected: np.ndarray, masks: np.ndarray) -> float:
    """Area between the sparsification curve of expected errors and that of an oracle.

    0 would be an order like that of the errors themselves. Arguments and errors are those of
    :func:`sparsification`.

    Example:
        >>> errors = np.arange(100.0).reshape(1, 10, 10)
        >>> ause(errors, errors, np.zeros((1, 10, 10, 1)))
        0.0
    """
    curve = sparsification(errors, expected, masks)
    return float((curve - sparsification(errors, errors, masks)).mean())


def _errors_and_expected(errors, expected, masks):
    errors, expected = _as_floats("errors", errors), _as_floats("expected", expected)
    require_shape("errors", errors, "n", "height", "width")
    require_shape("expected", expected, *errors.shape)
    masks = as_masks("masks", masks, (*errors.shape, 1))
    holes = masks[..., 0] == 0
    if not holes.any():
        raise ValueError("masks must have at least one hole")
    for name, values in (("errors", errors), ("expected", expected)):
        if not np.isfinite(values[holes]).all():
            raise ValueError(f"{name} must be finite in the holes")
    if not (errors[holes].min() >= 0 and errors[holes].max() > 0):
        raise ValueError("errors must not be negative, and not all 0")
    return errors, expected, holes


def _checked(tiles, lower, upper, masks):
    tiles = as_tiles("tiles", tiles)
    return tiles, *_checked_ends(lower, upper, masks, tiles.shape)


def _checked_ends(lower, upper, masks, shape):
    lower, upper = _as_floats("lower", lower), _as_floats("upper", upper)
    require_shape("lower", lower, *shape)
    require_shape("upper", upper, *lower.shape)
    for name, end in (("lower", lower), ("upper", upper)):
        if not np.isfinite(end).all():
            raise ValueError(f"{name} must be finite")
    if (lower > upper).any():
        raise ValueError("lower must nowhere lie above upper")
    holes = as_masks("masks", masks, lower.shape, holes=True) == 0
    return lower, upper, holes


def _as_floats(name, values):
    array = as_array(name, values)
    return array.astype(np.result_type(array.dtype, np.float32), copy=False)


def _mean_in_holes(values, holes):
    sums = (values * holes).mean(axis=-1).sum(axis=(1, 2), dtype=np.float64)
    return sums / holes.sum(axis=(1, 2, 3))
