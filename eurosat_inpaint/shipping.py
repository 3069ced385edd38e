"""Training a network as it ships: its weights, and the card that says how they came about."""

import json
import os
from datetime import date
from functools import partial
from pathlib import Path

import eurosat_inpaint as ei
from eurosat_inpaint.machine import device, processor, version

EVALUATION_MASK_SEED = 0
_UNET = {"filters": [64, 96, 144, 160], "blocks": [2, 1, 1, 2]}
# Tiles seen on top of the U-Net's, as many by each network: seven passes over the train split.
_ON_TOP = {"smoke": (2, 2), "teach": (4, 90), "full": (14, 317)}
# Builder, its arguments, whose shipped weights the training starts from or builds on, and by
# profile epochs and steps per epoch (None: one pass).
SHIPPED_NETWORKS = {
    "unet": {
        "builder": "residual_unet",
        "arguments": _UNET,
        "recipe": "efficient",
        "lengths": {"smoke": (2, 2), "teach": (4, 160), "full": (36, None)},
    },
    "gan": {
        "builder": "residual_unet",
        "arguments": _UNET,
        "started_from": "unet",
        "recipe": "recipes.GAN_RECIPE",
        "lengths": _ON_TOP,
    },
    "wnet": {
        "builder": "wnet",
        "arguments": {"first": _UNET, "filters": [48, 64, 96], "blocks": [1, 1, 2]},
        "first_stage": "unet",
        "recipe": "recipes.WNET_RECIPE",
        "lengths": _ON_TOP,
    },
    # What GAN and W-Net are compared with: a U-Net that saw as many tiles as they did.
    "unet_long": {
        "builder": "residual_unet",
        "arguments": _UNET,
        "started_from": "unet",
        "recipe": "efficient",
        "lengths": _ON_TOP,
    },
    "classifier": {
        "task": "classification",
        "builder": "classifier",
        "arguments": {},
        "recipe": "classifier_training.RECIPE",
        "lengths": {"smoke": (2, 2), "teach": (2, 160), "full": (9, None)},
    },
}


def inpainting_networks() -> list[str]:
    """Names of the networks that restore tiles, whether their weights are there or not."""
    return sorted(name for name, facts in SHIPPED_NETWORKS.items() if not _is_classifier(facts))


def train(options) -> None:
    """Train a network as it ships, and write weights and card.

    Args:
        options: of the command line: "network", "profile", "seed", "epochs", "from_shipped",
            "output" and "data".
    """
    import keras

    network = SHIPPED_NETWORKS[options.network]
    epochs, steps = network["lengths"][options.profile]
    epochs = epochs if options.epochs is None else options.epochs
    splits = ei.data.SPLITS[:2]
    sources = {split: ei.data.load_tiles(split, data_dir=options.data) for split in splits}
    keras.utils.set_random_seed(options.seed)
    build = partial(getattr(ei.models, network["builder"]), **network["arguments"])
    dtype = ei.training.fastest_dtype(build)
    keras.utils.set_random_seed(options.seed)
    directory = Path(options.output or f"runs/{options.network}")
    print(
        f"Training {options.network!r} in {dtype} on {len(sources['train']):,} tiles from "
        f"{sources['train'].source!r}; log, weights and card go to {directory}"
    )
    model = build(dtype=dtype)
    _load_start(options, network, model)
    history = _FITS[options.network](
        model,
        sources,
        epochs=epochs,
        steps_per_epoch=steps,
        directory=directory,
        seed=options.seed,
        verbose=2,
    )
    trained = build()
    trained.set_weights(model.get_weights())
    _write_card(options, network, dtype, history, sources, directory, trained)


def _load_start(options, network, model):
    """Give the network the shipped weights that its training starts from, if any."""
    if options.from_shipped:
        _copy_weights(ei.pretrained.load(options.network), model)
    elif "started_from" in network:
        _copy_weights(ei.pretrained.load(network["started_from"]), model)
    elif "first_stage" in network:
        first_stage = model.get_layer("first_stage")
        _copy_weights(ei.pretrained.load(network["first_stage"]), first_stage)


def _copy_weights(source, target):
    """Layers that both have take the source's weights; what is new stays as it was built."""
    for layer in source.layers:
        if layer.get_weights():
            target.get_layer(layer.name).set_weights(layer.get_weights())


def _fit_unet(model, sources, **settings):
    return ei.training.fit_unet(model, *_images(sources), **settings)


def _fit_gan(generator, sources, **settings):
    discriminator = ei.models.patch_discriminator()
    return ei.training.fit_gan(generator, discriminator, *_images(sources), **settings)


def _fit_wnet(model, sources, **settings):
    return ei.training.fit_wnet(model, *_images(sources), **settings)


