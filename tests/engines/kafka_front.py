"""librdkafka's own broker, which speaks the protocol over TCP, in a process of its own. It prints its address."""

from __future__ import annotations

import signal

from confluent_kafka import Producer


def main() -> None:
    """Serve until killed."""
    producer = Producer({"test.mock.num.brokers": 1, "bootstrap.servers": "", "log_level": 0})
    broker = next(iter(producer.list_topics(timeout=10).brokers.values()))
    print(f"{broker.host}:{broker.port}", flush=True)
    signal.pause()


if __name__ == "__main__":
    main()
