"""Data at rest elsewhere, read through DuckDB in memory: files and dataframes."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import reduce
from typing import Any

import duckdb

from assay.adapters.duckdb_files import Connections, attach, reason_of, types_of
from assay.adapters.duckdb_units import UnitFiles
from assay.errors import InvalidInput
from assay.model.moments import COVARIATE, Moments
from assay.model.table import Gaps, TableMetric, TableMoments, TableRequest
from assay.model.valuecounts import ValueCounts
from assay.queries.tables import (
    CROSSED,
    DIALECT,
    KEPT,
    Columns,
    columns_of,
    table_moments,
    table_value_counts,
    unfit,
)

_Row = Mapping[str, Any]


class DuckdbTables:
    """The Tables port. Every call has a connection of its own, so calls from several threads are safe.

    Sums in floating point depend on their order, and the same file must always give the same numbers. So the general
    way has one thread, and the quick way for Parquet sums each chunk of rows apart, in order.
    """

    def __init__(self) -> None:
        self._one_thread, self._unit_files = Connections(threads=1), UnitFiles()

    def columns(self, source: Any) -> list[str]:
        names = self._unit_files.columns(source)
        if names is not None:
            return names
        with self._one_thread.borrowed() as connection:
            attach(connection, source, text_columns=())
            return list(types_of(connection))

    def moments(self, source: Any, request: TableRequest) -> TableMoments:
        quick = self._unit_files.moments(source, request)
        if quick is not None and not request.value_counts:
            return quick
        with self._one_thread.borrowed() as connection:
            attach(connection, source, text_columns=_texts(request), whole=True)
            types = types_of(connection)
            failures = {
                item.metric.key: reason for item in request.metrics if (reason := unfit(item, types)) is not None
            }
            fit = replace(request, metrics=tuple(item for item in request.metrics if item.metric.key not in failures))
            answer = _answer(connection, fit, types) if quick is None else quick
            counts = {
                item.metric.key: _value_counts(connection, fit, item.metric.key, types, answer.units)
                for item in fit.metrics
                if item.metric.key in request.value_counts and item.metric.key not in answer.failures
            }
            return replace(answer, failures={**failures, **answer.failures}, value_counts=counts)


def _texts(request: TableRequest) -> tuple[str, ...]:
    """Columns that stay text in text files."""
    return tuple(name for name in (request.unit, request.variant, request.stratum) if name is not None)


def _value_counts(
    connection: duckdb.DuckDBPyConnection,
    request: TableRequest,
    key: str,
    types: Mapping[str, str],
    units: Mapping[str, int],
) -> dict[str, ValueCounts]:
    found: dict[str, Any] = connection.execute(
        table_value_counts(request, key, types).sql(dialect=DIALECT)
    ).fetchnumpy()
    variants, values, counts = found["variant"], found["value"], found["n_units"]
    arms = {}
    for variant in units:
        mine = variants == variant
        arms[variant] = ValueCounts(tuple(values[mine].tolist()), tuple(counts[mine].tolist()))
    return arms


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


def _not_finite(item: TableMetric) -> str:
    """Why a metric's sums are no numbers."""
    large = f"the values of column '{item.column}' are too large to add up"
    if item.transform is None:
        return large
    name = item.transform.title or item.transform.name
    return f"the {name} is not a finite number for every value of column '{item.column}', or {large}"


def _rows(connection: duckdb.DuckDBPyConnection, request: TableRequest, types: Mapping[str, str]) -> list[_Row]:
    cursor = connection.execute(table_moments(request, types).sql(dialect=DIALECT))
    names = [column[0] for column in cursor.description or ()]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def _decoded(request: TableRequest, rows: Sequence[_Row]) -> TableMoments:
    kept = sorted(
        (row for row in rows if row["state"] == KEPT), key=lambda row: (str(row["variant"]), str(row["stratum"] or ""))
    )
    strata: dict[str, dict[str, dict[str, Moments]]] = {}
    metrics: dict[str, dict[str, Moments]] = {}
    gaps: dict[str, Gaps] = {}
    failures: dict[str, str] = {}
    for item, columns in zip(request.metrics, columns_of(request.metrics), strict=True):
        key = item.metric.key
        parts = [(row["variant"], str(row["stratum"] or ""), _moments(row, columns)) for row in kept]
        if all(_is_finite(value) for *_, value in parts):
            metrics[key], gaps[key] = _merged((variant, value) for variant, _, value in parts), _gaps(kept, columns)
            if request.stratum is not None:
                strata[key] = _by_stratum(parts)
        else:
            failures[key] = _not_finite(item)
    return TableMoments(
        rows=sum(int(row["n_rows"]) for row in rows),
        rows_without=sum(int(row["n_without"]) for row in rows),
        units=_units(kept),
        units_in_two_variants=sum(row["n_units"] for row in rows if row["state"] == CROSSED),
        metrics=metrics,
        gaps=gaps,
        failures=failures,
        strata=strata,
    )


def _units(kept: Sequence[_Row]) -> dict[str, int]:
    units: dict[str, int] = {}
    for row in kept:
        units[row["variant"]] = units.get(row["variant"], 0) + row["n_units"]
    return units


def _merged(parts: Iterable[tuple[str, Moments]]) -> dict[str, Moments]:
    """Moments per variant, over its strata. A covariate that a stratum lacks wholly is dropped."""
    grouped: dict[str, list[Moments]] = {}
    for variant, moments in parts:
        grouped.setdefault(variant, []).append(moments)
    arms = {}
    for variant, found in grouped.items():
        seen = [moments for moments in found if moments.n] or found[:1]
        common = [name for name in seen[0].columns if all(name in moments.columns for moments in seen)]
        arms[variant] = reduce(Moments.merge, (moments.only(common) for moments in seen))
    return arms


def _by_stratum(parts: Sequence[tuple[str, str, Moments]]) -> dict[str, dict[str, Moments]]:
    found: dict[str, dict[str, Moments]] = {}
    for variant, stratum, moments in parts:
        found.setdefault(stratum, {})[variant] = moments
    return found


def _moments(row: _Row, columns: Columns) -> Moments:
    """Moments from one row; a covariate that no unit has is dropped."""
    n = int(row[columns.n_units])
    if n == 0:
        return Moments.zeros(0, columns.names)
    means = [row[name] for name in columns.means]
    comoments = [row[name] for name in columns.comoments]
    kept = [i for i, mean in enumerate(means) if mean is not None]
    k = len(means)
    places = [(i, j) for i in range(k) for j in range(i, k)]
    return Moments(
        n,
        tuple(columns.names[i] for i in kept),
        tuple(means[i] for i in kept),
        tuple(value for (i, j), value in zip(places, comoments, strict=True) if i in kept and j in kept),
        row[columns.maximum],
    )


def _is_finite(moments: Moments) -> bool:
    return all(math.isfinite(value) for value in (*moments.means, *moments.comoments))


def _gaps(kept: Sequence[_Row], columns: Columns) -> Gaps:
    covariates = columns.n_without_covariate if columns.names[-1].startswith(COVARIATE) else None
    return Gaps(
        values=sum(int(row[columns.n_missing]) for row in kept),
        units=sum(int(row["n_units"]) - int(row[columns.n_units]) for row in kept),
        covariates=sum(int(row[covariates]) for row in kept) if covariates else 0,
    )
