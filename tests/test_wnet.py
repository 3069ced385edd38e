"""The W-Net: what its stages promise, and that training leaves the first one alone."""

import dataclasses
import shutil

import keras
import numpy as np
import pytest
from helpers_models import check_output, masked_tiles
from helpers_training import (
    SIDE,
    StopAt,
    assert_loads_in_a_fresh_process,
    assert_other_argument_is_refused,
    assert_same_training,
    small_tiles,
)

from eurosat_inpaint.masks import line_masks
from eurosat_inpaint.metrics import gflop_per_tile
from eurosat_inpaint.models import (
    InpaintingGAN,
    patch_discriminator,
    residual_unet,
    wnet,
    wnet_stages,
)
from eurosat_inpaint.training import RECIPES, SharpnessLoss, fit_wnet, fitting, recipes

FIRST = {"filters": (6,), "blocks": (1,)}
# Wide enough for Muon.
TINY = {"first": FIRST, "filters": (32,), "blocks": (1,)}
SMALL = dataclasses.replace(RECIPES["sharpness"], batch_size=4, average=0.9)
AGAINST_A_CRITIC = dataclasses.replace(RECIPES["wnet"], batch_size=4, learning_rate=5e-3)
OF_DISTANCE_1 = dataclasses.replace(SMALL, loss=SharpnessLoss(distances=(1,)))


def disturbed(model, seed=0):
    """The model with random weights, so that its corrections are not zero."""
    random = np.random.default_rng(seed)
    model.set_weights(
        [
            w + random.normal(scale=0.05, size=w.shape).astype(np.float32)
            for w in model.get_weights()
        ]
    )
    return model


def network(seed=0):
    """A W-Net whose first stage restores something, and whose second does nothing yet."""
    keras.utils.set_random_seed(seed)
    model = wnet(SIDE, **TINY)
    disturbed(model.get_layer("first_stage"), seed)
    return model


@pytest.mark.parametrize("dtype", ["float32", "mixed_bfloat16"])
@pytest.mark.parametrize("size", [32, 64])
def test_output_is_a_tile_whose_known_pixels_are_untouched(size, dtype):
    check_output(disturbed(wnet(size, dtype=dtype, **TINY)), size)


def test_untrained_second_stage_returns_what_the_first_restored():
    masked, masks = masked_tiles(SIDE)
    masked = np.where(masks == 1, 0.1 + 0.8 * masked, 0).astype(np.float32)
    restored, sharpened = wnet_stages(network()).predict_on_batch([masked, masks])
    np.testing.assert_allclose(sharpened, restored, atol=1e-5)


def test_both_stages_are_there_and_each_is_composited():
    masked, masks = masked_tiles(SIDE)
    model = disturbed(network())
    first = residual_unet(SIDE, **FIRST)
    first.set_weights(model.get_layer("first_stage").get_weights())
    restored, sharpened = wnet_stages(model).predict_on_batch([masked, masks])
    np.testing.assert_allclose(restored, first.predict_on_batch([masked, masks]), atol=1e-6)
    np.testing.assert_allclose(sharpened, model.predict_on_batch([masked, masks]), atol=1e-6)
    # The second sees the composite of the first and the mask, and nothing else.
    second = model.get_layer("second_stage")
    np.testing.assert_allclose(sharpened, second.predict_on_batch([restored, masks]), atol=1e-6)
    known = np.broadcast_to(masks == 1, masked.shape)
    np.testing.assert_array_equal(restored[known], masked[known])
    assert abs(sharpened - restored)[~known].min() > 0


def test_the_first_stage_is_frozen_in_a_saved_model_too(tmp_path):
    model = network()
    model.save(tmp_path / "wnet.keras")
    for one in (model, keras.saving.load_model(tmp_path / "wnet.keras")):
        trained = {id(v) for v in one.trainable_variables}
        assert trained == {id(v) for v in one.get_layer("second_stage").variables}


