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
# # Exercises to 10 · How sure?
#
# To be done after [notebook 10](../10_how_sure.ipynb). NumPy is enough here.

# %%
import numpy as np

FACTORS = np.linspace(0.1, 10, 1000)
random = np.random.default_rng(0)


def made_up_tiles(count):
    """Errors of so many tiles, over the scales that were predicted for them.

    Some tiles are harder than their network thinks, all of them at once, and these have more holes.
    """
    surprise = np.exp(random.normal(0, 0.5, count))
    sizes = (200 * surprise**2).astype(int) + 20
    return [s * np.abs(random.laplace(size=n)) for s, n in zip(surprise, sizes)]


# %% [markdown]
# ## Predict
#
# An interval is calibrated so that it holds 90 % of all hole pixels of 300 tiles, taken together.
# How many percent does it hold in a new tile, on average over tiles, if tiles with many holes are
# the hard ones? (a) 90. (b) More. (c) Less.
#
# <details><summary>Answer</summary>
#
# **(b)**: the pool is full of pixels of hard tiles, so the interval was made wide for them. Most
# tiles are easier. **(a)** holds if the number of holes has nothing to do with how hard a tile is.
# **(c)** is what happens where the easy tiles have the many holes.
# </details>
#
# ## 1 · Write code: calibrate an interval by tiles
#
# An interval reaches `factor` times the predicted scale. Find the smallest of `FACTORS` with which
# the *mean over tiles* of each tile's share of pixels inside is at least `coverage`, and a little
# more, since there are only n tiles: `n / (n + 1) * (1 - mean share) + 1 / (n + 1)` must be at
# most `1 - coverage` (conformal risk control). Return `float("inf")` if no factor will do.


# %% tags=["solution"]
def calibrated(tiles, coverage):
    """The smallest sufficient factor; ``tiles`` is a list of arrays of errors over scales."""
    ### BEGIN SOLUTION
    n = len(tiles)
    for factor in FACTORS:
        outside = 1 - np.mean([np.mean(errors <= factor) for errors in tiles])
        if n / (n + 1) * outside + 1 / (n + 1) <= 1 - coverage:
            return float(factor)
    return float("inf")
    ### END SOLUTION


# %% tags=["check"]
calibration, fresh = made_up_tiles(300), made_up_tiles(2000)
factor = calibrated(calibration, 0.9)
share = np.mean([np.mean(errors <= factor) for errors in fresh])
pooled = np.quantile(np.concatenate(calibration), 0.9)
assert factor < 0.9 * pooled, (
    "that pools the pixels: a tile with many holes counts no more than one with few"
)
assert abs(share - 0.9) < 0.02, f"new tiles should be covered to 90 % on average, got {share:.1%}"
assert calibrated(made_up_tiles(5), 0.9) == float("inf"), (
    "five tiles cannot promise 90 %: 1 / (n + 1) alone is more than a tenth"
)
print(f"factor {factor:.2f}; by pooled pixels {pooled:.2f}")


# %% tags=["wrong"]
def calibrated(tiles, coverage):
    return float(np.quantile(np.concatenate(tiles), coverage))
