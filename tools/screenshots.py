"""Make the screenshots of the explorers in docs/, in JupyterLab and with the tiles that are found.

python tools/screenshots.py
"""

import tempfile
from pathlib import Path

from browser import chromium, jupyterlab, notebook_of

from notebooks import ROOT

# Explorer, and the mask family that it shows.
EXPLORERS = {"mask_explorer": "scan-line gaps", "inpainting_explorer": "lines"}
SHOW = """
import eurosat_inpaint as ei

ei.widgets.{explorer}()
"""
# All of an explorer at once.
WINDOW = {"width": 1500, "height": 1500}


def main() -> None:
    notebooks = {name: notebook_of(SHOW.format(explorer=name)) for name in EXPLORERS}
    with (
        tempfile.TemporaryDirectory() as folder,
        jupyterlab(Path(folder), notebooks, {}) as (address, _),
        chromium() as open_page,
    ):
        for name, family in EXPLORERS.items():
            visit = open_page(address(name))
            visit.page.set_viewport_size(WINDOW)
            visit.run_all()
            explorer = visit.explorer(name)
            explorer.get_by_label("Mask family").select_option(family)
            # The class whose tiles say most.
            explorer.get_by_label("Class of the tile").select_option("River")
            # The histogram comes last; how long it takes depends on the machine.
            visit.page.wait_for_timeout(5000)
            explorer.screenshot(path=ROOT / "docs" / f"{name}.png")


if __name__ == "__main__":
    main()
