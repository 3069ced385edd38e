"""Referees: against known laws, and the admission of measures that no pattern can win."""

import os
from functools import cache, partial

import numpy as np
import pytest

from eurosat_inpaint import pretrained
from eurosat_inpaint.data import load_tiles, stratified_subset, synthetic_tiles
from eurosat_inpaint.masks import line_masks
from eurosat_inpaint.metrics import (
    kernel_distance,
    land_cover_features,
    referee_accuracy,
    spectral_peak,
)

SIDE = 24


def grey_noise(deviations, seed):
    """Tiles of white noise, the same in all channels, and masks without a known pixel."""
    random = np.random.default_rng(seed)
    noise = random.standard_normal((len(deviations), SIDE, SIDE, 1))
    tiles = 0.5 + noise * np.reshape(deviations, (-1, 1, 1, 1))
    return np.repeat(tiles.clip(0, 1), 3, axis=-1)


def all_hole(tiles):
    return np.zeros((*tiles.shape[:3], 1))


def test_peak_is_that_of_the_strongest_waves():
    """Against the transform written out as sums of cosines."""
    random = np.random.default_rng(0)
    tiles, restored = random.random((2, 5, 16, 16, 3))
    k, x = np.arange(16)[:, None], np.arange(16)
    waves = np.cos(np.pi * (x + 0.5) * k / 16) * np.where(k == 0, 1, np.sqrt(2)) / 4
    ratio = 1.0
    for power, images in ((1, restored), (-1, tiles)):
        coefficients = [waves @ image.mean(axis=-1) @ waves.T for image in images]
        ratio *= np.mean(np.square(coefficients), axis=0) ** power
    assert spectral_peak(tiles, restored) == pytest.approx(np.percentile(ratio, 99.5))
    assert spectral_peak(tiles, tiles) == 1


