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
# # Exercises to 11 · Whole scenes
#
# To be done after [notebook 11](../11_whole_scenes.ipynb). NumPy is enough here.

# %%
import numpy as np

# %% [markdown]
# ## 1 · Write code: windows on one grid
#
# A scene is restored window by window, and chunk by chunk. Where windows begin must not depend on
# the chunk, or else another chunking gives other pixels. Windows have 64 pixels and begin at
# multiples of 32. Which ones touch the pixels from `start` up to, but without, `stop`?


# %% tags=["solution"]
def window_starts(start, stop):
    """Sorted list of the multiples of 32, from -32 on, whose windows touch this range."""
    ### BEGIN SOLUTION
    first = (start - 63 + 31) // 32 * 32
    return list(range(first, stop, 32))
    ### END SOLUTION


# %% tags=["check"]
assert window_starts(0, 1) == [-32, 0], "the window from -32 to 31 touches pixel 0 as well"
assert window_starts(40, 41) == [0, 32], "only these two hold pixel 40"
assert all(start % 32 == 0 for start in window_starts(100, 200)), (
    "they must lie on one grid for the whole scene, not begin with the chunk"
)
chunks = [window_starts(start, start + 50) for start in range(0, 500, 50)]
whole = window_starts(0, 500)
assert sorted(set(sum(chunks, []))) == whole, "any chunks must meet the same windows"


# %% tags=["wrong"]
def window_starts(start, stop):
    return list(range(start, stop, 32))


# %% [markdown]
# ## 2 · Write code: blend what overlaps
#
# Windows overlap, and each counts by a weight per pixel. Blend them. Where all weights are 0 no
# window knows anything: such a pixel is NaN, so that nobody takes it for restored. Nowhere divide by
# 0.


# %% tags=["solution"]
def blended(windows, weights):
    """Weighted mean over the first axis; both of shape (windows, height, width)."""
    ### BEGIN SOLUTION
    total = weights.sum(axis=0)
    sums = (windows * weights).sum(axis=0)
    return np.where(total > 0, sums / np.where(total > 0, total, 1), np.nan)
    ### END SOLUTION


# %% tags=["check"]
windows = np.stack([np.full((2, 2), 0.2), np.full((2, 2), 0.8)])
weights = np.array([[[1.0, 3.0], [0.0, 0.0]], [[1.0, 1.0], [2.0, 0.0]]])
with np.errstate(all="raise"):
    answer = blended(windows, weights)
assert np.isclose(answer[0, 0], 0.5), "equal weights give the mean"
assert np.isclose(answer[0, 1], 0.35), "weights of 3 and 1 give (3 x 0.2 + 0.8) / 4"
assert np.isclose(answer[1, 0], 0.8), "a weight of 0 does not count"
assert np.isnan(answer[1, 1]), "where nothing counts the pixel stays unknown"


# %% tags=["wrong"]
def blended(windows, weights):
    return (windows * weights).sum(axis=0) / np.maximum(weights.sum(axis=0), 1e-9)
