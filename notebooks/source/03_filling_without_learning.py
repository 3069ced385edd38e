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
# # 03 · Filling holes without learning
#
# **The question.** *How far does one get without a network?* That has to be known before one is
# trained: what a network adds can only be judged against what comes for free. So we fill the holes
# in six ways, build the one with the least error by hand, look where in the tile fills go wrong,
# and at the end compute the best fill there can be, on pictures for which it is known.
#
# ![Six tiles, whole and masked, and filled in six ways. The mean is flat, nearest makes cells with
# hard borders, biharmonic makes blots, Telea, Navier-Stokes and push-pull turn soft far from the
# lines.](figures/03_filling_without_learning.png)
#
# *Six tiles, six fills. None of them invents a roof.*
#
# | | |
# |---|---|
# | **Time** | about 35 minutes, of which 1 is computing |
# | **You need** | the masks of [notebook 02](02_mask_generation.ipynb), and OpenCV for two of the fills: `pip install "eurosat-inpaint[baselines]"`; nothing is trained |
# | **Data** | all 1,381 validation tiles |
# | **Written to disk** | nothing |
#
# **You will learn**
#
# 1. how six fills without learning work, and what they look like (8 minutes);
# 2. how push-pull is built, level by level (7 minutes);
# 3. what the choice of a setting is worth, and on which tiles to make it (3 minutes);
# 4. where in the tile the error is made, and why copying a pixel loses to the mean (10 minutes);
# 5. what the best possible fill would score, where that is known (7 minutes).

# %%
import os

import cv2
import matplotlib.pyplot as plt
import numpy as np
from skimage.transform import resize

import eurosat_inpaint as ei

ei.plots.use_style()

# %% [markdown]
# Set all sizes here.

# %%
profile = os.environ.get("EUROSAT_INPAINT_PROFILE", "teach")  # smoke (tests), teach, full
source = "synthetic" if profile == "smoke" else "auto"  # auto: EuroSAT if it can be had
tiles_measured = {"smoke": 40, "teach": 1381, "full": 1381}[profile]  # in section 4
tiles_for_radius = {"smoke": 16, "teach": 200, "full": 1381}[profile]  # in section 3
seed = 0  # fixes every mask and every draw below

# %% [markdown]
# All measuring is done on the *validation* split. The test split stays closed until the last table
# of the series, and even the choice of a fill's setting counts as looking.

# %%
everything = ei.data.load_tiles("validation", source=source)
measured = ei.data.stratified_subset(everything.labels, min(tiles_measured, len(everything)))
validation = everything[measured]  # every class keeps its share
tiles = validation.images.astype(np.float32) / 255  # (n, 64, 64, 3)
masks = ei.masks.line_masks(len(tiles), seed=seed)  # (n, 64, 64, 1), 1 = known, 0 = hole
masked = tiles * masks
print(f"{len(tiles):,} of {len(everything):,} validation tiles, source: {validation.source}")

# %% [markdown]
# ## 1. Beside the lines all fills but the mean look alike, far from them none knows
#
# **Think.** A third of the tile is known, in thin lines. You have no network and have never seen
# another tile. What do you paint into a hole?
#
# Six answers, from the simplest on:
#
# - **mean**: the mean colour of all known pixels, one colour for the whole tile. It knows nothing
#   of *where*.
# - **nearest**: the colour of the nearest known pixel. The tile falls into cells with hard borders,
#   halfway between the lines.
# - **biharmonic**: a thin metal sheet through the known values, bent as little as possible (Damelin
#   and Hoang). Slopes go on into the hole, and that is its strength and its weakness.
# - **Telea**: the hole is filled from its border inwards, like a fire front. Each pixel is a
#   weighted mean of those already known near it, and those in the direction of the front count
#   most.
# - **Navier-Stokes**: lines of equal brightness are continued into the hole, as the lines of a flow
#   would be. OpenCV has both this and Telea's.
# - **push-pull**: averages of the known pixels at ever coarser resolution, and back again. We shall
#   take it apart.

