"""The first cell of the notebooks installs the package as in Colab, and leaves all else alone.

Its environment, .venv-colab, holds the lowest versions that pyproject.toml allows and ipywidgets 7;
``make test`` sets it up. pip asks its package index for what builds the package.
"""

import importlib.util
import os
import subprocess
import tomllib
from pathlib import Path

import nbformat
import numpy as np
import preamble
import pytest
from IPython.core.inputtransformer2 import TransformerManager
from nbformat.v4 import new_code_cell
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

import eurosat_inpaint as ei
from notebooks import NOTEBOOKS

ROOT = Path(__file__).resolve().parent.parent
COLAB = ROOT / ".venv-colab"
PYTHON = COLAB / "bin" / "python"
ADDRESS = "https://github.com/owner/name"
TAG = preamble.read_address_and_tag()[1]
RESTORE = """
import ipywidgets

assert ipywidgets.__version__.startswith("7."), ipywidgets.__version__
images, _, _ = ei.data.synthetic_tiles(1, seed=5)
np.save("restored.npy", ei.inpaint(images, ei.masks.line_masks(1, seed=5)))
print(ei.__file__)
"""


def run(*command, **options):
    finished = subprocess.run(command, capture_output=True, text=True, **options)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return finished.stdout


def installed_versions():
    """Lines of ``pip freeze`` in Colab's environment."""
    return run(PYTHON, "-m", "pip", "freeze").splitlines()


@pytest.fixture
def before():
    """What Colab's environment holds: all that was put there, and no package of ours."""
    if not (COLAB / "installed").exists():
        message = "there is no .venv-colab: `make test` sets it up"
        pytest.fail(message) if os.environ.get("CI") == "true" else pytest.skip(message)
    uninstall = (PYTHON, "-m", "pip", "uninstall", "--quiet", "--yes", "eurosat-inpaint")
    run(*uninstall)
    versions = installed_versions()
    assert versions == (COLAB / "installed").read_text().splitlines()
    yield versions
    run(*uninstall)


@pytest.fixture
def repository(tmp_path):
    """A git repository of the working tree as it is, with the tag of this version."""
    folder = tmp_path / "repository"
    run("git", "init", "--quiet", folder)
    git = ("git", f"--git-dir={folder / '.git'}", f"--work-tree={ROOT}")
    git += ("-c", "user.name=tests", "-c", "user.email=tests@example.org")
    run(*git, "add", "--all")
    run(*git, "commit", "--quiet", "--message=tree")
    run(*git, "tag", TAG)
    return folder


@pytest.mark.slow
@pytest.mark.environment
def test_first_cell_installs_the_package_and_changes_nothing_else(before, repository, tmp_path):
    notebook = nbformat.read(NOTEBOOKS / "02_mask_generation.ipynb", as_version=4)
    install = new_code_cell(preamble.install_source(f"file://{repository}", TAG))
    own = preamble.without_preamble(notebook).cells
    notebook.cells = [install, *own, new_code_cell(RESTORE)]
    nbformat.write(notebook, tmp_path / "colab.ipynb")
    environment = os.environ | {"EUROSAT_INPAINT_PROFILE": "smoke"}
    convert = "-m nbconvert --to notebook --execute --inplace colab.ipynb".split()
    run(PYTHON, *convert, cwd=tmp_path, env=environment)

    after = installed_versions()
    assert [line for line in after if not line.startswith("eurosat-inpaint @ ")] == before
    assert len(after) == len(before) + 1
    package = nbformat.read(tmp_path / "colab.ipynb", as_version=4).cells[-1].outputs[-1].text
    assert Path(package.strip()).is_relative_to(COLAB)
    # As restored here, but for a level: another TensorFlow may round otherwise.
    images, _, _ = ei.data.synthetic_tiles(1, seed=5)
    here = ei.inpaint(images, ei.masks.line_masks(1, seed=5))
    restored = np.load(tmp_path / "restored.npy").astype(int)
    assert np.abs(restored - here).max() <= 1


def test_lowest_versions_are_those_of_pyproject():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    pins = {}
    for line in (ROOT / "tests" / "lowest_versions.txt").read_text().splitlines():
        if not line.startswith("#"):
            name, version = line.split("==")
            pins[canonicalize_name(name)] = Version(version)
    widgets = [line for line in project["optional-dependencies"]["notebooks"] if "widgets" in line]
    assert pins["ipywidgets"].major == 7
    for requirement in map(Requirement, project["dependencies"] + widgets):
        (floor,) = requirement.specifier
        assert floor.operator == ">="
        assert pins[canonicalize_name(requirement.name)] == Version(floor.version)


def run_cell(source):
    exec(TransformerManager().transform_cell(source), {})


@pytest.mark.parametrize("address", [None, ADDRESS])
def test_first_cell_does_nothing_where_the_package_is(address):
    # Outside of IPython %pip is no name.
    run_cell(preamble.install_source(address, TAG))


def without_package(name, package=None):
    return None


def test_first_cell_without_address_says_how_to_install(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", without_package)
    with pytest.raises(ModuleNotFoundError, match=r"`pip install -e \.`"):
        run_cell(preamble.install_source(None, TAG))


def test_first_cell_with_address_calls_pip(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", without_package)
    with pytest.raises(NameError, match="get_ipython"):
        run_cell(preamble.install_source(ADDRESS, TAG))
