"""The networks: their structure, what they promise of their output, and that they can be kept."""

import subprocess
import sys

import keras
import numpy as np
import pytest
from helpers_models import check_output, masked_tiles
from keras import layers

from eurosat_inpaint.compositing import push_pull
from eurosat_inpaint.masks import line_masks
from eurosat_inpaint.metrics import gflop_per_tile
from eurosat_inpaint.models import (
    InpaintingGAN,
    original_unet,
    patch_discriminator,
    residual_unet,
    unet,
    wnet,
    wnet_stages,
)
from eurosat_inpaint.models.unet import depth_to_space, space_to_depth

TINY_RESIDUAL = {"filters": (8, 12), "blocks": (1, 2)}


@pytest.fixture(scope="module")
def original():
    return original_unet()


@pytest.fixture
def bfloat16_policy():
    former = keras.mixed_precision.dtype_policy()
    keras.mixed_precision.set_dtype_policy("mixed_bfloat16")
    yield
    keras.mixed_precision.set_dtype_policy(former)


def test_original_has_the_parameters_of_the_original(original):
    assert original.count_params() == 53_287_363


def test_original_has_the_stages_of_the_original(original):
    for stage, filters in {1: 64, 2: 128, 3: 256, 4: 512}.items():
        for part in ("encoder", "decoder"):
            kernel_sizes = (1, 3, 5) if (part, stage) == ("encoder", 1) else (3, 4, 5)
            convolutions = [original.get_layer(f"{part}_{stage}_{k}") for k in (1, 2, 3)]
            assert [c.filters for c in convolutions] == [filters] * 3
            assert [c.kernel_size for c in convolutions] == [(k, k) for k in kernel_sizes]
            assert {c.activation for c in convolutions} == {keras.activations.relu}
        pooling = original.get_layer(f"encoder_{stage}_pooling")
        assert isinstance(pooling, layers.MaxPooling2D) and pooling.pool_size == (2, 2)
        upsampling = original.get_layer(f"decoder_{stage}_upsampling")
        assert isinstance(upsampling, layers.Conv2DTranspose)
        assert (upsampling.filters, upsampling.kernel_size) == (filters, (2, 2))
        assert upsampling.strides == (2, 2)
        side = 64 // 2 ** (stage - 1)
        skip = original.get_layer(f"decoder_{stage}_skip")
        assert skip.output.shape == (None, side, side, 2 * filters)
    for number in (1, 2):
        bottleneck = original.get_layer(f"bottleneck_{number}")
        assert (bottleneck.filters, bottleneck.kernel_size) == (1024, (3, 3))


def test_original_ends_in_sigmoid_and_the_connected_lambda(original):
    assert [i.shape for i in original.inputs] == [(None, 64, 64, 3)]
    prediction = original.get_layer("prediction")
    assert (prediction.filters, prediction.kernel_size) == (3, (3, 3))
    assert prediction.activation is keras.activations.sigmoid
    assert isinstance(original.layers[-1], layers.Lambda)
    assert original.outputs[0] is original.layers[-1].output


def test_original_takes_other_tiles():
    assert original_unet(16).output_shape == (None, 16, 16, 3)


@pytest.mark.parametrize("depth", [1, 3])
@pytest.mark.parametrize("mask_input", [True, False])
def test_unet_has_the_stages_asked_for(depth, mask_input):
    model = unet(size=32, filters=4, depth=depth, kernel_sizes=(1, 3, 5), mask_input=mask_input)
    poolings = [layer for layer in model.layers if isinstance(layer, layers.MaxPooling2D)]
    upsamplings = [layer for layer in model.layers if isinstance(layer, layers.Conv2DTranspose)]
    assert len(poolings) == len(upsamplings) == depth
    for stage in range(1, depth + 1):
        for part in ("encoder", "decoder"):
            convolutions = [model.get_layer(f"{part}_{stage}_{k}") for k in (1, 2, 3)]
            assert [c.filters for c in convolutions] == [4 * 2 ** (stage - 1)] * 3
            assert [c.kernel_size[0] for c in convolutions] == [1, 3, 5]
    assert model.get_layer("bottleneck_1").filters == 4 * 2**depth
    channels = 4 if mask_input else 3
    assert model.get_layer("encoder_1_1").kernel.shape == (1, 1, channels, 4)


