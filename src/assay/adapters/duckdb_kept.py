"""What is known of each unit, kept between two analyses: only what came in since then is added.

One table per chunk of experiments, one row per experiment and exposed unit. A unit whose exposures changed is worked
out anew from all its events; to every other one the new events are added.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import duckdb

from assay.model.event import microseconds
from assay.model.measurement import ExperimentMoments, MomentsRequest
from assay.queries.moments import EMBEDDED, counted_chunks, summing
from assay.queries.moments.answers import Answers
from assay.queries.moments.chunks import MAX_COLUMNS, Chunk, chunks_of, columns_of
from assay.queries.moments.features import Column
from assay.queries.moments.statements import (
    counts_sql,
    exposed_sql,
    merged_sql,
    per_unit_sql,
    sums_sql,
    ticks_sql,
    valued_sql,
)

SCHEMA = """
CREATE TABLE IF NOT EXISTS kept_tables (id INTEGER NOT NULL, place VARCHAR NOT NULL, holds VARCHAR NOT NULL);
CREATE TABLE IF NOT EXISTS kept_experiments (
    experiment VARCHAR NOT NULL, id INTEGER NOT NULL, terms VARCHAR NOT NULL, through BIGINT NOT NULL
);
"""
_NOTHING_YET = -1
_STALE_LOADS = 10_000
"""An experiment that nobody asked for during so many loads is no longer kept."""

_TABLE = "experiment VARCHAR, unit VARCHAR, arm VARCHAR, met_at BIGINT, twice INTEGER"
_CHANGED = "SELECT DISTINCT experiment, unit FROM exposures WHERE loaded > {0} AND experiment IN ({1})"
_UNCHANGED = """
SELECT k.experiment, k.unit, k.arm, k.met_at, k.twice FROM {0} AS k
SEMI JOIN (SELECT DISTINCT unit FROM events WHERE loaded > {1}) AS n ON n.unit = k.unit
ANTI JOIN changed AS d ON d.experiment = k.experiment AND d.unit = k.unit
WHERE k.experiment IN ({2})
"""
_UNITS = """
SELECT experiment, arm, twice, count(*), min(met_at) FROM {0} WHERE experiment IN ({1}) GROUP BY experiment, arm, twice
"""


class KeptUnits:
    """The kept tables of one warehouse, on its connection and inside its transactions."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection
        connection.execute(SCHEMA)

    def moments(self, requests: Sequence[MomentsRequest], now_at: int) -> dict[str, ExperimentMoments]:
        """Moments of these experiments after all loads up to number `now_at`."""
        answers = Answers()
        self._drop_stale(now_at)
        for table, chunk in self._placed(requests):
            for through, members in self._by_progress(chunk.requests).items():
                part = Chunk(chunk.places, members)
                if through == _NOTHING_YET:
                    self._fill(table, part)
                elif through < now_at:
                    self._bring_up_to_date(table, part, through)
                self._note(members, now_at)
            self._ask(table, chunk, answers)
        return {request.experiment: answers.of(request) for request in requests}

    def forget(self, unit: str) -> None:
        """Remove a unit from every table."""
        for (table,) in self._rows("SELECT DISTINCT 'kept_' || id FROM kept_tables"):
            self._connection.execute(f"DELETE FROM {table} WHERE unit = ?", [unit])

    def _fill(self, table: str, chunk: Chunk) -> None:
        exposed, ticks = exposed_sql(chunk.requests, EMBEDDED), ticks_sql(chunk, EMBEDDED)
        self._insert(table, chunk, exposed, ticks)

    def _bring_up_to_date(self, table: str, chunk: Chunk, through: int) -> None:
        run, keys = self._connection.execute, _keys(chunk.requests)
        run(f"CREATE OR REPLACE TEMP TABLE changed AS {_CHANGED.format(through, keys)}")
        if chunk.columns:
            self._add_new_events(table, chunk, through)
        if self._rows("SELECT 1 FROM changed LIMIT 1"):
            run(f"DELETE FROM {table} WHERE (experiment, unit) IN (FROM changed)")
            exposed = exposed_sql(chunk.requests, EMBEDDED, "(e.experiment, e.unit) IN (FROM changed)")
            ticks = ticks_sql(chunk, EMBEDDED, "v.unit IN (SELECT unit FROM changed)")
            self._insert(table, chunk, exposed, ticks)

    def _add_new_events(self, table: str, chunk: Chunk, through: int) -> None:
        """To the units whose exposures did not change."""
        run, names = self._connection.execute, list(chunk.places.values())
        exposed = _UNCHANGED.format(table, through, _keys(chunk.requests))
        run(
            f"CREATE OR REPLACE TEMP TABLE added AS WITH exposed AS ({exposed}),"
            f" ticks AS ({ticks_sql(chunk, EMBEDDED, f'v.loaded > {through}')}) {per_unit_sql(chunk, EMBEDDED)}"
        )
        if not self._rows("SELECT 1 FROM added LIMIT 1"):
            return
        sums = [
            f"{name} = {merged_sql(column, f'{table}.{name}', f'a.{name}')}"
            for column, name in zip(chunk.columns, names, strict=True)
        ]
        run(
            f"UPDATE {table} SET {', '.join(sums)} FROM added AS a"
            f" WHERE a.experiment = {table}.experiment AND a.unit = {table}.unit"
        )

    def _insert(self, table: str, chunk: Chunk, exposed: str, ticks: str) -> None:
        if chunk.columns:
            rows = f"WITH exposed AS ({exposed}), ticks AS ({ticks}) {per_unit_sql(chunk, EMBEDDED, everyone=True)}"
        else:
            rows = f"SELECT experiment, unit, arm, met_at, twice FROM ({exposed})"
        self._connection.execute(f"INSERT INTO {table} BY NAME {rows}")

    def _ask(self, table: str, chunk: Chunk, answers: Answers) -> None:
        keys = _keys(chunk.requests)
        answers.add_units(self._rows(_UNITS.format(table, keys)))
        source = f"(SELECT * FROM {table} WHERE twice = 0 AND experiment IN ({keys}))"
        if chunk.columns:
            relations = {"valued": valued_sql(chunk, EMBEDDED, source)} | summing(chunk)
            answers.add_sums(chunk, self._rows(f"{_with(relations)} {sums_sql(chunk)}"))
        for counted in counted_chunks(chunk.requests):
            part = Chunk({column: chunk.place(column) for column in counted.columns}, counted.requests)
            source = f"(SELECT * FROM {table} WHERE twice = 0 AND experiment IN ({_keys(part.requests)}))"
            query = f"{_with({'valued': valued_sql(part, EMBEDDED, source)})} {counts_sql(part)}"
            answers.add_counts(part.shapes[0], self._rows(query))

    def _placed(self, requests: Sequence[MomentsRequest]) -> list[tuple[str, Chunk]]:
        """Each request in the table that holds its columns; what has no place yet, or asks otherwise now, gets one."""
        known = {row[0]: row[1:] for row in self._rows("SELECT experiment, id, terms FROM kept_experiments")}
        tables: dict[int, dict[str, str]] = defaultdict(dict)
        for table, place, holds in self._rows("SELECT id, place, holds FROM kept_tables"):
            tables[table][holds] = place
        found: dict[int, list[MomentsRequest]] = defaultdict(list)
        homeless = []
        for request in requests:
            at = known.get(request.experiment)
            if at is not None and at[1] == _terms(request):
                found[at[0]].append(request)
            else:
                if at is not None:
                    self._drop(request.experiment, at[0])
                homeless.append(request)
        for chunk in chunks_of(homeless):
            table = self._table_for(chunk, tables)
            found[table] += chunk.requests
            self._connection.executemany(
                "INSERT INTO kept_experiments VALUES (?, ?, ?, ?)",
                [[request.experiment, table, _terms(request), _NOTHING_YET] for request in chunk.requests],
            )
        return [(f"kept_{table}", _chunk_in(tables[table], members)) for table, members in found.items()]

    def _table_for(self, chunk: Chunk, tables: dict[int, dict[str, str]]) -> int:
        """A table with room for these columns, with those that it did not have."""
        wanted = _names(chunk.columns)
        fitting = [table for table, held in tables.items() if len(wanted | set(held)) <= MAX_COLUMNS]
        table = max(fitting, key=lambda item: len(wanted & set(tables[item])), default=None)
        if table is None:
            table = max(tables, default=0) + 1
            self._connection.execute(f"CREATE TABLE kept_{table} ({_TABLE})")
        for holds in sorted(wanted - set(tables[table])):
            place = f"f{len(tables[table])}"
            self._connection.execute(f"ALTER TABLE kept_{table} ADD COLUMN {place} DOUBLE")
            self._connection.execute("INSERT INTO kept_tables VALUES (?, ?, ?)", [table, place, holds])
            tables[table][holds] = place
        return table

    def _by_progress(self, requests: Sequence[MomentsRequest]) -> dict[int, list[MomentsRequest]]:
        progress = dict(self._rows("SELECT experiment, through FROM kept_experiments"))
        found: dict[int, list[MomentsRequest]] = defaultdict(list)
        for request in requests:
            found[progress[request.experiment]].append(request)
        return found

    def _note(self, requests: Sequence[MomentsRequest], now_at: int) -> None:
        self._connection.execute(
            f"UPDATE kept_experiments SET through = {now_at} WHERE experiment IN ({_keys(requests)})"
        )

    def _drop(self, experiment: str, table: int) -> None:
        self._connection.execute(f"DELETE FROM kept_{table} WHERE experiment = ?", [experiment])
        self._connection.execute("DELETE FROM kept_experiments WHERE experiment = ?", [experiment])

    def _drop_stale(self, now_at: int) -> None:
        stale = "SELECT experiment, id FROM kept_experiments WHERE through BETWEEN 0 AND ?"
        for experiment, table in self._rows(stale, [now_at - _STALE_LOADS]):
            self._drop(experiment, table)

    def _rows(self, query: str, values: list[int] | None = None) -> list[tuple[Any, ...]]:
        return self._connection.execute(query, values or []).fetchall()


def _terms(request: MomentsRequest) -> str:
    """What, when it changes, makes all that was kept of an experiment worthless."""
    until = None if request.until is None else microseconds(request.until)
    return json.dumps([until, request.one_in, sorted(_names(columns_of(request)))])


def _names(columns: frozenset[Column] | tuple[Column, ...]) -> set[str]:
    """How columns are told apart in the database, from one run of the program to the next."""
    return {column.key for column in columns}


def _chunk_in(places: dict[str, str], requests: list[MomentsRequest]) -> Chunk:
    wanted = {column for request in requests for column in columns_of(request)}
    return Chunk({column: places[column.key] for column in sorted(wanted, key=lambda item: item.key)}, requests)


def _keys(requests: Sequence[MomentsRequest]) -> str:
    return ", ".join(EMBEDDED.dialect.text(request.experiment) for request in requests)


def _with(relations: dict[str, str]) -> str:
    return "WITH " + ", ".join(f"{name} AS ({text})" for name, text in relations.items())
