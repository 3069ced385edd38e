"""``tools/train_on_gpu.py`` on JAX takes the steps that the package takes on TensorFlow.

``train_on_jax.py`` trains in the environment .venv-jax, which ``make test`` sets up.
"""

import os
import subprocess
from pathlib import Path

import numpy as np
import pytest
from helpers_small_networks import EPOCHS, few_tiles, small

from eurosat_inpaint import models, training
from eurosat_inpaint.training import fitting

pytestmark = [pytest.mark.slow, pytest.mark.environment]

SCRIPT = Path(__file__).with_name("train_on_jax.py")
NAMES = ("unet", "gan", "wnet")


def with_drawn_weights(network, seed):
    random = np.random.default_rng(seed)
    shapes = [weights.shape for weights in network.get_weights()]
    network.set_weights([0.05 * random.standard_normal(shape) for shape in shapes])
    return network


def start(name):
    """The small network and its critic, if it has one, with weights that both backends get."""
    network, recipe = small(name)
    model = with_drawn_weights(getattr(models, network.builder)(**network.arguments), seed=1)
    adversarial = isinstance(recipe, training.GANRecipe)
    return model, with_drawn_weights(models.patch_discriminator(), seed=2) if adversarial else None


def weights_of(*networks):
    return [weights for network in networks if network for weights in network.get_weights()]


@pytest.fixture(scope="module")
def trained_on_jax(tmp_path_factory, jax_python):
    """By name, the weights that the tool has trained."""
    folder = tmp_path_factory.mktemp("trained")
    for name in NAMES:
        np.savez(folder / f"{name}.npz", *weights_of(*start(name)))
    environment = {"KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu"}
    command = [jax_python, SCRIPT, folder, *NAMES]
    done = subprocess.run(command, env=os.environ | environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return {name: list(np.load(folder / f"{name}_trained.npz").values()) for name in NAMES}


@pytest.mark.parametrize("name", NAMES)
def test_steps_are_those_of_the_package(name, trained_on_jax, monkeypatch):
    network, recipe = small(name)
    model, critic = start(name)
    begun = weights_of(model, critic)
    images = few_tiles().images
    settings = {"epochs": EPOCHS, "seed": 0, "verbose": 0}
    if name == "gan":
        training.fit_gan(models.InpaintingGAN(model, critic), images, images, recipe, **settings)
    elif name == "wnet":
        monkeypatch.setattr(fitting, "patch_discriminator", lambda *_, **__: critic)
        training.fit_wnet(model, images, images, recipe, **settings)
    else:
        training.fit_unet(model, images, images, recipe, **settings)
    on_jax, on_tensorflow, at_start = (
        np.concatenate([weights.ravel() for weights in each])
        for each in (trained_on_jax[name], weights_of(model, critic), begun)
    )
    # Where a slope is nearly zero Adam steps as far as elsewhere, to this side or that; and Muon
    # makes its faint directions as strong as the others.
    apart = np.linalg.norm(on_jax - on_tensorflow) / np.linalg.norm(on_tensorflow - at_start)
    assert apart < 0.03
