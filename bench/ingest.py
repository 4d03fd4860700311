"""Events over HTTP: accepted events per second, each on disk before its answer, beside a server that only writes.

One server process of each, 64 connections; the servers take turns round by round, those not measured are paused. Ours
runs as `assay serve` runs it: checks, keys, an experiment under way, the loader at work beside. Then the loader
alone, and SQLite alone with the same bytes. Ratios are medians of the rounds' own ratios. Run: `make bench-ingest`, or
with --quick for a short look.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from time import perf_counter

sys.path.insert(0, str(Path(__file__).parents[1]))

from assay.adapters.duckdb_warehouse import DuckdbWarehouse
from assay.adapters.sqlite_inbox import SqliteInbox
from assay.model.event import microseconds
from assay.service.eventlines import EventLine, encode_line, event_key
from assay.service.loading import Loading
from bench.edge import median, start_experiment
from bench.eventload import BATCH, MAX_REQUESTS
from bench.load import N_CONNECTIONS
from bench.report import print_last_line
from bench.server import ROOT, Server

SIZES = {"single": 1, "batch": BATCH}
_DRAIN_SECONDS = 60.0
_Round = dict[str, float]


class Turns:
    """Runs the load, each time with events that were never sent before."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._n_runs = 0

    def measure(self, server: Server, batch: int) -> _Round:
        """One run against one server; ends the benchmark if any answer is not the right acknowledgement."""
        first = self._n_runs * MAX_REQUESTS
        self._n_runs += 1
        command = [sys.executable, "bench/eventload.py", str(server.port), str(self._seconds), str(first), str(batch)]
        server.resume()
        before = server.cpu_seconds()
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
        after = server.cpu_seconds()
        if done.returncode:
            raise SystemExit(f"load on port {server.port} failed: {done.stderr[-2_000:]}")
        measured: _Round = json.loads(done.stdout)
        if before is not None and after is not None:
            measured["server_cpu"] = (after - before) / measured["seconds"]
        return measured


@contextlib.contextmanager
def running(folder: Path) -> Iterator[dict[str, Server]]:
    """Our server with its experiment started, and the bare one, both paused; ended on leaving."""
    with contextlib.ExitStack() as stack:

        def start(*command: str) -> Server:
            server = Server(command, None)
            stack.callback(server.end)
            server.wait_until_ready()
            return server

        servers = {
            "assay": start("-m", "assay", "serve", "--port", "PORT", "--data", str(folder / "data")),
            "bare": start("bench/baresink.py", "PORT", str(folder / "bare.log")),
        }
        start_experiment(servers["assay"].url)
        for server in servers.values():
            server.pause()
        yield servers


def wait_until_loaded(data: Path) -> None:
    """What one turn left in the inbox must not burden the next."""
    ends = time.monotonic() + _DRAIN_SECONDS
    with contextlib.closing(sqlite3.connect(f"file:{data / 'inbox.sqlite'}?mode=ro", uri=True)) as inbox:
        while inbox.execute("SELECT count(*) FROM (SELECT 1 FROM inbox LIMIT 1)").fetchone()[0]:
            if time.monotonic() > ends:
                raise SystemExit("the loader did not come to an end")
            time.sleep(0.05)


def stored_lines(first: int, n_events: int) -> list[bytes]:
    """What is kept of events like those of the load."""
    at, lines = microseconds(datetime.now(timezone.utc)), []
    for i in range(first, first + n_events):
        unit, event_id = f"user-{i // BATCH:010d}-{i % 50:02d}", f"{i // BATCH:010d}-{i % BATCH:02d}"
        properties = {"page": "/checkout", "payment_method": "credit_card"}
        key = event_key(unit, event_id, "click", at, "")
        lines.append(
            encode_line(EventLine(key, unit, "click", "", None, at, {"revenue": 129.99, "items": 3}, properties))
        )
    return lines


