"""Show both explorers as a page of its own: what ``make app`` starts.

python tools/app.py [options of Voila]

Each visitor has a kernel. The networks are loaded once, by a process beside Voila, for all of them.
"""

import multiprocessing
import os
import secrets
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np

from eurosat_inpaint.widgets.controls import UPLOAD_VARIABLE
from eurosat_inpaint.widgets.restoring import SHARED_VARIABLE, SharedNetworks

HERE = Path(__file__).resolve().parent
NOTEBOOK = HERE.parent / "notebooks" / "app.ipynb"
UPLOAD_MEGABYTES = 64
OPTIONS = (
    "--template=explorers",
    # jupytext's extension needs all of JupyterLab.
    "--VoilaConfiguration.extension_denylist=jupyterlab-jupytext",
    # As JupyterLab does by itself, Voila answers those who ask for this machine by a local name,
    # and no page of others that has its own name point here. A message may hold a photograph.
    "--Voila.tornado_settings={'allow_remote_access': False, 'websocket_max_message_size': "
    f"{(UPLOAD_MEGABYTES + 1) * 10**6}}}",
)


def main(options: list[str]) -> int:
    key = secrets.token_bytes(32)
    networks = SharedNetworks(authkey=key, ctx=multiprocessing.get_context("spawn"))
    # Ctrl+C ends Voila, and then this process ends that of the networks.
    networks.start(initializer=signal.signal, initargs=(signal.SIGINT, signal.SIG_IGN))
    with networks:
        warm_up(networks.restorer())
        environment = {
            SHARED_VARIABLE: f"{networks.address}|{key.hex()}",
            UPLOAD_VARIABLE: str(UPLOAD_MEGABYTES),
            "JUPYTER_PATH": os.pathsep.join(
                filter(None, (str(HERE / "page"), os.environ.get("JUPYTER_PATH")))
            ),
        }
        command = [sys.executable, "-m", "voila", str(NOTEBOOK), *OPTIONS, *options]
        voila = subprocess.Popen(command, env=os.environ | environment)
        signal.signal(signal.SIGTERM, lambda *_: voila.terminate())
        while True:
            try:
                return voila.wait()
            except KeyboardInterrupt:
                continue


def warm_up(restorer) -> None:
    """Load and compile what the first visitor would else have to wait for."""
    tile, mask = np.zeros((1, 64, 64, 3)), np.ones((1, 64, 64, 1), np.float32)
    mask[:, :32] = 0
    for method in restorer.methods():
        restorer.restored(method, tile, mask)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
