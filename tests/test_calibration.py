"""Measures of intervals and of expected errors, against values computed in another way."""

import numpy as np
import pytest
from pytest import approx

from eurosat_inpaint import metrics


@pytest.fixture
def case():
    random = np.random.default_rng(0)
    tiles = random.random((5, 12, 12, 3))
    middle = np.clip(tiles + random.normal(0, 0.1, tiles.shape), 0, 1)
    reach = random.uniform(0.02, 0.2, tiles.shape)
    masks = (random.random((5, 12, 12, 1)) < 0.4).astype(np.float32)
    return tiles, middle - reach, middle + reach, masks


def hole_values(case, tile):
    tiles, lower, upper, masks = case
    holes = masks[tile, ..., 0] == 0
    return tiles[tile][holes], lower[tile][holes], upper[tile][holes]


def test_coverage_width_and_score_are_those_of_their_definitions(case):
    tiles, lower, upper, masks = case
    coverage = metrics.interval_coverage(*case)
    width = metrics.interval_width(lower, upper, masks)
    score = metrics.interval_score(*case, coverage=0.8)
    for tile in range(5):
        true, low, high = hole_values(case, tile)
        assert coverage[tile] == approx(
            np.mean([a <= t <= b for t, a, b in zip(true.flat, low.flat, high.flat, strict=True)])
        )
        assert width[tile] == approx((high - low).mean())
        fines = np.where(true < low, low - true, 0) + np.where(true > high, true - high, 0)
        assert score[tile] == approx((high - low + 10 * fines).mean())


def test_the_right_quantiles_have_the_least_score():
    """Of intervals around a known law, the one between its quantiles."""
    random = np.random.default_rng(1)
    tiles = np.clip(0.5 + 0.1 * random.standard_normal((4, 50, 50, 3)), 0, 1)
    masks = np.zeros((4, 50, 50, 1))

    def score(deviations):
        lower = np.full(tiles.shape, 0.5 - 0.1 * deviations)
        upper = np.full(tiles.shape, 0.5 + 0.1 * deviations)
        return metrics.interval_score(tiles, lower, upper, masks, 0.9).mean()

    found = {deviations: score(deviations) for deviations in (1.0, 1.3, 1.645, 2.0, 2.5)}
    assert min(found, key=found.get) == 1.645


def test_coverage_by_distance_is_that_of_the_pixels_there(case):
    tiles, lower, upper, masks = case
    edges = (1, 1.2, 2, 40)
    found = metrics.coverage_by_distance(*case, edges)
    distances = metrics.distances_to_known(masks)
    within = ((lower <= tiles) & (tiles <= upper)).mean(axis=-1)
    for number in range(3):
        there = (distances >= edges[number]) & (distances < edges[number + 1])
        assert found[number] == approx(within[there].mean(), nan_ok=True)


def test_sparsification_leaves_out_the_most_doubtful_first():
    random = np.random.default_rng(2)
    errors, expected = random.random((3, 10, 10)), random.random((3, 10, 10))
    masks = (random.random((3, 10, 10, 1)) < 0.3).astype(float)
    holes = masks[..., 0] == 0
    pairs = sorted(zip(expected[holes], errors[holes], strict=True), reverse=True)
    found = metrics.sparsification(errors, expected, masks)
    for part, value in zip(metrics.SPARSIFIED, found, strict=True):
        left = [error for _, error in pairs[int(part * len(pairs)) :]]
        assert value == approx(np.mean(left) / errors[holes].mean())


def test_sparsification_does_not_depend_on_the_order_of_what_is_expected_alike():
    random = np.random.default_rng(5)
    errors, expected = random.random((4, 8, 8)), random.integers(0, 3, (4, 8, 8)).astype(float)
    masks = np.zeros((4, 8, 8, 1))
    found = metrics.sparsification(errors, expected, masks)
    np.testing.assert_allclose(
        metrics.sparsification(errors[::-1], expected[::-1], masks), found, rtol=1e-12
    )
    np.testing.assert_allclose(metrics.sparsification(errors, 0 * expected, masks), 1, rtol=1e-12)
    # Of random orders it is the mean.
    orders = [
        metrics.sparsification(errors, expected + 1e-3 * random.random(errors.shape), masks)
        for _ in range(400)
    ]
    np.testing.assert_allclose(np.mean(orders, axis=0), found, rtol=0.02)


def test_ause_is_0_for_the_right_order_and_largest_for_the_reverse():
    errors = np.random.default_rng(3).random((2, 20, 20))
    masks = np.zeros((2, 20, 20, 1))
    assert metrics.ause(errors, errors**2, masks) == 0
    noise = np.random.default_rng(4).random(errors.shape)
    assert 0 < metrics.ause(errors, noise, masks) < metrics.ause(errors, -errors, masks)


WRONG = {
    "NaN": ("upper", lambda a: np.full_like(a, np.nan), "upper must be finite"),
    "other shape": ("upper", lambda a: a[:2], "upper must have shape"),
    "text": ("lower", lambda a: a.astype(str), "lower must be an array of real numbers"),
    "crossed": ("lower", lambda a: a + 9, "lower must nowhere lie above upper"),
    "no hole": ("masks", np.ones_like, "masks must each have at least one hole"),
    "not tiles": ("tiles", lambda a: a + 9, "tiles must lie in"),
}


@pytest.mark.parametrize("function", ["interval_coverage", "interval_score"])
@pytest.mark.parametrize("what", WRONG)
def test_wrong_intervals_are_named(function, what, case):
    argument, change, message = WRONG[what]
    given = dict(zip(("tiles", "lower", "upper", "masks"), case, strict=True))
    given[argument] = change(given[argument])
    with pytest.raises((ValueError, TypeError), match=message):
        getattr(metrics, function)(**given)


@pytest.mark.parametrize("coverage", [0, 1, -1, "much"])
def test_score_refuses_other_coverages(coverage, case):
    with pytest.raises(ValueError, match="coverage must"):
        metrics.interval_score(*case, coverage=coverage)


@pytest.mark.parametrize(
    ("errors", "expected", "masks", "message"),
    [
        (np.ones((1, 4, 4)), np.ones((1, 4, 4)), np.ones((1, 4, 4, 1)), "at least one hole"),
        (-np.ones((1, 4, 4)), np.ones((1, 4, 4)), np.zeros((1, 4, 4, 1)), "errors must not be neg"),
        (np.zeros((1, 4, 4)), np.ones((1, 4, 4)), np.zeros((1, 4, 4, 1)), "not all 0"),
        (
            np.ones((1, 4, 4)),
            np.full((1, 4, 4), np.inf),
            np.zeros((1, 4, 4, 1)),
            "expected must be",
        ),
        (
            np.ones((1, 4, 4)),
            np.ones((1, 4, 3)),
            np.zeros((1, 4, 4, 1)),
            "expected must have shape",
        ),
    ],
)
def test_sparsification_refuses(errors, expected, masks, message):
    with pytest.raises(ValueError, match=message):
        metrics.ause(errors, expected, masks)
