"""The implementation against the vectors of spec/assignment."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

from assay.assignment.bucketing import digest_of, traffic_bucket, variant_bucket
from assay.assignment.evaluate import evaluate
from assay.assignment.snapshot import Snapshot, compile_snapshot
from assay.assignment.targeting import compile_condition
from assay.model.audience import Audience, parse_condition
from assay.model.experiment import Experiment, Variant
from assay.model.lifecycle import Stage

SPEC = Path(__file__).parents[2] / "spec" / "assignment"
VECTORS = json.loads((SPEC / "evaluate.json").read_text())
CONDITIONS = json.loads((SPEC / "conditions.json").read_text())
NOW = datetime(2026, 2, 5, tzinfo=timezone.utc)


@pytest.fixture(scope="module")
def snapshot() -> Snapshot:
    return compile_snapshot([_experiment(document) for document in VECTORS["experiments"]], version=1)


def _experiment(document: dict[str, Any]) -> Experiment:
    return Experiment(
        key=document["key"],
        name=document["key"],
        salt=document["salt"],
        traffic=document["traffic"],
        audience=Audience(parse_condition(document["audience"])),
        stage=Stage.RUNNING,
        variants=tuple(Variant(key=item["key"], weight=item["weight"]) for item in document["variants"]),
    )


def test_there_are_vectors_for_every_outcome() -> None:
    reasons = {case["reason"] for case in VECTORS["cases"]}
    assert reasons == {"assigned", "not_in_audience", "not_in_traffic", "invalid_unit", "unknown_experiment"}
    assert len(VECTORS["cases"]) >= 150


@pytest.mark.parametrize("case", VECTORS["cases"], ids=lambda case: f"{case['experiment']}-{case['unit'][:12]!r}")
def test_decision(case: dict[str, Any], snapshot: Snapshot) -> None:
    (decision,) = evaluate(snapshot, case["unit"], case["attributes"], NOW, [case["experiment"]])
    assert (decision.variant, decision.reason.value) == (case["variant"], case["reason"])
    if case["variant_bucket"] is not None:
        salt = next(item["salt"] for item in VECTORS["experiments"] if item["key"] == case["experiment"])
        digest = digest_of(case["unit"], case["experiment"], salt)
        assert variant_bucket(digest) == case["variant_bucket"]
        assert traffic_bucket(digest) == case["traffic_bucket"]


@pytest.mark.parametrize("case", CONDITIONS["cases"], ids=lambda case: case["why"])
def test_condition(case: dict[str, Any]) -> None:
    now = datetime.fromisoformat(case.get("now", CONDITIONS["now"]))
    assert compile_condition(parse_condition(case["condition"]))(case["attributes"], now) is case["matches"]
