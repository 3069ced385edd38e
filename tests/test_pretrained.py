"""Shipped weights and ``inpaint``: what goes in, what comes out, what is refused."""

import itertools
import json
import math
import re
from types import SimpleNamespace

import keras
import numpy as np
import pytest
from helpers_cards import CARD_FIELDS

import eurosat_inpaint as ei
from eurosat_inpaint import data, metrics, models, pretrained
from eurosat_inpaint.data import synthetic_tiles
from eurosat_inpaint.masks import line_masks
from eurosat_inpaint.models import unet
from eurosat_inpaint.pretrained import inpaint

SCORES = {"mse", "mae", "psnr", "ssim", "mse_holes", "mae_holes", "channel_argmax_accuracy"}


@pytest.fixture(scope="module")
def tiles():
    """65 tiles, one more than a batch, and their masks."""
    images, _, _ = synthetic_tiles(65, seed=4)
    return images, line_masks(len(images), seed=4)


@pytest.fixture(scope="module")
def network():
    keras.utils.set_random_seed(0)
    return unet(filters=2, depth=1)


def test_the_unet_is_shipped():
    assert "unet" in pretrained.names()


@pytest.mark.parametrize("name", pretrained.names())
def test_card_says_all_there_is_to_know(name):
    card = pretrained.card(name)
    assert set(card) >= CARD_FIELDS
    assert set(card["validation"]) >= SCORES
    assert all(math.isfinite(score) for score in card["validation"].values())
    assert card["name"] == name
    command = r"(python -m eurosat_inpaint train|KERAS_BACKEND=jax python tools/train_on_gpu.py)"
    assert re.match(rf"{command} {name} ", card["command"])


@pytest.mark.slow
@pytest.mark.parametrize("name", pretrained.names())
def test_shipped_network_is_the_one_on_its_card(name):
    card = pretrained.card(name)
    model = pretrained.load(name)
    # A W-Net has a second stage behind the U-Net.
    assert (
        model.count_params() == card["parameters"] <= (3_200_000 if name == "wnet" else 2_500_000)
    )
    assert [i.shape for i in model.inputs] == [(None, 64, 64, 3), (None, 64, 64, 1)]
    assert model.output_shape == (None, 64, 64, 3)
    layers = [layer for part in model.layers for layer in getattr(part, "layers", [part])]
    assert {layer.compute_dtype for layer in layers} == {"float32"}
    assert (pretrained.WEIGHTS_FOLDER / card["weights"]).stat().st_size < 10_000_000


@pytest.mark.slow
@pytest.mark.parametrize("name", pretrained.names())
def test_shipped_network_restores_better_than_grey(name, tiles):
    images, masks = (part[:16] for part in tiles)
    masked = images / np.float32(255) * masks
    restored = pretrained.load(name).predict_on_batch([masked, masks])
    assert restored.dtype == np.float32 and restored.min() >= 0 and restored.max() <= 1
    known = np.broadcast_to(masks == 1, restored.shape)
    np.testing.assert_array_equal(restored[known], masked[known])
    grey = np.where(known, masked, masked[known].mean())
    error = metrics.mse(images, restored).mean()
    assert error < 0.5 * metrics.mse(images, grey).mean()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["gan", "wnet"])
def test_another_noise_seed_gives_another_answer(name, tiles):
    images, masks = (part[:8] for part in tiles)
    first, again = (ei.inpaint(images, masks, model) for model in (name, pretrained.load(name)))
    np.testing.assert_array_equal(first, again)
    other = ei.inpaint(images, masks, pretrained.load(name, noise_seed=1))
    in_holes = np.broadcast_to(masks == 0, images.shape)
    assert (other[in_holes] != first[in_holes]).mean() > 0.3
    np.testing.assert_array_equal(other[~in_holes], first[~in_holes])


