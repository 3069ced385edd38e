"""The interactive explorers: masks and methods at the touch of a slider. See notebooks 02 and 06.

Standard ipywidgets only, versions 7 and 8. What these leave out, names of sliders and pictures
above all, is added by a few lines of script and style that each explorer brings along.
"""

import os
from html import escape

import ipywidgets
import numpy as np
from IPython import get_ipython

from eurosat_inpaint import data, masks
from eurosat_inpaint._checks import require_images, require_shape
from eurosat_inpaint.widgets import page, pictures
from eurosat_inpaint.widgets.controls import (
    MaskControls,
    TileControls,
    button,
    labelled,
    upload_megabytes,
)
from eurosat_inpaint.widgets.redrawing import Redrawing
from eurosat_inpaint.widgets.restoring import METHODS, TO_START_WITH, restorer

# Masks whose coverages make the histogram.
_COUNTED = 100
# The error map's last colour stands for this mean absolute error and more, white being 1.
_LARGEST_ERROR = 0.25
# What follows the pictures waits so long: the page draws them meanwhile, on the same cores, and a
# slider that goes on moving makes it needless.
_SECONDS_TO_WORDS, _SECONDS_TO_HISTOGRAM = 0.01, 0.3
# Screen pixels: three for each pixel of a tile, and less where there is no room.
_PICTURE_WIDTH = 192
_GAP = 10
ERRORS, EXPECTED, TABLE = "errors", "expected errors", "table of all methods"
# What is shown of a tile, as (row, column) of the upper left corner of a square of half its side.
_ZOOMS = {
    "whole tile": None,
    "middle, enlarged": (16, 16),
    "upper left, enlarged": (0, 0),
    "upper right, enlarged": (0, 32),
    "lower left, enlarged": (32, 0),
    "lower right, enlarged": (32, 32),
}


def mask_explorer(tiles: data.Tiles | None = None) -> ipywidgets.Widget:
    """Choose a mask family, move its sliders, and see mask, masked tile and coverage.

    Args:
        tiles: a ``data.Tiles`` to choose from; by default the validation split.

    Returns:
        An ipywidget, shown where it is the last expression of a cell. A value that the package
        refuses becomes a message in it; the first drawing, which is done at once, catches nothing.

    Raises:
        TypeError: if ``tiles`` is no ``data.Tiles``.
        ValueError: if there are none, or they have not 64 x 64 pixels.
    """
    return _MaskExplorer(*_loaded(tiles))


def inpainting_explorer(tiles: data.Tiles | None = None) -> ipywidgets.Widget:
    """Choose a mask and two methods, and see what they restore and where they err.

    Methods are the classical fills and the shipped networks. In place of the errors it shows those
    that a network expected, or the scores of all methods. A picture of one's own, PNG or JPEG, can
    take the place of the tile.

    Args:
        tiles: a ``data.Tiles`` to choose from; by default the validation split.

    Returns:
        An ipywidget, as of :func:`mask_explorer`.

    Raises:
        TypeError, ValueError: as :func:`mask_explorer`.
    """
    return _InpaintingExplorer(*_loaded(tiles))


