"""Tiles that are made to look different, for trainings."""

import numpy as np
import pytest

from eurosat_inpaint import data, masks, models, training
from eurosat_inpaint.training import MaskedTileBatches, vary_tiles


@pytest.fixture(scope="module")
def images():
    return data.synthetic_tiles(60, seed=2)[0]


def test_some_tiles_are_varied_and_the_others_are_the_same_numbers(images):
    varied = vary_tiles(images, share=0.5, seed=1)
    same = (varied == images.astype(np.float32) / 255).all(axis=(1, 2, 3))
    assert varied.dtype == np.float32 and varied.min() >= 0 and varied.max() <= 1
    assert 15 < same.sum() < 45
    np.testing.assert_array_equal(vary_tiles(images, share=0, seed=1), images / np.float32(255))
    assert (
        not (vary_tiles(images, share=1, seed=1) == images / np.float32(255))
        .all(axis=(1, 2, 3))
        .any()
    )


def test_the_same_seed_varies_alike_and_leaves_what_it_was_given(images):
    before = images.copy()
    first, again = vary_tiles(images, seed=3), vary_tiles(images, seed=3)
    np.testing.assert_array_equal(first, again)
    np.testing.assert_array_equal(images, before)
    assert (vary_tiles(images, seed=4) != first).any()


def test_tiles_of_grey_keep_their_mean_but_for_the_gain():
    """On a flat tile only the gains of the channels show, and the noise."""
    grey = np.full((200, 32, 32, 3), 102, np.uint8)
    means = vary_tiles(grey, share=1, seed=0).mean(axis=(1, 2)) / 0.4
    assert 0.69 < means.min() < 0.75 and 1.43 < means.max() < 1.51
    # Channels have gains of their own.
    assert np.abs(means[:, 0] - means[:, 1]).mean() > 0.1


def test_contrast_and_sharpness_vary_in_both_directions(images):
    varied = vary_tiles(images, share=1, seed=5)
    plain = images / np.float32(255)

    def strength(tiles):
        return np.abs(np.diff(tiles, axis=1)).mean(axis=(1, 2, 3))

    factors = strength(varied) / strength(plain)
    assert factors.min() < 0.7 and factors.max() > 1.6


def test_batches_are_varied_and_a_pure_function_of_their_number(images):
    settings = {"batch_size": 8, "augment": False, "seed": 0}
    plain = MaskedTileBatches(images, **settings)
    varying = MaskedTileBatches(images, vary_tiles=vary_tiles, **settings)
    (masked, drawn), tiles = varying.batch(5)
    np.testing.assert_array_equal(masked, tiles * drawn)
    for first, second in zip(plain.batch(5)[0][1:], (drawn,), strict=True):
        np.testing.assert_array_equal(first, second)
    assert (plain.batch(5)[1] != tiles).any()
    np.testing.assert_array_equal(varying.batch(5)[1], tiles)


def in_bytes(tiles, seed):
    return tiles


def too_bright(tiles, seed):
    return tiles.astype(np.float32)


def smaller(tiles, seed):
    return tiles[:, :8] / np.float32(255)


@pytest.mark.parametrize(
    ("function", "error", "message"),
    [
        (3, TypeError, "vary_tiles must be a function"),
        (too_bright, ValueError, "what vary_tiles returns must lie in"),
        (smaller, ValueError, "what vary_tiles returns must have shape"),
    ],
)
def test_wrong_functions_are_named(function, error, message, images):
    model = models.residual_unet(filters=(4,), blocks=(1,))
    recipe = training.Recipe(loss="mae", batch_size=8, learning_rate=1e-3)
    with pytest.raises(error, match=message):
        training.fit_unet(model, images, images[:8], recipe, vary_tiles=function, verbose=0)


def test_uint8_tiles_are_taken_too(images):
    batches = MaskedTileBatches(images, 8, vary_tiles=in_bytes)
    assert batches.batch(0)[1].max() <= 1


@pytest.mark.slow
def test_a_training_with_other_variation_is_another_training(images, tmp_path):
    model = models.residual_unet(filters=(4,), blocks=(1,))
    recipe = training.Recipe(loss="mae", batch_size=8, learning_rate=1e-3)
    settings = {"epochs": 1, "steps_per_epoch": 2, "directory": tmp_path / "run", "verbose": 0}
    training.fit_unet(model, images, images[:8], recipe, vary_tiles=vary_tiles, **settings)
    with pytest.raises(ValueError, match="vary_tiles"):
        training.fit_unet(model, images, images[:8], recipe, **settings)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"share": 2}, "share must be"),
        ({"seed": -1}, "seed must be"),
        ({"share": "x"}, "share must"),
    ],
)
def test_vary_tiles_refuses(settings, message, images):
    with pytest.raises(ValueError, match=message):
        vary_tiles(images, **settings)
    with pytest.raises(TypeError, match="images must be a uint8 array"):
        vary_tiles(images / 255)


def test_masks_of_a_training_on_all_families_can_be_drawn_for_every_batch(images):
    batches = MaskedTileBatches(images, 16, draw_masks=masks.mixed_masks, vary_tiles=vary_tiles)
    (_, first), _ = batches.batch(0)
    (_, second), _ = batches.batch(1)
    assert (first != second).any()
