"""Load for the edge: keep-alive connections that each send the next request when the last answer is in.

It speaks just enough HTTP/1.1 to cost little beside the server. Every answer must be a 200 with an assignment.
Run: python bench/load.py PORT SECONDS FIRST_UNIT [--logged]; it prints one JSON object and talks to 127.0.0.1 only.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from pathlib import Path
from time import perf_counter, process_time
from typing import Protocol, cast

import uvloop

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench.peers import COUNTRIES, KEY

N_CONNECTIONS = 64
MAX_REQUESTS = 200_000
ASSIGNED = b'"reason":"assigned"'
_UNIT = "0000000000"
_LENGTH = b"content-length:"


def request_parts(logged: bool) -> list[tuple[bytes, bytes]]:
    """Requests up to the unit's ten digits and after them, one for each country of the audience."""
    parts = []
    for country in COUNTRIES:
        content = {
            "user_id": f"user-{_UNIT}",
            "experiments": [KEY],
            "context": {"country": country, "platform": "web"},
            "log_exposure": logged,
        }
        body = json.dumps(content, separators=(",", ":"))
        head = (
            "POST /api/v1/experiments/assign HTTP/1.1\r\nHost: 127.0.0.1\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        before, after = (head + body).encode().split(_UNIT.encode())
        parts.append((before, after))
    return parts


class Load(Protocol):
    """What connections share: requests, and what became of them. latencies: in seconds."""

    latencies: list[float]
    failure: str

    def next_request(self) -> bytes: ...

    def accepts(self, answer: bytes, head_end: int) -> bool: ...

    def is_over(self, now: float) -> bool: ...


class Run:
    """What the connections share: the next unit, the end, the latencies in seconds, what went wrong."""

    def __init__(self, first_unit: int, seconds: float, logged: bool) -> None:
        self.parts = request_parts(logged)
        self.unit, self.last_unit = first_unit, first_unit + MAX_REQUESTS
        self.ends = perf_counter() + seconds
        self.latencies: list[float] = []
        self.failure = ""

    def accepts(self, answer: bytes, head_end: int) -> bool:
        """Whether it is a 200 with an assignment."""
        return answer.startswith(b"HTTP/1.1 200 ") and answer.find(ASSIGNED, head_end) >= 0

    def is_over(self, now: float) -> bool:
        """No further request."""
        return now >= self.ends or self.unit >= self.last_unit

    def next_request(self) -> bytes:
        """A request of a unit that has not been asked for in this run."""
        unit = self.unit
        self.unit = unit + 1
        before, after = self.parts[unit % len(self.parts)]
        return b"%s%010d%s" % (before, unit, after)


class Connection(asyncio.Protocol):
    """One keep-alive connection with one request under way. `closed` is done when it has ended."""

    def __init__(self, run: Load, closed: asyncio.Future[None]) -> None:
        self._run = run
        self._closed = closed
        self._received = b""
        self._sent_at = 0.0
        self._is_done = False
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are streams without saying so by inheritance.
        self._transport = cast(asyncio.Transport, transport)
        self._send()

    def data_received(self, data: bytes) -> None:
        received = self._received + data if self._received else data
        head_end = received.find(b"\r\n\r\n") + 4
        if head_end < 4 or len(received) < head_end + content_length(received, head_end):
            self._received = received
            return
        self._received = b""
        now, run = perf_counter(), self._run
        if not run.accepts(received, head_end):
            run.failure = received.decode(errors="replace")
        run.latencies.append(now - self._sent_at)
        if run.failure or run.is_over(now):
            self._is_done = True
            self._transport.close()
        else:
            self._send()

    def connection_lost(self, error: Exception | None) -> None:
        if not self._is_done:
            self._run.failure = f"the server closed a connection ({error})"
        self._closed.set_result(None)

    def _send(self) -> None:
        self._sent_at = perf_counter()
        self._transport.write(self._run.next_request())


def content_length(received: bytes, head_end: int) -> int:
    """The body's length as the head gives it."""
    start = received.find(_LENGTH, 0, head_end)
    if start < 0:
        start = received[:head_end].lower().index(_LENGTH)
    return int(received[start + len(_LENGTH) : received.index(b"\r", start)])


async def measure(port: int, seconds: float, first_unit: int, logged: bool) -> dict[str, float]:
    """Load one server; rate, latencies in milliseconds, and the share of a core this process took."""
    return await drive(port, Run(first_unit, seconds, logged), seconds, "a 200 with an assignment")


async def drive(port: int, run: Load, seconds: float, wanted: str) -> dict[str, float]:
    """All connections until the load is over. wanted: what every answer must be, in words."""
    loop = asyncio.get_running_loop()
    began, cpu_began = perf_counter(), process_time()
    ends = []
    for _ in range(N_CONNECTIONS):
        closed: asyncio.Future[None] = loop.create_future()
        await loop.create_connection(lambda end=closed: Connection(run, end), "127.0.0.1", port)  # type: ignore[misc]
        ends.append(closed)
    await asyncio.wait_for(asyncio.gather(*ends), seconds + 30)
    took, cpu = perf_counter() - began, process_time() - cpu_began
    if run.failure:
        raise SystemExit(f"an answer is not {wanted}: {run.failure}")
    latencies = sorted(run.latencies)
    n = len(latencies)
    return {
        "n_requests": n,
        "requests_per_s": n / took,
        "p50_ms": latencies[n // 2] * 1e3,
        "p95_ms": latencies[min(n - 1, n * 95 // 100)] * 1e3,
        "p99_ms": latencies[min(n - 1, n * 99 // 100)] * 1e3,
        "client_cpu": cpu / took,
        "seconds": took,
    }


def main() -> None:
    """Measure once and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("port", type=int)
    parser.add_argument("seconds", type=float)
    parser.add_argument("first_unit", type=int)
    parser.add_argument("--logged", action="store_true", help="have the server log exposures")
    given = parser.parse_args()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        print(json.dumps(runner.run(measure(given.port, given.seconds, given.first_unit, given.logged))))


if __name__ == "__main__":
    main()
