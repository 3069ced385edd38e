"""The mask families: what each one promises, and the same everywhere."""

import hashlib
import inspect
import re

import numpy as np
import pytest
from scipy import ndimage

import eurosat_inpaint as ei
from eurosat_inpaint import masks
from eurosat_inpaint.masks.shapes import _packed_pieces

WITH_COVERAGE = [name for name in masks.FAMILIES if name != "scan_line_gaps"]
ADDED_SHAPES = [name for name in WITH_COVERAGE if name not in ("clouds", "random_pixels")]

# SHA-256 of the bits of the first 50 masks of seed 0: by default, and with a coverage of 0.7 where
# one may be asked for (a tilt of -5 for scan-line gaps). Changed only by a decision to redraw.
GOLDEN = {
    "lines": (
        "f3380c64bda145d20fb364107435cf493987682138deb6ef82311c57f438e973",
        "735ba61d92a45d3cfbac917ded6c7037d9a1dce696f530b7fcfdb44aa064e6a6",
    ),
    "free_lines": (
        "55e960ce3900a553ceb3b83ecb8efc390290fde2c77d4310f37420b6a3e3a28b",
        "b82a7fd0c827357bfcdc2e295d7ff07dd78e743f8a015e813d70f29781837c72",
    ),
    "scan_line_gaps": (
        "533ff01698b24e9562ce35b96eb89794061bd1b4798077a3738a06e9e4c88735",
        "83f1822af175dbf74c802b6f5a01a6dc95af39942f4f3b6c6cf0a4ef1d7bc613",
    ),
    "clouds": (
        "0bca0baa904f332e793582cf9321acae0ec9c22281191a3eb5ed1dfab1120f34",
        "e1cab93d61cf888b8087749354abcc4779a17140312b16d3e4ce85ad5f74626c",
    ),
    "boxes": (
        "4d44b0e8dcfaef4bf8d51d711b0d89a5531799a9b0abb23304b5379efa2613e7",
        "29ff0d1380ccc86d9b7be653068c44060b5935e90460d8f76a1ae9fe6625ad41",
    ),
    "brush_strokes": (
        "a730aaf31bdfd8fa4126c3e02e298548895b42e9b379adb9a4a84682d7606630",
        "47bdd432485dfba9e15a541a728c3187f54c0685f2aa4decbf08cec260c52e81",
    ),
    "random_pixels": (
        "4b602c3c6e3fecf117029a1e1d40517fb1803c75e396f0193301c5694119422d",
        "3b8d27ca728116a4955a33b8ae1fa71999a643c390878725687f49b3ee94b004",
    ),
    "dead_columns": (
        "a01631ca29a5e1904db187f7c3705ff8bd9a8d7588596c8fec1fb799683451bd",
        "9a5e258ce3bc85f306d65dfde23e6861d3eb13cb7ca1c759077fa1a128425b43",
    ),
}

# Of other sizes: the first 16 digits over 20 masks by default and five with a coverage of 0.3.
GOLDEN_BY_SIZE = {
    "lines": ("68e16be010f600e6", "4ee5a01c34958c60", "2c9f7d3f39840666"),
    "free_lines": ("cf70c32a95b83b7e", "6d27aa6f834b7ea9", "493046d85f5f2045"),
    "scan_line_gaps": ("09978840bd45b8b3", "b9ca560e7da6e32a", "d7f25be675d1d400"),
    "clouds": ("ca6128ce8850da43", "17951949cd3422ed", "34a6c95f4447e130"),
    "boxes": ("306761bab309f0be", "388f1eb6653abd88", "a18568f0467bded3"),
    "brush_strokes": ("737558a2d92daa8d", "974ee44e996049c8", "a953e8d90be9df2e"),
    "random_pixels": ("b6a9af57a0bbab4f", "d7346284b2491b32", "c444a4f2cc398f91"),
    "dead_columns": ("ba37901aba66c0cb", "23027f266f5187aa", "1a700a1fb1b411ad"),
}


