"""The SQL for clean tables with one row per unit: one pass of plain sums, by chunks of rows.

Plain sums of products lose log10(1 + mean² / variance) digits. Where that is more than four, the answer says so
(`loses_digits`), and the sums are taken again about a level near the mean, the average of the table's first rows. With
n units and m of them behind the level no more than log10(n / m) digits are lost, because those m units are part of the
data: their average cannot be farther from the mean than √(n / m) standard deviations.

Clean means: every unit once, and in every row that counts a usable value of every column. `moments_of_sums` answers
None where that is not so, and the caller asks the general query of `assay.queries.tables`. A table here is SQL that
follows FROM.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from assay.model.metric import MetricKind
from assay.model.moments import DENOMINATOR, VALUE, Moments, covariate_columns
from assay.model.table import Gaps, TableMetric, TableMoments, TableRequest
from assay.queries.tables import name_of, variant_of

_MOST_CHUNKS = 10_000
_TOO_FLAT = 1e4
LEVEL_ROWS = 1_024
ROW_NUMBER = "file_row_number"
_FLOATS = ("FLOAT", "DOUBLE", "REAL")
_WHOLE = {"HUGEINT", "UHUGEINT", "INTEGER", "UINTEGER"}
_WHOLE |= {f"{sign}{size}INT" for sign in ("", "U") for size in ("TINY", "SMALL", "BIG")}
_LARGEST = "1.7976931348623157e308"


@dataclass(frozen=True, slots=True)
class _Column:
    """A column of a metric: its name in the inner query, its expression, and whether it is 0 or 1, or a numerator.

    source: the column that is empty where the expression is; "" where the expression may be empty without it.
    """

    name: str
    expression: str
    source: str
    is_flag: bool = False
    is_numerator: bool = False


def distinct_units(unit: str, table: str) -> str:
    """Rows, rows with a unit, and different units."""
    column = name_of(unit)
    return f"SELECT count(*), count({column}), count(DISTINCT {column}) FROM {table}"


def facts_query(path: str) -> str:
    """What a Parquet file says of itself: row groups and their rows, and each column's empty values."""
    escaped = path.replace("'", "''")
    columns = "row_group_id, row_group_num_rows, path_in_schema, stats_null_count"
    return f"SELECT {columns} FROM parquet_metadata('{escaped}') ORDER BY row_group_id"


@dataclass(frozen=True, slots=True)
class Facts:
    """rows_of_chunk: each chunk lies in one row group, which one thread reads. full: columns without an empty value."""

    rows_of_chunk: int
    full: frozenset[str]


def facts_of(rows: Sequence[Sequence[Any]]) -> Facts | None:
    """The facts; None for a file whose row groups differ in size, or are too many."""
    sizes = list({int(group): int(size) for group, size, *_ in rows}.values())
    even = len(set(sizes[:-1])) <= 1 and sizes[-1:] <= sizes[:1]
    if not (sizes and even and sizes[0] > 0 and len(sizes) <= _MOST_CHUNKS):
        return None
    gaps = {str(column) for *_, column, empty in rows if empty != 0}
    return Facts(sizes[0], frozenset(str(column) for *_, column, _ in rows) - gaps)


def level_query(request: TableRequest, types: Mapping[str, str], table: str) -> str:
    """The average of every column over the first rows, in the order of `_columns`; NULL where none is usable."""
    parts = [
        f"avg({column.expression})" for item in _all_columns(request, types) for column in item if not column.is_flag
    ]
    return f"SELECT {', '.join(parts) or 'NULL'} FROM {table} WHERE {ROW_NUMBER} < {LEVEL_ROWS}"


def levels_of(row: Sequence[Any]) -> list[float]:
    """The levels as numbers, 0 where the first rows say nothing; rounded, because sums may end in other last digits."""
    return [float(f"{cell:.12g}") if cell is not None and math.isfinite(cell) else 0.0 for cell in row]


def sums_query(
    request: TableRequest,
    types: Mapping[str, str],
    levels: Sequence[float],
    table: str,
    facts: Facts,
) -> str:
    """Per variant and chunk: rows, and per metric counts, sums and sums of products about the levels (none: about 0).

    The table has the column ROW_NUMBER. Each chunk's sums are of one thread, in one order.
    """
    remaining = iter(levels)
    inner, outer = [], []
    for item in _all_columns(request, types):
        for column in item:
            level = 0.0 if column.is_flag or not levels else next(remaining)
            shift = f" - {level!r}" if level else ""
            inner.append(f"({column.expression}){shift} AS {column.name}")
        names = [column.name for column in item]
        outer += ["NULL" if column.source in facts.full else f"count({column.name})" for column in item]
        outer += [f"sum({name})" for name in names]
        if not item[0].is_flag or len(item) > 1:
            outer += [f"sum({a} * {b})" for i, a in enumerate(names) for b in names[i:]]
        outer.append(f"max({names[0]})" if _wants_maximum(item) else "NULL")
    chunk = f"{ROW_NUMBER} // {facts.rows_of_chunk}"
    rows = f"SELECT {variant_of(request, types)} AS variant, {chunk} AS chunk, "
    return (
        f"SELECT variant, chunk, count(*), {', '.join(outer)} FROM ({rows}{', '.join(inner)} FROM {table}) "
        "GROUP BY variant, chunk"
    )


