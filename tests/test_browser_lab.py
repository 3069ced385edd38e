"""The explorers in JupyterLab and Chromium, moved by keyboard and mouse.

The lines of code are executed here: the pictures in the page must be what they give.
"""

import io
import re
from collections import namedtuple

import browser
import nbformat
import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

import eurosat_inpaint as ei
from eurosat_inpaint.widgets.restoring import METHODS
from notebooks import NOTEBOOKS

pytestmark = [pytest.mark.browser, pytest.mark.slow]

Page = namedtuple("Page", "visit explorer")
# The picture may be replaced, and its address gone, before it is fetched.
FETCH_PICTURE = """async image => {
    for (;;) {
        try {
            const content = await (await fetch(image.src)).arrayBuffer();
            return Array.from(new Uint8Array(content));
        } catch {
            await new Promise(requestAnimationFrame);
        }
    }
}"""
# Of the explorer, the notebook's window on it, and each picture and control: left, top, right,
# bottom, in whole pixels.
BOXES = """explorer => {
    const box = element => {
        const {left, top, right, bottom} = element.getBoundingClientRect();
        return [left, top, right, bottom].map(Math.round);
    };
    const boxes = selector => [...explorer.querySelectorAll(selector)].map(box);
    return {
        explorer: box(explorer),
        window: box(explorer.closest(".jp-WindowedPanel-outer")),
        pictures: boxes("img.explorer-picture, img.explorer-chart"),
        controls: boxes(".widget-slider, .widget-dropdown, .widget-text, .widget-upload"),
    };
}"""
SHOW_INPAINTING = """
import eurosat_inpaint as ei

tiles = ei.data.load_tiles("validation", source="synthetic")
ei.widgets.inpainting_explorer(tiles)
"""
RAISES = """
import ipywidgets

def fail(button):
    raise KeyError("planted")

button = ipywidgets.Button(description="Fail")
button.on_click(fail)
button
"""
TRAIN = """
import dataclasses
import eurosat_inpaint as ei

tiles = ei.data.load_tiles("train", source="synthetic").images[:64]
network = ei.models.unet(filters=4, depth=2)
recipe = dataclasses.replace(ei.training.RECIPES["efficient"], batch_size=16)
monitor = ei.widgets.watch_training(tiles[:6], ei.masks.line_masks(6))
history = ei.training.fit_unet(
    network, tiles, tiles[:16], recipe, epochs=2000, callbacks=(monitor,), verbose=0
)
print(f"stopped after {len(history)} epochs")
"""
PLACES = ("Tile", "left", "right", "Masked tile", "left error", "right error")


