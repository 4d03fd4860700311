"""The scaled-out stack – PostgreSQL, Redis, Kafka, ClickHouse – with parts killed at random under load: the counts are
exact in the end, and while a part is gone the others go on."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.engines.clickhouse import ClickhouseServer, clickhouse_server
from tests.engines.kafka import KafkaBroker, kafka_broker
from tests.engines.postgres import PostgresServer, postgres_server
from tests.engines.redis import RedisServer, redis_server
from tests.faults.nodes import Node, until

SEED, KILLS, CLIENTS, BATCH = 20261123, 6, 2, 10
BODY = {
    "id": "e",
    "name": "E",
    "variants": [{"id": "control"}, {"id": "green"}],
    "primary_metric": {"name": "revenue", "type": "sum", "event": "buy", "field": "revenue"},
    "secondary_metrics": [{"name": "purchases", "type": "count", "event": "buy"}],
}


@dataclass
class Cluster:
    """All parts, and the processes that use them."""

    postgres: PostgresServer
    redis: RedisServer
    kafka: KafkaBroker
    clickhouse: ClickhouseServer
    edge: Node
    control: Node
    worker: Node

    def health(self, node: Node) -> dict[str, Any]:
        document: dict[str, Any] = httpx.get(f"{node.url}/health").json()
        return document


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    with (
        postgres_server(tmp_path / "postgres") as postgres,
        redis_server(tmp_path / "redis") as redis,
        kafka_broker() as kafka,
        clickhouse_server(tmp_path / "clickhouse") as clickhouse,
    ):
        settings = {
            "DATABASE_URL": postgres.create(),
            "REDIS_URL": redis.url,
            "KAFKA_BOOTSTRAP_SERVERS": kafka.servers,
            "WAREHOUSE_URL": clickhouse.create(),
            "ANALYSIS_SECONDS": "0.5",
            "LOG_LEVEL": "WARNING",
        }
        nodes = [Node(tmp_path / role, role, settings) for role in ("edge", "control", "worker")]
        try:
            yield Cluster(postgres, redis, kafka, clickhouse, *nodes)
        finally:
            for node in nodes:
                node.kill()


def batch_of(client: int, number: int) -> list[dict[str, Any]]:
    events = []
    for i in range(BATCH):
        unit = f"c{client}-b{number}-u{i}"
        experiments = [{"experiment_id": "e", "variant_id": "control" if i % 2 else "green"}]
        events.append({"user_id": unit, "event_type": "exposure", "experiments": experiments, "event_id": f"{unit}-x"})
        for value in (1.0, 2.0):
            buy = {"user_id": unit, "event_type": "buy", "event_id": f"{unit}-{value}", "metrics": {"revenue": value}}
            events.append(buy)
    return events


def send(url: str, client: int, stop: threading.Event, acknowledged: list[int], refused: list[int]) -> None:
    """Batch after batch; one that is not acknowledged is sent again."""
    with httpx.Client(base_url=url, timeout=20) as http:
        while not stop.is_set():
            try:
                answer = http.post("/api/v1/events", json=batch_of(client, acknowledged[client]))
            except httpx.TransportError:
                time.sleep(0.05)
                continue
            if answer.status_code == 503:
                assert int(answer.headers["Retry-After"]) >= 1
                refused[client] += 1
                time.sleep(0.1)
                continue
            assert answer.status_code == 202, answer.text
            acknowledged[client] += 1


def begun(cluster: Cluster) -> None:
    httpx.post(f"{cluster.control.url}/api/v1/experiments", json=BODY).raise_for_status()
    httpx.post(f"{cluster.control.url}/api/v1/experiments/e/start").raise_for_status()
    until(lambda: assigned(cluster, "probe") == "assigned")


def assigned(cluster: Cluster, unit: str) -> str:
    question = {"user_id": unit, "experiments": ["e"], "log_exposure": False}
    answer = httpx.post(f"{cluster.edge.url}/api/v1/experiments/assign", json=question)
    return str(answer.json()["assignments"][0]["reason"])


def results(cluster: Cluster) -> dict[str, Any]:
    document: dict[str, Any] = httpx.get(f"{cluster.control.url}/api/v1/experiments/e/results", timeout=30).json()
    return document


def complete(cluster: Cluster, n_units: int) -> bool:
    found = results(cluster)
    if found.get("total_users_exposed", 0) < n_units:
        return False
    return all(item["metrics"]["purchases"]["value"] == 2.0 for item in found["variants"])


@pytest.mark.slow
def test_parts_killed_under_load(cluster: Cluster) -> None:
    begun(cluster)
    rng = random.Random(SEED)
    stop, acknowledged, refused = threading.Event(), [0] * CLIENTS, [0] * CLIENTS
    clients = [
        threading.Thread(target=send, args=(cluster.edge.url, i, stop, acknowledged, refused)) for i in range(CLIENTS)
    ]
    for client in clients:
        client.start()
    victims = ["worker", "edge", "clickhouse", "worker", "edge", "clickhouse"]
    rng.shuffle(victims)
    for victim in victims[:KILLS]:
        time.sleep(rng.uniform(0.3, 1.5))
        getattr(cluster, victim).kill()
        time.sleep(rng.uniform(0.0, 0.5))
        getattr(cluster, victim).restart()
    time.sleep(1)
    stop.set()
    for client in clients:
        client.join(60)
        assert not client.is_alive()
    n_units = sum(acknowledged) * BATCH
    assert n_units > 100
    until(lambda: complete(cluster, n_units), 90)
    found = results(cluster)
    # A batch that was sent and whose answer was lost is in it, too: once.
    assert n_units <= found["total_users_exposed"] <= n_units + CLIENTS * BATCH
    assert found["data_quality"]["units_in_two_variants"] == 0
    for variant in found["variants"]:
        assert variant["metrics"]["purchases"]["value"] == 2.0
        assert variant["metrics"]["revenue"]["value"] == 3.0


@pytest.mark.slow
def test_each_part_gone_and_back(cluster: Cluster) -> None:
    begun(cluster)
    event = {"user_id": "u", "event_type": "click"}

    def track(number: int) -> int:
        body = event | {"event_id": f"e{number}"}
        return httpx.post(f"{cluster.edge.url}/api/v1/events", json=body, timeout=20).status_code

    def problem(node: Node, part: str) -> bool:
        return bool(cluster.health(node)["parts"][part] != "ok")

    assert track(0) == 202
    for node in (cluster.edge, cluster.control, cluster.worker):
        until(lambda node=node: cluster.health(node)["status"] == "ok")  # type: ignore[misc]
    # Redis gone: assignment and tracking go on.
    cluster.redis.kill()
    until(lambda: problem(cluster.edge, "sticky"))
    assert (assigned(cluster, "a"), track(1)) == ("assigned", 202)
    metrics = httpx.get(f"{cluster.edge.url}/metrics").text
    assert 'ab_test_part_up{part="sticky"} 0.0' in metrics
    cluster.redis.restart()
    until(lambda: not problem(cluster.edge, "sticky"))
    # The database gone: the last snapshot decides, also after a restart.
    cluster.postgres.kill()
    until(lambda: problem(cluster.edge, "definitions"))
    assert (assigned(cluster, "b"), track(2)) == ("assigned", 202)
    assert httpx.get(f"{cluster.control.url}/api/v1/experiments").status_code == 503
    cluster.edge.kill()
    cluster.edge.restart()
    assert (assigned(cluster, "c"), track(3)) == ("assigned", 202)
    cluster.postgres.restart()
    until(lambda: not problem(cluster.edge, "definitions"))
    until(lambda: httpx.get(f"{cluster.control.url}/api/v1/experiments").status_code == 200)
    # The warehouse gone: events wait in Kafka.
    cluster.clickhouse.kill()
    until(lambda: problem(cluster.worker, "warehouse"))
    assert (assigned(cluster, "d"), track(4)) == ("assigned", 202)
    cluster.clickhouse.restart()
    until(lambda: not problem(cluster.worker, "warehouse"))
    # The broker gone: 503 with Retry-After; assignment goes on.
    cluster.kafka.pause()
    assert track(5) == 503
    assert assigned(cluster, "e") == "assigned"
    until(lambda: problem(cluster.edge, "inbox"))
    cluster.kafka.resume()
    until(lambda: track(6) == 202)
    for node in (cluster.edge, cluster.control, cluster.worker):
        until(lambda node=node: cluster.health(node)["status"] == "ok")  # type: ignore[misc]

    def counted() -> bool:
        answer = httpx.get(f"{cluster.control.url}/api/v1/events/summary?event_type=click", timeout=30)
        return answer.status_code == 200 and answer.json()["events"] in (6, 7)

    until(counted, 60)
