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
# # 01 · The tiles: what there is to be restored
#
# **The question.** Inpainting fills in the missing part of a picture. How well that can be done
# depends on the pictures as much as on the method: a lake is easily continued, a housing estate is
# not. So before we remove a pixel we ask: *what is in these tiles, and how much of it could be
# guessed?*
#
# ![Six tiles rebuilt from their long waves alone, in four rows. With two waves across the tile
# there are patches of colour, with five large fields, with sixteen the eye misses
# little.](figures/01_data_exploration.png)
#
# *Six tiles, rebuilt from their long waves. What only the short ones hold can hardly be guessed
# across a gap; section 4 says why.*
#
# | | |
# |---|---|
# | **Time** | about 35 minutes, of which 1 is computing |
# | **You need** | Python and some NumPy; nothing is trained |
# | **Data** | the training tiles of [EuroSAT](https://doi.org/10.1109/JSTARS.2019.2918242): 27,000 tiles in all, cut from images of Sentinel-2, of 64 by 64 pixels of 10 m |
# | **Written to disk** | nothing; the archive of the tiles is kept where it was fetched |
#
# **You will learn**
#
# 1. what a tile is as an array, and why black can mean "missing" (6 minutes);
# 2. how colour differs between classes, and how little between channels (6 minutes);
# 3. which tiles are flat, and what an average over all tiles hides (7 minutes);
# 4. what the power spectrum says about how much of a gap can be filled (9 minutes);
# 5. how test tiles leak into training, and how to split so that none can (7 minutes).

# %%
import hashlib
import os
from collections import Counter

import matplotlib.pyplot as plt
import numpy as np
from scipy.fft import dctn, idctn

import eurosat_inpaint as ei

ei.plots.use_style()

# %% [markdown]
# What is taught is written out in the notebooks; what is merely needed is in the package
# `eurosat_inpaint`, here `ei`. Set all sizes here; the *profile* says how much is computed.

# %%
profile = os.environ.get("EUROSAT_INPAINT_PROFILE", "teach")  # smoke (tests), teach, full
source = "synthetic" if profile == "smoke" else "auto"  # auto: EuroSAT if it can be had
tiles_per_class = {"smoke": 30, "teach": 500, "full": 1500}[profile]
seed = 0  # fixes which tiles are drawn

# %% [markdown]
# We load *training* tiles only: whoever looks at test tiles while making choices has begun to train
# on them. From each class we draw equally many, so that none outweighs the rest. If EuroSAT is not
# available, procedural tiles stand in for it, and every picture says so; the text describes
# EuroSAT.

# %%
training = ei.data.load_tiles("train", source=source)
random = np.random.default_rng(seed)
members = [np.flatnonzero(training.labels == label) for label in range(10)]
count = min(tiles_per_class, *map(len, members))
chosen = [random.choice(group, count, replace=False) for group in members]
tiles = training[np.sort(np.concatenate(chosen))]
print(f"{len(tiles)} of {len(training)} training tiles, source: {tiles.source}")

# %% [markdown]
# ## 1. A tile is an array, and no pixel of it is black
#
# A tile has shape (64, 64, 3): rows, columns, and the channels red, green and blue. It is stored as
# whole numbers from 0 to 255; to calculate, we divide by 255.

# %% alt="Three tiles of each of five classes. AnnualCrop: large even fields with straight borders. Forest: dark green, almost empty. HerbaceousVegetation: dry slopes, brown, grey or green. Highway: roads and junctions from edge to edge. Industrial: halls with bright roofs."
by_class = [tiles.images[tiles.labels == label] for label in range(10)]
rows = [[images[k] for images in by_class[:5]] for k in range(3)]
figure = ei.plots.show_tiles(rows, None, tiles.class_names[:5], tiles.source)

# %% alt="Three tiles of each of the other five classes. Pasture: green with hedges. PermanentCrop: plots in rows and patches. Residential: houses a few pixels wide. River: a dark band across the tile. SeaLake: even blue or grey, nearly nothing to see."
rows = [[images[k] for images in by_class[5:]] for k in range(3)]
figure = ei.plots.show_tiles(rows, None, tiles.class_names[5:], tiles.source)

# %% [markdown]
# Each tile covers 640 m by 640 m. Fields have straight borders, roads and rivers cross from edge to
# edge, houses are a few pixels wide. Forest and open water look almost empty.
#
# Soon we shall set missing pixels to 0, which is black. **Predict.** In these tiles, how many
# pixels are genuinely black: (a) none, (b) one in a thousand, shadows mostly, (c) a few percent,
# since water and forest are dark?

