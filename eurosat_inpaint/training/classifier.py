"""How the land-cover classifier of notebook 04 is trained, and how often it is right."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import keras
import numpy as np

from eurosat_inpaint._checks import (
    require_fitting,
    require_images,
    require_labels,
)
from eurosat_inpaint.training.batches import LabelledTileBatches, one_hot
from eurosat_inpaint.training.fitting import run_training, with_keywords_of_fit_unet
from eurosat_inpaint.training.recipes import Recipe, recipe_of


@partial(with_keywords_of_fit_unet, but=("draw_masks",))
def fit_classifier(
    model: keras.Model,
    images: np.ndarray,
    validation_images: np.ndarray,
    recipe: str | Recipe = "classifier",
    *,
    labels: np.ndarray,
    validation_labels: np.ndarray,
    **settings: Any,
) -> list[dict]:
    """Train a classifier on whole tiles and leave the best weights, by validation loss, in it.

    Args:
        model: a network from tiles to logits, such as ``models.classifier()``, uncompiled.
        images: uint8 (n, size, size, 3), the train split.
        validation_images: uint8 (m, size, size, 3).
        recipe: "classifier", or a :class:`Recipe` of one's own.
        labels: int (n,), the classes of the images.
        validation_labels: int (m,).
        **settings: all further arguments of :func:`fit_unet` but ``draw_masks``.

    Returns:
        One dict per epoch, as in the log: "epoch", "loss", "val_loss", "learning_rate",
        "seconds". The losses include the label smoothing.

    Raises:
        TypeError: if images are not uint8, or labels not integers.
        ValueError: as :func:`fit_unet`, or for labels that do not fit the images or the network.
        OSError, FloatingPointError: as :func:`fit_unet`.
    """
    classes = model.output_shape[-1]
    _require_labelled(model, images=images, labels=labels)
    _require_labelled(
        model, validation_images=validation_images, validation_labels=validation_labels
    )
    compared = {"labels": labels, "validation_labels": validation_labels}
    compared = {name: values.astype(np.int64) for name, values in compared.items()}
    return run_training(
        model,
        recipe_of(recipe),
        partial(LabelledTileBatches, images, labels=labels, classes=classes),
        (validation_images.astype(np.float32) / 255, one_hot(validation_labels, classes)),
        arguments=compared | {"validation_images": validation_images},
        metrics=("accuracy",),
        **settings,
    )


def classification_scores(
    model: keras.Model, images: np.ndarray, labels: np.ndarray, class_names: Sequence[str]
) -> dict[str, Any]:
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
    _require_labelled(model, images=images, labels=labels)
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


def _require_labelled(model, **named):
    """Check tiles and their labels, two arguments given by their names."""
    (images_name, images), (labels_name, labels) = named.items()
    require_images(images_name, images)
    require_fitting(images_name, images, model)
    require_labels(labels_name, labels, len(images), model.output_shape[-1])
