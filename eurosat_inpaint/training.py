"""One function per kind of network that trains it by its recipe. Taught in notebooks 04 to 06."""

import hashlib
import time
from dataclasses import asdict
from pathlib import Path

import keras
import numpy as np

from eurosat_inpaint.batches import MaskedTileBatches, require_images
from eurosat_inpaint.checkpointing import TrainingKeeper
from eurosat_inpaint.masks import line_masks, require_integer
from eurosat_inpaint.models import InpaintingGAN
from eurosat_inpaint.pretrained import require_input_shape
from eurosat_inpaint.recipes import (
    GAN_RECIPE,
    RECIPES,
    WNET_RECIPE,
    GANRecipe,
    Recipe,
    compile_model,
    rate_and_average_callbacks,
)

_VALIDATION_MASK_SEED = 1


def fit_unet(
    model: keras.Model,
    images: np.ndarray,
    validation_images: np.ndarray,
    recipe: str = "efficient",
    epochs: int = 10,
    steps_per_epoch: int | None = None,
    directory: str | Path | None = None,
    seed: int = 0,
    draw_masks=line_masks,
    callbacks: tuple = (),
    verbose: int | str = "auto",
) -> list[dict]:
    """Train a U-Net and leave the best weights, by validation loss, in it.

    Args:
        model: an inpainting network of ``models.unet``, uncompiled.
        images: uint8 (n, size, size, 3), the train split.
        validation_images: uint8 (m, size, size, 3); masked once, by a fixed seed.
        recipe: "efficient", or "original" for that of the project this one descends from.
        epochs: number of epochs, the whole length of the cosine.
        steps_per_epoch: steps of an epoch, by default one pass over the tiles.
        directory: where ``log.csv``, ``best.weights.h5`` and the state of an unfinished training
            are kept. Called again with the same arguments after having been stopped, training
            continues at the epoch that it was in, with the batches, the optimiser and the
            recipe's callbacks as they were when that epoch began.
        seed: fixes order, flips and masks of the batches.
        draw_masks: the masks to train on, see :class:`batches.MaskedTileBatches`.
        callbacks: further Keras callbacks; what they hold does not survive a stop. They
            are called after every eighth step, on PyTorch after every step.
        verbose: as in ``keras.Model.fit``.

    Returns:
        One dict per epoch, as in the log: "epoch", "loss", "val_loss", "learning_rate",
        "seconds". A continued training returns all epochs.

    Raises:
        TypeError: if images are not uint8.
        ValueError: for an unknown recipe, images that do not fit the network or are fewer than a
            batch holds, a number that is not a positive integer, or a ``directory`` that holds
            an unfinished training with other arguments.
    """
    if recipe not in RECIPES:
        raise ValueError(f"recipe must be one of {tuple(RECIPES)}, got {recipe!r}")
    return _fit(
        model,
        RECIPES[recipe],
        images,
        validation_images,
        epochs,
        steps_per_epoch,
        directory,
        seed,
        draw_masks,
        callbacks,
        verbose,
        {"recipe": recipe},
    )


def fit_wnet(
    model: keras.Model,
    images: np.ndarray,
    validation_images: np.ndarray,
    epochs: int = 10,
    steps_per_epoch: int | None = None,
    directory: str | Path | None = None,
    seed: int = 0,
    draw_masks=line_masks,
    callbacks: tuple = (),
    verbose: int | str = "auto",
    recipe: Recipe = WNET_RECIPE,
) -> list[dict]:
    """Train the second stage of a W-Net and leave the best weights, by validation loss, in it.

    The first stage has to restore already: it is frozen, and comes out as it went in.

    Args:
        model: a network of ``models.wnet``, uncompiled, its first stage trained.
        recipe: loss, optimiser and learning rates.
        images, validation_images and all others: as of :func:`fit_unet`.

    Returns:
        One dict per epoch, as of :func:`fit_unet`; with the recipe as it is the losses are those
        of :class:`losses.SharpnessLoss`.

    Raises:
        TypeError: if images are not uint8.
        ValueError: as :func:`fit_unet`; a ``directory`` that holds an unfinished training with
            another first stage is refused too. Also if the model has no first stage.
    """
    first_stage = model.get_layer("first_stage").get_weights()
    further_arguments = {
        "recipe": vars(recipe) | {"loss": keras.losses.serialize(keras.losses.get(recipe.loss))},
        "first_stage": digest(np.concatenate([w.ravel() for w in first_stage])),
    }
    return _fit(
        model,
        recipe,
        images,
        validation_images,
        epochs,
        steps_per_epoch,
        directory,
        seed,
        draw_masks,
        callbacks,
        verbose,
        further_arguments,
    )


def _fit(
    model,
    recipe,
    images,
    validation_images,
    epochs,
    steps_per_epoch,
    directory,
    seed,
    draw_masks,
    callbacks,
    verbose,
    further_arguments,
):
    """Train an inpainting network; a stopped training needs the further arguments again too."""
    require_integer("epochs", epochs, 1)
    require_tiles_for(model, "images", images)
    require_tiles_for(model, "validation_images", validation_images)
    mask_input = len(model.inputs) == 2
    batches = MaskedTileBatches(
        images, recipe.batch_size, steps_per_epoch, seed, draw_masks, mask_input
    )
    compile_model(model, recipe, epochs * batches.num_batches)
    scoring = rate_and_average_callbacks(recipe)
    arguments = further_arguments | {
        "epochs": epochs,
        "steps_per_epoch": batches.num_batches,
        "seed": seed,
        "images": len(images),
        "validation_images": len(validation_images),
        "draw_masks": digest(draw_masks(1, size=images.shape[1], seed=0)),
        "model": model.count_params(),
    }
    keeper = TrainingKeeper(batches, directory, scoring, arguments)
    validation_data = _validation_data(validation_images, draw_masks, mask_input)
    keeper.fit(model, validation_data, epochs, callbacks, verbose)
    keeper.finish()
    return keeper.history


