"""Training batches: batch k depends on the seed and k alone, and every tile gets its turn."""

import multiprocessing
import pickle
import tempfile

import keras
import numpy as np
import pytest

from eurosat_inpaint.masks import line_masks
from eurosat_inpaint.training import LabelledTileBatches, MaskedTileBatches

SIZE = 16
COUNT = 22


@pytest.fixture(scope="module")
def images():
    """Tiles that tell themselves apart: no value is 0, and no two of their flips are the same."""
    return np.random.default_rng(0).integers(1, 256, (COUNT, SIZE, SIZE, 3), np.uint8)


def flips_of(image):
    """The eight tiles that flips make of one, in [0, 1]."""
    ways = [image, image.transpose(1, 0, 2)]
    ways = [turned[:, ::step] for turned in ways for step in (1, -1)]
    return (
        np.stack([turned[::step] for turned in ways for step in (1, -1)]).astype(np.float32) / 255
    )


def origins(tiles, images):
    """Which tile each one of a batch is, and by which of the eight flips."""
    every = np.stack([flips_of(image) for image in images])
    found = [np.argwhere((every == tile).all(axis=(2, 3, 4))) for tile in tiles]
    assert all(len(places) == 1 for places in found)
    return [tuple(places[0]) for places in found]


def contents(batch):
    (masked, mask), tiles = batch
    return masked, mask, tiles


def assert_same_batch(batch, other):
    for array, expected in zip(contents(batch), contents(other), strict=True):
        np.testing.assert_array_equal(array, expected)


def stream(batches, count):
    """The first batches in the order in which ``fit`` asks for them."""
    for number in range(count):
        index = number % batches.num_batches
        yield batches[index]
        if index == batches.num_batches - 1:
            batches.on_epoch_end()


def test_a_batch_is_a_masked_tile_its_mask_and_the_tile(images):
    masked, mask, tiles = contents(MaskedTileBatches(images, 4)[0])
    assert masked.shape == tiles.shape == (4, SIZE, SIZE, 3) and mask.shape == (4, SIZE, SIZE, 1)
    assert masked.dtype == mask.dtype == tiles.dtype == np.float32
    assert 0 < tiles.min() and tiles.max() <= 1
    assert set(np.unique(mask)) == {0.0, 1.0}
    np.testing.assert_array_equal(masked, tiles * mask)


def test_without_mask_input_the_masked_tile_is_the_only_input(images):
    masked, tiles = MaskedTileBatches(images, 4, mask_input=False)[0]
    expected, _, same_tiles = contents(MaskedTileBatches(images, 4)[0])
    np.testing.assert_array_equal(masked, expected)
    np.testing.assert_array_equal(tiles, same_tiles)


# Batch k is a function of (seed, k)


@pytest.mark.parametrize("steps", [1, 3, 5, 10])
def test_how_the_training_is_cut_into_epochs_does_not_matter(images, steps):
    whole = MaskedTileBatches(images, 4, steps_per_epoch=30, seed=3)
    cut = MaskedTileBatches(images, 4, steps_per_epoch=steps, seed=3)
    for number, batch in enumerate(stream(cut, 30)):
        assert_same_batch(batch, whole[number])
        assert_same_batch(batch, whole.batch(number))
    assert cut.epoch == 30 // steps


def test_batches_do_not_depend_on_what_was_asked_before(images):
    forward, backward = (MaskedTileBatches(images, 4, seed=5) for _ in range(2))
    numbers = [0, 3, 7, 40, 41, 200]
    early = [forward.batch(number) for number in numbers]
    late = [backward.batch(number) for number in reversed(numbers)]
    for batch, other in zip(early, reversed(late), strict=True):
        assert_same_batch(batch, other)


def test_setting_the_epoch_continues_a_training(images):
    batches = MaskedTileBatches(images, 4, steps_per_epoch=3, seed=1)
    continued = MaskedTileBatches(images, 4, steps_per_epoch=3, seed=1)
    continued.epoch = 2
    for batch, other in zip(list(stream(batches, 12))[6:], stream(continued, 6), strict=True):
        assert_same_batch(batch, other)


