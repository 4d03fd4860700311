"""How many events came when, what their numbers are, and how old ones are dropped without losing their counts.

A drop covers the events before a day that were loaded before it began. First they are counted; then the drop is
written down, from which moment on the counts stand for the events; then the events are deleted. A crash before the
second step leaves counts that nobody reads, one after it events that nobody counts and the next drop deletes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from assay.adapters.clickhouse_client import ClickhouseClient
from assay.adapters.clickhouse_lines import version_now
from assay.model.activity import Activity, EventsAsked, EventsSummary, Grain
from assay.model.event import microseconds, moment_of

UNITS_ERROR, RANK_ERROR = 0.01, 0.01
"""Of ClickHouse's uniqCombined64 and quantilesTDigest."""
_KEYS_AT_ONCE = 1_000

# Versions fall, so what was loaded before has a higher one.
_COVERED = "occurred_at < {dropped_at:Int64} AND version >= {loaded_before:UInt64}"
_LAST_DROP = "SELECT dropped_at, loaded_before FROM drops ORDER BY dropped_at DESC LIMIT 1"
_ROLL_UP = f"""
INSERT INTO rollups SELECT {{grain:String}}, intDiv(occurred_at, {{length:Int64}}) * {{length:Int64}} AS starts_at,
    type, experiment, {{loaded_before:UInt64}}, count()
FROM events FINAL WHERE {_COVERED} GROUP BY starts_at, type, experiment
"""
# Events that came again, with another time or after the drop began: they would take the place of those dropped.
_REPEATS = f"""
SELECT hex(key) FROM events GROUP BY unit, key
HAVING argMax({_COVERED}, version) AND count() > countIf({_COVERED}) SETTINGS optimize_aggregation_in_order = 1
"""
_ASKED = """occurred_at >= {since:Int64} AND occurred_at < {until:Int64}
  AND ({any_type:UInt8} OR type = {type:String}) AND ({any_experiment:UInt8} OR experiment = {experiment:String})"""
_ACTIVITY = f"""
WITH (SELECT maxOrNull(dropped_at) FROM drops) AS dropped,
     (SELECT minOrNull(loaded_before) FROM drops) AS covered
SELECT starts_at, type, experiment, sum(n) FROM (
    SELECT starts_at, type, experiment, n_events AS n FROM rollups FINAL
    WHERE grain = {{grain:String}} AND loaded_before IN (SELECT loaded_before FROM drops)
    UNION ALL
    SELECT intDiv(occurred_at, {{length:Int64}}) * {{length:Int64}} AS starts_at, type, experiment,
        toInt64(count()) AS n
    FROM events FINAL WHERE isNull(dropped) OR NOT (occurred_at < dropped AND version >= covered)
    GROUP BY starts_at, type, experiment
) WHERE {_ASKED.replace("occurred_at", "starts_at")}
GROUP BY starts_at, type, experiment ORDER BY starts_at, type, experiment
"""


def drop_events(client: ClickhouseClient, before: int) -> int:
    """Drop the events before the day's beginning `before`, microseconds since 1970; returns how many that were."""
    last = client.rows(_LAST_DROP)
    if last:
        _delete_covered(client, *map(int, last[0]))
        if int(last[0][0]) >= before:
            return 0
    loaded_before = version_now()
    values = {"dropped_at": before, "loaded_before": loaded_before}
    n_events = int(client.all_rows(f"SELECT count() FROM events FINAL WHERE {_COVERED}", values)[0][0])
    if n_events:
        for grain in Grain:
            client.run(_ROLL_UP, values | {"grain": grain.value, "length": grain.microseconds})
        client.insert("drops", {name: [value] for name, value in values.items()}, token=str(loaded_before))
        _delete_covered(client, before, loaded_before)
    return n_events


def delete(client: ClickhouseClient, table: str, condition: str, values: dict[str, Any]) -> None:
    """Rows that are gone when this returns."""
    client.run(f"ALTER TABLE {table} DELETE WHERE {condition} SETTINGS mutations_sync = 2", values)


def read_activity(client: ClickhouseClient, asked: EventsAsked, grain: Grain) -> list[Activity]:
    """Counts of what is there and of what was dropped."""
    values = _values(asked) | {"grain": grain.value, "length": grain.microseconds}
    return [
        Activity(moment_of(at), str(kind), str(experiment), int(n_events))
        for at, kind, experiment, n_events in client.rows(_ACTIVITY, values)
    ]


def read_summary(
    client: ClickhouseClient, asked: EventsAsked, field: str | None, quantiles: Sequence[float], *, approximate: bool
) -> EventsSummary:
    """Of the events that are still there."""
    value = "NULL" if field is None else "if(mapContains(metrics, {field:String}), metrics[{field:String}], NULL)"
    listed = ", ".join(repr(float(share)) for share in quantiles)
    of_quantiles = "quantilesTDigest" if approximate else "quantilesExactInclusive"
    found = f"{of_quantiles}({listed})({value})" if listed and field is not None else "[]"
    units = "uniqCombined64(unit)" if approximate else "uniqExact(unit)"
    query = (
        f"SELECT count(), {units}, countIf(isNotNull({value})), "
        f"{'NULL' if field is None else f'avg({value})'}, {found} FROM events FINAL WHERE {_ASKED}"
    )
    row = client.rows(query, _values(asked) | {"field": field or ""})[0]
    has_values = bool(row[2]) and bool(listed)
    return EventsSummary(
        n_events=int(row[0]),
        n_units=int(row[1]),
        n_values=int(row[2]),
        mean=None if not row[2] else float(row[3]),
        quantiles=dict(zip(quantiles, map(float, row[4]), strict=True)) if has_values else {},
        units_error=UNITS_ERROR if approximate else 0.0,
        rank_error=RANK_ERROR if approximate and has_values else 0.0,
    )


def _delete_covered(client: ClickhouseClient, dropped_at: int, loaded_before: int) -> None:
    values: dict[str, Any] = {"dropped_at": dropped_at, "loaded_before": loaded_before}
    if not client.all_rows(f"SELECT 1 FROM events WHERE {_COVERED} LIMIT 1", values):
        return
    repeats = [key for (key,) in client.all_rows(_REPEATS, values)]
    for start in range(0, len(repeats), _KEYS_AT_ONCE):
        keys = {"keys": repeats[start : start + _KEYS_AT_ONCE]}
        delete(client, "events", f"has({{keys:Array(String)}}, hex(key)) AND NOT ({_COVERED})", values | keys)
    delete(client, "events", _COVERED, values)


def _values(asked: EventsAsked) -> dict[str, Any]:
    return {
        "since": microseconds(asked.since),
        "until": microseconds(asked.until),
        "any_type": int(asked.type is None),
        "type": asked.type or "",
        "any_experiment": int(asked.experiment is None),
        "experiment": asked.experiment or "",
    }
