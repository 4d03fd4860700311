"""One- and two-sided tests by normal mixtures: p-values and bounds of estimates with a standard error.

The two-sided mixture is in `assay.stats.sequential.mixture`. Averaged over positive effects only, λ ~ |Normal(0, ρ²)|,

    e⁺ = 2 e · P(effect > 0 | data),   P = T_{ν+1}( t √(m/(1+m)) / √((ν + t²/(1+m)) / (ν+1)) ),

T Student's distribution function on ν + 1 degrees of freedom, the normal's when ν is infinite: with the right-Haar
prior on the scale, the effect has a t distribution given the data (Robbins 1970 for the normal; Gönen et al. 2005 and
Hendriksen, de Heide & Grünwald 2021 for the scale). It is evidence against every effect up to the hypothesised one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from scipy.special import log_ndtr, stdtr

from assay.errors import InvalidInput
from assay.model.result import Interval, NoEstimate, Validity
from assay.stats.arm import ZERO_VARIANCE
from assay.stats.contrast import Contrast
from assay.stats.distributions import floored
from assay.stats.estimate import (
    CONTROL_NEAR_ZERO,
    ZERO_CONTROL,
    absolute_interval,
    relative_change,
    relative_interval,
)
from assay.stats.outcome import Alternative, Outcome
from assay.stats.sequential.mixture import log_e_value, squared_radius


def one_sided_log_e(statistic: float, m: float, degrees_of_freedom: float = math.inf) -> float:
    """Logarithm of the evidence that the effect is above the hypothesis. statistic: signed, in standard errors."""
    nu = degrees_of_freedom
    place = statistic * math.sqrt(m / (1 + m))
    if math.isinf(nu):
        log_part = float(log_ndtr(place))
    else:
        scaled = place / math.sqrt((nu + statistic * statistic / (1 + m)) / (nu + 1))
        part = float(stdtr(nu + 1, scaled))
        log_part = math.log(part) if part > 0 else float(log_ndtr(scaled))
    return math.log(2) + log_e_value(statistic, m, nu) + log_part


def one_sided_radius(m: float, alpha: float, degrees_of_freedom: float = math.inf) -> float | None:
    """The statistic at which the one-sided evidence reaches 1/alpha; None while none does."""
    from scipy.optimize import brentq

    high = 1.0
    while one_sided_log_e(high, m, degrees_of_freedom) < -math.log(alpha):
        high *= 2
        if high > 1e8:
            return None
    return float(brentq(lambda z: one_sided_log_e(z, m, degrees_of_freedom) + math.log(alpha), 0.0, high, xtol=1e-13))


def squared_critical(m: float, alpha: float, nu: float, alternative: Alternative) -> float | None:
    """The squared distance at which a test at `alpha` rejects; None while none does."""
    if alternative is Alternative.TWO_SIDED:
        return squared_radius(m, alpha, nu)
    if one_sided_log_e(0.0, m, nu) >= -math.log(alpha):
        return 0.0
    radius = one_sided_radius(m, alpha, nu)
    return None if radius is None else radius * radius


def log_p_value(statistic: float, m: float, nu: float, alternative: Alternative) -> float:
    """log min(1, 1/e) in the direction of the alternative."""
    if alternative is Alternative.TWO_SIDED:
        return min(0.0, -log_e_value(statistic, m, nu))
    return min(0.0, -one_sided_log_e(statistic if alternative is Alternative.GREATER else -statistic, m, nu))


def judge_contrast(
    test: str,
    contrast: Contrast,
    m: float,
    *,
    alpha: float,
    alternative: Alternative,
    null: float,
    warnings: Sequence[str] = (),
) -> Outcome:
    """The outcome of a contrast under the normal mixture. m: ρ² · units of both arms, or τ² / variance."""
    if not -math.inf < null < math.inf:
        raise InvalidInput("null", null, "a finite number")
    difference, nu = contrast.treatment - contrast.control, contrast.degrees_of_freedom
    variance = max(w0 + w1 * null + w2 * null * null for w0, w1, w2 in contrast.absolute)
    outcome = Outcome(
        test,
        difference,
        ZERO_VARIANCE,
        ZERO_VARIANCE,
        ZERO_VARIANCE,
        relative_change(difference, contrast.control),
        ZERO_VARIANCE if contrast.control != 0 else ZERO_CONTROL,
        degrees_of_freedom=nu if math.isfinite(nu) else None,
        alternative=alternative,
        null=null,
        level=1 - alpha,
        validity=Validity.ANYTIME,
        warnings=tuple(warnings),
    )
    if variance <= 0:
        return outcome
    statistic = (difference - null) / math.sqrt(variance)
    log_p = log_p_value(statistic, m, nu, alternative)
    critical = squared_critical(m, alpha, nu, alternative)
    lift = relative_interval(contrast, critical, alpha)
    return outcome._replace(
        interval=_one_side(absolute_interval(contrast, critical, alpha), alternative, flipped=False),
        p_value=floored(math.exp(log_p)),
        log_p=log_p,
        relative_interval=_one_side(lift, alternative, flipped=contrast.control < 0),
        statistic=statistic,
    )


def _one_side(interval: Interval | NoEstimate, alternative: Alternative, *, flipped: bool) -> Interval | NoEstimate:
    """The side that a one-sided test bounds; of a lift on a negative control the other one (flipped)."""
    if isinstance(interval, NoEstimate) or alternative is Alternative.TWO_SIDED:
        return interval
    lower = (alternative is Alternative.GREATER) is not flipped
    kept = Interval(interval.lower if lower else None, None if lower else interval.upper, interval.level)
    return CONTROL_NEAR_ZERO if (kept.lower, kept.upper) == (None, None) else kept
