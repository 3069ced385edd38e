"""Archives as people have them: damaged, packed by other means, nested, incomplete, unreadable."""

import bz2
import io
import lzma
import os
import shutil
import struct
import zipfile

import numpy as np
import pytest
from conftest import (
    assert_named_and_nothing_kept,
    class_of,
    jpeg_of,
    write_folder,
    write_zip,
)
from helpers_files import KINDS_OF_NO_FILE, forbid
from PIL import Image

import eurosat_inpaint as ei
from eurosat_inpaint import data
from eurosat_inpaint.data import archives, load_tiles, synthetic_tiles

FOREST, RIVER = "Forest_2.jpg", "River_3.jpg"
NO_FILES = [kind for kind in KINDS_OF_NO_FILE if kind not in ("folder", "below a file")]


def assert_same(tiles, jpegs):
    assert sorted(tiles.filenames) == sorted(jpegs)
    for image, name in zip(tiles.images, tiles.filenames, strict=True):
        np.testing.assert_array_equal(image, np.asarray(Image.open(io.BytesIO(jpegs[name]))))


# Damaged zip files


def entry_of(content, name):
    """Where a member's entry in the list begins."""
    at = content.index(b"PK\x01\x02")
    while name.encode() not in content[at : at + 100]:
        at = content.index(b"PK\x01\x02", at + 4)
    return at


def with_entry(offset, value, compression=zipfile.ZIP_DEFLATED):
    """A zip file in whose list one number of a member's entry is another."""

    def write(path, jpegs):
        content = bytearray(write_zip(path, jpegs, compression=compression).read_bytes())
        at = entry_of(content, FOREST) + offset
        content[at : at + len(value)] = value
        path.write_bytes(content)

    return write


def with_last_part(change):
    """A zip file whose end is another: 22 bytes that say where its list is."""

    def write(path, jpegs):
        content = write_zip(path, jpegs).read_bytes()
        path.write_bytes(content[:-22] + change(content[-22:]))

    return write


def with_content(compression, damage):
    def write(path, jpegs):
        write_zip(path, jpegs, compression=compression)
        with zipfile.ZipFile(path) as archive:
            info = archive.getinfo(f"2750/Forest/{FOREST}")
        content = bytearray(path.read_bytes())
        start = info.header_offset + 30 + len(info.filename)
        content[start + 20 : start + 20 + len(damage)] = damage
        path.write_bytes(content)

    return write


def packed_by(compression):
    return lambda path, jpegs: write_zip(path, jpegs, compression=compression)


def cut(keep):
    def write(path, jpegs):
        content = write_zip(path, jpegs).read_bytes()
        path.write_bytes(content[: int(keep * len(content))])

    return write


def name_that_is_no_text(path, jpegs):
    content = bytearray(write_zip(path, jpegs).read_bytes())
    at = entry_of(content, FOREST)
    content[at + 9] |= 0x08  # says that it is UTF-8
    content[at + 46] = 0xFF
    path.write_bytes(content)


def with_tile(content):
    return lambda path, jpegs: write_zip(path, {**jpegs, FOREST: content})


def in_format(kind, *others):
    content = io.BytesIO()
    options = {"save_all": True, "append_images": others} if others else {}
    Image.fromarray(synthetic_tiles(1)[0][0]).save(content, kind, **options)
    return content.getvalue()


def unpackable_of_others(pack):
    return lambda path, jpegs: path.write_bytes(pack(write_zip(path, jpegs).read_bytes()))


