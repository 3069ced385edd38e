"""What the page itself does: scripts and style beside this file, as HTML that carries them."""

import json
from html import escape
from importlib.resources import files


def text_of(name: str) -> str:
    """A file of this folder."""
    return files("eurosat_inpaint.widgets").joinpath(name).read_text(encoding="utf-8")


def handler(name: str, *arguments: str) -> str:
    """The function in a script, called with the element it stands in, for an attribute of HTML."""
    script = text_of(name)
    given = "".join(f", {json.dumps(argument)}" for argument in arguments)
    return escape(f"({script[script.index('function') :]})(this{given})")
