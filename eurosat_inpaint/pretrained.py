"""Shipped weights, their cards, and the one call that restores tiles with them."""

import hashlib
import inspect
import json
import re
import time
import warnings
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from eurosat_inpaint._checks import (
    as_array,
    as_integer,
    as_masks,
    as_unit,
    is_float,
    require_choice,
    require_flag,
    require_shape,
    require_tiles,
)

WEIGHTS_FOLDER = Path(__file__).parent / "weights"
_TILES_PER_BATCH = 64
_TASKS = ("inpainting", "classification", "uncertainty")
_ON_EVERY_CARD = {"builder": str, "arguments": dict, "weights": str, "sha256": str}
_STRUCTURES = (
    "a Keras network takes masked tiles (n, height, width, 3), or these and masks "
    "(n, height, width, 1) as a list in either order, as a dictionary with the keys 'masked' and "
    "'mask', as two arguments, or as one array of four channels"
)


def names(task: str | None = "inpainting") -> list[str]:
    """Names of the networks whose weights are shipped; those whose card is damaged are left out.

    Args:
        task: "inpainting", "classification", "uncertainty" (heads behind one of the first kind
            that predict its errors), or None for all.

    Raises:
        ValueError: for another task.

    Example:
        >>> names("classification")
        ['classifier', 'second_classifier']
    """
    require_choice("task", task, (*_TASKS, None))
    return [name for name in _names_of_cards() if _has_task(name, task)]


def card(name: str) -> dict:
    """What is known of shipped weights: data, masks, recipe, machine, scores, digest.

    Raises:
        ValueError: if no weights of that name are shipped, or their card is damaged.
    """
    require_choice("name", name, _names_of_cards())
    return _read_card(name)


def load(name: str = "unet", *, noise_seed: int = 0) -> Any:
    """Build a shipped network and load its weights, in float32.

    Args:
        name: one of ``names(task=None)``.
        noise_seed: of a network that makes texture from noise, "gan" and "wnet": with another one
            it gives another answer to the same tile. Others have no noise, and take 0 only.

    Returns:
        A Keras model from ``[masked, mask]`` to the composite, float32 in [0, 1]; the classifier
        goes from whole tiles to logits; a head for errors from ``[masked, mask]`` to the composite
        and six channels in all, see ``models.unet_with_error``. The weights file of a W-Net and of
        a head hold their second stage only: the first is another shipped network.

    Raises:
        ValueError: for an unknown name, a damaged card, a weights file that is not the one its
            card describes, a seed for a network without noise or that is no integer of 0 or more,
            or a second stage that was trained behind another first stage than is shipped.
        FileNotFoundError: if the weights file is missing.

    Example:
        >>> model = load("unet")
        >>> [tensor.shape for tensor in model.inputs], model.output_shape
        ([(None, 64, 64, 3), (None, 64, 64, 1)], (None, 64, 64, 3))
    """
    noise_seed = as_integer("noise_seed", noise_seed, 0)
    if noise_seed and not card(name)["arguments"].get("noise"):
        raise ValueError(f"noise_seed must be 0 for {name!r}, which has no noise")
    return _load(name, **({"noise_seed": noise_seed} if noise_seed else {}))


def _load(name, **settings):
    facts = card(name)
    path = WEIGHTS_FOLDER / facts["weights"]
    if not path.is_file():
        raise FileNotFoundError(f"{path.name}, the weights of {name!r}, is missing: install anew")
    if sha256_of(path) != facts["sha256"]:
        raise ValueError(
            f"{path.name} is damaged: its SHA-256 is not the one in its card; install anew"
        )
    first_stage = _first_stage(facts) if "first_stage" in facts else None
    try:
        return _built(facts, path, first_stage, settings)
    except (AttributeError, LookupError, OSError, RuntimeError, TypeError, ValueError) as problem:
        raise ValueError(
            f"{path.name} and its card {name}.json do not fit together: {_first_line(problem)}"
        ) from problem


