"""Make docs/restored.png, the picture in the README: validation tiles and what becomes of them."""

from pathlib import Path

import numpy as np

import eurosat_inpaint as ei

CLASSES = ("AnnualCrop", "Highway", "Industrial", "PermanentCrop", "Residential", "River")
# Which tile of each class: chosen for showing its class well, before any was restored.
NUMBERS = (15, 5, 6, 10, 6, 7)
PICTURE = Path(__file__).resolve().parent.parent / "docs" / "restored.png"


def main() -> None:
    tiles = ei.data.load_tiles("validation")
    masks = ei.masks.line_masks(len(tiles), seed=0)
    chosen = [
        np.flatnonzero(tiles.labels == tiles.class_names.index(name))[number]
        for name, number in zip(CLASSES, NUMBERS, strict=True)
    ]
    images, masks = tiles.images[chosen], masks[chosen]
    rows = [images / 255, ei.plots.tint_holes(images, masks), ei.inpaint(images / 255, masks)]
    ei.plots.use_style()
    figure = ei.plots.show_tiles(rows, ["truth", "masked", "restored"], CLASSES, tiles.source)
    figure.savefig(PICTURE, dpi=192)


if __name__ == "__main__":
    main()
