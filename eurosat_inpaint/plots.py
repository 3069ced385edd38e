"""Every picture in the series, in one style. See any notebook."""

import matplotlib.pyplot as plt
import numpy as np

# Okabe and Ito's colour-blind-safe palette; the first colours in the order of use.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
ERROR_COLOURS = "magma"
_TILE_INCHES = 1.05

STYLE = {
    "axes.grid": True,
    "axes.prop_cycle": plt.cycler(color=COLOURS),
    "axes.spines.right": False,
    "axes.spines.top": False,
    "figure.constrained_layout.use": True,
    "figure.dpi": 90,
    "font.size": 10,
    "grid.alpha": 0.3,
    "image.cmap": "gray",
    "image.interpolation": "nearest",
    "legend.frameon": False,
}


def use_style() -> None:
    """Set the style of the series for all figures that follow."""
    plt.rcParams.update(STYLE)


def show_tiles(rows, row_labels=None, column_labels=None, source=None):
    """Show a grid of tiles, masks or maps.

    Args:
        rows: sequence of rows, each a sequence of images: uint8 or float in [0, 1], shape
            (height, width, 3), (height, width, 1) or (height, width).
        row_labels: a word or two per row, written at its left.
        column_labels: a word or two per column, written above it.
        source: where the tiles come from; "synthetic" is said in the picture.

    Returns:
        The matplotlib figure.
    """
    columns = max(len(row) for row in rows)
    figure, axes = plt.subplots(
        len(rows),
        columns,
        figsize=(columns * _TILE_INCHES + (0.9 if row_labels else 0), len(rows) * _TILE_INCHES),
        squeeze=False,
    )
    for axis in axes.flat:
        axis.set(xticks=[], yticks=[])
        axis.grid(False)
        axis.set_frame_on(False)
    for row_axes, row in zip(axes, rows, strict=True):
        for axis, image in zip(row_axes, row, strict=False):
            axis.imshow(np.squeeze(image), vmin=0, vmax=1)
    for axis, label in zip(axes[:, 0], row_labels or [], strict=False):
        axis.set_ylabel(label, rotation=0, ha="right", va="center")
    for axis, label in zip(axes[0], column_labels or [], strict=False):
        axis.set_title(label, fontsize=10)
    say_synthetic(figure, source)
    return figure


def say_synthetic(figure, source) -> None:
    """Write under a figure that its tiles are synthetic, where they are."""
    if source == "synthetic":
        figure.supxlabel("synthetic tiles", fontsize=9, color="0.4")
