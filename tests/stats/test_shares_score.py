"""Score tests, Newcombe's interval and single shares: what must hold whatever the counts."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from assay.errors import InvalidInput
from assay.model.result import Interval, NoEstimate
from assay.stats.fixed.one_share import ShareEstimate, clopper_pearson, wilson
from assay.stats.fixed.restricted import difference_score, ratio_score, share_at_difference
from assay.stats.fixed.score import miettinen_nurminen, miettinen_nurminen_ratio, newcombe
from assay.stats.outcome import Alternative, Outcome

Test = Callable[..., Outcome]
ALTERNATIVES = tuple(Alternative)
sizes = st.one_of(st.integers(1, 40), st.sampled_from([100, 1_000, 50_000]))
shares = sizes.flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
alphas = st.floats(0.001, 0.4)
ABSOLUTE: list[Test] = [miettinen_nurminen, newcombe]
EVERY: list[Test] = [*ABSOLUTE, miettinen_nurminen_ratio]


def inside(interval: Interval, number: float, slack: float = 0.0) -> bool:
    above = interval.lower is None or interval.lower - slack <= number
    return above and (interval.upper is None or number <= interval.upper + slack)


def agrees(p: object, interval: object, null: float, alpha: float) -> bool:
    """p below alpha exactly when the null is outside the interval; either may round at the edge."""
    if not (isinstance(p, float) and isinstance(interval, Interval)):
        return True
    return abs(p - alpha) < 1e-7 or (p < alpha) is not inside(interval, null)


@given(shares, shares, alphas, st.sampled_from(ALTERNATIVES), st.floats(-0.6, 0.6), st.sampled_from(ABSOLUTE))
@settings(max_examples=300, deadline=None)
def test_p_and_interval_agree_for_any_null(
    t: tuple[int, int], c: tuple[int, int], alpha: float, alternative: Alternative, null: float, test: Test
) -> None:
    found = test(t, c, alpha=alpha, alternative=alternative, null=null)
    assert isinstance(found.interval, Interval)
    assert agrees(found.p_value, found.interval, null, alpha)


@given(shares, shares, alphas, st.sampled_from(ALTERNATIVES), st.floats(-0.8, 4))
@settings(max_examples=300, deadline=None)
def test_p_of_a_ratio_and_the_relative_interval_agree(
    t: tuple[int, int], c: tuple[int, int], alpha: float, alternative: Alternative, null: float
) -> None:
    found = miettinen_nurminen_ratio(t, c, alpha=alpha, alternative=alternative, null=null)
    assert agrees(found.p_value, found.relative_interval, null, alpha)


@given(shares, shares, alphas, st.sampled_from(ALTERNATIVES), st.sampled_from(EVERY))
@settings(deadline=None)
def test_both_intervals_agree_with_p_under_no_difference(
    t: tuple[int, int], c: tuple[int, int], alpha: float, alternative: Alternative, test: Test
) -> None:
    found = test(t, c, alpha=alpha, alternative=alternative)
    assert agrees(found.p_value, found.interval, 0.0, alpha)
    assert agrees(found.p_value, found.relative_interval, 0.0, alpha)


@given(shares, shares, st.sampled_from(ABSOLUTE), st.floats(-0.5, 0.5))
@example((100, 100), (100, 100), miettinen_nurminen, 1e-5)
@settings(deadline=None)
def test_swapping_the_arms_negates(t: tuple[int, int], c: tuple[int, int], test: Test, null: float) -> None:
    one, other = test(t, c, null=null), test(c, t, null=-null)
    assert one.difference == -other.difference  # type: ignore[operator]
    if isinstance(one.log_p, float):
        assert one.log_p == pytest.approx(other.log_p, rel=1e-9, abs=1e-12)
    assert isinstance(one.interval, Interval)
    assert isinstance(other.interval, Interval)
    assert one.interval.lower == pytest.approx(-other.interval.upper, rel=1e-7, abs=1e-10)  # type: ignore[operator]


@given(shares, shares, st.sampled_from(ABSOLUTE))
@settings(deadline=None)
def test_counting_those_who_did_not_convert_negates(t: tuple[int, int], c: tuple[int, int], test: Test) -> None:
    one, other = test(t, c), test((t[1] - t[0], t[1]), (c[1] - c[0], c[1]))
    assert isinstance(one.interval, Interval)
    assert isinstance(other.interval, Interval)
    assert one.interval.lower == pytest.approx(-other.interval.upper, rel=1e-6, abs=1e-9)  # type: ignore[operator]


@given(shares, shares, st.sampled_from(EVERY), st.sampled_from(ALTERNATIVES))
@settings(deadline=None)
def test_intervals_nest(t: tuple[int, int], c: tuple[int, int], test: Test, alternative: Alternative) -> None:
    wide, narrow = (test(t, c, alpha=alpha, alternative=alternative) for alpha in (0.01, 0.2))
    for outer, inner in ((wide.interval, narrow.interval), (wide.relative_interval, narrow.relative_interval)):
        if isinstance(outer, Interval) and isinstance(inner, Interval):
            for bound in (inner.lower, inner.upper):
                assert bound is None or inside(outer, bound, 1e-9 * (1 + abs(bound)))


@given(shares, shares, st.floats(-0.95, 0.95))
@settings(deadline=None)
def test_the_closed_form_is_where_the_likelihood_is_highest(
    t: tuple[int, int], c: tuple[int, int], delta: float
) -> None:
    low, high = max(0.0, -delta), min(1.0, 1 - delta)
    found = float(share_at_difference(t[0], t[1], c[0], c[1], delta))
    assert low <= found <= high

    def likelihood(p: float) -> float:
        terms = ((t[0], p + delta), (t[1] - t[0], 1 - p - delta), (c[0], p), (c[1] - c[0], 1 - p))
        if any(count and share <= 0 for count, share in terms):
            return -math.inf
        return sum(count * math.log(share) for count, share in terms if count)

    best = likelihood(found)
    for other in np.linspace(low + 1e-9, high - 1e-9, 101).tolist():
        assert likelihood(other) <= best + 1e-6 * (1 + abs(best)) or (best == -math.inf and abs(found - other) < 1e-6)


def test_scores_of_no_difference_are_the_pooled_z() -> None:
    pooled = (56 + 48) / 150
    z = (0.8 - 0.6) / math.sqrt(pooled * (1 - pooled) * (1 / 70 + 1 / 80))
    assert float(difference_score(56, 70, 48, 80, 0.0, False)) == pytest.approx(z, rel=1e-14)
    assert float(ratio_score(56, 70, 48, 80, 1.0, False)) == pytest.approx(z, rel=1e-14)
    corrected = miettinen_nurminen((56, 70), (48, 80)).statistic
    assert corrected == pytest.approx(z * math.sqrt(149 / 150), rel=1e-14)


@pytest.mark.parametrize("test", EVERY)
def test_no_unit_at_all_gives_nothing(test: Test) -> None:
    for t, c in (((0, 0), (1, 9)), ((1, 9), (0, 0))):
        found = test(t, c)
        assert isinstance(found.p_value, NoEstimate)
        assert found.p_value.no_estimate == "empty_arm"
        assert found.interval == found.p_value


@pytest.mark.parametrize("test", EVERY)
@pytest.mark.parametrize("converted", [0, 10])
def test_units_that_are_all_alike_have_an_interval_but_no_p_value(test: Test, converted: int) -> None:
    found = test((converted, 10), (converted * 2, 20))
    assert isinstance(found.p_value, NoEstimate)
    assert found.p_value.no_estimate == "zero_variance"
    assert isinstance(found.log_p, NoEstimate)
    assert isinstance(found.interval, Interval)
    assert found.interval.lower < 0 < found.interval.upper  # type: ignore[operator]


def test_a_control_without_conversions_bounds_the_lift_on_one_side_only() -> None:
    for test in EVERY:
        found = test((10, 10), (0, 20))
        assert isinstance(found.relative, NoEstimate)
        assert isinstance(found.relative_interval, Interval)
        assert found.relative_interval.lower > 1  # type: ignore[operator]
        assert found.relative_interval.upper is None
        below = test((10, 10), (0, 20), alternative="less").relative_interval
        assert isinstance(below, NoEstimate)
    assert isinstance(newcombe((0, 9), (0, 9)).relative_interval, NoEstimate)


def test_one_unit_in_each_arm() -> None:
    for x, y in itertools.product((0, 1), repeat=2):
        found = miettinen_nurminen((x, 1), (y, 1))
        assert isinstance(found.interval, Interval)
        assert -1 <= found.interval.lower <= x - y <= found.interval.upper <= 1  # type: ignore[operator]
        assert not found.significant()


def test_far_tails_have_a_logarithm_where_a_float_ends() -> None:
    for test in EVERY:
        found = test((600_000, 1_000_000), (100_000, 1_000_000))
        assert found.p_value == pytest.approx(2.2250738585072014e-308)
        assert isinstance(found.log_p, float)
        assert -600_000 < found.log_p < -10_000


def test_rare_conversions_of_millions_keep_their_digits() -> None:
    found = miettinen_nurminen((30, 40_000_000), (10, 40_000_000))
    assert isinstance(found.interval, Interval)
    assert found.interval.lower == pytest.approx(2.0e-7, rel=0.3)
    assert agrees(found.p_value, found.interval, 0.0, 0.05)
    assert found.significant()


def test_a_null_that_newcombes_interval_never_reaches_has_no_p_value() -> None:
    found = newcombe((10, 10), (0, 10), null=-0.9)
    assert isinstance(found.p_value, NoEstimate)
    assert found.p_value.no_estimate == "null_out_of_reach"


def test_small_unequal_arms_are_warned_of() -> None:
    assert miettinen_nurminen((1, 20), (3, 400)).warnings
    assert "not converted" in newcombe((20, 20), (397, 400)).warnings[0]
    assert not miettinen_nurminen((1, 20), (0, 20)).warnings
    assert not miettinen_nurminen((10, 20), (200, 400)).warnings


@given(shares, alphas, st.sampled_from(ALTERNATIVES), st.floats(0.01, 0.99), st.sampled_from([wilson, clopper_pearson]))
def test_one_share_p_and_interval_agree(
    units: tuple[int, int],
    alpha: float,
    alternative: Alternative,
    null: float,
    method: Callable[..., ShareEstimate],
) -> None:
    found = method(units, alpha=alpha, alternative=alternative, null=null)
    assert agrees(found.p_value, found.interval, null, alpha)
    assert isinstance(found.interval, Interval)
    assert isinstance(found.share, float)
    assert inside(found.interval, found.share, 1e-12)
    turned = method((units[1] - units[0], units[1]), alpha=alpha, null=1 - null)
    two_sided = method(units, alpha=alpha, null=null)
    assert turned.log_p == pytest.approx(two_sided.log_p, rel=1e-6, abs=1e-9)


@given(st.tuples(st.integers(0, 30), st.just(30)), st.floats(0.001, 0.4))
def test_the_exact_interval_holds_wilsons_tails(units: tuple[int, int], alpha: float) -> None:
    """Clopper and Pearson's bounds leave exactly α/2 of a binomial beyond the count."""
    from scipy.stats import binom

    found = clopper_pearson(units, alpha=alpha).interval
    assert isinstance(found, Interval)
    if units[0]:
        assert binom.sf(units[0] - 1, 30, found.lower) == pytest.approx(alpha / 2, rel=1e-8)
    if units[0] < 30:
        assert binom.cdf(units[0], 30, found.upper) == pytest.approx(alpha / 2, rel=1e-8)