# %%
fills = {
    "mean": ei.baselines.mean,
    "nearest": ei.baselines.nearest,
    "biharmonic": ei.baselines.biharmonic,
    "Telea": ei.baselines.telea,
    "Navier-Stokes": ei.baselines.navier_stokes,
    "push-pull": ei.baselines.push_pull,
}

# %%
wanted = ("AnnualCrop", "Forest", "Highway", "Industrial", "Residential", "River")
wanted_labels = [validation.class_names.index(name) for name in wanted]
shown = [int(np.flatnonzero(everything.labels == label)[4]) for label in wanted_labels]
examples = everything.images[shown].astype(np.float32) / 255
example_masks = ei.masks.line_masks(len(everything), seed=seed)[shown]
example_masked = examples * example_masks
filled = {name: fill(example_masked, example_masks) for name, fill in fills.items()}

# %% tags=["result"] alt="Six tiles in eight rows: whole, masked, and filled in six ways. The mean is one flat colour, nearest makes cells with hard borders, biharmonic makes bright and dark blots, Telea, Navier-Stokes and push-pull turn soft far from the lines."
views = {"truth": examples, "masked": ei.plots.tint_holes(examples, example_masks), **filled}
figure = ei.plots.show_tiles(list(views.values()), list(views), wanted, validation.source)

# %% [markdown]
# Near the lines all fills but the mean look alike. Far from them the mean is flat, nearest makes
# cells, biharmonic makes bright and dark blots, and the last three turn soft. None of them invents
# a roof.
#
# **Predict.** Which of the six can leave the range of what is known in its tile, above the
# brightest known pixel or below the darkest: (a) all, (b) at most the biharmonic sheet, (c) only
# nearest?

# %%
known = np.where(example_masks == 1, examples, np.nan)
darkest = np.nanmin(known, axis=(1, 2), keepdims=True)  # of each tile and channel
brightest = np.nanmax(known, axis=(1, 2), keepdims=True)
for name in filled:
    assert np.all((filled[name] > darkest - 1e-5) & (filled[name] < brightest + 1e-5))

# %% [markdown]
# <details><summary>Answer</summary>
#
# **(b)**: a mean, however weighted, lies between what it averages, and so do Telea's and
# Navier-Stokes' here. The sheet would leave the range, were it not stopped. **(c)** has it
# backwards, for a copy is always a known value; **(a)** takes what the sheet does for what all do.
#
# </details>
#
# The assertion holds for the biharmonic sheet because scikit-image stops it there. The sheet
# deserves a second look: where brightness rises towards the edge of a line, it goes on rising
# behind it. Here is one row of a tile: the one in which it goes beyond all that is known in the row
# by the most.

# %% alt="Brightness along one row of a tile: known pixels as dots, the truth in grey, the biharmonic sheet and push-pull. The sheet shoots far above the truth between two lines around column 22, where push-pull stays near the average of its surroundings."
in_row = known.mean(axis=-1)  # brightness, NaN in the holes
sheet = filled["biharmonic"].mean(axis=-1)
above = (sheet - np.nanmax(in_row, axis=2, keepdims=True)).clip(0).sum(axis=2)  # (6, 64)
which, height = np.unravel_index(above.argmax(), above.shape)
figure, axis = plt.subplots(figsize=(7.2, 2.8))
axis.plot(examples[which, height].mean(axis=-1), color="0.6", label="truth")
axis.plot(in_row[which, height], ".", color="black", label="known")
for name, style in (("biharmonic", "-"), ("push-pull", "--")):
    line = filled[name][which, height].mean(axis=-1)
    axis.plot(line, style, color=ei.plots.METHODS[name][0], label=name)
axis.set(xlabel=f"column, in row {height} of a tile of {wanted[which]}", ylabel="brightness")
ei.plots.name_curves(axis)
ei.plots.say_synthetic(figure, validation.source)

