"""Command line: ``python -m eurosat_inpaint doctor | train | evaluate | restore``.

Exit status: 0 where the command did what it should, 1 after an error, which is one line on standard
error, 2 for a command that is not understood, 130 where it was stopped by Ctrl-C, 141 where what
reads its output has ended. ``doctor`` reports whatever it finds, and ends with 0.
"""

import argparse
import io
import os
import platform
import sys
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from typing import Any

# What TensorFlow has to say while it starts is of no use on a command line.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from eurosat_inpaint import data, pretrained, shipping  # noqa: E402
from eurosat_inpaint._checks import as_path  # noqa: E402

# Of a comparison: title, score and format; those of which the paired difference is shown too.
_COLUMNS = (
    ("MSE", "mse", ".6f"),
    ("PSNR", "psnr", ".2f"),
    ("SSIM", "ssim", ".3f"),
    ("MSE in holes", "mse_holes", ".6f"),
    ("sharp", "gradient_ratio", ".3f"),
    ("agree", "land_cover_agreement", ".3f"),
    ("told", "referee_accuracy", ".3f"),
    ("KID", "kernel_distance", ".4f"),
)
_COMPARED = ("mse", "gradient_ratio", "kernel_distance")
_PER_CLASS = ("mse", "psnr", "ssim", "mse_holes", "mae_holes", "psnr_holes", "ssim_holes")
_PER_CLASS += ("land_cover_agreement",)
# What is raised on purpose, here and below: the message says all. Others are faults of the program.
_EXPECTED = (
    ValueError,
    TypeError,
    OSError,
    ImportError,
    MemoryError,
    FloatingPointError,
)
# NumPy and Keras seed their generators with 32 bits.
_SEEDS = 2**32


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns the exit status."""
    _prepare_streams()
    try:
        try:
            return _run(arguments)
        finally:
            # Now: what cannot be written when the interpreter ends is reported by nobody.
            sys.stdout.flush()
    except BrokenPipeError:
        # 128 + SIGPIPE, as of a program that the signal ends.
        status = 141
    except OSError as problem:
        _report(problem)
        status = 1
    # What is still in the buffer would be tried again.
    with suppress(io.UnsupportedOperation):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return status


def _run(arguments):
    options = vars(_parser().parse_args(arguments))
    command = options.pop("command")
    try:
        command(**options)
    except BrokenPipeError:
        raise
    except _EXPECTED as problem:
        _report(problem)
        return 1
    except KeyboardInterrupt:
        ending = "; the same command continues the training" if command is train else ""
        print(f"stopped{ending}", file=sys.stderr)
        return 130
    return 0


def doctor(data_dir: str | None = None) -> None:
    """Say in plain words what is here and what works; what does not is said, and no error."""
    networks = sorted({*pretrained.names(task=None), *shipping.NETWORKS})
    lines: dict[str, Callable] = {
        "eurosat-inpaint": lambda: shipping.version("eurosat-inpaint"),
        "Python": lambda: f"{platform.python_version()} on {platform.system()}",
        "Libraries": lambda: _versions("tensorflow", "keras", "numpy", "matplotlib"),
        "Notebook tools": lambda: _versions("jupyterlab", "ipywidgets", "jupytext", "nbval"),
        "Backend, device": lambda: f"{_backend()}, {shipping.device()}",
        "Cores": os.cpu_count,
        "Memory": _memory,
        "Tiles": lambda: _tiles(data_dir),
        "Decoded tiles": _decoded_tiles,
        **{f"Weights {name!r}": lambda name=name: _weights(name) for name in networks},
        "Profile": lambda: os.environ.get("EUROSAT_INPAINT_PROFILE", "teach"),
    }
    for label, say in lines.items():
        try:
            text = say()
        except Exception as problem:  # Whatever is broken: the other lines are wanted all the more.
            text = f"cannot be told: {_one_line(problem)}"
        print(f"{label:<28}{text}", flush=True)


def train(network: str, directory: str | None = None, **settings: Any) -> None:
    """Train a network as it ships, and write weights and card."""
    # Before tiles are decoded and first steps are made.
    _require_data(settings["data_dir"])
    _require_writable(f"runs/{network}" if directory is None else directory)
    facts = shipping.NETWORKS[network]
    own = network if settings["from_shipped"] else None
    for origin in filter(None, (own, facts.started_from, facts.first_stage)):
        pretrained.load(origin)
    card = shipping.train_network(network, directory=directory, **settings)
    score = shipping.SCORES[card.get("task", "inpainting")]
    print(f"Validation {score} {card['validation'][score]:.6f}")


def evaluate(methods: list[str], split: str, data_dir: str | None = None) -> None:
    """Print the scores of shipped networks and of the classical fills on one split."""
    # What is missing is found before tiles are decoded and restored.
    _require_data(data_dir)
    from eurosat_inpaint import baselines, masks, metrics, plots

    chosen: dict[str, Any] = {}
    for name in methods:
        chosen |= baselines.FILLS if name == "baselines" else {name: pretrained.load(name)}
    if "baselines" in methods:
        _require_extras(baselines.FILLS)
    pretrained.load("classifier")
    tiles = data.load_tiles(split, data_dir=data_dir)
    if len(tiles) == 0:
        raise ValueError(f"there are no {split} tiles in source {tiles.source!r}")
    drawn = masks.line_masks(len(tiles), seed=shipping.EVALUATION_MASK_SEED)
    print(f"{len(tiles):,} {split} tiles from {tiles.source!r}, original masks, composited")
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


def restore(
    source: str, target: str, bands: Any = None, scale: Any = None, **settings: Any
) -> None:
    """Restore the holes of a scene in a file, and say how many pixels were what."""
    from eurosat_inpaint import scenes

    scale = None if scale is None else tuple(scale)
    counts = scenes.restore_file(
        source, target, bands=bands, scale=scale, progress=True, **settings
    )
    listed = ", ".join(f"{count:,} {state}" for state, count in counts.items() if count)
    print(f"{target}: {listed}")


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


def _prepare_streams():
    """Closed streams take what is written and lose it; others show of any text what they can."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w"))
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _report(problem):
    print(f"error: {_one_line(problem)}", file=sys.stderr)


