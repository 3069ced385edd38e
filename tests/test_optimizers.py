"""Muon for convolutions, against its definition in NumPy and against AdamW."""

import keras
import numpy as np
import pytest

from eurosat_inpaint.training import ConvolutionMuon

RATE, DECAY, MOMENTUM = 0.01, 0.1, 0.95
random = np.random.default_rng(0)


def variable(*shape):
    return keras.Variable(random.normal(size=shape), dtype="float32")


def gradients_for(weights, steps):
    return [[random.normal(size=w.shape).astype(np.float32) for w in weights] for _ in range(steps)]


def after(optimizer, weights, gradients):
    """The weights after steps with the given gradients."""
    copies = [keras.Variable(keras.ops.copy(w)) for w in weights]
    optimizer.build(copies)
    for step in gradients:
        optimizer.apply(step, copies)
    return [np.asarray(w) for w in copies]


@pytest.mark.parametrize("shape", [(3, 3, 32, 40), (1, 1, 48, 32), (1, 1, 32, 48)])
def test_wide_kernels_step_by_the_orthogonal_factor(shape):
    """The iteration leaves singular values within 0.35 of 1; the factor itself has them at 1."""
    kernel = variable(*shape)
    gradients = gradients_for([kernel], 1)
    optimizer = ConvolutionMuon(learning_rate=RATE, weight_decay=0)
    moved = after(optimizer, [kernel], gradients)[0]
    matrix = gradients[0][0].reshape(-1, shape[-1]).astype(np.float64)
    left, _, right = np.linalg.svd(matrix, full_matrices=False)
    scale = RATE * 0.2 * max(matrix.shape) ** 0.5
    step = (np.asarray(kernel) - moved).reshape(matrix.shape) / scale
    in_its_axes = left.T @ step @ right.T
    assert (abs(np.diag(in_its_axes) - 1) < 0.35).all()
    np.testing.assert_allclose(in_its_axes - np.diag(np.diag(in_its_axes)), 0, atol=1e-4)


def test_steps_follow_the_nesterov_momentum_and_decay():
    kernel = variable(1, 1, 32, 32)
    gradients = gradients_for([kernel], 3)
    settings = dict(learning_rate=RATE, weight_decay=DECAY, momentum=MOMENTUM)
    moved = after(ConvolutionMuon(**settings), [kernel], gradients)[0]
    expected, average = np.asarray(kernel, np.float64)[0, 0], 0
    for (gradient,) in gradients:
        average = MOMENTUM * average + gradient[0, 0]
        matrix = gradient[0, 0] + MOMENTUM * average
        matrix = matrix / np.linalg.norm(matrix)
        for _ in range(5):
            gram = matrix @ matrix.T
            matrix = 3.4445 * matrix + (2.0315 * gram @ gram - 4.775 * gram) @ matrix
        expected = expected * (1 - RATE * DECAY) - RATE * 0.2 * 32**0.5 * matrix
    np.testing.assert_allclose(moved[0, 0], expected, atol=1e-5)


def test_all_other_weights_step_as_by_adamw():
    weights = [variable(3, 3, 16, 64), variable(3, 3, 64, 12), variable(64, 64), variable(64)]
    gradients = gradients_for(weights, 4)
    settings = dict(learning_rate=RATE, weight_decay=DECAY)
    ours = after(ConvolutionMuon(**settings), weights, gradients)
    adamw = after(keras.optimizers.AdamW(**settings), weights, gradients)
    for found, expected in zip(ours, adamw, strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-6)


def test_optimizer_is_restored_from_its_configuration():
    optimizer = ConvolutionMuon(learning_rate=RATE, momentum=0.9)
    restored = keras.optimizers.deserialize(keras.optimizers.serialize(optimizer))
    assert isinstance(restored, ConvolutionMuon)
    assert restored.get_config() == optimizer.get_config()
