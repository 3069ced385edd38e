"""What pays: the recipe of the shipped U-Net, changed in one thing at a time.

Every run is a training from scratch on as many tiles, with a rate that rises, stays and falls in
each; the last weights are scored. It is tiles that are equal and not minutes, so the runs need no
idle machine. The base is run with several seeds, and with other numbers of tiles, every change
once. Results gather in a JSON file, with the error of each validation tile, so that the runs can
be spread over days.

    python benchmarks/recipe_search.py run base --seed 0
    python benchmarks/recipe_search.py run "AdamW instead of Muon"
    python benchmarks/recipe_search.py table
"""

import json
import os
from dataclasses import replace
from functools import partial
from pathlib import Path

# What TensorFlow has to say while it starts is of no use on a command line.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
from _measure import machine, print_table, runs_in, search_parser
from keras import layers, ops
from time_to_quality import EPOCHS, score, train

import eurosat_inpaint as ei

RESULTS = Path(__file__).parent / "results" / "recipe_search.json"
TILES = 51_200
BASE = "base"
# By name: what the network is built with instead, and what the recipe holds instead.
CHANGES = {
    BASE: ({}, {}),
    "AdamW instead of Muon": ({}, {"muon": False}),
    # Two by two, none centred: what is not told the mean colour cannot answer with a colour.
    "fill in, correction out": ({"centred": False}, {}),
    "black holes in, correction out": ({"centred": False, "fill_as_input": False}, {}),
    "fill in, colour out": ({"centred": False, "correction": False}, {}),
    "black holes in, colour out": (
        {"centred": False, "fill_as_input": False, "correction": False},
        {},
    ),
    "no mask channel": ({"mask_channel": False}, {}),
    "a second U-Net behind it, both trained together": ({"second_stage": True}, {}),
    "twice the size": ({"filters": (64, 96, 144, 160)}, {}),
    "absolute error to the end": ({}, {"final_loss": None}),
    "squared error all along": ({}, {"loss": "mse", "final_loss": None}),
    "batches of 32": ({}, {"batch_size": 32}),
    "no average of the weights": ({}, {"average": None}),
    "average over ten times as many steps": ({}, {"average": 0.999}),
}
NOTES = """\
MSE over the tile, composited, on {tiles:,} validation tiles. Minutes: `fit_unet` with compilation,
not on an idle machine. The {seeds} seeds of the base differ by up to {spread:.6f}; a change that
moves the mean of the base by less is no change: "none". Intervals are of 95 %, paired by tiles;
what another seed would give is not in them."""


def main():
    parser, command = search_parser(__doc__, RESULTS, CHANGES, run, print_runs)
    command.add_argument("--tiles", type=int, default=TILES, help="seen in all (%(default)s)")
    options = parser.parse_args()
    options.command(options)


