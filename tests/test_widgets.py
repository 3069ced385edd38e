"""The explorers: every control does what its label says, and says so in words too."""

import asyncio
import base64
import inspect
import io
import re
import subprocess
import sys
from datetime import UTC, datetime
from html import unescape

import ipywidgets
import numpy as np
import pytest
from PIL import Image

import eurosat_inpaint as ei
from eurosat_inpaint import baselines, masks, metrics, widgets
from eurosat_inpaint.data import CLASS_NAMES, Tiles, synthetic_tiles
from eurosat_inpaint.widgets import controls, explorers, redrawing, restoring
from eurosat_inpaint.widgets.controls import OWN_PICTURE, uploaded_file

FAMILY_LABELS = [
    "lines",
    "free lines",
    "scan-line gaps",
    "clouds",
    "boxes",
    "brush strokes",
    "random pixels",
    "dead columns",
]
LABELS = dict(zip(FAMILY_LABELS, masks.FAMILIES, strict=True))


@pytest.fixture(scope="module")
def tiles():
    images, labels, filenames = synthetic_tiles(40, seed=5)
    order = np.argsort(filenames)
    names = [filenames[k] for k in order]
    return Tiles(images[order], labels[order], names, CLASS_NAMES, "synthetic")


@pytest.fixture(autouse=True)
def short_histogram(monkeypatch):
    monkeypatch.setattr(explorers, "_COUNTED", 5)


@pytest.fixture
def mask_explorer(tiles):
    return widgets.mask_explorer(tiles)


@pytest.fixture
def inpainting_explorer(tiles):
    explorer = widgets.inpainting_explorer(tiles)
    control(explorer, "Method, left").value = "nearest"
    return explorer


# What a user sees and touches


def all_widgets(widget):
    yield widget
    for child in getattr(widget, "children", ()):
        yield from all_widgets(child)


def control(explorer, label):
    (found,) = [w for w in all_widgets(explorer) if getattr(w, "description", None) == label]
    return found


def labels_of(explorer):
    return [w.description for w in all_widgets(explorer) if getattr(w, "description", None)]


def words(explorer, name):
    """The text of what carries a class, without its tags."""
    (found,) = [w for w in all_widgets(explorer) if name in w._dom_classes]
    return unescape(re.sub("<[^>]*>", "", found.value))


def message(explorer):
    return words(explorer, "explorer-message")


def picture(explorer, caption, which=0):
    """Words and pixels of the picture whose caption begins so, or of the next one."""
    found = []
    for row in all_widgets(explorer):
        if "explorer-row" not in getattr(row, "_dom_classes", ()):
            continue
        cells = re.findall('<div class="explorer-cell">(.*?)</div>', row.children[0].value)
        images = [w.value for w in all_widgets(row) if isinstance(w, ipywidgets.Image)]
        found += [
            (unescape(re.sub("<[^>]*>", " ", cell)), image)
            for cell, image in zip(cells, images, strict=False)
            if cell.startswith(f"<p><b>{caption}")
        ]
    words, png = found[which]
    return words, pixels(png)


def pixels(png):
    """The pixels of a PNG, or of an address that holds one."""
    png = bytes(png)
    if png.startswith(b"data:image/png;base64,"):
        png = base64.b64decode(png.split(b",")[1])
    with Image.open(io.BytesIO(bytes(png))) as opened:
        return np.asarray(opened.convert("RGB"))


def grey(mask):
    return np.repeat(255 * mask[0], 3, axis=-1)


def run_code(explorer, **names):
    """What the lines of code of an explorer bind, given a notebook's names."""
    names = {"ei": ei, **names}
    exec(control(explorer, "Code").value, names)
    return names


def mask_by_code(explorer, **names):
    return run_code(explorer, **names)["masks"]


def choose_family(explorer, label):
    control(explorer, "Mask family").value = LABELS[label]


def family_controls(explorer):
    """Sliders and tick boxes of the family, by label."""
    every = list(all_widgets(explorer))
    first = every.index(control(explorer, "Mask family"))
    last = every.index(control(explorer, "Mask (seed)"))
    return {w.description: w for w in every[first + 1 : last] if hasattr(w, "description")}


def ends(slider):
    """Values at which a control stands at its ends."""
    if isinstance(slider, ipywidgets.Checkbox):
        return [not slider.value, slider.value]
    if isinstance(slider, ipywidgets.IntRangeSlider):
        return [(end, end) for end in (slider.min, slider.max)] + [(slider.min, slider.max)]
    return [slider.min, slider.max]


# Masks


