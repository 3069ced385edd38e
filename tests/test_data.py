"""Tiles: which split they are in, which source they come from, and what bad input says."""

import hashlib
import io
import subprocess
import sys
import zipfile

import numpy as np
import pytest
from conftest import assert_named_and_nothing_kept, class_of, files_below, write_folder, write_zip
from PIL import Image

from eurosat_inpaint import data
from eurosat_inpaint.data import (
    CLASS_NAMES,
    archives,
    load_tiles,
    mirror,
    split_of,
    synthetic_tiles,
)

TILES_PER_CLASS = (3000, 3000, 3000, 2500, 2500, 2000, 2500, 3000, 2500, 3000)
SPLIT_SIZES = {"test": 5300, "validation": 1381, "train": 20319}


def pixels(jpeg):
    return np.asarray(Image.open(io.BytesIO(jpeg)))


def assert_are_the_tiles(tiles, jpegs):
    """All of ``jpegs``, each with its own pixels and label."""
    assert sorted(tiles.filenames) == sorted(jpegs)
    assert tiles.images.shape == (len(jpegs), 64, 64, 3) and tiles.images.dtype == np.uint8
    for image, label, name in zip(tiles.images, tiles.labels, tiles.filenames, strict=True):
        np.testing.assert_array_equal(image, pixels(jpegs[name]))
        assert tiles.class_names[label] == class_of(name)


# Splits


@pytest.mark.parametrize(
    ("filename", "digest_begins", "split"),
    [
        # First eight digits of `printf AnnualCrop_1.jpg | sha256sum`; 0x33333333 is 0.2, and
        # 0x40000000 is 0.25 of 2**32.
        ("AnnualCrop_1.jpg", "b94c38c7", "train"),
        ("SeaLake_3.jpg", "b4b2684a", "train"),
        ("SeaLake_80.jpg", "33330e0d", "test"),
        ("PermanentCrop_550.jpg", "333e26c4", "validation"),
        ("HerbaceousVegetation_1684.jpg", "3ffda689", "validation"),
        ("HerbaceousVegetation_1182.jpg", "4000cb84", "train"),
    ],
)
def test_split_of_a_name(filename, digest_begins, split):
    assert hashlib.sha256(filename.encode()).hexdigest().startswith(digest_begins)
    assert split_of(filename) == split


def test_split_sizes_of_the_whole_of_eurosat():
    names = [
        f"{class_name}_{number}.jpg"
        for class_name, count in zip(CLASS_NAMES, TILES_PER_CLASS, strict=True)
        for number in range(1, count + 1)
    ]
    assert len(names) == 27_000
    splits = [split_of(name) for name in names]
    assert {split: splits.count(split) for split in set(splits)} == SPLIT_SIZES


def test_splits_are_the_whole_without_overlap(archive_folder):
    names = {split: load_tiles(split, data_dir=archive_folder).filenames for split in data.SPLITS}
    for split, members in names.items():
        assert members == sorted(members) and len(members) > 0
        assert all(split_of(name) == split for name in members)
    everything = load_tiles("all", data_dir=archive_folder)
    assert sorted(everything.filenames) == sorted(sum(names.values(), []))


def test_a_split_without_tiles_is_empty_and_said_to_be_once(tmp_path, jpegs, capsys):
    trained_on = {name: jpeg for name, jpeg in jpegs.items() if split_of(name) == "train"}
    folder = write_folder(tmp_path / "some", trained_on)
    for _ in range(2):
        tiles = load_tiles("test", data_dir=folder)
    assert len(tiles) == 0 and tiles.images.shape == (0, 64, 64, 3)
    assert len(tiles.labels) == 0 and tiles.filenames == []
    assert capsys.readouterr().out == "Of the source 'local' there are no test tiles\n"


# The same tiles from every place


@pytest.mark.parametrize("top", ["2750/", "EuroSAT_RGB/", ""])
@pytest.mark.parametrize("write", [write_zip, write_folder])
def test_same_tiles_from_zip_and_folder_in_every_layout(
    tmp_path, jpegs, archive_folder, write, top
):
    in_another_order = dict(sorted(jpegs.items(), reverse=True))
    elsewhere = load_tiles("all", data_dir=write(tmp_path / "other", in_another_order, top))
    tiles = load_tiles("all", data_dir=archive_folder)
    assert_are_the_tiles(tiles, jpegs)
    assert elsewhere.filenames == tiles.filenames
    np.testing.assert_array_equal(elsewhere.images, tiles.images)
    np.testing.assert_array_equal(elsewhere.labels, tiles.labels)


