"""Optimizely's client, in Python."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from bench.peers.job import COUNTRIES, KEY, KEYS, VARIANTS, Attributes, Peer


class _NoEvents:
    """An event processor that drops what it is given."""

    def process(self, user_event: object) -> None:
        """Nothing."""


def optimizely() -> Peer:
    """Both its interfaces, with reasons left out, and no event made or sent."""
    from optimizely.decision.optimizely_decide_option import OptimizelyDecideOption
    from optimizely.helpers.sdk_settings import OptimizelySdkSettings
    from optimizely.optimizely import Optimizely

    client = Optimizely(
        datafile=json.dumps(_datafile()),
        event_processor=_NoEvents(),  # type: ignore[arg-type]
        default_decide_options=[
            OptimizelyDecideOption.DISABLE_DECISION_EVENT,
            OptimizelyDecideOption.EXCLUDE_VARIABLES,
            OptimizelyDecideOption.IGNORE_USER_PROFILE_SERVICE,
        ],
        settings=OptimizelySdkSettings(odp_disabled=True),
    )
    if not client.is_valid:
        raise SystemExit("optimizely refused its datafile")
    get: Callable[..., str | None] = client.get_variation
    context: Any = client.create_user_context
    keys = list(KEYS)

    def one(unit: str, attributes: Attributes) -> str | None:
        return get(KEY, unit, attributes)

    def one_decided(unit: str, attributes: Attributes) -> str | None:
        found: str | None = context(unit, attributes).decide(KEY).variation_key
        return found

    def five(unit: str, attributes: Attributes) -> list[str | None]:
        return [get(key, unit, attributes) for key in KEYS]

    def five_decided(unit: str, attributes: Attributes) -> list[str | None]:
        decisions = context(unit, attributes).decide_for_keys(keys)
        return [decisions[key].variation_key for key in KEYS]

    return Peer(
        {"get_variation": one, "decide": one_decided},
        {"get_variation, one by one": five, "decide_for_keys": five_decided},
    )


def _datafile() -> dict[str, Any]:
    match = {"type": "custom_attribute", "name": "country", "match": "exact"}
    conditions = ["and", ["or", ["or", *({**match, "value": country} for country in COUNTRIES)]]]
    return {
        "version": "4",
        "revision": "1",
        "projectId": "1",
        "accountId": "1",
        "anonymizeIP": True,
        "botFiltering": False,
        "attributes": [{"id": "country", "key": "country"}],
        "audiences": [{"id": "countries", "name": "countries", "conditions": '["or"]'}],
        "typedAudiences": [{"id": "countries", "name": "countries", "conditions": conditions}],
        "events": [],
        "groups": [],
        "rollouts": [],
        "variables": [],
        "experiments": [_experiment(key) for key in KEYS],
        "featureFlags": [
            {"id": f"flag-{key}", "key": key, "rolloutId": "", "experimentIds": [key], "variables": []} for key in KEYS
        ],
    }


def _experiment(key: str) -> dict[str, Any]:
    return {
        "id": key,
        "key": key,
        "layerId": f"layer-{key}",
        "status": "Running",
        "audienceIds": ["countries"],
        "audienceConditions": ["or", "countries"],
        "forcedVariations": {},
        "trafficAllocation": [
            {"entityId": f"{key}-{name}", "endOfRange": (i + 1) * 5_000} for i, name in enumerate(VARIANTS)
        ],
        "variations": [
            {"id": f"{key}-{name}", "key": name, "featureEnabled": True, "variables": []} for name in VARIANTS
        ],
    }
