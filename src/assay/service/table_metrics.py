"""Metrics over the columns of a table, from the short form people type: `kind:column`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from assay import wording
from assay.errors import InvalidInput
from assay.model.metric import Aggregation, Direction, Measure, Metric, MetricKind, Role
from assay.model.names import KEY_PATTERN, key_from_name
from assay.model.table import TableMetric

_KINDS = ", ".join(kind.value for kind in MetricKind)
_SHOWN_COLUMNS = 40


def table_metrics(
    texts: Sequence[str],
    columns: Sequence[str],
    *,
    covariates: Mapping[str, str],
    lower_is_better: Sequence[str],
    caps: Mapping[str, float],
) -> tuple[TableMetric, ...]:
    """Metrics from `kind:column` (`ratio:numerator/denominator`); the first is primary, the others secondary.

    covariates: metric (its column or its whole text) → pre-period column. lower_is_better: metrics likewise. caps:
    metric → the bound to which larger values of a unit are set. Raises InvalidInput naming the argument.
    """
    if not texts:
        raise InvalidInput("metric", None, f"at least one metric as kind:column; kinds: {_KINDS}")
    items: list[TableMetric] = []
    for text in texts:
        items.append(_metric(text, columns, [item.metric for item in items]))
    for name, column in covariates.items():
        check_column("covariate", column, columns)
        for index in _named(name, texts, items, "covariate"):
            if items[index].metric.kind is MetricKind.RATIO:
                raise InvalidInput("covariate", name, "a metric that is not a ratio")
            items[index] = replace(items[index], covariate=column)
    for name in lower_is_better:
        for index in _named(name, texts, items, "lower_is_better"):
            items[index] = replace(items[index], metric=replace(items[index].metric, direction=Direction.DECREASE))
    for name, cap in caps.items():
        for index in _named(name, texts, items, "cap"):
            title = f"{items[index].metric.name} (capped at {wording.amount(cap)})"
            items[index] = replace(items[index], metric=replace(items[index].metric, cap=cap, name=title))
    return tuple(items)


def check_column(field: str, name: str, columns: Sequence[str]) -> str:
    """`name` if the table has that column; raises InvalidInput naming `field` and the columns that exist."""
    if name not in columns:
        raise InvalidInput(field, name, listed(columns))
    return name


def listed(columns: Sequence[str]) -> str:
    """The columns of a table for an error message."""
    more = f" and {len(columns) - _SHOWN_COLUMNS} more" if len(columns) > _SHOWN_COLUMNS else ""
    return f"one of the columns {', '.join(columns[:_SHOWN_COLUMNS])}{more}"


def _metric(text: str, columns: Sequence[str], before: Sequence[Metric]) -> TableMetric:
    kind_text, colon, column = text.partition(":")
    if not colon or kind_text not in tuple(MetricKind):
        raise InvalidInput("metric", text, f"kind:column, where kind is one of {_KINDS}")
    kind, denominator = MetricKind(kind_text), None
    if kind is MetricKind.RATIO:
        column, below = _parts(text, column, columns)
        denominator = Measure(field=below, aggregation=Aggregation.SUM)
    elif column not in columns:
        raise InvalidInput("metric", text, listed(columns))
    name = f"{column} / {denominator.field}" if denominator else column
    if any(metric.kind is kind and metric.name == name for metric in before):
        raise InvalidInput("metric", text, "every metric once")
    metric = Metric(
        key=_key(kind, name, [metric.key for metric in before]),
        kind=kind,
        field=column,
        aggregation=Aggregation.SUM if denominator else None,
        denominator=denominator,
        role=Role.SECONDARY if before else Role.PRIMARY,
        name=name,
    )
    return TableMetric(metric=metric)


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


def _named(name: str, texts: Sequence[str], items: Sequence[TableMetric], field: str) -> list[int]:
    """Metrics called `name`: by the whole text, or by the column unless it is a ratio's numerator."""
    found = [
        i
        for i, item in enumerate(items)
        if name == texts[i] or (name == item.column and item.metric.kind is not MetricKind.RATIO)
    ]
    if not found:
        raise InvalidInput(field, name, f"a column of one of the metrics: {', '.join(texts)}")
    return found
