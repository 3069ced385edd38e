"""Expected errors, and intervals that keep their promise on tiles they were not calibrated on."""

import json

import numpy as np
import pytest
from helpers_models import masked_tiles

import eurosat_inpaint as ei
from eurosat_inpaint import data, metrics, models, pretrained, training, uncertainty

TINY = {"filters": (4, 6), "blocks": (1, 1)}


@pytest.mark.parametrize("coverage", [0.5, 0.9, 0.95])
def test_conformal_factor_is_the_least_that_keeps_the_bound(coverage):
    random = np.random.default_rng(0)
    scales = random.uniform(0.5, 2, (60, 6, 6, 3))
    errors = np.abs(random.normal(0, scales))
    masks = (random.random((60, 6, 6, 1)) < 0.5).astype(np.float32)
    masks[:, 0, 0] = 0
    factor = uncertainty.conformal_factor(errors, scales, masks, coverage)

    def bound(tried):
        missed = ((errors > tried * scales) & (masks == 0)).sum(axis=(1, 2, 3))
        return (60 * (missed / (3 * (masks == 0).sum(axis=(1, 2, 3)))).mean() + 1) / 61

    assert bound(factor) <= 1 - coverage + 1e-9 < bound(factor * (1 - 1e-6))


def test_the_promise_is_kept_on_average_over_draws_of_tiles():
    """Tiles of very different difficulty, which a scale does not know of: 0.9 at least, on average.

    With few tiles a factor chosen without the correction for their number would cover less.
    """
    random = np.random.default_rng(1)
    covered = []
    for _ in range(400):
        difficulty = random.gamma(1, 1, (21, 1, 1, 1))
        errors = np.abs(random.normal(0, 1, (21, 5, 5, 1))) * difficulty
        scales, masks = np.ones_like(errors), np.zeros((21, 5, 5, 1))
        factor = uncertainty.conformal_factor(errors[:20], scales[:20], masks[:20], 0.9)
        covered.append((errors[20] <= factor).mean())
    deviation = np.std(covered) / np.sqrt(len(covered))
    assert np.mean(covered) > 0.9 - 2 * deviation


def test_too_few_tiles_for_a_coverage_are_named():
    ones = np.ones((8, 2, 2, 1))
    with pytest.raises(ValueError, match="9 tiles or more for a coverage of 0.9, got 8"):
        uncertainty.conformal_factor(ones, ones, 0 * ones, 0.9)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"errors": -np.ones((20, 2, 2, 1))}, "errors must be finite and not negative"),
        ({"scales": np.zeros((20, 2, 2, 1))}, "scales must be finite and positive"),
        ({"scales": np.ones((20, 2, 2, 2))}, "scales must have shape"),
        ({"masks": np.ones((20, 2, 2, 1))}, "masks must each have at least one hole"),
        ({"coverage": 1}, "coverage must be a number from 0.01 to 0.99"),
    ],
)
def test_conformal_factor_refuses(changed, message):
    ones = np.ones((20, 2, 2, 1))
    given = {"errors": ones, "scales": ones, "masks": 0 * ones, "coverage": 0.9}
    with pytest.raises(ValueError, match=message):
        uncertainty.conformal_factor(**given | changed)


@pytest.fixture(scope="module")
def tiles():
    images, labels, _ = data.synthetic_tiles(70, seed=3)
    return images, ei.masks.line_masks(70, seed=3)


@pytest.mark.parametrize("model", ["unet", "unet_any"])
@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64])
def test_intervals_are_around_what_is_restored(model, dtype, tiles):
    images, masks = tiles
    images = images if dtype == np.uint8 else (images / 255).astype(dtype)
    lower, upper = uncertainty.interval(images, masks, model=model)
    known = np.broadcast_to(masks == 1, images.shape)
    as_floats = (images / 255 if dtype == np.uint8 else images).astype(np.float32)
    np.testing.assert_array_equal(lower[known], as_floats[known])
    np.testing.assert_array_equal(upper[known], as_floats[known])
    restored = pretrained.restore_in_batches(pretrained.load(model), as_floats * masks, masks)
    assert (lower <= restored + 1e-5).all() and (restored <= upper + 1e-5).all()
    assert lower.dtype == upper.dtype == np.float32
    assert 0 <= lower.min() and upper.max() <= 1 and (lower < upper)[~known].all()


