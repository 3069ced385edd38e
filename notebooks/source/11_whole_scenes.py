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
# # 11 · Whole scenes
#
# **The question.** So far a tile had 64 x 64 pixels, and its holes were what nine lines leave. A
# satellite image has a hundred million pixels, and its holes are clouds and dead scan lines. *Can
# scenes of any size be restored under holes of any shape: without seams, without changing a known
# pixel, in little memory?* This notebook does it, and shows where that ends.
#
# ![A part of a scene by Sentinel-2: truth, under clouds, restored, the expected error and the true
# one. A road passes under a spur of the cloud and blurs there; the true error peaks at the
# road.](figures/11_whole_scenes.png)
#
# *A real scene under a real cloud mask.*
#
# | | |
# |---|---|
# | **Time** | about 60 minutes, of which 3 are computing |
# | **You need** | [notebook 06](06_unet_training.ipynb), and for the expected errors [notebook 10](10_how_sure.ipynb); rasterio and Dask come with `pip install "eurosat-inpaint[scenes]"`; nothing is trained |
# | **Data** | validation tiles; real scenes where `EUROSAT_INPAINT_SCENES` names a folder of them |
# | **Written to disk** | a few GeoTIFFs in a temporary folder |
#
# **You will learn**
#
# 1. what goes wrong where a scene is cut into tiles (6 minutes);
# 2. how overlapping windows cure it (10 minutes);
# 3. why it must not matter how a scene is cut into chunks, and how that is done (8 minutes);
# 4. which masks a network must have seen (12 minutes);
# 5. how the gain falls with the width of a hole (8 minutes);
# 6. how files are restored, and what stands beside the pixels (8 minutes);
# 7. what must not be done with restored pixels (8 minutes).

# %%
import json
import os
import tempfile
from pathlib import Path

import dask.array as da
import numpy as np
import rasterio
from scipy.ndimage import zoom

import eurosat_inpaint as ei

ei.plots.use_style()

# %%
profile = os.environ.get("EUROSAT_INPAINT_PROFILE", "teach")  # smoke (tests), teach, full
source = "synthetic" if profile == "smoke" else "auto"  # auto: EuroSAT if it can be had
rows_of_tiles = {"smoke": 2, "teach": 5, "full": 8}[profile]  # in the scene of section 1
tiles_measured = {"smoke": 20, "teach": 400, "full": 1381}[profile]  # in section 5
seed = 0  # fixes masks

# %% [markdown]
# Set all sizes above. Real scenes are not part of this project: `EUROSAT_INPAINT_SCENES` may name a
# folder of them. The file that section 6 restores, and the last two columns of the matrix in
# section 4, are from three dates of one place in Slovenia by Sentinel-2, with 17 real cloud masks,
# and from a Landsat scene with the gaps of a Landsat 7. Without that folder a scene made of tiles
# takes the place of the file, and its picture says so.

# %%
folder = os.environ.get("EUROSAT_INPAINT_SCENES") if profile != "smoke" else None
everything = ei.data.load_tiles("validation", source=source)
count = min(2 * rows_of_tiles**2, len(everything))
chosen = ei.data.stratified_subset(everything.labels, count, seed=seed)
chosen = np.resize(
    np.random.default_rng(seed).permutation(chosen), (rows_of_tiles, 2 * rows_of_tiles)
)
tiles = everything.images[chosen]  # (rows, columns, 64, 64, 3)
scene = tiles.transpose(0, 2, 1, 3, 4).reshape(rows_of_tiles * 64, -1, 3)
side = max(scene.shape)
cloud = ei.masks.cloud_masks(1, side, coverage=0.6, scale=48, seed=seed)[0, ..., 0] == 1
known = cloud[: scene.shape[0], : scene.shape[1]]
print(f"a scene of {scene.shape}, {known.mean():.0%} known, source: {everything.source}")

# %% [markdown]
# ## 1 · Tile by tile there are seams
#
# The scene is made of validation tiles, laid side by side, under one large cloud mask. The shortest
# way: cut it into tiles, restore each, and put them together. **Predict:** where will that show:
# (a) nowhere, each tile is restored well, (b) along the borders of tiles, (c) in the middle of
# clouds?


