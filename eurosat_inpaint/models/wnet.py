"""A W-Net: a U-Net restores, a second one sharpens what it restored. Taught in notebook 08."""

import keras

from eurosat_inpaint.compositing import composite_layer
from eurosat_inpaint.models.unet import as_stages, corrected_fill, residual_unet, tile_noise


def wnet(
    size: int = 64,
    *,
    first: dict | None = None,
    filters: tuple[int, ...] = (48, 64, 96),
    blocks: tuple[int, ...] = (1, 1, 2),
    noise: int = 0,
    noise_seed: int = 0,
    without_chessboard: bool = False,
    dtype: str = "float32",
) -> keras.Model:
    """Two U-Nets in a row: the second corrects the composite of the first.

    The first stage is a :func:`residual_unet`. The second has the same layers, but the tile that
    it corrects is the composite of the first and not a push-pull fill. Its correction starts at
    zero, so the untrained second stage returns what the first restored. Each stage ends in the
    compositing Lambda, and is a model of its own: ``model.get_layer("first_stage")`` and
    ``model.get_layer("second_stage")``, both from a tile and the mask to the composite.

    The first stage is frozen: only the second is trained, unless ``trainable`` of the layer
    "first_stage" is set.

    Args:
        size: side of the tile in pixels, divisible by 2 to the number of either stage's filters.
        first: ``filters`` and ``blocks`` of the first stage, by default those of
            :func:`residual_unet`.
        filters, blocks, noise, noise_seed, without_chessboard: of the second stage, as of
            :func:`residual_unet`.
        dtype: policy of the inner layers of both stages, as of :func:`residual_unet`.

    Returns:
        A model from ``[masked, mask]``, float32 of shapes (n, size, size, 3) and
        (n, size, size, 1), to the composite of the second stage, float32 in [0, 1].

    Raises:
        TypeError: if ``first`` is no dictionary.
        ValueError: as :func:`residual_unet`, for either stage.
    """
    if not isinstance(first, (dict, type(None))):
        raise TypeError(f"first must be a dictionary of filters and blocks, got {first!r}")
    size, filters, blocks = as_stages(size, filters, blocks)
    masked = keras.Input((size, size, 3), dtype="float32", name="masked")
    mask = keras.Input((size, size, 1), dtype="float32", name="mask")
    restoring = residual_unet(size, **(first or {}), dtype=dtype)
    first_stage = keras.Model(restoring.inputs, restoring.outputs[0], name="first_stage")
    first_stage.trainable = False
    second_stage = _second_stage(
        size,
        (noise, noise_seed),
        filters=filters,
        blocks=blocks,
        without_chessboard=without_chessboard,
        dtype=dtype,
    )
    sharpened = second_stage([first_stage([masked, mask]), mask])
    return keras.Model([masked, mask], sharpened, name="wnet")


def wnet_stages(model: keras.Model) -> keras.Model:
    """A W-Net with both of its outputs, ``[restored, sharpened]``; it shares all weights.

    Raises:
        TypeError: if the model is no W-Net.
    """
    if not {"first_stage", "second_stage"} <= {
        layer.name for layer in getattr(model, "layers", ())
    }:
        raise TypeError(f"model must be a W-Net as of models.wnet, got {model!r}")
    masked, mask = model.inputs
    restored = model.get_layer("first_stage")([masked, mask])
    sharpened = model.get_layer("second_stage")([restored, mask])
    return keras.Model([masked, mask], [restored, sharpened], name="wnet_stages")


def _second_stage(size, noise, **settings):
    restored = keras.Input((size, size, 3), dtype="float32", name="restored")
    mask = keras.Input((size, size, 1), dtype="float32", name="mask")
    chance = tile_noise(restored * mask, *noise)
    prediction = corrected_fill(restored, mask, chance, **settings)
    whole = composite_layer()([restored, prediction, mask])
    return keras.Model([restored, mask], whole, name="second_stage")
