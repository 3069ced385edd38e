"""Make the screenshots of the explorers in docs/explorers, with the tiles that are found.

python tools/screenshots.py
"""

import sys
import tempfile
from pathlib import Path

import browser

from notebooks import ROOT

FOLDER = ROOT / "docs" / "explorers"
# What TensorFlow says while it starts stays above.
START = "import keras"
SHOW = """
import eurosat_inpaint as ei

ei.widgets.{explorer}()
"""
WINDOWS = ((1280, 720), (1440, 900))
# Of the page of ``make app``: width, height, and which colours the reader prefers.
PAGES = ((390, 844, "light"), (1280, 720, "light"), (1280, 720, "dark"))
# The histogram comes last; how long it takes depends on the machine.
SETTLED_MILLISECONDS = 4000


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    with browser.chromium() as open_page:
        show_in_jupyterlab(open_page)
        show_page(open_page)


def show_in_jupyterlab(open_page):
    kinds = ("mask", "inpainting")
    notebooks = {
        kind: browser.notebook_of(START, SHOW.format(explorer=f"{kind}_explorer")) for kind in kinds
    }
    with (
        tempfile.TemporaryDirectory() as folder,
        browser.jupyterlab(Path(folder), notebooks, {}) as (address, _),
    ):
        for kind in kinds:
            visit = open_page(address(kind))
            visit.run_all()
            explorer = visit.explorer(f"{kind}_explorer")
            for width, height in WINDOWS:
                visit.page.set_viewport_size({"width": width, "height": height})
                visit.page.wait_for_timeout(SETTLED_MILLISECONDS)
                explorer.evaluate("explorer => explorer.scrollIntoView({block: 'end'})")
                visit.page.wait_for_timeout(500)
                visit.page.screenshot(path=FOLDER / f"{kind}_{width}x{height}.png")


def show_page(open_page):
    port = browser.free_port()
    command = [sys.executable, str(ROOT / "tools" / "app.py"), f"--port={port}", "--no-browser"]
    with (
        tempfile.TemporaryDirectory() as folder,
        browser.server(command, port, Path(folder), {}),
    ):
        visit = open_page(f"http://{browser.HOST}:{port}/")
        visit.explorer("inpainting_explorer").wait_for()
        for width, height, colours in PAGES:
            visit.page.emulate_media(color_scheme=colours)
            visit.page.set_viewport_size({"width": width, "height": height})
            visit.page.wait_for_timeout(SETTLED_MILLISECONDS)
            path = FOLDER / f"page_{width}x{height}_{colours}.png"
            visit.page.screenshot(path=path, full_page=True)


if __name__ == "__main__":
    main()
