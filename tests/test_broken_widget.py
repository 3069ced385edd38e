"""An explorer that breaks fails nbval: in its first drawing, and after an event."""

import pytest
from conftest import run_nbval

pytestmark = pytest.mark.slow

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
    finished = run_nbval(cells, tmp_path)
    assert finished.returncode == status, finished.stdout
    assert ("no mask for you" in finished.stdout) == bool(status)
