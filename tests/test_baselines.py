"""Classical fills: what they keep, what they refuse, and their order on real tiles."""

import sys
from functools import lru_cache

import numpy as np
import pytest

from eurosat_inpaint import baselines, data
from eurosat_inpaint.masks import line_masks

FROM_BEST = ["push_pull", "navier_stokes", "telea", "nearest", "mean"]
every_fill = pytest.mark.parametrize("fill", baselines.FILLS.values(), ids=baselines.FILLS)


@pytest.fixture(scope="module")
def tiles():
    return np.random.default_rng(0).random((3, 64, 64, 3), np.float32)


@pytest.fixture(scope="module")
def mask():
    return line_masks(3)


@every_fill
def test_known_pixels_are_bit_identical_and_holes_in_range(tiles, mask, fill):
    filled = fill(tiles * mask, mask)
    known = np.broadcast_to(mask == 1, tiles.shape)
    assert filled.shape == tiles.shape and filled.dtype == np.float32
    assert filled.min() >= 0 and filled.max() <= 1
    np.testing.assert_array_equal(filled[known], tiles[known])
    assert (filled[~known] != 0).any()


@every_fill
def test_a_tile_is_filled_alike_whatever_is_beside_it(tiles, mask, fill):
    together = fill(tiles * mask, mask)
    alone = fill(tiles[1:2] * mask[1:2], mask[1:2])
    np.testing.assert_allclose(together[1:2], alone, atol=1e-6)


@every_fill
def test_what_stands_in_the_holes_is_ignored(tiles, mask, fill):
    noisy = np.where(mask == 1, tiles, np.float32("nan"))
    np.testing.assert_array_equal(fill(noisy, mask), fill(tiles * mask, mask))


@pytest.mark.parametrize("name", ["mean", "nearest", "push_pull"])
def test_averages_stay_between_the_extremes_of_what_is_known(tiles, mask, name):
    tiles = 0.3 + 0.4 * tiles
    filled = baselines.FILLS[name](tiles * mask, mask)
    for tile, known, whole in zip(tiles, mask[..., 0] == 1, filled, strict=True):
        assert (whole >= tile[known].min(axis=0) - 1e-6).all()
        assert (whole <= tile[known].max(axis=0) + 1e-6).all()


@every_fill
def test_a_whole_tile_comes_back_as_it_is(tiles, fill):
    np.testing.assert_array_equal(fill(tiles, np.ones((3, 64, 64, 1), np.float32)), tiles)


@every_fill
def test_bad_input_is_named(tiles, mask, fill):
    masked = tiles * mask
    with_nan = np.where(mask == 1, np.float32("nan"), masked)
    nothing_known = mask.copy()
    nothing_known[1] = 0
    for arguments, message in [
        ((masked, mask * 0.5), "mask must hold only 0"),
        ((masked, mask[:2]), "mask must have shape"),
        ((masked, mask[..., 0]), "mask must have shape"),
        ((masked[0], mask), "masked must have shape"),
        ((masked[..., :1], mask), "masked must have shape"),
        ((masked, nothing_known), "mask must .* known pixel"),
        ((with_nan, mask), "masked must lie in"),
        ((masked * 255, mask), "masked must lie in"),
    ]:
        with pytest.raises(ValueError, match=message):
            fill(*arguments)


@pytest.mark.parametrize("fill", [baselines.telea, baselines.navier_stokes])
def test_without_opencv_the_extra_is_named(tiles, mask, fill, monkeypatch):
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(ImportError, match=r"eurosat-inpaint\[baselines\]"):
        fill(tiles * mask, mask)


@pytest.fixture
def real_errors(isolation):
    """MSE over each validation tile, by fill; after ``isolation`` had its chance to skip."""
    return measured_on_real_tiles()


@lru_cache(maxsize=1)
def measured_on_real_tiles():
    images = data.load_tiles("validation").images.astype(np.float32) / 255
    masks = line_masks(len(images), seed=0)
    return {
        name: ((baselines.FILLS[name](images * masks, masks) - images) ** 2).mean(axis=(1, 2, 3))
        for name in FROM_BEST
    }


@pytest.mark.slow
@pytest.mark.real_tiles
def test_order_on_real_tiles(real_errors):
    for better, worse in zip(FROM_BEST, FROM_BEST[1:], strict=False):
        difference = real_errors[worse] - real_errors[better]
        half_width = 1.96 * difference.std(ddof=1) / np.sqrt(len(difference))
        assert difference.mean() > half_width, (better, worse)


@pytest.mark.slow
@pytest.mark.real_tiles
def test_error_of_push_pull_on_real_tiles(real_errors):
    assert 0.0032 < real_errors["push_pull"].mean() < 0.0035
