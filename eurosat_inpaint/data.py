"""EuroSAT tiles: where they come from and which split they belong to. Taught in notebook 01."""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from eurosat_inpaint import archives, mirror
from eurosat_inpaint.mirror import NoNetworkError
from eurosat_inpaint.synthetic import CLASS_NAMES

DATA_VARIABLE = "EUROSAT_INPAINT_DATA"
SPLITS = ("train", "validation", "test")
SOURCES = ("auto", "local", "tfds", "mirror", "synthetic")

_TEST_BELOW, _VALIDATION_BELOW = 0.20, 0.25
_announced = set()


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

    def __getitem__(self, index) -> "Tiles":
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
    """
    if split not in (*SPLITS, "all"):
        raise ValueError(f"split must be one of {(*SPLITS, 'all')}, got {split!r}")
    if source not in SOURCES:
        raise ValueError(f"source must be one of {SOURCES}, got {source!r}")
    if data_dir is not None and source in ("mirror", "synthetic"):
        raise ValueError(f"data_dir goes with source 'auto', 'local' or 'tfds', not {source!r}")
    if source == "auto":
        images, filenames, source = _first_available(data_dir)
    else:
        images, filenames = _load_from(source, data_dir)
    start, stop = _split_bounds(filenames, split)
    filenames = filenames[start:stop]
    labels = [CLASS_NAMES.index(name.rsplit("_", 1)[0]) for name in filenames]
    return Tiles(images[start:stop], np.array(labels, np.int64), filenames, CLASS_NAMES, source)


def split_of(filename: str) -> str:
    """Split that a tile belongs to, from its file name alone: no tile can cross.

    20 % of the names fall into "test", 5 % into "validation", the rest into "train".

    Args:
        filename: file name as in the original archive, without folders: ``AnnualCrop_1.jpg``.
    """
    fraction = int(hashlib.sha256(filename.encode()).hexdigest()[:8], 16) / 2**32
    if fraction < _TEST_BELOW:
        return "test"
    return "validation" if fraction < _VALIDATION_BELOW else "train"


def stratified_subset(labels: np.ndarray, count: int, seed: int = 0) -> np.ndarray:
    """Choose some of the tiles so that every class keeps its share.

    Tiles are stored sorted, so a stride or a slice would cut classes off.

    Args:
        labels: int (n,), the class of each tile.
        count: how many to choose, from 1 to n.
        seed: fixes the choice.

    Returns:
        int64 (count,), increasing positions. Of each class there are its share times ``count``,
        rounded up or down.

    Raises:
        ValueError: for labels that are not integers of shape (n,), or a count that is not an
            integer from 1 to n.

    Example:
        >>> labels = np.repeat([0, 1], [30, 10])
        >>> np.bincount(labels[stratified_subset(labels, 8)])
        array([6, 2])
    """
    labels = np.asarray(labels)
    if labels.ndim != 1 or not np.issubdtype(labels.dtype, np.integer):
        raise ValueError(
            f"labels must be integers of shape (n,), got {labels.dtype} {labels.shape}"
        )
    if isinstance(count, bool) or not isinstance(count, (int, np.integer)):
        raise ValueError(f"count must be an integer, got {count!r}")
    if not 1 <= count <= len(labels):
        raise ValueError(f"count must lie in 1 .. {len(labels)}, got {count}")
    # In an order in which classes alternate by their shares, every stretch holds every class's
    # share: a tile stands where its rank in its class, over the size of the class, puts it.
    shuffled = np.random.default_rng(seed).permutation(len(labels))
    place = np.empty(len(labels))
    for label in np.unique(labels):
        members = shuffled[labels[shuffled] == label]
        place[members] = (np.arange(len(members)) + 0.5) / len(members)
    return np.sort(np.argsort(place, kind="stable")[:count])


def _first_available(data_dir):
    """Images, file names and source of the first source that "auto" finds."""
    if data_dir is not None or os.environ.get(DATA_VARIABLE):
        return *_load_from("local", data_dir), "local"
    if archives.prepared_tfds_folder() is not None:
        return *_load_from("tfds", None), "tfds"
    try:
        return *_load_from("mirror", None), "mirror"
    except NoNetworkError as problem:
        _announce_once(
            f"Synthetic tiles are used, since EuroSAT cannot be fetched: {problem} For the real "
            f"tiles set {DATA_VARIABLE}=path/to/EuroSAT.zip"
        )
        return *_load_from("synthetic", None), "synthetic"


def _load_from(source, data_dir):
    """All images (uint8, memory-mapped where possible) and file names, ordered by split."""
    if source == "synthetic":
        return archives.decoded(archives.SyntheticArchive(), _order_of_storage)
    if source == "mirror":
        return archives.decoded(archives.open_archive(mirror.fetch_mirror()), _order_of_storage)
    if source == "tfds":
        return archives.decoded(archives.TfdsArchive(data_dir), _order_of_storage)
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
        return archives.decoded(archives.open_archive(path), _order_of_storage)
    except ValueError as problem:
        raise ValueError(f"{argument} names {str(data_dir)!r}: {problem}") from problem


def _order_of_storage(filename):
    # Splits are stored one after the other, so that each is one slice of the memory map.
    return SPLITS.index(split_of(filename)), filename


def _split_bounds(filenames, split):
    if split == "all":
        return 0, len(filenames)
    splits = [split_of(name) for name in filenames]
    start = splits.index(split) if split in splits else 0
    return start, start + splits.count(split)


def _announce_once(message):
    if message not in _announced:
        _announced.add(message)
        print(message, flush=True)
