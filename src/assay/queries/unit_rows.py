"""The SQL for clean tables with one row per unit: one pass of plain sums, by chunks of rows.

Plain sums of products lose log10(1 + mean² / variance) digits. Where that is more than four, the answer says so
(`loses_digits`), and the sums are taken again about a level near the mean, the average of the table's first rows. With
n units and m of them behind the level no more than log10(n / m) digits are lost, because those m units are part of the
data: their average cannot be farther from the mean than √(n / m) standard deviations. Whole numbers are added as such
where the file says that they are small enough, and lose nothing.

Clean means: every unit once, and in every row that counts a usable value of every column. `UnitSums.moments` answers
None where that is not so, and the caller asks the general query of `assay.queries.tables`. A table here is SQL that
follows FROM.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
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
_WIDTHS = (("INTEGER", 2**31 - 1), ("BIGINT", 2**62))
"""Types for whole numbers, and the largest product that fits; sums are of 128 bits in any case."""
_SURELY_SMALL = 0.01
"""A share of an arm's variance that is no concern, whoever the unit is that makes it."""


@dataclass(frozen=True, slots=True)
class _Column:
    """A column of a metric: its name in the inner query, its expression, and whether it is 0 or 1, or a numerator.

    source: the column that is empty where the expression is; "" where the expression may be empty without it. largest:
    of the whole file where known, so that a maximum by variant is rarely needed.
    """

    name: str
    expression: str
    source: str
    is_flag: bool = False
    is_numerator: bool = False
    largest: float | None = None


def distinct_units(unit: str, table: str) -> str:
    """Rows, rows with a unit, and different units."""
    column = name_of(unit)
    return f"SELECT count(*), count({column}), count(DISTINCT {column}) FROM {table}"


def facts_query(path: str) -> str:
    """What a Parquet file says of itself: row groups and their rows, and of each column empty values and extremes."""
    escaped = path.replace("'", "''")
    columns = "row_group_id, row_group_num_rows, path_in_schema, stats_null_count, stats_min_value, stats_max_value"
    return f"SELECT {columns} FROM parquet_metadata('{escaped}')"


@dataclass(frozen=True, slots=True)
class Facts:
    """rows_of_chunk: each chunk lies in one row group, which one thread reads. full: columns without an empty value.

    ranges: the least and the largest number of a column, where every row group has both.
    """

    rows_of_chunk: int
    full: frozenset[str]
    ranges: Mapping[str, tuple[float, float]]


def facts_of(rows: Sequence[Sequence[Any]], types: Mapping[str, str]) -> Facts | None:
    """The facts; None for a file whose row groups differ in size, or are too many."""
    by_group = {int(group): int(size) for group, size, *_ in rows}
    sizes = [by_group[group] for group in sorted(by_group)]
    even = len(set(sizes[:-1])) <= 1 and sizes[-1:] <= sizes[:1]
    if not (sizes and even and sizes[0] > 0 and len(sizes) <= _MOST_CHUNKS):
        return None
    extremes: dict[str, list[tuple[Any, Any]]] = {}
    gaps = set()
    for _, _, column, empty, least, largest in rows:
        extremes.setdefault(column, []).append((least, largest))
        if empty != 0:
            gaps.add(column)
    found = {
        column: _range(of_groups, types[column].upper())
        for column, of_groups in extremes.items()
        if column in types and len(of_groups) == len(sizes)
    }
    ranges = {column: item for column, item in found.items() if item is not None}
    return Facts(sizes[0], frozenset(extremes) - gaps, ranges)


def _range(of_groups: Sequence[tuple[Any, Any]], engine_type: str) -> tuple[float, float] | None:
    """Extremes over all row groups; None where they are not numbers or not all known."""
    kind = int if engine_type in _WHOLE else float if engine_type == "DOUBLE" else None
    if kind is None:
        return None
    try:
        numbers = [kind(cell) for pair in of_groups for cell in pair]
    except (TypeError, ValueError):
        return None
    return (min(numbers), max(numbers)) if all(map(math.isfinite, numbers)) else None


