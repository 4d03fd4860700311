"""Eppo's client on its Rust core."""

from __future__ import annotations

import json
from typing import Any

from bench.peers.job import COUNTRIES, KEY, KEYS, VARIANTS, Attributes, Peer


def eppo(*, logged: bool) -> Peer:
    """logged: with an assignment logger that does nothing, so that only its event and the call are paid for."""
    import eppo_client

    class Logger(eppo_client.AssignmentLogger):
        def log_assignment(self, event: dict[str, Any]) -> None:
            """Nothing."""

    document = {
        "createdAt": "2026-01-01T00:00:00.000Z",
        "format": "SERVER",
        "environment": {"name": "bench"},
        "flags": {key: _flag(key, logged) for key in KEYS},
    }
    client = eppo_client.init(
        eppo_client.ClientConfig(
            api_key="none",
            base_url="http://127.0.0.1:9",
            assignment_logger=Logger(),
            initial_configuration=eppo_client.Configuration(flags_configuration=json.dumps(document).encode()),
            poll_interval_seconds=None,
        )
    )
    get = client.get_string_assignment

    def one(unit: str, attributes: Attributes) -> str | None:
        return get(KEY, unit, attributes, "") or None

    def five(unit: str, attributes: Attributes) -> list[str | None]:
        return [get(key, unit, attributes, "") or None for key in KEYS]

    return Peer({"": one}, {"one by one": five})


def _flag(key: str, logged: bool) -> dict[str, Any]:
    splits = [
        {"variationKey": name, "shards": [{"salt": key, "ranges": [{"start": i * 5_000, "end": (i + 1) * 5_000}]}]}
        for i, name in enumerate(VARIANTS)
    ]
    rules = [{"conditions": [{"attribute": "country", "operator": "ONE_OF", "value": list(COUNTRIES)}]}]
    return {
        "key": key,
        "enabled": True,
        "variationType": "STRING",
        "variations": {name: {"key": name, "value": name} for name in VARIANTS},
        "allocations": [{"key": "all", "rules": rules, "splits": splits, "doLog": logged}],
        "totalShards": 10_000,
    }
