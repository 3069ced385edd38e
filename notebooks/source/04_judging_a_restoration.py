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
# # 04 · What is a good restoration?
#
# **The question.** *By which number is one restoration called better than another?* A score that is
# chosen carelessly can praise nonsense: the project this series grew out of reports an "accuracy"
# of 0.92 for its network, and at the end of section 2 you will know that a single colour per tile,
# with no network at all, already reaches 0.84.
#
# ![One town and six answers: blue everywhere, blue in the holes, the mean colour, push-pull, a poster
# of pure red, green and blue, and the tile in grey.](figures/04_judging_a_restoration.png)
#
# *Six answers to one masked town. By "accuracy" the poster is as good as push-pull, and the grey
# truth, with every house in its place, is the worst.*
#
# | | |
# |---|---|
# | **Time** | about 40 minutes, of which 1 is computing |
# | **You need** | the fills of [notebook 03](03_filling_without_learning.ipynb), and OpenCV for two of them: `pip install "eurosat-inpaint[baselines]"`; nothing is trained |
# | **Data** | all 1,381 validation tiles |
# | **Written to disk** | nothing |
#
# **You will learn**
#
# 1. why an MSE over all pixels, and over all classes, flatters (7 minutes);
# 2. what "accuracy" measures on pictures, and how to predict it without a network (12 minutes);
# 3. how PSNR and SSIM are computed, and what each is blind to (10 minutes);
# 4. how sharpness and meaning are measured, how either can be bought, and who cannot be (15
#    minutes).

# %%
import os

import keras
import matplotlib.pyplot as plt
import numpy as np
from IPython.display import display
from scipy.ndimage import gaussian_filter
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

import eurosat_inpaint as ei

ei.plots.use_style()

# %% [markdown]
# Set all sizes here. As before all measuring is done on the *validation* split. Five fills restore
# each tile.

# %%
profile = os.environ.get("EUROSAT_INPAINT_PROFILE", "teach")  # smoke (tests), teach, full
source = "synthetic" if profile == "smoke" else "auto"  # auto: EuroSAT if it can be had
tiles_measured = {"smoke": 40, "teach": 1381, "full": 1381}[profile]  # everywhere but as below
tiles_spoilt = {"smoke": 40, "teach": 300, "full": 300}[profile]  # in section 4
tiles_for_classifier = {"smoke": 16, "teach": 460, "full": 1381}[profile]  # in section 4
seed = 0  # fixes every mask and every draw below

# %%
everything = ei.data.load_tiles("validation", source=source)
measured = ei.data.stratified_subset(everything.labels, min(tiles_measured, len(everything)))
validation = everything[measured]  # every class keeps its share
class_names = validation.class_names
tiles = validation.images.astype(np.float32) / 255  # (n, 64, 64, 3)
masks = ei.masks.line_masks(len(tiles), seed=seed)  # (n, 64, 64, 1), 1 = known, 0 = hole
masked = tiles * masks
print(f"{len(tiles):,} of {len(everything):,} validation tiles, source: {validation.source}")

# %%
fills = {
    "mean": ei.baselines.mean,
    "nearest": ei.baselines.nearest,
    "Telea": ei.baselines.telea,
    "Navier-Stokes": ei.baselines.navier_stokes,
    "push-pull": ei.baselines.push_pull,
}
restored = {
    name: ei.pretrained.restore_in_batches(fill, masked, masks) for name, fill in fills.items()
}

# %% [markdown]
# ## 1. A mean over all pixels and all classes flatters
#
# ### A third is known, and costs nothing
#
# With the truth $x$, the restored tile $\hat x$ and the mask $m$, there are two mean squared errors
# of a tile, over all its $N = 64 \cdot 64$ pixels $i$ and channels $c$, and over its holes alone:
#
# $$\mathrm{MSE} = \frac{1}{3N} \sum_{i,c} (\hat x_{ic} - x_{ic})^2, \qquad
# \mathrm{MSE}_{\text{holes}} = \frac{\sum_{i,c} (1 - m_i) (\hat x_{ic} - x_{ic})^2}{3 \sum_i (1 - m_i)}.$$
#
# Known pixels are put back, so they add zeros to the first. **Predict** the ratio of the two, if
# 35.5 % of the pixels are known, as in [notebook 02](02_mask_generation.ipynb).

# %%
over_all = {name: ei.metrics.mse(tiles, pictures) for name, pictures in restored.items()}
in_holes = {name: ei.metrics.mse(tiles, pictures, masks) for name, pictures in restored.items()}
share_of_holes = 1 - ei.masks.coverage(masks)  # of each tile
assert all(np.allclose(over_all[k], in_holes[k] * share_of_holes, rtol=1e-4) for k in restored)
means = {k: (over_all[k].mean(), in_holes[k].mean()) for k in restored}
rows = {name: (*both, both[0] / both[1]) for name, both in means.items()}
columns = {"all pixels": ".5f", "holes": ".5f", "ratio": ".3f"}
ei.plots.show_table(columns, rows, "MSE of five fills", validation.source)

