"""Scenes as files: GeoTIFF, PNG and JPEG in, GeoTIFF or PNG out, block by block.

rasterio reads and writes, Dask's threads or its cluster compute. One process writes, and only to a
temporary file that takes the target's name when it is whole.
"""

import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np

from eurosat_inpaint._checks import as_integers, as_path, require_choice, require_flag
from eurosat_inpaint.scenes.restoring import (
    LEFT,
    OUTSIDE,
    RESTORED,
    SEEN,
    answer_of,
    as_scale,
    parts_of,
    require_numbers,
    restored_part,
    told_scale,
    with_margin,
)

_DRIVERS = {".tif": "GTiff", ".tiff": "GTiff", ".png": "PNG"}
_LOSSLESS = ("deflate", "lzw", "zstd", "packbits", "lzma")
_MASK_MEANINGS = ("holes", "known")
# Threads that read and prepare parts; the network computes for one at a time, on all cores.
_THREADS = 2
_STATES = {"seen": SEEN, "restored": RESTORED, "left": LEFT, "outside": OUTSIDE}
# Side of the blocks in which a file is stored.
_BLOCK = 256
_CACHE_BYTES = 64 * 2**20
# Pixels along the longer side of the overview from which a scale is taken.
_OVERVIEW = 1024
# Tags in which GDAL remembers what the values were.
_STALE = "STATISTICS_"


def restore_file(
    source: str | os.PathLike,
    target: str | os.PathLike,
    mask: str | os.PathLike | None = None,
    *,
    mask_is: str = "holes",
    fill_nodata: bool = False,
    bands: tuple[int, ...] | None = None,
    scale: tuple[float, float] | None = None,
    model: str = "unet_any",
    error: str | os.PathLike | None = None,
    provenance: str | os.PathLike | None = None,
    scheduler: str | None = None,
    progress: bool = False,
) -> dict[str, int]:
    """Restore the holes of a scene in a file, in memory that does not grow with its height.

    Coordinates, data type, nodata value, descriptions, units, tags and colour interpretation are
    kept, and so is every known pixel, to the bit. Pixels without data, by the nodata value, a mask
    or an alpha band of the file, are never taken for known; they are restored only where
    ``fill_nodata`` asks for it and they lie inside the footprint, between pixels with data in their
    row or in their column: the collar around a scene is no hole.

    Args:
        source: a GeoTIFF, or whatever else rasterio reads, of integers of at most 32 bits, float32
            or float64.
        target: a .tif or .png file to write; it may be the source, which is then replaced. A JPEG
            would change known pixels.
        mask: a file of one band and of the size of the source, 0 or not 0 in each pixel. Needed
            unless ``fill_nodata``.
        mask_is: whether what is not 0 in the mask are the "holes" or the "known" pixels.
        fill_nodata: restore pixels without data inside the footprint.
        bands: of the source, counted from 1, that the target holds, in this order; by default all.
            Three bands, an alpha band not counted, go through the network together as red, green
            and blue, others one by one.
        scale, model: as of :func:`restore`; the scale may be left out for any data type.
        error: a .tif file to write, float32: the expected absolute error of each restored pixel, in
            the units of the scene, the mean over its bands; 0 where it was seen, NaN where it was
            left and outside. ``model`` has to be one of ``uncertainty.names()``.
        provenance: a .tif file to write, uint8: 0 seen, 1 restored, 2 left (a hole that is out of
            reach, see :func:`restore`, or has no data and was not asked for), 255 outside of the
            footprint.
        scheduler: address of a Dask cluster, such as "tcp://127.0.0.1:8786", whose workers see the
            same files; by default threads of this process.
        progress: show a progress bar with the time left.

    Returns:
        How many pixels were "seen", "restored", "left" and "outside".

    Raises:
        ImportError: without rasterio or Dask; it names the extra.
        FileNotFoundError: if there is no such source, mask, or folder for the target.
        TypeError: for another data type, or paths that are none.
        ValueError: for files that rasterio cannot read, palettes, sizes that differ, bands that are
            not there, a mask that has no hole or no known pixel, an unknown model, two files to
            write of one name, or as :func:`restore`.
        OSError: if a file cannot be written: the target is then as it was.

    Example:
        >>> restore_file("scene.tif", "restored.tif", mask="clouds.tif")  # doctest: +SKIP
        {'seen': 96120, 'restored': 3880, 'left': 0, 'outside': 0}
    """
    _require_extras()
    require_choice("mask_is", mask_is, _MASK_MEANINGS)
    for name, flag in (("fill_nodata", fill_nodata), ("progress", progress)):
        require_flag(name, flag)
    answer = answer_of(model, by_name=True, error=error is not None)
    if mask is None and not fill_nodata:
        raise ValueError("mask must name a file, unless fill_nodata says that nodata are the holes")
    targets = _targets(target, error, provenance)
    source = _existing("source", source)
    mask = None if mask is None else _existing("mask", mask)
    job = _Job(str(source), None if mask is None else str(mask), mask_is, fill_nodata)
    with _environment(), _opened("source", source) as file:
        chosen = _chosen(file, bands)
        job.look_at(file, chosen)
        _require_same_size(file, mask)
        job.survey(file)
        scale = job.scale(file, scale)
        with ExitStack() as stack:
            files = {
                name: stack.enter_context(_written(name, path, file, job, chosen))
                for name, path in targets.items()
            }
            return _restored(file, job, files, answer, scale, scheduler, progress)


