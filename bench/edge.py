"""Assignment over HTTP: requests per second, our server beside three that do less, in one run.

The servers take turns round by round on one core, the load comes from another; those not measured are paused.
Ratios are medians of the rounds' own ratios. Then requests come at a steady rate that the server does not set, and
latency counts from when each was due. Run: `make bench-edge`, or with --quick for a short look.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench.load import MAX_REQUESTS, N_CONNECTIONS
from bench.openloop import RATE
from bench.peers import COUNTRIES, KEY
from bench.report import print_last_line
from bench.server import ROOT, Server, busy_seconds, cores, on

PEERS = ("constant", "bare_asgi", "fastapi")
_BUSY, _QUIET = 0.95, 0.10
_Round = dict[str, float]


def start_experiment(url: str) -> str:
    """The experiment every peer has in its code; returns one answer about it."""
    body = {
        "id": KEY,
        "name": KEY,
        "variants": [{"id": "control", "name": "Control"}, {"id": "treatment", "name": "Treatment"}],
        "targeting": {"countries": list(COUNTRIES)},
        "primary_metric": {"name": "bought", "type": "conversion", "event": "buy"},
    }
    question = {"user_id": "user-0000000000", "experiments": [KEY], "context": {"country": "US"}, "log_exposure": False}
    with httpx.Client(base_url=f"{url}/api/v1", timeout=30, trust_env=False) as client:
        client.post("/experiments", json=body).raise_for_status()
        client.post(f"/experiments/{KEY}/start").raise_for_status()
        return client.post("/experiments/assign", json=question).raise_for_status().text


def _children_seconds() -> float:
    """Processor time of the loads that have ended."""
    times = os.times()
    return times.children_user + times.children_system


class Track:
    """Runs the load, each time with units that were never used before."""

    def __init__(self, core: int | None, seconds: float, n_runs: int = 0) -> None:
        self._core = core
        self._seconds = seconds
        self.n_runs = n_runs

    def measure(self, server: Server, *, logged: bool = False, script: str = "load") -> _Round:
        """One run of a load against one server; ends the benchmark if any answer is not an assignment."""
        first_unit = self.n_runs * MAX_REQUESTS
        self.n_runs += 1
        command = [sys.executable, f"bench/{script}.py", str(server.port), str(self._seconds), str(first_unit)]
        server.resume()
        cpu_before, busy_before, load_before = server.cpu_seconds(), busy_seconds(), _children_seconds()
        with on(self._core):
            done = subprocess.run(
                command + ["--logged"] * logged, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
            )
        cpu_after, busy_after = server.cpu_seconds(), busy_seconds()
        server.pause()
        if done.returncode:
            raise SystemExit(f"load on port {server.port} failed: {done.stderr[-2_000:]}")
        measured: _Round = json.loads(done.stdout)
        if cpu_before is not None and cpu_after is not None:
            measured["server_cpu"] = (cpu_after - cpu_before) / measured["seconds"]
            measured["cpu_us"] = (cpu_after - cpu_before) / measured["n_requests"] * 1e6
            if busy_before is not None and busy_after is not None:
                own = cpu_after - cpu_before + _children_seconds() - load_before
                measured["others_cpu"] = max(0.0, busy_after - busy_before - own) / measured["seconds"]
        return measured


@contextlib.contextmanager
def running(core: int | None) -> Iterator[dict[str, Server]]:
    """Our server with its experiment started, and the peers, all paused; ended on leaving."""
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:

        def start(*command: str) -> Server:
            server = Server(command, core)
            stack.callback(server.end)
            server.wait_until_ready()
            return server

        servers = {"assay": start("-m", "assay", "serve", "--port", "PORT", "--data", folder)}
        answer = start_experiment(servers["assay"].url)
        servers["assay"].pause()
        for name in PEERS:
            servers[name] = start("bench/handlers.py", name, "PORT", answer)
            servers[name].pause()
        yield servers


def median(rounds: Sequence[_Round], name: str) -> float:
    """The middle of one figure over the rounds."""
    return statistics.median(item[name] for item in rounds)


def print_table(rounds: dict[str, list[_Round]]) -> None:
    """One line per server, and a word about what the limit was."""
    print(f"{'':>14}{'requests/s':>12}{'p50 ms':>9}{'p99 ms':>9}{'cpu us':>9}{'server cpu':>12}{'load cpu':>10}")
    for name, items in rounds.items():
        rate, p50, p99 = (median(items, figure) for figure in ("requests_per_s", "p50_ms", "p99_ms"))
        cpu_us, server_cpu = (
            median(items, figure) if figure in items[0] else float("nan") for figure in ("cpu_us", "server_cpu")
        )
        load_cpu = median(items, "client_cpu")
        print(f"{name:>14}{rate:>12,.0f}{p50:>9.2f}{p99:>9.2f}{cpu_us:>9.1f}{server_cpu:>12.0%}{load_cpu:>10.0%}")
    print(limits(rounds))


def limits(rounds: dict[str, list[_Round]]) -> str:
    """Rates compare servers only where each had its core to itself and used it."""
    known = {name: items for name, items in rounds.items() if "server_cpu" in items[0]}
    idle = [name for name, items in known.items() if median(items, "server_cpu") < _BUSY]
    slow = [name for name in idle if median(known[name], "client_cpu") > _BUSY]
    if slow:
        return f"the load generator was the bottleneck for: {', '.join(slow)}"
    if idle:
        return (
            f"other work took the processor from {', '.join(idle)}: rates are doubtful; repeat when nothing else runs"
        )
    return "the servers were the bottleneck" if known else "this system does not tell what the bottleneck was"


def figures_of(rounds: dict[str, list[_Round]]) -> dict[str, Any]:
    """Ours plain, the others under their names. cpu_us: the server's processor time per request."""
    figures = {}
    for name, items in rounds.items():
        prefix = "" if name == "assay" else name.removeprefix("assay_") + "_"
        for figure in ("requests_per_s", "p50_ms", "p99_ms", "cpu_us", "server_cpu"):
            if figure in items[0]:
                figures[prefix + figure] = median(items, figure)
    return figures


