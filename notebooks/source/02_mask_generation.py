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
# # 02 · The masks: what is kept, and what is a hole
#
# To learn inpainting we need pictures with holes whose true content we know, so we make the holes
# ourselves. How they are made decides how hard the task is. We follow the project this series grew
# out of: nine random lines are drawn over a tile; what lies *under* the lines is kept, everything
# else has to be restored.
#
# **You will learn** (about 40 minutes; you need [notebook 01](01_data_exploration.ipynb) and some
# NumPy)
#
# 1. how a line becomes pixels, and what OpenCV's "thickness 2" really paints (9 minutes);
# 2. what a mask says, and what a masked tile looks like (4 minutes);
# 3. how much of a tile is known, and how that depends on lines and thickness (8 minutes);
# 4. where a pixel is likely to be known, and how far the next known pixel is (9 minutes);
# 5. how to draw thousands of masks quickly, and check that they are the same (5 minutes);
# 6. when "zero means hole" holds, and when it fails (5 minutes).

# %% [markdown]
# ## Set-up

# %%
import os
import time

import numpy as np
from scipy.ndimage import distance_transform_edt

import eurosat_inpaint as ei

try:
    import cv2  # only to compare with; nothing else here needs OpenCV
except ImportError:
    cv2 = None

ei.plots.use_style()

# %% [markdown]
# Again one cell holds the numbers to play with, and the profile says how much is computed.

# %%
profile = os.environ.get("EUROSAT_INPAINT_PROFILE", "teach")  # smoke (tests), teach, full
source = "synthetic" if profile == "smoke" else "auto"  # auto: EuroSAT if it can be had
number_of_masks = {"smoke": 100, "teach": 2000, "full": 10_000}[profile]
seed = 0  # fixes every mask below

# %% [markdown]
# ## 1. One line
#
# A line starts in a random column of the top row (row 0) and ends in a random column of the bottom
# row (row 63). Both columns are drawn evenly from 0 to 62. Column 63 never comes up, since the
# original gave 63 as an upper bound that is itself excluded.
#
# How does a line become pixels? The plain idea: take those near enough to it.


# %%
def line_by_distance(top, bottom, half_width, size=64):
    """Pixels within `half_width` of the line from (row 0, top) to (last row, bottom)."""
    row, column = np.mgrid[:size, :size]
    across, down = bottom - top, size - 1
    distance = abs(down * (column - top) - across * row) / np.hypot(down, across)
    return (distance <= half_width).astype(np.uint8)


ends = [(31, 31), (10, 40), (62, 0)]
lines = [line_by_distance(top, bottom, 1.5) for top, bottom in ends]
figure = ei.plots.show_lines(lines, ends, [f"column {top} to {bottom}" for top, bottom in ends])

# %% [markdown]
# The figure shows three lines of half-width 1.5: grey pixels lie under the line, which is drawn in
# orange. The steeper a line, the fewer pixels it takes in each row.
#
# The original drew its lines with OpenCV. Its description speaks of a varying width, but the
# thickness was drawn from 2 to 3, with 3 excluded: it is always 2. Two pixels to a row, one would
# think. The package imitates OpenCV, so we count.


# %% tags=["nbval-check-output"]
def line_as_in_opencv(top, bottom, thickness):
    """One line as `ei.masks.line_masks` draws it, shape (64, 64)."""
    packed = ei.masks.packed_lines(np.array(top), np.array(bottom), 64, thickness)
    return np.unpackbits(packed, axis=-1, count=64)


for thickness in range(1, 7):
    upright, slanted = (line_as_in_opencv(31, bottom, thickness) for bottom in (31, 62))
    print(f"thickness {thickness}: {upright[32].sum()} pixels per row upright, ", end="")
    print(f"{slanted.sum() / 64:.1f} slanted")

# %% [markdown]
# Thickness 2 paints *three* pixels of each row of an upright line; 3 and 4 both paint five, 5 and
# 6 seven. "Thickness" is the name of a setting, not a width in pixels.
#
# The reason is how OpenCV draws: it makes a polygon around the line and fills it. The corners lie
# 1 pixel to either side for thickness 2, 2 pixels for 3 and 4, 3 pixels for 5 and 6, and half a
# pixel comes in by rounding. The *rows* of the corners are rounded to whole pixels too, so a line
# slanted a little comes out too narrow, and one slanted more too wide.

