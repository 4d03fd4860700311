"""The SQL that turns any table into moments: one scan, rows per unit first, then units per variant.

How the rows of one unit become its value (a usable value is neither NULL, NaN nor infinite):

    conversion  1 if any usable value is not 0 (or true), else 0
    count       the number of rows where the column is not empty; 0 is a value
    sum         the sum of the usable values
    mean        the mean of the usable values (or the metric's own aggregation)
    ratio       sums of numerator and denominator over the rows where both are usable
    quantile    as mean
    covariate   the mean of its usable values; units without one get the mean of all units, whatever their variant

Except for count, a unit with no usable value is left out of the metric. Second moments are centred on the mean of
all units before they are summed, so that a large common level costs no digits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import sqlglot
from sqlglot import exp

from assay.model.metric import Aggregation, Metric, MetricKind
from assay.model.moments import DENOMINATOR, VALUE, covariate_columns
from assay.model.table import EVERYBODY, TableMetric, TableRequest
from assay.queries.snippets import kept_rows, put_into

DIALECT = "duckdb"
SOURCE = "source_table"
KEPT, CROSSED, WITHOUT = "kept", "crossed", "without"
_LARGEST = "1.7976931348623157e308"
_FLOATS = ("FLOAT", "DOUBLE", "REAL")
_NUMBERS = {"BOOLEAN", "DECIMAL", "HUGEINT", "UHUGEINT", "INTEGER", "UINTEGER", *_FLOATS}
_NUMBERS |= {f"{sign}{size}INT" for sign in ("", "U") for size in ("TINY", "SMALL", "BIG")}
_AGGREGATES = {
    Aggregation.SUM: "sum",
    Aggregation.MEAN: "avg",
    Aggregation.MIN: "min",
    Aggregation.MAX: "max",
    Aggregation.COUNT: "count",
}

_UNITS = """
WITH entries AS (
    SELECT {unit} AS unit, {variant} AS variant, {stratum} AS stratum{values} FROM {source}{kept}
),
units AS MATERIALIZED (
    SELECT unit, min(variant) AS variant, min(stratum) AS stratum, count(*) AS n_rows, count(variant) AS n_labelled,
           CASE WHEN unit IS NULL OR min(variant) IS NULL THEN 'without'
                WHEN min(variant) <> max(variant) THEN 'crossed' ELSE 'kept' END AS state{aggregates}
    FROM entries GROUP BY unit
),
levels AS (
    SELECT count(*) AS n_kept{levels} FROM units WHERE state = 'kept'
)
"""

_ANSWER = """
SELECT u.state AS state, CASE WHEN u.state = 'kept' THEN u.variant END AS variant,
       CASE WHEN u.state = 'kept' THEN u.stratum END AS stratum, count(*) AS n_units,
       sum(u.n_rows) AS n_rows,
       sum(CASE WHEN u.unit IS NULL THEN u.n_rows ELSE u.n_rows - u.n_labelled END) AS n_without{moments}
FROM units AS u CROSS JOIN levels AS l
GROUP BY u.state, CASE WHEN u.state = 'kept' THEN u.variant END, CASE WHEN u.state = 'kept' THEN u.stratum END
"""

_COUNTS = """
SELECT variant, {value} AS value, count(*) AS n_units FROM units WHERE state = 'kept' AND {value} IS NOT NULL
GROUP BY variant, {value} ORDER BY variant, value
"""


@dataclass(frozen=True, slots=True)
class Columns:
    """Names in the answer for metric number `index`: which columns its moments have, and where they stand."""

    index: int
    names: tuple[str, ...]

    @property
    def n_units(self) -> str:
        return f"n{self.index}"

    @property
    def n_missing(self) -> str:
        return f"gap{self.index}"

    @property
    def n_without_covariate(self) -> str:
        return f"bare{self.index}"

    @property
    def maximum(self) -> str:
        return f"max{self.index}"

    @property
    def means(self) -> tuple[str, ...]:
        return tuple(f"mean{self.index}_{i}" for i in range(len(self.names)))

    @property
    def comoments(self) -> tuple[str, ...]:
        k = len(self.names)
        return tuple(f"co{self.index}_{i}_{j}" for i in range(k) for j in range(i, k))


def unfit(item: TableMetric, types: Mapping[str, str]) -> str | None:
    """Why the columns of a metric cannot be averaged, by their engine types; None when they can."""
    value = None if item.metric.kind is MetricKind.COUNT else item.column
    for name in (value, item.denominator, *item.covariates):
        if name is not None and not is_number(types[name]):
            return f"column '{name}' holds {types[name]}, not numbers or true/false"
    return None


def is_number(engine_type: str) -> bool:
    """Whether values of that type are numbers or truth values."""
    return engine_type.split("(")[0].upper() in _NUMBERS


def columns_of(metrics: Sequence[TableMetric]) -> list[Columns]:
    """Where each metric's moments stand in the answer of `table_moments`."""
    found = []
    for index, item in enumerate(metrics):
        below = (DENOMINATOR,) if item.denominator else ()
        found.append(Columns(index, (VALUE, *below, *covariate_columns(len(item.covariates)))))
    return found


