"""Inpainting of EuroSAT satellite tiles: masks, networks, compositing and their measurement.

The public names are loaded when they are first used, so that ``import eurosat_inpaint`` costs
nothing: neither TensorFlow nor Keras is imported by it. Data flows one way: from ``data`` and
``masks`` over ``models``, ``pretrained`` and ``training`` to ``metrics``, ``uncertainty`` and
``scenes``, then ``widgets`` and ``shipping``; CONTRIBUTING.md holds a map.
"""

import importlib
from typing import Any

__version__ = "0.2.0"

_MODULES = (
    "baselines",
    "compositing",
    "data",
    "masks",
    "metrics",
    "models",
    "plots",
    "pretrained",
    "scenes",
    "shipping",
    "training",
    "uncertainty",
    "widgets",
)
_FUNCTIONS = {"inpaint": "pretrained"}

__all__ = [*_MODULES, *_FUNCTIONS]


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return importlib.import_module(f"{__name__}.{name}")
    if name in _FUNCTIONS:
        return getattr(importlib.import_module(f"{__name__}.{_FUNCTIONS[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
