"""Trainings that go wrong: numbers that are none, directories that are not right, full disks."""

import dataclasses
import json
import shutil
import sys
from functools import partial
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest
from helpers_training import (
    ADVERSARIAL,
    AVERAGED,
    FINISHED,
    KINDS,
    PLAIN,
    SIDE,
    StopAt,
    assert_other_argument_is_refused,
    assert_same_training,
    names_in,
    network_of,
    short_training,
    small_network,
    small_tiles,
)
from keras import layers

from eurosat_inpaint.masks import line_masks
from eurosat_inpaint.training import checkpointing, fit_unet, identity, recipes

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", autouse=True)
def short_executions():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recipes, "_STEPS_PER_EXECUTION", 2)
        yield


# Numbers that are none


def nan_weight(model, value=np.nan):
    """A NaN in one weight, at one place."""
    network = getattr(model, "generator", model)
    weights = network.trainable_weights[0]
    spoiled = keras.ops.convert_to_numpy(weights).copy()
    spoiled.flat[0] = value
    weights.assign(spoiled)


def nan_statistics(model):
    """A NaN in a weight that no gradient reaches, or in the last one of the other network."""
    others = getattr(model, "discriminator", model)
    weights = (others.non_trainable_weights or others.weights)[-1]
    weights.assign(np.full(weights.shape, np.nan, np.float32))


def nan_of_optimizer(model, name="optimizer"):
    """A NaN where no loss sees it until the next step: in the last thing an optimiser keeps.

    Where weights are averaged these are the weights themselves, while the average is in the model.
    """
    kept = getattr(model, name).variables[-1]
    kept.assign(np.full(kept.shape, np.nan, np.float32))


class Spoil(keras.callbacks.Callback):
    """Calls a function of the model at one moment of the second epoch."""

    def __init__(self, moment, spoil):
        super().__init__()
        self.moment, self.spoil = moment, spoil

    def _at(self, moment):
        if (self.epoch, moment) == (1, self.moment):
            self.spoil(self.model)

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch
        self._at("begin")

    def on_train_batch_end(self, batch, logs=None):
        self._at("batch")

    def on_epoch_end(self, epoch, logs=None):
        self._at("end")


SPOILS = {
    "a weight before an epoch": ("begin", nan_weight),
    "a weight after an epoch": ("end", nan_weight),
    "infinity": ("end", lambda model: nan_weight(model, np.inf)),
    "statistics": ("end", nan_statistics),
    "the optimiser": ("end", nan_of_optimizer),
    "a step": ("batch", nan_weight),
}


def arrays_in(path):
    arrays = []
    with h5py.File(path) as file:
        file.visititems(lambda _, item: arrays.append(item[()]) if hasattr(item, "dtype") else None)
    return arrays


def assert_all_finite(directory):
    """Nothing that is kept holds NaN or infinity."""
    paths = list(directory.glob("*.h5"))
    assert paths
    for path in paths:
        assert all(np.isfinite(array).all() for array in arrays_in(path)), path.name
    log = (directory / "log.csv").read_text()
    assert "nan" not in log and "inf" not in log


@pytest.fixture(scope="module", params=KINDS)
def trained(request):
    return request.param, *short_training(request.param)


@pytest.mark.slow
@pytest.mark.parametrize("spoil", SPOILS)
def test_training_ends_at_nan_with_the_weights_before(spoil, trained, tmp_path):
    """And continues as if nothing had been, where what spoiled it is not there any more."""
    kind, history, expected = trained
    moment, function = SPOILS[spoil]
    model = network_of(kind)
    with pytest.raises(FloatingPointError, match="epoch 2.*NaN|epoch 2.*nan") as stopped:
        callbacks = (Spoil(moment, function),)
        short_training(kind, model, directory=tmp_path, callbacks=callbacks)
    assert "learning rate" in str(stopped.value)
    assert_all_finite(tmp_path)
    for name in ("generator", "discriminator") if kind == "gan" else ("best",):
        kept = network_of(kind)
        part = getattr(kept, name, kept)
        part.load_weights(tmp_path / f"{name}.weights.h5")
        for one, other in zip(
            getattr(model, name, model).get_weights(), part.get_weights(), strict=True
        ):
            np.testing.assert_array_equal(one, other)
    if spoil == "a step":
        assert_same_training(*short_training(kind, directory=tmp_path), history, expected)


