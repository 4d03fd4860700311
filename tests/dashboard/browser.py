"""A server on a real port and a real browser on it."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

import pytest
import uvicorn
from fastapi import FastAPI
from playwright.sync_api import Browser, Page, sync_playwright

from assay.adapters.memory import MemoryNotices
from assay.dashboard.pages import dashboard_router
from assay.http.results import results_router
from assay.service.reading import Reading
from assay.service.services import Services
from tests.dashboard.samples import NOW, explainer

_NAMES = ("chromium", "chromium-browser", "google-chrome")
_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


@dataclass
class Site:
    """A running dashboard with its stream; `notices` tells it that there is a new result."""

    url: str
    reading: Reading
    notices: MemoryNotices = field(default_factory=MemoryNotices)


@contextmanager
def serving(reading: Reading, port: int = 0) -> Iterator[Site]:
    """The dashboard and the stream of results, until the block ends. port 0 takes any."""
    site = Site("", reading)
    services = SimpleNamespace(reading=reading, notices=site.notices, clock=lambda: NOW)
    app = FastAPI()
    app.include_router(results_router(cast(Services, services)))
    app.include_router(dashboard_router(reading, explainer(reading), clock=lambda: NOW))
    config = uvicorn.Config(app, host="127.0.0.1", port=port, log_level="warning", ws="websockets-sansio")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    site.url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    try:
        yield site
    finally:
        server.should_exit = True
        thread.join()


# As people's browsers say it: a headless one is a bot, and its events are left out. Also of what a page sends when it
# is left, which goes by the browser's own name.
AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"


@contextmanager
def browsing() -> Iterator[Browser]:
    """Chromium; skips when there is none."""
    path = next(filter(None, map(shutil.which, _NAMES)), None)
    if path is None:
        pytest.skip(f"no browser: none of {', '.join(_NAMES)} is on the PATH")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=[*_ARGUMENTS, f"--user-agent={AGENT}"])
        yield browser
        browser.close()


@contextmanager
def opened(browser: Browser, url: str, *, width: int = 1440, scheme: str = "light") -> Iterator[tuple[Page, list[str]]]:
    """A page, and what its console complains of."""
    options: dict[str, Any] = {"viewport": {"width": width, "height": 900}, "color_scheme": scheme}
    context = browser.new_context(**options)
    page = context.new_page()
    complaints: list[str] = []
    note: Callable[[Any], None] = lambda message: complaints.append(message.text)  # noqa: E731
    page.on("console", lambda message: note(message) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(url)
    yield page, complaints
    context.close()
