"""What is wrong with each restored tile: over all its pixels, and in its holes. See notebook 04."""

import numpy as np

from eurosat_inpaint._checks import as_masks, as_unit, blocks, require_tile_pair

# A tile without error would have an infinite PSNR, and with it every mean that includes it.
PSNR_CAP = 100.0
# A Gaussian of deviation 1.5, cut at 3.5 deviations: five pixels to each side of the one judged.
_SSIM_WINDOW = 11


def mse(tiles: np.ndarray, restored: np.ndarray, masks: np.ndarray | None = None) -> np.ndarray:
    """Mean squared error of each tile, over all its pixels or over its holes.

    Args:
        tiles: true tiles, (n, height, width, 3): uint8, or float in [0, 1].
        restored: restored tiles, same shape; uint8, or float in [0, 1].
        masks: (n, height, width, 1), 1 = known, 0 = hole; if given, only holes count.

    Returns:
        float64 (n,), on the scale where white is 1.

    Raises:
        TypeError: for what is no real numbers, or a masked array.
        ValueError: for shapes that differ, values outside [0, 1], NaN, or a mask without holes.

    Example:
        >>> tiles = np.zeros((1, 4, 4, 3))
        >>> restored = tiles.copy()
        >>> restored[:, 0] = 0.5
        >>> mask = np.ones((1, 4, 4, 1))
        >>> mask[:, :2] = 0
        >>> float(mse(tiles, restored)[0]), float(mse(tiles, restored, mask)[0])
        (0.0625, 0.125)
    """

    def squared(true, found, holes):
        return _mean((true - found) ** 2, holes)

    return _by_tile(squared, tiles, restored, masks)


def mae(tiles: np.ndarray, restored: np.ndarray, masks: np.ndarray | None = None) -> np.ndarray:
    """Mean absolute error of each tile; arguments and errors as of :func:`mse`."""

    def absolute(true, found, holes):
        return _mean(np.abs(true - found), holes)

    return _by_tile(absolute, tiles, restored, masks)


def psnr(tiles: np.ndarray, restored: np.ndarray, masks: np.ndarray | None = None) -> np.ndarray:
    """Peak signal-to-noise ratio of each tile in decibels, at most 100.

    10 log10(1 / MSE), where the peak is 1; arguments and errors as of :func:`mse`.
    """
    return _decibels(mse(tiles, restored, masks))


def ssim(tiles: np.ndarray, restored: np.ndarray, masks: np.ndarray | None = None) -> np.ndarray:
    """Structural similarity of each tile, at most 1; arguments and errors as of :func:`mse`.

    The definition of Wang et al. (IEEE TIP 2004): a Gaussian window of standard deviation 1.5,
    the mean over channels and over all pixels five or more from the border. scikit-image computes
    it. With ``masks``, the mean over channels and hole pixels, also those near the border, where
    the windows see the tile mirrored; every window around a hole pixel counts as it is, with the
    known pixels in it. Tiles must be at least as large as a window, 11 pixels.
    """

    def similarity(true, found, holes):
        similarities, maps = _structural_similarity(true, found)
        return similarities if holes is None else _mean(maps, holes)

    return _by_tile(similarity, tiles, restored, masks, require_ssim_windows)


def channel_argmax_accuracy(tiles: np.ndarray, restored: np.ndarray) -> np.ndarray:
    """Fraction of each tile's pixels whose brightest channel is the right one.

    This is what Keras' "accuracy" computes on an RGB output. It says little: the answer "blue"
    everywhere scores 0.657 on EuroSAT. Arguments and errors are those of :func:`mse`.
    """
    return _by_tile(lambda true, found, _: _argmax_accuracy(true, found), tiles, restored)


def scores_and_squared_errors(
    tiles: np.ndarray, restored: np.ndarray, masks: np.ndarray
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """All scores of this module, float64 (n,) each, and the squared errors of the pixels.

    Args:
        tiles, restored: float, of one shape, (n, height, width, 3), in [0, 1].
        masks: (n, height, width, 1), each with a hole.
    """
    difference, holes = tiles - restored, masks == 0
    squared, absolute = difference**2, np.abs(difference)
    similarities, maps = _structural_similarity(tiles, restored)
    mse, mse_holes = _mean(squared), _mean(squared, holes)
    scores = {"mse": mse, "mae": _mean(absolute), "psnr": _decibels(mse), "ssim": similarities}
    scores |= {"mse_holes": mse_holes, "mae_holes": _mean(absolute, holes)}
    scores |= {"psnr_holes": _decibels(mse_holes), "ssim_holes": _mean(maps, holes)}
    return scores | {"channel_argmax_accuracy": _argmax_accuracy(tiles, restored)}, squared


def require_ssim_windows(name: str, images: np.ndarray) -> None:
    """Raise a ValueError unless tiles are large enough for a window of :func:`ssim`."""
    if min(images.shape[1:3]) < _SSIM_WINDOW:
        raise ValueError(
            f"{name} must have sides of at least {_SSIM_WINDOW} pixels, as wide as a window of "
            f"SSIM, got {images.shape[1]} x {images.shape[2]}"
        )


def _by_tile(score, tiles, restored, masks=None, check=None):
    """A score of each tile, given the holes or None for all pixels.

    It is taken block by block: no copies of all tiles are held at once.
    """
    tiles, restored = require_tile_pair(tiles, restored)
    if check:
        check("tiles", tiles)
    if masks is not None:
        masks = as_masks("masks", masks, tiles.shape, holes=True)
    parts = (
        (as_unit(tiles[part]), as_unit(restored[part]), None if masks is None else masks[part] == 0)
        for part in blocks(len(tiles))
    )
    return np.concatenate([score(*part) for part in parts])


def _mean(errors, holes=None):
    if holes is None:
        return errors.mean(axis=(1, 2, 3), dtype=np.float64)
    sums = (errors * holes).mean(axis=-1).sum(axis=(1, 2), dtype=np.float64)
    return sums / holes.sum(axis=(1, 2, 3))


def _decibels(squared_errors):
    return -10 * np.log10(np.maximum(squared_errors, 10 ** (-PSNR_CAP / 10)))


def _argmax_accuracy(tiles, restored):
    right = tiles.argmax(axis=-1) == restored.argmax(axis=-1)
    return right.mean(axis=(1, 2))


def _structural_similarity(tiles, restored):
    """Of each tile the mean, float64 (n,), and the value of every pixel, the shape of tiles."""
    from skimage.metrics import structural_similarity

    settings = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
    settings |= {"data_range": 1, "channel_axis": -1, "full": True}
    pairs = zip(tiles, restored, strict=True)
    means, maps = zip(*(structural_similarity(*pair, **settings) for pair in pairs), strict=True)
    return np.array(means, np.float64), np.stack(maps)
