"""How units come in, over HTTP: layers, holdouts, segments, prerequisites, ramps, lists, randomisation, factors."""

from __future__ import annotations

from typing import Any

import pytest

from tests.http.conftest import Server

METRIC = {"name": "bought", "type": "conversion", "event": "buy"}


def body(key: str = "checkout", **changes: Any) -> dict[str, Any]:
    variants = [{"id": "control"}, {"id": "green"}]
    return {"id": key, "name": key, "variants": variants, "primary_metric": METRIC, **changes}


async def problem(server: Server, path: str, document: dict[str, Any]) -> dict[str, Any]:
    answer = await server.post(path, document)
    assert 400 <= answer.status_code < 500, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def decide(server: Server, unit: str, *keys: str, **context: Any) -> dict[str, tuple[str | None, str]]:
    question = {"user_id": unit, "experiments": list(keys), "context": context}
    answer = (await server.post("/experiments/assign", question)).json()
    return {item["experiment_id"]: (item.get("variant_id"), item["reason"]) for item in answer["assignments"]}


async def test_experiments_of_one_layer_never_share_a_unit(server: Server) -> None:
    assert (await server.post("/layers", {"id": "page"})).status_code == 201
    await server.running("one", layer={"id": "page", "share": 0.4})
    await server.running("two", layer={"id": "page", "slots": [{"start": 0.5, "end": 1.0}]})
    seen = {"one": 0, "two": 0}
    for i in range(400):
        found = await decide(server, f"u{i}", "one", "two")
        has = [key for key, (variant, _) in found.items() if variant]
        assert len(has) <= 1
        assert {reason for key, (_, reason) in found.items() if key not in has} <= {"not_in_layer"}
        for key in has:
            seen[key] += 1
    assert 110 < seen["one"] < 210
    assert 150 < seen["two"] < 250
    layer = (await server.get("/layers/page")).json()
    assert layer["free"] == 0.1
    assert sorted(layer["used_by"]) == ["one", "two"]


async def test_slots_that_overlap_are_refused_by_name(server: Server) -> None:
    await server.post("/layers", {"id": "page"})
    await server.post("/experiments", body("one", layer={"id": "page", "share": 0.6}))
    found = await problem(
        server, "/experiments", body("two", layer={"id": "page", "slots": [{"start": 0.5, "end": 0.7}]})
    )
    assert found["field"] == "layer.slots"
    assert "'one' holds 0 to 0.6" in found["accepted"]
    found = await problem(server, "/experiments", body("three", layer={"id": "page", "share": 0.5}))
    assert (found["field"], "at most 0.4" in found["accepted"]) == ("layer.share", True)
    found = await problem(server, "/experiments", body("four", layer={"id": "nowhere", "share": 0.5}))
    assert found["field"] == "layer.id"
    overlapping = [{"start": 0, "end": 0.5}, {"start": 0.4, "end": 0.6}]
    found = await problem(server, "/experiments", body("five", layer={"id": "page", "slots": overlapping}))
    assert found["field"] == "layer.slots"


async def test_what_an_ended_experiment_held_is_free_again(server: Server) -> None:
    await server.post("/layers", {"id": "page"})
    await server.running("one", layer={"id": "page", "share": 1.0})
    await server.post("/experiments/one/stop")
    await server.running("two", layer={"id": "page", "share": 1.0})
    assert (await server.get("/layers/page")).json()["free"] == 0


async def test_a_layer_that_is_used_cannot_be_deleted(server: Server) -> None:
    await server.post("/layers", {"id": "page"})
    await server.post("/experiments", body("one", layer={"id": "page", "share": 1.0}))
    refused = await server.http.delete("/api/v1/layers/page")
    assert refused.status_code == 409
    assert "one" in refused.json()["detail"]
    await server.http.delete("/api/v1/experiments/one")
    assert (await server.http.delete("/api/v1/layers/page")).status_code == 204


async def test_a_holdout_keeps_its_units_out_of_what_starts_after_it(server: Server) -> None:
    await server.running("before")
    await server.post("/holdouts", {"id": "q1", "share": 0.3})
    await server.running("after")
    await server.running("exempt", in_holdouts=False)
    out = 0
    for i in range(300):
        found = await decide(server, f"u{i}", "before", "after", "exempt")
        assert found["before"][1] == found["exempt"][1] == "assigned"
        out += found["after"][1] == "in_holdout"
    assert 60 < out < 125
    shown = (await server.get("/experiments/after")).json()
    assert shown["holdouts"] == [{"id": "q1", "share": 0.3}]
    # A running experiment keeps the holdout it started with.
    await server.http.patch("/api/v1/holdouts/q1", json={"active": False})
    still = [(await decide(server, f"u{i}", "after"))["after"][1] for i in range(300)]
    assert still.count("in_holdout") == out
    await server.running("later")
    assert (await server.get("/experiments/later")).json()["holdouts"] == []


