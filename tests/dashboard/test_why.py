"""Who takes part, in words; and the page that says why a unit gets what it gets."""

from __future__ import annotations

import json
from urllib.parse import urlencode

import httpx
import pytest

from tests.dashboard.conftest import Get
from tests.dashboard.markup import Node, read
from tests.dashboard.samples import HOSTILE


def asked(key: str, unit: str, **attributes: object) -> str:
    return f"/experiments/{key}/why?{urlencode({'unit': unit, 'context': json.dumps(attributes)})}"


def entries(root: Node) -> dict[str, str]:
    lines = root.one("div", "entrance").one("dl").all("div")
    return {line.one("dt").text: " ".join(line.one("dd").text.split()) for line in lines}


async def test_everything_before_a_variant_is_said(page: Get) -> None:
    told = entries(await page("/experiments/gated"))
    assert told["Audience"].startswith('all of country is one of "US", "CA" any of actions')
    assert "not on Sunday, in Europe/Berlin" in told["Audience"]
    assert told["Traffic"] == ("20 % of the audience, 50 % since 2026-03-13 12:00 UTC, 100 % from 2026-03-16 12:00 UTC")
    assert told["Layer"] == "“checkout-page”, its places 0 % to 40 %: nobody is in two experiments of it"
    assert told["Holdout"] == "“everyone-out” keeps 5 % of all units out"
    assert told["Needs"] == "one of b, c of headlines"
    assert told["Denied"] == "partner-0, partner-1, partner-2, partner-3, partner-4 and 3 more"
    assert told["Forced"] == "qa-1 → green, qa-2 → control; not counted"
    assert told["Drawn"] == "by account: all units that share it share a variant"


async def test_an_experiment_for_everyone_says_so(page: Get) -> None:
    root = await page("/experiments/headlines")
    assert "Everyone." in root.one("div", "entrance").text
    link = next(a for a in root.all("a") if "Why does" in a.text)
    assert link.attributes["href"] == "/experiments/headlines/why"


async def test_the_empty_form_asks(page: Get) -> None:
    root = await page("/experiments/gated/why")
    labelled = {label.attributes["for"] for label in root.all("label")}
    assert labelled == {node.attributes["id"] for node in (*root.all("input"), *root.all("textarea"))}
    assert not root.all("ol")


async def test_steps_until_the_one_that_ends_it(page: Get) -> None:
    root = await page(asked("headlines", "ann"))
    assert "ann has “" in root.one("h2", "answer").text
    marks = [li.one("span", "mark").attributes["class"] for li in root.one("ol").all("li")]
    assert marks == ["mark good"] * len(marks)
    root = await page(asked("gated", "partner-3", country="US"))
    assert "partner-3 has no variant: denied." in root.one("h2", "answer").text
    assert root.one("ol").all("li")[-1].one("span", "mark").attributes["class"] == "mark bad"


async def test_an_audience_is_shown_condition_by_condition(page: Get) -> None:
    for number in range(400):
        root = await page(asked("gated", f"u{number}", country="DE", plan="pro", account="a"))
        if "not in audience" in root.one("h2", "answer").text:
            break
    tree = root.one("ul", "branches")
    lines = {li.text.split("(")[0].strip(): li for li in tree.all("li") if not li.all("ul")}
    wrong = next(li for text, li in lines.items() if "country is one of" in text)
    assert '(country is "DE")' in wrong.text
    assert wrong.one("span", "mark").attributes["class"] == "mark bad"


@pytest.mark.parametrize("context", ["{", "[1]", '"x"', "[" * 5_000, "x" * 10_001])
async def test_what_is_no_object_is_named_in_the_form(http: httpx.AsyncClient, context: str) -> None:
    answer = await http.get("/experiments/gated/why", params={"unit": "u", "context": context})
    root = read(answer.text)
    assert answer.status_code == 422
    assert "accepted:" in root.one("p", "problem").text
    assert root.one("textarea").attributes["aria-describedby"] == "problem"


async def test_hostile_texts_stay_texts(http: httpx.AsyncClient) -> None:
    answer = await http.get(asked("hostile", HOSTILE, **{HOSTILE: HOSTILE}))
    assert "<script>document" not in answer.text
    assert len(read(answer.text).all("script")) == 0
    assert HOSTILE in read(answer.text).one("h2", "answer").text


async def test_there_is_no_why_of_nothing(http: httpx.AsyncClient) -> None:
    assert (await http.get("/experiments/none/why?unit=u")).status_code == 404
