"""Validation MSE against minutes of training, from scratch on this machine.

The learning rate falls to zero at the end of a training, so that only its end is what so many
minutes give: each length is a training of its own. How many steps fit into it is
found from the speed of a few steps beforehand.

    python benchmarks/time_to_quality.py --minutes 5 10 25
"""

import argparse
import json
import os
import time
from datetime import date
from functools import partial
from pathlib import Path

# What TensorFlow has to say while it starts is of no use on a command line.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
from _measure import machine, print_table
from tqdm import tqdm

import eurosat_inpaint as ei

SEED, SCORING_MASK_SEED = 0, 0
RECIPE_NAME = "efficient"
RECIPE = ei.training.RECIPES[RECIPE_NAME]
PROBE_STEPS = 40
# In the last of them the rate falls, and the loss is the final one.
EPOCHS = 5
RESULTS = Path(__file__).parent / "results" / "time_to_quality.json"
NOTES = """\
Minutes of `fit_unet` with compilation, without the evaluation at its end. Each row is a training
of its own from random weights, in five epochs, its last weights scored. Recipe
{recipe!r} in {dtype}, {parameters:,} parameters; {train:,} train tiles from source {source!r}; MSE
over the tile, composited, in float32, on {validation:,} validation tiles and the original's masks
(seed {mask_seed}), with 95 % bootstrap intervals."""


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, nargs="+", default=[5, 10, 25], help="5 10 25")
    parser.add_argument("--output", type=Path, default=RESULTS, help="JSON of the runs")
    options = parser.parse_args()
    tiles = {split: ei.data.load_tiles(split) for split in ("train", "validation")}
    card = ei.pretrained.card("unet")
    build = partial(getattr(ei.models, card["builder"]), **card["arguments"])
    dtype = ei.training.fastest_dtype(build)
    startup, step_seconds = training_speed(partial(build, dtype=dtype), tiles)
    runs = []
    for minutes in options.minutes:
        steps = EPOCHS * max(1, round((60 * minutes - startup) / step_seconds / EPOCHS))
        model, clock = train(partial(build, dtype=dtype), tiles, steps, f"{minutes:g} minutes")
        runs.append({"minutes": clock.training_seconds / 60} | score(model, build, tiles))
        runs[-1]["tiles_seen"] = steps * RECIPE.batch_size
    facts = {
        "recipe": RECIPE_NAME,
        "dtype": dtype,
        "parameters": model.count_params(),
        "train": len(tiles["train"]),
        "validation": len(tiles["validation"]),
        "source": tiles["train"].source,
        "mask_seed": SCORING_MASK_SEED,
    }
    print_runs(runs, facts)
    facts |= {"builder": card["builder"], "arguments": card["arguments"], "machine": machine()}
    result = facts | {"date": str(date.today()), "runs": runs}
    options.output.parent.mkdir(exist_ok=True)
    options.output.write_text(json.dumps(result, indent=2) + "\n")


def train(build, tiles, steps, name, recipe=RECIPE, seed=SEED, epochs=EPOCHS):
    """So many steps in all, in five epochs: model and clock."""
    keras.utils.set_random_seed(seed)
    model = build()
    with tqdm(total=steps, desc=name, disable=None) as bar:
        clock = FitClock(bar)
        ei.training.fit_unet(
            model,
            tiles["train"].images,
            tiles["validation"].images,
            recipe=recipe,
            epochs=epochs,
            steps_per_epoch=steps // epochs,
            seed=seed,
            callbacks=(clock,),
            verbose=0,
        )
    clock.stop()
    return model, clock


def training_speed(build, tiles, **settings):
    """Seconds before the first step can end, compilation most of all, and seconds per step."""
    _, clock = train(build, tiles, PROBE_STEPS, "speed", epochs=1, **settings)
    (first, first_end), (last, last_end) = clock.step_ends[0], clock.step_ends[-1]
    step_seconds = (last_end - first_end) / (last - first)
    return first_end - first * step_seconds, step_seconds


class FitClock(keras.callbacks.Callback):
    """Made right before a training: seconds since then, and those spent on evaluation.

    Attributes:
        step_ends: pairs of steps done and seconds gone.
        training_seconds: all, less those of evaluation.
    """

    def __init__(self, bar):
        super().__init__()
        self.step_ends = []
        self._bar = bar
        self._evaluation_seconds = 0.0
        self._done_before = 0
        self._start = time.perf_counter()

    def on_train_batch_end(self, batch, logs=None):
        done = self._done_before + min(batch + 1, self.params["steps"])
        self.step_ends.append((done, time.perf_counter() - self._start))
        self._bar.update(done - self._bar.n)

    def on_epoch_end(self, epoch, logs=None):
        self._done_before += self.params["steps"]

    def on_test_begin(self, logs=None):
        self._evaluation_start = time.perf_counter()

    def on_test_end(self, logs=None):
        self._evaluation_seconds += time.perf_counter() - self._evaluation_start

    def stop(self):
        self.training_seconds = time.perf_counter() - self._start - self._evaluation_seconds


def score(model, build, tiles):
    """MSE of the validation tiles, each and all; the weights in float32, as they would ship."""
    shipped = build(dtype="float32")
    shipped.set_weights(model.get_weights())
    images = tiles["validation"].images
    masks = ei.masks.line_masks(len(images), seed=SCORING_MASK_SEED)
    errors = ei.metrics.score_tiles(shipped, images, masks)["mse"]
    low, high = ei.metrics.bootstrap_interval(errors)
    of_tiles = [float(f"{error:.5g}") for error in errors]
    return {"mse": float(errors.mean()), "low": low, "high": high, "mse_of_tiles": of_tiles}


def print_runs(runs, facts):
    rows = [
        (
            f"{run['minutes']:.1f}",
            f"{run['tiles_seen']:,}",
            f"{run['mse']:.6f} [{run['low']:.6f}, {run['high']:.6f}]",
        )
        for run in runs
    ]
    print_table(("minutes", "tiles seen", "MSE on validation"), rows, NOTES.format(**facts))


if __name__ == "__main__":
    main()