@pytest.mark.slow
@pytest.mark.parametrize(
    # At 1e30 the small W-Net stays finite, if of no use.
    ("kind", "rate"),
    [*((kind, np.inf) for kind in KINDS), *((k, 1e30) for k in ("unet", "gan", "classifier"))],
)
def test_training_at_an_absurd_rate_ends_with_the_weights_it_began_with(kind, rate, tmp_path):
    recipe = {"gan": ADVERSARIAL, "classifier": PLAIN}.get(kind, AVERAGED)
    model = network_of(kind)
    before = model.get_weights()
    with pytest.raises(FloatingPointError, match="epoch 1"):
        recipe = dataclasses.replace(recipe, learning_rate=rate)
        short_training(kind, model, recipe=recipe, directory=tmp_path)
    for one, other in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(one, other)
    assert names_in(tmp_path) == []


@pytest.mark.slow
def test_nan_in_the_discriminators_optimiser_ends_a_training():
    def spoil(model):
        nan_of_optimizer(model, "discriminator_optimizer")

    with pytest.raises(FloatingPointError, match="epoch 2"):
        short_training("gan", callbacks=(Spoil("end", spoil),))


@pytest.mark.parametrize("kind", KINDS)
def test_networks_that_hold_nan_are_not_trained(kind):
    model = network_of(kind)
    nan_weight(model)
    with pytest.raises(ValueError, match="^model must have finite weights"):
        short_training(kind, model)


# What draw_masks returns


@pytest.mark.parametrize(
    ("draw", "error"),
    [
        (lambda n, size, seed: line_masks(n, size=size, seed=seed)[..., 0], ValueError),
        (lambda n, size, seed: line_masks(n, size=size, seed=seed)[1:], ValueError),
        (lambda n, size, seed: line_masks(n, size=2 * size, seed=seed), ValueError),
        (lambda n, size, seed: 255 * line_masks(n, size=size, seed=seed), ValueError),
        (lambda n, size, seed: line_masks(n, size=size, seed=seed) / 0.9, ValueError),
        (lambda n, size, seed: np.full((n, size, size, 1), np.nan), ValueError),
        (lambda n, size, seed: np.full((n, size, size, 1), "1"), TypeError),
        (lambda n, size, seed: None, TypeError),
        ("line_masks", TypeError),
        (None, TypeError),
    ],
    ids=["3 axes", "fewer", "larger", "255", "soft", "NaN", "text", "nothing", "a name", "None"],
)
def test_functions_that_draw_no_masks_are_refused(draw, error, tmp_path):
    with pytest.raises(error, match="draw_masks"):
        short_training("unet", draw_masks=draw, directory=tmp_path / "new")
    assert not (tmp_path / "new").exists()


@pytest.mark.slow
@pytest.mark.parametrize("dtype", [bool, np.uint8, np.float64])
def test_masks_of_any_dtype_train_the_same(dtype):
    def draw(n, size, seed):
        return line_masks(n, size=size, seed=seed).astype(dtype)

    assert_same_training(*short_training("unet", draw_masks=draw), *short_training("unet"))


@pytest.mark.slow
def test_masks_that_go_wrong_later_are_named_too():
    drawn = []

    def draw(n, size, seed):
        drawn.append(seed)
        return line_masks(n, size=size, seed=seed) * (1 if len(drawn) < 6 else 0.5)

    with pytest.raises(ValueError, match="^what draw_masks returns must hold only 0"):
        short_training("unet", draw_masks=draw)


# Directories


@pytest.fixture(scope="module")
def stopped(tmp_path_factory):
    """The directory of a training that was stopped in its third epoch."""
    directory = tmp_path_factory.mktemp("stopped")
    with pytest.raises(KeyboardInterrupt):
        short_training("unet", directory=directory, callbacks=(StopAt(2, 2),))
    return directory


def other_tiles(position):
    """One channel of one pixel is other by one level."""
    tiles = [images.copy() for images in small_tiles()]
    tiles[position][3, 5, 7, 1] ^= 1
    return tiles


