"""A Kafka broker of the tests' own, from PyPI alone: librdkafka's, in a process that can be killed and stopped."""

from __future__ import annotations

import contextlib
import itertools
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

FRONT = Path(__file__).with_name("kafka_front.py")


class KafkaBroker:
    """A broker; topics appear when they are used, with four partitions."""

    def __init__(self) -> None:
        pytest.importorskip("confluent_kafka", reason="confluent-kafka is not installed: make test installs it")
        self.process = subprocess.Popen([sys.executable, str(FRONT)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        assert self.process.stdout is not None
        self.servers = self.process.stdout.readline().decode().strip()
        assert self.servers, "the broker did not start"
        self._names = itertools.count()

    def topic(self) -> str:
        """A name that nobody has used."""
        return f"events-{next(self._names)}"

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()

    def pause(self) -> None:
        """It answers nothing, and keeps what it has."""
        os.kill(self.process.pid, signal.SIGSTOP)

    def resume(self) -> None:
        os.kill(self.process.pid, signal.SIGCONT)


@contextlib.contextmanager
def kafka_broker() -> Iterator[KafkaBroker]:
    """A broker for as long as the block runs."""
    broker = KafkaBroker()
    try:
        yield broker
    finally:
        broker.resume()
        broker.kill()
