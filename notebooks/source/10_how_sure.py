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
# # 10 · How sure?
#
# **The question.** A restored pixel is a guess. Some guesses are as good as a measurement, others
# are the mean colour of the neighbourhood, and a scene in which both look alike is dangerous. *How
# far may a restored pixel be off, and can that be promised?* This notebook gives every restored
# pixel an expected error, and an interval that holds the true value nine times in ten. It tests the
# promise, and shows where it breaks.
#
# ![Five tiles: truth, masked, restored, the true error and the expected one. The expected error is
# bright far from the lines and where the surroundings are full of
# contrast.](figures/10_how_sure.png)
#
# *The last column was made from the masked tile alone.*
#
# | | |
# |---|---|
# | **Time** | about 45 minutes, of which 3 are computing |
# | **You need** | notebooks [04](04_judging_a_restoration.ipynb) and [05](05_is_the_difference_real.ipynb); nothing is trained |
# | **Data** | validation tiles, and the test tiles: a fifth of EuroSAT's calibrates, the others judge |
# | **Written to disk** | nothing |
#
# **You will learn**
#
# 1. why one number for all pixels is not enough (4 minutes);
# 2. two tables that predict errors without learning (8 minutes);
# 3. how a small network behind the U-Net predicts them, and how to score such predictions (10
#    minutes);
# 4. how a factor, found on tiles kept for it, turns predictions into a promise (10 minutes);
# 5. for whom the promise holds, and for whom it does not (13 minutes).

# %%
import os

import matplotlib.pyplot as plt
import numpy as np
from scipy.ndimage import uniform_filter

import eurosat_inpaint as ei

ei.plots.use_style()

# %%
profile = os.environ.get("EUROSAT_INPAINT_PROFILE", "teach")  # smoke (tests), teach, full
source = "synthetic" if profile == "smoke" else "auto"  # auto: EuroSAT if it can be had
most = {"smoke": 30, "teach": 10_000, "full": 10_000}[profile]  # tiles of each kind
coverage = 0.9  # what is promised
seed = 0  # fixes every mask

# %% [markdown]
# Set all sizes above. Three sets of tiles, and each has its task. The *tables* below are made of
# validation tiles. A fifth of EuroSAT's 5,300 test tiles **calibrates**, and decides nothing else
# in the whole series. The others, as many as are here, **judge**: no choice was made on them.

# %%
validation = ei.data.load_tiles("validation", source=source)
test = ei.data.load_tiles("test", source=source)
calibrates = np.array([ei.data.calibrates(name) for name in test.filenames])
sets = {"tables": validation, "calibration": test[calibrates], "judging": test[~calibrates]}
sets = {
    name: tiles[ei.data.stratified_subset(tiles.labels, min(most, len(tiles)))]
    for name, tiles in sets.items()
}
images = {name: tiles.images / np.float32(255) for name, tiles in sets.items()}
masks = {name: ei.masks.line_masks(len(tiles), seed=seed) for name, tiles in sets.items()}
print({name: len(tiles) for name, tiles in sets.items()}, f"source: {test.source}")

# %% [markdown]
# All of them are restored once, with the expected errors that come with it. `unet_error` is the
# network of section 3: the shipped U-Net, and behind it a head that says how far each value may be
# off.