def inpaint(
    images: np.ndarray, masks: np.ndarray, model: Any = "unet", *, flips: bool = False
) -> np.ndarray:
    """Fill the holes of tiles.

    From 64 tiles on a shipped network computes in bfloat16, if a measurement at the first such call
    finds that faster on this machine. In the holes its answers then differ by a tenth of a level of
    255 in the mean, at single pixels by up to ten levels.

    Args:
        images: whole or masked tiles, (n, 64, 64, 3): uint8, or float in [0, 1]. What holes
            hold is never looked at; it may be NaN.
        masks: (n, 64, 64, 1), 1 = known, 0 = hole, any dtype; each with a known pixel.
        model: name of a shipped network, or a Keras network: one that takes masked tiles; or
            these and masks, as a list in either order, as a dictionary with the keys "masked"
            and "mask", as two arguments, or as one array of four channels.
        flips: average the answers for the tiles as they are, mirrored along either axis, and along
            both, which is four times the work. Masks of random lines are as likely mirrored.

    Returns:
        The restored tiles, of the shape and dtype of ``images``; known pixels bit-identical.

    Raises:
        TypeError: if ``images`` is neither uint8 nor float, ``model`` no Keras network, or what
            it returns no real floating-point numbers.
        ValueError: if ``model`` names no network that restores tiles, if shapes do not fit
            together or to the network, if a known pixel is outside [0, 1], if a mask is not 0
            and 1 only or has no known pixel, or if the network puts into a hole what is not
            finite or outside [0, 1].

    Example:
        >>> import eurosat_inpaint as ei
        >>> tiles = ei.data.load_tiles("validation", source="synthetic").images[:2]
        >>> masks = ei.masks.line_masks(2, seed=0)
        >>> restored = inpaint(tiles, masks)
        >>> restored.dtype, bool((restored == tiles)[masks[..., 0] == 1].all())
        (dtype('uint8'), True)
    """
    network = loaded(model) if isinstance(model, str) else model
    if not _is_network(network):
        raise TypeError(f"model must be one of {names()} or a Keras network, got {network!r}")
    require_flag("flips", flips)
    images = as_array("images", images)
    if images.dtype != np.uint8 and not is_float(images.dtype):
        raise TypeError(f"images must be uint8 or float, got {images.dtype}")
    require_shape("images", images, "n", "height", "width", 3)
    restore = as_restorer(network, images, tiles_name="images", known_count=False)
    masks = as_masks("masks", masks, images.shape, known=True)
    if isinstance(model, str) and len(images) >= _TILES_PER_BATCH:
        restore = as_restorer(_fastest(model), images, known_count=False)
    if flips:
        restore = _averaged_over_flips(restore)

    def batch_of(batch):
        known = masks[batch] == 1
        masked = np.where(known, images[batch], np.zeros((), images.dtype))
        if masked.dtype != np.uint8 and not (masked.min() >= 0 and masked.max() <= 1):
            raise ValueError("images must lie in [0, 1] where they are float; divide by 255?")
        return as_unit(masked).astype(np.float32), known.astype(np.float32)

    # What is wrong with the last image is said before the first is restored.
    for batch in _batches(len(images)):
        batch_of(batch)
    restored = np.empty(images.shape, images.dtype)
    for batch, answer in restored_batches(restore, len(images), batch_of):
        answer = np.rint(answer * 255) if images.dtype == np.uint8 else answer
        known = masks[batch] == 1
        restored[batch] = np.where(known, images[batch], answer.astype(images.dtype))
    return restored


def _averaged_over_flips(restore):
    def averaged(masked, masks, first):
        answers = [
            np.flip(restore(np.flip(masked, axes), np.flip(masks, axes), first), axes)
            for axes in ((), 1, 2, (1, 2))
        ]
        return np.mean(answers, axis=0)

    return averaged


def restore_in_batches(
    model: Any, masked: np.ndarray, masks: np.ndarray, progress: Callable | None = None
) -> np.ndarray:
    """Restore masked tiles in batches, without the start-up cost of ``model.predict``.

    Args:
        model: a Keras network as of :func:`inpaint`, or any callable
            ``(masked, mask) -> restored``.
        masked: (n, height, width, 3): float in [0, 1], or uint8.
        masks: (n, height, width, 1), 1 = known, 0 = hole.
        progress: a wrapper of an iterable of batches that shows progress, such as ``tqdm``.

    Returns:
        float32, the shape of ``masked``.

    Raises:
        TypeError: if ``model`` cannot be called so, or returns no real floating-point numbers.
        ValueError: if shapes do not fit together or to the network, if there are no tiles or they
            lie outside [0, 1]; if the model returns another shape, or what is not finite or
            outside [0, 1].
    """
    masked = require_tiles("masked", masked)
    masks = as_masks("masks", masks, masked.shape)
    restore = as_restorer(model, masked, tiles_name="masked")

    def batch_of(batch):
        # Copies: a method that fills its argument leaves the caller's arrays as they are.
        return as_unit(masked[batch]).astype(np.float32), masks[batch].astype(np.float32)

    restored = np.empty(masked.shape, np.float32)
    for batch, answer in restored_batches(restore, len(masked), batch_of, progress):
        restored[batch] = answer
    return restored


