"""Axes of relative lift: which stretch to show, and where its round numbers lie."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from assay.model.result import Comparison, Interval, MetricResult

_ROUND_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)
_PADDING = 0.05
_WIDEST_AGAINST_MEDIAN = 3.0
_EMPTY = 0.12


@dataclass(frozen=True, slots=True)
class LiftAxis:
    """A stretch of relative lifts from `low` to `high` (0.1 = +10 %); zero lies within it."""

    low: float
    high: float

    def position(self, lift: float) -> float:
        """Where a lift lies, from 0 (low end) to 1 (high end); beyond the ends it is held there."""
        return min(1.0, max(0.0, (lift - self.low) / (self.high - self.low)))

    def covers(self, lift: float) -> bool:
        """Whether a lift lies within the stretch."""
        return self.low <= lift <= self.high

    def ticks(self, at_most: int = 5) -> list[float]:
        """Round lifts within the stretch, at most so many, zero among them."""
        step = _round_step((self.high - self.low) / at_most)
        first, last = math.ceil(self.low / step), math.floor(self.high / step)
        return [i * step for i in range(first, last + 1)]


def tick_label(lift: float) -> str:
    """A round lift without digits that say nothing: 0.1 → '+10 %', 0 → '0 %'."""
    text = f"{lift * 100:,.6f}".rstrip("0").rstrip(".").replace("-", "−")
    return f"+{text} %" if lift > 0 else f"{'0' if text == '−0' else text} %"


def lift_axis(metrics: Sequence[MetricResult]) -> LiftAxis:
    """One axis for all comparisons: all points, and the intervals unless one is far wider than the others."""
    return spanning([item for metric in metrics for item in metric.comparisons])


def spanning(comparisons: Iterable[Comparison]) -> LiftAxis:
    """An axis over the points of these comparisons and, up to three times the median reach, their intervals."""
    points: list[float] = []
    bounds: list[float] = []
    reaches: list[float] = []
    for item in comparisons:
        if isinstance(item.relative, float):
            points.append(item.relative)
            found = [b for b in _bounds(item) if b is not None and math.isfinite(b)]
            bounds += found
            reaches += [max(abs(b) for b in found)] if found else []
    cap = max(_WIDEST_AGAINST_MEDIAN * median(reaches) if reaches else 0.0, *(1.2 * abs(p) for p in points), 0.0)
    return padded([*points, *(max(-cap, min(cap, bound)) for bound in bounds)])


def padded(values: Sequence[float]) -> LiftAxis:
    """An axis over the values and zero, with a little room; ±12 % when there is nothing to show."""
    low, high = min([0.0, *values]), max([0.0, *values])
    if high - low < 1e-9:
        return LiftAxis(-_EMPTY, _EMPTY)
    room = (high - low) * _PADDING
    # At least a tenth on either side of zero, so that the zero line is never the frame.
    return LiftAxis(min(low - room, -0.1 * (high - low)), max(high + room, 0.1 * (high - low)))


def _bounds(item: Comparison) -> tuple[float | None, ...]:
    interval = item.relative_interval
    return (interval.lower, interval.upper) if isinstance(interval, Interval) else ()


def _round_step(least: float) -> float:
    """The smallest round number that is at least `least`."""
    magnitude = 10.0 ** math.floor(math.log10(least))
    return next(step * magnitude for step in _ROUND_STEPS if step * magnitude >= least * (1 - 1e-9))
