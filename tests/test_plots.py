"""Pictures: that they are of what was given, and say so where tiles are synthetic."""

import inspect
import re
from xml.etree import ElementTree

import keras
import matplotlib.pyplot as plt
import numpy as np
import pytest

from eurosat_inpaint import plots
from eurosat_inpaint.data import synthetic_tiles
from eurosat_inpaint.masks import line_masks
from eurosat_inpaint.models import residual_unet, unet, wnet

IMAGES, LABELS, _ = synthetic_tiles(6)
NAMES = ("field", "forest", "road")
MAPS = [np.eye(8), np.ones((8, 8)) / 2]

ROWS = [
    {"name": "mean", "mse": {"value": 0.3, "low": 0.2, "high": 0.5}},
    {"name": "nearest", "mse": {"value": 0.1, "low": 0.05, "high": 0.15}},
]

# One call of every function that draws tiles, or what was measured on them.
CALLS = {
    "show_tiles": lambda source: plots.show_tiles([IMAGES[:3], IMAGES[3:]], source=source),
    "show_maps": lambda source: plots.show_maps(MAPS, ("a", "b"), "error", source=source),
    "show_curves": lambda source: plots.show_curves(
        np.arange(1, 5), {"a": np.arange(4), "b": np.ones(4)}, "x", "y", source=source
    ),
    "show_intervals": lambda source: plots.show_intervals(ROWS, "mse", "MSE", source=source),
    "show_histograms": lambda source: plots.show_histograms(
        {"a": np.linspace(0, 1, 50), "b": np.linspace(0, 2, 70)}, "x", source=source
    ),
    "show_by_class": lambda source: plots.show_by_class(
        np.arange(6.0), np.arange(6) % 3, NAMES, "x", source=source
    ),
    "show_shares": lambda source: plots.show_shares(
        np.full((2, 3), 0.5), NAMES, ("a", "b"), "x", source=source
    ),
    "show_class_colours": lambda source: plots.show_class_colours(
        np.random.default_rng(0).random((3, 3)), NAMES, source=source
    ),
}


@pytest.fixture(autouse=True)
def style():
    with plt.rc_context():
        plots.use_style()
        yield
    plt.close("all")


def texts_of(figure):
    return [text.get_text() for text in figure.findobj(plt.Text) if text.get_text()]


def drawn_pixels(figure):
    figure.canvas.draw()
    return np.asarray(figure.canvas.buffer_rgba()).astype(int)


def test_every_picture_of_tiles_is_called_here():
    with_source = {
        name
        for name, function in inspect.getmembers(plots, inspect.isfunction)
        if name.startswith("show_") and "source" in inspect.signature(function).parameters
    }
    assert with_source == set(CALLS) | {"show_table"}


@pytest.mark.parametrize("name", CALLS)
def test_synthetic_tiles_are_called_synthetic(name):
    assert any("synthetic" in text for text in texts_of(CALLS[name]("synthetic")))


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("source", ["local", None])
def test_other_tiles_are_not(name, source):
    assert not any("synthetic" in text for text in texts_of(CALLS[name](source)))


@pytest.mark.parametrize("name", CALLS)
def test_figures_can_be_drawn(name):
    assert drawn_pixels(CALLS[name]("synthetic")).std() > 1


def test_bytes_and_floats_give_the_same_picture():
    as_bytes = drawn_pixels(plots.show_tiles([IMAGES]))
    as_floats = drawn_pixels(plots.show_tiles([IMAGES / np.float32(255)]))
    # Matplotlib rounds floats down.
    assert abs(as_bytes - as_floats).max() <= 1
    assert abs(as_bytes - drawn_pixels(plots.show_tiles([IMAGES[::-1]]))).max() > 100


