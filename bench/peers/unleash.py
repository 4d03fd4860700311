"""Unleash's client in Python, on its Rust core."""

from __future__ import annotations

import json
from typing import Any

from bench.peers.job import COUNTRIES, KEY, KEYS, VARIANTS, Attributes, Peer


def unleash() -> Peer:
    """Its features from a cache in memory; nothing is registered, fetched or reported."""
    from UnleashClient.cache import BaseCache
    from UnleashClient.clients.unleash_client import UnleashClient
    from UnleashClient.constants import FEATURES_URL

    class Memory(BaseCache):
        """A cache that is ready from the start."""

        bootstrapped = True

        def __init__(self) -> None:
            self._values: dict[str, Any] = {FEATURES_URL: json.dumps(_features())}

        def set(self, key: str, value: Any) -> None:
            self._values[key] = value

        def mset(self, data: dict[str, Any]) -> None:
            self._values.update(data)

        def get(self, key: str, default: Any = None) -> Any:
            return self._values.get(key, default)

        def exists(self, key: str) -> bool:
            return key in self._values

        def destroy(self) -> None:
            self._values.clear()

    # A bootstrapped client answers without being initialised, which is what would start its polling.
    client = UnleashClient(
        url="http://127.0.0.1:9", app_name="bench", cache=Memory(), disable_metrics=True, disable_registration=True
    )
    get = client.get_variant

    def variant(key: str, context: dict[str, Any]) -> str | None:
        found = get(key, context)
        return found["name"] if found["enabled"] else None

    def one(unit: str, attributes: Attributes) -> str | None:
        return variant(KEY, {"userId": unit, "properties": attributes})

    def five(unit: str, attributes: Attributes) -> list[str | None]:
        context = {"userId": unit, "properties": attributes}
        return [variant(key, context) for key in KEYS]

    return Peer({"": one}, {"one by one": five})


def _features() -> dict[str, Any]:
    variants = [{"name": name, "weight": 500, "weightType": "variable", "stickiness": "userId"} for name in VARIANTS]
    constraint = {"contextName": "country", "operator": "IN", "values": list(COUNTRIES), "inverted": False}
    return {
        "version": 2,
        "features": [
            {
                "name": key,
                "type": "experiment",
                "project": "default",
                "enabled": True,
                "impressionData": False,
                "strategies": [
                    {
                        "name": "flexibleRollout",
                        "constraints": [constraint],
                        "parameters": {"rollout": "100", "stickiness": "userId", "groupId": key},
                        "variants": [],
                    }
                ],
                "variants": variants,
            }
            for key in KEYS
        ],
    }
