"""The same experiment in other SDKs: two even variants for units in three countries, nothing for the others.

Each factory returns a function (unit, attributes) → variant name or None. No peer needs a network: each is given
its configuration in memory.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

Attributes = dict[str, Any]
Decide = Callable[[str, Attributes], str | None]

KEY, SALT = "checkout-button", "1"
COUNTRIES = ("US", "CA", "GB")
VARIANTS = ("control", "treatment")


def bare_md5() -> Decide:
    """The floor: the same hash, two buckets in whole numbers, audience, variant, and nothing else."""
    from assay.assignment.digest import md5

    countries, suffix, half = frozenset(COUNTRIES), f":{KEY}:{SALT}", 500_000

    def decide(unit: str, attributes: Attributes) -> str | None:
        if attributes.get("country") not in countries:
            return None
        digest = md5((unit + suffix).encode()).digest()
        if (int.from_bytes(digest[4:8], "big") * 1_000_000) >> 32 >= 1_000_000:
            return None
        bucket = (int.from_bytes(digest[:4], "big") * 1_000_000) >> 32
        return "control" if bucket < half else "treatment"

    return decide


def least() -> Decide:
    """Less than the floor: traffic is not looked at, and one comparison of bytes chooses."""
    from assay.assignment.digest import md5

    countries, suffix, half = frozenset(COUNTRIES), f":{KEY}:{SALT}", (2**31).to_bytes(4, "big")

    def decide(unit: str, attributes: Attributes) -> str | None:
        if attributes.get("country") not in countries:
            return None
        return "control" if md5((unit + suffix).encode()).digest() < half else "treatment"

    return decide


def definition(key: str = KEY) -> Any:
    """The experiment as Assay defines it."""
    from assay.model.audience import Attribute, Audience, Operator
    from assay.model.experiment import Experiment, Variant
    from assay.model.lifecycle import Stage

    return Experiment(
        key=key,
        name=key,
        salt=SALT,
        stage=Stage.RUNNING,
        audience=Audience(Attribute("country", Operator.IN, COUNTRIES)),
        variants=tuple(Variant(key=name, weight=500_000, control=name == "control") for name in VARIANTS),
    )


def assay() -> Decide:
    """Ours, with the reason and everything an exposure needs in the decision."""
    from assay.assignment.evaluate import evaluate
    from assay.assignment.snapshot import compile_snapshot

    snapshot, now, keys = compile_snapshot([definition()], 1), datetime.now(timezone.utc), (KEY,)

    def decide(unit: str, attributes: Attributes) -> str | None:
        return evaluate(snapshot, unit, attributes, now, keys)[0].variant

    return decide


def assay_logged() -> Decide:
    """Ours, and the exposure written as the line that goes to the inbox."""
    from assay.assignment.evaluate import evaluate
    from assay.assignment.snapshot import compile_snapshot
    from assay.service.eventlines import exposure_line

    snapshot, now, keys = compile_snapshot([definition()], 1), datetime.now(timezone.utc), (KEY,)

    def decide(unit: str, attributes: Attributes) -> str | None:
        (decision,) = evaluate(snapshot, unit, attributes, now, keys)
        if decision.variant is not None:
            exposure_line(unit, KEY, decision.variant, now, attributes)
        return decision.variant

    return decide


def eppo(*, logged: bool) -> Decide:
    """Eppo's client on its Rust core. logged: with an assignment logger that does nothing."""
    import eppo_client

    class Logger(eppo_client.AssignmentLogger):
        def log_assignment(self, event: dict[str, Any]) -> None:
            """Nothing: only the call is paid for."""

    splits = [
        {"variationKey": name, "shards": [{"salt": "s", "ranges": [{"start": i * 5_000, "end": (i + 1) * 5_000}]}]}
        for i, name in enumerate(VARIANTS)
    ]
    rules = [{"conditions": [{"attribute": "country", "operator": "ONE_OF", "value": list(COUNTRIES)}]}]
    flag = {
        "key": KEY,
        "enabled": True,
        "variationType": "STRING",
        "variations": {name: {"key": name, "value": name} for name in VARIANTS},
        "allocations": [{"key": "all", "rules": rules, "splits": splits, "doLog": logged}],
        "totalShards": 10_000,
    }
    document = {
        "createdAt": "2026-01-01T00:00:00.000Z",
        "format": "SERVER",
        "environment": {"name": "bench"},
        "flags": {KEY: flag},
    }
    configuration = eppo_client.Configuration(flags_configuration=json.dumps(document).encode())
    client = eppo_client.init(
        eppo_client.ClientConfig(
            api_key="none",
            base_url="http://127.0.0.1:9",
            assignment_logger=Logger(),
            initial_configuration=configuration,
            poll_interval_seconds=None,
        )
    )

    def decide(unit: str, attributes: Attributes) -> str | None:
        return client.get_string_assignment(KEY, unit, attributes, "") or None

    return decide


