"""Events that wait to be sent: bounded, in order, and safe to send twice."""

from __future__ import annotations

import json
import threading
import uuid
from collections import OrderedDict, deque
from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import Any

MAX_BATCH = 100
"""Events of one request: the server takes no more."""
_MAX_BODY = 1_000_000
"""Bytes of one batch: the server takes 1 MiB."""
_REMEMBERED = 200_000


class Outbox:
    """Holds encoded events until the server has them. When it is full the oldest go, and are counted."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._waiting: deque[bytes] = deque()
        self._met: OrderedDict[tuple[str, str, int, str], None] = OrderedDict()
        self.dropped = 0

    def __len__(self) -> int:
        return len(self._waiting)

    def expose(self, unit: str, experiment: str, version: int, variant: str, at: datetime, known: Any) -> bool:
        """Add an exposure unless this unit's is known already; True if it was added."""
        met = (unit, experiment, version, variant)
        with self._lock:
            if met in self._met:
                self._met.move_to_end(met)
                return False
            self._met[met] = None
            if len(self._met) > _REMEMBERED:
                self._met.popitem(last=False)
        attribution = {"experiment_id": experiment, "variant_id": variant, "version": version}
        event: dict[str, Any] = {"event_type": "exposure", "experiments": [attribution]}
        if known:
            event["properties"] = known
        self.add(unit, event, at)
        return True

    def add(self, unit: str, event: Mapping[str, Any], at: datetime) -> str:
        """Add an event; returns its id. Raises TypeError or ValueError for what JSON cannot say."""
        event_id = event.get("event_id") or uuid.uuid4().hex
        whole = {"user_id": unit, "timestamp": at.isoformat(), **event, "event_id": event_id}
        self._push(json.dumps(whole, allow_nan=False).encode())
        return str(event_id)

    def add_untimed(self, line: bytes) -> bool:
        """Add an event again without its time; False when it had none."""
        event = json.loads(line)
        if event.pop("timestamp", None) is None:
            return False
        self._push(json.dumps(event).encode())
        return True

    def _push(self, line: bytes) -> None:
        with self._lock:
            self._waiting.append(line)
            if len(self._waiting) > self._most:
                self._waiting.popleft()
                self.dropped += 1

    def batch(self) -> Sequence[bytes]:
        """The oldest events, as many as one request takes. They stay until `sent`."""
        with self._lock:
            found: list[bytes] = []
            size = 0
            for line in islice(self._waiting, MAX_BATCH):
                size += len(line) + 1
                if found and size > _MAX_BODY:
                    break
                found.append(line)
            return found

    def sent(self, batch: Sequence[bytes]) -> None:
        """The server has these, or will never take them."""
        with self._lock:
            for line in batch:
                # Some of them may have been dropped meanwhile: those at the front are gone then.
                if self._waiting and self._waiting[0] is line:
                    self._waiting.popleft()


def body_of(batch: Sequence[bytes]) -> bytes:
    """A batch as the body of one request."""
    return b'{"events":[' + b",".join(batch) + b"]}"
