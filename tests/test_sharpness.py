"""Sharpness, against loops and waves of known frequency."""

import numpy as np
import pytest

from eurosat_inpaint.data import synthetic_tiles
from eurosat_inpaint.masks import line_masks
from eurosat_inpaint.metrics import gradient_ratio, gradient_sums, radial_power


@pytest.fixture(scope="module")
def tiles():
    return synthetic_tiles(12, seed=5)[0], line_masks(12, seed=5)


def test_gradients_count_where_both_pixels_are_holes(tiles):
    images, masks = tiles[0][:2] / 255, tiles[1][:2]
    expected = np.zeros(2)
    for n, row, column in np.argwhere(masks[..., 0] == 0):
        for other in ((row + 1, column), (row, column + 1)):
            if max(other) < 64 and masks[n][other] == 0:
                expected[n] += np.abs(images[n][other] - images[n, row, column]).sum()
    assert gradient_sums(images, masks) == pytest.approx(expected, rel=1e-6)
    assert gradient_sums(tiles[0][:2], masks) == pytest.approx(expected, rel=1e-5)
    as_float32 = gradient_sums(images.astype(np.float32), masks)
    assert as_float32 == pytest.approx(expected, rel=1e-5)


def test_ratio_of_a_tile_to_itself_is_1_and_of_half_the_contrast_a_half(tiles):
    images, masks = tiles
    whole = images / 255
    assert gradient_ratio(whole, whole, masks) == 1
    assert gradient_ratio(whole, 0.25 + whole / 2, masks) == pytest.approx(0.5)
    assert gradient_ratio(whole, np.full_like(whole, 0.5), masks) == 0


def test_ratio_of_bytes_and_floats_is_the_same(tiles):
    images, masks = tiles
    halved = images // 2
    expected = gradient_ratio(images / 255, halved / 255, masks)
    assert gradient_ratio(images, halved, masks) == pytest.approx(expected, rel=1e-5)
    assert gradient_ratio(images / 255, halved, masks) == pytest.approx(expected, rel=1e-5)


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
    noise = np.random.default_rng(1).uniform(0.3, 0.7, (1000, 64, 64, 1))
    power = radial_power(np.broadcast_to(noise, (1000, 64, 64, 3)))
    # The first ring holds four waves: its standard error is sqrt(2 / 4000), 2.2 %.
    assert power == pytest.approx(np.full(31, 0.4**2 / 12), rel=0.08)


def test_power_of_bytes_and_floats_is_the_same(tiles):
    assert radial_power(tiles[0]) == pytest.approx(radial_power(tiles[0] / 255), rel=1e-5)


def with_value(value):
    images = np.full((2, 16, 16, 3), 0.5)
    images[1, 3, 4, 2] = value
    return images


@pytest.mark.parametrize("value", [-0.01, 1.01, np.nan])
def test_values_outside_0_to_1_are_refused(value):
    good, bad = np.random.default_rng(2).random((2, 16, 16, 3)), with_value(value)
    masks = line_masks(2, size=16, lines=1)
    for measure in (radial_power, lambda images: gradient_sums(images, masks)):
        with pytest.raises(ValueError, match="^images "):
            measure(bad)
    with pytest.raises(ValueError, match="^tiles "):
        gradient_ratio(bad, good, masks)
    with pytest.raises(ValueError, match="^restored "):
        gradient_ratio(good, bad, masks)


def test_bad_shapes_and_masks_are_refused(tiles):
    images, masks = tiles
    whole = masks.copy()
    whole[3] = 1
    for bad, message in (
        (masks[:3], "masks must have shape"),
        (0.5 * masks, "masks must hold only 0"),
        (whole, "masks must each have at least one hole"),
    ):
        with pytest.raises(ValueError, match=message):
            gradient_ratio(images, images, bad)
        with pytest.raises(ValueError, match=message):
            gradient_sums(images, bad)
    with pytest.raises(ValueError, match="^restored "):
        gradient_ratio(images, images[:3], masks)
    with pytest.raises(ValueError, match="must not be flat"):
        gradient_ratio(np.full_like(images, 7), images, masks)
    with pytest.raises(ValueError, match="^images "):
        radial_power(images[:, :32])
    with pytest.raises(ValueError, match="^images "):
        radial_power(images[..., :1])
