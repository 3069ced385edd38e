"""Putting known pixels back, and a first fill of the holes. Taught in notebooks 02, 03 and 06."""

from typing import Any

import keras
import numpy as np
from keras import ops

from eurosat_inpaint._checks import as_array, require_masks, require_shape

# A coarse pixel is trusted fully when one of the four finer ones under it is known. Measured on
# the validation tiles, MSE with the factor 1: 0.00364, 2: 0.00332, 4: 0.00324, 16: 0.00327.
_ENOUGH_KNOWN = 4.0


def composite(masked: Any, prediction: Any, mask: Any = None) -> Any:
    """Take known pixels from the masked tile and holes from the prediction.

    Args:
        masked: masked tiles, shape (n, height, width, channels), any range, any dtype of real
            numbers.
        prediction: restored tiles, same shape; of the same dtype, or both are floating-point.
        mask: shape (n, height, width, 1), 1 = known, 0 = hole. Without it a hole is a pixel that
            is 0 in all channels, as in the original; no pixel of EuroSAT RGB is.

    Returns:
        The composite, same shape: a NumPy array if all inputs are NumPy arrays, else a tensor of
        the Keras backend. Known pixels are bit-identical to those of ``masked``; if the
        prediction is of a wider floating-point dtype, they are the same numbers in that.

    Raises:
        TypeError: if an argument is neither array nor tensor, or no real numbers; or for dtypes
            of which none holds all numbers of both.
        ValueError: if the shapes do not fit together, or a NumPy ``mask`` is not 0 and 1 only.

    Example:
        >>> tiles = np.full((1, 64, 64, 3), 0.5)
        >>> mask = np.zeros((1, 64, 64, 1))
        >>> mask[:, :32] = 1
        >>> whole = composite(tiles * mask, np.zeros_like(tiles), mask)
        >>> float(whole[0, 0, 0, 0]), float(whole[0, 63, 0, 0])
        (0.5, 0.0)
    """
    _require_numbers("masked", masked)
    _require_numbers("prediction", prediction)
    require_shape("masked", masked, "n", "height", "width", "channels")
    require_shape("prediction", prediction, *masked.shape)
    _require_one_kind(masked, prediction)
    if mask is not None:
        _require_mask(mask, masked)
    if all(isinstance(given, (np.ndarray, type(None))) for given in (masked, prediction, mask)):
        hole = ~(masked != 0).any(axis=-1, keepdims=True) if mask is None else mask == 0
        same = masked.dtype == prediction.dtype
        whole = np.array(masked, masked.dtype if same else np.result_type(masked, prediction))
        np.copyto(whole, prediction, where=hole)
        return whole
    masked, prediction = _native(masked), _native(prediction)
    if mask is None:
        known = ops.any(ops.not_equal(masked, 0), axis=-1, keepdims=True)
    else:
        known = ops.not_equal(_native(mask), 0)
    whole = ops.where(known, masked, prediction)
    _require_kept(masked, whole)
    return whole


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
        float32 filled tiles, same shape as ``masked``, known pixels bit-identical to those of
        ``masked`` as float32: a NumPy array if both inputs are NumPy arrays, else a tensor of the
        Keras backend. A tile of which nothing is known comes out black.

    Raises:
        TypeError: if an argument is neither array nor tensor, or no real numbers.
        ValueError: if the shapes do not fit together, or a NumPy ``mask`` is not 0 and 1 only.
    """
    _require_numbers("masked", masked)
    require_shape("masked", masked, "n", "height", "width", "channels")
    _require_mask(mask, masked)
    given_arrays = isinstance(masked, np.ndarray) and isinstance(mask, np.ndarray)
    masked, mask = ops.cast(_native(masked), "float32"), ops.cast(_native(mask), "float32")
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
    _require_numbers("mask", mask)
    # The values of a tensor may not be known yet, and in training the check would cost time.
    if isinstance(mask, np.ndarray):
        require_masks("mask", mask, masked.shape)
    require_shape("mask", mask, *masked.shape[:-1], 1)


def _require_numbers(name, given):
    if isinstance(given, np.ndarray):
        as_array(name, given)
    elif not hasattr(given, "shape") or not hasattr(given, "dtype"):
        raise TypeError(f"{name} must be an array or a tensor, got {type(given).__name__}")


def _require_one_kind(masked, prediction):
    """Raise a TypeError for dtypes whose common one might not hold all numbers of both."""
    given = _dtype_name(masked), _dtype_name(prediction)
    if given[0] != given[1] and not all("float" in dtype for dtype in given):
        raise TypeError(
            "masked and prediction must be of one dtype, or both floating-point, got "
            f"{given[0]} and {given[1]}: known pixels would not stay as they are"
        )


def _require_kept(masked, whole):
    """Raise a TypeError if the backend lacks a dtype: it would take a narrower one in silence."""
    given, found = _dtype_name(masked), _dtype_name(whole)
    if given != found and not ("float" in found and _bits(found) > _bits(given)):
        raise TypeError(f"masked must not be {given}: this Keras backend would make it {found}")


def _dtype_name(given):
    dtype = given.dtype
    return dtype.name if isinstance(dtype, np.dtype) else keras.backend.standardize_dtype(dtype)


def _bits(dtype):
    return int(dtype.removeprefix("b").removeprefix("float"))


def _native(given):
    """An array as every backend takes it: in the machine's order of bytes, and contiguous."""
    if not isinstance(given, np.ndarray):
        return given
    if given.dtype == np.longdouble:
        raise TypeError("float128 beside tensors is not supported, since no Keras backend has it")
    return np.ascontiguousarray(given, given.dtype.newbyteorder("="))
