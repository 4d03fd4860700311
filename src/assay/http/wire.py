"""Raw ASGI in small: its types, and sending JSON. Bodies are read in `body.py`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
AsgiApp = Callable[[Scope, Receive, Send], Awaitable[None]]

JSON = b"application/json"


class Disconnected(Exception):
    """The client went away before its request was complete."""


def header(scope: Scope, wanted: bytes) -> bytes:
    """The first header of that name, in lower case; empty when it is not given."""
    for name, value in scope["headers"]:
        if name == wanted:
            found: bytes = value
            return found
    return b""


def declared_length(scope: Scope) -> int:
    """The Content-Length, or 0 when it is not given or not a number."""
    value = header(scope, b"content-length")
    return int(value) if value.isdigit() else 0


async def send_json(
    send: Send, status: int, body: bytes, *, media_type: bytes = JSON, headers: dict[str, str] | None = None
) -> None:
    """One complete answer."""
    pairs = [(b"content-type", media_type), (b"content-length", b"%d" % len(body))]
    if headers:
        pairs.extend((name.lower().encode(), value.encode()) for name, value in headers.items())
    await send({"type": "http.response.start", "status": status, "headers": pairs})
    await send({"type": "http.response.body", "body": body})
