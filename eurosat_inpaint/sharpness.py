"""How sharp a restoration is, whatever its error: gradients and spectra. See notebook 03."""

import numpy as np

from eurosat_inpaint.masks import require_masks


def gradient_sums(images, masks) -> np.ndarray:
    """Sum of forward-difference magnitudes of each tile, where both pixels are holes.

    Args:
        images: (n, height, width, 3): uint8, or float in [0, 1].
        masks: (n, height, width, 1), 1 = known, 0 = hole.

    Returns:
        float64 (n,), on the scale where white is 1.

    Raises:
        ValueError: for masks of another shape, or not 0 and 1 only.
    """
    images, masks = np.asarray(images), np.asarray(masks)
    require_masks("masks", masks, images.shape)
    if images.dtype == np.uint8:
        images = images.astype(np.float32) / 255
    holes = masks == 0
    total = np.zeros(len(images))
    for axis in (1, 2):
        both = np.minimum(*_neighbours(holes, axis))
        first, second = _neighbours(images, axis)
        total += (np.abs(second - first) * both).sum(axis=(1, 2, 3), dtype=np.float64)
    return total


def gradient_ratio(tiles, restored, masks) -> float:
    """Gradient magnitude in the holes, restored over true: 1 is as sharp as the truth, 0 is flat.

    A ratio of sums over all tiles, so that flat tiles do not divide by almost nothing.

    Args:
        tiles, restored: (n, height, width, 3): uint8, or float in [0, 1].
        masks: (n, height, width, 1), 1 = known, 0 = hole.

    Raises:
        ValueError: as :func:`gradient_sums`; or if the true tiles are flat in all holes.
    """
    truth = gradient_sums(tiles, masks).sum()
    if truth == 0:
        raise ValueError("tiles must not be flat in all holes: there is no gradient to compare to")
    return float(gradient_sums(restored, masks).sum() / truth)


def radial_power(images) -> np.ndarray:
    """Radially averaged power spectrum of the brightness, averaged over tiles.

    The cosine transform is used, since a Fourier transform would see jumps between opposite edges.

    Args:
        images: (n, side, side, 3): uint8, or float in [0, 1].

    Returns:
        float64 (side / 2 - 1,): mean power of the waves of 1, 2, ... cycles per tile.
    """
    from scipy.fft import dctn

    images = np.asarray(images)
    if images.ndim != 4 or images.shape[1] != images.shape[2]:
        raise ValueError(f"images must have shape (n, side, side, 3), got {images.shape}")
    brightness = images.mean(axis=-1, dtype=np.float64) / (255 if images.dtype == np.uint8 else 1)
    power = (dctn(brightness, axes=(1, 2), norm="ortho") ** 2).mean(axis=0)
    # Wave k of the cosine transform has k / 2 cycles per tile.
    cycles = np.hypot(*np.mgrid[: len(power), : len(power)]) / 2
    rings = np.rint(cycles).astype(int).ravel()
    return (np.bincount(rings, power.ravel()) / np.bincount(rings))[1 : len(power) // 2]


def _neighbours(images, axis):
    """Each pixel but the last along the axis, and each but the first."""
    last = images.shape[axis] - 1
    return images.take(range(last), axis), images.take(range(1, last + 1), axis)
