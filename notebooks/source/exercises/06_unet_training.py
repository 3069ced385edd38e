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
# # Exercises to 06 · The U-Net
#
# To be done after [notebook 06](../06_unet_training.ipynb). NumPy is enough here.

# %%
import numpy as np

# %% [markdown]
# ## 1 · Write code: correct a fill
#
# The network that ships does not answer with a colour. It answers with a correction, which is
# added to the *logit* of the fill, and the sigmoid brings the sum back to colours. The fill is
# kept between 0.001 and 0.999: why?
#
# <details><summary>Answer</summary>
#
# The logit of 0 and of 1 is infinite. No correction could move such a pixel, and infinity less
# infinity is not a number.
# </details>


# %% tags=["solution"]
def corrected(fill, correction):
    """sigmoid(logit(fill) + correction), the fill clipped first; arrays, or a number for all."""
    ### BEGIN SOLUTION
    fill = np.clip(fill, 1e-3, 1 - 1e-3)
    logit = np.log(fill) - np.log(1 - fill)
    return 1 / (1 + np.exp(-(logit + correction)))
    ### END SOLUTION


# %% tags=["check"]
fill = np.linspace(0.01, 0.99, 50)
assert np.allclose(corrected(fill, 0), fill), "a correction of 0 must leave the fill as it is"
assert np.isclose(corrected(np.array([0.5]), np.log(3))[0], 0.75), "odds of 1 times 3 are 3 to 1"
ends = corrected(np.array([0.0, 1.0]), np.array([8.0, -8.0]))
assert np.isfinite(ends).all() and ends[0] > 0.5 > ends[1], (
    "black and white must be movable too: clip the fill before its logit"
)


# %% tags=["wrong"]
def corrected(fill, correction):
    return np.clip(fill + correction, 0, 1)


# %% [markdown]
# ## 2 · Write code: an average of the weights
#
# While a network learns, its weights jitter. The recipe keeps a moving average: after each step
# `average = decay * average + (1 - decay) * weights`, beginning with the first weights.


# %% tags=["solution"]
def averaged(steps, decay):
    """The average after all steps; ``steps`` has shape (steps, weights)."""
    ### BEGIN SOLUTION
    average = steps[0]
    for weights in steps[1:]:
        average = decay * average + (1 - decay) * weights
    return average
    ### END SOLUTION


# %% tags=["check"]
constant = np.ones((50, 3))
assert np.allclose(averaged(constant, 0.9), 1), "the average of what never changes is the same"
assert np.isclose(averaged(np.array([[0.0], [1.0]]), 0.9)[0], 0.1), (
    "a new step has a weight of 1 - decay; with 0.9 the old average keeps nine tenths"
)
noisy = 1 + np.random.default_rng(0).normal(0, 1, size=(4000, 50))
assert np.std(averaged(noisy, 0.99)) < 0.15, "the jitter should be gone"


# %% tags=["wrong"]
def averaged(steps, decay):
    average = steps[0]
    for weights in steps[1:]:
        average = (1 - decay) * average + decay * weights
    return average
