"""The forest plot: every metric and treatment on one axis of relative lift."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from assay import wording
from assay.charts.axis import LiftAxis, lift_axis, tick_label
from assay.charts.bar import gridlines, labelled_ticks, marks, tone_of
from assay.charts.svg import chart, element, words
from assay.model.plan import Correction
from assay.model.result import Comparison, Interval, MetricResult, NoEstimate

_ROW, _HEAD, _TITLE, _AXIS = 40.0, 30.0, 34.0, 28.0
_LABEL_SHARE, _BAR_SHARE, _GAP = 0.26, 0.40, 18.0
_EDGE = 10.0
_SMALLEST_WIDTH = 480
_PIXELS_PER_CHARACTER = 7.2


def forest(metrics: Sequence[MetricResult], *, width: int = 860, standalone: bool = False) -> str:
    """One row per metric and treatment: interval and point, lift with its interval, p-value; reasons in words.

    width: pixels, at least 480. An end that is unbounded, or beyond the axis, is an arrow. p-values are the adjusted
    ones. standalone: colours travel with the SVG, for a notebook or a file.
    """
    width = max(_SMALLEST_WIDTH, width)
    axis = lift_axis(metrics)
    adjusted = any(metric.family_size > 1 and metric.correction is not Correction.NONE for metric in metrics)
    parts, y = [_heading(width, "p, adjusted" if adjusted else "p")], _HEAD
    for metric in metrics:
        parts.append(element("text", words(metric.title), x=_EDGE, y=y + 23, class_="heading"))
        y += _TITLE
        for item in metric.comparisons:
            parts.append(_row(item, axis, width, y))
            y += _ROW
    if not any(metric.comparisons for metric in metrics):
        parts.append(element("text", "Nothing to compare", x=_EDGE, y=y + 20, class_="faint"))
        y += _ROW
    parts = [_backdrop(axis, width, y), *parts, _ticks(axis, width, y)]
    label = f"Lift over control: {_in_words(metrics)}"
    return chart(*parts, label=label, width=float(width), height=y + _AXIS, kind="forest", standalone=standalone)


def _bar_place(width: int) -> tuple[float, float]:
    """Left end and width of the column of bars."""
    return width * _LABEL_SHARE, width * _BAR_SHARE


def _text_place(width: int) -> float:
    left, wide = _bar_place(width)
    return left + wide + _GAP


def _heading(width: int, p_heading: str) -> str:
    lift = element("text", "Lift, interval", x=_text_place(width), y=18, class_="faint small")
    p = element("text", p_heading, x=width - _EDGE, y=18, text_anchor="end", class_="faint small")
    return lift + p


def _backdrop(axis: LiftAxis, width: int, bottom: float) -> str:
    left, wide = _bar_place(width)
    return element("svg", gridlines(axis), x=left, y=_HEAD, width=wide, height=bottom - _HEAD)


def _ticks(axis: LiftAxis, width: int, y: float) -> str:
    left, wide = _bar_place(width)
    return "".join(
        element(
            "text", words(tick_label(t)), x=left + centre * _PIXELS_PER_CHARACTER, y=y + 18, text_anchor="middle",
            class_="faint small"
        )
        for t, centre in labelled_ticks(axis, wide / _PIXELS_PER_CHARACTER)
    )  # fmt: skip


def _row(item: Comparison, axis: LiftAxis, width: int, y: float) -> str:
    left, wide = _bar_place(width)
    name = _label(item.variant, left - 20, y)
    bar = element("svg", marks(item, axis), x=left, y=y, width=wide, height=_ROW, overflow="visible")
    return name + bar + _numbers(item, width, y)


def _label(variant: str, room: float, y: float) -> str:
    """The variant's key, cut to its column; the whole of it in a tooltip."""
    cut = textwrap.shorten(variant, 1000)
    most = int(room / _PIXELS_PER_CHARACTER)
    cut = cut if len(cut) <= most else cut[: most - 1] + "…"
    return element("text", element("title", words(variant)) + words(cut), x=2 * _EDGE, y=y + 24)


def _numbers(item: Comparison, width: int, y: float) -> str:
    x, tone = _text_place(width), tone_of(item)
    if isinstance(item.relative, NoEstimate):
        return _reason(f"No lift: {item.relative.reason}", x, width - _EDGE - x, y)
    lift = element("text", words(wording.lift(item.relative)), x=x, y=y + 17, class_="toned strong")
    interval = element("text", words(_interval(item)), x=x, y=y + 33, class_="faint small")
    p = element("text", words(_p(item)), x=width - _EDGE, y=y + 17, text_anchor="end")
    return element("g", lift, interval, p, class_=tone)


def _reason(text: str, x: float, room: float, y: float) -> str:
    """Words in up to two lines; the whole of them in a tooltip."""
    lines = textwrap.wrap(text, max(12, int(room / 6.2)), max_lines=2, placeholder=" …")
    spans = [element("tspan", words(line), x=x, dy=0 if i == 0 else 15) for i, line in enumerate(lines)]
    return element("text", element("title", words(text)), *spans, x=x, y=y + 17, class_="faint small")


def _interval(item: Comparison) -> str:
    interval = item.relative_interval
    return wording.lift_interval(interval.lower, interval.upper) if isinstance(interval, Interval) else "no interval"


def _p(item: Comparison) -> str:
    p = item.p_value_adjusted
    return "–" if isinstance(p, NoEstimate) else wording.p_value(p).removeprefix("p = ").removeprefix("p ")


def _in_words(metrics: Sequence[MetricResult]) -> str:
    """Every row as a phrase, for those who do not see the picture."""
    said = []
    for metric in metrics:
        for item in metric.comparisons:
            lift = item.relative
            text = "no estimate" if isinstance(lift, NoEstimate) else f"{wording.lift(lift)} ({_interval(item)})"
            said.append(f"{metric.title} {item.variant} {text}")
    return "; ".join(said) or "nothing to compare"
