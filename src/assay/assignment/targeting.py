"""Audiences compiled to a function of attributes and time. Evaluation is total: odd types never match, never raise."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, TypeAlias

from assay.assignment.behaviour import acted
from assay.assignment.comparisons import compile_comparison
from assay.assignment.places import in_box, on_screen
from assay.assignment.temporal import compile_temporal
from assay.model.audience import (
    MICRO,
    Action,
    All,
    Attribute,
    Condition,
    Coordinates,
    Not,
    Operator,
    Score,
    Screen,
    SegmentRef,
    Some,
    Temporal,
    every_part,
)

Attributes: TypeAlias = Mapping[str, Any]
Predicate: TypeAlias = Callable[[Attributes, datetime], bool]


def compile_condition(condition: Condition) -> Predicate:
    """The condition as a predicate on attributes and the time. A segment that was never looked up matches nobody."""
    match condition:
        case Attribute():
            return compile_comparison(condition)
        case Not(inner):
            negated = compile_condition(inner)
            return lambda attributes, now: not negated(attributes, now)
        case All(conditions):
            parts = tuple(compile_condition(part) for part in conditions)
            if len(parts) == 1:
                return parts[0]
            return lambda attributes, now: all(part(attributes, now) for part in parts)
        case Some(conditions):
            parts = tuple(compile_condition(part) for part in conditions)
            return lambda attributes, now: any(part(attributes, now) for part in parts)
        case Score():
            return _score(condition)
        case SegmentRef(_, inner):
            return compile_condition(inner) if inner is not None else lambda attributes, now: False
        case Temporal():
            return compile_temporal(condition)
        case Coordinates():
            return lambda attributes, now: in_box(condition, attributes)
        case Screen():
            return lambda attributes, now: on_screen(condition, attributes)
        case Action():
            return lambda attributes, now: acted(condition, attributes, now)


def attributes_read(condition: Condition) -> frozenset[str]:
    """The names of all attributes that a condition compares; places, screens, times and actions not counted."""
    return frozenset(part.attribute for part in every_part(condition) if isinstance(part, Attribute))


def goes_by_time(condition: Condition) -> bool:
    """Whether the answer depends on when it is given."""
    ages = (Operator.WITHIN_LAST, Operator.LONGER_AGO)
    return any(
        part.op in ages if isinstance(part, Attribute) else isinstance(part, (Temporal, Action))
        for part in every_part(condition)
    )


def one_of_texts(condition: Condition) -> tuple[str, frozenset[str] | None]:
    """The attribute and the texts, when a condition only asks whether it is one of them; else None for the texts."""
    match condition:
        case All((only,)):
            return one_of_texts(only)
        case Attribute(name, Operator.EQ, str(value)):
            return name, frozenset((value,))
        case Attribute(name, Operator.IN, tuple(values)) if all(isinstance(value, str) for value in values):
            return name, frozenset(value for value in values if isinstance(value, str))
        case _:
            return "", None


def _score(condition: Score) -> Predicate:
    """Whole millionths, so that the sum does not depend on the order."""
    needed = round(condition.at_least * MICRO)
    lines = tuple((round(line.weight * MICRO), compile_condition(line.condition)) for line in condition.of)
    return lambda attributes, now: sum(weight for weight, part in lines if part(attributes, now)) >= needed