def test_first_drawing_is_there_at_once(mask_explorer, tiles):
    mask = masks.make("lines", 1, seed=0)
    caption, tile = picture(mask_explorer, "Tile")
    index = control(mask_explorer, "Tile (number)").value
    np.testing.assert_array_equal(tile, tiles.images[index])
    assert tiles.filenames[index] in caption and "synthetic" in caption
    np.testing.assert_array_equal(picture(mask_explorer, "Mask<")[1], grey(mask))
    masked = tiles.images[index] * mask[0].astype(np.uint8)
    np.testing.assert_array_equal(picture(mask_explorer, "Masked tile")[1], masked)
    known = 100 * masks.coverage(mask)[0]
    assert f"{known:.1f} % known" in picture(mask_explorer, "Mask<")[0]
    code = 'masks = ei.masks.make("lines", 1, seed=0, lines=9, thickness=2)'
    assert control(mask_explorer, "Code").value == code


def test_all_families_are_there(mask_explorer):
    shown = [label for label, _ in control(mask_explorer, "Mask family").options]
    assert shown == FAMILY_LABELS


@pytest.mark.parametrize("family", FAMILY_LABELS)
def test_every_parameter_of_a_family_has_a_control(family, mask_explorer):
    choose_family(mask_explorer, family)
    for box in family_controls(mask_explorer).values():
        if isinstance(box, ipywidgets.Checkbox):
            box.value = True
    enabled = {name for name in re.findall(r"(\w+)=", control(mask_explorer, "Code").value)}
    # The number of shapes is not used where a coverage is asked for.
    counts = {"lines", "boxes", "strokes", "groups"} if "coverage" in enabled else set()
    accepted = set(inspect.signature(masks.FAMILIES[LABELS[family]]).parameters)
    assert enabled == accepted - {"n", "size"} - counts


@pytest.mark.parametrize("family", FAMILY_LABELS)
def test_every_control_changes_the_mask_and_all_that_is_said_of_it(family, mask_explorer):
    choose_family(mask_explorer, family)
    # A narrow gap beside the default would be the same mask again.
    for label, slider in family_controls(mask_explorer).items():
        if label in ("Ask for a coverage", "Choose the place"):
            continue
        before, picture_before = slider.value, picture(mask_explorer, "Mask<")[1]
        slider.value = ends(slider)[0]
        if "This cannot be shown" in message(mask_explorer):
            slider.value = ends(slider)[-1]
        assert message(mask_explorer) == ""
        mask, shown = mask_by_code(mask_explorer), picture(mask_explorer, "Mask<")[1]
        assert not np.array_equal(shown, picture_before), label
        np.testing.assert_array_equal(shown, grey(mask))
        known = f"{100 * masks.coverage(mask)[0]:.1f} % known"
        assert known in picture(mask_explorer, "Mask<")[0]
        slider.value = before
        np.testing.assert_array_equal(picture(mask_explorer, "Mask<")[1], picture_before)


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILY_LABELS)
def test_no_end_of_a_slider_breaks_anything(family, mask_explorer):
    choose_family(mask_explorer, family)
    boxes = [w for w in family_controls(mask_explorer).values() if is_box(w)]
    for ticked in (False, True) if boxes else (False,):
        for box in boxes:
            box.value = ticked
        for slider in family_controls(mask_explorer).values():
            if is_box(slider):
                continue
            before = slider.value
            for value in ends(slider):
                slider.value = value
                if message(mask_explorer) == "":
                    shown = picture(mask_explorer, "Mask<")[1]
                    np.testing.assert_array_equal(shown, grey(mask_by_code(mask_explorer)))
            slider.value = before
        assert message(mask_explorer) == ""


def is_box(widget):
    return isinstance(widget, ipywidgets.Checkbox)


def test_sliders_change_with_the_family_and_keep_their_values(mask_explorer):
    of_lines = family_controls(mask_explorer)
    assert "Number of lines" in of_lines and "OpenCV thickness" in of_lines
    control(mask_explorer, "Number of lines").value = 4
    choose_family(mask_explorer, "clouds")
    assert set(family_controls(mask_explorer)) == {
        "Coverage (%)",
        "Cloud size (px)",
        "Layers of noise",
        "Roughness (0-1)",
    }
    choose_family(mask_explorer, "lines")
    assert control(mask_explorer, "Number of lines").value == 4
    assert masks.make("lines", 1, lines=4).mean() == mask_by_code(mask_explorer).mean()


def test_coverage_is_asked_for_only_where_its_box_is_ticked(mask_explorer):
    number = control(mask_explorer, "Number of lines")
    assert "Coverage (%)" not in labels_of(mask_explorer)
    control(mask_explorer, "Ask for a coverage").value = True
    # What is not used is not there: no slider is shown that does nothing.
    assert "Number of lines" not in labels_of(mask_explorer)
    control(mask_explorer, "Coverage (%)").value = 70
    code = 'masks = ei.masks.make("lines", 1, seed=0, thickness=2, coverage=0.7)'
    assert control(mask_explorer, "Code").value == code
    assert masks.coverage(mask_by_code(mask_explorer))[0] == pytest.approx(0.7, abs=0.03)
    control(mask_explorer, "Ask for a coverage").value = False
    assert control(mask_explorer, "Number of lines") is number
    assert "coverage" not in control(mask_explorer, "Code").value


