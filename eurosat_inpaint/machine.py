"""What a figure was measured with: processor, device, versions."""

import importlib.metadata
import platform
from pathlib import Path


def processor() -> str:
    """Name of the processor's model; ``platform.processor()`` does not know it on Linux."""
    information = Path("/proc/cpuinfo")
    lines = information.read_text().splitlines() if information.exists() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor() or platform.machine()


def device() -> str:
    """What Keras computes on: "GPU" or "CPU"."""
    import keras

    devices = keras.distribution.list_devices()
    return "GPU" if any(name.startswith(("gpu", "cuda")) for name in devices) else "CPU"


def version(package: str) -> str:
    """Version of an installed package, or "missing"."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "missing"
