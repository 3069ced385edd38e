"""The original archive, fetched once from where it lies. ``data`` is the front door."""

import shutil
import threading
import time
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

from eurosat_inpaint._checks import read_flag
from eurosat_inpaint.data.cache import (
    cache_folder,
    one_process_at_a_time,
    reason_and_place_of,
    sha256_of,
)

ARCHIVE_SHA256 = "8ebea626349354c5328b142b96d0430e647051f26efc2dc974c843f25ecf70bd"
ARCHIVE_BYTES = 94_280_567
# A mirror with the author's consent, also used by torchvision (pytorch/vision#8563), and the
# original's own host, which has been failing on and off. Both hold the same file.
ADDRESSES = (
    "https://huggingface.co/datasets/torchgeo/eurosat/resolve/"
    "c877bcd43f099cd0196738f714544e355477f3fd/EuroSAT.zip",
    "https://madm.dfki.de/files/sentinel/EuroSAT.zip",
)
OFFLINE_VARIABLE = "EUROSAT_INPAINT_OFFLINE"

# Where nothing answers, both addresses have been given up within 15 seconds.
_ANSWER_WITHIN_SECONDS = 7
_LEAST_BYTES_PER_SECOND = 30_000
_SPEED_OVER_SECONDS = 20
_WITHIN_SECONDS = 3600
_WAITS_SECONDS = (0, 2, 8)
_BLOCK_BYTES = 2**14

_mirror_problem = None


class NoNetworkError(OSError):
    """The archive cannot be fetched; the message says why, and what to do by hand."""


class _Unfetched(Exception):
    """Why a request did not bring the archive, and whether another may."""

    def __init__(self, reason: str, again: bool = True):
        super().__init__(reason)
        self.again = again


def fetch_mirror() -> Path:
    """Fetch the original archive, once; later calls return the kept file.

    What comes is stored beside the place it is kept in, as ``EuroSAT.zip.part``, and a fetch that
    was interrupted goes on where it was. That there is no network is found out once per process,
    within 15 seconds; a fetch that is slower than 30 kB a second, or takes an hour, is given up.

    Raises:
        NoNetworkError: if it cannot be fetched or kept, or ``EUROSAT_INPAINT_OFFLINE`` is set.
    """
    global _mirror_problem
    try:
        kept = cache_folder() / "EuroSAT.zip"
        if _is_archive(kept):
            return kept
        if read_flag(OFFLINE_VARIABLE):
            raise NoNetworkError(f"{OFFLINE_VARIABLE} is set.")
        if _mirror_problem is None:
            with one_process_at_a_time("fetched", "fetches EuroSAT"):
                if not _is_archive(kept):
                    _mirror_problem = _fetch(kept)
    except NoNetworkError:
        raise
    except OSError as problem:
        raise NoNetworkError(
            f"EuroSAT cannot be kept: {reason_and_place_of(problem)}."
        ) from problem
    if _mirror_problem is not None:
        raise NoNetworkError(_mirror_problem)
    return kept


def _is_archive(path):
    """Whether the archive is at a path, whole; says so and removes what else is there."""
    if not path.exists():
        return False
    with suppress(OSError):
        if path.stat().st_size == ARCHIVE_BYTES and sha256_of(path) == ARCHIVE_SHA256:
            return True
    print("The EuroSAT.zip that was fetched has been damaged since: it is removed.", flush=True)
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    return False


def _fetch(path) -> str | None:
    """Fetch the archive to a path; what was tried, and why in vain, else None."""
    # Here, since the first import takes a part of the time in which an answer has to come.
    import requests  # noqa: F401

    print("Fetching EuroSAT (94 MB, once)", flush=True)
    part = path.with_name("EuroSAT.zip.part")
    deadline = time.monotonic() + _WITHIN_SECONDS
    path.parent.mkdir(parents=True, exist_ok=True)
    # Of processes that were killed: versions before this one fetched into such files.
    for litter in path.parent.glob("tmp*"):
        litter.unlink()
    tried: dict[str | None, str] = {}
    addresses = list(ADDRESSES)
    for wait in _WAITS_SECONDS:
        time.sleep(wait if addresses else 0)
        for address in tuple(addresses):
            try:
                _fetch_from(address, part, deadline)
                part.replace(path)
                return None
            except _Unfetched as problem:
                tried[urlsplit(address).hostname] = str(problem)
                if not problem.again:
                    addresses.remove(address)
    told = " and ".join(f"{host} ({reason})" for host, reason in tried.items())
    return f"tried {told}; by hand it can be fetched from {ADDRESSES[0]} ."


