"""Events as lines of JSON: any number, checked and kept as they arrive, refused by their line."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import Future
from typing import Any

import httpx
import pytest

from assay.errors import Unavailable
from assay.service.eventstream import MAX_SHOWN
from tests.http.conftest import LiveServer, Server
from tests.http.test_edge import buy

LINES = {"content-type": "application/x-ndjson"}
URL = "/api/v1/events"


def line(i: int, **more: Any) -> bytes:
    return json.dumps(buy(f"u{i}", event_id=f"e{i}", **more)).encode() + b"\n"


async def send(server: Server, content: bytes, **headers: str) -> httpx.Response:
    return await server.http.post(URL, content=content, headers=LINES | headers)


def loaded(server: Server) -> int:
    """Events that were not in the warehouse before."""
    return server.app.services.loading.load_all()


@pytest.mark.parametrize(
    "kind", ["application/x-ndjson", "application/jsonlines", "Application/X-JSONLines; charset=utf-8"]
)
async def test_a_stream_of_any_length_is_kept(server: Server, kind: str) -> None:
    answer = await server.http.post(URL, content=b"".join(map(line, range(2_500))), headers={"content-type": kind})
    assert answer.status_code == 202
    body = answer.json()
    assert (body["lines"], body["accepted"], body["refused_count"], body["refused"]) == (2_500, 2_500, 0, [])
    assert loaded(server) == 2_500


@pytest.mark.parametrize("size", [1, 7, 1_000])
async def test_lines_are_the_same_however_the_stream_is_cut(server: Server, size: int) -> None:
    content = b"\n" + line(1) + b"\r\n  \n" + line(2) + b'{"user_id": 5}\r\n' + b" " + line(3).rstrip()

    async def cut() -> AsyncIterator[bytes]:
        for i in range(0, len(content), size):
            yield content[i : i + size]

    body = (await server.http.post(URL, content=cut(), headers=LINES)).json()
    assert body["accepted"] == 3
    assert [(item["line"], item["field"]) for item in body["refused"]] == [(6, "user_id")]
    assert loaded(server) == 3


async def test_what_is_wrong_is_named_by_its_line(server: Server) -> None:
    content = line(1) + b"nonsense\n" + line(2) + b'{"user_id": "u"}\n' + line(3, value=float("nan")) + b"[1]\n"
    body = (await send(server, content)).json()
    assert body["accepted"] == 2
    assert body["refused_count"] == 4
    assert [(item["line"], item["code"], item["field"]) for item in body["refused"]] == [
        (2, "invalid", "event"),
        (4, "invalid", "event_type"),
        (5, "not_a_number", "value"),
        (6, "invalid", "event"),
    ]


async def test_lines_that_only_fit_together_are_refused_each(server: Server) -> None:
    two_in_one = line(1).strip() + line(2)
    one_in_two = line(3).replace(b', "timestamp"', b',\n"timestamp"')
    body = (await send(server, two_in_one + one_in_two)).json()
    assert body["code"] == "invalid_input"
    assert [item["line"] for item in body["refused"]] == [1, 2, 3]


async def test_lines_that_are_too_long_are_refused_alone(server: Server) -> None:
    long = line(2, properties={"text": "x" * 70_000})
    endless = b'{"user_id": "' + b"x" * 500_000 + b"\n"
    body = (await send(server, line(1) + long + line(3) + endless + line(4))).json()
    assert body["accepted"] == 3
    assert [(item["line"], item["code"]) for item in body["refused"]] == [(2, "too_large"), (4, "too_large")]


async def test_the_first_refusals_are_shown_and_all_are_counted(server: Server) -> None:
    body = (await send(server, b"{}\n" * (MAX_SHOWN + 500) + line(1))).json()
    assert (body["accepted"], body["refused_count"]) == (1, MAX_SHOWN + 500)
    assert [item["line"] for item in body["refused"]] == list(range(1, MAX_SHOWN + 1))


@pytest.mark.parametrize("content", [b"", b"\n\n  \n"])
async def test_a_stream_without_lines_is_refused(server: Server, content: bytes) -> None:
    answer = await send(server, content)
    assert (answer.status_code, answer.json()["field"]) == (422, "body")


async def test_a_compressed_stream_is_longer_than_any_body_may_be(server: Server) -> None:
    lines = b"".join(line(i, properties={"text": "x" * 20_000}) for i in range(500))
    assert len(lines) > 8 * 1024 * 1024
    answer = await send(server, gzip.compress(lines), **{"content-encoding": "gzip"})
    assert (answer.status_code, answer.json()["accepted"]) == (202, 500)


async def test_what_came_before_the_damage_is_kept(server: Server) -> None:
    packed = zlib.compress(b"".join(map(line, range(20_000))))
    answer = await send(server, packed[: len(packed) // 2], **{"content-encoding": "deflate"})
    body = answer.json()
    assert (answer.status_code, body["field"]) == (400, "Content-Encoding")
    assert 0 < body["accepted"] == body["lines"] < 20_000
    assert loaded(server) == body["accepted"]


async def test_a_disk_that_fails_in_the_middle(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    append, calls = server.app.inbox.append, []

    def failing(lines: bytes) -> Future[None]:
        calls.append(lines)
        if len(calls) != 3:
            return append(lines)
        failed: Future[None] = Future()
        failed.set_exception(Unavailable("the disk is full", retry_after_seconds=7))
        return failed

    monkeypatch.setattr(server.app.inbox, "append", failing)
    content = b"".join(map(line, range(5_000)))
    answer = await send(server, content)
    body = answer.json()
    assert (answer.status_code, answer.headers["retry-after"], body["code"]) == (503, "7", "unavailable")
    assert (body["accepted"], body["lines"]) == (2_000, 2_000)
    # Sent again from the start: what was kept has the same ids.
    assert (await send(server, content)).json()["accepted"] == 5_000
    assert loaded(server) == 5_000


def test_a_client_that_breaks_off_loses_nothing_that_was_whole(live: LiveServer) -> None:
    def half() -> Iterator[bytes]:
        for i in range(3_000):
            yield line(i)
        yield b'{"user_id": "u'
        raise ConnectionError

    with httpx.Client(base_url=live.url, timeout=30) as client:
        with pytest.raises(ConnectionError):
            client.post(URL, content=half(), headers=LINES)
        content = b"".join(map(line, range(4_000)))
        assert client.post(URL, content=content, headers=LINES).json()["accepted"] == 4_000
