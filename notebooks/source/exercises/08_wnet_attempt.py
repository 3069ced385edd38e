# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Exercises to 08 · The W-Net
#
# To be done after [notebook 08](../08_wnet_attempt.ipynb).

# %%
import numpy as np
from scipy.ndimage import uniform_filter

import eurosat_inpaint as ei

everything = ei.data.load_tiles("validation")
tiles = everything.images[ei.data.stratified_subset(everything.labels, 60)] / 255
masks = ei.masks.line_masks(60)
blurred = np.where(masks == 1, tiles, np.clip(uniform_filter(tiles, (0, 9, 9, 0)), 0, 1))

# %% [markdown]
# ## 1 · Write code: cheat a measure
#
# The gradient ratio asks whether a restoration is as sharp as the truth: 1 is right. `blurred`
# fails it. Bring it to between 0.9 and 1.1 without copying anything of the truth into the holes: add
# what you like there. You may ask the measure, `ei.metrics.gradient_ratio(tiles, answer, masks)`, as
# often as you like. Then see what the spectral peak makes of it.


# %% tags=["solution"]
def cheated(blurred, masks):
    """Tiles whose gradient ratio is about 1, and that are no better; known pixels stay."""
    ### BEGIN SOLUTION
    row, column = np.mgrid[:64, :64]
    board = ((row + column) % 2 * 2 - 1)[..., None]
    strengths = np.linspace(0, 0.1, 101)
    made = lambda strength: np.clip(blurred + strength * board * (1 - masks), 0, 1)  # noqa: E731
    ratios = [ei.metrics.gradient_ratio(tiles, made(strength), masks) for strength in strengths]
    return made(strengths[np.argmin(np.abs(np.array(ratios) - 1))])
    ### END SOLUTION


# %% tags=["check"]
answer = cheated(blurred, masks)
before, after = (ei.metrics.gradient_ratio(tiles, given, masks) for given in (blurred, answer))
known = masks[..., 0] == 1
assert np.array_equal(answer[known], blurred[known]), "known pixels must stay as they are"
assert 0.9 <= after <= 1.1, (
    f"the gradient ratio should be about 1; it was {before:.2f}, now {after:.2f}"
)
errors = [ei.metrics.mse(tiles, given, masks).mean() for given in (blurred, answer)]
assert errors[1] > errors[0], "this has come nearer to the truth, which is no cheat"
peak = ei.metrics.spectral_peak(tiles, answer)
print(f"gradient ratio {before:.2f} -> {after:.2f}, error x {errors[1] / errors[0]:.2f}")
print(f"spectral peak {ei.metrics.spectral_peak(tiles, blurred):.1f} -> {peak:.1f}")


# %% tags=["wrong"]
def cheated(blurred, masks):
    return blurred


# %% [markdown]
# ## 2 · Write code: a loss that sees sharpness
#
# Write the loss behind that measure: how far the mean strength of the differences from pixel to
# pixel, along rows and along columns, is from that of the truth. It must not ask *where* they are.


# %% tags=["solution"]
def sharpness_loss(tile, restored):
    """Absolute difference of the mean strength, rows and columns added; tiles (64, 64, 3)."""
    ### BEGIN SOLUTION
    return sum(
        abs(np.abs(np.diff(restored, axis=axis)).mean() - np.abs(np.diff(tile, axis=axis)).mean())
        for axis in (0, 1)
    )
    ### END SOLUTION


# %% tags=["check"]
tile = tiles[0]
assert np.isclose(sharpness_loss(tile, tile), 0), "the truth itself has no loss"
assert np.isclose(sharpness_loss(tile, tile[:, ::-1]), 0), (
    "mirrored it is as sharp as before: do not compare pixel by pixel"
)
grey = np.full_like(tile, 0.5)
strength = sum(np.abs(np.diff(tile, axis=axis)).mean() for axis in (0, 1))
assert np.isclose(sharpness_loss(tile, grey), strength), "a grey tile lacks all of it"


# %% tags=["wrong"]
def sharpness_loss(tile, restored):
    return sum(
        np.abs(np.diff(restored, axis=axis) - np.diff(tile, axis=axis)).mean() for axis in (0, 1)
    )
