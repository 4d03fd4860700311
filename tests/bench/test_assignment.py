"""The assignment benchmark runs and ends as every benchmark does."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_the_last_line_is_one_json_object() -> None:
    command = [sys.executable, str(ROOT / "bench" / "assignment.py"), "--quick"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    last = json.loads(done.stdout.splitlines()[-1])
    assert last["bench"] == "assignment"
    assert last["ratios"]["time_vs_md5_floor"] > 0
    assert last["figures"]["us_assay"] > 0
