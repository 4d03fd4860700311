"""The peer of taking events: bytes of a request appended to a file, on disk before the answer, and nothing else.

Nothing is parsed, checked or told apart. A thread writes what all waiting requests brought and calls fdatasync once;
then they are answered together. Run: python bench/baresink.py PORT FILE.
"""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from collections.abc import Awaitable, Callable, MutableMapping
from queue import SimpleQueue
from typing import Any

import uvicorn

Message = MutableMapping[str, Any]
_Waiting = tuple[bytes, "asyncio.Future[None]"]


class Sink:
    """A file with group commit."""

    def __init__(self, path: str) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self._queue: SimpleQueue[_Waiting] = SimpleQueue()
        self._loop = asyncio.get_running_loop()
        threading.Thread(target=self._write, daemon=True).start()

    def append(self, body: bytes) -> asyncio.Future[None]:
        done = self._loop.create_future()
        self._queue.put((body, done))
        return done

    def _write(self) -> None:
        while True:
            group = [self._queue.get()]
            while not self._queue.empty():
                group.append(self._queue.get())
            os.write(self._file, b"\n".join(body for body, _ in group))
            os.fdatasync(self._file)
            self._loop.call_soon_threadsafe(_settle, [done for _, done in group])


def _settle(group: list[asyncio.Future[None]]) -> None:
    for done in group:
        done.set_result(None)


class App:
    """The least an ASGI application can do for a durable acknowledgement."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._sink: Sink | None = None

    async def __call__(
        self,
        scope: MutableMapping[str, Any],
        receive: Callable[[], Awaitable[Message]],
        send: Callable[[Message], Awaitable[None]],
    ) -> None:
        if scope["type"] != "http":
            return
        body, more = b"", True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        if self._sink is None:
            self._sink = Sink(self._path)
        await self._sink.append(body)
        n = body.count(b'"event_id":')
        content = b'{"event_id":"0"}' if n == 1 else b'{"accepted":%d,"refused":[]}' % n
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(content))]
        await send({"type": "http.response.start", "status": 202, "headers": headers})
        await send({"type": "http.response.body", "body": content})


def main() -> None:
    """Serve until ended."""
    port, path = sys.argv[1:3]
    settings = {"loop": "uvloop", "http": "httptools", "log_level": "error", "access_log": False}
    uvicorn.run(App(path), host="127.0.0.1", port=int(port), **settings)


if __name__ == "__main__":
    main()
