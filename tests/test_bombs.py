"""Small files that would unpack to something huge: each stays below 500 MB of memory.

Each is a case of its own, in a process of its own, whose peak is measured. They are made here: none
is kept.
"""

import io
import json
import struct
import subprocess
import sys
import zipfile
import zlib

import numpy as np
import pytest
from conftest import jpeg_of, write_folder, write_zip
from PIL import Image
from test_read_tile import chunk

from eurosat_inpaint.data import synthetic_tiles

MOST_MEGABYTES = 500

LOAD = r"""
import json, re, resource, sys
from eurosat_inpaint import data

def peak_megabytes():
    if sys.platform == "darwin":
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    # There it would be that of the process that started this one, if that is larger.
    return int(re.search(r"VmHWM:\s*(\d+)", open("/proc/self/status").read())[1]) / 2**10

function, argument = sys.argv[1:]
try:
    if function == "read_tile":
        said = f"read: {data.read_tile(argument).shape}"
    elif function == "tfds":
        said = f"read: {len(data.load_tiles('all', source='tfds', data_dir=argument))}"
    else:
        said = f"read: {len(data.load_tiles('all', data_dir=argument))}"
except ValueError as problem:
    said = str(problem)
print(json.dumps([said, peak_megabytes()]))
"""


def survives(function, path, expected):
    """The bomb is refused, or read, with these words, and little memory."""
    answer = subprocess.run(
        [sys.executable, "-c", LOAD, function, str(path)],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert answer.returncode == 0, answer.stderr[-2000:]
    said, megabytes = json.loads(answer.stdout.splitlines()[-1])
    assert expected in said
    assert megabytes < MOST_MEGABYTES
    # Nor does it say a thousand things.
    assert len(answer.stderr.splitlines()) < 10


# Archives


def zeros(megabytes):
    for _ in range(megabytes):
        yield bytes(2**20)


def zip_of_zeros(path, jpegs, compression=zipfile.ZIP_DEFLATED):
    write_zip(path, jpegs)
    with zipfile.ZipFile(path, "a", compression) as archive:
        with archive.open("2750/Forest/Forest_7.jpg", "w", force_zip64=True) as member:
            for part in zeros(800):
                member.write(part)
    assert path.stat().st_size < 5e6


def zip_that_lies_about_a_size(path, jpegs, compression=zipfile.ZIP_DEFLATED):
    """What unpacks to 800 MB says that it has 3,000 bytes."""
    zip_of_zeros(path, jpegs, compression)
    content = bytearray(path.read_bytes())
    entry = content.rindex(b"PK\x01\x02")
    content[entry + 24 : entry + 28] = (3000).to_bytes(4, "little")
    # The list's entry has no larger sizes beside those it has here.
    assert b"\x01\x00" not in content[entry + 46 :][24:-22]
    path.write_bytes(content)


def zip_of_overlapping_members(path, jpegs):
    """Very many names for the same bytes."""
    write_zip(path, {"Forest_1.jpg": jpegs["Forest_1.jpg"]})
    content = path.read_bytes()
    start, end = content.index(b"PK\x01\x02"), content.index(b"PK\x05\x06")
    entry = content[start:end]
    names = [f"2750/Forest/Forest_{number}.jpg".encode() for number in range(60_000)]
    entries = b"".join(
        entry[:28] + struct.pack("<H", len(name)) + entry[30:46] + name for name in names
    )
    last = struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, 60_000, 60_000, len(entries), start, 0)
    path.write_bytes(content[:start] + entries + last)


def zip_of_very_many_members(path, jpegs):
    """Two million names, by the extension to zip's format for many."""
    entry = struct.pack("<IHHHHHHIIIHHHHHII", 0x02014B50, *[0] * 9, 1, *[0] * 6) + b"a"
    count = 2_000_000
    with open(path, "wb") as file:
        for _ in range(count // 1000):
            file.write(entry * 1000)
        size = file.tell()
        file.write(struct.pack("<IQHHIIQQQQ", 0x06064B50, 44, 45, 45, 0, 0, count, count, size, 0))
        file.write(struct.pack("<IIQI", 0x07064B50, 0, size, 1))
        many = 2**16 - 1
        file.write(struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, many, many, 2**32 - 1, 2**32 - 1, 0))


def folder_with_a_huge_file(path, jpegs):
    write_folder(path, jpegs)
    with open(path / "2750" / "Forest" / "Forest_1.jpg", "wb") as file:
        # Sparse: it takes no room on the disk.
        file.truncate(3 * 2**30)


def with_forest(jpeg, write=write_zip):
    return lambda path, jpegs: write(path, {**jpegs, "Forest_1.jpg": jpeg()})


def jpeg_of_a_large_picture():
    content = io.BytesIO()
    Image.new("L", (13_000, 13_000)).save(content, "JPEG", quality=1)
    return content.getvalue()[:60_000]


def jpeg_that_says_it_is_large():
    whole = jpeg_of(synthetic_tiles(1)[0][0])
    at = whole.index(b"\xff\xc0") + 5
    return whole[:at] + struct.pack(">HH", 13_000, 13_000) + whole[at + 4 :]


