"""How networks are trained: one function per kind of network, with one order of arguments.

``fitting`` holds :func:`fit_unet`, :func:`fit_wnet`, :func:`fit_gan`, and the choice of bfloat16;
``classifier`` trains and scores the land-cover classifier; ``recipes`` says which loss, optimiser
and rates they use; ``losses`` and ``optimizers`` hold what Keras lacks; ``batches`` makes the
batches, ``variation`` makes their tiles look different; ``checkpointing`` keeps what a stopped
training needs to go on, ``identity`` says which training it was; ``progress`` shows it;
``distribution`` trains on several devices.
"""

from eurosat_inpaint.training.batches import LabelledTileBatches, MaskedTileBatches, TileBatches
from eurosat_inpaint.training.checkpointing import forget_training, save_weights
from eurosat_inpaint.training.classifier import classification_scores, fit_classifier
from eurosat_inpaint.training.distribution import use_devices
from eurosat_inpaint.training.fitting import fastest_dtype, fit_gan, fit_unet, fit_wnet
from eurosat_inpaint.training.losses import ErrorScaleLoss, SharpnessLoss
from eurosat_inpaint.training.optimizers import ConvolutionMuon, Trapezoid
from eurosat_inpaint.training.progress import ProgressLine
from eurosat_inpaint.training.recipes import (
    RECIPES,
    GANRecipe,
    Recipe,
    callbacks_of,
    compile_model,
)
from eurosat_inpaint.training.variation import vary_tiles

__all__ = [
    "RECIPES",
    "ConvolutionMuon",
    "ErrorScaleLoss",
    "GANRecipe",
    "LabelledTileBatches",
    "MaskedTileBatches",
    "ProgressLine",
    "Recipe",
    "SharpnessLoss",
    "TileBatches",
    "Trapezoid",
    "callbacks_of",
    "classification_scores",
    "compile_model",
    "fastest_dtype",
    "fit_classifier",
    "fit_gan",
    "fit_unet",
    "fit_wnet",
    "forget_training",
    "save_weights",
    "use_devices",
    "vary_tiles",
]
