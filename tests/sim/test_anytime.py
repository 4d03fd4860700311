"""Sequences looked at after every 2 units at first and then after every 100: how often do they ever err?"""

from __future__ import annotations

import math

import numpy as np
import pytest

from assay.model.result import Interval
from assay.stats.arm import Arm
from assay.stats.armview import share_interval
from assay.stats.sequential.mixture import tuned_rho_squared
from tests.sim.alarm_bound import most_allowed
from tests.sim.claims import REPLICATIONS, error_kept, found, in_parts, percent
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
SHARES = [(0.001, 20_000), (0.01, 10_000), (0.05, 10_000), (0.3, 5_000), (0.97, 5_000)]
SOME = REPLICATIONS * 2 // 5


def kept(what: str, errors: Array, nominal: float = ALPHA) -> None:
    """errors: replications × looks, or one for each replication."""
    error_kept(f"{what}: ever wrong", errors.any(axis=1) if errors.ndim == 2 else errors, nominal)


def hit(what: str, errors: Array, share: float) -> None:
    found(f"{what}: ever found", errors.any(axis=1), share)


def split(share: float) -> str:
    return f"each treated with chance {percent(share)}"


def test_the_bound_is_five_standard_deviations_above_the_claim() -> None:
    assert most_allowed(ALPHA, 5_000) == 326


@pytest.mark.parametrize("tuning_units", [1_000, 10_000])
@pytest.mark.parametrize("share", [0.5, 0.1])
@pytest.mark.parametrize(("p", "horizon"), SHARES)
def test_shares_without_an_effect(p: float, horizon: int, share: float, tuning_units: int) -> None:
    rng, rho_squared = np.random.default_rng(101), tuned_rho_squared(tuning_units, ALPHA)

    def wrong(rows: int) -> Array:
        return share_rejects(conversions(rng, looks(horizon), rows, p, p, share), rho_squared, ALPHA).any(axis=1)

    kept(f"sequence of equal shares {percent(p)}, {split(share)}, tuned to {tuning_units:,}", in_parts(wrong))


@pytest.mark.parametrize("share", [0.5, 0.1, 0.9])
@pytest.mark.parametrize(("p", "horizon"), SHARES)
def test_difference_and_lift_of_shares_are_covered_at_every_look(p: float, horizon: int, share: float) -> None:
    rng, rho_squared = np.random.default_rng(102), tuned_rho_squared(1_000, ALPHA)
    ratio = min(1.5, 0.98 / p)

    def wrong(rows: int) -> Array:
        s = conversions(rng, looks(horizon), rows, ratio * p, p, share)
        of_difference = share_rejects(s, rho_squared, ALPHA, ratio * p - p)
        of_lift = share_ratio_rejects(s, rho_squared, ALPHA, ratio)
        return np.stack([of_difference.any(axis=1), of_lift.any(axis=1)], axis=1)

    of_difference, of_lift = in_parts(wrong).T
    what = f"shares {percent(p)} and {percent(ratio - 1, '+')}, {split(share)}"
    kept(f"sequence on the difference of {what}", of_difference)
    kept(f"sequence on the lift of {what}", of_lift)


