"""The land-cover classifier: how it is built, what it is trained on, and what is shipped."""

import dataclasses
import json

import keras
import numpy as np
import pytest
from helpers_cards import CARD_FIELDS
from helpers_training import (
    FINISHED,
    StopAt,
    assert_other_argument_is_refused,
    assert_same_training,
    names_in,
)

import eurosat_inpaint as ei
from eurosat_inpaint import __main__ as command_line
from eurosat_inpaint import data, pretrained, training
from eurosat_inpaint.data import CLASS_NAMES, synthetic_tiles
from eurosat_inpaint.masks import line_masks
from eurosat_inpaint.models import classifier
from eurosat_inpaint.training import (
    RECIPES,
    LabelledTileBatches,
    MaskedTileBatches,
    classification_scores,
    fit_classifier,
    recipes,
)

COUNT, SIDE = 144, 32
SMALL = dataclasses.replace(RECIPES["classifier"], batch_size=8)


@pytest.fixture(scope="module")
def tiles():
    """Quarters of synthetic tiles and their labels."""
    images, labels, _ = synthetic_tiles(COUNT, seed=2)
    return images[:, :SIDE, :SIDE], np.asarray(labels)


def test_parameters_and_layers():
    model = classifier()
    assert model.count_params() < 1_000_000
    assert model.layers[-2].name == "features" and model.layers[-1].name == "logits"
    assert isinstance(model.get_layer("features"), keras.layers.GlobalAveragePooling2D)


@pytest.mark.parametrize("dtype", ["float32", "mixed_bfloat16"])
@pytest.mark.parametrize("size", [16, 64])
def test_logits_of_tiles(size, dtype):
    model = classifier(size, dtype)
    assert model.input_shape == (None, size, size, 3) and model.output_shape == (None, 10)
    assert all(weights.dtype == np.float32 for weights in model.get_weights())
    logits = model.predict_on_batch(np.zeros((2, size, size, 3), np.float32))
    assert logits.shape == (2, 10) and logits.dtype == np.float32 and np.isfinite(logits).all()


def test_all_layers_are_those_of_keras():
    """Nothing of one backend alone, and nothing that would have to be registered."""
    model = classifier(16)
    assert all(type(layer).__module__.startswith("keras.") for layer in model.layers)
    again = keras.models.model_from_json(model.to_json())
    again.set_weights(model.get_weights())
    given = np.random.default_rng(0).random((3, 16, 16, 3), np.float32)
    np.testing.assert_array_equal(again.predict_on_batch(given), model.predict_on_batch(given))


@pytest.mark.parametrize("size", [0, -16, 24, 60])
def test_other_sizes_are_refused(size):
    with pytest.raises(ValueError, match="^size "):
        classifier(size)


@pytest.mark.parametrize("dtype_of_labels", [np.int64, np.uint8])
def test_batches_hold_each_tile_with_its_label(tiles, dtype_of_labels):
    images, labels = tiles
    batches = LabelledTileBatches(
        images, 12, labels=labels.astype(dtype_of_labels), classes=10, augment=False
    )
    found = np.zeros(COUNT, int)
    for number in range(batches.num_batches):
        given, answers = batches[number]
        assert given.dtype == answers.dtype == np.float32 and answers.shape == (12, 10)
        np.testing.assert_array_equal(answers.sum(axis=1), 1)
        for tile, answer in zip(given, answers, strict=True):
            place = int(np.argmin(abs(images / 255.0 - tile).sum(axis=(1, 2, 3))))
            np.testing.assert_array_equal(tile, images[place] / np.float32(255))
            assert answer.argmax() == labels[place]
            found[place] += 1
    assert (found == 1).all()


def test_batch_k_depends_on_the_seed_and_k_alone(tiles):
    images, labels = tiles
    settings = {"labels": labels, "classes": 10}
    batches = LabelledTileBatches(images, 5, seed=3, **settings)
    again = LabelledTileBatches(images, 5, steps_per_epoch=2, seed=3, **settings)
    later = again.batch(40)
    for number in (40, 7, 0):
        for part, expected in zip(again.batch(number), batches.batch(number), strict=True):
            np.testing.assert_array_equal(part, expected)
    np.testing.assert_array_equal(later[0], batches.batch(40)[0])
    other = LabelledTileBatches(images, 5, seed=4, **settings)
    assert not np.array_equal(other.batch(40)[0], later[0])


