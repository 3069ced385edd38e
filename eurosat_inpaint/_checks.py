"""What public functions ask of their arguments; what they call trusts them.

Every check raises an error that names the argument, says what was given, and what is expected.
Conditions are written so that NaN fails them.
"""

import os
from collections.abc import Callable, Collection, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

# Of sides, widths and distances, in pixels: products of two of them fit into 64 bits, and more.
LARGEST_LENGTH = 1_000_000
# Less than this is there, or else little is lost.
_SMALL_BYTES = 2**28
# What a single large mask takes while it is drawn, in masks.
_MASKS_ON_TOP = 12
# Where a container's limit is written, by version 2 and 1 of Linux' control groups.
_CONTAINER_LIMITS = (
    Path("/sys/fs/cgroup/memory.max"),
    Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
)


def require_flag(name: str, value: Any) -> None:
    """Raise a TypeError unless it is True or False."""
    if not isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{name} must be True or False, got {value!r}")


def require_choice(name: str, value: Any, choices: Iterable) -> None:
    """Raise a ValueError unless ``value`` is one of ``choices``."""
    choices = tuple(choices)
    # An array equals each of its entries: it would be compared to every choice at once.
    if not any(isinstance(value, type(choice)) and value == choice for choice in choices):
        raise ValueError(f"{name} must be one of {choices}, got {value!r}")


def require_function(name: str, value: Any) -> None:
    """Raise a TypeError unless ``value`` can be called."""
    if not callable(value):
        raise TypeError(f"{name} must be a function, got {value!r}")


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
    if int(value) % divisor:
        raise ValueError(f"{name} must be divisible by {divisor}, got {value}")


def as_integers(name: str, values: Any, entries: int = 1) -> tuple[int, ...]:
    """Positive integers as of :func:`as_integer`, at least ``entries`` of them."""
    require_integers(name, values, entries)
    return tuple(as_integer(f"each of {name}", value, 1, LARGEST_LENGTH) for value in values)


def as_multiple(name: str, value: Any, divisor: int) -> int:
    """A positive multiple of ``divisor``, a length in pixels, as of :func:`as_integer`."""
    require_multiple(name, value, divisor)
    return as_integer(name, value, 1, LARGEST_LENGTH)


def require_number(name: str, value: Any, least: float, most: float) -> None:
    """Raise a ValueError unless ``least <= value <= most``."""
    real = isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)
    if not (real and least <= value <= most):
        raise ValueError(f"{name} must be a number from {least} to {most}, got {value!r}")


def as_integer(name: str, value: Any, least: int, most: int | None = None) -> int:
    """An integer as Python's own: sums and products of NumPy's small ones would overflow.

    Raises:
        ValueError: unless it is an integer of at least ``least``, and at most ``most`` if told.
    """
    require_integer(name, value, least)
    if most is not None and value > most:
        raise ValueError(f"{name} must be an integer of at most {most:,}, got {value!r}")
    return int(value)


def as_number(name: str, value: Any, least: float, most: float) -> float:
    """A number as Python's own, or a ValueError unless ``least <= value <= most``."""
    require_number(name, value, least, most)
    return float(value)


def as_range(name: str, value: Any, convert: Callable, *limits: float) -> tuple:
    """A pair (lowest, highest), both turned by ``convert``, one of the two above, with ``limits``.

    Raises:
        ValueError: unless it is such a pair.
    """
    if not isinstance(value, (tuple, list)) or len(value) != 2:
        raise ValueError(f"{name} must be a pair (lowest, highest), got {value!r}")
    lowest, highest = (
        convert(f"{which} of {name}", end, *limits)
        for which, end in zip(("lowest", "highest"), value, strict=True)
    )
    if lowest > highest:
        raise ValueError(f"{name} must be a pair (lowest, highest) in this order, got {value!r}")
    return lowest, highest


