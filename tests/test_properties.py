"""Every public function, on drawn arguments: the documented result, or a documented error.

Arguments that are right give a result; one that is not gives an error which the docstring promises
and which names the argument. Either way arguments are as they were before. ``make faults`` draws
fifty thousand calls.
"""

import importlib
import inspect
import io
import re
import resource
import sys
import warnings

import keras
import matplotlib.pyplot as plt
import numpy as np
import psutil
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import eurosat_inpaint as ei

DOORS = (
    "data",
    "masks",
    "compositing",
    "baselines",
    "models",
    "pretrained",
    "training",
    "metrics",
    "plots",
    "uncertainty",
    "scenes",
    "widgets",
)
SIZE = 16


def tiles(n=3, size=SIZE):
    return np.random.default_rng(n).integers(0, 256, (n, size, size, 3)).astype(np.uint8)


def floats(n=3):
    return tiles(n).astype(np.float32) / 255


def masks(n=3, size=SIZE):
    return ei.masks.line_masks(n, size=size, seed=1)


def masked(n=3):
    return floats(n) * masks(n)


def network():
    return keras.Sequential([keras.Input((SIZE, SIZE, 3)), keras.layers.Activation("sigmoid")])


def labels(n=3):
    return np.arange(n) % 2


def family(**settings):
    return lambda: {"n": 2, "size": SIZE, "seed": 3, **settings}


def two_images():
    return {"tiles": floats(), "restored": floats()[::-1].copy()}


def with_masks():
    return {**two_images(), "masks": masks()}


def with_large_holes():
    masks = np.zeros((3, SIZE, SIZE, 1))
    masks[:, 0] = 1
    return {**two_images(), "masks": masks}


def for_a_fill():
    return {"masked": masked(), "mask": masks()}


def with_interval():
    images = floats()
    lower = np.clip(images - 0.1, 0, 1)
    return {"lower": lower, "upper": np.clip(images + 0.1, 0, 1), "masks": masks()}


def with_expected_errors():
    return {"errors": floats()[..., 0], "expected": floats()[..., 1].copy(), "masks": masks()}


def values():
    return np.linspace(0, 1, 20) ** 2