def test_tiles_are_flipped_as_those_with_masks(tiles):
    images, labels = tiles
    labelled = LabelledTileBatches(images, 8, labels=labels, classes=10, seed=1)
    masked = MaskedTileBatches(images, 8, seed=1)
    for number in (0, 30):
        np.testing.assert_array_equal(labelled.batch(number)[0], masked.batch(number)[1])


@pytest.mark.parametrize(
    ("labels", "error"),
    [
        (np.zeros(COUNT), TypeError),
        ([0] * COUNT, TypeError),
        (np.zeros(COUNT - 1, int), ValueError),
        (np.full(COUNT, 10), ValueError),
        (np.full(COUNT, -1), ValueError),
    ],
    ids=["float", "list", "too few", "too high", "negative"],
)
def test_labels_that_do_not_fit_are_refused(labels, error, tiles):
    images, right = tiles
    with pytest.raises(error, match="^labels "):
        LabelledTileBatches(images, 4, labels=labels, classes=10)
    model, both = classifier(SIDE), {"labels": right, "validation_labels": right}
    for name in both:
        with pytest.raises(error, match=f"^{name} "):
            fit_classifier(model, images, images, **(both | {name: labels}))


@pytest.fixture
def short_executions(monkeypatch):
    """So that a training can be stopped within its short epochs."""
    monkeypatch.setattr(recipes, "_STEPS_PER_EXECUTION", 2)