def test_one_share_without_units_or_null() -> None:
    for method in (wilson, clopper_pearson):
        assert isinstance(method((0, 0)).share, NoEstimate)
        assert isinstance(method((0, 0), null=0.2).p_value, NoEstimate)
        assert method((3, 9)).p_value is None
        assert method([1, 0, 1]).share == pytest.approx(2 / 3)


@pytest.mark.parametrize(
    ("call", "field"),
    [
        (lambda: miettinen_nurminen((3, 2), (1, 5)), "treatment"),
        (lambda: newcombe((1, 2), [0, 2, 1]), "control"),
        (lambda: newcombe((1, 2), (1, 2), null=1.0), "null"),
        (lambda: miettinen_nurminen((1, 2), (1, 2), null=math.nan), "null"),
        (lambda: miettinen_nurminen_ratio((1, 2), (1, 2), null=-1.0), "null"),
        (lambda: miettinen_nurminen_ratio((1, 2), (1, 2), null=math.inf), "null"),
        (lambda: newcombe((1, 2), (1, 2), alpha=0.0), "alpha"),
        (lambda: newcombe((1, 2), (1, 2), alternative="up"), "alternative"),
        (lambda: wilson((1, 2), null=0.0), "null"),
        (lambda: clopper_pearson((1, 2), null=1.5), "null"),
        (lambda: clopper_pearson((1, 2), alpha=1.0), "alpha"),
    ],
)
def test_wrong_arguments_are_named(call: Callable[[], object], field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        call()
    assert caught.value.field == field
