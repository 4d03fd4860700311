"""Experiments over HTTP: the documented payload, drafts, lifecycle, audit."""

from __future__ import annotations

from typing import Any

import pytest

from tests.http.conftest import Server

HERO: dict[str, Any] = {
    "name": "Homepage Hero Section Redesign",
    "description": "Test new hero section with customer testimonials",
    "hypothesis": "Adding testimonials will increase sign-up conversion by 10%",
    "owner": "pm_sarah",
    "start_date": "2026-02-10T00:00:00.000Z",
    "end_date": "2026-03-10T23:59:59.999Z",
    "variants": [
        {"id": "control", "name": "Original Hero", "description": "Now", "traffic_allocation": 0.50, "config": {}},
        {
            "id": "variant_a",
            "name": "Hero with Testimonials",
            "description": "Add 3 customer testimonials",
            "traffic_allocation": 0.25,
            "config": {"show_testimonials": True, "testimonial_count": 3},
        },
        {
            "id": "variant_b",
            "name": "Hero with Video",
            "description": "Replace image with video",
            "traffic_allocation": 0.25,
            "config": {"use_video": True, "video_url": "https://cdn.example.com/hero.mp4"},
        },
    ],
    "targeting": {
        "countries": ["US", "CA", "GB"],
        "platforms": ["web"],
        "user_segments": ["new_user", "returning_user"],
        "traffic_percentage": 0.80,
    },
    "primary_metric": {
        "name": "signup_conversion_rate",
        "type": "conversion",
        "numerator_event": "signup_completed",
        "denominator": "users_exposed",
    },
    "secondary_metrics": [
        {"name": "time_to_signup", "type": "continuous", "event": "signup_completed", "field": "duration_sec"}
    ],
    "guardrail_metrics": [
        {"name": "page_load_time", "type": "continuous", "threshold_ms": 500, "alert_on_degradation": True},
        {"name": "error_rate", "type": "conversion", "threshold_percentage": 0.02, "alert_on_increase": True},
    ],
    "sample_size": {
        "mde": 0.10,
        "baseline_rate": 0.05,
        "alpha": 0.05,
        "power": 0.80,
        "required_sample_per_variant": 12460,
    },
}


async def test_the_documented_payload_makes_a_draft(server: Server) -> None:
    answer = await server.post("/experiments", HERO)
    assert answer.status_code == 201
    body = answer.json()
    assert body["experiment_id"] == "homepage-hero-section-redesign"
    assert body["status"] == "draft"
    assert body["traffic_allocation"] == 0.8
    assert [v["is_control"] for v in body["variants"]] == [True, False, False]
    assert sum(v["traffic_allocation"] for v in body["variants"]) == 1.0
    assert body["audience"]["and"][0] == {"attribute": "country", "op": "in", "value": ["US", "CA", "GB"]}
    kinds = {m["key"]: (m["type"], m["role"], m["direction"]) for m in body["metrics"]}
    assert kinds == {
        "signup_conversion_rate": ("conversion", "primary", "increase"),
        "time_to_signup": ("mean", "secondary", "increase"),
        "page_load_time": ("mean", "guardrail", "decrease"),
        "error_rate": ("conversion", "guardrail", "decrease"),
    }
    validation = body["validation"]
    assert validation["traffic_allocation_sum"] == 1.0
    assert validation["has_primary_metric"] is True
    assert validation["has_guardrails"] is True
    assert validation["can_start"] is True


async def test_a_sample_too_small_for_its_own_plan_is_named(server: Server) -> None:
    body = (await server.post("/experiments", HERO)).json()
    assert body["validation"]["sample_size_adequate"] is False
    (warning,) = [text for text in body["validation"]["warnings"] if "12,460" in text]
    assert "fewer than the " in warning
    assert "have power" in warning


async def test_the_same_name_twice_gets_a_number(server: Server) -> None:
    first = (await server.post("/experiments", HERO)).json()
    second = (await server.post("/experiments", HERO)).json()
    assert second["experiment_id"] == f"{first['experiment_id']}-2"
    assert second["salt"] != first["salt"]