def as_mask_settings(n: Any, size: Any, seed: Any) -> tuple[int, int, int]:
    """The arguments that every mask family has, as Python's own integers.

    Raises:
        ValueError: if one of them is not right.
        MemoryError: if so many masks of that size do not fit into memory.
    """
    n, size = as_integer("n", n, 1), as_integer("size", size, 2, LARGEST_LENGTH)
    # The result, and on top of it what is needed for a moment, where few masks are large.
    required = np.float32().nbytes * (n + _MASKS_ON_TOP) * size**2
    require_memory(f"{n:,} masks of {size:,} x {size:,} pixels", required)
    return n, size, as_integer("seed", seed, 0)


def as_coverage(value: Any, *, by_shapes: bool) -> Any:
    """The fraction known that is asked for, a float.

    By shapes laid over each other 0.05 to 0.95, or None for no wish: the last twentieth of a tile
    takes a very long time to cover with random shapes. Else between 0 and 1, without either.

    Raises:
        ValueError: if it lies outside.
    """
    if by_shapes:
        return None if value is None else as_number("coverage", value, 0.05, 0.95)
    coverage = as_number("coverage", value, 0, 1)
    if coverage in (0, 1):
        raise ValueError(f"coverage must lie between 0 and 1, without either, got {value!r}")
    return coverage


def require_memory(what: str, size: int) -> None:
    """Raise a MemoryError if ``what`` takes more bytes than are free.

    NumPy's own comes too late where an operating system promises more than it has, as Linux does:
    it ends the process that takes it at its word.
    """
    if size < _SMALL_BYTES:
        return
    import psutil

    free = psutil.virtual_memory().available
    for limit in filter(Path.exists, _CONTAINER_LIMITS):
        if (text := limit.read_text().strip()).isdigit():
            free = min(free, int(text))
    if size > free:
        raise MemoryError(
            f"{what} take {size / 2**30:,.1f} GB of memory, {free / 2**30:,.1f} GB are free"
        )


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


def is_float(dtype: Any) -> bool:
    """Whether a NumPy dtype holds real floating-point numbers; bfloat16 is none of NumPy's own."""
    return np.issubdtype(dtype, np.floating) or "float" in dtype.name


def as_array(name: str, values: Any) -> np.ndarray:
    """Real numbers as a NumPy array, of whatever dtype.

    Raises:
        TypeError: for strings, objects, complex numbers, and masked arrays, whose masks NumPy
            would drop in silence.
        ValueError: for lists of unequal lengths.
    """
    if np.ma.isMaskedArray(values):
        raise TypeError(f"{name} must not be a masked array: fill it first, with `.filled(value)`")
    try:
        array = np.asarray(values)
    except ValueError as problem:
        raise ValueError(f"{name} must be an array of numbers: {problem}") from problem
    if array.dtype.kind not in "biu" and not is_float(array.dtype):
        given = type(values).__name__ if array.dtype == object else f"dtype {array.dtype}"
        raise TypeError(f"{name} must be an array of real numbers, got {given}")
    return array


def require_images(name: str, images: Any) -> None:
    """Raise an error unless ``images`` are uint8 (n, side, side, 3), n at least 1."""
    if not isinstance(images, np.ndarray) or images.dtype != np.uint8:
        raise TypeError(f"{name} must be a uint8 array, got {getattr(images, 'dtype', images)!r}")
    require_shape(name, images, "n", "side", "side", 3)
    if len(images) == 0:
        raise ValueError(f"{name} must hold at least one tile, got none")


