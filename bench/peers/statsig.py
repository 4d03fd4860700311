"""Statsig's client in Python, on its Rust core."""

from __future__ import annotations

import json
from typing import Any

from bench.peers.job import COUNTRIES, KEY, KEYS, Attributes, Peer


def statsig() -> Peer:
    """Its specifications handed over by a data store; without network and logging."""
    from statsig_python_core import DataStore, DataStoreResponse, Statsig, StatsigOptions, StatsigUser

    specs = json.dumps(_specs())

    class Store(DataStore):
        def get(self, key: str) -> DataStoreResponse:
            return DataStoreResponse(result=specs, time=1)

    store = Store()  # type: ignore[no-untyped-call]
    options = StatsigOptions(data_store=store, disable_network=True, disable_all_logging=True, output_log_level="error")
    client = Statsig("secret-none", options)
    client.initialize().wait()
    get = client.get_experiment

    def one(unit: str, attributes: Attributes) -> str | None:
        user = StatsigUser(unit, country=attributes["country"])
        return get(user, KEY).get_string("variant", "") or None

    def five(unit: str, attributes: Attributes) -> list[str | None]:
        user = StatsigUser(unit, country=attributes["country"])
        return [get(user, key).get_string("variant", "") or None for key in KEYS]

    return Peer({"": one}, {"one by one": five})


def _specs() -> dict[str, Any]:
    elsewhere = {
        "type": "user_field",
        "operator": "none",
        "field": "country",
        "targetValue": list(COUNTRIES),
        "idType": "userID",
    }
    conditions: dict[str, Any] = {"elsewhere": elsewhere}
    for key in KEYS:
        bucket = {"type": "user_bucket", "operator": "lt", "field": None, "idType": "userID"}
        bucket["additionalValues"] = {"salt": key}  # type: ignore[assignment]
        conditions |= {f"half-{key}": {**bucket, "targetValue": 500}, f"whole-{key}": {**bucket, "targetValue": 1000}}
    return {
        "has_updates": True,
        "time": 1,
        "dynamic_configs": {key: _experiment(key) for key in KEYS},
        "feature_gates": {},
        "layer_configs": {},
        "experiment_to_layer": {},
        "condition_map": conditions,
    }


def _experiment(key: str) -> dict[str, Any]:
    rules = [
        _rule("elsewhere", "elsewhere", {}, group=False),
        _rule("control", f"half-{key}", {"variant": "control"}, group=True),
        _rule("treatment", f"whole-{key}", {"variant": "treatment"}, group=True),
    ]
    return {
        "type": "dynamic_config",
        "salt": key,
        "enabled": True,
        "isActive": True,
        "hasSharedParams": False,
        "defaultValue": {},
        "idType": "userID",
        "entity": "experiment",
        "explicitParameters": [],
        "rules": rules,
    }


def _rule(name: str, condition: str, value: dict[str, str], *, group: bool) -> dict[str, Any]:
    return {
        "name": name,
        "groupName": name,
        "id": name,
        "salt": name,
        "passPercentage": 100,
        "conditions": [condition],
        "returnValue": value,
        "idType": "userID",
        "isExperimentGroup": group,
    }
