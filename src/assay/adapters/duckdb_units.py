"""Parquet files of one clean row per unit, read through DuckDB in one pass on all cores."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import duckdb

from assay.adapters.duckdb_files import Connections, numbered_rows, types_of
from assay.model.table import TableMoments, TableRequest
from assay.queries.tables import unfit
from assay.queries.unit_rows import (
    ROW_NUMBER,
    Facts,
    UnitSums,
    distinct_units,
    facts_of,
    facts_query,
    level_query,
    levels_of,
    loses_digits,
    with_maxima,
)

_MOST_FILES = 100

_Described = tuple[Mapping[str, str], Facts | None]


class UnitFiles:
    """The quick way. Every question may be answered with None, and then the general way is to be asked.

    What a file says of itself is kept while the file stays as it is: inode, size, and times of its last changes.
    """

    def __init__(self) -> None:
        self._connections = Connections(attaching=False)
        self._known: dict[Path, tuple[tuple[int, ...], _Described]] = {}

    def columns(self, source: Any) -> list[str] | None:
        """The names of a Parquet file's columns."""
        table = numbered_rows(source)
        try:
            with self._connections.borrowed() as connection:
                return None if table is None else list(self._described(connection, Path(source), table)[0])
        except (duckdb.Error, OSError):
            return None

    def moments(self, source: Any, request: TableRequest) -> TableMoments | None:
        """The answer for a file where every row is a unit and counts."""
        plain = request.stratum is None and not request.filters and all(item.is_plain for item in request.metrics)
        table = numbered_rows(source)
        if not plain or not request.metrics or table is None:
            return None
        try:
            with self._connections.borrowed() as connection:
                types, facts = self._described(connection, Path(source), table)
                return None if facts is None else _summed(connection, request, types, facts, table)
        except (duckdb.Error, OSError):
            return None

    def _described(self, connection: duckdb.DuckDBPyConnection, path: Path, table: str) -> _Described:
        now = path.stat()
        stamp = now.st_dev, now.st_ino, now.st_size, now.st_mtime_ns, now.st_ctime_ns
        known = self._known.get(path)
        if known is not None and known[0] == stamp:
            return known[1]
        types = types_of(connection, table)
        types.pop(ROW_NUMBER, None)
        found = types, facts_of(connection.execute(facts_query(str(path))).fetchall(), types)
        if len(self._known) >= _MOST_FILES:
            self._known.clear()
        self._known[path] = stamp, found
        return found


def _summed(
    connection: duckdb.DuckDBPyConnection, request: TableRequest, types: Mapping[str, str], facts: Facts, table: str
) -> TableMoments | None:
    named = [name for item in request.metrics for name in item.columns]
    named += [name for name in (request.unit, request.variant) if name is not None]
    if any(name not in types for name in named) or any(unfit(item, types) for item in request.metrics):
        return None
    if request.unit is not None:
        rows, with_unit, different = connection.execute(distinct_units(request.unit, table)).fetchall()[0]
        if not rows == with_unit == different:
            return None
    sums = UnitSums(request, types, facts)
    found = sums.moments(connection.execute(sums.query(table)).fetchall())
    if found is None:
        return None
    if loses_digits(found):
        levels = levels_of(connection.execute(level_query(request, types, table)).fetchall()[0])
        about = UnitSums(request, types, facts, levels)
        return about.moments(connection.execute(about.query(table)).fetchall())
    keys, query = sums.maxima(found, table)
    return with_maxima(found, keys, connection.execute(query).fetchall()) if keys else found
