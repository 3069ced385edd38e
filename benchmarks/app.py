"""The page of ``make app``: how soon an explorer is in view, and the memory of many visitors.

python benchmarks/app.py
"""

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

from _measure import print_table

sys.path.append(str(Path(__file__).resolve().parent.parent / "tools"))

import browser

APP = Path(__file__).resolve().parent.parent / "tools" / "app.py"

NOTES = """\
Visitors of one page of `make app`, each in a tab of its own, all with the first results of both
explorers in view. Memory is what the server, the process of the networks and all kernels hold,
pages that they share counted once. Seconds are from the request of a page to the first explorer's
picture in it, in Debian's Chromium on the same machine, its kernel's start included."""


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--visitors", type=int, default=10, help="(%(default)s)")
    options = parser.parse_args()
    port = browser.free_port()
    command = [sys.executable, str(APP), f"--port={port}", "--no-browser"]
    rows = []
    with (
        tempfile.TemporaryDirectory() as folder,
        browser.server(command, port, Path(folder), {}) as log,
        browser.chromium() as open_page,
    ):
        family = processes_below(log)
        for number in range(1, options.visitors + 1):
            start = time.perf_counter()
            visit = open_page(f"http://{browser.HOST}:{port}/")
            visit.explorer("mask_explorer").locator("img.explorer-picture").first.wait_for()
            seconds = time.perf_counter() - start
            visit.explorer("inpainting_explorer").locator("img.explorer-picture").last.wait_for()
            if number in (1, options.visitors):
                rows.append((number, f"{seconds:.1f}", f"{memory_of(family()) / 2**30:.2f}"))
    print_table(("visitors", "seconds of the last", "GiB in all"), rows, NOTES)


def processes_below(log):
    """A function that finds the server, which holds its log open, and all that it started."""
    (server,) = (
        int(process.name)
        for process in Path("/proc").glob("[0-9]*")
        if parent_of(process) == os.getpid() and holds(process, log)
    )

    def family():
        found = {server}
        while True:
            more = {
                int(process.name)
                for process in Path("/proc").glob("[0-9]*")
                if parent_of(process) in found
            }
            if more <= found:
                return found
            found |= more

    return family


def parent_of(process):
    try:
        return int((process / "stat").read_text().rsplit(")", 1)[1].split()[1])
    except OSError:
        return None


def holds(process, file):
    return (process / "fd" / "1").resolve() == file


def memory_of(processes):
    """Proportional set size in bytes."""
    total = 0
    for process in processes:
        lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
        total += 1024 * sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return total


if __name__ == "__main__":
    main()
