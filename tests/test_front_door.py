"""What README, notebook 00 and docs/ promise is there: links, sections, minutes, numbers."""

import re
from pathlib import Path

import jupytext
import nbformat
import pytest

from notebooks import NOTEBOOKS, SOURCES

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")]
PAGES += sorted((ROOT / "docs").glob("*.md")) + [ROOT / "benchmarks" / "README.md"]
STEMS = sorted(path.stem for path in SOURCES.glob("[0-9]*.py"))


def text_of(stem):
    cells = jupytext.read(SOURCES / f"{stem}.py").cells
    return "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")


def anchors_of(markdown):
    headings = re.findall(r"^#+ (.*)$", markdown, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def links_in(markdown):
    return [link for link in re.findall(r"\]\(([^)\s]+)\)", markdown) if "://" not in link]


def assert_leads_somewhere(link, folder, own):
    path, _, anchor = link.partition("#")
    target = (folder / path).resolve() if path else None
    assert target is None or target.exists(), link
    if anchor:
        assert anchor in anchors_of(target.read_text(encoding="utf-8") if target else own), link


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_of_pages_lead_somewhere(page):
    text = page.read_text(encoding="utf-8")
    for link in links_in(text):
        assert_leads_somewhere(link, page.parent, text)


@pytest.mark.parametrize("stem", STEMS)
def test_links_of_notebooks_lead_somewhere(stem):
    text = text_of(stem)
    for link in links_in(text):
        assert_leads_somewhere(link, NOTEBOOKS, text)


def minutes_in(stem):
    """Minutes to read a notebook, and of these to compute, as it says itself."""
    told = re.search(r"about (\d+) minutes, of which (\d+) (?:is|are) computing", text_of(stem))
    return int(told[1]), int(told[2])


@pytest.mark.parametrize("stem", [stem for stem in STEMS if stem != "00_start_here"])
def test_minutes_are_the_same_everywhere(stem):
    reading, computing = minutes_in(stem)
    front = text_of("00_start_here")
    assert re.search(rf"^\| \[{stem[:2]}\].*\| {reading} \| {computing} \|$", front, re.MULTILINE)
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert re.search(rf"\({re.escape(f'notebooks/{stem}.ipynb')}\).*\| {reading} \|", readme)


def sections_of(stem):
    return {int(number) for number in re.findall(r"^## (\d+)[.·\s]", text_of(stem), re.MULTILINE)}


@pytest.mark.parametrize("page", ["docs/teaching.md", "notebooks/source/00_start_here.py"])
def test_sections_that_are_named_exist(page):
    text = (ROOT / page).read_text(encoding="utf-8").replace("\n#", "\n")
    named = re.findall(r"(\d\d)(?:\]\([^)]*\))?, sections? ([\d, andto]+)", text)
    named += [(b, a) for a, b in re.findall(r"[Ss]ections? ([\d, andto\s]+?)\s+of\s+(\d\d)", text)]
    assert len(named) > 3
    by_number = {stem[:2]: sections_of(stem) for stem in STEMS}
    for notebook, sections in named:
        for number in re.findall(r"\d+", sections):
            assert int(number) in by_number[notebook], (notebook, sections)


def rows_of(table):
    lines = [line.split("|")[1:-1] for line in table.splitlines() if line.startswith("| ")]
    return [[cell.strip().strip("*") for cell in line] for line in lines]


def test_results_in_the_readme_are_those_of_notebook_09():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    _, *rows = rows_of(readme.split("## What comes out")[1].split("\n## ")[0])
    assert len(rows) == 4
    notebook = nbformat.read(NOTEBOOKS / "09_comparison.ipynb", as_version=4)
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    texts = [output.get("data", {}).get("text/plain", "") for output in outputs]
    errors, looks = (
        {line.split()[0]: line for line in text.splitlines()[2:]}
        for text in texts
        if text.splitlines() and text.splitlines()[0].endswith(", test split")
    )
    for name, mse, psnr, told in rows:
        method = name.split(",")[0]
        assert errors[method].split()[1] == mse and f" {psnr} " in errors[method]
        assert looks[method].split()[2] == told
    (read,) = (o["text"] for o in outputs if " test tiles here" in o.get("text", ""))
    assert f"On {read.split()[0]} test tiles" in readme


def test_faults_in_the_readme_are_named_by_what_is_printed():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    section = readme.split("## When something goes wrong")[1].split("\n## ")[0]
    headings = re.findall(r"^### `(.*)`$", section, re.MULTILINE)
    assert len(headings) == len(re.findall("^###", section, re.MULTILINE)) >= 6
    # What others print.
    foreign = {"Lambda ... could not be deserialized", "oneDNN custom operations are on"}
    sources = [*(ROOT / "eurosat_inpaint").rglob("*.py"), ROOT / "tools" / "preamble.py"]
    code = "".join(path.read_text(encoding="utf-8") for path in sources).replace("{name}", "masks")
    code = re.sub(r'"\n\s+f?"', "", code)
    assert [heading for heading in headings if heading not in code] == sorted(foreign)
