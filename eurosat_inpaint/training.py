"""One recipe per model: loss, optimiser, callbacks, fit. Taught in notebook 04."""

import hashlib
import time
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np

from eurosat_inpaint.batches import MaskedTileBatches, require_images
from eurosat_inpaint.checkpointing import TrainingKeeper
from eurosat_inpaint.masks import line_masks, require_integer
from eurosat_inpaint.optimizers import ConvolutionMuon
from eurosat_inpaint.pretrained import require_input_shape

_VALIDATION_MASK_SEED = 1


@dataclass(frozen=True)
class Recipe:
    """How a network is trained.

    Attributes:
        loss: a Keras loss or its name; that of a U-Net is taken on the composite over the whole
            tile.
        batch_size: tiles per step.
        learning_rate: of Adam or AdamW; the peak where ``cosine`` is set.
        weight_decay: decoupled, per step times the learning rate; 0 is plain Adam.
        cosine: 200 steps of linear warm-up, at most a tenth of all, then a cosine to zero over
            the rest of the training. Otherwise the rate is cut to a tenth when the validation
            loss has not fallen for two epochs, and training stops when it has not for fifteen.
        muon: train wide convolutions by Muon instead, see :mod:`optimizers`.
        average: momentum of the exponential moving average of the weights, or None.
    """

    loss: str | keras.losses.Loss
    batch_size: int
    learning_rate: float
    weight_decay: float = 0.0
    cosine: bool = False
    muon: bool = False
    average: float | None = None


RECIPES = {
    "original": Recipe(loss="mae", batch_size=8, learning_rate=1e-3),
    "efficient": Recipe(
        loss="mse",
        batch_size=32,
        learning_rate=2e-3,
        weight_decay=1e-4,
        cosine=True,
        muon=True,
        average=0.999,
    ),
}
_WARMUP_STEPS = 200
# An average over more than this part of a short training would still hold its start.
_AVERAGED_PART = 1 / 50


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
        callbacks: further Keras callbacks; what they hold does not survive a stop.
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
    settings = RECIPES[recipe]
    require_integer("epochs", epochs, 1)
    require_tiles_for(model, "images", images)
    require_tiles_for(model, "validation_images", validation_images)
    mask_input = len(model.inputs) == 2
    batches = MaskedTileBatches(
        images, settings.batch_size, steps_per_epoch, seed, draw_masks, mask_input
    )
    compile_model(model, settings, epochs * batches.num_batches)
    scoring = _rate_and_average_callbacks(settings)
    arguments = {
        "recipe": recipe,
        "epochs": epochs,
        "steps_per_epoch": batches.num_batches,
        "seed": seed,
        "images": len(images),
        "validation_images": len(validation_images),
        "draw_masks": digest(draw_masks(1, size=images.shape[1], seed=0)),
        "model": model.count_params(),
    }
    keeper = TrainingKeeper(batches, directory, scoring, arguments)
    initial_epoch = keeper.restore(model)
    model.fit(
        batches,
        validation_data=_validation_data(validation_images, draw_masks, mask_input),
        validation_batch_size=64,
        epochs=epochs,
        initial_epoch=initial_epoch,
        callbacks=[*scoring, *callbacks, keeper],
        verbose=verbose,
        shuffle=False,
    )
    model.set_weights(keeper.best_weights)
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


def compile_model(model: keras.Model, recipe: Recipe, steps: int, metrics: tuple = ()) -> None:
    """Give a model the loss and the optimiser of its recipe, for a training of ``steps`` steps."""
    rate, average = recipe.learning_rate, {}
    if recipe.cosine:
        warmup_steps = max(1, min(_WARMUP_STEPS, steps // 10))
        rate = keras.optimizers.schedules.CosineDecay(
            initial_learning_rate=0.0,
            decay_steps=max(1, steps - warmup_steps),
            warmup_target=rate,
            warmup_steps=warmup_steps,
        )
    if recipe.average:
        momentum = min(recipe.average, 1 - 1 / max(1, int(steps * _AVERAGED_PART)))
        average = {"use_ema": True, "ema_momentum": momentum}
    settings = {"learning_rate": rate, "weight_decay": recipe.weight_decay, **average}
    optimizer = (ConvolutionMuon if recipe.muon else keras.optimizers.AdamW)(**settings)
    optimizer.build(model.trainable_variables)
    model.compile(optimizer, loss=recipe.loss, metrics=list(metrics))


def _rate_and_average_callbacks(recipe):
    """The average must be swapped in before anything scores or keeps the weights: it is first."""
    callbacks = []
    if recipe.average:
        callbacks.append(keras.callbacks.SwapEMAWeights(swap_on_epoch=True))
    if not recipe.cosine:
        callbacks.append(keras.callbacks.ReduceLROnPlateau(factor=0.1, patience=2, min_lr=1e-6))
        callbacks.append(keras.callbacks.EarlyStopping(patience=15))
    return callbacks


def _validation_data(images, draw_masks, mask_input):
    tiles = images.astype(np.float32) / 255
    masks = draw_masks(len(tiles), size=tiles.shape[1], seed=_VALIDATION_MASK_SEED)
    masked = tiles * masks
    return ((masked, masks) if mask_input else masked), tiles