def test_no_family_has_more_controls_than_there_is_room_for(mask_explorer):
    for family in FAMILY_LABELS:
        choose_family(mask_explorer, family)
        for box in filter(is_box, family_controls(mask_explorer).values()):
            box.value = True
        assert len(family_controls(mask_explorer)) <= controls._ROWS


def test_reset_brings_back_the_start(inpainting_explorer):
    fresh = state(widgets.inpainting_explorer(inpainting_explorer._tile._tiles))
    for label, value in {"Mask (seed)": 5, "Zoom": "middle, enlarged", "Tile (number)": 3}.items():
        control(inpainting_explorer, label).value = value
    control(inpainting_explorer, "Number of lines").value = 3
    choose_family(inpainting_explorer, "clouds")
    control(inpainting_explorer, "Class").value = CLASS_NAMES[1]
    assert state(inpainting_explorer) != fresh
    control(inpainting_explorer, "Reset").click()
    assert state(inpainting_explorer) == fresh


def state(explorer):
    """Labels, values and pictures of all that is shown."""
    shown = []
    for widget in all_widgets(explorer):
        value = getattr(widget, "value", "")
        value = bytes(value) if isinstance(value, memoryview) else value
        shown.append((getattr(widget, "description", ""), value))
    return shown


def test_another_mask_is_that_of_the_next_seed_and_the_last_is_followed_by_the_first(mask_explorer):
    seed = control(mask_explorer, "Mask (seed)")
    for before, after in ((0, 1), (seed.max, 0)):
        seed.value = before
        control(mask_explorer, "Another mask").click()
        assert seed.value == after
        shown = picture(mask_explorer, "Mask<")[1]
        np.testing.assert_array_equal(shown, grey(masks.make("lines", 1, seed=after)))


def test_histogram_is_of_the_first_seeds_and_follows_the_sliders(mask_explorer):
    (histogram,) = [w for w in all_widgets(mask_explorer) if "explorer-chart" in w._dom_classes]
    for lines in (9, 20):
        before = bytes(histogram.value)
        control(mask_explorer, "Number of lines").value = lines
        drawn = np.concatenate([masks.make("lines", 1, lines=lines, seed=k) for k in range(5)])
        percent = 100 * masks.coverage(drawn)
        said = picture(mask_explorer, "Coverage of 5 such masks, seeds 0 to 4")[0]
        assert f"mean {percent.mean():.1f} %" in said
        assert f"deviation {percent.std():.1f} points" in said
        assert f"{percent.min():.1f} to {percent.max():.1f} %" in said
    assert bytes(histogram.value) != before


# Tiles


def test_class_and_number_choose_the_tile(mask_explorer, tiles):
    number = control(mask_explorer, "Tile (number)")
    assert number.max == len(tiles) - 1
    label = tiles.labels[-1]
    members = np.flatnonzero(tiles.labels == label)
    control(mask_explorer, "Class").value = tiles.class_names[label]
    assert number.max == len(members) - 1
    for k in (0, number.max):
        number.value = k
        caption, shown = picture(mask_explorer, "Tile")
        np.testing.assert_array_equal(shown, tiles.images[members[k]])
        assert tiles.filenames[members[k]] in caption
        assert control(mask_explorer, "Tile (name)").value == tiles.filenames[members[k]]


def test_a_name_chooses_the_tile_whatever_its_class(mask_explorer, tiles):
    control(mask_explorer, "Class").value = tiles.class_names[tiles.labels[0]]
    name = control(mask_explorer, "Tile (name)")
    name.value = f" {tiles.filenames[-1]} "
    np.testing.assert_array_equal(picture(mask_explorer, "Tile")[1], tiles.images[-1])
    assert control(mask_explorer, "Tile (number)").value == len(tiles) - 1
    name.value = "Lake_7.jpg"
    assert "no tile here is called 'Lake_7.jpg'" in message(mask_explorer)
    np.testing.assert_array_equal(picture(mask_explorer, "Tile")[1], tiles.images[-1])


def test_it_begins_with_the_river_of_most_contrast(mask_explorer, tiles):
    def contrast(image):
        squares = [
            image[r : r + 4, c : c + 4].mean((0, 1))
            for r in range(0, 64, 4)
            for c in range(0, 64, 4)
        ]
        return np.std(squares, axis=0).mean()

    rivers = np.flatnonzero(tiles.labels == CLASS_NAMES.index("River"))
    most = max(rivers, key=lambda k: contrast(tiles.images[k]))
    np.testing.assert_array_equal(picture(mask_explorer, "Tile")[1], tiles.images[most])
    without = tiles[tiles.labels != CLASS_NAMES.index("River")]
    assert control(widgets.mask_explorer(without), "Tile (name)").value in without.filenames


