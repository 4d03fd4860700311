"""Conditions on the time of the decision, compiled."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, tzinfo
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from assay.model.moment import milliseconds
from assay.model.temporal import UNIT_ZONE, DayOfWeek, Month, Temporal, season_months

Test = Callable[[datetime], bool]

_DAYS = tuple(DayOfWeek)
_MONTHS = tuple(Month)


def compile_temporal(condition: Temporal) -> Callable[[Mapping[str, Any], datetime], bool]:
    """All parts must hold; each in the wall time of the zone, but date ranges, which are moments."""
    ranges = tuple(
        (
            None if part.start is None else milliseconds(part.start),
            None if part.end is None else milliseconds(part.end),
        )
        for part in condition.date_ranges
    )
    tests = _wall_tests(condition)
    fixed = None if condition.timezone == UNIT_ZONE else zone_of(condition.timezone)

    def matches(attributes: Mapping[str, Any], now: datetime) -> bool:
        if ranges and not _in_any(ranges, milliseconds(now)):
            return False
        if not tests and fixed is not None:
            return True
        zone = fixed or zone_of(attributes.get("timezone"))
        wall = wall_time(now, zone)
        return wall is not None and all(test(wall) for test in tests)

    return matches


@cache
def known_zones() -> Mapping[str, str]:
    """The names of all time zones, by the same in lower case."""
    return {name.lower(): name for name in available_timezones()}


def zone_of(name: Any) -> tzinfo | None:
    """The IANA time zone of that name, in any case of letters; None when there is none."""
    known = known_zones().get(name.lower()) if isinstance(name, str) and len(name) <= 100 else None
    return ZoneInfo(known) if known is not None else None


def wall_time(now: datetime, zone: tzinfo | None) -> datetime | None:
    """What clocks show in a zone; None without one, or at the ends of the calendar."""
    if zone is None:
        return None
    try:
        return now.astimezone(zone)
    except OverflowError:
        return None


def _in_any(ranges: tuple[tuple[int | None, int | None], ...], now: int) -> bool:
    return any((start is None or start <= now) and (end is None or now < end) for start, end in ranges)


def _wall_tests(condition: Temporal) -> tuple[Test, ...]:
    tests: list[Test] = []
    if condition.time_ranges:
        hours = tuple(part.minutes for part in condition.time_ranges)
        tests.append(lambda wall: _in_hours(hours, wall.hour * 60 + wall.minute))
    if condition.days_of_week:
        days = frozenset(_DAYS.index(day) for day in condition.days_of_week)
        tests.append(lambda wall: wall.weekday() in days)
    if condition.months:
        months = frozenset(_MONTHS.index(month) + 1 for month in condition.months)
        tests.append(lambda wall: wall.month in months)
    if condition.seasons:
        of_seasons = frozenset[int]().union(*(season_months(s, condition.hemisphere) for s in condition.seasons))
        tests.append(lambda wall: wall.month in of_seasons)
    if condition.holidays:
        dates = frozenset(day for part in condition.holidays for day in part.dates)
        tests.append(lambda wall: wall.date().isoformat() in dates)
    return tuple(tests)


def _in_hours(hours: tuple[tuple[int, int], ...], minute: int) -> bool:
    return any(start <= minute < end if start < end else minute >= start or minute < end for start, end in hours)
