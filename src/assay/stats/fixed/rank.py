"""Rank tests: whether a treatment unit tends to lie above a control unit, whatever the shape of the values.

The effect is the probability of superiority θ = P(T > C) + P(T = C) / 2 for one unit of each arm, 0 to 1. An outcome's
`difference` is θ - 1/2 (from -1/2 to 1/2; 0: neither arm tends to win; swapping the arms negates it), and `relative`
is θ / (1 - θ) - 1, wins of the treatment per win of the control, minus 1 (the "win odds").
"""

from __future__ import annotations

import math
from collections.abc import Callable

from numpy.typing import ArrayLike

from assay.errors import InvalidInput
from assay.model.result import Interval, NoEstimate
from assay.model.valuecounts import ValueCounts
from assay.stats.arm import EMPTY_ARM, ONE_UNIT, ZERO_VARIANCE
from assay.stats.checks import is_number
from assay.stats.distributions import student_quantile
from assay.stats.fixed.counted import counted
from assay.stats.fixed.judge import tail
from assay.stats.fixed.rankcounts import EXACT_BELOW, Judged, Wins, count_wins, judge_wins
from assay.stats.inputs import check_alpha
from assay.stats.outcome import Alternative, Outcome, alternative_of, nothing

Values = ValueCounts | ArrayLike

SEPARATED = NoEstimate("complete_separation", "every unit of one arm lies above every unit of the other")
_TWO_SIDED, _GREATER = Alternative.TWO_SIDED, Alternative.GREATER


def mann_whitney(
    treatment: Values,
    control: Values,
    *,
    alpha: float = 0.05,
    alternative: Alternative | str = _TWO_SIDED,
    exact: bool | None = None,
    continuity: bool = True,
) -> Outcome:
    """Mann and Whitney's test (Wilcoxon's rank sum) of the hypothesis that both arms have ONE DISTRIBUTION.

    It is not a test of medians, of means, or of θ = 1/2 alone: arms with θ = 1/2 and different spreads are rejected
    too often or too rarely (with a fourth of the units in the arm of tenfold spread, 17 % at α = 5 %); `brunner_munzel`
    tests θ = 1/2. statistic: U, pairs won by the treatment, ties half.
    Exact for arms below 50 units without ties (exact=None), else normal: z = (|U - mn/2| - 1/2) / s, with
    s² = mn/12 [(N + 1) - Σ (t³ - t) / (N (N - 1))] over ties of t units. Takes time in the number of distinct values.
    Interval of θ: Newcombe's method 5, the θ with |θ̂ - θ| ≤ z √V(θ), V(θ) = θ (1 - θ) [1 + (N/2 - 1) ((1 - θ)/(2 - θ) +
    θ/(1 + θ))] / mn, times the share of variance that ties leave, with the critical value of the test: it leaves 0 out
    exactly when p ≤ alpha. It holds for arms of about one shape; a warning says when the data look otherwise.
    treatment, control: value counts, or one number per unit.
    Sources: Mann & Whitney 1947; Lehmann 1975, "Nonparametrics", section 1.4 (ties); Newcombe 2006, "Confidence
    intervals for an effect size measure based on the Mann-Whitney statistic. Part 2", method 5.
    """
    looked_for = alternative_of(alternative)
    check_alpha(alpha)
    t, c = counted(treatment, "treatment"), counted(control, "control")
    if not t.n or not c.n:
        return nothing("mann_whitney", EMPTY_ARM, alternative=looked_for, level=1 - alpha)
    wins = count_wins(t, c)
    if wins.spread <= 0:
        return nothing("mann_whitney", ZERO_VARIANCE, alternative=looked_for, level=1 - alpha)
    small = max(t.n, c.n) < EXACT_BELOW and not wins.tied
    if exact and not small:
        raise InvalidInput("exact", exact, f"False, or arms below {EXACT_BELOW} units without ties")
    judged = judge_wins(wins, alpha, looked_for, small if exact is None else exact, continuity)
    low, high = _score_interval(wins, judged.radius, looked_for)
    return _outcome(
        "mann_whitney",
        wins.share,
        low,
        high,
        judged,
        wins.wins,
        None,
        looked_for,
        0.0,
        alpha,
        _cautions(wins),
    )


