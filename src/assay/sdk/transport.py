"""How the SDK speaks HTTP: the standard library's way, behind a small protocol so that another may take its place."""

from __future__ import annotations

import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

_MAX_ANSWER = 64 * 1024 * 1024
_PIECE = 64 * 1024


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. headers: names in lower case."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


class Transport(Protocol):
    """Sends one request. Raises OSError when there is no answer."""

    def send(self, method: str, url: str, body: bytes | None, headers: Mapping[str, str], timeout: float) -> Answer: ...


class UrllibTransport:
    """urllib: one connection per request, proxies from the environment. The timeout is that of the whole answer: nobody
    waits for one that comes byte by byte."""

    def send(self, method: str, url: str, body: bytes | None, headers: Mapping[str, str], timeout: float) -> Answer:
        deadline = time.monotonic() + timeout
        try:
            request = urllib.request.Request(url, data=body, headers=dict(headers), method=method)
            with urllib.request.urlopen(request, timeout=timeout) as response:
                return Answer(response.status, _read(response, deadline), _lowered(response.headers.items()))
        except urllib.error.HTTPError as error:
            # An answer that says no is an answer; so is 304.
            with error:
                return Answer(error.code, _read(error, deadline), _lowered(error.headers.items()))
        except ValueError as error:
            raise OSError(f"{url} cannot be asked: {error}") from error


def _read(response: Any, deadline: float) -> bytes:
    found = bytearray()
    while piece := response.read1(_PIECE):
        found += piece
        if len(found) > _MAX_ANSWER or time.monotonic() > deadline:
            raise OSError("an answer that does not end in time")
    return bytes(found)


def _lowered(headers: object) -> dict[str, str]:
    return {name.lower(): value for name, value in headers}  # type: ignore[attr-defined]
