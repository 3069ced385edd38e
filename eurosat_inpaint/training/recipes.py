"""One recipe per network: loss, optimiser, learning rates. Taught in notebooks 06 to 08."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import keras
import numpy as np

from eurosat_inpaint._checks import require_choice
from eurosat_inpaint.training.losses import ErrorScaleLoss, SharpnessLoss
from eurosat_inpaint.training.optimizers import ConvolutionMuon, Trapezoid

# An average over more than this part of a short training would still hold its start.
_AVERAGED_PART = 1 / 50
# Steps done before Keras returns to the callbacks, on TensorFlow and JAX; PyTorch has it not.
_STEPS_PER_EXECUTION = 8


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How a network is trained.

    Attributes:
        loss: a Keras loss or its name; that of a U-Net is taken on the composite over the whole
            tile.
        final_loss: that from the epoch on in which the rate begins to fall, where ``trapezoid`` is
            set; None keeps the first.
        batch_size: tiles per step.
        learning_rate: of Adam or AdamW; the peak where ``trapezoid`` is set.
        weight_decay: decoupled, per step times the learning rate; 0 is plain Adam.
        trapezoid: the rate rises, stays, and falls to zero at the end, see :class:`Trapezoid`.
            Otherwise it is cut to a tenth when the validation loss has not fallen for two epochs,
            and training stops when it has not for fifteen.
        muon: train wide convolutions by Muon instead, see :class:`ConvolutionMuon`.
        average: momentum of the exponential moving average of the weights, or None.
    """

    loss: str | keras.losses.Loss
    batch_size: int
    learning_rate: float
    weight_decay: float = 0.0
    trapezoid: bool = False
    final_loss: str | keras.losses.Loss | None = None
    muon: bool = False
    average: float | None = None


@dataclass(frozen=True, kw_only=True)
class GANRecipe:
    """How generator and discriminator are trained against each other, both by Adam.

    Their rates rise, stay, and fall to zero at the end, see :class:`Trapezoid`: at a constant rate
    either would go on chasing the other. Adam keeps no mean of the gradients, which would follow an
    opponent that has moved on.

    Attributes:
        reconstruction_loss: name of a Keras loss, taken on the composite over the whole tile.
        adversarial_weight: weight of the adversarial loss beside it.
        gradient_penalty: weight of the penalty on the discriminator's slope.
        batch_size: tiles per step.
        learning_rate: the peak, of both networks.
        average: momentum of the exponential moving average of the generator's weights, or None.
            A long one smooths textures away.
    """

    reconstruction_loss: str = "mse"
    adversarial_weight: float = 0.007
    gradient_penalty: float = 0.5
    batch_size: int = 32
    learning_rate: float = 5e-4
    average: float | None = 0.99


_EFFICIENT = Recipe(
    loss="mae",
    final_loss="mse",
    batch_size=64,
    learning_rate=2e-3,
    weight_decay=1e-4,
    trapezoid=True,
    muon=True,
    average=0.99,
)
RECIPES: dict[str, Recipe | GANRecipe] = {
    "original": Recipe(loss="mae", batch_size=8, learning_rate=1e-3),
    "efficient": _EFFICIENT,
    # For a network that restores already, and is to learn other masks without losing what it knows.
    "fine_tuning": replace(_EFFICIENT, learning_rate=5e-4),
    "gan": GANRecipe(),
    # The GAN's own training without the adversary: what it is compared with.
    "gan_control": GANRecipe(adversarial_weight=0.0),
    # Its first stage has found what is near; the second may change as little as a critic asks.
    "wnet": GANRecipe(adversarial_weight=0.003),
    "sharpness": replace(
        _EFFICIENT, loss=SharpnessLoss(sharpness_weight=1.0), final_loss=None, batch_size=32
    ),
    "error": replace(_EFFICIENT, loss=ErrorScaleLoss(), final_loss=None, learning_rate=1e-3),
    # No average of the weights: it would not go with the running statistics of the batches.
    "classifier": Recipe(
        loss=keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.1),
        batch_size=64,
        learning_rate=3e-3,
        weight_decay=0.05,
        trapezoid=True,
    ),
}


def recipe_of(recipe: str | Recipe | GANRecipe, *kinds: type) -> Any:
    """The recipe of that name, or the recipe given.

    Args:
        recipe: a name or a recipe.
        *kinds: which are allowed, by default Recipe alone.

    Raises:
        ValueError: for a name of no recipe, or of one of another kind.
        TypeError: for anything but a name or a recipe of these kinds.
    """
    kinds = kinds or (Recipe,)
    if isinstance(recipe, str):
        require_choice("recipe", recipe, [n for n, r in RECIPES.items() if isinstance(r, kinds)])
        return RECIPES[recipe]
    if not isinstance(recipe, kinds):
        allowed = " or a ".join(kind.__name__ for kind in kinds)
        raise TypeError(f"recipe must be a name or a {allowed}, got {recipe!r}")
    return recipe


