"""The chance in an answer: noise that a network makes texture from. Taught in notebook 07."""

from typing import Any

import keras
import numpy as np
from keras import ops

from eurosat_inpaint._checks import as_integer

# So many places along either side of the field of noise: a prime, so that sums spread over them.
_PLACES = 199


@keras.saving.register_keras_serializable("eurosat_inpaint")
class TileNoise(keras.layers.Layer):
    """White noise for each tile, the same whenever the same tile comes again.

    Noise that is drawn anew in every call would give one tile two answers, and make them depend on
    which tiles are restored together. Here the known pixels say where in a large field of noise
    each tile gets its own from: one tile, one answer, on every machine and backend. Another
    ``seed`` has another field, and gives another answer.

    Args:
        channels: of the noise.
        seed: of the field.
        **settings: of ``keras.layers.Layer``.

    Example:
        >>> masked = np.random.default_rng(0).random((2, 16, 16, 3)).astype(np.float32)
        >>> noise = keras.ops.convert_to_numpy(TileNoise(1)(masked))
        >>> noise.shape, bool((noise[0] == noise[1]).any())
        ((2, 16, 16, 1), False)
    """

    def __init__(self, channels: int, seed: int = 0, **settings: Any):
        super().__init__(**settings | {"dtype": "float32"})
        self.channels = as_integer("channels", channels, 1)
        self.seed = as_integer("seed", seed, 0)

    def build(self, input_shape: tuple) -> None:
        side = _PLACES + max(input_shape[1:3])
        field = np.random.default_rng(self.seed).standard_normal((side * side, self.channels))
        self._side, self._field = side, field.astype(np.float32)

    def call(self, masked: Any) -> Any:
        # Sums of whole numbers below 2**24: exact in float32, in whatever order they are added.
        sums = ops.mod(ops.sum(ops.round(masked * 255), axis=(1, 2)), _PLACES)
        top = ops.mod(sums[:, 0] + 31 * sums[:, 1] + 57 * sums[:, 2], _PLACES)
        left = ops.mod(17 * sums[:, 0] + 5 * sums[:, 1] + 101 * sums[:, 2], _PLACES)
        height, width = masked.shape[1:3]
        rows = ops.cast(top, "int32")[:, None] + ops.arange(height, dtype="int32")
        columns = ops.cast(left, "int32")[:, None] + ops.arange(width, dtype="int32")
        places = rows[:, :, None] * self._side + columns[:, None, :]
        return ops.take(ops.convert_to_tensor(self._field), places, axis=0)

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        return (*input_shape[:3], self.channels)

    def get_config(self) -> dict:
        return super().get_config() | {"channels": self.channels, "seed": self.seed}
