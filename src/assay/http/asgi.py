"""The whole server as one ASGI application: the edge in front, the control plane and the pages behind."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from enum import StrEnum
from time import perf_counter
from typing import Any

import structlog
from fastapi import APIRouter, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi_offline import FastAPIOffline
from starlette.exceptions import HTTPException

from assay.errors import AssayError, InvalidInput, Malformed
from assay.http.activity import activity_router
from assay.http.body import read_body
from assay.http.changes import changes_router
from assay.http.cors import ANY, with_cors
from assay.http.edge import MAX_BODY_BYTES, Edge
from assay.http.experiments import experiments_router
from assay.http.exposures import exposures_router
from assay.http.health import health_router
from assay.http.jsonbody import check_json
from assay.http.ofrep import Ofrep
from assay.http.openapi import document_api
from assay.http.power_analysis import power_analysis_router
from assay.http.problems import (
    MEDIA_TYPE,
    encoded,
    headers_of,
    problem,
    problem_of,
    unexpected,
)
from assay.http.results import results_router
from assay.http.sample_size import sample_size_router
from assay.http.script import script_router
from assay.http.shared import shared_router
from assay.http.snapshot import snapshot_router
from assay.http.units import units_router
from assay.http.wire import AsgiApp, Disconnected, Message, Receive, Scope, Send, declared_length, send_json
from assay.service.services import Services

DESCRIPTION = "Define experiments, assign units, send events, read results that stay valid however often you look."
Hook = Callable[[], None]

_log = structlog.get_logger("assay.http")


class Doors(StrEnum):
    """What a process answers. ALL: everything. EDGE: assignment and events, and what SDKs and scripts need.
    CONTROL: all but assignment and events. OPERATIONS: only how it is doing."""

    ALL = "all"
    EDGE = "edge"
    CONTROL = "control"
    OPERATIONS = "operations"


def build_server(
    services: Services,
    pages: APIRouter | None = None,
    *,
    start: Hook,
    stop: Hook,
    cors_origins: str = ANY,
    doors: Doors = Doors.ALL,
) -> AsgiApp:
    """The ASGI application. start and stop run with the server's life; pages: the dashboard.

    cors_origins: whose scripts may call what is made for browsers.
    """
    control = control_plane(services, pages, start=start, stop=stop, doors=doors)
    if doors in (Doors.CONTROL, Doors.OPERATIONS):
        return with_cors(_without_edge(control, services), cors_origins)
    edge = Edge(services)
    ofrep = Ofrep(services)

    async def server(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            endpoint = edge.endpoint(scope)
            if scope["method"] == "HEAD":
                scope, send = {**scope, "method": "GET"}, _without_body(send)
            if endpoint is not None:
                await edge.answer(endpoint, scope, receive, send)
            elif ofrep.knows(scope["path"]):
                await ofrep.answer(scope, receive, send)
            else:
                await _observed(control, services, scope, receive, send)
        else:
            await control(scope, receive, send)

    return with_cors(server, cors_origins)


def _without_edge(control: FastAPI, services: Services) -> AsgiApp:
    async def server(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await control(scope, receive, send)
            return
        if scope["method"] == "HEAD":
            scope, send = {**scope, "method": "GET"}, _without_body(send)
        await _observed(control, services, scope, receive, send)

    return server


def control_plane(
    services: Services, pages: APIRouter | None, *, start: Hook, stop: Hook, doors: Doors = Doors.ALL
) -> FastAPI:
    """Everything but the edge."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        start()
        yield
        stop()

    # Its documentation pages bring their scripts along: they work without any other host.
    app = FastAPIOffline(
        title="Assay",
        description=DESCRIPTION,
        docs_url="/api/docs",
        redoc_url="/api/redoc",
        static_url="/api/docs-static",
        openapi_url="/api/openapi.json",
        lifespan=lifespan,
    )
    for router in _routers(services, doors):
        app.include_router(router)
    if pages is not None:
        app.include_router(pages, include_in_schema=False)
    app.add_exception_handler(AssayError, _on_assay_error)
    app.add_exception_handler(RequestValidationError, _on_validation_error)
    app.add_exception_handler(HTTPException, _on_http_error)
    app.add_exception_handler(Exception, _on_unexpected)
    document_api(app)
    return app


