"""Events over HTTP, one by one or in batches of 100: keep-alive connections that wait for each answer.

Every answer must be a 202 that acknowledges all events of its request. Every event has an id of its own; one in four
names the experiment. Run: python bench/eventload.py PORT SECONDS FIRST_REQUEST BATCH; it prints one JSON object.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from datetime import datetime, timezone
from pathlib import Path
from time import perf_counter

import uvloop

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench.load import drive
from bench.peers import KEY

BATCH = 100
MAX_REQUESTS = 1_000_000
_NUMBER = b"__________"
_VARIANTS = ("control", "treatment")


def event(i: int) -> dict[str, object]:
    """The i-th event of a request; the request's ten digits take the place of the marker."""
    named = {"experiments": [{"experiment_id": KEY, "variant_id": _VARIANTS[i // 4 % 2]}]} if i % 4 == 1 else {}
    return {
        "event_id": f"{_NUMBER.decode()}-{i:02d}",
        "user_id": f"user-{_NUMBER.decode()}-{i % 50:02d}",
        "event_type": ("click", "impression", "conversion", "engagement")[i % 4],
        "timestamp": datetime.now(timezone.utc).isoformat(),
        "metrics": {"revenue": 129.99, "items": 3},
        "properties": {"page": "/checkout", "payment_method": "credit_card"},
        **named,
    }


def body_of(batch: int) -> bytes:
    """A request's body: one event, or a list of them."""
    content = event(0) if batch == 1 else [event(i) for i in range(batch)]
    return json.dumps(content, separators=(",", ":")).encode()


class Events:
    """The load of one run."""

    def __init__(self, first_request: int, seconds: float, batch: int) -> None:
        body = body_of(batch)
        self._head = (
            b"POST /api/v1/events HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
            b"Content-Length: %d\r\n\r\n" % len(body)
        )
        # Text that stays, with the request's number between.
        self._pieces = (self._head + body).split(_NUMBER)
        self._acknowledged = b'"event_id":' if batch == 1 else b'"accepted":%d,' % batch
        self._next = first_request
        self._ends = perf_counter() + seconds
        self.latencies: list[float] = []
        self.failure = ""

    def next_request(self) -> bytes:
        number = b"%010d" % self._next
        self._next += 1
        return number.join(self._pieces)

    def accepts(self, answer: bytes, head_end: int) -> bool:
        return answer.startswith(b"HTTP/1.1 202 ") and answer.find(self._acknowledged, head_end) >= 0

    def is_over(self, now: float) -> bool:
        return now >= self._ends


async def measure(port: int, seconds: float, first_request: int, batch: int) -> dict[str, float]:
    """Load one server; as `load.measure`, and the rate of events."""
    wanted = "a 202 that acknowledges every event"
    found = await drive(port, Events(first_request, seconds, batch), seconds, wanted)
    return {**found, "events_per_s": found["requests_per_s"] * batch}


def main() -> None:
    """Measure once and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("port", type=int)
    parser.add_argument("seconds", type=float)
    parser.add_argument("first_request", type=int)
    parser.add_argument("batch", type=int)
    given = parser.parse_args()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        print(json.dumps(runner.run(measure(given.port, given.seconds, given.first_request, given.batch))))


if __name__ == "__main__":
    main()