def notebook_02():
    """Notebook 02 as a reader gets it after "clear all outputs"."""
    notebook = nbformat.read(NOTEBOOKS / "02_mask_generation.ipynb", as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    return notebook


@pytest.fixture(scope="module")
def laboratory(tmp_path_factory):
    """A JupyterLab with four notebooks: function name -> address, and the server's log."""
    notebooks = {
        "masks": notebook_02(),
        "inpainting": browser.notebook_of(SHOW_INPAINTING),
        "failing": browser.notebook_of(RAISES, "1 / 0"),
        "training": browser.notebook_of(TRAIN),
    }
    environment = {
        "EUROSAT_INPAINT_OFFLINE": "1",
        "EUROSAT_INPAINT_PROFILE": "smoke",
        "EUROSAT_INPAINT_DATA": "",
    }
    folder = tmp_path_factory.mktemp("laboratory")
    with browser.jupyterlab(folder, notebooks, environment) as (address, log):
        yield address, log


def run_notebook(name, laboratory, open_page):
    visit = open_page(laboratory[0](name))
    visit.run_all()
    return Page(visit, visit.explorer(f"{name.removesuffix('s')}_explorer"))


@pytest.fixture(scope="module")
def masks_page(laboratory, open_page):
    return run_notebook("masks", laboratory, open_page)


@pytest.fixture(scope="module")
def inpainting_page(laboratory, open_page):
    return run_notebook("inpainting", laboratory, open_page)


@pytest.fixture
def masks(masks_page, laboratory):
    """The mask explorer of notebook 02, with nine lines; nothing may go wrong around it."""
    yield from at_the_start(masks_page, laboratory)


@pytest.fixture
def inpainting(inpainting_page, laboratory):
    """The inpainting explorer, with nine lines; nothing may go wrong around it."""
    yield from at_the_start(inpainting_page, laboratory)


@pytest.fixture(params=["masks", "inpainting"])
def either(request):
    return request.getfixturevalue(request.param)


def at_the_start(page, laboratory):
    page.explorer.scroll_into_view_if_needed()
    page.explorer.get_by_role("button", name="Reset").click()
    wait_for_code(page, '("lines", 1, seed=0, lines=9, thickness=2)')
    yield page
    assert page.visit.errors == []
    assert page.visit.foreign == []
    assert browser.errors_in(laboratory[1]) == []


def handle(page, label):
    return page.explorer.get_by_role("slider", name=label, exact=True)


def drag(page, label):
    """Drag a slider's handle 40 screen pixels to the right."""
    handle(page, label).hover()
    box = handle(page, label).bounding_box()
    mouse = page.visit.page.mouse
    mouse.down()
    mouse.move(box["x"] + box["width"] / 2 + 40, box["y"] + box["height"] / 2, steps=10)
    mouse.up()


def choose(page, label, option):
    page.explorer.get_by_label(label, exact=True).select_option(option)


def lines_of(page):
    return int(handle(page, "Number of lines").get_attribute("aria-valuetext"))


def code_of(page):
    return page.explorer.get_by_label("Code", exact=True).input_value()


def wait_for_code(page, part):
    page.visit.wait_until(lambda: part in code_of(page))


def run_code(page):
    """What the lines of code bind; the inpainting explorer has synthetic tiles."""
    names = {"ei": ei, "tiles": ei.data.load_tiles("validation", source="synthetic")}
    exec(code_of(page), names)
    return names


def picture(page, place):
    """The picture in a place, uint8 (64, 64, 3)."""
    number = PLACES.index(place) if isinstance(place, str) else place
    image = page.explorer.locator("img.explorer-picture").nth(number)
    content = bytes(image.evaluate(FETCH_PICTURE))
    return np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))


def wait_for_picture(page, place, expected, levels=0.501):
    """Wait until the picture is as expected: of these numbers in [0, 1], to so many levels."""
    page.visit.wait_until(lambda: np.abs(picture(page, place) - 255.0 * expected).max() <= levels)


def assert_mask_is_shown(page):
    """Mask, masked tile and coverage in the page are those of the line of code."""
    mask = run_code(page)["masks"][0]
    wait_for_picture(page, 1, np.broadcast_to(mask, (64, 64, 3)))
    wait_for_picture(page, 2, picture(page, 0) / 255 * mask)
    expect(figures(page)).to_contain_text(f"{100 * mask.mean():.1f} % known")


def figures(page):
    return page.explorer.locator(".explorer-figures")


def message(page):
    return page.explorer.locator(".explorer-message")


def test_notebook_02_runs_and_shows_the_explorer(masks):
    # The first cell is folded.
    numbers = masks.visit.page.locator(".jp-CodeCell .jp-InputArea-prompt").all_text_contents()
    assert numbers == [f"[{k}]:" for k in range(2, len(numbers) + 2)]
    assert_mask_is_shown(masks)


def test_slider_moves_by_keyboard(masks):
    handle(masks, "Number of lines").press("ArrowRight")
    wait_for_code(masks, "lines=10,")
    assert lines_of(masks) == 10
    assert_mask_is_shown(masks)


def test_slider_moves_by_dragging(masks):
    drag(masks, "Number of lines")
    assert lines_of(masks) > 10
    wait_for_code(masks, f"lines={lines_of(masks)},")
    assert_mask_is_shown(masks)


def test_last_of_many_quick_steps_is_shown(masks):
    for _ in range(15):
        handle(masks, "Number of lines").press("ArrowRight")
    wait_for_code(masks, "lines=24,")
    assert_mask_is_shown(masks)