# %%
darkest = tiles.images.min(axis=(0, 1, 2))
black = np.count_nonzero(tiles.images.max(axis=-1) == 0)
has_zero = np.count_nonzero((tiles.images == 0).any(axis=(1, 2, 3)))
print(f"darkest value of red, green, blue: {darkest}")
print(f"black pixels: {black}; tiles with a zero in some channel: {has_zero}")
assert black == 0

# %% [markdown]
# <details><summary>Answer</summary>
#
# **(a)**. Nor is there one in the other tiles: a count of all 27,000, made for this series, found
# no black pixel and four tiles with a 0 in some channel. **(b)** takes shadow for the absence of
# light, but air scatters some light even into deep shadow. **(c)** takes dark for black.
#
# </details>
#
# **Think.** Holes are marked by zeros. Is a pixel missing (a) if any channel is 0, (b) if all three
# are 0, or (c) is each channel to be judged alone?
#
# <details><summary>Answer</summary>
#
# **(b)**: a hole covers whole pixels. **(a)** takes a pixel without red light for a pixel without
# data. **(c)**, the rule of the project this series grew out of, makes the same mistake for one
# channel at a time. At most four tiles would notice; on darker pictures many would.
#
# </details>
#
# ## 2. Classes differ in colour, channels hardly
#
# For each class we take the mean of each channel over all pixels of all its tiles.

# %% alt="Mean red, green and blue of ten classes, as three markers in a row each. Blue lies farthest right in eight classes, red in AnnualCrop and PermanentCrop. Forest, Pasture and SeaLake lie at the dark end, Industrial and the crops at the bright end."
pixels = tiles.images.astype(np.float32) / 255
means = np.array([pixels[tiles.labels == label].mean(axis=(0, 1, 2)) for label in range(10)])
figure = ei.plots.show_class_colours(means, tiles.class_names, source=tiles.source)

# %% [markdown]
# Blue leads in eight classes, perhaps since air scatters blue light most. Only on the two kinds of
# cropland is red in front. Forest, pasture and water are dark, industry and crops bright.
#
# Inside a tile, do the channels rise and fall together? **Predict** the correlation of red and
# blue, over the pixels of all tiles, each less the mean of its tile: (a) about 0, they are
# different colours; (b) about 0.5; (c) above 0.9.

# %%
centred = pixels - pixels.mean(axis=(1, 2), keepdims=True)
correlations = np.corrcoef(centred.reshape(-1, 3).T)
brightest = np.bincount(pixels.argmax(axis=-1).ravel(), minlength=3) / pixels[..., 0].size
assert correlations.min() > 0.9

channels = ("red", "green", "blue")
columns = dict.fromkeys(channels, ".2f") | {"brightest in": ".1%"}
entries = {
    c: (*row, share) for c, row, share in zip(channels, correlations, brightest, strict=True)
}
caption = "Correlation of channels, pixels less their tile's mean; where each is brightest"
ei.plots.show_table(columns, entries, caption, tiles.source)

# %% [markdown]
# <details><summary>Answer</summary>
#
# **(c)**. A roof is brighter than a road in every channel, a shadow darker in every channel.
# **(a)** takes the names of the channels for independent quantities. **(b)** underrates how much
# light, shadow and material do to all channels alike.
#
# </details>
#
# A tile is nearly a black-and-white picture with a tint, so the three channels of a gap are close
# to one unknown, not three.
#
# Blue is brightest in about two thirds of the pixels. Remember that when you meet an "accuracy"
# that asks only which channel is brightest.
#
# ## 3. A few classes make most of the error
#
# The simplest fill is one colour, the mean of the tile. Its mean squared error is the tile's
# variance. So the standard deviation *within* a tile tells how much there is to get wrong.

# %% alt="Standard deviation within a tile, for each class as a bar with its median. SeaLake and Forest lie near zero, Industrial farthest right, its median more than ten times that of Forest and SeaLake; the other classes lie between."
contrast = pixels.std(axis=(1, 2)).mean(axis=1)  # mean over the channels, one number per tile
figure = ei.plots.show_by_class(
    contrast, tiles.labels, tiles.class_names, "standard deviation within a tile", tiles.source
)

# %% [markdown]
# The dot is the median, the thick bar holds the middle half of the tiles, the thin one the middle
# four fifths. The median industrial tile has more than ten times the contrast of the median tile of
# Forest or SeaLake.

