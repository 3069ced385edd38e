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
# The U-Net of notebook 06 answers with a blur where it does not know. The project behind this
# series tried to mend that with a generative adversarial network, a GAN. It called the results
# "promising", at "around 0.88 accuracy", and dropped them for the time they took: "up to 4 minute"
# an epoch. Neither the network nor a picture was shown. So we build one, as well as we can, and
# look.
#
# **In this notebook you will** (about 50 minutes, of which 4 are computing)
#
# 1. see on a row of pixels why a network blurs, and what a critic would object to (6 min)
# 2. build the critic, see what it sees of a tile, and why its layers are tamed (9 min)
# 3. write both losses and one training step by hand (9 min)
# 4. read losses that do not say how good the pictures are (7 min)
# 5. train a GAN for two minutes, and look at it while it learns (7 min)
# 6. weigh what a longer training costs, buys and breaks (12 min).
#
# You need the U-Net of [notebook 06](06_unet_training.ipynb), the gradient ratio and the KID of
# [notebook 04](04_judging_a_restoration.ipynb), and the paired intervals of
# [notebook 05](05_is_the_difference_real.ipynb). A GPU is not needed; TensorFlow as the backend of
# Keras is.
#
# All sizes stand in the second cell below. `full` repeats the training of the shipped weights. As
# before, networks learn from the train split and everything is measured on the validation split.
# Shown is the middle tile of each of six classes, so that nobody has picked the pretty ones; often
# only its right half at mid-height, where holes are wide, enlarged twice.

# %%
import os
import time
from functools import partial

import keras
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf
from IPython.display import display
from keras import layers, ops
from scipy.optimize import brentq

import eurosat_inpaint as ei

ei.plots.use_style()

# %%
profile = os.environ.get("EUROSAT_INPAINT_PROFILE", "teach")  # smoke (tests), teach, full
source = "synthetic" if profile == "smoke" else "auto"
epochs = {"smoke": 2, "teach": 4, "full": 14}[profile]
steps_per_epoch = {"smoke": 2, "teach": 60, "full": 317}[profile]  # of 32 tiles each
tiles_measured = {"smoke": 40, "teach": 1381, "full": 1381}[profile]  # in section 6
steps_timed = {"smoke": 1, "teach": 8, "full": 30}[profile]
measure_dtype = profile != "smoke"  # is training faster in 16 bits? It takes half a minute to ask
seed = 0

# %%
train = ei.data.load_tiles("train", source=source)
all_tiles = ei.data.load_tiles("validation", source=source)
count = min(tiles_measured, len(all_tiles))
validation = all_tiles[ei.data.stratified_subset(all_tiles.labels, count)]
tiles = validation.images.astype(np.float32) / 255
masks = ei.masks.line_masks(len(tiles), seed=seed)
masked = tiles * masks
print(f"{len(train):,} tiles to train on, {len(tiles):,} to validate; {validation.source}")

