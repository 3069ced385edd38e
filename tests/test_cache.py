"""Decoded once and kept: nothing half-done left behind, nothing believed that has changed."""

import json
import os
import shutil
import subprocess
import sys
import time

import numpy as np
import pytest
from conftest import files_below, write_folder, write_zip

from eurosat_inpaint.data import archives, cache, cache_contents, cache_folder, load_tiles

KEPT = ["digests.txt", "filenames.json", "images.npy"]


def kept_files():
    return [path.name for path in files_below(cache_folder())]


def refuse(*given):
    raise AssertionError("called again")


def test_second_load_is_memory_mapped_and_decodes_nothing(archive_folder, monkeypatch):
    first = load_tiles("all", data_dir=archive_folder)
    monkeypatch.setattr(archives, "_decode", refuse)
    second = load_tiles("all", data_dir=archive_folder)
    test = load_tiles("test", data_dir=archive_folder)
    for tiles in (second, test):
        assert isinstance(tiles.images, np.memmap) and tiles.images.filename is not None
    assert second.filenames == first.filenames
    np.testing.assert_array_equal(second.images, first.images)


@pytest.mark.parametrize("write", [write_zip, write_folder])
def test_other_tiles_are_decoded_anew(tmp_path, jpegs, write):
    forest, river = "Forest_1.jpg", "River_1.jpg"
    before = load_tiles("all", data_dir=write(tmp_path / "eurosat", jpegs))
    exchanged = {**jpegs, forest: jpegs[river], river: jpegs[forest]}
    after = load_tiles("all", data_dir=write(tmp_path / "eurosat", exchanged))
    for name, other in ((forest, river), (river, forest)):
        np.testing.assert_array_equal(
            after.images[after.filenames.index(name)], before.images[before.filenames.index(other)]
        )


def test_cached_tiles_are_three_files_and_no_leftovers(archive_zip):
    load_tiles("all", data_dir=archive_zip)
    assert kept_files() == KEPT


def test_the_latest_local_archive_replaces_the_one_before(tmp_path, jpegs, monkeypatch):
    monkeypatch.setattr(archives, "SYNTHETIC_TILES", 20)
    first, second = tmp_path / "first.zip", tmp_path / "second"
    write_zip(first, jpegs)
    write_folder(second, dict(list(jpegs.items())[:30]))
    load_tiles("all", source="synthetic")
    before = np.array(load_tiles("all", data_dir=first).images)
    load_tiles("all", data_dir=second)
    kept = sorted(path.name.split("-")[0] for path in (cache_folder() / "decoded").iterdir())
    assert kept == ["local", "synthetic"]

    with monkeypatch.context() as patched:
        patched.setattr(archives, "_decode", refuse)
        assert len(load_tiles("all", source="synthetic")) == 20
        assert len(load_tiles("all", data_dir=second)) == 30
        with pytest.raises(AssertionError, match="called again"):
            load_tiles("all", data_dir=first)
    np.testing.assert_array_equal(load_tiles("all", data_dir=first).images, before)


def test_tiles_in_use_outlive_their_place_in_the_cache(tmp_path, jpegs):
    used = load_tiles("all", data_dir=write_zip(tmp_path / "first.zip", jpegs))
    before = np.array(used.images)
    some = dict(list(jpegs.items())[:30])
    load_tiles("all", data_dir=write_zip(tmp_path / "second.zip", some))
    np.testing.assert_array_equal(used.images, before)


def test_an_archive_that_cannot_be_decoded_removes_nothing(tmp_path, jpegs, monkeypatch):
    good = write_zip(tmp_path / "good.zip", jpegs)
    bad = write_zip(tmp_path / "bad.zip", {**jpegs, "Forest_2.jpg": b"1234"})
    load_tiles("all", data_dir=good)
    with pytest.raises(ValueError, match="Forest_2"):
        load_tiles("all", data_dir=bad)
    monkeypatch.setattr(archives, "_decode", refuse)
    assert len(load_tiles("all", data_dir=good)) == len(jpegs)


def test_cache_contents_are_bytes_by_kind(tmp_path, jpegs, archive_folder, monkeypatch):
    assert cache_contents() == {}
    monkeypatch.setattr(archives, "SYNTHETIC_TILES", 20)
    header, tile = 128, 64 * 64 * 3
    load_tiles("train", data_dir=archive_folder)
    assert cache_contents() == {"local": header + 60 * tile}
    load_tiles("train", source="synthetic")
    some = dict(list(jpegs.items())[:30])
    load_tiles("train", data_dir=write_zip(tmp_path / "some.zip", some))
    assert cache_contents() == {"local": header + 30 * tile, "synthetic": header + 20 * tile}


