"""The training monitor: what it shows is what the training did, and it changes nothing of it."""

import io
import re
import signal

import keras
import numpy as np
import pytest
from PIL import Image

from eurosat_inpaint import compositing, metrics, models, training, widgets
from eurosat_inpaint.data import synthetic_tiles
from eurosat_inpaint.masks import line_masks

pytestmark = pytest.mark.usefixtures("small_batches")

IMAGES = synthetic_tiles(40, seed=3)[0]
SHOWN = IMAGES[:3]
MASKS = line_masks(3, seed=2)


def tiny_network():
    keras.utils.set_random_seed(0)
    return models.unet(filters=4, depth=2)


def train(monitor, **options):
    network = tiny_network()
    callbacks = (monitor,) if monitor else ()
    history = training.fit_unet(
        network, IMAGES[8:], IMAGES[:8], epochs=2, callbacks=callbacks, verbose=0, **options
    )
    return network, history


@pytest.fixture
def boxes(monkeypatch):
    """What was displayed."""
    shown = []
    monkeypatch.setattr("IPython.display.display", shown.append)
    return shown


def words(box):
    return re.sub("<[^>]*>", "", box.children[0].value)


def strip_of(box):
    """The grid of tiles, one row for each of masked, restored and true; each pixel once."""
    with Image.open(io.BytesIO(bytes(box.children[-1].value))) as picture:
        pixels = np.asarray(picture)[::2, ::2]
    step = SHOWN.shape[1] + 2
    return [
        [pixels[row * step :][:64, column * step :][:, :64] for column in range(len(SHOWN))]
        for row in range(3)
    ]


@pytest.mark.slow
def test_losses_and_tiles_are_shown_in_one_place(boxes):
    network, history = train(widgets.watch_training(SHOWN, MASKS))
    (box,) = boxes
    said = words(box)
    assert "Epoch 2 of 2 ended" in said
    assert f"training {history[-1]['loss']:.5f}, validation {history[-1]['val_loss']:.5f}" in said
    masked, restored, true = strip_of(box)
    np.testing.assert_array_equal(true, SHOWN)
    np.testing.assert_array_equal(masked, SHOWN * MASKS.astype(np.uint8))
    by_network = network.predict_on_batch([SHOWN / np.float32(255) * MASKS, MASKS])
    # The weights shown are those of the last epoch, which here are the best.
    assert history[1]["val_loss"] < history[0]["val_loss"]
    assert abs(np.rint(255 * by_network) - restored).max() <= 1
    error = metrics.mse(SHOWN, by_network, MASKS).mean()
    assert f"MSE in the holes of the tiles below: {error:.5f}" in said
    assert Image.open(io.BytesIO(bytes(box.children[2].value))).size[0] > 300


@pytest.mark.slow
def test_it_shows_the_untrained_network_and_changes_with_every_epoch(boxes):
    monitor = widgets.watch_training(SHOWN, MASKS)
    strips = []
    keep = keras.callbacks.LambdaCallback(
        on_epoch_begin=lambda *_: strips.append(bytes(boxes[0].children[-1].value))
    )
    network = tiny_network()
    before = network.predict_on_batch([SHOWN / np.float32(255) * MASKS, MASKS])
    training.fit_unet(
        network,
        IMAGES[8:],
        IMAGES[:8],
        epochs=2,
        steps_per_epoch=3,
        callbacks=(monitor, keep),
        verbose=0,
    )
    strips.append(bytes(boxes[0].children[-1].value))
    assert len(set(strips)) == 3
    boxes[0].children[-1].value = strips[0]
    assert abs(np.rint(255 * before) - strip_of(boxes[0])[1]).max() <= 1


@pytest.mark.slow
def test_training_is_the_same_with_and_without_it(boxes):
    watched, unwatched = (
        train(monitor)[0].get_weights() for monitor in (widgets.watch_training(SHOWN, MASKS), None)
    )
    for first, second in zip(watched, unwatched, strict=True):
        np.testing.assert_array_equal(first, second)


