"""Comparisons of one attribute as SQL. Families do not mix: a column of numbers never equals a text."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from assay.model.comparisons import Attribute, Operator
from assay.model.moment import milliseconds, milliseconds_of
from assay.model.patterns import MAX_SUBJECT
from assay.model.table import ColumnKind
from assay.queries.assignment.columns import Scope
from assay.queries.assignment.engines import FALSE, Engine
from assay.queries.assignment.texts import moment, version, version_key

_HOUR_MS = 3_600_000
_SIGNS = {Operator.GT: ">", Operator.GTE: ">=", Operator.LT: "<", Operator.LTE: "<="}
_VERSION_SIGNS = {
    Operator.VERSION_EQ: "=",
    Operator.VERSION_GT: ">",
    Operator.VERSION_GTE: ">=",
    Operator.VERSION_LT: "<",
    Operator.VERSION_LTE: "<=",
}
_OPPOSITES = {Operator.NE: Operator.EQ, Operator.NOT_IN: Operator.IN, Operator.NOT_CONTAINS: Operator.CONTAINS}


def comparison(condition: Attribute, scope: Scope) -> str:
    """The comparison as a condition that is true or false."""
    name, op, value = condition.attribute, condition.op, condition.value
    kind, column = scope.kind(name), scope.column(name)
    if kind is None:
        return "(1 = 1)" if op is Operator.NOT_EXISTS else FALSE
    if op is Operator.NOT_EXISTS:
        return f"{column} IS NULL"
    if op is Operator.EXISTS:
        return f"{column} IS NOT NULL"
    if op in _OPPOSITES:
        if op is Operator.NOT_CONTAINS and kind is not ColumnKind.TEXT and kind.of_list is None:
            return FALSE
        return f"({column} IS NOT NULL AND NOT {_positive(_OPPOSITES[op], value, kind, column, scope)})"
    return _positive(op, value, kind, column, scope)


def _positive(op: Operator, value: Any, kind: ColumnKind, column: str, scope: Scope) -> str:
    engine = scope.engine
    found: str | None
    if op in (Operator.BEFORE, Operator.AFTER, Operator.WITHIN_LAST, Operator.LONGER_AGO):
        found = _time(op, value, kind, column, scope)
    elif op in (Operator.CONTAINS, Operator.CONTAINS_ANY, Operator.CONTAINS_ALL):
        wanted = value if isinstance(value, tuple) else (value,)
        found = _contains(wanted, kind, column, engine, together=" OR " if op is Operator.CONTAINS_ANY else " AND ")
    elif op is Operator.EQ:
        found = _equal(value, kind, column, engine)
    elif op is Operator.IN:
        found = _within(value, kind, column, engine)
    elif op is Operator.BETWEEN:
        found = _between(value, kind, column, engine)
    elif op in _SIGNS:
        found = _ordered(_SIGNS[op], value, kind, column, engine)
    else:
        found = _TEXTS[op](op, value, column, engine) if kind is ColumnKind.TEXT else None
    return FALSE if found is None else engine.truth(found)


def literal(value: Any, engine: Engine) -> str:
    """A text, number or truth as SQL."""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    # Minus zero is zero, which not every engine knows.
    return engine.text(value) if isinstance(value, str) else repr(value + 0)


def _family(value: Any) -> ColumnKind:
    if isinstance(value, bool):
        return ColumnKind.BOOLEAN
    return ColumnKind.TEXT if isinstance(value, str) else ColumnKind.NUMBER


def _equal(value: Any, kind: ColumnKind, column: str, engine: Engine) -> str | None:
    return f"{column} = {literal(value, engine)}" if _family(value) is kind else None


def _within(values: Any, kind: ColumnKind, column: str, engine: Engine) -> str | None:
    same = [literal(value, engine) for value in values if _family(value) is kind]
    if kind is ColumnKind.NUMBER:
        # Lists compare by hash, and two zeros may have two.
        return f"({' OR '.join(f'{column} = {value}' for value in same)})" if same else None
    return f"{column} IN ({', '.join(same)})" if same else None


def _ordered(sign: str, value: Any, kind: ColumnKind, column: str, engine: Engine) -> str | None:
    if _family(value) is not kind or kind is ColumnKind.BOOLEAN:
        return None
    if kind is ColumnKind.TEXT:
        return f"{engine.ordered(column)} {sign} {literal(value, engine)}"
    compared = f"{column} {sign} {literal(value, engine)}"
    return f"({compared} AND {engine.is_number(column)})" if ">" in sign else compared


def _between(values: Any, kind: ColumnKind, column: str, engine: Engine) -> str | None:
    low, high = (_ordered(sign, value, kind, column, engine) for sign, value in zip((">=", "<="), values, strict=True))
    return None if low is None or high is None else f"({low} AND {high})"


def _contains(values: Any, kind: ColumnKind, column: str, engine: Engine, *, together: str) -> str | None:
    parts: list[str] = []
    for value in values:
        if kind is ColumnKind.TEXT and isinstance(value, str):
            parts.append(engine.holds(column, value) if value else f"{column} IS NOT NULL")
        elif _family(value) is kind.of_list:
            parts.append(engine.truth(engine.has(column, literal(value, engine))))
        else:
            parts.append(FALSE)
    return f"({together.join(parts)})"


def _time(op: Operator, value: Any, kind: ColumnKind, column: str, scope: Scope) -> str | None:
    engine = scope.engine
    if kind is ColumnKind.TEXT:
        at = moment(engine, column)
    elif kind is ColumnKind.MOMENT:
        at = engine.milliseconds(column)
    else:
        return None
    if op in (Operator.BEFORE, Operator.AFTER):
        return f"{at} {'<' if op is Operator.BEFORE else '>='} {milliseconds_of(value) or 0}"
    now, bound = milliseconds(scope.now), round(value * _HOUR_MS)
    return f"{at} BETWEEN {now - bound} AND {now}" if op is Operator.WITHIN_LAST else f"{at} < {now - bound}"


def _matches(_: Operator, value: Any, column: str, engine: Engine) -> str:
    return engine.found(engine.cut(column, 1, MAX_SUBJECT), value)


def _release(op: Operator, value: Any, column: str, engine: Engine) -> str:
    key = engine.ordered(version(engine, column))
    return f"{key} {_VERSION_SIGNS[op]} {engine.text(version_key(value) or '')}"


_TEXTS: dict[Operator, Callable[[Operator, Any, str, Engine], str]] = {
    Operator.MATCHES: _matches,
    Operator.STARTS_WITH: lambda _, value, column, engine: engine.starts(column, value) if value else "(1 = 1)",
    Operator.ENDS_WITH: lambda _, value, column, engine: engine.ends(column, value) if value else "(1 = 1)",
    **dict.fromkeys(_VERSION_SIGNS, _release),
}