def restored_batches(
    restore: Callable,
    count: int,
    batch_of: Callable[[slice], tuple[np.ndarray, np.ndarray]],
    progress: Callable | None = None,
) -> Iterator[tuple[slice, np.ndarray]]:
    """Restore ``count`` tiles batch by batch; each comes back once, in order.

    Args:
        restore: of :func:`as_restorer`.
        count: number of tiles.
        batch_of: masked tiles and masks of a slice, both float32.
        progress: as of :func:`restore_in_batches`.

    Yields:
        A slice of the tiles, and these restored.
    """
    batches, done = _batches(count), 0
    for batch in progress(batches) if progress else batches:
        answer = restore(*batch_of(batch), batch.start)
        yield slice(done, batch.stop), answer[done - batch.start :]
        done = batch.stop


def as_restorer(
    model: Any,
    tiles: np.ndarray,
    *,
    name: str = "model",
    tiles_name: str = "tiles",
    known_count: bool = True,
) -> Callable[[np.ndarray, np.ndarray, int], np.ndarray]:
    """A function that restores a batch, whatever structure the model wants to be given.

    Args:
        model: as of :func:`restore_in_batches`.
        tiles: what is to be restored, (n, height, width, 3).
        name, tiles_name: what errors call the model and the tiles.
        known_count: whether it matters what the model makes of known pixels; else it is 0.

    Returns:
        A function ``(masked, masks, first) -> restored``, with ``first`` the number of the batch's
        first tile; float32, finite and in [0, 1].

    Raises:
        TypeError: if the model cannot be called.
        ValueError: if it is a Keras network of other inputs, or for tiles of another shape.
    """
    if not _is_network(model):
        called = _by_call(model, name)
    elif getattr(model, "inputs", None):
        called = _by_inputs(model, tiles, name, tiles_name)
    else:
        called = _by_trial(model, name)

    def restore(masked, masks, first):
        answer = as_array(f"what {name} returns", called(masked, masks))
        if answer.shape != masked.shape:
            raise ValueError(f"{name} must return shape {masked.shape}, got {answer.shape}")
        if not is_float(answer.dtype):
            raise TypeError(f"{name} must return floating-point numbers, got {answer.dtype}")
        with np.errstate(over="ignore"):
            answer = answer.astype(np.float32, copy=False)
        if not known_count:
            answer = np.where(masks == 0, answer, np.float32(0))
        _require_unit(answer, first, name, model)
        return answer

    return restore


@cache
def loaded(name: str) -> Any:
    """A shipped network that restores tiles, loaded once per process.

    Raises:
        ValueError: if the name is not of such a network, or as :func:`load`.
    """
    every = names()
    if name not in _names_of_cards():
        raise ValueError(f"model must be one of {every}, got {name!r}")
    task = _task(card(name))
    if task != "inpainting":
        raise ValueError(f"model must be one of {every}, got {name!r}, which is for {task}")
    return load(name)


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, as hexadecimal digits."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _batches(count):
    """Slices of one length: a batch of another size would be compiled anew.

    So the last reaches back, over tiles that the one before had.
    """
    starts = range(0, count, _TILES_PER_BATCH)
    starts = [max(0, min(start, count - _TILES_PER_BATCH)) for start in starts]
    return [slice(start, min(start + _TILES_PER_BATCH, count)) for start in starts]


def _require_unit(answer, first, name, model):
    which = repr(getattr(model, "name", None) or getattr(model, "__name__", type(model).__name__))
    finite = np.isfinite(answer).all(axis=(1, 2, 3))
    if not finite.all():
        tile = first + finite.argmin()
        raise ValueError(
            f"{name} must return finite numbers, got NaN or infinity for tile {tile} from {which}"
        )
    if not (answer.min() >= 0 and answer.max() <= 1):
        raise ValueError(
            f"{name} must return values in [0, 1], got {answer.min():.4g} to {answer.max():.4g} "
            f"from {which}: end the network in a sigmoid, or clip what it returns"
        )