# %%
def tile_by_tile(scene, known, model):
    """Restore a scene in tiles that do not know of each other."""
    restored = scene.copy()
    for top in range(0, scene.shape[0], 64):
        for left in range(0, scene.shape[1], 64):
            cut = np.s_[top : top + 64, left : left + 64]
            if known[cut].any():
                mask = known[cut][None, ..., None].astype(np.float32)
                restored[cut] = ei.inpaint(scene[cut][None], mask, model)[0]
    return restored


# %%
# Single tiles, three times enlarged, so that no border of a tile is a border in truth.
picked = ei.data.stratified_subset(everything.labels, 8, seed=seed)
wides = [zoom(everything.images[i], (3, 3, 1), order=1) for i in picked]
skies = ei.masks.cloud_masks(len(wides), 192, coverage=0.6, scale=48, seed=3)[..., 0] == 1
cut_up = [tile_by_tile(wide, sky, "unet_any") for wide, sky in zip(wides, skies, strict=True)]
shown = [0, 2, 5]

# %% alt="Three enlarged tiles of 192 pixels: truth, under a cloud mask with holes in pale violet, and restored tile by tile. In the third column colours jump along straight lines at 64 and 128 pixels, where one tile ends and the next begins."
tinted = [
    ei.plots.tint_holes(wides[i][None], skies[i][None, ..., None].astype(np.float32))[0]
    for i in shown
]
rows = [[wides[i] / 255, some, cut_up[i] / 255] for i, some in zip(shown, tinted, strict=True)]
titles = ["truth", "masked", "tile by tile"]
figure = ei.plots.show_tiles(rows, None, titles, everything.source)

# %% [markdown]
# **(b)**: colours jump where a tile ends. Every tile guesses alone, from what is known in it, and
# two neighbours guess differently. In numbers: the mean gradient across the borders of tiles, over
# that elsewhere in the holes. Where nothing happens at a border, it is about 1.


# %%
def gradient_at_borders(pictures):
    """Mean gradient from column 63 to 64, 127 to 128, over that elsewhere, in the holes."""
    magnitude = np.abs(np.diff(np.concatenate(pictures).astype(float), axis=1)).mean(axis=-1)
    judged = ~np.concatenate([*skies])
    both = judged[:, 1:] & judged[:, :-1]
    border = np.broadcast_to(np.arange(1, 192) % 64 == 0, both.shape)
    return magnitude[both & border].mean() / magnitude[both & ~border].mean()


print(f"tile by tile {gradient_at_borders(cut_up):.2f}, true {gradient_at_borders(wides):.2f}")

# %% [markdown]
# ## 2 · Windows that overlap take the seams away
#
# The cure is old: let windows overlap, and blend what they say. A window counts most in its middle,
# where it sees all around, and least at its border. And it counts for as much as it knows: one that
# looks into a wide cloud from its middle has little to go by. With the answer $r_w$ of window $w$,
# a bell $b$ over its 64 x 64 pixels and its share of known pixels $k_w$:
#
# $$\hat x = \frac{\sum_w b\, k_w\, r_w}{\sum_w b\, k_w}.$$


# %%
def in_windows(scene, known, network, step=25):
    """Restore a scene through windows of 64 pixels that are `step` apart."""
    wide_known = np.pad(known, 64)
    unit = np.pad(scene / 255, ((64, 64), (64, 64), (0, 0))) * wide_known[..., None]
    sums, weights = np.zeros(unit.shape), np.zeros((*wide_known.shape, 1))
    bell = np.sin(np.pi * (np.arange(64) + 0.5) / 64) ** 1.2
    for top in range(64 - 50, unit.shape[0] - 64, step):
        for left in range(64 - 50, unit.shape[1] - 64, step):
            cut = np.s_[top : top + 64, left : left + 64]
            mask = wide_known[cut][None, ..., None].astype(np.float32)
            if 0 < mask.mean() < 1:
                answer = network.predict_on_batch([unit[cut][None].astype(np.float32), mask])
                weight = np.outer(bell, bell)[..., None] * mask.mean()
                sums[cut] += weight * answer[0]
                weights[cut] += weight
    answers = (sums / np.maximum(weights, 1e-9))[64:-64, 64:-64]
    return np.where(known[..., None], scene, np.rint(255 * answers)).astype(np.uint8)


