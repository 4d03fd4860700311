"""An audience, condition by condition: what was asked, what the unit has, and whether it matched."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from assay.assignment.targeting import compile_condition
from assay.assignment.temporal import wall_time, zone_of
from assay.assignment.words import condition_words, plain, shown
from assay.model.audience import Action, Attribute, Condition, Coordinates, Score, Screen, Temporal, parts_within
from assay.model.temporal import UNIT_ZONE


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
        has = ", ".join(f"{name} is {shown(value)}" for name, value in self.given.items())
        return f"{self.text} ({has})" if has else self.text

    def document(self) -> dict[str, Any]:
        """As JSON, parts within parts."""
        document: dict[str, Any] = {"condition": self.text, "matched": self.matched}
        if self.given:
            document["given"] = {name: plain(value) for name, value in self.given.items()}
        if self.parts:
            document["parts"] = [part.document() for part in self.parts]
        return document


def trace(condition: Condition, attributes: Mapping[str, Any], now: datetime) -> Trace:
    """The condition with the outcome of each of its parts."""
    parts = tuple(trace(part, attributes, now) for part in parts_within(condition))
    matched = compile_condition(condition)(attributes, now)
    return Trace(condition_words(condition), matched, _given(condition, parts, attributes, now), parts)


def _given(
    condition: Condition, parts: tuple[Trace, ...], attributes: Mapping[str, Any], now: datetime
) -> dict[str, Any]:
    """What the condition looked at."""
    match condition:
        case Attribute(name):
            return _some(attributes, name)
        case Score(_, lines):
            total = sum(line.weight for line, part in zip(lines, parts, strict=True) if part.matched)
            return {"score": round(total, 6)}
        case Temporal():
            zone = attributes.get("timezone") if condition.timezone == UNIT_ZONE else condition.timezone
            wall = wall_time(now, zone_of(zone))
            return {"timezone": zone, "local_time": None if wall is None else wall.isoformat(timespec="seconds")}
        case Coordinates():
            return _some(attributes, "latitude", "longitude")
        case Screen():
            return _some(attributes, "screen_width", "screen_height")
        case Action():
            return _some(attributes, "actions")
        case _:
            return {}


def _some(attributes: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: attributes.get(name) for name in names}
