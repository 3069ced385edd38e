"""Scenes of any size as arrays, of NumPy or of Dask."""

import threading
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

from eurosat_inpaint import pretrained, uncertainty
from eurosat_inpaint._checks import as_number, is_float, require_choice
from eurosat_inpaint.baselines import FILLS
from eurosat_inpaint.scenes.windows import MARGIN, SIDE, origins, restored_block

# Sides of the parts in which a large scene is worked on: each takes about 100 MB for a moment.
PART = 1024
_PERCENTILES = (0.5, 99.5)
SEEN, RESTORED, LEFT, OUTSIDE = 0, 1, 2, 255
# One network at a time computes, on all cores; threads beside it read and write.
_ONE_AT_A_TIME = threading.Lock()


def restore(
    scene: Any,
    known: Any,
    *,
    model: Any = "unet_any",
    scale: tuple[float, float] | None = None,
) -> Any:
    """Restore the holes of a picture of any size.

    Windows of 64 pixels on one grid, 25 apart, go through the network, and their answers are
    blended; one of which more is known counts for more. Three bands go through it together, in the
    order given, as red, green and blue; any other number one by one, each as three equal channels.
    A hole pixel with no known pixel within 39 rows and columns may be out of reach of every window:
    it is left as it is, see :func:`provenance`.

    Args:
        scene: (height, width, bands), a NumPy or a Dask array: uint8, uint16, int16 or another
            integer of at most 32 bits, float32 or float64. What holes hold is never looked at.
        known: bool (height, width), True where a pixel is known, False in the holes; or (height,
            width, bands), for each band: then bands are restored one by one.
        model: name of a shipped network that restores, or of a classical fill of
            ``baselines.FILLS``. With a NumPy array also a Keras network, or any function, as of
            ``metrics.evaluate``.
        scale: (low, high), the values that the network sees as 0 and 1; what is restored lies
            between them. By default (0, 255) for uint8. A NumPy array of another dtype takes the
            0.5th and the 99.5th percentile of its known pixels, and says so in a line. Reflectances
            of Sentinel-2 times 10,000 look like EuroSAT at (0, 2750); from baseline 04.00 on, of
            January 2022, 1,000 is added to them, so (1000, 3750).

    Returns:
        The restored scene, an array of the same kind, shape, dtype and chunks, computed when it is
        asked for if it is Dask's. Known pixels are bit-identical. How it is cut into chunks, and
        where they are computed, changes no bit.

    Raises:
        ImportError: for a Dask array without Dask.
        TypeError: if the scene is no array of real numbers, ``known`` not bool, or ``model``
            neither a name nor, beside NumPy, a network.
        ValueError: for shapes that do not fit together, an unknown name, a scale that is no pair
            of increasing numbers, or none where it has to be told; if nothing is known; if a known
            pixel is NaN or infinite, of Dask when it is computed.

    Example:
        >>> scene = np.full((100, 150, 3), 120, np.uint8)
        >>> known = np.ones((100, 150), bool)
        >>> known[:, 40:50] = False
        >>> restored = restore(scene, known, model="push_pull")
        >>> restored.shape, bool((restored[known] == scene[known]).all())
        ((100, 150, 3), True)
    """
    lazily = _is_dask(scene)
    _require_scene(scene)
    known = _as_known(known, scene)
    answer = answer_of(model, lazily)
    if not lazily and not known.any():
        raise ValueError("known must have at least one known pixel")
    if scale is None and scene.dtype != np.uint8:
        if lazily:
            raise ValueError(
                f"scale must be given for a Dask array of {scene.dtype}: the values that look "
                "black and white, such as (0, 2750)"
            )
        scale = told_scale(_known_values(scene, known))
    part = partial(restored_part, answer, scale=as_scale(scale, scene.dtype))
    return _lazily(part, scene, known) if lazily else _at_once(part, scene, known)


def provenance(known: np.ndarray) -> np.ndarray:
    """Which pixels of a restored scene were seen, which are made up, and which were left.

    Args:
        known: bool (height, width), as of :func:`restore`.

    Returns:
        uint8 (height, width): 0 seen, 1 restored, 2 left as they were, since no window holds them
        and a known pixel.

    Raises:
        TypeError: if it is not bool.
        ValueError: for another shape.

    Example:
        >>> known = np.zeros((64, 300), bool)
        >>> known[:, :10] = True
        >>> found = provenance(known)
        >>> found[0, 5], found[0, 40], found[0, 250]
        (np.uint8(0), np.uint8(1), np.uint8(2))
    """
    known = np.asanyarray(known)
    if known.dtype != bool:
        raise TypeError(f"known must be bool, got {known.dtype}")
    if known.ndim != 2 or not known.size:
        raise ValueError(f"known must have shape (height, width), got {known.shape}")
    found = np.full(known.shape, LEFT, np.uint8)
    for row in origins(0, known.shape[0]):
        for column in origins(0, known.shape[1]):
            window = np.s_[max(0, row) : row + SIDE, max(0, column) : column + SIDE]
            if known[window].any():
                found[window] = RESTORED
    found[known] = SEEN
    return found


