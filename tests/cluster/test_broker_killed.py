"""kill -9 of a real broker under load: nothing acknowledged is lost, and each event counts once."""

from __future__ import annotations

import random
import threading
import time
from pathlib import Path

from assay.adapters.duckdb_warehouse import DuckdbWarehouse
from assay.adapters.kafka_inbox import KafkaInbox
from assay.errors import Unavailable
from assay.model.activity import EventsAsked
from assay.model.event import moment_of
from assay.service.eventlines import EventLine, encode_line, event_key
from assay.service.loading import Loading
from tests.cluster.broker import RealBroker

START = 1_770_000_000_000_000
KILLS = 3
SEED = 5


def lines(client: int, number: int) -> bytes:
    found = []
    for i in range(10):
        unit = f"c{client}-{number}-{i}"
        key = event_key(unit, unit, "buy", START, "")
        found.append(encode_line(EventLine(key, unit, "buy", "", None, START, {"revenue": 1.0}, {})))
    return b"\n".join(found)


def test_a_broker_that_is_killed(broker: RealBroker, tmp_path: Path) -> None:
    topic, rng = broker.topic(), random.Random(SEED)
    inbox = KafkaInbox(broker.servers, topic=topic, group=topic, partitions=4)
    warehouse = DuckdbWarehouse(tmp_path / "w.duckdb")
    loading, stop, acknowledged = Loading(inbox, warehouse), threading.Event(), [0, 0, 0]

    def send(client: int) -> None:
        while not stop.is_set():
            try:
                inbox.append(lines(client, acknowledged[client])).result(30)
                acknowledged[client] += 1
            except Unavailable:
                time.sleep(0.1)

    clients = [threading.Thread(target=send, args=(i,)) for i in range(3)]
    for client in clients:
        client.start()
    for _ in range(KILLS):
        until = time.monotonic() + rng.uniform(1, 3)
        while time.monotonic() < until:
            _load(loading)
        broker.kill()
        _load(loading)
        broker.restart()
    time.sleep(2)
    stop.set()
    for client in clients:
        client.join(60)
    expected = 10 * sum(acknowledged)
    assert expected > 100
    deadline = time.monotonic() + 60
    asked = EventsAsked(since=moment_of(START - 1), until=moment_of(START + 1))
    while (found := warehouse.summary(asked, "revenue", (), approximate=False)).n_units < expected:
        assert time.monotonic() < deadline, f"{found.n_units} of {expected}"
        _load(loading)
    # What was sent and never acknowledged may be there: once.
    assert expected <= found.n_units <= expected + 30
    assert found.n_events == found.n_units
    inbox.close()
    warehouse.close()


def _load(loading: Loading) -> None:
    try:
        loading.load_all()
    except Unavailable:
        time.sleep(0.1)
