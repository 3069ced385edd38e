"""Losses that Keras lacks: for sharpness, see notebook 08, and for expected errors, notebook 10."""

from typing import Any

import keras
from keras import ops

from eurosat_inpaint._checks import as_integers, as_number

# Side in pixels of the windows over which differences are averaged.
_WINDOW = 4


@keras.saving.register_keras_serializable("eurosat_inpaint")
class SharpnessLoss(keras.losses.Loss):
    """Mean absolute error plus a weight times the error of local strengths.

    Strength is how much pixels differ from those some pixels away: the magnitudes of the
    differences along rows, and along columns, averaged over windows of 4 x 4, all positions of the
    window. The second term is the mean absolute difference of strengths, restored against true,
    over both directions and all distances.

    It asks for edges of the right strength within a window and not at the right pixel, so that
    what is best for it, where the place of an edge is unknown, is not the blurred mean of all
    places. A pixelwise error of the signed differences would be least for that mean again.

    Several distances are needed: a chessboard of single pixels, faint and the same everywhere,
    supplies any strength at distance 1, and none at even distances.

    Args:
        sharpness_weight: of the second term; 0 is the mean absolute error.
        distances: in pixels, between those that are compared; a distance and the 4 pixels of a
            window have to fit into a tile.
        **settings: of ``keras.losses.Loss``.

    Raises:
        ValueError: for a distance that is no positive integer, or a negative weight.
    """

    def __init__(
        self,
        sharpness_weight: float = 1.0,
        distances: tuple[int, ...] = (1, 2, 4),
        name: str = "sharpness_loss",
        **settings: Any,
    ):
        super().__init__(name=name, **settings)
        self.sharpness_weight = as_number("sharpness_weight", sharpness_weight, 0, float("inf"))
        self.distances = list(as_integers("distances", distances))

    def call(self, y_true: Any, y_pred: Any) -> Any:
        total = _mean_over_tile(ops.abs(y_pred - y_true))
        pairs = [(axis, distance) for axis in (1, 2) for distance in self.distances]
        for pair in pairs:
            difference = _local_strength(y_pred, *pair) - _local_strength(y_true, *pair)
            total += self.sharpness_weight / len(pairs) * _mean_over_tile(ops.abs(difference))
        return total

    def get_config(self) -> dict:
        settings = {"sharpness_weight": self.sharpness_weight, "distances": self.distances}
        return super().get_config() | settings


@keras.saving.register_keras_serializable("eurosat_inpaint")
class ErrorScaleLoss(keras.losses.Loss):
    """Negative logarithm of the likelihood of errors under Laplace's law of the predicted scale.

    Its mean is least where the scale is the mean magnitude of the error. The prediction is that of
    ``models.unet_with_error``: what was restored and, behind it, the scale, which is 1 for known
    pixels. There it is 0, since these have no error.
    """

    def call(self, y_true: Any, y_pred: Any) -> Any:
        restored, scale = y_pred[..., :3], y_pred[..., 3:]
        return _mean_over_tile(ops.log(scale) + ops.abs(y_true - restored) / scale)


def _local_strength(tiles, axis, distance):
    """Window means of the magnitudes of the differences along an axis, at a distance."""
    before = (slice(None),) * axis
    later, earlier = (*before, slice(distance, None)), (*before, slice(None, -distance))
    magnitude = ops.abs(tiles[later] - tiles[earlier])
    return ops.average_pool(magnitude, _WINDOW, 1, padding="valid", data_format="channels_last")


def _mean_over_tile(errors):
    return ops.mean(errors, axis=(1, 2, 3))