def answer_of(model: Any, by_name: bool = False, error: bool = False) -> Callable:
    """What a network or a fill says of windows, a function (masked, masks) -> restored.

    A name becomes a network where and when it is first called: that is done once per process, and
    no network is sent from one process to another.

    Args:
        model: as of :func:`restore`.
        by_name: refuse anything but a name.
        error: let the expected error be a fourth channel.

    Raises:
        TypeError, ValueError: as :func:`restore`; also for a network without a head for errors.
    """
    if isinstance(model, str):
        require_choice("model", model, (*pretrained.names(), *FILLS))
        if error:
            require_choice("model", model, uncertainty.names())
        return partial(_answer_by_name, model, error)
    if by_name:
        raise TypeError(f"model must be a name where it is sent to others, got {model!r}")
    restorer = pretrained.as_restorer(model, np.empty((1, SIDE, SIDE, 3)), known_count=False)
    return lambda masked, masks: restorer(masked, masks, 0)


def _answer_by_name(name, error, masked, masks):
    with _ONE_AT_A_TIME:
        if error:
            return np.concatenate(uncertainty.restored_and_error(name, masked, masks), axis=-1)
        method = FILLS.get(name) or pretrained.loaded(name)
        restore = pretrained.as_restorer(method, masked, known_count=False)
        return restore(masked, masks, 0)


