"""EuroSAT tiles, wherever they come from, and pictures of one's own. Taught in notebook 01."""

import os
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from eurosat_inpaint._checks import require_choice
from eurosat_inpaint.data import archives, mirror
from eurosat_inpaint.data.splits import SPLITS, split_bounds
from eurosat_inpaint.data.synthetic import CLASS_NAMES, SIZE

DATA_VARIABLE = "EUROSAT_INPAINT_DATA"
SOURCES = ("auto", "local", "tfds", "mirror", "synthetic")

_announced: set[str] = set()


@dataclass(frozen=True)
class Tiles:
    """Tiles of one split, in the order of their file names.

    Attributes:
        images: uint8 (n, 64, 64, 3), RGB; read-only, usually memory-mapped.
        labels: int64 (n,), index into ``class_names``.
        filenames: file name of each tile in the original archive, such as ``AnnualCrop_1.jpg``.
        class_names: the ten land-cover classes.
        source: "local", "tfds", "mirror" or "synthetic".
    """

    images: np.ndarray
    labels: np.ndarray
    filenames: list[str]
    class_names: tuple[str, ...]
    source: str

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: slice | np.ndarray | list) -> "Tiles":
        """Select tiles by a slice, a boolean mask or an array of indices."""
        chosen = np.arange(len(self))[index]
        if chosen.ndim != 1:
            raise TypeError(f"index must be a slice or a 1-d array, got {index!r}")
        return Tiles(
            images=self.images[index],
            labels=self.labels[index],
            filenames=[self.filenames[i] for i in chosen],
            class_names=self.class_names,
            source=self.source,
        )


def load_tiles(
    split: str = "test", source: str = "auto", data_dir: str | os.PathLike | None = None
) -> Tiles:
    """Load the tiles of one split; decoded once, then memory-mapped from the cache.

    Args:
        split: "train", "validation", "test" or "all".
        source: "local" (a folder or zip in the layout of the original archive), "tfds"
            (``tfds.load("eurosat/rgb")``), "mirror" (the archive, fetched once), "synthetic", or
            "auto": the first to be had of ``data_dir``, ``EUROSAT_INPAINT_DATA``, a prepared
            TFDS folder, the mirror, and synthetic tiles, in this order.
        data_dir: the folder or zip for "local"; for "tfds" the data folder of TFDS.

    Returns:
        The tiles, sorted by file name, so that every source gives them in the same order.

    Raises:
        ValueError: for an unknown split or source, a file that is not EuroSAT or is damaged.
        FileNotFoundError: if ``data_dir`` or ``EUROSAT_INPAINT_DATA`` names nothing that exists.
        NoNetworkError: if ``source="mirror"`` (or "tfds", unprepared) and the archive cannot be
            fetched.

    Example:
        >>> tiles = load_tiles("validation", source="synthetic")
        >>> len(tiles), tiles.images.shape[1:], tiles.class_names[tiles.labels[0]]
        (94, (64, 64, 3), 'AnnualCrop')
    """
    require_choice("split", split, (*SPLITS, "all"))
    require_choice("source", source, SOURCES)
    if data_dir is not None and source in ("mirror", "synthetic"):
        raise ValueError(f"data_dir goes with source 'auto', 'local' or 'tfds', not {source!r}")
    if source == "auto":
        images, filenames, source = _first_available(data_dir)
    else:
        images, filenames = _load_from(source, data_dir)
    start, stop = split_bounds(filenames, split)
    filenames = filenames[start:stop]
    labels = [CLASS_NAMES.index(name.rsplit("_", 1)[0]) for name in filenames]
    return Tiles(images[start:stop], np.array(labels, np.int64), filenames, CLASS_NAMES, source)


def read_tile(file: str | os.PathLike | BinaryIO) -> np.ndarray:
    """Read a picture of any size as a tile: its middle square, resized to 64 x 64 pixels.

    Args:
        file: path of a PNG or JPEG, or a file object opened in binary mode.

    Returns:
        uint8 array of shape (1, 64, 64, 3), RGB. A picture of 64 x 64 pixels comes out unchanged.

    Raises:
        ValueError: if it is neither a PNG nor a JPEG, is damaged, too large to be decoded safely,
            or has more than 8 bits per channel.
    """
    from PIL import Image, ImageOps

    bombs = (Image.DecompressionBombError, Image.DecompressionBombWarning)
    try:
        with warnings.catch_warnings():
            # Pillow warns of pictures above 89 million pixels, and refuses twice as many.
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(file, formats=("PNG", "JPEG")) as opened:
                upright = ImageOps.exif_transpose(opened)
    except FileNotFoundError:
        raise
    # Damaged chunks of a PNG are a SyntaxError to some versions of Pillow.
    except (OSError, SyntaxError, *bombs) as problem:
        raise ValueError(f"the picture must be an undamaged PNG or JPEG: {problem}") from problem
    if upright.mode.startswith(("I", "F")):
        raise ValueError(f"the picture must have 8 bits per channel, got mode {upright.mode!r}")
    fitted = ImageOps.fit(upright.convert("RGB"), (SIZE, SIZE), Image.Resampling.LANCZOS)
    return np.asarray(fitted)[None]


def _first_available(data_dir):
    """Images, file names and source of the first source that "auto" finds."""
    if data_dir is not None or os.environ.get(DATA_VARIABLE):
        return *_load_from("local", data_dir), "local"
    if archives.prepared_tfds_folder() is not None:
        return *_load_from("tfds", None), "tfds"
    try:
        return *_load_from("mirror", None), "mirror"
    except mirror.NoNetworkError as problem:
        _announce_once(
            f"Synthetic tiles are used, since EuroSAT cannot be fetched: {problem} For the real "
            f"tiles set {DATA_VARIABLE}=path/to/EuroSAT.zip"
        )
        return *_load_from("synthetic", None), "synthetic"


def _load_from(source, data_dir):
    """All images (uint8, memory-mapped where possible) and file names, ordered by split."""
    if source == "synthetic":
        return archives.decoded(archives.SyntheticArchive())
    if source == "mirror":
        return archives.decoded(archives.open_archive(mirror.fetch_mirror()))
    if source == "tfds":
        return archives.decoded(archives.TfdsArchive(data_dir))
    argument = "data_dir"
    if data_dir is None:
        argument, data_dir = DATA_VARIABLE, os.environ.get(DATA_VARIABLE)
    if not data_dir:
        raise ValueError(
            f"source 'local' needs data_dir or {DATA_VARIABLE}: path/to/EuroSAT.zip or a folder"
        )
    path = Path(data_dir).expanduser()
    if not path.exists():
        raise FileNotFoundError(
            f"{argument} names {str(data_dir)!r}, which does not exist; expected EuroSAT.zip or "
            "the folder it unpacks to"
        )
    try:
        return archives.decoded(archives.open_archive(path))
    except ValueError as problem:
        raise ValueError(f"{argument} names {str(data_dir)!r}: {problem}") from problem


def _announce_once(message):
    if message not in _announced:
        _announced.add(message)
        print(message, flush=True)
