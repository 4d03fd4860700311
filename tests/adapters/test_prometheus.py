"""Counts and durations as Prometheus reads them."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest

from assay.adapters.prometheus import PrometheusTelemetry

SECONDS = (0.0001, 0.0005, 0.00051, 0.3, 5.0, 7.0)
BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)


def test_what_requests_count_reads_as_the_librarys_own_metrics_do() -> None:
    telemetry, registry = PrometheusTelemetry(), CollectorRegistry()
    own_counter = Counter(
        "ab_test_variant_assignments", "Variants handed out", ("experiment", "variant"), registry=registry
    )
    own_durations = Histogram(
        "ab_test_api_request_duration_seconds",
        "Time from the request's arrival to the end of the answer",
        ("method", "route", "status"),
        buckets=BUCKETS,
        registry=registry,
    )
    for variant in ("control", "green", "green", 'odd"\n'):
        telemetry.assigned("checkout", variant)
        own_counter.labels("checkout", variant).inc()
    for route, status in (("/a", 200), ("/a", 422), ("/b", 200)):
        for seconds in SECONDS:
            telemetry.request_seconds("POST", route, status, seconds)
            own_durations.labels("POST", route, str(status)).observe(seconds)
    expected = generate_latest(registry).decode().splitlines()
    given = telemetry.exposition().decode().splitlines()
    names = ("ab_test_variant_assignments", "ab_test_api_request_duration_seconds")
    assert [line for line in given if any(name in line for name in names)] == expected


def test_one_process_can_hold_several() -> None:
    first, second = PrometheusTelemetry(), PrometheusTelemetry()
    first.assigned("a", "b")
    assert b'{experiment="a",variant="b"} 1.0' in first.exposition()
    assert b'experiment="a"' not in second.exposition()