# %% [markdown]
# It is 0.645 to 0.646. Tile by tile the MSE over all pixels *is* the MSE in the holes times the
# share of holes, as the assertion checks. Nothing else is in it. As long as the masks are the same
# both rank methods alike, unless two are nearly tied, and the first looks a third smaller.
#
# **Think.** Paper A reports an MSE of 0.0032 over all pixels with nine lines; paper B reports
# 0.0048 in the holes with the same lines. Who is better? (a) A. (b) B. (c) They are about equal.
#
# <details><summary>Answer</summary>
#
# **(c)**, with B a trifle ahead: 0.0048 times 0.645 is 0.0031. **(a)** compares a diluted figure
# with an undiluted one. **(b)** would hold if the difference were larger than what other tiles
# would make of it, and that is the matter of [notebook 05](05_is_the_difference_real.ipynb).
#
# </details>
#
# ### Flat classes cost nothing either
#
# Notebook 01 found Forest and SeaLake nearly flat. Push-pull's error in the holes, by class:

# %% alt="Push-pull's error in the holes by class, on a logarithmic axis, as bars with their medians. SeaLake and Forest lie lowest, Industrial highest; its median is more than nine hundred times that of SeaLake."
by_tile = in_holes["push-pull"]
figure = ei.plots.show_by_class(
    by_tile, validation.labels, class_names, "MSE in the holes, push-pull", validation.source
)
figure.axes[0].set_xscale("log")
medians = {k: np.median(by_tile[validation.labels == class_names.index(k)]) for k in class_names}
print(f"median Industrial over median SeaLake: {medians['Industrial'] / medians['SeaLake']:.0f}")

# %%
of_class = {name: validation.labels == label for label, name in enumerate(class_names)}
by_class = {
    name: (by_tile[here].mean(), by_tile[here].sum() / by_tile.sum(), here.mean())
    for name, here in of_class.items()
}
costliest = sorted(by_class, key=lambda name: by_class[name][1])[-3:]
for group in (costliest, ["Forest", "Pasture", "SeaLake"]):
    of_error, of_tiles = (sum(by_class[name][part] for name in group) for part in (1, 2))
    print(f"{', '.join(group)}: {of_error:.0%} of the error, {of_tiles:.0%} of the tiles")
rows = dict(sorted(by_class.items(), key=lambda item: -item[1][0]))
columns = {"MSE in holes": ".5f", "of the error": ".1%", "of the tiles": ".1%"}
ei.plots.show_table(columns, rows, "Push-pull, by class", validation.source)

# %% [markdown]
# The dot is the median, the thick bar the middle half of the tiles, the thin one the middle four
# fifths. Mind the logarithmic axis. The median industrial tile has over nine hundred times the
# error of the median lake.
#
# Three classes with a third of the tiles make over sixty percent of the error, Industrial alone
# over a third. Forest, Pasture and SeaLake, with 29 percent of the tiles, make two percent. A mean
# over all tiles is a statement about roofs and fields, made to look milder by water and trees.
# Therefore: errors in the holes, and by class as well.
#
# ## 2. "Accuracy" asks which channel is brightest, and little else
#
# The original compiled its network with `metrics=["accuracy"]`, and reports 0.922 for the U-Net and
# about 0.88 for its GAN. Nine pixels in ten correct, it seems. What does Keras compute? Where truth
# and answer have the same shape it takes *categorical* accuracy: the largest entry of the last axis
# names the class. On a picture the last axis holds red, green and blue. So a pixel is "correct" if
# **the same channel is brightest**:
#
# $$\mathrm{accuracy} = \frac{1}{N} \sum_i
# \left[\, \operatorname{argmax}_c \hat x_{ic} = \operatorname{argmax}_c x_{ic} \,\right].$$
#
# Try it on two pixels.

# %% tags=["nbval-check-output"]
true_pixels = np.array([[0.30, 0.31, 0.32], [0.30, 0.31, 0.32]])
given_pixels = np.array([[0.00, 0.00, 1.00], [0.30, 0.33, 0.32]])
for number, name in enumerate(("screaming blue", "off by 0.02 in green")):
    accuracy = float(keras.metrics.CategoricalAccuracy()(true_pixels[number], given_pixels[number]))
    squared = np.mean((true_pixels[number] - given_pixels[number]) ** 2)
    print(f"{name}: accuracy {accuracy:.0f}, squared error {squared:.4f}")

# %% [markdown]
# The first answer is absurd and correct; the second is invisible to the eye and wrong. So all
# depends on which channel is brightest, and how often.

