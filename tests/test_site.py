"""The site as ``make site`` builds it: nothing from other hosts, searchable, complete, usable."""

import inspect
import io
import json
import os
import re
import shutil
import subprocess
import sys
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import browser
import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

import eurosat_inpaint as ei
from eurosat_inpaint.widgets.controls import _CONTROLS, _LABELS

pytestmark = [pytest.mark.browser, pytest.mark.slow]

ROOT = Path(__file__).resolve().parent.parent
AXE = ROOT / "site" / "node_modules" / "axe-core" / "axe.min.js"
# What fetches something as soon as a page is opened.
FETCHES = {"script": "src", "img": "src", "link": "href", "iframe": "src", "source": "src"}


@pytest.fixture(scope="module")
def site():
    """The folder of the built site."""
    if (
        shutil.which("npm") is None
        or shutil.which("sphinx-build", path=Path(sys.prefix) / "bin") is None
    ):
        message = "npm and the extra `site` are needed: `make site`"
        pytest.fail(message) if os.environ.get("CI") == "true" else pytest.skip(message)
    command = [sys.executable, "tools/build_site.py"]
    built = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    return ROOT / "build" / "site"


class Page(HTMLParser):
    """What a page fetches, where its links lead, and its ids."""

    def __init__(self, path):
        super().__init__()
        self.fetched, self.links, self.ids = [], [], set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        if FETCHES.get(tag) in given and given.get("rel") not in ("canonical", "next", "prev"):
            self.fetched.append(given[FETCHES[tag]])
        if tag == "a" and given.get("href"):
            self.links.append(given["href"])
        if given.get("id"):
            self.ids.add(given["id"])


def pages_of(site):
    return {path: Page(path) for path in sorted(site.rglob("*.html"))}


def test_no_page_fetches_from_another_host_and_every_link_leads_somewhere(site):
    pages = pages_of(site)
    assert len(pages) > 50
    for path, page in pages.items():
        elsewhere = [a for a in page.fetched if any(urlsplit(a)[:2]) and not a.startswith("data:")]
        assert elsewhere == []
        for address in (*page.fetched, *page.links):
            parts = urlsplit(address)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            assert target.exists(), f"{path.name} leads to {address}"
            if parts.fragment and target in pages:
                assert unquote(parts.fragment) in pages[target].ids | {""}, (path.name, address)
        # Nothing of the machine that built it.
        assert str(ROOT) not in path.read_text(encoding="utf-8"), path.name
    # Styles fetch too.
    for style in site.rglob("*.css"):
        assert not re.search(r"(url\(|@import)[\s\"']*(https?:)?//", style.read_text("utf-8")), (
            style
        )


def test_pages_opened_from_the_folder_are_whole_without_a_network(site, open_page):
    visit = open_page(f"file://{site}/index.html")
    formulas = 0
    for path in sorted(
        [*site.glob("notebooks/*.html"), *site.glob("*.html"), *site.glob("docs/*")]
    ):
        visit.page.goto(f"file://{path}")
        assert visit.page.evaluate(
            "[...document.images].every((i) => i.complete && i.naturalWidth)"
        )
        if visit.page.locator(".math").count():
            visit.page.locator(".math mjx-container svg").first.wait_for()
            formulas += visit.page.locator("mjx-container").count()
            assert visit.page.locator("mjx-merror, [data-mjx-error]").count() == 0
            assert visit.page.evaluate(
                "[...document.querySelectorAll('.math')].every((m) => m.querySelector('svg'))"
            )
    assert formulas > 50
    assert visit.errors == [] and visit.foreign == []
    visit.page.close()


def test_a_search_for_push_pull_finds_the_notebook_and_the_function(site, open_page):
    visit = open_page(f"file://{site}/index.html")
    box = visit.page.get_by_placeholder("Search").first
    box.fill("push-pull")
    box.press("Enter")
    found = visit.page.locator("#search-results li > a")
    found.first.wait_for()
    visit.wait_until(lambda: found.count() > 3)
    leads = [link.get_attribute("href") for link in found.all()]
    assert any(lead.startswith("notebooks/03_filling_without_learning.html") for lead in leads[:6])
    assert "api/baselines.html#eurosat_inpaint.baselines.push_pull" in leads[:6]
    # From a folder the excerpts of the pages found are missing: a browser does not read them there.
    assert visit.foreign == []
    visit.page.close()


