"""CUPED: variance removed with what was known before the start (Deng, Xu, Kohavi & Walker 2013).

One coefficient vector θ = (Σ_a S_xx,a)⁻¹ Σ_a S_xy,a from the comoments within the arms a, pooled over all of them, and
one vector of covariate means x̄ over all units. The adjusted value of a unit is y - θ'(x - x̄). With a coefficient or a
mean of its own in each arm the estimate would not move while its standard error shrinks: false alarms.

A ratio of means R_a = ȳ_a / d̄_a is linearised first: z = R_a + (y - R_a d) / d̄_a takes the place of y, so that the
ratio becomes R_a - θ'(x̄_a - x̄) and its variance that of z - θ'x over n_a. The numerator and the denominator of the
period before are two covariates: the best linear combination of both is at least as good as the linearised ratio of
that period (Deng et al. 2013, appendix B; Jin & Ba 2023, "Toward Optimal Variance Reduction in Online Controlled
Experiments"; Budylin, Drutsa, Katsev & Tsoy 2018).

x̄ is known no better than its units allow. A difference of two variants does not notice, a lift does: `Arm.shared` has
the variance of θ'x̄, and its covariance with the arm's y - θ'x where variants respond differently to the covariate.

Covariates must be known before exposure; see `assay.stats.reduction.timing`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from assay.errors import InvalidInput
from assay.model.metric import MetricKind
from assay.model.moments import DENOMINATOR, VALUE, Moments
from assay.model.result import NoEstimate
from assay.stats.arm import Arm, Shared, arm_of, per_unit, ratio_arm, sound
from assay.stats.reduction.linear import (
    NO_COVARIATE,
    NO_VARIANCE,
    Coefficients,
    common_covariates,
    linear,
    pooled_coefficients,
    residuals,
    with_means,
)

__all__ = ["NO_COVARIATE", "NO_VARIANCE", "Adjustment", "adjusted_arm", "adjustment", "variance_reduction"]


@dataclass(frozen=True, slots=True)
class Adjustment:
    """columns: the covariates used. thetas: in value units per covariate unit. means: over all units of all variants.

    factor: by which residual variances are multiplied for the degrees of freedom that two or more covariates cost;
    1 with one covariate. is_ratio: value / denominator is adjusted, not the value. warnings: what was left out, why.
    units: of all variants; means_variance: of θ'x̄, which all variants share.
    """

    columns: tuple[str, ...]
    thetas: tuple[float, ...]
    means: tuple[float, ...]
    factor: float = 1.0
    is_ratio: bool = False
    warnings: tuple[str, ...] = ()
    units: int = 0
    means_variance: float = 0.0

    @property
    def theta(self) -> float:
        """The first covariate's coefficient."""
        return self.thetas[0]

    @property
    def covariate_mean(self) -> float:
        """The first covariate's mean over all units of all variants."""
        return self.means[0]


def adjustment(moments: Mapping[str, Moments], *, kind: MetricKind | str = MetricKind.MEAN) -> Adjustment | NoEstimate:
    """The one adjustment for all variants, with all columns whose names start with "covariate".

    moments: variant key → moments. kind: ratio linearises value / denominator; all others take the value's mean.
    Covariates that are constant within the variants, or that those before them explain to all but a millionth of their
    variance, are left out and named in `warnings`. Variants without units, or without an estimate, take no part.

    With k ≥ 2 covariates variances are multiplied by f / (f - k) · (f - 1) / (f - k - 1), f = units - variants
    (see `pooled_coefficients`). With one the published formula stands, which is liberal for few units: of A/A tests at
    5 % on normal values 5.9 % are significant with 10 units a variant, 5.6 % with 20, 5.3 % with 100; below 60 degrees
    of freedom a warning says so. (Five covariates without the factor: 14.9 %, 9.0 %, 5.4 %; with it 5 %.)
    Raises InvalidInput when the variants have different covariates.
    """
    arms = [item for item in moments.values() if item.n > 0 and sound(item)]
    is_ratio = _kind(kind) is MetricKind.RATIO
    if is_ratio:
        arms = [item for item in arms if isinstance(ratio_arm(item), Arm)]
    names = common_covariates(arms)
    found = pooled_coefficients([linear(item, names, _around(item, is_ratio)) for item in arms], names)
    if isinstance(found, NoEstimate):
        return NO_COVARIATE if arms and not names else found
    return Adjustment(
        tuple(names[i] for i in found.kept),
        tuple(found.theta.tolist()),
        tuple(found.means.tolist()),
        found.factor,
        is_ratio,
        found.warnings,
        found.units,
        found.means_variance,
    )


def adjusted_arm(moments: Moments, by: Adjustment) -> Arm:
    """The arm of the adjusted values; a ratio's arm when the adjustment is a ratio's (see `assay.stats.arm.arm_of`).

    Moments must have an estimate of their own: units, and for a ratio a denominator other than 0.
    """
    group = linear(moments, by.columns, _around(moments, by.is_ratio))
    every, theta, means = tuple(range(len(by.columns))), np.array(by.thetas), np.array(by.means)
    found = Coefficients(every, theta, means, by.factor, (), by.units, by.means_variance)
    value, squares = residuals(group, found)
    shared = Shared((math.sqrt(by.means_variance),), with_means(group, found)) if by.units else None
    return Arm(moments.n, value, per_unit(squares, moments.n), shared)


def variance_reduction(treatment: Moments, control: Moments, by: Adjustment) -> float:
    """Share of the variance of the difference that the adjustment removes; 0.3 = 30 %. 0 if there is none.

    Below 0 when several covariates explain less than the degrees of freedom they cost.
    """
    kind = MetricKind.RATIO if by.is_ratio else MetricKind.MEAN
    plain = [arm_of(kind, item) for item in (treatment, control)]
    before = math.fsum(arm.variance for arm in plain if isinstance(arm, Arm))
    after = adjusted_arm(treatment, by).variance + adjusted_arm(control, by).variance
    return 1 - after / before if before > 0 else 0.0


def _around(moments: Moments, is_ratio: bool) -> tuple[float, float] | None:
    """(R, d̄) of an arm's own."""
    if not is_ratio:
        return None
    below = moments.mean(DENOMINATOR)
    return moments.mean(VALUE) / below, below


def _kind(given: MetricKind | str) -> MetricKind:
    try:
        return MetricKind(given)
    except ValueError:
        raise InvalidInput("kind", given, ", ".join(MetricKind)) from None