def test_peak_of_half_the_contrast_is_a_quarter_and_the_same_for_bytes():
    images = synthetic_tiles(20, seed=0)[0]
    halved = images.astype(float) / 510
    assert spectral_peak(images, halved) == pytest.approx(0.25, rel=1e-5)
    assert spectral_peak(images, images // 2) == pytest.approx(
        spectral_peak(images / 255, (images // 2) / 255), rel=1e-5
    )


def test_peak_of_flat_tiles_is_refused():
    flat = np.full((2, 16, 16, 3), 0.5)
    with pytest.raises(ValueError, match="^tiles must hold some of every wave"):
        spectral_peak(flat, flat)


@pytest.mark.parametrize("kind", ["linear", pytest.param("convolutional", marks=pytest.mark.slow)])
def test_referee_of_equal_patches_guesses_and_of_other_patches_is_right(kind):
    tiles, other = (grey_noise(np.full(60, 0.1), seed) for seed in (0, 1))
    masks = all_hole(tiles)
    assert referee_accuracy(tiles, tiles, masks, kind) == pytest.approx(0.5, abs=0.01)
    assert referee_accuracy(tiles, other, masks, kind) == pytest.approx(0.5, abs=0.06)
    assert referee_accuracy(tiles, 0.5 + (tiles - 0.5) / 3, masks, kind) > 0.98


def test_linear_referee_is_as_right_as_the_best_there_is():
    """Patches of noise whose strength varies, twice as strong in the mean: best is a threshold."""
    random = np.random.default_rng(2)
    spread = np.exp(0.6 * random.standard_normal((2, 800)))
    strengths = 0.02 * spread * [[1], [2]]
    tiles, restored = (
        grey_noise(strength, seed) for seed, strength in enumerate(strengths, start=3)
    )
    found = referee_accuracy(tiles, restored, all_hole(tiles))
    # Two normal laws of log strength, 0.693 apart; of a patch it is known almost exactly.
    assert found == pytest.approx(0.718, abs=0.02)


def test_referee_sees_no_more_than_8_bits_and_grey():
    tiles = synthetic_tiles(60, seed=0)[0]
    masks = line_masks(60, seed=0)
    restored = tiles / 255 + np.random.default_rng(0).uniform(-0.4, 0.4, tiles.shape) / 255
    assert referee_accuracy(tiles, restored.clip(0, 1), masks) == pytest.approx(0.5, abs=0.01)
    assert referee_accuracy(tiles, tiles[..., ::-1], masks) == pytest.approx(0.5, abs=0.01)


def test_referee_is_the_same_again():
    tiles = synthetic_tiles(60, seed=0)[0]
    masks, restored = line_masks(60, seed=0), tiles // 2 + 60
    assert referee_accuracy(tiles, restored, masks) == referee_accuracy(tiles, restored, masks)


def test_what_leaves_no_patches_is_refused():
    tiles = synthetic_tiles(4, seed=0)[0]
    masks = np.ones((4, 64, 64, 1))
    with pytest.raises(ValueError, match="^masks must leave patches of 12 x 12 pixels"):
        referee_accuracy(tiles, tiles, masks)
    masks[::2] = 0
    with pytest.raises(ValueError, match="^masks must leave patches"):
        referee_accuracy(tiles, tiles, masks)
    with pytest.raises(ValueError, match="^kind must be one of"):
        referee_accuracy(tiles, tiles, masks, "strict")


# What is put into the holes of true tiles, by the name of the pattern, at a strength from 0 to 1.
def with_stripes(tiles, strength):
    row, column = np.mgrid[:64, :64]
    stripes = np.sign(np.sin(2 * np.pi * (row + column) / 6 + 0.1))
    return tiles + 0.05 * strength * stripes[..., None]


def with_chessboard(tiles, strength):
    row, column = np.mgrid[:64, :64]
    return tiles + 0.05 * strength * (2 * ((row + column) % 2) - 1)[..., None]


def with_noise(tiles, strength):
    noise = np.random.default_rng(1).standard_normal(tiles.shape)
    return tiles + 0.05 * strength * noise


def with_patches_of_others(tiles, strength):
    random = np.random.default_rng(1)
    others = tiles[random.permutation(len(tiles))]
    chosen = np.kron(random.random((len(tiles), 8, 8)) < strength / 2, np.ones((8, 8), bool))
    return np.where(chosen[..., None], others, tiles)


@cache
def true_tiles():
    """Of real tiles, where there are any; the same 300 for every pattern, and their masks."""
    source = "auto" if os.environ.get("EUROSAT_INPAINT_DATA") else "synthetic"
    every = load_tiles("train", source=source)
    return every[stratified_subset(every.labels, 300)].images / 255, line_masks(300, seed=0)


def kernel_distance_by(classifier, layer):
    load = cache(pretrained.load)
    features_of_truth = cache(lambda: land_cover_features(load(classifier), true_tiles()[0], layer))

    def measure(tiles, restored, masks):
        features = land_cover_features(load(classifier), restored, layer)
        return kernel_distance(features_of_truth(), features).mean()

    return measure


ADMITTED = {
    "spectral peak": lambda tiles, restored, masks: spectral_peak(tiles, restored),
    "linear referee": referee_accuracy,
    "convolutional referee": partial(referee_accuracy, kind="convolutional"),
    "kernel distance": kernel_distance_by("classifier", "features"),
    "kernel distance, early layer": kernel_distance_by("classifier", "stage_2_relu"),
    "kernel distance, second classifier": kernel_distance_by("second_classifier", "features"),
}
STRENGTHS = (0.1, 0.2, 0.4)


@cache
def unspoilt(name):
    """What a measure says of the true tiles themselves."""
    tiles, masks = true_tiles()
    return ADMITTED[name](tiles, tiles, masks)


@pytest.mark.slow
@pytest.mark.parametrize(
    "pattern", [with_stripes, with_chessboard, with_noise, with_patches_of_others]
)
def test_measures_are_admitted_that_rise_with_every_pattern(pattern):
    """What enters a table beside the squared error must not be served by a pattern."""
    tiles, masks = true_tiles()
    spoilt = [
        np.where(masks == 1, tiles, pattern(tiles, strength).clip(0, 1)) for strength in STRENGTHS
    ]
    for name, measure in ADMITTED.items():
        scores = [measure(tiles, pictures, masks) for pictures in spoilt]
        scores = np.array([unspoilt(name), *scores])
        # A referee that is right 99 times in a hundred has no more to rise.
        at_the_top = "referee" in name and scores[1:] > 0.99
        assert np.all((np.diff(scores) > 0) | at_the_top), (name, scores)
