"""What every measure asks of its input: tiles in [0, 1], pairs of one shape, masks with holes."""

import numpy as np

from eurosat_inpaint.masks import require_masks


def as_float(name: str, images) -> np.ndarray:
    """Tiles on the 0..1 scale, as float32 or float64.

    Raises:
        ValueError: that names the argument, unless it has shape (n, height, width, 3) and is
            uint8 or lies in [0, 1], without NaN.
    """
    images = np.asarray(images)
    if images.ndim != 4 or images.shape[-1] != 3 or len(images) == 0:
        raise ValueError(f"{name} must have shape (n, height, width, 3), got {images.shape}")
    if images.dtype == np.uint8:
        return images.astype(np.float32) / 255
    # Written so that NaN fails too.
    if not (images.min() >= 0 and images.max() <= 1):
        raise ValueError(f"{name} must lie in [0, 1] where it is not uint8, without NaN")
    # Scores of float16 would be computed in float16.
    return images.astype(np.result_type(images, np.float32), copy=False)


def as_float_pair(tiles, restored) -> tuple[np.ndarray, np.ndarray]:
    """True and restored tiles as of :func:`as_float`, or a ValueError if their shapes differ."""
    tiles, restored = as_float("tiles", tiles), as_float("restored", restored)
    if tiles.shape != restored.shape:
        raise ValueError(
            f"restored must have the shape of tiles, {tiles.shape}, got {restored.shape}"
        )
    return tiles, restored


def require_holes(masks: np.ndarray, shape: tuple[int, ...]) -> None:
    """Raise a ValueError unless ``masks`` fit tiles of ``shape`` and each has a hole."""
    require_masks("masks", masks, shape)
    if masks.all(axis=(1, 2, 3)).any():
        raise ValueError("masks must each have at least one hole")


def require_known(masks: np.ndarray) -> None:
    """Raise a ValueError unless each mask has a known pixel."""
    if not masks.any(axis=(1, 2, 3)).all():
        raise ValueError("masks must each have at least one known pixel")