async def test_a_given_id_twice_is_a_conflict(server: Server) -> None:
    await server.post("/experiments", {"id": "e", "name": "E"})
    answer = await server.post("/experiments", {"id": "e", "name": "E"})
    assert answer.status_code == 409
    assert "already" in answer.json()["detail"]


async def test_a_draft_is_built_piece_by_piece(server: Server) -> None:
    await server.post("/experiments", {"id": "e", "name": "E"})
    early = await server.post("/experiments/e/start")
    assert early.status_code == 409
    for words in ("weights sum to 0", "control", "treatment", "primary metric"):
        assert words in early.json()["detail"]
    assert (
        await server.post("/experiments/e/variants", {"id": "control", "traffic_allocation": 0.3})
    ).status_code == 201
    half = await server.post("/experiments/e/start")
    assert "weights sum to 0.3" in half.json()["detail"]
    added = await server.post("/experiments/e/variants", {"id": "b"})
    assert added.json()["variants"][1]["traffic_allocation"] == 0.7
    over = await server.post("/experiments/e/variants", {"id": "c", "traffic_allocation": 0.1})
    assert over.status_code == 422
    assert (await server.post("/experiments/e/metrics", {"name": "rate", "event": "buy"})).status_code == 201
    assert (await server.post("/experiments/e/start")).json()["status"] == "running"


async def test_a_draft_can_be_changed_and_a_running_one_cannot(server: Server) -> None:
    await server.running("e")
    for method in ("put", "patch"):
        answer = await getattr(server.http, method)("/api/v1/experiments/e", json={"name": "F"})
        assert answer.status_code == 409
        assert "running" in answer.json()["detail"]
    assert (await server.http.delete("/api/v1/experiments/e")).status_code == 409
    await server.post("/experiments", {"id": "d", "name": "D", "description": "before"})
    changed = await server.http.patch("/api/v1/experiments/d", json={"name": "New", "traffic_allocation": 0.5})
    assert changed.status_code == 200
    assert (changed.json()["name"], changed.json()["description"]) == ("New", "before")
    assert (await server.http.delete("/api/v1/experiments/d")).status_code == 204
    assert (await server.get("/experiments/d")).status_code == 404


async def test_pause_resume_stop_and_what_cannot_be(server: Server) -> None:
    await server.running("e")
    assert (await server.post("/experiments/e/resume")).status_code == 409
    assert (await server.post("/experiments/e/pause")).json()["status"] == "paused"
    paused = (await server.post("/experiments/assign", {"user_id": "u", "experiments": ["e"]})).json()
    assert paused["assignments"][0]["reason"] == "not_running"
    assert (await server.post("/experiments/e/resume")).json()["status"] == "running"
    stopped = (await server.post("/experiments/e/stop")).json()
    assert (stopped["status"], stopped["stage"]) == ("completed", "analysis")
    again = await server.post("/experiments/e/start")
    assert again.status_code == 409
    assert again.json()["stage"] == "analysis"
    assert again.json()["allowed"] == ["decision", "cancelled", "failed"]
    server.loop.round()
    assert (await server.get("/experiments/e")).json()["stage"] == "decision"
    wrong = await server.post("/experiments/e/conclude", {"winner": "nobody"})
    assert wrong.status_code == 404
    concluded = (await server.post("/experiments/e/conclude", {"winner": "green"})).json()
    assert (concluded["stage"], concluded["winner"]) == ("completed", "green")


async def test_every_change_is_in_the_audit_log(server: Server) -> None:
    await server.post("/experiments", {"id": "e", "name": "E"}, headers={"X-Actor": "ann"})
    await server.post("/experiments/e/cancel", headers={"X-Actor": "bob"})
    changes = (await server.get("/experiments/e/audit")).json()["changes"]
    assert [(c["action"], c["actor"]) for c in changes] == [("create", "ann"), ("cancel", "bob")]
    assert changes[1]["before"]["stage"] == "design"
    assert changes[1]["after"]["stage"] == "cancelled"


