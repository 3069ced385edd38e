"""The figures that ``tools/environments.py`` compares with those of other environments."""

import json
from pathlib import Path

import environment_figures
import environments
import pytest

PINNED = json.loads((Path(__file__).parent / "environment_figures.json").read_text())


def test_digests_are_those_that_are_pinned():
    assert environment_figures.digests() == PINNED["digests"]


@pytest.mark.slow
def test_scores_are_those_that_are_pinned():
    assert environments.different_scores(PINNED["scores"], environment_figures.scores()) == []


def test_a_different_score_is_noticed():
    other = {**PINNED["scores"], "unet": {**PINNED["scores"]["unet"], "mse": 0.5}}
    assert environments.different_scores(PINNED["scores"], other) == ["unet mse"]
    lost = {**PINNED["scores"], "known pixels kept": False}
    assert environments.different_scores(PINNED["scores"], lost) == ["known pixels kept "]