# %% alt="For each class the share of pixels in which red, green or blue is the brightest channel, as stacked bars. Blue takes nine tenths of Forest and SeaLake and two thirds of all pixels; red is strongest on the two kinds of cropland."
brightest = tiles.argmax(axis=-1)  # 0, 1, 2: red, green, blue
share = np.bincount(brightest.ravel(), minlength=3) / brightest.size
shares = np.array([[np.mean(brightest[here] == k) for k in range(3)] for here in of_class.values()])
print(f"blue in Forest {shares[1, 2]:.1%}, in SeaLake {shares[9, 2]:.1%}")
titles = [f"{name}, {share[k]:.1%} of all" for k, name in enumerate(("red", "green", "blue"))]
colours = [ei.plots.COLOURS[k] for k in (1, 2, 0)]
label = "share of pixels in which the channel is brightest"
figure = ei.plots.show_shares(
    shares.T, class_names, titles, label, validation.source, colours=colours
)

# %% [markdown]
# Blue leads in two thirds of all pixels, and in nine tenths of Forest and SeaLake.
#
# **Predict before you run on.** A "network" ignores its input and answers pure blue everywhere.
# What accuracy does it get? And if the known pixels are then put back?
#
# <details><summary>Answer</summary>
#
# Pure blue is right wherever blue is truly brightest: on EuroSAT **0.66**, read off the legend. Put
# back, the known 35.5 % are all right, and of the rest 0.66: 0.355 + 0.645 x 0.66 = **0.78**.
#
# </details>

# %%
blue = np.zeros_like(tiles)
blue[..., 2] = 1
blue_in_holes = ei.compositing.composite(masked, blue, masks)
blue_accuracy = ei.metrics.channel_argmax_accuracy(tiles, blue).mean()
assert np.isclose(blue_accuracy, share[2])  # the prediction, exactly
known = ei.masks.coverage(masks).mean()
found = ei.metrics.channel_argmax_accuracy(tiles, blue_in_holes).mean()
print(f"blue everywhere: {blue_accuracy:.3f}")
print(f"put back: predicted {known + (1 - known) * share[2]:.3f}, computed {found:.3f}")

# Is that what Keras itself calls accuracy? A model that returns its input says so.
echo = keras.Sequential([keras.Input((64, 64, 3)), keras.layers.Identity()])
echo.compile(loss="mse", metrics=["accuracy"])
_, by_keras = echo.evaluate(blue[:16], tiles[:16], verbose=0)
assert np.isclose(by_keras, ei.metrics.channel_argmax_accuracy(tiles[:16], blue[:16]).mean())

# %% [markdown]
# (On all 27,000 tiles it is 0.657, as counted for this series.) Now with a little more effort. Two
# pictures are built to fool the measure: the **poster** takes push-pull's answer and turns every
# pixel into pure red, green or blue, whichever was brightest; the **grey truth** is the true tile
# without its colour.
#
# **Predict:** which of the two has the higher accuracy?

# %% tags=["result"] alt="One town and six answers: blue everywhere, blue in the holes, the mean of the known, push-pull, a poster of pure red, green and blue that scores as push-pull does, and the tile in grey, the best picture and the worst score."
answers = {
    "blue everywhere": blue,
    "blue in the holes": blue_in_holes,
    "mean of the known": restored["mean"],
    "push-pull": restored["push-pull"],
    "poster of push-pull": np.eye(3, dtype=np.float32)[restored["push-pull"].argmax(axis=-1)],
    "grey truth": np.repeat(tiles.mean(axis=-1, keepdims=True), 3, axis=-1),
}
accuracies = {k: ei.metrics.channel_argmax_accuracy(tiles, v).mean() for k, v in answers.items()}
errors = {name: ei.metrics.mse(tiles, answer).mean() for name, answer in answers.items()}
assert accuracies["poster of push-pull"] == accuracies["push-pull"]
rows = {name: (accuracies[name], errors[name]) for name in answers}
columns = {"accuracy": ".3f", "MSE": ".5f"}
display(ei.plots.show_table(columns, rows, "Six answers", validation.source))

town = int(np.flatnonzero(of_class["Residential"])[:5][-1])
panels = [tiles[town], *(answer[town] for answer in answers.values())]
figure = ei.plots.show_tiles([panels], None, ["truth", *answers], validation.source)

# %% [markdown]
# The poster is absurd and scores *exactly* as push-pull does, as asserted; its MSE is more than
# sixty times larger. The grey truth is the best picture of the six, with every house in its place,
# and has on EuroSAT the least MSE. But its three channels are equal, the tie goes to the first,
# red, and so its accuracy is the share of pixels that are truly red: the worst of all.
#
# What, then, is an accuracy of 0.92? The original scored what its networks answered for *all*
# pixels, the known ones included, as it was: its **raw** output. So it may only be held against
# other raw answers, not against those in which the known pixels were put back.

