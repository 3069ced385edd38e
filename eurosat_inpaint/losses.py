"""A loss that asks for sharpness beside nearness. Taught in notebook 06."""

import keras
from keras import ops

# Side in pixels of the windows over which gradient magnitudes are averaged.
_WINDOW = 4


@keras.saving.register_keras_serializable("eurosat_inpaint")
class SharpnessLoss(keras.losses.Loss):
    """Mean absolute error plus a weight times the error of local gradient magnitudes.

    Gradients are forward differences along rows and columns, as in ``metrics.gradient_ratio``;
    their magnitudes are averaged over windows of 4 x 4, all positions of the window, and the mean
    absolute difference of these averages, restored against true, is the second term.

    It asks for edges of the right strength within a window and not at the right pixel, so that
    what is best for it, where the place of an edge is unknown, is not the blurred mean of all
    places. A pixelwise error of the signed differences would be least for that mean again.

    Args:
        sharpness_weight: of the second term; 0 is the mean absolute error.
        **settings: of ``keras.losses.Loss``.
    """

    def __init__(self, sharpness_weight=1.0, name="sharpness_loss", **settings):
        super().__init__(name=name, **settings)
        self.sharpness_weight = sharpness_weight

    def call(self, y_true, y_pred):
        total = _mean_over_tile(ops.abs(y_pred - y_true))
        for axis in (1, 2):
            difference = _local_strength(y_pred, axis) - _local_strength(y_true, axis)
            total += self.sharpness_weight / 2 * _mean_over_tile(ops.abs(difference))
        return total

    def get_config(self):
        return super().get_config() | {"sharpness_weight": self.sharpness_weight}


def _local_strength(tiles, axis):
    """Window means of the magnitudes of the differences along an axis."""
    magnitude = ops.abs(ops.diff(tiles, axis=axis))
    return ops.average_pool(magnitude, _WINDOW, 1, padding="valid", data_format="channels_last")


def _mean_over_tile(errors):
    return ops.mean(errors, axis=(1, 2, 3))
