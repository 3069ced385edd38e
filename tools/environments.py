"""The same tiles, masks and batches everywhere, and a shipped network that gives the same.

    python tools/environments.py

Makes seven environments in build/environments: the newest versions that are known to work and the
lowest that pyproject.toml admits, three versions of Python, and Keras on JAX and on PyTorch alone.
In each it runs tests/environment_figures.py, and compares what that prints with what is pinned in
tests/environment_figures.json. Needs python3.11, python3.12 and python3.13, some 12 GB, and a
quarter of an hour.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "build" / "environments"
PINNED = ROOT / "tests" / "environment_figures.json"
NEWEST = ["--constraint", "constraints.txt", "."]
LOWEST = ["--requirement", "tests/lowest_versions.txt"]
ALONE = ["keras", "numpy", "pillow", "scikit-image", "scipy", "tqdm", "filelock", "platformdirs"]
ENVIRONMENTS = {
    "newest-3.11": ("python3.11", "tensorflow", NEWEST),
    "newest-3.12": ("python3.12", "tensorflow", NEWEST),
    "newest-3.13": ("python3.13", "tensorflow", NEWEST),
    "lowest-3.11": ("python3.11", "tensorflow", LOWEST),
    "lowest-3.12": ("python3.12", "tensorflow", LOWEST),
    "jax": ("python3.12", "jax", ["jax", *ALONE]),
    "torch": ("python3.12", "torch", ["torch", *ALONE]),
}
# Of a score, relative: backends sum in other orders.
TOLERANCE = 1e-4


def main() -> int:
    pinned = json.loads(PINNED.read_text())
    agree = total = 0
    for name, (python, backend, requirements) in ENVIRONMENTS.items():
        figures = figures_of(make(name, python, requirements), backend)
        same = [figures["digests"][key] == value for key, value in pinned["digests"].items()]
        agree, total = agree + sum(same), total + len(same)
        differing = different_scores(pinned["scores"], figures["scores"])
        print(f"{name}: {sum(same)} of {len(same)} digests, scores differ: {differing or 'none'}")
        total += len(differing)
    print(f"{agree} of {total}")
    return 0 if agree == total else 1


def make(name: str, python: str, requirements: list[str]) -> Path:
    """An environment of that name, as Python's path; made if it is not there."""
    folder = FOLDER / name
    program = folder / "bin" / "python"
    if not (folder / "made").exists():
        subprocess.run([python, "-m", "venv", "--clear", folder], check=True)
        install = [program, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*install, *requirements], cwd=ROOT, check=True)
        (folder / "made").touch()
    return program


def figures_of(program: Path, backend: str) -> dict:
    done = subprocess.run(
        [program, ROOT / "tests" / "environment_figures.py"],
        env=os.environ | {"KERAS_BACKEND": backend, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    if done.returncode:
        sys.exit(done.stderr)
    return json.loads(done.stdout)


def different_scores(expected: dict, found: dict) -> list[str]:
    """Names of the scores that differ by more than the tolerance."""
    return [
        f"{method} {score}"
        for method, scores in expected.items()
        for score, value in (scores.items() if isinstance(scores, dict) else [("", scores)])
        if abs((found[method][score] if score else found[method]) - value) > TOLERANCE * abs(value)
    ]


if __name__ == "__main__":
    sys.exit(main())
