"""LaunchDarkly's server-side client, in Python."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

from bench.peers.job import COUNTRIES, KEY, KEYS, VARIANTS, Attributes, Peer


def launchdarkly() -> Peer:
    """Its flags from a file, read once; events off. Its own offline mode would answer nothing but defaults."""
    import ldclient
    from ldclient.config import Config
    from ldclient.integrations import Files

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "flags.json"
        path.write_text(json.dumps({"flags": {key: _flag(key) for key in KEYS}}))
        source = Files.new_data_source(paths=[str(path)])
        client = ldclient.LDClient(Config("none", update_processor_class=source, send_events=False))
    if not client.is_initialized():
        raise SystemExit("launchdarkly did not read its flags")
    builder, variation = ldclient.Context.builder, client.variation
    all_flags: Any = client.all_flags_state

    def one(unit: str, attributes: Attributes) -> str | None:
        context = builder(unit).set("country", attributes["country"]).build()
        return variation(KEY, context, "") or None

    def five(unit: str, attributes: Attributes) -> list[str | None]:
        context = builder(unit).set("country", attributes["country"]).build()
        return [variation(key, context, "") or None for key in KEYS]

    def five_at_once(unit: str, attributes: Attributes) -> list[str | None]:
        value = all_flags(builder(unit).set("country", attributes["country"]).build()).get_flag_value
        return [value(key) or None for key in KEYS]

    return Peer({"": one}, {"one by one": five, "all at once": five_at_once})


def _flag(key: str) -> dict[str, Any]:
    halves = [{"variation": i, "weight": 50_000} for i in range(len(VARIANTS))]
    clause = {"contextKind": "user", "attribute": "country", "op": "in", "values": list(COUNTRIES)}
    return {
        "key": key,
        "version": 1,
        "on": True,
        "salt": key,
        "variations": [*VARIANTS, ""],
        "offVariation": len(VARIANTS),
        "fallthrough": {"variation": len(VARIANTS)},
        "rules": [{"id": "all", "clauses": [clause], "rollout": {"contextKind": "user", "variations": halves}}],
    }
