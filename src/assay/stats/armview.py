"""One variant's own estimate with its own interval."""

from __future__ import annotations

import math

from assay.model.metric import MetricKind
from assay.model.result import ArmEstimate, Interval, NoEstimate, Validity
from assay.model.valuecounts import ValueCounts
from assay.stats.arm import EMPTY_ARM, ONE_UNIT, ZERO_VARIANCE, Arm
from assay.stats.distributions import normal_quantile, student_quantile
from assay.stats.estimate import TOO_FEW_UNITS
from assay.stats.sequential.mixture import squared_radius

NO_SPREAD = NoEstimate("not_a_mean", "a quantile has no standard deviation of units; its interval shows how sure it is")


def arm_estimate(
    variant: str,
    n_units: int,
    arm: Arm | NoEstimate,
    *,
    kind: MetricKind,
    validity: Validity,
    alpha: float,
    rho_squared: float,
) -> ArmEstimate:
    """The estimate of one arm, at level 1 - alpha. rho_squared: of the sequence over two arms; one arm has double."""
    if isinstance(arm, NoEstimate):
        return ArmEstimate(
            variant=variant, n_units=n_units, value=arm, standard_deviation=arm, standard_error=arm, interval=arm
        )
    m = 2 * rho_squared * arm.n if validity is Validity.ANYTIME else None
    interval = share_interval(arm, m, alpha) if kind is MetricKind.CONVERSION else mean_interval(arm, m, alpha)
    error: float | NoEstimate = math.sqrt(arm.variance) if arm.unit_variance > 0 else ZERO_VARIANCE
    return ArmEstimate(
        variant=variant,
        n_units=n_units,
        value=arm.value,
        standard_deviation=math.sqrt(arm.unit_variance) if arm.n > 1 else ONE_UNIT,
        standard_error=error if arm.n > 1 else ONE_UNIT,
        interval=interval,
    )


def quantile_arm(
    variant: str, counts: ValueCounts | None, q: float, *, validity: Validity, alpha: float, tuning_units: float
) -> ArmEstimate:
    """The quantile of one arm, at level 1 - alpha. tuning_units: of the sequence over two arms."""
    if counts is None or not counts.n:
        why = EMPTY_ARM
        return ArmEstimate(
            variant=variant, n_units=0, value=why, standard_deviation=why, standard_error=why, interval=why
        )
    if validity is Validity.ANYTIME:
        from assay.stats.sequential.quantiles import quantile_sequence

        found = quantile_sequence(counts, quantile=q, alpha=alpha, tuning_units=tuning_units / 2)
        value, interval = found.estimate, found.interval
    else:
        from assay.stats.fixed.samplequantile import quantile_interval

        once = quantile_interval(counts, q, alpha=alpha)
        value, interval = once.value, once.interval
    return ArmEstimate(
        variant=variant,
        n_units=counts.n,
        value=value,
        standard_deviation=NO_SPREAD,
        standard_error=NO_SPREAD,
        interval=interval,
    )


def share_interval(arm: Arm, m: float | None, alpha: float) -> Interval | NoEstimate:
    """Wilson's interval of a share (Wilson 1927); under a sequence with its critical value, and no narrower than
    the plain interval with one conversion and one non-conversion added to the variance.

    m: N ρ² of the arm's sequence; None for one look.
    """
    if m is None:
        square = normal_quantile(alpha / 2) ** 2
        return Interval(*wilson(arm.value, arm.n, square), 1 - alpha)
    if arm.n < 2:
        return ONE_UNIT
    square = squared_radius(m, alpha) or math.inf
    lower, upper = wilson(arm.value, arm.n, square)
    share = (arm.n * arm.value + 1) / (arm.n + 2)
    half = math.sqrt(square * share * (1 - share) / arm.n)
    return Interval(max(0.0, min(lower, arm.value - half)), min(1.0, max(upper, arm.value + half)), 1 - alpha)


def wilson(share: float, n: int, square: float) -> tuple[float, float]:
    """Shares p with (share - p)² ≤ square · p (1 - p) / n; square: the squared critical value."""
    centre = (share + square / (2 * n)) / (1 + square / n)
    half = math.sqrt(square * (share * (1 - share) + square / (4 * n)) / n) / (1 + square / n)
    return max(0.0, centre - half), min(1.0, centre + half)


def mean_interval(arm: Arm, m: float | None, alpha: float) -> Interval | NoEstimate:
    """Student's t interval of a mean or ratio, or its confidence sequence."""
    if arm.n < 2:
        return ONE_UNIT
    if arm.unit_variance <= 0:
        return ZERO_VARIANCE
    if m is None:
        square: float | None = student_quantile(alpha / 2, arm.n - 1) ** 2
    else:
        square = squared_radius(m, alpha, arm.n - 1)
    if square is None:
        return TOO_FEW_UNITS
    half = math.sqrt(square * arm.variance)
    return Interval(arm.value - half, arm.value + half, 1 - alpha)
