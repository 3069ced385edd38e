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
# So far a tile had 64 x 64 pixels, and its holes were what nine lines leave. A satellite image has
# a hundred million pixels, and its holes are clouds and dead scan lines. This notebook restores
# scenes of any size under holes of any shape: without seams, without a pixel changed that was
# known, in little memory. And it shows where that ends.
#
# **You will learn** (about 60 minutes, of which 3 are computing)
#
# 1. what goes wrong where a scene is cut into tiles (6 minutes);
# 2. how overlapping windows cure it (10 minutes);
# 3. why it must not matter how a scene is cut into chunks, and how that is done (8 minutes);
# 4. which masks a network must have seen (12 minutes);
# 5. how the gain falls with the width of a hole (8 minutes);
# 6. how files are restored, and what stands beside the pixels (8 minutes);
# 7. what must not be done with restored pixels (8 minutes).
#
# You need [notebook 06](06_unet_training.ipynb), and for the expected errors
# [notebook 10](10_how_sure.ipynb). rasterio and Dask come with
# `pip install "eurosat-inpaint[scenes]"`. Nothing is trained.
#
# ## Set-up

# %%
import json
import os
import tempfile
from pathlib import Path

import dask.array as da
import matplotlib.pyplot as plt
import numpy as np
import rasterio

import eurosat_inpaint as ei

ei.plots.use_style()

# %%
profile = os.environ.get("EUROSAT_INPAINT_PROFILE", "teach")  # smoke (tests), teach, full
source = "synthetic" if profile == "smoke" else "auto"  # auto: EuroSAT if it can be had
rows_of_tiles = {"smoke": 2, "teach": 5, "full": 8}[profile]  # in the scene of section 1
tiles_measured = {"smoke": 20, "teach": 400, "full": 1381}[profile]  # in section 5
seed = 0  # fixes masks

# %% [markdown]
# Real scenes are not part of this project: `EUROSAT_INPAINT_SCENES` may name a folder of them. The
# outputs that you read here come from three dates of one place in Slovenia by Sentinel-2, with 17
# real cloud masks, and from a Landsat 7 scene with the gaps of another one. Without that folder
# scenes made of tiles take their place, and every picture says so.

# %%
folder = os.environ.get("EUROSAT_INPAINT_SCENES") if profile != "smoke" else None
everything = ei.data.load_tiles("validation", source=source)
chosen = np.resize(np.arange(len(everything)), (rows_of_tiles, 2 * rows_of_tiles))
tiles = everything.images[chosen]  # (rows, columns, 64, 64, 3)
scene = tiles.transpose(0, 2, 1, 3, 4).reshape(rows_of_tiles * 64, -1, 3)
side = max(scene.shape)
cloud = ei.masks.cloud_masks(1, side, coverage=0.6, scale=48, seed=seed)[0, ..., 0] == 1
known = cloud[: scene.shape[0], : scene.shape[1]]
print(f"a scene of {scene.shape}, {known.mean():.0%} known, source: {everything.source}")

# %% [markdown]
# ## 1 · Tile by tile
#
# The scene is made of validation tiles, laid side by side, under one large cloud mask. The shortest
# way: cut it into tiles, restore each, and put them together.


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


# One field, twice as wide as a tile, so that no border in it is true.
wide = (
    np.asarray([np.kron(everything.images[0][..., k], np.ones((3, 3))) for k in range(3)])
    .transpose(1, 2, 0)
    .astype(np.uint8)
)
strip = ei.masks.cloud_masks(1, 192, coverage=0.5, scale=96, seed=3)[0, ..., 0] == 1
cut_up = tile_by_tile(wide, strip, "unet_any")
figure = ei.plots.show_tiles(
    [[wide, wide * strip[..., None], cut_up]],
    None,
    ["truth", "masked", "tile by tile"],
    everything.source,
)
