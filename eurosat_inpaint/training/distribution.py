"""Training on several devices of a machine, and by several machines, on Keras' JAX backend.

Every process makes the whole of batch k, which is a pure function of the seed and k, and hands on
its share of it; gradients are averaged by JAX. So the losses are those of a single device.
"""

import os
from typing import Any

import keras

from eurosat_inpaint._checks import require_integer

# What Keras' JAX backend finds the other processes by.
ADDRESSES_VARIABLE = "KERAS_DISTRIBUTION_JOB_ADDRESSES"


def use_devices(count: int) -> int:
    """Let what is built and trained from now on in this process use so many devices.

    Where the environment names the addresses of several processes, as ``keras.distribution``
    reads them (``KERAS_DISTRIBUTION_JOB_ADDRESSES``, ``KERAS_DISTRIBUTION_NUM_PROCESSES``,
    ``KERAS_DISTRIBUTION_PROCESS_ID``), these are joined, and their devices are counted together.

    Args:
        count: number of devices, as ``keras.distribution.list_devices`` lists them.

    Returns:
        The number of this process, 0 for the first or only one.

    Raises:
        ValueError: on another backend than JAX, or if there are not so many devices.
    """
    require_integer("devices", count, 1)
    if keras.backend.backend() != "jax":
        raise ValueError("devices can be chosen on Keras' JAX backend only: set KERAS_BACKEND=jax")
    if os.environ.get(ADDRESSES_VARIABLE):
        keras.distribution.initialize()
    found = keras.distribution.list_devices()
    if count > len(found):
        raise ValueError(f"devices must be at most {len(found)}, those that are here, got {count}")
    # The default would share out a TensorFlow data set, and knows no other kind of batches.
    parallel = keras.distribution.DataParallel(devices=found[:count], auto_shard_dataset=False)
    keras.distribution.set_distribution(parallel)
    return _process()[0]


def own_share(batch: Any) -> Any:
    """Of a batch that all processes make alike, the part for the devices of this one."""
    process, processes = _process()
    if processes == 1:
        return batch

    def part(array):
        share = len(array) // processes
        return array[process * share : (process + 1) * share]

    return keras.tree.map_structure(part, batch)


def devices_in_use() -> int:
    """How many devices share a batch."""
    distribution = keras.distribution.distribution()
    return 1 if distribution is None else int(distribution.device_mesh.devices.size)


def _process():
    """Number of this process, and of all."""
    if keras.distribution.distribution() is None:
        return 0, 1
    import jax

    return jax.process_index(), jax.process_count()
