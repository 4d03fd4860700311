"""Several processes on one data folder, each with a role of its own."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from tests.faults.nodes import running, until

BODY = {
    "id": "e",
    "name": "E",
    "variants": [{"id": "control"}, {"id": "green"}],
    "primary_metric": {"name": "revenue", "type": "sum", "event": "buy", "field": "revenue"},
}
EVENTS = "/api/v1/events"


def exposed(url: str) -> int:
    return int(httpx.get(f"{url}/api/v1/experiments/e/results").json().get("total_users_exposed", 0))


@pytest.mark.slow
def test_edge_control_and_worker_share_one_folder(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    with running(folder, "control") as control, running(folder, "worker") as worker, running(folder, "edge") as edge:
        httpx.post(f"{control.url}/api/v1/experiments", json=BODY).raise_for_status()
        httpx.post(f"{control.url}/api/v1/experiments/e/start").raise_for_status()
        question = {"user_id": "u0", "experiments": ["e"]}
        until(
            lambda: (
                httpx.post(f"{edge.url}/api/v1/experiments/assign", json=question).json()["assignments"][0]["reason"]
                == "assigned"
            )
        )
        for i in range(1, 20):
            httpx.post(f"{edge.url}/api/v1/experiments/assign", json=question | {"user_id": f"u{i}"}).raise_for_status()
        until(lambda: exposed(control.url) == 20)
        # Each answers its own only.
        assert httpx.post(f"{edge.url}/api/v1/experiments", json=BODY).status_code == 404
        assert httpx.get(f"{edge.url}/", follow_redirects=True).status_code == 404
        assert httpx.post(f"{control.url}{EVENTS}", json={"user_id": "u", "event_type": "x"}).status_code in (404, 405)
        assert httpx.get(f"{worker.url}/api/v1/experiments").status_code == 404
        for node in (edge, control, worker):
            health = httpx.get(f"{node.url}/health").json()
            assert health["status"] == "ok", health
            assert set(health["parts"]) == {"definitions", "inbox", "warehouse", "sticky"}
        log = httpx.get(f"{control.url}/api/v1/experiments/e/exposures")
        assert log.status_code == 503
        assert "worker holds" in log.json()["detail"]
        # The worker gone: events are taken, and are there when it is back.
        worker.kill()
        for i in range(20, 30):
            httpx.post(f"{edge.url}/api/v1/experiments/assign", json=question | {"user_id": f"u{i}"}).raise_for_status()
        worker.restart()
        until(lambda: exposed(control.url) == 30)


@pytest.mark.slow
def test_two_workers_take_turns(tmp_path: Path) -> None:
    """The second one on a DuckDB file is told why it cannot start."""
    folder = tmp_path / "data"
    with (
        running(folder, "worker"),
        pytest.raises(AssertionError, match="a data folder of its own"),
        running(folder, "worker"),
    ):
        pass