class Loader:
    """An inbox that is filled, and the time it takes to empty it into the warehouse."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self._inbox = SqliteInbox(folder / "inbox.sqlite")
        self._warehouse = DuckdbWarehouse(folder / "warehouse.duckdb")
        self._loading = Loading(self._inbox, self._warehouse)
        self._n_events = 0

    def rate(self, n_events: int) -> float:
        """Events per second; ends the benchmark unless each was loaded."""
        lines = stored_lines(self._n_events, n_events)
        self._n_events += n_events
        for i in range(0, n_events, BATCH):
            self._inbox.append(b"\n".join(lines[i : i + BATCH]))
        self._inbox.append(lines[-1]).result(timeout=60)
        began = perf_counter()
        added = self._loading.load_all()
        took = perf_counter() - began
        if added != n_events:
            raise SystemExit(f"{added} of {n_events} events were loaded")
        return n_events / took

    def close(self) -> None:
        self._inbox.close()
        self._warehouse.close()


def sink_rate(path: Path, seconds: float) -> float:
    """Events per second that SQLite alone commits: the bytes of 64 batches, a row each, in one transaction."""
    rows = [(b"\n".join(stored_lines(i * BATCH, BATCH)),) for i in range(N_CONNECTIONS)]
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("CREATE TABLE IF NOT EXISTS sink (position INTEGER PRIMARY KEY AUTOINCREMENT, lines BLOB)")
        connection.execute("DELETE FROM sink")
        connection.commit()
        began, n_events = perf_counter(), 0
        while perf_counter() - began < seconds:
            with connection:
                connection.executemany("INSERT INTO sink (lines) VALUES (?)", rows)
            n_events += N_CONNECTIONS * BATCH
        return n_events / (perf_counter() - began)


def measure(n_rounds: int, seconds: float, n_loaded: int) -> dict[str, list[_Round]]:
    """All figures of all rounds."""
    rounds: dict[str, list[_Round]] = {}
    turns = Turns(seconds)
    with tempfile.TemporaryDirectory() as name, running(Path(name)) as servers:
        folder = Path(name)
        loader = Loader(folder / "loader")
        for i in range(n_rounds + 1):
            # There and back again, so that no server is always the one that is measured when the machine slows down.
            for size, batch in SIZES.items():
                for server in list(servers)[:: -1 if i % 2 else 1]:
                    found = turns.measure(servers[server], batch)
                    if server == "assay":
                        wait_until_loaded(folder / "data")
                    servers[server].pause()
                    if i:  # The first round warms up.
                        rounds.setdefault(f"{server}_{size}", []).append(found)
            if i:
                rounds.setdefault("loader", []).append({"events_per_s": loader.rate(n_loaded)})
                rounds.setdefault("sink", []).append({"events_per_s": sink_rate(folder / "sink.sqlite", seconds / 2)})
        loader.close()
    return rounds


def ratio(rounds: dict[str, list[_Round]], ours: str, theirs: str) -> float:
    """The middle of the rounds' own ratios of events per second."""
    pairs = zip(rounds[ours], rounds[theirs], strict=True)
    return statistics.median(one["events_per_s"] / other["events_per_s"] for one, other in pairs)


def print_table(rounds: dict[str, list[_Round]]) -> None:
    """One line per thing measured."""
    print(f"{'':>14}{'events/s':>12}{'p50 ms':>9}{'p95 ms':>9}{'p99 ms':>9}{'server cpu':>12}{'load cpu':>10}")
    for name, items in rounds.items():
        line = f"{name:>14}{median(items, 'events_per_s'):>12,.0f}"
        if "p50_ms" in items[0]:
            line += "".join(f"{median(items, figure):>9.2f}" for figure in ("p50_ms", "p95_ms", "p99_ms"))
            cpu = median(items, "server_cpu") if "server_cpu" in items[0] else float("nan")
            line += f"{cpu:>12.0%}{median(items, 'client_cpu'):>10.0%}"
        print(line)


def main() -> None:
    """Measure, print, compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a short run, for a look")
    quick = parser.parse_args().quick
    n_rounds, seconds, n_loaded = (1, 0.5, 20_000) if quick else (7, 2.0, 200_000)
    rounds = measure(n_rounds, seconds, n_loaded)
    print(f"\nevents over HTTP, on disk before the answer, medians of {n_rounds} rounds of {seconds:g} s")
    print_table(rounds)
    ratios = {
        "rate_single_vs_bare_fsync": ratio(rounds, "assay_single", "bare_single"),
        "rate_batch_vs_bare_fsync": ratio(rounds, "assay_batch", "bare_batch"),
        "rate_loader_vs_intake": ratio(rounds, "loader", "assay_batch"),
        "rate_batch_vs_sink": ratio(rounds, "assay_batch", "sink"),
    }
    figures = {
        "single_events_per_s": median(rounds["assay_single"], "events_per_s"),
        "single_p95_ms": median(rounds["assay_single"], "p95_ms"),
        "batch_events_per_s": median(rounds["assay_batch"], "events_per_s"),
        "batch_p95_ms": median(rounds["assay_batch"], "p95_ms"),
        **{f"{name}_events_per_s": median(rounds[name], "events_per_s") for name in ("loader", "sink")},
        **{f"bare_{size}_events_per_s": median(rounds[f"bare_{size}"], "events_per_s") for size in SIZES},
    }
    print_last_line("ingest", ratios, figures)


if __name__ == "__main__":
    main()
