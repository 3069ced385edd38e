"""Whole scenes: how well they are restored, whether windows show, and what it costs.

EUROSAT_INPAINT_SCENES=path/to/scenes python benchmarks/scenes.py quality
EUROSAT_INPAINT_SCENES=path/to/scenes python benchmarks/scenes.py seams
python benchmarks/scenes.py cost --sides 2000 10980
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

# What TensorFlow has to say while it starts is of no use on a command line.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
from _measure import print_table
from _real_scenes import (
    block_errors,
    by_fillnodata,
    by_push_pull,
    landsat,
    relative_difference,
    restored_by,
    sentinel2,
)

import eurosat_inpaint as ei

# Of the bands of Sentinel-2, all but red, green and blue.
OTHER_BANDS = ("B01", "B05", "B06", "B07", "B08", "B8A", "B09", "B10", "B11", "B12")
_BAND_NUMBERS = (1, 5, 6, 7, 8, 9, 10, 11, 12, 13)
NEAR = 12
# Pixels between the places of the grid over which seams are averaged.
SHIFT = 5
PART_ROWS = 512
# A process of its own: its largest memory is asked for when it has ended.
_RESTORE = """
import sys
from eurosat_inpaint import scenes

scenes.restore_file(*sys.argv[1:4], model=sys.argv[4], scale=(0, 2750))
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="unet_any")
    commands = parser.add_subparsers(required=True, metavar="quality | seams | cost")
    commands.add_parser("quality").set_defaults(command=quality)
    commands.add_parser("seams").set_defaults(command=seams)
    command = commands.add_parser("cost")
    command.set_defaults(command=cost)
    command.add_argument("--sides", type=int, nargs="+", default=[2000])
    options = parser.parse_args()
    options.command(options)


def quality(options):
    """Errors against push-pull and GDAL's fill, paired over blocks."""
    restore = restored_by(options.model)
    rows = []
    for name, cases, nearest in (
        ("Landsat, real scan-line gaps", [landsat()], None),
        ("Sentinel-2, real clouds", list(sentinel2()), None),
        (f"Sentinel-2, within {NEAR} pixels of the rim", list(sentinel2()), NEAR),
    ):
        rows.append((name, *compared(restore, cases, nearest)))
    for band, number in zip(OTHER_BANDS, _BAND_NUMBERS, strict=True):
        rows.append((f"Sentinel-2, {band} alone", *compared(restore, list(sentinel2((number,))))))
    header = ("scene", "MSE in the holes", "push-pull's", "against it, %", "against GDAL's fill, %")
    notes = f"{options.model}; 95 % intervals, paired over blocks of 64 x 64 pixels."
    print_table(header, rows, notes)


def compared(restore, cases, nearest=None):
    """Cells of a row."""
    sums = []
    for by in (restore, by_push_pull, by_fillnodata):
        parts = [block_errors(case, by(case), nearest) for case in cases]
        errors = np.concatenate([errors.mean(axis=1) for errors, _ in parts])
        counts = np.concatenate([counts for _, counts in parts])
        sums.append(errors)
    means = [f"{errors.sum() / counts.sum():.6f}" for errors in sums[:2]]
    return *means, *(cell(relative_difference(sums[0], reference)) for reference in sums[1:])


def cell(found):
    difference, low, high = (100 * found[part] for part in ("difference", "low", "high"))
    return f"{difference:+.1f} [{low:+.1f}, {high:+.1f}]"


def seams(options):
    """Mean gradient across the borders of windows over that elsewhere, in the holes.

    The grid is shifted over the scene: what is a border once is none the other times.
    """
    rows = []
    for name, cases in (("Landsat", [landsat()]), ("Sentinel-2", list(sentinel2()))):
        ratios = seam_ratios(restored_by(options.model), cases)
        rows.append((name, *(f"{ratio:.3f}" for ratio in ratios)))
    print_table(("scene", "restored", "true"), rows, f"{options.model}; 1 is no seam.")


def seam_ratios(restore, cases):
    """Of the restored scenes, and of the true ones."""
    sums = np.zeros((2, 4))
    for shift in range(0, ei.scenes.STRIDE, SHIFT):
        for case in cases:
            more = [(shift, 0), (shift, 0)]
            scene = np.pad(case.scene, [*more, (0, 0)], mode="edge")
            shifted = replace(case, scene=scene, known=np.pad(case.known, more))
            # Neither what was added nor what is left is judged.
            judged = ei.scenes.provenance(shifted.known) == 1
            judged[:shift], judged[:, :shift] = False, False
            sums += [gradients(picture, judged) for picture in (restore(shifted), scene)]
    return [a / n_a / (b / n_b) for a, n_a, b, n_b in sums]


