"""The GAN: what its discriminator sees, its two losses, and a training that can be stopped."""

import csv
import dataclasses
import json

import keras
import numpy as np
import pytest
from helpers_training import (
    SIDE,
    StopAt,
    assert_other_argument_is_refused,
    names_in,
    small_network,
    small_tiles,
)
from keras import layers

import eurosat_inpaint as ei
from eurosat_inpaint.masks import line_masks
from eurosat_inpaint.models import InpaintingGAN, patch_discriminator, unet
from eurosat_inpaint.training import GANRecipe, fit_gan

MEASURES = ["loss", "reconstruction_loss", "adversarial_loss"]
MEASURES += ["discriminator_loss", "discriminator_accuracy"]
# A rate at which a few steps make a difference.
RECIPE = GANRecipe(batch_size=4, learning_rate=5e-3)


@pytest.fixture(scope="module")
def tiles():
    return small_tiles()


@pytest.fixture(scope="module")
def batch(tiles):
    """Ten tiles as ``fit`` takes them: masked tiles and masks, tiles."""
    truth = tiles[0][:10] / np.float32(255)
    masks = line_masks(10, size=SIDE, seed=3)
    return (truth * masks, masks), truth


def critic(dtype="float32"):
    """A small discriminator, always the same, with logits every two pixels."""
    keras.utils.set_random_seed(2)
    return patch_discriminator(SIDE, filters=(8, 12, 16), dtype=dtype)


def gan(generator_rate=0.0, discriminator_rate=0.0, **settings):
    """A compiled GAN whose networks only move where they are given a learning rate."""
    model = InpaintingGAN(small_network(), critic())
    rates = (generator_rate, discriminator_rate)
    model.compile(*(keras.optimizers.Adam(rate, beta_1=0.5) for rate in rates), **settings)
    return model


def fit(tiles, **arguments):
    """A short training; returns history and both networks."""
    model = InpaintingGAN(small_network(), critic())
    given = {"epochs": 3, "steps_per_epoch": 4, "verbose": 0, "recipe": RECIPE} | arguments
    return fit_gan(model, *tiles, **given), model


def expected_measures(model, batch, weight):
    """The five measures, from what the networks answer, in NumPy."""
    (masked, masks), truth = batch
    composites = model.generator.predict_on_batch([masked, masks])
    real = model.discriminator.predict_on_batch([truth, masks])[..., 0].astype(float)
    restored = model.discriminator.predict_on_batch([composites, masks])[..., 0].astype(float)
    error = np.square(composites.astype(float) - truth).mean()
    side = SIDE // real.shape[1]
    shares = 1 - masks.reshape(len(masks), real.shape[1], side, -1, side).mean(axis=(2, 4))

    def mean(values):
        return np.mean([np.average(v, weights=w) for v, w in zip(values, shares, strict=True)])

    right = [mean(np.where(x == 0, 0.5, x > 0)) for x in (real, -restored)]
    adversarial = mean(np.log1p(np.exp(-restored)))
    return {
        "loss": error + weight * adversarial,
        "reconstruction_loss": error,
        "adversarial_loss": adversarial,
        "discriminator_loss": mean(np.log1p(np.exp(-real)) + np.log1p(np.exp(restored))),
        "discriminator_accuracy": np.mean(right),
    }


def step(model, batch):
    """Train on a batch; returns the measures, which older Keras gives as arrays."""
    logs = model.train_on_batch(*batch, return_dict=True)
    return {name: float(value) for name, value in logs.items()}


def assert_same_weights(one, other, tolerance=0.0):
    for a, b in zip(one.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance / 100)


# The discriminator


