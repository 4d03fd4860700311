"""Documents and back, and what is wrong with them by path."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.errors import InvalidInput
from assay.model.audience import All, Attribute, Audience, Condition, Not, Operator, Some, parse_condition
from assay.model.document import from_document, to_document
from assay.model.experiment import Experiment, Variant
from assay.model.metric import Measure, Metric, MetricKind
from assay.model.plan import Correction, Plan
from assay.model.result import ArmEstimate, Interval, NoEstimate

SAMPLE = Experiment(
    key="e",
    name="E",
    variants=(
        Variant(key="control", weight=400_000, control=True),
        Variant(key="b", weight=600_000, config={"x": [1]}),
    ),
    metrics=(
        Metric(key="r", kind=MetricKind.RATIO, event="a", denominator=Measure(event="b"), cap=5.5),
        Metric(key="m", kind=MetricKind.MEAN, field="seconds"),
    ),
    plan=Plan(correction=Correction.NONE, minimum_effect=0.1),
    started_at=datetime(2026, 2, 5, 10, 30, 0, 1, tzinfo=timezone.utc),
)

WHOLE = st.integers(1 - 2**53, 2**53 - 1)
SCALARS = st.text() | WHOLE | st.booleans() | st.floats(allow_nan=False, allow_infinity=False)
LEAVES = st.builds(
    Attribute, st.text(min_size=1, max_size=20), st.sampled_from([Operator.EQ, Operator.NE]), SCALARS
) | st.builds(
    Attribute, st.text(min_size=1, max_size=20), st.just(Operator.IN), st.lists(SCALARS, min_size=1).map(tuple)
)
CONDITIONS: st.SearchStrategy[Condition] = st.recursive(
    LEAVES,
    lambda inner: (
        st.builds(All, st.lists(inner, max_size=3).map(tuple))
        | st.builds(Some, st.lists(inner, max_size=3).map(tuple))
        | st.builds(Not, inner)
    ),
    max_leaves=6,
)


def test_there_and_back() -> None:
    text = json.dumps(to_document(SAMPLE))
    assert from_document(Experiment, json.loads(text)) == SAMPLE


@pytest.mark.parametrize("schema", [{"type": "object"}, {}, "website_metadata", None])
def test_a_schema_for_configs_is_an_object_a_word_or_nothing(schema: Any) -> None:
    sample = replace(SAMPLE, config_schema=schema)
    assert from_document(Experiment, json.loads(json.dumps(to_document(sample)))) == sample
    with pytest.raises(InvalidInput, match="config_schema"):
        from_document(Experiment, to_document(SAMPLE) | {"config_schema": [schema]})


@given(CONDITIONS)
def test_conditions_there_and_back(condition: Condition) -> None:
    text = json.dumps(to_document(Audience(condition)))
    assert parse_condition(json.loads(text)) == condition


def test_what_cannot_be_computed_survives_storage() -> None:
    arm = ArmEstimate(
        variant="a",
        n_units=0,
        value=NoEstimate("empty_arm", "nobody was exposed"),
        standard_deviation=1.5,
        standard_error=2.0,
        interval=Interval(None, 3.0, 0.95),
    )
    assert from_document(ArmEstimate, json.loads(json.dumps(to_document(arm)))) == arm


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"stage": "flying"}, "stage"),
        ({"variants": [{"key": "a b"}]}, "variants[0].key"),
        ({"variants": [{"key": "a", "weight": 0.5}]}, "variants[0].weight"),
        ({"variants": {}}, "variants"),
        ({"metrics": [{"key": "m", "kind": "sum", "event": "a"}]}, "metrics[0].field"),
        ({"plan": {"alpha": 2.0}}, "plan.alpha"),
        ({"plan": {"alpha": "x"}}, "plan.alpha"),
        ({"plan": {"alfa": 0.1}}, "plan.alfa"),
        ({"audience": {"and": [{"or": [{"attribute": 5}]}]}}, "audience.and[0].or[0].attribute"),
        ({"started_at": "noon"}, "started_at"),
        ({"revision": True}, "revision"),
        ({"name": None}, "name"),
    ],
)
def test_the_path_of_a_mistake(change: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        from_document(Experiment, to_document(SAMPLE) | change)
    assert refused.value.field == field


def test_a_missing_field_is_named() -> None:
    with pytest.raises(InvalidInput, match="name"):
        from_document(Experiment, {"key": "e"})


def test_conditions_cannot_nest_without_end() -> None:
    document: Any = {"attribute": "a", "value": 1}
    for _ in range(30):
        document = {"not": document}
    with pytest.raises(InvalidInput, match="20 deep"):
        parse_condition(document)


def test_an_experiment_is_frozen() -> None:
    with pytest.raises(AttributeError):
        SAMPLE.name = "other"  # type: ignore[misc]
    assert replace(SAMPLE, name="other").name == "other"
