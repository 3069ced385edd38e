"""Archives: decoded once, fetched once, and nothing half-done left behind."""

import hashlib
import logging
import os
import shutil
import socket
import subprocess
import sys
import threading

import numpy as np
import pooch
import pytest
import requests
from conftest import files_below, write_folder, write_zip

from eurosat_inpaint.data import NoNetworkError, archives, cache_contents, cache_folder, load_tiles
from eurosat_inpaint.data import mirror as mirror_module

REAL_SHA256 = mirror_module.ARCHIVE_SHA256


# Decoded once


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


def test_cached_tiles_are_two_files_and_no_leftovers(archive_zip):
    load_tiles("all", data_dir=archive_zip)
    assert [path.name for path in files_below(cache_folder())] == ["filenames.json", "images.npy"]


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


def test_two_processes_that_decode_at_the_same_time(archive_folder, monkeypatch, jpegs):
    """The other one finishes while this one still decodes: the worst moment."""
    decode = archives._decode

    def decode_after_the_other(archive):
        script = (
            "import sys; from eurosat_inpaint import data; data.load_tiles(data_dir=sys.argv[1])"
        )
        subprocess.run([sys.executable, "-c", script, str(archive_folder)], check=True)
        assert len(files_below(cache_folder())) == 2
        yield from decode(archive)

    monkeypatch.setattr(archives, "_decode", decode_after_the_other)
    tiles = load_tiles("all", data_dir=archive_folder)
    assert isinstance(tiles.images, np.memmap) and len(tiles) == len(jpegs)
    assert len(files_below(cache_folder())) == 2
    assert len(list((cache_folder() / "decoded").iterdir())) == 1


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
    assert files_below(cache_folder()) == []


# Fetched once


@pytest.fixture
def mirror(tmp_path, jpegs, monkeypatch):
    """A mirror without a network, that holds a tiny archive; it counts what it is asked."""

    class Mirror:
        file = write_zip(tmp_path / "mirrored.zip", jpegs)
        asked = 0
        downloads = 0

        def head(self, url, **named):
            assert url == mirror_module.MIRROR_URL
            self.asked += 1
            response = requests.Response()
            response.status_code = 200
            return response

        def downloader(self, **named):
            def download(url, output_file, pooch_or_none):
                assert url == mirror_module.MIRROR_URL
                self.downloads += 1
                shutil.copyfile(self.file, output_file)

            return download

    here = Mirror()
    monkeypatch.delenv(mirror_module.OFFLINE_VARIABLE)
    monkeypatch.setattr(
        mirror_module, "ARCHIVE_SHA256", hashlib.sha256(here.file.read_bytes()).hexdigest()
    )
    monkeypatch.setattr(requests, "head", lambda *given, **named: here.head(*given, **named))
    monkeypatch.setattr(pooch, "HTTPDownloader", here.downloader)
    return here


def test_the_archive_is_fetched_once_and_kept(mirror, jpegs, capsys):
    tiles = load_tiles("all", source="mirror")
    assert tiles.source == "mirror" and sorted(tiles.filenames) == sorted(jpegs)
    assert (cache_folder() / "EuroSAT.zip").read_bytes() == mirror.file.read_bytes()
    assert load_tiles("train").source == "mirror"
    assert (mirror.asked, mirror.downloads) == (1, 1)
    assert "Fetching EuroSAT" in capsys.readouterr().out


def test_fetching_names_no_folder_of_this_machine(mirror, capsys):
    """Pooch's log would, in the outputs of notebooks."""
    log, records = pooch.get_logger(), []
    handler = logging.Handler()
    handler.emit = records.append
    log.addHandler(handler)
    try:
        load_tiles("all", source="mirror")
        log.info("others may still use it")
    finally:
        log.removeHandler(handler)
    assert [record.getMessage() for record in records] == ["others may still use it"]
    said = capsys.readouterr()
    assert str(cache_folder()) not in said.out + said.err


def test_a_kept_archive_needs_no_network(mirror, monkeypatch):
    load_tiles("all", source="mirror")
    monkeypatch.setenv(mirror_module.OFFLINE_VARIABLE, "1")
    assert load_tiles("all").source == "mirror"
    assert mirror.asked == 1


def test_an_archive_lost_since_it_was_fetched_is_fetched_again(mirror):
    load_tiles("all", source="mirror")
    shutil.rmtree(cache_folder())
    load_tiles("all", source="mirror")
    assert mirror.downloads == 2


@pytest.mark.parametrize("value", ["1", "yes"])
def test_the_offline_switch_keeps_it_from_asking(mirror, monkeypatch, value):
    monkeypatch.setenv(mirror_module.OFFLINE_VARIABLE, value)
    with pytest.raises(NoNetworkError, match=mirror_module.OFFLINE_VARIABLE):
        load_tiles(source="mirror")
    assert mirror.asked == 0


