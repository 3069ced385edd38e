"""Make the exercise notebooks and their solutions from notebooks/source/exercises.

python tools/exercises.py

A source holds, for every exercise, a cell tagged "solution" and one tagged "check"; cells tagged
"wrong" hold answers that the check has to refuse, and are for the tests alone. Solutions keep the
marks and the metadata of nbgrader, so that its course folder can take them as they are. In an
exercise the part between the marks is replaced as nbgrader does it.
"""

import re
import sys
from pathlib import Path

import jupytext
import nbformat

from notebooks import NOTEBOOKS, SOURCES, metadata_of

FOLDER = SOURCES / "exercises"
STUB = "# YOUR CODE HERE\nraise NotImplementedError()"
_SOLUTION = re.compile(r"^( *)### BEGIN SOLUTION\n.*?### END SOLUTION$", re.MULTILINE | re.DOTALL)


def main() -> int:
    for path in sorted(FOLDER.glob("*.py")):
        for folder, make in (("exercises", exercise_of), ("solutions", solution_of)):
            target = NOTEBOOKS / folder / f"{path.stem}.ipynb"
            target.parent.mkdir(exist_ok=True)
            nbformat.write(make(path), target)
    return 0


def solution_of(path: Path):
    """The solved notebook of a source, as nbgrader wants it."""
    notebook = jupytext.read(path)
    notebook.cells = [cell for cell in notebook.cells if not has_tag(cell, "wrong")]
    notebook.metadata = metadata_of(path.stem)
    number = 0
    for place, cell in enumerate(notebook.cells):
        cell.id = f"{path.stem[:2]}-{place}"
        kind = next((tag for tag in ("solution", "check") if has_tag(cell, tag)), None)
        number += kind == "solution"
        cell.metadata = {"nbgrader": _nbgrader(kind, number)} if kind else {}
    return notebook


def exercise_of(path: Path):
    """The notebook that a student gets; its checks may fail and the rest still runs."""
    notebook = solution_of(path)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.source = without_solution(cell.source)
        if cell.metadata.get("nbgrader", {}).get("grade"):
            cell.metadata["tags"] = ["raises-exception"]
    return notebook


def without_solution(source: str) -> str:
    """Code whose solution is replaced by an error that says it is missing."""

    def stub(found):
        return "\n".join(found[1] + line for line in STUB.splitlines())

    return _SOLUTION.sub(stub, source)


def has_tag(cell, tag: str) -> bool:
    return tag in cell.metadata.get("tags", ())


def _nbgrader(kind, number):
    solution = kind == "solution"
    facts = {"grade": not solution, "solution": solution, "locked": not solution, "task": False}
    facts |= {"grade_id": f"{kind}-{number}", "schema_version": 3}
    return facts if solution else facts | {"points": 1}


if __name__ == "__main__":
    sys.exit(main())
