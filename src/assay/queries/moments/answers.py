"""Rows of the queries → moments of experiments."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timezone
from typing import Any

from assay.model.measurement import ExperimentMoments, MomentsRequest
from assay.model.metric import Metric
from assay.model.moments import Moments
from assay.model.result import DataQuality
from assay.model.valuecounts import ValueCounts
from assay.queries.moments.chunks import Chunk
from assay.queries.moments.features import Shape, too_early

Rows = Iterable[Sequence[Any]]


class Answers:
    """Collects rows, and makes moments of them when all are in."""

    def __init__(self) -> None:
        self._units: dict[str, list[Sequence[Any]]] = {}
        self._early: dict[tuple[str, frozenset[Any]], int] = {}
        self._moments: dict[tuple[str, Shape, str], Moments] = {}
        self._counts: dict[tuple[str, Shape, str], tuple[list[float], list[int]]] = {}

    def add_units(self, rows: Rows) -> None:
        """Rows of `units_sql`."""
        for row in rows:
            self._units.setdefault(str(row[0]), []).append(row)

    def add_sums(self, chunk: Chunk, rows: Rows) -> None:
        """Rows of `sums_sql`."""
        early, shapes = chunk.early, chunk.shapes
        for experiment, arm, *cells in rows:
            for item in early:
                key = (str(experiment), item.covered)
                self._early[key] = self._early.get(key, 0) + int(cells.pop(0) or 0)
            for shape in shapes:
                k = len(shape.names)
                taken = 2 + k + k * (k + 1) // 2
                self._moments[str(experiment), shape, str(arm)] = _read(shape, cells[:taken])
                del cells[:taken]

    def add_counts(self, shape: Shape, rows: Rows) -> None:
        """Rows of `counts_sql`."""
        for experiment, arm, value, count in rows:
            values, counts = self._counts.setdefault((str(experiment), shape, str(arm)), ([], []))
            values.append(float(value))
            counts.append(int(count))

    def of(self, request: MomentsRequest) -> ExperimentMoments:
        """The moments of one experiment; units without events are zeros, where the metric's kind says so."""
        units = dict.fromkeys(request.variants, 0)
        twice, first_at = 0, None
        for _, arm, seen_twice, n_units, at in self._units.get(request.experiment, ()):
            if seen_twice:
                twice += int(n_units)
            elif arm in units:
                units[arm] = int(n_units)
            first_at = int(at) if first_at is None else min(int(at), first_at)
        early = self._early.get((request.experiment, too_early(request.metrics).covered), 0)
        return ExperimentMoments(
            experiment=request.experiment,
            units=units,
            metrics={metric.key: self._by_variant(request, metric, units) for metric in request.metrics},
            quality=DataQuality(units_in_two_variants=twice, events_before_exposure=early),
            first_exposure_at=None if first_at is None else datetime.fromtimestamp(first_at / 1e6, timezone.utc),
            value_counts={
                metric.key: self._counts_by_variant(request, metric, units)
                for metric in request.metrics
                if metric.key in request.value_counts
            },
            one_in=request.one_in,
        )

    def _by_variant(self, request: MomentsRequest, metric: Metric, units: dict[str, int]) -> dict[str, Moments]:
        shape, arms = Shape.of(metric), {}
        for variant, n_units in units.items():
            seen = self._moments.get((request.experiment, shape, variant), Moments.zeros(0, shape.names))
            without = 0 if shape.needs_value else n_units - seen.n
            arms[variant] = seen.merge(Moments.zeros(without, shape.names))
        return arms

    def _counts_by_variant(
        self, request: MomentsRequest, metric: Metric, units: dict[str, int]
    ) -> dict[str, ValueCounts]:
        shape, arms = Shape.of(metric), {}
        for variant, n_units in units.items():
            values, counts = self._counts.get((request.experiment, shape, variant), ([], []))
            order = sorted(range(len(values)), key=values.__getitem__)
            seen = ValueCounts(tuple(values[i] for i in order), tuple(counts[i] for i in order))
            without = 0 if shape.needs_value else n_units - seen.n
            arms[variant] = seen.merge(ValueCounts((0.0,), (without,))) if without else seen
        return arms


def _read(shape: Shape, cells: Sequence[Any]) -> Moments:
    n, k = int(cells[0] or 0), len(shape.names)
    if n == 0:
        return Moments.zeros(0, shape.names)
    numbers = [float(cell or 0.0) for cell in cells[1:]]
    return Moments(n, shape.names, tuple(numbers[1 : k + 1]), tuple(numbers[k + 1 :]), numbers[0])
