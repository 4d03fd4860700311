"""What a sequence says of one quantity, and how two-arm evidence becomes the outcome of a test."""

from __future__ import annotations

import math
from dataclasses import dataclass

from assay.errors import InvalidInput
from assay.model.result import Interval, NoEstimate, Validity
from assay.stats.checks import is_finite, is_number
from assay.stats.distributions import floored
from assay.stats.estimate import CONTROL_NEAR_ZERO, TOO_FEW_UNITS, ZERO_CONTROL, relative_change
from assay.stats.outcome import Alternative, Outcome
from assay.stats.sequential import joint
from assay.stats.sequential.evidence import one_sided_m

_LEAST_SHARE = 1e-6
NOT_ASKED = NoEstimate("no_hypothesis", "no hypothesised value was given, so there is no p-value")


@dataclass(frozen=True, slots=True, kw_only=True)
class SequenceEstimate:
    """One quantity with an interval that holds at every look.

    method: the name of the sequence. estimate: in the quantity's unit. interval: its confidence sequence at this look.
    p_value: valid at every look, of the hypothesis that the quantity is `null` (at most, for "greater"; at least, for
    "less"); log_p: its natural logarithm. size: the units, or the exposure, seen so far. level: 1 - alpha.
    """

    method: str
    estimate: float | NoEstimate
    interval: Interval | NoEstimate
    p_value: float | NoEstimate
    log_p: float | NoEstimate
    size: float
    alternative: Alternative
    null: float | None
    level: float
    validity: Validity = Validity.ANYTIME
    warnings: tuple[str, ...] = ()


def unknown(
    method: str, why: NoEstimate, *, alternative: Alternative, null: float | None, level: float
) -> SequenceEstimate:
    """The answer before there is anything to estimate from."""
    return SequenceEstimate(
        method=method,
        estimate=why,
        interval=why,
        p_value=why,
        log_p=why,
        size=0.0,
        alternative=alternative,
        null=null,
        level=level,
    )


def positive(given: float, name: str, accepted: str = "a number above 0") -> float:
    """A finite number above 0. Raises InvalidInput naming `name`."""
    if not (is_finite(given) and given > 0):
        raise InvalidInput(name, given, accepted)
    return float(given)


def tuning(given: float, name: str = "tuning_units", least: float = 1e-6, most: float = 1e12) -> float:
    """The units or the exposure at which a sequence is tightest. Raises InvalidInput naming `name`."""
    if not (is_number(given) and least <= given <= most):
        raise InvalidInput(name, given, f"a number from {least:g} to {most:g}")
    return float(given)


def tuned_kappas(tuning: float, treatment_share: float, alpha: float, alternative: Alternative) -> tuple[float, float]:
    """κ of treatment and control that make a two-arm sequence tightest at `tuning` units or exposure in both arms.

    Each arm has the m of `one_sided_m` at its planned part of them. One-sided priors in both arms gain a factor 4 for
    evidence to one side; two sides share α.
    """
    if not (is_number(treatment_share) and _LEAST_SHARE <= treatment_share <= 1 - _LEAST_SHARE):
        accepted = f"a number of at least {_LEAST_SHARE:g} and at most 1 - {_LEAST_SHARE:g}"
        raise InvalidInput("treatment_share", treatment_share, accepted)
    m = one_sided_m(alpha, 2.0 if alternative is Alternative.TWO_SIDED else 4.0)
    return tuning * treatment_share / m, tuning * (1 - treatment_share) / m


def judge_sides(
    test: str,
    treatment: joint.Side,
    control: joint.Side,
    *,
    alpha: float,
    alternative: Alternative,
    null: float,
) -> Outcome:
    """The outcome of two arms' evidence: p = min(1, sides / e), bounds where e reaches sides / α.

    sides: 2 for a two-sided test, which is two one-sided ones at half of α each. statistic: log e.
    """
    two = alternative is Alternative.TWO_SIDED
    sides = 2 if two else 1
    needed = math.log(sides / alpha)
    log_e = 0.0
    if alternative is not Alternative.LESS:
        log_e = joint.difference_evidence(treatment, control, null)
    if alternative is not Alternative.GREATER:
        log_e = max(log_e, joint.difference_evidence(control, treatment, -null))
    log_p = min(0.0, math.log(sides) - log_e)
    difference = treatment.estimate - control.estimate
    lower = upper = low_ratio = high_ratio = None
    if alternative is not Alternative.LESS:
        lower = joint.difference_bound(treatment, control, needed)
        low_ratio = joint.ratio_bound(treatment, control, needed)
    if alternative is not Alternative.GREATER:
        upper = _negative(joint.difference_bound(control, treatment, needed))
        high_ratio = joint.ratio_bound(control, treatment, needed)
    return Outcome(
        test,
        difference,
        _difference_interval(lower, upper, treatment, control, alternative, alpha),
        floored(math.exp(log_p)),
        log_p,
        relative_change(difference, control.estimate),
        _ratio_interval(low_ratio, high_ratio, control.estimate, alternative, alpha),
        log_e,
        None,
        alternative,
        null,
        1 - alpha,
        Validity.ANYTIME,
    )


def _negative(bound: float | None) -> float | None:
    return None if bound is None else -bound


def _difference_interval(
    lower: float | None,
    upper: float | None,
    treatment: joint.Side,
    control: joint.Side,
    alternative: Alternative,
    alpha: float,
) -> Interval | NoEstimate:
    """Within what is possible: shares differ by at most 1; rates have no largest value."""
    if lower is None and alternative is not Alternative.LESS and math.isfinite(control.highest):
        lower = -control.highest
    if upper is None and alternative is not Alternative.GREATER and math.isfinite(treatment.highest):
        upper = treatment.highest
    return Interval(lower, upper, 1 - alpha) if (lower, upper) != (None, None) else TOO_FEW_UNITS


def _ratio_interval(
    low: float | None, high: float | None, control: float, alternative: Alternative, alpha: float
) -> Interval | NoEstimate:
    """Lifts: ratio - 1. low: the least ratio, None for 0; high: the least inverse ratio, None for 0."""
    upper = None if high is None else 1 / high - 1
    if low is None and upper is None:
        return ZERO_CONTROL if control == 0 else CONTROL_NEAR_ZERO
    lower = None if alternative is Alternative.LESS else -1.0 if low is None else low - 1
    return Interval(lower, upper, 1 - alpha)
