"""Masks at their limits: nothing overflows, fills the memory, or runs for minutes to be refused."""

import re
import time
import tracemalloc

import numpy as np
import psutil
import pytest

from eurosat_inpaint import masks

# Of each family: integers that are not its defaults.
INTEGERS = {
    "lines": {"lines": 5, "thickness": 100},
    "free_lines": {"lines": 5, "thickness": 100},
    "scan_line_gaps": {"period": 100, "widest_gap": 50, "scene_width": 120},
    "clouds": {"scale": 100, "octaves": 5},
    "boxes": {"boxes": 5, "sides": (90, 120)},
    "brush_strokes": {"strokes": 5, "widths": (90, 120)},
    "random_pixels": {},
    "dead_columns": {"groups": 100, "widest": 120},
}
WIDTHS = ("int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64")
UNREACHABLE = [
    ("brush_strokes", {"widths": (200, 200), "coverage": 0.5}),
    ("brush_strokes", {"size": 1024, "widths": (1, 1), "coverage": 0.05}),
    ("boxes", {"sides": (1, 1), "coverage": 0.05}),
    ("boxes", {"size": 1024, "sides": (1, 1), "coverage": 0.5}),
    ("boxes", {"sides": (1_000_000, 1_000_000), "coverage": 0.5}),
    ("lines", {"size": 16, "thickness": 1, "coverage": 0.95}),
    ("lines", {"thickness": 1_000_000, "coverage": 0.95}),
    ("free_lines", {"thickness": 1_000_000, "coverage": 0.5}),
    ("free_lines", {"size": 256, "thickness": 1000, "coverage": 0.5}),
    ("dead_columns", {"widest": 1_000_000, "coverage": 0.5}),
]


def as_numpy(values, kind):
    return {
        name: tuple(map(kind, value)) if isinstance(value, tuple) else kind(value)
        for name, value in values.items()
    }


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("family", masks.FAMILIES)
def test_integers_of_every_width_draw_the_same(family, width):
    kind, parameters = np.dtype(width).type, {"size": 100, "seed": 120, **INTEGERS[family]}
    drawn = masks.make(family, kind(3), **as_numpy(parameters, kind))
    np.testing.assert_array_equal(drawn, masks.make(family, 3, **parameters))


@pytest.mark.parametrize("family", [name for name in masks.FAMILIES if name != "scan_line_gaps"])
def test_small_floats_are_as_good_as_large_ones(family):
    # In half precision 512 * 512 pixels would be infinitely many.
    drawn = masks.make(family, 1, size=512, coverage=np.float16(0.75))
    np.testing.assert_array_equal(drawn, masks.make(family, 1, size=512, coverage=0.75))


@pytest.mark.parametrize("seed", [2**32, 2**64, np.uint64(2**64 - 1), 10**40])
@pytest.mark.parametrize("family", masks.FAMILIES)
def test_large_seeds(family, seed):
    special = {} if family == "scan_line_gaps" else {"coverage": 0.5}
    some, others = (masks.make(family, 5, seed=s, **special) for s in (seed, int(seed) + 1))
    assert not (some == others).all()


@pytest.mark.parametrize(
    "value", [np.array(4), np.bool_(True), True, 4.0, np.float64(4), "4", None, [4], float("nan")]
)
@pytest.mark.parametrize("name", ["n", "size", "seed"])
@pytest.mark.parametrize("family", masks.FAMILIES)
def test_what_is_no_integer_is_refused(family, name, value):
    with pytest.raises(ValueError, match=f"^{name} must be an integer"):
        masks.make(family, **{"n": 2, name: value})


@pytest.mark.parametrize("given", [{"n": 10**9}, {"n": 10**40}, {"n": 1, "size": 100_000}])
@pytest.mark.parametrize("family", masks.FAMILIES)
def test_more_than_the_memory_holds_is_refused_before_drawing(family, given):
    special = {"scene_width": 200_000} if family == "scan_line_gaps" else {}
    with pytest.raises(MemoryError, match=r"masks of .* pixels take .* GB are free$"):
        masks.make(family, **given, **special)


