"""Scenes as files: what stands beside the values is kept, and a target is whole or not there."""

import os
import signal
import subprocess
import sys
import time
import warnings

import numpy as np
import pytest
from helpers_scenes import made_known, made_scene, read_raster, write_raster

from eurosat_inpaint.__main__ import main
from eurosat_inpaint.scenes import rasters, restore, restore_file, restoring

rasterio = pytest.importorskip("rasterio", reason="rasterio is not installed")


@pytest.fixture
def files(tmp_path):
    """Paths of a scene of uint16, of its mask (1 = hole), and of what is to be written."""
    scene, known = made_scene(dtype=np.uint16), made_known()
    return (
        write_raster(tmp_path / "scene.tif", scene),
        write_raster(tmp_path / "mask.tif", (~known).astype(np.uint8)),
        tmp_path / "restored.tif",
    )


def restore_quickly(source, target, mask=None, **settings):
    settings = {"model": "push_pull", "scale": (0, 2750)} | settings
    return restore_file(source, target, mask, **settings)


@pytest.mark.parametrize("part", [1024, 50])
def test_a_file_is_restored_as_its_array_is(files, part, monkeypatch):
    monkeypatch.setattr(restoring, "PART", part)
    source, mask, target = files
    counts = restore_quickly(source, target, mask)
    known = made_known()
    expected = restore(made_scene(dtype=np.uint16), known, model="push_pull", scale=(0, 2750))
    np.testing.assert_array_equal(read_raster(target), expected)
    assert counts == {"seen": known.sum(), "restored": (~known).sum(), "left": 0, "outside": 0}


DTYPES = ("uint8", "int8", "uint16", "int16", "int32", "float32", "float64")
SYSTEMS = {
    "UTM": {},
    "degrees": {"crs": "EPSG:4326", "transform": rasterio.Affine(1e-4, 0, 14, 0, -1e-4, 46)},
    "rotated": {"transform": rasterio.Affine(8.7, 5, 465_000, 5, -8.7, 5_080_000)},
    "none": {"crs": None, "transform": rasterio.Affine.identity()},
    "a local one": {"crs": "+proj=laea +lat_0=52 +lon_0=10 +ellps=GRS80 +units=m"},
}


