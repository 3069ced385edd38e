"""Procedural tiles that stand in for EuroSAT where no data can be had. See notebook 01.

A tile is drawn as two fields, `tone` (dark vegetation to bright soil or roof) and `hue` (green to
red), which then get the colour statistics of their class. Real tiles are nearly that simple:
within one, the channels correlate at about 0.95.

Tiles are the same on every machine, bit for bit. So only operations that IEEE 754 rounds exactly
are used (no sine, power or matrix product, whose last bit differs between platforms), and only
`Generator.random`: `uniform` and `normal` compute in C, where a compiler may fuse steps.
"""

import numpy as np

from eurosat_inpaint._checks import as_integer, require_integer, require_memory

SIZE = 64

# Measured on the 20,319 EuroSAT RGB tiles of the train split; red, green, blue on the 0..1 scale:
# mean and standard deviation over all pixels, and the standard deviation within a tile, averaged.
CLASS_COLOURS = {
    "AnnualCrop": ((0.507, 0.471, 0.461), (0.234, 0.127, 0.102), (0.153, 0.081, 0.063)),
    "Forest": ((0.151, 0.256, 0.285), (0.031, 0.036, 0.032), (0.017, 0.016, 0.011)),
    "HerbaceousVegetation": ((0.385, 0.384, 0.406), (0.157, 0.111, 0.093), (0.078, 0.057, 0.046)),
    "Highway": ((0.348, 0.377, 0.402), (0.188, 0.121, 0.103), (0.114, 0.078, 0.068)),
    "Industrial": ((0.485, 0.492, 0.528), (0.220, 0.183, 0.168), (0.184, 0.157, 0.148)),
    "Pasture": ((0.242, 0.348, 0.367), (0.078, 0.053, 0.078), (0.054, 0.035, 0.027)),
    "PermanentCrop": ((0.480, 0.455, 0.451), (0.189, 0.126, 0.099), (0.116, 0.078, 0.062)),
    "Residential": ((0.389, 0.401, 0.447), (0.159, 0.114, 0.101), (0.099, 0.076, 0.071)),
    "River": ((0.263, 0.337, 0.375), (0.131, 0.094, 0.080), (0.096, 0.070, 0.055)),
    "SeaLake": ((0.191, 0.292, 0.338), (0.100, 0.107, 0.071), (0.014, 0.012, 0.009)),
}
CLASS_NAMES = tuple(CLASS_COLOURS)

# Haze keeps real tiles off black: almost no channel value lies below this.
DARKEST = 0.06

# What is added to red, green and blue: by a unit of `hue` above 0, by one below 0, and by a unit of
# warmth to a whole tile.
REDDISH = (0.18, -0.03, -0.13)
GREENISH = (-0.1, 0.05, -0.1)
WARMTH = (0.16, 0.08, -0.26)