# %% [markdown]
# The sheet shoots up between two lines, around column 22, where the truth is dark; at the right end
# it carries its slope on, and there happens to be nearly right. Push-pull falls back to the average
# of what is near.
#
# ## 2. Push-pull needs nothing but averages
#
# The fill with the least error of the six (notebook 05) is also simple to build, and the networks
# of this series start from it.
#
# **Pull.** Average 2 x 2 pixels into one, counting only the known; note beside it what fraction of
# the four was known. With colour $s$, in which holes count as 0, and fraction known $f$ at level
# $l$, over the four pixels below:
#
# $$s^{l+1} = \tfrac{1}{4} \sum s^l, \qquad f^{l+1} = \tfrac{1}{4} \sum f^l,
# \qquad \text{colour} = s / f.$$
#
# After six steps one pixel is left: the mean of all known pixels.


# %%
def pull(level):
    """Half the resolution. Channels: three sums of known colour, and the fraction known."""
    side = len(level) // 2
    return level.reshape(side, 2, side, 2, 4).mean(axis=(1, 3))


def colour_of(level):
    """Mean colour of what is known; black where nothing is."""
    return level[..., :3] / np.maximum(level[..., 3:], 1e-12)


tile, mask = examples[2], example_masks[2]
levels = [np.concatenate([tile * mask, mask], axis=-1)]
while len(levels[-1]) > 1:
    levels.append(pull(levels[-1]))
print("sides:", [len(level) for level in levels])
assert np.allclose(colour_of(levels[-1])[0, 0], (tile * mask).sum(axis=(0, 1)) / mask.sum())

# %% [markdown]
# **Push.** Go back, coarse to fine. Enlarge the coarse picture $p^{l+1}$ by bilinear interpolation
# $U$; where the finer level knows its own mean, take that instead, trusted by $t$:
#
# $$p^l = U p^{l+1} + t \, (s^l / f^l - U p^{l+1}), \qquad t = \min(4 f^l, 1).$$
#
# So a pixel is trusted fully once at least a quarter of the original pixels under it are known.

# %% alt="The pyramid of push-pull in three rows, from 64 x 64 to 2 x 2. Pulling: violet gaps close as the resolution falls, none is left at 4 x 4. The fraction known evens out to grey. Pushing, from right to left: each level takes its gaps from the coarser one until the tile is whole."
picture = colour_of(levels[-1])
pushed = [picture]
for level in levels[-2::-1]:
    coarse = resize(picture, level.shape[:2], order=1, mode="edge", anti_aliasing=False)
    trust = np.minimum(4 * level[..., 3:], 1)
    picture = coarse + trust * (colour_of(level) - coarse)
    pushed.append(picture)
assert np.allclose(picture, ei.baselines.push_pull((tile * mask)[None], mask[None])[0], atol=1e-5)

pulled = [  # without the last, a single pixel
    ei.plots.tint_holes(colour_of(level)[None], level[None, ..., 3:] > 0)[0]
    for level in levels[:-1]
]
fractions = [level[..., 3] for level in levels[:-1]]
names = [f"{len(level)} x {len(level)}" for level in levels]
rows = [pulled, fractions, pushed[:0:-1]]
figure = ei.plots.show_tiles(rows, ["pull", "known", "push"], names, validation.source)

# %% [markdown]
# Read the top row from left to right: the gaps close as the resolution falls, and at 4 x 4 none is
# left. The middle row is the fraction known; white would be all of it. Then read the bottom row
# from right to left: each level takes its gaps from the coarser one, until the tile is whole. It
# needs no search and no solving. The assertion says that these few lines are what the package
# computes.
#
# ## 3. A setting is a choice, and choices are made on validation tiles
#
# OpenCV asks for a radius: how far around a hole pixel it looks. We try three, and score them by
# the mean squared error, over the pixels $i$ and channels $c$ of a tile:
#
# $$\mathrm{MSE} = \frac{1}{64 \cdot 64 \cdot 3} \sum_{i, c} (\hat x_{ic} - x_{ic})^2.$$
#
# [Notebook 04](04_judging_a_restoration.ipynb) looks closely at this and other scores.


