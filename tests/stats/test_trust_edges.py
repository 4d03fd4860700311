"""Splits, calibration, risks and winners at their edges."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.errors import InvalidInput
from assay.model.moments import VALUE, Moments
from assay.model.result import Interval, NoEstimate
from assay.stats.arm import EMPTY_ARM, ONE_UNIT, ZERO_VARIANCE
from assay.stats.distributions import normal_quantile
from assay.stats.fixed.core import student_t
from assay.stats.trust.balance import aa_calibration, joint_balance, pre_period_balance
from assay.stats.trust.exact import exact_sample_ratio, sample_ratio_by_segment
from assay.stats.trust.risk import (
    Corrected,
    exaggeration,
    false_positive_risk,
    false_positive_risk_at,
    shrunk_effect,
    winner_corrected,
)


@given(st.integers(0, 6), st.integers(0, 6), st.integers(0, 6), st.integers(1, 5), st.integers(1, 5))
def test_the_exact_test_sums_what_is_no_likelier(a: int, b: int, c: int, w: int, v: int) -> None:
    n = a + b + c
    if n == 0:
        return
    shares = np.array([w, v, 3]) / (w + v + 3)

    def chance(x: int, y: int, z: int) -> float:
        ways = math.factorial(n) // (math.factorial(x) * math.factorial(y) * math.factorial(z))
        return float(ways * shares[0] ** x * shares[1] ** y * shares[2] ** z)

    every = [chance(x, y, n - x - y) for x in range(n + 1) for y in range(n - x + 1)]
    expected = math.fsum(p for p in every if p <= chance(a, b, c) * (1 + 1e-9))
    assert exact_sample_ratio([a, b, c], [w, v, 3]) == pytest.approx(expected, rel=1e-6)


def test_the_exact_test_takes_many_variants_and_stops_where_splits_are_too_many() -> None:
    assert exact_sample_ratio([20, *[0] * 7], [1] * 8) == pytest.approx(8 * 8.0**-20)
    assert exact_sample_ratio([1, 1], [1, 0]) == NoEstimate(
        "one_arm", "only one variant has traffic, so there is no split to check"
    )
    many = exact_sample_ratio([500] * 5, [1] * 5)
    assert isinstance(many, NoEstimate)
    assert many.no_estimate == "too_many_units"


def test_rare_variants_are_judged_exactly_not_by_chi_square() -> None:
    (found,) = sample_ratio_by_segment({"all": (6, 20_000)}, [1, 19_999])
    assert found.p_value == pytest.approx(0.000594798, rel=1e-5)
    assert found.p_value == exact_sample_ratio([6, 20_000], [1, 19_999])


@pytest.mark.parametrize("counts", [[math.nan, 3], [1.5, 3], [math.inf, 3], [-1, 3]])
def test_counts_are_whole_numbers(counts: list[Any]) -> None:
    with pytest.raises(InvalidInput) as caught:
        exact_sample_ratio(counts, [1, 1])
    assert caught.value.field == "counts"


def test_calibration_says_what_is_wrong() -> None:
    even = (np.arange(1_000) + 0.5) / 1_000
    assert aa_calibration(even).sentence.endswith("no sign of a fault.")
    assert "too many false alarms" in aa_calibration(even**1.5).sentence
    assert "too few false alarms" in aa_calibration(even**0.5).sentence
    bunched = np.where(even > 0.05, 0.05 + (even - 0.05) / 2, even)
    found = aa_calibration(bunched)
    assert found.alarms == 50
    assert found.is_off
    assert "not spread evenly" in found.sentence
    assert "not spread evenly" in aa_calibration(np.where(even < 0.052, even * 0.95, bunched)).sentence
    slightly = np.where(even < 0.056, even * 0.9, even)
    assert aa_calibration(slightly).alarms > 50
    assert aa_calibration(slightly).sentence.endswith("no sign of a fault.")
    assert aa_calibration([0.05] * 20).alarms == 20


def moments(*values: float) -> Moments:
    return Moments.of((VALUE,), [(value,) for value in values])


def test_balance_of_two_variants_is_student_s_test() -> None:
    a, b = moments(3.0, 4.5, 2.2, 6.1, 5.0), moments(2.0, 2.5, 3.3, 1.0)
    (found,) = pre_period_balance({"before": {"a": a, "b": b}})
    assert found.p_value == pytest.approx(student_t(a, b).p_value, rel=1e-9)
    (turned,) = pre_period_balance({"before": {"a": b, "b": a}})
    assert turned.p_value == pytest.approx(found.p_value)
    assert turned.largest_gap == pytest.approx(found.largest_gap)


def test_balance_of_large_means_keeps_its_digits() -> None:
    near, far = (Moments(100, (VALUE,), (1e8 + shift,), (99.0,)) for shift in (0.0, 0.5))
    (found,) = pre_period_balance({"before": {"a": near, "b": far}})
    small = [Moments(100, (VALUE,), (shift,), (99.0,)) for shift in (0.0, 0.5)]
    assert found.p_value == pytest.approx(student_t(*small).p_value, rel=1e-6)
    assert joint_balance(near, far) == pytest.approx(joint_balance(*small), rel=1e-6)


@pytest.mark.parametrize(
    ("arms", "why"),
    [
        ((moments(), moments(1, 2)), EMPTY_ARM),
        ((moments(1), moments(2)), ONE_UNIT),
        ((moments(3, 3), moments(3, 3)), ZERO_VARIANCE),
        ((moments(3, 3), moments(4, 4)), ZERO_VARIANCE),
    ],
)
def test_balance_that_cannot_be_judged_says_why(arms: tuple[Moments, Moments], why: NoEstimate) -> None:
    (found,) = pre_period_balance({"before": {"a": arms[0], "b": arms[1]}})
    assert found.p_value == why
    assert found.p_value_adjusted == why
    assert not found.is_off


def test_a_variant_of_one_unit_or_without_variance_is_judged_by_the_others() -> None:
    (one,) = pre_period_balance({"before": {"a": moments(50), "b": moments(1, 2, 3, 4, 5)}})
    assert one.is_off
    (flat,) = pre_period_balance({"before": {"a": moments(3, 3, 3), "b": moments(1, 2, 3, 4, 5)}})
    assert flat.p_value == pytest.approx(1.0)


def test_few_units_beside_many_are_warned_of() -> None:
    rare, common = Moments.of_counts(10, 400), Moments.of_counts(100, 4_000)
    assert "up to 3 %" in pre_period_balance({"x": {"a": rare, "b": common}})[0].warnings[0]
    assert not pre_period_balance({"x": {"a": rare, "b": rare}})[0].warnings
    assert not pre_period_balance({"x": {"a": Moments.of_counts(10, 600), "b": common}})[0].warnings


def test_a_measure_that_cannot_be_judged_does_not_hide_the_others() -> None:
    broken = {"a": moments(1, 2, 3, 4, 5), "b": moments(101, 102, 103, 104, 105)}
    found = pre_period_balance({"flat": {"a": moments(3, 3), "b": moments(3, 3)}, "broken": broken})
    assert [item.metric for item in found] == ["broken", "flat"]
    assert found[0].is_off


@given(st.floats(1e-6, 1), st.floats(0.01, 0.9), st.floats(0.01, 0.2), st.floats(0.5, 0.95))
def test_risk_at_a_p_value_rises_with_it_and_ignoring_the_sign_raises_it(
    p: float, success: float, alpha: float, power: float
) -> None:
    risk = false_positive_risk_at(p, success, alpha=alpha, power=power)
    assert 0 < risk < 1
    assert false_positive_risk_at(min(1.0, p * 1.1), success, alpha=alpha, power=power) >= risk
    assert false_positive_risk_at(p, success, alpha=alpha, power=power, sign_seen=False) > risk
    large = false_positive_risk_at(p, success, alpha=alpha, power=power, degrees_of_freedom=1e5)
    assert large == pytest.approx(risk, rel=2e-2, abs=1e-12)


def test_risk_just_at_alpha_is_larger_than_of_all_that_is_significant() -> None:
    for success in (0.05, 0.2, 0.5):
        assert false_positive_risk_at(0.05, success) > 2 * false_positive_risk(success)
    assert false_positive_risk_at(1e-300, 0.01) < 1e-30


def test_a_winner_at_the_threshold_says_nothing() -> None:
    c = normal_quantile(0.025)
    barely = winner_corrected(c + 1e-6, 1.0, improvements_only=True)
    assert isinstance(barely, NoEstimate)
    assert barely.no_estimate == "barely_significant"
    near = winner_corrected(c + 1e-3, 1.0, improvements_only=True)
    assert isinstance(near, Corrected)
    assert near.estimate == pytest.approx(c - 1 / 1e-3, rel=0.01)
    either = winner_corrected(c + 1e-6, 1.0)
    assert isinstance(either, Corrected)
    assert 0 < either.estimate < 0.5


@given(st.floats(1.97, 1e5), st.floats(1e-6, 1e6), st.booleans())
def test_a_winner_s_numbers_scale(z: float, error: float, only: bool) -> None:
    one, scaled = (winner_corrected(z * e, e, improvements_only=only) for e in (1.0, error))
    assert isinstance(one, Corrected)
    assert isinstance(scaled, Corrected)
    assert scaled.estimate == pytest.approx(one.estimate * error, rel=1e-6, abs=1e-6 * error)
    assert one.interval.upper is not None
    assert scaled.interval.upper == pytest.approx(one.interval.upper * error, rel=1e-6, abs=1e-6 * error)
    if z > 20:
        assert one.estimate == pytest.approx(z, abs=1e-9 * z)
        half = normal_quantile(0.025)
        assert (one.interval.lower, one.interval.upper) == (pytest.approx(z - half), pytest.approx(z + half))


@given(st.floats(2.0, 8), st.floats(0.01, 0.2), st.floats(0.01, 0.2), st.booleans())
def test_a_winner_s_intervals_nest(z: float, a: float, b: float, only: bool) -> None:
    wide, narrow = (winner_corrected(z, 1.0, alpha=alpha, improvements_only=only) for alpha in sorted((a, b)))
    assert isinstance(wide, Corrected)
    assert isinstance(narrow, Corrected)
    outer, inner = wide.interval, narrow.interval
    assert isinstance(outer, Interval)
    assert outer.lower is None or inner.lower is None or outer.lower <= inner.lower + 1e-9
    assert outer.upper >= inner.upper - 1e-9  # type: ignore[operator]


def test_gelman_and_carlin_s_example() -> None:
    found = exaggeration(0.1, 3.28)
    assert (round(found.power, 2), round(found.wrong_sign, 2), round(found.exaggeration)) == (0.05, 0.46, 77)
    assert exaggeration(-0.1, 3.28) == found


@pytest.mark.parametrize(
    ("call", "field"),
    [
        (lambda: shrunk_effect(math.nan, 1, prior_sd=1), "estimate"),
        (lambda: shrunk_effect(1, 1, prior_sd=1, prior_mean=math.inf), "prior_mean"),
        (lambda: winner_corrected(math.nan, 1), "estimate"),
        (lambda: false_positive_risk_at(0, 0.5), "p_value"),
        (lambda: false_positive_risk_at(0.05, 1), "success_rate"),
        (lambda: false_positive_risk_at(0.05, 0.5, power=1), "power"),
        (lambda: false_positive_risk_at(0.05, 0.5, noncentrality=0), "noncentrality"),
        (lambda: false_positive_risk_at(0.05, 0.5, degrees_of_freedom=0), "degrees_of_freedom"),
        (lambda: aa_calibration([math.nan] * 30), "p_values"),
        (lambda: pre_period_balance({"m": {"a": moments(1, 2)}}), "metrics"),
        (lambda: joint_balance(moments(1, 2), Moments.of(("x",), [(1.0,), (2.0,)])), "control"),
    ],
)
def test_wrong_arguments_are_named(call: Callable[[], Any], field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        call()
    assert caught.value.field == field
