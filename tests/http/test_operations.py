"""Health, readiness, metrics, documentation, the calculator, the stream."""

from __future__ import annotations

import json
import re

import httpx
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from assay.service.assign import Assigning
from assay.service.reading import Reading
from tests.http.conftest import LiveServer, Server


async def test_health_and_readiness(server: Server) -> None:
    assert (await server.http.get("/health")).json()["status"] == "ok"
    await server.running()
    ready = await server.http.get("/ready")
    assert ready.status_code == 200
    assert ready.json()["running_experiments"] == 1


async def test_the_metrics_operators_know(server: Server) -> None:
    await server.running()
    await server.post("/experiments/assign", {"user_id": "u", "experiments": ["checkout"]})
    await server.post("/events", [{"user_id": "u", "event_type": "buy"}, {"user_id": "u"}])
    server.loop.round()
    await server.post("/experiments/checkout/stop")
    text = (await server.http.get("/metrics")).text
    for line in (
        "ab_test_experiments_created_total 1.0",
        "ab_test_experiments_started_total 1.0",
        "ab_test_experiments_completed_total 1.0",
        "ab_test_metric_events_total 1.0",
        'ab_test_metric_events_refused_total{code="invalid"} 1.0',
        "ab_test_events_waiting 0.0",
        "ab_test_events_waiting_bytes 0.0",
        "ab_test_statistical_test_duration_seconds_count 1.0",
        'ab_test_api_request_duration_seconds_count{method="POST",route="/api/v1/events",status="202"} 1.0',
        'route="/api/v1/experiments/{experiment_id}/start",status="200"} 1.0',
    ):
        assert line in text, line
    assert 'ab_test_variant_assignments_total{experiment="checkout",variant="' in text


async def test_every_endpoint_is_documented(server: Server) -> None:
    document = (await server.http.get("/api/openapi.json")).json()
    paths = document["paths"]
    for path in ("/api/v1/experiments/assign", "/api/v1/events", "/api/v1/experiments/{experiment_id}/results"):
        assert path in paths
    assert "AssignIn" in document["components"]["schemas"]
    for page in ("/api/docs", "/api/redoc"):
        shown = await server.http.get(page)
        assert shown.status_code == 200
        # Scripts and styles come from this server alone.
        for source in re.findall(r'(?:src|href)="([^"]+)"', shown.text):
            assert source.startswith("/"), source
            assert (await server.http.get(source)).status_code == 200


async def test_head_answers_as_get_without_a_body(server: Server) -> None:
    await server.running()
    for path in ("/health", "/ready", "/api/v1/experiments", "/api/v1/experiments/checkout/results"):
        asked, shown = await server.http.head(path), await server.http.get(path)
        assert (asked.status_code, asked.content) == (200, b"")
        assert asked.headers["content-type"] == shown.headers["content-type"]


@pytest.mark.parametrize("path", ["/api/v1/events", "/api/v1/experiments/assign"])
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "OPTIONS"])
async def test_a_wrong_method_is_told_the_right_one(server: Server, method: str, path: str) -> None:
    answer = await server.http.request(method, path)
    assert answer.status_code == 405
    assert answer.headers["allow"] == "POST"
    assert answer.json()["code"] == "method_not_allowed"


def test_a_mistake_of_ours_does_not_cost_the_connection(live: LiveServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Reading, "experiments", lambda _: 1 / 0)
    monkeypatch.setattr(Assigning, "assign", lambda *_: 1 / 0)
    with httpx.Client(base_url=live.url) as client:
        ports = set()
        for _ in range(3):
            for answer in (
                client.get("/api/v1/experiments"),
                client.post("/api/v1/experiments/assign", json={"user_id": "u"}),
                client.get("/health"),
            ):
                assert answer.status_code == (200 if answer.url.path == "/health" else 500)
                ports.add(answer.extensions["network_stream"].get_extra_info("client_addr"))
            assert answer.json()["status"] == "ok"
    assert len(ports) == 1