# %%
if cv2 is None:
    print("OpenCV is not installed: tests/test_masks.py makes this comparison.")
else:
    every_line = [(top, bottom) for top in range(63) for bottom in range(63)]
    black = np.zeros((64, 64), np.uint8)
    drawn = np.array([cv2.line(black.copy(), (a, 0), (b, 63), 1, 2) for a, b in every_line])
    tops, bottoms = np.transpose(every_line)
    packed = ei.masks.packed_lines(tops, bottoms, size=64, thickness=2)
    models = {
        "packed_lines": np.unpackbits(packed, axis=-1),
        "distance 1.5": np.array([line_by_distance(a, b, 1.5) for a, b in every_line]),
        "distance 1.0": np.array([line_by_distance(a, b, 1.0) for a, b in every_line]),
    }
    for name, model in models.items():
        shared = (drawn & model).sum() / (drawn | model).sum()
        area = model.sum() / drawn.sum()
        print(f"{name}: intersection over union {shared:.3f}, {area:.3f} times the area")

# %% [markdown]
# Over all 63 x 63 lines, `packed_lines` and OpenCV have 98 % of the painted pixels in common, and
# the same area. The plain test at distance 1.5 has 95 % in common and paints a percent too much;
# at distance 1.0, which would be two pixels wide, 69 %. Where do the 1.5 pixels fail?

# %%
ends = [(10, 40), (5, 45)]
models = [line_as_in_opencv(top, bottom, thickness=2) for top, bottom in ends]
plain = [line_by_distance(top, bottom, 1.5) for top, bottom in ends]
# Grey: in both; white: only as in OpenCV; dark: only by distance.
pictures = [1.6 * a + 0.4 * b - a * b for a, b in zip(models, plain, strict=True)]
figure = ei.plots.show_lines(pictures, ends, ["slanted a little", "slanted more"], rows=(0, 24))

# %% [markdown]
# The figure shows the first 24 rows of two lines, each pixel enlarged. On the left, dark pixels
# lie within 1.5 of the line, but are not painted in OpenCV's way; on the right, white pixels are
# painted though they lie further away. All sit on the edges.
#
# **Think.** A colleague draws the nine lines two pixels wide, as the name says, and reports larger
# errors than the original did. What follows? (a) The colleague's method is worse. (b) Nothing yet:
# less of each tile was known. (c) The lines were unlucky.
#
# <details><summary>Answer</summary>
#
# **(b)**: thinner lines make a harder task. **(a)** compares two methods on two tasks. **(c)**
# blames chance for a constant difference, which no number of masks averages away.
#
# </details>

# %% [markdown]
# ## 2. Nine lines make a mask
#
# A mask is 1 where a line passes and 0 elsewhere: **1 = known, 0 = hole**. The literature often
# has it the other way round, with 1 for the hole; this series never does. Where lines cross
# nothing is added up: known is known.

# %%
ends = np.random.default_rng(seed).integers(0, 63, size=(9, 2))  # 0 to 62
drawn = np.array([line_as_in_opencv(top, bottom, 2) for top, bottom in ends])
titles = ["1 line", "2 lines", "3 lines", "5 lines", "7 lines", "9 lines"]
growing = [drawn[: int(title[0])].max(axis=0) for title in titles]
figure = ei.plots.show_tiles([growing], column_labels=titles)

# %% [markdown]
# The figure shows one mask as it grows from one line to nine. White is known, black is hole. Now
# we multiply tiles by masks: known pixels stay, holes become 0.

# %%
masks = ei.masks.line_masks(number_of_masks, seed=seed)  # float32 (number_of_masks, 64, 64, 1)
tiles = ei.data.load_tiles("train", source=source)
shown = np.array([np.flatnonzero(tiles.labels == label)[5] for label in (0, 1, 3, 4, 7, 8, 9)])
originals, given = tiles.images[shown] / 255, masks[: len(shown)]
rows = [originals, given, originals * given]
figure = ei.plots.show_tiles(rows, ["tile", "mask", "masked tile"], source=tiles.source)

