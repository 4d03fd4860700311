"""CUPED: variance removed with what was known before the start (Deng, Xu, Kohavi & Walker 2013).

One coefficient θ = Σ_a C_yx / Σ_a C_xx from the comoments within the arms a, pooled over all of them, and one
covariate mean x̄ over all units. The adjusted value of a unit is y - θ (x - x̄). With a coefficient or a mean of its
own in each arm the estimate would not move while its standard error shrinks: false alarms.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from assay.model.moments import COVARIATE, VALUE, Moments
from assay.model.result import NoEstimate
from assay.stats.arm import Arm, per_unit, residual_squares

NO_VARIANCE = NoEstimate("constant_covariate", "the covariate has the same value for every unit")


@dataclass(frozen=True, slots=True)
class Adjustment:
    """θ in value units per covariate unit, and the covariate's mean over all units of all variants."""

    theta: float
    covariate_mean: float


def adjustment(moments: Mapping[str, Moments]) -> Adjustment | NoEstimate:
    """The one adjustment for all variants. moments: variant key → moments with value and covariate."""
    arms = [item for item in moments.values() if item.n > 0]
    within = math.fsum(item.comoment(COVARIATE) for item in arms)
    n_units = sum(item.n for item in arms)
    mean = math.fsum(item.n * item.mean(COVARIATE) for item in arms) / n_units if n_units else 0.0
    if within <= n_units * (1e-13 * mean) ** 2:
        return NO_VARIANCE
    return Adjustment(math.fsum(item.comoment(VALUE, COVARIATE) for item in arms) / within, mean)


def adjusted_arm(moments: Moments, by: Adjustment) -> Arm:
    """The arm of the adjusted values."""
    squares = residual_squares(
        moments.comoment(VALUE), moments.comoment(VALUE, COVARIATE), moments.comoment(COVARIATE), by.theta
    )
    value = moments.mean(VALUE) - by.theta * (moments.mean(COVARIATE) - by.covariate_mean)
    return Arm(moments.n, value, per_unit(squares, moments.n))


def variance_reduction(treatment: Moments, control: Moments, by: Adjustment) -> float:
    """Share of the variance of the difference that the adjustment removes; 0.3 = 30 %. 0 if there is none."""
    after = adjusted_arm(treatment, by).variance + adjusted_arm(control, by).variance
    before = sum(per_unit(item.comoment(VALUE), item.n) / item.n for item in (treatment, control))
    return 1 - after / before if before > 0 else 0.0
