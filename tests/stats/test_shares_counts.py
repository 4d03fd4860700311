"""Rates of events: properties of the Poisson and negative binomial tests, edges and refusals."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import gammaln

from assay.errors import InvalidInput
from assay.model.moments import VALUE, Moments
from assay.model.result import Interval, NoEstimate
from assay.model.valuecounts import ValueCounts
from assay.stats.fixed.counts import Rate, poisson_test
from assay.stats.fixed.dispersion import CountedUnits, counted_units, overdispersion
from assay.stats.fixed.overdispersed import likeliest_dispersion, negative_binomial_test
from assay.stats.inputs import array_moments
from assay.stats.outcome import Alternative

ALTERNATIVES = tuple(Alternative)
rates = st.tuples(st.one_of(st.integers(0, 40), st.integers(0, 100_000)), st.floats(0.01, 1e6))
counts = st.lists(st.integers(0, 30), min_size=3, max_size=40)
alphas = st.floats(0.001, 0.4)
methods = st.sampled_from(["exact", "score"])
dispersions = st.sampled_from(["moments", "likelihood"])


def inside(interval: Interval, number: float, slack: float = 0.0) -> bool:
    above = interval.lower is None or interval.lower - slack <= number
    return above and (interval.upper is None or number <= interval.upper + slack)


def agrees(p: object, interval: object, null: float, alpha: float) -> bool:
    """p below alpha exactly when the null is outside the interval; either may round at the edge."""
    if not (isinstance(p, float) and isinstance(interval, Interval)):
        return True
    return abs(p - alpha) < 1e-7 or (p < alpha) is not inside(interval, null)


@given(rates, rates, alphas, st.sampled_from(ALTERNATIVES), methods, st.floats(-0.9, 5))
@settings(max_examples=300, deadline=None)
def test_p_and_the_relative_interval_agree(
    t: tuple[int, float], c: tuple[int, float], alpha: float, alternative: Alternative, method: str, null: float
) -> None:
    found = poisson_test(t, c, alpha=alpha, alternative=alternative, method=method, null=null)
    assert agrees(found.p_value, found.relative_interval, null, alpha)


@given(rates, rates, alphas, st.sampled_from(ALTERNATIVES))
@settings(max_examples=300, deadline=None)
def test_the_score_of_no_difference_agrees_with_the_difference(
    t: tuple[int, float], c: tuple[int, float], alpha: float, alternative: Alternative
) -> None:
    found = poisson_test(t, c, alpha=alpha, alternative=alternative, method="score")
    assert isinstance(found.interval, Interval)
    assert agrees(found.p_value, found.interval, 0.0, alpha)


@given(rates, rates, methods)
@settings(deadline=None)
def test_swapping_the_arms_negates(t: tuple[int, float], c: tuple[int, float], method: str) -> None:
    one, other = poisson_test(t, c, method=method), poisson_test(c, t, method=method)
    assert one.difference == -other.difference  # type: ignore[operator]
    if isinstance(one.log_p, float):
        assert one.log_p == pytest.approx(other.log_p, rel=1e-6, abs=1e-9)
    assert isinstance(one.interval, Interval)
    assert isinstance(other.interval, Interval)
    scale = max(1 / t[1], 1 / c[1])
    assert one.interval.lower == pytest.approx(-other.interval.upper, rel=1e-6, abs=1e-7 * scale)  # type: ignore[operator]


@given(rates, rates, methods, st.floats(0.001, 1000))
@settings(deadline=None)
def test_the_unit_of_exposure_scales_the_difference_only(
    t: tuple[int, float], c: tuple[int, float], method: str, factor: float
) -> None:
    one = poisson_test(t, c, method=method)
    other = poisson_test((t[0], t[1] * factor), (c[0], c[1] * factor), method=method)
    assert other.difference == pytest.approx(one.difference / factor, rel=1e-9, abs=1e-12)  # type: ignore[operator]
    if isinstance(one.log_p, float):
        assert other.log_p == pytest.approx(one.log_p, rel=1e-6, abs=1e-9)
    assert isinstance(one.interval, Interval)
    assert isinstance(other.interval, Interval)
    width = one.interval.upper - one.interval.lower  # type: ignore[operator]
    assert other.interval.lower * factor == pytest.approx(one.interval.lower, abs=1e-6 * width)  # type: ignore[operator]


@given(rates, rates, methods, st.sampled_from(ALTERNATIVES))
@settings(deadline=None)
def test_intervals_nest(t: tuple[int, float], c: tuple[int, float], method: str, alternative: Alternative) -> None:
    wide, narrow = (poisson_test(t, c, alpha=alpha, method=method, alternative=alternative) for alpha in (0.01, 0.2))
    for outer, inner in ((wide.interval, narrow.interval), (wide.relative_interval, narrow.relative_interval)):
        if isinstance(outer, Interval) and isinstance(inner, Interval):
            for bound in (inner.lower, inner.upper):
                assert bound is None or inside(outer, bound, 1e-9 * (1 + abs(bound)))


@given(counts, counts)
@settings(deadline=None)
def test_units_value_counts_moments_and_rates_say_the_same(t: list[int], c: list[int]) -> None:
    plain = poisson_test((sum(t), len(t)), (sum(c), len(c)))
    ways = [
        (t, c),
        (ValueCounts.of(t), ValueCounts.of(c)),
        (array_moments((VALUE,), (np.array(t, float),)), array_moments((VALUE,), (np.array(c, float),))),
        (Rate(sum(t), float(len(t))), c),
    ]
    for a, b in ways:
        found = poisson_test(a, b)
        assert found.p_value == plain.p_value
        assert found.interval == plain.interval
    one, other = (negative_binomial_test(a, b) for a, b in (ways[0], ways[2]))
    if isinstance(one.log_p, float):
        assert one.log_p == pytest.approx(other.log_p, rel=1e-6, abs=1e-9)


@given(counts, counts, alphas, st.sampled_from(ALTERNATIVES), st.floats(-0.5, 2), dispersions)
@settings(deadline=None)
def test_negative_binomial_p_and_relative_interval_agree(
    t: list[int], c: list[int], alpha: float, alternative: Alternative, null: float, dispersion: str
) -> None:
    found = negative_binomial_test(t, c, alpha=alpha, alternative=alternative, null=null, dispersion=dispersion)
    assert agrees(found.p_value, found.relative_interval, null, alpha)
    if isinstance(found.p_value, float):
        turned = negative_binomial_test(c, t, null=0.0, dispersion=dispersion)
        there = negative_binomial_test(t, c, null=0.0, dispersion=dispersion)
        assert turned.statistic == pytest.approx(-there.statistic, rel=1e-6, abs=1e-9)  # type: ignore[operator]


@given(counts, counts)
@settings(deadline=None)
def test_the_likeliest_dispersion_is_likelier_than_its_neighbours(t: list[int], c: list[int]) -> None:
    arms = [counted_units(t, "t"), counted_units(c, "c")]
    if any(not isinstance(arm, CountedUnits) or arm.mean == 0 for arm in arms):
        return
    k = likeliest_dispersion(*arms)  # type: ignore[arg-type]

    def likelihood(k: float) -> float:
        total = 0.0
        for y in (np.array(t, float), np.array(c, float)):
            m, theta = y.mean(), 1 / k
            total += float((gammaln(y + theta) - gammaln(theta) - (y + theta) * np.log1p(m / theta)).sum())
            total += float((y * np.log(m / theta)).sum())
        return total

    if k > 1e-4:
        for other in (k * 0.9, k * 1.1, 10 * k, k / 10):
            assert likelihood(other) <= likelihood(k) + 1e-7
    else:
        assert likelihood(0.02) <= likelihood(0.01) + 1e-7 or k > 0


def test_no_exposure_no_event_and_no_unit() -> None:
    for found, code in (
        (poisson_test((0, 0), (3, 10)), "empty_arm"),
        (poisson_test([], [1, 2]), "empty_arm"),
        (poisson_test((0, 5), (0, 9)), "zero_variance"),
        (negative_binomial_test([], [1, 2]), "empty_arm"),
        (negative_binomial_test([3], [1, 2]), "one_unit"),
        (negative_binomial_test([1, 2], [0, 0]), "zero_control"),
        (negative_binomial_test([0, 0], [1, 2]), "no_events"),
        (negative_binomial_test(Moments(3, (VALUE,), (math.nan,), (1.0,)), [1, 2]), "bad_moments"),
    ):
        assert isinstance(found.p_value, NoEstimate)
        assert found.p_value.no_estimate == code
        assert not found.significant()
    none = poisson_test((0, 5), (0, 9))
    assert isinstance(none.interval, Interval)
    assert none.interval.lower < 0 < none.interval.upper  # type: ignore[operator]
    assert negative_binomial_test([0, 0], [1, 2]).difference == -1.5


def test_an_arm_without_events_bounds_the_lift_on_one_side() -> None:
    for method in ("exact", "score"):
        above, below = poisson_test((9, 10), (0, 12), method=method), poisson_test((0, 12), (9, 10), method=method)
        assert isinstance(above.relative_interval, Interval)
        assert isinstance(below.relative_interval, Interval)
        assert above.relative_interval.upper is None
        assert above.relative_interval.lower > 0  # type: ignore[operator]
        assert below.relative_interval.lower == -1
        assert below.relative_interval.upper < 0  # type: ignore[operator]
        assert isinstance(above.relative, NoEstimate)
        assert isinstance(
            poisson_test((9, 10), (0, 12), method=method, alternative="less").relative_interval, NoEstimate
        )


def test_overdispersed_units_are_warned_of_and_poisson_ones_are_not() -> None:
    rng = np.random.default_rng(8)
    wild, tame = rng.negative_binomial(0.5, 0.2, 400), rng.poisson(2.0, 400)
    assert "negative_binomial_test" in poisson_test(wild, rng.permutation(wild)).warnings[0]
    assert not poisson_test(tame, rng.poisson(2.2, 300)).warnings
    assert not poisson_test((800, 400), (700, 400)).warnings
    index = overdispersion(wild)
    assert isinstance(index.index, float)
    assert index.index == pytest.approx(wild.var(ddof=1) / wild.mean())
    assert index.p_value < 1e-9  # type: ignore[operator]


def test_dispersion_of_no_events_one_unit_and_few_events() -> None:
    for units, code in (([], "empty_arm"), ([4], "one_unit"), ([0, 0, 0], "few_events")):
        found = overdispersion(units)
        assert isinstance(found.p_value, NoEstimate)
        assert found.p_value.no_estimate == code
    assert "below 10" in overdispersion([0, 0, 3, 0]).warnings[0]
    alike = overdispersion([2] * 50)
    assert alike.index == 0
    assert alike.p_value == pytest.approx(1.0)
    assert overdispersion(ValueCounts.of([0, 1, 5, 9])) == overdispersion([0, 1, 5, 9])


def test_far_tails_have_a_logarithm_where_a_float_ends() -> None:
    for method in ("exact", "score"):
        found = poisson_test((9_000, 10), (1_000, 10), method=method)
        assert found.p_value == pytest.approx(2.2250738585072014e-308)
        assert isinstance(found.log_p, float)
        assert -4_000 < found.log_p < -2_000


def test_cautions_of_the_negative_binomial() -> None:
    assert any("independent events" in text for text in negative_binomial_test([0, 9, 1], [2, 0, 5]).warnings)
    assert any("dispersion is 0" in text for text in negative_binomial_test([2] * 50, [3] * 50).warnings)
    rng = np.random.default_rng(9)
    assert not negative_binomial_test(rng.negative_binomial(1, 0.3, 300), rng.negative_binomial(1, 0.3, 300)).warnings


@pytest.mark.parametrize(
    ("call", "field"),
    [
        (lambda: poisson_test((1.5, 2), (1, 2)), "treatment"),
        (lambda: poisson_test((1, 2), (1, -2)), "control"),
        (lambda: poisson_test((1, 2), (3, 0)), "control"),
        (lambda: poisson_test((1, 2), (1, math.inf)), "control"),
        (lambda: poisson_test([1, 2.5, 0], [1, 2]), "treatment"),
        (lambda: poisson_test([1, -2, 0], [1, 2]), "treatment"),
        (lambda: poisson_test((1, 2), Moments(4, (VALUE,), (0.3,), (1.0,))), "control"),
        (lambda: poisson_test((1, 2), Moments(4, (VALUE,), (-1.0,), (1.0,))), "control"),
        (lambda: poisson_test((1, 2), (1, 2), method="e"), "method"),
        (lambda: poisson_test((1, 2), (1, 2), null=-1), "null"),
        (lambda: negative_binomial_test([1, 2], [1, 2], dispersion="guess"), "dispersion"),
        (
            lambda: negative_binomial_test(Moments(9, (VALUE,), (2.0,), (90.0,)), [1, 2], dispersion="likelihood"),
            "treatment",
        ),
        (lambda: negative_binomial_test([1, 2], [1, 2], alpha=0), "alpha"),
    ],
)
def test_wrong_arguments_are_named(call: Callable[[], object], field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        call()
    assert caught.value.field == field
