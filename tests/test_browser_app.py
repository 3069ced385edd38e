"""`make app` shows notebook 02 in Chromium as a page: explorer, pictures and text, no code."""

import shlex
import subprocess
from pathlib import Path

import browser
import pytest
from playwright.sync_api import expect

pytestmark = [pytest.mark.browser, pytest.mark.slow]

ROOT = Path(__file__).resolve().parent.parent


def test_app_shows_the_explorer_and_no_code(open_page, tmp_path):
    dry = ["make", "--dry-run", "--no-print-directory", "app"]
    lines = subprocess.run(dry, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    port = browser.free_port()
    last = lines.replace("\\\n", " ").splitlines()[-1]
    command = [*shlex.split(last), f"--port={port}", "--no-browser"]
    environment = {"EUROSAT_INPAINT_PROFILE": "smoke", "EUROSAT_INPAINT_DATA": ""}
    with browser.server(command, port, tmp_path, environment) as log:
        visit = open_page(f"http://{browser.HOST}:{port}/")
        explorer = visit.explorer("mask_explorer")
        handle = browser.slider(explorer, "Number of lines").get_by_role("slider")
        figures = explorer.locator(".explorer-figures")
        before = figures.inner_text()
        handle.press("End")
        expect(figures).not_to_have_text(before)
        expect(explorer.get_by_label("Mask as code")).to_have_value(
            'ei.masks.make("lines", 1, seed=0, lines=30, thickness=2)'
        )
        page = visit.page.locator("body").inner_text()
        assert "what is kept, and what is a hole" in page
        assert "import numpy" not in page and "def line_by_distance" not in page
        assert visit.page.locator(".cm-editor, .jp-InputArea-editor").count() == 0
        assert visit.errors == []
        # Icons of buttons, which the page does without where there is no network.
        assert all("/@fortawesome/" in address for address in visit.foreign)
        assert browser.errors_in(log) == []
