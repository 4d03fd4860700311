"""The embedded warehouse: one DuckDB file, written by the loader alone."""

from __future__ import annotations

import json
import os
import tempfile
import threading
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import duckdb

from assay.errors import Unavailable
from assay.model.event import FirstExposure, microseconds, moment_of
from assay.model.measurement import ExperimentMoments, MomentsRequest
from assay.model.metric import Metric, MetricKind
from assay.model.moments import COVARIATE, DENOMINATOR, VALUE, Moments, covariate_columns
from assay.model.result import DataQuality
from assay.model.valuecounts import ValueCounts
from assay.ports import InboxBatch
from assay.queries.moments import exposed_units, metric_moments, metric_value_counts

_SCHEMA = """
CREATE TABLE IF NOT EXISTS events (
    key UUID NOT NULL, unit VARCHAR NOT NULL, type VARCHAR NOT NULL, experiment VARCHAR NOT NULL,
    occurred_at BIGINT NOT NULL, metrics MAP(VARCHAR, DOUBLE), properties JSON
);
CREATE TABLE IF NOT EXISTS exposures (
    experiment VARCHAR NOT NULL, unit VARCHAR NOT NULL, variant VARCHAR NOT NULL, first_at BIGINT NOT NULL, context JSON
);
CREATE TABLE IF NOT EXISTS load_position (position BIGINT NOT NULL);
ALTER TABLE load_position ADD COLUMN IF NOT EXISTS "partition" INTEGER DEFAULT 0;
"""

_STAGE = """
CREATE OR REPLACE TEMP TABLE staged AS
SELECT * FROM read_json(?, format = 'newline_delimited', maximum_object_size = 33554432, columns = {
    key: 'UUID', unit: 'VARCHAR', type: 'VARCHAR', experiment: 'VARCHAR', variant: 'VARCHAR',
    occurred_at: 'BIGINT', metrics: 'MAP(VARCHAR, DOUBLE)', properties: 'JSON'})
"""

# Duplicates are told apart by key alone: within the batch, and against everything loaded before.
_ADD_EVENTS = """
INSERT INTO events
SELECT DISTINCT ON (s.key) s.key, s.unit, s.type, s.experiment, s.occurred_at, s.metrics, s.properties
FROM staged AS s ANTI JOIN events AS e ON e.key = s.key
WHERE s.variant IS NULL ORDER BY s.unit
"""

_FIRST_EXPOSURES = """
CREATE OR REPLACE TEMP TABLE met AS
SELECT experiment, unit, variant, min(occurred_at) AS first_at, arg_min(properties, occurred_at) AS context
FROM staged WHERE variant IS NOT NULL GROUP BY experiment, unit, variant
"""

_MOVE_EXPOSURES = """
UPDATE exposures AS e SET first_at = m.first_at, context = m.context FROM met AS m
WHERE e.experiment = m.experiment AND e.unit = m.unit AND e.variant = m.variant AND m.first_at < e.first_at
"""

_ADD_EXPOSURES = """
INSERT INTO exposures SELECT m.experiment, m.unit, m.variant, m.first_at, m.context
FROM met AS m ANTI JOIN exposures AS e ON e.experiment = m.experiment AND e.unit = m.unit AND e.variant = m.variant
ORDER BY m.unit
"""

_EXPOSURE_LOG = """
SELECT experiment, unit, variant, first_at, context FROM exposures
WHERE ($1 IS NULL OR list_contains($1, experiment)) AND ($2 IS NULL OR unit = $2)
ORDER BY first_at DESC, experiment, unit, variant LIMIT $3 OFFSET $4
"""
_POSITION = 'SELECT coalesce(max(position), 0) FROM load_position WHERE "partition" = ?'
_BATCH_SUFFIX = ".ndjson"
_EXPOSED_UNITS = "SELECT experiment, count(DISTINCT unit) FROM exposures GROUP BY experiment"