def test_the_reference_has_every_public_name_and_its_examples(site):
    front = (site / "api" / "index.html").read_text(encoding="utf-8")
    assert all(f'id="eurosat_inpaint.{name}"' in front for name in ei._FUNCTIONS)
    for name in ei._MODULES:
        module = getattr(ei, name)
        text = (site / "api" / f"{name}.html").read_text(encoding="utf-8")
        # Signatures are as they are written.
        assert not re.search(r"&lt;(function|factory)|>~", text), name
        own = [n for n, v in vars(module).items() if getattr(v, "__module__", 0) == module.__name__]
        for member in getattr(module, "__all__", [n for n in own if n[0] != "_"]):
            assert f'id="{module.__name__}.{member}"' in text, f"{name}.{member}"
            documentation = inspect.getdoc(getattr(module, member)) or ""
            if callable(getattr(module, member)) and ">>>" in documentation:
                part = text.split(f'id="{module.__name__}.{member}"')[1].split('<dt class="sig')[0]
                assert "&gt;&gt;&gt;" in part, f"{name}.{member} without its example"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(
    "page", ["index.html", "notebooks/exercises/01_data_exploration.html", "api/compositing.html"]
)
def test_no_serious_finding_of_accessibility(page, scheme, site, open_page):
    visit = open_page(f"file://{site}/{page}")
    visit.page.emulate_media(color_scheme=scheme)
    assert serious_findings(visit.page) == []
    visit.page.close()


def test_a_phone_scrolls_pages_down_only(site, open_page):
    visit = open_page(f"file://{site}/index.html")
    visit.page.set_viewport_size({"width": 390, "height": 844})
    for page in ("index", "README", "notebooks/09_comparison", "api/training", "docs/glossary"):
        visit.page.goto(f"file://{site}/{page}.html")
        assert visit.page.evaluate("document.documentElement.scrollWidth") <= 390, page
    visit.page.close()


def test_notebooks_can_be_downloaded_as_they_are_committed(site):
    for path in (ROOT / "notebooks").glob("[0-9]*.ipynb"):
        assert (site / "notebooks" / path.name).read_bytes() == path.read_bytes()


def test_once_published_a_notebook_can_be_opened_in_colab(monkeypatch):
    import build_site

    notebook = ROOT / "notebooks" / "06_unet_training.ipynb"
    assert "Colab" not in build_site.page_of(notebook).cells[0].source
    known = ("https://github.com/someone/else", "v1")
    monkeypatch.setattr(build_site, "read_address_and_tag", lambda: known)
    page = "github/someone/else/blob/v1/notebooks/06_unet_training.ipynb"
    link = f'<a href="https://colab.research.google.com/{page}">Open in Colab</a>'
    assert link in build_site.page_of(notebook).cells[0].source


def test_the_benchmark_of_the_explorer_runs(site):
    command = [sys.executable, "benchmarks/site_explorer.py", "--visits", "1", "--steps", "2"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    rows = re.findall(r"^\| (.+?) \| ([\d.]+) \| ([\d.]+) \|", done.stdout, re.MULTILINE)
    assert len(rows) == 3
    assert all(0 < float(median) <= float(late) for _, median, late in rows)


def serious_findings(page):
    """What axe finds of serious or critical kind: rule and place."""
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate("axe.run()")["violations"]
    return [
        (f["id"], f["nodes"][0]["target"]) for f in found if f["impact"] in ("serious", "critical")
    ]


# The explorer.

# Parameters that are far from the defaults, of every family.
VARIANTS = {
    "lines": [{"lines": 30, "thickness": 9, "include_last_column": True}, {"coverage": 0.95}],
    "free_lines": [{"angles": (-180, -90), "thickness": 1}, {"coverage": 0.07}],
    "scan_line_gaps": [{"tilt": -45, "period": 9, "widest_gap": 4}, {"position": -0.35}],
    "clouds": [{"coverage": 0.13, "scale": 4, "octaves": 6, "roughness": 0.95}],
    "boxes": [{"coverage": 0.3}, {"sides": (1, 64), "boxes": 2}],
    "brush_strokes": [{"coverage": 0.25}, {"widths": (1, 24)}],
    "random_pixels": [{"coverage": 0.05}],
    "dead_columns": [{"coverage": 0.4}, {"widest": 16, "groups": 2}],
}


@pytest.fixture(scope="module")
def address(site):
    """Where the site is served, on this machine alone."""
    with browser.served(site) as address:
        yield address


@pytest.fixture(scope="module")
def visit(address, open_page):
    return open_page(f"{address}/explorer/index.html")


@pytest.fixture(scope="module", autouse=True)
def tiles_drawn_once():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ei.data, "load_tiles", cache(ei.data.load_tiles))
        yield


@pytest.fixture
def explorer(visit):
    """The explorer as it is at the start, with a synthetic tile that the network has restored."""
    expect(visit.page.locator("#loading")).to_be_hidden()
    visit.page.get_by_role("button", name="Reset everything").click()
    visit.page.get_by_label("synthetic tiles").check()
    expect(visit.page.locator("#tiles input:checked")).to_have_count(1)
    answered_after(visit, visit.page.get_by_role("button", name="Another mask").click)
    yield visit
    assert visit.errors == [] and visit.foreign == []


