"""`assay doctor` says what is used, and in words what does not answer."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from assay.adapters.duckdb_warehouse import DuckdbWarehouse


def doctor(folder: Path, *options: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "assay", "doctor", "--data", str(folder), *options]
    plain = {name: value for name, value in os.environ.items() if not name.endswith(("_URL", "_SERVERS"))}
    return subprocess.run(command, env=plain | environment, capture_output=True, text=True, timeout=120, check=False)


def test_the_embedded_stack_is_well(tmp_path: Path) -> None:
    done = doctor(tmp_path)
    assert done.returncode == 0, done.stderr
    for word in ("DATABASE_URL", "KAFKA_BOOTSTRAP_SERVERS", "WAREHOUSE_URL", "REDIS_URL", "SQLite", "DuckDB"):
        assert word in done.stdout
    assert "NO" not in done.stdout


def test_a_running_server_is_no_illness(tmp_path: Path) -> None:
    warehouse = DuckdbWarehouse(tmp_path / "warehouse.duckdb")
    done = doctor(tmp_path)
    warehouse.close()
    assert done.returncode == 0
    assert "which a running server holds" in done.stdout


def test_what_does_not_answer_is_named_without_its_password(tmp_path: Path) -> None:
    done = doctor(tmp_path, "--json", DATABASE_URL="postgresql://ann:secret@127.0.0.1:9/nothing")
    assert done.returncode == 1
    parts = {item["part"]: item for item in json.loads(done.stdout)["parts"]}
    assert "does not answer" in parts["definitions"]["problem"]
    assert parts["definitions"]["used"] == "postgresql://ann@127.0.0.1:9/nothing"
    assert parts["inbox"]["problem"] == ""
    assert "secret" not in done.stdout