async def test_a_segment_says_the_same_for_an_experiment_that_runs(server: Server) -> None:
    payers = {"attribute": "paid", "op": "eq", "value": True}
    assert (await server.post("/segments", {"id": "payers", "audience": payers})).status_code == 201
    await server.running("one", audience={"segment": "payers"})
    changed = {"audience": {"attribute": "paid", "op": "eq", "value": False}}
    await server.http.patch("/api/v1/segments/payers", json=changed)
    assert (await decide(server, "u", "one", paid=True))["one"][1] == "assigned"
    await server.running("two", audience={"segment": "payers"})
    assert (await decide(server, "u", "two", paid=True))["two"][1] == "not_in_audience"
    found = await problem(server, "/experiments", body("three", audience={"segment": "nobody"}))
    assert found["field"] == "audience.segment"
    audit = (await server.get("/segments/payers/audit")).json()["changes"]
    assert [item["action"] for item in audit] == ["create", "update"]


async def test_segments_do_not_go_in_a_circle(server: Server) -> None:
    await server.post("/segments", {"id": "a", "audience": {"attribute": "x"} | {"value": 1}})
    await server.post("/segments", {"id": "b", "audience": {"segment": "a"}})
    answer = await server.http.patch("/api/v1/segments/a", json={"audience": {"not": {"segment": "b"}}})
    assert answer.status_code in (409, 422)
    assert "a → b → a" in answer.text or "contain itself" in answer.text


async def test_prerequisites_in_a_circle_are_refused_by_name(server: Server) -> None:
    await server.post("/experiments", body("a"))
    await server.post("/experiments", body("b", prerequisites=[{"experiment_id": "a"}]))
    answer = await server.http.patch("/api/v1/experiments/a", json={"prerequisites": [{"experiment_id": "b"}]})
    assert (answer.status_code, answer.json()["field"]) == (422, "prerequisites")
    assert "a → b → a" in answer.json()["detail"]
    found = await problem(server, "/experiments", body("c", prerequisites=[{"experiment_id": "zz"}]))
    assert found["field"] == "prerequisites[0].experiment"
    wrong = [{"experiment_id": "a", "variants": ["purple"]}]
    found = await problem(server, "/experiments", body("c", prerequisites=wrong))
    assert (found["field"], "control, green" in found["accepted"]) == ("prerequisites[0].variants", True)
    found = await problem(server, "/experiments", body("c", prerequisites=[{"experiment_id": "c"}]))
    assert found["field"] == "prerequisites"


async def test_a_nested_experiment_has_only_units_of_its_parents_variant(server: Server) -> None:
    await server.running("parent")
    await server.running("child", prerequisites=[{"experiment_id": "parent", "variants": ["green"]}])
    for i in range(100):
        found = await decide(server, f"u{i}", "parent", "child")
        assert (found["child"][1] == "assigned") is (found["parent"][0] == "green")


async def test_forced_units_see_a_variant_and_are_not_counted(server: Server) -> None:
    await server.running(forced={"qa": "green"}, deny=["rival"], audience={"attribute": "x", "value": 1})
    assert (await decide(server, "qa", "checkout"))["checkout"] == ("green", "forced")
    assert (await decide(server, "rival", "checkout", x=1))["checkout"] == (None, "denied")
    assert (await decide(server, "u", "checkout", x=1))["checkout"][1] == "assigned"
    await server.count_everything()
    results = (await server.get("/experiments/checkout/results")).json()
    assert results["total_users_exposed"] == 1
    found = await problem(server, "/experiments", body("other", forced={"qa": "purple"}))
    assert (found["field"], "control, green" in found["accepted"]) == ("forced.qa", True)


async def test_an_allow_list_lets_nobody_else_in(server: Server) -> None:
    await server.running(allow=["ann"])
    assert (await decide(server, "ann", "checkout"))["checkout"][1] == "assigned"
    assert (await decide(server, "bob", "checkout"))["checkout"][1] == "not_allowed"