def test_parameters_of_unet_by_hand():
    # Encoder 4 -> 2 -> 2, bottleneck 2 -> 4 -> 4, upsampling 4 -> 2, decoder 4 -> 2 -> 2, output.
    convolutions = [(9, 4, 2), (9, 2, 2), (9, 2, 4), (9, 4, 4), (4, 4, 2), (9, 4, 2), (9, 2, 2)]
    by_hand = sum(k * i * o + o for k, i, o in [*convolutions, (9, 2, 3)])
    assert unet(size=8, filters=2, depth=1).count_params() == by_hand


@pytest.mark.parametrize(
    "model",
    [
        pytest.param(lambda size: unet(size, filters=4, depth=3), id="unet"),
        pytest.param(lambda size: unet(size, filters=4, depth=3, mask_input=False), id="no mask"),
        pytest.param(lambda size: residual_unet(size, **TINY_RESIDUAL), id="residual"),
        pytest.param(
            lambda size: residual_unet(size, dtype="mixed_bfloat16", **TINY_RESIDUAL),
            id="residual in bfloat16",
        ),
    ],
)
@pytest.mark.parametrize("size", [32, 64, 96])
def test_output_is_a_tile_whose_known_pixels_are_untouched(model, size):
    check_output(model(size), size)


@pytest.mark.parametrize("mask_input", [True, False])
def test_known_pixels_are_untouched_under_a_bfloat16_policy(mask_input, bfloat16_policy):
    model = unet(32, filters=4, depth=2, mask_input=mask_input)
    assert model.get_layer("encoder_1_1").compute_dtype == "bfloat16"
    check_output(model, 32)


def test_mask_is_used_where_it_is_an_input():
    """A black pixel that is known stays black only if the mask is looked at."""
    masked, masks = np.zeros((1, 32, 32, 3), np.float32), np.ones((1, 32, 32, 1), np.float32)
    with_mask = unet(32, filters=2, depth=1).predict_on_batch([masked, masks])
    without = unet(32, filters=2, depth=1, mask_input=False).predict_on_batch(masked)
    assert with_mask.max() == 0 and without.min() > 0


@pytest.mark.parametrize("depth", [2, 5])
@pytest.mark.parametrize("size", [63, 70])
def test_size_that_cannot_be_halved_is_refused(size, depth):
    with pytest.raises(ValueError, match=f"^size .*{2**depth}.*{size}"):
        unet(size, filters=2, depth=depth)


@pytest.mark.parametrize(
    "build",
    [lambda: original_unet(72), lambda: residual_unet(66, **TINY_RESIDUAL), lambda: unet(0)],
    ids=["original", "residual", "zero"],
)
def test_every_builder_checks_the_size(build):
    with pytest.raises(ValueError, match="^size "):
        build()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("size", 64.0),
        ("size", -64),
        ("filters", 0),
        ("filters", -16),
        ("filters", 1.5),
        ("depth", 0),
        ("depth", -1),
        ("kernel_sizes", ()),
        ("kernel_sizes", 3),
        ("kernel_sizes", (3, 0)),
    ],
)
def test_unet_names_the_argument_that_is_wrong(name, value):
    with pytest.raises(ValueError, match=rf"^{name}(\[\d\])? "):
        unet(**{name: value})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("filters", ()),
        ("filters", 64),
        ("filters", (8, -8)),
        ("blocks", (1,)),
        ("blocks", (1, 1, 1)),
        ("blocks", (1, 0)),
    ],
)
def test_residual_unet_names_the_argument_that_is_wrong(name, value):
    with pytest.raises(ValueError, match=rf"^{name}(\[\d\])? "):
        residual_unet(**(TINY_RESIDUAL | {name: value}))


@pytest.mark.parametrize("dtype", ["float32", "mixed_bfloat16"])
def test_untrained_residual_unet_is_push_pull(dtype):
    masked, masks = masked_tiles()
    masked = np.where(masks == 1, 0.1 + 0.8 * masked, 0).astype(np.float32)
    model = residual_unet(dtype=dtype, **TINY_RESIDUAL)
    restored = model.predict_on_batch([masked, masks])
    np.testing.assert_allclose(restored, push_pull(masked, masks), atol=1e-5)


def test_fill_of_black_and_white_stays_finite():
    """The logit of 0 and 1 is infinite; the fill is kept off them."""
    masks = line_masks(2, size=32)
    masked = np.stack([np.zeros((32, 32, 3)), np.ones((32, 32, 3))]).astype(np.float32) * masks
    restored = residual_unet(32, **TINY_RESIDUAL).predict_on_batch([masked, masks])
    assert restored[0].max() <= 1.001e-3 and restored[1].min() >= 1 - 1.001e-3