def test_two_processes_that_decode_at_the_same_time_decode_once(archive_folder, jpegs):
    script = """
import sys, time
from eurosat_inpaint.data import archives, load_tiles
decode = archives._decode
def slowly(archive):
    print("decoded", flush=True)
    time.sleep(1)
    return decode(archive)
archives._decode = slowly
print(len(load_tiles("all", data_dir=sys.argv[1])), flush=True)
"""
    command = [sys.executable, "-c", script, str(archive_folder)]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    said = "".join(one.communicate(timeout=60)[0] for one in both)
    assert said.count("decoded\n") == 1 and said.count(f"{len(jpegs)}\n") == 2
    assert kept_files() == KEPT


def test_a_process_that_hangs_is_not_waited_for_for_ever(
    archive_folder, monkeypatch, jpegs, capsys
):
    monkeypatch.setattr(cache, "_WAIT_SECONDS", 0.2)
    with cache.one_process_at_a_time("decoded", "decodes") as alone:
        assert alone
        assert len(load_tiles("all", data_dir=archive_folder)) == len(jpegs)
    assert "Another process decodes the tiles" in capsys.readouterr().out
    assert kept_files() == KEPT


def no_space(*given, **named):
    raise OSError(28, "No space left on device")


def partly_written(*given, **named):
    raise OSError("737280 requested and 4096 written")


@pytest.mark.parametrize(
    ("failing", "failure", "reason"),
    [
        ("tempfile.mkdtemp", no_space, "No space left on device"),
        ("numpy.save", no_space, "No space left on device"),
        ("numpy.save", partly_written, "737280 requested and 4096 written"),
        ("pathlib.Path.replace", no_space, "No space left on device"),
    ],
)
def test_without_room_for_the_cache_tiles_stay_in_memory(
    archive_folder, monkeypatch, capsys, failing, failure, reason
):
    kept = load_tiles("all", data_dir=archive_folder)
    expected = np.array(kept.images)
    del kept
    shutil.rmtree(cache_folder())
    monkeypatch.setattr(failing, failure)
    tiles = load_tiles("all", data_dir=archive_folder)
    np.testing.assert_array_equal(tiles.images, expected)
    assert not tiles.images.flags.writeable
    said = capsys.readouterr().out
    assert said.count("\n") == 1 and "not kept on disk" in said and reason in said
    assert kept_files() == []


# Damaged since


def images_of(folder):
    return folder / "images.npy"


def changed(name, change):
    def damage(folder):
        path = folder / name
        path.write_bytes(change(path.read_bytes()))

    return damage


def flipped(position):
    return lambda content: (
        content[:position] + bytes([content[position] ^ 1]) + content[position + 1 :]
        if position >= 0
        else content[:position] + bytes([content[position] ^ 1])
    )


def removed(name):
    return lambda folder: (folder / name).unlink()


def replaced_by_folder(name):
    def damage(folder):
        (folder / name).unlink()
        (folder / name).mkdir()

    return damage


def replaced_by_pipe(name):
    def damage(folder):
        (folder / name).unlink()
        os.mkfifo(folder / name)

    return damage


def other_names(change):
    def damage(folder):
        names = json.loads((folder / "filenames.json").read_text())
        (folder / "filenames.json").write_text(json.dumps(change(names)))

    return damage


def other_images(change):
    def damage(folder):
        images = np.load(folder / "images.npy")
        np.save(folder / "images.npy", change(images))

    return damage


def without_everything(folder):
    for path in folder.iterdir():
        path.unlink()


def a_file_instead(folder):
    without_everything(folder)
    folder.rmdir()
    folder.write_text("")


def everything_a_file(folder):
    a_file_instead(folder)
    folder.unlink()
    folder.parent.rmdir()
    folder.parent.write_text("")


def as_before_there_were_digests(folder):
    (folder / "digests.txt").unlink()


