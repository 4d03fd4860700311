"""Sequences looked at after every 2 units at first and then after every 100: how often do they ever err?"""

from __future__ import annotations

import math

import numpy as np
import pytest

from assay.model.result import Interval
from assay.stats.arm import Arm
from assay.stats.armview import share_interval
from assay.stats.sequential.mixture import tuned_rho_squared
from tests.sim.alarm_bound import REPLICATIONS, least_expected, most_allowed
from tests.sim.claims import error_kept, found
from tests.sim.sequence_twin import mean_rejects, share_ratio_rejects, share_rejects
from tests.sim.unit_streams import (
    Array,
    Pair,
    Pairs,
    Sums,
    as_adjusted,
    as_means,
    as_ratios,
    conversions,
    looks,
    paired,
)

pytestmark = pytest.mark.slow

ALPHA = 0.05
MOST = most_allowed(ALPHA)
SHARES = [(0.001, 20_000), (0.01, 10_000), (0.05, 10_000), (0.3, 5_000), (0.97, 5_000)]


def ever(errors: Array) -> int:
    return int(errors.any(axis=1).sum())


def kept(what: str, errors: Array, nominal: float = ALPHA) -> None:
    error_kept(f"normal mixture, ever wrong: {what}", errors.any(axis=1), nominal)


def hit(what: str, errors: Array, share: float) -> None:
    found(f"normal mixture finds: {what}", errors.any(axis=1), share)


def test_the_bound_is_five_standard_deviations_above_the_claim() -> None:
    assert most_allowed(ALPHA, 5_000) == 326


@pytest.mark.parametrize("tuning_units", [1_000, 10_000])
@pytest.mark.parametrize("share", [0.5, 0.1])
@pytest.mark.parametrize(("p", "horizon"), SHARES)
def test_shares_without_an_effect(p: float, horizon: int, share: float, tuning_units: int) -> None:
    rng = np.random.default_rng(101)
    s = conversions(rng, looks(horizon), REPLICATIONS, p, p, share)
    kept("shares without an effect", share_rejects(s, tuned_rho_squared(tuning_units, ALPHA), ALPHA))


@pytest.mark.parametrize("share", [0.5, 0.1, 0.9])
@pytest.mark.parametrize(("p", "horizon"), SHARES)
def test_difference_and_lift_of_shares_are_covered_at_every_look(p: float, horizon: int, share: float) -> None:
    rng = np.random.default_rng(102)
    ratio = min(1.5, 0.98 / p)
    s = conversions(rng, looks(horizon), REPLICATIONS, ratio * p, p, share)
    rho_squared = tuned_rho_squared(1_000, ALPHA)
    kept("difference and lift of shares are covered at every look", share_rejects(s, rho_squared, ALPHA, ratio * p - p))
    kept("difference and lift of shares are covered at every look", share_ratio_rejects(s, rho_squared, ALPHA, ratio))


