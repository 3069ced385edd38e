"""Arrays of every kind, in every public function that takes tiles: taken alike, or refused by name.

Alike: read-only, mapped from a file, with gaps, backwards, in Fortran's order, of other bytes.
"""

import re
import warnings
from pathlib import Path

import numpy as np
import pytest

from eurosat_inpaint import baselines, masks, metrics, models, pretrained
from eurosat_inpaint.compositing import composite, push_pull
from eurosat_inpaint.data import synthetic_tiles

pytestmark = pytest.mark.slow

SIDE, COUNT = 64, 3


def features(of_tiles):
    return np.float64(of_tiles)[:, ::16, ::16].reshape(len(of_tiles), -1)


# Of each function its arguments by name, and how it is called.
FUNCTIONS = {
    "inpaint": (("images", "masks"), lambda **given: pretrained.inpaint(**given, model=network())),
    "restore_in_batches": (
        ("masked", "masks"),
        lambda **given: pretrained.restore_in_batches(network(), **given),
    ),
    "composite": (("masked", "prediction", "mask"), composite),
    "push_pull": (("masked", "mask"), push_pull),
    **{f"fill {name}": (("masked", "mask"), fill) for name, fill in baselines.FILLS.items()},
    "mse": (("tiles", "restored", "masks"), metrics.mse),
    "mae": (("tiles", "restored", "masks"), metrics.mae),
    "psnr": (("tiles", "restored", "masks"), metrics.psnr),
    "ssim": (("tiles", "restored", "masks"), metrics.ssim),
    "accuracy": (("tiles", "restored"), metrics.channel_argmax_accuracy),
    "gradient_sums": (("images", "masks"), metrics.gradient_sums),
    "gradient_ratio": (("tiles", "restored", "masks"), metrics.gradient_ratio),
    "radial_power": (("images",), metrics.radial_power),
    "distances_to_known": (("masks",), metrics.distances_to_known),
    "beyond_outermost_lines": (("masks",), metrics.beyond_outermost_lines),
    "mean_error_by_distance": (
        ("squared_errors", "masks", "edges"),
        metrics.mean_error_by_distance,
    ),
    "mean_error_map": (("squared_errors", "masks"), metrics.mean_error_map),
    "bootstrap_interval": (("values", "weights"), metrics.bootstrap_interval),
    "paired_difference": (("first", "second", "weights"), metrics.paired_difference),
    "kernel_distance": (("tiles", "restored"), metrics.kernel_distance),
    "land_cover_agreement": (
        ("tiles", "restored"),
        lambda **given: metrics.land_cover_agreement(classifier(), **given),
    ),
    "land_cover_features": (
        ("images",),
        lambda **given: metrics.land_cover_features(classifier(), **given),
    ),
    "evaluate": (("images", "masks"), lambda **given: metrics.evaluate(grey, **given)),
    "score_tiles": (("images", "masks"), lambda **given: metrics.score_tiles(grey, **given)),
    "coverage": (("masks",), masks.coverage),
}
TENSORS_TOO = ("composite", "push_pull")
_built = {}


def network():
    return _built.setdefault("network", models.unet(SIDE, filters=2, depth=1))


def classifier():
    return _built.setdefault("classifier", models.classifier(SIDE))


def grey(masked, mask):
    return np.where(mask == 1, masked, np.float32(0.5))


def sound_arguments(function):
    tiles = synthetic_tiles(COUNT, seed=3)[0] / np.float32(255)
    drawn = masks.line_masks(COUNT, seed=3)
    scores = np.linspace(0, 1, 5)
    every = {
        "images": tiles,
        "tiles": tiles,
        "masked": tiles * drawn,
        "prediction": tiles[::-1].copy(),
        "restored": tiles[::-1].copy(),
        "masks": drawn,
        "mask": drawn,
        "squared_errors": tiles[..., 0] ** 2,
        "edges": np.array([1.0, 2.0, 5.0]),
        "values": scores,
        "first": scores,
        "second": scores[::-1].copy(),
        "weights": scores + 1,
    }
    if function == "kernel_distance":
        every |= {name: features(every[name]) for name in ("tiles", "restored")}
    return {name: every[name] for name in FUNCTIONS[function][0]}


def call(function, arguments):
    return FUNCTIONS[function][1](**arguments)


def read_only(array, _):
    array = array.copy()
    array.flags.writeable = False
    return array


def mapped(array, folder):
    path = Path(folder) / f"{len([*Path(folder).iterdir()])}.npy"
    np.save(path, array)
    return np.load(path, mmap_mode="r")


def with_gaps(array, _):
    wide = np.zeros((*array.shape[:-1], 2 * array.shape[-1]), array.dtype)
    wide[..., ::2] = array
    return wide[..., ::2]


SAME_NUMBERS = {
    "read-only": read_only,
    "mapped from a file": mapped,
    "with gaps": with_gaps,
    "backwards": lambda array, _: array[::-1].copy()[::-1],
    "in Fortran's order": lambda array, _: np.asfortranarray(array),
    "of other bytes": lambda array, _: array.astype(array.dtype.newbyteorder(">")),
    "float64": lambda array, _: array.astype(np.float64),
}


