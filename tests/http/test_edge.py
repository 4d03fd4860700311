"""Assignment and events over HTTP."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from tests.http.conftest import Server


def now() -> str:
    return datetime.now(timezone.utc).isoformat()


def exposure(user: str, variant: str, experiment: str = "checkout", **more: Any) -> dict[str, Any]:
    return {
        "user_id": user,
        "event_type": "exposure",
        "timestamp": now(),
        "experiments": [{"experiment_id": experiment, "variant_id": variant}],
        **more,
    }


def buy(user: str, **more: Any) -> dict[str, Any]:
    return {"user_id": user, "event_type": "buy", "timestamp": now(), **more}


async def results(server: Server, key: str = "checkout") -> dict[str, Any]:
    server.loop.round()
    body: dict[str, Any] = (await server.get(f"/experiments/{key}/results")).json()
    return body


async def test_one_unit_many_experiments(server: Server) -> None:
    await server.running("a")
    await server.running("b", targeting={"countries": ["US"]}, end_date="2100-01-01T00:00:00Z")
    await server.post("/experiments", {"id": "draft", "name": "draft"})
    request = {
        "user_id": "user_abc123",
        "experiments": ["a", "b", "draft", "never"],
        "context": {"country": "US", "platform": "web"},
    }
    body = (await server.post("/experiments/assign", request)).json()
    assert body["user_id"] == "user_abc123"
    assert body["response_time_ms"] >= 0
    by_key = {item["experiment_id"]: item for item in body["assignments"]}
    assert [by_key[key]["reason"] for key in ("a", "b", "draft", "never")] == [
        "assigned",
        "assigned",
        "unknown_experiment",
        "unknown_experiment",
    ]
    assert by_key["a"]["variant_id"] in ("control", "green")
    assert by_key["a"]["config"] == {"colour": "blue" if by_key["a"]["variant_id"] == "control" else "green"}
    assert by_key["b"]["experiment_end"] == "2100-01-01T00:00:00.000000Z"
    again = (await server.post("/experiments/assign", request)).json()
    assert [i["variant_id"] for i in again["assignments"]] == [i["variant_id"] for i in body["assignments"]]
    elsewhere = {**request, "context": {"country": "DE"}}
    reasons = [i["reason"] for i in (await server.post("/experiments/assign", elsewhere)).json()["assignments"]]
    assert reasons[:2] == ["assigned", "not_in_audience"]


async def test_all_running_experiments_when_none_is_named(server: Server) -> None:
    await server.running("a")
    await server.running("b")
    body = (await server.post("/experiments/assign", {"user_id": "u"})).json()
    assert [item["experiment_id"] for item in body["assignments"]] == ["a", "b"]


@pytest.mark.parametrize(
    ("request_body", "exposed"),
    [
        ({"experiments": ["checkout"]}, 1),
        ({"experiments": ["checkout"], "log_exposure": False}, 0),
        ({}, 0),
        ({"log_exposure": True}, 1),
    ],
)
async def test_exposures_are_logged_when_experiments_are_named(
    server: Server, request_body: dict[str, Any], exposed: int
) -> None:
    await server.running()
    for _ in range(3):
        assert (await server.post("/experiments/assign", {"user_id": "u", **request_body})).status_code == 200
    # The inbox keeps order: once this event is on disk, the exposures before it are too.
    await server.post("/events", buy("someone"))
    assert (await results(server))["total_users_exposed"] == exposed


@pytest.mark.parametrize(
    ("body", "field", "accepted"),
    [
        ({"user_id": 5}, "user_id", "a string"),
        ({"user_id": ""}, "user_id", "1 to"),
        ({}, "user_id", "required"),
        ({"user_id": "u", "experiments": "a"}, "experiments", "a list or null"),
        ({"user_id": "u", "contxt": {}}, "contxt", "one of user_id"),
        ({"user_id": "u", "context": []}, "context", "an object"),
        ([], "body", "an object"),
    ],
)
async def test_a_wrong_assignment_request_is_named(server: Server, body: Any, field: str, accepted: str) -> None:
    answer = await server.post("/experiments/assign", body)
    assert answer.status_code == 422
    assert answer.json()["field"] == field
    assert accepted in answer.json()["accepted"]


async def test_too_much_context_is_refused(server: Server) -> None:
    answer = await server.post("/experiments/assign", {"user_id": "u", "context": {"a": "x" * 300_000}})
    assert answer.status_code == 413
    digits = b'{"user_id": "u", "context": {"a": ' + b"9" * 5_000 + b"}}"
    assert (await server.http.post("/api/v1/experiments/assign", content=digits)).status_code == 400


async def test_malformed_json_is_400_everywhere(server: Server) -> None:
    for path in ("/experiments/assign", "/events"):
        for content in (b"{", b"\xff\xfe", b"", b"nonsense"):
            answer = await server.http.post(f"/api/v1{path}", content=content)
            assert answer.status_code == 400, (path, content)
            assert answer.json()["field"] == "body"


async def test_the_documented_event_is_accepted(server: Server) -> None:
    await server.running("exp_homepage_redesign")
    await server.running("exp_checkout_flow")
    event = {
        "user_id": "user_abc123",
        "event_type": "purchase",
        "timestamp": now(),
        "experiments": [
            {"experiment_id": "exp_homepage_redesign", "variant_id": "green"},
            {"experiment_id": "exp_checkout_flow", "variant_id": "control"},
        ],
        "metrics": {"revenue": 129.99, "items_purchased": 3, "checkout_duration_sec": 45.2},
        "properties": {"payment_method": "credit_card", "promo_code_used": True, "shipping_method": "standard"},
    }
    answer = await server.post("/events", event)
    assert answer.status_code == 202
    assert set(answer.json()) == {"event_id", "accepted_at"}
    assert (await server.post("/events", event)).json()["event_id"] == answer.json()["event_id"]


async def test_ninety_nine_are_kept_when_one_is_bad(server: Server) -> None:
    await server.running()
    batch = [exposure(f"u{i}", "control") for i in range(100)]
    batch[50]["experiments"][0]["variant_id"] = "purple"
    answer = await server.post("/events", batch)
    assert answer.status_code == 202
    body = answer.json()
    assert body["accepted"] == 99
    assert body["refused"] == [
        {
            "index": 50,
            "code": "unknown_variant",
            "field": "experiments[0].variant_id",
            "given": '"purple"',
            "accepted": "one of control, green",
        }
    ]
    assert (await results(server))["total_users_exposed"] == 99


async def test_nan_and_infinity_are_refused_alone(server: Server) -> None:
    await server.running()
    content = (
        b'[{"user_id": "a", "event_type": "buy", "metrics": {"revenue": NaN}},'
        b' {"user_id": "b", "event_type": "buy", "metrics": {"revenue": 1.5}},'
        b' {"user_id": "c", "event_type": "buy", "metrics": {"revenue": -Infinity}},'
        b' {"user_id": "d", "event_type": "buy", "metrics": {"revenue": 1e999}},'
        b' {"user_id": "e", "event_type": "buy", "value": NaN},'
        b' {"user_id": "f", "event_type": "buy", "properties": {"deep": [{"x": NaN}]}}]'
    )
    body = (await server.http.post("/api/v1/events", content=content)).json()
    assert body["accepted"] == 1
    assert [(item["index"], item["code"], item["field"]) for item in body["refused"]] == [
        (0, "not_a_number", "metrics.revenue"),
        (2, "not_a_number", "metrics.revenue"),
        (3, "not_a_number", "metrics.revenue"),
        (4, "not_a_number", "value"),
        (5, "not_a_number", "properties.deep[0].x"),
    ]
    single = await server.http.post("/api/v1/events", content=b'{"user_id": "a", "event_type": "b", "value": Infinity}')
    assert single.status_code == 422
    assert single.json()["field"] == "value"


NESTED = b"[" * 100_000 + b"]" * 100_000
HOSTILE = {
    "digits": (b'"properties": {"a": ' + b"9" * 5_000 + b"}", "event"),
    "half a pair": (b'"properties": {"a": "\\ud83d"}', "properties.a"),
    "half a pair as a key": (b'"metrics": {"\\ud83d": NaN}', "metrics"),
    "half a pair as a field": (b'"\\ud83d": 1', "event"),
    "beyond a float": (b'"metrics": {"b": 1' + b"0" * 400 + b"}", "metrics.b"),
    "not a number": (b'"value": NaN', "value"),
}


@pytest.mark.parametrize("wrapped", [False, True])
@pytest.mark.parametrize("name", HOSTILE)
async def test_ninety_nine_are_kept_beside_what_json_cannot_carry(server: Server, name: str, wrapped: bool) -> None:
    content, field = HOSTILE[name]
    hostile = b'{"user_id": "u", "event_type": "buy", ' + content + b"}"
    batch = b"[" + b", ".join([b'{"user_id": "u", "event_type": "buy"}'] * 99 + [hostile]) + b"]"
    answer = await server.http.post("/api/v1/events", content=b'{"events": ' + batch + b"}" if wrapped else batch)
    assert answer.status_code == 202, answer.text
    assert answer.json()["accepted"] == 99
    (refused,) = answer.json()["refused"]
    assert (refused["index"], refused["field"]) == (99, field)
    single = await server.http.post("/api/v1/events", content=hostile)
    assert (single.status_code, single.json()["field"]) == (422, field)


async def test_of_a_body_that_cannot_be_read_nothing_is_kept(server: Server) -> None:
    await server.running(secondary_metrics=[{"name": "purchases", "type": "count", "event": "buy"}])
    await server.post("/events", exposure("u", "green"))
    good = b'{"user_id": "u", "event_type": "buy"}'
    answer = await server.http.post("/api/v1/events", content=b"[" + good + b", {]")
    assert (answer.status_code, answer.json()["field"]) == (400, "body")
    body = await results(server)
    green = next(item for item in body["variants"] if item["variant_id"] == "green")
    assert green["metrics"]["purchases"]["value"] == 0.0


@pytest.mark.parametrize("hostile", [NESTED, b'{"value": NaN, "properties": {"a": ' + b"9" * 5_000 + b"}}"])
async def test_an_event_that_no_parser_reads_is_refused_alone(server: Server, hostile: bytes) -> None:
    good = b'{"user_id": "u", "event_type": "buy"}'
    answer = await server.http.post("/api/v1/events", content=b"[" + good + b", " + hostile + b"]")
    assert answer.status_code == 202
    assert answer.json()["accepted"] == 1
    assert [item["index"] for item in answer.json()["refused"]] == [1]


@pytest.mark.parametrize("depth", [200, 900, 1_000, 5_000, 100_000])
async def test_nesting_of_any_depth_is_taken_or_refused(server: Server, depth: int) -> None:
    await server.running()
    nested = b"[" * depth + b"]" * depth
    for path, content in (
        ("events", b'{"user_id": "u", "event_type": "buy", "properties": {"a": %s}}'),
        ("events", b'{"user_id": "u", "event_type": "buy", "value": NaN, "properties": {"a": %s}}'),
        ("events", b'[{"user_id": "u", "event_type": "buy", "value": NaN, "properties": {"a": %s}}]'),
        ("events", b'{"user_id": %s, "event_type": "buy"}'),
        ("events", b'{"events": %s}'),
        ("events", b"%s"),
        ("experiments/assign", b'{"user_id": "u", "experiments": ["checkout"], "context": {"a": %s}}'),
        ("experiments/assign", b'{"user_id": %s}'),
        ("experiments", b'{"name": %s}'),
    ):
        answer = await server.http.post(
            f"/api/v1/{path}", content=content % nested, headers={"content-type": "application/json"}
        )
        assert answer.status_code in (200, 202, 400, 413, 422), (path, content, answer.text)


async def test_an_id_counts_once_plain_and_with_its_experiment(server: Server) -> None:
    await server.running(secondary_metrics=[{"name": "purchases", "type": "count", "event": "buy"}])
    await server.post("/events", exposure("u", "green"))
    plain = buy("u", event_id="order-1", timestamp=None)
    named = plain | {"experiments": [{"experiment_id": "checkout", "variant_id": "green"}]}
    for event in (plain, named, plain):
        assert (await server.post("/events", event)).json()["event_id"] == "order-1"
    body = await results(server)
    green = next(item for item in body["variants"] if item["variant_id"] == "green")
    assert green["metrics"]["purchases"]["value"] == 1.0


@pytest.mark.parametrize("content", [b'{"user_id": ["\\ud83d"]}', b'{"user_id": "u", "context": {"a": 1e999}}'])
async def test_an_assignment_that_quotes_what_cannot_be_sent_is_refused(server: Server, content: bytes) -> None:
    answer = await server.http.post("/api/v1/experiments/assign", content=content)
    assert answer.status_code == 422
    assert answer.json()["field"] in ("user_id", "context")


@pytest.mark.parametrize(
    ("change", "code", "field"),
    [
        ({"timestamp": "1970-01-01T00:00:00Z"}, "clock", "timestamp"),
        ({"timestamp": "2100-01-01T00:00:00Z"}, "clock", "timestamp"),
        ({"timestamp": "0001-01-01T00:00:00+23:59"}, "clock", "timestamp"),
        ({"timestamp": "yesterday"}, "invalid", "timestamp"),
        ({"experiments": [{"experiment_id": "nope"}]}, "unknown_experiment", "experiments[0].experiment_id"),
        ({"experiments": [{"experiment_id": "draft"}]}, "unknown_experiment", "experiments[0].experiment_id"),
        ({"experiments": [{"variant_id": "a"}]}, "invalid", "experiments[0].experiment_id"),
        ({"event_type": "exposure"}, "invalid", "experiments"),
        (
            {"event_type": "exposure", "experiments": [{"experiment_id": "checkout"}]},
            "invalid",
            "experiments[0].variant_id",
        ),
        ({"event_type": ""}, "invalid", "event_type"),
        ({"event_type": "x" * 101}, "invalid", "event_type"),
        ({"user_id": ""}, "invalid", "user_id"),
        ({"user_id": None}, "invalid", "user_id"),
        ({"metrics": {"revenue": "12"}}, "invalid", "metrics.revenue"),
        ({"metric": {"revenue": 12}}, "invalid", "metric"),
        ({"metrics": {f"m{i}": 1 for i in range(101)}}, "invalid", "metrics"),
        ({"properties": {"text": "x" * 70_000}}, "too_large", "event"),
    ],
)
async def test_a_wrong_event_is_named(server: Server, change: dict[str, Any], code: str, field: str) -> None:
    await server.running()
    await server.post("/experiments", {"id": "draft", "name": "draft"})
    answer = await server.post("/events", buy("u") | change)
    assert answer.status_code == (413 if code == "too_large" else 422), answer.text
    assert (answer.json()["code"], answer.json()["field"]) == (code, field)
    assert answer.json()["accepted"]


async def test_an_event_from_before_the_start_is_refused(server: Server) -> None:
    await server.running()
    early = (datetime.now(timezone.utc) - timedelta(hours=1)).isoformat()
    answer = await server.post("/events", exposure("u", "control", timestamp=early))
    assert answer.status_code == 422
    assert answer.json()["code"] == "experiment_not_started"


async def test_an_event_before_its_exposure_does_not_count_and_is_reported(server: Server) -> None:
    await server.running()
    at = datetime.now(timezone.utc)
    await server.post(
        "/events",
        [
            buy("early", timestamp=(at - timedelta(seconds=5)).isoformat()),
            exposure("early", "green", timestamp=at.isoformat()),
            exposure("late", "green", timestamp=at.isoformat()),
            buy("late", timestamp=(at + timedelta(seconds=5)).isoformat()),
            buy("stranger"),
        ],
    )
    body = await results(server)
    green = next(item for item in body["variants"] if item["variant_id"] == "green")
    assert (green["users_exposed"], green["metrics"]["bought"]["count"]) == (2, 1)
    assert body["data_quality"]["events_before_exposure"] == 1


async def test_sent_again_counts_once(server: Server) -> None:
    await server.running(secondary_metrics=[{"name": "purchases", "type": "count", "event": "buy"}])
    await server.post("/events", exposure("u", "green"))
    event, named = buy("u"), buy("u", event_id="order-1", timestamp=None)
    for _ in range(3):
        await server.post("/events", [exposure("u", "green"), event, named])
        server.loop.round()
    body = await results(server)
    green = next(item for item in body["variants"] if item["variant_id"] == "green")
    assert green["users_exposed"] == 1
    assert green["metrics"]["purchases"]["value"] == 2.0


async def test_an_event_that_names_an_experiment_counts_only_there(server: Server) -> None:
    for key in ("a", "b"):
        await server.running(key)
        await server.post("/events", exposure("u", "green", key))
    await server.post("/events", buy("u", experiments=[{"experiment_id": "a", "variant_id": "green"}]))
    server.loop.round()
    counts = {}
    for key in ("a", "b"):
        body = await results(server, key)
        green = next(item for item in body["variants"] if item["variant_id"] == "green")
        counts[key] = green["metrics"]["bought"]["count"]
    assert counts == {"a": 1, "b": 0}


async def test_at_most_one_hundred(server: Server) -> None:
    answer = await server.post("/events", [buy(f"u{i}") for i in range(101)])
    assert answer.status_code == 413
    assert "at most 100" in answer.json()["detail"]
    assert (await server.post("/events", [])).status_code == 422
    assert (await server.post("/events", {"events": [buy("u")]})).json()["accepted"] == 1
    assert (await server.post("/events", {"events": [buy("u")], "more": 1})).json()["field"] == "more"
    refused = await server.post("/events", [{"user_id": "u"}])
    assert refused.status_code == 422
    assert refused.json()["refused"][0]["field"] == "event_type"


async def test_when_the_disk_fails_nothing_is_acknowledged(server: Server) -> None:
    server.app.inbox.close()
    answer = await server.post("/events", buy("u"))
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "1"
    assert answer.json()["code"] == "unavailable"
    assert (await server.post("/experiments/assign", {"user_id": "u"})).status_code == 200
