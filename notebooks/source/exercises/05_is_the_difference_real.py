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
# # Exercises to 05 · Is the difference real?
#
# To be done after [notebook 05](../05_is_the_difference_real.ipynb).

# %%
import numpy as np

random = np.random.default_rng(0)
hardness = random.gamma(2, 0.002, size=400)  # of 400 tiles: some are far harder than others
first = hardness * random.normal(1, 0.05, 400)
second = hardness * random.normal(0.97, 0.05, 400)  # three percent better

# %% [markdown]
# ## Predict
#
# The tiles' errors spread over a factor of ten, and the second method is three percent better. Is
# that enough to tell the two apart by 400 tiles? (a) No: the spread is far larger than the
# difference. (b) Yes, if the differences are taken tile by tile. (c) Only with thousands of tiles.
#
# <details><summary>Answer</summary>
#
# **(b)**: a hard tile is hard for both, and that cancels. **(a)** compares the difference with the
# spread of the tiles, where that of the differences counts. **(c)** is right of two *separate*
# samples.
# </details>
#
# ## 1 · Write code: a paired interval
#
# Draw tiles with replacement, take the mean of second less first over them, and repeat that.


# %% tags=["solution"]
def paired_interval(first, second, generator, repeats=2000):
    """Lower and upper end of the 95 % bootstrap interval of the mean of second less first."""
    ### BEGIN SOLUTION
    difference = second - first
    drawn = generator.integers(0, len(difference), size=(repeats, len(difference)))
    return tuple(np.quantile(difference[drawn].mean(axis=1), (0.025, 0.975)))
    ### END SOLUTION


# %% tags=["check"]
lower, upper = paired_interval(first, second, np.random.default_rng(1))
middle, error = np.mean(second - first), np.std(second - first) / 20
assert lower < middle < upper, "the interval must hold the mean difference"
assert upper - lower < 6 * error, (
    "far too wide: were tiles drawn for each method by themselves? Draw the same for both"
)
assert upper - lower > 3 * error, "too narrow: as many tiles must be drawn as there are"
assert upper < 0, "on these tiles the second method is better, and the interval should say so"


# %% tags=["wrong"]
def paired_interval(first, second, generator, repeats=2000):
    size = (repeats, len(first))
    means = [s[generator.integers(0, len(s), size=size)].mean(axis=1) for s in (first, second)]
    return tuple(np.quantile(means[1] - means[0], (0.025, 0.975)))


# %% [markdown]
# ## 2 · Write code: the price of choosing
#
# Forty checkpoints are equally good. Somebody takes the one with the lowest error on the
# validation tiles and reports that very error. How much too good is it? Compare with the same
# checkpoint's error on tiles that nobody chose by.


# %% tags=["solution"]
def optimism(validation, fresh):
    """By how much the reported error is below the honest one; arrays (checkpoints, tiles)."""
    ### BEGIN SOLUTION
    best = validation.mean(axis=1).argmin()
    return float(fresh[best].mean() - validation[best].mean())
    ### END SOLUTION


# %% tags=["check"]
worlds = [random.normal(1, 0.5, size=(2, 40, 100)) for _ in range(200)]
found = [optimism(*world) for world in worlds]
best = worlds[0][0].mean(axis=1).argmin()
assert np.isclose(found[0], worlds[0][1][best].mean() - worlds[0][0][best].mean()), (
    "choose by the validation tiles alone, and keep that checkpoint for the others"
)
assert np.mean(found) > 0.05, "on average the reported error is too low, so this is above 0"
print(f"the reported error is {np.mean(found):.3f} too low, of 1, though all are equally good")


# %% tags=["wrong"]
def optimism(validation, fresh):
    return float(fresh.mean(axis=1).min() - validation.mean(axis=1).min())
