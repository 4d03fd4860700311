"""The same events as Assay keeps them and as other people do: other names, times and tables."""

from __future__ import annotations

import json
import random
from datetime import datetime, timezone
from typing import Any

from assay.adapters.memory_warehouse import MemoryWarehouse
from assay.model.sources import Sources, read_sources
from assay.ports import InboxBatch
from tests.contract.test_warehouse import generated

TYPES = {
    "exposures": {"person": "text", "test": "text", "arm": "text", "seen": "time"},
    "orders": {
        "buyer": "text",
        "order": "text",
        "placed": "time",
        "total": "number",
        "weight": "number",
        "for": "text",
    },
    "logs": {"person": "text", "what": "text", "ms": "whole", "took": "number", "huge": "number", "money": "number"},
}
"""Tables with their columns; `order` and `for` are words of SQL."""


def sources(url: str, prefix: str = "") -> Sources:
    """What says where things are: orders in a table of their own, with repeats; everything else in another."""
    return read_sources(
        {
            "url": url,
            "exposures": {
                "table": f"{prefix}exposures",
                "unit": "person",
                "experiment": "test",
                "variant": "arm",
                "at": "seen",
            },
            "events": [
                {
                    "table": f"{prefix}orders",
                    "type": "buy",
                    "unit": "buyer",
                    "at": "placed",
                    "id": "order",
                    "experiment": "for",
                    "fields": {"revenue": "total", "huge": "weight"},
                },
                {
                    "table": f"{prefix}logs",
                    "type_column": "what",
                    "unit": "person",
                    "at": "ms",
                    "time": "us",
                    "fields": {"seconds": "took", "huge": "huge", "revenue": "money"},
                },
            ],
        }
    )


def rows(seed: int, n_units: int = 100) -> tuple[dict[str, list[tuple[Any, ...]]], MemoryWarehouse]:
    """Rows of the tables, some repeated, some without unit or time, some amounts infinite; and the oracle of them."""
    rng = random.Random(seed)
    tables: dict[str, list[tuple[Any, ...]]] = {name: [] for name in TYPES}
    kept, seen = [], set()
    for line in generated(seed, n_units):
        event = json.loads(line)
        at, metrics = event["occurred_at"], dict(event["metrics"])
        moment = datetime.fromtimestamp(at / 1e6, timezone.utc).replace(microsecond=at % 1_000_000)
        if event["variant"] is not None:
            tables["exposures"].append((event["unit"], event["experiment"], event["variant"], moment))
            kept.append(line)
        elif event["type"] == "buy":
            metrics.pop("seconds", None)
            named = event["experiment"] or None
            row = (event["unit"], event["key"], moment, metrics.get("revenue"), metrics.get("huge"), named)
            tables["orders"] += [row] * rng.choice((1, 1, 2))
            kept.append(json.dumps({**event, "metrics": metrics}).encode())
        elif event["key"] not in seen:
            # No experiment is named in this table, and nothing tells repeats apart.
            seen.add(event["key"])
            took = metrics.get("seconds")
            tables["logs"].append((event["unit"], event["type"], at, took, metrics.get("huge"), metrics.get("revenue")))
            kept.append(json.dumps({**event, "experiment": ""}).encode())
    somebody = next(row[0] for row in tables["exposures"])
    tables["orders"].append((None, "x", tables["orders"][0][2], 5.0, None, None))
    tables["orders"].append((somebody, "y", None, 5.0, None, None))
    for amount in (float("inf"), float("-inf"), float("nan")):
        tables["logs"].append((somebody, "other", tables["logs"][0][2], amount, None, None))
    tables["exposures"].append((None, "one", "a", tables["exposures"][0][3]))
    oracle = MemoryWarehouse()
    oracle.load(InboxBatch(tuple(kept), 1))
    return tables, oracle
