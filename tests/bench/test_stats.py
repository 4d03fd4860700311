"""The benchmark of the statistics runs, checks itself, and ends as every benchmark does; without its peers too."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from bench.peers.moments_job import KINDS, N_ARMS, arms
from bench.stats import agree, one_by_one, prepared, together

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_the_last_line_is_one_json_object() -> None:
    command = [sys.executable, str(ROOT / "bench" / "stats.py"), "--quick"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=180, check=False)
    assert done.returncode == 0, done.stderr
    last = json.loads(done.stdout.splitlines()[-1])
    assert last["bench"] == "stats"
    assert {"time_vs_duckdb_floor", "time_vs_duckdb_variances", "by_unit_time_vs_duckdb_floor"} <= set(last["ratios"])
    assert {f"us_{kind}" for kind in KINDS} | {"ms_ours", "ms_sums"} <= set(last["figures"])
    assert all(value > 0 for value in (*last["ratios"].values(), *last["figures"].values()))


@pytest.mark.parametrize("kind", KINDS)
def test_one_by_one_and_together_find_the_same(kind: str) -> None:
    jobs = [job[kind] for job in arms()]
    test = one_by_one(kind)
    alone = [test(*prepared(kind, numbers)).p_value for numbers in jobs]
    many = together(kind, jobs)().p_value[:N_ARMS]
    assert many == pytest.approx(alone, rel=1e-9)


def test_a_peer_that_does_another_job_stops_the_run() -> None:
    agree("peer", "mean", [0.5, 0.1], [0.5004, 0.1])
    with pytest.raises(SystemExit, match="other p-values"):
        agree("peer", "mean", [0.5, 0.1], [0.5, 0.2])
