"""Build, run and check the notebooks. Called by the Makefile and by the tests.

Text flows one way: notebooks/source/NN_topic.py is edited, notebooks/NN_topic.ipynb is made. The
cell below every title comes from ``preamble.py``. A cell that draws says in its metadata, as
``alt``, what its picture shows; it becomes the text that stands in for the picture. The picture of
the cell tagged ``result`` is also kept as a file, for the card at the notebook's beginning.
"""

import argparse
import ast
import base64
import io
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import jupytext
import nbformat
from jupytext.combine import combine_inputs_with_outputs
from nbclient import NotebookClient
from nbconvert import HTMLExporter
from PIL import Image
from preamble import BADGE_ID, start_with_preamble, without_preamble

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = ROOT / "notebooks"
SOURCES = NOTEBOOKS / "source"
BUILD = ROOT / "build"
LARGEST_BYTES = 2_000_000
MOST_CELLS, MOST_LINES = 45, 20
SHORTEST_ALT, LONGEST_ALT = 60, 400
CELL_SECONDS = 900
# Notebooks in which networks are trained: Colab is asked for a GPU.
TRAINS_NETWORKS = ("06_unet_training", "07_gan_attempt", "08_wnet_attempt")

# Absolute paths on Linux, macOS and Windows; addresses and relative paths are none.
_PATH = re.compile(
    r"(?<![\w./])/(home|root|Users|tmp|var|mnt|opt|usr|private|workspace"
    rf"|{re.escape(ROOT.parts[1])})/|\b[A-Z]:\\Users\\"
)

# Evaluated in the kernel: the kind of thing that each name of the reader's is bound to. Numbers are
# one kind, be they Python's or NumPy's; so are all networks, and all functions.
_KINDS = """{
    name: next(
        (
            kind
            for kind, types in {
                "number": {"int", "float", "bool", "bool_", "number"},
                "network": {"Model"},
                "class": {"type"},
                "function": {"function", "builtin_function_or_method", "method", "partial"},
            }.items()
            if types & {base.__name__ for base in type(value).__mro__}
        ),
        type(value).__name__,
    )
    for name, value in list(globals().items())
    if not name.startswith("_") and type(value).__name__ != "module"
}"""

