"""A lift over time with its band: narrowing evidence at a glance."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from assay import wording
from assay.charts.axis import LiftAxis, padded, tick_label
from assay.charts.svg import chart, element, number, share, words
from assay.charts.timeticks import time_ticks

HEIGHT = 190
_PLOT_TOP, _PLOT_HEIGHT = 8.0, 152.0
_PLOT_SHARE = 0.79
_UNITS = 1000.0
_SETTLED_SHARE = 0.6
_SETTLED_BANDS = 1.2


@dataclass(frozen=True, slots=True)
class TrendPoint:
    """One look: the relative lift and its bounds. lift None: no estimate then (a gap); a bound of None: unbounded."""

    at: datetime
    lift: float | None
    lower: float | None = None
    upper: float | None = None


def trend_axis(series: Iterable[Sequence[TrendPoint]]) -> LiftAxis:
    """One vertical axis for charts side by side.

    It shows the last bands whole and the lifts of the later looks; the wide bands of the first looks run out of it.
    """
    values: list[float] = []
    for points in series:
        seen = [point for point in points if point.lift is not None]
        settled = seen[int(len(seen) * (1 - _SETTLED_SHARE)) :]
        values += [point.lift for point in settled if point.lift is not None]
        last = [bound for point in seen[-1:] for bound in (point.lower, point.upper) if bound is not None]
        values += [bound * _SETTLED_BANDS if abs(bound) > 0 else bound for bound in last]
    return padded(values)


def trend(
    points: Sequence[TrendPoint],
    *,
    label: str,
    axis: LiftAxis | None = None,
    tone: str = "unclear",
    width: float | None = None,
    standalone: bool = False,
) -> str:
    """Line and band over time, as wide as its place (or `width` pixels), with the last lift written at its end.

    label: what screen readers say. tone: better, worse or unclear.
    """
    axis = axis or trend_axis([points])
    frame = "100%" if width is None else width
    if not points:
        note = element("text", "No looks yet", x=0, y=HEIGHT / 2, class_="faint")
        return chart(note, label=label, width=frame, height=HEIGHT, kind="trend", standalone=standalone)
    across = _across(points)
    shapes = [_band(run, across, axis) + _line(run, across, axis) for run in _runs(points)]
    plot = element(
        "svg",
        element("g", *shapes, class_=tone),
        x=0,
        y=_PLOT_TOP,
        width=share(_PLOT_SHARE),
        height=_PLOT_HEIGHT,
        viewBox=f"0 0 {number(_UNITS)} {number(_UNITS)}",
        preserveAspectRatio="none",
    )
    parts = [_grid(axis), plot, _levels(axis), _times(points, across), _end(points, across, axis, tone)]
    return chart(*parts, label=label, width=frame, height=HEIGHT, kind="trend", standalone=standalone)


def _across(points: Sequence[TrendPoint]) -> dict[datetime, float]:
    """Each time's place from 0 to 1; a single look stands at the end."""
    first, last = points[0].at, points[-1].at
    span = (last - first).total_seconds()
    return {point.at: (point.at - first).total_seconds() / span if span else 1.0 for point in points}


def _runs(points: Sequence[TrendPoint]) -> list[list[TrendPoint]]:
    """Looks with a lift, split where there was none."""
    return [list(run) for has_lift, run in groupby(points, key=lambda point: point.lift is not None) if has_lift]


def _height(axis: LiftAxis, lift: float) -> float:
    """Distance from the top in the plot's own units; not held inside, so that lines leave the frame as they should."""
    raw = (axis.high - lift) / (axis.high - axis.low) * _UNITS
    return min(20 * _UNITS, max(-20 * _UNITS, raw))


def _band(run: Sequence[TrendPoint], across: dict[datetime, float], axis: LiftAxis) -> str:
    far = 50 * (axis.high - axis.low)
    upper = [(p.at, axis.high + far if p.upper is None else p.upper) for p in run]
    lower = [(p.at, axis.low - far if p.lower is None else p.lower) for p in reversed(run)]
    corners = [f"{number(across[at] * _UNITS)} {number(_height(axis, lift))}" for at, lift in (*upper, *lower)]
    return element("path", d=f"M{'L'.join(corners)}Z", class_="band")


def _line(run: Sequence[TrendPoint], across: dict[datetime, float], axis: LiftAxis) -> str:
    places = [(across[p.at] * _UNITS, _height(axis, p.lift)) for p in run if p.lift is not None]
    path = "L".join(f"{number(x)} {number(y)}" for x, y in places)
    return element("path", d=f"M{path}", class_="line", vector_effect="non-scaling-stroke")


def _y(axis: LiftAxis, lift: float) -> float:
    return _PLOT_TOP + (1 - axis.position(lift)) * _PLOT_HEIGHT


def _grid(axis: LiftAxis) -> str:
    return "".join(
        element("line", x1=0, x2=share(_PLOT_SHARE), y1=y, y2=y, class_="zero" if abs(tick) < 1e-12 else "grid")
        for tick in axis.ticks(4)
        for y in [_y(axis, tick)]
    )


def _levels(axis: LiftAxis) -> str:
    return "".join(
        element("text", words(tick_label(tick)), x=0, y=_y(axis, tick) - 4, class_="faint small halo")
        for tick in axis.ticks(4)
        if _y(axis, tick) > _PLOT_TOP + 10
    )


def _times(points: Sequence[TrendPoint], across: dict[datetime, float]) -> str:
    first, last = points[0].at, points[-1].at
    span = (last - first).total_seconds() or 1.0
    found = []
    ticks = time_ticks(first, last)
    for at, text in ticks:
        place = (at - first).total_seconds() / span if len(across) > 1 else 1.0
        if place < 0.06 and len(ticks) > 1:
            continue
        anchor = "start" if place < 0.06 else "middle"
        found.append(
            element(
                "text", words(text), x=share(place * _PLOT_SHARE), y=HEIGHT - 8, text_anchor=anchor,
                class_="faint small"
            )
        )  # fmt: skip
    return "".join(found)


def _end(points: Sequence[TrendPoint], across: dict[datetime, float], axis: LiftAxis, tone: str) -> str:
    last = next((point for point in reversed(points) if point.lift is not None), None)
    if last is None or last.lift is None:
        return element("text", "No lift can be computed yet", x=0, y=HEIGHT / 2, class_="faint halo")
    x, y = across[last.at] * _PLOT_SHARE, _y(axis, last.lift)
    dot = element("circle", cx=share(x), cy=y, r=4.5, class_="point")
    text = element("text", words(_short(last.lift)), x=share(x + 0.022), y=y + 4.5, class_="toned strong halo")
    return element("g", dot, text, class_=tone)


def _short(lift: float) -> str:
    """A lift that fits beside its dot: no digits after the point from ±100 % on."""
    return wording.lift(lift) if abs(lift) < 1 else f"{lift * 100:+,.0f} %".replace("-", "−")