def test_tiles_are_shown_in_their_places_with_their_labels():
    masks = line_masks(3)
    figure = plots.show_tiles(
        [IMAGES[:3], masks], row_labels=("tile", "mask"), column_labels=("a", "b", "c")
    )
    shown = [axis.images[0].get_array() for axis in figure.axes]
    assert len(shown) == 6
    for k in range(3):
        np.testing.assert_array_equal(shown[k], IMAGES[k])
        np.testing.assert_array_equal(shown[3 + k], masks[k, ..., 0])
    assert [axis.get_title() for axis in figure.axes[:3]] == ["a", "b", "c"]
    assert [figure.axes[k].get_ylabel() for k in (0, 3)] == ["tile", "mask"]


@pytest.mark.parametrize("density", [1, 2])
def test_pixels_of_a_tile_are_drawn_equally_wide(density):
    figure = plots.show_tiles([IMAGES[:3], IMAGES[3:]], ["a", "long label"], ["x", "y", "z"])
    figure.set_dpi(density * figure.dpi)
    drawn = drawn_pixels(figure)
    for axis, tile in zip(figure.axes, IMAGES, strict=True):
        left, bottom, width, height = np.rint(axis.get_window_extent().bounds).astype(int)
        assert width == height == 128 * density
        top = len(drawn) - bottom - height
        part = drawn[top : top + height, left : left + width, :3]
        every = tile.repeat(2 * density, axis=0).repeat(2 * density, axis=1)
        np.testing.assert_array_equal(part, every)


def test_long_labels_are_broken_and_nothing_is_cut_off():
    titles = ["HerbaceousVegetation", "words that need more room than a tile has", "c"]
    figure = plots.show_tiles([IMAGES[:3]], ["a very long label of a row"], titles, "synthetic")
    figure.canvas.draw()
    for text in figure.findobj(plt.Text):
        if text.get_text():
            box = text.get_window_extent()
            assert box.x0 >= 0 and box.y0 >= 0
            assert box.x1 <= figure.bbox.x1 and box.y1 <= figure.bbox.y1
    assert figure.axes[0].get_title() == "Herbaceous\nVegetation"


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_tinted_holes_have_one_colour_and_known_pixels_their_own(dtype):
    masks = line_masks(6)
    tiles = IMAGES if dtype == np.uint8 else IMAGES / dtype(255)
    tinted = plots.tint_holes(tiles, masks)
    known = np.broadcast_to(masks == 1, tinted.shape)
    np.testing.assert_array_equal(tinted[known], (IMAGES / np.float32(255))[known])
    assert np.unique(tinted[masks[..., 0] == 0], axis=0).shape == (1, 3)
    # Masked tiles have the same picture.
    masked = (tiles * masks).astype(dtype)
    np.testing.assert_array_equal(plots.tint_holes(masked, masks), tinted)


def test_masks_are_white_where_known():
    """Also a mask all of one value, which Matplotlib would otherwise stretch."""
    ones, zeros = np.ones((8, 8, 1), np.float32), np.zeros((8, 8, 1), np.float32)
    figure = plots.show_tiles([[ones, zeros]])
    white, black = (axis.images[0].to_rgba(axis.images[0].get_array()) for axis in figure.axes)
    assert white[..., :3].min() == 1 and black[..., :3].max() == 0


def test_maps_share_one_scale():
    for largest, limits in [(None, (0, 1)), (3, (0, 3))]:
        figure = plots.show_maps(MAPS, ("a", "b"), "error", largest=largest)
        assert [axis.images[0].get_clim() for axis in figure.axes[:2]] == [limits] * 2


def test_what_a_map_does_not_know_is_blank():
    known, unknown = np.eye(8), np.eye(8)
    unknown[3, 5] = np.nan
    figure = plots.show_maps([known, unknown], ("a", "b"), "error")
    pictures = [axis.images[0] for axis in figure.axes[:2]]
    assert [picture.get_clim() for picture in pictures] == [(0, 1)] * 2
    opaque = [picture.to_rgba(picture.get_array())[..., 3] for picture in pictures]
    assert opaque[0].all() and np.argwhere(opaque[1] == 0).tolist() == [[3, 5]]


