"""Scores against independent references, and what is refused."""

import subprocess
import sys
import warnings

import numpy as np
import pytest
from scipy.ndimage import correlate1d
from skimage.metrics import peak_signal_noise_ratio

from eurosat_inpaint import metrics, pretrained
from eurosat_inpaint.data import CLASS_NAMES, synthetic_tiles
from eurosat_inpaint.masks import line_masks
from eurosat_inpaint.models import unet

HOLE_SCORES = (metrics.mse, metrics.mae, metrics.psnr, metrics.ssim)
TILE_SCORES = (*HOLE_SCORES, metrics.channel_argmax_accuracy)


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


def ssim_map_by_its_formula(one, other):
    """Wang et al. 2004: Gaussian window of deviation 1.5 and radius 5, mirrored at the border."""
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
        values.append(luminance * structure)
    return np.mean(values, axis=0)


def test_ssim_is_that_of_its_formula(pair):
    tiles, restored = (images / 255 for images in pair)
    maps = [ssim_map_by_its_formula(t, r) for t, r in zip(tiles, restored, strict=True)]
    reference = [values[5:-5, 5:-5].mean() for values in maps]
    assert min(reference) < 0.6
    np.testing.assert_allclose(metrics.ssim(tiles, restored), reference, atol=1e-4)
    masks = line_masks(len(tiles))
    in_holes = [values[mask[..., 0] == 0].mean() for values, mask in zip(maps, masks, strict=True)]
    np.testing.assert_allclose(metrics.ssim(tiles, restored, masks), in_holes, atol=1e-4)


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
    decibels = 10 * np.log10(1 / squared)
    np.testing.assert_allclose(metrics.psnr(tiles, restored, masks), decibels, rtol=1e-6)


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
    with pytest.raises(ValueError, match="^tiles "):
        score(with_value(value), good)
    with pytest.raises(ValueError, match="^restored "):
        score(good, with_value(value))


@pytest.mark.parametrize("score", TILE_SCORES)
@pytest.mark.parametrize("shape", [(2, 16, 15, 3), (1, 16, 16, 3), (3, 16, 16, 3)])
def test_other_shapes_are_refused(score, shape):
    with pytest.raises(ValueError, match="^restored "):
        score(np.zeros((2, 16, 16, 3)), np.zeros(shape))


@pytest.mark.parametrize("shape", [(16, 16, 3), (2, 16, 16), (2, 16, 16, 1), (0, 16, 16, 3)])
def test_what_is_no_batch_of_tiles_is_refused(shape):
    with pytest.raises(ValueError, match="^tiles "):
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
    ("labels", "class_names", "problem"),
    [
        ([0, 1, 2], None, ValueError),
        ([[0], [1]], None, ValueError),
        ([0.0, 1.0], None, TypeError),
        (["a", "b"], None, TypeError),
        ([0, 2], ("a", "b"), ValueError),
        ([-1, 0], ("a", "b"), ValueError),
    ],
)
def test_bad_labels_are_refused_before_the_work(labels, class_names, problem):
    def unused(masked, masks):
        pytest.fail("the model was called")

    tiles, masks = np.full((2, 16, 16, 3), 0.5), line_masks(2, size=16, lines=1)
    with pytest.raises(problem, match="^labels "):
        metrics.evaluate(unused, tiles, masks, labels, class_names)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (lambda masked, masks: masked[..., :1], r"model must return shape \(2, 16, 16, 3\)"),
        (lambda masked, masks: masked[:1], r"model must return shape \(2, 16, 16, 3\)"),
        (lambda masked, masks: 0.5, r"model must return shape \(2, 16, 16, 3\)"),
        (lambda masked, masks: masked + 1, r"model must return values in \[0, 1\].*sigmoid"),
        (lambda masked, masks: masked * np.nan, "model must return finite numbers.* tile 0 "),
    ],
)
def test_what_a_model_returns_is_checked(model, message):
    tiles, masks = np.full((2, 16, 16, 3), 0.5), line_masks(2, size=16, lines=1)
    with pytest.raises(ValueError, match=message):
        metrics.evaluate(model, tiles, masks)


def test_importing_loads_neither_keras_nor_tensorflow():
    statements = (
        "import sys, eurosat_inpaint.metrics; print({'keras', 'tensorflow'} & {*sys.modules})"
    )
    command = [sys.executable, "-c", statements]
    finished = subprocess.run(command, capture_output=True, text=True, check=True)
    assert finished.stdout.strip() == "set()"


def black(masked, masks):
    return masked


PROFILES = ("mse_by_distance", "radial_power_ratio", "error_map")


