"""Bootstrap intervals, against theory and against counting."""

import numpy as np
import pytest

from eurosat_inpaint.metrics import bootstrap_interval, paired_difference


def test_interval_of_a_mean_is_that_of_the_central_limit_theorem():
    values = np.random.default_rng(0).gamma(2.0, size=4000)
    low, high = bootstrap_interval(values)
    half_width = 1.96 * values.std() / np.sqrt(len(values))
    assert low == pytest.approx(values.mean() - half_width, abs=0.15 * half_width)
    assert high == pytest.approx(values.mean() + half_width, abs=0.15 * half_width)


def test_interval_covers_the_true_mean_about_as_often_as_it_says():
    random = np.random.default_rng(1)
    covered = 0
    for _ in range(200):
        low, high = bootstrap_interval(random.normal(3.0, 1.0, size=60))
        covered += low <= 3.0 <= high
    # 190 are expected; the percentile bootstrap of 60 values covers a little less. Under 180 would
    # be 3 standard deviations too few.
    assert 180 <= covered <= 199


def test_interval_of_a_ratio_of_sums_is_that_of_the_delta_method():
    random = np.random.default_rng(2)
    weights = random.gamma(2.0, size=3000)
    values = weights * (0.6 + 0.1 * random.normal(size=3000))
    ratio = values.sum() / weights.sum()
    low, high = bootstrap_interval(values, weights)
    residuals = values - ratio * weights
    half_width = 1.96 * residuals.std() / np.sqrt(3000) / weights.mean()
    assert low == pytest.approx(ratio - half_width, abs=0.15 * half_width)
    assert high == pytest.approx(ratio + half_width, abs=0.15 * half_width)


def test_pairing_tells_methods_apart_whose_own_intervals_overlap():
    random = np.random.default_rng(3)
    difficulty = random.gamma(1.0, size=500)
    first, second = 1.02 * difficulty, difficulty
    assert bootstrap_interval(first)[0] < bootstrap_interval(second)[1]
    found = paired_difference(first, second)
    assert found["low"] > 0
    assert found["difference"] == pytest.approx(0.02 * difficulty.mean())
    reverse = paired_difference(second, first)
    assert reverse["high"] < 0


def test_difference_of_two_ratios_of_sums_is_paired():
    random = np.random.default_rng(5)
    weights = random.gamma(1.0, size=800)
    second = weights * random.gamma(1.0, size=800)
    first = second + 0.05 * weights + 0.02 * random.normal(size=800)
    found = paired_difference(first, second, weights)
    ratios = [values.sum() / weights.sum() for values in (first, second)]
    assert found["difference"] == pytest.approx(ratios[0] - ratios[1])
    assert found["low"] < 0.05 < found["high"]
    residuals = first - second - found["difference"] * weights
    half_width = 1.96 * residuals.std() / np.sqrt(800) / weights.mean()
    assert found["high"] - found["low"] == pytest.approx(2 * half_width, rel=0.15)


def test_same_seed_same_interval():
    values = np.random.default_rng(4).normal(size=50)
    assert bootstrap_interval(values, seed=1) == bootstrap_interval(values, seed=1)
    assert bootstrap_interval(values, seed=1) != bootstrap_interval(values, seed=2)


def test_bad_values_are_refused():
    good = np.arange(5.0)
    for bad in (np.array([1.0]), good[None], np.array([0.0, np.nan, 1.0])):
        with pytest.raises(ValueError, match="^values "):
            bootstrap_interval(bad)
        with pytest.raises(ValueError, match="^second "):
            paired_difference(good, bad)
    with pytest.raises(ValueError, match="^weights "):
        bootstrap_interval(good, np.ones(4))
    with pytest.raises(ValueError, match="^second "):
        paired_difference(good, np.ones(4))
    for weights in (np.zeros(5), np.array([1, 1, 1, 1, -1.0])):
        with pytest.raises(ValueError, match="^weights "):
            bootstrap_interval(good, weights)
        with pytest.raises(ValueError, match="^weights "):
            paired_difference(good, good, weights)
    with pytest.raises(ValueError, match="^weights "):
        paired_difference(good, good, np.ones(4))
