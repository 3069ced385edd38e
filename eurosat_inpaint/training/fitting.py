"""One function per kind of network that trains it by its recipe. Taught in notebooks 06 to 08.

All take their arguments in one order: the network, the tiles, the validation tiles, the recipe, and
the rest by keyword. A stopped training is continued, see :func:`fit_unet`.
"""

import inspect
import os
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from functools import partial
from typing import Any

import keras
import numpy as np

from eurosat_inpaint._checks import require_fitting, require_images, require_integer
from eurosat_inpaint.masks import line_masks
from eurosat_inpaint.models import InpaintingGAN, patch_discriminator
from eurosat_inpaint.training.batches import (
    MaskedTileBatches,
    TileBatches,
    drawn_masks,
    varied_tiles,
)
from eurosat_inpaint.training.checkpointing import (
    BEST,
    FiniteNumbers,
    KeptWeights,
    SavedState,
    TrainingLog,
    held_directory,
    not_finite,
)
from eurosat_inpaint.training.distribution import devices_in_use
from eurosat_inpaint.training.identity import network_facts
from eurosat_inpaint.training.recipes import (
    GANRecipe,
    Recipe,
    callbacks_of,
    compile_model,
    epoch_of_fall,
    facts_of,
    recipe_of,
    same_so_far,
)

_VALIDATION_MASK_SEED = 1
# By so many masks one law is told from another.
_COMPARED_MASKS = 32


def fit_unet(
    model: keras.Model,
    images: np.ndarray,
    validation_images: np.ndarray,
    recipe: str | Recipe = "efficient",
    *,
    epochs: int = 10,
    steps_per_epoch: int | None = None,
    directory: str | os.PathLike | None = None,
    seed: int = 0,
    draw_masks: Callable[..., np.ndarray] = line_masks,
    vary_tiles: Callable[..., np.ndarray] | None = None,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    verbose: int | str = "auto",
) -> list[dict]:
    """Train a U-Net and leave the best weights, by validation loss, in it.

    Args:
        model: an inpainting network of ``models.unet``, uncompiled.
        images: uint8 (n, size, size, 3), the train split.
        validation_images: uint8 (m, size, size, 3); masked once, by a fixed seed. Of those, several
            devices leave out what they cannot share evenly.
        recipe: "efficient"; "original" for that of the project this one descends from; or a
            :class:`Recipe` of one's own.
        epochs: number of epochs. A stopped training may continue with another number, as long as
            the epochs behind it would have been the same with it: with "efficient", those before
            the rate falls, in the last fifth. So it may be begun with many, and brought to an end
            with a quarter more than it has completed.
        steps_per_epoch: steps of an epoch, by default one pass over the tiles.
        directory: where ``log.csv``, ``best.weights.h5`` and the state of the training are kept;
            a folder of its own, made if need be. Called again with the same arguments after
            having been stopped, training continues at the epoch that it was in, with the batches
            and the optimiser as they were when that epoch began, whatever weights the model
            comes with. Patience that the recipe "original" has spent is counted anew. Called
            again after its end, nothing is trained: the history and the best weights come back
            at once, until the directory is deleted. A process killed at any moment leaves
            nothing that is half written.
        seed: fixes order, flips and masks of the batches.
        draw_masks: the masks to train on, see :class:`MaskedTileBatches`.
        vary_tiles: how tiles of the batches are made to look different, see there; by default not
            at all. Validation tiles stay as they are.
        callbacks: further Keras callbacks; what they hold does not survive a stop, and others
            may continue a training. They are called after every eighth step, on PyTorch after
            every step.
        verbose: as in ``keras.Model.fit``.

    Returns:
        One dict per epoch, as in the log: "epoch", "loss", "val_loss", "learning_rate",
        "seconds". A continued training returns all epochs.

    Raises:
        TypeError: if images are not uint8, the recipe is neither a name nor a Recipe,
            ``draw_masks`` or ``vary_tiles`` is no function or ``directory`` no path.
        ValueError: for an unknown recipe, images that do not fit the network or are fewer than a
            batch holds, a number that is not a positive integer, weights of the model that are
            not finite, ``draw_masks`` that gives anything but 0 and 1 in the shape asked for; for
            a ``directory`` in which another training is running, or that holds a training with
            other arguments (tiles, labels and masks, the network's layers, precision and backend
            are compared too), or damaged files.
        OSError: if ``directory`` cannot be written, which is tried first, or has no room left
            when something is to be saved: what was saved before stays whole, and the same call
            continues.
        FloatingPointError: if a loss, a weight or a number of the optimiser becomes NaN or
            infinite; it names the epoch. The best weights until then are back in the model, and
            in the directory, or else in the model those that it began with; the same call
            continues from the last epoch before.

    Example:
        >>> import eurosat_inpaint as ei
        >>> images = ei.data.load_tiles("train", source="synthetic").images
        >>> model = ei.models.unet(filters=2, depth=2)
        >>> history = fit_unet(model, images, images[:8], epochs=1, steps_per_epoch=2, verbose=0)
        >>> [row["epoch"] for row in history]
        [1]
    """
    return _fit_inpainting(
        model,
        images,
        validation_images,
        recipe_of(recipe),
        draw_masks=draw_masks,
        vary_tiles=vary_tiles,
        epochs=epochs,
        steps_per_epoch=steps_per_epoch,
        directory=directory,
        seed=seed,
        callbacks=callbacks,
        verbose=verbose,
    )