@pytest.mark.parametrize("dtype", DTYPES)
def test_every_data_type_is_kept(dtype, tmp_path):
    values = made_scene(80, 90)
    values = (values // 3).astype(dtype) if dtype == "int8" else values.astype(dtype)
    known = made_known(80, 90)
    source = write_raster(tmp_path / "scene.tif", values)
    mask = write_raster(tmp_path / "mask.tif", (~known).astype(np.uint8))
    restore_quickly(source, tmp_path / "out.tif", mask, scale=(0, 255))
    found = read_raster(tmp_path / "out.tif")
    assert found.dtype == dtype
    np.testing.assert_array_equal(found[known], values[known])
    assert (found[~known] != values[~known]).any()


@pytest.mark.parametrize("system", SYSTEMS)
@pytest.mark.parametrize("compress", ["deflate", "lzw", "jpeg", None])
def test_what_stands_beside_the_values_is_kept(system, compress, tmp_path):
    settings = SYSTEMS[system] | {"compress": compress}
    source = write_raster(tmp_path / "scene.tif", made_scene(100, 100, 4), nodata=0, **settings)
    colours = [
        getattr(rasterio.enums.ColorInterp, name) for name in ("red", "green", "blue", "gray")
    ]
    with rasterio.open(source, "r+") as file:
        file.update_tags(AREA_OR_POINT="Point", SENSOR="a sensor")
        file.update_tags(2, WAVELENGTH="560", STATISTICS_MEAN="17")
        file.colorinterp = colours
        for band, name in enumerate(("B04", "B03", "B02", "B08"), start=1):
            file.set_band_description(band, name)
        file.scales, file.offsets, file.units = (0.1,) * 4, (-1.0,) * 4, ("W",) * 4
    known = made_known(100, 100)
    mask = write_raster(tmp_path / "mask.tif", known.astype(np.uint8))
    restore_quickly(source, tmp_path / "out.tif", mask, mask_is="known", scale=None)
    with rasterio.open(source) as before, rasterio.open(tmp_path / "out.tif") as after:
        for name in ("crs", "transform", "dtypes", "nodata", "descriptions", "colorinterp"):
            assert getattr(after, name) == getattr(before, name), name
        for name in ("scales", "offsets", "units", "count", "shape"):
            assert getattr(after, name) == getattr(before, name), name
        assert after.tags() == before.tags()
        assert after.tags(2) == {"WAVELENGTH": "560"}
        values = before.read().transpose(1, 2, 0)
    np.testing.assert_array_equal(read_raster(tmp_path / "out.tif")[known], values[known])


def test_chosen_bands_are_written_in_their_order(files, tmp_path):
    source, mask, target = files
    restore_quickly(source, target, mask, bands=(3, 1))
    given, found = read_raster(source), read_raster(target)
    known = made_known()
    np.testing.assert_array_equal(found[known], given[known][:, [2, 0]])


def scene_with_collar(tmp_path, nodata=0, dtype=np.uint16):
    """A scene that lies askew, gaps across it that reach its rim, and which pixels are which."""
    rows, columns = np.mgrid[:160, :200]
    inside = (np.abs(rows - 80 + 0.3 * (columns - 100)) < 55) & (np.abs(columns - 100) < 80)
    gaps = inside & (rows % 16 < 4)
    scene = made_scene(160, 200, dtype=dtype) + dtype(1)
    scene[~inside | gaps] = nodata
    return write_raster(tmp_path / "slc.tif", scene, nodata=nodata), inside, gaps


@pytest.mark.parametrize("nodata", [0, 9999])
def test_gaps_are_filled_and_the_collar_is_not(nodata, tmp_path):
    source, inside, gaps = scene_with_collar(tmp_path, nodata)
    given = read_raster(source)
    counts = restore_quickly(
        source, tmp_path / "out.tif", fill_nodata=True, provenance=tmp_path / "from.tif"
    )
    found = read_raster(tmp_path / "from.tif")[..., 0]
    values = read_raster(tmp_path / "out.tif")
    np.testing.assert_array_equal(found == 0, inside & ~gaps)
    assert not (found == 1)[~gaps].any()
    # At the rim of the footprint a gap's pixel may have data on one side only.
    assert (found == 1)[gaps].mean() > 0.95
    np.testing.assert_array_equal(values[found != 1], given[found != 1])
    assert not (values[found == 1] == nodata).any()
    assert counts["restored"] == (found == 1).sum() and counts["outside"] == (found == 255).sum()
    with rasterio.open(tmp_path / "from.tif") as file:
        assert file.nodata == 255 and file.crs == "EPSG:32633"


def test_gaps_are_left_unless_they_are_asked_for(tmp_path):
    source, inside, gaps = scene_with_collar(tmp_path)
    holes = np.zeros(inside.shape, np.uint8)
    holes[40:60, 90:100] = 1
    holes[:3] = 1
    mask = write_raster(tmp_path / "mask.tif", holes)
    restore_quickly(source, tmp_path / "out.tif", mask, provenance=tmp_path / "from.tif")
    found = read_raster(tmp_path / "from.tif")[..., 0]
    assert (found[40:60, 90:100] == 1).all()
    assert (found[:3] == 255).all()
    left = gaps & (holes == 0)
    assert (found[left] == 2).mean() > 0.95


def test_a_restored_pixel_never_has_the_value_of_nodata(tmp_path):
    scene = np.full((70, 70, 3), 100, np.uint8)
    known = made_known(70, 70)
    source = write_raster(tmp_path / "scene.tif", np.where(known[..., None], scene, 7), nodata=100)
    # Where all three bands are 100 there is no data: only the hole has some.
    mask = write_raster(tmp_path / "mask.tif", (~known).astype(np.uint8))
    with pytest.raises(ValueError, match="mask must leave some pixel with data known"):
        restore_quickly(source, tmp_path / "out.tif", mask, scale=(0, 255))
    scene[..., 2] = 90
    source = write_raster(tmp_path / "scene.tif", scene, nodata=100)
    restore_quickly(source, tmp_path / "out.tif", mask, scale=(0, 255))
    found = read_raster(tmp_path / "out.tif")
    np.testing.assert_array_equal(found[known], scene[known])
    assert set(np.unique(found[~known])) == {90, 101}


def test_a_value_without_data_in_one_band_is_a_value_in_the_others(tmp_path):
    scene, known = made_scene(80, 80), made_known(80, 80)
    scene[10:20, 10:20, 1] = 255
    source = write_raster(tmp_path / "scene.tif", scene, nodata=255)
    mask = write_raster(tmp_path / "mask.tif", (~known).astype(np.uint8))
    restore_quickly(
        source, tmp_path / "out.tif", mask, scale=None, provenance=tmp_path / "from.tif"
    )
    np.testing.assert_array_equal(read_raster(tmp_path / "from.tif")[..., 0] == 0, known)


def test_an_alpha_band_is_copied_and_opaque_where_something_was_made_up(tmp_path):
    scene, known = made_scene(80, 80, 4), made_known(80, 80)
    scene[..., 3] = 255
    scene[30:40, 30:40, 3] = 0
    source = write_raster(tmp_path / "scene.tif", scene)
    with rasterio.open(source, "r+") as file:
        names = ("red", "green", "blue", "alpha")
        file.colorinterp = [getattr(rasterio.enums.ColorInterp, name) for name in names]
    mask = write_raster(tmp_path / "mask.tif", (~known).astype(np.uint8))
    restore_quickly(source, tmp_path / "out.tif", mask, fill_nodata=True, scale=None)
    found = read_raster(tmp_path / "out.tif")
    assert (found[..., 3] == 255).all()
    seen = known & (scene[..., 3] == 255)
    np.testing.assert_array_equal(found[seen], scene[seen])
    assert (found[30:40, 30:40, :3] != scene[30:40, 30:40, :3]).any()


def test_a_mask_inside_of_the_file_is_kept_and_opened_where_something_was_made_up(tmp_path):
    scene, valid = made_scene(80, 80), np.full((80, 80), 255, np.uint8)
    valid[30:40, 30:40] = 0
    source = write_raster(tmp_path / "scene.tif", scene)
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True), rasterio.open(source, "r+") as file:
        file.write_mask(valid)
    holes = np.zeros((80, 80), np.uint8)
    holes[5:9] = 1
    mask = write_raster(tmp_path / "mask.tif", holes)
    restore_quickly(source, tmp_path / "out.tif", mask, scale=None)
    with rasterio.open(tmp_path / "out.tif") as file:
        np.testing.assert_array_equal(file.dataset_mask(), valid)
    restore_quickly(source, tmp_path / "out.tif", mask, scale=None, fill_nodata=True)
    with rasterio.open(tmp_path / "out.tif") as file:
        assert (file.dataset_mask() == 255).all()
    assert not list(tmp_path.glob("*.msk"))


