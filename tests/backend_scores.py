"""Computes on one Keras backend what ``test_jax_backend.py`` compares between two.

Run as ``python backend_scores.py FOLDER [START]``. It leaves in FOLDER the arrays "figures.npz",
the scores "scores.json", the models and the trained weights. With START, the folder of another run,
untrained weights and the ``.keras`` file are read from there.

The networks are small: JAX compiles the initialiser of every layer.
"""

import importlib.util
import json
import sys
from pathlib import Path

import keras
import numpy as np

import eurosat_inpaint as ei

TILES = 20
ODD_HEIGHT, ODD_WIDTH = 13, 11
TRAINING_SIZE, TRAINING_TILES = 16, 256
TRAINING_EPOCHS, TRAINING_STEPS = 2, 50

BUILDERS = {
    "unet": lambda: ei.models.unet(filters=4, depth=1),
    # Of the original's kind: no mask input, and a kernel of even size, which pads unevenly.
    "original_relative": lambda: ei.models.unet(
        filters=4, depth=1, kernel_sizes=(3, 4, 5), mask_input=False
    ),
    "residual_unet": lambda: ei.models.residual_unet(filters=(8, 12), blocks=(1, 1)),
    "patch_discriminator": lambda: ei.models.patch_discriminator(filters=(4, 6)),
    "trained_unet": lambda: ei.models.residual_unet(
        size=TRAINING_SIZE, filters=(8, 8), blocks=(1, 1)
    ),
}


def tiles_and_masks():
    """uint8 tiles with their labels, and masks of the original procedure."""
    images, labels, _ = ei.data.synthetic_tiles(TILES, seed=11)
    return images, labels, ei.masks.line_masks(TILES, seed=12)


def crops_of(images):
    """Tiles cut into small ones, (16 n, 16, 16, 3), on which training is quick."""
    blocks = images.reshape(-1, 4, TRAINING_SIZE, 4, TRAINING_SIZE, 3).swapaxes(2, 3)
    return blocks.reshape(-1, TRAINING_SIZE, TRAINING_SIZE, 3)


def validation_tiles_and_masks():
    """What ``fit_unet`` validates on when it is given the crops after the training tiles."""
    images, _, _ = tiles_and_masks()
    tiles = crops_of(images)[TRAINING_TILES:].astype(np.float32) / 255
    return tiles, ei.masks.line_masks(len(tiles), size=TRAINING_SIZE, seed=1)


def main(folder, start=None):
    folder.mkdir()
    images, labels, masks = tiles_and_masks()
    tiles = images.astype(np.float32) / 255
    shipped = ei.pretrained.load("unet")
    restored = ei.inpaint(tiles, masks, shipped)
    figures = {
        "inpaint_float": restored,
        "inpaint_uint8": ei.inpaint(images, masks),
        **fills(tiles, masks),
        **networks(tiles, masks, folder, start),
    }
    classifier = ei.pretrained.load("classifier")
    critic = build("patch_discriminator", folder, start)
    figures["patch_logits"] = critic.predict_on_batch([tiles, masks])
    figures["features"] = ei.metrics.land_cover_features(classifier, tiles)
    methods = {"mean": ei.baselines.mean, "unet": shipped}
    rows = ei.metrics.compare(methods, images, masks, labels, ei.data.CLASS_NAMES)
    scores = {
        "backend": keras.backend.backend(),
        "tensorflow_installed": importlib.util.find_spec("tensorflow") is not None,
        "compare": {row["name"]: flat(row) for row in rows},
    }
    figures["trained"], scores["training"] = train(images, folder, start)
    np.savez(folder / "figures.npz", **figures)
    (folder / "scores.json").write_text(json.dumps(scores))


def flat(row, prefix=""):
    """A row of ``metrics.compare`` as one dictionary of lists of numbers, without its name."""
    numbers = {}
    for name, value in row.items():
        if isinstance(value, dict):
            numbers |= flat(value, f"{prefix}{name} ")
        elif name != "name":
            numbers[prefix + name] = np.ravel(value).tolist()
    return numbers


def fills(tiles, masks):
    """The two parts that networks share: as functions of arrays, and as layers of a model."""
    masked = tiles * masks
    prediction = tiles[::-1].copy()
    odd = np.index_exp[:, :ODD_HEIGHT, :ODD_WIDTH]
    inputs = [keras.Input(array.shape[1:]) for array in (masked, prediction, masks)]
    composite = keras.Model(inputs, ei.compositing.composite_layer()(inputs))
    inputs = [keras.Input(array.shape[1:]) for array in (masked, masks)]
    push_pull = keras.Model(inputs, ei.compositing.push_pull_layer()(inputs))
    return {
        "composite": ei.compositing.composite(masked, prediction, masks),
        "composite_without_mask": ei.compositing.composite(masked, prediction),
        "composite_layer": composite.predict_on_batch([masked, prediction, masks]),
        "push_pull_odd": ei.compositing.push_pull(masked[odd], masks[odd]),
        "push_pull_layer": push_pull.predict_on_batch([masked, masks]),
    }


def networks(tiles, masks, folder, start):
    """What each network restores; one of them also from a ``.keras`` file and its copy."""
    masked = tiles * masks
    names = ("unet", "original_relative", "residual_unet")
    models = {name: build(name, folder, start) for name in names}
    figures = {
        name: ei.pretrained.restore_in_batches(models[name], masked, masks) for name in names
    }
    if start is None:
        models["residual_unet"].save(folder / "residual_unet.keras")
    loaded = keras.models.load_model((start or folder) / "residual_unet.keras")
    figures["keras_file"] = ei.pretrained.restore_in_batches(loaded, masked, masks)
    loaded.save(folder / "copy.keras")
    copy = keras.models.load_model(folder / "copy.keras")
    figures["keras_file_copy"] = ei.pretrained.restore_in_batches(copy, masked, masks)
    return figures


def build(name, folder, start):
    """A network with the weights of the run before, or with random ones that it saves."""
    model = BUILDERS[name]()
    if start is not None:
        model.load_weights(start / f"{name}.weights.h5")
        return model
    random = np.random.default_rng(13)
    # Nowhere zero: biases and the last layer of a residual network would otherwise do nothing.
    model.set_weights(
        [
            random.normal(scale=np.prod(w.shape[:-1]) ** -0.5 if w.ndim > 1 else 0.1, size=w.shape)
            for w in model.get_weights()
        ]
    )
    model.save_weights(folder / f"{name}.weights.h5")
    return model


def train(images, folder, start):
    """A short training with everything that the recipe has; its weights average over two steps."""
    crops = crops_of(images)
    model = build("trained_unet", folder, start)
    losses = []
    recorder = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: losses.append(float(logs["loss"]))
    )
    # The loss of every step is to be compared.
    ei.training.recipes._STEPS_PER_EXECUTION = 1
    history = ei.training.fit_unet(
        model,
        crops[:TRAINING_TILES],
        crops[TRAINING_TILES:],
        epochs=TRAINING_EPOCHS,
        steps_per_epoch=TRAINING_STEPS,
        directory=folder / "training",
        callbacks=(recorder,),
        verbose=0,
    )
    tiles, masks = validation_tiles_and_masks()
    restored = ei.pretrained.restore_in_batches(model, tiles * masks, masks)
    return restored, {
        "losses": losses,
        "val_losses": [row["val_loss"] for row in history],
        "learning_rates": [row["learning_rate"] for row in history],
        "loss_of_kept_weights": float(((restored - tiles) ** 2).mean()),
    }


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