# %%
known_sums = masked.sum(axis=(1, 2), keepdims=True)
one_colour = np.broadcast_to(known_sums / masks.sum(axis=(1, 2), keepdims=True), tiles.shape)
raw = {"blue": blue, "one colour": one_colour} | {k: restored[k] for k in ("nearest", "push-pull")}
kinds = {
    name: [
        ei.metrics.channel_argmax_accuracy(tiles, whole).mean()
        for whole in (answer, ei.compositing.composite(masked, answer, masks))
    ]
    for name, answer in raw.items()
}
if validation.source != "synthetic":
    kinds |= {"original's GAN": [0.88, "not reported"], "original's U-Net": [0.922, "not reported"]}
    assert 0.83 < kinds["one colour"][0] < 0.84 and kinds["one colour"][1] > 0.88
columns = {"raw": ".3f", "known pixels put back": ".3f"}
ei.plots.show_table(columns, kinds, "Accuracy, two kinds of score", validation.source)

# %% [markdown]
# One colour per tile, answered everywhere, reaches 0.84, and the GAN's 0.88 lies four points above
# it. Put the known pixels back into that one colour, and without any cleverness it stands above the
# GAN: whoever mixes the two kinds of score can show either. The two fills that copy their known
# pixels have the same score twice. Nearest, which looks at one pixel, reaches 0.93, above the 0.922
# of a network that had to learn to hand on what it was given.
#
# That does not make the original's networks bad: other tiles were scored, and the U-Net's MSE of
# 0.002465 is low although it is raw and counts the errors at known pixels too. It means that this
# number says little about a restoration: from one colour per tile to the best that was reported
# there are some eight points, and the absurd poster stands above both networks. It appears once
# more in the table of notebook 05, and then we forget it.
#
# ## 3. PSNR cannot tell faults apart, SSIM forgives a wrong brightness
#
# Two measures stand in nearly every paper on restoration. We compute both for one tile.
#
# **PSNR**, the peak signal-to-noise ratio, is the MSE on a logarithmic scale: how many times
# smaller than the largest possible squared value, here 1, in decibels,
#
# $$\mathrm{PSNR} = 10 \log_{10} \frac{1}{\mathrm{MSE}}.$$
#
# Ten decibels more mean a tenth of the MSE. Averaged over tiles the two part company, since a mean
# of logarithms is not the logarithm of a mean: PSNR lets a lake count as much as a town, MSE does
# not.

# %%
truth, answer_here = tiles[town].astype(float), restored["push-pull"][town].astype(float)
squared_error = np.mean((truth - answer_here) ** 2)
psnr = 10 * np.log10(1 / squared_error)
print(f"MSE {squared_error:.5f} -> PSNR {psnr:.2f} dB")
assert np.isclose(psnr, ei.metrics.psnr(truth[None], answer_here[None])[0])
assert np.isclose(psnr, peak_signal_noise_ratio(truth, answer_here, data_range=1))

mean_psnr = ei.metrics.psnr(tiles, restored["push-pull"]).mean()
psnr_of_mean = -10 * np.log10(over_all["push-pull"].mean())
print(f"mean of the tiles' PSNR: {mean_psnr:.2f} dB; PSNR of the mean MSE: {psnr_of_mean:.2f} dB")
assert mean_psnr > psnr_of_mean  # always: the logarithm is concave

# %% [markdown]
# Both are called "PSNR" in the literature, and they are decibels apart. Ours is the first. A tile
# without any error would be infinitely good, so each tile is capped at 100 dB.
#
# **SSIM**, structural similarity (Wang et al., 2004), looks through a small window. In each window
# it asks three things: is the mean the same, is the contrast the same, and do the two go up and
# down together? First the window: weighted means with a Gaussian of standard deviation 1.5 pixels,
# 11 pixels wide.
#
# $$\mathrm{SSIM} = \underbrace{\frac{2 \mu_1 \mu_2 + c_1}{\mu_1^2 + \mu_2^2 + c_1}}_{\text{brightness}}
# \cdot \underbrace{\frac{2 \sigma_{12} + c_2}{\sigma_1^2 + \sigma_2^2 + c_2}}_{\text{contrast and structure}},
# \qquad c_1 = 0.01^2,\; c_2 = 0.03^2.$$
#
# The first factor is 1 where the means agree, the second where two windows differ by a constant at
# most. The two small constants, for values from 0 to 1, keep the ratios calm where a window is dark
# or flat.


# %%
def local_mean(picture):
    return gaussian_filter(picture, 1.5, truncate=3.5, axes=(0, 1))


mean_1, mean_2 = local_mean(truth), local_mean(answer_here)
variance_1, variance_2 = (local_mean(p**2) - local_mean(p) ** 2 for p in (truth, answer_here))
covariance = local_mean(truth * answer_here) - mean_1 * mean_2
c1, c2 = 0.01**2, 0.03**2
brightness = (2 * mean_1 * mean_2 + c1) / (mean_1**2 + mean_2**2 + c1)
structure = (2 * covariance + c2) / (variance_1 + variance_2 + c2)

