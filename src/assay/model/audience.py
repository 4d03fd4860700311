"""Audiences: conditions on the attributes of a unit, combined with and, or, not.

A condition on an attribute that the unit does not have never matches, whatever its operator; only
`not_exists` asks for absence. `not` negates whatever stands inside it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeAlias, Union

from assay.errors import InvalidInput

Scalar: TypeAlias = Union[str, int, float, bool]
MAX_DEPTH = 20
MAX_ATTRIBUTE_CHARACTERS = 200


class Operator(StrEnum):
    """How an attribute is compared."""

    EQ = "eq"
    NE = "ne"
    IN = "in"
    NOT_IN = "not_in"
    GT = "gt"
    GTE = "gte"
    LT = "lt"
    LTE = "lte"
    BETWEEN = "between"
    CONTAINS = "contains"
    STARTS_WITH = "starts_with"
    ENDS_WITH = "ends_with"
    EXISTS = "exists"
    NOT_EXISTS = "not_exists"


_LISTS = (Operator.IN, Operator.NOT_IN)
_ORDER = (Operator.GT, Operator.GTE, Operator.LT, Operator.LTE)
_TEXT = (Operator.STARTS_WITH, Operator.ENDS_WITH)
_PRESENCE = (Operator.EXISTS, Operator.NOT_EXISTS)


@dataclass(frozen=True, slots=True)
class Attribute:
    """One comparison: `attribute` `op` `value`.

    `value` is a list for in and not_in, [low, high] (both included) for between, absent for exists and
    not_exists, a number or string for gt, gte, lt, lte (strings compare by code point), else one value.
    """

    attribute: str
    op: Operator
    value: Scalar | tuple[Scalar, ...] | None = None

    def to_document(self) -> dict[str, Any]:
        document: dict[str, Any] = {"attribute": self.attribute, "op": self.op.value}
        if self.op not in _PRESENCE:
            document["value"] = list(self.value) if isinstance(self.value, tuple) else self.value
        return document


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


Condition: TypeAlias = Union[All, Some, Not, Attribute]
EVERYONE = All()


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
        raise InvalidInput(path, document, "an object with 'and', 'or', 'not' or 'attribute'")
    if not document:
        return EVERYONE
    if "attribute" in document:
        return _parse_attribute(document, path)
    if len(document) != 1 or next(iter(document)) not in ("and", "or", "not"):
        raise InvalidInput(path, document, "an object with exactly one of 'and', 'or', 'not', or 'attribute' with 'op'")
    ((word, inner),) = document.items()
    if word == "not":
        return Not(parse_condition(inner, f"{path}.not", depth + 1))
    if not isinstance(inner, (list, tuple)):
        raise InvalidInput(f"{path}.{word}", inner, "a list of conditions")
    conditions = tuple(parse_condition(part, f"{path}.{word}[{i}]", depth + 1) for i, part in enumerate(inner))
    return All(conditions) if word == "and" else Some(conditions)


def _parse_attribute(document: Mapping[str, Any], path: str) -> Attribute:
    unknown = [key for key in document if key not in ("attribute", "op", "value")]
    if unknown:
        raise InvalidInput(f"{path}.{unknown[0]}", document[unknown[0]], "one of attribute, op, value")
    attribute = document["attribute"]
    if not isinstance(attribute, str) or not 0 < len(attribute) <= MAX_ATTRIBUTE_CHARACTERS:
        raise InvalidInput(f"{path}.attribute", attribute, f"a name of 1 to {MAX_ATTRIBUTE_CHARACTERS} characters")
    try:
        op = Operator(document.get("op", "eq"))
    except ValueError:
        names = ", ".join(operator.value for operator in Operator)
        raise InvalidInput(f"{path}.op", document.get("op"), f"one of {names}") from None
    return Attribute(attribute, op, _parse_value(op, document, path))


def _parse_value(op: Operator, document: Mapping[str, Any], path: str) -> Scalar | tuple[Scalar, ...] | None:
    field, value = f"{path}.value", document.get("value")
    if op in _PRESENCE:
        if "value" in document and value is not None:
            raise InvalidInput(field, value, f"nothing: '{op.value}' takes no value")
        return None
    if op in _LISTS:
        if not isinstance(value, (list, tuple)) or not value:
            raise InvalidInput(field, value, f"a list with at least one value: '{op.value}' compares with a list")
        return tuple(_scalar(item, f"{field}[{i}]") for i, item in enumerate(value))
    if op is Operator.BETWEEN:
        return _parse_range(value, field)
    scalar = _scalar(value, field)
    if op in _ORDER and isinstance(scalar, bool):
        raise InvalidInput(field, value, f"a number or a string: '{op.value}' compares by order")
    if op in _TEXT and not isinstance(scalar, str):
        raise InvalidInput(field, value, f"a string: '{op.value}' compares text")
    return scalar


def _parse_range(value: Any, field: str) -> tuple[Scalar, Scalar]:
    if not isinstance(value, (list, tuple)) or len(value) != 2:
        raise InvalidInput(field, value, "[low, high], both included")
    low, high = _scalar(value[0], f"{field}[0]"), _scalar(value[1], f"{field}[1]")
    if isinstance(low, bool) or isinstance(high, bool) or isinstance(low, str) != isinstance(high, str):
        raise InvalidInput(field, value, "two numbers or two strings")
    if low > high:  # type: ignore[operator]
        raise InvalidInput(field, value, "low at most high: nobody is between these")
    return (low, high)


def _scalar(value: Any, field: str) -> Scalar:
    if isinstance(value, float) and not math.isfinite(value):
        raise InvalidInput(field, value, "a finite number")
    if not isinstance(value, (str, int, float, bool)):
        raise InvalidInput(field, value, "a string, a number, true or false")
    return value
