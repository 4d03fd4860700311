"""The ports in memory: the reference that every other adapter must agree with, and the oracle of its tests."""

from __future__ import annotations

import math
import threading
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import replace
from datetime import datetime, timezone
from typing import Any

import msgspec

from assay.errors import Conflict, NotFound
from assay.model.document import to_document
from assay.model.event import FirstExposure, microseconds, moment_of
from assay.model.experiment import Experiment
from assay.model.measurement import ExperimentMoments, MomentsRequest
from assay.model.metric import Aggregation, Measure, Metric, MetricKind
from assay.model.moments import DENOMINATOR, VALUE, Moments, covariate_columns
from assay.model.result import DataQuality, ExperimentResult
from assay.model.valuecounts import ValueCounts
from assay.ports import Change, InboxBatch, Item

_HOUR = 3_600_000_000


class MemoryDefinitions:
    """The Definitions port."""

    def __init__(self) -> None:
        self._experiments: dict[str, Experiment] = {}
        self._changes: list[Change] = []

    def version(self) -> int:
        return len(self._changes)

    def get(self, key: str) -> Experiment | None:
        return self._experiments.get(key)

    def all(self) -> list[Experiment]:
        epoch = datetime.fromtimestamp(0, timezone.utc)
        by_key = sorted(self._experiments.values(), key=lambda item: item.key)
        return sorted(by_key, key=lambda item: item.created_at or epoch, reverse=True)

    def save(self, experiment: Experiment, *, action: str, actor: str, at: datetime) -> Experiment:
        before = self._experiments.get(experiment.key)
        if before is not None and experiment.revision == 0:
            raise Conflict(f"there is an experiment '{experiment.key}' already")
        if (before.revision if before else 0) != experiment.revision:
            raise Conflict(f"experiment '{experiment.key}' was changed by someone else meanwhile")
        saved = replace(experiment, revision=experiment.revision + 1)
        self._experiments[saved.key] = saved
        self._log(saved.key, action, actor, at, before, saved)
        return saved

    def delete(self, key: str, *, actor: str, at: datetime) -> None:
        before = self._experiments.pop(key, None)
        if before is None:
            raise NotFound("experiment", key)
        self._log(key, "delete", actor, at, before, None)

    def changes(self, key: str) -> list[Change]:
        return [change for change in self._changes if change.experiment == key]

    def _log(
        self, key: str, action: str, actor: str, at: datetime, before: Experiment | None, after: Experiment | None
    ) -> None:
        documents = [to_document(item) if item is not None else None for item in (before, after)]
        change = Change(experiment=key, action=action, actor=actor, at=at, before=documents[0], after=documents[1])
        self._changes.append(change)


class MemoryShared:
    """The Shared port."""

    def __init__(self) -> None:
        self._items: dict[tuple[type, str], Any] = {}
        self._changes: list[Change] = []

    def get(self, kind: type[Item], key: str) -> Item | None:
        return self._items.get((kind, key))

    def all(self, kind: type[Item]) -> list[Item]:
        mine = sorted(key for known, key in self._items if known is kind)
        return [self._items[kind, key] for key in mine]

    def save(self, item: Item, *, action: str, actor: str, at: datetime) -> Item:
        before = self._items.get((type(item), item.key))
        name = type(item).__name__.lower()
        if before is not None and item.revision == 0:
            raise Conflict(f"there is a {name} '{item.key}' already")
        if (before.revision if before else 0) != item.revision:
            raise Conflict(f"{name} '{item.key}' was changed by someone else meanwhile")
        saved = replace(item, revision=item.revision + 1)
        self._items[type(item), item.key] = saved
        self._log(f"{name}:{item.key}", action, actor, at, before, saved)
        return saved

    def delete(self, kind: type[Item], key: str, *, actor: str, at: datetime) -> None:
        before = self._items.pop((kind, key), None)
        name = kind.__name__.lower()
        if before is None:
            raise NotFound(name, key)
        self._log(f"{name}:{key}", "delete", actor, at, before, None)

    def changes(self, kind: type[Item], key: str) -> list[Change]:
        return [change for change in self._changes if change.experiment == f"{kind.__name__.lower()}:{key}"]

    def _log(self, name: str, action: str, actor: str, at: datetime, before: Any, after: Any) -> None:
        documents = [to_document(item) if item is not None else None for item in (before, after)]
        change = Change(experiment=name, action=action, actor=actor, at=at, before=documents[0], after=documents[1])
        self._changes.append(change)


