"""Rank tests, the largest gap and several means: what must hold whatever the data, and what they refuse."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.errors import InvalidInput
from assay.model.moments import VALUE, Moments
from assay.model.result import Interval, NoEstimate
from assay.model.valuecounts import ValueCounts
from assay.stats.fixed.anova import anova, welch_anova
from assay.stats.fixed.core import student_t, welch_t
from assay.stats.fixed.ks import kolmogorov_smirnov
from assay.stats.fixed.rank import brunner_munzel, mann_whitney
from assay.stats.fixed.shift import hodges_lehmann
from assay.stats.outcome import Alternative, Outcome

ALTERNATIVES = tuple(Alternative)
RANK_TESTS = (mann_whitney, brunner_munzel, hodges_lehmann)
measured = st.lists(st.integers(-1000, 1000), min_size=1, max_size=25, unique=True)
tied = st.lists(st.integers(0, 4), min_size=2, max_size=30)
either = st.one_of(measured, tied)
alphas = st.floats(0.005, 0.3)


def leaves_out(interval: Interval | NoEstimate, number: float) -> bool:
    assert isinstance(interval, Interval)
    below = interval.lower is not None and number < interval.lower
    return below or (interval.upper is not None and number > interval.upper)


@given(either, either, alphas, st.sampled_from(ALTERNATIVES), st.sampled_from([mann_whitney, brunner_munzel]))
def test_p_and_interval_agree(t: list[int], c: list[int], alpha: float, side: Alternative, test: object) -> None:
    outcome: Outcome = test(t, c, alpha=alpha, alternative=side)  # type: ignore[operator]
    if isinstance(outcome.p_value, NoEstimate) or abs(outcome.p_value - alpha) < 1e-9:
        return
    assert (outcome.p_value < alpha) is leaves_out(outcome.interval, 0.0)
    if isinstance(outcome.relative_interval, Interval):
        assert (outcome.p_value < alpha) is leaves_out(outcome.relative_interval, 0.0)


@given(measured, measured, alphas, st.sampled_from(ALTERNATIVES), st.integers(-900, 900))
def test_a_shift_agrees_with_its_exact_interval(
    t: list[int], c: list[int], alpha: float, side: Alternative, null: int
) -> None:
    """Half a unit keeps the tested shift from being one of the differences, where wins would be tied."""
    outcome = hodges_lehmann(t, c, alpha=alpha, alternative=side, null=null + 0.5)
    if isinstance(outcome.p_value, NoEstimate) or abs(outcome.p_value - alpha) < 1e-9:
        return
    assert (outcome.p_value < alpha) is leaves_out(outcome.interval, null + 0.5)


@given(either, either)
def test_swapping_the_arms(t: list[int], c: list[int]) -> None:
    for test in RANK_TESTS:
        one, other = test(t, c), test(c, t)
        if isinstance(one.p_value, NoEstimate):
            assert isinstance(other.p_value, NoEstimate)
            continue
        assert one.difference == pytest.approx(-other.difference, abs=1e-12)  # type: ignore[operator]
        assert one.p_value == pytest.approx(other.p_value, rel=1e-9)
        assert test(t, c, alternative="greater").p_value == pytest.approx(test(c, t, alternative="less").p_value)
        assert isinstance(one.interval, Interval)
        assert isinstance(other.interval, Interval)
        if one.interval.lower is not None and other.interval.upper is not None:
            assert one.interval.lower == pytest.approx(-other.interval.upper, abs=1e-9)
    gaps = kolmogorov_smirnov(t, c), kolmogorov_smirnov(c, t)
    assert gaps[0].difference == gaps[1].difference
    if isinstance(gaps[0].log_p, float):
        assert gaps[0].log_p == pytest.approx(gaps[1].log_p, abs=1e-9)


@given(either, either)
def test_only_order_matters(t: list[int], c: list[int]) -> None:
    """Any increasing change of scale leaves ranks, and all that is made of them, as they are."""
    bent_t, bent_c = [np.arctan(x / 500) for x in t], [np.arctan(x / 500) for x in c]
    for test in (mann_whitney, brunner_munzel, kolmogorov_smirnov):
        assert test(t, c) == test(bent_t, bent_c)


@given(either, either, st.sampled_from([mann_whitney, brunner_munzel, hodges_lehmann, kolmogorov_smirnov]))
def test_intervals_nest_and_hold_the_estimate(t: list[int], c: list[int], test: object) -> None:
    wide, narrow = (test(t, c, alpha=alpha) for alpha in (0.01, 0.2))  # type: ignore[operator]
    if not isinstance(wide.interval, Interval) or not isinstance(narrow.interval, Interval):
        return
    for bound in (narrow.interval.lower, narrow.interval.upper, wide.difference):
        assert bound is None or not leaves_out(wide.interval, bound)
    assert narrow.interval.lower is not None or wide.interval.lower is None


@given(
    st.lists(st.integers(0, 3), min_size=1, max_size=5),
    st.lists(st.integers(0, 3), min_size=1, max_size=5),
    st.sampled_from(ALTERNATIVES),
)
@settings(max_examples=60)
def test_the_gap_against_every_arrangement(t: list[int], c: list[int], side: Alternative) -> None:
    """With ties and without: the p-value is the share of arrangements with at least this gap."""
    both = t + c
    if len(set(both)) < 2:
        return

    def gap(chosen: tuple[int, ...]) -> int:
        rest = [i for i in range(len(both)) if i not in chosen]
        signed = [
            sum(both[i] <= v for i in rest) * len(t) - sum(both[i] <= v for i in chosen) * len(c) for v in set(both)
        ]
        if side is Alternative.TWO_SIDED:
            return max(map(abs, signed))
        return max(0, *(signed if side is Alternative.GREATER else [-s for s in signed]))

    seen = gap(tuple(range(len(t))))
    every = [gap(chosen) >= seen for chosen in itertools.combinations(range(len(both)), len(t))]
    assert kolmogorov_smirnov(t, c, alternative=side).p_value == pytest.approx(sum(every) / len(every))


@given(st.lists(st.lists(st.integers(-50, 50), min_size=2, max_size=12), min_size=2, max_size=2))
def test_two_means_are_a_squared_t(groups: list[list[int]]) -> None:
    t, c = groups
    for several, two in ((anova, student_t), (welch_anova, welch_t)):
        f, single = several({"a": t, "b": c}), two(t, c)
        if isinstance(f.statistic, float) and single.statistic is not None:
            assert f.statistic == pytest.approx(single.statistic**2, rel=1e-9, abs=1e-12)
            assert f.p_value == pytest.approx(single.p_value, rel=1e-9)


@given(st.lists(st.lists(st.integers(-50, 50), min_size=2, max_size=9), min_size=2, max_size=5), st.integers(1, 9))
def test_several_means_do_not_mind_order_scale_or_origin(groups: list[list[int]], scale: int) -> None:
    named = {f"v{i}": group for i, group in enumerate(groups)}
    moved = {name: [1e8 + scale * x for x in named[name]] for name in reversed(named)}
    for test in (anova, welch_anova):
        one, other = test(named), test(moved)
        if isinstance(one.statistic, float):
            assert isinstance(other.statistic, float)
            assert other.statistic == pytest.approx(one.statistic, rel=1e-6, abs=1e-9)
            assert other.omega_squared == pytest.approx(one.omega_squared, rel=1e-6, abs=1e-9)
        else:
            assert isinstance(other.statistic, NoEstimate)


def test_moments_and_units_give_the_same() -> None:
    rng = np.random.default_rng(12)
    groups = {name: rng.normal(shift, 2, 40) for name, shift in (("a", 0.0), ("b", 1.0), ("c", 0.3))}
    from_moments = {name: Moments.of((VALUE,), [(x,) for x in values]) for name, values in groups.items()}
    for test in (anova, welch_anova):
        assert test(groups).p_value == pytest.approx(test(from_moments).p_value, rel=1e-10)


def test_value_counts_are_units() -> None:
    rng = np.random.default_rng(13)
    t, c = rng.poisson(3, 200).astype(float), rng.poisson(2, 300).astype(float)
    for test in (mann_whitney, brunner_munzel, hodges_lehmann, kolmogorov_smirnov):
        assert test(ValueCounts.of(t), ValueCounts.of(c)) == test(t, c)


def test_a_billion_units_and_far_tails() -> None:
    t = ValueCounts((0.0, 1.0, 2.0), (600_000_000, 300_000_000, 100_000_000))
    c = ValueCounts((0.0, 1.0, 2.0), (700_000_000, 250_000_000, 50_000_000))
    for test in (mann_whitney, brunner_munzel, kolmogorov_smirnov):
        outcome = test(t, c)
        assert outcome.p_value == 2.2250738585072014e-308
        assert isinstance(outcome.log_p, float)
        assert -1e9 < outcome.log_p < -1e6
    apart = kolmogorov_smirnov(np.arange(900.0), 1000 + np.arange(900.0))
    assert apart.log_p == pytest.approx(math.log(2) - math.lgamma(1801) + 2 * math.lgamma(901), rel=1e-10)
    assert anova({"a": [0.0, 1e-3] * 5000, "b": [5.0, 5.001] * 5000}).log_p == pytest.approx(-170_000, rel=0.2)


def test_nothing_is_lost_beside_a_million_million() -> None:
    """Quarters are exact in a float there, means of three units are not."""
    groups = {"a": [0.25, 0.5, 0.75], "b": [0.5, 1.0, 1.25], "c": [0.25, 0.25, 1.0]}
    far = {name: [2.0**42 + x for x in values] for name, values in groups.items()}
    for test in (anova, welch_anova):
        assert test(far).statistic == pytest.approx(test(groups).statistic, rel=1e-12)


def test_the_first_count_of_wins_that_is_rejected() -> None:
    """Five against five: 23 of 25 wins is the first with p below 5 %, and clearly so for the interval."""
    c = [2.0, 4.0, 6.0, 8.0, 10.0]
    inside, beyond = mann_whitney([5.0, 9.0, 11.0, 12.0, 13.0], c), mann_whitney([7.0, 9.0, 11.0, 12.0, 13.0], c)
    assert (inside.statistic, beyond.statistic) == (21.0, 22.0)
    beyond = mann_whitney([9.0, 9.5, 11.0, 12.0, 13.0], c)
    assert beyond.statistic == 23.0
    assert beyond.p_value == pytest.approx(2 * 4 / math.comb(10, 5))
    assert isinstance(beyond.interval, Interval)
    assert isinstance(inside.interval, Interval)
    assert beyond.interval.lower is not None
    assert beyond.interval.lower > 0.005
    assert leaves_out(mann_whitney([7.0, 9.0, 11.0, 12.0, 13.0], c).interval, 0.0) is False


def test_the_limit_has_both_sides_in_the_far_tail() -> None:
    from scipy.special import kolmogorov

    t, c = np.arange(3000.0), np.arange(3000.0) + 480
    outcome = kolmogorov_smirnov(t, c)
    z = outcome.statistic * math.sqrt(1500)  # type: ignore[operator]
    assert z > 5
    assert outcome.p_value == pytest.approx(float(kolmogorov(z)), rel=1e-9, abs=0)


def test_unequal_spreads_are_warned_of_and_equal_ones_are_not() -> None:
    rng = np.random.default_rng(14)
    assert any("shape" in item for item in mann_whitney(rng.normal(0, 10, 50), rng.normal(0, 1, 150)).warnings)
    assert mann_whitney(rng.normal(0.5, 1, 200), rng.normal(0, 1, 300)).warnings == ()
    assert any("welch" in item for item in anova({"a": rng.normal(0, 9, 20), "b": rng.normal(0, 1, 90)}).warnings)


NOTHING = (
    (mann_whitney([], [1.0]), "empty_arm"),
    (mann_whitney([2.0, 2.0], [2.0]), "zero_variance"),
    (brunner_munzel([1.0], [1.0, 2.0]), "one_unit"),
    (brunner_munzel([5.0, 6.0], [1.0, 2.0]), "complete_separation"),
    (brunner_munzel([2.0, 2.0], [2.0, 2.0]), "zero_variance"),
    (hodges_lehmann([1.0, 1.0], [0.0]), "zero_variance"),
    (hodges_lehmann([1.0], []), "empty_arm"),
    (kolmogorov_smirnov([], []), "empty_arm"),
    (kolmogorov_smirnov([1.0, 1.0], [1.0]), "zero_variance"),
    (anova({"a": [1.0], "b": [2.0]}), "one_unit"),
    (anova({"a": [1.0, 2.0], "b": []}), "empty_arm"),
    (anova({"a": [1e8, 1e8], "b": [3.0, 3.0]}), "zero_variance"),
    (welch_anova({"a": [1.0], "b": [2.0, 3.0]}), "one_unit"),
    (welch_anova({"a": [1.0, 1.0], "b": [2.0, 3.0]}), "zero_variance"),
    (anova({"a": Moments(3, (VALUE,), (math.nan,), (1.0,)), "b": [1.0, 2.0]}), "bad_moments"),
)


@pytest.mark.parametrize(("outcome", "code"), NOTHING)
def test_what_cannot_be_computed_says_why(outcome: Outcome, code: str) -> None:
    for number in (outcome.p_value, outcome.log_p):
        assert isinstance(number, NoEstimate)
        assert number.no_estimate == code
    assert not outcome.significant()


def test_one_unit_each_has_an_exact_p() -> None:
    assert mann_whitney([2.0], [1.0]).p_value == pytest.approx(1.0)
    assert mann_whitney([2.0], [1.0], alternative="greater").p_value == pytest.approx(0.5)
    assert kolmogorov_smirnov([2.0], [1.0]).p_value == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("call", "field"),
    [
        (lambda: mann_whitney([1.0], [2.0], alpha=0), "alpha"),
        (lambda: mann_whitney([1.0, 1.0], [2.0], exact=True), "exact"),
        (lambda: mann_whitney(ValueCounts((2.0, 1.0), (1, 1)), [2.0]), "treatment"),
        (lambda: mann_whitney([1.0], ValueCounts((1.0,), (-1,))), "control"),
        (lambda: brunner_munzel([1.0, 2.0], [2.0, 3.0], null=0.7), "null"),
        (lambda: kolmogorov_smirnov(np.arange(1500.0), np.arange(1500.0), exact=True), "exact"),
        (lambda: kolmogorov_smirnov([1.0], [2.0], alternative="up"), "alternative"),
        (lambda: anova({"a": [1.0]}), "variants"),
        (lambda: anova({"a": [1.0], "b": [math.inf]}), "b"),
    ],
)
def test_wrong_arguments_are_named(call: object, field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        call()  # type: ignore[operator]
    assert caught.value.field == field