def table_moments(request: TableRequest, types: Mapping[str, str], *, source: str = SOURCE) -> exp.Expr:
    """One row per state and variant: counts of units and rows, and the moments of every metric.

    state: kept (in one variant), crossed (in several, left out) or without (no unit or no variant, left out).
    types: engine type of every column. The expression becomes text by `.sql(dialect=…)`.
    """
    answers = columns_of(request.metrics)
    text = _units(request, types, source, answers) + _ANSWER.format(
        moments="".join(_moments(answer, item) for answer, item in zip(answers, request.metrics, strict=True))
    )
    return sqlglot.parse_one(text, dialect=DIALECT)


def table_value_counts(request: TableRequest, key: str, types: Mapping[str, str], *, source: str = SOURCE) -> exp.Expr:
    """How many units of each variant have each value of metric `key`, ascending."""
    item = next(item for item in request.metrics if item.metric.key == key)
    alone = replace(request, metrics=(item,))
    text = _units(alone, types, source, []) + _COUNTS.format(value="v0")
    return sqlglot.parse_one(text, dialect=DIALECT)


def _units(request: TableRequest, types: Mapping[str, str], source: str, answers: Sequence[Columns]) -> str:
    every_row = "row_number() OVER ()"
    stratum = request.stratum
    return _UNITS.format(
        source=name_of(source),
        unit=every_row if request.unit is None else _unit(request.unit, types[request.unit]),
        variant=variant_of(request, types),
        kept=kept_rows(request.filters),
        stratum="CAST(NULL AS TEXT)" if stratum is None else label_of(stratum, types[stratum]),
        values="".join(_values(i, item, types) for i, item in enumerate(request.metrics)),
        aggregates="".join(_per_unit(i, item) for i, item in enumerate(request.metrics)),
        levels="".join(_levels(answer, item) for answer, item in zip(answers, request.metrics, strict=False)),
    )


@lru_cache(maxsize=4_096)
def name_of(column: str) -> str:
    return exp.to_identifier(column, quoted=True).sql(dialect=DIALECT)


def _unit(column: str, engine_type: str) -> str:
    """The unit in its own type (grouping numbers is faster than text); empty text and NaN are no unit."""
    if engine_type.upper() in _FLOATS:
        return _finite(column, engine_type)
    return f"NULLIF({name_of(column)}, '')" if engine_type.upper() == "VARCHAR" else name_of(column)


def label_of(column: str, engine_type: str) -> str:
    """The variant as text; whole numbers in a floating-point column read 1, not 1.0."""
    name = name_of(column)
    if engine_type.upper() not in _FLOATS:
        return f"NULLIF(CAST({name} AS TEXT), '')"
    whole = f"CAST(CAST({name} AS BIGINT) AS TEXT)"
    other = f"CAST({_finite(column, engine_type)} AS TEXT)"
    return f"CASE WHEN abs({name}) < 1e15 AND {name} = floor({name}) THEN {whole} ELSE {other} END"


def variant_of(request: TableRequest, types: Mapping[str, str]) -> str:
    """The variant of a row as text."""
    return f"'{EVERYBODY}'" if request.variant is None else label_of(request.variant, types[request.variant])


def _finite(column: str, engine_type: str) -> str:
    """The column as a double, NULL where it is NaN or infinite (comparisons leave both out in every dialect)."""
    name = name_of(column)
    if engine_type.upper() == "BOOLEAN":
        # No cast: PostgreSQL has none, and DuckDB would read 'true' in a text file as a number.
        return f"CASE WHEN {name} THEN 1.0 WHEN NOT {name} THEN 0.0 END"
    number = f"CAST({name} AS DOUBLE)"
    return f"CASE WHEN abs({number}) <= {_LARGEST} THEN {number} END"


