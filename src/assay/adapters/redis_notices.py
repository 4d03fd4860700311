"""Notices of new results by Redis, to whichever process someone watches in."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import redis
import structlog

_CHANNEL = "assay:results"
_RECONNECT_SECONDS, _TIMEOUT_SECONDS = 1.0, 2.0

_log = structlog.get_logger("assay.notices")


class RedisNotices:
    """The Notices port. Within the process a notice needs no Redis; while Redis is gone only others miss it."""

    def __init__(self, url: str) -> None:
        self._client: Any = redis.Redis.from_url(
            url, socket_connect_timeout=_TIMEOUT_SECONDS, socket_timeout=_TIMEOUT_SECONDS, decode_responses=True
        )
        self._callbacks: dict[str, list[Callable[[], None]]] = defaultdict(list)
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._listener = threading.Thread(target=self._listen, name="notices", daemon=True)
        self.listening = threading.Event()
        self._listener.start()

    def publish(self, key: str) -> None:
        try:
            self._client.publish(_CHANNEL, key)
        except redis.RedisError as error:
            _log.warning("a notice could not be sent; telling this process alone", why=str(error))
            self._tell(key)

    def subscribe(self, key: str, callback: Callable[[], None]) -> Callable[[], None]:
        with self._lock:
            self._callbacks[key].append(callback)

        def end() -> None:
            with self._lock:
                self._callbacks[key].remove(callback)

        return end

    def close(self) -> None:
        """Stop listening."""
        self._closed.set()
        self._listener.join(timeout=5)
        self._client.close()

    def _tell(self, key: str) -> None:
        with self._lock:
            waiting = list(self._callbacks.get(key, ()))
        for callback in waiting:
            callback()

    def _listen(self) -> None:
        while not self._closed.is_set():
            try:
                with self._client.pubsub(ignore_subscribe_messages=True) as channel:
                    channel.subscribe(_CHANNEL)
                    self._hear(channel)
            except redis.RedisError:
                self.listening.clear()
                self._closed.wait(_RECONNECT_SECONDS)

    def _hear(self, channel: Any) -> None:
        self.listening.set()
        # What was told while nobody listened is lost: whoever waits looks once.
        for key in list(self._callbacks):
            self._tell(key)
        while not self._closed.is_set():
            message = channel.get_message(timeout=0.2)
            if message is not None:
                self._tell(str(message["data"]))