def gradients(scene, judged):
    """Sums and numbers of differences of judged neighbours, across borders and elsewhere."""
    found = np.zeros(4)
    for axis in (0, 1):
        values = np.moveaxis(scene.astype(float), axis, 0)
        holes = np.moveaxis(judged, axis, 0)
        magnitude = np.abs(np.diff(values, axis=0)).mean(axis=-1)
        both = holes[1:] & holes[:-1]
        places = np.arange(1, len(values)) % ei.scenes.STRIDE
        border = np.isin(places, (0, ei.scenes.SIDE % ei.scenes.STRIDE))
        for start, chosen in ((0, border), (2, ~border)):
            found[start] += (magnitude * both)[chosen].sum()
            found[start + 1] += both[chosen].sum()
    return found


def cost(options):
    """Time and memory of files, against the smallest of them, and the time of GDAL's fill."""
    rows = []
    least = None
    for side in options.sides:
        with tempfile.TemporaryDirectory() as folder:
            source, mask = made_files(Path(folder), side)
            megapixels, share = side**2 / 1e6, share_of_holes(mask)
            began = time.perf_counter()
            memory = restored_in_a_process(source, Path(folder) / "out.tif", mask, options.model)
            seconds = time.perf_counter() - began
            gdal = seconds_of_fillnodata(source, mask)
        least = least or memory
        per_minute = megapixels / (seconds / 60) / os.cpu_count()
        rows.append(
            (
                f"{side:,} x {side:,}",
                f"{share:.0%}",
                f"{memory / 2**30:.2f}",
                f"{memory / least:.2f}",
                f"{seconds / megapixels:.1f}",
                f"{per_minute:.1f}",
                f"{gdal / megapixels:.2f}",
            )
        )
    header = ("pixels", "holes", "GiB at most", "over the first", "s/megapixel")
    header += ("megapixels a minute and core", "GDAL's fill, s/megapixel")
    print_table(header, rows, f"{options.model}; three bands of uint16, clouds.")


def made_files(folder, side):
    """A scene made of synthetic tiles, three bands of uint16, and its clouds; paths of both."""
    import rasterio

    tiles = ei.data.synthetic_tiles(400)[0].astype(np.uint16) * 10
    random = np.random.default_rng(0)
    # A cloud of 2,048 pixels at an eighth of the resolution, laid side by side.
    cloud = ei.masks.cloud_masks(1, 2048 // 8, coverage=0.8, scale=24, seed=0)[0, ..., 0] == 0
    cloud = cloud.repeat(8, axis=0).repeat(8, axis=1)
    shared = {"driver": "GTiff", "width": side, "height": side, "crs": "EPSG:32633"}
    shared |= {"tiled": True, "blockxsize": 256, "blockysize": 256, "compress": "deflate"}
    shared |= {"transform": rasterio.Affine(10, 0, 465_000, 0, -10, 5_080_000)}
    scene, mask = folder / "scene.tif", folder / "mask.tif"
    with (
        rasterio.open(scene, "w", count=3, dtype="uint16", **shared) as pictures,
        rasterio.open(mask, "w", count=1, dtype="uint8", **shared) as masks,
    ):
        for top in range(0, side, PART_ROWS):
            height = min(PART_ROWS, side - top)
            chosen = tiles[random.integers(len(tiles), size=(PART_ROWS // 64, -(-side // 64)))]
            strip = chosen.transpose(0, 2, 1, 3, 4).reshape(PART_ROWS, -1, 3)[:height, :side]
            rows = np.arange(top, top + height) % 2048
            holes = cloud[rows][:, np.arange(side) % 2048]
            window = rasterio.windows.Window(0, top, side, height)
            pictures.write(strip.transpose(2, 0, 1), window=window)
            masks.write(holes.astype(np.uint8)[None], window=window)
    return scene, mask


def share_of_holes(mask):
    import rasterio

    with rasterio.open(mask) as file:
        return file.read(1).mean()


def restored_in_a_process(source, target, mask, model):
    """Bytes of memory that it took at most."""
    command = [sys.executable, "-c", _RESTORE, *map(str, (source, target, mask)), model]
    subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024


def seconds_of_fillnodata(source, mask):
    """Of a corner of at most 2,000 x 2,000 pixels, scaled to the whole: it wants all in memory."""
    import rasterio
    from rasterio.fill import fillnodata

    with rasterio.open(source) as scene, rasterio.open(mask) as holes:
        side = min(2000, scene.width)
        window = rasterio.windows.Window(0, 0, side, side)
        values, known = scene.read(window=window), holes.read(1, window=window) == 0
        began = time.perf_counter()
        for band in values:
            fillnodata(band.astype(np.float32), known.astype(np.uint8), max_search_distance=100)
        return (time.perf_counter() - began) * (scene.width / side) ** 2


if __name__ == "__main__":
    main()
