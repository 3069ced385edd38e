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
# # 05 · Is the difference real?
#
# **The question.** On the validation tiles push-pull has an MSE that is some five percent below
# that of Navier-Stokes. *Is that a fact about the two fills, or the luck of these tiles?* A score
# without an interval does not say. This notebook puts an interval on the scores that are compared,
# shows why methods have to be compared on the same tiles, and ends with the table that later
# notebooks are measured against.
#
# ![MSE of six fills and the U-Net, each with its 95 % interval: a staircase from the mean colour
# down to the U-Net.](figures/05_is_the_difference_real.png)
#
# *Most neighbouring intervals overlap. Whether neighbours differ they cannot say; section 2 shows
# what can.*
#
# | | |
# |---|---|
# | **Time** | about 30 minutes, of which 3 are computing |
# | **You need** | the scores of [notebook 04](04_judging_a_restoration.ipynb), and OpenCV for two of the fills: `pip install "eurosat-inpaint[baselines]"`; nothing is trained |
# | **Data** | all 1,381 validation tiles; 460 of them in the last table |
# | **Written to disk** | nothing |
#
# **You will learn**
#
# 1. how uncertain a mean over tiles is, and how the bootstrap finds out (6 minutes);
# 2. what pairing is, and what it brings (6 minutes);
# 3. how many tiles it takes to find a difference (7 minutes);
# 4. why redrawing the masks says nothing about new tiles (3 minutes);
# 5. how the fills and a network compare by the common measures (8 minutes).

# %%
import os

import matplotlib.pyplot as plt
import numpy as np
from IPython.display import display

import eurosat_inpaint as ei

ei.plots.use_style()

# %% [markdown]
# Set all sizes here. All measuring is done on the *validation* split.

# %%
profile = os.environ.get("EUROSAT_INPAINT_PROFILE", "teach")  # smoke (tests), teach, full
source = "synthetic" if profile == "smoke" else "auto"  # auto: EuroSAT if it can be had
tiles_measured = {"smoke": 40, "teach": 1381, "full": 1381}[profile]  # in sections 1 to 4
tiles_in_table = {"smoke": 16, "teach": 460, "full": 1381}[profile]  # in section 5
seed = 0  # fixes every mask and every draw below

# %%
everything = ei.data.load_tiles("validation", source=source)
measured = ei.data.stratified_subset(everything.labels, min(tiles_measured, len(everything)))
validation = everything[measured]  # every class keeps its share
tiles = validation.images.astype(np.float32) / 255  # (n, 64, 64, 3)
masks = ei.masks.line_masks(len(tiles), seed=seed)  # (n, 64, 64, 1), 1 = known, 0 = hole
masked = tiles * masks
n = len(tiles)
print(f"{n:,} of {len(everything):,} validation tiles, source: {validation.source}")

# %%
fills = {
    "mean": ei.baselines.mean,
    "nearest": ei.baselines.nearest,
    "biharmonic": ei.baselines.biharmonic,
    "Telea": ei.baselines.telea,
    "Navier-Stokes": ei.baselines.navier_stokes,
    "push-pull": ei.baselines.push_pull,
}

# %% [markdown]
# ## 1. The bootstrap says how much a mean may vary
#
# A mean over $n$ tiles has a **standard error**: the standard deviation $s$ over tiles, divided by
# the root of $n$,
#
# $$\text{standard error} = s / \sqrt{n}.$$
#
# **Predict.** The mean MSE of push-pull over the tiles is about 0.003. Its standard deviation over
# tiles is (a) a tenth of that, (b) about half, (c) larger than the mean?

# %%
scores = {
    name: ei.metrics.mse(tiles, ei.pretrained.restore_in_batches(fills[name], masked, masks))
    for name in ("Telea", "Navier-Stokes", "push-pull")
}
spreads = {name: values.std(ddof=1) for name, values in scores.items()}
rows = {k: (v.mean(), spreads[k], spreads[k] / np.sqrt(n)) for k, v in scores.items()}
columns = {"mean": ".5f", "standard deviation": ".5f", "standard error": ".5f"}
ei.plots.show_table(columns, rows, f"MSE of {n:,} tiles", validation.source)

