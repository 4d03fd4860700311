"""The assignment benchmark runs and ends as every benchmark does."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from bench import rounds
from bench.growth import units_of
from bench.peers import OURS, PEERS
from bench.peers.job import KEYS
from bench.rounds import check, check_five, fastest, ratio, stream
from bench.running import KINDS

ROOT = Path(__file__).parents[2]

MODULES = (
    "eppo_client",
    "growthbook",
    "ldclient",
    "optimizely.optimizely",
    "planout.experiment",
    "statsig_python_core",
    "UnleashClient.clients.unleash_client",
)
WITHOUT_PEERS = f"""
import runpy, sys
sys.modules.update(dict.fromkeys({MODULES}))
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
    assert last["ratios"]["five_time_vs_md5_floor"] > 0
    assert last["figures"]["ns_assay"] > 0
    assert last["figures"]["us_all_worst_of_100"] > last["figures"]["us_all_worst_of_10"]
    assert last["figures"]["mb_traced_indexed_of_100"] > 0


@pytest.mark.slow
def test_peers_that_are_not_installed_are_left_out_with_a_word() -> None:
    command = [sys.executable, "-c", WITHOUT_PEERS]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    others = set(PEERS) - {"md5_floor", "bare"}
    assert len(others) == 8
    for name in others:
        assert f"{name} is left out: " in done.stdout
    ratios = json.loads(done.stdout.splitlines()[-1])["ratios"]
    assert set(ratios) == {
        "time_vs_md5_floor",
        "time_vs_bare",
        "five_time_vs_md5_floor",
        "five_time_vs_bare",
    }


@pytest.mark.parametrize("name", [*OURS, "bare"])
def test_what_needs_no_peer_does_both_jobs(name: str) -> None:
    peer = {**OURS, **PEERS}[name]()
    check(name, peer.one[""])
    check_five(name, peer.five[""])
    # The first of the five is the one experiment.
    for unit, attributes in stream(50):
        assert peer.five[""](unit, attributes)[0] == peer.one[""](unit, attributes)


def test_a_peer_that_does_not_do_the_job_ends_the_benchmark() -> None:
    with pytest.raises(SystemExit, match="lazy does not do the job"):
        check("lazy", lambda unit, attributes: "control")


def test_a_peer_that_takes_others_than_its_audience_ends_the_benchmark() -> None:
    right = OURS["assay"]().one[""]

    def blind(unit: str, attributes: dict[str, str]) -> str | None:
        # As many as it should take, and not those.
        return right(unit, {**attributes, "country": "DE" if int(unit[-7:]) % 5 == 0 else "US"})

    with pytest.raises(SystemExit, match="blind does not do the job"):
        check("blind", blind)


def test_five_experiments_that_split_alike_end_the_benchmark() -> None:
    right = OURS["assay"]().one[""]
    with pytest.raises(SystemExit, match="copied splits two experiments alike"):
        check_five("copied", lambda unit, attributes: [right(unit, attributes)] * len(KEYS))


def test_too_few_experiments_end_the_benchmark() -> None:
    right = OURS["assay"]().one[""]
    with pytest.raises(SystemExit, match="short decides 1 experiments, not 5"):
        check_five("short", lambda unit, attributes: [right(unit, attributes)])


def test_the_fastest_way_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rounds, "microseconds", lambda way, units: way("", {}))
    assert fastest({"slow": lambda *_: 3.0, "fast": lambda *_: 1.0, "middling": lambda *_: 2.0}, [])[0] == "fast"


def test_the_ratio_is_the_middle_of_the_rounds_own_ratios() -> None:
    # The second round was slow for both: its ratio is like the others'.
    assert ratio([1.0, 10.0, 3.0], [2.0, 20.0, 4.0]) == (0.5, 0.5, 0.625)


@pytest.mark.parametrize(("kind", "fewest", "most"), [("indexed", 6, 10), ("worst", 100, 100)])
def test_what_a_unit_is_in_as_experiments_grow(kind: str, fewest: int, most: int) -> None:
    from datetime import datetime, timezone

    from assay.assignment.evaluate import evaluate
    from assay.assignment.snapshot import compile_snapshot

    snapshot = compile_snapshot(KINDS[kind](100), 1)
    assert len(snapshot.running) == 100
    for unit, attributes in units_of(100, 50):
        decisions = evaluate(snapshot, unit, attributes, datetime.now(timezone.utc))
        # One for each layer, and those of the page.
        assert fewest <= len(decisions) <= most
