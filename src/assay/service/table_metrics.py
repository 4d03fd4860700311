"""Metrics over the columns of a table, from the short form people type: `kind:column`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from assay import wording
from assay.errors import InvalidInput
from assay.model.metric import Aggregation, Direction, Hypothesis, Measure, Metric, MetricKind, Role
from assay.model.names import KEY_PATTERN, key_from_name
from assay.model.table import Snippet, TableMetric

_PLAIN_KINDS = tuple(kind.value for kind in MetricKind if kind is not MetricKind.QUANTILE)
_KINDS = ", ".join((*_PLAIN_KINDS, "median", "p1 to p99"))
_SHOWN_COLUMNS = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricOptions:
    """What is asked of metrics beyond their kind, each by the metric's column or its whole text.

    covariates: pre-period columns (CUPED). lower_is_better: where less is better. caps: the bound to which larger
    values of a unit are set. tests: the test by name. margins: hypothesis and margin, a share of the control.
    one_sided: look for a difference for the better only. transforms, aggregations: SQL snippets.
    """

    covariates: Mapping[str, Sequence[str]] = field(default_factory=dict)
    lower_is_better: Sequence[str] = ()
    caps: Mapping[str, float] = field(default_factory=dict)
    tests: Mapping[str, str] = field(default_factory=dict)
    margins: Mapping[str, tuple[Hypothesis, float]] = field(default_factory=dict)
    one_sided: Sequence[str] = ()
    transforms: Mapping[str, Snippet] = field(default_factory=dict)
    aggregations: Mapping[str, Snippet] = field(default_factory=dict)


def table_metrics(texts: Sequence[str], columns: Sequence[str], options: MetricOptions) -> tuple[TableMetric, ...]:
    """Metrics from `kind:column`; the first is primary, the others secondary.

    kind: conversion, count, sum, mean, median, p1 … p99 (a quantile), or `ratio:numerator/denominator`.
    Raises InvalidInput naming the argument.
    """
    if not texts:
        raise InvalidInput("metric", None, f"at least one metric as kind:column; kinds: {_KINDS}")
    items: list[TableMetric] = []
    for text in texts:
        items.append(_metric(text, columns, [item.metric for item in items]))
    for name, wanted in options.covariates.items():
        for column in wanted:
            check_column("covariate", column, columns)
        for index in _named(name, texts, items, "covariate"):
            if items[index].metric.kind is MetricKind.QUANTILE:
                raise InvalidInput("covariate", name, "a metric that is not a quantile")
            items[index] = replace(items[index], covariates=tuple(wanted))
    for index in _each(options.lower_is_better, texts, items, "lower_is_better"):
        items[index] = _with(items[index], direction=Direction.DECREASE)
    for index in _each(options.one_sided, texts, items, "one_sided"):
        items[index] = _with(items[index], one_sided=True)
    for name, cap in options.caps.items():
        for index in _named(name, texts, items, "cap"):
            title = f"{items[index].metric.name} (capped at {wording.amount(cap)})"
            items[index] = _with(items[index], cap=cap, name=title)
    for name, test in options.tests.items():
        for index in _named(name, texts, items, "test"):
            items[index] = _with(items[index], test=test)
    for name, (hypothesis, margin) in options.margins.items():
        for index in _named(name, texts, items, "margin"):
            items[index] = _with(items[index], hypothesis=hypothesis, margin=margin)
    for name, given in options.aggregations.items():
        for index in _named(name, texts, items, "aggregations"):
            if items[index].metric.kind not in (MetricKind.MEAN, MetricKind.SUM, MetricKind.QUANTILE):
                raise InvalidInput("aggregations", name, "a mean, sum or quantile metric")
            items[index] = replace(items[index], aggregate=given)
    for name, given in options.transforms.items():
        for index in _named(name, texts, items, "transforms"):
            if items[index].metric.kind in (MetricKind.RATIO, MetricKind.CONVERSION):
                raise InvalidInput("transforms", name, "a metric that is neither a ratio nor a conversion")
            titled = _with(items[index], name=f"{items[index].metric.name} ({given.title or given.name})")
            items[index] = replace(titled, transform=given)
    return tuple(items)


def _with(item: TableMetric, **changes: Any) -> TableMetric:
    return replace(item, metric=replace(item.metric, **changes))


def _each(names: Sequence[str], texts: Sequence[str], items: Sequence[TableMetric], field_name: str) -> list[int]:
    return [index for name in names for index in _named(name, texts, items, field_name)]


def check_column(name_of_field: str, name: str, columns: Sequence[str]) -> str:
    """`name` if the table has that column; raises InvalidInput naming the field and the columns that exist."""
    if name not in columns:
        raise InvalidInput(name_of_field, name, listed(columns))
    return name


def listed(columns: Sequence[str]) -> str:
    """The columns of a table for an error message."""
    more = f" and {len(columns) - _SHOWN_COLUMNS} more" if len(columns) > _SHOWN_COLUMNS else ""
    return f"one of the columns {', '.join(columns[:_SHOWN_COLUMNS])}{more}"


def _metric(text: str, columns: Sequence[str], before: Sequence[Metric]) -> TableMetric:
    kind_text, colon, column = text.partition(":")
    quantile = _quantile(kind_text)
    if not colon or (quantile is None and kind_text not in _PLAIN_KINDS):
        raise InvalidInput("metric", text, f"kind:column, where kind is one of {_KINDS}")
    kind, denominator = MetricKind(kind_text) if quantile is None else MetricKind.QUANTILE, None
    if kind is MetricKind.RATIO:
        column, below = _parts(text, column, columns)
        denominator = Measure(field=below, aggregation=Aggregation.SUM)
    elif column not in columns:
        raise InvalidInput("metric", text, listed(columns))
    name = f"{column} / {denominator.field}" if denominator else column
    name = name if quantile is None else f"{kind_text} of {column}"
    if any(metric.kind is kind and metric.name == name for metric in before):
        raise InvalidInput("metric", text, "every metric once")
    metric = Metric(
        key=_key(kind, name, [metric.key for metric in before]),
        kind=kind,
        field=column,
        aggregation=Aggregation.SUM if denominator else None,
        denominator=denominator,
        quantile=quantile,
        role=Role.SECONDARY if before else Role.PRIMARY,
        name=name,
    )
    return TableMetric(metric=metric)


def _quantile(kind: str) -> float | None:
    """median → 0.5, p95 → 0.95, p99.9 → 0.999; None for another kind."""
    if kind == "median":
        return 0.5
    found = re.fullmatch(r"p([0-9]{1,2}(?:\.[0-9]{1,3})?)", kind)
    share = float(found[1]) / 100 if found else 0.0
    return share if 0 < share < 1 else None


def _parts(text: str, pair: str, columns: Sequence[str]) -> tuple[str, str]:
    """Numerator and denominator; a column name may itself contain '/'."""
    cuts = [(pair[:i], pair[i + 1 :]) for i, letter in enumerate(pair) if letter == "/"]
    fitting = [cut for cut in cuts if cut[0] in columns and cut[1] in columns]
    if len(fitting) > 1:
        ways = " or ".join(f"'{above}' over '{below}'" for above, below in fitting)
        raise InvalidInput("metric", text, "columns whose names make one ratio only", hint=f"this can be {ways}")
    if not fitting:
        raise InvalidInput("metric", text, f"ratio:numerator/denominator, each {listed(columns)}")
    return fitting[0]


def _key(kind: MetricKind, name: str, taken: Sequence[str]) -> str:
    """The column's name where it can be a key; told apart by the kind, then by a number."""
    plain = name if KEY_PATTERN.fullmatch(name) else key_from_name(name)
    base = f"{kind.value}.{plain}"[:90]
    choices = [plain, base, *(f"{base}.{i}" for i in range(2, len(taken) + 3))]
    return next(choice for choice in choices if choice not in taken)


def _named(name: str, texts: Sequence[str], items: Sequence[TableMetric], argument: str) -> list[int]:
    """Metrics called `name`: by the whole text, or by the column unless it is a ratio's numerator."""
    found = [
        i
        for i, item in enumerate(items)
        if name == texts[i] or (name == item.column and item.metric.kind is not MetricKind.RATIO)
    ]
    if not found:
        raise InvalidInput(argument, name, f"a column of one of the metrics: {', '.join(texts)}")
    return found
