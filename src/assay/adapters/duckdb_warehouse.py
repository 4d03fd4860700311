"""The embedded warehouse: one DuckDB file, written by the loader alone."""

from __future__ import annotations

import json
import os
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import duckdb
import msgspec
import structlog

from assay.adapters.duckdb_activity import SCHEMA as ROLLUPS
from assay.adapters.duckdb_activity import add_rollups, compact_rollups, read_activity, read_summary
from assay.adapters.duckdb_kept import KeptUnits
from assay.errors import FileInUse, Unavailable
from assay.model.activity import Activity, EventsAsked, EventsSummary, Grain
from assay.model.event import FirstExposure, microseconds, moment_of
from assay.model.measurement import ExperimentMoments, MomentsRequest
from assay.ports import InboxBatch

_DAY = 86_400_000_000
_log = structlog.get_logger("assay.warehouse")
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
ALTER TABLE events ADD COLUMN IF NOT EXISTS loaded BIGINT DEFAULT 0;
ALTER TABLE exposures ADD COLUMN IF NOT EXISTS loaded BIGINT DEFAULT 0;
CREATE TABLE IF NOT EXISTS load_number (number BIGINT NOT NULL);
INSERT INTO load_number SELECT 0 WHERE NOT EXISTS (SELECT 1 FROM load_number);
CREATE TABLE IF NOT EXISTS unreadable (line BLOB NOT NULL, position BIGINT NOT NULL);
"""

_STAGE = """
CREATE OR REPLACE TEMP TABLE staged AS
SELECT * FROM read_json(?, format = 'newline_delimited', maximum_object_size = 33554432, columns = {
    key: 'UUID', unit: 'VARCHAR', type: 'VARCHAR', experiment: 'VARCHAR', variant: 'VARCHAR',
    occurred_at: 'BIGINT', metrics: 'MAP(VARCHAR, DOUBLE)', properties: 'JSON'})
"""

# Duplicates are told apart by key alone, within the batch and against everything loaded before; whole rows are only
# fetched for what is new, which is three times as fast as DISTINCT ON.
_ADD_EVENTS = """
INSERT INTO events BY NAME
SELECT s.key, s.unit, s.type, s.experiment, s.occurred_at, s.metrics, s.properties,
       (SELECT number FROM load_number) AS loaded
