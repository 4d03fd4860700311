"""`assay.assign`: dataframes and files, as a server would assign them."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path

import httpx
import pandas as pd
import pytest

import assay
from assay.errors import AssayError, InvalidInput, NotFound
from tests.http.conftest import LiveServer, app, live

__all__ = ["app", "live"]
NOW = datetime(2026, 2, 5, tzinfo=timezone.utc)


@pytest.fixture
def started(live: LiveServer) -> str:
    body = {
        "id": "checkout",
        "name": "checkout",
        "variants": [{"id": "control"}, {"id": "green"}],
        "primary_metric": {"name": "bought", "type": "conversion", "event": "buy"},
        "audience": {
            "and": [
                {"attribute": "age", "op": "gte", "value": 18},
                {"attribute": "tags", "op": "contains", "value": "a"},
            ]
        },
    }
    with httpx.Client(base_url=f"{live.url}/api/v1", trust_env=False) as client:
        client.post("/experiments", json=body).raise_for_status()
        client.post("/experiments/checkout/start").raise_for_status()
    return live.url


@pytest.fixture
def units() -> pd.DataFrame:
    rows = [(f"u{i}", i % 40, ["a", "b"] if i % 2 else ["b"]) for i in range(1_000)]
    return pd.DataFrame(rows, columns=["user", "age", "tags"])


def test_a_dataframe_in_its_order(started: str, units: pd.DataFrame, tmp_path: Path) -> None:
    found = assay.assign(units, "checkout", unit="user", source=started, keep=["age"], now=NOW)
    assert list(found.columns) == ["user", "age", "variant", "reason"]
    assert list(found.user) == list(units.user)
    for i in (0, 17, 39, 59, 999):
        row = units.iloc[i]
        asked = {"user_id": row.user, "context": {"age": int(row.age), "tags": row.tags}, "experiments": ["checkout"]}
        answer = httpx.post(f"{started}/api/v1/experiments/assign", json=asked, trust_env=False).json()["assignments"][
            0
        ]
        told = found.iloc[i]
        assert (answer["variant_id"], answer["reason"]) == (
            told.variant if told.variant == told.variant else None,
            told.reason,
        )
    again = assay.assign(units, "checkout", unit="user", source=tmp_path / "data", now=NOW)
    assert list(again.variant.fillna("")) == list(found.variant.fillna(""))


def test_a_file(started: str, units: pd.DataFrame, tmp_path: Path) -> None:
    output = tmp_path / "assigned.parquet"
    counts = assay.assign(units, "checkout", unit="user", source=started, output=output)
    written = pd.read_parquet(output)
    assert len(written) == sum(counts.values()) == 1_000
    assert counts["control", "assigned"] == (written.variant == "control").sum() > 100


def test_what_is_wrong_is_named(started: str, units: pd.DataFrame, tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="known: user, age, tags"):
        assay.assign(units, "checkout", unit="nobody", source=started)
    with pytest.raises(InvalidInput, match="kinds: given"):
        assay.assign(units, "checkout", unit="user", source=started, kinds={"age": "years"})
    with pytest.raises(InvalidInput, match="now: given"):
        assay.assign(units, "checkout", unit="user", source=started, now=datetime(2026, 2, 5))  # noqa: DTZ001
    with pytest.raises(NotFound, match="data folder"):
        assay.assign(units, "checkout", unit="user", source=tmp_path / "nothing")
    with pytest.raises(AssayError, match="no answer"):
        assay.assign(units, "checkout", unit="user", source="http://127.0.0.1:9")
