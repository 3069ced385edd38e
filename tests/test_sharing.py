"""Networks that are loaded once, for the explorers of several processes."""

import os
import subprocess
import sys

import numpy as np
import pytest

import eurosat_inpaint as ei
from eurosat_inpaint import widgets
from eurosat_inpaint.widgets import restoring

pytestmark = pytest.mark.slow

EXPLORE = """
import sys
import numpy as np
import eurosat_inpaint as ei
from eurosat_inpaint.widgets import restoring

images, labels, names = ei.data.synthetic_tiles(5)
tiles = ei.data.Tiles(images, labels, names, ei.data.CLASS_NAMES, "synthetic")
ei.widgets.inpainting_explorer(tiles)
mask = ei.masks.line_masks(1)
restored = restoring.restorer().restored("unet", images[:1] / 255, mask)
np.save(sys.argv[1], restored)
try:
    restoring.restorer().restored("unet", images[:1] / 255, np.zeros_like(mask))
except ValueError as problem:
    print(problem)
print("keras" in sys.modules)
"""


@pytest.fixture(scope="module")
def variables():
    with widgets.share_networks() as found:
        yield found


def explore(variables, path):
    return subprocess.run(
        [sys.executable, "-c", EXPLORE, str(path)],
        env=os.environ | variables,
        capture_output=True,
        text=True,
    )


def test_explorers_restore_without_loading_keras_themselves(variables, tmp_path):
    finished = explore(variables, tmp_path / "restored.npy")
    assert finished.returncode == 0, finished.stderr
    problem, has_keras = finished.stdout.splitlines()
    # What the package refuses comes as it was raised.
    assert problem.startswith("masks must each have at least one known pixel")
    assert has_keras == "False"
    images = ei.data.synthetic_tiles(5)[0]
    expected = ei.inpaint(images[:1] / 255, ei.masks.line_masks(1))
    np.testing.assert_allclose(np.load(tmp_path / "restored.npy"), expected, atol=1e-5)


def test_without_the_key_nothing_is_answered(variables, tmp_path):
    ((name, value),) = variables.items()
    address = value.rsplit("|", 1)[0]
    finished = explore({name: f"{address}|{'00' * 32}"}, tmp_path / "restored.npy")
    assert finished.returncode != 0
    assert "AuthenticationError" in finished.stderr
    assert not (tmp_path / "restored.npy").exists()


def test_without_the_variable_this_process_restores():
    restoring.restorer.cache_clear()
    assert isinstance(restoring.restorer(), restoring.Restorer)