@pytest.mark.parametrize(
    ("p", "ratio", "horizon", "power"),
    [(0.001, 2.0, 120_000, 0.93), (0.01, 1.5, 40_000, 0.93), (0.05, 1.2, 40_000, 0.92), (0.3, 1.1, 16_000, 0.85)],
)
def test_a_planted_effect_on_shares_is_found(p: float, ratio: float, horizon: int, power: float) -> None:
    rng, rho_squared = np.random.default_rng(103), tuned_rho_squared(horizon // 2, ALPHA)
    s = conversions(rng, looks(horizon, every=500), REPLICATIONS // 5, ratio * p, p, 0.5)
    what = f"sequence of shares {percent(p)} and {percent(ratio - 1, '+')}, {horizon:,} units"
    hit(what, share_rejects(s, rho_squared, ALPHA), power)


def test_smaller_levels_hold_too() -> None:
    rng, rho_squared = np.random.default_rng(104), tuned_rho_squared(10_000, ALPHA)

    def wrong(rows: int) -> Array:
        return share_rejects(conversions(rng, looks(10_000), rows, 0.05, 0.05, 0.5), rho_squared, 0.01).any(axis=1)

    kept("sequence of equal shares 5 % at level 1 %", in_parts(wrong), 0.01)


@pytest.mark.parametrize(("p", "tuning_units"), [(0.002, 1_000), (0.05, 1_000), (0.3, 200)])
def test_a_single_arm_s_share_is_covered_at_every_look(p: float, tuning_units: int) -> None:
    rng = np.random.default_rng(110)
    s = conversions(rng, looks(3_000, early=40), SOME, p, p, 0.5)
    rho_squared = 2 * tuned_rho_squared(tuning_units, ALPHA)
    missed = []
    for n, x in zip(s.n_t.tolist(), s.x_t.tolist(), strict=True):
        arms = [Arm(int(a), b / a, 0.0) for a, b in zip(n, x, strict=True) if a >= 2]
        shown = [share_interval(arm, rho_squared * arm.n, ALPHA) for arm in arms]
        missed.append(any(not isinstance(item, Interval) or not item.lower <= p <= item.upper for item in shown))
    kept(f"sequence of a single arm's share {percent(p)}, tuned to {tuning_units:,}", np.array(missed))


def lognormal(rng: np.random.Generator, shape: tuple[int, int]) -> tuple[Array, Array]:
    values = np.exp(rng.standard_normal(shape))
    return values, values


@pytest.mark.parametrize("share", [0.5, 0.2])
def test_lognormal_means(share: float) -> None:
    rng = np.random.default_rng(105)
    s = as_means(paired(rng, looks(2_000), REPLICATIONS, lognormal, 1.3, share))
    rho_squared = tuned_rho_squared(1_000, ALPHA)
    what = f"lognormal means, +30 %, 2,000 units, {split(share)}"
    errors = mean_rejects(s, rho_squared, ALPHA, difference=0.3 * math.exp(0.5))
    kept(f"sequence on the difference of {what}", errors)
    kept(f"sequence on the lift of {what}", mean_rejects(s, rho_squared, ALPHA, ratio=1.3))
    hit(f"sequence of {what}", mean_rejects(s, rho_squared, ALPHA), 0.9 if share == 0.5 else 0.65)


@pytest.mark.parametrize("share", [0.5, 0.2])
def test_lognormal_means_without_an_effect(share: float) -> None:
    rng = np.random.default_rng(106)
    s = as_means(paired(rng, looks(2_000), REPLICATIONS, lognormal, 1.0, share))
    for tuning_units in (100, 10_000):
        errors = mean_rejects(s, tuned_rho_squared(tuning_units, ALPHA), ALPHA)
        kept(f"sequence of equal lognormal means, {split(share)}, tuned to {tuning_units:,}", errors)


def orders(rng: np.random.Generator, shape: tuple[int, int]) -> tuple[Array, Array]:
    """How often units ordered, and what the 2 % who did spent."""
    count = rng.poisson(0.3, shape).astype(float)
    return count, np.where(rng.random(shape) < 0.02, rng.exponential(1.0, shape), 0.0)


@pytest.mark.parametrize("share", [0.5, 0.2])
def test_counts_and_rare_spending(share: float) -> None:
    rng = np.random.default_rng(109)
    pairs = paired(rng, looks(2_000), REPLICATIONS, orders, 1.0, share)
    spending = Pairs(*(Pair(side.n, side.x, side.y, side.xx, side.yx, side.yy) for side in (pairs.t, pairs.c)))
    wide, narrow = tuned_rho_squared(10_000, ALPHA), tuned_rho_squared(100, ALPHA)
    kept(f"sequence of equal order counts, {split(share)}", mean_rejects(as_means(pairs), narrow, ALPHA))
    spent = as_means(spending)
    kept(f"sequence of equal spending, 2 % buy, {split(share)}", mean_rejects(spent, wide, ALPHA))
    lifted = Sums(spent.n_t, 1.3 * spent.m_t, 1.69 * spent.v_t, spent.n_c, spent.m_c, spent.v_c)
    what = f"spending, 2 % buy, +30 %, {split(share)}"
    kept(f"sequence on the difference of {what}", mean_rejects(lifted, wide, ALPHA, difference=0.3 * 0.02))
    kept(f"sequence on the lift of {what}", mean_rejects(lifted, wide, ALPHA, ratio=1.3))


def sessions(rng: np.random.Generator, shape: tuple[int, int]) -> tuple[Array, Array]:
    """Clicks and sessions of units whose own click rate varies."""
    visits = 1.0 + rng.poisson(1.5, shape)
    return rng.poisson(visits * rng.gamma(2.0, 0.1, shape)).astype(float), visits


@pytest.mark.parametrize("share", [0.5, 0.2])
def test_ratios(share: float) -> None:
    rng = np.random.default_rng(107)
    null = as_ratios(paired(rng, looks(1_500), REPLICATIONS, sessions, 1.0, share))
    lifted = as_ratios(paired(rng, looks(1_500), SOME, sessions, 1.4, share))
    rho_squared = tuned_rho_squared(1_000, ALPHA)
    what = f"clicks per session, 1,500 units, {split(share)}"
    kept(f"sequence of equal {what}", mean_rejects(null, rho_squared, ALPHA))
    kept(f"sequence on the lift, +40 %, of {what}", mean_rejects(lifted, rho_squared, ALPHA, ratio=1.4))
    hit(f"sequence, +40 %, of {what}", mean_rejects(lifted, rho_squared, ALPHA), 0.8 if share == 0.5 else 0.45)


def correlated(rng: np.random.Generator, shape: tuple[int, int]) -> tuple[Array, Array]:
    before = rng.standard_normal(shape)
    return 0.8 * before + 0.6 * rng.standard_normal(shape), before


def test_adjusted_means() -> None:
    rng = np.random.default_rng(108)
    s = as_adjusted(paired(rng, looks(2_000), REPLICATIONS, correlated))
    kept(
        "sequence of means adjusted by a covariate, correlation 0.8",
        mean_rejects(s, tuned_rho_squared(1_000, ALPHA), ALPHA),
    )
