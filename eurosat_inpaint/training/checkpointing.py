"""What is kept of a training, so that it can be stopped and continued. See notebook 06.

A folder holds one training: its log, the weights that are kept so far, and its state, which names
the files that belong to it by their SHA-256. Every file is written under another name first, so
that a process may be killed at any moment: under its own name a file is whole.
"""

import errno
import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import keras
import numpy as np

from eurosat_inpaint._checks import as_folder, as_path
from eurosat_inpaint.training.identity import as_plain, digest_of_facts

BEST = "best.weights.h5"
_STATE = "state.json"
_LOCK = ".lock"
# Written to, then renamed.
_PARTIAL = "partial.weights.h5"
_LITTER = ("state-[0-9]*.weights.h5", "state-best-[0-9]*.weights.h5", _PARTIAL)
_LITTER += ("log.partial", "state.partial")
# What HDF5 writes beside the numbers: about 3 KB for each array, and some more.
_OVERHEAD, _MARGIN = 4096, 2**20


class FiniteNumbers(keras.callbacks.Callback):
    """Ends a training with a FloatingPointError as soon as it is no longer one.

    That is, when a loss, a weight, or a number that the optimiser keeps, is NaN or infinite. Losses
    are looked at after every execution, the others where an epoch begins and ends: a network can
    hold NaN that no loss shows. It has to come before whatever keeps weights.
    """

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._epoch = epoch + 1
        self._require_weights()

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self._require_losses(logs)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self._require_losses(logs)
        self._require_weights()

    def _require_losses(self, logs):
        for name, value in logs.items():
            if not np.isfinite(value):
                self._stop(f"{name} is {float(value)}")

    def _require_weights(self):
        if path := not_finite(variables_of(self.model)):
            self._stop(f"{path} holds NaN or infinity")

    def _stop(self, reason):
        raise FloatingPointError(
            f"training stopped in epoch {self._epoch}: {reason}. The weights kept until then are "
            "in the model, or those it began with. Train anew, in another directory, with a lower "
            "learning rate, or in float32"
        )


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
            _write_text(self.directory / "log.csv", "\n".join(lines) + "\n")


class KeptWeights(keras.callbacks.Callback):
    """Keeps the weights with the lowest "val_loss", or the latest, in memory and in files.

    Args:
        directory: where the files are written, or None.
        networks: the networks whose weights go into files, by the files' names.
        latest: keep the weights of the latest epoch, whatever its loss.
        since: the epoch from which on losses are of one kind, counted from 0: they are compared
            with those before no more.

    Attributes:
        weights: of the whole model; None before the first epoch.
    """

    def __init__(
        self,
        directory: Path | None,
        networks: dict[str, keras.Model],
        *,
        latest: bool = False,
        since: int = 0,
    ):
        super().__init__()
        self.directory, self.networks, self.latest = directory, networks, latest
        self.since = since
        self.lowest = float("inf")
        self.weights: list | None = None

    def follow(self, history: list[dict]) -> None:
        """Compare with the losses of a history from here on."""
        of_one_kind = history[self.since :] or history
        self.lowest = min(row["val_loss"] for row in of_one_kind)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        loss = float(logs["val_loss"])
        if not (self.latest or epoch == self.since or loss < self.lowest):
            return
        self.lowest, self.weights = loss, self.model.get_weights()
        if self.directory is not None:
            for name, network in self.networks.items():
                save_weights(_without_optimizer(network), self.directory / name)


