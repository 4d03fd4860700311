"""Two independent estimates with their variances, judged by one look: p-value, interval and relative interval.

The statistic is (t - c - null) / s. The interval is the set of null differences that are not rejected; the relative one
the set of r with (t - r c)² ≤ q² (v_t + r² v_c), q the critical value, given as r - 1 (Fieller 1954); for adjusted arms
the variance has what they share beside it. One-sided tests have intervals bounded on one side, at the critical value of
α instead of α/2.
"""

from __future__ import annotations

import math
from functools import lru_cache

from scipy.special import cython_special

from assay.errors import InvalidInput
from assay.model.result import Interval, NoEstimate
from assay.stats.arm import ZERO_VARIANCE
from assay.stats.distributions import normal_log_p, normal_quantile, student_log_p
from assay.stats.estimate import CONTROL_NEAR_ZERO, ZERO_CONTROL, relative_change
from assay.stats.fieller import Outside, accepted
from assay.stats.outcome import Alternative, Outcome

_TWO_SIDED, _GREATER = Alternative.TWO_SIDED, Alternative.GREATER
_ROOT_HALF = math.sqrt(0.5)
_SURE = 1e-290
_SMALLEST = 2.2250738585072014e-308
_stdtr, _stdtrit = cython_special.stdtr, cython_special.stdtrit
_cached_normal_quantile = lru_cache(maxsize=256)(normal_quantile)


def judge(
    test: str,
    treatment: float,
    control: float,
    v_t: float,
    v_c: float,
    degrees_of_freedom: float,
    null_variance: float,
    alpha: float,
    alternative: Alternative,
    null: float,
    floor: float | None = None,
    ceiling: float | None = None,
    warnings: tuple[str, ...] = (),
    beside: tuple[float, float] = (0.0, 0.0),
) -> Outcome:
    """The outcome of two estimates. v_t, v_c: variances of the estimates; null_variance: of the statistic.

    degrees_of_freedom: infinite for the normal curve. floor, ceiling: what an estimate can be at least and at most.
    beside: of adjusted arms, see `assay.stats.arm.beside_variance`.
    """
    if not -math.inf < null < math.inf:
        raise InvalidInput("null", null, "a finite number")
    difference = treatment - control
    level = 1 - alpha
    variance = v_t + v_c
    if null_variance <= 0:
        why = ZERO_VARIANCE
        relative_why = why if control else ZERO_CONTROL
        relative = relative_change(difference, control)
        return Outcome(
            test,
            difference,
            why,
            why,
            why,
            relative,
            relative_why,
            None,
            None,
            alternative,
            null,
            level,
            warnings=warnings,
        )
    statistic = (difference - null) / math.sqrt(null_variance)
    finite = degrees_of_freedom < math.inf
    p, log_p = tail(statistic, degrees_of_freedom, alternative)
    one_sided = alternative is not _TWO_SIDED
    share = alpha if one_sided else alpha / 2
    q = -_stdtrit(degrees_of_freedom, share) if finite else _cached_normal_quantile(share)
    if variance <= 0:
        interval: Interval | NoEstimate = ZERO_VARIANCE
    else:
        half = q * math.sqrt(variance)
        low: float | None = difference - half
        high: float | None = difference + half
        if floor is not None and ceiling is not None:
            widest = ceiling - floor
            low, high = max(low, -widest), min(high, widest)  # type: ignore[type-var]
        if one_sided:
            low, high = (low, None) if alternative is _GREATER else (None, high)
        interval = Interval(low, high, level)
    return Outcome(
        test,
        difference,
        interval,
        p,
        log_p,
        relative_change(difference, control),
        _relative_interval(difference, control, v_t, v_c, q * q, floor, alternative, level, *beside),
        statistic,
        degrees_of_freedom if finite else None,
        alternative,
        null,
        level,
        warnings=warnings,
    )


def tail(statistic: float, degrees_of_freedom: float, alternative: Alternative) -> tuple[float, float]:
    """The p-value and its natural logarithm, from the tail inwards."""
    size = abs(statistic)
    finite = degrees_of_freedom < math.inf
    if alternative is _TWO_SIDED:
        p = 2 * _stdtr(degrees_of_freedom, -size) if finite else math.erfc(size * _ROOT_HALF)
        one_side = 0.0
    else:
        signed = -statistic if alternative is _GREATER else statistic
        p = _stdtr(degrees_of_freedom, signed) if finite else math.erfc(-signed * _ROOT_HALF) / 2
        one_side = math.log(2)
    if p > _SURE:
        return (p, math.log(p)) if p < 1 else (1.0, 0.0)
    both = student_log_p(size, degrees_of_freedom) if finite else normal_log_p(size)
    return max(_SMALLEST, p), both - one_side


def _relative_interval(
    difference: float,
    control: float,
    v_t: float,
    v_c: float,
    square: float,
    floor: float | None,
    alternative: Alternative,
    level: float,
    spread: float,
    tilt: float,
) -> Interval | NoEstimate:
    """Lifts not rejected. The middle is written with the difference, so that small lifts of large means keep digits.

    In the lift l the variance of t - (1 + l) c is v_t + v_c + 2 l w + l² u.
    """
    w, u = v_c - tilt, v_c + spread - tilt
    a = control * control - square * u
    low: float | None
    high: float | None
    if v_t + v_c <= 0:
        return ZERO_VARIANCE if control else ZERO_CONTROL
    if a > 0:
        middle = difference * control + square * w
        inner = control * control * (v_t + v_c) + 2 * difference * control * w + difference * difference * u
        # (v_t + v_c) u - w², without the squares of v_c that cancel
        cross = v_t * v_c + (v_t + v_c) * (spread - tilt) + tilt * (2 * v_c - tilt)
        root = math.sqrt(max(0.0, square * (inner - square * cross)))
        low, high = (middle - root) / a, (middle + root) / a
    else:
        found = accepted(difference, control, (v_t + v_c, 2 * w, u), square)
        if not (isinstance(found, Outside) and floor == 0 and found.low <= -1.0 < found.high):
            return ZERO_CONTROL if control == 0 else CONTROL_NEAR_ZERO
        low, high = found.high, None
    if floor == 0 and low < -1.0:
        low = -1.0
    if alternative is not _TWO_SIDED:
        upwards = (alternative is _GREATER) is (control > 0)
        low, high = (low, None) if upwards else (None, high)
        if low is None and high is None:
            return CONTROL_NEAR_ZERO
    return Interval(low, high, level)
