"""Training batches: shuffled and flipped anew, on every Keras backend. See notebook 06."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import keras
import numpy as np

from eurosat_inpaint._checks import (
    as_masks,
    as_tiles,
    require_function,
    require_images,
    require_integer,
    require_labels,
    require_shape,
)
from eurosat_inpaint.masks import line_masks
from eurosat_inpaint.training.distribution import devices_in_use, own_share


class TileBatches(keras.utils.PyDataset):
    """Batches for ``fit`` out of tiles; batch k is a pure function of (seed, k).

    What a batch holds is up to the subclasses: :class:`MaskedTileBatches`,
    :class:`LabelledTileBatches`. Tiles are flipped left to right, upside down and along the
    diagonal at random. Batches can be pickled, for worker processes, with the tiles in them, also
    where those are memory-mapped.

    Args:
        images: uint8 (n, size, size, 3).
        batch_size: tiles per batch.
        steps_per_epoch: batches per epoch; by default as many as fit into one pass over the
            tiles. Tiles left over are the first of the next pass: none is dropped.
        seed: fixes order and flips.
        augment: flip the tiles.

    Attributes:
        epoch: number of the current epoch. ``fit`` counts it on, in some versions of Keras once
            before the first epoch too; a callback that sets it when an epoch begins makes sure,
            and continues a training.
        problem: what went wrong in a batch; from ``fit`` it comes wrapped by TensorFlow.

    Raises:
        TypeError: if ``images`` are not uint8.
        ValueError: if they have another shape or are fewer than a batch holds, or for a number
            that is no positive integer.
    """

    def __init__(
        self,
        images: np.ndarray,
        batch_size: int,
        *,
        steps_per_epoch: int | None = None,
        seed: int = 0,
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
        if batch_size % devices_in_use():
            raise ValueError(
                f"batch_size is {batch_size}, which {devices_in_use()} devices cannot share evenly"
            )
        self.images = images
        self.batch_size = batch_size
        self.steps_per_epoch = steps_per_epoch or len(images) // batch_size
        self.seed = seed
        self.augment = augment
        self.epoch = 0
        self.problem: Exception | None = None

    @property
    def num_batches(self) -> int:
        return self.steps_per_epoch

    def on_epoch_end(self) -> None:
        self.epoch += 1

    def __getitem__(self, index: int) -> tuple:
        try:
            return own_share(self.batch(self.epoch * self.steps_per_epoch + index))
        except Exception as problem:
            self.problem = problem
            raise

    def batch(self, number: int) -> tuple:
        """Batch ``number`` of the whole training, counted from 0 over all epochs."""
        raise NotImplementedError

    def _draw(self, number):
        """Positions of the tiles of a batch, the flipped tiles (uint8), the generator."""
        positions = np.arange(number * self.batch_size, (number + 1) * self.batch_size)
        passes, offsets = np.divmod(positions, len(self.images))
        orders = {p: _order_of_pass(self.seed, p, len(self.images)) for p in map(int, passes)}
        chosen = np.array([orders[p][offset] for p, offset in zip(passes, offsets, strict=True)])
        random = np.random.default_rng([self.seed, 1, number])
        tiles = self.images[chosen]
        if self.augment:
            _flip(tiles, random)
        return chosen, tiles, random


class MaskedTileBatches(TileBatches):
    """Batches ``((masked, mask), tiles)``, masked anew; batch k is a pure function of (seed, k).

    Tiles are flipped; masks are not, since their law is not unchanged by the flip along the
    diagonal.

    Args:
        images, batch_size: as of :class:`TileBatches`.
        draw_masks: ``(n, size=..., seed=...)`` -> masks (n, size, size, 1) of 0 and 1, any dtype,
            by default :func:`masks.line_masks`. Batches can be pickled where it can.
        vary_tiles: ``(tiles, seed=...)`` -> tiles, uint8 to float32 in [0, 1] of one shape, such
            as :func:`vary_tiles`: how tiles are made to look different each time; None leaves
            them as they are.
        mask_input: give the mask to the network, beside the masked tile.
        **settings: of :class:`TileBatches`; the seed fixes the masks too.

    Raises:
        TypeError: if ``draw_masks`` or ``vary_tiles`` is no function.
        ValueError: from a batch, if they return anything else.

    Example:
        >>> images = np.full((40, 64, 64, 3), 128, np.uint8)
        >>> (masked, masks), tiles = MaskedTileBatches(images, batch_size=8)[0]
        >>> masked.shape, masks.shape, tiles.dtype
        ((8, 64, 64, 3), (8, 64, 64, 1), dtype('float32'))
    """

    def __init__(
        self,
        images: np.ndarray,
        batch_size: int,
        *,
        draw_masks: Callable[..., np.ndarray] = line_masks,
        vary_tiles: Callable[..., np.ndarray] | None = None,
        mask_input: bool = True,
        **settings: Any,
    ):
        super().__init__(images, batch_size, **settings)
        require_function("draw_masks", draw_masks)
        self.draw_masks = draw_masks
        self.vary_tiles = vary_tiles
        self.mask_input = mask_input

    def batch(self, number: int) -> tuple:
        """Batch ``number`` of the whole training, counted from 0 over all epochs."""
        _, tiles, random = self._draw(number)
        mask_seed = int(random.integers(2**62))
        masks = drawn_masks(self.draw_masks, tiles.shape, seed=mask_seed)
        tiles = varied_tiles(self.vary_tiles, tiles, lambda: int(random.integers(2**62)))
        masked = tiles * masks
        return ((masked, masks) if self.mask_input else masked), tiles


class LabelledTileBatches(TileBatches):
    """Batches ``(tiles, one-hot labels)``; batch k is a pure function of (seed, k).

    Args:
        images, batch_size: as of :class:`TileBatches`.
        labels: int (n,), the class of each tile.
        classes: number of classes.
        **settings: of :class:`TileBatches`.

    Raises:
        TypeError, ValueError: as :class:`TileBatches`; if ``labels`` are not integers, or there is
            not one in [0, ``classes``) for each tile.
    """

    def __init__(
        self,
        images: np.ndarray,
        batch_size: int,
        *,
        labels: np.ndarray,
        classes: int,
        **settings: Any,
    ):
        super().__init__(images, batch_size, **settings)
        require_integer("classes", classes, 1)
        require_labels("labels", labels, len(images), classes)
        self.labels = labels
        self.classes = classes

    def batch(self, number: int) -> tuple:
        """Batch ``number`` of the whole training, counted from 0 over all epochs."""
        chosen, tiles, _ = self._draw(number)
        return np.divide(tiles, 255, dtype=np.float32), one_hot(self.labels[chosen], self.classes)


def drawn_masks(draw_masks: Callable[..., Any], shape: tuple[int, ...], seed: int) -> np.ndarray:
    """What a function draws for tiles of this shape, as float32, or an error if it is no masks."""
    require_function("draw_masks", draw_masks)
    drawn = draw_masks(shape[0], size=shape[1], seed=seed)
    masks = as_masks("what draw_masks returns", drawn, shape)
    return masks.astype(np.float32, copy=False)


def varied_tiles(
    vary_tiles: Callable[..., Any] | None, tiles: np.ndarray, draw_seed: Callable[[], int]
) -> np.ndarray:
    """What a function makes of uint8 tiles, float32 in [0, 1], or an error if it is no tiles."""
    if vary_tiles is None:
        return np.divide(tiles, 255, dtype=np.float32)
    require_function("vary_tiles", vary_tiles)
    varied = as_tiles("what vary_tiles returns", vary_tiles(tiles, seed=draw_seed()))
    require_shape("what vary_tiles returns", varied, *tiles.shape)
    return varied.astype(np.float32, copy=False)


def one_hot(labels: np.ndarray, classes: int) -> np.ndarray:
    """Labels int (n,) in [0, ``classes``) as float32 (n, classes)."""
    return np.eye(classes, dtype=np.float32)[labels]


# Of one training at most two passes are in use at a time, that of a batch and the next.
@lru_cache(maxsize=8)
def _order_of_pass(seed, number, count):
    return np.random.default_rng([seed, 0, number]).permutation(count)


def _flip(tiles, random):
    """Flips some of the tiles, in place."""
    left_right, upside_down, diagonal = random.random((3, len(tiles))) < 0.5
    tiles[left_right] = tiles[left_right, :, ::-1]
    tiles[upside_down] = tiles[upside_down, ::-1]
    tiles[diagonal] = tiles[diagonal].transpose(0, 2, 1, 3)
