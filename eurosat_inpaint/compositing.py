"""Putting known pixels back, and a first fill of the holes. Taught in notebooks 02, 03 and 06."""

from typing import Any

import keras
import numpy as np
from keras import ops

from eurosat_inpaint._checks import require_masks, require_shape

# A coarse pixel is trusted fully when one of the four finer ones under it is known. Measured on
# the validation tiles, MSE with the factor 1: 0.00364, 2: 0.00332, 4: 0.00324, 16: 0.00327.
_ENOUGH_KNOWN = 4.0


def composite(masked: Any, prediction: Any, mask: Any = None) -> Any:
    """Take known pixels from the masked tile and holes from the prediction.

    Args:
        masked: masked tiles, shape (n, height, width, channels), any range.
        prediction: restored tiles, same shape.
        mask: shape (n, height, width, 1), 1 = known, 0 = hole. Without it a hole is a pixel that
            is 0 in all channels, as in the original; no pixel of EuroSAT RGB is.

    Returns:
        The composite, same shape: a NumPy array if all inputs are NumPy arrays, else a tensor of
        the Keras backend. Known pixels are bit-identical to those of ``masked``.

    Raises:
        ValueError: if the shapes do not fit together, or a NumPy ``mask`` is not 0 and 1 only.

    Example:
        >>> tiles = np.full((1, 64, 64, 3), 0.5)
        >>> mask = np.zeros((1, 64, 64, 1))
        >>> mask[:, :32] = 1
        >>> whole = composite(tiles * mask, np.zeros_like(tiles), mask)
        >>> float(whole[0, 0, 0, 0]), float(whole[0, 63, 0, 0])
        (0.5, 0.0)
    """
    require_shape("masked", masked, "n", "height", "width", "channels")
    require_shape("prediction", prediction, *masked.shape)
    if mask is None:
        known = ops.any(ops.not_equal(masked, 0), axis=-1, keepdims=True)
    else:
        _require_mask(mask, masked)
        known = ops.not_equal(mask, 0)
    whole = ops.where(known, masked, prediction)
    given = [masked, prediction] + ([] if mask is None else [mask])
    return ops.convert_to_numpy(whole) if all(isinstance(x, np.ndarray) for x in given) else whole


def push_pull(masked: Any, mask: Any) -> Any:
    """Fill the holes from a pyramid of normalised averages.

    Pull: each coarser level holds the mean of the known pixels under it and the fraction known.
    Push: from the coarsest level down, what is not known is taken from the level above,
    bilinearly interpolated. After Gortler et al., "The Lumigraph" (SIGGRAPH 1996).

    Args:
        masked: masked tiles in [0, 1], shape (n, height, width, channels); whatever stands in
            the holes is ignored.
        mask: shape (n, height, width, 1), 1 = known, 0 = hole.

    Returns:
        float32 filled tiles, same shape as ``masked``, known pixels bit-identical: a NumPy array
        if both inputs are NumPy arrays, else a tensor of the Keras backend. A tile of which
        nothing is known comes out black.

    Raises:
        ValueError: if the shapes do not fit together, or a NumPy ``mask`` is not 0 and 1 only.
    """
    require_shape("masked", masked, "n", "height", "width", "channels")
    _require_mask(mask, masked)
    given_arrays = isinstance(masked, np.ndarray) and isinstance(mask, np.ndarray)
    masked, mask = ops.cast(masked, "float32"), ops.cast(mask, "float32")
    # Selected, not multiplied: a hole may hold NaN.
    levels = [ops.concatenate([ops.where(ops.not_equal(mask, 0), masked, 0.0), mask], axis=-1)]
    while max(levels[-1].shape[1:3]) > 1:
        levels.append(
            ops.average_pool(levels[-1], 2, 2, padding="same", data_format="channels_last")
        )
    filled = _normalised(levels[-1])
    for level in reversed(levels[1:-1]):
        coarse = _enlarged(filled, level)
        confidence = ops.minimum(_ENOUGH_KNOWN * level[..., -1:], 1.0)
        filled = coarse + confidence * (_normalised(level) - coarse)
    # At full resolution a pixel is known or not: putting the known back is all that is left.
    whole = composite(masked, _enlarged(filled, masked), mask)
    return ops.convert_to_numpy(whole) if given_arrays else whole


def composite_layer(name: str = "composite") -> keras.layers.Lambda:
    """The Lambda layer at the end of every network: known pixels are put back.

    Called as ``layer([masked, prediction])`` or ``layer([masked, prediction, mask])``. It works in
    float32 whatever the policy: in bfloat16 known pixels would change by up to 0.002. A saved
    model that holds it loads under Keras' default ``safe_mode`` once this module was imported.
    """
    return keras.layers.Lambda(_composite_inputs, dtype="float32", name=name)


def push_pull_layer(name: str = "push_pull") -> keras.layers.Lambda:
    """:func:`push_pull` as a Lambda layer, called as ``layer([masked, mask])``, in float32."""
    return keras.layers.Lambda(_push_pull_inputs, dtype="float32", name=name)


# One argument each: Keras would fill an argument called ``mask`` with its own padding mask.
@keras.saving.register_keras_serializable(package="eurosat_inpaint")
def _composite_inputs(inputs):
    return composite(*inputs)


@keras.saving.register_keras_serializable(package="eurosat_inpaint")
def _push_pull_inputs(inputs):
    return push_pull(*inputs)


def _enlarged(filled, like):
    return ops.image.resize(
        filled, like.shape[1:3], interpolation="bilinear", data_format="channels_last"
    )


def _normalised(level):
    """Mean colour of the known part: weighted sums in all channels but the last, the weight."""
    return level[..., :-1] / ops.maximum(level[..., -1:], 1e-12)


def _require_mask(mask, masked):
    # The values of a tensor may not be known yet, and in training the check would cost time.
    if isinstance(mask, np.ndarray):
        require_masks("mask", mask, masked.shape)
    require_shape("mask", mask, *masked.shape[:-1], 1)