def assert_alike(found, expected):
    if isinstance(expected, dict):
        assert list(found) == list(expected)
        found, expected = [*found.values()], [*expected.values()]
        for one, other in zip(found, expected, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-5)
        return
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("kind", SAME_NUMBERS)
@pytest.mark.parametrize(
    "function",
    [pytest.param(f, marks=[pytest.mark.slow] * f.startswith("land_cover")) for f in FUNCTIONS],
)
def test_the_same_numbers_in_another_guise_give_the_same(function, kind, tmp_path):
    arguments = sound_arguments(function)
    expected = call(function, {name: array.copy() for name, array in arguments.items()})
    given = {name: SAME_NUMBERS[kind](array, tmp_path) for name, array in arguments.items()}
    assert_alike(call(function, given), expected)
    for name, array in arguments.items():
        np.testing.assert_array_equal(given[name], array)


@pytest.mark.parametrize("dtype", [bool, np.int8, np.uint8, np.int64, np.float16, ">f8"])
@pytest.mark.parametrize(
    "function", [name for name, (names, _) in FUNCTIONS.items() if {"mask", "masks"} & {*names}]
)
def test_masks_of_every_dtype_are_taken(function, dtype):
    arguments = sound_arguments(function)
    expected = call(function, arguments)
    name = "masks" if "masks" in arguments else "mask"
    assert_alike(call(function, arguments | {name: arguments[name].astype(dtype)}), expected)


def with_value(value):
    def damage(array):
        array = array.copy()
        array.reshape(-1)[-1] = value
        return array

    return damage


NO_NUMBERS = {
    "None": lambda array: None,
    "word": lambda array: "tiles",
    "words": lambda array: np.full(array.shape, "a"),
    "objects": lambda array: array.astype(object),
    "complex": lambda array: array.astype(complex),
    "masked array": lambda array: np.ma.masked_array(array),
    "dates": lambda array: np.zeros(array.shape, "M8[s]"),
    "uneven lists": lambda array: [[1.0, 2.0], [1.0]],
    "dictionary": lambda array: {"tiles": array},
}
OTHER_SHAPES = {
    "scalar": lambda array: np.float32(0.5),
    "no first axis": lambda array: array[0],
    "one axis more": lambda array: array[None],
    "none of them": lambda array: array[:0],
}
MASK_FAULTS = {
    "0 and 255": (lambda mask: 255 * mask.astype(np.uint8), "0 .hole. and 1 .known.*> 127"),
    "half": (with_value(0.5), "0 .hole. and 1 .known"),
    "NaN": (with_value(np.nan), "0 .hole. and 1 .known"),
    "-1": (with_value(-1), "0 .hole. and 1 .known"),
    "no channel axis": (lambda mask: mask[..., 0], r"shape .*1\).*\[\.\.\., None\]"),
    "three channels": (lambda mask: mask.repeat(3, axis=-1), "shape"),
}


def every_argument(functions=FUNCTIONS):
    return [(function, name) for function in functions for name in FUNCTIONS[function][0]]


@pytest.mark.parametrize("kind", [*NO_NUMBERS, *OTHER_SHAPES])
@pytest.mark.parametrize(("function", "name"), every_argument())
def test_what_is_no_array_of_that_shape_is_refused_by_name(function, name, kind):
    if kind == "None" and name in ("weights", "masks", "mask"):
        if function in ("mse", "mae", "psnr", "ssim", "composite") or name == "weights":
            return  # May be left out.
    arguments = sound_arguments(function)
    if kind == "none of them" and function in TENSORS_TOO + ("coverage", "inpaint"):
        arguments = {each: array[:0] for each, array in arguments.items()}
        assert len(call(function, arguments)) == 0
        return
    arguments[name] = (NO_NUMBERS | OTHER_SHAPES)[kind](arguments[name])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises((TypeError, ValueError)) as caught:
            call(function, arguments)
    # Where shapes differ, either argument may be the one that is named.
    others = "|".join(map(re.escape, arguments)) if kind in OTHER_SHAPES else re.escape(name)
    assert re.match(rf"(what )?({others})\b", str(caught.value)), str(caught.value)


@pytest.mark.parametrize("fault", MASK_FAULTS)
@pytest.mark.parametrize(
    ("function", "name"), [pair for pair in every_argument() if pair[1] in ("mask", "masks")]
)
def test_wrong_masks_are_refused_and_say_what_helps(function, name, fault):
    damage, message = MASK_FAULTS[fault]
    arguments = sound_arguments(function)
    arguments[name] = damage(arguments[name])
    with pytest.raises(ValueError, match=f"^{name} must .*{message}"):
        call(function, arguments)