def with_keywords_of_fit_unet(function: Callable, but: tuple[str, ...] = ()) -> Callable:
    """Decorator: ``**settings`` shows in the signature as the keywords of :func:`fit_unet`."""
    kept = [p for p in inspect.signature(function).parameters.values() if p.kind != p.VAR_KEYWORD]
    names = {*but, *(parameter.name for parameter in kept)}
    shared = inspect.signature(fit_unet).parameters.values()
    kept += [p for p in shared if p.kind == p.KEYWORD_ONLY and p.name not in names]
    function.__signature__ = inspect.signature(function).replace(parameters=kept)  # type: ignore
    return function


@with_keywords_of_fit_unet
def fit_wnet(
    model: keras.Model,
    images: np.ndarray,
    validation_images: np.ndarray,
    recipe: str | Recipe | GANRecipe = "wnet",
    **settings: Any,
) -> list[dict]:
    """Train the second stage of a W-Net behind its first one.

    The first stage has to restore already: it is frozen, and comes out as it went in.

    Args:
        model: a network of ``models.wnet``, uncompiled, its first stage trained.
        images, validation_images: as of :func:`fit_unet`.
        recipe: "wnet", or a :class:`GANRecipe`: against a new discriminator, by :func:`fit_gan`.
            Or that of a U-Net, such as "sharpness", whose loss is :class:`SharpnessLoss`.
        **settings: all further arguments of :func:`fit_unet`.

    Returns:
        One dict per epoch, as of :func:`fit_gan` or of :func:`fit_unet`.

    Raises:
        TypeError, ValueError, OSError, FloatingPointError, NotImplementedError: as the one of
            these two that trains; a ``directory`` that holds a training with another first stage
            is refused too. Also ValueError if the model has no first stage.
    """
    model.get_layer("first_stage")
    recipe = recipe_of(recipe, Recipe, GANRecipe)
    if isinstance(recipe, GANRecipe):
        dtype = model.get_layer("second_stage").get_layer("stem").dtype_policy.name
        critic = patch_discriminator(model.output_shape[1], dtype=dtype)
        gan = InpaintingGAN(model, critic)
        return fit_gan(gan, images, validation_images, recipe, **settings)
    arguments = _first_stage(model)
    return _fit_inpainting(model, images, validation_images, recipe, arguments, **settings)


