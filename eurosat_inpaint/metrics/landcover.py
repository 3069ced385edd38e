"""Does a classifier still see in the restored tile what it sees in the whole one? Notebook 04."""

from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from eurosat_inpaint._checks import (
    as_finite,
    as_tile_pair,
    as_tiles,
    blocks,
    require_choice,
    require_fitting,
)

_TILES_PER_BATCH = 64
_ROWS_PER_BLOCK = 256
_VIEWS: WeakKeyDictionary[Any, dict] = WeakKeyDictionary()


def land_cover_agreement(classifier: Any, tiles: np.ndarray, restored: np.ndarray) -> np.ndarray:
    """Whether the classifier sees the same class in the restored tile as in the whole one.

    Args:
        classifier: of :func:`models.classifier`, with trained weights.
        tiles, restored: (n, height, width, 3): uint8, or float in [0, 1].

    Returns:
        float64 (n,): 1 where it does, else 0.

    Raises:
        TypeError: if the classifier is another network.
        ValueError: for shapes that differ or do not fit the classifier, values outside [0, 1], or
            NaN.
    """
    pair = as_tile_pair(tiles, restored)
    require_fitting("tiles", pair[0], classifier, "classifier")
    network = with_features(classifier)
    whole, filled = (features_and_classes(network, images)[1] for images in pair)
    return (whole == filled).astype(np.float64)


def land_cover_features(classifier: Any, images: np.ndarray, layer: str = "features") -> np.ndarray:
    """What the classifier sees in tiles, before it decides.

    Args:
        classifier: of :func:`models.classifier`, with trained weights.
        images: (n, height, width, 3): uint8, or float in [0, 1].
        layer: the last one before the decision, or an earlier one, such as "stage_2_relu", whose
            outputs are averaged over the tile.

    Returns:
        float64 (n, d).

    Raises:
        TypeError: if the classifier is another network.
        ValueError: for a layer that it has not, a shape that does not fit the classifier, values
            outside [0, 1], or NaN.
    """
    images = as_tiles("images", images)
    require_fitting("images", images, classifier, "classifier")
    return features_and_classes(with_features(classifier, layer), images)[0]


def with_features(classifier: Any, *names: str) -> Any:
    """The classifier as a model whose outputs are those of these layers, averaged, and logits."""
    import keras

    layers = [layer.name for layer in classifier.layers]
    if "features" not in layers:
        raise TypeError(f"classifier must be one of models.classifier, got {classifier!r}")
    # A new one would be compiled anew at its first batch.
    views = _VIEWS.setdefault(classifier, {})
    if names in views:
        return views[names]
    outputs = []
    for name in names or ("features",):
        require_choice("layer", name, layers)
        output = classifier.get_layer(name).output
        outputs.append(keras.ops.mean(output, axis=(1, 2)) if len(output.shape) == 4 else output)
    return views.setdefault(names, keras.Model(classifier.input, [*outputs, classifier.output]))


def features_and_classes(model: Any, images: np.ndarray) -> list[np.ndarray]:
    """What a model of :func:`with_features` sees: of each layer float64 (n, d); classes, (n,)."""
    images = images.astype(np.float32, copy=False)
    answers = [
        model.predict_on_batch(images[k : k + _TILES_PER_BATCH])
        for k in range(0, len(images), _TILES_PER_BATCH)
    ]
    *features, logits = (np.concatenate(parts) for parts in zip(*answers, strict=True))
    return [*(of.astype(np.float64) for of in features), logits.argmax(axis=1)]


def kernel_distance(tiles: np.ndarray, restored: np.ndarray) -> np.ndarray:
    """Contribution of each tile to the kernel distance (KID) of restored tiles from true ones.

    The mean of the contributions is the unbiased estimate of the squared maximum mean discrepancy
    under the kernel ``(x . y / d + 1) ** 3``, after Binkowski et al., "Demystifying MMD GANs"
    (ICLR 2018): 0 in the mean if both have one law. Unlike the Frechet distance it has no bias
    that depends on the number of tiles; it may come out slightly negative. A tile is never
    compared to itself, nor to its own restoration, which is not independent of it.

    A bootstrap that draws a tile twice would compare it to itself. So each tile gets twice the
    mean over its pairs, less the distance: up to terms of order 1 / n the pseudo-values of the
    jackknife (Tukey, 1958), whose mean is the distance and has its spread. Where both laws are
    nearly one, the spread comes out too large, by at most a factor of 1.4.

    Args:
        tiles: features of the true tiles, (n, d), n at least 2.
        restored: features of the same tiles restored, (n, d), in the same order.

    Returns:
        float64 (n,), for :func:`intervals.bootstrap_interval` and
        :func:`intervals.paired_difference`.

    Raises:
        TypeError: for what is no real numbers.
        ValueError: for shapes that differ, or features that are not finite.
    """
    tiles = as_finite("tiles", tiles, "n", "d")
    restored = as_finite("restored", restored, *tiles.shape)
    to_own = _kernel_sums(tiles, tiles)[0] + _kernel_sums(restored, restored)[0]
    of_tiles, of_restored = _kernel_sums(tiles, restored)
    means = (to_own - of_tiles - of_restored) / (len(tiles) - 1)
    return 2 * means - means.mean()


def _kernel_sums(first, second):
    """Sums of the kernel of all pairs of rows but a row's own, by row of either."""
    of_first, of_second = np.empty(len(first)), np.zeros(len(second))
    # All rows at once would take their number squared.
    for block in blocks(len(first), _ROWS_PER_BLOCK):
        base = first[block] @ second.T / first.shape[1] + 1
        kernel = base * base * base
        rows = np.arange(len(kernel))
        kernel[rows, block.start + rows] = 0
        of_first[block] = kernel.sum(axis=1)
        of_second += kernel.sum(axis=0)
    return of_first, of_second