# A function, and arguments that are right.
CALLS = {
    "data.read_tile": lambda: {"file": png()},
    "data.calibrates": lambda: {"filename": "Forest_1.jpg"},
    "data.split_of": lambda: {"filename": "Forest_1.jpg"},
    "data.stratified_subset": lambda: {"labels": labels(20), "count": 5, "seed": 1},
    "data.synthetic_tiles": lambda: {"n": 2, "seed": 1},
    "masks.line_masks": family(lines=5, thickness=2, coverage=None),
    "masks.free_line_masks": family(lines=5, thickness=3, angles=(0, 90), coverage=None),
    "masks.scan_line_gap_masks": family(period=8, widest_gap=4, scene_width=64, tilt=5),
    "masks.cloud_masks": family(coverage=0.5, scale=8, octaves=2, roughness=0.5),
    "masks.box_masks": family(boxes=3, sides=(2, 6), coverage=None),
    "masks.brush_stroke_masks": family(strokes=3, widths=(2, 4), coverage=None),
    "masks.random_pixel_masks": family(coverage=0.5),
    "masks.dead_column_masks": family(groups=3, widest=2, coverage=None),
    "masks.mixed_masks": family(families=("boxes", "lines"), original=0.5),
    "masks.make": lambda: {"family": "boxes", "n": 2},
    "masks.packed_lines": lambda: {
        "tops": np.array([[1, 5]]),
        "bottoms": np.array([[3, 9]]),
        "size": SIZE,
        "thickness": 2,
    },
    "masks.coverage": lambda: {"masks": masks()},
    "compositing.composite": lambda: {
        "masked": masked(),
        "prediction": floats(),
        "mask": masks(),
    },
    "compositing.push_pull": for_a_fill,
    "baselines.mean": for_a_fill,
    "baselines.nearest": for_a_fill,
    "baselines.push_pull": for_a_fill,
    "baselines.telea": for_a_fill,
    "baselines.navier_stokes": for_a_fill,
    "baselines.biharmonic": lambda: {"masked": masked(1), "mask": masks(1)},
    "models.unet": lambda: {"size": SIZE, "filters": 1, "depth": 1},
    "models.residual_unet": lambda: {"size": SIZE, "filters": (2, 2), "blocks": (1, 1)},
    "models.patch_discriminator": lambda: {"size": SIZE, "filters": (2, 2)},
    "pretrained.names": lambda: {"task": "inpainting"},
    "pretrained.card": lambda: {"name": "unet"},
    "pretrained.inpaint": lambda: {
        "images": tiles(),
        "masks": masks(),
        "model": NETWORK,
        "flips": True,
    },
    "metrics.mse": with_masks,
    "metrics.mae": with_masks,
    "metrics.psnr": with_masks,
    "metrics.ssim": with_masks,
    "metrics.channel_argmax_accuracy": two_images,
    "metrics.gradient_ratio": with_masks,
    "metrics.gradient_sums": lambda: {"images": floats(), "masks": masks()},
    "metrics.radial_power": lambda: {"images": floats()},
    "metrics.beyond_outermost_lines": lambda: {"masks": masks()},
    "metrics.distances_to_known": lambda: {"masks": masks()},
    "metrics.mean_error_map": lambda: {"squared_errors": floats()[..., 0], "masks": masks()},
    "metrics.mean_error_by_distance": lambda: {
        "squared_errors": floats()[..., 0],
        "masks": masks(),
        "edges": (0, 2, 4),
    },
    "metrics.bootstrap_interval": lambda: {"values": values(), "weights": values() + 1, "seed": 1},
    "metrics.paired_difference": lambda: {
        "first": values(),
        "second": values()[::-1].copy(),
        "weights": None,
        "seed": 1,
    },
    "metrics.spectral_peak": two_images,
    "metrics.referee_accuracy": lambda: {**with_large_holes(), "kind": "linear"},
    "metrics.kernel_distance": lambda: {"tiles": values()[:, None], "restored": values()[:, None]},
    "metrics.interval_coverage": lambda: {"tiles": floats(), **with_interval()},
    "metrics.interval_width": with_interval,
    "metrics.interval_score": lambda: {"tiles": floats(), **with_interval(), "coverage": 0.9},
    "metrics.coverage_by_distance": lambda: {
        "tiles": floats(),
        **with_interval(),
        "edges": (0, 2, 4),
    },
    "metrics.sparsification": with_expected_errors,
    "metrics.ause": with_expected_errors,
    "metrics.evaluate": lambda: {
        "model": ei.baselines.push_pull,
        "images": tiles(),
        "masks": masks(),
        "labels": labels(),
        "class_names": ["a", "b"],
    },
    "metrics.score_tiles": lambda: {
        "model": NETWORK,
        "images": tiles(),
        "masks": masks(),
    },
    "metrics.gflop_per_tile": lambda: {"model": NETWORK},
    "training.vary_tiles": lambda: {"images": tiles(), "share": 0.5, "seed": 1},
    "uncertainty.conformal_factor": lambda: {
        "errors": floats(),
        "scales": floats() + 0.1,
        "masks": masks(),
        "coverage": 0.5,
    },
    "scenes.restore": lambda: {
        "scene": tiles(1, 20)[0],
        "known": masks(1, 20)[0, ..., 0] == 1,
        "model": "push_pull",
        "scale": (0, 255),
    },
    "scenes.provenance": lambda: {"known": masks(1, 20)[0, ..., 0] == 1},
    "training.TileBatches": lambda: {"images": tiles(), "batch_size": 2, "seed": 1},
    "training.MaskedTileBatches": lambda: {"images": tiles(), "batch_size": 2, "seed": 1},
    "training.LabelledTileBatches": lambda: {
        "images": tiles(),
        "batch_size": 2,
        "labels": labels(),
        "classes": 2,
    },
    "training.Recipe": lambda: {"loss": "mae", "batch_size": 4, "learning_rate": 0.1},
    "training.GANRecipe": lambda: {"adversarial_weight": 0.1, "batch_size": 4},
    "training.SharpnessLoss": lambda: {"sharpness_weight": 1.0, "distances": (1, 2)},
    "plots.tint_holes": lambda: {"tiles": tiles(), "masks": masks()},
    "plots.show_table": lambda: {
        "columns": {"MSE": ".3f"},
        "rows": {"a": [0.5]},
        "caption": "Scores",
    },
}
# Not drawn for, and why.
OTHERS = {
    "data.NoNetworkError": "an error",
    "data.Tiles": "holds what it is given",
    "data.cache_contents": "no arguments",
    "data.cache_folder": "no arguments",
    "data.load_tiles": "test_data, test_archives, test_cache, test_mirror",
    "compositing.composite_layer": "a name only",
    "compositing.push_pull_layer": "a name only",
    "models.InpaintingGAN": "test_gan",
    "models.TileNoise": "a layer; test_noise",
    "models.accuracy_in_holes": "of logits; test_gan",
    "models.classifier": "seconds a call; test_classifier",
    "models.critic_loss": "of logits; test_gan",
    "models.mean_in_holes": "of logits; test_gan",
    "models.original_unet": "seconds a call; test_models",
    "models.unet_with_error": "seconds a call; test_uncertainty",
    "models.wnet": "seconds a call; test_wnet",
    "models.wnet_stages": "test_wnet",
    "pretrained.loaded": "a name only",
    "pretrained.load": "seconds a call; test_pretrained",
    "pretrained.restore_in_batches": "not public: called by evaluate and inpaint",
    "pretrained.restored_batches": "not public",
    "pretrained.as_restorer": "not public",
    "pretrained.sha256_of": "a path only",
    "training.ConvolutionMuon": "Keras' own arguments; test_optimizers",
    "training.ErrorScaleLoss": "a loss of Keras; test_uncertainty",
    "training.use_devices": "changes what is built after it; test_devices",
    "training.Trapezoid": "a schedule of Keras; test_optimizers",
    "training.ProgressLine": "a name only",
    "training.callbacks_of": "a recipe only",
    "training.classification_scores": "test_classifier",
    "training.compile_model": "test_training",
    "training.fastest_dtype": "measures; test_training",
    "training.fit_classifier": "seconds a call; test_classifier",
    "training.fit_gan": "seconds a call; test_gan",
    "training.fit_unet": "seconds a call; test_training",
    "training.fit_wnet": "seconds a call; test_wnet",
    "training.forget_training": "a path only; test_training",
    "training.save_weights": "a path and a network; test_training",
    "metrics.compare": "seconds a call; test_metrics",
    "metrics.land_cover_agreement": "test_landcover",
    "metrics.land_cover_features": "test_landcover",
    "scenes.restore_file": "paths; test_rasters",
    "uncertainty.calibrated_factor": "seconds a call; test_uncertainty",
    "uncertainty.calibration_of": "not public: for shipping",
    "uncertainty.expected_error": "seconds a call; test_uncertainty",
    "uncertainty.interval": "seconds a call; test_uncertainty",
    "uncertainty.names": "no arguments",
    "uncertainty.restored_and_error": "not public: for scenes",
    "uncertainty.scores_of": "not public: for shipping",
    "widgets.inpainting_explorer": "test_widgets",
    "widgets.mask_explorer": "test_widgets",
    "widgets.share_networks": "test_sharing",
    "widgets.watch_training": "test_monitor",
}
NETWORK = network()
ODD = (
    None,
    True,
    -1,
    0,
    1,
    2**31,
    2**64,
    -(2**64),
    1.5,
    float("nan"),
    float("inf"),
    1e300,
    "x",
    "",
    b"x",
    [],
    (),
    {},
    (3, 1),
    (1, "x"),
    [None],
    np.int8(100),
    np.uint8(200),
    np.float16(0.5),
    np.bool_(True),
    np.array(3),
    np.zeros(0),
    np.zeros((2, 2)),
    object(),
    len,
    1j,
    range(3),
)


