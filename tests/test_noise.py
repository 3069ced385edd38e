"""The noise of a tile: the same for the same tile, another for another one."""

import keras
import numpy as np
import pytest

from eurosat_inpaint.data import synthetic_tiles
from eurosat_inpaint.masks import line_masks
from eurosat_inpaint.models import TileNoise, residual_unet, wnet

TINY = {"filters": (8,), "blocks": (1,)}


@pytest.fixture(scope="module")
def given():
    images, masks = synthetic_tiles(40, seed=0)[0], line_masks(40, seed=0)
    return images.astype(np.float32) / 255 * masks, masks


def noise_of(masked, **settings):
    return keras.ops.convert_to_numpy(TileNoise(2, **settings)(masked))


def test_a_tile_has_its_noise_wherever_it_stands(given):
    masked, _ = given
    noise = noise_of(masked)
    assert noise.shape == (40, 64, 64, 2) and noise.dtype == np.float32
    np.testing.assert_array_equal(noise_of(masked[7:8]), noise[7:8])
    np.testing.assert_array_equal(noise_of(masked[::-1].copy()), noise[::-1])


def test_noise_is_white_and_differs_from_tile_to_tile_and_seed_to_seed(given):
    noise = noise_of(given[0])
    assert noise.mean() == pytest.approx(0, abs=0.02)
    assert noise.std() == pytest.approx(1, abs=0.02)
    rows = noise.reshape(40, -1).astype(float)
    among = np.corrcoef(rows) - np.eye(40)
    assert abs(among).max() < 0.1
    for shifted in (noise[:, 1:] * noise[:, :-1], noise[..., 0] * noise[..., 1]):
        assert shifted.mean() == pytest.approx(0, abs=0.02)
    assert abs(np.corrcoef(rows[0], noise_of(given[0], seed=1)[0].ravel())[0, 1]) < 0.1


def test_one_known_pixel_decides(given):
    masked = given[0].copy()
    masked[0, 0, 0, 1] += 1 / 255
    assert (noise_of(masked)[0] != noise_of(given[0])[0]).mean() > 0.99


@pytest.mark.parametrize("build", [residual_unet, wnet])
def test_network_with_noise_gives_another_answer_for_another_seed_only(build, given):
    first, again, other = (build(**TINY, noise=2, noise_seed=seed) for seed in (0, 0, 1))
    random = np.random.default_rng(0)
    weights = [random.normal(0, 0.2, w.shape) for w in first.get_weights()]
    for model in (first, again, other):
        model.set_weights(weights)
    answers = [keras.ops.convert_to_numpy(m(list(given))) for m in (first, again, other)]
    np.testing.assert_array_equal(answers[0], answers[1])
    known = np.broadcast_to(given[1] == 1, answers[0].shape)
    np.testing.assert_array_equal(answers[2][known], answers[0][known])
    assert abs(answers[2] - answers[0])[~known].mean() > 1e-3


def test_network_with_noise_survives_a_keras_file(given, tmp_path):
    model = residual_unet(**TINY, noise=1, noise_seed=3)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    inputs = [part[:2] for part in given]
    np.testing.assert_array_equal(loaded(inputs), model(inputs))


def test_noise_starts_faint(given):
    plain, noisy = residual_unet(**TINY), residual_unet(**TINY, noise=2)
    assert noisy.count_params() == plain.count_params() + 3 * 3 * 8 * 8
    for model in (plain, noisy):
        inputs = [part[:2] for part in given]
        fill = keras.ops.convert_to_numpy(residual_unet(**TINY)(inputs))
        np.testing.assert_allclose(model(inputs), fill, atol=1e-6)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"noise": -1}, "^noise must be"),
        ({"noise": 1.5}, "^noise must be"),
        ({"noise": 1, "noise_seed": -1}, "^noise_seed must be"),
    ],
)
def test_bad_numbers_are_named(settings, message):
    with pytest.raises(ValueError, match=message):
        residual_unet(**TINY, **settings)
