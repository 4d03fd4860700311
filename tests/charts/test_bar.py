"""The bar in a row: where its ends and its point are, and when an end is an arrow."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.charts.axis import LiftAxis, padded, tick_label
from assay.charts.bar import STRIP_CHARACTERS, axis_strip, bare_row, interval_bar, labelled_ticks
from tests.charts.comparing import compared, parsed, texts, with_class

AXIS = LiftAxis(-1.0, 1.0)


def percent(value: str | None) -> float:
    assert value is not None
    assert value.endswith("%")
    return float(value[:-1])


def test_ends_and_point_stand_at_their_lifts() -> None:
    root = parsed(interval_bar(compared(0.2, (-0.5, 0.6)), AXIS, label="Lift"))
    (reach,), (point,) = with_class(root, "reach"), with_class(root, "point")
    assert [percent(reach.get("x1")), percent(reach.get("x2"))] == [25, 80]
    assert percent(point.get("cx")) == 60
    assert with_class(root, "arrow") == []


@pytest.mark.parametrize(
    ("bounds", "arrows"),
    [((None, 0.5), 1), ((-0.5, None), 1), ((None, None), 2), ((-0.5, 7.0), 1), ((-4.0, 9.0), 2), ((-1.0, 1.0), 0)],
)
def test_an_end_that_runs_on_is_an_arrow(bounds: tuple[float | None, float | None], arrows: int) -> None:
    root = parsed(interval_bar(compared(0.0, bounds), AXIS, label="Lift"))
    assert len(with_class(root, "arrow")) == arrows


@pytest.mark.parametrize(("better", "tone"), [(True, "better"), (False, "worse"), (None, "unclear")])
def test_the_tone_follows_the_verdict(better: bool | None, tone: str) -> None:
    root = parsed(interval_bar(compared(0.2, (0.1, 0.3), better=better), AXIS, label="Lift"))
    assert len(with_class(root, tone)) == 1


def test_a_lift_without_an_interval_is_a_point_alone() -> None:
    root = parsed(interval_bar(compared(0.2, None), AXIS, label="Lift"))
    assert len(with_class(root, "point")) == 1
    assert with_class(root, "reach") == []


def test_without_a_lift_only_the_grid_is_drawn() -> None:
    root = parsed(interval_bar(compared(None, None), AXIS, label="cannot be computed"))
    assert with_class(root, "point") == with_class(root, "reach") == []
    assert len(with_class(root, "zero")) == 1


def test_the_bar_has_a_name_for_screen_readers() -> None:
    root = parsed(interval_bar(compared(0.2, (0.1, 0.3)), AXIS, label='Lift of "x" & <y>'))
    assert root.get("role") == "img"
    assert root.get("aria-label") == root[0].text == 'Lift of "x" & <y>'


def test_the_strip_writes_the_ticks_of_the_axis() -> None:
    assert texts(parsed(axis_strip(LiftAxis(-1.2, 1.2)))) == ["−100 %", "−50 %", "0 %", "+50 %", "+100 %"]


def test_the_bare_row_is_decoration() -> None:
    root = parsed(bare_row(AXIS))
    assert root.get("aria-hidden") == "true"
    assert len(with_class(root, "zero")) == 1


def test_labels_that_would_touch_are_left_out_and_zero_stays() -> None:
    axis = LiftAxis(-0.8, 4.0)
    assert [tick for tick, _ in labelled_ticks(axis, 1_000)] == axis.ticks()
    few = [tick for tick, _ in labelled_ticks(axis, 30)]
    assert 0.0 in few
    assert len(few) < len(axis.ticks())


@given(st.lists(st.floats(-0.99, 50), max_size=5))
def test_labels_never_touch_nor_stick_out(lifts: list[float]) -> None:
    spans = [
        (centre - len(tick_label(tick)) / 2, centre + len(tick_label(tick)) / 2)
        for tick, centre in labelled_ticks(padded(lifts), STRIP_CHARACTERS)
    ]
    assert all(0 <= left < right <= STRIP_CHARACTERS for left, right in spans)
    assert all(before[1] < after[0] for before, after in pairwise(spans))
