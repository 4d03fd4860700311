"""What may change once an experiment runs, reviews before it does, and explanations."""

from __future__ import annotations

from typing import Any

import pytest

from tests.http.conftest import Server
from tests.http.test_entrance import body, decide


async def assigned(server: Server, key: str, n: int = 300) -> dict[str, str]:
    """Unit → variant for the units that take part."""
    found = {f"u{i}": (await decide(server, f"u{i}", key))[key] for i in range(n)}
    return {unit: variant for unit, (variant, reason) in found.items() if variant is not None}


async def test_growing_traffic_lets_more_in_and_moves_nobody(server: Server) -> None:
    await server.running(traffic_allocation=0.2)
    before = await assigned(server, "checkout")
    grown = await server.post("/experiments/checkout/traffic", {"traffic_allocation": 0.7})
    assert (grown.status_code, grown.json()["traffic_allocation"]) == (200, 0.7)
    after = await assigned(server, "checkout")
    assert before.items() <= after.items()
    assert len(after) > 2 * len(before)
    assert grown.json()["version"] == 1
    log = (await server.get("/experiments/checkout/audit")).json()["changes"]
    assert (log[-1]["action"], log[-1]["before"]["traffic"], log[-1]["after"]["traffic"]) == (
        "grow_traffic",
        200_000,
        700_000,
    )


async def test_traffic_of_a_running_experiment_does_not_shrink(server: Server) -> None:
    await server.running(traffic_allocation=0.5)
    refused = await server.post("/experiments/checkout/traffic", {"traffic_allocation": 0.4})
    assert (refused.status_code, refused.json()["field"]) == (422, "traffic_allocation")
    await server.post("/experiments", body("draft"))
    refused = await server.post("/experiments/draft/traffic", {"traffic_allocation": 1.0})
    assert refused.status_code == 409


async def test_a_ramp_begins_with_the_start(server: Server) -> None:
    ramp = [{"after_hours": 24, "traffic_allocation": 0.5}, {"after_hours": 48, "traffic_allocation": 1.0}]
    await server.running(traffic_allocation=0.1, ramp=ramp)
    shown = (await server.get("/experiments/checkout")).json()
    assert all(step["at"] is not None for step in shown["ramp"])
    few = await assigned(server, "checkout")
    assert 10 < len(few) < 60
    # Growing past the first step by hand leaves only the steps that still grow.
    await server.post("/experiments/checkout/traffic", {"traffic_allocation": 0.6})
    shown = (await server.get("/experiments/checkout")).json()
    assert [step["traffic_allocation"] for step in shown["ramp"]] == [1.0]
    falling = [{"after_hours": 24, "traffic_allocation": 0.5}, {"after_hours": 48, "traffic_allocation": 0.4}]
    refused = await server.post("/experiments", body("other", ramp=falling, traffic_allocation=0.1))
    assert refused.json()["field"] == "ramp[1].traffic_allocation"
    backwards = [{"after_hours": 24, "traffic_allocation": 0.5}, {"after_hours": 2, "traffic_allocation": 0.6}]
    refused = await server.post("/experiments", body("other", ramp=backwards, traffic_allocation=0.1))
    assert refused.json()["field"] == "ramp[1].at"


async def test_a_definition_that_runs_is_not_edited(server: Server) -> None:
    await server.running()
    refused = await server.http.patch("/api/v1/experiments/checkout", json={"traffic_allocation": 0.9})
    assert refused.status_code == 409
    refused = await server.http.patch("/api/v1/experiments/checkout", json={"name": "x"})
    assert refused.status_code == 409