async def test_every_combination_of_a_factorial_is_made(server: Server) -> None:
    factors = [
        {"id": "colour", "levels": ["blue", {"id": "green", "config": {"css": "#0a0"}}]},
        {"id": "size", "levels": ["s", "m", "l"]},
    ]
    created = await server.post("/experiments", body("f", variants=None, factors=factors))
    assert created.status_code == 201, created.text
    shown = created.json()
    assert shown["type"] == "multivariate"
    assert [item["id"] for item in shown["variants"]] == [f"{c}.{s}" for c in ("blue", "green") for s in "sml"]
    assert [item["is_control"] for item in shown["variants"]] == [True] + [False] * 5
    assert shown["variants"][4]["config"] == {"css": "#0a0", "size": "m"}
    assert shown["variants"][4]["levels"] == {"colour": "green", "size": "m"}
    assert sum(item["traffic_allocation"] for item in shown["variants"]) == pytest.approx(1, abs=1e-12)
    assert (await server.post("/experiments/f/start")).status_code == 200
    sizes = [{"id": f"f{i}", "levels": [f"l{j}" for j in range(5)]} for i in range(3)]
    found = await problem(server, "/experiments", body("g", variants=None, factors=sizes))
    assert (found["field"], "125" in found["given"]) == ("factors", True)
    both = await problem(server, "/experiments", body("g", factors=factors))
    assert both["field"] == "variants"
    clash = [{"id": a, "levels": ["x", {"id": "y", "config": {"k": 1}}]} for a in ("a", "b")]
    assert (await problem(server, "/experiments", body("g", variants=None, factors=clash)))["given"] == '"k"'


RANDOMIZATIONS: list[tuple[dict[str, Any], str]] = [
    ({"method": "blocked", "attribute": "n", "block_size": 3}, "randomization.block_size"),
    ({"method": "blocked", "attribute": "n"}, "randomization.block_size"),
    ({"method": "cluster"}, "randomization.attribute"),
    ({"method": "weighted", "attribute": "n"}, "randomization.attribute"),
    ({"method": "switchback"}, "randomization.period_minutes"),
    ({"method": "custom", "plugin": "none-such"}, "randomization.plugin"),
    ({"method": "stratified", "attribute": "c", "strata": []}, "randomization.strata"),
    (
        {
            "method": "stratified",
            "attribute": "c",
            "strata": [{"values": ["US"], "weights": {"control": 0.5, "green": 0.4}}],
        },
        "randomization.strata[0].traffic_allocation",
    ),
    (
        {"method": "stratified", "attribute": "c", "strata": [{"values": ["US"], "weights": {"purple": 1.0}}]},
        "randomization.strata[0].weights",
    ),
    ({"method": "dice"}, "randomization.method"),
]


@pytest.mark.parametrize(("given", "field"), RANDOMIZATIONS, ids=lambda item: str(item)[:40])
async def test_a_randomisation_that_cannot_be_is_refused_by_name(
    server: Server, given: dict[str, Any], field: str
) -> None:
    assert (await problem(server, "/experiments", body(randomization=given)))["field"] == field


async def test_uniform_needs_even_weights(server: Server) -> None:
    variants = [{"id": "control", "weight": 0.9}, {"id": "green", "weight": 0.1}]
    found = await problem(server, "/experiments", body(variants=variants, randomization={"method": "uniform"}))
    assert found["field"] == "randomization.method"


async def test_units_of_a_cluster_share_a_variant_and_are_not_compared_one_by_one(server: Server) -> None:
    await server.running(randomization={"method": "cluster", "attribute": "account"})
    seen = {(await decide(server, f"u{i}", "checkout", account="acme"))["checkout"][0] for i in range(20)}
    assert len(seen) == 1
    assert (await decide(server, "u", "checkout"))["checkout"] == (None, "no_randomization_unit")
    await server.count_everything()
    results = (await server.get("/experiments/checkout/results")).json()
    assert results["total_users_exposed"] == 20
    assert "cluster" in results["failures"]["bought"]
    assert results["recommendation"]["action"] == "inconclusive"
    assert not any(variant["metrics"] for variant in results["variants"])


async def test_blocks_hold_the_weights_exactly(server: Server) -> None:
    await server.running(randomization={"method": "blocked", "attribute": "n", "block_size": 4})
    variants = [(await decide(server, f"u{i}", "checkout", n=i))["checkout"][0] for i in range(40)]
    assert all(variants[i : i + 4].count("green") == 2 for i in range(0, 40, 4))
    assert len({tuple(variants[i : i + 4]) for i in range(0, 40, 4)}) > 1