class DuckdbWarehouse:
    """The Warehouse port. One lock serialises all use of the connection."""

    def __init__(self, path: Path) -> None:
        self._path, self._folder = path, path.parent
        self._connection = self._open()
        self._lock = threading.Lock()

    def position(self, partition: int = 0) -> int:
        with self._lock:
            return self._position(partition)

    def load(self, batch: InboxBatch) -> int:
        with self._lock, tempfile.NamedTemporaryFile(dir=self._folder, suffix=_BATCH_SUFFIX) as file:
            if batch.position <= self._position(batch.partition):
                return 0
            file.write(b"\n".join(batch.lines))
            file.flush()
            self._connection.execute("BEGIN")
            try:
                added = self._add(file.name, batch)
                self._connection.execute("COMMIT")
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            return added

    def moments(self, requests: Sequence[MomentsRequest]) -> dict[str, ExperimentMoments]:
        if not requests:
            return {}
        with self._lock:
            units = self._connection.execute(exposed_units(requests)).fetchall()
            metrics = (
                self._connection.execute(metric_moments(requests)).fetchall()
                if any(request.metrics for request in requests)
                else []
            )
            counted = [asked for request in requests if (asked := _counted(request))]
            counts = self._connection.execute(metric_value_counts(counted)).fetchall() if counted else []
        return {request.experiment: _assemble(request, units, metrics, counts) for request in requests}

    def exposures(self) -> dict[str, int]:
        with self._lock:
            return dict(self._connection.execute(_EXPOSED_UNITS).fetchall())

    def exposure_log(
        self, *, kept_under: Sequence[str] | None, unit: str | None, limit: int, offset: int
    ) -> list[FirstExposure]:
        keys = None if kept_under is None else list(kept_under)
        with self._lock:
            rows = self._connection.execute(_EXPOSURE_LOG, [keys, unit, limit, offset]).fetchall()
        return [
            FirstExposure(key, who, variant, moment_of(at), json.loads(context) if context else {})
            for key, who, variant, at, context in rows
        ]

    def forget(self, unit: str) -> int:
        with self._lock:
            removed = [
                self._connection.execute(f"DELETE FROM {table} WHERE unit = ?", [unit]).fetchone()
                for table in ("events", "exposures")
            ]
        return sum(int(row[0]) for row in removed if row)

    def drop_before(self, moment: datetime) -> int:
        with self._lock:
            row = self._connection.execute(
                "DELETE FROM events WHERE occurred_at < ?", [microseconds(moment)]
            ).fetchone()
        return int(row[0]) if row else 0

    def erase_removed(self) -> None:
        """Copies what is left into a new file that takes the old one's place: freed blocks keep their bytes."""
        fresh, log = self._path.with_suffix(".fresh"), self._path.with_suffix(f"{self._path.suffix}.wal")
        with self._lock:
            try:
                fresh.unlink(missing_ok=True)
                self._copy_into(fresh)
            except (duckdb.Error, OSError) as error:
                fresh.unlink(missing_ok=True)
                raise Unavailable(f"the warehouse cannot be written anew: {_first_line(error)}") from error
            self._connection.close()
            # A log that outlived its file would be applied to the new one. Closing empties it, unless the disk is full.
            if not log.exists():
                os.replace(fresh, self._path)
            for left_by_a_crash in self._folder.glob(f"*{_BATCH_SUFFIX}"):
                left_by_a_crash.unlink(missing_ok=True)
            self._connection = self._open()
            if fresh.exists():
                raise Unavailable("the warehouse cannot be written anew: its log could not be emptied")

    def check(self) -> None:
        try:
            with self._lock:
                self._connection.execute("SELECT 1 FROM load_position LIMIT 1")
        except duckdb.Error as error:
            raise Unavailable(f"the warehouse does not answer: {_first_line(error)}") from error

    def close(self) -> None:
        with self._lock:
            self._connection.close()

    def _open(self) -> duckdb.DuckDBPyConnection:
        try:
            connection = duckdb.connect(str(self._path))
        except duckdb.IOException as error:
            hint = "stop the other server, or give this one a data folder of its own"
            raise Unavailable(
                f"the warehouse {self._path} cannot be opened: {_first_line(error)}", hint=hint
            ) from error
        connection.execute(_SCHEMA)
        return connection

    def _copy_into(self, path: Path) -> None:
        run = self._connection.execute
        (name,) = run("SELECT current_database()").fetchone() or ("",)
        run(f"ATTACH {_text(path)} AS fresh")
        try:
            run(f'COPY FROM DATABASE "{name.replace(chr(34), chr(34) * 2)}" TO fresh')
        finally:
            run("DETACH fresh")

    def _position(self, partition: int) -> int:
        row = self._connection.execute(_POSITION, [partition]).fetchone()
        return int(row[0]) if row else 0

    def _add(self, file_name: str, batch: InboxBatch) -> int:
        run = self._connection.execute
        run(_STAGE, [file_name])
        added = run(_ADD_EVENTS).fetchone()
        run(_FIRST_EXPOSURES)
        run(_MOVE_EXPOSURES)
        exposed = run(_ADD_EXPOSURES).fetchone()
        run('DELETE FROM load_position WHERE "partition" = ?', [batch.partition])
        run(
            'INSERT INTO load_position BY NAME SELECT ? AS position, ? AS "partition"',
            [batch.position, batch.partition],
        )
        return sum(int(row[0]) for row in (added, exposed) if row)


