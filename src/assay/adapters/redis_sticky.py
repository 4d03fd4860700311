"""The sticky store in Redis: one hash per unit, kept for 30 days after its last use."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import redis
import structlog

from assay.errors import Unavailable

TTL_SECONDS = 30 * 86_400
_PREFIX = "assay:sticky:"
_TIMEOUT_SECONDS, _REST_SECONDS = 0.05, 1.0

_log = structlog.get_logger("assay.sticky")
Answer = TypeVar("Answer")


class RedisStickyStore:
    """The StickyStore port. A Redis that does not answer costs one request a moment, and then none for a second."""

    def __init__(self, url: str, *, max_connections: int = 50, ttl_seconds: int = TTL_SECONDS) -> None:
        self._client: Any = redis.Redis.from_url(
            url,
            socket_timeout=_TIMEOUT_SECONDS,
            socket_connect_timeout=_TIMEOUT_SECONDS,
            max_connections=max_connections,
            decode_responses=True,
        )
        self._ttl_seconds = ttl_seconds
        self._rests_until = 0.0
        self._gone = False
        self._lock = threading.Lock()

    def recall(self, unit: str, experiments: Sequence[str]) -> Mapping[str, str]:
        def ask() -> Mapping[str, str]:
            name = _PREFIX + unit
            pipeline = self._client.pipeline(transaction=False)
            pipeline.hmget(name, list(experiments))
            pipeline.expire(name, self._ttl_seconds)
            found = pipeline.execute()[0]
            return {key: value for key, value in zip(experiments, found, strict=True) if value is not None}

        return self._guarded(ask, {}) if experiments else {}

    def remember(self, unit: str, variants: Mapping[str, str]) -> None:
        def keep() -> None:
            name = _PREFIX + unit
            pipeline = self._client.pipeline(transaction=False)
            for key, variant in variants.items():
                # The first one stays: two processes that ask at once agree afterwards.
                pipeline.hsetnx(name, key, variant)
            pipeline.expire(name, self._ttl_seconds)
            pipeline.execute()

        if variants:
            self._guarded(keep, None)

    def forget(self, unit: str) -> None:
        try:
            self._client.delete(_PREFIX + unit)
        except redis.RedisError as error:
            raise Unavailable(f"Redis does not answer: {error}") from error

    def check(self) -> None:
        try:
            self._client.ping()
        except redis.RedisError as error:
            raise Unavailable(f"Redis does not answer: {error}") from error
        self._rests_until = 0.0

    def close(self) -> None:
        self._client.close()

    def _guarded(self, action: Callable[[], Answer], otherwise: Answer) -> Answer:
        if time.monotonic() < self._rests_until:
            return otherwise
        try:
            answer = action()
        except redis.RedisError as error:
            self._rests_until = time.monotonic() + _REST_SECONDS
            self._tell(gone=True, why=str(error))
            return otherwise
        self._tell(gone=False)
        return answer

    def _tell(self, *, gone: bool, why: str = "") -> None:
        """A change, once."""
        if gone is self._gone:
            return
        with self._lock:
            changed, self._gone = gone is not self._gone, gone
        if changed and gone:
            _log.warning("the sticky store does not answer; the draw alone decides", why=why)
        elif changed:
            _log.info("the sticky store answers again")
