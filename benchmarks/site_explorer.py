"""The explorer of the site in Chromium: how soon it is there, and how soon a step is answered.

make site; python benchmarks/site_explorer.py
"""

import argparse
import sys
import time
from pathlib import Path

import numpy as np
from _measure import latencies_of_steps, print_table

sys.path.append(str(Path(__file__).resolve().parent.parent / "tools"))

from browser import chromium, served

SITE = Path(__file__).resolve().parent.parent / "build" / "site"
# From the browser's time stamp of the key press to the frame after the one in which the network's
# answer is shown.
BEGIN = """results => {
    const pressed = new Promise(resolve => document.addEventListener(
        "keydown", event => resolve(event.timeStamp), {once: true, capture: true}));
    const shown = new Promise(resolve => {
        const observer = new MutationObserver(() => {
            if (results.ariaBusy === "true") return;
            observer.disconnect();
            requestAnimationFrame(() => requestAnimationFrame(resolve));
        });
        observer.observe(results, {attributeFilter: ["aria-busy"]});
    });
    window.latency = Promise.all([pressed, shown]).then(([start]) => performance.now() - start);
}"""
NOTES = """\
Of {visits} visits, and of {steps} steps of "Number of lines" by keyboard, each after the answer to
the one before; the page is served from this machine, and Debian's Chromium has no window."""


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--visits", type=int, default=5, help="(%(default)s)")
    parser.add_argument("--steps", type=int, default=100, help="(%(default)s)")
    options = parser.parse_args()
    seen, ready = [], []
    with served(SITE) as address, chromium() as open_page:
        for _ in range(options.visits):
            start = time.perf_counter()
            page = open_page(f"{address}/explorer/index.html").page
            page.locator("#fill-scores td").first.wait_for()
            seen.append(time.perf_counter() - start)
            page.locator("#network-scores td").first.wait_for()
            ready.append(time.perf_counter() - start)
            if len(ready) < options.visits:
                page.close()
        slider = page.get_by_label("Number of lines")
        latencies = latencies_of_steps(slider, page.locator("#results"), BEGIN, options.steps)
    rows = [
        ("first view: tile, mask and push-pull, s", *spread(seen, ".2f"), 2),
        ("the network has answered, s", *spread(ready, ".2f"), ""),
        ("from a step to the network's picture, ms", *spread(latencies, ".0f"), 150),
    ]
    header = ("what", "median", "95th percentile", "asked of it")
    print_table(header, rows, NOTES.format(visits=options.visits, steps=options.steps))


def spread(values, form):
    return [f"{value:{form}}" for value in np.quantile(values, (0.5, 0.95))]


if __name__ == "__main__":
    main()