def png():
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(tiles(1, 64)[0]).save(file, "PNG")
    return io.BytesIO(file.getvalue())


def read_only(array):
    array = array.copy()
    array.flags.writeable = False
    return array


# What looks different and is the same.
SAME = {
    "read-only": read_only,
    "Fortran order": np.asfortranarray,
    "a view": lambda array: np.repeat(array, 2, axis=0)[::2],
    "big-endian": lambda array: array.astype(array.dtype.newbyteorder(">")),
}
# What is not.
FOREIGN = {
    "empty": lambda array: array[:0],
    "one dimension less": lambda array: array[0],
    "one dimension more": lambda array: array[None],
    "one less": lambda array: array[1:],
    "cut": lambda array: array[..., :-1],
    "NaN": lambda array: with_first(array.astype(np.float32), np.nan),
    "infinite": lambda array: with_first(array.astype(np.float32), np.inf),
    "beyond one": lambda array: with_first(array.astype(np.float64), 1.5),
    "negative": lambda array: with_first(array.astype(np.float64), -0.5),
    "0 to 255": lambda array: (array.astype(np.float32) * 255).round(),
    "float16": lambda array: array.astype(np.float16),
    "float64": lambda array: array.astype(np.float64),
    "int8": lambda array: array.astype(np.int8),
    "int64": lambda array: array.astype(np.int64),
    "bool": lambda array: array.astype(bool),
    "complex": lambda array: array.astype(complex),
    "objects": lambda array: array.astype(object),
    "strings": lambda array: array.astype(str),
    "a list": lambda array: array.tolist(),
    "masked": lambda array: np.ma.masked_array(array, array == array.flat[0]),
    "a tensor": lambda array: keras.ops.convert_to_tensor(np.ascontiguousarray(array)),
}


