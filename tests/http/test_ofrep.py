"""Flags over HTTP: every promise of the protocol that a client leans on."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import httpx
import pytest

from assay.assignment.snapshot import compile_snapshot
from assay.errors import Unavailable
from assay.model.experiment import Experiment, Variant
from assay.model.lifecycle import Stage
from assay.service.assign import Assigning
from tests.http.conftest import Server

FLAGS = "/ofrep/v1/evaluate/flags"
US = {"targeting": {"countries": ["US"]}}
CONFIGS: list[Any] = [
    ({"value": True}, "true"),
    ({"value": 1}, "1"),
    ({"value": 1.0}, "1.0"),
    ({"value": "blue"}, '"blue"'),
    ({"value": {"a": 2.0}}, '{"a":2.0}'),
    ({"size": 2.0, "rows": 2}, '{"size":2.0,"rows":2}'),
]


async def flag(server: Server, key: str = "checkout", unit: Any = "u1", **attributes: Any) -> httpx.Response:
    return await server.http.post(f"{FLAGS}/{key}", json={"context": {"targetingKey": unit, **attributes}})


async def bulk(server: Server, unit: str = "u1", tag: str | None = None, **attributes: Any) -> httpx.Response:
    headers = {} if tag is None else {"If-None-Match": tag}
    return await server.http.post(FLAGS, json={"context": {"targetingKey": unit, **attributes}}, headers=headers)


def both(config: Any) -> list[dict[str, Any]]:
    """Two variants that say the same."""
    return [{"id": "control", "config": config}, {"id": "green", "config": config}]


def redefine(server: Server, change: Callable[[Experiment], Experiment]) -> None:
    """Serve changed definitions, also such as the API would refuse."""
    services = server.app.services
    changed = [change(experiment) for experiment in services.reading.experiments()]
    services.snapshots.current = compile_snapshot(changed, services.snapshots.current.version)


async def exposed(server: Server, key: str = "checkout") -> int:
    # The inbox keeps order: once this event is on disk, the exposures before it are too.
    await server.post("/events", {"user_id": "someone", "event_type": "buy"})
    await server.count_everything()
    n_units: int = (await server.get(f"/experiments/{key}/results")).json()["total_users_exposed"]
    return n_units


async def test_a_flag_says_what_assignment_says(server: Server) -> None:
    await server.running()
    seen = set()
    for number in range(20):
        request = {"user_id": f"u{number}", "experiments": ["checkout"], "log_exposure": False}
        (assigned,) = (await server.post("/experiments/assign", request)).json()["assignments"]
        answer = await flag(server, unit=f"u{number}")
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "application/json"
        assert answer.json() == {
            "key": "checkout",
            "value": assigned["config"],
            "reason": "SPLIT",
            "variant": assigned["variant_id"],
            "metadata": {"reason": "assigned", "version": 1, "experiment": "checkout"},
        }
        seen.add(assigned["variant_id"])
    assert seen == {"control", "green"}


@pytest.mark.parametrize(("config", "written"), CONFIGS)
async def test_values_keep_their_kind_everywhere(server: Server, config: Any, written: str) -> None:
    await server.running(variants=both(config))
    await server.running("us", variants=both(config), **US)
    member = f'"value":{written},"reason":'
    for answer, times in ((await flag(server), 1), (await flag(server, "us"), 1), (await bulk(server), 2)):
        assert answer.text.count(member) == times
    await server.post("/experiments/checkout/pause")
    paused = await flag(server)
    assert paused.json()["reason"] == "DISABLED"
    assert member in paused.text


async def test_an_empty_config_is_the_variants_key(server: Server) -> None:
    await server.running(variants=[{"id": "control"}, {"id": "green"}], **US)
    inside = (await flag(server, country="US")).json()
    assert inside["value"] == inside["variant"]
    assert inside["value"] in ("control", "green")
    outside = (await flag(server, country="DE")).json()
    assert (outside["value"], outside["variant"]) == ("control", "default")


@pytest.mark.parametrize(
    ("changes", "ours"), [(US, "not_in_audience"), ({"traffic_allocation": 0.000001}, "not_in_traffic")]
)
async def test_a_unit_that_is_not_in_it_has_the_controls_value(
    server: Server, changes: dict[str, Any], ours: str
) -> None:
    await server.running(**changes)
    answer = (await flag(server, country="DE")).json()
    assert (answer["reason"], answer["variant"], answer["value"]) == ("DEFAULT", "default", {"colour": "blue"})
    assert answer["metadata"]["reason"] == ours


async def test_the_context_without_its_targeting_key_is_the_attributes(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    await server.running(**US)
    asked, assign = [], Assigning.assign

    def watched(self: Assigning, unit: str, attributes: Any, *more: Any) -> Any:
        asked.append((unit, dict(attributes)))
        return assign(self, unit, attributes, *more)

    monkeypatch.setattr(Assigning, "assign", watched)
    assert (await flag(server, country="US", age=3)).json()["reason"] == "SPLIT"
    assert (await flag(server)).json()["reason"] == "DEFAULT"
    await bulk(server, country="US")
    assert asked == [("u1", {"country": "US", "age": 3}), ("u1", {}), ("u1", {"country": "US"})]


@pytest.mark.parametrize("move", ["pause", "stop"])
async def test_an_experiment_that_does_not_run_is_disabled(server: Server, move: str) -> None:
    await server.running()
    assert (await server.post(f"/experiments/checkout/{move}")).status_code == 200
    for unit in ("u1", "u2", "u3", "u4"):
        answer = (await flag(server, unit=unit)).json()
        assert (answer["reason"], answer["variant"], answer["value"]) == ("DISABLED", "default", {"colour": "blue"})
        assert answer["metadata"]["reason"] == "not_running"


async def test_a_forced_unit_matches_and_is_not_counted(server: Server) -> None:
    await server.running(**US)
    redefine(server, lambda experiment: replace(experiment, forced={"u1": "green"}))
    answer = (await flag(server)).json()
    assert (answer["reason"], answer["variant"], answer["value"]) == ("TARGETING_MATCH", "green", {"colour": "green"})
    assert answer["metadata"]["reason"] == "forced"
    assert await exposed(server) == 0


async def test_a_single_evaluation_is_an_exposure_once(server: Server) -> None:
    await server.running(**US)
    for _ in range(3):
        await flag(server, country="US")
    await flag(server, unit="outside", country="DE")
    assert await exposed(server) == 1


async def test_a_bulk_evaluation_is_no_exposure(server: Server) -> None:
    await server.running()
    assert (await bulk(server)).json()["flags"][0]["reason"] == "SPLIT"
    assert await exposed(server) == 0


async def test_a_disabled_flag_is_no_exposure(server: Server) -> None:
    await server.running()
    await server.post("/experiments/checkout/pause")
    await flag(server)
    await server.post("/experiments/checkout/resume")
    assert await exposed(server) == 0
    assert (await flag(server)).json()["reason"] == "SPLIT"
    assert await exposed(server) == 1


@pytest.mark.parametrize(
    ("body", "code", "said"),
    [
        (b"", "PARSE_ERROR", "JSON"),
        (b"{", "PARSE_ERROR", "JSON"),
        (b'{"context": {"targetingKey": "\\ud800"}}', "PARSE_ERROR", "JSON"),
        (b'{"context": {"targetingKey": "u", "a": ' + b"9" * 5_000 + b"}}", "PARSE_ERROR", "JSON"),
        (b"[]", "PARSE_ERROR", "an object"),
        (b"{}", "TARGETING_KEY_MISSING", "targetingKey"),
        (b'{"context": null}', "TARGETING_KEY_MISSING", "targetingKey"),
        (b'{"context": {}}', "TARGETING_KEY_MISSING", "targetingKey"),
        (b'{"context": {"targetingKey": ""}}', "TARGETING_KEY_MISSING", "targetingKey"),
        (b'{"context": {"targetingKey": null}}', "TARGETING_KEY_MISSING", "targetingKey"),
        (b'{"context": {"targetingKey": 5}}', "INVALID_CONTEXT", "given 5"),
        (b'{"context": {"targetingKey": "' + b"u" * 20_001 + b'"}}', "INVALID_CONTEXT", "20,000"),
        (b'{"context": []}', "INVALID_CONTEXT", "an object"),
        (b'{"context": {"targetingKey": "u", "a": "' + b"x" * 300_000 + b'"}}', "INVALID_CONTEXT", "bytes"),
    ],
)
async def test_a_wrong_request_is_named(server: Server, body: bytes, code: str, said: str) -> None:
    await server.running()
    for path, known in ((f"{FLAGS}/checkout", {"key": "checkout"}), (FLAGS, {})):
        answer = await server.http.post(path, content=body)
        assert answer.status_code == 400
        assert answer.headers["content-type"] == "application/json"
        document = answer.json()
        assert said in document.pop("errorDetails")
        assert document == {**known, "errorCode": code}


async def test_a_context_nested_too_deep(server: Server) -> None:
    await server.running()
    body = b'{"context": {"targetingKey": "u", "a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}}"
    answer = await server.http.post(f"{FLAGS}/checkout", content=body)
    assert answer.status_code == 400
    assert answer.json()["errorCode"] == "INVALID_CONTEXT"


async def test_a_compressed_body_is_read_or_named(server: Server) -> None:
    await server.running()
    body = gzip.compress(json.dumps({"context": {"targetingKey": "u"}}).encode())
    answer = await server.http.post(FLAGS, content=body, headers={"Content-Encoding": "gzip"})
    assert answer.status_code == 200
    for content, encoding in ((body[:-9], "gzip"), (body, "br")):
        answer = await server.http.post(FLAGS, content=content, headers={"Content-Encoding": encoding})
        assert answer.status_code == 400
        assert answer.json()["errorCode"] == "PARSE_ERROR"
        assert f'Content-Encoding: given "{encoding}"' in answer.json()["errorDetails"]


@pytest.mark.parametrize(
    ("path", "key"),
    [
        ("never", "never"),
        ("draft", "draft"),
        ("a%2Fb", "a/b"),
        ("caf%C3%A9", "café"),
        ("checkout/", "checkout/"),
        ("", ""),
    ],
)
async def test_an_unknown_flag(server: Server, path: str, key: str) -> None:
    await server.running()
    await server.post("/experiments", {"id": "draft", "name": "draft"})
    answer = await flag(server, path)
    assert answer.status_code == 404
    assert answer.json()["key"] == key
    assert answer.json()["errorCode"] == "FLAG_NOT_FOUND"
    assert key in answer.json()["errorDetails"]


async def test_an_experiment_that_never_had_a_control_is_no_flag(server: Server) -> None:
    await server.running()
    redefine(server, lambda experiment: replace(experiment, stage=Stage.CANCELLED, variants=()))
    answer = await flag(server)
    assert (answer.status_code, answer.json()["errorCode"]) == (404, "FLAG_NOT_FOUND")
    assert "control" in answer.json()["errorDetails"]


async def test_keys_are_percent_decoded(server: Server) -> None:
    await server.running("New.flag-1_a")
    answer = await flag(server, "New%2Eflag%2D1%5Fa")
    assert answer.json()["key"] == "New.flag-1_a"


async def test_bulk_has_every_running_and_paused_experiment(server: Server) -> None:
    for key, changes in (("b", {}), ("a", US), ("paused", {}), ("ended", {})):
        await server.running(key, **changes)
    await server.post("/experiments", {"id": "draft", "name": "draft"})
    await server.post("/experiments/paused/pause")
    await server.post("/experiments/ended/stop")
    answer = await bulk(server)
    assert answer.status_code == 200
    document = answer.json()
    reasons = {item["key"]: item["reason"] for item in document["flags"]}
    assert reasons == {"a": "DEFAULT", "b": "SPLIT", "paused": "DISABLED"}
    assert document["flags"] == [(await flag(server, key)).json() for key in ("a", "b", "paused")]
    assert all(isinstance(value, (str, int, float, bool)) for value in document["metadata"].values())


async def test_bulk_without_any_experiment(server: Server) -> None:
    assert (await bulk(server)).json()["flags"] == []


async def test_nothing_is_sent_twice(server: Server) -> None:
    await server.running(**US)
    first = await bulk(server)
    tag = first.headers["etag"]
    for sent in (tag, f"W/{tag}", f'"other", {tag}', tag.strip('"')):
        again = await bulk(server, tag=sent)
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
        assert "content-length" not in again.headers
    # A draft is nobody's flag yet, and another unit without a variant gets the same answer.
    await server.post("/experiments", {"id": "draft", "name": "draft"})
    assert (await bulk(server, unit="u2", tag=tag)).status_code == 304


async def test_what_changed_is_sent(server: Server) -> None:
    await server.running(**US)
    tag = (await bulk(server)).headers["etag"]
    inside = await bulk(server, tag=tag, country="US")
    assert inside.status_code == 200
    assert inside.headers["etag"] != tag
    await server.running("second")
    more = await bulk(server, tag=tag)
    assert (more.status_code, len(more.json()["flags"])) == (200, 2)
    await server.post("/experiments/second/pause")
    paused = await bulk(server, tag=tag)
    assert (paused.status_code, paused.json()["flags"][1]["reason"]) == (200, "DISABLED")
    await server.post("/experiments/second/stop")
    assert (await bulk(server, tag=tag)).status_code == 304


async def test_one_bad_flag_leaves_the_others(server: Server) -> None:
    await server.running("bad")
    await server.running("good")

    def spoiled(experiment: Experiment) -> Experiment:
        unwritable = (
            Variant(key="control", weight=500_000, control=True, config={"value": "\ud800"}),
            Variant(key="green", weight=500_000, config={"value": "\ud800"}),
        )
        return replace(experiment, variants=unwritable) if experiment.key == "bad" else experiment

    redefine(server, spoiled)
    bad, good = (await bulk(server)).json()["flags"]
    assert (bad["key"], bad["errorCode"]) == ("bad", "GENERAL")
    assert "errorDetails" in bad
    assert (good["key"], good["reason"]) == ("good", "SPLIT")
    single = await flag(server, "bad")
    assert (single.status_code, single.json()["errorCode"], single.json()["key"]) == (500, "GENERAL", "bad")


async def test_a_mistake_of_ours_is_a_500_in_the_protocols_form(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> None:
        raise ZeroDivisionError("secret")

    await server.running()
    monkeypatch.setattr(Assigning, "assign", broken)
    single, many = await flag(server), await bulk(server)
    assert (single.status_code, many.status_code) == (500, 500)
    assert (single.json()["key"], single.json()["errorCode"]) == ("checkout", "GENERAL")
    assert set(many.json()) == {"errorCode", "errorDetails"}
    assert "secret" not in single.text


async def test_a_part_that_does_not_answer_says_when_to_come_back(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    def busy(*_: Any) -> None:
        raise Unavailable("not now", retry_after_seconds=7)

    await server.running()
    monkeypatch.setattr(Assigning, "assign", busy)
    answer = await flag(server)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "7")
    assert answer.json() == {"key": "checkout", "errorCode": "GENERAL", "errorDetails": "not now"}


@pytest.mark.parametrize("path", [FLAGS, f"{FLAGS}/checkout"])
@pytest.mark.parametrize("method", ["GET", "PUT", "OPTIONS"])
async def test_a_wrong_method_is_told_the_right_one(server: Server, method: str, path: str) -> None:
    answer = await server.http.request(method, path)
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    assert "accepted: POST" in answer.json()["errorDetails"]


async def test_what_only_looks_like_it_is_not_a_flag(server: Server) -> None:
    answer = await server.http.post("/ofrep/v1/evaluate/flagship", json={})
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


async def test_requests_are_counted_by_route(server: Server) -> None:
    await server.running()
    await flag(server)
    await flag(server, "never")
    tag = (await bulk(server)).headers["etag"]
    await bulk(server, tag=tag)
    text = (await server.http.get("/metrics")).text
    for route, status in ((FLAGS, 200), (FLAGS, 304), (f"{FLAGS}/{{key}}", 200), (f"{FLAGS}/{{key}}", 404)):
        assert f'_count{{method="POST",route="{route}",status="{status}"}} 1.0' in text
