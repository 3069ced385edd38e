"""The interactive explorers: masks and methods at the touch of a slider. See notebooks 02 and 06.

Standard ipywidgets only, versions 7 and 8, and pictures with what they show said in words beside
them: ``ipywidgets.Image`` has no alternative text.
"""

from html import escape
from importlib.util import find_spec

import ipywidgets
import numpy as np

from eurosat_inpaint import data, masks
from eurosat_inpaint._checks import require_images, require_shape
from eurosat_inpaint.widgets import pictures
from eurosat_inpaint.widgets.controls import MaskControls, TileControls, labelled
from eurosat_inpaint.widgets.redrawing import Redrawing

# Masks whose coverages make the histogram.
_COUNTED = 100
# The error map's last colour stands for this mean absolute error and more, white being 1.
_LARGEST_ERROR = 0.25
_NETWORK_TO_START_WITH = "unet"
# Fills that OpenCV computes, which need not be installed.
_BY_OPENCV = ("telea", "navier_stokes")


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
    return _MaskExplorer(_loaded(tiles))


def inpainting_explorer(tiles: data.Tiles | None = None) -> ipywidgets.Widget:
    """Choose a mask and a method, and see what it restores, where it errs, and what it expected.

    Methods are the classical fills and the shipped networks. A picture of one's own, PNG or JPEG,
    can take the place of the tile.

    Args:
        tiles: a ``data.Tiles`` to choose from; by default the validation split.

    Returns:
        An ipywidget, as of :func:`mask_explorer`.

    Raises:
        TypeError, ValueError: as :func:`mask_explorer`.
    """
    return _InpaintingExplorer(_loaded(tiles))


class _Explorer(ipywidgets.VBox):
    """Controls, results and code of an explorer, drawn anew after every change.

    Args:
        name: two words, such as "Mask explorer".
        tiles: a ``data.Tiles``.
        captions: names of the pictures, in their order.
        codes: labels of the lines of code.
        controls: further ipywidgets that change what is drawn.
        upload: whether a picture of one's own may take the place of the tile.
    """

    def __init__(self, name, tiles, captions, codes, controls=(), upload=False):
        self._name = name
        redraw = Redrawing(self._draw_after_event)
        self._mask = MaskControls(redraw)
        self._tile = TileControls(tiles, redraw, self._refuse if upload else None)
        for control in controls:
            control.observe(redraw, "value")
        self._message = _text("explorer-message")
        self._figures = _text("explorer-figures")
        self._panels = {caption: _Panel(caption) for caption in captions}
        self._codes = [labelled(ipywidgets.Text, label) for label in codes]
        for code in self._codes:
            code.layout.width = "auto"
        panels = _row([panel.box for panel in self._panels.values()], align_items="flex-end")
        # Beside the controls where two pictures fit there, else below them.
        self._results = ipywidgets.VBox(
            [self._message, panels, self._figures],
            layout={"flex": "1 1 540px", "margin": "0 0 0 1em"},
        )
        chosen = ipywidgets.VBox([*self._mask.widgets, *controls, *self._tile.widgets])
        super().__init__([_row([chosen, self._results]), *self._codes])
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
        """Show what was computed, in short steps; see ``Redrawing``."""
        raise NotImplementedError

    def _draw_after_event(self):
        try:
            found = self._computed()
        except ValueError as problem:
            self._refuse(problem)
            return
        self._message.value = ""
        yield from self._shown(found)

    def _refuse(self, problem):
        self._message.value = (
            f'<p role="alert"><b>This cannot be shown:</b> {escape(str(problem))}. '
            "The pictures are those of the setting before.</p>"
        )


class _MaskExplorer(_Explorer):
    def __init__(self, tiles):
        self._counted = None
        captions = ("Tile", "Mask", "Masked tile", "Histogram")
        super().__init__("Mask explorer", tiles, captions, ("Mask as code",))

    def _computed(self):
        return self._mask.mask()

    def _shown(self, mask):
        tile = self._tile.image()
        self._panels["Tile"].show(pictures.tile_png(tile[0]), self._tile.text())
        self._panels["Mask"].show(pictures.tile_png(mask[0]), "white is known, black is a hole")
        self._panels["Masked tile"].show(pictures.tile_png((tile / 255 * mask)[0]))
        coverage = masks.coverage(mask)[0]
        self._figures.value = f"<p>{_coverage_text(coverage)}</p>"
        self._codes[0].value = self._mask.code()
        yield
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
            yield
        self._coverages = masks.coverage(np.concatenate(drawn))
        self._counted = family, parameters

    def _show_histogram(self, marked):
        percent = 100 * self._coverages
        self._panels["Histogram"].show(
            pictures.histogram_png(self._coverages, marked),
            f"coverage of {_COUNTED} masks of these settings, seeds 0 to {_COUNTED - 1}: mean "
            f"{percent.mean():.1f} %, standard deviation {percent.std():.1f} points, from "
            f"{percent.min():.1f} to {percent.max():.1f} %; orange line: the mask shown, "
            f"{100 * marked:.1f} %",
        )


