"""Exact tests of two shares: properties over small tables, checked against plain enumeration."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom, hypergeom

from assay.errors import InvalidInput
from assay.model.result import Interval, NoEstimate
from assay.stats.fixed.exact import (
    ConditionalOddsRatio,
    barnard_exact,
    boschloo_exact,
    conditional_odds_ratio,
    fisher_exact,
)
from assay.stats.fixed.hypergeometric import log_tails, tables_of
from assay.stats.fixed.share_pair import SharePair
from assay.stats.fixed.unconditional import largest_chance
from assay.stats.outcome import Alternative, Outcome

Test = Callable[..., Outcome]
ALTERNATIVES = tuple(Alternative)
EVERY: list[Test] = [fisher_exact, boschloo_exact, barnard_exact]
UNCONDITIONAL: list[Test] = [boschloo_exact, barnard_exact]
small = st.integers(1, 12).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
alphas = st.sampled_from([0.01, 0.05, 0.2])


def inside(interval: Interval, number: float, slack: float = 0.0) -> bool:
    above = interval.lower is None or interval.lower - slack <= number
    return above and (interval.upper is None or number <= interval.upper + slack)


@given(small, small, st.sampled_from(EVERY))
@settings(deadline=None, max_examples=60)
def test_swapping_the_arms_negates(t: tuple[int, int], c: tuple[int, int], test: Test) -> None:
    one, other = test(t, c), test(c, t)
    assert one.difference == -other.difference  # type: ignore[operator]
    if isinstance(one.log_p, float):
        assert one.log_p == pytest.approx(other.log_p, rel=1e-6, abs=1e-8)
        mirrored = test(c, t, alternative="less").log_p
        assert test(t, c, alternative="greater").log_p == pytest.approx(mirrored, rel=1e-6, abs=1e-8)
    assert isinstance(one.interval, Interval)
    assert isinstance(other.interval, Interval)
    assert one.interval.lower == pytest.approx(-other.interval.upper, abs=1e-5)  # type: ignore[operator]


@given(small, small, alphas, st.sampled_from(ALTERNATIVES), st.sampled_from([0.0, -0.15, 0.3]))
@settings(deadline=None, max_examples=60)
def test_boschloos_p_and_interval_agree(
    t: tuple[int, int], c: tuple[int, int], alpha: float, alternative: Alternative, null: float
) -> None:
    found = boschloo_exact(t, c, alpha=alpha, alternative=alternative, null=null)
    assert isinstance(found.interval, Interval)
    if isinstance(found.p_value, float) and abs(found.p_value - alpha) > 1e-6:
        assert (found.p_value < alpha) is not inside(found.interval, null)
    assert not found.warnings


@given(small, small, alphas, st.sampled_from(ALTERNATIVES), st.sampled_from([0.0, -0.15, 0.3]))
@settings(deadline=None, max_examples=40)
def test_what_lies_outside_barnards_interval_is_rejected(
    t: tuple[int, int], c: tuple[int, int], alpha: float, alternative: Alternative, null: float
) -> None:
    found = barnard_exact(t, c, alpha=alpha, alternative=alternative, null=null)
    assert isinstance(found.interval, Interval)
    if isinstance(found.p_value, float):
        if not inside(found.interval, null, 0.005):
            assert found.p_value <= alpha
        disagrees = (found.p_value <= alpha) is inside(found.interval, null)
        assert bool(found.warnings) is disagrees


@given(small, small)
@settings(deadline=None, max_examples=100)
def test_boschloo_is_never_weaker_than_fisher(t: tuple[int, int], c: tuple[int, int]) -> None:
    for alternative in (Alternative.GREATER, Alternative.LESS):
        fisher, boschloo = (test(t, c, alternative=alternative).p_value for test in (fisher_exact, boschloo_exact))
        if isinstance(fisher, float) and isinstance(boschloo, float):
            assert boschloo <= fisher * (1 + 1e-9)


@given(small, small)
@settings(deadline=None)
def test_fishers_one_sided_p_values_overlap_in_the_table_seen(t: tuple[int, int], c: tuple[int, int]) -> None:
    above, below = (fisher_exact(t, c, alternative=item).p_value for item in ("greater", "less"))
    if isinstance(above, float) and isinstance(below, float):
        seen = hypergeom.pmf(t[0], t[1] + c[1], t[0] + c[0], t[1])
        assert above + below == pytest.approx(1 + seen, rel=1e-9)


@given(small, small, alphas, st.sampled_from(ALTERNATIVES))
@settings(deadline=None)
def test_the_conditional_odds_ratio_agrees_with_its_p_value(
    t: tuple[int, int], c: tuple[int, int], alpha: float, alternative: Alternative
) -> None:
    found = conditional_odds_ratio(t, c, alpha=alpha, alternative=alternative)
    if isinstance(found, NoEstimate):
        assert t[0] + c[0] in (0, t[1] + c[1])
        return
    assert isinstance(found.interval, Interval)
    assert isinstance(found.p_value, float)
    if abs(found.p_value - alpha) > 1e-7:
        assert (found.p_value < alpha) is not inside(found.interval, 1.0)
    if alternative is not Alternative.TWO_SIDED:
        assert found.p_value == pytest.approx(fisher_exact(t, c, alternative=alternative).p_value, rel=1e-9)
    if isinstance(found.odds_ratio, float):
        assert inside(found.interval, found.odds_ratio, 1e-9)


@pytest.mark.parametrize("test", UNCONDITIONAL)
@pytest.mark.parametrize(("n_t", "n_c"), [(5, 5), (3, 7)])
def test_the_true_error_is_at_most_alpha(test: Test, n_t: int, n_c: int) -> None:
    """By enumeration of every table and of the differences the intervals leave out."""
    found = {(i, j): test((i, n_t), (j, n_c), alpha=0.1) for i in range(n_t + 1) for j in range(n_c + 1)}
    rejected = np.zeros((n_t + 1, n_c + 1))
    for (i, j), item in found.items():
        rejected[i, j] = isinstance(item.p_value, float) and item.p_value <= 0.1
    assert rejected.any()
    for p in np.linspace(0.005, 0.995, 100):
        chance = binom.pmf(np.arange(n_t + 1), n_t, p) @ rejected @ binom.pmf(np.arange(n_c + 1), n_c, p)
        assert chance <= 0.1 + 1e-9
    for truth in (-0.35, 0.0, 0.2):
        missed = np.zeros_like(rejected)
        for (i, j), item in found.items():
            assert isinstance(item.interval, Interval)
            missed[i, j] = not inside(item.interval, truth, 1e-6)
        for p in np.linspace(max(0, -truth), min(1, 1 - truth), 60):
            of_t = binom.pmf(np.arange(n_t + 1), n_t, p + truth)
            assert of_t @ missed @ binom.pmf(np.arange(n_c + 1), n_c, p) <= 0.1 + 1e-6


def test_the_largest_chance_is_that_of_a_dense_grid() -> None:
    rng = np.random.default_rng(4)
    for _ in range(30):
        n_t, n_c, delta = int(rng.integers(2, 14)), int(rng.integers(2, 14)), float(rng.uniform(-0.7, 0.7))
        tables = (rng.random((n_t + 1, n_c + 1)) < 0.4).astype(float)
        grid = np.linspace(max(0, -delta), min(1, 1 - delta), 4001)
        of_t = binom.pmf(np.arange(n_t + 1), n_t, np.clip(grid + delta, 0, 1)[:, None])
        of_c = binom.pmf(np.arange(n_c + 1), n_c, grid[:, None])
        dense = np.einsum("gi,ij,gj->g", of_t, tables, of_c).max()
        found = largest_chance(tables, delta)
        assert dense - 1e-12 <= found <= dense + 1e-4


def test_an_arm_where_all_converted_and_one_where_none_did() -> None:
    for test in EVERY:
        found = test((10, 10), (0, 20))
        assert found.difference == 1.0
        assert found.significant()
        assert isinstance(found.interval, Interval)
        assert found.interval.upper == 1.0
    odds = conditional_odds_ratio((10, 10), (0, 20))
    assert isinstance(odds, ConditionalOddsRatio)
    assert isinstance(odds.odds_ratio, NoEstimate)
    assert odds.odds_ratio.no_estimate == "infinite_odds_ratio"
    assert fisher_exact((10, 10), (0, 20)).statistic is None


@pytest.mark.parametrize("test", EVERY)
def test_what_cannot_be_computed_says_why(test: Test) -> None:
    for t, c, code in (
        ((0, 0), (1, 2), "empty_arm"),
        ((0, 5), (0, 9), "zero_variance"),
        ((5, 5), (9, 9), "zero_variance"),
    ):
        found = test(t, c)
        assert isinstance(found.p_value, NoEstimate)
        assert found.p_value.no_estimate == code
        assert not found.significant()
    assert isinstance(test((0, 5), (0, 9)).interval, Interval)


def test_too_many_units_say_what_to_use_instead() -> None:
    for test in UNCONDITIONAL:
        for t, c in (((20, 200), (30, 200)), ((0, 1), (1, 1_001))):
            found = test(t, c)
            assert isinstance(found.p_value, NoEstimate)
            assert found.p_value.no_estimate == "too_many_units"
            assert "miettinen_nurminen" in found.p_value.reason
        assert isinstance(test((1, 3), (5, 900)).p_value, float)
    far = fisher_exact((2_000_000, 5_000_000), (2_000_000, 5_000_000)).p_value
    assert isinstance(far, NoEstimate)
    assert far.no_estimate == "too_many_units"
    assert isinstance(fisher_exact((40, 5_000_000), (60, 5_000_000)).p_value, float)


def test_far_tails_have_a_logarithm_where_a_float_ends() -> None:
    found = fisher_exact((3_000, 4_000), (300, 4_000))
    assert found.p_value == pytest.approx(2.2250738585072014e-308)
    assert isinstance(found.log_p, float)
    assert found.log_p < -1_500
    tables = tables_of(SharePair(3_000, 4_000, 300, 4_000))
    assert not isinstance(tables, NoEstimate)
    assert math.exp(log_tails(tables)[0]) == pytest.approx(1.0)
    assert sum(np.exp(tables.log_weights)) == pytest.approx(1.0)


def test_where_fisher_and_the_score_interval_disagree_a_warning_says_so() -> None:
    found = fisher_exact((7, 15), (12, 15), alternative="less")
    assert found.p_value == pytest.approx(0.0641, abs=1e-4)
    assert isinstance(found.interval, Interval)
    assert found.interval.upper < 0  # type: ignore[operator]
    assert "go by the p-value" in found.warnings[0]
    assert not fisher_exact((7, 15), (8, 15)).warnings


@pytest.mark.parametrize(
    ("call", "field"),
    [
        (lambda: fisher_exact((3, 2), (1, 5)), "treatment"),
        (lambda: boschloo_exact((1, 2), (1, 2), null=1.0), "null"),
        (lambda: barnard_exact((1, 2), (1, 2), alpha=1.2), "alpha"),
        (lambda: barnard_exact((1, 2), (1, 2), alternative="up"), "alternative"),
        (lambda: conditional_odds_ratio((1, 2), "no"), "control"),
    ],
)
def test_wrong_arguments_are_named(call: Callable[[], object], field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        call()
    assert caught.value.field == field