def test_noise_seeds_of_networks_without_noise_are_refused():
    for name, seed in (("unet", 1), ("classifier", 1), ("gan", -1), ("gan", 0.5)):
        with pytest.raises(ValueError, match="^noise_seed "):
            pretrained.load(name, noise_seed=seed)


@pytest.mark.parametrize("name", ["gan", "wnet"])
def test_discriminator_neither_guessed_nor_won(name):
    assert 0.55 <= pretrained.card(name)["discriminator_accuracy"] <= 0.95


@pytest.mark.slow
@pytest.mark.real_tiles
@pytest.mark.parametrize("name", pretrained.names())
def test_scores_on_the_card_are_reproduced(name):
    """On the validation tiles, as ``evaluate`` computes them; push-pull scores about 0.0033."""
    tiles = data.load_tiles("validation")
    scores = metrics.evaluate(pretrained.load(name), tiles.images, line_masks(len(tiles), seed=0))
    on_card = pretrained.card(name)["validation"]
    assert {k: scores[k] for k in SCORES} == pytest.approx({k: on_card[k] for k in SCORES}, 1e-3)
    # What is trained against a critic gives up nearness for sharpness; it stays nearer than
    # push-pull. What is trained on all masks gives up little on these.
    limits = {
        "gan": 0.0032,
        "wnet": 0.0028,
        "unet_any": 1.05 * pretrained.card("unet")["validation"]["mse"],
    }
    assert scores["mse"] <= limits.get(name, 0.0022)


@pytest.mark.parametrize("position", [0, 5000, -1])
def test_damaged_weights_are_refused_before_they_are_read(position, copied_weights, monkeypatch):
    path = copied_weights / pretrained.card("unet")["weights"]
    content = bytearray(path.read_bytes())
    content[position] ^= 1
    path.write_bytes(content)
    monkeypatch.setattr(keras.Model, "load_weights", lambda *_: pytest.fail("weights were read"))
    with pytest.raises(ValueError, match=rf"{path.name} is damaged.*SHA-256"):
        pretrained.load("unet")


def test_truncated_weights_are_refused(copied_weights):
    path = copied_weights / pretrained.card("unet")["weights"]
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(ValueError, match=f"{path.name} is damaged"):
        pretrained.load("unet")


def test_missing_weights_are_named(copied_weights):
    (copied_weights / pretrained.card("unet")["weights"]).unlink()
    with pytest.raises(FileNotFoundError, match="weights of 'unet', is missing"):
        pretrained.load("unet")


@pytest.mark.parametrize("name", ["u-net", "", "../unet", None])
def test_unknown_names_are_refused(name):
    for function in (pretrained.load, pretrained.card):
        with pytest.raises(ValueError, match="^name "):
            function(name)


def test_any_network_with_a_card_loads(copied_weights, monkeypatch):
    model = models.unet(filters=3, depth=2)
    model.save_weights(copied_weights / "tiny.weights.h5")
    card = {
        "builder": "unet",
        "arguments": {"filters": 3, "depth": 2},
        "weights": "tiny.weights.h5",
        "sha256": pretrained.sha256_of(copied_weights / "tiny.weights.h5"),
    }
    (copied_weights / "tiny.json").write_text(json.dumps(card))
    for loaded, saved in zip(
        pretrained.load("tiny").get_weights(), model.get_weights(), strict=True
    ):
        np.testing.assert_array_equal(loaded, saved)


TINY_STAGES = {"first": {"filters": [4], "blocks": [1]}, "filters": [4, 6], "blocks": [1, 1]}


def random_weights(model, seed):
    random = np.random.default_rng(seed)
    model.set_weights([random.normal(0, 0.1, w.shape) for w in model.get_weights()])
    return model