def _values(index: int, item: TableMetric, types: Mapping[str, str]) -> str:
    def finite(column: str) -> str:
        return _finite(column, types[column])

    if item.metric.kind is MetricKind.COUNT:
        present = finite(item.column) if types[item.column].upper() in _FLOATS else name_of(item.column)
        value = f"CASE WHEN {present} IS NOT NULL THEN 1.0 END"
    elif item.metric.kind is MetricKind.CONVERSION:
        value = f"CASE WHEN {finite(item.column)} <> 0 THEN 1.0 WHEN {finite(item.column)} = 0 THEN 0.0 END"
    else:
        value = finite(item.column)
    extra = ""
    if item.denominator is not None:
        below = finite(item.denominator)
        extra = f", CASE WHEN {value} IS NOT NULL THEN {below} END AS d{index}"
        value = f"CASE WHEN {below} IS NOT NULL THEN {value} END"
    extra += "".join(f", {finite(column)} AS c{index}_{i}" for i, column in enumerate(item.covariates))
    return f", CAST({value} AS DOUBLE) AS v{index}{extra}"


def _per_unit(index: int, item: TableMetric) -> str:
    labelled = "FILTER (WHERE variant IS NOT NULL)"
    value = f"{_aggregate(item.metric)}(v{index}) {labelled}"
    if item.aggregate is not None:
        value = put_into(item.aggregate, f"CASE WHEN variant IS NOT NULL THEN v{index} END")
    value = _capped(value, item.metric.cap)
    if item.transform is not None:
        value = put_into(item.transform, value)
    missing = "0" if item.metric.kind is MetricKind.COUNT else f"count(variant) - count(v{index}) {labelled}"
    parts = [f"CAST({value} AS DOUBLE) AS v{index}", f"{missing} AS gap{index}"]
    if item.metric.denominator is not None:
        aggregate = _AGGREGATES[item.metric.denominator.aggregation]
        parts.append(f"CAST({aggregate}(d{index}) {labelled} AS DOUBLE) AS d{index}")
    parts += [f"avg(c{index}_{i}) {labelled} AS c{index}_{i}" for i in range(len(item.covariates))]
    return "".join(f", {part}" for part in parts)


def _aggregate(metric: Metric) -> str:
    return "max" if metric.kind is MetricKind.CONVERSION else _AGGREGATES[metric.measure().aggregation]


def _capped(value: str, cap: float | None) -> str:
    return value if cap is None else f"CASE WHEN {value} > {cap!r} THEN {cap!r} ELSE {value} END"


def _names(index: int, item: TableMetric) -> tuple[list[str], list[str]]:
    """What a unit has beside its value: what must be there, and the covariates, which may be missing."""
    below = [f"d{index}"] if item.denominator is not None else []
    return [f"v{index}", *below], [f"c{index}_{i}" for i in range(len(item.covariates))]


def _levels(answer: Columns, item: TableMetric) -> str:
    present, covariates = _names(answer.index, item)
    return "".join(f", avg({name}) AS {name}" for name in (*present, *covariates))


def _moments(answer: Columns, item: TableMetric) -> str:
    """Deviations from the level of all units; a unit without a covariate deviates by 0, which is the pooled mean."""
    i = answer.index
    present, covariates = _names(i, item)
    parts = [f"u.{name} - l.{name}" for name in present]
    parts += [f"CASE WHEN u.v{i} IS NOT NULL THEN coalesce(u.{name} - l.{name}, 0) END" for name in covariates]
    levels = [f"l.{name}" for name in (*present, *covariates)]
    pairs = [(a, b) for a in range(len(parts)) for b in range(a, len(parts))]
    columns = [f"count(u.v{i}) AS {answer.n_units}", f"sum(u.gap{i}) AS {answer.n_missing}"]
    columns.append(f"max(u.v{i}) AS {answer.maximum}")
    columns += [f"max({levels[a]}) + avg({parts[a]}) AS {name}" for a, name in enumerate(answer.means)]
    columns += [
        f"covar_pop({parts[a]}, {parts[b]}) * count(u.v{i}) AS {name}"
        for (a, b), name in zip(pairs, answer.comoments, strict=True)
    ]
    if covariates:
        missing = " OR ".join(f"u.{name} IS NULL" for name in covariates)
        columns.append(
            f"sum(CASE WHEN u.v{i} IS NOT NULL AND ({missing}) THEN 1 ELSE 0 END) AS {answer.n_without_covariate}"
        )
    return "".join(f",\n       {column}" for column in columns)