def _text(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]


_Rows = Iterable[tuple[Any, ...]]


def _counted(request: MomentsRequest) -> MomentsRequest | None:
    """The request for value counts alone, if any are asked."""
    metrics = tuple(metric for metric in request.metrics if metric.key in request.value_counts)
    return replace(request, metrics=metrics) if metrics else None


def _assemble(
    request: MomentsRequest, unit_rows: _Rows, metric_rows: _Rows, count_rows: Sequence[tuple[Any, ...]]
) -> ExperimentMoments:
    units = dict.fromkeys(request.variants, 0)
    twice, first_at = 0, None
    for experiment, variant, seen_twice, n_units, at in unit_rows:
        if experiment != request.experiment:
            continue
        if seen_twice:
            twice += n_units
        else:
            units[variant] = n_units
        first_at = min(at, first_at) if first_at is not None else at
    mine = [row for row in metric_rows if row[0] == request.experiment]
    before: dict[str, int] = {}
    for row in mine:
        before[str(row[1])] = before.get(str(row[1]), 0) + int(row[3])
    return ExperimentMoments(
        experiment=request.experiment,
        units=units,
        metrics={metric.key: _by_variant(metric, units, mine) for metric in request.metrics},
        quality=DataQuality(units_in_two_variants=twice, events_before_exposure=max(before.values(), default=0)),
        first_exposure_at=None if first_at is None else datetime.fromtimestamp(first_at / 1e6, timezone.utc),
        value_counts={
            metric.key: _counts_by_variant(metric, units, count_rows, request.experiment)
            for metric in request.metrics
            if metric.key in request.value_counts
        },
    )


def _counts_by_variant(
    metric: Metric, units: dict[str, int], rows: Sequence[tuple[Any, ...]], experiment: str
) -> dict[str, ValueCounts]:
    found: dict[str, tuple[list[float], list[int]]] = {variant: ([], []) for variant in units}
    for of_experiment, of_metric, variant, value, count in rows:
        if of_experiment == experiment and of_metric == metric.key and variant in found:
            found[variant][0].append(float(value))
            found[variant][1].append(int(count))
    arms = {}
    for variant, (values, counts) in found.items():
        seen = ValueCounts(tuple(values), tuple(counts))
        without = 0 if metric.kind in (MetricKind.MEAN, MetricKind.QUANTILE) else units[variant] - seen.n
        arms[variant] = seen.merge(ValueCounts((0.0,), (without,))) if without else seen
    return arms


def columns_of(metric: Metric) -> tuple[str, ...]:
    """The columns of a metric's moments."""
    if metric.kind is MetricKind.RATIO:
        covariates = covariate_columns(2) if metric.covariate_hours is not None else ()
        return (VALUE, DENOMINATOR, *covariates)
    return (VALUE, COVARIATE) if metric.covariate_hours is not None else (VALUE,)


def _by_variant(metric: Metric, units: dict[str, int], rows: Iterable[tuple[Any, ...]]) -> dict[str, Moments]:
    columns = columns_of(metric)
    found = {str(row[2]): _read(columns, row) for row in rows if row[1] == metric.key}
    arms = {}
    for variant, n_units in units.items():
        seen = found.get(variant, Moments.zeros(0, columns))
        without = 0 if metric.kind in (MetricKind.MEAN, MetricKind.QUANTILE) else n_units - seen.n
        arms[variant] = seen.merge(Moments.zeros(without, columns))
    return arms


_CELLS = (VALUE, DENOMINATOR, *covariate_columns(2))
"""The columns of one row of the answer, in its order."""


def _read(columns: tuple[str, ...], row: tuple[Any, ...]) -> Moments:
    n = int(row[4])
    if n == 0:
        return Moments.zeros(0, columns)
    cells = [float(cell or 0.0) for cell in row[5:]]
    k = len(_CELLS)
    maximum, means, comoments = cells[0], tuple(cells[1 : k + 1]), tuple(cells[k + 1 :])
    whole = Moments(n, _CELLS, means, comoments)
    pairs = [(a, b) for i, a in enumerate(columns) for b in columns[i:]]
    return Moments(
        n,
        columns,
        tuple(whole.mean(name) for name in columns),
        tuple(whole.comoment(a, b) for a, b in pairs),
        maximum,
    )