def test_family_brings_its_own_sliders(masks):
    choose(masks, "Mask family", "clouds")
    wait_for_code(masks, '"clouds"')
    expect(handle(masks, "Number of lines")).to_have_count(0)
    for label in ("Coverage (%)", "Cloud size (px)", "Layers of noise"):
        expect(handle(masks, label)).to_be_visible()
    handle(masks, "Coverage (%)").press("ArrowRight")
    wait_for_code(masks, "coverage=0.61")
    assert_mask_is_shown(masks)


def test_every_family_can_be_chosen(masks):
    options = masks.explorer.get_by_label("Mask family").locator("option").all_text_contents()
    assert len(options) == len(ei.masks.FAMILIES)
    for option, name in zip(options, ei.masks.FAMILIES, strict=True):
        choose(masks, "Mask family", option.replace("\xa0", " "))
        wait_for_code(masks, f'"{name}"')
        assert_mask_is_shown(masks)


def test_buttons_bring_another_mask_and_tile(masks):
    before = picture(masks, 0)
    masks.explorer.get_by_role("button", name="Another mask").click()
    masks.explorer.get_by_role("button", name="Another tile").click()
    masks.visit.wait_until(lambda: "seed=0," not in code_of(masks))
    masks.visit.wait_until(lambda: np.any(picture(masks, 0) != before))
    assert_mask_is_shown(masks)


def test_bad_value_becomes_a_message(masks):
    choose(masks, "Mask family", "scan-line gaps")
    wait_for_code(masks, '"scan_line_gaps"')
    handle(masks, "Widest gap (px)").press("End")
    expect(message(masks)).to_contain_text('This cannot be shown: "Widest gap (px)" must be')
    handle(masks, "Widest gap (px)").press("Home")
    expect(message(masks)).to_have_text("")
    wait_for_code(masks, "widest_gap=1,")
    assert_mask_is_shown(masks)


def assert_restored_is_shown(page):
    """Masked and restored tiles and scores in the page are those of the lines of code."""
    names = run_code(page)
    mask = names["masks"][0]
    wait_for_picture(page, "Masked tile", picture(page, "Tile") / 255 * mask)
    tile = picture(page, "Tile") / 255
    for side in ("left", "right"):
        restored = names[side][0]
        # A level more: in another process the network may round otherwise.
        wait_for_picture(page, side, restored, levels=1.501)
        error = np.sum(((restored - tile) * (1 - mask)) ** 2) / np.sum(3 * (1 - mask))
        said = re.findall(r"MSE ([\d.]+),", figures(page).text_content())
        assert float(said[side == "right"]) == pytest.approx(error, abs=2e-5)
    captions = page.explorer.locator(".explorer-captions")
    expect(captions).to_contain_text(f"{100 * mask.mean():.1f} % known")


def test_inpainting_starts_with_unet_and_push_pull(inpainting):
    assert 'left = ei.inpaint(tile, masks, model="unet")' in code_of(inpainting)
    assert "right = ei.baselines.push_pull(" in code_of(inpainting)
    assert_restored_is_shown(inpainting)


def test_inpainting_follows_keyboard_and_mouse(inpainting):
    handle(inpainting, "Number of lines").press("ArrowRight")
    wait_for_code(inpainting, "lines=10,")
    assert_restored_is_shown(inpainting)
    drag(inpainting, "Number of lines")
    assert lines_of(inpainting) > 10
    wait_for_code(inpainting, f"lines={lines_of(inpainting)},")
    assert_restored_is_shown(inpainting)


# Without a mouse