# %% alt="A town, masked, filled by push-pull, and its SSIM window by window, white for 1. The known lines shine white in the map; between them, where houses were blurred, it is dark."
ssim_map = brightness * structure
inner = (slice(5, -5), slice(5, -5))  # windows that would reach over the border are left out
ssim = ssim_map[inner].mean()
print(f"brightness {brightness[inner].mean():.3f}, ", end="")
print(f"contrast and structure {structure[inner].mean():.3f} -> SSIM {ssim:.4f}")
assert np.isclose(ssim, ei.metrics.ssim(truth[None], answer_here[None])[0])
settings = dict(gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=1)
by_library = structural_similarity(truth, answer_here, channel_axis=-1, **settings)
assert np.isclose(ssim, by_library)
tinted = ei.plots.tint_holes(masked[town : town + 1], masks[town : town + 1])[0]
panels = [truth, tinted, answer_here, ssim_map.mean(axis=-1).clip(0, 1)]
titles = ["truth", "masked", "push-pull", "SSIM map"]
figure = ei.plots.show_tiles([panels], None, titles, validation.source)

# %% [markdown]
# In the map white is 1. The known lines shine; between them the means agree and the structure does
# not. Our value is the package's and scikit-image's, asserted. Mind the border: windows that reach
# over it are left out, so five pixels all around count less, and at the left and right this task
# has its largest errors.
#
# ### What each is blind to
#
# Four ways to spoil a tile, tuned so that the **MSE is the same**: everything a little darker;
# noise; blur; and one square painted wrong, the rest untouched.
#
# **Think.** Which one does PSNR prefer? Which one SSIM, and which one do you?

# %%
clipped = truth.clip(0.15, 0.85)  # room for all four
blurred = gaussian_filter(clipped, 1.2, axes=(0, 1))
offset = np.sqrt(np.mean((blurred - clipped) ** 2))
signs = np.random.default_rng(seed).choice((-1, 1), truth.shape)
square = np.zeros((64, 64, 1))
square[20:44, 20:44] = 64 / 24 * offset
variants = {
    "darker": clipped - offset,
    "noise": clipped + offset * signs,
    "blur": blurred,
    "square": clipped + square * np.where(clipped > 0.5, -1, 1),
}

# %% alt="A town and four versions with the same MSE: darker, noisy, blurred, and with one square painted wrong. Over each stand its PSNR, the same for all, and its SSIM, highest for the darker one and the square, lowest for noise and blur."
titles = ["truth"]
for name, variant in variants.items():
    decibels = peak_signal_noise_ratio(clipped, variant, data_range=1)
    similarity = structural_similarity(clipped, variant, channel_axis=-1, **settings)
    titles.append(f"{name}\n{decibels:.2f} dB\nSSIM {similarity:.3f}")
    assert np.isclose(np.mean((variant - clipped) ** 2), offset**2)
figure = ei.plots.show_tiles([[clipped, *variants.values()]], None, titles, validation.source)

# %% [markdown]
# PSNR cannot tell them apart at all: it sees the size of the error, not its kind. SSIM forgives the
# shift of brightness nearly completely, though for whoever measures reflectance from space a bias
# is no small fault. The square costs little: inside it is mostly a shift again, and only windows
# across its border see a wrong structure. Noise and blur it dislikes, as they change the structure
# of every window. Neither knows what a house is. No single figure can be trusted alone.
#
# ## 4. Sharpness and meaning can be bought, two referees hardly
#
# All fills so far look soft. How soft, and does it matter? We add the U-Net that is shipped with
# the package, and one impostor: push-pull with **noise** sprinkled into the holes, which knows
# nothing that push-pull does not know.
#
# The **gradient ratio** of notebook 03 adds up how much brightness changes from one hole pixel to
# the next, and divides by the same sum over the true tiles. 1 is as sharp as the truth, 0 is flat.
#
# **Predict.** What does noise do to the gradient ratio, and what to the MSE?

# %%
restored["U-Net"] = ei.pretrained.restore_in_batches(ei.pretrained.load("unet"), masked, masks)
noise = np.random.default_rng(seed).normal(0, 0.02, tiles.shape)
noisy = (restored["push-pull"] + noise).clip(0, 1).astype(np.float32)
restored["with noise"] = ei.compositing.composite(masked, noisy, masks)
sharpness = {k: ei.metrics.gradient_ratio(tiles, v, masks) for k, v in restored.items()}
rows = {k: (sharpness[k], ei.metrics.mse(tiles, v).mean()) for k, v in restored.items()}
columns = {"gradient ratio": ".2f", "MSE": ".5f"}
ei.plots.show_table(columns, rows, "Sharpness and error", validation.source)

