"""A unit that is forgotten: gone from everything, with a line in the log that does not name it."""

from __future__ import annotations

import sqlite3

from tests.http.conftest import Server

UNIT = "ann@shop.example/😀 1"


async def seen(server: Server, unit: str) -> None:
    question = {"user_id": unit, "experiments": ["checkout"]}
    assert (await server.post("/experiments/assign", question)).status_code == 200
    buy = {"user_id": unit, "event_type": "buy", "event_id": f"{unit}-1", "experiments": []}
    assert (await server.post("/events", buy)).status_code == 202


def rows_of(server: Server) -> int:
    found = 0
    for table in ("events", "exposures", "kept_1"):
        query = f"SELECT count(*) FROM {table} WHERE unit = ?"
        found += server.app.warehouse._connection.execute(query, [UNIT]).fetchall()[0][0]  # type: ignore[attr-defined]
    return found


async def exposed(server: Server) -> int:
    return int((await server.get("/experiments/checkout/results")).json()["total_users_exposed"])


async def test_a_unit_is_forgotten_everywhere(server: Server) -> None:
    await server.running()
    for unit in (UNIT, "bob"):
        await seen(server, unit)
    await server.count_everything()
    assert (rows_of(server), await exposed(server)) == (3, 2)
    # What waits in the inbox is removed with the rest.
    await seen(server, UNIT)
    answer = await server.http.delete(f"/api/v1/users/{UNIT}", headers={"X-Actor": "eve"})
    assert answer.status_code == 200
    body = answer.json()
    assert (body["removed_rows"], body["complete"], body["named_in_experiments"]) == (2, True, [])
    assert rows_of(server) == 0
    again = (await server.http.delete(f"/api/v1/users/{UNIT}")).json()
    assert again["removed_rows"] == 0
    assert again["audited_as"] == body["audited_as"]
    server.loop._loaded_since = True
    server.loop.round()
    assert await exposed(server) == 1
    # It may come back, as someone new.
    await seen(server, UNIT)
    await server.count_everything()
    assert await exposed(server) == 2


async def test_the_audit_log_tells_that_it_was_done_and_not_of_whom(server: Server) -> None:
    await server.running()
    await seen(server, UNIT)
    body = (await server.http.delete(f"/api/v1/users/{UNIT}")).json()
    changes = server.app.services.forgetting.audit.changes(body["audited_as"])
    assert [change.action for change in changes] == ["forget"]
    assert changes[0].after == {"rows": 2, "named_in": []}
    assert UNIT not in str(changes)
    url = server.app.parts.engine.url.database
    assert url is not None
    with sqlite3.connect(url) as connection:
        everything = "\n".join(connection.iterdump())
    connection.close()
    assert UNIT not in everything


async def test_a_definition_that_names_the_unit_is_named(server: Server) -> None:
    await server.running(description=UNIT)
    body = (await server.http.delete(f"/api/v1/users/{UNIT}")).json()
    assert body["named_in_experiments"] == ["checkout"]


async def test_the_others_are_untouched(server: Server) -> None:
    await server.running()
    for unit in (UNIT, "bob", f"{UNIT}2"):
        await seen(server, unit)
    await server.http.delete(f"/api/v1/users/{UNIT}")
    server.loop.round()
    log = (await server.get("/experiments/checkout/exposures")).json()["exposures"]
    assert {item["user_id"] for item in log} == {"bob", f"{UNIT}2"}