def _one_line(problem):
    words = str(problem)
    if isinstance(problem, OSError) and problem.strerror:
        words = f"{problem.strerror}: {problem.filename}" if problem.filename else problem.strerror
    elif not isinstance(problem, _EXPECTED) or not words:
        words = f"{type(problem).__name__} {words}"
    return " ".join(words.split())


def _require_data(data_dir):
    """Raise an error if ``--data`` was given and names nothing that exists."""
    if data_dir is not None and not as_path("--data", data_dir).exists():
        raise FileNotFoundError(
            f"--data names {data_dir!r}, which does not exist{_looked_up(data_dir)}; expected "
            "EuroSAT.zip or the folder it unpacks to"
        )


def _require_writable(directory):
    """Raise an error unless a folder is there and can be written to, or can be made."""
    folder = as_path("--output", directory)
    present = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if not present.is_dir():
        problem = f"{str(present)!r} is no folder"
    elif not os.access(present, os.W_OK | os.X_OK):
        problem = f"{str(present)!r} cannot be written to"
    else:
        return
    raise OSError(f"results cannot go to --output {directory!r}{_looked_up(directory)}: {problem}")


def _looked_up(path):
    """Where a relative path was looked up, in words."""
    if os.path.isabs(os.path.expanduser(path)):
        return ""
    try:
        return f" in {os.getcwd()}"
    except FileNotFoundError:
        return " in the current folder, which was deleted"


def _require_extras(fills):
    """Raise an ImportError that names the extra which a fill needs, if it is not installed."""
    import numpy as np

    tile, mask = np.zeros((1, 8, 8, 3)), np.ones((1, 8, 8, 1))
    mask[:, 3:5, 3:5] = 0
    for fill in fills.values():
        fill(tile, mask)


def _memory():
    import psutil

    memory = psutil.virtual_memory()
    return f"{memory.total / 2**30:.0f} GB, {memory.available / 2**30:.0f} GB free"


