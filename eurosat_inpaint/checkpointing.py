"""What is kept of a training, so that it can be stopped and continued. See notebook 04."""

import json
import shutil
import time
from pathlib import Path

import keras

from eurosat_inpaint.batches import TileBatches


class TrainingKeeper(keras.callbacks.Callback):
    """Keeps the log, the best weights and all that is needed to continue a stopped training.

    The state is written when the next epoch begins, not when one ends: only then are the weights
    in the model those that the optimiser goes on from, and not their moving average. It must be
    the last callback, so that it restores the state of the others (which
    ``keras.callbacks.BackupAndRestore`` does not keep) after they have reset themselves.

    Args:
        batches: the training batches, whose epoch is set when an epoch begins.
        directory: where everything is written, or None to keep the best weights in memory only.
        callbacks: those whose state is kept: early stopping, learning rate on a plateau.
        arguments: what must be the same when the training continues.
        measures: what is kept of the logs of an epoch, by name.
        keep_best: keep the weights with the lowest "val_loss", which ``measures`` then holds.
            Of a GAN, whose networks pull their losses to and fro, no such weights are best.

    Attributes:
        history: one dict per epoch.
        best_weights: list of arrays, as of ``model.get_weights()``; None where none are kept.
    """

    _KEPT_ATTRIBUTES = ("wait", "best", "best_epoch", "cooldown_counter")

    def __init__(
        self,
        batches: TileBatches,
        directory: str | Path | None,
        callbacks: tuple = (),
        arguments: dict | None = None,
        measures: tuple[str, ...] = ("loss", "val_loss"),
        keep_best: bool = True,
    ):
        super().__init__()
        self.batches = batches
        self.directory = None if directory is None else Path(directory)
        self.callbacks = callbacks
        self.arguments = arguments or {}
        self.measures = measures
        self.keep_best = keep_best
        self.history = []
        self.best_weights = None
        self._restored_states = []
        self._restored_epochs = 0
        if self.directory is not None:
            self.directory.mkdir(parents=True, exist_ok=True)

    def fit(self, model: keras.Model, validation_data, epochs: int, callbacks=(), verbose="auto"):
        """Train a compiled model from where a stopped training left it; ends with the best weights.

        Args:
            model: the network to train on ``batches``.
            validation_data: inputs and targets, scored after every epoch.
            epochs: number of epochs in all, those of the stopped training included.
            callbacks: called after those whose state is kept, and before this one.
            verbose: as in ``keras.Model.fit``.
        """
        initial_epoch = self.restore(model)
        model.fit(
            self.batches,
            validation_data=validation_data,
            validation_batch_size=64,
            epochs=epochs,
            initial_epoch=initial_epoch,
            callbacks=[*self.callbacks, *callbacks, self],
            verbose=verbose,
            shuffle=False,
        )
        if self.keep_best:
            model.set_weights(self.best_weights)

    def restore(self, model: keras.Model) -> int:
        """Load what a stopped training left; returns the number of epochs it had completed.

        Raises:
            ValueError: if that training had other arguments.
        """
        if self.directory is None or not (self.directory / "state.json").exists():
            return 0
        state = json.loads((self.directory / "state.json").read_text())
        self._require_same_arguments(state["arguments"])
        if self.keep_best:
            shutil.copyfile(self.directory / state["best"], self.directory / "best.weights.h5")
            _without_optimizer(model).load_weights(self.directory / state["best"])
            self.best_weights = model.get_weights()
        model.load_weights(self.directory / state["weights"])
        self.history = state["history"]
        self._restored_states = state["callbacks"]
        self._restored_epochs = len(self.history)
        return len(self.history)

    def _require_same_arguments(self, former):
        if differing := [
            name for name, value in self.arguments.items() if former.get(name) != value
        ]:
            raise ValueError(
                f"directory {str(self.directory)!r} holds an unfinished training with other "
                f"{', '.join(differing)}: continue it with the same arguments, or delete it"
            )

    def finish(self):
        """Remove the state of a training that has come to its end; log and weights stay."""
        if self.directory is not None:
            (self.directory / "state.json").unlink(missing_ok=True)
            for path in self.directory.glob("state-*.weights.h5"):
                path.unlink()

    def on_train_begin(self, logs=None):
        for callback, state in zip(self.callbacks, self._restored_states, strict=False):
            for name, value in state.items():
                setattr(callback, name, value)

    def on_epoch_begin(self, epoch, logs=None):
        self._started = time.perf_counter()
        # Set, since some versions of Keras count on once before the first epoch, some do not.
        # Counted from 1, as in the log.
        self.batches.epoch = epoch + 1
        # The files that the state names are never written again, only replaced by others.
        if self.directory is None or epoch == self._restored_epochs:
            return
        files = {"weights": f"state-{epoch}.weights.h5"}
        self.model.save_weights(self.directory / files["weights"])
        if self.keep_best:
            files["best"] = f"state-best-{epoch}.weights.h5"
            shutil.copyfile(self.directory / "best.weights.h5", self.directory / files["best"])
        states = [
            {name: float(getattr(c, name)) for name in self._KEPT_ATTRIBUTES if _is_set(c, name)}
            for c in self.callbacks
        ]
        state = {
            "arguments": self.arguments,
            **files,
            "history": self.history,
            "callbacks": states,
        }
        _write_atomically(self.directory / "state.json", json.dumps(state))
        for path in self.directory.glob("state-*.weights.h5"):
            if path.name not in files.values():
                path.unlink()

    def on_epoch_end(self, epoch, logs=None):
        row = {
            "epoch": epoch + 1,
            **{name: float(logs[name]) for name in self.measures},
            # Where it is cut on a plateau, that callback logs the rate before the cut.
            "learning_rate": float(logs.get("learning_rate", self.model.optimizer.learning_rate)),
            "seconds": round(time.perf_counter() - self._started, 1),
        }
        if self.keep_best and self._is_best(row):
            self._keep_these_weights()
        self.history.append(row)
        if self.directory is None:
            return
        lines = [",".join(row), *(",".join(map(str, r.values())) for r in self.history)]
        _write_atomically(self.directory / "log.csv", "\n".join(lines) + "\n")

    def _is_best(self, row):
        return not self.history or row["val_loss"] < min(r["val_loss"] for r in self.history)

    def _keep_these_weights(self):
        self.best_weights = self.model.get_weights()
        if self.directory is not None:
            partial = self.directory / "partial.weights.h5"
            _without_optimizer(self.model).save_weights(partial)
            partial.replace(self.directory / "best.weights.h5")


def _is_set(callback, name):
    return getattr(callback, name, None) is not None


def _without_optimizer(model):
    """The same network and weights, uncompiled: weights files without optimiser state."""
    return keras.Model(model.inputs, model.outputs, name=model.name)


def _write_atomically(path, text):
    partial = path.with_suffix(".partial")
    partial.write_text(text)
    partial.replace(path)
