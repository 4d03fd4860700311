"""What scripts of other origins may read."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest

from assay.app.server import App
from assay.app.settings import Settings
from assay.errors import InvalidInput
from assay.http.asgi import build_server
from assay.http.cors import with_cors
from assay.http.wire import Receive, Scope, Send
from tests.dashboard.browser import browsing, opened
from tests.http.conftest import LiveServer, Server

SHOP = "https://shop.example"
SHARED = [
    "/api/v1/experiments/assign",
    "/api/v1/events",
    "/api/v1/snapshot",
    "/assay.js",
    "/ofrep/v1/evaluate/flags",
    "/ofrep/v1/evaluate/flags/checkout",
]
ASKS = {
    "Origin": SHOP,
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "content-type, if-none-match, authorization, x-actor",
}


@pytest.fixture
async def strict(app: App) -> AsyncIterator[httpx.AsyncClient]:
    """A server that knows two origins."""
    origins = f"{SHOP}, https://other.example:8443"
    asgi = build_server(app.services, start=lambda: None, stop=lambda: None, cors_origins=origins)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=asgi), base_url="http://assay.test") as client:
        yield client


@pytest.mark.parametrize("path", SHARED)
async def test_a_preflight_is_answered(server: Server, path: str) -> None:
    answer = await server.http.options(path, headers=ASKS)
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == "*"
    assert set(answer.headers["access-control-allow-methods"].split(", ")) == {"GET", "POST", "OPTIONS"}
    allowed = answer.headers["access-control-allow-headers"].lower().split(", ")
    assert {"content-type", "if-none-match", "authorization", "x-actor"} <= set(allowed)
    assert int(answer.headers["access-control-max-age"]) > 0
    assert "access-control-allow-credentials" not in answer.headers


async def test_answers_can_be_read_with_their_tag(server: Server) -> None:
    await server.running()
    body = {"context": {"targetingKey": "u"}}
    answer = await server.http.post("/ofrep/v1/evaluate/flags", json=body, headers={"Origin": SHOP})
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == "*"
    assert set(answer.headers["access-control-expose-headers"].split(", ")) == {"ETag", "Retry-After", "Date"}
    headers = {"Origin": SHOP, "If-None-Match": answer.headers["etag"]}
    unchanged = await server.http.post("/ofrep/v1/evaluate/flags", json=body, headers=headers)
    assert (unchanged.status_code, unchanged.headers["access-control-allow-origin"]) == (304, "*")


@pytest.mark.parametrize("path", ["/api/v1/experiments/assign", "/api/v1/events", "/ofrep/v1/evaluate/flags"])
async def test_refusals_can_be_read_too(server: Server, path: str) -> None:
    answer = await server.http.post(path, content=b"{", headers={"Origin": SHOP})
    assert answer.status_code == 400
    assert answer.headers["access-control-allow-origin"] == "*"


@pytest.mark.parametrize("path", ["/api/v1/experiments", "/health", "/metrics", "/api/v1/experiments/checkout/start"])
async def test_everything_else_stays_closed(server: Server, path: str) -> None:
    for answer in (
        await server.http.options(path, headers=ASKS),
        await server.http.get(path, headers={"Origin": SHOP}),
        await server.http.post(path, headers={"Origin": SHOP}),
    ):
        assert not [name for name in answer.headers if name.startswith("access-control-")]


async def test_only_known_origins_when_they_are_named(strict: httpx.AsyncClient) -> None:
    path = "/ofrep/v1/evaluate/flags"
    for origin, known in ((SHOP, True), ("https://other.example:8443", True), ("https://shop.example.evil", False)):
        asked = await strict.options(path, headers={**ASKS, "Origin": origin})
        answer = await strict.post(path, json={"context": {"targetingKey": "u"}}, headers={"Origin": origin})
        assert asked.status_code == (200 if known else 400)
        for shown in (asked, answer):
            assert shown.headers.get("access-control-allow-origin") == (origin if known else None)
            assert "Origin" in shown.headers["vary"]


async def test_a_request_without_an_origin_is_left_alone(server: Server) -> None:
    await server.running()
    request = {"user_id": "u", "experiments": ["checkout"]}
    answer = await server.http.post("/api/v1/experiments/assign", json=request)
    assert answer.status_code == 200
    assert set(answer.headers) == {"content-type", "content-length"}


async def test_caches_are_told_that_answers_to_get_vary(server: Server) -> None:
    """A script tag sends no Origin, fetch does: one cache may serve both."""
    answer = await server.http.get("/assay.js")
    assert answer.headers["vary"] == "Origin"


async def test_a_method_that_is_not_offered_is_refused(server: Server) -> None:
    headers = {**ASKS, "Access-Control-Request-Method": "DELETE"}
    assert (await server.http.options("/api/v1/events", headers=headers)).status_code == 400


@pytest.mark.parametrize("origins", ["", " , "])
def test_no_origins_is_no_sharing_at_all(origins: str) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None: ...

    assert with_cors(app, origins) is app


@pytest.mark.parametrize("text", ["*", "", SHOP, f"{SHOP},http://localhost:3000", "chrome-extension://abc"])
def test_settings_take_origins(text: str) -> None:
    assert Settings.from_environment({"CORS_ORIGINS": text}).cors_origins == text


@pytest.mark.parametrize("origin", ["shop.example", f"{SHOP}/", f"{SHOP}/a", "https://Shop.example", "https://*?"])
def test_settings_refuse_what_no_browser_sends(origin: str) -> None:
    with pytest.raises(InvalidInput, match="CORS_ORIGINS"):
        Settings.from_environment({"CORS_ORIGINS": f"{SHOP}, {origin}"})


@pytest.mark.browser
def test_a_script_of_another_origin_in_a_real_browser(live: LiveServer) -> None:
    """`localhost` and `127.0.0.1` are one machine and two origins."""
    ask = """async ([url, tag]) => {
      const headers = {'Content-Type': 'application/json', ...(tag && {'If-None-Match': tag})};
      const body = JSON.stringify({context: {targetingKey: 'u'}});
      const answer = await fetch(`${url}/ofrep/v1/evaluate/flags`, {method: 'POST', headers, body});
      return [answer.status, answer.headers.get('ETag')];
    }"""
    closed = "url => fetch(`${url}/api/v1/experiments`).then(() => 'read', () => 'refused')"
    elsewhere = live.url.replace("127.0.0.1", "localhost")
    with browsing() as browser, opened(browser, f"{elsewhere}/health") as (page, _):
        status, tag = page.evaluate(ask, [live.url, None])
        assert status == 200
        assert tag
        assert page.evaluate(ask, [live.url, tag]) == [304, tag]
        assert page.evaluate(closed, live.url) == "refused"
        assert page.evaluate(closed, elsewhere) == "read"
