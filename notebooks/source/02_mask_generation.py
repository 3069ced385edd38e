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
# **The question.** To learn inpainting we need pictures with holes whose true content we know, so
# we make the holes ourselves. How they are made decides how hard the task is. We follow the project
# this series grew out of: nine random lines are drawn over a tile; what lies *under* the lines is
# kept, everything else has to be restored. *How much is that, where is it, and does a network that
# knows only lines cope with other holes?*
#
# ![One tile with a road, under a mask of each of eight families, and filled by push-pull and by the
# U-Net. Push-pull breaks the road into beads or loses it; the U-Net joins it in most
# rows.](figures/02_mask_generation.png)
#
# *One road under eight kinds of holes. Section 6 makes this picture.*
#
# | | |
# |---|---|
# | **Time** | about 50 minutes, of which 1 is computing |
# | **You need** | [notebook 01](01_data_exploration.ipynb) and some NumPy; nothing is trained |
# | **Data** | a few training tiles, and 256 validation tiles in section 6 |
# | **Written to disk** | nothing |
#
# **You will learn**
#
# 1. what a mask says, and how it changes under your hands (8 minutes);
# 2. how a line becomes pixels, and what OpenCV's "thickness 2" really paints (8 minutes);
# 3. how much of a tile is known, and how that depends on lines and thickness (8 minutes);
# 4. where a pixel is likely to be known, and how far the next known pixel is (9 minutes);
# 5. how to draw thousands of masks quickly, and check that they are the same (4 minutes);
# 6. which other masks there are, and how a U-Net that knows only lines fares on them (9 minutes);
# 7. when "zero means hole" holds, and when it fails (4 minutes).

# %%
import os
import timeit

import keras  # noqa: F401  # so that TensorFlow's start-up messages appear here
import numpy as np
from IPython.display import display
from scipy.ndimage import distance_transform_edt

import eurosat_inpaint as ei

try:
    import cv2  # only to compare with; nothing else here needs OpenCV
except ImportError:
    cv2 = None

ei.plots.use_style()

# %% [markdown]
# Set all sizes here.

# %%
profile = os.environ.get("EUROSAT_INPAINT_PROFILE", "teach")  # smoke (tests), teach, full
source = "synthetic" if profile == "smoke" else "auto"  # auto: EuroSAT if it can be had
number_of_masks = {"smoke": 100, "teach": 2000, "full": 10_000}[profile]
number_of_tiles = {"smoke": 20, "teach": 256, "full": 1381}[profile]  # to restore, per mask family
seed = 0  # fixes every mask below

# %% [markdown]
# ## 1. A mask is 1 where a pixel is known
#
# A mask $m$ is 1 where a line passes and 0 elsewhere: **1 = known, 0 = hole**. The literature often
# has it the other way round, with 1 for the hole; this series never does. The masked tile is $x
# \odot m$, pixel by pixel: known pixels stay, holes become 0.

# %% alt="Seven tiles in four rows: whole, their masks of nine white lines on black, the masked tiles with black holes, and the same with holes in pale violet. On the dark forest and lake tiles the lines are dim in the black and plain in the violet."
masks = ei.masks.line_masks(number_of_masks, seed=seed)  # float32 (number_of_masks, 64, 64, 1)
tiles = ei.data.load_tiles("train", source=source)
shown = np.array([np.flatnonzero(tiles.labels == label)[5] for label in (0, 1, 3, 4, 7, 8, 9)])
originals, given = tiles.images[shown] / 255, masks[: len(shown)]
rows = [originals, given, originals * given, ei.plots.tint_holes(originals, given)]
figure = ei.plots.show_tiles(rows, ["truth", "mask", "masked", "tinted"], source=tiles.source)

