"""Monitoring, estimates after stopping, conditional power: duality, symmetry, refusals."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.errors import InvalidInput
from assay.model.result import Interval, NoEstimate
from assay.stats.fixed.core import two_proportion_z
from assay.stats.group_sequential.boundaries import pocock_boundaries
from assay.stats.group_sequential.cautions import skewness_of_z
from assay.stats.group_sequential.design import GroupDesign, group_design
from assay.stats.group_sequential.looks import Look
from assay.stats.group_sequential.monitoring import FinalEstimate, LookReport, monitor
from assay.stats.group_sequential.ordering import drift_exceeded, log_exceeding
from assay.stats.group_sequential.outcome import group_sequential_outcome
from assay.stats.group_sequential.spending import pocock_spending
from assay.stats.outcome import Alternative, Outcome

SIDES = list(Alternative)
DESIGNS = {side: group_design(3, alternative=side) for side in SIDES} | {
    "pocock": group_design(4, spending=pocock_spending()),
    "classic": group_design(3, spending=pocock_boundaries(3, alpha=0.01), alpha=0.01),
}
DESIGN = st.sampled_from(list(DESIGNS.values()))
LOOKS = st.lists(st.tuples(st.integers(1, 100), st.floats(-4, 4)), min_size=1, max_size=4, unique_by=lambda it: it[0])


def seen(pairs: list[tuple[int, float]], scale: float = 1.0, shift: float = 0.0) -> list[Look]:
    """Looks at percents of the plan with a z each, as estimates."""
    return [
        Look(information=p / 100, estimate=shift + scale * z / p**0.5, standard_error=scale / p**0.5)
        for p, z in sorted(pairs)
    ]


def bounded(interval: Interval | NoEstimate) -> tuple[float, float]:
    assert isinstance(interval, Interval)
    return (
        -math.inf if interval.lower is None else interval.lower,
        math.inf if interval.upper is None else interval.upper,
    )


def last(report: LookReport) -> tuple[float, float]:
    assert isinstance(report.repeated_p_value, float)
    assert isinstance(report.stagewise_p_value, float)
    return report.repeated_p_value, report.stagewise_p_value


@settings(max_examples=60)
@given(DESIGN, LOOKS, st.booleans())
def test_p_interval_and_boundary_agree_at_every_look(
    design: GroupDesign, pairs: list[tuple[int, float]], final: bool
) -> None:
    course = monitor(design, seen(pairs), final=final)
    ever = False
    for report in course.looks:
        if report.efficacy is None or isinstance(report.repeated_p_value, NoEstimate):
            continue
        assert isinstance(report.z, float)
        size = abs(report.z) if design.alternative is Alternative.TWO_SIDED else report.z
        if abs(size - report.efficacy) < 1e-6:
            return
        lower, upper = bounded(report.repeated_interval)
        out = size >= report.efficacy
        assert out == (report.repeated_p_value <= design.alpha) == (not lower <= 0 <= upper)
        if not ever:
            assert out == report.crossed
            assert isinstance(report.stagewise_p_value, float)
            # what is spent by crossing is what the stagewise p-value may be
            assert not out or report.stagewise_p_value <= report.alpha_spent * (1 + 1e-9)
        ever = ever or out
    assert course.rejected == ever == (course.stopped_at is not None)


@settings(max_examples=60)
@given(DESIGN, LOOKS)
def test_the_final_interval_agrees_with_its_p_value(design: GroupDesign, pairs: list[tuple[int, float]]) -> None:
    course = monitor(design, seen(pairs), final=True)
    assert isinstance(course.estimate, FinalEstimate)
    lower, upper = bounded(course.estimate.interval)
    assert lower <= course.estimate.median_unbiased <= upper
    assert course.estimate.p_value == pytest.approx(math.exp(course.estimate.log_p))
    if abs(course.estimate.p_value - design.alpha) > 1e-7:
        assert (course.estimate.p_value <= design.alpha) == (not lower <= 0 <= upper)
        assert (course.estimate.p_value <= design.alpha) == course.rejected


@settings(max_examples=40)
@given(DESIGN, LOOKS, st.floats(0.01, 100), st.floats(-50, 50))
def test_units_and_origin_do_not_matter(
    design: GroupDesign, pairs: list[tuple[int, float]], scale: float, shift: float
) -> None:
    plain = monitor(design, seen(pairs), final=True)
    moved = monitor(design, seen(pairs, scale, shift), null=shift, final=True)
    assert isinstance(plain.estimate, FinalEstimate)
    assert isinstance(moved.estimate, FinalEstimate)
    assert moved.estimate.p_value == pytest.approx(plain.estimate.p_value, rel=1e-6)
    wanted = shift + scale * plain.estimate.median_unbiased
    assert moved.estimate.median_unbiased == pytest.approx(wanted, abs=1e-7 * (1 + scale + abs(shift)))
    for a, b in zip(plain.looks, moved.looks, strict=True):
        if isinstance(a.repeated_interval, Interval):
            for x, y in zip(bounded(a.repeated_interval), bounded(b.repeated_interval), strict=True):
                assert y == pytest.approx(shift + scale * x, abs=1e-7 * (1 + scale + abs(shift)))


@settings(max_examples=40)
@given(LOOKS)
def test_swapping_the_arms_negates(pairs: list[tuple[int, float]]) -> None:
    swapped = [(p, -z) for p, z in pairs]
    for side, other in ((Alternative.TWO_SIDED, Alternative.TWO_SIDED), (Alternative.GREATER, Alternative.LESS)):
        a = monitor(DESIGNS[side], seen(pairs), final=True)
        b = monitor(DESIGNS[other], seen(swapped), final=True)
        assert isinstance(a.estimate, FinalEstimate)
        assert isinstance(b.estimate, FinalEstimate)
        assert b.estimate.median_unbiased == pytest.approx(-a.estimate.median_unbiased, abs=1e-8)
        assert b.estimate.log_p == pytest.approx(a.estimate.log_p, rel=1e-9, abs=1e-12)
        low, high = bounded(a.estimate.interval)
        assert bounded(b.estimate.interval) == pytest.approx((-high, -low), abs=1e-8)
        for x, y in zip(a.looks, b.looks, strict=True):
            assert x.repeated_p_value == (
                y.repeated_p_value if isinstance(y.repeated_p_value, NoEstimate) else pytest.approx(y.repeated_p_value)
            )


@settings(max_examples=20)
@given(LOOKS)
def test_intervals_nest_in_alpha(pairs: list[tuple[int, float]]) -> None:
    narrow = monitor(group_design(3, alpha=0.1), seen(pairs))
    wide = monitor(group_design(3, alpha=0.01), seen(pairs))
    for a, b in zip(narrow.looks, wide.looks, strict=True):
        if isinstance(a.repeated_interval, Interval):
            (low, high), (lower, upper) = bounded(a.repeated_interval), bounded(b.repeated_interval)
            assert lower <= low <= high <= upper


def test_one_look_is_the_test_for_one_look() -> None:
    design = group_design(1)
    course = monitor(design, [Look(information=1, estimate=2.0, standard_error=1.0)])
    p = 2 * 0.5 * math.erfc(2 / math.sqrt(2))
    assert last(course.looks[0]) == pytest.approx((p, p), rel=1e-9)
    assert bounded(course.looks[0].repeated_interval) == pytest.approx((0.04003601545994628, 3.9599639845400538))
    assert isinstance(course.estimate, FinalEstimate)
    assert course.estimate.median_unbiased == pytest.approx(2.0)
    assert bounded(course.estimate.interval) == pytest.approx(bounded(course.looks[0].repeated_interval))


def test_p_values_below_what_a_float_holds_keep_their_logarithm() -> None:
    report = monitor(group_design([0.5, 1]), [Look(information=0.5, z=60.0)]).looks[0]
    assert report.stagewise_log_p == pytest.approx(math.log(2) - 1805.0135, rel=1e-5)
    assert report.stagewise_p_value == pytest.approx(2.2250738585072014e-308)
    assert isinstance(report.repeated_log_p, float)
    # O'Brien–Fleming type: 2 Φ(-z √t) spends as a boundary of z would
    assert report.repeated_log_p == pytest.approx(math.log(4) - 904.59, rel=2e-3)
    assert report.crossed


def test_an_end_by_decree_takes_what_is_left() -> None:
    looks = seen([(30, 1.0), (60, 2.05)])
    for binding in (False, True):
        design = group_design(3, alpha=0.025, alternative="greater", futility=pocock_spending(), binding=binding)
        waiting, ended = monitor(design, looks), monitor(design, looks, final=True)
        assert not waiting.rejected
        assert ended.rejected
        report = ended.looks[-1]
        assert last(report)[0] <= 0.025 < last(waiting.looks[-1])[0]
        assert bounded(report.repeated_interval)[0] > 0 > bounded(waiting.looks[-1].repeated_interval)[0]
        assert report.alpha_spent == pytest.approx(0.025)


def test_an_early_stop_pulls_the_estimate_in() -> None:
    course = monitor(DESIGNS["pocock"], seen([(25, 3.0)]))
    assert isinstance(course.estimate, FinalEstimate)
    assert course.estimate.look == course.stopped_at == 1
    assert course.estimate.median_unbiased == pytest.approx(3.0 / 5, rel=1e-9)
    second = monitor(DESIGNS["pocock"], seen([(25, 1.0), (50, 3.0)])).estimate
    assert isinstance(second, FinalEstimate)
    assert 0 < second.median_unbiased < 3.0 / math.sqrt(50)


def test_looks_that_say_nothing_new_spend_nothing() -> None:
    design = group_design(3)
    empty = NoEstimate("empty_arm", "no unit has a value yet")
    first, last_one = (Look(information=t, estimate=e, standard_error=0.1) for t, e in ((0.3, 0.1), (0.7, 0.2)))
    looks: list[Look | Outcome | NoEstimate] = [
        empty,
        first,
        Look(information=0.3, estimate=0.2, standard_error=0.1),
        Look(information=0.2, estimate=0.2, standard_error=0.1),
        Look(information=0.6, estimate=0.0, standard_error=0.0),
        last_one,
    ]
    course = monitor(design, looks)
    codes = [item.uncounted.no_estimate if item.uncounted else None for item in course.looks]
    assert codes == ["empty_arm", None, "no_new_information", "no_new_information", "zero_variance", None]
    alone = monitor(design, [first, last_one])
    assert course.looks[5].efficacy == alone.looks[1].efficacy
    assert course.looks[4].alpha_spent == course.looks[1].alpha_spent
    assert course.looks[4].repeated_p_value == course.looks[4].uncounted


def test_nothing_seen_is_no_estimate() -> None:
    design = group_design(3)
    assert isinstance(monitor(design, []).estimate, NoEstimate)
    running = monitor(design, seen([(30, 1.0)])).estimate
    assert isinstance(running, NoEstimate)
    assert running.no_estimate == "still_running"
    bare = monitor(design, [Look(information=1.0, z=2.5)])
    assert bare.rejected
    assert isinstance(bare.estimate, NoEstimate)
    assert bare.estimate.no_estimate == "no_standard_error"
    outcome = group_sequential_outcome(design, [])
    assert isinstance(outcome.p_value, NoEstimate)
    assert not outcome.significant()


def test_futility_is_shown_and_only_a_binding_one_stops() -> None:
    kwargs: dict[str, Any] = {"alternative": "greater", "futility": pocock_spending()}
    free, bound = (group_design(3, binding=binding, **kwargs) for binding in (False, True))
    looks = seen([(33, -1.5), (66, 3.5)])
    course, stopped = monitor(free, looks), monitor(bound, looks)
    assert course.looks[0].crossed_futility
    assert course.stopped_at == 2
    assert course.rejected
    assert stopped.stopped_at == 1
    assert not stopped.rejected
    assert isinstance(stopped.estimate, FinalEstimate)
    later = stopped.looks[1].stagewise_p_value
    assert isinstance(later, NoEstimate)
    assert later.no_estimate == "stopped_before"
    alone = monitor(free, looks[:1]).estimate
    assert isinstance(alone, FinalEstimate)
    assert alone.p_value > 0.5


def test_repeated_intervals_do_not_trust_that_futility_binds() -> None:
    design = group_design(3, alternative="greater", futility=pocock_spending(), binding=True)
    plain = group_design(3, alternative="greater")
    looks = seen([(33, 0.5), (66, 1.5), (100, 1.7)])
    wide, same = monitor(design, looks).looks[-1], monitor(plain, looks).looks[-1]
    assert wide.repeated_interval == same.repeated_interval
    assert wide.efficacy is not None
    assert same.efficacy is not None
    assert wide.efficacy < same.efficacy


@pytest.mark.parametrize(
    ("call", "field"),
    [
        (lambda: skewness_of_z(1.0, 0, 5), "n_treatment"),
        (lambda: skewness_of_z(math.inf, 5, 5), "skewness"),
        (lambda: Look(information=0.5), "z"),
        (lambda: Look(z=1.0), "information"),
        (lambda: Look(information=0, z=1.0), "information"),
        (lambda: Look(information=1, z=math.nan), "z"),
        (lambda: Look(estimate=1.0), "standard_error"),
        (lambda: Look(estimate=1.0, standard_error=-1.0), "standard_error"),
        (lambda: monitor(group_design(2), [Look(estimate=1.0, standard_error=1.0)]), "maximum_information"),
        (lambda: monitor(group_design(2), [Look(information=500, z=1.0)]), "maximum_information"),
        (lambda: monitor(group_design(2), [], maximum_information=0), "maximum_information"),
        (lambda: monitor(group_design(2), [], null=math.nan), "null"),
        (lambda: monitor(group_design(2), [two_proportion_z((5, 9), (3, 9), null=0.1)]), "looks[0].null"),
        (lambda: group_sequential_outcome(group_design(2), [], p_value="best"), "p_value"),
    ],
)
def test_wrong_arguments_are_named(call: Any, field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        call()
    assert caught.value.field == field


def test_non_binding_futility_does_not_touch_p_values_and_estimates() -> None:
    looks = seen([(33, 0.2), (66, 1.5), (100, 2.2)])
    plain = group_design(3, alternative="greater")
    free = group_design(3, alternative="greater", futility=pocock_spending())
    bound = group_design(3, alternative="greater", futility=pocock_spending(), binding=True)
    assert monitor(free, looks).looks[0].crossed_futility
    assert monitor(free, looks).estimate == monitor(plain, looks).estimate
    later = seen([(33, 0.8), (66, 1.5), (100, 2.2)])
    assert monitor(bound, later).estimate != monitor(plain, later).estimate


@given(st.floats(-3, 3), st.floats(-2, 2), st.floats(-1, 0.5), st.floats(1, 3))
def test_what_exceeds_an_outcome_and_what_does_not_is_all(z: float, drift: float, stop: float, bound: float) -> None:
    information, kept = (0.3, 0.7, 1.0), [(stop, bound), (stop, bound)]
    above, below = (math.exp(log_exceeding(information, kept, z, drift, sign)) for sign in (1.0, -1.0))
    assert above + below == pytest.approx(1, abs=1e-9)
    for chance in (0.025, 0.5, 0.975):
        theta = drift_exceeded(information, kept, z, chance)
        assert math.exp(log_exceeding(information, kept, z, theta)) == pytest.approx(chance, abs=1e-8)
