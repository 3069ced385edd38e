"""What the explorers are operated with: the controls that choose a mask and a tile."""

import inspect
import io
from collections.abc import Callable, Sequence
from typing import Any

import ipywidgets
import numpy as np

from eurosat_inpaint import data, masks

# Label, lowest and highest value of what sets a parameter of a mask family.
_CONTROLS = {
    "lines": ("Number of lines", 1, 30),
    "thickness": ("Thickness (pixels)", 1, 9),
    "include_last_column": ("Let lines end in the last column",),
    "angles": ("Angles (degrees)", -180, 180),
    "boxes": ("Number of boxes", 1, 20),
    "sides": ("Sides (pixels)", 1, 64),
    "strokes": ("Number of strokes", 1, 20),
    "widths": ("Widths of the brush (pixels)", 1, 24),
    "groups": ("Groups of dead columns", 1, 20),
    "widest": ("Most columns in a group", 1, 16),
    "period": ("Distance from gap to gap (pixels)", 2, 64),
    "widest_gap": ("Widest gap (pixels)", 1, 63),
    "scene_width": ("Width of the scene (pixels)", 64, 1024),
    "tilt": ("Tilt (degrees)", -45, 45),
    "position": ("Place in the scene (-1 left, 1 right)", -1, 1),
    "scale": ("Size of a cloud (pixels)", 4, 64),
    "octaves": ("Layers of noise", 1, 6),
    "roughness": ("Roughness (0 round, 1 frayed)", 0, 1),
    "coverage": ("Coverage (% known)", 5, 95),
}
_LABELS = {("lines", "thickness"): "Thickness (OpenCV)"}
_FAMILY_LABELS = {"scan_line_gaps": "scan-line gaps"}
# What is None by default is set only where its box is ticked, and starts at this value.
_CHOICES = {
    "coverage": ("Ask for a coverage", 0.5),
    "position": ("Choose the place in the scene", 0.0),
}
# Of these a family draws as many as the coverage takes, where one is asked for.
_COUNTS = ("lines", "boxes", "strokes", "groups")
_SEEDS = 1000

EVERY_CLASS, OWN_PICTURE = "any class", "your own picture"

_STYLE = {"description_width": "18em"}
_LAYOUT = {"width": "36em", "max_width": "100%"}
_BUTTON_LAYOUT = {"width": "20em", "margin": "2px 2px 2px 15.7em"}


def labelled(kind: type, label: str, **traits: Any) -> ipywidgets.Widget:
    """An ipywidget of a kind with a label before it; labels of all controls end at one line."""
    return kind(description=label, style=_STYLE, layout=_LAYOUT, **traits)


class MaskControls:
    """Family, its parameters, and seed of one mask.

    Args:
        changed: called with an event after every change.

    Attributes:
        widgets: list of ipywidgets to show.
    """

    def __init__(self, changed: Callable):
        self._changed = changed
        self._families: dict[str, _FamilyControls] = {}
        names = [
            (_FAMILY_LABELS.get(name, name.replace("_", " ")), name) for name in masks.FAMILIES
        ]
        self._family = labelled(ipywidgets.Dropdown, "Mask family", options=names)
        self._parameters = ipywidgets.VBox()
        self._seed = labelled(ipywidgets.IntSlider, "Seed (which random mask)", max=_SEEDS - 1)
        another = ipywidgets.Button(description="Another mask", layout=_BUTTON_LAYOUT)
        self.widgets = [self._family, self._parameters, self._seed, another]
        self._show_family()
        self._family.observe(self._show_family, "value")
        self._family.observe(changed, "value")
        self._seed.observe(changed, "value")
        another.on_click(self._take_next_seed)

    @property
    def family(self) -> str:
        return self._family.value

    def parameters(self) -> dict[str, Any]:
        """Those that the controls of the family set, by name; the seed is not among them."""
        return self._families[self.family].parameters()

    def mask(self) -> np.ndarray:
        """The mask chosen, float32 (1, 64, 64, 1)."""
        return masks.make(self.family, 1, seed=self._seed.value, **self.parameters())

    def code(self) -> str:
        """The expression that draws this mask."""
        values = {"seed": self._seed.value, **self.parameters()}
        arguments = "".join(f", {name}={value!r}" for name, value in values.items())
        return f'ei.masks.make("{self.family}", 1{arguments})'

    def _show_family(self, event=None):
        """Swap the sliders; a family that was chosen before keeps its values."""
        if self.family not in self._families:
            self._families[self.family] = _FamilyControls(self.family, self._changed)
        self._parameters.children = self._families[self.family].widgets

    def _take_next_seed(self, button):
        self._seed.value = (self._seed.value + 1) % _SEEDS


