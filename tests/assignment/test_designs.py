"""What must hold for experiments of every design."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from itertools import pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from assay.assignment.evaluate import evaluate
from assay.assignment.explain import ENDS, explain
from assay.assignment.portable import read_snapshot, snapshot_document
from assay.assignment.snapshot import compile_snapshot
from assay.model.decision import Reason
from assay.model.design import HoldoutShare, LayerPlace, RampStep, Randomization, Randomizer, Slot
from assay.model.experiment import Experiment, Variant
from assay.model.lifecycle import Stage
from assay.model.shares import PARTS
from tests.assignment.designs import START, UNITS, experiments, houses
from tests.assignment.strategies import ATTRIBUTES

NOW = datetime(2026, 2, 5, tzinfo=timezone.utc)
MOMENTS = st.integers(0, 500).map(lambda hours: START + timedelta(hours=hours))
N_SALTS = 400
LUCK = 1e-9
"""The chance that a right program fails, had the hashes been drawn anew: they are fixed, so it passes or never does."""


def plain(key: str, **changes: Any) -> Experiment:
    variants = (Variant(key="control", weight=PARTS // 2), Variant(key="green", weight=PARTS // 2))
    return Experiment(**{"key": key, "name": key, "salt": key, "stage": Stage.RUNNING, "variants": variants, **changes})


@given(houses(), UNITS, ATTRIBUTES, MOMENTS)
@settings(max_examples=300)
def test_asking_for_all_finds_exactly_what_naming_each_finds(
    house: list[Experiment], unit: str, attributes: dict[str, Any], now: datetime
) -> None:
    snapshot = compile_snapshot(house, version=1)
    named = evaluate(snapshot, unit, attributes, now, sorted(snapshot.experiments))
    assert evaluate(snapshot, unit, attributes, now) == [item for item in named if item.variant is not None]


@given(houses(), UNITS, ATTRIBUTES, MOMENTS)
@settings(max_examples=300)
def test_what_is_handed_on_decides_the_same(
    house: list[Experiment], unit: str, attributes: dict[str, Any], now: datetime
) -> None:
    own, handed = compile_snapshot(house, 1), read_snapshot(json.loads(json.dumps(snapshot_document(house, 1))))
    for key in own.experiments:
        (one,), (other,) = (evaluate(item, unit, attributes, now, [key]) for item in (own, handed))
        assert (one.variant, one.reason) == (other.variant, other.reason)


@given(houses(), UNITS, ATTRIBUTES, MOMENTS)
@settings(max_examples=300)
def test_an_explanation_ends_where_the_decision_does(
    house: list[Experiment], unit: str, attributes: dict[str, Any], now: datetime
) -> None:
    snapshot = compile_snapshot(house, version=1)
    for experiment in house:
        (decision,) = evaluate(snapshot, unit, attributes, now, [experiment.key])
        found = explain(snapshot, experiment, unit, attributes, now)
        assert found.decision == decision
        if decision.reason is not Reason.NOT_RUNNING:
            last = found.steps[-1]
            assert last.name == ENDS[decision.reason]
            assert last.passed == (decision.variant is not None or decision.reason is Reason.NOT_SUPPORTED)
        if decision.variant is not None and found.probabilities:
            assert abs(sum(found.probabilities.values()) - 1) < 1e-9
            assert found.probabilities[decision.variant] > 0


@given(experiments(parents=()), UNITS, ATTRIBUTES, MOMENTS, st.integers(0, 300))
@settings(max_examples=300)
def test_a_ramp_moves_nobody_who_is_in(
    experiment: Experiment, unit: str, attributes: dict[str, Any], now: datetime, hours: int
) -> None:
    """But for audiences that look at the clock, and switchback, whose very point is to move."""
    if experiment.randomization.method is Randomizer.SWITCHBACK or "temporal" in str(experiment.audience.to_document()):
        return
    timeless = {"within_last", "longer_ago", "action"}
    if any(word in str(experiment.audience.to_document()) for word in timeless):
        return
    snapshot = compile_snapshot([experiment], 1)
    (before,) = evaluate(snapshot, unit, attributes, now, ["e"])
    (after,) = evaluate(snapshot, unit, attributes, now + timedelta(hours=hours), ["e"])
    if before.variant is not None:
        assert after.variant == before.variant


@given(st.lists(st.integers(0, PARTS), min_size=2, max_size=9), st.text(min_size=1), st.integers(0, 10**6))
def test_no_unit_is_in_two_experiments_of_a_layer(cuts: list[int], unit: str, salt: int) -> None:
    bounds = sorted({0, PARTS, *cuts})
    slots = [Slot(start, end) for start, end in pairwise(bounds)]
    house = [plain(f"e{i}", layer=LayerPlace("l", str(salt), (slot,))) for i, slot in enumerate(slots)]
    snapshot = compile_snapshot(house, 1)
    decisions = evaluate(snapshot, unit, {}, NOW, snapshot.running)
    # The slots cover the layer: one, and only one.
    assert [item.reason for item in decisions].count(Reason.ASSIGNED) == 1
    assert len(evaluate(snapshot, unit, {}, NOW)) == 1


def rejections(salt: int, shared: int) -> float:
    """The p-value of independence of two experiments over 500 units, `shared` in 10 of which draw in both by one
    experiment's salt."""
    snapshot = compile_snapshot([plain("one", salt=f"a{salt}"), plain("two", salt=f"b{salt}")], 1)
    table = [[0, 0], [0, 0]]
    for i in range(500):
        one, two = evaluate(snapshot, f"unit-{i}", {}, NOW, ["one", "one" if i % 10 < shared else "two"])
        table[one.variant == "green"][two.variant == "green"] += 1
    return float(stats.chi2_contingency(table, correction=False).pvalue)


