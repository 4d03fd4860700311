"""The assignment benchmark runs and ends as every benchmark does."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from bench.assignment import check

ROOT = Path(__file__).parents[2]


PEERS = ("eppo_client", "growthbook", "statsig_python_core")
WITHOUT_PEERS = f"""
import runpy, sys
sys.modules.update(dict.fromkeys({PEERS}))
sys.argv[1:] = ["--quick"]
runpy.run_path(r"{ROOT / "bench" / "assignment.py"}", run_name="__main__")
"""


@pytest.mark.slow
def test_the_last_line_is_one_json_object() -> None:
    command = [sys.executable, str(ROOT / "bench" / "assignment.py"), "--quick"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    last = json.loads(done.stdout.splitlines()[-1])
    assert last["bench"] == "assignment"
    assert last["ratios"]["time_vs_md5_floor"] > 0
    assert last["figures"]["us_assay"] > 0


@pytest.mark.slow
def test_peers_that_are_not_installed_are_left_out_with_a_word() -> None:
    command = [sys.executable, "-c", WITHOUT_PEERS]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    for name in ("eppo", "eppo_logged", "growthbook", "statsig"):
        assert f"{name} is left out: " in done.stdout
    ratios = json.loads(done.stdout.splitlines()[-1])["ratios"]
    assert set(ratios) == {"time_vs_md5_least", "time_vs_md5_floor", "time_vs_five_md5_floor"}


def test_a_peer_that_does_not_do_the_job_ends_the_benchmark() -> None:
    with pytest.raises(SystemExit, match="lazy does not do the job"):
        check("lazy", lambda unit, attributes: "control")