def test_other_files_in_an_archive_are_no_tiles(tmp_path, jpegs):
    path = write_folder(tmp_path / "eurosat", jpegs)
    (path / "2750" / "Forest" / "Thumbs.db").write_bytes(b"not a tile")
    (path / "2750" / "Forest" / "._Forest_1.jpg").write_bytes(b"not a tile")
    (path / "2750" / "Forest" / "River_1.jpg").write_bytes(b"not a tile")
    assert_are_the_tiles(load_tiles("all", data_dir=path), jpegs)


def test_labels_and_class_names(archive_folder):
    tiles = load_tiles("all", data_dir=archive_folder)
    assert tiles.class_names == CLASS_NAMES
    assert tiles.labels.dtype == np.int64
    assert tiles.source == "local"
    assert np.bincount(tiles.labels).tolist() == [6] * 10


def test_data_dir_may_be_text_or_begin_with_the_home_folder(archive_zip, monkeypatch):
    monkeypatch.setenv("HOME", str(archive_zip.parent))
    monkeypatch.setenv("USERPROFILE", str(archive_zip.parent))
    assert len(load_tiles("all", data_dir=str(archive_zip))) == 60
    assert len(load_tiles("all", data_dir="~/EuroSAT.zip")) == 60


def test_tiles_cannot_be_overwritten(archive_folder):
    tiles = load_tiles("train", data_dir=archive_folder)
    with pytest.raises(ValueError, match="read-only"):
        tiles.images[0] = 0


def test_a_second_process_finds_the_decoded_tiles(archive_folder):
    first = load_tiles("all", data_dir=archive_folder)
    script = (
        "import sys\n"
        "from eurosat_inpaint import data\n"
        "def refuse(*given): raise AssertionError('decoded again')\n"
        "data.archives._decode = refuse\n"
        "tiles = data.load_tiles('all', data_dir=sys.argv[1])\n"
        "print(len(tiles), int(tiles.images.sum()))\n"
    )
    answer = subprocess.run(
        [sys.executable, "-c", script, str(archive_folder)], capture_output=True, text=True
    )
    assert answer.stdout.split() == ["60", str(int(first.images.sum()))], answer.stderr


# Selecting tiles


def test_selecting_tiles_keeps_images_labels_and_names_together(archive_folder):
    tiles = load_tiles("all", data_dir=archive_folder)
    for index in (slice(3, 30, 4), tiles.labels == 2, np.array([5, 1, 5])):
        some = tiles[index]
        numbers = np.arange(60)[index]
        assert len(some) == len(numbers)
        assert some.filenames == [tiles.filenames[number] for number in numbers]
        np.testing.assert_array_equal(some.images, tiles.images[numbers])
        np.testing.assert_array_equal(some.labels, tiles.labels[numbers])
        assert (some.class_names, some.source) == (tiles.class_names, tiles.source)


def test_a_single_tile_cannot_be_selected_by_its_number(archive_folder):
    with pytest.raises(TypeError, match="^index "):
        load_tiles("all", data_dir=archive_folder)[3]


