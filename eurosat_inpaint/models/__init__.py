"""Builders of the networks. They build, nothing else: training is in ``training``."""

from eurosat_inpaint.models.classifier import classifier
from eurosat_inpaint.models.unet import original_unet, residual_unet, unet

__all__ = ["classifier", "original_unet", "residual_unet", "unet"]
