"""A training watched from inside the notebook: ``widgets.watch_training``. See notebook 06."""

import io
import time
from typing import Any

import ipywidgets
import keras
import matplotlib.pyplot as plt
import numpy as np

from eurosat_inpaint import metrics, plots
from eurosat_inpaint._checks import as_tiles, require_masks
from eurosat_inpaint.pretrained import restore_in_batches
from eurosat_inpaint.widgets import pictures

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

        self._text = ipywidgets.HTML("<p>The first epoch begins.</p>")
        self._curves, self._strip = ipywidgets.Image(format="png"), ipywidgets.Image(format="png")
        caption = ipywidgets.HTML("<b>Validation tiles</b>: masked, restored, true, in three rows")
        box = _Box([self._text, self._curves, caption, self._strip])
        box.add_class("training-monitor")
        self._losses: dict[str, list[float]] = {}
        self._score = ""
        self._shown = time.perf_counter()
        self._show_tiles()
        display(box)

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
                self._losses.setdefault(label, []).append(logs[name])
        self._show_tiles()
        self._show_curves()
        losses = ", ".join(f"{label} {values[-1]:.5f}" for label, values in self._losses.items())
        self._say(f" ended: loss in {losses}.")

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
        epochs = np.arange(1, 1 + len(self._losses["training"]))
        figure = plots.show_curves(epochs, self._losses, "epoch", "loss")
        # The losses of a GAN may be negative.
        figure.axes[0].set_yscale("log" if values.min() > 0 else "linear")
        content = io.BytesIO()
        figure.savefig(content, format="png")
        plt.close(figure)
        self._curves.value = content.getvalue()


class _Box(ipywidgets.VBox):
    def __repr__(self):
        # What a page shows that has no kernel.
        return "Training monitor: run the notebook to see losses and restored tiles change."