def small_classifier():
    """A classifier of one convolution, with the running statistics that larger ones have."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input((SIDE, SIDE, 3))
    hidden = keras.layers.Conv2D(8, 4, strides=4, activation="relu")(inputs)
    hidden = keras.layers.BatchNormalization(momentum=0.9)(hidden)
    features = keras.layers.GlobalAveragePooling2D()(hidden)
    return keras.Model(inputs, keras.layers.Dense(10)(features))


def fit(tiles, **arguments):
    """A short training; returns history and model."""
    model, (images, labels) = small_classifier(), tiles
    given = {"recipe": SMALL, "epochs": 3, "steps_per_epoch": 4, "verbose": 0} | arguments
    given = {"labels": labels, "validation_labels": labels[:32]} | given
    return fit_classifier(model, images, images[:32], **given), model


@pytest.mark.slow
def test_training_learns_and_keeps_the_best_weights(tiles, tmp_path):
    keras.utils.set_random_seed(0)
    model = classifier(SIDE)
    images, labels = tiles
    history = fit_classifier(
        model,
        images,
        images[:32],
        labels=labels,
        validation_labels=labels[:32],
        epochs=5,
        steps_per_epoch=6,
        directory=tmp_path,
        verbose=0,
    )
    assert [row["epoch"] for row in history] == [1, 2, 3, 4, 5]
    assert history[-1]["loss"] < 0.8 * history[0]["loss"]
    assert history[-1]["learning_rate"] < 1e-5
    assert names_in(tmp_path) == FINISHED
    answers = np.eye(10, dtype=np.float32)[labels[:32]]
    loss = model.evaluate(images[:32] / np.float32(255), answers, verbose=0)[0]
    assert loss == pytest.approx(min(row["val_loss"] for row in history), rel=1e-4)
    saved = classifier(SIDE)
    saved.load_weights(tmp_path / "best.weights.h5")
    for kept, expected in zip(saved.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(kept, expected)


@pytest.mark.slow
def test_stopped_training_continues_as_if_it_had_not(tiles, tmp_path, short_executions):
    for place in [(1, 2), (2, 0)]:
        with pytest.raises(KeyboardInterrupt):
            fit(tiles, directory=tmp_path, callbacks=(StopAt(*place),))
    assert_same_training(*fit(tiles, directory=tmp_path), *fit(tiles))
    assert names_in(tmp_path) == FINISHED


@pytest.mark.slow
def test_other_arguments_do_not_continue_a_stopped_training(tiles, tmp_path, short_executions):
    stopped = tmp_path / "stopped"
    with pytest.raises(KeyboardInterrupt):
        fit(tiles, directory=stopped, callbacks=(StopAt(1, 2),))
    own = dataclasses.replace(SMALL, weight_decay=0.1)
    others = {"labels": (tiles[1] + 1) % 10, "recipe": own, "seed": 1}
    others["validation_labels"] = others["labels"][:32]
    for name, value in others.items():
        changed = {name: value}

        def train(directory, changed=changed):
            fit(tiles, directory=directory, **changed)

        assert_other_argument_is_refused(name, train, stopped, tmp_path / name)


def test_scores_count_what_is_right(tiles):
    """Against a network that answers by the mean of the red channel alone: 0 or 1."""
    inputs = keras.Input((SIDE, SIDE, 3))
    mean = keras.layers.GlobalAveragePooling2D()(inputs)
    dense = keras.layers.Dense(2)
    network = keras.Model(inputs, dense(mean))
    dense.set_weights([np.array([[0, 1], [0, 0], [0, 0]], np.float32), np.float32([0.5, 0])])
    images = np.zeros((5, SIDE, SIDE, 3), np.uint8)
    images[[0, 1, 2], ..., 0] = 255
    scores = classification_scores(network, images, np.array([1, 1, 0, 0, 0]), ("dark", "red"))
    assert scores == {"accuracy": 0.8, "per_class": {"dark": 2 / 3, "red": 1.0}, "tiles": 5}
    scores = classification_scores(network, images[2:], np.zeros(3, int), ("dark", "red"))
    assert scores["per_class"] == {"dark": 2 / 3}
    with pytest.raises(ValueError, match="^images "):
        classification_scores(network, images[:0], np.zeros(0, int), ("dark", "red"))


@pytest.mark.slow
def test_it_is_trained_from_the_command_line(tmp_path, archive_zip, monkeypatch, capsys):
    monkeypatch.setattr(training, "fastest_dtype", lambda build: "float32")
    # The archive is smaller than a batch.
    monkeypatch.setitem(RECIPES, "classifier", SMALL)
    directory = tmp_path / "trained"
    command = ["train", "classifier", "--profile", "smoke", "--data", str(archive_zip)]
    assert command_line.main([*command, "--output", str(directory)]) == 0, capsys.readouterr().err
    monkeypatch.setattr(pretrained, "WEIGHTS_FOLDER", directory)
    card = pretrained.card("classifier")
    assert set(card) == (CARD_FIELDS - {"masks"}) | {"task"}
    assert str(tmp_path) not in json.dumps(card)
    tiles = data.load_tiles("validation", data_dir=archive_zip)
    scores = classification_scores(
        pretrained.load("classifier"), tiles.images, tiles.labels, CLASS_NAMES
    )
    assert card["validation"] == scores
    assert (
        capsys.readouterr()
        .out.splitlines()[-1]
        .startswith(f"Validation accuracy {scores['accuracy']:.6f}")
    )


def test_it_is_shipped_but_restores_nothing():
    assert "classifier" in pretrained.names(task=None)
    assert pretrained.names(task="classification") == ["classifier", "second_classifier"]
    assert "classifier" not in pretrained.names()
    images, masks = np.zeros((1, 64, 64, 3), np.uint8), line_masks(1)
    with pytest.raises(ValueError, match="^model .*'unet'.*'classifier'"):
        ei.inpaint(images, masks, model="classifier")
    with pytest.raises(ValueError, match="^model "):
        ei.inpaint(images, masks, model=pretrained.load("classifier"))


def test_evaluate_refuses_it(capsys):
    with pytest.raises(SystemExit):
        command_line.main(["evaluate", "classifier"])
    assert "invalid choice: 'classifier'" in capsys.readouterr().err


def test_shipped_network_is_the_one_on_its_card():
    card = pretrained.card("classifier")
    assert set(card) >= (CARD_FIELDS - {"masks"}) | {"task"}
    assert card["command"].startswith("python -m eurosat_inpaint train classifier ")
    model = pretrained.load("classifier")
    assert model.count_params() == card["parameters"] < 1_000_000
    assert {layer.compute_dtype for layer in model.layers} == {"float32"}
    assert (pretrained.WEIGHTS_FOLDER / card["weights"]).stat().st_size < 4_000_000
    assert card["validation"]["accuracy"] >= 0.93
    assert set(card["validation"]["per_class"]) == set(CLASS_NAMES)


@pytest.mark.real_tiles
def test_accuracy_on_the_card_is_reproduced():
    tiles = data.load_tiles("validation")
    scores = classification_scores(
        pretrained.load("classifier"), tiles.images, tiles.labels, tiles.class_names
    )
    on_card = pretrained.card("classifier")["validation"]
    assert scores["accuracy"] >= 0.93 and scores["tiles"] == on_card["tiles"] == 1381
    # Another machine rounds differently: a tile or two may change sides.
    assert scores["accuracy"] == pytest.approx(on_card["accuracy"], abs=0.002)
    assert scores["per_class"] == pytest.approx(on_card["per_class"], abs=0.02)