# %%
unet_any = ei.pretrained.load("unet_any")
by_hand = in_windows(wides[0], skies[0], unet_any)
blended = [ei.scenes.restore(w, sky, model="unet_any") for w, sky in zip(wides, skies, strict=True)]
apart = np.abs(by_hand.astype(int) - blended[0])[~skies[0]]
print(f"by hand and by the package: at most {apart.max()} level apart")
assert apart.max() <= 1

# %% alt="The same three scenes: truth, restored tile by tile, and restored in windows. In windows the jumps at the borders of tiles are gone; under the widest clouds over houses there is fog in both."
methods = {"true": wides, "tile by tile": cut_up, "in windows": blended}
rows = [[pictures[i] for pictures in methods.values()] for i in shown]
figure = ei.plots.show_tiles(rows, None, list(methods), everything.source)

# %%
losses = {
    name: ((np.stack(pictures) / 255.0 - np.stack(wides) / 255.0)[~skies] ** 2).mean()
    for name, pictures in methods.items()
}
entries = {name: (gradient_at_borders(methods[name]), losses[name]) for name in methods}
columns = {"gradient at borders of tiles": ".2f", "MSE in the holes": ".5f"}
ei.plots.show_table(columns, entries, f"Seams and errors, {len(wides)} scenes", everything.source)

# %% [markdown]
# The jumps at the borders of tiles are gone: the gradient there falls from 15 times that elsewhere
# to 1.2 times; in the truth it is 0.8 times. (Windows have a grid of their own.
# `benchmarks/scenes.py seams` measures it there: on Sentinel-2 0.987, in the truth 1.004.) The
# error falls too, on these eight scenes by an eighth. A hole at the border of a tile now has known
# pixels on both sides, and several answers are averaged; which of the two helps was not told apart.
# What windows cannot do is seen in the last row: under a wide cloud over houses there is fog, with
# or without seams.
#
# ## 3 · However a scene is cut, the bits are the same
#
# A scene of a hundred million pixels does not fit through a network at once. It is cut into chunks,
# and each is restored with as much around it as its windows see. Here is the trap: if windows began
# at the corner of each chunk, then the result would depend on how the scene was cut, and a
# colleague with another chunk size would publish another picture. So windows begin at multiples of
# 25 of the *scene*, and every chunk computes all windows that touch it. Dask does the rest:
# `restore` takes its arrays, and returns one that is computed when it is asked for.

# %%
whole = ei.scenes.restore(scene, known, model="unet_any")
for chunks in ((64, 64, 3), (100, 37, 3), scene.shape):
    lazy = ei.scenes.restore(da.from_array(scene, chunks=chunks), known, model="unet_any")
    same = np.array_equal(lazy.compute(), whole)
    print(f"chunks of {chunks[0]} x {chunks[1]}: the same bits: {same}")
    assert same

# %% alt="A scene of fifty tiles side by side, under one cloud mask with holes in pale violet, and restored. Where a cloud is narrow, fields go on below it; where it is wide, colours run into each other."
holes_tinted = ei.plots.tint_holes(scene[None], known[None, ..., None].astype(np.float32))[0]
rows = [[holes_tinted], [whole / 255]]
figure = ei.plots.show_tiles(rows, ["masked", "restored"], None, everything.source)

