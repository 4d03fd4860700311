"""An audience, condition by condition: what was asked, what the unit has, and whether it matched."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from assay.assignment.targeting import compile_condition
from assay.assignment.temporal import wall_time, zone_of
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
)
from assay.model.temporal import UNIT_ZONE

_SHOWN = 200
_WITHOUT_VALUE = ("exists", "not_exists")


@dataclass(frozen=True, slots=True)
class Trace:
    """One condition: in words, whether it matched, what it looked at, and its parts."""

    text: str
    matched: bool
    given: Mapping[str, Any]
    parts: tuple[Trace, ...] = ()

    @property
    def cause(self) -> str:
        """The first condition, going inwards, that explains the outcome."""
        for part in self.parts:
            if part.matched is self.matched:
                return part.cause
        if self.parts:
            return self.text
        has = ", ".join(f"{name} is {_shown(value)}" for name, value in self.given.items())
        return f"{self.text} ({has})" if has else self.text

    def document(self) -> dict[str, Any]:
        """As JSON, parts within parts."""
        document: dict[str, Any] = {"condition": self.text, "matched": self.matched}
        if self.given:
            document["given"] = {name: _plain(value) for name, value in self.given.items()}
        if self.parts:
            document["parts"] = [part.document() for part in self.parts]
        return document


def trace(condition: Condition, attributes: Mapping[str, Any], now: datetime) -> Trace:
    """The condition with the outcome of each of its parts."""
    matched = compile_condition(condition)(attributes, now)

    def inner(*conditions: Condition) -> tuple[Trace, ...]:
        return tuple(trace(part, attributes, now) for part in conditions)

    match condition:
        case All(conditions):
            return Trace("all of", matched, {}, inner(*conditions))
        case Some(conditions):
            return Trace("any of", matched, {}, inner(*conditions))
        case Not(negated):
            return Trace("not", matched, {}, inner(negated))
        case Score(at_least, of):
            parts = inner(*(line.condition for line in of))
            total = sum(line.weight for line, part in zip(of, parts, strict=True) if part.matched)
            return Trace(f"score at least {at_least:g}", matched, {"score": round(total, 6)}, parts)
        case SegmentRef(segment, found):
            parts = inner(found) if found is not None else ()
            return Trace(f"segment '{segment}'", matched, {}, parts)
        case Attribute():
            value = condition.to_document().get("value")
            asked = "" if condition.op.value in _WITHOUT_VALUE else f" {_shown(value)}"
            given = {condition.attribute: attributes.get(condition.attribute)}
            return Trace(f"{condition.attribute} {condition.op.value}{asked}", matched, given)
        case Temporal():
            zone = attributes.get("timezone") if condition.timezone == UNIT_ZONE else condition.timezone
            wall = wall_time(now, zone_of(zone))
            given = {"timezone": zone, "local_time": None if wall is None else wall.isoformat(timespec="seconds")}
            return Trace(_leaf(condition), matched, given)
        case Coordinates():
            return Trace(_leaf(condition), matched, _some(attributes, "latitude", "longitude"))
        case Screen():
            return Trace(_leaf(condition), matched, _some(attributes, "screen_width", "screen_height"))
        case Action():
            return Trace(_leaf(condition), matched, _some(attributes, "actions"))


def _leaf(condition: Temporal | Coordinates | Screen | Action) -> str:
    ((word, asked),) = condition.to_document().items()
    for part in asked.get("holidays", ()):
        part["dates"] = f"{len(part['dates'])} days"
    return f"{word} {_shown(asked)}"


def _some(attributes: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: attributes.get(name) for name in names}


def _shown(value: Any) -> str:
    text = json.dumps(_plain(value), ensure_ascii=False, default=str)
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"


def _plain(value: Any) -> Any:
    """What JSON can carry; anything else as its type."""
    if value is None or isinstance(value, (str, bool, int)):
        return value
    if isinstance(value, float):
        return value if value == value and abs(value) != float("inf") else str(value)
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return f"<{type(value).__name__}>"