def _fit_classifier(model, sources, **settings):
    tiles = [part for tiles in sources.values() for part in (tiles.images, tiles.labels)]
    return ei.classifier_training.fit_classifier(model, *tiles, **settings)


_FITS = {
    "unet": _fit_unet,
    "unet_long": _fit_unet,
    "gan": _fit_gan,
    "wnet": _fit_wnet,
    "classifier": _fit_classifier,
}


def _images(sources):
    return [tiles.images for tiles in sources.values()]


def _is_classifier(network):
    return network.get("task") == "classification"


def _write_card(options, network, dtype, history, sources, directory, model):
    weights = directory / f"{options.network}.weights.h5"
    tiles = sources["validation"]
    validation = (_classifier_scores if _is_classifier(network) else _scores)(model, tiles)
    # The weights of a first stage are shipped already, under its own name.
    (model.get_layer("second_stage") if "first_stage" in network else model).save_weights(weights)
    card = {
        "name": options.network,
        "builder": network["builder"],
        "arguments": network["arguments"],
        "parameters": model.count_params(),
        "weights": weights.name,
        "sha256": ei.pretrained.sha256_of(weights),
        "data": f"EuroSAT RGB, source {tiles.source!r}, train split: {len(sources['train']):,} "
        "tiles; no validation or test tile was trained on",
        **_task_facts(options, network),
        "recipe": network["recipe"],
        "dtype": dtype,
        "seed": options.seed,
        "epochs": len(history),
        "best_epoch": _kept_epoch(options, history),
        **_game(options, history),
        **_earlier_runs(options),
        "minutes": round(sum(row["seconds"] for row in history) / 60, 1),
        "machine": f"{processor()}, {os.cpu_count()} cores, {device()}",
        "versions": {name: version(name) for name in ("tensorflow", "keras", "numpy")},
        "date": str(date.today()),
        "command": _training_command(options),
        "validation": validation,
    }
    (directory / f"{options.network}.json").write_text(json.dumps(card, indent=2) + "\n")
    # The same weights, as the training left them; those of a discriminator stay.
    left = "generator.weights.h5" if options.network == "gan" else "best.weights.h5"
    (directory / left).unlink()
    name, score = ("accuracy", "accuracy") if _is_classifier(network) else ("MSE", "mse")
    print(f"Validation {name} {validation[score]:.6f}; card in {directory}")


def _kept_epoch(options, history):
    """Of a GAN the last weights are kept, of all others those with the lowest validation loss."""
    if options.network == "gan":
        return history[-1]["epoch"]
    return min(history, key=lambda row: row["val_loss"])["epoch"]


def _game(options, history):
    """How the discriminator of a GAN fared, epoch by epoch: 0.5 is guessing."""
    if options.network != "gan":
        return {}
    return {"discriminator_accuracy": [round(row["discriminator_accuracy"], 3) for row in history]}


def _training_command(options):
    command = f"python -m eurosat_inpaint train {options.network} --profile {options.profile}"
    command += f" --seed {options.seed}"
    command += f" --epochs {options.epochs}" if options.epochs else ""
    return command + (" --from-shipped" if options.from_shipped else "")


def _earlier_runs(options):
    """Of the runs whose weights this one started from, what their cards say, the latest first."""
    if not options.from_shipped:
        return {}
    card = ei.pretrained.card(options.network)
    kept = ("sha256", "command", "epochs", "minutes", "date")
    score = "accuracy" if _is_classifier(card) else "mse"
    last = {name: card[name] for name in kept} | {score: card["validation"][score]}
    return {"continues": [last, *card.get("continues", [])]}


def _task_facts(options, network):
    if _is_classifier(network):
        return {"task": network["task"]}
    facts = {
        "masks": "the original's: nine lines of OpenCV thickness 2, drawn anew for every batch"
    }
    for role in ("started_from", "first_stage"):
        if role in network:
            facts |= {role: network[role], f"{role}_sha256": _origin_digest(options, network, role)}
    if options.network == "gan":
        facts["discriminator_parameters"] = ei.models.patch_discriminator().count_params()
    return facts


def _origin_digest(options, network, role):
    """Digest of the weights that this run, or the first of those it continues, started from."""
    if options.from_shipped:
        return ei.pretrained.card(options.network)[f"{role}_sha256"]
    return ei.pretrained.card(network[role])["sha256"]


def _scores(model, tiles):
    drawn = ei.masks.line_masks(len(tiles), seed=EVALUATION_MASK_SEED)
    return ei.metrics.evaluate(model, tiles.images, drawn)


def _classifier_scores(model, tiles):
    return ei.classifier_training.classification_scores(
        model, tiles.images, tiles.labels, tiles.class_names
    )