def answered_after(visit, action):
    """Do something, and wait until all that came of it is shown."""
    action()
    expect(visit.page.locator("#results")).to_have_attribute("aria-busy", "false")


def shown(page, canvas):
    """What a method restored last, float32 (1, 64, 64, 3), and the mask, (1, 64, 64, 1)."""
    script = "([id, key]) => Array.from(document.getElementById(id)[key])"
    restored = np.array(page.evaluate(script, [canvas, "restored"]), np.float32)
    mask = np.array(page.evaluate(script, [canvas, "mask"]), np.float32)
    return restored.reshape(1, 64, 64, 3), mask.reshape(1, 64, 64, 1)


def pixels(page, canvas):
    """What a canvas shows, uint8 (64, 64, 4)."""
    script = """(id) => Array.from(
        document.getElementById(id).getContext("2d").getImageData(0, 0, 64, 64).data
    )"""
    return np.array(page.evaluate(script, canvas), np.uint8).reshape(64, 64, 4)


def by_code(page):
    """What the Python lines on the page compute, by name."""
    variables = {}
    exec(page.get_by_label("The same in Python").input_value(), variables)
    return variables


def defaults_of(family):
    parameters = inspect.signature(ei.masks.FAMILIES[family]).parameters.values()
    return {p.name: p.default for p in parameters if p.name not in ("n", "size", "seed")}


@pytest.mark.parametrize("family", ei.masks.FAMILIES)
def test_masks_in_the_page_are_those_of_the_package(family, explorer):
    for parameters in ({}, *VARIANTS[family]):
        drawn = explorer.page.evaluate(
            """async ([family, parameters, seeds]) => {
                const { makeMask } = await import("./masks.js");
                return seeds.map((seed) => makeMask(family, parameters, seed).join(""));
            }""",
            [family, defaults_of(family) | parameters, [*range(50), 999, 2**40]],
        )
        for seed, mask in zip([*range(50), 999, 2**40], drawn, strict=True):
            expected = ei.masks.make(family, 1, seed=seed, **parameters)
            assert mask == "".join(map(str, expected.astype(int).ravel())), (parameters, seed)


def test_controls_are_those_of_the_explorers_in_notebooks(explorer):
    families = explorer.page.evaluate("import('./controls.js').then((m) => m.FAMILIES)")
    assert list(families) == list(ei.masks.FAMILIES)
    for family, controls in families.items():
        expected = defaults_of(family)
        assert list(controls) == list(expected)
        for name, control in controls.items():
            start = control["start"]
            start = start / 100 if name == "coverage" else start
            start = tuple(start) if isinstance(start, list) else start
            assert expected[name] == (None if "box" in control else start), (family, name)
            label, *limits = _CONTROLS[name]
            assert control["label"] == _LABELS.get((family, name), label)
            assert [control[end] for end in ("low", "high") if end in control] == limits


@pytest.mark.parametrize("family", ei.masks.FAMILIES)
def test_answers_in_the_page_are_those_of_the_package(family, explorer):
    page = explorer.page
    page.get_by_label("Mask family").select_option(family)
    answered_after(explorer, lambda: page.get_by_label("Mask (seed)").fill("7"))
    variables = by_code(page)
    restored, mask = shown(page, "network")
    assert np.array_equal(mask, variables["masks"])
    np.testing.assert_allclose(restored, variables["restored"], rtol=0, atol=1e-4)
    levels = np.rint(255 * variables["tile"]).astype(np.uint8)
    by_package = ei.inpaint(levels, variables["masks"], model="unet_any")
    assert np.abs(np.rint(255 * restored) - by_package).max() <= 1
    filled, _ = shown(page, "fill")
    np.testing.assert_allclose(filled, variables["filled"], rtol=0, atol=1e-6)
    for row, found in (("network", variables["restored"]), ("fill", variables["filled"])):
        cells = page.locator(f"#{row}-scores td").all_text_contents()
        for cell, measure in zip(cells, ("mse", "mae", "psnr", "ssim"), strict=True):
            expected = getattr(ei.metrics, measure)(variables["tile"], found, mask)[0]
            digits = len(cell.partition(".")[2])
            assert float(cell) == pytest.approx(expected, abs=0.51 * 10**-digits), (row, measure)


@pytest.mark.real_tiles
def test_real_tiles_are_those_that_the_code_names(explorer):
    page = explorer.page
    for name in ("Forest", "Highway"):
        tiles = page.locator(f"#tiles input[aria-label^={name}]")
        page.get_by_label("EuroSAT", exact=True).check()
        expect(page.locator("#licence")).to_contain_text("Copernicus Sentinel")
        answered_after(explorer, tiles.first.check)
        assert 'load_tiles("validation")' in page.get_by_label("The same in Python").input_value()
        restored, mask = shown(page, "network")
        variables = by_code(page)
        np.testing.assert_allclose(restored, variables["restored"], rtol=0, atol=1e-4)


