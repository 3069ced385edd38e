"""Training speed: the original's network and recipe against the shipped ones, same pipeline.

All are trained by ``model.fit`` on the batches of ``training.MaskedTileBatches``: the original's
network with its recipe (MAE, Adam, batches of 8, float32), the shipped networks each with the
recipe of its own, in the data type that this machine trains it faster in. The medians gather in a
JSON file, from which notebook 09 says what each network has cost.

    python benchmarks/training.py
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
import numpy as np
from _measure import machine, median_and_quartiles, print_table

import eurosat_inpaint as ei

RESULTS = Path(__file__).parent / "results" / "training.json"
TILES_OF_AN_EPOCH = 20_319
SYNTHETIC_TILES = 512
# A step of the original's network takes about as long as eight of a shipped one.
STEPS_PER_STEP_OF_THE_ORIGINAL = 8
NOTES = """\
Medians with quartiles over {repeats} repeats, all in turn. A repeat is one `model.fit` of
{steps} steps (the original's network: {original_steps}), from the first step's beginning to the
last one's end; compilation and one such fit were over before. An epoch is {tiles:,} tiles. Input:
median time to make a batch, measured alone, over the median time of a step; `fit` makes the
batches while the network computes. Synthetic tiles: their content does not change the speed."""


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=7, help="(%(default)s)")
    parser.add_argument(
        "--steps", type=int, default=32, help="of the shipped network in a repeat (%(default)s)"
    )
    parser.add_argument("--output", type=Path, default=RESULTS, help="JSON, for notebook 09")
    options = parser.parse_args()
    images, _, _ = ei.data.synthetic_tiles(SYNTHETIC_TILES)
    original_steps = max(1, options.steps // STEPS_PER_STEP_OF_THE_ORIGINAL)
    trainings = {
        "original": Training(
            ei.models.original_unet(), "original", "float32", images, original_steps
        )
    }
    for name in ei.shipping.inpainting_networks():
        trainings[name] = shipped_training(name, images, options.steps)
    for training in trainings.values():
        training.fit()
    for _ in range(options.repeats):
        for training in trainings.values():
            training.time_fit_and_input()
    rates = {name: training.tiles_per_second() for name, training in trainings.items()}
    ratios = {name: rate / rates["original"] for name, rate in rates.items()}
    rows = [training.row(name, ratios[name]) for name, training in trainings.items()]
    medians = {name: round(float(np.median(rate)), 1) for name, rate in rates.items()}
    facts = {"tiles_per_second": medians, "machine": machine(), "date": str(date.today())}
    options.output.parent.mkdir(exist_ok=True)
    options.output.write_text(json.dumps(facts, indent=2) + "\n")
    header = ("network", "parameters", "GFLOP/tile", "batch", "data type", "tiles/s")
    header += ("s/epoch", "ratio", "input")
    notes = NOTES.format(
        repeats=options.repeats,
        steps=options.steps,
        original_steps=original_steps,
        tiles=TILES_OF_AN_EPOCH,
    )
    print_table(header, rows, notes)


def shipped_training(name, images, steps):
    """Training of a network as it ships, in the data type that it trains faster in here."""
    card, recipe = ei.pretrained.card(name), ei.shipping.NETWORKS[name].recipe
    build = partial(getattr(ei.models, card["builder"]), **card["arguments"])
    dtype = ei.training.fastest_dtype(build)
    model = build(dtype=dtype)
    if isinstance(ei.training.RECIPES[recipe], ei.training.GANRecipe):
        model = ei.models.InpaintingGAN(model, ei.models.patch_discriminator(dtype=dtype))
    return Training(model, recipe, dtype, images, steps)


class Training:
    """A network with its recipe and batches; times of its steps and of its input."""

    def __init__(self, model, recipe, dtype, images, steps):
        settings = ei.training.RECIPES[recipe]
        ei.training.compile_model(model, settings, steps)
        self.model, self.dtype = model, dtype
        self.batches = ei.training.MaskedTileBatches(
            images,
            settings.batch_size,
            steps_per_epoch=steps,
            mask_input=len(model.inputs) == 2,
        )
        self.step_seconds, self.input_seconds = [], []

    def fit(self):
        """Train for one epoch; returns its seconds per step."""
        clock = EpochClock()
        self.model.fit(self.batches, callbacks=[clock], verbose=0, shuffle=False)
        return clock.seconds / self.batches.num_batches

    def time_fit_and_input(self):
        self.step_seconds.append(self.fit())
        start = time.perf_counter()
        for number in range(self.batches.num_batches):
            self.batches[number]
        self.input_seconds.append((time.perf_counter() - start) / self.batches.num_batches)

    def tiles_per_second(self):
        return self.batches.batch_size / np.array(self.step_seconds)

    def row(self, name, ratios):
        rates = self.tiles_per_second()
        # Of a GAN the generator: the critic is not needed to restore a tile.
        network = getattr(self.model, "generator", self.model)
        return (
            name,
            f"{network.count_params():,}",
            f"{ei.metrics.gflop_per_tile(network):.2f}",
            self.batches.batch_size,
            self.dtype,
            median_and_quartiles(rates, ".1f"),
            median_and_quartiles(TILES_OF_AN_EPOCH / rates, ",.0f"),
            median_and_quartiles(ratios, ".1f"),
            f"{np.median(self.input_seconds) / np.median(self.step_seconds):.1%}",
        )


class EpochClock(keras.callbacks.Callback):
    """Seconds from the beginning of an epoch's first step to the end of its last."""

    def on_train_batch_begin(self, batch, logs=None):
        if batch == 0:
            self._start = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        # An accelerator may still be computing: reading the loss waits for it.
        float(logs["loss"])
        self.seconds = time.perf_counter() - self._start


if __name__ == "__main__":
    main()
