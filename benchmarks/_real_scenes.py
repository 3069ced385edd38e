"""Scenes with truth and the holes to be filled in them, from ``EUROSAT_INPAINT_SCENES``.

Errors are compared block by block of 64 x 64 pixels: the squared error of the holes of a block, one
method's and the other's, is a pair.
"""

import io
import os
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import eurosat_inpaint as ei

VARIABLE = "EUROSAT_INPAINT_SCENES"
_BLOCK = 64
# Reflectances times 10,000 that look black and white, as in EuroSAT.
SENTINEL2_SCALE = (0, 2750)
DATES = 3


@dataclass
class Case:
    """A scene (height, width, bands) on the scale of its file, what is known of it, its scale."""

    name: str
    scene: np.ndarray
    known: np.ndarray
    scale: tuple[float, float]


def folder() -> Path:
    """Where the scenes lie.

    Raises:
        SystemExit: if the variable is not set.
    """
    if VARIABLE not in os.environ:
        raise SystemExit(f"error: {VARIABLE} must name the folder of the scenes")
    return Path(os.environ[VARIABLE])


def landsat() -> Case:
    """Landsat 7, red, green and blue, under real scan-line gaps that were mirrored to its size."""
    import rasterio

    with rasterio.open(folder() / "landsat7_etm.tif") as file:
        scene = file.read([3, 2, 1]).transpose(1, 2, 0)
    with rasterio.open(folder() / "landsat7_slc_off.tif") as file:
        known = np.isfinite(file.read(1))
    more = [(0, size - of) for size, of in zip(scene.shape, known.shape, strict=False)]
    known = np.pad(known, more, mode="symmetric")
    return Case("Landsat", scene, known, (0, 255))


def sentinel2(bands: tuple[int, ...] = (4, 3, 2)) -> Iterator[Case]:
    """Three clear dates of Sentinel-2 under 17 real cloud masks of the same place.

    Red, green and blue on the scale of EuroSAT, other bands on that of their known pixels.
    """
    import rasterio

    with rasterio.open(folder() / "sentinel2_cloud_masks.tif") as file:
        clouds = file.read() == 1
    for date in range(1, DATES + 1):
        with rasterio.open(folder() / f"sentinel2_clear_{date}.tif") as file:
            scene = file.read(list(bands)).transpose(1, 2, 0)
        for number, cloud in enumerate(clouds, start=1):
            scale = SENTINEL2_SCALE
            if bands != (4, 3, 2):
                low, high = np.percentile(scene[~cloud], (0.5, 99.5))
                scale = float(low), float(high)
            yield Case(f"Sentinel-2, date {date}, mask {number}", scene, ~cloud, scale)


def restored_by(model: object) -> Callable[[Case], np.ndarray]:
    """A function that restores a case by a network or a fill, in windows."""

    def restore(case):
        # What is said of pixels that are left is counted here.
        with redirect_stdout(io.StringIO()):
            return ei.scenes.restore(case.scene, case.known, model=model, scale=case.scale)

    return restore


def by_push_pull(case: Case) -> np.ndarray:
    """Push-pull over the scene as a whole, as it is meant."""
    low, high = case.scale
    unit = (case.scene.astype(np.float32) - low) / (high - low)
    unit = np.where(case.known[..., None], unit, 0)[None]
    filled = ei.compositing.push_pull(unit, case.known[None, ..., None].astype(np.float32))[0]
    filled = np.rint(low + filled * (high - low)).astype(case.scene.dtype)
    return np.where(case.known[..., None], case.scene, filled)


def by_fillnodata(case: Case) -> np.ndarray:
    """What GDAL does: distances to known pixels in all directions weigh them."""
    from rasterio.fill import fillnodata

    bands = [
        fillnodata(band.astype(np.float32), case.known.astype(np.uint8), max_search_distance=200)
        for band in case.scene.transpose(2, 0, 1)
    ]
    filled = np.rint(np.stack(bands, axis=-1)).astype(case.scene.dtype)
    return np.where(case.known[..., None], case.scene, filled)


def block_errors(
    case: Case, restored: np.ndarray, nearest: float | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Of each block with a hole the sum of squared errors, and how many values it is of.

    Args:
        nearest: if given, only hole pixels count that are so near to a known one, in pixels.

    Returns:
        float64 (blocks, bands) and (blocks,): errors on the scale of the case.
    """
    low, high = case.scale
    holes = ~case.known & (ei.scenes.provenance(case.known) == 1)
    if nearest is not None:
        holes &= ei.metrics.distances_to_known(case.known[None, ..., None])[0] <= nearest
    squared = ((restored.astype(float) - case.scene) / (high - low)) ** 2 * holes[..., None]
    sums, counts = [], []
    for top in range(0, holes.shape[0], _BLOCK):
        for left in range(0, holes.shape[1], _BLOCK):
            block = np.s_[top : top + _BLOCK, left : left + _BLOCK]
            if holes[block].any():
                sums.append(squared[block].sum(axis=(0, 1)))
                counts.append(holes[block].sum())
    return np.array(sums), np.array(counts, float)


def relative_difference(errors: np.ndarray, reference: np.ndarray) -> dict[str, float]:
    """How much less than a reference, in parts of it, with a paired 95 % interval.

    Args:
        errors, reference: one score, or sum of squared errors, per tile or block, (n,).
    """
    low, high = ei.metrics.bootstrap_interval(errors - reference, reference)
    difference = errors.sum() / reference.sum() - 1
    return {"difference": float(difference), "low": low, "high": high}
