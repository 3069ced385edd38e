"""How sharp a restoration is, whatever its error: gradients and spectra. See notebook 04."""

import numpy as np

from eurosat_inpaint._checks import (
    as_masks,
    as_tile_pair,
    as_tiles,
    as_unit,
    blocks,
    require_shape,
    require_tiles,
)


def gradient_sums(images: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """Sum of forward-difference magnitudes of each tile, where both pixels are holes.

    Args:
        images: (n, height, width, 3): uint8, or float in [0, 1].
        masks: (n, height, width, 1), 1 = known, 0 = hole.

    Returns:
        float64 (n,), on the scale where white is 1.

    Raises:
        TypeError: for what is no real numbers.
        ValueError: for values outside [0, 1], NaN, or masks of another shape, not 0 and 1 only,
            or without holes.
    """
    images = as_tiles("images", images)
    masks = as_masks("masks", masks, images.shape, holes=True)
    return change_in_holes(images, masks)


def change_in_holes(images: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """:func:`gradient_sums` of float tiles and masks that fit them."""
    holes = masks == 0
    total = np.zeros(len(images))
    for axis in (1, 2):
        both = np.minimum(*_neighbours(holes, axis))
        first, second = _neighbours(images, axis)
        total += (np.abs(second - first) * both).sum(axis=(1, 2, 3), dtype=np.float64)
    return total


def gradient_ratio(tiles: np.ndarray, restored: np.ndarray, masks: np.ndarray) -> float:
    """Gradient magnitude in the holes, restored over true: 1 is as sharp as the truth, 0 is flat.

    A ratio of sums over all tiles, so that flat tiles do not divide by almost nothing.

    Args:
        tiles, restored: (n, height, width, 3): uint8, or float in [0, 1].
        masks: (n, height, width, 1), 1 = known, 0 = hole.

    Raises:
        TypeError: for what is no real numbers.
        ValueError: for shapes that differ, values outside [0, 1], NaN, masks that are not 0 and 1
            only or have no holes, or true tiles that are flat in all holes.
    """
    tiles, restored = as_tile_pair(tiles, restored)
    masks = as_masks("masks", masks, tiles.shape, holes=True)
    truth = change_in_holes(tiles, masks).sum()
    if truth == 0:
        raise ValueError("tiles must not be flat in all holes: there is no gradient to compare to")
    return float(change_in_holes(restored, masks).sum() / truth)


def radial_power(images: np.ndarray) -> np.ndarray:
    """Radially averaged power spectrum of the brightness, averaged over tiles.

    The cosine transform is used, since a Fourier transform would see jumps between opposite edges.

    Args:
        images: (n, side, side, 3): uint8, or float in [0, 1].

    Returns:
        float64 (side / 2 - 1,): mean power of the waves of 1, 2, ... cycles per tile.

    Raises:
        TypeError: for what is no real numbers.
        ValueError: for tiles that are not square, values outside [0, 1], or NaN.
    """
    images = require_tiles("images", images)
    require_shape("images", images, "n", "side", "side", 3)
    sums = [summed_power(as_unit(images[block])) for block in blocks(len(images))]
    return power_by_cycles(np.sum(sums, axis=0) / len(images))


def summed_power(images: np.ndarray) -> np.ndarray:
    """Power of the waves of float tiles, summed over the tiles: float64 (side, side)."""
    from scipy.fft import dctn

    brightness = images.mean(axis=-1, dtype=np.float64)
    return (dctn(brightness, axes=(1, 2), norm="ortho") ** 2).sum(axis=0)


def power_by_cycles(power: np.ndarray) -> np.ndarray:
    """:func:`radial_power`, given the mean power of each wave."""
    # Wave k of the cosine transform has k / 2 cycles per tile.
    cycles = np.hypot(*np.mgrid[: len(power), : len(power)]) / 2
    rings = np.rint(cycles).astype(int).ravel()
    return (np.bincount(rings, power.ravel()) / np.bincount(rings))[1 : len(power) // 2]


def _neighbours(images, axis):
    """Each pixel but the last along the axis, and each but the first."""
    last = images.shape[axis] - 1
    return images.take(range(last), axis), images.take(range(1, last + 1), axis)
