"""`make publish` writes the repository's address everywhere, and the notebooks stay in order."""

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import nbformat
import publish
import pytest
from preamble import INSTALL_ID, read_address_and_tag

import eurosat_inpaint as ei
import notebooks

ROOT = Path(__file__).resolve().parent.parent
TAG = f"v{ei.__version__}"
CHECK = "from notebooks import *; print(sum(map(find_problems, NOTEBOOKS.glob('*.ipynb')), []))"


@pytest.fixture
def project(tmp_path):
    """A copy of what is written to, and of what writes."""
    for name in ("notebooks", "tools"):
        shutil.copytree(ROOT / name, tmp_path / name)
    for name in ("pyproject.toml", "README.md", "Makefile"):
        shutil.copy(ROOT / name, tmp_path)
    return tmp_path


def run(folder, *arguments):
    command = [sys.executable, *arguments]
    finished = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert finished.returncode == 0, finished.stderr
    return finished.stdout


def badge_of(repository, name):
    page = f"https://colab.research.google.com/github/{repository}/blob/{TAG}/notebooks/{name}"
    return f"[![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)]({page})"


@pytest.mark.slow
def test_address_is_written_everywhere_and_over_another(project):
    readme_before, before = (project / "README.md").read_text(), read_notebooks(project)
    for repository in ("someone/else", "ada-l/eurosat.inpaint"):
        output = run(project, "tools/publish.py", repository)
    assert f"git tag {TAG}" in output

    toml = tomllib.loads((project / "pyproject.toml").read_text())
    assert toml["project"]["urls"] == {"Repository": "https://github.com/ada-l/eurosat.inpaint"}
    assert "optional-dependencies" in toml["project"]
    for name, notebook in read_notebooks(project).items():
        title, badge, install, *own = notebook["cells"]
        assert title == before[name]["cells"][0]
        source = "".join(install["source"])
        assert f" git+https://github.com/ada-l/eurosat.inpaint@{TAG} " in source
        assert badge["source"] == [badge_of("ada-l/eurosat.inpaint", name)]
        assert own == before[name]["cells"][-len(own) :]
    readme = (project / "README.md").read_text()
    # The page for class is not for Colab.
    for source in (project / "notebooks" / "source").glob("[0-9]*.py"):
        name = f"{source.stem}.ipynb"
        link, badge = f"(notebooks/{name})", badge_of("ada-l/eurosat.inpaint", name)
        assert f"{link} {badge} |" in readme
    site = "https://ada-l.github.io/eurosat.inpaint/"
    assert f"[The site]({site})<!--" in readme and f"[explorer]({site}explorer/)" in readme
    assert without_addresses(readme) == without_addresses(readme_before)
    assert run(project / "tools", "-c", CHECK) == "[]\n"


def read_notebooks(project):
    paths = sorted((project / "notebooks").glob("*.ipynb"))
    return {path.name: json.loads(path.read_text(encoding="utf-8")) for path in paths}


def without_addresses(text):
    """All but badges, and what is said of the site."""
    text = re.sub(r" \[!\[Open in Colab\].*?\.ipynb\)", "", text)
    text = re.sub(r"<!-- site -->.*?<!-- end of site -->", "", text, flags=re.DOTALL)
    return re.sub(r"\[explorer\]\([^)]*\)", "", text)


def test_notebooks_start_with_the_same_cell_and_have_a_badge_once_published():
    published = read_address_and_tag()[0] is not None
    notebooks = [nbformat.read(path, 4) for path in (ROOT / "notebooks").glob("*.ipynb")]
    assert len({cell.source for n in notebooks for cell in n.cells if cell.id == INSTALL_ID}) == 1
    for notebook in notebooks:
        assert any("colab-badge" in cell.source for cell in notebook.cells) == published
    assert ("colab-badge" in (ROOT / "README.md").read_text()) == published


@pytest.mark.parametrize(
    "repository",
    [
        "",
        "name",
        "https://github.com/a/b",
        "a/b c",
        "a/b/c",
        '"/x',
        "a/.",
        "a/..",
        "../b",
        "a/",
        "/b",
    ]
    + [
        "-a/b",
        "a_b/c",
        "a.b/c",
        "a/b.git",
        "a/b\n",
        "a/..\n",
        "ä/b",
        "a/ü",
        "zz; touch x",
        "a/$(b)",
    ]
    + ["a" * 40 + "/b", "a/" + "b" * 101],
)
def test_other_than_owner_and_name_is_refused(repository, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["publish.py", "--", repository])
    monkeypatch.setattr(publish, "write_address", pytest.fail)
    assert publish.main() == 1
    assert capsys.readouterr().err.startswith("error: owner/name is expected")


@pytest.mark.parametrize("repository", ["a/b", "ada-l/...", "0/_.-", "a/.github", "a/git"])
def test_what_github_takes_is_taken(repository, monkeypatch):
    written = []
    monkeypatch.setattr(sys, "argv", ["publish.py", repository])
    monkeypatch.setattr(publish, "write_address", written.append)
    monkeypatch.setattr(publish, "NOTEBOOKS", Path("nowhere"))
    monkeypatch.setattr(publish, "write_badges_into_readme", lambda: None)
    monkeypatch.setattr(publish, "write_site_into_readme", lambda: None)
    assert publish.main() == 0
    assert written == [f"https://github.com/{repository}"]


TYPED = ["06; touch x", "$(shell touch x)", "`touch x`", "$(touch x)", '"; touch x; "', "'a b' > x"]


@pytest.mark.parametrize("typed", TYPED)
@pytest.mark.parametrize("given", ["argument", "environment"])
@pytest.mark.parametrize(("target", "name"), [("publish", "REPOSITORY"), ("notebooks", "NOTEBOOK")])
def test_what_is_typed_after_make_is_not_run(target, name, given, typed, tmp_path):
    shutil.copy(ROOT / "Makefile", tmp_path)
    programs = tmp_path / ".venv" / "bin"
    programs.mkdir(parents=True)
    # Writes down what it is called with, an argument a line.
    (programs / "python").write_text("#!/bin/sh\nprintf '%s\\n' \"$@\" > called\n")
    (programs / "python").chmod(0o755)
    for file in ("pyproject.toml", "constraints.txt", ".venv/installed"):
        (tmp_path / file).touch()
    command, environment = ["make", target], dict(os.environ)
    if given == "argument":
        command.append(f"{name}={typed}")
    else:
        environment[name] = typed
    subprocess.run(command, cwd=tmp_path, env=environment, check=True, capture_output=True)
    assert (tmp_path / "called").read_text().splitlines()[-1] == typed
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize("only", ["../x", "/etc/", "*", "99", "[0-9]", "06; touch x"])
def test_no_notebook_beyond_those_of_the_series_is_run(only, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["notebooks.py", "run", only])
    assert notebooks.main() == 1
    assert capsys.readouterr().err == f"error: no notebook begins with {only!r}\n"
