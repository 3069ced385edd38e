"""The same figures where JAX is the only backend: networks, metrics, files, training.

``backend_scores.py`` computes them twice: here, and in the environment .venv-jax, which holds no
TensorFlow. ``make test`` sets it up.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import backend_scores
import numpy as np
import pytest
from pytest import approx

from eurosat_inpaint import pretrained

pytestmark = [pytest.mark.slow, pytest.mark.environment]

SCRIPT = Path(backend_scores.__file__)
ACROSS_BACKENDS = 1e-5
RESTORED = ("inpaint_float", "unet", "original_relative", "residual_unet", "keras_file")
OTHERS = ("push_pull_odd", "features", "patch_logits")
FILLS = ("composite", "composite_without_mask", "composite_layer", "push_pull_layer")
# Of two channels that are nearly equal either may come out as the brighter one: two pixels of the
# 8,192 of a class.
ARGMAX_TOLERANCE = 2 / 8192
# So a referee may take one patch of the 144 for the other kind; the ends of its interval move with
# it, by two. Of a tile it counts patches, a restored one and its true one as half each.
REFEREE_TOLERANCE, REFEREE_TOLERANCE_OF_TILE = 2.1 / 144, 0.5


class Run:
    """What the script left in its folder."""

    def __init__(self, folder):
        self.folder = folder
        self.figures = dict(np.load(folder / "figures.npz"))
        self.scores = json.loads((folder / "scores.json").read_text())
        self.training = self.scores["training"]


@pytest.fixture(scope="module")
def runs(tmp_path_factory, jax_python):
    """The run on TensorFlow, and the one on JAX that reads its weights."""
    folder = tmp_path_factory.mktemp("backends")
    run_script("tensorflow", sys.executable, folder / "tensorflow")
    run_script("jax", jax_python, folder / "jax", folder / "tensorflow")
    return Run(folder / "tensorflow"), Run(folder / "jax")


def run_script(backend, python, *folders):
    # On the processor: a GPU may round the factors of a convolution to fewer bits.
    environment = {"KERAS_BACKEND": backend, "CUDA_VISIBLE_DEVICES": "-1", "JAX_PLATFORMS": "cpu"}
    done = subprocess.run(
        [python, SCRIPT, *folders],
        env=os.environ | environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, f"on {backend}:\n{done.stderr}"


def test_each_run_was_on_its_own_backend(runs):
    tensorflow, jax = (run.scores for run in runs)
    assert (tensorflow["backend"], jax["backend"]) == ("tensorflow", "jax")
    assert not jax["tensorflow_installed"]


@pytest.mark.parametrize("name", [*RESTORED, *FILLS, *OTHERS])
def test_figures_are_those_of_tensorflow(name, runs):
    tensorflow, jax = (run.figures[name] for run in runs)
    assert jax.dtype == tensorflow.dtype
    np.testing.assert_allclose(jax, tensorflow, rtol=0, atol=ACROSS_BACKENDS)


def test_restored_bytes_differ_by_a_level_in_few_places(runs):
    tensorflow, jax = (run.figures["inpaint_uint8"].astype(int) for run in runs)
    difference = np.abs(jax - tensorflow)
    assert difference.max() <= 1
    assert difference.mean() < 1e-4


@pytest.mark.parametrize("name", [*RESTORED, *FILLS, "inpaint_uint8"])
def test_known_pixels_are_bit_identical(name, runs):
    images, _, masks = backend_scores.tiles_and_masks()
    known = masks[..., 0] == 1
    restored = runs[1].figures[name]
    tiles = images if restored.dtype == np.uint8 else images.astype(np.float32) / 255
    assert np.array_equal(restored[known], tiles[known])
    assert not np.array_equal(restored[~known], tiles[~known])


def test_a_keras_file_of_tensorflow_is_the_same_network(runs):
    figures = runs[1].figures
    np.testing.assert_allclose(figures["keras_file"], figures["residual_unet"], rtol=0, atol=1e-6)
    assert np.array_equal(figures["keras_file_copy"], figures["keras_file"])


@pytest.mark.parametrize("method", ["mean", "unet"])
def test_scores_are_those_of_tensorflow(method, runs):
    tensorflow, jax = (run.scores["compare"][method] for run in runs)
    assert list(jax) == list(tensorflow)
    assert {"mse_holes value", "ssim value", "kernel_distance value"} < set(jax)
    for name, values in tensorflow.items():
        counted = {
            "channel_argmax": ARGMAX_TOLERANCE,
            "by_tile referee": REFEREE_TOLERANCE_OF_TILE,
            "referee_accuracy": REFEREE_TOLERANCE,
        }
        tolerance = next((allowed for kind, allowed in counted.items() if kind in name), 1e-6)
        # The error of one tile may be small: differences of pixels weigh more in it than in a mean.
        relative = 10 * ACROSS_BACKENDS if name.startswith("by_tile") else ACROSS_BACKENDS
        expected = approx(values, rel=relative, abs=tolerance, nan_ok=True)
        assert jax[name] == expected, name


def test_training_is_that_of_tensorflow(runs):
    tensorflow, jax = (run.training for run in runs)
    steps = backend_scores.TRAINING_EPOCHS * backend_scores.TRAINING_STEPS
    assert len(jax["losses"]) == steps
    assert jax["losses"][0] == approx(tensorflow["losses"][0], rel=ACROSS_BACKENDS)
    # As far as two trainings on one machine agree.
    assert jax["losses"] == approx(tensorflow["losses"], rel=1e-3)
    assert jax["val_losses"] == approx(tensorflow["val_losses"], rel=1e-3)
    assert jax["learning_rates"] == approx(tensorflow["learning_rates"])
    assert jax["losses"][-1] < jax["losses"][0] / 2


def test_weights_kept_on_jax_are_those_that_were_scored(runs):
    training = runs[1].training
    assert training["loss_of_kept_weights"] == approx(min(training["val_losses"]), rel=1e-6)


def test_weights_trained_on_jax_come_back_to_tensorflow(runs):
    tiles, masks = backend_scores.validation_tiles_and_masks()
    model = backend_scores.BUILDERS["trained_unet"]()
    model.load_weights(runs[1].folder / "training" / "best.weights.h5")
    restored = pretrained.restore_in_batches(model, tiles * masks, masks)
    np.testing.assert_allclose(runs[1].figures["trained"], restored, rtol=0, atol=ACROSS_BACKENDS)
