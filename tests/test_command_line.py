"""``python -m eurosat_inpaint``: what it prints, writes and refuses."""

import dataclasses
import json
import re
import shutil
import subprocess
import sys

import keras
import numpy as np
import pytest
from conftest import write_folder
from helpers_cards import CARD_FIELDS

from eurosat_inpaint import __main__ as command_line
from eurosat_inpaint import baselines, data, metrics, models, pretrained, shipping, training
from eurosat_inpaint.data import CLASS_NAMES
from eurosat_inpaint.masks import line_masks

pytestmark = pytest.mark.usefixtures("small_batches")

TINY = {"filters": [4, 6], "blocks": [1, 1]}
# What the cards of the attempts hold beside what all hold.
OF_A_CRITIC = {"discriminator_parameters", "discriminator_accuracy"}
FURTHER_FIELDS = {
    "gan": OF_A_CRITIC | {"started_from", "started_from_sha256"},
    "gan_control": OF_A_CRITIC | {"started_from", "started_from_sha256"},
    "wnet": OF_A_CRITIC | {"first_stage", "first_stage_sha256"},
}


def run(capsys, *arguments):
    """Exit status, lines of standard output and of standard error."""
    status = command_line.main([str(argument) for argument in arguments])
    captured = capsys.readouterr()
    return status, captured.out.splitlines(), captured.err.splitlines()


def without_progress(lines):
    return [line for line in lines if line.strip() and "Decoding tiles" not in line]


@pytest.fixture
def tiny_network(monkeypatch, tmp_path):
    """Shipped in the place of the U-Net: a network that trains in seconds."""
    network = dataclasses.replace(shipping.NETWORKS["unet"], arguments=TINY)
    monkeypatch.setitem(shipping.NETWORKS, "unet", network)
    monkeypatch.setattr(training, "fastest_dtype", lambda build: "float32")
    monkeypatch.chdir(tmp_path)
    return models.residual_unet(**TINY)


@pytest.fixture
def tiny_attempts(tiny_network, tmp_path, monkeypatch):
    """A folder in which a tiny U-Net is shipped, which tiny attempts start from."""
    folder = tmp_path / "weights"
    folder.mkdir()
    for path in pretrained.WEIGHTS_FOLDER.glob("*classifier.*"):
        shutil.copy(path, folder)
    random = np.random.default_rng(0)
    tiny_network.set_weights([random.normal(0, 0.1, w.shape) for w in tiny_network.get_weights()])
    tiny_network.save_weights(folder / "unet.weights.h5")
    digest = pretrained.sha256_of(folder / "unet.weights.h5")
    card = pretrained.card("unet") | {"arguments": TINY, "sha256": digest}
    (folder / "unet.json").write_text(json.dumps(card))
    monkeypatch.setattr(pretrained, "WEIGHTS_FOLDER", folder)
    arguments = {
        "gan": TINY | {"noise": 1},
        "gan_control": TINY | {"noise": 1},
        "wnet": {"first": TINY, "filters": [4], "blocks": [1], "noise": 1},
    }
    for name in arguments:
        network = dataclasses.replace(shipping.NETWORKS[name], arguments=arguments[name])
        monkeypatch.setitem(shipping.NETWORKS, name, network)
    return folder


@pytest.mark.slow
def test_doctor_says_line_by_line_what_works(capsys, archive_zip):
    status, lines, _ = run(capsys, "doctor", "--data", archive_zip)
    assert status == 0
    assert len(lines) == 10 + len(pretrained.names(task=None))
    text = "\n".join(lines)
    assert f"keras {keras.__version__}" in text and f"numpy {np.__version__}" in text
    splits = [len(data.load_tiles(split, data_dir=archive_zip)) for split in data.SPLITS]
    assert sum(splits) == 60
    counts = f"60 from 'local': train {splits[0]}, validation {splits[1]}, test {splits[2]}"
    assert counts in text
    parameters = pretrained.card("unet")["parameters"]
    assert f"Weights 'unet'              load, {parameters:,} parameters" in lines
    assert f"Decoded tiles               local 1 MB, kept in {data.cache_folder()}" in lines
    assert str(archive_zip) not in text


