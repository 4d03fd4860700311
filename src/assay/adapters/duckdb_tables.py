"""Data at rest elsewhere, read through DuckDB in memory: files and dataframes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from typing import Any

import duckdb

from assay.adapters.duckdb_files import attach, open_memory, reason_of, types_of
from assay.errors import InvalidInput
from assay.model.moments import COVARIATE, VALUE, Moments
from assay.model.table import Gaps, TableMoments, TableRequest
from assay.queries.tables import CROSSED, DIALECT, KEPT, Columns, columns_of, table_moments, unfit

_Row = Mapping[str, Any]


class DuckdbTables:
    """The Tables port. Every call has a connection of its own, so calls from several threads are safe.

    One thread: sums in floating point depend on their order, and the same file must always give the same numbers.
    """

    def columns(self, source: Any) -> list[str]:
        with closing(open_memory(threads=1)) as connection:
            attach(connection, source, text_columns=())
            return list(types_of(connection))

    def moments(self, source: Any, request: TableRequest) -> TableMoments:
        with closing(open_memory(threads=1)) as connection:
            attach(connection, source, text_columns=(request.unit, request.variant))
            types = types_of(connection)
            failures = {
                item.metric.key: reason for item in request.metrics if (reason := unfit(item, types)) is not None
            }
            fit = tuple(item for item in request.metrics if item.metric.key not in failures)
            answer = _answer(connection, replace(request, metrics=fit), types)
            return replace(answer, failures={**failures, **answer.failures})


def _answer(connection: duckdb.DuckDBPyConnection, request: TableRequest, types: Mapping[str, str]) -> TableMoments:
    """All metrics in one scan; when a value cannot be read at all, each metric by itself to find which."""
    try:
        return _decoded(request, _rows(connection, request, types))
    except duckdb.Error as error:
        if not request.metrics:
            raise InvalidInput(
                "data", request.unit, "units and variants that can be read", hint=reason_of(error)
            ) from error
        if len(request.metrics) == 1:
            answer = _answer(connection, replace(request, metrics=()), types)
            return replace(answer, failures={request.metrics[0].metric.key: reason_of(error)})
    alone = [_answer(connection, replace(request, metrics=(item,)), types) for item in request.metrics]
    return replace(
        alone[0],
        metrics={key: value for part in alone for key, value in part.metrics.items()},
        gaps={key: value for part in alone for key, value in part.gaps.items()},
        failures={key: value for part in alone for key, value in part.failures.items()},
    )


def _rows(connection: duckdb.DuckDBPyConnection, request: TableRequest, types: Mapping[str, str]) -> list[_Row]:
    cursor = connection.execute(table_moments(request, types).sql(dialect=DIALECT))
    names = [column[0] for column in cursor.description or ()]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def _decoded(request: TableRequest, rows: Sequence[_Row]) -> TableMoments:
    kept = sorted((row for row in rows if row["state"] == KEPT), key=lambda row: str(row["variant"]))
    metrics: dict[str, dict[str, Moments]] = {}
    gaps: dict[str, Gaps] = {}
    failures: dict[str, str] = {}
    for item, columns in zip(request.metrics, columns_of(request.metrics), strict=True):
        key = item.metric.key
        moments = {row["variant"]: _moments(row, columns) for row in kept}
        if all(_is_finite(value) for value in moments.values()):
            metrics[key], gaps[key] = moments, _gaps(kept, columns)
        else:
            failures[key] = f"the values of column '{item.column}' are too large to add up"
    return TableMoments(
        rows=sum(int(row["n_rows"]) for row in rows),
        rows_without=sum(int(row["n_without"]) for row in rows),
        units={row["variant"]: row["n_units"] for row in kept},
        units_in_two_variants=sum(row["n_units"] for row in rows if row["state"] == CROSSED),
        metrics=metrics,
        gaps=gaps,
        failures=failures,
    )


def _moments(row: _Row, columns: Columns) -> Moments:
    """Moments from one row; a covariate that no unit has is dropped."""
    n = int(row[columns.n_units])
    if n == 0:
        return Moments.zeros(0, columns.names)
    means = tuple(row[name] for name in columns.means)
    comoments = tuple(row[name] for name in columns.comoments)
    if None in means:
        return Moments(n, (VALUE,), means[:1], comoments[:1], row[columns.maximum])
    return Moments(n, columns.names, means, comoments, row[columns.maximum])


def _is_finite(moments: Moments) -> bool:
    return all(math.isfinite(value) for value in (*moments.means, *moments.comoments))


def _gaps(kept: Sequence[_Row], columns: Columns) -> Gaps:
    covariates = columns.n_without_covariate if columns.names[-1] == COVARIATE else None
    return Gaps(
        values=sum(int(row[columns.n_missing]) for row in kept),
        units=sum(int(row["n_units"]) - int(row[columns.n_units]) for row in kept),
        covariates=sum(int(row[covariates]) for row in kept) if covariates else 0,
    )
