"""A network trained as it ships: its weights, and the card that says how they came about."""

import importlib.metadata
import json
import os
import platform
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

# Its modules are loaded when they are used: a command that prints its help waits for no Keras.
import eurosat_inpaint as ei
from eurosat_inpaint._checks import as_folder, as_path, require_choice

EVALUATION_MASK_SEED = 0
# Of each kind of network, the score that one looks at first.
SCORES = {"inpainting": "mse", "classification": "accuracy", "uncertainty": "interval_width"}
# How a training was begun, beside its state.
_STARTED = "started.json"
PROFILES = ("smoke", "teach", "full")
_UNET = {"filters": [48, 64, 80, 128], "blocks": [2, 1, 1, 2]}
# Tiles seen on top of the U-Net's, as many by each network.
_ON_TOP = ((2, 2), (4, 60), (14, None))
# Of what is trained against a critic: something to make texture from, and no pattern.
_CRITICISED = {"noise": 2, "without_chessboard": True}
_MASKS_IN_WORDS = {
    False: "the original's: nine lines of OpenCV thickness 2, drawn anew for every batch",
    True: "a fifth the original's nine lines, the others of all families, 5 to 95 % known, turned "
    "by quarters (`masks.mixed_masks`), drawn anew for every batch; two fifths of the tiles varied "
    "in contrast, colour, sharpness and noise (`training.vary_tiles`)",
}
_OF_CLASSIFIERS = ((2, 2), (2, 160), (9, None))


@dataclass(frozen=True, kw_only=True)
class ShippedNetwork:
    """How a network that ships is built and trained.

    Attributes:
        builder: its name in ``models``.
        recipe: its name in ``training.RECIPES``.
        lengths: epochs and steps per epoch (None: one pass) in each of ``PROFILES``.
        arguments: of the builder.
        started_from: name of the network whose shipped weights the training starts from.
        first_stage: name of the network that is the first stage, frozen, of this one; its head for
            errors, too, stands behind one.
        any_masks: trained on masks of all families, and on tiles that are varied in look, instead
            of the original's nine lines.
        task: "inpainting", "classification" or "uncertainty".
    """

    builder: str
    recipe: str
    lengths: tuple[tuple[int, int | None], ...]
    arguments: dict[str, Any] = field(default_factory=dict)
    started_from: str | None = None
    first_stage: str | None = None
    any_masks: bool = False
    task: str = "inpainting"


_GAN = ShippedNetwork(
    builder="residual_unet",
    arguments=_UNET | _CRITICISED,
    recipe="gan",
    lengths=_ON_TOP,
    started_from="unet",
)
_ERROR_OF_UNET = ShippedNetwork(
    builder="unet_with_error",
    arguments={"unet": _UNET, "filters": [48, 80], "blocks": [1, 2]},
    recipe="error",
    lengths=((2, 2), (2, 80), (3, None)),
    first_stage="unet",
    task="uncertainty",
)
NETWORKS = {
    "unet": ShippedNetwork(
        builder="residual_unet",
        arguments=_UNET,
        recipe="efficient",
        lengths=((2, 2), (4, 80), (144, None)),
    ),
    # Begun from it: a fifth of the masks stay nine lines, so that little is forgotten.
    "unet_any": ShippedNetwork(
        builder="residual_unet",
        arguments=_UNET,
        recipe="fine_tuning",
        lengths=((2, 2), (4, 80), (18, None)),
        started_from="unet",
        any_masks=True,
    ),
    "unet_error": _ERROR_OF_UNET,
    "unet_any_error": replace(_ERROR_OF_UNET, first_stage="unet_any", any_masks=True),
    "gan": _GAN,
    # What the GAN is compared with: all as there, but nobody to please.
    "gan_control": replace(_GAN, recipe="gan_control"),
    "wnet": ShippedNetwork(
        builder="wnet",
        arguments={"first": _UNET, "filters": [48, 64, 80], "blocks": [1, 1, 1]} | _CRITICISED,
        recipe="wnet",
        lengths=_ON_TOP,
        first_stage="unet",
    ),
    "classifier": ShippedNetwork(
        builder="classifier",
        recipe="classifier",
        lengths=_OF_CLASSIFIERS,
        task="classification",
    ),
    # Trained with another seed: a measure that one classifier alone supports hangs on it.
    "second_classifier": ShippedNetwork(
        builder="classifier",
        recipe="classifier",
        lengths=_OF_CLASSIFIERS,
        task="classification",
    ),
}


