"""Training: what is kept is what was scored, and stopping it costs nothing."""

import csv
import dataclasses
import inspect
import json
import shutil

import h5py
import keras
import numpy as np
import pytest
from helpers_training import (
    FINISHED,
    SIDE,
    StopAt,
    assert_loads_in_a_fresh_process,
    assert_other_argument_is_refused,
    assert_same_training,
    names_in,
    small_network,
    small_tiles,
)

from eurosat_inpaint.masks import line_masks
from eurosat_inpaint.models import residual_unet, unet
from eurosat_inpaint.training import (
    RECIPES,
    GANRecipe,
    Recipe,
    fastest_dtype,
    fit_classifier,
    fit_gan,
    fit_unet,
    fit_wnet,
    forget_training,
    optimizers,
    recipes,
)

# Both recipes with small batches.
ORIGINAL = Recipe(loss="mae", batch_size=4, learning_rate=1e-3)
EFFICIENT = Recipe(
    loss="mse",
    batch_size=4,
    learning_rate=5e-3,
    weight_decay=1e-4,
    trapezoid=True,
    muon=True,
    average=0.9,
)


@pytest.fixture(scope="module", autouse=True)
def short_trainings():
    with pytest.MonkeyPatch.context() as patch:
        # Averages of even so few steps, which then differ from the weights.
        patch.setattr(recipes, "_AVERAGED_PART", 1)
        # Epochs here have five steps: the last execution holds fewer than the others.
        patch.setattr(recipes, "_STEPS_PER_EXECUTION", 2)
        yield


@pytest.fixture(scope="module")
def tiles():
    return small_tiles()


def fit(tiles, model=None, **arguments):
    """A short training; returns history and model."""
    model = model or small_network()
    given = {"recipe": EFFICIENT, "epochs": 4, "steps_per_epoch": 5, "verbose": 0} | arguments
    return fit_unet(model, *tiles, **given), model


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(ORIGINAL, marks=pytest.mark.slow, id="original"),
        pytest.param(EFFICIENT, id="efficient"),
    ],
)
def trained(request, tiles, tmp_path_factory):
    """Recipe, history, network and directory of a training that came to its end."""
    directory = tmp_path_factory.mktemp("trained")
    history, model = fit(tiles, recipe=request.param, directory=directory)
    return request.param, history, model, directory


def validation_loss(model, validation_images, recipe):
    """The loss on the validation tiles, as anyone would compute it."""
    truth = validation_images / np.float32(255)
    masks = line_masks(len(truth), size=SIDE, seed=1)
    masked = truth * masks
    inputs = [masked, masks] if len(model.inputs) == 2 else masked
    error = model.predict_on_batch(inputs).astype(float) - truth
    return np.mean(error**2) if recipe.loss == "mse" else np.mean(abs(error))


def test_recipe_of_the_original():
    assert RECIPES["original"] == Recipe(loss="mae", batch_size=8, learning_rate=1e-3)


# The arguments that all trainings share


@pytest.mark.parametrize("train", [fit_wnet, fit_gan, fit_classifier])
def test_all_trainings_take_their_arguments_in_the_order_of_fit_unet(train):
    expected = dict(inspect.signature(fit_unet).parameters)
    given = dict(inspect.signature(train).parameters)
    positional = [n for n, p in given.items() if p.kind == p.POSITIONAL_OR_KEYWORD]
    assert positional == ["model", "images", "validation_images", "recipe"]
    further = {"labels", "validation_labels"} if train is fit_classifier else set()
    assert {name for name in given if name not in expected} == further
    if train is fit_classifier:
        assert all(given[name].kind == inspect.Parameter.KEYWORD_ONLY for name in further)
        del expected["draw_masks"]
    shared = [name for name in given if name not in further]
    assert shared == list(expected)
    for name in shared[4:]:
        assert given[name].kind == expected[name].kind == inspect.Parameter.KEYWORD_ONLY
        assert given[name].default == expected[name].default


def test_each_training_has_its_recipe_by_default():
    trainings = {fit_unet: "efficient", fit_wnet: "wnet"}
    trainings |= {fit_gan: "gan", fit_classifier: "classifier"}
    for train, name in trainings.items():
        assert inspect.signature(train).parameters["recipe"].default == name
        assert name in RECIPES