@pytest.mark.parametrize("logarithmic", [True, False])
def test_curves_have_gaps_where_nothing_is_known(logarithmic):
    values = np.array([1, 10, np.nan, 1000])
    figure = plots.show_curves(
        np.array([1, 2, 4, 8]), {"a": values}, "x", "y", logarithmic=logarithmic
    )
    axis = figure.axes[0]
    assert drawn_pixels(figure).std() > 1
    np.testing.assert_array_equal(axis.lines[0].get_ydata(), values)
    assert axis.get_xscale() == axis.get_yscale() == ("log" if logarithmic else "linear")
    # The last value stands alone, and has a marker.
    assert axis.lines[0].get_marker() == "o" and axis.get_ylim()[1] > 1000


def test_no_curve_is_left_out_and_no_two_look_alike():
    curves = {f"method {k}": np.arange(3) + k for k in range(9)}
    lines = plots.show_curves(np.arange(3), curves, "x", "y").axes[0].lines
    assert len({(line.get_color(), line.get_marker()) for line in lines}) == 9


def test_a_method_looks_the_same_in_every_chart():
    assert len(set(plots.METHODS.values())) == len(plots.METHODS)
    names = ["GAN", "something else", "U-Net", "another"]
    for order in (names, names[::-1]):
        lines = plots.show_curves(np.arange(3), {k: np.arange(3) for k in order}, "x", "y").axes[0]
        looks = {line.get_label(): (line.get_color(), line.get_marker()) for line in lines.lines}
        for method in ("GAN", "U-Net"):
            assert looks[method] == plots.METHODS[method]
        assert len({colour for colour, _ in looks.values()}) == 4
    rows = [row | {"name": name} for row, name in zip(ROWS, ("GAN", "push-pull"), strict=True)]
    bars = plots.show_intervals(rows, "mse", "MSE").axes[0].collections[0]
    expected = [plt.matplotlib.colors.to_rgba(plots.METHODS[row["name"]][0]) for row in rows]
    np.testing.assert_allclose(bars.get_colors(), expected)


@pytest.mark.parametrize("logarithmic", [True, False])
def test_names_of_curves_stand_apart_in_the_order_of_their_ends(logarithmic):
    ends = np.array([5, 1, 1.001, 1.002, 4.9, 1000])
    curves = {f"name {k}": np.array([1.0, end, np.nan]) for k, end in enumerate(ends)}
    figure = plots.show_curves(
        np.array([1, 2, 3]), curves, "x", "y", logarithmic=logarithmic, limits=(0.5, 6)
    )
    figure.canvas.draw()
    # Without the lines that join them to their ends.
    names = {t.get_text(): plt.Text.get_window_extent(t) for t in figure.axes[0].texts}
    assert set(names) == set(curves)
    upwards = [names[f"name {k}"] for k in np.argsort(ends)]
    for below, above in zip(upwards, upwards[1:], strict=False):
        assert below.y1 <= above.y0 + 1
    assert upwards[-1].y1 <= figure.bbox.y1 and upwards[0].y0 >= 0


def test_intervals_stand_in_order_at_their_scores():
    axis = plots.show_intervals(ROWS, "mse", "MSE").axes[0]
    assert [text.get_text() for text in axis.get_yticklabels()] == ["mean", "nearest"]
    assert axis.yaxis_inverted()
    assert axis.get_xlabel() == "MSE"
    np.testing.assert_array_equal(axis.lines[0].get_xydata(), [[0.3, 0], [0.1, 1]])
    bars = axis.collections[0].get_segments()
    np.testing.assert_array_equal(bars, [[[0.2, 0], [0.5, 0]], [[0.05, 1], [0.15, 1]]])


def test_classes_are_ordered_by_their_median():
    values, labels = np.array([5.0, 6, 7, 1, 2, 3, 9, 9, 9]), np.repeat(np.arange(3), 3)
    figure = plots.show_by_class(values, labels, NAMES, "x")
    drawn = [text.get_text() for text in figure.axes[0].get_yticklabels()]
    assert drawn == ["forest", "field", "road"]