# %% [markdown]
# The second and third rows are all that a network of this series will see. For our own eyes the
# pictures of this series show holes in a pale violet from here on, as in the last row: black is
# lost beside a forest.
#
# You can still tell field from town; yet try to follow a road across a wedge. Where lines cross
# nothing is added up: known is known.
#
# **Try it.** The next cell is an explorer. Its sliders work with the mouse and with the arrow keys.
#
# - How many lines does it take to know half of the tile? And to know three quarters?
# - Move the thickness from 2 to 3, and then from 3 to 4. One of the two changes nothing.
# - Press "Another mask" a few times. Which part of the tile is nearly always a hole?
#
# "Code" holds the line of Python that draws the same mask. Other families are in section 6.

# %%
ei.widgets.mask_explorer(tiles)

# %% [markdown]
# The same idea without a running notebook: one seed, and two of the sliders at a few values each.
# **Predict:** which two of the four rows will be the same?


# %% alt="Masks of 2, 3, 5, 9 and 20 lines from left to right, of thickness 1 to 4 downwards, the same lines in each column. More is known to the right and downwards, and the rows of thickness 3 and 4 are the same."
def one_mask(lines, thickness):
    return ei.masks.make("lines", 1, seed=3, lines=lines, thickness=thickness)[0]


numbers, settings = (2, 3, 5, 9, 20), (1, 2, 3, 4)
rows = [[one_mask(lines, thickness) for lines in numbers] for thickness in settings]
row_labels = [f"thickness {thickness}" for thickness in settings]
figure = ei.plots.show_tiles(rows, row_labels, [f"{lines} lines" for lines in numbers])

# %% [markdown]
# The original's setting, nine lines of thickness 2, is in the second row, fourth column. Many thin
# lines and few thick ones may cover the same area, yet leave different holes. And the last two rows
# are the same: the next section says why.
#
# ## 2. "Thickness 2" paints three pixels
#
# A line starts in a random column of the top row (row 0) and ends in a random column of the bottom
# row (row 63). Both columns are drawn evenly from 0 to 62. Column 63 never comes up, since the
# original gave 63 as an upper bound that is itself excluded.
#
# How does a line become pixels? The plain idea: take those near enough to it. The distance of the
# pixel in row $r$ and column $c$ from the line that runs from column $t$ at the top to column $b$
# at the bottom is
#
# $$d = \frac{\left|\,63\,(c - t) - (b - t)\,r\,\right|}{\sqrt{63^2 + (b - t)^2}}.$$


# %% alt="Three lines of half-width 1.5 pixel by pixel, upright, slanted and from corner to corner, with the ideal line in orange over them. The steeper the line, the fewer pixels it takes in each row."
def line_by_distance(top, bottom, half_width, size=64):
    """Pixels within `half_width` of the line from (row 0, top) to (last row, bottom)."""
    row, column = np.mgrid[:size, :size]
    across, down = bottom - top, size - 1
    distance = abs(down * (column - top) - across * row) / np.hypot(down, across)
    return (distance <= half_width).astype(np.uint8)


ends = [(31, 31), (10, 40), (62, 0)]
examples = [line_by_distance(top, bottom, 1.5) for top, bottom in ends]
figure = ei.plots.show_lines(examples, ends, [f"column {top} to {bottom}" for top, bottom in ends])

# %% [markdown]
# Grey pixels lie under the ideal line, which is drawn in orange. The steeper a line, the fewer
# pixels it takes in each row.
#
# The original drew its lines with OpenCV. Its description speaks of a varying width, but the
# thickness was drawn by `randint(2, 3)`, whose upper bound is excluded: it is always 2.
#
# **Predict:** how many pixels of each row does an upright line of thickness 2 paint in OpenCV: (a)
# one, (b) two, (c) three? The package imitates OpenCV, so we count.


# %%
def line_as_in_opencv(top, bottom, thickness):
    """One line as `ei.masks.line_masks` draws it, shape (64, 64)."""
    ends = np.array(top), np.array(bottom)
    packed = ei.masks.packed_lines(*ends, size=64, thickness=thickness)
    return np.unpackbits(packed, axis=-1, count=64)


