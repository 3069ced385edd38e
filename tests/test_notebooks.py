"""Committed notebooks agree with their sources, and the tools notice what is wrong with one."""

import base64
import copy
import io
from pathlib import Path
from types import SimpleNamespace

import jupytext
import nbformat
import numpy as np
import pytest
from conftest import run_nbval
from nbclient.exceptions import CellExecutionError
from nbformat.v4 import new_code_cell, new_markdown_cell, new_output
from PIL import Image

import notebooks as tools
from eurosat_inpaint import data

ROOT = Path(__file__).resolve().parent.parent

NAMES = sorted(path.stem for path in tools.SOURCES.glob("*.py"))

SOURCE = """# %% [markdown]
# # A notebook
# It links to [a page](https://example.org/home/page) and to ../tmp/file.

# %% tags=["nbval-check-output"]
print(6 * 7)

# %%
"a" + "b"
"""
ALT = "A chart of nothing at all, in which two axes meet at the lower left corner."
ILLUSTRATED = SOURCE.replace('# %%\n"a"', f'# %% tags=["result"] alt="{ALT}"\n"a"')
PICTURE = "aGVsbG8/tmp/home/Wor/ld="


def test_every_source_has_its_notebook_and_the_reverse():
    assert NAMES == sorted(path.stem for path in tools.NOTEBOOKS.glob("*.ipynb"))


