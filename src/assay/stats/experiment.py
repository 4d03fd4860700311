"""Every metric of an experiment: arms, comparisons with the control, correction within families."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from assay.errors import InvalidInput
from assay.model.metric import Metric, MetricKind
from assay.model.moments import DENOMINATOR, VALUE, Moments
from assay.model.plan import Method, Plan
from assay.model.result import ArmEstimate, MetricResult, Posterior, Validity
from assay.model.valuecounts import ValueCounts
from assay.stats.answer import comparison, is_harmful
from assay.stats.armview import arm_estimate, quantile_arm
from assay.stats.comparison import Measured, Tuning, compare, measure
from assay.stats.family import Family
from assay.stats.looking import Looks
from assay.stats.outcome import Outcome
from assay.stats.registry import NamedTest
from assay.stats.sequential.mixture import tuned_rho_squared


@dataclass(frozen=True, slots=True, kw_only=True)
class _Setting:
    """What all metrics of one analysis share."""

    control: str
    plan: Plan
    validity: Validity
    tuning: Tuning
    looks: Looks | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """What some tests need beside moments.

    value_counts: metric key → variant → exact value counts. strata: metric key → stratum → variant → moments.
    installed: tests that are installed beside Assay, by name. looks: where a group sequential plan stands.
    """

    value_counts: Mapping[str, Mapping[str, ValueCounts]] = field(default_factory=dict)
    strata: Mapping[str, Mapping[str, Mapping[str, Moments]]] = field(default_factory=dict)
    installed: Mapping[str, NamedTest] = field(default_factory=dict)
    looks: Looks | None = None


NOTHING_BESIDE = Beside()


def analyse_metrics(
    metrics: Sequence[Metric],
    moments: Mapping[str, Mapping[str, Moments]],
    *,
    control: str,
    plan: Plan,
    validity: Validity,
    tuning_units: int,
    data: Beside = NOTHING_BESIDE,
) -> tuple[tuple[MetricResult, ...], dict[str, str]]:
    """Results of all metrics, and for those that failed wholly the reason.

    moments: metric key → variant key → moments; covariate columns mean CUPED. tuning_units: units of two arms at
    which sequences are tightest. data: what some tests need beside moments. All comparisons of one role's metrics are
    one family: p-values are adjusted within it, and its intervals are given the error that `interval_alpha` says. Arms
    show unadjusted values at level 1 - plan.alpha; comparisons are of adjusted values where CUPED was used.
    """
    setting = _Setting(
        control=control,
        plan=plan,
        validity=validity,
        tuning=Tuning(tuning_units, tuned_rho_squared(tuning_units, plan.alpha)),
        looks=data.looks,
    )
    measured: list[Measured] = []
    failures: dict[str, str] = {}
    for metric in metrics:
        given = moments.get(metric.key)
        reason = _unusable(metric, given, control)
        if given is None or reason:
            failures[metric.key] = reason
            continue
        try:
            measured.append(
                measure(
                    metric,
                    given,
                    validity,
                    strata=data.strata.get(metric.key),
                    value_counts=data.value_counts.get(metric.key),
                    installed=data.installed,
                )
            )
        except InvalidInput as error:
            failures[metric.key] = str(error)
    family = Family(measured, control, plan, one_look=validity is Validity.FIXED and data.looks is None)
    outcomes = [_outcomes(item, family, setting) for item in measured]
    adjusted = family.adjusted(outcomes)
    results = [_result(item, outcomes[i], adjusted[i], family, setting) for i, item in enumerate(measured)]
    return tuple(results), failures


def _unusable(metric: Metric, moments: Mapping[str, Moments] | None, control: str) -> str:
    """Why a metric cannot be analysed at all; empty when it can."""
    if not moments:
        return "there are no aggregated numbers for this metric"
    if control not in moments:
        return f"there are no aggregated numbers for the control '{control}'"
    if len(moments) < 2:
        return "there is no variant to compare with the control"
    needed = {VALUE, DENOMINATOR} if metric.kind is MetricKind.RATIO else {VALUE}
    columns = {item.columns for item in moments.values()}
    if len(columns) != 1 or not needed <= set(next(iter(columns))):
        return f"the aggregated numbers do not have the columns of a {metric.kind.value} metric"
    return ""


def _outcomes(item: Measured, family: Family, setting: _Setting) -> dict[str, Outcome]:
    """Treatment → outcomes, with intervals at the family's level."""
    return {
        variant: compare(
            item,
            variant,
            setting.control,
            setting.validity,
            setting.tuning,
            family.interval_alpha(item, variant),
            setting.looks,
        )
        for variant in item.moments
        if variant != setting.control
    }


def _posteriors(item: Measured, setting: _Setting) -> dict[str, Posterior]:
    # Imported here because only Bayesian plans need it.
    from assay.stats.believing import posteriors

    return posteriors(item, setting.control, setting.plan)


def _arm(item: Measured, variant: str, setting: _Setting) -> ArmEstimate:
    metric, alpha = item.metric, setting.plan.alpha
    if metric.kind is MetricKind.QUANTILE:
        return quantile_arm(
            variant,
            item.value_counts.get(variant),
            metric.quantile or 0.5,
            validity=setting.validity,
            alpha=alpha,
            tuning_units=setting.tuning.units,
        )
    return arm_estimate(
        variant,
        item.moments[variant].n,
        item.arms[variant],
        kind=metric.kind,
        validity=setting.validity,
        alpha=alpha,
        rho_squared=setting.tuning.rho_squared,
    )


def _result(
    item: Measured,
    outcomes: Mapping[str, Outcome],
    adjusted: Mapping[str, float],
    family: Family,
    setting: _Setting,
) -> MetricResult:
    metric, plan = item.metric, setting.plan
    arms = tuple(_arm(item, variant, setting) for variant in item.arms)
    believed = _posteriors(item, setting) if plan.method is Method.BAYESIAN else {}
    comparisons = tuple(
        comparison(
            item,
            variant,
            setting.control,
            found,
            adjusted.get(variant),
            plan.alpha,
            harmful=is_harmful(
                item, variant, setting.control, found, setting.tuning, family.interval_alpha(item, variant)
            ),
            posterior=believed.get(variant),
        )
        for variant, found in outcomes.items()
    )
    return MetricResult(
        metric=metric.key,
        title=metric.title,
        kind=metric.kind,
        role=metric.role,
        direction=metric.direction,
        arms=arms,
        comparisons=comparisons,
        correction=family.correction(item),
        family_size=family.sizes[metric.role],
        warnings=item.warnings,
        threshold=metric.threshold,
    )