def seen_in_fit(batches, callbacks=(), **arguments):
    """The batches that the training step of a network gets."""
    seen = []

    class Recorder(keras.Model):
        def train_step(self, given):
            (masked, mask), tiles = given
            seen.append(((masked.numpy(), mask.numpy()), tiles.numpy()))
            return {"loss": keras.ops.zeros(())}

    model = Recorder()
    model.compile(run_eagerly=True)
    model.fit(batches, shuffle=False, verbose=0, callbacks=list(callbacks), **arguments)
    return seen


@pytest.mark.parametrize("first", [0, 2])
def test_fit_sees_the_batches_of_its_epochs(images, first):
    batches = MaskedTileBatches(images, 4, steps_per_epoch=3, seed=8)

    class EpochSetter(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            batches.epoch = epoch

    seen = seen_in_fit(batches, [EpochSetter()], initial_epoch=first, epochs=4)
    assert len(seen) == 3 * (4 - first)
    for number, batch in enumerate(seen, start=3 * first):
        assert_same_batch(batch, batches.batch(number))


def test_fit_alone_sees_new_batches_in_every_epoch(images):
    batches = MaskedTileBatches(images, 4, steps_per_epoch=3, seed=8)
    seen = seen_in_fit(batches, epochs=3)
    assert len({tiles.tobytes() for _, tiles in seen}) == len(seen) == 9


def test_seeds_and_batches_differ(images):
    batches, other = MaskedTileBatches(images, 4, seed=0), MaskedTileBatches(images, 4, seed=1)
    for batch in (other.batch(0), batches.batch(1)):
        for array, expected in zip(contents(batch), contents(batches.batch(0)), strict=True):
            assert not np.array_equal(array, expected)


def test_the_global_generator_plays_no_part(images):
    np.random.seed(0)
    before = np.random.get_state()[1].copy()
    MaskedTileBatches(images, 4)[0]
    np.testing.assert_array_equal(np.random.get_state()[1], before)


# Order


@pytest.mark.parametrize("batch_size", [1, 4, 5, COUNT])
def test_every_tile_is_seen_once_in_each_pass(images, batch_size):
    batches = MaskedTileBatches(images, batch_size, seed=2)
    tiles = [batches.batch(number)[1] for number in range(-(-3 * COUNT // batch_size))]
    order = [tile for tile, _ in origins(np.concatenate(tiles), images)]
    passes = [order[start : start + COUNT] for start in range(0, 3 * COUNT, COUNT)]
    assert [sorted(once) for once in passes] == [list(range(COUNT))] * 3
    assert passes[0] != passes[1] != passes[2] != passes[0]


@pytest.mark.parametrize(("batch_size", "steps"), [(4, 5), (5, 4), (11, 2), (COUNT, 1)])
def test_an_epoch_is_by_default_one_pass_of_whole_batches(images, batch_size, steps):
    assert MaskedTileBatches(images, batch_size).num_batches == steps


# Flips


def test_all_eight_flips_happen_equally_often(images):
    batches = MaskedTileBatches(images, COUNT, seed=0)
    tiles = np.concatenate([batches.batch(number)[1] for number in range(20)])
    counts = np.bincount([flip for _, flip in origins(tiles, images)], minlength=8)
    # 440 flips; five standard deviations of a binomial count.
    expected = len(tiles) / 8
    assert np.abs(counts - expected).max() < 5 * np.sqrt(expected * 7 / 8)


def test_tiles_are_left_as_they_are_on_request(images):
    batches = MaskedTileBatches(images, COUNT, augment=False)
    assert {flip for _, flip in origins(batches.batch(3)[1], images)} == {0}


# Masks


def test_masks_are_line_masks_as_they_were_drawn(images):
    """Drawn for the batch, and never flipped: their law is not unchanged by a transposition."""
    drawn = []

    def draw(n, size, seed):
        drawn.append((seed, line_masks(n, size=size, seed=seed)))
        return drawn[-1][1]

    own, default = MaskedTileBatches(images, 4, draw_masks=draw), MaskedTileBatches(images, 4)
    for number in range(50):
        mask = contents(own.batch(number))[1]
        np.testing.assert_array_equal(mask, drawn[-1][1])
        np.testing.assert_array_equal(contents(default.batch(number))[1], mask)
    assert len({seed for seed, _ in drawn}) == 50


# Bad input


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("batch_size", 0),
        ("batch_size", -1),
        ("batch_size", 4.0),
        ("steps_per_epoch", 0),
        ("steps_per_epoch", 2.5),
        ("seed", -1),
        ("seed", None),
    ],
)
def test_bad_numbers_are_named(images, argument, value):
    with pytest.raises(ValueError, match=f"^{argument} .*{value!r}"):
        MaskedTileBatches(images, **{"batch_size": 4, argument: value})


def test_a_batch_of_more_than_all_images_is_refused(images):
    with pytest.raises(ValueError, match="^batch_size is 23, .* 22 images"):
        MaskedTileBatches(images, 23)


@pytest.mark.parametrize(
    "bad",
    [
        np.zeros((9, 16, 16, 3), np.float32),
        np.zeros((9, 16, 16, 3), np.int64),
        [[0, 1], [1, 0]],
        None,
    ],
)
def test_images_of_the_wrong_type_are_refused(bad):
    with pytest.raises(TypeError, match="^images "):
        MaskedTileBatches(bad, 4)


@pytest.mark.parametrize(
    "shape", [(16, 16, 3), (9, 16, 16), (9, 16, 16, 1), (9, 16, 8, 3), (0, 16, 16, 3)]
)
def test_images_of_the_wrong_shape_are_refused(shape):
    with pytest.raises(ValueError, match="^images "):
        MaskedTileBatches(np.zeros(shape, np.uint8), 1)


# Worker processes


def as_labelled(images):
    return LabelledTileBatches(images, 4, labels=np.arange(COUNT) % 3, classes=3, seed=6)


def as_masked(images):
    return MaskedTileBatches(images, 4, seed=6)


def as_mapped(images):
    """Memory-mapped, and a view: it does not begin where the file does."""
    with tempfile.TemporaryFile() as file:
        np.save(file, np.concatenate([images[:3], images]))
        file.seek(0)
        version = np.lib.format.read_magic(file)
        assert version == (1, 0)
        shape, _, dtype = np.lib.format.read_array_header_1_0(file)
        mapped = np.memmap(file, dtype, "r", file.tell(), shape)
    return MaskedTileBatches(mapped[3:], 4, seed=6)


@pytest.mark.parametrize("make", [as_masked, as_labelled, as_mapped])
def test_pickled_batches_are_the_same(make, images):
    batches = make(images)
    batches.epoch = 2
    early = batches[1]
    again = pickle.loads(pickle.dumps(batches))
    for batch, other in ((early, again[1]), (batches.batch(40), again.batch(40))):
        flat, expected = (keras.tree.flatten(each) for each in (other, batch))
        for one, array in zip(flat, expected, strict=True):
            np.testing.assert_array_equal(one, array)


@pytest.mark.slow
def test_worker_processes_draw_the_same_batches(images):
    batches = as_masked(images)
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        drawn = pool.map(batches.batch, range(12))
    for number, batch in enumerate(drawn):
        assert_same_batch(batch, batches.batch(number))


@pytest.mark.parametrize("draw", [None, "line_masks", 3])
def test_what_draws_masks_must_be_a_function(draw, images):
    with pytest.raises(TypeError, match="^draw_masks must be a function"):
        MaskedTileBatches(images, 4, draw_masks=draw)


@pytest.mark.parametrize("spoil", [lambda masks: masks[..., 0], lambda masks: masks / 2])
def test_a_batch_of_what_are_no_masks_is_refused(spoil, images):
    def draw(n, size, seed):
        return spoil(line_masks(n, size=size, seed=seed))

    with pytest.raises(ValueError, match="draw_masks"):
        MaskedTileBatches(images, 4, draw_masks=draw)[0]
