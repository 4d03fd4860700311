"""Logarithms of the tails of beta, gamma and t distributions for whole arrays, right far below what a float holds.

SciPy's tails are used wherever they are above 1e-280; below, continued fractions and series (DLMF 8.17.22, 8.9.2,
8.7.1), which converge fast there because the argument is far from the centre.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.special import betainc, betaincc, gammainc, gammaincc, gammaln, stdtr

from assay.stats.distributions import student_log_p

Floats = NDArray[np.float64]

_SMALLEST = 1e-280
_HALF_LOG_2PI = 0.5 * math.log(2 * math.pi)


def stirling_rest(z: Floats) -> Floats:
    """log Γ(z) - ((z - ½) log z - z + ½ log 2π), without the cancellation of large z (DLMF 5.11.1)."""
    large = np.maximum(z, 15.0)
    w = 1 / (large * large)
    series = (1 / 12 - w * (1 / 360 - w * (1 / 1260 - w * (1 / 1680 - w / 1188)))) / large
    small = np.minimum(z, 15.0)
    return np.where(z >= 15, series, gammaln(small) - ((small - 0.5) * np.log(small) - small + _HALF_LOG_2PI))


def beta_log_density(a: Floats, b: Floats, log_x: Floats, log_rest: Floats) -> Floats:
    """Log density of logit x for x ~ Beta(a, b), from log x and log(1 - x): x^a (1 - x)^b / B(a, b)."""
    n = a + b
    deviance = a * (np.log(a / n) - log_x) + b * (np.log(b / n) - log_rest)
    return beta_log_scale(a, b) - deviance


def beta_log_scale(a: Floats, b: Floats) -> Floats:
    """Log density of logit x at the logit of the mean."""
    n = a + b
    rests = stirling_rest(n) - stirling_rest(a) - stirling_rest(b)
    return 0.5 * (np.log(a) + np.log(b / n)) - _HALF_LOG_2PI + rests


def beta_log_tail(a: Floats, b: Floats, x: Floats, rest: Floats, *, upper: bool) -> Floats:
    """log P(X ≤ x), or log P(X > x) with `upper`. rest: 1 - x, given apart because it may be tiny."""
    if upper:
        a, b, x, rest = b, a, rest, x
    a, b, x, rest = np.broadcast_arrays(a, b, x, rest)
    far_end = x > 0.5
    if far_end.all():
        tail = np.asarray(betaincc(b, a, rest), dtype=np.float64)
    else:
        tail = np.asarray(betainc(a, b, x), dtype=np.float64)
        if far_end.any():
            tail[far_end] = betaincc(b[far_end], a[far_end], rest[far_end])
    return _log_of(tail, x > 0, lambda at: _beta_log_far(a[at], b[at], x[at], rest[at]))


def gamma_log_tail(shape: Floats, x: Floats, *, upper: bool) -> Floats:
    """log P(X ≤ x) of a gamma with rate 1, or log P(X > x) with `upper`."""
    shape, x = np.broadcast_arrays(shape, x)
    if upper:
        return _log_of(gammaincc(shape, x), np.isfinite(x), lambda at: _gamma_log_far_above(shape[at], x[at]))
    return _log_of(gammainc(shape, x), x > 0, lambda at: _gamma_log_far_below(shape[at], x[at]))


def student_log_tail(t: Floats, degrees_of_freedom: Floats) -> Floats:
    """log P(T ≤ t)."""
    t, nu = np.broadcast_arrays(t, degrees_of_freedom)

    def far(at: NDArray[np.bool_]) -> Floats:
        pairs = zip(t[at], nu[at], strict=True)
        return np.array([student_log_p(float(x), float(df)) - math.log(2) for x, df in pairs], dtype=np.float64)

    return _log_of(stdtr(nu, t), np.isfinite(t), far)


def _log_of(tail: Floats, possible: NDArray[np.bool_], far: Callable[[NDArray[np.bool_]], Floats]) -> Floats:
    with np.errstate(divide="ignore"):
        logs = np.log(tail)
    at = possible & (tail < _SMALLEST)
    if at.any():
        logs[at] = far(at)
    return np.asarray(logs, dtype=np.float64)


def _beta_log_far(a: Floats, b: Floats, x: Floats, rest: Floats) -> Floats:
    """I_x(a, b) = x^a (1 - x)^b / (a B(a, b)) / (1 + d₁/(1 + d₂/(1 + …))), DLMF 8.17.22."""
    with np.errstate(divide="ignore"):
        front = beta_log_density(a, b, np.log(x), np.log(rest)) - np.log(a)

    def term(k: int) -> Floats:
        m = k // 2
        if k % 2:
            return -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        return m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))

    fraction = _continued_fraction(np.ones_like(a), term, lambda k: np.ones_like(a))
    return np.asarray(front - np.log(fraction), dtype=np.float64)


def _gamma_log_front(shape: Floats, x: Floats) -> Floats:
    """log of x^shape e^-x / Γ(shape)."""
    w = np.log(x / shape)
    front = shape * (w - np.expm1(w)) + 0.5 * np.log(shape) - _HALF_LOG_2PI - stirling_rest(shape)
    return np.asarray(front, dtype=np.float64)


def _gamma_log_far_above(shape: Floats, x: Floats) -> Floats:
    """Q = x^a e^-x / Γ(a) / (x + 1 - a - 1 (1 - a)/(x + 3 - a - …)), DLMF 8.9.2."""
    fraction = _continued_fraction(x + 1 - shape, lambda k: -k * (k - shape), lambda k: x + 2 * k + 1 - shape)
    return np.asarray(_gamma_log_front(shape, x) - np.log(fraction), dtype=np.float64)


def _gamma_log_far_below(shape: Floats, x: Floats) -> Floats:
    """P = x^a e^-x / Γ(a + 1) Σ x^k / (a + 1)…(a + k), DLMF 8.7.1."""
    total, term, k = np.ones_like(x), np.ones_like(x), 0
    while bool((term > 1e-17 * total).any()):
        k += 1
        term = term * x / (shape + k)
        total += term
    return np.asarray(_gamma_log_front(shape, x) - np.log(shape) + np.log(total), dtype=np.float64)


def _continued_fraction(first: Floats, above: Callable[[int], Floats], below: Callable[[int], Floats]) -> Floats:
    """first + above(1)/(below(1) + above(2)/(below(2) + …)), modified Lentz."""
    value = np.where(first == 0, 1e-300, first)
    c, d = value.copy(), np.zeros_like(value)
    for k in range(1, 100_000):
        numerator, denominator = above(k), below(k)
        d = denominator + numerator * d
        d = 1 / np.where(d == 0, 1e-300, d)
        c = denominator + numerator / c
        c = np.where(c == 0, 1e-300, c)
        change = c * d
        value = value * change
        if bool((np.abs(change - 1) < 1e-15).all()):
            break
    return value