entries = {}
for thickness in range(1, 7):
    upright, slanted = (line_as_in_opencv(31, bottom, thickness) for bottom in (31, 62))
    entries[str(thickness)] = upright[32].sum(), slanted.sum() / 64
columns = {"upright": "d", "slanted": ".1f"}
ei.plots.show_table(columns, entries, "Pixels that a line paints in each row", corner="thickness")

# %% [markdown]
# <details><summary>Answer</summary>
#
# **(c)**. **(b)** takes the name of a setting for a width in pixels, as the original did. **(a)**
# is what thickness 1 paints.
#
# </details>
#
# Thickness 3 and 4 both paint five pixels, 5 and 6 seven. The reason is how OpenCV draws: it makes
# a polygon around the line and fills it. The corners lie 1 pixel to either side for thickness 2, 2
# pixels for 3 and 4, 3 pixels for 5 and 6, and half a pixel comes in by rounding. The *rows* of the
# corners are rounded to whole pixels too, so the width depends on the slant. Is our imitation
# right? We let OpenCV itself draw all 63 x 63 lines:

# %%
every_line = [(top, bottom) for top in range(63) for bottom in range(63)]
tops, bottoms = np.transpose(every_line)
packed = ei.masks.packed_lines(tops, bottoms, size=64, thickness=2)
drawings = {
    "packed_lines": np.unpackbits(packed, axis=-1),
    "distance 1.5": np.array([line_by_distance(a, b, 1.5) for a, b in every_line]),
    "distance 1.0": np.array([line_by_distance(a, b, 1.0) for a, b in every_line]),
}

if cv2 is None:
    print("OpenCV is not installed: tests/test_masks.py makes this comparison.")
else:
    black = np.zeros((64, 64), np.uint8)
    drawn = np.array([cv2.line(black.copy(), (a, 0), (b, 63), 1, 2) for a, b in every_line])
    entries = {
        name: ((drawn & other).sum() / (drawn | other).sum(), other.sum() / drawn.sum())
        for name, other in drawings.items()
    }
    columns = {"intersection over union": ".3f", "area over OpenCV's": ".3f"}
    display(ei.plots.show_table(columns, entries, "All lines, beside those of OpenCV"))

# %% [markdown]
# Over all 63 x 63 lines, `packed_lines` and OpenCV have 98 % of the painted pixels in common, and
# the same area. The plain test at distance 1.5 has 95 % in common and paints a percent too much; at
# distance 1.0 it has 69 %. Whoever draws thinner lines, as the name suggests, keeps less of a tile
# than the original did.
#
# ## 3. Nine lines keep 35.5 percent
#
# The *coverage* is the fraction of known pixels. Every mask has its own.

# %% alt="Histograms of the coverage of many masks of 3, 5, 9 and 20 lines. Each is a narrow hump, around 14, 22, 36 and 60 percent; more lines, more known, and no two of the first three humps overlap much."
samples = {}
for lines in (3, 5, 9, 20):
    drawn = ei.masks.line_masks(number_of_masks, lines=lines, seed=seed)
    samples[f"{lines} lines"] = ei.masks.coverage(drawn)
figure = ei.plots.show_histograms(samples, "coverage (fraction of the tile that is known)")

entries = {name: (coverage.mean(), 100 * coverage.std()) for name, coverage in samples.items()}
columns = {"mean coverage": ".1%", "standard deviation, points": ".1f"}
ei.plots.show_table(columns, entries, f"Coverage of {number_of_masks} masks each")

