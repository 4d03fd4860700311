"""Imported rows to a server, by its public API."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import Any

import httpx

from assay.errors import Unavailable
from assay.model.history import HistoryBatch, RefusedRow

_EVENTS = "/api/v1/events"
_BATCH = 100
_AT_ONCE = 8
PATIENCE_SECONDS = 60.0
"""So long is a server asked that does not answer."""
_Numbered = tuple[int, str]


class HttpSink:
    """The HistorySink port. What gets no answer is sent again: events have ids, and count once."""

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")
        self._client = httpx.Client(timeout=30)
        self._pool = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="import")

    def send(self, batch: HistoryBatch) -> Sequence[RefusedRow]:
        numbered = [
            (number, event)
            for number, text in zip(batch.numbers, batch.texts, strict=True)
            for event in text.split("\n")
        ]
        events = iter(numbered)
        chunks = iter(lambda: list(islice(events, _BATCH)), [])
        by_row: dict[int, RefusedRow] = {}
        for refused in self._pool.map(self._post, chunks):
            for row in refused:
                by_row.setdefault(row.number, row)
        return [by_row[number] for number in sorted(by_row)]

    def close(self) -> None:
        self._pool.shutdown()
        self._client.close()

    def _post(self, chunk: Sequence[_Numbered]) -> list[RefusedRow]:
        content = f"[{','.join(event for _, event in chunk)}]".encode()
        answer = self._answer(content)
        return [
            RefusedRow(
                number=chunk[item["index"]][0],
                field=item["field"],
                given=item["given"],
                accepted=item["accepted"],
                row=json.loads(chunk[item["index"]][1]),
            )
            for item in answer.get("refused", ())
        ]

    def _answer(self, content: bytes) -> dict[str, Any]:
        """The server's answer to a batch; asks again while there is none, for a while."""
        deadline, pause, why = time.monotonic() + PATIENCE_SECONDS, 0.1, "no answer"
        while True:
            try:
                response = self._client.post(
                    f"{self._url}{_EVENTS}", content=content, headers={"Content-Type": "application/json"}
                )
                document: dict[str, Any] = response.json()
                if response.status_code == 202 or "refused" in document:
                    return document
                why = str(document.get("detail", response.status_code))
                if response.status_code < 500:
                    raise Unavailable(f"{self._url} does not take the events: {why}")
            except (httpx.TransportError, ValueError) as error:
                why = str(error) or type(error).__name__
            except httpx.InvalidURL as error:
                raise Unavailable(f"{self._url} is no address: {error}") from None
            if time.monotonic() + pause > deadline:
                raise Unavailable(f"no answer from {self._url} ({why})", hint="is the server running there?")
            time.sleep(pause)
            pause = min(2 * pause, 5.0)
