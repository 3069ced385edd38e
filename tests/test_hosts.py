"""`make app` and `make lab` answer this machine's own names: no page of others can read them."""

import http.client
import shlex
import subprocess
from pathlib import Path

import browser
import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parent.parent
TOKEN = "secret"
# A path that starts no kernel, and its status where the name is right: there is no such theme.
ANSWERED = {"app": ("/voila/api/themes/x", 404), "lab": (f"/api/contents?token={TOKEN}", 200)}
PATHS = {
    "app": ("/", "/api/kernels/00000000-0000-0000-0000-000000000000", "/voila/api/themes/x"),
    "lab": ("/lab", "/api/contents", "/api/kernels", "/files/02_mask_generation.ipynb"),
}


@pytest.fixture(scope="module", params=PATHS)
def served(request, tmp_path_factory):
    """Name and port of what the target starts."""
    dry = ["make", "--dry-run", "--no-print-directory", request.param]
    lines = subprocess.run(dry, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    port = browser.free_port()
    command = shlex.split(lines.replace("\\\n", " ").splitlines()[-1])
    command += [f"--port={port}", "--no-browser"]
    if request.param == "lab":
        command += [f"--IdentityProvider.token={TOKEN}", "--allow-root"]
    environment = {"EUROSAT_INPAINT_PROFILE": "smoke", "EUROSAT_INPAINT_DATA": ""}
    folder = tmp_path_factory.mktemp("served")
    with browser.server(command, port, folder, environment):
        yield request.param, port


def status_of(port, path, host):
    connection = http.client.HTTPConnection(browser.HOST, port, timeout=browser.PATIENCE_SECONDS)
    connection.request("GET", path, headers={"Host": host})
    return connection.getresponse().status


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:{port}", "localhost.evil.example", "10.0.0.1", "", "[::2]"],
)
def test_foreign_names_are_refused(served, host):
    target, port = served
    for path in PATHS[target]:
        path += f"?token={TOKEN}"
        assert status_of(port, path, host.format(port=port)) in (400, 403)


@pytest.mark.parametrize(
    "host", ["localhost", "localhost:{port}", "127.0.0.1:{port}", "[::1]:{port}"]
)
def test_local_names_are_answered(served, host):
    target, port = served
    path, expected = ANSWERED[target]
    assert status_of(port, path, host.format(port=port)) == expected
