"""What is found in the place of a file, and files that may not be read."""

import builtins
import os
import socket
from pathlib import Path


def folder(tmp_path):
    (tmp_path / "folder").mkdir()
    return tmp_path / "folder"


def pipe(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    return tmp_path / "pipe"


def unix_socket(tmp_path):
    # The path of a socket has at most 107 characters.
    with socket.socket(socket.AF_UNIX) as opened:
        here = os.getcwd()
        os.chdir(tmp_path)
        try:
            opened.bind("socket")
        finally:
            os.chdir(here)
    return tmp_path / "socket"


def below_a_file(tmp_path):
    (tmp_path / "file").write_text("a file")
    return tmp_path / "file" / "below"


KINDS_OF_NO_FILE = {
    "folder": folder,
    "pipe": pipe,
    "socket": unix_socket,
    "endless device": lambda tmp_path: Path("/dev/zero"),
    "device": lambda tmp_path: Path("/dev/null"),
    "below a file": below_a_file,
}


def forbid(monkeypatch, *paths):
    """Let the system refuse to open or list these, as it would were they another user's.

    Not by their permissions: a superuser, as in a container, may read anything.
    """
    forbidden = {os.fspath(path) for path in paths}

    def refusing(function):
        def call(path, *given, **named):
            if not isinstance(path, int) and os.fspath(path) in forbidden:
                raise PermissionError(13, "Permission denied", os.fspath(path))
            return function(path, *given, **named)

        return call

    monkeypatch.setattr(builtins, "open", refusing(open))
    for name in ("scandir", "listdir"):
        monkeypatch.setattr(os, name, refusing(getattr(os, name)))
