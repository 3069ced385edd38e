"""A small U-Net against the best fill that there is, on fields whose best fill is known.

The fields are Gaussian, of covariance exp(-distance / 12), distance in pixels. Given the known
pixels, the conditional mean is then the fill of least mean square error (simple kriging), and its
error follows from the mask alone. The network has to learn it from samples; it is told neither
the covariance nor that the fields are Gaussian.

    python benchmarks/known_answer.py
"""

import argparse
import os
import time
from functools import partial

# What TensorFlow has to say while it starts is of no use on a command line.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
from scipy.linalg import solve_triangular
from tqdm import tqdm

from eurosat_inpaint import baselines, metrics, models, training
from eurosat_inpaint.masks import line_masks

SIZE, SCALE = 64, 12
MEAN, DEVIATION = 0.5, 0.1
VALIDATION_TILES, TEST_TILES = 320, 400
EPOCHS, BATCH_SIZE = 8, 32
SEED, TEST_MASK_SEED = 0, 2


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--tiles",
        type=int,
        default=16_000,
        help=f"fields to train on, each {EPOCHS} times, flipped and masked anew (%(default)s)",
    )
    options = parser.parse_args()
    covariance = covariance_of_pixels()
    counts = (options.tiles, VALIDATION_TILES, TEST_TILES)
    images, validation_images, test_images = sample_fields(covariance, counts)
    network = train(images, validation_images)

    masks = line_masks(TEST_TILES, seed=TEST_MASK_SEED)
    errors = {"optimum": predicted_errors(covariance, masks)}
    for name, method in {"network": network, **baselines.FILLS}.items():
        scores = metrics.score_tiles(method, test_images, masks, progress=True)
        errors[name] = scores["mse_holes"] / DEVIATION**2
    print_table(errors)


def covariance_of_pixels() -> np.ndarray:
    """exp(-distance / 12) between all pairs of pixels, row by row: float64 (4096, 4096)."""
    rows, columns = (grid.ravel() for grid in np.mgrid[:SIZE, :SIZE])
    by_lag = np.exp(-np.hypot(*np.mgrid[:SIZE, :SIZE]) / SCALE)
    return by_lag[np.abs(rows[:, None] - rows), np.abs(columns[:, None] - columns)]


def sample_fields(covariance, counts) -> list[np.ndarray]:
    """Exact samples, three independent channels: uint8 (count, 64, 64, 3) for each count.

    Eight bits add noise of (1 / 255)**2 / 12, which is 0.0001 of the variance; clipping to [0, 1]
    cuts at five standard deviations.
    """
    factor = np.linalg.cholesky(covariance).astype(np.float32)
    random = np.random.default_rng(SEED)
    images = np.empty((sum(counts), SIZE, SIZE, 3), np.uint8)
    block = 160
    for start in tqdm(range(0, len(images), block), desc="Sampling fields"):
        part = images[start : start + block]
        noise = random.standard_normal((SIZE**2, len(part) * 3), np.float32)
        samples = (factor @ noise).reshape(SIZE, SIZE, len(part), 3).transpose(2, 0, 1, 3)
        part[:] = np.rint((MEAN + DEVIATION * samples).clip(0, 1) * 255)
    return np.split(images, np.cumsum(counts)[:-1])


def train(images, validation_images) -> keras.Model:
    build = partial(models.residual_unet, filters=(32, 48, 64, 96), blocks=(1, 1, 1, 2))
    dtype = training.fastest_dtype(build)
    keras.utils.set_random_seed(SEED)
    network = build(dtype=dtype)
    print(f"Training {network.count_params():,} parameters in {dtype}")
    start = time.perf_counter()
    training.fit_unet(network, images, validation_images, epochs=EPOCHS, seed=SEED, verbose=2)
    print(f"Trained for {time.perf_counter() - start:.0f} s")
    return network


def predicted_errors(covariance, masks) -> np.ndarray:
    """Kriging's mean square error over the holes of each mask, for a field of variance 1: (n,)."""
    errors = []
    for mask in tqdm(masks, desc="Kriging"):
        known = mask.ravel() == 1
        factor = np.linalg.cholesky(covariance[np.ix_(known, known)])
        across = solve_triangular(factor, covariance[np.ix_(known, ~known)], lower=True)
        errors.append(1 - (across**2).sum(axis=0).mean())
    return np.array(errors)


def print_table(errors):
    """Means over tiles with 95 % intervals, then the network against the best baseline."""
    print(f"\n| MSE in the holes over the variance, {TEST_TILES} fields | mean | 95 % interval |")
    print("|---|---|---|")
    for name in sorted(errors, key=lambda name: errors[name].mean()):
        low, high = metrics.bootstrap_interval(errors[name])
        print(f"| {name} | {errors[name].mean():.3f} | {low:.3f} to {high:.3f} |")
    best = min(baselines.FILLS, key=lambda name: errors[name].mean())
    for other in (best, "optimum"):
        change = metrics.paired_difference(errors["network"], errors[other])
        print(
            f"Network less {other}, paired: {change['difference']:+.3f} "
            f"[{change['low']:+.3f}, {change['high']:+.3f}]"
        )


if __name__ == "__main__":
    main()