def test_only_classes_that_occur_are_offered(tiles):
    some = tiles[np.isin(tiles.labels, (2, 5))]
    options = control(widgets.mask_explorer(some), "Class").options
    assert tuple(options) == ("any class", CLASS_NAMES[2], CLASS_NAMES[5])


def test_another_tile_is_another_one_of_its_class(mask_explorer, tiles):
    control(mask_explorer, "Class").value = tiles.class_names[tiles.labels[7]]
    for _ in range(10):
        before = picture(mask_explorer, "Tile")[0]
        control(mask_explorer, "Another tile").click()
        after = picture(mask_explorer, "Tile")[0]
        assert before != after and tiles.class_names[tiles.labels[7]] in after


def test_a_class_of_one_tile_has_no_other(tiles):
    explorer = widgets.mask_explorer(tiles[:1])
    control(explorer, "Another tile").click()
    np.testing.assert_array_equal(picture(explorer, "Tile")[1], tiles.images[0])


# Restoring


def methods_of(explorer, side="left"):
    return [name for _, name in control(explorer, f"Method, {side}").options]


def test_methods_are_the_fills_and_the_shipped_networks(inpainting_explorer):
    for side in ("left", "right"):
        offered = methods_of(inpainting_explorer, side)
        assert sorted(offered) == sorted([*baselines.FILLS, *ei.pretrained.names()])
        assert offered == list(restoring.METHODS)


def test_methods_stand_in_the_order_of_their_error():
    def mse_of(name):
        return ei.pretrained.card(name)["validation"]["mse"]

    order = list(restoring.METHODS)
    networks = [name for name in order if name in ei.pretrained.names()]
    assert networks == sorted(networks, key=mse_of)
    assert order[: len(networks)] == networks
    assert order[len(networks) :] == [
        "push_pull",
        "navier_stokes",
        "telea",
        "biharmonic",
        "nearest",
        "mean",
    ]


def test_without_opencv_its_fills_are_not_offered(tiles, monkeypatch):
    monkeypatch.setattr(restoring, "find_spec", lambda name: None)
    offered = methods_of(widgets.inpainting_explorer(tiles[:2]))
    assert set(baselines.FILLS) - set(offered) == {"telea", "navier_stokes"}


def test_a_network_without_plain_name_is_offered_by_its_own(tiles, monkeypatch):
    monkeypatch.delitem(restoring.METHODS, "mean")
    assert control(widgets.inpainting_explorer(tiles), "Method, left").options[-1] == (
        "mean",
        "mean",
    )


def test_it_starts_with_the_unet_beside_push_pull(tiles):
    explorer = widgets.inpainting_explorer(tiles)
    started = [control(explorer, f"Method, {side}").value for side in ("left", "right")]
    assert started == ["unet", "push_pull"]


@pytest.mark.parametrize("method", [*baselines.FILLS, "unet"])
def test_code_gives_the_same_mask_and_results(method, tiles, inpainting_explorer):
    choose_family(inpainting_explorer, "boxes")
    control(inpainting_explorer, "Mask (seed)").value = 3
    control(inpainting_explorer, "Tile (number)").value = 11
    control(inpainting_explorer, "Method, right").value = method
    names = run_code(inpainting_explorer, tiles=tiles)
    np.testing.assert_array_equal(names["masks"], masks.make("boxes", 1, seed=3))
    tile = tiles.images[[11]] / 255
    said = words(inpainting_explorer, "explorer-figures")
    for side, name in (("left", "nearest"), ("right", method)):
        label, line = restoring.METHODS[name]
        which = 1 if side == "right" and name == "nearest" else 0
        caption, shown = picture(inpainting_explorer, f"{label}<", which)
        np.testing.assert_array_equal(shown, np.rint(255 * names[side][0]))
        mse, psnr = (
            score(tile, names[side], names["masks"])[0] for score in (metrics.mse, metrics.psnr)
        )
        assert f"MSE {mse:.5f}, {psnr:.1f} dB" in caption
        assert f"MSE {mse:.5f}, {psnr:.1f} dB" in said
        assert any(
            line in getattr(w, "value", "")
            for w in all_widgets(inpainting_explorer)
            if isinstance(w, ipywidgets.HTML)
        )
    known = f"{100 * masks.coverage(names['masks'])[0]:.1f} % known"
    assert known in picture(inpainting_explorer, "Masked,")[0]


def test_the_code_says_what_the_notebook_calls_its_tiles(tiles, monkeypatch):
    class Shell:
        user_ns = {"_": tiles, "images": tiles.images, "held_back": tiles}

    monkeypatch.setattr(explorers, "get_ipython", lambda: Shell)
    explorer = widgets.inpainting_explorer(tiles)
    assert "tile = held_back.images[[" in control(explorer, "Code").value
    monkeypatch.setattr(ei.data, "load_tiles", lambda split: tiles)
    explorer = widgets.inpainting_explorer()
    index = control(explorer, "Tile (number)").value
    assert (
        f'ei.data.load_tiles("validation").images[[{index}]] / 255'
        in control(explorer, "Code").value
    )


