"""Counts and durations for Prometheus."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
_EDGES = (*(str(bound) for bound in _SECONDS), "+Inf")


class _Durations:
    """A histogram's numbers: how many fell into each bucket (the last one has no bound), and their sum in seconds."""

    __slots__ = ("counts", "seconds")

    def __init__(self) -> None:
        self.counts = [0] * len(_EDGES)
        self.seconds = 0.0

    def cumulative(self) -> list[tuple[str, float]]:
        """Bounds with the number at or below each."""
        total, buckets = 0, []
        for edge, count in zip(_EDGES, self.counts, strict=True):
            total += count
            buckets.append((edge, float(total)))
        return buckets


class _RequestPath(Collector):
    """What every request counts, in plain numbers that become metrics only when they are asked for.

    The library's own counters take a lock for each increment. All requests are counted by one thread, the event
    loop's, so here none is needed; a reader in another thread may see a count that is one behind.
    """

    def __init__(self) -> None:
        self.assigned: dict[tuple[str, str], int] = {}
        self.durations: dict[tuple[str, str, int], _Durations] = {}

    def collect(self) -> Iterator[Metric]:
        assigned = CounterMetricFamily(
            "ab_test_variant_assignments", "Variants handed out", labels=("experiment", "variant")
        )
        for labels, count in list(self.assigned.items()):
            assigned.add_metric(labels, count)
        yield assigned
        requests = HistogramMetricFamily(
            "ab_test_api_request_duration_seconds",
            "Time from the request's arrival to the end of the answer",
            labels=("method", "route", "status"),
        )
        for (method, route, status), durations in list(self.durations.items()):
            requests.add_metric((method, route, str(status)), durations.cumulative(), durations.seconds)
        yield requests


class _Waiting(Collector):
    """What waits for the disk."""

    def __init__(self, read: Callable[[], tuple[int, int]]) -> None:
        self._read = read

    def collect(self) -> Iterator[Metric]:
        n_events, n_bytes = self._read()
        yield GaugeMetricFamily("ab_test_events_waiting", "Events that wait for the disk", value=n_events)
        yield GaugeMetricFamily("ab_test_events_waiting_bytes", "Their size", value=n_bytes)


class PrometheusTelemetry:
    """The Telemetry port, with a registry of its own so that several can live in one process.

    `assigned` and `request_seconds` are for one thread only; all others for any.
    """

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self._registry = CollectorRegistry()
        self._created = self._counter("ab_test_experiments_created", "Experiments created")
        self._started = self._counter("ab_test_experiments_started", "Experiments started")
        self._completed = self._counter("ab_test_experiments_completed", "Experiments stopped for their analysis")
        self._events = self._counter("ab_test_metric_events", "Events accepted and on disk")
        self._refused = Counter(
            "ab_test_metric_events_refused", "Events refused", labelnames=("code",), registry=self._registry
        )
        self._filtered = Counter(
            "ab_test_events_filtered", "Events and exposures of bots and insiders", ("reason",), registry=self._registry
        )
        self._analysis = Histogram(
            "ab_test_statistical_test_duration_seconds",
            "Time of one analysis of all running experiments",
            buckets=_SECONDS,
            registry=self._registry,
        )
        self._parts = Gauge(
            "ab_test_part_up", "Whether a part that this process leans on answers", ["part"], registry=self._registry
        )
        self._request_path = _RequestPath()
        self._registry.register(self._request_path)

    def _counter(self, name: str, text: str) -> Counter:
        return Counter(name, text, registry=self._registry)

    def experiment_created(self) -> None:
        self._created.inc()

    def experiment_started(self) -> None:
        self._started.inc()

    def experiment_completed(self) -> None:
        self._completed.inc()

    def assigned(self, experiment: str, variant: str) -> None:
        counts = self._request_path.assigned
        labels = (experiment, variant)
        counts[labels] = counts.get(labels, 0) + 1

    def events_accepted(self, count: int) -> None:
        self._events.inc(count)

    def events_refused(self, code: str, count: int) -> None:
        self._refused.labels(code).inc(count)

    def events_filtered(self, reason: str, count: int) -> None:
        self._filtered.labels(reason).inc(count)

    def watch_waiting(self, read: Callable[[], tuple[int, int]]) -> None:
        self._registry.register(_Waiting(read))

    def request_seconds(self, method: str, route: str, status: int, seconds: float) -> None:
        labels = (method, route, status)
        durations = self._request_path.durations.get(labels)
        if durations is None:
            durations = self._request_path.durations[labels] = _Durations()
        durations.counts[bisect_left(_SECONDS, seconds)] += 1
        durations.seconds += seconds

    def analysis_seconds(self, seconds: float) -> None:
        self._analysis.observe(seconds)

    def part_answers(self, name: str, answers: bool) -> None:
        self._parts.labels(name).set(1 if answers else 0)

    def exposition(self) -> bytes:
        return generate_latest(self._registry)