def _is_network(model):
    """Whether it is an instance of a Keras model or layer; Keras need not be loaded to tell."""
    return hasattr(model, "weights") and hasattr(model, "call") and not isinstance(model, type)


def _by_call(model, name):
    problem = f"{name} must be a Keras network, or be callable as {name}(masked, mask)"
    if not callable(model) or isinstance(model, type):
        raise TypeError(f"{problem}, got {model!r}")
    try:
        signature = inspect.signature(model)
    except (TypeError, ValueError):  # It has none to look at.
        signature = None
    try:
        if signature:
            signature.bind("masked", "mask")
    except TypeError as mismatch:
        raise TypeError(f"{problem}, got {model!r}: {mismatch}") from mismatch

    def restore(masked, masks):
        try:
            return model(masked, masks)
        except Exception as failure:
            failure.add_note(
                f"{name} was called as {name}(masked, mask), both NumPy arrays of float32, of "
                f"shapes {masked.shape} and {masks.shape}."
            )
            raise

    return restore


def _by_inputs(model, tiles, name, tiles_name):
    import keras

    parts = [_part_for(tensor, position) for position, tensor in enumerate(model.inputs)]
    if sorted(map(str, parts)) not in (["masked"], ["mask", "masked"], ["both"]):
        given = ", ".join(f"{tensor.dtype} {tuple(tensor.shape)}" for tensor in model.inputs)
        raise ValueError(f"{name} has other inputs, {given}: {_STRUCTURES}")
    if len(getattr(model, "outputs", ["restored"])) != 1:
        raise ValueError(
            f"{name} must have one output, the restored tiles, got {len(model.outputs)}; "
            "`keras.Model(network.inputs, network.outputs[-1])` has the last alone"
        )
    of_tiles = next(t for t, part in zip(model.inputs, parts, strict=True) if part != "mask")
    require_shape(tiles_name, tiles, "n", *of_tiles.shape[1:3], 3)
    try:
        structure = model.input
    except (AttributeError, ValueError):  # Its inputs are those of a network inside it.
        structure = model.inputs if len(model.inputs) > 1 else model.inputs[0]

    def restore(masked, masks):
        given = _parts(masked, masks)
        given = keras.tree.pack_sequence_as(structure, [given[part] for part in parts])
        return _only_one(model.predict_on_batch(given), name)

    return restore


def _part_for(tensor, position):
    """What goes into an input of a network: told by its channels, else its name, else its place."""
    shape = tuple(tensor.shape)
    if len(shape) != 4 or "float" not in str(tensor.dtype):
        return None
    if shape[-1] is not None:
        return {1: "mask", 3: "masked", 4: "both"}.get(shape[-1])
    by_place = ("masked", "mask", None)[min(position, 2)]
    return tensor.name if tensor.name in ("masked", "mask") else by_place


def _parts(masked, masks):
    return {"masked": masked, "mask": masks, "both": np.concatenate([masked, masks], axis=-1)}


def _by_trial(model, name):
    """A network that does not say what it takes: tried on one tile, the first that works is kept.

    The pair comes first: an array of two tiles might be taken for a tile and its mask.
    """
    ways = [
        lambda given: ([given["masked"], given["mask"]],),
        lambda given: ({part: given[part] for part in ("masked", "mask")},),
        lambda given: (given["masked"],),
        lambda given: (given["both"],),
    ]
    if _takes_two_arguments(model.call):
        ways.insert(2, lambda given: (given["masked"], given["mask"]))
    found = []

    def restore(masked, masks):
        if not found:
            found.append(_way_that_works(model, ways, masked[:1], masks[:1], name))
        return _only_one(model(*found[0](_parts(masked, masks))), name)

    return restore


def _takes_two_arguments(call):
    """Whether a layer's ``call`` wants the mask as an argument of its own."""
    first, second = (*inspect.signature(call).parameters.values(), None, None)[:2]
    if second is None:
        return first is not None and first.kind == first.VAR_POSITIONAL
    needed = second.kind == second.POSITIONAL_OR_KEYWORD and second.default is second.empty
    return needed or second.name == "mask"


