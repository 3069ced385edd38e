"""Compositing and push-pull: known pixels stay, holes are filled, and saved models load."""

import itertools
import subprocess
import sys

import keras
import ml_dtypes
import numpy as np
import pytest
from keras import ops

from eurosat_inpaint.compositing import composite, composite_layer, push_pull, push_pull_layer
from eurosat_inpaint.masks import line_masks


@pytest.fixture
def tiles():
    return np.random.default_rng(0).random((4, 64, 64, 3), np.float32)


@pytest.fixture
def prediction():
    return np.random.default_rng(1).random((4, 64, 64, 3), np.float32)


@pytest.fixture
def mask():
    return line_masks(4)


@pytest.fixture
def bfloat16_policy():
    former = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    yield
    keras.config.set_dtype_policy(former)


def assert_is_the_composite(whole, masked, prediction, mask):
    expected = np.where(mask == 1, masked, prediction)
    np.testing.assert_array_equal(ops.convert_to_numpy(whole), expected, strict=True)


# composite


def test_composite_without_and_with_the_mask(tiles, prediction, mask):
    masked = tiles * mask
    for whole in (composite(masked, prediction), composite(masked, prediction, mask)):
        assert isinstance(whole, np.ndarray)
        assert_is_the_composite(whole, masked, prediction, mask)


def test_composite_of_tensors_is_a_tensor(tiles, prediction, mask):
    masked, prediction = ops.convert_to_tensor(tiles * mask), ops.convert_to_tensor(prediction)
    for whole in (composite(masked, prediction), composite(masked, prediction, mask)):
        assert ops.is_tensor(whole)
        assert_is_the_composite(whole, *map(ops.convert_to_numpy, (masked, prediction, mask)))


@pytest.mark.parametrize("dtype", ["uint8", "float16", "float32", "float64"])
@pytest.mark.parametrize("mask_dtype", ["bool", "uint8", "float32"])
def test_composite_keeps_the_type_and_takes_masks_of_any(
    tiles, prediction, mask, dtype, mask_dtype
):
    tiles, prediction = (100 * tiles + 1).astype(dtype), (100 * prediction).astype(dtype)
    masked = tiles * mask.astype(dtype)
    whole = composite(masked, prediction, mask.astype(mask_dtype))
    assert_is_the_composite(whole, masked, prediction, mask)


