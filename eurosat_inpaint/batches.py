"""Training batches: shuffled, flipped and masked anew, on every Keras backend. See notebook 04."""

from collections.abc import Callable
from functools import lru_cache

import keras
import numpy as np

from eurosat_inpaint.masks import line_masks, require_integer


class MaskedTileBatches(keras.utils.PyDataset):
    """Batches ``((masked, mask), tiles)`` for ``fit``; batch k is a pure function of (seed, k).

    Tiles are flipped left to right, upside down and along the diagonal at random; masks are not,
    since their law is not unchanged by the last.

    Args:
        images: uint8 (n, size, size, 3).
        batch_size: tiles per batch.
        steps_per_epoch: batches per epoch; by default as many as fit into one pass over the
            tiles. Tiles left over are the first of the next pass: none is dropped.
        seed: fixes order, flips and masks.
        draw_masks: ``(n, size=..., seed=...)`` -> masks, by default :func:`masks.line_masks`.
        mask_input: give the mask to the network, beside the masked tile.
        augment: flip the tiles.

    Attributes:
        epoch: number of the current epoch. ``fit`` counts it on, in some versions of Keras once
            before the first epoch too; a callback that sets it when an epoch begins makes sure,
            and continues a training.
    """

    def __init__(
        self,
        images: np.ndarray,
        batch_size: int,
        steps_per_epoch: int | None = None,
        seed: int = 0,
        draw_masks: Callable[..., np.ndarray] = line_masks,
        mask_input: bool = True,
        augment: bool = True,
    ):
        super().__init__()
        require_integer("batch_size", batch_size, 1)
        require_integer("seed", seed, 0)
        if steps_per_epoch is not None:
            require_integer("steps_per_epoch", steps_per_epoch, 1)
        require_images("images", images)
        if len(images) < batch_size:
            raise ValueError(f"batch_size is {batch_size}, but there are {len(images)} images")
        self.images = images
        self.batch_size = batch_size
        self.steps_per_epoch = steps_per_epoch or len(images) // batch_size
        self.seed = seed
        self.draw_masks = draw_masks
        self.mask_input = mask_input
        self.augment = augment
        self.epoch = 0
        self._order = lru_cache(maxsize=2)(self._order_of_pass)

    @property
    def num_batches(self) -> int:
        return self.steps_per_epoch

    def on_epoch_end(self):
        self.epoch += 1

    def __getitem__(self, index: int):
        return self.batch(self.epoch * self.steps_per_epoch + index)

    def batch(self, number: int):
        """Batch ``number`` of the whole training, counted from 0 over all epochs."""
        positions = np.arange(number * self.batch_size, (number + 1) * self.batch_size)
        passes, offsets = np.divmod(positions, len(self.images))
        chosen = [self._order(p)[offset] for p, offset in zip(passes, offsets, strict=True)]
        random = np.random.default_rng([self.seed, 1, number])
        tiles = self.images[np.array(chosen)]
        if self.augment:
            tiles = _flip(tiles, random)
        mask_seed = int(random.integers(2**62))
        masks = self.draw_masks(self.batch_size, size=tiles.shape[1], seed=mask_seed)
        tiles = tiles.astype(np.float32) / 255
        masked = tiles * masks
        return ((masked, masks) if self.mask_input else masked), tiles

    def _order_of_pass(self, number):
        return np.random.default_rng([self.seed, 0, number]).permutation(len(self.images))


def _flip(tiles, random):
    left_right, upside_down, diagonal = random.random((3, len(tiles), 1, 1, 1)) < 0.5
    tiles = np.where(left_right, tiles[:, :, ::-1], tiles)
    tiles = np.where(upside_down, tiles[:, ::-1], tiles)
    return np.where(diagonal, tiles.transpose(0, 2, 1, 3), tiles)


def require_images(name: str, images) -> None:
    """Raise an error that names the argument unless ``images`` is uint8 (n, side, side, 3)."""
    if not isinstance(images, np.ndarray) or images.dtype != np.uint8:
        raise TypeError(f"{name} must be a uint8 array, got {getattr(images, 'dtype', images)!r}")
    if images.ndim != 4 or images.shape[3] != 3 or images.shape[1] != images.shape[2]:
        raise ValueError(f"{name} must have shape (n, side, side, 3), got {images.shape}")
