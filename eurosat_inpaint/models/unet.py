"""U-Nets for inpainting: the classical one, the original's, and the one that ships.

All end in a sigmoid and the compositing Lambda, so their output is a whole tile whose known
pixels are those of the input. Taught in notebook 06.
"""

from typing import Any

import keras
from keras import layers, ops

from eurosat_inpaint._checks import LARGEST_LENGTH, as_integer, as_integers, as_multiple
from eurosat_inpaint.compositing import composite_layer, push_pull_layer
from eurosat_inpaint.models.noise import TileNoise

# The fill is kept off 0 and 1, where the logit is infinite.
_FILL_MARGIN = 1e-3
# Brings the deviation from the tile's mean colour, in most tiles about 0.1, to the order of 1.
_CONTRAST = 5
_FAINT = 0.05


def unet(
    size: int = 64,
    *,
    filters: int = 16,
    depth: int = 4,
    kernel_sizes: tuple[int, ...] = (3, 3),
    mask_input: bool = True,
) -> keras.Model:
    """A classical U-Net that predicts the holes from the masked tile.

    Encoder stages of convolutions and max-pooling, each with twice the filters of the last; a
    decoder of transposed convolutions, skip connections by concatenation and convolutions; ReLU
    throughout, then a sigmoid and the compositing Lambda. After Ronneberger et al., "U-Net"
    (MICCAI 2015).

    Args:
        size: side of the tile in pixels, divisible by ``2**depth``.
        filters: filters of the first encoder stage.
        depth: number of poolings.
        kernel_sizes: one convolution per entry in every encoder and decoder stage.
        mask_input: give the network the mask beside the masked tile.

    Returns:
        A model from ``[masked, mask]`` (or ``masked`` alone), float32 of shapes
        (n, size, size, 3) and (n, size, size, 1), to the composite, float32 in [0, 1].

    Raises:
        ValueError: if ``size`` is not divisible by ``2**depth``, or a number is not a positive
            integer, of at most a million, or for a depth above 20.

    Example:
        >>> unet(filters=8, depth=3).output_shape
        (None, 64, 64, 3)
    """
    filters = as_integer("filters", filters, 1, LARGEST_LENGTH)
    # The largest size is not divisible by a higher power of two.
    depth = as_integer("depth", depth, 1, 20)
    size = as_multiple("size", size, 2**depth)
    kernel_sizes = as_integers("kernel_sizes", kernel_sizes)
    stages = [(filters * 2**stage, kernel_sizes) for stage in range(depth)]
    return _classical_unet(size, stages, (filters * 2**depth, (3, 3)), mask_input, "unet")


def original_unet(size: int = 64) -> keras.Model:
    """The network of the original project: 53,287,363 parameters, the masked tile its only input.

    Its compositing Lambda is connected here; in the original it was built but left unconnected.

    Args:
        size: side of the tile in pixels, divisible by 16.

    Returns:
        A model from ``masked``, float32 (n, size, size, 3), to the composite, float32 in [0, 1].

    Raises:
        ValueError: if ``size`` is not divisible by 16.
    """
    stages = [(64, (3, 4, 5)), (128, (3, 4, 5)), (256, (3, 4, 5)), (512, (3, 4, 5))]
    first_kernel_sizes = (1, 3, 5)
    return _classical_unet(size, stages, (1024, (3, 3)), False, "original_unet", first_kernel_sizes)


def _classical_unet(size, stages, bottleneck, mask_input, name, first_kernel_sizes=None):
    size = as_multiple("size", size, 2 ** len(stages))
    masked = keras.Input((size, size, 3), dtype="float32", name="masked")
    mask = keras.Input((size, size, 1), dtype="float32", name="mask")
    features = layers.Concatenate(name="input")([masked, mask]) if mask_input else masked

    skips = []
    for stage, (filters, kernel_sizes) in enumerate(stages, start=1):
        if stage == 1 and first_kernel_sizes:
            kernel_sizes = first_kernel_sizes
        features = _convolutions(features, filters, kernel_sizes, f"encoder_{stage}")
        skips.append(features)
        features = layers.MaxPooling2D(
            2, data_format="channels_last", name=f"encoder_{stage}_pooling"
        )(features)

    features = _convolutions(features, *bottleneck, "bottleneck")

    for stage, (filters, kernel_sizes) in reversed(list(enumerate(stages, start=1))):
        features = layers.Conv2DTranspose(
            filters, 2, 2, data_format="channels_last", name=f"decoder_{stage}_upsampling"
        )(features)
        features = layers.Concatenate(name=f"decoder_{stage}_skip")([features, skips.pop()])
        features = _convolutions(features, filters, kernel_sizes, f"decoder_{stage}")

    prediction = convolution(3, 3, activation="sigmoid", dtype="float32", name="prediction")(
        features
    )
    if not mask_input:
        return keras.Model(masked, composite_layer()([masked, prediction]), name=name)
    whole = composite_layer()([masked, prediction, mask])
    return keras.Model([masked, mask], whole, name=name)


