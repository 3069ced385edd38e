"""Progress of a training as one line that is written over in place. See notebook 06."""

import time
from typing import Any

import keras

_SECONDS_BETWEEN_LINES = 1.0


class ProgressLine(keras.callbacks.Callback):
    """Shows epoch, losses and time left in one line; its last state stays in the notebook.

    Outside of a notebook each line is printed.

    Args:
        name: what is trained, said at the beginning of the line.
    """

    def __init__(self, name: str):
        super().__init__()
        self.name = name

    def on_train_begin(self, logs: Any = None) -> None:
        from IPython.display import display

        self._handle = display({"text/plain": f"{self.name}: starting"}, raw=True, display_id=True)
        self._started = self._shown = time.perf_counter()
        self._validation = ""

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        now = time.perf_counter()
        if now - self._shown < _SECONDS_BETWEEN_LINES:
            return
        self._shown = now
        steps, epochs = self.params["steps"], self.params["epochs"]
        # Where several steps are one execution, the last of an epoch may have fewer of them.
        done = (self._epoch * steps + min(batch + 1, steps)) / (epochs * steps)
        left = (now - self._started) * (1 - done) / done
        self._show(
            f"epoch {self._epoch + 1} of {epochs}, {100 * done:.0f} %, "
            f"loss {logs['loss']:.5f}{self._validation}, {left:.0f} s left"
        )

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._epoch = epoch

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self._validation = f", validation {logs['val_loss']:.5f}"

    def on_train_end(self, logs: Any = None) -> None:
        seconds = time.perf_counter() - self._started
        self._show(f"{self._epoch + 1} epochs in {seconds:.0f} s{self._validation}")

    def _show(self, text):
        if self._handle is not None:
            self._handle.update({"text/plain": f"{self.name}: {text}"}, raw=True)
