"""Muon for convolutions, and a learning rate for trainings of any length. See notebook 06."""

from typing import Any

import keras
from keras import ops

# Coefficients of the quintic that brings singular values from (0, 1] near 1 in five steps.
_QUINTIC = (3.4445, -4.7750, 2.0315)
_QUINTIC_STEPS = 5
# Narrower kernels, as those that read or write images, are left to AdamW.
_LEAST_CHANNELS = 32
_WARMUP_STEPS = 200


@keras.saving.register_keras_serializable("eurosat_inpaint")
class ConvolutionMuon(keras.optimizers.AdamW):
    """Muon for the kernels of wide convolutions, AdamW for all other weights.

    A kernel of shape (height, width, c, d) is taken as a matrix of (height * width * c, d). Its
    step is the Nesterov momentum of its gradient with all singular values brought near 1 by a
    Newton-Schulz iteration, after Jordan et al., "Muon: An optimizer for hidden layers in neural
    networks" (2024), scaled by 0.2 times the root of the longer side, so that learning rate and
    weight decay of AdamW fit, after Liu et al., "Muon is scalable for LLM training" (2025).
    Keras' own Muon leaves convolutions to AdamW.

    Args:
        momentum: of the gradients of wide convolutions.
        **settings: of ``keras.optimizers.AdamW``.
    """

    def __init__(self, momentum: float = 0.95, name: str = "muon", **settings: Any):
        super().__init__(name=name, **settings)
        self.momentum = momentum

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        if len(variable.shape) != 4 or min(variable.shape[2:]) < _LEAST_CHANNELS:
            super().update_step(gradient, variable, learning_rate)
            return
        average = self._momentums[self._get_variable_index(variable)]
        self.assign(average, self.momentum * average + gradient)
        matrix = ops.reshape(gradient + self.momentum * average, (-1, variable.shape[-1]))
        scale = 0.2 * max(matrix.shape) ** 0.5 * ops.cast(learning_rate, variable.dtype)
        self.assign_sub(variable, scale * ops.reshape(_orthogonal(matrix), variable.shape))

    def get_config(self) -> dict:
        return super().get_config() | {"momentum": self.momentum}


@keras.saving.register_keras_serializable("eurosat_inpaint")
class Trapezoid(keras.optimizers.schedules.LearningRateSchedule):
    """A rate that rises for 200 steps, stays, and falls to zero over the last fifth, on lines.

    Other than on a cosine, the first four fifths are those of any longer training too: it may go on
    for as long as there is time, and fall when there is no more. After Hägele et al., "Scaling
    laws and compute-optimal training beyond fixed training durations" (NeurIPS 2024).

    Args:
        peak: the rate between rise and fall.
        steps: of the whole training, 1 or more; the rise takes a tenth of them at most.
    """

    def __init__(self, peak: float, steps: int):
        self.peak, self.steps = peak, steps

    @property
    def fall_begins(self) -> int:
        """The step at which the rate begins to fall, counted from 0."""
        return self.steps - self.steps // 5

    def __call__(self, step: Any) -> Any:
        step = ops.cast(step, "float32")
        rise = (step + 1) / max(1, min(_WARMUP_STEPS, self.steps // 10))
        fall = (self.steps - step) / max(1, self.steps - self.fall_begins)
        return self.peak * ops.clip(ops.minimum(rise, fall), 0.0, 1.0)

    def get_config(self) -> dict:
        return {"peak": self.peak, "steps": self.steps}


def _orthogonal(matrix):
    """The matrix of the same singular vectors whose singular values are near 1.

    Every step of the iteration multiplies the matrix by a polynomial of its Gram matrix. These
    commute, so they are gathered on the smaller side first: two large products instead of ten.
    """
    matrix = matrix / (ops.norm(matrix) + 1e-7)
    tall = matrix.shape[0] >= matrix.shape[1]
    transposed = ops.transpose(matrix)
    gram = ops.matmul(transposed, matrix) if tall else ops.matmul(matrix, transposed)
    identity = ops.eye(min(matrix.shape))
    factor = identity
    a, b, c = _QUINTIC
    for _ in range(_QUINTIC_STEPS):
        polynomial = a * identity + b * gram + c * ops.matmul(gram, gram)
        factor = ops.matmul(factor, polynomial)
        gram = ops.matmul(ops.matmul(gram, polynomial), polynomial)
    return ops.matmul(matrix, factor) if tall else ops.matmul(factor, matrix)
