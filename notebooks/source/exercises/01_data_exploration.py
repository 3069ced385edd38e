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
# # Exercises to 01 · Data
#
# To be done after [notebook 01](../01_data_exploration.ipynb). Each cell marked "your code" is
# followed by one that checks it. Run it as often as you like: it says what is wrong and why.

# %%
import hashlib

import numpy as np

import eurosat_inpaint as ei

# %% [markdown]
# ## Predict
#
# A strip of six columns is missing from a tile. What is the median distance of its pixels to the
# nearest known pixel? (a) 3. (b) 6. (c) 2.
#
# <details><summary>Answer</summary>
#
# **(c)**: across the strip the distances are 1, 2, 3, 3, 2, 1, and their median is 2. **(a)** is
# the largest of them, half the strip. **(b)** forgets that there is something known on both sides.
# </details>
#
# ## 1 · Write code: find the leak
#
# The project that this series descends from tested on tiles that it had also trained on. Write a
# function that finds such tiles. A name may come with its folder, as in `River/River_12.jpg`, and
# the same tile may lie in another folder: only the name of the file counts.


# %% tags=["solution"]
def leaked(train_names, test_names):
    """Names of the files that are in both lists, without folders, sorted; each once."""
    ### BEGIN SOLUTION
    train, test = ({name.split("/")[-1] for name in names} for names in (train_names, test_names))
    return sorted(train & test)
    ### END SOLUTION


# %% tags=["check"]
found = leaked(
    ["River/River_2.jpg", "a/Forest_1.jpg", "Forest_1.jpg"], ["b/Forest_1.jpg", "Pasture_3.jpg"]
)
assert found == ["Forest_1.jpg"], f"Forest_1.jpg leaks, whatever its folder, and once; got {found}"
assert leaked(["River_1.jpg"], ["River_11.jpg"]) == [], "a name must be equal, not contained"


# %% tags=["wrong"]
def leaked(train_names, test_names):
    return sorted(set(train_names) & set(test_names))


# %% [markdown]
# ## 2 · Write code: a split that nobody can cross
#
# Here a tile's split follows from its name alone: `u` is the first eight hexadecimal digits of the
# name's SHA-256, over 2 to the 32. Below 0.20 it is a test tile, below 0.25 one to validate with,
# else one to train with.


# %% tags=["solution"]
def split_by_name(filename):
    """One of "test", "validation" and "train"."""
    ### BEGIN SOLUTION
    digits = hashlib.sha256(filename.encode()).hexdigest()[:8]
    u = int(digits, 16) / 2**32
    return "test" if u < 0.20 else "validation" if u < 0.25 else "train"
    ### END SOLUTION


# %% tags=["check"]
names = [f"River_{number}.jpg" for number in range(1, 2001)]
splits = [split_by_name(name) for name in names]
share = np.mean([split == "test" for split in splits])
assert 0.17 < share < 0.23, f"about a fifth should be test tiles, got {share:.0%}"
differing = [name for name, split in zip(names, splits) if split != ei.data.split_of(name)]
assert not differing, (
    f"{len(differing)} names are in another split than the series has them in: use the SHA-256 of the "
    "name, which is the same in every process; Python's hash() is not"
)


# %% tags=["wrong"]
def split_by_name(filename):
    u = hash(filename) % 2**32 / 2**32
    return "test" if u < 0.20 else "validation" if u < 0.25 else "train"
