"""Archives of tiles: read, decode once and keep decoded. ``data`` is the front door."""

import hashlib
import io
import json
import os
import re
import shutil
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Protocol

import numpy as np

from eurosat_inpaint.data import mirror
from eurosat_inpaint.data.splits import order_of_storage
from eurosat_inpaint.data.synthetic import CLASS_NAMES, SIZE, synthetic_tiles

SYNTHETIC_TILES = 2000

_TILE_NAME = re.compile(rf"(?:^|/)({'|'.join(CLASS_NAMES)})/(\1_\d+\.jpe?g)$")


class Archive(Protocol):
    """What can be decoded."""

    kind: str
    fingerprint: list

    def read(self) -> Iterator[tuple[str, bytes | np.ndarray]]:
        """Yield file name of each tile, and its JPEG bytes or the decoded image."""


class ZipArchive:
    """EuroSAT as one zip file; ``2750/`` or ``EuroSAT_RGB/`` on top, or neither."""

    kind = "local"

    def __init__(self, path: Path):
        self.path = path
        try:
            with zipfile.ZipFile(path) as archive:
                infos = archive.infolist()
        except zipfile.BadZipFile as problem:
            raise ValueError(f"{path.name} is neither a folder nor a whole zip file") from problem
        found = ((_TILE_NAME.search(info.filename), info) for info in infos)
        self.members = {match[2]: info for match, info in found if match}
        _require_tiles(path, self.members)
        self.fingerprint = [(name, i.file_size, i.CRC) for name, i in self.members.items()]

    def read(self) -> Iterator[tuple[str, bytes]]:
        with zipfile.ZipFile(self.path) as archive:
            for name, info in self.members.items():
                try:
                    yield name, archive.read(info)
                except (zipfile.BadZipFile, zlib.error, OSError, EOFError) as problem:
                    raise ValueError(f"{self.path.name} is damaged at {name}") from problem


class FolderArchive:
    """EuroSAT unpacked: ten folders of JPEGs, in the given folder or one below it."""

    kind = "local"

    def __init__(self, path: Path):
        tops = (path, path / "2750", path / "EuroSAT_RGB")
        folders = [top / name for top in tops for name in CLASS_NAMES if (top / name).is_dir()]
        entries = [entry for folder in folders for entry in os.scandir(folder)]
        found = ((_TILE_NAME.search(Path(entry.path).as_posix()), entry) for entry in entries)
        self.members = {match[2]: entry for match, entry in found if match}
        _require_tiles(path, self.members)
        stats = {name: entry.stat() for name, entry in self.members.items()}
        self.fingerprint = [(name, s.st_size, s.st_mtime_ns) for name, s in stats.items()]

    def read(self) -> Iterator[tuple[str, bytes]]:
        for name, entry in self.members.items():
            yield name, Path(entry.path).read_bytes()


class TfdsArchive:
    """``tfds.load("eurosat/rgb")``; prepared from the mirror's archive where that is missing."""

    kind = "tfds"

    def __init__(self, data_dir: str | os.PathLike | None = None):
        self.root = _tfds_root(data_dir)
        if self.root.is_file():
            raise ValueError(f"data_dir must be the data folder of TFDS, got the file {self.root}")
        if (prepared := prepared_tfds_folder(self.root)) is None:
            prepared = self._prepare()
        files = sorted(prepared.iterdir())
        self.fingerprint = [(f.name, f.stat().st_size, f.stat().st_mtime_ns) for f in files]

    def _prepare(self):
        import pooch
        import tensorflow_datasets as tfds

        # TFDS takes a file it finds here instead of fetching one itself.
        by_hand = self.root / "downloads" / "manual" / "EuroSAT.zip"
        if not by_hand.exists():
            fetched = mirror.fetch_mirror()
            by_hand.parent.mkdir(parents=True, exist_ok=True)
            partial = by_hand.with_suffix(f".{os.getpid()}.partial")
            shutil.copyfile(fetched, partial)
            partial.replace(by_hand)
        # TFDS would find this out too, but name no way out.
        if pooch.file_hash(by_hand) != mirror.ARCHIVE_SHA256:
            raise ValueError(
                f"{by_hand} has a wrong checksum: delete it, or put the original archive there"
            )
        config = tfds.download.DownloadConfig(try_download_gcs=False)
        builder = tfds.builder("eurosat/rgb", data_dir=self.root)
        builder.download_and_prepare(download_config=config)
        return prepared_tfds_folder(self.root)

    def read(self) -> Iterator[tuple[str, bytes]]:
        import tensorflow_datasets as tfds

        # TensorFlow's JPEG decoder differs from Pillow's by up to 21 levels.
        undecoded = {"image": tfds.decode.SkipDecoding()}
        dataset = tfds.load(
            "eurosat/rgb", split="train", data_dir=self.root, decoders=undecoded, download=False
        )
        for example in tfds.as_numpy(dataset):
            yield example["filename"].decode(), example["image"]


