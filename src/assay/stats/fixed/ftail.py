"""The upper tail of Fisher's F, also far below what a float can hold."""

from __future__ import annotations

import math

from scipy.special import betaln, fdtrc

from assay.stats.distributions import floored

_SAFE = 1e-290
_TINY = 1e-300
_MOST_STEPS = 100_000


def f_tail(f: float, df_above: float, df_below: float) -> tuple[float, float]:
    """P(F ≥ f) and its natural logarithm."""
    p = float(fdtrc(df_above, df_below, f))
    if p > _SAFE:
        return min(1.0, p), min(0.0, math.log(p))
    # P(F ≥ f) = I_x(d2 / 2, d1 / 2) with x = d2 / (d2 + d1 f); y = 1 - x is kept for its logarithm
    ratio = df_below / (df_above * f) if f < math.inf else 0.0
    if ratio <= 0:
        return floored(0.0), -math.inf
    x, y = ratio / (1 + ratio), 1 / (1 + ratio)
    log_p = _log_incomplete_beta(df_below / 2, df_above / 2, x, y)
    return floored(math.exp(log_p)), log_p


def _log_incomplete_beta(a: float, b: float, x: float, y: float) -> float:
    """log I_x(a, b) well below its mean: the continued fraction of Abramowitz & Stegun 26.5.8, by Lentz's method."""
    log_x = math.log1p(-y) if y < 0.5 else math.log(x)
    front = a * log_x + b * math.log(y) - math.log(a) - float(betaln(a, b))
    c, d = 1.0, 1 - (a + b) * x / (a + 1)
    d = 1 / (d if abs(d) > _TINY else _TINY)
    value = d
    for m in range(1, _MOST_STEPS):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        d, c = 1 / (1 + even * d or _TINY), 1 + even / c or _TINY
        value *= d * c
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        d, c = 1 / (1 + odd * d or _TINY), 1 + odd / c or _TINY
        change = d * c
        value *= change
        if abs(change - 1) < 1e-15:
            break
    return front + math.log(value)
