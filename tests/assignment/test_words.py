"""Audiences in words."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given

from assay.assignment.words import Words, audience_words
from assay.model.audience import parse_condition
from tests.assignment.strategies import CONDITIONS

CASES: list[tuple[dict[str, Any], str]] = [
    ({"and": []}, "everyone"),
    ({"or": []}, "nobody"),
    ({"attribute": "country", "op": "in", "value": ["US", "CA"]}, 'country is one of "US", "CA"'),
    ({"attribute": "age", "op": "between", "value": [18, 30]}, "age is from 18 to 30"),
    ({"attribute": "email", "op": "exists"}, "email is known"),
    ({"attribute": "seen", "op": "within_last", "value": 72}, "seen is at most 3 days ago"),
    ({"attribute": "app", "op": "version_gte", "value": "2.1"}, 'app is at least version "2.1"'),
    ({"temporal": {"days_of_week": ["saturday", "sunday"]}}, "on Saturday or Sunday, in UTC"),
    (
        {"temporal": {"time_ranges": [{"start": "09:00", "end": "17:00"}], "timezone": "unit"}},
        "it is 09:00 to 17:00, in the unit's own time zone",
    ),
    ({"temporal": {"seasons": ["summer"], "hemisphere": "south"}}, "in Summer of the south, in UTC"),
    (
        {"temporal": {"date_ranges": [{"end": "2026-03-01T00:00:00Z"}]}},
        "the time is before 2026-03-01 00:00 UTC, in UTC",
    ),
    ({"coordinates": {"north": 55, "south": 47, "east": 15, "west": 6}}, "between 47 to 55 north, 6 to 15 east"),
    (
        {"screen": {"max_width": 600, "orientation": "portrait"}},
        "a screen that is portrait and at most 600 pixels wide",
    ),
    ({"action": {"type": "buy"}}, "actions 'buy': at least one"),
    (
        {"action": {"type": "buy", "min_count": 2, "within_hours": 240, "min_value": 50}},
        "actions 'buy' of the last 10 days: at least 2 of them, worth at least 50 together",
    ),
    (
        {"temporal": {"holidays": [{"country": "US", "subdivision": "CA", "dates": ["2026-12-25"]}]}},
        "on a holiday of US-CA, in UTC",
    ),
    ({"segment": "loyal"}, "segment 'loyal': nobody until it is looked up"),
]


@pytest.mark.parametrize(("document", "text"), CASES, ids=[text for _, text in CASES])
def test_in_words(document: dict[str, Any], text: str) -> None:
    assert audience_words(parse_condition(document)).text == text


def test_parts_within_parts() -> None:
    document = {"and": [{"attribute": "a", "value": 1}, {"not": {"or": [{"attribute": "b", "op": "not_exists"}]}}]}
    inner = Words("not", (Words("any of", (Words("b is not known"),)),))
    assert audience_words(parse_condition(document)) == Words("all of", (Words("a is 1"), inner))


@given(CONDITIONS)
def test_every_condition_has_words(document: dict[str, Any]) -> None:
    found = audience_words(parse_condition(document))
    assert found.text
    assert len(found.text) < 2_000