# %% [markdown]
# All are the same to the bit, as asserted. The last picture is what came of it, on a scene that was
# made of tiles, so that its sharp tile borders are real. Where a cloud is narrow, fields go on
# below it. Where it is wide, colours run into each other.
#
# ## 4 · A network should have seen masks of many kinds
#
# The U-Net of notebook 06 was trained on nine lines. `unet_any`, which this notebook uses, began
# with its weights and was trained on masks of *all* families, 5 to 95 % known, a fifth of them
# still nine lines; and two fifths of its tiles were varied in contrast, colour, sharpness and
# noise. Was that needed? The **matrix of masks** says: the first two rows are the networks as they
# ship, the last three the shipped U-Net trained on for the same number of tiles, on other masks;
# each column is what it is tested on. A cell is the difference to push-pull of the error in the
# holes, in percent of push-pull's.
#
# **Predict.** The U-Net that has seen nothing but lines is, under clouds and boxes, (a) worse than
# push-pull, (b) about as good, (c) far better?

# %%
path = Path("../benchmarks/results/mask_matrix.json")  # in the repository only
runs = json.loads(path.read_text()) if path.exists() else []
kinds = list(runs[0]["cells"]) if runs else ["in the repository only"]
differences = {
    run["change"]: [100 * run["cells"][kind]["difference"] for kind in kinds] for run in runs
}
columns = {kind.replace("_", " "): "+.1f" for kind in kinds}
ei.plots.show_table(columns, differences, "Error in the holes against push-pull, %")

# %%
halves = {
    run["change"]: [
        f"± {50 * (run['cells'][kind]['high'] - run['cells'][kind]['low']):.1f}" for kind in kinds
    ]
    for run in runs
}
ei.plots.show_table(columns, halves, "Half of the 95 % intervals of these differences, points")

# %% [markdown]
# <details><summary>Answer</summary>
#
# **(c)** under drawn clouds and boxes. **(a)** and **(b)** expect it to have learnt lines; but a
# hole beside a line and a hole beside a cloud are both filled from what is next to them.
#
# </details>
#
# Read the row of the shipped U-Net first. It has seen nothing but lines, and is far better than
# push-pull under every family of drawn masks. (Under real clouds, the last column, its interval
# contains 0.) What it has learned is to fill holes, and not only between lines. Then the rows
# "lines" and "all": the same start, the same number of tiles, the same recipe, and only the masks
# differ. After those masks of all families the error under scan-line gaps is ten points lower, and
# under boxes, strokes and random pixels some three; on lines it loses about one. (The intervals are
# those of the rows, against push-pull; of differences between rows none was computed.) So the masks
# of a training do matter, most under scan-line gaps.
#
# And if one family is left out, here the scan-line gaps? Nearly nothing: the last row is within a
# point or so of "all", on the gaps too. The other families together seem to be enough for a hole
# that none of them has; which family contributes what, this table does not say.
#
# `unet_any` was trained eighteen times as long, and on tiles varied in look. On Landsat it is 28
# percent below push-pull, "all" 21; in the columns of real masks the intervals are wide, since
# these are few scenes. Which of the two changes counts was not tried at full length.
#
# ## 5 · Beyond eight pixels the gain shrinks
#
# One square hole in the middle of each tile, of growing width, and the error against push-pull.

# %%
measured = everything[
    ei.data.stratified_subset(everything.labels, min(tiles_measured, len(everything)))
].images
units = measured / np.float32(255)
gains = {}
for width in (2, 4, 8, 16, 24, 32, 48):
    hole = np.ones((len(units), 64, 64, 1), np.float32)
    start = 32 - width // 2
    hole[:, start : start + width, start : start + width] = 0
    error, reference = (
        ei.metrics.mse(units, ei.pretrained.restore_in_batches(m, units * hole, hole), hole)
        for m in (unet_any, ei.baselines.push_pull)
    )
    low, high = ei.metrics.bootstrap_interval(error - reference, reference)
    gains[f"{width} pixels"] = (error.mean(), error.sum() / reference.sum() - 1, (low, high))
columns = {"MSE in the hole": ".5f", "against push-pull": "+.1%", "95 % interval": "+.1%"}
ei.plots.show_table(columns, gains, f"{len(units)} tiles", everything.source)