@pytest.fixture(scope="module")
def compared(scored):
    """What compare says of black and of grey holes, and of the truth; and how often each ran."""
    images, masks, labels = scored
    calls = []

    def truth(masked, masks):
        calls.append(len(masked))
        start = 0 if len(calls) == 1 else len(images) - 64
        return images[start : start + 64] / np.float32(255)

    methods = {"black": black, "grey": grey, "truth": truth}
    rows = metrics.compare(methods, images, masks, labels, CLASS_NAMES)
    return dict(zip(methods, rows, strict=True)), calls


def scores_of(row):
    return [score for score, part in row.items() if isinstance(part, dict) and "value" in part]


@pytest.mark.slow
def test_compare_gives_every_score_with_its_interval_in_order(compared, scored):
    rows, calls = compared
    assert [row["name"] for row in rows.values()] == ["black", "grey", "truth"]
    assert calls == [64, 64]  # Each tile is restored once; the last batch reaches back.
    images, masks, _ = scored
    alone = metrics.evaluate(grey, images, masks)
    assert rows["grey"]["tiles"] == alone.pop("tiles") == 70
    assert {score: rows["grey"][score]["value"] for score in alone} == alone
    more = {"mse_interpolated", "mse_extrapolated", "gradient_ratio"}
    more |= {"referee_accuracy", "land_cover_agreement"}
    more |= {"kernel_distance", "kernel_distance_early", "kernel_distance_second"}
    for row in rows.values():
        assert set(scores_of(row)) == set(alone) | more
        for score in scores_of(row):
            # To rounding: all means of one value are that value.
            assert row[score]["low"] <= row[score]["value"] + 1e-12
            assert row[score]["value"] <= row[score]["high"] + 1e-12


@pytest.mark.slow
def test_compare_gives_paired_differences_from_the_row_above(compared):
    rows, _ = compared
    assert "difference_from_previous" not in rows["black"]
    for first, second in (("black", "grey"), ("grey", "truth")):
        differences = rows[second]["difference_from_previous"]
        assert set(differences) == set(scores_of(rows[second]))
        for score, found in differences.items():
            change = rows[second][score]["value"] - rows[first][score]["value"]
            assert found["difference"] == pytest.approx(change, abs=1e-9)
            assert found["low"] <= found["difference"] + 1e-12
            assert found["difference"] <= found["high"] + 1e-12
    # A grey fill is nearer to any tile than black holes are.
    assert rows["grey"]["difference_from_previous"]["mse_holes"]["high"] < 0
    assert rows["grey"]["difference_from_previous"]["mse_extrapolated"]["high"] < 0


@pytest.mark.slow
def test_compare_hands_out_what_any_two_methods_are_compared_by(compared):
    rows, _ = compared
    for row in rows.values():
        assert set(row["by_tile"]) == set(scores_of(row)) > set(row["weights"])
        for score, values in row["by_tile"].items():
            whole = row["weights"][score].sum() if score in row["weights"] else len(values)
            assert values.sum() / whole == pytest.approx(row[score]["value"], rel=1e-9)
    for score in ("mse_holes", "gradient_ratio"):
        pair = (rows[name]["by_tile"][score] for name in ("grey", "black"))
        found = metrics.paired_difference(*pair, rows["grey"]["weights"].get(score))
        assert found == rows["grey"]["difference_from_previous"][score]


@pytest.mark.slow
def test_compare_takes_tiles_that_were_restored_before(compared, scored):
    images, masks, labels = scored
    masked = images / np.float32(255) * masks
    restored = grey(masked, masks).astype(np.float32)
    (row,) = metrics.compare({"grey": restored}, images, masks, labels, CLASS_NAMES)
    by_method = compared[0]["grey"]
    for score in scores_of(row):
        assert row[score] == by_method[score]
    (row,) = metrics.compare({"images": images}, images, masks)
    assert row["mse"]["value"] == 0
    for wrong in (restored[1:], restored[:, :32], restored + 1):
        with pytest.raises(ValueError, match=r"methods\['mine'\]"):
            metrics.compare({"mine": wrong}, images, masks)


@pytest.mark.slow
def test_compare_knows_the_truth(compared):
    truth = compared[0]["truth"]
    for score in ("mse", "mse_interpolated", "mse_extrapolated"):
        assert truth[score] == {"value": 0, "low": 0, "high": 0}
    for score in ("gradient_ratio", "land_cover_agreement"):
        assert list(truth[score].values()) == pytest.approx([1, 1, 1])
    for score in ("kernel_distance", "kernel_distance_early", "kernel_distance_second"):
        assert truth[score]["value"] == pytest.approx(0, abs=1e-6)
    assert list(truth["referee_accuracy"].values()) == [0.5, 0.5, 0.5]
    assert truth["spectral_peak"] == pytest.approx(1)
    assert truth["radial_power_ratio"] == pytest.approx(np.ones(31))
    assert np.nanmax(truth["mse_by_distance"]) == np.nanmax(truth["error_map"]) == 0