def test_depth_to_space_inverts_space_to_depth():
    features = np.random.default_rng(0).random((2, 8, 12, 3), np.float32)
    deep = keras.ops.convert_to_numpy(space_to_depth(features))
    assert deep.shape == (2, 4, 6, 12)
    # Each coarse pixel holds its four fine ones.
    np.testing.assert_array_equal(deep[1, 2, 3], features[1, 4:6, 6:8].ravel())
    back = keras.ops.convert_to_numpy(depth_to_space(deep))
    np.testing.assert_array_equal(back, features)


LOAD_IN_A_FRESH_PROCESS = """
import sys
import keras, numpy as np
import eurosat_inpaint.compositing
for name in sys.argv[2:]:
    inputs = np.load(f"{sys.argv[1]}/inputs.npz")
    model = keras.saving.load_model(f"{sys.argv[1]}/{name}.keras")
    given = [inputs["masked"], inputs["masks"]] if len(model.inputs) == 2 else inputs["masked"]
    np.save(f"{sys.argv[1]}/{name}.npy", model.predict_on_batch(given))
"""


@pytest.mark.slow
def test_saved_models_load_in_a_fresh_process_in_safe_mode(tmp_path):
    masked, masks = masked_tiles(32)
    np.savez(tmp_path / "inputs.npz", masked=masked, masks=masks)
    networks = {
        "classical": unet(32, filters=4, depth=2),
        "one_input": unet(32, filters=4, depth=2, mask_input=False),
        "residual": residual_unet(32, **TINY_RESIDUAL),
        "two_stages": wnet(32, first=TINY_RESIDUAL, filters=(4,), blocks=(1,)),
    }
    # The correction of a new residual network is zero, whatever its other layers hold.
    stages = [networks["two_stages"].get_layer(f"{name}_stage") for name in ("first", "second")]
    for network in (networks["residual"], *stages):
        layer = network.get_layer("correction")
        layer.set_weights([np.full(w.shape, 0.01, np.float32) for w in layer.get_weights()])
    for name, model in networks.items():
        model.save(tmp_path / f"{name}.keras")
    subprocess.run(
        [sys.executable, "-c", LOAD_IN_A_FRESH_PROCESS, str(tmp_path), *networks],
        check=True,
        timeout=120,
    )
    for name, model in networks.items():
        restored = model.predict_on_batch([masked, masks] if len(model.inputs) == 2 else masked)
        np.testing.assert_allclose(np.load(tmp_path / f"{name}.npy"), restored, atol=1e-6)


def test_weights_saved_under_bfloat16_load_in_float32_identically(tmp_path):
    in_bfloat16 = residual_unet(32, dtype="mixed_bfloat16", **TINY_RESIDUAL)
    in_float32 = residual_unet(32, **TINY_RESIDUAL)
    in_bfloat16.save_weights(tmp_path / "tiny.weights.h5")
    in_float32.load_weights(tmp_path / "tiny.weights.h5")
    saved, loaded = in_bfloat16.get_weights(), in_float32.get_weights()
    assert len(saved) == len(loaded)
    for one, other in zip(saved, loaded, strict=True):
        assert one.dtype == other.dtype == np.float32
        np.testing.assert_array_equal(one, other)


def test_unet_weights_saved_under_a_bfloat16_policy_load_in_float32(tmp_path, bfloat16_policy):
    in_bfloat16 = unet(32, filters=2, depth=2)
    in_bfloat16.save_weights(tmp_path / "tiny.weights.h5")
    keras.mixed_precision.set_dtype_policy("float32")
    in_float32 = unet(32, filters=2, depth=2)
    in_float32.load_weights(tmp_path / "tiny.weights.h5")
    for one, other in zip(in_bfloat16.get_weights(), in_float32.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(
    "model", [None, 3, keras.Sequential(), unet], ids=["None", "3", "unbuilt", "builder"]
)
def test_what_is_no_network_is_refused_by_name(model):
    sound = residual_unet(16, **TINY_RESIDUAL), patch_discriminator(16, filters=(2, 2))
    for networks, role in (((model, sound[1]), "generator"), ((sound[0], model), "discriminator")):
        with pytest.raises(TypeError, match=f"^{role} must be a Keras model"):
            InpaintingGAN(*networks)
    with pytest.raises(TypeError, match="^model must be a W-Net"):
        wnet_stages(model)
    with pytest.raises(TypeError, match="^model must be a Keras model"):
        gflop_per_tile(model)


@pytest.mark.parametrize("first", [3, (8, 12), "unet"])
def test_wnet_refuses_another_first_stage(first):
    with pytest.raises(TypeError, match="^first must be a dictionary"):
        wnet(16, first=first)
