"""Importing is cheap: only what needs Keras loads it."""

import subprocess
import sys

import pytest

import eurosat_inpaint

REPORT = (
    "import sys; print(sorted({'keras', 'tensorflow', 'tensorflow_datasets'} & set(sys.modules)))"
)


def loaded_after(statements):
    return subprocess.run(
        [sys.executable, "-c", f"{statements}\n{REPORT}"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()


def test_the_package_loads_neither_keras_nor_tensorflow():
    assert loaded_after("import eurosat_inpaint") == "[]"


@pytest.mark.slow
def test_nor_do_tiles_and_masks_when_they_are_used(archive_folder):
    statements = f"""
import eurosat_inpaint as ei
import eurosat_inpaint.plots
assert len(ei.data.load_tiles("all", data_dir={str(archive_folder)!r})) == 60
ei.masks.line_masks(3)
ei.data.synthetic_tiles(1)
"""
    assert loaded_after(statements) == "[]"


@pytest.mark.slow
def test_the_check_above_would_notice():
    assert "keras" in loaded_after("import eurosat_inpaint as ei; ei.compositing")


@pytest.mark.parametrize("name", ["data", "masks", "compositing", "training", "metrics"])
def test_modules_are_there_without_being_imported(name):
    assert getattr(eurosat_inpaint, name).__name__ == f"eurosat_inpaint.{name}"
    assert name in dir(eurosat_inpaint)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'outpaint'"):
        eurosat_inpaint.outpaint  # noqa: B018
