"""Redis killed and back: nobody waits for it, and it is used again by itself."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from assay.adapters.redis_notices import RedisNotices
from assay.adapters.redis_sticky import RedisStickyStore
from assay.errors import Unavailable
from tests.engines.redis import RedisServer, redis_server


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    with redis_server(tmp_path) as server:
        yield server


def test_the_sticky_store_without_redis(redis: RedisServer) -> None:
    store = RedisStickyStore(redis.url)
    store.remember("u", {"a": "control"})
    redis.kill()
    began = time.monotonic()
    for _ in range(2_000):
        assert store.recall("u", ["a"]) == {}
        store.remember("v", {"a": "green"})
    # Two thousand requests that each waited for its answer would take minutes.
    assert time.monotonic() - began < 30
    for action in (store.check, lambda: store.forget("u")):
        with pytest.raises(Unavailable, match="Redis does not answer"):
            action()
    redis.restart()
    store.check()
    assert store.recall("u", ["a"]) == {"a": "control"}
    store.close()


def test_what_is_kept_has_an_end(redis: RedisServer) -> None:
    store = RedisStickyStore(redis.url, ttl_seconds=1)
    store.remember("u", {"a": "control"})
    assert store.recall("u", ["a"]) == {"a": "control"}
    time.sleep(1.5)
    assert store.recall("u", ["a"]) == {}
    store.close()


def test_notices_come_again(redis: RedisServer) -> None:
    here, there = RedisNotices(redis.url), RedisNotices(redis.url)
    assert here.listening.wait(10)
    assert there.listening.wait(10)
    told, home = threading.Event(), threading.Event()
    there.subscribe("a", told.set)
    here.subscribe("a", home.set)
    here.publish("a")
    assert told.wait(5)
    redis.kill()
    home.clear()
    here.publish("a")
    assert home.wait(5), "this process was not told"
    redis.restart()
    deadline = time.monotonic() + 20
    told.clear()
    while not told.wait(0.2):
        assert time.monotonic() < deadline
        here.publish("a")
    here.close()
    there.close()
