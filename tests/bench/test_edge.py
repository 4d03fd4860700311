"""The benchmark of the edge runs, checks its answers, and ends as every benchmark does."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path

import pytest

from bench.edge import limits
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


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 2\r\n\r\n{}",
        b'HTTP/1.1 200 OK\r\nContent-Length: 28\r\n\r\n{"reason":"not_in_audience"}',
    ],
)
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
