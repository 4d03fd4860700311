"""What a planned experiment needs to know, from one's own table of past units."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from assay import wording
from assay.errors import InvalidInput
from assay.model.metric import Aggregation, Measure, Metric, MetricKind
from assay.model.moments import Moments
from assay.model.result import NoEstimate
from assay.model.table import Gaps, TableMetric, TableMoments, TableRequest
from assay.ports import Tables
from assay.service.power_question import METRIC_TYPES, ClusterQuestion
from assay.service.table_metrics import check_column
from assay.stats.planning.clustered_history import estimate_from_clusters
from assay.stats.planning.history import History, estimate_from_history
from assay.stats.planning.measured import MeanMeasure, RatioMeasure

_KEY = "metric"
_KINDS = {
    "conversion": (MetricKind.CONVERSION, "share"),
    "mean": (MetricKind.MEAN, "mean"),
    "ratio": (MetricKind.RATIO, "ratio"),
    "count": (MetricKind.MEAN, "mean"),
}
"""How a kind of metric is read from a table, and what the formulas call it. A count is a number in every row."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryQuestion:
    """Columns of a table in which every row is a unit that was in no experiment.

    denominator: of a ratio. covariate: known before, for CUPED. cluster: the group a unit belongs to.
    """

    metric_type: str
    metric_column: str
    denominator_column: str | None = None
    covariate_column: str | None = None
    cluster_column: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """found: fields of a PowerQuestion. units: looked at. clusters: different ones. notes: what was left out."""

    found: dict[str, Any]
    units: int
    clusters: int | None
    notes: tuple[str, ...]


def past_of(tables: Tables, source: Any, question: HistoryQuestion) -> Past:
    """Baseline and spread, and where columns are named correlation and clusters. Raises InvalidInput naming what
    cannot be estimated."""
    columns = tables.columns(source)
    _check(question, columns)
    metric = _metric(question)
    found = tables.moments(source, TableRequest(unit=None, variant=question.cluster_column, metrics=(metric,)))
    if _KEY in found.failures:
        raise InvalidInput(_failing(question, found.failures[_KEY]), question.metric_column, found.failures[_KEY])
    groups = [moments for moments in found.metrics[_KEY].values() if moments.n > 0]
    history = _history(question, groups)
    if isinstance(history, NoEstimate):
        raise InvalidInput("metric_column", question.metric_column, f"a column to plan with: {history.reason}")
    return Past(
        found=_fields(question, history, groups),
        units=history.n_units,
        clusters=history.n_clusters,
        notes=tuple(_notes(question, found, found.gaps[_KEY])),
    )


def _check(question: HistoryQuestion, columns: Sequence[str]) -> None:
    if question.metric_type not in METRIC_TYPES:
        raise InvalidInput("metric_type", question.metric_type, f"one of {', '.join(METRIC_TYPES)}")
    for field in ("metric_column", "denominator_column", "covariate_column", "cluster_column"):
        if getattr(question, field) is not None:
            check_column(field, getattr(question, field), columns)
    ratio = question.metric_type == "ratio"
    if ratio is (question.denominator_column is None):
        accepted = "a column, for a ratio" if ratio else "nothing, unless the metric is a ratio"
        raise InvalidInput("denominator_column", question.denominator_column, accepted)
    if question.covariate_column is not None and question.metric_type in ("ratio", "count"):
        raise InvalidInput("covariate_column", question.covariate_column, "nothing, unless for a conversion or a mean")
    if question.cluster_column is not None and question.metric_type == "count":
        raise InvalidInput("cluster_column", question.cluster_column, "nothing for a count; plan it as a mean")


def _metric(question: HistoryQuestion) -> TableMetric:
    below = question.denominator_column
    metric = Metric(
        key=_KEY,
        kind=_KINDS[question.metric_type][0],
        field=question.metric_column,
        aggregation=Aggregation.SUM if below is not None else None,
        denominator=None if below is None else Measure(field=below, aggregation=Aggregation.SUM),
    )
    return TableMetric(
        metric=metric, covariates=() if question.covariate_column is None else (question.covariate_column,)
    )


def _failing(question: HistoryQuestion, reason: str) -> str:
    """The column a reason speaks of."""
    for field in ("denominator_column", "covariate_column"):
        if getattr(question, field) is not None and f"'{getattr(question, field)}'" in reason:
            return field
    return "metric_column"


def _history(question: HistoryQuestion, groups: Sequence[Moments]) -> History | NoEstimate:
    kind = _KINDS[question.metric_type][1]
    if question.cluster_column is not None:
        return estimate_from_clusters(groups, kind=kind)
    return estimate_from_history(groups[0] if groups else Moments.zeros(0, ("value",)), kind=kind)


def _fields(question: HistoryQuestion, history: History, groups: Sequence[Moments]) -> dict[str, Any]:
    measured = history.measured
    found: dict[str, Any] = {"baseline": measured.baseline}
    if question.metric_type == "count":
        if measured.baseline <= 0:
            raise InvalidInput("metric_column", question.metric_column, "counts, some of them above 0")
        # Pearson's chi-square over n - 1, as for counts watched for one span each.
        found["dispersion"] = groups[0].comoment() / (groups[0].n - 1) / measured.baseline
    elif isinstance(measured, MeanMeasure):
        found["baseline_sd"] = measured.standard_deviation
    elif isinstance(measured, RatioMeasure):
        found["unit_variance"] = measured.unit_variance
    if question.covariate_column is not None:
        if history.correlation is None:
            raise InvalidInput("covariate_column", question.covariate_column, "a column with usable values")
        found["covariate_correlation"] = history.correlation
    if question.cluster_column is not None:
        clusters = history.clusters
        if clusters is None or isinstance(clusters, NoEstimate):
            reason = clusters.reason if isinstance(clusters, NoEstimate) else "no clusters"
            raise InvalidInput("cluster_column", question.cluster_column, f"a column of several clusters: {reason}")
        found["clusters"] = ClusterQuestion(mean_size=clusters.mean_size, icc=clusters.icc, size_cv=clusters.size_cv)
    return found


def _notes(question: HistoryQuestion, found: TableMoments, gaps: Gaps) -> list[str]:
    notes = []
    if found.rows_without:
        notes.append(f"{_rows(found.rows_without)} without a value of '{question.cluster_column}' left out.")
    if gaps.values:
        below = f" or '{question.denominator_column}'" if question.denominator_column is not None else ""
        notes.append(f"{_rows(gaps.values)} without a usable value of '{question.metric_column}'{below} left out.")
    if gaps.covariates:
        notes.append(
            f"{_rows(gaps.covariates)} without a usable value of '{question.covariate_column}' given its mean."
        )
    return notes


def _rows(n: int) -> str:
    return f"{wording.count(n)} row{'' if n == 1 else 's'}"
