"""Audiences that nobody can be in."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.assignment.targeting import compile_condition
from assay.model.audience import parse_condition
from assay.model.possible import contradiction
from tests.assignment.strategies import ATTRIBUTES, CONDITIONS

NOW = datetime(2026, 2, 5, tzinfo=timezone.utc)


def a(op: str, value: Any = None, name: str = "x") -> dict[str, Any]:
    return {"attribute": name, "op": op} | ({} if value is None else {"value": value})


IMPOSSIBLE: list[tuple[Any, str]] = [
    ([a("eq", 1), a("eq", 2)], "two values"),
    ([a("eq", "US"), a("in", ["DE", "FR"])], "two values"),
    ([a("ne", "US"), a("eq", "US")], "two values"),
    ([a("not_in", ["a", "b"]), a("in", ["a", "b"])], "two values"),
    ([a("eq", True), a("eq", 1)], "two values"),
    ([a("gt", 5), a("lt", 5)], "no number"),
    ([a("gte", 5), a("lt", 5)], "no number"),
    ([a("between", [1, 2]), a("gt", 2)], "no number"),
    ([a("not_exists"), a("eq", 1)], "absent"),
    ({"or": []}, "'or' without"),
    ({"or": [[a("eq", 1), a("eq", 2)], {"or": []}]}, "two values"),
    ({"not": {"and": []}}, "'not' of everyone"),
    ([a("eq", 1), [a("eq", 2), a("exists", name="y")]], "two values"),
]
POSSIBLE: list[Any] = [
    [],
    [a("eq", 1)],
    [a("gte", 5), a("lte", 5)],
    [a("eq", 5), a("between", [5, 6])],
    [a("in", ["a", "b"]), a("ne", "a")],
    {"or": [[a("eq", 1), a("eq", 2)], a("eq", 3)]},
    {"not": a("exists")},
    [a("eq", 1), a("eq", 2, name="y")],
    {"score": {"at_least": 4, "of": [{"weight": 4, "if": a("exists")}, {"weight": -3, "if": a("exists")}]}},
]


@pytest.mark.parametrize(("document", "cause"), IMPOSSIBLE)
def test_contradictions_are_found(document: Any, cause: str) -> None:
    found = contradiction(parse_condition(document))
    assert found is not None
    assert cause in found


@pytest.mark.parametrize("document", POSSIBLE)
def test_what_is_possible_is_not_refused(document: Any) -> None:
    assert contradiction(parse_condition(document)) is None


@given(st.lists(CONDITIONS, max_size=3), ATTRIBUTES)
@settings(max_examples=400)
def test_nobody_matches_what_is_called_impossible(documents: list[dict[str, Any]], attributes: dict[str, Any]) -> None:
    condition = parse_condition({"and": documents})
    if contradiction(condition) is not None:
        assert not compile_condition(condition)(attributes, NOW)