def holes_of(family, n, **parameters):
    """Holes of ``n`` masks, bool (n, 64, 64)."""
    return masks.make(family, n, **parameters)[..., 0] == 0


def digest(some):
    return hashlib.sha256(np.packbits(some.astype(bool)).tobytes()).hexdigest()


# By name


def test_every_family_is_reached_through_the_package():
    for function in masks.FAMILIES.values():
        assert getattr(ei.masks, function.__name__) is function


@pytest.mark.parametrize("family", masks.FAMILIES)
def test_made_by_name_is_the_same(family):
    direct = masks.FAMILIES[family](5, seed=3)
    np.testing.assert_array_equal(masks.make(family, 5, seed=3), direct)


def test_parameters_are_passed_on():
    made = masks.make("boxes", 3, size=32, boxes=2, sides=(4, 6), seed=1)
    np.testing.assert_array_equal(made, masks.box_masks(3, 32, boxes=2, sides=(4, 6), seed=1))


def test_unknown_family_is_told_what_there_is():
    with pytest.raises(ValueError, match="^family "):
        masks.make("fog", 1)


def test_unknown_parameter_is_told_what_there_is():
    with pytest.raises(TypeError, match="clouds has no parameter 'lines', only size, coverage, "):
        masks.make("clouds", 1, lines=3)


# What all have in common


@pytest.mark.parametrize("size", [16, 50, 64])
@pytest.mark.parametrize("family", masks.FAMILIES)
def test_shape_type_and_values(family, size):
    some = masks.make(family, 20, size=size)
    assert some.shape == (20, size, size, 1) and some.dtype == np.float32
    assert set(np.unique(some)) == {0.0, 1.0}


@pytest.mark.parametrize("family", masks.FAMILIES)
def test_first_masks_of_a_seed_do_not_depend_on_n(family):
    many = masks.make(family, 300, seed=3)
    for k in (1, 130):
        np.testing.assert_array_equal(masks.make(family, k, seed=3), many[:k])


@pytest.mark.parametrize("coverage", [0.2, 0.8])
@pytest.mark.parametrize("family", WITH_COVERAGE)
def test_first_masks_do_not_depend_on_n_at_a_coverage(family, coverage):
    many = masks.make(family, 300, coverage=coverage, seed=3)
    for k in (1, 130):
        few = masks.make(family, k, coverage=coverage, seed=3)
        np.testing.assert_array_equal(few, many[:k])


@pytest.mark.parametrize("family", masks.FAMILIES)
def test_masks_and_seeds_differ(family):
    first, other = masks.make(family, 50, seed=0), masks.make(family, 50, seed=1)
    assert len(np.unique(first, axis=0)) == 50
    assert not (first == other).all(axis=(1, 2, 3)).any()


@pytest.mark.parametrize("family", masks.FAMILIES)
def test_same_everywhere(family):
    special = {"coverage": 0.7} if family in WITH_COVERAGE else {"tilt": -5}
    found = digest(masks.make(family, 50)), digest(masks.make(family, 50, **special))
    assert found == GOLDEN[family]


@pytest.mark.parametrize("family", masks.FAMILIES)
def test_same_everywhere_at_other_sizes(family):
    special = {"coverage": 0.3} if family in WITH_COVERAGE else {}
    for size, expected in zip((37, 100, 200), GOLDEN_BY_SIZE[family], strict=True):
        some = masks.make(family, 20, size=size, seed=3)
        others = masks.make(family, 5, size=size, seed=3, **special)
        bits = b"".join(np.packbits(drawn.astype(bool)).tobytes() for drawn in (some, others))
        assert hashlib.sha256(bits).hexdigest()[:16] == expected


@pytest.mark.parametrize("family", masks.FAMILIES)
def test_the_global_generator_plays_no_part(family):
    np.random.seed(0)
    before = np.random.get_state()[1].copy()
    masks.make(family, 10)
    np.testing.assert_array_equal(np.random.get_state()[1], before)