def _fetch_from(address, part, deadline):
    """Fetch what is missing of the archive, after what ``part`` already holds.

    Raises:
        _Unfetched: if the address does not give it.
        OSError: if it cannot be stored.
    """
    from tqdm import tqdm

    stored = part.stat().st_size if part.exists() else 0
    free = shutil.disk_usage(part.parent).free
    if free < ARCHIVE_BYTES - stored:
        raise OSError(f"{free / 1e6:.0f} MB are free of the 94 MB that it needs")
    request = _Request(address, part, stored)
    request.start()
    checked, stored_then = time.monotonic(), stored
    try:
        with tqdm(total=ARCHIVE_BYTES, unit="B", unit_scale=True, leave=False, delay=1) as bar:
            while request.is_alive():
                request.join(0.05)
                bar.update(request.stored - bar.n)
                now = time.monotonic()
                if now > deadline:
                    raise _Unfetched(f"took longer than {_WITHIN_SECONDS:.0f} s", again=False)
                if not request.answered:
                    if now > checked + _ANSWER_WITHIN_SECONDS:
                        reason = f"did not answer within {_ANSWER_WITHIN_SECONDS} s"
                        raise _Unfetched(reason, again=False)
                elif now > checked + _SPEED_OVER_SECONDS:
                    least = _LEAST_BYTES_PER_SECOND * _SPEED_OVER_SECONDS
                    if request.stored - stored_then < least:
                        raise _Unfetched(f"gave less than {least} bytes in {_SPEED_OVER_SECONDS} s")
                    checked, stored_then = now, request.stored
    finally:
        request.given_up.set()
    if request.problem is not None:
        raise request.problem


class _Request(threading.Thread):
    """One request that stores what it is answered.

    A thread, because no time-out of requests covers the look-up of a host's name, nor a header that
    comes in drips: it is left alone, and stores nothing any more.
    """

    def __init__(self, address, part, stored):
        super().__init__(daemon=True)
        self.address, self.part, self.stored = address, part, stored
        self.answered = False
        self.given_up = threading.Event()
        self.problem: Exception | None = None

    def run(self):
        try:
            if self.stored < ARCHIVE_BYTES:
                self._store(self._answer())
            if not self.given_up.is_set() and sha256_of(self.part) != ARCHIVE_SHA256:
                self.part.unlink()
                raise _Unfetched("gave a file with a wrong checksum, which was deleted")
        except (_Unfetched, OSError) as problem:
            self.problem = problem

    def _answer(self):
        """The response, when its header says that the rest of the archive follows."""
        import requests
        from urllib3.exceptions import ProtocolError

        headers = {"Range": f"bytes={self.stored}-", "Accept-Encoding": "identity"}
        try:
            response = requests.get(self.address, headers=headers, stream=True, timeout=10)
        # What requests raises is an OSError, and so is a missing certificate file; a ValueError
        # comes of names that are none, as a proxy in the environment may have.
        except (OSError, ValueError) as problem:
            # A connection that was made and broke, as an idle one may that is used for a second
            # request, can be made again; where none was made there is no network.
            broke = bool(problem.args) and isinstance(problem.args[0], ProtocolError)
            raise _Unfetched("cannot be reached", again=broke) from problem
        self.answered = True
        if response.status_code == 200:
            self.stored = 0
        elif response.status_code in (206, 416):
            if not response.headers.get("Content-Range", "").startswith(f"bytes {self.stored}-"):
                self.part.unlink(missing_ok=True)
                raise _Unfetched("answered with another part than was asked for")
        else:
            again = response.status_code >= 500 or response.status_code in (408, 425, 429)
            raise _Unfetched(f"answered {response.status_code}", again)
        announced = response.headers.get("Content-Length", "")
        if announced.isdecimal() and int(announced) != ARCHIVE_BYTES - self.stored:
            raise _Unfetched(f"has {announced} bytes for us, not the archive", again=False)
        return response

    def _store(self, response):
        with response, self.part.open("ab" if self.stored else "wb") as file:
            for block in self._blocks(response):
                if self.given_up.is_set():
                    return
                if self.stored == 0 and not block.startswith(b"PK"):
                    raise _Unfetched("gave no zip file", again=False)
                if self.stored + len(block) > ARCHIVE_BYTES:
                    file.truncate(0)
                    raise _Unfetched("does not come to an end", again=False)
                file.write(block)
                self.stored += len(block)
        if self.stored < ARCHIVE_BYTES:
            raise _Unfetched("broke off")

    def _blocks(self, response):
        try:
            yield from response.iter_content(_BLOCK_BYTES)
        except (OSError, ValueError) as problem:
            raise _Unfetched("broke off") from problem
