"""kill -9 at random moments under load: no acknowledged event is lost, none is counted twice."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

KILLS = 8
BATCH = 20
CLIENTS = 4
SEED = 20261123


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Victim:
    """A server that is killed and started again on the same folder and port."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.process = self._start()

    def _start(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "assay", "serve", "--port", str(self.port), "--data", str(self.folder)]
        environment = os.environ | {"ASSAY_REFRESH_SECONDS": "0.05", "LOG_LEVEL": "ERROR"}
        process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            assert process.poll() is None, "the server did not start"
            with contextlib.suppress(httpx.TransportError):
                if httpx.get(f"{self.url}/ready").status_code == 200:
                    return process
            time.sleep(0.05)
        raise AssertionError("the server was not ready within 60 s")

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def restart(self) -> None:
        self.process = self._start()


@pytest.fixture
def victim(tmp_path: Path) -> Iterator[Victim]:
    victim = Victim(tmp_path / "data")
    yield victim
    victim.kill()


def batch_of(client: int, number: int) -> list[dict[str, Any]]:
    """A few new units: each is exposed, and buys twice for 1 and 2."""
    events = []
    for i in range(BATCH):
        unit = f"c{client}-b{number}-u{i}"
        variant = "control" if i % 2 else "green"
        experiments = [{"experiment_id": "e", "variant_id": variant}]
        events.append({"user_id": unit, "event_type": "exposure", "experiments": experiments, "event_id": f"{unit}-x"})
        for value in (1.0, 2.0):
            buy = {"user_id": unit, "event_type": "buy", "event_id": f"{unit}-{value}", "metrics": {"revenue": value}}
            events.append(buy)
    return events


def send_until_acknowledged(url: str, client: int, stop: threading.Event, acknowledged: list[int]) -> None:
    """Batch after batch; one without an answer is sent again, as a careful client does."""
    number = 0
    with httpx.Client(base_url=url, timeout=5) as http:
        while not stop.is_set():
            try:
                answer = http.post("/api/v1/events", json=batch_of(client, number))
                assert answer.status_code == 202, answer.text
                assert answer.json()["accepted"] == 3 * BATCH
            except httpx.TransportError:
                time.sleep(0.05)
                continue
            number += 1
            acknowledged[client] = number


@pytest.mark.slow
def test_nothing_acknowledged_is_lost_and_nothing_counts_twice(victim: Victim) -> None:
    rng = random.Random(SEED)
    body = {
        "id": "e",
        "name": "E",
        "variants": [{"id": "control"}, {"id": "green"}],
        "primary_metric": {"name": "revenue", "type": "sum", "event": "buy", "field": "revenue"},
        "secondary_metrics": [{"name": "purchases", "type": "count", "event": "buy"}],
    }
    httpx.post(f"{victim.url}/api/v1/experiments", json=body).raise_for_status()
    httpx.post(f"{victim.url}/api/v1/experiments/e/start").raise_for_status()
    stop, acknowledged = threading.Event(), [0] * CLIENTS
    clients = [
        threading.Thread(target=send_until_acknowledged, args=(victim.url, i, stop, acknowledged))
        for i in range(CLIENTS)
    ]
    for thread in clients:
        thread.start()
    for _ in range(KILLS):
        time.sleep(rng.uniform(0.1, 0.9))
        victim.kill()
        victim.restart()
    stop.set()
    for thread in clients:
        thread.join(timeout=30)
        assert not thread.is_alive()
    assert min(acknowledged) > KILLS

    n_units = sum(acknowledged) * BATCH
    results = settled_results(victim.url, n_units)
    assert results["total_users_exposed"] == n_units
    quality = {"units_in_two_variants": 0, "events_before_exposure": 0, "sampled_one_in": 1}
    assert results["data_quality"] == quality
    for variant in results["variants"]:
        assert variant["users_exposed"] == n_units / 2
        assert variant["metrics"]["purchases"]["value"] == 2.0
        assert variant["metrics"]["revenue"]["value"] == 3.0


def settled_results(url: str, n_units: int) -> dict[str, Any]:
    """The results once everything that was acknowledged is in them (or as they are after half a minute)."""
    deadline = time.monotonic() + 30
    while True:
        results: dict[str, Any] = httpx.get(f"{url}/api/v1/experiments/e/results").json()
        purchases = [item["metrics"]["purchases"]["value"] for item in results["variants"]]
        complete = results["total_users_exposed"] >= n_units and purchases == [2.0, 2.0]
        if complete or time.monotonic() > deadline:
            return results
        time.sleep(0.2)
