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
# # 08 · A second U-Net to sharpen the first
#
# **The question.** The tiles that a U-Net restores look blurred. The project behind this series
# therefore put a second U-Net behind the first, to make sharper pictures of the first one's
# answers: a W-Net. It calls the results "slightly better" and the training "much slower and
# complex", and shows neither pictures nor figures. *What can a second network sharpen, and what
# does it invent?*
#
# ![A quarter of each of five tiles, enlarged: truth, masked, the first stage and the second. Where the
# first stage has a fog, the second has furrows, bushes and roofs.](figures/08_wnet_attempt.png)
#
# *Stage 2 was trained against a critic. Section 5 asks how much of what it adds was there.*
#
# | | |
# |---|---|
# | **Time** | about 55 minutes, of which 4 are computing |
# | **You need** | [notebook 04](04_judging_a_restoration.ipynb) for the measures, the referees above all, [05](05_is_the_difference_real.ipynb) for paired intervals, [06](06_unet_training.ipynb) for the U-Net, [07](07_gan_attempt.ipynb) for critic and noise; no GPU |
# | **Data** | 20,319 training tiles, 1,381 validation tiles |
# | **Written to disk** | nothing |
#
# **In this notebook you will**
#
# 1. ask why a second network should help at all, and find that under the same loss it should not (8
#    min)
# 2. build a loss that asks for sharpness, see how far it reaches, cheat it, and mend it (14 min)
# 3. put a second U-Net behind the first, and check that it begins by changing nothing (5 min)
# 4. train it twice for a minute, catch a network cheating, and let the referees judge (9 min)
# 5. hand the second network to a critic, and measure what it sharpens and what it invents (12 min)
# 6. hold it against a filter, against noise, and against a single network (7 min).

# %%
import json
import logging
import os
from dataclasses import replace
from functools import partial
from pathlib import Path

import keras
import numpy as np
from IPython.display import display
from keras import ops
from scipy.fft import dctn
from scipy.ndimage import gaussian_filter

import eurosat_inpaint as ei

ei.plots.use_style()
logging.getLogger("tensorflow").setLevel("ERROR")  # so many networks it takes for a mistake

# %%
profile = os.environ.get("EUROSAT_INPAINT_PROFILE", "teach")  # smoke (tests), teach, full
source = "synthetic" if profile == "smoke" else "auto"
epochs = {"smoke": 2, "teach": 3, "full": 14}[profile]
steps_per_epoch = {"smoke": 2, "teach": 100, "full": 317}[profile]  # of 32 tiles each
validation_tiles = {"smoke": 16, "teach": 200, "full": 1381}[profile]  # scored after each epoch
seed = 0  # set all sizes here

# %% [markdown]
# ## 1 · A second network sees only what the first has seen
#
# We start where notebook 06 ended: with the shipped U-Net and what it restores. As there, networks
# learn from the train split, and all measuring is done on the validation split.

# %% alt="Five tiles, truth, masked and restored by the U-Net. Wherever the lines leave a wide gap the answer is soft: furrows, junction arms, roofs and houses turn into fog."
train = ei.data.load_tiles("train", source=source)
validation = ei.data.load_tiles("validation", source=source)
tiles = validation.images.astype(np.float32) / 255
masks = ei.masks.line_masks(len(tiles), seed=seed)
masked = tiles * masks
unet = ei.pretrained.load("unet")
first = ei.pretrained.restore_in_batches(unet, masked, masks)
print(f"gradient ratio of the U-Net {ei.metrics.gradient_ratio(tiles, first, masks):.2f}, ", end="")
print(f"on {len(tiles):,} validation tiles, source: {validation.source}")

wanted = ("AnnualCrop", "Highway", "Industrial", "PermanentCrop", "Residential")
labels = [validation.class_names.index(name) for name in wanted]
shown = [int(np.flatnonzero(validation.labels == label)[4]) for label in labels]
tinted = ei.plots.tint_holes(tiles[shown], masks[shown])
pictures = [tiles[shown], tinted, first[shown]]
figure = ei.plots.show_tiles(pictures, ["truth", "masked", "U-Net"], wanted, validation.source)

# %% [markdown]
# Wherever the lines leave a gap the U-Net's answer is soft, and the gradient ratio says by how
# much: of the true change from pixel to pixel it keeps well under half.
#
# Now put a second network behind it, give it the restored tile and the mask, and train it with the
# same loss, the squared error. **What can it find to do?** The restored tile was computed from the
# known pixels, so the second network sees nothing that the first had not seen. And under squared
# error the best answer is the mean of all truths that fit. If the first network has learnt that
# mean, the best that a second one can do is to hand it on as it is.
#
# This can be tested with the smallest of all second networks. It has one weight, the strength of an
# **unsharp mask**: take the restored tile $\hat x$, subtract a blurred copy $B \hat x$, and what is
# left is detail. Add so much of it, or take some away, in the holes alone:
#
# $$\hat x + w\, (\hat x - B \hat x).$$
#
# **Predict** the weight $w$ of the least squared error: (a) about 1, since the answer is blurred,
# (b) about 0, (c) clearly below 0?


