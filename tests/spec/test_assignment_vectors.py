"""The implementation against the vectors of spec/assignment: read from the document, and compiled from definitions."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from assay.assignment.bucketing import digest_of, traffic_bucket, variant_bucket
from assay.assignment.evaluate import evaluate
from assay.assignment.portable import read_experiments, read_snapshot, snapshot_document
from assay.assignment.snapshot import Snapshot, compile_snapshot
from assay.assignment.targeting import compile_condition
from assay.model.audience import Audience, Operator, parse_condition
from assay.model.decision import Reason
from assay.model.design import (
    HoldoutShare,
    LayerPlace,
    Prerequisite,
    RampStep,
    Randomization,
    Randomizer,
    Slot,
    Stratum,
)
from assay.model.experiment import Experiment, Variant
from assay.model.lifecycle import Stage

SPEC = Path(__file__).parents[2] / "spec" / "assignment"
CONDITIONS = json.loads((SPEC / "conditions.json").read_text())
DECISIONS = json.loads((SPEC / "decisions.json").read_text())
DOCUMENT = DECISIONS["snapshot"]
SALTS = {item["key"]: item["salt"] for item in DOCUMENT["experiments"]}
KINDS = ("and", "or", "not", "score", "segment", "temporal", "coordinates", "screen", "action", "attribute")


def _compiled() -> Snapshot:
    """Of definitions made field by field, so that a wrong reading of the document cannot hide."""
    ended = [Experiment(key=key, name=key, stage=Stage.COMPLETED) for key in DOCUMENT["ended"]]
    draft = Experiment(key="never-was", name="a draft", variants=(Variant(key="a", weight=1_000_000),))
    return compile_snapshot([draft, *ended, *map(_experiment, DOCUMENT["experiments"])], version=1)


def _experiment(item: Mapping[str, Any]) -> Experiment:
    layer = item.get("layer")
    return Experiment(
        key=item["key"],
        name=item["key"],
        salt=item["salt"],
        stage=Stage.RUNNING if item["running"] else Stage.PAUSED,
        traffic=item["traffic"],
        ramp=tuple(RampStep(traffic=step["traffic"], at=_time(step["at"])) for step in item.get("ramp", ())),
        audience=Audience(parse_condition(item.get("audience", {}))),
        variants=tuple(Variant(key=arm["key"], weight=arm["weight"]) for arm in item["variants"]),
        randomization=_randomization(item.get("randomization")),
        layer=layer and LayerPlace(layer["layer"], layer["salt"], tuple(Slot(**slot) for slot in layer["slots"])),
        holdouts=tuple(HoldoutShare(**share) for share in item.get("holdouts", ())),
        prerequisites=tuple(
            Prerequisite(need["experiment"], tuple(need["variants"])) for need in item.get("prerequisites", ())
        ),
        forced=item.get("forced", {}),
        allow=tuple(item.get("allow", ())),
        deny=tuple(item.get("deny", ())),
    )


def _randomization(item: Mapping[str, Any] | None) -> Randomization:
    if item is None:
        return Randomization()
    read = {
        "method": Randomizer(item["method"]),
        "strata": tuple(Stratum(tuple(part["values"]), part["weights"]) for part in item["strata"]),
        "strata_by": tuple(item["strata_by"]),
        "anchor": item["anchor"] and _time(item["anchor"]),
    }
    return Randomization(**{**item, **read})


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


@pytest.fixture(scope="module", params=["read", "compiled"])
def snapshot(request: pytest.FixtureRequest) -> Snapshot:
    return read_snapshot(DOCUMENT) if request.param == "read" else _compiled()


@pytest.mark.parametrize("case", CONDITIONS["cases"], ids=lambda case: case["why"])
def test_condition(case: dict[str, Any]) -> None:
    now = _time(case.get("now", CONDITIONS["now"]))
    assert compile_condition(parse_condition(case["condition"]))(case["attributes"], now) is case["matches"]


@pytest.mark.parametrize(
    "case", DECISIONS["cases"], ids=lambda case: f"{case['experiment']}-{str(case['unit'])[:12]!r}-{case['why']}"
)
def test_decision(case: dict[str, Any], snapshot: Snapshot) -> None:
    (decision,) = evaluate(snapshot, case["unit"], case["attributes"], _time(case["now"]), [case["experiment"]])
    assert (decision.variant, decision.reason.value) == (case["variant"], case["reason"])


@pytest.mark.parametrize("case", DECISIONS["all"], ids=lambda case: f"{str(case['unit'])[:12]!r}-{case['why']}")
def test_all_decisions(case: dict[str, Any], snapshot: Snapshot) -> None:
    decisions = evaluate(snapshot, case["unit"], case["attributes"], _time(case["now"]))
    assert [(item.experiment, item.variant) for item in decisions] == list(case["all"].items())


@pytest.mark.parametrize(
    "case",
    [case for case in DECISIONS["cases"] if "variant_bucket" in case],
    ids=lambda case: f"{case['experiment']}-{case['unit'][:12]!r}-{case['why']}",
)
def test_buckets(case: dict[str, Any]) -> None:
    digest = digest_of(case.get("drawn", case["unit"]), case["experiment"], SALTS[case["experiment"]])
    assert (variant_bucket(digest), traffic_bucket(digest)) == (case["variant_bucket"], case["traffic_bucket"])


def test_the_document_is_in_the_form_that_evaluators_are_given() -> None:
    written = snapshot_document(read_experiments(DOCUMENT), DOCUMENT["version"])
    assert _said(written) == _said(DOCUMENT)


def test_there_are_enough_cases_and_no_two_ask_the_same() -> None:
    assert len(CONDITIONS["cases"]) >= 600
    assert len(DECISIONS["cases"]) >= 700
    assert len(DECISIONS["all"]) >= 25
    for cases in (CONDITIONS["cases"], DECISIONS["cases"], DECISIONS["all"]):
        asked = Counter(
            json.dumps([case.get(name) for name in ("condition", "experiment", "unit", "attributes", "now")])
            for case in cases
        )
        assert [question for question, times in asked.items() if times > 1] == []
        assert all(case["why"] for case in cases)


def test_every_field_of_a_case_is_explained() -> None:
    page = (SPEC / "README.md").read_text().partition("## The vectors")[2]
    fields = {
        name for cases in (CONDITIONS["cases"], DECISIONS["cases"], DECISIONS["all"]) for case in cases for name in case
    }
    assert {name for name in fields if f"`{name}`" not in page and f'`"{name}": false`' not in page} == set()


@pytest.mark.parametrize(("unit", "variant"), [("\ud800", "control"), ("\udfff", "treatment")])
def test_half_of_a_surrogate_pair_is_three_bytes(unit: str, variant: str, snapshot: Snapshot) -> None:
    """Not in the files: many readers of JSON refuse it. The digests are those of the bytes ED A0 80 and ED BF BF."""
    (decision,) = evaluate(snapshot, unit, {}, _time(CONDITIONS["now"]), ["even"])
    assert decision.variant == variant


def test_what_no_table_can_hold_is_marked() -> None:
    for case in DECISIONS["cases"] + DECISIONS["all"]:
        unit = case["unit"]
        odd = not isinstance(unit, str) or "\0" in unit
        assert not odd or case["sql"] is False


def test_every_reason_occurs_that_needs_no_plugin() -> None:
    assert {case["reason"] for case in DECISIONS["cases"]} == {item.value for item in Reason} - {"error"}


def test_a_variant_is_there_exactly_when_the_reason_gives_one() -> None:
    for case in DECISIONS["cases"]:
        assert (case["variant"] is not None) == (case["reason"] in ("assigned", "forced"))


@pytest.mark.parametrize("operator", list(Operator))
def test_every_operator_matches_and_does_not(operator: Operator) -> None:
    outcomes = {case["matches"] for case in CONDITIONS["cases"] if _compares(case["condition"], operator)}
    assert outcomes == {True, False}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_condition_matches_and_does_not(kind: str) -> None:
    outcomes = {case["matches"] for case in CONDITIONS["cases"] if kind in case["condition"]}
    assert outcomes == {True, False}


def test_whole_blocks_hold_the_variants_in_their_weights() -> None:
    """A property the vectors must have whatever the shuffle: otherwise they would be wrong themselves."""
    for key, size in (("blocks-4", 4), ("blocks-10", 10)):
        (experiment,) = (item for item in DOCUMENT["experiments"] if item["key"] == key)
        weights = {arm["key"]: arm["weight"] for arm in experiment["variants"]}
        placed = {case["attributes"]["n"]: case["variant"] for case in DECISIONS["cases"] if _in_order(case, key)}
        assert len(placed) >= 2 * size
        for first in range(0, len(placed) - size + 1, size):
            block = Counter(placed[place] for place in range(first, first + size))
            assert block == {name: weight * size // 1_000_000 for name, weight in weights.items()}


def test_a_unit_is_in_at_most_one_experiment_of_a_layer() -> None:
    layers = {item["key"]: item["layer"]["layer"] for item in DOCUMENT["experiments"] if "layer" in item}
    for case in DECISIONS["all"]:
        taken = Counter(layers[key] for key in case["all"] if layers.get(key) == "checkout")
        assert taken["checkout"] <= 1


def _said(part: Any) -> Any:
    """The document without what is null or empty, which says the same as leaving it out."""
    if isinstance(part, dict):
        return {name: _said(inner) for name, inner in part.items() if inner not in (None, [], {})}
    return [_said(inner) for inner in part] if isinstance(part, list) else part


def _in_order(case: Mapping[str, Any], key: str) -> bool:
    position = case["attributes"].get("n")
    return case["experiment"] == key and type(position) is int and case["unit"] == f"b{position}"


def _compares(condition: Any, operator: Operator) -> bool:
    """A comparison alone: the outcome of a nested one is not the operator's."""
    return isinstance(condition, dict) and "attribute" in condition and condition.get("op", "eq") == operator.value
