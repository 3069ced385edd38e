"""An explorer that breaks fails nbval: in its first drawing, and after an event."""

import subprocess
import sys

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

TILES = """
import eurosat_inpaint as ei

tiles = ei.data.load_tiles("validation", source="synthetic")
"""
SHOW = """
explorer = ei.widgets.mask_explorer(tiles)
explorer
"""
CHANGE = """
def controls(widget):
    yield widget
    for child in getattr(widget, "children", ()):
        yield from controls(child)

(family,) = [w for w in controls(explorer) if getattr(w, "description", "") == "Mask family"]
family.value = "clouds"
"""
REFUSE = """
def make(*arguments, **parameters):
    raise ValueError("no mask for you")

ei.masks.make = make
"""
BREAK = REFUSE.replace("ValueError", "KeyError")


@pytest.mark.parametrize(
    ("cells", "status"),
    [
        pytest.param([TILES, SHOW, CHANGE], 0, id="unbroken"),
        pytest.param([TILES, SHOW, REFUSE, CHANGE], 0, id="refuses after an event"),
        pytest.param([TILES, SHOW, BREAK, CHANGE], 1, id="breaks after an event"),
        pytest.param([TILES, BREAK, SHOW], 1, id="breaks at first"),
    ],
)
def test_nbval_fails_where_an_explorer_breaks(cells, status, tmp_path):
    notebook = new_notebook(cells=[new_code_cell(cell) for cell in cells])
    nbformat.write(notebook, tmp_path / "broken.ipynb")
    options = ["--nbval-lax", "--nbval-current-env", "-p", "no:cacheprovider", "-q"]
    finished = subprocess.run(
        [sys.executable, "-m", "pytest", *options, "broken.ipynb"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert finished.returncode == status, finished.stdout
    assert ("no mask for you" in finished.stdout) == bool(status)
