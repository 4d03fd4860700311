"""Peers of the edge: the same POST answered by less and less code, each under the settings Assay's server runs with.

Run: python bench/handlers.py NAME PORT ANSWER. ANSWER: an answer of Assay, for the peer that answers a constant.
"""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable, MutableMapping
from datetime import datetime, timezone
from pathlib import Path
from time import perf_counter
from typing import Any

import msgspec
from fastapi import FastAPI
from pydantic import BaseModel

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench.peers import KEY, bare_md5

PATH = "/api/v1/experiments/assign"
TITLES = {"control": "Control", "treatment": "Treatment"}
STARTED = datetime.now(timezone.utc)

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]


def raw_asgi(answer: Callable[[bytes], bytes]) -> App:
    """The least an ASGI application can do: the body in, JSON out."""

    async def app(scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        body, more = b"", True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        content = answer(body)
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(content))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": content})

    return app


def constant(answer: str) -> App:
    """What the server and the event loop cost by themselves."""
    content = answer.encode()
    return raw_asgi(lambda _: content)


class Request(msgspec.Struct):
    """The request as Assay takes it."""

    user_id: str
    experiments: list[str] | None = None
    context: dict[str, Any] = {}
    log_exposure: bool | None = None


class Assignment(msgspec.Struct):
    """One answer of the same shape as Assay's."""

    experiment_id: str
    reason: str
    variant_id: str | None
    variant_name: str | None
    config: dict[str, Any]
    assigned_at: datetime
    experiment_start: datetime


class Answer(msgspec.Struct):
    """The whole answer of the same shape as Assay's."""

    user_id: str
    assignments: list[Assignment]
    response_time_ms: float


def bare_asgi(_: str) -> App:
    """Decode, hash, choose, encode: one experiment in the code, no definitions, no checks, no metrics."""
    decode, encode, decide = msgspec.json.Decoder(Request).decode, msgspec.json.Encoder().encode, bare_md5()

    def answer(body: bytes) -> bytes:
        began = perf_counter()
        request = decode(body)
        variant = decide(request.user_id, request.context)
        now = datetime.now(timezone.utc)
        reason = "not_in_audience" if variant is None else "assigned"
        assignment = Assignment(KEY, reason, variant, TITLES.get(variant or ""), {}, now, STARTED)
        return encode(Answer(request.user_id, [assignment], round((perf_counter() - began) * 1000, 3)))

    return raw_asgi(answer)


class RequestModel(BaseModel):
    """The request for FastAPI."""

    user_id: str
    experiments: list[str] | None = None
    context: dict[str, Any] = {}
    log_exposure: bool | None = None


class AssignmentModel(BaseModel):
    """One answer for FastAPI."""

    experiment_id: str
    reason: str
    variant_id: str | None
    variant_name: str | None
    config: dict[str, Any]
    assigned_at: datetime
    experiment_start: datetime


class AnswerModel(BaseModel):
    """The whole answer for FastAPI."""

    user_id: str
    assignments: list[AssignmentModel]
    response_time_ms: float


def fastapi(_: str) -> App:
    """The same as `bare_asgi`, written as one would with FastAPI."""
    app, decide = FastAPI(), bare_md5()

    @app.post(PATH)
    async def assign(request: RequestModel) -> AnswerModel:
        began = perf_counter()
        variant = decide(request.user_id, request.context)
        assignment = AssignmentModel(
            experiment_id=KEY,
            reason="not_in_audience" if variant is None else "assigned",
            variant_id=variant,
            variant_name=TITLES.get(variant or ""),
            config={},
            assigned_at=datetime.now(timezone.utc),
            experiment_start=STARTED,
        )
        took_ms = round((perf_counter() - began) * 1000, 3)
        return AnswerModel(user_id=request.user_id, assignments=[assignment], response_time_ms=took_ms)

    return app


PEERS: dict[str, Callable[[str], App]] = {"constant": constant, "bare_asgi": bare_asgi, "fastapi": fastapi}


def main() -> None:
    """Serve one peer until ended."""
    import uvicorn

    name, port, answer = sys.argv[1:4]
    app = PEERS[name](answer)
    uvicorn.run(
        app, host="127.0.0.1", port=int(port), loop="uvloop", http="httptools", log_level="error", access_log=False
    )


if __name__ == "__main__":
    main()