def test_the_table_has_all_methods_on_this_tile_and_the_best_in_bold(tiles, inpainting_explorer):
    control(inpainting_explorer, "Below them").value = "table of all methods"
    (table,) = [w for w in all_widgets(inpainting_explorer) if "explorer-table" in w._dom_classes]
    rows = [re.findall("<td>(.*?)</td>", row) for row in re.findall("<tr>(.*?)</tr>", table.value)][
        1:
    ]
    names = run_code(inpainting_explorer, tiles=tiles)
    tile, mask = names["tile"], names["masks"]
    expected = {}
    for name, (label, _) in restoring.METHODS.items():
        fill = baselines.FILLS.get(name)
        restored = fill(tile * mask, mask) if fill else ei.inpaint(tile, mask, model=name)
        expected[label] = metrics.mse(tile, restored, mask)[0]
    shown = {label: float(re.sub("<.*?>", "", mse)) for label, mse, *_ in rows}
    assert shown == pytest.approx(expected, abs=6e-6)
    bold = [label for label, mse, *_ in rows if mse.startswith("<b>")]
    assert bold == [min(expected, key=expected.get)]
    assert table.layout.display != "none"
    control(inpainting_explorer, "Below them").value = "errors"
    assert table.layout.display == "none"


def test_expected_errors_are_those_of_the_network_on_the_left(tiles, inpainting_explorer):
    control(inpainting_explorer, "Method, left").value = "unet"
    control(inpainting_explorer, "Below them").value = "expected errors"
    names = run_code(inpainting_explorer, tiles=tiles)
    expected = ei.uncertainty.expected_error(names["tile"], names["masks"])[0, ..., 0]
    caption, shown = picture(inpainting_explorer, "Expected error")
    assert "of U-Net" in caption
    brightness = shown.astype(float).sum(axis=-1)
    assert np.corrcoef(expected.ravel(), brightness.ravel())[0, 1] > 0.95
    caption, shown = picture(inpainting_explorer, "Expected error", 1)
    assert "push-pull tells none" in caption and shown.max() < 5


def test_zoom_enlarges_the_same_part_of_all_pictures(tiles, inpainting_explorer):
    whole = {name: picture(inpainting_explorer, name)[1] for name in ("Tile", "Masked", "Error")}
    control(inpainting_explorer, "Zoom").value = "upper right, enlarged"
    for name, before in whole.items():
        np.testing.assert_array_equal(picture(inpainting_explorer, name)[1], before[:32, 32:])


def test_the_saved_picture_is_what_is_shown(inpainting_explorer):
    control(inpainting_explorer, "Save the picture").click()
    (link,) = [
        w for w in all_widgets(inpainting_explorer) if "<a download" in str(getattr(w, "value", ""))
    ]
    saved = pixels(base64.b64decode(re.search('base64,([^"]*)', link.value)[1]))[::4, ::4]
    for row, captions in enumerate(
        [("Tile", "nearest<", "push-pull<"), ("Masked", "Error", "Error")]
    ):
        for column, caption in enumerate(captions):
            part = saved[66 * row :][:64, 66 * column :][:, :64]
            shown = picture(inpainting_explorer, caption, int(row == 1 and column == 2))[1]
            np.testing.assert_array_equal(part, shown)


def test_error_is_black_where_pixels_are_known_and_bright_where_it_is_large(
    inpainting_explorer, tiles
):
    control(inpainting_explorer, "Method, left").value = "mean"
    known = mask_by_code(inpainting_explorer, tiles=tiles)[0, ..., 0] == 1
    shown = {name: picture(inpainting_explorer, name)[1] for name in ("Tile", "mean")}
    errors = abs(shown["Tile"].astype(float) - shown["mean"]).mean(axis=-1)
    brightness = picture(inpainting_explorer, "Error")[1].astype(float).sum(axis=-1)
    assert brightness[known].max() == brightness.min() < 10
    # The colours grow brighter with the error.
    assert np.corrcoef(errors[~known], brightness[~known])[0, 1] > 0.95


def test_masks_without_holes_have_no_score(inpainting_explorer):
    choose_family(inpainting_explorer, "scan-line gaps")
    control(inpainting_explorer, "Choose the place").value = True
    control(inpainting_explorer, "Tilt (degrees)").value = 0
    control(inpainting_explorer, "Widest gap (px)").value = 1
    assert "masks must each have at least one hole" in message(inpainting_explorer)
    control(inpainting_explorer, "Widest gap (px)").value = 12
    assert message(inpainting_explorer) == ""


# Uploads


def file_of(image, kind="PNG"):
    content = io.BytesIO()
    Image.fromarray(image).save(content, kind)
    return content.getvalue()