# %% [markdown]
# <details><summary>Answer</summary>
#
# **(c)**. **(a)** and **(b)** expect tiles to be alike. But notebook 04 found errors from class to
# class that differ a hundredfold: most tiles are easy, a few are terrible.
#
# </details>
#
# With so skewed a distribution one may not trust the normal law. The **bootstrap** does without it:
# draw n tiles *with replacement* from the n we have, take the mean, do it 2,000 times, and look how
# the means scatter. One thing it does suppose: that the tiles are drawn independently of each
# other. Ours are so only roughly, since several may be cut from one satellite image.

# %%
of_push_pull, of_navier_stokes = scores["push-pull"], scores["Navier-Stokes"]
random = np.random.default_rng(seed)
means = np.array([of_push_pull[random.integers(n, size=n)].mean() for _ in range(2000)])
by_hand = np.quantile(means, (0.025, 0.975))
by_package = ei.metrics.bootstrap_interval(of_push_pull)
print(f"by hand {by_hand[0]:.5f} to {by_hand[1]:.5f}, ", end="")
print(f"the package {by_package[0]:.5f} to {by_package[1]:.5f}")
# Both are random; they agree to a fraction of the standard error.
assert abs(by_hand - by_package).max() < 0.4 * means.std()

# %% [markdown]
# ## 2. Pairing finds a difference that two intervals hide
#
# Now both fills. Side by side, each has its own interval. But they were run on *the same tiles and
# masks*, and a tile that is hard for one is hard for the other. So we look at the difference tile
# by tile, $d_t = e_t - e'_t$, and bootstrap its mean.

# %% alt="Each dot is a tile: MSE of push-pull against that of Navier-Stokes, both axes in powers of ten. The dots hug the grey diagonal of equal error over more than three powers of ten: a tile that is hard for one fill is hard for the other."
figure, axis = plt.subplots(figsize=(4.2, 3.4))
axis.scatter(of_navier_stokes, of_push_pull, s=5, alpha=0.4)
axis.axline((1e-3, 1e-3), slope=1, color="0.4", linewidth=1)
axis.set(xscale="log", yscale="log", xlabel="MSE of Navier-Stokes", ylabel="MSE of push-pull")
ei.plots.say_synthetic(figure, validation.source)

# %%
paired = ei.metrics.paired_difference(of_push_pull, of_navier_stokes)
intervals = {"push-pull": (of_push_pull.mean(), *by_package)}
own_interval = ei.metrics.bootstrap_interval(of_navier_stokes)
intervals["Navier-Stokes"] = (of_navier_stokes.mean(), *own_interval)
intervals["difference"] = (paired["difference"], paired["low"], paired["high"])
overlap = by_package[1] > own_interval[0]
print(f"own intervals {'overlap' if overlap else 'do not overlap'}; ", end="")
print(f"difference {paired['difference']:+.5f}, [{paired['low']:+.5f}, {paired['high']:+.5f}]")

# %% alt="Intervals of the MSE of push-pull, of Navier-Stokes, and of their paired difference. The first two overlap for the most part; that of the difference is several times shorter and ends before 0."
bars = [
    {"name": name, "mse": {"value": value, "low": low, "high": high}}
    for name, (value, low, high) in intervals.items()
]
figure = ei.plots.show_intervals(bars, "mse", "MSE, 95 % interval", validation.source)
zero = figure.axes[0].axvline(0, color="0.4", linewidth=1)

