"""Two shares without a normal curve for each: score tests of a difference and of a ratio, and Newcombe's interval."""

from __future__ import annotations

import math

import numpy as np

from assay.model.result import Interval, NoEstimate
from assay.stats.arm import ZERO_VARIANCE
from assay.stats.armview import wilson as wilson_limits
from assay.stats.distributions import normal_quantile
from assay.stats.estimate import CONTROL_NEAR_ZERO, ZERO_CONTROL, relative_change
from assay.stats.fixed.core import Shares
from assay.stats.fixed.judge import tail
from assay.stats.fixed.restricted import crossings, difference_score, ratio_score
from assay.stats.fixed.share_pair import Bound, Question, SharePair, question, relative_question, share_pair
from assay.stats.inputs import Floats
from assay.stats.outcome import Alternative, Outcome, nothing

NULL_OUT_OF_REACH = NoEstimate(
    "null_out_of_reach", "Newcombe's interval leaves this difference out at every level, so there is no p-value"
)
_WIDEST_LOG_RATIO = 60.0
_FARTHEST = 1e9
_UNEQUAL, _FEW = 1.5, 5
_TWO_SIDED = Alternative.TWO_SIDED


def miettinen_nurminen(
    treatment: Shares,
    control: Shares,
    *,
    alpha: float = 0.05,
    alternative: Alternative | str = _TWO_SIDED,
    null: float = 0.0,
    corrected: bool = True,
) -> Outcome:
    """The score test of a difference of shares, with the interval of all differences it does not reject.

    z = (p_t - p_c - null) / √((p̃_t q̃_t / n_t + p̃_c q̃_c / n_c) · N / (N - 1)), the tilded shares being the likeliest
    under the hypothesis. corrected=False leaves N / (N - 1) out: Mee 1984, Farrington & Manning 1990, and with null 0
    the z of two pooled shares. Any null above -1 and below 1, so it serves non-inferiority: null=-margin and
    alternative="greater". The relative interval is that of the ratio's score test at the null 0 or any other.
    p and interval agree; with null 0 the relative interval agrees too. Works with no conversion or all converted.
    Enumerated over all tables, the true error for 5 % is at most 6.2 % with arms of one size from 5 to 400 units, two-
    or one-sided. With arms of unequal size and few conversions (or few others) it reaches 9.4 %; where the smaller of
    two arms that differ in size by half or more is expected to hold fewer than 5, a warning says so.
    Source: Miettinen & Nurminen 1985, "Comparative analysis of two rates", eq. 8-9 and appendix I.
    """
    asked = question(alpha, alternative, null)
    pair = share_pair(treatment, control)
    if isinstance(pair, NoEstimate):
        return nothing("miettinen_nurminen", pair, alternative=asked.alternative, null=null, level=asked.level)
    statistic = float(difference_score(*pair, asked.null, corrected))
    return _outcome("miettinen_nurminen", pair, asked, statistic, corrected)


def miettinen_nurminen_ratio(
    treatment: Shares,
    control: Shares,
    *,
    alpha: float = 0.05,
    alternative: Alternative | str = _TWO_SIDED,
    null: float = 0.0,
    corrected: bool = True,
) -> Outcome:
    """The score test of a ratio of shares. null: treatment / control - 1 under the hypothesis, above -1.

    z = (p_t - R p_c) / √((p̃_t q̃_t / n_t + R² p̃_c q̃_c / n_c) · N / (N - 1)) with R = 1 + null. So null=-0.02 with
    alternative="greater" asks whether the treatment keeps at least 98 % of the control. p and the relative interval
    agree; the interval of the difference is that of `miettinen_nurminen` and agrees when null is 0.
    Source: Miettinen & Nurminen 1985, eq. 10-11 and appendix I.
    """
    asked = relative_question(alpha, alternative, null)
    pair = share_pair(treatment, control)
    if isinstance(pair, NoEstimate):
        return nothing("miettinen_nurminen_ratio", pair, alternative=asked.alternative, null=null, level=asked.level)
    statistic = float(ratio_score(*pair, 1 + asked.null, corrected))
    return _outcome("miettinen_nurminen_ratio", pair, asked, statistic, corrected)


def newcombe(
    treatment: Shares,
    control: Shares,
    *,
    alpha: float = 0.05,
    alternative: Alternative | str = _TWO_SIDED,
    null: float = 0.0,
) -> Outcome:
    """Newcombe's interval of a difference of shares, made of both shares' Wilson limits (l, u).

    lower = d - √((p_t - l_t)² + (u_c - p_c)²), upper = d + √((u_t - p_t)² + (p_c - l_c)²). The relative interval is the
    same construction for p_t - R p_c. The statistic is the normal quantile at which a bound meets the null, and the
    p-value its tail, so p and both intervals agree (the relative one when null is 0). Enumerated over all tables, the
    true error for 5 % is at most 6.2 % with arms of one size; with unequal arms and few conversions it reaches 8.5 %,
    with the same warning as `miettinen_nurminen`.
    Source: Newcombe 1998, "Interval estimation for the difference between independent proportions", Statistics in
    Medicine 17:873, method 10; Donner & Zou 2012 for the ratio.
    """
    asked = question(alpha, alternative, null)
    pair = share_pair(treatment, control)
    if isinstance(pair, NoEstimate):
        return nothing("newcombe", pair, alternative=asked.alternative, null=null, level=asked.level)
    critical = normal_quantile(asked.tail)
    limits = asked.interval(max(-1.0, _newcombe_bound(pair, -critical)), min(1.0, _newcombe_bound(pair, critical)))
    ratios = _hybrid_ratio(pair, critical)
    return _shown("newcombe", pair, asked, _newcombe_statistic(pair, asked.null), limits, ratios)


