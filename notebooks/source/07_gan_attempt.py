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
# # 07 · The attempt with a GAN
#
# **The question.** The U-Net of notebook 06 answers with a blur where it does not know. The project
# behind this series tried to mend that with a generative adversarial network, a GAN. It called the
# results "promising", at "around 0.88 accuracy", and dropped them for the time they took: "up to 4
# minute" an epoch. Neither the network nor a picture was shown. *What does a critic buy, what does
# it cost, and what does it break?* We build one as well as we can, and look. An attempt that fails
# because it was built weakly teaches nothing.
#
# ![A quarter of each of six tiles, enlarged, as the U-Net, its control, the GAN and the U-Net with
# noise restore them, and the truth. The U-Net leaves fog in wide holes, noise makes it grainy, the
# GAN puts fields and roofs there.](figures/07_gan_attempt.png)
#
# *Each of the things in the GAN's row could be there. Section 7 holds them against the truth.*
#
# | | |
# |---|---|
# | **Time** | about 60 minutes, of which 5 are computing |
# | **You need** | the U-Net of [notebook 06](06_unet_training.ipynb), the measures of [notebook 04](04_judging_a_restoration.ipynb), the referees above all, the paired intervals of [notebook 05](05_is_the_difference_real.ipynb); TensorFlow as the backend of Keras; no GPU |
# | **Data** | 20,319 training tiles, 1,381 validation tiles. Shown is the middle tile of each of six classes, so that no tile was picked for being pretty; often only the quarter in the middle of its right half, where holes are wide, enlarged four times |
# | **Written to disk** | nothing |
#
# **In this notebook you will**
#
# 1. see on a row of pixels why a network blurs, and what a critic would object to (6 min)
# 2. ask what a network makes texture from, and give it noise (8 min)
# 3. build the critic, and find that it needs eyes (9 min)
# 4. write both losses and one training step by hand (9 min)
# 5. read losses that do not say how good the pictures are (6 min)
# 6. train a GAN for two minutes, and look at it while it learns (7 min)
# 7. weigh what a longer training costs, buys and breaks (15 min).

# %%
import json
import os
from functools import partial
from pathlib import Path

import keras
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf
from IPython.display import display
from keras import layers, ops
from scipy.optimize import brentq

import eurosat_inpaint as ei

ei.plots.use_style()
tf.get_logger().setLevel("ERROR")  # it takes so many networks, each compiled once, for a mistake