SORTED_LABELS = np.repeat(np.arange(10), np.array(TILES_PER_CLASS) // 20)


@pytest.mark.parametrize("count", [1, 10, 16, 200, 460, len(SORTED_LABELS) - 1])
@pytest.mark.parametrize("shuffled", [False, True])
def test_in_a_subset_every_class_keeps_its_share_within_one(count, shuffled):
    labels = np.random.default_rng(3).permutation(SORTED_LABELS) if shuffled else SORTED_LABELS
    chosen = data.stratified_subset(labels, count)
    shares = np.bincount(labels) * count / len(labels)
    assert np.all(abs(np.bincount(labels[chosen], minlength=10) - shares) < 1)


def test_a_subset_is_increasing_positions_without_repetition():
    chosen = data.stratified_subset(SORTED_LABELS, 300)
    assert chosen.shape == (300,) and chosen.dtype == np.int64
    assert np.all(np.diff(chosen) > 0)
    assert chosen[0] >= 0 and chosen[-1] < len(SORTED_LABELS)


def test_a_subset_depends_on_the_seed_alone():
    first, again, other = (data.stratified_subset(SORTED_LABELS, 50, seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_a_subset_of_as_many_as_there_are_is_all_of_them():
    chosen = data.stratified_subset(SORTED_LABELS, len(SORTED_LABELS))
    np.testing.assert_array_equal(chosen, np.arange(len(SORTED_LABELS)))


def test_classes_of_a_subset_may_have_gaps_in_their_numbers():
    labels = np.repeat([-4, 7], [30, 10])
    assert np.unique(labels[data.stratified_subset(labels, 8)], return_counts=True)[1].tolist() == [
        6,
        2,
    ]


# Sources


@pytest.fixture
def places(tmp_path, jpegs, monkeypatch):
    """Archives of different tiles for ``data_dir``, the environment and the mirror; no network.

    ``auto`` tells them apart by how many tiles it finds: 1, 2, 3 (the mirror's) or 4 (TFDS).
    """
    monkeypatch.setattr(archives, "SYNTHETIC_TILES", 20)

    def some(count):
        return write_zip(tmp_path / f"{count}.zip", dict(list(jpegs.items())[:count]))

    class PreparedTfds(archives.ZipArchive):
        def __init__(self, data_dir):
            super().__init__(some(4))

    monkeypatch.setattr(archives, "TfdsArchive", PreparedTfds)
    monkeypatch.setattr(archives, "prepared_tfds_folder", lambda: tmp_path)
    monkeypatch.setattr(mirror, "fetch_mirror", lambda: some(3))
    monkeypatch.setenv(data.DATA_VARIABLE, str(some(2)))
    return some(1)


def no_network():
    raise mirror.NoNetworkError("it rains.")


def test_auto_takes_the_first_source_to_be_had(places, monkeypatch, capsys):
    def found(**arguments):
        tiles = load_tiles("all", **arguments)
        return tiles.source, len(tiles)

    assert found(data_dir=places) == ("local", 1)
    assert found() == ("local", 2)
    monkeypatch.delenv(data.DATA_VARIABLE)
    assert found() == ("tfds", 4)
    monkeypatch.setattr(archives, "prepared_tfds_folder", lambda: None)
    assert found() == ("mirror", 3)
    # Archives so small lack classes; nothing else is said.
    said = capsys.readouterr().out.splitlines()
    assert all("there are no tiles of" in line for line in said)
    monkeypatch.setattr(mirror, "fetch_mirror", no_network)
    assert found() == ("synthetic", 20)


def test_auto_is_the_default(places):
    assert load_tiles("all").source == "local"


@pytest.mark.parametrize(("source", "count"), [("local", 2), ("tfds", 4), ("mirror", 3)])
def test_a_named_source_is_the_one_used(places, source, count):
    tiles = load_tiles("all", source=source)
    assert (tiles.source, len(tiles)) == (source, count)


def test_an_empty_variable_counts_as_unset(places, monkeypatch):
    monkeypatch.setenv(data.DATA_VARIABLE, "")
    assert load_tiles("all").source == "tfds"
    with pytest.raises(ValueError, match=f"needs data_dir or {data.DATA_VARIABLE}"):
        load_tiles("all", source="local")


def test_falling_back_to_synthetic_tiles_is_said_once_with_reason_and_remedy(monkeypatch, capsys):
    monkeypatch.setattr(archives, "SYNTHETIC_TILES", 20)
    monkeypatch.setattr(mirror, "fetch_mirror", no_network)
    for split in ("train", "validation", "train"):
        assert load_tiles(split).source == "synthetic"
    said = capsys.readouterr().out
    assert said.count("\n") == 1
    assert "ynthetic" in said and "it rains." in said
    assert f"{data.DATA_VARIABLE}=path/to/EuroSAT.zip" in said


def test_the_offline_switch_is_the_reason_given(monkeypatch, capsys):
    monkeypatch.setattr(archives, "SYNTHETIC_TILES", 20)
    load_tiles("train")
    assert f"{mirror.OFFLINE_VARIABLE} is set" in capsys.readouterr().out


def test_synthetic_tiles_asked_for_by_name_need_no_announcement(monkeypatch, capsys):
    monkeypatch.setattr(archives, "SYNTHETIC_TILES", 25)
    tiles = load_tiles("all", source="synthetic")
    assert capsys.readouterr().out == ""
    images, labels, filenames = synthetic_tiles(25)
    assert tiles.source == "synthetic"
    assert sorted(tiles.filenames) == sorted(filenames)
    numbers = [filenames.index(name) for name in tiles.filenames]
    np.testing.assert_array_equal(tiles.images, images[numbers])
    np.testing.assert_array_equal(tiles.labels, labels[numbers])


# Bad input


@pytest.mark.parametrize("split", ["training", "Test", "", None, 0])
def test_unknown_split(split):
    with pytest.raises(ValueError, match="^split "):
        load_tiles(split)


@pytest.mark.parametrize("source", ["web", "", None])
def test_unknown_source(source):
    with pytest.raises(ValueError, match="^source "):
        load_tiles(source=source)


@pytest.mark.parametrize("source", ["mirror", "synthetic"])
def test_data_dir_with_a_source_that_does_not_read_it(source, archive_folder):
    with pytest.raises(ValueError, match=f"data_dir .*{source}"):
        load_tiles(source=source, data_dir=archive_folder)


@pytest.mark.parametrize("source", ["auto", "local"])
def test_missing_path_names_where_it_came_from(source, tmp_path, monkeypatch):
    with pytest.raises(FileNotFoundError, match=r"data_dir names .*nowhere.*EuroSAT\.zip"):
        load_tiles(source=source, data_dir=tmp_path / "nowhere")
    monkeypatch.setenv(data.DATA_VARIABLE, str(tmp_path / "elsewhere"))
    with pytest.raises(FileNotFoundError, match=rf"{data.DATA_VARIABLE} names .*elsewhere"):
        load_tiles(source=source)


def damaged_zip(compression, damage):
    """Writer of a zip in which ``damage`` replaces the first bytes of one stored tile."""

    def write(path, jpegs):
        write_zip(path, jpegs, compression=compression)
        with zipfile.ZipFile(path) as archive:
            info = archive.getinfo("2750/Forest/Forest_2.jpg")
        content = bytearray(path.read_bytes())
        start = info.header_offset + 30 + len(info.filename)
        content[start : start + len(damage)] = damage
        path.write_bytes(content)

    return write


def cut_short(path, jpegs):
    write_zip(path, jpegs)
    path.write_bytes(path.read_bytes()[:-2000])


def with_tile(name, jpeg):
    return lambda path, jpegs: write_zip(path, {**jpegs, name: jpeg})


def folder_with_tile(name, jpeg):
    return lambda path, jpegs: write_folder(path, {**jpegs, name: jpeg})


def jpeg_of_size(width, height, mode="RGB"):
    content = io.BytesIO()
    Image.new(mode, (width, height), 99).save(content, "JPEG")
    return content.getvalue()


def jpeg_that_claims_to_be_huge():
    content = jpeg_of_size(64, 64)
    return content.replace(b"\x00\x40\x00\x40\x03", b"\xff\xdc\xff\xdc\x03")


def other_zip(path, jpegs):
    write_zip(path, jpegs, top="holiday/not_")


def other_folder(path, jpegs):
    (path / "pictures").mkdir(parents=True)
    (path / "pictures" / "Forest_1.jpg").write_bytes(jpegs["Forest_1.jpg"])


BAD_ARCHIVES = {
    "zip that is not EuroSAT": (other_zip, "is not EuroSAT: expected folders AnnualCrop"),
    "folder that is not EuroSAT": (other_folder, "is not EuroSAT: expected folders AnnualCrop"),
    "empty folder": (lambda path, jpegs: path.mkdir(), "is not EuroSAT"),
    "no zip": (lambda path, jpegs: path.write_text("EuroSAT"), "neither a folder nor a whole zip"),
    "empty file": (lambda path, jpegs: path.touch(), "neither a folder nor a whole zip file"),
    "zip cut short": (cut_short, "neither a folder nor a whole zip file"),
    "zip with a wrong CRC": (
        damaged_zip(zipfile.ZIP_STORED, b"1234"),
        r"bad is damaged at Forest_2\.jpg",
    ),
    "zip that cannot be decompressed": (
        damaged_zip(zipfile.ZIP_DEFLATED, b"\xff\xff\xff\xff"),
        r"bad is damaged at Forest_2\.jpg",
    ),
    "tile of the wrong size in a zip": (
        with_tile("Forest_2.jpg", jpeg_of_size(64, 32)),
        r"Forest_2\.jpg must have shape \(64, 64, 3\), got \(32, 64, 3\)",
    ),
    "tile of the wrong size in a folder": (
        folder_with_tile("River_3.jpg", jpeg_of_size(128, 128)),
        r"River_3\.jpg must have shape \(64, 64, 3\), got \(128, 128, 3\)",
    ),
    "grey tile": (
        with_tile("Forest_2.jpg", jpeg_of_size(64, 64, "L")),
        r"Forest_2\.jpg must have shape \(64, 64, 3\), got \(64, 64\)",
    ),
    "no image in a zip": (
        with_tile("SeaLake_4.jpg", b"1234"),
        r"SeaLake_4\.jpg is not an image of the format JPEG",
    ),
    "empty tile in a folder": (
        folder_with_tile("SeaLake_4.jpg", b""),
        r"SeaLake_4\.jpg is not an image of the format JPEG",
    ),
    "tile with a damaged header": (
        with_tile("Pasture_1.jpg", jpeg_that_claims_to_be_huge()),
        r"Pasture_1\.jpg is damaged",
    ),
}


@pytest.mark.parametrize("case", BAD_ARCHIVES)
def test_bad_archive_is_named_and_nothing_is_kept(case, tmp_path, jpegs, monkeypatch):
    make, message = BAD_ARCHIVES[case]
    path = tmp_path / "bad"
    make(path, jpegs)
    assert_named_and_nothing_kept(path, message, monkeypatch)


@pytest.mark.parametrize("write", [write_zip, write_folder])
def test_tile_truncated_within_its_pixels(tmp_path, jpegs, write):
    name = "Industrial_2.jpg"
    path = write(tmp_path / "bad", {**jpegs, name: jpegs[name][: len(jpegs[name]) // 2]})
    with pytest.raises(ValueError, match=r"Industrial_2\.jpg is damaged: .*truncated"):
        load_tiles("all", data_dir=path)
    assert files_below(data.cache_folder()) == []


def test_a_repaired_archive_loads(tmp_path, jpegs):
    path = write_zip(tmp_path / "EuroSAT.zip", {**jpegs, "Forest_2.jpg": b"1234"})
    with pytest.raises(ValueError, match="Forest_2"):
        load_tiles("all", data_dir=path)
    write_zip(path, jpegs)
    assert_are_the_tiles(load_tiles("all", data_dir=path), jpegs)


@pytest.mark.parametrize(
    ("labels", "problem"),
    [
        ([[0, 1], [1, 0]], ValueError),
        (3, ValueError),
        ([0.0, 1.0], TypeError),
        (["Forest", "River"], TypeError),
    ],
)
def test_a_subset_needs_labels_that_are_integers_in_a_row(labels, problem):
    with pytest.raises(problem, match="^labels "):
        data.stratified_subset(labels, 1)


@pytest.mark.parametrize("count", [1.0, "1", None, True, -1, 0, 3])
def test_a_subset_needs_an_integer_count_of_one_to_all(count):
    with pytest.raises(ValueError, match=f"^count must .*{count!r}$"):
        data.stratified_subset(np.array([0, 1]), count)


# Real tiles


@pytest.mark.slow
@pytest.mark.real_tiles
def test_real_tiles_are_those_of_the_archive():
    sizes = {split: len(load_tiles(split)) for split in data.SPLITS}
    assert (sizes["train"], sizes["validation"]) == (
        SPLIT_SIZES["train"],
        SPLIT_SIZES["validation"],
    )
    # A copy of the archive may lack test tiles that were kept back.
    assert 0 < sizes["test"] <= SPLIT_SIZES["test"]
    tiles = load_tiles("train")
    assert tiles.source == "local"
    # Facts measured on all tiles, within what the split changes.
    means = tiles.images.mean(axis=(0, 1, 2)) / 255
    np.testing.assert_allclose(means, (0.3444, 0.3803, 0.4078), atol=0.002)


@pytest.mark.slow
@pytest.mark.real_tiles
def test_no_real_pixel_can_be_taken_for_a_hole():
    for split in data.SPLITS:
        red, green, blue = np.moveaxis(load_tiles(split).images, -1, 0)
        assert (red | green | blue).all()