@with_keywords_of_fit_unet
def fit_gan(
    model: InpaintingGAN,
    images: np.ndarray,
    validation_images: np.ndarray,
    recipe: str | GANRecipe = "gan",
    **settings: Any,
) -> list[dict]:
    """Train a generator against a discriminator and leave the last weights in both.

    Not the best weights: neither network's loss says how good the restored tiles are, since it
    depends on how good the other network has become. Needs Keras' TensorFlow backend.

    Args:
        model: the two networks, ``models.InpaintingGAN(generator, discriminator)``; best with a
            generator that restores already, and that has noise to make texture from. A W-Net, too,
            is a generator: its first stage is frozen.
        images, validation_images: as of :func:`fit_unet`.
        recipe: "gan", or a :class:`GANRecipe` of one's own.
        **settings: all further arguments of :func:`fit_unet`. In a ``directory`` the weights
            kept are ``generator.weights.h5`` and ``discriminator.weights.h5``. Callbacks are
            called after every step.

    Returns:
        One dict per epoch, as in the log: "epoch"; the means of ``InpaintingGAN.metrics``, such
        as "discriminator_accuracy", and the same on the validation tiles with ``"val_"`` before
        their names; "learning_rate" of the generator; "seconds". A continued training returns
        all epochs.

    Raises:
        TypeError: if the model is no InpaintingGAN, images are not uint8, or the recipe is neither
            a name nor a GANRecipe.
        ValueError: as :func:`fit_unet`; if a weight of the recipe is negative; for a ``directory``
            that holds a training of a W-Net with another first stage.
        OSError, FloatingPointError: as :func:`fit_unet`; in both networks are then the weights
            of the last epoch before.
        NotImplementedError: on another backend than TensorFlow.
    """
    if not isinstance(model, InpaintingGAN):
        raise TypeError(f"model must be an InpaintingGAN of two networks, got {model!r}")
    recipe = recipe_of(recipe, GANRecipe)
    kept = {
        "generator.weights.h5": model.generator,
        "discriminator.weights.h5": model.discriminator,
    }
    arguments = _first_stage(model.generator)
    return _fit_inpainting(
        model, images, validation_images, recipe, arguments, kept=kept, **settings
    )


def _first_stage(model):
    """The weights of a first stage, if there is one: a training with others is another one."""
    weights = [layer.get_weights() for layer in model.layers if layer.name == "first_stage"]
    return {"first_stage": np.concatenate([w.ravel() for w in weights[0]])} if weights else {}