# %%
few = ei.data.stratified_subset(validation.labels, min(tiles_for_radius, len(validation)))
in_8_bits = np.rint(masked[few] * 255).astype(np.uint8)
to_fill = (masks[few, ..., 0] == 0).astype(np.uint8)


def mse_by_opencv(method, radius):
    """MSE of each of the few tiles, known pixels put back."""
    pairs = zip(in_8_bits, to_fill, strict=True)
    answers = np.stack([cv2.inpaint(*pair, radius, method) for pair in pairs]) / np.float32(255)
    return ei.metrics.mse(tiles[few], ei.compositing.composite(masked[few], answers, masks[few]))


# %%
radii, methods = (1, 3, 6), {"Telea": cv2.INPAINT_TELEA, "Navier-Stokes": cv2.INPAINT_NS}
by_radius = {
    name: {radius: mse_by_opencv(method, radius) for radius in radii}
    for name, method in methods.items()
}
ei.plots.show_table(
    {f"radius {radius}": ".5f" for radius in radii},
    {name: [scores.mean() for scores in found.values()] for name, found in by_radius.items()},
    f"MSE of {len(few)} tiles",
    validation.source,
)

# %% [markdown]
# Which of the two methods has the lesser error at equal radius? The difference is taken tile by
# tile; [notebook 05](05_is_the_difference_real.ipynb) says how its interval is made. If it contains
# 0, these tiles cannot separate the two.

# %%
paired = {
    radius: ei.metrics.paired_difference(
        by_radius["Navier-Stokes"][radius], by_radius["Telea"][radius]
    )
    for radius in radii
}
ei.plots.show_table(
    {"difference": "+.5f", "95 % interval": "+.5f"},
    {f"radius {radius}": (d["difference"], (d["low"], d["high"])) for radius, d in paired.items()},
    "MSE, Navier-Stokes less Telea",
    validation.source,
)

# %% [markdown]
# The error falls by eight to ten percent from 1 to 3 pixels, and by one to three percent from 3 to
# 6. The package uses 6. At none of the three radii can two hundred tiles tell the two methods
#    apart, though at 6 the interval only just reaches 0. Whoever reports "OpenCV inpainting"
#    without a radius leaves out ten percent of the error, more than there is between the methods.
#
# ## 4. Most of the error lies beyond the outermost lines
#
# Notebook 02 predicted: far from the lines, at the left and right edges. And notebook 01, where the
# correlation of pixels passes one half between four and five columns apart, predicts more. **Before
# you run on:** at which distance does copying the nearest pixel become worse than the mean colour
# of the tile?
#
# Now we can look. First the squared error of hole pixels against their distance to the nearest
# known one. The biharmonic sheet, which takes long, sits this out.

# %%
fast = ("mean", "nearest", "Telea", "Navier-Stokes", "push-pull")
restored = {name: ei.pretrained.restore_in_batches(fills[name], masked, masks) for name in fast}
squared_errors = {name: ((p - tiles) ** 2).mean(axis=-1) for name, p in restored.items()}