def brunner_munzel(
    treatment: Values,
    control: Values,
    *,
    alpha: float = 0.05,
    alternative: Alternative | str = _TWO_SIDED,
    null: float = 0.0,
) -> Outcome:
    """Brunner and Munzel's test of the hypothesis θ = 1/2 + null: neither arm TENDS TO WIN, spreads may differ.

    t = (θ̂ - 1/2 - null) / s with s² = s_t² / m + s_c² / n, s_t² the variance over treatment units of the share of
    control units below them (ties half), and Welch's degrees of freedom. The interval is θ̂ - 1/2 ± t s within
    [-1/2, 1/2] and agrees exactly with p. Ties need no correction. Below 10 units per arm, or with
    fewer than 10 units off a common value, it rejects too often (5 of 100 units not 0: 7 % at α = 5 %).
    Complete separation has no variance: then only `mann_whitney` gives a p-value.
    treatment, control: value counts, or one number per unit. null: on the scale of `difference`.
    Source: Brunner & Munzel 2000, "The nonparametric Behrens-Fisher problem", section 3.
    """
    looked_for = alternative_of(alternative)
    check_alpha(alpha)
    if not (is_number(null) and -0.5 < null < 0.5):
        raise InvalidInput("null", null, "a number above -0.5 and below 0.5")
    t, c = counted(treatment, "treatment"), counted(control, "control")
    if not t.n or not c.n or min(t.n, c.n) < 2:
        why = ONE_UNIT if t.n and c.n else EMPTY_ARM
        return nothing("brunner_munzel", why, alternative=looked_for, null=null, level=1 - alpha)
    wins = count_wins(t, c)
    variance = wins.placement_variance
    if variance <= 0:
        why = SEPARATED if wins.share in (0.0, 1.0) else ZERO_VARIANCE
        empty = nothing("brunner_munzel", why, alternative=looked_for, null=null, level=1 - alpha)
        return empty._replace(difference=wins.share - 0.5)
    v_t, v_c = wins.arms
    w_t, w_c = v_t / variance, v_c / variance
    nu = 1 / (w_t * w_t / (t.n - 1) + w_c * w_c / (c.n - 1))
    error = math.sqrt(variance)
    statistic = (wins.share - 0.5 - null) / error
    p, log_p = tail(statistic, nu, looked_for)
    radius = student_quantile(alpha / 2 if looked_for is _TWO_SIDED else alpha, nu) * error
    low, high = max(0.0, wins.share - radius), min(1.0, wins.share + radius)
    few = ("fewer than 10 units in an arm: Brunner and Munzel's test rejects too often",) if min(t.n, c.n) < 10 else ()
    judged = Judged(p, log_p, radius)
    return _outcome("brunner_munzel", wins.share, low, high, judged, statistic, nu, looked_for, null, alpha, few)


def _outcome(
    test: str,
    share: float,
    low: float,
    high: float,
    judged: Judged,
    statistic: float,
    df: float | None,
    looked_for: Alternative,
    null: float,
    alpha: float,
    warnings: tuple[str, ...],
) -> Outcome:
    level = 1 - alpha
    lower = None if looked_for is Alternative.LESS else low
    upper = None if looked_for is _GREATER else high
    odds_low = None if lower is None or lower >= 1 else lower / (1 - lower) - 1
    odds_high = None if upper is None or upper >= 1 else upper / (1 - upper) - 1
    return Outcome(
        test,
        share - 0.5,
        Interval(None if lower is None else lower - 0.5, None if upper is None else upper - 0.5, level),
        judged.p_value,
        judged.log_p,
        share / (1 - share) - 1 if share < 1 else SEPARATED,
        SEPARATED if odds_low is None and odds_high is None else Interval(odds_low, odds_high, level),
        statistic,
        df,
        looked_for,
        null,
        level,
        warnings=warnings,
    )


def _score_interval(wins: Wins, radius: float, looked_for: Alternative) -> tuple[float, float]:
    """The θ that Newcombe's method 5 does not reject; radius: of the wins, at θ = 1/2."""
    half_variance = 1 / 4 * (1 + (_star(wins) * 2 / 3))
    scale = (radius / wins.pairs) ** 2 / half_variance

    def outside(theta: float) -> float:
        return (wins.share - theta) ** 2 - scale * _method_5(theta, _star(wins))

    if radius <= 0:
        return wins.share, wins.share
    low = 0.0 if looked_for is Alternative.LESS else _edge(outside, 0.0, wins.share)
    high = 1.0 if looked_for is _GREATER else _edge(outside, 1.0, wins.share)
    return low, high


def _star(wins: Wins) -> float:
    return (wins.m + wins.n) / 2 - 1


def _method_5(theta: float, star: float) -> float:
    return theta * (1 - theta) * (1 + star * ((1 - theta) / (2 - theta) + theta / (1 + theta)))


def _edge(outside: Callable[[float], float], end: float, inside: float) -> float:
    """Where the hypothesis stops being rejected, between an end of the scale and the estimate."""
    from scipy.optimize import brentq

    if inside == end:
        return end
    # at an estimate of 0 or 1 the variance is 0 and the hypothesis is neither rejected nor not: start beside it
    beside = inside + (end - inside) * 1e-14
    return float(brentq(outside, end, beside, xtol=1e-15, rtol=1e-14))


def _cautions(wins: Wins) -> tuple[str, ...]:
    found = []
    assumed = _method_5(wins.share, _star(wins)) * wins.tie_share / wins.pairs
    if min(wins.m, wins.n) >= 20 and wins.placement_variance > 1.2 * assumed:
        found.append("the arms differ in shape, not only in position: brunner_munzel says whether one tends to win")
    if wins.tied and min(wins.m, wins.n) < 10:
        found.append("fewer than 10 units in an arm, with ties: the p-value is from the normal curve and rough")
    return tuple(found)
