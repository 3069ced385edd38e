"""Inpainting of EuroSAT satellite tiles: masks, networks, compositing and their measurement.

The public names are loaded when they are first used, so that ``import eurosat_inpaint`` costs
nothing: neither TensorFlow nor Keras is imported by it.
"""

import importlib

__version__ = "0.1.0"

_MODULES = (
    "baselines",
    "batches",
    "classifier_training",
    "compositing",
    "data",
    "losses",
    "masks",
    "metrics",
    "models",
    "pictures",
    "plots",
    "pretrained",
    "progress",
    "recipes",
    "synthetic",
    "training",
    "widgets",
)
_FUNCTIONS = {"inpaint": "pretrained"}

__all__ = [*_MODULES, *_FUNCTIONS]


def __getattr__(name: str):
    if name in _MODULES:
        return importlib.import_module(f"{__name__}.{name}")
    if name in _FUNCTIONS:
        return getattr(importlib.import_module(f"{__name__}.{_FUNCTIONS[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted([*globals(), *__all__])
