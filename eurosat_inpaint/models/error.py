"""A U-Net that also says how far it may be off. Taught in notebook 10."""

import keras
from keras import layers, ops

from eurosat_inpaint.models.unet import (
    as_stages,
    convolution,
    depth_to_space,
    encoded_and_decoded,
    residual_unet,
    space_to_depth,
)

# Errors are about so large; and never taken to be smaller than half a level of 255.
_TYPICAL_ERROR = 0.03
_LEAST_ERROR = 0.002


def unet_with_error(
    size: int = 64,
    *,
    unet: dict | None = None,
    filters: tuple[int, ...] = (48, 80),
    blocks: tuple[int, ...] = (1, 2),
    dtype: str = "float32",
) -> keras.Model:
    """A restoring U-Net, frozen, and behind it a small network that predicts its error.

    That head sees the features from which the U-Net computes its last correction, what it restored,
    and the mask, at half resolution; it is a U-Net of its own. It predicts, for each pixel and
    channel, the scale of the error: with :class:`training.ErrorScaleLoss` its mean magnitude. After
    Nix and Weigend, "Estimating the mean and variance of the target probability distribution"
    (ICNN 1994), with a mean that is trained before, and stays.

    The U-Net is ``model.get_layer("first_stage")``, the head ``model.get_layer("second_stage")``.

    Args:
        size: side of the tile in pixels, divisible by 2 to the number of either part's filters.
        unet: ``filters`` and ``blocks`` of the U-Net, by default those of :func:`residual_unet`.
        filters, blocks: of the head, as of :func:`residual_unet`.
        dtype: policy of the inner layers of both, as of :func:`residual_unet`.

    Returns:
        A model from ``[masked, mask]``, float32 of shapes (n, size, size, 3) and
        (n, size, size, 1), to float32 (n, size, size, 6): the composite in [0, 1], then the scale,
        which is 1 where the pixel is known.

    Raises:
        TypeError: if ``unet`` is no dictionary.
        ValueError: as :func:`residual_unet`, for either part.

    Example:
        >>> small = {"filters": (8, 8), "blocks": (1, 1)}
        >>> unet_with_error(unet=small, **small).output_shape
        (None, 64, 64, 6)
    """
    if not isinstance(unet, (dict, type(None))):
        raise TypeError(f"unet must be a dictionary of filters and blocks, got {unet!r}")
    size, filters, blocks = as_stages(size, filters, blocks)
    masked = keras.Input((size, size, 3), dtype="float32", name="masked")
    mask = keras.Input((size, size, 1), dtype="float32", name="mask")
    restoring = residual_unet(size, **(unet or {}), dtype=dtype)
    features = restoring.get_layer("correction").input
    outputs = [restoring.outputs[0], ops.cast(features, "float32")]
    first_stage = keras.Model(restoring.inputs, outputs, name="first_stage")
    first_stage.trainable = False
    restored, features = first_stage([masked, mask])
    second_stage = _head(size, features.shape[1:], filters, blocks, dtype)
    scale = second_stage([restored, mask, features])
    told = layers.Concatenate(dtype="float32", name="restored_and_scale")([restored, scale])
    return keras.Model([masked, mask], told, name="unet_with_error")


def _head(size, shape, filters, blocks, dtype):
    restored = keras.Input((size, size, 3), dtype="float32", name="restored")
    mask = keras.Input((size, size, 1), dtype="float32", name="mask")
    features = keras.Input(shape, dtype="float32", name="features")
    seen = layers.Concatenate(dtype="float32", name="tile_and_mask")([restored, mask])
    seen = layers.Concatenate(dtype="float32", name="seen")([space_to_depth(seen), features])
    hidden = convolution(filters[0], 3, name="stem", dtype=dtype)(seen)
    hidden = encoded_and_decoded(hidden, filters, blocks, dtype)
    logarithm = convolution(12, 3, kernel_initializer="zeros", name="logarithm", dtype="float32")(
        hidden
    )
    scale = _LEAST_ERROR + _TYPICAL_ERROR * ops.exp(ops.clip(depth_to_space(logarithm), -6, 4))
    scale = ops.where(ops.equal(mask, 0), scale, 1.0)
    return keras.Model([restored, mask, features], scale, name="second_stage")
