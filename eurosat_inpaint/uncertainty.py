"""How far a restored pixel may be off: expected errors, and intervals that keep their word.

A head behind a shipped network predicts, for each hole pixel, the scale of its error
(``models.unet_with_error``). An interval reaches a factor times that scale to either side, and the
factor is chosen on tiles that were used for nothing else (``data.calibrates``) so that the promise
holds on average over new tiles: conformal risk control after Angelopoulos et al., "Conformal risk
control" (ICLR 2024), with the tile as the unit that is exchangeable. Pixels of one tile are not: if
one lies outside its interval, its neighbours are likely to. The promise is one for the masks of the
calibration: lines for "unet", all families for "unet_any". For others, :func:`calibrated_factor`
finds the factor anew. Taught in notebook 10.
"""

from functools import cache
from typing import Any

import numpy as np

from eurosat_inpaint import metrics, pretrained
from eurosat_inpaint._checks import (
    as_array,
    as_masks,
    as_number,
    as_unit,
    require_choice,
    require_shape,
    require_tiles,
)

# Coverages whose factors stand on the card of a head; between them they are interpolated.
COVERAGES = tuple(percent / 100 for percent in range(1, 100))


def names() -> list[str]:
    """Names of the shipped networks that have a head for errors; a damaged card counts for none.

    Example:
        >>> names()
        ['unet', 'unet_any']
    """
    cards = map(pretrained.card, pretrained.names("uncertainty"))
    whole = (card for card in cards if {"first_stage", "calibration"} <= card.keys())
    return sorted(card["first_stage"] for card in whole)


def expected_error(images: np.ndarray, masks: np.ndarray, model: str = "unet") -> np.ndarray:
    """How far each restored pixel is off, to be expected: the mean over its channels.

    Args:
        images: whole or masked tiles, (n, 64, 64, 3): uint8, or float in [0, 1]. What holes hold is
            never looked at.
        masks: (n, 64, 64, 1), 1 = known, 0 = hole; each with a known pixel.
        model: name of a network that has a head, see :func:`names`.

    Returns:
        Expected absolute error of ``inpaint(images, masks, model)``, float32 (n, 64, 64, 1), white
        being 1; 0 where a pixel is known.

    Raises:
        TypeError: if images or masks are no real numbers.
        ValueError: for a network without a head, shapes that do not fit together, known pixels
            outside [0, 1], or masks that are not 0 and 1 only or have no known pixel.

    Example:
        >>> import eurosat_inpaint as ei
        >>> tiles = ei.data.load_tiles("validation", source="synthetic").images[:2]
        >>> error = expected_error(tiles, ei.masks.line_masks(2, seed=0))
        >>> error.shape, float(error.min())
        ((2, 64, 64, 1), 0.0)
    """
    _, scale, masks = _restored_and_scale(images, masks, model)
    return _error_of(model, scale, masks)