@pytest.mark.slow
def test_scores_of_compare_are_those_of_the_functions(compared, scored):
    images, masks, _ = scored
    row, restored = compared[0]["grey"], grey(images / np.float32(255), masks)
    errors = ((images / 255 - restored) ** 2).mean(axis=-1)
    beyond = metrics.beyond_outermost_lines(masks)
    between = (masks[..., 0] == 0) & ~beyond
    classifier = pretrained.load("classifier")

    def distance(classifier, layer="features"):
        both = [metrics.land_cover_features(classifier, x, layer) for x in (images, restored)]
        return metrics.kernel_distance(*both).mean()

    expected = {
        "mse_interpolated": errors[between].mean(),
        "mse_extrapolated": errors[beyond].mean(),
        "gradient_ratio": metrics.gradient_ratio(images, restored, masks),
        "land_cover_agreement": metrics.land_cover_agreement(classifier, images, restored).mean(),
        "referee_accuracy": metrics.referee_accuracy(images, restored, masks),
        "kernel_distance": distance(classifier),
        "kernel_distance_early": distance(classifier, "stage_2_relu"),
        "kernel_distance_second": distance(pretrained.load("second_classifier")),
    }
    found = {score: row[score]["value"] for score in expected}
    assert row["spectral_peak"] == pytest.approx(metrics.spectral_peak(images, restored), rel=1e-4)
    assert found == pytest.approx(expected, rel=1e-4)
    profiles = (
        metrics.mean_error_by_distance(errors, masks, metrics.DISTANCE_EDGES),
        metrics.radial_power(restored) / metrics.radial_power(images),
        metrics.mean_error_map(errors, masks),
    )
    for name, profile in zip(PROFILES, profiles, strict=True):
        assert row[name].dtype == np.float64
        np.testing.assert_allclose(row[name], profile, rtol=1e-4)


@pytest.mark.slow
def test_compare_per_class_is_that_of_evaluate_and_adds_up(compared, scored):
    per_class = compared[0]["grey"]["per_class"]
    alone = metrics.evaluate(grey, *scored, CLASS_NAMES)["per_class"]
    for name, scores in alone.items():
        assert {score: per_class[name][score] for score in scores} == scores
    agreement = sum(part["land_cover_agreement"] * part["tiles"] for part in per_class.values())
    total = compared[0]["grey"]["land_cover_agreement"]["value"]
    assert agreement / 70 == pytest.approx(total)
    images, masks, _ = (part[:4] for part in scored)
    (row,) = metrics.compare({"grey": grey}, images, masks)
    assert "per_class" not in row


def test_compare_gives_nan_for_what_the_masks_do_not_have(scored):
    images = scored[0][:4]
    left_half = np.zeros((4, 64, 64, 1), np.float32)
    left_half[:, :, :32] = 1
    _, row = metrics.compare({"black": black, "grey": grey}, images, left_half)
    assert np.isnan(list(row["mse_interpolated"].values())).all()
    assert np.isnan(list(row["difference_from_previous"]["mse_interpolated"].values())).all()
    assert row["mse_extrapolated"]["value"] > 0
    assert np.isnan(row["error_map"][:, :32]).all() and (row["error_map"][:, 32:] > 0).all()


def test_compare_refuses_before_the_work(scored):
    def unused(masked, masks):
        pytest.fail("the model was called")

    images, masks, labels = (part[:3] for part in scored)
    small = np.full((2, 32, 32, 3), 0.5), line_masks(2, size=32)
    nothing, whole = masks.copy(), masks.copy()
    nothing[1], whole[1] = 0, 1
    for arguments, message in (
        (small, r"images must have shape \(n, 64, 64, 3\), got \(2, 32, 32, 3\)"),
        ((images[:1], masks[:1]), "images must be at least two tiles"),
        ((images, masks[:2]), "masks must have shape"),
        ((images, nothing), "masks must each have at least one known pixel"),
        ((images, whole), "masks must each have at least one hole"),
        ((images / 100, masks), "images must lie in"),
        ((images, masks, labels[:2]), "labels must have shape"),
    ):
        with pytest.raises(ValueError, match=message):
            metrics.compare({"unused": unused}, *arguments)
