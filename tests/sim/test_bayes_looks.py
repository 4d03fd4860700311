"""Stopping on a posterior: the popular rule is wrong far more often than it sounds, the calibrated one is not."""

from __future__ import annotations

import numpy as np
import pytest

from assay.stats.bayesian.decision import CalibratedRule, calibrated_loss_rule
from assay.stats.bayesian.watching import Bound, Watch, simulated
from tests.sim.claims import REPLICATIONS, error_broken, error_kept, found

pytestmark = pytest.mark.slow

LOOKS = tuple(range(500, 20_001, 500))
EVERY_HUNDRED = tuple(range(100, 20_001, 100))
MEASURED_NAIVE = (0.28, 0.56)


def test_stopping_at_95_percent_at_any_look_is_wrong_far_more_often() -> None:
    watch = Watch(1.0, 2.0, EVERY_HUNDRED)
    replayed = simulated(watch, 0.0, REPLICATIONS, np.random.default_rng(31))
    ship, keep = replayed.decided(Bound(0.05, 1, False))
    error_broken("stop when P(B > A) > 0.95 at any look: shipped", ship.any(axis=1), 0.05)
    error_broken("stop when P(B > A) > 0.95 at any look: either", (ship | keep).any(axis=1), 0.05)
    found("stop when P(B > A) > 0.95 at any look: shipped, about a third", ship.any(axis=1), MEASURED_NAIVE[0])
    found("stop when P(B > A) > 0.95 at any look: either", (ship | keep).any(axis=1), MEASURED_NAIVE[1])


def test_the_same_with_shares() -> None:
    replayed = simulated(Watch(0.05, None, LOOKS[:20]), 0.0, REPLICATIONS, np.random.default_rng(32))
    ship, _ = replayed.decided(Bound(0.05, 1, False))
    error_broken("stop when P(B > A) > 0.95 at 20 looks, 5 %", ship.any(axis=1), 0.05)


def test_a_loss_that_sounds_small_is_no_protection() -> None:
    replayed = simulated(Watch(0.05, None, LOOKS[:20]), 0.0, REPLICATIONS, np.random.default_rng(33))
    ship, _ = replayed.decided(Bound(0.05 * 0.01, 1, True))
    error_broken("ship at an expected loss of 1 % of the baseline, no minimum sample", ship.any(axis=1), 0.05)


@pytest.mark.parametrize("baseline", [0.01, 0.05, 0.3])
def test_the_calibrated_rule_keeps_its_rate_on_shares(baseline: float) -> None:
    looks = LOOKS[:20]
    rule = calibrated_loss_rule(baseline, looks, minimum_units=1_000, seed=34)
    assert isinstance(rule, CalibratedRule)
    bound = Bound(rule.rule.loss, 1_000, True)
    fresh = simulated(Watch(baseline, None, looks), 0.0, REPLICATIONS, np.random.default_rng(35))
    ship, _ = fresh.decided(bound)
    error_kept(f"calibrated loss at {baseline:g}: ever shipped without an effect", ship.any(axis=1), 0.05)
    half = simulated(Watch(baseline / 2, None, looks), 0.0, REPLICATIONS, np.random.default_rng(36))
    lower, _ = half.decided(bound)
    error_kept(f"calibrated loss at {baseline:g}, half the baseline", lower.any(axis=1), 0.065)
    effect = 4.5 * np.sqrt(2 * (1 - baseline) / baseline / looks[-1])
    real = simulated(Watch(baseline, None, looks), effect, REPLICATIONS, np.random.default_rng(37))
    shipped, _ = real.decided(bound)
    found(f"calibrated loss at {baseline:g}: an effect of 4.5 errors is shipped", shipped.any(axis=1), 0.95)


def test_the_calibrated_rule_keeps_its_rate_on_means_looked_at_every_hundred_units() -> None:
    rule = calibrated_loss_rule(10.0, EVERY_HUNDRED, sd=8.0, alpha=0.05, seed=38, effect=0.03)
    assert isinstance(rule, CalibratedRule)
    fresh = simulated(Watch(10.0, 8.0, EVERY_HUNDRED), 0.0, REPLICATIONS, np.random.default_rng(39))
    ship, _ = fresh.decided(Bound(rule.rule.loss, 1, True))
    error_kept("calibrated loss on means, a look every 100 units", ship.any(axis=1), 0.05)
    assert rule.measured.power is not None
    assert rule.measured.power > 0.8