def test_nan_is_no_data_though_nothing_says_so(tmp_path):
    scene = made_scene(100, 100, 1, np.float32)
    scene[::9] = np.nan
    source = write_raster(tmp_path / "scene.tif", scene)
    restore_quickly(source, tmp_path / "out.tif", fill_nodata=True)
    found = read_raster(tmp_path / "out.tif")
    assert np.isfinite(found[1:-1]).all() and np.isnan(found[0]).all()


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_pictures_without_coordinates(suffix, tmp_path):
    from PIL import Image

    scene, known = made_scene(90, 110), made_known(90, 110)
    Image.fromarray(scene).save(tmp_path / f"scene{suffix}")
    Image.fromarray((255 * ~known).astype(np.uint8)).save(tmp_path / "mask.png")
    # Of JPEGs there are several decoders.
    given = read_raster(tmp_path / f"scene{suffix}")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        restore_quickly(
            tmp_path / f"scene{suffix}", tmp_path / "out.png", tmp_path / "mask.png", scale=None
        )
    found = np.asarray(Image.open(tmp_path / "out.png"))
    np.testing.assert_array_equal(found[known], given[known])
    expected = restore(given, known, model="push_pull")
    np.testing.assert_array_equal(found, expected)
    assert not list(tmp_path.glob("*.xml")) and not list(tmp_path.glob(".*"))


def test_a_file_may_take_its_own_place(files):
    source, mask, target = files
    restore_quickly(source, target, mask)
    restore_quickly(source, source, mask)
    np.testing.assert_array_equal(read_raster(source), read_raster(target))


def test_what_lay_beside_a_former_target_goes_with_it(files):
    source, mask, target = files
    write_raster(target, made_scene())
    overview = target.with_name(target.name + ".ovr")
    overview.write_bytes(b"of the former picture")
    restore_quickly(source, target, mask)
    assert not overview.exists()


