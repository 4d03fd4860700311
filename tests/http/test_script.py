"""GET /assay.js: the module that pages import."""

from __future__ import annotations

from assay.http.script import SOURCE
from tests.http.conftest import Server


async def test_the_module_is_served_as_it_is(server: Server) -> None:
    answer = await server.http.get("/assay.js", headers={"Origin": "https://shop.example"})
    assert answer.status_code == 200
    assert answer.content == SOURCE.read_bytes()
    assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.headers["cache-control"] == "public, max-age=300"


async def test_it_is_not_sent_again_to_those_who_have_it(server: Server) -> None:
    tag = (await server.http.get("/assay.js")).headers["etag"]
    again = await server.http.get("/assay.js", headers={"If-None-Match": f"W/{tag}"})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    other = await server.http.get("/assay.js", headers={"If-None-Match": '"other"'})
    assert other.status_code == 200


async def test_head_tells_its_size(server: Server) -> None:
    answer = await server.http.head("/assay.js")
    assert (answer.status_code, answer.content) == (200, b"")
    assert int(answer.headers["content-length"]) == SOURCE.stat().st_size
