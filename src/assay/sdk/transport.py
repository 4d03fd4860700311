"""How the SDK speaks HTTP: the standard library's way, behind a small protocol so that another may take its place."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

_MAX_ANSWER = 64 * 1024 * 1024


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
    """urllib: one connection per request, proxies from the environment."""

    def send(self, method: str, url: str, body: bytes | None, headers: Mapping[str, str], timeout: float) -> Answer:
        request = urllib.request.Request(url, data=body, headers=dict(headers), method=method)
        try:
            with urllib.request.urlopen(request, timeout=timeout) as response:
                return Answer(response.status, response.read(_MAX_ANSWER), _lowered(response.headers.items()))
        except urllib.error.HTTPError as error:
            # An answer that says no is an answer; so is 304.
            with error:
                return Answer(error.code, error.read(_MAX_ANSWER), _lowered(error.headers.items()))
        except ValueError as error:
            raise OSError(f"{url} cannot be asked: {error}") from error


def _lowered(headers: object) -> dict[str, str]:
    return {name.lower(): value for name, value in headers}  # type: ignore[attr-defined]
