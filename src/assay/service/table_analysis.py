"""Analysing data that Assay did not collect: a file or dataframe in, a result out."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from fractions import Fraction
from numbers import Real
from typing import Any

from assay import wording
from assay.decisions.recommendation import recommend
from assay.errors import InvalidInput
from assay.model.document import to_document
from assay.model.lifecycle import Status
from assay.model.moments import VALUE, Moments
from assay.model.names import key_from_name
from assay.model.plan import Method, Plan
from assay.model.result import DataQuality, ExperimentResult, MetricResult, Progress, Validity
from assay.model.table import Gaps, Snippet, TableMetric, TableMoments, TableRequest
from assay.ports import Tables
from assay.service.looks import table_looks
from assay.service.metric_tests import Tests as MetricTests
from assay.service.metric_tests import check_tests, counted_metrics
from assay.service.planning import tuning_units
from assay.service.table_metrics import MetricOptions, check_column, table_metrics
from assay.service.table_words import gap_warnings, row_warnings
from assay.stats.experiment import Beside, analyse_metrics
from assay.stats.fixed.chi_square import chi_square
from assay.stats.looking import Looks
from assay.stats.trust.sample_ratio import sample_ratio

NO_TESTS: MetricTests = {}
MAX_TABLE_VARIANTS = 50
"""More values than this in the variant column mean that it is another column."""
_UNEVEN = 0.001
"""A p-value below it says that values are missing unevenly."""
_ONLY = "nothing, unless method is {}"


@dataclass(frozen=True, slots=True, kw_only=True)
class TableQuestion:
    """What is asked of a table.

    unit: None where every row is a unit. metrics: `kind:column`, the first primary. stratum: a column known before the
    start, for post-stratification. filters: rows to keep. weights: planned share of each variant in any common unit;
    None: even. plan.method fixed: one look at finished data. ended: of a group sequential plan, that no look follows
    although the planned sample was not reached, for a reason other than the numbers; the error left is spent now.
    """

    unit: str | None
    variant: str
    control: str
    metrics: tuple[str, ...]
    options: MetricOptions = field(default_factory=MetricOptions)
    stratum: str | None = None
    filters: tuple[Snippet, ...] = ()
    weights: Mapping[str, float] | None = None
    plan: Plan = Plan(method=Method.FIXED)
    ended: bool = False


def analyze(
    tables: Tables, source: Any, question: TableQuestion, *, name: str, at: datetime, tests: MetricTests = NO_TESTS
) -> ExperimentResult:
    """The result of a finished experiment whose data stand in `source`. name: becomes the experiment's key.

    Raises InvalidInput naming the field (unit, variant, control, metric, covariate, weights) and NotFound for a file.
    """
    _check_plan(question.plan)
    columns = tables.columns(source)
    if question.unit is not None:
        check_column("unit", question.unit, columns)
    check_column("variant", question.variant, columns)
    if question.unit == question.variant:
        raise InvalidInput("variant", question.variant, "another column than the unit's")
    items = table_metrics(question.metrics, columns, question.options)
    _check_known_before(question, items, columns)
    check_tests([item.metric for item in items], question.plan, tests)
    request = TableRequest(
        unit=question.unit,
        variant=question.variant,
        metrics=items,
        stratum=question.stratum,
        filters=question.filters,
        value_counts=counted_metrics([item.metric for item in items], tests),
    )
    found = tables.moments(source, request)
    weights = _weights(question, found)
    return _result(question, items, found, weights, name=name, at=at, tests=tests)


def _check_plan(plan: Plan) -> None:
    """Raise InvalidInput for what is asked of another method: a finished table has no second one to fall back on."""
    if plan.required_per_variant is not None and plan.method is not Method.GROUP_SEQUENTIAL:
        raise InvalidInput("required_per_variant", plan.required_per_variant, _ONLY.format("group_sequential"))
    if plan.spending is not Plan().spending and plan.method is not Method.GROUP_SEQUENTIAL:
        raise InvalidInput("spending", plan.spending.value, _ONLY.format("group_sequential"))
    if plan.tuning_units is not None and plan.method not in (Method.SEQUENTIAL, Method.BAYESIAN):
        raise InvalidInput("tuning_units", plan.tuning_units, _ONLY.format("sequential or bayesian"))


def _check_known_before(question: TableQuestion, items: Sequence[TableMetric], columns: Sequence[str]) -> None:
    """Raise InvalidInput for a stratum or covariate that does not exist, or that cannot be known before the start."""
    taken = {question.unit: "the unit", question.variant: "the variant"}
    measured = {column for item in items for column in (item.column, item.denominator) if column is not None}
    if question.stratum is not None:
        check_column("stratum", question.stratum, columns)
        what = taken.get(question.stratum) or ("a metric" if question.stratum in measured else "")
        if what:
            raise InvalidInput("stratum", question.stratum, f"a column known before the start, not that of {what}")
    for item in items:
        for column in item.covariates:
            what = taken.get(column) or ("the metric itself" if column in (item.column, item.denominator) else "")
            if what:
                raise InvalidInput("covariate", column, f"a column known before the start, not that of {what}")


def stable_document(result: ExperimentResult) -> dict[str, Any]:
    """The result as JSON-ready data without the time it was computed: the same data give the same document."""
    document: dict[str, Any] = to_document(result)
    del document["at"]
    return document


def _weights(question: TableQuestion, found: TableMoments) -> dict[str, int]:
    """Planned weight per variant in whole numbers, control first; raises when the question does not fit the table."""
    seen = sorted(found.units)
    if len(seen) > MAX_TABLE_VARIANTS:
        given = f"column {question.variant} with {wording.count(len(seen))} different values"
        raise InvalidInput("variant", given, f"a column with 2 to {MAX_TABLE_VARIANTS} different values")
    names = ", ".join(seen) or "none: no row has both a unit and a variant"
    if question.control not in seen:
        raise InvalidInput("control", question.control, f"one of the variants seen: {names}")
    weights = dict.fromkeys(seen, 1.0) if question.weights is None else question.weights
    if not set(seen) <= set(weights):
        raise InvalidInput("weights", ", ".join(weights), f"a weight for every variant seen: {names}")
    if len(weights) < 2:
        raise InvalidInput("variant", f"column {question.variant} with one value: {names}", "two or more variants")
    order = sorted(weights, key=lambda variant: (variant != question.control, variant))
    exact = {variant: _exact(weights[variant], f"weights.{variant}") for variant in order}
    scale = math.lcm(*(weight.denominator for weight in exact.values()))
    return {variant: int(weight * scale) for variant, weight in exact.items()}


def _exact(weight: Any, field_name: str) -> Fraction:
    """A weight as the fraction that its decimal digits say."""
    if not (isinstance(weight, Real) and math.isfinite(weight) and float(weight) > 0):
        raise InvalidInput(field_name, weight, "a number above 0")
    return Fraction(repr(float(weight)))


def _result(
    question: TableQuestion,
    items: Sequence[TableMetric],
    found: TableMoments,
    weights: Mapping[str, int],
    *,
    name: str,
    at: datetime,
    tests: MetricTests,
) -> ExperimentResult:
    plan, variants = question.plan, list(weights)
    validity = Validity.FIXED if plan.method is Method.FIXED else Validity.ANYTIME
    looks = _looks(question, {key: found.units.get(key, 0) for key in variants}, weights)
    units = {variant: found.units.get(variant, 0) for variant in variants}
    ratio = sample_ratio(units, weights, alpha=plan.srm_alpha, validity=validity)
    metrics, failures = analyse_metrics(
        [item.metric for item in items if item.metric.key in found.metrics],
        {key: _complete(moments, variants) for key, moments in found.metrics.items()},
        control=question.control,
        plan=plan,
        validity=validity,
        tuning_units=tuning_units(plan, None),
        data=Beside(
            value_counts=found.value_counts,
            strata=found.strata,
            installed=tests,
            looks=looks,
        ),
    )
    by_key = {item.metric.key: item for item in items}
    metrics = tuple(_with_gaps(metric, by_key[metric.metric], found) for metric in metrics)
    quality = DataQuality(units_in_two_variants=found.units_in_two_variants)
    recommendation = recommend(
        metrics=metrics,
        sample_ratio=ratio,
        progress=Progress(required_per_variant=None),
        plan=plan,
        validity=validity,
        control=question.control,
        titles={},
        running=False,
        quality=quality,
    )
    return ExperimentResult(
        experiment=key_from_name(name),
        version=1,
        at=at,
        status=Status.COMPLETED,
        plan=plan,
        validity=validity,
        control=question.control,
        n_units=sum(units.values()),
        units=units,
        metrics=metrics,
        sample_ratio=ratio,
        recommendation=replace(recommendation, warnings=(*recommendation.warnings, *row_warnings(found))),
        progress=Progress(required_per_variant=None),
        quality=quality,
        failures={**found.failures, **failures},
        final=looks is None or looks.final or bool(looks.taken and looks.taken[-1] >= 1),
        looks=looks.taken if looks is not None else (),
    )


def _looks(question: TableQuestion, units: Mapping[str, int], weights: Mapping[str, int]) -> Looks | None:
    """Where a group sequential plan stands by the smallest variant."""
    plan = question.plan
    if plan.method is not Method.GROUP_SEQUENTIAL:
        if question.ended:
            raise InvalidInput("ended", True, "only with the method group_sequential; others need no last look")
        return None
    if plan.required_per_variant is None:
        raise InvalidInput("required_per_variant", None, "the planned units per variant, for a group sequential plan")
    smallest = min(units.get(variant, 0) for variant, weight in weights.items() if weight > 0)
    reached = smallest / plan.required_per_variant
    taken = table_looks(plan.planned_looks, reached) if reached > 0 else ()
    return Looks(planned=plan.planned_looks, taken=taken, spending=plan.spending, final=question.ended)


def _complete(moments: Mapping[str, Moments], variants: Sequence[str]) -> dict[str, Moments]:
    """Moments of every variant in order; empty ones, with the columns of the others, where no unit has a value."""
    columns = next((item.columns for item in moments.values() if item.n), (VALUE,))
    empty = Moments.zeros(0, columns)
    return {variant: moments[variant] if moments.get(variant, empty).n else empty for variant in variants}


def _with_gaps(metric: MetricResult, item: TableMetric, found: TableMoments) -> MetricResult:
    gaps, moments = found.gaps.get(metric.metric, Gaps()), found.metrics[metric.metric]
    told = [*gap_warnings(item, gaps, moments), *_uneven(found.units, moments)]
    return replace(metric, warnings=(*metric.warnings, *told))


def _uneven(units: Mapping[str, int], moments: Mapping[str, Moments]) -> list[str]:
    """A sentence when units lack a value in one variant more often than in another, beyond chance."""
    missing = {variant: n - (moments[variant].n if variant in moments else 0) for variant, n in units.items() if n}
    if len(missing) < 2 or not any(missing.values()):
        return []
    p = chi_square([[units[variant] - n, n] for variant, n in missing.items()]).p_value
    if not isinstance(p, float) or p >= _UNEVEN:
        return []
    shares = "; ".join(f"{variant} {wording.percent(n / units[variant])}" for variant, n in missing.items())
    return [
        f"Units without a value are not spread by chance ({shares}; {wording.p_value(p)}), so the units that are left"
        " may differ for another reason than the treatment."
    ]
