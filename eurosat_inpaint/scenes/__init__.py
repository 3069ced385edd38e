"""Scenes: pictures of any size with holes of any shape, as arrays or as files.

``windows`` lays a grid of windows over a scene and blends what a network says of them;
``restoring`` does so for arrays of NumPy and of Dask, ``rasters`` for GeoTIFF, PNG and JPEG, block
by block. Both come out the same to the bit however a scene is cut, and wherever it is computed.
Taught in notebook 11.
"""

from eurosat_inpaint.scenes.rasters import restore_file
from eurosat_inpaint.scenes.restoring import provenance, restore
from eurosat_inpaint.scenes.windows import SIDE, STRIDE

__all__ = ["SIDE", "STRIDE", "provenance", "restore", "restore_file"]