def print_open_loop(rounds: dict[str, list[_Round]], seconds: float) -> None:
    """One line per server, and a word about whether the load was on time."""
    print(f"\n{RATE:,} requests/s due at even distances over {N_CONNECTIONS} connections, one worker,")
    print(f"medians of {len(rounds['assay'])} rounds of {seconds:g} s; ms from when a request was due")
    print(f"{'':>14}{'requests/s':>12}{'p50':>8}{'p95':>8}{'p99':>8}{'longest':>9}", end="")
    print(f"{'server cpu':>12}{'others cpu':>12}{'load late: p99':>16}{'most':>8}{'waited':>8}")
    for name, items in rounds.items():
        line = f"{name:>14}{median(items, 'requests_per_s'):>12,.0f}"
        line += "".join(f"{median(items, figure):>8.2f}" for figure in ("p50_ms", "p95_ms", "p99_ms"))
        cpu, others = (
            median(items, figure) if figure in items[0] else float("nan") for figure in ("server_cpu", "others_cpu")
        )
        line += f"{median(items, 'longest_ms'):>9.2f}{cpu:>12.0%}{others:>12.0%}{median(items, 'late_p99_ms'):>16.3f}"
        print(line + f"{median(items, 'latest_ms'):>8.2f}{median(items, 'waited'):>8.2%}")
    print(punctuality(rounds))


def punctuality(rounds: dict[str, list[_Round]]) -> str:
    """Latencies are the server's only where the load was hardly late itself and nothing else took the processors."""
    disturbed = [
        name for name, items in rounds.items() if "others_cpu" in items[0] and median(items, "others_cpu") > _QUIET
    ]
    if disturbed:
        return f"other work took the processors during: {', '.join(disturbed)}: latencies are doubtful"
    late = [name for name, items in rounds.items() if median(items, "late_p99_ms") > median(items, "p99_ms") / 4]
    return (
        f"the load itself was late for: {', '.join(late)}"
        if late
        else "the load was on time: latencies are the servers'"
    )


def open_loop_figures(rounds: dict[str, list[_Round]]) -> dict[str, Any]:
    """Ours plain, the others under their names."""
    names = ("requests_per_s", "p50_ms", "p95_ms", "p99_ms", "late_p99_ms", "latest_ms", "waited")
    return {
        f"{'' if server == 'assay' else server.removeprefix('assay_') + '_'}open_loop_{name}": median(items, name)
        for server, items in rounds.items()
        for name in names
    }


def main() -> None:
    """Measure, print, compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a short run, for a look")
    quick = parser.parse_args().quick
    n_rounds, seconds, steady_seconds = (1, 0.5, 1.0) if quick else (10, 1.0, 10.0)
    server_core, load_core = cores()
    track = Track(load_core, seconds)
    rounds: dict[str, list[_Round]] = {}
    with running(server_core) as servers:
        for server in servers.values():
            track.measure(server)  # Warm up.
        for i in range(n_rounds):
            # There and back again, so that no server is always the one that is measured when the machine slows down.
            for name in list(servers)[:: -1 if i % 2 else 1]:
                rounds.setdefault(name, []).append(track.measure(servers[name]))
        steady, steady_rounds = Track(load_core, steady_seconds, track.n_runs), 1 if quick else 3
        open_rounds: dict[str, list[_Round]] = {"assay": [], "constant": []}
        for _ in range(steady_rounds):
            for name, items in open_rounds.items():
                items.append(steady.measure(servers[name], script="openloop"))
        # Last, because the events they leave are loaded and analysed by our server for a while after.
        logged = [steady.measure(servers["assay"], logged=True, script="openloop") for _ in range(steady_rounds)]
        open_rounds["assay_logged"] = logged
        track.n_runs = steady.n_runs
        rounds["assay_logged"] = [track.measure(servers["assay"], logged=True) for _ in range(n_rounds)]
    print(f"\nassignment over HTTP, medians of {n_rounds} rounds of {seconds:g} s, one process each")
    print_table(rounds)
    ratios = {
        f"rate_vs_{name}": statistics.median(
            ours["requests_per_s"] / theirs["requests_per_s"]
            for ours, theirs in zip(rounds["assay"], rounds[name], strict=True)
        )
        for name in PEERS
    }
    print_open_loop(open_rounds, steady_seconds)
    print_last_line("edge", ratios, {**figures_of(rounds), **open_loop_figures(open_rounds)})


if __name__ == "__main__":
    main()