class _Explorer(ipywidgets.VBox):
    """Controls, pictures and code of an explorer, drawn anew after every change.

    Args:
        name: two words, such as "Mask explorer".
        tiles: a ``data.Tiles``.
        tiles_name: what the code calls them.
        results: ipywidgets that show the results, from top to bottom.
        controls: further ipywidgets that change what is drawn.
        own: whether a picture of one's own may take the place of the tile.
    """

    def __init__(self, name, tiles, tiles_name, results, *, controls=(), own=False):
        self._name, self._tiles_name = name, tiles_name
        self._redraw = Redrawing(self._draw_after_event)
        # Visitors of a page are not at home on the machine that computes it.
        local = "VOILA_REQUEST_URL" not in os.environ
        self._mask = MaskControls(self._changed)
        self._tile = TileControls(tiles, self._changed, self._refuse, own=own, local=local)
        self._controls = controls
        for control in controls:
            control.observe(self._changed, "value")
        self._moved = None
        self._message = _text("explorer-message", height="32px")
        self._code = ipywidgets.Textarea(
            rows=self._lines_of_code,
            description="Code",
            style={"description_width": "40px"},
            layout={"width": "auto", "flex": "1 1 auto", "min_width": "0"},
        )
        shown = ipywidgets.VBox(
            [*results, self._message],
            layout={
                # Narrower, before the controls go below.
                "flex": "1 1 536px",
                "max_width": f"{3 * _PICTURE_WIDTH + 2 * _GAP}px",
                "min_width": "0",
            },
        )
        buttons = [self._mask.another, self._tile.another, button("Reset", self._reset)]
        chosen = ipywidgets.VBox(
            [*self._mask.widgets, *controls, *self._tile.widgets, _row(buttons)],
            layout={"flex": "1 1 280px", "min_width": "0", "max_width": "520px"},
        )
        # The pictures come first where the page is too narrow for both.
        both = ipywidgets.HBox(
            [shown, chosen],
            layout={
                "flex_flow": "row-reverse wrap",
                "justify_content": "flex-end",
                "grid_gap": "8px 14px",
            },
        )
        super().__init__([both, self._code_row(), _page()])
        self.add_class("eurosat-explorer")
        self.add_class(name.lower().replace(" ", "-"))
        for _ in self._shown(self._computed()):
            pass

    def __repr__(self):
        # What a page shows that has no kernel.
        return f"{self._name}: run the notebook to use it; the figure below shows the same idea."

    def _computed(self):
        """What is to be shown, by what the controls say."""
        raise NotImplementedError

    def _shown(self, found):
        """Show what was computed, in short steps; see ``Redrawing``.

        Pictures first: each of these, and each line of words, is a message of its own.
        """
        raise NotImplementedError

    def _code_row(self):
        copy = ipywidgets.Button(description="Copy the code", layout={"width": "auto"})
        copy.add_class("explorer-copy")
        save = ipywidgets.Button(description="Save the picture", layout={"width": "auto"})
        save.on_click(self._save)
        self._saved_file = ipywidgets.HTML(layout={"display": "none"})
        return ipywidgets.HBox(
            [self._code, ipywidgets.VBox([copy, save]), self._saved_file],
            layout={"grid_gap": f"{_GAP}px"},
        )

    def _changed(self, event):
        self._moved = getattr(event.get("owner"), "description", None) if event else None
        self._redraw(event)

    def _draw_after_event(self):
        try:
            found = self._computed()
        except ValueError as problem:
            self._refuse(problem)
            return
        self._message.value = ""
        yield from self._shown(found)

    def _refuse(self, problem):
        words = self._mask.in_words(str(problem))
        moved = f' Move "{self._moved}" back.' if self._moved else ""
        self._message.value = f"<p><b>This cannot be shown:</b> {escape(words)}.{escape(moved)}</p>"

    def _reset(self, pressed):
        for control, value in zip(self._controls, self._values_at_start, strict=True):
            control.value = value
        self._mask.reset()
        self._tile.reset()
        self._changed(None)

    def _save(self, pressed):
        rows = [row.images for row in self._rows]
        png = pictures.data_address(pictures.grid_png(rows, enlarged=4))
        name = f"{self._name.split()[0].lower()}.png"
        # The page follows the link; an earlier one must not stay.
        self._saved_file.value = ""
        self._saved_file.value = f'<a download="{name}" href="{png}">{name}</a>'