DAMAGES = {
    "images cut": changed("images.npy", lambda content: content[:-1]),
    "images empty": changed("images.npy", lambda content: b""),
    "images longer": changed("images.npy", lambda content: content + b"x"),
    "images: header flipped": changed("images.npy", flipped(60)),
    "images: first pixel flipped": changed("images.npy", flipped(128)),
    "images: last pixel flipped": changed("images.npy", flipped(-1)),
    "images: other order": other_images(lambda images: images[::-1]),
    "images: other type": other_images(lambda images: images.astype(np.float32)),
    "images: other shape": other_images(lambda images: images.reshape(-1, 64, 3, 64)),
    "images: fewer": other_images(lambda images: images[:-1]),
    "images: pickled": other_images(lambda images: np.array([{}], object)),
    "images missing": removed("images.npy"),
    "images a folder": replaced_by_folder("images.npy"),
    "images a pipe": replaced_by_pipe("images.npy"),
    "names cut": changed("filenames.json", lambda content: content[:-1]),
    "names empty": changed("filenames.json", lambda content: b""),
    "names no text": changed("filenames.json", lambda content: b"\xff" + content),
    "names: other order": other_names(sorted),
    "names: fewer": other_names(lambda names: names[1:]),
    "names: another": other_names(lambda names: ["SeaLake_1.jpg", *names[1:]]),
    "names missing": removed("filenames.json"),
    "digests cut": changed("digests.txt", lambda content: content[:-1]),
    "digests longer": changed("digests.txt", lambda content: content + b"x"),
    "digests flipped": changed("digests.txt", flipped(40)),
    "digests a pipe": replaced_by_pipe("digests.txt"),
    "before there were digests": as_before_there_were_digests,
    "an empty folder": without_everything,
    "a file for the folder": a_file_instead,
    "a file for all folders": everything_a_file,
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damage_of_what_is_kept_is_healed(archive_folder, damage, capsys, jpegs):
    first = load_tiles("all", data_dir=archive_folder)
    expected, filenames = np.array(first.images), first.filenames
    del first
    (folder,) = (cache_folder() / "decoded").iterdir()
    DAMAGES[damage](folder)
    healed = load_tiles("all", data_dir=archive_folder)
    np.testing.assert_array_equal(healed.images, expected)
    assert healed.filenames == filenames
    assert isinstance(healed.images, np.memmap) and kept_files() == KEPT
    said = capsys.readouterr().out
    assert ("are damaged" in said) == (damage != "a file for all folders")


def test_unchanged_files_are_read_once_per_process(archive_folder, monkeypatch):
    load_tiles("all", data_dir=archive_folder)
    monkeypatch.setattr(cache.hashlib, "file_digest", refuse)
    load_tiles("test", data_dir=archive_folder)


# Killed


def test_what_killed_processes_left_is_cleared(archive_folder, jpegs):
    load_tiles("all", data_dir=archive_folder)
    for name in ("partial-1a2b3c", "partial-file"):
        (cache_folder() / "decoded" / name).mkdir()
        (cache_folder() / "decoded" / name / "images.npy").write_bytes(b"half of it")
    assert cache_contents() == {"local": 128 + len(jpegs) * 64 * 64 * 3}
    load_tiles("all", data_dir=archive_folder)
    assert kept_files() == KEPT


KILLED = """
import sys
from eurosat_inpaint.data import load_tiles
print("begins", flush=True)
load_tiles("all", data_dir=sys.argv[1])
"""


def killed_while_it_decodes(folder, seconds):
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(folder)], stdout=subprocess.PIPE, text=True
    )
    process.stdout.readline()
    time.sleep(seconds)
    process.kill()
    process.communicate()


def kill_and_load(folder, expected, kills):
    random = np.random.default_rng(0)
    for _ in range(kills):
        killed_while_it_decodes(folder, random.uniform(0, 0.3))
        tiles = load_tiles("all", data_dir=folder)
        np.testing.assert_array_equal(tiles.images, expected)
        assert kept_files() == KEPT
        shutil.rmtree(cache_folder())


@pytest.mark.slow
def test_decoding_killed_at_random_moments(archive_folder):
    expected = np.array(load_tiles("all", data_dir=archive_folder).images)
    shutil.rmtree(cache_folder())
    kill_and_load(archive_folder, expected, kills=5)


@pytest.mark.faults
def test_decoding_killed_fifty_times(archive_folder):
    expected = np.array(load_tiles("all", data_dir=archive_folder).images)
    shutil.rmtree(cache_folder())
    kill_and_load(archive_folder, expected, kills=50)


# Places that cannot be used


def closed_folder(tmp_path):
    """A folder that nothing can be made in, as another user's is; root may write in any other."""
    if os.geteuid() == 0:
        return "/sys/kernel"
    (tmp_path / "closed").mkdir(mode=0)
    return str(tmp_path / "closed")


@pytest.mark.parametrize("place", ["no home", "below a file", "closed"])
def test_without_a_place_tiles_stay_in_memory(archive_folder, monkeypatch, tmp_path, place, capsys):
    expected = np.array(load_tiles("all", data_dir=archive_folder).images)
    (tmp_path / "file").touch()
    if place == "no home":
        monkeypatch.delenv("XDG_CACHE_HOME")
        monkeypatch.setattr("os.path.expanduser", lambda path: path)
        reason = "no home folder"
    else:
        reason = str(tmp_path / "file") if place == "below a file" else closed_folder(tmp_path)
        monkeypatch.setenv("XDG_CACHE_HOME", reason)
    capsys.readouterr()
    tiles = load_tiles("all", data_dir=archive_folder)
    np.testing.assert_array_equal(tiles.images, expected)
    assert not tiles.images.flags.writeable
    said = capsys.readouterr().out
    assert said.count("\n") == 1 and "not kept on disk" in said and reason in said


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_what_may_not_be_read_is_decoded_anew(archive_folder, jpegs):
    load_tiles("all", data_dir=archive_folder)
    (folder,) = (cache_folder() / "decoded").iterdir()
    (folder / "images.npy").chmod(0)
    assert len(load_tiles("all", data_dir=archive_folder)) == len(jpegs)
    assert (folder / "images.npy").stat().st_mode & 0o400
