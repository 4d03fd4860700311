"""Kolmogorov and Smirnov's test: whether two arms have one distribution, by the largest gap between them."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import kolmogorov

from assay.errors import InvalidInput
from assay.model.result import Interval
from assay.model.valuecounts import ValueCounts
from assay.stats.arm import EMPTY_ARM, ZERO_VARIANCE
from assay.stats.distributions import floored
from assay.stats.fixed.counted import Together, counted, together
from assay.stats.fixed.shift import NO_RELATIVE
from assay.stats.inputs import Floats, check_alpha
from assay.stats.outcome import Alternative, Outcome, alternative_of, nothing

_TWO_SIDED = Alternative.TWO_SIDED
EXACT_UNITS = 2_000
"""Up to so many units in all the p-value counts arrangements."""


class _Gap(NamedTuple):
    """The largest gap, and the same in whole steps: |n · (treatment units below) - m · (control units below)|."""

    size: float
    steps: float


def kolmogorov_smirnov(
    treatment: ValueCounts | ArrayLike,
    control: ValueCounts | ArrayLike,
    *,
    alpha: float = 0.05,
    alternative: Alternative | str = _TWO_SIDED,
    exact: bool | None = None,
) -> Outcome:
    """The hypothesis that both arms have one distribution, judged by D = max |F_t(x) - F_c(x)|.

    `difference` and the statistic are D, a distance from 0 to 1 without a sign, so swapping the arms changes nothing.
    alternative greater: D = max (F_c - F_t), which is large when the treatment lies above the control; less: the other
    way round.
    p: up to 2,000 units in all (exact=None) the share of all arrangements of the units, with their ties, whose D is as
    large: exact, for measured and for discrete values. Beyond: Kolmogorov's limit 2 Σ (-1)^(k-1) exp(-2 k² z²), or
    exp(-2 z²) on one side, with z = D √(mn / (m + n)). The limit takes the values for continuous: with few distinct
    values it rejects too rarely (two values, as in a conversion: 0.2 % at α = 5 %); use a test of shares or counts.
    interval: bounds of the true distance that hold for every distribution, D ± (e_t + e_c) within 0 and 1, with
    e = √(log(2 / a) / 2n), a = 1 - √(1 - α) (one-sided log(1 / a)). It is about 1.5 times as wide as the test needs:
    it may contain 0 when p ≤ alpha, never the reverse beyond the limit's own error.
    Sources: Smirnov 1939; Schröer & Trenkler 1995 (exact with ties); Massart 1990 (the interval's constant).
    """
    looked_for = alternative_of(alternative)
    check_alpha(alpha)
    t, c = counted(treatment, "treatment"), counted(control, "control")
    if not t.n or not c.n:
        return nothing("kolmogorov_smirnov", EMPTY_ARM, alternative=looked_for, level=1 - alpha)
    if exact and t.n + c.n > EXACT_UNITS:
        raise InvalidInput("exact", exact, f"False, or at most {EXACT_UNITS} units in all")
    both = together(t, c)
    if both.values.size == 1:
        empty = nothing("kolmogorov_smirnov", ZERO_VARIANCE, alternative=looked_for, level=1 - alpha)
        return empty._replace(difference=0.0, relative=NO_RELATIVE, relative_interval=NO_RELATIVE)
    gap = _gap(both, t.n, c.n, looked_for)
    counting = t.n + c.n <= EXACT_UNITS if exact is None else exact
    log_p = _exact_log_p(both, t.n, c.n, gap, looked_for) if counting else _limit_log_p(gap, t.n, c.n, looked_for)
    few = both.values.size < 20 and not counting
    return Outcome(
        "kolmogorov_smirnov",
        gap.size,
        _interval(gap.size, t.n, c.n, alpha, looked_for),
        floored(math.exp(log_p)),
        log_p,
        NO_RELATIVE,
        NO_RELATIVE,
        gap.size,
        None,
        looked_for,
        0.0,
        1 - alpha,
        warnings=("fewer than 20 distinct values: this p-value is too large",) if few else (),
    )


def _gap(both: Together, m: int, n: int, looked_for: Alternative) -> _Gap:
    """Steps are whole numbers, so that equal gaps compare as equal."""
    signed = np.cumsum(both.control) * m - np.cumsum(both.treatment) * n
    if looked_for is _TWO_SIDED:
        signed = np.abs(signed)
    elif looked_for is Alternative.LESS:
        signed = -signed
    steps = max(0.0, float(signed.max()))
    return _Gap(steps / (float(m) * n), steps)


def _limit_log_p(gap: _Gap, m: int, n: int, looked_for: Alternative) -> float:
    z = gap.size * math.sqrt(float(m) * n / (float(m) + n))
    if looked_for is not _TWO_SIDED:
        return min(0.0, -2 * z * z)
    if z < 5:
        return min(0.0, math.log(float(kolmogorov(z))))
    return math.log(2) - 2 * z * z  # the next term is e^-6z² of it, below 1e-65


def _exact_log_p(both: Together, m: int, n: int, gap: _Gap, looked_for: Alternative) -> float:
    """log of the share of arrangements with a gap as large: paths that leave the band are summed where they leave.

    After k units of both arms, the chance that i of them are treatment units and no earlier gap was as large. Only
    where one value ends and the next begins does the gap exist.
    """
    if gap.steps <= 0:
        return 0.0
    ends = np.zeros(m + n + 1, dtype=bool)
    ends[np.cumsum(both.treatment + both.control).astype(int)] = True
    i = np.arange(m + 1, dtype=np.float64)
    with np.errstate(divide="ignore"):
        log_left_t, log_left_c = np.log(m - i), np.log(np.arange(n + 1, dtype=np.float64))
    logs: Floats = np.full(m + 1, -math.inf)
    logs[0] = 0.0
    left_behind = [-math.inf]
    for k in range(1, m + n + 1):
        # the k-th unit is one of the treatment units left, or of the n - (k - 1 - i) control units left
        logs -= math.log(m + n - k + 1)
        drawn = logs + log_left_t
        logs += log_left_c[np.clip(i + (n - k + 1), 0, n).astype(int)]
        np.logaddexp(logs[1:], drawn[:-1], out=logs[1:])
        if not ends[k]:
            continue
        signed = (k - i) * m - i * n
        if looked_for is _TWO_SIDED:
            signed = np.abs(signed)
        elif looked_for is Alternative.LESS:
            signed = -signed
        beyond = signed >= gap.steps
        left_behind.extend(logs[beyond & (logs > -math.inf)].tolist())
        logs[beyond] = -math.inf
    return min(0.0, float(np.logaddexp.reduce(left_behind)))


def _interval(gap: float, m: int, n: int, alpha: float, looked_for: Alternative) -> Interval:
    each = -math.expm1(math.log1p(-alpha) / 2)
    sides = 2 if looked_for is _TWO_SIDED else 1
    reach = sum(math.sqrt(math.log(sides / each) / (2 * size)) for size in (m, n))
    upper = min(1.0, gap + reach) if looked_for is _TWO_SIDED else None
    return Interval(max(0.0, gap - reach), upper, 1 - alpha)
