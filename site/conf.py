"""How Sphinx makes the site of what ``tools/build_site.py`` has put together."""

import re

import eurosat_inpaint

project = "EuroSAT inpainting"
author = copyright = "The eurosat-inpaint authors"
version = release = eurosat_inpaint.__version__
html_title = project
html_short_title = project

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.mathjax",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
]
exclude_patterns = ["**/.ipynb_checkpoints"]

# Notebooks are shown as they are committed.
nb_execution_mode = "off"
nb_merge_streams = True
# Sliders would need a kernel, and their script comes from another host.
nb_ipywidgets_js = {}
nb_mime_priority_overrides = [("html", "application/vnd.jupyter.widget-view+json", None)]
myst_enable_extensions = ["dollarmath", "amsmath"]
myst_heading_anchors = 4

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
toc_object_entries_show_parents = "hide"
# What a network inherits from Keras is described by Keras.
autodoc_inherit_docstrings = False
napoleon_numpy_docstring = False
# What is returned is described in words, which is no name of a type.
napoleon_use_rtype = False
copybutton_prompt_text = r">>> |\.\.\. "
copybutton_prompt_is_regexp = True

html_theme = "furo"
# MathJax as one file with its glyphs as outlines: no fonts, and it works from a folder.
html_static_path = ["static", "node_modules/mathjax/es5/tex-svg.js"]
html_favicon = "static/icon.svg"
html_css_files = ["site.css"]
html_js_files = ["site.js"]
html_copy_source = html_show_sourcelink = False
mathjax_path = "tex-svg.js"


def setup(app):
    app.connect("autodoc-process-signature", _with_plain_defaults)


def _with_plain_defaults(app, what, name, subject, options, signature, returned):
    """A default as it is written: what Python prints of a function Sphinx cannot read."""
    if signature:
        signature = re.sub(r"<function (\w+)[^>]*>", r"\1", signature)
        signature = signature.replace("<factory>", "...")
    return signature, returned
