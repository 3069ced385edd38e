"""Write the repository's address into pyproject.toml, the notebooks and the README.

python tools/publish.py owner/name
"""

import argparse
import re
import sys

import nbformat
from preamble import PYPROJECT, badge, read_address_and_tag, site_address, start_with_preamble

from notebooks import NOTEBOOKS, ROOT

# As GitHub takes them: of an owner letters, digits and hyphens, of a name dots and underscores too.
_OWNER_AND_NAME = re.compile(
    r"[A-Za-z0-9][A-Za-z0-9-]{0,38}/(?!\.\.?\Z)[A-Za-z0-9._-]{1,100}(?<!\.git)"
)
_URLS = re.compile(r"^\[project\.urls\]\n(.+\n)*", re.MULTILINE)
# A notebook in the README's table, with the badge that an earlier call put after it.
_README_LINK = re.compile(
    r"^(\| \[[^]]+\]\(notebooks/(\w+)\.ipynb\))( \[!\[Open in Colab\]\([^)]*\)\]\([^)]*\))?",
    re.MULTILINE,
)

_SITE = re.compile("(<!-- site -->).*?(<!-- end of site -->)", re.DOTALL)
_EXPLORER = re.compile(r"\[explorer\]\([^)]*\)")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("repository", help="on GitHub, as owner/name")
    repository = parser.parse_args().repository
    if not _OWNER_AND_NAME.fullmatch(repository):
        print(f"error: owner/name is expected, not {repository!r}", file=sys.stderr)
        return 1
    write_address(f"https://github.com/{repository}")
    for path in sorted(NOTEBOOKS.glob("*.ipynb")):
        notebook = nbformat.read(path, as_version=4)
        start_with_preamble(notebook, path.stem)
        nbformat.write(notebook, path)
    write_badges_into_readme()
    write_site_into_readme()
    print(f"Commit, then `git tag {read_address_and_tag()[1]}`: Colab installs what is tagged.")
    return 0


def write_address(address: str) -> None:
    text = PYPROJECT.read_text(encoding="utf-8")
    table = f'[project.urls]\n# Written by `make publish`.\nRepository = "{address}"\n'
    PYPROJECT.write_text(_URLS.sub(table, text), encoding="utf-8")


def write_badges_into_readme() -> None:
    readme = ROOT / "README.md"
    address, tag = read_address_and_tag()

    def with_badge(link):
        return f"{link[1]} {badge(address, tag, link[2])}"

    text = readme.read_text(encoding="utf-8")
    readme.write_text(_README_LINK.sub(with_badge, text), encoding="utf-8")


def write_site_into_readme() -> None:
    readme = ROOT / "README.md"
    site = site_address(read_address_and_tag()[0])
    text = _SITE.sub(rf"\1[The site]({site})\2", readme.read_text(encoding="utf-8"))
    readme.write_text(_EXPLORER.sub(f"[explorer]({site}explorer/)", text), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