@pytest.mark.slow
def test_doctor_says_that_tiles_are_synthetic(capsys, monkeypatch):
    monkeypatch.setattr(data.archives, "SYNTHETIC_TILES", 20)
    status, lines, _ = run(capsys, "doctor")
    assert status == 0
    assert any(line.startswith("Synthetic tiles are used, since") for line in lines)
    assert any("20 from 'synthetic'" in line for line in lines)


def test_doctor_says_what_does_not_work(capsys, tmp_path, monkeypatch):
    folder = tmp_path / "weights"
    folder.mkdir()
    card = pretrained.card("unet")
    (folder / "unet.json").write_text(json.dumps(card))
    (folder / card["weights"]).write_bytes(b"damaged")
    monkeypatch.setattr(pretrained, "WEIGHTS_FOLDER", folder)
    status, lines, _ = run(capsys, "doctor", "--data", tmp_path / "nowhere.zip")
    assert status == 0
    assert any(line.startswith("Tiles                       none: --data names") for line in lines)
    assert any(line.startswith("Weights 'unet'              do not load:") for line in lines)


@pytest.mark.slow
def test_doctor_runs_as_a_module(archive_zip):
    command = [sys.executable, "-m", "eurosat_inpaint", "doctor", "--data", str(archive_zip)]
    finished = subprocess.run(command, capture_output=True, text=True, timeout=200)
    assert finished.returncode == 0
    assert "60 from 'local'" in finished.stdout
    assert "Traceback" not in finished.stderr


def tables_of(lines):
    """Of each table the caption, the column names, and the rows by their first word: scores of the
    methods, paired differences (where there are two methods), means per class of each network.
    """
    tables = []
    for block in "\n".join(lines[1:]).strip().split("\n\n"):
        caption, head, *rows = block.splitlines()
        columns = re.split("  +", head.strip())
        tables.append((caption, columns, {row.split()[0]: row.split()[1:] for row in rows}))
    return tables


@pytest.mark.slow
def test_evaluate_prints_the_scores_of_a_network_per_class(capsys, archive_zip):
    status, lines, errors = run(
        capsys, "evaluate", "unet", "--split", "train", "--data", archive_zip
    )
    assert status == 0 and without_progress(errors) == []
    tiles = data.load_tiles("train", data_dir=archive_zip)
    assert lines[0].startswith(f"{len(tiles)} train tiles from 'local', original masks")
    (_, _, comparison), (caption, names, rows) = tables_of(lines)
    assert list(comparison) == ["unet"] and caption.startswith("unet")
    assert list(rows) == ["all", *CLASS_NAMES]
    (expected,) = metrics.compare(
        {"unet": pretrained.load("unet")},
        tiles.images,
        line_masks(len(tiles), seed=0),
        tiles.labels,
    )
    shown = ["mse", "psnr", "ssim", "mse_holes", "mae_holes", "psnr_holes", "ssim_holes"]
    assert names == [name.replace("_", " ") for name in [*shown, "land_cover_agreement"]]
    of_all = {name: expected[name]["value"] for name in [*shown, "land_cover_agreement"]}
    for label, scores in (("all", of_all), ("River", expected["per_class"][8])):
        for name, printed in zip(names, rows[label], strict=True):
            assert float(printed) == pytest.approx(scores[name.replace(" ", "_")], rel=1e-3)


