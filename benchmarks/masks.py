"""Masks per second: the original's loop over OpenCV's ``line``, and ``line_masks``.

The loop draws, for each mask, nine lines of thickness 2 between two random columns into an array
that is already there: two calls of ``np.random.randint`` and one of ``cv2.line`` each, nothing
else. Its masks stay uint8; those of ``line_masks`` are new float32 arrays.

    python benchmarks/masks.py
"""

import argparse
import os

# What TensorFlow has to say while it starts is of no use on a command line.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import cv2
import numpy as np
from _measure import median_and_quartiles, print_table, seconds_in_turn

import eurosat_inpaint as ei

SIZE, LINES, THICKNESS = 64, 9, 2
TRAINING_BATCH = 32
NOTES = """\
Medians with quartiles over {repeats} repeats of {masks:,} masks each, the two in turn; the ratio is
taken repeat by repeat."""


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=15, help="(%(default)s)")
    parser.add_argument("--masks", type=int, default=10_000, help="in a repeat (%(default)s)")
    options = parser.parse_args()
    rows = []
    for at_once in (TRAINING_BATCH, options.masks):
        batches = -(-options.masks // at_once)
        seconds = seconds_in_turn(draw_tasks(at_once, batches), options.repeats)
        rates = {name: at_once * batches / values for name, values in seconds.items()}
        ratios = rates["ours"] / rates["reference"]
        rows.append(
            (
                f"{at_once:,}",
                median_and_quartiles(rates["reference"], ",.0f"),
                median_and_quartiles(rates["ours"], ",.0f"),
                median_and_quartiles(ratios, ".1f"),
            )
        )
    header = ("masks at once", "reference, masks/s", "`line_masks`, masks/s", "ratio")
    print_table(header, rows, NOTES.format(repeats=options.repeats, masks=options.masks))


def draw_tasks(at_once, batches):
    """Both ways to draw ``batches`` batches of ``at_once`` masks."""
    drawn = np.zeros((at_once, SIZE, SIZE), np.uint8)

    def reference():
        for _ in range(batches):
            draw_reference_masks(drawn)

    def ours():
        for seed in range(batches):
            ei.masks.line_masks(at_once, SIZE, lines=LINES, thickness=THICKNESS, seed=seed)

    return {"reference": reference, "ours": ours}


def draw_reference_masks(drawn):
    for mask in drawn:
        for _ in range(LINES):
            top, bottom = np.random.randint(0, SIZE - 1), np.random.randint(0, SIZE - 1)
            cv2.line(mask, (top, 0), (bottom, SIZE - 1), 1, THICKNESS)


if __name__ == "__main__":
    main()
