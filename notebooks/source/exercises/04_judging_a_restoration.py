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
# # Exercises to 04 · Judging a restoration
#
# To be done after [notebook 04](../04_judging_a_restoration.ipynb).

# %%
import numpy as np

import eurosat_inpaint as ei

everything = ei.data.load_tiles("validation")
tiles = everything.images[ei.data.stratified_subset(everything.labels, 60)] / 255
masks = ei.masks.line_masks(60)

# %% [markdown]
# ## 1 · Write code: the error in the holes
#
# The series scores holes as follows: for each tile the mean of the squared error over its hole pixels
# and their three channels, then the mean over tiles. In `masks`, of shape (n, 64, 64, 1), 0 is a hole. A tile with many holes counts no more than one with
# few.


# %% tags=["solution"]
def error_in_holes(tiles, restored, masks):
    """A float."""
    ### BEGIN SOLUTION
    holes = 1 - masks
    squared = ((restored - tiles) ** 2 * holes).sum(axis=(1, 2, 3))
    return float(np.mean(squared / (3 * holes.sum(axis=(1, 2, 3)))))
    ### END SOLUTION


# %% tags=["check"]
uneven = masks.copy()
uneven[0, :, :60] = 1  # hardly a hole
restored = np.clip(tiles + np.linspace(0, 0.3, 60)[::-1, None, None, None], 0, 1)
expected = float(ei.metrics.mse(tiles, restored, uneven).mean())
answer = error_in_holes(tiles, restored, uneven)
pooled = ((restored - tiles) ** 2)[uneven[..., 0] == 0].mean()
assert not np.isclose(answer, pooled), "that is the mean over pixels: first over each tile's holes"
assert np.isclose(answer, expected), (
    f"hole pixels only, all three channels: {expected:.6f}, got {answer:.6f}"
)


# %% tags=["wrong"]
def error_in_holes(tiles, restored, masks):
    return float(((restored - tiles) ** 2)[masks[..., 0] == 0].mean())


# %% [markdown]
# ## 2 · What is wrong with "0.893 > 0.88"?
#
# The original's GAN reached an "accuracy" of 0.88: how often the strongest channel of a pixel is
# the right one. Somebody fills every hole with one colour per tile, gets 0.893, and concludes that
# the GAN is worse than no network at all.
#
# **Predict:** what has to be known of the two numbers before they may be compared? Then write the
# function that computes both kinds, for the same predictions, and look how far they are apart.
#
# <details><summary>Answer</summary>
#
# Whether the known pixels were put back. 0.88 was raw: the network had to answer for every pixel.
# 0.893 counts known pixels as right, for nothing. One colour per tile has 0.837 when it is scored
# as the GAN was, which is *less* than 0.88.
# </details>


# %% tags=["solution"]
def accuracies(tiles, predictions, masks):
    """The accuracy of the strongest channel: raw, and with the known pixels put back."""
    ### BEGIN SOLUTION
    composites = np.where(masks == 1, tiles, predictions)
    strongest = tiles.argmax(axis=-1)
    return tuple(
        float(np.mean(given.argmax(axis=-1) == strongest)) for given in (predictions, composites)
    )
    ### END SOLUTION


# %% tags=["check"]
known = masks.sum(axis=(1, 2), keepdims=True)
one_colour = np.broadcast_to((tiles * masks).sum((1, 2), keepdims=True) / known, tiles.shape)
raw, composited = accuracies(tiles, one_colour, masks)
strongest = tiles.argmax(axis=-1)
expected = np.mean(one_colour.argmax(axis=-1) == strongest)
assert np.isclose(raw, expected), f"raw: over all pixels of the prediction; {expected:.3f}"
assert composited > raw, "known pixels that are put back are right, so this one is higher"
gained = np.mean((one_colour.argmax(axis=-1) != strongest) & (masks[..., 0] == 1))
assert np.isclose(composited - raw, gained), "it gains what was wrong where pixels are known"
print(f"one colour per tile: raw {raw:.3f}, with the known pixels put back {composited:.3f}")


# %% tags=["wrong"]
def accuracies(tiles, predictions, masks):
    right = predictions.argmax(axis=-1) == tiles.argmax(axis=-1)
    return float(right[masks[..., 0] == 0].mean()), float(right.mean())