def fit_gan(
    generator: keras.Model,
    discriminator: keras.Model,
    images: np.ndarray,
    validation_images: np.ndarray,
    epochs: int = 10,
    steps_per_epoch: int | None = None,
    directory: str | Path | None = None,
    seed: int = 0,
    draw_masks=line_masks,
    callbacks: tuple = (),
    verbose: int | str = "auto",
    recipe: GANRecipe = GAN_RECIPE,
) -> list[dict]:
    """Train a generator against a discriminator and leave the last weights in both.

    Not the best weights: neither network's loss says how good the restored tiles are, since it
    depends on how good the other network has become. Needs Keras' TensorFlow backend.

    Args:
        generator: an inpainting network from ``[masked, mask]`` to the composite; best one that
            restores already.
        discriminator: as of ``models.patch_discriminator``.
        directory: where ``log.csv``, ``generator.weights.h5``, ``discriminator.weights.h5`` and
            the state of an unfinished training are kept. Called again with the same arguments
            after having been stopped, training continues at the epoch that it was in, with
            batches, weights and optimisers of both networks as they were when that epoch began.
        recipe: losses, batch size and learning rates.
        images, validation_images and all others: as of :func:`fit_unet`, but callbacks are called
            after every step.

    Returns:
        One dict per epoch, as in the log: "epoch"; the means of ``InpaintingGAN.metrics``, such
        as "discriminator_accuracy", and the same on the validation tiles with "val_" before
        their names; "learning_rate" of the generator; "seconds". A continued training returns
        all epochs.

    Raises:
        TypeError: if images are not uint8.
        ValueError: if the two networks or the images do not fit together, images are fewer than
            a batch holds, a number is not a positive integer or the adversarial weight negative,
            or for a ``directory`` that holds an unfinished training with other arguments.
        NotImplementedError: on another backend than TensorFlow.
    """
    require_integer("epochs", epochs, 1)
    model = InpaintingGAN(generator, discriminator)
    require_tiles_for(model, "images", images)
    require_tiles_for(model, "validation_images", validation_images)
    batches = MaskedTileBatches(images, recipe.batch_size, steps_per_epoch, seed, draw_masks)
    model.compile(
        keras.optimizers.Adam(recipe.generator_learning_rate, beta_1=recipe.beta_1),
        keras.optimizers.Adam(recipe.discriminator_learning_rate, beta_1=recipe.beta_1),
        recipe.reconstruction_loss,
        recipe.adversarial_weight,
    )
    arguments = {
        "recipe": asdict(recipe),
        "epochs": epochs,
        "steps_per_epoch": batches.num_batches,
        "seed": seed,
        "images": len(images),
        "validation_images": len(validation_images),
        "draw_masks": digest(draw_masks(1, size=images.shape[1], seed=0)),
        "generator": generator.count_params(),
        "discriminator": discriminator.count_params(),
    }
    names = [mean.name for mean in model.metrics]
    measures = (*names, *(f"val_{name}" for name in names))
    keeper = TrainingKeeper(
        batches, directory, arguments=arguments, measures=measures, keep_best=False
    )
    validation_data = _validation_data(validation_images, draw_masks, mask_input=True)
    keeper.fit(model, validation_data, epochs, callbacks, verbose)
    if directory is not None:
        generator.save_weights(Path(directory) / "generator.weights.h5")
        discriminator.save_weights(Path(directory) / "discriminator.weights.h5")
    keeper.finish()
    return keeper.history


def fastest_dtype(build, tiles_per_batch: int = 32, steps: int = 4) -> str:
    """Measure whether this machine trains faster in bfloat16 than in float32.

    Args:
        build: builder of the network, called with ``dtype=``.
        tiles_per_batch: tiles per step of the measurement.
        steps: steps timed, after one that compiles.

    Returns:
        "mixed_bfloat16" or "float32".
    """
    seconds = {}
    for dtype in ("float32", "mixed_bfloat16"):
        model = build(dtype=dtype)
        shapes = [(tiles_per_batch, *i.shape[1:]) for i in model.inputs]
        inputs = [np.ones(shape, np.float32) for shape in shapes]
        inputs = inputs if len(inputs) > 1 else inputs[0]
        model.compile("adam", "mse")
        targets = np.ones((tiles_per_batch, *model.output_shape[1:]), np.float32)
        model.train_on_batch(inputs, targets)
        start = time.perf_counter()
        for _ in range(steps):
            model.train_on_batch(inputs, targets)
        seconds[dtype] = time.perf_counter() - start
    return min(seconds, key=seconds.get)


def require_tiles_for(model: keras.Model, name: str, images) -> None:
    """Raise an error that names the argument unless ``images`` are uint8 tiles for the model."""
    require_images(name, images)
    require_input_shape(name, images, model)
    if len(images) == 0:
        raise ValueError(f"{name} must hold at least one tile, got none")


def digest(array: np.ndarray) -> str:
    """A few hexadecimal digits by which two arrays of the same shape can be told apart."""
    return hashlib.sha256(array.tobytes()).hexdigest()[:16]


def _validation_data(images, draw_masks, mask_input):
    tiles = images.astype(np.float32) / 255
    masks = draw_masks(len(tiles), size=tiles.shape[1], seed=_VALIDATION_MASK_SEED)
    masked = tiles * masks
    return ((masked, masks) if mask_input else masked), tiles