def _way_that_works(model, ways, masked, masks, name):
    problems = []
    for way in ways:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                shape = tuple(_only_one(model(*way(_parts(masked, masks))), name).shape)
            if shape == masked.shape:
                return way
            problems.append(f"it returned shape {shape}")
        except Exception as problem:  # Whatever the network's own code may raise.
            problems.append(_first_line(problem))
    raise ValueError(f"{name} cannot be called: {_STRUCTURES}; tried in turn: {problems}")


def _only_one(answer, name):
    """A network's only output; one alone may come in a list or a dictionary."""
    if not isinstance(answer, (dict, list, tuple)):
        return answer
    if len(answer) != 1:
        raise ValueError(f"{name} must return one array, the restored tiles, got {len(answer)}")
    return next(iter(answer.values() if isinstance(answer, dict) else answer))


def _first_line(problem):
    """What an error says, without Keras' heading and colours, and the arrays that it lists."""
    lines = re.sub(r"\x1b\[[0-9;]*m", "", str(problem)).splitlines()
    lines = [line for line in lines if line and not line.startswith("Exception encountered")]
    return f"{type(problem).__name__}: {lines[0][:200] if lines else ''}"


def _first_stage(facts):
    """The shipped first stage of a W-Net, or a ValueError if it is not the one trained with."""
    first = facts["first_stage"]
    if first == facts.get("name") or card(first)["sha256"] != facts.get("first_stage_sha256"):
        raise ValueError(
            f"{facts.get('name')!r} was trained behind another {first!r} than the one that is "
            "shipped: the SHA-256 in their cards differ; train it anew"
        )
    return load(first)


def _built(facts, path, first_stage, settings):
    from eurosat_inpaint import models

    _require_own_content(path)
    model = getattr(models, facts["builder"])(**facts["arguments"], **settings)
    if first_stage is None:
        model.load_weights(path)
    else:
        model.get_layer("first_stage").set_weights(first_stage.get_weights())
        model.get_layer("second_stage").load_weights(path)
    return model


def _require_own_content(path):
    """Raise an error if a weights file takes numbers from other files: no digest covers those."""
    import h5py

    def look(group):
        for name in group:
            if isinstance(group.get(name, getlink=True), h5py.ExternalLink):
                raise ValueError(f"{name!r} is a link to another file")
            item = group[name]
            if isinstance(item, h5py.Group):
                look(item)
            elif item.external or item.is_virtual:
                raise ValueError(f"the numbers of {name!r} are in another file")

    with h5py.File(path, "r") as file:
        look(file)


@cache
def _fastest(name):
    """A shipped network in float32, or in bfloat16 where that restores a full batch faster."""
    networks = [loaded(name), _load(name, dtype="mixed_bfloat16")]
    batch = [
        np.ones((_TILES_PER_BATCH, *tensor.shape[1:]), np.float32) for tensor in networks[0].inputs
    ]
    seconds = np.empty((3, len(networks)))
    # The first call compiles. They take turns, so that other work on the machine meets both.
    for turn in range(len(seconds)):
        for number, network in enumerate(networks):
            start = time.perf_counter()
            network.predict_on_batch(batch)
            seconds[turn, number] = time.perf_counter() - start
    return networks[seconds[1:].min(axis=0).argmin()]


def _names_of_cards():
    return sorted(path.stem for path in WEIGHTS_FOLDER.glob("*.json"))


def _has_task(name, task):
    try:
        found = _task(_read_card(name))
    except ValueError:
        return False
    return task in (None, found)


def _read_card(name):
    path = WEIGHTS_FOLDER / f"{name}.json"
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, RecursionError, ValueError) as problem:
        raise ValueError(f"{path.name} is damaged: {problem}; install anew") from problem
    if not isinstance(facts, dict):
        raise ValueError(f"{path.name} is damaged: it holds no dictionary; install anew")
    for key, kind in _ON_EVERY_CARD.items():
        if not isinstance(facts.get(key), kind):
            raise ValueError(f"{path.name} is damaged: {key!r} is missing, or wrong; install anew")
    if facts.get("name", name) != name or Path(facts["weights"]).name != facts["weights"]:
        raise ValueError(f"{path.name} is damaged: it is not the card of {name!r}; install anew")
    return facts


def _task(facts):
    return facts.get("task", "inpainting")
