"""Shipped weights, their cards, and the one call that restores tiles with them."""

import hashlib
import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from eurosat_inpaint._checks import require_choice, require_fitting, require_masks

WEIGHTS_FOLDER = Path(__file__).parent / "weights"
_TILES_PER_BATCH = 64


def names(task: str | None = "inpainting") -> list[str]:
    """Names of the networks whose weights are shipped.

    Args:
        task: "inpainting", "classification", or None for all.

    Example:
        >>> names("classification")
        ['classifier']
    """
    every = sorted(path.stem for path in WEIGHTS_FOLDER.glob("*.json"))
    return [name for name in every if task is None or _task(_read_card(name)) == task]


def card(name: str) -> dict:
    """What is known of shipped weights: data, masks, recipe, machine, scores, digest.

    Raises:
        ValueError: if no weights of that name are shipped.
    """
    require_choice("name", name, names(task=None))
    return _read_card(name)


def load(name: str = "unet") -> Any:
    """Build a shipped network and load its weights, in float32.

    Args:
        name: one of ``names(task=None)``.

    Returns:
        A Keras model from ``[masked, mask]`` to the composite, float32 in [0, 1]; the classifier
        goes from whole tiles to logits. The weights file of a W-Net holds its second stage only:
        its first is another shipped network.

    Raises:
        ValueError: for an unknown name, a weights file that is not the one its card describes,
            or a W-Net whose second stage was trained behind another first stage than is shipped.
        FileNotFoundError: if the weights file is missing.

    Example:
        >>> model = load("unet")
        >>> [tensor.shape for tensor in model.inputs], model.output_shape
        ([(None, 64, 64, 3), (None, 64, 64, 1)], (None, 64, 64, 3))
    """
    from eurosat_inpaint import models

    facts = card(name)
    path = WEIGHTS_FOLDER / facts["weights"]
    if not path.exists():
        raise FileNotFoundError(f"{path.name}, the weights of {name!r}, is missing: install anew")
    if sha256_of(path) != facts["sha256"]:
        raise ValueError(
            f"{path.name} is damaged: its SHA-256 is not the one in its card; install anew"
        )
    model = getattr(models, facts["builder"])(**facts["arguments"])
    if "first_stage" in facts:
        _load_first_stage(model, facts)
        model.get_layer("second_stage").load_weights(path)
    else:
        model.load_weights(path)
    return model


def inpaint(images: np.ndarray, masks: np.ndarray, model: Any = "unet") -> np.ndarray:
    """Fill the holes of tiles.

    Args:
        images: whole or masked tiles, (n, 64, 64, 3): uint8, or float in [0, 1]. What holes
            hold is never looked at; it may be NaN.
        masks: (n, 64, 64, 1), 1 = known, 0 = hole, any dtype.
        model: name of a shipped network, or a Keras model with one or two inputs.

    Returns:
        The restored tiles, of the shape and dtype of ``images``; known pixels bit-identical.

    Raises:
        TypeError: if ``images`` is neither uint8 nor float, or ``model`` no Keras model.
        ValueError: if ``model`` names no network that restores tiles, if shapes do not fit
            together or to the network, if a known pixel is outside [0, 1], or if a mask is not 0
            and 1 only.

    Example:
        >>> import eurosat_inpaint as ei
        >>> tiles = ei.data.load_tiles("validation", source="synthetic").images[:2]
        >>> masks = ei.masks.line_masks(2, seed=0)
        >>> restored = inpaint(tiles, masks)
        >>> restored.dtype, bool((restored == tiles)[masks[..., 0] == 1].all())
        (dtype('uint8'), True)
    """
    network = _loaded(model) if isinstance(model, str) else model
    if not hasattr(network, "inputs"):
        raise TypeError(f"model must be one of {names()} or a Keras model, got {network!r}")
    images, masks = np.asarray(images), np.asarray(masks)
    is_integer = images.dtype == np.uint8
    if not is_integer and not np.issubdtype(images.dtype, np.floating):
        raise TypeError(f"images must be uint8 or float, got {images.dtype}")
    require_fitting("images", images, network)
    require_masks("masks", masks, images.shape)
    known = masks == 1
    masked = np.where(known, images, 0).astype(np.float32)
    if is_integer:
        masked /= 255
    if not (masked.min(initial=0) >= 0 and masked.max(initial=0) <= 1):
        raise ValueError("images must lie in [0, 1] where they are float; divide by 255?")
    restored = restore_in_batches(network, masked, known.astype(np.float32))
    restored = np.rint(restored * 255) if is_integer else restored
    return np.where(known, images, restored.astype(images.dtype))


def restore_in_batches(
    model: Any, masked: np.ndarray, masks: np.ndarray, progress: Callable | None = None
) -> np.ndarray:
    """Restore masked tiles in batches, without the start-up cost of ``model.predict``.

    Args:
        model: a Keras model with one input (masked) or two (masked, mask), or any callable
            ``(masked, mask) -> restored``.
        masked: float32 (n, height, width, 3).
        masks: float32 (n, height, width, 1).
        progress: a wrapper of an iterable of batches that shows progress, such as ``tqdm``.

    Returns:
        float32, the shape of ``masked``.

    Raises:
        ValueError: if the model returns another shape.
    """
    if hasattr(model, "predict_on_batch"):
        one_input = len(model.inputs) == 1

        def restore(tiles, holes):
            return model.predict_on_batch(tiles if one_input else [tiles, holes])

    else:
        restore = model
    restored = np.empty(masked.shape, np.float32)
    starts = range(0, len(masked), _TILES_PER_BATCH)
    for start in progress(starts) if progress else starts:
        # The last batch reaches back: a batch of another size would be compiled anew.
        start = max(0, min(start, len(masked) - _TILES_PER_BATCH))
        batch = slice(start, start + _TILES_PER_BATCH)
        answer = np.asarray(restore(masked[batch], masks[batch]))
        if answer.shape != masked[batch].shape:
            raise ValueError(f"model must return shape {masked[batch].shape}, got {answer.shape}")
        restored[batch] = answer
    return restored


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, as hexadecimal digits."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _load_first_stage(model, facts):
    first = facts["first_stage"]
    if card(first)["sha256"] != facts["first_stage_sha256"]:
        raise ValueError(
            f"{facts['name']!r} was trained behind another {first!r} than the one that is "
            "shipped: the SHA-256 in their cards differ; train it anew"
        )
    model.get_layer("first_stage").set_weights(load(first).get_weights())


@cache
def _loaded(name):
    task = _task(card(name))
    if task != "inpainting":
        raise ValueError(f"model must be one of {names()}, got {name!r}, which is for {task}")
    return load(name)


def _read_card(name):
    return json.loads((WEIGHTS_FOLDER / f"{name}.json").read_text())


def _task(facts):
    return facts.get("task", "inpainting")