# %%
profile = os.environ.get("EUROSAT_INPAINT_PROFILE", "teach")  # smoke (tests), teach, full
source = "synthetic" if profile == "smoke" else "auto"
critic_steps = {"smoke": 2, "teach": 60, "full": 300}[profile]  # of 16 tiles each
epochs = {"smoke": 2, "teach": 4, "full": 14}[profile]
steps_per_epoch = {"smoke": 2, "teach": 60, "full": 634}[profile]  # of 32 tiles each
tiles_measured = {"smoke": 40, "teach": 1381, "full": 1381}[profile]  # in section 7
measure_dtype = profile != "smoke"  # is training faster in 16 bits? It takes half a minute to ask
seed = 0  # set all sizes here
train = ei.data.load_tiles("train", source=source)
all_tiles = ei.data.load_tiles("validation", source=source)
some = ei.data.stratified_subset(all_tiles.labels, min(tiles_measured, len(all_tiles)))
validation = all_tiles[some]
tiles = validation.images.astype(np.float32) / 255
masks = ei.masks.line_masks(len(tiles), seed=seed)
masked = tiles * masks
print(f"{len(train):,} tiles to train on, {len(tiles):,} to validate; {validation.source}")
wanted = ("AnnualCrop", "Highway", "Industrial", "PermanentCrop", "Residential", "River")
of_class = [validation.labels == validation.class_names.index(name) for name in wanted]
shown = [int(np.flatnonzero(those)[those.sum() // 2]) for those in of_class]
part = np.s_[:, 16:48, 32:]

# %% [markdown]
# ## 1 · Blur is the mean of many answers
#
# One row of 64 pixels. Somewhere between pixels 20 and 44 there is an edge, or a road three pixels
# wide; nobody knows where, and all places are equally likely. What is the best answer? It depends
# on who asks. With truths $x$, the squared error is least for their **mean**, the absolute error
# for their **median**, pixel by pixel:
#
# $$\operatorname{argmin}_a \mathrm{E}\,(a - x)^2 = \mathrm{E}\,x, \qquad
# \operatorname{argmin}_a \mathrm{E}\,|a - x| = \operatorname{median} x.$$

# %%
places = np.random.default_rng(seed).integers(20, 44, size=(4000, 1))
pixels = np.arange(64)
bright = {"an edge": pixels > places, "a road": (pixels >= places) & (pixels < places + 3)}
truths = {what: possible.astype(float) for what, possible in bright.items()}  # (4000, 64) each
answers = {
    what: {"mean": truth.mean(axis=0), "median": np.median(truth, axis=0), "one truth": truth[0]}
    for what, truth in truths.items()
}

# %% alt="Two charts of a row of pixels, for an edge and for a road at an unknown place: some truths in grey, their mean, their median and one truth. The mean of edges is a long ramp, that of roads a faint haze; the median keeps the edge and leaves out the road."
figure, axes = plt.subplots(1, 2, figsize=(9, 2.6), sharey=True)
for axis, (what, possible) in zip(axes, truths.items(), strict=True):
    axis.plot(possible[1:5].T, color="0.75", linewidth=1)
    axis.set(title=what, xlabel="pixel", ylabel="brightness")
    for name, answer in answers[what].items():
        axis.plot(answer, ":" if name == "one truth" else "-", linewidth=2.5, label=name)
_ = axes[1].legend()

entries = {}
for what, possible in truths.items():
    for name, answer in answers[what].items():
        far = np.abs(answer - possible)
        steepest = np.abs(np.diff(answer)).max()
        entries[f"{what}, {name}"] = np.mean(far**2), far.mean(), steepest
columns = {"squared error": ".3f", "absolute error": ".3f", "steepest step": ".2f"}
ei.plots.show_table(columns, entries, "Three answers to each question")

# %% [markdown]
# The mean of all edges is a long ramp, the mean of all roads a faint haze. The median keeps the
# edge and guesses its place; the road it leaves out altogether, since at no pixel is a road more
# likely than none. One of the truths, sharp and in a wrong place, is the worst answer by either
# error. So neither loss wants what the eye would like: squared error blurs, absolute error drops
# what is improbable.
#
# Now look at the last column of the table. *Every* truth has a step of 1 in it, and the mean has
# none above 0.05. A critic who knows nothing but this can tell means from truths without knowing
# where the edge was. That is the hypothesis of this notebook: **no real patch looks like a mean of
# patches, so a critic punishes blur, and a network that has to please it must choose.**
#
# <details><summary><b>Think:</b> the critic judges an answer without seeing the truth of that
# tile. Is this a weakness?</summary>
#
# - *"Yes, it cannot know whether the edge is in the right place."* True, but this is what makes it
#   useful: the errors that compare places are the ones that blur.
# - *"No, it has learnt the true tiles by heart."* That would help nobody, for the tile to restore
#   is a new one.
# - *"It is the price."* Yes. What pleases the critic may be sharp, plausible and wrong.
# </details>
#
# ## 2 · What can a network without noise make texture from?
#
# **The generator** is the network that restores. Ours begins as the shipped U-Net, weights and all:
# what squared error can teach, it knows already. It ends in the Lambda layer of notebook 06, so
# known pixels stay known.
#
# But can it draw a texture at all? Think of a wide hole in a flat field. All that is known of its
# middle is one colour, the same from every side. A convolution does the same in every place, so
# where its input is the same everywhere, its output is too. **Before you go on:** what could such a
# network make a texture *from*?
#
# <details><summary><b>Think:</b> name everything in the network that is not the same in every
# place.</summary>
#
# - *"The borders of the tile."* Yes: padding is seen there. And the borders of the hole. Whatever
#   is drawn by them runs along them, like waves around a stone.
# - *"The poolings and the upsamplings."* Yes: a pixel that is first of four differs from the next
#   one. What is drawn by them repeats every 2, 4, 8 or 16 pixels.
# - *"The weights."* No. They are the same in every place.
# </details>
#
# Ripples and grids are all that is left, then. The first GAN of this series, without noise, drew
# both. So ours is given **noise**: two channels of random numbers, in the holes only, added to what
# the first convolution says. At first they are weak. Still the generator begins farther from the
# truth than the U-Net that it was, which has never had to ignore such a thing.
#
# The finest of the grids can be taken away by construction. The last convolution computes four
# pixels at a time, a square of 2 x 2, and a critic lets the four drift apart in the same way
# everywhere: a chessboard (Odena et al., 2016). So what alternates from pixel to pixel, along rows
# and columns at once, is subtracted from the generator's correction (`without_chessboard`).
#
# The noise of a tile is not drawn anew in every call: then one tile would have two answers. The
# known pixels say which noise it gets, so the same tile has the same answer on every machine.
# Another *seed* gives it another one.

# %%
unet = ei.pretrained.load("unet")
arguments = ei.pretrained.card("gan")["arguments"]
build = partial(ei.models.residual_unet, **arguments)
dtype = ei.training.fastest_dtype(build) if measure_dtype else "float32"
generator = build(dtype=dtype)


def begin_as_unet(network):
    for layer in unet.layers:
        network.get_layer(layer.name).set_weights(layer.get_weights())


begin_as_unet(generator)
few = ei.data.stratified_subset(validation.labels, 32)  # tiles of all classes
inputs = [tiles[few], masks[few]]
composites = np.asarray(generator([masked[few], masks[few]]))
apart = np.abs(composites - np.asarray(unet([masked[few], masks[few]]))).mean()
by_unet = np.asarray(unet([masked[few], masks[few]]))
missed, at_first = (np.abs(x - tiles[few]).mean() for x in (composites, by_unet))
print(f"it begins {apart:.4f} away from the U-Net; {missed:.4f} from the truth, not {at_first:.4f}")

# %% [markdown]
# Does it matter? Three GANs were trained alike but for this, for a ninth of the steps of the one
# that ships, by `benchmarks/gan_search.py`: with noise, without, and without but with another
# critic, which looks at patches two pixels apart instead of four. Below is the power of what they
# restore along rows and columns, over that of the true tiles.
#
# **Predict.** Without noise a pattern repeats every four pixels, at 16 cycles per tile. If the
# critic, whose logits are four pixels apart, set that period, what would the curve with the other
# critic show there: (a) the same peak, (b) no peak, (c) a higher one?

# %% alt="Power along rows and columns, restored over true, against cycles per tile. The U-Net falls steadily. Above some 5 cycles the three GANs stay higher. Without noise there is a narrow peak at 16 cycles, lower with the other critic; with noise there is none."
path = Path("../benchmarks/results/gan_search.json")  # in the repository only
search = json.loads(path.read_text()) if path.exists() else []
power = {run["change"]: run["power_along_axes"] for run in search if run["steps"] <= 1000}
if search:
    power["the U-Net"] = search[0]["power_along_axes_of_unet"]
labels_of_runs = {
    "base": "with noise",
    "no noise": "without noise",
    "no noise, logits every 2 pixels": "without, critic\nof smaller steps",
    "the U-Net": "the U-Net",
}
figure, axis = plt.subplots(figsize=(9, 3.2))
for change in filter(power.get, labels_of_runs):
    axis.plot(np.arange(1, 64) / 2, power[change], label=labels_of_runs[change])
axis.axvline(16, color="0.7", linestyle=":")
axis.set(xlabel="cycles per tile", ylabel="power, restored over true", yscale="log")
ei.plots.name_curves(axis)

# %% [markdown]
# <details><summary>Answer</summary>
#
# **(b)**: the peak would move to the period of the smaller steps. What is seen is neither: it is
# lower, and it has not moved. **(a)** would be plain evidence for the generator, whose poolings
# have that period too.
#
# </details>
#
# The U-Net is the blur: the faster the wave, the less of it is left. Above some 5 cycles the GANs
# have drawn something at all frequencies. Without noise it has a spike at 16 cycles, which neither
# the U-Net nor the GAN with noise shows. It is there with the critic of smaller steps too, and
# lower, but it has not moved. So the critic's steps alone do not set the period; it fits the
# generator, which pools to every second, fourth, eighth and sixteenth pixel. We varied only the
# critic, and that one sees smaller patches, too.
#
# With noise the narrow peak is absent, in one run each. At the right end, though, its curve rises
# highest. And this was a short training: section 7 comes back to it.
#
# ## 3 · A critic judges patches, not tiles
#
# **The discriminator**, or critic, answers with *logits*: above 0 it takes what it sees for real,
# below 0 for restored. It gets the whole composite, and beside it the mask, so that it need not
# find out by itself where the holes are. A true tile comes with a mask too, the same one. No layer
# merges the logits into one verdict: there is one for each patch, hence the name PatchGAN.
#
# What should it look at? A restored hole and the truth have nearly the same colours. They differ
# from pixel to pixel, and there by a hundredth or two. So a second picture is put beside the tile:
# what is left when the average over 3 x 3 pixels is taken away, enlarged a hundred times. We build
# the critic with and without it.


# %% tags=["nbval-check-output"] alt="The critic as blocks: the input, then convolutions at 64, 32 and 16 pixels. The last block ends in 16 x 16 logits, one for each patch; there is no decoder and no skip."
def build_critic(with_eyes):
    tile, mask = keras.Input((64, 64, 3)), keras.Input((64, 64, 1))
    padded = ops.pad(tile, ((0, 0), (1, 1), (1, 1), (0, 0)), mode="symmetric")
    fine = tile - ops.average_pool(padded, 3, 1, padding="valid")  # less averages of 3 x 3
    eyes = [fine / 0.01] if with_eyes else []
    features = layers.Concatenate()([(tile - 0.38) / 0.05, *eyes, mask])
    for filters, size, strides in ((24, 3, 1), (64, 4, 2), (128, 4, 2), (128, 3, 1)):
        features = layers.Conv2D(filters, size, strides, "same", activation="leaky_relu")(features)
    return keras.Model([tile, mask], layers.Conv2D(1, 3, padding="same")(features))


keras.utils.set_random_seed(seed)

critics = {"with eyes": build_critic(True), "without": build_critic(False)}
critic, packaged = critics["with eyes"], ei.models.patch_discriminator()
print(f"{critic.count_params():,} parameters, {critic.output_shape[1:3]} logits")
packaged.set_weights(critic.get_weights())
assert np.allclose(critic(inputs), packaged(inputs), atol=1e-3)
figure = ei.plots.show_network(critic, "The critic")

# %% [markdown]
# The package has the same critic: with the same weights it gives the same logits, as asserted. What
# does one logit see? Each layer adds its kernel size less one, in steps as wide as the strides
# before it have made them, and the average over 3 x 3 adds two. To be sure, we ask the network:
# which pixels move a logit at all?


# %% alt="An industrial tile, and four times the same tile darkened except for a square of 30 pixels that one logit sees. The squares of two neighbouring logits overlap almost entirely; the last lies in the corner and is cut off there."
def seen_by(row, column):
    """Which pixels of a tile the logit in this place depends on: bool (64, 64)."""
    example, example_mask = tf.constant(tiles[:1]), tf.constant(masks[:1])
    with tf.GradientTape() as tape:
        tape.watch(example)
        logit = critic([example, example_mask])[0, row, column, 0]
    return np.any(tape.gradient(logit, example)[0] != 0, axis=-1)


patches = [seen_by(*place) for place in ((8, 8), (8, 9), (12, 8), (0, 0))]
assert patches[0].sum() == 30**2
example = tiles[shown[2]]
views = [np.where(seen[..., None], 1, 0.25) * example for seen in patches]
titles = ["tile", "one logit", "its neighbour", "farther down", "in the corner"]
figure = ei.plots.show_tiles([[example, *views]], None, titles, validation.source)

# %% [markdown]
# Each logit sees a square of 30 pixels. The first two belong to neighbours; they are four pixels
# apart and overlap almost entirely. The last lies in the corner, where a logit sees the padding as
# well. 30 pixels hold a field border or some roofs, not a village. The critic is to judge
# *texture*; whether the whole makes sense is left to the loss beside it.
#
# Now let both critics learn to tell true tiles from what the U-Net restores, while the U-Net stays
# as it is. **Predict:** after sixty steps, how often is each of them right about a patch? (a) Both
# nearly always, since blur is plain to see. (b) The one with eyes more often, but far from always.
# (c) Both about half of the time.
#
# The loss is binary cross-entropy. With $\operatorname{softplus}(t) = \log(1 + e^t)$ and logits
# $D$,
#
# $$L_{\text{critic}} = \overline{\operatorname{softplus}(-D(\text{real}))}
# + \overline{\operatorname{softplus}(D(\text{restored}))}.$$
#
# The bar is a mean in which patches count by the share of holes in the 4 x 4 pixels at their
# middle, since nothing can be told of what is known.


# %%
def in_holes(values, mask):
    """Mean over tiles of each tile's mean, in which a patch counts by its share of holes."""
    shares = ops.average_pool(1 - mask, 4, 4)
    return ops.mean(ops.sum(values * shares, axis=(1, 2, 3)) / ops.sum(shares, axis=(1, 2, 3)))


def critic_loss(real, restored, mask):
    return in_holes(ops.softplus(-real) + ops.softplus(restored), mask)


def accuracy(real, restored, mask):
    return 0.5 + in_holes(ops.sign(real) - ops.sign(restored), mask) / 4


# %%
@tf.function
def critic_step(critic, optimizer, truth, restored, mask):
    """One step of the critic; returns how often it was right before."""
    with tf.GradientTape() as tape:
        logits = critic([truth, mask], training=True), critic([restored, mask], training=True)
        loss = critic_loss(*logits, mask)
    slopes = tape.gradient(loss, critic.trainable_variables)
    optimizer.apply(slopes, critic.trainable_variables)
    return accuracy(*logits, mask)


batches = ei.training.MaskedTileBatches(train.images, batch_size=16, seed=seed)
learned = {name: [] for name in critics}
steps = {}
for name, each in critics.items():
    optimizer = keras.optimizers.Adam(5e-4, beta_1=0.0, beta_2=0.99)
    optimizer.build(each.trainable_variables)
    steps[name] = partial(critic_step, each, optimizer)

# %% alt="Accuracy of two critics against training steps. The one with eyes gets ahead within the first steps and ends near 0.69; the one without lags behind and ends near 0.60, where the other was before its twentieth step."
for number in range(critic_steps):
    (some_masked, some_masks), some_tiles = batches.batch(number)
    by_unet = unet.predict_on_batch([some_masked, some_masks])
    for name, step in steps.items():
        learned[name].append(float(step(some_tiles, by_unet, some_masks)))
curves = {name: np.convolve(values, np.ones(10) / 10, "valid") for name, values in learned.items()}
figure = ei.plots.show_curves(
    1 + np.arange(len(curves["without"])),
    curves,
    "first of the ten steps averaged",
    "accuracy of the critic",
    validation.source,
)

# %% [markdown]
# <details><summary>Answer</summary>
#
# **(b)**. **(a)** is true for the eye of a person, which has seen many pictures; a network has to
# find first what to look at. **(c)** would mean that there is nothing to see.
#
# </details>
#
# With eyes the critic gets ahead within the first steps. At the end the other one is where this one
# was before its twentieth step. A critic that hardly tells blur from truth can teach little, one
# would think; no generator was trained against it.
#
# ## 4 · One step moves the critic, then the generator
#
# The critic lowers the loss from above. The generator $G$ wants its patches to be taken for real,
# and itself not to stray from the truth:
#
# $$L_{\text{generator}} = \operatorname{mean}\,(\text{restored} - \text{real})^2
# + w \; \overline{\operatorname{softplus}(-D(\text{restored}))}.$$
#
# Its first part is the **reconstruction loss** of notebook 06. It alone knows *which* tile is to be
# restored.
#
# One thing is missing. A critic with a steep slope throws its logits about for the smallest change
# of a tile, and the generator with them. Near true tiles it should be calm: there is nothing left
# to mend. So its own loss gets a **penalty** (Mescheder et al., 2018): the squared slope of a
# tile's mean logit, at true tiles,
#
# $$\tfrac{\gamma}{2} \left\lVert 0.05\, \nabla_x \overline{D(x)} \right\rVert^2,$$
#
# where 0.05 is about the contrast within a tile.
#
# To spare time it is taken of a few tiles of each batch only, here of one in eight.


# %%
def squared_slope(critic, truth, mask):
    """How steep the critic is at true tiles, in units of the contrast within a tile."""
    with tf.GradientTape() as tape:
        tape.watch(truth)
        logit = in_holes(critic([truth, mask], training=True), mask)
    slope = 0.05 * tape.gradient(logit, truth)
    return ops.sum(slope**2)


def step_of(network, optimizer, tape, loss):
    variables = network.trainable_variables
    optimizer.apply(tape.gradient(loss, variables), variables)


recipe = ei.training.RECIPES["gan"]
optimizers = [keras.optimizers.Adam(5e-4, beta_1=0.0, beta_2=0.99) for _ in range(2)]
eight = ei.data.stratified_subset(validation.labels, 8)
batch = [tf.constant(values[eight]) for values in (masked, masks, tiles)]

# %% [markdown]
# Now one step, in its order. The critic goes first, on real and restored tiles, while the generator
# is held still. Then the generator goes, with the critic held still; but the gradient flows
# *through* the critic, which tells each pixel in what direction it would look more real.


# %%
def train_step(masked, mask, truth):
    """A step of the critic, then one of the generator; returns the three losses."""
    composites = generator([masked, mask], training=True)
    with tf.GradientTape() as tape:
        loss = critic_loss(critic([truth, mask]), critic([composites, mask]), mask)
        penalty = recipe.gradient_penalty / 2 * squared_slope(critic, truth[:1], mask[:1])
        lowered = loss + penalty
    step_of(critic, optimizers[0], tape, lowered)
    with tf.GradientTape() as tape:
        composites = generator([masked, mask], training=True)
        reconstruction = ops.mean((composites - truth) ** 2)
        adversarial = in_holes(ops.softplus(-critic([composites, mask])), mask)
        whole = reconstruction + recipe.adversarial_weight * adversarial
    step_of(generator, optimizers[1], tape, whole)
    return float(loss), float(reconstruction), float(adversarial)


for _ in range(4):
    print("critic {:.3f}, reconstruction {:.4f}, adversarial {:.3f}".format(*train_step(*batch)))
print(f"weight of the adversarial loss: {recipe.adversarial_weight}")

# %% [markdown]
# Four steps on eight tiles show that it runs, and no more. Both optimisers are Adam without a
# memory of old gradients, `beta_1` 0: the opponent moves on, and they would point to where it was.
# The package's `InpaintingGAN.train_step` is this one with a pass less, in a `keras.Model`, so that
# `fit` and callbacks work.
#
# The **weight** $w$ has to be chosen, and no theory says how. Both parts of the generator's loss
# pull at the same pixels; with too small a weight the blur stays, with too large a one the truth is
# left. Section 7 shows what other weights do.
#
# ## 5 · GAN losses do not say how good the pictures are
#
# The loss of notebook 06 fell, and a lower one meant a better network. Forget that. Here each loss
# is measured *against an opponent* that changes with every step: the adversarial loss may rise all
# the way while the pictures improve, because the critic improves too. The losses say how the game
# stands:

# %%
standings = {  # logits of real patches, and of restored ones
    "guesses": ([0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0]),
    "calls everything real": ([1.0, 1.0, 1.0, 1.0], [1.0, 1.0, 1.0, 1.0]),
    "is right on three of four": ([0.5, 0.5, 0.5, -0.5], [-0.5, -0.5, -0.5, 0.5]),
    "is right, and certain": ([4.0, 4.0, 5.0, 5.0], [-4.0, -4.0, -5.0, -5.0]),
    "is wrong, and certain": ([-4.0, -4.0, -4.0, -4.0], [4.0, 4.0, 4.0, 4.0]),
}
all_holes, entries = np.zeros((1, 8, 8, 1), np.float32), {}
for name, given in standings.items():
    on_real, on_restored = np.reshape(given, (2, 1, 2, 2, 1)).astype(np.float32)
    loss = critic_loss(on_real, on_restored, all_holes)
    adversarial = in_holes(ops.softplus(-on_restored), all_holes)
    right = accuracy(on_real, on_restored, all_holes)
    entries[name] = [float(value) for value in (right, loss, adversarial)]
columns = dict.fromkeys(("its accuracy", "its loss", "adversarial loss"), ".2f")
ei.plots.show_table(columns, entries, "How the game stands", corner="the critic")

# %% [markdown]
# - **Accuracy 0.5, loss 1.39**, which is 2 log 2: the critic guesses. In the beginning it has not
#   learnt anything yet. In the end it may mean that nothing gives the restored patches away, which
#   is the aim; or that the critic is too weak to see what you see.
# - **Accuracy about 0.75**: it is right more often than not, and what it knows is of use: both
#   still learn.
# - **Accuracy 1.0, loss near 0**: the critic has won. It has nothing left to learn, and what it
#   teaches is only "away from here".
#
# Failures have shapes of their own.
#
# - *Accuracy climbs to 1, the adversarial loss climbs on and on.* The critic is too strong: make it
#   smaller, or its penalty larger.
# - *Accuracy stays at 0.5 from the start.* It learns nothing: look at its input.
# - *Accuracy swings up and down, ever wider.* The two chase each other in circles: lower rates, a
#   larger penalty.
# - *The reconstruction loss rises and rises.* The truth is being left: a smaller weight.
# - *Nothing remarkable, but the same pattern in all holes.* The generator has found one trick that
#   works. **No curve shows it. Look at the pictures.**
#
# <details><summary><b>Think:</b> after epoch 3 the adversarial loss is 2.6; after epoch 2 it was
# 1.9. Is the generator worse?</summary>
#
# - *"Yes, a loss went up."* That would hold against the *same* critic.
# - *"No, better: in a GAN losses are upside down."* They are not; each player lowers its own.
# - *"One cannot tell."* Yes. The critic may have become stricter. Let one frozen critic judge both
#   generators, or take a measure that no player can influence, as in section 7.
# </details>
#
# ## 6 · Two minutes leave a pattern
#
# `fit_gan` takes the two networks and the tiles. We have played with both, so they start anew. Both
# learning rates rise, stay, and fall to zero in the last fifth: at a constant rate either would go
# on chasing the other. After each epoch the same six tiles are restored, since pictures are the
# best gauge we have.

# %% alt="A quarter of each of six tiles, enlarged, restored by the U-Net, by the GAN after each of its epochs, and the truth. After the first epoch a fine weave lies in the holes; later it is coarser, and ripples are left at the end."
keras.utils.set_random_seed(seed)
generator = build(dtype=dtype)
begin_as_unet(generator)
critic = ei.models.patch_discriminator(dtype=dtype)
strips = {"U-Net": np.asarray(unet([masked[shown], masks[shown]]))}

picture = display(display_id=True)


def show_strips(epoch, logs):
    """Restore the same tiles after each epoch, and add them to the picture."""
    strips[f"epoch {epoch + 1}"] = np.asarray(generator([masked[shown], masks[shown]]))
    rows = [pictures[part] for pictures in (tiles[shown], *strips.values())]
    figure = ei.plots.show_tiles(rows, ["truth", *strips], wanted, validation.source)
    picture.update(figure)
    plt.close(figure)


# %%
scored = ei.data.stratified_subset(validation.labels, len(validation) // 7)
history = ei.training.fit_gan(
    ei.models.InpaintingGAN(generator, critic),
    train.images,
    validation.images[scored],
    epochs=epochs,
    steps_per_epoch=steps_per_epoch,
    seed=seed,
    callbacks=(
        ei.training.ProgressLine("GAN"),
        keras.callbacks.LambdaCallback(on_epoch_end=show_strips),
    ),
    verbose=0,
)

# %% [markdown]
# After the first epoch a fine weave lies in the holes, after later ones a coarser. After two
# minutes the rate has fallen to zero in the middle of the game, and what pattern is left is left.
# Does it go away in a longer training?
#
# ## 7 · Trained long, the GAN looks right and errs more than the U-Net
#
# The GAN that comes with the package was trained in the same way for longer. To be fair, it needs a
# **control**: the same generator, begun from the same weights, with the same optimiser, the same
# tiles but for 20 of 8,896 steps, masks and noise, and a weight of 0. Whatever the control gains is
# owed to more training; whatever the GAN has beside it is owed to the critic. (The control was
# trained on two cores by TensorFlow, the GAN on a GPU by JAX. The last table repeats the GAN on two
# cores.)
#
# ### What it costs
#
# First what their cards say.

# %%
names = {"control": "gan_control", "GAN": "gan"}
cards = {title: ei.pretrained.card(name) for title, name in names.items()}
columns = {"parameters": ",", "tiles_seen": ",", "started_from": "", "command": ""}
entries = {title: [card[fact] for fact in columns] for title, card in cards.items()}
display(ei.plots.show_table(columns, entries, "Cards of the two networks"))
print(f"critic: {cards['GAN']['discriminator_parameters']:,} parameters, and thrown away")
for title, card in cards.items():
    print(f"{title}: its critic was right in {card['discriminator_accuracy']:.1%} of the patches")

# %% [markdown]
# Both are the U-Net and 3,456 weights for the noise. At the end the GAN's critic was right in three
# patches of four: neither has won. The control had one too, to which nobody listened, and that one
# was hardly ever wrong. How many minutes each has cost, and the U-Net before it, is in the table of
# [notebook 09](09_comparison.ipynb), for all networks on one machine.
#
# ### What it buys
#
# Beside the U-Net and the control stands the impostor of notebook 04: the **U-Net with white
# noise** in the holes, just so strong that it has the GAN's gradient ratio. **Predict:** the
# gradient ratio takes noise and GAN for equals, on purpose. Which of the three kernel distances
# comes nearest to that: (a) that of the last layer, (b) that of an early layer, (c) that of a
# second classifier?

# %%
networks = {"U-Net": unet} | {title: ei.pretrained.load(name) for title, name in names.items()}
restored = {
    name: ei.pretrained.restore_in_batches(network, masked, masks)
    for name, network in networks.items()
}
white = np.random.default_rng(seed).standard_normal(tiles.shape, np.float32)


def with_noise(strength):
    noisy = (restored["U-Net"] + strength * white).clip(0, 1)
    return ei.compositing.composite(masked, noisy, masks)


goal = ei.metrics.gradient_ratio(tiles, restored["GAN"], masks)
excess = lambda s: ei.metrics.gradient_ratio(tiles, with_noise(s), masks) - goal  # noqa: E731
strength = brentq(excess, 0, 0.1, xtol=1e-4)
restored["U-Net, noise"] = with_noise(strength)
print(f"noise of standard deviation {strength:.4f} gives the gradient ratio of the GAN, {goal:.2f}")


# %%
scores = {row["name"]: row for row in ei.metrics.compare(restored, tiles, masks)}
measures = {
    "gradient ratio": ("gradient_ratio", ".2f"),
    "linear referee": ("referee_accuracy", ".3f"),
    "KID": ("kernel_distance", ".3f"),
    "KID, early layer": ("kernel_distance_early", ".3f"),
    "KID, second classifier": ("kernel_distance_second", ".3f"),
}
least = scores["U-Net"]["mse_holes"]["value"]
entries = {
    name: (
        row["mse_holes"]["value"] / least,
        row["spectral_peak"],
        *(row[score]["value"] for score, _ in measures.values()),
    )
    for name, row in scores.items()
}
columns = {"MSE over the U-Net's": ".2f", "spectral peak": ".2f"}
columns |= {title: form for title, (_, form) in measures.items()}
ei.plots.show_table(columns, entries, "In the holes", validation.source)

# %%
entries = {}
for rival in ("control", "U-Net, noise"):
    for title, (score, _) in {"1000 MSE": ("mse_holes", ".3f"), **measures}.items():
        pair = (scores[name]["by_tile"][score] for name in ("GAN", rival))
        weights = scores["GAN"]["weights"].get(score)
        less = ei.metrics.paired_difference(*pair, weights).values()
        less = [1000 * value if score == "mse_holes" else value for value in less]
        entries.setdefault(title, []).extend((less[0], tuple(less[1:])))
columns = {"less the control": "+.3f", "interval": "+.3f"}
columns |= {"less the noise": "+.3f", "its interval": "+.3f"}
ei.plots.show_table(columns, entries, "The GAN, paired by tiles", validation.source)

# %% [markdown]
# <details><summary>Answer</summary>
#
# **(b)**: of the way from the U-Net to the GAN, noise goes five sixths by the early layer, not half
# by the others. Early layers see small things, and noise is small. **(a)** and **(c)** look at what
# a whole tile is.
#
# </details>
#
# The GAN makes 1.4 times the U-Net's error. Its gradient ratio is 0.91, and so is that of the
# noise, on purpose. By the kernel distances of whole tiles the noise closes not quite half of the
# gap, by that of the early layer five sixths. The two measures that notebook 04 trusts do not take
# it. Noise has a spectral peak of 2.4, and the referee is right about it in nineteen patches of
# twenty, nearly as good as ever. About the GAN the referee is right in six of ten, where five would
# be guessing.
#
# And the control? By referee and gradient ratio it is the U-Net again, and its error is one or two
# percent larger. So more training of this kind buys next to nothing in looks: nearly all that the
# GAN has beside it, for better and for worse, it owes to its critic.
#
# Now the pictures.

# %% tags=["result"] alt="A quarter of each of six tiles, enlarged, as the U-Net, its control, the GAN and the U-Net with noise restore them, and the truth. The U-Net and the control leave fog in wide holes, noise makes it grainy, the GAN puts fields, hedges and roofs there that could be real, and streaks in the town. Above them the truth and what the lines left."
rows = {name: pictures[shown][part] for name, pictures in restored.items()}
tinted = ei.plots.tint_holes(tiles[shown], masks[shown])
rows = {"truth": tiles[shown][part], "masked": tinted[part]} | rows
figure = ei.plots.show_tiles(list(rows.values()), list(rows), wanted, validation.source)

# %% [markdown]
# The U-Net leaves a fog in every wide hole, and white noise only makes it grainy. The GAN puts
# *things* there: a field behind a hedge, a roof beside a hall, a wood. Most of them could be there.
# Compare them with the truth, tile by tile. Of the junction's roads one leads on as it should, the
# others break off or are made up, and where the river runs there is a meadow.
#
# ### One tile, many answers
#
# With noise comes something that the U-Net cannot do: this network can be asked again. Here are
# three answers to each question, and below them how far eight of them scatter, pixel by pixel,
# white where they agree least.


# %% alt="Three answers of the GAN to the same six masked tiles, the scatter of eight answers as a grey map, and the truth. The scatter is black along the lines and bright in wide holes, where houses and bushes change from answer to answer; a field border is nearly the same in all three."
def answers_of(which, count):
    """So many answers of the GAN to each of these masked tiles: (count, n, 64, 64, 3)."""
    networks = [ei.pretrained.load("gan", noise_seed=number) for number in range(count)]
    restore = partial(ei.pretrained.restore_in_batches, masked=masked[which], masks=masks[which])
    return np.stack([restore(network) for network in networks])


several = answers_of(shown, 8)
scatter = several.std(axis=0).mean(axis=-1)
rows = {"truth": tiles[shown][part]}
rows |= {f"answer {number + 1}": several[number][part] for number in range(3)}
rows |= {"scatter": (scatter / scatter.max())[part]}
figure = ei.plots.show_tiles(list(rows.values()), list(rows), wanted, validation.source)

# %% [markdown]
# Near the lines all answers agree; the scatter is black there. In wide holes they differ: one has a
# street through the houses, another has none. That is more honest than a single sharp answer. But
# they differ less than one might wish. The field in the fourth tile has nearly the same border
# every time, and it is not where the truth has it.
#
# **Predict.** The mean of eight answers is (a) sharper and nearer to the truth, (b) sharper and
# farther away, (c) more blurred and nearer?

# %%
many = ei.data.stratified_subset(validation.labels, min(200, len(tiles)))
several = answers_of(many, 8)
of_unet = ei.metrics.mse(tiles[many], restored["U-Net"][many], masks[many]).mean()
entries = {}
for count in (1, 2, 4, 8):
    mean = several[:count].mean(axis=0)
    error = ei.metrics.mse(tiles[many], mean, masks[many]).mean()
    ratio = ei.metrics.gradient_ratio(tiles[many], mean, masks[many])
    entries[f"mean of {count}"] = error / of_unet, ratio
first, last = (entries[name][0] for name in ("mean of 1", "mean of 8"))
print(f"the mean of very many would have {(8 * last - first) / 7:.3f} times the U-Net's MSE")
columns = {"MSE over the U-Net's": ".3f", "gradient ratio": ".2f"}
ei.plots.show_table(columns, entries, "Answers of the GAN, averaged", validation.source)

# %% [markdown]
# <details><summary>Answer</summary>
#
# **(c)**. **(a)** hopes that averaging removes errors and keeps detail; detail in eight different
# places is what it removes. **(b)** forgets that averaging cancels scatter.
#
# </details>
#
# Its error is that of what all answers share, plus their scatter divided by how many there are, so
# two rows tell where it would end. Were the answers draws from *all* that is possible, their mean
# would be the U-Net's blur: an error of 1, a gradient ratio of 0.4. It ends at 1.26. So of what the
# GAN adds to the U-Net's error, the noise decides about two fifths; the rest is painted into every
# answer alike. It knows many ways to fill a hole, and uses few of them.
#
# ### What it breaks
#
# Where is the GAN farther from the truth than the U-Net, and where nearer? Here are the two tiles
# on either end, and one from the middle.

# %% alt="Five tiles, two on which the GAN gains most on the U-Net, one from the middle, two on which it loses most, as U-Net, GAN and truth. On the left the GAN's fields have a colour nearer to the truth; on the right halls are drawn sharply, and not as they are."
harm = scores["GAN"]["by_tile"]["mse_holes"] - scores["U-Net"]["by_tile"]["mse_holes"]
order = np.argsort(harm)
picked = [*order[:2], order[len(order) // 2], *order[-2:]]
titles = ["gained most", "", "in the middle", "", "lost most"]
wider = [32 * (masks[k, 16:48, :32].mean() > masks[k, 16:48, 32:].mean()) for k in picked]
rows = {"truth": tiles} | {name: restored[name] for name in ("U-Net", "GAN")}
for name, whole in rows.items():
    pairs = zip(picked, wider, strict=True)  # of each tile the quarter with the wider holes
    rows[name] = [whole[k, 16:48, column : column + 32] for k, column in pairs]
figure = ei.plots.show_tiles(list(rows.values()), list(rows), titles, validation.source)
print(f"the GAN is nearer to the truth than the U-Net on {np.mean(harm < 0):.1%} of the tiles")

# %% [markdown]
# Hardly one tile in a hundred gains. There its colour happens to be less wrong than the U-Net's.
# What it loses most on are halls and yards: drawn sharply, and not as they are. Do not take the two
# on the left for skill. Of many bold guesses some come true.
#
# ### What else was tried
#
# All of these began with the shipped U-Net's weights. In the short trainings, by
# `benchmarks/gan_search.py`, one thing was changed at a time, in the third row two. The long ones
# are nine times as long: the first row twice more, a third of its weight, three times its weight,
# and no noise.

# %%
columns = {
    "MSE over the U-Net's": ("mse_over_unet", ".2f"),
    "spectral peak": ("spectral_peak", ".2f"),
    "linear referee": ("referee_linear", ".3f"),
    "convolutional referee": ("referee_convolutional", ".3f"),
    "gradient ratio": ("gradient_ratio", ".2f"),
}
entries = {
    f"{run['change']}, {run['steps']:,} steps, seed {run['seed']}": [
        *(run[key] for key, _ in columns.values()),
        # Power at 16 cycles over that of the two waves on either side: 1 is no spike.
        4 * run["power_along_axes"][31] / sum(run["power_along_axes"][k] for k in (29, 30, 32, 33)),
    ]
    for run in search
}
formats = {title: form for title, (_, form) in columns.items()} | {"spike at 16 cycles": ".2f"}
ei.plots.show_table(formats, entries, "Changes to the recipe, tiles of EuroSAT")

# %% [markdown]
# The shipped GAN, last row but four, has the recipe of the first row and nine times its steps. It
# is nearer to the truth, and the linear referee, which recognises 97 patches in a hundred after the
# short training, recognises six in ten after the long one. The row after it is the same training
# once more, with another seed and on another kind of machine. By both referees and in its error it
# ends within a hundredth of the first; its spectral peak is lower. **To both referees no change in
# the table does as much as the length.**
#
# Then the weight at full length. **The error grows with the weight**: 1.31 times the U-Net's with a
# third of it, 1.44 as shipped, 1.60 with three times as much. What it buys is hard to see. The
# linear referee is right in 61 to 63 patches of a hundred in these four long trainings; the
# convolutional one in 59 with a third of the weight, in 62 as shipped, in 57 with three times as
# much. So the weight that ships is probably more than it takes.
#
# **Without noise** the short training leaves the spike of section 2, in the last column, and the
# long one does not. It ends where ours did: either referee is right in 59 patches of a hundred, at
# 1.47 times the U-Net's error. So noise is not what makes the tiles of a long training look right.
# What it gives is a second answer, and a third. Of the short trainings that with a critic of
# smaller steps costs the least error. All but the shipped recipe were trained with one seed.
#
# ## What you have learnt
#
# 1. Squared error blurs, absolute error drops what is improbable. A critic who knows nothing but
#    the steepest step objects to the blur.
# 2. Without noise a short training leaves a spike at the period of the generator's poolings, a long
#    one does not. What noise gives is more than one answer.
# 3. A critic for holes learns faster if it is shown what is fine; whether it then teaches more was
#    not tried.
# 4. Two losses, a penalty and one step are a page of code.
# 5. GAN losses say how the game stands, and not how good the pictures are.
# 6. After two minutes a pattern is left in the holes.
# 7. A long training gives tiles that a referee recognises in six of ten patches, at 1.4 times the
#    error. Whatever it has, it owes to its critic: the control is the U-Net again.
#
# **One figure to take along.** Against the U-Net: error 1.44 times as large, referee right in 61
# instead of 99 patches of a hundred.
#
# **Limits.** The long training was done with two seeds, and once each with a third of the weight,
# with three times as much and without noise. A longer one was not tried. The referees know patches
# of twelve pixels. Whether a street leads anywhere they are not asked, and on that the eye is often
# harder to please. And all masks were nine lines.
#
# **Exercises:** [write the hinge loss, and train a GAN with a weight of
# 0](exercises/07_gan_attempt.ipynb).
#
# **References**
#
# - I. Goodfellow et al., "Generative adversarial nets", NeurIPS 2014.
#   [arXiv:1406.2661](https://arxiv.org/abs/1406.2661)
# - P. Isola et al., "Image-to-image translation with conditional adversarial networks", CVPR 2017.
#   [arXiv:1611.07004](https://arxiv.org/abs/1611.07004)
# - A. Odena, V. Dumoulin, C. Olah, "Deconvolution and checkerboard artifacts", Distill 2016.
#   [doi:10.23915/distill.00003](https://doi.org/10.23915/distill.00003)
# - L. Mescheder, A. Geiger, S. Nowozin, "Which training methods for GANs do actually converge?",
#   ICML 2018. [arXiv:1801.04406](https://arxiv.org/abs/1801.04406)
#
# ← [06 · Training a U-Net](06_unet_training.ipynb) · **07** · [08 · A second
# U-Net](08_wnet_attempt.ipynb) →
