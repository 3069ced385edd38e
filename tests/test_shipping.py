"""A network trained as it ships: killed at any moment, the same command still ends in its card."""

import dataclasses
import json

import keras
import numpy as np
import pytest
from helpers_training import names_in

from eurosat_inpaint import models, pretrained, shipping, training

pytestmark = pytest.mark.slow


@pytest.fixture
def train(monkeypatch, tmp_path, archive_zip):
    """Trains a tiny network in the place of the U-Net; takes what ``train_network`` does."""
    arguments = {"filters": [4], "blocks": [1]}
    network = dataclasses.replace(shipping.NETWORKS["unet"], arguments=arguments)
    monkeypatch.setitem(shipping.NETWORKS, "unet", network)
    small_batches = dataclasses.replace(training.RECIPES["efficient"], batch_size=16)
    monkeypatch.setitem(training.RECIPES, "efficient", small_batches)
    monkeypatch.setattr(training, "fastest_dtype", lambda build: "float32")
    monkeypatch.setattr(shipping, "_scores", lambda *_: {"mse": 0.5})

    def train(**settings):
        given = {"profile": "smoke", "directory": tmp_path / "unet", "data_dir": archive_zip}
        return shipping.train_network("unet", **given | settings)

    return train


def interrupt(*_, **settings):
    raise KeyboardInterrupt


def stop_in_second_epoch(train, monkeypatch, **settings):
    fit = training.fit_unet

    def fit_and_stop(*arguments, **given):
        stopping = keras.callbacks.LambdaCallback(on_epoch_end=lambda e, _: e and interrupt())
        return fit(*arguments, **given, callbacks=[stopping])

    with monkeypatch.context() as patch:
        patch.setattr(training, "fit_unet", fit_and_stop)
        with pytest.raises(KeyboardInterrupt):
            train(**settings)


@pytest.mark.parametrize(
    ("module", "name"),
    [
        (training, "save_weights"),
        (shipping, "_scores"),
        (shipping, "device"),
        (training, "forget_training"),
    ],
)
def test_finished_training_outlives_a_stop_before_its_card(
    module, name, train, tmp_path, monkeypatch
):
    with monkeypatch.context() as patch:
        patch.setattr(module, name, interrupt)
        with pytest.raises(KeyboardInterrupt):
            train()
    best = (tmp_path / "unet" / "best.weights.h5").read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr(keras.Model, "fit", None)
        card = train()
    assert card["tiles_seen"] == 4 * card["batch_size"] and card["minutes"] >= 0
    folder = tmp_path / "unet"
    assert names_in(folder) == ["log.csv", "unet.json", "unet.weights.h5"]
    assert json.loads((folder / "unet.json").read_text()) == card
    assert pretrained.sha256_of(folder / "unet.weights.h5") == card["sha256"]
    (tmp_path / "best.weights.h5").write_bytes(best)
    networks = [models.residual_unet(**card["arguments"]) for _ in range(2)]
    networks[0].load_weights(tmp_path / "best.weights.h5")
    networks[1].load_weights(folder / "unet.weights.h5")
    for one, other in zip(*(network.get_weights() for network in networks), strict=True):
        np.testing.assert_array_equal(one, other)


def test_training_continues_in_the_precision_that_it_began_in(train, monkeypatch):
    stop_in_second_epoch(train, monkeypatch)
    monkeypatch.setattr(training, "fastest_dtype", lambda build: "mixed_bfloat16")
    assert train()["dtype"] == "float32"
    assert train()["dtype"] == "mixed_bfloat16"


@pytest.mark.parametrize("other", [{"from_shipped": True}, {"seed": 1}])
def test_another_command_does_not_continue_a_training(other, train, tmp_path, monkeypatch):
    stop_in_second_epoch(train, monkeypatch)
    before = names_in(tmp_path / "unet")
    with pytest.raises(ValueError, match="^directory .* another command"):
        train(**other)
    assert names_in(tmp_path / "unet") == before
    (tmp_path / "unet" / "started.json").write_text("{")
    with pytest.raises(ValueError, match="^directory .* another command"):
        train()


def test_directory_that_is_a_file_is_named(train, tmp_path):
    (tmp_path / "unet").write_text("")
    with pytest.raises(OSError, match="^directory "):
        train()
