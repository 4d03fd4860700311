"""Power of single tests by their own formulas, as R and the textbooks give it; sizes by `sample_size_for`.

All take sizes per arm (n_control is n_treatment when left out) and return a power between 0 and 1. sides: 2 or 1; a
one-sided test looks towards the effect. strict adds rejections on the wrong side, as R's `strict = TRUE` does.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from scipy.special import chdtri, gammaln, ndtr, ndtri, stdtrit

from assay.errors import InvalidInput
from assay.model.result import NoEstimate
from assay.stats.checks import is_finite, is_number
from assay.stats.planning.exact import (
    check_share,
    check_units,
    chi_square_beyond,
    exact_share_power,
    f_beyond,
    share_z_rejects,
    t_beyond,
)
from assay.stats.planning.search import checked_power, smallest_size


def sample_size_for(power_of: Callable[[int], float], *, power: float = 0.8, least: int = 2) -> int | NoEstimate:
    """The smallest n with power_of(n) ≥ power while power_of(n - 1) < power, n at least `least`.

    power_of: any power as a function of one size, as `lambda n: power_anova(n, 3, 0.1, 1.0)`.
    """
    found = smallest_size(power_of, checked_power(power, 0.0), least=least)
    return NoEstimate("too_many_units", "more than a trillion units would be needed") if found is None else found


def power_t(
    standardized_difference: float,
    n_treatment: int,
    n_control: int | None = None,
    *,
    alpha: float = 0.05,
    sides: int = 2,
    strict: bool = False,
) -> float:
    """Student's t on two samples: noncentral t on n_t + n_c - 2 degrees of freedom, exact for normal values.

    standardized_difference: |μ_t - μ_c| / σ. Source: Cohen 1988, section 2; R's power.t.test, pwr::pwr.t2n.test.
    """
    n_t, n_c = _sizes(n_treatment, n_control, 2)
    tail = _tail(alpha, sides)
    distance = abs(_finite("standardized_difference", standardized_difference)) / math.sqrt(1 / n_t + 1 / n_c)
    wrong = t_beyond(tail, n_t + n_c - 2, -distance) if strict and sides == 2 else 0.0
    return min(1.0, t_beyond(tail, n_t + n_c - 2, distance) + wrong)


def power_shares(
    p_treatment: float,
    p_control: float,
    n_treatment: int,
    n_control: int | None = None,
    *,
    alpha: float = 0.05,
    sides: int = 2,
    pooled: bool = True,
    strict: bool = False,
) -> float:
    """Two shares by the normal curve: Φ((|p_t - p_c| - z s₀) / s₁).

    s₁² = p_t q_t / n_t + p_c q_c / n_c; s₀² the same, or when pooled p q (1/n_t + 1/n_c) with the shares' weighted
    mean p. Source: Fleiss, Levin & Paik 2003, eq. 4.14 without correction; R's power.prop.test for equal sizes.
    """
    n_t, n_c = _sizes(n_treatment, n_control, 1)
    check_share("p_treatment", p_treatment)
    check_share("p_control", p_control)
    z = -float(ndtri(_tail(alpha, sides)))
    true = math.sqrt(p_treatment * (1 - p_treatment) / n_t + p_control * (1 - p_control) / n_c)
    p = (n_t * p_treatment + n_c * p_control) / (n_t + n_c)
    tests = math.sqrt(p * (1 - p) * (1 / n_t + 1 / n_c)) if pooled else true
    distance = abs(p_treatment - p_control)
    if true == 0:
        return float(distance > z * tests)
    wrong = float(ndtr((-distance - z * tests) / true)) if strict and sides == 2 else 0.0
    return float(ndtr((distance - z * tests) / true)) + wrong


def power_shares_exact(
    p_treatment: float,
    p_control: float,
    n_treatment: int,
    n_control: int | None = None,
    *,
    alpha: float = 0.05,
    sides: int = 2,
    pooled: bool = True,
    strict: bool = False,
) -> float:
    """Two shares by the z test, summed over all outcomes of two binomials: what `power_shares` approximates."""
    n_t, n_c = _sizes(n_treatment, n_control, 1)
    check_share("p_treatment", p_treatment)
    check_share("p_control", p_control)
    side, tail = (1 if p_treatment >= p_control else -1), _tail(alpha, sides)
    total = 0.0
    for towards in (side, -side) if strict and sides == 2 else (side,):
        rejects = share_z_rejects(n_t, n_c, tail, pooled=pooled, towards=towards)
        total += exact_share_power(p_treatment, p_control, n_t, n_c, rejects)
    return min(1.0, total)


def power_arcsine(
    p_treatment: float,
    p_control: float,
    n_treatment: int,
    n_control: int | None = None,
    *,
    alpha: float = 0.05,
    sides: int = 2,
    strict: bool = True,
) -> float:
    """Two shares after the arcsine transformation, h = 2 asin √p_t - 2 asin √p_c (Cohen 1988, section 6.2).

    As pwr::pwr.2p.test, which counts both sides.
    """
    n_t, n_c = _sizes(n_treatment, n_control, 1)
    check_share("p_treatment", p_treatment)
    check_share("p_control", p_control)
    z = float(ndtri(_tail(alpha, sides)))
    h = abs(2 * math.asin(math.sqrt(p_treatment)) - 2 * math.asin(math.sqrt(p_control)))
    distance = h * math.sqrt(n_t * n_c / (n_t + n_c))
    return float(ndtr(distance + z)) + (float(ndtr(z - distance)) if strict and sides == 2 else 0.0)


def power_anova(
    n_per_group: int, groups: int, between_variance: float, within_variance: float, *, alpha: float = 0.05
) -> float:
    """One-way analysis of variance: noncentral F with λ = (k - 1) n · between / within.

    between_variance: variance of the k group means (divisor k - 1). Source: Cohen 1988, section 8; R's
    power.anova.test. Exact for normal values of one variance.
    """
    check_units("n_per_group", n_per_group, 2)
    check_units("groups", groups, 2)
    if not (is_number(between_variance) and 0 <= between_variance < math.inf):
        raise InvalidInput("between_variance", between_variance, "a number of at least 0")
    if not (is_number(within_variance) and 0 < within_variance < math.inf):
        raise InvalidInput("within_variance", within_variance, "a number above 0")
    noncentrality = (groups - 1) * n_per_group * between_variance / within_variance
    return f_beyond(_tail(alpha, 1), groups - 1, (n_per_group - 1) * groups, noncentrality)


def power_chi_square(effect: float, n: int, degrees_of_freedom: int, *, alpha: float = 0.05) -> float:
    """Chi-square tests: noncentral chi-square with λ = n w².

    effect: w = √Σ (p₁ - p₀)² / p₀ over the cells. n: units in all. Source: Cohen 1988, section 7; pwr::pwr.chisq.test.
    """
    check_units("n", n, 1)
    check_units("degrees_of_freedom", degrees_of_freedom, 1)
    if not (is_number(effect) and 0 <= effect < math.inf):
        raise InvalidInput("effect", effect, "a number of at least 0")
    return chi_square_beyond(_tail(alpha, 1), degrees_of_freedom, n * effect**2)


def power_mann_whitney(
    superiority: float, n_treatment: int, n_control: int | None = None, *, alpha: float = 0.05, sides: int = 2
) -> float:
    """The rank test of Wilcoxon, Mann and Whitney: Φ(√(12 N c (1 - c)) |p - ½| - z), c = n_t / N.

    superiority: p = P(treated > control) + ½ P(equal), from 0 to 1. Right for small effects without many ties.
    Source: Noether 1987, "Sample size determination for some common nonparametric tests", eq. 3.
    """
    n_t, n_c = _sizes(n_treatment, n_control, 1)
    check_share("superiority", superiority)
    distance = math.sqrt(12 * n_t * n_c / (n_t + n_c)) * abs(superiority - 0.5)
    return float(ndtr(distance + float(ndtri(_tail(alpha, sides)))))


def power_rate_ratio(
    rate_treatment: float,
    rate_control: float,
    n_treatment: int,
    n_control: int | None = None,
    *,
    exposure: float = 1.0,
    dispersion: float = 1.0,
    heterogeneity: float = 0.0,
    null_ratio: float = 1.0,
    alpha: float = 0.05,
    sides: int = 2,
) -> float:
    """Two rates by the logarithm of their ratio, with the variance under the alternative.

    log variance per arm (dispersion / (rate · exposure) + heterogeneity) / n. Source: Zhu & Lakkis 2014, "Sample size
    calculation for comparing two negative binomial rates", eq. 5 with approach 2 (true rates). null_ratio: the ratio
    under the hypothesis, a margin for non-inferiority with sides 1.
    """
    n_t, n_c = _sizes(n_treatment, n_control, 1)
    given = {"rate_treatment": rate_treatment, "rate_control": rate_control, "exposure": exposure}
    for name, value in {**given, "dispersion": dispersion, "null_ratio": null_ratio}.items():
        if not (is_number(value) and 0 < value < math.inf):
            raise InvalidInput(name, value, "a number above 0")
    if not (is_number(heterogeneity) and 0 <= heterogeneity < math.inf):
        raise InvalidInput("heterogeneity", heterogeneity, "a number of at least 0")
    variance = (dispersion / (rate_treatment * exposure) + heterogeneity) / n_t
    variance += (dispersion / (rate_control * exposure) + heterogeneity) / n_c
    distance = abs(math.log(rate_treatment / rate_control / null_ratio)) / math.sqrt(variance)
    return float(ndtr(distance + float(ndtri(_tail(alpha, sides)))))


def power_equivalence_t(
    difference: float,
    margin: float,
    standard_deviation: float,
    n_treatment: int,
    n_control: int | None = None,
    *,
    alpha: float = 0.05,
) -> float:
    """Two one-sided t tests of |μ_t - μ_c| < margin, exact for normal values of one variance.

    The chance that both reject, each at alpha: ∫ P(-Δ + t u < D < Δ - t u) over the estimated standard error u.
    Source: Schuirmann 1987; the integral is Owen's Q (Owen 1965), as in Phillips 1990.
    """
    n_t, n_c = _sizes(n_treatment, n_control, 2)
    for name, value in (("margin", margin), ("standard_deviation", standard_deviation)):
        if not (is_number(value) and 0 < value < math.inf):
            raise InvalidInput(name, value, "a number above 0")
    nu = n_t + n_c - 2
    error = standard_deviation * math.sqrt(1 / n_t + 1 / n_c)
    if _tail(alpha, 1) >= 0.5:
        raise InvalidInput("alpha", alpha, "a number above 0 and below 0.5")
    t = -float(stdtrit(nu, alpha))
    room, off = margin / error, _finite("difference", difference) / error
    low = math.sqrt(float(chdtri(nu, 1 - 1e-13)) / nu)
    high = min(math.sqrt(float(chdtri(nu, 1e-13)) / nu), room / t)
    if high <= low:
        return 0.0
    nodes, weights = np.polynomial.legendre.leggauss(200)
    u = (low + high) / 2 + (high - low) / 2 * nodes
    log_density = math.log(2) + nu / 2 * math.log(nu / 2) - gammaln(nu / 2) + (nu - 1) * np.log(u) - nu * u * u / 2
    inside = ndtr(room - t * u - off) - ndtr(-room + t * u - off)
    return float((high - low) / 2 * (weights @ (np.exp(log_density) * inside)))


def _sizes(n_treatment: int, n_control: int | None, least: int) -> tuple[int, int]:
    check_units("n_treatment", n_treatment, least)
    if n_control is None:
        return n_treatment, n_treatment
    check_units("n_control", n_control, least)
    return n_treatment, n_control


def _tail(alpha: float, sides: int) -> float:
    if not (is_number(alpha) and 0 < alpha < 1):
        raise InvalidInput("alpha", alpha, "a number above 0 and below 1")
    if sides not in (1, 2):
        raise InvalidInput("sides", sides, "1 or 2")
    return alpha / sides


def _finite(name: str, value: float) -> float:
    if not is_finite(value):
        raise InvalidInput(name, value, "a finite number")
    return value
