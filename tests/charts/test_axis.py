"""Axes: zero always shown, round ticks, one wild interval does not squeeze the others."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.charts.axis import LiftAxis, lift_axis, padded, spanning, tick_label
from tests.charts.comparing import compared
from tests.dashboard.samples import analysed, even, headlines

LIFTS = st.floats(-0.99, 50, allow_nan=False)


@given(st.lists(LIFTS, max_size=8))
def test_zero_and_every_value_lie_within(values: list[float]) -> None:
    axis = padded(values)
    assert axis.low < 0 < axis.high
    assert all(axis.covers(value) for value in values)


@given(st.lists(LIFTS, min_size=1, max_size=8))
def test_ticks_are_few_even_and_hold_zero(values: list[float]) -> None:
    axis = padded(values)
    ticks = axis.ticks()
    assert 0.0 in ticks
    assert 2 <= len(ticks) <= 6
    gaps = [b - a for a, b in pairwise(ticks)]
    assert max(gaps) == pytest.approx(min(gaps))


def test_positions_run_from_left_to_right_and_stop_at_the_ends() -> None:
    axis = LiftAxis(-1.0, 3.0)
    assert [axis.position(lift) for lift in (-5.0, -1.0, 0.0, 1.0, 3.0, 9.0)] == [0, 0, 0.25, 0.5, 1, 1]


def test_one_wild_interval_does_not_squeeze_the_others() -> None:
    calm = [compared(0.1, (0.0, 0.2)), compared(-0.05, (-0.2, 0.1))]
    axis = spanning([*calm, compared(0.3, (-0.9, 80.0))])
    assert axis.high < 1.0
    assert all(axis.covers(bound) for bound in (-0.2, 0.0, 0.1, 0.2, 0.3))


def test_every_point_of_a_real_result_is_on_its_axis() -> None:
    experiment = headlines()
    metrics = analysed(experiment, even(experiment, 6_000)).metrics
    axis = lift_axis(metrics)
    lifts = [item.relative for metric in metrics for item in metric.comparisons if isinstance(item.relative, float)]
    assert len(lifts) == 8
    assert all(axis.covers(lift) for lift in lifts)


def test_without_any_lift_there_is_an_axis_around_zero() -> None:
    axis = spanning([compared(None, None)])
    assert axis.position(0.0) == 0.5


@pytest.mark.parametrize(
    ("lift", "label"), [(0.0, "0 %"), (-0.0, "0 %"), (0.1, "+10 %"), (-0.025, "−2.5 %"), (15.0, "+1,500 %")]
)
def test_tick_labels(lift: float, label: str) -> None:
    assert tick_label(lift) == label
