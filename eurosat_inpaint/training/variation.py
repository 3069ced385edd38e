"""Tiles varied in colour, contrast and sharpness, as other sensors would see them. See notebook 11.

A network that has seen EuroSAT only has learned how bright and how sharp its tiles are; on Landsat
it restores no better than a fill.
"""

import numpy as np

from eurosat_inpaint._checks import as_integer, as_number, require_images

# Of each varied tile: a factor for the contrast around its mean, one for each channel, the largest
# standard deviation of the noise, and how far it is blurred or sharpened.
_CONTRASTS = (0.6, 2.2)
_GAINS = (0.7, 1.5)
_LARGEST_NOISE = 0.02
_SHARPNESS = (-1.0, 1.0)


def vary_tiles(images: np.ndarray, *, share: float = 0.4, seed: int = 0) -> np.ndarray:
    """Change the look of some of the tiles; the others are handed through.

    A varied tile is blurred or sharpened, its contrast is multiplied by 0.6 to 2.2 and each channel
    by 0.7 to 1.5, its channels are permuted, and noise of a standard deviation of up to 0.02 is
    added; then it is cut to [0, 1].

    Args:
        images: uint8 (n, size, size, 3).
        share: of the tiles that are varied, on average.
        seed: the same seed varies the same tiles alike.

    Returns:
        float32 (n, size, size, 3) in [0, 1].

    Raises:
        TypeError: if images are not uint8.
        ValueError: for another shape, no tiles, a share outside [0, 1] or a negative seed.

    Example:
        >>> tiles = np.full((8, 64, 64, 3), 51, np.uint8)
        >>> varied = vary_tiles(tiles, share=0.5)
        >>> varied.shape, int((varied == np.float32(0.2)).all(axis=(1, 2, 3)).sum())
        ((8, 64, 64, 3), 5)
    """
    require_images("images", images)
    share = as_number("share", share, 0, 1)
    random = np.random.default_rng(as_integer("seed", seed, 0))
    tiles = np.divide(images, 255, dtype=np.float32)
    for number in np.flatnonzero(random.random(len(tiles)) < share):
        tiles[number] = _varied(tiles[number], random)
    return tiles


def _varied(tile, random):
    sharpness = np.float32(random.uniform(*_SHARPNESS))
    tile = tile + sharpness * (tile - _smoothed(tile))
    mean = tile.mean(axis=(0, 1))
    contrast = np.exp(random.uniform(*np.log(_CONTRASTS)))
    gains = random.uniform(*_GAINS, 3)
    tile = ((mean + contrast * (tile - mean)) * gains)[..., random.permutation(3)]
    noise = random.normal(0, random.uniform(0, _LARGEST_NOISE), tile.shape)
    return np.clip(tile + noise, 0, 1).astype(np.float32)


def _smoothed(tile):
    """Each pixel and its neighbours along rows and columns, by weights 1, 2, 1."""
    for axis in (0, 1):
        padded = np.pad(tile, [(1, 1) if of == axis else (0, 0) for of in range(3)], mode="edge")
        before, after = np.roll(padded, 1, axis), np.roll(padded, -1, axis)
        tile = ((before + 2 * padded + after) / 4).take(range(1, tile.shape[axis] + 1), axis)
    return tile