def test_scores_in_the_page_agree_to_four_digits(explorer):
    random = np.random.default_rng(0)
    tile, restored = random.random((2, 1, 64, 64, 3)).astype(np.float32)
    restored = 0.9 * tile + 0.1 * restored
    mask = ei.masks.line_masks(1, seed=4)
    scores = explorer.page.evaluate(
        """async ([tile, restored, mask]) => {
            const { scoresInHoles } = await import("./scores.js");
            return scoresInHoles(Float32Array.from(tile), Float32Array.from(restored), mask);
        }""",
        [array.ravel().tolist() for array in (tile, restored, mask)],
    )
    for measure, score in scores.items():
        expected = getattr(ei.metrics, measure)(tile, restored, mask)[0]
        assert score == pytest.approx(expected, rel=1e-5), measure


def picture(kind, size, **settings):
    noise = np.random.default_rng(1).integers(0, 256, (9, 13, 3), np.uint8)
    image = Image.fromarray(noise).resize(size, Image.Resampling.BICUBIC)
    content = io.BytesIO()
    image.convert(settings.pop("mode", "RGB")).save(content, kind, **settings)
    return content.getvalue()


def transparent():
    content = io.BytesIO()
    Image.new("RGBA", (80, 80), (200, 100, 50, 254)).save(content, "PNG")
    return content.getvalue()


def upright(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


@pytest.mark.parametrize(
    ("name", "content", "levels"),
    [
        ("wide.png", picture("PNG", (300, 201)), 0),
        ("small.png", picture("PNG", (40, 50)), 0),
        ("exact.png", picture("PNG", (64, 64)), 0),
        ("grey.png", picture("PNG", (333, 90), mode="L"), 0),
        # Decoders of JPEG round differently.
        ("photo.jpg", picture("JPEG", (640, 480), quality=95), 3),
        ("turned.jpg", picture("JPEG", (640, 480), quality=95, exif=upright(6)), 3),
        ("filled.jpg", b"\xff\xd8\xff\xff\xff" + picture("JPEG", (90, 80), quality=95)[2:], 3),
    ],
    ids=lambda given: given if isinstance(given, str) else "",
)
def test_a_picture_of_ones_own_becomes_the_tile_that_the_package_makes(
    name, content, levels, explorer
):
    page, requests = explorer.page, []
    page.on("request", lambda request: requests.append(request.url))
    file = {"name": name, "mimeType": "image/png", "buffer": content}
    page.locator("#own").set_input_files(file)
    answered_after(explorer, lambda: expect(page.locator("#tile-name")).to_contain_text(name))
    code = page.get_by_label("The same in Python").input_value()
    assert f'ei.data.read_tile("{name}")' in code
    restored, mask = shown(page, "network")
    expected = ei.data.read_tile(io.BytesIO(content))
    known = np.broadcast_to(mask == 1, expected.shape)
    assert np.abs(np.rint(255 * restored) - expected.astype(int))[known].max() <= levels
    # Nothing of it left the page.
    assert [url for url in requests if not url.startswith("blob:")] == []


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("broken.png", picture("PNG", (200, 200))[:300], "must be an undamaged PNG or JPEG"),
        ("words.png", b"no picture at all", "must be a PNG or JPEG"),
        ("long.png", picture("PNG", (2100, 100)), "more than 20 times the other"),
        ("clear.png", transparent(), "must have no transparent pixels"),
        ("deep.png", picture("PNG", (80, 80), mode="I;16"), "must have 8 bits per channel"),
        ("print.jpg", picture("JPEG", (80, 80), mode="CMYK"), "must be RGB or grey"),
    ],
    ids=lambda given: given if isinstance(given, str) else "",
)
def test_a_picture_that_cannot_be_taken_becomes_a_message(name, content, message, explorer):
    page = explorer.page
    before = page.locator("#tile-name").inner_text()
    page.evaluate(
        """([name, bytes]) => {
            const transfer = new DataTransfer();
            transfer.items.add(new File([Uint8Array.from(bytes)], name));
            document.body.dispatchEvent(new DragEvent("drop", {
                dataTransfer: transfer, bubbles: true, cancelable: true,
            }));
        }""",
        [name, list(content)],
    )
    expect(page.locator("#message")).to_contain_text(f"{name} cannot be shown")
    expect(page.locator("#message")).to_contain_text(message)
    assert page.locator("#tile-name").inner_text() == before


def centre_and_scale(page):
    box = page.locator("#masked").bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2, box["width"] / 64


def draw_by_mouse(page):
    x, y, scale = centre_and_scale(page)
    page.mouse.move(x - 10 * scale, y)
    page.mouse.down()
    page.mouse.move(x + 10 * scale, y, steps=4)
    page.mouse.up()


