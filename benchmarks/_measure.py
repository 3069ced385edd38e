"""What the benchmarks share: timing in turn, Markdown tables, the machine in a line."""

import argparse
import importlib
import json
import os
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np

from eurosat_inpaint.shipping import processor

# Steps of a slider that are not counted, and from which on it goes down again.
_WARM_UP, _STEPS_UP = 5, 10


def seconds_in_turn(tasks: dict[str, Callable[[], object]], repeats: int) -> dict[str, np.ndarray]:
    """Time tasks in turn: what slows the machine down for a while slows all of them down.

    Args:
        tasks: what to call, by name. Each is called once before the clock starts: that call
            compiles, and fills caches.
        repeats: how often all of them are timed.

    Returns:
        Seconds of each call, float64 (``repeats``,), by name.
    """
    for task in tasks.values():
        task()
    seconds = {name: np.empty(repeats) for name in tasks}
    for repeat in range(repeats):
        for name, task in tasks.items():
            start = time.perf_counter()
            task()
            seconds[name][repeat] = time.perf_counter() - start
    return seconds


def latencies_of_steps(slider: Any, observed: Any, begin: str, steps: int) -> list[float]:
    """Move a slider of a page by keyboard, each time after the answer to the step before.

    Args:
        slider: Playwright's locator of it; it goes up and down again and never comes to its end.
        observed: locator of what shows the answer.
        begin: JavaScript function of that, which leaves the milliseconds of the next step, as a
            promise, in ``window.latency``.
        steps: how many are measured, after those that load code and compile.
    """
    latencies = []
    for step in range(_WARM_UP + steps):
        observed.evaluate(begin)
        slider.press("ArrowRight" if step % (2 * _STEPS_UP) < _STEPS_UP else "ArrowLeft")
        latencies.append(slider.page.evaluate("window.latency"))
    return latencies[_WARM_UP:]


def median_and_quartiles(values: np.ndarray, form: str) -> str:
    """Median and, in brackets, lower and upper quartile: a cell of a table."""
    lower, median, upper = np.quantile(values, (0.25, 0.5, 0.75))
    return f"{median:{form}} [{lower:{form}}, {upper:{form}}]"


def print_table(header: tuple[str, ...], rows: list[tuple], notes: str) -> None:
    """A Markdown table, then notes on how to read it and the machine it comes from."""
    print(f"| {' | '.join(header)} |")
    print("|---" * len(header) + "|")
    for row in rows:
        print(f"| {' | '.join(map(str, row))} |")
    print(f"\n{notes}\n\n{machine()}")


def search_parser(
    description: str, results: Path, changes: Iterable[str], run: Callable, table: Callable
) -> tuple[argparse.ArgumentParser, argparse.ArgumentParser]:
    """The command line of a search, ``run CHANGE`` or ``table``, and that of its ``run`` alone."""
    parser = argparse.ArgumentParser(description=description.splitlines()[0])
    parser.add_argument("--output", type=Path, default=results, help="JSON of all runs")
    commands = parser.add_subparsers(required=True, metavar="run | table")
    command = commands.add_parser("run")
    command.set_defaults(command=run)
    command.add_argument("change", choices=changes)
    command.add_argument("--seed", type=int, default=0)
    commands.add_parser("table").set_defaults(command=table)
    return parser, command


def runs_in(path: Path) -> list[dict]:
    """The runs of a search so far."""
    return json.loads(path.read_text()) if path.exists() else []


def machine() -> str:
    """Processor, cores, devices and versions, in a line."""
    import cv2
    import keras

    backend = keras.backend.backend()
    devices = {name.split(":")[0].upper() for name in keras.distribution.list_devices()}
    versions = {
        backend: importlib.import_module(backend).__version__,
        "keras": keras.version(),
        "numpy": np.__version__,
        "opencv": cv2.__version__,
    }
    listed = ", ".join(f"{name} {version}" for name, version in versions.items())
    return f"{processor()}, {os.cpu_count()} cores, on {', '.join(sorted(devices))}; {listed}"