class SavedState(keras.callbacks.Callback):
    """Keeps all that is needed to continue a stopped training at the epoch that it was in.

    The state is written when the next epoch begins, not when one ends: only then are the weights
    in the model those that the optimiser goes on from, and not their moving average. Patience
    that a callback has spent is not kept: it is counted anew. The state of a training that has
    come to its end stays as well, so that the same call gives the same result, and at once.

    Args:
        directory: where the state is written.
        arguments: what must be the same when the training continues; of arrays a digest is kept.
        log: its history is part of the state.
        kept: its weights are part of the state.
        prolonged: tells, of another number of epochs and how many are completed, whether these
            would have been the same with the number in ``arguments``.

    Attributes:
        completed: number of epochs that a stopped training had completed.
        finished: whether it had come to its end.
    """

    def __init__(
        self,
        directory: Path,
        *,
        arguments: dict[str, Any],
        log: TrainingLog,
        kept: KeptWeights,
        prolonged: Callable[[int, int], bool],
    ):
        super().__init__()
        self.prolonged = prolonged
        self.directory, self.arguments = directory, as_plain(arguments)
        self.log, self.kept = log, kept
        self.completed, self.finished = 0, False

    def restore(self, model: keras.Model) -> None:
        """Load what a stopped or finished training left, if there was one.

        Raises:
            ValueError: if that training had other arguments, or its files are damaged.
        """
        state = self._read()
        if state is None:
            self._remove_all_but(())
            return
        self.finished = state["finished"]
        former = state["arguments"]
        names = sorted({*former, *self.arguments})
        differing = [name for name in names if former.get(name) != self.arguments.get(name)]
        if differing == ["epochs"] and not self.finished:
            if self.prolonged(former["epochs"], len(state["history"])):
                differing = []
        if differing:
            raise ValueError(
                f"directory {str(self.directory)!r} holds {self._kind()} training with other "
                f"{', '.join(differing)}: continue it with the same arguments, name another "
                "directory, or delete it"
            )
        for name, expected in state["files"].items():
            if _sha256_of(self.directory / name) != expected:
                raise self._damaged(f"{name} is not as it was written")
        self._remove_all_but(state["files"])
        self.log.history = state["history"]
        self.completed = len(self.log.history)
        self.kept.follow(self.log.history)
        if self.finished:
            for name, network in self.kept.networks.items():
                _without_optimizer(network).load_weights(self.directory / name)
            return
        weights, *best = state["files"]
        if best:
            with _saving(self.directory):
                _copy(self.directory / best[0], self.directory / BEST)
            _without_optimizer(model).load_weights(self.directory / BEST)
            self.kept.weights = model.get_weights()
        model.load_weights(self.directory / weights)
        self.kept.weights = self.kept.weights or model.get_weights()

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        if epoch == self.completed:
            return
        # The files that the state names are never written again, only replaced by others.
        names = [_weights_file(epoch)]
        save_weights(self.model, self.directory / names[0])
        # The latest weights are part of the state of the whole model.
        if not self.kept.latest:
            names.append(f"state-best-{epoch}.weights.h5")
            with _saving(self.directory):
                _copy(self.directory / BEST, self.directory / names[1])
        self._write(names)

    def finish(self) -> None:
        """Note that the training has come to its end: what is kept is its result."""
        self.finished = True
        self._write(list(self.kept.networks))

    def _write(self, names):
        state = {
            "arguments": self.arguments,
            "finished": self.finished,
            "files": {name: _sha256_of(self.directory / name) for name in names},
            "history": self.log.history,
        }
        _write_text(self.directory / _STATE, json.dumps(state | {"sha256": digest_of_facts(state)}))
        self._remove_all_but(names)

    def _read(self):
        """The state that was written, or None where there is none."""
        try:
            state = json.loads((self.directory / _STATE).read_text(encoding="utf-8"))
            if state.pop("sha256") == digest_of_facts(state):
                return state
        except FileNotFoundError as problem:
            # Killed before its first state was complete, a training leaves no more than this.
            if {*self.directory.glob(_LITTER[0])} - {self.directory / _weights_file(1)}:
                raise self._damaged(f"{_STATE} is missing") from problem
            return None
        # Whatever is left of a damaged file may be of any type.
        except (OSError, ValueError, LookupError, TypeError, AttributeError) as problem:
            raise self._damaged(f"{_STATE} cannot be read") from problem
        raise self._damaged(f"{_STATE} is not as it was written")

    def _damaged(self, problem):
        return ValueError(
            f"directory {str(self.directory)!r} holds {self._kind()} training that is damaged: "
            f"{problem}. Put the file back, name another directory, or delete this one and train "
            "anew"
        )

    def _kind(self):
        return "a finished" if self.finished else "an unfinished"

    def _remove_all_but(self, names):
        """Remove states of other epochs, and what a killed process left half written."""
        for pattern in _LITTER:
            for path in self.directory.glob(pattern):
                if path.name not in names:
                    # What cannot be removed now is in nobody's way, and removed by a later call.
                    with suppress(OSError):
                        path.unlink()