def test_lines_are_shown_with_the_ideal_one():
    masks = line_masks(2, size=16, lines=1)[..., 0]
    figure = plots.show_lines(masks, [(3, 9), (5, 5)], ("a", "b"), rows=(2, 10))
    for axis, mask, ends in zip(figure.axes, masks, [(3, 9), (5, 5)], strict=True):
        np.testing.assert_array_equal(axis.images[0].get_array(), mask)
        assert tuple(axis.lines[0].get_xdata()) == ends
        assert axis.get_ylim() == (9.5, 1.5)


def test_shares_are_stacked_from_the_left_to_their_sum():
    shares = np.array([[0.2, 0.5, 1.0], [0.8, 0.25, 0.0]])
    axis = plots.show_shares(shares, NAMES, ("first", "second"), "x").axes[0]
    bars = [[(bar.get_x(), bar.get_width()) for bar in group] for group in axis.containers]
    np.testing.assert_allclose(bars, [[(0, a) for a in shares[0]], list(zip(*shares, strict=True))])
    assert [text.get_text() for text in axis.get_legend().get_texts()] == ["first", "second"]


def arrows_of(figure):
    """The blocks that are joined by arcs."""
    arrows = [text for text in figure.axes[0].texts if getattr(text, "arrow_patch", None)]
    ends = {(round(float(arrow.xyann[0])), round(float(arrow.xy[0]))) for arrow in arrows}
    return {(start, end) for start, end in ends if end > start + 1}


def test_a_network_is_drawn_as_its_resolutions_and_skips():
    figure = plots.show_network(unet(16, filters=4, depth=2), "a U-Net")
    words = [text for text in texts_of(figure) if " x " in text]
    sides = [(16, 4), (8, 8), (4, 16), (8, 8), (16, 4)]
    assert words == [f"{side} x {side}\nx {filters}" for side, filters in sides]
    heights = [bar.get_height() for bar in figure.axes[0].patches]
    assert heights[1:-1] == sorted(heights[1:4])[::-1] + sorted(heights[4:-1])
    # Input and composite around five blocks; both skips, and the known pixels.
    assert arrows_of(figure) == {(1, 5), (2, 4), (0, 6)}


def test_networks_inside_a_network_and_lambdas_are_blocks_of_their_own():
    small = {"filters": (4, 8), "blocks": (1, 1)}
    texts = texts_of(plots.show_network(residual_unet(16, **small)))
    assert {"input", "push pull", "composite"} <= set(texts)
    figure = plots.show_network(wnet(16, first=small, **small))
    assert texts_of(figure) == ["input", "first stage", "second stage"]
    assert arrows_of(figure) == {(0, 2)}


def test_style_is_set_on_demand():
    with plt.rc_context():
        plt.rcdefaults()
        plots.use_style()
        assert plt.rcParams["image.interpolation"] == "nearest"
        assert plt.rcParams["axes.prop_cycle"].by_key()["color"] == list(plots.COLOURS)


# Tables

COLUMNS = {"MSE": ".4f", "95 % interval": ".2f", "tiles": "d", "data": ""}
TABLE_ROWS = {"mean": (0.25, (0.2, 0.3), 70, "a & b"), "push-pull": (0.01, (0, 0.125), 7, "<c>")}


def test_table_in_a_terminal_is_aligned_text():
    assert repr(plots.show_table(COLUMNS, TABLE_ROWS, "Fills", corner="fill")).splitlines() == [
        "Fills",
        "fill          MSE  95 % interval  tiles   data",
        "mean       0.2500   [0.20, 0.30]     70  a & b",
        "push-pull  0.0100   [0.00, 0.12]      7    <c>",
    ]


def test_table_in_a_notebook_is_html():
    table = ElementTree.fromstring(plots.show_table(COLUMNS, TABLE_ROWS, "1 < 2")._repr_html_())
    assert table.findtext("caption") == "1 < 2"
    cells = [[cell.text or "" for cell in row] for row in table.iter("tr")]
    assert cells == [
        ["", "MSE", "95 % interval", "tiles", "data"],
        ["mean", "0.2500", "[0.20, 0.30]", "70", "a & b"],
        ["push-pull", "0.0100", "[0.00, 0.12]", "7", "<c>"],
    ]


