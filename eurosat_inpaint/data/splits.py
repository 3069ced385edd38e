"""Which tiles are trained on, chosen by and tested on, and subsets of them. See notebook 01."""

import hashlib

import numpy as np

from eurosat_inpaint._checks import require_integer, require_labels, require_number

SPLITS = ("train", "validation", "test")

_TEST_BELOW, _VALIDATION_BELOW = 0.20, 0.25
# Of the test tiles, those from here on calibrate intervals.
_CALIBRATION_FROM = 0.16


def split_of(filename: str) -> str:
    """Split that a tile belongs to, from its file name alone: no tile can cross.

    20 % of the names fall into "test", 5 % into "validation", the rest into "train".

    Args:
        filename: file name as in the original archive, without folders: ``AnnualCrop_1.jpg``.

    Raises:
        TypeError: if it is no text.

    Example:
        >>> split_of("AnnualCrop_1.jpg"), split_of("AnnualCrop_11.jpg")
        ('train', 'validation')
    """
    fraction = _fraction(filename)
    if fraction < _TEST_BELOW:
        return "test"
    return "validation" if fraction < _VALIDATION_BELOW else "train"


def calibrates(filename: str) -> bool:
    """Whether intervals are calibrated by a tile, see ``uncertainty``, from its file name alone.

    A fifth of the test tiles do, which decide nothing else; intervals are scored on the others.

    Args:
        filename: as of :func:`split_of`.

    Raises:
        TypeError: if it is no text.

    Example:
        >>> calibrates("River_21.jpg"), calibrates("River_22.jpg")
        (True, False)
    """
    return _CALIBRATION_FROM <= _fraction(filename) < _TEST_BELOW


def _fraction(filename):
    """Where a name lies between 0 and 1."""
    if not isinstance(filename, str):
        raise TypeError(f"filename must be text, got {filename!r}")
    return int(hashlib.sha256(filename.encode()).hexdigest()[:8], 16) / 2**32


def stratified_subset(labels: np.ndarray, count: int, seed: int = 0) -> np.ndarray:
    """Choose some of the tiles so that every class keeps its share.

    Tiles are stored sorted, so a stride or a slice would cut classes off.

    Args:
        labels: int (n,), the class of each tile.
        count: how many to choose, from 1 to n.
        seed: fixes the choice.

    Returns:
        int64 (count,), increasing positions. Of each class there is about its share times
        ``count``: on EuroSAT, within one of it.

    Raises:
        TypeError: for labels that are not integers.
        ValueError: for labels of another shape, a count that is not an integer from 1 to n, or a
            negative seed.

    Example:
        >>> labels = np.repeat([0, 1], [30, 10])
        >>> np.bincount(labels[stratified_subset(labels, 8)])
        array([6, 2])
    """
    labels = np.asarray(labels)
    require_labels("labels", labels, labels.size)
    require_integer("count", count, 1)
    require_integer("seed", seed, 0)
    require_number("count", count, 1, len(labels))
    # In an order in which classes alternate by their shares, every stretch holds every class's
    # share: a tile stands where its rank in its class, over the size of the class, puts it.
    shuffled = np.random.default_rng(seed).permutation(len(labels))
    place = np.empty(len(labels))
    for label in np.unique(labels):
        members = shuffled[labels[shuffled] == label]
        place[members] = (np.arange(len(members)) + 0.5) / len(members)
    return np.sort(np.argsort(place, kind="stable")[:count])


def order_of_storage(filename: str) -> tuple[int, str]:
    """Key by which tiles are stored: split after split, each by file name."""
    # Splits are stored one after the other, so that each is one slice of the memory map.
    return SPLITS.index(split_of(filename)), filename


def split_bounds(filenames: list[str], split: str) -> tuple[int, int]:
    """Where a split begins and ends in file names in the order of storage; "all" is everything."""
    if split == "all":
        return 0, len(filenames)
    splits = [split_of(name) for name in filenames]
    start = splits.index(split) if split in splits else 0
    return start, start + splits.count(split)