# Coverage


@pytest.mark.parametrize("coverage", [0.1, 0.355, 0.6, 0.9])
@pytest.mark.parametrize("family", WITH_COVERAGE)
def test_coverage_asked_for_is_met(family, coverage):
    measured = masks.coverage(masks.make(family, 400, coverage=coverage, seed=2))
    assert measured.mean() == pytest.approx(coverage, abs=0.02)
    # Of each mask too, half of the largest shape.
    assert abs(measured - coverage).max() < 0.1
    assert 0 < measured.min() and measured.max() < 1


@pytest.mark.slow
@pytest.mark.parametrize("coverage", [0.05, 0.95])
@pytest.mark.parametrize("family", ADDED_SHAPES)
def test_coverage_at_the_ends_of_its_range(family, coverage):
    measured = masks.coverage(masks.make(family, 400, coverage=coverage, seed=2))
    assert measured.mean() == pytest.approx(coverage, abs=0.02)
    assert 0 < measured.min() and measured.max() < 1


@pytest.mark.parametrize("coverage", [0.001, 0.123, 0.999])
def test_every_cloudy_tile_has_the_coverage_to_the_pixel(coverage):
    known = masks.cloud_masks(150, coverage=coverage).sum(axis=(1, 2, 3))
    assert set(known) == {round(coverage * 64**2)}


@pytest.mark.parametrize("family", ["clouds", "random_pixels"])
@pytest.mark.parametrize("coverage", [1e-6, 1 - 1e-6])
def test_no_tile_is_all_hole_or_all_known(family, coverage):
    measured = masks.coverage(masks.make(family, 20, coverage=coverage))
    assert (0 < measured).all() and (measured < 1).all()


def test_number_of_shapes_plays_no_part_where_a_coverage_is_asked_for():
    one, many = (masks.box_masks(50, boxes=boxes, coverage=0.5) for boxes in (1, 50))
    np.testing.assert_array_equal(one, many)


def test_boxes_larger_than_the_tile_leave_something_known_at_a_coverage():
    measured = masks.coverage(masks.box_masks(500, sides=(80, 90), coverage=0.5))
    assert 0 < measured.min() and measured.max() < 1


@pytest.mark.parametrize(
    ("family", "parameters"),
    # On a tile of two columns the original's lines never reach the second one.
    [("lines", {"size": 2, "thickness": 1}), ("free_lines", {"size": 8, "thickness": 100})],
)
def test_a_coverage_that_cannot_be_reached_is_refused(family, parameters):
    with pytest.raises(ValueError, match="^coverage "):
        masks.make(family, 2, coverage=0.9, **parameters)


# Lines of free orientation


@pytest.mark.parametrize(("angle", "along"), [(0, 1), (180, 1), (90, 0), (-90, 0)])
def test_lines_along_rows_and_columns(angle, along):
    some = masks.free_line_masks(100, lines=1, thickness=3, angles=(angle, angle))[..., 0]
    # Each row (or column) is known from end to end or not at all.
    assert (some == some.max(axis=1 + along, keepdims=True)).all()
    widths = some.any(axis=1 + along).sum(axis=1)
    assert widths.max() == 3 and widths.min() >= 1 and np.mean(widths == 3) > 0.9


def test_lines_at_45_degrees_rise_to_the_right():
    rising = masks.free_line_masks(50, lines=1, angles=(45, 45), seed=1)[..., 0] == 1
    rows, columns = np.mgrid[:64, :64]
    for line in rising:
        # On a line that rises, row + column is constant up to the width.
        sums = (rows + columns)[line]
        assert np.ptp(sums) <= 3 * np.sqrt(2)


