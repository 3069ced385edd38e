"""What all tests share: no network, no leftovers of other tests, and a tiny archive of tiles."""

import dataclasses
import hashlib
import http.server
import io
import os
import shutil
import subprocess
import sys
import threading
import time
import zipfile
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook
from PIL import Image

from eurosat_inpaint import data, pretrained
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


@pytest.fixture(scope="session")
def jax_python():
    """The Python of the environment .venv-jax, in which JAX is Keras' only backend."""
    python = Path(__file__).parents[1] / ".venv-jax" / "bin" / "python"
    if not python.exists():
        message = "there is no .venv-jax: `make test` sets it up"
        pytest.fail(message) if os.environ.get("CI") == "true" else pytest.skip(message)
    return python


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


class Mirror(http.server.ThreadingHTTPServer):
    """A server on loopback that holds a tiny archive at two addresses, and what it was asked.

    ``faults`` holds, for an address, what it does instead of answering: a function of the request's
    handler, which may call ``handler.give()``; a list is used up, the last stays.
    """

    daemon_threads = True

    def __init__(self, file):
        super().__init__(("127.0.0.1", 0), _MirrorHandler)
        self.file = file
        self.faults = {}
        self.asked = []
        self.addresses = tuple(
            f"http://{host}:{self.server_port}/EuroSAT.zip" for host in ("127.0.0.1", "localhost")
        )

    @property
    def downloads(self):
        return len(self.asked)

    def handle_error(self, request, client_address):
        """Clients that hang up are what is tested here."""


class _MirrorHandler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        host = self.headers["Host"].split(":")[0]
        self.server.asked.append((host, self.headers["Range"]))
        faults = self.server.faults.get(host, [type(self).give])
        (faults.pop(0) if len(faults) > 1 else faults[0])(self)
        self.close_connection = True

    def give(self, content=None, *, status=None, length=None, start=None, chunk=2**14, pause=0):
        """Answer with the archive's bytes, or others, from where the client asked."""
        content = self.server.file.read_bytes() if content is None else content
        asked = int(self.headers["Range"].removeprefix("bytes=").removesuffix("-"))
        start = asked if start is None else start
        self.send_response(status or (206 if asked else 200))
        self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        if length != "none":
            self.send_header("Content-Length", length or len(content) - start)
        self.end_headers()
        for at in range(start, len(content), chunk):
            self.wfile.write(content[at : at + chunk])
            time.sleep(pause)

    def log_message(self, *given):
        pass


@pytest.fixture
def mirror(tmp_path, jpegs, monkeypatch):
    """A :class:`Mirror` that the package takes for the real ones, with a tenth of their time."""
    file = write_zip(tmp_path / "mirrored.zip", jpegs)
    with Mirror(file) as server:
        monkeypatch.delenv(data.OFFLINE_VARIABLE)
        for name, value in {
            "ADDRESSES": server.addresses,
            "ARCHIVE_SHA256": hashlib.sha256(file.read_bytes()).hexdigest(),
            "ARCHIVE_BYTES": file.stat().st_size,
            "_ANSWER_WITHIN_SECONDS": 1.5,
            "_SPEED_OVER_SECONDS": 0.5,
            "_WITHIN_SECONDS": 10,
            "_WAITS_SECONDS": (0, 0.1, 0.2),
        }.items():
            monkeypatch.setattr(data.mirror, name, value)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def copied_weights(tmp_path, monkeypatch):
    """A copy of the folder of shipped weights, in its place."""
    folder = tmp_path / "weights"
    shutil.copytree(pretrained.WEIGHTS_FOLDER, folder)
    monkeypatch.setattr(pretrained, "WEIGHTS_FOLDER", folder)
    return folder


@pytest.fixture
def small_batches(monkeypatch):
    """Tiles that are fewer than a batch of the recipe "efficient" are enough to train by it."""
    from eurosat_inpaint.training import RECIPES

    recipe = dataclasses.replace(RECIPES["efficient"], batch_size=32)
    monkeypatch.setitem(RECIPES, "efficient", recipe)


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
    """All files but locks, which stay."""
    return sorted(p for p in folder.rglob("*") if p.is_file() and p.suffix != ".lock")


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


def assert_named_and_nothing_kept(path, message, monkeypatch):
    """An archive "bad" is refused with these words, however it was named, and nothing is kept."""
    with pytest.raises(ValueError, match=f"^data_dir names '.*bad': .*({message})"):
        data.load_tiles("all", data_dir=path)
    monkeypatch.setenv(data.DATA_VARIABLE, str(path))
    with pytest.raises(ValueError, match=f"^{data.DATA_VARIABLE} names '.*bad': .*({message})"):
        data.load_tiles("all")
    assert files_below(data.cache_folder()) == []