STORED, DEFLATED = zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED
NO_ZIP = "bad is neither a folder nor a whole zip file"
OTHER_METHOD = f"bad is packed by a method that is not read, at {FOREST}"
DAMAGED = {
    "encrypted": (with_entry(8, b"\1\0"), f"bad is encrypted at {FOREST}: unpack it"),
    "strongly encrypted": (with_entry(8, b"\x41\0"), f"bad is encrypted at {FOREST}"),
    "encrypted by AES": (
        with_entry(8, b"\1\0\x63\0"),
        f"bad is encrypted at {FOREST}",
    ),
    "Deflate64": (with_entry(10, b"\x09\0"), OTHER_METHOD),
    "Zstandard": (with_entry(10, b"\x5d\0"), OTHER_METHOD),
    "unknown method": (with_entry(10, b"\x77\x77"), OTHER_METHOD),
    "damaged LZMA": (
        with_content(zipfile.ZIP_LZMA, b"\xff" * 40),
        f"bad is damaged at {FOREST}",
    ),
    "bzip2": (packed_by(zipfile.ZIP_BZIP2), "bad is packed by a method that is not read"),
    "patched": (with_entry(8, b"\x20\0"), f"bad is damaged at {FOREST}"),
    "damaged Deflate": (with_content(DEFLATED, b"\xff" * 40), f"bad is damaged at {FOREST}"),
    "damaged content": (with_content(STORED, b"\xff" * 40), f"bad is damaged at {FOREST}"),
    "wrong checksum": (with_entry(16, b"1234"), f"bad is damaged at {FOREST}"),
    "wrong packed size": (with_entry(20, b"\1\0\0\0"), f"bad is damaged at {FOREST}"),
    "wrong size": (with_entry(24, b"\1\0\0\0"), f"bad is damaged at {FOREST}"),
    "size of 4 GB": (with_entry(24, b"\xfe\xff\xff\xff"), f"tile {FOREST} must have at most"),
    "wrong place": (with_entry(42, b"\1\0\0\0"), f"bad is damaged at {FOREST}"),
    "place beyond the end": (with_entry(42, b"\xfe\xff\xff\x7f"), f"bad is damaged at {FOREST}"),
    "needs a newer program": (with_entry(6, b"\xff\0"), NO_ZIP),
    "name that is no text": (name_that_is_no_text, NO_ZIP),
    "damaged list": (with_entry(0, b"XX"), NO_ZIP),
    "list beyond the end": (
        with_last_part(lambda end: end[:12] + b"\xff\xff\xff\x7f" + end[16:]),
        NO_ZIP,
    ),
    "half": (cut(0.5), NO_ZIP),
    "all but the end": (cut(0.99), NO_ZIP),
    "one byte": (lambda path, jpegs: path.write_bytes(b"P"), NO_ZIP),
    "no bytes": (lambda path, jpegs: path.write_bytes(b""), NO_ZIP),
    "a tar": (
        lambda path, jpegs: shutil.move(
            shutil.make_archive(str(path), "tar", write_folder(path.parent / "folder", jpegs)),
            path,
        ),
        NO_ZIP,
    ),
    "a zip packed by bzip2": (unpackable_of_others(bz2.compress), NO_ZIP),
    "a zip packed by xz": (unpackable_of_others(lzma.compress), NO_ZIP),
    "a zip in a zip": (
        lambda path, jpegs: zipfile.ZipFile(path, "w").writestr("EuroSAT.zip", b"PK"),
        "neither|is not EuroSAT",
    ),
    "no members": (lambda path, jpegs: write_zip(path, {}), "bad is not EuroSAT"),
    "PostScript": (with_tile(in_format("EPS")), f"{FOREST} is not an image of the format JPEG"),
    "PNG": (with_tile(in_format("PNG")), f"{FOREST} is not an image of the format JPEG"),
    "TIFF": (with_tile(in_format("TIFF")), f"{FOREST} is not an image of the format JPEG"),
    "JPEG 2000": (with_tile(in_format("JPEG2000")), f"{FOREST} is not an image of the format"),
    "several pictures": (
        with_tile(in_format("MPO", Image.new("RGB", (64, 64)))),
        f"tile {FOREST} must be one picture, got several in the format MPO",
    ),
    "a web page": (
        with_tile(b"<html>404 Not Found</html>"),
        f"{FOREST} is not an image of the format JPEG",
    ),
}


@pytest.mark.parametrize("kind", DAMAGED)
def test_damaged_zip_file(kind, tmp_path, jpegs, monkeypatch):
    make, message = DAMAGED[kind]
    path = tmp_path / "bad"
    make(path, jpegs)
    assert_named_and_nothing_kept(path, message, monkeypatch)


def damaged_somewhere(cases):
    """Loads of a zip file of two tiles with a few other bytes; only a ValueError may come of it."""
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", DEFLATED) as archive:
        for number, image in enumerate(synthetic_tiles(2)[0], 1):
            archive.writestr(f"2750/Forest/Forest_{number}.jpg", jpeg_of(image))
    whole = whole.getvalue()
    random = np.random.default_rng(0)
    for _ in range(cases):
        content = bytearray(whole)
        # Half of them in the list at the end.
        first = random.choice([0, whole.index(b"PK\x01\x02")])
        for at in random.integers(first, len(content), size=random.integers(1, 6)):
            content[at] = random.integers(256)
        yield bytes(content)