# %% [markdown]
# The figure shows seven tiles, their masks and the masked tiles. This is all a network will see.
# You can still tell field from town; yet try to follow a road across a black wedge.
#
# ## 3. How much is known?
#
# The *coverage* is the fraction of known pixels. Every mask has its own.

# %%
samples = {}
for lines in (3, 5, 9, 20):
    drawn = ei.masks.line_masks(number_of_masks, lines=lines, seed=seed)
    samples[f"{lines} lines"] = coverage = ei.masks.coverage(drawn)
    print(f"{lines:2} lines: {coverage.mean():.1%}, deviation {100 * coverage.std():.1f} points")
figure = ei.plots.show_histograms(samples, "coverage (fraction of the tile that is known)")

# %% [markdown]
# The figure shows how the coverage of many masks is spread, for four numbers of lines. Nine lines
# keep 35 to 36 % of a tile, with a standard deviation of about 2 points: masks differ more in
# *where* they are known than in *how much*.
#
# **Think.** One line covers 5.0 % of a tile on average. Why do nine keep 35 % and not 45 %? (a)
# Some lines are cut off at the border. (b) Lines cross, and shared pixels count once. (c) The nine
# lines are not independent.
#
# <details><summary>Answer</summary>
#
# **(b)**: 45 % counts each crossing twice or more. **(a)** is true of a few pixels, but the 5.0 %
# already includes it. **(c)** has it backwards: lines would have to know of each other *not* to
# cross.
#
# </details>

# %% [markdown]
# The mean needs no sampling. Call p the probability that one line covers a given pixel: among all
# 63 x 63 lines, simply the fraction that does. A pixel stays a hole if all of the lines miss it,
# so it is known with probability 1 − (1 − p)ⁿ for n lines. The mean over all pixels is the
# expected coverage.


# %% tags=["nbval-check-output"]
def probability_known(lines, thickness):
    """Exact probability that each pixel is known, shape (64, 64)."""
    tops, bottoms = np.mgrid[:63, :63]
    packed = ei.masks.packed_lines(tops, bottoms, 64, thickness)
    by_one_line = np.unpackbits(packed, axis=-1, count=64).mean(axis=(0, 1))
    return 1 - (1 - by_one_line) ** lines


print("lines      " + "".join(f"{lines:7}" for lines in (1, 3, 5, 7, 9, 12, 20)))
for thickness in (1, 2, 3, 5):
    expected = [probability_known(lines, thickness).mean() for lines in (1, 3, 5, 7, 9, 12, 20)]
    print(f"thickness {thickness}" + "".join(f"{value:7.1%}" for value in expected))

# %% [markdown]
# Each further line adds less, since more of it falls on known ground. The row of thickness 2
# agrees to 0.1 points with what was measured on the original's own masks (14.0 % for three lines,
# 35.5 % for nine, 59.6 % for twenty). Small multiples of the two settings:


# %%
def one_mask(lines, thickness):
    return ei.masks.line_masks(1, lines=lines, thickness=thickness, seed=3)[0]


numbers, settings = (2, 3, 5, 9, 20), (1, 2, 3, 5)
rows = [[one_mask(lines, thickness) for lines in numbers] for thickness in settings]
row_labels = [f"thickness {thickness}" for thickness in settings]
figure = ei.plots.show_tiles(rows, row_labels, [f"{lines} lines" for lines in numbers])

# %% [markdown]
# The figure shows masks of few to many lines from left to right, and of growing thickness
# downwards; the same lines are drawn in each column. The original's setting, nine lines of
# thickness 2, is in the second row, fourth column. Many thin lines and few thick ones may cover
# the same area, yet leave different holes.
#
# ## 4. Where is a pixel known?
#
# The exact probability can be drawn as a map. Beside it is the mean of the sampled masks.

# %%
known = probability_known(9, 2)
maps, titles = [known, masks[..., 0].mean(axis=0)], ["exact", f"mean of {number_of_masks} masks"]
figure = ei.plots.show_maps(maps, titles, "probability of being known")
print(f"middle of the tile {known[31, 31]:.2f}, middle of the top row {known[0, 31]:.2f}")
print(f"left edge at mid-height {known[31, 0]:.3f}, right edge {known[31, 63]:.3f}")

