"""How large a difference of values is: Cohen's d, Hedges' g, Cliff's delta, probability of superiority, eta squared."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from scipy.special import gammainccinv, gammaincinv, gammaln, ncfdtr, nctdtr, ndtr

from assay.errors import InvalidInput
from assay.model.moments import VALUE
from assay.model.result import Interval, NoEstimate
from assay.model.valuecounts import ValueCounts
from assay.stats.arm import BAD_MOMENTS, EMPTY_ARM, ONE_UNIT, ZERO_VARIANCE, sound
from assay.stats.distributions import normal_quantile
from assay.stats.fixed.core import Units
from assay.stats.fixed.counted import counted, together
from assay.stats.fixed.effect_words import CLIFF, COHEN_D, COHEN_ETA_SQUARED, EffectEstimate, effect
from assay.stats.fixed.parts import Parts, mean_parts
from assay.stats.inputs import check_alpha, moments_of

APART = NoEstimate(
    "no_overlap", "every unit of one arm is above every unit of the other, so chance cannot be measured this way"
)
_INTEGRATION_POINTS = 20_000
_LARGEST_T = 1000.0
"""Beyond it the noncentral t's tails are no longer computed accurately; the normal curve takes over."""


def cohens_d(treatment: Units, control: Units, *, alpha: float = 0.05) -> EffectEstimate:
    """Cohen's d = (m_t - m_c) / s, s the standard deviation pooled over both arms; in standard deviations.

    The interval inverts the noncentral t on n_t + n_c - 2 degrees of freedom (exact for normal values of one variance);
    where t exceeds 1000 it is the large-sample d ± z √(1/n_t + 1/n_c + d² / (2 (n_t + n_c - 2))). Words from 0.2, 0.5,
    0.8 on. Source: Cohen 1988, eq. 2.5.1; Steiger & Fouladi 1997 for the interval; Hedges 1981 for large samples.
    """
    return _standardised("cohens_d", treatment, control, alpha, lambda _: 1.0)


def hedges_g(treatment: Units, control: Units, *, alpha: float = 0.05) -> EffectEstimate:
    """Hedges' g: Cohen's d times J = Γ(ν/2) / (√(ν/2) Γ((ν - 1)/2)), ν = n_t + n_c - 2, which makes it unbiased.

    The interval is Cohen's d's times J. Needs ν of at least 2. Source: Hedges 1981, "Distribution theory for Glass's
    estimator of effect size and related estimators", eq. 6e.
    """
    return _standardised("hedges_g", treatment, control, alpha, _unbiasing)


def cliffs_delta(
    treatment: Units | ValueCounts, control: Units | ValueCounts, *, alpha: float = 0.05
) -> EffectEstimate:
    """Cliff's delta = P(T > C) - P(T < C) of a unit of each arm, from -1 to 1, from one value per unit or value counts.

    2 × `probability_of_superiority` - 1, with its interval likewise. Words from 0.147, 0.33, 0.474 on.
    Source: Cliff 1993, "Dominance statistics"; Romano et al. 2006 for the words.
    """
    found = probability_of_superiority(treatment, control, alpha=alpha)
    if isinstance(found.value, NoEstimate):
        return effect("cliffs_delta", found.value, found.interval, CLIFF, alpha)
    interval = found.interval
    if isinstance(interval, Interval) and interval.lower is not None and interval.upper is not None:
        interval = Interval(2 * interval.lower - 1, 2 * interval.upper - 1, 1 - alpha)
    return effect("cliffs_delta", 2 * found.value - 1, interval, CLIFF, alpha)


