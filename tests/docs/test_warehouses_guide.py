"""The guide to one's own tables does what it says, on DuckDB."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import duckdb
import httpx
import pytest

from tests.docs.test_readme import ROOT, run
from tests.faults.nodes import running, until

GUIDE = (ROOT / "docs" / "guide" / "warehouses.md").read_text("utf-8")
(TOML,) = re.findall(r"```toml\n(.*?)```", GUIDE, flags=re.DOTALL)
SHELL = re.findall(r"```sh\n(.*?)```", GUIDE, flags=re.DOTALL)


@pytest.mark.slow
def test_results_come_from_the_tables(tmp_path: Path) -> None:
    with duckdb.connect(str(tmp_path / "own.duckdb")) as connection:
        connection.execute(
            "CREATE TABLE assignments AS SELECT i AS customer, 'checkout' AS test, now() AS first_seen,"
            " CASE WHEN i % 2 = 0 THEN 'control' ELSE 'green' END AS arm FROM range(100) AS t(i)"
        )
        connection.execute(
            "CREATE TABLE orders AS SELECT i % 60 AS customer, now() + INTERVAL 1 SECOND AS placed_at, 2.5 AS total,"
            " i % 60 AS order_id FROM range(120) AS t(i)"
        )
    file = tmp_path / "sources.toml"
    file.write_text(TOML.replace("duckdb://own.duckdb", f"duckdb://{tmp_path / 'own.duckdb'}"))
    body = {
        "id": "checkout",
        "name": "Checkout",
        "variants": [{"id": "control"}, {"id": "green"}],
        "primary_metric": {"name": "revenue", "type": "sum", "event": "purchase", "field": "revenue"},
    }
    folder = tmp_path / "data"
    with running(folder, environment={"ASSAY_SOURCES": str(file), "ANALYSIS_SECONDS": "0.2"}) as node:
        httpx.post(f"{node.url}/api/v1/experiments", json=body).raise_for_status()
        httpx.post(f"{node.url}/api/v1/experiments/checkout/start").raise_for_status()

        def results() -> dict[str, Any]:
            found: dict[str, Any] = httpx.get(f"{node.url}/api/v1/experiments/checkout/results").json()
            return found

        until(lambda: results().get("total_users_exposed") == 100)
        means = {item["variant_id"]: item["metrics"]["revenue"]["value"] for item in results()["variants"]}
        # Thirty of fifty units have one order each: repeats count once.
        assert means == {"control": 1.5, "green": 1.5}
        assert httpx.get(f"{node.url}/health").json()["parts"]["sources"] == "ok"
        for command in SHELL[0].strip().splitlines():
            printed = run(f"{command.replace('sources.toml', str(file))} --data {folder}")
            assert "assignments" in printed
            assert "-- moments: revenue" in printed
