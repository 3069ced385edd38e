"""Weights and cards that are damaged: one breaks no other, and what is wrong is said."""

import json
import re
import shutil

import h5py
import numpy as np
import pytest

from eurosat_inpaint import data, masks, pretrained

CARD, WEIGHTS = "unet.json", "unet.weights.h5"


def write(content):
    def damage(path):
        path.write_bytes(content)

    return damage


def change(**facts):
    def damage(path):
        path.write_text(json.dumps(json.loads(path.read_text()) | facts))

    return damage


def leave_out(key):
    def damage(path):
        facts = json.loads(path.read_text())
        del facts[key]
        path.write_text(json.dumps(facts))

    return damage


def cut(share):
    def damage(path):
        content = path.read_bytes()
        path.write_bytes(content[: int(share * len(content))])

    return damage


def folder_in_place(path):
    path.unlink()
    path.mkdir()


def link_to_nowhere(path):
    path.unlink()
    path.symlink_to("nowhere")


# Said by the name of the card, and the network is not listed.
DAMAGED_CARDS = {
    "empty": write(b""),
    "cut": cut(0.5),
    "no text": write(b"\xff\xfe\x00\x01"),
    "nested without end": write(b"[" * 100_000),
    "a list": write(b"[]"),
    "a number": write(b"3"),
    "null": write(b"null"),
    "folder in place": folder_in_place,
    "link to nowhere": link_to_nowhere,
    "no builder": leave_out("builder"),
    "no arguments": leave_out("arguments"),
    "no weights": leave_out("weights"),
    "no digest": leave_out("sha256"),
    "arguments a list": change(arguments=[1]),
    "digest a number": change(sha256=5),
    "weights elsewhere": change(weights="../unet.weights.h5"),
    "of another network": lambda path: shutil.copy(path.with_name("gan.json"), path),
}
# The card can be read, but does not fit the weights.
MISFITS = {
    "builder unknown": change(builder="vnet"),
    "builder no builder": change(builder="__doc__"),
    "argument unknown": change(arguments={"colour": 1}),
    "argument wrong": change(arguments={"filters": [-1], "blocks": [1]}),
    "other filters": change(arguments={"filters": [8, 8], "blocks": [1, 1]}),
    "other depth": change(arguments={"filters": [64, 96, 144], "blocks": [2, 1, 1]}),
    "other builder": change(builder="classifier", arguments={}),
}


def change_byte(position):
    def damage(path):
        content = bytearray(path.read_bytes())
        content[position] ^= 1
        path.write_bytes(content)

    return damage


DAMAGED_WEIGHTS = {
    "first byte": change_byte(0),
    "byte in the middle": change_byte(1_000_000),
    "last byte": change_byte(-1),
    "empty": write(b""),
    "cut": cut(0.9),
    "longer": lambda path: path.write_bytes(path.read_bytes() + b"0"),
    "of another network": lambda path: shutil.copy(path.with_name("gan.weights.h5"), path),
    "a text": write(b"not found"),
}
MISSING_WEIGHTS = {
    "gone": lambda path: path.unlink(),
    "folder in place": folder_in_place,
    "link to nowhere": link_to_nowhere,
}


def dataset(file):
    """Name of a dataset of the weights."""
    found = []
    file.visititems(lambda name, item: found.append(name) if hasattr(item, "shape") else None)
    return found[0]


def link_elsewhere(file, folder):
    name = dataset(file)
    shutil.copy(folder / "gan.weights.h5", folder / "other.h5")
    del file[name]
    file[name] = h5py.ExternalLink("other.h5", name)


def link_a_group_elsewhere(file, folder):
    name = dataset(file).split("/")[0]
    shutil.copy(folder / "gan.weights.h5", folder / "other.h5")
    del file[name]
    file[name] = h5py.ExternalLink("other.h5", name)


def numbers_elsewhere(file, folder):
    name = dataset(file)
    values = file[name][()]
    values.tofile(folder / "other.bin")
    del file[name]
    where = [(str(folder / "other.bin"), 0, values.nbytes)]
    file.create_dataset(name, values.shape, values.dtype, external=where)


def virtual(file, folder):
    name = dataset(file)
    shape, dtype = file[name].shape, file[name].dtype
    shutil.copy(folder / "gan.weights.h5", folder / "other.h5")
    del file[name]
    layout = h5py.VirtualLayout(shape, dtype)
    layout[...] = h5py.VirtualSource("other.h5", name, shape)
    file.create_virtual_dataset(name, layout)


def other_shape(file, _):
    name = dataset(file)
    del file[name]
    file[name] = np.zeros((2, 2), np.float32)


def without_a_layer(file, _):
    del file[dataset(file)]