@pytest.mark.parametrize("name", NAMES)
def test_committed_notebook_has_no_problems(name):
    assert tools.find_problems(tools.NOTEBOOKS / f"{name}.ipynb") == []


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder of notebooks, with the source of one in it."""
    monkeypatch.setattr(tools, "NOTEBOOKS", tmp_path)
    monkeypatch.setattr(tools, "SOURCES", tmp_path / "source")
    monkeypatch.setattr(tools, "BUILD", tmp_path / "build")
    tools.SOURCES.mkdir()
    (tools.SOURCES / "01_small.py").write_text(SOURCE)
    tools.path_of_result("01_small").parent.mkdir()
    tools.path_of_result("01_small").write_bytes(base64.b64decode(PICTURE))
    return tmp_path


@pytest.fixture
def notebook():
    """The notebook of ``ILLUSTRATED`` as it is after it was executed."""
    made = jupytext.reads(ILLUSTRATED, fmt="py:percent")
    _, first, second = made.cells
    first.execution_count, second.execution_count = 2, 3
    first.outputs = [new_output("stream", name="stdout", text="42\n")]
    picture = {"text/plain": "<Figure size 640x480>", "image/png": PICTURE}
    described = {"image/png": {"alt": ALT, "width": 320}}
    second.outputs = [new_output("display_data", picture, metadata=described)]
    tools.start_with_preamble(made, "01_small")
    made.metadata = tools.metadata_of("01_small")
    return made


def problems_of(folder, notebook):
    path = folder / "01_small.ipynb"
    (tools.SOURCES / "01_small.py").write_text(ILLUSTRATED)
    nbformat.write(notebook, path)
    return tools.find_problems(path)


def test_good_notebook_has_no_problems(folder, notebook):
    assert problems_of(folder, notebook) == []


def plant_stderr(cell):
    cell.outputs.append(new_output("stream", name="stderr", text="UserWarning: careful\n"))


def plant_error(cell):
    cell.outputs.append(new_output("error", ename="ValueError", evalue="no", traceback=["no"]))


def plant_changed_text(cell):
    cell.source += "  # changed"


def plant_changed_tags(cell):
    cell.metadata["tags"] = []


def plant_not_executed(cell):
    cell.execution_count = None


def plant_many_bytes(cell):
    cell.outputs.append(new_output("stream", name="stdout", text="x" * 2_000_000))


def plant_long_code(cell):
    cell.source += 20 * "\npass"


def plant_path_in_text(cell):
    cell.outputs.append(new_output("stream", name="stdout", text=f"reads:\n{ROOT}/data\n"))


def plant_path_of_another_machine(cell):
    cell.outputs.append(new_output("execute_result", {"text/plain": "'/home/ada/EuroSAT.zip'"}))


def plant_warning(cell):
    said = "WARNING:tensorflow:5 out of the last 13 calls triggered tf.function retracing."
    cell.outputs.append(new_output("stream", name="stdout", text=said))


def plant_path_in_html(cell):
    page = {"text/html": '<a href="/Users/ada/EuroSAT.zip">tiles</a>'}
    cell.outputs.append(new_output("display_data", page))


def plant_path_in_source(cell):
    cell.source += "\nopen(r'C:\\Users\\ada')"


@pytest.mark.parametrize(
    ("plant", "problem"),
    [
        (plant_stderr, "holds stderr output"),
        (plant_warning, "holds a warning of TensorFlow"),
        (plant_error, "holds an error"),
        (plant_changed_text, "differs from its source"),
        (plant_changed_tags, "differs from its source"),
        (plant_not_executed, "holds code that was not executed"),
        (plant_many_bytes, "bytes; 2,000,000 are allowed"),
        (plant_long_code, "has a code cell of more than 20 lines"),
        (plant_path_in_text, "names a path"),
        (plant_path_of_another_machine, "names a path"),
        (plant_path_in_html, "names a path"),
        (plant_path_in_source, "names a path"),
    ],
)
def test_planted_problem_is_found(plant, problem, folder, notebook):
    plant(notebook.cells[-2])
    assert any(problem in found for found in problems_of(folder, notebook))


def plant_no_alt(cell):
    del cell.metadata["alt"]


def plant_generic_alt(cell):
    cell.metadata["alt"] = "A figure"


def plant_endless_alt(cell):
    cell.metadata["alt"] *= 10


def plant_alt_of_another(cell):
    cell.outputs[0].metadata["image/png"]["alt"] = "A picture."


def plant_second_picture(cell):
    cell.outputs.append(copy.deepcopy(cell.outputs[0]))


def plant_no_picture(cell):
    cell.metadata["tags"], cell.outputs = [], []


def plant_another_picture(cell):
    cell.outputs[0].data["image/png"] = as_picture(np.zeros((4, 4, 3), np.uint8))


@pytest.mark.parametrize(
    ("plant", "problem"),
    [
        (plant_no_alt, "does not say in 60 to 400 characters what its picture shows"),
        (plant_generic_alt, "does not say in 60 to 400 characters what its picture shows"),
        (plant_endless_alt, "does not say in 60 to 400 characters what its picture shows"),
        (plant_alt_of_another, "has a picture with another text than its own"),
        (plant_second_picture, "describes one picture and shows 2"),
        (plant_no_picture, "describes one picture and shows 0"),
        (plant_another_picture, "has another result than 01_small.png"),
    ],
)
def test_planted_problem_of_a_picture_is_found(plant, problem, folder, notebook):
    plant(notebook.cells[-1])
    assert any(problem in found for found in problems_of(folder, notebook))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("# Another title", "does not have one title, at its beginning"),
        ("### Too deep", "leaves out a level of headings"),
        ("## Two\n\n#### Four", "leaves out a level of headings"),
        ("## A section\n\n### Below it\n\n## Another\n\n```\n# code\n```", None),
    ],
)
def test_levels_of_headings(text, problem, folder, notebook):
    notebook.cells.append(new_markdown_cell(text))
    found = [p for p in problems_of(folder, notebook) if "title" in p or "headings" in p]
    assert found == ([problem] if problem else [])


def test_too_many_cells_are_found(folder, notebook):
    notebook.cells += [new_code_cell("", execution_count=4) for _ in range(42)]
    assert "has 46 cells; 45 are allowed" in problems_of(folder, notebook)


def test_title_stands_first_and_the_install_check_below_it_is_folded():
    for name in NAMES:
        notebook = nbformat.read(tools.NOTEBOOKS / f"{name}.ipynb", as_version=4)
        title, install = notebook.cells[:2]
        assert title.source.startswith("# ") and title.cell_type == "markdown"
        assert "eurosat_inpaint" in install.source and install.source.startswith("# @title")
        assert install.metadata == {"jupyter": {"source_hidden": True}, "cellView": "form"}


def test_missing_and_added_cells_are_found(folder, notebook):
    shorter, longer = copy.deepcopy(notebook), copy.deepcopy(notebook)
    without_install = copy.deepcopy(notebook)
    del shorter.cells[-2], without_install.cells[1]
    longer.cells.append(new_code_cell("", execution_count=4))
    for changed in (shorter, longer, without_install):
        assert "differs from its source" in problems_of(folder, changed)[0]


def test_metadata_of_other_tools_are_found(folder, notebook):
    notebook.metadata["colab"] = {"name": "Copy of 01_small"}
    assert "has other metadata" in problems_of(folder, notebook)[0]


def test_where_networks_are_trained_colab_is_asked_for_a_gpu():
    asking = [name for name in NAMES if "accelerator" in tools.metadata_of(name)]
    assert asking == [name for name in NAMES if name[:2] in ("06", "07", "08")]
    assert tools.metadata_of("06_unet_training")["accelerator"] == "GPU"


STARTUP = (
    "WARNING: All log messages before absl::InitializeLog() is called are written to STDERR\n"
    "I0000 00:00:1795363468.287882    7667 port.cc:153] oneDNN custom operations are on.\n"
    "E0000 00:00:1795363478.080157    7667 cuda_platform.cc:52] failed call to cuInit\n"
    "To enable the following instructions: AVX2 FMA, in other operations, rebuild TensorFlow.\n"
)


def as_picture(pixels, **settings):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "png", **settings)
    return base64.b64encode(file.getvalue()).decode()


def test_strip_removes_only_what_tensorflow_says_while_it_starts(notebook):
    first, second = notebook.cells[-2:]
    second.outputs[0].data["image/png"] = as_picture(np.zeros((4, 4, 3), np.uint8))
    first.outputs.append(new_output("stream", name="stderr", text=STARTUP))
    second.outputs.append(new_output("stream", name="stderr", text=STARTUP + "UserWarning: x\n"))
    second.metadata["execution"] = {"iopub.execute_input": "2024-01-01"}
    tools.strip(notebook, "01_small")
    assert [output.get("name") for output in first.outputs] == ["stdout"]
    assert [output.get("name") for output in second.outputs] == [None, "stderr"]
    assert first.metadata == {"tags": ["nbval-check-output"]}
    assert set(second.metadata) == {"tags", "alt"}


def test_strip_packs_pictures_and_changes_no_pixel(notebook):
    shades = np.arange(64 * 64, dtype=np.uint8).reshape(64, 64)
    pixels = np.stack([shades, shades.T, shades // 2, np.full_like(shades, 255)], axis=-1)
    data = notebook.cells[-1].outputs[0].data
    data["image/png"] = before = as_picture(pixels, compress_level=1)
    tools.strip(notebook, "01_small")
    assert len(data["image/png"]) < len(before)
    packed = np.asarray(Image.open(io.BytesIO(base64.b64decode(data["image/png"]))))
    np.testing.assert_array_equal(packed, pixels[..., :3])


def real_tiles(monkeypatch, source="local"):
    monkeypatch.setattr(data, "load_tiles", lambda split: SimpleNamespace(source=source))


DRAWS = """import matplotlib.pyplot as plt
import eurosat_inpaint as ei
ei.plots.use_style()
figure, axis = plt.subplots(figsize=(2, 1))"""


def test_build_makes_sharp_pictures_that_say_what_they_show(folder, monkeypatch):
    real_tiles(monkeypatch)
    (tools.SOURCES / "01_small.py").write_text(ILLUSTRATED.replace('"a" + "b"', DRAWS))
    assert tools.build(["01_small"]) == 0
    drawing = nbformat.read(folder / "01_small.ipynb", as_version=4).cells[-1]
    (output,) = tools.pictures_of(drawing)
    said = output.metadata["image/png"]
    assert said["alt"] == drawing.metadata["alt"] == ALT
    picture = base64.b64decode(output.data["image/png"])
    with Image.open(io.BytesIO(picture)) as opened:
        assert opened.size == (2 * said["width"], 2 * said["height"]) == (384, 192)
    assert tools.path_of_result("01_small").read_bytes() == picture


def test_build_executes_and_keeps_the_ids_of_cells(folder, monkeypatch):
    real_tiles(monkeypatch)
    path = folder / "01_small.ipynb"
    assert tools.build(["01_small"]) == 0
    before = nbformat.read(path, as_version=4)
    assert before.cells[-2].outputs[0].text == "42\n"
    changed = SOURCE.replace("# %%\n", "# %%\nx = 1\n\n# %%\n").replace("6 * 7", "6 * 8")
    (tools.SOURCES / "01_small.py").write_text(changed)
    assert tools.find_problems(path) == ["differs from its source: run `make notebooks`"]
    assert tools.build(["01_small"]) == 0
    after = nbformat.read(path, as_version=4)
    assert [c.id for c in after.cells if c.source != "x = 1"] == [c.id for c in before.cells]
    assert after.cells[-3].outputs[0].text == "48\n"
    assert [c.execution_count for c in after.cells if c.cell_type == "code"] == [1, 2, 3, 4]
    assert jupytext.reads(changed, fmt="py:percent").cells[1].metadata == after.cells[-3].metadata


@pytest.mark.parametrize(
    ("first", "then", "kinds"),
    [
        ("planted = 'text'", "planted = 1", "a str before, to a number"),
        ("planted = [1]", "planted = (1,)", "a list before, to a tuple"),
        ("planted = 1", "planted = np.ones(3)", "a number before, to a ndarray"),
        ("planted = np.ones(3)", "for planted in range(2): pass", "a ndarray before, to a number"),
        ("def planted(): pass", "class planted: pass", "a function before, to a class"),
    ],
)
def test_build_finds_names_bound_to_another_kind_of_thing(
    first, then, kinds, folder, monkeypatch, capsys
):
    real_tiles(monkeypatch)
    cells = ("import numpy as np", first, then)
    source = SOURCE + "".join(f"\n# %%\n{cell}\n" for cell in cells)
    (tools.SOURCES / "01_small.py").write_text(source)
    assert tools.build(["01_small"]) == 1
    problem = f"error: 01_small.ipynb: cell [6] binds planted, {kinds}"
    assert capsys.readouterr().err.splitlines() == [problem]


def test_build_lets_names_be_bound_to_the_same_kind_of_thing(folder, monkeypatch, capsys):
    real_tiles(monkeypatch)
    first = "number, later, array, _any, call = 1, None, np.ones(3), 1, len"
    then = "number, later, array, _any, call = np.float32(2), 'x', np.eye(2), 'x', lambda: 1"
    inner = "[number for number in 'abc']"
    cells = ("import numpy as np", first, then, inner, "import os as number")
    source = SOURCE + "".join(f"\n# %%\n{cell}\n" for cell in cells)
    (tools.SOURCES / "01_small.py").write_text(source)
    assert tools.build(["01_small"]) == 0
    assert capsys.readouterr().err == ""
    after = nbformat.read(folder / "01_small.ipynb", as_version=4)
    assert [c.execution_count for c in after.cells if c.cell_type == "code"] == [*range(1, 9)]


def test_build_that_fails_leaves_the_notebook_as_it_was(folder, notebook, monkeypatch):
    real_tiles(monkeypatch)
    path = folder / "01_small.ipynb"
    nbformat.write(notebook, path)
    before = path.read_bytes()
    (tools.SOURCES / "01_small.py").write_text(SOURCE + "\n# %%\nraise KeyError('gone')\n")
    with pytest.raises(CellExecutionError, match="gone"):
        tools.build(["01_small"])
    assert path.read_bytes() == before


def test_build_refuses_synthetic_tiles(folder, monkeypatch, capsys):
    real_tiles(monkeypatch, "synthetic")
    assert tools.build(["01_small"]) == 1
    assert "committed notebooks show real tiles" in capsys.readouterr().err
    assert not (folder / "01_small.ipynb").exists()


@pytest.mark.slow
def test_run_leaves_executed_notebooks_and_pages(folder, notebook, monkeypatch, capsys):
    real_tiles(monkeypatch)
    notebook.cells[-2].outputs = []
    nbformat.write(notebook, folder / "01_small.ipynb")
    before = (folder / "01_small.ipynb").read_bytes()
    assert tools.run(["01_small"]) == 0
    executed = nbformat.read(folder / "build" / "01_small.ipynb", as_version=4)
    assert executed.cells[-2].outputs[0].text == "42\n"
    assert "A notebook" in (folder / "build" / "01_small.html").read_text(encoding="utf-8")
    assert (folder / "01_small.ipynb").read_bytes() == before
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("01_small ... ") and str(folder / "build") in lines[-1]


FAILS_IN_A_CALLBACK = """import ipywidgets
ipywidgets.interact(lambda k: 1 / k, k=ipywidgets.IntSlider(0, 0, 3))"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("code", "status"),
    [
        pytest.param("1 + 1", 0, id="good"),
        pytest.param("raise ValueError('planted')", 1, id="raises"),
        pytest.param(FAILS_IN_A_CALLBACK, 1, id="raises in a callback"),
    ],
)
def test_nbval_fails_where_a_cell_raises(code, status, tmp_path):
    finished = run_nbval([code], tmp_path)
    assert finished.returncode == status, finished.stdout