def assert_nothing_else_than_value_errors(path, cases):
    refused = 0
    for content in damaged_somewhere(cases):
        path.write_bytes(content)
        try:
            load_tiles("all", data_dir=path)
        except ValueError as problem:
            refused += 1
            assert str(problem).startswith("data_dir names")
    assert refused > cases / 2


def test_damage_anywhere_in_a_zip_file(tmp_path):
    assert_nothing_else_than_value_errors(tmp_path / "bad.zip", 200)


@pytest.mark.faults
def test_damage_anywhere_in_very_many_zip_files(tmp_path):
    assert_nothing_else_than_value_errors(tmp_path / "bad.zip", 20_000)


# Zip files and folders that are read


def with_comment(path, jpegs):
    write_zip(path, jpegs)
    with zipfile.ZipFile(path, "a") as archive:
        archive.comment = b"EuroSAT " * 5000


def behind_a_program(path, jpegs):
    path.write_bytes(b"MZ" * 5000 + write_zip(path, jpegs).read_bytes())


def for_large_files(path, jpegs):
    """Zip64: with the longer fields that sizes above 4 GB need."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in jpegs.items():
            with archive.open(f"{class_of(name)}/{name}", "w", force_zip64=True) as member:
                member.write(content)
    content = bytearray(path.read_bytes())
    size, start = struct.unpack("<II", content[-10:-2])
    end = len(content) - 22
    longer = struct.pack(
        "<IQHHIIQQQQ", 0x06064B50, 44, 45, 45, 0, 0, len(jpegs), len(jpegs), size, start
    ) + struct.pack("<IIQI", 0x07064B50, 0, end, 1)
    path.write_bytes(content[:end] + longer + content[end : end + 8] + b"\xff" * 12 + content[-2:])


def with_separators_of_windows(path, jpegs):
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in jpegs.items():
            info = zipfile.ZipInfo("name")
            info.filename = f"2750\\{class_of(name)}\\{name}"
            archive.writestr(info, content)


def in_upper_case(write):
    def write_so(path, jpegs):
        write(path, {name.replace(".jpg", ".JPG"): jpeg for name, jpeg in jpegs.items()})

    return write_so


def by_long_extension(write):
    def write_so(path, jpegs):
        write(path, {name.replace(".jpg", ".jpeg"): jpeg for name, jpeg in jpegs.items()})

    return write_so


def under(write, top):
    return lambda path, jpegs: write(path, jpegs, top=top)


def linked(path, jpegs):
    """The folders of the classes are links, and others lead round in circles or nowhere."""
    write_folder(path.parent / "elsewhere", jpegs)
    path.mkdir()
    for folder in (path.parent / "elsewhere" / "2750").iterdir():
        (path / folder.name).symlink_to(folder)
    (path / "again").symlink_to(path)
    (path / "above").symlink_to(path.parent)
    (path / "itself").symlink_to(path / "itself")
    (path / "nowhere").symlink_to(path / "none")


READ = {
    "packed by LZMA": packed_by(zipfile.ZIP_LZMA),
    "not packed": packed_by(zipfile.ZIP_STORED),
    "with a comment": with_comment,
    "behind a program": behind_a_program,
    "for large files": for_large_files,
    "with the separators of Windows": with_separators_of_windows,
    "with absolute names": under(write_zip, "/2750/"),
    "with names of folders above": under(write_zip, "../../../../../../etc/2750/"),
    "with a point in front": under(write_zip, "./2750/"),
    "zip with .JPG": in_upper_case(write_zip),
    "folder with .JPG": in_upper_case(write_folder),
    "zip with .jpeg": by_long_extension(write_zip),
    "folder with .jpeg": by_long_extension(write_folder),
    "zip as torchvision leaves it": under(write_zip, "eurosat/2750/"),
    "folder as torchvision leaves it": under(write_folder, "eurosat/2750"),
    "zip three folders deep": under(write_zip, "data/eurosat/2750/"),
    "folder three folders deep": under(write_folder, "data/eurosat/2750"),
    "folder of links": linked,
}


@pytest.mark.parametrize("kind", READ)
def test_archive_that_is_read(kind, tmp_path, jpegs, capsys):
    path = tmp_path / "good"
    READ[kind](path, jpegs)
    assert_same(load_tiles("all", data_dir=path), jpegs)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("write", [write_zip, write_folder])
def test_too_deep_is_too_deep_in_both(write, tmp_path, jpegs):
    write(tmp_path / "deep", jpegs, top="one/two/three/2750/")
    with pytest.raises(ValueError, match="is not EuroSAT: .* up to 3 folders deep"):
        load_tiles("all", data_dir=tmp_path / "deep")


def test_a_large_folder_is_not_looked_through_in_its_depths(tmp_path, monkeypatch):
    deep = tmp_path / "home" / "one" / "two" / "three" / "four"
    (deep / "five" / "six").mkdir(parents=True)
    looked_at, scandir = [], os.scandir
    monkeypatch.setattr(os, "scandir", lambda path: looked_at.append(str(path)) or scandir(path))
    with pytest.raises(ValueError, match="is not EuroSAT"):
        load_tiles("all", data_dir=tmp_path / "home")
    assert max(looked_at, key=len) == str(deep)


def test_the_extension_does_not_decide_on_the_split(tmp_path, jpegs):
    """Else a tile of one person's test split would be trained on by another."""
    in_upper_case(write_zip)(tmp_path / "upper.zip", jpegs)
    for split in data.SPLITS:
        expected = load_tiles(split, data_dir=write_zip(tmp_path / "lower.zip", jpegs))
        assert load_tiles(split, data_dir=tmp_path / "upper.zip").filenames == expected.filenames


