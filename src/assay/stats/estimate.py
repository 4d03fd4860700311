"""A contrast judged by a rule: difference, lift, intervals and p-value, or why there is none."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from assay.model.result import Interval, NoEstimate
from assay.stats.arm import ZERO_VARIANCE
from assay.stats.contrast import Contrast
from assay.stats.distributions import student_p, student_quantile
from assay.stats.fieller import Bounds, Outside, Quadratic, accepted_by_any
from assay.stats.sequential.mixture import anytime_p, squared_radius

ZERO_CONTROL = NoEstimate("zero_control", "the control is 0, so nothing can be given relative to it")
CONTROL_NEAR_ZERO = NoEstimate(
    "control_near_zero", "the control cannot be told from 0, so a relative change has no bounds"
)
TOO_FEW_UNITS = NoEstimate("too_few_units", "too few units yet for bounds that hold at every look")


@dataclass(frozen=True, slots=True)
class Rule:
    """How distances in standard errors become p-values and bounds.

    p: statistic → two-sided p-value. critical: α → squared critical value, None where no bound is possible yet.
    """

    p: Callable[[float], float]
    critical: Callable[[float], float | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimates:
    """What one comparison says. absolute: treatment - control. relative: treatment / control - 1."""

    absolute: float
    absolute_interval: Interval | NoEstimate
    relative: float | NoEstimate
    relative_interval: Interval | NoEstimate
    p_value: float | NoEstimate
    statistic: float | None
    degrees_of_freedom: float


def fixed_rule(contrast: Contrast) -> Rule:
    """The rule for one look fixed in advance: Student's t, or the normal when the variance is not estimated apart."""
    nu = contrast.degrees_of_freedom
    return Rule(
        p=lambda statistic: student_p(statistic, nu),
        critical=lambda alpha: student_quantile(alpha / 2, nu) ** 2,
    )


def anytime_rule(contrast: Contrast, rho_squared: float) -> Rule:
    """The rule for every look: the normal mixture after the units of both arms (see assay.stats.sequential.mixture)."""
    m, nu = rho_squared * contrast.n_units, contrast.degrees_of_freedom
    return Rule(
        p=lambda statistic: anytime_p(statistic, m, nu),
        critical=lambda alpha: squared_radius(m, alpha, nu),
    )


def estimate(contrast: Contrast, rule: Rule, alpha: float) -> Estimates:
    """Everything a comparison says, with intervals at level 1 - alpha."""
    absolute = contrast.treatment - contrast.control
    relative = relative_change(absolute, contrast.control)
    if contrast.null_variance <= 0:
        return Estimates(
            absolute=absolute,
            absolute_interval=ZERO_VARIANCE,
            relative=relative,
            relative_interval=ZERO_VARIANCE if contrast.control != 0 else ZERO_CONTROL,
            p_value=ZERO_VARIANCE,
            statistic=None,
            degrees_of_freedom=contrast.degrees_of_freedom,
        )
    statistic = absolute / math.sqrt(contrast.null_variance)
    return Estimates(
        absolute=absolute,
        absolute_interval=absolute_interval(contrast, rule, alpha),
        relative=relative,
        relative_interval=relative_interval(contrast, rule, alpha),
        p_value=rule.p(statistic),
        statistic=statistic,
        degrees_of_freedom=contrast.degrees_of_freedom,
    )


def relative_change(difference: float, control: float) -> float | NoEstimate:
    """The difference as a share of the control."""
    if control == 0:
        return ZERO_CONTROL
    relative = difference / control
    return relative if math.isfinite(relative) else CONTROL_NEAR_ZERO


def absolute_interval(contrast: Contrast, rule: Rule, alpha: float) -> Interval | NoEstimate:
    """The differences not rejected at α, within what the metric can take."""
    critical = rule.critical(alpha)
    if critical is None:
        return TOO_FEW_UNITS
    bounds = accepted_by_any(contrast.treatment - contrast.control, 1.0, contrast.absolute, critical)
    if not isinstance(bounds, Bounds):
        return TOO_FEW_UNITS
    widest = contrast.ceiling - contrast.floor if contrast.ceiling is not None and contrast.floor is not None else None
    return _within(bounds, None if widest is None else -widest, widest, 1 - alpha)


def relative_interval(contrast: Contrast, rule: Rule, alpha: float) -> Interval | NoEstimate:
    """The lifts not rejected at α (Fieller); unbounded above where the control may be 0 but cannot be negative."""
    critical = rule.critical(alpha)
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
