"""Someone's own tables in the form that the queries read: a SELECT for exposures, one for all events."""

from __future__ import annotations

from collections.abc import Mapping

from assay.model.sources import EventSource, Source, Sources, Time
from assay.queries.moments.dialects import Dialect
from assay.queries.moments.layout import Layout

_FACTORS = {Time.SECONDS: 1_000_000, Time.MILLISECONDS: 1_000, Time.MICROSECONDS: 1}
_MICROSECONDS = {
    "duckdb": "epoch_us(CAST({0} AS TIMESTAMPTZ))",
    "postgres": "CAST(EXTRACT(EPOCH FROM CAST({0} AS TIMESTAMPTZ)) * 1000000 AS BIGINT)",
    "clickhouse": "toUnixTimestamp64Micro(toDateTime64({0}, 6, 'UTC'))",
    "spark": "unix_micros(CAST({0} AS TIMESTAMP))",
    "bigquery": "UNIX_MICROS(CAST({0} AS TIMESTAMP))",
    "snowflake": "DATE_PART(EPOCH_MICROSECOND, CAST({0} AS TIMESTAMP_TZ))",
}
_TEXTS = {"clickhouse": "toString({0})", "spark": "CAST({0} AS STRING)", "bigquery": "CAST({0} AS STRING)"}
_WHOLE = {"clickhouse": "toInt64({0})", "bigquery": "CAST({0} AS INT64)"}


def layout_of(sources: Sources, dialect: Dialect) -> Layout:
    """The layout of someone's own tables. Rows without unit, time or variant do not count; amounts that are not finite
    are no amounts."""
    names = sorted({name for item in sources.events for name in item.fields})
    places = {name: f"field_{i}" for i, name in enumerate(names)}
    events = "\nUNION ALL\n".join(_events(item, places, dialect) for item in sources.events)

    def field(name: str) -> str:
        return f"v.{places[name]}" if name in places else dialect.double.format("NULL")

    return Layout(dialect, f"(\n{_exposures(sources, dialect)}\n)", f"(\n{events}\n)", field)


def _exposures(sources: Sources, dialect: Dialect) -> str:
    source = sources.exposures
    columns = [
        f"{_text(source.experiment, dialect)} AS experiment",
        f"{_text(source.unit, dialect)} AS unit",
        f"{_text(source.variant, dialect)} AS variant",
        f"{_moment(source, dialect)} AS first_at",
    ]
    needed = (source.unit, source.at, source.experiment, source.variant)
    return f"SELECT {', '.join(columns)}\nFROM {_relation(source, dialect)} AS r WHERE {_given(needed, dialect)}"


def _events(source: EventSource, places: Mapping[str, str], dialect: Dialect) -> str:
    kind = dialect.text(source.type) if source.type else _text(source.type_column, dialect)
    # '' for events that name no experiment: in some engines a CASE is needed to tell NULL from ''.
    named = "''"
    if source.experiment:
        column = _column(source.experiment, dialect)
        named = f"CASE WHEN {column} IS NULL THEN '' ELSE {_text(source.experiment, dialect)} END"
    columns = [
        f"{_text(source.unit, dialect)} AS unit",
        f"{kind} AS type",
        f"{named} AS experiment",
        f"{_moment(source, dialect)} AS occurred_at",
    ]
    for name, place in places.items():
        columns.append(f"{_amount(source.fields.get(name), dialect)} AS {place}")
    needed = (source.unit, source.at, *((source.type_column,) if source.type_column else ()))
    rows = f"{_relation(source, dialect)} AS r WHERE {_given(needed, dialect)}"
    if not source.id:
        return f"SELECT {', '.join(columns)}\nFROM {rows}"
    key = f"{_column(source.unit, dialect)}, {_column(source.id, dialect)}"
    first = f"ROW_NUMBER() OVER (PARTITION BY {key} ORDER BY {_column(source.at, dialect)}) AS nth"
    kept = ", ".join(("unit", "type", "experiment", "occurred_at", *places.values()))
    inner = f"SELECT {', '.join([*columns, first])}\n    FROM {rows}"
    return f"SELECT {kept}\nFROM (\n    {inner}\n) AS once WHERE nth = 1"


def _relation(source: Source, dialect: Dialect) -> str:
    if source.sql:
        return f"(\n{source.sql.strip().rstrip(';')}\n)"
    return dialect.name_of(*source.table.split("."))


def _column(name: str, dialect: Dialect) -> str:
    return f"r.{dialect.name_of(name)}"


def _text(name: str, dialect: Dialect) -> str:
    return _TEXTS.get(dialect.name, "CAST({0} AS VARCHAR)").format(_column(name, dialect))


def _moment(source: Source, dialect: Dialect) -> str:
    column = _column(source.at, dialect)
    if source.time is Time.TIMESTAMP:
        return _MICROSECONDS[dialect.name].format(column)
    return _WHOLE.get(dialect.name, "CAST({0} AS BIGINT)").format(f"{column} * {_FACTORS[source.time]}")


def _amount(name: str | None, dialect: Dialect) -> str:
    if name is None:
        return dialect.double.format("NULL")
    value = dialect.double.format(_column(name, dialect))
    # What is taken from itself is 0, unless it is infinite or no number.
    return f"CASE WHEN {value} - {value} = 0 THEN {value} END"


def _given(columns: tuple[str, ...], dialect: Dialect) -> str:
    return " AND ".join(f"{_column(name, dialect)} IS NOT NULL" for name in columns)
