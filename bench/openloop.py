"""Load at a steady rate, whether or not the server keeps up: latency counts from when a request was due.

It spins on its core so as to be on time, and tells how late it was itself. Every answer must be a 200 with an
assignment. Run: python bench/openloop.py PORT SECONDS FIRST_UNIT [--logged] [--rate N]; it prints one JSON object.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import json
import select
import socket
import sys
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench.load import ASSIGNED, N_CONNECTIONS, content_length, request_parts

RATE = 5_000
PATIENCE_SECONDS = 10.0
_MAX_ANSWER = 65_536


class Lane:
    """One keep-alive connection; free, or with one request under way."""

    __slots__ = ("due", "received", "socket")

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.setblocking(False)
        self.received = b""
        self.due = 0.0

    def take_in(self) -> bytes | None:
        """The whole answer once it is there."""
        data = self.socket.recv(_MAX_ANSWER)
        if not data:
            raise SystemExit("the server closed a connection")
        received = self.received + data if self.received else data
        head_end = received.find(b"\r\n\r\n") + 4
        if head_end < 4 or len(received) < head_end + content_length(received, head_end):
            self.received = received
            return None
        self.received = b""
        return received


class OpenLoop:
    """Requests due at even distances, sent on a free connection or, when all are taken, on the next that is free."""

    def __init__(self, port: int, rate: float, first_unit: int, logged: bool) -> None:
        self._parts = request_parts(logged)
        self._next_unit = first_unit
        self._every = 1 / rate
        self._lanes = [Lane(port) for _ in range(N_CONNECTIONS)]
        self._free = deque(self._lanes)
        self._waiting: deque[float] = deque()
        self.latencies: list[float] = []
        self.lateness: list[float] = []
        self.n_waited = 0

    def run(self, n_requests: int) -> float:
        """Seconds from the first request's time to the last answer."""
        by_number = {lane.socket.fileno(): lane for lane in self._lanes}
        poll = select.epoll()
        for number in by_number:
            poll.register(number, select.EPOLLIN)
        begins = perf_counter() + 0.01
        gives_up = begins + n_requests * self._every + PATIENCE_SECONDS
        n_due = 0
        while len(self.latencies) < n_requests:
            now = perf_counter()
            if n_due < n_requests and (due := begins + n_due * self._every) <= now:
                n_due += 1
                self.lateness.append(now - due)
                self._ask(due)
            for number, _ in poll.poll(0):
                self._answered(by_number[number])
            if now > gives_up:
                raise SystemExit(f"{n_requests - len(self.latencies)} of {n_requests} answers did not come")
        return perf_counter() - begins

    def close(self) -> None:
        """Close every connection."""
        for lane in self._lanes:
            lane.socket.close()

    def _ask(self, due: float) -> None:
        if self._free:
            self._send(self._free.popleft(), due)
        else:
            self.n_waited += 1
            self._waiting.append(due)

    def _send(self, lane: Lane, due: float) -> None:
        unit = self._next_unit
        self._next_unit = unit + 1
        before, after = self._parts[unit % len(self._parts)]
        lane.due = due
        # A request is far smaller than a socket's buffer, and the last one was taken before its answer came.
        lane.socket.send(b"%s%010d%s" % (before, unit, after))

    def _answered(self, lane: Lane) -> None:
        answer = lane.take_in()
        if answer is None:
            return
        self.latencies.append(perf_counter() - lane.due)
        if not answer.startswith(b"HTTP/1.1 200 ") or ASSIGNED not in answer:
            raise SystemExit(f"an answer is not a 200 with an assignment: {answer.decode(errors='replace')}")
        if self._waiting:
            self._send(lane, self._waiting.popleft())
        else:
            self._free.append(lane)


def percentile(ordered: Sequence[float], percent: float) -> float:
    """Of values in order, the one that so many percent of them do not exceed."""
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]


def measure(port: int, seconds: float, first_unit: int, logged: bool, rate: float = RATE) -> dict[str, float]:
    """Load one server; the rate of its answers, latencies and the load's own lateness in milliseconds."""
    n_requests = round(rate * seconds)
    with contextlib.closing(OpenLoop(port, rate, first_unit, logged)) as load:
        gc.collect()
        gc.disable()
        took = load.run(n_requests)
        gc.enable()
    latencies, lateness = sorted(load.latencies), sorted(load.lateness)
    return {
        "n_requests": n_requests,
        "requests_per_s": (n_requests - 1) / took,
        "p50_ms": percentile(latencies, 50) * 1e3,
        "p95_ms": percentile(latencies, 95) * 1e3,
        "p99_ms": percentile(latencies, 99) * 1e3,
        "longest_ms": latencies[-1] * 1e3,
        "late_p99_ms": percentile(lateness, 99) * 1e3,
        "latest_ms": lateness[-1] * 1e3,
        "waited": load.n_waited / n_requests,
        "seconds": took,
    }


def main() -> None:
    """Measure once and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("port", type=int)
    parser.add_argument("seconds", type=float)
    parser.add_argument("first_unit", type=int)
    parser.add_argument("--logged", action="store_true", help="have the server log exposures")
    parser.add_argument("--rate", type=float, default=RATE, help="requests per second")
    given = parser.parse_args()
    print(json.dumps(measure(given.port, given.seconds, given.first_unit, given.logged, given.rate)))


if __name__ == "__main__":
    main()
