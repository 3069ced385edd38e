"""A small land-cover classifier: it says what is still to be seen in a restored tile.

Trained on whole tiles, used as a measuring instrument in notebook 04.
"""

import keras
from keras import layers

from eurosat_inpaint._checks import as_multiple

CLASSES = 10
_FILTERS = (32, 64, 128, 192)
# Tiles are dark: this brings their values to about -1 to 1, and zero padding to their mean.
_SCALE, _OFFSET = 5.0, -2.0


def classifier(size: int = 64, dtype: str = "float32") -> keras.Model:
    """A residual network with batch normalisation, from whole tiles to logits of ten classes.

    A convolution of stride 2, then one residual block at each of a half, a quarter, an eighth and
    a sixteenth of the resolution, global average pooling ("features") and a dense layer
    ("logits"). After He et al., "Deep residual learning" (CVPR 2016).

    Args:
        size: side of the tile in pixels, divisible by 16.
        dtype: policy of the inner layers: "float32", or "mixed_bfloat16" for faster training on
            hardware that has it. Input, features, logits and weights are float32 in both.

    Returns:
        A model from tiles, float32 (n, size, size, 3) in [0, 1], to logits, float32 (n, 10), in
        the order of ``data.CLASS_NAMES``.

    Raises:
        ValueError: if ``size`` is not a positive multiple of 16.
    """
    size = as_multiple("size", size, 2 ** len(_FILTERS))
    tiles = keras.Input((size, size, 3), dtype="float32", name="tiles")
    hidden = layers.Rescaling(_SCALE, _OFFSET, dtype="float32", name="centred")(tiles)
    hidden = _normalised_convolution(hidden, _FILTERS[0], 4, "stem", dtype, strides=2)
    hidden = layers.Activation("relu", dtype=dtype, name="stem_relu")(hidden)
    for stage, width in enumerate(_FILTERS, start=1):
        if stage > 1:
            hidden = layers.MaxPooling2D(
                2, data_format="channels_last", dtype=dtype, name=f"stage_{stage}_pooling"
            )(hidden)
        hidden = _residual_block(hidden, width, f"stage_{stage}", dtype)
    features = layers.GlobalAveragePooling2D(
        data_format="channels_last", dtype="float32", name="features"
    )(hidden)
    logits = layers.Dense(CLASSES, dtype="float32", name="logits")(features)
    return keras.Model(tiles, logits, name="classifier")


def _residual_block(features, width, name, dtype):
    change = _normalised_convolution(features, width, 3, f"{name}_1", dtype)
    change = layers.Activation("relu", dtype=dtype, name=f"{name}_1_relu")(change)
    change = _normalised_convolution(change, width, 3, f"{name}_2", dtype)
    if features.shape[-1] != width:
        features = _normalised_convolution(features, width, 1, f"{name}_width", dtype)
    features = layers.Add(dtype=dtype, name=f"{name}_sum")([features, change])
    return layers.Activation("relu", dtype=dtype, name=f"{name}_relu")(features)


def _normalised_convolution(features, width, kernel_size, name, dtype, strides=1):
    features = layers.Conv2D(
        width,
        kernel_size,
        strides,
        padding="same",
        data_format="channels_last",
        use_bias=False,
        dtype=dtype,
        name=name,
    )(features)
    return layers.BatchNormalization(momentum=0.95, dtype=dtype, name=f"{name}_normalised")(
        features
    )
