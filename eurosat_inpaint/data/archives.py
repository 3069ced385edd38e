"""Archives of tiles: found, bounded and decoded. ``data`` is the front door.

Archives come from anywhere, so nothing is trusted that they say of themselves: sizes are looked at
before anything is unpacked or decoded, only JPEG is decoded, and whatever a damaged one makes the
libraries raise becomes a ValueError.
"""

import hashlib
import io
import os
import re
import shutil
import stat
import sys
import warnings
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from eurosat_inpaint._checks import as_path
from eurosat_inpaint.data import mirror
from eurosat_inpaint.data.cache import decoded_once, reason_of, sha256_of
from eurosat_inpaint.data.splits import order_of_storage
from eurosat_inpaint.data.synthetic import CLASS_NAMES, SIZE, synthetic_tiles

SYNTHETIC_TILES = 2000
TFDS_VARIABLE = "TFDS_DATA_DIR"

# The largest of the original's tiles has 5,229 bytes, and there are 27,000.
_MOST_BYTES = 2**16
_MOST_TILES = 30_000
# Of the original's zip file it is 2 MB that list its members.
_MOST_DIRECTORY_BYTES = 2**24
# Folders above those of the classes: torchvision leaves `eurosat/2750`.
_DEEPEST = 3

_TILE_PATH = re.compile(
    rf"(?:\.{{0,2}}/)*(?:[^/]+/){{0,{_DEEPEST}}}"
    rf"({'|'.join(CLASS_NAMES)})/(\1_[0-9]+)\.(?i:jpe?g)"
)


# Packed bytes that are unpacked at once; by LZMA to some seven thousand times as many.
_STEP_BYTES = 4096
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA)


class Archive(Protocol):
    """What can be decoded."""

    kind: str
    fingerprint: list
    notices: list[str]  # what is to be said of it, a line each

    def read(self) -> Iterator[tuple[str, bytes | np.ndarray]]:
        """Yield file name of each tile, and its JPEG bytes or the decoded image."""


class ZipArchive:
    """EuroSAT as one zip file; ``2750/`` or ``EuroSAT_RGB/`` on top, another folder, or none."""

    kind = "local"

    def __init__(self, path: Path):
        self.path = path
        with _opened_zip(path) as archive:
            infos = archive.infolist()
        # Some packers write the separators of Windows.
        found = [(info.filename.replace("\\", "/"), info) for info in infos]
        self.members, self.notices = _tiles_among(path, found)
        for name, info in self.members.items():
            _require_size(name, info.file_size)
            if info.flag_bits & 1:
                raise ValueError(
                    f"{path.name} is encrypted at {name}: unpack it and name the folder"
                )
            # A few thousand bytes packed by bzip2 may unpack to gigabytes at once.
            if info.compress_type not in _METHODS:
                raise ValueError(
                    f"{path.name} is packed by a method that is not read, at {name}: unpack it "
                    "and name the folder"
                )
        self.fingerprint = [(name, i.file_size, i.CRC) for name, i in self.members.items()]

    def read(self) -> Iterator[tuple[str, bytes]]:
        with _opened_zip(self.path) as archive:
            for name, info in self.members.items():
                try:
                    with archive.open(info) as member:
                        content = _read(member)
                # BadZipFile, and what the system and the decompressor raise.
                except Exception as problem:
                    raise ValueError(f"{self.path.name} is damaged at {name}") from problem
                yield name, content


def _read(member):
    """At most ``_MOST_BYTES`` + 1 bytes; by little, since all that is asked for is unpacked."""
    content = b""
    while len(content) <= _MOST_BYTES and (part := member.read(_STEP_BYTES)):
        content += part
    return content[: _MOST_BYTES + 1]


class FolderArchive:
    """EuroSAT unpacked: ten folders of JPEGs, in the given folder or up to three below it."""

    kind = "local"

    def __init__(self, path: Path):
        self.path = path
        unreadable: list[str] = []
        found = _files_of_classes(path, unreadable)
        self.members, self.notices = _tiles_among(path, found, unreadable)
        self.fingerprint = []
        for name, entry in self.members.items():
            try:
                facts = entry.stat()
            except OSError as problem:
                raise _unreadable(f"tile {name}", problem) from problem
            if not stat.S_ISREG(facts.st_mode):
                raise ValueError(f"tile {name} is not a file but a pipe, a socket or a device")
            _require_size(name, facts.st_size)
            self.fingerprint.append((name, facts.st_size, facts.st_mtime_ns))

    def read(self) -> Iterator[tuple[str, bytes]]:
        for name, entry in self.members.items():
            try:
                with open(entry.path, "rb") as file:
                    content = file.read(_MOST_BYTES + 1)
            except OSError as problem:
                raise _unreadable(f"tile {name}", problem) from problem
            yield name, content


