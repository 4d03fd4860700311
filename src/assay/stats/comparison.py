"""One metric's arms prepared, and one treatment compared with the control."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from assay.errors import InvalidInput
from assay.model.metric import Direction, Hypothesis, Metric, MetricKind
from assay.model.moments import Moments
from assay.model.result import NoEstimate, Validity
from assay.model.valuecounts import ValueCounts
from assay.stats.arm import EMPTY_ARM, ONE_UNIT, Arm, arm_of
from assay.stats.cautions import cautions
from assay.stats.contrast import Contrast, sequential_means, sequential_proportions
from assay.stats.fixed.core import compare_arms, two_proportion_z
from assay.stats.fixed.margins import NEGATIVE_CONTROL, margin_test, sides_of
from assay.stats.looking import Looks, at_look
from assay.stats.outcome import Alternative, Outcome, nothing
from assay.stats.reduction.linear import covariate_names
from assay.stats.reduction.reduced import reduced_arms
from assay.stats.reduction.report import Reduced
from assay.stats.reduction.timing import CovariateAlarm, covariate_affected
from assay.stats.registry import NamedTest, Needs, chosen_test
from assay.stats.sequential.margins import watched_contrast

_SHAPES = {MetricKind.CONVERSION: "share", MetricKind.RATIO: "ratio", MetricKind.QUANTILE: "quantile"}
_FIXED_NAMES = {"share": "two_proportion_z", "mean": "welch_t", "ratio": "ratio_delta_t"}
ONLY_AT_THE_END = NoEstimate(
    "only_at_the_end", "this test is of one look at the planned end and says nothing while data come in"
)
NO_COUNTS = NoEstimate("no_value_counts", "the exact value counts that this test needs were not aggregated")


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """A metric with its arms. by: how they were adjusted, if they were; test: of one look."""

    metric: Metric
    moments: Mapping[str, Moments]
    arms: Mapping[str, Arm | NoEstimate]
    test: NamedTest
    by: Reduced | None = None
    value_counts: Mapping[str, ValueCounts] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    @property
    def shape(self) -> str:
        """What is compared: share, mean, ratio or quantile; with `cuped_` or `stratified_` before it when adjusted."""
        plain = _SHAPES.get(self.metric.kind, "mean")
        return plain if self.by is None else f"{self.by.name}_{plain}"


@dataclass(frozen=True, slots=True)
class Tuning:
    """Where sequences are tightest: after `units` of two arms; rho_squared: the mixture's ρ² per unit for that."""

    units: int
    rho_squared: float


def measure(
    metric: Metric,
    moments: Mapping[str, Moments],
    validity: Validity,
    *,
    strata: Mapping[str, Mapping[str, Moments]] | None = None,
    value_counts: Mapping[str, ValueCounts] | None = None,
    installed: Mapping[str, NamedTest] | None = None,
) -> Measured:
    """The arms of a metric, their adjustment, and what to beware of. Raises InvalidInput for an unknown test."""
    test = chosen_test(metric, installed or {})
    arms = {variant: arm_of(metric.kind, item) for variant, item in moments.items()}
    usable = {variant: item for variant, item in moments.items() if isinstance(arms[variant], Arm)}
    warnings = cautions(metric, usable, validity)
    by: Reduced | None = None
    if usable and metric.kind is not MetricKind.QUANTILE and (strata or any(map(covariate_names, usable.values()))):
        found = reduced_arms(metric.kind, usable, strata)
        if isinstance(found, Reduced):
            by = found
            warnings += found.warnings
        else:
            how = "the strata" if strata else "the covariate (CUPED)"
            warnings.append(f"Variance was not reduced with {how}: {found.reason}.")
        alarm = covariate_affected(usable) if len(usable) > 1 else None
        if isinstance(alarm, CovariateAlarm) and alarm.affected and alarm.warning:
            warnings.append(alarm.warning)
    raw_quantile = strata is not None and metric.kind is MetricKind.QUANTILE
    if raw_quantile or (by is not None and not test.is_default):
        warnings.append(f"The covariates or strata were not used: {test.title} compares the values as they are.")
        by = None
    return Measured(
        metric=metric,
        moments=moments,
        arms=arms,
        test=test,
        by=by,
        value_counts=value_counts or {},
        warnings=tuple(warnings),
    )


def compare(
    item: Measured,
    variant: str,
    control: str,
    validity: Validity,
    tuning: Tuning,
    alpha: float,
    looks: Looks | None = None,
) -> Outcome:
    """One treatment against the control, with intervals at level 1 - alpha.

    tuning: of the sequences. looks: of a group sequential plan; then the test is one of those looks.
    """
    if looks is not None:
        return at_look(lambda share: _fixed(item, variant, control, share), looks, alpha)
    if validity is Validity.ANYTIME:
        return _anytime(item, variant, control, tuning, alpha)
    return _fixed(item, variant, control, alpha)


def alternative_of(metric: Metric) -> Alternative:
    """The side a metric without a margin looks for."""
    if not metric.one_sided:
        return Alternative.TWO_SIDED
    return Alternative.GREATER if metric.direction is Direction.INCREASE else Alternative.LESS


def _pair(item: Measured, variant: str, control: str) -> tuple[Arm, Arm] | NoEstimate:
    arms = item.arms if item.by is None else {**item.arms, **item.by.arms}
    treatment, base = arms[variant], arms[control]
    if isinstance(treatment, NoEstimate):
        return treatment
    if isinstance(base, NoEstimate):
        return base
    return ONE_UNIT if min(treatment.n, base.n) < 2 else (treatment, base)


