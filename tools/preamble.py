"""The cells that every notebook starts with; its source does not hold them.

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

_WITHOUT_ADDRESS = """\
import importlib.util

if importlib.util.find_spec("eurosat_inpaint") is None:
    raise ModuleNotFoundError(
        "eurosat_inpaint is not installed: run `pip install -e .` in the folder of the "
        "repository, then restart the kernel"
    )"""

# The pins ask pip for what is there already: where the package needs another version, pip says so
# and installs nothing. All else that is missing or too old comes with the package.
_WITH_ADDRESS = """\
# Installs the package where it is missing, as in Colab. These four stay as they are: a running
# session has them loaded, and a new version would need a restart.
import importlib.metadata
import importlib.util

if importlib.util.find_spec("eurosat_inpaint") is None:
    present = filter(importlib.util.find_spec, ("tensorflow", "keras", "numpy", "ipywidgets"))
    pins = " ".join(f"{{name}}=={{importlib.metadata.version(name)}}" for name in present)
    %pip install --quiet git+{address}@{tag} {{pins}}"""

_BADGE = (
    "[![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)]"
    "(https://colab.research.google.com/github/{owner_and_name}/blob/{tag}/notebooks/{name}.ipynb)"
)


def start_with_preamble(notebook, name: str):
    """Put the cells before the others, in place of those that an earlier call put there."""
    address, tag = read_address_and_tag()
    install = new_code_cell(install_source(address, tag), id=INSTALL_ID, execution_count=1)
    preamble = [install]
    if address:
        preamble.append(new_markdown_cell(badge(address, tag, name), id=BADGE_ID))
    notebook.cells = preamble + without_preamble(notebook).cells


def read_address_and_tag() -> tuple[str | None, str]:
    """Where the repository is, if that is known yet, and the tag of this version."""
    project = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))["project"]
    return project["urls"].get("Repository"), f"v{eurosat_inpaint.__version__}"


def without_preamble(notebook):
    """The notebook with the cells of its source alone."""
    notebook.cells = [c for c in notebook.cells if c.get("id") not in (INSTALL_ID, BADGE_ID)]
    return notebook


def install_source(address: str | None, tag: str) -> str:
    """Source of the cell that installs the package from a git address, where it is missing."""
    return _WITH_ADDRESS.format(address=address, tag=tag) if address else _WITHOUT_ADDRESS


def badge(address: str, tag: str, name: str) -> str:
    """A notebook's badge, in Markdown: the notebook as it was at the tag, opened in Colab."""
    owner_and_name = address.removeprefix("https://github.com/")
    return _BADGE.format(owner_and_name=owner_and_name, tag=tag, name=name)