def test_a_whole_session_by_keyboard_alone(inpainting):
    """Every control is reached by Tab and moved by arrows; cells stay as they were."""
    page, keyboard = inpainting.visit.page, inpainting.visit.page.keyboard
    cells = page.locator(".jp-Cell").evaluate_all("cells => cells.map(cell => cell.className)")
    source = page.locator(".jp-CodeCell .cm-content").first.inner_text()
    inpainting.explorer.get_by_label("Mask family").focus()
    keyboard.press("ArrowDown")
    wait_for_code(inpainting, '"free_lines"')
    keyboard.press("ArrowDown")
    wait_for_code(inpainting, '"scan_line_gaps"')
    choosers = []
    # Listening from the start: begun with the key, it sometimes begins after it.
    page.on("filechooser", lambda chooser: choosers.append(chooser))
    moved = set()
    for _ in range(40):
        keyboard.press("Tab")
        role, name = focused(page)
        if name == "Code":
            break
        if role == "slider":
            before = code_of(inpainting)
            # The tile stands last in its class; a wider gap may be wider than its distance.
            left = name in ("Widest gap (px)", "Tile (number)")
            keyboard.press("ArrowLeft" if left else "ArrowRight")
            inpainting.visit.wait_until(lambda was=before: code_of(inpainting) != was)
        elif name in ("Method, left", "Method, right", "Class"):
            before = code_of(inpainting)
            keyboard.press("ArrowDown")
            inpainting.visit.wait_until(lambda was=before: code_of(inpainting) != was)
        elif name == "Another tile":
            before = picture(inpainting, "Tile")
            keyboard.press("Space")
            inpainting.visit.wait_until(
                lambda was=before: np.any(picture(inpainting, "Tile") != was)
            )
        elif name.startswith("Upload"):
            keyboard.press("Enter")
            inpainting.visit.wait_until(lambda: choosers)
            choosers.pop().set_files([])
        # What would raw, cut, insert or delete a cell, or leave it, were the notebook to hear it.
        for key in ("r", "x", "b", "a", "d", "d", "m"):
            if role != "textbox" and role != "combobox":
                keyboard.press(key)
        moved.add(name)
    assert {"Gap distance (px)", "Scene width (px)", "Tilt (degrees)"} <= moved
    assert {"Mask (seed)", "Method, left", "Class", "Tile (name)", "Another tile"} <= moved
    assert any(name.startswith("Upload") for name in moved)
    assert inpainting.explorer.is_visible()
    now = page.locator(".jp-Cell").evaluate_all("cells => cells.map(cell => cell.className)")
    assert now == cells
    assert page.locator(".jp-CodeCell .cm-content").first.inner_text() == source


def focused(page):
    """Role and name of what has the focus."""
    return page.evaluate(
        """() => {
            const element = document.activeElement;
            const roles = {SELECT: "combobox", INPUT: "textbox", TEXTAREA: "textbox"};
            const role = element.getAttribute("role") ?? roles[element.tagName] ?? "";
            const label = element.getAttribute("aria-label") ?? element.labels?.[0]?.textContent;
            return [role, (label ?? element.textContent).trim()];
        }"""
    )


def test_keys_with_control_are_left_to_the_notebook(inpainting):
    dirty = inpainting.visit.page.locator(".jp-mod-dirty")
    handle(inpainting, "Number of lines").press("Control+s")
    expect(dirty).to_have_count(0)


def test_everything_has_a_name(either):
    """From the browser's accessibility tree, below the explorer."""
    client = either.visit.page.context.new_cdp_session(either.visit.page)
    client.send("DOM.enable")
    found = client.send("Runtime.evaluate", {"expression": explorer_by_class(either)})
    tree = client.send("Accessibility.queryAXTree", {"objectId": found["result"]["objectId"]})[
        "nodes"
    ]
    client.detach()
    roles = {"slider", "combobox", "textbox", "checkbox", "button", "image", "link", "listbox"}
    named = [
        (node["role"]["value"], node.get("name", {}).get("value", ""))
        for node in tree
        if not node.get("ignored") and node.get("role", {}).get("value") in roles
    ]
    assert {role for role, _ in named} >= {"slider", "combobox", "textbox", "button", "image"}
    assert [role for role, name in named if not name.strip()] == []
    sliders = [name for role, name in named if role == "slider"]
    assert len(sliders) == len(set(sliders))
    # They follow the pictures at a little distance.
    pictures = [name for role, name in named if role == "image"]
    assert any("Tile" in name and ".jpg" in name for name in pictures)


def explorer_by_class(page):
    name = page.explorer.get_attribute("class").split()
    (own,) = [word for word in name if word.endswith("-explorer") and word != "eurosat-explorer"]
    return f"document.querySelector('.{own}')"


