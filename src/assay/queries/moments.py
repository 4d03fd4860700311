"""The SQL that turns exposures and events into moments, for all asked experiments in one pass over the events.

Tables: exposures(experiment, unit, variant, first_at) with one row per unit and variant, events(unit, type,
experiment, occurred_at, metrics). Times are microseconds since 1970; an event's experiment is '' unless it names one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

import sqlglot
from sqlglot import exp

from assay.model.event import microseconds
from assay.model.measurement import MomentsRequest
from assay.model.metric import Aggregation, Measure, Metric, MetricKind

SOURCE_DIALECT = "duckdb"
_FOREVER = 2**62
_HOUR_MICROSECONDS = 3_600_000_000

_EXPOSED = """
WITH asked(experiment, until_at) AS (VALUES {asked}),
exposed AS (
    SELECT e.experiment, e.unit, min(e.variant) AS variant, min(e.first_at) AS first_at,
           min(e.variant) <> max(e.variant) AS twice
    FROM exposures AS e JOIN asked AS a ON a.experiment = e.experiment
    WHERE e.first_at < a.until_at
    GROUP BY e.experiment, e.unit
)
"""

_UNITS = (
    _EXPOSED
    + """
SELECT experiment, variant, twice, count(*) AS n_units, min(first_at) AS first_at
FROM exposed GROUP BY experiment, variant, twice
"""
)

_FILLED = (
    _EXPOSED
    + """,
measures(experiment, metric, part, event, field, aggregation, window_length, covariate_length, bound, kind) AS (
    VALUES {measures}
),
met AS (
    SELECT x.experiment, x.variant, x.unit, x.first_at, a.until_at, v.type, v.occurred_at, v.metrics
    FROM events AS v
    JOIN exposed AS x ON x.unit = v.unit
    JOIN asked AS a ON a.experiment = x.experiment
    WHERE NOT x.twice AND v.occurred_at < a.until_at AND (v.experiment = '' OR v.experiment = x.experiment)
),
measured AS (
    SELECT t.experiment, t.variant, t.unit, m.metric, m.part, m.aggregation, m.bound, m.kind,
           CASE WHEN m.field = '' THEN 1.0 ELSE t.metrics[m.field] END AS amount,
           t.occurred_at >= t.first_at AND t.occurred_at < t.first_at + m.window_length AS counts,
           t.occurred_at < t.first_at AS before,
           t.occurred_at < t.first_at AND t.occurred_at >= t.first_at - m.covariate_length AS covers
    FROM met AS t
    JOIN measures AS m ON m.experiment = t.experiment AND {event_matches}
    WHERE m.field = '' OR t.metrics[m.field] IS NOT NULL
),
aggregated AS (
    SELECT experiment, variant, unit, metric, part, any_value(bound) AS bound, any_value(kind) AS kind,
           any_value(aggregation) AS aggregation,
           count(*) FILTER (WHERE before AND NOT covers) AS n_before,
           {after} AS after_value,
           {covariate} AS covariate_value
    FROM measured GROUP BY experiment, variant, unit, metric, part
),
valued AS (
    SELECT experiment, variant, unit, metric, part, kind, n_before,
           CASE WHEN after_value > bound THEN bound ELSE after_value END AS after_value,
           CASE WHEN covariate_value > bound THEN bound ELSE covariate_value END AS covariate_value
    FROM aggregated
),
per_unit AS (
    SELECT experiment, variant, unit, metric, max(n_before) AS n_before,
           max(after_value) FILTER (WHERE part = 'value') AS v,
           coalesce(max(after_value) FILTER (WHERE part = 'denominator'), 0.0) AS d,
           coalesce(max(covariate_value) FILTER (WHERE part = 'value'), 0.0) AS c,
           coalesce(max(covariate_value) FILTER (WHERE part = 'denominator'), 0.0) AS e,
           any_value(kind) AS kind
    FROM valued GROUP BY experiment, variant, unit, metric
),
filled AS (
    SELECT experiment, variant, metric, n_before, d, c, e,
           CASE WHEN kind IN ('mean', 'quantile') THEN v ELSE coalesce(v, 0.0) END AS v
    FROM per_unit
)"""
)

_MOMENTS = (
    _FILLED
    + """,
centres AS (
    SELECT experiment, metric, variant, sum(n_before) AS n_before, count(v) AS n, max(v) AS maximum,
           avg(v) AS mean_v, avg(d) FILTER (WHERE v IS NOT NULL) AS mean_d,
           avg(c) FILTER (WHERE v IS NOT NULL) AS mean_c, avg(e) FILTER (WHERE v IS NOT NULL) AS mean_e
    FROM filled GROUP BY experiment, metric, variant
),
centred AS (
    SELECT f.experiment, f.metric, f.variant, f.v - m.mean_v AS v, f.d - m.mean_d AS d, f.c - m.mean_c AS c,
           f.e - m.mean_e AS e
    FROM filled AS f
    JOIN centres AS m ON m.experiment = f.experiment AND m.metric = f.metric AND m.variant = f.variant
    WHERE f.v IS NOT NULL
),
crossed AS (
    SELECT experiment, metric, variant, sum(v * v) AS vv, sum(v * d) AS vd, sum(v * c) AS vc,
           sum(d * d) AS dd, sum(c * c) AS cc, sum(v * e) AS ve, sum(d * c) AS dc, sum(d * e) AS de,
           sum(c * e) AS ce, sum(e * e) AS ee
    FROM centred GROUP BY experiment, metric, variant
)
SELECT m.experiment, m.metric, m.variant, m.n_before, m.n, m.maximum, m.mean_v, m.mean_d, m.mean_c, m.mean_e,
       x.vv, x.vd, x.vc, x.ve, x.dd, x.dc, x.de, x.cc, x.ce, x.ee
