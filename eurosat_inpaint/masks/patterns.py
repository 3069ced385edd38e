"""Mask families computed pixel by pixel: scan-line gaps, clouds, random pixels.

They are used as ``masks.cloud_masks`` and so on, or by name through ``masks.make``.
"""

import numpy as np

from eurosat_inpaint._checks import (
    LARGEST_LENGTH,
    as_coverage,
    as_integer,
    as_mask_settings,
    as_number,
)
from eurosat_inpaint.masks.painting import blocks, integers_from

# Parts of a pixel, and of a weight, in which the sums below are whole numbers: exact everywhere.
_PARTS = 4096
_WEIGHT = 256
_LATTICE_VALUES = 2**12
_MOST_OCTAVES = 8


def scan_line_gap_masks(
    n: int,
    size: int = 64,
    *,
    period: int = 16,
    widest_gap: int = 7,
    scene_width: int = 256,
    tilt: float = 10,
    position: float | None = None,
    seed: int = 0,
) -> np.ndarray:
    """Cut wedges out of the tile, like those of Landsat 7 with its scan-line corrector off.

    The mirror of Landsat 7 scans to and fro, 16 lines at a time, while the satellite moves on.
    Since the corrector failed on 31 May 2003 the scans zigzag: along each edge of a scene every
    second pair of neighbours gapes, the left edge's gaps half a period from the right edge's.
    About 22 % of a scene is lost, and the middle 20 % of it has no gaps (USGS, "How do Landsat 7
    ETM+ SLC-off data products compare to previous Landsat 7 data?"; Storey et al., "Landsat 7 scan
    line corrector-off gap-filled product development", USGS 2005). A gap is about one pixel of
    30 m wide near the middle, about 14 at the edges, and there is one every two scans, 32 lines:
    half of 14 / 32 makes the 22 %.

    To scale, a tile of 64 pixels of 10 m would see a part of one gap at most, up to 42 pixels
    wide, with nearly parallel sides (``period=96, widest_gap=42, scene_width=18_300``). By default
    the scene is therefore shrunk to four tiles and its gaps to half of their pixels: 7 of 16, the
    same share.

    Args:
        n: number of masks.
        size: side of the tile, in pixels.
        period: distance from gap to gap on one side of the scene, in pixels.
        widest_gap: width of a gap at the scene's edge, in pixels, less than ``period``.
        scene_width: width of the scene, in pixels, ``size`` at least.
        tilt: of the gaps, in degrees from -45 to 45; positive ones fall to the right, as they do
            where the satellite flies to the south-west.
        position: of the tile in the scene, from -1 (left edge) to 1 (right edge). None draws, for
            each mask, one of the tiles into which the scene divides.
        seed: the first k masks of a seed are the same for every n; it also fixes where gaps begin,
            so that masks of one seed at several positions fit together.

    Returns:
        float32 array of shape (n, size, size, 1): 1 = known, 0 = hole. Coverage follows from the
        position; where gaps are narrower than a pixel a mask may have no hole.

    Raises:
        ValueError: for a number outside its range; it names the argument.
        MemoryError: if so many masks do not fit into memory.
    """
    n, size, seed = as_mask_settings(n, size, seed)
    period = as_integer("period", period, 2, LARGEST_LENGTH)
    widest_gap = as_integer("widest_gap", widest_gap, 1)
    if widest_gap >= period:
        raise ValueError(f"widest_gap must be less than period, {period}, got {widest_gap!r}")
    scene_width = as_integer("scene_width", scene_width, size, LARGEST_LENGTH)
    tilt = as_number("tilt", tilt, -45, 45)
    if position is not None:
        position = as_number("position", position, -1, 1)
    generator = np.random.default_rng(seed)
    slope = int(np.floor(_PARTS * np.tan(np.deg2rad(tilt)) + 0.5))
    masks = np.empty((n, size, size, 1), np.float32)
    for part in blocks(n, size**2):
        uniforms = generator.random((part.stop - part.start, 2))
        starts = integers_from(uniforms[:, 0], 0, _PARTS * period - 1)
        if position is None:
            tiles = scene_width // size
            lefts = integers_from(uniforms[:, 1], 0, tiles - 1) * size + scene_width % size // 2
        else:
            left = np.floor((position + 1) / 2 * (scene_width - size) + 0.5)
            lefts = np.full(len(uniforms), left, np.int64)
        columns = lefts[:, None] + np.arange(size)
        # From the middle of the scene in half pixels: gaps widen with it, and change sides.
        aside = 2 * columns - (scene_width - 1)
        shifts = starts[:, None] - slope * columns + (aside > 0) * (_PARTS * period // 2)
        rows = _PARTS * np.arange(size)[:, None]
        below = (rows + shifts[:, None]) % (_PARTS * period)
        from_gap = np.minimum(below, _PARTS * period - below)
        widths = _PARTS * widest_gap * np.abs(aside)
        masks[part, ..., 0] = 2 * scene_width * from_gap >= widths[:, None]
    return masks


def cloud_masks(
    n: int,
    size: int = 64,
    *,
    coverage: float = 0.6,
    scale: int = 32,
    octaves: int = 4,
    roughness: float = 0.5,
    seed: int = 0,
) -> np.ndarray:
    """Hide the tile under clouds with soft outlines: thresholded fractal value noise.

    Noise is a sum of layers, each drawn on a grid and smoothly interpolated; from layer to layer
    the grid is twice as fine and the strength falls by ``roughness``. Where the sum is highest,
    there are clouds.

    Args:
        n: number of masks.
        size: side of the tile, in pixels.
        coverage: fraction known, between 0 and 1. Every mask has it, to the pixel; at least one
            pixel is known and one a hole.
        scale: spacing of the coarsest grid, in pixels: roughly the size of a cloud.
        octaves: number of layers, 1 to 8: more give finer outlines. None is finer than a pixel:
            with a ``scale`` of 4 there are three at most.
        roughness: strength of a layer relative to the one before, 0 to 1: low values give round
            clouds, high ones frayed clouds.
        seed: the first k masks of a seed are the same for every n.

    Returns:
        float32 array of shape (n, size, size, 1): 1 = known, 0 = hole.

    Raises:
        ValueError: for a number outside its range; it names the argument.
        MemoryError: if so many masks do not fit into memory.
    """
    n, size, seed = as_mask_settings(n, size, seed)
    coverage = as_coverage(coverage, by_shapes=False)
    scale = as_integer("scale", scale, 2, LARGEST_LENGTH)
    octaves = as_integer("octaves", octaves, 1, _MOST_OCTAVES)
    roughness = as_number("roughness", roughness, 0, 1)
    spacings = [scale / 2**octave for octave in range(octaves) if 2**octave <= scale]
    # A grid's points are as many as the tile may need wherever its corner comes to lie.
    points = [int((size + scale - 1) // spacing) + 2 for spacing in spacings]
    drawn = [count**2 for count in points]
    known = min(max(round(coverage * size**2), 1), size**2 - 1)
    generator = np.random.default_rng(seed)
    masks = np.empty((n, size**2), np.float32)
    for part in blocks(n, max(size**2, sum(drawn))):
        uniforms = generator.random((part.stop - part.start, 2 + sum(drawn)))
        corners = integers_from(uniforms[:, :2], 0, scale - 1)
        layers = [
            integers_from(layer, 0, _LATTICE_VALUES - 1).reshape(-1, count, count)
            for layer, count in zip(
                np.split(uniforms[:, 2:], np.cumsum(drawn)[:-1], axis=1), points, strict=True
            )
        ]
        noise = _fractal_noise(layers, spacings, corners, size, roughness)
        masks[part] = _lowest(noise.reshape(-1, size**2), known)
    return masks.reshape(n, size, size, 1)


def random_pixel_masks(
    n: int, size: int = 64, *, coverage: float = 0.5, seed: int = 0
) -> np.ndarray:
    """Keep each pixel with the same probability, whatever becomes of its neighbours.

    It imitates impulse noise and single lost pixels, and is the easiest of the families: a hole
    nearly always has a known neighbour.

    Args:
        n: number of masks.
        size: side of the tile, in pixels.
        coverage: probability that a pixel is known, between 0 and 1; so the fraction known on
            average. In every mask one pixel at least is known and one a hole.
        seed: the first k masks of a seed are the same for every n.

    Returns:
        float32 array of shape (n, size, size, 1): 1 = known, 0 = hole.

    Raises:
        ValueError: for a number outside its range; it names the argument.
        MemoryError: if so many masks do not fit into memory.
    """
    n, size, seed = as_mask_settings(n, size, seed)
    coverage = as_coverage(coverage, by_shapes=False)
    generator = np.random.default_rng(seed)
    masks = np.empty((n, size**2), np.float32)
    for part in blocks(n, size**2):
        uniforms = generator.random((part.stop - part.start, size**2))
        known = uniforms < coverage
        every = np.arange(len(known))
        known[every, uniforms.argmin(axis=1)] = True
        known[every, uniforms.argmax(axis=1)] = False
        masks[part] = known
    return masks.reshape(n, size, size, 1)


def _fractal_noise(layers, spacings, corners, size: int, roughness: float) -> np.ndarray:
    """Sum of interpolated layers, shape (m, size, size).

    Every number is whole and below 2**53: products are exact, in whatever order they are added.

    Args:
        layers: of each the values at its grid's points, integers (m, points, points).
        spacings: of the grids, in pixels.
        corners: row and column of the tiles' first pixels on the grids, integers (m, 2).
        size: side of the tile, in pixels.
        roughness: strength of a layer relative to the one before.
    """
    rows, columns = (corners[:, axis, None] + np.arange(size) for axis in (0, 1))
    noise, strength = np.zeros((len(corners), size, size)), 1.0
    for values, spacing in zip(layers, spacings, strict=True):
        down, across = (
            _interpolation(pixels, spacing, values.shape[-1]) for pixels in (rows, columns)
        )
        layer = down @ (values.astype(float) @ across.transpose(0, 2, 1))
        noise += np.floor(strength * _WEIGHT + 0.5) * layer
        strength *= roughness
    return noise


def _interpolation(pixels: np.ndarray, spacing: float, points: int) -> np.ndarray:
    """Weights of a grid's points for pixels (m, size), whole numbers that sum to 256 for each.

    Returns:
        float64 array of shape (m, size, points).
    """
    places = pixels / spacing
    left = np.floor(places).astype(int)
    part = places - left
    right_weight = np.floor(_WEIGHT * part * part * (3 - 2 * part) + 0.5)
    weights = np.zeros((*pixels.shape, points))
    every, each = np.ogrid[: pixels.shape[0], : pixels.shape[1]]
    weights[every, each, left] = _WEIGHT - right_weight
    weights[every, each, left + 1] = right_weight
    return weights


def _lowest(values: np.ndarray, count: int) -> np.ndarray:
    """Where the ``count`` lowest of each row stand, bool; of equal ones the first are taken."""
    highest = np.partition(values, count - 1, axis=1)[:, count - 1, None]
    lower, equal = values < highest, values == highest
    missing = count - lower.sum(axis=1, keepdims=True)
    return lower | (equal & (np.cumsum(equal, axis=1) <= missing))
