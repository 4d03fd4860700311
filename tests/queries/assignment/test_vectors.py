"""The vectors of spec/assignment, in SQL on real engines."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from itertools import islice
from typing import Any

import pytest

from assay.assignment.portable import read_experiments
from assay.errors import InvalidInput
from assay.model.audience import Condition, parse_condition
from assay.model.experiment import Experiment
from assay.queries.assignment import assignment_sql
from assay.queries.assignment.columns import Scope
from assay.queries.assignment.conditions import condition_sql
from tests.queries.assignment.databases import SPEC, Database, kind_of

CONDITIONS = json.loads((SPEC / "conditions.json").read_text())
DECISIONS = json.loads((SPEC / "decisions.json").read_text())
EXPERIMENTS = read_experiments(DECISIONS["snapshot"])


def batches(items: list[Any], size: int) -> Iterator[list[Any]]:
    remaining = iter(items)
    while batch := list(islice(remaining, size)):
        yield batch


def test_conditions(database: Database) -> None:
    cases = [case for case in CONDITIONS["cases"] if case.get("sql", True)]
    assert len(cases) > 500
    wrong = []
    for batch in batches(cases, 40):
        queries = [f"SELECT {i} AS place, {_condition(case, database)}" for i, case in enumerate(batch)]
        rows = database.ask(" UNION ALL ".join(queries))
        assert len(rows) == len(batch)
        wrong += [batch[i] for i, found in rows if found != int(batch[i]["matches"])]
    assert wrong == []


def _condition(case: dict[str, Any], database: Database) -> str:
    values = case["attributes"]
    now = datetime.fromisoformat(case.get("now", CONDITIONS["now"]))
    scope = Scope(database.engine, {name: kind_of(value) for name, value in values.items()}, now)
    matches = condition_sql(parse_condition(case["condition"]), scope)
    # A NULL would be neither.
    answer = f"CASE WHEN {matches} THEN 1 WHEN NOT {matches} THEN 0 END AS matches"
    return f"{answer} FROM {database.row(values)} AS units"


def test_decisions(database: Database) -> None:
    known = {item.key for item in EXPERIMENTS if not reads_actions(item.audience.condition)}
    cases = [case for case in DECISIONS["cases"] if case.get("sql", True) and case["experiment"] in known]
    assert len(cases) > 600
    wrong = []
    for batch in batches(cases, 20):
        queries = [
            f"SELECT {i} AS place, variant, reason FROM ({_decision(case, database)}) AS one"
            for i, case in enumerate(batch)
        ]
        rows = database.ask(" UNION ALL ".join(queries))
        assert len(rows) == len(batch)
        wrong += [
            (batch[i], variant, reason)
            for i, variant, reason in rows
            if (variant, reason) != (batch[i]["variant"], batch[i]["reason"])
        ]
    assert wrong == []


def reads_actions(condition: Condition) -> bool:
    return '"action"' in json.dumps(condition.to_document())


@pytest.mark.parametrize(
    "experiment", [e for e in EXPERIMENTS if reads_actions(e.audience.condition)], ids=lambda e: e.key
)
def test_conditions_on_actions_are_refused_by_name(experiment: Experiment) -> None:
    now = datetime.fromisoformat(CONDITIONS["now"])
    with pytest.raises(InvalidInput, match=r"audience\.action: given .*lists of objects"):
        assignment_sql(EXPERIMENTS, experiment.key, dialect="duckdb", table="t", unit="u", columns={}, now=now)


def _decision(case: dict[str, Any], database: Database) -> str:
    values = case["attributes"]
    return assignment_sql(
        EXPERIMENTS,
        case["experiment"],
        dialect=database.dialect,
        table=database.row({"the unit": case["unit"], **values}),
        unit="the unit",
        columns={name: kind_of(value) for name, value in values.items()},
        now=datetime.fromisoformat(case["now"]),
    )