# What is said


def two_places(write):
    def write_so(path, jpegs):
        write(path, jpegs)
        if path.is_dir():
            return write(path, {FOREST: jpegs[RIVER]}, top="copy")
        with zipfile.ZipFile(path, "a") as archive:
            archive.writestr(f"copy/Forest/{FOREST}", jpegs[RIVER])

    return write_so


def two_extensions(write):
    return lambda path, jpegs: write(path, {**jpegs, FOREST.replace("jpg", "JPG"): jpegs[FOREST]})


def replaced(path, jpegs):
    """As packers do that can only append."""
    write_zip(path, {**jpegs, FOREST: jpegs[RIVER]})
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(f"2750/Forest/{FOREST}", jpegs[FOREST])


REPEATED = {
    "zip, two places": two_places(write_zip),
    "folder, two places": two_places(write_folder),
    "zip, two extensions": two_extensions(write_zip),
    "folder, two extensions": two_extensions(write_folder),
    "zip, same place": replaced,
}


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("kind", REPEATED)
def test_a_tile_that_is_there_twice_is_said_once(kind, tmp_path, jpegs, capsys):
    path = tmp_path / "twice"
    REPEATED[kind](path, jpegs)
    for _ in range(2):
        assert_same(load_tiles("all", data_dir=path), jpegs)
    assert capsys.readouterr().out == (
        f"twice holds 1 of its tiles more than once, such as {FOREST}; one of each is used\n"
    )


@pytest.mark.parametrize("write", [write_zip, write_folder])
def test_a_class_that_is_missing_is_said_once(write, tmp_path, jpegs, capsys):
    some = {name: jpeg for name, jpeg in jpegs.items() if class_of(name) not in ("Forest", "River")}
    write(tmp_path / "some", some)
    for split in ("all", "train", "all"):
        load_tiles(split, data_dir=tmp_path / "some")
    assert capsys.readouterr().out == (
        "Of the source 'local' there are no tiles of Forest, River\n"
    )


# What is no file, or may not be read


@pytest.mark.parametrize("kind", NO_FILES)
def test_what_is_no_file_is_refused_and_does_not_hang(kind, tmp_path, monkeypatch):
    path = KINDS_OF_NO_FILE[kind](tmp_path)
    with pytest.raises(ValueError, match="^data_dir names .* is neither a folder nor a whole zip"):
        load_tiles(data_dir=path)
    monkeypatch.setenv(data.DATA_VARIABLE, str(path))
    with pytest.raises(ValueError, match=f"^{data.DATA_VARIABLE} names .* is neither a folder"):
        load_tiles()


@pytest.mark.parametrize("kind", NO_FILES)
def test_a_tile_that_is_no_file_is_named_and_does_not_hang(kind, archive_folder):
    path = archive_folder / "2750" / "Forest" / FOREST
    path.unlink()
    path.symlink_to(KINDS_OF_NO_FILE[kind](archive_folder))
    with pytest.raises(ValueError, match=rf"^data_dir names .*tile {FOREST} is not a file but"):
        load_tiles(data_dir=archive_folder)


