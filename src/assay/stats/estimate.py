"""Bounds of a contrast: the differences and lifts that a squared critical value does not reject."""

from __future__ import annotations

import math

from assay.model.result import Interval, NoEstimate
from assay.stats.contrast import Contrast
from assay.stats.fieller import Bounds, Outside, Quadratic, accepted_by_any

ZERO_CONTROL = NoEstimate("zero_control", "the control is 0, so nothing can be given relative to it")
CONTROL_NEAR_ZERO = NoEstimate(
    "control_near_zero", "the control cannot be told from 0, so a relative change has no bounds"
)
TOO_FEW_UNITS = NoEstimate("too_few_units", "too few units yet for bounds that hold at every look")


def relative_change(difference: float, control: float) -> float | NoEstimate:
    """The difference as a share of the control."""
    if control == 0:
        return ZERO_CONTROL
    relative = difference / control
    return relative if math.isfinite(relative) else CONTROL_NEAR_ZERO


def absolute_interval(contrast: Contrast, critical: float | None, alpha: float) -> Interval | NoEstimate:
    """The differences not rejected at α, within what the metric can take. critical: squared; None where none is."""
    if critical is None:
        return TOO_FEW_UNITS
    bounds = accepted_by_any(contrast.treatment - contrast.control, 1.0, contrast.absolute, critical)
    if not isinstance(bounds, Bounds):
        return TOO_FEW_UNITS
    widest = contrast.ceiling - contrast.floor if contrast.ceiling is not None and contrast.floor is not None else None
    return _within(bounds, None if widest is None else -widest, widest, 1 - alpha)


def relative_interval(contrast: Contrast, critical: float | None, alpha: float) -> Interval | NoEstimate:
    """The lifts not rejected at α (Fieller); unbounded above where the control may be 0 but cannot be negative."""
    if critical is None:
        return TOO_FEW_UNITS
    difference = contrast.treatment - contrast.control
    variances = [_of_lift(variance) for variance in contrast.relative]
    bounds = accepted_by_any(difference, contrast.control, variances, critical)
    lowest = -1.0 if contrast.floor == 0 else None
    if isinstance(bounds, Bounds):
        return _within(bounds, lowest, None, 1 - alpha)
    if isinstance(bounds, Outside) and lowest is not None and bounds.low <= lowest < bounds.high:
        return Interval(bounds.high, None, 1 - alpha)
    return ZERO_CONTROL if contrast.control == 0 else CONTROL_NEAR_ZERO


def _of_lift(variance: Quadratic) -> Quadratic:
    """A variance in the ratio r as one in the lift r - 1, so that small lifts on large means keep their digits."""
    w0, w1, w2 = variance
    return (w0 + w1 + w2, w1 + 2 * w2, w2)


def _within(bounds: Bounds, lowest: float | None, highest: float | None, level: float) -> Interval:
    lower, upper = bounds.lower, bounds.upper
    if lower is not None and lowest is not None:
        lower = max(lower, lowest)
    if upper is not None and highest is not None:
        upper = min(upper, highest)
    return Interval(lower, upper, level)
