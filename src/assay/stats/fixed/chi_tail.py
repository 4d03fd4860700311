"""The upper tail of chi-square by its logarithm, right far below what a float can hold."""

from __future__ import annotations

import math

from scipy.special import gammaincc, gammaln

_SURE = 1e-290


def chi_square_log_p(statistic: float, degrees_of_freedom: float) -> float:
    """log P(χ² ≥ statistic)."""
    if statistic <= 0:
        return 0.0
    a, x = degrees_of_freedom / 2, statistic / 2
    p = float(gammaincc(a, x))
    if p > _SURE:
        return math.log(p)
    return a * math.log(x) - x - float(gammaln(a)) + _log_fraction(a, x)


def _log_fraction(a: float, x: float) -> float:
    """log of Γ(a, x) e^x x^-a by Legendre's continued fraction, evaluated forwards (Lentz); for x well above a."""
    b = x + 1 - a
    c, d = 1e300, 1 / b
    value = d
    for i in range(1, 100_000):
        step = -i * (i - a)
        b += 2
        d = 1 / (step * d + b)
        c = b + step / c
        value *= c * d
        if abs(c * d - 1) < 1e-15:
            break
    return math.log(value)
