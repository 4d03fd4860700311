"""Poisson rates watched at every look: events per unit of exposure, one rate or two, without asymptotics."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from assay.errors import InvalidInput
from assay.model.result import Interval, NoEstimate, Validity
from assay.stats.arm import MOST_UNITS
from assay.stats.checks import is_finite
from assay.stats.distributions import floored
from assay.stats.inputs import check_alpha
from assay.stats.outcome import Alternative, Outcome, alternative_of, nothing
from assay.stats.sequential.answers import (
    NOT_ASKED,
    SequenceEstimate,
    judge_sides,
    positive,
    tuned_kappas,
    tuning,
    unknown,
)
from assay.stats.sequential.evidence import (
    one_arm_m,
    rate_above,
    rate_below,
    rate_evidence,
    rate_mostly_above,
    rate_mostly_below,
)
from assay.stats.sequential.joint import Side

NO_EXPOSURE = NoEstimate("no_exposure", "nothing has been exposed yet, so there is no rate")
_TWO_SIDED = Alternative.TWO_SIDED


def rate_sequence(
    events: tuple[int, float],
    *,
    tuning_exposure: float,
    alpha: float = 0.05,
    alternative: Alternative | str = _TWO_SIDED,
    null: float | None = None,
) -> SequenceEstimate:
    """One Poisson rate with bounds that hold at every look, exactly.

    events: (events, exposure), the exposure in any unit (days, sessions, thousands of requests); rates are per that
    unit. The rates λ with e(λ) < 1/α, where e is the gamma mixture: with k = κ λ and μ = λ · exposure
    e = Γ(k + x) / Γ(k) · k^k e^μ / (k + μ)^(k + x). tuning_exposure: where the sequence is tightest; fix it before any
    data. null: a hypothesised rate above 0 for the p-value; p ≤ α exactly when it is outside the interval.

    The events must be a Poisson process. Events that come in clusters (several orders by one person) vary more, and
    then this is too narrow: take `mean_sequence` over units.
    Source: Robbins 1970 (mixtures); Ville 1939 (the bound at every look).
    """
    looked_for = alternative_of(alternative)
    check_alpha(alpha)
    if null is not None:
        positive(null, "null", "a rate above 0, or none")
    two = looked_for is _TWO_SIDED
    kappa = tuning(tuning_exposure, "tuning_exposure", 1e-60, 1e60) / one_arm_m(alpha, two_sided=two)
    x, exposure = _events(events, "events")
    if exposure <= 0:
        return unknown("rate_sequence", NO_EXPOSURE, alternative=looked_for, null=null, level=1 - alpha)

    def up(rate: float) -> float:
        return float((rate_evidence if two else rate_above)(x, exposure, rate, kappa))

    def down(rate: float) -> float:
        return float((rate_evidence if two else rate_below)(x, exposure, rate, kappa))

    lower = upper = None
    if looked_for is not Alternative.LESS:
        lower = _edge(up, x / exposure, -1, alpha) if x else 0.0
    if looked_for is not Alternative.GREATER:
        upper = _edge(down, x / exposure if x else 1e-9 / exposure, +1, alpha)
        upper = upper if upper < math.inf else None
    log_p: float | NoEstimate = NOT_ASKED
    if null is not None:
        log_p = min(0.0, -(down(null) if looked_for is Alternative.LESS else up(null)))
    return SequenceEstimate(
        method="rate_sequence",
        estimate=x / exposure,
        interval=Interval(lower, upper, 1 - alpha),
        p_value=floored(math.exp(log_p)) if isinstance(log_p, float) else log_p,
        log_p=log_p,
        size=exposure,
        alternative=looked_for,
        null=null,
        level=1 - alpha,
    )


def two_rate_sequence(
    treatment: tuple[int, float],
    control: tuple[int, float],
    *,
    tuning_exposure: float,
    alpha: float = 0.05,
    alternative: Alternative | str = _TWO_SIDED,
    null: float = 0.0,
    treatment_share: float = 0.5,
) -> Outcome:
    """Two Poisson rates whose p-value and intervals hold at every look, exactly, with exposures of any size.

    treatment, control: (events, exposure). difference: of the rates, per unit of exposure; relative: ratio - 1.
    The same construction as `two_share_sequence`: gamma mixtures of both arms, and the least product of their evidence
    over all pairs of rates under the hypothesis. p ≤ α exactly when `null` is outside the interval. statistic: log e.
    tuning_exposure: of both arms, where the sequence is tightest; treatment_share: the treatment's planned part of it.
    Both cost only width when they are wrong. Exposure may grow in the arms at any pace, also by what was seen.
    The events must be Poisson processes (see `rate_sequence`).
    """
    looked_for = alternative_of(alternative)
    check_alpha(alpha)
    if not is_finite(null):
        raise InvalidInput("null", null, "a finite difference of rates")
    kappas = tuned_kappas(tuning(tuning_exposure, "tuning_exposure", 1e-60, 1e60), treatment_share, alpha, looked_for)
    arms = _events(treatment, "treatment"), _events(control, "control")
    if not (arms[0][1] > 0 and arms[1][1] > 0):
        level, validity = 1 - alpha, Validity.ANYTIME
        return nothing(
            "two_rate_sequence", NO_EXPOSURE, alternative=looked_for, null=null, level=level, validity=validity
        )
    sides = [_side(*arm, kappa) for arm, kappa in zip(arms, kappas, strict=True)]
    return judge_sides("two_rate_sequence", *sides, alpha=alpha, alternative=looked_for, null=null)


_LARGEST = 1e60


def _side(x: int, exposure: float, kappa: float) -> Side:
    return Side(
        estimate=x / exposure,
        spread=math.sqrt(x + 1) / exposure,
        above=lambda rate: rate_mostly_above(x, exposure, np.maximum(rate, 1e-280), kappa),
        below=lambda rate: rate_mostly_below(x, exposure, np.maximum(rate, 1e-280), kappa),
        highest=math.inf,
    )


def _edge(evidence: Any, estimate: float, direction: int, alpha: float) -> float:
    """The rate below (-1) or above (+1) the estimate at which the evidence reaches 1/α; 0 if none does."""
    from scipy.optimize import brentq

    def excess(place: float) -> float:
        return float(evidence(math.exp(place))) + math.log(alpha)

    start, step = math.log(estimate), 0.25
    while excess(start + direction * step) < 0:
        step *= 2
        if step > 500:
            return 0.0 if direction < 0 else math.inf
    return math.exp(float(brentq(excess, start, start + direction * step, xtol=1e-13)))


def _events(given: tuple[int, float], name: str) -> tuple[int, float]:
    accepted = "(events, exposure): a whole number of at least 0 and a finite exposure of at least 0"
    if not (isinstance(given, tuple) and len(given) == 2):
        raise InvalidInput(name, given, accepted)
    x, exposure = given
    try:
        sound = is_finite(exposure) and 0 <= exposure <= _LARGEST and is_finite(x) and 0 <= x <= MOST_UNITS
        sound = sound and int(x) == x and (exposure == 0 or exposure >= 1 / _LARGEST)
    except TypeError:
        sound = False
    if not sound or (x > 0 and exposure == 0):
        raise InvalidInput(name, list(given), accepted)
    return int(x), float(exposure)