def _fixed(item: Measured, variant: str, control: str, alpha: float) -> Outcome:
    metric, alternative = item.metric, alternative_of(item.metric)
    name = item.test.name if not item.test.is_default else _FIXED_NAMES.get(item.shape, item.test.name)
    if item.by is not None:
        name = f"{item.by.name}_{_FIXED_NAMES['ratio' if metric.kind is MetricKind.RATIO else 'mean']}"
    if item.test.needs is Needs.VALUE_COUNTS:
        return _of_counts(item, variant, control, alpha, alternative)
    pair = _pair(item, variant, control)
    if isinstance(pair, NoEstimate):
        return nothing(name, pair, alternative=alternative, level=1 - alpha)
    if metric.hypothesis is not Hypothesis.DIFFERENCE:
        return _against_margin(item, name, pair, alpha)
    if not item.test.is_default:
        try:
            return item.test.compare(item.moments[variant], item.moments[control], alpha=alpha, alternative=alternative)
        except InvalidInput as error:
            return nothing(name, NoEstimate("unfit_data", str(error)), alternative=alternative, level=1 - alpha)
    if item.shape == "share":
        counts = [(round(arm.n * arm.value), arm.n) for arm in pair]
        return two_proportion_z(counts[0], counts[1], alpha=alpha, alternative=alternative)
    return compare_arms(name, *pair, alpha=alpha, alternative=alternative, floor=_floor(metric))


def _of_counts(item: Measured, variant: str, control: str, alpha: float, alternative: Alternative) -> Outcome:
    options = {"alpha": alpha, "alternative": alternative}
    counts = item.value_counts
    if variant not in counts or control not in counts:
        return nothing(item.test.name, NO_COUNTS, alternative=alternative, level=1 - alpha)
    if item.metric.kind is MetricKind.QUANTILE and item.test.is_default:
        options["q"] = item.metric.quantile
    try:
        return item.test.compare(counts[variant], counts[control], **options)
    except InvalidInput as error:
        return nothing(item.test.name, NoEstimate("unfit_data", str(error)), alternative=alternative, level=1 - alpha)


def _against_margin(item: Measured, name: str, pair: tuple[Arm, Arm], alpha: float) -> Outcome:
    metric = item.metric
    is_share = item.shape == "share"
    return margin_test(
        "two_proportion_z_unpooled" if is_share else name,
        *pair,
        hypothesis=metric.hypothesis,
        margin=metric.margin or 0.0,
        higher_is_better=metric.direction is Direction.INCREASE,
        alpha=alpha,
        normal=is_share,
        floor=_floor(metric),
        ceiling=1.0 if is_share else None,
    )


def _anytime(item: Measured, variant: str, control: str, tuning: Tuning, alpha: float) -> Outcome:
    metric, name = item.metric, f"{item.shape}_mixture_sequence"
    if metric.kind is MetricKind.QUANTILE:
        return _quantile_sequence(item, variant, control, tuning, alpha)
    pair = _pair(item, variant, control)
    if isinstance(pair, NoEstimate):
        return nothing(name, pair, level=1 - alpha, validity=Validity.ANYTIME)
    contrast = _contrast(item, *pair)
    if metric.hypothesis is Hypothesis.DIFFERENCE:
        return watched_contrast(name, contrast, tuning.rho_squared, alpha, alternative=alternative_of(metric))
    if contrast.control <= 0:
        return nothing(name, NEGATIVE_CONTROL, level=1 - alpha, validity=Validity.ANYTIME)
    sides = sides_of(metric.hypothesis, metric.margin or 0.0, metric.direction is Direction.INCREASE)
    found = [
        watched_contrast(name, contrast, tuning.rho_squared, alpha, alternative=side, null_lift=null)
        for null, side in sides
    ]
    weakest = max(found, key=lambda one: one.log_p if isinstance(one.log_p, float) else math.inf)
    if len(sides) == 1:
        return weakest
    both = watched_contrast(name, contrast, tuning.rho_squared, alpha)
    return weakest._replace(
        interval=both.interval, relative_interval=both.relative_interval, alternative=Alternative.TWO_SIDED
    )


def _quantile_sequence(item: Measured, variant: str, control: str, tuning: Tuning, alpha: float) -> Outcome:
    from assay.stats.sequential.quantiles import two_quantile_sequence

    counts, name = item.value_counts, "quantile_sequence"
    if variant not in counts or control not in counts:
        return nothing(name, NO_COUNTS, level=1 - alpha, validity=Validity.ANYTIME)
    if min(counts[variant].n, counts[control].n) == 0:
        return nothing(name, EMPTY_ARM, level=1 - alpha, validity=Validity.ANYTIME)
    q = item.metric.quantile or 0.5
    outcome = two_quantile_sequence(
        counts[variant],
        counts[control],
        quantile=q,
        alpha=alpha,
        alternative=alternative_of(item.metric),
        tuning_units=tuning.units,
    )
    return outcome._replace(test=name)


def _contrast(item: Measured, treatment: Arm, control: Arm) -> Contrast:
    if item.shape == "share":
        return sequential_proportions(treatment, control)
    return sequential_means(treatment, control, floor=_floor(item.metric))


def _floor(metric: Metric) -> float | None:
    """The least value a unit can have, where the kind says so."""
    return 0.0 if metric.kind in (MetricKind.CONVERSION, MetricKind.COUNT) else None
