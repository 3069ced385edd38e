"""EuroSAT tiles, wherever they come from. Taught in notebook 01."""

import os
from dataclasses import dataclass

import numpy as np

from eurosat_inpaint._checks import as_path, require_choice
from eurosat_inpaint.data import archives, mirror
from eurosat_inpaint.data.cache import reason_of
from eurosat_inpaint.data.splits import SPLITS, split_bounds
from eurosat_inpaint.data.synthetic import CLASS_NAMES

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
        data_dir: the folder or zip for "local", in which the classes' folders lie on top or up to
            three folders deep; for "tfds" the data folder of TFDS, else ``TFDS_DATA_DIR``.

    Returns:
        The tiles, sorted by file name, so that every source gives them in the same order. One line
        is printed, once, if the split is empty, a class is missing, or a tile is there twice, and
        if "auto" passes over a source that is there.

    Raises:
        TypeError: if ``data_dir`` is no path.
        ValueError: for an unknown split or source, and for tiles that are not EuroSAT, cannot be
            read, or are damaged; it names the file or folder, and where it was named.
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
    missing = sorted({*CLASS_NAMES} - {name.rsplit("_", 1)[0] for name in filenames})
    if missing:
        _announce_once(f"Of the source {source!r} there are no tiles of {', '.join(missing)}")
    start, stop = split_bounds(filenames, split)
    filenames = filenames[start:stop]
    if not filenames:
        _announce_once(f"Of the source {source!r} there are no {split} tiles")
    labels = [CLASS_NAMES.index(name.rsplit("_", 1)[0]) for name in filenames]
    return Tiles(images[start:stop], np.array(labels, np.int64), filenames, CLASS_NAMES, source)


def _first_available(data_dir):
    """Images, file names and source of the first source that "auto" finds."""
    if data_dir is not None or os.environ.get(DATA_VARIABLE):
        return *_load_from("local", data_dir), "local"
    try:
        if archives.prepared_tfds_folder() is not None:
            return *_load_from("tfds", None), "tfds"
    except ValueError as problem:
        # Of the same damage TensorFlow does not always say the same.
        subject = f"TFDS in {os.environ.get(archives.TFDS_VARIABLE)}"
        _announce_once(f"The tiles of TFDS are passed over: {problem}", subject)
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
        return _decoded(archives.SyntheticArchive())
    if source == "mirror":
        return _decoded(archives.open_archive(mirror.fetch_mirror()))
    if source == "tfds":
        archive = archives.TfdsArchive(data_dir)
        try:
            return _decoded(archive)
        except ValueError as problem:
            raise archives.damaged_tfds_folder(archive.path, problem) from problem
    return _load_local(data_dir)


def _load_local(data_dir):
    argument = "data_dir"
    if data_dir is None:
        argument, data_dir = DATA_VARIABLE, os.environ.get(DATA_VARIABLE)
        if not data_dir:
            raise ValueError(
                f"source 'local' needs data_dir or {DATA_VARIABLE}: path/to/EuroSAT.zip or a folder"
            )
    path = as_path(argument, data_dir)
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError) as problem:
        raise FileNotFoundError(
            f"{argument} names {str(data_dir)!r}, which does not exist; expected EuroSAT.zip or "
            "the folder it unpacks to"
        ) from problem
    except OSError as problem:
        raise ValueError(
            f"{argument} names {str(data_dir)!r}, which cannot be read: {reason_of(problem)}"
        ) from problem
    try:
        return _decoded(archives.open_archive(path))
    except ValueError as problem:
        raise ValueError(f"{argument} names {str(data_dir)!r}: {problem}") from problem


def _decoded(archive):
    for notice in archive.notices:
        _announce_once(notice)
    return archives.decoded(archive)


def _announce_once(message, subject=None):
    """Print a message, unless it, or another on the same subject, was printed before."""
    if (subject or message) not in _announced:
        _announced.add(subject or message)
        print(message, flush=True)
