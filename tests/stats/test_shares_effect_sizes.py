"""Effect sizes: symmetry, agreement with the tests they belong to, words, edges."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import nctdtr

from assay.errors import InvalidInput
from assay.model.result import Interval, NoEstimate
from assay.model.valuecounts import ValueCounts
from assay.stats.fixed.core import student_t
from assay.stats.fixed.effect_size import (
    cohens_h,
    cramers_v,
    number_needed_to_treat,
    odds_ratio,
    risk_difference,
    risk_ratio,
)
from assay.stats.fixed.effect_spread import (
    cliffs_delta,
    cohens_d,
    eta_squared,
    hedges_g,
    noncentral_t_by_integration,
    probability_of_superiority,
)
from assay.stats.fixed.effect_words import EffectEstimate
from assay.stats.fixed.score import miettinen_nurminen, newcombe

Effect = Callable[..., EffectEstimate]
shares = st.integers(1, 300).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
values = st.lists(st.integers(-40, 40).map(lambda x: x / 4), min_size=3, max_size=25)
NEGATED: list[Effect] = [cohens_h, risk_difference, number_needed_to_treat]
INVERTED: list[Effect] = [risk_ratio, odds_ratio]
OF_VALUES: list[Effect] = [cohens_d, hedges_g, cliffs_delta]


def bounds(found: EffectEstimate) -> tuple[float, float]:
    assert isinstance(found.interval, Interval)
    low, high = found.interval.lower, found.interval.upper
    return -math.inf if low is None else low, math.inf if high is None else high


@given(shares, shares, st.sampled_from(NEGATED))
@settings(deadline=None)
def test_swapping_the_arms_negates(t: tuple[int, int], c: tuple[int, int], effect: Effect) -> None:
    one, other = effect(t, c), effect(c, t)
    assert one.words == other.words
    if isinstance(one.value, float):
        assert one.value == -other.value  # type: ignore[operator]
        if isinstance(one.interval, Interval):
            assert bounds(one)[0] == pytest.approx(-bounds(other)[1])


@given(shares, shares, st.sampled_from(INVERTED))
@settings(deadline=None)
def test_swapping_the_arms_inverts(t: tuple[int, int], c: tuple[int, int], effect: Effect) -> None:
    one, other = effect(t, c), effect(c, t)
    if isinstance(one.value, float) and isinstance(other.value, float) and one.value > 0:
        assert one.value * other.value == pytest.approx(1.0)
        assert one.words == other.words
        assert bounds(one)[0] * bounds(other)[1] == pytest.approx(1.0, rel=1e-6)


@given(shares, shares, st.floats(0.01, 0.3))
@settings(deadline=None)
def test_shares_effects_agree_with_their_tests(t: tuple[int, int], c: tuple[int, int], alpha: float) -> None:
    difference, ratio, needed = (f(t, c, alpha=alpha) for f in (risk_difference, risk_ratio, number_needed_to_treat))
    test = newcombe(t, c, alpha=alpha)
    assert difference.interval == test.interval
    if isinstance(test.p_value, float) and abs(test.p_value - alpha) > 1e-7:
        assert isinstance(needed.interval, Interval) is (test.p_value < alpha)
    score = miettinen_nurminen(t, c, alpha=alpha).p_value
    if isinstance(score, float) and isinstance(ratio.interval, Interval) and abs(score - alpha) > 1e-7:
        low, high = bounds(ratio)
        assert (score < alpha) is not (low <= 1 <= high)


@given(values, values, st.floats(0.01, 0.3))
@settings(deadline=None)
def test_cohens_d_agrees_with_students_t(t: list[float], c: list[float], alpha: float) -> None:
    found, test = cohens_d(t, c, alpha=alpha), student_t(t, c, alpha=alpha)
    assert isinstance(found.value, NoEstimate) is isinstance(test.p_value, NoEstimate)
    if isinstance(test.p_value, float) and isinstance(found.value, float):
        scale = math.sqrt(1 / len(t) + 1 / len(c))
        assert found.value == pytest.approx(test.statistic * scale, rel=1e-9, abs=1e-12)  # type: ignore[operator]
        low, high = bounds(found)
        assert low < found.value < high
        if abs(test.p_value - alpha) > 1e-6:
            assert (test.p_value < alpha) is not (low <= 0 <= high)
        g = hedges_g(t, c, alpha=alpha)
        assert abs(g.value) <= abs(found.value)  # type: ignore[arg-type]


@given(values, values, st.sampled_from(OF_VALUES), st.floats(0.1, 50), st.floats(-20, 20))
@settings(deadline=None)
def test_effects_of_values_have_no_unit(
    t: list[float], c: list[float], effect: Effect, scale: float, shift: float
) -> None:
    one = effect(t, c)
    other = effect(
        [round(scale, 3) * x + round(shift, 2) for x in t], [round(scale, 3) * x + round(shift, 2) for x in c]
    )
    turned = effect(c, t)
    if isinstance(one.value, float):
        if effect is not cliffs_delta:  # equal values may be told apart by rounding
            assert other.value == pytest.approx(one.value, rel=1e-6, abs=1e-9)
        assert turned.value == pytest.approx(-one.value, rel=1e-9, abs=1e-12)
        assert one.words == turned.words
        if isinstance(one.interval, Interval):
            assert bounds(one)[0] == pytest.approx(-bounds(turned)[1], rel=1e-6, abs=1e-9)


@given(values, values)
@settings(deadline=None)
def test_superiority_is_the_share_of_pairs(t: list[float], c: list[float]) -> None:
    pairs = np.sign(np.subtract.outer(t, c))
    found = probability_of_superiority(t, c)
    assert found.value == pytest.approx(float((pairs > 0).mean() + (pairs == 0).mean() / 2), abs=1e-12)
    assert cliffs_delta(t, c).value == pytest.approx(float(pairs.mean()), abs=1e-12)
    assert probability_of_superiority(ValueCounts.of(t), ValueCounts.of(c)) == found
    if isinstance(found.interval, Interval):
        low, high = bounds(found)
        assert 0 <= low <= found.value <= high <= 1  # type: ignore[operator]


@given(values, values)
@settings(deadline=None)
def test_eta_squared_of_two_groups_is_that_of_t(t: list[float], c: list[float]) -> None:
    found, test = eta_squared([t, c]), student_t(t, c)
    if isinstance(found.value, float) and test.statistic is not None:
        square = test.statistic**2
        assert found.value == pytest.approx(square / (square + len(t) + len(c) - 2), rel=1e-7, abs=1e-9)
        low, high = bounds(found)
        assert 0 <= low <= high < 1


def test_words_of_known_sizes() -> None:
    assert cohens_h((500, 1000), (495, 1000)).words == "negligible"
    assert cohens_h((60, 100), (48, 100)).words == "small"
    assert cohens_h((75, 100), (48, 100)).words == "medium"
    assert cohens_h((95, 100), (48, 100)).words == "large"
    assert risk_ratio((10, 1000), (31, 1000)).words == "large"
    assert odds_ratio((50, 100), (50, 100)).words == "negligible"
    assert odds_ratio((0, 100), (5, 100)).words == "large"
    assert cramers_v([[30, 20], [20, 30]]).words == "small"
    assert cliffs_delta([1, 2, 3], [1, 2, 3]).words == "negligible"
    for item in (cohens_h((1, 2), (1, 3)), cramers_v([[3, 2], [2, 3]])):
        assert item.thresholds[0] < item.thresholds[1] < item.thresholds[2]
        assert "Cohen 1988" in item.source


def test_thresholds_of_ratios_are_cohens_phi_with_equal_margins() -> None:
    from assay.stats.fixed.effect_words import ODDS_RATIO, RISK_RATIO

    for phi, ratio, odds in zip((0.1, 0.3, 0.5), RISK_RATIO[:3], ODDS_RATIO[:3], strict=True):
        assert ratio == pytest.approx((1 + phi) / (1 - phi), abs=0.005)
        assert odds == pytest.approx(((1 + phi) / (1 - phi)) ** 2, abs=0.01)


@pytest.mark.parametrize(
    ("found", "code"),
    [
        (cohens_h((0, 0), (1, 2)), "empty_arm"),
        (risk_difference((1, 2), (0, 0)), "empty_arm"),
        (risk_ratio((0, 5), (0, 5)), "zero_control"),
        (risk_ratio((3, 5), (0, 5)), "zero_control"),
        (odds_ratio((3, 5), (0, 5)), "zero_cell"),
        (odds_ratio((5, 5), (2, 5)), "zero_cell"),
        (number_needed_to_treat((3, 5), (3, 5)), "no_difference"),
        (cohens_d([], [1, 2]), "empty_arm"),
        (cohens_d([1], [2]), "one_unit"),
        (cohens_d([1, 1], [2, 2]), "zero_variance"),
        (hedges_g([1, 2], [2]), "one_unit"),
        (cliffs_delta([], [1, 2]), "empty_arm"),
        (eta_squared([[], [1, 2]]), "empty_arm"),
        (eta_squared([[1, 1], [2, 2]]), "zero_variance"),
        (eta_squared([[1], [2]]), "zero_variance"),
        (cramers_v([[0, 0], [1, 2]]), "empty_arm"),
        (cramers_v([[4, 0], [3, 0]]), "zero_variance"),
    ],
)
def test_what_cannot_be_computed_says_why(found: EffectEstimate, code: str) -> None:
    assert isinstance(found.value, NoEstimate)
    assert found.value.no_estimate == code
    assert found.words is None


def test_intervals_that_do_not_exist_say_why() -> None:
    for found, code in (
        (odds_ratio((0, 5), (2, 5)), "zero_cell"),
        (number_needed_to_treat((3, 5), (2, 5)), "includes_no_difference"),
        (cliffs_delta([5, 6], [1, 2]), "no_overlap"),
        (cliffs_delta([5], [1, 9]), "one_unit"),
        (probability_of_superiority([1, 1], [1, 1]), "zero_variance"),
    ):
        assert isinstance(found.value, float)
        assert isinstance(found.interval, NoEstimate)
        assert found.interval.no_estimate == code
    half_open = risk_ratio((9, 10), (0, 10)).interval
    assert isinstance(half_open, Interval)
    assert half_open.upper is None
    assert half_open.lower > 1  # type: ignore[operator]


def test_means_of_a_hundred_million_and_very_large_effects() -> None:
    rng = np.random.default_rng(5)
    t, c = rng.normal(0.5, 1, 300), rng.normal(0, 1, 300)
    near, far = cohens_d(t, c), cohens_d(1e8 + t, 1e8 + c)
    assert far.value == pytest.approx(near.value, rel=1e-6)
    assert eta_squared([1e8 + t, 1e8 + c]).value == pytest.approx(eta_squared([t, c]).value, rel=1e-6)
    apart = cohens_d(100 + t, c)
    low, high = bounds(apart)
    assert low < apart.value < high  # type: ignore[operator]
    assert high - low == pytest.approx(2 * 1.96 * math.sqrt(2 / 300 + 100**2 / (2 * 598)), rel=0.1)
    beyond = cohens_d(1e6 + t, c)
    assert bounds(beyond)[0] < beyond.value < bounds(beyond)[1]  # type: ignore[operator]


def test_the_noncentral_t_by_integration_is_scipys_where_that_has_one() -> None:
    rng = np.random.default_rng(11)
    checked = 0
    for nu in (1.0, 2.0, 7.0, 60.0, 4_000.0, 1e6):
        for t in rng.uniform(0, 300, 20).tolist():
            noncentrality = t + float(rng.normal(0, 2)) * math.sqrt(1 + t * t / (2 * nu))
            expected = float(nctdtr(nu, noncentrality, t))
            if not math.isnan(expected):
                found = noncentral_t_by_integration(t, nu, noncentrality)
                assert found == pytest.approx(expected, rel=1e-5, abs=2e-6)
                checked += 1
    assert checked > 100


def test_bias_corrected_v_is_about_none_where_rows_do_not_differ() -> None:
    rng = np.random.default_rng(6)
    tables = [rng.multinomial(60, [0.25] * 4, size=3) for _ in range(200)]
    plain = np.mean([cramers_v(item).value for item in tables])
    corrected = np.mean([cramers_v(item, bias_corrected=True).value for item in tables])
    assert plain > 0.1
    assert corrected < plain / 2


@pytest.mark.parametrize(
    ("call", "field"),
    [
        (lambda: cohens_h((3, 2), (1, 2)), "treatment"),
        (lambda: risk_ratio((1, 2), (1, 2), alpha=2), "alpha"),
        (lambda: cohens_d([1, 2], [1, math.nan]), "control"),
        (lambda: cliffs_delta(["a"], [1]), "treatment"),
        (lambda: eta_squared([[1, 2]]), "groups"),
        (lambda: eta_squared([[1, 2], ["b"]]), "groups[1]"),
        (lambda: cramers_v([1, 2]), "table"),
    ],
)
def test_wrong_arguments_are_named(call: Callable[[], object], field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        call()
    assert caught.value.field == field