FROM staged AS s SEMI JOIN (
    SELECT min(n.rowid) AS first FROM staged AS n ANTI JOIN events AS e ON e.key = n.key
    WHERE n.variant IS NULL GROUP BY n.key
) AS f ON s.rowid = f.first
ORDER BY s.unit
"""

_FIRST_EXPOSURES = """
CREATE OR REPLACE TEMP TABLE met AS
SELECT experiment, unit, variant, min(occurred_at) AS first_at, arg_min(properties, occurred_at) AS context
FROM staged WHERE variant IS NOT NULL GROUP BY experiment, unit, variant
"""

_MOVE_EXPOSURES = """
UPDATE exposures AS e SET first_at = m.first_at, context = m.context, loaded = (SELECT number FROM load_number)
FROM met AS m
WHERE e.experiment = m.experiment AND e.unit = m.unit AND e.variant = m.variant AND m.first_at < e.first_at
"""

_ADD_EXPOSURES = """
INSERT INTO exposures BY NAME
SELECT m.experiment, m.unit, m.variant, m.first_at, m.context, (SELECT number FROM load_number) AS loaded
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
    """The Warehouse port. One lock serialises loading and analysis; what people read does not wait for them.

    query_seconds: what takes longer is broken off.
    """

    def __init__(self, path: Path, *, query_seconds: float = 30.0) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._reader_lock = threading.Lock()
        self._query_seconds = query_seconds
        self._open()

    def position(self, partition: int = 0) -> int:
        with self._lock:
            return self._position(partition)

    def load(self, batch: InboxBatch) -> int:
        with self._lock:
            if batch.position <= self._position(batch.partition):
                return 0
            try:
                aside = self._stage(batch.lines)
                with self._transaction():
                    return self._add(batch, aside)
            except (OSError, duckdb.IOException, duckdb.FatalException, duckdb.OutOfMemoryException) as error:
                raise Unavailable(f"events could not be loaded: {_first_line(error)}") from error

    def moments(self, requests: Sequence[MomentsRequest]) -> dict[str, ExperimentMoments]:
        if not requests:
            return {}
        with self._lock, self._in_time(self._connection), self._transaction():
            return self._kept.moments(requests, self._loads())

    def exposures(self) -> dict[str, int]:
        with self._reader_lock, self._in_time(self._reader):
            return dict(self._reader.execute(_EXPOSED_UNITS).fetchall())

    def exposure_log(
        self, *, kept_under: Sequence[str] | None, unit: str | None, limit: int, offset: int
    ) -> list[FirstExposure]:
        keys = None if kept_under is None else list(kept_under)
        with self._reader_lock, self._in_time(self._reader):
            rows = self._reader.execute(_EXPOSURE_LOG, [keys, unit, limit, offset]).fetchall()
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
            self._kept.forget(unit)
        return sum(int(row[0]) for row in removed if row)

    def drop_before(self, moment: datetime) -> int:
        with self._lock, self._transaction():
            before = microseconds(moment) // _DAY * _DAY
            row = self._connection.execute("DELETE FROM events WHERE occurred_at < ?", [before]).fetchone()
            compact_rollups(self._connection, before)
        return int(row[0]) if row else 0

    def activity(self, asked: EventsAsked, grain: Grain) -> list[Activity]:
        with self._reader_lock, self._in_time(self._reader):
            return read_activity(self._reader, asked, grain)

    def summary(
        self, asked: EventsAsked, field: str | None, quantiles: Sequence[float], *, approximate: bool
    ) -> EventsSummary:
        with self._reader_lock, self._in_time(self._reader):
            return read_summary(self._reader, asked, field, quantiles, approximate=approximate)

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
            with self._reader_lock:
                self._reader.close()
                self._connection.close()
                # A log that outlived its file would be applied to the new one. Closing empties it, unless the disk is
                # full.
                if not log.exists():
                    os.replace(fresh, self._path)
                for left_by_a_crash in self._path.parent.glob(f"*{_BATCH_SUFFIX}"):
                    left_by_a_crash.unlink(missing_ok=True)
                self._open()
            if fresh.exists():
                raise Unavailable("the warehouse cannot be written anew: its log could not be emptied")

    def check(self) -> None:
        try:
            with self._reader_lock:
                self._reader.execute("SELECT 1 FROM load_position LIMIT 1").fetchall()
        except duckdb.Error as error:
            raise Unavailable(f"the warehouse does not answer: {_first_line(error)}") from error

    def close(self) -> None:
        with self._lock, self._reader_lock:
            self._reader.close()
            self._connection.close()

    @contextmanager
    def _in_time(self, connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
        timer = threading.Timer(self._query_seconds, connection.interrupt)
        timer.daemon = True
        timer.start()
        try:
            yield
        except duckdb.InterruptException as error:
            hint = "allow more time with QUERY_TIMEOUT_SECONDS, or look at a sample with SAMPLE_ABOVE_UNITS"
            raise Unavailable(f"the query took longer than {self._query_seconds:g} s", hint=hint) from error
        finally:
            timer.cancel()

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._connection.execute("BEGIN")
        try:
            yield
            self._connection.execute("COMMIT")
        except BaseException as error:
            # A commit that could not be written has ended the transaction itself.
            with suppress(duckdb.Error):
                self._connection.execute("ROLLBACK")
            if isinstance(error, duckdb.FatalException):
                self._open_again()
            raise

    def _open(self) -> None:
        try:
            self._connection = duckdb.connect(str(self._path))
            self._connection.execute(_SCHEMA + ROLLUPS)
        except duckdb.IOException as error:
            hint = "stop the other server, or give this one a data folder of its own"
            kind = FileInUse if "lock" in str(error).lower() else Unavailable
            raise kind(f"the warehouse {self._path} cannot be opened: {_first_line(error)}", hint=hint) from error
        self._kept = KeptUnits(self._connection)
        self._reader = self._connection.cursor()

    def _open_again(self) -> None:
        """After an error that DuckDB survives only by being opened anew."""
        with self._reader_lock:
            for connection in (self._reader, self._connection):
                with suppress(duckdb.Error):
                    connection.close()
            self._open()

    def _loads(self) -> int:
        row = self._connection.execute("SELECT number FROM load_number").fetchone()
        return int(row[0]) if row else 0

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

    def _stage(self, lines: Sequence[bytes]) -> list[bytes]:
        """The lines as a table. What cannot be read is given back: it must not hold up the others."""
        try:
            self._read(lines)
        except (duckdb.InvalidInputException, duckdb.ConversionException):
            readable = [line for line in lines if _is_readable(line)]
            if len(readable) == len(lines):
                raise
            self._read(readable)
            return [line for line in lines if not _is_readable(line)]
        return []

    def _read(self, lines: Sequence[bytes]) -> None:
        with tempfile.NamedTemporaryFile(dir=self._path.parent, suffix=_BATCH_SUFFIX) as file:
            file.write(b"\n".join(lines))
            file.flush()
            self._connection.execute(_STAGE, [file.name])

    def _add(self, batch: InboxBatch, aside: Sequence[bytes]) -> int:
        run = self._connection.execute
        if aside:
            _log.error("lines of the inbox cannot be read and are put aside", n_lines=len(aside), table="unreadable")
            self._connection.executemany(
                "INSERT INTO unreadable VALUES (?, ?)", [[line, batch.position] for line in aside]
            )
        run("UPDATE load_number SET number = number + 1")
        added = run(_ADD_EVENTS).fetchone()
        add_rollups(self._connection)
        run(_FIRST_EXPOSURES)
        run(_MOVE_EXPOSURES)
        exposed = run(_ADD_EXPOSURES).fetchone()
        run('DELETE FROM load_position WHERE "partition" = ?', [batch.partition])
        run(
            'INSERT INTO load_position BY NAME SELECT ? AS position, ? AS "partition"',
            [batch.position, batch.partition],
        )
        return sum(int(row[0]) for row in (added, exposed) if row)


class _Line(msgspec.Struct, forbid_unknown_fields=True):
    """A line as it must be to be loaded."""

    key: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{32}$")]
    unit: str
    type: str
    experiment: str
    variant: str | None
    occurred_at: Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
    metrics: dict[str, float]
    properties: dict[str, Any]


_lines = msgspec.json.Decoder(_Line)


def _is_readable(line: bytes) -> bool:
    try:
        _lines.decode(line)
    except (msgspec.DecodeError, ValueError, RecursionError):
        return False
    return True


def _text(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]