def probability_of_superiority(
    treatment: Units | ValueCounts, control: Units | ValueCounts, *, alpha: float = 0.05
) -> EffectEstimate:
    """θ = P(T > C) + P(T = C) / 2 of a unit of each arm, from 0 to 1, 1/2: neither tends to be larger.

    The variance is that of each unit's share of the other arm below it, s_t² / n_t + s_c² / n_c (DeLong, DeLong &
    Clarke-Pearson 1988; Brunner & Munzel 2000); the interval is symmetric for log(θ / (1 - θ)), so it stays between 0
    and 1. With fewer than some ten units per arm it covers less than it says. Words are those of Cliff's delta 2 θ - 1.
    treatment, control: value counts or one number per unit.
    """
    check_alpha(alpha)
    by = CLIFF._replace(source=CLIFF.source + ", of Cliff's delta")
    t, c = counted(treatment, "treatment"), counted(control, "control")  # type: ignore[arg-type]
    if not t.n or not c.n:
        return effect("probability_of_superiority", EMPTY_ARM, EMPTY_ARM, by, alpha)
    both = together(t, c)
    over_c = (np.cumsum(both.control) - both.control / 2) / c.n
    over_t = (np.cumsum(both.treatment) - both.treatment / 2) / t.n
    theta = float(both.treatment @ over_c) / t.n
    size = abs(2 * theta - 1)
    if t.n < 2 or c.n < 2:
        return effect("probability_of_superiority", theta, ONE_UNIT, by, alpha, size=size)
    v_t = float(both.treatment @ (over_c - theta) ** 2) / (t.n - 1)
    v_c = float(both.control @ (over_t - (1 - theta)) ** 2) / (c.n - 1)
    variance = v_t / t.n + v_c / c.n
    if variance <= 1e-24 or not 0 < theta < 1:
        why = APART if size > 0.5 else ZERO_VARIANCE
        return effect("probability_of_superiority", theta, why, by, alpha, size=size)
    half = normal_quantile(alpha / 2) * math.sqrt(variance) / (theta * (1 - theta))
    middle = math.log(theta / (1 - theta))
    interval = Interval(_share(middle - half), _share(middle + half), 1 - alpha)
    return effect("probability_of_superiority", theta, interval, by, alpha, size=size)


def eta_squared(groups: Sequence[Units], *, alpha: float = 0.05) -> EffectEstimate:
    """η² = sum of squares between groups / total: the share of variance that the variant explains, from 0 to 1.

    The interval inverts the noncentral F, with η² = λ / (λ + N) (Steiger 2004, "Beyond the F test"); it starts at 0
    where F is not significant at α / 2. The sample's own η² is biased upwards by about (k - 1) / N, so it may lie near
    the upper bound. Words from 0.0099, 0.0588, 0.1379 on, Cohen's f of 0.1, 0.25, 0.4.
    Raises InvalidInput for fewer than two groups.
    """
    check_alpha(alpha)
    if len(groups) < 2:
        raise InvalidInput("groups", len(groups), "at least two groups of units")
    arms = [moments_of(item, f"groups[{i}]") for i, item in enumerate(groups)]
    why = EMPTY_ARM if min(arm.n for arm in arms) < 1 else None if all(map(sound, arms)) else BAD_MOMENTS
    if why is not None:
        return effect("eta_squared", why, why, COHEN_ETA_SQUARED, alpha)
    n, k = sum(arm.n for arm in arms), len(arms)
    first = arms[0].mean(VALUE)
    shift = math.fsum(arm.n / n * (arm.mean(VALUE) - first) for arm in arms)
    between = math.fsum(arm.n * (arm.mean(VALUE) - first - shift) ** 2 for arm in arms)
    parts = [mean_parts(arm) for arm in arms]
    within = math.fsum((item[0] - 1) * item[2] for item in parts if not isinstance(item, NoEstimate))
    if within <= 0 or n <= k:
        return effect("eta_squared", ZERO_VARIANCE, ZERO_VARIANCE, COHEN_ETA_SQUARED, alpha)
    f = (between / (k - 1)) / (within / (n - k))
    value = between / (between + within)

    def below(noncentrality: float) -> float:
        return float(ncfdtr(k - 1.0, n - k, noncentrality, f))

    bounds = [_noncentrality(below, share, f * k) for share in (1 - alpha / 2, alpha / 2)]
    interval = Interval(bounds[0] / (bounds[0] + n), bounds[1] / (bounds[1] + n), 1 - alpha)
    return effect("eta_squared", value, interval, COHEN_ETA_SQUARED, alpha)