def growthbook() -> Decide:
    """GrowthBook at its fastest: one instance told of each unit, where its guide makes one per request."""
    from growthbook import GrowthBook

    rule = {
        "key": KEY,
        "hashAttribute": "id",
        "hashVersion": 2,
        "seed": KEY,
        "coverage": 1.0,
        "weights": [0.5, 0.5],
        "condition": {"country": {"$in": list(COUNTRIES)}},
        "variations": list(VARIANTS),
    }
    client = GrowthBook(features={KEY: {"defaultValue": "", "rules": [rule]}})

    def decide(unit: str, attributes: Attributes) -> str | None:
        client.set_attributes({"id": unit, **attributes})
        return client.eval_feature(KEY).value or None

    return decide


def statsig() -> Decide:
    """Statsig's Rust core, its specifications handed over by a data store, without network and logging."""
    from statsig_python_core import DataStore, DataStoreResponse, Statsig, StatsigOptions, StatsigUser

    specs = json.dumps(_statsig_specs())

    class Store(DataStore):
        def get(self, key: str) -> DataStoreResponse:
            return DataStoreResponse(result=specs, time=1)

    store = Store()  # type: ignore[no-untyped-call]
    options = StatsigOptions(data_store=store, disable_network=True, disable_all_logging=True, output_log_level="error")
    client = Statsig("secret-none", options)
    client.initialize().wait()

    def decide(unit: str, attributes: Attributes) -> str | None:
        user = StatsigUser(unit, country=attributes["country"])
        return client.get_experiment(user, KEY).get_string("variant", "") or None

    return decide


def _statsig_specs() -> dict[str, Any]:
    def rule(name: str, condition: str, value: dict[str, str], *, group: bool) -> dict[str, Any]:
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

    bucket = {"type": "user_bucket", "operator": "lt", "field": None, "idType": "userID"}
    conditions = {
        "elsewhere": {
            "type": "user_field",
            "operator": "none",
            "field": "country",
            "targetValue": list(COUNTRIES),
            "idType": "userID",
        },
        "half": {**bucket, "targetValue": 500, "additionalValues": {"salt": KEY}},
        "whole": {**bucket, "targetValue": 1000, "additionalValues": {"salt": KEY}},
    }
    experiment = {
        "type": "dynamic_config",
        "salt": KEY,
        "enabled": True,
        "isActive": True,
        "hasSharedParams": False,
        "defaultValue": {},
        "idType": "userID",
        "entity": "experiment",
        "explicitParameters": [],
        "rules": [
            rule("elsewhere", "elsewhere", {}, group=False),
            rule("control", "half", {"variant": "control"}, group=True),
            rule("treatment", "whole", {"variant": "treatment"}, group=True),
        ],
    }
    return {
        "has_updates": True,
        "time": 1,
        "dynamic_configs": {KEY: experiment},
        "feature_gates": {},
        "layer_configs": {},
        "experiment_to_layer": {},
        "condition_map": conditions,
    }


PEERS: dict[str, Callable[[], Decide]] = {
    "md5_least": least,
    "md5_floor": bare_md5,
    "assay": assay,
    "assay_logged": assay_logged,
    "eppo": lambda: eppo(logged=False),
    "eppo_logged": lambda: eppo(logged=True),
    "growthbook": growthbook,
    "statsig": statsig,
}