@pytest.mark.parametrize("angles", [(0, 180), (20, 25), (-180, 180)])
@pytest.mark.parametrize("thickness", [1, 4])
def test_lines_have_their_width_and_angle(angles, thickness):
    some = masks.free_line_masks(200, lines=1, thickness=thickness, angles=angles, seed=1)[..., 0]
    longest = sorted(some, key=np.sum)[-50:]
    for line in longest:
        row, column = (place - place.mean() for place in line.nonzero())
        values, vectors = np.linalg.eigh(np.cov(column, -row))
        assert np.sqrt(12 * values[0]) == pytest.approx(thickness, abs=0.5)
        angle = np.degrees(np.arctan2(vectors[1, 1], vectors[0, 1])) % 180
        if angles == (20, 25):
            assert 19.5 < angle < 25.5


# Scan-line gaps


def scene(seed=0, **parameters):
    """Holes of a whole scene of four tiles side by side, bool (64, 256)."""
    positions = (-1, -1 / 3, 1 / 3, 1)
    tiles = [holes_of("scan_line_gaps", 1, position=p, seed=seed, **parameters) for p in positions]
    return np.concatenate(tiles, axis=2)[0]


def test_a_scene_loses_what_landsat_lost():
    # USGS: about 22 %.
    assert np.mean([scene(seed) for seed in range(20)]) == pytest.approx(0.22, abs=0.005)
    assert holes_of("scan_line_gaps", 2000).mean() == pytest.approx(0.22, abs=0.01)


def test_gaps_widen_from_the_middle_to_the_edges():
    lost = np.mean([scene(seed, tilt=0) for seed in range(40)], axis=(0, 1)) * 16
    aside = np.abs(np.arange(256) - 127.5) / 128
    np.testing.assert_allclose(lost, 7 * aside, atol=0.7)
    assert lost[[0, -1]] == pytest.approx(7, abs=0.5) and lost[127:129].max() < 0.5


def test_gaps_repeat_and_change_sides():
    picture = scene(tilt=0)
    np.testing.assert_array_equal(picture[:48], picture[16:])
    left, right = picture[:, 2], picture[:, -3]
    np.testing.assert_array_equal(left[:56], right[8:])
    assert not (left & right).any()


def test_tilted_gaps_fall_to_the_right():
    # Far from the middle of a wide scene a gap hardly widens: it shifts by 64 * tan(20) rows.
    wide = dict(scene_width=20_000, position=-0.9, tilt=20, period=40, widest_gap=10)
    picture = holes_of("scan_line_gaps", 1, **wide)[0]
    shift = round(63 * np.tan(np.radians(20)))
    agree = [np.mean(np.roll(picture[:, 0], k)[20:60] == picture[20:60, -1]) for k in range(40)]
    assert np.argmax(agree) in (shift - 1, shift, shift + 1) and max(agree) > 0.94


def test_real_scale_has_one_gap_of_42_pixels_at_most():
    holes = holes_of("scan_line_gaps", 400, period=96, widest_gap=42, scene_width=18_300, tilt=0)
    assert holes.mean() == pytest.approx(0.22, abs=0.02)
    assert holes.sum(axis=1).max() in (41, 42, 43)


# Clouds


def edges_per_hole(holes):
    """Borders between hole and known pixel, divided by the number of hole pixels."""
    borders = np.sum(holes[:, 1:] != holes[:, :-1]) + np.sum(holes[:, :, 1:] != holes[:, :, :-1])
    return borders / holes.sum()


def test_clouds_are_blobs_and_not_salt_and_pepper():
    clouds = holes_of("clouds", 100, coverage=0.6)
    pixels = holes_of("random_pixels", 100, coverage=0.6)
    assert edges_per_hole(clouds) < 0.15 * edges_per_hole(pixels)
    # Most of the cloud is in one piece.
    largest = [np.bincount(ndimage.label(cloud)[0].ravel())[1:].max() for cloud in clouds]
    assert np.median(largest / clouds.sum(axis=(1, 2))) > 0.5


