"""Synthetic tiles: the same everywhere, and with the statistics of real EuroSAT tiles."""

import hashlib

import numpy as np
import pytest

from eurosat_inpaint.data import CLASS_COLOURS, CLASS_NAMES, synthetic, synthetic_tiles

# Mean absolute difference of neighbouring pixels, 0..1 scale, measured on the train split.
REAL_SHARPNESS = {
    "AnnualCrop": 0.0148,
    "Forest": 0.0079,
    "HerbaceousVegetation": 0.0208,
    "Highway": 0.0251,
    "Industrial": 0.0523,
    "Pasture": 0.0111,
    "PermanentCrop": 0.0269,
    "Residential": 0.0437,
    "River": 0.0171,
    "SeaLake": 0.0036,
}

# SHA-256 of the pixels of the first 20 tiles of seed 0. It changes only with a decision to redraw.
GOLDEN = "396e4c67998f845ec82dd608d17ede582e8e95119074613be491712d6684b7a7"


@pytest.fixture(scope="module")
def tiles_by_class():
    """200 tiles of each class, float32 in 0..1."""
    images, labels, _ = synthetic_tiles(2000, seed=1)
    scaled = images.astype(np.float32) / 255
    return {name: scaled[labels == label] for label, name in enumerate(CLASS_NAMES)}


def test_shapes_types_and_names():
    images, labels, filenames = synthetic_tiles(23)
    assert images.shape == (23, 64, 64, 3) and images.dtype == np.uint8
    assert labels.dtype == np.int64 and labels.tolist() == [i % 10 for i in range(23)]
    assert filenames[0] == "AnnualCrop_1.jpg"
    assert filenames[1] == "Forest_1.jpg"
    assert filenames[10] == "AnnualCrop_2.jpg"
    assert len(set(filenames)) == 23


def test_classes_are_eurosats_in_its_order():
    assert len(CLASS_NAMES) == 10
    assert list(CLASS_NAMES) == sorted(CLASS_NAMES)


def test_scenes_are_in_the_order_of_the_classes():
    drawn = [scene.__name__.replace("_", "") for scene in synthetic.SCENES]
    assert drawn == [name.lower() for name in CLASS_NAMES]


def test_first_tiles_of_a_seed_do_not_depend_on_n():
    many, _, _ = synthetic_tiles(25, seed=3)
    for n in (1, 12):
        few, _, _ = synthetic_tiles(n, seed=3)
        np.testing.assert_array_equal(few, many[:n])


def test_seeds_and_tiles_of_a_class_differ():
    first, _, _ = synthetic_tiles(20, seed=0)
    other, _, _ = synthetic_tiles(20, seed=1)
    for i in range(20):
        assert not np.array_equal(first[i], other[i])
    for i in range(10):
        assert not np.array_equal(first[i], first[i + 10])


def test_the_global_generator_plays_no_part():
    np.random.seed(0)
    before = np.random.get_state()[1].copy()
    synthetic_tiles(10)
    np.testing.assert_array_equal(np.random.get_state()[1], before)


def test_same_everywhere():
    images, _, _ = synthetic_tiles(20)
    assert hashlib.sha256(images.tobytes()).hexdigest() == GOLDEN


@pytest.mark.slow
def test_no_pixel_can_be_taken_for_a_hole():
    images, _, _ = synthetic_tiles(500, seed=2)
    assert images.min() >= 1


@pytest.mark.slow
@pytest.mark.parametrize("name", CLASS_NAMES)
def test_colour_statistics_are_the_real_ones(tiles_by_class, name):
    tiles = tiles_by_class[name].astype(np.float64)
    mean, deviation, within = CLASS_COLOURS[name]
    np.testing.assert_allclose(tiles.mean((0, 1, 2)), mean, atol=0.03)
    np.testing.assert_allclose(tiles.std((0, 1, 2)), deviation, rtol=0.15)
    np.testing.assert_allclose(tiles.std((1, 2)).mean(0), within, rtol=0.2)


@pytest.mark.slow
@pytest.mark.parametrize("name", CLASS_NAMES)
def test_sharpness_is_near_the_real_one(tiles_by_class, name):
    tiles = tiles_by_class[name]
    down, right = np.abs(np.diff(tiles, axis=1)), np.abs(np.diff(tiles, axis=2))
    assert (down.mean() + right.mean()) / 2 == pytest.approx(REAL_SHARPNESS[name], rel=0.3)


@pytest.mark.slow
def test_sea_and_forest_are_nearly_flat_and_industry_is_not(tiles_by_class):
    within = {name: tiles.std((1, 2)).mean() for name, tiles in tiles_by_class.items()}
    assert max(within["SeaLake"], within["Forest"]) < 0.02
    assert within["Industrial"] > 0.12
    assert within["Industrial"] == max(within.values())


@pytest.mark.parametrize("n", [0, -1, 2.0, "3", None, True])
def test_bad_n_is_refused(n):
    with pytest.raises(ValueError, match="^n "):
        synthetic_tiles(n)


@pytest.mark.parametrize("seed", [-1, 0.5, "0", None, False])
def test_bad_seed_is_refused(seed):
    with pytest.raises(ValueError, match="^seed "):
        synthetic_tiles(1, seed=seed)


def test_numpy_integers_are_accepted():
    images, _, _ = synthetic_tiles(np.int64(3), seed=np.uint8(4))
    np.testing.assert_array_equal(images, synthetic_tiles(3, seed=4)[0])
