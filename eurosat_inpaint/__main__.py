"""Command line: ``python -m eurosat_inpaint doctor | train | evaluate``, or ``eurosat-inpaint``."""

import argparse
import os
import platform
import sys
from collections import Counter
from typing import Any

# What TensorFlow has to say while it starts is of no use on a command line.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from eurosat_inpaint import data, pretrained, shipping  # noqa: E402

# Of a comparison: title, score and format; those of which the paired difference is shown too.
_COLUMNS = (
    ("MSE", "mse", ".6f"),
    ("PSNR", "psnr", ".2f"),
    ("SSIM", "ssim", ".3f"),
    ("MSE in holes", "mse_holes", ".6f"),
    ("sharp", "gradient_ratio", ".3f"),
    ("agree", "land_cover_agreement", ".3f"),
    ("KID", "kernel_distance", ".4f"),
)
_COMPARED = ("mse", "gradient_ratio", "kernel_distance")
_PER_CLASS = ("mse", "psnr", "ssim", "mse_holes", "mae_holes", "psnr_holes", "ssim_holes")
_PER_CLASS += ("land_cover_agreement",)


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns the exit status."""
    options = vars(_parser().parse_args(arguments))
    command = options.pop("command")
    try:
        command(**options)
    except (ValueError, OSError) as problem:
        print(f"error: {problem}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("stopped; the same command continues a training", file=sys.stderr)
        return 130
    return 0


def doctor(data_dir: str | None = None) -> None:
    """Say in plain words what is here and what works."""
    import psutil

    memory = psutil.virtual_memory()
    tiles = _tiles(data_dir)
    cache = data.cache_contents()
    kept = ", ".join(f"{kind} {size / 2**20:,.0f} MB" for kind, size in cache.items())
    lines = {
        "eurosat-inpaint": shipping.version("eurosat-inpaint"),
        "Python": f"{platform.python_version()} on {platform.system()}",
        "Libraries": _versions("tensorflow", "keras", "numpy", "matplotlib"),
        "Notebook tools": _versions("jupyterlab", "ipywidgets", "jupytext", "nbval"),
        "Backend, device": f"{_backend()}, {shipping.device()}",
        "Cores": os.cpu_count(),
        "Memory": f"{memory.total / 2**30:.0f} GB, {memory.available / 2**30:.0f} GB free",
        "Tiles": tiles,
        "Decoded tiles": f"{kept or 'none'}, kept in {data.cache_folder()}",
        **{f"Weights {name!r}": _weights(name) for name in pretrained.names(task=None)},
        "Profile": os.environ.get("EUROSAT_INPAINT_PROFILE", "teach"),
    }
    for label, text in lines.items():
        print(f"{label:<21}{text}")


def train(network: str, **settings: Any) -> None:
    """Train a network as it ships, and write weights and card."""
    card = shipping.train_network(network, **settings)
    score = "accuracy" if card.get("task") == "classification" else "mse"
    print(f"Validation {score} {card['validation'][score]:.6f}")


def evaluate(methods: list[str], split: str, data_dir: str | None = None) -> None:
    """Print the scores of shipped networks and of the classical fills on one split."""
    from eurosat_inpaint import baselines, masks, metrics, plots

    tiles = data.load_tiles(split, data_dir=data_dir)
    if len(tiles) == 0:
        raise ValueError(f"there are no {split} tiles in source {tiles.source!r}")
    drawn = masks.line_masks(len(tiles), seed=shipping.EVALUATION_MASK_SEED)
    print(f"{len(tiles):,} {split} tiles from {tiles.source!r}, original masks, composited")
    chosen: dict[str, Any] = {}
    for name in methods:
        chosen |= baselines.FILLS if name == "baselines" else {name: pretrained.load(name)}
    rows = metrics.compare(
        chosen, tiles.images, drawn, tiles.labels, tiles.class_names, progress=True
    )
    columns = {title: form for title, _, form in _COLUMNS}
    columns = {"MSE": columns.pop("MSE"), "95 % interval": ".6f", **columns}
    cells = {}
    for row in rows:
        first, *others = (row[score]["value"] for _, score, _ in _COLUMNS)
        cells[row["name"]] = (first, (row["mse"]["low"], row["mse"]["high"]), *others)
    print(f"\n{plots.show_table(columns, cells, 'Means over tiles')}")
    if len(rows) > 1:
        table = plots.show_table(*_differences(rows[1:]), "Less the row above, paired")
        print(f"\n{table}")
    for row in rows:
        if row["name"] not in baselines.FILLS:
            cells = {"all": [row[score]["value"] for score in _PER_CLASS]}
            cells |= {key: [part[s] for s in _PER_CLASS] for key, part in row["per_class"].items()}
            columns = dict.fromkeys((name.replace("_", " ") for name in _PER_CLASS), ".5g")
            print(f"\n{plots.show_table(columns, cells, row['name'] + ', means per class')}")


def _differences(rows: list[dict]) -> tuple[dict[str, str], dict[str, list]]:
    """Columns and cells of a table of paired differences from the row above, with intervals."""
    columns: dict[str, str] = {}
    cells: dict[str, list] = {row["name"]: [] for row in rows}
    for title, score, form in _COLUMNS:
        if score in _COMPARED:
            columns |= {title: f"+{form}", f"{title}, 95 % interval": f"+{form}"}
            for row in rows:
                change = row["difference_from_previous"][score]
                cells[row["name"]] += [change["difference"], (change["low"], change["high"])]
    return columns, cells


def _tiles(data_dir):
    try:
        tiles = data.load_tiles("all", data_dir=data_dir)
    except (ValueError, OSError) as problem:
        return f"none: {problem}"
    counts = Counter(map(data.split_of, tiles.filenames))
    listed = ", ".join(f"{split} {counts[split]:,}" for split in data.SPLITS)
    return f"{len(tiles):,} from {tiles.source!r}: {listed}"


def _weights(name):
    try:
        return f"load, {pretrained.load(name).count_params():,} parameters"
    except (ValueError, OSError) as problem:
        return f"do not load: {problem}"


def _backend():
    import keras

    return keras.backend.backend()


def _versions(*packages):
    return ", ".join(f"{package} {shipping.version(package)}" for package in packages)


def _parser():
    parser = argparse.ArgumentParser(prog="python -m eurosat_inpaint")
    commands = parser.add_subparsers(required=True, metavar="doctor | train | evaluate")
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument(
        "--data",
        dest="data_dir",
        metavar="PATH",
        help="path/to/EuroSAT.zip or the folder it unpacks to",
    )

    command = commands.add_parser("doctor", parents=[shared], help="say what is here and works")
    command.set_defaults(command=doctor)

    command = commands.add_parser("train", parents=[shared], help="train a network as it ships")
    command.set_defaults(command=train)
    command.add_argument("network", choices=sorted(shipping.NETWORKS))
    command.add_argument("--profile", choices=shipping.PROFILES, default="full")
    command.add_argument("--seed", type=int, default=0)
    command.add_argument("--epochs", type=int, help="instead of the profile's number")
    command.add_argument(
        "--from-shipped",
        action="store_true",
        help="start from the shipped weights: one run continues the last",
    )
    command.add_argument(
        "--output",
        dest="directory",
        metavar="FOLDER",
        help="for log, weights and card (runs/NETWORK)",
    )

    command = commands.add_parser(
        "evaluate", parents=[shared], help="score networks or classical fills"
    )
    command.set_defaults(command=evaluate)
    choices = (*shipping.inpainting_networks(), "baselines")
    command.add_argument("methods", nargs="+", choices=choices)
    command.add_argument("--split", choices=data.SPLITS, default="validation")
    return parser


if __name__ == "__main__":
    sys.exit(main())
