"""Benchmarks run from end to end on few synthetic tiles; what they measure is not looked at."""

import json
import math
import re
import runpy
import sys
from functools import partial
from pathlib import Path

import keras
import pytest

from eurosat_inpaint import archives, baselines, models, pretrained, training

BENCHMARKS = Path(__file__).parent.parent / "benchmarks"
REPORTED_ROWS = [
    "original's network, as reported, not comparable",
    "best public solution known, as reported, not comparable",
]


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Few synthetic tiles, and small networks in place of those that would take long."""
    monkeypatch.setattr(archives, "SYNTHETIC_TILES", 200)
    tiny_original = partial(models.unet, filters=2, depth=1, mask_input=False)
    monkeypatch.setattr(models, "original_unet", tiny_original)
    monkeypatch.setattr(training, "fastest_dtype", lambda build: "float32")


@pytest.fixture
def small_shipped(monkeypatch):
    """A card of a small network, for benchmarks that train it and load no weights."""
    card = {"builder": "residual_unet", "arguments": {"filters": [4], "blocks": [1]}}
    monkeypatch.setattr(pretrained, "card", lambda name: card)


@pytest.fixture
def table(monkeypatch, capsys):
    """Run a benchmark as from the command line: its rows, first cell -> other cells, and notes."""

    def run(name, *arguments):
        monkeypatch.syspath_prepend(BENCHMARKS)
        monkeypatch.setattr(sys, "argv", [name, *map(str, arguments)])
        runpy.run_path(str(BENCHMARKS / name), run_name="__main__")
        lines = capsys.readouterr().out.splitlines()
        start = next(i for i, line in enumerate(lines) if line.startswith("|"))
        rows = [line.strip("| ").split(" | ") for line in lines[start:] if line.startswith("|")]
        assert rows[1] == ["---" + "|---" * (len(rows[0]) - 1)]
        assert {len(row) for row in rows[2:]} == {len(rows[0])}
        notes = " ".join(lines[start + len(rows) :])
        assert keras.version() in notes and "cores" in notes
        return {row[0]: row[1:] for row in rows[2:]}, notes

    return run


def numbers(cell):
    """All numbers of a cell, as floats; a NaN counts too."""
    return [float(text.replace(",", "")) for text in re.findall(r"nan|inf|[-+]?\d[\d,.]*", cell)]


def assert_finite(cells, count):
    """Each of the cells holds ``count`` numbers, all of them finite."""
    for cell in cells:
        assert len(numbers(cell)) == count, cell
        assert all(map(math.isfinite, numbers(cell))), cell


def test_masks(table):
    rows, _ = table("masks.py", "--repeats", 2, "--masks", 64)
    assert list(rows) == ["32", "64"]
    for cells in rows.values():
        assert_finite(cells, 3)


def test_training(table, small_shipped):
    rows, notes = table("training.py", "--repeats", 1, "--steps", 2)
    assert [(name, cells[2], cells[3]) for name, cells in rows.items()] == [
        ("original", "8", "float32"),
        ("shipped", "32", "float32"),
    ]
    for cells in rows.values():
        assert_finite(cells[4:7], 3)
        assert_finite([*cells[:2], cells[7]], 1)
    assert numbers(rows["original"][6]) == [1, 1, 1]
    assert "20,319 tiles" in notes


def test_inference(table):
    rows, _ = table("inference.py", "--repeats", 1, "--tiles", 2)
    networks = ["original's network", "shipped unet"]
    ways = [f"shipped unet, `{way}`" for way in ("predict_on_batch", "model.predict", "model(...)")]
    assert list(rows) == [*baselines.FILLS, *networks, *ways]
    for name, (rate, milliseconds) in rows.items():
        assert_finite([milliseconds], 3)
        assert rate == "-" if name in ways else len(numbers(rate)) == 3


def test_quality(table):
    rows, notes = table("quality.py", "--tiles", 4)
    scored = [*baselines.FILLS, "unet"]
    assert list(rows) == [*scored, *REPORTED_ROWS]
    for position, name in enumerate(scored):
        assert_finite(rows[name][:4], 3)
        if position:
            assert_finite(rows[name][4:], 3)
    assert [rows[name][0] for name in REPORTED_ROWS] == ["0.002465", "0.002420"]
    assert "4 validation tiles from source 'synthetic'" in notes


def test_time_to_quality(table, small_shipped, tmp_path):
    output = tmp_path / "results" / "time.json"
    rows, notes = table("time_to_quality.py", "--minutes", 0.001, "--output", output)
    result = json.loads(output.read_text())
    assert result["source"] == "synthetic" and "source 'synthetic'" in notes
    (run,), (cells,) = result["runs"], rows.values()
    assert run["tiles_seen"] % 32 == 0 and run["tiles_seen"] > 0
    assert run["minutes"] > 0 and run["low"] < run["mse"] < run["high"]
    assert_finite(cells[:1], 1)
    assert_finite(cells[1:], 3)