# %% [markdown]
# Push-pull, the fill of least error, has less than a quarter of the true gradients. Noise brings it
# to about 1, at the price of a larger error, though it knows nothing new: the gradient ratio can be
# bought. The **spectrum** of notebook 01 shows on which scale something is missing, or too much.

# %% alt="Power of restored tiles over that of true ones, against cycles per tile. Nearest stays closest to 1 up to some 26 cycles and exceeds it by far at the right end. Push-pull falls below a half, the U-Net falls later and lower. Push-pull with noise follows push-pull and rises steeply at the right end."
true_power = ei.metrics.radial_power(tiles)
power_ratios = {
    name: ei.metrics.radial_power(restored[name]) / true_power
    for name in ("nearest", "push-pull", "U-Net", "with noise")
}
cycles = np.arange(1, len(true_power) + 1)
figure = ei.plots.show_curves(
    cycles,
    power_ratios,
    "cycles per tile",
    "power, restored over true",
    validation.source,
    limits=(0, None),
)
figure.axes[0].axhline(1, color="0.4", linestyle="--")
rows = {name: [ratio[at - 1] for at in (2, 10, 30)] for name, ratio in power_ratios.items()}
columns = {f"{at} cycles": ".2f" for at in (2, 10, 30)}
ei.plots.show_table(columns, rows, "Power, restored over true", validation.source)

# %% [markdown]
# Known lines are included; the dashed line is the truth. Push-pull loses power from the longest
# waves on and holds under half of it in the middle; the U-Net loses less there, and more at the
# right end. And noise exposes itself: in the middle, where fields and roads are, it adds next to
# nothing, it only fills up the right end. Nearest stays closest to the dashed line up to some 26
# cycles, but part of its power belongs to the hard borders of its cells, as the excess beyond
# tells.
#
# ### Does it still mean the same?
#
# The package ships a small classifier that names the land cover of a whole tile. **Land-cover
# agreement** asks: does it see in the restored tile what it sees in the true one? The **kernel
# distance** (KID, Binkowski et al. 2018) compares the *features*, the numbers by which the
# classifier decides, over all tiles: do restored tiles, as a crowd, look like true ones? With
# features $a$ of true and $b$ of restored tiles, $d$ numbers each,
#
# $$\mathrm{KID} = \overline{k(a, a')} + \overline{k(b, b')} - 2\, \overline{k(a, b)}, \qquad
# k(u, v) = \left( \tfrac{1}{d}\, u^{\mathsf T} v + 1 \right)^3,$$
#
# where the bars are means over pairs of different tiles. For two sets of one kind it is 0 in the
# mean.

# %%
classifier = ei.pretrained.load("classifier")
right = ei.pretrained.card("classifier")["validation"]["accuracy"]
print(f"the classifier is right on {right:.1%} of the whole tiles")
some = ei.data.stratified_subset(validation.labels, min(tiles_for_classifier, len(validation)))
few = {k: v[some] for k, v in {"truth": tiles, "masked": masked, **restored}.items()}
at_once = ei.metrics.land_cover_features(classifier, np.concatenate(list(few.values())))
features = dict(zip(few, np.split(at_once, len(few)), strict=True))  # (n, d) for each
# The last layer turns features into ten scores; the largest names the class.
seen = {k: np.argmax(classifier.layers[-1](v), axis=-1) for k, v in features.items()}
agrees = {name: classes == seen["truth"] for name, classes in seen.items()}
kid = {k: ei.metrics.kernel_distance(features["truth"], v).mean() for k, v in features.items()}
rows = {name: (agrees[name].mean(), kid[name]) for name in few if name != "truth"}
columns = {"agreement": ".1%", "KID": ".3f"}
ei.plots.show_table(columns, rows, f"The classifier on {len(some)} tiles", validation.source)

# %% alt="Five tiles that the classifier misreads after push-pull, as truth, nearest, push-pull and U-Net, each with the class it sees written into it, wrong ones in orange with a cross. After push-pull all five are wrong, called River, SeaLake or Pasture; after the U-Net some are right."
order = np.argsort(agrees["push-pull"], kind="stable")  # misread tiles first
misread = max(5, np.sum(~agrees["push-pull"]))
chosen = order[np.linspace(0, misread - 1, 5).astype(int)]
compared = ("truth", "nearest", "push-pull", "U-Net")
pictures = [few[name][chosen] for name in compared]
figure = ei.plots.show_tiles(pictures, compared, None, validation.source)
for axis, (name, tile) in zip(figure.axes, [(n, t) for n in compared for t in chosen], strict=True):
    right = seen[name][tile] == seen["truth"][tile]
    said = f"{'' if right else '× '}{class_names[seen[name][tile]]}"
    style = dict(color="white", va="top", backgroundcolor="0.2" if right else ei.plots.COLOURS[1])
    axis.text(1, 1, said, fontsize=8, **style)

