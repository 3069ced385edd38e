"""Scenes as arrays: whatever is known stays, whatever is a hole is filled, however it is cut."""

import numpy as np
import pytest
from helpers_scenes import made_known, made_scene

import eurosat_inpaint as ei
from eurosat_inpaint.scenes import SIDE, STRIDE, provenance, restore, restoring, windows

da = pytest.importorskip("dask.array", reason="Dask is not installed")


@pytest.mark.parametrize("first", [-100, -1, 0, 1, 24, 25, 26, 500])
@pytest.mark.parametrize("length", [1, 30, 64, 200])
def test_origins_are_those_of_all_windows_that_touch(first, length):
    expected = [
        at
        for at in range(-1000, 1000)
        if at % STRIDE == 0 and at < first + length and at + SIDE > first
    ]
    assert list(windows.origins(first, first + length)) == expected


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int16, np.float32, np.float64])
@pytest.mark.parametrize("bands", [1, 3, 4])
def test_known_pixels_stay_and_holes_are_filled(dtype, bands):
    scene, known = made_scene(90, 130, bands, dtype), made_known(90, 130)
    given = scene.copy()
    restored = restore(
        scene, known, model="push_pull", scale=None if dtype == np.uint8 else (0, 2750)
    )
    np.testing.assert_array_equal(scene, given)
    assert restored.dtype == dtype and restored.shape == scene.shape
    np.testing.assert_array_equal(restored[known], scene[known])
    holes = ~known
    error = np.abs(restored[holes].astype(float) - scene[holes]).mean()
    assert error < 0.7 * np.abs(scene[holes] - scene[known].mean(axis=0)).mean()


def test_what_holes_hold_is_never_looked_at():
    scene, known = made_scene(dtype=np.float32), made_known()
    expected = restore(scene, known, model="push_pull", scale=(0, 2750))
    for junk in (np.nan, np.inf, -9999.0):
        changed = np.where(known[..., None], scene, np.float32(junk))
        found = restore(changed, known, model="push_pull", scale=(0, 2750))
        np.testing.assert_array_equal(found, expected)


def test_a_flat_scene_stays_flat():
    scene = np.full((100, 100, 3), 77, np.uint8)
    known = made_known(100, 100)
    np.testing.assert_array_equal(restore(scene, known, model="push_pull"), scene)


def test_a_network_alone_in_a_window_is_what_a_scene_of_one_tile_is_blended_of():
    """A method that answers by the mean of what is known gives a blend of such means."""
    scene, known = made_scene(64, 64), made_known(64, 64)

    def mean(masked, masks):
        colours = masked.sum(axis=(1, 2), keepdims=True) / masks.sum(axis=(1, 2), keepdims=True)
        return np.broadcast_to(colours, masked.shape).astype(np.float32)

    sums, weights = np.zeros((64, 64, 3)), np.zeros((64, 64, 1))
    bell = np.sin(np.pi * (np.arange(SIDE) + 0.5) / SIDE) ** 1.2
    for top in windows.origins(0, 64):
        for left in windows.origins(0, 64):
            rows, columns = np.arange(top, top + SIDE), np.arange(left, left + SIDE)
            inside = np.ix_(
                rows[(rows >= 0) & (rows < 64)], columns[(columns >= 0) & (columns < 64)]
            )
            if not known[inside].any() or known[inside].all():
                continue
            weight = np.outer(bell[inside[0].ravel() - top], bell[inside[1].ravel() - left])
            weight = weight[..., None] * known[inside].sum() / SIDE**2
            sums[inside] += weight * (scene[inside] / 255)[known[inside]].mean(axis=0)
            weights[inside] += weight
    holes = ~known
    expected = (255 * sums / weights)[holes]
    found = restore(scene, known, model=mean)[holes]
    np.testing.assert_allclose(found, expected, atol=0.51)


CHUNKS = {
    "whole": (150, 210),
    "64": (64, 64),
    "100 x 37": (100, 37),
    "512": (512, 512),
    "1 row": (29, 210),
}


@pytest.fixture(scope="module")
def restored_whole():
    return restore(made_scene(), made_known(), model="unet")


