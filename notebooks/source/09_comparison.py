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
# # 09 · Was it worth it?
#
# The project behind this series tried three things: a U-Net, a GAN, and a W-Net of two U-Nets. It
# kept the first, and tells of the others in two sentences, with one figure and no picture. Eight
# notebooks later we can check these sentences. This last one puts all methods on the same tiles
# and masks: one grid, one table, one picture of what is traded for what.
#
# **In this notebook you will** (about 45 minutes, of which 3 are computing)
#
# 1. meet the candidates, and see what makes the comparison fair (4 min)
# 2. measure what an epoch of each training costs (4 min)
# 3. look at one grid of tiles before any figure (5 min)
# 4. read one table, with intervals, and the differences that count (8 min)
# 5. draw perception against distortion, and hold it against two theorems (10 min)
# 6. see where each method wins, and where all fail alike (6 min)
# 7. judge the original's sentences one by one, by code (5 min)
# 8. open the test split, once, and try all methods yourself (4 min).
#
# You need notebooks [03](03_filling_without_learning.ipynb) for the fills,
# [04](04_judging_a_restoration.ipynb) for the measures and [05](05_is_the_difference_real.ipynb)
# for the intervals; the networks come from [06](06_unet_training.ipynb), [07](07_gan_attempt.ipynb)
# and [08](08_wnet_attempt.ipynb). A GPU is not needed.
#
# All sizes of this notebook stand in the second cell below. The kernel distance wants a thousand
# tiles or more, so `teach` takes all validation tiles and all test tiles.

# %%
import os
import time

import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf
from IPython.display import display

import eurosat_inpaint as ei

ei.plots.use_style()
tf.get_logger().setLevel("ERROR")  # it takes so many networks, each compiled once, for a mistake

# %%
profile = os.environ.get("EUROSAT_INPAINT_PROFILE", "teach")  # smoke (tests), teach, full
source = "synthetic" if profile == "smoke" else "auto"  # auto: EuroSAT if it can be had
every = {"smoke": 5, "teach": 1, "full": 1}[profile]  # of the validation tiles, one in so many
every_test = {"smoke": 20, "teach": 1, "full": 1}[profile]  # the same in section 8
steps_timed = {"smoke": 1, "teach": 10, "full": 50}[profile]  # of 32 tiles each, in section 2
tiny = {"filters": (8, 12), "blocks": (1, 1)} if profile == "smoke" else {}  # networks timed there
seed = 0  # fixes masks and noise

# %% [markdown]
# ## 1 · The candidates
#
# Four networks are shipped with the package, and all descend from the same weights:
#
# - the **U-Net** of notebook 06;
# - **U-Net, longer**: its weights, trained on with the same squared error;
# - the **W-Net**: its weights as a frozen first stage, and a second, smaller U-Net behind;
# - the **GAN**: its weights as a generator, trained on against a critic.
#
# Why the second one? W-Net and GAN have seen more tiles than the U-Net that they began with. If
# one of them is better, is it the idea, or just more training? The longer U-Net saw as many tiles
# on top as they did. Whatever an attempt gains over *it*, it gains by its idea.