class _MaskExplorer(_Explorer):
    _values_at_start, _lines_of_code = (), 1

    def __init__(self, tiles, tiles_name):
        self._counted = None
        self._rows = [_Row(lines=2)]
        self._histogram_words = _text("explorer-words", height="36px")
        self._histogram = ipywidgets.Image(format="png")
        self._histogram.add_class("explorer-chart")
        chart = ipywidgets.VBox([self._histogram_words, self._histogram])
        chart.add_class("explorer-row")
        super().__init__("Mask explorer", tiles, tiles_name, [self._rows[0].box, chart])

    def _computed(self):
        return self._mask.mask()

    def _shown(self, mask):
        tile = self._tile.image()
        coverage = masks.coverage(mask)[0]
        (row,) = self._rows
        row.show([tile[0] / 255, mask[0], (tile / 255 * mask)[0]])
        yield _SECONDS_TO_WORDS
        row.say(
            ("Tile", escape(self._tile.text())),
            ("Mask", f"<b>{_coverage_text(coverage)}</b> (white)"),
            ("Masked tile", "holes are black"),
        )
        self._code.value = f"masks = {self._mask.code()}"
        yield _SECONDS_TO_HISTOGRAM
        yield from self._count()
        self._show_histogram(coverage)

    def _count(self):
        """Coverages of many masks with these parameters, each a step."""
        family, parameters = self._mask.family, self._mask.parameters()
        if self._counted == (family, parameters):
            return
        drawn = []
        for seed in range(_COUNTED):
            drawn.append(masks.make(family, 1, seed=seed, **parameters))
            yield 0
        self._coverages = masks.coverage(np.concatenate(drawn))
        self._counted = family, parameters

    def _show_histogram(self, marked):
        percent = 100 * self._coverages
        self._histogram.value = pictures.histogram_png(self._coverages, marked)
        self._histogram_words.value = _cell(
            f"Coverage of {_COUNTED} such masks, seeds 0 to {_COUNTED - 1}",
            f"mean {percent.mean():.1f} %, standard deviation {percent.std():.1f} points, "
            f"{percent.min():.1f} to {percent.max():.1f} %; orange: this mask",
            lines=2,
        )


