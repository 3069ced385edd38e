"""JupyterLab, Voila and a Chromium that opens them, for tests, benchmarks and screenshots.

Everything stays on this machine: servers listen on the loopback address alone, and what a page
asks of other hosts is answered with nothing and written down.
"""

import json
import os
import re
import secrets
import shutil
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import nbformat
from nbformat.v4 import new_code_cell, new_notebook
from playwright.sync_api import expect, sync_playwright

from notebooks import NOTEBOOKS, metadata_of

CHROMIUM = shutil.which("chromium")
HOST = "127.0.0.1"
START_SECONDS, STOP_SECONDS = 120, 30
# For a page, a cell or a picture to appear; generous, since machines may be slow or busy.
PATIENCE_SECONDS = 300
# Nobody is there to answer whether news are wanted, and which kernel.
SETTINGS = {
    "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
    "notebook-extension/tracker": {"autoStartDefaultKernel": True},
}
# Lines in a server's log in which Jupyter or a kernel reports that something went wrong.
_ERROR_MARKS = ("Traceback", "| ERROR |", "| CRITICAL |", "[E ")


class Visit:
    """A page in Chromium, what went wrong there, and which other hosts it asked."""

    def __init__(self, page):
        self.page, self.errors, self.foreign = page, [], []
        page.on("console", lambda message: message.type == "error" and self._note(message.text))
        page.on("pageerror", self._note)
        page.on("websocket", lambda socket: socket.on("framereceived", self._hear))
        page.route(lambda url: urlsplit(url).hostname not in (HOST, None), self._refuse)

    def wait_until(self, condition) -> None:
        """Wait until a function of no arguments returns something true.

        Raises:
            TimeoutError: if it does not in good time.
        """
        end = time.monotonic() + PATIENCE_SECONDS
        while not condition():
            if time.monotonic() > end:
                raise TimeoutError(f"waited in vain; errors: {self.errors}")
            self.page.wait_for_timeout(50)

    def run_all(self) -> None:
        """Run all cells of the notebook that JupyterLab shows, and wait for the end or an error."""
        # In the status bar; cells that are run before the kernel is there are forgotten.
        self.page.get_by_text("| Idle").wait_for()
        for item in ("Run", "Run All Cells"):
            self.page.get_by_role("menuitem", name=item, exact=True).click()
        # Not of folded cells, whose number is not shown.
        numbers = self.page.locator(".jp-CodeCell .jp-InputArea-prompt")
        self.wait_until(
            lambda: (
                self.errors
                or all(re.search(r"\d", number) for number in numbers.all_text_contents())
            )
        )

    def explorer(self, function: str):
        """Locator of what a function of ``widgets`` shows, such as "mask_explorer"."""
        return self.page.locator(f".{function.replace('_', '-')}")

    def _note(self, problem):
        self.errors.append(str(problem))

    def _hear(self, frame):
        """Note the errors that a kernel tells of; those of callbacks come in no other way."""
        text = frame if isinstance(frame, str) else frame.decode(errors="replace")
        if "Traceback" in text:
            self._note(text[text.index("Traceback") :])

    def _refuse(self, route):
        self.foreign.append(route.request.url)
        route.fulfill(body="")


@contextmanager
def chromium():
    """Debian's Chromium without a window; yields a function that opens pages in it."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM,
            # The sandbox refuses to run as root, as in containers.
            chromium_sandbox=False,
            args=["--disable-background-networking"],
        )
        expect.set_options(timeout=1000 * PATIENCE_SECONDS)

        def open_page(address):
            page = browser.new_page(viewport={"width": 1500, "height": 1000})
            page.set_default_timeout(1000 * PATIENCE_SECONDS)
            visit = Visit(page)
            page.goto(address)
            return visit

        yield open_page
        browser.close()


@contextmanager
def jupyterlab(folder: Path, notebooks: dict, environment: dict, options: tuple = ()):
    """Serve notebooks by name, from a new folder in ``folder``, with further options of JupyterLab.

    Yields a function, name -> address of the notebook, and the path of the server's log, which
    is the kernels' as well.
    """
    served, settings = folder / "served", folder / "settings"
    # With the pictures that notebooks show beside their text.
    shutil.copytree(NOTEBOOKS / "figures", served / "figures")
    for name, notebook in notebooks.items():
        nbformat.write(notebook, served / f"{name}.ipynb")
    for name, values in SETTINGS.items():
        path = settings / "@jupyterlab" / f"{name}.jupyterlab-settings"
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps(values))
    token, port = secrets.token_hex(), free_port()
    command = [
        *(sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"),
        *(f"--ServerApp.ip={HOST}", f"--ServerApp.port={port}"),
        f"--IdentityProvider.token={token}",
        f"--ServerApp.root_dir={served}",
        f"--LabApp.user_settings_dir={settings}",
        f"--LabApp.workspaces_dir={folder / 'workspaces'}",
        *options,
    ]

    def address(name):
        # A workspace each: else a second page opens the notebook of the first as well.
        return f"http://{HOST}:{port}/lab/workspaces/{name}/tree/{name}.ipynb?token={token}"

    with server(command, port, folder, environment) as log:
        yield address, log


@contextmanager
def server(command: list, port: int, folder: Path, environment: dict):
    """Run a Jupyter server with a home of its own until the block ends; yields its log's path."""
    log = folder / "server.log"
    kinds = ("CONFIG", "DATA", "RUNTIME")
    home = {f"JUPYTER_{kind}_DIR": str(folder / kind.lower()) for kind in kinds}
    home["IPYTHONDIR"] = str(folder / "ipython")
    with open(log, "wb") as output:
        process = subprocess.Popen(
            command,
            env=os.environ | home | environment,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            _wait_for(port, process, log)
            yield log
        finally:
            process.terminate()
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@contextmanager
def served(folder: Path):
    """Serve the files of a folder on this machine until the block ends; yields its address."""
    with ThreadingHTTPServer((HOST, 0), partial(_QuietHandler, directory=folder)) as files:
        threading.Thread(target=files.serve_forever, daemon=True).start()
        yield f"http://{HOST}:{files.server_port}"
        files.shutdown()


class _QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


def _wait_for(port, process, log):
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and process.poll() is None:
        with socket.socket() as client:
            if client.connect_ex((HOST, port)) == 0:
                return
        time.sleep(0.2)
    raise RuntimeError(f"the server does not answer:\n{log.read_text()}")


def notebook_of(*sources: str):
    """A notebook of these code cells."""
    cells = [new_code_cell(source) for source in sources]
    return new_notebook(cells=cells, metadata=metadata_of("small"))


def free_port() -> int:
    """A port that no server listens on."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return probe.getsockname()[1]


def errors_in(log: Path) -> list[str]:
    """Lines of a server's log in which the server or a kernel reports an error."""
    lines = log.read_text(encoding="utf-8").splitlines()
    return [line for line in lines if any(mark in line for mark in _ERROR_MARKS)]
