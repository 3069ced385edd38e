"""What is kept on disk: fetched and decoded tiles, in one folder. ``data`` is the front door.

Nothing that lies there is believed: a file is used if its SHA-256 is the one that it was kept with.
Where the folder cannot be used everything works without it, only slower.
"""

import hashlib
import json
import secrets
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path

import numpy as np

_FILES = ("images.npy", "filenames.json")
# The digests of these files.
_SEAL = "digests.txt"
_FORMAT = "decoded tiles, format 2"
_WAIT_SECONDS = 300


def cache_folder() -> Path:
    """Where fetched and decoded tiles are kept: the user's cache folder.

    Raises:
        FileNotFoundError: if the user has no home, and ``XDG_CACHE_HOME`` is not set.
    """
    from platformdirs import user_cache_path

    folder = Path()
    # Without a home some versions of platformdirs raise, others return what they were asked for.
    with suppress(RuntimeError):
        folder = user_cache_path("eurosat_inpaint", appauthor=False)
    if not folder.is_absolute():
        raise FileNotFoundError("this user has no home folder: set XDG_CACHE_HOME to another")
    return folder


def cache_contents() -> dict[str, int]:
    """Bytes of the decoded tiles that are kept, by kind of archive, in :func:`cache_folder`.

    Raises:
        OSError: if the folder cannot be read.
    """
    litter = _litter()
    return {
        path.parent.name.split("-")[0]: path.stat().st_size
        for path in sorted(_decoded_folder().glob("*-*/images.npy"))
        if path.parent not in litter
    }


def decoded_once(
    kind: str, fingerprint: list, decode: Callable[[], tuple[np.ndarray, list[str]]]
) -> tuple[np.ndarray, list[str]]:
    """Call ``decode``, or memory-map what it returned to an earlier call.

    Of each kind of archive the tiles of the latest are kept: those of another are removed when it
    has been decoded. What has been damaged since is decoded anew, with a word.

    Args:
        kind: of the archive.
        fingerprint: what tells the archive from others, JSON.
        decode: returns images, uint8 (n, 64, 64, 3), and their n file names.
    """
    digest = hashlib.sha256(json.dumps(sorted(fingerprint)).encode()).hexdigest()[:16]
    name = f"{kind}-{digest}"
    if not _litter() and (kept := _opened(name)):
        return kept
    with one_process_at_a_time("decoded", "decodes the tiles") as alone:
        for path in _litter() if alone else ():
            _remove(path)
        # Another process may have put the same tiles there in the meantime.
        if kept := _opened(name):
            return kept
        images, filenames = decode()
        try:
            _keep(name, images, filenames)
        except OSError as problem:
            print(
                f"The decoded tiles are not kept on disk: {reason_and_place_of(problem)}",
                flush=True,
            )
        images.flags.writeable = False
        return _opened(name) or (images, filenames)


@contextmanager
def one_process_at_a_time(name: str, work: str) -> Iterator[bool]:
    """Wait until no other process is in a block of this name.

    Yields whether the block is held alone: where the cache cannot be locked, or the other process
    takes longer than five minutes, the work is done beside it.

    Args:
        name: of the block.
        work: what another process in it does, for the reader who waits.
    """
    from filelock import FileLock, Timeout

    with suppress(OSError):
        cache_folder().mkdir(parents=True, exist_ok=True)
    try:
        lock = FileLock(cache_folder() / f"{name}.lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            print(f"Another process {work}: waiting for it.", flush=True)
            lock.acquire(timeout=_WAIT_SECONDS)
    # Some file systems know no locks.
    except (OSError, NotImplementedError):
        yield False
        return
    try:
        yield True
    finally:
        lock.release()


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, read once per process as long as the file does not change.

    Raises:
        OSError: if it cannot be read, or is no file.
    """
    found = path.stat()
    if not stat.S_ISREG(found.st_mode):
        raise OSError(f"{path.name} is no file")
    return _sha256(path, found.st_size, found.st_mtime_ns, found.st_ino)


def reason_of(problem: OSError) -> str:
    """The operating system's words for an error, where it has any."""
    return problem.strerror or str(problem)


def reason_and_place_of(problem: OSError) -> str:
    """The words of :func:`reason_of`, and the file, where it is known."""
    place = f": {problem.filename}" if problem.filename else ""
    return reason_of(problem) + place


@lru_cache
def _sha256(path, *state):
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _decoded_folder():
    return cache_folder() / "decoded"


def _litter():
    """What a process that was killed left half-written, or half-removed."""
    with suppress(OSError):
        return list(_decoded_folder().glob("partial-*"))
    return []


def _opened(name):
    """Images, memory-mapped, and file names; None if they are not there as they were kept."""
    with suppress(OSError):
        folder = _decoded_folder() / name
        seal = hashlib.sha256(_seal(folder).encode()).hexdigest()
        if sha256_of(folder / _SEAL) == seal:
            filenames = json.loads((folder / "filenames.json").read_text())
            return np.load(folder / "images.npy", mmap_mode="r"), filenames
    return None


def _seal(folder):
    return "\n".join([_FORMAT, *(f"{sha256_of(folder / name)}  {name}" for name in _FILES), ""])


def _keep(name, images, filenames):
    """Write all or nothing: the folder appears under its name only when it is complete."""
    parent = _decoded_folder()
    if parent.exists() and not parent.is_dir():
        parent.unlink()
    parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix="partial-", dir=parent))
    try:
        np.save(partial / "images.npy", images)
        (partial / "filenames.json").write_text(json.dumps(filenames))
        (partial / _SEAL).write_text(_seal(partial))
        if (folder := parent / name).exists():
            print(
                "Decoded tiles in the cache are damaged, or of an older version: decoded anew.",
                flush=True,
            )
            _remove(folder)
        partial.replace(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    for other in parent.glob(f"{name.split('-')[0]}-*"):
        if other != folder:
            _remove(other)


def _remove(path):
    """Remove decoded tiles so that no half of them is ever found under their name."""
    # Where the tiles are in use this may be refused; the next call tries again.
    with suppress(OSError):
        doomed = path.with_name(f"partial-{secrets.token_hex(4)}")
        path.rename(doomed)
        if doomed.is_dir() and not doomed.is_symlink():
            shutil.rmtree(doomed)
        else:
            doomed.unlink()