def test_a_larger_promise_has_wider_intervals(tiles):
    widths = []
    for coverage in (0.01, 0.5, 0.905, 0.99):
        lower, upper = uncertainty.interval(*tiles, coverage=coverage)
        widths.append(float((upper - lower).mean()))
    assert widths == sorted(widths) and widths[0] < widths[-1] / 10
    halves = uncertainty.interval(*tiles, factor=0.5), uncertainty.interval(*tiles, factor=1)
    inside = (halves[1][0] > 0) & (halves[1][1] < 1)
    width = [(upper - lower)[inside] for lower, upper in halves]
    np.testing.assert_allclose(2 * width[0], width[1], atol=1e-5)


def test_what_holes_hold_is_never_looked_at(tiles):
    images, masks = tiles[0] / 255, tiles[1]
    hidden = np.where(masks == 1, images, np.nan)
    for function in (uncertainty.expected_error, uncertainty.interval):
        np.testing.assert_array_equal(function(hidden, masks), function(images, masks))


def test_expected_error_is_0_where_known_and_grows_with_distance(tiles):
    images, masks = tiles
    error = uncertainty.expected_error(images, masks)
    assert error.shape == masks.shape and error.dtype == np.float32
    assert (error[masks == 1] == 0).all() and (error[masks == 0] > 0).all()
    distances = metrics.distances_to_known(masks)
    near, far = (error[..., 0][(distances >= a) & (distances < b)] for a, b in ((1, 2), (6, 60)))
    assert far.mean() > 1.5 * near.mean()


def test_recalibration_keeps_the_promise_for_other_masks():
    """Under clouds intervals calibrated on lines hold too little; a new factor mends it."""
    images = data.synthetic_tiles(120, seed=5)[0]
    masks = ei.masks.cloud_masks(120, coverage=0.4, seed=5)
    factor = uncertainty.calibrated_factor(images[:60], masks[:60], 0.9)
    ends = uncertainty.interval(images[60:], masks[60:], factor=factor)
    mended = metrics.interval_coverage(images[60:], *ends, masks[60:]).mean()
    assert 0.85 < mended < 0.96


@pytest.mark.real_tiles
@pytest.mark.slow
@pytest.mark.parametrize("model", ["unet", "unet_any"])
def test_the_promise_is_kept_on_test_tiles(model):
    everything = data.load_tiles("test")
    others = everything[[not data.calibrates(name) for name in everything.filenames]]
    chosen = data.stratified_subset(others.labels, 600)
    images = others.images[chosen]
    draw = ei.masks.line_masks if model == "unet" else ei.shipping.draw_any_masks
    masks = draw(600, seed=11)
    lower, upper = uncertainty.interval(images, masks, model=model)
    covered = metrics.interval_coverage(images, lower, upper, masks)
    assert abs(covered.mean() - 0.9) < 0.02


@pytest.mark.parametrize("name", uncertainty.names())
def test_cards_hold_their_calibration(name):
    card = pretrained.card(f"{name}_error")
    factors = card["calibration"]["factors"]
    assert card["task"] == "uncertainty" and card["first_stage"] == name
    assert factors == sorted(factors) and len(factors) == len(uncertainty.COVERAGES)
    assert card["calibration"]["tiles"] > 1000
    assert 0.8 < card["calibration"]["error_factor"] < 1.25


@pytest.mark.parametrize("missing", ["first_stage", "calibration"])
def test_a_head_whose_card_is_damaged_is_left_out(missing, copied_weights, tiles):
    path = copied_weights / "unet_error.json"
    card = json.loads(path.read_text())
    del card[missing]
    path.write_text(json.dumps(card))
    assert uncertainty.names() == ["unet_any"]
    with pytest.raises(ValueError, match="model must be one of"):
        uncertainty.expected_error(*tiles)