FROM centres AS m
LEFT JOIN crossed AS x ON x.experiment = m.experiment AND x.metric = m.metric AND x.variant = m.variant
"""
)

_COUNTS = (
    _FILLED
    + """
SELECT experiment, metric, variant, v, count(*) AS n_units FROM filled WHERE v IS NOT NULL
GROUP BY experiment, metric, variant, v ORDER BY experiment, metric, variant, v
"""
)


def exposed_units(requests: Sequence[MomentsRequest], *, dialect: str = SOURCE_DIALECT) -> str:
    """Units per experiment and variant, those in two variants (`twice`) apart."""
    return _in_dialect(_UNITS.format(asked=_asked(requests)), dialect)


def metric_moments(requests: Sequence[MomentsRequest], *, dialect: str = SOURCE_DIALECT) -> str:
    """Moments of the units that have a relevant event, per experiment × metric × variant.

    Units without one are not in the answer: the caller adds them as zeros, except for `mean` metrics.
    """
    return _asked_of_events(_MOMENTS, requests, dialect)


def metric_value_counts(requests: Sequence[MomentsRequest], *, dialect: str = SOURCE_DIALECT) -> str:
    """How many of those units have each value, per experiment × metric × variant, ascending."""
    return _asked_of_events(_COUNTS, requests, dialect)


def _asked_of_events(query: str, requests: Sequence[MomentsRequest], dialect: str) -> str:
    any_event = any(measure.event is None for request in requests for _, measure, _ in _parts(request.metrics))
    text = query.format(
        asked=_asked(requests),
        measures=_measures(requests),
        event_matches="(m.event = '' OR m.event = t.type)" if any_event else "m.event = t.type",
        after=_aggregate("counts"),
        covariate=_aggregate("covers"),
    )
    return _in_dialect(text, dialect)


def _aggregate(condition: str) -> str:
    """One number per unit by the measure's own aggregation; NULL when nothing qualifies."""
    choices = {
        Aggregation.COUNT: "CASE WHEN count(*) FILTER (WHERE {0}) > 0 THEN 1.0 * count(*) FILTER (WHERE {0}) END",
        Aggregation.SUM: "sum(amount) FILTER (WHERE {0})",
        Aggregation.MEAN: "avg(amount) FILTER (WHERE {0})",
        Aggregation.MIN: "min(amount) FILTER (WHERE {0})",
        Aggregation.MAX: "max(amount) FILTER (WHERE {0})",
    }
    whens = " ".join(f"WHEN '{name.value}' THEN {text.format(condition)}" for name, text in choices.items())
    return f"CASE any_value(aggregation) {whens} END"


def _parts(metrics: Iterable[Metric]) -> list[tuple[Metric, Measure, str]]:
    parts = []
    for metric in metrics:
        parts.append((metric, metric.measure(), "value"))
        if metric.denominator is not None:
            parts.append((metric, metric.denominator, "denominator"))
    return parts


def _asked(requests: Sequence[MomentsRequest]) -> str:
    return ", ".join(f"({_text(item.experiment)}, {_until(item.until)})" for item in requests)


def _until(until: datetime | None) -> int:
    return _FOREVER if until is None else microseconds(until)


def _measures(requests: Sequence[MomentsRequest]) -> str:
    rows = []
    for request in requests:
        for metric, measure, part in _parts(request.metrics):
            window = _FOREVER // 2 if metric.window_hours is None else round(metric.window_hours * _HOUR_MICROSECONDS)
            covariate = round((metric.covariate_hours or 0) * _HOUR_MICROSECONDS)
            bound = "CAST(NULL AS DOUBLE)" if part == "denominator" else _bound(metric)
            aggregation = Aggregation.COUNT if measure.field is None else measure.aggregation
            texts = (request.experiment, metric.key, part, measure.event or "", measure.field or "", aggregation.value)
            rows.append(f"({', '.join(map(_text, texts))}, {window}, {covariate}, {bound}, {_text(metric.kind.value)})")
    return ", ".join(rows)


def _bound(metric: Metric) -> str:
    """The most that one unit may count: 1 for a conversion, the cap if there is one. Compared by CASE, because
    `least` skips NULL in some engines."""
    most = 1.0 if metric.kind is MetricKind.CONVERSION else metric.cap
    return "CAST(NULL AS DOUBLE)" if most is None else repr(float(most))


def _text(value: str) -> str:
    return exp.Literal.string(value).sql(dialect=SOURCE_DIALECT)


def _in_dialect(text: str, dialect: str) -> str:
    if dialect == SOURCE_DIALECT:
        return text
    return sqlglot.parse_one(text, dialect=SOURCE_DIALECT).sql(dialect=dialect)