def upload(explorer, name, content):
    """What the front end does when a file was chosen."""
    button = control(explorer, "Upload a picture (up to 10 MB)")
    if hasattr(button, "_counter"):  # ipywidgets 7
        button.metadata, button.data = [{"name": name}], [content]
        button._counter += 1
    else:
        now = datetime.now(UTC)
        facts = {"name": name, "type": "", "size": len(content), "last_modified": now}
        button.value = ({**facts, "content": memoryview(content)},)


def test_uploaded_file_reads_both_shapes_of_the_value():
    seven = {"a.png": {"metadata": {"name": "a.png"}, "content": b"abc"}}
    eight = ({"name": "a.png", "content": memoryview(b"abc")},)
    for value in (seven, eight, list(eight)):
        assert uploaded_file(value) == ("a.png", b"abc")


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_a_picture_of_ones_own_is_cut_resized_and_restored(
    kind, inpainting_explorer, tmp_path, monkeypatch
):
    photograph = np.asarray(Image.fromarray(synthetic_tiles(1, seed=9)[0][0]).resize((300, 200)))
    content = file_of(photograph, kind)
    upload(inpainting_explorer, "holiday.png", content)
    caption, shown = picture(inpainting_explorer, "Tile")
    np.testing.assert_array_equal(shown, ei.data.read_tile(io.BytesIO(content))[0])
    assert "holiday.png" in caption and "middle square resized to 64 x 64" in caption
    (tmp_path / "holiday.png").write_bytes(content)
    monkeypatch.chdir(tmp_path)
    names = run_code(inpainting_explorer)
    restored = picture(inpainting_explorer, "nearest")[1]
    np.testing.assert_array_equal(restored, np.rint(255 * names["left"][0]))


def test_a_picture_is_taken_by_its_path(inpainting_explorer, tmp_path):
    own = synthetic_tiles(1, seed=9)[0][0]
    path = tmp_path / "own.png"
    path.write_bytes(file_of(own))
    control(inpainting_explorer, "Picture (path)").value = str(path)
    np.testing.assert_array_equal(picture(inpainting_explorer, "Tile")[1], own)
    np.testing.assert_array_equal(run_code(inpainting_explorer)["tile"][0] * 255, own)
    control(inpainting_explorer, "Picture (path)").value = str(tmp_path / "none.png")
    assert "none.png" in message(inpainting_explorer)
    np.testing.assert_array_equal(picture(inpainting_explorer, "Tile")[1], own)


def test_visitors_of_a_page_name_no_files_of_its_machine(tiles, monkeypatch):
    monkeypatch.setenv("VOILA_REQUEST_URL", "http://127.0.0.1:8866/")
    assert "Picture (path)" not in labels_of(widgets.inpainting_explorer(tiles))


def test_the_limit_of_an_upload_is_on_its_button(tiles, monkeypatch):
    monkeypatch.setenv(controls.UPLOAD_VARIABLE, "64")
    assert "Upload a picture (up to 64 MB)" in labels_of(widgets.inpainting_explorer(tiles))


def test_a_second_picture_replaces_the_first(inpainting_explorer):
    for name, image in zip(("a.png", "b.png"), synthetic_tiles(2, seed=8)[0], strict=True):
        upload(inpainting_explorer, name, file_of(image))
        caption, shown = picture(inpainting_explorer, "Tile")
        np.testing.assert_array_equal(shown, image)
        assert name in caption
    assert list(control(inpainting_explorer, "Class").options).count(OWN_PICTURE) == 1


def test_tiles_come_back_and_so_does_the_picture(inpainting_explorer, tiles):
    own = synthetic_tiles(1, seed=9)[0][0]
    upload(inpainting_explorer, "own.png", file_of(own))
    control(inpainting_explorer, "Another tile").click()
    assert any(np.array_equal(picture(inpainting_explorer, "Tile")[1], t) for t in tiles.images)
    control(inpainting_explorer, "Class").value = OWN_PICTURE
    np.testing.assert_array_equal(picture(inpainting_explorer, "Tile")[1], own)
    number = control(inpainting_explorer, "Tile (number)")
    number.value = (number.value + 1) % len(tiles)
    np.testing.assert_array_equal(
        picture(inpainting_explorer, "Tile")[1], tiles.images[number.value]
    )


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"no picture", id="text"),
        pytest.param(file_of(synthetic_tiles(1)[0][0])[:2000], id="truncated"),
    ],
)
def test_a_broken_upload_becomes_a_message_and_leaves_the_rest(content, inpainting_explorer):
    before = picture(inpainting_explorer, "Tile")[1]
    upload(inpainting_explorer, "<i>broken</i>.png", content)
    assert "This cannot be shown: the picture must be an undamaged PNG" in message(
        inpainting_explorer
    )
    np.testing.assert_array_equal(picture(inpainting_explorer, "Tile")[1], before)
    assert OWN_PICTURE not in control(inpainting_explorer, "Class").options
    control(inpainting_explorer, "Another mask").click()
    assert message(inpainting_explorer) == ""