# %% alt="MSE against the distance to the nearest known pixel for five fills. The mean is nearly level. Nearest begins lower and crosses it at about five pixels; Telea and Navier-Stokes cross it farther out; push-pull is lowest from three pixels on and ends just below the mean."
edges = np.array(ei.metrics.DISTANCE_EDGES)
middles = (edges[:-1] + edges[1:]) / 2  # of each bin
near = middles < 20  # few pixels are farther from a line
curves = {
    name: ei.metrics.mean_error_by_distance(maps, masks, edges)[near]
    for name, maps in squared_errors.items()
}
distance = "distance to the nearest known pixel, in pixels"
figure = ei.plots.show_curves(
    middles[near], curves, distance, "MSE", validation.source, limits=(0, None)
)
print(f"the mean, farthest over nearest: {curves['mean'][-1] / curves['mean'][0]:.2f}")
for name in ("nearest", "Telea", "Navier-Stokes", "push-pull"):
    worse = middles[near][curves[name] > curves["mean"]]
    print(f"{name}: worse than the mean", f"from {worse[0]} pixels" if len(worse) else "nowhere")

# %% [markdown]
# The error of the mean colour hardly depends on the distance: it is wrong by about the variance of
# the tile wherever the pixel lies, on EuroSAT a fifth more at the far end than beside a line, whose
# pixels are in the mean. The other fills begin far lower beside a known pixel and rise steeply.
# Copying the nearest pixel is *worse* than the mean from about five pixels on. Telea and
# Navier-Stokes, too, cross that line farther out. Push-pull turns into a mean as it goes outwards,
# and stays below to the end.
#
# **Think.** Two pixels five apart are still correlated. Why then is copying one of them worse than
# the mean, which knows nothing of either?
#
# <details><summary>Answer</summary>
#
# Let $v$ be the variance in the tile and $\rho$ the correlation of the two pixels. The mean is
# wrong by about $v$. The copy is wrong by the difference of two numbers that *both* scatter by $v$:
#
# $$v + v - 2 \rho v = 2 (1 - \rho)\, v,$$
#
# which is less than $v$ only while **$\rho$ is above 1/2**. A likeness of 0.4 is worth something,
# but not a full copy: one ought to go 0.4 of the way from the mean to the pixel.
#
# </details>
#
# We check it: $\rho$ from the tiles alone, of pixels so many columns apart, against the error of
# nearest as it came out.

# %%
steps = np.arange(1, 16)
centred = tiles - tiles.mean(axis=(1, 2), keepdims=True)
rho = np.array([(centred[:, :, k:] * centred[:, :, :-k]).mean() for k in steps])
rho /= (centred**2).mean()
error_of_copy, error_of_mean = (
    ei.metrics.mean_error_by_distance(squared_errors[name], masks, np.arange(0.5, 16))
    for name in ("nearest", "mean")
)

# %% alt="Error of nearest as a multiple of that of the mean, measured and by the rule 2 (1 - rho), against the distance. Both rise and cross 1, the dashed line, between four and five pixels; farther out the rule lies above what was measured."
figure = ei.plots.show_curves(
    steps,
    {"2 (1 − ρ)": 2 * (1 - rho), "nearest": error_of_copy / error_of_mean},
    "distance in pixels",
    "error over that of the mean",
    validation.source,
)
figure.axes[0].axhline(1, color="0.4", linestyle="--")
print(f"ρ falls below 1/2 at {steps[rho < 0.5][0]} pixels, ", end="")
print(f"nearest above the mean at {steps[error_of_copy > error_of_mean][0]} pixels")

# %% [markdown]
# The dashed line is the mean. The rule $2 (1 - \rho)$ is close to what was measured out to four
# pixels, and both cross the dashed line between four and five, where $\rho$ passes 1/2, as notebook
# 01 foretold. Farther out the rule is too strict, in part because the curve divides by the error of
# the mean, which grows outwards, as printed above; the rule takes it for constant. Where fills go
# wrong in the tile can be mapped, too.

# %% alt="Maps of the expected squared error in the tile, of the mean and of push-pull. The mean is nearly as wrong everywhere, a little more at the sides. Push-pull shows an hourglass: dark in the middle and towards the top and bottom, bright at the left and right edges."
error_maps = [
    ei.metrics.mean_error_map(squared_errors[name], masks) for name in ("mean", "push-pull")
]
limit = np.nanquantile(np.stack(error_maps), 0.99)
figure = ei.plots.show_maps(
    error_maps,
    ["mean", "push-pull"],
    "expected squared error",
    validation.source,
    colours=ei.plots.ERROR_COLOURS,
    largest=limit,
)