def other_network(activation="relu", dtype="float32", swapped=False):
    """As ``small_network``, and as many parameters."""
    masked, mask = keras.Input((SIDE, SIDE, 3)), keras.Input((SIDE, SIDE, 1))
    given = [mask, masked] if swapped else [masked, mask]
    hidden = layers.Concatenate(dtype=dtype)(given)
    hidden = layers.Conv2D(32, 3, padding="same", activation=activation, dtype=dtype)(hidden)
    hidden = layers.Conv2D(32, 1, activation="relu", dtype=dtype)(hidden)
    prediction = layers.Conv2D(3, 1, activation="sigmoid", dtype="float32")(hidden)
    composite = small_network().layers[-1]
    return keras.Model([masked, mask], composite([masked, prediction, mask]))


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("images", lambda: {"tiles": other_tiles(0)}),
        ("validation_images", lambda: {"tiles": other_tiles(1)}),
        ("images", lambda: {"tiles": (small_tiles()[0][::-1], small_tiles()[1])}),
        ("model", lambda: {"model": other_network("tanh")}),
        ("model", lambda: {"model": other_network(swapped=True)}),
        ("dtype", lambda: {"model": other_network(dtype="mixed_bfloat16")}),
        ("recipe", lambda: {"recipe": dataclasses.replace(AVERAGED, average=0.8)}),
        ("draw_masks", lambda: {"draw_masks": lambda n, **given: 1 - line_masks(n, **given)}),
    ],
    ids=[
        "one pixel",
        "one validation pixel",
        "order",
        "activation",
        "connection",
        "precision",
        "recipe",
        "holes for known",
    ],
)
def test_what_differs_is_not_continued(name, make, stopped, tmp_path):
    given = make()
    images, validation_images = given.pop("tiles", small_tiles())
    given = {"model": small_network(), "recipe": AVERAGED} | given

    settings = {"epochs": 3, "steps_per_epoch": 4, "verbose": 0}

    def train(directory):
        tiles = {"images": images, "validation_images": validation_images}
        fit_unet(**given, **tiles, **settings, directory=directory)

    assert_other_argument_is_refused(name, train, stopped, tmp_path)


def rewritten(directory, **changed):
    """Changes of a state, with the digest that belongs to them."""
    path = directory / "state.json"
    state = json.loads(path.read_text())
    del state["sha256"]
    state |= changed
    path.write_text(json.dumps(state | {"sha256": identity.digest_of_facts(state)}))


def test_state_of_another_backend_is_not_continued(stopped, tmp_path):
    shutil.copytree(stopped, tmp_path / "jax")
    arguments = json.loads((stopped / "state.json").read_text())["arguments"]
    rewritten(tmp_path / "jax", arguments=arguments | {"backend": "jax"})
    with pytest.raises(ValueError, match="^directory .* other backend:"):
        short_training("unet", directory=tmp_path / "jax")


def test_state_of_another_kind_of_network_is_not_continued(stopped, tmp_path):
    shutil.copytree(stopped, tmp_path / "copy")
    for kind in ("wnet", "gan", "classifier"):
        with pytest.raises(ValueError, match="^directory .* other .*model"):
            short_training(kind, directory=tmp_path / "copy")


@pytest.mark.slow
def test_numbers_of_numpy_are_as_good_as_pythons(tmp_path):
    recipe = dataclasses.replace(AVERAGED, learning_rate=np.float32(0.005), batch_size=np.int64(4))
    given = {"recipe": recipe, "seed": np.int64(3), "epochs": np.int64(2), "directory": tmp_path}
    with pytest.raises(KeyboardInterrupt):
        short_training("unet", callbacks=(StopAt(1, 2),), **given)
    assert len(short_training("unet", **given)[0]) == 2


def flip(path, place):
    content = bytearray(path.read_bytes())
    content[int(place * len(content))] ^= 4
    path.write_bytes(content)


def cut(path, part):
    content = path.read_bytes()
    path.write_bytes(content[: int(part * len(content))])


def state_of_other_seed(directory):
    """The weights of the same epoch of another training."""
    with pytest.raises(KeyboardInterrupt):
        short_training("unet", directory=directory / "other", seed=1, callbacks=(StopAt(2, 2),))
    (directory / "other" / WEIGHTS).replace(directory / WEIGHTS)
    shutil.rmtree(directory / "other")