@pytest.fixture
def shipped_wnet(copied_weights):
    """A W-Net whose second stage is shipped as "wnet", its first as "unet"."""
    model = random_weights(models.wnet(**TINY_STAGES), 0)
    model.get_layer("first_stage").save_weights(copied_weights / "unet.weights.h5")
    model.get_layer("second_stage").save_weights(copied_weights / "wnet.weights.h5")
    digests = [
        pretrained.sha256_of(copied_weights / f"{name}.weights.h5") for name in ("unet", "wnet")
    ]
    first = {
        "name": "unet",
        "builder": "residual_unet",
        "arguments": TINY_STAGES["first"],
        "weights": "unet.weights.h5",
        "sha256": digests[0],
    }
    card = {
        "name": "wnet",
        "builder": "wnet",
        "arguments": TINY_STAGES,
        "weights": "wnet.weights.h5",
        "sha256": digests[1],
        "first_stage": "unet",
        "first_stage_sha256": digests[0],
    }
    for facts in (first, card):
        (copied_weights / f"{facts['name']}.json").write_text(json.dumps(facts))
    return model


@pytest.mark.slow
def test_wnet_loads_behind_the_shipped_first_stage(shipped_wnet, tiles):
    loaded = pretrained.load("wnet")
    for one, other in zip(loaded.get_weights(), shipped_wnet.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    images, masks = (part[:3] for part in tiles)
    masked = images / np.float32(255) * masks
    restored, sharpened = models.wnet_stages(loaded).predict_on_batch([masked, masks])
    first = pretrained.load("unet").predict_on_batch([masked, masks])
    np.testing.assert_allclose(restored, first, atol=1e-6)
    assert abs(sharpened - restored).max() > 1e-3


def test_wnet_behind_another_first_stage_is_refused(shipped_wnet, copied_weights):
    """Both files are whole, but the second stage would correct errors that it never saw."""
    other = random_weights(models.residual_unet(**TINY_STAGES["first"]), 1)
    other.save_weights(copied_weights / "unet.weights.h5")
    card = pretrained.card("unet")
    card["sha256"] = pretrained.sha256_of(copied_weights / "unet.weights.h5")
    (copied_weights / "unet.json").write_text(json.dumps(card))
    pretrained.load("unet")
    with pytest.raises(ValueError, match="^'wnet' was trained behind another 'unet' than"):
        pretrained.load("wnet")


@pytest.mark.parametrize("name", ["unet", "wnet"])
def test_wnet_with_a_damaged_stage_is_refused(name, shipped_wnet, copied_weights):
    path = copied_weights / f"{name}.weights.h5"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ValueError, match=f"{path.name} is damaged"):
        pretrained.load("wnet")


@pytest.mark.slow
def test_inpaint_with_the_shipped_unet(tiles):
    images, masks = (part[:3] for part in tiles)
    restored = ei.inpaint(images, masks)
    model = pretrained.load("unet")
    expected = model.predict_on_batch([images / np.float32(255) * masks, masks])
    assert restored.dtype == np.uint8
    np.testing.assert_allclose(restored / 255, expected, atol=0.5001 / 255)
    np.testing.assert_array_equal(ei.inpaint(images, masks, model="unet"), restored)


