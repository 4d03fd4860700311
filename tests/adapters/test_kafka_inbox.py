"""Kafka gone and back, redelivery, and loaders that come and go."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from assay.adapters.kafka_inbox import KafkaInbox
from assay.adapters.memory_warehouse import MemoryWarehouse
from assay.errors import Unavailable
from assay.service.eventlines import EventLine, encode_line, event_key
from assay.service.loading import Loading
from tests.engines.kafka import KafkaBroker, kafka_broker

START = 1_770_000_000_000_000


@pytest.fixture
def broker() -> Iterator[KafkaBroker]:
    with kafka_broker() as found:
        yield found


def line(number: int) -> bytes:
    unit = f"u{number}"
    key = event_key(unit, f"e{number}", "buy", START, "")
    return encode_line(EventLine(key, unit, "buy", "", None, START + number, {}, {}))


def load_until(loadings: list[Loading], warehouse: MemoryWarehouse, n_events: int) -> None:
    deadline = time.monotonic() + 60
    while len(warehouse._events) < n_events:
        assert time.monotonic() < deadline, f"{len(warehouse._events)} of {n_events} were loaded"
        for loading in loadings:
            loading.load_all()
        time.sleep(0.02)


def test_a_broker_that_stops_answering_and_goes_on(broker: KafkaBroker) -> None:
    topic = broker.topic()
    inbox = KafkaInbox(broker.servers, topic=topic, group=topic, partitions=None)
    warehouse = MemoryWarehouse()
    acknowledged = 0
    for _ in range(20):
        inbox.append(line(acknowledged)).result(10)
        acknowledged += 1
    broker.pause()
    began = time.monotonic()
    waiting = [inbox.append(line(1_000_000 + i)) for i in range(5)]
    for future in waiting:
        with pytest.raises(Unavailable, match="Kafka does not answer"):
            future.result(30)
    assert time.monotonic() - began < 20
    # Who comes while it is known to be gone does not wait.
    began = time.monotonic()
    with pytest.raises(Unavailable):
        inbox.append(line(2_000_000)).result(30)
    assert time.monotonic() - began < 1
    with pytest.raises(Unavailable):
        inbox.check()
    broker.resume()
    deadline = time.monotonic() + 30
    while acknowledged < 40:
        assert time.monotonic() < deadline, "it did not recover"
        try:
            inbox.append(line(acknowledged)).result(10)
            acknowledged += 1
        except Unavailable:
            time.sleep(0.2)
    inbox.check()
    load_until([Loading(inbox, warehouse)], warehouse, acknowledged)
    loaded = {event["unit"] for event in warehouse._events.values()}
    assert {f"u{i}" for i in range(acknowledged)} <= loaded
    inbox.close()


def test_an_edge_takes_no_part_in_loading(broker: KafkaBroker) -> None:
    edge = KafkaInbox(broker.servers, topic=broker.topic(), partitions=None, loads=False)
    edge.append(line(1)).result(10)
    with pytest.raises(Unavailable, match="does not load"):
        edge.partitions()
    edge.close()


def test_two_loaders_share_the_work_and_one_takes_over(broker: KafkaBroker) -> None:
    """Each event once in the warehouse, which keeps the positions, however the partitions go round."""
    topic, warehouse = broker.topic(), MemoryWarehouse()
    edge = KafkaInbox(broker.servers, topic=topic, partitions=None, loads=False)
    first, second = (KafkaInbox(broker.servers, topic=topic, group=topic, partitions=None) for _ in range(2))
    sent = 0
    for _ in range(200):
        edge.append(line(sent)).result(10)
        sent += 1
    load_until([Loading(first, warehouse), Loading(second, warehouse)], warehouse, sent)
    deadline = time.monotonic() + 60
    while not (first.partitions() and second.partitions()):
        assert time.monotonic() < deadline, "the work was not shared"
        time.sleep(0.05)
    assert not set(first.partitions()) & set(second.partitions())
    for _ in range(100):
        edge.append(line(sent)).result(10)
        sent += 1
    load_until([Loading(first, warehouse), Loading(second, warehouse)], warehouse, sent)
    second.close()
    for _ in range(100):
        edge.append(line(sent)).result(10)
        sent += 1
    load_until([Loading(first, warehouse)], warehouse, sent)
    assert len(warehouse._events) == sent
    for box in (edge, first):
        box.close()


def test_a_broker_that_is_not_there_at_the_start() -> None:
    inbox = KafkaInbox("127.0.0.1:9", topic="t", partitions=3)
    with pytest.raises(Unavailable):
        inbox.check()
    with pytest.raises(Unavailable):
        inbox.append(line(1)).result(30)
    inbox.close()
