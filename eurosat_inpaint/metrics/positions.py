"""Where in the tile the errors are: by distance, by side, by position. See notebook 03."""

from collections.abc import Sequence

import numpy as np

from eurosat_inpaint._checks import as_array, as_masks, require_shape

# Bins of :func:`mean_error_by_distance` in comparisons, in pixels.
DISTANCE_EDGES = (1, 2, 3, 4, 5, 6, 8, 10, 12, 16, 20, 24, 48)


def distances_to_known(masks: np.ndarray) -> np.ndarray:
    """Distance of each pixel to the nearest known one, in pixels; 0 where it is known itself.

    Args:
        masks: (n, height, width, 1), 1 = known, 0 = hole; each with at least one known pixel.

    Returns:
        float32 (n, height, width).

    Raises:
        TypeError: for what is no real numbers.
        ValueError: for another shape, or a mask that is not 0 and 1 only or has no known pixel.
    """
    from scipy.ndimage import distance_transform_edt

    masks = _as_masks(masks, known=True)
    return np.stack([distance_transform_edt(m == 0) for m in masks[..., 0]]).astype(np.float32)


def beyond_outermost_lines(masks: np.ndarray) -> np.ndarray:
    """Hole pixels with known pixels on at most one side of their row: they are extrapolated.

    Args:
        masks: (n, height, width, 1), 1 = known, 0 = hole.

    Returns:
        bool (n, height, width).

    Raises:
        TypeError: for what is no real numbers.
        ValueError: for another shape, or a mask that is not 0 and 1 only.
    """
    known = _as_masks(masks)[..., 0] == 1
    on_left = np.maximum.accumulate(known, axis=2)
    on_right = np.maximum.accumulate(known[:, :, ::-1], axis=2)[:, :, ::-1]
    return ~known & ~(on_left & on_right)


def mean_error_by_distance(
    squared_errors: np.ndarray, masks: np.ndarray, edges: Sequence[float]
) -> np.ndarray:
    """Mean squared error of hole pixels by their distance to the nearest known pixel.

    Args:
        squared_errors: (n, height, width), mean over the channels.
        masks: (n, height, width, 1), 1 = known, 0 = hole.
        edges: increasing distances in pixels, shape (k + 1,); bin i holds edges[i] <= d <
            edges[i + 1].

    Returns:
        float64 (k,); NaN for a bin without pixels.

    Raises:
        TypeError: for what is no real numbers.
        ValueError: as :func:`distances_to_known`; for shapes that do not fit together, errors
            outside [0, 1], NaN, a mask without holes, or edges that do not increase.
    """
    squared_errors, masks = _checked(squared_errors, masks)
    edges = as_array("edges", edges).astype(np.float64)
    require_shape("edges", edges, "k + 1")
    if len(edges) < 2 or not (np.diff(edges) > 0).all():
        raise ValueError(f"edges must be two or more and increase, got {edges}")
    return mean_or_nan(*sums_by_distance(squared_errors, distances_to_known(masks), edges))


def sums_by_distance(
    squared_errors: np.ndarray, distances: np.ndarray, edges: Sequence[float] | np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Sums and counts of :func:`mean_error_by_distance`, given :func:`distances_to_known`."""
    holes = distances > 0
    bins = np.digitize(distances[holes], edges)
    sums = np.bincount(bins, squared_errors[holes], minlength=len(edges) + 1)
    counts = np.bincount(bins, minlength=len(edges) + 1)
    return sums[1 : len(edges)], counts[1 : len(edges)]


def mean_error_map(squared_errors: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """Mean squared error at each position, over the tiles in which it is a hole.

    Args:
        squared_errors: (n, height, width), mean over the channels.
        masks: (n, height, width, 1), 1 = known, 0 = hole.

    Returns:
        float64 (height, width); NaN where no tile has a hole.

    Raises:
        TypeError: for what is no real numbers.
        ValueError: for shapes that do not fit together, errors outside [0, 1], NaN, or a mask
            that is not 0 and 1 only or has no holes.
    """
    squared_errors, masks = _checked(squared_errors, masks)
    return mean_or_nan(*sums_by_position(squared_errors, masks[..., 0] == 0))


def sums_by_position(
    squared_errors: np.ndarray, holes: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Sums and counts of :func:`mean_error_map`, given the holes, bool (n, height, width)."""
    return (squared_errors * holes).sum(axis=0, dtype=np.float64), holes.sum(axis=0)


def mean_or_nan(sums: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Means from sums and counts; NaN where there was nothing to count."""
    with np.errstate(invalid="ignore"):
        return sums / counts


def _checked(squared_errors, masks):
    masks = _as_masks(masks, holes=True)
    squared_errors = as_array("squared_errors", squared_errors).astype(np.float64, copy=False)
    require_shape("squared_errors", squared_errors, *masks.shape[:3])
    # Written so that NaN fails too.
    if not (squared_errors.min() >= 0 and squared_errors.max() <= 1):
        raise ValueError("squared_errors must lie in [0, 1], without NaN")
    return squared_errors, masks


def _as_masks(masks, **wanted):
    masks = as_masks("masks", masks, ("n", "height", "width", 1), **wanted)
    if masks.size == 0:
        raise ValueError("masks must hold at least one mask, got none")
    return masks
