"""Scores against independent references, and what is refused."""

import warnings

import numpy as np
import pytest
from scipy.ndimage import correlate1d
from skimage.metrics import peak_signal_noise_ratio

from eurosat_inpaint import metrics
from eurosat_inpaint.masks import line_masks
from eurosat_inpaint.models import unet
from eurosat_inpaint.synthetic import CLASS_NAMES, synthetic_tiles

HOLE_SCORES = (metrics.mse, metrics.mae)
TILE_SCORES = (*HOLE_SCORES, metrics.psnr, metrics.ssim, metrics.channel_argmax_accuracy)


@pytest.fixture
def pair():
    """uint8 tiles and noisy copies, each noisier than the one before."""
    tiles, _, _ = synthetic_tiles(4)
    deviations = np.array([5, 15, 30, 60]).reshape(4, 1, 1, 1)
    noise = np.random.default_rng(0).normal(scale=deviations, size=tiles.shape)
    return tiles, np.clip(tiles + noise, 0, 255).astype(np.uint8)


def test_psnr_is_scikit_images(pair):
    tiles, restored = pair
    reference = [
        peak_signal_noise_ratio(t, r, data_range=255) for t, r in zip(tiles, restored, strict=True)
    ]
    np.testing.assert_allclose(metrics.psnr(tiles, restored), reference, atol=1e-4)


def ssim_by_its_formula(one, other):
    """Wang et al. 2004: Gaussian window of deviation 1.5 and radius 5, its border left out."""
    weights = np.exp(-(np.arange(-5, 6) ** 2) / (2 * 1.5**2))
    weights /= weights.sum()

    def blurred(channel):
        return correlate1d(correlate1d(channel, weights, axis=0), weights, axis=1)

    values = []
    for x, y in zip(np.moveaxis(one, -1, 0), np.moveaxis(other, -1, 0), strict=True):
        mean_x, mean_y = blurred(x), blurred(y)
        variance_x, variance_y = blurred(x * x) - mean_x**2, blurred(y * y) - mean_y**2
        covariance = blurred(x * y) - mean_x * mean_y
        luminance = (2 * mean_x * mean_y + 0.01**2) / (mean_x**2 + mean_y**2 + 0.01**2)
        structure = (2 * covariance + 0.03**2) / (variance_x + variance_y + 0.03**2)
        values.append((luminance * structure)[5:-5, 5:-5].mean())
    return np.mean(values)


def test_ssim_is_that_of_its_formula(pair):
    tiles, restored = (images / 255 for images in pair)
    reference = [ssim_by_its_formula(t, r) for t, r in zip(tiles, restored, strict=True)]
    assert min(reference) < 0.6
    np.testing.assert_allclose(metrics.ssim(tiles, restored), reference, atol=1e-4)


def test_hole_scores_are_those_of_a_loop(pair):
    tiles, restored = (images / 255 for images in pair)
    masks = line_masks(len(tiles))
    squared, absolute = np.zeros(len(tiles)), np.zeros(len(tiles))
    for n in range(len(tiles)):
        holes = [(i, j) for i in range(64) for j in range(64) if masks[n, i, j, 0] == 0]
        for i, j in holes:
            for channel in range(3):
                error = tiles[n, i, j, channel] - restored[n, i, j, channel]
                squared[n] += error**2 / (3 * len(holes))
                absolute[n] += abs(error) / (3 * len(holes))
    np.testing.assert_allclose(metrics.mse(tiles, restored, masks), squared, rtol=1e-6)
    np.testing.assert_allclose(metrics.mae(tiles, restored, masks), absolute, rtol=1e-6)


def test_tile_errors_are_plain_means(pair):
    errors = pair[0] / 255 - pair[1] / 255
    np.testing.assert_allclose(metrics.mse(*pair), (errors**2).mean((1, 2, 3)), rtol=1e-5)
    np.testing.assert_allclose(metrics.mae(*pair), abs(errors).mean((1, 2, 3)), rtol=1e-5)


def test_identical_tiles_have_the_best_scores(pair):
    tiles, _ = pair
    assert metrics.psnr(tiles, tiles).tolist() == [100] * len(tiles)
    np.testing.assert_allclose(metrics.ssim(tiles, tiles), 1, atol=1e-6)
    assert metrics.mse(tiles, tiles).tolist() == [0] * len(tiles)


