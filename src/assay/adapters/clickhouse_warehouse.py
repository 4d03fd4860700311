"""The warehouse in ClickHouse, for what one machine cannot hold."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

import msgspec
import structlog

from assay.adapters.clickhouse_client import ClickhouseClient
from assay.adapters.clickhouse_schema import SCHEMA
from assay.model.activity import Activity, EventsAsked, EventsSummary, Grain
from assay.model.event import FirstExposure, microseconds, moment_of
from assay.model.measurement import ExperimentMoments, MomentsRequest
from assay.ports import InboxBatch
from assay.queries.moments import answers_of, questions_of
from assay.queries.moments.clickhouse_layout import CLICKHOUSE_LAYOUT

_log = structlog.get_logger("assay.warehouse")
_HIGHEST = 2**63
_DAY = 86_400_000_000
UNITS_ERROR, RANK_ERROR = 0.01, 0.01
"""Of ClickHouse's uniqCombined64 and quantilesTDigest."""


class _Line(msgspec.Struct):
    """A line of the inbox."""

    key: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{32}$")]
    unit: str
    type: str
    experiment: str
    variant: str | None
    occurred_at: int
    metrics: dict[str, float]
    properties: msgspec.Raw


_lines = msgspec.json.Decoder(_Line)


_POSITION = "SELECT max(position) FROM load_position WHERE `partition` = {partition:Int32}"
_EXPOSED_UNITS = "SELECT experiment, uniqExact(unit) FROM exposures GROUP BY experiment"
_EXPOSURE_LOG = """
SELECT experiment, unit, variant, first_at, context FROM exposures FINAL
WHERE ({every:UInt8} OR has({keys:Array(String)}, experiment)) AND ({anyone:UInt8} OR unit = {unit:String})
ORDER BY first_at DESC, experiment, unit, variant LIMIT {limit:UInt64} OFFSET {offset:UInt64}
"""
_ASKED = """occurred_at >= {since:Int64} AND occurred_at < {until:Int64}
  AND ({any_type:UInt8} OR type = {type:String}) AND ({any_experiment:UInt8} OR experiment = {experiment:String})"""
_ACTIVITY = f"""
SELECT starts_at, type, experiment, sum(n) FROM (
    SELECT starts_at, type, experiment, n_events AS n FROM rollups FINAL WHERE grain = {{grain:String}}
    UNION ALL
    SELECT intDiv(occurred_at, {{length:Int64}}) * {{length:Int64}} AS starts_at, type, experiment,
        toInt64(count()) AS n
    FROM events FINAL GROUP BY starts_at, type, experiment
) WHERE {_ASKED.replace("occurred_at", "starts_at")}
GROUP BY starts_at, type, experiment ORDER BY starts_at, type, experiment
"""
_ROLL_UP = """
INSERT INTO rollups SELECT {grain:String}, intDiv(occurred_at, {length:Int64}) * {length:Int64} AS starts_at,
    type, experiment, {before:Int64}, count()
FROM events FINAL WHERE occurred_at < {before:Int64} GROUP BY starts_at, type, experiment
"""


