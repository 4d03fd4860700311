"""Comparisons of one attribute, compiled. They are total: odd types never match and never raise.

Types are strict: true is not 1, and "5" is not 5; whole and fractional numbers compare by value.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from assay.model.comparisons import Attribute, Operator
from assay.model.moment import milliseconds, milliseconds_of
from assay.model.patterns import MAX_SUBJECT, compile_pattern
from assay.model.releases import release_of

Attributes = Mapping[str, Any]
Comparison = Callable[[Attributes, datetime], bool]
_HOUR_MS = 3_600_000

_MISSING = object()


def compile_comparison(condition: Attribute) -> Comparison:
    """The comparison as a predicate on attributes and the time."""
    name = condition.attribute
    if condition.op is Operator.EXISTS:
        return lambda attributes, now: attributes.get(name) is not None
    if condition.op is Operator.NOT_EXISTS:
        return lambda attributes, now: attributes.get(name) is None
    if condition.op is Operator.IN and isinstance(condition.value, tuple):
        texts = frozenset(item for item in condition.value if isinstance(item, str))
        if len(texts) == len(set(condition.value)):
            return _text_within(name, texts)
    if condition.op in (Operator.WITHIN_LAST, Operator.LONGER_AGO):
        return _age(name, condition.value, recent=condition.op is Operator.WITHIN_LAST)
    test = _TESTS[condition.op](condition.value)

    def matches(attributes: Attributes, now: datetime) -> bool:
        value = attributes.get(name)
        return value is not None and test(value)

    return matches


def _text_within(name: str, texts: frozenset[str]) -> Comparison:
    """The commonest condition, country in a list, without a step too many."""

    def matches(attributes: Attributes, now: datetime) -> bool:
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


def _not_contains(wanted: Any) -> Callable[[Any], bool]:
    contains = _contains(wanted)
    return lambda value: isinstance(value, (str, list, tuple)) and not contains(value)


def _contains_each(combine: Callable[[Any], bool]) -> Callable[[Any], Callable[[Any], bool]]:
    def build(wanted: Any) -> Callable[[Any], bool]:
        parts = tuple(_contains(item) for item in wanted)
        return lambda value: bool(combine(part(value) for part in parts))

    return build


def _matches(wanted: Any) -> Callable[[Any], bool]:
    search = compile_pattern(wanted).search
    return lambda value: isinstance(value, str) and search(value[:MAX_SUBJECT]) is not None


def _release(compare: Callable[[Any, Any], bool]) -> Callable[[Any], Callable[[Any], bool]]:
    def build(wanted: Any) -> Callable[[Any], bool]:
        bound = release_of(wanted)

        def test(value: Any) -> bool:
            release = release_of(value)
            return release is not None and bool(compare(release, bound))

        return test

    return build


def _moment(*, before: bool) -> Callable[[Any], Callable[[Any], bool]]:
    def build(wanted: Any) -> Callable[[Any], bool]:
        bound = milliseconds_of(wanted) or 0

        def test(value: Any) -> bool:
            moment = milliseconds_of(value)
            return moment is not None and (moment < bound) is before

        return test

    return build


def _age(name: str, hours: Any, *, recent: bool) -> Comparison:
    """How long ago the attribute's time was; one in the future is in neither."""
    bound: int = round(hours * _HOUR_MS)

    def matches(attributes: Attributes, now: datetime) -> bool:
        moment = milliseconds_of(attributes.get(name))
        if moment is None:
            return False
        age = milliseconds(now) - moment
        return (0 <= age <= bound) if recent else bool(age > bound)

    return matches


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
    Operator.NOT_CONTAINS: _not_contains,
    Operator.CONTAINS_ANY: _contains_each(any),
    Operator.CONTAINS_ALL: _contains_each(all),
    Operator.MATCHES: _matches,
    Operator.VERSION_EQ: _release(lambda value, wanted: value == wanted),
    Operator.VERSION_GT: _release(lambda value, wanted: value > wanted),
    Operator.VERSION_GTE: _release(lambda value, wanted: value >= wanted),
    Operator.VERSION_LT: _release(lambda value, wanted: value < wanted),
    Operator.VERSION_LTE: _release(lambda value, wanted: value <= wanted),
    Operator.BEFORE: _moment(before=True),
    Operator.AFTER: _moment(before=False),
    Operator.STARTS_WITH: lambda wanted: lambda value: isinstance(value, str) and value.startswith(wanted),
    Operator.ENDS_WITH: lambda wanted: lambda value: isinstance(value, str) and value.endswith(wanted),
}
