"""Damaged folders of TFDS: named with the way out, or passed over by ``auto`` in one line."""

import json
import shutil

import pytest
from conftest import write_zip
from helpers_files import KINDS_OF_NO_FILE, forbid

from eurosat_inpaint.data import archives, load_tiles, mirror
from eurosat_inpaint.data.archives import TFDS_VARIABLE


@pytest.fixture(scope="module")
def prepared(tmp_path_factory, jpegs):
    """A data folder of TFDS, prepared from a tiny archive; never changed, but copied."""
    import tensorflow_datasets as tfds

    top = tmp_path_factory.mktemp("tfds")

    with pytest.MonkeyPatch.context() as patched:
        # The original's, which is registered under this name, stays.
        patched.setattr(tfds.core.registered, "_DATASET_REGISTRY", {})

        class Eurosat(tfds.core.GeneratorBasedBuilder):
            """What the original's builder makes, of fewer tiles."""

            VERSION = tfds.core.Version("2.0.0")
            BUILDER_CONFIGS = [tfds.core.BuilderConfig(name="rgb")]

            def _info(self):
                return tfds.core.DatasetInfo(
                    builder=self,
                    features=tfds.features.FeaturesDict(
                        {
                            "image": tfds.features.Image(shape=[64, 64, 3]),
                            "label": tfds.features.ClassLabel(names=list(archives.CLASS_NAMES)),
                            "filename": tfds.features.Text(),
                        }
                    ),
                )

            def _split_generators(self, dl_manager):
                return {"train": self._generate_examples()}

            def _generate_examples(self):
                for name, jpeg in jpegs.items():
                    path = top / name
                    path.write_bytes(jpeg)
                    label = name.split("_")[0]
                    yield name, {"image": str(path), "label": label, "filename": name}

        Eurosat(data_dir=top / "data").download_and_prepare()
    return top / "data"


@pytest.fixture
def folder(prepared, tmp_path, monkeypatch):
    """A copy of the prepared folder, to be damaged, as TFDS' own place."""
    root = tmp_path / "tfds"
    shutil.copytree(prepared, root)
    monkeypatch.setenv(TFDS_VARIABLE, str(root))
    return root / "eurosat" / "rgb" / "2.0.0"


def shard_of(folder):
    return next(folder.glob("*.tfrecord*"))


def cut(keep):
    def damage(folder):
        content = shard_of(folder).read_bytes()
        shard_of(folder).write_bytes(content[: int(keep * len(content))])

    return damage


def without_the_last_record(folder):
    content = shard_of(folder).read_bytes()
    at = last = 0
    while at < len(content):
        last, at = at, at + 16 + int.from_bytes(content[at : at + 8], "little")
    shard_of(folder).write_bytes(content[:last])


def flipped(first, count=1):
    def damage(folder):
        content = bytearray(shard_of(folder).read_bytes())
        for at in range(first, first + count):
            content[at] ^= 0xFF
        shard_of(folder).write_bytes(content)

    return damage


def without(name):
    return lambda folder: next(folder.glob(name)).unlink()


def instead_of(name, content):
    return lambda folder: next(folder.glob(name)).write_bytes(content)


def described(change):
    def damage(folder):
        path = folder / "dataset_info.json"
        facts = json.loads(path.read_text())
        change(facts)
        path.write_text(json.dumps(facts))

    return damage


def emptied(folder):
    shutil.rmtree(folder)
    folder.mkdir()


def of_other_records(folder):
    """The records of a data set that is another."""
    import tensorflow as tf

    with tf.io.TFRecordWriter(str(shard_of(folder))) as writer:
        for _ in range(60):
            writer.write(tf.train.Example().SerializeToString())


def of_other_names(folder):
    content = shard_of(folder).read_bytes()
    assert b"River_3.jpg" in content
    rewrite(folder, lambda record: record.replace(b"River_3.jpg", b"Rover_3.jpg"))


def of_other_pictures(folder):
    rewrite(folder, lambda record: record.replace(b"\xff\xd8\xff", b"%!PS"[:3]))


def twice_the_same(folder):
    rewrite(folder, lambda record: record.replace(b"River_3.jpg", b"River_4.jpg"))


def rewrite(folder, change):
    import tensorflow as tf

    shard = str(shard_of(folder))
    records = [change(record.numpy()) for record in tf.data.TFRecordDataset(shard)]
    with tf.io.TFRecordWriter(shard) as writer:
        for record in records:
            writer.write(record)


def with_a_pipe(folder):
    (folder / "dataset_info.json").unlink()
    KINDS_OF_NO_FILE["pipe"](folder).rename(folder / "dataset_info.json")


def as_a_file(folder):
    shutil.rmtree(folder)
    folder.write_text("a file")