@pytest.mark.slow
def test_evaluate_prints_one_table_in_the_order_given(capsys, archive_zip, monkeypatch):
    restored = []

    def counted(restore, *rest, restored_batches=pretrained.restored_batches):
        restored.append(restore)
        return restored_batches(restore, *rest)

    monkeypatch.setattr(pretrained, "restored_batches", counted)
    command = ("evaluate", "baselines", "unet", "--split", "train", "--data", archive_zip)
    status, lines, _ = run(capsys, *command)
    assert status == 0
    assert max(len(line) for line in lines) <= 120
    (_, _, rows), (_, _, differences), (_, _, per_class) = tables_of(lines)
    assert list(rows) == [*baselines.FILLS, "unet"]
    assert list(differences) == list(rows)[1:]  # Nothing stands above the first row.
    assert list(per_class) == ["all", *CLASS_NAMES]
    assert len(restored) == len(rows)  # Nothing is restored twice.
    tiles = data.load_tiles("train", data_dir=archive_zip)
    methods = {name: baselines.FILLS[name] for name in ("mean", "nearest")}
    first, second = metrics.compare(methods, tiles.images, line_masks(len(tiles), seed=0))
    scores = ("psnr", "ssim", "mse_holes", "gradient_ratio", "land_cover_agreement")
    expected = [*second["mse"].values()]
    scores += ("referee_accuracy", "kernel_distance")
    expected += [second[score]["value"] for score in scores]
    tolerances = 3 * [1e-6] + [0.01, 1e-3, 1e-6, 1e-3, 1e-3, 1e-3, 1e-4]
    assert (abs(np.subtract(numbers(rows["nearest"]), expected)) <= tolerances).all()
    assert numbers(rows["mean"])[0] == pytest.approx(first["mse"]["value"], abs=1e-6)
    changes = [
        second["difference_from_previous"][score]
        for score in ("mse", "gradient_ratio", "kernel_distance")
    ]
    expected = [change[part] for change in changes for part in ("difference", "low", "high")]
    tolerances = 3 * [1e-6] + 3 * [1e-3] + 3 * [1e-4]
    assert (abs(np.subtract(numbers(differences["nearest"]), expected)) <= tolerances).all()


def numbers(words):
    return [float(word.strip("[],")) for word in words]


def test_evaluate_without_tiles_of_the_split_says_so(capsys, tmp_path, jpegs):
    name = next(name for name in jpegs if data.split_of(name) == "train")
    folder = tmp_path / "eurosat" / name.split("_")[0]
    folder.mkdir(parents=True)
    (folder / name).write_bytes(jpegs[name])
    status, _, errors = run(capsys, "evaluate", "unet", "--data", tmp_path / "eurosat")
    assert status == 1
    expected = ["error: there are no validation tiles in source 'local'"]
    assert without_progress(errors) == expected


@pytest.mark.parametrize("command", [("evaluate", "unet"), ("train", "unet")])
def test_missing_data_is_one_line_of_error(command, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    status, lines, errors = run(capsys, *command, "--data", tmp_path / "nowhere.zip")
    assert status == 1 and lines == []
    assert len(errors) == 1 and errors[0].startswith("error: --data names")
    assert list(tmp_path.iterdir()) == []


def test_damaged_data_is_one_line_of_error(capsys, tmp_path):
    (tmp_path / "EuroSAT.zip").write_bytes(b"this is no zip file")
    status, _, errors = run(capsys, "evaluate", "unet", "--data", tmp_path / "EuroSAT.zip")
    assert status == 1
    assert len(errors) == 1 and errors[0].startswith("error: data_dir")
    assert "EuroSAT.zip is neither a folder nor" in errors[0]


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("repair",),
        ("train", "resnet"),
        ("train", "unet", "--profile", "long"),
        ("evaluate", "unet", "--split", "all"),
    ],
)
def test_unknown_words_are_refused(arguments, capsys):
    with pytest.raises(SystemExit) as stopped:
        command_line.main(list(arguments))
    assert stopped.value.code == 2
    assert "usage: python -m eurosat_inpaint" in capsys.readouterr().err


