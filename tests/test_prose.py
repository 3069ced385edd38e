"""What readers read: spelling, figures that an output shows, and what every notebook has."""

import re
from pathlib import Path

import jupytext
import nbformat
import numpy as np
import pytest
from spellchecker import SpellChecker
from test_front_door import PAGES, STEMS

from notebooks import NOTEBOOKS, SOURCES

ROOT = Path(__file__).resolve().parent.parent
EXERCISES = sorted((SOURCES / "exercises").glob("*.py"))
CHAPTERS = [stem for stem in STEMS if stem != "00_start_here"]
# Words that are right, and in no dictionary: names, terms, British spelling.
KNOWN = set((Path(__file__).parent / "words.txt").read_text(encoding="utf-8").split())

# Code, mathematics, addresses and tags are no prose.
_NO_PROSE = re.compile(
    r"```.*?```|`[^`]*`|<code>.*?</code>|\$\$.*?\$\$|\$[^$]*\$|\]\([^)]*\)|<[^>]+>|https?://\S+"
    r"|\[(?:arXiv|doi):[^]]*\]",
    re.DOTALL,
)
# What no notebook computes, and where it comes from.
FROM_ELSEWHERE = {
    0.657: "counted on all 27,000 tiles for this series",
    0.000021: "reported by the original",
}


def prose_of(path):
    if path.suffix in (".md", ".html"):
        return _NO_PROSE.sub(" ", path.read_text(encoding="utf-8"))
    cells = jupytext.read(path).cells
    texts = [c.source if c.cell_type == "markdown" else c.metadata.get("alt", "") for c in cells]
    return _NO_PROSE.sub(" ", "\n\n".join(texts))


def words_of(path):
    return {word.lower() for word in re.findall(r"[A-Za-z][a-z]+(?:'[a-z]+)?", prose_of(path))}


SITE = [*sorted((ROOT / "site" / "pages").rglob("*.md")), ROOT / "site/explorer/index.html"]
SOURCES_OF_PROSE = [*PAGES, *SITE, *(SOURCES / f"{stem}.py" for stem in STEMS), *EXERCISES]


@pytest.mark.parametrize("path", SOURCES_OF_PROSE, ids=lambda p: f"{p.parent.name}-{p.stem}")
def test_spelling(path):
    assert SpellChecker(distance=1).unknown(words_of(path)) - KNOWN == set()


def test_no_word_is_excused_that_nobody_writes():
    assert KNOWN - set().union(*map(words_of, SOURCES_OF_PROSE)) == set()


def numbers_in(text):
    found = re.findall(r"[−-]?\d[\d,]*(?:\.\d+)?(?:e-?\d+)?", text)
    return [abs(float(number.replace(",", "").replace("−", "-"))) for number in found]


def shown_by(stem):
    """All numbers in code and outputs of a notebook."""
    cells = nbformat.read(NOTEBOOKS / f"{stem}.ipynb", as_version=4).cells
    texts = []
    for cell in (cell for cell in cells if cell.cell_type == "code"):
        texts += [cell.source, *(output.get("text", "") for output in cell.outputs)]
        texts += [output.get("data", {}).get("text/plain", "") for output in cell.outputs]
    return numbers_in("\n".join(texts))


@pytest.mark.parametrize("stem", CHAPTERS)
def test_decimals_in_prose_are_shown_by_an_output(stem):
    """By one of the notebook's own, of a notebook that it names, or of the benchmarks."""
    text = prose_of(SOURCES / f"{stem}.py")
    source = (SOURCES / f"{stem}.py").read_text(encoding="utf-8")
    named = set(re.findall(r"\b(\d\d)_\w+\.ipynb|[Nn]otebook\s(?:# )?(\d\d)", source))
    numbers = {stem[:2], *(number for pair in named for number in pair if number)}
    shown = numbers_in((ROOT / "benchmarks" / "README.md").read_text(encoding="utf-8"))
    shown += [number for other in CHAPTERS if other[:2] in numbers for number in shown_by(other)]
    shown = np.array([*shown, *FROM_ELSEWHERE])
    for found in re.finditer(r"(?<![\w.])(\d+\.(\d+))(?!\w)(\s?%|\spercent)?", text):
        half = 0.5001 * 10.0 ** -len(found[2])
        scales = (1, 100) if found[3] else (1,)
        assert any((np.abs(scale * shown - float(found[1])) <= half).any() for scale in scales), (
            found[0]
        )


@pytest.mark.parametrize("stem", CHAPTERS)
def test_a_notebook_opens_and_closes_as_the_others(stem):
    text = (SOURCES / f"{stem}.py").read_text(encoding="utf-8")
    opening, closing = text.split("# %%")[1], text.split("# %%")[-1]
    parts = (
        "**The question.**",
        f"(figures/{stem}.png)",
        "| **Time** | about ",
        "| **You need** |",
    )
    for part in (*parts, "| **Data** |", "| **Written to disk** |"):
        assert part in opening, part
    parts = ("## What you have learnt", "**One figure to take along.**", "**Limits.**")
    for part in (*parts, f"(exercises/{stem}.ipynb)", "**References**", f"**{stem[:2]}**"):
        assert part in closing, part
    # At least three questions are asked, and at least one answer has to be unfolded.
    asked = r"\*\*(?:Predict|Think|Before you|A guess|Try it)|<b>Think|What\s(?:# )?is wrong"
    assert len(re.findall(asked, text)) >= 3
    assert "<details>" in text


@pytest.mark.parametrize("stem", STEMS)
def test_pictures_in_text_say_what_they_show(stem):
    text = (SOURCES / f"{stem}.py").read_text(encoding="utf-8").replace("\n#", "")
    for alt, path in re.findall(r"!\[([^]]*)\]\(([^)]*)\)", text):
        assert len(alt) > 60 and (NOTEBOOKS / path).exists(), path