def synthetic_tiles(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Draw tiles with the look and the colour statistics of EuroSAT's ten classes.

    Tile i is of class i % 10 and depends on ``seed`` and i alone, so the first k tiles of a seed
    are the same whatever ``n``.

    Args:
        n: number of tiles, a positive integer.
        seed: non-negative integer.

    Returns:
        Images, uint8 (n, 64, 64, 3), RGB, no value below 1, so that none of its pixels can be taken
        for a hole; labels, int64 (n,), positions in ``CLASS_NAMES``; and a list of n file names in
        EuroSAT's form, such as "AnnualCrop_1.jpg".

    Raises:
        ValueError: if ``n`` is not a positive integer or ``seed`` not a non-negative one.
        MemoryError: if so many tiles do not fit into memory.

    Example:
        >>> images, labels, filenames = synthetic_tiles(12)
        >>> images.shape, filenames[:2], CLASS_NAMES[labels[11]]
        ((12, 64, 64, 3), ['AnnualCrop_1.jpg', 'Forest_1.jpg'], 'Forest')
    """
    n = as_integer("n", n, 1)
    require_integer("seed", seed, 0)
    require_memory(f"{n:,} tiles", n * SIZE * SIZE * 3)
    labels = np.arange(n, dtype=np.int64) % len(CLASS_NAMES)
    filenames = [
        f"{CLASS_NAMES[label]}_{i // len(CLASS_NAMES) + 1}.jpg" for i, label in enumerate(labels)
    ]
    images = np.empty((n, SIZE, SIZE, 3), np.uint8)
    for i, label in enumerate(labels):
        rng = np.random.default_rng([int(seed), i])
        tone, hue = SCENES[label](rng)
        images[i] = _colour(rng, tone, hue, CLASS_COLOURS[CLASS_NAMES[label]])
    return images, labels, filenames


def _colour(rng, tone, hue, statistics):
    """Turn the two fields into a uint8 tile `(64, 64, 3)` with a class's colour statistics."""
    mean, deviation, within = (np.array(row) for row in statistics)
    between = np.sqrt(deviation * deviation - within * within)
    contrast = _uniform(rng, 0.4, 1.6)
    # Squared, as real classes have more and longer outliers on the bright side; then made mean 0,
    # deviation 1. The light of a tile is common to its channels but for a shift from blue to red.
    draws = rng.random(2)
    light, warmth = (draws * draws - 1 / 3) / np.sqrt(4 / 45)
    light = 0.97 * light + warmth * np.array(WARMTH)
    red, green = np.maximum(hue, 0), np.maximum(-hue, 0)
    tile = [
        _standardised(_soften(tone + red * reddish + green * greenish))
        for reddish, greenish in zip(REDDISH, GREENISH, strict=True)
    ]
    tile = mean + between * light + within * contrast * np.stack(tile, axis=-1)
    return np.rint(255 * np.clip(tile, DARKEST, 1.0)).astype(np.uint8)


def _soften(field):
    """Spread each pixel a little over its neighbours, as the satellite's optics do."""
    for _ in range(2):
        padded = np.pad(field, ((1, 1), (0, 0)), mode="edge")
        field = (0.1 * (padded[:-2] + padded[2:]) + 0.8 * field).T
    return field


def _standardised(field):
    # On a grid of 2**-12 the sums are exact, so their order, which NumPy chooses by processor,
    # cannot change them.
    field = np.rint(field * 4096) / 4096
    field = np.rint((field - field.mean()) * 4096) / 4096
    return field / np.sqrt((field * field).mean())


# Building blocks


def _uniform(rng, low, high):
    return low + (high - low) * rng.random()


def _noise(rng, cells):
    """Smooth noise in about -1..1: a random grid of `cells` squares, cubic B-spline between."""
    position = (np.arange(SIZE) + 0.5) * (cells / SIZE)
    start = position.astype(int)
    t = position - start
    weights = (
        (1 - t) * (1 - t) * (1 - t) / 6,
        (3 * t * t * t - 6 * t * t + 4) / 6,
        (3 * t * (1 + t - t * t) + 1) / 6,
        t * t * t / 6,
    )
    grid = 4 * rng.random((cells + 3, cells + 3)) - 2
    rows = sum(weights[k][:, None] * grid[start + k] for k in range(4))
    return sum(weights[k] * rows[:, start + k] for k in range(4))


def _octaves(rng, cells, roughness):
    """Sum of noises of ever more `cells`, each weaker than the last by `roughness`."""
    field, weight = 0.0, 1.0
    for count in cells:
        field = field + weight * _noise(rng, count)
        weight *= roughness
    return field


def _plane(rng, warp):
    """Pixel coordinates `(u, v)` from the centre, turned at random and bent by `warp` pixels."""
    t = 2 * rng.random() - 1
    cosine, sine = (1 - t * t) / (1 + t * t), 2 * t / (1 + t * t)
    x = np.arange(SIZE) - SIZE / 2
    y = x[:, None]
    u, v = cosine * x + sine * y, cosine * y - sine * x
    return u + warp * _noise(rng, 2), v + warp * _noise(rng, 2)


def _band(distance, half_width):
    """1 within `half_width` pixels of a line, 0 outside, with an edge one pixel soft."""
    return np.clip(half_width + 0.5 - np.abs(distance), 0, 1)


def _stripes(coordinate, period):
    """Triangle wave in -1..1."""
    phase = coordinate / period
    return 4 * np.abs(phase - np.floor(phase) - 0.5) - 1


def _parcels(rng, width, length, warp):
    """Cut the tile into strips of fields.

    Returns:
        draw: function without arguments that gives each field a random number in 0..1, `(64, 64)`.
        border: distance to the nearest field border, pixels, `(64, 64)`.
        across: coordinate across the strips, pixels, `(64, 64)`.
    """
    u, v = _plane(rng, warp)
    cuts = np.cumsum(width * (0.5 + rng.random(40))) - 70
    strip = np.searchsorted(cuts, u)
    lengths = (length * (0.6 + 0.8 * rng.random(41)))[strip]
    along = v / lengths + 8 * rng.random(41)[strip]
    piece = np.floor(along)
    edges = np.concatenate([[-99.0], cuts, [999.0]])
    border = np.minimum(u - edges[strip], edges[strip + 1] - u)
    border = np.minimum(border, (0.5 - np.abs(along - piece - 0.5)) * lengths)
    index = (piece.astype(int) % 32, strip)
    return lambda: rng.random((32, 41))[index], border, u


def _lots(coordinate, lot, per_block, street):
    """Split an axis into streets and blocks of lots: lot number, offset from its centre, street."""
    period = lot * per_block + street
    block = np.floor(coordinate / period)
    inside = coordinate - block * period - street
    number = np.floor(inside / lot)
    is_street = _band(inside + street / 2, street / 2)
    return (block * per_block + number).astype(int), inside - (number + 0.5) * lot, is_street


def _buildings(rng, lot, per_block, street, warp):
    """Rows of rotated rectangles along streets.

    Returns:
        roofs, shadows, streets: coverage in 0..1, `(64, 64)`.
        draw: function without arguments that gives each building a random number in 0..1.
    """
    u, v = _plane(rng, warp)
    depth = lot * _uniform(rng, 0.7, 1.3)
    column, x, street_x = _lots(u, lot, per_block, street)
    row, y, street_y = _lots(v, depth, 2, street)
    index = (row % 64, column % 64)

    def draw():
        return rng.random((64, 64))[index]

    width, height = (0.25 + 0.25 * draw()) * lot, (0.25 + 0.25 * draw()) * depth
    x, y = x + 0.3 * lot * (draw() - 0.5), y + 0.3 * depth * (draw() - 0.5)
    streets = np.maximum(street_x, street_y)
    roofs = np.clip(width - np.abs(x) + 0.3, 0, 1) * np.clip(height - np.abs(y) + 0.3, 0, 1)
    roofs = roofs * (draw() < 0.85) * (1 - streets)
    # The satellite passes in the morning, when shadows point to the north-west.
    shadows = np.pad(roofs, ((0, 1), (0, 1)))[1:, 1:]
    return roofs, shadows * (1 - roofs), streets, draw


def _countryside(rng):
    """Fields, a few of them bright, with woods between: tone and hue."""
    draw, border, _ = _parcels(rng, _uniform(rng, 10, 26), _uniform(rng, 16, 50), 7)
    texture = _octaves(rng, (4, 16, 32, 64), 0.9)
    field = 0.2 + 0.7 * draw() * draw() - 0.15 * _band(border, 0.6) + 0.08 * texture
    wood = np.clip(4 * (_octaves(rng, (3, 8, 16), 0.6) - _uniform(rng, -0.5, 1.0)), 0, 1)
    tone = field + wood * (0.08 * texture - field)
    houses = np.clip(3 * _noise(rng, 40) - 1, 0, 1)
    village = (1 - wood) * np.clip(3 * _noise(rng, 4) - 1.5, 0, 1) * houses
    return tone + village * (0.9 - tone), (1.8 * draw() - 1) * (1 - village) - 0.4 * wood


# One scene per class: (tone, hue), each (64, 64) in free units that `_colour` standardises


def _annual_crop(rng):
    draw, border, across = _parcels(rng, _uniform(rng, 10, 34), _uniform(rng, 25, 70), 3)
    tone = draw() + 0.12 * draw() * draw() * _stripes(across, _uniform(rng, 3, 6))
    tone = tone + 0.06 * _octaves(rng, (2, 6, 16, 32), 0.8)
    track = _band(border, 0.5) * (0.3 + 0.4 * (draw() < 0.4))
    return tone + track * (0.7 - tone), (2.2 * draw() - 1.1) * (1 - track)


def _forest(rng):
    relief = _octaves(rng, (3, 6, 12, 24, 48), 0.7)
    sunlit = np.gradient(relief, axis=0)
    tone = 0.7 * _octaves(rng, (2, 5), 0.8) + 2.5 * sunlit + 0.9 * _noise(rng, 64)
    return tone, 2 * _octaves(rng, (2, 8, 32), 0.8) - 1


def _herbaceous_vegetation(rng):
    relief = np.gradient(np.abs(_octaves(rng, (2, 4, 8, 16), 0.7)), axis=0)
    scrub = 0.7 * _octaves(rng, (2, 4, 8), 0.7) + _octaves(rng, (16, 32, 64), 1.0)
    tone = _uniform(rng, 0.5, 6.0) * relief + 0.4 * scrub
    _, v = _plane(rng, 9)
    path = _band(v - _uniform(rng, -20, 20), 0.8) * (rng.random() < 0.5)
    return tone + path * (1.5 - tone), _octaves(rng, (2, 6, 16), 0.7) + path


def _highway(rng):
    tone, hue = _countryside(rng)
    for half_width, chance in ((0.8, 0.7), (_uniform(rng, 1.2, 2.0), 1.0)):
        u, v = _plane(rng, 3)
        distance = v - _uniform(rng, -10, 10) + _uniform(rng, -0.01, 0.01) * u * u
        present = rng.random() < chance
        verge = _band(distance, 2 * half_width) * present
        road = _band(distance, half_width) * present
        tone = tone - 0.7 * verge * (tone - 0.1)
        tone = tone + road * (0.85 - 0.4 * _band(distance, 0.1) - tone)
        hue = hue * (1 - verge)
    return tone, hue


def _industrial(rng):
    texture = _octaves(rng, (4, 16, 32, 64), 0.9)
    lawn = np.clip(4 * (_noise(rng, 6) - 0.4), 0, 1)
    ground = 0.3 + 0.1 * texture - 0.3 * lawn
    halls = _noise(rng, 3) > -0.1
    tone, hue = ground, -lawn
    for lot, per_block, here in ((_uniform(rng, 9, 17), 1, halls), (4.5, 3, ~halls)):
        roofs, shadows, streets, draw = _buildings(rng, lot, per_block, 2.0, 2)
        brightness = draw()
        roof_tone = 0.2 + 1.3 * brightness * brightness + 0.06 * texture
        layer = ground - 0.25 * shadows + 0.15 * streets
        layer = layer + roofs * (roof_tone - layer)
        tone = np.where(here, layer, tone)
        hue = np.where(here, hue + roofs * (draw() > 0.9), hue)
    return tone, hue


def _pasture(rng):
    draw, border, _ = _parcels(rng, _uniform(rng, 16, 34), _uniform(rng, 20, 50), 8)
    meadow = 0.6 * draw() + 0.08 * _octaves(rng, (4, 12, 32), 0.8)
    trees = _band(border, 0.9) * (_noise(rng, 12) > -0.3)
    trees = np.maximum(trees, np.clip(4 * (_noise(rng, 8) - 0.75), 0, 1))
    return meadow - trees * (meadow + 0.5), 1.2 * draw() - 0.9


def _permanent_crop(rng):
    draw, border, across = _parcels(rng, _uniform(rng, 9, 20), _uniform(rng, 14, 36), 4)
    rows = _stripes(across, _uniform(rng, 2.6, 4.2))
    tone = draw() + 0.28 * draw() * rows + 0.12 * _octaves(rng, (4, 16, 32), 0.9)
    lane = _band(border, 0.6) * (draw() < 0.7)
    return tone + lane * (rng.random() - tone), 2.2 * draw() - 1


def _residential(rng):
    lot, street = _uniform(rng, 2.8, 4.2), _uniform(rng, 0.8, 1.6)
    roofs, shadows, streets, draw = _buildings(rng, lot, 5, street, 8)
    garden = 0.2 + 0.12 * _octaves(rng, (4, 16, 32, 64), 0.9)
    tone = garden - 0.15 * shadows + 0.3 * streets
    brightness = draw()
    tone = tone + roofs * (0.4 + 0.9 * brightness * brightness - tone)
    park = np.clip(5 * (_noise(rng, 5) - 0.8), 0, 1)
    hue = (1 - park) * roofs * 1.2 * draw() - 0.9 * np.maximum(park, 1 - roofs - streets)
    return tone + park * (garden - 0.1 - tone), hue


def _river(rng):
    tone, hue = _countryside(rng)
    _, v = _plane(rng, _uniform(rng, 6, 20))
    half_width = _uniform(rng, 3, 9)
    bank, water = _band(v, half_width + 2), _band(v, half_width)
    muddy = rng.random() < 0.15
    tone = tone - 0.6 * bank * (tone - 0.1)
    return tone + water * ((0.8 if muddy else -0.15) - tone), hue * (1 - water)


def _sea_lake(rng):
    swell = _noise(rng, 64) + 0.5 * _noise(rng, 32)
    return _noise(rng, 1) + 0.4 * _noise(rng, 3) + 0.35 * swell, 2 * _noise(rng, 2)


# In the order of CLASS_NAMES.
SCENES = (
    _annual_crop,
    _forest,
    _herbaceous_vegetation,
    _highway,
    _industrial,
    _pasture,
    _permanent_crop,
    _residential,
    _river,
    _sea_lake,
)
