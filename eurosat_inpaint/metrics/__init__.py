"""What is measured of restored tiles, and how far apart two scores have to be to mean anything.

``errors`` holds the scores of each tile, over all pixels or the holes; ``positions`` says where in
the tile the errors are, ``sharpness`` how sharp a restoration is whatever its error, ``landcover``
whether a classifier still sees the same in it, ``referees`` whether it can be told from a true
one; ``intervals`` puts an interval on a score and on a difference; ``calibration`` says whether
expected errors and intervals of restored pixels keep their word; ``evaluation`` restores with one
method, or several, and takes all of the other measures.
"""

from eurosat_inpaint.metrics.calibration import (
    SPARSIFIED,
    ause,
    coverage_by_distance,
    interval_coverage,
    interval_score,
    interval_width,
    sparsification,
)
from eurosat_inpaint.metrics.errors import PSNR_CAP, channel_argmax_accuracy, mae, mse, psnr, ssim
from eurosat_inpaint.metrics.evaluation import compare, evaluate, gflop_per_tile, score_tiles
from eurosat_inpaint.metrics.intervals import bootstrap_interval, paired_difference
from eurosat_inpaint.metrics.landcover import (
    kernel_distance,
    land_cover_agreement,
    land_cover_features,
)
from eurosat_inpaint.metrics.positions import (
    DISTANCE_EDGES,
    beyond_outermost_lines,
    distances_to_known,
    mean_error_by_distance,
    mean_error_map,
)
from eurosat_inpaint.metrics.referees import referee_accuracy, spectral_peak
from eurosat_inpaint.metrics.sharpness import gradient_ratio, gradient_sums, radial_power

__all__ = [
    "DISTANCE_EDGES",
    "PSNR_CAP",
    "SPARSIFIED",
    "ause",
    "beyond_outermost_lines",
    "bootstrap_interval",
    "channel_argmax_accuracy",
    "compare",
    "coverage_by_distance",
    "distances_to_known",
    "evaluate",
    "gflop_per_tile",
    "gradient_ratio",
    "gradient_sums",
    "interval_coverage",
    "interval_score",
    "interval_width",
    "kernel_distance",
    "land_cover_agreement",
    "land_cover_features",
    "mae",
    "mean_error_by_distance",
    "mean_error_map",
    "mse",
    "paired_difference",
    "psnr",
    "radial_power",
    "referee_accuracy",
    "score_tiles",
    "sparsification",
    "spectral_peak",
    "ssim",
]
