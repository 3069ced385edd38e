"""EuroSAT as TFDS prepares it, handed the archive from the mirror."""

import os
import shutil
import socket

import numpy as np
import pytest
from conftest import files_below

from eurosat_inpaint.data import NoNetworkError, archives, cache_folder, load_tiles
from eurosat_inpaint.data import mirror as mirror_module

REAL_SHA256 = mirror_module.ARCHIVE_SHA256


def refuse(*given):
    raise AssertionError("called again")


@pytest.fixture
def tfds_accepts(monkeypatch):
    """Make TFDS take a tiny archive for EuroSAT: its recorded checksum becomes the file's own."""
    import tensorflow_datasets as tfds
    from tensorflow_datasets.core.download import checksums

    def accept(path):
        url = "http://madm.dfki.de/files/sentinel/EuroSAT.zip"
        for recorded in (tfds.builder_cls("eurosat").url_infos, checksums.get_all_url_infos()):
            assert recorded[url].checksum == REAL_SHA256
            info = checksums.compute_url_info(path)
            info.filename = "EuroSAT.zip"
            monkeypatch.setitem(recorded, url, info)

    return accept


@pytest.mark.slow
def test_tfds_is_handed_the_archive_and_gives_the_same_tiles(
    mirror, tfds_accepts, archive_folder, tmp_path, monkeypatch
):
    looked_up, look_up = [], socket.getaddrinfo

    def look_up_here(host, *given, **named):
        if host not in ("127.0.0.1", "localhost"):
            looked_up.append(host)
        return look_up(host, *given, **named)

    monkeypatch.setattr(socket, "getaddrinfo", look_up_here)
    tfds_accepts(mirror.file)
    folder = tmp_path / "tfds"
    tiles = load_tiles("all", source="tfds", data_dir=folder)
    expected = load_tiles("all", data_dir=archive_folder)
    assert tiles.source == "tfds" and tiles.filenames == expected.filenames
    np.testing.assert_array_equal(tiles.images, expected.images)
    np.testing.assert_array_equal(tiles.labels, expected.labels)
    assert looked_up == [] and mirror.downloads == 1

    # Prepared, it is there for `auto` too, without the mirror.
    monkeypatch.setenv("TFDS_DATA_DIR", str(folder))
    monkeypatch.setattr(mirror_module, "fetch_mirror", refuse)
    shutil.rmtree(cache_folder())
    again = load_tiles("all")
    assert again.source == "tfds" and again.filenames == expected.filenames
    np.testing.assert_array_equal(again.images, expected.images)


@pytest.mark.slow
def test_an_archive_put_there_by_hand_is_not_fetched(mirror, tfds_accepts, tmp_path, jpegs):
    tfds_accepts(mirror.file)
    by_hand = tmp_path / "tfds" / "downloads" / "manual" / "EuroSAT.zip"
    by_hand.parent.mkdir(parents=True)
    shutil.copyfile(mirror.file, by_hand)
    tiles = load_tiles("all", source="tfds", data_dir=tmp_path / "tfds")
    assert len(tiles) == len(jpegs) and mirror.downloads == 0


def test_a_wrong_archive_put_there_by_hand_is_refused(mirror, tmp_path):
    by_hand = tmp_path / "downloads" / "manual" / "EuroSAT.zip"
    by_hand.parent.mkdir(parents=True)
    by_hand.write_bytes(b"garbage")
    with pytest.raises(ValueError, match=r"manual.EuroSAT\.zip has a wrong checksum"):
        load_tiles(source="tfds", data_dir=tmp_path)
    assert archives.prepared_tfds_folder(tmp_path) is None


def test_tfds_without_a_network_says_so_and_leaves_nothing(tmp_path):
    with pytest.raises(NoNetworkError, match=mirror_module.OFFLINE_VARIABLE):
        load_tiles(source="tfds", data_dir=tmp_path / "tfds")
    assert files_below(tmp_path) == []


def test_a_file_is_no_data_folder_for_tfds(archive_zip):
    with pytest.raises(ValueError, match="^data_dir "):
        load_tiles(source="tfds", data_dir=archive_zip)


def test_a_tfds_folder_counts_only_when_it_is_complete(tmp_path, monkeypatch):
    configuration = tmp_path / "eurosat" / "rgb"
    for name in ("incomplete.QX1_2.0.0", "2.0.0.incompleteQX1"):
        (configuration / name).mkdir(parents=True)
        (configuration / name / "dataset_info.json").write_text("{}")
    assert archives.prepared_tfds_folder(tmp_path) is None
    (configuration / "2.0.0").mkdir()
    assert archives.prepared_tfds_folder(tmp_path) == configuration / "2.0.0"
    monkeypatch.setenv("TFDS_DATA_DIR", os.fspath(tmp_path))
    assert archives.prepared_tfds_folder() == configuration / "2.0.0"
