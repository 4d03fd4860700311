"""The inbox in Kafka: a message per request, acknowledged by all replicas before it is acknowledged to anyone.

Where reading stands is kept by the warehouse, with what it loaded; the group's offsets are written for people's tools.
A position is the offset that follows the last message loaded.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future
from typing import Any

import structlog
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined]

from assay.errors import TooLarge, Unavailable
from assay.ports import InboxBatch

_DELIVERY_MS, _REQUEST_MS = 5_000, 3_000
_ANSWER_SECONDS, _READ_SECONDS = 3.0, 5.0
_MOST_BYTES = 900_000
_MESSAGES_AT_ONCE = 1_000
_REST_SECONDS = 1.0

_log = structlog.get_logger("assay.inbox")


class KafkaInbox:
    """The Inbox port. loads: takes part in the group that loads.

    partitions: of the topic, which is made if there is none; None: it is not made here.
    """

    def __init__(
        self,
        servers: str,
        *,
        topic: str = "assay-events",
        group: str = "assay-loader",
        partitions: int | None = 12,
        loads: bool = True,
    ) -> None:
        self._topic, self._n_partitions = topic, partitions or 1
        common: dict[str, Any] = {
            "bootstrap.servers": servers,
            "socket.timeout.ms": _REQUEST_MS,
            "reconnect.backoff.max.ms": 1_000,
            "log_level": 0,
        }
        producing = {
            "acks": "all",
            "enable.idempotence": True,
            "linger.ms": 2,
            "compression.type": "lz4",
            "delivery.timeout.ms": _DELIVERY_MS,
            "request.timeout.ms": _REQUEST_MS,
        }
        self._producer = Producer({**common, **producing})
        self._admin = AdminClient(common)
        self._rests_until = 0.0
        self._closed = threading.Event()
        self._reports = threading.Thread(target=self._report, name="inbox-reports", daemon=True)
        self._reports.start()
        if partitions is not None:
            threading.Thread(target=self._make_topic, name="inbox-topic", daemon=True).start()
        self._reader_lock = threading.Lock()
        self._assigned: tuple[int, ...] = ()
        self._readers: dict[int, _Reader] = {}
        self._consumer: Consumer | None = None
        if loads:
            consuming = {
                "group.id": group,
                "enable.auto.commit": False,
                "topic.metadata.refresh.interval.ms": 5_000,
                "auto.offset.reset": "earliest",
                "session.timeout.ms": 10_000,
                "fetch.wait.max.ms": 20,
                "queued.max.messages.kbytes": 8_192,
            }
            self._consuming = {**common, **consuming}
            self._consumer = Consumer(self._consuming)
            self._consumer.subscribe([topic], on_assign=self._take, on_revoke=self._give, on_lost=self._give)

    def append(self, lines: bytes) -> Future[None]:
        done: Future[None] = Future()
        if self._closed.is_set():
            done.set_exception(Unavailable("the inbox is closed", hint="the server is shutting down"))
        elif time.monotonic() < self._rests_until:
            done.set_exception(_unavailable("no broker has answered for a moment"))
        else:
            parts = _parts(lines)
            if any(len(part) > _MOST_BYTES for part in parts):
                done.set_exception(TooLarge(f"an event is longer than {_MOST_BYTES:,} bytes"))
            else:
                self._produce(parts, done)
        return done

    def partitions(self) -> Sequence[int]:
        with self._reader_lock:
            consumer = self._loading()
            # Whatever is assigned is paused, so that this asks for changes of the group and brings no message.
            message = consumer.poll(0)
            error = None if message is None else message.error()
            if error is not None and error.fatal():
                raise _unavailable(error.str())
            return self._assigned

    def read(self, after: int, *, max_events: int, partition: int = 0) -> InboxBatch | None:
        with self._reader_lock:
            self._loading()
            reader = self._readers.get(partition)
            if reader is None:
                reader = self._readers[partition] = _Reader(Consumer(self._consuming), self._topic, partition)
            try:
                return reader.read(after, max_events)
            except KafkaException as error:
                self._readers.pop(partition).close()
                raise _unavailable(error.args[0].str()) from error

    def trim(self, through: int, *, partition: int = 0) -> None:
        with self._reader_lock:
            try:
                self._loading().commit(offsets=[TopicPartition(self._topic, partition, through)], asynchronous=True)
            except KafkaException as error:
                _log.warning("the group's offset could not be written", why=str(error))

    def check(self) -> None:
        try:
            self._admin.list_topics(self._topic, timeout=_ANSWER_SECONDS)
        except KafkaException as error:
            raise _unavailable(error.args[0].str()) from error

    def close(self) -> None:
        """Send what waits, within seconds, and leave the group."""
        if self._closed.is_set():
            return
        self._producer.flush(_DELIVERY_MS / 1_000)
        self._closed.set()
        self._reports.join()
        with self._reader_lock:
            self._close_readers()
            if self._consumer is not None:
                self._consumer.close()
                self._consumer = None

    def _produce(self, parts: Sequence[bytes], done: Future[None]) -> None:
        waiting, failed = len(parts), ""

        def delivered(error: KafkaError | None, _: Message) -> None:
            # All reports come on one thread.
            nonlocal waiting, failed
            waiting -= 1
            failed = failed or ("" if error is None else error.str())
            if error is not None:
                self._rests_until = time.monotonic() + _REST_SECONDS
            if waiting == 0 and done.set_running_or_notify_cancel():
                if failed:
                    done.set_exception(_unavailable(failed))
                else:
                    done.set_result(None)

        for number, part in enumerate(parts):
            try:
                self._producer.produce(self._topic, part, on_delivery=delivered)
            except (BufferError, KafkaException) as error:
                waiting -= len(parts) - number
                failed = "too many events wait to be sent" if isinstance(error, BufferError) else str(error)
                if waiting == 0:
                    done.set_exception(_unavailable(failed))
                return

    def _loading(self) -> Consumer:
        if self._consumer is None:
            raise Unavailable("this process does not load events", hint="a worker does")
        return self._consumer

    def _take(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        consumer.assign(partitions)
        consumer.pause(partitions)
        self._assigned = tuple(sorted(item.partition for item in partitions))
        _log.info("partitions to load", partitions=self._assigned)

    def _give(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        consumer.unassign()
        self._close_readers()
        self._assigned = ()

    def _close_readers(self) -> None:
        while self._readers:
            self._readers.popitem()[1].close()

    def _report(self) -> None:
        """Serve what the broker says of each message."""
        while not self._closed.is_set():
            self._producer.poll(0.05)

    def _make_topic(self) -> None:
        """Until there is one, or it is known that it cannot be made from here."""
        while not self._closed.is_set():
            try:
                if self._topic not in self._admin.list_topics(timeout=_ANSWER_SECONDS).topics:
                    wanted = NewTopic(self._topic, num_partitions=self._n_partitions)
                    for made in self._admin.create_topics([wanted]).values():
                        made.result(timeout=_ANSWER_SECONDS)
                return
            except (KafkaException, TimeoutError) as error:
                code = error.args[0].code() if isinstance(error, KafkaException) else KafkaError._TIMED_OUT
                if code == KafkaError.TOPIC_ALREADY_EXISTS:
                    return
                if code not in (KafkaError._TRANSPORT, KafkaError._ALL_BROKERS_DOWN, KafkaError._TIMED_OUT):
                    why = str(error)
                    _log.warning("the topic cannot be made: make it, or let the broker", topic=self._topic, why=why)
                    return
            self._closed.wait(_REST_SECONDS)


class _Reader:
    """One partition, read from wherever it is asked to. It takes no part in the group."""

    def __init__(self, consumer: Consumer, topic: str, partition: int) -> None:
        self._consumer, self._topic, self._partition = consumer, topic, partition
        self._stands = -1

    def read(self, after: int, max_events: int) -> InboxBatch | None:
        at = TopicPartition(self._topic, self._partition, after)
        low, high = self._consumer.get_watermark_offsets(at, timeout=_ANSWER_SECONDS)
        if after < low:
            _log.error("events are gone from the topic before they were loaded", n_messages=low - after)
            at.offset = low
        if at.offset >= high:
            return None
        if self._stands != at.offset:
            self._consumer.assign([at])
        lines: list[bytes] = []
        position, deadline = at.offset, time.monotonic() + _READ_SECONDS
        while position < high and len(lines) < max_events and time.monotonic() < deadline:
            for message in self._consumer.consume(min(_MESSAGES_AT_ONCE, high - position), timeout=0.05):
                error = message.error()
                if error is not None:
                    raise KafkaException(error)
                position = int(message.offset() or 0) + 1
                lines.extend((message.value() or b"").split(b"\n"))
        self._stands = position
        return InboxBatch(tuple(lines), position, self._partition) if lines else None

    def close(self) -> None:
        self._consumer.close()


def _parts(lines: bytes) -> list[bytes]:
    """The lines in messages that a broker takes, divided at line ends."""
    if len(lines) <= _MOST_BYTES:
        return [lines]
    parts, size = [[]], 0  # type: list[list[bytes]], int
    for line in lines.split(b"\n"):
        if size and size + len(line) > _MOST_BYTES:
            parts.append([])
            size = 0
        parts[-1].append(line)
        size += len(line) + 1
    return [b"\n".join(part) for part in parts]


def _unavailable(why: str) -> Unavailable:
    return Unavailable(f"Kafka does not answer: {why}", hint="what was not acknowledged may be sent again")
