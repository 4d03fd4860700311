"""GrowthBook's client, in Python."""

from __future__ import annotations

from bench.peers.job import COUNTRIES, KEY, KEYS, VARIANTS, Attributes, Peer


def growthbook() -> Peer:
    """At its fastest: one instance told of each unit, where its guide makes one per request. Nothing is tracked."""
    from growthbook import GrowthBook

    rules = {
        key: {
            "key": key,
            "hashAttribute": "id",
            "hashVersion": 2,
            "seed": key,
            "coverage": 1.0,
            "weights": [0.5, 0.5],
            "condition": {"country": {"$in": list(COUNTRIES)}},
            "variations": list(VARIANTS),
        }
        for key in KEYS
    }
    client = GrowthBook(features={key: {"defaultValue": "", "rules": [rule]} for key, rule in rules.items()})

    def one(unit: str, attributes: Attributes) -> str | None:
        client.set_attributes({"id": unit, **attributes})
        return client.eval_feature(KEY).value or None

    def five(unit: str, attributes: Attributes) -> list[str | None]:
        client.set_attributes({"id": unit, **attributes})
        return [client.eval_feature(key).value or None for key in KEYS]

    return Peer({"": one}, {"told of the unit once": five})
