"""The cells that come after every notebook's title; its source does not hold them.

They follow from the address of the repository in pyproject.toml, if there is one, and from the
version of the package, whose tag ``v...`` Colab installs. ``notebooks.py`` puts them in,
``publish.py`` renews them.
"""

import tomllib
from pathlib import Path

from nbformat.v4 import new_code_cell, new_markdown_cell

import eurosat_inpaint

PYPROJECT = Path(__file__).resolve().parent.parent / "pyproject.toml"
# By their ids the cells are found again.
INSTALL_ID, BADGE_ID = "colab-install", "colab-badge"

# Folded in JupyterLab and in Colab: who has the package need not read it.
_FOLDED = {"jupyter": {"source_hidden": True}, "cellView": "form"}

_WITHOUT_ADDRESS = """\
# @title Is the package installed?
import importlib.util

if importlib.util.find_spec("eurosat_inpaint") is None:
    raise ModuleNotFoundError(
        "eurosat_inpaint is not installed: run `pip install -e .` in the folder of the "
        "repository, then restart the kernel"
    )"""

# The pins ask pip for what is there already: where the package needs another version, pip says so
# and installs nothing. All else that is missing or too old comes with the package.
_WITH_ADDRESS = """\
# @title Install the package
# Installs the package where it is missing, as in Colab. These four stay as they are: a running
# session has them loaded, and a new version would need a restart.
import importlib.metadata
import importlib.util

if importlib.util.find_spec("eurosat_inpaint") is None:
    present = filter(importlib.util.find_spec, ("tensorflow", "keras", "numpy", "ipywidgets"))
    pins = " ".join(f"{{name}}=={{importlib.metadata.version(name)}}" for name in present)
    %pip install --quiet git+{address}@{tag} {{pins}}"""

_BADGE = "[![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)]({address})"
_COLAB = (
    "https://colab.research.google.com/github/{owner_and_name}/blob/{tag}/notebooks/{name}.ipynb"
)


def start_with_preamble(notebook, name: str):
    """Put the cells after the title, in place of those that an earlier call put there."""
    address, tag = read_address_and_tag()
    source = install_source(address, tag)
    preamble = [new_code_cell(source, id=INSTALL_ID, execution_count=1, metadata=_FOLDED)]
    if address:
        preamble.insert(0, new_markdown_cell(badge(address, tag, name), id=BADGE_ID))
    title, *others = without_preamble(notebook).cells
    notebook.cells = [title, *preamble, *others]


def read_address_and_tag() -> tuple[str | None, str]:
    """Where the repository is, if that is known yet, and the tag of this version."""
    project = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))["project"]
    return project["urls"].get("Repository"), f"v{eurosat_inpaint.__version__}"


def without_preamble(notebook):
    """The notebook with the cells of its source alone."""
    notebook.cells = [c for c in notebook.cells if c.get("id") not in (INSTALL_ID, BADGE_ID)]
    return notebook


def site_address(address: str) -> str:
    """Where GitHub serves the site of a repository."""
    owner, name = address.removeprefix("https://github.com/").split("/")
    return f"https://{owner.lower()}.github.io/{name}/"


def install_source(address: str | None, tag: str) -> str:
    """Source of the cell that installs the package from a git address, where it is missing."""
    return _WITH_ADDRESS.format(address=address, tag=tag) if address else _WITHOUT_ADDRESS


def badge(address: str, tag: str, name: str) -> str:
    """A notebook's badge, in Markdown, which leads to its :func:`colab_address`."""
    return _BADGE.format(address=colab_address(address, tag, name))


def colab_address(address: str, tag: str, name: str) -> str:
    """Where Colab opens a notebook as it was at the tag."""
    owner_and_name = address.removeprefix("https://github.com/")
    return _COLAB.format(owner_and_name=owner_and_name, tag=tag, name=name)