def score_interval(pair: SharePair, asked: Question, corrected: bool = True) -> Interval:
    """The differences that the score test does not reject."""

    def score(deltas: Floats) -> Floats:
        return difference_score(*pair, deltas, corrected)

    lower, upper = crossings(score, -1.0, 1.0, normal_quantile(asked.tail))
    return asked.interval(-1.0 if lower is None else lower, 1.0 if upper is None else upper)


def ratio_limits(pair: SharePair, asked: Question, corrected: bool = True) -> tuple[float, Bound]:
    """The ratios that the score test does not reject, 0 where there is no lower bound; None: no upper bound."""

    def score(logs: Floats) -> Floats:
        return ratio_score(*pair, np.exp(logs), corrected)

    lower, upper = crossings(score, -_WIDEST_LOG_RATIO, _WIDEST_LOG_RATIO, normal_quantile(asked.tail))
    return (
        0.0 if lower is None or not pair.x_t else math.exp(lower),
        None if upper is None or not pair.x_c else math.exp(upper),
    )


def lift_interval(pair: SharePair, asked: Question, ratios: tuple[float, Bound]) -> Interval | NoEstimate:
    """Bounds of a ratio as those of treatment / control - 1."""
    lower, upper = ratios
    if not pair.x_t and not pair.x_c:
        return ZERO_CONTROL
    found = asked.interval(lower - 1, None if upper is None else upper - 1)
    return CONTROL_NEAR_ZERO if found.lower is None and found.upper is None else found


def _outcome(test: str, pair: SharePair, asked: Question, statistic: float, corrected: bool) -> Outcome:
    return _shown(
        test,
        pair,
        asked,
        ZERO_VARIANCE if math.isnan(statistic) else statistic,
        score_interval(pair, asked, corrected),
        ratio_limits(pair, asked, corrected),
    )


def _shown(
    test: str,
    pair: SharePair,
    asked: Question,
    statistic: float | NoEstimate,
    interval: Interval,
    ratios: tuple[float, Bound],
) -> Outcome:
    p: float | NoEstimate
    log_p: float | NoEstimate
    if isinstance(statistic, NoEstimate):
        p, log_p, z = statistic, statistic, None
    else:
        (p, log_p), z = tail(statistic, math.inf, asked.alternative), statistic
    return Outcome(
        test,
        pair.difference,
        interval,
        p,
        log_p,
        relative_change(pair.difference, pair.x_c / pair.n_c),
        lift_interval(pair, asked, ratios),
        z,
        None,
        asked.alternative,
        asked.null,
        asked.level,
        warnings=_cautions(pair),
    )


def _cautions(pair: SharePair) -> tuple[str, ...]:
    """A sentence where the true error was measured well above what is asked."""
    smaller, larger = sorted((pair.n_t, pair.n_c))
    pooled = (pair.x_t + pair.x_c) / (pair.n_t + pair.n_c)
    if larger < _UNEQUAL * smaller or smaller * min(pooled, 1 - pooled) >= _FEW:
        return ()
    which = "converted" if pooled < 0.5 else "not converted"
    return (
        f"The smaller arm is expected to hold fewer than {_FEW} {which} units, and the arms differ in size: such "
        "tests gave up to 9.4 % false alarms for 5 %. Use boschloo_exact or fisher_exact.",
    )


def _newcombe_bound(pair: SharePair, z: float) -> float:
    """The upper bound at the quantile z; the lower one at -z. Grows with z."""
    p_t, p_c = pair.x_t / pair.n_t, pair.x_c / pair.n_c
    l_t, u_t = wilson_limits(p_t, pair.n_t, z * z)
    l_c, u_c = wilson_limits(p_c, pair.n_c, z * z)
    half = math.hypot(u_t - p_t, p_c - l_c) if z > 0 else -math.hypot(p_t - l_t, u_c - p_c)
    return pair.difference + half


def _newcombe_statistic(pair: SharePair, null: float) -> float | NoEstimate:
    """The z at which the bound on the null's side meets the null; negative where the difference lies below it."""
    from scipy.optimize import brentq

    if null == 0 and pair.x_t + pair.x_c in (0, pair.n_t + pair.n_c):
        return ZERO_VARIANCE
    gap = pair.difference - null
    if gap == 0:
        return 0.0
    side, far = math.copysign(1.0, gap), 1.0
    while side * (_newcombe_bound(pair, -side * far) - null) > 0:
        far *= 2
        if far > _FARTHEST:
            return NULL_OUT_OF_REACH
    found = brentq(lambda z: _newcombe_bound(pair, -side * z) - null, 0.0, far, xtol=1e-13, rtol=1e-14)
    return side * float(found)


def _hybrid_ratio(pair: SharePair, critical: float) -> tuple[float, Bound]:
    """R at which Newcombe's bounds of p_t - R p_c are 0 (Donner & Zou 2012, with Wilson's limits)."""
    p_t, p_c = pair.x_t / pair.n_t, pair.x_c / pair.n_c
    l_t, u_t = wilson_limits(p_t, pair.n_t, critical**2)
    l_c, u_c = wilson_limits(p_c, pair.n_c, critical**2)
    if critical < 0:
        l_t, u_t, l_c, u_c = u_t, l_t, u_c, l_c
    product = p_t * p_c
    above, below = l_t * (2 * p_t - l_t), u_c * (2 * p_c - u_c)
    root = product + math.sqrt(max(0.0, product * product - above * below))
    lower = above / root if root > 0 else 0.0
    above, below = u_t * (2 * p_t - u_t), l_c * (2 * p_c - l_c)
    root = product + math.sqrt(max(0.0, product * product - above * below))
    return max(0.0, lower), root / below if below > 0 else None
