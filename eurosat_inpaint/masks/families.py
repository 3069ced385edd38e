"""All mask families by name, drawn by one call. Taught in notebook 02."""

import inspect
from collections.abc import Callable

import numpy as np

from eurosat_inpaint._checks import as_masks, require_choice
from eurosat_inpaint.masks.lines import line_masks
from eurosat_inpaint.masks.patterns import cloud_masks, random_pixel_masks, scan_line_gap_masks
from eurosat_inpaint.masks.shapes import (
    box_masks,
    brush_stroke_masks,
    dead_column_masks,
    free_line_masks,
)

FAMILIES: dict[str, Callable[..., np.ndarray]] = {
    "lines": line_masks,
    "free_lines": free_line_masks,
    "scan_line_gaps": scan_line_gap_masks,
    "clouds": cloud_masks,
    "boxes": box_masks,
    "brush_strokes": brush_stroke_masks,
    "random_pixels": random_pixel_masks,
    "dead_columns": dead_column_masks,
}


def make(family: str, n: int, **parameters: object) -> np.ndarray:
    """Draw masks of a family by its name: ``make("clouds", 10, coverage=0.7, seed=3)``.

    Args:
        family: a name in ``FAMILIES``.
        n: number of masks.
        **parameters: of the family's function; all have defaults.

    Returns:
        float32 array of shape (n, size, size, 1): 1 = known, 0 = hole.

    Raises:
        ValueError: for an unknown family, or a value that its function refuses.
        TypeError: for a parameter that the family does not have.
        MemoryError: if so many masks do not fit into memory.

    Example:
        >>> make("clouds", 3, size=32, coverage=0.75).mean(axis=(1, 2, 3))
        array([0.75, 0.75, 0.75], dtype=float32)
    """
    require_choice("family", family, FAMILIES)
    accepted = list(inspect.signature(FAMILIES[family]).parameters)[1:]
    for name in parameters:
        if name not in accepted:
            raise TypeError(f"{family} has no parameter {name!r}, only {', '.join(accepted)}")
    return FAMILIES[family](n, **parameters)


def coverage(masks: np.ndarray) -> np.ndarray:
    """Fraction of known pixels of each mask, shape (n,).

    Args:
        masks: (n, height, width, 1), 1 = known, 0 = hole.

    Raises:
        TypeError: if the masks are no numbers.
        ValueError: for another shape, or other values.

    Example:
        >>> coverage(make("boxes", 2, boxes=1, sides=(16, 16), seed=0))
        array([0.9980469, 0.9375   ], dtype=float32)
    """
    masks = as_masks("masks", masks, ("n", "height", "width", 1))
    return masks.mean(axis=(1, 2, 3))
