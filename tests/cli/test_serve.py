"""Starting a server that cannot start says why in one line."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

from assay.adapters.duckdb_warehouse import DuckdbWarehouse


def serve(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "assay", "serve", "--data", str(folder), *options]
    environment = os.environ | {"LOG_LEVEL": "ERROR"}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)


def test_a_data_folder_in_use(tmp_path: Path) -> None:
    warehouse = DuckdbWarehouse(tmp_path / "warehouse.duckdb")
    done = serve(tmp_path, "--port", "0")
    warehouse.close()
    assert done.returncode == 2
    assert "cannot be opened" in done.stderr
    assert "a data folder of its own" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_port_in_use(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = serve(tmp_path, "--port", str(taken.getsockname()[1]))
    assert done.returncode != 0
    assert "address already in use" in done.stderr + done.stdout


def test_a_setting_that_is_no_number(tmp_path: Path) -> None:
    environment = os.environ | {"API_PORT": "eight thousand"}
    command = [sys.executable, "-m", "assay", "serve", "--data", str(tmp_path)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert "API_PORT" in done.stderr