@pytest.mark.slow
def test_recipe_of_ones_own_is_followed_and_becomes_no_other(tiles):
    """And the recipe that has a name stays as it was."""
    before, one_pass = dict(RECIPES), {"epochs": 1, "steps_per_epoch": None}
    own = dataclasses.replace(RECIPES["original"], batch_size=3, learning_rate=7e-4, loss="mse")
    history, model = fit(tiles, recipe=own, **one_pass)
    assert history[0]["learning_rate"] == pytest.approx(7e-4)
    assert int(model.optimizer.iterations) == 24 // 3
    assert validation_loss(model, tiles[1], own) == pytest.approx(history[0]["val_loss"], rel=1e-5)
    assert RECIPES == before
    history, model = fit(tiles, recipe="original", **one_pass)
    assert history[0]["learning_rate"] == pytest.approx(1e-3)
    assert int(model.optimizer.iterations) == 24 // 8


@pytest.mark.parametrize(
    ("recipe", "error"),
    [("best", ValueError), ("gan", ValueError), (GANRecipe(), TypeError), (None, TypeError)],
    ids=["unknown name", "of another kind by name", "of another kind", "None"],
)
def test_recipes_that_are_not_for_a_unet_are_refused(recipe, error, tiles):
    with pytest.raises(error, match="^recipe"):
        fit(tiles, recipe=recipe)


# Weights that are kept, and the log