# %%
sides, centre = np.r_[0:8, 56:64], np.r_[24:40]  # columns
ei.plots.show_table(
    {"outer 16 columns": ".5f", "middle 16 columns": ".5f", "ratio": ".2f"},
    {
        name: (outer := np.nanmean(m[:, sides]), inner := np.nanmean(m[:, centre]), outer / inner)
        for name, m in zip(("mean", "push-pull"), error_maps, strict=True)
    },
    "Mean of the maps",
    validation.source,
)

# %% [markdown]
# The expected error at a position is the mean over the tiles in which it is a hole. Even the mean
# is not equally wrong everywhere: 15 % more in the outer columns than in the middle, where known
# pixels lie densest. Under push-pull it is 62 %, and an hourglass appears: dark in the middle and
# towards the top and bottom, where lines are dense, bright at the two sides.
#
# ### Extrapolation is hard because it is far
#
# Between the outermost lines a hole pixel has known pixels on both sides of its row; beyond them on
# one side only.

# %%
holes = masks[..., 0] == 0
beyond = ei.metrics.beyond_outermost_lines(masks)
between = holes & ~beyond
share_beyond = beyond.sum() / holes.sum()
print(f"{share_beyond:.1%} of the hole pixels lie beyond the outermost lines")
assert 0.4 < share_beyond < 0.5
ei.plots.show_table(
    {"MSE between": ".5f", "MSE beyond": ".5f", "beyond, share of the error": ".1%"},
    {
        name: (maps[between].mean(), maps[beyond].mean(), maps[beyond].sum() / maps[holes].sum())
        for name, maps in squared_errors.items()
    },
    "Between and beyond the outermost lines",
    validation.source,
)

# %% [markdown]
# Nearly half of the task is extrapolation. It makes 58 to 60 percent of the error of every fill but
# the mean. Is it hard because only one side is known, or merely because it is far? Compare pixels
# *at the same distance*.

# %%
distances = ei.metrics.distances_to_known(masks)
of_push_pull = squared_errors["push-pull"]
rings = {}
for low, high in ((1, 2), (2, 3), (3, 5), (5, 8)):
    ring = (distances >= low) & (distances < high)
    inside, outside = of_push_pull[ring & between].mean(), of_push_pull[ring & beyond].mean()
    rings[f"{low} to {high}"] = (inside, outside, outside / inside)
columns = {"MSE between": ".5f", "MSE beyond": ".5f", "beyond / between": ".2f"}
print(f"mean distance: {distances[between].mean():.1f} pixels between, ", end="")
print(f"{distances[beyond].mean():.1f} beyond")
ei.plots.show_table(columns, rings, "Push-pull", validation.source, corner="pixels away")

# %% [markdown]
# At equal distance the one-sided pixels are about a tenth worse, up to eight pixels away. In all
# push-pull is two thirds worse there, and these pixels lie much farther out: most of what is hard
# about extrapolation goes with the distance.
#
# ## 5. The best possible fill is blurred too
#
# How good can a fill get? For EuroSAT nobody knows. So we make pictures for which the best answer
# can be *computed*: Gaussian random fields, in which two pixels at distance d have the covariance
# $\exp(-d/12)$. Given the known pixels, the fill of least squared error is then the conditional
# mean, a weighted sum of the known values. In geostatistics it is called **kriging**, and the
# weights $W$ come from one linear system in the covariances $C$ of known pixels $k$ and holes $h$,
# which also says how large the error will be:
#
# $$C_{kk} W = C_{kh}, \qquad \hat x_h = W^{\mathsf T} x_k,
# \qquad \mathrm{E}\,(\hat x_h - x_h)^2 = 1 - \sum_k W_{kh} C_{kh}.$$