class TfdsArchive:
    """``tfds.load("eurosat/rgb")``; prepared from the mirror's archive where that is missing."""

    kind = "tfds"

    def __init__(self, data_dir: str | os.PathLike | None = None):
        self.root = _tfds_root(data_dir)
        self.path = prepared_tfds_folder(data_dir) or self._prepare()
        self.notices: list[str] = []
        try:
            stats = {file.name: file.stat() for file in sorted(self.path.iterdir())}
            _require_whole(stats)
        except (OSError, ValueError) as problem:
            raise damaged_tfds_folder(self.path, problem) from problem
        self.fingerprint = [(name, s.st_size, s.st_mtime_ns) for name, s in stats.items()]

    def _prepare(self):
        import tensorflow_datasets as tfds

        # TFDS takes a file it finds here instead of fetching one itself.
        by_hand = self.root / "downloads" / "manual" / "EuroSAT.zip"
        try:
            if not by_hand.is_file():
                fetched = mirror.fetch_mirror()
                by_hand.parent.mkdir(parents=True, exist_ok=True)
                partial = by_hand.with_suffix(f".{os.getpid()}.partial")
                shutil.copyfile(fetched, partial)
                partial.replace(by_hand)
            checksum = sha256_of(by_hand)
        except mirror.NoNetworkError:
            raise
        except OSError as problem:
            message = f"TFDS cannot prepare EuroSAT in {self.root}: {reason_of(problem)}"
            raise ValueError(message) from problem
        # TFDS would find this out too, but name no way out.
        if checksum != mirror.ARCHIVE_SHA256:
            raise ValueError(
                f"{by_hand} has a wrong checksum: delete it, or put the original archive there"
            )
        config = tfds.download.DownloadConfig(try_download_gcs=False)
        try:
            builder = tfds.builder("eurosat/rgb", data_dir=self.root)
            builder.download_and_prepare(download_config=config)
        except Exception as problem:
            message = f"TFDS cannot prepare EuroSAT in {self.root}: {_first_line(problem)}"
            raise ValueError(message) from problem
        return prepared_tfds_folder(self.root)

    def read(self) -> Iterator[tuple[str, bytes]]:
        import tensorflow_datasets as tfds

        # TensorFlow's JPEG decoder differs from Pillow's by up to 21 levels.
        undecoded = {"image": tfds.decode.SkipDecoding()}
        try:
            for shard in self.path.glob("*.tfrecord*"):
                _require_small_records(shard)
            dataset = tfds.load(
                "eurosat/rgb", split="train", data_dir=self.root, decoders=undecoded, download=False
            )
            for example in tfds.as_numpy(dataset):
                filename = example["filename"].decode()
                match = _TILE_PATH.fullmatch(f"{filename.split('_')[0]}/{filename}")
                if match is None:
                    raise ValueError(f"it holds {filename!r}, which is no tile's name")
                yield f"{match[2]}.jpg", bytes(example["image"])
        # TensorFlow's and TFDS' errors, and those of what they read with, have no common class.
        except Exception as problem:
            raise ValueError(_first_line(problem)) from problem


class SyntheticArchive:
    """Procedural tiles, for work without data."""

    kind = "synthetic"

    def __init__(self) -> None:
        source = Path(str(sys.modules[synthetic_tiles.__module__].__file__)).read_bytes()
        self.fingerprint = [("synthetic", SYNTHETIC_TILES, hashlib.sha256(source).hexdigest())]
        self.notices: list[str] = []

    def read(self) -> Iterator[tuple[str, np.ndarray]]:
        images, _, filenames = synthetic_tiles(SYNTHETIC_TILES)
        yield from zip(filenames, images, strict=True)


def open_archive(path: Path) -> ZipArchive | FolderArchive:
    """Open a folder or zip file in the layout of the original archive.

    Raises:
        ValueError: if it is neither, cannot be read, or holds no EuroSAT tiles.
    """
    path = path.absolute()
    if path.is_dir():
        return FolderArchive(path)
    # Whoever opens a pipe waits for somebody to write.
    if not path.is_file():
        raise ValueError(f"{path.name} is neither a folder nor a whole zip file, nor any file")
    return ZipArchive(path)