def test_kept_weights_are_those_that_were_scored(trained, tiles):
    recipe, history, model, directory = trained
    best = min(row["val_loss"] for row in history)
    assert best < history[0]["val_loss"]
    assert validation_loss(model, tiles[1], recipe) == pytest.approx(best, rel=1e-5)
    from_file = small_network()
    from_file.load_weights(directory / "best.weights.h5")
    assert validation_loss(from_file, tiles[1], recipe) == pytest.approx(best, rel=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("mask_input", [True, False])
def test_unets_of_one_and_two_inputs_train(mask_input, tiles):
    model = unet(SIDE, filters=2, depth=1, mask_input=mask_input)
    before = validation_loss(model, tiles[1], EFFICIENT)
    history, model = fit(tiles, model, epochs=2, steps_per_epoch=30)
    best = min(row["val_loss"] for row in history)
    assert best < before
    assert validation_loss(model, tiles[1], EFFICIENT) == pytest.approx(best, rel=1e-5)


@pytest.mark.slow
def test_best_weights_are_not_the_last_where_those_are_worse(tiles, tmp_path):
    class Spoil(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 2:
                self.model.set_weights([w + 1 for w in self.model.get_weights()])

    history, model = fit(tiles, recipe=ORIGINAL, epochs=3, directory=tmp_path, callbacks=(Spoil(),))
    losses = [row["val_loss"] for row in history]
    assert not losses[2] <= 1.05 * losses[1]
    assert validation_loss(model, tiles[1], ORIGINAL) == pytest.approx(losses[1], rel=1e-5)
    model.load_weights(tmp_path / "best.weights.h5")
    assert validation_loss(model, tiles[1], ORIGINAL) == pytest.approx(losses[1], rel=1e-5)


def test_an_interrupted_training_leaves_the_best_weights(tiles):
    class Interrupt(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 2:
                self.model.set_weights([w + 1 for w in self.model.get_weights()])

        def on_train_batch_end(self, batch, logs=None):
            if self.model.optimizer.iterations == 12:
                raise KeyboardInterrupt

    losses, model = [], small_network()
    scores = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda _, logs: losses.append(logs["val_loss"])
    )
    with pytest.raises(KeyboardInterrupt):
        fit(tiles, model, recipe=ORIGINAL, callbacks=(Interrupt(), scores))
    assert validation_loss(model, tiles[1], ORIGINAL) == pytest.approx(min(losses), rel=1e-5)


@pytest.mark.slow
def test_scored_weights_are_the_average(tiles):
    averaged, _ = fit(tiles, epochs=1)
    raw, _ = fit(tiles, recipe=dataclasses.replace(EFFICIENT, average=None), epochs=1)
    assert averaged[0]["loss"] == pytest.approx(raw[0]["loss"], rel=1e-6)
    assert averaged[0]["val_loss"] != pytest.approx(raw[0]["val_loss"], rel=1e-2)


def test_best_weights_file_holds_no_optimizer(trained):
    names = []
    with h5py.File(trained[-1] / "best.weights.h5") as file:
        file.visit(names.append)
    assert any("conv2d" in name for name in names)
    assert not [name for name in names if "optimizer" in name]


@pytest.mark.slow
def test_trained_models_load_in_a_fresh_process(trained, tmp_path):
    assert_loads_in_a_fresh_process(trained[2], tmp_path / "trained.keras")


def test_log_has_one_row_per_epoch_and_no_states_of_epochs_remain(trained):
    _, history, _, directory = trained
    with open(directory / "log.csv", newline="") as file:
        rows = [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]
    assert rows == history
    assert list(rows[0]) == ["epoch", "loss", "val_loss", "learning_rate", "seconds"]
    assert [row["epoch"] for row in rows] == [1, 2, 3, 4]
    assert names_in(directory) == FINISHED


@pytest.mark.slow
def test_nothing_is_written_without_a_directory(tiles, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    history, model = fit(tiles, epochs=2, steps_per_epoch=2)
    assert list(tmp_path.iterdir()) == []
    best = min(row["val_loss"] for row in history)
    assert validation_loss(model, tiles[1], EFFICIENT) == pytest.approx(best, rel=1e-5)


@pytest.mark.slow
def test_rate_warms_up_and_falls_to_zero(tiles):
    history, _ = fit(tiles, epochs=4, steps_per_epoch=5)
    rates = [row["learning_rate"] for row in history]
    # The fall takes four of 20 steps; rates are read after 5, 10, 15 and 20.
    assert rates == pytest.approx([5e-3, 5e-3, 5e-3, 0], abs=1e-8)
    rate = optimizers.Trapezoid(2.0, 5000)
    steps = np.array([0, 99, 199, 2000, 3999, 4000, 4500, 4999])
    assert np.asarray(rate(steps)) == pytest.approx([0.01, 1, 2, 2, 2, 2, 1, 0.002], rel=1e-5)
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(rate))
    assert float(again(4500)) == pytest.approx(1)


@pytest.mark.slow
def test_shortest_training(tiles):
    history, model = fit(tiles, epochs=1, steps_per_epoch=1)
    assert np.isfinite([history[0]["loss"], history[0]["val_loss"]]).all()
    assert all(np.isfinite(weights).all() for weights in model.get_weights())


@pytest.mark.slow
def test_same_seed_trains_the_same(tiles, trained):
    recipe, history, model, _ = trained
    assert_same_training(*fit(tiles, recipe=recipe), history, model)
    other, _ = fit(tiles, recipe=recipe, seed=1)
    assert other[0]["loss"] != pytest.approx(history[0]["loss"], rel=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("steps_per_execution", [1, 3, 5, 8])
def test_steps_per_execution_do_not_change_a_training(
    steps_per_execution, trained, tiles, monkeypatch
):
    """``trained`` has two, which divide neither the five steps nor the one batch of validation."""
    recipe, history, model, _ = trained
    monkeypatch.setattr(recipes, "_STEPS_PER_EXECUTION", steps_per_execution)
    assert_same_training(*fit(tiles, recipe=recipe), history, model)


@pytest.mark.slow
def test_an_epoch_is_one_pass_by_default(tiles):
    _, model = fit(tiles, epochs=1, steps_per_epoch=None)
    assert int(model.optimizer.iterations) == 24 // 4


# Stopped and continued


@pytest.mark.slow
def test_stopped_training_continues_as_if_it_had_not(trained, tiles, tmp_path):
    recipe, history, model, _ = trained
    for place in [(0, 2), (1, 4), (1, 0), (3, 4)]:
        with pytest.raises(KeyboardInterrupt):
            fit(tiles, recipe=recipe, directory=tmp_path, callbacks=(StopAt(*place),))
    parts = fit(tiles, recipe=recipe, directory=tmp_path)
    assert_same_training(*parts, history, model)
    assert names_in(tmp_path) == FINISHED
    log = (tmp_path / "log.csv").read_text().splitlines()
    assert [line.split(",")[0] for line in log] == ["epoch", "1", "2", "3", "4"]
    kept = small_network()
    kept.load_weights(tmp_path / "best.weights.h5")
    for one, other in zip(kept.get_weights(), parts[1].get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def all_known(n, size, seed):
    """Masks without holes: the loss is 0 in every epoch, and nothing ever improves."""
    return np.ones((n, size, size, 1), np.float32)


# Epoch 1 is the best: the rate falls after every second epoch without progress, 3, 5, 7.
WITHOUT_PROGRESS = {"recipe": ORIGINAL, "steps_per_epoch": 1, "draw_masks": all_known}


@pytest.mark.slow
def test_rate_falls_and_training_ends_without_progress(tiles):
    history, _ = fit(tiles, epochs=20, **WITHOUT_PROGRESS)
    rates = [row["learning_rate"] for row in history]
    assert rates[:8] == pytest.approx([1e-3] * 3 + [1e-4] * 2 + [1e-5] * 2 + [1e-6])
    assert len(history) == 1 + 15


@pytest.mark.slow
def test_a_fallen_rate_comes_back_after_a_stop(tiles, tmp_path):
    arguments = {"epochs": 5, "directory": tmp_path} | WITHOUT_PROGRESS
    with pytest.raises(KeyboardInterrupt):
        fit(tiles, callbacks=(StopAt(4, 0),), **arguments)
    history, _ = fit(tiles, **arguments)
    assert [row["learning_rate"] for row in history] == pytest.approx([1e-3] * 3 + [1e-4] * 2)


class KilledWhileWriting:
    """Stands in for ``save_weights``: leaves half a file at its n-th call, and stops."""

    def __init__(self, call):
        self.calls_left = call
        self.save = keras.Model.save_weights

    def __call__(self, path):
        self.calls_left -= 1
        if self.calls_left:
            return self.save(self.model, path)
        path.write_bytes(b"half a file")
        raise KeyboardInterrupt

    def __get__(self, model, owner):
        self.model = model
        return self


@pytest.mark.slow
def test_training_killed_while_it_writes_loses_nothing(trained, tiles, tmp_path, monkeypatch):
    recipe, history, model, _ = trained
    epochs_completed = []
    for call in (2, 3, 1, 3, 1):
        with monkeypatch.context() as patch:
            patch.setattr(keras.Model, "save_weights", KilledWhileWriting(call))
            with pytest.raises(KeyboardInterrupt):
                fit(tiles, recipe=recipe, directory=tmp_path)
        states = [json.loads(path.read_text()) for path in tmp_path.glob("state.json")]
        epochs_completed.append(len(states[0]["history"]) if states else 0)
    assert epochs_completed == [0, 1, 1, 2, 2]
    assert_same_training(*fit(tiles, recipe=recipe, directory=tmp_path), history, model)
    assert names_in(tmp_path) == FINISHED


@pytest.fixture(scope="module")
def stopped(tiles, tmp_path_factory):
    """The directory of a training that was stopped in its second epoch."""
    directory = tmp_path_factory.mktemp("stopped")
    with pytest.raises(KeyboardInterrupt):
        fit(tiles, directory=directory, callbacks=(StopAt(1, 2),))
    return directory


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("recipe", ORIGINAL),
        ("epochs", 1),
        ("epochs", 100),
        ("steps_per_epoch", 4),
        ("seed", 1),
        ("draw_masks", lambda n, size, seed: line_masks(n, size=size, lines=3, seed=seed)),
        ("images", slice(0, 20)),
        ("validation_images", slice(0, 10)),
        ("model", 5),
    ],
)
def test_other_arguments_do_not_continue_a_stopped_training(name, value, tiles, tmp_path, stopped):
    model = small_network(value) if name == "model" else small_network()
    given = {"images": tiles[0], "validation_images": tiles[1]}
    if name in given:
        given[name] = given[name][value]
    changed = {} if name in ("model", *given) else {name: value}

    def train(directory):
        fit(tuple(given.values()), model, directory=directory, **changed)

    assert_other_argument_is_refused(name, train, stopped, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("recipe", [EFFICIENT, ORIGINAL])
@pytest.mark.parametrize("epochs", [8, 5])
def test_stopped_training_is_brought_to_another_end(recipe, epochs, tiles, tmp_path, monkeypatch):
    """Begun with more epochs than there is time for, or fewer: as if begun with that many."""
    monkeypatch.setattr(optimizers, "_WARMUP_STEPS", 2)
    settings = {"recipe": recipe, "directory": tmp_path}
    with pytest.raises(KeyboardInterrupt):
        fit(tiles, epochs=epochs, callbacks=(StopAt(3, 2),), **settings)
    continued = fit(tiles, epochs=6, **settings)
    assert_same_training(*continued, *fit(tiles, epochs=6, recipe=recipe))


@pytest.mark.slow
def test_training_whose_rate_falls_is_not_prolonged(tiles, tmp_path, monkeypatch):
    monkeypatch.setattr(optimizers, "_WARMUP_STEPS", 2)
    with pytest.raises(KeyboardInterrupt):
        fit(tiles, epochs=10, directory=tmp_path, callbacks=(StopAt(9, 2),))
    with pytest.raises(ValueError, match="other epochs"):
        fit(tiles, epochs=20, directory=tmp_path)


@pytest.fixture(scope="module")
def finished(tiles, tmp_path_factory):
    """History, network and directory of a training of two epochs that came to its end."""
    directory = tmp_path_factory.mktemp("finished")
    return *fit(tiles, epochs=2, directory=directory), directory


def test_finished_training_is_not_trained_again(finished, tiles, tmp_path, monkeypatch, capsys):
    history, model, directory = finished
    shutil.copytree(directory, tmp_path / "copy")
    monkeypatch.setattr(keras.Model, "fit", None)
    again, other = fit(tiles, epochs=2, directory=tmp_path / "copy", verbose=2)
    assert again == history
    for one, expected in zip(other.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, expected)
    assert "Nothing is trained" in capsys.readouterr().out
    assert names_in(tmp_path / "copy") == FINISHED


def test_finished_training_is_not_overwritten_by_another(finished, tiles, tmp_path):
    def train(directory):
        fit(tiles, epochs=3, directory=directory)

    assert_other_argument_is_refused("epochs", train, finished[-1], tmp_path)


@pytest.mark.slow
def test_forgotten_training_is_trained_anew(finished, tiles, tmp_path):
    history, model, directory = finished
    shutil.copytree(directory, tmp_path / "copy")
    (tmp_path / "copy" / "best.weights.h5").write_bytes(b"of another network")
    forget_training(tmp_path / "copy")
    again = fit(tiles, epochs=2, directory=tmp_path / "copy")
    assert_same_training(*again, history, model)
    assert len((tmp_path / "copy" / "log.csv").read_text().splitlines()) == 1 + len(history)


def test_masks_drawn_are_those_asked_for(tiles):
    """Where all is known there is nothing to lose, in training as in validation."""
    history, _ = fit(tiles, epochs=1, steps_per_epoch=2, draw_masks=all_known)
    assert history[0]["loss"] == history[0]["val_loss"] == 0


# Bad input


def test_bad_numbers_are_refused(tiles):
    for name, values in {
        "epochs": (0, -1, 1.5),
        "steps_per_epoch": (0, -2, 2.5),
        "seed": (-1, 0.5, "a"),
    }.items():
        for value in values:
            with pytest.raises(ValueError, match=f"^{name}"):
                fit(tiles, **{name: value})


@pytest.mark.parametrize("position", [0, 1])
@pytest.mark.parametrize(
    ("spoil", "error"),
    [
        (lambda images: images / 255, TypeError),
        (lambda images: images.tolist(), TypeError),
        (lambda images: images[..., :1], ValueError),
        (lambda images: images[0], ValueError),
        (lambda images: images[:, :, :8], ValueError),
        (lambda images: images[:, :8, :8], ValueError),
        (lambda images: images[:0], ValueError),
    ],
    ids=["float", "list", "grey", "one tile", "not square", "other side", "none"],
)
def test_bad_images_are_refused(position, spoil, error, tiles):
    given = list(tiles)
    given[position] = spoil(given[position])
    name = ("images", "validation_images")[position]
    with pytest.raises(error, match=f"^{name}"):
        fit(given)


def test_fewer_images_than_a_batch_holds_are_refused(tiles):
    with pytest.raises(ValueError, match="^batch_size is 4, .* 3 images"):
        fit((tiles[0][:3], tiles[1]))


# The choice of bfloat16


@pytest.mark.slow
def test_fastest_dtype_is_a_policy_that_networks_take():
    def build(dtype):
        return residual_unet(SIDE, filters=(4,), blocks=(1,), dtype=dtype)

    dtype = fastest_dtype(build, tiles_per_batch=2)
    assert dtype in ("float32", "mixed_bfloat16")
    assert build(dtype=dtype).get_layer("stem").dtype_policy.name == dtype