@pytest.mark.parametrize("function", ["inpaint", "evaluate", "score_tiles", "distances_to_known"])
def test_a_mask_without_known_pixels_is_named(function):
    arguments = sound_arguments(function)
    arguments["masks"][1] = 0
    with pytest.raises(ValueError, match=r"at least one known pixel, not so masks\[1\]"):
        call(function, arguments)


@pytest.mark.parametrize("fill", baselines.FILLS)
def test_a_mask_without_known_pixels_is_named_by_fills(fill):
    arguments = sound_arguments(f"fill {fill}")
    arguments["mask"][2] = 0
    with pytest.raises(ValueError, match=r"at least one known pixel, not so mask\[2\]"):
        call(f"fill {fill}", arguments)


@pytest.mark.parametrize("value", [np.nan, np.inf, -0.01, 1.01, 255])
@pytest.mark.parametrize(
    ("function", "name"),
    [
        pair
        for pair in every_argument()
        if pair[1] in ("images", "tiles", "restored", "masked", "squared_errors")
        and pair[0] not in (*TENSORS_TOO, "kernel_distance")
    ],
)
def test_values_outside_0_to_1_are_refused_by_name(function, name, value):
    arguments = sound_arguments(function)
    # Holes of masked tiles may hold anything, so all pixels get the value.
    arguments[name] = np.full_like(arguments[name], value)
    with pytest.raises(ValueError, match=f"^{name} must lie in"):
        call(function, arguments)


@pytest.mark.parametrize("sides", [(10, 64), (64, 10), (7, 7), (1, 1)])
def test_tiles_smaller_than_a_window_of_ssim_are_refused_with_its_size(sides):
    tiles, drawn = np.full((2, *sides, 3), 0.5), np.zeros((2, *sides, 1))
    drawn[:, 0] = 1
    if sides == (1, 1):
        drawn[:] = 0
    with pytest.raises(ValueError, match="^tiles must have sides of at least 11 pixels"):
        metrics.ssim(tiles, tiles, drawn)
    with pytest.raises(ValueError, match="^images must have sides of at least 11 pixels"):
        metrics.evaluate(grey, tiles, drawn)


def test_eleven_pixels_are_enough_for_ssim():
    tiles = np.full((2, 11, 11, 3), 0.5)
    np.testing.assert_allclose(metrics.ssim(tiles, tiles), 1)


# Small integers of NumPy: np.int8(64) * 2 is -128


@pytest.mark.parametrize("integer", [np.int8, np.uint8, np.int16, np.uint64])
@pytest.mark.parametrize(
    ("build", "settings"),
    [
        (models.unet, {"size": 32, "filters": 16, "depth": 4, "kernel_sizes": (3, 3)}),
        (models.unet, {"size": 64, "filters": 64, "depth": 2, "kernel_sizes": (1,)}),
        (models.residual_unet, {"size": 64, "filters": (64, 96), "blocks": (1, 1)}),
        (models.wnet, {"size": 32, "filters": (33, 40), "blocks": (1, 1)}),
        (models.patch_discriminator, {"size": 64, "filters": (64, 96, 127)}),
        (models.classifier, {"size": 112}),
    ],
)
def test_numpys_small_integers_build_the_same_network(build, settings, integer):
    given = {
        name: tuple(map(integer, value)) if isinstance(value, tuple) else integer(value)
        for name, value in settings.items()
    }
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        model, expected = build(**given), build(**settings)
    assert model.output_shape == expected.output_shape
    assert [w.shape for w in model.weights] == [w.shape for w in expected.weights]


@pytest.mark.parametrize("seed", [-1, 1.0, "a", None, True])
def test_other_seeds_are_refused(seed):
    for function, count in ((metrics.bootstrap_interval, 1), (metrics.paired_difference, 2)):
        with pytest.raises(ValueError, match="^seed must be an integer"):
            function(*[np.arange(4.0)] * count, seed=seed)


@pytest.mark.parametrize("names", ["ab", 3, ("a", "a"), (1, 2), {"a": 0}])
def test_other_class_names_are_refused(names):
    arguments = sound_arguments("evaluate")
    with pytest.raises(ValueError, match="^class_names must be a sequence of different names"):
        metrics.evaluate(grey, **arguments, labels=np.zeros(3, int), class_names=names)


def test_the_readmes_remedies_for_masks_work():
    readme = (Path(__file__).parents[1] / "README.md").read_text()
    paragraph = re.search(r"### `masks must hold only.*?\n#", readme, re.DOTALL)[0]
    drawn = masks.line_masks(2)
    picture = (255 * drawn).astype(np.uint8)
    wrong = {
        "masks > 127": picture,
        "masks < 127": 255 - picture,
        "1 - masks": 1 - drawn,
        "masks[..., None]": drawn[..., 0],
    }
    assert re.findall(r"`([^`]*masks[^`]*)`", paragraph)[1:] == [*wrong]
    for remedy, given in wrong.items():
        mended = eval(remedy, {"masks": given})
        np.testing.assert_array_equal(mended, drawn)
        np.testing.assert_allclose(masks.coverage(mended), masks.coverage(drawn))