async def test_the_documented_sample_size_question(server: Server) -> None:
    question = {
        "metric_type": "conversion",
        "baseline_rate": 0.05,
        "mde": 0.10,
        "alpha": 0.05,
        "power": 0.80,
        "num_variants": 3,
        "two_tailed": True,
    }
    body = (await server.post("/experiments/sample-size", question)).json()
    assert body["required_without_correction"] == 31231
    assert body["required_sample_per_variant"] > 31231
    assert body["total_sample_size"] == 3 * body["required_sample_per_variant"]
    assert body["assumptions"]["alpha_per_comparison"] == 0.025
    assert body["assumptions"]["treatment_rate"] == body["assumptions"]["treatment_value"] == 0.055
    assert body["required_for_looking_at_any_time"] > body["required_sample_per_variant"]
    watched = (await server.post("/experiments/sample-size", question | {"method": "sequential"})).json()
    assert watched["required_sample_per_variant"] == body["required_for_looking_at_any_time"]
    effects = body["detectable_effect_sizes"]
    assert effects["10_percent_relative_lift"]["sample_size_per_variant"] == body["required_sample_per_variant"]
    two = (await server.post("/experiments/sample-size", question | {"num_variants": 2, "daily_traffic": 1000})).json()
    assert two["required_sample_per_variant"] == 31231
    assert two["days_to_completion"]["daily_traffic_given"] == 63


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"baseline_rate": 0}, "baseline_rate"),
        ({"baseline_rate": 1.2}, "baseline_rate"),
        ({"baseline_rate": None}, "baseline_rate"),
        ({"mde": 0}, "mde"),
        ({"mde": 30}, "mde"),
        ({"mde": 1e-300}, "mde"),
        ({"daily_traffic": 1e-320}, "daily_traffic"),
        ({"metric_type": "mean", "baseline_mean": 1e-200, "baseline_sd": 1e200}, "mde"),
        ({"metric_type": "mean", "baseline_mean": 1e308, "baseline_sd": 1, "mde": 1e5}, "mde"),
        ({"alpha": 1e-300}, "alpha"),
        ({"alpha": 0}, "alpha"),
        ({"power": 1}, "power"),
        ({"num_variants": 1}, "num_variants"),
        ({"metric_type": "mean", "baseline_mean": 5}, "baseline_sd"),
    ],
)
async def test_a_senseless_question_is_named(server: Server, change: dict[str, object], field: str) -> None:
    answer = await server.post("/experiments/sample-size", {"baseline_rate": 0.05, "mde": 0.1} | change)
    assert answer.status_code == 422, answer.text
    assert answer.json()["field"] == field
    if change.get(field):
        assert float(answer.json()["given"]) == change[field]


async def test_an_effect_too_small_is_told_what_can_be_found(server: Server) -> None:
    answer = await server.post("/experiments/sample-size", {"baseline_rate": 0.05, "mde": 1e-6})
    assert "fewer than a trillion units" in answer.json()["accepted"]
    # A rare event: the effect asked for can be found, the smaller ones of the table cannot.
    rare = await server.post("/experiments/sample-size", {"baseline_rate": 1e-9, "mde": 5})
    assert rare.status_code == 200
    assert rare.json()["detectable_effect_sizes"]["5_percent_relative_lift"]["no_estimate"] == "impossible_effect"


def test_the_stream_says_when_there_is_a_new_result(live: LiveServer) -> None:
    with httpx.Client(base_url=live.url) as client:
        body = {
            "id": "e",
            "name": "E",
            "variants": [{"id": "control"}, {"id": "b"}],
            "primary_metric": {"name": "bought", "event": "buy"},
        }
        client.post("/api/v1/experiments", json=body)
        client.post("/api/v1/experiments/e/start")
        with connect(f"{live.url.replace('http', 'ws')}/api/v1/experiments/e/stream") as socket:
            event = {
                "user_id": "u",
                "event_type": "exposure",
                "experiments": [{"experiment_id": "e", "variant_id": "b"}],
            }
            assert client.post("/api/v1/events", json=event).status_code == 202
            message = json.loads(socket.recv(timeout=10))
            while message["n_units"] == 0:
                message = json.loads(socket.recv(timeout=10))
    assert message["experiment_id"] == "e"
    assert message["n_units"] == 1
    assert message["recommendation"]["action"] == "continue"


def test_the_stream_of_an_unknown_experiment_is_closed(live: LiveServer) -> None:
    with connect(f"{live.url.replace('http', 'ws')}/api/v1/experiments/nope/stream") as socket:
        with pytest.raises(ConnectionClosed) as closed:
            socket.recv(timeout=10)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 4404
