"""What people touch: explorers of masks and methods, and a training watched while it runs.

``explorers`` holds the two explorers, ``controls`` what they are operated with, ``restoring`` the
methods that they compare, ``redrawing`` draws after a slider moved without falling behind it,
``pictures`` draws fast PNGs, ``page.js`` and ``page.css`` add what ipywidgets leave out,
``monitor`` shows a training.
"""

from typing import Any

import numpy as np

try:
    import ipywidgets  # noqa: F401
except ImportError as problem:
    raise ImportError(
        "ipywidgets is needed for the explorers: pip install 'eurosat-inpaint[notebooks]'"
    ) from problem

from eurosat_inpaint.widgets.explorers import inpainting_explorer, mask_explorer
from eurosat_inpaint.widgets.restoring import share_networks

__all__ = ["inpainting_explorer", "mask_explorer", "share_networks", "watch_training"]


def watch_training(images: np.ndarray, masks: np.ndarray) -> Any:
    """Watch a training: its losses, and what the network restores, after every epoch.

    Its button, as interrupting the kernel (■), ends the training after the step that it is in; then
    ``fit_unet`` leaves the best weights.

    Args:
        images: the tiles to restore, uint8 (n, 64, 64, 3): a few of the validation split.
        masks: float32 (n, 64, 64, 1), 1 = known, 0 = hole.

    Returns:
        A callback for ``fit`` or ``training.fit_unet``; it shows itself where training begins.

    Raises:
        ValueError: for images outside [0, 1] or masks that do not fit them or have no holes.
    """
    # Here, since it needs Keras, and the mask explorer does not.
    from eurosat_inpaint.widgets.monitor import TrainingMonitor

    return TrainingMonitor(images, masks)