IMPOSSIBLE: list[tuple[Any, str]] = [
    ([{"attribute": "c", "value": "US"}, {"attribute": "c", "value": "DE"}], "c cannot have two values"),
    ([{"attribute": "c", "op": "in", "value": ["US"]}, {"attribute": "c", "op": "ne", "value": "US"}], "two values"),
    ([{"attribute": "n", "op": "gt", "value": 5}, {"attribute": "n", "op": "lt", "value": 5}], "no number"),
    ([{"attribute": "n", "op": "gt", "value": 5}, {"attribute": "n", "op": "not_exists"}], "absent"),
    ({"or": []}, "matches nobody"),
    ({"not": {}}, "nobody"),
]


@pytest.mark.parametrize(("audience", "why"), IMPOSSIBLE, ids=lambda item: str(item)[:30])
async def test_an_audience_that_nobody_can_be_in_is_refused(server: Server, audience: Any, why: str) -> None:
    found = await problem(server, "/experiments", body(audience=audience))
    assert (found["field"], why in found["accepted"]) == ("audience", True)


WRONG_AUDIENCES: list[tuple[Any, str]] = [
    ({"attribute": "a", "op": "like", "value": "x"}, "audience.op"),
    ({"attribute": "a", "op": "matches", "value": "(a+)+$"}, "audience.value"),
    ({"attribute": "a", "op": "version_gt", "value": "one"}, "audience.value"),
    ({"attribute": "a", "op": "before", "value": "yesterday"}, "audience.value"),
    ({"temporal": {"timezone": "Mars/Olympus", "months": ["may"]}}, "audience.temporal.timezone"),
    ({"temporal": {"holidays": [{"country": "Narnia"}]}}, "audience.temporal.holidays[0].country"),
    ({"temporal": {"time_ranges": [{"start": "25:00", "end": "26:00"}]}}, "audience.temporal.time_ranges[0].start"),
    ({"coordinates": {"north": 1, "south": 2, "east": 0, "west": 0}}, "audience.coordinates.south"),
    (
        {"score": {"at_least": 3, "of": [{"weight": 1, "if": {"attribute": "a", "value": 1}}]}},
        "audience.score.at_least",
    ),
    ({"screen": {"min_width": 5, "max_width": 4}}, "audience.screen.min_width"),
    ({"action": {"type": "buy", "min_count": 3, "max_count": 2}}, "audience.action.min_count"),
    ({"nand": []}, "audience"),
]


@pytest.mark.parametrize(("audience", "field"), WRONG_AUDIENCES, ids=lambda item: str(item)[:30])
async def test_a_wrong_condition_is_refused_where_it_is_wrong(server: Server, audience: Any, field: str) -> None:
    assert (await problem(server, "/experiments", body(audience=audience)))["field"] == field


async def test_holidays_are_filled_in_when_saved(server: Server) -> None:
    audience = {"temporal": {"holidays": [{"country": "DE", "names": ["Christmas Day"]}]}}
    shown = (await server.post("/experiments", body(audience=audience))).json()
    dates = shown["audience"]["temporal"]["holidays"][0]["dates"]
    assert any(day.endswith("-12-25") for day in dates)
    assert all(day[5:7] == "12" for day in dates)


async def test_a_user_agent_tells_the_device(server: Server) -> None:
    await server.running(audience={"attribute": "device_type", "value": "mobile"})
    iphone = (
        "Mozilla/5.0 (iPhone; CPU iPhone OS 17_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
        "Version/17.1 Mobile/15E148 Safari/604.1"
    )
    assert (await decide(server, "u", "checkout", user_agent=iphone))["checkout"][1] == "assigned"
    assert (await decide(server, "u", "checkout", user_agent="curl/8"))["checkout"][1] == "not_in_audience"
    found = await decide(server, "u", "checkout", user_agent=iphone, device_type="desktop")
    assert found["checkout"][1] == "not_in_audience"


async def test_a_consistency_key_follows_a_person_through_login(server: Server) -> None:
    await server.running()
    for user in ("anonymous-7", "ann"):
        question = {"user_id": user, "consistency_key": "device-1", "experiments": ["checkout"]}
        answer = (await server.post("/experiments/assign", question)).json()
        assert answer["user_id"] == user
    event = {"user_id": "ann", "consistency_key": "device-1", "event_type": "buy"}
    assert (await server.post("/events", event)).status_code == 202
    await server.count_everything()
    results = (await server.get("/experiments/checkout/results")).json()
    assert results["total_users_exposed"] == 1
    counts = [item["metrics"]["bought"]["count"] for item in results["variants"] if item["users_exposed"]]
    assert counts == [1]