def test_the_limit_of_a_container_counts(monkeypatch, tmp_path):
    limit = tmp_path / "memory.max"
    monkeypatch.setattr("eurosat_inpaint._checks._CONTAINER_LIMITS", (limit, tmp_path / "none"))
    free = psutil.virtual_memory().available
    monkeypatch.setattr(psutil, "virtual_memory", lambda: type("", (), {"available": free}))
    limit.write_text(f"{2**29}\n")
    with pytest.raises(MemoryError, match=r"0\.5 GB are free"):
        masks.random_pixel_masks(2**29 // 4 // 64**2 + 1)
    limit.write_text("max\n")
    with pytest.raises(MemoryError, match=rf"{free / 2**30:,.1f} GB are free"):
        masks.random_pixel_masks(10**9)


@pytest.mark.parametrize(
    ("family", "parameters"),
    [
        ("clouds", {"scale": 2, "octaves": 8}),
        ("clouds", {"scale": 128, "octaves": 8}),
        ("clouds", {"scale": 1_000_000, "octaves": 8}),
        ("lines", {"lines": 5000}),
        ("free_lines", {"lines": 2000}),
        ("boxes", {"boxes": 5000}),
        ("brush_strokes", {"strokes": 100}),
        ("dead_columns", {"groups": 10_000}),
        ("scan_line_gaps", {"scene_width": 1_000_000}),
    ],
)
@pytest.mark.parametrize("size", [2, 64])
def test_memory_is_bounded(family, parameters, size):
    tracemalloc.start()
    drawn = masks.make(family, 64, size=size, **parameters)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert drawn.shape == (64, size, size, 1)
    assert peak < 100 * 2**20


@pytest.mark.parametrize("family", masks.FAMILIES)
def test_one_large_mask_takes_a_few_times_its_own_memory(family):
    special = {"scene_width": 1024} if family == "scan_line_gaps" else {}
    tracemalloc.start()
    drawn = masks.make(family, 1, size=1024, **special)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 13 * drawn.nbytes


def test_no_layer_of_clouds_is_finer_than_a_pixel():
    two, eight = (masks.cloud_masks(5, scale=2, octaves=octaves) for octaves in (2, 8))
    np.testing.assert_array_equal(two, eight)
    three, four = (masks.cloud_masks(5, scale=8, octaves=octaves) for octaves in (3, 4))
    assert not (three == four).all()


def test_clouds_have_their_coverage_where_noise_is_flat():
    # Between the points of so wide a grid, many pixels are equal.
    some = masks.cloud_masks(5, scale=1_000_000, octaves=1, coverage=0.3)
    assert set(some.sum(axis=(1, 2, 3))) == {round(0.3 * 64**2)}


@pytest.mark.parametrize(("family", "parameters"), UNREACHABLE)
def test_what_cannot_be_reached_is_refused_soon(family, parameters):
    start = time.perf_counter()
    with pytest.raises(ValueError, match="^coverage must be one that shapes of this size can"):
        masks.make(family, 1000, **parameters)
    assert time.perf_counter() - start < 20


@pytest.mark.parametrize(
    ("family", "parameters"),
    [
        ("lines", {"thickness": 1, "coverage": 0.95}),
        ("boxes", {"sides": (1, 1), "coverage": 0.2}),
        ("boxes", {"sides": (1, 500), "coverage": 0.06}),
        ("brush_strokes", {"widths": (1, 1), "coverage": 0.06}),
        ("brush_strokes", {"widths": (60, 300), "coverage": 0.2}),
        ("dead_columns", {"widest": 1, "coverage": 0.05}),
    ],
)
def test_what_takes_many_shapes_is_reached_all_the_same(family, parameters):
    measured = masks.coverage(masks.make(family, 3, **parameters))
    assert measured.mean() == pytest.approx(parameters["coverage"], abs=0.2)


@pytest.mark.parametrize(
    ("family", "name", "most"),
    [
        ("lines", "lines", 100_000),
        ("lines", "thickness", 1_000_000),
        ("lines", "size", 1_000_000),
        ("free_lines", "lines", 100_000),
        ("free_lines", "thickness", 1_000_000),
        ("scan_line_gaps", "period", 1_000_000),
        ("scan_line_gaps", "scene_width", 1_000_000),
        ("clouds", "scale", 1_000_000),
        ("clouds", "octaves", 8),
        ("boxes", "boxes", 100_000),
        ("brush_strokes", "strokes", 100_000),
        ("dead_columns", "groups", 100_000),
        ("dead_columns", "widest", 1_000_000),
    ],
)
@pytest.mark.parametrize("beyond", [1, 10**30])
def test_numbers_without_measure_are_refused(family, name, most, beyond):
    message = f"^{name} must be an integer of at most {most:,}, got {most + beyond}$"
    with pytest.raises(ValueError, match=message):
        masks.make(family, 1, **{name: most + beyond})


@pytest.mark.parametrize(("family", "name"), [("boxes", "sides"), ("brush_strokes", "widths")])
def test_ranges_without_measure_are_refused(family, name):
    with pytest.raises(ValueError, match=f"^highest of {name} must be .* at most 1,000,000"):
        masks.make(family, 1, **{name: (1, 10**9)})


@pytest.mark.parametrize("family", [None, 3, np.array(["lines", "boxes"]), ["lines"], {}])
def test_a_family_that_is_no_word_is_refused(family):
    with pytest.raises(ValueError, match="^family must be one of"):
        masks.make(family, 1)


# Lines, one by one


@pytest.mark.parametrize("kind", ["int8", "uint8", "int64", "uint64"])
def test_columns_of_every_width_give_the_same_lines(kind):
    tops, bottoms = np.arange(100), np.arange(100)[::-1]
    narrow = masks.packed_lines(tops.astype(kind), bottoms.astype(kind), size=100, thickness=3)
    whole = masks.packed_lines(list(tops), list(bottoms), size=100, thickness=3)
    np.testing.assert_array_equal(narrow, whole)


@pytest.mark.parametrize(
    ("error", "message", "given"),
    [
        (TypeError, "tops must be an array of integers, got float64", {"tops": [1.0]}),
        (TypeError, "tops must be an array of integers, got bool", {"tops": [True]}),
        (TypeError, "bottoms must be an array of real numbers", {"bottoms": ["a"]}),
        (TypeError, "bottoms must be an array of real numbers", {"bottoms": [None]}),
        (ValueError, "tops must be an array of numbers", {"tops": [[1], [2, 3]]}),
        (ValueError, "tops must fit into 64 bits", {"tops": np.array([2**64 - 1])}),
        (ValueError, "bottoms must have shape (1,)", {"bottoms": [1, 2]}),
        (ValueError, "size must be an integer of at least 2", {"size": 1}),
        (ValueError, "thickness must be an integer of at least 1", {"thickness": 0}),
        (MemoryError, "1 lines on 1,000,000 x 1,000,000 pixels take", {"size": 1_000_000}),
    ],
)
def test_what_are_no_lines_is_refused(error, message, given):
    given = {"tops": [1], "bottoms": [1], "size": 64, "thickness": 2} | given
    with pytest.raises(error, match=f"^{re.escape(message)}"):
        masks.packed_lines(**given)
