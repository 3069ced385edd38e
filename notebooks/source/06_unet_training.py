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
# Nine lines keep about a third of a tile. A network has to guess the rest: continue a road, close
# a field, colour a lake. The architecture that the project behind this series settled on is a
# classical U-Net with one unusual last layer, and this notebook builds it, trains it, and looks at
# what it restores and what it does not.
#
# **In this notebook you will** (about 50 minutes, of which 5 are computing)
#
# 1. build a U-Net stage by stage, and say what each stage is for (10 min)
# 2. put the known pixels back with a Lambda layer, and test that it keeps them (5 min)
# 3. train it in the open: one batch, the loss, `compile` and `fit` (10 min)
# 4. add two refinements, Muon and an average of the weights, and see what each does (7 min)
# 5. measure what two other changes are worth: a fill as input, and a correction as output (8 min)
# 6. look at what a long training restores: by class, by place, and where it fails (10 min).
#
# You need notebook [02](02_mask_generation.ipynb) for the masks,
# [03](03_filling_without_learning.ipynb) for push-pull and [04](04_judging_a_restoration.ipynb) for
# the scores. A GPU is not needed.
#
# All sizes of this notebook stand in the second cell below. `teach` is made for two processor
# cores; with a GPU or an evening, take `full`.

# %%
import os

import keras
import matplotlib.pyplot as plt
import numpy as np
from IPython.display import display
from keras import layers

import eurosat_inpaint as ei

ei.plots.use_style()

# %%
profile = os.environ.get("EUROSAT_INPAINT_PROFILE", "teach")  # smoke (tests), teach, full
source = "synthetic" if profile == "smoke" else "auto"
epochs = {"smoke": 2, "teach": 10, "full": 40}[profile]
steps_per_epoch = {"smoke": 2, "teach": 20, "full": 317}[profile]  # of 64 tiles each
validation_tiles = {"smoke": 32, "teach": 200, "full": 1381}[profile]  # scored after each epoch
seed = 0

# %% [markdown]
# ## 1 · Tiles and masks
#
# Networks learn from the train split. Everything in this notebook is *measured* on the validation
# split; the test split stays closed until the very last table of the series.

# %%
train = ei.data.load_tiles("train", source=source)
validation = ei.data.load_tiles("validation", source=source)
count = min(validation_tiles, len(validation))
scored = validation.images[ei.data.stratified_subset(validation.labels, count)]
masks = ei.masks.line_masks(len(validation), seed=seed)
tiles = validation.images.astype(np.float32) / 255
masked = tiles * masks
print(f"{len(train):,} tiles to train on, {len(validation):,} to validate; {validation.source}")

wanted = ("AnnualCrop", "Highway", "Industrial", "PermanentCrop", "Residential", "River")
labels = [validation.class_names.index(name) for name in wanted]
shown = [int(np.flatnonzero(validation.labels == label)[4]) for label in labels]
figure = ei.plots.show_tiles(
    [tiles[shown], masked[shown]], ["tile", "masked"], wanted, source=validation.source
)

# %% [markdown]
# The figure shows what the network should answer, and below it all that it gets. Between the lines
# and the left and right edges lie holes twenty pixels wide.
#
# ## 2 · The U-Net, stage by stage
#
# A hole in the middle of a field is filled from the colour of the field, which may be known only
# twenty pixels away. So the network must see far. A road that passes under a hole must come out
# again at the right pixel. So the network must also be exact. A U-Net does both: an **encoder**
# looks at the tile at ever coarser resolution, a **decoder** goes back to full resolution, and
# **skip connections** hand the exact positions across.
#
# A **stage** is two convolutions, each followed by ReLU.
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
# **The output** is one more convolution with three filters, red, green and blue, and a sigmoid,
# which squashes any number into the range of a colour, 0 to 1.


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


