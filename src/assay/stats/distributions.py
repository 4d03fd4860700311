"""Tails and quantiles of the normal and Student's t, always from the far tail inwards (never 1 - cdf)."""

from __future__ import annotations

import math
import sys
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln, log_ndtr, ndtr, ndtri, stdtr, stdtrit

SMALLEST_P = sys.float_info.min
"""A p-value that a float cannot hold is given as this bound, about 2e-308, never as 0."""
_SAFE = 1e-290
"""Above it a tail's logarithm is that of the tail itself."""


def normal_p(z: float) -> float:
    """Two-sided p-value of a standard normal statistic: 2 Φ(-|z|)."""
    return floored(2 * float(ndtr(-abs(z))))


def normal_log_p(z: float) -> float:
    """Natural logarithm of the two-sided p-value; exact where the p-value itself is below 1e-308."""
    return max(-sys.float_info.max, min(0.0, math.log(2) + float(log_ndtr(-abs(z)))))


def normal_quantile(tail: float) -> float:
    """The z that a standard normal exceeds with probability `tail`."""
    return -float(ndtri(tail))


def student_p(t: float, degrees_of_freedom: float) -> float:
    """Two-sided p-value of Student's t; normal when the degrees of freedom are infinite."""
    if math.isinf(degrees_of_freedom):
        return normal_p(t)
    return floored(2 * float(stdtr(degrees_of_freedom, -abs(t))))


def student_quantile(tail: float, degrees_of_freedom: float) -> float:
    """The t that Student's t exceeds with probability `tail`."""
    if math.isinf(degrees_of_freedom):
        return normal_quantile(tail)
    return -float(stdtrit(degrees_of_freedom, tail))


def floored(p: float) -> float:
    """A p-value kept between the smallest float and 1."""
    return min(1.0, max(SMALLEST_P, p))


def student_log_p(t: float, degrees_of_freedom: float) -> float:
    """Natural logarithm of the two-sided p-value of Student's t, right far below what a float can hold."""
    nu, size = degrees_of_freedom, abs(t)
    if math.isinf(nu):
        return normal_log_p(t)
    p = 2 * float(stdtr(nu, -size))
    if p > _SAFE:
        return min(0.0, math.log(p))
    return math.log(2) + _student_log_tail(size, nu)


def _student_log_tail(t: float, nu: float) -> float:
    """log P(T > t) for tails below 1e-290: by series in the heavy tail, by quadrature beside the centre."""
    log_density = _log_student_scale(nu) - (nu + 1) / 2 * _log1p_square(t, nu)
    if t * t > nu:
        # P = t f(t) / nu · (1 + nu/t²) · Σ …: the incomplete beta function's series in x = nu / (nu + t²)
        x = 1 / (1 + (t / nu) * t)
        total, term, k = 0.0, 1.0, 0
        while term > 1e-17 * total:
            total += term
            term *= x * (nu / 2 + 0.5 + k) / (nu / 2 + 1 + k)
            k += 1
        return log_density + math.log(t) - math.log(nu) + math.log(total)
    slope = (nu + 1) * t / (nu + t * t)
    nodes, weights = _laguerre()
    s = t + nodes / slope
    gain = nodes - (nu + 1) / 2 * np.log1p((s - t) * (s + t) / (nu + t * t))
    return log_density - math.log(slope) + math.log(float(weights @ np.exp(gain)))


def _log_student_scale(nu: float) -> float:
    """log of the density at 0; by Stirling's series where the gamma functions would cancel."""
    if nu > 1e4:
        return -math.log(2 * math.pi) / 2 - 1 / (4 * nu) + 1 / (24 * nu**3)
    return float(gammaln((nu + 1) / 2) - gammaln(nu / 2)) - math.log(nu * math.pi) / 2


def _log1p_square(t: float, nu: float) -> float:
    """log(1 + t²/nu) without overflow."""
    return math.log1p(t / nu * t) if t < 1e150 else 2 * math.log(t) - math.log(nu)


@lru_cache(maxsize=1)
def _laguerre() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    nodes, weights = np.polynomial.laguerre.laggauss(60)
    return nodes, weights
