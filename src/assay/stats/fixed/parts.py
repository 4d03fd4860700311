"""Arms as plain numbers, for tests that run thousands of times: units, estimate, variance of one unit's share in it.

The same numbers as `assay.stats.arm` gives, without an object per arm; anything unusual is left to it.
"""

from __future__ import annotations

from assay.model.moments import COVARIATE, DENOMINATOR, VALUE, Moments
from assay.model.result import NoEstimate
from assay.stats.arm import BAD_MOMENTS, EMPTY_ARM, MOST_UNITS, ONE_UNIT, beside_variance, mean_arm, ratio_arm, sound
from assay.stats.reduction.cuped import adjusted_arm, adjustment

Parts = tuple[int, float, float]
"""(n, value, unit variance)."""

_LARGEST, _LARGEST_SQUARE = 1e60, 1e120
_ROUNDING_SQUARED = 1e-26
_RESIDUAL = 1e-12
_MEAN, _RATIO, _ADJUSTED = (VALUE,), (VALUE, DENOMINATOR), (VALUE, COVARIATE)


def mean_parts(moments: Moments) -> Parts | NoEstimate:
    """A mean per unit."""
    n = moments.n
    if not 0 < n <= MOST_UNITS:
        return EMPTY_ARM if n <= 0 else BAD_MOMENTS
    mean, squares = moments.means[0], moments.comoments[0]
    if moments.columns != _MEAN:
        if not sound(moments):
            return BAD_MOMENTS
        arm = mean_arm(moments)
        return arm.n, arm.value, arm.unit_variance
    if not (-_LARGEST <= mean <= _LARGEST and 0 <= squares <= _LARGEST_SQUARE):
        return BAD_MOMENTS
    variance = squares / (n - 1) if n > 1 else 0.0
    return n, mean, variance if variance > _ROUNDING_SQUARED * mean * mean else 0.0


def ratio_parts(moments: Moments) -> Parts | NoEstimate:
    """A ratio of means by the delta method."""
    n = moments.n
    if n <= 0:
        return EMPTY_ARM
    if moments.columns == _RATIO:
        above, below = moments.means
        yy, yd, dd = moments.comoments
        if n > 1 and abs(below) > 1e-6 and _ordinary(above, below, yy, yd, dd):
            ratio = above / below
            residual = yy - 2 * ratio * yd + ratio * ratio * dd
            if residual > _RESIDUAL * (yy + ratio * ratio * dd):
                return n, ratio, residual / ((n - 1) * below * below)
    if not sound(moments):
        return BAD_MOMENTS
    arm = ratio_arm(moments)
    return arm if isinstance(arm, NoEstimate) else (arm.n, arm.value, arm.unit_variance)


def cuped_parts(treatment: Moments, control: Moments) -> tuple[Parts, Parts, tuple[float, float]] | NoEstimate:
    """Two means adjusted with one coefficient and one covariate mean over both arms, and their `beside_variance`."""
    n_t, n_c = treatment.n, control.n
    if n_t <= 0 or n_c <= 0:
        return EMPTY_ARM
    if n_t < 2 or n_c < 2:
        return ONE_UNIT
    if treatment.columns == control.columns == _ADJUSTED:
        (y_t, x_t), (y_c, x_c) = treatment.means, control.means
        (yy_t, yx_t, xx_t), (yy_c, yx_c, xx_c) = treatment.comoments, control.comoments
        xx = xx_t + xx_c
        if _ordinary(y_t, x_t, yy_t, yx_t, xx_t) and _ordinary(y_c, x_c, yy_c, yx_c, xx_c):
            theta = (yx_t + yx_c) / xx
            middle = (n_t * x_t + n_c * x_c) / (n_t + n_c)
            square = theta * theta
            left_t = yy_t - 2 * theta * yx_t + square * xx_t
            left_c = yy_c - 2 * theta * yx_c + square * xx_c
            if left_t > _RESIDUAL * (yy_t + square * xx_t) and left_c > _RESIDUAL * (yy_c + square * xx_c):
                n = n_t + n_c
                own = theta * (yx_t - theta * xx_t) / n
                own_t, own_c = own / (n_t - 1), -own / (n_c - 1)
                moved = n_t / (n_t - 1) * xx_t + n_c / (n_c - 1) * xx_c
                return (
                    (n_t, y_t - theta * (x_t - middle), left_t / (n_t - 1)),
                    (n_c, y_c - theta * (x_c - middle), left_c / (n_c - 1)),
                    (square * moved / (n * n) + own_t + own_c, own_t - own_c),
                )
    if not (sound(treatment) and sound(control)):
        return BAD_MOMENTS
    by = adjustment({"treatment": treatment, "control": control})
    if isinstance(by, NoEstimate):
        return by
    t, c = adjusted_arm(treatment, by), adjusted_arm(control, by)
    parts = (t.n, t.value, t.unit_variance), (c.n, c.value, c.unit_variance)
    return *parts, beside_variance(t.shared, c.shared, t.variance, c.variance)


def _ordinary(a: float, b: float, aa: float, ab: float, bb: float) -> bool:
    """Numbers of everyday size that vary: nothing can overflow, cancel or contradict."""
    return -1e9 < a < 1e9 and -1e9 < b < 1e9 and 1e-12 < aa < 1e18 and 1e-12 < bb < 1e18 and ab * ab < aa * bb