@pytest.mark.parametrize(
    ("p", "ratio", "horizon"), [(0.001, 2.0, 120_000), (0.01, 1.5, 40_000), (0.05, 1.2, 40_000), (0.3, 1.1, 16_000)]
)
def test_a_planted_effect_on_shares_is_found(p: float, ratio: float, horizon: int) -> None:
    rng = np.random.default_rng(103)
    s = conversions(rng, looks(horizon, every=500), 1_000, ratio * p, p, 0.5)
    found = ever(share_rejects(s, tuned_rho_squared(horizon // 2, ALPHA), ALPHA))
    assert found >= least_expected(0.9, 1_000)


def test_smaller_levels_hold_too() -> None:
    rng = np.random.default_rng(104)
    s = conversions(rng, looks(10_000), REPLICATIONS, 0.05, 0.05, 0.5)
    kept("smaller levels hold too", share_rejects(s, tuned_rho_squared(10_000, ALPHA), 0.01), 0.01)


@pytest.mark.parametrize(("p", "tuning_units"), [(0.002, 1_000), (0.05, 1_000), (0.3, 200)])
def test_a_single_arm_s_share_is_covered_at_every_look(p: float, tuning_units: int) -> None:
    rng = np.random.default_rng(110)
    s = conversions(rng, looks(3_000, early=40), 2_000, p, p, 0.5)
    rho_squared = 2 * tuned_rho_squared(tuning_units, ALPHA)
    missed = 0
    for n, x in zip(s.n_t.tolist(), s.x_t.tolist(), strict=True):
        arms = [Arm(int(a), b / a, 0.0) for a, b in zip(n, x, strict=True) if a >= 2]
        found = [share_interval(arm, rho_squared * arm.n, ALPHA) for arm in arms]
        missed += any(not isinstance(item, Interval) or not item.lower <= p <= item.upper for item in found)
    assert missed <= most_allowed(ALPHA, 2_000)


def lognormal(rng: np.random.Generator, shape: tuple[int, int]) -> tuple[Array, Array]:
    values = np.exp(rng.standard_normal(shape))
    return values, values


@pytest.mark.parametrize("share", [0.5, 0.2])
def test_lognormal_means(share: float) -> None:
    rng = np.random.default_rng(105)
    s = as_means(paired(rng, looks(2_000), REPLICATIONS, lognormal, 1.3, share))
    rho_squared = tuned_rho_squared(1_000, ALPHA)
    kept("lognormal means", mean_rejects(s, rho_squared, ALPHA, difference=0.3 * math.exp(0.5)))
    kept("lognormal means", mean_rejects(s, rho_squared, ALPHA, ratio=1.3))
    hit("lognormal means", mean_rejects(s, rho_squared, ALPHA), 0.5)


@pytest.mark.parametrize("share", [0.5, 0.2])
def test_lognormal_means_without_an_effect(share: float) -> None:
    rng = np.random.default_rng(106)
    s = as_means(paired(rng, looks(2_000), REPLICATIONS, lognormal, 1.0, share))
    for tuning_units in (100, 10_000):
        kept("lognormal means without an effect", mean_rejects(s, tuned_rho_squared(tuning_units, ALPHA), ALPHA))


def orders(rng: np.random.Generator, shape: tuple[int, int]) -> tuple[Array, Array]:
    """How often units ordered, and what the 2 % who did spent."""
    count = rng.poisson(0.3, shape).astype(float)
    return count, np.where(rng.random(shape) < 0.02, rng.exponential(1.0, shape), 0.0)


@pytest.mark.parametrize("share", [0.5, 0.2])
def test_counts_and_rare_spending(share: float) -> None:
    rng = np.random.default_rng(109)
    pairs = paired(rng, looks(2_000), REPLICATIONS, orders, 1.0, share)
    spending = Pairs(*(Pair(side.n, side.x, side.y, side.xx, side.yx, side.yy) for side in (pairs.t, pairs.c)))
    kept("counts and rare spending", mean_rejects(as_means(pairs), tuned_rho_squared(100, ALPHA), ALPHA))
    kept("counts and rare spending", mean_rejects(as_means(spending), tuned_rho_squared(10_000, ALPHA), ALPHA))
    spent = as_means(spending)
    lifted = Sums(spent.n_t, 1.3 * spent.m_t, 1.69 * spent.v_t, spent.n_c, spent.m_c, spent.v_c)
    kept(
        "counts and rare spending", mean_rejects(lifted, tuned_rho_squared(10_000, ALPHA), ALPHA, difference=0.3 * 0.02)
    )
    kept("counts and rare spending", mean_rejects(lifted, tuned_rho_squared(10_000, ALPHA), ALPHA, ratio=1.3))


def sessions(rng: np.random.Generator, shape: tuple[int, int]) -> tuple[Array, Array]:
    """Clicks and sessions of units whose own click rate varies."""
    visits = 1.0 + rng.poisson(1.5, shape)
    return rng.poisson(visits * rng.gamma(2.0, 0.1, shape)).astype(float), visits


@pytest.mark.parametrize("share", [0.5, 0.2])
def test_ratios(share: float) -> None:
    rng = np.random.default_rng(107)
    null = as_ratios(paired(rng, looks(1_500), REPLICATIONS, sessions, 1.0, share))
    lifted = as_ratios(paired(rng, looks(1_500), 2_000, sessions, 1.4, share))
    rho_squared = tuned_rho_squared(1_000, ALPHA)
    kept("ratios", mean_rejects(null, rho_squared, ALPHA))
    kept("ratios", mean_rejects(lifted, rho_squared, ALPHA, ratio=1.4))
    hit("ratios", mean_rejects(lifted, rho_squared, ALPHA), 0.5)


def correlated(rng: np.random.Generator, shape: tuple[int, int]) -> tuple[Array, Array]:
    before = rng.standard_normal(shape)
    return 0.8 * before + 0.6 * rng.standard_normal(shape), before


def test_adjusted_means() -> None:
    rng = np.random.default_rng(108)
    s = as_adjusted(paired(rng, looks(2_000), REPLICATIONS, correlated))
    kept("adjusted means", mean_rejects(s, tuned_rho_squared(1_000, ALPHA), ALPHA))
