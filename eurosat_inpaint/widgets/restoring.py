"""The methods that the inpainting explorer compares, and the process that computes them.

By default that is the kernel of the notebook. Where many people look at one page, ``make app``
starts a process that holds the networks once for all kernels; they find it by a variable of the
environment.
"""

import multiprocessing
import os
import secrets
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib.util import find_spec
from multiprocessing.managers import BaseManager
from typing import Any

import numpy as np

# Plain name and a line for each, in the order of their error on the original's masks, see
# benchmarks/README.md.
METHODS = {
    "unet": ("U-Net", "a network that corrects a push-pull fill, trained on nine lines"),
    "gan_control": ("U-Net, trained longer", "the U-Net after the GAN's training without a critic"),
    "unet_any": ("U-Net for any mask", "the U-Net, trained further on eight kinds of mask"),
    "wnet": ("W-Net", "a second U-Net behind the first, which adds texture"),
    "gan": ("GAN", "the U-Net, trained further against a critic"),
    "push_pull": ("push-pull", "averages at ever coarser resolution, nothing learnt"),
    "navier_stokes": ("Navier-Stokes", "OpenCV's: lines of equal brightness go on into the hole"),
    "telea": ("Telea", "OpenCV's: filled from the rim inwards"),
    "biharmonic": ("biharmonic", "a smooth surface through the rim"),
    "nearest": ("nearest", "each pixel has the colour of the nearest known one"),
    "mean": ("mean", "the mean colour of what is known"),
}
TO_START_WITH = ("unet", "push_pull")
# Fills that OpenCV computes, which need not be installed.
_BY_OPENCV = ("telea", "navier_stokes")
# Where kernels find the process that computes for all of them: address and key.
_SHARED_VARIABLE = "EUROSAT_INPAINT_SHARED_NETWORKS"


class Restorer:
    """Restores single tiles, by one caller after the other. Arguments are as of ``inpaint``."""

    def __init__(self):
        self._turn = threading.Lock()

    def methods(self) -> list[str]:
        """Names of the fills that can be computed here and of the networks, the best first."""
        from eurosat_inpaint import baselines, pretrained

        has_opencv = find_spec("cv2") is not None
        fills = [name for name in baselines.FILLS if has_opencv or name not in _BY_OPENCV]
        every = [*pretrained.names(), *fills]
        return [
            *(name for name in METHODS if name in every),
            *(n for n in every if n not in METHODS),
        ]

    def restored(self, method: str, tile: np.ndarray, mask: np.ndarray) -> np.ndarray:
        """What a method makes of a tile, float in [0, 1] of shape (1, 64, 64, 3)."""
        from eurosat_inpaint import baselines, pretrained

        with self._turn:
            if method == "push_pull":
                return pretrained.restore_in_batches(_compiled_push_pull(), tile * mask, mask)
            if method in baselines.FILLS:
                return baselines.FILLS[method](tile * mask, mask)
            return pretrained.inpaint(tile, mask, model=method)

    def expected_error(self, method: str, tile: np.ndarray, mask: np.ndarray) -> np.ndarray | None:
        """The error that a network expects, (1, 64, 64, 1), or None if it has no head for it."""
        from eurosat_inpaint import uncertainty

        if method not in uncertainty.names():
            return None
        with self._turn:
            return uncertainty.expected_error(tile, mask, model=method)


@cache
def _compiled_push_pull():
    """Push-pull as a network: a fifth of the time of sixty operations one by one."""
    import keras

    from eurosat_inpaint.compositing import push_pull_layer

    inputs = [keras.Input((64, 64, channels)) for channels in (3, 1)]
    clipped = keras.layers.ReLU(max_value=1)(push_pull_layer()(inputs))
    return keras.Model(inputs, clipped)


class _SharedNetworks(BaseManager):
    """A process that holds one :class:`Restorer` for all who know its address and key."""


@contextmanager
def share_networks() -> Iterator[dict[str, str]]:
    """Load the networks once for the explorers of many kernels, as on a page with visitors.

    A process beside this one holds them until the block ends. It answers on this machine only, to
    whoever has the key.

    Yields:
        Variables of the environment that the kernels must be given.

    Example:
        >>> import os, subprocess
        >>> with share_networks() as variables:  # doctest: +SKIP
        ...     subprocess.run(["voila", "page.ipynb"], env=os.environ | variables)
    """
    key = secrets.token_bytes(32)
    networks = _SharedNetworks(authkey=key, ctx=multiprocessing.get_context("spawn"))
    # Whoever presses Ctrl+C ends the caller, and that ends this process.
    networks.start(initializer=signal.signal, initargs=(signal.SIGINT, signal.SIG_IGN))
    with networks:
        _warm_up(networks.restorer())  # type: ignore[attr-defined]  # Registered below.
        yield {_SHARED_VARIABLE: f"{networks.address!s}|{key.hex()}"}


def _warm_up(shared):
    """Load and compile what the first visitor sees first."""
    tile, mask = np.zeros((1, 64, 64, 3)), np.ones((1, 64, 64, 1), np.float32)
    mask[:, :32] = 0
    for method in TO_START_WITH:
        shared.restored(method, tile, mask)


@cache
def restorer() -> Any:
    """The :class:`Restorer` of this process, or a proxy of the one that is shared."""
    shared = os.environ.get(_SHARED_VARIABLE)
    if not shared:
        return Restorer()
    address, key = shared.rsplit("|", 1)
    manager = _SharedNetworks(address, authkey=bytes.fromhex(key))
    manager.connect()
    return manager.restorer()  # type: ignore[attr-defined]  # Registered below.


# In that process, which has not been told of another, it is the one.
_SharedNetworks.register("restorer", restorer)
