"""Masks: the original's, as OpenCV draws them, and the same everywhere."""

import hashlib

import cv2
import numpy as np
import pytest

from eurosat_inpaint import masks
from eurosat_inpaint.masks import coverage, line_masks, packed_lines

# Percent of known pixels that the original procedure gives, by number of lines, and by thickness
# at nine lines: measured with OpenCV.
COVERAGE_BY_LINES = {3: 14.0, 5: 22.0, 7: 29.2, 9: 35.5, 12: 43.6, 20: 59.6}
COVERAGE_BY_THICKNESS = {1: 13.1, 2: 35.5, 3: 51.2}

# SHA-256 of the bits of the first 50 masks of seed 0. It changes only with a decision to redraw.
GOLDEN = "f3380c64bda145d20fb364107435cf493987682138deb6ef82311c57f438e973"


def drawn_by_opencv(ends, size, thickness):
    """One picture with all lines from ``(top, 0)`` to ``(bottom, size - 1)``."""
    picture = np.zeros((size, size), np.uint8)
    for top, bottom in ends:
        cv2.line(picture, (int(top), 0), (int(bottom), size - 1), 1, thickness)
    return picture.astype(bool)


def both_ways(columns, size, thickness):
    """Every line between ``columns`` of the top and the bottom row: ours, and OpenCV's."""
    tops, bottoms = (grid.ravel() for grid in np.meshgrid(columns, columns))
    ours = np.unpackbits(
        packed_lines(tops, bottoms, size=size, thickness=thickness), axis=-1, count=size
    )
    theirs = [drawn_by_opencv([ends], size, thickness) for ends in zip(tops, bottoms, strict=True)]
    return ours.astype(bool), np.array(theirs)


def intersection_over_union(ours, theirs):
    return (ours & theirs).sum() / (ours | theirs).sum()


# Against OpenCV


@pytest.mark.parametrize(
    ("thickness", "least"), [(2, 0.975), (3, 0.99), (4, 0.99), (5, 0.99), (6, 0.99)]
)
def test_thick_lines_agree_with_opencv(thickness, least):
    ours, theirs = both_ways(np.arange(63), 64, thickness)
    assert intersection_over_union(ours, theirs) >= least
    assert ours.sum() == pytest.approx(theirs.sum(), rel=0.001)


def test_thin_lines_are_those_of_opencv():
    ours, theirs = both_ways(np.arange(64), 64, 1)
    np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("size", [37, 100, 130])
def test_lines_of_other_sizes_agree_with_opencv(size):
    columns = np.unique(np.linspace(0, size - 1, 25).astype(int))
    ours, theirs = both_ways(columns, size, 2)
    assert intersection_over_union(ours, theirs) >= 0.95
    np.testing.assert_array_equal(*both_ways(columns, size, 1))


def test_masks_cover_as_much_as_the_original_loop():
    ends = np.random.default_rng(5).integers(0, 63, size=(1000, 9, 2))
    theirs = np.array([drawn_by_opencv(lines, 64, 2) for lines in ends])
    ours = line_masks(1000, seed=5)
    assert ours.mean() == pytest.approx(theirs.mean(), rel=0.015)
    assert intersection_over_union(ours[..., 0] == 1, theirs) >= 0.975


@pytest.mark.parametrize("lines", COVERAGE_BY_LINES)
def test_coverage_by_number_of_lines(lines):
    measured = 100 * coverage(line_masks(2000, lines=lines, seed=1)).mean()
    assert measured == pytest.approx(COVERAGE_BY_LINES[lines], abs=0.5)


@pytest.mark.parametrize("thickness", COVERAGE_BY_THICKNESS)
def test_coverage_by_thickness(thickness):
    measured = 100 * coverage(line_masks(2000, thickness=thickness, seed=1)).mean()
    assert measured == pytest.approx(COVERAGE_BY_THICKNESS[thickness], abs=0.5)


def test_coverage_varies_as_in_the_original():
    assert 100 * coverage(line_masks(2000, seed=1)).std() == pytest.approx(2.1, abs=0.2)


# The same everywhere


