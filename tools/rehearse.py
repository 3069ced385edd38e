"""The series again and again, in any order, from a checkout that nothing may be written to.

    python tools/rehearse.py 20

Every second round has no network: each of its addresses leads nowhere. Notebooks run in the profile
"smoke". Prints the seconds of each round, and fails with the first notebook that fails or writes.
"""

import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient

ROOT = Path(__file__).resolve().parent.parent
NOWHERE = {f"{kind}_proxy": "http://127.0.0.1:9" for kind in ("http", "https", "all")}


def main(rounds: int) -> int:
    with tempfile.TemporaryDirectory() as folder:
        checkout = Path(folder) / "checkout"
        checkout.mkdir()
        tracked = subprocess.run(
            ["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True
        )
        for name in filter(None, tracked.stdout.split("\0")):
            (checkout / name).parent.mkdir(parents=True, exist_ok=True)
            (checkout / name).write_bytes((ROOT / name).read_bytes())
        for path in [checkout, *checkout.rglob("*")]:
            path.chmod(path.stat().st_mode & ~0o222)
        before = state(checkout)
        for number in range(rounds):
            network = number % 2 == 0
            began = time.perf_counter()
            rehearse(checkout, seed=number, network=network)
            if changed := state(checkout).items() ^ before.items():
                print(f"error: written to {sorted({name for name, _ in changed})}", file=sys.stderr)
                return 1
            seconds = time.perf_counter() - began
            print(f"round {number + 1}: {seconds:.0f} s {'' if network else 'without a network'}")
        for path in [checkout, *checkout.rglob("*")]:
            path.chmod(path.stat().st_mode | 0o200)
    return 0


def rehearse(checkout: Path, *, seed: int, network: bool) -> None:
    """Execute every notebook of a checkout once."""
    paths = sorted((checkout / "notebooks").glob("*.ipynb"))
    random.Random(seed).shuffle(paths)
    environment = os.environ | {
        "EUROSAT_INPAINT_PROFILE": "smoke",
        "PYTHONPATH": str(checkout),
        # Byte code would be written beside the sources by those who may write everywhere.
        "PYTHONDONTWRITEBYTECODE": "1",
        "TF_CPP_MIN_LOG_LEVEL": "3",
    }
    for path in paths:
        client = NotebookClient(
            nbformat.read(path, as_version=4),
            timeout=300,
            kernel_name="python3",
            resources={"metadata": {"path": str(path.parent)}},
        )
        # Root may write to what is closed to others: that nothing was written is looked at later.
        client.execute(env=environment if network else environment | NOWHERE)


def state(folder: Path) -> dict:
    return {
        str(path.relative_to(folder)): (path.stat().st_mtime_ns, path.stat().st_size)
        for path in folder.rglob("*")
    }


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