def _standardised(
    name: str, treatment: Units, control: Units, alpha: float, factor: Callable[[float], float]
) -> EffectEstimate:
    check_alpha(alpha)
    arms = mean_parts(moments_of(treatment, "treatment")), mean_parts(moments_of(control, "control"))
    for arm in arms:
        if isinstance(arm, NoEstimate):
            return effect(name, arm, arm, COHEN_D, alpha)
    t, c = arms
    assert not isinstance(t, NoEstimate)
    assert not isinstance(c, NoEstimate)
    nu = t[0] + c[0] - 2.0
    if nu < (2 if name == "hedges_g" else 1):
        return effect(name, ONE_UNIT, ONE_UNIT, COHEN_D, alpha)
    pooled = ((t[0] - 1) * t[2] + (c[0] - 1) * c[2]) / nu
    if pooled <= 0:
        return effect(name, ZERO_VARIANCE, ZERO_VARIANCE, COHEN_D, alpha)
    d = (t[1] - c[1]) / math.sqrt(pooled)
    lower, upper = _d_limits(d, t, c, nu, alpha)
    j = factor(nu)
    return effect(name, j * d, Interval(j * lower, j * upper, 1 - alpha), COHEN_D, alpha)


def _d_limits(d: float, t: Parts, c: Parts, nu: float, alpha: float) -> tuple[float, float]:
    from scipy.optimize import brentq

    scale = math.sqrt(1 / t[0] + 1 / c[0])
    statistic = d / scale
    if abs(statistic) > _LARGEST_T:
        half = normal_quantile(alpha / 2) * math.sqrt(scale * scale + d * d / (2 * nu))
        return d - half, d + half
    size = abs(statistic)  # the tail of a negative statistic mirrors that of a positive one

    def bound(tail: float) -> float:
        far = normal_quantile(alpha / 2) * (2 + size) + 5
        return float(brentq(lambda ncp: _chance_below(size, nu, ncp) - tail, -far, size + far, xtol=1e-11))

    near, away = bound(1 - alpha / 2) * scale, bound(alpha / 2) * scale
    return (near, away) if statistic >= 0 else (-away, -near)


def _chance_below(t: float, nu: float, noncentrality: float) -> float:
    """P(T ≤ t) of the noncentral t; SciPy finds no number for some far tails."""
    p = float(nctdtr(nu, noncentrality, t))
    return noncentral_t_by_integration(t, nu, noncentrality) if math.isnan(p) else p


def noncentral_t_by_integration(t: float, nu: float, noncentrality: float) -> float:
    """P(T ≤ t) as the mean of Φ(t s - λ) over s = √(χ² / ν), to about 1e-6."""
    low, high = (math.sqrt(2 / nu * float(inverse(nu / 2, 1e-14))) for inverse in (gammaincinv, gammainccinv))
    step = (high - low) / _INTEGRATION_POINTS
    s = low + step * (np.arange(_INTEGRATION_POINTS) + 0.5)
    log_density = (nu - 1) * np.log(s) - nu * (s * s - 1) / 2
    density = np.exp(log_density - log_density.max())
    return float(density @ ndtr(t * s - noncentrality) / density.sum())


def _unbiasing(nu: float) -> float:
    if nu > 1e6:
        return 1 - 3 / (4 * nu - 1)
    return math.exp(float(gammaln(nu / 2) - gammaln((nu - 1) / 2))) / math.sqrt(nu / 2)


def _noncentrality(below: Callable[[float], float], share: float, start: float) -> float:
    """The noncentrality under which the statistic seen is at the quantile `share`; 0 where even 0 is too much."""
    from scipy.optimize import brentq

    if below(0.0) <= share:
        return 0.0
    far = max(1.0, start)
    while below(far) > share:
        far *= 2
    return float(brentq(lambda ncp: below(ncp) - share, 0.0, far, xtol=1e-11, rtol=1e-13))


def _share(log_odds: float) -> float:
    return 1 / (1 + math.exp(-log_odds)) if log_odds > -700 else 0.0