@pytest.mark.slow
def test_trained_weights_load_by_their_card(
    capsys, tmp_path, archive_zip, tiny_network, monkeypatch
):
    directory = tmp_path / "trained"
    command = ("train", "unet", "--profile", "smoke", "--seed", 3)
    command += ("--data", archive_zip, "--output", directory)
    status, lines, _ = run(capsys, *command)
    assert status == 0
    assert sorted(path.name for path in directory.iterdir()) == [
        "log.csv",
        "unet.json",
        "unet.weights.h5",
    ]
    monkeypatch.setattr(pretrained, "WEIGHTS_FOLDER", directory)
    card = pretrained.card("unet")
    assert set(card) == CARD_FIELDS
    assert card["command"] == "python -m eurosat_inpaint train unet --profile smoke --seed 3"
    assert (card["seed"], card["tiles_seen"], card["dtype"]) == (
        3,
        4 * card["batch_size"],
        "float32",
    )
    assert card["parameters"] == tiny_network.count_params()
    assert str(tmp_path) not in json.dumps(card)
    model = pretrained.load("unet")
    tiles = data.load_tiles("validation", data_dir=archive_zip)
    scores = metrics.evaluate(model, tiles.images, line_masks(len(tiles), seed=0))
    assert card["validation"] == pytest.approx(scores, rel=1e-5)
    assert f"Validation mse {scores['mse']:.6f}" in lines[-1]

    # A second time it is trained anew, to the same end.
    status, _, _ = run(capsys, *command)
    assert status == 0
    again = pretrained.card("unet")
    assert again["validation"] == pytest.approx(card["validation"], rel=1e-4)
    assert len((directory / "log.csv").read_text().splitlines()) == 3


@pytest.mark.slow
def test_a_run_can_continue_from_shipped_weights(
    capsys, tmp_path, archive_zip, tiny_network, monkeypatch
):
    command = ("train", "unet", "--profile", "smoke", "--data", archive_zip)
    run(capsys, *command, "--output", tmp_path / "first")
    monkeypatch.setattr(pretrained, "WEIGHTS_FOLDER", tmp_path / "first")
    first = pretrained.card("unet")
    starts = []

    def no_training(model, *images, **settings):
        starts.append(model.get_weights())
        model.save_weights(settings["directory"] / "best.weights.h5")
        return [{"epoch": 1, "val_loss": 0.0, "seconds": 60.0}] * settings["epochs"]

    monkeypatch.setattr(training, "fit_unet", no_training)
    (tmp_path / "second").mkdir()
    command += ("--from-shipped", "--epochs", 5, "--output", tmp_path / "second")
    status, _, _ = run(capsys, *command)
    assert status == 0
    for started, shipped in zip(starts[0], pretrained.load("unet").get_weights(), strict=True):
        np.testing.assert_array_equal(started, shipped)
    second = json.loads((tmp_path / "second" / "unet.json").read_text())
    assert second["tiles_seen"] == 10 * second["batch_size"] and second["command"].endswith(
        "--from-shipped --epochs 5"
    )
    (before,) = second["continues"]
    assert before["sha256"] == first["sha256"] and before["minutes"] == first["minutes"]
    assert before["mse"] == first["validation"]["mse"]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["gan", "gan_control", "wnet"])
def test_attempts_start_from_the_unet_and_load_by_their_card(
    name, capsys, tmp_path, archive_zip, tiny_attempts
):
    directory = tmp_path / "trained"
    command = ("train", name, "--profile", "smoke", "--data", archive_zip)
    status, lines, errors = run(capsys, *command, "--output", directory)
    assert status == 0, errors
    files = {path.name for path in directory.iterdir()}
    own = {f"{name}.json", f"{name}.weights.h5"}
    assert files == {"log.csv", "discriminator.weights.h5"} | own
    for path in directory.glob(f"{name}.*"):
        shutil.copy(path, tiny_attempts)
    card, unet = pretrained.card(name), pretrained.card("unet")
    assert set(card) == CARD_FIELDS | FURTHER_FIELDS[name]
    assert card["tiles_seen"] == 4 * card["batch_size"] and str(tmp_path) not in json.dumps(card)
    role = "first_stage" if name == "wnet" else "started_from"
    assert card[role] == "unet" and card[f"{role}_sha256"] == unet["sha256"]
    model = pretrained.load(name)
    assert card["parameters"] == model.count_params()
    assert card["discriminator_parameters"] == models.patch_discriminator().count_params()
    assert 0 <= card["discriminator_accuracy"] <= 1
    models.patch_discriminator().load_weights(directory / "discriminator.weights.h5")
    started = model.get_layer("first_stage") if name == "wnet" else model
    for layer in filter(keras.layers.Layer.get_weights, pretrained.load("unet").layers):
        pairs = zip(started.get_layer(layer.name).get_weights(), layer.get_weights(), strict=True)
        for one, other in pairs:
            # Two short epochs lead nowhere far from where they started, or nowhere.
            np.testing.assert_allclose(one, other, atol=0 if name == "wnet" else 5e-3)

    # The weights are those that were scored, and can be compared with the others.
    status, lines, errors = run(
        capsys, "evaluate", "unet", name, "--split", "train", "--data", archive_zip
    )
    assert status == 0, errors
    (_, _, rows), *_ = tables_of(lines)
    assert list(rows) == ["unet", name]
    tiles = data.load_tiles("validation", data_dir=archive_zip)
    scores = metrics.evaluate(model, tiles.images, line_masks(len(tiles), seed=0))
    assert card["validation"] == pytest.approx(scores, rel=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["gan", "wnet"])