@pytest.mark.slow
@pytest.mark.parametrize("scheduler", ["threads", "synchronous"])
@pytest.mark.parametrize("chunks", CHUNKS)
def test_any_chunks_give_the_same_bits(chunks, scheduler, restored_whole):
    scene = da.from_array(made_scene(), chunks=(*CHUNKS[chunks], 3))
    restored = restore(scene, made_known(), model="unet")
    assert restored.chunks == scene.chunks and restored.dtype == scene.dtype
    np.testing.assert_array_equal(restored.compute(scheduler=scheduler), restored_whole)


def test_parts_of_a_large_array_give_the_same_bits(monkeypatch):
    scene, known = made_scene(), made_known()
    expected = restore(scene, known, model="push_pull")
    monkeypatch.setattr(restoring, "PART", 40)
    np.testing.assert_array_equal(restore(scene, known, model="push_pull"), expected)


@pytest.mark.parametrize("bands", [(2, 1), (1, 1, 1)])
def test_bands_and_masks_may_be_chunks_of_their_own(bands):
    scene, known = made_scene(), made_known()
    given = da.from_array(scene, chunks=(100, 100, bands))
    restored = restore(given, da.from_array(known, chunks=(30, 80)), model="push_pull")
    assert restored.chunks == given.chunks
    np.testing.assert_array_equal(restored.compute(), restore(scene, known, model="push_pull"))


def test_dask_computes_nothing_before_it_is_asked(monkeypatch):
    def fail(*_, **__):
        raise AssertionError("computed")

    monkeypatch.setattr(restoring, "restored_block", fail)
    restored = restore(da.from_array(made_scene(), chunks=64), made_known(), model="unet")
    with pytest.raises(AssertionError, match="computed"):
        restored.compute()


@pytest.mark.slow
def test_two_processes_give_the_same_bits_and_get_no_network(restored_whole):
    distributed = pytest.importorskip("distributed")
    scene = da.from_array(made_scene(), chunks=(64, 64, 3))
    restored = restore(scene, made_known(), model="unet")
    settings = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": None}
    with (
        distributed.LocalCluster(**settings) as cluster,
        distributed.Client(cluster) as client,
    ):
        sizes = [len(distributed.protocol.pickle.dumps(task)) for task in [restored.dask]]
        np.testing.assert_array_equal(client.compute(restored).result(), restored_whole)
    # Of the network there is its name: its weights alone take 5 MB.
    assert max(sizes) < made_scene().nbytes * 4 + 500_000


def test_bands_one_by_one_each_by_its_own_mask():
    scene = made_scene(bands=2)
    known = np.stack([made_known(seed=1), made_known(seed=2)], axis=-1)
    restored = restore(scene, known, model="push_pull")
    for band in (0, 1):
        alone = restore(scene[..., band : band + 1], known[..., band], model="push_pull")
        np.testing.assert_array_equal(restored[..., band], alone[..., 0])


def test_a_mask_for_each_band_that_is_the_same_leaves_the_known_pixels():
    scene, known = made_scene(), made_known()
    restored = restore(scene, np.repeat(known[..., None], 3, axis=2), model="push_pull")
    np.testing.assert_array_equal(restored[known], scene[known])


def test_values_beyond_the_scale_are_kept_where_known():
    scene, known = made_scene(dtype=np.uint16), made_known()
    scene[::7] += 9000
    restored = restore(scene, known, model="push_pull", scale=(0, 2750))
    np.testing.assert_array_equal(restored[known], scene[known])
    assert restored[~known].max() <= 2750


def test_scale_from_percentiles_is_said(capsys):
    scene, known = made_scene(dtype=np.uint16), made_known()
    low, high = np.percentile(scene[known], [0.5, 99.5])
    restored = restore(scene, known, model="push_pull")
    assert f"Scale: {low:g} to {high:g}" in capsys.readouterr().out
    expected = restore(scene, known, model="push_pull", scale=(low, high))
    np.testing.assert_array_equal(restored, expected)


