"""Audiences: conditions on the attributes of a unit and on the time, combined with and, or, not and scores.

A condition on an attribute that the unit does not have never matches, whatever its operator; only
`not_exists` asks for absence. `not` negates whatever stands inside it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias, Union

from assay.errors import InvalidInput
from assay.model.behaviour import Action, parse_action
from assay.model.comparisons import Attribute, Operator, parse_attribute
from assay.model.names import check_key
from assay.model.places import Coordinates, Screen, parse_coordinates, parse_screen
from assay.model.temporal import Temporal, parse_temporal

__all__ = [
    "EVERYONE",
    "MICRO",
    "Action",
    "All",
    "Attribute",
    "Audience",
    "Condition",
    "Coordinates",
    "Leaf",
    "Not",
    "Operator",
    "Score",
    "Screen",
    "SegmentRef",
    "Some",
    "Temporal",
    "Weighted",
    "parse_condition",
]

MAX_DEPTH = 20
MAX_CONDITIONS = 1_000
MAX_WEIGHT = 1_000_000
MICRO = 1_000_000
"""Weights of a score are kept to six decimals, so that their sums are exact."""


@dataclass(frozen=True, slots=True)
class All:
    """Every one of `conditions` matches; with none, everyone is in."""

    conditions: tuple[Condition, ...] = ()

    def to_document(self) -> dict[str, Any]:
        return {"and": [condition.to_document() for condition in self.conditions]}

    @classmethod
    def from_document(cls, document: Any, path: str) -> Condition:
        return parse_condition(document, path)


@dataclass(frozen=True, slots=True)
class Some:
    """At least one of `conditions` matches; with none, nobody is in."""

    conditions: tuple[Condition, ...] = ()

    def to_document(self) -> dict[str, Any]:
        return {"or": [condition.to_document() for condition in self.conditions]}


@dataclass(frozen=True, slots=True)
class Not:
    """`condition` does not match."""

    condition: Condition

    def to_document(self) -> dict[str, Any]:
        return {"not": self.condition.to_document()}


@dataclass(frozen=True, slots=True)
class Weighted:
    """One line of a score: `weight` counts when `condition` matches."""

    weight: float
    condition: Condition

    def to_document(self) -> dict[str, Any]:
        return {"weight": self.weight, "if": self.condition.to_document()}


@dataclass(frozen=True, slots=True)
class Score:
    """The weights of the conditions that match sum to `at_least` or more."""

    at_least: float
    of: tuple[Weighted, ...]

    def to_document(self) -> dict[str, Any]:
        return {"score": {"at_least": self.at_least, "of": [part.to_document() for part in self.of]}}


@dataclass(frozen=True, slots=True)
class SegmentRef:
    """A named audience. condition: what it said when the experiment was saved; None until then."""

    segment: str
    condition: Condition | None = None

    def to_document(self) -> dict[str, Any]:
        document: dict[str, Any] = {"segment": self.segment}
        if self.condition is not None:
            document["condition"] = self.condition.to_document()
        return document


Leaf: TypeAlias = Union[Attribute, Temporal, Coordinates, Screen, Action]
Condition: TypeAlias = Union[All, Some, Not, Score, SegmentRef, Leaf]
EVERYONE = All()


def parts_within(condition: Condition) -> tuple[Condition, ...]:
    """The conditions right within a condition."""
    match condition:
        case All(parts) | Some(parts):
            return parts
        case Not(inner):
            return (inner,)
        case Score(_, lines):
            return tuple(line.condition for line in lines)
        case SegmentRef(_, inner):
            return () if inner is None else (inner,)
        case _:
            return ()


def every_part(condition: Condition) -> Iterator[Condition]:
    """The condition itself and all within it, at any depth."""
    yield condition
    for part in parts_within(condition):
        yield from every_part(part)


@dataclass(frozen=True, slots=True)
class Audience:
    """Who may take part: the units whose attributes match `condition`."""

    condition: Condition = EVERYONE

    @property
    def everyone(self) -> bool:
        """No condition at all."""
        return self.condition == EVERYONE

    def to_document(self) -> dict[str, Any]:
        return self.condition.to_document()

    @classmethod
    def from_document(cls, document: Any, path: str) -> Audience:
        return cls(parse_condition(document, path))


def parse_condition(document: Any, path: str = "audience", depth: int = 0) -> Condition:
    """A condition from its document; raises InvalidInput naming the path of the part that is wrong."""
    if depth > MAX_DEPTH:
        raise InvalidInput(path, document, f"conditions nested at most {MAX_DEPTH} deep")
    if isinstance(document, (list, tuple)):
        document = {"and": document}
    if not isinstance(document, Mapping):
        raise InvalidInput(path, document, f"an object with 'attribute', or one of {_WORDS}")
    if not document:
        return EVERYONE
    if "attribute" in document:
        return parse_attribute(document, path)
    if "segment" in document:
        return _parse_segment(document, path, depth)
    word = next(iter(document))
    if len(document) != 1 or word not in _PARSERS:
        raise InvalidInput(path, document, f"an object with exactly one of {_WORDS}, or 'attribute' with 'op'")
    return _PARSERS[word](document[word], f"{path}.{word}", depth + 1)


def _parse_list(inner: Any, path: str, depth: int) -> tuple[Condition, ...]:
    if not isinstance(inner, (list, tuple)):
        raise InvalidInput(path, inner, "a list of conditions")
    if len(inner) > MAX_CONDITIONS:
        raise InvalidInput(path, f"{len(inner):,} conditions", f"at most {MAX_CONDITIONS:,}")
    return tuple(parse_condition(part, f"{path}[{i}]", depth) for i, part in enumerate(inner))


def _parse_score(inner: Any, path: str, depth: int) -> Score:
    if not isinstance(inner, Mapping) or set(inner) != {"at_least", "of"}:
        raise InvalidInput(path, inner, "an object with 'at_least' and 'of'")
    if not isinstance(inner["of"], (list, tuple)) or not 0 < len(inner["of"]) <= MAX_CONDITIONS:
        raise InvalidInput(f"{path}.of", inner["of"], f"a list of 1 to {MAX_CONDITIONS:,} weighted conditions")
    lines = []
    for i, line in enumerate(inner["of"]):
        if not isinstance(line, Mapping) or set(line) != {"weight", "if"}:
            raise InvalidInput(f"{path}.of[{i}]", line, "an object with 'weight' and 'if'")
        weight = _weight(line["weight"], f"{path}.of[{i}].weight")
        lines.append(Weighted(weight, parse_condition(line["if"], f"{path}.of[{i}].if", depth)))
    at_least = _weight(inner["at_least"], f"{path}.at_least")
    most = sum(round(line.weight * MICRO) for line in lines if line.weight > 0) / MICRO
    if round(at_least * MICRO) > round(most * MICRO):
        raise InvalidInput(
            f"{path}.at_least", at_least, f"at most {most:g}, the sum of the weights: nobody reaches more"
        )
    return Score(at_least, tuple(lines))


def _weight(value: Any, field: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not -MAX_WEIGHT <= value <= MAX_WEIGHT:
        raise InvalidInput(field, value, f"a number from {-MAX_WEIGHT:,} to {MAX_WEIGHT:,}")
    return round(value * MICRO) / MICRO


def _parse_segment(document: Mapping[str, Any], path: str, depth: int) -> SegmentRef:
    unknown = [key for key in document if key not in ("segment", "condition")]
    if unknown:
        raise InvalidInput(f"{path}.{unknown[0]}", document[unknown[0]], "a segment's name alone")
    key = check_key(document["segment"], f"{path}.segment")
    inner = document.get("condition")
    return SegmentRef(key, None if inner is None else parse_condition(inner, f"{path}.condition", depth + 1))


_PARSERS: dict[str, Callable[[Any, str, int], Condition]] = {
    "and": lambda inner, path, depth: All(_parse_list(inner, path, depth)),
    "or": lambda inner, path, depth: Some(_parse_list(inner, path, depth)),
    "not": lambda inner, path, depth: Not(parse_condition(inner, path, depth)),
    "score": _parse_score,
    "temporal": lambda inner, path, _: parse_temporal(inner, path),
    "coordinates": lambda inner, path, _: parse_coordinates(inner, path),
    "screen": lambda inner, path, _: parse_screen(inner, path),
    "action": lambda inner, path, _: parse_action(inner, path),
}
_WORDS = ", ".join(f"'{word}'" for word in (*_PARSERS, "segment"))
