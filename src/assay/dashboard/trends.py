"""The lift of the primary metric over time, one chart per treatment on one axis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from assay import wording
from assay.charts.bar import tone_of
from assay.charts.trend import TrendPoint, trend, trend_axis
from assay.model.result import ExperimentResult, Interval, NoEstimate


@dataclass(frozen=True, slots=True)
class Trend:
    """One treatment's chart."""

    variant: str
    title: str
    chart: Markup


def trends(
    series: Sequence[ExperimentResult], latest: ExperimentResult, titles: Mapping[str, str]
) -> tuple[Trend, ...]:
    """Charts of the latest result's primary metric; none before there are two looks with a lift."""
    if latest.primary is None:
        return ()
    looks = [item for item in series if item.version == latest.version]
    points = {item.variant: _points(looks, item.variant) for item in latest.primary.comparisons}
    if max((sum(p.lift is not None for p in found) for found in points.values()), default=0) < 2:
        return ()
    axis = trend_axis(points.values())
    charts = []
    for item in latest.primary.comparisons:
        title, found = titles.get(item.variant, item.variant), points[item.variant]
        label = f"Lift of {title} over time: {_ending(found)}"
        charts.append(Trend(item.variant, title, Markup(trend(found, label=label, axis=axis, tone=tone_of(item)))))
    return tuple(charts)


def _ending(points: Sequence[TrendPoint]) -> str:
    last = points[-1] if points else None
    if last is None or last.lift is None:
        return "no lift at the last look"
    interval = wording.lift_interval(last.lower, last.upper)
    return f"{wording.lift(last.lift)} ({interval}) after {wording.count(len(points))} looks"


def _points(series: Sequence[ExperimentResult], variant: str) -> list[TrendPoint]:
    return [_point(result, variant) for result in series]


def _point(result: ExperimentResult, variant: str) -> TrendPoint:
    item = result.primary.comparison(variant) if result.primary else None
    if item is None or isinstance(item.relative, NoEstimate):
        return TrendPoint(result.at, None)
    interval = item.relative_interval
    if isinstance(interval, Interval):
        return TrendPoint(result.at, item.relative, interval.lower, interval.upper)
    return TrendPoint(result.at, item.relative)
