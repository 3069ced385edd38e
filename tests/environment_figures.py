"""What has to be the same everywhere, bit for bit, as digests, and the scores of a shipped network.

Run by ``test_environments.py`` here, by ``tools/environments.py`` in environments of other versions
and backends. Prints JSON.
"""

import hashlib
import json
import sys

import numpy as np

import eurosat_inpaint as ei

SETTINGS = {
    "line_masks": [{}, {"thickness": 3, "lines": 4}, {"size": 96}],
    "free_line_masks": [{}, {"size": 96}],
    "scan_line_gap_masks": [{}, {"size": 96}],
    "cloud_masks": [{}, {"size": 96}],
    "box_masks": [{}, {"size": 96, "coverage": 0.5}],
    "brush_stroke_masks": [{}, {"size": 96, "coverage": 0.5}],
    "random_pixel_masks": [{}, {"size": 96}],
    "dead_column_masks": [{}, {"size": 96, "coverage": 0.5}],
}


def digest(*arrays):
    whole = hashlib.sha256()
    for array in arrays:
        array = np.ascontiguousarray(array)
        whole.update(f"{array.dtype.str} {array.shape}".encode())
        whole.update(array.tobytes())
    return whole.hexdigest()[:16]


def digests():
    found = {}
    for name, variants in SETTINGS.items():
        for number, settings in enumerate(variants):
            found[f"{name} {number}"] = digest(getattr(ei.masks, name)(20, seed=7, **settings))
    images, labels, filenames = ei.data.synthetic_tiles(60, seed=5)
    found["synthetic tiles"] = digest(images, labels)
    found["their names"] = digest(np.array(filenames))
    found["their splits"] = digest(np.array([ei.data.split_of(name) for name in filenames]))
    found["a subset of them"] = digest(ei.data.stratified_subset(labels, 20, seed=3))
    batches = ei.training.MaskedTileBatches(images, 16, seed=2)
    for number in (0, 1, 5, 40):
        (masked, masks), tiles = batches.batch(number)
        found[f"batch {number}"] = digest(masked, masks, tiles)
    clouds = ei.training.MaskedTileBatches(
        images, 16, seed=2, draw_masks=ei.masks.cloud_masks, mask_input=False
    )
    found["a batch under clouds"] = digest(*clouds.batch(3))
    found["the packed lines"] = digest(
        ei.masks.packed_lines(np.array([[1, 9]]), np.array([[4, 60]]), size=64, thickness=2)
    )
    return found


def scores():
    """Of the shipped U-Net and of push-pull, loaded, restoring and compared."""
    images, _, _ = ei.data.synthetic_tiles(20, seed=5)
    masks = ei.masks.line_masks(20, seed=7)
    methods = {"unet": ei.pretrained.load("unet"), "push-pull": ei.baselines.push_pull}
    found = {
        row["name"]: {name: row[name]["value"] for name in ("mse", "ssim", "gradient_ratio")}
        for row in ei.metrics.compare(methods, images, masks)
    }
    restored = ei.inpaint(images, masks)
    found["known pixels kept"] = bool(np.array_equal(restored * masks, images * masks))
    return found


if __name__ == "__main__":
    json.dump({"digests": digests(), "scores": scores()}, sys.stdout, indent=4)
