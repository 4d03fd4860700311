"""The log of first exposures over HTTP."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest

from tests.http.conftest import Server


async def meet(server: Server, unit: str, *keys: str, **context: object) -> None:
    body = {"user_id": unit, "experiments": list(keys), "context": context}
    assert (await server.post("/experiments/assign", body)).status_code == 200


async def test_who_met_what_and_when(server: Server) -> None:
    await server.running("one", forced={"qa": "green"})
    await server.running("two")
    before = datetime.now(timezone.utc)
    await meet(server, "ann/1", "one", device="phone")
    await meet(server, "bob", "one", "two")
    await meet(server, "qa", "one")
    await server.count_everything()
    rows = (await server.get("/experiments/one/exposures")).json()["exposures"]
    assert [(row["user_id"], row["context"]) for row in rows] == [("bob", {}), ("ann/1", {"device": "phone"})]
    assert all(before <= datetime.fromisoformat(row["first_exposed_at"]) for row in rows)
    assert {row["version"] for row in rows} == {1}
    mine = (await server.get("/users/bob/exposures")).json()["exposures"]
    assert sorted(row["experiment_id"] for row in mine) == ["one", "two"]
    (only,) = (await server.get("/experiments/one/exposures?user_id=ann/1")).json()["exposures"]
    assert only["variant_id"] in ("control", "green")
    assert (await server.get("/users/ann/1/exposures")).json()["exposures"] == [only]
    assert (await server.get("/experiments/one/exposures?limit=1&offset=1")).json()["exposures"] == rows[1:]


async def test_versions_are_told_apart(server: Server) -> None:
    await server.running("one")
    await meet(server, "ann", "one")
    assert (
        await server.post("/experiments/one/versions", {"traffic_allocation": 1, "hypothesis": "again"})
    ).status_code == 201
    await meet(server, "ann", "one")
    await server.count_everything()
    rows = (await server.get("/users/ann/exposures")).json()["exposures"]
    assert [(row["experiment_id"], row["version"]) for row in rows] == [("one", 2), ("one", 1)]
    assert (await server.get("/experiments/one/exposures")).json()["exposures"] == rows


@pytest.mark.parametrize(
    ("path", "status", "field"),
    [
        ("/experiments/none/exposures", 404, None),
        ("/users/u/exposures?limit=0", 422, "limit"),
        ("/users/u/exposures?limit=1001", 422, "limit"),
        ("/users/u/exposures?limit=x", 422, "limit"),
        ("/users/u/exposures?offset=-1", 422, "offset"),
    ],
)
async def test_what_is_wrong_is_named(server: Server, path: str, status: int, field: str | None) -> None:
    answer = await server.get(path)
    assert (answer.status_code, answer.json().get("field")) == (status, field)
