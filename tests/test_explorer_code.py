"""The code that an explorer shows runs in the notebook that shows it."""

import ast
from types import SimpleNamespace

import jupytext
import pytest

from eurosat_inpaint.widgets import explorers
from notebooks import SOURCES

EXPLORERS = ("mask_explorer", "inpainting_explorer")
RUN_SHOWN_CODE = """
def controls(widget):
    yield widget
    for child in getattr(widget, "children", ()):
        yield from controls(child)

(code,) = [w.value for w in controls(shown) if getattr(w, "description", "") == "Code"]
exec(code)
assert masks.shape == (1, 64, 64, 1)
if "left" in globals():
    assert left.shape == right.shape == tile.shape == (1, 64, 64, 3)
print(code)
"""


def calls_of_explorers():
    for path in sorted(SOURCES.glob("*.py")):
        for number, expression in enumerate(explorers_in(statements_of(path))):
            yield pytest.param(path, number, id=f"{path.stem}, {ast.unparse(expression)}")


def statements_of(path):
    cells = (cell.source for cell in jupytext.read(path).cells if cell.cell_type == "code")
    return [statement for cell in cells for statement in ast.parse(cell).body]


def explorers_in(statements):
    """Calls such as ``ei.widgets.mask_explorer(tiles)``."""
    return [
        node
        for statement in statements
        for node in ast.walk(statement)
        if isinstance(node, ast.Call) and getattr(node.func, "attr", "") in EXPLORERS
    ]


def needed_for(call, statements):
    """The statements that bind, directly or not, the names that a call uses."""
    (place,) = [k for k, statement in enumerate(statements) if call in ast.walk(statement)]
    wanted, kept = names_in(call, ast.Load), []
    for statement in reversed(statements[:place]):
        imported = {
            alias.asname or alias.name.split(".")[0]
            for node in ast.walk(statement)
            if isinstance(node, (ast.Import, ast.ImportFrom))
            for alias in node.names
        }
        if wanted & (names_in(statement, ast.Store) | imported):
            kept.append(statement)
            wanted |= names_in(statement, ast.Load)
    return kept[::-1]


def names_in(tree, context):
    return {
        node.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Name) and isinstance(node.ctx, context)
    }


@pytest.mark.slow
@pytest.mark.parametrize(("path", "number"), list(calls_of_explorers()))
def test_shown_code_runs_in_its_notebook(path, number, monkeypatch, capsys):
    monkeypatch.setenv("EUROSAT_INPAINT_PROFILE", "smoke")
    statements = statements_of(path)
    call = explorers_in(statements)[number]
    lines = [ast.unparse(statement) for statement in needed_for(call, statements)]
    names = {}
    # Where an explorer looks for what the reader's notebook calls its tiles.
    monkeypatch.setattr(explorers, "get_ipython", lambda: SimpleNamespace(user_ns=names))
    exec("\n".join([*lines, f"shown = {ast.unparse(call)}", RUN_SHOWN_CODE]), names)
    assert "masks = ei.masks.make(" in capsys.readouterr().out


def test_every_explorer_in_the_series_is_found():
    found = {path.stem[:2] for path in SOURCES.glob("*.py") if explorers_in(statements_of(path))}
    assert found >= {"02", "06", "09", "ap"}
