"""Lift over time: gaps, bands that run out of the frame, times and the last lift."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from assay.charts.timeticks import time_ticks
from assay.charts.trend import TrendPoint, trend, trend_axis
from tests.charts.comparing import parsed, texts, with_class

START = datetime(2026, 3, 1, 8, 0, tzinfo=timezone.utc)


def narrowing(n: int, first_half_width: float = 0.8) -> list[TrendPoint]:
    """Looks every hour, with a band that narrows like 1 / look."""
    widths = [first_half_width / (i + 1) for i in range(n)]
    return [TrendPoint(START + timedelta(hours=i), 0.1, 0.1 - w, 0.1 + w) for i, w in enumerate(widths)]


def test_line_and_band_are_drawn_and_the_last_lift_is_written() -> None:
    root = parsed(trend(narrowing(20), label="Lift"))
    assert len(with_class(root, "line")) == len(with_class(root, "band")) == 1
    assert "+10.0 %" in texts(root)
    assert len(with_class(root, "zero")) == 1


def test_no_line_runs_through_the_last_lift_s_label() -> None:
    root = parsed(trend(narrowing(20), label="Lift"))
    (label,) = [text for text in root.iter() if text.text == "+10.0 %" and "toned" in text.get("class", "")]
    ends = [line.get("x2", "") for line in (*with_class(root, "zero"), *with_class(root, "grid"))]
    assert ends
    assert all(float(end.rstrip("%")) < float(label.get("x", "").rstrip("%")) for end in ends)


def test_a_gap_breaks_the_line() -> None:
    points = narrowing(9)
    points[4] = TrendPoint(points[4].at, None)
    root = parsed(trend(points, label="Lift"))
    assert len(with_class(root, "line")) == len(with_class(root, "band")) == 2


def test_enormous_early_bands_do_not_flatten_the_rest() -> None:
    calm, wild = (
        trend_axis([narrowing(30)]),
        trend_axis([narrowing(30, first_half_width=900.0)[:1] + narrowing(30)[1:]]),
    )
    assert wild == calm
    assert calm.high < 0.5


def test_an_unbounded_band_runs_out_of_the_frame_and_does_not_stretch_the_axis() -> None:
    points = [TrendPoint(START, 0.2), *narrowing(10)[1:]]
    assert trend_axis([points]).high < 0.5
    (band,) = with_class(parsed(trend(points, label="Lift")), "band")
    heights = [float(pair.split()[1]) for pair in band.get("d", "").strip("MZ").split("L")]
    assert min(heights) < 0
    assert max(heights) > 1_000


def test_charts_side_by_side_share_an_axis_that_shows_all_last_bands() -> None:
    wide = [TrendPoint(p.at, 1.5, 0.4, 2.9) for p in narrowing(5)]
    axis = trend_axis([narrowing(5), wide])
    assert all(axis.covers(lift) for lift in (0.4, 1.5, 2.9, 0.1 - 0.8 / 5))


@pytest.mark.parametrize("points", [[], [TrendPoint(START, None)], [TrendPoint(START, 0.3, 0.1, 0.5)]])
def test_few_looks_make_a_picture_too(points: list[TrendPoint]) -> None:
    root = parsed(trend(points, label="Lift", standalone=True, width=400))
    assert root.get("role") == "img"
    assert texts(root)


@pytest.mark.parametrize(
    ("hours", "labels"),
    [
        (0.005, ["08:00:00", "08:00:05", "08:00:10", "08:00:15"]),
        (3, ["08:00", "09:00", "10:00", "11:00"]),
        (72, ["2 Mar", "3 Mar", "4 Mar"]),
        (24 * 28, ["8 Mar", "15 Mar", "22 Mar", "29 Mar"]),
    ],
)
def test_times_are_round(hours: float, labels: list[str]) -> None:
    assert [label for _, label in time_ticks(START, START + timedelta(hours=hours))] == labels


@pytest.mark.parametrize("seconds", [0, 0.4, 7, 61, 3_599, 86_401, 9e6, 9e8])
def test_times_lie_within_the_stretch_and_are_few(seconds: float) -> None:
    last = START + timedelta(seconds=seconds)
    found = time_ticks(START, last)
    assert 1 <= len(found) <= 6 or seconds > 1e8
    assert all(START <= at <= last for at, _ in found)
