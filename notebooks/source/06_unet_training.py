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
# **In this notebook you will** (about 40 minutes, of which 5 are computing)
#
# 1. build a U-Net stage by stage, and say what each stage is for (10 min)
# 2. put the known pixels back with a Lambda layer, and test that it keeps them (5 min)
# 3. train a small U-Net for two minutes and read its learning curve (10 min)
# 4. see why filling the holes *before* the network helps it so much (5 min)
# 5. look at what a long training restores: by class, by place, and where it fails (10 min).
#
# You need notebook [02](02_mask_generation.ipynb) for the masks,
# [03](03_filling_without_learning.ipynb) for push-pull and [04](04_judging_a_restoration.ipynb) for
# the scores. A GPU is not needed.
#
# All sizes of this notebook stand in the second cell below. `teach` is made for two processor
# cores; with a GPU or an evening, take `full`.

# %%
import os
from dataclasses import replace
from functools import partial

import keras
import matplotlib.pyplot as plt
import numpy as np
from keras import layers

import eurosat_inpaint as ei

ei.plots.use_style()

# %%
profile = os.environ.get("EUROSAT_INPAINT_PROFILE", "teach")  # smoke (tests), teach, full
source = "synthetic" if profile == "smoke" else "auto"
epochs = {"smoke": 2, "teach": 8, "full": 40}[profile]
steps_per_epoch = {"smoke": 2, "teach": 40, "full": 317}[profile]  # of 64 tiles each
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
# A stage is two convolutions, each followed by ReLU.


# %%
def stage(features, filters):
    """Two 3x3 convolutions with ReLU."""
    for _ in range(2):
        features = layers.Conv2D(filters, 3, padding="same", activation="relu")(features)
    return features


# %% [markdown]
# **The encoder.** The input is the masked tile and, as a fourth channel, the mask: without it the
# network could take a hole for a black field. Four times, a stage is followed by max-pooling, which
# halves the resolution; each stage has twice the filters of the last, since there is more to say
# about a larger area.

# %%
masked_input = keras.Input((64, 64, 3), name="masked")
mask_input = keras.Input((64, 64, 1), name="mask")
features, skips = layers.Concatenate()([masked_input, mask_input]), []
for filters in (16, 32, 64, 128):
    features = stage(features, filters)
    skips.append(features)
    features = layers.MaxPooling2D(2)(features)
    print(f"stage with {filters} filters: kept {skips[-1].shape[1:]}, on {features.shape[1:]}")

# %% [markdown]
# **The bottleneck.** At 4x4, one pixel of the feature map stands for a square of 16x16 pixels of
# the tile, and two convolutions let it see the whole tile. Here the network can know *what* it
# looks at: water, a town, fields.
#
# **The decoder.** Each step doubles the resolution with a transposed convolution, and appends what
# the encoder kept at that resolution. This is the skip connection: the decoder need not remember
# where an edge was; it is handed the place.
#
# **The output** is one more convolution with three filters, red, green and blue, and a sigmoid,
# which squashes any number into the range of a colour, 0 to 1.

# %% tags=["nbval-check-output"]
features = stage(features, 256)
for filters, kept in zip((128, 64, 32, 16), skips[::-1], strict=True):
    features = layers.Conv2DTranspose(filters, 2, strides=2)(features)
    features = stage(layers.Concatenate()([features, kept]), filters)
    print(f"stage with {filters} filters: {features.shape[1:]}")
prediction = layers.Conv2D(3, 3, padding="same", activation="sigmoid")(features)
raw_network = keras.Model([masked_input, mask_input], prediction)
print(f"{raw_network.count_params():,} parameters")

# %% [markdown]
# <details><summary><b>Think:</b> what would this network lose without its skips?</summary>
#
# - *"It could not see far any more."* No: seeing far is the work of the poolings, and they stay.
# - *"Nothing, the bottleneck holds everything."* The bottleneck is 4x4 pixels of 256 numbers, a
#   third of the numbers in the tile, and the poolings have thrown away which of four pixels was
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
assert ei.models.unet().count_params() == network.count_params()
both = {"this U-Net": network, "the original's": ei.models.original_unet()}
entries = {name: (n.count_params(), ei.metrics.gflop_per_tile(n)) for name, n in both.items()}
del both  # the original's network fills 200 MB
columns = {"parameters": ",", "GFLOP per tile": ".2f"}
ei.plots.show_table(columns, entries, "Two U-Nets")

# %% [markdown]
# The original's network has 27 times the parameters of this one and costs 37 times the arithmetic.
# It was trained on a GPU for about 80 minutes. We have two minutes.
#
# ## 4 · Two minutes of training
#
# The recipe is short.
#
# - **Batches.** 64 tiles, flipped at random; every tile gets a *new* mask every time it is seen, so
#   the network cannot learn a mask by heart.
# - **Loss.** Mean squared error of the composite. Known pixels have no error, so only holes pull.
# - **Steps.** Wide convolutions step by Muon (Jordan et al., 2024): their gradient is taken as a
#   matrix, and all its directions are made equally long, so that the network does not spend its
#   steps on the few directions that shout. All other weights step by AdamW. The learning rate rises
#   over the first steps, stays, and falls to zero over the last fifth: careful steps last.
# - **Average.** What is scored and kept is a moving average of the weights, which is calmer than
#   the weights themselves.

# %%
keras.utils.set_random_seed(seed)
network = ei.models.unet()
count = min(validation_tiles, len(validation))
scored = validation.images[ei.data.stratified_subset(validation.labels, count)]
recipe = replace(ei.training.RECIPES["efficient"], loss="mse", final_loss=None)
learning = dict(
    recipe=recipe,
    images=train.images,
    validation_images=scored,
    epochs=epochs,
    steps_per_epoch=steps_per_epoch,
    seed=seed,
    verbose=0,
)
line = ei.training.ProgressLine("classical U-Net")
history = {"classical U-Net": ei.training.fit_unet(network, callbacks=(line,), **learning)}

