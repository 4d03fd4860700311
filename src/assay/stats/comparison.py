"""One metric's arms prepared, and one treatment compared with the control."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from assay.model.metric import Direction, Metric, MetricKind
from assay.model.moments import Moments
from assay.model.result import Comparison, NoEstimate, Validity
from assay.stats.arm import ONE_UNIT, Arm, arm_of, has_covariate
from assay.stats.cautions import cautions
from assay.stats.contrast import (
    Contrast,
    fixed_means,
    fixed_proportions,
    sequential_means,
    sequential_proportions,
)
from assay.stats.estimate import Estimates, anytime_rule, estimate, fixed_rule
from assay.stats.reduction.cuped import Adjustment, adjusted_arm, adjustment, variance_reduction

_FIXED_TESTS = {"share": "two_proportion_z", "mean": "welch_t", "ratio": "ratio_delta_t", "cuped": "cuped_welch_t"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """A metric with its arms. by: the CUPED adjustment, if there is one."""

    metric: Metric
    moments: Mapping[str, Moments]
    arms: Mapping[str, Arm | NoEstimate]
    by: Adjustment | None
    warnings: tuple[str, ...]

    @property
    def shape(self) -> str:
        """What is compared: share, mean, ratio, or a mean adjusted by CUPED."""
        if self.by is not None:
            return "cuped"
        return {MetricKind.CONVERSION: "share", MetricKind.RATIO: "ratio"}.get(self.metric.kind, "mean")


def measure(metric: Metric, moments: Mapping[str, Moments], validity: Validity) -> Measured:
    """The arms of a metric, its covariate adjustment, and what to beware of."""
    arms = {variant: arm_of(metric.kind, item) for variant, item in moments.items()}
    usable = {variant: item for variant, item in moments.items() if isinstance(arms[variant], Arm)}
    warnings = cautions(metric, usable, validity)
    by: Adjustment | NoEstimate | None = None
    if usable and metric.kind is not MetricKind.RATIO and all(map(has_covariate, usable.values())):
        by = adjustment(usable)
    if isinstance(by, NoEstimate):
        warnings.append(f"Variance was not reduced with the covariate (CUPED): {by.reason}.")
        by = None
    return Measured(metric=metric, moments=moments, arms=arms, by=by, warnings=tuple(warnings))


def compare(
    item: Measured, variant: str, control: str, validity: Validity, rho_squared: float, alpha: float
) -> Estimates | NoEstimate:
    """One treatment against the control, with intervals at level 1 - alpha. rho_squared: of the sequences."""
    pair = _pair(item, variant, control)
    if isinstance(pair, NoEstimate):
        return pair
    if validity is Validity.ANYTIME:
        contrast = _sequential(item, *pair)
        return estimate(contrast, anytime_rule(contrast, rho_squared), alpha)
    contrast = _fixed(item, *pair)
    return estimate(contrast, fixed_rule(contrast), alpha)


def _pair(item: Measured, variant: str, control: str) -> tuple[Arm, Arm] | NoEstimate:
    treatment, base = item.arms[variant], item.arms[control]
    if isinstance(treatment, NoEstimate):
        return treatment
    if isinstance(base, NoEstimate):
        return base
    if min(treatment.n, base.n) < 2:
        return ONE_UNIT
    if item.by is not None:
        return adjusted_arm(item.moments[variant], item.by), adjusted_arm(item.moments[control], item.by)
    return treatment, base


def _fixed(item: Measured, treatment: Arm, control: Arm) -> Contrast:
    if item.shape == "share":
        return fixed_proportions(treatment, control)
    return fixed_means(treatment, control, floor=_floor(item.metric))


def _sequential(item: Measured, treatment: Arm, control: Arm) -> Contrast:
    if item.shape == "share":
        return sequential_proportions(treatment, control)
    return sequential_means(treatment, control, floor=_floor(item.metric))


def _floor(metric: Metric) -> float | None:
    """The least value a unit can have, where the kind says so."""
    return 0.0 if metric.kind in (MetricKind.CONVERSION, MetricKind.COUNT) else None


def comparison(
    item: Measured,
    variant: str,
    control: str,
    found: Estimates | NoEstimate,
    adjusted: float | None,
    alpha: float,
    validity: Validity,
) -> Comparison:
    """Estimates as a comparison. adjusted: the p-value after correction, None when there is no p-value."""
    test = _FIXED_TESTS[item.shape] if validity is Validity.FIXED else f"{item.shape}_mixture_sequence"
    if isinstance(found, NoEstimate):
        return _without(found, variant, control, test, validity)
    significant = adjusted is not None and adjusted < alpha
    risen = found.absolute > 0
    good = risen is (item.metric.direction is Direction.INCREASE)
    finite = not math.isinf(found.degrees_of_freedom)
    return Comparison(
        variant=variant,
        control=control,
        absolute=found.absolute,
        absolute_interval=found.absolute_interval,
        relative=found.relative,
        relative_interval=found.relative_interval,
        p_value=found.p_value,
        p_value_adjusted=found.p_value if adjusted is None else adjusted,
        significant=significant,
        better=good if significant else None,
        test=test,
        validity=validity,
        statistic=found.statistic,
        degrees_of_freedom=found.degrees_of_freedom if finite else None,
        variance_reduction=_reduction(item, variant, control),
    )


def _without(why: NoEstimate, variant: str, control: str, test: str, validity: Validity) -> Comparison:
    return Comparison(
        variant=variant,
        control=control,
        absolute=why,
        absolute_interval=why,
        relative=why,
        relative_interval=why,
        p_value=why,
        p_value_adjusted=why,
        significant=False,
        better=None,
        test=test,
        validity=validity,
    )


def _reduction(item: Measured, variant: str, control: str) -> float | None:
    if item.by is None:
        return None
    return variance_reduction(item.moments[variant], item.moments[control], item.by)
