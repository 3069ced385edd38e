"""JupyterLab as ``make lab`` starts it: sliders that follow, photographs that can be uploaded."""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from prompt_connection import PromptConnection

UPLOAD_MEGABYTES = 64

# For the kernels: the explorers say it on their button.
os.environ["EUROSAT_INPAINT_UPLOAD_MEGABYTES"] = str(UPLOAD_MEGABYTES)
c = get_config()  # noqa: F821
c.ServerApp.kernel_websocket_connection_class = PromptConnection
c.ServerApp.tornado_settings = {"websocket_max_message_size": (UPLOAD_MEGABYTES + 1) * 10**6}