@pytest.mark.slow
def test_many_tiles_are_restored_in_bfloat16_where_that_is_faster(tiles, monkeypatch):
    images, masks = (part[:64] for part in tiles)
    exact = inpaint((images / 255).astype(np.float32), masks, pretrained.load("unet"))
    rough = pretrained._load("unet", dtype="mixed_bfloat16")
    monkeypatch.setattr(pretrained, "_fastest", lambda name: rough)
    restored = inpaint((images / 255).astype(np.float32), masks)
    known = np.broadcast_to(masks == 1, images.shape)
    np.testing.assert_array_equal(restored[known], exact[known])
    # Few pixels are far off, ten levels at most on validation tiles; nearly all less than one.
    assert 0 < np.quantile(abs(restored - exact), 0.9999) < 4 / 255
    assert metrics.mse(images / 255, restored).mean() == pytest.approx(
        metrics.mse(images / 255, exact).mean(), rel=2e-3
    )
    fewer = inpaint((images[:63] / 255).astype(np.float32), masks[:63])
    np.testing.assert_allclose(fewer, exact[:63], atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("name", pretrained.names())
def test_either_precision_may_be_the_faster_and_is_measured_once(name, monkeypatch):
    clock = itertools.count()
    slow = {"float32": 5, "mixed_bfloat16": 1}

    def perf_counter():
        # Odd calls end a measurement, of one network and the other in turn.
        number = next(clock)
        return number // 2 * 10 + number % 2 * list(slow.values())[number // 2 % 2]

    monkeypatch.setattr(pretrained, "time", SimpleNamespace(perf_counter=perf_counter))
    for slowest in ("float32", "mixed_bfloat16"):
        slow = {kind: 5 if kind == slowest else 1 for kind in slow}
        pretrained._fastest.cache_clear()
        fastest = pretrained._fastest(name)
        assert pretrained._fastest(name) is fastest
        layer = next(x for x in inner_layers(fastest) if isinstance(x, keras.layers.Conv2D))
        assert (layer.compute_dtype == "float32") == (slowest == "mixed_bfloat16")
    pretrained._fastest.cache_clear()


def inner_layers(model):
    for layer in model.layers:
        yield layer
        if isinstance(layer, keras.Model):
            yield from inner_layers(layer)


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_flips_are_averaged(dtype, tiles, network):
    images, masks = (part[:3] for part in tiles)
    images = images if dtype == np.uint8 else (images / 255).astype(dtype)
    as_floats = images / np.float32(255 if dtype == np.uint8 else 1)
    answers = [
        inpaint(as_floats[:, ::rows, ::columns], masks[:, ::rows, ::columns], network)[
            :, ::rows, ::columns
        ]
        for rows in (1, -1)
        for columns in (1, -1)
    ]
    expected = np.mean(answers, axis=0)
    restored = inpaint(images, masks, network, flips=True)
    assert restored.dtype == dtype
    off = 0.501 if dtype == np.uint8 else 1e-5
    np.testing.assert_allclose(restored, expected * (255 if dtype == np.uint8 else 1), atol=off)
    known = np.broadcast_to(masks == 1, images.shape)
    np.testing.assert_array_equal(restored[known], images[known])


@pytest.mark.slow
def test_flips_lower_the_error_of_the_shipped_unet(tiles):
    images, masks = (part[:64] for part in tiles)
    once, averaged = (inpaint(images / 255, masks, flips=flips) for flips in (False, True))
    assert metrics.mse(images / 255, averaged).mean() < metrics.mse(images / 255, once).mean()


def test_flips_is_true_or_false(tiles, network):
    with pytest.raises(TypeError, match="^flips must be True or False, got 4"):
        inpaint(tiles[0][:1], tiles[1][:1], network, flips=4)


@pytest.mark.parametrize("n", [0, 1, 65])
@pytest.mark.parametrize("dtype", [np.uint8, np.float16, np.float32, np.float64])
def test_inpaint_gives_back_what_it_got(n, dtype, tiles, network):
    images, masks = (part[:n] for part in tiles)
    if dtype != np.uint8:
        images = (images / 255).astype(dtype)
    given = images.copy()
    restored = inpaint(images, masks, network)
    assert restored.shape == images.shape and restored.dtype == dtype
    known = np.broadcast_to(masks == 1, images.shape)
    np.testing.assert_array_equal(restored[known], images[known])
    np.testing.assert_array_equal(images, given)
    if n and dtype == np.float32:
        expected = [
            network.predict_on_batch([images[k : k + 1] * masks[k : k + 1], masks[k : k + 1]])
            for k in range(n)
        ]
        np.testing.assert_allclose(restored, np.concatenate(expected), atol=1e-5)


def test_bytes_are_rounded_to_the_nearest(tiles, network):
    images, masks = (part[:5] for part in tiles)
    as_float = inpaint((images / 255).astype(np.float32), masks, network)
    as_bytes = inpaint(images, masks, network)
    assert abs(as_bytes - 255.0 * as_float).max() < 0.501


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_holes_may_hold_anything(dtype, tiles, network):
    images, masks = (part[:5] for part in tiles)
    images = images if dtype == np.uint8 else (images / 255).astype(dtype)
    whole = inpaint(images, masks, network)
    fillings = [0, 255] if dtype == np.uint8 else [0, 1, np.nan, np.inf, -7]
    for filling in fillings:
        masked = np.where(masks == 1, images, np.array(filling, dtype))
        np.testing.assert_array_equal(inpaint(masked, masks, network), whole)


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int64, np.float64])
def test_masks_may_have_any_dtype(dtype, tiles, network):
    images, masks = (part[:2] for part in tiles)
    restored = inpaint(images, masks.astype(dtype), network)
    np.testing.assert_array_equal(restored, inpaint(images, masks, network))


