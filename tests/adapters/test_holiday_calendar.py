"""Days off as people name them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import pytest

from assay.adapters.holiday_calendar import HolidayCalendar
from assay.errors import InvalidInput

CALENDAR = HolidayCalendar()


def days(country: str, *names: str, subdivision: str | None = None, years: tuple[int, int] = (2026, 2027)) -> list[str]:
    return [day.isoformat() for day in CALENDAR.dates(country, subdivision, names, *years)]


def refused(
    country: str, *names: str, subdivision: str | None = None, years: tuple[int, int] = (2026, 2026)
) -> InvalidInput:
    with pytest.raises(InvalidInput) as raised:
        CALENDAR.dates(country, subdivision, names, *years)
    return raised.value


def test_christmas_day_is_the_25th_also_when_it_falls_on_a_weekend() -> None:
    assert date(2027, 12, 25).weekday() == 5
    for country in ("US", "GB", "DE", "KR", "JE"):
        assert days(country, "Christmas Day", subdivision=None, years=(2021, 2027)) == [
            f"{year}-12-25" for year in range(2021, 2028)
        ]


@pytest.mark.parametrize(
    ("country", "name", "instead"),
    [
        ("US", "Christmas Day (observed)", "2027-12-24"),
        ("GB", "Christmas Day (observed)", "2027-12-27"),
        ("KR", "Alternative holiday for Christmas Day", "2027-12-27"),
        ("JE", "Christmas Day (substitute day)", "2027-12-27"),
    ],
)
def test_the_day_given_instead_is_asked_for_by_its_own_name(country: str, name: str, instead: str) -> None:
    subdivision = "ENG" if country == "GB" else None
    assert days(country, name, subdivision=subdivision, years=(2027, 2027)) == [instead]


def test_without_names_all_days_off_of_the_federal_year() -> None:
    assert days("US", years=(2027, 2027)) == [
        "2027-01-01",
        "2027-01-18",
        "2027-02-15",
        "2027-05-31",
        "2027-06-18",  # for Juneteenth, a Saturday
        "2027-06-19",
        "2027-07-04",
        "2027-07-05",  # for Independence Day, a Sunday
        "2027-09-06",
        "2027-10-11",
        "2027-11-11",
        "2027-11-25",
        "2027-12-24",  # for Christmas Day, a Saturday
        "2027-12-25",
        "2027-12-31",  # for New Year's Day 2028, a Saturday
    ]


def test_moveable_feasts_are_of_their_year() -> None:
    assert days("DE", "Easter Monday", years=(2024, 2027)) == ["2024-04-01", "2025-04-21", "2026-04-06", "2027-03-29"]
    assert days("US", "Thanksgiving") == ["2026-11-26", "2027-11-25"]


def test_several_names_give_one_order_and_each_day_once() -> None:
    names: Sequence[str] = ("new year’s day", "CHRISTMAS", " christmas day ", "Second Day of Christmas")
    assert days("DE", *names, years=(2026, 2026)) == ["2026-01-01", "2026-12-25", "2026-12-26"]


def test_a_full_name_means_that_holiday_only_and_a_part_every_holiday_that_has_it() -> None:
    assert days("US", "Independence Day", years=(2026, 2026)) == ["2026-07-04"]
    assert days("US", "independence", years=(2026, 2026)) == ["2026-06-19", "2026-07-04"]


def test_subdivisions_add_their_own_days_and_have_names() -> None:
    assert "2026-01-06" not in days("DE")
    assert days("DE", "Epiphany", subdivision="BY") == ["2026-01-06", "2027-01-06"]
    assert days("DE", subdivision="Bayern") == days("DE", subdivision="BY")


def test_the_language_of_the_machine_does_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANGUAGE", "de")
    assert days("FR", "Labor Day") == ["2026-05-01", "2027-05-01"]


def test_a_date_that_is_still_estimated_is_found_by_the_plain_name() -> None:
    assert len(days("AE", "Eid al-Fitr", years=(2028, 2028))) >= 1


@pytest.mark.parametrize("country", ["XX", "", "de", "DEU", "Germany", "NYSE", "UK", "../DE"])
def test_an_unknown_country_is_named_with_some_that_exist(country: str) -> None:
    error = refused(country)
    assert error.field == "country"
    assert "DE" in error.accepted


def test_an_unknown_subdivision_is_named_with_those_that_exist() -> None:
    error = refused("DE", subdivision="XX")
    assert (error.field, error.given) == ("subdivision", '"XX"')
    assert {"BY", "BE", "NW"} <= set(error.accepted.removeprefix("one of ").split(", "))
    assert refused("FI", subdivision="").field == "subdivision"
    assert refused("IL", subdivision="XX").accepted == "nothing: there are no subdivisions for IL"


def test_a_name_without_a_holiday_is_named_with_those_that_exist() -> None:
    error = refused("DE", "Christmas Day", "Thanksgiving")
    assert (error.field, error.given) == ("names", '"Thanksgiving"')
    assert "Easter Monday" in error.accepted
    assert refused("US", "  ").field == "names"
    assert "observed" not in refused("US", "Boxing Day", years=(2027, 2027)).accepted


def test_years_are_a_span_of_at_most_a_century() -> None:
    assert refused("US", years=(2027, 2026)).field == "last_year"
    assert refused("US", years=(1, 10**9)).field == "last_year"
    assert len(days("US", "Labor Day", years=(1951, 2050))) == 100
