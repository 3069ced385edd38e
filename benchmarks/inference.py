"""Restoring speed: networks through ``inpaint``, and the classical fills, on the same tiles.

python benchmarks/inference.py
"""

import argparse
import os
from functools import partial

# What TensorFlow has to say while it starts is of no use on a command line.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
from _measure import median_and_quartiles, print_table, seconds_in_turn

import eurosat_inpaint as ei

SINGLE_TILE_CALLS = 10
NOTES = """\
Medians with quartiles over {repeats} repeats of {tiles} tiles at once, and over {calls} calls with
one tile, all methods in turn. uint8 in, uint8 out: the networks through `inpaint`, the fills, which
work on floats, converted before and after. The last rows call the shipped network itself, float32
in and out, computed in float32; `inpaint` computes in 16 bits where that is faster for many tiles.
The original's network has random weights, which cost the same. Synthetic tiles."""


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=7, help="(%(default)s)")
    parser.add_argument("--tiles", type=int, default=64, help="restored at once (%(default)s)")
    options = parser.parse_args()
    images, _, _ = ei.data.synthetic_tiles(options.tiles)
    masks = ei.masks.line_masks(options.tiles)
    methods = restoring_methods()
    calls = SINGLE_TILE_CALLS * options.repeats
    # One tile first: TensorFlow compiles the network for the first shape that it is given.
    single = {name: partial(method, images[:1], masks[:1]) for name, method in methods.items()}
    single |= ways_to_call(ei.pretrained.load("unet"), images[:1], masks[:1])
    single_seconds = seconds_in_turn(single, calls)
    batch = {name: partial(method, images, masks) for name, method in methods.items()}
    batch |= ways_to_call(ei.pretrained.load("unet"), images, masks)
    batch_seconds = seconds_in_turn(batch, options.repeats)

    rows = []
    for name, seconds in single_seconds.items():
        rate = median_and_quartiles(options.tiles / batch_seconds[name], ",.1f")
        rows.append((name, rate, median_and_quartiles(1000 * seconds, ".1f")))
    notes = NOTES.format(repeats=options.repeats, tiles=options.tiles, calls=calls)
    print_table(("method", f"tiles/s, {options.tiles} at once", "one tile, ms"), rows, notes)


def restoring_methods():
    """Callables (uint8 tiles, masks) -> uint8 tiles, by name."""
    methods = {name: partial(restore_by_fill, fill) for name, fill in ei.baselines.FILLS.items()}
    methods["original's network"] = partial(ei.inpaint, model=ei.models.original_unet())
    methods["shipped unet"] = partial(ei.inpaint, model="unet")
    return methods


def restore_by_fill(fill, images, masks):
    filled = fill(images.astype(np.float32) / 255 * masks, masks)
    return np.rint(filled * 255).astype(np.uint8)


def ways_to_call(model, images, masks):
    """What Keras offers to restore with, and what ``inpaint`` makes of it."""
    inputs = [images.astype(np.float32) / 255 * masks, masks]
    return {
        "shipped unet, `predict_on_batch`": lambda: model.predict_on_batch(inputs),
        "shipped unet, `model.predict`": lambda: model.predict(inputs, verbose=0),
        "shipped unet, `model(...)`": lambda: keras.ops.convert_to_numpy(model(inputs)),
    }


if __name__ == "__main__":
    main()
