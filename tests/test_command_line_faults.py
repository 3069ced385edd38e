"""The command line where things are broken: one line of error, the right status, no traceback."""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
from conftest import write_folder

from eurosat_inpaint import __main__ as command_line
from eurosat_inpaint import baselines, data, pretrained, shipping

ROOT = Path(__file__).resolve().parent.parent
MODULE = [sys.executable, "-m", "eurosat_inpaint"]
MISSING = ["evaluate", "unet", "--data", "nowhere.zip"]
EXPECTED = "error: --data names 'nowhere.zip', which does not exist in "


def run(capsys, *arguments):
    """Exit status, lines of standard output and of standard error."""
    status = command_line.main([str(argument) for argument in arguments])
    captured = capsys.readouterr()
    return status, captured.out.splitlines(), captured.err.splitlines()


def start(command, folder, **settings):
    """The finished process of a command in a folder; variables of None are taken away."""
    environment = os.environ | {"PYTHONPATH": str(ROOT)} | settings.pop("environment", {})
    environment = {name: text for name, text in environment.items() if text is not None}
    settings = {"capture_output": True, "text": True} | settings
    return subprocess.run(command, cwd=folder, env=environment, timeout=200, **settings)


# Errors that were raised on purpose, and others


@pytest.mark.parametrize(
    ("problem", "expected"),
    [
        (ValueError("two\nlines"), "two lines"),
        (TypeError("images must be"), "images must be"),
        (FileNotFoundError("weights are missing"), "weights are missing"),
        (PermissionError(13, "Permission denied", "log.csv"), "Permission denied: log.csv"),
        (OSError(28, "No space left on device"), "No space left on device"),
        (data.NoNetworkError("the mirror cannot be reached."), "the mirror cannot be reached."),
        (ImportError("OpenCV is needed"), "OpenCV is needed"),
        (ModuleNotFoundError("No module named 'cv2'"), "No module named 'cv2'"),
        (FloatingPointError("the loss is NaN"), "the loss is NaN"),
        (MemoryError("Unable to allocate 3 TB"), "Unable to allocate 3 TB"),
        (MemoryError(), "MemoryError"),
        (UnicodeDecodeError("utf-8", b"\xff", 0, 1, "bad"), "'utf-8' codec"),
        (json.JSONDecodeError("Expecting value", "", 0), "Expecting value"),
    ],
)
def test_what_is_raised_on_purpose_is_one_line(capsys, monkeypatch, tmp_path, problem, expected):
    def fail(*arguments, **settings):
        raise problem

    monkeypatch.setattr(shipping, "train_network", fail)
    status, lines, errors = run(capsys, "train", "unet", "--output", tmp_path)
    assert (status, lines, len(errors)) == (1, [], 1)
    assert errors[0].startswith(f"error: {expected}")


@pytest.mark.parametrize(
    "fault", [AttributeError, KeyError, IndexError, NameError, AssertionError, ZeroDivisionError]
)
def test_faults_of_the_program_show_where_they_are(capsys, monkeypatch, tmp_path, fault):
    def fail(*arguments, **settings):
        raise fault

    monkeypatch.setattr(shipping, "train_network", fail)
    with pytest.raises(fault):
        run(capsys, "train", "unet", "--output", tmp_path)


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("train", "stopped; the same command continues the training"),
        ("evaluate", "stopped"),
        ("doctor", "stopped"),
    ],
)
def test_stopped_by_the_keyboard(capsys, monkeypatch, tmp_path, command, expected):
    def stop(*arguments, **settings):
        raise KeyboardInterrupt

    for module, name in ((shipping, "train_network"), (pretrained, "load"), (shipping, "version")):
        monkeypatch.setattr(module, name, stop)
    words = {"train": ["unet", "--output", tmp_path], "evaluate": ["unet"], "doctor": []}
    status, _, errors = run(capsys, command, *words[command])
    assert (status, errors) == (130, [expected])


# What is needed is looked for first


@pytest.mark.parametrize(
    ("option", "value"),
    [("--epochs", value) for value in ("0", "-1", "1.5", "ten", "", "nan", "1e3")]
    + [("--seed", value) for value in ("-1", "0.5", "x", "4294967296", "9" * 5000)],
)
def test_numbers_are_checked_where_they_are_read(capsys, monkeypatch, option, value):
    monkeypatch.setattr(shipping, "train_network", pytest.fail)
    with pytest.raises(SystemExit) as stopped:
        command_line.main(["train", "unet", f"{option}={value}"])
    assert stopped.value.code == 2
    last = capsys.readouterr().err.splitlines()[-1]
    assert f"argument {option}: must be a whole number of at least" in last


@pytest.mark.parametrize("command", ["train", "evaluate"])
@pytest.mark.parametrize("given", ["nowhere.zip", "a folder/b", "über.zip", "森"])
def test_missing_data_says_where_it_was_looked_for(capsys, monkeypatch, tmp_path, command, given):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(pretrained, "load", pytest.fail)
    status, _, errors = run(capsys, command, "unet", "--data", given)
    assert status == 1
    assert errors[0].startswith(
        f"error: --data names {given!r}, which does not exist in {tmp_path}; expected EuroSAT.zip"
    )
    status, _, errors = run(capsys, command, "unet", "--data", tmp_path / given)
    assert status == 1 and "does not exist; expected EuroSAT.zip" in errors[0]


