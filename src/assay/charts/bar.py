"""One interval with its point on a shared axis, as wide as the place it is put in."""

from __future__ import annotations

from assay.charts.axis import LiftAxis, tick_label
from assay.charts.svg import chart, element, share, words
from assay.model.result import Comparison, Interval, NoEstimate

BAR_HEIGHT = 30
AXIS_HEIGHT = 20
_ARROW_LEFT = "M0-5L-7 0L0 5Z"
_ARROW_RIGHT = "M0-5L7 0L0 5Z"
_END_SHARE = 0.02
STRIP_CHARACTERS = 34.0
"""How many characters of a tick's label fit along a strip, at least."""
_MIDDLE = "50%"


def tone_of(item: Comparison) -> str:
    """The class that colours a comparison: better, worse or unclear."""
    if item.better is None:
        return "unclear"
    return "better" if item.better else "worse"


def interval_bar(item: Comparison, axis: LiftAxis, *, label: str) -> str:
    """The bar for a row of a table: grid, zero line, interval, point; only grid and zero when there is no lift.

    An end without a bound, or beyond the axis, is an arrow. label: what screen readers say.
    """
    inside = gridlines(axis) + marks(item, axis)
    return chart(inside, label=label, width="100%", height=BAR_HEIGHT, kind="interval-bar")


def bare_row(axis: LiftAxis) -> str:
    """Grid and zero line alone, for the control's row; decoration, so it has no name of its own."""
    return element(
        "svg", gridlines(axis), class_="assay-chart interval-bar", width="100%", height=BAR_HEIGHT, aria_hidden="true"
    )


def axis_strip(axis: LiftAxis, *, label: str = "Axis of relative lift") -> str:
    """The axis' round numbers, for the head of the column that holds the bars."""
    ticks = "".join(
        element("text", words(tick_label(t)), x=share(centre / STRIP_CHARACTERS), y=14, text_anchor="middle",
                class_="faint small")
        for t, centre in labelled_ticks(axis, STRIP_CHARACTERS)
    )  # fmt: skip
    return chart(ticks, label=label, width="100%", height=AXIS_HEIGHT, kind="axis-strip")


def labelled_ticks(axis: LiftAxis, characters: float) -> list[tuple[float, float]]:
    """The ticks whose labels fit side by side on a strip `characters` wide, zero first, then outwards.

    With each the middle of its label, from 0 to `characters`, moved inwards where the label would stick out.
    """
    kept: list[tuple[float, float]] = []
    for tick in sorted(axis.ticks(), key=abs):
        half = len(tick_label(tick)) / 2
        centre = min(characters - half, max(half, axis.position(tick) * characters))
        if all(abs(centre - other) >= half + len(tick_label(t)) / 2 + 1 for t, other in kept):
            kept.append((tick, centre))
    return sorted(kept)


def gridlines(axis: LiftAxis) -> str:
    """A vertical line at every tick, from top to bottom, the zero line stronger."""
    return "".join(
        element("line", x1=share(x), x2=share(x), y1=0, y2="100%", class_="zero" if abs(t) < 1e-12 else "grid")
        for t in axis.ticks()
        for x in [axis.position(t)]
    )


def marks(item: Comparison, axis: LiftAxis) -> str:
    """Interval and point at half height; nothing when there is no lift."""
    if isinstance(item.relative, NoEstimate):
        return ""
    ends = _ends(item.relative_interval, axis)
    point = element("circle", cx=share(axis.position(item.relative)), cy=_MIDDLE, r=5, class_="point")
    return element("g", *_reach(ends), point, class_=tone_of(item))


def _reach(ends: tuple[tuple[float, bool], tuple[float, bool]] | None) -> list[str]:
    """The interval's bar, and an arrow at each end that runs on."""
    if ends is None:
        return []
    (left, left_open), (right, right_open) = ends
    found = [element("line", x1=share(left), x2=share(right), y1=_MIDDLE, y2=_MIDDLE, class_="reach")]
    for position, is_open, path in ((left, left_open, _ARROW_LEFT), (right, right_open, _ARROW_RIGHT)):
        if is_open:
            arrow = element("path", d=path, class_="arrow")
            found.append(element("svg", arrow, x=share(position), y=_MIDDLE, overflow="visible"))
    return found


def _ends(interval: Interval | NoEstimate, axis: LiftAxis) -> tuple[tuple[float, bool], tuple[float, bool]] | None:
    if isinstance(interval, NoEstimate):
        return None
    lower, upper = interval.lower, interval.upper
    left = (_END_SHARE, True) if lower is None or lower < axis.low else (axis.position(lower), False)
    right = (1 - _END_SHARE, True) if upper is None or upper > axis.high else (axis.position(upper), False)
    return left, right