def test_changes_are_told_to_those_who_hear_the_page(inpainting):
    status, alert = (inpainting.explorer.get_by_role(role) for role in ("status", "alert"))
    expect(status).to_contain_text("MSE")
    expect(alert).to_have_count(1)


# Where things stand


@pytest.fixture(params=[(1280, 720), (1440, 900), (1920, 1080)], ids=str)
def window(request, either):
    width, height = request.param
    usual = either.visit.page.viewport_size
    either.visit.page.set_viewport_size({"width": width, "height": height})
    either.visit.page.wait_for_timeout(500)
    yield either
    either.visit.page.set_viewport_size(usual)


def boxes_of(page):
    page.explorer.evaluate("explorer => explorer.scrollIntoView({block: 'end'})")
    page.visit.page.wait_for_timeout(200)
    return page.explorer.evaluate(BOXES)


def test_all_of_an_explorer_is_in_view_at_once(window):
    boxes = boxes_of(window)
    for name in ("pictures", "controls"):
        for left, top, right, bottom in boxes[name]:
            assert boxes["window"][0] <= left < right <= boxes["window"][2]
            assert boxes["window"][1] <= top < bottom <= boxes["window"][3]
    assert boxes["explorer"][1] >= boxes["window"][1]
    assert boxes["explorer"][3] <= boxes["window"][3]
    # Pictures beside the controls, restored beside true.
    assert min(left for left, *_ in boxes["pictures"]) > max(r for _, _, r, _ in boxes["controls"])
    upper = [top for _, top, *_ in boxes["pictures"]]
    assert upper.count(min(upper)) == 3


def test_pictures_stay_where_they_are(either):
    before = boxes_of(either)["pictures"]
    families = either.explorer.get_by_label("Mask family").locator("option").all_text_contents()
    for family in [family.replace("\xa0", " ") for family in families]:
        choose(either, "Mask family", family)
        wait_for_code(either, family.replace(" ", "_").replace("-", "_"))
        assert boxes_of(either)["pictures"] == before, family
    choose(either, "Mask family", "scan-line gaps")
    wait_for_code(either, '"scan_line_gaps"')
    handle(either, "Widest gap (px)").press("End")
    expect(message(either)).to_contain_text("This cannot be shown")
    assert boxes_of(either)["pictures"] == before
    handle(either, "Widest gap (px)").press("Home")
    expect(message(either)).to_have_text("")
    choose(either, "Class", "HerbaceousVegetation")
    either.visit.wait_until(lambda: "Herbaceous" in name_of_tile(either))
    assert boxes_of(either)["pictures"] == before


def name_of_tile(page):
    return page.explorer.get_by_label("Tile (name)").input_value()


def test_pictures_stay_when_the_method_changes(inpainting):
    before = boxes_of(inpainting)["pictures"]
    for label, _ in METHODS.values():
        choose(inpainting, "Method, left", label)
        expect(figures(inpainting)).to_contain_text(re.compile(f".jpg.*?{label}MSE"))
        assert boxes_of(inpainting)["pictures"] == before, label


def test_the_table_takes_the_place_of_the_errors(inpainting):
    height = boxes_of(inpainting)["explorer"]
    choose(inpainting, "Below them", "table of all methods")
    rows = inpainting.explorer.locator(".explorer-table tr")
    expect(rows).to_have_count(len(METHODS) + 1)
    now = boxes_of(inpainting)["explorer"]
    assert now[3] - now[1] == height[3] - height[1]


# Files and the clipboard


def upload(page, name, content):
    with page.visit.page.expect_file_chooser() as chooser:
        page.explorer.get_by_role("button", name="Upload").click()
    chooser.value.set_files({"name": name, "mimeType": "image/png", "buffer": content})


def png_of(image):
    content = io.BytesIO()
    Image.fromarray(image).save(content, "PNG")
    return content.getvalue()