def test_same_everywhere():
    bits = np.packbits(line_masks(50).astype(bool))
    assert hashlib.sha256(bits.tobytes()).hexdigest() == GOLDEN


@pytest.mark.parametrize("k", [1, 10, 455, 456, 999])
def test_first_masks_of_a_seed_do_not_depend_on_n(k):
    np.testing.assert_array_equal(line_masks(k, seed=3), line_masks(1000, seed=3)[:k])


def test_masks_and_seeds_differ():
    first, other = line_masks(100, seed=0), line_masks(100, seed=1)
    assert len(np.unique(first, axis=0)) == 100
    assert not (first == other).all(axis=(1, 2, 3)).any()


def test_the_global_generator_plays_no_part():
    np.random.seed(0)
    before = np.random.get_state()[1].copy()
    line_masks(10)
    np.testing.assert_array_equal(np.random.get_state()[1], before)


@pytest.mark.parametrize("size", [2, 7, 64, 100])
def test_table_and_direct_way_agree(size, monkeypatch):
    from_table = line_masks(300, size=size, lines=4, seed=2)
    monkeypatch.setattr(masks.lines, "_LARGEST_TABLE_SIZE", 0)
    np.testing.assert_array_equal(line_masks(300, size=size, lines=4, seed=2), from_table)


# What a mask is


@pytest.mark.parametrize("size", [2, 7, 64, 100, 130])
def test_shape_type_and_values(size):
    some = line_masks(5, size=size, lines=2)
    assert some.shape == (5, size, size, 1) and some.dtype == np.float32
    assert set(np.unique(some)) <= {0.0, 1.0}
    # A line runs from the top row to the bottom row.
    assert some.any(axis=2).all()


def test_one_line_is_known_and_the_rest_is_not():
    top, bottom = np.random.default_rng(4).integers(0, 63, size=2)
    one = line_masks(1, lines=1, thickness=1, seed=4)[0, :, :, 0]
    assert one[0].nonzero()[0].tolist() == [top] and one[-1].nonzero()[0].tolist() == [bottom]
    assert one.sum(axis=1).tolist() == [1] * 64


def test_lines_end_on_the_last_column_only_if_asked_to():
    def ends(**arguments):
        thin = line_masks(500, lines=9, thickness=1, **arguments)
        return thin[:, [0, -1], :, 0].any(axis=(0, 1))

    assert ends()[:63].all() and not ends()[63]
    assert ends(include_last_column=True).all()


def test_a_thick_line_at_the_border_is_cut_off_there():
    left = np.unpackbits(packed_lines(0, 0, size=64, thickness=2), axis=-1, count=64)
    right = np.unpackbits(packed_lines(63, 63, size=64, thickness=2), axis=-1, count=64)
    np.testing.assert_array_equal(np.flatnonzero(left.all(axis=0)), [0, 1])
    np.testing.assert_array_equal(np.flatnonzero(right.all(axis=0)), [62, 63])
    assert left.sum() == right.sum() == 2 * 64


def test_coverage_is_the_fraction_known_of_each_mask():
    some = np.zeros((3, 8, 8, 1), np.float32)
    some[1, :4] = 1
    some[2] = 1
    assert coverage(some).tolist() == [0.0, 0.5, 1.0]


# Bad input


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("n", 0),
        ("n", -1),
        ("n", 2.0),
        ("size", 1),
        ("size", 64.0),
        ("lines", 0),
        ("lines", -3),
        ("lines", None),
        ("thickness", 0),
        ("thickness", -1),
        ("thickness", 1.5),
        ("thickness", True),
        ("seed", -1),
        ("seed", "0"),
        ("seed", None),
    ],
)
def test_bad_arguments_are_named(argument, value):
    with pytest.raises(ValueError, match=f"{argument} must be an integer of at least .*{value!r}"):
        line_masks(**{"n": 1, argument: value})


def test_numpy_integers_are_accepted():
    np.testing.assert_array_equal(
        line_masks(np.int64(2), size=np.int32(64), seed=np.uint8(3)), line_masks(2, seed=3)
    )