# %%
size, scale = 32, 12
down, across = (grid.ravel() for grid in np.mgrid[:size, :size])
C = np.exp(-np.hypot(down[:, None] - down, across[:, None] - across) / scale)  # (1024, 1024)
random = np.random.default_rng(seed)
fields = np.linalg.cholesky(C) @ random.standard_normal((size**2, 300))  # 300, of variance 1
given = ei.masks.line_masks(1, size=size, lines=4, seed=1).ravel() == 1  # (1024,)
weights = np.linalg.solve(C[np.ix_(given, given)], C[np.ix_(given, ~given)])  # (known, holes)

optimum = fields.copy()
optimum[~given] = weights.T @ fields[given]
predicted_error = 1 - np.sum(weights * C[np.ix_(given, ~given)], axis=0)  # of each hole pixel
achieved_error = np.mean((optimum - fields)[~given] ** 2)
print(f"error in the holes over the variance: predicted {predicted_error.mean():.3f}, ", end="")
print(f"achieved {achieved_error:.3f}")
assert np.isclose(achieved_error, predicted_error.mean(), rtol=0.05)

# %% [markdown]
# The error was known before a single field was drawn. Now the fills, on the same fields; they get
# three fields at a time as red, green and blue, at mean 0.5 and standard deviation 0.1. Beside the
# error stands the **gradient ratio**: how much brightness changes from one hole pixel to the next,
# summed over all pairs of hole pixels that touch, over the same sum of the true pictures:
#
# $$\frac{\sum |\hat x_i - \hat x_j|}{\sum |x_i - x_j|}.$$
#
# 1 is as sharp as the truth, 0 is flat. **Predict:** how sharp is the fill of *least possible*
# squared error: (a) as sharp as the truth, (b) between a third and two thirds of that, (c) under a
# third?


# %%
def as_pictures(numbers):
    """Fields (1024, 300) as pictures (100, 32, 32, 3)."""
    in_channels = numbers.T.reshape(100, 3, size, size).transpose(0, 2, 3, 1)
    return (0.5 + 0.1 * in_channels).clip(0, 1).astype(np.float32)


field_pictures = as_pictures(fields)
field_masks = np.repeat(given.reshape(1, size, size, 1), 100, axis=0).astype(np.float32)
field_fills = {name: fills[name](field_pictures * field_masks, field_masks) for name in fast}
field_fills["optimum"] = as_pictures(optimum)

# %%
relative = {
    name: ei.metrics.mse(field_pictures, answer, field_masks).mean() / 0.1**2
    for name, answer in field_fills.items()
}
sharpness = {
    name: ei.metrics.gradient_ratio(field_pictures, answer, field_masks)
    for name, answer in field_fills.items()
}
assert min(relative, key=relative.get) == "optimum" and sharpness["optimum"] < 1 / 3
ei.plots.show_table(
    {"error / variance": ".3f", "gradient ratio": ".2f"},
    {name: (relative[name], sharpness[name]) for name in field_fills},
    "Fills of 100 pictures of Gaussian fields",
)

# %% alt="One Gaussian field, masked, and filled by five methods and by the optimum, in grey with doubled contrast. All but nearest, which is blocky, are blurred between the lines; the optimum is about as soft as Telea and push-pull."
panels = [field_pictures[0], *(answer[0] for answer in field_fills.values())]
panels = [((panel[..., 0] - 0.5) * 2 + 0.5).clip(0, 1) for panel in panels]  # one channel
in_colour = np.repeat(panels[0][None, ..., None], 3, axis=-1)
panels.insert(1, ei.plots.tint_holes(in_colour, given.reshape(1, size, size, 1))[0])
figure = ei.plots.show_tiles([panels], None, ["truth", "masked", *field_fills])