def moments_of_sums(
    request: TableRequest,
    types: Mapping[str, str],
    levels: Sequence[float],
    rows: Sequence[Sequence[Any]],
) -> TableMoments | None:
    """The answer for a clean table; None for another."""
    labelled = [row for row in rows if row[0] is not None]
    variants = sorted({str(row[0]) for row in labelled})
    by_chunk = {variant: _in_order([row for row in labelled if row[0] == variant]) for variant in variants}
    units = {variant: int(sum(cells[2])) for variant, cells in by_chunk.items()}
    remaining, place = iter(levels), 3
    metrics: dict[str, dict[str, Moments]] = {}
    for item, columns in zip(request.metrics, _all_columns(request, types), strict=True):
        k = len(columns)
        shifts = [0.0 if column.is_flag or not levels else next(remaining) for column in columns]
        n_products = 0 if columns[0].is_flag and k == 1 else k * (k + 1) // 2
        width = 2 * k + n_products + 1
        found = {
            variant: _moments(item, units[variant], cells[place : place + width], shifts)
            for variant, cells in by_chunk.items()
        }
        place += width
        if any(moments is None for moments in found.values()):
            return None
        metrics[item.metric.key] = {variant: moments for variant, moments in found.items() if moments is not None}
    return TableMoments(
        rows=sum(int(row[2]) for row in rows),
        rows_without=sum(int(row[2]) for row in rows if row[0] is None),
        units=units,
        units_in_two_variants=0,
        metrics=metrics,
        gaps={item.metric.key: Gaps() for item in request.metrics},
        failures={},
    )


def loses_digits(found: TableMoments) -> bool:
    """Whether some mean is so far from 0, beside its spread, that plain sums of products lost more than four digits."""
    return any(
        moments.n > 1 and moments.n * mean * mean > _TOO_FLAT * moments.comoment(name)
        for arms in found.metrics.values()
        for moments in arms.values()
        for name, mean in zip(moments.columns, moments.means, strict=True)
    )


def _all_columns(request: TableRequest, types: Mapping[str, str]) -> list[list[_Column]]:
    return [_columns(index, item, types) for index, item in enumerate(request.metrics)]


def _columns(index: int, item: TableMetric, types: Mapping[str, str]) -> list[_Column]:
    """A metric's own columns: value, denominator, covariates."""
    is_flag = item.metric.kind in (MetricKind.CONVERSION, MetricKind.COUNT)
    value = _flag(item, types[item.column].upper()) if is_flag else _number(item.column, types)
    if item.metric.cap is not None:
        value = f"CASE WHEN {value} > {item.metric.cap!r} THEN {item.metric.cap!r} ELSE {value} END"
    below = () if item.denominator is None else (item.denominator,)
    others = (*below, *item.covariates)
    source = "" if is_flag and types[item.column].upper() in _FLOATS else item.column
    first = _Column(f"m{index}_0", value, source, is_flag and item.metric.cap is None, item.denominator is not None)
    return [first, *(_Column(f"m{index}_{i}", _number(name, types), name) for i, name in enumerate(others, 1))]


def _wants_maximum(columns: Sequence[_Column]) -> bool:
    """Only sums and means are looked through for one unit that dominates; a maximum costs as much as a sum."""
    return not columns[0].is_flag and not columns[0].is_numerator


def _flag(item: TableMetric, engine_type: str) -> str:
    """1 or 0: whether the row has a value (count), or one that is not 0 (conversion; NULL without a usable one)."""
    name = name_of(item.column)
    usable = f"abs(CAST({name} AS DOUBLE)) <= {_LARGEST}" if engine_type in _FLOATS else f"{name} IS NOT NULL"
    if item.metric.kind is MetricKind.COUNT:
        return f"CASE WHEN {usable} THEN 1 ELSE 0 END"
    if engine_type == "BOOLEAN":
        return f"CAST({name} AS TINYINT)"
    if engine_type in _WHOLE:
        return f"CAST({name} <> 0 AS TINYINT)"
    return f"CASE WHEN {name} = 0 THEN 0 WHEN {usable} THEN 1 END"


def _number(column: str, types: Mapping[str, str]) -> str:
    return name_of(column) if types[column].upper() == "DOUBLE" else f"CAST({name_of(column)} AS DOUBLE)"


def _in_order(rows: Sequence[Sequence[Any]]) -> list[tuple[Any, ...]]:
    """The columns of a variant's rows, from the first chunk to the last."""
    return list(zip(*sorted(rows, key=lambda row: int(row[1])), strict=True))


def _moments(item: TableMetric, n: int, cells: Sequence[Sequence[Any]], shifts: Sequence[float]) -> Moments | None:
    """One metric's moments from its counts, sums and products by chunk; None when some row has no usable number.

    A count of None is of a column that the file says has no empty value.
    """
    k = len(shifts)
    if any(column[0] is not None and sum(column) != n for column in cells[:k]):
        return None
    if any(cell is None for column in cells[k:-1] for cell in column):
        return None
    totals = [math.fsum(column) for column in cells[k:-1]]
    if not all(map(math.isfinite, totals)):
        return None
    sums, products = totals[:k], totals[k:]
    maximum = None if cells[-1][0] is None else float(max(cells[-1])) + shifts[0]
    if not products:  # a flag: its square is itself, and it needs no level
        products, maximum = sums[:1], float(sums[0] > 0)
    pairs = [(i, j) for i in range(k) for j in range(i, k)]
    below = (DENOMINATOR,) if item.denominator is not None else ()
    names = (VALUE, *below, *covariate_columns(k - 1 - len(below)))
    means = tuple(shift + total / n for shift, total in zip(shifts, sums, strict=True))
    centred = [product - sums[i] * (sums[j] / n) for (i, j), product in zip(pairs, products, strict=True)]
    comoments = tuple(max(0.0, value) if i == j else value for (i, j), value in zip(pairs, centred, strict=True))
    return Moments(n, names, means, comoments, maximum)