# %%
all_tiles = ei.data.load_tiles("validation", source=source)
validation = all_tiles[ei.data.stratified_subset(all_tiles.labels, len(all_tiles) // every)]
tiles = validation.images.astype(np.float32) / 255
masks = ei.masks.line_masks(len(tiles), seed=seed)
masked = tiles * masks
classes = validation.class_names
print(f"{len(tiles):,} validation tiles, source: {validation.source}")

names = {"U-Net": "unet", "U-Net, longer": "unet_long", "W-Net": "wnet", "GAN": "gan"}
networks = {title: ei.pretrained.load(name) for title, name in names.items()}
cards = {title: ei.pretrained.card(name) for title, name in names.items()}
passes = {}
for title, card in cards.items():
    steps = ei.shipping.NETWORKS[names[title]].lengths[-1][1]  # None: all tiles, once
    passes[title] = card["epochs"] * (steps * 32 / 20_319 if steps else 1)
begun = {t: c.get("started_from") or c.get("first_stage") or "random" for t, c in cards.items()}
entries = {title: (passes[title], begun[title]) for title in cards}
columns = {"passes over the train split": ".1f", "weights it began with": ""}
ei.plots.show_table(columns, entries, "How the shipped networks were trained")

# %% [markdown]
# W-Net and GAN are held against both U-Nets: an idea that pays must beat the better of the two.
#
# **Not in the race** is the original's own network of 53 million parameters. It was not trained
# here: on two processor cores its 33 epochs would take a day and a half. The error that it
# reports, 0.002465 over all pixels, is that of its raw output, on other tiles, with a split that
# [leaks](01_data_exploration.ipynb). It gives the scale and is *not comparable*, here as in
# notebook 06.
#
# ## 2 · What an epoch costs
#
# The original measured minutes on a GPU that we do not have. Minutes do not travel from machine to
# machine, but the *ratio* of two trainings nearly does. So the three take turns here at training
# steps of 32 tiles, with untrained networks of the shipped sizes, in float32, each by its own
# recipe. We compare the medians; an epoch has equally many steps for all.

# %%
unet_size = cards["U-Net"]["arguments"] | tiny
wnet_size = cards["W-Net"]["arguments"] | tiny | {"first": unet_size}
alone, generator = (ei.models.residual_unet(**unet_size) for _ in range(2))
gan = ei.models.InpaintingGAN(generator, ei.models.patch_discriminator())
learners = {"U-Net": alone, "W-Net": ei.models.wnet(**wnet_size), "GAN": gan}
ei.training.compile_model(alone, ei.training.RECIPES["efficient"], steps=1000)
ei.training.compile_model(learners["W-Net"], ei.training.RECIPES["wnet"], steps=1000)
gan.compile("adam", "adam")

seconds = {name: [] for name in learners}
for _ in range(1 + steps_timed):  # the first step of each compiles
    for name, network in learners.items():
        start = time.perf_counter()
        network.train_on_batch([masked[:32], masks[:32]], tiles[:32])
        seconds[name].append(time.perf_counter() - start)
medians = {name: np.median(of_steps[1:]) for name, of_steps in seconds.items()}
times = {name: median / medians["U-Net"] for name, median in medians.items()}
entries = {"time per epoch": list(times.values())}
ei.plots.show_table(dict.fromkeys(times, ".2f"), entries, "An epoch of training, U-Net = 1")

# %% [markdown]
# The W-Net's frozen stage is computed forwards only, and its second stage is small: that keeps it
# cheap, once a U-Net has been trained. The GAN has the U-Net for a generator, and pays for the
# critic beside it, which judges every batch three times: true tiles, restored tiles, and restored
# tiles again to teach the generator. (In 16-bit numbers, as in notebook 07, the critic weighs
# more, since it stays at 32.)
#
# <details><summary><b>Think:</b> by how much is the GAN slower than the U-Net when it restores a
# tile?</summary>
#
# - *"By the ratio above."* That is the ratio of training, where the critic works too.
# - *"By a little, the critic is small."* The critic is not asked at all.
# - *"Not at all: only the generator is left, and it is the U-Net."* Yes. A GAN is dear to train
#   and free to use; a W-Net is dearer to use as well.
# </details>
#
# ## 3 · One grid
#
# Before any figure, look. Two fills that learn nothing run along: *push-pull*, the best of them by
# MSE, and *nearest*, which copies the nearest known pixel.
#
# And one **control**. Sharpness can be bought, as notebook 04 showed: so we take the U-Net and
# sprinkle white noise into its holes, just so much that its gradient ratio is the GAN's. It knows
# nothing that the U-Net does not know. Whatever the GAN is praised for, it has to do better.

# %%
methods = {"nearest": ei.baselines.nearest, "push-pull": ei.baselines.push_pull} | networks
restored = {
    name: ei.pretrained.restore_in_batches(method, masked, masks)
    for name, method in methods.items()
}
noise = np.random.default_rng(seed).standard_normal(tiles.shape, np.float32)


def with_noise(strength, part=slice(None)):
    noisy = (restored["U-Net"][part] + strength * noise[part]).clip(0, 1)
    return ei.compositing.composite(masked[part], noisy, masks[part])


part = ei.data.stratified_subset(validation.labels, len(tiles) // 4)  # enough to find the strength
strengths = np.linspace(0, 0.02, 9, dtype=np.float32)
answers = [with_noise(strength, part) for strength in strengths] + [restored["GAN"][part]]
*ratios, goal = (ei.metrics.gradient_ratio(tiles[part], a, masks[part]) for a in answers)
strength = np.interp(goal, ratios, strengths).astype(np.float32)
restored["U-Net + noise"] = with_noise(strength)
print(f"noise of standard deviation {strength:.4f}, on the scale where white is 1")

# %%
wanted = ("AnnualCrop", "Highway", "Industrial", "PermanentCrop", "Residential")
places = [np.flatnonzero(validation.labels == classes.index(name)) for name in wanted]
shown = [int(of_class[min(4, len(of_class) - 1)]) for of_class in places]
grid = {"masked": masked} | restored | {"truth": tiles}
rows = [pictures[shown] for pictures in grid.values()]
figure = ei.plots.show_tiles(rows, list(grid), wanted, validation.source)
for axis in figure.axes[: len(wanted)]:
    axis.title.set_fontsize(8)

# %% [markdown]
# The figure shows five tiles, one method per row. *Nearest* is crisp and wrong: its borders are
# those of its cells. Push-pull is soft, and both U-Nets are softer than the truth wherever the
# lines leave a gap; you will hardly tell the two apart. Noise makes grain of the same strength
# everywhere, on a calm field as on a roof, which no land cover has; it is so faint that you may
# not see it, and yet its gradient ratio is the GAN's. In the rows of the W-Net and the GAN ask
# three questions. Is there more to see than in the U-Net's row? Is it the *kind* of thing that the
# truth has there? And is it at the *place* where the truth has it?
#
# Small pictures hide failures. So here are, for W-Net and GAN, the tile to which each has added
# most on top of the U-Net, and of it the part with the wider holes, enlarged. Below stands a
# number for what the eye sees at once, a regular **weave**. Of four neighbours take the sum of one
# diagonal from that of the other; what remains is large where light and dark take turns slantwise,
# and nearly 0 along a straight edge. The table holds its energy in the holes, restored over true.

# %%
titles = ("U-Net", "W-Net", "GAN", "truth")
closer = []
for name in ("W-Net", "GAN"):
    tile = ei.metrics.mse(restored["U-Net"], restored[name], masks).argmax()
    known = masks[tile, 16:48].sum(axis=(0, 2))  # in each column
    half = slice(0, 32) if known[:32].sum() < known[32:].sum() else slice(32, 64)
    closer.append([grid[title][tile, 16:48, half] for title in titles])
figure = ei.plots.show_tiles(closer, ("W-Net's", "GAN's"), titles, validation.source)
figure.set_size_inches(7.6, 3.4)


def weave(pictures):
    """Energy of the differences of diagonals, where all four pixels are holes."""
    in_holes = np.where(masks == 0, pictures, np.nan)
    return np.nansum(np.diff(np.diff(in_holes, axis=1), axis=2) ** 2)


entries = {"weave": [weave(pictures) / weave(tiles) for pictures in restored.values()]}
columns = dict.fromkeys(restored, ".2f")
ei.plots.show_table(columns, entries, "Energy of the weave, truth = 1", validation.source)

# %% [markdown]
# The figure shows the worst that the two attempts do. The W-Net hatches wide holes with slanting
# **stripes**, the cheapest way to what its loss asks for; in the table it is far above the U-Net,
# and above the truth. (*Nearest* is too, at the corners of its cells.) The GAN weaves as well, with
# a period of four pixels, the stride of its critic, and draws **ripples** along the border of a
# hole. No land cover does any of this. Notebooks 07 and 08 look at these failures at length.
#
# ## 4 · One table
#
# `compare` scores all methods on the same tiles and masks, with 95 % intervals over tiles. Nothing
# has to be restored a second time: it gets methods that hand out what we have.

# %%
place_of = {hash(tile.tobytes()): place for place, tile in enumerate(masked)}


def hand_out(pictures):
    """As a method for `compare`: what was restored before, tile by tile."""
    return lambda masked, mask: pictures[[place_of[hash(tile.tobytes())] for tile in masked]]


ready = {name: hand_out(pictures) for name, pictures in restored.items()}
table = ei.metrics.compare(ready, tiles, masks, validation.labels, classes)


def show_scores(rows, scores, caption):
    """Scores with their 95 % intervals; `scores`: by title, the score and its format."""
    columns, entries = {}, {row["name"]: [] for row in rows}
    for title, (score, form) in scores.items():
        columns |= {title: form, f"{title}, interval": form}
        for row in rows:
            value, low, high = row[score].values()
            entries[row["name"]] += [value, (low, high)]
    return ei.plots.show_table(columns, entries, caption, validation.source)


# %%
in_holes = {"MSE": ("mse_holes", ".5f"), "MAE": ("mae_holes", ".4f")}
in_holes |= {"PSNR": ("psnr_holes", ".2f"), "SSIM": ("ssim_holes", ".3f")}
look = {"gradient ratio": ("gradient_ratio", ".2f"), "KID": ("kernel_distance", ".3f")}
look |= {"land-cover agreement": ("land_cover_agreement", ".3f")}
look |= {"brightest channel": ("channel_argmax_accuracy", ".3f")}
blocks = {"Error in the holes": in_holes, "The look of the tiles": look}
for caption, scores in blocks.items():
    display(show_scores(table, scores, caption))

gflop = {name: ei.metrics.gflop_per_tile(network) for name, network in networks.items()}
of_unet = {"U-Net, longer": times["U-Net"]} | times  # trained in the same way
entries = {name: (n.count_params(), gflop[name], of_unet[name]) for name, n in networks.items()}
columns = {"parameters": ",", "GFLOP per tile": ".2f", "time per epoch": ".2f"}
print("original, as reported, not comparable: 53,287,363 parameters, MSE 0.002465 over all pixels")
ei.plots.show_table(columns, entries, "Size and cost of the networks")

# %% [markdown]
# The first table is error in four dresses: MSE and MAE should be low, PSNR and SSIM high. The
# second asks other things. Is it as sharp as the truth (gradient ratio 1)? Does the crowd of
# restored tiles look like the crowd of true ones (KID 0)? Does the classifier see the same land
# cover (1)? Look at the row of *nearest* before you trust these three. It copies true texture to
# wrong places, and a classifier that judges by texture likes it.
#
# The last column of the second table is the "accuracy" of the original: is the brightest channel
# the right one? Beside what?

# %%
row_of = {row["name"]: row for row in table}
one_colour = ei.pretrained.restore_in_batches(ei.baselines.mean, masked, masks)
accuracies = {
    "blue everywhere": np.mean(tiles.argmax(axis=-1) == 2),
    "one colour per tile": ei.metrics.channel_argmax_accuracy(tiles, one_colour).mean(),
    "original's GAN, as reported": 0.88,
    "original's U-Net, as reported": 0.922,
}
for name in ("U-Net", "W-Net", "GAN"):
    accuracies[name] = row_of[name]["channel_argmax_accuracy"]["value"]
lowest_first = sorted(accuracies, key=accuracies.get)
entries = {name: (accuracies[name],) for name in lowest_first}
caption = "How often the brightest channel is the right one"
ei.plots.show_table({"accuracy": ".3f"}, entries, caption, validation.source)

# %% [markdown]
# On all 27,000 tiles of EuroSAT "blue everywhere" scores 0.657. "One colour per tile" fills the
# holes with the mean of what is known. The reported figures are for raw outputs on other tiles.
# Even so: who hears "0.88 accuracy" thinks of a network that is nearly right, and here it is the
# price of one colour per tile. We leave this column now, for good.
#
# ### Which differences count?
#
# An interval of its own says how well one score is known. Whether two methods *differ* is told by
# the paired difference (notebook 05). For KID that takes the classifier's features of all tiles; we
# compute them once, also for three blends that the next section needs. Each measure is a mean, or a
# ratio of sums, over tiles; so each has a value per tile, and values can be paired.

# %%
shares = (0.25, 0.5, 0.75)  # of the GAN, in a blend with the U-Net
blends = {f"blend {a}": (1 - a) * restored["U-Net"] + a * restored["GAN"] for a in shares}
pictures = {"truth": tiles} | restored | blends
classifier = ei.pretrained.load("classifier")
seen = ei.metrics.land_cover_features(classifier, np.concatenate(list(pictures.values())))
features = dict(zip(pictures, np.split(seen, len(pictures)), strict=True))

kid = {name: ei.metrics.kernel_distance(features["truth"], features[name]) for name in pictures}
error = {name: ei.metrics.mse(tiles, pictures[name], masks) for name in pictures}
absolute = {name: ei.metrics.mae(tiles, pictures[name], masks) for name in pictures}
gradient = {name: ei.metrics.gradient_sums(pictures[name], masks) for name in pictures}


def difference(first, second):
    """First less second, each measure with its 95 % interval; errors times 1000."""
    steepness = gradient[first], gradient[second], gradient["truth"]
    return {
        "1000 MSE": ei.metrics.paired_difference(1000 * error[first], 1000 * error[second]),
        "1000 MAE": ei.metrics.paired_difference(1000 * absolute[first], 1000 * absolute[second]),
        "gradient ratio": ei.metrics.paired_difference(*steepness),
        "KID": ei.metrics.paired_difference(kid[first], kid[second]),
    }


# %%
pairs = [("U-Net, longer", "U-Net"), ("W-Net", "U-Net"), ("W-Net", "U-Net, longer")]
pairs += [("GAN", "U-Net"), ("GAN", "U-Net, longer"), ("GAN", "U-Net + noise"), ("W-Net", "GAN")]
less = {pair: difference(*pair) for pair in pairs}
columns, entries = {}, {pair: [] for pair in pairs}
for measure in less[pairs[0]]:
    columns |= {measure: "+.3f", f"{measure}, interval": "+.3f"}
    for pair in pairs:
        value, low, high = less[pair][measure].values()
        entries[pair] += [value, (low, high)]
entries = {" less ".join(pair): cells for pair, cells in entries.items()}
ei.plots.show_table(columns, entries, "Paired differences in the holes", validation.source)

# %% [markdown]
# An interval without 0 means: these tiles can tell the two apart. "U-Net, longer less U-Net" is
# what more training alone has bought, or spoilt. The four lines below it are what the *ideas* have
# bought: below 0 is better for errors and KID, above 0 is sharper. "GAN less U-Net + noise", whose
# gradient ratios are equal on purpose, says in the column KID whether the critic has taught more
# than grain: it has if the interval lies below 0. And the last line sets the attempts against each
# other. On EuroSAT the W-Net, stripes and all, has the higher gradients and the lower KID.
#
# ## 5 · Perception against distortion
#
# Error on one side, looking right on the other: must one be paid for with the other? Two theorems
# say yes, and how much.
#
# **Blau and Michaeli (2018).** Take any measure of distortion, and any distance of the law of the
# restored tiles from the law of the true ones that is convex in the former, as KID is. Then the
# smallest distance to be had at a given mean distortion is a convex curve that never rises. Where
# it falls, you cannot gain in one without losing in the other.
#
# How far to the right does it fall? For the squared error there is an end. The answer of least
# error is the mean of all truths that fit what is known; call its error D. Draw *one* of these
# truths at random instead: then the crowd of answers has the very law of the truth, which is
# perfect, and the error is the scatter of the truth around the mean, plus that of the draw around
# the same mean: 2 D, as you have computed for edges in notebook 04. So **perfection need not cost
# more than twice the least error**.
#
# **Freirich, Michaeli and Meir (2021)** compute the whole curve for the squared error and the
# Wasserstein distance of order 2. At a distance p it is D + (P − p)², where P is the distance of
# the least-error answer: half a parabola. And one gets along it by *blending* its two ends, that
# answer and the best of the perfect ones: with a share a of the latter, a² of the price is paid.
#
# Our networks are not the ends of that curve. The U-Net is near the least error but not at it, the
# GAN is not perfect, and KID is not the Wasserstein distance. How near does theory come?

# %%
blended = dict(zip((0, *shares, 1), ("U-Net", *blends, "GAN"), strict=True))
mean_error = {name: errors.mean() for name, errors in error.items()}
price = mean_error["GAN"] - mean_error["U-Net"]
apart = ei.metrics.mse(restored["U-Net"], restored["GAN"], masks).mean()
entries = {}
for a, name in blended.items():
    # Pure algebra: the squared error of a blend follows from its ends and from how far they lie
    # apart. Theory comes in where the price paid is said to be a².
    assert np.isclose(mean_error[name], mean_error["U-Net"] + a * price - a * (1 - a) * apart)
    paid = (mean_error[name] - mean_error["U-Net"]) / price
    over = mean_error[name] / mean_error["U-Net"]
    entries[f"{a:.2f}"] = over, paid, a**2, kid[name].mean()
columns = {"MSE over the U-Net's": ".3f", "price paid": ".2f", "a²": ".2f", "KID": ".4f"}
caption = "Blends of U-Net and GAN"
ei.plots.show_table(columns, entries, caption, validation.source, "share a of the GAN")

# %%
figure, axis = plt.subplots(figsize=(6.6, 3.8))
place = {name: (1000 * mean_error[name], kid[name].mean()) for name in restored | blends}
curve = np.array([place[name] for name in blended.values()])
axis.plot(*curve.T, ".-", color="0.5", label="blends of U-Net and GAN")
for name, marker in zip(restored, "v^os*DP", strict=True):
    axis.plot(*place[name], marker, markersize=8, label=name)
axis.axvline(2 * place["U-Net"][0], color="0.4", linestyle="--", label="twice the U-Net's MSE")
axis.set(xlabel="distortion: 1000 MSE in the holes", ylabel="perception: KID", ylim=(0, None))
axis.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
ei.plots.say_synthetic(figure, validation.source)

dearer, kept = (one / other for one, other in zip(place["GAN"], place["U-Net"], strict=True))
side = "left" if dearer < 2 else "right"
print(f"the GAN: {dearer:.2f} times the U-Net's MSE, {side} of the line")
print(f"of the U-Net's KID it leaves {kept:.0%}; a perfect sampler would leave nothing")
at_noise = np.interp(place["U-Net + noise"][0], *curve.T)
print(f"KID of the noise {place['U-Net + noise'][1]:.3f}, of a blend of its MSE {at_noise:.3f}")

# %% [markdown]
# The figure shows all methods; lower left is better. The grey curve leads from the U-Net to the
# GAN, and it falls steeply: of the price that perfection may cost, the way from the U-Net to the
# dashed line, the GAN has paid a small part, and got most of the way down. In the table before it,
# the price of a blend follows a² closely, from below: a pinch of another network still mends a
# little of what the U-Net has wrong.
#
# Push-pull lies behind the U-Net in both directions: that is no trade, just a worse method.
# *Nearest* has a low KID, at nearly the price for which perfection can be had. Hold the *noise*
# against the grey curve, as the last line does: on EuroSAT it lies below. By these figures a pinch
# of noise lowers the KID by more than a blend with the GAN of the same error does, though it knows
# nothing. The GAN's own KID is lower still, but it pays more error for it. And the W-Net lies below
# the GAN, at an error that these tiles cannot tell from the GAN's: by this picture it is the best
# of all, and you have seen its stripes. Take this for a warning about KID.
#
# A perfect sampler need not stand farther right than the dashed line. Mind three things. The line
# is a bound from above: the least possible error is below the U-Net's. To be left of it but above
# 0 is not yet perfect. And KID 0 by our classifier is less than "the very law", since it sees only
# what the classifier looks at. Besides, our GAN is no sampler: the same masked tile always gets
# the same answer.
#
# <details><summary><b>Think:</b> instead of blending, toss a coin for every tile: heads the
# U-Net's answer, tails the GAN's. Where does this method lie?</summary>
#
# - *"Where the blend of halves lies."* A blend of two pictures is neither of them. Its squared
#   error is less than the mean of the two.
# - *"Half-way on the straight line between the two points."* In error, yes. KID is convex, so it
#   lies on that line or below.
# - *"In error half-way, in KID at most half-way."* Yes. This coin is why the curve of Blau and
#   Michaeli is convex.
# </details>
#
# ### Is what they add at the right place?
#
# What the U-Net *misses* is the truth less the U-Net. What an attempt *adds* is its answer less
# the U-Net's. If the U-Net were the mean of all truths that fit, nothing that is computed from the
# same masked tile could be correlated with what it misses. **Predict** the correlations.

# %%
holes = np.broadcast_to(masks == 0, tiles.shape)
missed = (tiles - restored["U-Net"])[holes]
attempts = ("U-Net, longer", "W-Net", "GAN", "U-Net + noise")
added = [(restored[name] - restored["U-Net"])[holes] for name in attempts]
entries = {"correlation": [np.corrcoef(some, missed)[0, 1] for some in added]}
caption = "What a method adds, and what the U-Net missed"
ei.plots.show_table(dict.fromkeys(attempts, "+.3f"), entries, caption, validation.source)

# %% [markdown]
# They are small, and that is no shame of the attempts but what theory demands: **the detail that
# they add is plausible at best, it is not knowledge.** A value above 0 says how far the U-Net was
# from the end of its learning. Sharper tiles may look right, or please the eye, or serve to train
# another network. Nobody should count houses in them.
#
# ## 6 · Where each method wins
#
# A mean over tiles hides that on some tiles another method is best. Four of them compete on every
# tile, by MSE in the holes.

# %%
contest = ("push-pull", "U-Net", "W-Net", "GAN")
of_tiles = np.stack([error[name] for name in contest])  # (4, tiles)
winner = of_tiles.argmin(axis=0)
figure, axis = plt.subplots(figsize=(6.4, 3.2))
filled = np.zeros(len(classes))
for number, (name, hatch) in enumerate(zip(contest, ("..", "", "//", "xx"), strict=True)):
    wins = winner == number
    share = [np.mean(wins[validation.labels == label]) for label in range(len(classes))]
    label = f"{name}, {wins.mean():.0%} of all"
    axis.barh(classes, share, left=filled, hatch=hatch, edgecolor="w", label=label)
    filled += share
axis.set(xlabel="share of the tiles on which it has the least MSE")
axis.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
ei.plots.say_synthetic(figure, validation.source)

# %% [markdown]
# The figure shows, for each class, on how many tiles each method has the least error. On EuroSAT
# one class stands out: on most lakes *push-pull*, which learns nothing, beats every network. There
# is little to know about a lake, and a network can only add errors to its colour. They are tiny,
# so they cost the networks next to nothing in the mean.
#
# And the clearest wins: for each of three methods the two tiles on which its lead over the best of
# the other three is largest.

# %%
chosen, headings = [], []
for name in ("push-pull", "U-Net", "GAN"):
    number = contest.index(name)
    lead = np.delete(of_tiles, number, axis=0).min(axis=0) - of_tiles[number]
    clearest = np.argsort(lead)[:-3:-1]
    chosen += list(clearest)
    headings += [f"{name}\n{classes[validation.labels[tile]]}" for tile in clearest]
    print(f"{name}: MSE lower by {lead[clearest[0]]:.4f} and {lead[clearest[1]]:.4f}")
names_shown = ["masked", *contest, "truth"]
figure = ei.plots.show_tiles(
    [grid[name][chosen] for name in names_shown], names_shown, headings, validation.source
)
for axis in figure.axes[: len(chosen)]:
    axis.title.set_fontsize(8)

# %% [markdown]
# The figure shows these tiles; above each stands who wins it. Such a lead needs luck: where a
# bright or dark area is hidden whole, one method happens to guess its colour and the others do
# not. And it needs losers: the U-Net wins most clearly where the others have woven a pattern into
# a wide hole. Few of these tiles are restored well.

# %%
maps = [row_of[name]["error_map"] for name in contest]
figure = ei.plots.show_maps(maps, contest, "MSE", validation.source, ei.plots.ERROR_COLOURS)
figure.set_size_inches(9, 2.5)

compared = [name for name in restored if name != "U-Net, longer"]
spectra = {name: row_of[name]["radial_power_ratio"] for name in compared}
figure = ei.plots.show_curves(
    range(1, 32), spectra, "cycles per tile", "power, restored over true", validation.source
)
figure.axes[0].axhline(1, color="0.4", linestyle="--")
_ = figure.axes[0].set_ylim(0, 1.5)
correlation = np.corrcoef(*(np.log(error[name] + 1e-8) for name in ("U-Net", "GAN")))[0, 1]
print(f"errors of U-Net and GAN tile by tile, in logarithms: correlation {correlation:.3f}")

# %% [markdown]
# The maps show the mean squared error at each position: the hourglass of notebook 03, for
# everyone. What is far from a line stays unknown, whoever answers. And tile by tile the errors of
# U-Net and GAN rise and fall together: a tile is hard for all or for none.
#
# The curves show how much power the restored tiles have on each scale, known lines included; 1 is
# the truth. The U-Net lacks power on every scale, and more the finer it is. Noise lifts the right
# end, and a little; the middle, where borders and roads and rows are, stays as empty as it was.
# The GAN does lift the middle, with a hump at 16 cycles, its weave of four pixels. The W-Net lifts
# it where its coarse stripes lie, around 12 cycles, and by its fine ones it has far more power at
# the right end than the truth has.
#
# ## 7 · The original's sentences
#
# Each gets one of three verdicts, by a rule that stands in the cell: **confirmed** or **not
# confirmed** by what was measured above, where a difference counts if its 95 % interval excludes
# 0; or **not comparable**, where a figure hangs on other hardware, other tiles or the raw output.
# First the U-Net.


# %%
def show_verdicts(claims):
    """`claims`: by sentence, whether it holds (None: not comparable), and the figure."""
    words = {True: "confirmed", False: "not confirmed", None: "not comparable"}
    entries = {sentence: (words[holds], figure) for sentence, (holds, figure) in claims.items()}
    if validation.source == "synthetic":
        entries = dict.fromkeys(claims, (words[None], "synthetic tiles"))
    caption = "Verdicts on sentences of the original"
    return ei.plots.show_table({"verdict": "", "figure": ""}, entries, caption)


sharp = row_of["U-Net"]["gradient_ratio"]
beside = holes[:, :, 1:] & holes[:, :, :-1]  # two neighbours in a row, both holes
steps_of = [np.diff(pictures, axis=2)[beside] for pictures in (tiles, restored["U-Net"])]
explained = 1 - np.sum((steps_of[0] - steps_of[1]) ** 2) / np.sum(steps_of[0] ** 2)
known_kept = all(np.array_equal(answer[~holes], tiles[~holes]) for answer in restored.values())

# %%
ratio_said = "gradient ratio {value:.2f} [{low:.2f}, {high:.2f}]; 1 is sharp".format(**sharp)
explained_said = f"{explained:.0%} of the squared change from pixel to pixel is accounted for"
elsewhere = "raw output, other tiles; ours {}, composited"
claims = {
    "the Lambda layer puts the known pixels back": (known_kept, "connected here, to the last bit"),
    '"look like blurry images"': (sharp["high"] < 1, ratio_said),
    '"reconstruct fine details accurately", more than half': (explained > 0.5, explained_said),
    "accuracy 0.92": (None, elsewhere.format(f"{accuracies['U-Net']:.3f}")),
    "MSE 0.002465": (None, elsewhere.format(f"{row_of['U-Net']['mse']['value']:.6f}")),
}
show_verdicts(claims)

# %% [markdown]
# Then the attempts. To be better they have to be better than both U-Nets; the figures are
# differences from the one of notebook 06.


# %%
rivals = ("U-Net", "U-Net, longer")


def lower(name, measure):
    """Below both U-Nets, and both differences count."""
    return all(less[name, rival][measure]["high"] < 0 for rival in rivals)


def higher(name, measure):
    return all(less[name, rival][measure]["low"] > 0 for rival in rivals)


def looks_better(name):
    """Nearer to a gradient ratio of 1 and to a KID of 0."""
    nearer = abs(1 - row_of[name]["gradient_ratio"]["value"]) < 1 - sharp["value"]
    return nearer and higher(name, "gradient ratio") and lower(name, "KID")


def change(name, *measures):
    found = {measure: less[name, "U-Net"][measure]["difference"] for measure in measures}
    return ", ".join(f"{measure} {value:+.3f}" for measure, value in found.items())


# %%
look_of = {name: change(name, "gradient ratio", "KID") for name in ("W-Net", "GAN")}
work = gflop["W-Net"] / gflop["U-Net"]
claims = {
    'W-Net "slightly better", by MSE': (lower("W-Net", "1000 MSE"), change("W-Net", "1000 MSE")),
    'W-Net "slightly better", by MAE': (lower("W-Net", "1000 MAE"), change("W-Net", "1000 MAE")),
    'W-Net "slightly better", by its look': (looks_better("W-Net"), look_of["W-Net"]),
    'W-Net more "complex"': (work > 1, f"{work:.2f} times the arithmetic per tile"),
    'W-Net "much slower"': (None, f"other hardware; ours {times['W-Net']:.2f} times per epoch"),
}
show_verdicts(claims)

# %%
one = accuracies["one colour per tile"]
theirs = f"other hardware: 240 s over 130 to 200 s is {240 / 200:.2f} to {240 / 130:.2f}"
ours = f"{theirs} times the U-Net's; ours {times['GAN']:.2f}"
more = f"other start: {passes['U-Net']:.0f} passes as a U-Net, {passes['GAN']:.0f} as a GAN"
cost = f"{change('GAN', '1000 MSE')}, at {times['GAN']:.2f} times the time per epoch"
ahead = all(higher(name, "1000 MSE") for name in ("W-Net", "GAN"))
best = min(networks, key=lambda name: kid[name].mean())
claims = {
    'GAN "promising", by its look': (looks_better("GAN"), look_of["GAN"]),
    "GAN promising by 0.88 accuracy": (one < 0.88, f"one colour per tile has {one:.3f}"),
    'GAN "up to 4 minute" an epoch': (None, ours),
    "GAN 15 to 20 epochs at least": (None, more),
    'GAN "not making it worth", by MSE': (higher("GAN", "1000 MSE"), cost),
    '"the best architecture": a U-Net, by MSE': (ahead, f"by KID, of the networks: {best}"),
}
show_verdicts(claims)

# %% [markdown]
# The verdicts hang on the measure, and each says on which. By the original's own, error and time,
# a U-Net is hard to beat: it is trained for the error and nothing else. What it is worth to look
# right is not in them. And "by its look" means here by gradient ratio and KID, which stripes can
# serve: whose look it is, a classifier's or yours, is part of the verdict too. "Classical" was not
# tested here: our U-Net corrects a fill, and notebook 06 showed what that is worth. That
# skip connections help against vanishing gradients and that pooling keeps what matters are
# sentences about U-Nets in general; we tested neither.
#
# <details><summary><b>Think:</b> the author saw an accuracy of 0.88 for the GAN and of 0.92 for
# the U-Net, and chose the U-Net. Was the choice wrong?</summary>
#
# - *"Yes, the GAN looks more real."* On a map of what *is* there, looking real is a danger: an
#   invented road is worse than a blurred field.
# - *"No, 0.92 is more than 0.88."* By this measure one colour per tile is as good as that GAN.
# - *"It depends on the use, and the two figures say nothing about it."* Yes.
# </details>
#
# ## 8 · The test split, once
#
# Every choice of this series, the radius of a fill, a recipe, the weight of a loss, when to stop,
# was made on validation tiles, and choices fit themselves to the tiles that they are made on. So
# here, in the last table and nowhere else, are tiles on which nothing was chosen.

# %%
available = ei.data.load_tiles("test", source=source)
count = len(available) // every_test
test = available[ei.data.stratified_subset(available.labels, count)]
test_masks = ei.masks.line_masks(len(test), seed=seed)
final = {"push-pull": ei.baselines.push_pull} | networks
test_table = ei.metrics.compare(final, test.images, test_masks)
print(f"{len(test):,} tiles read, of {len(available):,} test tiles here and 5,300 in EuroSAT")
for caption, scores in blocks.items():
    display(show_scores(test_table, scores, f"{caption}, test split"))

orders = {}
for score in ("mse_holes", "kernel_distance"):
    for split, rows in {"validation": table, "test": test_table}.items():
        ranked = sorted((row[score]["value"], row["name"]) for row in rows if row["name"] in final)
        orders[f"{score} on {split}"] = [name for _, name in ranked]
columns = {f"place {number}": "" for number in range(1, len(final) + 1)}
ei.plots.show_table(columns, orders, "The methods in order, least first", validation.source)

# %% [markdown]
# The levels differ from those of the validation split, as the tiles do; no figure of one table may
# be held against one of the other. What should carry over is the *order*, in the last table. No
# choice was made on these tiles, and none may be made now.
#
# ### Try it yourself
#
# All methods in one explorer: choose a mask, a tile and a method. Below it stands the same idea
# without a running notebook: one tile, four methods.

# %%
display(ei.widgets.inpainting_explorer(validation))
answers = [grid[name][shown[2]] for name in contest]
amounts = [2 * np.abs(answer - tiles[shown[2]]).mean(axis=-1) for answer in answers]
figure = ei.plots.show_tiles(
    [answers, amounts], ["restored", "error, x 2"], contest, validation.source
)

# %% [markdown]
# The figure shows the industrial tile of the grid, and below it the absolute error, white for half
# of the full scale and more. Known lines are black. All four miss the same roofs.
#
# ## In this notebook we have
#
# 1. set a U-Net of equal training beside the attempts, so that ideas are compared and not
#    patience;
# 2. measured what an epoch costs as a ratio, since minutes do not travel;
# 3. looked at one grid, with a control that is sharp and knows nothing;
# 4. read one table, and counted only paired differences whose interval excludes 0;
# 5. drawn perception against distortion, with the line at twice the error, and seen how little of
#    what the attempts add is what was missing;
# 6. found lakes won by a fill that learns nothing, and hard tiles hard for all;
# 7. judged the original's sentences by code;
# 8. opened the test split once, and tried all methods on tiles of our own choice.
#
# **The whole series, in a few sentences.** Know your tiles before you split them
# ([01](01_data_exploration.ipynb)). Know your masks: nearly half of this task is extrapolation
# ([02](02_mask_generation.ipynb)). Know what a fill can do that learns nothing
# ([03](03_filling_without_learning.ipynb)). Choose the measure before the method: an accuracy of
# 0.88 can be one colour per tile ([04](04_judging_a_restoration.ipynb)). Count no difference whose
# interval holds 0 ([05](05_is_the_difference_real.ipynb)). What you give a network for free it need
# not learn: fill first, then correct ([06](06_unet_training.ipynb)). A critic asks whether a tile
# could be true ([07](07_gan_attempt.ipynb)), a second network gives what its loss asks for
# ([08](08_wnet_attempt.ipynb)), and neither can know what the lines do not show. Blur is honest,
# sharpness is a choice, and its price can be computed.
#
# **Limits.** One seed for each network: the intervals are over tiles, not over trainings. One
# family of masks. KID and land-cover agreement are judged by our own small classifier, which leans
# on texture. The GAN never draws a second answer. Tiles cut from one satellite image are not
# independent, so that intervals are somewhat too short. And the original's networks were not
# trained again: its sentences are judged here by networks of our own.
#
# **References**
#
# - Y. Blau, T. Michaeli, "The perception-distortion tradeoff", CVPR 2018.
# - D. Freirich, T. Michaeli, R. Meir, "A theory of the distortion-perception tradeoff in
#   Wasserstein space", NeurIPS 2021.
# - M. Binkowski et al., "Demystifying MMD GANs", ICLR 2018 (KID).