def words(file, _):
    name = dataset(file)
    del file[name]
    file[name] = "words"


def link_in_a_circle(file, _):
    name = dataset(file)
    del file[name]
    file[name] = h5py.SoftLink(f"/{name}")


OTHER_CONTENT = {
    "external link": link_elsewhere,
    "external link to a group": link_a_group_elsewhere,
    "numbers in another file": numbers_elsewhere,
    "virtual dataset": virtual,
    "other shape": other_shape,
    "a layer missing": without_a_layer,
    "words": words,
    "link in a circle": link_in_a_circle,
}


@pytest.mark.parametrize("damage", DAMAGED_CARDS)
def test_a_damaged_card_is_left_out_and_named_when_asked_for(damage, copied_weights):
    DAMAGED_CARDS[damage](copied_weights / CARD)
    assert pretrained.names() == ["gan", "gan_control", "unet_any", "wnet"]
    assert pretrained.names("classification") == ["classifier", "second_classifier"]
    pretrained.load("classifier")
    for function in (pretrained.card, pretrained.load):
        with pytest.raises(ValueError, match=f"^{CARD} is damaged: "):
            function("unet")


@pytest.mark.parametrize("damage", MISFITS)
def test_a_card_that_does_not_fit_its_weights_is_named(damage, copied_weights):
    MISFITS[damage](copied_weights / CARD)
    with pytest.raises(ValueError, match=f"{WEIGHTS} and its card {CARD} do not fit together: ."):
        pretrained.load("unet")


@pytest.mark.parametrize("damage", DAMAGED_WEIGHTS)
def test_damaged_weights_are_named(damage, copied_weights):
    DAMAGED_WEIGHTS[damage](copied_weights / WEIGHTS)
    with pytest.raises(ValueError, match=f"^{WEIGHTS} is damaged: its SHA-256"):
        pretrained.load("unet")


@pytest.mark.parametrize("damage", MISSING_WEIGHTS)
def test_missing_weights_are_named(damage, copied_weights):
    MISSING_WEIGHTS[damage](copied_weights / WEIGHTS)
    with pytest.raises(FileNotFoundError, match=f"^{WEIGHTS}, the weights of 'unet', is missing"):
        pretrained.load("unet")


@pytest.mark.parametrize("content", OTHER_CONTENT)
def test_other_content_with_its_digest_in_the_card_is_refused(content, copied_weights):
    with h5py.File(copied_weights / WEIGHTS, "r+") as file:
        OTHER_CONTENT[content](file, copied_weights)
    change(sha256=pretrained.sha256_of(copied_weights / WEIGHTS))(copied_weights / CARD)
    # Old versions of Keras follow links.
    elsewhere = ("external link", "external link to a group", "numbers in another file", "virtual")
    why = "another file" if content.startswith(elsewhere) else "."
    message = f"^{WEIGHTS} and its card {CARD} do not fit together: .*{why}"
    with pytest.raises(ValueError, match=message):
        pretrained.load("unet")


FIRST_STAGES = {
    "unknown": (change(first_stage="vnet"), "^name must be one of .*'vnet'|first_stage"),
    "itself": (change(first_stage="wnet"), "'wnet' was trained behind another 'wnet'"),
    "no digest": (leave_out("first_stage_sha256"), "'wnet' was trained behind another 'unet'"),
    "a list": (change(first_stage=["unet"]), "name must be one of|first_stage"),
    "another": (change(first_stage="gan"), "'wnet' was trained behind another 'gan'"),
}


@pytest.mark.parametrize("damage", FIRST_STAGES)
def test_a_wrong_first_stage_is_refused(damage, copied_weights):
    make, message = FIRST_STAGES[damage]
    make(copied_weights / "wnet.json")
    with pytest.raises(ValueError, match=message):
        pretrained.load("wnet")


@pytest.mark.parametrize("name", ["a" * 5000, "un\0et", "..", "unet.json", 3, [1], np.arange(3)])
def test_names_of_no_network_are_refused(name):
    for function in (pretrained.load, pretrained.card):
        with pytest.raises(ValueError, match="^name must be one of"):
            function(name)


@pytest.mark.parametrize("task", ["", "inpaint", 3, ["inpainting"]])
def test_other_tasks_are_refused(task):
    with pytest.raises(ValueError, match="^task must be one of"):
        pretrained.names(task)


def test_inpaint_by_a_name_whose_card_is_damaged_says_so(copied_weights):
    pretrained.loaded.cache_clear()
    write(b"{")(copied_weights / CARD)
    tiles = data.synthetic_tiles(1)[0]
    with pytest.raises(ValueError, match=re.escape(f"{CARD} is damaged")):
        pretrained.inpaint(tiles, masks.line_masks(1))