@pytest.mark.slow
def test_parameters_and_operations_are_those_of_both_stages():
    model = wnet()
    first, second = model.get_layer("first_stage"), model.get_layer("second_stage")
    assert first.count_params() == residual_unet().count_params()
    assert model.count_params() == first.count_params() + second.count_params()
    assert 500_000 < second.count_params() < 700_000
    parts = gflop_per_tile(residual_unet()), gflop_per_tile(second)
    assert gflop_per_tile(model) == pytest.approx(sum(parts))
    assert 0.25 < parts[1] < 0.35


def test_operations_of_a_second_stage_by_hand():
    model = wnet(SIDE, first=FIRST, filters=(5,), blocks=(1,))
    # At half resolution, 3 x 3 each: stem 16 -> 5, a block of 5 -> 5 twice, correction 5 -> 12.
    by_hand = 2 * (SIDE // 2) ** 2 * 9 * (16 * 5 + 2 * 5 * 5 + 5 * 12) / 1e9
    assert gflop_per_tile(model.get_layer("second_stage")) == pytest.approx(by_hand)


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        ({"size": 33}, "size"),
        ({"filters": (8, 8, 8, 8, 8), "blocks": (1, 1, 1, 1, 1)}, "size"),
        ({"blocks": (1, 1)}, "blocks"),
        ({"filters": ()}, "filters"),
        ({"first": {"filters": (8, 0), "blocks": (1, 1)}}, r"filters\[1\]"),
    ],
)
def test_wrong_arguments_of_either_stage_are_named(arguments, name):
    with pytest.raises(ValueError, match=f"^{name} "):
        wnet(**({"size": SIDE} | TINY | arguments))


@pytest.fixture(scope="module", autouse=True)
def short_trainings():
    with pytest.MonkeyPatch.context() as patch:
        # Averages of even so few steps, which then differ from the weights.
        patch.setattr(recipes, "_AVERAGED_PART", 1)
        patch.setattr(recipes, "_STEPS_PER_EXECUTION", 1)
        yield


@pytest.fixture(scope="module")
def tiles():
    return small_tiles()


def fit(tiles, model=None, **arguments):
    """A short training; returns history and model."""
    model = model or network()
    given = {"epochs": 4, "steps_per_epoch": 5, "verbose": 0, "recipe": SMALL} | arguments
    return fit_wnet(model, *tiles, **given), model


@pytest.fixture(scope="module")
def trained(tiles):
    return fit(tiles)


def validation_loss(model, images):
    truth = images / np.float32(255)
    masks = line_masks(len(truth), size=SIDE, seed=1)
    restored = model.predict_on_batch([truth * masks, masks])
    return float(keras.ops.convert_to_numpy(SharpnessLoss(1.0)(truth, restored)))


@pytest.mark.slow
def test_training_improves_the_second_stage_and_leaves_the_first_as_it_was(trained, tiles):
    history, model = trained
    untrained = network()
    for one, other in zip(
        model.get_layer("first_stage").get_weights(),
        untrained.get_layer("first_stage").get_weights(),
        strict=True,
    ):
        np.testing.assert_array_equal(one, other)
    best = min(row["val_loss"] for row in history)
    assert best < 0.99 * validation_loss(untrained, tiles[1])
    assert validation_loss(model, tiles[1]) == pytest.approx(best, rel=1e-5)


@pytest.mark.slow
def test_trained_models_load_in_a_fresh_process(trained, tmp_path):
    assert_loads_in_a_fresh_process(trained[1], tmp_path / "trained.keras")


