"""What public functions ask of their arguments; what they call trusts them.

Every check raises an error that names the argument, says what was given, and what is expected.
Conditions are written so that NaN fails them.
"""

from collections.abc import Callable, Collection, Iterable
from typing import Any

import numpy as np


def require_choice(name: str, value: Any, choices: Iterable) -> None:
    """Raise a ValueError unless ``value`` is one of ``choices``."""
    if value not in (choices := tuple(choices)):
        raise ValueError(f"{name} must be one of {choices}, got {value!r}")


def require_integer(name: str, value: Any, least: int) -> None:
    """Raise a ValueError unless ``value`` is an integer of at least ``least``."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
        raise ValueError(f"{name} must be an integer of at least {least}, got {value!r}")


def require_integers(name: str, values: Any, entries: int = 1) -> None:
    """Raise a ValueError unless ``values`` are positive integers, at least ``entries`` of them."""
    if not isinstance(values, (tuple, list)) or len(values) < entries:
        raise ValueError(f"{name} must be a tuple of {entries} or more integers, got {values!r}")
    for position, value in enumerate(values):
        require_integer(f"{name}[{position}]", value, 1)


def require_multiple(name: str, value: Any, divisor: int) -> None:
    """Raise a ValueError unless ``value`` is a positive multiple of ``divisor``."""
    require_integer(name, value, 1)
    if value % divisor:
        raise ValueError(f"{name} must be divisible by {divisor}, got {value}")


def require_number(name: str, value: Any, least: float, most: float) -> None:
    """Raise a ValueError unless ``least <= value <= most``."""
    real = isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)
    if not (real and least <= value <= most):
        raise ValueError(f"{name} must be a number from {least} to {most}, got {value!r}")


def require_range(name: str, value: Any, check: Callable, *limits: float) -> None:
    """Raise a ValueError unless ``value`` is a pair (lowest, highest).

    Both must pass ``check``, one of the functions above, with ``limits``.
    """
    if not isinstance(value, (tuple, list)) or len(value) != 2:
        raise ValueError(f"{name} must be a pair (lowest, highest), got {value!r}")
    for which, end in zip(("lowest", "highest"), value, strict=True):
        check(f"{which} of {name}", end, *limits)
    if value[0] > value[1]:
        raise ValueError(f"{name} must be a pair (lowest, highest) in this order, got {value!r}")


def require_mask_settings(n: Any, size: Any, seed: Any) -> None:
    """Raise a ValueError unless the arguments that every mask family has are right."""
    require_integer("n", n, 1)
    require_integer("size", size, 2)
    require_integer("seed", seed, 0)


def require_coverage(value: Any, *, by_shapes: bool) -> None:
    """Raise a ValueError unless ``value`` may be asked for as the fraction known.

    By shapes laid over each other 0.05 to 0.95, or None for no wish: the last twentieth of a tile
    takes a very long time to cover with random shapes. Else between 0 and 1, without either.
    """
    if by_shapes:
        if value is not None:
            require_number("coverage", value, 0.05, 0.95)
        return
    require_number("coverage", value, 0, 1)
    if value in (0, 1):
        raise ValueError(f"coverage must lie between 0 and 1, without either, got {value!r}")


def require_shape(name: str, array: Any, *expected: int | str) -> None:
    """Raise an error unless an array or tensor has the shape expected.

    Args:
        name: of the argument.
        array: anything with a shape; a size of None, as of a symbolic tensor, fits any.
        expected: of each axis the size, or a word that stands for any: one word, one size.

    Raises:
        TypeError: if ``array`` has no shape.
        ValueError: if its shape is another.
    """
    if not hasattr(array, "shape"):
        raise TypeError(f"{name} must be an array or a tensor, got {type(array).__name__}")
    shape, sizes = tuple(array.shape), dict[str, int]()

    def fits(size, wanted):
        wanted = sizes.setdefault(wanted, size) if isinstance(wanted, str) else wanted
        return size is None or wanted is None or size == wanted

    if len(shape) != len(expected) or not all(map(fits, shape, expected)):
        wanted = ", ".join("n" if size is None else str(size) for size in expected)
        wanted += "," * (len(expected) == 1)
        raise ValueError(f"{name} must have shape ({wanted}), got {shape}")


def require_images(name: str, images: Any) -> None:
    """Raise an error unless ``images`` are uint8 (n, side, side, 3), n at least 1."""
    if not isinstance(images, np.ndarray) or images.dtype != np.uint8:
        raise TypeError(f"{name} must be a uint8 array, got {getattr(images, 'dtype', images)!r}")
    require_shape(name, images, "n", "side", "side", 3)
    if len(images) == 0:
        raise ValueError(f"{name} must hold at least one tile, got none")


def require_labels(name: str, labels: Any, count: int, classes: int | None = None) -> None:
    """Raise an error unless ``labels`` are integers (count,), below ``classes`` if told."""
    if not np.issubdtype(getattr(labels, "dtype", None), np.integer):
        raise TypeError(
            f"{name} must be an integer array, got {getattr(labels, 'dtype', labels)!r}"
        )
    require_shape(name, labels, count)
    if classes is not None and count and not (labels.min() >= 0 and labels.max() < classes):
        raise ValueError(f"{name} must lie in [0, {classes}), got {labels.min()} to {labels.max()}")


def require_masks(
    name: str, masks: Any, shape: Collection, *, holes: bool = False, known: bool = False
) -> None:
    """Raise an error unless ``masks`` are 0 and 1 and fit tiles of ``shape``.

    With ``holes`` each must have a hole, with ``known`` a known pixel.
    """
    require_shape(name, masks, *[*shape][:-1], 1)
    if not np.all((masks == 0) | (masks == 1)):
        raise ValueError(f"{name} must hold only 0 (hole) and 1 (known)")
    if holes and masks.all(axis=(1, 2, 3)).any():
        raise ValueError(f"{name} must each have at least one hole")
    if known and not masks.any(axis=(1, 2, 3)).all():
        raise ValueError(f"{name} must each have at least one known pixel")


def require_fitting(name: str, images: Any, network: Any) -> None:
    """Raise a ValueError unless ``images`` fit a network's first input."""
    require_shape(name, images, "n", *network.inputs[0].shape[1:])