# %% [markdown]
# On average nine lines keep 35.5 % of a tile, with a standard deviation of about 2 points: masks
# differ little in *how much* they keep.
#
# **Think.** One line covers 5.0 % of a tile on average. Why do nine keep 35 % and not 45 %? (a)
# Some lines are cut off at the border. (b) The nine lines are not independent. (c) Lines cross, and
# shared pixels count once.
#
# <details><summary>Answer</summary>
#
# **(c)**: 45 % counts each crossing twice or more. **(a)** is true of a few pixels, but the 5.0 %
# already includes it. **(b)** has it backwards: lines would have to know of each other *not* to
# cross.
#
# </details>
#
# The mean needs no sampling. Call $p$ the probability that one line covers a given pixel: among all
# 63 x 63 lines, simply the fraction that does. A pixel stays a hole if all of the $n$ lines miss
# it, so it is known with probability
#
# $$1 - (1 - p)^n.$$
#
# The mean over all pixels is the expected coverage.


# %%
def probability_known(lines, thickness):
    """Exact probability that each pixel is known, shape (64, 64)."""
    tops, bottoms = np.mgrid[:63, :63]
    packed = ei.masks.packed_lines(tops, bottoms, size=64, thickness=thickness)
    by_one_line = np.unpackbits(packed, axis=-1, count=64).mean(axis=(0, 1))
    return 1 - (1 - by_one_line) ** lines


counts = (1, 3, 5, 7, 9, 12, 20)
entries = {
    f"thickness {thickness}": [probability_known(lines, thickness).mean() for lines in counts]
    for thickness in (1, 2, 3, 5)
}
columns = {str(lines): ".1%" for lines in counts}
ei.plots.show_table(columns, entries, "Expected coverage, by number of lines")

# %% [markdown]
# Each further line adds less, since more of it falls on known ground. The row of thickness 2 agrees
# to 0.1 points with what was measured on the original's own masks (14.0 % for three lines, 35.5 %
# for nine, 59.6 % for twenty).
#
# ## 4. The middle is known, the sides are not
#
# The exact probability can be drawn as a map. Beside it is the mean of the sampled masks.

# %% alt="Two maps of the tile that look alike: the exact probability that a pixel is known, and the mean of the sampled masks. Bright in the centre, with an hourglass around it: about average at the top and bottom, almost never at the left and right edges at mid-height."
known = probability_known(9, 2)
maps, titles = [known, masks[..., 0].mean(axis=0)], ["exact", f"mean of {number_of_masks} masks"]
figure = ei.plots.show_maps(maps, titles, "probability of being known")

print(f"middle of the tile {known[31, 31]:.2f}, middle of the top row {known[0, 31]:.2f}")
print(f"left edge at mid-height {known[31, 0]:.3f}, right edge {known[31, 63]:.3f}")
for name, flipped in {"upside down": known[::-1], "along the diagonal": known.T}.items():
    print(f"flipped {name}: probability changes by up to {abs(known - flipped).max():.2f}")

# %% [markdown]
# Around the bright centre stands an hourglass: the well-known region is wide at the top and bottom
# and narrow at mid-height. A line reaches an edge there only if it runs down along it. The centre
# is known with probability 0.64, the edges at mid-height with less than 0.02: what lies there has
# nearly always to be inferred from elsewhere.
#
# Turned upside down the map stays as it is, to two decimals; along the diagonal it changes by up to
# 0.39. So tiles may be flipped any way to make more training data. But masks are not turned with
# them, as long as nine such lines are the task.
#
# How far is it from a hole pixel to what is known? In notebook 01, pixels three apart correlated at
# 0.6 on EuroSAT, and eight apart only at 0.3.

# %% alt="Distance to the nearest known pixel, for two masks and averaged over all. Between the lines it is a few pixels; beyond the outermost lines, towards the left and right edges at mid-height, it grows to 15 pixels in the second mask and to 11 in the mean."
holes = masks[..., 0] == 0
distances = np.array([distance_transform_edt(hole) for hole in holes])  # 0 where known
far, share = distances.max(), np.mean(distances[holes] > 8)
print(f"median {np.median(distances[holes]):.0f} pixels, at most {far:.0f}; {share:.0%} above 8")
maps, titles = [*distances[:2], distances.mean(axis=0)], ["first mask", "second mask", "mean"]
figure = ei.plots.show_maps(maps, titles, "distance to the nearest known pixel", largest=16)