# %% alt="Seven tiles from each end of the ranking by contrast and seven from its middle. The flattest are even dark water, those in the middle are mixed, with housing, scrub, fields and a river bank, the busiest industrial halls with white roofs."
ranked = np.argsort(contrast)
places = {"flattest": 0, "median": len(ranked) // 2 - 4, "busiest": len(ranked) - 7}
rows = [tiles.images[ranked[start : start + 7]] for start in places.values()]
figure = ei.plots.show_tiles(rows, list(places), None, tiles.source)

# %% [markdown]
# On open water any fill of the right colour is nearly perfect; the busiest tiles are halls with
# bright roofs. Which of them does an average over all tiles speak of?

# %%
error = pixels.var(axis=(1, 2)).mean(axis=1)  # squared error of the tile's mean colour
per_class = np.array([error[tiles.labels == label].mean() for label in range(10)])
shares = per_class / per_class.sum()
print(f"mean over all tiles {error.mean():.5f}, median tile {np.median(error):.5f}")

entries = {tiles.class_names[k]: (per_class[k], shares[k]) for k in np.argsort(-per_class)}
columns = {"squared error": ".5f", "share of all error": ".1%"}
caption = "Each tile filled with its mean colour"
ei.plots.show_table(columns, entries, caption, tiles.source, "class")

# %% [markdown]
# Each class has a tenth of the tiles. On EuroSAT, Industrial alone makes a third of the error,
# Forest and SeaLake together under one percent, and the mean is almost twice the median. That is
# why this series also reports errors per class.
#
# **Think.** Someone halves this fill's errors on Forest and SeaLake and leaves the rest alone. The
# mean error falls by (a) less than one percent, (b) about 10 %, (c) half?
#
# <details><summary>Answer</summary>
#
# **(a)**: both classes together contribute under one percent. **(b)** would hold if all classes
# erred alike; each contributes in proportion to its error. **(c)** takes an improvement somewhere
# for one everywhere.
#
# </details>
#
# ## 4. Long waves can be filled, short ones hardly guessed
#
# Contrast does not tell at which scale a tile varies. A slope from dark to bright can have the same
# standard deviation as a row of houses, yet is filled with ease. So we write a tile as a sum of
# waves. The cosine transform treats the tile as mirrored at its edges, so that no false jump arises
# there:
#
# $$X_{kl} = c_k c_l \sum_{i=0}^{63} \sum_{j=0}^{63} x_{ij}
# \cos\frac{\pi k (2i+1)}{128} \cos\frac{\pi l (2j+1)}{128},
# \qquad c_0 = \tfrac{1}{8},\; c_{k>0} = \tfrac{\sqrt 2}{8}.$$
#
# The wave $(k, l)$ has $\tfrac{1}{2}\sqrt{k^2 + l^2}$ cycles across the tile.

# %%
steps = np.arange(64) / 2  # cycles per tile along one axis
frequency = np.hypot(steps[:, None], steps)  # of each of the 64 x 64 waves


def low_pass(images, limit):
    """Keep the waves of at most `limit` cycles per tile; images (n, 64, 64, 3)."""
    waves = dctn(images, axes=(1, 2), norm="ortho")
    return idctn(waves * (frequency <= limit)[..., None], axes=(1, 2), norm="ortho")


# %% tags=["result"] alt="Six tiles rebuilt from their long waves alone, in four rows. With two cycles per tile there are patches of colour, with five large fields without a sharp edge, with sixteen the eye misses little of the whole tiles in the last row."
shown = [0, 1, 4, 7, 8, 9]
examples = np.array([by_class[label][1] / 255 for label in shown])
rows = [low_pass(examples, limit).clip(0, 1) for limit in (2, 5, 16)] + [examples]
names = [tiles.class_names[label] for label in shown]
limits = ["2 cycles", "5 cycles", "16 cycles", "all"]
figure = ei.plots.show_tiles(rows, limits, names, tiles.source)

# %% [markdown]
# Two cycles per tile give patches of colour; five give large fields, but no sharp edge; at sixteen,
# with waves down to 4 pixels, the eye misses little.
#
# The *power* of a wave is its squared amplitude $X_{kl}^2$. We average it over tiles, and over
# rings of equal frequency.


# %%
def power(images):
    """Power of each wave, averaged over tiles; images (n, 64, 64) -> (64, 64)."""
    centred = images - images.mean(axis=(1, 2), keepdims=True)
    return (dctn(centred, axes=(1, 2), norm="ortho") ** 2).mean(axis=0)


def radial(spectrum):
    """Mean over rings of 1, 2, ... 31 cycles per tile; spectrum (64, 64)."""
    ring = np.rint(frequency).astype(int).ravel()
    return (np.bincount(ring, spectrum.ravel()) / np.bincount(ring))[1:32]


# %% alt="Power against cycles per tile, both axes in powers of ten, for five classes and all together. All curves fall steeply, and more steeply towards short waves. AnnualCrop falls fastest, Residential slowest; Forest and SeaLake lie lowest throughout."
brightness = pixels @ np.array([0.299, 0.587, 0.114], np.float32)  # as the eye weighs channels
cycles = np.arange(1, 32)
curves = {
    tiles.class_names[k]: radial(power(brightness[tiles.labels == k])) for k in (0, 1, 4, 7, 9)
}
curves["all classes"] = radial(power(brightness))
figure = ei.plots.show_curves(
    cycles, curves, "cycles per tile", "power", tiles.source, logarithmic=True
)

# %% [markdown]
# As in most photographs of nature (Torralba and Oliva, 2003), the curves fall steeply, roughly like
# a power of frequency, and more steeply still towards short waves. AnnualCrop falls fastest, with
# its large even fields; Residential slowest, with a house every few pixels. Forest and SeaLake lie
# low throughout.
#
# **Predict.** Two waves in a hundred have at most five cycles per tile. Which share of the power do
# they hold: (a) two percent, (b) a third, (c) two thirds?

# %%
spectrum = power(brightness)
slope = np.polyfit(np.log(cycles[1:24]), np.log(radial(spectrum)[1:24]), 1)[0]
print(f"on average power falls like frequency to the power of {slope:.1f}")

below = {f"up to {limit}": frequency <= limit for limit in (2, 5, 8, 16)}
total = spectrum.sum()
entries = {name: (low.mean(), spectrum[low].sum() / total) for name, low in below.items()}
columns = {"of the waves": ".1%", "of the power": ".0%"}
ei.plots.show_table(columns, entries, "What long waves hold", tiles.source, "cycles per tile")

# %% [markdown]
# <details><summary>Answer</summary>
#
# **(c)**. **(a)** would be noise, where all waves are equally strong. **(b)** underrates how steep
# the fall is: a wave of twice the frequency has a third to a fifth of the power, and less among
# short waves.
#
# </details>
#
# Now think of a gap. A wave much longer than the gap is pinned down on both sides, and its course
# between can be read off; one shorter than about twice the gap may do anything inside it. In
# notebook 02 half of the missing pixels lie within 3 pixels of a known one. Across a long gap of
# width $w$ the distances run from 1 up to $w/2$ and down again, so half of its pixels lie within
# $w/4$. If all holes were such gaps, they would be some 12 pixels wide, and waves under 24 pixels,
# above two or three cycles per tile, beyond plain interpolation. (Notebook 02 finds that nearly
# half of the pixels have a known side only, and fare worse.) Low frequencies can be filled; high
# ones hardly even guessed.
#
# **Think.** A network is trained for a small squared error. What will it paint where houses are
# missing: (a) houses, (b) noise with the spectrum of houses, (c) an even, blurred tone?
#
# <details><summary>Answer</summary>
#
# **(c)**. It can know *that* there are houses, not *where*. A house in the wrong place is paid for
# twice, where it stands and where it is missing; the mean of all possibilities costs least. **(a)**
# takes knowing how things look for knowing where they are. **(b)** has the right texture and costs
# twice as much as the mean: squared error does not reward texture.
#
# </details>
#
# The same can be seen without waves: how alike are two pixels of one row?

# %%
centred = brightness - brightness.mean(axis=(1, 2), keepdims=True)
distances = (1, 2, 3, 4, 5, 8, 16)
products = [(centred[:, :, apart:] * centred[:, :, :-apart]).mean() for apart in distances]
entries = {"correlation": np.array(products) / (centred**2).mean()}
columns = dict.fromkeys(map(str, distances), ".2f")
caption = "How alike the brightness of two pixels of one row is"
ei.plots.show_table(columns, entries, caption, tiles.source, "pixels apart")

# %% [markdown]
# Neighbours are very alike. The correlation $\rho$ is 0.6 three pixels away and 0.3 at eight: what
# counts for a hole pixel is its distance to the nearest known one. It passes one half between four
# and five pixels. Notebook 03 will show that from there on copying the nearest pixel is worse than
# guessing the mean.
#
# One more thing hides in the spectrum. JPEG keeps brightness at full resolution, but in EuroSAT's
# files the two colour differences have half the resolution ("4:2:0").

# %% alt="Power of red minus brightness and of blue minus brightness, over that of brightness, against cycles per tile. Both ratios are largest at the longest waves, fall to one or two percent by 16 cycles per tile, and rise a little at the end."
differences = {"blue": pixels[..., 2] - brightness, "red": pixels[..., 0] - brightness}
ratios = {
    f"{k} minus\nbrightness": radial(power(v)) / radial(spectrum) for k, v in differences.items()
}
figure = ei.plots.show_curves(
    cycles,
    ratios,
    "cycles per tile",
    "power over that of brightness",
    tiles.source,
    limits=(0, None),
)

# %% [markdown]
# Relative to brightness, colour falls to one or two percent by 16 cycles per tile, where a picture
# of half the resolution ends. How much of that is the files' doing and how much the land's, the
# curve does not say. Either way fine detail has hardly any colour of its own, and a restored tile
# needs none. (Procedural tiles were never JPEGs; their curves level off earlier.)
#
# ## 5. A split that is shuffled anew each epoch leaks; one by file name does not
#
# The original project shuffled the tiles through a buffer, took the first 20,000 for training and
# left 7,000 for the test. But the buffer shuffles *anew each time the data is read*, once per
# epoch: "the first 20,000" are never the same. The buffer holds 1,000 tiles, hands out one at
# random, and puts the next tile of the file in its place. We imitate it with numbers.


# %%
def first_tiles(random, take=20_000, buffer_size=1_000):
    """Numbers of the first `take` tiles that come out of a shuffle buffer."""
    buffer, given_out = list(range(buffer_size)), set()
    for number, slot in enumerate(random.integers(buffer_size, size=take).tolist()):
        given_out.add(buffer[slot])
        buffer[slot] = buffer_size + number  # the next tile of the file
    return given_out


# %% tags=["nbval-check-output"]
random = np.random.default_rng(0)
trained = first_tiles(random)
test = set(range(27_000)) - trained  # what the first epoch leaves over
for epoch in range(2, 31):
    trained |= first_tiles(random)
    if epoch in (2, 5, 10, 30):
        print(f"after {epoch} epochs: {len(test & trained)} of {len(test)} test tiles trained on")
frozen = first_tiles(np.random.default_rng(0)) | first_tiles(np.random.default_rng(0))
print(f"the same order in each epoch: {len(frozen) - 20_000}")

# %% [markdown]
# After two epochs over 500 test tiles have been trained on, after thirty 961, one in seven. On the
# original's own pipeline we measured 966, about the same. With a frozen order there are none.
#
# **Think.** Why can the leak never exceed 1,000? (a) A tile comes out of the buffer at most 999
# places early. (b) Thirty epochs are too few. (c) The seed fixes the number of leaks.
#
# <details><summary>Answer</summary>
#
# **(a)**: tiles in the last 6,000 places never come among the first 20,000, so only the other 1,000
# that were left over can leak. **(b)** imagines a shuffle of the whole file, but a small buffer
# shuffles only locally. **(c)** confuses the draws, which a seed fixes, with what draws can do.
#
# </details>
#
# Where in the file do the leaked tiles stand? The tile at place $p$ enters the buffer when $p -
# 1000$ tiles are out, and each later draw up to the 20,000th misses it with probability $1 -
# 1/1000$. So in one pass it stays behind with probability
#
# $$q = \left(1 - \tfrac{1}{1000}\right)^{21000 - p}.$$
#
# It leaks if it stays behind in the first pass and is caught in one of the 29 others: $q\,(1 -
# q^{29})$.

# %%
leaked = np.isin(np.arange(27_000), list(test & trained))
file_places = np.arange(27_000)
q = (1 - 1 / 1000) ** (21_000 - file_places.clip(max=21_000))  # not handed out in a pass
expected = np.sum(q * (1 - q**29))
assert abs(expected - 1000 * 29 / 30) < 1
print(f"{leaked.sum()} leaked, {expected:.0f} expected; 1000 x 29/30 = {1000 * 29 / 30:.0f}")
fraction = len(test & trained) / len(test)
print(f"{fraction:.1%} of the test tiles; at worst 0.002465 were {0.002465 / (1 - fraction):.6f}")

# %% alt="Share of tiles that leaked, by their place in the file, from 16,000 to 24,000. It rises slowly up to place 20,000, peaks just below 21,000 and drops to zero there. The bars of the simulation follow the computed curve."
figure, axis = plt.subplots(figsize=(7.2, 2.8))
binned = leaked.reshape(-1, 200).mean(axis=1)
axis.bar(np.arange(100, 27_000, 200), binned, width=180, color=ei.plots.COLOURS[5])
axis.plot(file_places, q * (1 - q**29), color=ei.plots.COLOURS[1])
axis.text(18_600, 0.55, "simulated (bars) and\n$q\\,(1 - q^{29})$ (line)", ha="right")
_ = axis.set(xlabel="place in the file", ylabel="probability of a leak", xlim=(16_000, 24_000))

# %% [markdown]
# Summed over the file, $q\,(1 - q^{29})$ is close to the size of the buffer times (1 − 1/epochs):
# with 1,000 and 30, 967.
#
# What would the leak mean for a score? At worst, a network that learns its training tiles by heart
# restores the leaked ones without any error. Then the 0.002465 that the original reports would be
# about a seventh too small, as printed above. Probably far less: the training and test errors that
# it reports were equal, so it cannot have learnt much by heart. But nobody can know, and that is
# the damage.
#
# The remedy is to leave nothing to chance. A hash function turns each *file name* into a number
# from 0 to 1, evenly scattered, and we cut there. No order, seed or machine can move a tile across.
# The names alone suffice to see it.


# %% tags=["nbval-check-output"]
def split_of(filename):
    fraction = int(hashlib.sha256(filename.encode()).hexdigest()[:8], 16) / 2**32
    return "test" if fraction < 0.20 else "validation" if fraction < 0.25 else "train"


sizes = dict.fromkeys(ei.data.CLASS_NAMES, 3000)  # of the whole of EuroSAT
sizes |= dict.fromkeys(("Highway", "Industrial", "PermanentCrop", "River"), 2500)
sizes["Pasture"] = 2000
names = [f"{name}_{k + 1}.jpg" for name, size in sizes.items() for k in range(size)]
print(dict(sorted(Counter(map(split_of, names)).items())))
assert all(split_of(name) == ei.data.split_of(name) for name in names)

# %% [markdown]
# Of 27,000 tiles 20,319 go to training, 1,381 to validation, 5,300 to the test. *Validation* tiles
# serve every choice, such as when to stop. The *test* tiles serve none: they are read for the last
# table of notebook 09, and calibrate and judge the intervals of notebook 10. The original used one
# set for both, and so chose its weights by the tiles it was scored on. Do the tiles we loaded obey?

# %%
validation = ei.data.load_tiles("validation", source=source)
assert {split_of(name) for name in training.filenames} == {"train"}
assert set(training.filenames).isdisjoint(validation.filenames)
print(f"{len(training)} training tiles, {len(validation)} validation tiles, none in both")

# %% [markdown]
# ## What you have learnt
#
# 1. A tile is an array without a black pixel, so zero in all channels can mean "missing".
# 2. Classes differ in colour; within a tile the channels move almost as one.
# 3. Forest and SeaLake are flat and Industrial is busy, so a mean error speaks of few classes.
# 4. The spectrum is steep: waves longer than twice a gap can be filled, shorter ones hardly.
# 5. Some 960 test tiles leak through a buffer that shuffles anew each epoch. A split by file name
#    leaks none.
#
# **One figure to take along.** One colour per tile, the simplest fill there is, makes a third of
# its error on Industrial alone, a tenth of the tiles.
#
# **Limits.** Figures come from a sample of the training tiles. That waves shorter than twice a gap
# are lost is a rule of thumb: edges and repeating patterns can be continued further. And a hash
# separates tiles, not places: two tiles of one satellite image may lie side by side, one in each
# set. The files hold no coordinates to rule it out.
#
# **Exercises:** [find the leak](exercises/01_data_exploration.ipynb), and break the rule of the
# zero channel on a real pixel.
#
# **References**
#
# - P. Helber, B. Bischke, A. Dengel, D. Borth, "EuroSAT: a novel dataset and deep learning
#   benchmark for land use and land cover classification", IEEE JSTARS 2019.
#   [doi:10.1109/JSTARS.2019.2918242](https://doi.org/10.1109/JSTARS.2019.2918242)
# - A. Torralba, A. Oliva, "Statistics of natural image categories", Network 2003.
#   [doi:10.1088/0954-898X_14_3_302](https://doi.org/10.1088/0954-898X_14_3_302)
#
# ← [00 · Start here](00_start_here.ipynb) · **01** · [02 · The masks](02_mask_generation.ipynb) →
