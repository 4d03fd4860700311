"""Pages as they are served: parts, words for every state, escaping, headers."""

from __future__ import annotations

from itertools import pairwise

import httpx
import pytest

from assay.service.reading import Reading
from tests.dashboard.conftest import Get, pages
from tests.dashboard.markup import read
from tests.dashboard.samples import HOSTILE, reading_of

KEYS = ("headlines", "skewed", "buttons", "young", "silent", "draft", "gated", "hostile")
ASKED = "/experiments/gated/why?unit=u-1&context=%7B%22country%22%3A%22US%22%2C%22plan%22%3A%22pro%22%7D"
PATHS = (
    "/",
    "/experiments/none-of-them",
    *(f"/experiments/{key}" for key in KEYS),
    "/experiments/gated/why",
    "/experiments/hostile/why?unit=<script>&context={",
    ASKED,
)


@pytest.mark.parametrize("path", PATHS)
async def test_every_page_has_its_landmarks_and_one_heading(page: Get, path: str) -> None:
    root = await page(path)
    assert len(root.all("h1")) == len(root.all("main")) == len(root.all("header")) == 1
    assert root.one("html").attributes["lang"] == "en"
    assert root.one("a", "skip").attributes["href"] == f"#{root.one('main').attributes['id']}"
    assert root.one("head").one("title").text.endswith("Assay")
    names = [nav.attributes["aria-label"] for nav in root.all("nav")]
    assert len(set(names)) == len(names) >= 1


@pytest.mark.parametrize("path", PATHS)
async def test_every_reference_within_a_page_is_there(page: Get, path: str) -> None:
    root = await page(path)
    ids = [node.attributes["id"] for node in root.all() if "id" in node.attributes]
    assert len(set(ids)) == len(ids)
    assert {node.attributes["aria-labelledby"] for node in root.all("section")} <= set(ids)


@pytest.mark.parametrize("path", PATHS)
async def test_headings_do_not_skip_a_level(page: Get, path: str) -> None:
    levels = [int(node.tag[1]) for node in (await page(path)).all() if node.tag in ("h1", "h2", "h3", "h4")]
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


@pytest.mark.parametrize("path", PATHS)
async def test_every_picture_has_a_name_or_is_decoration(page: Get, path: str) -> None:
    for svg in (await page(path)).all("svg", "assay-chart"):
        if svg.attributes.get("aria-hidden") != "true":
            assert svg.attributes["role"] == "img"
            assert svg.all("title")[0].text == svg.attributes["aria-label"].replace("\u00a0", " ") != ""


@pytest.mark.parametrize("path", PATHS)
async def test_pages_are_small_and_load_nothing_from_elsewhere(http: httpx.AsyncClient, path: str) -> None:
    root = read((await http.get(path)).text)
    links = [n.attributes.get("src") or n.attributes["href"] for n in (*root.all("script"), *root.all("link"))]
    assert all(link.startswith("/static/") and "?v=" in link for link in links)
    files = [await http.get(link) for link in links]
    assert all(file.status_code == 200 for file in files)
    assert len((await http.get(path)).content) + sum(len(file.content) for file in files) < 120_000


async def test_the_list_says_of_each_experiment_how_it_stands(page: Get) -> None:
    root = await page("/")
    entries = {entry.one("a").attributes["href"]: entry.text for entry in root.all("li", "entry")}
    assert set(entries) == {f"/experiments/{key}" for key in KEYS}
    main = entries["/experiments/headlines"]
    assert "Running" in main
    assert "Ship “They moved to the countryside" in main
    assert "24,000 units" in main
    assert "running for 6 days" in main
    assert "Before it can start: a primary metric is needed" in entries["/experiments/draft"]
    assert "No result yet" in entries["/experiments/silent"]


async def test_with_no_experiments_the_list_says_how_to_begin() -> None:
    async with pages(reading_of([])) as client:
        text = read((await client.get("/")).text).one("main").text
    assert "assay demo" in text
    assert "/api/v1/experiments" in text


@pytest.mark.parametrize("path", ["/experiments/nope", "/experiments/nope/live", "/static/nope.css"])
async def test_what_is_not_there_is_said_in_words(http: httpx.AsyncClient, path: str) -> None:
    answer = await http.get(path)
    assert answer.status_code == 404
    assert "nope" in read(answer.text).text


async def test_a_hostile_key_in_the_address_is_text(http: httpx.AsyncClient) -> None:
    answer = await http.get("/experiments/%3Cscript%3Ealert(1)%3Cscript%3E")
    assert answer.status_code == 404
    assert read(answer.text).all("script") == []


async def test_hostile_names_are_text_everywhere(http: httpx.AsyncClient) -> None:
    for path in ("/", "/experiments/hostile", "/experiments/hostile/live"):
        html = (await http.get(path)).text
        root = read(html)
        assert all(node.attributes.get("src", "").startswith("/static/") for node in root.all("script"))
        assert not any(name.startswith("on") for node in root.all() for name in node.attributes)
        assert HOSTILE in root.text


async def test_the_live_part_is_the_page_s_own(http: httpx.AsyncClient) -> None:
    whole = read((await http.get("/experiments/headlines")).text).one("div", id="live")
    part = read((await http.get("/experiments/headlines/live")).text)
    assert part.text == whole.text
    assert len(part.text) > 1_000
    assert part.all("h1") == part.all("main") == []


async def test_only_the_verdict_is_announced(page: Get) -> None:
    root = await page("/experiments/headlines")
    (spoken,) = [node for node in root.all() if "aria-live" in node.attributes]
    assert spoken.text.startswith("Ship “They moved")


async def test_static_files_are_kept_for_good_under_their_version_only(http: httpx.AsyncClient) -> None:
    root = read((await http.get("/")).text)
    link = next(node.attributes["href"] for node in root.all("link", rel="stylesheet"))
    assert "immutable" in (await http.get(link)).headers["cache-control"]
    assert (await http.get(link.partition("?")[0])).headers["cache-control"] == "no-cache"
    assert (await http.get(f"{link}x")).headers["cache-control"] == "no-cache"


async def test_pages_forbid_foreign_code_and_framing(http: httpx.AsyncClient) -> None:
    answer = await http.get("/")
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["cache-control"] == "no-store"
    assert " style=" not in answer.text


def test_reading_changes_nothing(reading: Reading) -> None:
    assert reading.definitions.version() == len(KEYS)