wanted = ("AnnualCrop", "Highway", "Industrial", "PermanentCrop", "Residential", "River")
labels = [validation.class_names.index(name) for name in wanted]
of_class = [np.flatnonzero(validation.labels == label) for label in labels]
shown = [int(places[len(places) // 2]) for places in of_class]
part = np.s_[:, 16:48, 32:]

# %% [markdown]
# ## 1 · Blur is the mean of many answers
#
# One row of 64 pixels. Somewhere between pixels 20 and 44 there is an edge, or a road three pixels
# wide; nobody knows where, and all places are equally likely. What is the best answer? It depends
# on who asks. The squared error is least for the **mean** of all possible truths, the absolute
# error for their **median**, pixel by pixel.

# %%
places = np.random.default_rng(seed).integers(20, 44, size=(4000, 1))
pixels = np.arange(64)
bright = {"an edge": pixels > places, "a road": (pixels >= places) & (pixels < places + 3)}
truths = {what: possible.astype(float) for what, possible in bright.items()}  # (4000, 64) each
answers = {
    what: {"mean": truth.mean(axis=0), "median": np.median(truth, axis=0), "one truth": truth[0]}
    for what, truth in truths.items()
}

# %%
figure, axes = plt.subplots(1, 2, figsize=(8.4, 2.4), sharey=True)
for axis, (what, possible) in zip(axes, truths.items(), strict=True):
    axis.plot(possible[1:5].T, color="0.75", linewidth=1)
    axis.set(title=what, xlabel="pixel")
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
# The figure shows some truths in grey, and three answers. The mean of all edges is a long ramp, the
# mean of all roads a faint haze. The median keeps the edge and guesses its place; the road it
# leaves out altogether, since at no pixel is a road more likely than none. One of the truths, sharp
# and in a wrong place, is the worst answer by either error. So both losses forbid what the eye
# would like.
#
# Now look at the last column of the table. *Every* truth has a step of 1 in it, and the mean has
# none above 0.05. A critic who knows nothing but this can tell means from truths without knowing
# where the edge was. That is the hypothesis of this notebook: **no real patch looks like a mean of
# patches, so a critic punishes blur, and a network that has to please it must choose.**
#
# <details><summary><b>Think:</b> the critic judges an answer without seeing the truth of that
# tile. Is this a weakness?</summary>
#
# - *"Yes, it cannot know whether the edge is in the right place."* So it is, but this is what makes
#   it useful: the errors that compare places are the ones that blur.
# - *"No, it has learnt the true tiles by heart."* That would help nobody, for the tile to restore
#   is a new one.
# - *"It is the price."* Yes. What pleases the critic may be sharp, plausible and wrong.
# </details>
#
# ## 2 · Two networks
#
# **The generator** is the network that restores. Ours is the shipped U-Net, weights and all: what
# squared error can teach, it knows already. It ends in the Lambda layer of notebook 06, so known
# pixels stay known.

# %%
unet = ei.pretrained.load("unet")
build = partial(ei.models.residual_unet, **ei.pretrained.card("unet")["arguments"])
dtype = ei.training.fastest_dtype(build) if measure_dtype else "float32"
generator = build(dtype=dtype)
generator.set_weights(unet.get_weights())

# %% [markdown]
# **The discriminator**, or critic, answers with *logits*: above 0 it takes what it sees for real,
# below 0 for restored. It gets the whole composite, and beside it the mask, so that it need not
# find out by itself where the holes are. A true tile comes with a mask too, the same one. Then two
# convolutions of 4 x 4 with stride 2, two of 3 x 3, and no layer that would merge them into one
# verdict. There is one logit for each patch, hence the name PatchGAN.


# %% tags=["nbval-check-output"]
def tamed(features, filters, kernel_size, strides=1, activation="leaky_relu"):
    """A convolution whose kernel is held at spectral norm 1."""
    convolution = layers.Conv2D(filters, kernel_size, strides, "same", activation=activation)
    return layers.SpectralNormalization(convolution)(features)


keras.utils.set_random_seed(seed)
tile, mask = keras.Input((64, 64, 3)), keras.Input((64, 64, 1))
features = layers.Concatenate()([layers.Rescaling(1 / 0.05, -0.38 / 0.05)(tile), mask])
features = tamed(features, 32, 4, strides=2)
features = tamed(features, 64, 4, strides=2)
features = tamed(features, 128, 3)
logits = tamed(features, 1, 3, activation=None)
critic = keras.Model([tile, mask], logits)
print(f"{critic.count_params():,} parameters, {logits.shape[1]} x {logits.shape[2]} logits")

packaged = ei.models.patch_discriminator()
packaged.set_weights(critic.get_weights())
few = ei.data.stratified_subset(validation.labels, 32)  # tiles of all classes
assert np.allclose(critic([tiles[few], masks[few]]), packaged([tiles[few], masks[few]]), atol=1e-3)

# %% [markdown]
# A twentieth of the generator's parameters will do, for it is easier to see that a patch is blurred
# than to mend it. The first layer takes away 0.38, the mean brightness of EuroSAT, and divides by
# 0.05, about the contrast within a tile; why, we shall see in a moment. The package has the same
# critic: with the same weights it gives the same logits, as asserted.
#
# What does one logit see? Each layer adds its kernel size less one, in steps as wide as the strides
# before it have made them. To be sure, we ask the network: which pixels move a logit at all?


# %%
def seen_by(row, column):
    """Which pixels of a tile the logit in this place depends on: bool (64, 64)."""
    example, example_mask = tf.constant(tiles[:1]), tf.constant(masks[:1])
    with tf.GradientTape() as tape:
        tape.watch(example)
        logit = critic([example, example_mask])[0, row, column, 0]
    return np.any(tape.gradient(logit, example)[0] != 0, axis=-1)


field, step, entries = 1, 1, {}
for layer, (kernel_size, stride) in enumerate(((4, 2), (4, 2), (3, 1), (3, 1)), start=1):
    field, step = field + (kernel_size - 1) * step, step * stride
    entries[f"layer {layer}"] = kernel_size, stride, field, step
assert seen_by(8, 8).sum() == field**2
columns = dict.fromkeys(("kernel size", "stride", "pixels seen across", "pixels apart"), "d")
display(ei.plots.show_table(columns, entries, "What one output of a layer sees of the tile"))

patches = [seen_by(*place) for place in ((8, 8), (8, 9), (12, 8), (0, 0))]
example = tiles[shown[2]]
views = [np.where(seen[..., None], 1, 0.25) * example for seen in patches]
figure = ei.plots.show_tiles([[example, *views]], source=validation.source)

# %% [markdown]
# The figure shows a tile and what four of the logits see of it: squares of 26 pixels. The first two
# belong to neighbours; they are four pixels apart and overlap nearly wholly. The last lies in the
# corner, where a logit sees the padding as well. 26 pixels hold a field border or some roofs, not a
# village. The critic is to judge *texture*; whether the whole makes sense is left to the loss
# beside it.
#
# <details><summary><b>Think:</b> why not one logit that sees the whole tile?</summary>
#
# - *"It would cost too much."* A little more, and no obstacle.
# - *"It would be too weak."* Rather too strong: one verdict on a whole tile can be learnt by heart
#   for each of the 20,000. The verdicts on 256 patches of each are much harder to remember, and
#   they tell the generator *where* it was caught.
# </details>
#
# **Why tamed?** A critic with a steep slope throws its logits about for the smallest change of a
# tile, and the generator with them. **Spectral normalisation** divides each kernel, taken as a
# matrix, by its largest singular value, its spectral norm, so that no layer can enlarge its input
# as it likes. The norm is found by power iteration: once to and fro through the matrix per training
# step, and on from there in the next.


# %%
def spectral_norms():
    """Largest singular value of each kernel, as a matrix from inputs to filters."""
    kernels = [weight.numpy() for weight in critic.trainable_weights if weight.name == "kernel"]
    return np.array([np.linalg.norm(k.reshape(-1, k.shape[-1]), 2) for k in kernels])


entries = {}
for calls in (0, 1, 5, 30):
    for _ in range(calls):
        critic([tiles[few], masks[few]], training=True)
    entries[f"{calls} more calls"] = spectral_norms()
columns = {f"layer {layer}": ".2f" for layer in range(1, 5)}
ei.plots.show_table(columns, entries, "Spectral norm of each kernel", corner="in training")

# %% [markdown]
# All four norms go to 1, and are brought back there in every step. Now the first layer makes sense.
# A network that cannot enlarge differences needs them large when they come in. A restored hole and
# its truth differ by a few hundredths; without the division by 0.05 their logits would hardly
# differ at all.
#
# ## 3 · Two losses, one step
#
# Write D(x) for the logits of a tile x. The **hinge loss** of the critic wants real patches above 1
# and restored ones below −1, and asks no more of those that are there:
#
# > mean of max(0, 1 − D(real)) + mean of max(0, 1 + D(restored))
#
# The generator wants its patches to be taken for real, and itself not to stray from the truth:
#
# > mean of |restored − real| + weight × mean of −D(restored)
#
# Its first part, the **reconstruction loss**, is the MAE of the original project. It alone knows
# *which* tile is to be restored. We write the losses down, and test both networks before they are
# trained. The generator must *be* the U-Net, but for the rounding of 16-bit numbers. And the
# critic?


# %%
def critic_loss(real, restored):
    """Hinge loss of logits: at least 1 for what is real, at most -1 for what is restored."""
    return ops.mean(ops.relu(1 - real)) + ops.mean(ops.relu(1 + restored))


def adversarial_loss(restored):
    """What the generator lowers: its patches should look real."""
    return -ops.mean(restored)


composites = np.asarray(generator([masked[few], masks[few]]))
assert np.abs(composites - np.asarray(unet([masked[few], masks[few]]))).max() < 0.05
on_real, on_restored = (np.asarray(critic([x, masks[few]])) for x in (tiles[few], composites))
heaps = {"real": on_real.ravel(), "restored": on_restored.ravel()}
figure = ei.plots.show_histograms(heaps, "logit", validation.source)
print(f"critic's loss {float(critic_loss(on_real, on_restored)):.2f}, ", end="")
print(f"right on {(np.mean(on_real > 0) + np.mean(on_restored < 0)) / 2:.1%} of the patches")

# %% [markdown]
# The figure shows the logits of the untrained critic: two heaps, one upon the other. It has an
# opinion on every patch, and the same on real and restored ones, so it is right half of the time.
# Its loss is about 2, which is what a critic pays who answers 0 to everything: 1 + 1.
#
# Now one step, in its order. The critic goes first, on real and restored tiles, while the generator
# is held still. Then the generator goes, with the critic held still; but the gradient flows
# *through* the critic, which tells each pixel in what direction it would look more real.

# %%
recipe = ei.training.RECIPES["gan"]
critic_optimizer = keras.optimizers.Adam(recipe.discriminator_learning_rate, beta_1=recipe.beta_1)
generator_optimizer = keras.optimizers.Adam(recipe.generator_learning_rate, beta_1=recipe.beta_1)


def train_step(masked, mask, tiles):
    """A step of the critic, then one of the generator; returns the three losses."""
    composites = generator([masked, mask], training=True)
    with tf.GradientTape() as tape:
        real, restored = (critic([x, mask], training=True) for x in (tiles, composites))
        loss = critic_loss(real, restored)
    variables = critic.trainable_variables
    critic_optimizer.apply(tape.gradient(loss, variables), variables)

    with tf.GradientTape() as tape:
        composites = generator([masked, mask], training=True)
        reconstruction = ops.mean(ops.abs(composites - tiles))
        adversarial = adversarial_loss(critic([composites, mask]))
        whole = reconstruction + recipe.adversarial_weight * adversarial
    variables = generator.trainable_variables
    generator_optimizer.apply(tape.gradient(whole, variables), variables)
    return float(loss), float(reconstruction), float(adversarial)


# %%
eight = ei.data.stratified_subset(validation.labels, 8)
batch = [tf.constant(values[eight]) for values in (masked, masks, tiles)]
for _ in range(4):
    losses = train_step(*batch)
    print("critic {:.3f}, reconstruction {:.4f}, adversarial {:+.3f}".format(*losses))
print(f"weight of the adversarial loss: {recipe.adversarial_weight}")

# %% [markdown]
# Four steps on eight tiles show that it runs, and no more. Both optimisers are Adam with a short
# memory, `beta_1` 0.5 instead of 0.9: the opponent moves on, and old gradients point to where it
# was. The package's `InpaintingGAN.train_step` is this one with a pass less, in a `keras.Model`, so
# that `fit` and callbacks work.
#
# The **weight** has to be chosen, and no theory says how. Both parts of the generator's loss pull
# at the same pixels; with too small a weight the blur stays, with too large a one the truth is
# left.
#
# ## 4 · How to read GAN losses
#
# The loss of notebook 06 fell, and a lower one meant a better network. Forget that. Here each loss
# is measured *against an opponent* that changes with every step: the adversarial loss may rise all
# the way while the pictures improve, because the critic improves too. **The losses do not say how
# good the pictures are.** They say how the game stands:

# %%
standings = {  # logits of real patches, and of restored ones
    "guesses": ([0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0]),
    "calls everything real": ([1.0, 1.0, 1.0, 1.0], [1.0, 1.0, 1.0, 1.0]),
    "is right on three of four": ([0.5, 0.5, 0.5, -0.5], [-0.5, -0.5, -0.5, 0.5]),
    "is right, and certain": ([1.5, 1.5, 2.0, 2.0], [-1.5, -1.5, -2.0, -2.0]),
    "is wrong, and certain": ([-1.0, -1.0, -1.0, -1.0], [1.0, 1.0, 1.0, 1.0]),
}
entries = {}
for name, given in standings.items():
    on_real, on_restored = np.array(given)
    accuracy = 0.5 + (np.sign(on_real).mean() - np.sign(on_restored).mean()) / 4
    losses = critic_loss(on_real, on_restored), adversarial_loss(on_restored)
    entries[name] = accuracy, *(float(loss) + 0 for loss in losses)
columns = dict.fromkeys(("its accuracy", "its loss", "adversarial loss"), ".2f")
ei.plots.show_table(columns, entries, "How the game stands", corner="the critic")

# %% [markdown]
# - **Accuracy 0.5, loss 2.0**: the critic guesses, or says the same to all. In the beginning it has
#   not learnt anything yet. In the end it may mean that nothing gives the restored patches away,
#   which is the aim; or that the critic is too weak to see what you see. (With the logarithmic
#   loss of the first GANs, guessing costs 2 log 2, about 1.39.)
# - **Accuracy about 0.75**: it is right more often than not, and what it knows is of use: both
#   still learn.
# - **Accuracy 1.0, loss 0**: the critic has won. All patches are beyond the hinges, so it stops
#   learning, and the generator is pushed on in directions that nobody corrects any more.
#
# So we look for an accuracy between 0.55 and 0.95, and for losses that hover instead of falling.
# Failures have shapes of their own.
#
# - *Accuracy climbs to 1, the adversarial loss climbs on and on.* The critic is too strong: make it
#   smaller or slower, or tame it.
# - *Accuracy stays at 0.5 from the start.* It learns nothing: look at its input, raise its rate.
# - *Accuracy swings up and down, ever wider.* The two chase each other in circles: lower rates, a
#   smaller `beta_1`.
# - *The reconstruction loss rises and rises.* The truth is being left: a smaller weight.
# - *Nothing remarkable, but the same pattern in all holes.* The generator has found one trick that
#   works. **No curve shows it. Look at the pictures.**
#
# <details><summary><b>Think:</b> after epoch 3 the adversarial loss is 0.6; after epoch 2 it was
# 0.1. Is the generator worse?</summary>
#
# - *"Yes, a loss went up."* That would hold against the *same* critic.
# - *"No, better: in a GAN losses are upside down."* They are not; each player lowers its own.
# - *"One cannot tell."* Yes. The critic may have become stricter. Let one frozen critic judge both
#   generators, or take a measure that no player can influence, as in section 6.
# </details>
#
# ## 5 · Two minutes of training
#
# `fit_gan` takes the two networks and the tiles. We have played with both, so they start anew.
# After each epoch the same six tiles are restored, since pictures are the best gauge we have.

# %%
keras.utils.set_random_seed(seed)
generator.set_weights(unet.get_weights())
critic = ei.models.patch_discriminator()
strips = {"U-Net": np.asarray(generator([masked[shown], masks[shown]]))}
picture = display(display_id=True)


def show_strips(epoch, logs):
    """Restore the same tiles after each epoch, and add them to the picture."""
    strips[f"epoch {epoch + 1}"] = np.asarray(generator([masked[shown], masks[shown]]))
    rows = [pictures[part] for pictures in (*strips.values(), tiles[shown])]
    figure = ei.plots.show_tiles(rows, [*strips, "truth"], wanted, validation.source)
    picture.update(figure)
    plt.close(figure)


# %%
line = ei.training.ProgressLine("GAN")
scored = ei.data.stratified_subset(validation.labels, len(validation) // 7)
history = ei.training.fit_gan(
    ei.models.InpaintingGAN(generator, critic),
    train.images,
    validation.images[scored],
    epochs=epochs,
    steps_per_epoch=steps_per_epoch,
    seed=seed,
    callbacks=(line, keras.callbacks.LambdaCallback(on_epoch_end=show_strips)),
    verbose=0,
)

# %% [markdown]
# The figure shows the same tiles from the U-Net downwards. Read a column: step by step the soft
# places get structure, and the first structure is a fine grid of dots, some of them coloured, the
# same on a field as between roofs. It is the cheapest way to be less smooth, and it works until the
# critic sees through it.
#
# A GAN training can be stopped: with `fit_gan(..., directory="runs/gan")` the same call continues
# it, in the epoch it was in, with the weights and the optimisers of both networks.

# %%
curves = {name: [row[name] for row in history] for name in history[0]}
figure, (left, middle, right) = plt.subplots(1, 3, figsize=(9.4, 2.6))
left.axhspan(0.55, 0.95, color="0.92")
for prefix, label in (("", "training"), ("val_", "validation")):
    left.plot(curves["epoch"], curves[f"{prefix}discriminator_accuracy"], "o-", label=label)
    right.plot(curves["epoch"], curves[f"{prefix}reconstruction_loss"], "o-", label=label)
middle.plot(curves["epoch"], curves["discriminator_loss"], "o-", label="critic")
middle.plot(curves["epoch"], curves["adversarial_loss"], "s--", label="adversarial")
left.set(title="critic's accuracy", xlabel="epoch", ylim=(0.45, 1))
middle.set(title="losses of the game", xlabel="epoch")
right.set(title="reconstruction loss", xlabel="epoch")
left.legend()
middle.legend()
ei.plots.say_synthetic(figure, validation.source)

# %% [markdown]
# The figure shows, on the left, the critic's accuracy, with the band that we look for in grey; in
# the middle, the two losses of the game. The critic gets better, so the generator's adversarial
# loss rises, as in the question above. The one curve that means what a loss means elsewhere is on
# the right: the reconstruction gets *worse*. The generator pays for sharpness with nearness, as
# section 1 said it must.
#
# **Where does the critic look?** Its logits are a picture of their own, of 16 x 16.


# %%
def logit_map(pictures):
    """Logits as colours: orange below 0, restored; violet above 0, real; full colour at 2."""
    logits = np.asarray(critic([pictures, masks[shown]]))[..., 0]
    return plt.get_cmap("PuOr")(0.5 + logits / 4)[..., :3]


rows = []
for pictures in (strips["U-Net"], strips[f"epoch {epochs}"], tiles[shown]):
    rows += [pictures, logit_map(pictures)]
names = ["U-Net", "critic", "GAN", "critic", "truth", "critic"]
figure = ei.plots.show_tiles(rows, names, wanted, validation.source)

# %% [markdown]
# The figure shows three answers to each tile, and under each what the critic of our two minutes
# thinks of it: orange where it suspects a restored patch, violet where it believes. It goes by
# contrast. Where much changes from pixel to pixel it believes, and true tiles have more of this;
# flat land it calls restored, whether it is or not. So far it knows one thing about real tiles, and
# this thing the generator learns to fake.
#
# ## 6 · A long training
#
# ### What it costs
#
# The GAN that comes with the package was trained in the same way for 14 epochs, seven passes over
# the train split. To be fair, the U-Net was **trained on** too, alone and by its own recipe, for as
# many tiles: `unet_long`. First what their cards say; then training steps of both are timed here,
# in turns, so that what else the machine does falls on both.

# %%
cards = {name: ei.pretrained.card(name) for name in ("unet_long", "gan")}
columns = {"parameters": ",", "epochs": "d", "minutes": ",", "started_from": ""}
entries = {name: [card[fact] for fact in columns] for name, card in cards.items()}
display(ei.plots.show_table(columns, entries, "Cards of the two networks"))
print(f"critic: {cards['gan']['discriminator_parameters']:,} parameters, and thrown away")


def seconds_of_a_step(model):
    start = time.perf_counter()
    model.train_on_batch([masked[:32], masks[:32]], tiles[:32])
    return time.perf_counter() - start


alone, gan = build(dtype=dtype), ei.models.InpaintingGAN(build(dtype=dtype), packaged)
ei.training.compile_model(alone, ei.training.RECIPES["efficient"], steps=1000)
alone.steps_per_execution = 1  # single batches are timed
gan.compile("adam", "adam")
seconds = [(seconds_of_a_step(gan), seconds_of_a_step(alone)) for _ in range(steps_timed + 1)]
ratio = np.divide(*np.median(seconds[1:], axis=0))  # without the first, which compiles
print(f"a step of the GAN takes {ratio:.2f} times as long as one of the U-Net")
if validation.source == "synthetic":
    print("the original's epochs: not comparable: synthetic tiles")
else:
    print(f"the original's epochs, as reported: up to {240 / 200:.2f} or {240 / 130:.2f} times")

# %% [markdown]
# A step costs more because every tile passes through the critic three times: as it is, restored,
# and restored once more to lead the generator. The original reports 130 to 200 s for an epoch of
# its U-Net and up to 4 minutes for one of its GAN, hence the two figures in the last line.
#
# The greater cost stands in no card. A GAN has more settings, no loss that tells which epoch was
# best, and a wrong setting shows itself late. `benchmarks/README.md` lists those that were tried
# before this one. With the first of them, a sound one by all accounts, the critic hardly learnt
# more than to guess: tiles came in enlarged by 2 instead of 20.
#
# ### What it buys
#
# A network that sharpens must be held against more than the U-Net it began with. One control is the
# U-Net trained on. The other is the impostor of notebook 04, the **U-Net with white noise** in the
# holes, just so strong that it has the GAN's gradient ratio.
#
# Then follow the scores of each tile, so that differences can be paired. Of the gradient ratio we
# take the *distance from 1*, on either side, so that for all three less is better.

# %%
networks = {
    "U-Net": unet,
    "U-Net, longer": ei.pretrained.load("unet_long"),
    "GAN, two minutes": generator,
    "GAN": ei.pretrained.load("gan"),
}
restored = {
    name: ei.pretrained.restore_in_batches(network, masked, masks)
    for name, network in networks.items()
}
white = np.random.default_rng(seed).standard_normal(tiles.shape, np.float32)


def with_noise(strength):
    noisy = (restored["U-Net"] + strength * white).clip(0, 1)
    return ei.compositing.composite(masked, noisy, masks)


def sharpness(pictures):
    return ei.metrics.gradient_ratio(tiles, pictures, masks)


goal = sharpness(restored["GAN"])
strength = brentq(lambda s: sharpness(with_noise(s)) - goal, 0, 0.1, xtol=1e-4)
restored["U-Net, noise"] = with_noise(strength)
print(f"noise of standard deviation {strength:.4f} gives the gradient ratio of the GAN, {goal:.2f}")

# %%
classifier = ei.pretrained.load("classifier")
seeing = keras.Model(classifier.inputs, classifier.get_layer("features").output)
true_features = seeing.predict(tiles, batch_size=64, verbose=0)
true_gradients = ei.metrics.gradient_sums(tiles, masks)


def scores_of(pictures):
    """Values of each tile, and the weights of their mean."""
    gradients = ei.metrics.gradient_sums(pictures, masks)
    side = np.sign(true_gradients.sum() - gradients.sum())
    seen = seeing.predict(pictures, batch_size=64, verbose=0)
    return {
        "MSE in the holes": (ei.metrics.mse(tiles, pictures, masks), None),
        "ratio from 1": (side * (true_gradients - gradients), true_gradients),
        "KID": (ei.metrics.kernel_distance(true_features, seen), None),
    }


scores = {name: scores_of(pictures) for name, pictures in restored.items()}

# %%
entries = {}
for name, pictures in restored.items():
    error, distance = (scores[name][measure][0].mean() for measure in ("MSE in the holes", "KID"))
    psnr = ei.metrics.psnr(tiles, pictures).mean()
    argmax = ei.metrics.channel_argmax_accuracy(tiles, pictures).mean()
    entries[name] = error, psnr, sharpness(pictures), distance, argmax
columns = {"MSE in the holes": ".5f", "PSNR": ".2f", "gradient ratio": ".2f", "KID": ".4f"}
columns["accuracy"] = ".3f"
caption = f"Means over {len(tiles):,} validation tiles"
ei.plots.show_table(columns, entries, caption, validation.source)

# %% [markdown]
# The last column is the "accuracy" of [notebook 04](04_judging_a_restoration.ipynb), kept for the
# original's sake: it hardly moves while all else does. The others say what was bought and what was
# paid: the GAN's gradients are nearer to the true ones, its tiles as a crowd are nearer to true
# tiles, and one by one, in the mean, they are farther from their own truths. Are the differences
# real? Paired, with 95 % intervals:

# %%
rivals, entries = ("U-Net", "U-Net, longer", "U-Net, noise"), {}
for name, other in (("U-Net, longer", "U-Net"), *(("GAN", rival) for rival in rivals)):
    for measure, (values, weights) in scores[name].items():
        found = ei.metrics.paired_difference(values, scores[other][measure][0], weights)
        value, low, high = found.values()
        verdict = "better" if high < 0 else "worse" if low > 0 else "cannot be told"
        entries[f"{name} less {other}: {measure}"] = value, (low, high), verdict
columns = {"difference": "+.5f", "95 % interval": "+.5f", "the first is": ""}
ei.plots.show_table(columns, entries, "Paired differences, less is better", validation.source)

# %% [markdown]
# The U-Net trained on is the control for effort: it has seen as many tiles more as the GAN. On
# EuroSAT this has not lowered its error, and has changed the other two measures by about a
# thousandth. The GAN is ahead of it by gradients and by KID, so more training alone does not
# explain these gains. The noise is the control for cheating: by construction it has the same
# gradient ratio, at a smaller MSE, and yet the GAN is ahead by KID. What it adds is not just
# anything. The spectrum shows on which scale it lies.

# %%
true_power = ei.metrics.radial_power(tiles)
curves = {name: ei.metrics.radial_power(restored[name]) / true_power for name in (*rivals, "GAN")}
cycles = np.arange(1, len(true_power) + 1)
figure = ei.plots.show_curves(
    cycles, curves, "cycles per tile", "power, restored over true", validation.source
)
figure.axes[0].axhline(1, color="0.4", linestyle="--")
_ = figure.axes[0].set_ylim(bottom=0)

# %% [markdown]
# The figure shows the power of the restored tiles over that of the true ones, known lines included.
# The curve of the U-Net trained on lies on that of the U-Net. Noise fills up the right end and
# nothing else. The GAN adds mostly in the middle, up to some 25 cycles per tile: the scale of
# fields, streets and large roofs. But mind the hump at 16 cycles. That is a period of four pixels,
# as far apart as the critic's logits are, and nothing on the ground repeats itself just so.
#
# ### What it breaks
#
# Now the failures, and those first in which the GAN added most to the error.

# %%
of_unet, of_gan = (scores[name]["MSE in the holes"][0] for name in ("U-Net", "GAN"))
chosen = [*np.argsort(of_unet - of_gan)[:3], *shown]
strip_of = {name: restored[name][chosen][part] for name in ("U-Net", "U-Net, noise", "GAN")}
strip_of = {"masked": masked[chosen][part]} | strip_of | {"truth": tiles[chosen][part]}
names = [validation.class_names[label] for label in validation.labels[chosen]]
rows = list(strip_of.values())
figure = ei.plots.show_tiles(rows, list(strip_of), names, validation.source)
for axis in figure.axes:
    axis.title.set_fontsize(8)

# %% [markdown]
# The figure shows nine tiles: the three in which the GAN added most to the error, then the six from
# above. The noise, equally strong by gradients, can hardly be seen. The GAN's texture can, and it
# fails in ways that have names.
#
# - **Weaving.** Wide holes are covered with a fine grid of about four pixels, the hump of the
#   spectrum.
# - **Ripples.** Lines run parallel to the border of the hole, like waves around a stone, where
#   neither street nor furrow is.
# - **Invention.** Roofs, streets and furrows stand where there are none, and look right. Of all
#   failures this is the worst, for it does not show.
# - **Giving up.** In the widest holes the blur is still there, under the weaving.
#
# How much of the added detail is right, no eye can tell, and a colour cast may be too faint for it.
# So we measure. Let *added* be what a method changes in the answer of the U-Net, and *missing* what
# would have had to be added. Their correlation is 1 if all was right, and 0 if all was invented.


# %%
def colour_of(pictures):
    """What is left of a picture without its brightness; grey is 0.5."""
    return (pictures - pictures.mean(axis=-1, keepdims=True)) / 2 + 0.5


missing, entries = tiles - restored["U-Net"], {}
for name, pictures in restored.items():
    added = pictures - restored["U-Net"]
    # What the U-Net adds to itself is nothing: 0, not 0 / 0.
    size = max(1e-9, np.sqrt(np.sum(added**2) * np.sum(missing**2)))
    edges = ei.metrics.gradient_ratio(colour_of(tiles), colour_of(pictures), masks)
    cast = np.sum(pictures - tiles, axis=(0, 1, 2)) / np.sum(masks == 0)
    entries[name] = np.sum(added * missing) / size, edges, *cast
columns = {"correlation": ".3f", "colour edges": ".2f"}
columns |= {f"{colour} too bright by": "+.4f" for colour in ("red", "green", "blue")}
ei.plots.show_table(columns, entries, "What was added in the holes", validation.source)

# %% [markdown]
# - **Correlation.** Nobody's is far from 0, nor can it be. Had the U-Net answered with the exact
#   mean of all possible truths, then nothing that is computed from the known pixels could be
#   correlated with what it missed. What lies beyond a blur made by squared error is *invented*, by
#   whomever; and being uncorrelated with the truth, it adds its own square to the error. Noise pays
#   the same price. It only does not buy as much.
# - **Colour edges** are the gradient ratio of the colour alone, without brightness. Noise makes
#   coloured speckles that no field has, and the young GAN coloured dots; the long training has
#   unlearnt them.
# - **A colour cast.** The holes of the GAN come out a little too dark, those of the U-Net do not.
#   This may be the missing road of section 1: the reconstruction loss is an absolute error, its
#   best answer a median, and a median leaves out what is bright and rare.
#
# <details><summary><b>Think:</b> a mapping agency wants to fill the gaps of a tile and then measure
# the area of each field. U-Net or GAN?</summary>
#
# - *"GAN, its KID is better."* KID compares crowds: the tiles together look true. No single field
#   border is promised.
# - *"GAN, one can see the borders."* One sees borders. They are as sharp where they are invented.
# - *"U-Net."* Yes. Where it knows a border it draws it, and where not its blur says so. For a
#   picture to look at the answer may be another.
# </details>
#
# ## In this notebook we have
#
# 1. seen that squared errors ask for the mean of all answers and absolute ones for their median,
#    and that a critic can object without knowing the truth;
# 2. built a critic of 26-pixel patches, with layers that cannot shout, and an input loud enough;
# 3. written the hinge losses, and one step of the game by hand;
# 4. read GAN losses as the standing of a game, not as a mark;
# 5. trained a GAN for two minutes, and met its first trick;
# 6. weighed a long training against effort and against noise: it costs more time and more tries,
#    buys texture that neither of them buys, and pays with nearness, weaving and invention.
#
# **Limits.** One generator, one critic, one seed. Another weight would give another balance of
# sharp and near; the settings that were tried are few. The KID is computed by a classifier of our
# own that, as notebook 04 showed, judges by texture: so does the critic, and a referee with the
# tastes of one player favours him. And no person was asked which tiles look better.
#
# **Next:** [notebook 08](08_wnet_attempt.ipynb) asks for sharpness without an opponent, and
# [notebook 09](09_comparison.ipynb) holds all attempts against each other, and each of the
# original's sentences against its figure.
#
# **References**
#
# - I. Goodfellow et al., "Generative adversarial nets", NeurIPS 2014.
# - P. Isola et al., "Image-to-image translation with conditional adversarial networks", CVPR 2017
#   (PatchGAN).
# - T. Miyato et al., "Spectral normalization for generative adversarial networks", ICLR 2018.
# - J. H. Lim, J. C. Ye, "Geometric GAN", 2017 (the hinge loss).
# - Y. Blau, T. Michaeli, "The perception-distortion tradeoff", CVPR 2018.
