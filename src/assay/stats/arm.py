"""One variant's moments as a value with the variance of one unit's share in it, whatever the metric's kind."""

from __future__ import annotations

import math
from dataclasses import dataclass

from assay.model.metric import MetricKind
from assay.model.moments import COVARIATE, DENOMINATOR, VALUE, Moments
from assay.model.result import NoEstimate

_ROUNDING_OF_VALUES = 1e-13
"""A standard deviation below this share of the mean is rounding, not variation."""
_ROUNDING_OF_RESIDUALS = 1e-12
"""A residual sum of squares below this share of its terms is rounding, not variation."""
_LARGEST = 1e60
"""Means beyond it, or squares beyond its square, would overflow on the way."""
MOST_UNITS = 2**53
"""More units than this a float could not count one by one."""

_NEARLY_ALL = 0.999999
"""Of the way to a variance of 0."""

EMPTY_ARM = NoEstimate("empty_arm", "no unit has a value yet")
ONE_UNIT = NoEstimate("one_unit", "one unit says nothing about how much units differ; at least two are needed")
ZERO_VARIANCE = NoEstimate("zero_variance", "every unit has the same value, so chance cannot be measured")
ZERO_DENOMINATOR = NoEstimate("zero_denominator", "the denominator is 0 over all units")
BAD_MOMENTS = NoEstimate("bad_moments", "the aggregated numbers are not finite, too large, or contradict each other")


@dataclass(frozen=True, slots=True)
class Shared:
    """Chance that moves all adjusted arms together, as the mean of a covariate over all units does.

    It leaves a difference alone, so `Arm.variance` is without it; a lift, or a share of the control, it does not leave
    alone. loadings: of the arm on independent sources, each of variance 1. own: covariance with the arm's own chance.
    """

    loadings: tuple[float, ...]
    own: float = 0.0


@dataclass(frozen=True, slots=True)
class Arm:
    """n units with an estimate `value`; the variance of the estimate is `unit_variance` / n.

    unit_variance is 0 when there is only one unit: nothing is known about it then. shared: of adjusted arms.
    """

    n: int
    value: float
    unit_variance: float
    shared: Shared | None = None

    @property
    def variance(self) -> float:
        """Variance of the estimate."""
        return self.unit_variance / self.n


def beside_variance(treatment: Shared | None, control: Shared | None, v_t: float, v_c: float) -> tuple[float, float]:
    """(a, b): what arms share adds a (1 - r)² + b (1 - r²) to the variance v_t + r² v_c of t - r c.

    With an arm's estimate as its own chance e plus u · z, z standard normal, t - r c moves by e_t - r e_c and by
    (u_t - r u_c) · z. Of the latter |u_t - u_c|² belongs to the difference already and is left out. Where the parts
    were estimated apart, as with three variants or next to rounding, b is held where no r has a variance of 0 or less.
    """
    if treatment is None or control is None:
        return 0.0, 0.0
    middle = both = 0.0
    for u_t, u_c in zip(treatment.loadings, control.loadings, strict=True):
        middle += (u_t + u_c) ** 2
        both += (u_t - u_c) * (u_t + u_c)
    v = v_t + v_c
    a = max(middle / 4 + treatment.own + control.own, _NEARLY_ALL * -v / 4)
    half = _NEARLY_ALL * math.sqrt(v * (v + 4 * a)) / 2
    b = both / 2 + treatment.own - control.own
    return a, min(max(b, (v_c - v_t) / 2 - half), (v_c - v_t) / 2 + half)


def arm_of(kind: MetricKind, moments: Moments) -> Arm | NoEstimate:
    """The arm that moments of a metric of this kind describe, or why there is none."""
    if moments.n <= 0:
        return EMPTY_ARM
    if not sound(moments):
        return BAD_MOMENTS
    if kind is MetricKind.CONVERSION:
        return proportion_arm(moments)
    return ratio_arm(moments) if kind is MetricKind.RATIO else mean_arm(moments)


def proportion_arm(moments: Moments) -> Arm | NoEstimate:
    """A share of units: value p, unit variance p (1 - p)."""
    p = moments.mean(VALUE)
    if not 0 <= p <= 1:
        return NoEstimate("not_a_share", "a conversion must be 0 or 1 for every unit")
    return Arm(moments.n, p, p * (1 - p))


def mean_arm(moments: Moments) -> Arm:
    """A mean per unit, with the unbiased sample variance."""
    mean = moments.mean(VALUE)
    variance = per_unit(moments.comoment(VALUE), moments.n)
    return Arm(moments.n, mean, variance if variance > (_ROUNDING_OF_VALUES * mean) ** 2 else 0.0)


def ratio_arm(moments: Moments) -> Arm | NoEstimate:
    """A ratio of means R = ȳ / d̄ by the delta method: unit variance (s_yy - 2 R s_yd + R² s_dd) / d̄².

    Source: the first-order expansion of a ratio; Deng, Knoblich & Lu 2018, "Applying the Delta Method in Metric
    Analytics", section 3.
    """
    below = moments.mean(DENOMINATOR)
    if abs(below) <= 1 / _LARGEST:
        return ZERO_DENOMINATOR
    ratio = moments.mean(VALUE) / below
    yy, yd, dd = moments.comoment(VALUE), moments.comoment(VALUE, DENOMINATOR), moments.comoment(DENOMINATOR)
    variance = per_unit(residual_squares(yy, yd, dd, ratio), moments.n) / (below * below)
    if not (abs(ratio) <= _LARGEST and variance <= _LARGEST**2):
        return BAD_MOMENTS
    return Arm(moments.n, ratio, variance)


def has_covariate(moments: Moments) -> bool:
    """Whether a covariate was aggregated with the value."""
    return COVARIATE in moments.columns


def residual_squares(yy: float, yx: float, xx: float, slope: float) -> float:
    """Sum of squares of y - slope · x, 0 where it is only what rounding left."""
    residual = yy - 2 * slope * yx + slope * slope * xx
    return residual if residual > _ROUNDING_OF_RESIDUALS * (yy + slope * slope * xx) else 0.0


def per_unit(comoment: float, n: int) -> float:
    """Unbiased variance from a sum of squares; 0 below two units."""
    return comoment / (n - 1) if n > 1 else 0.0


def sound(moments: Moments) -> bool:
    """Finite, no negative sum of squares, and no cross-moment beyond what Cauchy and Schwarz allow."""
    if not 0 <= moments.n <= MOST_UNITS:
        return False
    if not all(abs(mean) <= _LARGEST for mean in moments.means):
        return False
    if not all(abs(square) <= _LARGEST**2 for square in moments.comoments):
        return False
    names = moments.columns
    squares = {name: moments.comoment(name) for name in names}
    if min(squares.values()) < 0:
        return False
    pairs = [(a, b) for i, a in enumerate(names) for b in names[i + 1 :]]
    return all(
        abs(moments.comoment(a, b)) <= math.sqrt(squares[a]) * math.sqrt(squares[b]) * (1 + 1e-6) for a, b in pairs
    )
