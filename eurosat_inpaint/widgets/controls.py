"""What the explorers are operated with: the controls that choose a mask and a tile."""

import inspect
import io
import os
import re
from collections.abc import Callable, Sequence
from typing import Any

import ipywidgets
import numpy as np

from eurosat_inpaint import data, masks

# Label, lowest and highest value of what sets a parameter of a mask family.
_CONTROLS = {
    "lines": ("Number of lines", 1, 30),
    "thickness": ("Thickness (px)", 1, 9),
    "include_last_column": ("End in last column",),
    "angles": ("Angles (degrees)", -180, 180),
    "boxes": ("Number of boxes", 1, 20),
    "sides": ("Sides (px)", 1, 64),
    "strokes": ("Number of strokes", 1, 20),
    "widths": ("Brush width (px)", 1, 24),
    "groups": ("Number of groups", 1, 20),
    "widest": ("Widest group (px)", 1, 16),
    "period": ("Gap distance (px)", 2, 64),
    "widest_gap": ("Widest gap (px)", 1, 63),
    "scene_width": ("Scene width (px)", 64, 1024),
    "tilt": ("Tilt (degrees)", -45, 45),
    "position": ("Place (-1 to 1)", -1, 1),
    "scale": ("Cloud size (px)", 4, 64),
    "octaves": ("Layers of noise", 1, 6),
    "roughness": ("Roughness (0-1)", 0, 1),
    "coverage": ("Coverage (%)", 5, 95),
}
_LABELS = {("lines", "thickness"): "OpenCV thickness"}
_FAMILY_LABELS = {"scan_line_gaps": "scan-line gaps"}
# What is None by default is set only where its box is ticked, and starts at this value.
_CHOICES = {
    "coverage": ("Ask for a coverage", 0.5),
    "position": ("Choose the place", 0.0),
}
# Of these a family draws as many as the coverage takes, where one is asked for.
_COUNTS = ("lines", "boxes", "strokes", "groups")
_SEEDS = 1000
# Of a family with most controls, so that what lies below stays where it is.
_ROWS = 6
ROW_HEIGHT = 28

EVERY_CLASS, OWN_PICTURE = "any class", "your own picture"
# A tile of it that is in sight says more of a restoration than any other.
_CLASS_TO_START_WITH = "River"

# A server refuses longer messages and closes the connection without a word. Tornado's own limit,
# in millions of bytes and rounded down; whoever raises it says so in this variable.
UPLOAD_VARIABLE = "EUROSAT_INPAINT_UPLOAD_MEGABYTES"
_UPLOAD_MEGABYTES = 10


def labelled(kind: type, label: str, **traits: Any) -> ipywidgets.Widget:
    """An ipywidget of a kind with a label before it; all controls begin and end at one line."""
    style = {"description_width": "116px"}
    return kind(description=label, style=style, layout={"width": "100%"}, **traits)


def button(label: str, pressed: Callable) -> ipywidgets.Button:
    """A button as wide as its words."""
    made = ipywidgets.Button(description=label, layout={"width": "auto", "flex": "1 1 auto"})
    made.on_click(pressed)
    return made


def upload_megabytes() -> float:
    """Millions of bytes that a picture may have to be uploaded."""
    return float(os.environ.get(UPLOAD_VARIABLE, _UPLOAD_MEGABYTES))


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
        height = f"{_ROWS * ROW_HEIGHT}px"
        self._parameters = ipywidgets.VBox(layout={"height": height, "overflow": "visible"})
        self._seed = labelled(ipywidgets.IntSlider, "Mask (seed)", max=_SEEDS - 1)
        self.another = button("Another mask", self._take_next_seed)
        self.widgets = [self._family, self._parameters, self._seed]
        self._show_family()
        self._family.observe(self._show_family, "value")
        self._family.observe(changed, "value")
        self._seed.observe(changed, "value")

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

    def in_words(self, message: str) -> str:
        """A message of the package with the labels of controls in place of parameters."""
        labels = self._families[self.family].labels()
        return re.sub(rf"\b({'|'.join(labels)})\b", lambda found: f'"{labels[found[1]]}"', message)

    def reset(self) -> None:
        """As at the start: the first family, the defaults of each, the first seed."""
        for controls in self._families.values():
            controls.reset()
        self._family.index = 0
        self._seed.value = 0

    def _show_family(self, event=None):
        """Swap the sliders; a family that was chosen before keeps its values."""
        if self.family not in self._families:
            self._families[self.family] = _FamilyControls(
                self.family, self._changed, self._show_family
            )
        self._parameters.children = self._families[self.family].shown()

    def _take_next_seed(self, pressed):
        self._seed.value = (self._seed.value + 1) % _SEEDS


