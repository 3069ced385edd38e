"""Masked tiles for networks, and what every inpainting network promises of its output."""

import numpy as np

from eurosat_inpaint.masks import line_masks


def masked_tiles(size=64, n=3, seed=0):
    """Random masked tiles, with channel values of 0 and 1 among them, and their masks."""
    tiles = np.random.default_rng(seed).random((n, size, size, 3), np.float32)
    tiles[:, ::5, ::3, 0], tiles[:, ::3, ::5, 1] = 0, 1
    masks = line_masks(n, size=size, seed=seed)
    return tiles * masks, masks


def check_output(model, size):
    masked, masks = masked_tiles(size)
    one_input = len(model.inputs) == 1
    whole = model.predict_on_batch(masked if one_input else [masked, masks])
    assert whole.shape == (3, size, size, 3) and whole.dtype == np.float32
    assert whole.min() >= 0 and whole.max() <= 1
    known = np.broadcast_to(masks == 1, whole.shape)
    np.testing.assert_array_equal(whole[known], masked[known])
    # A sigmoid never gives 0: holes were filled.
    assert whole[~known].min() > 0