def scans(count):
    """A progressive JPEG of 64 x 64 pixels that is refined over and over again."""
    content = io.BytesIO()
    Image.fromarray(synthetic_tiles(1)[0][0]).save(content, "JPEG", progressive=True)
    whole = content.getvalue()
    refining = b"\xff\xda\0\x08\1\1\0\1\x3f\x10" + bytes(4)
    return whole[:-2] + refining * count + whole[-2:]


ARCHIVES = {
    "zip of 1 MB that unpacks to 800 MB": (zip_of_zeros, "Forest_7.jpg must have at most 65,536"),
    "zip that lies about a size": (zip_that_lies_about_a_size, "is damaged at Forest_7.jpg"),
    "zip packed by LZMA that lies": (
        lambda path, jpegs: zip_that_lies_about_a_size(path, jpegs, zipfile.ZIP_LZMA),
        "is damaged at Forest_7.jpg",
    ),
    "overlapping members": (zip_of_overlapping_members, "it has 27,000 tiles, this 60,000"),
    "two million members": (zip_of_very_many_members, "its list of members has more than"),
    "folder with a file of 3 GB": (folder_with_a_huge_file, "Forest_1.jpg must have at most"),
    "header of 13,000 x 13,000 pixels": (
        with_forest(jpeg_that_says_it_is_large),
        "Forest_1.jpg must have shape (64, 64, 3), got (13000, 13000, 3)",
    ),
    "picture of 13,000 x 13,000 pixels": (
        with_forest(jpeg_of_a_large_picture, write_folder),
        "Forest_1.jpg must have shape (64, 64, 3), got (13000, 13000)",
    ),
    "thousands of scans": (with_forest(lambda: scans(3000)), "read: 60"),
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", ARCHIVES)
def test_archive(kind, tmp_path, jpegs):
    make, expected = ARCHIVES[kind]
    make(tmp_path / "bomb", jpegs)
    survives("load_tiles", tmp_path / "bomb", expected)


def tfds_with_a_huge_record(folder):
    with open(folder / "eurosat-train.tfrecord-00000-of-00001", "wb") as file:
        file.write((3 * 2**30).to_bytes(8, "little"))
        file.truncate(3 * 2**30)


def tfds_with_very_many_records(folder):
    with open(folder / "eurosat-train.tfrecord-00000-of-00001", "wb") as file:
        file.truncate(2**30)


def tfds_with_a_huge_description(folder):
    with open(folder / "features.json", "wb") as file:
        file.truncate(3 * 2**30)


TFDS = {
    "record of 3 GB": (tfds_with_a_huge_record, "holds a record of 3,221,225,472 bytes"),
    "67 million empty records": (tfds_with_very_many_records, "holds more than 30,000 records"),
    "description of 3 GB": (tfds_with_a_huge_description, "features.json is too large"),
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", TFDS)
def test_tfds_folder(kind, tmp_path):
    make, expected = TFDS[kind]
    folder = tmp_path / "eurosat" / "rgb" / "2.0.0"
    folder.mkdir(parents=True)
    (folder / "dataset_info.json").write_text("{}")
    make(folder)
    survives("tfds", tmp_path, expected)


# Pictures of one's own


def png(width, height, colour_type=2, *chunks):
    """A white PNG, row by row."""
    channels = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[colour_type]
    row = b"\0" + b"\xff" * width * channels
    packer = zlib.compressobj(1)
    rows = b"".join(packer.compress(row) for _ in range(height)) + packer.flush()
    header = struct.pack(">IIBBBBB", width, height, 8, colour_type, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + b"".join(chunks)
        + chunk(b"IDAT", rows)
        + chunk(b"IEND", b"")
    )


def with_size(content, width, height):
    """The PNG with another size in its header."""
    header = content[12:16] + struct.pack(">II", width, height) + content[24:29]
    return content[:12] + header + zlib.crc32(header).to_bytes(4, "big") + content[33:]


def packed(kind, content):
    return chunk(kind, b"name\0\0" + content)


def jpeg(width, height, **options):
    content = io.BytesIO()
    Image.new("RGB", (width, height), (9, 99, 199)).save(content, "JPEG", **options)
    return content.getvalue()


def exif_of(tags, size):
    """Tags that all have the same bytes, so that together they have much more than the file."""
    entries = b"".join(struct.pack("<HHII", 1000 + tag, 1, size, 8) for tag in range(tags))
    return b"II*\0\x08\0\0\0" + struct.pack("<H", tags) + entries


def jpeg_with_segments(*segments):
    whole = jpeg(64, 64)
    # In the place of the one that has the resolution, so that EXIF is looked into for it.
    start = 4 + int.from_bytes(whole[4:6], "big")
    return whole[:2] + b"".join(segments) + whole[start:]


def segment(marker, content):
    return b"\xff" + bytes([marker]) + struct.pack(">H", len(content) + 2) + content


def exif_segments():
    exif = exif_of(50_000, 590_000)
    parts = [exif[at : at + 65_000] for at in range(0, len(exif), 65_000)]
    return jpeg_with_segments(*(segment(0xE1, b"Exif\0\0" + part) for part in parts))


def progressive_noise():
    content = io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 256, (700, 700, 3), np.uint8)
    Image.fromarray(np.tile(noise, (9, 9, 1))).save(
        content, "JPEG", progressive=True, subsampling=0, quality=10
    )
    return content.getvalue()


MEGABYTE = bytes(10**6)
PICTURES = {
    "PNG of 1 x 80,000,000": (
        lambda: with_size(png(1, 8), 1, 80_000_000),
        "at most 40,000,000 pixels, got 1 x 80000000",
    ),
    "PNG of 1 x 30,000,000": (
        lambda: with_size(png(1, 8), 1, 30_000_000),
        "no side of the picture may be more than 20 times the other",
    ),
    "PNG of 65,535 x 65,535": (
        lambda: with_size(png(8, 8), 65_535, 65_535),
        "at most 40,000,000 pixels",
    ),
    "JPEG of 65,500 x 65,500": (
        lambda: jpeg(64, 64).replace(b"\0\x40\0\x40\3", b"\xff\xdc\xff\xdc\3"),
        "at most 40,000,000 pixels",
    ),
    "PNG of 13,000 x 13,000": (lambda: png(13_000, 13_000, 0), "at most 40,000,000 pixels"),
    "largest PNG": (lambda: png(6_300, 6_300), "read"),
    "largest PNG with an alpha channel": (lambda: png(6_300, 6_300, 6), "read"),
    "largest PNG with a transparent colour": (
        lambda: png(6_300, 6_300, 2, chunk(b"tRNS", bytes(6))),
        "read",
    ),
    "largest PNG with a palette": (
        lambda: png(6_300, 6_300, 3, chunk(b"PLTE", bytes(768)), chunk(b"tRNS", b"\xff" * 255)),
        "read",
    ),
    "largest JPEG": (lambda: jpeg(10_900, 10_900), "read"),
    "widest of the largest JPEGs": (lambda: jpeg(48_000, 2_450), "read"),
    "largest progressive JPEG": (progressive_noise, "read"),
    "larger progressive JPEG": (
        lambda: jpeg(10_900, 10_900, progressive=True, subsampling=0),
        "at most 40,000,000 pixels",
    ),
    "JPEG with thousands of scans": (lambda: scans(3000), "at most 50 scans"),
    "3,000 packed texts of 1 MB": (
        lambda: png(64, 64, 2, packed(b"zTXt", zlib.compress(MEGABYTE)) * 3000),
        "undamaged PNG or JPEG: Too much memory used in text chunks",
    ),
    "packed text of 600 MB": (
        lambda: png(64, 64, 2, packed(b"zTXt", deflated_zeros(600))),
        "undamaged PNG or JPEG: Decompressed data too large",
    ),
    "packed international texts": (
        lambda: png(
            64,
            64,
            2,
            chunk(b"iTXt", b"name\0\1\0\0\0" + zlib.compress("é".encode() * 400_000)) * 70,
        ),
        "",
    ),
    "colour profile of 600 MB": (
        lambda: png(64, 64, 2, packed(b"iCCP", deflated_zeros(600))),
        "undamaged PNG or JPEG: Decompressed data too large",
    ),
    "three million texts": (
        lambda: png(64, 64, 2, chunk(b"tEXt", b"name\0") * 3_000_000),
        "at most 50,000 chunks",
    ),
    "fifteen million segments": (
        lambda: jpeg_with_segments(b"\xff\xe5\0\2" * 15_000_000),
        "at most 50,000 segments",
    ),
    "EXIF of a JPEG": (
        lambda: jpeg_with_segments(segment(0xE1, b"Exif\0\0" + exif_of(5_400, 60_000))),
        "read",
    ),
    "EXIF of a JPEG in many segments": (exif_segments, "at most 1 segments of EXIF"),
    "EXIF of a PNG": (
        lambda: png(64, 64, 2, chunk(b"eXIf", exif_of(50_000, 590_000))),
        "at most 65,536 bytes of EXIF",
    ),
    "EXIF of a PNG as text": (
        lambda: png(
            64,
            64,
            2,
            chunk(
                b"zTXt",
                b"Raw profile type exif\0\0"
                + zlib.compress(b"\nexif\n   600000\n" + exif_of(39_000, 460_000).hex().encode()),
            ),
        ),
        "at most 65,536 bytes of EXIF",
    ),
    "file of 70 MB": (lambda: jpeg(64, 64) + MEGABYTE * 70, "at most 67,108,864 bytes"),
}


def deflated_zeros(megabytes):
    packer = zlib.compressobj(9)
    return b"".join(packer.compress(part) for part in zeros(megabytes)) + packer.flush()


@pytest.mark.slow
@pytest.mark.parametrize("kind", PICTURES)
def test_picture(kind, tmp_path):
    make, expected = PICTURES[kind]
    (tmp_path / "bomb").write_bytes(make())
    survives("read_tile", tmp_path / "bomb", expected)
