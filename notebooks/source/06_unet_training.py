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
# # 06 · Training a U-Net
#
# **The question.** Nine lines keep about a third of a tile. A network has to guess the rest:
# continue a road, close a field, colour a lake. The architecture that the project behind this
# series settled on is a classical U-Net with one unusual last layer. *What does it take to make one
# that beats a fill which learns nothing, and what does it still not restore?*
#
# ![Five tiles in five rows: truth, masked, push-pull, a classical U-Net after a minute, and the shipped
# U-Net, which continues field borders, roads and the bank of the
# river.](figures/06_unet_training.png)
#
# *In the order of effort. Section 7 makes this picture.*
#
# | | |
# |---|---|
# | **Time** | about 50 minutes, of which 5 are computing |
# | **You need** | [02](02_mask_generation.ipynb) for the masks, [03](03_filling_without_learning.ipynb) for push-pull, [04](04_judging_a_restoration.ipynb) for the scores, [05](05_is_the_difference_real.ipynb) for the intervals; no GPU |
# | **Data** | 20,319 training tiles, 1,381 validation tiles |
# | **Written to disk** | nothing; the networks trained here are gone with the kernel |
#
# **In this notebook you will**
#
# 1. build a U-Net stage by stage, and say what each stage is for (10 min)
# 2. put the known pixels back with a Lambda layer, and test that it keeps them (5 min)
# 3. train it in the open: one batch, the loss, `compile` and `fit` (10 min)
# 4. fill the holes before the network, and ask it for a correction only (7 min)
# 5. add two refinements, Muon and an average of the weights, and see what each does (8 min)
# 6. look at what a long training restores: by class, by place, and where it fails (10 min).

# %%
import json
import logging
import os
from dataclasses import replace
from functools import partial
from pathlib import Path

import keras
import matplotlib.pyplot as plt
import numpy as np
from IPython.display import display
from keras import layers

import eurosat_inpaint as ei

ei.plots.use_style()
logging.getLogger("tensorflow").setLevel("ERROR")  # so many networks it takes for a mistake

# %%
# Set all sizes here. `teach` is made for two cores; with a GPU or an evening, take `full`.
profile = os.environ.get("EUROSAT_INPAINT_PROFILE", "teach")  # smoke (tests), teach, full
source = "synthetic" if profile == "smoke" else "auto"
epochs = {"smoke": 2, "teach": 8, "full": 40}[profile]
steps_per_epoch = {"smoke": 2, "teach": 32, "full": 317}[profile]  # of 64 tiles each
validation_tiles = {"smoke": 32, "teach": 200, "full": 1381}[profile]  # scored after each epoch
seed = 0

# %% [markdown]
# ## 1 · Train on one split, measure on another
#
# Networks learn from the train split. Everything in this notebook is *measured* on the validation
# split; the test split stays closed until the very last table of the series.

# %% alt="Five tiles, a field, a motorway junction, an industrial area, a town and a river, and below them what nine lines leave of each, with the holes in pale violet. Some holes are twenty pixels wide."
train = ei.data.load_tiles("train", source=source)
validation = ei.data.load_tiles("validation", source=source)
count = min(validation_tiles, len(validation))
scored = validation.images[ei.data.stratified_subset(validation.labels, count)]
masks = ei.masks.line_masks(len(validation), seed=seed)
tiles = validation.images.astype(np.float32) / 255
masked = tiles * masks
print(f"{len(train):,} tiles to train on, {len(validation):,} to validate; {validation.source}")

wanted = ("AnnualCrop", "Highway", "Industrial", "Residential", "River")
labels = [validation.class_names.index(name) for name in wanted]
shown = [int(np.flatnonzero(validation.labels == label)[4]) for label in labels]
tinted = ei.plots.tint_holes(tiles, masks)
rows = [tiles[shown], tinted[shown]]
figure = ei.plots.show_tiles(rows, ["truth", "masked"], wanted, validation.source)

# %% [markdown]
# Above is what the network should answer, below all that it gets. Between the lines and the left
# and right edges lie holes twenty pixels wide.
#
# ## 2 · A U-Net sees far and stays exact
#
# A hole in the middle of a field is filled from the colour of the field, which may be known only
# twenty pixels away. So the network must see far. A road that passes under a hole must come out
# again at the right pixel. So the network must also be exact. A U-Net does both: an **encoder**
# looks at the tile at ever coarser resolution, a **decoder** goes back to full resolution, and
# **skip connections** hand the exact positions across.
#
# A **stage** is two convolutions, each followed by ReLU, $\max(0, x)$.
#
# **The encoder** takes the masked tile and, as a fourth channel, the mask: without it the network
# could take a hole for a black field. Four times, a stage is followed by max-pooling, which halves
# the resolution; each stage has twice the filters of the last, since there is more to say about a
# larger area.
#
# **The bottleneck** works at 4x4. There one pixel of the feature map stands for a square of 16x16
# pixels of the tile, and two convolutions let it see the whole tile. Here the network can know
# *what* it looks at: water, a town, fields.
#
# **The decoder** doubles the resolution in each step with a transposed convolution, and appends
# what the encoder kept at that resolution. This is the skip connection: the decoder need not
# remember where an edge was; it is handed the place.
#
# **The output** is one more convolution with three filters, red, green and blue, and a sigmoid, $1
# / (1 + e^{-x})$, which squashes any number into the range of a colour, 0 to 1.


