"""Does a classifier still see in the restored tile what it sees in the whole one? Notebook 03."""

import keras
import numpy as np

_TILES_PER_BATCH = 64


def land_cover_agreement(classifier, tiles, restored) -> np.ndarray:
    """Whether the classifier sees the same class in the restored tile as in the whole one.

    Args:
        classifier: of :func:`models.classifier`, with trained weights.
        tiles, restored: float32 (n, height, width, 3) in [0, 1].

    Returns:
        float64 (n,): 1 where it does, else 0.
    """
    whole, filled = (_answers(classifier, images) for images in (tiles, restored))
    return (whole.argmax(axis=1) == filled.argmax(axis=1)).astype(np.float64)


def land_cover_features(classifier, images) -> np.ndarray:
    """What the classifier sees in tiles, before it decides: its layer "features".

    Args:
        classifier: of :func:`models.classifier`, with trained weights.
        images: float32 (n, height, width, 3) in [0, 1].

    Returns:
        float64 (n, d).
    """
    inner = keras.Model(classifier.inputs, classifier.get_layer("features").output)
    return _answers(inner, images).astype(np.float64)


def kernel_distance(first, second) -> float:
    """Kernel distance (KID) of two sets of features: 0 in the mean if they have one law.

    The unbiased estimate of the squared maximum mean discrepancy under the kernel
    ``(x . y / d + 1) ** 3``, after Binkowski et al., "Demystifying MMD GANs" (ICLR 2018). Unlike
    the Frechet distance it has no bias that depends on the number of tiles, so small sets can be
    compared; it may come out slightly negative.

    Args:
        first: (n, d), n at least 2.
        second: (m, d), m at least 2.

    Raises:
        ValueError: for shapes that do not fit together, or features that are not finite.
    """
    first, second = _checked("first", first), _checked("second", second)
    if first.shape[1] != second.shape[1]:
        raise ValueError(f"second must have {first.shape[1]} features, got {second.shape[1]}")
    between = _kernel(first, second).mean()
    return float(_mean_off_diagonal(first) + _mean_off_diagonal(second) - 2 * between)


def _mean_off_diagonal(features):
    kernel, count = _kernel(features, features), len(features)
    return (kernel.sum() - np.trace(kernel)) / (count * (count - 1))


def _kernel(first, second):
    return (first @ second.T / first.shape[1] + 1) ** 3


def _answers(model, images):
    batches = range(0, len(images), _TILES_PER_BATCH)
    return np.concatenate(
        [model.predict_on_batch(images[k : k + _TILES_PER_BATCH]) for k in batches]
    )


def _checked(name, features):
    features = np.asarray(features, np.float64)
    if features.ndim != 2 or len(features) < 2:
        raise ValueError(
            f"{name} must have shape (n, d) with n of at least 2, got {features.shape}"
        )
    if not np.isfinite(features).all():
        raise ValueError(f"{name} must be finite")
    return features