DAMAGES = {
    "record file cut within a record": cut(0.5),
    "record file cut near its end": cut(0.99),
    "record file without its last record": without_the_last_record,
    "record file without content": cut(0),
    "byte of a tile flipped": flipped(500),
    "byte of a record's size flipped": flipped(3),
    "many bytes flipped": flipped(20_000, 500),
    "record file missing": without("*.tfrecord*"),
    "dataset_info.json missing": without("dataset_info.json"),
    "dataset_info.json empty": instead_of("dataset_info.json", b""),
    "dataset_info.json garbled": instead_of("dataset_info.json", b"{[\xff\0garbled"),
    "dataset_info.json of something else": instead_of("dataset_info.json", b'{"a": 1}'),
    "dataset_info.json a list": instead_of("dataset_info.json", b"[]"),
    "split of another name": described(lambda facts: facts["splits"][0].update(name="test")),
    "no splits": described(lambda facts: facts.update(splits=[])),
    "more record files than there are": described(
        lambda facts: facts["splits"][0].update(shardLengths=["30", "30"])
    ),
    "more tiles than there are": described(
        lambda facts: facts["splits"][0].update(shardLengths=["70"])
    ),
    "record file of other data": of_other_records,
    "record file of other names": of_other_names,
    "record file of other pictures": of_other_pictures,
    "tile twice": twice_the_same,
    "folder emptied": emptied,
    "folder that is a file": as_a_file,
    "pipe for a file": with_a_pipe,
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", DAMAGES)
def test_damaged_folder(kind, folder, tmp_path, jpegs, monkeypatch, capsys):
    DAMAGES[kind](folder)
    with pytest.raises(ValueError) as refused:
        load_tiles("all", source="tfds")
    message = str(refused.value)
    assert message.startswith(f"{folder}, which TFDS prepared, is damaged: ")
    assert message.endswith("; delete this folder, and it is prepared anew")
    assert "\n" not in message

    # The next source is taken, and one line says so, once.
    monkeypatch.setattr(mirror, "fetch_mirror", lambda: write_zip(tmp_path / "mirror.zip", jpegs))
    capsys.readouterr()
    for _ in range(2):
        assert load_tiles("all").source == "mirror"
    # Not to the letter: TensorFlow numbers the steps of its pipelines.
    said = capsys.readouterr().out
    assert said.startswith(f"The tiles of TFDS are passed over: {folder}, which")
    assert said.endswith("it is prepared anew\n") and said.count("\n") == 1


MAYBE_HARMLESS = {
    "features.json missing": without("features.json"),
    "features.json garbled": instead_of("features.json", b"{[\xff\0garbled"),
    "names of labels missing": without("label.labels.txt"),
    "nothing": lambda folder: None,
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", MAYBE_HARMLESS)
def test_all_tiles_or_those_of_another_source(kind, folder, jpegs, capsys):
    """Versions of TFDS differ in whether they need these files."""
    MAYBE_HARMLESS[kind](folder)
    tiles = load_tiles("all")
    if tiles.source == "tfds":
        assert sorted(tiles.filenames) == sorted(jpegs)
    else:
        assert f"{folder}, which TFDS prepared, is damaged" in capsys.readouterr().out


@pytest.mark.slow
def test_deleted_as_it_is_said_it_is_prepared_anew(folder, monkeypatch):
    asked = []
    emptied(folder)
    monkeypatch.setattr(archives.TfdsArchive, "_prepare", lambda self: asked.append(self) or 1 / 0)
    with pytest.raises(ValueError, match="delete this folder"):
        load_tiles(source="tfds")
    shutil.rmtree(folder)
    with pytest.raises(ZeroDivisionError):
        load_tiles(source="tfds")
    assert len(asked) == 1


# These need no TFDS


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "SYNTHETIC_TILES", 20)
    monkeypatch.setenv(TFDS_VARIABLE, str(tmp_path / "tfds"))
    return tmp_path / "tfds"


def passed_over(capsys):
    """What ``auto`` says before it goes on to other tiles."""
    assert load_tiles("all").source == "synthetic"
    first, second = capsys.readouterr().out.splitlines()
    assert "Synthetic tiles are used" in second
    return first


def test_a_data_folder_that_is_a_file(place, capsys):
    place.write_text("a file")
    message = f"{TFDS_VARIABLE} must be the data folder of TFDS, got the file {place}"
    with pytest.raises(ValueError, match=message):
        load_tiles(source="tfds")
    assert message in passed_over(capsys)


@pytest.mark.parametrize("below", ["eurosat", "eurosat/rgb"])
def test_a_file_in_the_place_of_a_folder(below, place, capsys):
    (place / below).parent.mkdir(parents=True)
    (place / below).write_text("a file")
    with pytest.raises(ValueError, match=r"tfds/eurosat/rgb cannot be read: Not a directory"):
        load_tiles(source="tfds")
    assert "tfds/eurosat/rgb cannot be read: Not a directory" in passed_over(capsys)


@pytest.mark.parametrize("below", ["eurosat/rgb", "eurosat/rgb/2.0.0"])
def test_a_folder_that_may_not_be_read(below, place, capsys, monkeypatch):
    (place / "eurosat" / "rgb" / "2.0.0").mkdir(parents=True)
    forbid(monkeypatch, place / below)
    with pytest.raises(ValueError, match=f"{below}.*: Permission denied"):
        load_tiles(source="tfds")
    assert "Permission denied" in passed_over(capsys)


def test_a_folder_that_is_not_there_or_has_nothing_is_no_damage(place, capsys):
    for folder in (place, place / "eurosat", place / "eurosat" / "rgb"):
        assert load_tiles("all").source == "synthetic"
        folder.mkdir()
    assert load_tiles("all").source == "synthetic"
    assert "TFDS" not in capsys.readouterr().out


def test_the_place_may_begin_with_the_home_folder(tmp_path, monkeypatch):
    (tmp_path / "tfds" / "eurosat" / "rgb" / "2.0.0").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    monkeypatch.setenv(TFDS_VARIABLE, "~/tfds")
    found = archives.prepared_tfds_folder()
    assert found == tmp_path / "tfds" / "eurosat" / "rgb" / "2.0.0"
    monkeypatch.delenv(TFDS_VARIABLE)
    assert archives.prepared_tfds_folder("~/tfds") == found


def test_a_place_that_cannot_be_written_is_named(place, tmp_path, jpegs, monkeypatch):
    monkeypatch.setattr(mirror, "fetch_mirror", lambda: write_zip(tmp_path / "m.zip", jpegs))
    place.mkdir()
    (place / "downloads").write_text("a file")
    with pytest.raises(ValueError, match=rf"TFDS cannot prepare EuroSAT in {place}: Not a dir"):
        load_tiles(source="tfds")
