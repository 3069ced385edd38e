"""The package's walls: data flows one way, doors are used, and all of it is shipped."""

import ast
import inspect
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest
from importlinter.cli import EXIT_STATUS_SUCCESS, lint_imports

import eurosat_inpaint as ei

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "eurosat_inpaint"
FOLDERS = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
OUTSIDE = sorted(
    path
    for folder in ("benchmarks", "tools", "notebooks/source", "tests")
    for path in (ROOT / folder).glob("*.py")
)


def test_data_flows_one_way(monkeypatch):
    monkeypatch.chdir(ROOT)
    assert lint_imports(config_filename="pyproject.toml") == EXIT_STATUS_SUCCESS


def folders_entered_past_their_door(path):
    """Of what folders of the package a file imports rooms."""
    entered = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        modules = [node.module] if isinstance(node, ast.ImportFrom) else []
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        for module in modules:
            root, folder, *rooms = [*(module or "").split("."), "", ""][:3]
            if root == "eurosat_inpaint" and folder in FOLDERS and rooms[0]:
                entered.add(folder)
    return entered


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: path.stem)
def test_a_folder_is_entered_through_its_door_by_the_package(path):
    own = path.relative_to(PACKAGE).parts[0]
    assert folders_entered_past_their_door(path) <= {own}


@pytest.mark.parametrize("path", OUTSIDE, ids=lambda path: path.stem)
def test_a_folder_is_entered_through_its_door_by_all_others(path):
    """A test may look into the rooms of the one folder that it tests."""
    allowed = 1 if path.parent.name == "tests" else 0
    assert len(folders_entered_past_their_door(path)) <= allowed


def public_functions():
    """Every function, class and method that the package hands on, by name."""
    for module in map(ei.__getattr__, ei._MODULES):
        names = getattr(module, "__all__", None) or [n for n in vars(module) if n[0] != "_"]
        for name in names:
            member = getattr(module, name)
            own = getattr(member, "__module__", "").startswith("eurosat_inpaint")
            if own and not (inspect.isclass(member) and issubclass(member, Exception)):
                yield f"{module.__name__}.{name}", member


@pytest.mark.parametrize(("name", "function"), [*public_functions()])
def test_public_functions_take_few_arguments_by_position_and_have_hints(name, function):
    parameters = inspect.signature(function).parameters.values()
    assert sum(p.kind == p.POSITIONAL_OR_KEYWORD for p in parameters) <= 6
    if inspect.isfunction(function):
        assert all(p.annotation is not p.empty for p in parameters)
        assert inspect.signature(function).return_annotation is not inspect.Signature.empty
    assert function.__doc__


@pytest.mark.slow
@pytest.mark.environment
def test_the_wheel_restores_a_tile_in_an_empty_environment(tmp_path):
    """What is installed is all that is needed; what it needs itself is borrowed from here."""
    # A copy: what an earlier build left in the folder would be shipped too.
    shutil.copytree(PACKAGE, tmp_path / "source" / PACKAGE.name)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, tmp_path / "source")
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", tmp_path]
    subprocess.run([*build, tmp_path / "source"], check=True, capture_output=True)
    venv.create(tmp_path / "empty", with_pip=False)
    (site,) = (tmp_path / "empty").glob("**/site-packages")
    (wheel,) = tmp_path.glob("*.whl")
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", site]
    subprocess.run([*install, wheel], check=True, capture_output=True)
    others = [path for path in sys.path if path.endswith("site-packages")]
    (site / "borrowed.pth").write_text("\n".join(others))
    (tmp_path / "elsewhere").mkdir()
    script = (
        "import eurosat_inpaint as ei; print(ei.__file__); "
        "tiles = ei.data.load_tiles('validation', source='synthetic').images[:1]; "
        "print(ei.inpaint(tiles, ei.masks.line_masks(1)).shape)"
    )
    (python,) = (tmp_path / "empty").glob("*/python")
    # Isolated: neither the folder it runs in nor the environment brings another copy.
    finished = subprocess.run(
        [python, "-I", "-c", script], cwd=tmp_path / "elsewhere", capture_output=True, text=True
    )
    assert finished.returncode == 0, finished.stderr
    file, shape = finished.stdout.splitlines()
    assert file.startswith(str(site)) and shape == "(1, 64, 64, 3)"
    assert (site / "eurosat_inpaint" / "py.typed").exists()
