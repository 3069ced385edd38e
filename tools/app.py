"""Show both explorers as a page of its own: what ``make app`` starts.

python tools/app.py [options of Voila]

Each visitor has a kernel. The networks are loaded once, by a process beside Voila, for all of them.
"""

import os
import signal
import subprocess
import sys
from pathlib import Path

import eurosat_inpaint as ei

TOOLS = Path(__file__).resolve().parent
NOTEBOOK = TOOLS.parent / "notebooks" / "app.ipynb"
SERVING = str(TOOLS / "serving")
UPLOAD_MEGABYTES = 64
OPTIONS = (
    "--template=explorers",
    "--Voila.kernel_websocket_connection_class=prompt_connection.PromptConnection",
    # jupytext's extension needs all of JupyterLab.
    "--VoilaConfiguration.extension_denylist=jupyterlab-jupytext",
    # As JupyterLab does by itself, Voila answers those who ask for this machine by a local name,
    # and no page of others that has its own name point here. A message may hold a photograph.
    "--Voila.tornado_settings={'allow_remote_access': False, 'websocket_max_message_size': "
    f"{(UPLOAD_MEGABYTES + 1) * 10**6}}}",
)


def main(options: list[str]) -> int:
    settings = {"EUROSAT_INPAINT_UPLOAD_MEGABYTES": str(UPLOAD_MEGABYTES)}
    for name in ("JUPYTER_PATH", "PYTHONPATH"):
        settings[name] = os.pathsep.join(filter(None, (SERVING, os.environ.get(name))))
    with ei.widgets.share_networks() as variables:
        command = [sys.executable, "-m", "voila", str(NOTEBOOK), *OPTIONS, *options]
        voila = subprocess.Popen(command, env=os.environ | settings | variables)
        signal.signal(signal.SIGTERM, lambda *_: voila.terminate())
        while True:
            try:
                return voila.wait()
            # Voila, which has heard it too, asks whether it is meant.
            except KeyboardInterrupt:
                continue


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
