"""How time and memory grow with the number of running experiments."""

from __future__ import annotations

import statistics
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from bench.peers.job import Attributes
from bench.rounds import Units, interleaved
from bench.running import KINDS, on_a_page

SIZES = (10, 100, 1_000, 10_000)
MEMORY_LIMIT_MB = 50
_N_COUNTED = 100


def units_of(n: int, n_units: int) -> Units:
    """Units on the pages of n experiments."""
    return [(f"user-{i:07d}", on_a_page(i, n)) for i in range(n_units)]


def times(sizes: tuple[int, ...], rounds: int, turn_ms: float) -> dict[str, float]:
    """Microseconds for all experiments of a unit, those in which it has no variant left out; printed as a table."""
    from assay.assignment.evaluate import evaluate
    from assay.assignment.snapshot import Snapshot, compile_snapshot

    now = datetime.now(timezone.utc)

    def decider(snapshot: Snapshot, names: tuple[str, ...] | None) -> Callable[[str, Attributes], Any]:
        return lambda unit, attributes: evaluate(snapshot, unit, attributes, now, names)

    print(f"\nmicroseconds as the number of running experiments grows, medians of {rounds} rounds")
    print(f"{'':>9}{'one of them':>22}{'all of a unit, layers and pages':>40}{'all of a unit, each for everyone':>40}")
    print(
        f"{'running':>9}{'named':>22}{'decisions':>22}{'us':>9}{'us each':>9}{'decisions':>22}{'us':>9}{'us each':>9}"
    )
    figures: dict[str, float] = {}
    for n in sizes:
        units = units_of(n, 2_000)
        snapshots = {kind: compile_snapshot(make(n), 1) for kind, make in KINDS.items()}
        deciders = {kind: decider(snapshot, None) for kind, snapshot in snapshots.items()}
        counted = {
            kind: statistics.mean(len(decide(*unit)) for unit in units[:_N_COUNTED])
            for kind, decide in deciders.items()
        }
        if counted["worst"] != n:
            raise SystemExit(f"of {n} experiments for everyone, a unit has a variant in {counted['worst']}")
        deciders["named"] = decider(snapshots["worst"], (snapshots["worst"].running[n // 2],))
        took = interleaved(deciders, units, rounds, turn_ms)
        us = {name: statistics.median(values) for name, values in took.items()}
        line = f"{n:>9,}{us['named']:>22.2f}"
        for kind in KINDS:
            each = us[kind] / max(counted[kind], 1e-9)
            line += f"{counted[kind]:>22,.1f}{us[kind]:>9,.1f}{each:>9.2f}"
            figures |= {f"us_all_{kind}_of_{n}": us[kind], f"us_each_{kind}_of_{n}": each}
        figures[f"us_one_of_{n}"] = us["named"]
        print(line)
    return figures


def memory(n: int) -> dict[str, float]:
    """Megabytes of a snapshot of n experiments, each measured in a process of its own."""
    print(f"\nmemory of a compiled snapshot of {n:,} experiments, limit {MEMORY_LIMIT_MB} MB")
    figures: dict[str, float] = {}
    for kind in KINDS:
        found = {how: _measured(kind, n, how) for how in ("traced", "resident")}
        print(f"{kind:>9}{found['traced']:>9.1f} MB allocated{found['resident']:>9.1f} MB more resident in the process")
        figures |= {f"mb_{how}_{kind}_of_{n}": value for how, value in found.items()}
    return figures


def _measured(kind: str, n: int, how: str) -> float:
    command = [sys.executable, str(Path(__file__).with_name("memory.py")), kind, str(n), how]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    if done.returncode:
        raise SystemExit(f"memory of {n} experiments: {done.stderr[-2_000:]}")
    return float(done.stdout)
