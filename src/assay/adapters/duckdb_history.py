"""Histories in files and in tables of a DuckDB file, read row by row with bounded memory."""

from __future__ import annotations

import glob
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb

from assay.adapters.duckdb_files import EMPTY_TEXTS, open_memory, reason_of, types_of
from assay.errors import InvalidInput, NotFound
from assay.model.history import (
    HistoryBatch,
    HistoryMapping,
    HistoryRules,
    KnownExperiment,
    RefusedRow,
    RowProblem,
    Survey,
)
from assay.queries.history import BROKEN, MAX_ROW_BYTES, HistoryQuery, literal, quoted

FILES_ACCEPTED = "a .csv, .tsv, .parquet, .jsonl, .ndjson or .json file (text may be packed as .gz or .zst)"
_PACKED = (".gz", ".zst")
_SOURCE = "history"
_MEMORY = "512MB"
_ROWS = 10_000
_MANY_REPEATED = 2_000_000
"""More than this are looked up in parts that come in any order."""
_ACCEPTED = {
    RowProblem.ROW: "a JSON object",
    RowProblem.UNIT: "text of 1 to 20,000 characters",
    RowProblem.ID: "text that is not empty",
    RowProblem.TIME: "a time in ISO 8601, like 2026-02-05T10:30:00Z, or in s, ms or µs since 1970 (from March 1973 on)",
    RowProblem.FUTURE: "a time that is past",
    RowProblem.BEFORE_START: "a time after the experiment's start",
    RowProblem.EXPERIMENT: "the experiment that the variant is of",
    RowProblem.UNKNOWN_EXPERIMENT: "an experiment that has been started",
    RowProblem.VARIANT: "the variant that the unit met",
    RowProblem.UNKNOWN_VARIANT: "a variant of the experiment",
    RowProblem.TYPE: "text of 1 to 100 characters, and 'exposure' in lower case",
    RowProblem.METRIC: "a finite number, true, false or nothing",
    RowProblem.SIZE: f"rows that make at most {MAX_ROW_BYTES:,} bytes",
}


