"""Someone's own tables of exposures and events: where they are, and what their columns mean."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Any, TypeVar

from assay.errors import InvalidInput

Table = TypeVar("Table")


class Time(StrEnum):
    """How a time is written: a timestamp or date (UTC unless it says otherwise), or a number since 1970."""

    TIMESTAMP = "timestamp"
    SECONDS = "s"
    MILLISECONDS = "ms"
    MICROSECONDS = "us"


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """What every table has: rows of `table` or of the query `sql`, and columns for the unit and the time."""

    unit: str
    at: str
    table: str = ""
    sql: str = ""
    time: Time = Time.TIMESTAMP

    def __post_init__(self) -> None:
        if bool(self.table) == bool(self.sql):
            raise InvalidInput("table", self.table or None, "either table, its name, or sql, a query")
        for name in ("unit", "at"):
            if not getattr(self, name):
                raise InvalidInput(name, "", "the name of a column")


@dataclass(frozen=True, slots=True, kw_only=True)
class ExposureSource(Source):
    """Which unit met which variant of which experiment when; the key of an experiment and of a variant as text."""

    experiment: str
    variant: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EventSource(Source):
    """Events of one type, or of the types in a column. id: tells repeats of a unit's events apart: the first counts.

    experiment: a column that names the experiment that an event is for. fields: columns by the name metrics use.
    """

    type: str = ""
    type_column: str = ""
    id: str = ""
    experiment: str = ""
    fields: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        # Of the base by name: a class with slots is another one than `super()` remembers.
        Source.__post_init__(self)
        if bool(self.type) == bool(self.type_column):
            raise InvalidInput("type", self.type or None, "either type, one for all rows, or type_column")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """All tables of one database. url: where it is."""

    url: str
    exposures: ExposureSource
    events: tuple[EventSource, ...]


def read_sources(document: Mapping[str, Any]) -> Sources:
    """Sources from a document as TOML gives it; raises InvalidInput naming the table and the entry."""
    unknown = sorted(set(document) - {"url", "exposures", "events"})
    if unknown:
        raise InvalidInput(unknown[0], document[unknown[0]], "url, [exposures] and [[events]]")
    if not isinstance(document.get("exposures"), Mapping):
        raise InvalidInput("exposures", document.get("exposures"), "a table [exposures]")
    events = document.get("events", [])
    if not isinstance(events, list) or not events:
        raise InvalidInput("events", events, "one or more tables [[events]]")
    return Sources(
        url=str(document.get("url", "")),
        exposures=_read(ExposureSource, document["exposures"], "exposures"),
        events=tuple(_read(EventSource, item, f"events[{i}]") for i, item in enumerate(events)),
    )


def _read(kind: type[Table], document: Any, place: str) -> Table:
    names = [item.name for item in fields(kind)]  # type: ignore[arg-type]
    if not isinstance(document, Mapping):
        raise InvalidInput(place, document, "a table")
    for name, value in document.items():
        if name not in names:
            raise InvalidInput(f"{place}.{name}", value, f"one of {', '.join(names)}")
        expected: type = Mapping if name == "fields" else str
        if not isinstance(value, expected):
            raise InvalidInput(f"{place}.{name}", value, "a table of columns" if name == "fields" else "text")
    values = dict(document)
    if "time" in values:
        if values["time"] not in [item.value for item in Time]:
            raise InvalidInput(f"{place}.time", values["time"], ", ".join(Time))
        values["time"] = Time(values["time"])
    needed = ("unit", "at", *(("experiment", "variant") if kind is ExposureSource else ()))
    for name in needed:
        if name not in values:
            raise InvalidInput(f"{place}.{name}", None, "the name of a column: it is needed")
    try:
        return kind(**values)
    except InvalidInput as error:
        raise error.at(f"{place}.{error.field}") from None