async def test_a_new_version_draws_anew_and_counts_apart(server: Server) -> None:
    await server.running()
    first = await assigned(server, "checkout", 200)
    await server.post("/events", {"user_id": "u0", "event_type": "buy"})
    await server.count_everything()
    assert (await server.get("/experiments/checkout/results")).json()["total_users_exposed"] == 200
    begun = await server.http.post(
        "/api/v1/experiments/checkout/versions",
        json={"hypothesis": "Darker is better"},
        headers={"X-Actor": "ann"},
    )
    assert (begun.status_code, begun.json()["version"], begun.json()["status"]) == (201, 2, "running")
    shown = (await server.get("/experiments/checkout/results")).json()
    assert shown["total_users_exposed"] == 0
    second = await assigned(server, "checkout", 100)
    assert 25 < sum(first[unit] != variant for unit, variant in second.items()) < 75
    await server.post("/events", {"user_id": "u1", "event_type": "buy", "experiments": [{"experiment_id": "checkout"}]})
    await server.count_everything()
    shown = (await server.get("/experiments/checkout/results")).json()
    assert shown["total_users_exposed"] == 100
    assert sum(item["metrics"]["bought"]["count"] for item in shown["variants"]) == 1
    old = (await server.get("/experiments/checkout/versions/1/results")).json()
    assert old["total_users_exposed"] == 200
    versions = (await server.get("/experiments/checkout/versions")).json()["versions"]
    assert [item["version"] for item in versions] == [1, 2]
    assert versions[0]["salt"] != versions[1]["salt"]
    log = (await server.get("/experiments/checkout/audit")).json()["changes"]
    assert (log[-1]["action"], log[-1]["actor"]) == ("new_version", "ann")
    assert (await server.get("/experiments/checkout/versions/7/results")).status_code == 404


async def test_what_an_old_version_drew_is_refused_for_a_new_one(server: Server) -> None:
    await server.running()
    await server.post("/experiments/checkout/versions", {"description": "again"})
    attribution = {"experiment_id": "checkout", "variant_id": "green", "version": 1}
    refused = await server.post("/events", {"user_id": "u", "event_type": "exposure", "experiments": [attribution]})
    assert (refused.status_code, refused.json()["code"]) == (422, "wrong_version")
    attribution["version"] = 2
    taken = await server.post("/events", {"user_id": "u", "event_type": "exposure", "experiments": [attribution]})
    assert taken.status_code == 202


async def test_a_new_version_must_change_something_and_be_able_to_start(server: Server) -> None:
    await server.running()
    assert (await server.post("/experiments/checkout/versions", {})).status_code == 409
    broken = {"variants": [{"id": "a", "weight": 0.5}, {"id": "b", "weight": 0.5}]}
    refused = await server.post("/experiments/checkout/versions", broken)
    assert (refused.status_code, "control" in refused.json()["detail"]) == (409, True)
    await server.post("/experiments/checkout/stop")
    assert (await server.post("/experiments/checkout/versions", {"name": "x"})).status_code == 409


async def test_review_by_somebody_else(server: Server) -> None:
    await server.post("/experiments", body(requires_approval=True))
    started = await server.post("/experiments/checkout/start")
    assert (started.status_code, "approval" in started.json()["detail"]) == (409, True)
    ann, bob = {"X-Actor": "ann"}, {"X-Actor": "bob"}
    path = "/api/v1/experiments/checkout"
    submitted = (await server.http.post(f"{path}/submit", headers=ann)).json()
    assert (submitted["stage"], submitted["status"], submitted["submitted_by"]) == ("validation", "review", "ann")
    assert (await server.http.patch(path, json={"name": "x"})).status_code == 409
    assert (await server.http.post(f"{path}/approve", headers=ann)).status_code == 409
    approved = (await server.http.post(f"{path}/approve", headers=bob)).json()
    assert (approved["stage"], approved["approved_by"]) == ("pre_launch", "bob")
    back = (await server.http.post(f"{path}/send-back", headers=bob)).json()
    assert (back["status"], back["approved_by"]) == ("draft", None)
    await server.http.post(f"{path}/submit", headers=ann)
    await server.http.post(f"{path}/approve", headers=bob)
    assert (await server.post("/experiments/checkout/start")).json()["status"] == "running"
    assert (await server.http.post(f"{path}/approve", headers=bob)).status_code == 409
    failed = (await server.http.post(f"{path}/fail", headers=bob)).json()
    assert failed["status"] == "failed"


async def test_what_is_not_ready_is_not_submitted(server: Server) -> None:
    await server.post("/experiments", {"name": "Empty", "id": "empty"})
    refused = await server.post("/experiments/empty/submit")
    assert (refused.status_code, "control" in refused.json()["detail"]) == (409, True)


