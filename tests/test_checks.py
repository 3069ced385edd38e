"""Checks that several parts share, and that no other test asks for directly."""

import pytest

from eurosat_inpaint._checks import read_flag

NAME = "EUROSAT_INPAINT_SOME_FLAG"


@pytest.mark.parametrize(
    ("text", "expected"),
    [(text, True) for text in ("1", "true", "True", "YES", "on", " 1 ")]
    + [(text, False) for text in ("", " ", "0", "false", "FALSE", "no", "Off")],
)
def test_flags_are_read_in_any_case(monkeypatch, text, expected):
    monkeypatch.setenv(NAME, text)
    assert read_flag(NAME) is expected


def test_a_flag_that_is_not_set_is_no(monkeypatch):
    monkeypatch.delenv(NAME, raising=False)
    assert read_flag(NAME) is False


@pytest.mark.parametrize("text", ["2", "maybe", "ja", "truee", "-1"])
def test_other_words_are_refused_by_name(monkeypatch, text):
    monkeypatch.setenv(NAME, text)
    with pytest.raises(ValueError, match=f"^{NAME} must be 1 or 0 .*got '{text}'$"):
        read_flag(NAME)