def convolution(filters, kernel_size, **settings):
    """A convolution that keeps the size; whatever order of axes Keras is set to."""
    return layers.Conv2D(
        filters, kernel_size, padding="same", data_format="channels_last", **settings
    )


def _convolutions(features, filters, kernel_sizes, name):
    for number, kernel_size in enumerate(kernel_sizes, start=1):
        features = convolution(filters, kernel_size, activation="relu", name=f"{name}_{number}")(
            features
        )
    return features


def residual_unet(
    size: int = 64,
    *,
    filters: tuple[int, ...] = (64, 96, 144, 160),
    blocks: tuple[int, ...] = (1, 1, 1, 2),
    noise: int = 0,
    noise_seed: int = 0,
    without_chessboard: bool = False,
    dtype: str = "float32",
) -> keras.Model:
    """The U-Net that ships: it corrects a push-pull fill, at half resolution.

    The holes are filled by push-pull first. The fill's deviation from its mean colour, enlarged,
    and the mask are rearranged from (size, size, 4) to
    (size / 2, size / 2, 16), which avoids the slow full-resolution stages. A U-Net of residual
    blocks (max-pooling, bilinear upsampling, skips by addition) predicts a correction that is
    added to the logit of the fill; it starts at zero, so the untrained network is push-pull. Then
    come the sigmoid and the compositing Lambda.

    Args:
        size: side of the tile in pixels, divisible by ``2**len(filters)``.
        filters: filters of each stage, from half resolution downwards.
        blocks: residual blocks of each encoder stage; decoder stages have as many, the last
            stage is the bottleneck.
        noise: channels of white noise that the network is given in the holes, see
            :class:`TileNoise`: something to make texture from. 0 is none.
        noise_seed: of the noise; another one gives another answer to the same tile.
        without_chessboard: take out of the correction what alternates from pixel to pixel along
            rows and columns at once. Four pixels are computed from one place at half resolution,
            and a critic lets them drift apart in the same way everywhere; see Odena et al.,
            "Deconvolution and checkerboard artifacts" (2016).
        dtype: policy of the inner layers: "float32", or "mixed_bfloat16" for faster training on
            hardware that has it. Input, fill, output and weights are float32 in both.

    Returns:
        A model from ``[masked, mask]``, float32 of shapes (n, size, size, 3) and
        (n, size, size, 1), to the composite, float32 in [0, 1].

    Raises:
        ValueError: if ``size`` is not divisible by ``2**len(filters)``, if there are not as many
            ``blocks`` as ``filters``, or a number is not a positive integer; ``noise`` and its
            seed may be 0.

    Example:
        >>> residual_unet(filters=(16, 24), blocks=(1, 1)).output_shape
        (None, 64, 64, 3)
    """
    size, filters, blocks = as_stages(size, filters, blocks)
    masked = keras.Input((size, size, 3), dtype="float32", name="masked")
    mask = keras.Input((size, size, 1), dtype="float32", name="mask")
    fill = push_pull_layer()([masked, mask])
    chance = tile_noise(masked, noise, noise_seed)
    prediction = corrected_fill(
        fill,
        mask,
        chance,
        filters=filters,
        blocks=blocks,
        without_chessboard=without_chessboard,
        dtype=dtype,
    )
    whole = composite_layer()([masked, prediction, mask])
    return keras.Model([masked, mask], whole, name="residual_unet")


def tile_noise(tiles: Any, channels: int, seed: int) -> Any:
    """Symbolic noise for symbolic tiles, or None for no channels."""
    if as_integer("noise", channels, 0, LARGEST_LENGTH) == 0:
        return None
    return TileNoise(channels, as_integer("noise_seed", seed, 0), name="noise")(tiles)


def corrected_fill(
    fill: Any,
    mask: Any,
    noise: Any,
    *,
    filters: tuple[int, ...],
    blocks: tuple[int, ...],
    without_chessboard: bool,
    dtype: str,
) -> Any:
    """The layers of :func:`residual_unet` between the fill and the composite.

    Args:
        fill: symbolic tile without holes, float32 (n, size, size, 3) in [0, 1].
        mask: symbolic mask, float32 (n, size, size, 1).
        noise: symbolic noise, float32 (n, size, size, channels), or None.
        filters, blocks, without_chessboard, dtype: as of :func:`residual_unet`.

    Returns:
        The symbolic prediction, float32, shape of ``fill``, in (0, 1); at first it is the fill.
    """
    contrast = _CONTRAST * (fill - ops.mean(fill, axis=(1, 2), keepdims=True))
    features = layers.Concatenate(name="fill_and_mask", dtype="float32")([contrast, mask])
    features = space_to_depth(features)
    features = convolution(filters[0], 3, name="stem", dtype=dtype)(features)
    if noise is not None:
        # Faint at first: a network that starts from trained weights begins as it was.
        faint = keras.initializers.VarianceScaling(_FAINT)
        chance = convolution(
            filters[0], 3, use_bias=False, kernel_initializer=faint, name="chance", dtype=dtype
        )(space_to_depth(noise * (1 - mask)))
        features = layers.Add(name="stem_and_chance", dtype=dtype)([features, chance])

    features = encoded_and_decoded(features, filters, blocks, dtype)
    correction = convolution(12, 3, kernel_initializer="zeros", name="correction", dtype="float32")(
        features
    )
    correction = depth_to_space(correction)
    if without_chessboard:
        correction = correction - _bend(_bend(correction, 1), 2) / 16
    logit = _logit(fill) + correction
    return layers.Activation("sigmoid", name="prediction", dtype="float32")(logit)


