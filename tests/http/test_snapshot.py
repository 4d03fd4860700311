"""GET /api/v1/snapshot: what evaluators elsewhere are given."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest

from assay.assignment.evaluate import evaluate
from assay.assignment.portable import read_snapshot
from tests.http.conftest import Server

NOW = datetime(2026, 2, 5, tzinfo=timezone.utc)


async def test_the_document_decides_as_the_server_does(server: Server) -> None:
    await server.running(audience={"attribute": "country", "value": "US"})
    await server.running("paused")
    await server.post("/experiments/paused/pause")
    answer = await server.get("/snapshot")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    snapshot = read_snapshot(answer.json())
    for number in range(50):
        body = {"user_id": f"u{number}", "context": {"country": "US"}, "experiments": ["checkout", "paused"]}
        said = (await server.post("/experiments/assign", body)).json()["assignments"]
        own = evaluate(snapshot, f"u{number}", {"country": "US"}, NOW, ["checkout", "paused"])
        assert [(item["variant_id"], item["reason"]) for item in said] == [(d.variant, d.reason.value) for d in own]


async def test_the_tag_changes_with_the_definitions_only(server: Server) -> None:
    await server.running()
    first = await server.get("/snapshot")
    tag = first.headers["etag"]
    for header in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        again = await server.http.get("/api/v1/snapshot", headers={"If-None-Match": header})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    await server.running("another")
    changed = await server.http.get("/api/v1/snapshot", headers={"If-None-Match": tag})
    assert changed.status_code == 200
    assert changed.headers["etag"] != tag
    assert [item["key"] for item in changed.json()["experiments"]] == ["another", "checkout"]


async def test_drafts_and_what_is_measured_stay_inside(server: Server) -> None:
    await server.post("/experiments", {"id": "secret", "name": "secret", "variants": [{"id": "a"}, {"id": "b"}]})
    await server.running()
    text = (await server.get("/snapshot")).text
    assert "secret" not in text
    assert "bought" not in text


@pytest.mark.parametrize("origin", ["https://shop.example"])
async def test_pages_of_other_origins_may_read_it(server: Server, origin: str) -> None:
    answer = await server.http.get("/api/v1/snapshot", headers={"Origin": origin})
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "etag" in answer.headers["access-control-expose-headers"].lower()
