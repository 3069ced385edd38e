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
# # Exercises to 09 · Comparison
#
# To be done after [notebook 09](../09_comparison.ipynb).

# %%
import numpy as np
from scipy.fft import dctn

import eurosat_inpaint as ei

everything = ei.data.load_tiles("validation")
images = everything.images[ei.data.stratified_subset(everything.labels, 80)]
masks = ei.masks.line_masks(80)
tiles = images / 255
restored = ei.inpaint(tiles, masks)

# %% [markdown]
# ## 1 · Write code: train a referee
#
# Can one tell blurred patches from true ones? Fit a linear classifier to the logarithm of the
# power of each patch's cosine transform: ones for restored, zeros for true, by least squares. It
# is judged on patches that it has not seen, of tiles that were blurred; then it is asked about what
# the U-Net restored.


# %% tags=["solution"]
def trained_referee(true, restored):
    """A function from patches (n, 12, 12) to scores, higher for restored ones."""

    ### BEGIN SOLUTION
    def features(patches):
        power = np.log(dctn(patches, axes=(1, 2), norm="ortho") ** 2 + 1e-8).reshape(-1, 144)
        return np.column_stack([power, np.ones(len(power))])

    inputs = np.concatenate([features(true), features(restored)])
    wanted = np.repeat([0.0, 1.0], [len(true), len(restored)])
    weights = np.linalg.lstsq(inputs, wanted, rcond=None)[0]
    return lambda patches: features(patches) @ weights
    ### END SOLUTION


# %% tags=["check"]
def patches_of(pictures):
    grey = pictures.mean(axis=-1)
    corners = range(0, 53, 8)
    return np.concatenate([grey[:, r : r + 12, c : c + 12] for r in corners for c in corners])


half = slice(0, 80, 2), slice(1, 80, 2)  # every class in both
blurred = np.stack([picture.mean(axis=-1, keepdims=True) for picture in restored])
blurred = (blurred + np.roll(blurred, 1, 1) + np.roll(blurred, 1, 2)) / 3
referee = trained_referee(patches_of(tiles[half[0]]), patches_of(blurred[half[0]]))
scores = [referee(patches_of(pictures[half[1]])) for pictures in (tiles, blurred)]
right = (np.mean(scores[0] < 0.5) + np.mean(scores[1] > 0.5)) / 2
assert scores[0].shape == (40 * 49,), "one score for each patch"
assert right > 0.8, f"a blur should be found in more than 80 % of the patches, got {right:.0%}"
of_unet = np.mean(referee(patches_of(restored[half[1]])) > 0.5)
print(f"right in {right:.0%} of the patches; takes {of_unet:.0%} of the U-Net's for blurred")


# %% tags=["wrong"]
def trained_referee(true, restored):
    threshold = (true.mean() + restored.mean()) / 2
    return lambda patches: (patches.mean(axis=(1, 2)) > threshold).astype(float)


# %% [markdown]
# ## 2 · Change a parameter: a mask that the network fails on
#
# Nine lines leave about 36 % of a tile. Find a mask that leaves at least as much and on which the
# U-Net errs at least one and a half times as much. What do the holes of such a mask have in
# common?
#
# <details><summary>Answer</summary>
#
# They are far from everything known. On the same tiles the distance to the nearest known pixel counts
# for more than how *much* is missing.
# </details>


# %% tags=["solution"]
def hard_mask():
    """A mask of at least 36 % known pixels: float32 (1, 64, 64, 1), 1 = known."""
    ### BEGIN SOLUTION
    mask = np.zeros((1, 64, 64, 1), np.float32)
    mask[:, :, :24] = 1
    return mask
    ### END SOLUTION


# %% tags=["check"]
mask = hard_mask()
assert mask.shape == (1, 64, 64, 1) and set(np.unique(mask)) <= {0, 1}, "0 and 1, (1, 64, 64, 1)"
assert mask.mean() >= 0.36, f"at least 36 % must be known, got {mask.mean():.1%}"
hard = np.repeat(mask, 80, axis=0)
usual = ei.metrics.mse(tiles, restored, masks).mean()
error = ei.metrics.mse(tiles, ei.inpaint(tiles, hard), hard).mean()
assert error >= 1.5 * usual, f"its error is only {error / usual:.1f} times that on nine lines"
print(f"{mask.mean():.0%} known, and {error / usual:.1f} times the error")


# %% tags=["wrong"]
def hard_mask():
    return ei.masks.make("random_pixels", 1, coverage=0.36)
