"""What makes a GAN convincing: the shipped one's recipe, changed in one thing at a time.

Every run trains a generator from the shipped U-Net's weights, on as many tiles, and measures what
it restores: how far it is from the truth, and whether patterns or a referee give it away. Results
gather in a JSON file, so that the runs can be spread over days.

    python benchmarks/gan_search.py run base
    python benchmarks/gan_search.py run "no noise"
    python benchmarks/gan_search.py table
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
from scipy.fft import dctn

import eurosat_inpaint as ei

RESULTS = Path(__file__).parent / "results" / "gan_search.json"
EPOCHS, STEPS_PER_EPOCH, MASK_SEED = 5, 400, 0
BASE = "base"
# By name: what generator and critic are built with instead, and what the recipe holds instead.
CHANGES = {
    BASE: ({}, {}, {}),
    "no adversary": ({}, {}, {"adversarial_weight": 0.0}),
    "a third of the weight": ({}, {}, {"adversarial_weight": 0.0023}),
    "three times the weight": ({}, {}, {"adversarial_weight": 0.021}),
    "with the chessboard": ({"without_chessboard": False}, {}, {}),
    "no noise": ({"noise": 0}, {}, {}),
    "logits every 2 pixels": ({}, {"filters": (24, 64, 128)}, {}),
    "logits every 8 pixels": ({}, {"filters": (24, 64, 64, 128, 128)}, {}),
    "no noise, logits every 2 pixels": ({"noise": 0}, {"filters": (24, 64, 128)}, {}),
    "no noise, logits every 8 pixels": ({"noise": 0}, {"filters": (24, 64, 64, 128, 128)}, {}),
    "no penalty on the slope": ({}, {}, {"gradient_penalty": 0.0}),
    "six times the penalty": ({}, {}, {"gradient_penalty": 3.0}),
    "no average of the weights": ({}, {}, {"average": None}),
    "average over ten times as many steps": ({}, {}, {"average": 0.999}),
}
NOTES = """\
{tiles:,} validation tiles, the original's masks (seed {seed}), composited. MSE in the holes, over
that of the U-Net; spectral peak, 1 is right; how often the linear and the convolutional referee
tell restored from true, 0.5 is perfect; gradient ratio, 1 is right. Steps of {batch} tiles; minutes
not on an idle machine."""


def main():
    parser, command = search_parser(__doc__, RESULTS, CHANGES, run, print_runs)
    command.add_argument("--steps", type=int, default=STEPS_PER_EPOCH, help="per epoch")
    command.add_argument("--directory", help="keeps the weights, and goes on with a stopped run")
    options = parser.parse_args()
    options.command(options)


def run(options):
    """Train and measure once, and add the result to the file."""
    train, validation = (ei.data.load_tiles(split) for split in ("train", "validation"))
    of_generator, of_critic, of_recipe = CHANGES[options.change]
    unet, arguments = ei.pretrained.load("unet"), ei.shipping.NETWORKS["gan"].arguments
    build = partial(ei.models.residual_unet, **arguments | of_generator)
    dtype = ei.training.fastest_dtype(build)
    keras.utils.set_random_seed(options.seed)
    generator = build(dtype=dtype)
    for layer in unet.layers:
        generator.get_layer(layer.name).set_weights(layer.get_weights())
    critic = ei.models.patch_discriminator(dtype=dtype, **of_critic)
    recipe = replace(ei.training.RECIPES["gan"], **of_recipe)
    history = ei.training.fit_gan(
        ei.models.InpaintingGAN(generator, critic),
        train.images,
        validation.images,
        recipe,
        epochs=EPOCHS,
        steps_per_epoch=options.steps,
        directory=options.directory,
        seed=options.seed,
        verbose=2,
    )
    trained = build()
    trained.set_weights(generator.get_weights())
    result = {
        "change": options.change,
        "seed": options.seed,
        "steps": EPOCHS * options.steps,
        "batch": recipe.batch_size,
        "minutes": sum(row["seconds"] for row in history) / 60,
        "source": train.source,
        "machine": machine(),
        "accuracy_of_critic": [row["discriminator_accuracy"] for row in history],
        **measures(trained, unet, validation.images),
    }
    options.output.parent.mkdir(exist_ok=True)
    options.output.write_text(json.dumps([*runs_in(options.output), result], indent=2) + "\n")
    print({name: value for name, value in result.items() if isinstance(value, float)})


def measures(network, unet, images):
    """How near, and how well hidden; and the power along rows and columns, over that of truth."""
    masks = ei.masks.line_masks(len(images), seed=MASK_SEED)
    tiles = images.astype(np.float32) / 255
    restored, of_unet = (
        ei.pretrained.restore_in_batches(model, tiles * masks, masks) for model in (network, unet)
    )
    errors, least = (ei.metrics.mse(tiles, x, masks).mean() for x in (restored, of_unet))
    told = partial(ei.metrics.referee_accuracy, tiles, restored, masks)
    power = [
        (dctn(x.mean(axis=-1), axes=(1, 2), norm="ortho") ** 2).mean(axis=0)
        for x in (tiles, restored, of_unet)
    ]
    along = [(p[0, 1:] + p[1:, 0]).astype(float) for p in power]
    ratios = [[float(f"{ratio:.4g}") for ratio in each / along[0]] for each in along[1:]]
    return {
        "tiles": len(tiles),
        "mse_holes": float(errors),
        "mse_over_unet": float(errors / least),
        "spectral_peak": ei.metrics.spectral_peak(tiles, restored),
        "referee_linear": told(),
        "referee_convolutional": told(kind="convolutional"),
        "gradient_ratio": float(ei.metrics.gradient_ratio(tiles, restored, masks)),
        "power_along_axes": ratios[0],
        "power_along_axes_of_unet": ratios[1],
    }


def print_runs(options):
    runs = runs_in(options.output)
    columns = {"mse_over_unet": ".2f", "spectral_peak": ".2f", "referee_linear": ".3f"}
    columns |= {"referee_convolutional": ".3f", "gradient_ratio": ".2f"}
    rows = [
        (
            f"{run['change']}, seed {run['seed']}",
            f"{run['steps']:,}",
            f"{run['minutes']:.0f}",
            f"{run['accuracy_of_critic'][-1]:.2f}",
            *(f"{run[name]:{form}}" for name, form in columns.items()),
        )
        for run in runs
    ]
    header = ("change", "steps", "minutes", "critic right", "MSE over U-Net's", "spectral peak")
    header += ("linear referee", "convolutional referee", "gradient ratio")
    facts = {name: runs[0][name] for name in ("tiles", "batch")}
    print_table(header, rows, NOTES.format(seed=MASK_SEED, **facts))


if __name__ == "__main__":
    main()