def level_query(request: TableRequest, types: Mapping[str, str], table: str) -> str:
    """The average of every column over the first rows, in the order of `_columns`; NULL where none is usable."""
    items = _all_columns(request, types, {})
    parts = [f"avg({column.expression})" for item in items for column in item if not column.is_flag]
    return f"SELECT {', '.join(parts) or 'NULL'} FROM {table} WHERE {ROW_NUMBER} < {LEVEL_ROWS}"


def levels_of(row: Sequence[Any]) -> list[float]:
    """The levels as numbers, 0 where the first rows say nothing; rounded, because sums may end in other last digits."""
    return [float(f"{cell:.12g}") if cell is not None and math.isfinite(cell) else 0.0 for cell in row]


class UnitSums:
    """One question about a clean table: its query of plain sums, and what the sums say.

    levels: what is taken off each number before it is multiplied, in the order of `levels_of`; none: 0.
    """

    def __init__(
        self, request: TableRequest, types: Mapping[str, str], facts: Facts, levels: Sequence[float] = ()
    ) -> None:
        self._request, self._types, self._facts, self._levels = request, types, facts, levels
        # sums about levels are of floating numbers, whatever the range
        ranges = {} if levels else facts.ranges
        self._items = _all_columns(request, types, ranges)
        remaining = iter(levels)
        self._shifts = [
            [0.0 if column.is_flag or not levels else next(remaining) for column in item] for item in self._items
        ]
        self._counted = [[column for column in item if column.source not in facts.full] for item in self._items]

    def query(self, table: str) -> str:
        """Per variant and chunk: rows, and per metric counts, sums and sums of products.

        The table has the column ROW_NUMBER. Each chunk's sums are of one thread, in one order. Not asked for: counts of
        columns that the file says are full, and maxima where the file's own will do.
        """
        inner, outer = [], []
        for item, shifts, counted in zip(self._items, self._shifts, self._counted, strict=True):
            for column, level in zip(item, shifts, strict=True):
                shift = f" - {level!r}" if level else ""
                inner.append(f"({column.expression}){shift} AS {column.name}")
            names = [column.name for column in item]
            outer += [f"count({column.name})" for column in counted]
            outer += [f"sum({name})" for name in names]
            outer += [f"sum({names[a]} * {names[b]})" for a, b in _products(item)]
            outer += [f"max({names[0]})"] if _wants_maximum(item) else []
        chunk = f"{ROW_NUMBER} // {self._facts.rows_of_chunk}"
        rows = f"SELECT {_label(self._request, self._types)} AS variant, {chunk} AS chunk, {', '.join(inner)}"
        return f"SELECT variant, chunk, count(*), {', '.join(outer)} FROM ({rows} FROM {table}) GROUP BY variant, chunk"

    def moments(self, rows: Sequence[Sequence[Any]]) -> TableMoments | None:
        """The answer for a clean table; None for another."""
        labelled = [row for row in rows if row[0] not in (None, "")]
        variants = sorted({str(row[0]) for row in labelled})
        by_chunk = {variant: _in_order([row for row in labelled if row[0] == variant]) for variant in variants}
        units = {variant: int(sum(cells[2])) for variant, cells in by_chunk.items()}
        place = 3
        metrics: dict[str, dict[str, Moments]] = {}
        for asked, item, shifts, counted in zip(
            self._request.metrics, self._items, self._shifts, self._counted, strict=True
        ):
            sums = place + len(counted)
            end = sums + len(item) + len(_products(item))
            width = end + _wants_maximum(item)
            found: dict[str, Moments] = {}
            for variant, cells in by_chunk.items():
                n = units[variant]
                totals = _totals(cells[sums:end])
                if totals is None or any(sum(column) != n for column in cells[place:sums]):
                    return None
                maximum = float(max(cells[end])) + shifts[0] if width > end else None
                found[variant] = _moments(asked, n, totals, shifts, maximum)
            metrics[asked.metric.key], place = found, width
        return TableMoments(
            rows=sum(int(row[2]) for row in rows),
            rows_without=sum(int(row[2]) for row in rows if row[0] in (None, "")),
            units=units,
            units_in_two_variants=0,
            metrics=metrics,
            gaps={item.metric.key: Gaps() for item in self._request.metrics},
            failures={},
        )

    def maxima(self, found: TableMoments, table: str) -> tuple[tuple[str, ...], str]:
        """The metrics in which one unit may make a good part of an arm's variance, and their largest values by variant.

        The largest of the whole file decides, so that few tables need the question.
        """
        keys, maxima = [], []
        for asked, (first, *_) in zip(self._request.metrics, self._items, strict=True):
            arms = found.metrics[asked.metric.key].values()
            top = first.largest
            if top is not None and any((top - arm.mean()) ** 2 > _SURELY_SMALL * arm.comoment() for arm in arms):
                keys.append(asked.metric.key)
                maxima.append(f"max({first.expression})")
        variant = variant_of(self._request, self._types)
        return tuple(keys), f"SELECT {variant} AS variant, {', '.join(maxima)} FROM {table} GROUP BY variant"