@pytest.mark.slow
def test_a_plain_fit_without_validation_is_watched_too(boxes):
    network = tiny_network()
    network.compile("adam", "mse")
    masks = line_masks(len(IMAGES))
    tiles = IMAGES / np.float32(255)
    network.fit(
        [tiles * masks, masks],
        tiles,
        epochs=1,
        verbose=0,
        callbacks=[widgets.watch_training(SHOWN, MASKS)],
    )
    assert "Epoch 1 of 1 ended: loss in training" in words(boxes[0])
    assert "validation" not in words(boxes[0])


def test_negative_losses_are_drawn(boxes):
    network = tiny_network()
    network.compile("sgd", lambda true, predicted: keras.ops.mean(predicted) - 10)
    fill = compositing.push_pull(SHOWN / np.float32(255) * MASKS, MASKS)
    network.fit(
        [fill, MASKS],
        fill,
        epochs=2,
        verbose=0,
        callbacks=[widgets.watch_training(SHOWN, MASKS)],
    )
    assert "loss in training -9" in words(boxes[0])


@pytest.mark.slow
def test_an_interrupt_stops_the_training_and_the_best_weights_stay(boxes):
    monitor = widgets.watch_training(SHOWN, MASKS)
    usual = signal.getsignal(signal.SIGINT)

    def press(batch, logs):
        if monitor.model.optimizer.iterations.numpy() >= 4:
            signal.raise_signal(signal.SIGINT)

    network = tiny_network()
    history = training.fit_unet(
        network,
        IMAGES[8:],
        IMAGES[:8],
        epochs=9,
        steps_per_epoch=3,
        callbacks=(monitor, keras.callbacks.LambdaCallback(on_train_batch_end=press)),
        verbose=0,
    )
    assert len(history) == 2
    assert signal.getsignal(signal.SIGINT) == usual
    masked = (IMAGES[:8] / np.float32(255) * (known := line_masks(8, seed=1)), known)
    loss = np.abs(network.predict_on_batch(list(masked)) - IMAGES[:8] / 255).mean()
    assert loss == pytest.approx(min(row["val_loss"] for row in history), rel=1e-3)


@pytest.fixture
def interruptible():
    """SIGINT as in a kernel; what runs tests may ignore it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_a_second_interrupt_is_one(boxes, interruptible):
    def press_twice(batch, logs):
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)

    callbacks = (
        widgets.watch_training(SHOWN, MASKS),
        keras.callbacks.LambdaCallback(on_train_batch_end=press_twice),
    )
    with pytest.raises(KeyboardInterrupt):
        training.fit_unet(
            tiny_network(), IMAGES[8:], IMAGES[:8], epochs=2, callbacks=callbacks, verbose=0
        )
    assert signal.getsignal(signal.SIGINT) == signal.default_int_handler


def test_nothing_is_missing_before_the_first_step_and_nothing_grows(boxes):
    sizes = []

    def measure(*_):
        pictures = [w for w in boxes[0].children if hasattr(w, "format")]
        sizes.append([Image.open(io.BytesIO(bytes(p.value))).size[1] for p in pictures])

    train_begins = keras.callbacks.LambdaCallback(on_epoch_begin=measure, on_epoch_end=measure)
    network = tiny_network()
    training.fit_unet(
        network,
        IMAGES[8:],
        IMAGES[:8],
        epochs=2,
        steps_per_epoch=2,
        callbacks=(widgets.watch_training(SHOWN, MASKS), train_begins),
        verbose=0,
    )
    assert len(sizes) == 4 and all(size == sizes[0] for size in sizes)


def test_wrong_masks_are_refused_before_training_begins():
    with pytest.raises(ValueError, match="^masks "):
        widgets.watch_training(SHOWN, MASKS[..., 0])
    with pytest.raises(ValueError, match="^masks "):
        widgets.watch_training(SHOWN, np.ones_like(MASKS))