def test_experiments_are_independent_over_many_salts() -> None:
    found = [rejections(salt, shared=0) for salt in range(N_SALTS)]
    for alpha in (0.01, 0.05, 0.5):
        rejected = sum(p < alpha for p in found)
        # The chi-square of a table of counts is a little off its law: a tenth of slack on alpha, both ways.
        assert stats.binom.sf(rejected - 1, N_SALTS, alpha * 1.1) > LUCK
        assert stats.binom.cdf(rejected, N_SALTS, alpha * 0.9) > LUCK


def test_a_tenth_of_units_in_common_would_be_found() -> None:
    rejected = sum(rejections(salt, shared=1) < 0.05 for salt in range(N_SALTS))
    assert stats.binom.sf(rejected - 1, N_SALTS, 0.05 * 1.1) < LUCK


def test_shares_lie_within_exact_binomial_bounds() -> None:
    n, parts = 30_000, {"control": 100_000, "green": 600_000, "blue": 300_000}
    variants = tuple(Variant(key=key, weight=weight) for key, weight in parts.items())
    for salt in ("a", "b", "c"):
        experiment = plain(
            "e", salt=salt, variants=variants, traffic=400_000, holdouts=(HoldoutShare("h", salt, 50_000),)
        )
        snapshot = compile_snapshot([experiment], 1)
        seen = [evaluate(snapshot, f"{i}", {}, NOW, ["e"])[0] for i in range(n)]
        held = sum(item.reason is Reason.IN_HOLDOUT for item in seen)
        inside = [item.variant for item in seen if item.variant is not None]
        assert _within(held, n, 0.05)
        assert _within(len(inside), n - held, 0.4)
        assert all(_within(inside.count(key), len(inside), weight / PARTS) for key, weight in parts.items())


def _within(count: int, n: int, share: float) -> bool:
    low, high = stats.binom.ppf([LUCK / 2, 1 - LUCK / 2], n, share)
    return bool(low <= count <= high)


def test_blocks_hold_exactly_their_weights() -> None:
    blocks = Randomization(method=Randomizer.BLOCKED, attribute="n", block_size=8, strata_by=("city",))
    experiment = plain("e", randomization=blocks)
    snapshot = compile_snapshot([experiment], 1)
    for city in ("Rome", "Oslo"):
        for block in range(50):
            places = range(8 * block, 8 * block + 8)
            seen = [evaluate(snapshot, f"{city}{n}", {"n": n, "city": city}, NOW, ["e"])[0].variant for n in places]
            assert sorted(map(str, seen)) == ["control"] * 4 + ["green"] * 4


@given(houses(), UNITS, ATTRIBUTES)
@settings(max_examples=200)
def test_where_no_clock_is_read_the_time_does_not_matter(
    house: list[Experiment], unit: str, attributes: dict[str, Any]
) -> None:
    snapshot = compile_snapshot(house, 1)
    keys = sorted(snapshot.experiments)
    if not snapshot.reads_time:
        early, late = (evaluate(snapshot, unit, attributes, START + timedelta(days=n), keys) for n in (0, 9_000))
        assert early == late == evaluate(snapshot, unit, attributes, None, keys)


def test_the_present_is_read_where_it_matters() -> None:
    soon = datetime.now(timezone.utc) + timedelta(hours=1)
    for at, reason in ((soon, Reason.NOT_IN_TRAFFIC), (soon - timedelta(hours=2), Reason.ASSIGNED)):
        snapshot = compile_snapshot([plain("e", traffic=0, ramp=(RampStep(traffic=PARTS, at=at),))], 1)
        assert snapshot.reads_time
        assert evaluate(snapshot, "u", {}, None, ["e"])[0].reason is reason
