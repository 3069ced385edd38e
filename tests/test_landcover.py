"""Kernel distance and land-cover agreement, against loops and known laws."""

import keras
import numpy as np
import pytest

from eurosat_inpaint.metrics import (
    bootstrap_interval,
    kernel_distance,
    land_cover_agreement,
    land_cover_features,
)


@pytest.fixture
def classifier():
    """Sees the brightest channel: its features are the mean colour."""
    images = keras.Input((8, 8, 3))
    features = keras.layers.GlobalAveragePooling2D(name="features")(images)
    model = keras.Model(images, keras.layers.Dense(3, use_bias=False)(features))
    model.layers[-1].set_weights([np.eye(3)])
    return model


def test_agreement_is_1_where_the_class_is_the_same(classifier):
    colours = 0.8 * np.eye(3)[[0, 1, 2, 2]] + 0.1
    tiles = np.broadcast_to(colours[:, None, None], (4, 8, 8, 3)).astype(np.float32)
    restored = tiles[[0, 1, 1, 3]]
    assert land_cover_agreement(classifier, tiles, restored).tolist() == [1, 1, 0, 1]


def test_features_are_those_of_the_layer_in_order(classifier):
    tiles = np.random.default_rng(0).random((70, 8, 8, 3)).astype(np.float32)
    assert land_cover_features(classifier, tiles) == pytest.approx(
        tiles.mean(axis=(1, 2)), abs=1e-6
    )


@pytest.mark.parametrize("see", [land_cover_features, lambda c, x: land_cover_agreement(c, x, x)])
def test_bytes_and_floats_are_seen_alike(classifier, see):
    tiles = np.random.default_rng(0).integers(0, 256, (5, 8, 8, 3), np.uint8)
    assert see(classifier, tiles) == pytest.approx(see(classifier, tiles / 255), abs=1e-6)


def test_what_the_classifier_cannot_see_is_refused(classifier):
    good = np.full((2, 8, 8, 3), 0.5)
    for bad, message in (
        (np.full_like(good, np.nan), "must lie in"),
        (good + 0.6, "must lie in"),
        (good[0], r"must have shape \(n, height, width, 3\)"),
        (np.zeros((2, 9, 8, 3)), r"must have shape \(n, 8, 8, 3\)"),
    ):
        with pytest.raises(ValueError, match=f"images {message}"):
            land_cover_features(classifier, bad)
        with pytest.raises(ValueError, match=message):
            land_cover_agreement(classifier, bad, bad)
    with pytest.raises(ValueError, match="^restored "):
        land_cover_agreement(classifier, good, good[:1])


def kernel_distance_by_loops(first, second):
    def kernel(x, y):
        return (np.dot(x, y) / len(x) + 1) ** 3

    pairs = [(i, j) for i in range(len(first)) for j in range(len(first)) if i != j]
    return np.mean(
        [
            kernel(first[i], first[j])
            + kernel(second[i], second[j])
            - kernel(first[i], second[j])
            - kernel(first[j], second[i])
            for i, j in pairs
        ]
    )


def test_mean_contribution_to_the_kernel_distance_is_that_of_its_definition():
    random = np.random.default_rng(1)
    first, second = random.normal(size=(7, 4)), random.normal(0.5, 1.0, size=(7, 4))
    found = kernel_distance(first, second)
    assert found.shape == (7,)
    assert found.mean() == pytest.approx(kernel_distance_by_loops(first, second))


def test_contributions_are_nearly_the_pseudo_values_of_the_jackknife():
    random = np.random.default_rng(4)
    first, second = random.normal(size=(300, 4)), random.normal(0.5, 1.0, size=(300, 4))
    found = kernel_distance(first, second)
    without = [
        kernel_distance(np.delete(first, i, 0), np.delete(second, i, 0)).mean() for i in range(50)
    ]
    pseudo_values = 300 * found.mean() - 299 * np.array(without)
    assert abs(found[:50] - pseudo_values).max() < 0.02 * pseudo_values.std()