def require_labels(name: str, labels: Any, count: int, classes: int | None = None) -> None:
    """Raise an error unless ``labels`` are integers (count,), below ``classes`` if told."""
    if not isinstance(labels, np.ndarray) or not np.issubdtype(labels.dtype, np.integer):
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
    expected = [*shape][:-1]
    if getattr(masks, "ndim", None) == len(expected) == 3:
        raise ValueError(
            f"{name} must have shape ({', '.join(map(str, expected))}, 1), got "
            f"{tuple(masks.shape)}; add the last axis with `[..., None]`"
        )
    require_shape(name, masks, *expected, 1)
    if not np.all((masks == 0) | (masks == 1)):
        of_a_picture = masks.max() == 255
        remedy = f"; a mask of 0 and 255 becomes one with `{name} > 127`" if of_a_picture else ""
        raise ValueError(f"{name} must hold only 0 (hole) and 1 (known){remedy}")
    for wanted, missing, what in (
        (holes, masks.all(axis=(1, 2, 3)), "hole"),
        (known, ~masks.any(axis=(1, 2, 3)), "known pixel"),
    ):
        if wanted and missing.any():
            raise ValueError(
                f"{name} must each have at least one {what}, not so {name}[{missing.argmax()}]"
            )


def as_masks(
    name: str, masks: Any, shape: Collection, *, holes: bool = False, known: bool = False
) -> np.ndarray:
    """Masks as an array of whatever dtype, or the errors of :func:`require_masks`.

    A word in ``shape`` stands for any size, as of :func:`require_shape`.
    """
    masks = as_array(name, masks)
    require_masks(name, masks, shape, holes=holes, known=known)
    return masks


def as_path(name: str, path: Any) -> Path:
    """A path with ``~`` for the user's home expanded.

    Raises:
        TypeError: if it is no path.
        ValueError: if it is empty, holds a null character, or needs a home where there is none.
    """
    if not isinstance(path, (str, os.PathLike)) or not isinstance(os.fspath(path), str):
        raise TypeError(f"{name} must be a path, got {path!r}")
    if not os.fspath(path) or "\0" in os.fspath(path):
        raise ValueError(f"{name} must be a path, got {path!r}")
    try:
        return Path(path).expanduser()
    except RuntimeError as problem:
        raise ValueError(f"{name} is {str(path)!r}, and this user has no home folder") from problem


def as_integer_array(name: str, values: Any) -> np.ndarray:
    """An array of integers, of any shape, as int64.

    Raises:
        TypeError: if they are no integers.
        ValueError: if they make no array, or do not fit.
    """
    array = as_array(name, values)
    if not np.issubdtype(array.dtype, np.integer):
        raise TypeError(f"{name} must be an array of integers, got {array.dtype}")
    if array.size and array.max() > np.iinfo(np.int64).max:
        raise ValueError(f"{name} must fit into 64 bits, got {array.max()}")
    return array.astype(np.int64)


def as_reals(name: str, values: Any, *shape: int | str) -> np.ndarray:
    """An array of real numbers, one at least, of a shape as of :func:`require_shape`.

    Raises:
        TypeError: if it holds anything else.
        ValueError: if it makes no array, has another shape, or is empty.
    """
    try:
        array = np.asanyarray(values)
    except ValueError as problem:
        raise ValueError(f"{name} must be an array of numbers: {problem}") from problem
    if array.dtype.kind not in "biuf":
        raise TypeError(f"{name} must be an array of real numbers, got {array.dtype}")
    require_shape(name, array, *shape)
    if array.size == 0:
        raise ValueError(f"{name} must not be empty, got shape {array.shape}")
    return array


def as_folder(name: str, path: Any) -> Path:
    """A folder, made where there was none.

    Raises:
        TypeError, ValueError: as of :func:`as_path`.
        OSError: if it is a file, or cannot be made.
    """
    folder = as_path(name, path)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise type(problem)(
            f"{name} {str(folder)!r} is no folder and cannot become one: {problem.strerror}"
        ) from problem
    return folder


