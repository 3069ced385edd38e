"""The archive's mirror: asked once per process, fetched once. ``data`` is the front door."""

import logging
import os
import threading
from pathlib import Path

# Mirror with the author's consent, also used by torchvision (pytorch/vision#8563); the file is
# the original one.
MIRROR_URL = (
    "https://huggingface.co/datasets/torchgeo/eurosat/resolve/"
    "c877bcd43f099cd0196738f714544e355477f3fd/EuroSAT.zip"
)
ARCHIVE_SHA256 = "8ebea626349354c5328b142b96d0430e647051f26efc2dc974c843f25ecf70bd"
OFFLINE_VARIABLE = "EUROSAT_INPAINT_OFFLINE"

_ANSWER_WITHIN_SECONDS = 10
_mirror_problem = None


class NoNetworkError(OSError):
    """The archive cannot be fetched; the message says why, in one sentence."""


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
        _mirror_problem = _ask_mirror() or _download(kept) or None
    if _mirror_problem is not None:
        raise NoNetworkError(_mirror_problem)
    return kept


def cache_folder() -> Path:
    """Where fetched and decoded tiles are kept: the user's cache folder."""
    import pooch

    return Path(pooch.os_cache("eurosat_inpaint"))


def reason_of(problem: OSError) -> str:
    """The operating system's words for an error, where it has any."""
    return problem.strerror or str(problem)


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
        except (OSError, ValueError):
            # Those of requests are OSErrors, and so is a missing certificate file.
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
    # Its log would repeat the line above, and name folders of this machine in notebooks.
    pooch.get_logger().addFilter(_is_warning)
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
        return f"the download could not be kept: {reason_of(problem)}."
    finally:
        pooch.get_logger().removeFilter(_is_warning)
    return ""


def _is_warning(record) -> bool:
    return record.levelno >= logging.WARNING