class _InpaintingExplorer(_Explorer):
    _lines_of_code = 4

    def __init__(self, tiles, tiles_name):
        self._restorer = restorer()
        names = self._restorer.methods()
        options = [(METHODS.get(name, (name,))[0], name) for name in names]
        start = [name if name in names else names[-1] for name in TO_START_WITH]
        self._values_at_start = (*start, ERRORS, "whole tile")
        self._methods = [
            labelled(ipywidgets.Dropdown, label, options=options)
            for label in ("Method, left", "Method, right")
        ]
        self._below = labelled(ipywidgets.Dropdown, "Below them", options=[ERRORS, EXPECTED, TABLE])
        self._zoom = labelled(ipywidgets.Dropdown, "Zoom", options=list(_ZOOMS))
        controls = (*self._methods, self._below, self._zoom)
        for control, value in zip(controls, self._values_at_start, strict=True):
            control.value = value
        self._table = _text("explorer-table", height="")
        self._table.layout.flex = f"0 1 {2 * _PICTURE_WIDTH + _GAP}px"
        self._rows = [_Row(lines=2), _Row(beside=self._table)]
        self._colours = ipywidgets.HTML(_colour_bar(), layout={"height": "26px"})
        self._lines = _text("explorer-words", height="36px")
        super().__init__(
            "Inpainting explorer",
            tiles,
            tiles_name,
            [*(row.box for row in self._rows), self._colours, self._lines],
            controls=controls,
            own=True,
        )

    def _computed(self):
        from eurosat_inpaint import metrics

        mask = self._mask.mask()
        tile = self._tile.image() / 255
        restored = [self._restorer.restored(m.value, tile, mask) for m in self._methods]
        scores = [(metrics.mse(tile, r, mask)[0], metrics.psnr(tile, r, mask)[0]) for r in restored]
        below = None
        if self._below.value == EXPECTED:
            below = [self._restorer.expected_error(m.value, tile, mask) for m in self._methods]
        elif self._below.value == TABLE:
            below = self._scores_of_all(tile, mask)
        return tile, mask, restored, scores, below

    def _scores_of_all(self, tile, mask):
        from eurosat_inpaint import metrics

        rows = {}
        for label, name in self._methods[0].options:
            restored = self._restorer.restored(name, tile, mask)
            measures = metrics.mse, metrics.mae, metrics.psnr, metrics.ssim
            rows[label] = [measure(tile, restored, mask)[0] for measure in measures]
        return rows

    def _shown(self, found):
        tile, mask, restored, scores, below = found
        upper, lower = self._rows
        labels = [escape(method.label) for method in self._methods]
        upper.show([self._cut(tile[0]), *(self._cut(answer[0]) for answer in restored)])
        self._show_below(tile, mask, restored, below)
        yield _SECONDS_TO_WORDS
        scores = [f"<b>MSE {mse:.5f}, {psnr:.1f} dB</b>" for mse, psnr in scores]
        upper.say(("Tile", escape(self._tile.text())), *zip(labels, scores, strict=True))
        coverage = _coverage_text(masks.coverage(mask)[0])
        lower.say((f"Masked, {coverage}", ""), *self._words_below(below, labels))
        self._lines.value = "".join(
            f"<p><b>{label}:</b> {METHODS.get(method.value, ('', ''))[1]}</p>"
            for label, method in zip(labels, self._methods, strict=True)
        )
        self._code.value = "\n".join(self._codes())

    def _show_below(self, tile, mask, restored, below):
        """Errors of the two methods, those that they expected, or the table."""
        tabular = self._below.value == TABLE
        self._table.layout.display = "" if tabular else "none"
        self._colours.layout.visibility = "hidden" if tabular else "visible"
        if tabular:
            self._table.value = _table(below)
        if self._below.value == EXPECTED:
            errors = [np.zeros(tile.shape[1:3]) if e is None else e[0, ..., 0] for e in below]
        else:
            errors = [np.abs(answer - tile)[0].mean(axis=-1) for answer in restored]
        maps = [pictures.error_colours(self._cut(e), _LARGEST_ERROR) for e in errors]
        self._rows[1].show([self._cut((tile * mask)[0]), *maps], only_first=tabular)

    def _words_below(self, below, labels):
        if self._below.value == TABLE:
            return []
        if self._below.value == ERRORS:
            return [("Error", f"of {label}") for label in labels]
        return [
            ("Expected error", f"{label} tells none" if error is None else f"of {label}")
            for label, error in zip(labels, below, strict=True)
        ]

    def _cut(self, image):
        corner = _ZOOMS[self._zoom.value]
        if corner is None:
            return image
        row, column = corner
        return image[row : row + 32, column : column + 32]

    def _codes(self):
        yield f"masks = {self._mask.code()}"
        yield f"tile = {self._tile.code(self._tiles_name)} / 255"
        for name, method in zip(("left", "right"), self._methods, strict=True):
            yield f"{name} = {self._expression(method.value)}"

    def _expression(self, method):
        from eurosat_inpaint import pretrained

        if method in pretrained.names():
            return f'ei.inpaint(tile, masks, model="{method}")'
        return f"ei.baselines.{method}(tile * masks, masks)"


class _Row:
    """Three pictures, and above each its words, in so many lines; longer ones are cut.

    Args:
        lines: of the words.
        beside: an ipywidget that can take the place of all pictures but the first.

    Attributes:
        box: the ipywidget to show.
        images: what is shown, or hidden behind ``beside``.
    """

    def __init__(self, lines=1, beside=None):
        self._lines = lines
        self._words = _text("explorer-words", height=f"{18 * lines}px")
        # Of the scores, those who hear the page are told.
        self._words.add_class("explorer-figures" if lines == 2 else "explorer-captions")
        layout = {"flex": "1 1 0", "min_width": "0", "max_width": f"{_PICTURE_WIDTH}px"}
        # As addresses that hold the picture: a browser loads these sooner than what it is sent.
        self._pictures = [ipywidgets.Image(format="url", layout=layout) for _ in range(3)]
        for picture in self._pictures:
            picture.add_class("explorer-picture")
        beside = [] if beside is None else [beside]
        together = ipywidgets.HBox(
            [*self._pictures, *beside], layout={"grid_gap": f"0 {_GAP}px", "min_width": "0"}
        )
        self.box = ipywidgets.VBox([self._words, together])
        self.box.add_class("explorer-row")

    def show(self, images, only_first=False):
        """Show pictures as of ``pictures.tile_png``."""
        self.images = images
        for picture, image in zip(self._pictures, images, strict=True):
            picture.value = pictures.data_address(pictures.tile_png(image)).encode()
        for picture in self._pictures[1:]:
            picture.layout.display = "none" if only_first else ""

    def say(self, *cells):
        """Captions and words of the pictures; words are HTML."""
        texts = "".join(_cell(*cell, lines=self._lines) for cell in cells)
        self._words.value = (
            f'<div style="display: grid; gap: {_GAP}px; '
            f'grid-template-columns: repeat(3, minmax(0, {_PICTURE_WIDTH}px))">{texts}</div>'
        )


