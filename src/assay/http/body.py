"""Reading bodies: whole with a limit, or piece by piece; compressed ones are unpacked."""

from __future__ import annotations

from collections.abc import AsyncIterator

from assay.errors import TooLarge
from assay.http.compression import unpacker
from assay.http.wire import Disconnected, Receive, Scope, declared_length, header

_HINT = "send it in several requests"


async def read_body(scope: Scope, receive: Receive, max_bytes: int) -> bytes:
    """The whole body; raises TooLarge as soon as it is clear that it exceeds `max_bytes`, which
    count after unpacking."""
    if header(scope, b"content-encoding") and unpacker(scope) is not None:
        return await _unpacked(scope, receive, max_bytes)
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


async def _unpacked(scope: Scope, receive: Receive, max_bytes: int) -> bytes:
    chunks, size = [], 0
    async for piece in pieces(scope, receive):
        size += len(piece)
        if size > max_bytes:
            found = f"the body has more than {max_bytes:,} bytes when it is unpacked"
            raise TooLarge(f"{found}; accepted: at most {max_bytes:,} bytes", hint=_HINT)
        chunks.append(piece)
    return b"".join(chunks)


def _check_size(n_bytes: int, max_bytes: int) -> None:
    if n_bytes > max_bytes:
        raise TooLarge(f"the body has {n_bytes:,} bytes; accepted: at most {max_bytes:,} bytes", hint=_HINT)


async def pieces(scope: Scope, receive: Receive) -> AsyncIterator[bytes]:
    """A body of any length as it arrives, unpacked."""
    unpack = unpacker(scope)
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Disconnected
        more, data = message.get("more_body", False), message.get("body", b"")
        if unpack is None:
            yield data
        else:
            for piece in unpack.unpack(data):
                yield piece
    if unpack is not None:
        for piece in unpack.end():
            yield piece
