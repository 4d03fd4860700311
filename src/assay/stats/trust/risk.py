"""How far a significant result can be believed: the risk that it is false, and how much it exaggerates."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from scipy.special import erfcx, expit, log_ndtr, ndtr

from assay.errors import InvalidInput
from assay.model.result import Interval, NoEstimate
from assay.stats.checks import is_finite, is_number
from assay.stats.distributions import normal_quantile, student_quantile
from assay.stats.inputs import check_alpha, check_freedom

_FARTHEST = 1e4
"""Standard errors; an interval that reaches farther has no bound on that side."""
NOT_SELECTED = NoEstimate("not_significant", "the estimate is not significant, so it was not picked for being large")
BARELY_SELECTED = NoEstimate(
    "barely_significant", "the estimate is so near the critical value that, picked for that, it says nothing"
)


def false_positive_risk(
    success_rate: float, *, alpha: float = 0.05, power: float = 0.8, one_sided: bool = False
) -> float:
    """The chance that a significant improvement is a false alarm: a (1 - s) / (a (1 - s) + power · s).

    success_rate: s, share of one's own ideas that truly work, above 0 and below 1. a is alpha / 2, because of a
    two-sided test only the half that looks like an improvement is taken for one; alpha where the test is one_sided.
    Source: Kohavi, Deng & Vermeer 2022, "A/B Testing Intuition Busters", section 4 and table 2.
    """
    _share(success_rate, "success_rate")
    check_alpha(alpha)
    _share(power, "power")
    false = (alpha if one_sided else alpha / 2) * (1 - success_rate)
    return false / (false + power * success_rate)


def least_false_positive_risk(p_value: float, *, success_rate: float = 0.5) -> float:
    """The least chance that the null is true, given an exact p-value: 1 / (1 + s / (1 - s) / B), B = -e p log p.

    B bounds the evidence against the null under any reasonable alternative; above p = 1/e it says nothing and the
    answer is 1 - success_rate. Source: Sellke, Bayarri & Berger 2001, "Calibration of p values for testing precise null
    hypotheses", eq. 3.
    """
    if not (is_number(p_value) and 0 < p_value <= 1):
        raise InvalidInput("p_value", p_value, "a number above 0 and at most 1")
    _share(success_rate, "success_rate")
    bound = -math.e * p_value * math.log(p_value) if p_value < 1 / math.e else 1.0
    odds = success_rate / (1 - success_rate)
    return bound / (bound + odds)


def false_positive_risk_at(
    p_value: float,
    success_rate: float,
    *,
    alpha: float = 0.05,
    power: float = 0.8,
    noncentrality: float | None = None,
    degrees_of_freedom: float = math.inf,
    sign_seen: bool = True,
) -> float:
    """The chance that an improvement with exactly this p-value is a false alarm: 1 / (1 + s / (1 - s) · L).

    L = f(t - shifted by δ) / f(t) is how much likelier the statistic t of a two-sided p_value is under the planned
    effect than under none, with f the density of Student's t (normal at infinite degrees of freedom). δ, noncentrality:
    the planned effect in standard errors; z_{1-α/2} + z_power where it is not given. sign_seen: that it was an
    improvement is known; else L is halved, as in the source. p = 0.05 is weaker evidence than "p below 0.05": compare
    `false_positive_risk`.
    Source: Colquhoun 2017, "The reproducibility of research and the misinterpretation of p-values", section 3
    (p-equals).
    """
    if not (is_number(p_value) and 0 < p_value <= 1):
        raise InvalidInput("p_value", p_value, "a number above 0 and at most 1")
    _share(success_rate, "success_rate")
    check_alpha(alpha)
    _share(power, "power")
    check_freedom(degrees_of_freedom)
    shift = normal_quantile(alpha / 2) + normal_quantile(1 - power) if noncentrality is None else noncentrality
    if not (is_number(shift) and 0 < shift < math.inf):
        raise InvalidInput("noncentrality", shift, "a number above 0")
    t = student_quantile(p_value / 2, degrees_of_freedom)
    if math.isinf(degrees_of_freedom):
        log_ratio = shift * (t - shift / 2)
    else:
        from scipy.stats import nct
        from scipy.stats import t as student

        log_ratio = float(nct.logpdf(t, degrees_of_freedom, shift) - student.logpdf(t, degrees_of_freedom))
    log_odds = math.log(success_rate) - math.log1p(-success_rate) + log_ratio - (0.0 if sign_seen else math.log(2))
    return float(expit(-log_odds))


@dataclass(frozen=True, slots=True, kw_only=True)
class Exaggeration:
    """What significant results of a design are like when the true effect is `effect`.

    power: of a significant result. wrong_sign: share of significant ones with the wrong sign (type S). exaggeration:
    how many times the true effect a significant estimate is on average (type M).
    """

    power: float
    wrong_sign: float
    exaggeration: float


def exaggeration(effect: float, standard_error: float, *, alpha: float = 0.05) -> Exaggeration:
    """Type S and type M errors of a two-sided z-test; closed form.

    With λ = |effect| / se and z the critical value: power Φ(λ - z) + Φ(-λ - z), wrong sign Φ(-λ - z) / power,
    exaggeration [φ(λ + z) + φ(λ - z) + λ (Φ(λ + z) + Φ(λ - z) - 1)] / (λ · power).
    Source: Gelman & Carlin 2014, "Beyond Power Calculations"; Lu, Qiu & Deng 2019, "A note on Type S/M errors", eq. 3.
    """
    check_alpha(alpha)
    if not (is_finite(effect) and effect != 0):
        raise InvalidInput("effect", effect, "a number other than 0")
    _positive(standard_error)
    z, size = normal_quantile(alpha / 2), abs(effect) / standard_error
    if not 1e-100 <= size <= 1e100:
        raise InvalidInput("effect", effect, "an effect of 1e-100 to 1e100 standard errors")
    right, wrong = float(ndtr(size - z)), float(ndtr(-size - z))
    power = right + wrong
    mean = _density(size + z) + _density(size - z) + size * (float(ndtr(size + z)) + float(ndtr(size - z)) - 1)
    return Exaggeration(power=power, wrong_sign=wrong / power, exaggeration=mean / (size * power))


@dataclass(frozen=True, slots=True, kw_only=True)
class Corrected:
    """An effect picked for being significant, corrected for that. share_kept: estimate over what was seen.

    A bound of None is unbounded: an estimate just above the critical value says almost nothing.
    """

    estimate: float
    interval: Interval
    share_kept: float


def winner_corrected(
    estimate: float,
    standard_error: float,
    *,
    alpha: float = 0.05,
    selected_at: float = 0.05,
    improvements_only: bool = False,
) -> Corrected | NoEstimate:
    """The effect of a test that is looked at because it was significant (winner's curse).

    The likelihood is that of the estimate given |z| > c (improvements_only: z > c in the estimate's own direction), c
    the critical value of the two-sided level `selected_at`; the estimate is its maximum, the interval all effects whose
    conditional distribution puts the estimate inside its middle 1 - alpha. A barely significant estimate says little:
    its interval is wide and often includes 0, and with improvements_only its likelihood is largest near -1 / (z - c)
    standard errors, far below 0. Not for estimates that were stopped at a look.
    Source: Zhong & Prentice 2008, "Bias-reduced estimators and confidence intervals for odds ratios in genome-wide
    association studies", section 2.
    """
    check_alpha(alpha)
    check_alpha(selected_at, "selected_at")
    _positive(standard_error)
    _finite(estimate, "estimate")
    sign = 1.0 if estimate >= 0 else -1.0
    z, c = abs(estimate) / standard_error, normal_quantile(selected_at / 2)
    if z <= c:
        return NOT_SELECTED
    if improvements_only and (z - c) * _FARTHEST < 1:
        return BARELY_SELECTED
    best = _root(lambda mean: z - mean - _slope(mean, c, improvements_only), -1.0 if improvements_only else 0.0, z)
    lower, upper = (
        _root(lambda mean, share=share: _undercut(z, mean, c, improvements_only) - share, -z - 40, z + 40)  # type: ignore[misc]
        for share in (1 - alpha / 2, alpha / 2)
    )
    if best is None or upper is None:
        return BARELY_SELECTED
    near = None if lower is None else sign * lower * standard_error
    far = sign * upper * standard_error
    interval = Interval(near, far, 1 - alpha) if sign > 0 else Interval(far, near, 1 - alpha)
    return Corrected(estimate=sign * best * standard_error, interval=interval, share_kept=best / z)


def _root(falling: Callable[[float], float], low: float, high: float) -> float | None:
    """Where a falling function crosses 0; the search goes down from `low`, and ends with None at the farthest."""
    from scipy.optimize import brentq

    while falling(low) < 0:
        if low < -_FARTHEST:
            return None
        low = 4 * low - 1
    return float(brentq(falling, low, high, xtol=1e-12))


@dataclass(frozen=True, slots=True, kw_only=True)
class Shrunk:
    """An effect pulled towards what effects usually are. standard_deviation: of the posterior."""

    estimate: float
    standard_deviation: float
    interval: Interval


def shrunk_effect(
    estimate: float, standard_error: float, *, prior_sd: float, prior_mean: float = 0.0, alpha: float = 0.05
) -> Shrunk:
    """The posterior of an effect under a normal prior of effects, as learned from one's own past experiments.

    mean = (w estimate + (1 - w) prior_mean), w = prior_sd² / (prior_sd² + se²). Unlike `winner_corrected` it needs no
    selection rule, and it is as good as the prior (`assay.stats.bayesian.learning.learn_prior`).
    Source: Efron 2011, "Tweedie's formula and selection bias", section 2 (normal prior).
    """
    check_alpha(alpha)
    _positive(standard_error)
    _finite(estimate, "estimate")
    _finite(prior_mean, "prior_mean")
    if not (is_number(prior_sd) and 0 < prior_sd < math.inf):
        raise InvalidInput("prior_sd", prior_sd, "a number above 0")
    weight = prior_sd**2 / (prior_sd**2 + standard_error**2)
    mean, sd = weight * estimate + (1 - weight) * prior_mean, math.sqrt(weight) * standard_error
    half = normal_quantile(alpha / 2) * sd
    return Shrunk(estimate=mean, standard_deviation=sd, interval=Interval(mean - half, mean + half, 1 - alpha))


def _log_selected(mean: float, c: float, one_side: bool) -> float:
    """log P(selected) at a true mean."""
    above = float(log_ndtr(mean - c))
    if one_side:
        return above
    below = float(log_ndtr(-mean - c))
    high, low = max(above, below), min(above, below)
    return high + math.log1p(math.exp(low - high))


def _slope(mean: float, c: float, one_side: bool) -> float:
    """Derivative of log P(selected) in the true mean."""
    above = _mills(mean - c)
    if one_side:
        return above
    odds = math.exp(float(log_ndtr(-mean - c)) - float(log_ndtr(mean - c)))
    return (above - odds * _mills(-mean - c)) / (1 + odds)


def _mills(x: float) -> float:
    """φ(x) / Φ(x), right in both tails."""
    scaled = float(erfcx(-x / math.sqrt(2)))
    return math.sqrt(2 / math.pi) / scaled if math.isfinite(scaled) else 0.0


def _undercut(z: float, mean: float, c: float, one_side: bool) -> float:
    """P(Z ≤ z | selected) at a true mean, for z > c."""
    beyond = float(log_ndtr(mean - z)) - _log_selected(mean, c, one_side)
    return -math.expm1(min(0.0, beyond))


def _density(x: float) -> float:
    return math.exp(-x * x / 2) / math.sqrt(2 * math.pi)


def _share(value: float, name: str) -> None:
    if not (is_number(value) and 0 < value < 1):
        raise InvalidInput(name, value, "a number above 0 and below 1")


def _finite(value: float, name: str) -> None:
    if not is_finite(value):
        raise InvalidInput(name, value, "a finite number")


def _positive(standard_error: float) -> None:
    if not (is_number(standard_error) and 0 < standard_error < math.inf):
        raise InvalidInput("standard_error", standard_error, "a number above 0")
