"""Trains a small network by a shipped recipe on several devices, for ``test_devices.py``.

    python train_on_devices.py DEVICES DTYPE

Run by the Python of the environment .venv-jax. Prints the losses of training and validation, and
the weights' digest, as JSON.
"""

import dataclasses
import json
import sys

import keras
import numpy as np

import eurosat_inpaint as ei


def main(devices, dtype):
    if devices:
        ei.training.use_devices(devices)
    keras.utils.set_random_seed(0)
    model = ei.models.residual_unet(32, filters=(16, 24), blocks=(1, 1), dtype=dtype)
    images = ei.data.synthetic_tiles(100)[0][:, :32, :32]
    recipe = dataclasses.replace(ei.training.RECIPES["efficient"], batch_size=16)
    settings = {"epochs": 3, "steps_per_epoch": 8, "verbose": 0}
    history = ei.training.fit_unet(model, images, images[:36], recipe, **settings)
    norms = [float(np.linalg.norm(weights)) for weights in model.get_weights()]
    print(
        json.dumps({"losses": [[row["loss"], row["val_loss"]] for row in history], "norms": norms})
    )


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
