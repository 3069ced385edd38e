"""`make app` shows both explorers in Chromium as a page: no code, no other host, any width."""

import io
import re
import shlex
import subprocess
from pathlib import Path

import browser
import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

pytestmark = [pytest.mark.browser, pytest.mark.slow]

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def page_of_app(open_page, tmp_path_factory):
    """A visit of the page, and the server's log."""
    dry = ["make", "--dry-run", "--no-print-directory", "app"]
    lines = subprocess.run(dry, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    port = browser.free_port()
    last = lines.replace("\\\n", " ").splitlines()[-1]
    command = [str(ROOT / word) if "/" in word else word for word in shlex.split(last)]
    environment = {"EUROSAT_INPAINT_OFFLINE": "1", "EUROSAT_INPAINT_DATA": ""}
    folder = tmp_path_factory.mktemp("app")
    options = [f"--port={port}", "--no-browser"]
    with browser.server([*command, *options], port, folder, environment) as log:
        visit = open_page(f"http://{browser.HOST}:{port}/")
        visit.explorer("inpainting_explorer").wait_for()
        yield visit, log
        assert visit.errors == []
        assert visit.foreign == []
        assert browser.errors_in(log) == []


def test_both_explorers_and_no_code(page_of_app):
    visit, _ = page_of_app
    masks, inpainting = (visit.explorer(f"{kind}_explorer") for kind in ("mask", "inpainting"))
    masks.get_by_role("slider", name="Number of lines").press("End")
    expect(masks.get_by_label("Code")).to_have_value(
        'masks = ei.masks.make("lines", 1, seed=0, lines=30, thickness=2)'
    )
    figures = inpainting.locator(".explorer-figures")
    before = figures.inner_text()
    inpainting.get_by_role("slider", name="Number of lines").press("ArrowRight")
    expect(figures).not_to_have_text(before)
    expect(figures).to_contain_text("U-NetMSE")
    text = visit.page.locator("body").inner_text()
    assert "Fill the holes" in text and "import eurosat_inpaint" not in text
    assert visit.page.locator(".cm-editor, .jp-InputArea-editor").count() == 0
    # What a stranger names would be read on the machine of somebody else.
    assert inpainting.get_by_label("Picture (path)").count() == 0


def test_a_photograph_of_12_mib_is_taken(page_of_app):
    visit, _ = page_of_app
    explorer = visit.explorer("inpainting_explorer")
    content = io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 256, (2048, 2048, 3), np.uint8)
    Image.fromarray(noise).save(content, "PNG")
    assert len(content.getvalue()) > 12 * 2**20
    with visit.page.expect_file_chooser() as chooser:
        explorer.get_by_role("button", name="Upload a picture (up to 64 MB)").click()
    chooser.value.set_files(
        {"name": "photo.png", "mimeType": "image/png", "buffer": content.getvalue()}
    )
    expect(explorer.get_by_label("Code")).to_have_value(re.compile("read_tile.'photo.png'"))


def test_a_phone_shows_pictures_above_sliders_of_use(page_of_app):
    visit, _ = page_of_app
    visit.page.set_viewport_size({"width": 390, "height": 844})
    try:
        visit.page.wait_for_timeout(500)
        assert visit.page.evaluate("document.documentElement.scrollWidth") <= 390
        for kind in ("mask", "inpainting"):
            explorer = visit.explorer(f"{kind}_explorer")
            boxes = lambda what, e=explorer: [x.bounding_box() for x in e.locator(what).all()]  # noqa: E731
            pictures, sliders = boxes("img.explorer-picture"), boxes(".slider-container")
            assert min(box["width"] for box in sliders) > 120
            assert min(box["width"] for box in pictures) > 100
            assert max(box["y"] for box in pictures) < min(box["y"] for box in sliders)
    finally:
        visit.page.set_viewport_size({"width": 1500, "height": 1000})


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_words_and_handles_stand_out_in_light_and_dark(scheme, page_of_app):
    visit, _ = page_of_app
    visit.page.emulate_media(color_scheme=scheme)
    try:
        visit.page.wait_for_timeout(300)
        explorer = visit.explorer("mask_explorer")
        ground = colour(visit.page.locator("body"), "background-color")
        assert (luminance(ground) > 0.5) == (scheme == "light")
        words = explorer.locator(".widget-label").first
        assert contrast(colour(words, "color"), ground) >= 4.5
        for part in (".noUi-handle", ".noUi-connects"):
            shown = colour(explorer.locator(part).first, "background-color")
            assert contrast(shown, ground) >= 3
    finally:
        visit.page.emulate_media(color_scheme="light")


def colour(element, name):
    rgb = element.evaluate(f"element => getComputedStyle(element)['{name}']")
    return [float(part) for part in rgb.split("(")[1].rstrip(")").split(",")[:3]]


def luminance(rgb):
    """Relative luminance as WCAG 2 defines it."""
    part = np.array(rgb) / 255
    linear = np.where(part <= 0.04045, part / 12.92, ((part + 0.055) / 1.055) ** 2.4)
    return float(linear @ (0.2126, 0.7152, 0.0722))


def contrast(first, second):
    lighter, darker = sorted((luminance(first), luminance(second)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)
