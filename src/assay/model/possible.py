"""Audiences that nobody can be in, found without looking at anybody: contradictions between comparisons."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from assay.model.audience import All, Attribute, Condition, Not, Operator, SegmentRef, Some

_PRESENT_UNLESS = (Operator.NOT_EXISTS,)
_LOWER = {Operator.GT: False, Operator.GTE: True}
_UPPER = {Operator.LT: False, Operator.LTE: True}


def contradiction(condition: Condition) -> str | None:
    """Why no unit can match, in words; None when none of the plain contradictions is there."""
    match condition:
        case All():
            return _of_all(tuple(_flat(condition)))
        case Some(conditions):
            causes = [contradiction(part) for part in conditions]
            if not conditions:
                return "'or' without any condition matches nobody"
            return causes[0] if all(cause is not None for cause in causes) else None
        case Not(inner):
            return "'not' of everyone is nobody" if inner == All() else None
        case SegmentRef(_, inner):
            return contradiction(inner) if inner is not None else None
        case _:
            return None


def _flat(condition: All) -> Iterable[Condition]:
    for part in condition.conditions:
        inner = part.condition if isinstance(part, SegmentRef) else part
        if isinstance(inner, All):
            yield from _flat(inner)
        elif inner is not None:
            yield inner


def _of_all(parts: tuple[Condition, ...]) -> str | None:
    for part in parts:
        cause = contradiction(part)
        if cause is not None:
            return cause
    by_name: dict[str, list[Attribute]] = defaultdict(list)
    for part in parts:
        if isinstance(part, Attribute):
            by_name[part.attribute].append(part)
    for name, comparisons in by_name.items():
        cause = _of_one(name, comparisons)
        if cause is not None:
            return cause
    return None


def _of_one(name: str, comparisons: list[Attribute]) -> str | None:
    if len(comparisons) < 2:
        return None
    absent = [item for item in comparisons if item.op in _PRESENT_UNLESS]
    if absent and len(absent) < len(comparisons):
        return f"{name} would have to be absent and have a value"
    return _values(name, comparisons) or _range(name, comparisons)


def _values(name: str, comparisons: list[Attribute]) -> str | None:
    allowed: set[tuple[type, object]] | None = None
    # What is ruled out comes last.
    for item in sorted(comparisons, key=lambda item: item.op in (Operator.NE, Operator.NOT_IN)):
        if item.op is Operator.EQ or item.op is Operator.IN:
            values = item.value if isinstance(item.value, tuple) else (item.value,)
            these: set[tuple[type, object]] = {(_family(value), value) for value in values}
            allowed = these if allowed is None else allowed & these
        elif item.op in (Operator.NE, Operator.NOT_IN) and allowed is not None:
            values = item.value if isinstance(item.value, tuple) else (item.value,)
            allowed = allowed - {(_family(value), value) for value in values}
    return f"{name} cannot have two values at once" if allowed is not None and not allowed else None


def _family(value: object) -> type:
    return bool if isinstance(value, bool) else float if isinstance(value, (int, float)) else str


def _range(name: str, comparisons: list[Attribute]) -> str | None:
    low, high = (float("-inf"), True), (float("inf"), True)
    for item in comparisons:
        bounds = item.value if isinstance(item.value, tuple) else (item.value, item.value)
        if item.op is Operator.IN or any(_family(value) is not float for value in bounds):
            continue
        least, most = float(bounds[0]), float(bounds[-1])  # type: ignore[arg-type]
        if item.op in _LOWER or item.op in (Operator.BETWEEN, Operator.EQ):
            low = max(low, (least, _LOWER.get(item.op, True)), key=lambda end: (end[0], not end[1]))
        if item.op in _UPPER or item.op in (Operator.BETWEEN, Operator.EQ):
            high = min(high, (most, _UPPER.get(item.op, True)), key=lambda end: (end[0], end[1]))
    empty = low[0] > high[0] or (low[0] == high[0] and not (low[1] and high[1]))
    return f"no number is in the range asked for {name}" if empty else None
