"""kill -9 of the edge and of the worker, which share one folder, under load: the counts are exact in the end."""

from __future__ import annotations

import random
import threading
import time
from pathlib import Path

import httpx
import pytest

from tests.faults.nodes import running, until
from tests.faults.test_kill import BATCH, send_until_acknowledged, settled_results

SEED, KILLS, CLIENTS = 7, 8, 4


@pytest.mark.slow
def test_edge_and_worker_killed_at_random(tmp_path: Path) -> None:
    folder, rng = tmp_path / "data", random.Random(SEED)
    body = {
        "id": "e",
        "name": "E",
        "variants": [{"id": "control"}, {"id": "green"}],
        "primary_metric": {"name": "revenue", "type": "sum", "event": "buy", "field": "revenue"},
        "secondary_metrics": [{"name": "purchases", "type": "count", "event": "buy"}],
    }
    with running(folder, "control") as control, running(folder, "worker") as worker, running(folder, "edge") as edge:
        httpx.post(f"{control.url}/api/v1/experiments", json=body).raise_for_status()
        httpx.post(f"{control.url}/api/v1/experiments/e/start").raise_for_status()
        until(lambda: httpx.get(f"{edge.url}/ready").json()["running_experiments"] == 1)
        stop, acknowledged = threading.Event(), [0] * CLIENTS
        clients = [
            threading.Thread(target=send_until_acknowledged, args=(edge.url, i, stop, acknowledged))
            for i in range(CLIENTS)
        ]
        for client in clients:
            client.start()
        for turn in range(KILLS):
            time.sleep(rng.uniform(0.05, 0.6))
            victim = worker if turn % 2 else edge
            victim.kill()
            time.sleep(rng.uniform(0.0, 0.3))
            victim.restart()
        stop.set()
        for client in clients:
            client.join(timeout=30)
            assert not client.is_alive()
        n_units = sum(acknowledged) * BATCH
        assert n_units > 1_000
        results = settled_results(control.url, n_units)
        assert results["total_users_exposed"] == n_units
        assert results["data_quality"]["units_in_two_variants"] == 0
        for variant in results["variants"]:
            assert variant["metrics"]["purchases"]["value"] == 2.0
            assert variant["metrics"]["revenue"]["value"] == 3.0
