"""Two arms side by side: the variances under which a difference and a lift are judged.

A contrast lists one or several variances; the test uses the largest, so intervals are unions. For a look fixed in
advance that is the usual one. For sequences it must hold up from the first units on, where an arm may have no
conversion at all or happen to be constant: there the variance pooled over both arms stands beside the arms' own.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from assay.stats.arm import Arm, beside_variance
from assay.stats.fieller import Quadratic


@dataclass(frozen=True, slots=True, kw_only=True)
class Contrast:
    """What a test needs to know of a treatment and a control.

    null_variance: of the difference when there is none, for the p-value. absolute: variances of the difference at
    a hypothesised difference. relative: variances of treatment - r · control at a hypothesised ratio r.
    degrees_of_freedom: of the variance, infinite where it follows from the means. floor, ceiling: the values a
    mean can take, where known.
    """

    treatment: float
    control: float
    n_units: int
    null_variance: float
    absolute: tuple[Quadratic, ...]
    relative: tuple[Quadratic, ...]
    degrees_of_freedom: float = math.inf
    floor: float | None = None
    ceiling: float | None = None


def sequential_proportions(treatment: Arm, control: Arm) -> Contrast:
    """Two shares at every look: the larger of two variances, neither of them zero when no unit converts.

    Plain: each arm's p (1 - p) / n with one conversion and one non-conversion added, so that an arm without any
    does not look certain. Constrained: both shares estimated from all units under the hypothesis, so that a small
    arm is not judged by its own few conversions (for the difference Wallenstein 1997; for a ratio r the pooled
    variance times r, exact for rare conversions; both are the pooled variance under "no difference").
    """
    t, c = treatment, control
    n_units, shares = t.n + c.n, (t.n / (t.n + c.n), c.n / (t.n + c.n))
    pooled = t.value * shares[0] + c.value * shares[1]
    plain_t, plain_c = _cautious_variance(t), _cautious_variance(c)
    tilt = (1 - 2 * pooled) * (shares[1] / t.n - shares[0] / c.n)
    bend = -(shares[1] ** 2 / t.n + shares[0] ** 2 / c.n)
    pooled_variance = _pooled_share_variance(t, c)
    return Contrast(
        treatment=t.value,
        control=c.value,
        n_units=n_units,
        null_variance=max(plain_t + plain_c, pooled_variance),
        absolute=((plain_t + plain_c, 0.0, 0.0), (pooled_variance, tilt, bend)),
        relative=((plain_t, 0.0, plain_c), (0.0, pooled_variance, 0.0)),
        floor=0.0,
        ceiling=1.0,
    )


def sequential_means(treatment: Arm, control: Arm, *, floor: float | None = None) -> Contrast:
    """Two means at every look: Welch's variance or the pooled one, whichever is larger.

    With arms of one size they are the same; with uneven arms the pooled one keeps a small arm, whose few units
    happen to agree, from looking certain.
    """
    t, c = treatment, control
    pooled = ((t.n - 1) * t.unit_variance + (c.n - 1) * c.unit_variance) / (t.n + c.n - 2)
    welch, equal = (t.variance, c.variance), (pooled / t.n, pooled / c.n)
    spread, tilt = beside_variance(t.shared, c.shared, t.variance, c.variance)
    # spread (1 - r)² + tilt (1 - r²)
    beside = spread + tilt, -2 * spread, spread - tilt
    return Contrast(
        treatment=t.value,
        control=c.value,
        n_units=t.n + c.n,
        null_variance=max(sum(welch), sum(equal)),
        absolute=((sum(welch), 0.0, 0.0), (sum(equal), 0.0, 0.0)),
        relative=tuple((v_t + beside[0], beside[1], v_c + beside[2]) for v_t, v_c in (welch, equal)),
        degrees_of_freedom=satterthwaite(t, c),
        floor=floor,
    )


def satterthwaite(treatment: Arm, control: Arm) -> float:
    """Degrees of freedom of a sum of two estimated variances; at least the smaller arm's n - 1."""
    v_t, v_c = treatment.variance, control.variance
    total = v_t + v_c
    if total <= 0:
        return float(treatment.n + control.n - 2)
    return 1 / ((v_t / total) ** 2 / (treatment.n - 1) + (v_c / total) ** 2 / (control.n - 1))


def _pooled_share_variance(treatment: Arm, control: Arm) -> float:
    n_units = treatment.n + control.n
    pooled = (treatment.n * treatment.value + control.n * control.value) / n_units
    return pooled * (1 - pooled) * (1 / treatment.n + 1 / control.n)


def _cautious_variance(arm: Arm) -> float:
    share = (arm.n * arm.value + 1) / (arm.n + 2)
    return share * (1 - share) / arm.n
