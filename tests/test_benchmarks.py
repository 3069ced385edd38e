"""Benchmarks run from end to end on few synthetic tiles; what they measure is not looked at."""

import json
import math
import re
import runpy
import sys
from functools import partial
from pathlib import Path

import keras
import numpy as np
import pytest
from helpers_scenes import made_known, made_scene, write_raster

from eurosat_inpaint import baselines, data, models, pretrained, shipping, training
from eurosat_inpaint.masks import FAMILIES, line_masks

pytestmark = pytest.mark.slow

BENCHMARKS = Path(__file__).parent.parent / "benchmarks"
REPORTED_ROWS = [
    "original's network, as reported, not comparable",
    "best public solution known, as reported, not comparable",
]


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Few synthetic tiles, and small networks in place of those that would take long."""
    monkeypatch.setattr(data.archives, "SYNTHETIC_TILES", 200)
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


@pytest.mark.browser
def test_widgets(table, needs_chromium):
    rows, _ = table("widgets.py", "--steps", 2)
    assert [(name, cells[2]) for name, cells in rows.items()] == [
        ("`mask_explorer`", "70"),
        ("`inpainting_explorer`", "80"),
    ]
    for median, late, _ in rows.values():
        assert 0 < numbers(median)[0] <= numbers(late)[0]


@pytest.mark.browser
def test_app(table, needs_chromium):
    rows, _ = table("app.py", "--visitors", 2)
    assert list(rows) == ["1", "2"]
    assert_finite([cell for cells in rows.values() for cell in cells], 1)
    assert numbers(rows["1"][1])[0] < numbers(rows["2"][1])[0]


def test_masks(table):
    rows, _ = table("masks.py", "--repeats", 2, "--masks", 64)
    assert list(rows) == ["32", "64"]
    for cells in rows.values():
        assert_finite(cells, 3)


def test_training(table, small_shipped, tmp_path):
    output = tmp_path / "results" / "training.json"
    rows, notes = table("training.py", "--repeats", 1, "--steps", 2, "--output", output)
    batches = {"original": "8", "gan": "32", "gan_control": "32", "unet": "64", "unet_any": "64"}
    batches["wnet"] = "32"
    assert {name: cells[2] for name, cells in rows.items()} == batches
    assert {cells[3] for cells in rows.values()} == {"float32"}
    for cells in rows.values():
        assert_finite(cells[4:7], 3)
        assert_finite([*cells[:2], cells[7]], 1)
    assert numbers(rows["original"][6]) == [1, 1, 1]
    assert "20,319 tiles" in notes
    rates = json.loads(output.read_text())["tiles_per_second"]
    assert {name: numbers(cells[4])[0] for name, cells in rows.items()} == rates


def test_inference(table):
    rows, _ = table("inference.py", "--repeats", 1, "--tiles", 2)
    networks = ["original's network", "shipped unet"]
    ways = [f"shipped unet, `{way}`" for way in ("predict_on_batch", "model.predict", "model(...)")]
    assert list(rows) == [*baselines.FILLS, *networks, *ways]
    for cells in rows.values():
        assert_finite(cells, 3)


def test_quality(table):
    rows, notes = table("quality.py", "--tiles", 4)
    scored = [*baselines.FILLS, "unet", "gan", "gan_control", "unet_any", "wnet"]
    assert list(rows) == [*scored, *REPORTED_ROWS]
    for position, name in enumerate(scored):
        assert_finite(rows[name][:6], 3)
        if position:
            assert_finite(rows[name][6:], 3)
    assert [rows[name][0] for name in REPORTED_ROWS] == ["0.002465", "0.002420"]
    assert "4 validation tiles from source 'synthetic'" in notes


def test_time_to_quality(table, small_shipped, tmp_path):
    output = tmp_path / "results" / "time.json"
    rows, notes = table("time_to_quality.py", "--minutes", 0.001, "--output", output)
    result = json.loads(output.read_text())
    assert result["source"] == "synthetic" and "source 'synthetic'" in notes
    (run,), (cells,) = result["runs"], rows.values()
    assert run["tiles_seen"] % (5 * 64) == 0 and run["tiles_seen"] > 0
    assert run["minutes"] > 0 and run["low"] < run["mse"] < run["high"]
    assert_finite(cells[:1], 1)
    assert_finite(cells[1:], 3)


def test_recipe_search_tells_changes_from_seeds(table, tmp_path):
    output = tmp_path / "search.json"
    tiles = np.linspace(0.001, 0.003, 20)
    changes = {"base": (0, 1e-5, 2e-5), "a": (1e-4,), "b": (0,)}
    runs = [
        {"change": name, "seed": seed, "mse_of_tiles": list(tiles + more)}
        for name, moved in changes.items()
        for seed, more in enumerate(moved)
    ]
    facts = {"parameters": 9, "gflop": 1.0, "tiles_seen": 9, "validation": 4, "minutes": 14.4}
    output.write_text(json.dumps([run | facts | {"mse": 0.002} for run in runs]))
    rows, notes = table("recipe_search.py", "--output", output, "table")
    # Every tile is as much worse, so the interval is a point.
    assert rows["a, seed 0"][-1] == "+0.000090 [+0.000090, +0.000090]"
    assert rows["b, seed 0"][-1] == "none"
    assert "up to 0.000020" in notes


def test_recipe_search_adds_a_run(monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(BENCHMARKS)
    search = runpy.run_path(str(BENCHMARKS / "recipe_search.py"))
    output = tmp_path / "search.json"
    change = "absolute error to the end"
    monkeypatch.setattr(sys, "argv", ["", "--output", str(output), "run", change, "--tiles", "0"])
    search["main"]()
    (result,) = json.loads(output.read_text())
    assert result["tiles_seen"] == 5 * 64 and result["low"] < result["mse"] < result["high"]
    assert len(result["mse_of_tiles"]) == result["validation"]
    assert np.mean(result["mse_of_tiles"]) == pytest.approx(result["mse"], rel=1e-4)


def test_recipe_search_starts_from_the_shipped_network(monkeypatch):
    """Unchanged, its network is that of ``models.residual_unet``: the same weights, one answer."""
    monkeypatch.syspath_prepend(BENCHMARKS)
    search = runpy.run_path(str(BENCHMARKS / "recipe_search.py"))
    shipped = shipping.NETWORKS["unet"].arguments
    changed, ours = search["changed_unet"](), models.residual_unet(**shipped)
    random = np.random.default_rng(0)
    weights = [random.normal(scale=0.02, size=w.shape) for w in ours.get_weights()]
    masked, masks = random.random((2, 64, 64, 3)), line_masks(2)
    answers = []
    for model in (changed, ours):
        model.set_weights(weights)
        answers.append(model.predict_on_batch([masked * masks, masks]))
    np.testing.assert_allclose(*answers, atol=1e-6)


def test_gan_search_adds_a_run_and_shows_it(table, monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(BENCHMARKS)
    search = runpy.run_path(str(BENCHMARKS / "gan_search.py"))
    load_tiles = data.load_tiles

    def few_tiles(split):
        tiles = load_tiles(split)
        return tiles[data.stratified_subset(tiles.labels, min(120, len(tiles)))]

    monkeypatch.setattr(data, "load_tiles", few_tiles)
    output = tmp_path / "search.json"
    arguments = ["", "--output", str(output), "run", "no noise", "--steps", "1"]
    monkeypatch.setattr(sys, "argv", [*arguments, "--directory", str(tmp_path / "kept")])
    search["main"]()
    assert (tmp_path / "kept" / "generator.weights.h5").is_file()
    (result,) = json.loads(output.read_text())
    assert result["steps"] == 5 and len(result["power_along_axes"]) == 63
    # Five steps lead nowhere far from the U-Net.
    assert result["mse_over_unet"] == pytest.approx(1, abs=0.2)
    assert all(0 <= value <= 1 for value in result["accuracy_of_critic"])
    rows, _ = table("gan_search.py", "--output", output, "table")
    assert rows["no noise, seed 0"][0] == "5"
    assert_finite(rows["no noise, seed 0"][2:], 1)


@pytest.fixture
def scenes(tmp_path, monkeypatch):
    """A folder of small scenes that look like the real ones to the benchmarks."""
    folder = tmp_path / "scenes"
    folder.mkdir()
    write_raster(folder / "landsat7_etm.tif", made_scene(90, 80, 6))
    gaps = np.where(np.arange(50)[:, None] % 8 < 3, np.nan, np.zeros((50, 60), np.float32))
    write_raster(folder / "landsat7_slc_off.tif", gaps.astype(np.float32))
    clouds = np.stack([~made_known(70, 70, seed) for seed in (1, 2)], axis=-1)
    write_raster(folder / "sentinel2_cloud_masks.tif", clouds.astype(np.uint8))
    for date in (1, 2, 3):
        values = made_scene(70, 70, 13, np.uint16, seed=date)
        write_raster(folder / f"sentinel2_clear_{date}.tif", values)
    monkeypatch.setenv("EUROSAT_INPAINT_SCENES", str(folder))
    return folder


def test_scenes_are_compared_with_two_fills(table, scenes):
    rows, notes = table("scenes.py", "--model", "push_pull", "quality")
    assert list(rows)[:2] == ["Landsat, real scan-line gaps", "Sentinel-2, real clouds"]
    for cells in rows.values():
        assert_finite(cells[:2], 1)
        assert_finite(cells[2:], 3)
    rows, _ = table("scenes.py", "--model", "mean", "seams")
    for cells in rows.values():
        assert_finite(cells, 1)


def test_cost_of_scenes(table):
    rows, _ = table("scenes.py", "--model", "push_pull", "cost", "--sides", 150)
    assert_finite(rows["150 x 150"], 1)


def test_mask_matrix_adds_a_row_and_shows_it(table, scenes, monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(BENCHMARKS)
    matrix = runpy.run_path(str(BENCHMARKS / "mask_matrix.py"))
    output = tmp_path / "matrix.json"
    arguments = ["", "--output", str(output), "run", "all but clouds", "--steps", "1"]
    monkeypatch.setattr(sys, "argv", arguments)
    matrix["main"]()
    (row,) = json.loads(output.read_text())
    assert row["seen"] == 64
    assert list(row["cells"]) == [*FAMILIES, "real gaps", "real clouds"]
    for cell in row["cells"].values():
        assert cell["low"] <= cell["difference"] <= cell["high"]
    # One step leads nowhere far from the U-Net, which is better than push-pull.
    assert row["cells"]["lines"]["difference"] < 0
    rows, notes = table("mask_matrix.py", "--output", output, "table")
    assert_finite(rows["all but clouds"], 3)
    assert "64 tiles" in notes