def draw_by_touch(page):
    x, y, scale = centre_and_scale(page)
    session = page.context.new_cdp_session(page)

    def touch(kind, *places):
        points = [{"x": place, "y": y} for place in places]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    touch("touchStart", x - 10 * scale)
    for step in range(-9, 11):
        touch("touchMove", x + step * scale)
    touch("touchEnd")


def draw_by_keyboard(page):
    page.locator("#masked").focus()
    # From wherever the brush was left into the upper left corner first.
    to_corner = ("ArrowLeft", "ArrowUp") * 63
    to_start = ("ArrowRight",) * 22 + ("ArrowDown",) * 32
    for key in (*to_corner, *to_start, *("Space", "ArrowRight") * 20):
        page.keyboard.press(key)


@pytest.mark.parametrize("draw", [draw_by_mouse, draw_by_touch, draw_by_keyboard])
def test_holes_are_drawn_taken_back_and_copied_as_code(draw, explorer):
    page = explorer.page
    page.locator("#masked").scroll_into_view_if_needed()
    of_family = shown(page, "network")[1]
    page.get_by_role("button", name="Clear all holes").click()
    expect(page.locator("#message")).to_contain_text("There are no holes")
    answered_after(explorer, lambda: draw(page))
    holes = shown(page, "network")[1][0, ..., 0] == 0
    rows, columns = np.nonzero(holes)
    # A stroke of 20 pixels by a brush of 6, with round ends.
    assert 28 <= rows.min() <= 30 and 33 <= rows.max() <= 35
    assert 18 <= columns.min() <= 20 and 43 <= columns.max() <= 45
    assert 120 <= holes.sum() <= 170
    variables = by_code(page)
    restored, mask = shown(page, "network")
    assert np.array_equal(mask, variables["masks"])
    np.testing.assert_allclose(restored, variables["restored"], rtol=0, atol=1e-4)
    # Known pixels are painted back over the holes.
    page.get_by_label("known pixels").check()
    page.get_by_label("Brush (px)").fill("10")
    answered_after(explorer, lambda: draw_by_mouse(page))
    assert shown(page, "fill")[1].all()
    undo = page.get_by_role("button", name="Undo")
    while undo.is_enabled():
        answered_after(explorer, undo.click)
    assert np.array_equal(shown(page, "fill")[1], of_family)


def test_what_cannot_be_is_said_in_the_words_of_the_sliders(explorer):
    page = explorer.page
    page.get_by_label("Mask family").select_option("scan_line_gaps")
    page.get_by_label("Widest gap (px)").fill("40")
    expect(page.locator("#message")).to_have_text(
        'This cannot be shown: "Widest gap (px)" must be less than "Gap distance (px)", 16, got 40.'
    )
    page.get_by_label("Mask family").select_option("boxes")
    page.get_by_label("Sides (px), lowest").fill("64")
    page.get_by_label("Number of boxes").fill("20")
    expect(page.locator("#message")).to_have_text("This cannot be shown: every pixel is a hole.")
    page.get_by_role("button", name="Reset everything").click()
    expect(page.locator("#message")).to_have_text("")
    expect(page.get_by_label("Mask family")).to_have_value("lines")


def test_an_answer_that_comes_late_does_not_hide_a_message(explorer):
    """The network still computes for a mask when the next one cannot be shown."""
    page = explorer.page
    page.evaluate(
        """() => {
            const send = Worker.prototype.postMessage;
            Worker.prototype.postMessage = function (question) {
                window.answered = () => {
                    Worker.prototype.postMessage = send;
                    return new Promise((resolve) => {
                        this.addEventListener("message", () => setTimeout(resolve));
                        this.postMessage(question);
                    });
                };
            };
        }"""
    )
    page.get_by_label("Mask family").select_option("boxes")
    page.get_by_label("Sides (px), lowest").fill("64")
    page.wait_for_function("() => window.answered")
    page.get_by_label("Number of boxes").fill("20")
    message = page.locator("#message")
    expect(message).to_have_text("This cannot be shown: every pixel is a hole.")
    page.evaluate("answered()")
    expect(message).to_have_text("This cannot be shown: every pixel is a hole.")
    expect(page.locator("#network-scores td").first).to_have_text("–")
    page.get_by_role("button", name="Reset everything").click()
    expect(message).to_have_text("")


def test_a_picture_read_slowly_does_not_replace_what_was_chosen_meanwhile(explorer):
    page = explorer.page
    page.evaluate(
        """() => {
            const read = Blob.prototype.arrayBuffer;
            Blob.prototype.arrayBuffer = function () {
                Blob.prototype.arrayBuffer = read;
                return new Promise((resolve) => {
                    window.readOn = () => resolve(read.call(this));
                });
            };
        }"""
    )
    slow = {"name": "slow.png", "mimeType": "image/png", "buffer": picture("PNG", (70, 70))}
    page.locator("#own").set_input_files(slow)
    page.wait_for_function("() => window.readOn")
    other = page.locator("#tiles input").nth(3)
    answered_after(explorer, other.check)
    page.evaluate("readOn()")
    # It is there, to be chosen.
    expect(page.get_by_label("slow.png")).to_have_count(1)
    answered_after(explorer, lambda: None)
    assert page.locator("#tile-name").inner_text() == other.get_attribute("aria-label")
    assert other.is_checked()


