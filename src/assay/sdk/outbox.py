"""Events that wait to be sent: bounded, in order, and safe to send twice."""

from __future__ import annotations

import json
import threading
import uuid
from collections import OrderedDict, deque
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from itertools import islice
from typing import Any

from assay.model.decision import Decision

MAX_BATCH = 100
"""Events of one request: the server takes no more."""
_MAX_BODY = 1_000_000
"""Bytes of one batch: the server takes 1 MiB."""
_REMEMBERED = 200_000
_MAX_KNOWN = 8_000
"""Characters of attributes that go with an exposure."""


_Met = tuple[str, str, int, str]


class Outbox:
    """Holds encoded events until the server has them. When it is full the oldest go, and are counted; a unit whose
    exposure went is exposed anew when it comes back."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._waiting: deque[bytes] = deque()
        self._met: OrderedDict[_Met, None] = OrderedDict()
        self._exposures: dict[bytes, _Met] = {}
        self._ended = False
        self._told = 0
        self.dropped = 0

    def __len__(self) -> int:
        return len(self._waiting)

    def expose(self, unit: str, decision: Decision, attributes: object) -> bool:
        """Add the exposure of a unit that has a variant, unless it is known already; True if it was added."""
        assert decision.variant is not None
        met = (unit, decision.experiment, decision.version, decision.variant)
        with self._lock:
            if met in self._met:
                self._met.move_to_end(met)
                return False
            self._met[met] = None
            if len(self._met) > _REMEMBERED:
                self._met.popitem(last=False)
        attribution = dict(zip(("experiment_id", "version", "variant_id"), met[1:], strict=True))
        event: dict[str, Any] = {"event_type": "exposure", "experiments": [attribution]}
        known = _known(attributes)
        if known:
            event["properties"] = known
        self.add(unit, event, datetime.now(timezone.utc), met)
        return True

    def add(self, unit: str, event: Mapping[str, Any], at: datetime, met: _Met | None = None) -> str:
        """Add an event; returns its id. Raises TypeError or ValueError for what JSON cannot say. met: it is the
        exposure of this."""
        event_id = event.get("event_id") or uuid.uuid4().hex
        whole = {"user_id": unit, "timestamp": at.isoformat(), **event, "event_id": event_id}
        self._push(json.dumps(whole, allow_nan=False).encode(), met)
        return str(event_id)

    def add_untimed(self, line: bytes) -> bool:
        """Add an event again without its time; False when it had none."""
        event = json.loads(line)
        if event.pop("timestamp", None) is None:
            return False
        self._push(json.dumps(event).encode())
        return True

    def _push(self, line: bytes, met: _Met | None = None) -> None:
        with self._lock:
            self._waiting.append(line)
            if met is not None:
                self._exposures[line] = met
            if len(self._waiting) > self._most or self._ended:
                lost = self._exposures.pop(self._waiting.popleft(), None)
                if lost is not None:
                    self._met.pop(lost, None)
                self.dropped += 1

    def news_of_losses(self) -> int:
        """How many events were lost so far, if that is to be told: at the first, and whenever they have doubled."""
        with self._lock:
            if self.dropped <= 2 * self._told:
                return 0
            self._told = self.dropped
            return self.dropped

    def end(self) -> int:
        """Take nothing from now on, and give up what waits; returns how many events that were."""
        with self._lock:
            self._ended = True
            lost = len(self._waiting)
            self._waiting.clear()
            self._exposures.clear()
            self.dropped += lost
            return lost

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
                    self._exposures.pop(self._waiting.popleft(), None)


def _known(attributes: object) -> dict[str, Any]:
    """What of the attributes goes with an exposure: all or, where JSON cannot say them in few characters, nothing."""
    try:
        known = dict(attributes) if isinstance(attributes, Mapping) else {}
        return known if len(json.dumps(known, allow_nan=False)) <= _MAX_KNOWN else {}
    except Exception:
        # Objects of someone's own may raise anything.
        return {}


def body_of(batch: Sequence[bytes]) -> bytes:
    """A batch as the body of one request."""
    return b'{"events":[' + b",".join(batch) + b"]}"