def test_heads_restore_nothing_by_name(tiles):
    with pytest.raises(ValueError, match="model must be one of .*'unet_error'"):
        ei.inpaint(*tiles, model="unet_error")
    with pytest.raises(ValueError, match="model must be one of"):
        uncertainty.interval(*tiles, model="wnet")


@pytest.mark.parametrize("function", [uncertainty.expected_error, uncertainty.interval])
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda images, masks: (images[:, :32], masks), r"images must have shape \(n, 64, 64, 3\)"),
        (lambda images, masks: (images, masks[:-1]), "masks must have shape"),
        (lambda images, masks: (images, 0 * masks), "masks must each have at least one known"),
        (lambda images, masks: (images + 0.0, masks), "images must lie in"),
    ],
)
def test_wrong_arguments_are_named(function, change, message, tiles):
    with pytest.raises(ValueError, match=message):
        function(*change(*tiles))


def test_a_head_is_built_behind_its_network_and_leaves_it_alone():
    model = models.unet_with_error(32, unet=TINY, filters=(4, 4), blocks=(1, 1))
    alone = models.residual_unet(32, **TINY)
    random = np.random.default_rng(0)
    weights = [random.uniform(-0.1, 0.1, w.shape) for w in alone.get_weights()]
    alone.set_weights(weights)
    model.get_layer("first_stage").set_weights(weights)
    masked, masks = masked_tiles(32)
    answer = model.predict_on_batch([masked, masks])
    np.testing.assert_allclose(answer[..., :3], alone.predict_on_batch([masked, masks]), atol=1e-6)
    holes = np.broadcast_to(masks == 0, masked.shape)
    assert (answer[..., 3:][~holes] == 1).all() and (answer[..., 3:][holes] > 0).all()
    assert len(model.trainable_weights) == len(model.get_layer("second_stage").trainable_weights)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"unet": [4]}, "unet must be a dictionary"),
        ({"filters": (4,), "blocks": (1, 1)}, "blocks must have one entry per entry of filters"),
        ({"size": 30}, "size must be divisible by"),
    ],
)
def test_builder_refuses(settings, message):
    with pytest.raises((TypeError, ValueError), match=message):
        models.unet_with_error(**{"unet": TINY, "filters": (4, 4), "blocks": (1, 1)} | settings)


def test_loss_is_least_at_the_mean_magnitude_of_the_error():
    random = np.random.default_rng(0)
    true = random.random((4, 8, 8, 3)).astype(np.float32)
    restored = true + random.laplace(0, 0.05, true.shape).astype(np.float32)
    mean = np.abs(true - restored).mean()
    loss = training.ErrorScaleLoss()

    def of(scale):
        prediction = np.concatenate([restored, np.full_like(true, scale)], axis=-1)
        return float(loss(true, prediction))

    assert of(mean) < min(of(0.8 * mean), of(1.25 * mean))
    known = np.concatenate([true, np.ones_like(true)], axis=-1)
    assert float(loss(true, known)) == 0


@pytest.mark.slow
def test_a_head_learns_where_errors_are():
    """Half of each tile is flat and half of it noise: what is expected must differ."""
    random = np.random.default_rng(0)
    images = np.full((64, 32, 32, 3), 128, np.uint8)
    images[:, :16] = random.integers(0, 256, (64, 16, 32, 3))
    model = models.unet_with_error(32, unet=TINY, filters=(8, 8), blocks=(1, 1))
    recipe = training.Recipe(loss=training.ErrorScaleLoss(), batch_size=16, learning_rate=3e-3)
    first = model.get_layer("first_stage").get_weights()
    training.fit_wnet(model, images, images[:16], recipe, epochs=6, verbose=0)
    masks = ei.masks.line_masks(16, 32)
    scale = model.predict_on_batch([images[:16] / np.float32(255) * masks, masks])[..., 3:]
    holes = masks[..., 0] == 0
    flat, noisy = (scale[:, part][holes[:, part]].mean() for part in (np.s_[18:], np.s_[:14]))
    assert noisy > 2 * flat
    for before, after in zip(first, model.get_layer("first_stage").get_weights(), strict=True):
        np.testing.assert_array_equal(before, after)
