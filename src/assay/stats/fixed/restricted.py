"""Score statistics of two shares: both shares estimated under the hypothesis, for one table or arrays of tables.

Source: Miettinen & Nurminen 1985, "Comparative analysis of two rates", Statistics in Medicine 4:213; the cubic of its
appendix I for a difference (also Farrington & Manning 1990), its quadratic for a ratio.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from assay.stats.inputs import Floats

_POINTS = 33
_ROUNDS = 11


def share_at_difference(x_t: ArrayLike, n_t: int, x_c: ArrayLike, n_c: int, delta: ArrayLike) -> Floats:
    """The likeliest share of the control when the treatment's is `delta` higher. Arrays broadcast."""
    t, c, d = (np.asarray(item, dtype=np.float64) for item in (x_t, x_c, delta))
    n = n_t + n_c
    b = ((n_t + 2 * n_c) * d - n - (t + c)) / n
    m = ((n_c * d - n - 2 * c) * d + (t + c)) / n
    k = c * d * (1 - d) / n
    third = b / 3
    turn = third**3 - third * m / 2 + k / 2
    size = np.sqrt(np.maximum(third * third - m / 3, 0.0))
    with np.errstate(divide="ignore", invalid="ignore"):
        cosine = np.where(size > 0, np.abs(turn) / size**3, 1.0)
    angle = (math.pi + np.arccos(np.clip(cosine, -1.0, 1.0))) / 3
    # with a negative turn the size is negative and the angle measured from the other end: the same root
    signed = np.where(turn < 0, -size, size)
    share = 2 * signed * np.cos(angle) - third
    lowest, highest = np.maximum(0.0, -d), np.minimum(1.0, 1.0 - d)
    share = np.clip(share, lowest, highest)
    for _ in range(2):  # the closed form loses digits where shares are small: two steps of Newton on the cubic
        slope = (3 * share + 2 * b) * share + m
        with np.errstate(divide="ignore", invalid="ignore"):
            step = (((share + b) * share + m) * share + k) / slope
        better = np.clip(share - step, lowest, highest)
        share = np.where(np.isfinite(step) & (np.abs(step) < 1e-5), better, share)
    pooled = (t + c) / n + np.zeros_like(share)
    found: Floats = np.where(d == 0, pooled, share)
    return found


def difference_score(
    x_t: ArrayLike, n_t: int, x_c: ArrayLike, n_c: int, delta: ArrayLike, corrected: bool = True
) -> Floats:
    """z of the hypothesis "treatment - control = delta": (p_t - p_c - delta) / √variance under it.

    corrected: the variance times N / (N - 1), as Miettinen & Nurminen have it. Infinite where the variance is 0 and
    the difference is another; NaN where both are 0.
    """
    x, y, d = (np.asarray(item, dtype=np.float64) for item in (x_t, x_c, delta))
    # where most converted those who did not are counted, so that a share near 1 keeps the digits of its distance from 1
    most = 2 * (x + y) > n_t + n_c
    e = np.where(most, -d, d)
    c = share_at_difference(np.where(most, n_t - x, x), n_t, np.where(most, n_c - y, y), n_c, e)
    t = np.clip(c + e, 0.0, 1.0)
    variance = _variance(t * (1 - t) / n_t + c * (1 - c) / n_c, n_t + n_c, corrected)
    gap = x / n_t - y / n_c - d
    return _standardised(np.where(np.abs(gap) < 1e-15, 0.0, gap), variance)


def ratio_score(x_t: ArrayLike, n_t: int, x_c: ArrayLike, n_c: int, ratio: ArrayLike, corrected: bool = True) -> Floats:
    """z of the hypothesis "treatment / control = ratio": (p_t - ratio p_c) / √variance under it."""
    x, y, r = (np.asarray(item, dtype=np.float64) for item in (x_t, x_c, ratio))
    n = n_t + n_c
    b = n_t * r + x + n_c + y * r
    c = 2 * (x + y) / (b + np.sqrt(np.maximum(b * b - 4 * n * r * (x + y), 0.0)))
    c = np.where(r == 1, (x + y) / n, c)
    t = np.clip(r * c, 0.0, 1.0)
    variance = _variance(t * (1 - t) / n_t + r * r * c * (1 - c) / n_c, n, corrected)
    return _standardised(x / n_t - r * (y / n_c), variance)


def crossings(
    score: Callable[[Floats], Floats], low: float, high: float, critical: float
) -> tuple[float | None, float | None]:
    """Where a falling score passes +critical and -critical between low and high; None where it does not."""
    ends = np.array([low, high])
    edge = score(ends)
    passes_above, passes_below = bool(edge[0] > critical), bool(edge[1] < -critical)
    left, right = np.array([low, low]), np.array([high, high])
    target = np.array([[critical], [-critical]])
    for _ in range(_ROUNDS):
        points = np.linspace(left, right, _POINTS, axis=1)
        above = np.nan_to_num(score(points), nan=0.0) > target
        # the last point still above its target; the score falls, so they come first
        last = np.clip(above.sum(axis=1) - 1, 0, _POINTS - 2)
        rows = np.arange(2)
        left, right = points[rows, last], points[rows, last + 1]
    middle = (left + right) / 2
    return (float(middle[0]) if passes_above else None, float(middle[1]) if passes_below else None)


def _variance(plain: Floats, n: int, corrected: bool) -> Floats:
    return plain * (n / (n - 1)) if corrected else plain


def _standardised(gap: Floats, variance: Floats) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(variance > 0, gap / np.sqrt(variance), np.where(gap == 0, np.nan, np.sign(gap) * np.inf))
