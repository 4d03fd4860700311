"""Quantiles watched at every look: exact for every distribution, with ties, from value counts alone.

q is the p-quantile when at most a share p of units lies below q and at least p at or below q. So the counts N_<(q) and
N_≤(q) turn a hypothesis about q into two about shares: evidence e⁻(N_≤) that less than p lies at or below q says that
the quantile is above q, evidence e⁺(N_<) that more than p lies below q says that it is below q. Both are the one-sided
beta-binomial mixtures of `assay.stats.sequential.evidence` at the share p, martingales or below them, so no density is
estimated and no moment needs to exist.
Source: Howard & Ramdas 2022, "Sequential estimation of quantiles with applications to A/B testing and best-arm
identification", theorem 1(b) for one arm (there with the sub-gamma form of the mixture) and section 3 for two.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from assay.errors import InvalidInput
from assay.model.result import Interval, NoEstimate, Validity
from assay.model.valuecounts import ValueCounts
from assay.stats.arm import EMPTY_ARM
from assay.stats.checks import is_finite, is_number
from assay.stats.distributions import floored
from assay.stats.estimate import TOO_FEW_UNITS, relative_change
from assay.stats.fixed.counted import Counted, counted
from assay.stats.inputs import check_alpha
from assay.stats.outcome import Alternative, Outcome, alternative_of, nothing
from assay.stats.sequential.answers import NOT_ASKED, SequenceEstimate, tuned_kappas, tuning, unknown
from assay.stats.sequential.evidence import one_arm_m, share_above, share_below

Floats = NDArray[np.float64]
NOT_POSITIVE = NoEstimate("not_positive", "a lift of quantiles needs values above 0 in both arms")
DEFAULT_TUNING_UNITS = 10_000.0
_TWO_SIDED = Alternative.TWO_SIDED


@dataclass(frozen=True, slots=True)
class _Arm:
    """Ascending values, and the log evidence that the quantile is above or below a place among them.

    above[i]: for places from values[i - 1] up to below values[i], i = 0 … len. below[i]: for places above values[i - 1]
    up to values[i], i = 0 … len. above falls, below rises.
    """

    values: Floats
    above: Floats
    below: Floats
    estimate: float

    def mirrored(self) -> _Arm:
        """The arm of the negated values."""
        return _Arm(-self.values[::-1], self.below[::-1], self.above[::-1], -self.estimate)

    def above_at(self, places: Floats) -> Floats:
        """The evidence that the quantile is above each place."""
        return self.above[np.searchsorted(self.values, places, side="right")]

    def below_at(self, places: Floats) -> Floats:
        """The evidence that the quantile is below each place."""
        return self.below[np.searchsorted(self.values, places, side="left")]


def quantile_sequence(
    values: ValueCounts | ArrayLike,
    *,
    quantile: float = 0.5,
    alpha: float = 0.05,
    alternative: Alternative | str = _TWO_SIDED,
    null: float | None = None,
    tuning_units: float = DEFAULT_TUNING_UNITS,
) -> SequenceEstimate:
    """One quantile with bounds that hold at every look, exactly, for any distribution.

    values: value counts, or one number per unit. quantile: the share below it, above 0 and below 1; 0.5 is the median.
    estimate: the smallest value with at least that share of units at or below it. Bounds are values of units; one is
    None while there are too few units on that side. Two sides are two one-sided sequences at α/2. null: a hypothesised
    value for the p-value; p ≤ α exactly when it is outside the (closed) interval.
    """
    looked_for = alternative_of(alternative)
    check_alpha(alpha)
    _check_quantile(quantile)
    if null is not None and not is_finite(null):
        raise InvalidInput("null", null, "a finite number, or none")
    two = looked_for is _TWO_SIDED
    kappa = tuning(tuning_units) / one_arm_m(alpha, two_sided=two)
    units = counted(values, "values")
    if not units.n:
        return unknown("quantile_sequence", EMPTY_ARM, alternative=looked_for, null=null, level=1 - alpha)
    arm = _arm(units, quantile, kappa)
    needed = math.log((2 if two else 1) / alpha)
    lower = None if looked_for is Alternative.LESS else _least_accepted(arm, needed)
    upper = None if looked_for is Alternative.GREATER else _negative(_least_accepted(arm.mirrored(), needed))
    log_p: float | NoEstimate = NOT_ASKED
    if null is not None:
        above, below = float(arm.above_at(np.array([null]))[0]), float(arm.below_at(np.array([null]))[0])
        log_e = max(above, below) if two else above if looked_for is Alternative.GREATER else below
        log_p = min(0.0, (math.log(2) if two else 0.0) - log_e)
    return SequenceEstimate(
        method="quantile_sequence",
        estimate=arm.estimate,
        interval=_interval(lower, upper, alpha),
        p_value=floored(math.exp(log_p)) if isinstance(log_p, float) else log_p,
        log_p=log_p,
        size=float(units.n),
        alternative=looked_for,
        null=null,
        level=1 - alpha,
    )


def two_quantile_sequence(
    treatment: ValueCounts | ArrayLike,
    control: ValueCounts | ArrayLike,
    *,
    quantile: float = 0.5,
    alpha: float = 0.05,
    alternative: Alternative | str = _TWO_SIDED,
    null: float = 0.0,
    tuning_units: float = DEFAULT_TUNING_UNITS,
    treatment_share: float = 0.5,
) -> Outcome:
    """The difference of two arms' quantiles, valid at every look, exactly, for any two distributions.

    The product of one arm's evidence e⁺ and the other's e⁻ at places q_t and q_c holds at every look if they are the
    quantiles; a difference d is rejected when every pair with q_t - q_c = d is. p ≤ α exactly when `null` is outside
    the closed interval, whose bounds are differences of values of units. The relative interval is that of q_t / q_c - 1
    and needs values above 0. statistic: the logarithm of the evidence. tuning_units, treatment_share: as in
    `two_share_sequence`; they cost width, never validity. Takes time in proportion to the number of distinct values.
    """
    looked_for = alternative_of(alternative)
    check_alpha(alpha)
    _check_quantile(quantile)
    if not is_finite(null):
        raise InvalidInput("null", null, "a finite difference")
    kappas = tuned_kappas(tuning(tuning_units), treatment_share, alpha, looked_for)
    units = counted(treatment, "treatment"), counted(control, "control")
    level, validity, test = 1 - alpha, Validity.ANYTIME, "two_quantile_sequence"
    if not (units[0].n and units[1].n):
        return nothing(test, EMPTY_ARM, alternative=looked_for, null=null, level=level, validity=validity)
    t, c = (_arm(item, quantile, kappa) for item, kappa in zip(units, kappas, strict=True))
    mirrored = t.mirrored(), c.mirrored()
    sides = 2 if looked_for is _TWO_SIDED else 1
    needed = math.log(sides / alpha)
    positive_values = t.values[0] > 0 and c.values[0] > 0
    log_e, lower, upper, low_lift, high_lift = 0.0, None, None, None, None
    if looked_for is not Alternative.LESS:
        log_e = _least_evidence(t, c, null)
        lower, ratio = _least_pair(t, c, needed, ratios=bool(positive_values))
        low_lift = None if ratio is None else ratio - 1
    if looked_for is not Alternative.GREATER:
        log_e = max(log_e, _least_evidence(*mirrored, -null))
        bound, ratio = _least_pair(c, t, needed, ratios=bool(positive_values))
        upper, high_lift = _negative(bound), None if ratio is None else 1 / ratio - 1
    log_p = min(0.0, math.log(sides) - log_e)
    difference = t.estimate - c.estimate
    lift = _interval(low_lift, high_lift, alpha) if positive_values else NOT_POSITIVE
    return Outcome(
        test,
        difference,
        _interval(lower, upper, alpha),
        floored(math.exp(log_p)),
        log_p,
        relative_change(difference, c.estimate),
        lift,
        max(0.0, log_e),
        None,
        looked_for,
        null,
        level,
        validity,
    )


def _arm(units: Counted, quantile: float, kappa: float) -> _Arm:
    reached = np.concatenate([[0.0], np.cumsum(units.counts)])
    n = float(reached[-1])
    p, q = np.asarray(quantile), np.asarray(1 - quantile)
    # rounding far out in the tails must not break the order that searches rely on
    above = np.minimum.accumulate(share_below(reached, n, p, q, kappa))
    below = np.maximum.accumulate(share_above(reached, n, p, q, kappa))
    first = int(np.searchsorted(reached[1:], quantile * n * (1 - 1e-12)))
    return _Arm(units.values, above, below, float(units.values[first]))


def _least_accepted(arm: _Arm, needed: float) -> float | None:
    """The least place that the quantile is not surely above; None if no place is too low."""
    first = int(np.argmax(arm.above < needed))
    return float(arm.values[first - 1]) if first else None


def _least_evidence(first: _Arm, second: _Arm, difference: float) -> float:
    """The least evidence that first's quantile is above place + difference and second's below place."""
    places = first.values - difference
    least = float(np.min(first.above[1:] + second.below_at(places)))
    return max(0.0, min(least, float(first.above[0] + second.below[0])))


def _least_pair(first: _Arm, second: _Arm, needed: float, *, ratios: bool) -> tuple[float | None, float | None]:
    """The least difference, and the least ratio, of two places that are accepted together; None where unbounded."""
    left = needed - first.above
    if second.below[0] < left[0] or second.below[-1] < left[-1]:
        return None, None
    # the last place in `second` that goes with each place in `first`
    last = np.searchsorted(second.below, left[1:], side="left") - 1
    usable = last >= 0
    high, low = second.values[np.minimum(last[usable], second.values.size - 1)], first.values[usable]
    if not low.size:
        return None, None
    return float(np.min(low - high)), float(np.min(low / high)) if ratios else None


def _interval(lower: float | None, upper: float | None, alpha: float) -> Interval | NoEstimate:
    return Interval(lower, upper, 1 - alpha) if (lower, upper) != (None, None) else TOO_FEW_UNITS


def _negative(bound: float | None) -> float | None:
    return None if bound is None else -bound


def _check_quantile(quantile: float) -> None:
    if not (is_number(quantile) and 0 < quantile < 1):
        raise InvalidInput("quantile", quantile, "a number above 0 and below 1")
