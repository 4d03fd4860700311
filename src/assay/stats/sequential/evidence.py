"""Evidence against one hypothesised share or rate: mixtures that hold at every look, without any asymptotics.

Let x of n units have converted. Under the share p every share s has the likelihood ratio (s/p)^x ((1-s)/(1-p))^(n-x), a
martingale that starts at 1, and so has every average of them (Ville 1939; Robbins 1970, "Statistical Methods Related to
the Law of the Iterated Logarithm"). Averaged over s ~ Beta(a, b):

    e = B(a + x, b + n - x) / B(a, b) / (p^x (1 - p)^(n - x)).

Here a = κ p and b = κ (1 - p): the prior is centred on the hypothesis, with variance p (1 - p) / (κ + 1). So the
mixture is as sharp for rare shares as for common ones, and depends on κ as a normal mixture on 1/ρ²: it is tightest
about n = m κ units (see `one_sided_m`). Averaged only over the shares above p,

    e⁺ = e · P(s > p | data) / P(s > p),

which is evidence against every share up to p: under a smaller share each of its likelihood ratios falls on average.
Two arms need evidence that leans to one side and yet does not vanish where the hypothesis is wrong on the other: 95 %
of e⁺ and 5 % of its counterpart e⁻, a martingale again ("mostly above").

Poisson counts x over an exposure T are the same with s ~ Gamma(κ λ, κ): with k = κ λ and μ = λ T

    e = Γ(k + x) / Γ(k) · k^k e^μ / (k + μ)^(k + x).

All functions take arrays and give natural logarithms.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import betainc, betaincc, betaln, gammainc, gammaincc, gammaln, lambertw, xlogy

Floats = NDArray[np.float64]

_LEAST = 1e-280
"""A hypothesised share of 0 or 1 is judged as one next to it."""
_OTHER_SIDE = 0.05
_SAFE = 1e-290
"""Tails above it are themselves known to all digits."""


def one_sided_m(alpha: float, gain: float) -> float:
    """m = n / κ at which a two-arm mixture is tightest: m = log((1 + m) / (gain · α)), by Lambert's W.

    gain: by how much one-sided priors in both arms raise the evidence together (4; a share of it spent on two sides).
    """
    return max(0.5, -float(lambertw(-min(1.0, gain * alpha) / math.e, -1).real) - 1)


def one_arm_m(alpha: float, *, two_sided: bool) -> float:
    """m = n / κ at which the sequence of one arm is tightest: m = log((1 + m) / (g α)²), g = 2 for one side else 1."""
    spent = min(1.0, alpha if two_sided else 2 * alpha)
    return max(0.5, -float(lambertw(-(spent**2) / math.e, -1).real) - 1)


def share_evidence(x: ArrayLike, n: ArrayLike, p: ArrayLike, q: ArrayLike, kappa: ArrayLike) -> Floats:
    """log e against the share p, with q = 1 - p, both above 0."""
    x, p, q, kappa = _arrays(x, p, q, kappa)
    p, q = np.maximum(p, _LEAST), np.maximum(q, _LEAST)
    y = np.asarray(n, dtype=np.float64) - x
    a, b = kappa * p, kappa * q
    found = betaln(a + x, b + y) - betaln(a, b) - xlogy(x, p) - xlogy(y, q)
    return np.asarray(found, dtype=np.float64)


def share_above(x: ArrayLike, n: ArrayLike, p: ArrayLike, q: ArrayLike, kappa: ArrayLike) -> Floats:
    """log e⁺: evidence that the share is above p."""
    x, p, q, kappa = _arrays(x, p, q, kappa)
    p, q = np.maximum(p, _LEAST), np.maximum(q, _LEAST)
    a, b, y = kappa * p, kappa * q, np.asarray(n, dtype=np.float64) - x
    return share_evidence(x, n, p, q, kappa) + log_beta_tail(a + x, b + y, p, q) - log_beta_tail(a, b, p, q)


def share_below(x: ArrayLike, n: ArrayLike, p: ArrayLike, q: ArrayLike, kappa: ArrayLike) -> Floats:
    """log e⁻: evidence that the share is below p."""
    return share_above(np.asarray(n, dtype=np.float64) - np.asarray(x, dtype=np.float64), n, q, p, kappa)


def share_mostly_above(x: ArrayLike, n: ArrayLike, p: ArrayLike, q: ArrayLike, kappa: ArrayLike) -> Floats:
    """log (0.95 e⁺ + 0.05 e⁻): evidence that the share is not p, most of it that it is above."""
    x, p, q, kappa = _arrays(x, p, q, kappa)
    p, q = np.maximum(p, _LEAST), np.maximum(q, _LEAST)
    a, b, y = kappa * p, kappa * q, np.asarray(n, dtype=np.float64) - x
    lean = _lean(*_beta_parts(a + x, b + y, p, q), *_beta_parts(a, b, p, q))
    return share_evidence(x, n, p, q, kappa) + lean


def share_mostly_below(x: ArrayLike, n: ArrayLike, p: ArrayLike, q: ArrayLike, kappa: ArrayLike) -> Floats:
    """log (0.95 e⁻ + 0.05 e⁺): evidence that the share is not p, most of it that it is below."""
    return share_mostly_above(np.asarray(n, dtype=np.float64) - np.asarray(x, dtype=np.float64), n, q, p, kappa)


def rate_evidence(x: ArrayLike, exposure: ArrayLike, rate: ArrayLike, kappa: ArrayLike) -> Floats:
    """log e against the rate λ > 0 per unit of exposure, after x events."""
    x, k, mu = _poisson(x, exposure, rate, kappa)
    # k log k - (k + x) log(k + μ) without the cancellation of large k
    found = gammaln(k + x) - gammaln(k) - k * np.log1p(mu / k) - xlogy(x, k + mu) + mu
    return np.asarray(found, dtype=np.float64)


def rate_above(x: ArrayLike, exposure: ArrayLike, rate: ArrayLike, kappa: ArrayLike) -> Floats:
    """log e⁺: evidence that the rate is above λ."""
    x, k, mu = _poisson(x, exposure, rate, kappa)
    gain = _log_gamma_above(k + x, k + mu) - _log_gamma_above(k, k)
    return rate_evidence(x, exposure, rate, kappa) + gain


def rate_below(x: ArrayLike, exposure: ArrayLike, rate: ArrayLike, kappa: ArrayLike) -> Floats:
    """log e⁻: evidence that the rate is below λ."""
    x, k, mu = _poisson(x, exposure, rate, kappa)
    gain = _log_gamma_below(k + x, k + mu) - _log_gamma_below(k, k)
    return rate_evidence(x, exposure, rate, kappa) + gain


def rate_mostly_above(x: ArrayLike, exposure: ArrayLike, rate: ArrayLike, kappa: ArrayLike) -> Floats:
    """log (0.95 e⁺ + 0.05 e⁻) against the rate."""
    x, k, mu = _poisson(x, exposure, rate, kappa)
    after, before = gammaincc(k + x, k + mu), gammaincc(k, k)
    return rate_evidence(x, exposure, rate, kappa) + _lean(after, 1 - after, before, 1 - before)


def rate_mostly_below(x: ArrayLike, exposure: ArrayLike, rate: ArrayLike, kappa: ArrayLike) -> Floats:
    """log (0.95 e⁻ + 0.05 e⁺) against the rate."""
    x, k, mu = _poisson(x, exposure, rate, kappa)
    after, before = gammaincc(k + x, k + mu), gammaincc(k, k)
    return rate_evidence(x, exposure, rate, kappa) + _lean(1 - after, after, 1 - before, before)


def _lean(after: Floats, after_other: Floats, before: Floats, before_other: Floats) -> Floats:
    return _log((1 - _OTHER_SIDE) * after / before + _OTHER_SIDE * after_other / before_other)


def _beta_parts(a: Floats, b: Floats, p: Floats, q: Floats) -> tuple[Floats, Floats]:
    """P(s > p) and P(s < p) for s ~ Beta(a, b): the one that may be small by itself, next to 0 and next to 1."""
    low = p < 0.5
    small = betaincc(np.where(low, a, b), np.where(low, b, a), np.where(low, p, q))
    return np.where(low, small, 1 - small), np.where(low, 1 - small, small)


def log_beta_tail(a: Floats, b: Floats, p: Floats, q: Floats) -> Floats:
    """log P(s > p) for s ~ Beta(a, b), q = 1 - p, from whichever of p and q is known to more digits.

    Where the tail is below what a float holds it is q^b p^a / (b B(a, b)) · 1 / (1 - r) with r = (a + b) q / (b + 1),
    the first terms of its series, which so far out is right to a thousandth.
    """
    tail = np.where(p < 0.5, betaincc(a, b, p), betainc(b, a, q))
    if np.all(tail > _SAFE):
        return _log(tail)
    with np.errstate(divide="ignore", invalid="ignore"):
        far = xlogy(b, q) + xlogy(a, p) - np.log(b) - betaln(a, b) - np.log1p(-(a + b) * q / (b + 1))
    return np.where(tail > _SAFE, _log(tail), far)


def _log_gamma_above(a: Floats, at: Floats) -> Floats:
    """log of the regularised upper incomplete gamma function; far out its first terms."""
    tail = gammaincc(a, at)
    with np.errstate(divide="ignore", invalid="ignore"):
        far = xlogy(a - 1, at) - at - gammaln(a) - np.log1p(-(a - 1) / at)
    return np.where(tail > _SAFE, _log(tail), far)


def _log_gamma_below(a: Floats, at: Floats) -> Floats:
    """log of the regularised lower incomplete gamma function; far out its first terms."""
    tail = gammainc(a, at)
    with np.errstate(divide="ignore", invalid="ignore"):
        far = xlogy(a, at) - at - gammaln(a + 1) - np.log1p(-at / (a + 1))
    return np.where(tail > _SAFE, _log(tail), far)


def _poisson(x: ArrayLike, exposure: ArrayLike, rate: ArrayLike, kappa: ArrayLike) -> tuple[Floats, Floats, Floats]:
    x, exposure, rate, kappa = _arrays(x, exposure, rate, kappa)
    return x, kappa * rate, rate * exposure


def _arrays(*given: ArrayLike) -> tuple[Floats, ...]:
    return tuple(np.asarray(item, dtype=np.float64) for item in given)


def _log(values: ArrayLike) -> Floats:
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(values), dtype=np.float64)