# %% alt="MSE in the holes over the U-Net's, and gradient ratio, against the strength of an unsharp mask from -1 to 4. The error has its bottom at 0, where the U-Net stands as it is; the gradient ratio rises all the way."
def sharpen(pictures, strength):
    """Unsharp mask in the holes: more of what a Gaussian of one pixel takes away."""
    detail = pictures - gaussian_filter(pictures, 1, axes=(1, 2))
    return np.where(masks == 1, pictures, np.clip(pictures + strength * detail, 0, 1))


strengths = np.linspace(-1, 4, 11)
tries = [sharpen(first, strength) for strength in strengths]
errors = np.array([ei.metrics.mse(tiles, tried, masks).mean() for tried in tries])
ratios = [ei.metrics.gradient_ratio(tiles, tried, masks) for tried in tries]
curves = {
    "MSE in the holes\n(U-Net = 1)": errors / errors[2],
    "gradient ratio\n(truth = 1)": ratios,
}
figure = ei.plots.show_curves(strengths, curves, "strength", "ratio", validation.source)
parabola = np.polynomial.Polynomial.fit(strengths[:6], errors[:6], 2)  # around 0
print(f"the error is least at a strength of {parabola.deriv().roots()[0]:+.2f}")

# %% [markdown]
# <details><summary>Answer</summary>
#
# **(b)**. **(a)** takes blur for a mistake that can be undone. **(c)** would say that the U-Net is
# sharper than its loss allows.
#
# </details>
#
# At 0 stands the U-Net as it is, and the bottom of the valley lies just there: less detail is
# worse, more detail is worse, and the one weight has nothing to learn. The gradient ratio rises all
# the way. **From the first step on sharpness is bought with squared error.**
#
# <details><summary><b>Think:</b> somebody trains a second U-Net behind the first with the same
# loss, and the MSE falls by two percent. What has happened?</summary>
#
# - *"The second network recovered details that the first had lost."* It was given less than the
#   first: what is not in the restored tile can only be guessed.
# - *"Two networks know more than one."* They have more weights and were trained for longer. If the
#   first was not yet at its best, that helps; so might more weights, or a longer training, in one
#   network. Section 6 makes this test.
# - *"The first network had not found the mean yet, and the second came a little closer."* Yes.
# </details>
#
# So a second network is worth its place only if it is asked **another question**.
#
# ## 2 · A loss that asks for sharpness can be cheated
#
# Which question? It must make the blurred answer expensive, and a sharp answer cheap even if it is
# not right to the pixel. We try four losses on a single row of 40 pixels, where everything can be
# computed. In one picture a road, two pixels wide, runs somewhere through a hole: five places are
# possible, all equally likely. In the other stands an orchard, four pixels of light and four of
# shade in turn, but nobody knows where they begin.
#
# Two of the losses you know, MSE and MAE. The third compares *gradients*, the differences from one
# pixel to the next, place by place. The fourth compares them too, but drops their sign and averages
# their size over windows of four: not "is there an edge here?", but "**how much edge is there
# hereabouts?**" With the differences $g_i = x_{i+1} - x_i$ and means over windows $W$:
#
# $$\text{gradients: } \sum_i (\hat g_i - g_i)^2, \qquad \text{local strength: } \sum_W
# \left| \tfrac{1}{4} \sum_{i \in W} |\hat g_i| - \tfrac{1}{4} \sum_{i \in W} |g_i| \right|.$$
#
# **Predict:** which of the four would have a network draw a sharp road at a place that is probably
# wrong?

# %%
pixels = np.arange(40)


def road(places):
    """A row with a road two pixels wide, for each of so many places around the middle."""
    starts = np.arange(places)[:, None] + 20 - places // 2
    return ((pixels >= starts) & (pixels < starts + 2)).astype(float)