def test_rough_and_small_clouds_have_longer_outlines():
    smooth, rough = (holes_of("clouds", 100, roughness=value) for value in (0.2, 0.8))
    small = holes_of("clouds", 100, roughness=0.2, scale=8)
    assert edges_per_hole(rough) > 1.5 * edges_per_hole(smooth)
    assert edges_per_hole(small) > 1.5 * edges_per_hole(smooth)


def test_clouds_are_as_likely_everywhere():
    where = holes_of("clouds", 2000, coverage=0.5).mean(axis=0)
    assert abs(where - 0.5).max() < 0.06


# Boxes and strokes


def test_one_box_is_a_box_of_the_sides_asked_for():
    for hole in holes_of("boxes", 200, boxes=1, sides=(5, 9)):
        rows, columns = hole.any(axis=1), hole.any(axis=0)
        np.testing.assert_array_equal(hole, rows[:, None] & columns)
        for line in (rows, columns):
            places = np.flatnonzero(line)
            length = places[-1] - places[0] + 1
            assert length == len(places) <= 9
            assert length >= 5 or places[0] == 0 or places[-1] == 63


def test_boxes_are_as_likely_everywhere():
    where = holes_of("boxes", 4000, boxes=3, sides=(10, 20)).mean(axis=0)
    assert abs(where - where.mean()).max() < 0.04


def test_one_stroke_is_one_piece_of_the_width_of_the_brush():
    narrow, wide = (holes_of("brush_strokes", 60, strokes=1, widths=(w, w)) for w in (3, 9))
    for hole in (*narrow, *wide):
        assert ndimage.label(hole, np.ones((3, 3)))[1] == 1

    def share_that_takes(hole, radius):
        """Share of the hole that a disc of this radius reaches without leaving it."""
        rows, columns = np.mgrid[-5:6, -5:6]
        disc, wider = np.hypot(rows, columns) <= radius, np.pad(hole, 8, mode="edge")
        return ndimage.binary_opening(wider, disc)[8:-8, 8:-8].sum() / hole.sum()

    assert min(share_that_takes(hole, 3.5) for hole in wide) > 0.95
    assert np.median([share_that_takes(hole, 5) for hole in wide]) < 0.6
    assert np.median([share_that_takes(hole, 2.5) for hole in narrow]) < 0.05


def test_pieces_of_strokes_are_what_lies_within_reach():
    generator = np.random.default_rng(0)
    columns, rows = generator.uniform(-3, 66, (2, 30, 1, 9))
    reach = generator.uniform(0.5, 6, (30, 1, 1, 1))
    packed = _packed_pieces(columns, rows, reach, 64)
    ours = np.unpackbits(packed, axis=-1, count=64).astype(bool)
    y, x = np.mgrid[:64, :64]
    for i in range(30):
        for j in range(8):
            start = np.array([columns[i, 0, j], rows[i, 0, j]])
            along = np.array([columns[i, 0, j + 1], rows[i, 0, j + 1]]) - start
            part = ((x - start[0]) * along[0] + (y - start[1]) * along[1]) / (along @ along)
            part = part.clip(0, 1)
            distance = np.hypot(x - start[0] - part * along[0], y - start[1] - part * along[1])
            np.testing.assert_array_equal(ours[i, 0, j], distance <= reach[i, 0, 0, 0])


# Pixels and columns


def test_random_pixels_know_nothing_of_their_neighbours():
    known = masks.random_pixel_masks(300, coverage=0.3)[..., 0]
    assert known.mean() == pytest.approx(0.3, abs=0.005)
    assert np.mean(known[:, :, 1:] * known[:, :, :-1]) == pytest.approx(0.09, abs=0.003)
    assert abs(known.mean(axis=0) - 0.3).max() < 0.12


