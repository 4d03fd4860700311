"""The everyday tests: what must hold whatever the data, and what they say where nothing can be computed."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.errors import InvalidInput
from assay.model.moments import COVARIATE, DENOMINATOR, VALUE, Moments
from assay.model.result import Interval, NoEstimate
from assay.stats.fixed.core import cuped_t, ratio_t, student_t, two_proportion_z, welch_t
from assay.stats.inputs import array_moments
from assay.stats.outcome import Alternative, Outcome

ALTERNATIVES = tuple(Alternative)
shares = st.integers(1, 10_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
values = st.lists(st.floats(-1e6, 1e6, allow_subnormal=False), min_size=2, max_size=30)
alphas = st.floats(0.001, 0.4)

Test = Callable[..., Outcome]


def inside(interval: Interval, number: float, slack: float = 0.0) -> bool:
    above = interval.lower is None or interval.lower - slack <= number
    return above and (interval.upper is None or number <= interval.upper + slack)


def agrees(outcome: Outcome, alpha: float) -> bool:
    """p below alpha exactly when the null is outside the interval; either may round at the edge."""
    if not (isinstance(outcome.p_value, float) and isinstance(outcome.interval, Interval)):
        return True
    near = abs(outcome.p_value - alpha) < 1e-6
    return near or (outcome.p_value < alpha) is not inside(outcome.interval, outcome.null)


@given(shares, shares, alphas, st.sampled_from(ALTERNATIVES), st.floats(-0.2, 0.2))
def test_unpooled_shares_agree_with_their_interval(
    t: tuple[int, int], c: tuple[int, int], alpha: float, alternative: Alternative, null: float
) -> None:
    outcome = two_proportion_z(t, c, alpha=alpha, alternative=alternative, null=null, pooled=False)
    assert agrees(outcome, alpha)
    if isinstance(outcome.log_p, float) and isinstance(outcome.p_value, float):
        assert outcome.log_p <= 0
        assert math.exp(outcome.log_p) == pytest.approx(outcome.p_value, rel=1e-9, abs=1e-300)


@given(
    values, values, alphas, st.sampled_from(ALTERNATIVES), st.floats(-1e3, 1e3), st.sampled_from([welch_t, student_t])
)
def test_means_agree_with_their_interval(
    t: list[float], c: list[float], alpha: float, alternative: Alternative, null: float, test: Test
) -> None:
    assert agrees(test(t, c, alpha=alpha, alternative=alternative, null=null), alpha)


@given(values, values, st.sampled_from([welch_t, student_t]))
def test_swapping_the_arms_negates(t: list[float], c: list[float], test: Test) -> None:
    one, other = test(t, c), test(c, t)
    assert one.difference == -other.difference  # type: ignore[operator]
    assert one.p_value == other.p_value
    if isinstance(one.interval, Interval) and isinstance(other.interval, Interval):
        assert one.interval.lower == -other.interval.upper  # type: ignore[operator]
    swapped = test(c, t, alternative="less").p_value
    assert test(t, c, alternative="greater").p_value == swapped


@given(shares, shares)
def test_swapping_shares_negates(t: tuple[int, int], c: tuple[int, int]) -> None:
    one, other = two_proportion_z(t, c), two_proportion_z(c, t)
    assert one.difference == -other.difference  # type: ignore[operator]
    assert one.p_value == other.p_value


@given(values, values, st.floats(0.01, 100), st.floats(-1e3, 1e3))
def test_scale_scales_and_a_shift_leaves_the_difference(
    t: list[float], c: list[float], scale: float, shift: float
) -> None:
    plain = welch_t(t, c)
    if not isinstance(plain.p_value, float) or not isinstance(plain.interval, Interval):
        return
    scaled = welch_t([scale * x for x in t], [scale * x for x in c])
    moved = welch_t([x + shift for x in t], [x + shift for x in c])
    width = plain.interval.upper - plain.interval.lower  # type: ignore[operator]
    if width < 1e-3:
        return
    assert scaled.difference == pytest.approx(scale * plain.difference, rel=1e-6, abs=1e-6 * scale * width)
    assert scaled.p_value == pytest.approx(plain.p_value, rel=1e-5, abs=1e-9)
    assert moved.difference == pytest.approx(plain.difference, abs=1e-6 * max(1.0, width))


@given(values, values, st.sampled_from(ALTERNATIVES))
def test_intervals_nest(t: list[float], c: list[float], alternative: Alternative) -> None:
    wide, narrow = (welch_t(t, c, alpha=alpha, alternative=alternative) for alpha in (0.01, 0.1))
    for outer, inner in ((wide.interval, narrow.interval), (wide.relative_interval, narrow.relative_interval)):
        if isinstance(outer, Interval) and isinstance(inner, Interval):
            for bound in (inner.lower, inner.upper):
                assert bound is None or inside(outer, bound, 1e-9 * (1 + abs(bound)))


@given(values, values)
def test_one_sided_p_values_add_up_and_bound_the_two_sided(t: list[float], c: list[float]) -> None:
    both, above, below = (welch_t(t, c, alternative=item).p_value for item in ALTERNATIVES)
    if isinstance(both, float) and isinstance(above, float) and isinstance(below, float):
        assert above + below == pytest.approx(1.0)
        assert both == pytest.approx(2 * min(above, below), rel=1e-9)


@given(st.lists(st.tuples(st.floats(0, 100), st.floats(1, 50)), min_size=3, max_size=40), st.floats(0.1, 10))
@settings(max_examples=50)
def test_a_ratio_scales_with_its_numerator(rows: list[tuple[float, float]], scale: float) -> None:
    def moments(factor: float) -> Moments:
        return Moments.of((VALUE, DENOMINATOR), [(factor * y, d) for y, d in rows])

    half = Moments.of((VALUE, DENOMINATOR), [(d, y + 1) for y, d in rows])
    plain, scaled = ratio_t(moments(1.0), half), ratio_t(moments(scale), half)
    if isinstance(plain.difference, float) and isinstance(scaled.difference, float):
        value = plain.difference + rows_ratio(half)
        assert scaled.difference + rows_ratio(half) == pytest.approx(scale * value, rel=1e-9, abs=1e-12)


def rows_ratio(moments: Moments) -> float:
    return moments.mean(VALUE) / moments.mean(DENOMINATOR)


def test_a_useless_covariate_changes_nothing_and_a_perfect_one_all() -> None:
    rng = np.random.default_rng(3)
    x_t, x_c = rng.normal(size=200), rng.normal(size=220)
    noise_t, noise_c = rng.normal(size=200), rng.normal(size=220)

    def arm(value: np.ndarray, covariate: np.ndarray) -> Moments:
        return array_moments((VALUE, COVARIATE), (value, covariate))

    sharp = cuped_t(arm(5 + 3 * x_t + 0.01 * noise_t, x_t), arm(3 * x_c + 0.01 * noise_c, x_c))
    assert sharp.difference == pytest.approx(5, abs=0.01)
    assert isinstance(sharp.interval, Interval)
    assert sharp.interval.upper - sharp.interval.lower < 0.02  # type: ignore[operator]
    plain, useless = welch_t(noise_t, noise_c), cuped_t(arm(noise_t, x_t), arm(noise_c, x_c))
    assert useless.difference == pytest.approx(plain.difference, abs=0.05)


def test_far_tails_have_a_logarithm_where_a_float_ends() -> None:
    outcome = two_proportion_z((500_000, 1_000_000), (100_000, 1_000_000))
    assert outcome.p_value == pytest.approx(2.2250738585072014e-308)
    assert isinstance(outcome.log_p, float)
    assert outcome.log_p < -100_000
    far = welch_t(Moments(5_000, (VALUE,), (100.0,), (4_999.0,)), Moments(5_000, (VALUE,), (0.0,), (4_999.0,)))
    assert isinstance(far.log_p, float)
    assert -1e6 < far.log_p < -5_000


def test_numbers_hold_at_a_mean_of_a_hundred_million() -> None:
    rng = np.random.default_rng(5)
    t, c = rng.normal(0.3, 1, 400), rng.normal(0, 1, 400)
    near, far = welch_t(t, c), welch_t(1e8 + t, 1e8 + c)
    assert far.difference == pytest.approx(near.difference, rel=1e-6)
    assert far.p_value == pytest.approx(near.p_value, rel=1e-6)


@pytest.mark.parametrize(
    ("outcome", "code"),
    [
        (two_proportion_z((0, 0), (1, 10)), "empty_arm"),
        (two_proportion_z((0, 10), (0, 10)), "zero_variance"),
        (two_proportion_z((10, 10), (10, 10)), "zero_variance"),
        (welch_t([], [1.0, 2.0]), "empty_arm"),
        (welch_t([1.0], [1.0, 2.0]), "one_unit"),
        (welch_t([1.0, 1.0], [1.0, 1.0]), "zero_variance"),
        (student_t([1.0], [2.0]), "one_unit"),
        (ratio_t(Moments.zeros(5, (VALUE, DENOMINATOR)), Moments.zeros(5, (VALUE, DENOMINATOR))), "zero_denominator"),
        (cuped_t(Moments.zeros(5, (VALUE, COVARIATE)), Moments.zeros(5, (VALUE, COVARIATE))), "constant_covariate"),
        (welch_t(Moments(3, (VALUE,), (math.nan,), (1.0,)), [1.0, 2.0]), "bad_moments"),
    ],
)
def test_what_cannot_be_computed_says_why(outcome: Outcome, code: str) -> None:
    assert isinstance(outcome.p_value, NoEstimate)
    assert outcome.p_value.no_estimate == code
    assert isinstance(outcome.log_p, NoEstimate)
    assert not outcome.significant()


def test_all_converted_against_some_has_numbers() -> None:
    outcome = two_proportion_z((50, 50), (20, 50))
    assert isinstance(outcome.p_value, float)
    assert outcome.difference == pytest.approx(0.6)
    one_sided = two_proportion_z((50, 50), (50, 50), null=-0.05, alternative="greater")
    assert isinstance(one_sided.p_value, NoEstimate)


@pytest.mark.parametrize(
    ("call", "field"),
    [
        (lambda: welch_t([1, 2], ["a", "b"]), "control"),
        (lambda: welch_t([1, math.nan], [1, 2]), "treatment"),
        (lambda: two_proportion_z((11, 10), (1, 10)), "treatment"),
        (lambda: two_proportion_z([0, 2, 1], (1, 10)), "treatment"),
        (lambda: welch_t([1, 2], [1, 2], alpha=1.5), "alpha"),
        (lambda: welch_t([1, 2], [1, 2], alternative="bigger"), "alternative"),
    ],
)
def test_wrong_arguments_are_named(call: Callable[[], object], field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        call()
    assert caught.value.field == field


def test_values_of_each_unit_and_moments_say_the_same() -> None:
    t, c = [1.0, 2.0, 4.0, 8.0], [1.0, 1.5, 2.0]
    assert welch_t(t, c).p_value == pytest.approx(welch_t(Moments.of((VALUE,), [(x,) for x in t]), c).p_value)
    assert two_proportion_z([1, 0, 1], [0, 0, 1]) == two_proportion_z((2, 3), (1, 3))
    assert two_proportion_z([True, False, True], (1, 3)) == two_proportion_z((2, 3), (1, 3))
