"""Archives of tiles: read, fetch, decode once and keep decoded. ``data`` is the front door."""

import hashlib
import io
import json
import os
import re
import shutil
import sys
import tempfile
import threading
import zipfile
from pathlib import Path

import numpy as np

from eurosat_inpaint.synthetic import CLASS_NAMES, synthetic_tiles

# Mirror with the author's consent, also used by torchvision (pytorch/vision#8563); the file is
# the original one.
MIRROR_URL = (
    "https://huggingface.co/datasets/torchgeo/eurosat/resolve/"
    "c877bcd43f099cd0196738f714544e355477f3fd/EuroSAT.zip"
)
ARCHIVE_SHA256 = "8ebea626349354c5328b142b96d0430e647051f26efc2dc974c843f25ecf70bd"
OFFLINE_VARIABLE = "EUROSAT_INPAINT_OFFLINE"
SYNTHETIC_TILES = 2000

_TILE_SIDE = 64
_TILE_NAME = re.compile(rf"(?:^|/)({'|'.join(CLASS_NAMES)})/(\1_\d+\.jpe?g)$")
_ANSWER_WITHIN_SECONDS = 10
_mirror_problem = None


class NoNetworkError(OSError):
    """The archive cannot be fetched; the message says why, in one sentence."""


class ZipArchive:
    """EuroSAT as one zip file; ``2750/`` or ``EuroSAT_RGB/`` on top, or neither."""

    def __init__(self, path: Path):
        self.path = path
        try:
            with zipfile.ZipFile(path) as archive:
                infos = archive.infolist()
        except zipfile.BadZipFile as problem:
            raise ValueError(f"{path.name} is neither a folder nor a zip file") from problem
        found = {info: _TILE_NAME.search(info.filename) for info in infos}
        self.members = {match[2]: info for info, match in found.items() if match}
        _require_tiles(path, self.members)
        self.fingerprint = [(name, i.file_size, i.CRC) for name, i in self.members.items()]

    def read(self):
        """Yield file name and JPEG bytes of each tile."""
        with zipfile.ZipFile(self.path) as archive:
            for name, info in self.members.items():
                try:
                    yield name, archive.read(info)
                except (zipfile.BadZipFile, OSError) as problem:
                    raise ValueError(f"{self.path.name} is damaged at {name}") from problem


class FolderArchive:
    """EuroSAT unpacked: ten folders of JPEGs, in the given folder or one below it."""

    def __init__(self, path: Path):
        tops = (path, path / "2750", path / "EuroSAT_RGB")
        folders = [top / name for top in tops for name in CLASS_NAMES if (top / name).is_dir()]
        entries = [entry for folder in folders for entry in os.scandir(folder)]
        matches = {e.path: _TILE_NAME.search(Path(e.path).as_posix()) for e in entries}
        self.members = {matches[e.path][2]: e for e in entries if matches[e.path]}
        _require_tiles(path, self.members)
        stats = {name: entry.stat() for name, entry in self.members.items()}
        self.fingerprint = [(name, s.st_size, s.st_mtime_ns) for name, s in stats.items()]

    def read(self):
        """Yield file name and JPEG bytes of each tile."""
        for name, entry in self.members.items():
            yield name, Path(entry.path).read_bytes()


class TfdsArchive:
    """``tfds.load("eurosat/rgb")``; prepared from the mirror's archive where that is missing."""

    def __init__(self, data_dir=None):
        self.data_dir = data_dir
        if prepared_tfds_folder(data_dir) is None:
            self._prepare()
        files = sorted(prepared_tfds_folder(data_dir).iterdir())
        self.fingerprint = [(f.name, f.stat().st_size, f.stat().st_mtime_ns) for f in files]

    def _prepare(self):
        import tensorflow_datasets as tfds

        builder = tfds.builder("eurosat/rgb", data_dir=self.data_dir)
        # TFDS takes a file it finds here, after checking it, instead of fetching one itself.
        by_hand = Path(builder._data_dir_root) / "downloads" / "manual" / "EuroSAT.zip"
        if not by_hand.exists():
            fetched = fetch_mirror()
            by_hand.parent.mkdir(parents=True, exist_ok=True)
            partial = by_hand.with_suffix(f".{os.getpid()}.partial")
            shutil.copyfile(fetched, partial)
            partial.replace(by_hand)
        builder.download_and_prepare()

    def read(self):
        """Yield file name and JPEG bytes of each tile."""
        import tensorflow_datasets as tfds

        # TensorFlow's JPEG decoder differs from Pillow's by up to 21 levels.
        undecoded = {"image": tfds.decode.SkipDecoding()}
        dataset = tfds.load(
            "eurosat/rgb", split="train", data_dir=self.data_dir, decoders=undecoded, download=False
        )
        for example in tfds.as_numpy(dataset):
            yield example["filename"].decode(), example["image"]


class SyntheticArchive:
    """Procedural tiles, for work without data."""

    def __init__(self):
        source = Path(sys.modules[synthetic_tiles.__module__].__file__).read_bytes()
        self.fingerprint = [("synthetic", SYNTHETIC_TILES, hashlib.sha256(source).hexdigest())]

    def read(self):
        """Yield file name and image of each tile."""
        images, _, filenames = synthetic_tiles(SYNTHETIC_TILES)
        yield from zip(filenames, images, strict=True)


