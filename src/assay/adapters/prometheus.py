"""Counts and durations for Prometheus."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics, generate_latest

_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)


class PrometheusTelemetry:
    """The Telemetry port, with a registry of its own so that several can live in one process."""

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self._registry = CollectorRegistry()
        self._created = self._counter("ab_test_experiments_created", "Experiments created")
        self._started = self._counter("ab_test_experiments_started", "Experiments started")
        self._completed = self._counter("ab_test_experiments_completed", "Experiments stopped for their analysis")
        self._assignments = self._counter(
            "ab_test_variant_assignments", "Variants handed out", ("experiment", "variant")
        )
        self._events = self._counter("ab_test_metric_events", "Events accepted and on disk")
        self._refused = self._counter("ab_test_metric_events_refused", "Events refused")
        self._requests = Histogram(
            "ab_test_api_request_duration_seconds",
            "Time from the request's arrival to the end of the answer",
            ("method", "route", "status"),
            buckets=_SECONDS,
            registry=self._registry,
        )
        self._analysis = Histogram(
            "ab_test_statistical_test_duration_seconds",
            "Time of one analysis of all running experiments",
            buckets=_SECONDS,
            registry=self._registry,
        )
        # Looking a labelled child up costs more than counting on it.
        self._children: dict[tuple[str, str], Counter] = {}
        self._durations: dict[tuple[str, str, int], Histogram] = {}

    def _counter(self, name: str, text: str, labels: tuple[str, ...] = ()) -> Counter:
        return Counter(name, text, labels, registry=self._registry)

    def experiment_created(self) -> None:
        self._created.inc()

    def experiment_started(self) -> None:
        self._started.inc()

    def experiment_completed(self) -> None:
        self._completed.inc()

    def assigned(self, experiment: str, variant: str) -> None:
        child = self._children.get((experiment, variant))
        if child is None:
            child = self._children[experiment, variant] = self._assignments.labels(experiment, variant)
        child.inc()

    def events_accepted(self, count: int) -> None:
        self._events.inc(count)

    def events_refused(self, count: int) -> None:
        self._refused.inc(count)

    def request_seconds(self, method: str, route: str, status: int, seconds: float) -> None:
        child = self._durations.get((method, route, status))
        if child is None:
            child = self._durations[method, route, status] = self._requests.labels(method, route, str(status))
        child.observe(seconds)

    def analysis_seconds(self, seconds: float) -> None:
        self._analysis.observe(seconds)

    def exposition(self) -> bytes:
        return generate_latest(self._registry)