# %% [markdown]
# The dots hug the grey diagonal of equal error, since the tile decides far more than the method. Of
# the intervals the two upper ones overlap for the most part, and whoever looked only at them would
# say "no difference". The interval of the *paired* difference is several times shorter and does not
# contain 0. If the two fills were equally good on the whole, that would happen about once in twenty
# times. So we take it that push-pull has the lower MSE on tiles and masks like these, by an amount
# that the interval bounds.
#
# ## 3. Paired it takes hundreds of tiles, unpaired ten thousand or more
#
# How many would each way have needed? An interval of ± 1.96 standard errors excludes 0 when the
# difference found, $d$, is larger than $1.96\, s / \sqrt n$, where $s$ is the standard deviation of
# what is averaged. If the true difference is exactly that large, the one found is larger half of
# the time, so half of such experiments find nothing. To find it in four of five experiments, the
# true difference must be 1.96 + 0.84 standard errors, and so
#
# $$n = \left( \frac{2.8\, s}{d} \right)^2,$$
#
# about twice as many tiles as $(1.96\, s / d)^2$. **Predict:** by which factor does pairing lower
# the number, for two fills whose errors have a correlation of 0.98?


# %%
def tiles_needed(deviation, difference):
    """Tiles for which a 95 % interval excludes 0 in four of five experiments."""
    return ((1.96 + 0.84) * deviation / difference) ** 2


# %%
pairs = {"push-pull and Navier-Stokes": (of_push_pull, of_navier_stokes)}
pairs["Navier-Stokes and Telea"] = (of_navier_stokes, scores["Telea"])
rows = {}
for name, (first, second) in pairs.items():
    deviations = (first - second).std(ddof=1), np.hypot(first.std(ddof=1), second.std(ddof=1))
    found = ei.metrics.paired_difference(first, second)
    needed = [tiles_needed(deviation, found["difference"]) for deviation in deviations]
    correlation = np.corrcoef(first, second)[0, 1]
    rows[name] = (correlation, *needed, found["difference"], (found["low"], found["high"]))
columns = {"correlation": ".3f", "tiles, paired": ",.0f", "tiles, unpaired": ",.0f"}
columns |= {"difference here": "+.5f", "95 % interval": "+.5f"}
ei.plots.show_table(columns, rows, "Tiles needed for four of five", validation.source)

# %% [markdown]
# By a factor of about fifty. For two fills that scatter alike it would be $1 / (1 - \rho)$, here
# 59: the squared deviation of a difference of two numbers that scatter alike is $2 (1 - \rho)\,
# s^2$ if they are paired, and $2 s^2$ if not. So for push-pull and Navier-Stokes it takes some 230
# tiles if both fill the *same* tiles and masks, and over eleven thousand if not. The second pair is
# so close that it takes nearly nine hundred tiles even when paired: keep it in mind for the last
# table. All four figures are rough, since the true difference may lie anywhere in its interval.
# Measure methods on the same tiles and masks, always.
#
# Is the formula right, for so skewed a distribution? We try: draw as many tiles out of those we
# have, look whether the interval excludes 0, and do it 2,000 times.


# %%
def share_found(differences, count, times=2000):
    """How often the interval of `count` tiles, drawn from these, leaves 0."""
    draws = np.random.default_rng(seed).choice(differences, (times, count))
    return np.mean(abs(draws.mean(axis=1)) > 1.96 * draws.std(axis=1, ddof=1) / np.sqrt(count))


counts = (60, 120, 240, 480, 960)
rows = {k: [share_found(a - b, count) for count in counts] for k, (a, b) in pairs.items()}
columns = {f"{count} tiles": ".0%" for count in counts}
ei.plots.show_table(columns, rows, "How often the difference is found", validation.source)

# %% [markdown]
# It is close. With 120 tiles, about what $(1.96\, s / d)^2$ asks for, the first difference is found
# in little more than half of the trials, and with 240 in over four fifths. The second is found in
# half of them with 480 tiles, and in four fifths with 960.
#
# ## 4. Redrawing the masks says nothing about new tiles
#
# The original drew new masks ten times and reports the standard deviation of the ten results,
# 0.000021, beside its 0.002465. **Think.** Is this (a) the uncertainty of the score, (b) smaller
# than it, or (c) larger?

# %%
redrawn = []
for mask_seed in range(5):
    drawn = ei.masks.line_masks(n, seed=mask_seed)
    answers = ei.pretrained.restore_in_batches(fills["push-pull"], tiles * drawn, drawn)
    redrawn.append(ei.metrics.mse(tiles, answers).mean())
