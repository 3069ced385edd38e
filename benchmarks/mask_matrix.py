"""Which masks a network has to have seen: trained on some, tested on all.

Each row is the shipped U-Net, trained on for the same number of tiles with the same recipe, on
other masks; tiles are not varied. Each column holds the masks that all rows are tested on: the
eight families on validation tiles, and, if ``EUROSAT_INPAINT_SCENES`` names the real scenes, real
scan-line gaps on Landsat and real clouds on Sentinel-2. A cell is the difference to push-pull of
the mean squared error in the holes, in parts of push-pull's, paired.

    python benchmarks/mask_matrix.py run all
    python benchmarks/mask_matrix.py table
"""

import argparse
import os
from functools import partial
from pathlib import Path

# What TensorFlow has to say while it starts is of no use on a command line.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import json

import keras
import numpy as np
from _measure import machine, print_table, runs_in, search_parser
from _real_scenes import (
    VARIABLE,
    block_errors,
    by_push_pull,
    landsat,
    relative_difference,
    restored_by,
    sentinel2,
)

import eurosat_inpaint as ei

RESULTS = Path(__file__).parent / "results" / "mask_matrix.json"
FAMILIES = tuple(ei.masks.FAMILIES)
# What each row is trained on.
ROWS = {
    "lines": ei.masks.line_masks,
    "all": ei.masks.mixed_masks,
    **{
        f"all but {left_out}": partial(
            ei.masks.mixed_masks, families=[name for name in FAMILIES if name != left_out]
        )
        for left_out in FAMILIES
    },
}
# Networks that ship are tested as they are.
SHIPPED = ("unet", "unet_any")
MASK_SEED = 0
EPOCHS = 1
NOTES = """\
{tiles:,} validation tiles from source {source!r} in the columns of families (seed {seed}); blocks
of 64 x 64 pixels in those of real masks. Rows "lines", "all" and "all but ..." saw {seen:,} tiles
after the shipped U-Net's. Per cent of push-pull's MSE in the holes, and 95 % paired intervals."""


def main():
    parser, command = search_parser(__doc__, RESULTS, (*ROWS, *SHIPPED), run, table)
    command.add_argument("--steps", type=int, help="of an epoch (one pass)")
    options = vars(parser.parse_args())
    options.pop("command")(argparse.Namespace(**options))


def run(options):
    """Train and test one row."""
    train, validation = (ei.data.load_tiles(split) for split in ("train", "validation"))
    keras.utils.set_random_seed(options.seed)
    model, seen = ei.pretrained.load("unet"), 0
    if options.change in SHIPPED:
        model = ei.pretrained.load(options.change)
    else:
        facts = ei.shipping.NETWORKS["unet"]
        build = partial(getattr(ei.models, facts.builder), **facts.arguments)
        trained = build(dtype=ei.training.fastest_dtype(build))
        trained.set_weights(model.get_weights())
        history = ei.training.fit_unet(
            trained,
            train.images,
            validation.images,
            "fine_tuning",
            epochs=EPOCHS,
            steps_per_epoch=options.steps,
            seed=options.seed,
            draw_masks=ROWS[options.change],
            verbose=2,
        )
        batch_size = ei.training.RECIPES["fine_tuning"].batch_size
        seen = len(history) * (options.steps or len(train) // batch_size) * batch_size
        model.set_weights(trained.get_weights())
    row = {
        "change": options.change,
        "seed": options.seed,
        "seen": seen,
        "tiles": len(validation),
        "source": validation.source,
        "machine": machine(),
        "cells": cells_of(model, validation.images),
    }
    kept = [
        other
        for other in runs_in(options.output)
        if (other["change"], other["seed"]) != (options.change, options.seed)
    ]
    options.output.parent.mkdir(exist_ok=True)
    options.output.write_text(json.dumps([*kept, row], indent=1) + "\n")


def cells_of(model, images):
    """Difference to push-pull under each kind of masks."""
    tiles = images / np.float32(255)
    cells = {}
    for family in FAMILIES:
        masks = ei.masks.make(family, len(tiles), seed=MASK_SEED)
        # Where gaps are narrower than a pixel, a mask has none.
        holes = ~masks.all(axis=(1, 2, 3))
        given = tiles[holes] * masks[holes], masks[holes]
        errors, reference = (
            ei.metrics.mse(
                tiles[holes], ei.pretrained.restore_in_batches(method, *given), masks[holes]
            )
            for method in (model, ei.baselines.push_pull)
        )
        cells[family] = relative_difference(errors, reference)
    if os.environ.get(VARIABLE):
        restore = restored_by(model)
        for name, cases in (("real gaps", [landsat()]), ("real clouds", sentinel2())):
            pairs = [
                [block_errors(case, by(case))[0].sum(axis=1) for by in (restore, by_push_pull)]
                for case in cases
            ]
            cells[name] = relative_difference(*map(np.concatenate, zip(*pairs, strict=True)))
    return cells


def table(options):
    """Print all rows so far."""
    rows = runs_in(options.output)
    columns = list(dict.fromkeys(name for row in rows for name in row["cells"]))
    lines = [
        (row["change"], *(cell_text(row["cells"].get(name)) for name in columns)) for row in rows
    ]
    header = ("trained on", *(name.replace("_", " ") for name in columns))
    facts = {"tiles": rows[0]["tiles"], "source": rows[0]["source"], "seed": MASK_SEED}
    print_table(header, lines, NOTES.format(**facts, seen=max(row["seen"] for row in rows)))


def cell_text(cell):
    if cell is None:
        return "-"
    difference, low, high = (100 * cell[part] for part in ("difference", "low", "high"))
    return f"{difference:+.1f} [{low:+.1f}, {high:+.1f}]"


if __name__ == "__main__":
    main()
