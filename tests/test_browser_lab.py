"""The explorers in JupyterLab and Chromium, moved by keyboard and mouse.

The lines under "as code" are executed here: the pictures in the page must be what they give.
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


def notebook_02():
    """Notebook 02 as a reader gets it after "clear all outputs"."""
    notebook = nbformat.read(NOTEBOOKS / "02_mask_generation.ipynb", as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    return notebook


@pytest.fixture(scope="module")
def laboratory(tmp_path_factory):
    """A JupyterLab with three notebooks: function name -> address, and the server's log."""
    notebooks = {
        "masks": notebook_02(),
        "inpainting": browser.notebook_of(SHOW_INPAINTING),
        "failing": browser.notebook_of(RAISES, "1 / 0"),
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


def at_the_start(page, laboratory):
    page.explorer.scroll_into_view_if_needed()
    choose(page, "Mask family", "lines")
    while lines_of(page) > 9:
        handle(page, "Number of lines").press("ArrowLeft")
    while lines_of(page) < 9:
        handle(page, "Number of lines").press("ArrowRight")
    wait_for_code(page, "lines=9,")
    yield page
    assert page.visit.errors == []
    assert page.visit.foreign == []
    assert browser.errors_in(laboratory[1]) == []


def handle(page, label):
    return browser.slider(page.explorer, label).get_by_role("slider")


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
    readout = browser.slider(page.explorer, "Number of lines").locator(".widget-readout")
    return int(readout.text_content())


def code_of(page, label="Mask as code"):
    return page.explorer.get_by_label(label, exact=True).input_value()


def wait_for_code(page, part):
    page.visit.wait_until(lambda: part in code_of(page))


def mask_of(page):
    """The mask that the line under "Mask as code" gives, (64, 64, 1)."""
    return eval(code_of(page).removeprefix("masks = "), {"ei": ei})[0]


def picture(page, caption):
    """The picture below a caption, uint8 (64, 64, 3)."""
    text = f".explorer-{caption.lower().replace(' ', '-')}"
    content = bytes(page.explorer.locator(f"{text} ~ img").evaluate(FETCH_PICTURE))
    enlarged = np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))
    step = len(enlarged) // 64
    return enlarged[step // 2 :: step, step // 2 :: step]


def wait_for_picture(page, caption, expected, levels=0.501):
    """Wait until the picture is as expected: of these numbers in [0, 1], to so many levels."""
    page.visit.wait_until(lambda: np.abs(picture(page, caption) - 255.0 * expected).max() <= levels)


def assert_mask_is_shown(page):
    """Mask, masked tile and coverage in the page are those of the line of code."""
    mask = mask_of(page)
    wait_for_picture(page, "Mask", np.broadcast_to(mask, (64, 64, 3)))
    wait_for_picture(page, "Masked tile", picture(page, "Tile") / 255 * mask)
    coverage = f"Coverage: {100 * mask.mean():.1f} % of the pixels are known."
    expect(page.explorer.locator(".explorer-figures")).to_have_text(coverage)


def test_notebook_02_runs_and_shows_the_explorer(masks):
    numbers = masks.visit.page.locator(".jp-CodeCell .jp-InputPrompt").all_text_contents()
    assert numbers == [f"[{k}]:" for k in range(1, len(numbers) + 1)]
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
    expect(browser.slider(masks.explorer, "Number of lines")).to_be_hidden()
    for label in ("Coverage (% known)", "Size of a cloud (pixels)", "Layers of noise"):
        expect(browser.slider(masks.explorer, label)).to_be_visible()
    handle(masks, "Coverage (% known)").press("ArrowRight")
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
    before = picture(masks, "Tile")
    masks.explorer.get_by_role("button", name="Another mask").click()
    masks.explorer.get_by_role("button", name="Another tile").click()
    masks.visit.wait_until(lambda: "seed=0," not in code_of(masks))
    masks.visit.wait_until(lambda: np.any(picture(masks, "Tile") != before))
    assert_mask_is_shown(masks)


def test_bad_value_becomes_a_message(masks):
    choose(masks, "Mask family", "scan-line gaps")
    wait_for_code(masks, '"scan_line_gaps"')
    message = masks.explorer.locator(".explorer-message")
    handle(masks, "Widest gap (pixels)").press("End")
    expect(message).to_contain_text("This cannot be shown: widest_gap")
    handle(masks, "Widest gap (pixels)").press("Home")
    expect(message).to_have_text("")
    wait_for_code(masks, "widest_gap=1,")
    assert_mask_is_shown(masks)


def assert_restored_is_shown(page):
    """Masked and restored tile, error and scores in the page are those of the lines of code."""
    tiles = ei.data.load_tiles("validation", source="synthetic")
    names = {"ei": ei, "tiles": tiles}
    exec(f"{code_of(page)}\n{code_of(page, 'Result as code')}", names)
    mask, restored = names["masks"][0], names["restored"][0]
    wait_for_picture(page, "Masked tile", picture(page, "Tile") / 255 * mask)
    # A level more: in another process the network may round otherwise.
    wait_for_picture(page, "Restored tile", restored, levels=1.501)
    tile = picture(page, "Tile") / 255
    error = np.sum(((restored - tile) * (1 - mask)) ** 2) / np.sum(3 * (1 - mask))
    figures = page.explorer.locator(".explorer-figures").text_content()
    assert float(re.search(r"MSE in the holes: ([\d.]+)\.", figures)[1]) == pytest.approx(
        error, abs=2e-5
    )
    assert f"Coverage: {100 * mask.mean():.1f} %" in figures


def test_inpainting_starts_with_the_unet(inpainting):
    assert 'model="unet"' in code_of(inpainting, "Result as code")
    assert_restored_is_shown(inpainting)


def test_inpainting_follows_keyboard_and_mouse(inpainting):
    handle(inpainting, "Number of lines").press("ArrowRight")
    wait_for_code(inpainting, "lines=10,")
    assert_restored_is_shown(inpainting)
    drag(inpainting, "Number of lines")
    assert lines_of(inpainting) > 10
    wait_for_code(inpainting, f"lines={lines_of(inpainting)},")
    assert_restored_is_shown(inpainting)


def test_inpainting_by_another_family_and_method(inpainting):
    choose(inpainting, "Mask family", "boxes")
    expect(browser.slider(inpainting.explorer, "Sides (pixels)")).to_be_visible()
    choose(inpainting, "Method", "push_pull (baseline)")
    wait_for_code(inpainting, '"boxes"')
    inpainting.visit.wait_until(lambda: "push_pull" in code_of(inpainting, "Result as code"))
    assert_restored_is_shown(inpainting)
    choose(inpainting, "Method", "unet (network)")


def upload(page, name, content):
    with page.visit.page.expect_file_chooser() as chooser:
        page.explorer.get_by_role("button", name="Your own picture").click()
    chooser.value.set_files({"name": name, "mimeType": "image/png", "buffer": content})


def test_broken_upload_becomes_a_message_and_a_picture_is_taken(inpainting):
    message = inpainting.explorer.locator(".explorer-message")
    before = picture(inpainting, "Tile")
    upload(inpainting, "broken.png", b"no picture")
    expect(message).to_contain_text("This cannot be shown: the picture must be")
    assert np.array_equal(picture(inpainting, "Tile"), before)

    own = np.random.default_rng(1).integers(0, 256, (64, 64, 3), np.uint8)
    content = io.BytesIO()
    Image.fromarray(own).save(content, "PNG")
    upload(inpainting, "own.png", content.getvalue())
    expect(message).to_have_text("")
    wait_for_picture(inpainting, "Tile", own / 255)
    wait_for_picture(inpainting, "Masked tile", own / 255 * mask_of(inpainting))
    choose(inpainting, "Class of the tile", "any class")
    wait_for_picture(inpainting, "Tile", before / 255)


def test_errors_of_cells_and_callbacks_are_noticed(laboratory, open_page):
    visit = open_page(laboratory[0]("failing"))
    visit.run_all()
    assert any("ZeroDivisionError" in error for error in visit.errors)
    visit.page.get_by_role("button", name="Fail", exact=True).click()
    visit.wait_until(lambda: any("planted" in error for error in visit.errors))