def test_names_of_files_are_no_html(inpainting_explorer):
    upload(inpainting_explorer, "<script>x</script>.png", file_of(np.zeros((64, 64, 3), np.uint8)))
    every = [w.value for w in all_widgets(inpainting_explorer) if isinstance(w, ipywidgets.HTML)]
    assert not any("<script>" in text for text in every)
    assert any("&lt;script&gt;" in text for text in every)


# Errors


def test_a_value_that_the_package_refuses_becomes_a_message(mask_explorer):
    choose_family(mask_explorer, "scan-line gaps")
    before = picture(mask_explorer, "Mask<")[1], control(mask_explorer, "Code").value
    control(mask_explorer, "Widest gap (px)").value = 20
    # In the words of the controls, and with what to do about it.
    said = message(mask_explorer)
    assert '"Widest gap (px)" must be less than "Gap distance (px)", 16, got 20' in said
    assert 'Move "Widest gap (px)" back' in said
    np.testing.assert_array_equal(picture(mask_explorer, "Mask<")[1], before[0])
    assert control(mask_explorer, "Code").value == before[1]
    control(mask_explorer, "Gap distance (px)").value = 30
    assert message(mask_explorer) == ""
    np.testing.assert_array_equal(
        picture(mask_explorer, "Mask<")[1],
        grey(masks.make("scan_line_gaps", 1, widest_gap=20, period=30)),
    )


def broken(problem):
    def make(*arguments, **options):
        raise problem

    return make


@pytest.mark.parametrize("explore", [widgets.mask_explorer, widgets.inpainting_explorer])
def test_nothing_else_is_caught(explore, tiles, monkeypatch):
    explorer = explore(tiles)
    monkeypatch.setattr(masks, "make", broken(ZeroDivisionError("planted")))
    with pytest.raises(ZeroDivisionError, match="planted"):
        control(explorer, "Number of lines").value = 5


@pytest.mark.parametrize("explore", [widgets.mask_explorer, widgets.inpainting_explorer])
def test_the_first_drawing_catches_nothing_at_all(explore, tiles, monkeypatch):
    monkeypatch.setattr(masks, "make", broken(ValueError("planted")))
    with pytest.raises(ValueError, match="planted"):
        explore(tiles)


# The event loop


def test_of_many_events_only_the_last_value_is_drawn(mask_explorer):
    image = next(w for w in all_widgets(mask_explorer) if isinstance(w, ipywidgets.Image))
    codes = []
    control(mask_explorer, "Code").observe(lambda event: codes.append(event.new), "value")

    async def slide():
        slider = control(mask_explorer, "Number of lines")
        for lines in range(10, 30):
            slider.value = lines
        assert codes == []
        before = picture(mask_explorer, "Coverage of")[0]
        await finished(lambda: codes and before != picture(mask_explorer, "Coverage of")[0])

    asyncio.run(slide())
    assert codes == ['masks = ei.masks.make("lines", 1, seed=0, lines=29, thickness=2)']
    assert image.value


async def finished(is_finished):
    for _ in range(1000):
        await asyncio.sleep(0.01)
        if is_finished():
            return
    raise AssertionError("nothing was drawn")


class LoopByHand:
    """An event loop of which each step is taken by the test."""

    def __init__(self):
        self.waiting = []

    def call_soon(self, function, *arguments):
        handle = [function, arguments]
        self.waiting.append(handle)
        return self._Handle(self, handle)

    def call_later(self, seconds, function, *arguments):
        assert 0 <= seconds < 0.1
        return self.call_soon(function, *arguments)

    def step(self):
        function, arguments = self.waiting.pop(0)
        function(*arguments)

    class _Handle:
        def __init__(self, loop, handle):
            self.loop, self.handle = loop, handle

        def cancel(self):
            if self.handle in self.loop.waiting:
                self.loop.waiting.remove(self.handle)


@pytest.fixture
def loop(monkeypatch):
    by_hand = LoopByHand()
    monkeypatch.setattr(redrawing.asyncio, "get_running_loop", lambda: by_hand)
    return by_hand


def test_events_between_two_steps_begin_the_drawing_anew(loop):
    state, seen = {"value": 0}, []

    def draw():
        value = state["value"]
        for part in range(3):
            seen.append((value, part))
            yield 0.01

    redraw = redrawing.Redrawing(draw)
    redraw()
    loop.step()
    loop.step()
    assert seen == [(0, 0), (0, 1)]
    for value in (1, 2):
        state["value"] = value
        redraw()
    while loop.waiting:
        loop.step()
    assert seen[2:] == [(2, 0), (2, 1), (2, 2)]
    redraw()
    assert len(loop.waiting) == 1


