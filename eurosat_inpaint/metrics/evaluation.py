"""One method, or several side by side, by every measure. See notebooks 04 and 05."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from eurosat_inpaint import pretrained
from eurosat_inpaint._checks import (
    as_masks,
    as_unit,
    blocks,
    require_fitting,
    require_labels,
    require_shape,
    require_tiles,
)
from eurosat_inpaint.metrics.errors import require_ssim_windows, scores_and_squared_errors
from eurosat_inpaint.metrics.intervals import bootstrap_interval, paired_difference
from eurosat_inpaint.metrics.landcover import features_and_classes, kernel_distance, with_features
from eurosat_inpaint.metrics.positions import (
    DISTANCE_EDGES,
    beyond_outermost_lines,
    distances_to_known,
    mean_or_nan,
    sums_by_distance,
    sums_by_position,
)
from eurosat_inpaint.metrics.referees import patches_in_holes, peak_of, told_apart
from eurosat_inpaint.metrics.sharpness import change_in_holes, power_by_cycles, summed_power

# The classifiers that judge, and by which of their layers.
_LAYERS = {"classifier": ("stage_2_relu", "features"), "second_classifier": ("features",)}


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
        model: a Keras network as of :func:`pretrained.inpaint`, or any callable
            ``(masked, mask) -> restored``, called on batches of float32 in [0, 1].
        images: whole tiles, (n, height, width, 3), of 11 pixels or more: uint8, or float in
            [0, 1].
        masks: (n, height, width, 1), 1 = known, 0 = hole; each must have holes and known pixels.
        labels: integers (n,), the class of each tile; if given, scores per class are added.
        class_names: names of the classes, by label.
        progress: show a progress bar.

    Returns:
        Means over tiles: "mse", "mae", "psnr", "ssim", "channel_argmax_accuracy" over the whole
        tile, "mse_holes", "mae_holes", "psnr_holes" and "ssim_holes" over the holes of each;
        "tiles", their number; with ``labels``, "per_class": the same scores of each class that
        occurs, by name.

    Raises:
        TypeError: if labels are not integers, if the model cannot be called, or if it returns no
            real floating-point numbers.
        ValueError: as :func:`mse`; also if what the model returns is not finite or not in [0, 1],
            or if labels do not fit to the tiles or to the names.

    Example:
        >>> import eurosat_inpaint as ei
        >>> tiles = ei.data.load_tiles("validation", source="synthetic")
        >>> masks = ei.masks.line_masks(len(tiles), seed=0)
        >>> scores = evaluate(ei.baselines.push_pull, tiles.images, masks)
        >>> scores["tiles"], scores["mse"] < scores["mse_holes"]
        (94, True)
    """
    images, masks, labels = _checked(images, masks, labels, class_names)
    scores = _scores(model, images, masks, progress)
    summary = _means(scores)
    if labels is not None:
        summary["per_class"] = _means_per_class(scores, labels, class_names)
    return summary


def score_tiles(
    model: Callable, images: np.ndarray, masks: np.ndarray, *, progress: bool = False
) -> dict[str, np.ndarray]:
    """The scores of :func:`evaluate` tile by tile, each float64 (n,)."""
    images, masks, _ = _checked(images, masks)
    return _scores(model, images, masks, progress)


