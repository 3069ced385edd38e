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
# # Exercises to 03 · Filling without learning
#
# To be done after [notebook 03](../03_filling_without_learning.ipynb).

# %%
import numpy as np

import eurosat_inpaint as ei

everything = ei.data.load_tiles("validation")
tiles = everything.images[ei.data.stratified_subset(everything.labels, 20)] / 255
masks = ei.masks.line_masks(20)
masked = tiles * masks

# %% [markdown]
# ## Predict
#
# Copying the nearest known pixel, or filling in the tile's mean colour: which has the lower
# squared error at a pixel whose nearest known one is correlated with it by 0.3? (a) The mean. (b)
# The copy. (c) They are equal.
#
# <details><summary>Answer</summary>
#
# **(a)**: a copy costs 2 (1 - 0.3) = 1.4 variances, the mean costs one. Copying pays above a
# correlation of one half. **(b)** takes any correlation for an advantage. **(c)** holds at exactly
# one half.
# </details>
#
# ## 1 · Write code: the mean colour
#
# Fill the holes of every tile with the mean colour of *its* known pixels.


# %% tags=["solution"]
def fill_with_mean(masked, masks):
    """Filled tiles (n, 64, 64, 3); known pixels stay."""
    ### BEGIN SOLUTION
    known = masks.sum(axis=(1, 2), keepdims=True)
    colours = (masked * masks).sum(axis=(1, 2), keepdims=True) / known
    return np.where(masks == 1, masked, colours)
    ### END SOLUTION


# %% tags=["check"]
filled = fill_with_mean(masked, masks)
known = masks[..., 0] == 1
assert np.array_equal(filled[known], masked[known]), "known pixels must stay as they are"
colours = [tile[mask[..., 0] == 1].mean(axis=0) for tile, mask in zip(tiles, masks)]
darker = filled[0][masks[0, ..., 0] == 0].mean() < 0.9 * np.mean(colours[0])
assert not darker, "too dark: holes are 0, and must not be averaged over"
holes = [tile[mask[..., 0] == 0] for tile, mask in zip(filled, masks)]
assert all(np.allclose(some, colour) for some, colour in zip(holes, colours)), (
    "each tile has a mean colour of its own, channel by channel"
)


# %% tags=["wrong"]
def fill_with_mean(masked, masks):
    return np.where(masks == 1, masked, masked.mean(axis=(1, 2), keepdims=True))


# %% [markdown]
# ## 2 · Write code: one step of push-pull
#
# Halve a tile: each coarse pixel is the mean of the *known* ones among the four under it, and the
# coarse mask says which fraction of the four was known. Where none was, the colour is 0.


# %% tags=["solution"]
def pull(tile, known):
    """Colours (32, 32, 3) and fractions (32, 32, 1) of a tile (64, 64, 3) and its mask."""
    ### BEGIN SOLUTION
    fours = (tile * known).reshape(32, 2, 32, 2, 3).sum(axis=(1, 3))
    counts = known.reshape(32, 2, 32, 2, 1).sum(axis=(1, 3))
    return fours / np.maximum(counts, 1), counts / 4
    ### END SOLUTION


# %% tags=["check"]
tile, known = np.full((64, 64, 3), 0.6), np.zeros((64, 64, 1))
known[::2, ::2] = 1
known[:2, :2] = 0
colours, fractions = pull(np.where(known == 1, tile, 0.9), known)
shapes = colours.shape, fractions.shape
assert shapes == ((32, 32, 3), (32, 32, 1)), f"(32, 32, 3) and (32, 32, 1), got {shapes}"
assert np.allclose(fractions[1:], 0.25), "one of four is known, so the fraction is a quarter"
assert np.allclose(colours[1:], 0.6), (
    "only known pixels count, and are divided by how many they are"
)
assert np.isfinite(colours).all() and (colours[0, 0] == 0).all(), "where none is known: 0, not NaN"


# %% tags=["wrong"]
def pull(tile, known):
    fours = (tile * known).reshape(32, 2, 32, 2, 3).mean(axis=(1, 3))
    return fours, known.reshape(32, 2, 32, 2, 1).mean(axis=(1, 3))
