"""The GAN: a patch discriminator, and the training of a generator against it.

Any inpainting network is a generator. Taught in notebook 07.
"""

from typing import Any

import keras
import numpy as np
from keras import layers, ops

from eurosat_inpaint._checks import as_integers, as_multiple

# Mean colour of EuroSAT, about the standard deviation within a tile, and about that of what is left
# of a tile without its averages over 3 x 3 pixels; scale 0 to 1.
_BRIGHTNESS, CONTRAST, _FINE_CONTRAST = 0.38, 0.05, 0.01
# The discriminator's slope is held on one tile in sixteen: it costs as much as two more passes.
TILES_PER_SLOPE = 16


def patch_discriminator(
    size: int = 64, *, filters: tuple[int, ...] = (24, 64, 128, 128), dtype: str = "float32"
) -> keras.Model:
    """A critic that judges a tile patch by patch: is this texture real, or was it filled in?

    Beside the tile and its mask it is given what is left of the tile without its averages over
    3 x 3 pixels, enlarged: differences between neighbouring pixels are what restored texture lacks,
    and a hundredth as large as those between tiles. Convolutions of 3 x 3 pixels for the first
    entry of ``filters``, the last, and the logits; of 4 x 4 and stride 2 for those between; leaky
    ReLU. Each logit sees a square of ``7 * 2**(len(filters) - 2) + 2`` pixels, 30 by default, and
    neighbouring squares are ``2**(len(filters) - 2)`` pixels apart. After Isola et al.,
    "Image-to-image translation with conditional adversarial networks" (CVPR 2017).

    Args:
        size: side of the tile in pixels, divisible by ``2**(len(filters) - 2)``.
        filters: filters of each convolution before the logits, two entries or more.
        dtype: policy of the inner convolutions: "float32", or "mixed_bfloat16" for faster
            training on hardware that has it. Input, logits and weights are float32 in both.

    Returns:
        A model from ``[tile, mask]``, float32 of shapes (n, size, size, 3), in [0, 1], and
        (n, size, size, 1), to logits, float32 (n, s, s, 1) with s =
        ``size / 2**(len(filters) - 2)``: positive where a patch looks real.

    Raises:
        ValueError: if ``filters`` has fewer than two entries, a number is not a positive
            integer, or ``size`` is not divisible as said.
    """
    filters = as_integers("filters", filters, 2)
    size = as_multiple("size", size, 2 ** (len(filters) - 2))
    tile = keras.Input((size, size, 3), dtype="float32", name="tile")
    mask = keras.Input((size, size, 1), dtype="float32", name="mask")
    standardised = layers.Rescaling(
        1 / CONTRAST, -_BRIGHTNESS / CONTRAST, dtype="float32", name="standardised"
    )(tile)
    hidden = layers.Concatenate(dtype="float32", name="seen")(
        [standardised, _fine(tile) / _FINE_CONTRAST, mask]
    )
    hidden = _convolution(hidden, filters[0], 3, "pixels", dtype)
    for number, width in enumerate(filters[1:-1], start=1):
        hidden = _convolution(hidden, width, 4, f"downwards_{number}", dtype, strides=2)
    hidden = _convolution(hidden, filters[-1], 3, "features", dtype)
    logits = _convolution(hidden, 1, 3, "logits", "float32", activation=None)
    return keras.Model([tile, mask], logits, name="patch_discriminator")


def _fine(tile):
    """A tile without its averages over 3 x 3 pixels; beyond the border the outermost are meant."""
    rows = ops.concatenate([tile[:, :1], tile, tile[:, -1:]], axis=1)
    padded = ops.concatenate([rows[:, :, :1], rows, rows[:, :, -1:]], axis=2)
    return tile - ops.average_pool(padded, 3, 1, padding="valid", data_format="channels_last")


def _convolution(features, width, kernel_size, name, dtype, strides=1, activation="leaky_relu"):
    return layers.Conv2D(
        width,
        kernel_size,
        strides,
        padding="same",
        data_format="channels_last",
        activation=activation,
        dtype=dtype,
        name=name,
    )(features)