def test_known_black_pixels_stay_black_in_one_input_networks(tiles):
    """Such a network takes black pixels for holes; the mask knows better."""
    images, masks = np.zeros((1, 64, 64, 3), np.uint8), tiles[1][:1]
    restored = inpaint(images, masks, unet(filters=2, depth=1, mask_input=False))
    assert restored[np.broadcast_to(masks == 1, images.shape)].max() == 0
    assert restored[np.broadcast_to(masks == 0, images.shape)].min() > 0


def test_network_without_a_fixed_size_takes_any_tile():
    masked = keras.Input((None, None, 3))
    network = keras.Model(masked, keras.layers.Conv2D(3, 1, activation="sigmoid")(masked))
    images, masks = np.full((2, 20, 28, 3), 0.5, np.float32), np.zeros((2, 20, 28, 1))
    masks[:, 3] = 1
    assert inpaint(images, masks, network).shape == (2, 20, 28, 3)


@pytest.mark.parametrize("dtype", [np.int64, np.int32, np.uint16, bool, complex, object])
def test_other_dtypes_are_refused(dtype, network):
    with pytest.raises(TypeError, match="^images "):
        inpaint(np.zeros((1, 64, 64, 3), dtype), np.ones((1, 64, 64, 1)), network)


@pytest.mark.parametrize("shape", [(64, 64, 3), (1, 64, 64, 1), (1, 32, 32, 3), (1, 64, 64)])
def test_other_shapes_are_refused(shape, network):
    with pytest.raises(ValueError, match="^images "):
        inpaint(np.zeros(shape, np.uint8), np.ones((1, 64, 64, 1)), network)


@pytest.mark.parametrize("value", [-0.01, 1.01, 200, np.nan, np.inf])
def test_known_pixels_outside_0_to_1_are_refused(value, tiles, network):
    images, masks = tiles[0][:2] / 255, tiles[1][:2]
    place = tuple(np.argwhere(masks[1, ..., 0] == 1)[7])
    images[1][place] = value
    with pytest.raises(ValueError, match="^images "):
        inpaint(images, masks, network)


@pytest.mark.parametrize("value", [0.5, 255, -1, np.nan])
def test_masks_of_other_values_are_refused(value, tiles, network):
    masks = tiles[1][:2].copy()
    masks[1, 3, 4] = value
    with pytest.raises(ValueError, match="^masks "):
        inpaint(tiles[0][:2], masks, network)


@pytest.mark.parametrize("shape", [(2, 64, 64), (1, 64, 64, 1), (2, 64, 64, 3), (2, 32, 32, 1)])
def test_masks_of_other_shapes_are_refused(shape, tiles, network):
    with pytest.raises(ValueError, match="^masks "):
        inpaint(tiles[0][:2], np.ones(shape), network)


def test_what_is_no_model_is_refused(tiles):
    images, masks = (part[:2] for part in tiles)
    with pytest.raises(ValueError, match="^model "):
        inpaint(images, masks, "resnet")
    for model in (None, 3, lambda masked, masks: masked):
        with pytest.raises(TypeError, match="^model "):
            inpaint(images, masks, model)
