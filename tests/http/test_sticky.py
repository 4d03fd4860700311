"""A sticky experiment: a unit keeps the variant that it met, until the version changes."""

from __future__ import annotations

from typing import Any

from tests.http.conftest import Server

AUDIENCE = {"attribute": "country", "op": "eq", "value": "US"}


async def asked(server: Server, unit: str, country: str, experiments: list[str] | None = None) -> dict[str, Any]:
    body = {"user_id": unit, "context": {"country": country}, "experiments": experiments}
    answer = await server.post("/experiments/assign", body)
    assert answer.status_code == 200, answer.text
    found = {item["experiment_id"]: item for item in answer.json()["assignments"]}
    return found.get("checkout", {"variant_id": None, "reason": ""})


async def begin(server: Server, *, sticky: bool, **changes: Any) -> None:
    await server.running(sticky=sticky, audience=AUDIENCE, **changes)


async def test_a_unit_keeps_what_it_met(server: Server) -> None:
    await begin(server, sticky=True)
    first = await asked(server, "ann", "US", ["checkout"])
    assert first["variant_id"] in ("control", "green")
    for experiments in (["checkout"], None):
        later = await asked(server, "ann", "FR", experiments)
        assert (later["variant_id"], later["reason"]) == (first["variant_id"], "assigned")
    assert (await asked(server, "bob", "FR", ["checkout"]))["reason"] == "not_in_audience"
    assert (await asked(server, "bob", "FR"))["variant_id"] is None


async def test_others_do_not_remember(server: Server) -> None:
    await begin(server, sticky=False)
    assert (await asked(server, "ann", "US", ["checkout"]))["variant_id"] is not None
    assert (await asked(server, "ann", "FR", ["checkout"]))["reason"] == "not_in_audience"


async def test_lists_and_a_stop_still_decide(server: Server) -> None:
    await begin(server, sticky=True, forced={"eve": "green"}, deny=["mallory"])
    assert (await asked(server, "eve", "FR", ["checkout"]))["reason"] == "forced"
    assert (await asked(server, "mallory", "US", ["checkout"]))["reason"] == "denied"
    await asked(server, "ann", "US", ["checkout"])
    await server.post("/experiments/checkout/stop")
    assert (await asked(server, "ann", "FR", ["checkout"]))["reason"] == "not_running"


async def test_a_forgotten_unit_is_drawn_anew(server: Server) -> None:
    await begin(server, sticky=True)
    await asked(server, "ann", "US", ["checkout"])
    assert (await server.http.delete("/api/v1/units/ann")).status_code == 200
    assert (await asked(server, "ann", "FR", ["checkout"]))["reason"] == "not_in_audience"


async def test_a_new_version_draws_anew(server: Server) -> None:
    await begin(server, sticky=True)
    await asked(server, "ann", "US", ["checkout"])
    changed = await server.post("/experiments/checkout/versions", {"description": "anew"})
    assert changed.status_code in (200, 201), changed.text
    assert (await asked(server, "ann", "FR", ["checkout"]))["reason"] == "not_in_audience"


async def test_it_is_shown(server: Server) -> None:
    await begin(server, sticky=True)
    assert (await server.get("/experiments/checkout")).json()["sticky"] is True
