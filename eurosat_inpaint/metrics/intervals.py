"""How far apart two scores must be to mean anything: bootstrap over tiles. See notebook 05."""

import numpy as np

from eurosat_inpaint._checks import as_finite, require_integer

_CONFIDENCE = 0.95
_RESAMPLES = 2000


def bootstrap_interval(
    values: np.ndarray, weights: np.ndarray | None = None, *, seed: int = 0
) -> tuple[float, float]:
    """95 % interval of a mean over tiles, or of a ratio of two sums over tiles.

    Tiles are drawn with replacement, 2,000 times, and the middle 95 % of the means kept (the
    percentile bootstrap of Efron, 1979). SciPy does it.

    Args:
        values: one score per tile, shape (n,), n at least 2.
        weights: denominators of the same shape, none negative; then the interval is that of
            ``values.sum() / weights.sum()``, as for a gradient ratio.
        seed: fixes the draws.

    Returns:
        Lower and upper end.

    Raises:
        TypeError: for values that are no real numbers.
        ValueError: for values that are not finite, fewer than two, or of another shape than the
            weights; for weights that are negative, or all 0; for a negative seed.
    """
    from scipy.stats import bootstrap

    require_integer("seed", seed, 0)
    samples = [as_finite("values", values, "n")]
    if weights is not None:
        weights = as_finite("weights", weights, len(samples[0]))
        if weights.min() < 0 or weights.max() == 0:
            raise ValueError("weights must not be negative, and not all 0")
        samples.append(weights)

    def ratio(numerators, denominators=None, axis=-1):
        if denominators is None:
            return numerators.mean(axis=axis)
        return numerators.sum(axis=axis) / denominators.sum(axis=axis)

    found = bootstrap(
        samples,
        ratio,
        n_resamples=_RESAMPLES,
        batch=100,
        paired=True,
        vectorized=True,
        confidence_level=_CONFIDENCE,
        method="percentile",
        random_state=np.random.default_rng(seed),
    ).confidence_interval
    return float(found.low), float(found.high)


def paired_difference(
    first: np.ndarray, second: np.ndarray, weights: np.ndarray | None = None, *, seed: int = 0
) -> dict[str, float]:
    """Difference of two methods on the same tiles and masks, with its 95 % interval.

    Tiles differ far more than methods do. In the difference tile by tile that cancels, so that
    methods can be told apart whose own intervals overlap.

    Args:
        first, second: one score per tile, both of shape (n,), of the same tiles in one order.
        weights: as of :func:`bootstrap_interval`, the same for both methods; then the difference
            is that of their two ratios of sums.
        seed: fixes the draws.

    Returns:
        "difference" (first minus second), "low" and "high".

    Raises:
        TypeError, ValueError: as :func:`bootstrap_interval`.

    Example:
        >>> hard, easy = np.array([0.9, 0.1, 0.5]), np.array([0.8, 0.0, 0.4])
        >>> {name: round(value, 3) for name, value in paired_difference(hard, easy).items()}
        {'difference': 0.1, 'low': 0.1, 'high': 0.1}
    """
    first = as_finite("first", first, "n")
    differences = first - as_finite("second", second, len(first))
    low, high = bootstrap_interval(differences, weights, seed=seed)
    count = len(first) if weights is None else np.sum(weights)
    return {"difference": float(differences.sum() / count), "low": low, "high": high}