async def test_lists_page_by_page(server: Server) -> None:
    for i in range(5):
        await server.post("/experiments", {"id": f"e{i}", "name": f"Number {i}", "tags": ["odd" if i % 2 else "even"]})
    seen: list[str] = []
    cursor = ""
    while True:
        body = (await server.get(f"/experiments?limit=2{cursor}")).json()
        seen += [item["experiment_id"] for item in body["experiments"]]
        if body["next_cursor"] is None:
            break
        cursor = f"&cursor={body['next_cursor']}"
    assert seen == ["e4", "e3", "e2", "e1", "e0"]
    assert (await server.get("/experiments?search=odd")).json()["total"] == 2
    assert (await server.get("/experiments?status=running")).json()["total"] == 0
    assert (await server.get("/experiments?cursor=nonsense!")).status_code == 422
    assert (await server.get("/experiments?status=busy")).status_code == 422


BAD: list[tuple[dict[str, Any], str, str]] = [
    (
        {"variants": [{"id": "control", "traffic_allocation": 0.5}, {"id": "b", "traffic_allocation": 0.4}]},
        "variants.traffic_allocation",
        "sum to 1",
    ),
    (
        {"variants": [{"id": "control", "traffic_allocation": 0.5}, {"id": "b"}]},
        "variants[1].traffic_allocation",
        "share",
    ),
    (
        {"variants": [{"id": "a", "is_control": True}, {"id": "b", "is_control": True}]},
        "variants",
        "exactly one control",
    ),
    ({"variants": [{"id": "a"}, {"id": "a"}]}, "variants", "differ"),
    ({"variants": [{"id": "a b"}]}, "variants[0].id", "characters"),
    ({"variants": [{"id": "control", "traffic_allocation": -0.5}]}, "variants[0].traffic_allocation", "greater"),
    ({"variants": [{"id": f"v{i}"} for i in range(12)]}, "variants", "10 treatments"),
    ({"name": "   "}, "name", "visible"),
    ({"nmae": "x"}, "nmae", "no such field"),
    ({"traffic_allocation": 1.5}, "traffic_allocation", "less than or equal to 1"),
    ({"audience": {"and": [{"attribute": "c", "op": "like", "value": 1}]}}, "audience.and[0].op", "one of eq"),
    ({"audience": {"and": {}, "or": []}}, "audience", "exactly one"),
    ({"audience": {"attribute": "age", "op": "between", "value": [30, 18]}}, "audience.value", "low at most high"),
    ({"targeting": {"countries": []}}, "targeting.countries", "at least one"),
    ({"end_date": "2020-01-01T00:00:00Z", "start_date": "2021-01-01T00:00:00Z"}, "end_date", "after start_date"),
    ({"start_date": "soon"}, "start_date", "datetime"),
    ({"primary_metric": {"name": "m", "type": "median"}}, "primary_metric.type", "conversion"),
    ({"primary_metric": {"name": "m", "type": "ratio", "event": "a"}}, "denominator", "event, field or both"),
    ({"primary_metric": {"name": "m", "type": "sum", "event": "a"}}, "field", "needs one"),
    ({"primary_metric": {"name": "m", "cap": -1}}, "primary_metric.cap", "greater than 0"),
    ({"plan": {"alpha": 1.5}}, "plan.alpha", "below 0.5"),
    ({"plan": {"baseline": 1.5, "minimum_effect": 0.1}, "primary_metric": {"name": "m"}}, "plan.baseline", "below 1"),
    ({"plan": {"minimum_effect": 0}}, "plan.minimum_effect", "not 0"),
    ({"salt": "a:b"}, "salt", "characters"),
    ({"id": ".."}, "id", "not dots alone"),
    ({"id": "assign"}, "id", "paths of the API"),
    ({"name": "x" * 201}, "name", "at most 200"),
    ({"name": "\u200b"}, "name", "unseen characters"),
    ({"name": "a\x00b"}, "name", "control characters"),
    ({"name": "a\u200bb"}, "name", "unseen characters"),
    ({"name": "\u3164\u2800"}, "name", "visible"),
    ({"variants": [{"id": "control"}, {"id": "b", "name": "\x00"}]}, "variants[1].name", "control characters"),
    ({"variants": [{"id": "b", "name": "x" * 201}]}, "variants[0].name", "at most 200"),
    ({"primary_metric": {"key": "m", "name": "\x00", "event": "buy"}}, "metric.name", "control characters"),
    ({"hypothesis": "x" * 10_001}, "hypothesis", "at most 10,000"),
    ({"owner": "x" * 201}, "owner", "at most 200"),
    ({"tags": ["x" * 101]}, "tags", "at most 100"),
    ({"description": "x" * 10_001}, "description", "at most 10,000"),
    ({"tags": ["t"] * 51}, "tags", "at most 50"),
    ({"start_date": "2026-02-05T10:00:00", "end_date": "2026-02-05T09:00:00Z"}, "end_date", "after start_date"),
    ({"end_date": "9999-12-31T23:59:59-12:00"}, "end_date", "ISO 8601"),
    ({"primary_metric": {"name": "m", "window_hours": 1e300}}, "window_hours", "ten years"),
    ({"plan": {"tuning_units": 10**40}}, "plan.tuning_units", "1,000,000,000,000"),
    (
        {"plan": {"baseline": 0.05, "minimum_effect": 1e-300}, "primary_metric": {"name": "m"}},
        "plan.minimum_effect",
        "",
    ),
    ({"id": "ü"}, "id", "characters"),
]