class _InpaintingExplorer(_Explorer):
    def __init__(self, tiles):
        methods = _methods()
        self._method = labelled(ipywidgets.Dropdown, "Method", options=methods)
        names = [name for _, name in methods]
        if _NETWORK_TO_START_WITH in names:
            self._method.value = _NETWORK_TO_START_WITH
        super().__init__(
            "Inpainting explorer",
            tiles,
            ("Tile", "Masked tile", "Restored tile", "Error", "Expected error"),
            ("Mask as code", "Result as code"),
            (self._method,),
            upload=True,
        )

    def _computed(self):
        from eurosat_inpaint import metrics

        mask = self._mask.mask()
        tile = self._tile.image() / 255
        restored = self._restore(tile, mask)
        scores = metrics.mse(tile, restored, mask), metrics.psnr(tile, restored, mask)
        return tile, mask, restored, self._expected(tile, mask), scores

    def _shown(self, found):
        tile, mask, restored, expected, (mse, psnr) = found
        method = self._method.label
        errors = np.abs(restored - tile)[0].mean(axis=-1)
        self._panels["Tile"].show(pictures.tile_png(tile[0]), self._tile.text())
        self._panels["Masked tile"].show(pictures.tile_png((tile * mask)[0]), "holes are black")
        self._panels["Restored tile"].show(pictures.tile_png(restored[0]), f"by {method}")
        self._panels["Error"].show(
            pictures.error_png(errors, _LARGEST_ERROR),
            f"mean over the channels, white being 1: black is 0, pale yellow {_LARGEST_ERROR} and "
            "more",
        )
        if expected is None:
            words = f"{method} does not say how far it may be off"
            self._panels["Expected error"].show(pictures.error_png(0 * errors, 1), words)
        else:
            words = "what the network expects from the masked tile alone, in the same colours"
            png = pictures.error_png(expected[0, ..., 0], _LARGEST_ERROR)
            self._panels["Expected error"].show(png, words)
        self._figures.value = (
            f"<p>{_coverage_text(masks.coverage(mask)[0])} MSE in the holes: {mse[0]:.5f}. "
            f"PSNR in the holes: {psnr[0]:.1f} dB.</p>"
        )
        self._codes[0].value = f"masks = {self._mask.code()}"
        self._codes[1].value = f"restored = {self._result_code()}"
        yield

    def _restore(self, tile, mask):
        from eurosat_inpaint import baselines, pretrained

        if self._method.value in baselines.FILLS:
            return baselines.FILLS[self._method.value](tile * mask, mask)
        return pretrained.inpaint(tile, mask, model=self._method.value)

    def _expected(self, tile, mask):
        """The expected error of a network that has a head for it, else None."""
        from eurosat_inpaint import uncertainty

        if self._method.value not in uncertainty.names():
            return None
        return uncertainty.expected_error(tile, mask, model=self._method.value)

    def _result_code(self):
        from eurosat_inpaint import baselines

        name, tile = self._method.value, f"{self._tile.code()} / 255"
        if name in baselines.FILLS:
            return f"ei.baselines.{name}({tile} * masks, masks)"
        return f'ei.inpaint({tile}, masks, model="{name}")'


class _Panel:
    """A picture and the words above it."""

    def __init__(self, caption):
        self._caption = caption
        self._text = _text(f"explorer-{caption.lower().replace(' ', '-')}")
        # Else the box would stretch it, and pixels would be of different sizes.
        self._picture = ipywidgets.Image(format="png", layout={"align_self": "flex-start"})
        self._picture.add_class("explorer-picture")
        # Little wider than the picture, so that long words do not push the others aside.
        self.box = ipywidgets.VBox([self._text, self._picture], layout={"width": "270px"})

    def show(self, png, words=""):
        self._picture.value = png
        words = f": {escape(words)}" if words else ""
        self._text.value = f'<p style="line-height: 1.3"><b>{self._caption}</b>{words}</p>'


def _methods():
    """Pairs of label and name."""
    # Here, since these need Keras, and the mask explorer does not.
    from eurosat_inpaint import baselines, pretrained

    has_opencv = find_spec("cv2") is not None
    fills = [name for name in baselines.FILLS if has_opencv or name not in _BY_OPENCV]
    return [(f"{name} (baseline)", name) for name in fills] + [
        (f"{name} (network)", name) for name in pretrained.names()
    ]


def _loaded(tiles):
    tiles = data.load_tiles("validation") if tiles is None else tiles
    if not isinstance(tiles, data.Tiles):
        raise TypeError(f"tiles must be a data.Tiles, got {type(tiles).__name__}")
    require_images("tiles.images", tiles.images)
    require_shape("tiles.images", tiles.images, "n", 64, 64, 3)
    return tiles


def _coverage_text(coverage):
    return f"Coverage: {100 * coverage:.1f} % of the pixels are known."


def _text(name):
    text = ipywidgets.HTML()
    text.add_class(name)
    return text


def _row(children, **layout):
    """Side by side where there is room, else below each other."""
    return ipywidgets.HBox(children, layout={"flex_flow": "row wrap", **layout})