@pytest.mark.parametrize("score", TILE_SCORES)
def test_bytes_and_floats_score_alike(score, pair):
    as_bytes = score(*pair)
    assert as_bytes.shape == (4,) and as_bytes.dtype == np.float64
    for dtype in (np.float32, np.float64):
        as_floats = score(*(images.astype(dtype) / 255 for images in pair))
        np.testing.assert_allclose(as_floats, as_bytes, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(score(pair[0], pair[1] / 255), as_bytes, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("score", [metrics.mse, metrics.mae])
def test_half_precision_is_not_scored_in_half_precision(score):
    tiles = np.full((1, 16, 16, 3), 0.5, np.float16)
    restored = tiles + np.float16(2**-11)
    exact = {metrics.mse: 2**-22, metrics.mae: 2**-11}[score]
    assert score(tiles, restored) == pytest.approx(exact, rel=1e-6)


def test_accuracy_of_answering_blue(pair):
    tiles, _ = pair
    blue = np.zeros_like(tiles)
    blue[..., 2] = 255
    # Where two channels are equally bright, the first counts.
    red, green, channel = (tiles[..., k].astype(int) for k in range(3))
    by_hand = ((channel > red) & (channel > green)).mean(axis=(1, 2))
    assert 0.1 < by_hand.mean() < 0.9
    np.testing.assert_allclose(metrics.channel_argmax_accuracy(tiles, blue), by_hand)


@pytest.fixture(scope="module")
def scored():
    images, labels, _ = synthetic_tiles(70, seed=2)
    return images, line_masks(len(images)), labels


def grey(masked, masks):
    return np.where(masks == 1, masked, 0.5)


def test_evaluate_averages_the_scores_of_tiles(scored):
    images, masks, _ = scored
    scores = metrics.evaluate(grey, images, masks)
    restored = grey(images / 255, masks)
    expected = {f.__name__: f(images, restored).mean() for f in TILE_SCORES}
    expected |= {f"{f.__name__}_holes": f(images, restored, masks).mean() for f in HOLE_SCORES}
    assert scores.pop("tiles") == 70
    assert scores == pytest.approx(expected, rel=1e-5)
    assert all(type(value) is float for value in scores.values())


def test_evaluate_leaves_known_pixels_out_of_hole_scores(scored):
    images, masks, _ = scored
    scores = metrics.evaluate(lambda masked, _: 1 - masked, images, masks)
    restored = np.ones(images.shape)
    assert scores["mse_holes"] == pytest.approx(metrics.mse(images, restored, masks).mean(), 1e-5)


@pytest.mark.parametrize("mask_input", [True, False])
def test_evaluate_takes_networks_of_one_and_two_inputs(scored, mask_input):
    images, masks, _ = (part[:9] for part in scored)
    network = unet(filters=2, depth=1, mask_input=mask_input)

    def as_callable(masked, masks):
        return np.asarray(network([masked, masks] if mask_input else masked))

    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        of_network = metrics.evaluate(network, images, masks)
    of_callable = metrics.evaluate(as_callable, images, masks)
    assert of_network == pytest.approx(of_callable, rel=1e-5)


def test_evaluate_passes_masked_tiles_in_float32(scored):
    images, masks, _ = scored
    seen = []

    def look(masked, masks):
        seen.append(len(masked))
        assert masked.dtype == masks.dtype == np.float32
        assert (masked * (1 - masks)).max() == 0
        return masked

    for tiles in (images, images / 255):
        metrics.evaluate(look, tiles, masks.astype(bool))
    # The second of two batches reaches back, so that both have the same size.
    assert seen == 2 * [64, 64]


def test_scores_per_class_add_up(scored):
    images, masks, labels = scored
    scores = metrics.evaluate(grey, images, masks, labels, CLASS_NAMES)
    per_class = scores["per_class"]
    assert sorted(per_class) == sorted(CLASS_NAMES)
    assert sum(row["tiles"] for row in per_class.values()) == scores["tiles"]
    for name in set(scores) - {"tiles", "per_class"}:
        total = sum(row[name] * row["tiles"] for row in per_class.values())
        assert total / scores["tiles"] == pytest.approx(scores[name])
    forest = labels == CLASS_NAMES.index("Forest")
    alone = metrics.evaluate(grey, images[forest], masks[forest])
    assert per_class["Forest"] == pytest.approx(alone)


def test_per_class_without_names_is_by_label(scored):
    images, masks, _ = (part[:4] for part in scored)
    per_class = metrics.evaluate(grey, images, masks, [7, 3, 7, 7])["per_class"]
    assert {label: row["tiles"] for label, row in per_class.items()} == {3: 1, 7: 3}


def with_value(value):
    images = np.full((2, 16, 16, 3), 0.5)
    images[1, 3, 4, 2] = value
    return images


@pytest.mark.parametrize("score", TILE_SCORES)
@pytest.mark.parametrize("value", [-0.01, 1.01, 127, np.nan, np.inf])
def test_values_outside_0_to_1_are_refused(score, value):
    good = np.full((2, 16, 16, 3), 0.5)
    with pytest.raises(ValueError, match="^tiles must lie in"):
        score(with_value(value), good)
    with pytest.raises(ValueError, match="^restored must lie in"):
        score(good, with_value(value))


@pytest.mark.parametrize("score", TILE_SCORES)
@pytest.mark.parametrize("shape", [(2, 16, 15, 3), (1, 16, 16, 3), (3, 16, 16, 3)])
def test_other_shapes_are_refused(score, shape):
    with pytest.raises(ValueError, match="^restored must have the shape of tiles"):
        score(np.zeros((2, 16, 16, 3)), np.zeros(shape))


@pytest.mark.parametrize("shape", [(16, 16, 3), (2, 16, 16), (2, 16, 16, 1), (0, 16, 16, 3)])
def test_what_is_no_batch_of_tiles_is_refused(shape):
    with pytest.raises(ValueError, match="^tiles must have shape"):
        metrics.mse(np.zeros(shape), np.zeros(shape))


def bad_masks():
    good = line_masks(2, size=16, lines=1)
    no_holes, half, unknown = good.copy(), good.copy(), good.copy()
    no_holes[1], half[0, 0, 0], unknown[0, 0, 0] = 1, 0.5, np.nan
    return [
        pytest.param(no_holes, "masks must each have at least one hole", id="no holes"),
        pytest.param(half, "masks must hold only 0", id="half"),
        pytest.param(255 * good, "masks must hold only 0", id="255"),
        pytest.param(unknown, "masks must hold only 0", id="NaN"),
        pytest.param(good[..., 0], "masks must have shape", id="no last axis"),
        pytest.param(good[:1], "masks must have shape", id="too few"),
        pytest.param(good.repeat(3, axis=-1), "masks must have shape", id="three channels"),
    ]


@pytest.mark.parametrize(("masks", "message"), bad_masks())
def test_bad_masks_are_refused(masks, message):
    tiles = np.full((2, 16, 16, 3), 0.5)
    for score in HOLE_SCORES:
        with pytest.raises(ValueError, match=message):
            score(tiles, tiles, masks)
    with pytest.raises(ValueError, match=message):
        metrics.evaluate(grey, tiles, masks)


@pytest.mark.parametrize(
    ("labels", "class_names"),
    [
        ([0, 1, 2], None),
        ([[0], [1]], None),
        ([0.0, 1.0], None),
        (["a", "b"], None),
        ([0, 2], ("a", "b")),
        ([-1, 0], ("a", "b")),
    ],
)
def test_bad_labels_are_refused_before_the_work(labels, class_names):
    def unused(masked, masks):
        pytest.fail("the model was called")

    tiles, masks = np.full((2, 16, 16, 3), 0.5), line_masks(2, size=16, lines=1)
    with pytest.raises(ValueError, match="^labels must"):
        metrics.evaluate(unused, tiles, masks, labels, class_names)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (lambda masked, masks: masked[..., :1], r"model must return shape \(2, 16, 16, 3\)"),
        (lambda masked, masks: masked[:1], r"model must return shape \(2, 16, 16, 3\)"),
        (lambda masked, masks: 0.5, r"model must return shape \(2, 16, 16, 3\)"),
        (lambda masked, masks: masked + 1, "restored must lie in"),
        (lambda masked, masks: masked * np.nan, "restored must lie in"),
    ],
)
def test_what_a_model_returns_is_checked(model, message):
    tiles, masks = np.full((2, 16, 16, 3), 0.5), line_masks(2, size=16, lines=1)
    with pytest.raises(ValueError, match=message):
        metrics.evaluate(model, tiles, masks)


def test_compare_gives_means_intervals_and_paired_differences_in_order(scored):
    images, masks, _ = scored
    methods = {"black": lambda masked, masks: masked, "grey": grey}
    black, second = metrics.compare(methods, images, masks)
    assert [black["name"], second["name"]] == ["black", "grey"]
    assert "difference_from_previous" not in black
    alone = metrics.evaluate(grey, images, masks)
    for score in set(alone) - {"tiles"}:
        assert second[score]["mean"] == alone[score]
        assert second[score]["low"] <= second[score]["mean"] <= second[score]["high"]
        found = second["difference_from_previous"][score]
        assert found["difference"] == pytest.approx(second[score]["mean"] - black[score]["mean"])
    # A grey fill is nearer to any tile than black holes are.
    assert second["difference_from_previous"]["mse_holes"]["high"] < 0