def test_tables_say_where_tiles_are_synthetic():
    for source in ("synthetic", "local", None):
        table = plots.show_table(COLUMNS, TABLE_ROWS, "Fills", source)
        for shown in (repr(table), table._repr_html_()):
            assert ("synthetic" in shown) == (source == "synthetic")


@pytest.mark.parametrize("count", [0, 3, 5])
def test_a_row_of_another_length_is_named(count):
    with pytest.raises(ValueError, match=rf"rows\['wrong'\] must have 4 cells, got {count}"):
        plots.show_table(COLUMNS, TABLE_ROWS | {"wrong": count * (1,)}, "Fills")


# Bad input

NAN = np.full((8, 8, 3), np.nan)
REFUSED = {
    "show_tiles": [
        (TypeError, "rows must be a sequence", (None,)),
        (ValueError, "rows must not be empty", ([],)),
        (ValueError, "rows must hold at least one image", ([[]],)),
        (ValueError, "rows[0][0] must not hold NaN", ([[NAN]],)),
        (ValueError, "rows[0][1] must have shape", ([[MAPS[0], np.zeros(8)]],)),
        (ValueError, "rows[0][0] must have 1 or 3 channels", ([[np.zeros((8, 8, 2))]],)),
        (ValueError, "rows[0][0] must not be empty", ([[np.zeros((0, 8))]],)),
        (TypeError, "rows[0][0] must be an array of real numbers", ([[np.full((8, 8), "a")]],)),
        (TypeError, "rows[0][0] must be an array of real numbers", ([[np.eye(8) * 1j]],)),
        (TypeError, "row_labels must be a sequence", ([MAPS], "ab")),
        (TypeError, "column_labels must be a sequence", ([MAPS], None, 3)),
    ],
    "show_maps": [
        (ValueError, "maps must not be empty", ([], [], "error")),
        (ValueError, "titles must hold 2, got 1", (MAPS, ["a"], "error")),
        (ValueError, "maps must hold at least one number", ([NAN[..., 0]], ["a"], "error")),
        (ValueError, "maps[0] must have shape (height, width)", ([NAN], ["a"], "error")),
        (TypeError, "maps[0] must be an array of real numbers", ([[["a"]]], ["a"], "error")),
    ],
    "show_curves": [
        (ValueError, "curves must not be empty", ([1], {}, "x", "y")),
        (TypeError, "curves must be a dictionary", ([1], [[1]], "x", "y")),
        (ValueError, "curves['a'] must have shape (2,)", ([1, 2], {"a": [1]}, "x", "y")),
        (TypeError, "x must be an array of real numbers", (["1"], {"a": [1]}, "x", "y")),
    ],
    "show_intervals": [
        (ValueError, "rows must not be empty", ([], "mse", "x")),
        (TypeError, "rows[0] must be a dictionary", ([3], "mse", "x")),
        (ValueError, "rows must each have score 'ssim'", (ROWS, "ssim", "x")),
        (ValueError, "rows must each have score 'mse'", ([{"mse": 3}], "mse", "x")),
    ],
    "show_histograms": [
        (ValueError, "samples must not be empty", ({}, "x")),
        (ValueError, "samples['a'] must be finite", ({"a": [1, np.nan]}, "x")),
        (ValueError, "samples['a'] must be finite", ({"a": [1, np.inf]}, "x")),
        (ValueError, "samples['a'] must not be empty", ({"a": []}, "x")),
        (ValueError, "samples['a'] must have shape", ({"a": [[1]]}, "x")),
    ],
    "show_by_class": [
        (ValueError, "labels must have shape (2,)", ([1, 2], LABELS[:1], NAMES, "x")),
        (ValueError, "labels must hold every class", ([1], np.array([0]), NAMES, "x")),
        (ValueError, "labels must lie in [0, 1)", ([1], np.array([3]), NAMES[:1], "x")),
        (TypeError, "labels must be an integer array", ([1], [0.5], NAMES, "x")),
        (ValueError, "values must be finite", ([np.nan], np.array([0]), NAMES, "x")),
    ],
    "show_shares": [
        (ValueError, "shares must have shape (1, 3)", (np.zeros((2, 3)), NAMES, ["a"], "x")),
        (TypeError, "titles must be a sequence", (np.zeros((2, 3)), NAMES, "ab", "x")),
    ],
    "show_network": [
        (TypeError, "network must be a functional Keras model", (None,)),
        (TypeError, "network must be a functional", (keras.layers.Dense(2),)),
    ],
    "show_class_colours": [
        (ValueError, "means must have shape (3, 3)", (np.zeros((2, 3)), NAMES)),
        (TypeError, "class_names must be a sequence", (np.zeros((2, 3)), "ab")),
    ],
    "show_lines": [
        (ValueError, "masks must not be empty", ([], [], [])),
        (ValueError, "ends must have shape (2, 2)", (MAPS, [(1, 2)], ["a", "b"])),
        (ValueError, "titles must hold 2, got 1", (MAPS, [(1, 2)] * 2, ["a"])),
        (ValueError, "rows must be such that", ([np.zeros((8, 8))], [(1, 2)], ["a"], (0, 4))),
        (ValueError, "rows must hold 2, got 1", (MAPS[:1], [(1, 2)], ["a"], (4,))),
        (ValueError, "rows[1] must be an integer", (MAPS[:1], [(1, 2)], ["a"], (4, 2))),
    ],
    "show_table": [
        (ValueError, "columns must not be empty", ({}, {}, "Fills")),
        (TypeError, "columns must be a dictionary", (["a"], {}, "Fills")),
        (TypeError, "rows must be a dictionary", ({"a": ".2f"}, [1], "Fills")),
        (TypeError, "rows['b'] must be a sequence", ({"a": ".2f"}, {"b": 3}, "Fills")),
        (ValueError, "rows['b'] does not go with its formats", ({"a": ".2f"}, {"b": [None]}, "x")),
        (ValueError, "rows['b'] does not go with its formats", ({"a": "d"}, {"b": [0.5]}, "x")),
    ],
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "error", "message", "arguments"),
    [(name, *case) for name, cases in REFUSED.items() for case in cases],
)
def test_what_cannot_be_shown_is_refused_by_name(name, error, message, arguments):
    with pytest.raises(error, match=re.escape(message)):
        getattr(plots, name)(*arguments)
    assert plt.get_fignums() == []


