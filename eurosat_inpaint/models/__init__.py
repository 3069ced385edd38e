"""Builders of the networks. They build, nothing else: training is in ``training``.

Only the GAN brings its own training step: it is what makes two networks a GAN.
"""

from eurosat_inpaint.models.classifier import classifier
from eurosat_inpaint.models.gan import InpaintingGAN, patch_discriminator
from eurosat_inpaint.models.unet import original_unet, residual_unet, unet
from eurosat_inpaint.models.wnet import wnet, wnet_stages

__all__ = [
    "InpaintingGAN",
    "classifier",
    "original_unet",
    "patch_discriminator",
    "residual_unet",
    "unet",
    "wnet",
    "wnet_stages",
]