# %% [markdown]
# Wrong readings are marked. Where blur has wiped out streets and rows of houses, the classifier
# sees a river. After the U-Net two of the five are read as before; the town is not.
#
# Look at the table again: on EuroSAT *nearest*, among the worst by MSE, has the highest agreement
# by far and the least KID, ahead of the U-Net. Is it the best restoration after all? The impostor
# gives a hint: noise, which knows nothing, lowers the KID as well, and agreement does not suffer.
# The classifier was trained on whole tiles; it seems to judge by texture, and blur is what it has
# never seen. Nearest copies true texture, if to the wrong places. So the two columns say that the
# *kind* of surface is kept, and MSE says that its *place* is lost. Which one matters depends on
# what the tile is for.
#
# ### Who cannot be bought
#
# So each of these measures can be served by somebody who knows nothing. Two others ask a different
# question: *can the restored tiles be told from true ones?*
#
# - The **spectral peak** looks at each of the 64 x 64 waves by itself: how much of it do restored
#   tiles hold, over what true ones hold? With the power $P_{kl}$ of notebook 01 it is the 99.5th
#   percentile of the ratios $\hat P_{kl} / P_{kl}$. Stripes and grids put much into few waves. 1 is
#   right.
# - A **referee** is a classifier that is trained on the spot. It gets patches of 12 x 12 pixels
#   that are all hole, half of them true, and learns on every other tile to tell which. On the rest
#   it is asked. How often it is right is its **accuracy**: 0.5 is guessing, and the best.
#
# Who judges the judges? A measure is trusted as a judge of looks only if it rises with *everything*
# that does not belong in a tile. We spoil the holes of true tiles with four such things, each at
# three rising strengths.

# %%
patterns, strengths = ("stripes", "chessboard", "noise", "other tiles"), (0, 0.1, 0.2, 0.4)
seen_in = {"KID": "features", "KID, early layer": "stage_2_relu"}
rows_and_columns = np.mgrid[:64, :64].sum(axis=0)[..., None]
random = np.random.default_rng(seed)
static, cells = random.standard_normal((300, 64, 64, 3)), random.random((300, 8, 8))


