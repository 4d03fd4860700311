"""Tails and quantiles of the normal and Student's t, always from the far tail inwards (never 1 - cdf)."""

from __future__ import annotations

import math
import sys

from scipy.special import log_ndtr, ndtr, ndtri, stdtr, stdtrit

SMALLEST_P = sys.float_info.min
"""A p-value that a float cannot hold is given as this bound, about 2e-308, never as 0."""


def normal_p(z: float) -> float:
    """Two-sided p-value of a standard normal statistic: 2 Φ(-|z|)."""
    return floored(2 * float(ndtr(-abs(z))))


def normal_log_p(z: float) -> float:
    """Natural logarithm of the two-sided p-value; exact where the p-value itself is below 1e-308."""
    return min(0.0, math.log(2) + float(log_ndtr(-abs(z))))


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
