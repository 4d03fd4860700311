"""Audiences compiled to a function of attributes. Evaluation is total: odd types never match and never raise.

Types are strict: true is not 1, and "5" is not 5; whole and fractional numbers compare by value.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from assay.model.audience import All, Attribute, Condition, Not, Operator, Some

Attributes = Mapping[str, Any]
Predicate = Callable[[Attributes], bool]

_MISSING = object()


def compile_condition(condition: Condition) -> Predicate:
    """The condition as a predicate on attributes."""
    match condition:
        case Attribute():
            return _compile_attribute(condition)
        case Not(inner):
            negated = compile_condition(inner)
            return lambda attributes: not negated(attributes)
        case All(conditions):
            parts = tuple(compile_condition(part) for part in conditions)
            if len(parts) == 1:
                return parts[0]
            return lambda attributes: all(part(attributes) for part in parts)
        case Some(conditions):
            parts = tuple(compile_condition(part) for part in conditions)
            return lambda attributes: any(part(attributes) for part in parts)


def _compile_attribute(condition: Attribute) -> Predicate:
    name = condition.attribute
    if condition.op is Operator.EXISTS:
        return lambda attributes: attributes.get(name) is not None
    if condition.op is Operator.NOT_EXISTS:
        return lambda attributes: attributes.get(name) is None
    if condition.op is Operator.IN and isinstance(condition.value, tuple):
        texts = frozenset(item for item in condition.value if isinstance(item, str))
        if len(texts) == len(set(condition.value)):
            return _text_within(name, texts)
    test = _TESTS[condition.op](condition.value)

    def matches(attributes: Attributes) -> bool:
        value = attributes.get(name)
        return value is not None and test(value)

    return matches


def _text_within(name: str, texts: frozenset[str]) -> Predicate:
    """The commonest condition, country in a list, without a step too many."""

    def matches(attributes: Attributes) -> bool:
        value = attributes.get(name)
        return isinstance(value, str) and value in texts

    return matches


def _family(value: Any) -> object:
    """What a value may be compared with: its own family only."""
    if isinstance(value, bool):
        return bool
    if isinstance(value, (int, float)):
        return float
    return str if isinstance(value, str) else _MISSING


def _equal(wanted: Any) -> Callable[[Any], bool]:
    family = _family(wanted)
    return lambda value: _family(value) is family and bool(value == wanted)


def _within(wanted: Any) -> Callable[[Any], bool]:
    pairs = frozenset((_family(item), item) for item in wanted)

    def test(value: Any) -> bool:
        family = _family(value)
        return family is not _MISSING and (family, value) in pairs

    return test


def _not_equal(wanted: Any) -> Callable[[Any], bool]:
    equal = _equal(wanted)
    return lambda value: not equal(value)


def _not_within(wanted: Any) -> Callable[[Any], bool]:
    within = _within(wanted)
    return lambda value: not within(value)


def _ordered(compare: Callable[[Any, Any], bool]) -> Callable[[Any], Callable[[Any], bool]]:
    def build(wanted: Any) -> Callable[[Any], bool]:
        family = _family(wanted)
        return lambda value: _family(value) is family and compare(value, wanted)

    return build


def _between(wanted: Any) -> Callable[[Any], bool]:
    low, high = wanted
    family = _family(low)
    return lambda value: _family(value) is family and low <= value <= high


def _contains(wanted: Any) -> Callable[[Any], bool]:
    """Text contains a part; a list contains an element."""
    equal = _equal(wanted)

    def test(value: Any) -> bool:
        if isinstance(value, str):
            return isinstance(wanted, str) and wanted in value
        return isinstance(value, (list, tuple)) and any(equal(item) for item in value)

    return test


_TESTS: dict[Operator, Callable[[Any], Callable[[Any], bool]]] = {
    Operator.EQ: _equal,
    Operator.NE: _not_equal,
    Operator.IN: _within,
    Operator.NOT_IN: _not_within,
    Operator.GT: _ordered(lambda value, wanted: value > wanted),
    Operator.GTE: _ordered(lambda value, wanted: value >= wanted),
    Operator.LT: _ordered(lambda value, wanted: value < wanted),
    Operator.LTE: _ordered(lambda value, wanted: value <= wanted),
    Operator.BETWEEN: _between,
    Operator.CONTAINS: _contains,
    Operator.STARTS_WITH: lambda wanted: lambda value: isinstance(value, str) and value.startswith(wanted),
    Operator.ENDS_WITH: lambda wanted: lambda value: isinstance(value, str) and value.endswith(wanted),
}
