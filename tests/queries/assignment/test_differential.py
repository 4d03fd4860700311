"""Experiments of every design over a table of units: SQL answers what the evaluator answers, row by row."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assay.assignment.evaluate import evaluate
from assay.assignment.snapshot import compile_snapshot
from assay.model.experiment import Experiment
from assay.queries.assignment import assignment_sql
from tests.assignment.designs import houses
from tests.assignment.strategies import TIMES, VERSIONS
from tests.queries.assignment.databases import Database, kind_of

NOW = datetime(2026, 2, 5, 10, 30, tzinfo=timezone.utc)
WORDS = st.sampled_from(["US", "DE", "us", "", "😀", "Europe/Berlin", "asia/tokyo", "it's", "5", "\\"])
NUMBERS = st.sampled_from([0.0, -0.0, 1.0, 5.0, 5.5, -3.0, 180.0, -180.0, 90.0, 2.0**53, 1e300])
COLUMNS: dict[str, st.SearchStrategy[Any]] = {
    "a": WORDS | TIMES | VERSIONS,
    "b": st.booleans(),
    "country": WORDS,
    "timezone": WORDS,
    "latitude": NUMBERS,
    "longitude": NUMBERS,
    "screen_width": NUMBERS,
    "age": NUMBERS,
}
EXAMPLES = {"b": True, "latitude": 1.0, "longitude": 1.0, "screen_width": 1.0, "age": 1.0}
KINDS = {name: kind_of(EXAMPLES.get(name, "text")) for name in COLUMNS}
UNITS = [f"u{number}" for number in range(6)] + ["", "😀", "x'y"]


def rows() -> st.SearchStrategy[list[dict[str, Any]]]:
    one = st.fixed_dictionaries(COLUMNS)
    return st.lists(one, min_size=len(UNITS), max_size=len(UNITS))


def sayable(house: list[Experiment]) -> bool:
    """Conditions on actions, and on text that PostgreSQL cannot hold, are refused by name."""
    audiences = [json.dumps(item.audience.condition.to_document()) for item in house]
    return all('"action"' not in text and "\\u0000" not in text for text in audiences)


@given(houses().filter(sayable), rows())
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
def test_sql_and_the_evaluator_agree(database: Database, house: list[Experiment], known: list[dict[str, Any]]) -> None:
    snapshot = compile_snapshot(house, version=1)
    ordered = [{name: row[name] for name in COLUMNS} for row in known]
    numbered = enumerate(zip(UNITS, ordered, strict=True))
    selects = [database.row({"place": float(i), "unit": unit, **row}) for i, (unit, row) in numbered]
    table = "(" + " UNION ALL ".join(select[1:-1] for select in selects) + ")"
    for experiment in house:
        query = assignment_sql(
            house,
            experiment.key,
            dialect=database.dialect,
            table=table,
            unit="unit",
            columns=KINDS,
            now=NOW,
            keep=["place"],
        )
        found = {int(place): (variant, reason) for _, place, variant, reason in database.ask(query)}
        for i, (unit, row) in enumerate(zip(UNITS, known, strict=True)):
            (decision,) = evaluate(snapshot, unit, row, NOW, [experiment.key])
            assert found[i] == (decision.variant, decision.reason.value), (experiment, unit, row)