@pytest.mark.parametrize("coverage", [None, 0.4])
def test_dead_columns_are_whole_columns(coverage):
    holes = holes_of("dead_columns", 200, coverage=coverage)
    assert (holes == holes[:, :1]).all()
    assert holes.any(axis=(1, 2)).all() and not holes.all(axis=(1, 2)).any()


def test_dead_columns_die_singly_or_in_groups():
    one = holes_of("dead_columns", 300, groups=1, widest=3)[:, 0]
    starts = np.sum(np.diff(one.astype(int), axis=1, prepend=0) == 1, axis=1)
    assert set(starts) == {1}
    assert set(one.sum(axis=1)) == {1, 2, 3}
    single = holes_of("dead_columns", 1000, groups=1, widest=1)[:, 0]
    assert set(single.sum(axis=1)) == {1}
    assert single.any(axis=0).all()


# Bad input

COMMON = [("n", 0), ("n", 2.0), ("size", 1), ("size", 64.0), ("seed", -1), ("seed", None)]
BAD = {
    "lines": [("coverage", 0), ("coverage", 1.0), ("coverage", "half")],
    "free_lines": [("lines", 0), ("thickness", 1.5), ("angles", 45), ("angles", (0, 1, 2))]
    + [("angles", (90, 0))]
    + [("coverage", 0.99)],
    "scan_line_gaps": [("period", 1), ("widest_gap", 0), ("widest_gap", 16), ("tilt", 60)]
    + [("scene_width", 63), ("position", 1.1), ("position", "left")],
    "clouds": [("coverage", 0), ("coverage", 1), ("coverage", None), ("coverage", float("nan"))]
    + [("scale", 1), ("scale", 8.5), ("octaves", 0), ("octaves", 9), ("roughness", -0.1)],
    "boxes": [("boxes", 0), ("sides", (9, 4)), ("sides", 8), ("coverage", 0.01)],
    "brush_strokes": [("strokes", 0), ("widths", (9, 4)), ("coverage", 2)],
    "random_pixels": [("coverage", 0), ("coverage", 1), ("coverage", True), ("coverage", None)],
    "dead_columns": [("groups", 0), ("widest", 0), ("widest", 2.5), ("coverage", -0.5)],
}


@pytest.mark.parametrize(
    ("family", "argument", "value"),
    [(family, *case) for family, cases in BAD.items() for case in COMMON + cases],
)
def test_bad_arguments_are_named(family, argument, value):
    with pytest.raises(ValueError, match=f"^{argument} must .*got {re.escape(repr(value))}$"):
        masks.FAMILIES[family](**{"n": 1, argument: value})


@pytest.mark.parametrize(
    ("family", "message", "value"),
    [
        ("free_lines", "highest of angles must be a number from -180 to 180", {"angles": (0, 181)}),
        ("free_lines", "lowest of angles must be a number", {"angles": (float("nan"), 0)}),
        ("boxes", "lowest of sides must be an integer of at least 1", {"sides": (0, 4)}),
        ("boxes", "highest of sides must be an integer", {"sides": (4, 8.5)}),
        ("brush_strokes", "lowest of widths must be an integer", {"widths": (0, 4)}),
    ],
)
def test_bad_ends_of_ranges_are_named(family, message, value):
    with pytest.raises(ValueError, match=message):
        masks.make(family, 1, **value)


@pytest.mark.parametrize("family", masks.FAMILIES)
def test_everything_after_the_size_is_given_by_name(family):
    masks.FAMILIES[family](1, 32)
    with pytest.raises(TypeError, match="positional"):
        masks.FAMILIES[family](1, 32, 3)


@pytest.mark.parametrize("family", masks.FAMILIES)
def test_every_parameter_has_a_default_and_is_described(family):
    function = masks.FAMILIES[family]
    for name, parameter in inspect.signature(function).parameters.items():
        assert name == "n" or parameter.default is not inspect.Parameter.empty
        # `getdoc` takes the indentation off, as Python 3.13 does by itself.
        assert f"\n    {name}: " in inspect.getdoc(function)
