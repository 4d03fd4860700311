"""The warehouse in ClickHouse, for what one machine cannot hold."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any

import msgspec
import structlog

from assay.adapters.clickhouse_activity import delete, drop_events, read_activity, read_summary
from assay.adapters.clickhouse_client import ClickhouseClient
from assay.adapters.clickhouse_lines import events_of, exposures_of, read_lines
from assay.adapters.clickhouse_schema import SCHEMA
from assay.model.activity import Activity, EventsAsked, EventsSummary, Grain
from assay.model.event import FirstExposure, microseconds, moment_of
from assay.model.measurement import ExperimentMoments, MomentsRequest
from assay.ports import InboxBatch
from assay.queries.moments import answers_of, questions_of
from assay.queries.moments.clickhouse_layout import CLICKHOUSE_LAYOUT

_log = structlog.get_logger("assay.warehouse")
_DAY = 86_400_000_000
_POSITION = "SELECT max(position) FROM load_position WHERE `partition` = {partition:Int32}"
_EXPOSED_UNITS = "SELECT experiment, uniqExact(unit) FROM exposures GROUP BY experiment"
_EXPOSURE_LOG = """
SELECT experiment, unit, variant, first_at, context FROM exposures FINAL
WHERE ({every:UInt8} OR has({keys:Array(String)}, experiment)) AND ({anyone:UInt8} OR unit = {unit:String})
ORDER BY first_at DESC, experiment, unit, variant LIMIT {limit:UInt64} OFFSET {offset:UInt64}
"""
_OF_UNIT = "unit = {unit:String}"
_NAMES_UNIT = "position(line, {named:String}) > 0"


class ClickhouseWarehouse:
    """The Warehouse port. Nothing is opened before it is used: a server starts while ClickHouse is gone."""

    def __init__(self, url: str, *, query_seconds: float = 30.0) -> None:
        self._client = ClickhouseClient(url, query_seconds=query_seconds, on_connect=SCHEMA)

    def position(self, partition: int = 0) -> int:
        return int(self._client.rows(_POSITION, {"partition": partition})[0][0])

    def load(self, batch: InboxBatch) -> int:
        if batch.position <= self.position(batch.partition):
            return 0
        joined = b"\n".join(batch.lines)
        lines, torn = read_lines(batch.lines, joined)
        # Of the lines, too: a token that came with others would keep these out.
        token = f"{batch.partition}-{batch.position}-{sha256(joined).hexdigest()}"
        if torn:
            self._put_aside(torn, batch, token)
        self._client.insert("events", events_of(lines), token=token)
        self._client.insert("exposures", exposures_of(lines), token=token)
        # Comes last: what stands before the position is there.
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
        values = {"unit": unit, "named": f'"unit":{msgspec.json.encode(unit).decode()}'}
        delete(self._client, "unreadable", _NAMES_UNIT, values)
        n_removed = 0
        for table in ("events", "exposures"):
            count = f"SELECT count() FROM {table} FINAL WHERE {_OF_UNIT}"
            n_removed += int(self._client.all_rows(count, values)[0][0])
            delete(self._client, table, _OF_UNIT, values)
        return n_removed

    def drop_before(self, moment: datetime) -> int:
        return drop_events(self._client, microseconds(moment) // _DAY * _DAY)

    def activity(self, asked: EventsAsked, grain: Grain) -> list[Activity]:
        return read_activity(self._client, asked, grain)

    def summary(
        self, asked: EventsAsked, field: str | None, quantiles: Sequence[float], *, approximate: bool
    ) -> EventsSummary:
        return read_summary(self._client, asked, field, quantiles, approximate=approximate)

    def check(self) -> None:
        self._client.quick_rows("SELECT 1 FROM load_position LIMIT 1")

    def close(self) -> None:
        self._client.close()

    def _put_aside(self, torn: Sequence[bytes], batch: InboxBatch, token: str) -> None:
        _log.error("lines of the inbox cannot be read and are put aside", n_lines=len(torn), table="unreadable")
        columns: dict[str, list[Any]] = {
            "line": list(torn),
            "partition": [batch.partition] * len(torn),
            "position": [batch.position] * len(torn),
        }
        self._client.insert("unreadable", columns, token=token)