def require_fitting(name: str, images: Any, network: Any, network_name: str = "model") -> None:
    """Raise an error unless ``images`` fit a network's first input.

    Raises:
        TypeError: if it is no Keras model that knows its inputs, the first of them the tiles and
            the second, if any, the masks.
        ValueError: if the images have another shape.
    """
    shapes = [tuple(tensor.shape) for tensor in getattr(network, "inputs", None) or ()]
    channels = [shape[-1] if len(shape) == 4 else 0 for shape in shapes]
    if len(shapes) not in (1, 2) or any(
        given not in (None, wanted) for given, wanted in zip(channels, (3, 1), strict=False)
    ):
        given = f"inputs of shapes {shapes}" if shapes else repr(network)
        raise TypeError(
            f"{network_name} must be a Keras model whose first input takes tiles, and the second, "
            f"if any, masks, got {given}"
        )
    require_shape(name, images, "n", *shapes[0][1:])


def require_tiles(name: str, images: Any) -> np.ndarray:
    """Tiles as an array of whatever dtype; the errors of :func:`as_tiles`."""
    images = as_array(name, images)
    require_shape(name, images, "n", "height", "width", 3)
    if images.size == 0:
        raise ValueError(f"{name} must hold at least one tile, got none")
    if images.dtype != np.uint8 and not (images.min() >= 0 and images.max() <= 1):
        raise ValueError(f"{name} must lie in [0, 1] where it is not uint8, without NaN")
    return images


def as_unit(images: np.ndarray) -> np.ndarray:
    """Tiles that passed :func:`require_tiles` on the 0..1 scale, as float32 or float64."""
    if images.dtype == np.uint8:
        return np.divide(images, np.float32(255), dtype=np.float32)
    # Scores of float16 would be computed in float16, and most libraries want the machine's bytes.
    wide = images.dtype.kind in "iu" or images.dtype.itemsize > 4
    return images.astype(np.float64 if wide else np.float32, copy=False)


def as_tiles(name: str, images: Any) -> np.ndarray:
    """Tiles on the 0..1 scale, as float32 or float64.

    Raises:
        TypeError: as of :func:`as_array`.
        ValueError: unless it has shape (n, height, width, 3), n at least 1, and is uint8 or lies
            in [0, 1], without NaN.
    """
    return as_unit(require_tiles(name, images))


def as_tile_pair(tiles: Any, restored: Any) -> tuple[np.ndarray, np.ndarray]:
    """True and restored tiles as of :func:`as_tiles`, or a ValueError if their shapes differ."""
    tiles, restored = require_tile_pair(tiles, restored)
    return as_unit(tiles), as_unit(restored)


def require_tile_pair(tiles: Any, restored: Any) -> tuple[np.ndarray, np.ndarray]:
    """The arrays of :func:`as_tile_pair`, of whatever dtype."""
    tiles, restored = require_tiles("tiles", tiles), require_tiles("restored", restored)
    require_shape("restored", restored, *tiles.shape)
    return tiles, restored


def read_flag(name: str) -> bool:
    """Whether an environment variable is set to yes: 1, true, yes or on, in any case.

    Not set, empty, 0, false, no and off are no.

    Raises:
        ValueError: for any other value.
    """
    value = os.environ.get(name, "").strip().lower()
    if value in ("1", "true", "yes", "on"):
        return True
    if value in ("", "0", "false", "no", "off"):
        return False
    raise ValueError(f"{name} must be 1 or 0 (true, false, yes, no), got {os.environ[name]!r}")


def as_finite(name: str, values: Any, *shape: int | str) -> np.ndarray:
    """Values as float64, at least two along the first axis, or an error."""
    values = as_array(name, values).astype(np.float64, copy=False)
    require_shape(name, values, *shape)
    if len(values) < 2:
        raise ValueError(f"{name} must hold at least 2 values, got {len(values)}")
    if not np.isfinite(values).all():
        raise ValueError(f"{name} must be finite")
    return values


def blocks(count: int, size: int = 64) -> Iterator[slice]:
    """Slices of at most ``size`` that cover ``count``: no copy of all tiles is held at once."""
    return (slice(start, start + size) for start in range(0, count, size))
