"""What is computed of many tiles is computed in batches: no copies of all are held at once."""

import tracemalloc

import numpy as np
import pytest

from eurosat_inpaint import metrics, models, pretrained
from eurosat_inpaint.masks import line_masks

TILES = 1000
# As float32 all tiles take 49 MB: whoever holds two copies at once fails.
LIMIT = 75e6


@pytest.fixture(scope="module")
def tiles():
    images = np.random.default_rng(0).integers(0, 256, (TILES, 64, 64, 3), np.uint8)
    return images, line_masks(TILES)


def grey(masked, masks):
    return np.where(masks == 1, masked, np.float32(0.5))


def compared(images, masks):
    return metrics.compare({"one": grey, "two": grey}, images, masks)


CALLS = {
    "inpaint": lambda images, masks: pretrained.inpaint(
        images, masks, models.unet(filters=2, depth=1)
    ),
    "evaluate": lambda images, masks: metrics.evaluate(grey, images, masks),
    "mse": lambda images, masks: metrics.mse(images, images, masks),
    "ssim": lambda images, _: metrics.ssim(images, images),
    "accuracy": lambda images, _: metrics.channel_argmax_accuracy(images, images),
    "radial_power": lambda images, _: metrics.radial_power(images),
    "compare": compared,
}


def peak_of(call, *arguments):
    """Bytes that NumPy and Python held at most during the call."""
    tracemalloc.start()
    try:
        call(*arguments)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.slow
@pytest.mark.parametrize("call", CALLS)
def test_memory_is_bounded_beside_arguments_and_results(call, tiles):
    assert peak_of(CALLS[call], *tiles) < LIMIT


def test_kernel_distance_takes_less_than_its_kernel():
    features = np.random.default_rng(0).normal(size=(2, 4000, 8))
    # Three kernels of all pairs would take 384 MB.
    assert peak_of(metrics.kernel_distance, *features) < 60e6