def with_first(array, value):
    array = array.copy()
    array.flat[0] = value
    return array


def function_of(name):
    door, name = name.split(".")
    return getattr(importlib.import_module(f"eurosat_inpaint.{door}"), name)


def documented_errors(function):
    """Names of the errors in the section "Raises" of a docstring, and of those it refers to."""
    text = inspect.getdoc(function) or ""
    section = text.partition("Raises:\n")[2]
    # To the end of the indented lines.
    section = re.match(r"(?: .*\n|\n)*(?: .*)?", section)[0] or text
    # Fills share the docstring of their module.
    module = sys.modules[function.__module__]
    errors = set(re.findall(r"\b([A-Z]\w*Error)\b", section + (module.__doc__ or "")))
    for name in re.findall(r":(?:func|class):`(\w+)`", section):
        if hasattr(module, name) and name != function.__name__:
            errors |= documented_errors(getattr(module, name))
    return errors


def snapshot(arguments):
    return {
        name: (value.dtype, value.shape, value.tobytes())
        for name, value in arguments.items()
        if type(value) is np.ndarray and value.dtype != object
    }


def drawn_arguments(data, name):
    """Arguments, and the names of those that are not right, or need not be."""
    arguments = CALLS[name]()
    changed = set()
    for argument in data.draw(st.sets(st.sampled_from(sorted(arguments)), max_size=2)):
        value = arguments[argument]
        if isinstance(value, np.ndarray) and data.draw(st.integers(0, 3)):
            how = data.draw(st.sampled_from([*SAME, *FOREIGN]))
            arguments[argument] = (SAME | FOREIGN)[how](value)
            changed |= {argument} if how in FOREIGN else set()
        else:
            arguments[argument] = data.draw(st.sampled_from(ODD))
            changed.add(argument)
    return arguments, changed


def check(name, data):
    function = function_of(name)
    arguments, changed = drawn_arguments(data, name)
    before = snapshot(arguments)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            function(**arguments)
    except Exception as problem:
        raised = {kind.__name__ for kind in type(problem).__mro__}
        assert changed, f"{problem!r} for arguments that are right"
        assert raised & documented_errors(function), f"{problem!r} is not documented"
        if not isinstance(problem, MemoryError):
            names = [name for name in arguments if named(name, str(problem))]
            assert names, f"{problem} names no argument"
    finally:
        plt.close("all")
    assert snapshot(arguments) == before, "arguments were changed"


def named(argument, message):
    return re.search(rf"\b{argument}\b", message) is not None


@pytest.fixture(autouse=True)
def bounded_memory():
    """Four gigabytes beside what there is: what would take the machine down is an error."""
    used = psutil.Process().memory_info().vms
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (used + 2**32, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_AS, before)


def campaign(examples):
    return settings(
        max_examples=examples,
        deadline=20_000,
        database=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )


def test_every_public_function_is_drawn_for_or_tested_elsewhere():
    public = set()
    for door in DOORS:
        module = importlib.import_module(f"eurosat_inpaint.{door}")
        for name in getattr(module, "__all__", vars(module)):
            value = getattr(module, name)
            if callable(value) and not name.startswith("_"):
                if hasattr(module, "__all__") or value.__module__ == module.__name__:
                    public.add(f"{door}.{name}")
    drawing = {name for name in public if name.startswith("plots.")} - CALLS.keys()
    assert public - drawing == CALLS.keys() | OTHERS.keys()


@pytest.mark.parametrize("name", CALLS)
def test_right_arguments_give_a_result(name):
    assert function_of(name)(**CALLS[name]()) is not None


@pytest.mark.parametrize("name", CALLS)
@given(data=st.data())
@campaign(25)
def test_the_result_or_a_documented_error(name, data):
    check(name, data)


@pytest.mark.faults
@pytest.mark.parametrize("name", CALLS)
@given(data=st.data())
@campaign(1000)
def test_a_thousand_calls_of_every_function(name, data):
    check(name, data)