# %% [markdown]
# Between lines the way is short. Beyond the outermost lines it keeps growing, in some masks to more
# than 30 pixels.
#
# **Predict:** for which share of the hole pixels is there something known on one side of their row
# only: (a) a twentieth, (b) a fifth, (c) nearly half?
#
# Beyond the outermost lines there is only one side to lean on. Between two known pixels a fill can
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
# <details><summary>Answer</summary>
#
# **(c)**. **(a)** and **(b)** think of the lines as evenly spread; but a line is near an edge at
# mid-height only if both of its random ends are.
#
# </details>
#
# One-sided pixels lie more than twice as far from known ground as the others. At mid-height, where
# all lines crowd together, it is more than half. No pixel has neither side, since every line
# crosses every row.
#
# **Think.** Where in the tile do you expect the largest errors? Notebook 03 checks it. (a) At the
# left and right edges at mid-height. (b) In the middle, where lines cross. (c) Everywhere alike,
# since end points are uniform.
#
# <details><summary>Answer</summary>
#
# **(a)**: far from anything known, and known on one side only. **(b)** takes a complicated pattern
# for a difficult one; crossings make the middle the best known part. **(c)** overlooks that uniform
# *end points* do not make uniform *lines*: a line between two random points tends to pass the
# middle.
#
# </details>
#
# ## 5. A table of all lines draws masks hundreds of times as fast
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

# %%
table = ei.masks.packed_lines(*np.mgrid[:63, :63], size=64, thickness=2)
print("table of all lines:", table.shape, table.dtype, f"{table.nbytes / 1e6:.1f} MB")


def masks_from_table(n, seed):
    """The same masks, without a loop; shape (n, 64, 64, 1)."""
    ends = np.random.default_rng(seed).integers(0, 63, size=(n, 9, 2))
    nine_lines = table[ends[..., 0], ends[..., 1]]  # (n, 9, 64, 8)
    packed = np.bitwise_or.reduce(nine_lines, axis=1)  # (n, 64, 8)
    return np.unpackbits(packed, axis=-1)[..., None].astype(np.float32)


# %%
assert np.array_equal(masks_by_loop(100, seed=7), masks_from_table(100, seed=7))
assert np.array_equal(masks_by_loop(100, seed=7), ei.masks.line_masks(100, seed=7))
assert np.array_equal(ei.masks.line_masks(5, seed=7), ei.masks.line_masks(100, seed=7)[:5])

entries = {}
for draw in (masks_by_loop, masks_from_table, ei.masks.line_masks):
    seconds = min(timeit.repeat(lambda draw=draw: draw(n=200, seed=1), number=1, repeat=5))
    entries[draw.__name__] = (seconds / 200 * 1e6,)
ei.plots.show_table({"µs per mask": ".0f"}, entries, "Time to draw a mask, best of five tries")

# %% [markdown]
# All three ways give the same masks, bit for bit. The last assertion checks a promise: the first
# masks of a seed are the same however many you ask for. The original drew from a global random
# generator, so no evaluation could be repeated on the same masks.
#
# The times depend on the machine, but not the verdict: without the loop, and with each line drawn
# once, it goes hundreds of times as fast. The table pays because lines are few. For tiles of 512
# pixels it would take over 8 GB, and the package then computes lines as they come.
#
# ## 6. A U-Net trained on lines fills other holes too, best if help comes from the sides
#
# Nobody loses a picture to nine random lines. `ei.masks.make` draws seven other families by name,
# most of them after something that does happen:
#
# - **free lines** run in every direction;
# - **scan-line gaps** are those of Landsat 7, whose scan-line corrector failed in 2003: wedges that
#   widen towards the edges of a scene;
# - **clouds** are thresholded fractal noise;
# - **boxes** and **brush strokes** are the holes of the inpainting literature: a thing cut out, or
#   rubbed out by hand;
# - **random pixels** are impulse noise, and **dead columns** the dead detectors of a push-broom
#   sensor, which has one for each column.
#
# To compare families we ask all for the coverage of nine lines. Shapes are then added until it is
# reached. Scan-line gaps have no such parameter; their coverage follows from their width and place.

