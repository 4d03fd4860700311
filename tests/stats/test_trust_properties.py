"""Corrections, simultaneous intervals, the decision rule and the checks of trust: what must hold, and refusals."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.errors import InvalidInput
from assay.model.metric import MetricKind
from assay.model.moments import VALUE, Moments
from assay.model.plan import Correction, Plan
from assay.model.result import Interval, NoEstimate, Validity
from assay.stats.experiment import analyse_metrics
from assay.stats.fixed.core import two_proportion_z
from assay.stats.inputs import array_moments
from assay.stats.multiple.adjust import adjust
from assay.stats.multiple.dunnett import dunnett_critical, dunnett_p
from assay.stats.multiple.intervals import Estimated, holm_lower_bounds, simultaneous_intervals
from assay.stats.multiple.rule import MetricTests, Purpose, Verdict, decide, rule_plan
from assay.stats.reduction.cuped import adjustment
from assay.stats.trust.balance import aa_calibration, joint_balance, pre_period_balance
from assay.stats.trust.exact import exact_sample_ratio, sample_ratio_by_segment
from assay.stats.trust.risk import (
    Corrected,
    exaggeration,
    false_positive_risk,
    least_false_positive_risk,
    shrunk_effect,
    winner_corrected,
)
from assay.stats.trust.sample_ratio import sample_ratio
from tests.stats.comparing import metric_of

p_values = st.lists(st.floats(1e-300, 1.0), min_size=1, max_size=12)
estimates = st.lists(
    st.builds(lambda e, s: Estimated(estimate=e, standard_error=s), st.floats(-9, 9), st.floats(0.1, 3)),
    min_size=1,
    max_size=8,
)


@given(p_values, st.sampled_from(Correction))
def test_adjusted_p_values_are_no_smaller_and_keep_the_order(p: list[float], method: Correction) -> None:
    adjusted = adjust(p, method)
    assert all(a >= raw * (1 - 1e-12) for a, raw in zip(adjusted, p, strict=True))
    assert all(0 < a <= 1 for a in adjusted)
    for i, j in zip(range(len(p)), range(1, len(p)), strict=False):
        if p[i] < p[j]:
            assert adjusted[i] <= adjusted[j]


@given(p_values)
def test_the_corrections_order_by_strictness(p: list[float]) -> None:
    found = {method: adjust(p, method) for method in Correction}
    for i in range(len(p)):
        chain = [
            Correction.BONFERRONI,
            Correction.HOLM,
            Correction.HOCHBERG,
            Correction.BENJAMINI_HOCHBERG,
            Correction.NONE,
        ]
        values = [found[method][i] for method in chain]
        assert values == sorted(values, reverse=True)
        assert found[Correction.BENJAMINI_YEKUTIELI][i] >= found[Correction.BENJAMINI_HOCHBERG][i]
        assert found[Correction.E_BH][i] == found[Correction.BENJAMINI_HOCHBERG][i]


@given(st.lists(st.tuples(st.floats(-6, 6), st.floats(50, 1e4)), min_size=1, max_size=5), st.floats(50, 1e4))
def test_dunnett_lies_between_one_test_and_bonferroni(arms: list[tuple[float, float]], control: float) -> None:
    statistics, sizes = [t for t, _ in arms], [n for _, n in arms]
    adjusted = dunnett_p(statistics, sizes, control)
    plain = [math.erfc(abs(t) / math.sqrt(2)) for t in statistics]
    for found, alone in zip(adjusted, plain, strict=True):
        assert alone * (1 - 1e-4) - 1e-9 <= found <= min(1.0, len(arms) * alone) * (1 + 1e-4) + 1e-9


@given(st.integers(1, 6), st.floats(0.001, 0.3), st.sampled_from([math.inf, 3.0, 40.0]), st.booleans())
def test_dunnett_s_bound_has_its_own_p_value(k: int, alpha: float, nu: float, one_sided: bool) -> None:
    sizes = [100.0 * (i + 1) for i in range(k)]
    bound = dunnett_critical(alpha, sizes, 150, nu, one_sided=one_sided)
    assert dunnett_p([bound] * k, sizes, 150, nu, one_sided=one_sided)[0] == pytest.approx(alpha, rel=1e-6)


def test_a_plan_with_dunnett_agrees_with_its_intervals_and_is_narrower_than_bonferroni() -> None:
    arms = {"c": Moments.of_counts(500, 5_000)}
    arms |= {f"t{i}": Moments.of_counts(500 + 30 * i, 5_000) for i in range(1, 6)}
    found = {}
    for method in (Correction.DUNNETT, Correction.BONFERRONI, Correction.NONE):
        (result,), _ = analyse_metrics(
            [metric_of(MetricKind.CONVERSION)],
            {"m": arms},
            control="c",
            plan=Plan(correction=method),
            validity=Validity.FIXED,
            tuning_units=1_000,
        )
        found[method] = result.comparisons
    for by_dunnett, strict, plain in zip(*found.values(), strict=True):
        assert plain.p_value_adjusted < by_dunnett.p_value_adjusted <= strict.p_value_adjusted  # type: ignore[operator]
        interval = by_dunnett.absolute_interval
        assert isinstance(interval, Interval)
        assert interval.lower > strict.absolute_interval.lower  # type: ignore[union-attr, operator]
        near = abs(by_dunnett.p_value_adjusted - 0.05) < 0.01  # type: ignore[operator]
        assert near or by_dunnett.significant is (interval.lower > 0)  # type: ignore[operator]
    assert [item.significant for item in found[Correction.DUNNETT]][-1]


@given(estimates, st.floats(0.01, 0.2))
def test_simultaneous_intervals_nest_by_strictness(given_estimates: list[Estimated], alpha: float) -> None:
    plain = simultaneous_intervals(given_estimates, "none", alpha=alpha)
    strict = simultaneous_intervals(given_estimates, "bonferroni", alpha=alpha)
    shown = simultaneous_intervals(given_estimates, "benjamini_hochberg", alpha=alpha)
    rejected = adjust([item.p_value for item in given_estimates], Correction.BENJAMINI_HOCHBERG)
    for a, b, c, p, item in zip(plain, strict, shown, rejected, given_estimates, strict=True):
        assert isinstance(a, Interval)
        assert isinstance(b, Interval)
        assert b.lower <= a.lower <= item.estimate <= a.upper <= b.upper  # type: ignore[operator]
        assert isinstance(c, Interval) is (p <= alpha)
        if isinstance(c, Interval):
            assert not c.lower < 0 < c.upper or abs(p - alpha) < 1e-9  # type: ignore[operator]


@given(estimates)
def test_holm_s_bounds_agree_with_holm_s_test(given_estimates: list[Estimated]) -> None:
    bounds = holm_lower_bounds(given_estimates)
    upper_tails = [item.p_value / 2 if item.estimate > 0 else 1 - item.p_value / 2 for item in given_estimates]
    for bound, p in zip(bounds, adjust(upper_tails, Correction.HOLM), strict=True):
        assert isinstance(bound, float)
        assert (bound >= 0) is (p <= 0.05)


def of_metric(purpose: Purpose, treatment: int, control: int = 1_000, n: int = 10_000) -> MetricTests:
    null = -0.01 if purpose is Purpose.GUARDRAIL else 0.0
    arms = (treatment, n), (control, n)
    better = two_proportion_z(*arms, alternative="greater", null=null)
    return MetricTests(purpose=purpose, better=better, worse=two_proportion_z(*arms, alternative="less"))


def test_the_rule_ships_stops_and_waits_with_reasons() -> None:
    plan = rule_plan(1, 1)
    quality = {"sample ratio": 0.4}
    win, safe = of_metric(Purpose.SUCCESS, 1_200), of_metric(Purpose.GUARDRAIL, 1_010)
    verdict = decide(plan, {"orders": win, "speed": safe}, quality)
    assert verdict.verdict is Verdict.SHIP
    assert verdict.reasons[1] == "speed is not worse by its margin"
    waiting = decide(plan, {"orders": win, "speed": of_metric(Purpose.GUARDRAIL, 960)}, quality)
    assert waiting.verdict is Verdict.INCONCLUSIVE
    assert "speed is not yet shown not to be worse by its margin" in waiting.reasons
    harmed = decide(plan, {"orders": win, "speed": of_metric(Purpose.GUARDRAIL, 800)}, quality)
    assert harmed.verdict is Verdict.DO_NOT_SHIP
    broken = decide(plan, {"orders": win, "speed": safe}, {"sample ratio": 1e-9})
    assert broken.verdict is Verdict.DO_NOT_SHIP
    assert broken.reasons[0].startswith("sample ratio fails")
    nothing = {"orders": of_metric(Purpose.SUCCESS, 0, 0, 0), "speed": of_metric(Purpose.GUARDRAIL, 0, 0, 0)}
    empty = decide(plan, nothing, {"sample ratio": NoEstimate("no_units", "none")})
    assert empty.verdict is Verdict.INCONCLUSIVE
    assert "sample ratio: none" in empty.reasons
    assert any("no unit has a value yet" in reason for reason in empty.reasons)


def test_the_rule_s_levels() -> None:
    plan = rule_plan(4, 3, n_quality=1, alpha=0.05, beta=0.2, alpha_deterioration=0.08)
    assert (plan.superiority, plan.non_inferiority) == (0.0125, 0.05)
    assert (plan.deterioration, plan.power_each) == (pytest.approx(0.01), pytest.approx(0.97))


@given(st.integers(0, 40), st.integers(0, 40), st.floats(0.1, 0.9))
def test_exact_splits_do_not_mind_order_and_the_likeliest_has_p_1(a: int, b: int, share: float) -> None:
    if a + b == 0:
        assert isinstance(exact_sample_ratio([a, b], [share, 1 - share]), NoEstimate)
        return
    one, other = exact_sample_ratio([a, b], [share, 1 - share]), exact_sample_ratio([b, a], [1 - share, share])
    assert one == pytest.approx(other)
    mode = math.floor((a + b + 1) * share)
    mode = min(mode, a + b)
    assert exact_sample_ratio([mode, a + b - mode], [share, 1 - share]) == pytest.approx(1.0)
    assert exact_sample_ratio([a, b, 7], [share, 1 - share, 0]) == pytest.approx(one)


def test_segments_name_where_the_split_is_off() -> None:
    segments = {"firefox": (5_000, 5_050), "safari": (3_000, 2_400), "new": (3, 4), "none": (0, 0)}
    found = sample_ratio_by_segment(segments, [1, 1])
    assert [item.segment for item in found if item.is_off] == ["safari"]
    assert found[0].segment == "safari"
    assert isinstance(found[-1].p_value, NoEstimate)
    watched = {item.segment: item for item in sample_ratio_by_segment(segments, [1, 1], watched=True)}
    assert watched["safari"].is_off
    assert watched["firefox"].p_value > found[1].p_value or watched["firefox"].p_value == 1.0  # type: ignore[operator]


def test_balance_finds_a_broken_split_and_joint_balance_many_small_gaps() -> None:
    rng = np.random.default_rng(4)
    before = rng.lognormal(1, 1, (2, 4_000))
    even = {"a": array_moments((VALUE,), (before[0],)), "b": array_moments((VALUE,), (before[1],))}
    broken = {"a": even["a"], "b": array_moments((VALUE,), (before[1] * 1.3,))}
    found = pre_period_balance({"even": even, "broken": broken})
    assert [(item.metric, item.is_off) for item in found] == [("broken", True), ("even", False)]
    names = tuple(f"m{i}" for i in range(20))
    shifted = rng.normal(0.05, 1, (20, 2_000)), rng.normal(0, 1, (20, 2_000))
    t, c = (array_moments(names, tuple(side)) for side in shifted)
    joint = joint_balance(t, c)
    assert isinstance(joint, float)
    assert joint < 0.001
    assert joint == pytest.approx(joint_balance(c, t))
    twice = array_moments(("a", "b"), (before[0], 2 * before[0])), array_moments(("a", "b"), (before[1], 2 * before[1]))
    assert isinstance(joint_balance(*twice), NoEstimate)


def test_calibration_hears_false_alarms_and_not_uniform_noise() -> None:
    rng = np.random.default_rng(8)
    good = aa_calibration(rng.random(400))
    assert not good.is_off
    assert "no sign of a fault" in good.sentence
    bad = aa_calibration(rng.random(400) ** 2)
    assert bad.is_off
    assert "too many false alarms" in bad.sentence


@given(st.floats(0.01, 0.99), st.floats(0.01, 0.2), st.floats(0.3, 0.99))
def test_risk_falls_with_success_and_power(success: float, alpha: float, power: float) -> None:
    risk = false_positive_risk(success, alpha=alpha, power=power)
    assert 0 < risk < 1
    assert false_positive_risk(min(0.999, success * 1.01), alpha=alpha, power=power) <= risk
    assert false_positive_risk(success, alpha=alpha, power=min(0.999, power * 1.01)) <= risk
    assert false_positive_risk(success, alpha=alpha, power=power, one_sided=True) > risk
    assert least_false_positive_risk(alpha) <= least_false_positive_risk(min(1.0, alpha * 1.1))


@given(st.floats(1.97, 12), st.floats(0.01, 100), st.booleans())
def test_winners_shrink_towards_nothing_and_the_sign_turns(z: float, error: float, only: bool) -> None:
    found = winner_corrected(z * error, error, improvements_only=only)
    assert isinstance(found, Corrected)
    assert found.estimate <= z * error * (1 + 1e-9)
    assert only or found.estimate >= -1e-6 * error
    turned = winner_corrected(-z * error, error, improvements_only=only)
    assert isinstance(turned, Corrected)
    assert turned.estimate == pytest.approx(-found.estimate, abs=1e-6 * error)
    assert found.interval.upper is not None
    assert turned.interval.lower == pytest.approx(-found.interval.upper, abs=1e-6 * error)
    if z > 6:
        assert found.estimate == pytest.approx(z * error, rel=1e-3)


def test_small_studies_exaggerate_and_large_ones_do_not() -> None:
    small, large = exaggeration(0.1, 1.0), exaggeration(5.0, 1.0)
    assert small.exaggeration > 10
    assert small.wrong_sign > 0.3
    assert large.exaggeration == pytest.approx(1.0, abs=0.01)
    shrunk = shrunk_effect(0.1, 0.05, prior_sd=0.05)
    assert shrunk.estimate == pytest.approx(0.05)
    assert shrunk.standard_deviation == pytest.approx(0.05 / math.sqrt(2))


@pytest.mark.parametrize(
    ("call", "field"),
    [
        (lambda: dunnett_p([1.0], [1, 2], 3), "statistics"),
        (lambda: dunnett_p([1.0], [0], 3), "sizes"),
        (lambda: dunnett_critical(0.7, [1], 3), "alpha"),
        (lambda: simultaneous_intervals([], "tukey"), "method"),
        (lambda: simultaneous_intervals([Estimated(estimate=1, standard_error=1)], "dunnett"), "sizes"),
        (lambda: rule_plan(0, 0), "n_success"),
        (lambda: rule_plan(1, 1, beta=0), "beta"),
        (lambda: decide(rule_plan(1, 0), {}, {}), "metrics"),
        (lambda: exact_sample_ratio([1, 2], [1]), "counts"),
        (lambda: exact_sample_ratio([1, -2], [1, 1]), "counts"),
        (lambda: exact_sample_ratio([1, 2], [1, -1]), "weights"),
        (lambda: sample_ratio_by_segment({"x": [1]}, [1, 1]), "segments.x"),
        (lambda: aa_calibration([0.5] * 5), "p_values"),
        (lambda: aa_calibration([1.5] * 50), "p_values"),
        (lambda: false_positive_risk(0), "success_rate"),
        (lambda: least_false_positive_risk(0), "p_value"),
        (lambda: exaggeration(0, 1), "effect"),
        (lambda: winner_corrected(1, 0), "standard_error"),
        (lambda: shrunk_effect(1, 1, prior_sd=0), "prior_sd"),
    ],
)
def test_wrong_arguments_are_named(call: Callable[[], Any], field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        call()
    assert caught.value.field == field


def test_what_cannot_be_judged_says_why() -> None:
    assert isinstance(winner_corrected(1.0, 1.0), NoEstimate)
    flat = simultaneous_intervals(
        [Estimated(estimate=1, standard_error=0), Estimated(estimate=1, standard_error=1)], "none"
    )
    assert isinstance(flat[0], NoEstimate)
    assert isinstance(flat[1], Interval)
    assert all(
        isinstance(item, NoEstimate)
        for item in simultaneous_intervals([Estimated(estimate=3, standard_error=1)], "hochberg")
    )
    many = exact_sample_ratio([10_000, 10_000, 10_000], [1, 1, 1])
    assert isinstance(many, NoEstimate)
    assert many.no_estimate == "too_many_units"


def test_names_do_as_well_as_members_and_others_are_refused() -> None:
    p = [0.01, 0.02, 0.04]
    for method in Correction:
        assert adjust(p, method.value) == adjust(p, method)
    split = {"a": 10_000, "b": 9_500}
    even = {"a": 1, "b": 1}
    for validity in Validity:
        assert sample_ratio(split, even, validity=validity.value) == sample_ratio(split, even, validity=validity)
    assert sample_ratio(split, even, validity="fixed").mismatch
    ratio = array_moments(("value", "denominator", "covariate"), tuple(np.arange(1.0, 40.0).reshape(3, 13)))
    assert adjustment({"a": ratio}, kind="ratio") == adjustment({"a": ratio}, kind=MetricKind.RATIO)
    for call, field in (
        (lambda: adjust(p, "garbage"), "method"),
        (lambda: sample_ratio(split, even, validity="sometimes"), "validity"),
        (lambda: adjustment({"a": ratio}, kind="share"), "kind"),
    ):
        with pytest.raises(InvalidInput) as caught:
            call()
        assert caught.value.field == field