@pytest.mark.parametrize(
    ("filters", "field", "stride"), [((3, 4), 9, 1), ((3, 4, 5), 16, 2), ((3, 4, 5, 6), 30, 4)]
)
def test_each_logit_sees_a_square_of_pixels(filters, field, stride):
    model = patch_discriminator(64, filters=filters)
    number = 32 // stride
    assert model.output_shape == (None, 64 // stride, 64 // stride, 1)
    for axis in (1, 2):
        # One pixel is changed in each but the last: its row or column runs through all of them.
        inputs = np.zeros((65, 64, 64, 3), np.float32)
        place = np.arange(64)
        middle = np.full(64, 32)
        inputs[(place, place, middle) if axis == 1 else (place, middle, place)] = 1e4
        logits = model.predict_on_batch([inputs, np.zeros((65, 64, 64, 1), np.float32)])[..., 0]
        for position in (number, number + 1):
            seen = logits[:, position, number] if axis == 1 else logits[:, number, position]
            changed = np.flatnonzero(np.abs(seen[:-1] - seen[-1]) > 1e-3)
            assert len(changed) == changed[-1] - changed[0] + 1 == field
            centre = (changed[0] + changed[-1]) / 2
            assert abs(centre - stride * (position + 0.5)) <= stride


def test_receptive_field_by_default_is_that_of_its_docstring():
    model = patch_discriminator()
    assert model.output_shape == (None, 16, 16, 1)
    convolutions = [layer for layer in model.layers if isinstance(layer, layers.Conv2D)]
    assert [layer.filters for layer in convolutions] == [24, 64, 128, 128, 1]
    assert [layer.kernel_size[0] for layer in convolutions] == [3, 4, 4, 3, 3]
    assert [layer.strides[0] for layer in convolutions] == [1, 2, 2, 1, 1]


def test_neighbouring_pixels_are_seen_enlarged():
    """What the first convolution is given: the tile less its means over 3 x 3, times a hundred."""
    model = patch_discriminator(SIDE, filters=(4, 4))
    tile = np.random.default_rng(0).random((2, SIDE, SIDE, 3), np.float32)
    seen = keras.Model(model.inputs, model.get_layer("seen").output)
    given = seen.predict_on_batch([tile, np.ones((2, SIDE, SIDE, 1), np.float32)])
    padded = np.pad(tile.astype(float), ((0, 0), (1, 1), (1, 1), (0, 0)), mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(1, 2))
    np.testing.assert_allclose(given[..., 3:6], 100 * (tile - windows.mean((-2, -1))), atol=1e-3)
    np.testing.assert_allclose(given[..., :3], (tile - 0.38) / 0.05, atol=1e-4)


def test_the_mask_is_seen():
    known, holes = np.ones((1, SIDE, SIDE, 1)), np.zeros((1, SIDE, SIDE, 1))
    tile = np.full((1, SIDE, SIDE, 3), 0.3)
    model = critic()
    difference = model.predict_on_batch([tile, known]) - model.predict_on_batch([tile, holes])
    assert np.abs(difference).max() > 1e-3


def test_bfloat16_gives_nearly_the_same_logits():
    random = np.random.default_rng(0)
    tile = random.random((4, SIDE, SIDE, 3), np.float32)
    inputs = [tile, np.ones((4, SIDE, SIDE, 1), np.float32)]
    logits = [critic(dtype).predict_on_batch(inputs) for dtype in ("float32", "mixed_bfloat16")]
    assert logits[0].dtype == logits[1].dtype == np.float32
    assert 0 < np.abs(logits[0] - logits[1]).max() < 0.02 * np.abs(logits[0]).max()


@pytest.mark.parametrize("filters", [(), (8,), 8, (8, 0), (8, 2.5)])
def test_bad_filters_are_refused(filters):
    with pytest.raises(ValueError, match=r"^filters(\[1\])? "):
        patch_discriminator(16, filters=filters)


@pytest.mark.parametrize("size", [0, -4, 18, "a"])
def test_other_sizes_are_refused(size):
    with pytest.raises(ValueError, match="^size "):
        patch_discriminator(size)


# The losses, and the two steps


@pytest.mark.parametrize("scale", [0, 1, 30])
def test_measures_are_those_computed_by_hand(scale, batch):
    """Of logits that are all 0, as they come, and large."""
    model = gan(adversarial_weight=0.2)
    last = model.discriminator.get_layer("logits")
    last.set_weights([scale * weights for weights in last.get_weights()])
    measures = expected_measures(model, batch, weight=0.2)
    if scale == 0:
        assert measures["discriminator_accuracy"] == 0.5
        assert measures["discriminator_loss"] == pytest.approx(2 * np.log(2))
    # Three batches, the last one smaller.
    scores = model.evaluate(*batch, batch_size=4, verbose=0, return_dict=True)
    assert list(model.metrics_names) == MEASURES
    assert scores == pytest.approx(measures, rel=1e-5, abs=1e-6)


def test_training_logs_what_evaluation_does(batch):
    model = gan(adversarial_weight=0.2)
    measures = expected_measures(model, batch, weight=0.2)
    assert step(model, batch) == pytest.approx(measures, rel=1e-4, abs=1e-5)


@pytest.mark.slow
def test_discriminator_learns_and_leaves_the_generator_alone(batch):
    model = gan(discriminator_rate=1e-3)
    first = expected_measures(model, batch, weight=0.03)
    for _ in range(30):
        model.train_on_batch(*batch)
    last = expected_measures(model, batch, weight=0.03)
    assert last["discriminator_loss"] < first["discriminator_loss"] - 0.1
    assert last["discriminator_accuracy"] > first["discriminator_accuracy"] + 0.1
    assert_same_weights(model.generator, small_network())


@pytest.mark.slow
def test_penalty_holds_the_slope_of_the_discriminator_down(batch):
    """How far its mean logit moves for the smallest changes of true tiles."""
    (_, masks), truth = batch
    nudge = 1e-3 * np.random.default_rng(1).standard_normal(truth.shape).astype(np.float32)
    moved = []
    for penalty in (0.0, 100.0):
        model = gan(discriminator_rate=5e-3, gradient_penalty=penalty)
        for _ in range(30):
            model.train_on_batch(*batch)
        logits = [
            model.discriminator.predict_on_batch([tiles, masks]) for tiles in (truth, truth + nudge)
        ]
        moved.append(np.abs(logits[1] - logits[0]).mean())
    assert moved[1] < moved[0] / 3


def test_what_is_known_of_a_tile_counts_nothing(batch):
    """Patches without a hole in their middle have no share in the losses."""
    model = gan(adversarial_weight=0.2)
    (_, masks), truth = batch
    half = np.ones_like(masks)
    half[:, : SIDE // 2] = 0
    scores = model.evaluate((truth * half, half), truth, verbose=0, return_dict=True)
    real = model.discriminator.predict_on_batch([truth, half])[:, : SIDE // 4]
    composites = model.generator.predict_on_batch([truth * half, half])
    restored = model.discriminator.predict_on_batch([composites, half])[:, : SIDE // 4]
    expected = np.mean(np.log1p(np.exp(-real)) + np.log1p(np.exp(restored)))
    assert scores["discriminator_loss"] == pytest.approx(expected, rel=1e-5)
    whole = np.ones_like(masks)
    scores = model.evaluate((truth, whole), truth, verbose=0, return_dict=True)
    assert scores["discriminator_loss"] == 0


@pytest.mark.slow
def test_generator_learns_and_leaves_the_discriminator_alone(batch):
    # A weight beside which the reconstruction, at first poor, does not count.
    model = gan(generator_rate=5e-3, adversarial_weight=100.0)
    first = expected_measures(model, batch, weight=100.0)
    for _ in range(30):
        model.train_on_batch(*batch)
    last = expected_measures(model, batch, weight=100.0)
    assert last["adversarial_loss"] < first["adversarial_loss"] - 0.01
    assert_same_weights(model.discriminator, critic(), tolerance=1e-4)


@pytest.mark.slow
def test_without_adversary_the_generator_trains_as_by_keras(batch):
    model = gan(generator_rate=1e-3, discriminator_rate=1e-3, adversarial_weight=0.0)
    alone = small_network()
    alone.compile(keras.optimizers.Adam(1e-3, beta_1=0.5), "mse")
    for _ in range(3):
        model.train_on_batch(*batch)
        alone.train_on_batch(*batch)
    assert_same_weights(model.generator, alone, tolerance=1e-5)
    assert not np.array_equal(alone.get_weights()[0], small_network().get_weights()[0])


def test_generators_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="^generator "):
        InpaintingGAN(unet(SIDE, filters=2, depth=1, mask_input=False), critic())
    with pytest.raises(ValueError, match="^discriminator "):
        InpaintingGAN(small_network(), patch_discriminator(32, filters=(2, 2)))


@pytest.mark.parametrize("name", ["adversarial_weight", "gradient_penalty"])
@pytest.mark.parametrize("weight", [-0.01, float("nan"), float("inf")])
def test_bad_weights_are_refused(name, weight):
    with pytest.raises(ValueError, match=f"^{name} "):
        gan(**{name: weight})


# Saving


@pytest.fixture(scope="module")
def trained_gan(batch):
    model = gan(generator_rate=1e-3, discriminator_rate=1e-3, adversarial_weight=0.5)
    for _ in range(3):
        model.train_on_batch(*batch)
    return model


@pytest.mark.slow
@pytest.mark.parametrize("how", ["keras", "weights.h5"])
def test_saved_gan_goes_on_as_the_one_that_was_saved(how, trained_gan, batch, tmp_path):
    path = tmp_path / f"gan.{how}"
    if how == "keras":
        trained_gan.save(path)
        loaded = keras.models.load_model(path)
    else:
        trained_gan.save_weights(path)
        loaded = gan(1e-3, 1e-3, adversarial_weight=0.5)
        loaded.load_weights(path)
    assert_same_weights(loaded, trained_gan)
    for optimizer in ("optimizer", "discriminator_optimizer"):
        assert getattr(loaded, optimizer).iterations == getattr(trained_gan, optimizer).iterations
    for model in (loaded, trained_gan):
        model.reset_metrics()
    logs = [step(model, batch) for model in (loaded, trained_gan)]
    assert logs[0] == pytest.approx(logs[1], rel=1e-5)
    assert_same_weights(loaded, trained_gan, tolerance=1e-4)


@pytest.mark.slow
def test_uncompiled_gan_comes_back_from_a_file(batch, tmp_path):
    model = InpaintingGAN(small_network(), critic())
    model.save(tmp_path / "gan.keras")
    again = keras.models.load_model(tmp_path / "gan.keras")
    assert_same_weights(again, model)
    np.testing.assert_array_equal(again.predict(batch[0], verbose=0), model.predict(batch[0]))


# Training with fit_gan


@pytest.fixture(scope="module")
def trained(tiles, tmp_path_factory):
    """History, model and directory of a training that came to its end."""
    directory = tmp_path_factory.mktemp("trained")
    return *fit(tiles, directory=directory), directory


def test_history_holds_all_measures(trained):
    history, _, directory = trained
    names = [*MEASURES, *(f"val_{name}" for name in MEASURES)]
    for number, row in enumerate(history, start=1):
        assert list(row) == ["epoch", *names, "learning_rate", "seconds"]
        assert row["epoch"] == number and 0 <= row["learning_rate"] <= 5e-3
        assert 0 <= row["discriminator_accuracy"] <= 1
    with open(directory / "log.csv", newline="") as file:
        rows = [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]
    assert rows == history
    files = ["discriminator.weights.h5", "generator.weights.h5", "log.csv", "state.json"]
    assert names_in(directory) == files


def test_last_weights_are_kept(trained, tiles):
    """Those of the last row of the log, in the networks and in the files."""
    history, model, directory = trained
    from_files = InpaintingGAN(small_network(), critic())
    from_files.generator.load_weights(directory / "generator.weights.h5")
    from_files.discriminator.load_weights(directory / "discriminator.weights.h5")
    assert_same_weights(from_files.generator, model.generator)
    assert_same_weights(from_files.discriminator, model.discriminator)
    truth = tiles[1] / np.float32(255)
    masks = line_masks(len(truth), size=SIDE, seed=1)
    measures = expected_measures(
        from_files, ((truth * masks, masks), truth), RECIPE.adversarial_weight
    )
    logged = {name: history[-1][f"val_{name}"] for name in MEASURES}
    assert logged == pytest.approx(measures, rel=1e-4, abs=1e-6)
    assert logged["reconstruction_loss"] != history[0]["val_reconstruction_loss"]


def test_trained_generator_is_an_inpainting_network(trained, tiles, tmp_path):
    whole = trained[1]
    images = tiles[1]
    masks = line_masks(len(images), size=SIDE, seed=5)
    whole.generator.save(tmp_path / "generator.keras")
    loaded = keras.models.load_model(tmp_path / "generator.keras")
    truth = images / np.float32(255)
    known = masks[..., 0] == 1
    restored = [ei.inpaint(truth, masks, model) for model in (whole.generator, loaded, whole)]
    np.testing.assert_array_equal(restored[0], restored[1])
    np.testing.assert_array_equal(restored[0], restored[2])
    np.testing.assert_array_equal(restored[0][known], truth[known])
    assert not np.array_equal(restored[0][~known], truth[~known])


def assert_same_training(history, model, other_history, other_model):
    for row, other_row in zip(history, other_history, strict=True):
        row, other_row = ({**r, "seconds": 0} for r in (row, other_row))
        assert row == pytest.approx(other_row, rel=1e-5, abs=1e-6)
    for name in ("generator", "discriminator"):
        networks = (getattr(each, name) for each in (model, other_model))
        assert_same_weights(*networks, tolerance=1e-4)


@pytest.mark.slow
def test_stopped_training_continues_as_if_it_had_not(trained, tiles, tmp_path):
    for place in [(0, 1), (1, 3), (2, 0)]:
        with pytest.raises(KeyboardInterrupt):
            fit(tiles, directory=tmp_path, callbacks=(StopAt(*place),))
    assert json.loads((tmp_path / "state.json").read_text())["history"][-1]["epoch"] == 2
    assert_same_training(*fit(tiles, directory=tmp_path), *trained[:2])
    assert {p.name for p in tmp_path.iterdir()} == {p.name for p in trained[-1].iterdir()}


@pytest.fixture(scope="module")
def stopped(tiles, tmp_path_factory):
    """The directory of a training that was stopped in its second epoch."""
    directory = tmp_path_factory.mktemp("stopped")
    with pytest.raises(KeyboardInterrupt):
        fit(tiles, directory=directory, callbacks=(StopAt(1, 1),))
    return directory


@pytest.mark.parametrize(
    ("name", "value"),
    [("recipe", dataclasses.replace(RECIPE, adversarial_weight=0.1)), ("seed", 1), ("epochs", 1)],
)
def test_other_arguments_do_not_continue_a_stopped_training(name, value, tiles, tmp_path, stopped):
    def train(directory):
        fit(tiles, directory=directory, **{name: value})

    assert_other_argument_is_refused(name, train, stopped, tmp_path)


@pytest.mark.parametrize(
    ("recipe", "error"),
    [
        ("best", ValueError),
        ("efficient", ValueError),
        (ei.training.RECIPES["sharpness"], TypeError),
    ],
    ids=["unknown name", "of another kind by name", "of another kind"],
)
def test_recipes_that_are_not_for_a_gan_are_refused(recipe, error, tiles):
    with pytest.raises(error, match="^recipe"):
        fit(tiles, recipe=recipe)


def test_a_generator_alone_is_refused(tiles):
    with pytest.raises(TypeError, match="^model "):
        fit_gan(unet(filters=2, depth=1), *tiles)


@pytest.mark.slow
def test_nothing_is_written_without_a_directory(trained, tiles, tmp_path, monkeypatch):
    """And the same seed trains the same."""
    monkeypatch.chdir(tmp_path)
    assert_same_training(*fit(tiles), *trained[:2])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("position", [0, 1])
@pytest.mark.parametrize(
    ("spoil", "error"),
    [
        (lambda images: images / 255, TypeError),
        (lambda images: images[:, :8, :8], ValueError),
        (lambda images: images[:0], ValueError),
    ],
    ids=["float", "other side", "none"],
)
def test_bad_images_are_refused(position, spoil, error, tiles):
    given = list(tiles)
    given[position] = spoil(given[position])
    name = ("images", "validation_images")[position]
    with pytest.raises(error, match=f"^{name}"):
        fit(given)


def test_bad_numbers_are_refused(tiles):
    negative = dataclasses.replace(RECIPE, adversarial_weight=-1)
    for name, value, message in [
        ("epochs", 0, "epochs"),
        ("steps_per_epoch", 0, "steps_per_epoch"),
        ("seed", -1, "seed"),
        ("recipe", negative, "adversarial_weight"),
        ("recipe", GANRecipe(batch_size=25), "batch_size is 25, .* 24 images"),
    ]:
        with pytest.raises(ValueError, match=f"^{message}"):
            fit(tiles, **{name: value})
