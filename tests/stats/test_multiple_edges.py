"""Dunnett far out, the rule's numbers, intervals of selected comparisons: edges, and what must agree."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.errors import InvalidInput
from assay.model.metric import Direction
from assay.model.plan import Correction
from assay.model.result import Interval, NoEstimate
from assay.stats.distributions import SMALLEST_P, student_p
from assay.stats.fixed.core import welch_t
from assay.stats.multiple.adjust import adjust
from assay.stats.multiple.dunnett import dunnett_critical, dunnett_p
from assay.stats.multiple.intervals import Estimated, simultaneous_intervals
from assay.stats.multiple.rule import MetricTests, Purpose, RulePlan, Verdict, decide, metric_tests, rule_plan
from assay.stats.outcome import Alternative

freedoms = st.one_of(st.floats(1, 1e7), st.just(math.inf))
sizes = st.floats(1e-3, 1e9)


@settings(max_examples=40)
@given(st.floats(0, 1e4), sizes, sizes, freedoms)
def test_dunnett_of_one_treatment_is_student_s_test(t: float, size: float, control: float, nu: float) -> None:
    plain = student_p(t, nu if nu <= 1e6 else math.inf)
    if plain > 1e-280:
        assert dunnett_p([t], [size], control, nu)[0] == pytest.approx(plain, rel=1e-7)
        one_sided = dunnett_p([t], [size], control, nu, one_sided=True)[0]
        assert one_sided == pytest.approx(plain / 2, rel=1e-7)


@settings(max_examples=40)
@given(st.floats(1, 30), st.lists(st.floats(1e-2, 1e6), min_size=2, max_size=5), st.floats(1e-2, 1e6), freedoms)
def test_dunnett_lies_between_one_test_and_all_of_them(t: float, arms: list[float], control: float, nu: float) -> None:
    plain = student_p(t, nu if nu <= 1e6 else math.inf)
    found = dunnett_p([t] * len(arms), arms, control, nu)
    assert found[0] == found[-1]
    assert plain * (1 - 1e-7) <= found[0] <= min(1.0, len(arms) * plain) * (1 + 1e-7)


def test_treatments_far_larger_than_the_control_are_one_comparison_and_far_smaller_ones_independent() -> None:
    p = student_p(2.0, math.inf)
    assert dunnett_p([2.0] * 4, [1e12] * 4, 1)[0] == pytest.approx(p, rel=1e-4)
    assert dunnett_p([2.0] * 4, [1] * 4, 1e12)[0] == pytest.approx(1 - (1 - p) ** 4, rel=1e-6)


@settings(max_examples=40)
@given(st.lists(st.floats(-6, 6), min_size=2, max_size=4), st.randoms())
def test_dunnett_does_not_mind_order_scale_or_sign(statistics: list[float], random: Any) -> None:
    arms = [(t, 50.0 * (i + 1)) for i, t in enumerate(statistics)]
    found = dict(zip(arms, dunnett_p([t for t, _ in arms], [n for _, n in arms], 70, 25), strict=True))
    random.shuffle(arms)
    turned = dunnett_p([-t for t, _ in arms], [3 * n for _, n in arms], 210, 25)
    assert turned == pytest.approx([found[arm] for arm in arms], rel=1e-9)


def test_dunnett_s_p_values_never_vanish_and_fall_with_distance() -> None:
    found = [dunnett_p([t, 0.0], [1, 1], 1, 50.0)[0] for t in (1.0, 5.0, 5.9, 6.1, 40.0, 1e6)]
    assert found == sorted(found, reverse=True)
    assert dunnett_p([1e9, math.inf], [1, 1], 1) == [SMALLEST_P, SMALLEST_P]
    assert dunnett_p([-math.inf, 40.0], [1, 1], 1, one_sided=True)[0] == 1.0


@settings(max_examples=40)
@given(st.floats(0.001, 0.2), st.floats(0.001, 0.2))
def test_dunnett_s_bounds_nest(a: float, b: float) -> None:
    low, high = sorted((a, b))
    assert dunnett_critical(low, [3, 4], 5, 20) >= dunnett_critical(high, [3, 4], 5, 20) - 1e-9


estimates = st.lists(
    st.builds(
        lambda e, s, nu: Estimated(estimate=e, standard_error=s, degrees_of_freedom=nu),
        st.floats(-9, 9),
        st.floats(0.1, 3),
        st.floats(3, 100),
    ),
    min_size=1,
    max_size=8,
)


@given(estimates, st.sampled_from([Correction.BENJAMINI_HOCHBERG, Correction.BENJAMINI_YEKUTIELI]))
def test_selected_intervals_exclude_0_and_are_there_for_the_rejected(
    given_estimates: list[Estimated], method: Correction
) -> None:
    rejected = adjust([item.p_value for item in given_estimates], method)
    for item, p in zip(simultaneous_intervals(given_estimates, method), rejected, strict=True):
        if isinstance(item, NoEstimate):
            assert item.no_estimate == "not_selected"
            assert p > 0.05
        else:
            assert p <= 0.05
            assert item.lower >= -1e-9 or item.upper <= 1e-9  # type: ignore[operator]


def test_intervals_of_all_comparisons_are_wider_than_those_of_the_rejected() -> None:
    given_estimates = [Estimated(estimate=5.0 + i, standard_error=1.0, degrees_of_freedom=30) for i in range(4)]

    def half(method: str, **more: Any) -> float:
        item = simultaneous_intervals(given_estimates, method, **more)[0]
        assert isinstance(item, Interval)
        assert item.lower is not None
        return 5.0 - item.lower

    by_dunnett = half("dunnett", sizes=[9] * 4, control_size=9)
    assert half("bonferroni") > by_dunnett > half("benjamini_yekutieli") > half("benjamini_hochberg")
    assert half("benjamini_hochberg") == half("none")  # all four are rejected
    assert simultaneous_intervals([], "dunnett", sizes=[], control_size=1) == []
    assert simultaneous_intervals([], "benjamini_yekutieli") == []


@given(st.integers(0, 5), st.integers(0, 5), st.integers(0, 3), st.integers(0, 3), st.floats(0.06, 0.5))
def test_the_ways_to_miss_add_up_to_beta(s: int, g: int, d: int, q: int, beta: float) -> None:
    if s + g == 0:
        return
    plan = rule_plan(s, g, n_deterioration=d, n_quality=q, beta=beta)
    must_pass = g + min(s, 1)
    assert must_pass * (1 - plan.power_each) + 0.05 == pytest.approx(beta)
    assert plan.superiority * max(1, s) == pytest.approx(0.05)
    assert plan.deterioration * (s + g + d + q) == pytest.approx(0.05)


@given(st.floats(-4, 4), st.floats(0.1, 3), st.floats(2, 60), st.floats(0.1, 3))
def test_tests_from_an_estimate_agree_with_their_intervals(e: float, se: float, nu: float, margin: float) -> None:
    up = metric_tests("guardrail", e, se, degrees_of_freedom=nu, margin=margin, alpha=0.05)
    down = metric_tests("guardrail", -e, se, degrees_of_freedom=nu, margin=margin, direction=Direction.DECREASE)
    assert up.better is not None
    assert down.better is not None
    assert (up.better.p_value, up.worse.p_value) == pytest.approx((down.better.p_value, down.worse.p_value))
    assert (up.better.alternative, down.better.alternative) == (Alternative.GREATER, Alternative.LESS)
    interval, p = up.better.interval, up.better.p_value
    assert isinstance(interval, Interval)
    assert isinstance(p, float)
    assert interval.upper is None
    assert abs(p - 0.05) < 1e-9 or (interval.lower > -margin) is (p < 0.05)  # type: ignore[operator]
    harm = up.worse.interval
    assert isinstance(harm, Interval)
    assert harm.lower is None
    assert abs(up.worse.p_value - 0.05) < 1e-9 or (harm.upper < 0) is (up.worse.p_value < 0.05)  # type: ignore[operator]


def test_tests_from_an_estimate_are_those_of_the_test_itself() -> None:
    t, c = [3.0, 4.5, 2.2, 6.1, 5.0], [2.0, 2.5, 3.3, 1.0, 2.7]
    outcome = welch_t(t, c, alternative="greater")
    assert isinstance(outcome.difference, float)
    assert outcome.statistic is not None
    own = metric_tests(
        Purpose.SUCCESS,
        outcome.difference,
        outcome.difference / outcome.statistic,
        degrees_of_freedom=outcome.degrees_of_freedom or math.inf,
    )
    assert own.better is not None
    assert own.better.p_value == pytest.approx(outcome.p_value)
    assert own.better.log_p == pytest.approx(outcome.log_p)
    assert own.better.significant() is outcome.significant()


PLAN = rule_plan(1, 1, n_deterioration=1, n_quality=2)
GOOD = {
    "orders": metric_tests("success", 5.0, 1.0),
    "speed": metric_tests("guardrail", -0.1, 0.2, margin=2.0, direction=Direction.DECREASE),
    "crashes": metric_tests("deterioration", 0.0, 1.0, direction=Direction.DECREASE),
}
QUALITY: dict[str, float | NoEstimate] = {"sample ratio": 0.5, "balance": 0.4}


def test_each_part_of_the_rule_can_turn_the_verdict() -> None:
    assert decide(PLAN, GOOD, QUALITY).verdict is Verdict.SHIP
    crashing = metric_tests("deterioration", 9.0, 1.0, direction=Direction.DECREASE)
    harmed = decide(PLAN, GOOD | {"crashes": crashing}, QUALITY)
    assert harmed.verdict is Verdict.DO_NOT_SHIP
    assert harmed.reasons == (f"crashes is worse (p = {crashing.worse.p_value:.2g})",)
    assert decide(PLAN, GOOD, QUALITY | {"balance": 0.01}).verdict is Verdict.DO_NOT_SHIP
    assert decide(PLAN, GOOD, QUALITY | {"balance": 0.011}).verdict is Verdict.SHIP
    weak = decide(PLAN, GOOD | {"orders": metric_tests("success", 1.0, 1.0)}, QUALITY)
    assert weak.verdict is Verdict.INCONCLUSIVE
    assert "no success metric is shown to be better" in weak.reasons
    slow = metric_tests("guardrail", 1.5, 0.5, margin=2.0, direction=Direction.DECREASE)
    assert decide(PLAN, GOOD | {"speed": slow}, QUALITY).verdict is Verdict.DO_NOT_SHIP
    unsure = metric_tests("guardrail", 0.0, 5.0, margin=2.0, direction=Direction.DECREASE)
    assert decide(PLAN, GOOD | {"speed": unsure}, QUALITY).verdict is Verdict.INCONCLUSIVE


def test_what_has_no_p_value_is_named_and_shows_nothing() -> None:
    flat = metric_tests("deterioration", 0.0, 0.0)
    named = decide(PLAN, GOOD | {"crashes": flat}, QUALITY | {"balance": NoEstimate("no_history", "no history yet")})
    assert named.verdict is Verdict.SHIP
    assert "balance: no history yet" in named.reasons
    assert sum("crashes" in reason for reason in named.reasons) == 1
    blind = decide(PLAN, GOOD | {"speed": metric_tests("guardrail", 0.0, 0.0, margin=1.0)}, QUALITY)
    assert blind.verdict is Verdict.INCONCLUSIVE


def guard(**changes: Any) -> MetricTests:
    return MetricTests(**{"purpose": Purpose.GUARDRAIL, "better": None, "worse": GOOD["orders"].worse} | changes)


@pytest.mark.parametrize(
    ("call", "field"),
    [
        (lambda: decide(PLAN, {"orders": GOOD["orders"]}, QUALITY), "metrics"),
        (lambda: decide(PLAN, GOOD | {"more": GOOD["orders"]}, QUALITY), "metrics"),
        (lambda: decide(PLAN, GOOD, {}), "quality"),
        (lambda: decide(PLAN, GOOD, QUALITY | {"balance": math.nan}), "quality.balance"),
        (guard, "better"),
        (lambda: guard(better=GOOD["orders"].worse), "worse"),
        (lambda: guard(better=welch_t([1, 2], [2, 4])), "better"),
        (lambda: guard(purpose=Purpose.DETERIORATION, better=GOOD["orders"].better), "better"),
        (lambda: rule_plan(1, 1, alpha_deterioration=0.2), "alpha_deterioration"),
        (lambda: rule_plan(1, 1, n_deterioration=-1), "n_deterioration"),
        (lambda: metric_tests("speed", 1, 1), "purpose"),
        (lambda: metric_tests("success", math.nan, 1), "estimate"),
        (lambda: metric_tests("success", 1, -1), "standard_error"),
        (lambda: metric_tests("success", 1, 1, degrees_of_freedom=0), "degrees_of_freedom"),
        (lambda: metric_tests("success", 1, 1, margin=1), "margin"),
        (lambda: metric_tests("guardrail", 1, 1), "margin"),
        (lambda: metric_tests("guardrail", 1, 1, margin=0), "margin"),
        (lambda: metric_tests("success", 1, 1, alpha=0), "alpha"),
        (lambda: Estimated(estimate=math.inf, standard_error=1), "estimate"),
        (lambda: Estimated(estimate=1, standard_error=-1), "standard_error"),
        (lambda: Estimated(estimate=1, standard_error=math.inf), "standard_error"),
        (lambda: Estimated(estimate=1, standard_error=1, degrees_of_freedom=0), "degrees_of_freedom"),
        (lambda: dunnett_p([math.nan], [1], 1), "statistics"),
        (lambda: dunnett_p([1.0], [1], 1, 0), "degrees_of_freedom"),
        (lambda: dunnett_p([1.0], [1], math.inf), "control_size"),
    ],
)
def test_wrong_arguments_are_named(call: Callable[[], RulePlan], field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        call()
    assert caught.value.field == field