class _FamilyControls:
    """One control for each parameter of a family, as its signature has them."""

    def __init__(self, family, changed, rearrange):
        self._controls, self._boxes = {}, {}
        for name, parameter in inspect.signature(masks.FAMILIES[family]).parameters.items():
            if name in ("n", "size", "seed"):
                continue
            start = parameter.default
            if start is None:
                label, start = _CHOICES[name]
                self._boxes[name] = labelled(ipywidgets.Checkbox, label)
                self._boxes[name].observe(rearrange, "value")
            self._controls[name] = _control(family, name, start)
        every = (*self._controls.values(), *self._boxes.values())
        self._start = [(control, control.value) for control in every]
        for control in every:
            control.observe(changed, "value")

    def reset(self):
        for control, value in self._start:
            control.value = value

    def labels(self):
        return {name: control.description for name, control in self._controls.items()}

    def shown(self):
        """Boxes to tick, and the controls that are used."""
        used, widgets = self._used(), []
        for name, control in self._controls.items():
            widgets += [self._boxes[name]] if name in self._boxes else []
            widgets += [control] if name in used else []
        return widgets

    def parameters(self):
        values = {}
        for name in self._used():
            value = self._controls[name].value
            # Of a tick box only a tick is worth saying.
            if value is False:
                continue
            if name == "coverage":
                value /= 100
            values[name] = round(value, 2) if isinstance(value, float) else value
        return values

    def _used(self):
        unticked = {name for name, box in self._boxes.items() if not box.value}
        if "coverage" in self._boxes and "coverage" not in unticked:
            unticked |= set(_COUNTS)
        return [name for name in self._controls if name not in unticked]


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
    """Class, number and name of one tile; with ``refused``, a picture of one's own instead.

    Args:
        tiles: a ``data.Tiles``.
        changed: called with an event after every change.
        refused: called with the ValueError of a name or picture that cannot be taken.
        own: whether a picture of one's own may take the place of the tile.
        local: whether the reader may name files of the machine that computes.

    Attributes:
        widgets: list of ipywidgets to show.
    """

    def __init__(
        self,
        tiles: data.Tiles,
        changed: Callable,
        refused: Callable,
        *,
        own: bool = False,
        local: bool = True,
    ):
        self._tiles, self._changed, self._refused = tiles, changed, refused
        self._random = np.random.default_rng(0)
        present = [name for k, name in enumerate(tiles.class_names) if k in tiles.labels]
        self._class = labelled(
            ipywidgets.Dropdown, "Class", options=[EVERY_CLASS, *present], value=EVERY_CLASS
        )
        self._number = labelled(ipywidgets.IntSlider, "Tile (number)", max=len(tiles) - 1)
        self._name = labelled(ipywidgets.Text, "Tile (name)", continuous_update=False)
        self.another = button("Another tile", self._take_another)
        self.widgets = [self._class, self._number, self._name]
        self._members, self._picture = np.arange(len(tiles)), tiles.images[:0]
        self.reset()
        self._class.observe(self._take_class, "value")
        self._number.observe(self._take_number, "value")
        self._name.observe(self._take_name, "value")
        if own:
            self._add_own(local)

    def image(self) -> np.ndarray:
        """The tile chosen, uint8 (1, 64, 64, 3)."""
        return self._picture if self._is_own else self._tiles.images[[self.index]]

    def text(self) -> str:
        """What the tile is, in words."""
        if self._is_own:
            return f"{self._file_name}, its middle square resized to 64 x 64 pixels"
        kind = ", synthetic" if self._tiles.source == "synthetic" else ""
        return f"{self._tiles.filenames[self.index]}{kind}"

    def code(self, tiles_name: str) -> str:
        """The expression that gives this tile, where ``tiles_name`` stands for the tiles."""
        if self._is_own:
            return f"ei.data.read_tile({self._file_name!r})"
        return f"{tiles_name}.images[[{self.index}]]"

    @property
    def index(self) -> int:
        """Place of the tile chosen among the tiles; of the last, for a picture of one's own."""
        return int(self._members[self._number.value])

    def reset(self) -> None:
        """As at the start: the river of most contrast, if there is one."""
        self._choose(_worth_a_look(self._tiles))

    def _add_own(self, local):
        limit = f"up to {upload_megabytes():g} MB"
        self._upload = ipywidgets.FileUpload(
            description=f"Upload a picture ({limit})",
            accept=".png,.jpg,.jpeg",
            icon="",
            layout={"width": "100%"},
        )
        self._upload.observe(self._take_upload, "value")
        self.widgets.append(self._upload)
        if local:
            self._path = labelled(ipywidgets.Text, "Picture (path)", continuous_update=False)
            self._path.add_class("explorer-path")
            self._path.observe(self._take_path, "value")
            self.widgets.append(self._path)

    @property
    def _is_own(self):
        return self._class.value == OWN_PICTURE

    def _choose(self, index):
        """Show the tile in this place, among those of any class."""
        self._class.value = EVERY_CLASS
        self._number.value = index
        self._name.value = self._tiles.filenames[index]

    def _take_class(self, event):
        if not self._is_own:
            if self._class.value == EVERY_CLASS:
                self._members = np.arange(len(self._tiles))
            else:
                label = self._tiles.class_names.index(self._class.value)
                self._members = np.flatnonzero(self._tiles.labels == label)
            self._number.max = len(self._members) - 1
            self._name.value = self._tiles.filenames[self.index]
        self._changed(event)

    def _take_number(self, event):
        if self._is_own:
            self._class.value = EVERY_CLASS
        self._name.value = self._tiles.filenames[self.index]
        self._changed(event)

    def _take_name(self, event):
        wanted = event["new"].strip()
        if self._is_own or wanted == self._tiles.filenames[self.index]:
            return
        if wanted not in self._tiles.filenames:
            self._refused(ValueError(f"no tile here is called {wanted!r}"))
            return
        self._choose(self._tiles.filenames.index(wanted))

    def _take_another(self, pressed):
        if self._is_own:
            self._class.value = EVERY_CLASS
        count = len(self._members)
        self._number.value = (self._number.value + self._random.integers(1, max(2, count))) % count

    def _take_upload(self, event):
        if self._upload.value:
            name, content = uploaded_file(self._upload.value)
            self._take_picture(name, io.BytesIO(content), event)

    def _take_path(self, event):
        if path := self._path.value.strip():
            self._take_picture(path, path, event)

    def _take_picture(self, name, file, event):
        try:
            picture = data.read_tile(file)
        except (FileNotFoundError, ValueError) as problem:
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


def _worth_a_look(tiles):
    """Place of the tile of most contrast from one 4 x 4 square to the next, a river if possible."""
    label = tiles.class_names.index(_CLASS_TO_START_WITH)
    rivers = np.flatnonzero(tiles.labels == label)
    candidates = rivers if len(rivers) else np.arange(min(len(tiles), 1000))
    squares = tiles.images[candidates].reshape(-1, 16, 4, 16, 4, 3).mean(axis=(2, 4))
    return int(candidates[squares.std(axis=(1, 2)).mean(axis=-1).argmax()])
