"""When: conditions on the time of the decision. Parts that are given must all hold; within one, any entry."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, fields
from datetime import date, datetime
from enum import StrEnum
from typing import Any
from zoneinfo import available_timezones

from assay.errors import InvalidInput
from assay.model.document import from_document, to_document

UNIT_ZONE = "unit"
"""The time zone named by the unit's own attribute `timezone`; units without one do not match."""

_CLOCK = re.compile(r"([01]\d|2[0-3]):[0-5]\d|24:00", re.ASCII)


class DayOfWeek(StrEnum):
    MONDAY = "monday"
    TUESDAY = "tuesday"
    WEDNESDAY = "wednesday"
    THURSDAY = "thursday"
    FRIDAY = "friday"
    SATURDAY = "saturday"
    SUNDAY = "sunday"


class Month(StrEnum):
    JANUARY = "january"
    FEBRUARY = "february"
    MARCH = "march"
    APRIL = "april"
    MAY = "may"
    JUNE = "june"
    JULY = "july"
    AUGUST = "august"
    SEPTEMBER = "september"
    OCTOBER = "october"
    NOVEMBER = "november"
    DECEMBER = "december"


class Season(StrEnum):
    """Of three whole months each: spring begins with March in the north and with September in the south."""

    SPRING = "spring"
    SUMMER = "summer"
    AUTUMN = "autumn"
    WINTER = "winter"


class Hemisphere(StrEnum):
    NORTH = "north"
    SOUTH = "south"


@dataclass(frozen=True, slots=True)
class DateRange:
    """From `start` to before `end`; either may be open, not both."""

    start: datetime | None = None
    end: datetime | None = None

    def __post_init__(self) -> None:
        if self.start is None and self.end is None:
            raise InvalidInput("start", None, "a start, an end or both")
        if self.start is not None and self.end is not None and self.start >= self.end:
            raise InvalidInput("end", self.end.isoformat(), "a time after start")


@dataclass(frozen=True, slots=True)
class TimeRange:
    """Hours of the day, HH:MM, from `start` to before `end`; a start after the end reaches past midnight."""

    start: str
    end: str

    def __post_init__(self) -> None:
        for name in ("start", "end"):
            if not _CLOCK.fullmatch(getattr(self, name)):
                raise InvalidInput(name, getattr(self, name), "a time of day from 00:00 to 24:00")
        if self.start in (self.end, "24:00"):
            raise InvalidInput("end", self.end, "a time of day other than the start: nobody is between these")

    @property
    def minutes(self) -> tuple[int, int]:
        """Start and end as minutes of the day, end up to 1,440."""
        return _minutes(self.start), _minutes(self.end)


@dataclass(frozen=True, slots=True)
class Holidays:
    """Public holidays of a country or one of its subdivisions; all of them, or those with one of `names`.

    dates: the days themselves, YYYY-MM-DD, filled in when the definition is saved: every evaluator has the same.
    """

    country: str
    subdivision: str | None = None
    names: tuple[str, ...] = ()
    dates: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for day in self.dates:
            try:
                date.fromisoformat(day)
            except ValueError:
                raise InvalidInput("dates", day, "a date like 2026-12-25") from None


@dataclass(frozen=True, slots=True, kw_only=True)
class Temporal:
    """When the decision is made. timezone: an IANA name, or `unit`; everything but date_ranges is in its wall time."""

    date_ranges: tuple[DateRange, ...] = ()
    time_ranges: tuple[TimeRange, ...] = ()
    days_of_week: tuple[DayOfWeek, ...] = ()
    months: tuple[Month, ...] = ()
    seasons: tuple[Season, ...] = ()
    holidays: tuple[Holidays, ...] = ()
    hemisphere: Hemisphere = Hemisphere.NORTH
    timezone: str = field(default="UTC")

    def __post_init__(self) -> None:
        if not any(getattr(self, name) for name in _PARTS):
            raise InvalidInput("date_ranges", None, f"at least one of {', '.join(_PARTS)}")
        if self.timezone != UNIT_ZONE and self.timezone not in available_timezones():
            raise InvalidInput("timezone", self.timezone, "an IANA time zone like Europe/Berlin, or 'unit'")

    def to_document(self) -> dict[str, Any]:
        given = {item.name: getattr(self, item.name) for item in fields(self)}
        kept = {name: to_document(value) for name, value in given.items() if value or name == "timezone"}
        if not self.seasons:
            kept.pop("hemisphere")
        return {"temporal": kept}


_PARTS = ("date_ranges", "time_ranges", "days_of_week", "months", "seasons", "holidays")


def parse_temporal(document: Any, path: str) -> Temporal:
    """A condition on time from what stands behind `temporal`."""
    return from_document(Temporal, document, path)


def season_months(season: Season, hemisphere: Hemisphere) -> frozenset[int]:
    """The three months of a season, 1 to 12."""
    first = 3 * list(Season).index(season) + 3 + (6 if hemisphere is Hemisphere.SOUTH else 0)
    return frozenset((first + i - 1) % 12 + 1 for i in range(3))


def _minutes(clock: str) -> int:
    return int(clock[:2]) * 60 + int(clock[3:])
