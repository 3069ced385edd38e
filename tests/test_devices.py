"""One device, two, and two processes train alike, by the shipped recipe, on Keras' JAX backend."""

import json
import os
import socket
import subprocess
from pathlib import Path

import pytest
from pytest import approx

from eurosat_inpaint import training

pytestmark = [pytest.mark.slow, pytest.mark.environment]

SCRIPT = Path(__file__).parent / "train_on_devices.py"


def start(python, devices, dtype, **variables):
    environment = {"KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu", "CUDA_VISIBLE_DEVICES": "-1"}
    return subprocess.Popen(
        [python, SCRIPT, str(devices), dtype],
        env=os.environ | environment | variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def result(process):
    output, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors
    return json.loads(output.splitlines()[-1])


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def trained_by_two_processes(python, dtype):
    addresses = ",".join(f"127.0.0.1:{port}" for port in free_ports(2))
    both = {
        "KERAS_DISTRIBUTION_JOB_ADDRESSES": addresses,
        "KERAS_DISTRIBUTION_NUM_PROCESSES": "2",
        "JAX_CPU_COLLECTIVES_IMPLEMENTATION": "gloo",
    }
    processes = [
        start(python, 2, dtype, **both, KERAS_DISTRIBUTION_PROCESS_ID=str(number))
        for number in (0, 1)
    ]
    return [result(process) for process in processes]


def losses_of(found):
    return [loss for epoch in found["losses"] for loss in epoch]


@pytest.mark.parametrize("dtype", ["float32", "mixed_bfloat16"])
def test_devices_and_processes_train_as_one_device(dtype, jax_python):
    alone = result(start(jax_python, 0, dtype))
    two_devices = {"XLA_FLAGS": "--xla_force_host_platform_device_count=2"}
    together = [result(start(jax_python, 2, dtype, **two_devices))]
    together += trained_by_two_processes(jax_python, dtype)
    # Of bfloat16 eight bits are right: sums in another order differ, and training goes on from it.
    tolerance = 1e-5 if dtype == "float32" else 2e-2
    for found in together:
        assert losses_of(found) == approx(losses_of(alone), rel=tolerance)
        assert found["norms"] == approx(alone["norms"], rel=tolerance, abs=tolerance)
    assert alone["losses"][-1][0] < alone["losses"][0][0] / 2


def test_more_devices_than_there_are(jax_python):
    process = start(jax_python, 2, "float32")
    _, errors = process.communicate(timeout=300)
    assert "ValueError: devices must be at most 1, those that are here, got 2" in errors


def test_another_backend_is_refused():
    with pytest.raises(ValueError, match="KERAS_BACKEND=jax"):
        training.use_devices(1)
