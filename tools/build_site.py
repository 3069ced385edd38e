"""Build the site, with the explorer in it: what ``make site`` calls.

python tools/build_site.py

Pages, notebooks and pictures are put together in build/site-source as they lie in the repository,
so that links between them stay right; Sphinx makes build/site of them. The explorer comes from
site/explorer, with the network as ONNX, its runtime, and tiles: synthetic ones, and real ones where
EuroSAT is at hand. What others wrote for browsers is taken from npm, as site/package-lock.json pins
it, and copied; no page fetches anything from another host.
"""

import inspect
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import matplotlib
import nbformat
import numpy as np
from export_onnx import export
from preamble import colab_address, read_address_and_tag, without_preamble

import eurosat_inpaint as ei
from notebooks import BUILD, NOTEBOOKS, ROOT

SITE = ROOT / "site"
PACKAGES = SITE / "node_modules"
SOURCE, TARGET = BUILD / "site-source", BUILD / "site"
EXPLORER = BUILD / "site-explorer"
RUNTIME = PACKAGES / "onnxruntime-web" / "dist"
# Pages, and what they show or link to.
COPIED = (
    *("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "CITATION.cff"),
    *("docs/*.md", "docs/*.png", "docs/explorers/*.png", "benchmarks/README.md"),
    "notebooks/figures/*.png",
)
SHOWN_NOTEBOOKS = ("[0-9]*.ipynb", "exercises/*.ipynb", "solutions/*.ipynb")
NETWORK = "unet_any"
TILES = 40
LICENCES = {
    "local": "EuroSAT, Helber, Bischke, Dengel and Borth (2019), MIT licence; contains modified "
    "Copernicus Sentinel data. Tiles of the validation split, on which no network was trained.",
    "synthetic": "Synthetic tiles, drawn by the package: no pictures of any place.",
}
_FOLDERS = re.compile(r"(\]\((?:\.\./)?(?:notebooks/)?(?:exercises|solutions))/?\)")
_SHOWN_IN_FRONT = re.compile(r"<!-- (results|notebooks) -->.*?<!-- end of \1 -->", re.DOTALL)
_PICTURE = re.compile(r"!\[[^]]*\]")
_EXPLORER = re.compile("(Mask|Inpainting) explorer: run the notebook")


def main() -> int:
    install_packages()
    for folder in (SOURCE, EXPLORER, TARGET):
        shutil.rmtree(folder, ignore_errors=True)
    build_explorer(EXPLORER)
    assemble()
    sphinx = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-c", str(SITE)]
    if code := subprocess.run([*sphinx, str(SOURCE), str(TARGET)]).returncode:
        return code
    for path in shown_notebooks():
        # As they are, for those who want to run one.
        shutil.copy(path, TARGET / path.relative_to(ROOT))
    shutil.move(EXPLORER, TARGET / "explorer")
    print(f"The site is in {TARGET}: open index.html, or serve it for the explorer")
    return 0


def install_packages() -> None:
    """Install what site/package-lock.json pins; neither scripts of theirs nor newer versions."""
    npm = shutil.which("npm")
    if npm is None:
        raise SystemExit("error: npm is needed for the site; it comes with Node.js")
    installed = PACKAGES / ".package-lock.json"
    pinned = SITE / "package-lock.json"
    if installed.exists() and installed.stat().st_mtime > pinned.stat().st_mtime:
        return
    quiet = ["--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    subprocess.run([npm, "ci", *quiet], cwd=SITE, check=True, stdout=subprocess.DEVNULL)


def assemble() -> None:
    """Put together what Sphinx reads."""
    for path in (path for pattern in COPIED for path in ROOT.glob(pattern)):
        target = _target_of(path.relative_to(ROOT))
        if path.suffix == ".md":
            target.write_text(for_the_site(path.read_text("utf-8")), encoding="utf-8")
        else:
            shutil.copy(path, target)
    # The front page shows parts of it; the page itself does without them.
    readme = SOURCE / "README.md"
    shutil.copy(readme, SOURCE / "README.txt")
    text = _SHOWN_IN_FRONT.sub("", readme.read_text("utf-8"))
    readme.write_text(text.replace("# EuroSAT inpainting", "# Install and use", 1), "utf-8")
    pages = {
        path.relative_to(SITE / "pages"): path.read_text("utf-8")
        for path in sorted((SITE / "pages").rglob("*.md"))
    }
    pages |= {path.relative_to(ROOT): nbformat.writes(page_of(path)) for path in shown_notebooks()}
    megabytes = json.loads((EXPLORER / "facts.json").read_text("utf-8"))["bytes"] / 1e6
    for place, text in pages.items():
        told = text.replace("EXPLORER_MEGABYTES", f"{megabytes:.0f}")
        _target_of(place).write_text(told, encoding="utf-8")
    for name in ei._MODULES:
        _target_of(Path("api", f"{name}.rst")).write_text(reference_of(name), encoding="utf-8")


def shown_notebooks() -> list[Path]:
    return sorted(path for pattern in SHOWN_NOTEBOOKS for path in NOTEBOOKS.glob(pattern))


def page_of(path: Path):
    """A notebook as the site shows it: with links to what a reader without a kernel can do."""
    notebook = without_preamble(nbformat.read(path, as_version=4))
    up = "../" * len(path.relative_to(ROOT).parents[:-1])
    for cell in notebook.cells:
        # Where myst-nb looks for it.
        if alt := cell.metadata.get("alt"):
            cell.metadata["mystnb"] = {"image": {"alt": alt}}
        if cell.cell_type == "markdown":
            cell.source = for_the_site(cell.source)
        for output in cell.get("outputs", []):
            if _EXPLORER.match(output.get("data", {}).get("text/plain", "")):
                output.data["text/html"] = (
                    f'<p>Sliders need a kernel. <a href="{up}explorer/index.html">The explorer in '
                    "your browser</a> does without; it downloads EXPLORER_MEGABYTES MB.</p>"
                )
    links = [f'<a href="{path.name}" download>Download this notebook</a>']
    address, tag = read_address_and_tag()
    if address and path.parent == NOTEBOOKS:
        links.append(f'<a href="{colab_address(address, tag, path.stem)}">Open in Colab</a>')
    title, below, rest = notebook.cells[0].source.partition("\n")
    if path.parent.name == "solutions":
        title = title.replace("Exercises", "Solutions")
    notebook.cells[0].source = f"{title}\n\n<p>{' · '.join(links)}</p>\n{below}{rest}"
    return notebook


def for_the_site(markdown: str) -> str:
    """Links to a folder lead to the page that is made of it; texts of pictures are one line."""
    markdown = _PICTURE.sub(lambda found: " ".join(found[0].split()), markdown)
    markdown = _FOLDERS.sub(r"\1/index.md)", markdown)
    return markdown.replace(
        "[explorer](site/explorer)", '<a href="explorer/index.html">explorer</a>'
    )


def reference_of(name: str) -> str:
    """The page of a module, as reStructuredText: what it says of itself, and its public names."""
    module = getattr(ei, name)
    title = f"eurosat_inpaint.{name}"
    parts = [f"{title}\n{'=' * len(title)}", f".. automodule:: {title}\n   :no-members:"]
    for member in public_names(module):
        value, full = getattr(module, member), f"{title}.{member}"
        if inspect.isclass(value):
            parts.append(f".. autoclass:: {full}\n   :members:\n   :show-inheritance:")
        elif callable(value):
            parts.append(f".. autofunction:: {full}")
        else:
            parts.append(f".. py:data:: {member}\n\n   {described(value)}")
    return "\n\n".join(parts) + "\n"


def public_names(module) -> list[str]:
    """What a module hands on: by its list, else what it defines; fills wherever they are from."""
    if names := getattr(module, "__all__", None):
        return sorted(names, key=str.lower)
    own = [
        name
        for name, value in vars(module).items()
        if name[0] != "_"
        and (getattr(value, "__module__", "") == module.__name__ or name.isupper())
    ]
    return sorted({*own, *getattr(module, "FILLS", ())}, key=str.lower)


def described(constant) -> str:
    """A constant in a line: its value, or what it has by name."""
    if isinstance(constant, Path):
        return "A folder of the package."
    if isinstance(constant, dict):
        return "A dictionary with the keys " + ", ".join(f"``{key!r}``" for key in constant) + "."
    return f"``{' '.join(repr(constant).split())}``"


def build_explorer(folder: Path) -> None:
    """The page of site/explorer with all that it fetches beside it."""
    shutil.copytree(SITE / "explorer", folder)
    (folder / "vendor").mkdir()
    for name in ("ort.wasm.bundle.min.mjs", "ort-wasm-simd-threaded.wasm"):
        shutil.copy(RUNTIME / name, folder / "vendor")
    export(NETWORK, folder / f"{NETWORK}.onnx")
    facts = {
        "files": {
            "runtime": _file(folder, "vendor/ort-wasm-simd-threaded.wasm"),
            "network": _file(folder, f"{NETWORK}.onnx"),
        },
        "error_colours": error_colours(),
        "tiles": tiles_for(folder),
    }
    facts["bytes"] = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    (folder / "facts.json").write_text(json.dumps(facts), encoding="utf-8")


def tiles_for(folder: Path) -> dict:
    """Tiles, one after the other in a file, and what the page says of them; real tiles first."""
    offered = {}
    real = ["local"] if os.environ.get(ei.data.DATA_VARIABLE) else []
    for source in (*real, "synthetic"):
        tiles = ei.data.load_tiles("validation", source=source)
        places = ei.data.stratified_subset(tiles.labels, TILES)
        # As bytes: what a page reads back from a picture, some browsers change a little.
        tiles.images[places].tofile(folder / f"{source}.rgb")
        offered[source] = {
            "address": f"{source}.rgb",
            "label": "synthetic tiles" if source == "synthetic" else "EuroSAT",
            "licence": LICENCES[source],
            "start": worth_a_look(tiles, places),
            "tiles": [{"name": tiles.filenames[k], "place": int(k)} for k in places],
        }
    return offered


def worth_a_look(tiles, places) -> int:
    """Which of the tiles to begin with: the river of most contrast."""
    contrast = tiles.images[places].std(axis=(1, 2, 3))
    is_river = tiles.labels[places] == tiles.class_names.index("River")
    return int(np.where(is_river, contrast, 0).argmax())


def error_colours() -> str:
    """The 256 colours of error maps as hexadecimal digits."""
    colours = matplotlib.colormaps[ei.plots.ERROR_COLOURS](np.arange(256), bytes=True)
    return colours[:, :3].tobytes().hex()


def _target_of(path):
    """Where a file of the site's source goes, in a folder that is there."""
    target = SOURCE / path
    target.parent.mkdir(parents=True, exist_ok=True)
    return target


def _file(folder, name):
    return {"address": name, "bytes": (folder / name).stat().st_size}


if __name__ == "__main__":
    sys.exit(main())
