"""Classical fills: what can be done without learning. Taught in notebook 03.

Each takes masked tiles, (n, height, width, 3) in [0, 1], and masks, (n, height, width, 1), 1 =
known, 0 = hole, and returns the composite, a float32 array of the tiles' shape in [0, 1]: known
pixels are bit-identical to those of the tiles as float32, whatever stands in the holes is ignored.
Each raises a ValueError that names the argument for shapes that do not fit together, a mask that
is not 0 and 1 only, a tile of which nothing is known, and known pixels that are NaN or outside
[0, 1]; and a TypeError for tiles that are not float, or masks that are no numbers.
"""

from collections.abc import Callable

import numpy as np

from eurosat_inpaint._checks import as_array, as_masks, as_tiles, is_float, require_shape
from eurosat_inpaint.compositing import composite
from eurosat_inpaint.compositing import push_pull as _push_pull

# Pixels around a hole pixel that OpenCV's methods look at. MSE on the validation tiles with 1:
# Telea 0.00382, Navier-Stokes 0.00388; 3: 0.00349, 0.00350; 6: 0.00345, 0.00341; 8: 0.00345,
# 0.00338. Telea's is best at 6.
_RADIUS = 6


def mean(masked: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Every hole pixel gets the mean colour of the tile's known pixels."""
    masked, mask = _checked(masked, mask)
    known = mask.sum(axis=(1, 2), keepdims=True)
    colours = masked.sum(axis=(1, 2), keepdims=True, dtype=np.float64) / known
    return composite(masked, np.broadcast_to(colours, masked.shape).astype(np.float32), mask)


def nearest(masked: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Every hole pixel gets the colour of the nearest known pixel, by Euclidean distance."""
    from scipy.ndimage import distance_transform_edt

    masked, mask = _checked(masked, mask)
    filled = np.empty_like(masked)
    for tile, known, out in zip(masked, mask[..., 0], filled, strict=True):
        rows, columns = distance_transform_edt(
            known == 0, return_distances=False, return_indices=True
        )
        out[:] = tile[rows, columns]
    return composite(masked, filled, mask)


def push_pull(masked: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Averages at ever coarser resolution, interpolated back: :func:`compositing.push_pull`.

    After Gortler et al., "The Lumigraph" (SIGGRAPH 1996).

    Example:
        >>> mask = np.zeros((1, 64, 64, 1))
        >>> mask[:, :, 20] = 1
        >>> filled = push_pull(np.full((1, 64, 64, 3), 0.25) * mask, mask)
        >>> filled.shape, float(filled.min()), float(filled.max())
        ((1, 64, 64, 3), 0.25, 0.25)
    """
    masked, mask = _checked(masked, mask)
    # Averages of white can exceed 1 by rounding.
    return np.clip(_push_pull(masked, mask), 0, 1)


def telea(masked: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Holes are filled inwards from their border by weighted averages. OpenCV does it, in 8 bits.

    A. Telea, "An image inpainting technique based on the fast marching method" (Journal of
    Graphics Tools, 2004).

    Raises:
        ImportError: without OpenCV.
    """
    return _by_opencv(masked, mask, "INPAINT_TELEA")


def navier_stokes(masked: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Lines of equal brightness are continued into the holes. OpenCV does it, in 8 bits.

    M. Bertalmio, A. Bertozzi, G. Sapiro, "Navier-Stokes, fluid dynamics, and image and video
    inpainting" (CVPR 2001).

    Raises:
        ImportError: without OpenCV.
    """
    return _by_opencv(masked, mask, "INPAINT_NS")


def biharmonic(masked: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """The surface of least bending through the known pixels. scikit-image solves for it.

    S. B. Damelin, N. S. Hoang, "On surface completion and image inpainting by biharmonic
    functions: numerical aspects" (2018). It overshoots near steep edges and far outside the known
    pixels; scikit-image stops it at the range of the tile's known values. It takes ten times as
    long as the others.
    """
    from skimage.restoration import inpaint_biharmonic

    masked, mask = _checked(masked, mask)
    pairs = zip(masked.astype(np.float64), mask[..., 0] == 0, strict=True)
    filled = np.stack([inpaint_biharmonic(*pair, channel_axis=-1) for pair in pairs])
    return composite(masked, filled.astype(np.float32), mask)


# By falling error on the validation tiles of EuroSAT.
FILLS: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "mean": mean,
    "nearest": nearest,
    "biharmonic": biharmonic,
    "telea": telea,
    "navier_stokes": navier_stokes,
    "push_pull": push_pull,
}


def _by_opencv(masked, mask, method):
    masked, mask = _checked(masked, mask)
    try:
        import cv2
    except ImportError as problem:
        raise ImportError(
            "OpenCV is needed for this fill: pip install 'eurosat-inpaint[baselines]'"
        ) from problem
    levels = np.rint(masked * 255).astype(np.uint8)
    pairs = zip(levels, (mask[..., 0] == 0).astype(np.uint8), strict=True)
    filled = np.stack([cv2.inpaint(*pair, _RADIUS, getattr(cv2, method)) for pair in pairs])
    return composite(masked, filled.astype(np.float32) / 255, mask)


def _checked(masked, mask):
    """Both as float32 arrays, holes black, or an error."""
    masked = as_array("masked", masked)
    if not is_float(masked.dtype):
        raise TypeError(f"masked must be float in [0, 1], got {masked.dtype}; divide by 255?")
    require_shape("masked", masked, "n", "height", "width", 3)
    mask = as_masks("mask", mask, masked.shape, known=True).astype(np.float32)
    # Whatever stands in the holes is of no interest, NaN included.
    masked = np.where(mask == 1, masked, np.zeros((), masked.dtype))
    return as_tiles("masked", masked).astype(np.float32, copy=False), mask
