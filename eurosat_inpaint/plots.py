"""Every picture and table in the series, in one style. See any notebook."""

import re
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from itertools import cycle
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from matplotlib.textpath import TextPath

from eurosat_inpaint._checks import (
    as_masks,
    as_reals,
    as_tiles,
    require_integer,
    require_labels,
)

# Okabe and Ito's colour-blind-safe palette; the first colours in the order of use.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
# Every method has one colour and one marker in the whole series.
METHODS = {
    "U-Net": ("#0072B2", "o"),
    "GAN": ("#D55E00", "D"),
    "W-Net": ("#009E73", "^"),
    "push-pull": ("#E69F00", "s"),
    "nearest": ("#CC79A7", "v"),
    "Navier-Stokes": ("#56B4E9", "P"),
    "Telea": ("#8C564B", "X"),
    "biharmonic": ("#7F7F00", "*"),
    "mean": ("0.6", "<"),
    "control": ("#332288", ">"),
    "U-Net, noise": ("#882255", "p"),
    "truth": ("#000000", "h"),
}
ERROR_COLOURS = "magma"
# What no land looks like. Black, which holes are to a computer, is lost beside a dark forest.
HOLE_COLOUR = (0.93, 0.80, 0.97)
# A figure's pixels as a page counts them; notebooks hold two of the screen's for each.
_DOTS = 96
_NARROWEST_TILE, _WIDEST_ROW, _GAP = 110, 900, 4
_LINE_HEIGHT = 17

STYLE = {
    "axes.grid": True,
    "axes.prop_cycle": plt.cycler(color=COLOURS),
    "axes.spines.right": False,
    "axes.spines.top": False,
    "figure.constrained_layout.use": True,
    "figure.dpi": _DOTS,
    "font.size": 10,
    "grid.alpha": 0.3,
    "image.cmap": "gray",
    "image.interpolation": "nearest",
    "legend.frameon": False,
}


def use_style() -> None:
    """Set the style of the series for all figures that follow; in a notebook, sharp ones."""
    plt.rcParams.update(STYLE)
    if "inline" in plt.get_backend():
        from matplotlib_inline.backend_inline import set_matplotlib_formats

        # As large as was asked for: what is cropped no longer falls on whole pixels.
        set_matplotlib_formats("retina", bbox_inches=None)


