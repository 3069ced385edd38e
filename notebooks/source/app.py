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
# # Fill the holes
#
# Clouds, dead sensors and missing scan lines leave holes in satellite pictures. Here you can make
# such holes yourself, let a network fill them, and see how far off it is.
#
# The pictures are tiles of EuroSAT: 64 by 64 pixels of Sentinel-2, 10 metres each. Where they say
# "synthetic", EuroSAT was not at hand, and drawn tiles stand in for it. Every tile was kept from
# the networks' training.
#
# ## 1 · Make a hole
#
# Choose a mask family and move its sliders. White pixels of the mask are known, black ones are
# holes. The chart below shows how much other masks of the same kind leave.

# %%
import eurosat_inpaint as ei

tiles = ei.data.load_tiles("validation")
ei.widgets.mask_explorer(tiles)

# %% [markdown]
# ## 2 · Fill it
#
# Two methods fill the same holes, side by side. The scores count holes only: a lower MSE and more
# decibels are better. **Before you look:** where will both be wrong? Bright spots in the lower row
# tell. Then ask the network what error it *expected*, or let all methods compete.

# %%
ei.widgets.inpainting_explorer(tiles)

# %% [markdown]
# A picture that you upload stays on the machine that shows this page, in memory, until you leave.
# The tiles are from EuroSAT (Helber et al., 2019), made from Copernicus Sentinel data.