# %%
with_error = ei.pretrained.load("unet_error")
restored, scales, errors = {}, {}, {}
for name, tiles in images.items():
    answers = [
        with_error.predict_on_batch([tiles[part] * masks[name][part], masks[name][part]])
        for part in np.array_split(np.arange(len(tiles)), max(1, len(tiles) // 64))
    ]
    restored[name], scales[name] = np.split(np.concatenate(answers), 2, axis=-1)
    errors[name] = np.abs(tiles - restored[name])
holes = {name: mask[..., 0] == 0 for name, mask in masks.items()}

# %% [markdown]
# ## 1 · One number is not enough for all pixels
#
# The card of a network has a mean absolute error. Here is that of the judging tiles, with the
# spread behind it. **Predict:** from the tenth to the ninetieth percentile of the pixels the error
# grows by a factor of (a) two, (b) five, (c) more than twenty?

# %%
in_holes = errors["judging"].mean(axis=-1)[holes["judging"]]
quantiles = np.quantile(in_holes, (0.1, 0.5, 0.9, 0.99))
columns = {"mean": ".3f", "10 %": ".3f", "50 %": ".3f", "90 %": ".3f", "99 %": ".3f"}
rows = {"absolute error": (in_holes.mean(), *quantiles)}
ei.plots.show_table(columns, rows, "Hole pixels of the judging tiles", test.source)

# %% [markdown]
# <details><summary>Answer</summary>
#
# **(c)**. Sizes of errors spread more than one thinks: one normal law for all pixels would give a
# factor of 13 already. So the factor alone does not prove that pixels differ; the next sections do.
#
# </details>
#
# So the mean is too large for most pixels, and far too small for some. Where are those?

# %% tags=["result"] alt="Five tiles in rows: truth, masked, restored, five times the true error, five times the expected one. The expected error is smooth, dark along the lines, bright far from them and where the surroundings have contrast; the true error is spotted, and bright in mostly the same regions; the corner of a field in Forest is missed."
picked = ei.data.stratified_subset(sets["judging"].labels, 5, seed=4)
pictures = []
for i in picked:
    true_error = errors["judging"][i].mean(axis=-1) * holes["judging"][i]
    expected = scales["judging"][i].mean(axis=-1) * holes["judging"][i]
    tile, mask = images["judging"][i], masks["judging"][i]
    tinted = ei.plots.tint_holes(tile[None], mask[None])[0]
    pictures.append([tile, tinted, restored["judging"][i], true_error * 5, expected * 5])
titles = ["truth", "masked", "restored", "error x 5", "expected x 5"]
kinds = [test.class_names[sets["judging"].labels[i]] for i in picked]
figure = ei.plots.show_tiles(pictures, kinds, titles, test.source)

# %% [markdown]
# The last column is what section 3 predicts, from the masked tile alone. It does not know where
# exactly the error is; it knows where it may be: far from the lines, and where the surroundings are
# full of contrast. The corner of a field in the second row it has missed.
#
# ## 2 · Errors grow with distance and with contrast
#
# Before a network predicts errors, a table should try. The first one: the mean error of hole pixels
# by their **distance** to the nearest known pixel. The second: by distance **and local contrast**,
# the deviation of the push-pull fill in a window of 9 x 9 pixels. Both are made channel by channel.
# **Before you run on:** is the error larger on a smooth tile (lowest row) 14 to 20 pixels away, or
# beside a line in the highest contrast?

# %%
distance_edges = np.array([1, 1.5, 2.5, 3.5, 5, 7, 10, 14, 20])
contrast_edges = np.array([0.005, 0.01, 0.015, 0.02, 0.03, 0.04, 0.06, 0.09])


def bins_of(name):
    """Of each pixel the bin of its distance, and that of its contrast."""
    distances = ei.metrics.distances_to_known(masks[name])
    fill = ei.baselines.push_pull(images[name] * masks[name], masks[name]).mean(axis=-1)
    mean, square = (uniform_filter(power, (0, 9, 9)) for power in (fill, fill**2))
    contrast = np.sqrt(np.maximum(square - mean**2, 0))
    return np.digitize(distances, distance_edges), np.digitize(contrast, contrast_edges)


bins = {name: bins_of(name) for name in images}


# %%
def table_of(*chosen):
    """The mean error of each bin, by channel, from the tiles for the tables."""
    shape = (len(distance_edges) + 1, len(contrast_edges) + 1)[: len(chosen)]
    cells = [bins["tables"][k][holes["tables"]] for k in chosen]
    place = np.ravel_multi_index(cells, shape)
    values = errors["tables"][holes["tables"]]
    counts = np.bincount(place, minlength=np.prod(shape))
    sums = [np.bincount(place, values[:, c], minlength=np.prod(shape)) for c in range(3)]
    everywhere = values.mean(axis=0)
    means = np.stack(sums, axis=-1) / np.maximum(counts, 1)[:, None]
    table = means.reshape(*shape, 3)
    enough = counts.reshape(shape) > 100
    table[..., 0, :] = np.where(enough[..., :1], table[..., 0, :], everywhere)
    for k in range(1, shape[-1]):  # where pixels are too few, the cell beside it
        table[..., k, :] = np.where(enough[..., k, None], table[..., k, :], table[..., k - 1, :])
    return table


# %%
predictions = {"U-Net's head": scales}
for title, chosen in {"distance": (0,), "distance and contrast": (0, 1)}.items():
    table = table_of(*chosen)
    predictions[title] = {name: table[tuple(bins[name][k] for k in chosen)] for name in images}

# %% alt="Mean absolute error by distance to the nearest known pixel and by local contrast, as a heat map. It is darkest at the lower left, beside a line on a smooth tile, and brightens to the right and upwards, most at seven to ten pixels in the highest contrast; beyond, cells repeat each other."
table = table_of(0, 1).mean(axis=-1)
figure, axis = plt.subplots(figsize=(6.4, 3.4))
mesh = axis.pcolormesh(table[1:, :].T, cmap=ei.plots.ERROR_COLOURS, vmin=0)
axis.set_xticks(np.arange(len(distance_edges)), distance_edges)
axis.set_yticks(np.arange(1, len(contrast_edges) + 1), contrast_edges)
axis.set(xlabel="distance to the nearest known pixel, in pixels", ylabel="local contrast")
axis.grid(False)
figure.colorbar(mesh, label="mean absolute error")
ei.plots.say_synthetic(figure, test.source)

# %% [markdown]
# About equally: 0.045 in either place. The error grows to the right and upwards, from 0.003 beside
# a line on a smooth tile to 0.16 at seven to ten pixels in high contrast. (Farther out there are
# few pixels of high contrast; cells with less than a hundred repeat the one below.)
#
# ## 3 · A head behind the U-Net orders them better
#
# The U-Net has looked at the tile in a hundred ways before it answers; its last features may hold
# more than distance and contrast. So a second, small network sees these features, the restored tile
# and the mask, and predicts for each value the **scale** $s$ of its error. The U-Net itself is
# frozen. The loss is that of Laplace's law,
#
# $$\log s + \frac{|\text{error}|}{s},$$
#
# whose mean is least where $s$ is the mean of |error|. Too small a scale is punished by the second
# term, too large a one by the first. `models.unet_with_error` builds it, and `python -m
# eurosat_inpaint train unet_error` trains it, in three passes over the train split.

# %%
head = with_error.get_layer("second_stage")
card = ei.pretrained.card("unet_error")
print(f"{head.count_params():,} of {with_error.count_params():,} parameters")
print(f"saw {card['tiles_seen']:,} tiles, each several times; ", end="")
print(f"calibrated by {card['calibration']['tiles']:,}")

# %% [markdown]
# How good is a prediction of errors? Take away the pixels that it calls the most doubtful, five
# percent at a time, and see how the mean error of the rest falls: the **sparsification curve**. An
# oracle that knew the errors would take away the largest first. The area between the two curves,
# $\int_0^1 (\text{curve} - \text{oracle})$, is the **AUSE**; 0 is perfect.


# %%
def judged(prediction):
    """Errors, what was expected, and masks of the judging tiles, as the measures want them."""
    mean = prediction["judging"].mean(axis=-1)
    return errors["judging"].mean(axis=-1), mean, masks["judging"]


# %% alt="Mean error left, over that of all, against the share of hole pixels taken away, the most doubtful first. The oracle falls fastest, then the U-Net's head, then the table of distance and contrast, then that of distance alone."
curves = {name: ei.metrics.sparsification(*judged(p)) for name, p in predictions.items()}
curves["oracle"] = ei.metrics.sparsification(*judged({"judging": errors["judging"]}))
areas = {name: ei.metrics.ause(*judged(p)) for name, p in predictions.items()}
figure = ei.plots.show_curves(
    100 * ei.metrics.SPARSIFIED,
    curves,
    "% of the hole pixels taken away",
    "mean error left, over that of all",
    test.source,
)

# %%
rows = {name: (area, area / areas["distance and contrast"] - 1) for name, area in areas.items()}
columns = {"AUSE": ".3f", "against distance and contrast": "+.0%"}
ei.plots.show_table(columns, rows, "Order of the doubtful pixels", test.source)

# %% [markdown]
# Contrast halves the area of the table of distances alone, and the head's is half of that once
# more. (Areas have no intervals. The head learnt from the train split, the tables from fewer
# tiles.) Look at the curves: without the half of the pixels that the head doubts most, the mean
# error is three tenths of what it was; the oracle would leave a fifth.
#
# ## 4 · A factor found on other tiles turns a guess into a promise
#
# An expected error is a prediction, and may be wrong. To *promise* something, look at what actually
# happens: on tiles kept for it, find the factor $q$ such that restored value $\pm\, q s$ holds the
# true one in nine of ten cases. With the share $M_t(q)$ of values that tile $t$ misses, of $n$
# tiles,
#
# $$q = \min \left\{ q : \frac{\sum_t M_t(q) + 1}{n + 1} \le 0.1 \right\}.$$
#
# Here it is in ten lines. The unit is the **tile**, since pixels of a tile are not independent:
# each tile has one share of missed values, and the mean of these shares is what counts.


# %%
def factor_by_hand(name="calibration"):
    """The least factor at which the tiles miss so few values on average."""
    ratios = errors[name] / scales[name]
    shares = holes[name].sum(axis=(1, 2)) * 3  # values in the holes of each tile
    n, low, high = len(ratios), 0.0, 50.0
    for _ in range(30):
        tried = (low + high) / 2
        missed = ((ratios > tried) & holes[name][..., None]).sum(axis=(1, 2, 3)) / shares
        # One more for the tile to come, of which nothing is known: it may be missed as a whole.
        enough = (missed.sum() + 1) / (n + 1) <= 1 - coverage
        low, high = (low, tried) if enough else (tried, high)
    return high


by_hand = factor_by_hand()
by_package = ei.uncertainty.conformal_factor(
    errors["calibration"], scales["calibration"], masks["calibration"], coverage
)
print(f"by hand {by_hand:.4f}, the package {by_package:.4f}")
assert abs(by_hand - by_package) < 1e-3

# %% [markdown]
# Why does that hold for *new* tiles? If the tiles of the calibration and the new one could have
# come in any order, then the new one is as likely in every place among them. Nothing else is
# needed: no law of errors. This is **conformal risk control**.
#
# **Predict.** The two tables are worse predictions than the head. Calibrated in the same way, their
# intervals will (a) cover less than nine in ten, (b) cover as much and be wider, (c) cover more?

# %%
widths, scores, covered, ends = {}, {}, {}, {}
for name, prediction in predictions.items():
    factor = ei.uncertainty.conformal_factor(
        errors["calibration"], prediction["calibration"], masks["calibration"], coverage
    )
    reach = factor * prediction["judging"] * holes["judging"][..., None]
    low = np.clip(restored["judging"] - reach, 0, 1)
    high = np.clip(restored["judging"] + reach, 0, 1)
    ends[name] = (images["judging"], low, high, masks["judging"])
    covered[name] = ei.metrics.interval_coverage(*ends[name])
    widths[name] = ei.metrics.interval_width(low, high, masks["judging"])
    scores[name] = ei.metrics.interval_score(*ends[name], coverage)

# %%
rows = {}
for name in predictions:
    less = ei.metrics.paired_difference(widths[name], widths["distance and contrast"])
    relative = np.array(list(less.values())) / widths["distance and contrast"].mean()
    means = [values[name].mean() for values in (covered, widths, scores)]
    rows[name] = (*means, relative[0], tuple(relative[1:]))
columns = {"coverage": ".3f", "mean width": ".4f", "interval score": ".4f"}
columns |= {"width against distance and contrast": "+.1%", "95 % interval": "+.1%"}
ei.plots.show_table(columns, rows, f"Intervals that promise {coverage:.0%}", test.source)

# %% [markdown]
# **(b)**. All three come within a point of the promise, on tiles that none of them has seen: a bad
# prediction makes wide intervals. That is what the calibration gives to any of them, good or bad.
# The *width* is where they differ. The head's intervals are on average a tenth narrower than those
# of the better table, and the paired interval of that difference is far from 0. The interval score,
# which fines each miss by how far it missed, is a fifth lower in the mean.
#
# ## 5 · It holds on average, not for each tile, and not under other masks
#
# Nine in ten *on average*. A user who only looks at rivers wants to know what it is on rivers.

# %%
classes = sets["judging"].labels
own = covered["U-Net's head"]
rows = {}
for label in np.unique(classes):
    of_class = own[classes == label]
    interval = ei.metrics.bootstrap_interval(of_class) if len(of_class) > 1 else (np.nan, np.nan)
    rows[test.class_names[label]] = (of_class.mean(), interval, len(of_class))
columns = {"coverage": ".3f", "95 % interval": ".3f", "tiles": ",d"}
ei.plots.show_table(columns, rows, "By class", test.source)

# %%
hard = ei.metrics.mse(
    images["judging"],
    ei.baselines.push_pull(images["judging"] * masks["judging"], masks["judging"]),
    masks["judging"],
)
fifths = np.array_split(np.argsort(hard), 5)
rows = {f"fifth {k + 1}": [own[part].mean()] for k, part in enumerate(fifths)}
columns = {"coverage": ".3f"}
ei.plots.show_table(columns, rows, "From the easiest tiles to the hardest", test.source)

# %% alt="Coverage against the distance to the nearest known pixel, with a line at the promised 0.9. The head's curve stays within half a point of the line; the table of distance and contrast falls below it far from the lines."
edges = np.array([1, 2, 3, 4, 6, 8, 10, 14, 20])
by_distance = {name: ei.metrics.coverage_by_distance(*ends[name], edges) for name in predictions}
middles = (edges[:-1] + edges[1:]) / 2
distance = "distance to the nearest known pixel, in pixels"
figure = ei.plots.show_curves(middles, by_distance, distance, "coverage", test.source)
line = figure.axes[0].axhline(coverage, color="0.4", linewidth=1)

# %% alt="Histogram of the coverage of single tiles. Most lie between 0.85 and 0.95, but the tail on the left reaches down to two thirds."
figure = ei.plots.show_histograms({"U-Net's head": own}, "coverage of a tile", test.source)

# %% [markdown]
# Overall the promise is kept, and on EuroSAT it is nearly kept for each class: the lowest coverage
# is that of SeaLake, 89.4 %, the highest that of Residential, 90.8 %, both with intervals that
# narrowly exclude 90 %. It is nearly kept for easy and for hard tiles, too. None of that was
# promised. By distance the head's curve stays within half a point of the line, while the better of
# the two tables covers too little far from the lines. (These curves pool pixels; the promise is a
# mean over tiles.)
#
# The histogram is the warning. *Single* tiles are covered to anything from two thirds to 97 %. An
# average over tiles promises nothing about one tile.
#
# ### Where it breaks
#
# The promise is one for tiles and *masks* like those of the calibration. What if the holes are
# others? `ei.uncertainty.interval` takes any mask; whether you may rely on it is for you to judge.
# **Predict:** under random pixels, with every hole beside something known, will it cover more than
# 90 % or less? And under scan-line gaps?

# %%
few = min(300, len(sets["judging"]), len(sets["calibration"]))
drawn_from = {  # every class keeps its share
    name: images[name][ei.data.stratified_subset(sets[name].labels, few)]
    for name in ("judging", "calibration")
}
rows = {}
for family in ei.masks.FAMILIES:
    drawn = ei.masks.make(family, few, seed=seed)
    drawn = drawn * (1 - (drawn.all(axis=(1, 2, 3))[:, None, None, None]))  # gaps of no width
    usable = drawn.any(axis=(1, 2, 3))
    part, drawn = drawn_from["judging"][usable], drawn[usable]
    low, high = ei.uncertainty.interval(part, drawn, coverage)
    before = ei.metrics.interval_coverage(part, low, high, drawn).mean()
    factor = ei.uncertainty.calibrated_factor(drawn_from["calibration"][usable], drawn, coverage)
    low, high = ei.uncertainty.interval(part, drawn, factor=factor)
    rows[family] = (before, factor, ei.metrics.interval_coverage(part, low, high, drawn).mean())
columns = {"calibrated on lines": ".3f", "own factor": ".2f", "calibrated on these": ".3f"}
ei.plots.show_table(columns, rows, f"Coverage under other masks, {few} tiles", test.source)

# %% [markdown]
# The factor for lines covers too little under scan-line gaps, where it misses sixteen values in a
# hundred instead of ten, and under boxes, where it misses thirteen. Under random pixels it covers
# 96 in a hundred, with intervals that are wider than need be. How far it goes has to be measured.
# The remedy is in the last two columns: calibrate on masks like those that you have, and the
# promise is back, for all eight families.
#
# And if the *tiles* are others? Here the same tiles, with more contrast, as another sensor or
# another light might show them.

# %%
rows = {}
for contrast in (0.5, 1.0, 1.5, 2.0):
    mean = images["judging"].mean(axis=(1, 2), keepdims=True)
    changed = np.clip(mean + contrast * (images["judging"] - mean), 0, 1)
    low, high = ei.uncertainty.interval(changed, masks["judging"], coverage)
    found = ei.metrics.interval_coverage(changed, low, high, masks["judging"])
    width = ei.metrics.interval_width(low, high, masks["judging"])
    rows[f"contrast x {contrast:g}"] = [found.mean(), width.mean()]
columns = {"coverage": ".3f", "mean width": ".4f"}
ei.plots.show_table(columns, rows, "Other tiles, the same factor", test.source)

# %% [markdown]
# With more contrast coverage falls, to 87 % at twice the contrast; with less it rises. The
# intervals grow with contrast, but not enough. Here no mask can help: for another sensor the factor
# has to be found on tiles of that sensor. Where there are none, an interval is no promise any more.
#
# ## What you have learnt
#
# 1. Errors of restored pixels differ by more than a factor of twenty.
# 2. Distance and contrast predict them, a head behind the U-Net better.
# 3. Predictions are scored by what is left when the doubtful pixels go.
# 4. A factor found on tiles kept for it turns a prediction into a promise, whether that is good or
#    bad.
# 5. The promise holds on average over tiles. It may break under other masks and on other tiles.
#
# **One figure to take along.** At the same promise of 90 % the head's intervals are a tenth
# narrower than those of a table of distance and contrast.
#
# **Limits.** The promise is an average over tiles, not one for each tile or class. Tiles cut from
# one satellite image resemble each other, so they are exchangeable only roughly. Intervals are for
# single values: nothing is said of two pixels at once, or of a mean over an area.
#
# **Exercises:** [calibrate an interval by tiles](exercises/10_how_sure.ipynb).
#
# **References**
#
# - D. A. Nix, A. S. Weigend, "Estimating the mean and variance of the target probability
#   distribution", ICNN 1994.
#   [doi:10.1109/ICNN.1994.374138](https://doi.org/10.1109/ICNN.1994.374138)
# - E. Ilg et al., "Uncertainty estimates and multi-hypotheses networks for optical flow", ECCV
#   2018. [arXiv:1802.07095](https://arxiv.org/abs/1802.07095)
# - A. N. Angelopoulos et al., "Conformal risk control", ICLR 2024.
#   [arXiv:2208.02814](https://arxiv.org/abs/2208.02814)
# - T. Gneiting, A. E. Raftery, "Strictly proper scoring rules, prediction, and estimation", JASA
#   2007. [doi:10.1198/016214506000001437](https://doi.org/10.1198/016214506000001437)
#
# ← [09 · Was it worth it?](09_comparison.ipynb) · **10** · [11 · Whole
# scenes](11_whole_scenes.ipynb) →
