"""Public holidays from the `holidays` library: names in English where it has them, whatever the machine speaks."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

import holidays
from holidays.constants import HOLIDAY_NAME_DELIMITER
from holidays.registry import EntityLoader

from assay.errors import InvalidInput

_LANGUAGE = "en_US"
_LONGEST_SPAN_YEARS = 100
_EXAMPLES = ("AU", "BR", "CA", "DE", "ES", "FR", "GB", "IN", "IT", "JP", "KR", "MX", "NL", "PL", "SE", "US")
_SUBSTITUTE = re.compile(
    r"(?P<after>.+) \((?:observed|observed, estimated|substitute day|in lieu)\)"
    r"|(?:Alternative holiday for|Day off for) (?P<before>.+)"
    r"|Day off \(substituted from .*\)"
)
_ESTIMATED = " (estimated)"


@dataclass(frozen=True, slots=True)
class _Holiday:
    """One name of one day. of: the holiday it is, or the one it stands in for."""

    day: date
    name: str
    of: str
    substitute: bool


class HolidayCalendar:
    """The Holidays port."""

    def dates(
        self, country: str, subdivision: str | None, names: Sequence[str], first_year: int, last_year: int
    ) -> tuple[date, ...]:
        """The days in order, each once, from the first to the last year, both included.

        Without names: all days off, so also the days given instead of a holiday on a weekend, and days the state moved.
        With names: the holidays called exactly so or, when there are none, those whose name contains the text; letter
        case does not matter. A day given instead comes only when it is asked for by its own name, so that "Christmas
        Day" is 25 December, and "Christmas Day (observed)" the Friday or Monday beside it.
        Raises InvalidInput with the field that is wrong.
        """
        known = _holidays(country, subdivision, _years(first_year, last_year))
        if not names:
            return tuple(sorted({holiday.day for holiday in known}))
        return tuple(sorted({holiday.day for name in names for holiday in _called(name, known)}))


def _years(first: int, last: int) -> range:
    if first > last:
        raise InvalidInput("last_year", last, f"{first} or a later year")
    if last - first >= _LONGEST_SPAN_YEARS:
        raise InvalidInput("last_year", last, f"a span of at most {_LONGEST_SPAN_YEARS} years")
    return range(first, last + 1)


def _holidays(country: str, subdivision: str | None, years: range) -> list[_Holiday]:
    if country not in set(EntityLoader.get_country_codes(include_aliases=False)):
        some = ", ".join(_EXAMPLES)
        raise InvalidInput("country", country, f"an ISO 3166-1 code of two capital letters, such as {some}")
    if subdivision is not None:
        _check_subdivision(country, subdivision)
    calendar = holidays.country_holidays(country, subdiv=subdivision, years=years, language=_LANGUAGE)
    return [item for day, text in calendar.items() for item in _named(day, text)]


def _check_subdivision(country: str, subdivision: str) -> None:
    aliases = holidays.country_holidays(country).get_subdivision_aliases()
    if subdivision in aliases or any(subdivision in others for others in aliases.values()):
        return
    accepted = f"one of {', '.join(aliases)}" if aliases else f"nothing: there are no subdivisions for {country}"
    raise InvalidInput("subdivision", subdivision, accepted)


def _named(day: date, text: str) -> Iterator[_Holiday]:
    for name in text.split(HOLIDAY_NAME_DELIMITER):
        match = _SUBSTITUTE.fullmatch(name)
        of = name if match is None else match["after"] or match["before"] or ""
        yield _Holiday(day, name, of.removesuffix(_ESTIMATED), substitute=match is not None)


def _called(name: str, known: Sequence[_Holiday]) -> list[_Holiday]:
    wanted = _folded(name)
    exact = [item for item in known if wanted == _folded(item.name if item.substitute else item.of)]
    found = exact or [item for item in known if wanted and _contains(item, wanted)]
    if not found:
        exist = sorted({item.of for item in known if not item.substitute})
        raise InvalidInput("names", name, f"one of {', '.join(exist)}" if exist else "nothing: there are no holidays")
    return found


def _contains(holiday: _Holiday, wanted: str) -> bool:
    if holiday.substitute and wanted in _folded(holiday.of):
        return False
    return wanted in _folded(holiday.name)


def _folded(text: str) -> str:
    """For comparison: without case, outer spaces and typographic apostrophes."""
    return text.strip().replace("’", "'").casefold()
