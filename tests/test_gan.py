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
# Rates at which a few steps make a difference.
RECIPE = GANRecipe(
    batch_size=4, generator_learning_rate=5e-3, discriminator_learning_rate=2e-3, beta_1=0.0
)


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
    """A small discriminator whose spectral normalisation is already that of its kernels."""
    keras.utils.set_random_seed(2)
    model = patch_discriminator(SIDE, filters=(8, 12, 16), dtype=dtype)
    for layer in normalised(model):
        kernel = kernel_of(layer)
        _, norms, right = np.linalg.svd(kernel.reshape(-1, kernel.shape[-1]))
        layer.layer.kernel.assign(kernel / norms[0])
        layer.vector_u.assign(right[:1])
    return model


def normalised(model):
    return [layer for layer in model.layers if isinstance(layer, layers.SpectralNormalization)]


def kernel_of(layer):
    return keras.ops.convert_to_numpy(layer.layer.kernel)


def spectral_norms(model):
    """The largest singular value of each kernel as a matrix of (height * width * c, d)."""
    kernels = [kernel_of(layer) for layer in normalised(model)]
    return [np.linalg.svd(k.reshape(-1, k.shape[-1]), compute_uv=False)[0] for k in kernels]


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
    real = model.discriminator.predict_on_batch([truth, masks]).astype(float)
    restored = model.discriminator.predict_on_batch([composites, masks]).astype(float)
    error = np.abs(composites.astype(float) - truth).mean()
    right = [np.where(x == 0, 0.5, x > 0).mean() for x in (real, -restored)]
    return {
        "loss": error - weight * restored.mean(),
        "reconstruction_loss": error,
        "adversarial_loss": -restored.mean(),
        "discriminator_loss": np.maximum(0, 1 - real).mean() + np.maximum(0, 1 + restored).mean(),
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


@pytest.mark.parametrize(("filters", "field", "stride"), [((3, 4), 12, 2), ((3, 4, 5), 26, 4)])
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
    assert [layer.layer.filters for layer in normalised(model)] == [32, 64, 128, 1]
    assert [layer.layer.kernel_size for layer in normalised(model)] == [(4, 4)] * 2 + [(3, 3)] * 2


def test_the_mask_is_seen():
    known, holes = np.ones((1, SIDE, SIDE, 1)), np.zeros((1, SIDE, SIDE, 1))
    tile = np.full((1, SIDE, SIDE, 3), 0.3)
    model = critic()
    difference = model.predict_on_batch([tile, known]) - model.predict_on_batch([tile, holes])
    assert np.abs(difference).max() > 1e-3


@pytest.mark.parametrize("dtype", ["float32", "mixed_bfloat16"])
def test_every_convolution_is_normalised(dtype):
    """After some steps of training, from any kernel."""
    keras.utils.set_random_seed(3)
    model = patch_discriminator(SIDE, filters=(8, 12, 16), dtype=dtype)
    assert not [layer for layer in model.layers if isinstance(layer, layers.Conv2D)]
    assert [layer.layer.compute_dtype for layer in normalised(model)][-1] == "float32"
    for layer in normalised(model):
        layer.layer.kernel.assign(3 * layer.layer.kernel)
    assert min(spectral_norms(model)) > 2
    model.compile(keras.optimizers.SGD(0.0), "mse")
    inputs = [np.zeros((1, SIDE, SIDE, channels), np.float32) for channels in (3, 1)]
    for _ in range(60):
        model.train_on_batch(inputs, np.zeros((1, 4, 4, 1), np.float32))
    assert spectral_norms(model) == pytest.approx([1] * 4, abs=0.01)
    for layer in normalised(model):
        # Kernels that are rounded in every step would not learn at small rates.
        kernel = kernel_of(layer)
        # bfloat16 is the upper half of float32.
        assert kernel.dtype == np.float32 and (kernel.view(np.uint32) & 0xFFFF).any()


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
    """Of logits that are all 0, all within the hinges' margin, and mostly outside of it."""
    model = gan(adversarial_weight=0.2)
    last = model.discriminator.get_layer("logits").layer
    last.set_weights([scale * weights for weights in last.get_weights()])
    measures = expected_measures(model, batch, weight=0.2)
    if scale == 0:
        assert measures["discriminator_accuracy"] == 0.5 and measures["discriminator_loss"] == 2
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
    # Normalised when the step begins, the kernels then move on by one step.
    assert max(spectral_norms(model.discriminator)) < 1.05


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
    alone.compile(keras.optimizers.Adam(1e-3, beta_1=0.5), "mae")
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


@pytest.mark.parametrize("weight", [-0.01, float("nan"), float("inf")])
def test_bad_weights_of_the_adversarial_loss_are_refused(weight):
    with pytest.raises(ValueError, match="^adversarial_weight "):
        gan(adversarial_weight=weight)


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
        assert row["epoch"] == number and row["learning_rate"] == pytest.approx(5e-3)
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
    [("best", ValueError), ("efficient", ValueError), (ei.training.RECIPES["wnet"], TypeError)],
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
