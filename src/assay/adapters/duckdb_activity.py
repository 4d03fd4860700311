"""Counts of events by time, kept while loading, and summaries of events, exact or approximate, in DuckDB."""

from __future__ import annotations

from collections.abc import Sequence

import duckdb

from assay.model.activity import Activity, EventsAsked, EventsSummary, Grain
from assay.model.event import microseconds, moment_of

UNITS_ERROR, RANK_ERROR = 0.035, 0.005
"""Of DuckDB's HyperLogLog and t-digest, as measured (`tests/adapters/test_approximate.py`)."""

SCHEMA = """
CREATE TABLE IF NOT EXISTS rollups (
    grain VARCHAR NOT NULL, starts_at BIGINT NOT NULL, type VARCHAR NOT NULL, experiment VARCHAR NOT NULL,
    n_events BIGINT NOT NULL
);
"""
_KEPT_DAYS = {Grain.MINUTE: 7, Grain.HOUR: 90, Grain.DAY: 366}
_DAY = 86_400_000_000

_ADD = """
INSERT INTO rollups SELECT $1, occurred_at - occurred_at % $2, type, experiment, count(*) FROM events
WHERE loaded = (SELECT number FROM load_number) GROUP BY ALL
"""
_READ = """
SELECT starts_at, type, experiment, sum(n_events)::BIGINT FROM rollups
WHERE grain = $1 AND starts_at >= $2 AND starts_at < $3
  AND ($4 IS NULL OR type = $4) AND ($5 IS NULL OR experiment = $5)
GROUP BY ALL ORDER BY ALL
"""
_COMPACT = """
CREATE OR REPLACE TEMP TABLE compacted AS
SELECT grain, starts_at, type, experiment, sum(n_events)::BIGINT AS n_events FROM rollups
WHERE starts_at >= CASE grain {kept} END GROUP BY ALL;
DELETE FROM rollups;
INSERT INTO rollups FROM compacted;
"""
_SUMMARY = """
SELECT count(*), {units}, {values}
FROM events WHERE occurred_at >= $1 AND occurred_at < $2
  AND ($3 IS NULL OR type = $3) AND ($4 IS NULL OR experiment = $4)
"""


def add_rollups(connection: duckdb.DuckDBPyConnection) -> None:
    """Count the events of the load that is under way."""
    for grain in Grain:
        connection.execute(_ADD, [grain.value, grain.microseconds])


def compact_rollups(connection: duckdb.DuckDBPyConnection, oldest_at: int) -> None:
    """Make one row of those of the same time, and drop what is too old for its grain. oldest_at: of the events kept."""
    kept = " ".join(f"WHEN '{grain.value}' THEN {oldest_at - days * _DAY}" for grain, days in _KEPT_DAYS.items())
    connection.execute(_COMPACT.format(kept=kept))


def read_activity(connection: duckdb.DuckDBPyConnection, asked: EventsAsked, grain: Grain) -> list[Activity]:
    """Counts in order of time."""
    values = [grain.value, microseconds(asked.since), microseconds(asked.until), asked.type, asked.experiment]
    rows = connection.execute(_READ, values).fetchall()
    return [Activity(moment_of(at), kind, experiment, n_events) for at, kind, experiment, n_events in rows]


def read_summary(
    connection: duckdb.DuckDBPyConnection,
    asked: EventsAsked,
    field: str | None,
    quantiles: Sequence[float],
    *,
    approximate: bool,
) -> EventsSummary:
    """One pass over the events that are asked for."""
    value = "NULL" if field is None else "metrics[$5]"
    listed = ", ".join(repr(float(item)) for item in quantiles)
    of_quantiles = "approx_quantile" if approximate else "quantile_cont"
    query = _SUMMARY.format(
        units="approx_count_distinct(unit)" if approximate else "count(DISTINCT unit)",
        values=f"count({value}), avg({value})"
        + (f", {of_quantiles}({value}::DOUBLE, [{listed}])" if listed and field is not None else ", NULL"),
    )
    values = [microseconds(asked.since), microseconds(asked.until), asked.type, asked.experiment]
    row = connection.execute(query, [*values, field] if field is not None else values).fetchall()[0]
    found = dict(zip(quantiles, row[4], strict=True)) if row[4] is not None else {}
    return EventsSummary(
        n_events=row[0],
        n_units=row[1],
        n_values=row[2],
        mean=row[3],
        quantiles=found,
        units_error=UNITS_ERROR if approximate else 0.0,
        rank_error=RANK_ERROR if approximate and found else 0.0,
    )
