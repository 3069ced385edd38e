"""How well the holes are filled: every method on the same tiles and masks.

python benchmarks/quality.py
"""

import argparse
import os

# What TensorFlow has to say while it starts is of no use on a command line.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from _measure import print_table

import eurosat_inpaint as ei

MASK_SEED = 0
FORMATS = {"mse": ".6f", "mse_holes": ".6f", "psnr": ".2f", "psnr_holes": ".2f"}
FORMATS |= {"ssim": ".3f", "ssim_holes": ".3f"}
HEADER = ("method", "MSE", "MSE in the holes", "PSNR, dB", "PSNR in the holes, dB", "SSIM")
HEADER += ("SSIM in the holes", "MSE less row above, paired")
# Over the tile, as their authors report it.
REPORTED = {"original's network": 0.002465, "best public solution known": 0.002420}
NOTES = """\
{tiles:,} {split} tiles from source {source!r}, the original's masks (seed {seed}), composited.
Means over tiles with 95 % bootstrap intervals. The last rows are figures that others report for
other tiles and masks, the original's for the raw output, on tiles of which some were trained on:
they cannot be compared with the rest."""


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--split", choices=ei.data.SPLITS, default="validation")
    parser.add_argument("--tiles", type=int, help="so many, of all classes (all)")
    options = parser.parse_args()
    tiles = ei.data.load_tiles(options.split)
    if options.tiles:
        tiles = tiles[ei.data.stratified_subset(tiles.labels, options.tiles)]
    masks = ei.masks.line_masks(len(tiles), seed=MASK_SEED)
    methods = ei.baselines.FILLS | {name: ei.pretrained.load(name) for name in networks()}
    compared = ei.metrics.compare(methods, tiles.images, masks, progress=True)

    rows = [scored_row(scores) for scores in compared]
    empty = ("-",) * (len(HEADER) - 2)
    for name, mse in REPORTED.items():
        rows.append((f"{name}, as reported, not comparable", f"{mse:.6f}", *empty))
    notes = NOTES.format(tiles=len(tiles), split=options.split, source=tiles.source, seed=MASK_SEED)
    print_table(HEADER, rows, notes)


def networks():
    """Names of the shipped inpainting networks, the U-Net first: it follows the best fill."""
    return sorted(ei.pretrained.names(), key=lambda name: name != "unet")


def scored_row(scores):
    cells = [
        with_interval(scores[score]["value"], scores[score], FORMATS[score]) for score in FORMATS
    ]
    difference = "-"
    if "difference_from_previous" in scores:
        change = scores["difference_from_previous"]["mse"]
        difference = with_interval(change["difference"], change, "+.6f")
    return (scores["name"], *cells, difference)


def with_interval(value, interval, form):
    return f"{value:{form}} [{interval['low']:{form}}, {interval['high']:{form}}]"


if __name__ == "__main__":
    main()
