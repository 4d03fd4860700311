"""Comparisons of one attribute with a value."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeAlias, Union

from assay.errors import InvalidInput
from assay.model.moment import TIME_ACCEPTED, milliseconds_of
from assay.model.patterns import check_pattern
from assay.model.releases import VERSION_ACCEPTED, release_of

Scalar: TypeAlias = Union[str, int, float, bool]
MAX_ATTRIBUTE_CHARACTERS = 200
_MAX_EXACT = 2**53
_MAX_HOURS = 24 * 366 * 100


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
    NOT_CONTAINS = "not_contains"
    CONTAINS_ANY = "contains_any"
    CONTAINS_ALL = "contains_all"
    STARTS_WITH = "starts_with"
    ENDS_WITH = "ends_with"
    MATCHES = "matches"
    VERSION_EQ = "version_eq"
    VERSION_GT = "version_gt"
    VERSION_GTE = "version_gte"
    VERSION_LT = "version_lt"
    VERSION_LTE = "version_lte"
    BEFORE = "before"
    AFTER = "after"
    WITHIN_LAST = "within_last"
    LONGER_AGO = "longer_ago"
    EXISTS = "exists"
    NOT_EXISTS = "not_exists"


_LISTS = (Operator.IN, Operator.NOT_IN, Operator.CONTAINS_ANY, Operator.CONTAINS_ALL)
_ORDER = (Operator.GT, Operator.GTE, Operator.LT, Operator.LTE)
_TEXT = (Operator.STARTS_WITH, Operator.ENDS_WITH)
_VERSIONS = (
    Operator.VERSION_EQ,
    Operator.VERSION_GT,
    Operator.VERSION_GTE,
    Operator.VERSION_LT,
    Operator.VERSION_LTE,
)
_MOMENTS = (Operator.BEFORE, Operator.AFTER)
_AGES = (Operator.WITHIN_LAST, Operator.LONGER_AGO)
_PRESENCE = (Operator.EXISTS, Operator.NOT_EXISTS)


@dataclass(frozen=True, slots=True)
class Attribute:
    """One comparison: `attribute` `op` `value`.

    `value` is a list for in, not_in, contains_any and contains_all, [low, high] (both included) for between, absent
    for exists and not_exists, a number or string for gt, gte, lt, lte (strings compare by code point), a version for
    version_*, a time for before and after (which is at or after), hours for within_last and longer_ago (the attribute
    is a time; one in the future is in neither), a pattern for matches (see `patterns`), else one value.
    """

    attribute: str
    op: Operator
    value: Scalar | tuple[Scalar, ...] | None = None

    def to_document(self) -> dict[str, Any]:
        document: dict[str, Any] = {"attribute": self.attribute, "op": self.op.value}
        if self.op not in _PRESENCE:
            document["value"] = list(self.value) if isinstance(self.value, tuple) else self.value
        return document


def parse_attribute(document: Mapping[str, Any], path: str) -> Attribute:
    """A comparison from its document; raises InvalidInput naming the path of the part that is wrong."""
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
    if op in _AGES:
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= _MAX_HOURS:
            raise InvalidInput(field, value, f"hours from 0 to {_MAX_HOURS:,}")
        return value
    scalar = _scalar(value, field)
    if op is Operator.MATCHES:
        if not isinstance(scalar, str):
            raise InvalidInput(field, value, "a pattern: 'matches' compares text")
        return check_pattern(scalar, field)
    if op in _VERSIONS and release_of(scalar) is None:
        raise InvalidInput(field, value, VERSION_ACCEPTED)
    if op in _MOMENTS and milliseconds_of(scalar) is None:
        raise InvalidInput(field, value, TIME_ACCEPTED)
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
    if isinstance(value, int) and not -_MAX_EXACT < value < _MAX_EXACT:
        raise InvalidInput(field, value, f"a number below {_MAX_EXACT:,}: greater ones differ between languages")
    if not isinstance(value, (str, int, float, bool)):
        raise InvalidInput(field, value, "a string, a number, true or false")
    return value
