"""Where in the tile the errors are: by distance, by side, by position. See notebook 03."""

import numpy as np

from eurosat_inpaint.masks import require_masks


def distances_to_known(masks) -> np.ndarray:
    """Distance of each pixel to the nearest known one, in pixels; 0 where it is known itself.

    Args:
        masks: (n, height, width, 1), 1 = known, 0 = hole; each with at least one known pixel.

    Returns:
        float32 (n, height, width).

    Raises:
        ValueError: for a mask that is not 0 and 1 only, or without a known pixel.
    """
    from scipy.ndimage import distance_transform_edt

    masks = np.asarray(masks)
    require_masks("masks", masks, masks.shape)
    if not masks.any(axis=(1, 2, 3)).all():
        raise ValueError("masks must each have at least one known pixel")
    return np.stack([distance_transform_edt(m == 0) for m in masks[..., 0]]).astype(np.float32)


def beyond_outermost_lines(masks) -> np.ndarray:
    """Hole pixels with known pixels on at most one side of their row: they are extrapolated.

    Args:
        masks: (n, height, width, 1), 1 = known, 0 = hole.

    Returns:
        bool (n, height, width).

    Raises:
        ValueError: for a mask that is not 0 and 1 only.
    """
    masks = np.asarray(masks)
    require_masks("masks", masks, masks.shape)
    known = masks[..., 0] == 1
    on_left = np.maximum.accumulate(known, axis=2)
    on_right = np.maximum.accumulate(known[:, :, ::-1], axis=2)[:, :, ::-1]
    return ~known & ~(on_left & on_right)


def mean_error_by_distance(squared_errors, masks, edges) -> np.ndarray:
    """Mean squared error of hole pixels by their distance to the nearest known pixel.

    Args:
        squared_errors: (n, height, width), mean over the channels.
        masks: (n, height, width, 1), 1 = known, 0 = hole.
        edges: increasing distances in pixels, shape (k + 1,); bin i holds edges[i] <= d <
            edges[i + 1].

    Returns:
        float64 (k,); NaN for a bin without pixels.

    Raises:
        ValueError: as :func:`distances_to_known`, or if the shapes do not fit together.
    """
    distances = distances_to_known(masks)
    if np.shape(squared_errors) != distances.shape:
        raise ValueError(
            f"squared_errors must have shape {distances.shape}, got {np.shape(squared_errors)}"
        )
    holes = distances > 0
    bins = np.digitize(distances[holes], edges)
    sums = np.bincount(bins, np.asarray(squared_errors)[holes], minlength=len(edges) + 1)
    counts = np.bincount(bins, minlength=len(edges) + 1)
    with np.errstate(invalid="ignore"):
        return (sums / counts)[1 : len(edges)]


def mean_error_map(squared_errors, masks) -> np.ndarray:
    """Mean squared error at each position, over the tiles in which it is a hole.

    Args:
        squared_errors: (n, height, width), mean over the channels.
        masks: (n, height, width, 1), 1 = known, 0 = hole.

    Returns:
        float64 (height, width); NaN where no tile has a hole.

    Raises:
        ValueError: for a mask that is not 0 and 1 only, or shapes that do not fit together.
    """
    masks, squared_errors = np.asarray(masks), np.asarray(squared_errors)
    require_masks("masks", masks, (*squared_errors.shape, 1))
    holes = masks[..., 0] == 0
    with np.errstate(invalid="ignore"):
        return (squared_errors * holes).sum(axis=0, dtype=np.float64) / holes.sum(axis=0)