# %%
def stage(features, filters):
    for _ in range(2):
        features = layers.Conv2D(filters, 3, padding="same", activation="relu")(features)
    return features


def u_shape(features):
    skips = []
    for filters in (8, 16, 32, 64):
        features = stage(features, filters)
        skips.append(features)
        features = layers.MaxPooling2D(2)(features)
    features = stage(features, 128)
    for filters, kept in zip((64, 32, 16, 8), skips[::-1], strict=True):
        features = layers.Conv2DTranspose(filters, 2, strides=2)(features)
        features = stage(layers.Concatenate()([features, kept]), filters)
    return features


# %% tags=["nbval-check-output"] alt="The U-Net as blocks from left to right, as high as their resolution is fine: 64, 32, 16, 8 and 4 pixels, then back up to 64, each of two to four convolutions. Arcs, the skip connections, join blocks of equal height."
masked_input = keras.Input((64, 64, 3), name="masked")
mask_input = keras.Input((64, 64, 1), name="mask")
features = u_shape(layers.Concatenate()([masked_input, mask_input]))
prediction = layers.Conv2D(3, 3, padding="same", activation="sigmoid")(features)
raw_network = keras.Model([masked_input, mask_input], prediction)

print(f"{raw_network.count_params():,} parameters")
figure = ei.plots.show_network(raw_network, "Encoder, bottleneck, decoder")

# %% [markdown]
# <details><summary><b>Think:</b> what would this network lose without its skips?</summary>
#
# - *"It could not see far any more."* No: seeing far is the work of the poolings, and they stay.
# - *"Nothing, the bottleneck holds everything."* The bottleneck is 4x4 pixels of 128 numbers, a
#   sixth of the numbers in the tile, and the poolings have thrown away which of four pixels was the
#   largest.
# - *"It could not put edges where they belong."* Yes. It would also have to carry the known pixels
#   themselves through the bottleneck, only to hand them back.
# </details>
#
# ## 3 · The Lambda layer keeps every known pixel
#
# A third of the answer is known already. Why let a network repeat it, with errors? The last layer
# therefore takes **two** inputs, the masked tile and the prediction, and composes: a known pixel
# comes from the masked tile, a hole from the prediction. With the mask $m$, the tile $x$ and the
# prediction $p$:
#
# $$\hat x = m \odot x + (1 - m) \odot p.$$
#
# It has nothing to learn, so it is a `Lambda` layer, a plain function wrapped as a layer. The
# project this series descends from built this layer and then forgot to connect it, so its figures
# were measured without.
#
# A claim like "known pixels are kept" deserves a test. The network is untrained, so its prediction
# is nonsense, and that makes it a good witness.

# %% alt="The prediction of the untrained network, a grey mist with the lines faintly green in it, and below it the composite, in which the known lines of each tile stand out of the mist untouched."
composite = ei.compositing.composite_layer()([masked_input, prediction, mask_input])
network = keras.Model([masked_input, mask_input], composite)
raw = np.asarray(raw_network([masked[shown], masks[shown]]))
whole = np.asarray(network([masked[shown], masks[shown]]))
figure = ei.plots.show_tiles(
    [raw, whole], ["prediction", "composite"], wanted, source=validation.source
)

known = np.broadcast_to(masks[shown] == 1, whole.shape)
assert np.array_equal(whole[known], tiles[shown][known])  # equal to the last bit
assert np.array_equal(whole[~known], raw[~known])
print("every known pixel is kept, every hole is the network's")


assert ei.models.unet(filters=8).count_params() == network.count_params()
both = {"this U-Net": network, "the original's": ei.models.original_unet()}
entries = {name: (n.count_params(), ei.metrics.gflop_per_tile(n)) for name, n in both.items()}
del both  # the original's network fills 200 MB
columns = {"parameters": ",", "GFLOP per tile": ".2f"}
ei.plots.show_table(columns, entries, "Two U-Nets")