by_masks, by_tiles = np.std(redrawn, ddof=1), spreads["push-pull"] / np.sqrt(n)
print(f"masks drawn anew, the same tiles: {by_masks:.6f}; other tiles: {by_tiles:.6f}")

# %% [markdown]
# <details><summary>Answer</summary>
#
# **(b)**. **(a)** takes one source of chance, the masks, for all of them. **(c)** would need masks
# that differ more than tiles do; nine lines always keep about a third.
#
# </details>
#
# Redrawing the masks moves our score by as little (five draws tell that only roughly), but other
# *tiles* would move it several times as much. The small figure says how well the score of *these*
# tiles is known, not how well a method will do on new ones.
#
# ## 5. No fill is best by every measure, and the U-Net is best by its error
#
# All fills and the shipped U-Net, on the same tiles and masks, by the common measures. (Spectral
# peak and referee follow in notebook 07.) `compare` restores each tile once per method and puts a
# 95 % interval on every score. The biharmonic fill is slow, so `teach` takes a third of the tiles;
# `full` takes all.

# %%
in_table = ei.data.stratified_subset(validation.labels, min(tiles_in_table, n))
subset = validation[in_table]
table = ei.metrics.compare(
    fills | {"U-Net": ei.pretrained.load("unet")},
    subset.images,
    masks[in_table],  # those that these tiles had all along
    subset.labels,
    subset.class_names,
)
by_name = {result["name"]: result for result in table}

# %%
formats = {
    "mse_holes": ("in holes", ".5f"),
    "psnr": ("PSNR", ".2f"),
    "ssim": ("SSIM", ".3f"),
    "gradient_ratio": ("sharp", ".2f"),
    "land_cover_agreement": ("agree", ".2f"),
    "kernel_distance": ("KID", ".3f"),
    "channel_argmax_accuracy": ("argmax", ".3f"),
}
columns = {"MSE": ".5f", "95 % interval": ".5f"} | dict(formats.values())
rows = {}
for name, result in by_name.items():
    value, low, high = result["mse"].values()
    rows[name] = (value, (low, high), *(result[score]["value"] for score in formats))
ei.plots.show_table(columns, rows, f"{len(subset)} validation tiles", subset.source)

# %% [markdown]
# "Sharp" is the gradient ratio, "agree" the land-cover agreement, "argmax" the "accuracy" trap of
# notebook 04. Read down that column: it gives the biharmonic sheet the largest mean of the fills
# (0.933, without an interval), and the mean colour only four points behind them.
#
# In `teach`, push-pull's MSE is not quite the one of section 1, since this is a part of the tiles.
# That is no mistake; it is why only rows of *one* table may be compared.

# %% tags=["result"] alt="MSE of six fills and the U-Net on one set of tiles, each with its 95 % interval: a staircase from the mean colour over nearest, biharmonic, Telea, Navier-Stokes and push-pull down to the U-Net. Most neighbours overlap; the U-Net stands apart."
figure = ei.plots.show_intervals(table, "mse", "MSE, 95 % interval", subset.source)

# %% alt="Land-cover agreement of the same methods with 95 % intervals. Nearest stands out on the right at nine tenths; the U-Net comes second, its interval overlapping those of the biharmonic sheet and Navier-Stokes; the mean colour is far below the others."
figure = ei.plots.show_intervals(
    table, "land_cover_agreement", "land-cover agreement, 95 % interval", subset.source
)

# %% [markdown]
# By MSE it is a staircase down to the U-Net; by land-cover agreement nearest stands out on the
# right. Are the steps from row to row real? Each method minus the one above it, paired:

# %%
steps = {"mse": "+.6f", "psnr": "+.2f", "ssim": "+.3f", "land_cover_agreement": "+.3f"}
for score, form in steps.items():
    rows = {}
    for result in table[1:]:
        value, low, high = result["difference_from_previous"][score].values()
        rows[result["name"]] = (value, (low, high))
    columns = {"less the row above": form, "95 % interval": form}
    display(ei.plots.show_table(columns, rows, score, subset.source))