# %% [markdown]
# The gain is largest for holes of 4 to 8 pixels, where the error is a third of push-pull's. Beyond,
# it falls, not evenly, from two thirds to three tenths at 48 pixels, while the error itself grows
# to more than three times that at 8. A wide hole has no answer in one picture: no roof, road or
# field in the middle of it is known to anyone.
#
# ## 6 · A file comes back with its provenance and its expected error
#
# An engineer has a GeoTIFF, not an array. `restore_file`, and the command
#
# `python -m eurosat_inpaint restore scene.tif restored.tif --mask clouds.tif --scale 0 2750`
#
# read and write by blocks, so that memory grows little with the height of a scene
# ([benchmarks](../benchmarks/README.md)). They keep coordinates, data type, nodata value and tags,
# and the known pixels to the bit. Beside the restored file they write, if asked, where each pixel
# comes from and how far it may be off.
#
# For other than byte data, give the values that are shown as black and as white. The reflectances
# of Sentinel-2, times 10,000, look like EuroSAT at (0, 2750); since January 2022 they come with
# 1,000 added, which makes it (1000, 3750).


# %%
def two_files(folder_of_files):
    """Paths of a scene and of its mask (1 = hole): real ones where there are some."""
    if folder:
        with rasterio.open(Path(folder) / "sentinel2_cloud_masks.tif") as file:
            clouds, profile_of_file = file.read(9), file.profile
        path_of_scene = Path(folder) / "sentinel2_clear_1.tif"
    else:
        profile_of_file = {"driver": "GTiff", "width": 128, "height": 128, "dtype": "uint16"}
        path_of_scene = folder_of_files / "scene.tif"
        with rasterio.open(path_of_scene, "w", **profile_of_file, count=4) as file:
            values = scene[:128, :128].astype(np.uint16).transpose(2, 0, 1) * 10
            file.write(np.concatenate([values[:1], values[::-1]]))
        clouds = (~known[:128, :128]).astype(np.uint8)
    profile_of_file.update(count=1, dtype="uint8")
    path_of_mask = folder_of_files / "clouds.tif"
    with rasterio.open(path_of_mask, "w", **profile_of_file) as file:
        file.write(clouds, 1)
    return path_of_scene, path_of_mask


# %%
work = Path(tempfile.mkdtemp())
path_of_scene, path_of_mask = two_files(work)
counts = ei.scenes.restore_file(
    path_of_scene,
    work / "restored.tif",
    path_of_mask,
    bands=(4, 3, 2),
    scale=(0, 2750),
    provenance=work / "provenance.tif",
    error=work / "error.tif",
)
print(counts)

# %%
opened = {}
for name in ("restored", "provenance", "error"):
    with rasterio.open(work / f"{name}.tif") as file:
        opened[name] = file.read().transpose(1, 2, 0)
with rasterio.open(path_of_scene) as file:
    truth = file.read([4, 3, 2]).transpose(1, 2, 0)
with rasterio.open(work / "restored.tif") as file:
    print(file.crs, file.dtypes[0])
seen = opened["provenance"][..., 0] == 0
assert np.array_equal(opened["restored"][seen], truth[seen])

# %% tags=["result"] alt="A part of a scene by Sentinel-2 in five panels: truth, under clouds with holes in pale violet, restored, expected error and true error. A road passes under a spur of the cloud and blurs there; the true error peaks at the road, the expected one is raised there and in the upper left."
made_up = opened["provenance"][..., 0] == 1
true_error = np.abs(opened["restored"].astype(float) - truth).mean(axis=-1) * made_up
in_view = np.clip(truth / 2750, 0, 1)
panels = [
    in_view,
    ei.plots.tint_holes(in_view[None], 1.0 - made_up[None, ..., None])[0],
    opened["restored"] / 2750,
    np.nan_to_num(opened["error"][..., 0]) / 500,
    true_error / 500,
]
labels = ["truth", "masked", "restored", "expected error", "error"]
figure = ei.plots.show_tiles([panels], None, labels, None if folder else "synthetic")