def test_tiles_fetched_slowly_are_those_that_were_asked_for_last(address, open_page):
    visit = open_page(f"{address}/explorer/index.html")
    page = visit.page
    first, second = page.locator("[name=source]").first, page.get_by_label("synthetic tiles")
    expect(page.locator("#tiles input:checked")).to_have_count(1)
    held = []
    page.route("**/synthetic.rgb", lambda route: held.append(route))
    second.evaluate("(input) => input.click()")
    visit.wait_until(lambda: held)
    # A tile of the sheet that is about to go.
    page.locator("#tiles input").nth(3).check()
    held.pop().continue_()
    expect(page.locator("#tile-name")).to_contain_text("synthetic")
    expect(page.locator("#tiles input:checked")).to_have_count(1)
    # Without real tiles there is one source.
    if page.locator("[name=source]").count() == 2:
        first.check()
        expect(page.locator("#tile-name")).not_to_contain_text("synthetic")
        second.check()
        visit.wait_until(lambda: held)
        first.check()
        name = page.locator("#tile-name").inner_text()
        held.pop().abort()
        answered_after(visit, page.get_by_role("button", name="Another mask").click)
        expect(page.locator("#message")).to_have_text("")
        assert page.locator("#tile-name").inner_text() == name and first.is_checked()
    page.close()


def test_tiles_that_cannot_be_fetched_become_a_message_and_all_else_works(address, open_page):
    visit = open_page(f"{address}/index.html")
    page = visit.page
    page.route("**/*.rgb", lambda route: route.abort())
    page.goto(f"{address}/explorer/index.html")
    expect(page.locator("#message")).to_contain_text("The tiles cannot be shown")
    expect(page.locator("#results")).to_have_attribute("aria-busy", "false")
    # Touched before there is anything to paint on.
    page.locator("#masked").click()
    page.keyboard.press("ArrowLeft")
    page.get_by_label("Number of lines").fill("7")
    expect(page.locator("#message")).to_contain_text("The tiles cannot be shown")
    expect(page.locator("#results")).to_have_attribute("aria-busy", "false")
    expect(page.locator("#loading")).to_be_hidden()
    page.unroute("**/*.rgb")
    page.get_by_label("synthetic tiles").click()
    page.get_by_role("button", name="Reset everything").click()
    expect(page.locator("#network-scores td").first).to_contain_text("0.0")
    assert [error for error in visit.errors if "ERR_FAILED" not in error] == []
    page.close()


@pytest.mark.parametrize("missing", ["worker.js", "unet_any.onnx", "ort.wasm.bundle.min.mjs"])
def test_without_the_network_the_page_says_so_and_push_pull_works(missing, address, open_page):
    visit = open_page(f"{address}/index.html")
    visit.page.route(f"**/{missing}", lambda route: route.abort())
    visit.page.goto(f"{address}/explorer/index.html")
    message = visit.page.locator("#message")
    expect(message).to_have_text(re.compile(r"The network cannot be used: \w.+\."))
    expect(visit.page.locator("#fill-scores td").first).to_contain_text("0.0")
    expect(visit.page.locator("#results")).to_have_attribute("aria-busy", "false")
    visit.page.close()


def test_a_network_that_fails_later_leaves_no_answers_behind(address, open_page):
    visit = open_page(f"{address}/explorer/index.html")
    page, scores = visit.page, visit.page.locator("#network-scores td")
    expect(scores.first).to_contain_text("0.0")
    page.evaluate(
        """Worker.prototype.postMessage = function () {
            const data = { problem: "out of memory" };
            this.dispatchEvent(new MessageEvent("message", { data }));
        }"""
    )
    for _ in range(2):
        answered_after(visit, page.get_by_role("button", name="Another mask").click)
        assert set(scores.all_text_contents()) == {"–"}
        expect(page.locator("#loading")).to_have_text("The network cannot be used: out of memory.")
        expect(page.get_by_role("img", name="as the U-Net restores it")).to_have_count(0)
        expect(page.locator("#fill-scores td").first).to_contain_text("0.0")
    page.close()


def test_reset_twice_shows_the_tiles_once(explorer):
    page = explorer.page
    restart = page.get_by_role("button", name="Reset everything")
    restart.evaluate("(button) => { button.click(); button.click(); }")
    expect(page.locator("#tiles input:checked")).to_have_count(1)
    answered_after(explorer, page.get_by_role("button", name="Another mask").click)
    assert page.locator("#tiles input").count() == 40
    assert page.locator("[name=source]").first.is_checked()