def swap(directory):
    shutil.copy(directory / BEST, directory / "between")
    shutil.copy(directory / WEIGHTS, directory / BEST)
    (directory / "between").replace(directory / WEIGHTS)


def edit(directory, old, new):
    path = directory / "state.json"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


STATE, WEIGHTS, BEST = "state.json", "state-2.weights.h5", "state-best-2.weights.h5"
DAMAGES = {
    "state flipped at its start": lambda d: flip(d / STATE, 0.02),
    "state flipped in the middle": lambda d: flip(d / STATE, 0.5),
    "state flipped at its end": lambda d: flip(d / STATE, 0.98),
    "state cut to half": lambda d: cut(d / STATE, 0.5),
    "state cut by its end": lambda d: cut(d / STATE, 0.99),
    "state empty": lambda d: cut(d / STATE, 0),
    "state no JSON": lambda d: (d / STATE).write_text("not JSON"),
    "state no text": lambda d: (d / STATE).write_bytes(b"\xff\xfe\x00"),
    "state a list": lambda d: (d / STATE).write_text("[1, 2]"),
    "state a number": lambda d: (d / STATE).write_text("3"),
    "state null": lambda d: (d / STATE).write_text("null"),
    "state missing": lambda d: (d / STATE).unlink(),
    "state of nothing": lambda d: (d / STATE).write_text("{}"),
    "state a folder": lambda d: (d / STATE).unlink() or (d / STATE).mkdir(),
    "a digit of the history": lambda d: edit(d, '"epoch": 1', '"epoch": 2'),
    "a key of the state": lambda d: edit(d, '"history"', '"histories"'),
    "weights flipped": lambda d: flip(d / WEIGHTS, 0.7),
    "weights cut": lambda d: cut(d / WEIGHTS, 0.9),
    "weights empty": lambda d: cut(d / WEIGHTS, 0),
    "weights missing": lambda d: (d / WEIGHTS).unlink(),
    "weights a folder": lambda d: (d / WEIGHTS).unlink() or (d / WEIGHTS).mkdir(),
    "weights no HDF5": lambda d: (d / WEIGHTS).write_text("not HDF5"),
    "weights of another training": state_of_other_seed,
    "best weights flipped": lambda d: flip(d / BEST, 0.3),
    "best weights cut": lambda d: cut(d / BEST, 0.5),
    "best weights missing": lambda d: (d / BEST).unlink(),
    "files swapped": swap,
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_state_is_refused_and_left_as_it_is(damage, stopped, tmp_path):
    directory = tmp_path / "copy"
    shutil.copytree(stopped, directory)
    DAMAGES[damage](directory)
    before = names_in(directory)
    with pytest.raises(ValueError) as refused:
        short_training("unet", directory=directory)
    message = str(refused.value)
    assert message.startswith(f"directory {str(directory)!r} ") and "delete" in message
    assert names_in(directory) == before


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["unet", "gan"])
def test_damaged_result_of_a_finished_training_is_refused(kind, tmp_path):
    short_training(kind, epochs=1, directory=tmp_path)
    for path in tmp_path.glob("*.h5"):
        flip(path, 0.5)
        with pytest.raises(ValueError, match="^directory .* finished training that is damaged"):
            short_training(kind, epochs=1, directory=tmp_path)


LITTER = ("partial.weights.h5", "state.partial", "log.partial")
LITTER += ("state-1.weights.h5", "state-best-1.weights.h5", ".lock")


@pytest.mark.slow
def test_what_a_killed_process_leaves_is_cleared_and_nothing_else(stopped, tmp_path):
    directory = tmp_path / "copy"
    shutil.copytree(stopped, directory)
    own = ["mine.partial", "state-of-the-art.weights.h5", "state.txt"]
    for name in (*LITTER, *own):
        (directory / name).write_bytes(b"half")
    short_training("unet", directory=directory)
    assert names_in(directory) == sorted((*FINISHED, *own))


# Of directories that cannot be used; "file" is a file.
UNUSABLE = {
    "a file": ("file", OSError),
    "under a file": ("file/new", OSError),
    "where nobody can write": ("/dev/null/new", OSError),
    "a number": (3, TypeError),
    "bytes": (b"new", TypeError),
    "empty": ("", ValueError),
    "null character": ("a\0b", ValueError),
}