def pairs_of_features(random, count):
    """Features of tiles, and of restorations that hang on them: weaker, shifted, noisy."""
    first = random.normal(size=(count, 4))
    return first, 0.7 * first + 0.3 + 0.3 * random.normal(size=(count, 4))


def test_kernel_distance_has_no_bias_where_restorations_hang_on_their_tiles():
    random = np.random.default_rng(2)
    few = [kernel_distance(*pairs_of_features(random, 10)).mean() for _ in range(2000)]
    many = [kernel_distance(*pairs_of_features(random, 300)).mean() for _ in range(30)]
    error = np.hypot(np.std(few) / np.sqrt(2000), np.std(many) / np.sqrt(30))
    assert error < 0.1 * np.mean(many)
    assert abs(np.mean(few) - np.mean(many)) < 3 * error


@pytest.mark.slow
def test_intervals_of_the_kernel_distance_cover_it_and_have_its_spread():
    random = np.random.default_rng(3)
    samples = [kernel_distance(*pairs_of_features(random, 200)) for _ in range(300)]
    distances = np.array([sample.mean() for sample in samples])
    claimed = np.mean([sample.std() / np.sqrt(200) for sample in samples])
    # The spread of 300 values is itself known to 4 %.
    assert claimed == pytest.approx(distances.std(), rel=0.12)
    intervals = np.array([bootstrap_interval(sample) for sample in samples[:150]])
    covered = (intervals[:, 0] <= distances.mean()) & (distances.mean() <= intervals[:, 1])
    # 142 are expected; under 134 would be 3 standard deviations too few.
    assert 134 <= covered.sum() <= 149


def test_kernel_distance_is_nothing_for_one_law_and_grows_with_what_is_different():
    random = np.random.default_rng(5)
    first, second = random.normal(size=(2, 400, 8))
    distances = [kernel_distance(first, second + shift) for shift in (0, 0.2, 0.5)]
    low, high = bootstrap_interval(distances[0])
    assert low < 0 < high
    means = [distance.mean() for distance in distances]
    assert abs(means[0]) < means[1] / 3 < means[2] / 6


def test_bad_features_are_refused():
    good = np.ones((4, 3))
    for bad in (np.ones((4, 2)), np.ones((3, 3))):
        with pytest.raises(ValueError, match="^restored "):
            kernel_distance(good, bad)
    with pytest.raises(ValueError, match="^tiles "):
        kernel_distance(np.ones((1, 3)), np.ones((1, 3)))
    with pytest.raises(ValueError, match="^restored "):
        kernel_distance(good, np.full((4, 3), np.nan))


def test_kernel_distance_of_many_tiles_is_that_of_the_whole_kernel():
    """It is summed block by block; more rows than a block, and a last one that is not full."""
    tiles, restored = np.random.default_rng(0).normal(size=(2, 601, 5))

    def kernel(one, other):
        values = (one @ other.T / 5 + 1) ** 3
        np.fill_diagonal(values, 0)
        return values

    sums = (kernel(tiles, tiles) + kernel(restored, restored)).sum(axis=1)
    across = kernel(tiles, restored)
    means = (sums - across.sum(axis=1) - across.sum(axis=0)) / 600
    np.testing.assert_allclose(kernel_distance(tiles, restored), 2 * means - means.mean(), 1e-9)


def test_another_network_is_no_classifier():
    tiles = np.full((2, 8, 8, 3), 0.5)
    given = keras.Input((8, 8, 3))
    for network in (keras.Model(given, keras.layers.Flatten()(given)), keras.Sequential(), None):
        with pytest.raises(TypeError, match="^classifier must be "):
            land_cover_features(network, tiles)
        with pytest.raises(TypeError, match="^classifier must be "):
            land_cover_agreement(network, tiles, tiles)