# %% alt="Three masks of each of eight families with default settings, and three at the coverage of nine lines: lines, free lines, scan-line gaps, clouds, boxes, brush strokes, random pixels and dead columns, white where known. The holes are wide blobs, stripes, rectangles or single pixels."
same_coverage = {family: {"coverage": 0.355} for family in ei.masks.FAMILIES}
same_coverage["scan_line_gaps"] = {"period": 14, "widest_gap": 12, "position": -1}
by_default = {name: ei.masks.make(name, 200, seed=1) for name in same_coverage}
as_asked = {name: ei.masks.make(name, 200, seed=1, **same_coverage[name]) for name in same_coverage}

family_names = [family.replace("_", "\n") for family in same_coverage]
rows = [[*by_default[name][:3], *as_asked[name][:3]] for name in same_coverage]
titles = 3 * ["by default"] + 3 * ["35.5 % known"]
figure = ei.plots.show_tiles(rows, family_names, titles)

entries = {
    name: [ei.masks.coverage(some[name]).mean() for some in (by_default, as_asked)]
    for name in same_coverage
}
assert all(abs(asked - 0.355) < 0.005 for _, asked in entries.values())
columns = {"by default": ".1%", "as asked": ".1%"}
ei.plots.show_table(columns, entries, "Mean coverage of 200 masks of each family")

# %% [markdown]
# Every family is within half a point of nine lines, and yet the holes are of very different kinds:
# among random pixels a known one is always near, in a cloud it may be far. In the explorer of
# section 1 you can choose each of them, and its own sliders appear.
#
# **Think.** All masks on the right hide the same share of the tile. On which family will a fill
# make the largest errors? (a) On all alike: the same number of pixels is missing. (b) On random
# pixels, since they leave nothing whole. (c) On clouds.
#
# <details><summary>Answer</summary>
#
# **(c)**: what counts is how far it is to known ground, and the middle of a cloud is far from known
# ground. **(a)** forgets that pixels near each other are alike. **(b)** has it upside down: among
# random pixels every hole has known neighbours.
#
# </details>
#
# The U-Net that comes with this package was trained on lines alone; notebook 06 says how. Has it
# learnt to fill *holes*, or only to fill what lies between lines? We compare it with push-pull, a
# fill that learns nothing, on the same tiles and masks. Notebook 03 says how push-pull works,
# notebook 05 how the 95 % interval of a difference is made, tile by tile.


# %%
def mean_distance(drawn):
    """How far a hole pixel is from known ground, averaged within a mask and over masks."""
    return np.mean([distance_transform_edt(hole)[hole].mean() for hole in drawn[..., 0] == 0])


def compare(drawn):
    """Errors of push-pull and of the U-Net in the holes, and the change in percent."""
    filled = ei.baselines.push_pull(scored * drawn, drawn)
    by_fill = ei.metrics.mse(scored, filled, drawn)
    by_network = ei.metrics.mse(scored, ei.inpaint(scored, drawn), drawn)
    difference = ei.metrics.paired_difference(by_network, by_fill, weights=by_fill)
    change = {end: 100 * difference[end] for end in ("low", "high")}
    return by_fill.mean(), by_network.mean(), {"value": 100 * difference["difference"], **change}


# %%
validation = ei.data.load_tiles("validation", source=source)
count = min(number_of_tiles, len(validation))
scored = validation.images[ei.data.stratified_subset(validation.labels, count)] / 255
every_mask = {
    family: ei.masks.make(family, count, seed=seed, **parameters)
    for family, parameters in same_coverage.items()
}
found = {family: compare(drawn) for family, drawn in every_mask.items()}


