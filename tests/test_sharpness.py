"""Sharpness, against loops and waves of known frequency."""

import numpy as np
import pytest

from eurosat_inpaint.masks import line_masks
from eurosat_inpaint.sharpness import gradient_ratio, gradient_sums, radial_power
from eurosat_inpaint.synthetic import synthetic_tiles


@pytest.fixture(scope="module")
def tiles():
    return synthetic_tiles(12, seed=5)[0], line_masks(12, seed=5)


def test_gradients_count_where_both_pixels_are_holes(tiles):
    images, masks = tiles[0][:2], tiles[1][:2]
    expected = np.zeros(2)
    for n, row, column in np.argwhere(masks[..., 0] == 0):
        for other in ((row + 1, column), (row, column + 1)):
            if max(other) < 64 and masks[n][other] == 0:
                change = images[n][other].astype(float) - images[n, row, column]
                expected[n] += np.abs(change).sum() / 255
    assert gradient_sums(images, masks) == pytest.approx(expected, rel=1e-5)
    assert gradient_sums(images / 255, masks) == pytest.approx(expected, rel=1e-6)


def test_ratio_of_a_tile_to_itself_is_1_and_of_half_the_contrast_a_half(tiles):
    images, masks = tiles
    whole = images / 255
    assert gradient_ratio(whole, whole, masks) == 1
    assert gradient_ratio(whole, 0.25 + whole / 2, masks) == pytest.approx(0.5)
    assert gradient_ratio(whole, np.full_like(whole, 0.5), masks) == 0


def test_known_pixels_do_not_count(tiles):
    images, masks = tiles
    noise = np.random.default_rng(0).random(images.shape)
    assert gradient_ratio(images, np.where(masks == 1, noise, images / 255), masks) == (
        pytest.approx(1)
    )


def test_a_wave_has_its_power_at_its_frequency():
    place = (np.arange(64) + 0.5) / 64
    for cycles in (1, 5, 20):
        wave = 0.5 + 0.3 * np.cos(2 * np.pi * cycles * place)
        images = np.broadcast_to(wave[None, None, :, None], (1, 64, 64, 3))
        power = radial_power(images)
        assert power.shape == (31,)
        assert power.argmax() == cycles - 1
        assert np.delete(power, cycles - 1).max() < 1e-12 * power.max()


def test_power_of_noise_is_flat_and_is_its_variance():
    noise = 0.5 + 0.1 * np.random.default_rng(1).standard_normal((1000, 64, 64, 1))
    power = radial_power(noise)
    # The first ring holds four waves: its standard error is sqrt(2 / 4000), 2.2 %.
    assert power == pytest.approx(np.full(31, 0.01), rel=0.08)


def test_bad_input_is_refused(tiles):
    images, masks = tiles
    with pytest.raises(ValueError, match="masks must have shape"):
        gradient_sums(images, masks[:3])
    with pytest.raises(ValueError, match="masks must hold only 0"):
        gradient_sums(images, 0.5 * masks)
    with pytest.raises(ValueError, match="must not be flat"):
        gradient_ratio(np.full_like(images, 7), images, masks)
    with pytest.raises(ValueError, match=r"images must have shape \(n, side, side, 3\)"):
        radial_power(images[:, :32])