# The masks of ``any_masks``.
draw_any_masks = partial(ei.masks.mixed_masks, original=0.2)


def inpainting_networks() -> list[str]:
    """Names of the networks that restore tiles, whether their weights are there or not."""
    return sorted(name for name, network in NETWORKS.items() if network.task == "inpainting")


def train_network(
    name: str,
    *,
    profile: str = "full",
    seed: int = 0,
    epochs: int | None = None,
    from_shipped: bool = False,
    devices: int | None = None,
    directory: str | Path | None = None,
    data_dir: str | Path | None = None,
) -> dict[str, Any]:
    """Train a network as it ships; stopped and called again, the training goes on.

    Args:
        name: one of ``NETWORKS``.
        profile: how long: "smoke", "teach" or "full".
        seed: of first weights, batches and masks.
        epochs: their number, instead of the profile's.
        from_shipped: start from the shipped weights, so that one run continues the last.
        devices: train on so many at once, see ``training.use_devices``; by default on what Keras
            chooses.
        directory: where log, weights and card are written, by default ``runs/NAME``; a process
            that is not the first of several writes into a folder of its own in it.
        data_dir: as of ``data.load_tiles``.

    Returns:
        The card, as it was written beside the weights.

    Raises:
        ValueError: for an unknown name or profile, for a ``directory`` that holds a training
            which another command began, or as ``training.fit_unet``.
        OSError: if tiles cannot be read, or results not be written.
        FloatingPointError: as ``training.fit_unet``.
    """
    import keras

    require_choice("name", name, NETWORKS)
    require_choice("profile", profile, PROFILES)
    network = NETWORKS[name]
    usual_epochs, steps = network.lengths[PROFILES.index(profile)]
    train, validation = (
        ei.data.load_tiles(split, data_dir=data_dir) for split in ("train", "validation")
    )
    calibrating = calibration_images(network, data_dir)
    batch_size = ei.training.RECIPES[network.recipe].batch_size
    build = partial(getattr(ei.models, network.builder), **network.arguments)
    directory = as_path("directory", f"runs/{name}" if directory is None else directory)
    if devices is not None and (process := ei.training.use_devices(devices)):
        directory = directory / f"process_{process}"
    command = f"python -m eurosat_inpaint train {name} --profile {profile} --seed {seed}"
    command += " --from-shipped" if from_shipped else ""
    command += f" --devices {devices}" if devices else ""
    origins = origins_of(name, from_shipped)
    keras.utils.set_random_seed(seed)
    # Without the number of epochs: training sees to it that one is continued only where it may be.
    dtype = _dtype(directory, {"command": command, **origins}, build)
    command += f" --epochs {epochs}" if epochs else ""
    keras.utils.set_random_seed(seed)
    print(
        f"Training {name!r} in {dtype} on {len(train):,} tiles from {train.source!r}; log, weights "
        f"and card go to {directory}"
    )
    model = build(dtype=dtype)
    load_start(model, name, from_shipped)
    history = _fit(
        model,
        network,
        train,
        validation,
        epochs=usual_epochs if epochs is None else epochs,
        steps_per_epoch=steps,
        directory=directory,
        seed=seed,
        verbose=2,
    )
    facts = {
        **origins,
        "dtype": dtype,
        "seed": seed,
        "tiles_seen": len(history) * (steps or len(train) // batch_size) * batch_size,
        "batch_size": batch_size,
        **_history_facts(network, history),
        **(_earlier_runs(name) if from_shipped else {}),
        "minutes": round(sum(row["seconds"] for row in history) / 60, 1),
        "machine": f"{processor()}, {os.cpu_count()} cores, {device()}",
        "versions": {package: version(package) for package in ("tensorflow", "keras", "numpy")},
        "command": command,
    }
    tiles = train, validation, calibrating
    card = save_trained(name, model.get_weights(), directory, tiles, facts)
    # Only now: killed before, the same command writes weights and card of the finished training.
    ei.training.forget_training(directory)
    # The same weights, as the training left them; those of a discriminator stay.
    left = "generator.weights.h5" if _is_adversarial(network) else "best.weights.h5"
    for leftover in (left, _STARTED):
        (directory / leftover).unlink()
    return card


def save_trained(
    name: str, weights: list, directory: Path, tiles: tuple, facts: dict[str, Any]
) -> dict[str, Any]:
    """Write the weights of a network that was trained, and its card beside them.

    Args:
        name: one of ``NETWORKS``.
        weights: of the network, as of ``get_weights``.
        directory: where both go, under the network's name.
        tiles: those of the train split; of the validation split, by which it is scored; and images
            of tiles by which a head for errors is calibrated.
        facts: what the card says of this training alone.

    Returns:
        The card.
    """
    train, validation, calibrating = tiles
    network = NETWORKS[name]
    trained = getattr(ei.models, network.builder)(**network.arguments)
    trained.set_weights(weights)
    # The weights of a first stage are shipped already, under its own name.
    part = trained.get_layer("second_stage") if network.first_stage else trained
    path = directory / f"{name}.weights.h5"
    ei.training.save_weights(part, path)
    card = {
        "name": name,
        "builder": network.builder,
        "arguments": network.arguments,
        "parameters": trained.count_params(),
        "weights": path.name,
        "sha256": ei.pretrained.sha256_of(path),
        "data": f"EuroSAT RGB, source {train.source!r}, train split: {len(train):,} tiles; no "
        "validation or test tile was trained on",
        "recipe": network.recipe,
        **facts,
        "date": str(date.today()),
    }
    if network.task == "uncertainty":
        card |= _with_calibration(network, trained, (calibrating, validation))
    else:
        card["validation"] = _scores(network, trained, validation)
    (directory / f"{name}.json").write_text(json.dumps(card, indent=2) + "\n")
    return card


def calibration_images(network: ShippedNetwork, data_dir: str | Path | None = None) -> Any:
    """Images of the tiles by which a head for errors is calibrated, uint8 (n, 64, 64, 3).

    Of another network None: no test tile is looked at.

    Raises:
        ValueError: if there are none.
    """
    if network.task != "uncertainty":
        return None
    tiles = ei.data.load_tiles("test", data_dir=data_dir)
    chosen = [ei.data.calibrates(name) for name in tiles.filenames]
    if not any(chosen):
        raise ValueError(f"there are no tiles to calibrate by in source {tiles.source!r}")
    return tiles.images[chosen]


def _dtype(directory, facts, build):
    """The precision that a training was started in, or for a new one the fastest.

    It is measured, and might come out differently when the training is to be continued.

    Raises:
        ValueError: if the directory holds a training with other ``facts``, which are beyond what
            ``training`` compares: the weights that it started from.
    """
    path = as_folder("directory", directory) / _STARTED
    if (directory / "state.json").exists():
        with suppress(OSError, ValueError):
            started = json.loads(path.read_text())
            if started == facts | {"dtype": started["dtype"]}:
                return started["dtype"]
        raise ValueError(
            f"directory {str(directory)!r} holds a training that another command began: give the "
            "same command, name another directory, or delete this one"
        )
    dtype = ei.training.fastest_dtype(build)
    path.write_text(json.dumps(facts | {"dtype": dtype}))
    return dtype


def load_start(model: Any, name: str, from_shipped: bool = False) -> None:
    """Give a network the shipped weights that its training starts from, if any.

    Args:
        model: one built as ``NETWORKS[name]`` says.
        name: one of ``NETWORKS``.
        from_shipped: start from its own.
    """
    network = NETWORKS[name]
    if origin := name if from_shipped else network.started_from:
        _copy_weights(ei.pretrained.load(origin), model)
    elif network.first_stage:
        first_stage = model.get_layer("first_stage")
        _copy_weights(ei.pretrained.load(network.first_stage), first_stage)


def _copy_weights(source, target):
    """Layers that both have take the source's weights; what is new stays as it was built."""
    for layer in source.layers:
        if layer.get_weights():
            target.get_layer(layer.name).set_weights(layer.get_weights())


def _fit(model, network, train, validation, **settings):
    if network.task == "classification":
        settings |= {"labels": train.labels, "validation_labels": validation.labels}
        fit = ei.training.fit_classifier
    elif network.first_stage:
        fit = ei.training.fit_wnet
    elif _is_adversarial(network):
        fit = ei.training.fit_gan
        dtype = model.get_layer("stem").dtype_policy.name
        model = ei.models.InpaintingGAN(model, ei.models.patch_discriminator(dtype=dtype))
    else:
        fit = ei.training.fit_unet
    if network.any_masks:
        settings |= {"draw_masks": draw_any_masks, "vary_tiles": ei.training.vary_tiles}
    return fit(model, train.images, validation.images, network.recipe, **settings)


def _is_adversarial(network):
    return isinstance(ei.training.RECIPES[network.recipe], ei.training.GANRecipe)


def origins_of(name: str, from_shipped: bool = False) -> dict[str, Any]:
    """What a card says of a training before it begins: its masks, and where it starts.

    Args:
        name: one of ``NETWORKS``.
        from_shipped: whether it starts from the network's own shipped weights.
    """
    network = NETWORKS[name]
    if network.task == "classification":
        return {"task": network.task}
    facts = {} if network.task == "inpainting" else {"task": network.task}
    facts["masks"] = _MASKS_IN_WORDS[network.any_masks]
    for role in ("started_from", "first_stage"):
        if origin := getattr(network, role):
            # That of this run, or of the first of those that it continues.
            own = ei.pretrained.card(name)[f"{role}_sha256"] if from_shipped else None
            facts |= {role: origin, f"{role}_sha256": own or ei.pretrained.card(origin)["sha256"]}
    if _is_adversarial(network):
        facts["discriminator_parameters"] = ei.models.patch_discriminator().count_params()
    return facts


def _history_facts(network, history):
    """How the critic fared on validation tiles at the end: 0.5 is guessing."""
    if not _is_adversarial(network):
        return {}
    return {"discriminator_accuracy": round(history[-1]["val_discriminator_accuracy"], 3)}


def _earlier_runs(name):
    """Of the runs whose weights this one started from, what their cards say, the latest first."""
    card = ei.pretrained.card(name)
    score = SCORES[card.get("task", "inpainting")]
    last = {key: card[key] for key in ("sha256", "command", "tiles_seen", "minutes", "date")}
    return {"continues": [last | {score: card["validation"][score]}, *card.get("continues", [])]}


def _scores(network, model, tiles):
    if network.task == "classification":
        parts = (tiles.images, tiles.labels, tiles.class_names)
        return ei.training.classification_scores(model, *parts)
    drawn = ei.masks.line_masks(len(tiles), seed=EVALUATION_MASK_SEED)
    return ei.metrics.evaluate(model, tiles.images, drawn)


def _with_calibration(network, model, tiles):
    """Of a head for errors: its calibration, and what its intervals are worth on other tiles."""
    draw = draw_any_masks if network.any_masks else ei.masks.line_masks
    calibrating, validation = tiles
    drawn = draw(len(calibrating), seed=EVALUATION_MASK_SEED)
    calibration = ei.uncertainty.calibration_of(model, calibrating, drawn)
    drawn = draw(len(validation), seed=EVALUATION_MASK_SEED)
    scores = ei.uncertainty.scores_of(model, calibration, validation.images, drawn)
    return {"calibration": calibration, "validation": scores}


def processor() -> str:
    """Name of the processor's model; ``platform.processor()`` does not know it on Linux."""
    information = Path("/proc/cpuinfo")
    lines = information.read_text().splitlines() if information.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def device() -> str:
    """What Keras computes on: "GPU" or "CPU"."""
    import keras

    devices = keras.distribution.list_devices()
    return "GPU" if any(name.startswith(("gpu", "cuda")) for name in devices) else "CPU"


def version(package: str) -> str:
    """Version of an installed package, or "missing"."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "missing"