@pytest.mark.parametrize("value", ["", "0"])
def test_the_offline_switch_can_be_off(mirror, monkeypatch, value):
    monkeypatch.setenv(mirror_module.OFFLINE_VARIABLE, value)
    load_tiles(source="mirror")
    assert mirror.asked == 1


def fail_with(problem):
    def head(self, url, **named):
        self.asked += 1
        raise problem

    return head


def answer(status):
    def head(self, url, **named):
        self.asked += 1
        response = requests.Response()
        response.status_code = status
        return response

    return head


@pytest.mark.parametrize(
    ("head", "reason"),
    [
        (fail_with(requests.exceptions.ConnectionError("refused")), "cannot be reached"),
        (fail_with(requests.exceptions.ConnectTimeout("slow")), "cannot be reached"),
        (fail_with(OSError("could not find a suitable TLS CA bundle")), "cannot be reached"),
        (fail_with(UnicodeError("label too long")), "cannot be reached"),
        (answer(503), "answered 503"),
    ],
)
def test_that_there_is_no_network_is_found_out_once(mirror, monkeypatch, head, reason):
    monkeypatch.setattr(type(mirror), "head", head)
    monkeypatch.setattr(archives, "SYNTHETIC_TILES", 20)
    for _ in range(2):
        with pytest.raises(NoNetworkError, match=reason):
            load_tiles(source="mirror")
    assert load_tiles("train").source == "synthetic"
    assert (mirror.asked, mirror.downloads) == (1, 0)
    assert not (cache_folder() / "EuroSAT.zip").exists()


def test_a_mirror_that_does_not_answer_is_given_up(mirror, monkeypatch):
    over = threading.Event()

    def hang(self, url, **named):
        self.asked += 1
        over.wait(60)
        raise requests.exceptions.ConnectTimeout

    monkeypatch.setattr(type(mirror), "head", hang)
    monkeypatch.setattr(mirror_module, "_ANSWER_WITHIN_SECONDS", 0.2)
    try:
        for _ in range(2):
            with pytest.raises(NoNetworkError, match="did not answer within 0.2 s"):
                load_tiles(source="mirror")
        assert mirror.asked == 1
    finally:
        over.set()


def test_the_time_limit_leaves_room_below_fifteen_seconds():
    assert mirror_module._ANSWER_WITHIN_SECONDS < 15


def test_a_wrong_checksum_is_an_error_and_leaves_nothing(mirror):
    mirror.file.write_bytes(b"garbage")
    with pytest.raises(NoNetworkError, match="wrong checksum"):
        load_tiles(source="mirror")
    assert files_below(cache_folder()) == []


def test_a_wrong_checksum_is_said_before_synthetic_tiles_are_used(mirror, monkeypatch, capsys):
    monkeypatch.setattr(archives, "SYNTHETIC_TILES", 20)
    mirror.file.write_bytes(b"garbage")
    assert load_tiles("all").source == "synthetic"
    assert "wrong checksum" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("problem", "reason"),
    [
        (requests.exceptions.ConnectionError("reset"), "broke off"),
        (OSError(28, "No space left on device"), "No space left on device"),
        (PermissionError("Pooch could not write"), "Pooch could not write"),
    ],
)
def test_a_download_that_fails_leaves_nothing(mirror, monkeypatch, problem, reason):
    def break_off(**named):
        def download(url, output_file, pooch_or_none):
            with open(output_file, "wb") as partial:
                partial.write(b"half of it")
            raise problem

        return download

    monkeypatch.setattr(pooch, "HTTPDownloader", break_off)
    with pytest.raises(NoNetworkError, match=reason):
        load_tiles(source="mirror")
    assert files_below(cache_folder()) == []


# TFDS


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
    looked_up = []
    monkeypatch.setattr(socket, "getaddrinfo", lambda *given, **named: looked_up.append(given))
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
    assert len(tiles) == len(jpegs) and mirror.asked == 0


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
    for name in ("incomplete.QX1_2.0.0", "2.0.0"):
        (configuration / name).mkdir(parents=True)
    (configuration / "incomplete.QX1_2.0.0" / "dataset_info.json").write_text("{}")
    assert archives.prepared_tfds_folder(tmp_path) is None
    (configuration / "2.0.0" / "dataset_info.json").write_text("{}")
    assert archives.prepared_tfds_folder(tmp_path) == configuration / "2.0.0"
    monkeypatch.setenv("TFDS_DATA_DIR", os.fspath(tmp_path))
    assert archives.prepared_tfds_folder() == configuration / "2.0.0"