class _FamilyControls:
    """One control for each parameter of a family, as its signature has them."""

    def __init__(self, family, changed):
        self._controls, self.widgets = {}, []
        for name, parameter in inspect.signature(masks.FAMILIES[family]).parameters.items():
            if name in ("n", "size", "seed"):
                continue
            if parameter.default is None:
                label, start = _CHOICES[name]
                control = _control(family, name, start)
                self.widgets.append(self._switch(name, label, control))
            else:
                control = _control(family, name, parameter.default)
            self._controls[name] = control
            self.widgets.append(control)
        for control in self.widgets:
            control.observe(changed, "value")

    def parameters(self):
        values = {}
        for name, control in self._controls.items():
            # Of a tick box only a tick is worth saying.
            if control.disabled or control.value is False:
                continue
            value = control.value
            if name == "coverage":
                value /= 100
            values[name] = round(value, 2) if isinstance(value, float) else value
        return values

    def _switch(self, name, label, control):
        """A tick box that enables a control, and disables what then is not used."""
        box = labelled(ipywidgets.Checkbox, label)
        control.disabled = True

        def switch(event):
            control.disabled = not box.value
            for count in _COUNTS:
                if name == "coverage" and count in self._controls:
                    self._controls[count].disabled = box.value

        box.observe(switch, "value")
        return box


def _control(family, name, start):
    label, *limits = _CONTROLS[name]
    label = _LABELS.get((family, name), label)
    if isinstance(start, bool):
        return labelled(ipywidgets.Checkbox, label, value=start)
    traits = dict(zip(("min", "max"), limits, strict=True))
    if isinstance(start, tuple):
        return labelled(ipywidgets.IntRangeSlider, label, value=start, **traits)
    if name == "coverage":
        return labelled(ipywidgets.IntSlider, label, value=round(100 * start), **traits)
    if isinstance(start, float):
        return labelled(ipywidgets.FloatSlider, label, value=start, step=0.05, **traits)
    return labelled(ipywidgets.IntSlider, label, value=start, **traits)


class TileControls:
    """Class and number of one tile; with ``refused``, a picture of one's own instead.

    Args:
        tiles: a ``data.Tiles``.
        changed: called with an event after every change.
        refused: called with the ValueError of an upload that is no picture; None for no upload.

    Attributes:
        widgets: list of ipywidgets to show.
    """

    def __init__(self, tiles: data.Tiles, changed: Callable, refused: Callable | None = None):
        self._tiles, self._changed, self._refused = tiles, changed, refused
        self._random = np.random.default_rng(0)
        present = [name for k, name in enumerate(tiles.class_names) if k in tiles.labels]
        self._class = labelled(
            ipywidgets.Dropdown, "Class of the tile", options=[EVERY_CLASS, *present]
        )
        self._number = labelled(ipywidgets.IntSlider, "Tile (number in its class)")
        another = ipywidgets.Button(description="Another tile", layout=_BUTTON_LAYOUT)
        self.widgets = [self._class, self._number, another]
        self._take_class()
        self._class.observe(self._take_class, "value")
        self._class.observe(changed, "value")
        self._number.observe(changed, "value")
        another.on_click(self._take_another)
        if refused is not None:
            self._upload = ipywidgets.FileUpload(
                description="Your own picture (PNG, JPEG)",
                accept=".png,.jpg,.jpeg",
                layout=_BUTTON_LAYOUT,
            )
            self._upload.observe(self._take_upload, "value")
            self.widgets.append(self._upload)

    def image(self) -> np.ndarray:
        """The tile chosen, uint8 (1, 64, 64, 3)."""
        return self._picture if self._is_own else self._tiles.images[[self._index]]

    def text(self) -> str:
        """What the tile is, in words."""
        if self._is_own:
            return f"{self._file_name}, its middle square resized to 64 x 64 pixels"
        kind = " (synthetic)" if self._tiles.source == "synthetic" else ""
        label = self._tiles.labels[self._index]
        return f"{self._tiles.class_names[label]}, {self._tiles.filenames[self._index]}{kind}"

    def code(self) -> str:
        """The expression that gives this tile, where ``tiles`` is what the explorer was given."""
        if self._is_own:
            return f"ei.data.read_tile({self._file_name!r})"
        return f"tiles.images[[{self._index}]]"

    @property
    def _is_own(self):
        return self._class.value == OWN_PICTURE

    @property
    def _index(self):
        return self._members[self._number.value]

    def _take_class(self, event=None):
        self._number.disabled = self._is_own
        if self._is_own:
            return
        if self._class.value == EVERY_CLASS:
            self._members = np.arange(len(self._tiles))
        else:
            label = self._tiles.class_names.index(self._class.value)
            self._members = np.flatnonzero(self._tiles.labels == label)
        self._number.max = len(self._members) - 1

    def _take_another(self, button):
        if self._is_own:
            self._class.value = EVERY_CLASS
        count = len(self._members)
        self._number.value = (self._number.value + self._random.integers(1, max(2, count))) % count

    def _take_upload(self, event):
        if not self._upload.value:
            return
        name, content = uploaded_file(self._upload.value)
        try:
            picture = data.read_tile(io.BytesIO(content))
        except ValueError as problem:
            self._refused(problem)
            return
        self._file_name, self._picture = name, picture
        if OWN_PICTURE not in self._class.options:
            self._class.options = (*self._class.options, OWN_PICTURE)
        self._class.value = OWN_PICTURE
        # A second picture changes no control.
        self._changed(event)


def uploaded_file(value: dict | Sequence[dict]) -> tuple[str, bytes]:
    """Name and content of the last file of ``FileUpload.value``.

    Args:
        value: a dictionary from the name to the file in ipywidgets 7, a sequence of files in 8.
    """
    if isinstance(value, dict):
        name, file = list(value.items())[-1]
        return name, bytes(file["content"])
    return value[-1]["name"], bytes(value[-1]["content"])