def _fit_inpainting(
    model,
    images,
    validation_images,
    recipe,
    arguments=(),
    *,
    draw_masks=line_masks,
    vary_tiles=None,
    **settings,
):
    """Train an inpainting network; ``arguments`` as of :func:`run_training`."""
    for name, given in (("images", images), ("validation_images", validation_images)):
        require_images(name, given)
        require_fitting(name, given, model)
    mask_input = len(model.inputs) == 2
    make_batches = partial(
        MaskedTileBatches,
        images,
        draw_masks=draw_masks,
        vary_tiles=vary_tiles,
        mask_input=mask_input,
    )
    # Devices share them evenly.
    count = max(1, len(validation_images) // devices_in_use() * devices_in_use())
    tiles = validation_images[:count].astype(np.float32) / 255
    masks = drawn_masks(draw_masks, tiles.shape, seed=_VALIDATION_MASK_SEED)
    inputs = (tiles * masks, masks) if mask_input else tiles * masks
    compared = (_COMPARED_MASKS, *tiles.shape[1:])
    arguments = {
        "draw_masks": drawn_masks(draw_masks, compared, seed=0),
        "vary_tiles": None if vary_tiles is None else _varied_ramp(vary_tiles, compared),
        "validation_images": validation_images,
        **dict(arguments),
    }
    data = (inputs, tiles)
    return run_training(model, recipe, make_batches, data, arguments=arguments, **settings)


def _varied_ramp(vary_tiles, shape):
    """What it makes of tiles on which all of its changes show, and which are always the same."""
    ramp = np.arange(np.prod(shape)).reshape(shape).astype(np.uint8)
    return varied_tiles(vary_tiles, ramp, lambda: 0)


def run_training(
    model: keras.Model,
    recipe: Recipe | GANRecipe,
    make_batches: Callable[..., TileBatches],
    validation_data: tuple,
    *,
    arguments: dict[str, Any],
    epochs: int = 10,
    steps_per_epoch: int | None = None,
    directory: str | os.PathLike | None = None,
    seed: int = 0,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    verbose: int | str = "auto",
    metrics: Sequence[str] = (),
    kept: dict[str, keras.Model] | None = None,
) -> list[dict]:
    """Train a network by its recipe, from the start or from where a stopped training left it.

    Args:
        model: the network, uncompiled.
        recipe: how it is trained. By a GANRecipe, whose networks pull their losses to and fro, the
            last weights are left, by any other those of the lowest validation loss.
        make_batches: makes the batches, given ``batch_size``, ``steps_per_epoch`` and ``seed``.
        validation_data: inputs and targets, scored after every epoch.
        arguments: what must be the same when a stopped training is continued, besides recipe,
            seed, tiles, the network and the numbers of epochs and steps. Of arrays a digest.
        metrics: what Keras measures beside the loss.
        kept: files for the weights that are kept, and the networks whose weights go into them,
            by default the whole network in ``best.weights.h5``.
        epochs, steps_per_epoch, directory, seed, callbacks, verbose: as of :func:`fit_unet`.

    Returns:
        The history of all epochs.
    """
    require_integer("epochs", epochs, 1)
    batches = make_batches(batch_size=recipe.batch_size, steps_per_epoch=steps_per_epoch, seed=seed)
    steps = batches.num_batches
    compile_model(model, recipe, epochs * steps, metrics)
    final_epoch = epoch_of_fall(recipe, epochs, steps)
    measures = [mean.name for mean in model.metrics] if isinstance(recipe, GANRecipe) else ["loss"]
    with nullcontext() if directory is None else held_directory(directory) as folder:
        log = TrainingLog(folder, (*measures, *(f"val_{name}" for name in measures)))
        of_two = isinstance(recipe, GANRecipe)
        best = KeptWeights(folder, kept or {BEST: model}, latest=of_two, since=final_epoch)
        state = None
        if folder is not None:
            arguments = arguments | {"recipe": facts_of(recipe), "seed": seed, "epochs": epochs}
            arguments |= {"steps_per_epoch": steps, "images": batches.images}
            arguments |= network_facts(model)

            def prolonged(other, completed):
                return same_so_far(recipe, (epochs * steps, other * steps), completed * steps)

            state = SavedState(folder, arguments=arguments, log=log, kept=best, prolonged=prolonged)
            state.restore(model)
        if state and state.finished:
            if verbose:
                print(f"Nothing is trained: {str(folder)!r} holds this training, finished")
            return log.history
        if path := not_finite(model.weights):
            raise ValueError(f"model must have finite weights, but {path} holds NaN or infinity")
        best.weights = best.weights or model.get_weights()
        keepers = [FiniteNumbers(), best, log, *([state] if state else [])]
        try:
            _fit(
                model,
                batches,
                validation_data=validation_data,
                epochs=epochs,
                initial_epoch=len(log.history),
                callbacks=[*callbacks_of(recipe, final_epoch, metrics), *callbacks, *keepers],
                verbose=verbose,
            )
        except (FloatingPointError, KeyboardInterrupt):
            model.set_weights(best.weights)
            raise
        model.set_weights(best.weights)
        if state:
            state.finish()
        return log.history


def _fit(model, batches, *, callbacks, **settings):
    """``model.fit``; what goes wrong in a batch comes as it was raised, and not as TensorFlow's."""

    def set_epoch(epoch, logs):
        # Since some versions of Keras count on once before the first epoch. From 1, as in the log.
        batches.epoch = epoch + 1

    setter = keras.callbacks.LambdaCallback(on_epoch_begin=set_epoch)
    settings |= {"validation_batch_size": 64, "shuffle": False, "callbacks": [setter, *callbacks]}
    try:
        model.fit(batches, **settings)
    except Exception:
        if batches.problem is None:
            raise
        raise batches.problem from None


def fastest_dtype(build: Callable[..., keras.Model], tiles_per_batch: int = 32) -> str:
    """Measure whether this machine trains faster in bfloat16 than in float32.

    Four steps are timed, after one that compiles.

    Args:
        build: builder of the network, called with ``dtype=``.
        tiles_per_batch: tiles per step of the measurement.

    Returns:
        "mixed_bfloat16" or "float32".
    """
    seconds = {}
    for dtype in ("float32", "mixed_bfloat16"):
        model = build(dtype=dtype)
        inputs = [np.ones((tiles_per_batch, *i.shape[1:]), np.float32) for i in model.inputs]
        inputs = inputs if len(inputs) > 1 else inputs[0]
        model.compile("adam", "mse")
        targets = np.ones((tiles_per_batch, *model.output_shape[1:]), np.float32)
        model.train_on_batch(inputs, targets)
        start = time.perf_counter()
        for _ in range(4):
            model.train_on_batch(inputs, targets)
        seconds[dtype] = time.perf_counter() - start
    return min(seconds, key=seconds.__getitem__)