def test_a_hole_without_end_is_left_and_said(capsys):
    scene = made_scene(64, 300)
    known = np.zeros((64, 300), bool)
    known[:, :10] = True
    restored = restore(scene, known, model="push_pull")
    left = provenance(known) == 2
    assert left[:, 100:].all() and not left[:, : 10 + SIDE - STRIDE].any()
    np.testing.assert_array_equal(restored[left], scene[left])
    assert f"{left.sum():,} pixels are too far" in capsys.readouterr().out


def test_provenance_is_what_restoring_does():
    scene, known = np.full((200, 200, 3), 9, np.uint8), np.zeros((200, 200), bool)
    known[150:, 20] = True
    scene[known] = 200
    restored = restore(scene, known, model="push_pull")
    found = provenance(known)
    np.testing.assert_array_equal(restored[..., 0] == 200, found != 2)
    np.testing.assert_array_equal(found == 0, known)


SCENE, KNOWN = np.zeros((70, 70, 3), np.uint8), np.arange(4900).reshape(70, 70) % 3 > 0
REFUSED = {
    "list": (TypeError, "scene must be a NumPy or Dask array, got list", [[1]], KNOWN, {}),
    "masked array": (TypeError, "masked array", np.ma.array(SCENE), KNOWN, {}),
    "two axes": (
        ValueError,
        r"scene must have shape \(height, width, bands\)",
        SCENE[0],
        KNOWN,
        {},
    ),
    "empty": (ValueError, "scene must have shape", SCENE[:0], KNOWN[:0], {}),
    "complex": (TypeError, "float64, got complex128", SCENE.astype(complex), KNOWN, {}),
    "64 bits": (TypeError, "got int64", SCENE.astype(np.int64), KNOWN, {}),
    "half": (TypeError, "got float16", SCENE.astype(np.float16), KNOWN, {}),
    "mask of numbers": (TypeError, "known must be an array of bool", SCENE, KNOWN * 1, {}),
    "mask of lists": (TypeError, "known must be an array of bool", SCENE, KNOWN.tolist(), {}),
    "other shape": (ValueError, "known must have shape", SCENE, KNOWN[:-1], {}),
    "nothing known": (ValueError, "at least one known pixel", SCENE, KNOWN & False, {}),
    "unknown model": (ValueError, "model must be one of", SCENE, KNOWN, {"model": "vnet"}),
    "classifier": (ValueError, "model must be one of", SCENE, KNOWN, {"model": "classifier"}),
    "no model": (TypeError, "model must be a Keras network", SCENE, KNOWN, {"model": 3}),
    "scale of one": (ValueError, "scale must be a pair", SCENE, KNOWN, {"scale": (1,)}),
    "scale falls": (ValueError, "low < high", SCENE, KNOWN, {"scale": (9, 1)}),
    "scale of text": (
        ValueError,
        r"scale\[0\] must be a number",
        SCENE,
        KNOWN,
        {"scale": "ab"[:0] or ("a", 1)},
    ),
    "NaN known": (
        ValueError,
        "scene must be finite",
        np.full((70, 70, 1), np.nan),
        KNOWN,
        {"scale": (0, 1)},
    ),
    "flat": (ValueError, "do not differ", SCENE.astype(np.uint16), KNOWN, {}),
}


@pytest.mark.parametrize("case", REFUSED)
def test_wrong_arguments_are_named(case):
    error, message, scene, known, settings = REFUSED[case]
    with pytest.raises(error, match=message):
        restore(scene, known, **{"model": "push_pull"} | settings)


def test_dask_wants_a_scale_and_a_name():
    scene = da.from_array(made_scene(dtype=np.uint16), chunks=64)
    with pytest.raises(ValueError, match="scale must be given for a Dask array of uint16"):
        restore(scene, made_known(), model="push_pull")
    with pytest.raises(TypeError, match="model must be a name"):
        restore(scene, made_known(), model=ei.baselines.push_pull, scale=(0, 1))


@pytest.mark.parametrize(
    "known", [np.ones((3, 3)), np.ones((3, 3, 3), bool), np.ones((0, 3), bool)]
)
def test_provenance_refuses_other_masks(known):
    with pytest.raises((TypeError, ValueError), match="^known must"):
        provenance(known)