# %% [markdown]
# The known lines stand out of the mist, equal to the last bit. From here on *every* network of the
# series ends in this layer, and holes are all that is judged.
#
# The two asserts on pixels hold with any weights. They would not hold if the layer computed the
# formula above in the 16-bit format used for fast training: there a known pixel would change by up
# to 0.002.
#
# The same network is one call in the package, as the third assert says, and so is the network of
# the original project. The original's network has more than a hundred times the parameters of this
# one, and costs more than a hundred times the arithmetic. It was trained on a GPU for about 80
# minutes. We have a minute.
#
# ## 4 · How far a minute of training goes
#
# **A batch** is 64 tiles, flipped at random, each under a mask of its own. A tile that comes again
# gets a *new* mask, so the network cannot learn a mask by heart. Here are the first tiles of the
# first batch, and of the one that would come first in the next pass over the tiles.
#
# **The loss** is the mean squared error of the composite, over all $n$ values $i$ of a batch:
#
# $$L = \frac{1}{n} \sum_i (\hat x_i - x_i)^2.$$
#
# Known pixels are put back, so they have no error, and only holes pull at the weights. We write it
# down, and check it against Keras'.

# %% alt="The first five tiles of the first batch, what their masks leave of them, and below them the first five of the next pass over the tiles: other tiles, under masks of their own."
batches = ei.training.MaskedTileBatches(
    train.images, batch_size=64, steps_per_epoch=steps_per_epoch, seed=seed
)
(some_masked, some_masks), some_tiles = batches[0]
print(some_masked.shape, some_masks.shape, "->", some_tiles.shape, some_tiles.dtype)
again = batches.batch(len(train) // 64 + 1)[0][0]
rows = [some_tiles[:5]] + [
    ei.plots.tint_holes(some, (some.max(axis=-1, keepdims=True) > 0).astype(np.float32))
    for some in (some_masked[:5], again[:5])
]
figure = ei.plots.show_tiles(rows, ["truth", "input", "later"], source=train.source)


# %%
def loss(truth, answer):
    return keras.ops.mean(keras.ops.square(answer - truth))


answer = network([some_masked, some_masks])
by_keras = keras.losses.MeanSquaredError()(some_tiles, answer)
assert np.isclose(loss(some_tiles, answer), by_keras)
print(f"loss of the untrained network: {float(loss(some_tiles, answer)):.4f}")

# %% [markdown]
# **A step** goes a little way down the slope of that loss, for all weights at once. *How* far, for
# each weight, is the optimiser's affair. **Adam** is the usual one: it divides each slope by its
# own recent size, so that all weights move about equally far. `compile` ties network, loss and
# optimiser together, `fit` takes the steps. After every epoch the loss is measured on the same
# validation tiles under the same masks: a stratified subset, in which every class keeps its share.
#
# What has it learnt then? To judge that, we need something to hold it against. **Push-pull** is a
# fill that learns nothing: it averages the known pixels at ever coarser resolution, and
# interpolates back. **Predict:** after a minute of training, is the network (a) better than
# push-pull, as it has seen thousands of tiles, (b) about as good, (c) worse?

# %%
scored_tiles = scored.astype(np.float32) / 255
scored_masks = ei.masks.line_masks(len(scored), seed=1)
scored_inputs = [scored_tiles * scored_masks, scored_masks]
path = Path("../benchmarks/results/recipe_search.json")  # in the repository only
searched = json.loads(path.read_text()) if path.exists() else []
runs = [run for run in searched if run["tiles_seen"] == 51_200]

keras.utils.set_random_seed(seed)
classical = ei.models.unet(filters=8)  # the same, with fresh weights

classical.compile(keras.optimizers.Adam(1e-3), loss)
fitted = classical.fit(
    batches,
    epochs=epochs,
    validation_data=(scored_inputs, scored_tiles),
    shuffle=False,  # the batches have their own order
    callbacks=[ei.training.ProgressLine("classical U-Net")],
    verbose=0,
)
curves = {"classical U-Net, Adam": fitted.history["val_loss"]}

# %% alt="Five tiles: truth, filled by push-pull, and by the classical U-Net after a minute. Both are blurred between the lines; the network's colours are off in places, and it joins nothing that push-pull leaves open."
fill = ei.compositing.push_pull(masked, masks)
trained = np.asarray(classical([masked[shown], masks[shown]]))
views = {"truth": tiles, "push-pull": fill}
views = {name: pictures[shown] for name, pictures in views.items()} | {"classical": trained}
figure = ei.plots.show_tiles(list(views.values()), list(views), wanted, validation.source)

# %% alt="Validation MSE of the classical U-Net after each epoch, on a logarithmic axis, against tiles seen. It falls steeply, then slowly, and after a minute is still above the dashed line of push-pull."
push_pull_error = np.mean((ei.compositing.push_pull(*scored_inputs) - scored_tiles) ** 2)


def show_errors(curves):
    """Validation error against tiles seen, beside the error of push-pull."""
    figure, axis = plt.subplots(figsize=(7.2, 3))
    for (name, values), colour in zip(curves.items(), ei.plots.COLOURS, strict=False):
        seen = 64 * steps_per_epoch * np.arange(1, len(values) + 1)
        axis.plot(seen, values, marker="o", color=colour, label=name)
    axis.axhline(push_pull_error, color=ei.plots.METHODS["push-pull"][0], linestyle="--")
    axis.text(axis.get_xlim()[0], push_pull_error, " push-pull", va="bottom")
    axis.set(xlabel="tiles seen", ylabel="validation MSE", yscale="log")
    ei.plots.name_curves(axis)
    ei.plots.say_synthetic(figure, validation.source)


show_errors(curves)
print(f"classical {curves['classical U-Net, Adam'][-1]:.5f}, push-pull {push_pull_error:.5f}")

# %% [markdown]
# <details><summary>Answer</summary>
#
# **(c)**. **(a)** mistakes seeing much data for learning much: what a network can learn in a minute
# is a question of steps. **(b)** expects it to find what push-pull knows, and that it has done in
# part.
#
# </details>
#
# The error falls steeply at first and then slowly. A minute has brought the network from a grey
# mist to blurred colours, and it is still behind a fill that learns nothing. What it has learnt so
# far, push-pull knows from the start: that a hole looks like its surroundings.
#
# <details><summary><b>Think:</b> the known pixels have no error. By how much does this flatter
# the MSE of the whole tile?</summary>
#
# - *"Not at all."* The mean is over all pixels, and a third of them contribute zero.
# - *"By a third: the holes' MSE is the tile's divided by 1 - 0.355."* Yes. The original's figures
#   are over all pixels of the *raw* output, so beside ours they need this care.
# </details>
#
# ## 5 · A fill that is given need not be learnt
#
# What you give a network for free, it need not learn. There are two ways to give it the fill.
#
# - **As its input**: the network is shown the tile filled by push-pull, beside the mask. No hole is
#   black any more.
# - **In its output**: the output of the last convolution is added to the logit of the fill, before
#   the sigmoid. It starts at zero, so the untrained network *is* push-pull.
#
# With the fill $f$, the network's last convolution $c$ and the sigmoid $\sigma$, whose inverse is
# the logit, the second is
#
# $$p = \sigma(\operatorname{logit} f + c).$$
#
# Each can be had without the other. So four networks were trained, from scratch, on the same
# batches, by the same recipe. Nothing else differs between them, but for the processor that the
# last was trained on. This takes a while, so it was done beforehand, by
# `benchmarks/recipe_search.py`. **Predict:** without the fill at either place, is the error (a)
# twice as large, (b) a few percent larger, (c) no larger at all?


# %%
def show_changes(base, changes, caption):
    """What each change does to the mean error of some runs, paired by tiles."""
    of_base = [run for run in runs if run["change"] == base]
    entries = {f"{base}, seed {run['seed']}": (run["mse"], "-") for run in of_base}
    for run in (run for run in runs if run["change"] in changes):
        means = np.mean([one["mse_of_tiles"] for one in of_base], axis=0)
        less = ei.metrics.paired_difference(run["mse_of_tiles"], means)
        percent = [100 * less[key] / means.mean() for key in ("difference", "low", "high")]
        entries[run["change"]] = run["mse"], "{:+.1f} % [{:+.1f}, {:+.1f}]".format(*percent)
    columns = {"MSE": ".6f", "change": ""}
    return ei.plots.show_table(columns, entries, caption, corner="trained on 51,200 tiles")


show_changes(
    "fill in, correction out",
    {"black holes in, correction out", "fill in, colour out", "black holes in, colour out"},
    "Two ways to give the fill, validation tiles of EuroSAT",
)

# %% [markdown]
# <details><summary>Answer</summary>
#
# **(b)**. **(a)** takes the fill for knowledge that a network cannot get otherwise; it learns to
# fill. **(c)** might hold after a much longer training; that was not tried.
#
# </details>
#
# Both help, and neither is needed. Without the fill in the output the error is 3.3 % higher,
# without it at the input 2.4 %, without both 6.0 %: about the sum. A network that is shown black
# holes learns to fill them; after as many tiles it is a little behind. Which way is worth more, one
# training of each cannot say: with another seed the error moves by one percent, as the next table
# shows. By the way, none of the four knows the trick of the network that ships, whose input is
# *centred*: less the mean of the filled tile, and enlarged five times.
#
# The network that ships, `residual_unet`, has both, and two things more. Its blocks are residual:
# they add a little to their input instead of replacing it. And it works at half resolution. Each
# square of 2x2 pixels is rearranged into one pixel with four times the channels, which saves the
# slowest stages. Nothing is lost: it is a reordering. So what ships is a *residual U-Net that
# corrects a fill*.

# %% alt="The network that ships, as blocks: the input, push-pull, then 32, 16, 8 and 4 pixels and back to 32, then the composite. Arcs, the skips, join blocks of equal resolution; others carry the fill and the known pixels to the composite."
build = partial(ei.models.residual_unet, **ei.pretrained.card("unet")["arguments"])
keras.utils.set_random_seed(seed)
residual_network = build(dtype=ei.training.fastest_dtype(build))
figure = ei.plots.show_network(residual_network, "The residual U-Net that corrects a fill")

untrained = np.asarray(residual_network([masked[shown], masks[shown]]))
print(f"largest difference from push-pull: {np.abs(untrained - fill[shown]).max():.4f}")
print(f"{residual_network.count_params():,} parameters, ", end="")
print(f"{ei.metrics.gflop_per_tile(residual_network):.2f} GFLOP per tile, ", end="")
print(f"computed in {residual_network.get_layer('stem').compute_dtype}")

# %% [markdown]
# Before the first step it differs from push-pull by no more than the margin that keeps the fill
# away from 0 and 1. `fastest_dtype` has measured whether this machine is quicker with numbers of 16
# bits; input, fill and output stay at 32.
#
# ## 6 · Two refinements of training: steps that are more even, and an average of the weights
#
# **Muon** (Jordan et al., 2024) looks at the slope of a convolution as a *matrix*, from inputs to
# outputs. Any matrix is a sum of directions, each with a strength, its singular value $s_k$:
#
# $$G = \sum_k s_k\, u_k v_k^{\mathsf T} \quad \longrightarrow \quad \sum_k u_k v_k^{\mathsf T}.$$
#
# In a plain slope a few dominant directions take up the step. Muon keeps the directions and makes
# them nearly equally strong, by an iteration that approximates it. To see it we take one step of
# each optimiser, from the shipped weights, on the batch above, and look at how one kernel has
# moved.


# %%
def strengths_of_step(optimizer):
    """Singular values of how a kernel moves in one step, the largest 1."""
    probe = ei.pretrained.load("unet")
    kernel = probe.get_layer("decoder_2_1_1").kernel
    before = keras.ops.convert_to_numpy(kernel)
    probe.compile(optimizer, loss)
    probe.train_on_batch([some_masked, some_masks], some_tiles)
    moved = (keras.ops.convert_to_numpy(kernel) - before).reshape(-1, before.shape[-1])
    strengths = np.linalg.svd(moved, compute_uv=False)
    return strengths / strengths[0]


# %% alt="Singular values of one step of a kernel, the largest 1, for the plain slope, Adam and Muon. Those of slope and Adam fall to a quarter or less by the tenth direction and towards zero; those of Muon stay above six tenths for all 64."
optimizers = {
    "the slope itself": keras.optimizers.SGD(1.0),
    "Adam": keras.optimizers.Adam(1e-3),
    "Muon": ei.training.ConvolutionMuon(learning_rate=1e-3),
}
strengths = {name: strengths_of_step(optimizer) for name, optimizer in optimizers.items()}
ranks = range(1, len(strengths["Muon"]) + 1)
figure = ei.plots.show_curves(
    ranks, strengths, "direction, strongest first", "strength, first = 1", None
)

# %% [markdown]
# In the slope, and in Adam's step too, a few directions are far stronger than the others: the tenth
# has a quarter of the strength of the first, or less. In Muon's step even the last of the 64 has
# six tenths.
#
# **An average of the weights.** While the steps are large, the weights jump to and fro around what
# they are heading for. Their mean over the last steps lies nearer to it. Keras keeps such a moving
# average beside the weights (`use_ema`); no step looks at it, it is only what is scored and kept.
# So one training shows both: at the end of every epoch we score the weights as they are, and then
# their average.
#
# The **recipe** "efficient" of the package has both refinements. The learning rate rises over the
# first steps, stays, and falls to zero over the last fifth: careful steps last. (As the package has
# it, it also lowers the absolute error until the rate falls. Here one loss is easier to follow.)
# While it trains, a monitor shows the losses and five restored tiles after every epoch; the chart
# below is its static twin.


# %%
class ScoreRawWeights(keras.callbacks.Callback):
    """Scores the weights at the last step of an epoch, before the average takes their place."""

    errors: list = []

    def on_train_batch_end(self, batch, logs=None):
        if batch + 1 == self.params["steps"]:
            answers = ei.pretrained.restore_in_batches(self.model, *scored_inputs)
            self.errors.append(np.mean((answers - scored_tiles) ** 2))


recipe = replace(ei.training.RECIPES["efficient"], loss="mse", final_loss=None)
raw_weights = ScoreRawWeights()
line = ei.training.ProgressLine("residual U-Net")
monitor = ei.widgets.watch_training(validation.images[shown], masks[shown])

# %% alt="Validation MSE against tiles seen for the classical U-Net and for the residual one, as it is and averaged. The residual ones start near the dashed line of push-pull and fall below it; the average lies slightly below the weights as they are in some middle epochs, and the two meet in the last ones."
history = ei.training.fit_unet(
    residual_network,
    train.images,
    scored,
    recipe,
    epochs=epochs,
    steps_per_epoch=steps_per_epoch,
    seed=seed,
    callbacks=(line, raw_weights, monitor),
    verbose=0,
)
curves["residual U-Net, as it is"] = raw_weights.errors
curves["residual U-Net, averaged"] = [row["val_loss"] for row in history]
show_errors(curves)

# %% [markdown]
# The residual network is below the dashed line after its first epoch: it begins where push-pull
# ends. (The two curves differ in more than the fill: size, optimiser, schedule and number type.
# Section 5 found some six percent for the fill alone.) In the middle of the training the average
# lies a little below the weights it averages, in this one run. In the last epochs, where the rate
# falls, the two curves meet: at the end the average was worth nothing here.
#
# What is Muon worth by itself, and how much does centring the input buy? Three more rows of
# `benchmarks/recipe_search.py`: the recipe "efficient" with another seed, with AdamW in place of
# Muon, and with an input that is not centred, which is the first row of the table above.
# **Predict:** is either worth more than a change of the seed?

# %%
show_changes(
    "base",
    {"AdamW instead of Muon", "fill in, correction out"},
    "One thing changed at a time, validation tiles of EuroSAT",
)

# %% [markdown]
# With AdamW the error is about three percent higher, without the centring nearly four; the two
# seeds are one percent apart. Either effect exceeds the gap between seeds. Which of them is worth
# more, single trainings again do not tell.
#
# ## 7 · The network that ships was trained for long, and has the least error
#
# A minute is a demonstration. The weights that come with the package are those of a residual U-Net
# that has seen every tile more than a hundred times, each time flipped and masked anew. On a GPU,
# in larger batches, that took two minutes; two processor cores would need hours. Their card says
# what they are.

# %% tags=["result"] alt="Five tiles in five rows, in the order of effort: truth, masked, push-pull, the classical U-Net after a minute, and the shipped U-Net. Only the last continues field borders, the roads of the junction and the bank of the river; roofs stay smooth."
card = ei.pretrained.card("unet")
facts = ("parameters", "data", "masks", "tiles_seen", "minutes", "machine", "command")
entries = {fact: (str(card[fact]),) for fact in facts}
display(ei.plots.show_table({"unet": ""}, entries, "Card of the shipped U-Net"))

shipped = ei.pretrained.load("unet")
restored = ei.pretrained.restore_in_batches(shipped, masked, masks)
views = {"truth": tiles[shown], "masked": tinted[shown]} | views | {"shipped": restored[shown]}
figure = ei.plots.show_tiles(list(views.values()), list(views), wanted, validation.source)

# %% [markdown]
# The shipped network continues field borders and the bank of the river under the holes, and finds
# the roads of the junction again where enough of them is known. Of roofs it keeps what the lines
# show and guesses a smooth mixture between. Where no border leads in, at the left and right edges,
# the answer is a calm mean colour.
#
# The figures, on all validation tiles:

# %%
methods = {
    "push-pull": lambda masked, mask: ei.compositing.push_pull(masked, mask),
    "classical, a minute": classical,
    "residual, two minutes": residual_network,
    "shipped": shipped,
}

tile_scores = {
    name: ei.metrics.score_tiles(method, validation.images, masks)
    for name, method in methods.items()
}

columns = {"mse": ".5f", "mse_holes": ".5f", "psnr": ".2f", "ssim": ".3f"}
entries = {name: [scores[s].mean() for s in columns] for name, scores in tile_scores.items()}
titles = dict(zip(("MSE", "MSE in the holes", "PSNR", "SSIM"), columns.values(), strict=True))
caption = f"Means over {len(tiles):,} validation tiles"
ei.plots.show_table(titles, entries, caption, validation.source)

# %% [markdown]
# The shipped network, trained longer, in larger batches and with another loss, has the best figure
# in all four columns. Look at the two columns that disagree: by MSE the classical network is a
# quarter worse than push-pull; by PSNR it is nearly four decibels behind, which in a single tile
# would be more than twice the error. MSE is a mean over tiles of an *error*, so it listens to the
# worst tiles. PSNR takes a logarithm first, so a lake counts as much as a town. Perhaps that is
# what happens here: on a lake push-pull is nearly perfect, and a young network that gets the blue
# slightly wrong can lose much. No single figure tells the whole story.
#
# **How long must one train?** Each of the first points of the next figure is a training of its own,
# from random weights, with the network and the recipe of the shipped one, in batches of 64, by
# `benchmarks/recipe_search.py`. An intermediate point of a longer run would not do: there the
# learning rate is still high, and with it the error. The last point is the shipped network, trained
# in batches of 256.

# %% alt="MSE over the tile against tiles seen, tiles on a logarithmic axis, for trainings of growing length. The error is below push-pull's already at the first point and falls with each step to the right; the last point, the shipped network, is lowest."
short = [run for run in searched if run["change"] == "base" and run["seed"] == 0]
points = sorted((run["tiles_seen"], run["mse"]) for run in short)
points.append((card["tiles_seen"], card["validation"]["mse"]))
for tiles_seen, error in points[:-1]:
    gained = (0.003243 - error) / (0.003243 - points[-1][1])
    print(f"{tiles_seen:,} tiles: {gained:.0%} of what the shipped network gains on push-pull")
figure, axis = plt.subplots(figsize=(7.2, 3))
axis.plot(*zip(*points, strict=True), "o-")
axis.axhline(0.003243, color=ei.plots.METHODS["push-pull"][0], linestyle="--")
axis.text(points[0][0], 0.003243, "push-pull", va="bottom")
_ = axis.set(xscale="log", xlabel="tiles seen", ylabel="MSE over the tile, EuroSAT")

# %% [markdown]
# Two thirds of one pass over the tiles bring two fifths of the gain, two and a half passes nearly
# two thirds. The last third takes 57 times as many tiles. In minutes: the speed of two cores, and
# what it comes to for each shipped network, is in the table of [notebook 09](09_comparison.ipynb).
#
# ## 8 · Errors lie among roofs, and far from the lines
#
# **By class.** A mean over all tiles hides that some land cover is flat and some is not.

# %% alt="MSE in the holes by class, on a logarithmic axis, for push-pull and the shipped U-Net. Industrial is about a hundred times as bad as SeaLake or Forest for both. On this axis the gap between the two is widest on AnnualCrop and River."
classes = validation.class_names
figure, axis = plt.subplots(figsize=(7.2, 3.4))
for name, method in {"push-pull": "push-pull", "shipped": "U-Net"}.items():
    errors = tile_scores[name]["mse_holes"]
    means = [errors[validation.labels == label].mean() for label in range(len(classes))]
    colour, marker = ei.plots.METHODS[method]
    axis.plot(means, classes, marker, color=colour, label=name)
axis.set(xlabel="MSE in the holes", xscale="log")
axis.invert_yaxis()
axis.legend()
ei.plots.say_synthetic(figure, validation.source)

# %% [markdown]
# Mind the logarithmic axis. An industrial area is restored about a hundred times worse than a lake
# or a forest, with either method. In proportion the network gains most on AnnualCrop and River; in
# absolute error, on Industrial. On the flat classes there was little to gain.
#
# **By place.** Notebook 02 showed that the lines cross in the middle of the tile, so the edges are
# rarely known. Here is the mean squared error of hole pixels at each position.

# %% alt="Maps of the mean squared error of hole pixels over the tile, of push-pull and of the shipped U-Net. Both show an hourglass, dark in the middle and bright at the left and right edges; the U-Net's is darker everywhere, least so at the edges."
squared_errors = {
    "push-pull": ((fill - tiles) ** 2).mean(axis=-1),
    "U-Net": ((restored - tiles) ** 2).mean(axis=-1),
}
maps = [ei.metrics.mean_error_map(errors, masks) for errors in squared_errors.values()]
figure = ei.plots.show_maps(
    maps,
    ["push-pull", "shipped U-Net"],
    "MSE",
    validation.source,
    colours=ei.plots.ERROR_COLOURS,
    largest=0.012,
)

# %% [markdown]
# The maps show the same hourglass twice: dark in the middle, where lines cross, bright at the left
# and right edges, where a hole has known pixels on one side only and filling is extrapolation.
# Notebook 05 drew the error against the distance to the nearest known pixel: there the network's
# lead over push-pull, in proportion, is largest near the lines and shrinks to a tenth at 18 pixels.
#
# ## 9 · It fails on roofs of which nothing is known
#
# The mean hides the failures, so we look at them: the five tiles with the largest error.

# %% alt="The five tiles with the largest error, all industrial areas: truth, masked, restored, error. White roofs and their shadows come back only where a line touches them; the error maps are bright where a roof was missed."
worst = np.argsort(tile_scores["shipped"]["mse_holes"])[-5:][::-1]
names = [classes[label] for label in validation.labels[worst]]
error_maps = np.abs(restored[worst] - tiles[worst]).mean(axis=-1)
rows = [tiles[worst], tinted[worst], restored[worst], error_maps]
row_labels = ["truth", "masked", "restored", "error"]
figure = ei.plots.show_tiles(rows, row_labels, names, validation.source)

pictures = {"push-pull": fill, "shipped": restored}
entries = {
    "gradient ratio": [ei.metrics.gradient_ratio(tiles, p, masks) for p in pictures.values()]
}
ei.plots.show_table(dict.fromkeys(pictures, ".2f"), entries, "Truth = 1", validation.source)

# %% [markdown]
# White roofs and their shadows, all of them in industrial areas. A block of which no pixel is known
# cannot be guessed, and a network punished by squared error does not try. It answers with the mean
# of all it thinks possible, and the mean of many sharp pictures is a blurred one. The gradient
# ratio of [notebook 04](04_judging_a_restoration.ipynb) measures it: how much the picture changes
# from pixel to pixel in the holes, restored over true. It stands in the table.
#
# 1 would be as sharp as the truth. The U-Net's figure is above push-pull's, and both are far below
# 1: too smooth. More training of the same kind is no remedy: the blurred answer *is* the best one
# under squared error, with which this training ended. The project behind this series tried two ways
# out, a GAN and a second U-Net: notebooks [07](07_gan_attempt.ipynb) and
# [08](08_wnet_attempt.ipynb).
#
# <details><summary><b>Think:</b> would a network ten times as large remove the blur?</summary>
#
# - *"Yes, it can store more detail."* The detail under a hole is not in the input. No memory helps.
# - *"No, as long as the loss is the squared error."* Yes: with many possible answers, their mean
#   has the least squared error, and the mean is smooth.
# </details>
#
# ## 10 · All of it is one call
#
# Whole or masked tiles in, restored tiles out, in the same number type.
#
# **Try it.** The explorer puts any mask of [notebook 02](02_mask_generation.ipynb) on any
# validation tile, or on a picture of your own, and lets two methods restore it side by side. Begin
# with few lines and move the slider to the right: when does the river bank come back? Then choose
# clouds, which this network has never seen, and compare it with "U-Net for any mask".

# %%
some = validation.images[shown]
restored_tiles = ei.inpaint(some, masks[shown])
assert restored_tiles.dtype == some.dtype and restored_tiles.shape == some.shape
assert np.array_equal(restored_tiles[known], some[known])
print(f"{len(restored_tiles)} tiles restored, known pixels unchanged")

ei.widgets.inpainting_explorer(validation)

# %% [markdown]
# ## What you have learnt
#
# 1. A U-Net is an encoder that sees far, a decoder that goes back, and skip connections that keep
#    places exact.
# 2. A Lambda layer puts the known pixels back, and an untrained network is the best test of it.
# 3. In a minute a classical U-Net did not reach a fill that learns nothing.
# 4. A network that corrects this fill begins where the fill ends.
# 5. After 51,200 tiles Muon and a centred input are worth three to four percent each, more than a
#    change of the seed.
# 6. A long training continues borders and roads. Of roofs that no line touches it knows nothing.
#
# **One figure to take along.** MSE over the tile: push-pull 0.00324, the shipped U-Net 0.00215.
#
# **Limits.** One kind of mask, one satellite, tiles of 640 m. The network has only seen nine lines;
# on clouds and boxes its lead over push-pull is smaller, as notebook 02 showed. And by itself it
# never says how sure it is: a calm colour at the edge of a tile is a guess, however plausible it
# looks. [Notebook 10](10_how_sure.ipynb) adds that.
#
# **Exercises:** [correct a fill, and average the weights](exercises/06_unet_training.ipynb).
#
# **References**
#
# - O. Ronneberger, P. Fischer, T. Brox, "U-Net: convolutional networks for biomedical image
#   segmentation", MICCAI 2015. [arXiv:1505.04597](https://arxiv.org/abs/1505.04597)
# - D. P. Kingma, J. Ba, "Adam: a method for stochastic optimization", ICLR 2015.
#   [arXiv:1412.6980](https://arxiv.org/abs/1412.6980)
# - K. Jordan et al., "Muon: an optimizer for hidden layers in neural networks", 2024.
#   [kellerjordan.github.io](https://kellerjordan.github.io/posts/muon/)
#
# ← [05 · Is the difference real?](05_is_the_difference_real.ipynb) · **06** · [07 · The attempt
# with a GAN](07_gan_attempt.ipynb) →
