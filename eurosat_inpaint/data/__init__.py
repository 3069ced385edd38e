"""Tiles, wherever they come from: the front door is :func:`load_tiles`.

``tiles`` finds and loads them; ``pictures`` reads a picture of one's own as one; ``splits`` says
from a file name alone which are trained on, chosen by and tested on, and draws subsets;
``archives`` reads the original archive as zip file, folder or TFDS data set; ``mirror`` fetches it;
``cache`` keeps what was fetched and decoded; ``synthetic`` draws tiles that stand in where there is
no data.
"""

from eurosat_inpaint.data.cache import cache_contents, cache_folder
from eurosat_inpaint.data.mirror import OFFLINE_VARIABLE, NoNetworkError
from eurosat_inpaint.data.pictures import read_tile
from eurosat_inpaint.data.splits import SPLITS, calibrates, split_of, stratified_subset
from eurosat_inpaint.data.synthetic import CLASS_COLOURS, CLASS_NAMES, synthetic_tiles
from eurosat_inpaint.data.tiles import DATA_VARIABLE, SOURCES, Tiles, load_tiles

__all__ = [
    "CLASS_COLOURS",
    "CLASS_NAMES",
    "DATA_VARIABLE",
    "OFFLINE_VARIABLE",
    "SOURCES",
    "SPLITS",
    "NoNetworkError",
    "Tiles",
    "cache_contents",
    "calibrates",
    "cache_folder",
    "load_tiles",
    "read_tile",
    "split_of",
    "stratified_subset",
    "synthetic_tiles",
]
