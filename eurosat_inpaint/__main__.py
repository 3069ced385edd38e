"""Command line: ``python -m eurosat_inpaint doctor | train | evaluate``."""

import argparse
import importlib.metadata
import json
import os
import platform
import sys
from datetime import date
from functools import partial
from pathlib import Path

# What TensorFlow has to say while it starts is of no use on a command line.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

EVALUATION_MASK_SEED = 0
# Builder, its arguments, and by profile epochs and steps per epoch (None: one pass).
SHIPPED_NETWORKS = {
    "unet": {
        "builder": "residual_unet",
        "arguments": {"filters": [64, 96, 144, 160], "blocks": [2, 1, 1, 2]},
        "recipe": "efficient",
        "lengths": {"smoke": (2, 2), "teach": (4, 160), "full": (36, None)},
    },
    "classifier": {
        "task": "classification",
        "builder": "classifier",
        "arguments": {},
        "recipe": "classifier_training.RECIPE",
        "lengths": {"smoke": (2, 2), "teach": (2, 160), "full": (9, None)},
    },
}


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns the exit status."""
    options = _parser().parse_args(arguments)
    try:
        options.command(options)
    except (ValueError, OSError) as problem:
        print(f"error: {problem}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("stopped; the same command continues a training", file=sys.stderr)
        return 130
    return 0


def doctor(options) -> None:
    """Say in plain words what is here and what works."""
    import keras
    import psutil

    from eurosat_inpaint import data, pretrained

    versions = {name: _version(name) for name in ("tensorflow", "keras", "numpy", "matplotlib")}
    tools = {name: _version(name) for name in ("jupyterlab", "ipywidgets", "jupytext", "nbval")}
    memory = psutil.virtual_memory()
    print(f"eurosat-inpaint     {_version('eurosat-inpaint')}")
    print(f"Python              {platform.python_version()} on {platform.system()}")
    print(f"Libraries           {_listed(versions)}")
    print(f"Notebook tools      {_listed(tools)}")
    print(f"Backend, device     {keras.backend.backend()}, {_device()}")
    print(f"Cores               {os.cpu_count()}")
    print(
        f"Memory              {memory.total / 2**30:.0f} GB, {memory.available / 2**30:.0f} GB free"
    )
    try:
        tiles = data.load_tiles("all", data_dir=options.data)
        counts = [f"{split} {_count(tiles, split):,}" for split in data.SPLITS]
        print(f"Tiles               {len(tiles):,} from {tiles.source!r}: {', '.join(counts)}")
    except (ValueError, OSError) as problem:
        print(f"Tiles               none: {problem}")
    for name in pretrained.names(task=None):
        try:
            size = pretrained.load(name).count_params()
            print(f"Weights {name!r:<11} load, {size:,} parameters")
        except (ValueError, OSError) as problem:
            print(f"Weights {name!r:<11} do not load: {problem}")
    print(f"Profile             {os.environ.get('EUROSAT_INPAINT_PROFILE', 'teach')}")


def train(options) -> None:
    """Train a network as it ships, and write weights and card."""
    import keras

    from eurosat_inpaint import data, models, pretrained, training

    network = SHIPPED_NETWORKS[options.network]
    epochs, steps = network["lengths"][options.profile]
    epochs = epochs if options.epochs is None else options.epochs
    sources = {split: data.load_tiles(split, data_dir=options.data) for split in data.SPLITS[:2]}
    keras.utils.set_random_seed(options.seed)
    build = partial(getattr(models, network["builder"]), **network["arguments"])
    dtype = training.fastest_dtype(build)
    keras.utils.set_random_seed(options.seed)
    directory = Path(options.output or f"runs/{options.network}")
    print(
        f"Training {options.network!r} in {dtype} on {len(sources['train']):,} tiles from "
        f"{sources['train'].source!r}; log, weights and card go to {directory}"
    )
    model = build(dtype=dtype)
    if options.from_shipped:
        _copy_weights(pretrained.load(options.network), model)
    fit = _fit_classifier if _is_classifier(network) else _fit_unet
    history = fit(
        model,
        network,
        sources,
        epochs=epochs,
        steps_per_epoch=steps,
        directory=directory,
        seed=options.seed,
        verbose=2,
    )
    _write_card(options, network, dtype, history, sources, directory)


def _copy_weights(source, target):
    """Layers that both have take the source's weights; what is new stays as it was built."""
    for layer in source.layers:
        if layer.get_weights():
            target.get_layer(layer.name).set_weights(layer.get_weights())