class ClickhouseWarehouse:
    """The Warehouse port. Nothing is opened before it is used: a server starts while ClickHouse is gone."""

    def __init__(self, url: str, *, query_seconds: float = 30.0) -> None:
        self._client = ClickhouseClient(url, query_seconds=query_seconds, on_connect=SCHEMA)

    def position(self, partition: int = 0) -> int:
        return int(self._client.rows(_POSITION, {"partition": partition})[0][0])

    def load(self, batch: InboxBatch) -> int:
        if batch.position <= self.position(batch.partition):
            return 0
        lines = self._read(batch.lines)
        version = _HIGHEST - time.time_ns() // 1_000
        token = f"{batch.partition}-{batch.position}"
        self._client.insert("events", _events([item for item in lines if item.variant is None], version), token=token)
        self._client.insert("exposures", _exposures([item for item in lines if item.variant is not None]), token=token)
        self._client.insert(
            "load_position", {"partition": [batch.partition], "position": [batch.position]}, token=token
        )
        return len(lines)

    def moments(self, requests: Sequence[MomentsRequest]) -> dict[str, ExperimentMoments]:
        answered = [
            (question, self._client.rows(question.sql)) for question in questions_of(requests, CLICKHOUSE_LAYOUT)
        ]
        return answers_of(requests, answered)

    def exposures(self) -> dict[str, int]:
        return {str(key): int(n_units) for key, n_units in self._client.rows(_EXPOSED_UNITS)}

    def exposure_log(
        self, *, kept_under: Sequence[str] | None, unit: str | None, limit: int, offset: int
    ) -> list[FirstExposure]:
        values = {
            "every": int(kept_under is None),
            "keys": list(kept_under or ()),
            "anyone": int(unit is None),
            "unit": unit or "",
            "limit": limit,
            "offset": offset,
        }
        return [
            FirstExposure(key, who, variant, moment_of(at), json.loads(context) if context else {})
            for key, who, variant, at, context in self._client.rows(_EXPOSURE_LOG, values)
        ]

    def forget(self, unit: str) -> int:
        values = {"unit": unit}
        counts = [
            self._client.rows(f"SELECT count() FROM {table} FINAL WHERE unit = {{unit:String}}", values)[0][0]
            for table in ("events", "exposures")
        ]
        for table in ("events", "exposures"):
            self._delete(table, "unit = {unit:String}", values)
        return sum(map(int, counts))

    def drop_before(self, moment: datetime) -> int:
        before = microseconds(moment) // _DAY * _DAY
        values: dict[str, Any] = {"before": before}
        if self._client.rows("SELECT 1 FROM drops WHERE dropped_at >= {before:Int64} LIMIT 1", values):
            return 0
        count = "SELECT count() FROM events FINAL WHERE occurred_at < {before:Int64}"
        n_events = int(self._client.rows(count, values)[0][0])
        if n_events:
            # Counted anew after a crash in the middle, these rows take the place of themselves.
            for grain in Grain:
                self._client.run(_ROLL_UP, values | {"grain": grain.value, "length": grain.microseconds})
            self._delete("events", "occurred_at < {before:Int64}", values)
            self._client.run("INSERT INTO drops VALUES ({before:Int64})", values)
        return n_events

    def activity(self, asked: EventsAsked, grain: Grain) -> list[Activity]:
        values = _values(asked) | {"grain": grain.value, "length": grain.microseconds}
        return [
            Activity(moment_of(at), str(kind), str(experiment), int(n_events))
            for at, kind, experiment, n_events in self._client.rows(_ACTIVITY, values)
        ]

    def summary(
        self, asked: EventsAsked, field: str | None, quantiles: Sequence[float], *, approximate: bool
    ) -> EventsSummary:
        value = "NULL" if field is None else "if(mapContains(metrics, {field:String}), metrics[{field:String}], NULL)"
        listed = ", ".join(repr(float(share)) for share in quantiles)
        of_quantiles = "quantilesTDigest" if approximate else "quantilesExactInclusive"
        found = f"{of_quantiles}({listed})({value})" if listed and field is not None else "[]"
        units = "uniqCombined64(unit)" if approximate else "uniqExact(unit)"
        query = (
            f"SELECT count(), {units}, countIf(isNotNull({value})), "
            f"{'NULL' if field is None else f'avg({value})'}, {found} FROM events FINAL WHERE {_ASKED}"
        )
        row = self._client.rows(query, _values(asked) | {"field": field or ""})[0]
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

    def check(self) -> None:
        self._client.rows("SELECT 1")

    def close(self) -> None:
        self._client.close()

    def _delete(self, table: str, condition: str, values: dict[str, Any]) -> None:
        self._client.run(f"ALTER TABLE {table} DELETE WHERE {condition} SETTINGS mutations_sync = 2", values)

    def _read(self, lines: Sequence[bytes]) -> list[_Line]:
        """The lines that can be read; the others must not hold these up."""
        found = []
        for line in lines:
            try:
                found.append(_lines.decode(line))
            except (msgspec.DecodeError, ValueError):
                _log.error("a line of the inbox cannot be read and is left out", line=repr(line[:200]))
        return found


def _events(lines: Sequence[_Line], version: int) -> dict[str, list[Any]]:
    return {
        "key": [bytes.fromhex(item.key) for item in lines],
        "unit": [item.unit for item in lines],
        "type": [item.type for item in lines],
        "experiment": [item.experiment for item in lines],
        "occurred_at": [item.occurred_at for item in lines],
        "metrics": [item.metrics for item in lines],
        "properties": [bytes(item.properties).decode() for item in lines],
        # Of repeats the highest version stays, so that of an event that came first is higher.
        "version": [version] * len(lines),
    }


def _exposures(lines: Sequence[_Line]) -> dict[str, list[Any]]:
    return {
        "experiment": [item.experiment for item in lines],
        "unit": [item.unit for item in lines],
        "variant": [item.variant for item in lines],
        "first_at": [item.occurred_at for item in lines],
        "context": [bytes(item.properties).decode() for item in lines],
        "version": [_HIGHEST - item.occurred_at for item in lines],
    }


def _values(asked: EventsAsked) -> dict[str, Any]:
    return {
        "since": microseconds(asked.since),
        "until": microseconds(asked.until),
        "any_type": int(asked.type is None),
        "type": asked.type or "",
        "any_experiment": int(asked.experiment is None),
        "experiment": asked.experiment or "",
    }