def _routers(services: Services, doors: Doors) -> list[APIRouter]:
    """The routes of each door, those with the more specific paths first."""
    operations = [health_router(services)]
    evaluation = [snapshot_router(services), script_router()]
    definitions = [
        sample_size_router(),
        power_analysis_router(),
        results_router(services),
        experiments_router(services),
        changes_router(services),
        exposures_router(services),
        activity_router(services),
        units_router(services),
        shared_router(services),
    ]
    return {
        Doors.ALL: definitions + evaluation + operations,
        Doors.EDGE: evaluation + operations,
        Doors.CONTROL: definitions + evaluation + operations,
        Doors.OPERATIONS: operations,
    }[doors]


async def _observed(control: FastAPI, services: Services, scope: Scope, receive: Receive, send: Send) -> None:
    """The control plane with a limit on bodies and the request's duration counted by route."""
    started, status, answered = perf_counter(), 500, False

    async def watched(message: Message) -> None:
        nonlocal status, answered
        if message["type"] == "http.response.start":
            status, answered = message["status"], True
        await send(message)

    try:
        if scope["method"] in ("POST", "PUT", "PATCH"):
            receive = await _limited(scope, receive)
        await control(scope, receive, watched)
    except AssayError as error:
        # Of the body: what the routes themselves refuse is answered inside.
        document = problem_of(error)
        status = document["status"]
        await send_json(send, status, encoded(document), media_type=MEDIA_TYPE.encode())
    except Disconnected:
        return
    except Exception:
        # Logged here and not raised on, so that the connection lives for the next request.
        _log.exception("request failed", method=scope["method"], path=scope["path"])
        if not answered:
            await send_json(send, 500, encoded(unexpected()), media_type=MEDIA_TYPE.encode())
    finally:
        route = scope.get("route")
        name = getattr(route, "path", "unmatched")
        services.telemetry.request_seconds(scope["method"], name, status, perf_counter() - started)


def _without_body(send: Send) -> Send:
    """The answer to HEAD: that to GET, without its body."""

    async def head(message: Message) -> None:
        await send({**message, "body": b""} if message["type"] == "http.response.body" else message)

    return head


async def _limited(scope: Scope, receive: Receive) -> Receive:
    """The body read in full, within the limit, and handed on as one message."""
    if declared_length(scope) == 0 and not _is_chunked(scope):
        return receive
    body = await read_body(scope, receive, MAX_BODY_BYTES)
    if body:
        check_json(body)
    waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> Message:
        return waiting.pop() if waiting else await receive()

    return replay


def _is_chunked(scope: Scope) -> bool:
    return any(name == b"transfer-encoding" for name, _ in scope["headers"])


def _answer(document: dict[str, Any], headers: dict[str, str] | None = None) -> JSONResponse:
    return JSONResponse(document, status_code=document["status"], media_type=MEDIA_TYPE, headers=headers)


async def _on_assay_error(_: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, AssayError):
        raise error
    return _answer(problem_of(error), headers_of(error))


async def _on_validation_error(_: Request, error: Exception) -> JSONResponse:
    """The first wrong field as the problem, and all of them listed."""
    if not isinstance(error, RequestValidationError):
        raise error
    found = [_as_invalid_input(item) for item in error.errors()]
    document = problem_of(found[0])
    if len(found) > 1:
        document["errors"] = [{"field": e.field, "given": e.given, "accepted": e.accepted} for e in found]
    return _answer(document)


def _as_invalid_input(item: dict[str, Any]) -> InvalidInput:
    place = [part for part in item["loc"] if part not in ("body", "query", "path", "header")]
    if item["type"] == "json_invalid":
        return Malformed("body", "text that is not JSON", f"a JSON object ({item['ctx']['error']})")
    field = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place).lstrip(".") or "body"
    if item["type"] == "missing":
        return InvalidInput(field, None, "a value: the field is required")
    if item["type"] == "extra_forbidden":
        return InvalidInput(field, item["input"], "no such field: see /api/docs for those that exist")
    accepted = item["msg"].removeprefix("Input should be ").removeprefix("Value error, ")
    return InvalidInput(field, item["input"], accepted)


async def _on_http_error(request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, HTTPException):
        raise error
    detail = f"{request.method} {request.url.path}: {error.detail}"
    document = problem(error.status_code, str(error.detail), detail, code="http", hint="see /api/docs")
    return _answer(document, dict(error.headers or {}))


async def _on_unexpected(_: Request, __: Exception) -> JSONResponse:
    return _answer(unexpected())