def compare(
    methods: Mapping[str, Callable | np.ndarray],
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
        methods: dictionary from a name to a model or callable as of :func:`evaluate`, or to tiles
            that were restored before, an array like ``images``.
        images: whole tiles, (n, 64, 64, 3), n at least 2: uint8, or float in [0, 1].
        masks: (n, 64, 64, 1), 1 = known, 0 = hole; each must have holes and known pixels.
        labels: integers (n,), the class of each tile; if given, scores per class are added.
        class_names: names of the classes, by label.
        progress: show a progress bar for each method.

    Returns:
        One dict per method, in the order given: "name"; "tiles", their number; each of these
        scores as "value", "low" and "high": those of :func:`evaluate`; "mse_interpolated" and
        "mse_extrapolated", the mean squared error of all hole pixels between, and beyond, the
        outermost known pixels of their row; "gradient_ratio"; "referee_accuracy" of the linear
        referee; "land_cover_agreement" by the shipped classifier; "kernel_distance" by its
        features, "kernel_distance_early" by those of the second of its four stages,
        "kernel_distance_second" by the features of another one, trained independently.
        "spectral_peak": as of :func:`spectral_peak`, a number;
        "mse_by_distance", float64 (k,): bins ``DISTANCE_EDGES``; "radial_power_ratio", float64
        (31,): mean spectrum of the restored over that of the true tiles; "error_map", float64
        (height, width): as of :func:`mean_error_map`.
        With ``labels``, "per_class": the means of the scores that are means over tiles, of each
        class that occurs, by name.
        "difference_from_previous", absent for the first method: for each score with an interval,
        the paired difference from the method before, as of :func:`paired_difference`.
        "by_tile": for each score with an interval, float64 (n,), of which it is the mean; or,
        where "weights" has such an array under the same name, the sum over that of the weights.
        With both, :func:`paired_difference` compares any two of the methods.
        What cannot be measured of these tiles is NaN, as interpolation where masks have one line.

    Raises:
        TypeError, ValueError: as :func:`evaluate`; for no methods, fewer than two tiles, or tiles
            that do not fit the shipped classifier.

    Example:
        >>> import eurosat_inpaint as ei
        >>> images = ei.data.load_tiles("validation", source="synthetic").images[:20]
        >>> fills = {"mean": ei.baselines.mean, "push-pull": ei.baselines.push_pull}
        >>> first, second = compare(fills, images, ei.masks.line_masks(20, seed=0))
        >>> sorted(second["difference_from_previous"]["mse"])
        ['difference', 'high', 'low']
        >>> second["mse"]["low"] < second["mse"]["value"] < second["mse"]["high"]
        True
        >>> bool(second["by_tile"]["mse"].mean() == second["mse"]["value"])
        True
    """
    if not isinstance(methods, Mapping) or not methods:
        raise TypeError(f"methods must be a dictionary of one method or more, got {methods!r}")
    images, masks, labels = _checked(images, masks, labels, class_names)
    if len(images) < 2:
        raise ValueError(f"images must be at least two tiles to compare on, got {len(images)}")
    restorers = {
        name: _as_restorer(method, images, f"methods[{name!r}]") for name, method in methods.items()
    }
    truth = _TrueTiles(images, masks)
    rows: list[dict] = []
    previous: dict[str, tuple] = {}
    for name, restore in restorers.items():
        scores, samples, profiles = truth.measured(_restored(restore, images, masks, progress))
        row = {"name": name, "tiles": len(images)}
        row |= {score: _value_with_interval(*sample) for score, sample in samples.items()}
        row |= profiles
        row["by_tile"] = {score: values for score, (values, _) in samples.items()}
        row["weights"] = {score: w for score, (_, w) in samples.items() if w is not None}
        if labels is not None:
            scores["land_cover_agreement"] = samples["land_cover_agreement"][0]
            row["per_class"] = _means_per_class(scores, labels, class_names)
        if previous:
            row["difference_from_previous"] = {
                score: _difference_with_interval(values, weights, previous[score][0])
                for score, (values, weights) in samples.items()
            }
        rows.append(row)
        previous = samples
    return rows


class _TrueTiles:
    """True tiles and masks, and what is measured of them once for all methods.

    What is kept of a tile is its scores and features, no picture.
    """

    def __init__(self, images, masks):
        classifiers = {name: pretrained.load(name) for name in _LAYERS}
        require_fitting("images", images, classifiers["classifier"])
        self.networks = [with_features(classifiers[k], *layers) for k, layers in _LAYERS.items()]
        batches = ((as_unit(images[block]), masks[block]) for block in blocks(len(images)))
        self.looks = _joined([self._looks(*batch) for batch in batches])

    def measured(self, batches):
        """Scores of restored tiles, the same and others as samples, and profiles.

        Args:
            batches: of :func:`_restored`.

        Returns:
            The scores of :func:`evaluate`, by name; with more of them, of each the values and the
            weights (or None) tile by tile: the score is the mean of the values, or their sum over
            that of the weights; and where tiles are wrong, and what their spectrum is.
        """
        parts = [self._measured(*batch) for batch in batches]
        scores, looks, others, sums = (_joined([part[k] for part in parts]) for k in range(4))
        true = self.looks
        samples = {score: (values, None) for score, values in scores.items()}
        samples |= {
            "mse_interpolated": (others["interpolated"], others["interpolated_pixels"]),
            "mse_extrapolated": (others["extrapolated"], others["extrapolated_pixels"]),
            "gradient_ratio": (looks["gradients"], true["gradients"]),
            "referee_accuracy": _told_apart_by_tile(true, looks),
            "land_cover_agreement": ((looks["classes"] == true["classes"]).astype(float), None),
        }
        for score in ("kernel_distance", "kernel_distance_early", "kernel_distance_second"):
            samples[score] = (kernel_distance(true[score], looks[score]), None)
        powers = [of["power"].sum(axis=0) for of in (true, looks)]
        with np.errstate(divide="ignore", invalid="ignore"):
            ratios = np.divide(*reversed([power_by_cycles(power) for power in powers]))
            peak = peak_of(*powers)
        totals = {name: (of[:, 0].sum(axis=0), of[:, 1].sum(axis=0)) for name, of in sums.items()}
        profiles = {
            "spectral_peak": peak,
            "mse_by_distance": mean_or_nan(*totals["distance"]),
            "radial_power_ratio": ratios,
            "error_map": mean_or_nan(*totals["position"]),
        }
        return scores, samples, profiles

    def _looks(self, images, masks):
        """What is seen of tiles in one batch, true or restored ones."""
        (early, late, classes), (second, _) = (
            features_and_classes(network, images) for network in self.networks
        )
        patches, counts = patches_in_holes(images, masks)
        return {
            "kernel_distance": late,
            "kernel_distance_early": early,
            "kernel_distance_second": second,
            "classes": classes,
            "gradients": change_in_holes(images, masks),
            "patches": patches,
            "patch_counts": counts,
            "power": summed_power(images)[None],
        }

    def _measured(self, tiles, restored, masks):
        """Of one batch: scores, looks, errors between and beyond lines, and sums over tiles."""
        scores, squared_errors = scores_and_squared_errors(tiles, restored, masks)
        squared_errors = squared_errors.mean(axis=-1)
        holes, extrapolated = masks[..., 0] == 0, beyond_outermost_lines(masks)
        others = {}
        for name, pixels in (
            ("interpolated", holes & ~extrapolated),
            ("extrapolated", extrapolated),
        ):
            others[name] = (squared_errors * pixels).sum(axis=(1, 2), dtype=np.float64)
            others[f"{name}_pixels"] = pixels.sum(axis=(1, 2)).astype(np.float64)
        distances = distances_to_known(masks)
        sums = {
            "distance": sums_by_distance(squared_errors, distances, DISTANCE_EDGES),
            "position": sums_by_position(squared_errors, holes),
        }
        # Of a batch a sum and a count, which are joined along a new first axis.
        sums = {name: np.stack(pair)[None] for name, pair in sums.items()}
        return scores, self._looks(restored, masks), others, sums


def _told_apart_by_tile(true, looks):
    """Of each tile how many patches the referee tells rightly, and how many there are."""
    counts = true["patch_counts"]
    tile = np.repeat(np.arange(len(counts)), counts)
    if min(counts[::2].sum(), counts[1::2].sum()) == 0:
        return np.zeros(len(counts)), np.zeros(len(counts))
    rights = told_apart(true["patches"], looks["patches"], counts)
    return np.bincount(tile, rights.mean(axis=0), len(counts)), counts.astype(float)


def _as_restorer(method, images, name):
    """As of :func:`pretrained.as_restorer`; of tiles that were restored before, one that knows."""
    if not isinstance(method, np.ndarray):
        return pretrained.as_restorer(method, images, name=name, tiles_name="images")
    require_tiles(name, method)
    require_shape(name, method, *images.shape)
    return lambda masked, masks, first: as_unit(method[first : first + len(masked)])


def _scores(model, images, masks, progress):
    restore = pretrained.as_restorer(model, images, tiles_name="images")
    batches = _restored(restore, images, masks, progress)
    return _joined([scores_and_squared_errors(*batch)[0] for batch in batches])


def _joined(parts):
    """One dictionary of arrays of all tiles from those of the batches."""
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


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


def _checked(images, masks, labels=None, class_names=None):
    """Tiles, masks that fit them, both of whatever dtype, and labels as an array or None."""
    images = require_tiles("images", images)
    require_ssim_windows("images", images)
    masks = as_masks("masks", masks, images.shape, holes=True, known=True)
    if class_names is not None and not _are_distinct_names(class_names):
        raise ValueError(f"class_names must be a sequence of different names, got {class_names!r}")
    if labels is not None:
        labels = np.asarray(labels)
        classes = None if class_names is None else len(class_names)
        require_labels("labels", labels, len(images), classes)
    return images, masks, labels


def _are_distinct_names(names):
    if not isinstance(names, (list, tuple, np.ndarray)) or getattr(names, "ndim", 1) != 1:
        return False
    return all(isinstance(name, str) for name in names) and len({*names}) == len(names)


def _restored(restore, images, masks, progress):
    """True tiles, what is made of them masked, and masks, batch by batch; all are float."""
    from tqdm import tqdm

    bar = partial(tqdm, desc="Restoring", leave=False, disable=None) if progress else None

    def batch_of(batch):
        given = masks[batch].astype(np.float32)
        return (as_unit(images[batch]) * given).astype(np.float32), given

    for batch, restored in pretrained.restored_batches(restore, len(images), batch_of, bar):
        yield as_unit(images[batch]), restored, masks[batch].astype(np.float32)


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

    Raises:
        TypeError: if it is no Keras model made of layers that know their outputs.
        ValueError: if the sides of its tiles are not fixed.
    """
    if not hasattr(model, "layers") or not getattr(model, "inputs", None):
        raise TypeError(f"model must be a Keras model that knows its inputs, got {model!r}")
    if None in [size for tensor in model.inputs for size in tensor.shape[1:]]:
        raise ValueError(f"model must take tiles of fixed sides, got {model.inputs}")
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
