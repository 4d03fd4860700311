"""Raw ASGI in small: reading a body with a limit, and sending JSON."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from assay.errors import TooLarge

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
AsgiApp = Callable[[Scope, Receive, Send], Awaitable[None]]

JSON = b"application/json"


class Disconnected(Exception):
    """The client went away before its request was complete."""


def declared_length(scope: Scope) -> int:
    """The Content-Length, or 0 when it is not given or not a number."""
    for name, value in scope["headers"]:
        if name == b"content-length":
            return int(value) if value.isdigit() else 0
    return 0


async def read_body(scope: Scope, receive: Receive, max_bytes: int) -> bytes:
    """The whole body; raises TooLarge as soon as it is clear that it exceeds `max_bytes`."""
    message = await receive()
    if message["type"] == "http.disconnect":
        raise Disconnected
    body: bytes = message.get("body", b"")
    if not message.get("more_body"):
        if len(body) > max_bytes:
            _check_size(len(body), max_bytes)
        return body
    _check_size(declared_length(scope), max_bytes)
    chunks, size = [body], len(body)
    while message.get("more_body"):
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Disconnected
        chunk = message.get("body", b"")
        size += len(chunk)
        _check_size(size, max_bytes)
        chunks.append(chunk)
    return b"".join(chunks)


def _check_size(n_bytes: int, max_bytes: int) -> None:
    if n_bytes > max_bytes:
        raise TooLarge(
            f"the body has {n_bytes:,} bytes; accepted: at most {max_bytes:,} bytes", hint="send it in several requests"
        )


async def send_json(
    send: Send, status: int, body: bytes, *, media_type: bytes = JSON, headers: dict[str, str] | None = None
) -> None:
    """One complete answer."""
    pairs = [(b"content-type", media_type), (b"content-length", b"%d" % len(body))]
    if headers:
        pairs.extend((name.lower().encode(), value.encode()) for name, value in headers.items())
    await send({"type": "http.response.start", "status": status, "headers": pairs})
    await send({"type": "http.response.body", "body": body})
