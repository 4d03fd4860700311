"""Stopping rules: what they decide, what they refuse, and that replayed experiments see what the answers say."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from assay.errors import InvalidInput
from assay.model.result import NoEstimate
from assay.stats.bayesian.comparison import bayesian_comparison
from assay.stats.bayesian.decision import (
    CalibratedRule,
    ChanceRule,
    LossRule,
    StopDecision,
    calibrated_loss_rule,
    stop_decision,
    stopping_errors,
)
from assay.stats.bayesian.watching import Bound, Watch, share_chances, share_losses, simulated

LOOKS = (500, 1_000, 2_000, 4_000)


def answer(treatment: tuple[int, int], control: tuple[int, int]) -> Any:
    return bayesian_comparison(treatment, control, "share").answers[0]


def test_what_the_rules_decide() -> None:
    better, worse, alike = (
        answer((80, 1_000), (50, 1_000)),
        answer((50, 1_000), (80, 1_000)),
        answer((50, 999), (50, 999)),
    )
    rule = LossRule(loss=1e-4, minimum_units=500)
    assert stop_decision(rule, better, 1_000) is StopDecision.SHIP
    assert stop_decision(rule, worse, 1_000) is StopDecision.KEEP
    assert stop_decision(rule, alike, 1_000) is StopDecision.GO_ON
    assert stop_decision(rule, better, 499) is StopDecision.GO_ON
    assert stop_decision(LossRule(loss=1.0), better, 1_000) is StopDecision.SHIP
    assert stop_decision(LossRule(loss=1.0), worse, 1_000) is StopDecision.KEEP
    chance = ChanceRule(chance=0.95)
    decided = [stop_decision(chance, item, 1_000) for item in (better, worse, alike)]
    assert decided == [StopDecision.SHIP, StopDecision.KEEP, StopDecision.GO_ON]
    nothing = bayesian_comparison([1.0], [1.0, 2.0], "mean").answers[0]
    refused = stop_decision(rule, nothing, 1)
    assert isinstance(refused, NoEstimate)
    assert refused.no_estimate == "one_unit"


def test_replayed_losses_and_chances_are_those_of_the_answers() -> None:
    rows = np.array(
        [[0, 0, 10], [1, 3, 400], [60, 40, 1_000], [11, 30, 1_000_000], [999, 1_000, 1_000], [0, 5_000, 10_000]]
    )
    losses, chances = share_losses(rows), share_chances(rows)
    for i, (x_t, x_c, n) in enumerate(rows.tolist()):
        one = answer((x_t, n), (x_c, n))
        assert losses[0][i] == pytest.approx(one.expected_loss, rel=1e-6, abs=1e-16)
        assert losses[1][i] == pytest.approx(one.expected_gain, rel=1e-6, abs=1e-16)
        assert chances[0][i] == pytest.approx(one.chance_to_lose, rel=1e-6, abs=1e-12)
        assert chances[1][i] == pytest.approx(one.chance_to_beat, rel=1e-6, abs=1e-12)


@pytest.mark.parametrize("bound", [Bound(2e-4, 500, True), Bound(0.05, 500, False)])
@pytest.mark.parametrize("baseline", [0.02, 0.3])
def test_decisions_by_approximation_are_those_by_exact_numbers(bound: Bound, baseline: float) -> None:
    replayed = simulated(Watch(baseline, None, LOOKS), 0.1, 300, np.random.default_rng(1))
    ship, keep = replayed.decided(bound)
    assert replayed.converted is not None
    x_t, x_c = replayed.converted
    flat = np.stack([x_t.ravel(), x_c.ravel(), np.broadcast_to(replayed.units, x_t.shape).ravel()], axis=1)
    exact = share_losses(flat) if bound.of_loss else share_chances(flat)
    shipping, keeping = (part.reshape(ship.shape) <= bound.value for part in exact)
    both = shipping & keeping
    assert (ship == (shipping & ~both) | (ship & both)).all()
    assert ((ship | keep) == (shipping | keeping)).all()
    assert not (ship & keep).any()
    assert ship.any()


def test_error_rates_come_with_their_monte_carlo_error_and_are_the_same_again() -> None:
    rule = ChanceRule(chance=0.95)
    found = stopping_errors(rule, 0.05, LOOKS, effect=0.3, replications=1_000, seed=4)
    assert found == stopping_errors(rule, 0.05, LOOKS, effect=0.3, replications=1_000, seed=4)
    assert found.false_ship_error == pytest.approx(math.sqrt(found.false_ship * (1 - found.false_ship) / 1_000))
    assert found.false_either > found.false_ship
    assert found.power is not None
    assert found.power > 0.8
    assert found.mean_units is not None
    assert LOOKS[0] <= found.mean_units <= LOOKS[-1]
    none = stopping_errors(rule, 0.05, LOOKS, replications=1_000, seed=4)
    assert (none.false_ship, none.power, none.mean_units) == (found.false_ship, None, None)


def test_a_stricter_rule_is_wrong_less_often_and_later() -> None:
    def ask(rule: Any) -> Any:
        return stopping_errors(rule, 10.0, LOOKS, effect=0.05, sd=5.0, replications=1_000)

    found = [ask(LossRule(loss=loss)) for loss in (0.03, 0.003, 0.0003)]
    assert found[0].false_ship > found[1].false_ship > found[2].false_ship
    assert found[0].mean_units < found[1].mean_units < found[2].mean_units
    late = ask(LossRule(loss=0.03, minimum_units=4_000))
    assert late.mean_units == 4_000
    assert late.false_ship < found[0].false_ship


def test_a_calibrated_rule_says_what_it_was_calibrated_for() -> None:
    found = calibrated_loss_rule(0.05, LOOKS, alpha=0.1, minimum_units=1_000, effect=0.4, replications=1_000)
    assert isinstance(found, CalibratedRule)
    assert found.rule.minimum_units == 1_000
    assert found.measured.false_ship < 0.13
    assert found.measured.power is not None
    assert found.measured.power > 0.5
    stricter = calibrated_loss_rule(0.05, LOOKS, alpha=0.02, minimum_units=1_000, replications=1_000)
    assert isinstance(stricter, CalibratedRule)
    assert stricter.rule.loss < found.rule.loss
    refused = calibrated_loss_rule(0.05, LOOKS, minimum_units=5_000)
    assert isinstance(refused, NoEstimate)
    assert refused.no_estimate == "no_look"


WRONG: list[tuple[str, Any]] = [
    ("loss", lambda: LossRule(loss=0)),
    ("minimum_units", lambda: LossRule(loss=1, minimum_units=0)),
    ("chance", lambda: ChanceRule(chance=0.5)),
    ("looks", lambda: stopping_errors(ChanceRule(chance=0.95), 0.05, [])),
    ("looks", lambda: stopping_errors(ChanceRule(chance=0.95), 0.05, [100, 50])),
    ("looks", lambda: stopping_errors(ChanceRule(chance=0.95), 0.05, [100.5])),  # type: ignore[list-item]
    ("baseline", lambda: stopping_errors(ChanceRule(chance=0.95), 1.5, [100])),
    ("sd", lambda: stopping_errors(ChanceRule(chance=0.95), 1.5, [100], sd=-1.0)),
    ("effect", lambda: stopping_errors(ChanceRule(chance=0.95), 0.5, [100], effect=2.0)),
    ("replications", lambda: stopping_errors(ChanceRule(chance=0.95), 0.5, [100], replications=10)),
    ("replications", lambda: calibrated_loss_rule(0.5, [100], alpha=0.001, replications=200)),
    ("alpha", lambda: calibrated_loss_rule(0.5, [100], alpha=0)),
]


@pytest.mark.parametrize(("field", "call"), WRONG, ids=[f"{i}-{field}" for i, (field, _) in enumerate(WRONG)])
def test_wrong_arguments_are_named(field: str, call: Any) -> None:
    with pytest.raises(InvalidInput) as caught:
        call()
    assert caught.value.field == field