async def test_asking_for_all_answers_with_what_the_unit_takes_part_in(server: Server) -> None:
    await server.running("one", audience={"attribute": "country", "value": "US"})
    await server.running("two", audience={"attribute": "country", "value": "DE"})
    answer = (await server.post("/experiments/assign", {"user_id": "u", "context": {"country": "DE"}})).json()
    assert [item["experiment_id"] for item in answer["assignments"]] == ["two"]


TARGETING: list[tuple[dict[str, Any], dict[str, Any], dict[str, Any]]] = [
    (
        {"geographic": {"countries": ["US"], "regions": ["CA"], "cities": ["Oakland"]}},
        {"country": "US", "region": "CA", "city": "Oakland"},
        {"country": "US", "region": "NY", "city": "Oakland"},
    ),
    (
        {"geographic": {"coordinates": {"north": 10, "south": -10, "east": -170, "west": 170}}},
        {"latitude": 0, "longitude": 175},
        {"latitude": 0, "longitude": 160},
    ),
    ({"geographic": {"timezone": {"timezones": ["Asia/Tokyo"]}}}, {"timezone": "Asia/Tokyo"}, {"timezone": "UTC"}),
    (
        {
            "geographic": {
                "timezone": {"time_ranges": [{"start": "00:00", "end": "12:00"}, {"start": "12:00", "end": "24:00"}]}
            }
        },
        {"timezone": "Asia/Tokyo"},
        {},
    ),
    ({"device": {"screen_sizes": [{"min_width": 1000}]}}, {"screen_width": 1200, "screen_height": 1}, {}),
    (
        {"behavioral": {"user_actions": [{"action_type": "login", "frequency": {"min": 2}}]}},
        {"actions": [{"type": "login", "at": "2026-01-01"}] * 2},
        {"actions": [{"type": "login", "at": "2026-01-01"}]},
    ),
    (
        {"behavioral": {"purchase_history": {"min_value": 50, "categories": ["toys"]}}},
        {"actions": [{"type": "purchase", "at": "2026-01-01", "value": 60}], "purchased_categories": ["toys", "food"]},
        {"actions": [{"type": "purchase", "at": "2026-01-01", "value": 60}], "purchased_categories": ["food"]},
    ),
    (
        {"behavioral": {"session_behavior": {"min_pages": 3, "returning": True}}},
        {"session_pages": 3, "returning": True},
        {"session_pages": 2, "returning": True},
    ),
    ({"behavioral": {"content_preferences": ["jazz"]}}, {"content_preferences": ["jazz"]}, {}),
    (
        {
            "custom": [
                {"field": "a", "value": 1, "weight": 0.6},
                {"field": "b", "value": 1, "weight": 0.4},
                {"field": "c", "value": 1, "weight": 0.4},
            ],
            "threshold": 0.8,
        },
        {"b": 1, "c": 1},
        {"a": 1},
    ),
    ({"custom": [{"field": "a", "value": 1}, {"field": "b", "value": 1}], "operator": "or"}, {"b": 1}, {"a": 2}),
]


@pytest.mark.parametrize(("targeting", "inside", "outside"), TARGETING, ids=lambda item: str(item)[:40])
async def test_targeting_by_its_usual_parts(
    server: Server, targeting: dict[str, Any], inside: dict[str, Any], outside: dict[str, Any]
) -> None:
    await server.running(targeting=targeting)
    assert (await decide(server, "u", "checkout", **inside))["checkout"][1] == "assigned"
    assert (await decide(server, "u", "checkout", **outside))["checkout"][1] == "not_in_audience"


async def test_wrong_targeting_is_refused_by_its_path(server: Server) -> None:
    cases: list[tuple[dict[str, Any], str]] = [
        ({"temporal": {"days_of_week": ["funday"]}}, "targeting.temporal.days_of_week[0]"),
        ({"geographic": {"countries": []}}, "targeting.geographic.countries"),
        ({"geographic": {"planet": ["Mars"]}}, "targeting.geographic.planet"),
        ({"custom": [{"field": "a", "operator": "nope", "value": 1}]}, "targeting.custom[0].op"),
        ({"custom": [{"field": "a", "value": 1, "weight": 2}]}, "targeting.custom[0].weight"),
    ]
    for targeting, field in cases:
        assert (await problem(server, "/experiments", body(targeting=targeting)))["field"] == field