class MemoryResults:
    """The Results port."""

    def __init__(self) -> None:
        self._series: dict[str, list[ExperimentResult]] = defaultdict(list)

    def save(self, result: ExperimentResult, *, spacing_seconds: float = 0.0) -> None:
        series = self._series[result.experiment]
        if len(series) > 1 and (series[-1].at - series[-2].at).total_seconds() < spacing_seconds:
            series.pop()
        series.append(result)

    def latest(self, key: str) -> ExperimentResult | None:
        series = self._series.get(key)
        return series[-1] if series else None

    def series(self, key: str, *, limit: int = 200) -> list[ExperimentResult]:
        series = self._series.get(key, [])
        step = max(1, math.ceil(len(series) / limit))
        return [item for i, item in enumerate(series) if i == 0 or (len(series) - 1 - i) % step == 0]


class MemoryInbox:
    """The Inbox port; durable as long as the process."""

    def __init__(self) -> None:
        self._rows: list[tuple[int, bytes]] = []
        self._position = 0
        self._lock = threading.Lock()

    def append(self, lines: bytes) -> Future[None]:
        with self._lock:
            self._position += 1
            self._rows.append((self._position, lines))
        done: Future[None] = Future()
        done.set_result(None)
        return done

    def read(self, after: int, *, max_events: int) -> InboxBatch | None:
        lines: list[bytes] = []
        position = after
        for row_position, blob in self._rows:
            if row_position > after and len(lines) < max_events:
                lines.extend(blob.split(b"\n"))
                position = row_position
        return InboxBatch(tuple(lines), position) if position > after else None

    def trim(self, through: int) -> None:
        with self._lock:
            self._rows = [row for row in self._rows if row[0] > through]

    def close(self) -> None:
        """Nothing to close."""


class MemoryNotices:
    """The Notices port within one process."""

    def __init__(self) -> None:
        self._callbacks: dict[str, list[Callable[[], None]]] = defaultdict(list)

    def publish(self, key: str) -> None:
        for callback in list(self._callbacks.get(key, ())):
            callback()

    def subscribe(self, key: str, callback: Callable[[], None]) -> Callable[[], None]:
        self._callbacks[key].append(callback)
        return lambda: self._callbacks[key].remove(callback)


class MemoryWarehouse:
    """The Warehouse port by plain loops over plain events: slow, and easy to see to be right."""

    def __init__(self) -> None:
        self._events: dict[str, dict[str, Any]] = {}
        self._exposures: dict[tuple[str, str, str], int] = {}
        self._contexts: dict[tuple[str, str, str], Mapping[str, Any]] = {}
        self._position = 0

    def position(self) -> int:
        return self._position

    def load(self, batch: InboxBatch) -> int:
        if batch.position <= self._position:
            return 0
        before = len(self._events) + len(self._exposures)
        for line in batch.lines:
            event = msgspec.json.decode(line)
            if event["variant"] is None:
                self._events.setdefault(event["key"], event)
            else:
                met = (event["experiment"], event["unit"], event["variant"])
                if event["occurred_at"] < self._exposures.get(met, math.inf):
                    self._exposures[met], self._contexts[met] = event["occurred_at"], event["properties"]
        self._position = batch.position
        return len(self._events) + len(self._exposures) - before

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

    def close(self) -> None:
        """Nothing to close."""

    def _moments(self, request: MomentsRequest) -> ExperimentMoments:
        until = microseconds(request.until) if request.until else math.inf
        met: dict[str, dict[str, int]] = defaultdict(dict)
        for (experiment, unit, variant), at in self._exposures.items():
            if experiment == request.experiment and at < until:
                met[unit][variant] = at
        once = {unit: next(iter(seen.items())) for unit, seen in met.items() if len(seen) == 1}
        events: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for event in self._events.values():
            if event["experiment"] in ("", request.experiment) and event["occurred_at"] < until:
                events[event["unit"]].append(event)
        units = {variant: sum(v == variant for v, _ in once.values()) for variant in request.variants}
        firsts = [at for seen in met.values() for at in seen.values()]
        before = [
            sum(_comes_too_early(event, metric, at) for unit, (_, at) in once.items() for event in events[unit])
            for metric in request.metrics
        ]
        rows = {metric.key: _rows(metric, request.variants, once, events) for metric in request.metrics}
        return ExperimentMoments(
            experiment=request.experiment,
            units=units,
            metrics={metric.key: _arms(metric, rows[metric.key]) for metric in request.metrics},
            quality=DataQuality(
                units_in_two_variants=len(met) - len(once), events_before_exposure=max(before, default=0)
            ),
            first_exposure_at=datetime.fromtimestamp(min(firsts) / 1e6, timezone.utc) if firsts else None,
            value_counts={
                key: {variant: ValueCounts.of(row[0] for row in found) for variant, found in rows[key].items()}
                for key in request.value_counts
            },
        )


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
