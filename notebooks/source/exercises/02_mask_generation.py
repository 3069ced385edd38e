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
# # Exercises to 02 · Masks
#
# To be done after [notebook 02](../02_mask_generation.ipynb).

# %%
import numpy as np

# %% [markdown]
# ## Predict
#
# The original drew its lines with `thickness = np.random.randint(2, 3)`. Which thicknesses come
# up? (a) 2 and 3, each half of the time. (b) 2 only. (c) Numbers between 2 and 3.
#
# <details><summary>Answer</summary>
#
# **(b)**: the upper bound is excluded. **(a)** holds for Python's own `random.randint`. **(c)**
# would be `uniform`.
# </details>
#
# ## 1 · Write code: what was meant
#
# Draw thicknesses that are 2 or 3 with equal chance, from the generator that is given.


# %% tags=["solution"]
def thicknesses(count, generator):
    """So many integers, each 2 or 3; ``generator`` is a ``numpy.random.Generator``."""
    ### BEGIN SOLUTION
    return generator.integers(2, 4, size=count)
    ### END SOLUTION


# %% tags=["check"]
drawn = thicknesses(2000, np.random.default_rng(0))
assert set(drawn.tolist()) == {2, 3}, f"only 2 and 3 were meant, got {sorted(set(drawn.tolist()))}"
assert 0.45 < np.mean(drawn == 3) < 0.55, "both should be equally likely"


# %% tags=["wrong"]
def thicknesses(count, generator):
    return generator.integers(2, 3, size=count)


# %% [markdown]
# ## 2 · Write code: a line
#
# Mark the pixels whose distance to the line from (row 0, `top`) to (row 63, `bottom`) is at most
# `half_width`. Distance is measured across the line, not along the row.


# %% tags=["solution"]
def line_mask(top, bottom, half_width):
    """A mask of one line: float32 (64, 64), 1 on the line."""
    ### BEGIN SOLUTION
    row, column = np.mgrid[:64, :64]
    slope = (bottom - top) / 63
    distance = abs(column - top - slope * row) / np.hypot(1, slope)
    return (distance <= half_width).astype(np.float32)
    ### END SOLUTION


# %% tags=["check"]
upright, slanted = line_mask(20, 20, 1), line_mask(0, 63, 1.5)
assert upright.shape == (64, 64) and upright.dtype == np.float32, "float32 of shape (64, 64)"
assert upright[:, 19:22].all() and upright.sum() == 3 * 64, "an upright line is 3 pixels wide here"
widths = slanted[20:40].sum(axis=1)
assert (widths == 5).all(), (
    f"across a line of 45 degrees half-width 1.5 is 5 pixels of a row, got {widths[0]}: "
    "measure across the line"
)


# %% tags=["wrong"]
def line_mask(top, bottom, half_width):
    row, column = np.mgrid[:64, :64]
    distance = abs(column - top - (bottom - top) / 63 * row)
    return (distance <= half_width).astype(np.float32)


# %% [markdown]
# ## 3 · Write code: the same masks again
#
# Training masks must be the same whenever a training is run. The original drew them from NumPy's
# global generator, which every other cell draws from too. Draw the columns of lines so that a seed
# alone decides, the first ones do not depend on how many are asked for, and nobody else's numbers
# change.


# %% tags=["solution"]
def columns(count, seed):
    """Top and bottom column of `count` lines: integers from 0 to 62, shape (count, 2)."""
    ### BEGIN SOLUTION
    return np.random.default_rng(seed).integers(0, 63, size=(count, 2))
    ### END SOLUTION


# %% tags=["check"]
np.random.seed(7)
before = np.random.get_state()[1].copy(), np.random.get_state()[2]
first, again, longer = columns(9, seed=1), columns(9, seed=1), columns(12, seed=1)
after = np.random.get_state()[1], np.random.get_state()[2]
assert first.shape == (9, 2), f"two columns of each line: shape (9, 2), got {first.shape}"
many = columns(2000, seed=3)
assert many.min() == 0 and many.max() == 62, "every column from 0 to 62 must be possible"
assert np.array_equal(first, again), "the same seed must give the same columns"
assert np.array_equal(first, longer[:9]), "the first ones must not depend on how many are drawn"
assert not np.array_equal(first, columns(9, seed=2)), "another seed must give other columns"
assert np.array_equal(before[0], after[0]) and before[1] == after[1], (
    "you drew from NumPy's global generator, or set its seed: all others notice"
)


# %% tags=["wrong"]
def columns(count, seed):
    np.random.seed(seed)
    return np.random.randint(0, 63, size=(count, 2))


# %% [markdown]
# ## 4 · Write code: put the known pixels back
#
# Without a mask, a hole is a pixel that is 0 in *all* channels. Mind the pixel of deep red that is
# 0 in two of them.


# %% tags=["solution"]
def put_back(masked, prediction):
    """Known pixels of ``masked``, and in the holes ``prediction``; both (height, width, 3)."""
    ### BEGIN SOLUTION
    known = (masked != 0).any(axis=-1, keepdims=True)
    return np.where(known, masked, prediction)
    ### END SOLUTION


# %% tags=["check"]
masked = np.zeros((2, 2, 3))
masked[0, 0], masked[0, 1] = (0.4, 0.5, 0.6), (0.3, 0.0, 0.0)
whole = put_back(masked, np.full((2, 2, 3), 0.9))
assert np.array_equal(whole[0, 0], masked[0, 0]), "a known pixel must stay as it is"
assert np.array_equal(whole[0, 1], masked[0, 1]), (
    "the deep red pixel is known: 0 in two channels is not 0 in all"
)
assert (whole[1] == 0.9).all(), "in the holes stands the prediction"
unknown = np.where(masked == 0, 0.9, np.nan)
assert np.isfinite(put_back(masked, unknown)[1]).all(), "choose, do not add: NaN times 0 is NaN"


# %% tags=["wrong"]
def put_back(masked, prediction):
    return np.where(masked != 0, masked, prediction)