def run(options):
    """Train and score once, and add the result to the file."""
    tiles = {split: ei.data.load_tiles(split) for split in ("train", "validation")}
    settings, changes = CHANGES[options.change]
    build = partial(changed_unet, **settings)
    recipe = replace(ei.training.RECIPES["efficient"], **changes)
    dtype = ei.training.fastest_dtype(build)
    in_dtype = partial(build, dtype=dtype)
    steps = EPOCHS * max(1, options.tiles // recipe.batch_size // EPOCHS)
    model, clock = train(in_dtype, tiles, steps, options.change, recipe=recipe, seed=options.seed)
    result = {
        "change": options.change,
        "seed": options.seed,
        "minutes": clock.training_seconds / 60,
        "tiles_seen": steps * recipe.batch_size,
        "parameters": model.count_params(),
        "gflop": ei.metrics.gflop_per_tile(model),
        "dtype": dtype,
        "source": tiles["train"].source,
        "validation": len(tiles["validation"]),
        "machine": machine(),
        **score(model, build, tiles),
    }
    options.output.parent.mkdir(exist_ok=True)
    options.output.write_text(json.dumps([*runs_in(options.output), result], indent=2) + "\n")
    print(f"{options.change}, seed {options.seed}: {result['mse']:.6f}")


def print_runs(options):
    """The base with its seeds, then each change against the base's mean."""
    runs = runs_in(options.output)
    seen = runs[0]["tiles_seen"]
    of_base = [run for run in runs if run["change"] == BASE and run["tiles_seen"] == seen]
    base = np.array([run["mse_of_tiles"] for run in of_base])
    spread = np.ptp(base.mean(axis=1))
    rows = []
    for run in runs:
        less = ei.metrics.paired_difference(run["mse_of_tiles"], base.mean(axis=0))
        effect = "{difference:+.6f} [{low:+.6f}, {high:+.6f}]".format(**less)
        effect = "none" if abs(less["difference"]) < spread else effect
        rows.append(
            (
                f"{run['change']}, seed {run['seed']}",
                f"{run['parameters']:,}",
                f"{run['gflop']:.2f}",
                f"{run['tiles_seen']:,}",
                f"{run['minutes']:.1f}",
                f"{run['mse']:.6f}",
                "-" if run["change"] == BASE or run["tiles_seen"] != seen else effect,
            )
        )
    header = ("change", "parameters", "GFLOP/tile", "tiles seen", "minutes", "MSE")
    header += ("less the base's mean",)
    notes = NOTES.format(tiles=runs[0]["validation"], seeds=len(base), spread=spread)
    print_table(header, rows, notes)


def changed_unet(
    filters=(48, 64, 80, 128),
    blocks=(2, 1, 1, 2),
    centred=True,
    fill_as_input=True,
    correction=True,
    mask_channel=True,
    second_stage=False,
    dtype="float32",
):
    """``models.residual_unet`` with its choices open; as it is shipped, if none is taken back."""
    if second_stage:
        sizes = ei.shipping.NETWORKS["wnet"].arguments | {"noise": 0, "without_chessboard": False}
        model = ei.models.wnet(**sizes, dtype=dtype)
        model.get_layer("first_stage").trainable = True
        return model
    masked = keras.Input((64, 64, 3), name="masked")
    mask = keras.Input((64, 64, 1), name="mask")
    fill = ei.compositing.push_pull_layer()([masked, mask])
    given = fill if fill_as_input else masked
    contrast = 5 * (given - ops.mean(given, axis=(1, 2), keepdims=True)) if centred else given
    features = layers.Concatenate(dtype="float32")([contrast, mask]) if mask_channel else contrast
    features = layers.Conv2D(filters[0], 3, padding="same", dtype=dtype)(rearranged(features))
    skips = []
    for stage, width in enumerate(filters):
        if stage > 0:
            features = layers.MaxPooling2D(2, dtype=dtype)(features)
            features = layers.Conv2D(width, 1, dtype=dtype)(features)
        features = residual_blocks(features, blocks[stage], dtype)
        skips.append(features)
    features = skips.pop()
    for stage in reversed(range(len(filters) - 1)):
        features = layers.Conv2D(filters[stage], 1, dtype=dtype)(features)
        features = layers.UpSampling2D(2, interpolation="bilinear", dtype=dtype)(features)
        features = layers.Add(dtype=dtype)([features, skips.pop()])
        features = residual_blocks(features, blocks[stage], dtype)
    answer = layers.Conv2D(
        12, 3, padding="same", kernel_initializer="zeros", dtype="float32", name="correction"
    )(features)
    answer = ops.reshape(answer, (-1, 32, 32, 2, 2, 3))
    answer = ops.reshape(ops.transpose(answer, (0, 1, 3, 2, 4, 5)), (-1, 64, 64, 3))
    if correction:
        start = ops.clip(fill, 1e-3, 1 - 1e-3)
        answer = ops.log(start) - ops.log(1 - start) + answer
    prediction = layers.Activation("sigmoid", dtype="float32")(answer)
    whole = ei.compositing.composite_layer()([masked, prediction, mask])
    return keras.Model([masked, mask], whole)


def rearranged(features):
    """Squares of 2 x 2 pixels become one of four times the channels."""
    channels = features.shape[-1]
    features = ops.reshape(features, (-1, 32, 2, 32, 2, channels))
    return ops.reshape(ops.transpose(features, (0, 1, 3, 2, 4, 5)), (-1, 32, 32, 4 * channels))


def residual_blocks(features, count, dtype):
    near_zero = keras.initializers.VarianceScaling(0.01, "fan_in", "normal")
    convolution = partial(layers.Conv2D, features.shape[-1], 3, padding="same", dtype=dtype)
    for _ in range(count):
        change = layers.Activation("relu", dtype=dtype)(features)
        change = convolution(activation="relu")(change)
        change = convolution(kernel_initializer=near_zero)(change)
        features = layers.Add(dtype=dtype)([features, change])
    return features


if __name__ == "__main__":
    main()