def test_one_finger_draws_and_a_stroke_ends_with_its_mask(explorer):
    page = explorer.page
    page.get_by_role("button", name="Clear all holes").click()
    x, y, scale = centre_and_scale(page)
    session = page.context.new_cdp_session(page)
    for step, kind in enumerate(("touchStart", "touchMove", "touchMove")):
        places = [(x - 20 * scale + step, y - 20 * scale), (x + 20 * scale + step, y + 20 * scale)]
        points = [{"x": left, "y": top, "id": k} for k, (left, top) in enumerate(places)]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    answered_after(explorer, lambda: None)
    # The dab of one brush of 6 pixels.
    assert 20 <= (shown(page, "fill")[1] == 0).sum() <= 40
    page.mouse.move(x, y)
    page.mouse.down()
    page.get_by_role("button", name="Undo").press("Enter")
    page.get_by_role("button", name="Another mask").press("Enter")
    page.mouse.move(x + 9, y)
    page.mouse.up()
    answered_after(explorer, lambda: None)
    assert shown(page, "fill")[1].mean() < 0.7


def test_a_stroke_ends_where_a_menu_takes_the_pointer(explorer):
    page = explorer.page
    answered_after(explorer, page.get_by_role("button", name="Clear all holes").click)
    x, y, scale = centre_and_scale(page)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.down(button="right")
    page.mouse.up(button="right")
    page.mouse.move(x, y - 40 * scale)
    page.mouse.up()
    answered_after(explorer, lambda: page.mouse.move(x - 20 * scale, y))
    drawn = shown(page, "fill")[1]
    answered_after(explorer, lambda: page.mouse.move(x + 20 * scale, y + 20 * scale, steps=4))
    assert np.array_equal(shown(page, "fill")[1], drawn)


def test_the_space_bar_paints_only_where_the_brush_is_seen(explorer):
    page = explorer.page
    answered_after(explorer, page.get_by_role("button", name="Clear all holes").click)
    x, y, scale = centre_and_scale(page)
    answered_after(explorer, lambda: page.mouse.click(x - 25 * scale, y - 25 * scale))
    dab = shown(page, "fill")[1]
    page.keyboard.press("Space")
    answered_after(explorer, lambda: None)
    assert np.array_equal(shown(page, "fill")[1], dab)
    page.keyboard.press("ArrowRight")
    answered_after(explorer, lambda: page.keyboard.press("Space"))
    rows, columns = np.nonzero(shown(page, "fill")[1][0, ..., 0] == 0)
    assert rows.max() < 14 and columns.max() < 15 and len(rows) > (dab == 0).sum()


def test_a_picture_outlives_a_change_of_tiles_and_a_message_what_it_is_not_about(explorer):
    page = explorer.page
    file = {"name": "mine.png", "mimeType": "image/png", "buffer": picture("PNG", (64, 64))}
    page.locator("#own").set_input_files(file)
    expect(page.locator("#tile-name")).to_contain_text("mine.png")
    page.get_by_label("EuroSAT", exact=True).or_(page.get_by_label("synthetic tiles")).first.check()
    answered_after(explorer, page.get_by_role("button", name="Another mask").click)
    assert page.locator("#own-tiles input[aria-label^='mine.png']").count() == 1
    page.evaluate("document.getElementById('message').textContent = 'said meanwhile'")
    page.evaluate("document.getElementById('masked').focus()")
    expect(page.locator("#message")).to_have_text("said meanwhile")
    answered_after(explorer, page.get_by_role("button", name="Another mask").click)
    expect(page.locator("#message")).to_have_text("")


def test_a_slider_leaves_the_drawing_to_be_taken_back_and_results_are_spoken(explorer):
    page = explorer.page
    page.get_by_role("button", name="Clear all holes").click()
    answered_after(explorer, lambda: draw_by_mouse(page))
    by_hand = shown(page, "fill")[1]
    answered_after(explorer, page.get_by_role("button", name="Another mask").click)
    assert not np.array_equal(shown(page, "fill")[1], by_hand)
    answered_after(explorer, page.get_by_role("button", name="Undo").click)
    assert np.array_equal(shown(page, "fill")[1], by_hand)
    cells = [page.locator(f"#{row}-scores td").first.inner_text() for row in ("network", "fill")]
    told = f"MSE in the holes: U-Net {cells[0]}, push-pull {cells[1]}."
    expect(page.locator("#spoken")).to_contain_text(told)


