"""The loss that asks for sharpness: its value, what it prefers, and where it could break."""

import keras
import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view

from eurosat_inpaint.training import SharpnessLoss


def textures(n, strength=0.1, seed=0):
    """Grey tiles with noise around the same mean, no two alike."""
    noise = np.random.default_rng(seed).normal(scale=strength, size=(n, 16, 16, 3))
    return (0.5 + noise).astype(np.float32)


def value_of(loss, true, restored):
    return float(keras.ops.convert_to_numpy(loss(true, restored)))


@pytest.mark.parametrize(
    ("settings", "weight", "distances"),
    [({"sharpness_weight": 0}, 0, ()), ({}, 1, (1, 2, 4)), ({"distances": (3,)}, 1, (3,))],
)
def test_value_against_numpy(settings, weight, distances):
    true, restored = textures(3).astype(np.float64), textures(3, 0.05, seed=1).astype(np.float64)

    def strength(tiles, axis, distance):
        """``np.roll`` compares each pixel with a later one; the last ones have none."""
        kept = [slice(None)] * 4
        kept[axis] = slice(0, 16 - distance)
        magnitude = np.abs(np.roll(tiles, -distance, axis) - tiles)[tuple(kept)]
        return sliding_window_view(magnitude, (4, 4), axis=(1, 2)).mean(axis=(-2, -1))

    expected = np.abs(true - restored).mean()
    for distance in distances:
        for axis in (1, 2):
            difference = strength(true, axis, distance) - strength(restored, axis, distance)
            expected += weight * np.abs(difference).mean() / 2 / len(distances)
    value = value_of(SharpnessLoss(**settings), np.float32(true), np.float32(restored))
    assert value == pytest.approx(expected, rel=1e-5)


def test_texture_at_the_wrong_place_is_better_than_none():
    """Mean absolute error alone prefers the flat mean, which is what blurs."""
    true, misplaced = textures(8), textures(8, seed=1)
    flat = np.full_like(true, 0.5)
    without, with_sharpness = SharpnessLoss(0), SharpnessLoss(1)
    assert value_of(without, true, flat) < 0.8 * value_of(without, true, misplaced)
    assert value_of(with_sharpness, true, misplaced) < 0.8 * value_of(with_sharpness, true, flat)


def test_a_chessboard_buys_less_than_texture_of_the_same_gradients():
    """With distance 1 alone it is the cheapest of all answers, and no land looks like it."""
    true, misplaced = textures(8), textures(8, seed=1)
    chessboard = (-1.0) ** np.indices((16, 16, 1)).sum(axis=0)
    gradients = np.abs(np.diff(misplaced, axis=1)).mean()
    woven = np.broadcast_to(0.5 + gradients / 2 * chessboard, true.shape).astype(np.float32)
    cheated, loss = SharpnessLoss(1, distances=(1,)), SharpnessLoss(1)
    assert value_of(cheated, true, woven) < value_of(cheated, true, misplaced)
    assert value_of(loss, true, misplaced) < 0.9 * value_of(loss, true, woven)


@pytest.mark.parametrize("factor", [0.5, 2])
def test_texture_of_the_wrong_strength_is_worse_than_of_the_right_one(factor):
    """Too sharp is as wrong as too blurred: the term is measured without the error of pixels."""
    loss, pixels = SharpnessLoss(1), SharpnessLoss(0)
    true = textures(8)
    right, wrong = textures(8, seed=1), textures(8, factor * 0.1, seed=1)
    terms = [value_of(loss, true, t) - value_of(pixels, true, t) for t in (right, wrong)]
    assert terms[0] < terms[1]


def test_gradients_are_finite_where_tiles_are_flat():
    """The untrained output is flat here; its weight still has to move by the error of pixels."""
    inputs = keras.Input((16, 16, 3))
    layer = keras.layers.Conv2D(3, 1, kernel_initializer="zeros")
    model = keras.Model(inputs, layer(inputs))
    model.compile("sgd", SharpnessLoss(1))
    for true in (textures(4), np.full((4, 16, 16, 3), 0.5, np.float32)):
        before = layer.get_weights()[1]
        assert np.isfinite(model.train_on_batch(np.ones_like(true), true))
        assert np.isfinite(np.concatenate([w.ravel() for w in layer.get_weights()])).all()
        assert (layer.get_weights()[1] != before).all()


def test_it_is_saved_with_the_model(tmp_path):
    inputs = keras.Input((16, 16, 3))
    model = keras.Model(inputs, keras.layers.Conv2D(3, 1)(inputs))
    model.compile("sgd", SharpnessLoss(sharpness_weight=0.7, distances=(2, 3)))
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    true = textures(4)
    assert loaded.loss.sharpness_weight == 0.7
    assert loaded.loss.distances == [2, 3]
    given = textures(4, seed=1)
    expected = model.evaluate(given, true, verbose=0)
    assert loaded.evaluate(given, true, verbose=0) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("distances", [(0,), (1, 1.5)])
def test_bad_distances_are_refused(distances):
    with pytest.raises(ValueError, match="distances"):
        SharpnessLoss(distances=distances)
