"""A whole server in process: real adapters in a throw-away folder, spoken to over ASGI."""

from __future__ import annotations

import threading
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn

from assay.app.server import App, build
from assay.app.settings import Settings
from assay.http.asgi import build_server
from assay.worker.loop import Loop

API = "/api/v1"


@dataclass
class Server:
    """The application, an HTTP client on it, and the worker's round by hand."""

    app: App
    http: httpx.AsyncClient
    loop: Loop

    async def post(self, path: str, body: Any = None, **more: Any) -> httpx.Response:
        return await self.http.post(f"{API}{path}", json=body, **more)

    async def get(self, path: str) -> httpx.Response:
        return await self.http.get(f"{API}{path}")

    async def count_everything(self) -> None:
        """Load and analyse all that was sent. Exposures of an assignment are on disk a moment after its answer; the
        inbox keeps order, so they are there once a later event is."""
        marker = {"user_id": "nobody", "event_type": "marker", "timestamp": datetime.now(timezone.utc).isoformat()}
        assert (await self.post("/events", marker)).status_code == 202
        self.loop.round()

    async def running(self, key: str = "checkout", **changes: Any) -> str:
        """A started experiment with two even variants."""
        body = {
            "id": key,
            "name": key,
            "variants": [
                {"id": "control", "config": {"colour": "blue"}},
                {"id": "green", "config": {"colour": "green"}},
            ],
            "primary_metric": {"name": "bought", "type": "conversion", "event": "buy"},
            **changes,
        }
        created = await self.post("/experiments", body)
        assert created.status_code == 201, created.text
        started = await self.post(f"/experiments/{key}/start")
        assert started.status_code == 200, started.text
        return key


@dataclass(frozen=True)
class LiveServer:
    """A server on a real port, with the worker running beside it."""

    url: str


@pytest.fixture
def live(app: App) -> Iterator[LiveServer]:
    loop = Loop(app.services, 0.1)
    asgi = build_server(app.services, start=loop.start, stop=loop.stop)
    config = uvicorn.Config(asgi, host="127.0.0.1", port=0, log_level="warning", ws="websockets-sansio")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield LiveServer(f"http://127.0.0.1:{port}")
    server.should_exit = True
    thread.join()


@pytest.fixture
def app(tmp_path: Path) -> Iterator[App]:
    app = build(Settings(data=tmp_path / "data"))
    yield app
    app.close()


@pytest.fixture
async def server(app: App) -> AsyncIterator[Server]:
    asgi = build_server(app.services, start=lambda: None, stop=lambda: None)
    transport = httpx.ASGITransport(app=asgi)
    async with httpx.AsyncClient(transport=transport, base_url="http://assay.test") as client:
        yield Server(app, client, Loop(app.services, 1.0))