def test_a_run_of_an_attempt_can_continue_from_its_shipped_weights(
    name, capsys, tmp_path, archive_zip, tiny_attempts, monkeypatch
):
    """With what it started from at first still on its card, and its own weights to start from."""
    starts = []

    def no_training(model, *others, **settings):
        model = model.generator if name == "gan" else model
        starts.append(model.get_weights())
        model.set_weights([w + np.float32(0.01) for w in model.get_weights()])
        if name == "wnet":
            model.get_layer("first_stage").set_weights(pretrained.load("unet").get_weights())
        model.save_weights(settings["directory"] / "generator.weights.h5")
        return [{"epoch": 1, "val_loss": 0.0, "seconds": 60.0, "val_discriminator_accuracy": 0.5}]

    monkeypatch.setattr(training, f"fit_{name}", no_training)
    command = ("train", name, "--profile", "smoke", "--data", archive_zip)
    command += ("--output", tiny_attempts)
    assert run(capsys, *command)[0] == 0
    first, shipped = pretrained.card(name), pretrained.load(name).get_weights()
    assert run(capsys, *command, "--from-shipped")[0] == 0
    for started, expected in zip(starts[1], shipped, strict=True):
        np.testing.assert_array_equal(started, expected)
    second = pretrained.card(name)
    assert second["continues"][0]["sha256"] == first["sha256"] != second["sha256"]
    digest = "started_from_sha256" if name == "gan" else "first_stage_sha256"
    assert second[digest] == first[digest] == pretrained.card("unet")["sha256"]


@pytest.mark.slow
def test_stopped_training_continues_with_the_same_command(
    capsys, tmp_path, archive_zip, tiny_network, monkeypatch
):
    command = ("train", "unet", "--profile", "smoke", "--data", archive_zip)
    fit = training.fit_unet

    def stop(epoch, logs):
        if epoch == 1:
            raise KeyboardInterrupt

    def fit_and_stop(*arguments, **settings):
        stopping = keras.callbacks.LambdaCallback(on_epoch_end=stop)
        return fit(*arguments, **settings, callbacks=[stopping])

    with monkeypatch.context() as patch:
        patch.setattr(training, "fit_unet", fit_and_stop)
        status, _, errors = run(capsys, *command)
    assert status == 130
    assert errors[-1] == "stopped; the same command continues the training"
    state = json.loads((tmp_path / "runs" / "unet" / "state.json").read_text())
    status, _, _ = run(capsys, *command)
    assert status == 0
    log = (tmp_path / "runs" / "unet" / "log.csv").read_text().splitlines()
    assert len(log) == 3
    # The first epoch is not trained a second time: even its time is the one measured then.
    assert log[1] == ",".join(map(str, state["history"][0].values()))


def test_too_few_tiles_to_train_on_are_named(capsys, tmp_path, jpegs, tiny_network):
    train, validation = (
        [name for name in jpegs if data.split_of(name) == split] for split in data.SPLITS[:2]
    )
    few = {name: jpegs[name] for name in train[:31] + validation}
    folder = write_folder(tmp_path / "few", few)
    status, _, errors = run(capsys, "train", "unet", "--profile", "smoke", "--data", folder)
    assert status == 1
    assert without_progress(errors) == ["error: batch_size is 32, but there are 31 images"]