def with_maxima(found: TableMoments, keys: Sequence[str], rows: Sequence[Sequence[Any]]) -> TableMoments:
    """The answer with the largest values of some metrics."""
    by_variant = {str(row[0]): row[1:] for row in rows if row[0] is not None}
    known = {
        key: {
            variant: replace(arm, maximum=float(by_variant[variant][place]))
            for variant, arm in found.metrics[key].items()
        }
        for place, key in enumerate(keys)
    }
    return replace(found, metrics={**found.metrics, **known})


def loses_digits(found: TableMoments) -> bool:
    """Whether some mean is so far from 0, beside its spread, that plain sums of products lost more than four digits."""
    return any(
        moments.n > 1 and moments.n * mean * mean > _TOO_FLAT * moments.comoment(name)
        for arms in found.metrics.values()
        for moments in arms.values()
        for name, mean in zip(moments.columns, moments.means, strict=True)
    )


def _label(request: TableRequest, types: Mapping[str, str]) -> str:
    """The variant's name, empty where a row has none: as text is, which spares a step for every row."""
    name = request.variant
    return name_of(name) if name is not None and types[name].upper() == "VARCHAR" else variant_of(request, types)


_Ranges = Mapping[str, tuple[float, float]]


def _all_columns(request: TableRequest, types: Mapping[str, str], ranges: _Ranges) -> list[list[_Column]]:
    return [_columns(index, item, types, ranges) for index, item in enumerate(request.metrics)]


def _columns(index: int, item: TableMetric, types: Mapping[str, str], ranges: _Ranges) -> list[_Column]:
    """A metric's own columns: value, denominator, covariates."""
    is_flag = item.metric.kind in (MetricKind.CONVERSION, MetricKind.COUNT)
    numbers = [name for name in item.columns if not (is_flag and name == item.column)]
    width = "DOUBLE" if item.metric.cap is not None else _width(numbers, types, ranges)
    value = _flag(item, types[item.column].upper(), ranges) if is_flag else _number(item.column, types, width)
    cap, is_numerator = item.metric.cap, item.denominator is not None
    largest = None if is_flag or is_numerator or item.column not in ranges else ranges[item.column][1]
    if cap is not None:
        value = f"CASE WHEN {value} > {cap!r} THEN {cap!r} ELSE {value} END"
        largest = None if largest is None else min(largest, cap)
    below = () if item.denominator is None else (item.denominator,)
    others = (*below, *item.covariates)
    source = "" if is_flag and types[item.column].upper() in _FLOATS else item.column
    first = _Column(f"m{index}_0", value, source, is_flag and cap is None, is_numerator, largest)
    return [first, *(_Column(f"m{index}_{i}", _number(name, types, width), name) for i, name in enumerate(others, 1))]


