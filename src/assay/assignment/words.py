"""Audiences in words for people: `country is one of "US", "CA"`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from assay.model.audience import (
    Action,
    All,
    Attribute,
    Condition,
    Coordinates,
    Not,
    Score,
    Screen,
    SegmentRef,
    Some,
    Temporal,
    parts_within,
)
from assay.model.comparisons import Operator
from assay.model.temporal import UNIT_ZONE, DateRange

_SHOWN = 200


@dataclass(frozen=True, slots=True)
class Words:
    """One condition: in words, and its parts."""

    text: str
    parts: tuple[Words, ...] = ()


def audience_words(condition: Condition) -> Words:
    """The condition and all its parts in words."""
    return Words(condition_words(condition), tuple(map(audience_words, parts_within(condition))))


def condition_words(condition: Condition) -> str:
    """One condition in words, without its parts."""
    match condition:
        case Attribute():
            return _comparison(condition)
        case All(parts):
            return "all of" if parts else "everyone"
        case Some(parts):
            return "any of" if parts else "nobody"
        case Not():
            return "not"
        case Score(at_least, lines):
            return f"a score of {at_least:g} or more, with {', '.join(f'{line.weight:g}' for line in lines)} for"
        case SegmentRef(segment, inner):
            return f"segment '{segment}'" + (": nobody until it is looked up" if inner is None else "")
        case Temporal():
            return _temporal(condition)
        case Coordinates():
            box = f"{condition.south:g} to {condition.north:g} north, {condition.west:g} to {condition.east:g} east"
            return f"between {box}"
        case Screen():
            return _screen(condition)
        case Action():
            return _action(condition)


def shown(value: Any) -> str:
    """A value as JSON, not too long."""
    text = json.dumps(plain(value), ensure_ascii=False, default=str)
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"


def plain(value: Any) -> Any:
    """What JSON can carry; anything else as its type."""
    if value is None or isinstance(value, (str, bool, int)):
        return value
    if isinstance(value, float):
        return value if value == value and abs(value) != float("inf") else str(value)
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return f"<{type(value).__name__}>"


_VERBS = {
    Operator.EQ: "is",
    Operator.NE: "is not",
    Operator.IN: "is one of",
    Operator.NOT_IN: "is none of",
    Operator.GT: "is above",
    Operator.GTE: "is at least",
    Operator.LT: "is below",
    Operator.LTE: "is at most",
    Operator.CONTAINS: "contains",
    Operator.NOT_CONTAINS: "does not contain",
    Operator.CONTAINS_ANY: "contains any of",
    Operator.CONTAINS_ALL: "contains all of",
    Operator.STARTS_WITH: "starts with",
    Operator.ENDS_WITH: "ends with",
    Operator.MATCHES: "matches",
    Operator.VERSION_EQ: "is version",
    Operator.VERSION_GT: "is newer than version",
    Operator.VERSION_GTE: "is at least version",
    Operator.VERSION_LT: "is older than version",
    Operator.VERSION_LTE: "is at most version",
    Operator.BEFORE: "is before",
    Operator.AFTER: "is at or after",
}


def _comparison(condition: Attribute) -> str:
    name, op, value = condition.attribute, condition.op, condition.value
    match op:
        case Operator.EXISTS:
            return f"{name} is known"
        case Operator.NOT_EXISTS:
            return f"{name} is not known"
        case Operator.BETWEEN if isinstance(value, tuple):
            return f"{name} is from {shown(value[0])} to {shown(value[1])}"
        case Operator.WITHIN_LAST:
            return f"{name} is at most {_hours(value)} ago"
        case Operator.LONGER_AGO:
            return f"{name} is more than {_hours(value)} ago"
        case _:
            values = _listed([shown(item) for item in value]) if isinstance(value, tuple) else shown(value)
            return f"{name} {_VERBS[op]} {values}"


def _hours(hours: Any) -> str:
    if hours >= 48 and hours % 24 == 0:
        return f"{hours / 24:g} days"
    return "1 hour" if hours == 1 else f"{hours:g} hours"


def _listed(texts: Sequence[str]) -> str:
    text = ", ".join(texts)
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"


def _temporal(condition: Temporal) -> str:
    parts = [f"the time is {_or([_range(part) for part in condition.date_ranges])}"] if condition.date_ranges else []
    if condition.time_ranges:
        parts.append(f"it is {_or([f'{part.start} to {part.end}' for part in condition.time_ranges])}")
    for name, preposition in (("days_of_week", "on"), ("months", "in"), ("seasons", "in")):
        values = getattr(condition, name)
        if values:
            parts.append(f"{preposition} {_or([item.value.title() for item in values])}")
    if condition.seasons:
        parts[-1] += f" of the {condition.hemisphere.value}"
    for holidays in condition.holidays:
        where = holidays.country + (f"-{holidays.subdivision}" if holidays.subdivision else "")
        named = f" ({_or(list(holidays.names))})" if holidays.names else ""
        parts.append(f"on a holiday of {where}{named}")
    zone = "the unit's own time zone" if condition.timezone == UNIT_ZONE else condition.timezone
    return f"{' and '.join(parts)}, in {zone}"


def _range(part: DateRange) -> str:
    start = "" if part.start is None else f"from {part.start:%Y-%m-%d %H:%M} UTC"
    end = "" if part.end is None else f"before {part.end:%Y-%m-%d %H:%M} UTC"
    return " ".join(filter(None, (start, end)))


def _or(texts: Sequence[str]) -> str:
    return " or ".join(filter(None, (", ".join(texts[:-1]), *texts[-1:])))


def _bounds(low: float | None, high: float | None, unit: str = "") -> str:
    if low is not None and high is not None:
        return (f"{low:g}" if low == high else f"{low:g} to {high:g}") + unit
    return f"at least {low:g}{unit}" if low is not None else f"at most {high:g}{unit}"


def _screen(condition: Screen) -> str:
    parts = [condition.orientation.value] if condition.orientation is not None else []
    if condition.min_width is not None or condition.max_width is not None:
        parts.append(f"{_bounds(condition.min_width, condition.max_width)} pixels wide")
    if condition.min_height is not None or condition.max_height is not None:
        parts.append(f"{_bounds(condition.min_height, condition.max_height)} pixels high")
    return f"a screen that is {' and '.join(parts)}"


def _action(condition: Action) -> str:
    text = f"actions '{condition.type}'"
    if condition.within_hours is not None:
        text += f" of the last {_hours(condition.within_hours)}"
    parts = []
    if condition.min_count is not None or condition.max_count is not None:
        parts.append(f"{_bounds(condition.min_count, condition.max_count)} of them")
    if condition.min_value is not None or condition.max_value is not None:
        parts.append(f"worth {_bounds(condition.min_value, condition.max_value)} together")
    if condition.min_hours_ago is not None or condition.max_hours_ago is not None:
        parts.append(f"the latest {_bounds(condition.min_hours_ago, condition.max_hours_ago, ' hours')} ago")
    return f"{text}: {', '.join(parts) or 'at least one'}"