# %% [markdown]
# The figure shows a bright centre, and around it an hourglass: the well-known region is wide at
# the top and bottom and narrow at mid-height. A line reaches an edge there only if it runs down
# along it. The centre is known with probability 0.64, the edges at mid-height with less than 0.02:
# what lies there has nearly always to be inferred from elsewhere.

# %% tags=["nbval-check-output"]
names = ("upside down", "left to right", "along the diagonal")
for name, flipped in zip(names, (known[::-1], known[:, ::-1], known.T), strict=True):
    print(f"flipped {name}: probability changes by up to {abs(known - flipped).max():.2f}")

# %% [markdown]
# Turned upside down the law of the masks is exactly the same. From left to right it is nearly so:
# the exception is column 63, where no line ends. Along the diagonal everything changes. So tiles
# may be flipped any way to make more training data, but masks must not be turned with them.
#
# How far is it from a hole pixel to what is known? In notebook 01, pixels three apart correlated
# at 0.6 on EuroSAT, and eight apart only at 0.3.

# %%
holes = masks[..., 0] == 0
distances = np.array([distance_transform_edt(hole) for hole in holes])  # 0 where known
far, share = distances.max(), np.mean(distances[holes] > 8)
print(f"median {np.median(distances[holes]):.0f} pixels, at most {far:.0f}; {share:.0%} above 8")
maps, titles = [*distances[:2], distances.mean(axis=0)], ["first mask", "second mask", "mean"]
figure = ei.plots.show_maps(maps, titles, "distance to the nearest known pixel", largest=16)

# %% [markdown]
# The figure shows how far each pixel is from the nearest known one, in pixels: for two masks, and
# averaged over all. Between lines the way is short. Beyond the outermost lines it grows and grows,
# up to more than 30 pixels.
#
# Beyond them there is, moreover, only one side to lean on. Between two known pixels a fill can
# *interpolate*; with known pixels on one side only it must *extrapolate*. We test each hole pixel
# along its row.

# %%
known_left = np.maximum.accumulate(~holes, axis=2)
known_right = np.maximum.accumulate(~holes[:, :, ::-1], axis=2)[:, :, ::-1]
one_side = holes & (known_left ^ known_right)
print(f"one side only: {one_side.sum() / holes.sum():.0%} of the hole pixels", end=", ")
print(f"in row 31 {one_side[:, 31].sum() / holes[:, 31].sum():.0%}")
for name, place in {"one side only": one_side, "both sides": holes & ~one_side}.items():
    print(f"{name}: median distance {np.median(distances[place]):.1f} pixels")

# %% [markdown]
# Nearly half of the hole pixels have known pixels on one side of their row only, and they lie more
# than twice as far away from them. At mid-height, where all lines crowd together, it is more than
# half. No pixel has neither side, since every line crosses every row.
#
# **Think.** Where in the tile will errors be largest, whatever the method? (a) In the middle,
# where lines cross. (b) At the left and right edges at mid-height. (c) Everywhere alike, since end
# points are uniform.
#
# <details><summary>Answer</summary>
#
# **(b)**: far from anything known, and known on one side only. **(a)** takes a complicated pattern
# for a difficult one; crossings make the middle the best known part. **(c)** overlooks that
# uniform *end points* do not make uniform *lines*: a line between two random points tends to pass
# the middle.
#
# </details>

# %% [markdown]
# ## 5. Thousands of masks, quickly
#
# A training epoch needs a fresh mask for each of 20,319 tiles. The readable way loops over masks
# and lines:


# %%
def masks_by_loop(n, seed):
    """The definition: line after line; shape (n, 64, 64, 1)."""
    ends = np.random.default_rng(seed).integers(0, 63, size=(n, 9, 2))
    masks = np.zeros((n, 64, 64, 1), np.float32)
    for mask, lines in zip(masks, ends, strict=True):
        for top, bottom in lines:
            mask[line_as_in_opencv(top, bottom, thickness=2) == 1] = 1
    return masks


# %% [markdown]
# But there are only 63 x 63 = 3,969 lines. We draw each once, and keep them in a table. A pixel is
# one bit, so 8 pixels fit into a byte and a whole line into 512 bytes. A mask then is nine rows of
# the table joined by a bitwise OR, which handles eight pixels at a time.

