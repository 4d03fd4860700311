"""A table of any database that SQLAlchemy reads, written to a text file that keeps its order."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from sqlalchemy import MetaData, Table, create_engine, inspect, select
from sqlalchemy.engine import Engine, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, NoSuchTableError, SQLAlchemyError

from assay.errors import InvalidInput, NotFound, Unavailable

URL_ACCEPTED = "postgresql://USER@HOST/DATABASE, sqlite:///FILE, or the path of a SQLite or DuckDB file"
_ROWS = 5_000


def spool_table(url: str, table: str, path: Path) -> None:
    """Write all rows of a table to a CSV file. Raises InvalidInput for the address, NotFound for the table."""
    engine = _engine(url)
    try:
        _write(engine, _reflected(engine, table), path)
    except SQLAlchemyError as error:
        raise Unavailable(f"the table {table} cannot be read: {str(error).partition(chr(10))[0]}") from error
    finally:
        engine.dispose()


def _engine(url: str) -> Engine:
    try:
        address = make_url(url)
        if address.drivername in ("postgresql", "postgres"):
            address = address.set(drivername="postgresql+psycopg")
        return create_engine(address)
    except (ArgumentError, NoSuchModuleError, ImportError) as error:
        shown = url.partition("://")[0]
        hint = f"it needs a driver that is not installed: {error}" if isinstance(error, ImportError) else ""
        raise InvalidInput("--from", f"{shown}://…", URL_ACCEPTED, hint=hint) from None


def _reflected(engine: Engine, name: str) -> Table:
    schema, _, table = name.rpartition(".")
    try:
        return Table(table, MetaData(), schema=schema or None, autoload_with=engine)
    except NoSuchTableError:
        inspector = inspect(engine)
        known = [*inspector.get_table_names(schema or None), *inspector.get_view_names(schema or None)]
        raise NotFound("table", name, known=sorted(known)) from None


def _write(engine: Engine, table: Table, path: Path) -> None:
    with engine.connect() as connection, path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow([column.name for column in table.columns])
        streaming = connection.execution_options(stream_results=True, yield_per=_ROWS)
        for rows in streaming.execute(select(table)).partitions():
            writer.writerows(map(_texts, rows))


def _texts(row: Iterable[Any]) -> list[Any]:
    return [json.dumps(value) if isinstance(value, dict | list) else value for value in row]
