"""One method, or several side by side, by every measure. See notebooks 04 and 05."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from eurosat_inpaint import pretrained
from eurosat_inpaint._checks import as_tiles, require_fitting, require_labels, require_masks
from eurosat_inpaint.metrics.errors import scores_and_squared_errors
from eurosat_inpaint.metrics.intervals import bootstrap_interval, paired_difference
from eurosat_inpaint.metrics.landcover import features_and_classes, kernel_distance, with_features
from eurosat_inpaint.metrics.positions import (
    DISTANCE_EDGES,
    beyond_outermost_lines,
    distances_to_known,
    error_by_distance,
    error_map,
)
from eurosat_inpaint.metrics.sharpness import change_in_holes, power_by_cycles


def evaluate(
    model: Callable,
    images: np.ndarray,
    masks: np.ndarray,
    labels: np.ndarray | None = None,
    class_names: Sequence[str] | None = None,
    *,
    progress: bool = False,
) -> dict[str, Any]:
    """Restore masked tiles and score them.

    Args:
        model: a Keras model with one input (masked) or two (masked, mask), or any callable
            ``(masked, mask) -> restored``, called on batches of float32 in [0, 1].
        images: whole tiles, (n, height, width, 3): uint8, or float in [0, 1].
        masks: (n, height, width, 1), 1 = known, 0 = hole; each must have holes.
        labels: integers (n,), the class of each tile; if given, scores per class are added.
        class_names: names of the classes, by label.
        progress: show a progress bar.

    Returns:
        Means over tiles: "mse", "mae", "psnr", "ssim", "channel_argmax_accuracy" over the whole
        tile, "mse_holes", "mae_holes", "psnr_holes" and "ssim_holes" over the holes of each;
        "tiles", their number; with ``labels``, "per_class": the same scores of each class that
        occurs, by name.

    Raises:
        TypeError: if labels are not integers.
        ValueError: as :func:`mse`; also if what the model returns is not in [0, 1], or if labels
            do not fit to the tiles or to the names.

    Example:
        >>> import eurosat_inpaint as ei
        >>> tiles = ei.data.load_tiles("validation", source="synthetic")
        >>> masks = ei.masks.line_masks(len(tiles), seed=0)
        >>> scores = evaluate(ei.baselines.push_pull, tiles.images, masks)
        >>> scores["tiles"], scores["mse"] < scores["mse_holes"]
        (94, True)
    """
    tiles, masks, labels = _checked(images, masks, labels, class_names)
    scores, _ = scores_and_squared_errors(tiles, _restore(model, tiles, masks, progress), masks)
    summary = _means(scores)
    if labels is not None:
        summary["per_class"] = _means_per_class(scores, labels, class_names)
    return summary


def score_tiles(
    model: Callable, images: np.ndarray, masks: np.ndarray, *, progress: bool = False
) -> dict[str, np.ndarray]:
    """The scores of :func:`evaluate` tile by tile, each float64 (n,)."""
    tiles, masks, _ = _checked(images, masks)
    return scores_and_squared_errors(tiles, _restore(model, tiles, masks, progress), masks)[0]


def compare(
    methods: Mapping[str, Callable],
    images: np.ndarray,
    masks: np.ndarray,
    labels: np.ndarray | None = None,
    class_names: Sequence[str] | None = None,
    *,
    progress: bool = False,
) -> list[dict]:
    """Score several methods on the same tiles and masks, with 95 % bootstrap intervals over tiles.

    Every method restores the tiles once.

    Args:
        methods: dictionary from a name to a model or callable as of :func:`evaluate`.
        images: whole tiles, (n, 64, 64, 3), n at least 2: uint8, or float in [0, 1].
        masks: (n, 64, 64, 1), 1 = known, 0 = hole; each must have holes and known pixels.
        labels: integers (n,), the class of each tile; if given, scores per class are added.
        class_names: names of the classes, by label.
        progress: show a progress bar for each method.

    Returns:
        One dict per method, in the order given: "name"; "tiles", their number; each of these
        scores as "value", "low" and "high": those of :func:`evaluate`; "mse_interpolated" and
        "mse_extrapolated", the mean squared error of all hole pixels between, and beyond, the
        outermost known pixels of their row; "gradient_ratio"; "land_cover_agreement" and
        "kernel_distance" by the shipped classifier.
        "mse_by_distance", float64 (k,): bins ``DISTANCE_EDGES``; "radial_power_ratio", float64
        (31,): mean spectrum of the restored over that of the true tiles; "error_map", float64
        (height, width): as of :func:`mean_error_map`.
        With ``labels``, "per_class": the means of the scores that are means over tiles, of each
        class that occurs, by name.
        "difference_from_previous", absent for the first method: for each score with an interval,
        the paired difference from the method before, as of :func:`paired_difference`.
        What cannot be measured of these tiles is NaN, as interpolation where masks have one line.

    Raises:
        TypeError, ValueError: as :func:`evaluate`; for fewer than two tiles, tiles that do not
            fit the shipped classifier, or a mask without known pixels.

    Example:
        >>> import eurosat_inpaint as ei
        >>> images = ei.data.load_tiles("validation", source="synthetic").images[:20]
        >>> fills = {"mean": ei.baselines.mean, "push-pull": ei.baselines.push_pull}
        >>> first, second = compare(fills, images, ei.masks.line_masks(20, seed=0))
        >>> sorted(second["difference_from_previous"]["mse"])
        ['difference', 'high', 'low']
        >>> second["mse"]["low"] < second["mse"]["value"] < second["mse"]["high"]
        True
    """
    tiles, masks, labels = _checked(images, masks, labels, class_names, known=True)
    if len(tiles) < 2:
        raise ValueError(f"images must be at least two tiles to compare on, got {len(tiles)}")
    truth = _TrueTiles(tiles, masks)
    rows: list[dict] = []
    previous: dict[str, tuple] = {}
    for name, model in methods.items():
        restored = _restore(model, tiles, masks, progress)
        scores, squared_errors = scores_and_squared_errors(tiles, restored, masks)
        squared_errors = squared_errors.mean(axis=-1)
        samples = {score: (values, None) for score, values in scores.items()}
        samples |= truth.samples(restored, squared_errors)
        row = {"name": name, "tiles": len(tiles)}
        row |= {score: _value_with_interval(*sample) for score, sample in samples.items()}
        row |= truth.profiles(restored, squared_errors)
        if labels is not None:
            scores["land_cover_agreement"] = samples["land_cover_agreement"][0]
            row["per_class"] = _means_per_class(scores, labels, class_names)
        if previous:
            row["difference_from_previous"] = {
                score: _difference_with_interval(*sample, previous[score][0])
                for score, sample in samples.items()
            }
        rows.append(row)
        previous = samples
    return rows


class _TrueTiles:
    """True tiles and masks, and what is measured of them once for all methods."""

    def __init__(self, tiles, masks):
        classifier = pretrained.load("classifier")
        require_fitting("images", tiles, classifier)
        self.masks = masks
        self.network = with_features(classifier)
        self.features, self.classes = features_and_classes(self.network, tiles)
        self.gradients = change_in_holes(tiles, masks)
        self.power = power_by_cycles(tiles)
        self.distances = distances_to_known(masks)
        self.holes = masks[..., 0] == 0
        self.extrapolated = beyond_outermost_lines(masks)

    def samples(self, restored, squared_errors):
        """Scores of restored tiles, each as values and weights (or None) tile by tile.

        The score is the mean of the values, or their sum over that of the weights.
        """
        features, classes = features_and_classes(self.network, restored)
        interpolated = self.holes & ~self.extrapolated
        return {
            "mse_interpolated": _over(squared_errors, interpolated),
            "mse_extrapolated": _over(squared_errors, self.extrapolated),
            "gradient_ratio": (change_in_holes(restored, self.masks), self.gradients),
            "land_cover_agreement": ((classes == self.classes).astype(np.float64), None),
            "kernel_distance": (kernel_distance(self.features, features), None),
        }

    def profiles(self, restored, squared_errors):
        """Where restored tiles are wrong, by distance and position, and what their spectrum is."""
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = power_by_cycles(restored) / self.power
        return {
            "mse_by_distance": error_by_distance(squared_errors, self.distances, DISTANCE_EDGES),
            "radial_power_ratio": ratio,
            "error_map": error_map(squared_errors, self.holes),
        }


def _over(errors, pixels):
    """Sum of the errors, and number, of the chosen pixels of each tile."""
    sums = (errors * pixels).sum(axis=(1, 2), dtype=np.float64)
    return sums, pixels.sum(axis=(1, 2)).astype(np.float64)


def _value_with_interval(values, weights):
    """A score and its interval; NaN where the weights are all 0."""
    if weights is not None and not weights.any():
        return dict.fromkeys(("value", "low", "high"), np.nan)
    value = values.mean() if weights is None else values.sum() / weights.sum()
    low, high = bootstrap_interval(values, weights)
    return {"value": float(value), "low": low, "high": high}


def _difference_with_interval(values, weights, previous_values):
    """Paired difference of two samples of one score; NaN where the weights are all 0."""
    if weights is not None and not weights.any():
        return dict.fromkeys(("difference", "low", "high"), np.nan)
    return paired_difference(values, previous_values, weights)


def _checked(images, masks, labels=None, class_names=None, known=False):
    """Tiles as float, masks that fit them as float32, and labels as an array or None."""
    tiles, masks = as_tiles("images", images), np.asarray(masks, np.float32)
    require_masks("masks", masks, tiles.shape, holes=True, known=known)
    if labels is not None:
        labels = np.asarray(labels)
        classes = None if class_names is None else len(class_names)
        require_labels("labels", labels, len(tiles), classes)
    return tiles, masks, labels


def _restore(model, tiles, masks, progress):
    """What the model makes of the masked tiles, float32, checked."""
    from tqdm import tqdm

    bar = partial(tqdm, desc="Restoring", leave=False, disable=None) if progress else None
    masked = (tiles * masks).astype(np.float32)
    return as_tiles("restored", pretrained.restore_in_batches(model, masked, masks, bar))


def _means(scores):
    count = len(next(iter(scores.values())))
    return {name: float(values.mean()) for name, values in scores.items()} | {"tiles": count}


def _means_per_class(scores, labels, class_names):
    return {
        int(label) if class_names is None else class_names[label]: _means(
            {name: values[labels == label] for name, values in scores.items()}
        )
        for label in np.unique(labels)
    }


def gflop_per_tile(model: Any) -> float:
    """Floating-point operations of the convolutions for one tile, in units of 1e9.

    A multiplication and an addition count as two. Everything but convolutions is left out: it is
    less than a hundredth. Models inside the model are counted with it.
    """
    operations = 0
    for layer in _innermost_layers(model):
        if not hasattr(layer, "kernel"):
            continue
        # A transposed convolution applies its kernel once per pixel of its input.
        applied = layer.input if "Transpose" in type(layer).__name__ else layer.output
        operations += 2 * int(np.prod(layer.kernel.shape)) * int(np.prod(applied.shape[1:3]))
    return operations / 1e9


def _innermost_layers(model: Any) -> Iterator[Any]:
    """Layers of a model and of the models inside it, but not these models."""
    for layer in model.layers:
        if hasattr(layer, "layers"):
            yield from _innermost_layers(layer)
        else:
            yield layer