def _fit_unet(model, network, sources, **settings):
    from eurosat_inpaint import training

    images = [tiles.images for tiles in sources.values()]
    return training.fit_unet(model, *images, recipe=network["recipe"], **settings)


def _fit_classifier(model, network, sources, **settings):
    from eurosat_inpaint import classifier_training

    tiles = [part for tiles in sources.values() for part in (tiles.images, tiles.labels)]
    return classifier_training.fit_classifier(model, *tiles, **settings)


def _inpainting_networks():
    return sorted(name for name, facts in SHIPPED_NETWORKS.items() if not _is_classifier(facts))


def _is_classifier(network):
    return network.get("task") == "classification"


def evaluate(options) -> None:
    """Print the scores of shipped networks and of the classical fills on one split."""
    from eurosat_inpaint import baselines, data, masks, metrics, pretrained

    tiles = data.load_tiles(options.split, data_dir=options.data)
    if len(tiles) == 0:
        raise ValueError(f"there are no {options.split} tiles in source {tiles.source!r}")
    drawn = masks.line_masks(len(tiles), seed=EVALUATION_MASK_SEED)
    print(f"{len(tiles):,} {options.split} tiles from {tiles.source!r}, original masks, composited")
    methods = {}
    for name in options.methods:
        methods |= baselines.FILLS if name == "baselines" else {name: pretrained.load(name)}
    rows = metrics.compare(
        methods, tiles.images, drawn, tiles.labels, tiles.class_names, progress=True
    )
    _print_comparison(rows)
    networks = [row for row in rows if row["name"] not in baselines.FILLS]
    if networks:
        _print_per_class(networks)


def _print_comparison(rows):
    """Scores of each method, and its paired MSE difference from the row above."""
    shown = ("psnr", "ssim", "mse_holes", "gradient_ratio")
    shown += ("land_cover_agreement", "kernel_distance")
    print(
        f"{'':<13}{'MSE':>9}{'95 % interval':^21}{'PSNR':>6}{'SSIM':>6}{'in holes':>9}{'sharp':>6}"
        f"{'agree':>6}{'KID':>8}  MSE less row above"
    )
    for row in rows:
        psnr, ssim, holes, sharp, agree, distance = (row[name]["value"] for name in shown)
        line = f"{row['name']:<13}{row['mse']['value']:>9.6f} {_interval(row['mse'], '.6f')}"
        line += f"{psnr:>6.2f}{ssim:>6.3f}{holes:>9.6f}{sharp:>6.3f}{agree:>6.3f}{distance:>8.4f}"
        if "difference_from_previous" in row:
            change = row["difference_from_previous"]["mse"]
            line += f"  {change['difference']:+.6f} {_interval(change, '+.6f')}"
        print(line)


def _interval(score, digits):
    return f"[{score['low']:{digits}}, {score['high']:{digits}}]"


def _print_per_class(rows):
    names = list(next(iter(rows[0]["per_class"].values())))
    names.remove("tiles")
    print(f"\n{'means per class':<22}" + "".join(f"{name[:10]:>11}" for name in names))
    for row in rows:
        of_all = {name: row[name]["value"] for name in names}
        table = {row["name"]: of_all} | {f"  {key}": part for key, part in row["per_class"].items()}
        for label, scores in table.items():
            print(f"{label:<22}" + "".join(f"{scores[name]:>11.5g}" for name in names))


def _parser():
    parser = argparse.ArgumentParser(prog="python -m eurosat_inpaint")
    commands = parser.add_subparsers(required=True, metavar="doctor | train | evaluate")
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--data", help="path/to/EuroSAT.zip or the folder it unpacks to")

    command = commands.add_parser("doctor", parents=[shared], help="say what is here and works")
    command.set_defaults(command=doctor)

    command = commands.add_parser("train", parents=[shared], help="train a network as it ships")
    command.add_argument("network", choices=sorted(SHIPPED_NETWORKS))
    command.add_argument("--profile", choices=("smoke", "teach", "full"), default="full")
    command.add_argument("--seed", type=int, default=0)
    command.add_argument("--epochs", type=int, help="instead of the profile's number")
    command.add_argument(
        "--from-shipped",
        action="store_true",
        help="start from the shipped weights: one run continues the last",
    )
    command.add_argument("--output", help="folder for log, weights and card (runs/NETWORK)")
    command.set_defaults(command=train)

    command = commands.add_parser(
        "evaluate", parents=[shared], help="score networks or classical fills"
    )
    choices = (*_inpainting_networks(), "baselines")
    command.add_argument("methods", nargs="+", choices=choices)
    command.add_argument("--split", choices=("train", "validation", "test"), default="validation")
    command.set_defaults(command=evaluate)
    return parser