def facts_of(recipe: Recipe | GANRecipe) -> dict[str, Any]:
    """A recipe as JSON can hold it, so that two can be compared."""
    facts = dict(vars(recipe))
    losses = {k: v for k, v in facts.items() if isinstance(v, keras.losses.Loss)}
    return facts | {name: keras.losses.serialize(loss) for name, loss in losses.items()}


def compile_model(
    model: keras.Model, recipe: Recipe | GANRecipe, steps: int, metrics: Sequence[str] = ()
) -> None:
    """Give a model the loss and the optimiser of its recipe, for a training of ``steps`` steps."""
    rate, average = recipe.learning_rate, {}
    if _has_trapezoid(recipe):
        rate = Trapezoid(rate, steps)
    if recipe.average:
        momentum = min(recipe.average, 1 - 1 / max(1, int(steps * _AVERAGED_PART)))
        average = {"use_ema": True, "ema_momentum": momentum}
    if isinstance(recipe, GANRecipe):
        generator, discriminator = (
            keras.optimizers.Adam(rate, beta_1=0.0, beta_2=0.99, **further)
            for further in (average, {})
        )
        weights = (recipe.adversarial_weight, recipe.gradient_penalty)
        model.compile(generator, discriminator, recipe.reconstruction_loss, *weights)
        return
    kind: Any = ConvolutionMuon if recipe.muon else keras.optimizers.AdamW
    optimizer = kind(learning_rate=rate, weight_decay=recipe.weight_decay, **average)
    optimizer.build(model.trainable_variables)
    together = 1 if keras.backend.backend() == "torch" else _STEPS_PER_EXECUTION
    model.compile(optimizer, recipe.loss, metrics=list(metrics), steps_per_execution=together)


def epoch_of_fall(recipe: Recipe | GANRecipe, epochs: int, steps_per_epoch: int) -> int:
    """The epoch, counted from 0, in which ``final_loss`` takes over; 0 where there is none."""
    if isinstance(recipe, GANRecipe) or not recipe.final_loss:
        return 0
    return Trapezoid(1.0, epochs * steps_per_epoch).fall_begins // steps_per_epoch


def same_so_far(recipe: Recipe | GANRecipe, steps: tuple[int, int], done: int) -> bool:
    """Whether trainings of two numbers of steps are the same for as many as are done."""
    if done >= min(steps) or not _has_trapezoid(recipe):
        return done < min(steps)
    former, own = (np.asarray(Trapezoid(1.0, number)(np.arange(done))) for number in steps)
    return np.array_equal(former, own)


class FinalLoss(keras.callbacks.Callback):
    """Trains with another loss from an epoch on; optimiser and batches go on as they were.

    Args:
        loss: a Keras loss or its name.
        epoch: the first with that loss, counted from 0.
        metrics: as the network was compiled with.
    """

    def __init__(self, loss: str | keras.losses.Loss, epoch: int, metrics: Sequence[str]):
        super().__init__()
        self.loss, self.epoch, self.metrics = loss, epoch, metrics
        self._changed = False

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        if epoch < self.epoch or self._changed:
            return
        self._changed = True
        model = self.model
        together = model.steps_per_execution
        model.compile(
            model.optimizer, self.loss, metrics=list(self.metrics), steps_per_execution=together
        )
        # Keras makes it where ``fit`` begins, and would go on with the one of the former loss.
        model.make_train_function(force=True)


def callbacks_of(
    recipe: Recipe | GANRecipe, final_epoch: int, metrics: Sequence[str] = ()
) -> list[keras.callbacks.Callback]:
    """Callbacks of a recipe, to come before all others.

    The average of the weights has to be swapped in before anything scores or keeps them.

    Args:
        recipe: of the training.
        final_epoch: that in which the rate begins to fall, counted from 0.
        metrics: as of :func:`compile_model`.
    """
    callbacks: list[keras.callbacks.Callback] = []
    if isinstance(recipe, Recipe) and recipe.final_loss:
        callbacks.append(FinalLoss(recipe.final_loss, final_epoch, metrics))
    if recipe.average:
        callbacks.append(keras.callbacks.SwapEMAWeights(swap_on_epoch=True))
    if not _has_trapezoid(recipe):
        callbacks.append(keras.callbacks.ReduceLROnPlateau(factor=0.1, patience=2, min_lr=1e-6))
        callbacks.append(keras.callbacks.EarlyStopping(patience=15))
    return callbacks


def _has_trapezoid(recipe):
    return isinstance(recipe, GANRecipe) or recipe.trapezoid