# %% [markdown]
# On the real scene the road passes under a spur of the cloud and blurs there. The true error peaks
# at the road; the expected one is raised there, and as high in the upper left of the cloud. (In
# both panels white is a reflectance of 500, a twentieth of full scale.) The known pixels are those
# of the source, in its own numbers, as asserted.
#
# How good is it, on scenes with truth? `benchmarks/scenes.py` measured it over all three dates
# under all 17 masks, and over Landsat under the gaps of a Landsat 7 whose scan-line corrector was
# off. Under the clouds the squared error in the holes is 10 percent below push-pull's, and within
# 12 pixels of their rim 20 percent. Under the gaps it is 28 percent. The README of the benchmarks
# has the table, with intervals over blocks of 64 x 64 pixels and other bands. Take the intervals
# for too narrow: the clouded scene is small, and its few blocks come again on every date and under
# every mask.
#
# ## 7 · Statistics of restored pixels are those of the network
#
# A restored scene looks like data. It is not. Take two uses that seem harmless: *how bright is the
# brightest tenth* of the area, and *how much it varies*. Both from the truth, and from what was
# made up in its place. **Predict:** which of the two will come out too small?

# %%
fields = units[: len(units) // 16 * 16]
clouded = ei.masks.cloud_masks(len(fields), coverage=0.5, seed=seed)
filled = ei.inpaint(fields, clouded, "unet_any")
in_holes = clouded[..., 0] == 0
entries = {}
for name, picture in {"true": fields, "restored": filled}.items():
    gray = picture.mean(axis=-1)
    deviations = [gray[i][in_holes[i]].std() for i in range(len(gray))]
    tenth = np.quantile(gray[in_holes], 0.9)
    bright = [(gray[i][in_holes[i]] > 0.5).mean() for i in range(len(gray))]
    entries[name] = (np.mean(deviations), tenth, np.mean(bright))
columns = {"deviation in the holes": ".4f", "ninth decile": ".3f", "brighter than 0.5": ".2%"}
ei.plots.show_table(columns, entries, "The same holes, true and restored", everything.source)

# %% [markdown]
# Both, and by very different amounts. The restored holes vary less, by two fifths in their
# deviation. The ninth decile falls by three percent, and the share brighter than 0.5 hardly. (These
# have no intervals.) So some statistics survive and others do not, and without the truth nobody can
# tell which. Whoever measures texture, detects change between two dates, counts roofs or estimates
# a distribution from restored pixels measures the network. So keep the provenance, and leave
# restored pixels out of every statistic. They are for looking at, and for algorithms that cannot
# handle gaps.
#
# ## What you have learnt
#
# 1. A scene restored tile by tile has seams.
# 2. Windows that overlap, and that count for what they know, take them away.
# 3. With windows on one absolute grid the result does not depend on how a scene is cut, to the bit.
# 4. A network trained on lines is better than push-pull under all eight families of drawn masks.
#    Seeing all families helps most under scan-line gaps.
# 5. The gain falls from two thirds for holes of 4 to 8 pixels to three tenths at 48.
# 6. A file is restored with its provenance and its expected errors beside it.
# 7. Restored pixels are for looking at, not for statistics.
#
# **One figure to take along.** On the scenes at hand the error under real clouds is 10 % below
# push-pull's, under the scan-line gaps of a Landsat 7 28 %.
#
# **Limits.** A hole pixel with no known pixel within 39 rows and columns may be left as it is. What
# a cloud casts beside itself, its shadow and its haze, is not in the mask unless someone has put it
# there. Bands other than three go one by one, as grey pictures.
#
# **Exercises:** [put windows on one grid, and blend what
# overlaps](exercises/11_whole_scenes.ipynb).
#
# **References**
#
# - USGS, [Landsat 7](https://www.usgs.gov/landsat-missions/landsat-7) (the scan-line corrector).
# - M. Rocklin, "Dask: parallel computation with blocked algorithms and task scheduling", SciPy
#   2015. [doi:10.25080/Majora-7b98e3ed-013](https://doi.org/10.25080/Majora-7b98e3ed-013)
#
# ← [10 · How sure?](10_how_sure.ipynb) · **11** · [00 · Start here](00_start_here.ipynb) →
