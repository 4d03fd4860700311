"""A transport that answers as it is told, and remembers what it was asked."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from typing import Any

from assay.sdk import Answer

URL = "http://assay.test"


class Told:
    """Hands out a document, takes events, or fails. A list of answers for a path is used up first."""

    def __init__(self, document: Any = None) -> None:
        self.document = document
        self.tag = '"1"'
        self.answers: dict[str, list[Answer | OSError]] = {"/api/v1/snapshot": [], "/api/v1/events": []}
        self.asked: list[tuple[str, str, Mapping[str, str]]] = []
        self.batches: list[list[dict[str, Any]]] = []
        self.got_events = threading.Event()

    @property
    def events(self) -> list[dict[str, Any]]:
        return [event for batch in self.batches for event in batch]

    def send(self, method: str, url: str, body: bytes | None, headers: Mapping[str, str], timeout: float) -> Answer:
        assert url.startswith(URL)
        assert timeout > 0
        path = url.removeprefix(URL)
        self.asked.append((method, path, dict(headers)))
        if self.answers[path]:
            answer = self.answers[path].pop(0)
            if isinstance(answer, OSError):
                raise answer
            return answer
        if path == "/api/v1/snapshot":
            if self.document is None:
                raise OSError("nobody there")
            if headers.get("If-None-Match") == self.tag:
                return Answer(304, headers={"etag": self.tag})
            return Answer(200, json.dumps(self.document).encode(), {"etag": self.tag})
        assert body is not None
        self.batches.append(json.loads(body)["events"])
        self.got_events.set()
        return Answer(202, b'{"accepted": 1, "refused": []}')