def test_broken_upload_becomes_a_message_and_a_picture_is_taken(inpainting):
    before = picture(inpainting, "Tile")
    upload(inpainting, "broken.png", b"no picture")
    expect(message(inpainting)).to_contain_text("This cannot be shown: the picture must be")
    assert np.array_equal(picture(inpainting, "Tile"), before)

    own = np.random.default_rng(1).integers(0, 256, (64, 64, 3), np.uint8)
    upload(inpainting, "own.png", png_of(own))
    expect(message(inpainting)).to_have_text("")
    wait_for_picture(inpainting, "Tile", own / 255)
    mask = eval(code_of(inpainting).splitlines()[0].removeprefix("masks = "), {"ei": ei})[0]
    wait_for_picture(inpainting, "Masked tile", own / 255 * mask)
    choose(inpainting, "Class", "any class")
    wait_for_picture(inpainting, "Tile", before / 255)


def test_a_picture_that_the_server_would_not_take_is_refused_in_words(inpainting):
    """12 MiB, more than a message of Jupyter's may have; what is uploaded after it is taken."""
    large = np.random.default_rng(2).integers(0, 256, (2048, 2048, 3), np.uint8)
    assert len(png_of(large)) > 12 * 2**20
    upload(inpainting, "large.png", png_of(large))
    expect(message(inpainting)).to_contain_text("large.png has 12.6 MB, and at most 10 MB can be")
    own = np.random.default_rng(3).integers(0, 256, (258, 258, 3), np.uint8)
    upload(inpainting, "small.png", png_of(own))
    expect(message(inpainting)).to_have_text("")
    wait_for_picture(inpainting, "Tile", ei.data.read_tile(io.BytesIO(png_of(own)))[0] / 255)


def test_the_code_is_copied(inpainting):
    page = inpainting.visit.page
    page.context.grant_permissions(["clipboard-read"])
    inpainting.explorer.get_by_role("button", name="Copy the code").click()
    expect(message(inpainting)).to_have_text("The code is copied.")
    assert page.evaluate("navigator.clipboard.readText()") == code_of(inpainting)


def test_the_picture_is_saved(inpainting):
    with inpainting.visit.page.expect_download() as download:
        inpainting.explorer.get_by_role("button", name="Save the picture").click()
    assert download.value.suggested_filename == "inpainting.png"
    saved = np.asarray(Image.open(download.value.path()))[2::4, 2::4]
    np.testing.assert_array_equal(saved[:64, :64], picture(inpainting, "Tile"))
    np.testing.assert_array_equal(saved[66:130, 66:130], picture(inpainting, "left error"))


def test_errors_of_cells_and_callbacks_are_noticed(laboratory, open_page):
    visit = open_page(laboratory[0]("failing"))
    visit.run_all()
    assert any("ZeroDivisionError" in error for error in visit.errors)
    visit.page.get_by_role("button", name="Fail", exact=True).click()
    visit.wait_until(lambda: any("planted" in error for error in visit.errors))


def test_a_training_is_watched_in_its_place_and_stopped(laboratory, open_page):
    visit = open_page(laboratory[0]("training"))
    visit.page.get_by_text("| Idle").wait_for()
    for item in ("Run", "Run All Cells"):
        visit.page.get_by_role("menuitem", name=item, exact=True).click()
    monitor = visit.page.locator(".training-monitor")
    monitor.wait_for()
    places = "box => [...box.children].map(e => Math.round(e.getBoundingClientRect().top))"
    sizes = "box => [...box.querySelectorAll('img')].map(e => [e.naturalWidth > 0, e.height])"
    visit.wait_until(lambda: all(loaded for loaded, _ in monitor.evaluate(sizes)))
    expect(monitor).to_contain_text("The first epoch begins")
    before = monitor.evaluate(places), monitor.evaluate(sizes)
    expect(monitor).to_contain_text(re.compile("Epoch [3-9] of 2000"))
    assert (monitor.evaluate(places), monitor.evaluate(sizes)) == before
    monitor.get_by_role("button", name="Stop the training").click()
    stopped = visit.page.locator(".jp-OutputArea-output").get_by_text("stopped after")
    stopped.wait_for()
    assert int(re.search(r"after (\d+) epochs", stopped.inner_text())[1]) < 1000
    assert visit.errors == []