# %% tags=["nbval-check-output"]
masked_input = keras.Input((64, 64, 3), name="masked")
mask_input = keras.Input((64, 64, 1), name="mask")
features = u_shape(layers.Concatenate()([masked_input, mask_input]))
prediction = layers.Conv2D(3, 3, padding="same", activation="sigmoid")(features)
raw_network = keras.Model([masked_input, mask_input], prediction)
for layer in raw_network.layers:
    if isinstance(layer, (layers.MaxPooling2D, layers.Conv2DTranspose)):
        print(f"{type(layer).__name__:15}", layer.input.shape[1:], "to", layer.output.shape[1:])
print(f"{raw_network.count_params():,} parameters")

# %% [markdown]
# <details><summary><b>Think:</b> what would this network lose without its skips?</summary>
#
# - *"It could not see far any more."* No: seeing far is the work of the poolings, and they stay.
# - *"Nothing, the bottleneck holds everything."* The bottleneck is 4x4 pixels of 128 numbers, a
#   sixth of the numbers in the tile, and the poolings have thrown away which of four pixels was
#   the largest.
# - *"It could not put edges where they belong."* Yes. It would also have to carry the known pixels
#   themselves through the bottleneck, only to hand them back.
# </details>
#
# ## 3 · The Lambda layer: known pixels are put back
#
# A third of the answer is known already. Why let a network repeat it, with errors? The last layer
# therefore takes **two** inputs, the masked tile and the prediction, and composes: a known pixel
# comes from the masked tile, a hole from the prediction. It has nothing to learn, so it is a
# `Lambda` layer, a plain function wrapped as a layer. The project this series descends from built
# this layer and then forgot to connect it, so its figures were measured without.
#
# A claim like "known pixels are kept" deserves a test. The network is untrained, so its prediction
# is nonsense, and that makes it a good witness.

# %%
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

# %% [markdown]
# The figure shows the prediction of the untrained network, a grey mist, and the composite, in which
# the known lines stand out of the mist untouched, equal to the last bit. From here on *every*
# network of the series ends in this layer, and holes are all that is judged.
#
# The two asserts hold with any weights. They would not hold if the layer computed
# `mask * masked + (1 - mask) * prediction` in the 16-bit format used for fast training: there a
# known pixel would change by up to 0.002.
#
# The same network is one call in the package, and so is the network of the original project.

# %%
assert ei.models.unet(filters=8).count_params() == network.count_params()
both = {"this U-Net": network, "the original's": ei.models.original_unet()}
entries = {name: (n.count_params(), ei.metrics.gflop_per_tile(n)) for name, n in both.items()}
del both  # the original's network fills 200 MB
columns = {"parameters": ",", "GFLOP per tile": ".2f"}
ei.plots.show_table(columns, entries, "Two U-Nets")

# %% [markdown]
# The original's network has more than a hundred times the parameters of this one, and costs more
# than a hundred times the arithmetic. It was trained on a GPU for about 80 minutes. We have a
# minute.
#
# ## 4 · Training in the open
#
# **A batch** is 64 tiles, flipped at random, each under a mask of its own. A tile that comes again
# gets a *new* mask, so the network cannot learn a mask by heart. Here are the first tiles of the
# first batch, and of the one that would come first in the next pass over the tiles.
#
# **The loss** is the mean squared error of the composite. Known pixels are put back, so they have
# no error, and only holes pull at the weights. We write it down, and check it against Keras'.