def decoded(archive: Archive) -> tuple[np.ndarray, list[str]]:
    """Decode an archive, or memory-map what an earlier call decoded.

    Returns:
        uint8 (n, 64, 64, 3), read-only, and the n file names, split after split.

    Raises:
        ValueError: if a tile is damaged or is not 64x64 RGB; nothing is kept then.
    """
    return decoded_once(archive.kind, archive.fingerprint, lambda: _decode_all(archive))


def prepared_tfds_folder(data_dir: str | os.PathLike | None = None) -> Path | None:
    """Folder of ``eurosat/rgb`` as TFDS has prepared it, or None.

    Raises:
        ValueError: if the data folder of TFDS is none, or cannot be read.
    """
    versions = _tfds_root(data_dir) / "eurosat" / "rgb"
    try:
        # Under any other name is what TFDS did not complete.
        names = [name for name in os.listdir(versions) if re.fullmatch(r"[0-9]+[0-9.]*", name)]
    except FileNotFoundError:
        return None
    except OSError as problem:
        raise _unreadable(str(versions), problem) from problem
    return versions / max(names) if names else None


def damaged_tfds_folder(folder: Path, problem: Exception) -> ValueError:
    """The error that names a damaged folder of TFDS, and the way out."""
    return ValueError(
        f"{folder}, which TFDS prepared, is damaged: {_first_line(problem)}; delete this folder, "
        "and it is prepared anew"
    )


def _tfds_root(data_dir) -> Path:
    argument = "data_dir"
    if data_dir is None:
        argument = TFDS_VARIABLE
        data_dir = os.environ.get(TFDS_VARIABLE) or "~/tensorflow_datasets"
    root = as_path(argument, data_dir)
    if os.path.exists(root) and not os.path.isdir(root):
        raise ValueError(f"{argument} must be the data folder of TFDS, got the file {root}")
    return root


def _require_whole(stats):
    """Raise a ValueError unless a folder of TFDS can be read without harm, as far as it shows."""
    if "dataset_info.json" not in stats:
        raise ValueError("dataset_info.json is missing")
    for name, facts in stats.items():
        if not stat.S_ISREG(facts.st_mode):
            raise ValueError(f"{name} is not a file")
        if ".tfrecord" not in name and facts.st_size > _MOST_DIRECTORY_BYTES:
            raise ValueError(f"{name} is too large")


def _require_small_records(shard):
    """Raise a ValueError if TensorFlow would read a large record, whole, or very many."""
    with open(shard, "rb") as file:
        # A record is its size and the size's checksum, the content, and the content's checksum.
        for _ in range(_MOST_TILES):
            if len(header := file.read(12)) < 12:
                return
            size = int.from_bytes(header[:8], "little")
            # Besides the tile a record holds its names.
            if size > 2 * _MOST_BYTES:
                raise ValueError(f"{shard.name} holds a record of {size:,} bytes")
            file.seek(size + 4, os.SEEK_CUR)
    raise ValueError(f"{shard.name} holds more than {_MOST_TILES:,} records")


class _BoundedFile(io.BufferedReader):
    """A file of which a zip file's list of members is not read if it is huge."""

    def read(self, size: int | None = -1) -> bytes:
        most = _MOST_DIRECTORY_BYTES
        content = super().read(most + 1 if size is None or size < 0 else min(size, most + 1))
        if len(content) > most:
            raise ValueError(f"its list of members has more than {most:,} bytes")
        return content


@contextmanager
def _opened_zip(path: Path) -> Iterator[zipfile.ZipFile]:
    try:
        file = _BoundedFile(io.FileIO(path))
    except OSError as problem:
        raise _unreadable(path.name, problem) from problem
    with file:
        try:
            archive = zipfile.ZipFile(file)
        # BadZipFile, and of damaged lists of members much else.
        except Exception as problem:
            message = f"{path.name} is neither a folder nor a whole zip file: {problem}"
            raise ValueError(message) from problem
        with archive:
            yield archive


def _files_of_classes(top: Path, unreadable: list[str]) -> list[tuple[str, os.DirEntry]]:
    """Files in folders with the name of a class, by their path below ``top``.

    Folders that cannot be read are added to ``unreadable``.
    """
    found: list[tuple[str, os.DirEntry]] = []
    entered = set()

    def enter(folder, place, levels):
        # Links may lead round in a circle.
        if (real := os.path.realpath(folder)) in entered:
            return
        entered.add(real)
        name = place.split("/")[-2] if place else None
        try:
            entries = list(os.scandir(folder))
        except OSError as problem:
            error = _unreadable(place or top.name, problem)
            if name is None or name in CLASS_NAMES:
                raise error from problem
            unreadable.append(str(error))
            return
        for entry in entries:
            if _is_folder(entry):
                if levels:
                    enter(entry.path, f"{place}{entry.name}/", levels - 1)
            elif name in CLASS_NAMES:
                found.append((f"{place}{entry.name}", entry))

    enter(top, "", _DEEPEST + 1)
    return found