def forget_training(directory: str | os.PathLike) -> None:
    """Forget a finished training: the same call then trains anew. Log and weights stay.

    Args:
        directory: as of :func:`fit_unet`.
    """
    (as_path("directory", directory) / _STATE).unlink(missing_ok=True)


def save_weights(model: keras.Model, path: Path) -> None:
    """Save a network's weights, and what its optimisers hold, whole or not at all.

    Args:
        model: a network; optimisers are saved where it is compiled.
        path: ends in ".weights.h5"; replaced, if it exists, when all is written.

    Raises:
        OSError: if there is no room for them, or they cannot be written.
    """
    partial = path.with_name(_PARTIAL)
    with _saving(path.parent):
        _make_room(partial, variables_of(model))
        model.save_weights(partial)
        _flush(partial)
        partial.replace(path)


@contextmanager
def held_directory(directory: str | os.PathLike) -> Iterator[Path]:
    """The folder of a training, there, writable, and until the end no other training's.

    Raises:
        TypeError, ValueError: if it is no path, or another training is running in it.
        OSError: if it is a file, or cannot be created or written.
    """
    from filelock import FileLock, Timeout

    folder = as_folder("directory", directory).absolute()
    lock = FileLock(folder / _LOCK, timeout=0)
    try:
        lock.acquire()
    except Timeout as problem:
        raise ValueError(
            f"directory {str(folder)!r} is in use by another training: name another, or stop that "
            "one first"
        ) from problem
    except OSError as problem:
        raise type(problem)(
            f"directory {str(folder)!r} cannot be written to: {problem.strerror or problem}"
        ) from problem
    try:
        yield folder
    finally:
        # While it is held, where the system allows it: nobody then finds a lock that is nobody's.
        with suppress(OSError):
            (folder / _LOCK).unlink()
        lock.release()


def not_finite(variables: list) -> str | None:
    """The path of the first variable that holds NaN or infinity, or None."""
    for variable in variables:
        if not np.isfinite(keras.ops.convert_to_numpy(variable)).all():
            return variable.path
    return None


def variables_of(model: keras.Model) -> list:
    """All that a training changes: weights, and the variables of one or two optimisers."""
    optimizers = (getattr(model, name, None) for name in ("optimizer", "discriminator_optimizer"))
    return [*model.weights, *(v for each in optimizers if each for v in each.variables)]


def _weights_file(epoch):
    return f"state-{epoch}.weights.h5"


def _without_optimizer(model):
    """The same network and weights, uncompiled: weights files without optimiser state."""
    return keras.Model(model.inputs, model.outputs, name=model.name)


@contextmanager
def _saving(directory):
    """Whatever goes wrong while something is saved is an OSError that names the folder."""
    try:
        yield
    # HDF5's errors come as any of these.
    except (OSError, RuntimeError, ValueError) as problem:
        with suppress(OSError):
            (directory / _PARTIAL).unlink()
        raise OSError(
            f"the training cannot be saved in directory {str(directory)!r}: {problem}. What was "
            "saved before is whole: make room, and the same call continues"
        ) from problem


def _make_room(path, variables):
    """Fill a file of the size that is needed, which HDF5 then writes over.

    HDF5 may crash, and Python with it, where a disk is full or a quota is met; Python's own files
    raise an error.
    """
    arrays = map(keras.ops.convert_to_numpy, variables)
    size = _MARGIN + sum(_OVERHEAD + array.nbytes for array in arrays)
    if shutil.disk_usage(path.parent).free < size + _MARGIN:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    with path.open("wb") as file:
        for start in range(0, size, _MARGIN):
            file.write(bytes(min(_MARGIN, size - start)))


def _copy(source, target):
    partial = target.with_name(_PARTIAL)
    shutil.copyfile(source, partial)
    _flush(partial)
    partial.replace(target)


def _write_text(path, text):
    partial = path.with_suffix(".partial")
    with _saving(path.parent):
        partial.write_text(text, encoding="utf-8")
        _flush(partial)
        partial.replace(path)


def _flush(path):
    """Have the content on the disk before the name is, should the machine lose its power."""
    with path.open("r+b") as file:
        os.fsync(file.fileno())


def _sha256_of(path):
    """SHA-256 of a file, or None where there is none to read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return None
