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
# # Exercises to 07 · The GAN
#
# To be done after [notebook 07](../07_gan_attempt.ipynb). NumPy is enough here.

# %%
import numpy as np

# %% [markdown]
# ## Predict
#
# A critic is right in every patch, and its logits are 30 for true ones and -30 for restored ones.
# What does the generator learn from the logistic loss? (a) Much: the critic is strict. (b)
# Nothing: the loss is 0. (c) It depends on which of the two forms of the loss it has.
#
# <details><summary>Answer</summary>
#
# **(c)**: with log(1 - D) the slope vanishes where the critic is sure; with -log D, which notebook
# 07 uses, it is as steep as it can be. **(a)** forgets the first form, **(b)** the second. Either
# way the critic itself learns nothing any more.
# </details>
#
# ## 1 · Write code: the hinge loss
#
# Another pair of losses. The critic wants logits of at least 1 for true patches and at most -1 for
# restored ones; beyond that it does not care, and what is missing it pays for: the mean over true
# patches plus the mean over restored ones. The generator wants the critic's logits high: its loss is
# minus their mean.


# %% tags=["solution"]
def hinge(true_logits, restored_logits):
    """The critic's loss and the generator's, two floats."""
    ### BEGIN SOLUTION
    of_critic = np.maximum(0, 1 - true_logits).mean() + np.maximum(0, 1 + restored_logits).mean()
    return float(of_critic), float(-restored_logits.mean())
    ### END SOLUTION


# %% tags=["check"]
assert hinge(np.array([1.0, 5.0]), np.array([-1.0, -9.0]))[0] == 0, (
    "beyond 1 and -1 the critic has nothing to gain"
)
assert hinge(np.array([0.0]), np.array([0.0]))[0] == 2, "an undecided critic pays 1 on either side"
assert hinge(np.array([-2.0]), np.array([-3.0]))[0] == 3, "a true patch at -2 costs 3"
low, high = (hinge(np.ones(2), np.full(2, logit))[1] for logit in (-4.0, 4.0))
assert high < low, "the generator is better off where the critic's logits are high"


# %% tags=["wrong"]
def hinge(true_logits, restored_logits):
    of_critic = np.maximum(0, 1 - true_logits).mean() + np.maximum(0, 1 + restored_logits).mean()
    return float(of_critic), float(restored_logits.mean())


# %% [markdown]
# ## 2 · Write code: a weight of 0
#
# The control of notebook 07 is the GAN's own training with an adversarial weight of 0. A critic to
# whom nobody listens may run away: its loss can become infinite. The control must not notice.


# %% tags=["solution"]
def generator_loss(reconstruction, adversarial, weight):
    """The sum that the generator lowers; with a weight of 0 the first part alone."""
    ### BEGIN SOLUTION
    return reconstruction + weight * adversarial if weight else reconstruction
    ### END SOLUTION


# %% tags=["check"]
assert np.isclose(generator_loss(0.003, 2.0, 0.01), 0.023), "0.003 + 0.01 x 2"
for runaway in (np.inf, np.nan):
    assert generator_loss(0.003, runaway, 0) == 0.003, (
        f"0 times {runaway} is not 0: leave the critic out where its weight is 0"
    )


# %% tags=["wrong"]
def generator_loss(reconstruction, adversarial, weight):
    return reconstruction + weight * adversarial
