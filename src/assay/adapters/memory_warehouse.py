"""The Warehouse port by plain loops: the oracle of every engine's SQL."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timezone
from hashlib import md5
from typing import Any

import msgspec

from assay.model.activity import Activity, EventsAsked, EventsSummary, Grain
from assay.model.event import FirstExposure, microseconds, moment_of
from assay.model.measurement import ExperimentMoments, MomentsRequest
from assay.model.metric import Aggregation, Measure, Metric, MetricKind
from assay.model.moments import DENOMINATOR, VALUE, Moments, covariate_columns
from assay.model.result import DataQuality
from assay.model.valuecounts import ValueCounts
from assay.ports import InboxBatch

_HOUR = 3_600_000_000
_DAY = 24 * _HOUR


class MemoryWarehouse:
    """The Warehouse port by plain loops over plain events: slow, and easy to see to be right."""

    def __init__(self) -> None:
        self._events: dict[str, dict[str, Any]] = {}
        self._exposures: dict[tuple[str, str, str], int] = {}
        self._contexts: dict[tuple[str, str, str], Mapping[str, Any]] = {}
        self._positions: dict[int, int] = {}
        self._counts: dict[tuple[Grain, int, str, str], int] = defaultdict(int)

    def position(self, partition: int = 0) -> int:
        return self._positions.get(partition, 0)

    def load(self, batch: InboxBatch) -> int:
        if batch.position <= self.position(batch.partition):
            return 0
        before = len(self._events) + len(self._exposures)
        for line in batch.lines:
            event = msgspec.json.decode(line)
            if event["variant"] is None:
                if event["key"] not in self._events:
                    self._events[event["key"]] = event
                    for grain in Grain:
                        at = event["occurred_at"] - event["occurred_at"] % grain.microseconds
                        self._counts[grain, at, event["type"], event["experiment"]] += 1
            else:
                met = (event["experiment"], event["unit"], event["variant"])
                if event["occurred_at"] < self._exposures.get(met, math.inf):
                    self._exposures[met], self._contexts[met] = event["occurred_at"], event["properties"]
        self._positions[batch.partition] = batch.position
        return len(self._events) + len(self._exposures) - before

    def forget(self, unit: str) -> int:
        before = len(self._events) + len(self._exposures)
        self._events = {key: event for key, event in self._events.items() if event["unit"] != unit}
        self._exposures = {met: at for met, at in self._exposures.items() if met[1] != unit}
        self._contexts = {met: context for met, context in self._contexts.items() if met[1] != unit}
        return before - len(self._events) - len(self._exposures)

    def drop_before(self, moment: datetime) -> int:
        before = len(self._events)
        since = microseconds(moment) // _DAY * _DAY
        self._events = {key: event for key, event in self._events.items() if event["occurred_at"] >= since}
        return before - len(self._events)

    def moments(self, requests: Sequence[MomentsRequest]) -> dict[str, ExperimentMoments]:
        return {request.experiment: self._moments(request) for request in requests}

    def exposures(self) -> dict[str, int]:
        units: dict[str, set[str]] = defaultdict(set)
        for experiment, unit, _ in self._exposures:
            units[experiment].add(unit)
        return {experiment: len(names) for experiment, names in units.items()}

    def exposure_log(
        self, *, kept_under: Sequence[str] | None, unit: str | None, limit: int, offset: int
    ) -> list[FirstExposure]:
        found = sorted((-at, *met) for met, at in self._exposures.items())
        wanted = [
            FirstExposure(key, who, variant, moment_of(-before), self._contexts[key, who, variant])
            for before, key, who, variant in found
            if (kept_under is None or key in kept_under) and unit in (None, who)
        ]
        return wanted[offset : offset + limit]

    def activity(self, asked: EventsAsked, grain: Grain) -> list[Activity]:
        since, until = microseconds(asked.since), microseconds(asked.until)
        found = [
            (at, kind, experiment, count)
            for (of, at, kind, experiment), count in self._counts.items()
            if of is grain
            and since <= at < until
            and asked.type in (None, kind)
            and asked.experiment in (None, experiment)
        ]
        return [Activity(moment_of(at), kind, experiment, count) for at, kind, experiment, count in sorted(found)]

    def summary(
        self, asked: EventsAsked, field: str | None, quantiles: Sequence[float], *, approximate: bool
    ) -> EventsSummary:
        since, until = microseconds(asked.since), microseconds(asked.until)
        events = [
            event
            for event in self._events.values()
            if since <= event["occurred_at"] < until
            and asked.type in (None, event["type"])
            and asked.experiment in (None, event["experiment"])
        ]
        values = sorted(event["metrics"][field] for event in events if field in event["metrics"])
        return EventsSummary(
            n_events=len(events),
            n_units=len({event["unit"] for event in events}),
            n_values=len(values),
            mean=math.fsum(values) / len(values) if values else None,
            quantiles={share: _quantile(values, share) for share in quantiles} if values else {},
        )

    def check(self) -> None:
        """Memory always answers."""

    def close(self) -> None:
        """Nothing to close."""

    def _moments(self, request: MomentsRequest) -> ExperimentMoments:
        until = microseconds(request.until) if request.until else math.inf
        met: dict[str, dict[str, int]] = defaultdict(dict)
        for (experiment, unit, variant), at in self._exposures.items():
            if experiment == request.experiment and at < until and _in_sample(unit, request.one_in):
                met[unit][variant] = at
        once = {unit: next(iter(seen.items())) for unit, seen in met.items() if len(seen) == 1}
        events: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for event in self._events.values():
            if event["experiment"] in ("", request.experiment) and event["occurred_at"] < until:
                events[event["unit"]].append(event)
        units = {variant: sum(v == variant for v, _ in once.values()) for variant in request.variants}
        firsts = [at for seen in met.values() for at in seen.values()]
        before = sum(
            any(_comes_too_early(event, metric, at) for metric in request.metrics)
            for unit, (_, at) in once.items()
            for event in events[unit]
        )
        rows = {metric.key: _rows(metric, request.variants, once, events) for metric in request.metrics}
        return ExperimentMoments(
            experiment=request.experiment,
            units=units,
            metrics={metric.key: _arms(metric, rows[metric.key]) for metric in request.metrics},
            quality=DataQuality(units_in_two_variants=len(met) - len(once), events_before_exposure=before),
            first_exposure_at=datetime.fromtimestamp(min(firsts) / 1e6, timezone.utc) if firsts else None,
            value_counts={
                key: {variant: ValueCounts.of(row[0] for row in found) for variant, found in rows[key].items()}
                for key in request.value_counts
            },
            one_in=request.one_in,
        )


def _in_sample(unit: str, one_in: int) -> bool:
    return int(md5(f"{unit}:sample".encode()).hexdigest()[:8], 16) % one_in == 0


def _quantile(values: Sequence[float], share: float) -> float:
    place = share * (len(values) - 1)
    low = math.floor(place)
    high = min(low + 1, len(values) - 1)
    return values[low] + (values[high] - values[low]) * (place - low)


_Rows = dict[str, list[tuple[float, ...]]]


def _arms(metric: Metric, rows: _Rows) -> dict[str, Moments]:
    columns: tuple[str, ...] = (VALUE,)
    n_covariates = 0 if metric.covariate_hours is None else 1
    if metric.kind is MetricKind.RATIO:
        columns, n_covariates = (VALUE, DENOMINATOR), 2 * n_covariates
    columns += covariate_columns(n_covariates)
    return {variant: Moments.of(columns, found) for variant, found in rows.items()}


def _rows(
    metric: Metric,
    variants: Sequence[str],
    once: dict[str, tuple[str, int]],
    events: dict[str, list[dict[str, Any]]],
) -> _Rows:
    """Per variant one row a unit: value, denominator, covariates, as far as the metric has them."""
    rows: _Rows = {variant: [] for variant in variants}
    for unit, (variant, at) in once.items():
        end = at + metric.window_hours * _HOUR if metric.window_hours else math.inf
        value = _value(metric, metric.measure(), events[unit], at, end)
        if value is None and metric.kind in (MetricKind.MEAN, MetricKind.QUANTILE):
            continue
        row = [value or 0.0]
        if metric.denominator is not None:
            row.append(_aggregate(metric.denominator, events[unit], at, end) or 0.0)
        if metric.covariate_hours is not None:
            since = at - metric.covariate_hours * _HOUR
            row.append(_value(metric, metric.measure(), events[unit], since, at) or 0.0)
            if metric.denominator is not None:
                row.append(_aggregate(metric.denominator, events[unit], since, at) or 0.0)
        rows[variant].append(tuple(row))
    return rows


def _value(metric: Metric, measure: Measure, events: list[dict[str, Any]], start: float, end: float) -> float | None:
    value = _aggregate(measure, events, start, end)
    if value is None:
        return None
    if metric.kind is MetricKind.CONVERSION:
        value = min(value, 1.0)
    return value if metric.cap is None else min(value, metric.cap)


def _comes_too_early(event: dict[str, Any], metric: Metric, exposed_at: int) -> bool:
    """Before the first exposure, and not even a covariate's."""
    covered_from = exposed_at - (metric.covariate_hours or 0) * _HOUR
    return _matches(event, metric.measure()) and event["occurred_at"] < covered_from


def _matches(event: dict[str, Any], measure: Measure) -> bool:
    named = measure.event is None or event["type"] == measure.event
    return named and (measure.field is None or measure.field in event["metrics"])


def _aggregate(measure: Measure, events: list[dict[str, Any]], start: float, end: float) -> float | None:
    found = [event for event in events if start <= event["occurred_at"] < end and _matches(event, measure)]
    if not found:
        return None
    if measure.field is None or measure.aggregation is Aggregation.COUNT:
        return float(len(found))
    values = [event["metrics"][measure.field] for event in found]
    by_name: dict[Aggregation, Callable[[list[float]], float]] = {
        Aggregation.SUM: math.fsum,
        Aggregation.MEAN: lambda numbers: math.fsum(numbers) / len(numbers),
        Aggregation.MIN: min,
        Aggregation.MAX: max,
    }
    return by_name[measure.aggregation](values)
