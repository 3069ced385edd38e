"""Every picture of the committed notebooks as a file, for slides; with a page of what each shows.

python tools/figures.py
"""

import base64
import sys

import nbformat

from notebooks import BUILD, NOTEBOOKS, pictures_of

FOLDER = BUILD / "figures"


def main() -> int:
    FOLDER.mkdir(parents=True, exist_ok=True)
    page = ["# Figures", "", "CC BY 4.0; contains modified Copernicus Sentinel data.", ""]
    for path in sorted(NOTEBOOKS.glob("[0-9]*.ipynb")):
        cells = nbformat.read(path, as_version=4).cells
        pictures = [(cell.metadata.alt, p) for cell in cells for p in pictures_of(cell)]
        page += [f"## {cells[0].source.splitlines()[0].removeprefix('# ')}", ""]
        for number, (alt, picture) in enumerate(pictures, start=1):
            name = f"{path.stem[:2]}_{number:02}.png"
            (FOLDER / name).write_bytes(base64.b64decode(picture.data["image/png"]))
            page += [f"![{alt}]({name})", "", f"`{name}`: {alt}", ""]
    (FOLDER / "figures.md").write_text("\n".join(page), encoding="utf-8")
    print(f"{len(list(FOLDER.glob('*.png')))} pictures, and figures.md, are in {FOLDER}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