def tint_holes(tiles: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """Pictures of masked tiles, with holes in one pale colour that the land does not have.

    Args:
        tiles: uint8, or float in [0, 1], whole or masked, shape (n, height, width, 3).
        masks: 1 = known, 0 = hole, shape (n, height, width, 1).

    Returns:
        float32 in [0, 1], shape (n, height, width, 3); for the eye, not for a network.

    Raises:
        TypeError: for tiles or masks that are no arrays of numbers.
        ValueError: for other shapes or values.

    Example:
        >>> tint_holes(np.zeros((1, 2, 2, 3)), np.array([1, 0, 0, 1]).reshape(1, 2, 2, 1))[0, 0]
        array([[0.  , 0.  , 0.  ],
               [0.93, 0.8 , 0.97]], dtype=float32)
    """
    tiles = as_tiles("tiles", tiles).astype(np.float32)
    masks = as_masks("masks", masks, tiles.shape)
    return np.where(masks == 1, tiles, np.asarray(HOLE_COLOUR, np.float32))


def show_tiles(
    rows: Sequence[Sequence[np.ndarray]],
    row_labels: Sequence[str] | None = None,
    column_labels: Sequence[str] | None = None,
    source: str | None = None,
) -> Figure:
    """Show a grid of tiles, masks or maps.

    Args:
        rows: sequence of rows, each a sequence of images: uint8 or float in [0, 1], shape
            (height, width, 3), (height, width, 1) or (height, width). Floats outside are shown as
            the nearer of 0 and 1.
        row_labels: a word or two per row, written at its left, from the first on. The last rows may
            have none; labels beyond them are left out.
        column_labels: a word or two per column, written above it, likewise, in as many lines as
            they need.
        source: where the tiles come from; "synthetic" is said in the picture.

    Returns:
        The matplotlib figure.

    Raises:
        TypeError: for an image that does not hold numbers.
        ValueError: for an image of another shape or with NaN, or no image at all.

    Example:
        >>> tile, mask = np.full((64, 64, 3), 0.5), np.zeros((64, 64, 1))
        >>> figure = show_tiles([[tile, mask, tile * mask]], None, ["truth", "mask", "masked"])
        >>> [axis.get_title() for axis in figure.axes]
        ['truth', 'mask', 'masked']
    """
    rows = [
        [_as_picture(f"rows[{i}][{j}]", image) for j, image in enumerate(row)]
        for i, row in enumerate(_as_list("rows", rows))
    ]
    columns = max(map(len, rows))
    if columns == 0:
        raise ValueError("rows must hold at least one image, got none")
    row_labels, column_labels = (
        [] if labels is None else _as_list(name, labels, 0)
        for name, labels in (("row_labels", row_labels), ("column_labels", column_labels))
    )
    side = max(image.shape[1] for row in rows for image in row)
    tallest = max(image.shape[0] / image.shape[1] for row in rows for image in row)
    # In whole multiples of a tile's pixels, or some would be drawn wider than others.
    width = side * -(-_NARROWEST_TILE // side) if side < _NARROWEST_TILE else side
    width = min(width, max(_NARROWEST_TILE, _WIDEST_ROW // columns))
    height = round(width * tallest)
    titles = [_broken(str(label), width) for label in column_labels[:columns]]
    left = max([_text_width(str(label)) + 16 for label in row_labels[: len(rows)]], default=0)
    top = max([_LINE_HEIGHT * (title.count("\n") + 1) for title in titles], default=0) + _GAP
    bottom = _LINE_HEIGHT + 2 * _GAP if source == "synthetic" else _GAP
    total = left + columns * (width + _GAP), top + len(rows) * (height + _GAP) + bottom - _GAP
    figure = plt.figure(figsize=(total[0] / _DOTS, total[1] / _DOTS), dpi=_DOTS, layout="none")
    for i, row in enumerate(rows):
        for j, image in enumerate(row):
            corner = left + j * (width + _GAP), total[1] - top - i * (height + _GAP) - height
            place = (corner[0] / total[0], corner[1] / total[1])
            axis = figure.add_axes((*place, width / total[0], height / total[1]))
            axis.set(xticks=[], yticks=[])
            axis.grid(False)
            axis.set_frame_on(False)
            axis.imshow(image, vmin=0, vmax=255 if image.dtype == np.uint8 else 1)
            if i == 0 and j < len(titles):
                axis.set_title(titles[j], fontsize=10, pad=3)
            if j == 0 and i < len(row_labels):
                axis.set_ylabel(row_labels[i], rotation=0, ha="right", va="center", labelpad=5)
    say_synthetic(figure, source)
    return figure


def _text_width(text: str) -> float:
    """Width of what is written, in a page's pixels."""
    widths = [TextPath((0, 0), line, size=10).get_extents().width for line in text.split("\n")]
    return max(widths) * _DOTS / 72


def _broken(text: str, width: float) -> str:
    """The text in lines of that width, broken between its words or before a capital."""
    lines = []
    for line in text.split("\n"):
        first, *others = re.findall(r"[^ A-Z]*[A-Z]?[^ A-Z]* ?|.", line) if line else [""]
        lines.append(first)
        for word in others:
            if _text_width(lines[-1] + word) > width:
                lines.append(word)
            else:
                lines[-1] += word
    return "\n".join(line.strip() for line in lines)


def say_synthetic(figure: Figure, source: str | None) -> None:
    """Write under a figure that its tiles are synthetic, where they are."""
    if source == "synthetic":
        figure.supxlabel("synthetic tiles", fontsize=9, color="0.4")


def show_maps(
    maps: Sequence[np.ndarray],
    titles: Sequence[str],
    label: str,
    source: str | None = None,
    *,
    colours: str = "viridis",
    largest: float | None = None,
    axis_labels: tuple[str, str] = ("column", "row"),
) -> Figure:
    """Show maps over the tile side by side, with one colour bar.

    Args:
        maps: sequence of arrays, each of shape (height, width), of one unit; NaN stays blank.
        titles: a few words per map.
        label: what the colour bar shows, with its unit.
        source: where the tiles come from; "synthetic" is said in the picture.
        colours: name of a colour map.
        largest: value at the end of the colour bar, by default the largest of all maps.
        axis_labels: what the numbers along and down the maps are.

    Returns:
        The matplotlib figure.

    Raises:
        TypeError: for a map that does not hold numbers.
        ValueError: for a map of another shape, maps without any number but NaN, not as many titles
            as maps, or unknown ``colours``.
    """
    maps = [
        as_reals(f"maps[{i}]", values, "height", "width")
        for i, values in enumerate(_as_list("maps", maps))
    ]
    titles = _as_list("titles", titles, len(maps))
    colours = plt.get_cmap(colours)
    known = np.concatenate([values[~np.isnan(values)] for values in maps])
    if known.size == 0:
        raise ValueError("maps must hold at least one number that is not NaN")
    largest = known.max() if largest is None else largest
    width = min(2.9, 9 / len(maps))
    size = (width * len(maps) + 0.9, width)
    figure, axes = plt.subplots(1, len(maps), figsize=size, squeeze=False)
    for axis, values, title in zip(axes[0], maps, titles, strict=True):
        picture = axis.imshow(values, vmin=0, vmax=largest, cmap=colours)
        axis.set_title(title, fontsize=10)
        ends = [np.array([0, side // 2, side - 1]) for side in values.shape]
        axis.set(xticks=ends[1], yticks=ends[0])
        axis.grid(False)
        axis.set_frame_on(False)
    axes[0, 0].set(xlabel=axis_labels[0], ylabel=axis_labels[1])
    figure.colorbar(picture, ax=axes[0].tolist(), label=label, shrink=0.9)
    say_synthetic(figure, source)
    return figure


def show_curves(
    x: np.ndarray,
    curves: Mapping[str, np.ndarray],
    xlabel: str,
    ylabel: str,
    source: str | None = None,
    *,
    logarithmic: bool = False,
    limits: tuple[float | None, float | None] = (None, None),
) -> Figure:
    """Draw curves over a common axis, each with its name at its end.

    Methods of :data:`METHODS` have their colour and marker; markers tell the others apart, too.

    Args:
        x: shape (k,).
        curves: dictionary from a label to values of shape (k,); NaN leaves a gap.
        xlabel, ylabel: what the axes show, with units.
        source: where the tiles come from; "synthetic" is said in the picture.
        logarithmic: both axes in powers of ten.
        limits: least and largest value that is shown; None is that of the curves.

    Returns:
        The matplotlib figure.

    Raises:
        TypeError: for what are no numbers.
        ValueError: if there are no curves, or one has not as many values as ``x``.
    """
    x = as_reals("x", x, "k")
    curves = {
        label: as_reals(f"curves[{label!r}]", values, len(x))
        for label, values in _as_mapping("curves", curves).items()
    }
    figure, axis = plt.subplots(figsize=(7.2, 3.4))
    taken = {METHODS[label][0] for label in curves if label in METHODS}
    free = [colour for colour in COLOURS if colour not in taken]
    others = zip(cycle(free or COLOURS), cycle("os^Dv*PX<"), strict=False)
    for label, values in curves.items():
        colour, marker = METHODS[label] if label in METHODS else next(others)
        step = max(1, len(x) // 10)
        axis.plot(x, values, color=colour, marker=marker, markevery=step, label=label)
    if logarithmic:
        axis.set(xscale="log", yscale="log")
    axis.set(xlabel=xlabel, ylabel=ylabel, ylim=limits)
    name_curves(axis)
    say_synthetic(figure, source)
    return figure


def name_curves(axis: Any) -> None:
    """Write the names of an axis' lines at their right ends, in place of a legend.

    Call it when scales and limits are set. Names that would overlap are moved apart, and joined to
    their lines.

    Args:
        axis: the matplotlib axes, whose lines were drawn with ``label=``.
    """
    axis.autoscale_view()
    to_axes = axis.transData + axis.transAxes.inverted()
    ends = []
    for line in axis.lines:
        points = np.column_stack(line.get_data()).astype(float)
        drawn = to_axes.transform(points)
        seen = np.isfinite(drawn).all(axis=1)
        if seen.any() and not line.get_label().startswith("_"):
            ends.append((drawn[seen][-1, 1].clip(0, 1), points[seen][-1], line))
    ends.sort(key=lambda end: end[0])
    # Of the axis in points, before the layout is made.
    height = 72 * axis.figure.get_figheight() * axis.get_position().height
    gaps = [1.25 * 9 * (end[2].get_label().count("\n") + 1) / height for end in ends]
    places = np.array([end[0] for end in ends])
    for k in range(1, len(places)):
        places[k] = max(places[k], places[k - 1] + (gaps[k - 1] + gaps[k]) / 2)
    if len(places):
        places[-1] = min(places[-1], 1)
    for k in range(len(places) - 1, 0, -1):
        places[k - 1] = min(places[k - 1], places[k] - (gaps[k - 1] + gaps[k]) / 2)
    for (height_of_end, point, line), place, gap in zip(ends, places, gaps, strict=True):
        moved = abs(place - height_of_end) > gap / 2
        colour = line.get_color()
        axis.annotate(
            line.get_label(),
            point,
            (1.03, place),
            textcoords="axes fraction",
            color=colour,
            fontsize=9,
            va="center",
            annotation_clip=False,
            arrowprops={"arrowstyle": "-", "color": colour, "linewidth": 0.6} if moved else None,
        )


def show_intervals(
    rows: Sequence[Mapping], score: str, xlabel: str, source: str | None = None
) -> Figure:
    """Draw one score of several methods: a dot, and a bar over its 95 % interval.

    Args:
        rows: what ``metrics.compare`` returns; the first method is drawn on top.
        score: name of a score that has an interval.
        xlabel: what the score is, with its unit.
        source: where the tiles come from; "synthetic" is said in the picture.

    Returns:
        The matplotlib figure.

    Raises:
        TypeError: for rows that are no dictionaries.
        ValueError: if there are no rows, or one has no such score with an interval.
    """
    rows = [_as_mapping(f"rows[{i}]", row) for i, row in enumerate(_as_list("rows", rows))]
    parts = ("value", "low", "high")
    try:
        value, low, high = ([float(row[score][part]) for row in rows] for part in parts)
    except (KeyError, IndexError, TypeError) as problem:
        raise ValueError(f"rows must each have score {score!r} with an interval") from problem
    figure, axis = plt.subplots(figsize=(7.2, 0.9 + 0.3 * len(rows)))
    places = np.arange(len(rows))
    colours = [METHODS.get(row.get("name", ""), COLOURS)[0] for row in rows]
    axis.hlines(places, low, high, colours, linewidth=3)
    axis.plot(value, places, "o", color="white", markeredgecolor="black")
    axis.set_yticks(places, [row.get("name", "") for row in rows])
    axis.set(xlabel=xlabel, ylim=(len(rows) - 0.5, -0.5))
    say_synthetic(figure, source)
    return figure


def show_histograms(
    samples: Mapping[str, np.ndarray], xlabel: str, source: str | None = None
) -> Figure:
    """Draw outlined histograms over each other, 60 bins on a common axis.

    Args:
        samples: dictionary from a label to values of shape (n,), n free.
        xlabel: what the values are, with their unit.
        source: where the tiles come from; "synthetic" is said in the picture.

    Returns:
        The matplotlib figure.

    Raises:
        TypeError: for what are no numbers.
        ValueError: if there are no samples, or one is empty or holds NaN or infinity.
    """
    samples = {
        label: _as_finite(f"samples[{label!r}]", values, "n")
        for label, values in _as_mapping("samples", samples).items()
    }
    figure, axis = plt.subplots(figsize=(7.2, 2.8))
    bins = np.histogram_bin_edges(np.concatenate(list(samples.values())), 60)
    for (label, values), colour in zip(samples.items(), cycle(COLOURS), strict=False):
        heights, _, _ = axis.hist(
            values, bins, density=True, histtype="stepfilled", alpha=0.6, color=colour
        )
        top = np.argmax(heights)
        axis.annotate(
            label,
            (bins[top : top + 2].mean(), heights[top]),
            (0, 4),
            textcoords="offset points",
            color=colour,
            ha="center",
        )
    axis.set(xlabel=xlabel, ylabel="density", yticks=[])
    axis.margins(y=0.15)
    say_synthetic(figure, source)
    return figure


def show_by_class(
    values: np.ndarray,
    labels: np.ndarray,
    class_names: Sequence[str],
    xlabel: str,
    source: str | None = None,
) -> Figure:
    """Draw one bar per class: its middle half thick, its middle four fifths thin, its median.

    Args:
        values: one number per tile, shape (n,).
        labels: class of each tile, integers of shape (n,).
        class_names: names of the classes; they are ordered by their median.
        xlabel: what the values are, with their unit.
        source: where the tiles come from; "synthetic" is said in the picture.

    Returns:
        The matplotlib figure.

    Raises:
        TypeError: for values that are no numbers, or labels that are no integers.
        ValueError: for NaN or infinity, other shapes, a label without a name, or a class without
            a value.
    """
    values, class_names = _as_finite("values", values, "n"), _as_list("class_names", class_names)
    labels = np.asarray(labels)
    require_labels("labels", labels, len(values), len(class_names))
    if missing := set(range(len(class_names))) - set(labels.tolist()):
        names = ", ".join(str(class_names[label]) for label in sorted(missing))
        raise ValueError(f"labels must hold every class, there is no value of {names}")
    figure, axis = plt.subplots(figsize=(7.2, 3.4))
    quantiles = [
        np.quantile(values[labels == label], (0.1, 0.25, 0.5, 0.75, 0.9))
        for label in range(len(class_names))
    ]
    order = np.argsort([row[2] for row in quantiles])
    tenth, quarter, median, three_quarters, nine_tenths = np.array(quantiles)[order].T
    places = np.arange(len(order))
    axis.hlines(places, tenth, nine_tenths, COLOURS[0], linewidth=1.5)
    axis.hlines(places, quarter, three_quarters, COLOURS[0], linewidth=7)
    axis.plot(median, places, "o", color="white", markeredgecolor="black")
    axis.set_yticks(places, [class_names[label] for label in order])
    axis.set(xlabel=xlabel)
    say_synthetic(figure, source)
    return figure


def show_shares(
    shares: np.ndarray,
    class_names: Sequence[str],
    titles: Sequence[str],
    xlabel: str,
    source: str | None = None,
    *,
    colours: Sequence[str] = COLOURS,
) -> Figure:
    """Draw what falls to each of a few kinds, class by class: stacked bars, hatched.

    Args:
        shares: shape (kinds, classes).
        class_names: names of the classes, from the top.
        titles: a few words per kind.
        xlabel: what the shares are of.
        source: where the tiles come from; "synthetic" is said in the picture.
        colours: one per kind.

    Returns:
        The matplotlib figure.

    Raises:
        TypeError: for shares that are no numbers.
        ValueError: if there is not one for each kind and class.
    """
    class_names, titles = _as_list("class_names", class_names), _as_list("titles", titles)
    shares = as_reals("shares", shares, len(titles), len(class_names))
    colours = _as_list("colours", colours)
    figure, axis = plt.subplots(figsize=(7.2, 3.4))
    start = np.zeros(len(class_names))
    for values, title, colour, hatch in zip(
        shares, titles, cycle(colours), cycle(("//", "..", "", "xx")), strict=False
    ):
        axis.barh(
            class_names, values, left=start, color=colour, hatch=hatch, edgecolor="w", label=title
        )
        start = start + values
    axis.invert_yaxis()
    axis.set(xlabel=xlabel)
    axis.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
    say_synthetic(figure, source)
    return figure


def show_class_colours(
    means: np.ndarray, class_names: Sequence[str], source: str | None = None
) -> Figure:
    """Draw the mean of red, green and blue of each class.

    Args:
        means: shape (classes, 3), on the 0..1 scale.
        class_names: names of the classes.
        source: where the tiles come from; "synthetic" is said in the picture.

    Returns:
        The matplotlib figure.

    Raises:
        TypeError: for means that are no numbers.
        ValueError: if there are not three for each class.
    """
    class_names = _as_list("class_names", class_names)
    means = as_reals("means", means, len(class_names), 3)
    figure, axis = plt.subplots(figsize=(7.2, 3.4))
    places = np.arange(len(class_names))[::-1]
    axis.hlines(places, np.min(means, axis=1), np.max(means, axis=1), "0.7", zorder=1)
    channels = (("red", "o", COLOURS[1]), ("green", "s", COLOURS[2]), ("blue", "^", COLOURS[0]))
    for values, (channel, marker, colour) in zip(np.transpose(means), channels, strict=True):
        axis.scatter(values, places, marker=marker, color=colour, label=channel)
    axis.set_yticks(places, class_names)
    axis.set(xlabel="mean of the channel (0 = dark, 1 = bright)")
    axis.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
    say_synthetic(figure, source)
    return figure


def show_lines(
    masks: Sequence[np.ndarray],
    ends: Sequence[tuple[float, float]],
    titles: Sequence[str],
    rows: tuple[int, int] | None = None,
) -> Figure:
    """Show drawn lines pixel by pixel, with the ideal line over them.

    Args:
        masks: sequence of arrays of shape (size, size), 1 = painted.
        ends: for each of them the columns (top, bottom) of the ideal line on first and last row.
        titles: a few words per picture.
        rows: show the rows from rows[0] up to rows[1] only.

    Returns:
        The matplotlib figure.

    Raises:
        TypeError: for masks or ends that are no numbers.
        ValueError: for other shapes, not as many ends or titles as masks, or rows in which nothing
            is painted.
    """
    masks = [
        as_reals(f"masks[{i}]", mask, "size", "size")
        for i, mask in enumerate(_as_list("masks", masks))
    ]
    ends = as_reals("ends", _as_list("ends", ends), len(masks), 2)
    titles = _as_list("titles", titles, len(masks))
    columns: Any = None
    if rows is not None:
        first, last = _as_list("rows", rows, 2)
        require_integer("rows[0]", first, 0)
        require_integer("rows[1]", last, first + 1)
        painted = [np.any(mask[first:last], axis=0).nonzero()[0] for mask in masks]
        columns = np.concatenate(painted)
        if columns.size == 0:
            raise ValueError(f"rows must be such that something is painted there, got {rows!r}")
    figure, axes = plt.subplots(1, len(masks), figsize=(2.9 * len(masks), 3.0), squeeze=False)
    for axis, mask, (top, bottom), title in zip(axes[0], masks, ends, titles, strict=True):
        axis.imshow(mask, vmin=0, vmax=1.6)
        axis.plot((top, bottom), (0, len(mask) - 1), color=COLOURS[1])
        axis.set_title(title, fontsize=10)
        axis.grid(False)
        if rows is not None:
            axis.set(ylim=(last - 0.5, first - 0.5))
            axis.set(xlim=(columns.min() - 1.5, columns.max() + 1.5))
        axis.locator_params(integer=True)
    axes[0, 0].set(xlabel="column", ylabel="row")
    return figure


def show_network(network: Any, title: str = "") -> Figure:
    """Draw a network from its own description: what follows what, at which resolution.

    Convolutions of one resolution that follow each other are a block, as high as it is fine. Lambda
    layers and networks inside the network are blocks of their own. Arcs skip the blocks between.

    Args:
        network: a functional Keras model.
        title: a few words above it.

    Returns:
        The matplotlib figure.

    Raises:
        TypeError: if it is no functional Keras model.
    """
    if not hasattr(network, "operations"):
        raise TypeError(f"network must be a functional Keras model, got {type(network).__name__}")
    blocks, block_of = _blocks_of(network)
    figure, axis = plt.subplots(figsize=(9.2, 3.2))
    heights = [0.6 + np.log2(block["side"]) for block in blocks]
    for place, (block, height) in enumerate(zip(blocks, heights, strict=True)):
        colour = COLOURS[4] if block["name"] else COLOURS[0]
        axis.bar(place, height, width=0.62, bottom=-height / 2, color=colour, alpha=0.75)
        side, channels = block["side"], block["channels"]
        inside = block["name"].replace("_", " ") or f"{side} x {side}\nx {channels}"
        turned = 90 if block["name"] else 0
        axis.text(place, 0, inside, ha="center", va="center", rotation=turned, fontsize=8)
        if block["convolutions"]:
            said = f"{block['convolutions']} conv."
            axis.text(place, -height / 2 - 0.15, said, ha="center", va="top", fontsize=8)
    edges = {
        (block_of[source], block_of[operation.name])
        for operation in network.operations
        for source in _sources_of(operation)
    }
    for start, end in sorted(edges):
        arrow = {"arrowstyle": "->", "color": "0.35", "linewidth": 0.9}
        if end == start + 1:
            axis.annotate("", (end - 0.33, 0), (start + 0.33, 0), arrowprops=arrow)
        elif end > start:
            arrow["connectionstyle"] = f"arc3,rad={-min(0.4, 0.9 / (end - start))}"
            tops = (start, heights[start] / 2), (end, heights[end] / 2)
            axis.annotate("", *tops[::-1], arrowprops=arrow)
    # Few blocks do not become broad ones.
    middle, half = (len(blocks) - 1) / 2, max(len(blocks), 8) / 2
    axis.set(xlim=(middle - half, middle + half))
    axis.set(ylim=(-max(heights) / 2 - 0.9, max(heights) / 2 + 1.9))
    axis.set_axis_off()
    axis.set_title(title, fontsize=10)
    return figure


def _sources_of(operation):
    """Names of the operations whose output this one takes, in the network."""
    return [
        tensor._keras_history.operation.name
        for node in operation._inbound_nodes
        for tensor in node.input_tensors
    ]


def _blocks_of(network):
    """Blocks for :func:`show_network`, and the number of the block by the operation's name."""
    blocks: list[dict] = []
    block_of: dict[str, int] = {}
    for operation in network.operations:
        kind = type(operation).__name__
        convolves = kind in ("Conv2D", "Conv2DTranspose")
        own = hasattr(operation, "operations") or kind == "Lambda"
        shape = operation.output.shape
        _, side, _, channels = (*shape, 1, 1, 1)[:4]
        if kind == "InputLayer":
            number = 0
        elif convolves or own:
            number = len(blocks)
        else:
            # Sums and the like belong to what came before them, or to what comes next where their
            # resolution is another one.
            number = max(block_of[source] for source in _sources_of(operation))
            if number < len(blocks) and len(shape) == 4 and side != blocks[number]["side"]:
                number = len(blocks)
        if convolves and blocks[-1]["side"] == side and not blocks[-1]["name"]:
            number -= 1
        if number == len(blocks) and (convolves or own or not blocks):
            name = operation.name if own else "" if convolves else "input"
            blocks.append({"name": name, "side": side, "channels": 0, "convolutions": 0})
        if convolves:
            blocks[number]["channels"] = max(channels, blocks[number]["channels"])
            blocks[number]["convolutions"] += 1
        block_of[operation.name] = number
    # What follows the last block belongs to it.
    return blocks, {name: min(number, len(blocks) - 1) for name, number in block_of.items()}


class Table:
    """What :func:`show_table` returns: HTML in a notebook, aligned text in a terminal."""

    def __init__(self, header: list[str], rows: list[list[str]], caption: str):
        self.header, self.rows, self.caption = header, rows, caption

    def _repr_html_(self) -> str:
        def row(tag, cells):
            first, *others = (escape(cell) for cell in cells)
            others = "".join(f'<{tag} style="text-align: right">{cell}</{tag}>' for cell in others)
            return f'<tr><{tag} style="text-align: left">{first}</{tag}>{others}</tr>'

        lines = [f'<caption style="text-align: left">{escape(self.caption)}</caption>']
        lines += [f"<thead>{row('th', self.header)}</thead>", "<tbody>"]
        lines += [row("td", cells) for cells in self.rows] + ["</tbody>"]
        return "<table>\n" + "\n".join(lines) + "\n</table>"

    def __repr__(self) -> str:
        every = [self.header, *self.rows]
        widths = [max(map(len, column)) for column in zip(*every, strict=True)]
        lines = [
            "  ".join([first.ljust(widths[0]), *map(str.rjust, others, widths[1:])]).rstrip()
            for first, *others in every
        ]
        return "\n".join([self.caption, *lines])


def show_table(
    columns: Mapping[str, str],
    rows: Mapping[str, Sequence],
    caption: str,
    source: str | None = None,
    corner: str = "",
) -> Table:
    """Show numbers as a table.

    Args:
        columns: format of the numbers by title of the column, such as ``{"MSE": ".5f"}``.
        rows: cells by the label at the left, as many as columns: a number; a pair of numbers, which
            is an interval; or text, which is shown as it is.
        caption: what the table holds.
        source: where the tiles come from; "synthetic" is said in the caption.
        corner: title of the column of labels.

    Returns:
        The table, shown where it is the last expression of a cell.

    Raises:
        TypeError: if ``columns`` or ``rows`` is no dictionary.
        ValueError: if a row has not as many cells as there are columns, or a cell does not go with
            its format; it names the row.

    Example:
        >>> columns = {"MSE": ".3f", "95 % interval": ".3f"}
        >>> show_table(columns, {"mean": (0.25, (0.2, 0.3))}, "Fills")
        Fills
                MSE   95 % interval
        mean  0.250  [0.200, 0.300]
    """
    columns = _as_mapping("columns", columns)
    if not isinstance(rows, Mapping):
        raise TypeError(f"rows must be a dictionary, got {type(rows).__name__}")
    rows = {label: _as_list(f"rows[{label!r}]", cells, 0) for label, cells in rows.items()}
    for label, cells in rows.items():
        if len(cells) != len(columns):
            raise ValueError(f"rows[{label!r}] must have {len(columns)} cells, got {len(cells)}")

    def text(cell, form):
        if isinstance(cell, str):
            return cell
        if isinstance(cell, tuple):
            return f"[{', '.join(format(end, form) for end in cell)}]"
        return format(cell, form)

    body = []
    for label, cells in rows.items():
        try:
            shown = [text(*pair) for pair in zip(cells, columns.values(), strict=True)]
        except (TypeError, ValueError) as problem:
            raise ValueError(
                f"rows[{label!r}] does not go with its formats: {problem}"
            ) from problem
        body.append([str(label), *shown])
    said = f"{caption} (synthetic tiles)" if source == "synthetic" else str(caption)
    return Table([str(corner), *map(str, columns)], body, said)


def _as_list(name: str, values: Iterable, count: int | None = None) -> list:
    """The members of a sequence, one at least, or ``count`` of them where that is not 0."""
    if isinstance(values, (str, bytes, Mapping)) or not isinstance(values, Iterable):
        raise TypeError(f"{name} must be a sequence, got {values!r}")
    members = list(values)
    if count is None and not members:
        raise ValueError(f"{name} must not be empty")
    if count and len(members) != count:
        raise ValueError(f"{name} must hold {count}, got {len(members)}")
    return members


def _as_mapping(name: str, values: Mapping) -> Mapping:
    if not isinstance(values, Mapping):
        raise TypeError(f"{name} must be a dictionary, got {type(values).__name__}")
    if not values:
        raise ValueError(f"{name} must not be empty")
    return values


def _as_finite(name: str, values: Any, *shape: int | str) -> np.ndarray:
    values = as_reals(name, values, *shape)
    if not np.isfinite(values).all():
        raise ValueError(f"{name} must be finite")
    return values


def _as_picture(name: str, image: Any) -> np.ndarray:
    """An image as Matplotlib shows it: (height, width), or with three channels."""
    image = as_reals(name, image, *("height", "width", "channels")[: max(2, np.ndim(image))])
    if image.ndim == 3 and image.shape[2] not in (1, 3):
        raise ValueError(f"{name} must have 1 or 3 channels, got shape {image.shape}")
    if np.isnan(image).any():
        raise ValueError(f"{name} must not hold NaN")
    if image.dtype != np.uint8:
        # Matplotlib would shift the colours of integers, and complain of what lies outside.
        image = np.clip(image.astype(np.float32), 0, 1)
    return image[..., 0] if image.ndim == 3 and image.shape[2] == 1 else image