def restored_part(
    answer: Callable,
    scene: np.ndarray,
    known: np.ndarray,
    corner: tuple[int, int],
    inner: tuple[slice, slice],
    *,
    scale: tuple[float, float],
    wanted: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Restore a part of a scene, given with as much around it as there is, and as is needed.

    Args:
        answer: of :func:`answer_of`.
        scene: (height, width, bands), the part and what is around it.
        known: bool, the same, without bands or with them.
        corner: row and column of the part in the whole scene.
        inner: rows and columns of the part in what is given.
        scale: (low, high).
        wanted: bool, of the part alone: pixels to be restored, where these are not all holes.

    Returns:
        The part, restored; where its holes were reached in every band, bool; and the expected
        error in the units of the scene, float32 (height, width), 0 unless ``answer`` tells it.
    """
    low, high = scale
    whole = scene[inner].copy()
    reached = np.ones(whole.shape[:2], bool)
    errors = []
    for bands, known_here in _groups(scene.shape[2], known):
        values = scene[..., bands]
        if not np.isfinite(values[known_here]).all():
            raise ValueError("scene must be finite where it is known, got NaN or infinity")
        seen = np.where(known_here[..., None], values, low)
        tiles = np.clip((seen.astype(np.float64) - low) / (high - low), 0, 1).astype(np.float32)
        tiles = tiles * known_here[..., None]
        padding = [
            (MARGIN - cut.start, MARGIN - (size - cut.stop))
            for cut, size in zip(inner, known_here.shape, strict=True)
        ]
        holes = ~known_here[inner] if wanted is None else wanted
        blended, here = restored_block(
            answer,
            np.pad(np.broadcast_to(tiles, (*tiles.shape[:2], 3)), [*padding, (0, 0)]),
            np.pad(known_here, padding),
            holes,
            corner,
        )
        if here.any():
            colours = (
                blended[..., :3] if len(bands) == 3 else blended[..., :3].mean(axis=-1)[..., None]
            )
            found = low + colours.astype(np.float64) * (high - low)
            for number, band in enumerate(bands):
                whole[..., band][here] = _as_dtype(found[..., number][here], scene.dtype)
        errors.append((high - low) * blended[..., 3:].sum(axis=-1))
        reached &= here | ~holes
    return whole, reached, np.mean(errors, axis=0).astype(np.float32)


def as_scale(scale: Any, dtype: np.dtype) -> tuple[float, float]:
    """A scale as two numbers, or that of uint8.

    Raises:
        ValueError: unless it is a pair of increasing finite numbers, or None beside uint8.
    """
    if scale is None and dtype == np.uint8:
        return 0.0, 255.0
    if not isinstance(scale, (tuple, list)) or len(scale) != 2:
        raise ValueError(f"scale must be a pair (low, high), got {scale!r}")
    largest = float(np.finfo(np.float32).max)
    low, high = (as_number(f"scale[{i}]", scale[i], -largest, largest) for i in (0, 1))
    if not low < high:
        raise ValueError(f"scale must be a pair (low, high) with low < high, got {scale!r}")
    return low, high


def told_scale(values: np.ndarray) -> tuple[float, float]:
    """A scale from the known pixels' percentiles, said in a line.

    Raises:
        ValueError: if they are all alike, or none of them is finite.
    """
    values = values[np.isfinite(values)]
    low, high = np.percentile(values, _PERCENTILES) if values.size else (0, 0)
    if not low < high:
        raise ValueError("scale must be given, since the known pixels do not differ: (low, high)")
    print(
        f"Scale: {low:g} to {high:g}, the {_PERCENTILES[0]}th and the {_PERCENTILES[1]}th "
        "percentile of the known pixels; give scale=(low, high) for another",
        flush=True,
    )
    return float(low), float(high)


def parts_of(height: int, width: int) -> Iterator[tuple[slice, slice]]:
    """Rows and columns of the parts of a large scene, row by row."""
    for top in range(0, height, PART):
        for left in range(0, width, PART):
            yield slice(top, min(top + PART, height)), slice(left, min(left + PART, width))


def with_margin(
    part: tuple[slice, slice], shape: tuple[int, ...]
) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """A part with what its windows see around it, and where in that the part lies."""
    outer = tuple(
        slice(max(0, cut.start - MARGIN), min(size, cut.stop + MARGIN))
        for cut, size in zip(part, shape, strict=False)
    )
    inner = tuple(
        slice(cut.start - around.start, cut.stop - around.start)
        for cut, around in zip(part, outer, strict=True)
    )
    return outer, inner  # type: ignore[return-value]


def _at_once(part, scene, known):
    restored = np.empty_like(scene)
    left = 0
    for cut in parts_of(*scene.shape[:2]):
        outer, inner = with_margin(cut, scene.shape)
        corner = cut[0].start, cut[1].start
        restored[cut], reached, _ = part(scene[outer], known[outer], corner, inner)
        left += int((~reached).sum())
    if left:
        print(f"{left:,} pixels are too far from any known one and were left", flush=True)
    return restored


def _lazily(part, scene, known):
    import dask.array as da
    from dask import delayed

    def one(given, known_here, corner, inner):
        return part(given, known_here, corner, inner)[0]

    known = da.asarray(known)
    rows, columns = (np.cumsum([0, *scene.chunks[axis]]) for axis in (0, 1))
    blocks = []
    for top, bottom in zip(rows, rows[1:], strict=False):
        line = []
        for left, right in zip(columns, columns[1:], strict=False):
            cut = slice(int(top), int(bottom)), slice(int(left), int(right))
            outer, inner = with_margin(cut, scene.shape)
            corner = cut[0].start, cut[1].start
            task = delayed(one, pure=True)(scene[outer], known[outer], corner, inner)
            shape = bottom - top, right - left, scene.shape[2]
            line.append(da.from_delayed(task, shape, scene.dtype, meta=np.empty((0,), scene.dtype)))
        blocks.append(line)
    # Bands may be chunks of their own.
    return da.concatenate([da.concatenate(line, axis=1) for line in blocks]).rechunk(scene.chunks)


def _groups(bands, known):
    """Bands that go through the network together, and which of their pixels are known."""
    if known.ndim == 2:
        groups = [[0, 1, 2]] if bands == 3 else [[band] for band in range(bands)]
        return [(group, known) for group in groups]
    return [([band], known[..., band]) for band in range(bands)]


def _as_dtype(values, dtype):
    if is_float(dtype):
        return values.astype(dtype)
    limits = np.iinfo(dtype)
    return np.clip(np.rint(values), limits.min, limits.max).astype(dtype)


def _known_values(scene, known):
    return scene[known if known.ndim == 3 else np.broadcast_to(known[..., None], scene.shape)]


def _is_dask(scene):
    return type(scene).__module__.startswith("dask.") and hasattr(scene, "chunks")


def _require_scene(scene):
    """Raise an error unless it is an array of three axes and of numbers that can be restored."""
    if np.ma.isMaskedArray(scene):
        raise TypeError(
            "scene must not be a masked array: give its data as scene and the inverse of its mask "
            "as known"
        )
    if not isinstance(scene, np.ndarray) and not _is_dask(scene):
        raise TypeError(f"scene must be a NumPy or Dask array, got {type(scene).__name__}")
    if len(scene.shape) != 3 or 0 in scene.shape:
        raise ValueError(f"scene must have shape (height, width, bands), got {tuple(scene.shape)}")
    require_numbers("scene", scene.dtype)


def require_numbers(name: str, dtype: Any) -> None:
    """Raise a TypeError unless it is a dtype that scenes may have."""
    dtype = np.dtype(dtype)
    integer = dtype.kind in "iu" and dtype.itemsize <= 4
    if not integer and dtype not in (np.dtype(np.float32), np.dtype(np.float64)):
        raise TypeError(
            f"{name} must be of integers of at most 32 bits, float32 or float64, got {dtype}"
        )


def _as_known(known, scene):
    if not (isinstance(known, np.ndarray) or _is_dask(known)) or known.dtype != bool:
        given = getattr(known, "dtype", type(known).__name__)
        raise TypeError(f"known must be an array of bool, True where known, got {given}")
    shapes = (tuple(scene.shape[:2]), tuple(scene.shape))
    if tuple(known.shape) not in shapes:
        raise ValueError(
            f"known must have shape {shapes[0]}, or {shapes[1]} for each band, got "
            f"{tuple(known.shape)}"
        )
    # A mask of Dask's beside an array of NumPy's is computed: it has to be seen whole.
    return known.compute() if _is_dask(known) and not _is_dask(scene) else known
