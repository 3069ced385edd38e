"""Trains small networks by ``tools/train_on_gpu.py``, for ``test_train_on_gpu.py``.

    python train_on_jax.py FOLDER NAME...

Run by the Python of the environment .venv-jax. FOLDER holds, of each network, the weights that it
starts from; the trained ones are written beside them.
"""

import sys
from pathlib import Path

import numpy as np
from helpers_small_networks import STEPS, few_tiles, small

import eurosat_inpaint as ei

sys.path.insert(0, str(Path(__file__).parents[1] / "tools"))
import train_on_gpu


def main(folder, *names):
    tiles = few_tiles()
    ei.data.load_tiles = lambda split: tiles
    train_on_gpu._DTYPE, train_on_gpu._STEPS_PER_CALL = "float32", 2
    for name in names:
        network, recipe = small(name)
        ei.shipping.NETWORKS[name] = network
        ei.training.RECIPES[network.recipe] = recipe
        training = train_on_gpu.Training(name, STEPS, None, 0, processes=2)
        networks = [training.model] + ([training.critic] if training.critic else [])
        with np.load(folder / f"{name}.npz") as started:
            weights = iter([started[key] for key in started.files])
        for trained in networks:
            trained.set_weights([next(weights) for _ in trained.weights])
        training.run()
        kept = [weights for trained in networks for weights in trained.get_weights()]
        np.savez(folder / f"{name}_trained.npz", *kept)


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