def open_archive(path: Path):
    """Open a folder or zip file in the layout of the original archive.

    Raises:
        ValueError: if it is neither, or holds no EuroSAT tiles.
    """
    return FolderArchive(path) if path.is_dir() else ZipArchive(path)


def decoded(archive, sort_key) -> tuple[np.ndarray, list[str]]:
    """Decode an archive, or memory-map what an earlier call decoded.

    Args:
        archive: one of the archives of this module.
        sort_key: key by which the file names are ordered.

    Returns:
        uint8 (n, 64, 64, 3), read-only, and the n file names.

    Raises:
        ValueError: if a tile is damaged or is not 64x64 RGB; nothing is kept then.
    """
    fingerprint = json.dumps(sorted(archive.fingerprint)).encode()
    folder = cache_folder() / "decoded" / hashlib.sha256(fingerprint).hexdigest()[:16]
    if not (folder / "filenames.json").exists():
        tiles = dict(_decode(archive))
        filenames = sorted(tiles, key=sort_key)
        images = np.stack([tiles[name] for name in filenames])
        try:
            _keep(folder, images, filenames)
        except OSError as problem:
            print(f"The decoded tiles are not kept on disk: {problem.strerror}", flush=True)
            images.flags.writeable = False
            return images, filenames
    filenames = json.loads((folder / "filenames.json").read_text())
    return np.load(folder / "images.npy", mmap_mode="r"), filenames


def fetch_mirror() -> Path:
    """Fetch the original archive from its mirror, once; later calls return the kept file.

    That there is no network is found out once per process, within 15 seconds.

    Raises:
        NoNetworkError: if it cannot be fetched, or ``EUROSAT_INPAINT_OFFLINE`` is set.
    """
    global _mirror_problem
    kept = cache_folder() / "EuroSAT.zip"
    if kept.exists():
        return kept
    if os.environ.get(OFFLINE_VARIABLE, "0") not in ("", "0"):
        raise NoNetworkError(f"{OFFLINE_VARIABLE} is set.")
    if _mirror_problem is None:
        _mirror_problem = _ask_mirror() or _download(kept)
    if _mirror_problem:
        raise NoNetworkError(_mirror_problem)
    return kept


def prepared_tfds_folder(data_dir=None) -> Path | None:
    """Folder of ``eurosat/rgb`` as TFDS has prepared it, or None."""
    root = data_dir or os.environ.get("TFDS_DATA_DIR") or "~/tensorflow_datasets"
    prepared = sorted(Path(root).expanduser().glob("eurosat/rgb/*/dataset_info.json"))
    return prepared[-1].parent if prepared else None


def cache_folder() -> Path:
    """Where fetched and decoded tiles are kept: the user's cache folder."""
    import pooch

    return Path(pooch.os_cache("eurosat_inpaint"))


def _require_tiles(path, members):
    if not members:
        raise ValueError(
            f"{path.name} is not EuroSAT: expected folders {CLASS_NAMES[0]}, {CLASS_NAMES[1]}, ... "
            f"of files such as {CLASS_NAMES[0]}_1.jpg, on top or under 2750/ or EuroSAT_RGB/"
        )


def _decode(archive):
    from PIL import Image, UnidentifiedImageError
    from tqdm.auto import tqdm

    for name, content in tqdm(archive.read(), desc="Decoding tiles", unit=" tiles", leave=False):
        if isinstance(content, bytes):
            try:
                with Image.open(io.BytesIO(content)) as picture:
                    image = np.asarray(picture)
            except (UnidentifiedImageError, OSError) as problem:
                raise ValueError(f"tile {name} is damaged: {problem}") from problem
        else:
            image = content
        if image.shape != (_TILE_SIDE, _TILE_SIDE, 3):
            raise ValueError(f"tile {name} must have shape (64, 64, 3), got {image.shape}")
        yield name, image


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


def _ask_mirror() -> str:
    """Ask whether the mirror answers; the reason if it does not, else an empty string."""
    import requests

    answer = {"problem": f"the mirror did not answer within {_ANSWER_WITHIN_SECONDS} s."}

    def ask():
        try:
            response = requests.head(MIRROR_URL, timeout=5, allow_redirects=True)
            response.raise_for_status()
            answer["problem"] = ""
        except requests.exceptions.HTTPError as problem:
            answer["problem"] = f"the mirror answered {problem.response.status_code}."
        except requests.exceptions.RequestException:
            answer["problem"] = "the mirror cannot be reached."

    # A thread, because no time-out of requests covers the look-up of the host's name.
    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(_ANSWER_WITHIN_SECONDS)
    return answer["problem"]


def _download(path: Path) -> str:
    """Download the archive to ``path``; the reason if that fails, else an empty string."""
    import pooch
    import requests

    print("Fetching EuroSAT (90 MB, once) from its mirror", flush=True)
    downloader = pooch.HTTPDownloader(timeout=10, progressbar=True)
    try:
        pooch.retrieve(
            MIRROR_URL,
            known_hash=f"sha256:{ARCHIVE_SHA256}",
            fname=path.name,
            path=path.parent,
            downloader=downloader,
        )
    except requests.exceptions.RequestException:
        return "the download broke off."
    except ValueError:
        return "the downloaded file has a wrong checksum and was deleted."
    except OSError as problem:
        return f"the download could not be kept: {problem.strerror}."
    return ""
