"""Two variants compared after an adjustment, by Welch's t: ratios with covariates, anything with strata."""

from __future__ import annotations

from collections.abc import Mapping

from assay.model.metric import MetricKind
from assay.model.moments import DENOMINATOR, Moments
from assay.model.result import NoEstimate
from assay.stats.arm import EMPTY_ARM, Arm, arm_of
from assay.stats.fixed.core import compare_arms
from assay.stats.inputs import check_alpha, not_moments
from assay.stats.outcome import Alternative, Outcome, alternative_of, nothing
from assay.stats.reduction.cuped import adjusted_arm, adjustment
from assay.stats.reduction.strata import MIN_UNITS, post_stratified, totals_of

_TWO_SIDED = Alternative.TWO_SIDED


def cuped_ratio_t(
    treatment: Moments,
    control: Moments,
    *,
    alpha: float = 0.05,
    alternative: Alternative | str = _TWO_SIDED,
    null: float = 0.0,
) -> Outcome:
    """Two ratios of means adjusted by covariates known before exposure, by Welch's t.

    Each ratio R = ȳ / d̄ becomes R - θ'(x̄_a - x̄), its unit variance that of (y - R d) / d̄ - θ'x. treatment, control:
    moments with columns value, denominator and one or more whose names start with covariate; the numerator and the
    denominator of the period before are two of them. With more variants use `adjustment(…, kind=MetricKind.RATIO)`.
    Source: see `assay.stats.reduction.cuped`.
    """
    looked_for = alternative_of(alternative)
    check_alpha(alpha)
    if not (isinstance(treatment, Moments) and isinstance(control, Moments)):
        raise not_moments(treatment, control)
    for item in (treatment, control):
        plain = arm_of(MetricKind.RATIO, item)
        if isinstance(plain, NoEstimate):
            return nothing("cuped_ratio_t", plain, alternative=looked_for, null=null, level=1 - alpha)
    by = adjustment({"treatment": treatment, "control": control}, kind=MetricKind.RATIO)
    if isinstance(by, NoEstimate):
        return nothing("cuped_ratio_t", by, alternative=looked_for, null=null, level=1 - alpha)
    arms = [adjusted_arm(item, by) for item in (treatment, control)]
    found = compare_arms("cuped_ratio_t", arms[0], arms[1], alpha=alpha, alternative=looked_for, null=null)
    return found._replace(warnings=(*found.warnings, *by.warnings))


def post_stratified_t(
    treatment: Mapping[str, Moments],
    control: Mapping[str, Moments],
    *,
    alpha: float = 0.05,
    alternative: Alternative | str = _TWO_SIDED,
    null: float = 0.0,
    min_units: int = MIN_UNITS,
) -> Outcome:
    """Two shares, means or ratios post-stratified by strata known before exposure, by Welch's t.

    treatment, control: stratum → moments (`moments_by_stratum`); a ratio where they have a denominator.
    Source: Miratrix, Sekhon & Yu 2013; see `assay.stats.reduction.strata.post_stratified`.
    """
    looked_for = alternative_of(alternative)
    check_alpha(alpha)
    keys = [*treatment, *(key for key in control if key not in treatment)]
    strata = {
        key: {name: by[key] for name, by in (("treatment", treatment), ("control", control)) if key in by}
        for key in keys
    }
    is_ratio = any(DENOMINATOR in item.columns for by in (treatment, control) for item in by.values())
    kind = MetricKind.RATIO if is_ratio else MetricKind.MEAN
    found = post_stratified(strata, kind=kind, min_units=min_units)
    if isinstance(found, NoEstimate):
        return nothing("post_stratified_t", found, alternative=looked_for, null=null, level=1 - alpha)
    totals = totals_of(strata)
    arms: list[Arm | NoEstimate] = []
    for name in ("treatment", "control"):
        plain = arm_of(kind, totals[name]) if name in totals else EMPTY_ARM
        arms.append(found.arms.get(name, plain))
    outcome = compare_arms("post_stratified_t", arms[0], arms[1], alpha=alpha, alternative=looked_for, null=null)
    return outcome._replace(warnings=(*outcome.warnings, *found.warnings))
