"""What is measured: over the tile, in the holes, and per class. Taught in notebook 03."""

from functools import partial

import numpy as np

from eurosat_inpaint.checks import as_float, as_float_pair, require_holes
from eurosat_inpaint.comparison import Truth, difference_with_interval, score_with_interval
from eurosat_inpaint.intervals import bootstrap_interval, paired_difference
from eurosat_inpaint.landcover import kernel_distance, land_cover_agreement, land_cover_features
from eurosat_inpaint.positions import (
    DISTANCE_EDGES,
    beyond_outermost_lines,
    distances_to_known,
    mean_error_by_distance,
    mean_error_map,
)
from eurosat_inpaint.pretrained import predict
from eurosat_inpaint.sharpness import gradient_ratio, radial_power

__all__ = [
    "DISTANCE_EDGES",
    "PSNR_CAP",
    "beyond_outermost_lines",
    "bootstrap_interval",
    "channel_argmax_accuracy",
    "compare",
    "distances_to_known",
    "evaluate",
    "gflop_per_tile",
    "gradient_ratio",
    "kernel_distance",
    "land_cover_agreement",
    "land_cover_features",
    "mae",
    "mean_error_by_distance",
    "mean_error_map",
    "mse",
    "paired_difference",
    "psnr",
    "radial_power",
    "score_tiles",
    "ssim",
]

# A tile without error would have an infinite PSNR, and with it every mean that includes it.
PSNR_CAP = 100.0


def mse(tiles, restored, masks=None) -> np.ndarray:
    """Mean squared error of each tile, over all its pixels or over its holes.

    Args:
        tiles: true tiles, (n, height, width, 3): uint8, or float in [0, 1].
        restored: restored tiles, same shape; uint8, or float in [0, 1].
        masks: (n, height, width, 1), 1 = known, 0 = hole; if given, only holes count.

    Returns:
        float64 (n,), on the scale where white is 1.

    Raises:
        ValueError: for shapes that differ, values outside [0, 1], NaN, or a mask without holes.
    """
    tiles, restored = as_float_pair(tiles, restored)
    return _mean_over_pixels((tiles - restored) ** 2, masks)


def mae(tiles, restored, masks=None) -> np.ndarray:
    """Mean absolute error of each tile; arguments and errors as of :func:`mse`."""
    tiles, restored = as_float_pair(tiles, restored)
    return _mean_over_pixels(np.abs(tiles - restored), masks)


def psnr(tiles, restored, masks=None) -> np.ndarray:
    """Peak signal-to-noise ratio of each tile in decibels, at most 100.

    10 log10(1 / MSE), where the peak is 1; arguments and errors as of :func:`mse`.
    """
    floor = 10 ** (-PSNR_CAP / 10)
    return -10 * np.log10(np.maximum(mse(tiles, restored, masks), floor))


def ssim(tiles, restored, masks=None) -> np.ndarray:
    """Structural similarity of each tile, at most 1; arguments and errors as of :func:`mse`.

    The definition of Wang et al. (IEEE TIP 2004): a Gaussian window of standard deviation 1.5,
    the mean over channels and over all pixels five or more from the border. scikit-image computes
    it. With ``masks``, the mean over channels and hole pixels, also those near the border, where
    the windows see the tile mirrored; every window around a hole pixel counts as it is, with the
    known pixels in it.
    """
    similarities, similarity_maps = _structural_similarity(*as_float_pair(tiles, restored))
    return similarities if masks is None else _mean_over_pixels(similarity_maps, masks)


def _structural_similarity(tiles, restored):
    """Of each tile the mean, float64 (n,), and the value of every pixel, the shape of tiles."""
    from skimage.metrics import structural_similarity

    pairs = [
        structural_similarity(
            tile,
            other,
            gaussian_weights=True,
            sigma=1.5,
            use_sample_covariance=False,
            data_range=1,
            channel_axis=-1,
            full=True,
        )
        for tile, other in zip(tiles, restored, strict=True)
    ]
    means, maps = zip(*pairs, strict=True)
    return np.array(means, np.float64), np.stack(maps)


def channel_argmax_accuracy(tiles, restored) -> np.ndarray:
    """Fraction of each tile's pixels whose brightest channel is the right one; errors as of mse.

    This is what Keras' "accuracy" computes on an RGB output. It says little: the answer "blue"
    everywhere scores 0.66 on EuroSAT.
    """
    tiles, restored = as_float_pair(tiles, restored)
    right = tiles.argmax(axis=-1) == restored.argmax(axis=-1)
    return right.mean(axis=(1, 2))


