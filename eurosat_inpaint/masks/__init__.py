"""Masks: which pixels of a tile are known (1) and which are holes (0). Taught in notebook 02.

The literature often has it the other way round; here 1 always means known. ``lines`` draws the
original's masks as OpenCV would; ``shapes`` (free lines, boxes, strokes, columns) and ``patterns``
(scan-line gaps, clouds, pixels) draw the other families; ``families`` has all of them by name, and
their coverage; ``mixing`` draws from all of them; ``painting`` joins random shapes until a coverage
is met.

Integers may be Python's or NumPy's. Lengths in pixels may be 1,000,000 at most, and shapes 100,000
in each mask: nothing overflows, and nothing takes hours.
"""

from eurosat_inpaint.masks.families import FAMILIES, coverage, make
from eurosat_inpaint.masks.lines import line_masks, packed_lines
from eurosat_inpaint.masks.mixing import mixed_masks
from eurosat_inpaint.masks.patterns import cloud_masks, random_pixel_masks, scan_line_gap_masks
from eurosat_inpaint.masks.shapes import (
    box_masks,
    brush_stroke_masks,
    dead_column_masks,
    free_line_masks,
)

__all__ = [
    "FAMILIES",
    "box_masks",
    "brush_stroke_masks",
    "cloud_masks",
    "coverage",
    "dead_column_masks",
    "free_line_masks",
    "line_masks",
    "make",
    "mixed_masks",
    "packed_lines",
    "random_pixel_masks",
    "scan_line_gap_masks",
]