def encoded_and_decoded(
    features: Any, filters: tuple[int, ...], blocks: tuple[int, ...], dtype: str
) -> Any:
    """The U of a U-Net: residual blocks downwards and upwards, with skips by addition.

    Args:
        features: symbolic, (n, height, width, filters[0]).
        filters, blocks, dtype: as of :func:`residual_unet`.

    Returns:
        Symbolic features of the same shape.
    """
    skips = []
    for stage, width in enumerate(filters, start=1):
        if stage > 1:
            features = layers.MaxPooling2D(
                2, data_format="channels_last", name=f"encoder_{stage}_pooling", dtype=dtype
            )(features)
            features = convolution(width, 1, name=f"encoder_{stage}_width", dtype=dtype)(features)
        features = _residual_blocks(features, blocks[stage - 1], f"encoder_{stage}", dtype)
        skips.append(features)

    skips.pop()
    for stage in range(len(filters) - 1, 0, -1):
        name = f"decoder_{stage}"
        features = convolution(filters[stage - 1], 1, name=f"{name}_width", dtype=dtype)(features)
        features = layers.UpSampling2D(
            2,
            data_format="channels_last",
            interpolation="bilinear",
            name=f"{name}_upsampling",
            dtype=dtype,
        )(features)
        features = layers.Add(name=f"{name}_skip", dtype=dtype)([features, skips.pop()])
        features = _residual_blocks(features, blocks[stage - 1], name, dtype)
    return features


def _bend(tile, axis):
    """Second differences along an axis: 4 times the wave of two pixels, nothing of a slope.

    Beyond the border the outermost pixels are meant.
    """
    before = (slice(None),) * axis
    first, last = tile[(*before, slice(1))], tile[(*before, slice(-1, None))]
    padded = ops.concatenate([first, tile, last], axis=axis)
    left, right = padded[(*before, slice(None, -2))], padded[(*before, slice(2, None))]
    return 2 * tile - left - right


def _residual_blocks(features, count, name, dtype):
    """Blocks of two convolutions whose sum with their input is returned; near identity at first."""
    width = features.shape[-1]
    near_zero = keras.initializers.VarianceScaling(0.01, "fan_in", "normal")
    for number in range(1, count + 1):
        change = layers.Activation("relu", name=f"{name}_{number}_relu_1", dtype=dtype)(features)
        change = convolution(width, 3, activation="relu", name=f"{name}_{number}_1", dtype=dtype)(
            change
        )
        change = convolution(
            width,
            3,
            kernel_initializer=near_zero,
            name=f"{name}_{number}_2",
            dtype=dtype,
        )(change)
        features = layers.Add(name=f"{name}_{number}_sum", dtype=dtype)([features, change])
    return features


def space_to_depth(features):
    """(n, height, width, c) -> (n, height / 2, width / 2, 4 c); older Keras has no such op."""
    _, height, width, channels = features.shape
    features = ops.reshape(features, (-1, height // 2, 2, width // 2, 2, channels))
    features = ops.transpose(features, (0, 1, 3, 2, 4, 5))
    return ops.reshape(features, (-1, height // 2, width // 2, 4 * channels))


def depth_to_space(features):
    """The inverse of :func:`space_to_depth`."""
    _, height, width, channels = features.shape
    features = ops.reshape(features, (-1, height, width, 2, 2, channels // 4))
    features = ops.transpose(features, (0, 1, 3, 2, 4, 5))
    return ops.reshape(features, (-1, height * 2, width * 2, channels // 4))


def _logit(fill):
    fill = ops.clip(fill, _FILL_MARGIN, 1 - _FILL_MARGIN)
    return ops.log(fill) - ops.log(1 - fill)


def as_stages(
    size: int, filters: tuple[int, ...], blocks: tuple[int, ...]
) -> tuple[int, tuple[int, ...], tuple[int, ...]]:
    """The numbers of :func:`residual_unet`, or its errors unless they fit together."""
    filters, blocks = as_integers("filters", filters), as_integers("blocks", blocks)
    if len(blocks) != len(filters):
        raise ValueError(f"blocks must have one entry per entry of filters, got {blocks}")
    return as_multiple("size", size, 2 ** len(filters)), filters, blocks
