"""A training watched from inside the notebook: ``widgets.watch_training``. See notebook 06."""

import io
import signal
import threading
import time
from pathlib import Path
from typing import Any

import ipywidgets
import keras
import matplotlib.pyplot as plt
import numpy as np
from IPython import get_ipython
from matplotlib.ticker import MaxNLocator

from eurosat_inpaint import metrics, plots
from eurosat_inpaint._checks import as_tiles, require_masks
from eurosat_inpaint.pretrained import restore_in_batches
from eurosat_inpaint.widgets import page, pictures

_SECONDS_BETWEEN_TEXTS = 1.0


class TrainingMonitor(keras.callbacks.Callback):
    """Shows losses and restored tiles in place, while a network learns.

    Args:
        images: the tiles to restore, uint8 (n, 64, 64, 3).
        masks: float32 (n, 64, 64, 1), 1 = known, 0 = hole.

    Raises:
        ValueError: for images outside [0, 1] or masks that do not fit them or have no holes.
    """

    def __init__(self, images: np.ndarray, masks: np.ndarray):
        super().__init__()
        self._tiles = as_tiles("images", images)
        self._masks = np.asarray(masks, np.float32)
        require_masks("masks", self._masks, self._tiles.shape, holes=True)
        self._masked = self._tiles * self._masks

    def on_train_begin(self, logs: Any = None) -> None:
        from IPython.display import display

        # Else a box would stretch them.
        natural = {"align_self": "flex-start", "max_width": "100%"}
        self._text = ipywidgets.HTML("<p>The first epoch begins.</p>", layout={"height": "48px"})
        stop = ipywidgets.HTML(_stop_button(), layout={"height": "30px"})
        self._curves, self._strip = (
            ipywidgets.Image(format="png", layout=natural) for _ in range(2)
        )
        caption = ipywidgets.HTML("<b>Validation tiles</b>: masked, restored, true, in three rows")
        box = _Box([self._text, stop, self._curves, caption, self._strip])
        box.add_class("training-monitor")
        # Of the epochs to come, too: the axis stays as it is.
        self._losses = {"training": np.full(self.params["epochs"], np.nan)}
        self._score = ""
        self._shown = time.perf_counter()
        # All of it before the first step, so that nothing moves when an epoch ends.
        self._show_tiles()
        self._show_curves()
        display(box)
        self._usual_handler = None
        if threading.current_thread() is threading.main_thread():
            self._usual_handler = signal.signal(signal.SIGINT, self._stop_training)

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._epoch = epoch

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        now = time.perf_counter()
        if now - self._shown < _SECONDS_BETWEEN_TEXTS:
            return
        self._shown = now
        steps = self.params["steps"]
        # Where several steps are one execution, the last of an epoch may have fewer of them.
        done = f", step {min(batch + 1, steps)} of {steps}" if steps else ""
        self._say(f"{done}: loss {logs['loss']:.5f}.")

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        for name, label in (("loss", "training"), ("val_loss", "validation")):
            if name in logs:
                empty = np.full(self.params["epochs"], np.nan)
                self._losses.setdefault(label, empty)[epoch] = logs[name]
        self._show_tiles()
        self._show_curves()
        losses = ", ".join(f"{label} {values[epoch]:.5f}" for label, values in self._losses.items())
        self._say(f" ended: loss in {losses}.")

    def on_train_end(self, logs: Any = None) -> None:
        if self._usual_handler is not None:
            signal.signal(signal.SIGINT, self._usual_handler)

    def _stop_training(self, number, frame):
        """What an interrupt does: the first ends the training well, the second as usual."""
        if self.model.stop_training:
            signal.signal(signal.SIGINT, self._usual_handler)
            signal.raise_signal(number)
        self.model.stop_training = True

    def _say(self, words):
        epochs = self.params["epochs"]
        self._text.value = f"<p>Epoch {self._epoch + 1} of {epochs}{words} {self._score}</p>"

    def _show_tiles(self):
        restored = restore_in_batches(self.model, self._masked, self._masks)
        error = metrics.mse(self._tiles, restored, self._masks).mean()
        self._score = f"MSE in the holes of the tiles below: {error:.5f}."
        self._strip.value = pictures.grid_png([self._masked, restored, self._tiles])

    def _show_curves(self):
        values = np.concatenate(list(self._losses.values()))
        values = values[~np.isnan(values)]
        epochs = 1 + np.arange(self.params["epochs"])
        figure = plots.show_curves(epochs, self._losses, "epoch", "loss")
        (axis,) = figure.axes
        axis.set_xlim(0.5, len(epochs) + 0.5)
        axis.xaxis.set_major_locator(MaxNLocator(integer=True))
        # The losses of a GAN may be negative.
        axis.set_yscale("log" if len(values) and values.min() > 0 else "linear")
        content = io.BytesIO()
        figure.savefig(content, format="png")
        plt.close(figure)
        self._curves.value = content.getvalue()


def _stop_button():
    """A button that interrupts the kernel; without a kernel there is nothing to stop."""
    kernel = getattr(get_ipython(), "kernel", None)
    file = kernel and kernel.config.get("IPKernelApp", {}).get("connection_file")
    if not isinstance(file, str):
        return ""
    identity = Path(file).stem.removeprefix("kernel-")
    call = page.handler("stop.js", identity)
    return f'<button class="jupyter-button" onclick="{call}">Stop the training</button>'


class _Box(ipywidgets.VBox):
    def __repr__(self):
        # What a page shows that has no kernel.
        return "Training monitor: run the notebook to see losses and restored tiles change."