def test_every_function_that_shows_has_cases_of_what_it_refuses():
    functions = {name for name in vars(plots) if name.startswith("show_")}
    assert set(REFUSED) == functions


@pytest.mark.parametrize("kind", [bool, np.int64, np.float16, np.float64, np.uint8])
def test_pictures_of_every_kind_of_number_are_shown(kind):
    image = np.eye(8).astype(kind) * kind(255 if kind is np.uint8 else 1)
    given = image.copy()
    figure = plots.show_tiles([[image, image[..., None], np.repeat(image[..., None], 3, 2)]])
    for axis in figure.axes:
        picture = axis.images[0]
        colours = picture.to_rgba(picture.get_array(), norm=True)[..., :3].astype(float)
        np.testing.assert_array_equal(colours[..., 0] / colours.max(), np.eye(8))
    np.testing.assert_array_equal(image, given)


def test_words_may_be_anything_that_can_be_written():
    figure = plots.show_tiles([IMAGES[:3]], [1], [2.5, None])
    assert "1" in texts_of(figure) and "2.5" in texts_of(figure)
    table = plots.show_table({3: ".1f"}, {4: [0.5]}, 5, corner=None)
    assert repr(table).splitlines() == ["5", "None    3", "4     0.5"]
    ElementTree.fromstring(table._repr_html_())
