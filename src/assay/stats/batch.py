"""The everyday tests over many metrics at once: arrays in, arrays out, the same numbers as one by one.

Where a number cannot be computed it is NaN in the array and `why` has the reason under the comparison's index.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import log_ndtr, ndtr, stdtr, stdtrit

from assay.errors import InvalidInput
from assay.model.result import NoEstimate
from assay.stats.arm import BAD_MOMENTS, EMPTY_ARM, MOST_UNITS, ONE_UNIT, ZERO_DENOMINATOR, ZERO_VARIANCE
from assay.stats.distributions import SMALLEST_P, normal_quantile, student_log_p
from assay.stats.inputs import check_alpha

Floats = NDArray[np.float64]

_SURE = 1e-290
_ROUNDING = 1e-13
_RESIDUAL = 1e-12
_LARGEST, _LARGEST_SQUARE = 1e60, 1e120


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcomes:
    """Two-sided outcomes of many comparisons; every array has one number for each.

    lower, upper: of the difference at level 1 - alpha; relative_lower, relative_upper: Fieller's, NaN where the control
    cannot be told from 0. why: index → the reason why a comparison has no p-value.
    """

    test: str
    difference: Floats
    lower: Floats
    upper: Floats
    p_value: Floats
    log_p: Floats
    relative: Floats
    relative_lower: Floats
    relative_upper: Floats
    statistic: Floats
    degrees_of_freedom: Floats
    why: Mapping[int, NoEstimate] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Column:
    """One arm of many means: units, mean and sum of squared deviations of each metric."""

    n: ArrayLike
    mean: ArrayLike
    squares: ArrayLike


@dataclass(frozen=True, slots=True)
class Columns:
    """One arm of many pairs: units, means of value and second column, and their centred sums of products.

    The second column is a ratio's denominator, or a covariate.
    """

    n: ArrayLike
    value: ArrayLike
    second: ArrayLike
    value_value: ArrayLike
    value_second: ArrayLike
    second_second: ArrayLike


def many_shares(
    converted_t: ArrayLike, n_t: ArrayLike, converted_c: ArrayLike, n_c: ArrayLike, *, alpha: float = 0.05
) -> Outcomes:
    """`two_proportion_z`, pooled, for many metrics. Raises InvalidInput for counts that contradict each other."""
    check_alpha(alpha)
    x_t, m_t, x_c, m_c = _arrays(converted_t, n_t, converted_c, n_c)
    for name, x, n in (("converted_t", x_t, m_t), ("converted_c", x_c, m_c)):
        if not ((x >= 0) & (x <= n) & (n <= MOST_UNITS) & (n == np.floor(n)) & (np.abs(x - np.rint(x)) <= 1e-6)).all():
            accepted = f"whole numbers with 0 ≤ converted ≤ n ≤ {MOST_UNITS:,} for every metric"
            raise InvalidInput(name, "a count below 0, above n, missing or not whole", accepted)
    with np.errstate(divide="ignore", invalid="ignore"):
        p_t, p_c = x_t / m_t, x_c / m_c
        p = (x_t + x_c) / (m_t + m_c)
        v_t, v_c = p_t * (1 - p_t) / m_t, p_c * (1 - p_c) / m_c
        null = p * (1 - p) * (1 / m_t + 1 / m_c)
    reasons = [((m_t == 0) | (m_c == 0), EMPTY_ARM), (null <= 0, ZERO_VARIANCE)]
    nu = np.full_like(p, math.inf)
    return _judged("two_proportion_z", (p_t, p_c), (v_t, v_c), null, nu, alpha, reasons, floor=True)


def many_means(treatment: Column, control: Column, *, alpha: float = 0.05) -> Outcomes:
    """`welch_t` for many metrics."""
    check_alpha(alpha)
    n_t, m_t, s_t, n_c, m_c, s_c = _arrays(
        treatment.n, treatment.mean, treatment.squares, control.n, control.mean, control.squares
    )
    bad = ~(_sound(m_t, s_t) & _sound(m_c, s_c))
    return _welch("welch_t", (n_t, m_t, s_t), (n_c, m_c, s_c), alpha, [(bad, BAD_MOMENTS)])


def many_ratios(treatment: Columns, control: Columns, *, alpha: float = 0.05) -> Outcomes:
    """`ratio_t` for many metrics."""
    check_alpha(alpha)
    arms, bad, zero = [], [], []
    for arm in (treatment, control):
        n, y, d, yy, yd, dd = _arrays(
            arm.n, arm.value, arm.second, arm.value_value, arm.value_second, arm.second_second
        )
        zero.append(np.abs(d) <= 1 / _LARGEST)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            ratio = y / d
            squares = _residual(yy, yd, dd, ratio) / (d * d)
            far = (np.abs(ratio) > _LARGEST) | (squares > _LARGEST_SQUARE * (n - 1))
        bad.append(~(_sound(y, yy) & _sound(d, dd) & _possible(yy, yd, dd)) | far & ~zero[-1])
        arms.append((n, ratio, squares))
    reasons = [(bad[0] | bad[1], BAD_MOMENTS), (zero[0] | zero[1], ZERO_DENOMINATOR)]
    return _welch("ratio_t", arms[0], arms[1], alpha, reasons)


def many_cuped(treatment: Columns, control: Columns, *, alpha: float = 0.05) -> Outcomes:
    """`cuped_t` for many metrics with one covariate each; where a covariate is constant the plain mean is compared."""
    check_alpha(alpha)
    n_t, y_t, x_t, yy_t, yx_t, xx_t = _arrays(
        treatment.n,
        treatment.value,
        treatment.second,
        treatment.value_value,
        treatment.value_second,
        treatment.second_second,
    )
    n_c, y_c, x_c, yy_c, yx_c, xx_c = _arrays(
        control.n, control.value, control.second, control.value_value, control.value_second, control.second_second
    )
    xx = xx_t + xx_c
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        middle = (n_t * x_t + n_c * x_c) / (n_t + n_c)
        theta = np.where(xx > (n_t + n_c) * (_ROUNDING * middle) ** 2, (yx_t + yx_c) / xx, 0.0)
        t = (n_t, y_t - theta * (x_t - middle), _residual(yy_t, yx_t, xx_t, theta))
        c = (n_c, y_c - theta * (x_c - middle), _residual(yy_c, yx_c, xx_c, theta))
        n = n_t + n_c
        own = theta * (yx_t - theta * xx_t) / n
        own_t, own_c = own / (n_t - 1), -own / (n_c - 1)
        moved = n_t / (n_t - 1) * xx_t + n_c / (n_c - 1) * xx_c
        beside = theta * theta * moved / (n * n) + own_t + own_c, own_t - own_c
    bad = ~(_sound(y_t, yy_t) & _sound(x_t, xx_t) & _sound(y_c, yy_c) & _sound(x_c, xx_c))
    bad |= ~(_possible(yy_t, yx_t, xx_t) & _possible(yy_c, yx_c, xx_c))
    return _welch("cuped_t", t, c, alpha, [(bad, BAD_MOMENTS)], beside)


_Arm = tuple[Floats, Floats, Floats]
_Reasons = list[tuple[NDArray[np.bool_], NoEstimate]]


def _welch(
    test: str, t: _Arm, c: _Arm, alpha: float, reasons: _Reasons, beside: tuple[Floats, Floats] | None = None
) -> Outcomes:
    """Arms as (units, estimate, sum of squares). beside: of adjusted arms, see `assay.stats.arm.beside_variance`."""
    (n_t, m_t, s_t), (n_c, m_c, s_c) = t, c
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        v_t = np.where(s_t > (n_t - 1) * (_ROUNDING * m_t) ** 2, s_t / (n_t - 1), 0.0) / n_t
        v_c = np.where(s_c > (n_c - 1) * (_ROUNDING * m_c) ** 2, s_c / (n_c - 1), 0.0) / n_c
        total = v_t + v_c
        w = v_t / total
        nu = 1 / (w * w / (n_t - 1) + (1 - w) ** 2 / (n_c - 1))
    too_many = ~((n_t <= MOST_UNITS) & (n_c <= MOST_UNITS))
    empty, one = (n_t <= 0) | (n_c <= 0), (n_t < 2) | (n_c < 2)
    every = [(empty, EMPTY_ARM), (too_many, BAD_MOMENTS), *reasons, (one, ONE_UNIT), (total <= 0, ZERO_VARIANCE)]
    return _judged(test, (m_t, m_c), (v_t, v_c), total, nu, alpha, every, floor=False, beside=beside)


def _judged(
    test: str,
    values: tuple[Floats, Floats],
    variances: tuple[Floats, Floats],
    null_variance: Floats,
    nu: Floats,
    alpha: float,
    reasons: _Reasons,
    *,
    floor: bool,
    beside: tuple[Floats, Floats] | None = None,
) -> Outcomes:
    (t, c), (v_t, v_c) = values, variances
    why: dict[int, NoEstimate] = {}
    usable = np.ones(t.shape, dtype=bool)
    for mask, reason in reasons:
        for index in np.flatnonzero(mask & usable):
            why[int(index)] = reason
        usable &= ~mask
    nothing = np.where(usable, 0.0, math.nan)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        difference = t - c
        statistic = difference / np.sqrt(null_variance) + nothing
        normal = bool(np.isinf(nu).all())
        size = np.abs(statistic)
        p = 2 * (ndtr(-size) if normal else stdtr(nu, -size))
        q = np.full_like(t, normal_quantile(alpha / 2)) if normal else -stdtrit(nu, alpha / 2)
        log_p = np.log(p)
        varies = np.where(v_t + v_c > 0, 0.0, math.nan) + nothing
        half = q * np.sqrt(v_t + v_c) + varies
        low, high = difference - half, difference + half
        square = q * q
        w = u = v_c
        cross = v_t * v_c
        if beside is not None:
            # the variance of t - (1 + l) c is v_t + v_c + 2 l w + l² u
            spread, tilt = beside
            w, u = v_c - tilt, v_c + spread - tilt
            cross = cross + (v_t + v_c) * (spread - tilt) + tilt * (2 * v_c - tilt)
        a = c * c - square * u
        middle = difference * c + square * w
        inner = c * c * (v_t + v_c) + 2 * difference * c * w + difference * difference * u
        root = np.sqrt(np.maximum(0.0, square * (inner - square * cross)))
        bounded = np.where(a > 0, 0.0, math.nan) + varies
        relative_low, relative_high = (middle - root) / a + bounded, (middle + root) / a + bounded
        relative = np.where(c == 0, math.nan, difference / c)
    for index in np.flatnonzero(p < _SURE):
        far, of = float(size[index]), float(nu[index])
        log_p[index] = math.log(2) + float(log_ndtr(-far)) if normal else student_log_p(far, of)
    if floor:
        low, high, relative_low = np.maximum(low, -1.0), np.minimum(high, 1.0), np.maximum(relative_low, -1.0)
    return Outcomes(
        test=test,
        difference=difference,
        lower=low,
        upper=high,
        p_value=np.clip(p, SMALLEST_P, 1.0),
        log_p=np.minimum(log_p, 0.0),
        relative=relative,
        relative_lower=relative_low,
        relative_upper=relative_high,
        statistic=statistic,
        degrees_of_freedom=nu + nothing,
        why=why,
    )


def _arrays(*given: ArrayLike) -> list[Floats]:
    try:
        read = [np.atleast_1d(np.asarray(item)) for item in given]
        if any(item.dtype.kind not in "biufO" for item in read):
            raise TypeError
        arrays = [np.asarray(item, dtype=np.float64) for item in read]
    except (TypeError, ValueError, OverflowError):
        raise InvalidInput("arms", "what is no array of numbers", "numbers, one for each metric") from None
    try:
        return [np.ascontiguousarray(item) for item in np.broadcast_arrays(*arrays)]
    except ValueError:
        shapes = ", ".join(str(item.shape) for item in arrays)
        raise InvalidInput("arms", shapes, "one number for each metric in every array") from None


def _sound(mean: Floats, squares: Floats) -> NDArray[np.bool_]:
    return (np.abs(mean) <= _LARGEST) & (squares >= 0) & (squares <= _LARGEST_SQUARE)


def _possible(yy: Floats, yx: Floats, xx: Floats) -> NDArray[np.bool_]:
    """Whether a cross-moment is one that Cauchy and Schwarz allow."""
    with np.errstate(invalid="ignore"):
        return np.abs(yx) <= np.sqrt(np.maximum(yy, 0.0)) * np.sqrt(np.maximum(xx, 0.0)) * (1 + 1e-6)


def _residual(yy: Floats, yx: Floats, xx: Floats, slope: Floats) -> Floats:
    """Sum of squares of y - slope · x, 0 where it is only what rounding left."""
    residual = yy - 2 * slope * yx + slope * slope * xx
    return np.where(residual > _RESIDUAL * (yy + slope * slope * xx), residual, 0.0)