@keras.saving.register_keras_serializable("eurosat_inpaint")
class InpaintingGAN(keras.Model):
    """A generator and a discriminator that train against each other.

    Called, it is the generator; so ``predict`` and ``inpaint`` restore tiles, and the trained
    generator is an inpainting network like any other. ``fit`` and ``evaluate`` take
    ``([masked, mask], tiles)``. The losses are the logistic ones of Goodfellow et al., "Generative
    adversarial nets" (2014), in their form that does not saturate: with D the discriminator's logit
    of a patch, it lowers the sum of the means of ``softplus(-D(tile))`` and
    ``softplus(D(composite))``, the generator the reconstruction loss plus ``adversarial_weight``
    times the mean of ``softplus(-D(composite))``. Means are over holes: a patch counts by the share
    of its middle that is hole, and every tile as much as any other.

    The discriminator's slope is held down at the true tiles, so that it goes on telling the
    generator which way to go, after Mescheder et al., "Which training methods for GANs do actually
    converge?" (ICML 2018): half of ``gradient_penalty`` times the squared norm of the gradient of a
    tile's mean logit, by the tile in units of 0.05.

    ``save_weights`` keeps both networks and the state of both optimisers, if compiled; so do
    ``.keras`` files, which load once this module was imported. Training needs Keras' TensorFlow
    backend, since ``train_step`` is written in it; the two networks run on every backend.

    Args:
        generator: an inpainting network from ``[masked, mask]`` to the composite.
        discriminator: a network from ``[tile, mask]`` to logits, as of
            :func:`patch_discriminator`.

    Raises:
        TypeError: if one of them is no Keras model that knows its inputs.
        ValueError: if the generator has no mask input, or the discriminator's inputs are not the
            shapes of composite and mask.
    """

    def __init__(self, generator: keras.Model, discriminator: keras.Model):
        # Whatever Keras' policy is: in half precision known pixels would be rounded at the door.
        super().__init__(dtype="float32")
        for role, network in (("generator", generator), ("discriminator", discriminator)):
            if not getattr(network, "inputs", None):
                raise TypeError(
                    f"{role} must be a Keras model that knows its inputs, got {network!r}"
                )
        if len(generator.inputs) != 2:
            raise ValueError(
                f"generator must have two inputs, [masked, mask], got {len(generator.inputs)}"
            )
        expected = [generator.output_shape, tuple(generator.inputs[1].shape)]
        given = [tuple(tensor.shape) for tensor in discriminator.inputs]
        if given != expected:
            raise ValueError(f"discriminator must have inputs of shapes {expected}, got {given}")
        self.generator = generator
        self.discriminator = discriminator
        names = ("loss", "reconstruction_loss", "adversarial_loss")
        names += ("discriminator_loss", "discriminator_accuracy")
        self._means = [keras.metrics.Mean(name=name) for name in names]
        self.built = True

    @property
    def inputs(self) -> list:
        """Inputs of the generator."""
        return self.generator.inputs

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        """Means over an epoch, in training and validation.

        "loss", all that the generator lowers; "reconstruction_loss"; "adversarial_loss";
        "discriminator_loss", without the penalty; "discriminator_accuracy", the mean of the shares
        of real and of restored patches on the right side of 0, a logit of 0 counting as half: 0.5
        is guessing.
        """
        return list(self._means)

    def compile(
        self,
        generator_optimizer: str | keras.optimizers.Optimizer,
        discriminator_optimizer: str | keras.optimizers.Optimizer,
        reconstruction_loss: str | keras.losses.Loss = "mse",
        adversarial_weight: float = 0.007,
        gradient_penalty: float = 0.5,
    ) -> None:
        """Set the two optimisers and what the generator lowers.

        Args:
            generator_optimizer: a Keras optimiser or its name; later ``self.optimizer``.
            discriminator_optimizer: the same, of the discriminator.
            reconstruction_loss: a Keras loss or its name, taken on the composite over the tile.
            adversarial_weight: weight of the adversarial loss, 0 or more.
            gradient_penalty: weight of the penalty on the discriminator's slope, 0 or more.

        Raises:
            ValueError: if a weight is negative or not finite.
            NotImplementedError: on another backend than TensorFlow.
        """
        if keras.backend.backend() != "tensorflow":
            raise NotImplementedError(
                f"a GAN trains on Keras' TensorFlow backend, not on {keras.backend.backend()!r}"
            )
        weights = {"adversarial_weight": adversarial_weight, "gradient_penalty": gradient_penalty}
        for name, weight in weights.items():
            if not (weight >= 0 and np.isfinite(weight)):
                raise ValueError(f"{name} must be 0 or more, got {weight!r}")
        super().compile(optimizer=generator_optimizer)
        self.discriminator_optimizer = keras.optimizers.get(discriminator_optimizer)
        # Built here, each for its own network: Keras would build the first for both.
        self.optimizer.build(self.generator.trainable_variables)
        self.discriminator_optimizer.build(self.discriminator.trainable_variables)
        self.reconstruction_loss = keras.losses.get(reconstruction_loss)
        self.adversarial_weight = adversarial_weight
        self.gradient_penalty = gradient_penalty

    def call(self, inputs: list, training: bool | None = None) -> Any:
        return self.generator(inputs, training=training)

    def train_step(self, data: tuple) -> dict:
        """One step of the discriminator, then one of the generator, on the same batch."""
        import tensorflow as tf

        (masked, mask), tiles, _ = keras.utils.unpack_x_y_sample_weight(data)
        with tf.GradientTape() as generator_tape:
            composites = self.generator([masked, mask], training=True)
            with generator_tape.stop_recording():
                with tf.GradientTape() as discriminator_tape:
                    real, restored = self._logits(tiles, composites, mask, training=True)
                    discriminator_loss = critic_loss(real, restored, mask)
                    slope = self._squared_slope(tiles, mask)
                    lowered = discriminator_loss + self.gradient_penalty / 2 * slope
                _descend(
                    self.discriminator_optimizer,
                    self.discriminator.trainable_variables,
                    lowered,
                    discriminator_tape,
                )
            judged = self.discriminator([composites, mask], training=True)
            losses = self._generator_losses(tiles, composites, judged, mask)
        _descend(self.optimizer, self.generator.trainable_variables, losses[0], generator_tape)
        return self._logged(
            tiles, *losses, discriminator_loss, accuracy_in_holes(real, restored, mask)
        )

    def test_step(self, data: tuple) -> dict:
        (masked, mask), tiles, _ = keras.utils.unpack_x_y_sample_weight(data)
        composites = self.generator([masked, mask], training=False)
        real, restored = self._logits(tiles, composites, mask, training=False)
        losses = self._generator_losses(tiles, composites, restored, mask)
        discriminator_loss = critic_loss(real, restored, mask)
        return self._logged(
            tiles, *losses, discriminator_loss, accuracy_in_holes(real, restored, mask)
        )

    def _logits(self, tiles, composites, mask, training):
        """Logits of real and of restored patches, in one pass over both."""
        both = ops.concatenate([tiles, composites])
        logits = self.discriminator([both, ops.concatenate([mask, mask])], training=training)
        return ops.split(logits, 2)

    def _squared_slope(self, tiles, mask):
        """Of the discriminator at some true tiles: the mean squared norm of its gradient."""
        import tensorflow as tf

        some = tf.maximum(1, tf.shape(tiles)[0] // TILES_PER_SLOPE)
        tiles, mask = tiles[:some], mask[:some]
        with tf.GradientTape() as tape:
            tape.watch(tiles)
            logits = self.discriminator([tiles, mask], training=True)
            total = mean_in_holes(logits, mask) * tf.cast(some, "float32")
        slopes = tape.gradient(total, tiles) * CONTRAST
        return tf.reduce_sum(slopes**2) / tf.cast(some, "float32")

    def _generator_losses(self, tiles, composites, judged, mask):
        """The whole loss of the generator, and its two parts."""
        reconstruction = ops.mean(self.reconstruction_loss(tiles, composites))
        adversarial = mean_in_holes(ops.softplus(-judged), mask)
        whole = reconstruction + self.adversarial_weight * adversarial
        return whole, reconstruction, adversarial

    def _logged(self, tiles, *values):
        # Weighted by the size of the batch: the last one of a validation may be smaller.
        for mean, value in zip(self._means, values, strict=True):
            mean.update_state(value, sample_weight=ops.shape(tiles)[0])
        return self.get_metrics_result()

    def get_config(self) -> dict:
        networks = {"generator": self.generator, "discriminator": self.discriminator}
        return {name: keras.saving.serialize_keras_object(n) for name, n in networks.items()}

    @classmethod
    def from_config(cls, config: dict) -> "InpaintingGAN":
        return cls(**{n: keras.saving.deserialize_keras_object(c) for n, c in config.items()})

    def get_compile_config(self) -> dict:
        if not self.compiled:
            return {}
        settings = {
            "generator_optimizer": self.optimizer,
            "discriminator_optimizer": self.discriminator_optimizer,
            "reconstruction_loss": self.reconstruction_loss,
            "adversarial_weight": self.adversarial_weight,
            "gradient_penalty": self.gradient_penalty,
        }
        return keras.saving.serialize_keras_object(settings)

    def compile_from_config(self, config: dict) -> None:
        self.compile(**keras.saving.deserialize_keras_object(config))


def mean_in_holes(values: Any, mask: Any) -> Any:
    """Mean over tiles of each tile's mean over its patches, by the holes in their middles."""
    side = mask.shape[1] // values.shape[1]
    holes = ops.average_pool(1 - mask, side, side, data_format="channels_last")
    # A tile without holes counts nothing.
    total = ops.maximum(ops.sum(holes, axis=(1, 2, 3)), 1e-6)
    return ops.mean(ops.sum(holes * values, axis=(1, 2, 3)) / total)


def critic_loss(real: Any, restored: Any, mask: Any) -> Any:
    """What a critic lowers, without the penalty, from its logits of real and restored tiles."""
    return mean_in_holes(ops.softplus(-real) + ops.softplus(restored), mask)


def accuracy_in_holes(real: Any, restored: Any, mask: Any) -> Any:
    """How often a critic is right; a logit of 0 counts as half."""
    # With signs of -1, 0 and 1, (1 + mean) / 2 is a share in which a logit of 0 counts as half.
    return 0.5 + mean_in_holes(ops.sign(real) - ops.sign(restored), mask) / 4


def _descend(optimizer, variables, loss, tape):
    optimizer.apply(tape.gradient(loss, variables), variables)
