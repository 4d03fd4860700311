"""Schemas for configs over HTTP: given, shown again, and every config held against them from the draft to a version."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from assay.metadata import WebsiteMetadata, head_tags
from tests.http.conftest import Server

SCHEMA = {
    "type": "object",
    "properties": {"title": {"type": "string", "maxLength": 20}, "columns": {"enum": [1, 2, 3]}},
    "required": ["title"],
    "additionalProperties": False,
}


def body(*configs: dict[str, Any], **changes: Any) -> dict[str, Any]:
    variants = [{"id": f"v{i}", "is_control": i == 0, "config": config} for i, config in enumerate(configs)]
    metric = {"name": "bought", "type": "conversion", "event": "buy"}
    return {"id": "page", "name": "page", "variants": variants, "primary_metric": metric, **changes}


def refused(answer: httpx.Response) -> tuple[str, str, str]:
    assert answer.status_code == 422, answer.text
    found = answer.json()
    return found["field"], found["given"], found["accepted"]


async def test_from_the_draft_to_a_new_version(server: Server) -> None:
    wrong = body({"title": "Shoes"}, {"titel": "Boots"}, config_schema=SCHEMA)
    assert refused(await server.post("/experiments", wrong)) == (
        "variants[1].config.title",
        "null",
        "a value: the schema requires the field",
    )
    assert (await server.get("/experiments/page")).status_code == 404

    right = body({"title": "Shoes"}, {"title": "Boots", "columns": 2}, config_schema=SCHEMA)
    created = await server.post("/experiments", right)
    assert created.status_code == 201, created.text
    assert created.json()["config_schema"] == SCHEMA
    assert (await server.get("/experiments/page")).json()["config_schema"] == SCHEMA

    changed = await server.http.patch("/api/v1/experiments/page", json={"variants": wrong["variants"]})
    assert refused(changed)[0] == "variants[1].config.title"
    added = await server.post("/experiments/page/variants", {"id": "third", "config": {"title": "x", "columns": 4}})
    assert refused(added) == ("variants[2].config.columns", "4", "one of 1, 2, 3")
    narrower = SCHEMA | {"required": ["title", "columns"]}
    assert refused(await server.http.patch("/api/v1/experiments/page", json={"config_schema": narrower}))[0] == (
        "variants[0].config.columns"
    )

    assert (await server.post("/experiments/page/start")).status_code == 200
    other = body({"title": "Shoes"}, {"title": 5})["variants"]
    assert refused(await server.post("/experiments/page/versions", {"variants": other})) == (
        "variants[1].config.title",
        "5",
        "text",
    )
    assert (await server.get("/experiments/page")).json()["version"] == 1
    other = body({"title": "Shoes"}, {"title": "Sandals"})["variants"]
    begun = await server.post("/experiments/page/versions", {"variants": other})
    assert (begun.status_code, begun.json()["version"]) == (201, 2)
    question = {"user_id": "u1", "experiments": ["page"]}
    assigned = (await server.post("/experiments/assign", question)).json()["assignments"][0]
    assert assigned["config"] in ({"title": "Shoes"}, {"title": "Sandals"})


@pytest.mark.parametrize(
    ("schema", "field"),
    [
        ({"type": "sting"}, "config_schema.type"),
        ({"properties": {"title": {"pattern": "(a+)+$"}}}, "config_schema.properties.title.pattern"),
        ({"$ref": "https://schemas.example/page"}, "config_schema.$ref"),
        ("page_metadata", "config_schema"),
        ({"description": "x" * 70_000}, "config_schema"),
    ],
)
async def test_a_schema_that_is_none_is_refused(server: Server, schema: Any, field: str) -> None:
    assert refused(await server.post("/experiments", body(config_schema=schema)))[0] == field


async def test_a_schema_can_be_taken_away(server: Server) -> None:
    await server.post("/experiments", body({"title": "x"}, {"title": "y"}, config_schema=SCHEMA))
    change = {"config_schema": None, "variants": body({"any": 1}, {"thing": 2})["variants"]}
    changed = await server.http.patch("/api/v1/experiments/page", json=change)
    assert (changed.status_code, changed.json()["config_schema"]) == (200, None)


async def test_website_metadata_is_known_by_its_name(server: Server) -> None:
    wrong = body({}, {"title": "Shoes", "theme_color": "tael", "canonical_url": "javascript:x"})
    answer = await server.post("/experiments", wrong | {"config_schema": "website_metadata"})
    assert refused(answer)[:2] == ("variants[1].config.canonical_url", '"javascript:x"')
    assert 'variants[1].config.theme_color: given "tael"' in answer.json()["detail"]

    metadata = WebsiteMetadata.builder().title("Shoes & boots").open_graph(image="https://a.example/b.png").build()
    right = body({}, metadata.to_config(), config_schema="website_metadata")
    created = await server.post("/experiments", right)
    assert (created.status_code, created.json()["config_schema"]) == (201, "website_metadata")
    config = created.json()["variants"][1]["config"]
    assert WebsiteMetadata.from_config(config) == metadata
    assert "<title>Shoes &amp; boots</title>" in head_tags(config)


async def test_the_api_says_what_a_schema_may_be(server: Server) -> None:
    document = (await server.http.get("/api/openapi.json")).json()
    for name in ("ExperimentIn", "ExperimentChange"):
        field = document["components"]["schemas"][name]["properties"]["config_schema"]
        assert {option["type"] for option in field["anyOf"]} == {"object", "string", "null"}
        assert "website_metadata" in field["description"]
        assert "2020-12" in field["description"]