def evaluate(model, images, masks, labels=None, class_names=None, progress=False) -> dict:
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
        ValueError: as :func:`mse`; also if what the model returns is not in [0, 1], or if labels
            do not fit to the tiles or to the names.
    """
    if labels is not None:
        labels = _checked_labels(labels, len(images), class_names)
    scores = score_tiles(model, images, masks, progress)
    summary = _means(scores)
    if labels is not None:
        summary["per_class"] = _means_per_class(scores, labels, class_names)
    return summary


def score_tiles(model, images, masks, progress=False) -> dict[str, np.ndarray]:
    """The scores of :func:`evaluate` tile by tile, each float64 (n,)."""
    tiles, masks = _checked_images(images, masks)
    return _scores(tiles, _restore(model, tiles, masks, progress), masks)


def compare(methods, images, masks, labels=None, class_names=None, progress=False) -> list[dict]:
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
        ValueError: as :func:`evaluate`; for fewer than two tiles, tiles that do not fit the
            shipped classifier, or a mask without known pixels.
    """
    if labels is not None:
        labels = _checked_labels(labels, len(images), class_names)
    tiles, masks = _checked_images(images, masks)
    truth = Truth(tiles, masks)
    rows, previous = [], None
    for name, model in methods.items():
        restored = _restore(model, tiles, masks, progress)
        scores = _scores(tiles, restored, masks)
        samples = {score: (values, None) for score, values in scores.items()}
        samples |= truth.samples(restored)
        row = {"name": name, "tiles": len(tiles)}
        row |= {score: score_with_interval(*sample) for score, sample in samples.items()}
        row |= truth.profiles(restored)
        if labels is not None:
            scores["land_cover_agreement"] = samples["land_cover_agreement"][0]
            row["per_class"] = _means_per_class(scores, labels, class_names)
        if previous is not None:
            row["difference_from_previous"] = {
                score: difference_with_interval(sample, previous[score])
                for score, sample in samples.items()
            }
        rows.append(row)
        previous = samples
    return rows


def _checked_images(images, masks):
    """Tiles as float, and masks that fit them as float32."""
    tiles, masks = as_float("images", images), np.asarray(masks, np.float32)
    require_holes(masks, tiles.shape)
    return tiles, masks


def _restore(model, tiles, masks, progress):
    """What the model makes of the masked tiles, float32."""
    from tqdm import tqdm

    bar = partial(tqdm, desc="Restoring", leave=False, disable=None) if progress else None
    return predict(model, (tiles * masks).astype(np.float32), masks, bar)


def _scores(tiles, restored, masks):
    similarities, similarity_maps = _structural_similarity(*as_float_pair(tiles, restored))
    return {
        "mse": mse(tiles, restored),
        "mae": mae(tiles, restored),
        "psnr": psnr(tiles, restored),
        "ssim": similarities,
        "mse_holes": mse(tiles, restored, masks),
        "mae_holes": mae(tiles, restored, masks),
        "psnr_holes": psnr(tiles, restored, masks),
        "ssim_holes": _mean_over_pixels(similarity_maps, masks),
        "channel_argmax_accuracy": channel_argmax_accuracy(tiles, restored),
    }


def _means_per_class(scores, labels, class_names):
    return {
        int(label) if class_names is None else class_names[label]: _means(
            {name: values[labels == label] for name, values in scores.items()}
        )
        for label in np.unique(labels)
    }


def _means(scores):
    count = len(next(iter(scores.values())))
    return {name: float(values.mean()) for name, values in scores.items()} | {"tiles": count}


def _mean_over_pixels(errors, masks):
    if masks is None:
        return errors.mean(axis=(1, 2, 3), dtype=np.float64)
    masks = np.asarray(masks)
    require_holes(masks, errors.shape)
    holes = masks == 0
    return (errors * holes).mean(axis=-1).sum(axis=(1, 2), dtype=np.float64) / holes.sum(
        axis=(1, 2, 3)
    )


def _checked_labels(labels, count, class_names):
    labels = np.asarray(labels)
    if labels.shape != (count,) or not np.issubdtype(labels.dtype, np.integer):
        raise ValueError(
            f"labels must be integers of shape ({count},), got {labels.dtype} {labels.shape}"
        )
    if class_names is not None and not np.all((labels >= 0) & (labels < len(class_names))):
        raise ValueError(f"labels must lie in 0 .. {len(class_names) - 1}, as class_names do")
    return labels


def gflop_per_tile(model) -> float:
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


def _innermost_layers(model):
    """Layers of a model and of the models inside it, but not these models."""
    for layer in model.layers:
        if hasattr(layer, "layers"):
            yield from _innermost_layers(layer)
        else:
            yield layer
