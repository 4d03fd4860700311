"""Bots and insiders: acknowledged and counted, not stored; their assignments are as ever."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from assay.app.server import App, build
from assay.app.settings import Settings
from assay.http.asgi import build_server
from tests.http.conftest import Server
from tests.http.test_edge import buy

BOT = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"
BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
ENVIRONMENT = {
    "INTERNAL_UNITS": "boss, qa-*",
    "INTERNAL_PROPERTIES": "internal=true,team=qa",
    "INTERNAL_NETWORKS": "10.0.0.0/8, 2001:db8::/32",
}


@pytest.fixture
def app(tmp_path: Path) -> Iterator[App]:
    app = build(replace(Settings.from_environment(ENVIRONMENT), data=tmp_path / "data"))
    yield app
    app.close()


def stored(server: Server) -> int:
    return server.app.services.loading.load_all()


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        (buy("u", properties={"user_agent": BOT}), "bot"),
        (buy("boss"), "internal"),
        (buy("qa-17"), "internal"),
        (buy("anonymous", consistency_key="qa-17"), "internal"),
        (buy("u", properties={"internal": True}), "internal"),
        (buy("u", properties={"team": "qa"}), "internal"),
    ],
)
async def test_an_event_that_does_not_count_is_acknowledged_and_not_stored(
    server: Server, event: dict[str, Any], reason: str
) -> None:
    single = await server.post("/events", event)
    assert (single.status_code, single.json()["event_id"], single.json()["filtered"]) == (202, None, 1)
    batch = await server.post("/events", [event, buy("u")])
    assert (batch.json()["accepted"], batch.json()["filtered"]) == (1, 1)
    alone = await server.post("/events", [event])
    assert (alone.status_code, alone.json()["accepted"], alone.json()["filtered"]) == (202, 0, 1)
    lines = await server.http.post("/api/v1/events", json=event, headers={"content-type": "application/jsonlines"})
    assert (lines.status_code, lines.json()["accepted"], lines.json()["filtered"]) == (202, 0, 1)
    assert stored(server) == 1
    assert f'ab_test_events_filtered_total{{reason="{reason}"}} 4.0' in (await server.http.get("/metrics")).text


@pytest.mark.parametrize(
    "event",
    [
        buy("u", properties={"user_agent": BROWSER}),
        buy("u", properties={"user_agent": 5, "internal": False, "team": "sales"}),
        buy("bossy"),
        buy("u", properties={"internal": "true"}),
    ],
)
async def test_everybody_else_counts(server: Server, event: dict[str, Any]) -> None:
    assert "filtered" not in (await server.post("/events", event)).json()
    assert stored(server) == 1


async def test_a_filtered_event_that_is_wrong_is_still_named(server: Server) -> None:
    assert (await server.post("/events", buy("boss", event_type=""))).json()["field"] == "event_type"


@pytest.mark.parametrize(
    ("headers", "filtered"),
    [
        ({"user-agent": BOT, "origin": "https://shop.example"}, True),
        ({"user-agent": BOT, "sec-fetch-mode": "cors"}, True),
        ({"user-agent": BROWSER, "origin": "https://shop.example"}, False),
        ({"user-agent": BOT}, False),
        ({"user-agent": "python-httpx/0.28"}, False),
        ({"user-agent": "curl/8.5.0", "origin": "https://shop.example"}, False),
        ({"user-agent": "somebot/1.0", "origin": "https://shop.example"}, False),
    ],
)
async def test_the_header_counts_for_scripts_in_browsers_only(
    server: Server, headers: dict[str, str], filtered: bool
) -> None:
    answer = await server.post("/events", [buy("u")], headers=headers)
    assert answer.json()["filtered"] == filtered


@pytest.mark.parametrize(
    ("address", "filtered"),
    [("10.1.2.3", True), ("::ffff:10.1.2.3", True), ("2001:db8::5", True), ("11.1.2.3", False), ("unix", False)],
)
async def test_the_network_of_the_peer(server: Server, address: str, filtered: bool) -> None:
    asgi = build_server(server.app.services, start=lambda: None, stop=lambda: None)
    transport = httpx.ASGITransport(app=asgi, client=(address, 5))
    async with httpx.AsyncClient(transport=transport, base_url="http://assay.test") as http:
        assert (await http.post("/api/v1/events", json=[buy("u")])).json()["filtered"] == filtered


@pytest.mark.parametrize(
    "question",
    [
        {"user_id": "qa-1"},
        {"user_id": "qa-1", "consistency_key": "k"},
        {"user_id": "u", "context": {"user_agent": BOT}},
        {"user_id": "u", "context": {"internal": True}},
    ],
)
async def test_an_assignment_is_as_ever_and_not_logged(server: Server, question: dict[str, Any]) -> None:
    await server.running()
    answer = (await server.post("/experiments/assign", {**question, "experiments": ["checkout"]})).json()
    assert answer["assignments"][0]["reason"] == "assigned"
    await server.post("/experiments/assign", {"user_id": "someone", "experiments": ["checkout"]})
    await server.count_everything()
    rows = (await server.get("/experiments/checkout/exposures")).json()["exposures"]
    assert [row["user_id"] for row in rows] == ["someone"]
    assert 'ab_test_events_filtered_total{reason="' in (await server.http.get("/metrics")).text


async def test_bots_may_count(tmp_path: Path) -> None:
    app = build(replace(Settings.from_environment({"FILTER_BOTS": "off"}), data=tmp_path / "other"))
    asgi = build_server(app.services, start=lambda: None, stop=lambda: None)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=asgi), base_url="http://assay.test") as http:
        answer = await http.post("/api/v1/events", json=[buy("u", properties={"user_agent": BOT})])
    assert answer.json()["filtered"] == 0
    app.close()
