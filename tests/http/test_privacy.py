"""With a key, no id of a unit is stored as it came; variants and the questions about units stay the same."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from assay.app.server import App, build
from assay.app.settings import Settings
from assay.service.privacy import StoredUnits
from tests.http.conftest import Server
from tests.http.test_edge import buy, exposure

KEY = "a key of many letters"
HIDDEN = StoredUnits(KEY.encode())


@pytest.fixture
def app(tmp_path: Path) -> Iterator[App]:
    app = build(Settings(data=tmp_path / "data", unit_hash_key=KEY))
    yield app
    app.close()


def everything_on_disk(app: App, folder: Path) -> bytes:
    app.close()
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


async def test_no_id_is_stored_as_it_came(server: Server, tmp_path: Path) -> None:
    await server.running()
    question = {"user_id": "alice-in-clear", "experiments": ["checkout"]}
    for more in ({}, {"consistency_key": "bob-in-clear"}):
        assert (await server.post("/experiments/assign", question | more)).status_code == 200
    named = [{"experiment_id": "checkout", "variant_id": "green"}]
    events = [
        exposure("carol-in-clear", "green"),
        buy("carol-in-clear", event_id="1"),
        buy("carol-in-clear", experiments=named),
        buy("dave-in-clear", consistency_key="erin-in-clear", properties={"a": 1}),
    ]
    assert (await server.post("/events", events)).json()["accepted"] == 4
    await server.count_everything()
    waiting = everything_on_disk(server.app, tmp_path)
    assert b"in-clear" not in waiting
    assert HIDDEN.of("carol-in-clear").encode() in waiting


async def test_variants_are_those_without_a_key(server: Server, tmp_path: Path) -> None:
    await server.running()
    decide = server.app.services.assigning.assign
    with_key = {u: decide(u, {}, ["checkout"], server.app.services.clock())[0].variant for u in map(str, range(50))}
    object.__setattr__(server.app.services.assigning.policy, "stored_units", StoredUnits())
    without = {u: decide(u, {}, ["checkout"], server.app.services.clock())[0].variant for u in with_key}
    assert with_key == without
    assert set(without.values()) == {"control", "green"}


async def test_a_unit_is_found_by_the_id_it_came_with(server: Server) -> None:
    await server.running()
    await server.post("/experiments/assign", {"user_id": "alice", "experiments": ["checkout"]})
    await server.post("/experiments/assign", {"user_id": "bob", "experiments": ["checkout"]})
    await server.count_everything()
    for path in ("/users/alice/exposures", "/experiments/checkout/exposures?user_id=alice"):
        (row,) = (await server.get(path)).json()["exposures"]
        assert row["user_id"] == HIDDEN.of("alice")


async def test_what_was_assigned_and_what_was_sent_are_one_unit(server: Server) -> None:
    await server.running()
    await server.post("/experiments/assign", {"user_id": "alice", "experiments": ["checkout"]})
    await server.post("/events", buy("alice", timestamp=None))
    await server.count_everything()
    body = (await server.get("/experiments/checkout/results")).json()
    assert sum(item["metrics"]["bought"].get("count", 0) for item in body["variants"]) == 1


async def test_a_refusal_quotes_the_stored_id(server: Server) -> None:
    # A frozen clock: tokens do not come back while the test runs.
    object.__setattr__(server.app.services.tracking, "seconds", lambda: 1.0)
    for _ in range(10):
        assert (await server.post("/events", [buy("alice")] * 100)).status_code == 202
    refused = await server.post("/events", buy("alice"))
    assert refused.json()["given"] == f'"{HIDDEN.of("alice")}"'