def spoil(pictures, pattern, strength):
    """Pictures with so much of a pattern in their holes."""
    if pattern == "other tiles":
        chosen = np.kron(cells[: len(pictures)] < strength / 2, np.ones((8, 8), bool))[..., None]
        others = np.roll(pictures, len(pictures) // 2, axis=0)
        spoilt = np.where(chosen, others, pictures)
    elif pattern == "noise":
        spoilt = pictures + 0.05 * strength * static[: len(pictures)]
    else:
        period = {"stripes": 6, "chessboard": 2}[pattern]
        wave = np.where(rows_and_columns % period < period / 2, 1, -1)
        spoilt = pictures + 0.05 * strength * wave
    return np.where(masks[judged] == 1, pictures, spoilt.clip(0, 1)).astype(np.float32)


# %%
judged = ei.data.stratified_subset(validation.labels, min(tiles_spoilt, len(validation)))
true_tiles = tiles[judged]


def judge(pictures):
    """All four measures of pictures against the true tiles."""
    pair = true_tiles, pictures
    scores = {"spectral peak": ei.metrics.spectral_peak(*pair)}
    scores["referee"] = ei.metrics.referee_accuracy(*pair, masks[judged])
    for name, layer in seen_in.items():
        features = [ei.metrics.land_cover_features(classifier, p, layer) for p in pair]
        scores[name] = ei.metrics.kernel_distance(*features).mean()
    return scores


verdicts = {
    pattern: [judge(spoil(true_tiles, pattern, strength)) for strength in strengths]
    for pattern in patterns
}

# %% alt="Spectral peak, referee, KID and early KID against the strength of stripes, chessboard, noise and patches of other tiles that were put into true tiles. Every curve rises with the strength, in all four charts."
figure, axes = plt.subplots(1, 4, figsize=(10, 2.7))
for axis, name in zip(axes, verdicts["noise"][0], strict=True):
    for pattern, marker in zip(patterns, "os^D", strict=True):
        axis.plot(strengths, [v[name] for v in verdicts[pattern]], marker=marker, label=pattern)
    axis.set(title=name, xlabel="strength")
axes[0].set_yscale("log")
ei.plots.name_curves(axes[-1])
ei.plots.say_synthetic(figure, validation.source)

# %% alt="A true tile, and the same with the strongest stripes, chessboard, noise and patches of other tiles. The patches are plain to see, the stripes can be made out, chessboard and noise hardly."
example = len(judged) // 6
parts = [spoil(true_tiles, pattern, 0.4)[example] for pattern in patterns]
titles = ["truth", *patterns]
figure = ei.plots.show_tiles([[true_tiles[example], *parts]], None, titles, validation.source)

# %% [markdown]
# Patches of other tiles are plain to see, stripes too on this dark one, the rest hardly. All four
# measures rise with all four patterns, so all four pass the first test. `tests/test_referees.py`
# holds it, with a convolutional referee and a second classifier as well. (A referee that is right
# 99 times in a hundred need not rise any further.)
#
# That is necessary, and not enough. True tiles with something added are not what a network gives.
# So now we spoil what the *U-Net* answered, which is blurred to begin with.
#
# **Predict.** Which measures improve?

# %%
blurred = restored["U-Net"][judged]
answers = {"U-Net": blurred}
answers |= {f"with {pattern}": spoil(blurred, pattern, 0.4) for pattern in patterns[:3]}
entries = {
    name: (ei.metrics.gradient_ratio(true_tiles, answer, masks[judged]), *judge(answer).values())
    for name, answer in answers.items()
}
columns = {"gradient ratio": ".2f", "spectral peak": ".2f", "referee": ".3f"}
columns |= {"KID": ".3f", "KID, early layer": ".3f"}
ei.plots.show_table(columns, entries, "What a blurred answer gains by a pattern", validation.source)

# %% [markdown]
# A chessboard, which knows nothing of any tile, brings the gradient ratio from 0.4 past 1, and it
# lowers both KIDs here (300 tiles, no interval). Noise lowers the early KID to a third. So these
# three can be bought where a blurred answer is the start, and a network that is trained for texture
# starts there. The spectral peak is not for sale: whatever is woven over the tiles lifts it far
# above 1. Stripes and squares do not fool the referee, and noise hardly: it is right 94 times in a
# hundred instead of 98. (Blur by itself the peak does not see: the U-Net's is 0.88.) These two pass
# the second test as well, and are what this series judges looks by. From here on "looks right"
# means in this series: a spectral peak near 1, a referee that is often wrong, and your own eyes.
#
# ### Why blur has the least error
#
# One question is left: the answers of least error, those of U-Net and push-pull, are blurred. Why?
# Notebook 03 computed the best fill of Gaussian fields, and it was blurred too. Take a roof that
# has an edge, but nobody knows where. The answer of the least mean *squared* error is the mean of
# all possible truths, a soft ramp. Answering with one sharp possibility, drawn at random, costs
# *twice* as much in the mean: the answer is off by its own chance and by the truth's. So blur is no
# defect of a fill or a network. It is what the squared error asks for where the picture is
# uncertain. [Notebook 07](07_gan_attempt.ipynb) shows it on a row of pixels, and asks for something
# else.
#
# ## What you have learnt
#
# 1. The MSE over all pixels is that of the holes times 0.645, and speaks of few classes.
# 2. "Blue everywhere" is 66 % "accurate", one colour per tile 84 %; raw scores are compared with
#    raw scores only.
# 3. PSNR and SSIM are each blind to some fault.
# 4. Sharpness and meaning can be bought, with noise for one. Trusted as judges are the measures
#    that rise with whatever does not belong in a tile, and that a pattern on a blurred tile does
#    not improve, or hardly: the spectral peak and the referee.
#
# **One figure to take along.** One colour per tile has an "accuracy" of 0.84 raw and 0.89 with the
# known pixels put back. The same answer, two scores: compare only scores of one kind.
#
# **Limits.** One kind of mask. The classifier that judges meaning was trained on whole tiles and
# leans on texture; its verdict on blurred tiles is about blur as much as about land. Scores are
# compared here without intervals, so small differences between rows mean nothing yet.
#
# **Exercises:** [compute the error in the holes, and find what is wrong with "0.893 >
# 0.88"](exercises/04_judging_a_restoration.ipynb).
#
# **References**
#
# - Z. Wang et al., "Image quality assessment: from error visibility to structural similarity", IEEE
#   Transactions on Image Processing 2004.
#   [doi:10.1109/TIP.2003.819861](https://doi.org/10.1109/TIP.2003.819861)
# - M. Binkowski et al., "Demystifying MMD GANs", ICLR 2018 (KID).
#   [arXiv:1801.01401](https://arxiv.org/abs/1801.01401)
# - D. Lopez-Paz, M. Oquab, "Revisiting classifier two-sample tests", ICLR 2017 (the referees).
#   [arXiv:1610.06545](https://arxiv.org/abs/1610.06545)
# - J. Frank et al., "Leveraging frequency analysis for deep fake image recognition", ICML 2020.
#   [arXiv:2003.08685](https://arxiv.org/abs/2003.08685)
#
# ← [03 · Filling without learning](03_filling_without_learning.ipynb) · **04** · [05 · Is the
# difference real?](05_is_the_difference_real.ipynb) →