def _wants_maximum(columns: Sequence[_Column]) -> bool:
    """Only sums and means are looked through for one unit that dominates; a maximum costs as much as a sum."""
    return not columns[0].is_flag and not columns[0].is_numerator and columns[0].largest is None


def _width(names: Sequence[str], types: Mapping[str, str], ranges: _Ranges) -> str:
    """The narrowest type in which products of these columns fit; DOUBLE unless all are whole numbers of known range."""
    if not all(types[name].upper() in _WHOLE and name in ranges for name in names):
        return "DOUBLE"
    largest = max((max(map(abs, ranges[name])) for name in names), default=1)
    return next((engine_type for engine_type, limit in _WIDTHS if largest * largest <= limit), "DOUBLE")


def _flag(item: TableMetric, engine_type: str, ranges: _Ranges) -> str:
    """1 or 0: whether the row has a value (count), or one that is not 0 (conversion; NULL without a usable one)."""
    name = name_of(item.column)
    usable = f"abs(CAST({name} AS DOUBLE)) <= {_LARGEST}" if engine_type in _FLOATS else f"{name} IS NOT NULL"
    if item.metric.kind is MetricKind.COUNT:
        return f"CASE WHEN {usable} THEN 1 ELSE 0 END"
    if engine_type == "BOOLEAN":
        return f"CAST({name} AS TINYINT)"
    if engine_type in _WHOLE:
        low, high = ranges.get(item.column, (-1, 2))
        return name if 0 <= low <= high <= 1 else f"CAST({name} <> 0 AS TINYINT)"
    return f"CASE WHEN {name} = 0 THEN 0 WHEN {usable} THEN 1 END"


def _number(column: str, types: Mapping[str, str], width: str) -> str:
    return name_of(column) if types[column].upper() == width else f"CAST({name_of(column)} AS {width})"


def _in_order(rows: Sequence[Sequence[Any]]) -> list[tuple[Any, ...]]:
    """The columns of a variant's rows, from the first chunk to the last."""
    return list(zip(*sorted(rows, key=lambda row: int(row[1])), strict=True))


def _products(columns: Sequence[_Column]) -> list[tuple[int, int]]:
    """Pairs of columns whose products are summed; a flag's square is the flag."""
    k = len(columns)
    return [] if k == 1 and columns[0].is_flag else [(i, j) for i in range(k) for j in range(i, k)]


def _totals(columns: Sequence[Sequence[Any]]) -> list[Any] | None:
    """Sums over chunks, exact for whole numbers; None when some chunk has no usable number."""
    if any(cell is None for column in columns for cell in column):
        return None
    totals = [sum(column) if isinstance(column[0], int) else math.fsum(column) for column in columns]
    return totals if all(map(math.isfinite, totals)) else None


def _moments(
    item: TableMetric, n: int, totals: Sequence[Any], shifts: Sequence[float], maximum: float | None
) -> Moments:
    """One metric's moments from its sums and, unless it is a flag, its products."""
    k = len(shifts)
    sums, products = totals[:k], totals[k:]
    if not products:  # a flag: its square is itself, and it needs no level
        products, maximum = sums[:1], float(sums[0] > 0)
    pairs = [(i, j) for i in range(k) for j in range(i, k)]
    below = (DENOMINATOR,) if item.denominator is not None else ()
    names = (VALUE, *below, *covariate_columns(k - 1 - len(below)))
    means = tuple(shift + total / n for shift, total in zip(shifts, sums, strict=True))
    if all(isinstance(total, int) for total in totals):
        centred = [(n * product - sums[i] * sums[j]) / n for (i, j), product in zip(pairs, products, strict=True)]
    else:
        centred = [product - sums[i] * (sums[j] / n) for (i, j), product in zip(pairs, products, strict=True)]
    comoments = tuple(max(0.0, value) if i == j else value for (i, j), value in zip(pairs, centred, strict=True))
    return Moments(n, names, means, comoments, maximum)
