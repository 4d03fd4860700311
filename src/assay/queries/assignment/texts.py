"""Times and versions written as text, in SQL: read by the same forms as `model.moment` and `model.releases`."""

from __future__ import annotations

from assay.model.releases import release_of
from assay.queries.assignment.engines import Engine

_CLOCK = "(?:[01][0-9]|2[0-3]):[0-5][0-9]"
_DAY = "[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])"
_TIME = rf"^{_DAY}(?:[T ]{_CLOCK}(?::[0-5][0-9](?:\.[0-9]{{1,9}})?)?(?:Z|[+-]{_CLOCK})?)?$"
_OFFSET = f"([+-]{_CLOCK})$"
_VERSION = r"^v?[0-9]{1,9}(?:\.[0-9]{1,9}){0,3}(?:-[0-9A-Za-z.-]+)?(?:\+[^\n]*)?$"
_MAX_VERSION = 100
_DIGITS = 9
_NUMBERS = 4
_ZEROS = "0" * _DIGITS


def moment(engine: Engine, text: str) -> str:
    """Milliseconds since 1970 of a time in a text; NULL where it is none."""
    year, month, day = (_digits(engine, text, start, length) for start, length in ((1, 4), (6, 2), (9, 2)))
    hour, minute = _later(engine, text, 12), _later(engine, text, 15)
    second = f"(CASE WHEN {_is(engine, text, 17, ':')} THEN {_digits(engine, text, 18, 2)} ELSE 0 END)"
    fraction = engine.cut(engine.joined([engine.taken(text, r"\.([0-9]+)"), "'000'"]), 1, 3)
    clock = f"((({hour} * 60 + {minute}) * 60 + {second}) * 1000 + {engine.number(fraction)})"
    milliseconds = f"{_days(engine, year, month, day)} * 86400000 + {clock} - {_shift(engine, text)}"
    form = engine.truth(engine.found(text, _TIME))
    exists = f"{year} >= 1 AND {day} <= {_month_length(year, month)}"
    # One test after the other: the numbers are read only where the form holds.
    return f"(CASE WHEN {form} THEN CASE WHEN {exists} THEN {milliseconds} END END)"


def _digits(engine: Engine, text: str, start: int, length: int) -> str:
    return engine.number(engine.cut(text, start, length))


def _is(engine: Engine, text: str, start: int, wanted: str) -> str:
    return f"{engine.cut(text, start, len(wanted))} = {engine.text(wanted)}"


def _later(engine: Engine, text: str, start: int) -> str:
    """Two digits of the time of day, 0 when there is a date alone."""
    return f"(CASE WHEN {engine.length(text)} > 10 THEN {_digits(engine, text, start, 2)} ELSE 0 END)"


def _days(engine: Engine, year: str, month: str, day: str) -> str:
    """Days since 1970 of a date of the Gregorian calendar; years begin with March, so that the leap day comes last."""
    from_march = f"({year} - CASE WHEN {month} <= 2 THEN 1 ELSE 0 END)"
    leaps = f"{engine.divided(from_march, 4)} - {engine.divided(from_march, 100)} + {engine.divided(from_march, 400)}"
    months = engine.divided(f"(153 * (({month} + 9) % 12) + 2)", 5)
    return f"(365 * {from_march} + {leaps} + {months} + {day} - 719469)"


def _month_length(year: str, month: str) -> str:
    leap = f"{year} % 4 = 0 AND ({year} % 100 <> 0 OR {year} % 400 = 0)"
    february = f"CASE WHEN {leap} THEN 29 ELSE 28 END"
    return f"(CASE WHEN {month} = 2 THEN {february} WHEN {month} IN (4, 6, 9, 11) THEN 30 ELSE 31 END)"


def _shift(engine: Engine, text: str) -> str:
    """Milliseconds that the offset is ahead of UTC."""
    offset = engine.taken(text, _OFFSET)
    minutes = f"({_digits(engine, offset, 2, 2)} * 60 + {_digits(engine, offset, 5, 2)})"
    signed = f"CASE WHEN {_is(engine, offset, 1, '-')} THEN -60000 ELSE 60000 END * {minutes}"
    return f"(CASE WHEN {engine.found(text, _OFFSET)} THEN {signed} ELSE 0 END)"


def version_key(text: str) -> str | None:
    """A text that compares by code point as the version compares; None when it is no version."""
    release = release_of(text)
    if release is None:
        return None
    numbers, released, before = release
    core = "".join(f".{number:0{_DIGITS}d}" for number in numbers)
    parts = [f"!0{number:0{_DIGITS}d}" if kind == 0 else f"!1{word}" for kind, number, word in before]
    return core + ("1" if released else "0" + "".join(parts))


def version(engine: Engine, text: str) -> str:
    """The key of `version_key` for the versions in a column; NULL where there is none."""
    form = f"{engine.length(text)} <= {_MAX_VERSION} AND {engine.found(text, _VERSION)}"
    built = engine.replaced(text, r"\+[^\n]*", "")
    numbers = engine.replaced(engine.replaced(built, r"-[^\n]*", ""), "^v", "")
    core = engine.cut(_padded(engine, engine.joined(["'.'", numbers, f"'{'.0' * (_NUMBERS - 1)}'"])), 1, _NUMBERS * 10)
    before = engine.replaced(built, r"^[^-]*-", "")
    # Every part between points of its own, so that no two matches share one: .rc..1. and not .rc.1.
    parts = engine.joined(["'.'", engine.replaced(before, r"\.", ".."), "'.'"])
    # Nine zeros, then the last nine digits.
    padded = engine.replaced(engine.replaced(parts, r"\.([0-9]{1,9})\.", rf"!0{_ZEROS}\1."), _TAIL, r"!0\1")
    words = engine.replaced(padded, r"\.([^.!]*)\.", r"!1\1")
    before_release = engine.joined(["'0'", words])
    tail = f"CASE WHEN {engine.holds(built, '-')} THEN {before_release} ELSE '1' END"
    return f"(CASE WHEN {engine.truth(form)} THEN {engine.joined([core, f'({tail})'])} END)"


_TAIL = r"!0[0-9]*([0-9]{9})\."


def _padded(engine: Engine, numbers: str) -> str:
    """Numbers behind points, each as nine digits."""
    return engine.replaced(engine.replaced(numbers, r"\.([0-9]+)", rf".{_ZEROS}\1"), r"\.[0-9]*([0-9]{9})", r".\1")