class SyntheticArchive:
    """Procedural tiles, for work without data."""

    kind = "synthetic"

    def __init__(self):
        source = Path(sys.modules[synthetic_tiles.__module__].__file__).read_bytes()
        self.fingerprint = [("synthetic", SYNTHETIC_TILES, hashlib.sha256(source).hexdigest())]

    def read(self) -> Iterator[tuple[str, np.ndarray]]:
        images, _, filenames = synthetic_tiles(SYNTHETIC_TILES)
        yield from zip(filenames, images, strict=True)


def open_archive(path: Path) -> ZipArchive | FolderArchive:
    """Open a folder or zip file in the layout of the original archive.

    Raises:
        ValueError: if it is neither, or holds no EuroSAT tiles.
    """
    return FolderArchive(path) if path.is_dir() else ZipArchive(path)


def decoded(archive: Archive) -> tuple[np.ndarray, list[str]]:
    """Decode an archive, or memory-map what an earlier call decoded.

    Of each kind of archive the tiles of the latest are kept: those of another are removed when it
    has been decoded.

    Returns:
        uint8 (n, 64, 64, 3), read-only, and the n file names, split after split.

    Raises:
        ValueError: if a tile is damaged or is not 64x64 RGB; nothing is kept then.
    """
    fingerprint = json.dumps(sorted(archive.fingerprint)).encode()
    digest = hashlib.sha256(fingerprint).hexdigest()[:16]
    folder = _decoded_folder() / f"{archive.kind}-{digest}"
    if not (folder / "filenames.json").exists():
        tiles = dict(_decode(archive))
        filenames = sorted(tiles, key=order_of_storage)
        images = np.stack([tiles[name] for name in filenames])
        try:
            _keep(folder, images, filenames)
        except OSError as problem:
            reason = mirror.reason_of(problem)
            print(f"The decoded tiles are not kept on disk: {reason}", flush=True)
            images.flags.writeable = False
            return images, filenames
        for other in folder.parent.glob(f"{archive.kind}-*"):
            if other != folder:
                _remove(other)
    filenames = json.loads((folder / "filenames.json").read_text())
    return np.load(folder / "images.npy", mmap_mode="r"), filenames


def _remove(folder):
    """Remove a folder of decoded tiles so that no half of one is ever found under its name."""
    doomed = folder.with_name(f"partial-{folder.name}")
    # Where the tiles are in use a rename may be refused; the next call tries again.
    with suppress(OSError):
        folder.rename(doomed)
    shutil.rmtree(doomed, ignore_errors=True)


def cache_contents() -> dict[str, int]:
    """Bytes of the decoded tiles that are kept, by kind of archive, in :func:`cache_folder`."""
    return {
        path.parent.name.split("-")[0]: path.stat().st_size
        for path in sorted(_decoded_folder().glob("*-*/images.npy"))
    }


def _decoded_folder():
    return mirror.cache_folder() / "decoded"


def prepared_tfds_folder(data_dir: str | os.PathLike | None = None) -> Path | None:
    """Folder of ``eurosat/rgb`` as TFDS has prepared it, or None."""
    # A folder whose name does not begin with a number is one that TFDS did not complete.
    prepared = sorted(_tfds_root(data_dir).glob("eurosat/rgb/[0-9]*/dataset_info.json"))
    return prepared[-1].parent if prepared else None


def _tfds_root(data_dir) -> Path:
    root = data_dir or os.environ.get("TFDS_DATA_DIR") or "~/tensorflow_datasets"
    return Path(root).expanduser()


def _require_tiles(path, members):
    if not members:
        raise ValueError(
            f"{path.name} is not EuroSAT: expected folders {CLASS_NAMES[0]}, {CLASS_NAMES[1]}, ... "
            f"of files such as {CLASS_NAMES[0]}_1.jpg, on top or under 2750/ or EuroSAT_RGB/"
        )


def _decode(archive):
    from tqdm import tqdm

    # Without a terminal, as in a notebook, the bar would only fill the error stream.
    contents = tqdm(archive.read(), desc="Decoding tiles", unit=" tiles", leave=False, disable=None)
    for name, content in contents:
        image = _decode_jpeg(name, content) if isinstance(content, bytes) else content
        if image.shape != (SIZE, SIZE, 3):
            raise ValueError(f"tile {name} must have shape (64, 64, 3), got {image.shape}")
        yield name, image


def _decode_jpeg(name, content):
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(io.BytesIO(content)) as picture:
            return np.asarray(picture)
    except UnidentifiedImageError as problem:
        raise ValueError(f"tile {name} is not an image") from problem
    except (OSError, Image.DecompressionBombError) as problem:
        raise ValueError(f"tile {name} is damaged: {problem}") from problem


def _keep(folder, images, filenames):
    """Write all or nothing: the folder appears under its name only when it is complete."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix="partial-", dir=folder.parent))
    try:
        np.save(partial / "images.npy", images)
        (partial / "filenames.json").write_text(json.dumps(filenames))
        partial.replace(folder)
    except OSError:
        # Another process may have put the same tiles there in the meantime.
        if not (folder / "filenames.json").exists():
            raise
    finally:
        shutil.rmtree(partial, ignore_errors=True)
