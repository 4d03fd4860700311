"""A live server with flags of every kind."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from tests.http.conftest import LiveServer, app, live

__all__ = ["app", "live"]

VALUES: dict[str, Any] = {
    "boolean": True,
    "string": "blue",
    "integer": 3,
    "float": 2.5,
    "whole-float": 1.0,
    "object": {"size": 2, "ratio": 1.5},
}
"""Flags by key, each with the value of both of its variants."""


@dataclass(frozen=True)
class Flags:
    """What has been set up, and a way to change it."""

    url: str

    def run(self, key: str, control: Any, green: Any, **changes: Any) -> None:
        """Start an experiment with these two configs."""
        body = {
            "id": key,
            "name": key,
            "variants": [{"id": "control", "config": control}, {"id": "green", "config": green}],
            "primary_metric": {"name": "bought", "type": "conversion", "event": "buy"},
            **changes,
        }
        self.post("/experiments", body)
        self.post(f"/experiments/{key}/start")

    def post(self, path: str, body: Any = None) -> Any:
        answer = httpx.post(f"{self.url}/api/v1{path}", json=body)
        assert answer.is_success, answer.text
        return answer.json()

    def variant(self, unit: str, key: str) -> str:
        """What assignment itself says."""
        request = {"user_id": unit, "experiments": [key], "log_exposure": False}
        (assigned,) = self.post("/experiments/assign", request)["assignments"]
        variant: str = assigned["variant_id"]
        return variant


@pytest.fixture
def flags(live: LiveServer) -> Flags:
    """One experiment per kind of value; `us` is for some only, `keys` has no configs, `paused` does not run."""
    found = Flags(live.url)
    for key, value in VALUES.items():
        config = value if isinstance(value, dict) else {"value": value}
        found.run(key, config, config)
    found.run("us", {"value": "blue"}, {"value": "green"}, targeting={"countries": ["US"]})
    found.run("keys", {}, {})
    found.run("paused", {"value": True}, {"value": False})
    found.post("/experiments/paused/pause")
    return found
