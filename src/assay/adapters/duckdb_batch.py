"""Every row of a table through one query, and its answer in a file."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import duckdb

from assay.adapters.duckdb_files import attach, open_memory, reason_of, types_of
from assay.errors import InvalidInput, NotFound
from assay.model.experiment import Experiment
from assay.model.table import Assigned, BatchQuestion, ColumnKind
from assay.queries.assignment import assignment_sql
from assay.queries.tables import SOURCE

_OUTPUTS = {
    ".parquet": "FORMAT parquet, COMPRESSION zstd",
    ".csv": "FORMAT csv, HEADER",
    ".jsonl": "FORMAT json",
}
_UNITS = "units_to_assign"
_COUNTS = "SELECT variant, reason, count(*) FROM assigned GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2"
_NUMBERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "FLOAT", "DOUBLE")
_CASTS = {ColumnKind.TEXT: "VARCHAR", ColumnKind.NUMBER: "DOUBLE", ColumnKind.BOOLEAN: "BOOLEAN"}
"""What a column is read as when the caller says what it is."""


class DuckdbBatches:
    """The Batches port."""

    def assign(
        self, source: Any, experiments: Sequence[Experiment], question: BatchQuestion, output: Path | None = None
    ) -> Assigned:
        form = _form(output)
        with self._assigned(source, experiments, question) as connection:
            if output is not None:
                _write(connection, output, form)
            return Assigned(counts=tuple(connection.execute(_COUNTS).fetchall()))

    def frame(self, source: Any, experiments: Sequence[Experiment], question: BatchQuestion) -> Any:
        with self._assigned(source, experiments, question) as connection:
            try:
                return connection.execute("FROM assigned").df()
            except ImportError as error:
                raise InvalidInput("output", None, "a file, where pandas is not installed", hint=str(error)) from None

    @contextmanager
    def _assigned(
        self, source: Any, experiments: Sequence[Experiment], question: BatchQuestion
    ) -> Iterator[duckdb.DuckDBPyConnection]:
        """A database with the table `assigned`, its rows in the order of the source."""
        with closing(open_memory()) as connection:
            attach(connection, source, text_columns=())
            _check(list(types_of(connection)), question)
        with closing(open_memory()) as connection:
            text = [name for name, kind in question.kinds.items() if kind is ColumnKind.TEXT]
            attach(connection, source, text_columns=(question.unit, *text))
            known = _prepare(connection, question.kinds)
            query = self.sql(experiments, question, dialect="duckdb", table=_UNITS, columns=known)
            try:
                connection.execute(f"CREATE TEMP TABLE assigned AS {query}")
            except duckdb.Error as error:
                raise InvalidInput("data", reason_of(error), "columns that hold what they are said to hold") from error
            yield connection

    def sql(
        self,
        experiments: Sequence[Experiment],
        question: BatchQuestion,
        *,
        dialect: str,
        table: str,
        columns: Mapping[str, ColumnKind],
    ) -> str:
        return assignment_sql(
            experiments,
            question.experiment,
            dialect=dialect,
            table=table,
            unit=question.unit,
            columns=columns,
            now=question.now,
            keep=question.keep,
        )


def _check(columns: Sequence[str], question: BatchQuestion) -> None:
    for name in (question.unit, *question.keep, *question.kinds):
        if name not in columns:
            raise NotFound("column", name, known=columns)
    taken = {"variant", "reason"} & {question.unit, *question.keep}
    if taken:
        raise InvalidInput("keep", min(taken), "columns other than variant and reason: the answer has these itself")


def _form(output: Path | None) -> str:
    if output is None:
        return ""
    form = _OUTPUTS.get(output.suffix.lower())
    if form is None:
        raise InvalidInput("output", output.name, f"a file that ends in {', '.join(_OUTPUTS)}")
    if not output.parent.is_dir():
        raise InvalidInput("output", str(output), "a file in a folder that exists")
    return form


def _write(connection: duckdb.DuckDBPyConnection, output: Path, form: str) -> None:
    """Under another name first, so that the file appears whole or not at all."""
    unfinished = output.with_name(f".{output.name}.{os.getpid()}")
    try:
        path = str(unfinished).replace("'", "''")
        connection.execute(f"COPY assigned TO '{path}' ({form})")
        unfinished.replace(output)
    except (duckdb.Error, OSError) as error:
        with suppress(OSError):
            unfinished.unlink()
        raise InvalidInput("output", str(output), "a file that can be written", hint=str(error)[:200]) from error


def _prepare(connection: duckdb.DuckDBPyConnection, kinds: Mapping[str, ColumnKind]) -> dict[str, ColumnKind]:
    """A view whose columns are of the kinds returned; columns of other types are in it, and are no attributes."""
    columns = connection.execute(f"DESCRIBE {SOURCE}").fetchall()
    shown, known = [], {}
    for name, declared, *_ in columns:
        quoted = '"' + name.replace('"', '""') + '"'
        kind, cast = _kind(declared) if name not in kinds else (kinds[name], _CASTS.get(kinds[name]))
        if name in kinds and cast is not None:
            _check_values(connection, name, quoted, kinds[name], cast)
        shown.append(f"CAST({quoted} AS {cast}) AS {quoted}" if cast else quoted)
        if kind is not None:
            known[name] = kind
    connection.execute(f"CREATE TEMP VIEW {_UNITS} AS SELECT {', '.join(shown)} FROM {SOURCE}")
    return known


def _check_values(connection: duckdb.DuckDBPyConnection, name: str, quoted: str, kind: ColumnKind, cast: str) -> None:
    """Every value must be what its column is said to hold: an attribute that never matches would go unnoticed."""
    odd = f"SELECT {quoted} FROM {SOURCE} WHERE {quoted} IS NOT NULL AND TRY_CAST({quoted} AS {cast}) IS NULL LIMIT 1"
    row = connection.execute(odd).fetchone()
    if row is not None:
        raise InvalidInput(f"column '{name}'", row[0], f"values that are {kind.value}, or another kind for the column")


def _kind(declared: str) -> tuple[ColumnKind | None, str | None]:
    """What a column's type is as an attribute, and what it is read as when it is not read as it is."""
    base = declared.removesuffix("[]")
    if base.startswith("DECIMAL"):
        kind, cast = ColumnKind.NUMBER, "DOUBLE"
    elif base.removeprefix("U") in _NUMBERS:
        kind, cast = ColumnKind.NUMBER, None
    elif base == "UUID" or base.startswith("ENUM"):
        kind, cast = ColumnKind.TEXT, "VARCHAR"
    elif base in ("VARCHAR", "BOOLEAN"):
        kind, cast = ColumnKind.TEXT if base == "VARCHAR" else ColumnKind.BOOLEAN, None
    elif re.match("TIMESTAMP|DATE", base) and base == declared:
        return ColumnKind.MOMENT, None
    else:
        return None, None
    if declared.endswith("[]") and not base.endswith("]"):
        return ColumnKind(f"{kind}s"), f"{cast}[]" if cast else None
    return kind, cast