# %% tags=["nbval-check-output"]
tops, bottoms = np.mgrid[:63, :63]
table = ei.masks.packed_lines(tops, bottoms, size=64, thickness=2)
print("table of all lines:", table.shape, table.dtype, f"{table.nbytes / 1e6:.1f} MB")


def masks_from_table(n, seed):
    """The same masks, without a loop; shape (n, 64, 64, 1)."""
    ends = np.random.default_rng(seed).integers(0, 63, size=(n, 9, 2))
    nine_lines = table[ends[..., 0], ends[..., 1]]  # (n, 9, 64, 8)
    packed = np.bitwise_or.reduce(nine_lines, axis=1)  # (n, 64, 8)
    return np.unpackbits(packed, axis=-1)[..., None].astype(np.float32)


assert np.array_equal(masks_by_loop(100, seed=7), masks_from_table(100, seed=7))
assert np.array_equal(masks_by_loop(100, seed=7), ei.masks.line_masks(100, seed=7))
assert np.array_equal(ei.masks.line_masks(5, seed=7), ei.masks.line_masks(100, seed=7)[:5])

# %% [markdown]
# All three ways give the same masks, bit for bit. The last assertion holds a promise: the first
# masks of a seed are the same however many you ask for. The original drew from a global random
# generator, so no evaluation could be repeated on the same masks.

# %%
for draw in (masks_by_loop, masks_from_table, ei.masks.line_masks):
    start = time.perf_counter()
    draw(n=200, seed=1)
    print(f"{draw.__name__:16} {(time.perf_counter() - start) / 200 * 1e6:6.0f} µs per mask")

# %% [markdown]
# The figures depend on the machine, but not the verdict: the table is faster by a factor of a
# hundred and more. It pays because lines are few. For tiles of 512 pixels it would take over 8 GB,
# and the package then computes lines as they come.
#
# ## 6. "Zero means hole"
#
# A masked tile tells by itself where its holes are, if no known pixel is black. Notebook 01 found
# none. Is the mask worth passing on, then? We read it off the tiles, and off tiles whose contrast
# was stretched for display, as is usual in remote sensing: the darkest twentieth of each channel
# becomes 0, the brightest 1.

# %%
low, high = np.quantile(originals, (0.05, 0.95), axis=(1, 2), keepdims=True)
stretched = ((originals - low) / (high - low)).clip(0, 1)
for name, pictures in {"as they are": originals, "stretched": stretched}.items():
    read_off = np.any(pictures * given != 0, axis=-1, keepdims=True)
    wrong = np.sum(read_off != given) / given.sum()
    print(f"{name:11}: {wrong:.1%} of the known pixels taken for holes")
rows = [stretched, stretched * given, given, read_off]
names = ["stretched", "masked", "mask given", "mask read off"]
figure = ei.plots.show_tiles(rows, names, source=tiles.source)
assert np.array_equal(np.any(originals * given != 0, axis=-1, keepdims=True), given)

# %% [markdown]
# The figure shows the stretched tiles, masked, beside the masks given and the masks read off by
# "zero means hole". On the tiles as they are the two agree to the pixel, as the assertion holds.
# On stretched tiles some known pixels are black and pass for holes, and a method that trusts zeros
# would repaint them. So the functions of this series take the mask where there is one, and read
# zeros, as the original does, only where there is none.

# %% [markdown]
# ## In this notebook we have
#
# 1. drawn one line, and found that OpenCV's thickness 2 paints three pixels per row;
# 2. joined nine lines to a mask, 1 = known and 0 = hole, and masked tiles with it;
# 3. computed how much is known: 35.5 % for nine lines, and less gain with each further line;
# 4. mapped where: the middle well, the sides hardly, and nearly half of the task is extrapolation;
# 5. drawn masks from a packed table, fast and bit for bit the same;
# 6. seen "zero means hole" hold on EuroSAT and fail on stretched tiles.
#
# **Limits.** These masks are long lines from top to bottom. Clouds, shadows and failing sensors
# leave other holes, and a network trained here need not be any good at them. Interpolation was
# judged along rows only; above and below there may be known pixels after all.
#
# **Next:** [notebook 03](03_baselines_and_metrics.ipynb) fills the holes without learning, and asks
# how a restoration is to be judged.
