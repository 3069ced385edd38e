"""Latency of the explorers in Chromium: from the step of a slider to the new picture in the page.

python benchmarks/widgets.py
"""

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np
from _measure import latencies_of_steps, print_table

sys.path.append(str(Path(__file__).resolve().parent.parent / "tools"))

from browser import chromium, jupyterlab, notebook_of

CONFIG = Path(__file__).resolve().parent.parent / "tools" / "serving" / "jupyter_config.py"
# Explorer, place of the picture that comes last, and the milliseconds that 95 % of the steps may
# take.
EXPLORERS = (
    ("mask_explorer", 2, 70),
    ("inpainting_explorer", 5, 80),
)
SHOW = """
import eurosat_inpaint as ei

ei.widgets.{explorer}(ei.data.load_tiles("validation", source="synthetic"))
"""
# From the browser's time stamp of the key press to the frame after the one that shows the picture.
BEGIN = """picture => {
    const pressed = new Promise(resolve => document.addEventListener(
        "keydown", event => resolve(event.timeStamp), {once: true, capture: true}));
    const shown = new Promise(resolve => picture.addEventListener(
        "load", () => requestAnimationFrame(() => requestAnimationFrame(resolve)), {once: true}));
    window.latency = Promise.all([pressed, shown]).then(([start]) => performance.now() - start);
}"""
NOTES = """\
Milliseconds over {steps} steps of "Number of lines" by keyboard, each after the picture of the one
before has come, in JupyterLab as `make lab` starts it and Debian's Chromium without a window; the
explorer for inpainting restores with the shipped unet and by push-pull. Synthetic tiles."""


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=50, help="(%(default)s)")
    options = parser.parse_args()
    notebooks = {name: notebook_of(SHOW.format(explorer=name)) for name, _, _ in EXPLORERS}
    rows = []
    with (
        tempfile.TemporaryDirectory() as folder,
        jupyterlab(Path(folder), notebooks, {}, (f"--config={CONFIG}",)) as (address, _),
        chromium() as open_page,
    ):
        for name, picture, asked in EXPLORERS:
            visit = open_page(address(name))
            visit.run_all()
            explorer = visit.explorer(name)
            image = explorer.locator("img.explorer-picture").nth(picture)
            slider = explorer.get_by_role("slider", name="Number of lines", exact=True)
            latencies = latencies_of_steps(slider, image, BEGIN, options.steps)
            visit.page.close()
            median, late = np.quantile(latencies, (0.5, 0.95))
            rows.append((f"`{name}`", f"{median:.0f}", f"{late:.0f}", asked))
    header = ("explorer", "median, ms", "95th percentile, ms", "asked of it, ms")
    print_table(header, rows, NOTES.format(steps=options.steps))


if __name__ == "__main__":
    main()