def _cell(caption, words, lines):
    """A caption in bold, and words after or below it."""
    between = "</p><p>" if lines == 2 else " "
    return f'<div class="explorer-cell"><p><b>{caption}</b>{between}{words}</p></div>'


def _loaded(tiles):
    """Tiles, and an expression for them that a reader can run."""
    named = _name_in_notebook(tiles) if tiles is not None else 'ei.data.load_tiles("validation")'
    tiles = data.load_tiles("validation") if tiles is None else tiles
    if not isinstance(tiles, data.Tiles):
        raise TypeError(f"tiles must be a data.Tiles, got {type(tiles).__name__}")
    require_images("tiles.images", tiles.images)
    require_shape("tiles.images", tiles.images, "n", 64, 64, 3)
    return tiles, named


def _name_in_notebook(tiles):
    """What the reader's notebook calls these tiles; "tiles" where it does not call them at all."""
    names = getattr(get_ipython(), "user_ns", {})
    return next(
        (name for name, value in names.items() if value is tiles and not name.startswith("_")),
        "tiles",
    )


def _coverage_text(coverage):
    return f"{100 * coverage:.1f} % known"


def _table(rows):
    """Scores of all methods as HTML, the best of each column in bold."""
    header = ("in the holes", "MSE", "MAE", "PSNR, dB", "SSIM")
    values = np.array(list(rows.values()))
    best = [column.argmin() if k < 2 else column.argmax() for k, column in enumerate(values.T)]
    formats = (".5f", ".4f", ".1f", ".3f")
    lines = []
    for number, (label, scores) in enumerate(rows.items()):
        cells = [f"{score:{form}}" for score, form in zip(scores, formats, strict=True)]
        cells = [f"<b>{c}</b>" if number == b else c for c, b in zip(cells, best, strict=True)]
        lines.append("".join(f"<td>{cell}</td>" for cell in (escape(label), *cells)))
    head = "".join(f"<th>{name}</th>" for name in header)
    body = "".join(f"<tr>{line}</tr>" for line in lines)
    return f"<table><tr>{head}</tr>{body}</table>"


def _colour_bar():
    colours = pictures.error_colours(np.linspace(0, _LARGEST_ERROR, 9), _LARGEST_ERROR)
    stops = ", ".join(f"rgb{tuple(int(level) for level in colour)}" for colour in colours)
    return (
        '<div style="line-height: 14px; font-size: 12px; margin-left: 33.6%">'
        f'<div style="height: 8px; background: linear-gradient(to right, {stops})"></div>'
        '<div style="display: flex; justify-content: space-between"><span>0</span>'
        '<span class="explorer-wide">mean over the channels, white being 1</span>'
        f"<span>{_LARGEST_ERROR} and more</span></div></div>"
    )


def _page():
    """Style and script that go with an explorer wherever it is shown."""
    # An empty picture that runs the script as soon as it is there.
    return ipywidgets.HTML(
        f"<style>{page.text_of('page.css')}</style>"
        '<img src="data:image/gif;base64,R0lGODlhAQABAAAAACwAAAAAAQABAAA=" alt="" '
        f'data-megabytes="{upload_megabytes():g}" '
        f'onload="{page.handler("page.js")}" style="display: none">',
        layout={"height": "0"},
    )


def _text(name, height):
    text = ipywidgets.HTML(layout={"height": height, "flex": "0 0 auto", "overflow": "hidden"})
    text.add_class(name)
    return text


def _row(children):
    """Buttons side by side where there is room, else below each other."""
    return ipywidgets.HBox(children, layout={"flex_flow": "row wrap", "grid_gap": "0 4px"})