@pytest.mark.parametrize("target", ["nowhere", FOREST])
def test_a_tile_that_is_a_link_to_nothing_is_named(target, archive_folder):
    path = archive_folder / "2750" / "Forest" / FOREST
    path.unlink()
    path.symlink_to(path.with_name(target))
    with pytest.raises(ValueError, match=rf"^data_dir names .*tile {FOREST} cannot be read: "):
        load_tiles(data_dir=archive_folder)


def test_a_path_below_a_file_or_through_nothing_does_not_exist(archive_zip, tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "none")
    for path in (archive_zip / "2750", tmp_path / "link"):
        with pytest.raises(FileNotFoundError, match="^data_dir names .* does not exist"):
            load_tiles(data_dir=path)


@pytest.mark.parametrize("name", ["itself", "x" * 300])
def test_a_path_that_cannot_be_followed_is_named(name, tmp_path):
    if len(name) < 100:
        (tmp_path / name).symlink_to(tmp_path / name)
    with pytest.raises(ValueError, match="^data_dir names .*, which cannot be read: "):
        load_tiles(data_dir=tmp_path / name)


@pytest.mark.parametrize("data_dir", [3, b"EuroSAT.zip", ["EuroSAT.zip"]])
@pytest.mark.parametrize("source", ["auto", "local", "tfds"])
def test_what_is_no_path(source, data_dir):
    with pytest.raises(TypeError, match="^data_dir must be a path"):
        load_tiles(source=source, data_dir=data_dir)


@pytest.mark.parametrize("data_dir", ["", "a\0b"])
@pytest.mark.parametrize("source", ["auto", "local", "tfds"])
def test_what_cannot_be_a_path(source, data_dir):
    with pytest.raises(ValueError, match="^data_dir must be a path"):
        load_tiles(source=source, data_dir=data_dir)


@pytest.mark.parametrize("place", ["", "2750/Forest", f"2750/Forest/{FOREST}"])
def test_what_may_not_be_read_is_named(place, archive_folder, monkeypatch):
    forbid(monkeypatch, archive_folder / place)
    words = place.rsplit("/")[-1] or archive_folder.name
    message = rf"^data_dir names .*{words}/? cannot be read: Permission denied"
    with pytest.raises(ValueError, match=message):
        load_tiles(data_dir=archive_folder)


def test_a_zip_file_that_may_not_be_read_is_named(archive_zip, monkeypatch):
    def refuse(path):
        raise PermissionError(13, "No")

    monkeypatch.setattr(io, "FileIO", refuse)
    with pytest.raises(ValueError, match=r"^data_dir names .*EuroSAT.zip cannot be read: No"):
        load_tiles(data_dir=archive_zip)


def test_another_folder_that_may_not_be_read_is_left_out_and_said(
    archive_folder, jpegs, monkeypatch, capsys
):
    (archive_folder / "lost+found").mkdir()
    forbid(monkeypatch, archive_folder / "lost+found")
    assert_same(load_tiles("all", data_dir=archive_folder), jpegs)
    assert capsys.readouterr().out == (
        "In eurosat lost+found/ cannot be read: Permission denied; it is left out\n"
    )


def test_the_folder_that_may_not_be_read_is_named_where_nothing_else_is(
    archive_folder, monkeypatch
):
    forbid(monkeypatch, archive_folder / "2750")
    with pytest.raises(ValueError, match="is not EuroSAT: .*2750/ cannot be read: Permission"):
        load_tiles("all", data_dir=archive_folder)


def test_the_folder_one_is_in_has_a_name(archive_folder, monkeypatch):
    shutil.rmtree(archive_folder / "2750")
    monkeypatch.chdir(archive_folder)
    with pytest.raises(ValueError, match="^data_dir names '.': eurosat is not EuroSAT"):
        load_tiles("all", data_dir=".")


# No tiles


@pytest.mark.slow
def test_the_explorers_refuse_none():
    pytest.importorskip("ipywidgets")
    none = load_tiles("test", source="synthetic")[:0]
    for explorer in (ei.widgets.mask_explorer, ei.widgets.inpainting_explorer):
        with pytest.raises(ValueError, match=r"^tiles(\.images)? must hold at least one tile"):
            explorer(none)


def test_very_many_tiles_are_not_eurosat(tmp_path, jpegs, monkeypatch):
    monkeypatch.setattr(archives, "_MOST_TILES", 59)
    for write in (write_zip, write_folder):
        write(tmp_path / write.__name__, jpegs)
        with pytest.raises(ValueError, match="is not EuroSAT: it has 27,000 tiles, this 60"):
            load_tiles(data_dir=tmp_path / write.__name__)