@pytest.mark.slow
def test_expected_errors_are_in_the_units_of_the_scene(files, tmp_path):
    source, mask, target = files
    error = tmp_path / "error.tif"
    restore_quickly(source, target, mask, model="unet_any", error=error)
    found, known = read_raster(error)[..., 0], made_known()
    assert found.dtype == np.float32 and (found[known] == 0).all() and (found[~known] > 0).all()
    true = np.abs(read_raster(target).astype(float) - made_scene(dtype=np.uint16)).mean(axis=-1)
    assert 0.4 < found[~known].mean() / true[~known].mean() < 2.5
    restore_quickly(source, tmp_path / "scaled.tif", mask, model="unet_any", scale=(0, 27500))
    with rasterio.open(error) as file:
        assert np.isnan(file.nodata)


REFUSED = {
    "no source": (FileNotFoundError, "source names", lambda s, m, t: (s / "no", t, m), {}),
    "no mask": (FileNotFoundError, "mask names", lambda s, m, t: (s, t, m / "no"), {}),
    "no mask given": (ValueError, "unless fill_nodata", lambda s, m, t: (s, t), {}),
    "no nodata": (
        ValueError,
        "source must have pixels without data",
        lambda s, m, t: (s, t),
        {"fill_nodata": True},
    ),
    "target is a JPEG": (
        ValueError,
        "target must end in",
        lambda s, m, t: (s, t.with_suffix(".jpg"), m),
        {},
    ),
    "no folder": (
        FileNotFoundError,
        "folder does not exist",
        lambda s, m, t: (s, t.parent / "a" / "b.tif", m),
        {},
    ),
    "one name for two": (
        ValueError,
        "different files",
        lambda s, m, t: (s, t, m),
        {"provenance": "T"},
    ),
    "band 4": (
        ValueError,
        "each of bands must be one of",
        lambda s, m, t: (s, t, m),
        {"bands": (4,)},
    ),
    "band twice": (ValueError, "different ones", lambda s, m, t: (s, t, m), {"bands": (1, 1)}),
    "meaning": (
        ValueError,
        "mask_is must be one of",
        lambda s, m, t: (s, t, m),
        {"mask_is": "clouds"},
    ),
    "model": (ValueError, "model must be one of", lambda s, m, t: (s, t, m), {"model": "vnet"}),
    "no head": (ValueError, "model must be one of", lambda s, m, t: (s, t, m), {"error": "e.tif"}),
    "a number": (TypeError, "source must be a path", lambda s, m, t: (3, t, m), {}),
    "scale": (ValueError, "low < high", lambda s, m, t: (s, t, m), {"scale": (2, 1)}),
    "a flag": (
        TypeError,
        "fill_nodata must be True",
        lambda s, m, t: (s, t, m),
        {"fill_nodata": 1},
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_wrong_arguments_are_named_and_nothing_is_written(case, files, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    error, message, given, settings = REFUSED[case]
    settings = {k: str(files[2]) if v == "T" else v for k, v in settings.items()}
    before = sorted(tmp_path.iterdir())
    with pytest.raises(error, match=message):
        restore_quickly(*given(*files), **settings)
    assert sorted(tmp_path.iterdir()) == before


WRONG_FILES = {
    "text": (lambda path: path.write_text("no picture"), "cannot be read as a picture"),
    "cut": (lambda path: path.write_bytes(path.read_bytes()[:200]), "cannot be read|cut|read"),
    "complex": (
        lambda path: write_raster(path, made_scene(dtype=np.complex64)),
        "complex64",
    ),
    "palette": (
        lambda path: with_palette(write_raster(path, made_scene(bands=1))),
        "numbers of colours of a palette",
    ),
}


def with_palette(path):
    with rasterio.open(path, "r+") as file:
        file.write_colormap(1, {0: (0, 0, 0, 255), 1: (255, 0, 0, 255)})
        file.colorinterp = [rasterio.enums.ColorInterp.palette]


@pytest.mark.parametrize("what", WRONG_FILES)
def test_files_that_cannot_be_restored_are_refused(what, files):
    source, mask, target = files
    make, message = WRONG_FILES[what]
    make(source)
    with pytest.raises((ValueError, TypeError, OSError), match=message):
        restore_quickly(source, target, mask)
    assert not target.exists()


WRONG_MASKS = {
    "covers nothing": (np.zeros((150, 210), np.uint8), "mask must cover some pixel"),
    "covers everything": (np.ones((150, 210), np.uint8), "mask must leave some pixel"),
    "another size": (np.ones((150, 200), np.uint8), "must have the size of the source, 210 x 150"),
    "two bands": (np.ones((150, 210, 2), np.uint8), "must have one band, got 2"),
}


@pytest.mark.parametrize("what", WRONG_MASKS)
def test_masks_that_make_no_sense_are_refused(what, files):
    source, mask, target = files
    values, message = WRONG_MASKS[what]
    write_raster(mask, values)
    with pytest.raises(ValueError, match=message):
        restore_quickly(source, target, mask)
    assert not target.exists()


def test_the_command(files, capsys):
    source, mask, target = map(str, files)
    given = ["restore", source, target, "--mask", mask, "--model", "push_pull"]
    assert main([*given, "--bands", "3,2,1", "--scale", "0", "2750"]) == 0
    known = made_known()
    line = f"{target}: {known.sum():,} seen, {(~known).sum():,} restored\n"
    assert capsys.readouterr().out == line
    np.testing.assert_array_equal(read_raster(target)[known], read_raster(source)[known][:, ::-1])
    assert main([*given, "--mask-is", "known", "--bands", "9"]) == 1
    assert capsys.readouterr().err.startswith("error: each of bands must be one of")
    with pytest.raises(SystemExit):
        main([*given, "--bands", "red"])
    assert "numbers from 1 such as 3,2,1" in capsys.readouterr().err


def test_without_the_extra_it_is_named(files, monkeypatch):
    monkeypatch.setitem(sys.modules, "rasterio", None)
    with pytest.raises(ImportError, match=r"pip install 'eurosat-inpaint\[scenes\]'"):
        restore_file(*files)


@pytest.mark.slow
def test_a_cluster_gives_the_same_bits(files, tmp_path, monkeypatch):
    distributed = pytest.importorskip("distributed")
    source, mask, target = files
    restore_quickly(source, target, mask, model="unet")
    settings = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": None}
    with distributed.LocalCluster(**settings) as cluster:
        restore_quickly(
            source,
            tmp_path / "there.tif",
            mask,
            model="unet",
            scheduler=cluster.scheduler_address,
        )
    assert target.read_bytes() == (tmp_path / "there.tif").read_bytes()


def test_an_error_on_the_way_leaves_the_old_file(files, monkeypatch):
    source, mask, target = files
    target.write_bytes(b"the old file")
    monkeypatch.setattr(rasters, "restored_part", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        restore_quickly(source, target, mask)
    assert target.read_bytes() == b"the old file"
    assert not list(target.parent.glob(".*"))


# The scene is made once and restored in a process of its own, in many small parts.
_IN_A_PROCESS = """
import sys
from eurosat_inpaint import scenes
from eurosat_inpaint.scenes import restoring

restoring.PART = 64
scenes.restore_file(*sys.argv[1:4], model="push_pull", scale=(0, 2750))
"""


def run_in_a_process(files):
    command = [sys.executable, "-c", _IN_A_PROCESS, *map(str, (files[0], files[2], files[1]))]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def kill_at_random(files, kills, seed):
    """Kill that many times; what is there each time is the old file or the new one."""
    source, mask, target = files
    restore_quickly(source, target, mask)
    new, old = target.read_bytes(), b"the old file"
    began = time.monotonic()
    assert run_in_a_process(files).wait() == 0
    longest = time.monotonic() - began
    assert target.read_bytes() == new
    random = np.random.default_rng(seed)
    seen = set()
    for _ in range(kills):
        target.write_bytes(old)
        process = run_in_a_process(files)
        time.sleep(random.uniform(0.5, 1.05) * longest)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        seen.add(target.read_bytes())
        assert seen <= {old, new}
    assert run_in_a_process(files).wait() == 0
    assert target.read_bytes() == new
    assert sorted(p.name for p in target.parent.iterdir()) == [
        "mask.tif",
        "restored.tif",
        "scene.tif",
    ]


@pytest.mark.slow
def test_killed_at_random_moments(files):
    kill_at_random(files, 2, seed=0)


@pytest.mark.faults
def test_killed_at_twenty_random_moments(files):
    kill_at_random(files, 20, seed=1)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="no limits of file sizes there")
def test_a_disk_that_is_full_leaves_the_old_file(files):
    source, mask, target = files
    target.write_bytes(b"the old file")
    limited = """
import resource, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
"""
    command = [sys.executable, "-c", limited + _IN_A_PROCESS, *map(str, (source, target, mask))]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode != 0, done.stderr
    assert target.read_bytes() == b"the old file"
    assert not list(target.parent.glob(".*"))