@pytest.fixture(scope="module")
def stopped(tiles, tmp_path_factory):
    """The directory of a training that was stopped in its third epoch."""
    directory = tmp_path_factory.mktemp("stopped")
    with pytest.raises(KeyboardInterrupt):
        fit(tiles, directory=directory, callbacks=(StopAt(2, 3),))
    return directory


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "value"), [("first_stage", 1), ("recipe", OF_DISTANCE_1), ("seed", 1)]
)
def test_other_arguments_do_not_continue_a_stopped_training(name, value, tiles, tmp_path, stopped):
    model = network(seed=value) if name == "first_stage" else network()
    changed = {} if name == "first_stage" else {name: value}

    def train(directory):
        fit(tiles, model, directory=directory, **changed)

    assert_other_argument_is_refused(name, train, stopped, tmp_path)


@pytest.mark.slow
def test_stopped_training_continues_as_if_it_had_not(trained, tiles, tmp_path, stopped):
    shutil.copytree(stopped, tmp_path, dirs_exist_ok=True)
    assert_same_training(*fit(tiles, directory=tmp_path), *trained)
    kept = network(seed=1)
    kept.load_weights(tmp_path / "best.weights.h5")
    assert validation_loss(kept, tiles[1]) == pytest.approx(
        min(row["val_loss"] for row in trained[0]), rel=1e-5
    )


@pytest.mark.slow
def test_training_follows_the_loss_of_the_recipe_given(trained, tiles):
    history, model = fit(tiles, recipe=OF_DISTANCE_1)
    assert model.loss.distances == [1]
    assert [row["loss"] for row in history] != [row["loss"] for row in trained[0]]


@pytest.mark.slow
def test_a_critic_trains_the_second_stage_and_leaves_the_first_as_it_was(tiles, tmp_path):
    history, model = fit(tiles, recipe=AGAINST_A_CRITIC, epochs=2, directory=tmp_path)
    stages = [
        [each.get_layer(stage).get_weights() for stage in ("first_stage", "second_stage")]
        for each in (model, network())
    ]
    for one, other in zip(stages[0][0], stages[1][0], strict=True):
        np.testing.assert_array_equal(one, other)
    assert abs(stages[0][1][0] - stages[1][1][0]).max() > 1e-3
    assert all(0 <= row["discriminator_accuracy"] <= 1 for row in history)
    critic = patch_discriminator(SIDE)
    critic.load_weights(tmp_path / "discriminator.weights.h5")


@pytest.mark.slow
def test_a_training_against_a_critic_is_not_continued_behind_another_first_stage(tiles, tmp_path):
    arguments = {"recipe": AGAINST_A_CRITIC, "epochs": 2, "directory": tmp_path}
    with pytest.raises(KeyboardInterrupt):
        fit(tiles, callbacks=(StopAt(1, 1),), **arguments)
    with pytest.raises(ValueError, match="first_stage"):
        fit(tiles, network(seed=1), **arguments)


@pytest.mark.slow
def test_recipe_by_default_is_that_of_its_name(tiles):
    many = np.concatenate([tiles[0]] * 2), tiles[1]
    with pytest.MonkeyPatch.context() as patch:
        given = []
        patch.setattr(fitting, "fit_gan", lambda gan, *rest, **_: given.append((gan, *rest)))
        fit_wnet(network(), *many, epochs=1)
    gan, *_, recipe = given[0]
    assert recipe == RECIPES["wnet"] and isinstance(gan, InpaintingGAN)
    assert gan.discriminator.input_shape[0] == (None, SIDE, SIDE, 3)


@pytest.mark.parametrize(("recipe", "error"), [("best", ValueError), (None, TypeError)])
def test_what_is_no_recipe_is_refused(recipe, error, tiles):
    with pytest.raises(error, match="^recipe"):
        fit(tiles, recipe=recipe)


def test_a_network_of_one_stage_is_refused(tiles):
    with pytest.raises(ValueError, match="first_stage"):
        fit(tiles, residual_unet(SIDE, **FIRST))


def test_bad_images_are_refused(tiles):
    with pytest.raises(TypeError, match="^images"):
        fit((tiles[0] / 255, tiles[1]))
    with pytest.raises(ValueError, match="^validation_images"):
        fit((tiles[0], tiles[1][:, :8, :8]))