async def explained(server: Server, unit: str, key: str = "checkout", **context: Any) -> dict[str, Any]:
    answer = await server.post(f"/experiments/{key}/explain", {"user_id": unit, "context": context})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_every_step_of_a_decision_is_told(server: Server) -> None:
    await server.post("/layers", {"id": "page"})
    await server.post("/holdouts", {"id": "q1", "share": 0.1})
    await server.running("parent")
    audience = {
        "and": [
            {"attribute": "country", "op": "in", "value": ["US", "CA"]},
            {"attribute": "age", "op": "gte", "value": 18},
        ]
    }
    await server.running(
        layer={"id": "page", "share": 0.8},
        prerequisites=[{"experiment_id": "parent"}],
        audience=audience,
        traffic_allocation=0.9,
        deny=["rival"],
    )
    by_reason = {}
    for i in range(400):
        told = await explained(server, f"u{i}", country="US" if i % 3 else "DE", age=20)
        by_reason[told["reason"]] = told
        ((variant, reason),) = (
            await decide(server, f"u{i}", "checkout", country="US" if i % 3 else "DE", age=20)
        ).values()
        assert (told["variant_id"], told["reason"]) == (variant, reason)
    assert set(by_reason) == {"assigned", "in_holdout", "not_in_layer", "not_in_audience", "not_in_traffic"}
    steps = by_reason["assigned"]["steps"]
    names = ["status", "lists", "holdout", "layer", "prerequisite", "audience", "traffic", "variant"]
    assert [step["step"] for step in steps] == names
    assert all(step["passed"] for step in steps)
    outside = by_reason["not_in_audience"]["steps"][-1]
    assert (outside["step"], outside["passed"]) == ("audience", False)
    assert 'country is one of "US", "CA"' in outside["message"]
    assert 'country is "DE"' in outside["message"]
    parts = outside["details"]["conditions"]["parts"]
    assert [part["matched"] for part in parts] == [False, True]
    assert parts[1]["given"] == {"age": 20}
    assert (await explained(server, "rival"))["reason"] == "denied"
    assert by_reason["assigned"]["probabilities"] == {"control": 0.5, "green": 0.5}


async def test_explaining_what_does_not_run_or_exist(server: Server) -> None:
    await server.post("/experiments", body())
    told = await explained(server, "u")
    assert told["steps"][0] == {"step": "status", "passed": False, "message": "the experiment is draft", "details": {}}
    assert (await server.post("/experiments/nowhere/explain", {"user_id": "u"})).status_code == 404
    assert (await server.post("/experiments/checkout/explain", {})).status_code == 422


@pytest.mark.parametrize("context", [{"age": [1, {"a": None}]}, {"actions": "x"}, {"timezone": 5}])
async def test_explaining_odd_attributes(server: Server, context: dict[str, Any]) -> None:
    parts = [
        {"attribute": "age", "op": "gt", "value": 1},
        {"action": {"type": "buy"}},
        {"temporal": {"months": ["may"], "timezone": "unit"}},
        {"not": {"score": {"at_least": 1, "of": [{"weight": 1, "if": {"screen": {"min_width": 3}}}]}}},
    ]
    await server.running(audience={"or": parts})
    told = await explained(server, "u", **context)
    assert told["reason"] == "assigned"
    assert [part["matched"] for part in told["steps"][1]["details"]["conditions"]["parts"]] == [
        False,
        False,
        False,
        True,
    ]


async def test_what_is_fixed_says_what_may_be_done_instead(server: Server) -> None:
    await server.running()
    answer = await server.http.patch("/api/v1/experiments/checkout", json={"name": "other"})
    assert (answer.status_code, "new version" in answer.json()["hint"]) == (409, True)
    variants = [{"id": "control"}, {"id": "b"}]
    metric = {"name": "m", "type": "conversion", "event": "buy"}
    await server.post("/experiments", {"id": "r", "name": "r", "variants": variants, "primary_metric": metric})
    assert (await server.post("/experiments/r/submit")).status_code == 200
    answer = await server.http.patch("/api/v1/experiments/r", json={"name": "other"})
    assert (answer.status_code, "send it back" in answer.json()["hint"]) == (409, True)
    assert (await server.post("/experiments/r/send-back")).status_code == 200
    assert (await server.http.patch("/api/v1/experiments/r", json={"name": "other"})).status_code == 200