INTEGERS = ["bool", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64"]
FLOATS = ["float16", "bfloat16", "float32", "float64"]
OTHER_BYTES = [">i8", ">f4", ">f8"]


def of_any_bits(dtype, seed):
    """Numbers of arbitrary bits: -0.0, NaN of any payload and the largest integers among them."""
    dtype = np.dtype(ml_dtypes.bfloat16 if dtype == "bfloat16" else dtype)
    shape = (2, 8, 8, 3, dtype.itemsize)
    content = np.random.default_rng(seed).integers(0, 256, shape, np.uint8)
    if dtype.kind == "b":
        content %= 2
    return content.view(dtype)[..., 0].copy()


@pytest.mark.parametrize("given", [np.asarray, ops.convert_to_tensor], ids=["array", "tensor"])
@pytest.mark.parametrize("dtype", [*INTEGERS, *FLOATS, *OTHER_BYTES])
def test_known_pixels_are_kept_bit_by_bit_in_every_dtype(dtype, given):
    masked, prediction = of_any_bits(dtype, 0), of_any_bits(dtype, 1)
    mask = np.random.default_rng(2).random((2, 8, 8, 1)) < 0.5
    known = np.broadcast_to(mask, masked.shape)
    if given is ops.convert_to_tensor:
        masked, prediction = (x.astype(x.dtype.newbyteorder("=")) for x in (masked, prediction))
        if dtype == "uint64":
            with pytest.raises(TypeError, match="^masked must not be uint64: this Keras backend"):
                composite(given(masked), given(prediction), mask)
            return
    whole = composite(given(masked), given(prediction), mask)
    whole = whole if given is np.asarray else ops.convert_to_numpy(whole)
    assert whole.dtype == masked.dtype
    assert whole[known].tobytes() == masked[known].tobytes()
    assert whole[~known].tobytes() == prediction[~known].tobytes()


@pytest.mark.parametrize("given", [np.asarray, ops.convert_to_tensor], ids=["array", "tensor"])
@pytest.mark.parametrize(
    "dtypes",
    [pair for pair in itertools.permutations([*INTEGERS, *FLOATS[::3]], 2) if {*pair} - {*FLOATS}],
)
def test_dtypes_of_which_none_holds_both_are_refused(dtypes, given):
    one, other = (given(np.ones((1, 2, 2, 3), dtype)) for dtype in dtypes)
    with pytest.raises(TypeError, match="masked and prediction must be of one dtype"):
        composite(one, other, np.ones((1, 2, 2, 1)))


@pytest.mark.parametrize("dtypes", [*itertools.permutations(["float16", "float32", "float64"], 2)])
@pytest.mark.parametrize("given", [np.asarray, ops.convert_to_tensor], ids=["array", "tensor"])
def test_the_wider_of_two_floats_holds_the_known_pixels(dtypes, given):
    masked, prediction = (np.random.default_rng(0).random((2, 8, 8, 3)).astype(d) for d in dtypes)
    mask = np.random.default_rng(2).random((2, 8, 8, 1)) < 0.5
    whole = ops.convert_to_numpy(composite(given(masked), given(prediction), mask))
    assert_is_the_composite(whole, masked, prediction, mask)


@pytest.mark.parametrize("dtype", ["complex64", "object", "str"])
def test_what_is_no_real_number_is_refused(dtype):
    tiles = np.ones((1, 2, 2, 3))
    for arguments, name in (
        ((tiles.astype(dtype), tiles), "masked"),
        ((tiles, tiles.astype(dtype)), "prediction"),
        ((tiles, tiles, tiles[..., :1].astype(dtype)), "mask"),
    ):
        with pytest.raises(TypeError, match=f"^{name} must be an array of real numbers"):
            composite(*arguments)


@pytest.mark.parametrize("colour", [(0, 5, 7), (5, 0, 7), (5, 7, 0), (0, 0, 7)])
def test_a_pixel_that_is_zero_in_some_channels_is_no_hole(colour):
    masked = np.zeros((1, 2, 2, 3), np.float32)
    masked[0, 0, 1] = colour
    whole = composite(masked, np.full_like(masked, 9))
    assert whole[0, 0, 1].tolist() == list(colour)
    assert (whole[0].reshape(4, 3)[[0, 2, 3]] == 9).all()


def test_a_known_black_pixel_is_kept_where_the_mask_says_so():
    black = np.zeros((1, 1, 1, 3), np.float32)
    white = np.ones_like(black)
    known = np.ones((1, 1, 1, 1), np.float32)
    assert composite(black, white, known).tolist() == black.tolist()
    assert composite(black, white).tolist() == white.tolist()


def test_what_the_prediction_says_of_known_pixels_does_not_matter(tiles, prediction, mask):
    masked = tiles * mask
    wild = np.where(mask == 1, np.float32("nan"), prediction)
    np.testing.assert_array_equal(
        composite(masked, wild, mask), composite(masked, prediction, mask)
    )


# The layer


def composited(masked, prediction, mask=None):
    """Model with the Lambda at its end, applied."""
    given = [masked, prediction] if mask is None else [masked, prediction, mask]
    inputs = [keras.Input(array.shape[1:]) for array in given]
    return keras.Model(inputs, composite_layer()(inputs)).predict(given, verbose=0)


@pytest.mark.parametrize("policy", [None, "bfloat16_policy"])
def test_layer_keeps_known_pixels_whatever_the_policy(tiles, prediction, mask, policy, request):
    if policy:
        request.getfixturevalue(policy)
    masked = tiles * mask
    for arguments in ((masked, prediction), (masked, prediction, mask)):
        assert_is_the_composite(composited(*arguments), masked, prediction, mask)


def small_model(mask_input):
    """A network whose convolution runs in the current policy, with both Lambdas."""
    masked, mask = keras.Input((64, 64, 3)), keras.Input((64, 64, 1))
    filled = push_pull_layer()([masked, mask])
    prediction = keras.layers.Conv2D(3, 3, padding="same", activation="sigmoid")(filled)
    known = [masked, prediction, mask] if mask_input else [masked, prediction]
    return keras.Model([masked, mask], composite_layer()(known))


@pytest.mark.slow
@pytest.mark.parametrize("mask_input", [True, False])
def test_network_in_bfloat16_keeps_known_pixels(tiles, mask, bfloat16_policy, mask_input):
    masked = tiles * mask
    model = small_model(mask_input)
    restored = model.predict([masked, mask], verbose=0)
    known = np.broadcast_to(mask == 1, masked.shape)
    assert "bfloat16" in {layer.compute_dtype for layer in model.layers}
    assert restored.dtype == np.float32
    np.testing.assert_array_equal(restored[known], masked[known])
    assert (restored[~known] != 0).all()


def test_push_pull_layer_is_push_pull_in_float32_whatever_the_policy(tiles, mask, bfloat16_policy):
    inputs = [keras.Input((64, 64, 3)), keras.Input((64, 64, 1))]
    filled = keras.Model(inputs, push_pull_layer()(inputs)).predict([tiles * mask, mask], verbose=0)
    np.testing.assert_allclose(filled, push_pull(tiles * mask, mask), atol=1e-6, rtol=0)


@pytest.mark.slow
def test_saved_models_load_in_a_fresh_process_in_safe_mode(tiles, mask, tmp_path):
    masked = tiles * mask
    np.savez(tmp_path / "given.npz", masked=masked, mask=mask)
    for mask_input in (False, True):
        model = small_model(mask_input)
        model.save(tmp_path / f"model_{mask_input}.keras")
        np.save(tmp_path / f"restored_{mask_input}.npy", model.predict([masked, mask], verbose=0))
    script = """
import sys, keras, numpy as np
import eurosat_inpaint.compositing
given = np.load("given.npz")
for mask_input in (False, True):
    model = keras.saving.load_model(f"model_{mask_input}.keras")
    restored = model.predict([given["masked"], given["mask"]], verbose=0)
    np.testing.assert_array_equal(restored, np.load(f"restored_{mask_input}.npy"))
"""
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


# push_pull


def fill_with_loops(colours, weights):
    """Push-pull of one level, pixel by pixel: ``colours`` count with their ``weights``."""
    height, width = weights.shape
    if height == width == 1:
        return colours
    coarse_colours = np.zeros(((height + 1) // 2, (width + 1) // 2, colours.shape[-1]))
    coarse_weights = np.zeros(coarse_colours.shape[:2])
    for row, column in np.ndindex(coarse_weights.shape):
        under = np.s_[2 * row : 2 * row + 2, 2 * column : 2 * column + 2]
        coarse_weights[row, column] = weights[under].mean()
        if weights[under].any():
            total = (colours[under] * weights[under][..., None]).sum(axis=(0, 1))
            coarse_colours[row, column] = total / weights[under].sum()
    coarse = fill_with_loops(coarse_colours, coarse_weights)
    filled = np.zeros_like(colours)
    for row, column in np.ndindex(weights.shape):
        top, bottom, down = neighbours(row, height, len(coarse))
        left, right, across = neighbours(column, width, coarse.shape[1])
        above = (1 - across) * coarse[top, left] + across * coarse[top, right]
        below = (1 - across) * coarse[bottom, left] + across * coarse[bottom, right]
        trust = min(4 * weights[row, column], 1)
        guess = (1 - down) * above + down * below
        filled[row, column] = trust * colours[row, column] + (1 - trust) * guess
    return filled


def neighbours(index, side, coarse_side):
    """The two coarse pixels whose centres lie around that of a fine one, and where between."""
    place = (index + 0.5) * coarse_side / side - 0.5
    place = min(max(place, 0), coarse_side - 1)
    return int(place), min(int(place) + 1, coarse_side - 1), place - int(place)


@pytest.mark.parametrize("shape", [(8, 8, 3), (7, 5, 3), (16, 6, 3), (1, 9, 3), (13, 13, 1)])
def test_push_pull_is_what_plain_loops_compute(shape):
    generator = np.random.default_rng(2)
    masked = generator.random((3, *shape), np.float32)
    mask = (generator.random((3, *shape[:2], 1)) < 0.2).astype(np.float32)
    mask[:, 0, 0] = 1
    filled = push_pull(masked * mask, mask)
    assert filled.shape == masked.shape and filled.dtype == np.float32
    for tile, of_tile, expected in zip(masked, mask, filled, strict=True):
        loops = fill_with_loops((tile * of_tile).astype(float), of_tile[..., 0].astype(float))
        np.testing.assert_allclose(expected, loops, atol=1e-5, rtol=0)


@pytest.mark.parametrize("shape", [(64, 64), (63, 64), (48, 80), (5, 3)])
def test_push_pull_keeps_known_pixels_and_stays_within_their_range(shape):
    generator = np.random.default_rng(3)
    tiles = generator.random((4, *shape, 3), np.float32)
    mask = (generator.random((4, *shape, 1)) < 0.3).astype(np.float32)
    mask[:, 0, 0] = 1
    filled = push_pull(tiles * mask, mask)
    known = np.broadcast_to(mask == 1, tiles.shape)
    np.testing.assert_array_equal(filled[known], tiles[known])
    for channels, of_tile, whole in zip(tiles, mask[..., 0] == 1, filled, strict=True):
        low, high = channels[of_tile].min(axis=0), channels[of_tile].max(axis=0)
        assert (whole >= low - 1e-6).all() and (whole <= high + 1e-6).all()


@pytest.mark.parametrize("colour", [(0.3, 0.5, 0.7), (0.0, 1.0, 1e-3)])
def test_push_pull_restores_a_constant_tile(mask, colour):
    tiles = np.broadcast_to(np.float32(colour), (4, 64, 64, 3))
    np.testing.assert_allclose(push_pull(tiles * mask, mask), tiles, atol=1e-6, rtol=0)


@pytest.mark.parametrize("garbage", [1.0, -1e30, np.nan, np.inf])
def test_push_pull_ignores_what_stands_in_the_holes(tiles, mask, garbage):
    expected = push_pull(tiles * mask, mask)
    dirty = np.where(mask == 1, tiles, np.float32(garbage))
    np.testing.assert_array_equal(push_pull(dirty, mask), expected)


def test_push_pull_of_a_tile_does_not_depend_on_the_others(tiles, mask):
    together = push_pull(tiles * mask, mask)
    alone = push_pull(tiles[2:3] * mask[2:3], mask[2:3])
    np.testing.assert_allclose(together[2:3], alone, atol=1e-6, rtol=0)


def test_push_pull_of_a_tile_of_which_nothing_is_known_is_black(tiles, mask):
    nothing = mask.copy()
    nothing[1] = 0
    filled = push_pull(tiles * nothing, nothing)
    assert (filled[1] == 0).all()
    np.testing.assert_allclose(filled[0], push_pull(tiles * mask, mask)[0], atol=1e-6, rtol=0)


def test_push_pull_of_tensors_is_a_tensor(tiles, mask):
    expected = push_pull(tiles * mask, mask)
    filled = push_pull(ops.convert_to_tensor(tiles * mask), ops.convert_to_tensor(mask))
    assert ops.is_tensor(filled)
    np.testing.assert_array_equal(ops.convert_to_numpy(filled), expected)


@pytest.mark.parametrize(("dtype", "scale"), [("uint8", 255), ("float16", 1), ("float64", 1)])
def test_push_pull_takes_other_types(tiles, mask, dtype, scale):
    tiles = (scale * tiles).astype(dtype)
    filled = push_pull(tiles * mask.astype(dtype), mask.astype(bool))
    assert filled.dtype == np.float32
    np.testing.assert_array_equal(filled, push_pull(tiles.astype(np.float32) * mask, mask))


def test_push_pull_beats_the_mean_of_the_known_pixels_on_smooth_tiles(mask):
    ramp = np.linspace(0, 1, 64, dtype=np.float32)
    tiles = np.broadcast_to(ramp[:, None, None] * ramp[:, None], (4, 64, 64, 3))
    filled = push_pull(tiles * mask, mask)
    means = (tiles * mask).sum((1, 2), keepdims=True) / mask.sum((1, 2), keepdims=True)
    flat = np.where(mask == 1, tiles, means)
    assert ((filled - tiles) ** 2).mean() < 0.2 * ((flat - tiles) ** 2).mean()


# Bad input


def bad_masks(mask):
    yield "a half-known pixel", np.where(mask == 1, np.float32(0.5), mask)
    yield "0 and 255", 255 * mask
    yield "-1 and 1", 2 * mask - 1
    yield "NaN", np.where(mask == 1, np.float32("nan"), mask)


def misshapen(mask):
    yield "no channel axis", mask[..., 0]
    yield "three channels", np.repeat(mask, 3, axis=-1)
    yield "another size", mask[:, :32]
    yield "another number", mask[:3]
    yield "only one", mask[:1]
    yield "a single mask", mask[0]


@pytest.mark.parametrize("fill", ["composite", "push_pull"])
def test_a_bad_mask_is_refused(tiles, prediction, mask, fill):
    masked = tiles * mask

    def use(mask):
        return (
            push_pull(masked, mask) if fill == "push_pull" else composite(masked, prediction, mask)
        )

    for _, bad in bad_masks(mask):
        with pytest.raises(ValueError, match="^mask "):
            use(bad)
    for _, bad in misshapen(mask):
        with pytest.raises(ValueError, match="^mask "):
            use(bad)
        with pytest.raises(ValueError, match="^mask "):
            use(ops.convert_to_tensor(bad))
    with pytest.raises(TypeError, match="^mask "):
        use(mask.tolist())


def test_a_prediction_of_another_shape_is_refused(tiles, prediction, mask):
    for bad in (prediction[:1], prediction[:, :32], prediction[..., :1], prediction[0]):
        with pytest.raises(ValueError, match="^prediction "):
            composite(tiles * mask, bad)
    with pytest.raises(TypeError, match="^prediction "):
        composite(tiles * mask, None)


def test_tiles_that_are_no_batch_are_refused(tiles, mask):
    with pytest.raises(ValueError, match="^masked "):
        push_pull(tiles[0], mask[0])
    for function in (push_pull, composite):
        with pytest.raises(TypeError, match="^masked "):
            function([tiles], mask)
