"""One zip for a room without a network: the series, every package it needs, and the tiles.

EUROSAT_INPAINT_DATA=path/to/EuroSAT.zip python tools/classroom.py

Packages are those for this computer's system and version of Python. In the room each computer
unpacks the zip and runs `python start.py`, which installs into a folder beside it and opens
JupyterLab.
"""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

from notebooks import BUILD, ROOT

TARGET = BUILD / "classroom.zip"
TOP = Path("eurosat-inpaint")
ARCHIVE = Path("data") / "EuroSAT.zip"

START = '''\
"""Install the series from this folder, without a network, and open it: python start.py"""

import os
import subprocess
import sys
import venv
from pathlib import Path

HERE = Path(__file__).resolve().parent
FOLDER = HERE / ".venv"
PROGRAMS = FOLDER / ("Scripts" if os.name == "nt" else "bin")
INSTALLED = FOLDER / "installed"

if not INSTALLED.exists():
    print("Installing: about two minutes ...", flush=True)
    venv.create(FOLDER, with_pip=True)
    pip = [PROGRAMS / "python", "-m", "pip", "install", "--quiet", "--no-index"]
    pip += ["--disable-pip-version-check", "--find-links", HERE / "wheels"]
    subprocess.run([*pip, "eurosat-inpaint[notebooks,app]"], check=True)
    INSTALLED.touch()
os.environ["EUROSAT_INPAINT_OFFLINE"] = "1"
if (HERE / "data" / "EuroSAT.zip").exists():
    os.environ["EUROSAT_INPAINT_DATA"] = str(HERE / "data" / "EuroSAT.zip")
arguments = sys.argv[1:] or ["-m", "jupyter", "lab", "notebooks/00_start_here.ipynb"]
sys.exit(subprocess.run([PROGRAMS / "python", *arguments], cwd=HERE).returncode)
'''


def main() -> int:
    wheels = BUILD / "wheels"
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check"]
    command += ["--wheel-dir", wheels, "--constraint", ROOT / "constraints.txt"]
    subprocess.run([*command, f"{ROOT}[notebooks,app]"], check=True)
    given = os.environ.get("EUROSAT_INPAINT_DATA")
    archive = Path(given).expanduser() if given else None
    if archive is not None and not archive.is_file():
        print(f"error: EUROSAT_INPAINT_DATA must name the zip here, not {given!r}", file=sys.stderr)
        return 1
    pack(TARGET, wheels, archive)
    said = "with EuroSAT" if archive else "without EuroSAT: notebooks will show synthetic tiles"
    print(f"{TARGET}: {TARGET.stat().st_size / 1e6:,.0f} MB, {said}")
    return 0


def pack(target: Path, wheels: Path, archive: Path | None) -> None:
    """Write the zip: what git tracks, the wheels, start.py and, if given, the archive of tiles."""
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    files = {Path(name): ROOT / name for name in listed.stdout.split("\0") if name}
    files |= {Path("wheels") / wheel.name: wheel for wheel in sorted(wheels.glob("*.whl"))}
    if archive:
        files[ARCHIVE] = archive
    # Wheels, pictures and tiles are compressed already.
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as packed:
        for name, path in files.items():
            packed.write(path, TOP / name)
        packed.writestr(str(TOP / "start.py"), START)


if __name__ == "__main__":
    sys.exit(main())
