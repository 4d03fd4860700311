"""Audiences as SQL. Every condition is true or false, never NULL, so that NOT means what it says.

The time of the decision is one for the whole query, so whatever depends on it alone is settled here, by the same code
that settles it in process; for conditions in the unit's own time zone, the zones in which they hold are listed.
"""

from __future__ import annotations

from collections.abc import Mapping

from assay.assignment.temporal import compile_temporal, known_zones
from assay.errors import InvalidInput
from assay.model.audience import (
    MICRO,
    All,
    Attribute,
    Condition,
    Coordinates,
    Not,
    Score,
    Screen,
    SegmentRef,
    Some,
    Temporal,
    every_part,
)
from assay.model.places import Orientation
from assay.model.table import ColumnKind
from assay.model.temporal import UNIT_ZONE
from assay.queries.assignment.columns import Scope
from assay.queries.assignment.comparisons import comparison
from assay.queries.assignment.engines import FALSE, TRUE

_GREATEST = repr(1.7976931348623157e308)


def condition_sql(condition: Condition, scope: Scope) -> str:
    """The condition over the columns of a scope. Raises InvalidInput for conditions on actions: they read a list of
    objects, which no plain column is."""
    match condition:
        case Attribute():
            return comparison(condition, scope)
        case Not(inner):
            return f"(NOT {condition_sql(inner, scope)})"
        case All(parts):
            return _joined([condition_sql(part, scope) for part in parts], " AND ", TRUE)
        case Some(parts):
            return _joined([condition_sql(part, scope) for part in parts], " OR ", FALSE)
        case Score(at_least, lines):
            terms = [
                f"CASE WHEN {condition_sql(line.condition, scope)} THEN {round(line.weight * MICRO)} ELSE 0 END"
                for line in lines
            ]
            return f"({' + '.join(terms) or 0} >= {round(at_least * MICRO)})"
        case SegmentRef(_, inner):
            return FALSE if inner is None else condition_sql(inner, scope)
        case Temporal():
            return _temporal(condition, scope)
        case Coordinates():
            return _in_box(condition, scope)
        case Screen():
            return _on_screen(condition, scope)
        case _:
            raise InvalidInput(
                "audience.action",
                condition.type,
                "conditions that a query can see: actions are lists of objects",
                hint="count them in a column of its own and compare that",
            )


def attributes_of(condition: Condition) -> frozenset[str]:
    """Every attribute that `condition_sql` may look for a column of."""
    return frozenset(name for part in every_part(condition) for name in _read_by(part))


def _read_by(part: Condition) -> tuple[str, ...]:
    match part:
        case Attribute(name):
            return (name,)
        case Temporal():
            return ("timezone",) if part.timezone == UNIT_ZONE else ()
        case Coordinates():
            return ("latitude", "longitude")
        case Screen():
            return ("screen_width", "screen_height")
        case _:
            return ()


def _joined(parts: list[str], by: str, empty: str) -> str:
    return f"({by.join(parts)})" if parts else empty


def _temporal(condition: Temporal, scope: Scope) -> str:
    holds = compile_temporal(condition)
    if condition.timezone != UNIT_ZONE:
        return TRUE if holds(_NOTHING, scope.now) else FALSE
    if scope.kind("timezone") is not ColumnKind.TEXT:
        return TRUE if holds(_NOTHING, scope.now) else FALSE
    engine = scope.engine
    zones = sorted(name for name in known_zones() if holds({"timezone": name}, scope.now))
    if not zones:
        return FALSE
    listed = ", ".join(map(engine.text, zones))
    return engine.truth(f"{engine.lower(scope.column('timezone'))} IN ({listed})")


_NOTHING: Mapping[str, str] = {}


def _in_box(box: Coordinates, scope: Scope) -> str:
    latitude, longitude = scope.number("latitude"), scope.number("longitude")
    if latitude is None or longitude is None:
        return FALSE
    inside = _between(box, longitude)
    opposite = f"(abs({longitude}) = 180 AND {_between(box, f'(-{longitude})')})"
    rows = f"{latitude} BETWEEN {box.south!r} AND {box.north!r} AND {longitude} BETWEEN -180 AND 180"
    return scope.engine.truth(f"({rows} AND ({inside} OR {opposite}))")


def _between(box: Coordinates, longitude: str) -> str:
    if box.west <= box.east:
        return f"({longitude} BETWEEN {box.west!r} AND {box.east!r})"
    return f"({longitude} >= {box.west!r} OR {longitude} <= {box.east!r})"


def _on_screen(screen: Screen, scope: Scope) -> str:
    width, height = scope.number("screen_width"), scope.number("screen_height")
    if width is None or height is None:
        return FALSE
    parts = [f"abs({side}) <= {_GREATEST}" for side in (width, height)]
    if screen.orientation is not None:
        parts.append(f"{height} {'>' if screen.orientation is Orientation.PORTRAIT else '<='} {width}")
    bounds = (
        (width, ">=", screen.min_width),
        (width, "<=", screen.max_width),
        (height, ">=", screen.min_height),
        (height, "<=", screen.max_height),
    )
    parts += [f"{side} {sign} {bound!r}" for side, sign, bound in bounds if bound is not None]
    return scope.engine.truth(f"({' AND '.join(parts)})")
