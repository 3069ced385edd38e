"""Builders of the networks. They build, nothing else: training is in ``training``.

``unet`` holds the classical U-Net, the original's and the one that ships; ``wnet`` puts two of the
latter in a row; ``error`` puts a head behind it that says how far it may be off; ``gan`` holds the
critic and the two networks together, with the training step that makes them a GAN; ``noise`` is
what a network makes texture from; ``classifier`` is the measuring instrument.
"""

from eurosat_inpaint.models.classifier import classifier
from eurosat_inpaint.models.error import unet_with_error
from eurosat_inpaint.models.gan import (
    CONTRAST,
    TILES_PER_SLOPE,
    InpaintingGAN,
    accuracy_in_holes,
    critic_loss,
    mean_in_holes,
    patch_discriminator,
)
from eurosat_inpaint.models.noise import TileNoise
from eurosat_inpaint.models.unet import original_unet, residual_unet, unet
from eurosat_inpaint.models.wnet import wnet, wnet_stages

__all__ = [
    "CONTRAST",
    "TILES_PER_SLOPE",
    "InpaintingGAN",
    "TileNoise",
    "accuracy_in_holes",
    "classifier",
    "critic_loss",
    "mean_in_holes",
    "original_unet",
    "patch_discriminator",
    "residual_unet",
    "unet",
    "unet_with_error",
    "wnet",
    "wnet_stages",
]