# %% [markdown]
# <details><summary>Answer</summary>
#
# **(c)**. **(a)** takes "best" for "most like the truth to the eye". **(b)** expects that a better
# fill is a sharper one. It is a little sharper than push-pull, yet softer than Navier-Stokes and
# nearest, both of which have the larger error: sharpness does not follow error.
#
# </details>
#
# No fill beats the optimum, as asserted, and on the average none ever will: it is not a matter of
# cleverness. And look at its sharpness. The answer of *least possible* squared error has less than
# a third of the true gradients. Blur is not a sign that a fill has failed; notebook 04 says why.
#
# Can a network find this optimum from samples alone, told nothing of Gaussians or of covariances?
# `python benchmarks/known_answer.py` tries it on full tiles under the original masks: it trains a
# small U-Net of 0.63 million parameters on 16,000 such fields, for about five minutes on two
# processor cores, and scores it on 400 others. Error in the holes over the variance, with its 95 %
# interval, as recorded in `benchmarks/README.md`:
#
# | method | error | 95 % interval |
# |---|---|---|
# | optimum | 0.341 | 0.334 to 0.346 |
# | **network** | **0.351** | 0.343 to 0.359 |
# | push-pull | 0.432 | 0.423 to 0.442 |
# | Navier-Stokes | 0.438 | 0.428 to 0.448 |
# | Telea | 0.450 | 0.440 to 0.460 |
# | biharmonic | 0.531 | 0.512 to 0.551 |
# | nearest | 0.537 | 0.526 to 0.548 |
# | mean | 0.912 | 0.899 to 0.926 |
#
# It can, nearly: of what can be gained over push-pull at all, a fifth of its error, the network
# gains nine tenths (0.081, paired interval 0.077 to 0.086), and it stays a little behind the
# optimum (0.011, from 0.006 to 0.015). So learning pays even where there is no land cover to
# recognise. And no score on real tiles can be judged as "far from zero" alone: zero may be out of
# reach for everyone.

# %% [markdown]
# ## What you have learnt
#
# 1. Six fills without learning, all but the mean, look alike beside the lines and differ far from
#    them.
# 2. Push-pull is built from averages alone.
# 3. A radius is chosen on validation tiles, and two hundred tiles leave some choices open.
# 4. Most of the error is extrapolation. Copying gets worse than the mean where the correlation of
#    pixels falls below a half.
# 5. The best possible fill, where it is known, is blurred too.
#
# **One figure to take along.** On Gaussian fields push-pull has 0.432 of the variance as error, the
# optimum 0.341, a network that was told nothing 0.351.
#
# **Limits.** One kind of mask. Averages over all tiles: classes differ greatly, as notebook 04
# shows. The Gaussian fields have no edges, so what they say about an optimum holds for textures
# without borders, not for roads and roofs.
#
# **Exercises:** [write the mean colour, and one step of
# push-pull](exercises/03_filling_without_learning.ipynb).
#
# **References**
#
# - S. J. Gortler et al., "The Lumigraph", SIGGRAPH 1996 (push-pull).
#   [doi:10.1145/237170.237200](https://doi.org/10.1145/237170.237200)
# - A. Telea, "An image inpainting technique based on the fast marching method", Journal of Graphics
#   Tools 2004. [doi:10.1080/10867651.2004.10487596](https://doi.org/10.1080/10867651.2004.10487596)
# - M. Bertalmio, A. L. Bertozzi, G. Sapiro, "Navier-Stokes, fluid dynamics, and image and video
#   inpainting", CVPR 2001. [doi:10.1109/CVPR.2001.990497](https://doi.org/10.1109/CVPR.2001.990497)
# - S. B. Damelin, N. S. Hoang, "On surface completion and image inpainting by biharmonic functions:
#   numerical aspects", 2018. [doi:10.1155/2018/3950312](https://doi.org/10.1155/2018/3950312)
#
# ← [02 · The masks](02_mask_generation.ipynb) · **03** · [04 · What is a good
# restoration?](04_judging_a_restoration.ipynb) →