@pytest.mark.parametrize("what", UNUSABLE)
def test_directories_that_cannot_be_used_are_named_before_training(what, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("file").write_text("")
    monkeypatch.setattr(keras.Model, "fit", None)
    directory, error = UNUSABLE[what]
    with pytest.raises(error, match="^directory "):
        short_training("unet", directory=directory)


@pytest.mark.slow
def test_home_and_relative_directories(tmp_path, monkeypatch):
    """The latter also where a callback goes elsewhere."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    away = keras.callbacks.LambdaCallback(on_epoch_begin=lambda *_: monkeypatch.chdir("/"))
    for directory in ("~/runs/a", "runs/b"):
        short_training("unet", epochs=2, directory=directory, callbacks=(away,))
        monkeypatch.chdir(tmp_path)
        assert names_in(tmp_path / "runs" / directory[-1]) == FINISHED


@pytest.mark.slow
def test_two_trainings_do_not_share_a_directory(tmp_path):
    refused = []

    def second(epoch, logs):
        with pytest.raises(ValueError, match="^directory .* in use by another training") as problem:
            short_training("unet", directory=tmp_path)
        refused.append(problem)

    callback = keras.callbacks.LambdaCallback(on_epoch_end=second)
    history = short_training("unet", directory=tmp_path, callbacks=(callback,))
    assert_same_training(*history, *short_training("unet"))
    assert len(refused) == 3 and names_in(tmp_path) == FINISHED


# No room


class Limit(keras.callbacks.Callback):
    """From the end of the second epoch on no file may be larger than 20 KB, as by a quota."""

    def on_epoch_end(self, epoch, logs=None):
        if epoch == 1:
            import resource

            hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
            resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))


class Full(keras.callbacks.Callback):
    """From the end of the second epoch on the disk is full."""

    def __init__(self, patch):
        super().__init__()
        self.patch = patch

    def on_epoch_end(self, epoch, logs=None):
        if epoch == 1:
            usage = shutil.disk_usage("/")._replace(free=1000)
            self.patch.setattr(checkpointing.shutil, "disk_usage", lambda path: usage)


class Failing(keras.callbacks.Callback):
    """From the end of the second epoch on saving fails, as h5py does."""

    def __init__(self, patch, error):
        super().__init__()
        self.patch, self.error = patch, error

    def on_epoch_end(self, epoch, logs=None):
        def fail(model, path):
            path.write_bytes(b"half")
            raise self.error("Unable to flush file")

        if epoch == 1:
            self.patch.setattr(keras.Model, "save_weights", fail)


def assert_ends_in_an_error_and_continues_later(kind, directory, callback, undo):
    with pytest.raises(OSError, match=f"cannot be saved in directory '{directory}'"):
        short_training(kind, directory=directory, callbacks=(callback,))
    undo()
    assert not set(names_in(directory)) & set(LITTER[:3])
    assert len(json.loads((directory / "state.json").read_text())["history"]) == 1
    assert_same_training(*short_training(kind, directory=directory), *short_training(kind))


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["unet", "gan"])
@pytest.mark.parametrize("fault", ["full", OSError, RuntimeError, ValueError])
def test_training_without_room_continues_when_there_is_some(fault, kind, tmp_path):
    with pytest.MonkeyPatch.context() as patch:
        callback = Full(patch) if fault == "full" else Failing(patch, fault)
        assert_ends_in_an_error_and_continues_later(kind, tmp_path, callback, patch.undo)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="there are no such limits")
@pytest.mark.parametrize("kind", ["unet", "gan"])
def test_training_beyond_a_quota_continues_when_there_is_room(kind, tmp_path):
    import resource

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    undo = partial(resource.setrlimit, resource.RLIMIT_FSIZE, before)
    try:
        assert_ends_in_an_error_and_continues_later(kind, tmp_path, Limit(), undo)
    finally:
        undo()


# Labels


def test_labels_of_validation_are_compared_too(tmp_path):
    """Also where only one of them differs."""
    with pytest.raises(KeyboardInterrupt):
        short_training("classifier", directory=tmp_path, callbacks=(StopAt(1, 2),))
    labels = np.arange(16) % 10
    labels[3] += 1
    with pytest.raises(ValueError, match="other validation_labels:"):
        short_training("classifier", directory=tmp_path, validation_labels=labels)