# %% [markdown]
# If an interval contains 0, these tiles cannot separate the two. None does in MSE, though that of
# the step from Telea to Navier-Stokes ends next to 0: by section 3, some 460 tiles find so small a
# difference about half of the time. And the measures contradict each other: push-pull is ahead of
# Navier-Stokes by MSE and PSNR and behind by SSIM and agreement, and none of the four intervals
# contains 0. Which one is better depends on what is asked.
#
# By class, the MSE in the holes:

# %%
columns = dict.fromkeys(("nearest", "Navier-Stokes", "push-pull", "U-Net"), ".5f")
rows = {
    kind: [by_name[name]["per_class"][kind]["mse_holes"] for name in columns]
    for kind in table[0]["per_class"]
}
if subset.source != "synthetic":
    assert all(min(values) == values[-1] for values in rows.values())
ei.plots.show_table(columns, rows, "MSE in the holes, by class", subset.source)

# %% [markdown]
# The U-Net has the least mean in every class, as asserted; in proportion it gains most on push-pull
# on AnnualCrop and River; why, this table cannot say. (These means have no intervals, and in
# `teach` some are of fewer than 40 tiles.) Last, where each method loses.

# %% alt="MSE against the distance to the nearest known pixel for six fills and the U-Net. The U-Net lies lowest throughout. The biharmonic sheet is the best fill right beside the lines and the worst far out; push-pull ends level with the mean colour."
edges = np.array(ei.metrics.DISTANCE_EDGES)
middles = (edges[:-1] + edges[1:]) / 2  # of each bin
near = middles < 20  # few pixels are farther from a line
curves = {name: result["mse_by_distance"][near] for name, result in by_name.items()}
distance = "distance to the nearest known pixel, in pixels"
figure = ei.plots.show_curves(
    middles[near], curves, distance, "MSE", subset.source, limits=(0, None)
)

# %%
places = ("mse_interpolated", "mse_extrapolated")
rows = {k: [result[place]["value"] for place in places] for k, result in by_name.items()}
columns = {"MSE between": ".5f", "MSE beyond": ".5f"}
ei.plots.show_table(columns, rows, "Between and beyond the outermost lines", subset.source)

# %% [markdown]
# Between the lines the biharmonic sheet has the least mean of the six fills; beyond them it runs
# away, up to the error of one colour for the whole tile. What it loses beyond the lines outweighs
# what it gains between them. (These means have no intervals.) The curve of the U-Net lies lowest
# throughout, in proportion to push-pull most near the lines.
#
# ## What you have learnt
#
# 1. The bootstrap puts an interval on a mean, by drawing tiles again and again.
# 2. Pairing tells two fills apart whose own intervals overlap.
# 3. That takes hundreds of tiles if they are paired, over ten thousand otherwise.
# 4. The spread over masks is not the uncertainty over tiles.
# 5. One table, with intervals, is what later notebooks are measured against.
#
# **One figure to take along.** To tell push-pull from Navier-Stokes takes some 230 tiles paired and
# over eleven thousand unpaired.
#
# **Limits.** One kind of mask. Intervals are over tiles drawn from this data set; tiles cut from
# one satellite image are not independent, so the true intervals are wider, by an amount not
# measured here. And with many intervals in one table, one in twenty of them misses what it should
# cover.
#
# **Exercises:** [write a paired interval, and measure what choosing the best of many
# costs](exercises/05_is_the_difference_real.ipynb).
#
# **References**
#
# - B. Efron, "Bootstrap methods: another look at the jackknife", Annals of Statistics 1979.
#   [doi:10.1214/aos/1176344552](https://doi.org/10.1214/aos/1176344552)
#
# ← [04 · What is a good restoration?](04_judging_a_restoration.ipynb) · **05** · [06 · Training a
# U-Net](06_unet_training.ipynb) →