@pytest.mark.parametrize(
    ("change", "field", "accepted"), BAD, ids=[str(field) + str(i) for i, (_, field, _) in enumerate(BAD)]
)
async def test_what_is_wrong_is_named(server: Server, change: dict[str, Any], field: str, accepted: str) -> None:
    answer = await server.post("/experiments", {"name": "E", **change})
    assert answer.status_code == 422, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["field"] == field
    assert accepted in problem["accepted"]
    assert problem["status"] == 422
    assert "given" in problem
    assert (await server.get("/experiments")).json()["total"] == 0


RAW: list[tuple[bytes, int, str]] = [
    (b'{"name": "E", "variants": [{"id": "control", "config": {"a": NaN}}]}', 422, "variants[0].config.a"),
    (
        b'{"name": "E", "variants": [{"id": "control", "config": {"a": [1, -Infinity]}}]}',
        422,
        "variants[0].config.a[1]",
    ),
    (b'{"name": "Headline \\ud83d"}', 422, "name"),
    (b'{"name": "E", "audience": ' + b'{"not": ' * 200 + b"{}" + b"}" * 200 + b"}", 422, "audience" + ".not" * 50),
    (b'{"name": "E", "a": ' + b"9" * 5_000 + b"}", 400, "body"),
    (b'{"name": "E", "variants": [{"config": {"a": -' + b"9" * 301 + b"}}]}", 400, "body"),
    (b"[" * 100_000, 400, "body"),
]


@pytest.mark.parametrize(("content", "status", "field"), RAW, ids=[field[:30] for _, _, field in RAW])
async def test_what_json_or_storage_cannot_carry(server: Server, content: bytes, status: int, field: str) -> None:
    answer = await server.http.post(
        "/api/v1/experiments", content=content, headers={"content-type": "application/json"}
    )
    assert answer.status_code == status, answer.text
    assert answer.json()["field"] == field
    assert (await server.get("/experiments")).json()["total"] == 0


async def test_names_that_are_paths_of_the_api_or_drawn_of_several_characters(server: Server) -> None:
    made = await server.post("/experiments", {"name": "Assign"})
    assert (made.status_code, made.json()["experiment_id"]) == (201, "assign-experiment")
    family = "\U0001f469\u200d\U0001f4bb"
    assert (await server.post("/experiments", {"name": family})).json()["name"] == family


async def test_text_that_is_not_json(server: Server) -> None:
    answer = await server.http.post(
        "/api/v1/experiments", content=b'{"name": ', headers={"content-type": "application/json"}
    )
    assert answer.status_code == 400
    assert answer.json()["field"] == "body"


async def test_a_ten_megabyte_body_is_refused(server: Server) -> None:
    body = b'{"name": "' + b"x" * 10_000_000 + b'"}'
    for path in ("/experiments", "/events", "/experiments/assign"):
        answer = await server.http.post(f"/api/v1{path}", content=body, headers={"content-type": "application/json"})
        assert answer.status_code == 413, path
        assert "at most 8,388,608 bytes" in answer.json()["detail"]


async def test_an_unknown_path_is_a_problem_too(server: Server) -> None:
    answer = await server.get("/nothing")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert (await server.http.put("/api/v1/experiments/e/start")).status_code == 405