def interval(
    images: np.ndarray,
    masks: np.ndarray,
    coverage: float = 0.9,
    model: str = "unet",
    *,
    factor: float | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """An interval for each value of each restored pixel that holds the true one so often.

    Args:
        images, masks, model: as of :func:`expected_error`.
        coverage: how often, on average over tiles and their hole pixels, from 0.01 to 0.99.
        factor: of :func:`calibrated_factor`, for masks of another kind than the network was
            calibrated on; ``coverage`` is then not used.

    Returns:
        Lower and upper ends, both float32 (n, 64, 64, 3) in [0, 1]; where a pixel is known both are
        its value.

    Raises:
        TypeError, ValueError: as :func:`expected_error`; also for a coverage or factor outside its
            range.

    Example:
        >>> import eurosat_inpaint as ei
        >>> tiles = ei.data.load_tiles("validation", source="synthetic").images[:2]
        >>> lower, upper = interval(tiles, ei.masks.line_masks(2, seed=0), coverage=0.5)
        >>> bool((lower <= upper).all())
        True
    """
    coverage = as_number("coverage", coverage, COVERAGES[0], COVERAGES[-1])
    if factor is None:
        require_choice("model", model, names())
        factors = _calibration(model)["factors"]
        coverage = as_number("coverage", coverage, COVERAGES[0], COVERAGES[len(factors) - 1])
        factor = float(np.interp(coverage, COVERAGES[: len(factors)], factors))
    factor = as_number("factor", factor, 0, float(np.finfo(np.float32).max))
    restored, scale, masks = _restored_and_scale(images, masks, model)
    reach = np.where(masks == 0, np.float32(factor) * scale, np.float32(0))
    return np.clip(restored - reach, 0, 1), np.clip(restored + reach, 0, 1)


def calibrated_factor(
    images: np.ndarray, masks: np.ndarray, coverage: float = 0.9, model: str = "unet"
) -> float:
    """The factor for :func:`interval` that keeps the promise on tiles and masks like these.

    Args:
        images: whole tiles, (n, 64, 64, 3), uint8 or float in [0, 1], by which nothing else was
            chosen; n at least 1 / (1 - coverage).
        masks: (n, 64, 64, 1), of the kind for which the promise shall hold, each with a hole.
        coverage, model: as of :func:`interval`.

    Raises:
        TypeError, ValueError: as :func:`expected_error` and :func:`conformal_factor`.
    """
    restored, scale, masks = _restored_and_scale(images, masks, model)
    errors = np.abs(as_unit(as_array("images", images)) - restored)
    return conformal_factor(errors, scale, masks, coverage)


def conformal_factor(
    errors: np.ndarray, scales: np.ndarray, masks: np.ndarray, coverage: float = 0.9
) -> float:
    """The least factor by which scales bound so many of the errors of a further tile.

    That is, on average over draws of the calibration tiles and of the further one, whatever scales
    and errors are, as long as tiles are exchangeable: with n tiles, of which the part r of the
    values is missed on average, (n r + 1) / (n + 1) is at most 1 - coverage.

    Args:
        errors: magnitudes of errors, (n, height, width, channels), not negative.
        scales: by which they are judged, the same shape, positive in the holes.
        masks: (n, height, width, 1), 1 = known, 0 = hole, each with a hole; only holes count.
        coverage: wanted, from 0.01 to 0.99.

    Raises:
        TypeError: for what is no real numbers.
        ValueError: for shapes that do not fit together, errors or scales that are negative or not
            finite, a mask without a hole, or fewer tiles than 1 / (1 - coverage).

    Example:
        >>> errors = np.linspace(0, 1, 99).reshape(99, 1, 1, 1)
        >>> conformal_factor(errors, np.full_like(errors, 0.5), np.zeros_like(errors), 0.9)
        1.8163265306122447
    """
    coverage = as_number("coverage", coverage, COVERAGES[0], COVERAGES[-1])
    return _factors(errors, scales, masks, [coverage])[0]


def _factors(errors, scales, masks, coverages):
    """The factors of :func:`conformal_factor` for several coverages; ratios are sorted once."""
    errors, scales = as_array("errors", errors), as_array("scales", scales)
    require_shape("errors", errors, "n", "height", "width", "channels")
    require_shape("scales", scales, *errors.shape)
    masks = as_masks("masks", masks, errors.shape, holes=True)
    holes = np.broadcast_to(masks == 0, errors.shape)
    if not (np.isfinite(errors[holes]).all() and (errors[holes] >= 0).all()):
        raise ValueError("errors must be finite and not negative")
    if not (np.isfinite(scales[holes]).all() and (scales[holes] > 0).all()):
        raise ValueError("scales must be finite and positive in the holes")
    count = len(errors)
    missed = [((1 - coverage) * (count + 1) - 1) / count for coverage in coverages]
    if min(missed) < -1e-9:
        coverage = max(coverages)
        raise ValueError(
            f"errors must be of {int(np.ceil(coverage / (1 - coverage) - 1e-9))} tiles or more for "
            f"a coverage of {coverage:g}, got {count}"
        )
    ratios = errors[holes].astype(np.float64) / scales[holes]
    # Each tile counts alike, however many of its pixels are holes.
    weights = np.broadcast_to(1 / holes.sum(axis=(1, 2, 3), keepdims=True), holes.shape)[holes]
    order = np.argsort(ratios)
    covered = np.cumsum(weights[order]) / count
    places = np.searchsorted(covered, 1 - np.array(missed) - 1e-12)
    return ratios[order[np.minimum(places, len(order) - 1)]].tolist()


def restored_and_error(
    model: str, masked: np.ndarray, masks: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """A batch restored, and its expected error: float32 (n, 64, 64, 3) and (n, 64, 64, 1).

    Args:
        model: of :func:`names`.
        masked, masks: float32 in [0, 1] and of 0 and 1, (n, 64, 64, 3) and (n, 64, 64, 1).
    """
    answer = _head(model).predict_on_batch([masked, masks])
    return answer[..., :3], _error_of(model, answer[..., 3:], masks)


def calibration_of(model: Any, images: np.ndarray, masks: np.ndarray) -> dict[str, Any]:
    """What a head's card says of its calibration on these tiles.

    Args:
        model: a network as of ``models.unet_with_error``.
        images, masks: as of :func:`calibrated_factor`.

    Returns:
        "tiles", their number; "factors", for 1, 2, ... % coverage, up to what so many tiles can
        promise; "error_factor", by which scales are multiplied so that they are the mean error.
    """
    told = _answers(model, images, masks)
    errors, scales = np.abs(as_unit(images) - told[..., :3]), told[..., 3:]
    holes = masks == 0
    promised = [coverage for coverage in COVERAGES if len(images) * (1 - coverage) >= 1 - 1e-9]
    by_tile = [
        (of * holes).sum(axis=(1, 2, 3)) / holes.sum(axis=(1, 2, 3)) for of in (errors, scales)
    ]
    return {
        "tiles": len(images),
        "factors": [round(factor, 5) for factor in _factors(errors, scales, masks, promised)],
        "error_factor": round(float(by_tile[0].mean() / by_tile[1].mean()), 5),
    }


def scores_of(
    model: Any, calibration: dict[str, Any], images: np.ndarray, masks: np.ndarray
) -> dict[str, float]:
    """Means over tiles of what 90 % intervals are worth, and AUSE of the expected errors.

    Args:
        model, images, masks: as of :func:`calibration_of`.
        calibration: what it returned.
    """
    told = _answers(model, images, masks)
    restored, scale = told[..., :3], told[..., 3:]
    reach = np.where(masks == 0, calibration["factors"][COVERAGES.index(0.9)] * scale, 0)
    ends = np.clip(restored - reach, 0, 1), np.clip(restored + reach, 0, 1)
    errors = np.abs(as_unit(images) - restored).mean(axis=-1)
    return {
        "interval_width": float(metrics.interval_width(*ends, masks).mean()),
        "interval_coverage": float(metrics.interval_coverage(images, *ends, masks).mean()),
        "ause": metrics.ause(errors, scale.mean(axis=-1), masks),
        "tiles": len(images),
    }


def _error_of(model, scale, masks):
    error = np.float32(_calibration(model)["error_factor"]) * scale.mean(axis=-1, keepdims=True)
    return np.where(masks == 0, error, np.float32(0))


def _restored_and_scale(images, masks, model):
    """Restored tiles and the scales of their errors; masks as an array."""
    require_choice("model", model, names())
    images = as_array("images", images)
    require_shape("images", images, "n", 64, 64, 3)
    masks = as_masks("masks", masks, images.shape, known=True)
    # What holes hold is of no interest, NaN included.
    masked = require_tiles("images", np.where(masks == 1, images, np.zeros((), images.dtype)))
    told = _answers(_head(model), masked, masks)
    known = as_unit(masked).astype(np.float32)
    return np.where(masks == 1, known, told[..., :3]), told[..., 3:], masks


def _answers(network, images, masks):
    def answer(masked, known, first):
        return network.predict_on_batch([masked, known])

    def batch_of(batch):
        known = masks[batch].astype(np.float32)
        return as_unit(images[batch]).astype(np.float32) * known, known

    parts = [part for _, part in pretrained.restored_batches(answer, len(images), batch_of)]
    return np.concatenate(parts)


@cache
def _head(model):
    return pretrained.load(_head_name(model))


@cache
def _calibration(model):
    return pretrained.card(_head_name(model))["calibration"]


def _head_name(model):
    return f"{model}_error"