def _tiles(data_dir):
    try:
        _require_data(data_dir)
        tiles = data.load_tiles("all", data_dir=data_dir)
    except _EXPECTED as problem:
        return f"none: {_one_line(problem)}"
    counts = Counter(map(data.split_of, tiles.filenames))
    listed = ", ".join(f"{split} {counts[split]:,}" for split in data.SPLITS)
    empty = [split for split in data.SPLITS if not counts[split]]
    warning = f"; nothing can be done with an empty {' or '.join(empty)} split" if empty else ""
    return f"{len(tiles):,} from {tiles.source!r}: {listed}{warning}"


def _decoded_tiles():
    cache = data.cache_contents()
    kept = ", ".join(f"{kind} {size / 2**20:,.0f} MB" for kind, size in cache.items())
    return f"{kept or 'none'}, kept in {data.cache_folder()}"


def _weights(name):
    try:
        return f"load, {pretrained.load(name).count_params():,} parameters"
    except _EXPECTED as problem:
        return f"do not load: {_one_line(problem)}"


def _backend():
    import keras

    return keras.backend.backend()


def _versions(*packages):
    return ", ".join(f"{package} {shipping.version(package)}" for package in packages)


def _whole_number(least, below=None):
    """A function that reads an argument as an integer in this range."""
    words = f"a whole number of at least {least}" + (f" and below {below}" if below else "")

    def read(text):
        try:
            number = int(text)
        except ValueError:
            number = least - 1
        if number < least or (below is not None and number >= below):
            raise argparse.ArgumentTypeError(f"must be {words}, got {text!r}")
        return number

    return read


def _band_numbers(text):
    """Numbers between commas."""
    try:
        numbers = tuple(int(part) for part in text.split(","))
    except ValueError:
        numbers = (0,)
    if min(numbers) < 1:
        raise argparse.ArgumentTypeError(f"must be numbers from 1 such as 3,2,1, got {text!r}")
    return numbers


def _add_restore(commands):
    command = commands.add_parser("restore", help="restore the holes of a scene in a file")
    command.set_defaults(command=restore)
    command.add_argument("source", help="a GeoTIFF, PNG or JPEG")
    command.add_argument("target", help="a .tif or .png file to write")
    command.add_argument("--mask", metavar="FILE", help="of one band and the size of the source")
    command.add_argument(
        "--mask-is",
        choices=("holes", "known"),
        default="holes",
        help="what the pixels of the mask are that are not 0 (holes)",
    )
    command.add_argument(
        "--fill-nodata",
        action="store_true",
        help="restore pixels without data, too, where they lie between others; not the collar",
    )
    command.add_argument(
        "--bands",
        type=_band_numbers,
        metavar="3,2,1",
        help="those to restore and write, in this order (all); three go together as RGB",
    )
    command.add_argument(
        "--scale",
        nargs=2,
        type=float,
        metavar=("LOW", "HIGH"),
        help="values that look black and white (8 bits: 0 255; others: percentiles, which are "
        "said); 0 2750 for reflectances of Sentinel-2 times 10,000",
    )
    command.add_argument("--model", default="unet_any", help="a network or a fill (unet_any)")
    command.add_argument("--error", metavar="FILE", help="write expected absolute errors, .tif")
    command.add_argument(
        "--provenance",
        metavar="FILE",
        help="write a .tif: 0 seen, 1 restored, 2 left, 255 outside",
    )
    command.add_argument("--scheduler", metavar="ADDRESS", help="a Dask cluster to compute on")


def _parser():
    parser = argparse.ArgumentParser(prog="python -m eurosat_inpaint")
    commands = parser.add_subparsers(required=True, metavar="doctor | train | evaluate | restore")
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
    command.add_argument("--seed", type=_whole_number(0, _SEEDS), default=0)
    command.add_argument("--epochs", type=_whole_number(1), help="instead of the profile's number")
    command.add_argument(
        "--from-shipped",
        action="store_true",
        help="start from the shipped weights: one run continues the last",
    )
    command.add_argument(
        "--devices",
        type=_whole_number(1),
        help="train on so many at once, with KERAS_BACKEND=jax; see CONTRIBUTING.md",
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
    _add_restore(commands)
    return parser


if __name__ == "__main__":
    sys.exit(main())
