"""Generated requests against the OpenAPI document: nothing fails inside, nothing answers what is not documented."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.http.conftest import LiveServer

CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"


@pytest.mark.slow
def test_no_request_breaks_the_server_or_its_documentation(live: LiveServer, tmp_path: Path) -> None:
    command = [
        *(str(Path(sys.executable).with_name("schemathesis")), "run", f"{live.url}/api/openapi.json"),
        *("--phases", "coverage,fuzzing", "--max-examples", "15", "--seed", "1", "--checks", CHECKS),
        *("--generation-database", "none"),
    ]
    run = subprocess.run(command, capture_output=True, text=True, timeout=300, cwd=tmp_path, check=False)
    assert run.returncode == 0, run.stdout[-8_000:] + run.stderr[-2_000:]
    assert "Tested: " in run.stdout