def _is_folder(entry):
    try:
        return entry.is_dir()
    except OSError:
        return False


def _tiles_among(
    path: Path, found: Iterable[tuple[str, Any]], unreadable: Iterable[str] = ()
) -> tuple[dict[str, Any], list[str]]:
    """By its name each tile among files, of which there are path and handle.

    Returns:
        The handles by name, and what is to be said, a line each.

    Raises:
        ValueError: if there are none, or more than EuroSAT can have.
    """
    unreadable = list(unreadable)
    places: dict[str, str] = {}
    tiles: dict[str, Any] = {}
    repeated = {}
    for place, handle in sorted(found, key=lambda pair: pair[0]):
        if match := _TILE_PATH.fullmatch(place):
            # One name whatever the extension: it is the name that decides on the split.
            name = f"{match[2]}.jpg"
            if name in tiles:
                repeated[name] = place
            # A file that is in a zip file twice was replaced; of two places the first counts.
            if places.setdefault(name, place) == place:
                tiles[name] = handle
    if not tiles:
        also = "".join(f"; {problem}" for problem in unreadable)
        raise ValueError(
            f"{path.name} is not EuroSAT: expected folders {CLASS_NAMES[0]}, {CLASS_NAMES[1]}, ... "
            f"of files such as {CLASS_NAMES[0]}_1.jpg, on top, under 2750/ or EuroSAT_RGB/, or up "
            f"to {_DEEPEST} folders deep{also}"
        )
    if len(tiles) > _MOST_TILES:
        raise ValueError(
            f"{path.name} is not EuroSAT: it has 27,000 tiles, this {len(tiles):,} or more"
        )
    notices = [f"In {path.name} {problem}; it is left out" for problem in unreadable]
    if repeated:
        notices.append(
            f"{path.name} holds {len(repeated):,} of its tiles more than once, such as "
            f"{min(repeated)}; one of each is used"
        )
    return tiles, notices


def _require_size(name, size):
    if size > _MOST_BYTES:
        raise ValueError(f"tile {name} must have at most {_MOST_BYTES:,} bytes, got {size:,}")


def _unreadable(what, problem):
    return ValueError(f"{what} cannot be read: {reason_of(problem)}")


def _first_line(problem):
    """What an error says, in one line: TensorFlow's have many."""
    if isinstance(problem, OSError):
        return reason_of(problem)
    return next(iter(str(problem).splitlines()), "") or type(problem).__name__


def _decode_all(archive):
    tiles = {}
    for name, image in _decode(archive):
        if name in tiles:
            raise ValueError(f"tile {name} is there more than once")
        tiles[name] = image
    if not tiles:
        raise ValueError("there is no tile")
    filenames = sorted(tiles, key=order_of_storage)
    return np.stack([tiles[name] for name in filenames]), filenames


def _decode(archive):
    from tqdm import tqdm

    # Without a terminal, as in a notebook, the bar would only fill the error stream.
    contents = tqdm(archive.read(), desc="Decoding tiles", unit=" tiles", leave=False, disable=None)
    for name, content in contents:
        yield name, _decode_jpeg(name, content) if isinstance(content, bytes) else content


def _decode_jpeg(name, content):
    from PIL import Image, UnidentifiedImageError

    _require_size(name, len(content))
    try:
        # Of other formats the content would choose the decoder, and that of EPS runs programs.
        with (
            warnings.catch_warnings(action="ignore"),
            Image.open(io.BytesIO(content), formats=("JPEG",)) as picture,
        ):
            kind = picture.format
            bands = len(picture.getbands())
            shape = (picture.height, picture.width) + (bands,) * (bands > 1)
            # The header says so before anything is decoded.
            image = np.asarray(picture) if shape == (SIZE, SIZE, 3) else None
    except UnidentifiedImageError as problem:
        raise ValueError(f"tile {name} is not an image of the format JPEG") from problem
    # Of damaged pictures Pillow raises much besides OSError.
    except Exception as problem:
        raise ValueError(f"tile {name} is damaged: {_first_line(problem)}") from problem
    if image is None:
        raise ValueError(f"tile {name} must have shape (64, 64, 3), got {shape}")
    if kind != "JPEG":
        raise ValueError(f"tile {name} must be one picture, got several in the format {kind}")
    return image
