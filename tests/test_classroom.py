"""What lecturers take with them: one zip for a room without a network, and pictures for slides."""

import subprocess
import sys
import zipfile
from pathlib import Path

import classroom
import figures
import nbformat
import pytest
from PIL import Image

from notebooks import NOTEBOOKS, ROOT, pictures_of


@pytest.fixture
def packed(tmp_path):
    """A zip of this repository with one wheel and one archive that stand in for all."""
    (tmp_path / "wheels").mkdir()
    for name in ("wheels/one-1.0-py3-none-any.whl", "EuroSAT.zip"):
        (tmp_path / name).write_bytes(name.encode())
    target = tmp_path / "classroom.zip"
    classroom.pack(target, tmp_path / "wheels", tmp_path / "EuroSAT.zip")
    return target


def test_zip_holds_what_git_tracks_the_wheels_the_tiles_and_a_start(packed, tmp_path):
    tracked = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    with zipfile.ZipFile(packed) as opened:
        names = {str(Path(name).relative_to(classroom.TOP)) for name in opened.namelist()}
        expected = {*tracked.stdout.splitlines(), "start.py", "data/EuroSAT.zip"}
        assert names == expected | {"wheels/one-1.0-py3-none-any.whl"}
        opened.extractall(tmp_path)
    unpacked = tmp_path / classroom.TOP
    assert (unpacked / "data" / "EuroSAT.zip").read_bytes() == b"EuroSAT.zip"
    readme = (unpacked / "README.md").read_bytes()
    assert readme == (ROOT / "README.md").read_bytes()


@pytest.mark.slow
def test_start_finds_the_tiles_asks_no_network_and_installs_once(packed, tmp_path):
    with zipfile.ZipFile(packed) as opened:
        opened.extractall(tmp_path)
    unpacked = tmp_path / classroom.TOP
    start = [sys.executable, unpacked / "start.py", "-c"]
    start += ["import os; print(os.environ['EUROSAT_INPAINT_DATA'], os.getcwd())"]
    # The wheel is none: pip fails, and nothing is marked as installed.
    failed = subprocess.run(start, capture_output=True, text=True)
    assert failed.returncode != 0 and "eurosat-inpaint" in failed.stderr
    installed = unpacked / ".venv" / "installed"
    assert not installed.exists()
    installed.touch()
    done = subprocess.run(start, capture_output=True, text=True, check=True)
    assert done.stdout.split() == [str(unpacked / "data" / "EuroSAT.zip"), str(unpacked)]


def test_every_picture_becomes_a_file_with_its_text(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(figures, "FOLDER", tmp_path / "figures")
    assert figures.main() == 0
    page = (tmp_path / "figures" / "figures.md").read_text(encoding="utf-8")
    count = 0
    for path in NOTEBOOKS.glob("[0-9]*.ipynb"):
        for cell in nbformat.read(path, as_version=4).cells:
            count += len(pictures_of(cell))
            assert cell.metadata.get("alt", "") in page
    made = list((tmp_path / "figures").glob("*.png"))
    assert len(made) == count > 70 and f"{count} pictures" in capsys.readouterr().out
    with Image.open(made[0]) as opened:
        opened.verify()
