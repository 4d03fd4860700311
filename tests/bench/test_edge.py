"""The benchmark of the edge runs, checks its answers, and ends as every benchmark does."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bench import openloop
from bench.edge import limits, punctuality
from bench.load import measure

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_the_last_line_is_one_json_object() -> None:
    # The benchmark ends with an error when any answer is not a 200 with an assignment.
    command = [sys.executable, str(ROOT / "bench" / "edge.py"), "--quick"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=180, check=False)
    assert done.returncode == 0, done.stderr
    last = json.loads(done.stdout.splitlines()[-1])
    assert last["bench"] == "edge"
    assert set(last["ratios"]) == {"rate_vs_constant", "rate_vs_bare_asgi", "rate_vs_fastapi"}
    assert all(ratio > 0 for ratio in last["ratios"].values())
    assert {"requests_per_s", "p50_ms", "p99_ms", "logged_requests_per_s"} <= set(last["figures"])
    assert 0 < last["figures"]["p50_ms"] <= last["figures"]["p99_ms"]
    steady = [last["figures"][f"open_loop_p{percent}_ms"] for percent in (50, 95, 99)]
    assert 0 < steady[0] <= steady[1] <= steady[2]
    assert last["figures"]["open_loop_late_p99_ms"] >= 0


@pytest.mark.parametrize(
    ("server_cpu", "client_cpu", "words"),
    [
        (0.99, 0.4, "the servers were the bottleneck"),
        (0.7, 0.99, "the load generator was the bottleneck for: bare"),
        (0.7, 0.4, "other work took the processor from bare: rates are doubtful"),
    ],
)
def test_the_limit_is_named(server_cpu: float, client_cpu: float, words: str) -> None:
    rounds = {"ours": [{"server_cpu": 1.0, "client_cpu": 0.4}]}
    rounds["bare"] = [{"server_cpu": server_cpu, "client_cpu": client_cpu}]
    assert limits(rounds).startswith(words)


def test_a_late_load_is_named() -> None:
    rounds = {name: [{"p99_ms": 1.0, "late_p99_ms": 0.01}] for name in ("assay", "constant")}
    assert punctuality(rounds) == "the load was on time: latencies are the servers'"
    rounds["constant"] = [{"p99_ms": 1.0, "late_p99_ms": 0.5}]
    assert punctuality(rounds) == "the load itself was late for: constant"
    rounds["assay"] = [{"p99_ms": 1.0, "late_p99_ms": 0.01, "others_cpu": 0.5}]
    assert punctuality(rounds).startswith("other work took the processors during: assay:")


def test_the_percentile_is_one_of_the_values() -> None:
    values = [float(i) for i in range(1, 101)]
    assert openloop.percentile(values, 50) == 51
    assert openloop.percentile(values, 99) == 100
    assert openloop.percentile([3.0], 99) == 3


BAD_ANSWERS = pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 2\r\n\r\n{}",
        b'HTTP/1.1 200 OK\r\nContent-Length: 28\r\n\r\n{"reason":"not_in_audience"}',
    ],
)


@BAD_ANSWERS
async def test_the_load_refuses_any_other_answer(answer: bytes) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        # In two pieces, as a network may deliver it.
        writer.write(answer[:25])
        await writer.drain()
        writer.write(answer[25:])
        await writer.drain()
        await reader.read()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        with pytest.raises(SystemExit, match="not a 200 with an assignment"):
            await measure(server.sockets[0].getsockname()[1], 0.5, 0, False)


class OneAtATime(threading.Thread):
    """A server of one answer for every request, which takes its time with each."""

    def __init__(self, answer: bytes, seconds: float) -> None:
        super().__init__(daemon=True)
        self._answer, self._seconds = answer, seconds
        self._lock = threading.Lock()
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = int(self._socket.getsockname()[1])

    def run(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._socket.accept()
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError), connection:
            while connection.recv(65_536):
                with self._lock:
                    time.sleep(self._seconds)
                    # In two pieces, as a network may deliver it.
                    connection.send(self._answer[:25])
                    connection.send(self._answer[25:])

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def one_at_a_time() -> Iterator[Callable[[bytes, float], int]]:
    servers: list[OneAtATime] = []

    def start(answer: bytes, seconds: float) -> int:
        servers.append(OneAtATime(answer, seconds))
        servers[-1].start()
        return servers[-1].port

    yield start
    for server in servers:
        server.close()


def test_latency_counts_from_when_a_request_was_due(one_at_a_time: Callable[[bytes, float], int]) -> None:
    good = b'HTTP/1.1 200 OK\r\nContent-Length: 21\r\n\r\n{"reason":"assigned"}'
    port = one_at_a_time(good, 0.01)
    found = openloop.measure(port, 0.2, 0, False, rate=1_000)
    # 200 requests are due within 0.2 s and take 2 s at least: most of that is waiting, and it counts.
    assert found["n_requests"] == 200
    assert found["requests_per_s"] <= 100
    assert found["p99_ms"] > 1_000
    # 64 connections were taken at once, the rest of the requests had to wait for one.
    assert found["waited"] > 0


@BAD_ANSWERS
def test_the_steady_load_refuses_any_other_answer(answer: bytes, one_at_a_time: Callable[[bytes, float], int]) -> None:
    with pytest.raises(SystemExit, match="not a 200 with an assignment"):
        openloop.measure(one_at_a_time(answer, 0.0), 0.1, 0, False, rate=100)
