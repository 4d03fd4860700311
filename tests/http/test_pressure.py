"""Too much at once, from everybody or from one unit: refused at once, with the time to wait; nothing taken is lost."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path

import httpx
import pytest

from assay.adapters.sqlite_inbox import SqliteInbox
from assay.app.server import App, build
from assay.app.settings import Settings
from tests.http.conftest import Server
from tests.http.test_edge import buy


@pytest.fixture
def app(tmp_path: Path) -> Iterator[App]:
    app = build(Settings(data=tmp_path / "data", max_waiting_events=10, unit_events_per_second=5))
    yield app
    app.close()


class HeldInbox:
    """Holds what is put into an inbox until it is let go."""

    def __init__(self, inbox: SqliteInbox) -> None:
        self._append = inbox.append
        self.held: list[tuple[bytes, Future[None]]] = []

    def append(self, lines: bytes) -> Future[None]:
        done: Future[None] = Future()
        self.held.append((lines, done))
        return done

    def let_go(self) -> None:
        for lines, done in self.held:
            self._append(lines).result()
            done.set_result(None)


async def test_more_than_may_wait_is_refused_at_once(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    inbox = server.app.inbox
    assert isinstance(inbox, SqliteInbox)
    held = HeldInbox(inbox)
    monkeypatch.setattr(inbox, "append", held.append)
    waiting = [asyncio.ensure_future(server.post("/events", [buy(f"{i}-{k}") for k in range(5)])) for i in range(2)]
    while sum(lines.count(b"\n") + 1 for lines, _ in held.held) < 10:
        await asyncio.sleep(0.01)
    text = (await server.http.get("/metrics")).text
    assert "ab_test_events_waiting 10.0" in text
    for body, headers in (
        (buy("late"), {}),
        ([buy("late")], {}),
        (buy("late"), {"content-type": "application/x-ndjson"}),
    ):
        refused = await server.http.post("/api/v1/events", json=body, headers=headers)
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
        assert refused.json()["code"] == "unavailable"
    # Nothing but events waits for the disk.
    assert (await server.post("/experiments/assign", {"user_id": "u"})).status_code == 200
    held.let_go()
    for answer in await asyncio.gather(*waiting):
        assert (answer.status_code, answer.json()["accepted"]) == (202, 5)
    monkeypatch.undo()
    assert (await server.post("/events", buy("later"))).status_code == 202
    assert server.app.services.loading.load_all() == 11


async def test_one_unit_may_not_send_too_much(server: Server) -> None:
    events = [buy("busy", event_id=f"e{i}") for i in range(8)] + [buy("calm")]
    body = (await server.post("/events", events)).json()
    assert body["accepted"] == 6
    assert [(item["index"], item["code"], item["field"]) for item in body["refused"]] == [
        (i, "rate_limited", "user_id") for i in (5, 6, 7)
    ]
    assert body["refused"][0]["accepted"] == "at most 5 events per second of one unit"


def is_slow_down(answer: httpx.Response) -> bool:
    return (answer.status_code, answer.json()["code"], answer.headers.get("retry-after")) == (429, "rate_limited", "1")


async def test_a_request_of_which_all_is_too_much_is_429(server: Server) -> None:
    # A frozen clock: tokens do not come back while the test runs.
    object.__setattr__(server.app.services.tracking, "seconds", lambda: 1.0)
    assert (await server.post("/events", [buy("busy", event_id=f"e{i}") for i in range(5)])).status_code == 202
    assert is_slow_down(await server.post("/events", buy("busy")))
    assert is_slow_down(await server.post("/events", [buy("busy"), buy("busy")]))
    lines = {"content-type": "application/x-ndjson"}
    assert is_slow_down(await server.http.post("/api/v1/events", json=buy("busy"), headers=lines))
    mixed = await server.post("/events", [buy("busy"), {"user_id": "u"}])
    assert mixed.status_code == 422
    text = (await server.http.get("/metrics")).text
    assert 'ab_test_metric_events_refused_total{code="rate_limited"} 5.0' in text
    assert 'ab_test_metric_events_refused_total{code="invalid"} 1.0' in text