orchard = ((pixels + np.arange(8)[:, None]) // 4 % 2).astype(float)  # eight beginnings


# %%
def local_strength(row):
    """Mean size of the differences in every window of four."""
    sizes = np.abs(np.diff(row))
    return np.lib.stride_tricks.sliding_window_view(sizes, 4, axis=-1).mean(axis=-1)


losses = {
    "MSE": lambda answer, truth: (answer - truth) ** 2,
    "MAE": lambda answer, truth: np.abs(answer - truth),
    "gradients": lambda answer, truth: (np.diff(answer) - np.diff(truth)) ** 2,
    "local strength": lambda answer, truth: np.abs(local_strength(answer) - local_strength(truth)),
}

# %%
answers = {
    "a blurred road, the mean": (road(5).mean(axis=0), road(5)),
    "no road": (np.zeros(40), road(5)),
    "a sharp road in the middle": (road(5)[2], road(5)),
    "a blurred orchard, the mean": (orchard.mean(axis=0), orchard),
    "any sharp orchard": (orchard[3], orchard),
}
entries = {
    name: [loss(answer, truths).sum(axis=-1).mean() for loss in losses.values()]
    for name, (answer, truths) in answers.items()
}
columns = dict.fromkeys(losses, ".2f")
ei.plots.show_table(columns, entries, "Expected loss of each answer")

# %% [markdown]
# Read down each column; what has the least loss is what a network would learn to answer.
#
# - **MSE** wants the blurred road and the grey orchard, as notebook 04 said.
# - **MAE** wants *no road*: at each single pixel that is the better bet. About the orchard it does
#   not care. The original trained with MAE, and found its tiles blurred all the same.
# - **Gradients, place by place,** want the blur too. The gradient of the mean is the mean of the
#   gradients, so this is squared error once more, of another picture.
# - **Local strength** wants the sharp road, even at a place that is probably wrong, and a sharp
#   orchard costs nothing at all. (That is exactly 0 because its stripes are as wide as the window.)
#
# How far does this reach? Here is the road again, with more and more places where it could be.

# %% alt="Expected loss of local strength for a blurred road, no road and a sharp one, against the number of places where the road could be. Sharp is cheapest for three to nine places, crosses no road at about ten, and ends as the most expensive of the three."
places = np.arange(1, 17)
curves = {"blurred": [], "no road": [], "sharp": []}
for number in places:
    truths = road(number)
    options = (truths.mean(axis=0), np.zeros(40), truths[number // 2])
    for values, answer in zip(curves.values(), options, strict=True):
        values.append(losses["local strength"](answer, truths).sum(axis=-1).mean())
figure = ei.plots.show_curves(places, curves, "possible places of the road", "expected loss")

# %% [markdown]
# As long as the road is known to a few pixels, sharp is cheapest. From some ten places on "no road"
# wins, and a little later the sharp road becomes the most expensive of the three. So this loss asks
# for sharpness in two cases: where an edge is nearly known, and where there is texture all around,
# as in the orchard. In a wide hole, where one road could be anywhere, it asks for no road at all.
# Wider windows would reach farther, and care less where things are.
#
# For tiles, windows are 4 x 4 pixels, differences are taken along rows and along columns, and MAE
# stays in, so that colours remain where they belong. This is all of the loss:


# %%
def strength_in_windows(pictures, axis, distance=1):
    """Mean size of the differences along an axis, in every window of 4 x 4."""
    later = ops.take(pictures, range(distance, 64), axis=axis)
    sizes = ops.abs(later - ops.take(pictures, range(64 - distance), axis=axis))
    return ops.average_pool(sizes, 4, 1, padding="valid", data_format="channels_last")


def error_of_strength(true, restored, distance=1):
    """Mean absolute error of the local strength, over both axes."""
    pairs = [[strength_in_windows(p, a, distance) for p in (true, restored)] for a in (1, 2)]
    return sum(float(ops.mean(ops.abs(there - here))) for there, here in pairs) / 2


first_attempt = ei.training.SharpnessLoss(distances=(1,))
by_hand = np.abs(tiles[shown] - first[shown]).mean() + error_of_strength(tiles[shown], first[shown])
assert np.isclose(by_hand, float(first_attempt(tiles[shown], first[shown])), rtol=1e-4)

# %% [markdown]
# The assertion says that the package's `SharpnessLoss`, told to compare pixels at a distance of 1,
# computes the same. What does it make of tiles? Beside the U-Net's answer stand two that no network
# gave. One is the *true* tile, moved to the side, in the holes. The other is a cheat: the U-Net's
# answer with a faint **chessboard** of single pixels over it, whose amplitude is half of what the
# tile lacks in gradient.

# %%
true_gradients = ei.metrics.gradient_sums(tiles, masks)
differences_in_holes = 6 * (masks == 0).sum(axis=(1, 2, 3))  # two axes, three channels
lack = (true_gradients - ei.metrics.gradient_sums(first, masks)).clip(0) / differences_in_holes
chessboard = (-1.0) ** np.indices((64, 64, 1)).sum(axis=0)
answers = {"U-Net": first}
for shift in (1, 2, 4):
    answers[f"truth, moved by {shift}"] = np.where(masks == 1, tiles, np.roll(tiles, shift, axis=2))
cheat = (first + 0.5 * lack[:, None, None, None] * chessboard).clip(0, 1).astype(np.float32)
answers["U-Net and chessboard"] = np.where(masks == 1, first, cheat)
few = ei.data.stratified_subset(validation.labels, min(200, len(tiles)))
entries = {}
for name, answer in answers.items():
    pair = tiles[few], answer[few]
    error = np.abs(pair[0] - pair[1]).mean()
    ratio = ei.metrics.gradient_ratio(*pair, masks[few])
    at_1, at_2, at_4 = (error_of_strength(*pair, distance) for distance in (1, 2, 4))
    entries[name] = error, at_1, error + at_1, ratio, at_2, at_4
columns = {"MAE": ".4f", "strength": ".4f", "sum": ".4f", "gradient ratio": ".2f"}
columns |= {"strength at 2": ".4f", "at 4": ".4f"}
ei.plots.show_table(columns, entries, f"Answers to {len(few)} tiles", validation.source)

# %% [markdown]
# Read the first four columns; the last two come in a moment. The truth moved by one pixel has the
# lower figure in both parts. Moved by two, its pixels are farther off than the U-Net's, and its
# strength is still nearer to right; in the sum the U-Net is ahead again. Moved by four, by as much
# as a window is wide, the advantage is gone.
#
# And the cheat works. It knows one number of each tile and nothing else, yet on EuroSAT its sum is
# lower than the U-Net's, and than that of the truth two pixels off. No picture changes as much from
# pixel to pixel for as little error as a chessboard. **A network gives what the loss asks for, at
# the lowest price.** Section 4 shows whether ours finds it.
#
# Can the loss be mended? On a chessboard pixels at a distance of two are *equal*, and those of a
# field, a road or a roof are not: they differ by more than neighbours do. The last two columns are
# the errors of local strength when pixels at distances 2 and 4 are compared; there the cheat gains
# next to nothing. So our second attempt asks for the right strength **at distances 1, 2 and 4** and
# takes the mean of the three.

# %%
second_attempt = ei.training.SharpnessLoss()  # distances 1, 2 and 4
attempts = {"distance 1": first_attempt, "distances 1, 2, 4": second_attempt}
entries = {
    name: [float(loss(tiles[few], answer[few])) for loss in attempts.values()]
    for name, answer in answers.items()
}
columns = dict.fromkeys(attempts, ".4f")
ei.plots.show_table(columns, entries, "The two losses", validation.source)

# %% [markdown]
# The cheat still works, but little: on EuroSAT about a fifth of its gain is left. The second loss
# is not proof against patterns either. It asks three questions about a neighbourhood where the
# first asked one, and some other pattern may know three answers.
#
# <details><summary><b>Think:</b> why compare local strength with that of the truth? Would it not
# be simpler to reward large differences?</summary>
#
# - *"It would come to the same, restored tiles are always too smooth."* Only at first. A reward has
#   no end: the network would go past the truth, to black and white.
# - *"One has to reward them, as the truth is not known when the network is used."* A loss is for
#   training, and there the truth is known.
# - *"The comparison says when to stop, and that a lake should stay flat."* Yes.
# </details>
#
# ## 3 · The second network begins by changing nothing
#
# - **Stage 1** is the shipped U-Net, frozen: its weights stay as they are.
# - **Stage 2** is a residual U-Net as in notebook 06, but smaller. What it corrects is not a
#   push-pull fill but the composite of stage 1. It gets the mask too, so that it knows which pixels
#   were only guessed.
# - **A Lambda comes after both**, so known pixels are put back twice.
#
# The last convolution of stage 2 starts at zero. So, if all is wired rightly, the untrained W-Net
# must return what its first stage restored.

# %% alt="The W-Net as three blocks: the input, the first stage and the second stage, each a whole U-Net. An arc carries the mask past the first stage to the second."
keras.utils.set_random_seed(seed)
card = ei.pretrained.card("wnet")
of_critic = {"noise": 0, "without_chessboard": False}  # these two come in section 5
build = partial(ei.models.wnet, **card["arguments"] | of_critic)
dtype = ei.training.fastest_dtype(ei.models.residual_unet)
wnet = build(dtype=dtype)
stage_1, stage_2 = (wnet.get_layer(name) for name in ("first_stage", "second_stage"))
stage_1.set_weights(unet.get_weights())
figure = ei.plots.show_network(wnet, "The W-Net: a U-Net behind a U-Net, both with their Lambda")

both = ei.models.wnet_stages(wnet)  # the same network, with both outputs
restored, sharpened = (np.asarray(p) for p in both([masked[shown], masks[shown]]))
assert np.allclose(sharpened, restored, atol=1.1e-3)  # the logit keeps 0.001 away from 0 and 1
known = np.broadcast_to(masks[shown] == 1, restored.shape)
assert np.array_equal(sharpened[known], masked[shown][known])

networks = {"first stage": stage_1, "second stage": stage_2, "W-Net": wnet}
entries = {name: (n.count_params(), ei.metrics.gflop_per_tile(n)) for name, n in networks.items()}
columns = {"parameters": ",", "GFLOP per tile": ".2f"}
ei.plots.show_table(columns, entries, "The W-Net and its stages")

# %% [markdown]
# The assertions hold: known pixels are kept, and the second stage begins by changing nothing but
# the margin that keeps pixels away from 0 and 1. What it adds in size stands in the table; what it
# adds in minutes is compared in [notebook 09](09_comparison.ipynb), for all networks at once.
#
# ## 4 · Training finds a cheap pattern of a fixed loss
#
# The recipe is the U-Net's of notebook 06, in batches of 32, with a new loss in place of its own:
# once the loss of our first attempt, once that of the second. Both begin with the same weights and
# see the same batches. After every epoch we note gradient ratio and MSE on the same tiles. The
# first look comes before the training, and shows stage 1 alone.

# %%
count = min(validation_tiles, len(validation))
scored = validation[ei.data.stratified_subset(validation.labels, count)]
scored_tiles = scored.images.astype(np.float32) / 255
scored_masks = ei.masks.line_masks(len(scored), seed=1)  # those on which `fit_wnet` validates
restore = partial(
    ei.pretrained.restore_in_batches, masked=scored_tiles * scored_masks, masks=scored_masks
)
examples = [int(np.flatnonzero(scored.labels == label)[0]) for label in labels]
crop = np.s_[:, 16:48, :32]
looks, answers = {}, {"stage 1": restore(unet)}


def look(name):
    """Note what the network, as it is now, makes of the scored tiles."""
    answers[name] = restore(wnet)
    error = ei.metrics.mse(scored_tiles, answers[name], scored_masks).mean()
    ratio = ei.metrics.gradient_ratio(scored_tiles, answers[name], scored_masks)
    looks.setdefault(name, []).append((error, ratio))


# %% alt="MSE over that of stage 1, and gradient ratio, against tiles seen, for the loss at distance 1 and at distances 1, 2 and 4. After one epoch both gradient ratios have gone from 0.4 to above 0.7; both errors rise by a few percent."
learning = dict(epochs=epochs, steps_per_epoch=steps_per_epoch, seed=seed, verbose=0)
untrained = stage_2.get_weights()
for name, loss in attempts.items():
    stage_2.set_weights(untrained)
    look(name)
    after_epoch = keras.callbacks.LambdaCallback(on_epoch_end=lambda *_, name=name: look(name))
    learning["callbacks"] = (ei.training.ProgressLine(name), after_epoch)
    learning["recipe"] = replace(ei.training.RECIPES["sharpness"], loss=loss)
    ei.training.fit_wnet(wnet, train.images, scored.images, **learning)
seen = np.arange(epochs + 1) * steps_per_epoch * 32
curves = {}
for name, values in looks.items():
    of_error, of_ratio = np.transpose(values)
    curves |= {f"MSE, {name}": of_error / of_error[0], f"gradient ratio, {name}": of_ratio}
ylabel = "MSE (stage 1 = 1)\ngradient ratio (truth = 1)"
figure = ei.plots.show_curves(seen, curves, "tiles seen", ylabel, validation.source)

# %% alt="A quarter of each of five tiles, enlarged: truth, stage 1, and stage 2 after each of the two losses. At distance 1 a fine chessboard covers the wide holes; at distances 1, 2 and 4 there are slanting stripes or a coarser weave instead."
rows = {"truth": scored_tiles} | answers
pictures = [row[examples][crop] for row in rows.values()]
figure = ei.plots.show_tiles(pictures, list(rows), wanted, validation.source)

# %% [markdown]
# Both losses get what they ask for, and at once: after one epoch the gradient ratio has gone from
# 0.4 to above 0.7. By the third the MSE has risen by five and by eight percent.
#
# Now the pictures. In the row of distance 1 a fine chessboard covers the wide holes, plainest in
# the industrial area and among the houses. So the network has found the cheat by itself. In the row
# of distances 1, 2, 4 there are slanting stripes instead, a few pixels wide, plain in the
# industrial area; in the others they cross to a coarser weave.
#
# Are they the texture of the land? Let the measures decide. Beside the error stand first three that
# notebook 04 found could be bought, then the two that could not, or hardly. **Before you look:**
# which of the columns will like the attempts?

# %%
judged = {row["name"]: row for row in ei.metrics.compare(answers, scored_tiles, scored_masks)}


def show_measures(rows, against, caption):
    """Error over that of a method, and what notebook 04 admitted and did not."""
    least = rows[against]["mse_holes"]["value"]
    entries = {}
    for name, row in rows.items():
        looks_like = [row[score]["value"] for score, _ in LOOKS.values()]
        entries[name] = row["mse_holes"]["value"] / least, *looks_like, row["spectral_peak"]
    columns = {f"MSE over that of {against}": ".2f"}
    columns |= {title: form for title, (_, form) in LOOKS.items()} | {"spectral peak": ".2f"}
    return ei.plots.show_table(columns, entries, caption, validation.source)


LOOKS = {"gradient ratio": ("gradient_ratio", ".2f"), "KID": ("kernel_distance", ".3f")}
LOOKS |= {"KID, early": ("kernel_distance_early", ".3f")}
LOOKS |= {"linear referee": ("referee_accuracy", ".3f")}
show_measures(judged, "stage 1", f"In the holes of {len(scored)} tiles")

# %% [markdown]
# The gradient ratio likes both attempts. The kernel distances like them too (200 tiles, no
# intervals), the chessboard a little, the stripes very much: they fall to less than a third. The
# last two columns do not. A spectral peak should be 1; the chessboard has one of about 70, the
# stripes one above 10. And the linear referee recognises the attempts at least as often as stage 1:
# sharper they are, but not like the land.
#
# **Which waves are they?** The maps show all waves, slow ones at the top left: down the map they
# vary from row to row, along it from column to column. They are those of two differences: what was
# **missing**, truth less stage 1, and what was **added**, our second attempt less stage 1.

# %% alt="Amplitude of all waves, slow ones at the top left, of what was missing and of what was added. The missing fades evenly from the corner; the added, besides some slow waves in the corner, sits in two dim spots off the axes, the stripes."
stage_1_alone, patterned = answers["stage 1"], answers["distances 1, 2, 4"]
changes = {"missing": scored_tiles - stage_1_alone, "added": patterned - stage_1_alone}
amplitudes = []
for name, picture in changes.items():
    power = (dctn(picture.mean(axis=-1), axes=(1, 2), norm="ortho") ** 2).mean(axis=0)
    share = power[16:, 16:].sum() / power.sum()  # the wave k repeats after 128 / k pixels
    print(f"{name}: {share:.1%} lies in waves that repeat within 8 pixels, both ways")
    amplitudes.append(1000 * np.sqrt(power))
limit = np.quantile(amplitudes, 0.99)
figure = ei.plots.show_maps(
    amplitudes,
    list(changes),
    "amplitude, thousandths",
    validation.source,
    largest=limit,
    axis_labels=("wave along rows", "wave along columns"),
)

# %% [markdown]
# What was missing are mostly slow waves of every direction, at the top left; towards fast ones they
# fade evenly. What was added is, besides some slow waves in the corner, two dim spots off the axes.
# These are the stripes: one kind repeats after about seven pixels, along rows and along columns,
# the other after about three. More than half of the power that was added lies in waves that repeat
# within 8 pixels both ways, and only a tenth of what was missing does.
#
# Each mend invites the next pattern. When pixels are compared along both diagonals too, stripes no
# longer pay, and a training of 400 steps brings coloured bricks (`benchmarks/README.md`). **Each
# fixed loss that we tried had a cheap pattern, and training found it.**
#
# ## 5 · Against a critic it looks far more like the truth, and knows nothing more
#
# A critic is a loss that is not cheated with the same pattern for long. So the shipped W-Net was
# trained against one: its second stage is like the generator of notebook 07, noise and all, but
# smaller; its first stage stays frozen. The reconstruction loss is the squared error, and the
# weight of the critic is smaller than there: stage 1 knows what is near, stage 2 is to change as
# little as it takes.

# %% tags=["result"] alt="A quarter of each of five tiles, enlarged: truth, masked, stage 1 and stage 2 of the shipped W-Net. Where stage 1 has a fog, stage 2 has furrows, bushes and roofs, without a grid or stripes."
facts = ("parameters", "first_stage", "tiles_seen", "discriminator_parameters", "command")
entries = {fact: (str(card[fact]),) for fact in facts}
display(ei.plots.show_table({"wnet": ""}, entries, "Card of the shipped W-Net"))

shipped = ei.models.wnet_stages(ei.pretrained.load("wnet"))
restored, second = shipped.predict([masked, masks], batch_size=64, verbose=0)
assert np.allclose(restored, first, atol=1e-4)  # its first stage is the shipped U-Net

rows = {"truth": tiles[shown], "masked": tinted, "stage 1": first[shown], "stage 2": second[shown]}
pictures = [row[crop] for row in rows.values()]
figure = ei.plots.show_tiles(pictures, list(rows), wanted, validation.source)

# %% [markdown]
# No grid and no stripes: where stage 1 has a fog, stage 2 has furrows, bushes, roofs, or what
# passes for them.
#
# ### What it sharpens

# %%
compared = ei.metrics.compare({"stage 1": first, "stage 2": second}, tiles, masks)
compared = {row["name"]: row for row in compared}
display(show_measures(compared, "stage 1", "In the holes of all validation tiles"))


def less(name, other, score, scale=1):
    """Paired difference of two methods, with its interval."""
    pair = (scale * compared[n]["by_tile"][score] for n in (name, other))
    found = ei.metrics.paired_difference(*pair, compared[name]["weights"].get(score))
    return found["difference"], (found["low"], found["high"])


scores = {"1000 MSE": ("mse_holes", 1000), "1000 MAE": ("mae_holes", 1000)}
scores |= {title: (score, 1) for title, (score, _) in LOOKS.items()}
scores |= {"KID, second classifier": ("kernel_distance_second", 1)}
entries = {title: less("stage 2", "stage 1", *score) for title, score in scores.items()}
columns = {"stage 2 less stage 1": "+.3f", "95 % interval": "+.3f"}
ei.plots.show_table(columns, entries, "What the second stage changes", validation.source)

# %% [markdown]
# Every measure of looks with an interval has gone the right way, by far more than that, the linear
# referee among them: it is right six times in ten. The spectral peak, without an interval, stays
# near 1. It had its price: the MSE has risen by a quarter, the MAE by more than a tenth.
#
# ### What it invents
#
# Was anything of what was added also missing? Three numbers, of which the second is the first on
# another scale:
#
# - the **share of truth** of what was added, $a$, with what was missing, $m$: $s = \sum a m \, /
#   \sum a^2$. At 1 all of it was missing, in the mean; at 0 it has nothing to do with the truth. It
#   decides about the MSE, which changes by $\overline{a^2}\, (1 - 2 s)$, as asserted;
# - the correlation of added and missing, pixel by pixel: is detail at the right **place**?
# - the correlation of local strength gained and lacking: is there the right **amount** of it?
#
# **Predict:** which of the three is not near 0?

# %%
missing, added = tiles - first, second - first
share = np.sum(added * missing) / np.sum(added**2)
rise = ei.metrics.mse(tiles, second).mean() - ei.metrics.mse(tiles, first).mean()
assert np.isclose(rise, np.mean(added**2) * (1 - 2 * share), rtol=1e-3, atol=1e-8)

in_holes = np.broadcast_to(masks == 0, tiles.shape)
place = np.corrcoef(added[in_holes], missing[in_holes])[0, 1]
local = [np.asarray(strength_in_windows(p, 1)) for p in (first, second, tiles)]
holes = np.asarray(ops.average_pool(1 - masks, 4, 1, data_format="channels_last"))[..., 0] == 1
inside = holes[:, :-1] & holes[:, 1:]  # the windows of which no pixel is known
gained, lacking = ((other - local[0])[inside].ravel() for other in local[1:])
print(f"share of truth in what was added {share:+.2f}; correlation with what was missing: ", end="")
print(f"place {place:+.2f}, amount {np.corrcoef(gained, lacking)[0, 1]:+.2f}")

# %% alt="Three tiles, most helped, a town, most harmed: truth, stage 1, stage 2, what was added and what was missing, in grey. In the two lower rows both are full of spots of one size, which meet with the same sign about as often as with the opposite one; in the top row a line was added and a wedge was missing."
harm = compared["stage 2"]["by_tile"]["mse_holes"] - compared["stage 1"]["by_tile"]["mse_holes"]
picked = [int(harm.argmin()), shown[-1], int(harm.argmax())]
parts = [whole[picked][crop] for whole in (tiles, first, second)]
parts += [(0.5 + 4 * p[picked][crop].mean(axis=-1)).clip(0, 1) for p in (added, missing)]
names = ["truth", "stage 1", "stage 2", "added", "missing"]
sides = ["most\nhelped", "a town", "most\nharmed"]
figure = ei.plots.show_tiles(list(zip(*parts, strict=True)), sides, names, validation.source)

# %% [markdown]
# The share of truth is zero to within a hundredth, and so is the correlation of place. **What was
# added is not where it was missing**: stage 2 has found nothing that stage 1 had left. The
# *amount*, though, goes with what was lacking, at a correlation of a half. (Part of that is built
# in, as both are differences from stage 1.) Stage 2 makes rough what is rough, somewhere.
#
# The two columns on the right are the change and the error it should have mended, grey where there
# is none. Even in the row that was helped most the line that was added is not the one that was
# missing. In the town both are full of spots of the same size, which meet with the same sign about
# as often as with the opposite one. (Changes are shown four times as strong.)
#
# <details><summary><b>Think:</b> a user asks for a sharper map of a village. Would you give them
# stage 1 or stage 2?</summary>
#
# - *"Stage 2, it looks like a village."* It looks like *a* village. Which roofs are there, neither
#   knows, and only stage 1 admits it.
# - *"Stage 1, its error is smaller."* If they measure areas, yes. Houses in a fog cannot be counted
#   in either.
# - *"It depends on what the map is for."* Yes. As a picture, stage 2; as a measurement, stage 1.
# </details>
#
# ## 6 · Neither a filter nor noise nor more training does the same
#
# Four rivals. The first two are given the gradient ratio of stage 2, and know nothing new. The last
# two are single networks from notebook 07, which began with the same weights as stage 1 and saw as
# many tiles as stage 2 did.
#
# - **Unsharp**: the filter of section 1, on stage 1, at the strength that this takes.
# - **Noise**: white noise in the holes of stage 1. It knows nothing at all.
# - **Control**: the U-Net trained on with its squared error. What looks like the merit of a second
#   network may be that of more training.
# - **GAN**: the U-Net trained on against a critic. Does it take a second network at all?

# %%
target = compared["stage 2"]["gradient_ratio"]["value"]
noise = np.random.default_rng(seed).standard_normal(tiles.shape, np.float32)


def add_noise(deviation):
    """White noise in the holes of what stage 1 restored."""
    return np.where(masks == 1, first, np.clip(first + deviation * noise, 0, 1))


deviations = np.linspace(0, 0.03, 7)
noise_ratios = [ei.metrics.gradient_ratio(tiles, add_noise(d), masks) for d in deviations]
rivals = {
    "unsharp": sharpen(first, np.interp(target, ratios, strengths)).astype(np.float32),
    "noise": add_noise(np.interp(target, noise_ratios, deviations)).astype(np.float32),
}
for title, name in {"control": "gan_control", "GAN": "gan"}.items():
    as_many = ei.pretrained.card(name)["tiles_seen"] / card["tiles_seen"]
    assert abs(as_many - 1) < 0.01
    rivals[title] = ei.pretrained.restore_in_batches(ei.pretrained.load(name), masked, masks)

# %% alt="A quarter of each of five tiles, enlarged: truth, stage 2 and its four rivals. The unsharp mask has hard rims, noise is grain, the control is fog, and the GAN has texture as stage 2 has."
compared |= {row["name"]: row for row in ei.metrics.compare(rivals, tiles, masks)}
display(show_measures(compared, "stage 1", "Stage 2 and its rivals"))

entries = {}
for rival in rivals:
    for title in ("1000 MSE", "linear referee"):
        entries.setdefault(f"stage 2 less {rival}", []).extend(
            less("stage 2", rival, *scores[title])
        )
columns = {"1000 MSE": "+.3f", "its interval": "+.3f"}
columns |= {"linear referee": "+.3f", "interval": "+.3f"}
display(ei.plots.show_table(columns, entries, "Paired by tiles", validation.source))

rows = {"truth": tiles, "stage 2": second} | rivals
pictures = [row[shown][crop] for row in rows.values()]
figure = ei.plots.show_tiles(pictures, list(rows), wanted, validation.source)

# %% [markdown]
# The referee knows filter and noise nine times in ten, with the same gradient ratio as stage 2. So
# sharpness was not what had to be learnt. It is as often right about the GAN as about stage 2,
# whose error is smaller. So it does not take a second network to look right. It may help to look
# right at a lower price; but the two differ in the weight of their critic as well, so this table
# does not decide it.
#
# The control is no rival at all: its gradient ratio and its referee are those of stage 1 to a
# hundredth.
#
# One more question was asked by the recipe search of this project, with the loss of notebook 06,
# from scratch and on fewer tiles. What if **both stages are trained together**, so that the first
# need not be a good answer by itself? **Predict:** does the second network still have nothing to
# learn?

# %%
path = Path("../benchmarks/results/recipe_search.json")  # in the repository only
runs = json.loads(path.read_text()) if path.exists() else []
base = [run for run in runs if run["change"] == "base" and run["tiles_seen"] == 51_200]
entries = {f"base, seed {run['seed']}": (run["gflop"], run["mse"], "-") for run in base}
for run in runs:
    if run["change"] == "a second U-Net behind it, both trained together":
        of_base = np.mean([one["mse_of_tiles"] for one in base], axis=0)
        paired = ei.metrics.paired_difference(run["mse_of_tiles"], of_base)
        shown_as = "{difference:+.6f} [{low:+.6f}, {high:+.6f}]".format(**paired)
        entries[run["change"]] = run["gflop"], run["mse"], shown_as
columns = {"GFLOP per tile": ".2f", "MSE, all pixels": ".6f", "less the base": ""}
ei.plots.show_table(columns, entries, "Trained from scratch on 51,200 tiles of EuroSAT")

# %% [markdown]
# Yes, it does. Together they are about three percent better than one, more than the two seeds of
# the one are apart, for 1.6 times the arithmetic. But the pair is also larger than one. Whether one
# network of the same cost would gain as much was not tried, and so we cannot say that it is the
# second stage that does it.
#
# And "slightly better", as the original says? It depends on the measure, which it does not name. We
# take two errors, and of looks the linear referee; notebook 09 asks for more.

# %%
entries = {}
for title in ("1000 MSE", "1000 MAE", "linear referee"):
    change, interval = less("stage 2", "stage 1", *scores[title])
    verdict = "holds for ours" if interval[1] < 0 else "does not hold for ours"
    if validation.source == "synthetic":
        verdict = "not comparable"
    entries[f"'slightly better', by {title}"] = verdict, change, interval
columns = {"verdict": "", "stage 2 less stage 1": "+.3f", "95 % interval": "+.3f"}
ei.plots.show_table(columns, entries, "What the original says of its W-Net", validation.source)

# %% [markdown]
# By either error ours is worse, by the referee better, and not slightly. (The original's own W-Net
# was another network, and cannot be judged here.) It is the question that counts, and "sharper" was
# one to which, of all that we tried, only the training with critic and noise, by far the longest,
# gave an answer without a pattern.
#
# ## What you have learnt
#
# 1. Under the loss of the first a second network should have nothing to learn; tried with one
#    weight, the best strength of an unsharp mask behind the U-Net is next to nothing.
# 2. A loss that compares local strength and not place asks for sharpness where an edge is nearly
#    known or where there is texture, and a chessboard cheats it.
# 3. A second stage whose last convolution starts at zero begins by changing nothing.
# 4. Training finds the chessboard under the first loss, and stripes under the second; the spectral
#    peak tells them, at 69 and 12.
# 5. Against a critic the second stage sharpens without a pattern. What it adds is uncorrelated with
#    what was missing, but the amount goes with what was lacking.
# 6. Filter and noise buy the gradient ratio and are spotted nine times in ten. The control stays
#    blurred.
#
# **One figure to take along.** Stage 2 has 1.23 times the error of stage 1; the referee is right
# about 61 of its patches in a hundred, down from 99; the share of truth in what it adds is −0.01.
#
# **Limits.** There is one W-Net, trained once, on nine lines; another seed may give other figures.
# Its critic has less weight than the GAN's, so what the second network itself contributes is not
# told apart from that. The short trainings show which pattern each loss leads to, not how far a
# long one would go; none of them had noise.
#
# **Exercises:** [cheat a measure, and write a loss that sees
# sharpness](exercises/08_wnet_attempt.ipynb).
#
# **References**
#
# - X. Xia, B. Kulis, "W-Net: a deep model for fully unsupervised image segmentation", 2017 (the
#   name; another task). [arXiv:1711.08506](https://arxiv.org/abs/1711.08506)
# - M. Mathieu, C. Couprie, Y. LeCun, "Deep multi-scale video prediction beyond mean square error",
#   ICLR 2016 (losses of gradients). [arXiv:1511.05440](https://arxiv.org/abs/1511.05440)
#
# ← [07 · The attempt with a GAN](07_gan_attempt.ipynb) · **08** · [09 · Was it worth
# it?](09_comparison.ipynb) →
