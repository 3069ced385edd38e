"""Exercises: solutions pass, no answer and wrong answers are told, nothing is out of step."""

import exercises as tools
import jupytext
import nbformat
import numpy as np
import pytest

from notebooks import NOTEBOOKS

PATHS = sorted(tools.FOLDER.glob("*.py"))


def parts_of(path):
    """Exercises of a source: lists of set-up code, solution, check and wrong answers."""
    setup, found = [], []
    for cell in jupytext.read(path).cells:
        if cell.cell_type != "code":
            continue
        if tools.has_tag(cell, "solution"):
            found.append({"setup": list(setup), "solution": cell.source, "wrong": []})
        elif tools.has_tag(cell, "check"):
            found[-1]["check"] = cell.source
        elif tools.has_tag(cell, "wrong"):
            found[-1]["wrong"].append(cell.source)
        else:
            setup.append(cell.source)
    return found


EXERCISES = [
    pytest.param(part, id=f"{path.stem}-{number}")
    for path in PATHS
    for number, part in enumerate(parts_of(path), start=1)
]


def run(part, answer):
    names = {}
    for source in (*part["setup"], answer, part["check"]):
        exec(source, names)


@pytest.fixture(autouse=True)
def usual_generator():
    """Exercises may set NumPy's global generator."""
    state = np.random.get_state()
    yield
    np.random.set_state(state)


@pytest.mark.slow
@pytest.mark.parametrize("part", EXERCISES)
def test_solution_is_right_and_all_else_is_told(part):
    run(part, part["solution"])
    with pytest.raises(NotImplementedError):
        run(part, tools.without_solution(part["solution"]))
    assert part["wrong"]
    for answer in part["wrong"]:
        with pytest.raises(AssertionError) as refused:
            run(part, answer)
        # Not only that, but why.
        assert len(str(refused.value)) > 20


def test_there_are_exercises_to_every_notebook():
    numbers = {path.name[:2] for path in NOTEBOOKS.glob("[0-9]*.ipynb")} - {"00"}
    assert {path.name[:2] for path in PATHS} == numbers
    assert len(EXERCISES) >= 18


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
@pytest.mark.parametrize(
    ("folder", "make"), [("exercises", tools.exercise_of), ("solutions", tools.solution_of)]
)
def test_notebooks_are_those_of_the_source(folder, make, path):
    committed = nbformat.read(NOTEBOOKS / folder / f"{path.stem}.ipynb", as_version=4)
    assert committed == make(path)
    nbformat.validate(committed)


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_students_get_no_solution(path):
    text = nbformat.writes(tools.exercise_of(path))
    assert "BEGIN SOLUTION" not in text and text.count("YOUR CODE HERE") == len(parts_of(path))
    solved = nbformat.writes(tools.solution_of(path))
    assert solved.count("BEGIN SOLUTION") == len(parts_of(path)) and "wrong" not in [
        tag for cell in tools.solution_of(path).cells for tag in cell.metadata.get("tags", ())
    ]
