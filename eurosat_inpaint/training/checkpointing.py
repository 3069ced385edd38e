"""What is kept of a training, so that it can be stopped and continued. See notebook 06."""

import json
import shutil
import time
from pathlib import Path
from typing import Any

import keras

_BEST = "best.weights.h5"


class TrainingLog(keras.callbacks.Callback):
    """Keeps one row per epoch, in memory and in ``log.csv``.

    Args:
        directory: where the file is written, or None.
        measures: what is kept of the logs of an epoch, by name.

    Attributes:
        history: one dict per epoch.
    """

    def __init__(self, directory: Path | None, measures: tuple[str, ...]):
        super().__init__()
        self.directory, self.measures = directory, measures
        self.history: list[dict] = []

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._started = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        # Where the rate is cut on a plateau, that callback logs the rate before the cut.
        rate = logs.get("learning_rate", self.model.optimizer.learning_rate)
        row = {"epoch": epoch + 1, **{name: float(logs[name]) for name in self.measures}}
        row["learning_rate"] = float(rate)
        row["seconds"] = round(time.perf_counter() - self._started, 1)
        self.history.append(row)
        if self.directory is not None:
            lines = [",".join(row), *(",".join(map(str, r.values())) for r in self.history)]
            _write_atomically(self.directory / "log.csv", "\n".join(lines) + "\n")


class BestWeights(keras.callbacks.Callback):
    """Keeps the weights with the lowest "val_loss", in memory and in ``best.weights.h5``.

    Args:
        directory: where the file is written, or None.
    """

    def __init__(self, directory: Path | None):
        super().__init__()
        self.directory = directory
        self.lowest = float("inf")
        self.weights: list | None = None

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        loss = float(logs["val_loss"])
        # NaN is no progress; of the first epoch the weights are kept whatever the loss is.
        if self.weights is not None and not loss < self.lowest:
            return
        self.lowest, self.weights = loss, self.model.get_weights()
        if self.directory is not None:
            partial = self.directory / "partial.weights.h5"
            _without_optimizer(self.model).save_weights(partial)
            partial.replace(self.directory / _BEST)


class SavedState(keras.callbacks.Callback):
    """Keeps all that is needed to continue a stopped training at the epoch that it was in.

    The state is written when the next epoch begins, not when one ends: only then are the weights
    in the model those that the optimiser goes on from, and not their moving average. Patience
    that a callback has spent is not kept: it is counted anew.

    Args:
        directory: where the state is written.
        arguments: what must be the same when the training continues; JSON holds it.
        log: its history is part of the state.
        best: its weights are part of the state, or None where no weights are best.
    """

    def __init__(
        self,
        directory: Path,
        *,
        arguments: dict[str, Any],
        log: TrainingLog,
        best: BestWeights | None,
    ):
        super().__init__()
        self.directory, self.arguments = directory, arguments
        self.log, self.best = log, best
        self.completed = 0

    def restore(self, model: keras.Model) -> int:
        """Load what a stopped training left; returns the number of epochs it had completed.

        Raises:
            ValueError: if that training had other arguments.
        """
        path = self.directory / "state.json"
        if not path.exists():
            return 0
        state = json.loads(path.read_text())
        former = state["arguments"]
        differing = [name for name, value in self.arguments.items() if former.get(name) != value]
        if differing:
            raise ValueError(
                f"directory {str(self.directory)!r} holds an unfinished training with other "
                f"{', '.join(differing)}: continue it with the same arguments, or delete it"
            )
        self.log.history = state["history"]
        if self.best is not None:
            shutil.copyfile(self.directory / state["best"], self.directory / _BEST)
            _without_optimizer(model).load_weights(self.directory / state["best"])
            self.best.weights = model.get_weights()
            self.best.lowest = min(row["val_loss"] for row in state["history"])
        model.load_weights(self.directory / state["weights"])
        self.completed = len(state["history"])
        return self.completed

    def remove(self) -> None:
        """Remove the state of a training that has come to its end; log and weights stay."""
        (self.directory / "state.json").unlink(missing_ok=True)
        for path in self.directory.glob("state-*.weights.h5"):
            path.unlink()

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        if epoch == self.completed:
            return
        # The files that the state names are never written again, only replaced by others.
        files = {"weights": f"state-{epoch}.weights.h5"}
        self.model.save_weights(self.directory / files["weights"])
        if self.best is not None:
            files["best"] = f"state-best-{epoch}.weights.h5"
            shutil.copyfile(self.directory / _BEST, self.directory / files["best"])
        state = {"arguments": self.arguments, **files, "history": self.log.history}
        _write_atomically(self.directory / "state.json", json.dumps(state))
        for path in self.directory.glob("state-*.weights.h5"):
            if path.name not in files.values():
                path.unlink()


def _without_optimizer(model):
    """The same network and weights, uncompiled: weights files without optimiser state."""
    return keras.Model(model.inputs, model.outputs, name=model.name)


def _write_atomically(path, text):
    partial = path.with_suffix(".partial")
    partial.write_text(text)
    partial.replace(path)
