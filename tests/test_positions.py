"""Errors by distance, side and position, against loops and the measured facts of the masks."""

import numpy as np
import pytest

from eurosat_inpaint.masks import line_masks
from eurosat_inpaint.metrics import (
    DISTANCE_EDGES,
    beyond_outermost_lines,
    distances_to_known,
    mean_error_by_distance,
    mean_error_map,
)


@pytest.fixture(scope="module")
def masks():
    return line_masks(400, seed=0)


def test_distances_are_those_of_the_nearest_of_all_known_pixels(masks):
    distances = distances_to_known(masks[:2])
    for mask, found in zip(masks[:2, ..., 0], distances, strict=True):
        known = np.argwhere(mask == 1)
        for row, column in np.argwhere(mask == 0)[::97]:
            nearest = np.sqrt(((known - (row, column)) ** 2).sum(axis=1)).min()
            assert found[row, column] == pytest.approx(nearest, rel=1e-6)
        assert (found[mask == 1] == 0).all()


def test_distances_and_extrapolation_are_as_known_of_the_original_masks(masks):
    distances, beyond = distances_to_known(masks), beyond_outermost_lines(masks)
    holes = distances > 0
    assert np.median(distances[holes]) == 3
    assert (distances[holes] > 8).mean() == pytest.approx(0.16, abs=0.01)
    assert beyond.sum() / holes.sum() == pytest.approx(0.455, abs=0.01)


def test_extrapolated_is_what_has_nothing_known_on_one_side_of_its_row():
    mask = np.array([[0, 1, 0, 1, 0, 0], [0, 0, 0, 0, 0, 0], [1, 0, 0, 0, 0, 1]], float)
    expected = [[1, 0, 0, 0, 1, 1], [1, 1, 1, 1, 1, 1], [0, 0, 0, 0, 0, 0]]
    assert np.array_equal(beyond_outermost_lines(mask[None, ..., None])[0], expected)


def test_error_by_distance_gives_back_a_function_of_the_distance(masks):
    distances = distances_to_known(masks)
    errors = (np.floor(distances) / 100) ** 2
    edges = np.arange(1, 12)
    assert mean_error_by_distance(errors, masks, edges) == pytest.approx((edges[:-1] / 100) ** 2)
    assert np.isnan(mean_error_by_distance(errors, masks, [60, 90])).all()


def test_error_map_is_the_mean_over_holes_of_each_position(masks):
    errors = np.random.default_rng(0).random(masks.shape[:3])
    found = mean_error_map(errors, masks)
    for row, column in ((0, 0), (31, 31), (63, 40)):
        holes = masks[:, row, column, 0] == 0
        assert found[row, column] == pytest.approx(errors[holes, row, column].mean())
    never_a_hole = masks.copy()
    never_a_hole[:, 5, 6] = 1
    assert np.isnan(mean_error_map(errors, never_a_hole)[5, 6])


def test_bins_of_comparisons_hold_every_hole_of_the_original_masks(masks):
    distances = distances_to_known(masks)
    counts, _ = np.histogram(distances[distances > 0], DISTANCE_EDGES)
    assert counts.sum() == (distances > 0).sum()
    assert counts.min() > 1000


MEASURES = (lambda e, m: mean_error_by_distance(e, m, [1, 2]), mean_error_map)
ON_MASKS = (distances_to_known, beyond_outermost_lines)


def bad_masks():
    good = line_masks(2, size=16, lines=1)
    no_holes, half, unknown = good.copy(), good.copy(), good.copy()
    no_holes[1], half[0, 0, 0], unknown[0, 0, 0] = 1, 0.5, np.nan
    return [
        pytest.param(half, "masks must hold only 0", MEASURES + ON_MASKS, id="half"),
        pytest.param(unknown, "masks must hold only 0", MEASURES + ON_MASKS, id="NaN"),
        pytest.param(good[0], "masks must have shape", MEASURES + ON_MASKS, id="one mask"),
        pytest.param(good[:0], "masks must hold at least one", MEASURES + ON_MASKS, id="no mask"),
        pytest.param(good.repeat(3, -1), "masks must have shape", MEASURES + ON_MASKS, id="RGB"),
        pytest.param(good[:1], "squared_errors must have shape", MEASURES, id="too few"),
        pytest.param(no_holes, "masks must each have at least one hole", MEASURES, id="no holes"),
        pytest.param(
            0 * good,
            "masks must each have at least one known pixel",
            (MEASURES[0], distances_to_known),
            id="nothing known",
        ),
    ]


@pytest.mark.parametrize(("masks", "message", "measures"), bad_masks())
def test_bad_masks_are_refused(masks, message, measures):
    for measure in measures:
        with pytest.raises(ValueError, match=message):
            measure(masks) if measure in ON_MASKS else measure(np.zeros((2, 16, 16)), masks)


def test_bad_errors_and_edges_are_refused(masks):
    for value in (-0.1, 1.1, np.nan):
        errors = np.zeros((400, 64, 64))
        errors[3, 4, 5] = value
        for measure in MEASURES:
            with pytest.raises(ValueError, match="^squared_errors "):
                measure(errors, masks)
    for edges in ([1, 1, 2], [3, 2, 1], [1, np.nan]):
        with pytest.raises(ValueError, match="^edges "):
            mean_error_by_distance(np.zeros((400, 64, 64)), masks, edges)
