"""The contract of the inbox, on a real broker."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from assay.adapters.kafka_inbox import KafkaInbox
from tests.cluster.broker import RealBroker
from tests.contract.test_inbox import *  # noqa: F403
from tests.contract.test_inbox import loaded_by


@pytest.fixture
def inbox(broker: RealBroker) -> Iterator[KafkaInbox]:
    topic = broker.topic()
    box = KafkaInbox(broker.servers, topic=topic, group=topic, partitions=3)
    loaded_by(box)
    yield box
    box.close()


def test_the_topic_is_made_with_its_partitions(inbox: KafkaInbox) -> None:
    assert loaded_by(inbox) == [0, 1, 2]
