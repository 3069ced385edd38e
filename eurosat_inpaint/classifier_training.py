"""How the land-cover classifier of notebook 03 is trained, and how often it is right."""

from pathlib import Path

import keras
import numpy as np

from eurosat_inpaint.batches import LabelledTileBatches, one_hot, require_labels
from eurosat_inpaint.checkpointing import TrainingKeeper
from eurosat_inpaint.masks import require_integer
from eurosat_inpaint.recipes import Recipe, compile_model
from eurosat_inpaint.training import digest, require_tiles_for

# No average of the weights: it would not go with the running statistics of the batches.
RECIPE = Recipe(
    loss=keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.1),
    batch_size=64,
    learning_rate=3e-3,
    weight_decay=0.05,
    cosine=True,
)


def fit_classifier(
    model: keras.Model,
    images: np.ndarray,
    labels: np.ndarray,
    validation_images: np.ndarray,
    validation_labels: np.ndarray,
    epochs: int = 9,
    steps_per_epoch: int | None = None,
    directory: str | Path | None = None,
    seed: int = 0,
    callbacks: tuple = (),
    verbose: int | str = "auto",
) -> list[dict]:
    """Train a classifier on whole tiles and leave the best weights, by validation loss, in it.

    Args:
        model: a network from tiles to logits, such as ``models.classifier()``, uncompiled.
        images: uint8 (n, size, size, 3), the train split.
        labels: int (n,), their classes.
        validation_images: uint8 (m, size, size, 3).
        validation_labels: int (m,).
        epochs: number of epochs, the whole length of the cosine.
        steps_per_epoch: steps of an epoch, by default one pass over the tiles.
        directory: where log, best weights and the state of an unfinished training are kept, as
            in :func:`training.fit_unet`; such a training is continued.
        seed: fixes order and flips of the batches.
        callbacks: further Keras callbacks; what they hold does not survive a stop.
        verbose: as in ``keras.Model.fit``.

    Returns:
        One dict per epoch, as in the log: "epoch", "loss", "val_loss", "learning_rate",
        "seconds". The losses include the label smoothing.

    Raises:
        TypeError: if images are not uint8, or labels not integers.
        ValueError: for images that do not fit the network or are fewer than a batch holds,
            labels that do not fit the images or the network, a number that is not a positive
            integer, or a ``directory`` that holds an unfinished training with other arguments.
    """
    require_integer("epochs", epochs, 1)
    classes = model.output_shape[-1]
    _require_tiles("images", images, "labels", labels, model)
    _require_tiles(
        "validation_images", validation_images, "validation_labels", validation_labels, model
    )
    batches = LabelledTileBatches(images, labels, classes, RECIPE.batch_size, steps_per_epoch, seed)
    compile_model(model, RECIPE, epochs * batches.num_batches, metrics=("accuracy",))
    arguments = {
        "epochs": epochs,
        "steps_per_epoch": batches.num_batches,
        "seed": seed,
        "images": len(images),
        "labels": digest(labels.astype(np.int64)),
        "validation_labels": digest(validation_labels.astype(np.int64)),
        "model": model.count_params(),
    }
    keeper = TrainingKeeper(batches, directory, arguments=arguments)
    validation_tiles = validation_images.astype(np.float32) / 255
    validation_data = validation_tiles, one_hot(validation_labels, classes)
    keeper.fit(model, validation_data, epochs, callbacks, verbose)
    keeper.finish()
    return keeper.history


def classification_scores(
    model: keras.Model, images: np.ndarray, labels: np.ndarray, class_names: tuple[str, ...]
) -> dict:
    """How often a classifier is right.

    Args:
        model: a network from tiles to logits.
        images: uint8 (n, size, size, 3), whole tiles.
        labels: int (n,), their classes.
        class_names: name of each class.

    Returns:
        "accuracy", "per_class" (class name -> accuracy on the tiles of that class; classes
        without tiles are left out), "tiles".

    Raises:
        TypeError: if images are not uint8, or labels not integers.
        ValueError: if images do not fit the network, labels do not fit the images, or there are
            no tiles.
    """
    _require_tiles("images", images, "labels", labels, model)
    logits = model.predict(images.astype(np.float32) / 255, batch_size=64, verbose=0)
    right = logits.argmax(axis=-1) == labels
    return {
        "accuracy": float(right.mean()),
        "per_class": {
            name: float(right[labels == label].mean())
            for label, name in enumerate(class_names)
            if (labels == label).any()
        },
        "tiles": len(images),
    }


def _require_tiles(images_name, images, labels_name, labels, model):
    require_tiles_for(model, images_name, images)
    require_labels(labels_name, labels, len(images), model.output_shape[-1])
