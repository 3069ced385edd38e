"""Trainings whose process is killed: nothing is lost, and the end is the same.

Processes are forked off one that has imported Keras and done nothing else, which takes seconds off
each. They are killed by SIGKILL: at a file operation of theirs, one after the other, or at random.
"""

import multiprocessing
import os
import random
import signal
import sys

import keras
import numpy as np
import pytest
from helpers_training import FINISHED, assert_same_training, names_in, short_training

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="forks off a process with Keras")

# Audit events of the operations that change a file or open one.
_OPERATIONS = ("open", "os.rename", "os.remove", "os.mkdir")
# Both fall behind, if at all, before a training of a second or two.
_PATIENCE = 240


@pytest.fixture(scope="module")
def processes():
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["eurosat_inpaint.training"])
    return context


@pytest.fixture(scope="module")
def trained():
    """History and network of a training that nobody killed."""
    return short_training("unet")


def train(directory, begun, operations, last):
    """Train in a process of its own, which kills itself at the operation number ``last``.

    Args:
        directory: of the training.
        begun: an event, set when the first epoch begins.
        operations: a shared number, counts the operations on files in ``directory``.
        last: a number, or None.
    """

    def count(event, arguments):
        if event in _OPERATIONS and str(directory) in str(arguments[0]):
            operations.value += 1
            if operations.value == last:
                os.kill(os.getpid(), signal.SIGKILL)

    class Begun(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            begun.set()

    sys.addaudithook(count)
    short_training("unet", directory=directory, callbacks=(Begun(),))


def run(processes, directory, *, last=None, delay=None):
    """Run ``train`` and kill it, if told, some seconds after it began.

    Returns:
        Whether it was killed, and the number of its operations.
    """
    begun, operations = processes.Event(), processes.Value("i", 0)
    process = processes.Process(target=train, args=(directory, begun, operations, last))
    process.start()
    if delay is not None:
        begun.wait(_PATIENCE)
        process.join(delay)
        process.kill()
    process.join(_PATIENCE)
    assert process.exitcode in (0, -signal.SIGKILL)
    return process.exitcode != 0, operations.value


def assert_as_if_never_killed(directory, trained):
    """Continued in this process, the training is the same as one that nobody killed."""
    history, model = short_training("unet", directory=directory)
    assert_same_training(history, model, *trained)
    assert names_in(directory) == FINISHED
    kept = short_training("unet", directory=directory)[1]
    for one, other in zip(kept.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.fixture(scope="module")
def count(processes, tmp_path_factory):
    """Number of operations of a whole training."""
    killed, operations = run(processes, tmp_path_factory.mktemp("whole") / "training")
    assert not killed and operations > 30
    return operations


@pytest.mark.slow
def test_training_killed_at_some_operations(count, processes, trained, tmp_path):
    """Early, in the middle and late, one after the other in one directory."""
    for last in (count // 4, count // 2, count // 3):
        assert run(processes, tmp_path, last=last)[0]
    assert_as_if_never_killed(tmp_path, trained)


CASES = 40


@pytest.mark.faults
@pytest.mark.parametrize("case", range(CASES))
def test_training_killed_at_an_operation_and_again(case, count, processes, trained, tmp_path):
    """From the first to the last, evenly; then, continued, at one of the next."""
    assert run(processes, tmp_path, last=1 + round(case * (count - 1) / (CASES - 1)))[0]
    run(processes, tmp_path, last=random.Random(case).randrange(1, count // 2))
    assert_as_if_never_killed(tmp_path, trained)


@pytest.mark.faults
@pytest.mark.parametrize("seed", range(25))
def test_training_killed_at_random(seed, processes, trained, tmp_path):
    """Within the two seconds after its first epoch began, unless it has ended before."""
    run(processes, tmp_path, delay=random.Random(seed).uniform(0, 2))
    assert_as_if_never_killed(tmp_path, trained)