def test_what_is_no_longer_true_is_taken_away(explorer):
    page = explorer.page
    page.get_by_label("Mask family").select_option("scan_line_gaps")
    page.get_by_label("Widest gap (px)").fill("40")
    other = page.locator("#tiles input").first
    answered_after(explorer, other.check)
    assert other.get_attribute("aria-label") == page.locator("#tile-name").inner_text()
    assert page.get_by_label("The same in Python").input_value() == ""
    assert page.get_by_role("button", name="Copy the code").is_disabled()
    assert set(page.locator("td").all_text_contents()) == {"–"}
    # Of the tile that is chosen, under the last mask that could be made.
    tile, masked = (pixels(page, canvas) for canvas in ("tile", "masked"))
    known = shown(page, "fill")[1][0, ..., 0] == 1
    assert np.array_equal(tile[known], masked[known])


def test_the_picture_is_saved(explorer):
    with explorer.page.expect_download() as download:
        explorer.page.get_by_role("button", name="Save the picture").click()
    assert download.value.suggested_filename == "restored.png"
    with Image.open(download.value.path()) as saved:
        assert saved.size == (3 * 256 + 32, 2 * 280 + 24)
        # The tile, four times as large: below its caption on the left of the second row.
        tile = np.asarray(saved.convert("RGB"))[320:576:4, 8:264:4]
    variables = by_code(explorer.page)
    assert np.array_equal(tile, np.rint(255 * variables["tile"][0]).astype(np.uint8))


def test_the_download_stays_below_25_megabytes_and_is_said_before(site, address, open_page):
    files = [path for path in (site / "explorer").rglob("*") if path.is_file()]
    megabytes = sum(path.stat().st_size for path in files) / 1e6
    assert megabytes < 25
    facts = json.loads((site / "explorer" / "facts.json").read_text(encoding="utf-8"))
    assert facts["bytes"] / 1e6 == pytest.approx(megabytes, abs=0.01)
    front = (site / "index.html").read_text(encoding="utf-8")
    assert f"The page downloads {megabytes:.0f} MB" in front
    # Without real tiles it is half a megabyte less.
    told = re.search(r"downloads about (\d+) MB", (ROOT / "README.md").read_text(encoding="utf-8"))
    assert float(told[1]) == pytest.approx(megabytes, abs=1)
    # While the network does not come, the page says how much is on its way, and the rest works.
    visit = open_page(f"{address}/index.html")
    visit.page.route("**/*.onnx", lambda route: None)
    visit.page.goto(f"{address}/explorer/index.html")
    expect(visit.page.locator("#loading")).to_contain_text(f"{facts['bytes'] / 1e6:.1f} MB")
    expect(visit.page.locator("#fill-scores td").first).to_contain_text("0.0")
    visit.page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_explorer_has_no_serious_finding_of_accessibility(scheme, explorer):
    explorer.page.emulate_media(color_scheme=scheme)
    for width in (320, 1500):
        explorer.page.set_viewport_size({"width": width, "height": 1000})
        assert serious_findings(explorer.page) == []
    explorer.page.emulate_media(color_scheme="light")


def test_dark_chosen_on_a_page_is_dark_in_the_explorer(address, open_page):
    visit = open_page(f"{address}/index.html")
    visit.page.get_by_role("button", name="Toggle Light / Dark").locator("visible=true").click()
    visit.page.goto(f"{address}/explorer/index.html")
    for system in ("light", "dark"):
        visit.page.emulate_media(color_scheme=system)
        expect(visit.page.locator("body")).to_have_css("background-color", "rgb(22, 24, 27)")
    visit.page.close()


def test_the_explorer_fits_a_phone(explorer):
    page = explorer.page
    for width in (320, 390):
        page.set_viewport_size({"width": width, "height": 844})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.locator("#masked").bounding_box()["width"] > 300
    page.get_by_role("button", name="Copy the code").click()
    expect(page.locator("#message")).not_to_be_empty()
    # What is said lies on no button, once the page is at its end.
    page.evaluate("window.scrollTo(0, document.body.scrollHeight)")
    message, save = (page.locator(place).bounding_box() for place in ("#message", "#save"))
    assert save["y"] + save["height"] <= message["y"]
    page.set_viewport_size({"width": 1500, "height": 1000})


def test_who_comes_back_finds_controls_and_numbers_that_agree(address, open_page):
    visit = open_page(f"{address}/explorer/index.html")
    page = visit.page
    page.get_by_label("Brush (px)").fill("20")
    page.get_by_label("known pixels").check()
    page.get_by_role("link", name="EuroSAT inpainting").click()
    page.go_back()
    expect(page.locator("#fill-scores td").first).to_contain_text("0.0")
    assert (
        page.locator("#brush-value").inner_text() == page.get_by_label("Brush (px)").input_value()
    )
    page.close()


def test_opened_from_a_folder_the_explorer_says_what_it_needs(site, open_page):
    visit = open_page(f"file://{site}/explorer/index.html")
    expect(visit.page.get_by_text("python -m http.server")).to_be_visible()
    visit.page.close()
