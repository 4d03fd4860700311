"""A contrast judged at every look: difference, lift, their sequences and p-value, or why there is none."""

from __future__ import annotations

import math

from assay.model.result import Interval, NoEstimate, Validity
from assay.stats.arm import ZERO_VARIANCE
from assay.stats.contrast import Contrast
from assay.stats.distributions import floored
from assay.stats.fieller import Bounds, Outside, Quadratic, accepted_by_any
from assay.stats.outcome import Alternative, Outcome
from assay.stats.sequential.mixture import log_e_value, squared_radius

ZERO_CONTROL = NoEstimate("zero_control", "the control is 0, so nothing can be given relative to it")
CONTROL_NEAR_ZERO = NoEstimate(
    "control_near_zero", "the control cannot be told from 0, so a relative change has no bounds"
)
TOO_FEW_UNITS = NoEstimate("too_few_units", "too few units yet for bounds that hold at every look")


def sequence_outcome(
    test: str,
    contrast: Contrast,
    rho_squared: float,
    alpha: float,
    *,
    alternative: Alternative = Alternative.TWO_SIDED,
    null_relative: float = 0.0,
) -> Outcome:
    """A contrast judged by the normal mixture, valid at every look (see assay.stats.sequential.mixture).

    null_relative: the lift under the hypothesis. One-sided: the two-sided sequence at α of which one side is used, so
    the error is kept with room to spare; p is 1 on the other side.
    """
    m, nu = rho_squared * contrast.n_units, contrast.degrees_of_freedom
    critical = squared_radius(m, alpha, nu)
    absolute = contrast.treatment - contrast.control
    ratio = 1 + null_relative
    distance = absolute - null_relative * contrast.control
    variance = contrast.null_variance
    if null_relative:
        variance = max(w0 + w1 * ratio + w2 * ratio * ratio for w0, w1, w2 in contrast.relative)
    outcome = Outcome(
        test,
        absolute,
        _one_side(absolute_interval(contrast, critical, alpha), alternative),
        ZERO_VARIANCE,
        ZERO_VARIANCE,
        relative_change(absolute, contrast.control),
        _one_side(relative_interval(contrast, critical, alpha), _of_lift_side(alternative, contrast.control)),
        degrees_of_freedom=nu if math.isfinite(nu) else None,
        alternative=alternative,
        null=null_relative,
        level=1 - alpha,
        validity=Validity.ANYTIME,
    )
    if variance <= 0:
        return outcome._replace(
            interval=ZERO_VARIANCE,
            relative_interval=ZERO_VARIANCE if contrast.control != 0 else ZERO_CONTROL,
        )
    statistic = distance / math.sqrt(variance)
    log_e = max(0.0, log_e_value(statistic, m, nu))
    if alternative is not Alternative.TWO_SIDED and (statistic > 0) is not (alternative is Alternative.GREATER):
        log_e = 0.0
    return outcome._replace(p_value=floored(math.exp(-log_e)), log_p=-log_e, statistic=statistic)


def _one_side(interval: Interval | NoEstimate, alternative: Alternative) -> Interval | NoEstimate:
    if isinstance(interval, NoEstimate) or alternative is Alternative.TWO_SIDED:
        return interval
    above = alternative is Alternative.GREATER
    if (interval.lower if above else interval.upper) is None:
        return CONTROL_NEAR_ZERO
    return Interval(interval.lower if above else None, None if above else interval.upper, interval.level)


def _of_lift_side(alternative: Alternative, control: float) -> Alternative:
    """The side of the lift that a side of the difference is: the other one below a negative control."""
    if alternative is Alternative.TWO_SIDED or control >= 0:
        return alternative
    return Alternative.LESS if alternative is Alternative.GREATER else Alternative.GREATER


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
