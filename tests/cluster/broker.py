"""A real Kafka broker in KRaft mode, from its published jars, to be killed and started again on its log."""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
import time
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

JARS = Path(__file__).parents[2] / "build" / "kafka"
START_SECONDS = 90
_SETTINGS = """
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
controller.listener.names=CONTROLLER
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT
log.dirs={folder}/log
num.partitions=4
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
# Each message is on disk before it is acknowledged: one broker has no replica to rely on.
log.flush.interval.messages=1
"""


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class RealBroker:
    """One node that is broker and controller."""

    def __init__(self, folder: Path) -> None:
        if shutil.which("java") is None or not any(JARS.glob("kafka_*.jar")):
            pytest.skip("no Java, or no jars of Kafka: `make test-cluster` fetches them where Maven is")
        self._folder = folder
        port, controller = _free_port(), _free_port()
        self.servers = f"127.0.0.1:{port}"
        self._settings = folder / "server.properties"
        self._settings.write_text(_SETTINGS.format(port=port, controller=controller, folder=folder))
        self._java("kafka.tools.StorageTool", "format", "-t", _cluster_id(), "-c", str(self._settings)).wait()
        self._process = self._start()

    def _java(self, main: str, *arguments: str) -> subprocess.Popen[bytes]:
        command = ["java", "-Xmx512m", "-cp", f"{JARS}/*", main, *arguments]
        with (self._folder / "broker.log").open("ab") as log:
            return subprocess.Popen(command, stdout=log, stderr=log, cwd=self._folder)

    def _start(self) -> subprocess.Popen[bytes]:
        process = self._java("kafka.Kafka", str(self._settings))
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            assert process.poll() is None, (self._folder / "broker.log").read_text()[-2_000:]
            with contextlib.suppress(KafkaException):
                AdminClient({"bootstrap.servers": self.servers, "log_level": 0}).list_topics(timeout=1)
                return process
            time.sleep(0.2)
        raise AssertionError("Kafka was not ready in time")

    def topic(self) -> str:
        """A name that nobody has used."""
        return f"events-{uuid.uuid4().hex[:8]}"

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def restart(self) -> None:
        self._process = self._start()


def _cluster_id() -> str:
    return urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")


@contextlib.contextmanager
def real_broker(folder: Path) -> Iterator[RealBroker]:
    """A broker for as long as the block runs."""
    broker = RealBroker(folder)
    try:
        yield broker
    finally:
        broker.kill()
