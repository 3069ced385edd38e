"""What all tests share: no network, no leftovers of other tests, and a tiny archive of tiles."""

import io
import os
import subprocess
import sys
import zipfile

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook
from PIL import Image

from eurosat_inpaint import data
from eurosat_inpaint.data import CLASS_NAMES, synthetic_tiles


@pytest.fixture(autouse=True)
def isolation(request, tmp_path_factory, monkeypatch):
    """An empty cache and nothing to load tiles from, except for tests marked ``real_tiles``.

    Those keep the user's cache, so that the real archive is decoded once and not in every run.
    """
    monkeypatch.setenv(data.OFFLINE_VARIABLE, "1")
    monkeypatch.setattr(data.mirror, "_mirror_problem", None)
    monkeypatch.setattr(data.tiles, "_announced", set())
    if request.node.get_closest_marker("real_tiles"):
        if not os.environ.get(data.DATA_VARIABLE):
            pytest.skip(f"{data.DATA_VARIABLE} is not set")
        return
    monkeypatch.delenv(data.DATA_VARIABLE, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path_factory.mktemp("tfds")))


@pytest.fixture(scope="module")
def needs_chromium():
    from browser import CHROMIUM

    if CHROMIUM is None:
        message = "there is no chromium; on Debian: apt-get install chromium"
        pytest.fail(message) if os.environ.get("CI") == "true" else pytest.skip(message)


@pytest.fixture(scope="module")
def open_page(needs_chromium):
    """A function that opens a page in Chromium; see ``tools/browser.py``."""
    from browser import chromium

    with chromium() as open_page:
        yield open_page


@pytest.fixture(scope="session")
def jpegs():
    """File name -> JPEG bytes of 60 tiles, coded as EuroSAT is: quality 100, 4:2:0 chroma."""
    images, _, filenames = synthetic_tiles(60, seed=7)
    return {name: jpeg_of(image) for name, image in zip(filenames, images, strict=True)}


@pytest.fixture
def archive_folder(tmp_path, jpegs):
    """The tiles of ``jpegs`` as a folder in the layout of the original archive."""
    return write_folder(tmp_path / "eurosat", jpegs)


@pytest.fixture
def archive_zip(tmp_path, jpegs):
    """The tiles of ``jpegs`` as a zip file in the layout of the original archive."""
    return write_zip(tmp_path / "EuroSAT.zip", jpegs)


def jpeg_of(image):
    content = io.BytesIO()
    Image.fromarray(image).save(content, "JPEG", quality=100, subsampling="4:2:0")
    return content.getvalue()


def class_of(filename):
    return next(name for name in CLASS_NAMES if filename.startswith(f"{name}_"))


def write_folder(path, jpegs, top="2750"):
    for name, content in jpegs.items():
        folder = path / top / class_of(name)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return path


def write_zip(path, jpegs, top="2750/", compression=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in jpegs.items():
            archive.writestr(f"{top}{class_of(name)}/{name}", content)
    return path


def files_below(folder):
    return sorted(path for path in folder.rglob("*") if path.is_file())


def run_nbval(cells, folder):
    """The finished process of nbval, as ``make test`` runs it, on a notebook of such code cells."""
    notebook = new_notebook(cells=[new_code_cell(cell) for cell in cells])
    nbformat.write(notebook, folder / "small.ipynb")
    options = ["--nbval-lax", "--nbval-current-env", "-p", "no:cacheprovider", "-q"]
    return subprocess.run(
        [sys.executable, "-m", "pytest", *options, "small.ipynb"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
    )
