"""Masks of all families together."""

import numpy as np
import pytest

from eurosat_inpaint.masks import FAMILIES, coverage, line_masks, make, mixed_masks


def test_the_first_masks_of_a_seed_are_the_same_for_every_number():
    np.testing.assert_array_equal(mixed_masks(30, seed=4)[:7], mixed_masks(7, seed=4))
    assert (mixed_masks(7, seed=5) != mixed_masks(7, seed=4)).any()


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("size", [8, 20, 64, 100])
def test_every_family_at_every_size(family, size):
    masks = mixed_masks(40, size, families=[family], seed=1)
    assert masks.shape == (40, size, size, 1) and masks.dtype == np.float32
    known = coverage(masks)
    assert set(np.unique(masks)) == {0, 1} and 0 < known.min() and known.max() < 1
    if family not in ("scan_line_gaps", "dead_columns") and size == 64:
        assert known.min() < 0.2 and known.max() > 0.8


def turned(masks):
    """Whether all columns of a mask are alike, and whether all rows are."""
    return [(m == m[:1]).all() for m in masks], [(m == m[:, :1]).all() for m in masks]


def test_quarter_turns_are_as_many_as_none():
    columns, rows = turned(mixed_masks(200, families=["dead_columns"], seed=2))
    assert 70 < sum(columns) < 130 and sum(columns) + sum(rows) == 200


def test_families_come_alike():
    """Told by what only they have: of dead columns all rows, or all columns, are alike."""
    masks = mixed_masks(800, seed=3)
    columns, rows = turned(masks)
    assert 60 < sum(columns) + sum(rows) < 145
    with_two = mixed_masks(200, families=("dead_columns", "random_pixels"), seed=3)
    columns, rows = turned(with_two)
    assert 70 < sum(columns) + sum(rows) < 130


def test_the_share_of_the_originals_masks():
    """Lines that all run from the first row to the last, three pixels wide in each."""
    masks = mixed_masks(400, original=0.5, families=["boxes"], seed=6)
    of_lines = coverage(line_masks(2000, seed=0))
    likely = (coverage(masks) > of_lines.min()) & (coverage(masks) < of_lines.max())
    first_rows = masks[:, 0, :, 0].mean(axis=1)
    lines = likely & (first_rows > 0.1) & (np.abs(np.diff(masks[:, 0, :, 0])).sum(axis=1) > 4)
    assert 120 < lines.sum() < 240
    every = mixed_masks(50, original=1.0, seed=6)
    assert coverage(every).min() > 0.2 and coverage(every).max() < 0.55


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"families": ()}, ValueError, "families must be a tuple of one name or more"),
        ({"families": "lines"}, ValueError, "families must be a tuple"),
        ({"families": ["fog"]}, ValueError, "each of families must be one of"),
        ({"original": 2}, ValueError, "original must be a number from 0 to 1"),
        ({"size": 4}, ValueError, "size must be an integer of at least 8"),
        ({"n": 0}, ValueError, "n must be an integer"),
        ({"seed": -1}, ValueError, "seed must be an integer"),
    ],
)
def test_wrong_arguments_are_named(settings, error, message):
    with pytest.raises(error, match=message):
        mixed_masks(**{"n": 2} | settings)


def test_a_mask_of_one_family_is_one_that_the_family_draws():
    """Random pixels: independent of their neighbours, at the coverage that was drawn."""
    masks = mixed_masks(60, families=["random_pixels"], seed=8)[..., 0]
    known = masks.mean(axis=(1, 2))
    together = (masks[:, :, 1:] * masks[:, :, :-1]).mean(axis=(1, 2))
    np.testing.assert_allclose(together, known**2, atol=0.03)
    assert make("random_pixels", 1).shape == (1, 64, 64, 1)
