"""The OpenFeature provider, used through the published SDK: it says what the server's own flags say."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.http.conftest import LiveServer, app, live
from tests.sdk.server import URL, Told
from tests.sdk.test_client import DOCUMENT
from tests.sdk.test_hostile import Gated
from tests.sdk.test_live import until

api = pytest.importorskip("openfeature.api", reason="openfeature-sdk is not installed: make test installs it")

from openfeature.evaluation_context import EvaluationContext  # noqa: E402
from openfeature.event import ProviderEvent  # noqa: E402
from openfeature.exception import ProviderNotReadyError  # noqa: E402
from openfeature.provider import ProviderStatus  # noqa: E402
from openfeature.track import TrackingEventDetails  # noqa: E402

from assay.openfeature import AssayProvider  # noqa: E402
from assay.sdk import Client  # noqa: E402

__all__ = ["app", "live"]
VALUES: dict[str, list[Any]] = {
    "boolean": [False, True],
    "string": ["blue", "green"],
    "integer": [1, 2],
    "float": [1.0, 2.5],
    "object": [{"a": 1, "b": []}, {"a": 2, "b": []}],
}
READERS = {
    "boolean": ("get_boolean_details", False),
    "string": ("get_string_details", "none"),
    "integer": ("get_integer_details", 0),
    "float": ("get_float_details", 0.0),
    "object": ("get_object_details", {}),
}


@pytest.fixture
def flags(live: LiveServer) -> str:
    with httpx.Client(base_url=f"{live.url}/api/v1", trust_env=False) as http:
        for key, (control, green) in VALUES.items():
            config = (lambda v: v) if key == "object" else (lambda v: {"value": v})
            body = {
                "id": key,
                "name": key,
                "variants": [{"id": "control", "config": config(control)}, {"id": "green", "config": config(green)}],
                "primary_metric": {"name": "bought", "type": "conversion", "event": "buy"},
                "audience": {"attribute": "country", "op": "ne", "value": "DE"},
                "forced": {"qa": "green"},
            }
            http.post("/experiments", json=body).raise_for_status()
            http.post(f"/experiments/{key}/start").raise_for_status()
        http.post("/experiments/integer/pause").raise_for_status()
    return live.url


@pytest.fixture
def client(flags: str) -> Iterator[Any]:
    api.set_provider_and_wait(AssayProvider(Client(flags)))
    yield api.get_client()
    api.clear_providers()


def test_it_says_what_the_server_says(client: Any, flags: str) -> None:
    for key, (reader, default) in READERS.items():
        for unit, country in [(f"u{n}", "US") for n in range(6)] + [("u1", "DE"), ("qa", "US")]:
            asked = {"context": {"targetingKey": unit, "country": country}}
            told = httpx.post(f"{flags}/ofrep/v1/evaluate/flags/{key}", json=asked, trust_env=False).json()
            found = getattr(client, reader)(key, default, EvaluationContext(unit, {"country": country}))
            assert (found.error_code, found.error_message) == (None, None)
            assert (found.value, found.variant, found.reason) == (told["value"], told["variant"], told["reason"])
            assert found.flag_metadata == told["metadata"]
            assert type(found.value) is type(told["value"])


def test_errors_are_the_standard_ones_and_the_servers(client: Any, flags: str) -> None:
    ann = EvaluationContext("ann", {"country": "US"})
    for key, default, context, code in (
        ("nothing", True, ann, "FLAG_NOT_FOUND"),
        ("string", True, ann, "TYPE_MISMATCH"),
        ("boolean", True, EvaluationContext(None, {}), "TARGETING_KEY_MISSING"),
        ("nothing", True, EvaluationContext(None, {}), "TARGETING_KEY_MISSING"),
        ("boolean", True, EvaluationContext("x" * 20_001), "INVALID_CONTEXT"),
    ):
        found = client.get_boolean_details(key, default, context)
        assert (found.value, found.error_code.value, found.reason) == (default, code, "ERROR")
        if code != "TYPE_MISMATCH":
            asked = {"context": {"targetingKey": context.targeting_key, **context.attributes}}
            told = httpx.post(f"{flags}/ofrep/v1/evaluate/flags/{key}", json=asked, trust_env=False).json()
            assert told["errorCode"] == code


def make(told: Told, *, wait: bool = True) -> tuple[Client, Any]:
    sdk = Client(URL, transport=told, refresh_seconds=80_000, flush_seconds=80_000, on_error=lambda *_: None)
    (api.set_provider_and_wait if wait else api.set_provider)(AssayProvider(sdk, ready_seconds=0.2))
    return sdk, api.get_client()


def test_only_who_gets_the_value_is_exposed() -> None:
    told = Told(DOCUMENT)
    sdk, client = make(told)
    ann = EvaluationContext("ann", {"country": "US"})
    assert client.get_object_value("checkout", {}, ann)["colour"] in ("blue", "green")
    assert client.get_boolean_value("checkout", True, EvaluationContext("bob")) is True
    client.track("buy", ann, TrackingEventDetails(9.5, {"items": 2, "page": "cart"}))
    assert sdk.flush()
    exposure, bought = told.events
    assert (exposure["user_id"], exposure["event_type"]) == ("ann", "exposure")
    assert (bought["event_type"], bought["value"], bought["metrics"]) == ("buy", 9.5, {"items": 2.0})
    assert bought["properties"] == {"page": "cart"}
    api.clear_providers()
    assert sdk._link.closed


def test_without_definitions_it_is_not_ready() -> None:
    sdk, client = make(Told(None), wait=False)
    found = client.get_string_details("checkout", "blue", EvaluationContext("ann"))
    assert (found.value, found.error_code.value) == ("blue", "PROVIDER_NOT_READY")
    api.clear_providers()
    sdk.close()


def test_events_of_the_provider() -> None:
    told = Told(DOCUMENT)
    sdk, client = make(told)
    seen: list[str] = []
    for event in (ProviderEvent.PROVIDER_STALE, ProviderEvent.PROVIDER_CONFIGURATION_CHANGED):
        client.add_handler(event, lambda details, name=event.name: seen.append(name))
    told.answers["/api/v1/snapshot"] = [OSError("gone")]
    assert not sdk.refresh()
    told.document, told.tag = {**DOCUMENT, "version": 2}, '"2"'
    assert sdk.refresh()
    until(lambda: set(seen) == {"PROVIDER_STALE", "PROVIDER_CONFIGURATION_CHANGED"})
    api.clear_providers()


def test_definitions_that_come_late_make_it_ready() -> None:
    gated = Gated("GET")
    sdk = Client(URL, transport=gated, refresh_seconds=80_000, flush_seconds=80_000, on_error=lambda *_: None)
    with pytest.raises(ProviderNotReadyError):
        api.set_provider_and_wait(AssayProvider(sdk, ready_seconds=0.01))
    client = api.get_client()
    assert client.get_provider_status() is ProviderStatus.ERROR
    gated.gate.set()
    until(lambda: client.get_provider_status() is ProviderStatus.READY)
    assert client.get_object_details("checkout", {}, EvaluationContext("ann")).reason == "SPLIT"
    api.clear_providers()


def test_an_object_is_the_callers_own() -> None:
    _, client = make(Told(DOCUMENT))
    found = client.get_object_value("checkout", {}, EvaluationContext("qa"))
    found["colour"] = "mine"
    assert client.get_object_value("checkout", {}, EvaluationContext("qa")) == {"colour": "green"}
    api.clear_providers()


def test_numbers_that_no_float_holds_are_no_metrics() -> None:
    sdk, client = make(Told(DOCUMENT))
    client.track("buy", EvaluationContext("ann"), TrackingEventDetails(1, {"huge": 10**400, "fine": 2}))
    (line,) = sdk._link.outbox.batch()
    event = json.loads(line)
    assert (event["metrics"], event["properties"], event["value"]) == ({"fine": 2.0}, {"huge": 10**400}, 1)
    api.clear_providers()