# %% alt="Change of the MSE in the holes from push-pull to the U-Net, in percent, with intervals, for eight families. All lie below zero: about a third less for lines, random pixels and dead columns, a quarter or less for scan-line gaps, boxes and clouds."
columns = {"distance": ".1f", "push-pull": ".5f", "U-Net": ".5f"}
columns |= {"change in %": ".0f", "95 % interval": ".0f"}
entries = {}
for family, (fill, network, change) in found.items():
    distance = mean_distance(every_mask[family])
    entries[family] = (distance, fill, network, change["value"], (change["low"], change["high"]))
caption = f"MSE in the holes of {count} tiles, and how the U-Net changes it"
display(ei.plots.show_table(columns, entries, caption, validation.source))

rows = [{"name": family, "change": change} for family, (_, _, change) in found.items()]
axis_label = "change of the MSE in the holes, from push-pull to U-Net, in %"
figure = ei.plots.show_intervals(rows, "change", axis_label, source=validation.source)
zero = figure.axes[0].axvline(0, color="0.4", linewidth=1)

# %% [markdown]
# "Distance" is the mean distance of a hole pixel to known ground.
#
# Clouds are the hardest for both, as expected, and random pixels by far the easiest. The U-Net is
# better than push-pull on *every* family, most of them holes that it has never seen: no interval
# reaches zero. But its lead is not the same. It takes a third off the error between lines, among
# random pixels and dead columns, and no more than a quarter in scan-line gaps and boxes and under
# clouds. Distance alone does not explain that: scan-line gaps are among the easy ones.
#
# **Think.** Dead columns and scan-line gaps are both long and narrow. Why does the network do well
# on the first and less well on the second? (a) The gaps are wider. (b) The gaps run the other way.
# (c) Chance: so few tiles say nothing.
#
# The experiment is easy. We swap rows and columns of the same masks, so that what ran along now
# runs across.

# %% alt="The same change for lines, dead columns and scan-line gaps, as they are and turned by a quarter. Turned lines and dead rows gain much less than before; scan-line gaps that run down the tile gain nearly twice as much as those that run across."
both_ways = {}
for family in ("lines", "dead_columns", "scan_line_gaps"):
    both_ways[family] = found[family]
    both_ways[f"{family}, turned"] = compare(every_mask[family].transpose(0, 2, 1, 3))

rows = [{"name": name, "change": change} for name, (_, _, change) in both_ways.items()]
figure = ei.plots.show_intervals(rows, "change", axis_label, source=validation.source)
zero = figure.axes[0].axvline(0, color="0.4", linewidth=1)

entries = {
    name: (fill, network, change["value"], (change["low"], change["high"]))
    for name, (fill, network, change) in both_ways.items()
}
columns = {title: form for title, form in columns.items() if title != "distance"}
ei.plots.show_table(columns, entries, caption, validation.source)

# %% [markdown]
# Push-pull cares little: its error changes by about 5 % at most. The network cares very much. On
# turned lines it loses more than a third of its lead, on dead *rows* more than half; on scan-line
# gaps that run *down* the tile its lead is nearly twice what it was, and at least as large as on
# the lines it was trained on. So the answer is **(b)**. In training every line ran from top to
# bottom, and every row held known pixels. The network behaves as if it had learnt that help comes
# from left and right. Section 4 of [notebook 11](11_whole_scenes.ipynb) shows what training on
# masks of every kind does.
#
# And how does it look?

# %% tags=["result"] alt="One tile with a road in eight rows, one for each family of masks: masked, filled by push-pull, by the U-Net, and the truth. Push-pull breaks the road into beads or loses it; the U-Net joins it in most rows and fades under clouds."
label = validation.class_names.index("Highway")
tile = validation.images[validation.labels == label][9:10] / 255
rows = [
    [
        ei.plots.tint_holes(tile, mask[:1])[0],
        ei.baselines.push_pull(tile * mask[:1], mask[:1])[0],
        ei.inpaint(tile, mask[:1])[0],
        tile[0],
    ]
    for mask in every_mask.values()
]
titles = ["masked", "push-pull", "U-Net", "truth"]
figure = ei.plots.show_tiles(rows, family_names, titles, validation.source)

