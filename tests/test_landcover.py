"""Kernel distance and land-cover agreement, against loops and known laws."""

import keras
import numpy as np
import pytest

from eurosat_inpaint.landcover import kernel_distance, land_cover_agreement, land_cover_features


@pytest.fixture
def classifier():
    """Sees the brightest channel: its features are the mean colour."""
    images = keras.Input((8, 8, 3))
    features = keras.layers.GlobalAveragePooling2D(name="features")(images)
    model = keras.Model(images, keras.layers.Dense(3, use_bias=False)(features))
    model.layers[-1].set_weights([np.eye(3)])
    return model


def test_agreement_is_1_where_the_class_is_the_same(classifier):
    colours = np.eye(3)[[0, 1, 2, 2]] + 0.1
    tiles = np.broadcast_to(colours[:, None, None], (4, 8, 8, 3)).astype(np.float32)
    restored = tiles[[0, 1, 1, 3]]
    assert land_cover_agreement(classifier, tiles, restored).tolist() == [1, 1, 0, 1]


def test_features_are_those_of_the_layer_in_order(classifier):
    tiles = np.random.default_rng(0).random((70, 8, 8, 3)).astype(np.float32)
    assert land_cover_features(classifier, tiles) == pytest.approx(
        tiles.mean(axis=(1, 2)), abs=1e-6
    )


def test_kernel_distance_is_that_of_its_definition():
    random = np.random.default_rng(1)
    first, second = random.normal(size=(7, 4)), random.normal(0.5, 1.0, size=(5, 4))

    def kernel(x, y):
        return (np.dot(x, y) / 4 + 1) ** 3

    expected = np.mean([kernel(x, y) for i, x in enumerate(first) for y in np.delete(first, i, 0)])
    expected += np.mean(
        [kernel(x, y) for i, x in enumerate(second) for y in np.delete(second, i, 0)]
    )
    expected -= 2 * np.mean([kernel(x, y) for x in first for y in second])
    assert kernel_distance(first, second) == pytest.approx(expected)


def test_kernel_distance_has_no_bias_even_for_few_tiles():
    random = np.random.default_rng(2)
    found = [
        kernel_distance(random.normal(size=(10, 6)), random.normal(size=(10, 6)))
        for _ in range(2000)
    ]
    assert abs(np.mean(found)) < 3 * np.std(found) / np.sqrt(2000)


def test_kernel_distance_grows_with_what_is_different():
    random = np.random.default_rng(3)
    first, second = random.normal(size=(2, 400, 8))
    distances = [kernel_distance(first, second + shift) for shift in (0, 0.2, 0.5)]
    assert abs(distances[0]) < distances[1] / 3 < distances[2] / 6


def test_bad_features_are_refused():
    good = np.ones((4, 3))
    with pytest.raises(ValueError, match="second must have 3 features, got 2"):
        kernel_distance(good, np.ones((4, 2)))
    with pytest.raises(ValueError, match="first must have shape"):
        kernel_distance(np.ones((1, 3)), good)
    with pytest.raises(ValueError, match="second must be finite"):
        kernel_distance(good, np.full((4, 3), np.nan))