@dataclass(slots=True)
class DuckdbHistory:
    """The History port. path: of a file; or of a DuckDB file, with the name of a `table` in it, dots between parts."""

    path: Path
    table: str | None = None
    _connection: duckdb.DuckDBPyConnection = field(init=False)
    _types: dict[str, str] = field(init=False)
    _columns: list[str] = field(init=False)

    def __post_init__(self) -> None:
        if not self.path.is_file():
            raise NotFound("file", str(self.path))
        self._connection = open_memory()
        run = self._connection.execute
        run(f"SET memory_limit = '{_MEMORY}'")
        run("SET TimeZone = 'UTC'")
        # The rows stay in their order only if what they are joined with is looked up, not they in it.
        run("SET disabled_optimizers = 'join_order,build_side_probe_side'")
        try:
            run(f"CREATE VIEW {_SOURCE} AS {self._select()}")
            self._types = types_of(self._connection, _SOURCE)
        except (duckdb.Error, UnicodeDecodeError) as error:
            accepted = FILES_ACCEPTED if self.table is None else "a table of a DuckDB file that nobody writes to"
            raise InvalidInput("file", self.path.name, accepted, hint=reason_of(error)) from error
        self._columns = [name for name in self._types if name != BROKEN]

    def columns(self) -> dict[str, str]:
        return {name: kind for name, kind in self._types.items() if name != BROKEN}

    def first_rows(self, count: int) -> list[tuple[Any, ...]]:
        names = ", ".join(map(quoted, self._columns))
        return self._ask(f"SELECT {names} FROM {_SOURCE} LIMIT {int(count)}")

    def survey(self, mapping: HistoryMapping, rules: HistoryRules) -> Survey:
        query = self._query(mapping, rules)
        ((rows, first, last),) = self._ask(query.extent())
        found: dict[str, list[str]] = {}
        if mapping.variant is not None and mapping.exposures:
            for experiment, variant in self._ask(query.variants()):
                found.setdefault(experiment, []).append(variant)
        return Survey(
            rows=rows,
            first=first,
            last=last,
            unreadable=tuple(self._unreadable()),
            variants={key: tuple(variants) for key, variants in found.items()},
        )

    def batches(self, mapping: HistoryMapping, rules: HistoryRules, after: int) -> Iterator[HistoryBatch]:
        query = self._query(mapping, rules)
        self._prepare(query, rules.known or ())
        cursor = self._connection.cursor()
        cursor.execute("SET TimeZone = 'UTC'")
        try:
            cursor.execute(query.rows(after, ordered=self._n_repeated() > _MANY_REPEATED))
            while rows := cursor.fetchmany(_ROWS):
                if (rows[0][0], rows[-1][0]) != (after + 1, after + len(rows)):
                    raise RuntimeError(f"rows out of order after {after}: {rows[0][0]} to {rows[-1][0]}")
                after += len(rows)
                yield _batch(rows, mapping)
        except duckdb.Error as error:
            raise InvalidInput("file", self.path.name, FILES_ACCEPTED, hint=reason_of(error)) from error
        finally:
            cursor.close()

    def close(self) -> None:
        self._connection.close()

    def _query(self, mapping: HistoryMapping, rules: HistoryRules) -> HistoryQuery:
        return HistoryQuery(
            _SOURCE, self._types, mapping, rules.latest, rules.grace, rules.known is not None, rules.as_events
        )

    def _prepare(self, query: HistoryQuery, known: Sequence[KnownExperiment]) -> None:
        run = self._connection.execute
        run("CREATE OR REPLACE TABLE known_experiments (experiment VARCHAR, kept_under VARCHAR, started BIGINT)")
        run("CREATE OR REPLACE TABLE known_variants (experiment VARCHAR, variant VARCHAR)")
        for item in known:
            run("INSERT INTO known_experiments VALUES (?, ?, ?)", [item.key, item.kept_under, item.started])
            for variant in item.variants:
                run("INSERT INTO known_variants VALUES (?, ?)", [item.key, variant])
        if query.mapping.id is None:
            self._ask(f"CREATE OR REPLACE TABLE repeated AS {query.repeated()}")

    def _n_repeated(self) -> int:
        names = self._ask("SELECT estimated_size FROM duckdb_tables() WHERE table_name = 'repeated'")
        return int(names[0][0]) if names else 0

    def _ask(self, statement: str) -> list[tuple[Any, ...]]:
        try:
            return self._connection.execute(statement).fetchall()
        except duckdb.Error as error:
            raise InvalidInput("file", self.path.name, FILES_ACCEPTED, hint=reason_of(error)) from error

    def _unreadable(self) -> Iterator[RefusedRow]:
        """Lines of a text file that were left out by every reading so far."""
        names = self._ask("SELECT table_name FROM duckdb_tables() WHERE table_name = 'reject_errors'")
        if not names:
            return
        for line, kind, text in self._ask(
            "SELECT line, any_value(error_type), any_value(csv_line) FROM reject_errors GROUP BY line ORDER BY line"
        ):
            accepted = f"a line of {len(self._columns)} columns in UTF-8 ({kind.lower()})"
            yield RefusedRow(number=line, field="line", given=(text or "")[:120], accepted=accepted, row=text)

    def _select(self) -> str:
        if self.table is not None:
            self._connection.execute(f"ATTACH {literal(str(self.path))} AS elsewhere (READ_ONLY)")
            return f"SELECT * FROM elsewhere.{self._known_table()}"
        name = literal(glob.escape(str(self.path)))
        kinds = [suffix.lower() for suffix in self.path.suffixes if suffix.lower() not in _PACKED]
        kind = kinds[-1] if kinds else ""
        if kind in (".csv", ".tsv", ".txt"):
            empty = ", ".join(map(literal, EMPTY_TEXTS))
            separator = ", delim = '\t'" if kind == ".tsv" else ""
            return f"""SELECT * FROM read_csv({name}, header = true, all_varchar = true, nullstr = [{empty}],
                quote = '"', escape = '"', ignore_errors = true, store_rejects = true, rejects_limit = 0,
                hive_partitioning = false{separator})"""
        if kind in (".parquet", ".pq"):
            return f"SELECT * FROM read_parquet({name}, hive_partitioning = false)"
        if kind in (".jsonl", ".ndjson", ".json"):
            # A .json file may be one list; of lines, those that are no JSON are left to be named.
            form = "'auto'" if kind == ".json" else "'newline_delimited', ignore_errors = true"
            return self._select_json(f"read_json_objects({name}, format = {form}, maximum_object_size = 33554432)")
        raise InvalidInput("file", self.path.name, FILES_ACCEPTED)

    def _select_json(self, reader: str) -> str:
        """Every key that any object has as a column; the lines stay text, so that no odd value stops the reading."""
        keys = self._connection.execute(
            f"""SELECT key FROM (SELECT unnest(json_keys(json)) AS key, row_number() OVER () AS place FROM {reader}
            WHERE json_type(json) = 'OBJECT') GROUP BY key ORDER BY min(place), key"""
        ).fetchall()
        columns = "".join(f", json->{literal(_path(key))} AS {quoted(key)}" for (key,) in keys)
        broken = f"coalesce(json_type(json), '') <> 'OBJECT' AS {quoted(BROKEN)}"
        return f"SELECT {broken}{columns} FROM {reader}"

    def _known_table(self) -> str:
        parts = (self.table or "").split(".")
        rows = self._connection.execute(
            """SELECT schema_name, table_name FROM duckdb_tables() WHERE database_name = 'elsewhere' UNION ALL
            SELECT schema_name, view_name FROM duckdb_views() WHERE database_name = 'elsewhere' AND NOT internal"""
        ).fetchall()
        for schema, name in rows:
            if parts in ([name], [schema, name]):
                return f"{quoted(schema)}.{quoted(name)}"
        raise NotFound("table", self.table or "", known=sorted(name for _, name in rows))


