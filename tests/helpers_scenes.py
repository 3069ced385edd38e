"""Scenes made of synthetic tiles, with holes, and files of them."""

import numpy as np

from eurosat_inpaint.data import synthetic_tiles
from eurosat_inpaint.masks import cloud_masks, line_masks


def made_scene(height=150, width=210, bands=3, dtype=np.uint8, seed=0):
    """A scene laid out of tiles, on a scale of its dtype: (height, width, bands)."""
    down, across = -(-height // 64), -(-width // 64)
    images = synthetic_tiles(down * across, seed=seed)[0]
    rows = [np.concatenate([*images[r * across : (r + 1) * across]], axis=1) for r in range(down)]
    whole = np.concatenate(rows)[:height, :width]
    whole = np.concatenate([whole] * -(-bands // 3), axis=2)[..., :bands]
    if dtype == np.uint8:
        return whole
    return (whole.astype(np.float64) * (2750 / 255)).astype(dtype)


def made_known(height=150, width=210, seed=0):
    """Which pixels are known under a large cloud and some lines."""
    side = max(height, width)
    cloud = cloud_masks(1, side, coverage=0.6, seed=seed)[0, :height, :width, 0] == 1
    lines = line_masks(1, side, lines=20, seed=seed)[0, :height, :width, 0] == 1
    return cloud | lines


def write_raster(path, values, **settings):
    """Write (height, width, bands) or (height, width) as a GeoTIFF; returns the path."""
    import rasterio

    values = values[..., None] if values.ndim == 2 else values
    profile = {
        "driver": "GTiff",
        "width": values.shape[1],
        "height": values.shape[0],
        "count": values.shape[2],
        "dtype": values.dtype,
        "crs": "EPSG:32633",
        "transform": rasterio.Affine(10, 0, 465_000, 0, -10, 5_080_000),
    }
    with rasterio.open(path, "w", **profile | settings) as file:
        file.write(values.transpose(2, 0, 1))
    return path


def read_raster(path):
    """Values of a file, (height, width, bands)."""
    import rasterio

    with rasterio.open(path) as file:
        return file.read().transpose(1, 2, 0)