# What TensorFlow's native code writes to stderr while it starts, whatever it is told.
_STARTUP_LINE = re.compile(
    r"^(WARNING: All log messages before absl::InitializeLog.*"
    r"|[IWE]\d{4} [\d:.]+\s+\d+ \w+\.(cc|h):\d+\].*"
    r"|To enable the following instructions: .*)?$"
)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("command", choices=("build", "run"))
    parser.add_argument("only", nargs="?", default="", help="beginning of a notebook's name")
    options = parser.parse_args()
    stems = sorted(path.stem for path in SOURCES.glob("*.py"))
    names = [name for name in stems if name.startswith(options.only)]
    if not names:
        print(f"error: no notebook begins with {options.only!r}", file=sys.stderr)
        return 1
    if given := os.environ.get("EUROSAT_INPAINT_DATA"):
        # Notebooks are executed in another folder.
        os.environ["EUROSAT_INPAINT_DATA"] = os.path.abspath(os.path.expanduser(given))
    try:
        return build(names) if options.command == "build" else run(names)
    except (ValueError, OSError) as problem:
        print(f"error: {problem}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return 130


def build(names: list[str]) -> int:
    """Make the committed notebooks: convert, execute, strip, check. Needs real tiles."""
    from eurosat_inpaint import data

    if data.load_tiles("validation").source == "synthetic":
        message = "error: committed notebooks show real tiles; set EUROSAT_INPAINT_DATA"
        print(message, file=sys.stderr)
        return 1
    problems = []
    for name in names:
        path = NOTEBOOKS / f"{name}.ipynb"
        notebook = jupytext.read(SOURCES / f"{name}.py")
        if path.exists():
            # What `jupytext --update` does: cells keep their ids, so that diffs stay small.
            former = without_preamble(nbformat.read(path, as_version=4))
            notebook = combine_inputs_with_outputs(notebook, former, fmt="py:percent")
        start_with_preamble(notebook, name)
        executed, rebound = execute(notebook, name)
        nbformat.write(executed, path)
        if picture := result_of(executed):
            path_of_result(name).parent.mkdir(exist_ok=True)
            path_of_result(name).write_bytes(picture)
        problems += [f"{path.name}: {problem}" for problem in rebound + find_problems(path)]
    for problem in problems:
        print(f"error: {problem}", file=sys.stderr)
    return 1 if problems else 0


def run(names: list[str]) -> int:
    """Execute every notebook into build/, as notebook and as HTML."""
    from eurosat_inpaint import data

    # Where tiles come from is decided here, once for all notebooks.
    if data.load_tiles("validation").source == "synthetic":
        os.environ[data.OFFLINE_VARIABLE] = "1"
    BUILD.mkdir(exist_ok=True)
    for name in names:
        executed, _ = execute(nbformat.read(NOTEBOOKS / f"{name}.ipynb", as_version=4), name)
        nbformat.write(executed, BUILD / f"{name}.ipynb")
        page, _ = HTMLExporter().from_notebook_node(executed)
        (BUILD / f"{name}.html").write_text(page, encoding="utf-8")
    print(f"Executed notebooks and their HTML pages are in {BUILD}")
    return 0


def execute(notebook, name):
    """Execute a notebook in its folder.

    Returns it with outputs, stripped of all that drifts, and the problems seen on the way: names
    that a cell bound to another kind of thing than a cell before, so that running that one again
    would break.
    """
    print(f"{name} ...", end=" ", flush=True)
    start = time.perf_counter()
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    client = NotebookClient(
        notebook,
        timeout=CELL_SECONDS,
        kernel_name="python3",
        store_widget_state=False,
        record_timing=False,
        coalesce_streams=True,
        resources={"metadata": {"path": str(NOTEBOOKS)}},
    )
    kinds, problems = {}, []

    async def compare_kinds(cell, cell_index, execute_reply):
        del cell, cell_index
        reply = await client.kc.execute(
            "", silent=True, user_expressions={"kinds": _KINDS}, reply=True, timeout=CELL_SECONDS
        )
        count = execute_reply["content"]["execution_count"]
        found = reply["content"]["user_expressions"]["kinds"]["data"]["text/plain"]
        for bound, kind in ast.literal_eval(found).items():
            # What was None may become anything.
            if (former := kinds.get(bound, "NoneType")) not in ("NoneType", kind):
                problems.append(f"cell [{count}] binds {bound}, a {former} before, to a {kind}")
            kinds[bound] = kind

    client.on_cell_executed = compare_kinds
    # What the kernel process itself has to say would drown the progress lines.
    client.execute(stderr=subprocess.DEVNULL)
    strip(notebook, name)
    print(f"{time.perf_counter() - start:.0f} s", flush=True)
    return notebook, problems


def strip(notebook, name: str) -> None:
    """Remove start-up lines and the metadata that differ from run to run; pack the pictures."""
    notebook.metadata = metadata_of(name)
    for cell in notebook.cells:
        kept = ("tags", "alt", "jupyter", "cellView")
        cell.metadata = {key: cell.metadata[key] for key in kept if cell.metadata.get(key)}
        if cell.cell_type == "code":
            cell.outputs = [output for output in cell.outputs if not _is_startup(output)]
            for output in pictures_of(cell):
                output.data["image/png"] = _packed(output.data["image/png"])
                # Where nbconvert looks for it.
                of_picture = output.metadata.setdefault("image/png", {})
                of_picture["alt"] = cell.metadata.get("alt", "")


def pictures_of(cell) -> list:
    """Outputs of a cell that are pictures."""
    return [output for output in cell.get("outputs", []) if "image/png" in output.get("data", {})]


def result_of(notebook) -> bytes | None:
    """The picture of the cell tagged "result", if there is one."""
    for cell in notebook.cells:
        if "result" in cell.metadata.get("tags", []) and pictures_of(cell):
            return base64.b64decode(pictures_of(cell)[0].data["image/png"])
    return None


def path_of_result(name: str) -> Path:
    return NOTEBOOKS / "figures" / f"{name}.png"


def _packed(picture: str) -> str:
    """The same picture, base64 of a PNG, in fewer bytes: without transparency, which none has."""
    packed = io.BytesIO()
    with Image.open(io.BytesIO(base64.b64decode(picture))) as opened:
        opened.convert("RGB").save(packed, "png", optimize=True)
    return base64.b64encode(packed.getvalue()).decode()


def metadata_of(name: str) -> dict:
    """The metadata of a committed notebook; in Colab's terms also the hardware to run it on."""
    metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    if name in TRAINS_NETWORKS:
        # The T4 is the one that Colab lends for nothing.
        metadata |= {"accelerator": "GPU", "colab": {"gpuType": "T4"}}
    return metadata


def _is_startup(output):
    if output.get("name") != "stderr":
        return False
    return all(_STARTUP_LINE.match(line) for line in output["text"].splitlines())


def find_problems(path: Path) -> list[str]:
    """What is wrong with a committed notebook: disagreement with its source, or bad outputs."""
    notebook = nbformat.read(path, as_version=4)
    source = jupytext.read(SOURCES / f"{path.stem}.py")
    start_with_preamble(source, path.stem)
    problems = []
    if _cells(notebook) != _cells(source):
        problems.append("differs from its source: run `make notebooks`")
    if notebook.metadata != metadata_of(path.stem):
        problems.append("has other metadata than `make notebooks` gives it")
    if path.stat().st_size > LARGEST_BYTES:
        problems.append(f"has {path.stat().st_size:,} bytes; {LARGEST_BYTES:,} are allowed")
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    if any(cell.execution_count is None for cell in code):
        problems.append("holds code that was not executed")
    outputs = [output for cell in code for output in cell.outputs]
    if any(output.get("name") == "stderr" for output in outputs):
        problems.append("holds stderr output")
    if any(output.get("text", "").startswith("WARNING:") for output in outputs):
        problems.append("holds a warning of TensorFlow")
    if any(output.output_type == "error" for output in outputs):
        problems.append("holds an error")
    if any(_PATH.search(text) for text in _texts(notebook)):
        problems.append("names a path of the machine that built it")
    # The badge comes on top, once the address is known.
    if (count := sum(cell.get("id") != BADGE_ID for cell in notebook.cells)) > MOST_CELLS:
        problems.append(f"has {count} cells; {MOST_CELLS} are allowed")
    if any(len(cell.source.splitlines()) > MOST_LINES for cell in code):
        problems.append(f"has a code cell of more than {MOST_LINES} lines")
    result, kept = result_of(notebook), path_of_result(path.stem)
    if result and (not kept.exists() or kept.read_bytes() != result):
        problems.append(f"has another result than {kept.name}: run `make notebooks`")
    return problems + _problems_of_pictures(code) + _problems_of_headings(notebook)


def _problems_of_pictures(code):
    problems = []
    for cell in code:
        alt, pictures = cell.metadata.get("alt", ""), pictures_of(cell)
        where = f"cell [{cell.execution_count}]"
        if alt and len(pictures) != 1:
            problems.append(f"{where} describes one picture and shows {len(pictures)}")
        elif pictures and not SHORTEST_ALT <= len(alt) <= LONGEST_ALT:
            limits = f"{SHORTEST_ALT} to {LONGEST_ALT} characters"
            problems.append(f"{where} does not say in {limits} what its picture shows")
        elif any(p.metadata.get("image/png", {}).get("alt") != alt for p in pictures):
            problems.append(f"{where} has a picture with another text than its own")
    return problems


def _problems_of_headings(notebook):
    """A page has one title, at its beginning, and no level is left out below it."""
    text = "\n".join(c.source for c in notebook.cells if c.cell_type == "markdown")
    text = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    levels = [len(found) for found in re.findall(r"^(#+) ", text, re.MULTILINE)]
    if levels[:1] != [1] or levels.count(1) != 1:
        return ["does not have one title, at its beginning"]
    if any(later > level + 1 for level, later in zip(levels, levels[1:], strict=False)):
        return ["leaves out a level of headings"]
    return []


def _texts(notebook):
    """All that a reader sees, pictures left out: base64 may hold anything."""
    for cell in notebook.cells:
        yield cell.source
        for output in cell.get("outputs", []):
            yield from (output.get("text", ""), *output.get("traceback", []))
            for kind, content in output.get("data", {}).items():
                if not kind.startswith("image/"):
                    yield content if isinstance(content, str) else json.dumps(content)


def _cells(notebook):
    keys = ("tags", "alt")
    return [(c.cell_type, c.source, *(c.metadata.get(k) for k in keys)) for c in notebook.cells]


if __name__ == "__main__":
    sys.exit(main())
