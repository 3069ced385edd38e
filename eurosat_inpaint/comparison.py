"""The parts of ``metrics.compare`` that need the true tiles or several methods at once."""

import numpy as np

from eurosat_inpaint import pretrained
from eurosat_inpaint.checks import require_known
from eurosat_inpaint.intervals import bootstrap_interval, paired_difference
from eurosat_inpaint.landcover import features_and_classes, kernel_distance, with_features
from eurosat_inpaint.positions import (
    DISTANCE_EDGES,
    beyond_outermost_lines,
    mean_error_by_distance,
    mean_error_map,
)
from eurosat_inpaint.sharpness import gradient_sums, radial_power


class Truth:
    """True tiles and masks, and what is measured of them once for all methods.

    Args:
        tiles: float (n, 64, 64, 3) in [0, 1], n at least 2.
        masks: (n, 64, 64, 1), 1 = known, 0 = hole; each with holes and known pixels.

    Raises:
        ValueError: if the tiles are fewer than two or do not fit the shipped classifier, or a mask
            has no known pixel.
    """

    def __init__(self, tiles, masks):
        if len(tiles) < 2:
            raise ValueError(f"images must be at least two tiles to compare on, got {len(tiles)}")
        require_known(masks)
        classifier = pretrained.load("classifier")
        pretrained.require_input_shape("images", tiles, classifier)
        self.tiles, self.masks = tiles, masks
        self._network = with_features(classifier)
        self._features, self._classes = features_and_classes(self._network, tiles)
        self._gradients = gradient_sums(tiles, masks)
        self._power = radial_power(tiles)
        self._extrapolated = beyond_outermost_lines(masks)
        self._interpolated = (masks[..., 0] == 0) & ~self._extrapolated

    def samples(self, restored) -> dict[str, tuple]:
        """Scores of restored tiles, each as values and weights (or None) tile by tile.

        The score is the mean of the values, or their sum over that of the weights.
        """
        errors = self._squared_errors(restored)
        features, classes = features_and_classes(self._network, restored)
        return {
            "mse_interpolated": _over(errors, self._interpolated),
            "mse_extrapolated": _over(errors, self._extrapolated),
            "gradient_ratio": (gradient_sums(restored, self.masks), self._gradients),
            "land_cover_agreement": ((classes == self._classes).astype(np.float64), None),
            "kernel_distance": (kernel_distance(self._features, features), None),
        }

    def profiles(self, restored) -> dict[str, np.ndarray]:
        """Where restored tiles are wrong, by distance and position, and what their spectrum is."""
        errors = self._squared_errors(restored)
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = radial_power(restored) / self._power
        return {
            "mse_by_distance": mean_error_by_distance(errors, self.masks, DISTANCE_EDGES),
            "radial_power_ratio": ratio,
            "error_map": mean_error_map(errors, self.masks),
        }

    def _squared_errors(self, restored):
        return ((self.tiles - restored) ** 2).mean(axis=-1)


def score_with_interval(values, weights=None) -> dict[str, float]:
    """A score and its 95 % interval over tiles; NaN where the weights are all 0.

    So it is with interpolation where every mask has one line only.
    """
    if weights is None:
        value = values.mean()
    elif weights.any():
        value = values.sum() / weights.sum()
    else:
        return dict.fromkeys(("value", "low", "high"), np.nan)
    low, high = bootstrap_interval(values, weights)
    return {"value": float(value), "low": low, "high": high}


def difference_with_interval(sample, previous) -> dict[str, float]:
    """Paired difference of two samples of one score; NaN where the weights are all 0."""
    (values, weights), (previous_values, _) = sample, previous
    if weights is not None and not weights.any():
        return dict.fromkeys(("difference", "low", "high"), np.nan)
    return paired_difference(values, previous_values, weights)


def _over(errors, pixels):
    """Sum of the errors, and number, of the chosen pixels of each tile."""
    sums = (errors * pixels).sum(axis=(1, 2), dtype=np.float64)
    return sums, pixels.sum(axis=(1, 2)).astype(np.float64)