def test_after_an_error_the_next_event_is_drawn(loop):
    outcomes = [ZeroDivisionError("planted"), None]

    def draw():
        if outcome := outcomes.pop(0):
            raise outcome
        yield 0

    redraw = redrawing.Redrawing(draw)
    redraw()
    with pytest.raises(ZeroDivisionError, match="planted"):
        loop.step()
    redraw()
    loop.step()
    assert outcomes == []


IN_A_KERNEL = """
import time
import numpy as np
import ipywidgets
from eurosat_inpaint.widgets.redrawing import Redrawing
slider = ipywidgets.IntSlider(max=1000)
drawn = []
def draw():
    drawn.append(slider.value)
    time.sleep(0.2)
    yield 0
slider.observe(Redrawing(draw), "value")
print(slider.model_id)
"""


@pytest.mark.slow
def test_in_a_kernel_events_that_wait_are_drawn_once():
    """Fifty messages of a slider are sent faster than the first of them is drawn."""
    from jupyter_client.manager import start_new_kernel

    manager, client = start_new_kernel(kernel_name="python3")
    try:
        identity = printed(client, IN_A_KERNEL).strip()
        for value in range(1, 51):
            data = {"method": "update", "state": {"value": value}, "buffer_paths": []}
            content = {"comm_id": identity, "data": data}
            client.shell_channel.send(client.session.msg("comm_msg", content))
        time_to_finish = "import asyncio\nawait asyncio.sleep(1)\nprint(drawn)"
        drawn = eval(printed(client, time_to_finish))
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    assert drawn[-1] == 50
    assert len(drawn) <= 25


@pytest.mark.slow
def test_in_a_kernel_what_a_cell_sets_is_drawn_before_the_cell_goes_on():
    from jupyter_client.manager import start_new_kernel

    manager, client = start_new_kernel(kernel_name="python3")
    try:
        printed(client, IN_A_KERNEL)
        assert printed(client, "slider.value = 7\nslider.value = 8\nprint(drawn)") == "[7, 8]\n"
        printed(client, "def draw():\n    1 / 0\n    yield 0\n")
        printed(client, "broken = ipywidgets.IntSlider(); broken.observe(Redrawing(draw), 'value')")
        with pytest.raises(AssertionError, match="ZeroDivisionError"):
            printed(client, "broken.value = 1")
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def printed(client, code):
    texts = []

    def collect(message):
        if message["msg_type"] == "error":
            raise AssertionError("\n".join(message["content"]["traceback"]))
        if message["msg_type"] == "stream":
            texts.append(message["content"]["text"])

    client.execute_interactive(code, output_hook=collect, timeout=60)
    return "".join(texts)


# Without a kernel, without Keras, without ipywidgets


def test_what_a_page_without_a_kernel_shows(mask_explorer, inpainting_explorer):
    for name, explorer in {"Mask": mask_explorer, "Inpainting": inpainting_explorer}.items():
        assert repr(explorer).startswith(f"{name} explorer: run the notebook to use it")
        # ipywidgets cuts longer ones.
        assert len(repr(explorer)) <= 110


EXPLORE_FEW_TILES = """import sys
import eurosat_inpaint as ei
images, labels, names = ei.data.synthetic_tiles(5)
tiles = ei.data.Tiles(images, labels, names, ei.data.CLASS_NAMES, "synthetic")
ei.widgets.mask_explorer(tiles)"""


def test_masks_are_explored_without_keras():
    finished = subprocess.run(
        [sys.executable, "-c", f"{EXPLORE_FEW_TILES}\nprint('keras' in sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert finished.stdout.strip() == "False"


def test_without_ipywidgets_it_is_said_how_to_get_them(monkeypatch):
    monkeypatch.setitem(sys.modules, "ipywidgets", None)
    monkeypatch.delitem(sys.modules, "eurosat_inpaint.widgets")
    with pytest.raises(ImportError, match=r"pip install 'eurosat-inpaint\[notebooks\]'"):
        import eurosat_inpaint.widgets  # noqa: F401


def test_labels_are_unique_and_say_their_unit(mask_explorer):
    for family in FAMILY_LABELS:
        choose_family(mask_explorer, family)
        labels = labels_of(mask_explorer)
        assert len(labels) == len(set(labels))
        for label, slider in family_controls(mask_explorer).items():
            if isinstance(slider, ipywidgets.Checkbox):
                continue
            # A number of things has no unit.
            assert re.search(r"\(.+\)$|^Number of|^Layers of|^OpenCV thickness", label), label


def test_sliders_follow_while_they_are_moved(inpainting_explorer):
    sliders = [w for w in all_widgets(inpainting_explorer) if "Slider" in type(w).__name__]
    assert sliders and all(slider.continuous_update for slider in sliders)


def test_every_control_of_a_parameter_is_used():
    names = {
        name
        for function in masks.FAMILIES.values()
        for name in inspect.signature(function).parameters
    }
    assert set(controls._CONTROLS) == names - {"n", "size", "seed"}
