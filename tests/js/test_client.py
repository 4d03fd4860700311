"""The client in JavaScript against a live server, over a way that can be cut."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.http.conftest import LiveServer
from tests.js.conftest import Node

PATIENCE_SECONDS = 20
Shop = Callable[[str], Any]


class Checkout:
    """An experiment on a live server, and what counts in it."""

    def __init__(self, url: str) -> None:
        self.url = url
        body = {
            "id": "checkout",
            "name": "checkout",
            "variants": [
                {"id": "control", "config": {"colour": "blue"}},
                {"id": "green", "config": {"colour": "green"}},
            ],
            "primary_metric": {"name": "bought", "type": "conversion", "event": "buy"},
            "secondary_metrics": [{"name": "purchases", "type": "count", "event": "buy"}],
            "audience": {"not": {"attribute": "country", "value": "DE"}},
            "forced": {"boss": "green"},
        }
        self.post("/experiments", body)
        self.post("/experiments/checkout/start")

    def post(self, path: str, body: Any = None) -> Any:
        answer = httpx.post(f"{self.url}/api/v1{path}", json=body)
        assert answer.is_success, answer.text
        return answer.json()

    def assigned(self, unit: str, context: dict[str, Any]) -> list[Any]:
        request = {"user_id": unit, "experiments": ["checkout"], "context": context, "log_exposure": False}
        (item,) = self.post("/experiments/assign", request)["assignments"]
        return [item["variant_id"], item["reason"], item["config"]]

    def counted(self, n_exposed: int, n_bought: int) -> dict[str, Any]:
        """Units and purchases, as soon as there are that many; what there is when there never are."""
        found: dict[str, Any] = {}
        end = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < end:
            body = httpx.get(f"{self.url}/api/v1/experiments/checkout/results").json()
            units = {item["variant_id"]: item["users_exposed"] for item in body["variants"] if item["users_exposed"]}
            bought = sum(
                round(item["metrics"]["purchases"]["value"] * item["users_exposed"])
                for item in body["variants"]
                if item["users_exposed"] and item["metrics"]["purchases"].get("value") is not None
            )
            found = {"units": units, "bought": bought}
            if sum(units.values()) >= n_exposed and bought >= n_bought:
                break
            time.sleep(0.1)
        return found


@pytest.fixture
def checkout(live: LiveServer) -> Checkout:
    return Checkout(live.url)


@pytest.fixture
def page(node: Node, checkout: Checkout) -> Shop:
    """Plays one of the scenarios of client.mjs."""
    return lambda scenario: node("client.mjs", checkout.url, scenario)


def test_it_decides_as_the_server_does_and_counts_nobody_for_looking(page: Shop, checkout: Checkout) -> None:
    found = page("assigns")
    for i in range(60):
        assert found["given"][f"u{i}"] == checkout.assigned(f"u{i}", {"country": "US" if i % 3 else "DE"})
    assert {variant for variant, _, _ in found["given"].values()} == {"control", "green", None}
    assert found["posts"] == 0


def test_an_exposure_arrives_and_counts_once(page: Shop, checkout: Checkout) -> None:
    """Three pages, each of which asks twice and sends the same order; a forced unit is not counted."""
    found = page("counts")
    variant, _, config = checkout.assigned("u1", {})
    assert found["seen"] == [variant, variant, config["colour"]] * 3 + ["green"]
    assert found["types"] == [["exposure", "buy"]] * 3
    assert checkout.counted(1, 1) == {"units": {variant: 1}, "bought": 1}


def test_a_dead_server_leaves_the_last_snapshot_and_keeps_events_for_later(page: Shop, checkout: Checkout) -> None:
    found = page("dead")
    variant, _, _ = checkout.assigned("u1", {})
    assert found["before"] == [True, variant]
    assert found["during"] == [True, variant, "assigned"]
    assert found["left"] is False
    assert found["without"] == [False, None, "plain"]
    assert found["after"] == [True, True]
    assert json.loads(found["kept"]) == []
    assert found["texts"] == ["exposure", "exposure", "buy"]
    assert {message for message, _ in found["problems"]} == {"the server does not answer"}
    assert checkout.counted(1, 1) == {"units": {variant: 1}, "bought": 1}


def test_a_busy_server_is_left_alone_for_as_long_as_it_says(page: Shop) -> None:
    found = page("waits")
    assert found["answers"] == [False, False, False, True]
    assert found["asked"] == 1
    assert len(found["ids"]) == 2
    assert len(set(found["ids"])) == 1


def test_definitions_come_again_only_when_they_changed(page: Shop) -> None:
    assert page("asksOnlyForChanges") == {"fresh": [True] * 3, "seen": [[False, 200]] + [[True, 304]] * 3}


def test_a_pause_reaches_the_page_and_a_closed_client_asks_no_more(page: Shop) -> None:
    assert page("keepsFresh") == {"reasons": ["assigned", "not_running"], "afterwards": 0}


def test_what_waits_for_a_dead_server_has_an_end(page: Shop) -> None:
    assert page("tooMany") == {"n": 5_000, "first": 2, "last": 5_001, "lost": 2}


def test_events_go_in_batches_that_the_server_takes(page: Shop) -> None:
    found = page("batches")
    assert found == {"sizes": [100, 100, 50], "places": list(range(250)), "problems": []}


def test_refused_events_are_told_and_the_others_arrive(page: Shop) -> None:
    found = page("refused")
    assert found["isEmpty"] is True
    codes = sorted(code for message, code in found["problems"] if message == "an event was refused")
    assert codes == ["invalid", "invalid", "unknown_experiment"]
    assert (len(found["problems"]), found["posts"]) == (3, 1)


def test_a_clock_a_day_ahead_loses_nothing(page: Shop) -> None:
    """The server's answers tell the time; where that cannot be read, it is the time at which the event arrives."""
    found = page("wrongClock")
    assert found["problems"] == []
    assert found["sent"] == [["told", True], ["untold", True], ["untold", False]]


def test_nothing_throws_into_the_page(page: Shop) -> None:
    nothing: list[Any] = [False, None, "plain", []]
    assert page("neverThrows") == [nothing, nothing, [True, None, "plain", []], nothing, [True, "assigned"]]


def test_a_unit_of_its_own_is_kept(page: Shop) -> None:
    first, second, other = page("anonymous")
    assert first == second
    assert len({first, other}) == 2
    assert len(first) == 32
