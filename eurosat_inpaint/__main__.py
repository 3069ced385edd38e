"""Command line: ``python -m eurosat_inpaint doctor | train | evaluate``."""

import argparse
import os
import platform
import sys

from eurosat_inpaint.machine import device, version
from eurosat_inpaint.shipping import (
    EVALUATION_MASK_SEED,
    SHIPPED_NETWORKS,
    inpainting_networks,
    train,
)

# What TensorFlow has to say while it starts is of no use on a command line.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


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

    versions = {name: version(name) for name in ("tensorflow", "keras", "numpy", "matplotlib")}
    tools = {name: version(name) for name in ("jupyterlab", "ipywidgets", "jupytext", "nbval")}
    memory = psutil.virtual_memory()
    print(f"eurosat-inpaint     {version('eurosat-inpaint')}")
    print(f"Python              {platform.python_version()} on {platform.system()}")
    print(f"Libraries           {_listed(versions)}")
    print(f"Notebook tools      {_listed(tools)}")
    print(f"Backend, device     {keras.backend.backend()}, {device()}")
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
    """Scores of each method, and what sets it apart from the row above."""
    shown = ("psnr", "ssim", "mse_holes", "gradient_ratio")
    shown += ("land_cover_agreement", "kernel_distance")
    print(
        f"{'':<13}{'MSE':>9}{'95 % interval':^21}{'PSNR':>6}{'SSIM':>6}{'in holes':>9}{'sharp':>6}"
        f"{'agree':>6}{'KID':>8}"
    )
    for row in rows:
        psnr, ssim, holes, sharp, agree, distance = (row[name]["value"] for name in shown)
        line = f"{row['name']:<13}{row['mse']['value']:>9.6f} {_interval(row['mse'], '.6f')}"
        line += f"{psnr:>6.2f}{ssim:>6.3f}{holes:>9.6f}{sharp:>6.3f}{agree:>6.3f}{distance:>8.4f}"
        print(line)
    if len(rows) > 1:
        _print_differences(rows[1:])


def _print_differences(rows):
    """Paired differences from the row above, with 95 % intervals."""
    shown = {"mse": ("MSE", 6), "gradient_ratio": ("sharp", 3), "kernel_distance": ("KID", 4)}
    print(
        f"\n{'less row above':<20}" + "".join(f"{name:<34}" for name, _ in shown.values()).rstrip()
    )
    for row in rows:
        line = f"{row['name']:<20}"
        for score, (_, digits) in shown.items():
            change = row["difference_from_previous"][score]
            column = f"{change['difference']:+.{digits}f} {_interval(change, f'+.{digits}f')}"
            line += f"{column:<34}"
        print(line.rstrip())


def _interval(score, digits):
    return f"[{score['low']:{digits}}, {score['high']:{digits}}]"


def _print_per_class(rows):
    names = ("mse", "psnr", "ssim", "mse_holes", "mae_holes", "psnr_holes", "ssim_holes")
    names += ("land_cover_agreement",)
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
    choices = (*inpainting_networks(), "baselines")
    command.add_argument("methods", nargs="+", choices=choices)
    command.add_argument("--split", choices=("train", "validation", "test"), default="validation")
    command.set_defaults(command=evaluate)
    return parser


def _listed(versions):
    return ", ".join(f"{name} {version}" for name, version in versions.items())


def _count(tiles, split):
    from eurosat_inpaint.data import split_of

    return sum(split_of(name) == split for name in tiles.filenames)


if __name__ == "__main__":
    sys.exit(main())