# %% [markdown]
# Push-pull breaks the road into beads, or loses it. The U-Net joins it in most rows, even across
# boxes, and draws it on into hidden corners. Under clouds it draws a short way on from a stub and
# fades.
#
# ## 7. "Zero means hole" fails on stretched pictures
#
# A masked tile tells by itself where its holes are, if no known pixel is black. Notebook 01 found
# none. Is the mask worth passing on, then? We read it off the tiles, and off tiles whose contrast
# was stretched for display, as is usual in remote sensing: the darkest twentieth of each channel
# becomes 0, the brightest 1.

# %% alt="Seven tiles stretched for display, masked, their masks, and the masks read off by zero means hole, in which wrong pixels are red. Specks of red lie along the lines wherever the stretched tile is black, by far the most on the lake."
low, high = np.quantile(originals, (0.05, 0.95), axis=(1, 2), keepdims=True)
stretched = ((originals - low) / (high - low)).clip(0, 1)
for name, pictures in {"as they are": originals, "stretched": stretched}.items():
    read_off = np.any(pictures * given != 0, axis=-1, keepdims=True)
    wrong = np.sum(read_off != given) / given.sum()
    print(f"{name}: {wrong:.1%} of the known pixels taken for holes")
assert np.array_equal(np.any(originals * given != 0, axis=-1, keepdims=True), given)

marked = np.where(read_off == given, given, np.array([0.84, 0.1, 0.1]))  # wrong pixels in red
rows = [stretched, ei.plots.tint_holes(stretched, given), given, marked]
row_labels = ["stretched", "masked", "mask given", "mask read off"]
figure = ei.plots.show_tiles(rows, row_labels, source=tiles.source)

# %% [markdown]
# On the tiles as they are the two masks agree to the pixel, as the assertion holds. On stretched
# tiles some known pixels are black and pass for holes, red in the last row, and a method that
# trusts zeros would repaint them. Most of them are on the lake, whose few grey levels leave many
# pixels at the darkest one. So the functions of this series take the mask where there is one, and
# read zeros, as the original does, only where there is none.
#
# ## What you have learnt
#
# 1. In a mask 1 is known and 0 a hole.
# 2. OpenCV's thickness 2 paints three pixels per row.
# 3. Nine lines keep 35.5 % of a tile, and each further line adds less.
# 4. The middle is known well, the sides hardly, and nearly half of the task is extrapolation.
# 5. A packed table draws the same masks, bit for bit, hundreds of times as fast.
# 6. A U-Net trained on lines helps on all eight families, but expects its holes to run down the
#    tile.
# 7. "Zero means hole" holds on EuroSAT and fails on stretched tiles.
#
# **One figure to take along.** Between lines the U-Net leaves two thirds of push-pull's error;
# under clouds, which it never saw, four fifths.
#
# **Limits.** These families are drawings of clouds and failing sensors, not records of them: real
# clouds are half transparent at their rims and throw shadows. Interpolation was judged along rows
# only; above and below there may be known pixels after all.
#
# **Exercises:** [write the compositing and the line mask, run the original's `randint(2, 3)`, draw
# masks twice from the global generator](exercises/02_mask_generation.ipynb).
#
# **References**
#
# - USGS, [Landsat 7](https://www.usgs.gov/landsat-missions/landsat-7) (the scan-line corrector).
# - OpenCV, [`line`](https://docs.opencv.org/4.x/d6/d6e/group__imgproc__draw.html) (drawing).
#
# ← [01 · The tiles](01_data_exploration.ipynb) · **02** · [03 · Filling without
# learning](03_filling_without_learning.ipynb) →
