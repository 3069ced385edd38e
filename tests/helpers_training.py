"""What trainings are tested with: small tiles and a small network, and a way to stop."""

import shutil
import subprocess
import sys

import keras
import numpy as np
import pytest
from keras import layers

from eurosat_inpaint.compositing import composite_layer
from eurosat_inpaint.data import synthetic_tiles
from eurosat_inpaint.models import InpaintingGAN, patch_discriminator, wnet
from eurosat_inpaint.training import (
    GANRecipe,
    Recipe,
    fit_classifier,
    fit_gan,
    fit_unet,
    fit_wnet,
)

SIDE = 16
# What a training that came to its end leaves in its directory.
FINISHED = ["best.weights.h5", "log.csv", "state.json"]


def small_tiles():
    """24 tiles to train on and 16 to validate on."""
    images, _, _ = synthetic_tiles(40)
    return images[:24, :SIDE, :SIDE], images[24:, :SIDE, :SIDE]


def small_network(features=32):
    """An inpainting network of three layers, the second wide enough for Muon.

    Most of the time of a short training is building it.
    """
    keras.utils.set_random_seed(1)
    masked = keras.Input((SIDE, SIDE, 3), name="masked")
    mask = keras.Input((SIDE, SIDE, 1), name="mask")
    hidden = layers.Concatenate()([masked, mask])
    hidden = layers.Conv2D(32, 3, padding="same", activation="relu")(hidden)
    hidden = layers.Conv2D(features, 1, activation="relu")(hidden)
    prediction = layers.Conv2D(3, 1, activation="sigmoid", name="prediction")(hidden)
    return keras.Model([masked, mask], composite_layer()([masked, prediction, mask]))


AVERAGED = Recipe(
    loss="mse", batch_size=4, learning_rate=5e-3, trapezoid=True, muon=True, average=0.9
)
PLAIN = Recipe(
    loss=keras.losses.CategoricalCrossentropy(from_logits=True),
    batch_size=4,
    learning_rate=1e-3,
    trapezoid=True,
)
ADVERSARIAL = GANRecipe(batch_size=4)
KINDS = ("unet", "wnet", "gan", "classifier")


def network_of(kind):
    """A network small enough to be trained in a second or two."""
    if kind == "unet":
        return small_network()
    keras.utils.set_random_seed(1)
    if kind == "wnet":
        stage = {"filters": (6,), "blocks": (1,)}
        return wnet(SIDE, first=stage, **stage)
    if kind == "gan":
        return InpaintingGAN(small_network(), patch_discriminator(SIDE, filters=(8, 12, 16)))
    inputs = keras.Input((SIDE, SIDE, 3))
    hidden = layers.Conv2D(8, 4, strides=4, activation="relu")(inputs)
    hidden = layers.BatchNormalization(momentum=0.9)(hidden)
    return keras.Model(inputs, layers.Dense(10)(layers.GlobalAveragePooling2D()(hidden)))


def short_training(kind, model=None, **arguments):
    """Three epochs of four steps by the function for that kind; returns history and model."""
    model = model or network_of(kind)
    images, validation_images = small_tiles()
    given = {"epochs": 3, "steps_per_epoch": 4, "verbose": 0} | arguments
    if kind == "classifier":
        given = {"labels": np.arange(24) % 10, "validation_labels": np.arange(16) % 10} | given
        given = {"recipe": PLAIN} | given
        return fit_classifier(model, images, validation_images, **given), model
    given = {"recipe": ADVERSARIAL if kind == "gan" else AVERAGED} | given
    fit = {"unet": fit_unet, "wnet": fit_wnet, "gan": fit_gan}[kind]
    return fit(model, images, validation_images, **given), model


class StopAt(keras.callbacks.Callback):
    """Stops a training the hard way, as Ctrl-C does, before a batch that begins an execution."""

    def __init__(self, epoch, batch):
        super().__init__()
        self.place = epoch, batch

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_begin(self, batch, logs=None):
        if (self.epoch, batch) == self.place:
            raise KeyboardInterrupt


def assert_same_training(history, model, other_history, other_model):
    assert len(history) == len(other_history)
    for row, other in zip(history, other_history, strict=True):
        for name in ("epoch", "loss", "val_loss", "learning_rate"):
            assert row[name] == pytest.approx(other[name], rel=1e-6)
    for one, other in zip(model.get_weights(), other_model.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-7)


def assert_other_argument_is_refused(name, train, stopped, folder):
    """``train(directory)`` with another argument must not touch a stopped training.

    Args:
        name: of the argument, which the error names alone.
        train: a function of the directory.
        stopped: the directory of a stopped training; a copy of it is used.
        folder: where the copy is made.
    """
    directory = folder / "copy"
    shutil.copytree(stopped, directory)
    before = {path.name: path.read_bytes() for path in directory.iterdir()}
    with pytest.raises(ValueError, match=f"directory .* other {name}:"):
        train(directory)
    assert {path.name: path.read_bytes() for path in directory.iterdir()} == before


def names_in(directory):
    """What lies in a directory, sorted."""
    return sorted(path.name for path in directory.iterdir())


def assert_loads_in_a_fresh_process(model, path):
    """With loss and optimiser, after the one import that the README names."""
    model.save(path)
    script = """
import sys
import keras
import eurosat_inpaint.training
model = keras.saving.load_model(sys.argv[1])
loss = model.loss if isinstance(model.loss, str) else type(model.loss).__name__
print(int(model.optimizer.iterations), loss)
"""
    done = subprocess.run(
        [sys.executable, "-c", script, path],
        check=True,
        timeout=120,
        capture_output=True,
        text=True,
    )
    iterations, loss = done.stdout.split()
    assert int(iterations) == int(model.optimizer.iterations) > 0
    assert loss == (model.loss if isinstance(model.loss, str) else type(model.loss).__name__)