def test_a_folder_that_cannot_be_written_to_is_named_first(capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(shipping, "train_network", pytest.fail)
    (tmp_path / "runs").write_text("")
    for output, directory in ((), "runs/unet"), (("--output", "runs/a/b"), "runs/a/b"):
        status, _, errors = run(capsys, "train", "unet", *output)
        assert (status, len(errors)) == (1, 1)
        assert errors[0].startswith(
            f"error: results cannot go to --output {directory!r} in {tmp_path}: "
        )
        assert errors[0].endswith("is no folder")
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    status, _, errors = run(capsys, "train", "unet", "--output", tmp_path / "new")
    assert status == 1 and errors[0].endswith(f"{str(tmp_path)!r} cannot be written to")
    status, _, errors = run(capsys, "train", "unet", "--output", "")
    assert (status, errors) == (1, ["error: --output must be a path, got ''"])
    assert [path.name for path in tmp_path.iterdir()] == ["runs"]


@pytest.mark.parametrize(
    "arguments",
    [
        ("evaluate", "unet"),
        ("evaluate", "baselines"),
        ("train", "gan"),
        ("train", "wnet"),
        ("train", "unet", "--from-shipped"),
    ],
)
def test_missing_weights_are_named_before_tiles_are_loaded(
    capsys, monkeypatch, tmp_path, arguments
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(data, "load_tiles", pytest.fail)
    (tmp_path / "weights").mkdir()
    for path in pretrained.WEIGHTS_FOLDER.glob("*.json"):
        shutil.copy(path, tmp_path / "weights")
    monkeypatch.setattr(pretrained, "WEIGHTS_FOLDER", tmp_path / "weights")
    status, _, errors = run(capsys, *arguments)
    assert (status, len(errors)) == (1, 1)
    assert errors[0].endswith("is missing: install anew")


def test_a_missing_extra_is_named_before_tiles_are_loaded(capsys, monkeypatch):
    monkeypatch.setattr(data, "load_tiles", pytest.fail)
    monkeypatch.setitem(sys.modules, "cv2", None)
    status, _, errors = run(capsys, "evaluate", "baselines")
    assert status == 1
    assert errors[-1].startswith("error: OpenCV is needed for this fill: pip install ")


def test_every_fill_is_tried_on_a_small_tile(monkeypatch):
    tried = []
    monkeypatch.setitem(baselines.FILLS, "nearest", lambda *pair: tried.append(pair))
    command_line._require_extras(baselines.FILLS)
    assert len(tried) == 1


# The doctor


def fail(*arguments, **settings):
    raise RuntimeError("broken\nin two lines")


BROKEN = [
    (shipping, "version"),
    (shipping, "device"),
    (command_line, "_backend"),
    (command_line, "_memory"),
    (data, "load_tiles"),
    (data, "cache_contents"),
    (data, "cache_folder"),
    (pretrained, "load"),
]


@pytest.mark.parametrize(("module", "name"), BROKEN)
def test_doctor_tells_all_else_whatever_is_broken(
    capsys, monkeypatch, archive_folder, module, name
):
    if (module, name) != (pretrained, "load"):
        monkeypatch.setattr(pretrained, "load", lambda name: pytest.importorskip("keras").Model())
    monkeypatch.setattr(module, name, fail)
    status, lines, _ = run(capsys, "doctor", "--data", archive_folder)
    assert status == 0
    labels = [line[:28].strip() for line in lines]
    for label in ("eurosat-inpaint", "Cores", "Memory", "Tiles", "Weights 'unet'", "Profile"):
        assert label in labels
    assert any(line.endswith("cannot be told: RuntimeError broken in two lines") for line in lines)


def test_doctor_tells_of_damaged_cards_and_missing_ones(capsys, monkeypatch, tmp_path):
    (tmp_path / "wnet.json").write_text("{")
    monkeypatch.setattr(pretrained, "WEIGHTS_FOLDER", tmp_path)
    status, lines, _ = run(capsys, "doctor", "--data", tmp_path / "nowhere")
    assert status == 0
    said = {line[:28].strip(): line[28:] for line in lines}
    assert said["Weights 'wnet'"].startswith("do not load: wnet.json is damaged")
    assert said["Weights 'unet'"].startswith("do not load: name must be one of")


def test_doctor_has_a_word_on_an_empty_split(capsys, monkeypatch, tmp_path, jpegs):
    monkeypatch.setattr(pretrained, "load", fail)
    train = {name: jpegs[name] for name in jpegs if data.split_of(name) == "train"}
    folder = write_folder(tmp_path / "train", train)
    _, lines, _ = run(capsys, "doctor", "--data", folder)
    (line,) = (line for line in lines if line.startswith("Tiles"))
    assert line.endswith(
        "validation 0, test 0; nothing can be done with an empty validation or test split"
    )


@pytest.mark.slow
def test_doctor_does_without_a_cache_or_a_backend(tmp_path):
    (tmp_path / "file").touch()
    environment = {"XDG_CACHE_HOME": str(tmp_path / "file"), "KERAS_BACKEND": "nonsense"}
    environment |= {"TFDS_DATA_DIR": str(tmp_path / "file"), "HOME": None}
    finished = start([*MODULE, "doctor"], tmp_path, environment=environment)
    assert finished.returncode == 0
    assert "Traceback" not in finished.stderr
    for label in ("Backend, device", "Tiles", "Decoded tiles", "Weights 'unet'", "Profile"):
        assert f"\n{label}" in finished.stdout


# What a command is started in


@pytest.mark.parametrize(
    ("environment", "python"),
    [
        ({"PYTHONIOENCODING": "ascii", "LANG": "C"}, []),
        ({"PYTHONIOENCODING": "cp1252"}, []),
        ({"COLUMNS": "1", "TERM": None}, []),
        ({"PYTHONOPTIMIZE": "2"}, []),
        ({"PYTHONUNBUFFERED": "1"}, []),
        ({}, ["-W", "error"]),
        ({}, ["-X", "utf8=0"]),
    ],
)
def test_unusual_surroundings_change_nothing(tmp_path, environment, python):
    command = [sys.executable, *python, "-m", "eurosat_inpaint", *MISSING[:-1], "nowhere-森.zip"]
    finished = start(command, tmp_path, environment=environment, encoding="cp1252")
    assert finished.returncode == 1 and finished.stdout == ""
    (line,) = finished.stderr.splitlines()
    assert line.startswith("error: --data names 'nowhere-")


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_what_a_terminal_cannot_show_is_written_otherwise(tmp_path, encoding):
    code = (
        "import sys; from eurosat_inpaint import __main__ as m; "
        "m.shipping.version = lambda name: '森'; m._tiles = m._weights = m._backend = str; "
        "m.shipping.device = str; sys.exit(m.main(['doctor']))"
    )
    environment = {"PYTHONIOENCODING": f"{encoding}:strict"}
    finished = start([sys.executable, "-c", code], tmp_path, environment=environment)
    assert finished.returncode == 0, finished.stderr
    assert finished.stdout.splitlines()[0].split() == ["eurosat-inpaint", r"\u68ee"]


def test_a_folder_that_was_deleted(tmp_path):
    gone = tmp_path / "gone"
    gone.mkdir()
    words = " ".join([*MODULE, *MISSING])
    finished = start(["sh", "-c", f"rmdir '{gone}'; exec {words}"], gone)
    assert finished.returncode == 1
    (line,) = finished.stderr.splitlines()
    assert "does not exist in the current folder, which was deleted;" in line


def test_files_in_the_folder_do_not_stand_in_for_modules(tmp_path):
    for name in ("keras", "json", "eurosat_inpaint", "numpy", "argparse"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('the wrong file')")
    script = Path(sysconfig.get_path("scripts")) / "eurosat-inpaint"
    if not script.exists():
        pytest.skip("the package is not installed")
    finished = start([str(script), *MISSING], tmp_path)
    assert finished.returncode == 1
    assert finished.stderr.startswith(EXPECTED)


@pytest.mark.parametrize(
    ("redirection", "status", "errors"),
    [
        ("<&-", 1, 1),
        (">&-", 1, 1),
        ("2>&-", 1, 0),
        ("<&- >&- 2>&-", 1, 0),
        (">/dev/full", 1, 1),
        ("2>/dev/full", 1, 0),
    ],
)
def test_closed_and_full_streams(tmp_path, redirection, status, errors):
    command = " ".join([*MODULE, *MISSING]) + f" {redirection}"
    finished = start(["sh", "-c", command], tmp_path)
    assert finished.returncode == status
    assert len(finished.stderr.splitlines()) == errors and "Traceback" not in finished.stderr


HELP = {"PYTHONUNBUFFERED": None}


def test_a_full_device_is_one_line_of_error(tmp_path):
    command = " ".join([*MODULE, "train", "--help", ">/dev/full"])
    finished = start(["sh", "-c", command], tmp_path, environment=HELP)
    assert finished.returncode == 1
    assert finished.stderr.splitlines() == ["error: No space left on device"]


@pytest.mark.parametrize("unbuffered", [None, "1"])
@pytest.mark.parametrize("arguments", [["--help"], ["train", "--help"], ["doctor"]])
def test_a_reader_that_has_ended_is_no_error(tmp_path, arguments, unbuffered):
    read, write = os.pipe()
    os.close(read)
    environment = {"PYTHONUNBUFFERED": unbuffered}
    finished = start(
        [*MODULE, *arguments],
        tmp_path,
        environment=environment,
        capture_output=False,
        stdout=write,
        stderr=subprocess.PIPE,
    )
    os.close(write)
    # argparse swallows the error where nothing is buffered.
    assert finished.returncode == 141 or (unbuffered and finished.returncode == 0)
    assert finished.stderr == ""
