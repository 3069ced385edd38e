"""What tells one training from another, so that none is continued as another."""

import hashlib
import json
from typing import Any

import keras
import numpy as np

# Where names of layers stand in the configuration of a network. Keras numbers those that it makes
# up through the whole process, so they differ between two calls of one builder.
_NAMES_OF_LAYERS = ("name", "keras_history", "input_layers", "output_layers")
_TILES_AT_ONCE = 1024


def digest(array: np.ndarray) -> str:
    """A few hexadecimal digits by which two arrays can be told apart: shape, kind and content."""
    content = hashlib.sha256(f"{array.shape} {array.dtype}".encode())
    # In parts: of memory-mapped tiles, or of a view, only one part at a time is copied.
    for start in range(0, len(array), _TILES_AT_ONCE):
        content.update(np.ascontiguousarray(array[start : start + _TILES_AT_ONCE]).tobytes())
    return content.hexdigest()[:16]


def digest_of_facts(facts: Any) -> str:
    """The same of what JSON can hold."""
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:16]


def as_plain(facts: dict[str, Any]) -> dict[str, Any]:
    """Facts as they come back from a JSON file: arrays as digests, NumPy's numbers as Python's."""

    def plain(value):
        if isinstance(value, np.ndarray):
            return digest(value)
        return value.item() if isinstance(value, np.generic) else type(value).__name__

    return json.loads(json.dumps(facts, default=plain))


def network_facts(model: keras.Model) -> dict[str, str]:
    """What a network is: "model" for its layers, "dtype" for their precision, "backend".

    Two networks of one builder have the same, whatever names Keras gave their layers.
    """
    names: dict[str, int] = {}
    dtypes: list[Any] = []

    def anonymous(value, key=""):
        if isinstance(value, dict):
            dtypes.append(value.get("dtype"))
            kept = {k: v for k, v in value.items() if k not in ("dtype", "compile_config")}
            return {k: anonymous(v, k) for k, v in kept.items()}
        if isinstance(value, (list, tuple)):
            return [anonymous(entry, key) for entry in value]
        if isinstance(value, str) and key in _NAMES_OF_LAYERS:
            return names.setdefault(value, len(names))
        return value

    try:
        layers = as_plain(anonymous(model.get_config()))
    except NotImplementedError:
        # A layer of the user's own that cannot be described: what its weights are has to do.
        layers = [list(weights.shape) for weights in model.weights]
        dtypes = [weights.dtype for weights in model.weights]
    return {
        "model": digest_of_facts(layers),
        "dtype": digest_of_facts(as_plain({"dtypes": dtypes})),
        "backend": keras.backend.backend(),
    }