# %% [markdown]
# (The recipe as the package has it lowers the absolute error until the rate falls. Here one loss is
# easier to follow.) What has it learnt? To judge that, we need something to hold it against.
# **Push-pull** is a fill that learns nothing: it averages the known pixels at ever coarser
# resolution, and interpolates back.

# %%
fill = ei.compositing.push_pull(masked, masks)
trained = np.asarray(network([masked[shown], masks[shown]]))
figure = ei.plots.show_tiles(
    [masked[shown], fill[shown], trained, tiles[shown]],
    ["masked", "push-pull", "classical", "truth"],
    wanted,
    source=validation.source,
)

# %%
scored_tiles = scored.astype(np.float32) / 255
scored_masks = ei.masks.line_masks(len(scored), seed=1)
scored_fill = ei.compositing.push_pull(scored_tiles * scored_masks, scored_masks)
push_pull_error = np.mean((scored_fill - scored_tiles) ** 2)


def show_curves(history):
    """Validation error against tiles seen, beside the error of push-pull."""
    figure, axis = plt.subplots(figsize=(6, 3))
    for name, rows in history.items():
        seen = [row["epoch"] * steps_per_epoch * recipe.batch_size for row in rows]
        axis.plot(seen, [row["val_loss"] for row in rows], marker="o", label=name)
    axis.axhline(push_pull_error, color="0.4", linestyle="--", label="push-pull, no learning")
    axis.set(xlabel="tiles seen", ylabel="validation MSE", yscale="log")
    axis.legend()
    ei.plots.say_synthetic(figure, validation.source)


show_curves(history)
last = history["classical U-Net"][-1]
print(f"classical {last['val_loss']:.5f}, push-pull {push_pull_error:.5f}")

# %% [markdown]
# The figure shows the error after each epoch. It falls steeply at first and flattens as the steps
# become smaller. Two minutes have brought the network from a grey mist to about where push-pull
# stands, and in the pictures above the two are hard to tell apart. Nearly all of its training went
# into learning what push-pull knows from the start: that a hole looks like its surroundings.
#
# <details><summary><b>Think:</b> the known pixels have no error. By how much does this flatter
# the MSE of the whole tile?</summary>
#
# - *"Not at all."* The mean is over all pixels, and a third of them contribute zero.
# - *"By a third: the holes' MSE is the tile's divided by 1 - 0.355."* Yes. The original's figures
#   are over all pixels of the *raw* output, so beside ours they need this care.
# </details>
#
# ## 5 · Fill first, then correct
#
# If push-pull is so good a start, let the network start there. The second builder of the package,
# `residual_unet`, is a U-Net too, with three changes.
#
# 1. **Its input is the fill**, less the tile's mean colour, beside the mask. No hole is black any
#    more, and the deviation from the mean, all that the network has to look at, is enlarged.
# 2. **Its output is a correction**, added to the fill before the sigmoid. The last convolution
#    starts at zero, so the untrained network *is* push-pull and can only get better from there.
# 3. **It works at half resolution.** Each square of 2x2 pixels is rearranged into one pixel with
#    four times the channels, which saves the slowest stages. Nothing is lost: it is a reordering.

# %%
keras.utils.set_random_seed(seed)
build = partial(ei.models.residual_unet, filters=(48, 72, 96, 128), blocks=(1, 1, 1, 1))
residual_network = build(dtype=ei.training.fastest_dtype(build))
untrained = np.asarray(residual_network([masked[shown], masks[shown]]))
print(f"largest difference from push-pull: {np.abs(untrained - fill[shown]).max():.4f}")
print(f"{residual_network.count_params():,} parameters, ", end="")
print(f"{ei.metrics.gflop_per_tile(residual_network):.2f} GFLOP per tile, ", end="")
print(f"computed in {residual_network.get_layer('stem').compute_dtype}")

# %% [markdown]
# Half the parameters, a tenth less arithmetic, and before the first step it differs from push-pull
# by no more than the margin that keeps the fill away from 0 and 1. `fastest_dtype` has measured
# whether this machine is quicker with numbers of 16 bits; input, fill and output stay at 32. Now
# the same tiles, the same masks, the same number of steps. This time a monitor shows the losses and
# six restored tiles after every epoch; the figures further down are its static twin.

# %%
line = ei.training.ProgressLine("residual U-Net")
monitor = ei.widgets.watch_training(validation.images[shown], masks[shown])
history["residual U-Net"] = ei.training.fit_unet(
    residual_network, callbacks=(line, monitor), **learning
)
show_curves(history)

# %% [markdown]
# The figure shows both networks on the same axes. The residual network begins where push-pull ends,
# and spends all its training on what push-pull cannot do. *What you give a network for free, it
# need not learn*: here that is worth more than width or depth.
#
# ## 6 · A long training
#
# Two minutes are a demonstration. The weights that come with the package are those of a larger
# residual U-Net after little more than an hour on two processor cores. Their card says what they
# are.

# %%
card = ei.pretrained.card("unet")
facts = ("parameters", "data", "masks", "epochs", "minutes", "machine", "command")
entries = {fact: (str(card[fact]),) for fact in facts}
ei.plots.show_table({"unet": ""}, entries, "Card of the shipped U-Net")

# %%
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
    "classical, two minutes": network,
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
# ## 7 · Where the errors are
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
# ## 8 · Where it fails
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
# ## 9 · Use it
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