def _write_card(options, network, dtype, history, sources, directory):
    from eurosat_inpaint import models, pretrained

    best_weights = directory / "best.weights.h5"
    weights = directory / f"{options.network}.weights.h5"
    model = getattr(models, network["builder"])(**network["arguments"])
    model.load_weights(best_weights)
    tiles = sources["validation"]
    validation = (_classifier_scores if _is_classifier(network) else _scores)(model, tiles)
    best = min(history, key=lambda row: row["val_loss"])
    card = {
        "name": options.network,
        "builder": network["builder"],
        "arguments": network["arguments"],
        "parameters": model.count_params(),
        "weights": weights.name,
        "sha256": pretrained.sha256_of(best_weights),
        "data": f"EuroSAT RGB, source {tiles.source!r}, train split: {len(sources['train']):,} "
        "tiles; no validation or test tile was trained on",
        **_task_facts(network),
        "recipe": network["recipe"],
        "dtype": dtype,
        "seed": options.seed,
        "epochs": len(history),
        "best_epoch": best["epoch"],
        **_earlier_runs(options),
        "minutes": round(sum(row["seconds"] for row in history) / 60, 1),
        "machine": f"{_processor()}, {os.cpu_count()} cores, {_device()}",
        "versions": {name: _version(name) for name in ("tensorflow", "keras", "numpy")},
        "date": str(date.today()),
        "command": _training_command(options),
        "validation": validation,
    }
    best_weights.replace(weights)
    (directory / f"{options.network}.json").write_text(json.dumps(card, indent=2) + "\n")
    name, score = ("accuracy", "accuracy") if _is_classifier(network) else ("MSE", "mse")
    print(f"Validation {name} {validation[score]:.6f}; card in {directory}")


def _training_command(options):
    command = f"python -m eurosat_inpaint train {options.network} --profile {options.profile}"
    command += f" --seed {options.seed}"
    command += f" --epochs {options.epochs}" if options.epochs else ""
    return command + (" --from-shipped" if options.from_shipped else "")


def _earlier_runs(options):
    """Of the runs whose weights this one started from, what their cards say, the latest first."""
    from eurosat_inpaint import pretrained

    if not options.from_shipped:
        return {}
    card = pretrained.card(options.network)
    kept = ("sha256", "command", "epochs", "minutes", "date")
    score = "accuracy" if _is_classifier(card) else "mse"
    last = {name: card[name] for name in kept} | {score: card["validation"][score]}
    return {"continues": [last, *card.get("continues", [])]}


def _task_facts(network):
    if _is_classifier(network):
        return {"task": network["task"]}
    masks = "the original's: nine lines of OpenCV thickness 2, drawn anew for every batch"
    return {"masks": masks}


def _scores(model, tiles):
    from eurosat_inpaint import masks, metrics

    drawn = masks.line_masks(len(tiles), seed=EVALUATION_MASK_SEED)
    return metrics.evaluate(model, tiles.images, drawn)


def _classifier_scores(model, tiles):
    from eurosat_inpaint import classifier_training

    return classifier_training.classification_scores(
        model, tiles.images, tiles.labels, tiles.class_names
    )


def _version(name):
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "missing"


def _listed(versions):
    return ", ".join(f"{name} {version}" for name, version in versions.items())


def _device():
    import keras

    devices = keras.distribution.list_devices()
    return "GPU" if any(name.startswith(("gpu", "cuda")) for name in devices) else "CPU"


def _processor():
    """Name of the processor's model; platform.processor() does not know it on Linux."""
    information = Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def _count(tiles, split):
    from eurosat_inpaint.data import split_of

    return sum(split_of(name) == split for name in tiles.filenames)


if __name__ == "__main__":
    sys.exit(main())