def _path(key: str) -> str:
    """The JSON pointer of a key."""
    return "/" + key.replace("~", "~0").replace("/", "~1")


def _batch(rows: Sequence[tuple[Any, ...]], mapping: HistoryMapping) -> HistoryBatch:
    good = [row for row in rows if row[1] is None]
    refused = () if len(good) == len(rows) else tuple(_refused(row, mapping) for row in rows if row[1] is not None)
    full = [row for row in good if row[4]]
    return HistoryBatch(
        through=rows[-1][0],
        numbers=[row[0] for row in full],
        texts=[row[4] for row in full],
        exposures=sum(row[5] for row in full),
        events=sum(row[6] for row in full),
        refused=refused,
    )


def _refused(row: tuple[Any, ...], mapping: HistoryMapping) -> RefusedRow:
    number, wrong, given, whole = row[:4]
    problem, _, place = wrong.partition(":")
    column = mapping.columns().get(_OPTIONS.get(problem, problem), _OPTIONS.get(problem, problem))
    if problem == RowProblem.METRIC:
        column = mapping.metrics[int(place)].column
    return RefusedRow(
        number=number,
        field=column,
        given=json.dumps(given, ensure_ascii=False)[:120],
        accepted=_ACCEPTED[RowProblem(problem)],
        row=json.loads(whole) if whole else None,
    )


_OPTIONS: dict[str, str] = {
    RowProblem.FUTURE: "time",
    RowProblem.BEFORE_START: "time",
    RowProblem.UNKNOWN_EXPERIMENT: "experiment",
    RowProblem.UNKNOWN_VARIANT: "variant",
    RowProblem.SIZE: "row",
}
"""The option whose column a problem is in, where it is not of the same name."""
