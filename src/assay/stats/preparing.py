"""Arms adjusted with what was known before exposure, by covariates or by strata."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from assay.model.metric import Metric, MetricKind
from assay.model.moments import Moments
from assay.model.result import NoEstimate
from assay.stats.arm import Arm, has_covariate
from assay.stats.reduction.cuped import adjusted_arm, adjustment, variance_reduction


@dataclass(frozen=True, slots=True)
class Adjusted:
    """How arms were adjusted. name: cuped or stratified. reduction: of the variance, for (treatment, control)."""

    name: str
    arms: Mapping[str, Arm]
    reduction: Callable[[str, str], float]


def adjusted_arms(
    metric: Metric, moments: Mapping[str, Moments], strata: Mapping[str, Mapping[str, Moments]] | None
) -> tuple[Adjusted | None, list[str]]:
    """The adjusted arms, or None; and what to say about it. moments: of arms that have an estimate."""
    if metric.kind is MetricKind.RATIO or not all(map(has_covariate, moments.values())):
        return None, []
    by = adjustment(moments)
    if isinstance(by, NoEstimate):
        return None, [f"Variance was not reduced with the covariate (CUPED): {by.reason}."]
    arms = {variant: adjusted_arm(item, by) for variant, item in moments.items()}
    return Adjusted("cuped", arms, lambda t, c: variance_reduction(moments[t], moments[c], by)), []
