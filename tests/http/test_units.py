"""Forgetting a unit over HTTP: nothing of it is left, in the answers or in the bytes of any file."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

import httpx
import pytest

from assay.service.forgetting import audit_name
from tests.http.conftest import API, Server, app, server

__all__ = ["app", "server"]
NEEDLE = "needle-in-the-haystack-0042"


def files_with(text: str, folder: Path) -> list[str]:
    """The files of a folder whose bytes hold a text."""
    return sorted(path.name for path in folder.rglob("*") if path.is_file() and text.encode() in path.read_bytes())


async def send(server: Server, units: list[str], times: int = 1) -> None:
    """Every unit is exposed to control, and buys."""
    arm = [{"experiment_id": "checkout", "variant_id": "control"}]
    events = []
    for unit in units:
        events.append({"user_id": unit, "event_type": "exposure", "experiments": arm})
        events += [
            {"user_id": unit, "event_type": "buy", "metrics": {"value": 1}, "event_id": f"{i}"} for i in range(times)
        ]
    for start in range(0, len(events), 100):
        assert (await server.post("/events", events[start : start + 100])).status_code == 202


async def forget(server: Server, unit: str) -> httpx.Response:
    return await server.http.delete(f"{API}/units/{quote(unit, safe='')}", headers={"X-Actor": "dpo"})


async def exposed(server: Server) -> int:
    results = (await server.get("/experiments/checkout/results")).json()
    return int(results["total_users_exposed"])


async def test_nothing_is_left_of_a_unit_and_the_results_follow(server: Server, tmp_path: Path) -> None:
    await server.running()
    others = [f"u{i}" for i in range(300)]
    await send(server, others[:150])
    await server.count_everything()
    await send(server, [NEEDLE], times=5)
    await server.count_everything()
    await send(server, others[150:])
    await server.count_everything()
    assert await exposed(server) == 301
    # What the edge logs itself, and what waits in the inbox.
    body = {"user_id": NEEDLE, "experiments": ["checkout"]}
    assert (await server.post("/experiments/assign", body)).status_code == 200
    await send(server, [NEEDLE], times=7)
    assert files_with(NEEDLE, tmp_path)

    answer = await forget(server, NEEDLE)
    assert answer.status_code == 200, answer.text
    document = answer.json()
    assert document["rows_removed"] >= 8
    assert document["still_named_in"] == []
    assert files_with(NEEDLE, tmp_path) == []
    assert await exposed(server) == 300
    (line,) = server.app.services.forgetting.audit.changes(document["audited_as"])
    assert (line.action, line.actor, line.after) == ("forget", "dpo", {"rows_removed": document["rows_removed"]})
    assert NEEDLE not in document["audited_as"] == audit_name(NEEDLE)


async def test_again_removes_nothing_and_the_unit_may_come_back(server: Server, tmp_path: Path) -> None:
    await server.running()
    await send(server, [NEEDLE, "bob"])
    assert (await forget(server, NEEDLE)).json()["rows_removed"] == 2
    assert (await forget(server, NEEDLE)).json()["rows_removed"] == 0
    assert (await forget(server, "never seen")).json()["rows_removed"] == 0
    # The edge does not remember that it has logged the unit already.
    body = {"user_id": NEEDLE, "experiments": ["checkout"]}
    for _ in range(2):
        assert (await server.post("/experiments/assign", body)).status_code == 200
        await server.count_everything()
        assert await exposed(server) == 2
        await forget(server, NEEDLE)
        assert files_with(NEEDLE, tmp_path) == []


async def test_definitions_that_name_it_are_named(server: Server) -> None:
    await server.running("forcing", forced={NEEDLE: "green"}, deny=["bob"])
    segment = {"id": "vips", "name": "VIPs", "audience": {"attribute": "user", "op": "in", "value": [NEEDLE, "x"]}}
    assert (await server.post("/segments", segment)).status_code == 201
    named = (await forget(server, NEEDLE)).json()["still_named_in"]
    assert named == [
        "experiment forcing: forced",
        "segment vips: audience",
        "audit log of forcing",
        "audit log of segment:vips",
    ]
    assert (await forget(server, "ann")).json()["still_named_in"] == []


@pytest.mark.parametrize("unit", ["a/b", "a b?c#d", "50%", "😀", "'; DROP TABLE events --"])
async def test_any_name_of_a_unit_is_taken_whole(server: Server, unit: str) -> None:
    await server.running()
    await send(server, [unit, "other"])
    assert (await forget(server, unit)).json()["rows_removed"] == 2
    assert (await forget(server, "other")).json()["rows_removed"] == 2


async def test_what_is_no_unit_is_refused(server: Server) -> None:
    answer = await forget(server, "x" * 20_001)
    assert answer.status_code == 422
    assert answer.json()["field"] == "unit"
