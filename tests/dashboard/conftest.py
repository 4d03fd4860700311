"""The pages over ASGI."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable

import httpx
import pytest
from fastapi import FastAPI

from assay.dashboard.pages import dashboard_router
from assay.service.reading import Reading
from tests.dashboard.markup import Node, read
from tests.dashboard.samples import NOW, explainer, gallery

Get = Callable[[str], Awaitable[Node]]


def pages(reading: Reading) -> httpx.AsyncClient:
    """A client on an application that has nothing but the dashboard."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    app.include_router(dashboard_router(reading, explainer(reading), clock=lambda: NOW))
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://assay.test")


@pytest.fixture(scope="session")
def reading() -> Reading:
    return gallery()


@pytest.fixture
async def http(reading: Reading) -> AsyncIterator[httpx.AsyncClient]:
    async with pages(reading) as client:
        yield client


@pytest.fixture
def page(http: httpx.AsyncClient) -> Get:
    """A page by its path, read back."""

    async def get(path: str) -> Node:
        answer = await http.get(path)
        assert answer.headers["content-type"].startswith("text/html")
        return read(answer.text)

    return get
