"""Values held against a schema, with a bound on the work: schemas can be written that would take years."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeAlias

from jsonschema import Draft202012Validator, ValidationError  # type: ignore[import-untyped]
from jsonschema.validators import extend  # type: ignore[import-untyped]
from referencing import Registry
from referencing.exceptions import Unresolvable

from assay.errors import InvalidInput
from assay.service.config_patterns import Pattern
from assay.service.config_schema import FIELD, Schema
from assay.service.config_words import accepted_by, nearest, path_below

MAX_STEPS = 250_000
"""For all configs of one experiment together; some seconds at worst."""
_TRIES_A_STEP = 500
"""Tries of a regular expression that take as long as one step."""
_CHARACTERS_A_STEP = 500
Errors: TypeAlias = Iterator[ValidationError]
Keyword: TypeAlias = Callable[[Any, Any, Any, Any], Errors | None]


class _Spent(Exception):
    """The work allowed is done."""


class Budget:
    """Steps that are left, and the patterns of the schema that spends them."""

    def __init__(self, patterns: Mapping[str, Pattern], steps: int = MAX_STEPS) -> None:
        self.patterns = patterns
        self.left = steps

    def spend(self, steps: int) -> None:
        self.left -= steps
        if self.left < 0:
            raise _Spent


_BUDGET: ContextVar[Budget] = ContextVar("budget")


def check_value(schema: Schema, value: Any, field: str, budget: Budget) -> None:
    """Raise InvalidInput for the field of `value` that does not fit, or when it cannot be told in time."""
    with _spending(budget):
        try:
            error = nearest(_Counted(schema.document, registry=Registry()).iter_errors(value))
        except _Spent:
            accepted = f"a schema that takes fewer than {MAX_STEPS:,} steps to check; {field} took more"
            raise InvalidInput(FIELD, "this schema", accepted) from None
        except (RecursionError, Unresolvable) as cause:
            accepted = (
                "a schema whose references come to an end, for values that are not nested deeper than it can follow"
            )
            raise InvalidInput(FIELD, type(cause).__name__, accepted) from None
        if error is not None:
            where, given = path_below(field, error)
            raise InvalidInput(where, given, accepted_by(error, schema.patterns))


@contextmanager
def _spending(budget: Budget) -> Iterator[None]:
    token = _BUDGET.set(budget)
    try:
        yield
    finally:
        _BUDGET.reset(token)


def _counted(check: Keyword) -> Keyword:
    """A keyword's check that pays before it works, and for every error it makes."""

    def pay_and_check(validator: Any, value: Any, instance: Any, schema: Any) -> Errors:
        budget = _BUDGET.get()
        budget.spend(1 + _length(value) + _length(instance))
        for error in check(validator, value, instance, schema) or ():
            budget.spend(1 + len(error.message) // _CHARACTERS_A_STEP)
            yield error

    return pay_and_check


def _length(value: Any) -> int:
    return len(value) if isinstance(value, (dict, list)) else 0


def _nodes(value: Any) -> int:
    if isinstance(value, dict):
        return 1 + sum(map(_nodes, value.values()))
    return 1 + sum(map(_nodes, value)) if isinstance(value, list) else 1


def _pay_for_pattern(pattern: str, text: str) -> None:
    budget = _BUDGET.get()
    budget.spend(1 + budget.patterns[pattern].steps(len(text)) // _TRIES_A_STEP)


def _pattern(validator: Any, pattern: str, instance: Any, schema: Any) -> Errors:
    if isinstance(instance, str):
        _pay_for_pattern(pattern, instance)
        if re.search(pattern, instance) is None:
            yield ValidationError("no match")


def _paid_names(check: Keyword) -> Keyword:
    """Fields of an object are matched with all patterns of the schema there."""

    def pay_and_check(validator: Any, value: Any, instance: Any, schema: Any) -> Errors:
        if isinstance(instance, dict):
            for pattern in schema.get("patternProperties", ()):
                for name in instance:
                    _pay_for_pattern(pattern, name)
        yield from check(validator, value, instance, schema) or ()

    return pay_and_check


def _compared(check: Keyword) -> Keyword:
    """Comparing takes as long as the value in the schema is big."""

    def pay_and_check(validator: Any, value: Any, instance: Any, schema: Any) -> Errors:
        _BUDGET.get().spend(_nodes(value) if isinstance(instance, (dict, list)) else 0)
        yield from check(validator, value, instance, schema) or ()

    return pay_and_check


def _unevaluated(check: Keyword) -> Keyword:
    """The library looks through the schema uncounted, but never further than a check of all the rest, which counts."""

    def pay_and_check(validator: Any, value: Any, instance: Any, schema: Any) -> Errors:
        if isinstance(instance, (dict, list)):
            _BUDGET.get().spend(len(instance) ** 2 // 10)
            rest = {name: item for name, item in schema.items() if not name.startswith("unevaluated")}
            for _ in validator.evolve(schema=rest).iter_errors(instance):
                pass
        yield from check(validator, value, instance, schema) or ()

    return pay_and_check


def _unique(validator: Any, wanted: bool, instance: Any, schema: Any) -> Errors:
    """As the library has it, in time that grows with the list and not with its square."""
    if wanted and isinstance(instance, list):
        _BUDGET.get().spend(_nodes(instance))
        if len({_hashable(item) for item in instance}) < len(instance):
            yield ValidationError("doubles")


def _hashable(value: Any) -> Any:
    """Equal for values that JSON Schema calls equal: 1 and 1.0 are, 1 and true are not."""
    if isinstance(value, dict):
        return ("object", frozenset((name, _hashable(item)) for name, item in value.items()))
    if isinstance(value, list):
        return ("array", tuple(map(_hashable, value)))
    return (type(value) if isinstance(value, bool) else None, value)


_OWN: dict[str, Keyword] = {"pattern": _pattern, "uniqueItems": _unique}
_AROUND: dict[str, Callable[[Keyword], Keyword]] = {
    "patternProperties": _paid_names,
    "additionalProperties": _paid_names,
    "enum": _compared,
    "const": _compared,
    "unevaluatedItems": _unevaluated,
    "unevaluatedProperties": _unevaluated,
}


def _keyword(name: str, check: Keyword) -> Keyword:
    own, around = _OWN.get(name), _AROUND.get(name)
    return _counted(own if own is not None else check if around is None else around(check))


_Counted: Any = extend(
    Draft202012Validator, {name: _keyword(name, check) for name, check in Draft202012Validator.VALIDATORS.items()}
)