def as_tiles(name: str, images: Any) -> np.ndarray:
    """Tiles on the 0..1 scale, as float32 or float64.

    Raises:
        ValueError: unless it has shape (n, height, width, 3), n at least 1, and is uint8 or lies
            in [0, 1], without NaN.
    """
    images = np.asarray(images)
    require_shape(name, images, "n", "height", "width", 3)
    if len(images) == 0:
        raise ValueError(f"{name} must hold at least one tile, got none")
    if images.dtype == np.uint8:
        return images.astype(np.float32) / 255
    if not (images.min() >= 0 and images.max() <= 1):
        raise ValueError(f"{name} must lie in [0, 1] where it is not uint8, without NaN")
    # Scores of float16 would be computed in float16.
    return images.astype(np.result_type(images, np.float32), copy=False)


def as_tile_pair(tiles: Any, restored: Any) -> tuple[np.ndarray, np.ndarray]:
    """True and restored tiles as of :func:`as_tiles`, or a ValueError if their shapes differ."""
    tiles, restored = as_tiles("tiles", tiles), as_tiles("restored", restored)
    require_shape("restored", restored, *tiles.shape)
    return tiles, restored


def as_finite(name: str, values: Any, *shape: int | str) -> np.ndarray:
    """Values as float64, at least two along the first axis, or a ValueError."""
    values = np.asarray(values, np.float64)
    require_shape(name, values, *shape)
    if len(values) < 2:
        raise ValueError(f"{name} must hold at least 2 values, got {len(values)}")
    if not np.isfinite(values).all():
        raise ValueError(f"{name} must be finite")
    return values
