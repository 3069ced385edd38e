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
# # 00 · Start here
#
# Clouds, dead sensors and missing scan lines leave holes in satellite pictures. This series fills
# them, first without learning, then with networks, and asks each time: how far off is it, is it
# really better than the method before, and how would you know?
#
# Nothing is assumed but Python and some NumPy. What is claimed of a method is shown by a cell; what
# was measured elsewhere says where.
#
# ## What it is about, in one picture
#
# Below are six tiles, what nine random lines leave of them, and what two methods make of that.
# **Cover the picture and guess:** which of the two will join the road that crosses the motorway?

# %%
import keras  # noqa: F401  # so that TensorFlow's start-up messages appear here
import numpy as np

import eurosat_inpaint as ei

ei.plots.use_style()
tiles = ei.data.load_tiles("validation")
wanted = ("AnnualCrop", "Highway", "Industrial", "PermanentCrop", "Residential", "River")
shown = [int(np.flatnonzero(tiles.labels == tiles.class_names.index(n))[4]) for n in wanted]
images = tiles.images[shown] / 255
masks = ei.masks.line_masks(len(shown), seed=3)

# %% tags=["result"] alt="Six tiles: truth, masked by nine lines with holes in pale violet, filled by push-pull, and by the U-Net. Push-pull is smooth wherever it does not know; the U-Net carries on borders, roads and the bank of the river, and is blurred in the wide gaps too."
filled = ei.baselines.push_pull(images * masks, masks)
restored = ei.inpaint(images, masks)
rows = {"truth": images, "masked": ei.plots.tint_holes(images, masks)}
rows |= {"push-pull": filled, "U-Net": restored}
figure = ei.plots.show_tiles(list(rows.values()), list(rows), wanted, tiles.source)

# %%
for name, answer in (("push-pull", filled), ("U-Net", restored)):
    error = ei.metrics.mse(images, answer, masks).mean()
    print(f"{name}: mean squared error in the holes {error:.5f}")

# %% [markdown]
# The U-Net. (Six tiles, chosen to show detail; notebook 05 compares methods on many.) The fill,
# which has learnt nothing, is smooth wherever it does not know. The U-Net carries on what the lines
# touch: borders, roads, the bank of a river. In the wide gaps it is blurred too. Why that is so,
# whether one could do better, and what it would cost is what the series is about.
#
# ## The notebooks
#
# | notebook | question | minutes in all | of which computing |
# |---|---|---|---|
# | [01](01_data_exploration.ipynb) | What is in the tiles, and what can be guessed? | 35 | 1 |
# | [02](02_mask_generation.ipynb) | What does a mask keep, and what is a hole? | 50 | 1 |
# | [03](03_filling_without_learning.ipynb) | How far can one get with no learning? | 35 | 1 |
# | [04](04_judging_a_restoration.ipynb) | What is a good restoration? | 40 | 1 |
# | [05](05_is_the_difference_real.ipynb) | Is a difference real? | 30 | 3 |
# | [06](06_unet_training.ipynb) | How does a U-Net fill holes? | 50 | 5 |
# | [07](07_gan_attempt.ipynb) | What does a critic do about blur? | 60 | 5 |
# | [08](08_wnet_attempt.ipynb) | What can a second network sharpen? | 55 | 4 |
# | [09](09_comparison.ipynb) | Was it worth it? | 50 | 5 |
# | [10](10_how_sure.ipynb) | How sure can one be of a restored pixel? | 45 | 3 |
# | [11](11_whole_scenes.ipynb) | What about a whole scene, under real clouds? | 60 | 3 |
#
# Each has [exercises](exercises), with checks that tell right from wrong and say why, and
# [solutions](solutions). Words are explained in the [glossary](../docs/glossary.md). If you teach
# with the series, there are lesson plans in [docs/teaching.md](../docs/teaching.md).
#
# ## Three ways through
#
# - **An hour.** Sections 1 and 6 of 02, with its explorer. Section 1 of 03. Sections 2, 3 and 10 of
#   06, with the second explorer. Section 3 of 09.
# - **An afternoon.** 02, 03 and 04 whole, then sections 1 to 5 and 8 to 10 of 06, and sections 3 to
#   5 of 09. Exercises 1 and 4 of 02, and both of 04.
# - **A course.** All of them in order, two a week, with the exercises. 07 and 08 rebuild with care
#   two attempts that failed in the original project; do not skip them.
#
# With a clouded scene to mend and little time: 11, then 10.
#
# ## Is everything here?

# %%
networks = ei.pretrained.names()
print("networks:", ", ".join(networks))
print("tiles:", tiles.source if tiles.source == "synthetic" else "EuroSAT", f"({len(tiles):,})")
assert networks and len(tiles) > 0

# %% [markdown]
# If it says "synthetic", EuroSAT was not found and could not be fetched. All notebooks run with the
# drawn tiles, and say so in every picture of tiles; their text describes EuroSAT. How to get the
# real tiles is in the [README](../README.md#data), and `python -m eurosat_inpaint doctor` says what
# is wrong with a set-up.
#
# Each of notebooks 01 to 11 has one cell with all its sizes. `EUROSAT_INPAINT_PROFILE=full` makes
# them larger, `smoke` makes them tiny. "Predict" asks before the cell that answers; "Think" is
# settled by argument, folded below it. The series is worth most to those who write their guess
# down.