@dataclass
class _Job:
    """What is to be restored: it is sent to workers, and holds paths and small arrays only."""

    source: str
    mask: str | None
    mask_is: str
    fill_nodata: bool
    bands: tuple[int, ...] = ()
    nodata: tuple[float | None, ...] = ()
    # Of each row, and of each column, the first pixel with data, and the one behind the last.
    in_rows: Any = None
    in_columns: Any = None

    def look_at(self, file: Any, chosen: tuple[int, ...]) -> None:
        """Take the bands that can be restored, or raise an error for what cannot."""
        from rasterio.enums import ColorInterp

        kinds = [file.colorinterp[band - 1] for band in chosen]
        if ColorInterp.palette in kinds:
            raise ValueError("source must hold values, not the numbers of colours of a palette")
        self.bands = tuple(
            band for band, kind in zip(chosen, kinds, strict=True) if kind != ColorInterp.alpha
        )
        if not self.bands:
            raise ValueError("bands must be more than an alpha band")
        dtypes = {file.dtypes[band - 1] for band in chosen}
        if len(dtypes) > 1:
            raise TypeError(f"source must have bands of one data type, got {sorted(dtypes)}")
        require_numbers("source", dtypes.pop())
        self.nodata = tuple(file.nodatavals[band - 1] for band in self.bands)

    def survey(self, file: Any) -> None:
        """Find the footprint; raise an error unless there are known pixels and holes."""
        height, width = file.shape
        self.in_rows = np.array([np.full(height, width), np.zeros(height, int)])
        self.in_columns = np.array([np.full(width, height), np.zeros(width, int)])
        parts = list(parts_of(height, width))
        some_known = False
        for part in parts:
            has_data, is_hole = self._masks(file, part)
            some_known |= bool((has_data & ~is_hole).any())
            for axis, bounds in enumerate((self.in_rows, self.in_columns)):
                lines = has_data if axis == 0 else has_data.T
                present = lines.any(axis=1)
                place = np.arange(part[axis].start, part[axis].stop)[present]
                first = part[1 - axis].start + lines.argmax(axis=1)[present]
                behind = part[1 - axis].stop - lines[:, ::-1].argmax(axis=1)[present]
                bounds[0, place] = np.minimum(bounds[0, place], first)
                bounds[1, place] = np.maximum(bounds[1, place], behind)
        if not some_known:
            other = "known" if self.mask_is == "holes" else "holes"
            raise ValueError(
                "mask must leave some pixel with data known, and covers them all"
                + (f": are what is not 0 in it the {other}?" if self.mask else "")
            )
        masks = ((part, *self._masks(file, part)) for part in parts)
        if not any(self._states(has, is_hole, part)[1].any() for part, has, is_hole in masks):
            raise ValueError(
                "mask must cover some pixel of the scene: there is nothing to restore"
                if self.mask
                else "source must have pixels without data between others: there is nothing to "
                "restore"
            )

    def scale(self, file: Any, scale: Any) -> tuple[float, float]:
        """The scale as it was told, or taken from an overview of the known pixels."""
        dtype = np.dtype(file.dtypes[self.bands[0] - 1])
        if scale is not None or dtype == np.uint8:
            return as_scale(scale, dtype)
        step = max(1, max(file.shape) // _OVERVIEW)
        shape = tuple(max(1, size // step) for size in file.shape)
        overview = file.read(list(self.bands), out_shape=(len(self.bands), *shape))
        known = file.dataset_mask(out_shape=shape) > 0
        if self.mask:
            with _opened("mask", self.mask) as other:
                known &= (other.read(1, out_shape=shape) != 0) == (self.mask_is == "known")
        return told_scale(overview[:, known])

    def restored(
        self, part: tuple[slice, slice], answer: Callable, scale: tuple[float, float]
    ) -> dict[str, np.ndarray]:
        """A part, restored: its "target" (bands, height, width), "provenance", "error"."""
        with _environment(), _opened("source", self.source) as file:
            outer, inner = with_margin(part, file.shape)
            values = file.read(list(self.bands), window=_window(outer)).transpose(1, 2, 0)
            has_data, is_hole = self._masks(file, outer)
            outside, wanted = self._states(has_data[inner], is_hole[inner], part)
            corner = part[0].start, part[1].start
            given = values, has_data & ~is_hole, corner, inner
            whole, reached, error = restored_part(answer, *given, scale=scale, wanted=wanted)
        found = np.full(wanted.shape, SEEN, np.uint8)
        found[~has_data[inner]] = LEFT
        found[wanted] = np.where(reached[wanted], RESTORED, LEFT)
        found[outside] = OUTSIDE
        made_up = found == RESTORED
        for band, nodata in enumerate(self.nodata):
            # What is restored must not look like what is missing.
            if nodata is not None:
                missing = made_up & (whole[..., band] == nodata)
                whole[..., band][missing] = _beside(nodata, whole.dtype)
        error[found == SEEN] = 0
        error[(found == LEFT) | (found == OUTSIDE)] = np.nan
        return {
            "target": whole.transpose(2, 0, 1),
            "provenance": found[None],
            "error": error[None],
        }

    def _states(self, has_data, is_hole, part):
        """Of a part: what lies outside the footprint, and what is to be restored."""
        inside = np.zeros(has_data.shape, bool)
        for axis, bounds in enumerate((self.in_rows, self.in_columns)):
            first, behind = bounds[:, part[axis], None]
            along = np.arange(part[1 - axis].start, part[1 - axis].stop)
            between = (first <= along) & (along < behind)
            inside |= between if axis == 0 else between.T
        missing = ~has_data & inside
        wanted = is_hole & (has_data | inside)
        return ~has_data & ~inside, wanted | missing if self.fill_nodata else wanted

    def _masks(self, file, part):
        """Which pixels have data, and which the mask calls holes."""
        window = _window(part)
        has_data = file.dataset_mask(window=window) > 0
        if np.issubdtype(np.dtype(file.dtypes[0]), np.floating):
            has_data &= np.isfinite(file.read(list(self.bands), window=window)).all(axis=0)
        if self.mask is None:
            return has_data, np.zeros(has_data.shape, bool)
        with _opened("mask", self.mask) as other:
            given = other.read(1, window=window) != 0
        return has_data, given == (self.mask_is == "holes")


def _restored(file, job, files, answer, scale, scheduler, progress):
    """Restore part after part, write each where it belongs, and count the states of pixels."""
    from tqdm import tqdm

    counts = dict.fromkeys(_STATES, 0)
    strips: dict[int, list] = {}
    for part in parts_of(*file.shape):
        strips.setdefault(part[0].start, []).append(part)
    settings = {"desc": "Restoring", "unit": "px", "unit_scale": True, "leave": False}
    total = file.width * file.height
    with (
        tqdm(total=total, disable=None if progress else True, **settings) as bar,
        _engine(scheduler, bar.update) as compute,
    ):
        # A strip at a time: what is computed is written before more is.
        for parts in strips.values():
            tasks = [(job, part, answer, scale) for part in parts]
            for part, found in zip(parts, compute(tasks), strict=True):
                for name, writer in files.items():
                    writer(part, found[name], found["provenance"][0] == RESTORED)
                for name, state in _STATES.items():
                    counts[name] += int((found["provenance"] == state).sum())
    return counts


@contextmanager
def _engine(scheduler: str | None, advance: Callable) -> Iterator[Callable]:
    """A function that computes tasks, by Dask's threads or on a cluster, and says how far it is."""
    import dask

    def delayed(tasks):
        return [dask.delayed(_Job.restored, pure=False)(*task) for task in tasks]

    if scheduler is None:
        from dask.callbacks import Callback

        def done(key, result, *_):
            if isinstance(result, dict):
                advance(result["provenance"].size)

        def compute(tasks):
            with Callback(posttask=done):
                return dask.compute(*delayed(tasks), scheduler="threads", num_workers=_THREADS)

        yield compute
        return
    try:
        from distributed import Client, as_completed
    except ImportError as problem:
        raise ImportError(
            "distributed is needed for a cluster: pip install 'dask[distributed]'"
        ) from problem
    with Client(scheduler, set_as_default=False) as client:

        def compute_there(tasks):
            futures = client.compute(delayed(tasks))
            with client.as_current():
                for _, found in as_completed(futures, with_results=True):
                    advance(found["provenance"].size)
            return client.gather(futures)

        yield compute_there


@contextmanager
def _written(name: str, path: Path, file: Any, job: _Job, chosen: tuple[int, ...]) -> Iterator:
    """A function that writes a part; what it wrote takes the file's name when all is well."""
    import rasterio
    from rasterio.enums import MaskFlags

    part_path = path.with_name(f".{path.name}.part")
    with suppress(FileNotFoundError):
        part_path.unlink()
    has_mask = name == "target" and file.mask_flag_enums[0] == [MaskFlags.per_dataset]
    written: dict[Any, int] = {}
    try:
        with _without_coordinates():
            target = rasterio.open(part_path, "w", **_profile(name, path, file, chosen))
        with target:
            if name == "target":
                _describe(target, file, chosen)

            def write(part, values, made_up):
                window = _window(part)
                whole = values
                if name == "target" and len(chosen) > len(job.bands):
                    whole = file.read(list(chosen), window=window)
                    whole[:, made_up] = _opaque(whole.dtype)
                    whole[[chosen.index(band) for band in job.bands]] = values
                target.write(whole, window=window)
                written[window] = crc32(np.ascontiguousarray(whole))
                if has_mask:
                    mask = file.dataset_mask(window=window)
                    mask[made_up] = 255
                    target.write_mask(mask, window=window)

            yield write
        # GDAL loses errors of writing when a disk is full.
        with _opened(name, part_path) as target:
            for window, digest in written.items():
                if crc32(np.ascontiguousarray(target.read(window=window))) != digest:
                    raise OSError(f"{name} {str(path)!r} was not written whole: is the disk full?")
        os.replace(part_path, path)
        # Of a file that stood there before.
        for suffix in (".aux.xml", ".msk", ".ovr"):
            path.with_name(path.name + suffix).unlink(missing_ok=True)
    finally:
        for leftover in (part_path, part_path.with_name(part_path.name + ".aux.xml")):
            leftover.unlink(missing_ok=True)


def _profile(name, path, file, chosen):
    """What a file to be written is made with."""
    driver = _DRIVERS[path.suffix.lower()]
    profile = {"driver": driver, "width": file.width, "height": file.height, "count": 1}
    if driver == "GTiff":
        compression = file.profile.get("compress", "deflate" if name != "target" else None)
        # What loses something, as JPEG does, would change known pixels.
        if compression is not None and compression.lower() not in _LOSSLESS:
            compression = "deflate"
        profile |= {"crs": file.crs, "transform": file.transform, "BIGTIFF": "IF_SAFER"}
        profile |= {"compress": compression} if compression else {}
        if min(file.shape) >= _BLOCK:
            profile |= {"tiled": True, "blockxsize": _BLOCK, "blockysize": _BLOCK}
    if name == "target":
        profile |= {"count": len(chosen), "dtype": file.dtypes[chosen[0] - 1]}
        profile |= {"nodata": file.nodatavals[chosen[0] - 1]} if driver == "GTiff" else {}
        if driver == "GTiff" and len(chosen) > 1:
            profile["interleave"] = file.profile.get("interleave", "pixel")
        return profile
    kind = {"provenance": ("uint8", OUTSIDE), "error": ("float32", np.nan)}[name]
    return profile | dict(zip(("dtype", "nodata"), kind, strict=True))


def _describe(target, file, chosen):
    """What stands beside the values in the source, in the target."""
    if target.driver == "GTiff":
        target.update_tags(**_tags_of(file))
        for place, band in enumerate(chosen, start=1):
            target.update_tags(place, **_tags_of(file, band))
            if file.descriptions[band - 1]:
                target.set_band_description(place, file.descriptions[band - 1])
        target.scales = [file.scales[band - 1] for band in chosen]
        target.offsets = [file.offsets[band - 1] for band in chosen]
        target.units = [file.units[band - 1] or "" for band in chosen]
        points, system = file.gcps
        if points:
            target.gcps = points, system
        if file.rpcs:
            target.rpcs = file.rpcs
    with suppress(ValueError):
        target.colorinterp = [file.colorinterp[band - 1] for band in chosen]


def _tags_of(file, band=0):
    """Tags of a file or band, but for statistics of values that are others now."""
    return {k: v for k, v in file.tags(band).items() if not k.startswith(_STALE)}


def _beside(nodata, dtype):
    """The number next to a nodata value, nearer to the middle of what there is."""
    if np.issubdtype(dtype, np.floating):
        return np.nextafter(dtype.type(nodata), dtype.type(0 if nodata else 1))
    limits = np.iinfo(dtype)
    return nodata + 1 if nodata < limits.max else nodata - 1


def _opaque(dtype):
    return np.iinfo(dtype).max if dtype.kind in "iu" else 1


def _window(cuts):
    from rasterio.windows import Window

    return Window.from_slices(*cuts)


def _environment():
    """GDAL as this package uses it: little memory of its own, and masks inside of the files."""
    import rasterio

    return rasterio.Env(GDAL_CACHEMAX=_CACHE_BYTES, GDAL_TIFF_INTERNAL_MASK=True)


@contextmanager
def _opened(name: str, path: str | Path) -> Iterator[Any]:
    """A file that rasterio reads, or a ValueError that names it."""
    import rasterio
    from rasterio.errors import RasterioIOError

    with _without_coordinates():
        try:
            file = rasterio.open(path)
        except RasterioIOError as problem:
            raise ValueError(
                f"{name} {str(path)!r} cannot be read as a picture: {problem}"
            ) from problem
        with file:
            yield file


@contextmanager
def _without_coordinates() -> Iterator[None]:
    """A picture without coordinates is as good as another here: rasterio's warning is not shown."""
    from rasterio.errors import NotGeoreferencedWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        yield


def _existing(name, path):
    path = as_path(name, path)
    if not path.is_file():
        raise FileNotFoundError(f"{name} names {str(path)!r}, which is no file")
    return path


def _targets(target, error, provenance):
    """Files to be written, by what goes into them."""
    given = {"target": target, "error": error, "provenance": provenance}
    targets = {name: as_path(name, path) for name, path in given.items() if path is not None}
    for name, path in targets.items():
        endings = tuple(_DRIVERS) if name == "target" else (".tif", ".tiff")
        if path.suffix.lower() not in endings:
            raise ValueError(f"{name} must end in {' or '.join(endings)}, got {str(path)!r}")
        if not path.absolute().parent.is_dir():
            raise FileNotFoundError(f"{name} names {str(path)!r}, whose folder does not exist")
        if path.is_dir():
            raise IsADirectoryError(f"{name} names {str(path)!r}, which is a folder")
    if len({path.absolute() for path in targets.values()}) < len(targets):
        raise ValueError("target, error and provenance must be different files")
    return targets


def _chosen(file, bands):
    """Numbers of the bands that the target holds."""
    chosen = tuple(file.indexes) if bands is None else as_integers("bands", bands)
    for band in chosen:
        require_choice("each of bands", band, file.indexes)
    if len({*chosen}) < len(chosen):
        raise ValueError(f"bands must be different ones, got {chosen}")
    return chosen


def _require_same_size(file, mask):
    if mask is None:
        return
    with _opened("mask", mask) as other:
        if other.shape != file.shape:
            raise ValueError(
                f"mask must have the size of the source, {file.width} x {file.height} pixels, got "
                f"{other.width} x {other.height}"
            )
        if other.count != 1:
            raise ValueError(f"mask must have one band, got {other.count}")


def _require_extras():
    try:
        import dask  # noqa: F401
        import rasterio  # noqa: F401
    except ImportError as problem:
        raise ImportError(
            "rasterio and Dask are needed for files: pip install 'eurosat-inpaint[scenes]'"
        ) from problem