# %%
batches = ei.training.MaskedTileBatches(
    train.images, batch_size=64, steps_per_epoch=steps_per_epoch, seed=seed
)
(some_masked, some_masks), some_tiles = batches[0]
print(some_masked.shape, some_masks.shape, "->", some_tiles.shape, some_tiles.dtype)
again = batches.batch(len(train) // 64 + 1)[0][0]
figure = ei.plots.show_tiles(
    [some_tiles[:6], some_masked[:6], again[:6]], ["answer", "input", "later"], source=train.source
)


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
# interpolates back.

# %%
scored_tiles = scored.astype(np.float32) / 255
scored_masks = ei.masks.line_masks(len(scored), seed=1)
scored_inputs = [scored_tiles * scored_masks, scored_masks]

keras.utils.set_random_seed(seed)
network = ei.models.unet(filters=8)  # the same, with fresh weights
start = network.get_weights()
network.compile(keras.optimizers.Adam(1e-3), loss)
fitting = dict(validation_data=(scored_inputs, scored_tiles), epochs=epochs, shuffle=False)
fitting |= dict(callbacks=[ei.training.ProgressLine("with Adam")], verbose=0)
errors = {"classical, Adam": network.fit(batches, **fitting).history["val_loss"]}

# %%
fill = ei.compositing.push_pull(masked, masks)
trained = np.asarray(network([masked[shown], masks[shown]]))
figure = ei.plots.show_tiles(
    [masked[shown], fill[shown], trained, tiles[shown]],
    ["masked", "push-pull", "with Adam", "truth"],
    wanted,
    source=validation.source,
)

# %%
push_pull_error = np.mean((ei.compositing.push_pull(*scored_inputs) - scored_tiles) ** 2)


def show_errors(errors):
    """Validation error against tiles seen, beside the error of push-pull."""
    figure, axis = plt.subplots(figsize=(6, 3))
    for name, values in errors.items():
        seen = 64 * steps_per_epoch * np.arange(1, len(values) + 1)
        axis.plot(seen, values, marker="o", label=name)
    axis.axhline(push_pull_error, color="0.4", linestyle="--", label="push-pull, no learning")
    axis.set(xlabel="tiles seen", ylabel="validation MSE", yscale="log")
    axis.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
    ei.plots.say_synthetic(figure, validation.source)


show_errors(errors)
print(f"with Adam {errors['classical, Adam'][-1]:.5f}, push-pull {push_pull_error:.5f}")

# %% [markdown]
# The figure shows the error after each epoch. It falls steeply at first and flattens out. A minute
# has brought the network from a grey mist to blurred colours, and it is still far behind a fill
# that learns nothing.
#
# <details><summary><b>Think:</b> the known pixels have no error. By how much does this flatter
# the MSE of the whole tile?</summary>
#
# - *"Not at all."* The mean is over all pixels, and a third of them contribute zero.
# - *"By a third: the holes' MSE is the tile's divided by 1 - 0.355."* Yes. The original's figures
#   are over all pixels of the *raw* output, so beside ours they need this care.
# </details>
#
# ## 5 · Two refinements
#
# **Muon** (Jordan et al., 2024) looks at the slope of a convolution as a *matrix*, from inputs to
# outputs. Any matrix is a sum of directions, each with a strength, its singular value. In a plain
# slope a few directions are far stronger than all the rest, so a step is spent on those few. Muon
# keeps the directions and makes them equally strong. To see it we take one step of either from the
# same weights on the same batch, and look at how the kernel at the bottleneck has moved.


# %%
def strengths_of_step(optimizer, layer=10):
    """Singular values of how the kernel of a convolution moves in one step, the largest 1."""
    probe = ei.models.unet(filters=8)
    probe.set_weights(network.get_weights())
    kernel = [x for x in probe.layers if isinstance(x, layers.Conv2D)][layer - 1].kernel
    before = keras.ops.convert_to_numpy(kernel)
    probe.compile(optimizer, loss)
    probe.train_on_batch([some_masked, some_masks], some_tiles)
    moved = (keras.ops.convert_to_numpy(kernel) - before).reshape(-1, before.shape[-1])
    strengths = np.linalg.svd(moved, compute_uv=False)
    return strengths / strengths[0]


optimizers = {
    "the slope itself": keras.optimizers.SGD(1.0),
    "Adam": keras.optimizers.Adam(1e-3),
    "Muon": ei.training.ConvolutionMuon(learning_rate=1e-3),
}
strengths = {name: strengths_of_step(optimizer) for name, optimizer in optimizers.items()}
ranks = range(1, len(strengths["Muon"]) + 1)
figure = ei.plots.show_curves(ranks, strengths, "direction, strongest first", "strength", None)

# %% [markdown]
# The figure shows how strong each direction of one step is, next to the strongest.
#
# **An average of the weights.** While the steps are large, the weights jump to and fro around what
# they are heading for. Their mean over the last steps lies nearer to it. Keras keeps such a moving
# average beside the weights (`use_ema`); a step never looks at it, it is only what is scored and
# kept. So one training shows both: after every epoch we score the weights as they are, and their
# average.


# %%
class ScoreRawWeights(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        answers = self.model.predict(scored_inputs, verbose=0)
        errors.setdefault("classical, Muon", []).append(np.mean((answers - scored_tiles) ** 2))


refined = ei.models.unet(filters=8)
refined.set_weights(start)
settings = dict(learning_rate=2e-3, weight_decay=1e-4, use_ema=True, ema_momentum=0.98)
refined.compile(ei.training.ConvolutionMuon(**settings), loss)
line = ei.training.ProgressLine("with Muon")
watching = [line, ScoreRawWeights(), keras.callbacks.SwapEMAWeights()]
fitting |= dict(callbacks=watching)
errors["classical, Muon, averaged"] = refined.fit(batches, **fitting).history["val_loss"]
show_errors(errors)

# %% [markdown]
# The figure shows the three.
#
# ## 6 · What is worth more than width
#
# So far nearly all training went into learning what push-pull knows from the start: that a hole
# looks like its surroundings. There are two ways to give that away for free.
#
# 1. **The fill as input**: the network is shown the tile filled by push-pull, beside the mask. No
#    hole is black any more.
# 2. **A correction as output**: what the last convolution says is added to the fill, before the
#    sigmoid. It starts at zero, so the untrained network *is* push-pull.
#
# Each can be had without the other. So we train all four, on the same batches, with the same
# recipe, and nothing else differs: the recipe "efficient" of the package, which has both
# refinements, and lets the learning rate fall to zero at the end. During the last of the four a
# monitor shows the losses and six restored tiles after every epoch; the figure below is its static
# twin.


# %%
def four_ways(fill_as_input, correction_as_output):
    """The U-Net above, given the fill or black holes, and asked for a correction or a colour."""
    filled = ei.compositing.push_pull_layer()([masked_input, mask_input])
    shown_to_it = filled if fill_as_input else masked_input
    features = u_shape(layers.Concatenate()([shown_to_it, mask_input]))
    if correction_as_output:
        kept_inside = keras.ops.clip(filled, 1e-3, 1 - 1e-3)  # where the logit is finite
        logit = keras.ops.log(kept_inside / (1 - kept_inside))
        answer = logit + layers.Conv2D(3, 3, padding="same", kernel_initializer="zeros")(features)
    else:
        answer = layers.Conv2D(3, 3, padding="same")(features)
    whole = ei.compositing.composite_layer()([masked_input, keras.ops.sigmoid(answer), mask_input])
    return keras.Model([masked_input, mask_input], whole)


# %%
ways = {
    "black holes, a colour": (False, False),
    "fill as input": (True, False),
    "correction as output": (False, True),
    "both": (True, True),
}
learning = dict(images=train.images, validation_images=scored, seed=seed, verbose=0)
learning |= dict(epochs=epochs, steps_per_epoch=steps_per_epoch)
four, mse_of = {}, {}
for name, way in ways.items():
    keras.utils.set_random_seed(seed)
    four[name] = four_ways(*way)
    watching = [ei.training.ProgressLine(name)]
    if name == "both":
        watching.append(ei.widgets.watch_training(validation.images[shown], masks[shown]))
    ei.training.fit_unet(four[name], callbacks=watching, **learning)
    mse_of[name] = ei.metrics.score_tiles(four[name], validation.images, masks)["mse"]

# %%
mse_of["push-pull"] = ei.metrics.mse(tiles, fill)
entries = {}
for name in ways:
    less = ei.metrics.paired_difference(mse_of[name], mse_of["black holes, a colour"])
    change = "{difference:+.5f} [{low:+.5f}, {high:+.5f}]".format(**less)
    entries[name] = mse_of[name].mean(), change
entries["push-pull"] = mse_of["push-pull"].mean(), "-"
columns = {"MSE": ".5f", "less the first": ""}
caption = f"After {64 * epochs * steps_per_epoch:,} tiles"
display(ei.plots.show_table(columns, entries, caption, validation.source))

answers = {name: np.asarray(each([masked[shown], masks[shown]])) for name, each in four.items()}
rows = [*answers.values(), tiles[shown]]
figure = ei.plots.show_tiles(rows, [*answers, "truth"], wanted, source=validation.source)

# %% [markdown]
# *What you give a network for free, it need not learn.*
#
# The builder of the network that ships, `residual_unet`, does both, and two things more: its blocks
# are residual, they change their input by little; and it works at half resolution. Each square of
# 2x2 pixels is rearranged into one pixel with four times the channels, which saves the slowest
# stages. Nothing is lost: it is a reordering. So what ships is a residual U-Net over a fill.
#
# ## 7 · A long training
#
# A minute is a demonstration. The weights that come with the package are those of a residual U-Net
# after some hours on two processor cores. Their card says what they are.

# %%
card = ei.pretrained.card("unet")
facts = ("parameters", "data", "masks", "epochs", "minutes", "machine", "command")
entries = {fact: (str(card[fact]),) for fact in facts}
display(ei.plots.show_table({"unet": ""}, entries, "Card of the shipped U-Net"))

shipped = ei.pretrained.load("unet")
restored = ei.pretrained.restore_in_batches(shipped, masked, masks)
rows = {
    "masked": masked[shown],
    "push-pull": fill[shown],
    "classical": trained,
    "shipped": restored[shown],
    "truth": tiles[shown],
}
figure = ei.plots.show_tiles(list(rows.values()), list(rows), wanted, source=validation.source)

# %% [markdown]
# The figure shows six tiles in the order of effort. The shipped network continues field borders and
# the bank of the river under the holes, and finds the roads of the junction again where enough of
# them is known. Of roofs it keeps what the lines show and guesses a smooth mixture between. Where
# nothing is known, at the left and right edges, the answer is a calm mean colour.
#
# The figures, on all validation tiles:

# %%
methods = {
    "push-pull": lambda masked, mask: ei.compositing.push_pull(masked, mask),
    "classical, Adam": network,
    "both": four["both"],
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
# The long training pays by every measure. Look at the two columns that disagree: by MSE the
# classical network is close to push-pull; by PSNR, on EuroSAT, it is more than two decibels behind.
# MSE is a mean over tiles of an *error*, so it listens to the worst tiles. PSNR takes a logarithm
# first, so a lake counts as much as a town. On a lake push-pull is nearly perfect, and a young
# network that gets the blue slightly wrong loses much there. No single figure tells the whole
# story.
#
# **How large must a network be?** The original reports an MSE of 0.002465 for its network, and four
# other public solutions of the same exercise report theirs. Here they stand beside ours, by number
# of parameters.

# %%
reported = {  # parameters, MSE over the tile: raw output, other tiles, a leaky split
    "original": (53_287_363, 0.002465),
    "parallel kernels": (459_539, 0.002420),
    "64..512, batch normalisation": (7_745_923, 0.002542),
    "64-128-256, batch normalisation": (1_260_611, 0.00256),
    "64..512": (7_697_475, 0.002585),
}
figure, axis = plt.subplots(figsize=(6.4, 3.6))
for name, method in list(methods.items())[1:]:
    axis.plot(method.count_params(), tile_scores[name]["mse"].mean(), "o", label=name)
if validation.source != "synthetic":
    for (name, point), marker in zip(reported.items(), "s^Dv<", strict=True):
        axis.plot(*point, marker, color="0.5", fillstyle="none", label=f"{name}, as reported")
axis.axhline(tile_scores["push-pull"]["mse"].mean(), color="0.4", linestyle="--", label="push-pull")
axis.set(xscale="log", xlabel="parameters", ylabel="MSE over the tile")
axis.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize=8)
ei.plots.say_synthetic(figure, validation.source)

# %% [markdown]
# The figure shows ours filled, on the validation tiles, and the reported ones hollow. Hollow and
# filled cannot be compared point by point: those are scores of the raw output, on other tiles, with
# a [leaky split](01_data_exploration.ipynb). But they give the scale, and among themselves they
# show that size buys little: the smallest of the five reports the least error, with less than a
# hundredth of the parameters of the largest.
#
# **How long must one train?** Each of the first two points of the next figure is a training of its
# own, from random weights, with the network and the recipe of the shipped one, on two CPU cores, by
# `benchmarks/time_to_quality.py`. A point on the way of a longer training would not do: there the
# learning rate is still high, and with it the error. The last point is the shipped network.

# %%
minutes_and_errors = [(5.2, 0.002568), (12.4, 0.002444)]
card = ei.pretrained.card("unet")
minutes_and_errors.append((card["minutes"], card["validation"]["mse"]))
figure, axis = plt.subplots(figsize=(6.4, 3))
axis.plot(*zip(*minutes_and_errors, strict=True), "o-", label="residual U-Net, two CPU cores")
axis.plot(80, 0.002465, "s", color="0.5", fillstyle="none", label="original, as reported: a GPU")
axis.axhline(0.003243, color="0.4", linestyle="--", label="push-pull")
axis.set(xscale="log", xlabel="minutes of training", ylabel="MSE over the tile, EuroSAT")
axis.set_xticks([5, 10, 20, 40, 80], [5, 10, 20, 40, 80])
axis.legend()
axis.minorticks_off()

# %% [markdown]
# The figure shows that the first minutes buy most: five are enough to leave push-pull far behind,
# and twelve to come down to the error that the original reports for 80 minutes on a GPU, on other
# tiles. Six times as long lowers the error by another 6 %. Without a GPU one can still train this
# network while the coffee brews.
#
# ## 8 · Where the errors are
#
# **By class.** A mean over all tiles hides that some land cover is flat and some is not.

# %%
classes = validation.class_names
figure, axis = plt.subplots(figsize=(7, 3))
for offset, name in ((-0.2, "push-pull"), (0.2, "shipped")):
    errors = tile_scores[name]["mse_holes"]
    means = [errors[validation.labels == label].mean() for label in range(len(classes))]
    axis.bar(np.arange(len(classes)) + offset, means, width=0.4, label=name)
axis.set(ylabel="MSE in the holes", yscale="log")
axis.set_xticks(range(len(classes)), classes, rotation=40, ha="right")
axis.legend()
ei.plots.say_synthetic(figure, validation.source)

# %% [markdown]
# The figure shows the error in the holes for each class; mind the logarithmic axis. On EuroSAT an
# industrial area is restored about a hundred times worse than a lake or a forest, with either
# method. The network gains most on fields, where there are borders to continue; on the flat classes
# there was little to gain, and among roofs little to be known.
#
# **By place.** Notebook 02 showed that the lines cross in the middle of the tile, so the edges are
# rarely known. Here is the mean squared error of hole pixels at each position, and against the
# distance to the nearest known pixel.

# %%
squared_errors = {
    "push-pull": ((fill - tiles) ** 2).mean(axis=-1),
    "shipped": ((restored - tiles) ** 2).mean(axis=-1),
}
figure, axes = plt.subplots(1, 3, figsize=(9, 2.8), width_ratios=(1, 1, 1.3))
for axis, (name, errors) in zip(axes, squared_errors.items(), strict=False):
    mean_error = ei.metrics.mean_error_map(errors, masks)
    picture = axis.imshow(mean_error, cmap=ei.plots.ERROR_COLOURS, vmin=0, vmax=0.012)
    axis.set(title=name, xticks=[], yticks=[])
figure.colorbar(picture, ax=axes[1], label="MSE")

edges = np.arange(1, 26)
for name, errors in squared_errors.items():
    axes[2].plot(edges[:-1], ei.metrics.mean_error_by_distance(errors, masks, edges), label=name)
axes[2].set(xlabel="pixels to the nearest known one", ylabel="MSE", ylim=(0, None))
axes[2].legend()
ei.plots.say_synthetic(figure, validation.source)

# %% [markdown]
# The maps show the same hourglass twice: dark in the middle, where lines cross, bright at the left
# and right edges, where a hole has known pixels on one side only and filling is extrapolation. The
# curves rise within the first few pixels and then flatten. The network's advantage is largest near
# known pixels and is used up about twenty pixels away: there both answer with a guess of the mean
# colour, and one guess is as good as the other.
#
# **Try it.** The explorer puts any mask of [notebook 02](02_mask_generation.ipynb) on any
# validation tile, or on a picture of your own, and lets any fill or shipped network restore it.
# Begin with few lines and move the slider to the right: when does a road come back? Then choose
# clouds, which the network has never seen. The figure below it shows the same for six tiles.

# %%
ei.widgets.inpainting_explorer(validation)

# %% [markdown]
# ## 9 · Where it fails
#
# The mean hides the failures, so we look at them: the six tiles with the largest error.

# %%
worst = np.argsort(tile_scores["shipped"]["mse_holes"])[-6:][::-1]
names = [classes[label] for label in validation.labels[worst]]
error_maps = np.abs(restored[worst] - tiles[worst]).mean(axis=-1)
figure = ei.plots.show_tiles(
    [masked[worst], restored[worst], tiles[worst], error_maps],
    ["masked", "restored", "truth", "error"],
    names,
    source=validation.source,
)
pictures = {"push-pull": fill, "shipped": restored}
entries = {
    "gradient ratio": [ei.metrics.gradient_ratio(tiles, p, masks) for p in pictures.values()]
}
ei.plots.show_table(dict.fromkeys(pictures, ".2f"), entries, "Truth = 1", validation.source)

# %% [markdown]
# The figure shows white roofs and their shadows, on EuroSAT all of them industrial areas; the error
# maps are bright where a roof was missed. A block of which no pixel is known cannot be guessed, and
# a network punished by squared error does not try. It answers with the mean of all it thinks
# possible, and the mean of many sharp pictures is a blurred one. The gradient ratio of
# [notebook 04](04_judging_a_restoration.ipynb) measures it: how much the picture changes from pixel
# to pixel in the holes, restored over true. It stands in the table.
#
# 1 would be as sharp as the truth. The U-Net is sharper than push-pull and still much too smooth.
# This is not a fault of training: the blurred answer *is* the best one under squared error. The
# project behind this series tried two ways out, a GAN and a second U-Net: notebooks
# [07](07_gan_attempt.ipynb) and [08](08_wnet_attempt.ipynb).
#
# <details><summary><b>Think:</b> would a network ten times as large remove the blur?</summary>
#
# - *"Yes, it can store more detail."* The detail under a hole is not in the input. No memory helps.
# - *"No, as long as the loss is the squared error."* Yes: with many possible answers, their mean
#   has the least squared error, and the mean is smooth.
# </details>
#
# ## 10 · Use it
#
# All of this is one call: whole or masked tiles in, restored tiles out, in the same number type.

# %%
some = validation.images[shown]
restored_tiles = ei.inpaint(some, masks[shown])
assert restored_tiles.dtype == some.dtype and restored_tiles.shape == some.shape
assert np.array_equal(restored_tiles[known], some[known])
print(f"{len(restored_tiles)} tiles restored, known pixels unchanged")

# %% [markdown]
# ## In this notebook we have
#
# 1. built a U-Net: an encoder that sees far, a decoder that goes back, skip connections that keep
#    places exact;
# 2. put the known pixels back with a Lambda layer, and tested it with an untrained network;
# 3. trained a classical U-Net for two minutes and seen that it did not yet reach a fill that
#    learns nothing;
# 4. let the network correct that fill instead, and seen it start ahead;
# 5. looked at what a long training restores, at errors by class and by place, and at its failures.
#
# **Limits.** One kind of mask, one satellite, tiles of 640 m. The network has only seen nine lines:
# it may do poorly on clouds or boxes. And it never says how sure it is; a calm colour at the edge
# of a tile is a guess, however plausible it looks.
