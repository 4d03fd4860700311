"""Assignment in process: nanoseconds per decision, ours beside other SDKs and the bare hash, in one run.

Peers take turns round by round, so a machine that changes speed changes it for all; ratios are medians of the
rounds' own ratios. Run: `make bench-assignment`, or with --quick for a short look.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench import growth
from bench.peers import FLOOR, OURS, PEERS
from bench.peers.job import Peer
from bench.report import print_last_line
from bench.rounds import Decide, Units, check, check_five, fastest, interleaved, ratio, stream

Times = dict[str, list[float]]
DECISION, EXPOSED, TOLD = "assay", "assay_logged", "assay_told"
WITHOUT_EXPOSURE = (FLOOR, "bare", "eppo")
"""Beside these ours is the decision alone, beside all others the decision and its exposure's line."""
LEGEND = """
* what the last line calls time_vs_…, ours ÷ theirs. Ours tells the reason; assay_logged also writes the exposure.
assay_told: `assay` by a caller who knows the time already. Peers: events off, but for eppo_logged; no network."""


def available() -> dict[str, Peer]:
    """Ours and the peers that are installed, every way of each checked; a word about the others."""
    made = {}
    for name, factory in {**OURS, **PEERS}.items():
        try:
            peer = factory()
        except ImportError as error:
            print(f"{name} is left out: {error}")
            continue
        if name != FLOOR:
            for way in peer.one.values():
                check(name, way)
            for five in peer.five.values():
                check_five(name, five)
        made[name] = peer
    return made


def chosen(peers: Mapping[str, Peer], job: str, units: Units) -> dict[str, Decide]:
    """For every peer its fastest way of the job, named where there was a choice."""
    deciders = {}
    for name, peer in peers.items():
        ways = peer.one if job == "one" else peer.five
        way, deciders[name] = fastest(ways, units)
        if len(ways) > 1:
            print(f"{name}, {job}: the fastest of {len(ways)} ways is {way}")
    return deciders


def ours_beside(name: str) -> str:
    """Which of ours the ratio of a peer is about."""
    return DECISION if name in WITHOUT_EXPOSURE else EXPOSED


def ratios_of(times: Times, prefix: str) -> dict[str, float]:
    """The median ratio of every peer; of Eppo's also with the time told to ours."""
    peers = [name for name in times if name not in OURS]
    ratios = {f"{prefix}time_vs_{name}": ratio(times[ours_beside(name)], times[name])[1] for name in peers}
    if "eppo" in times:
        ratios[f"{prefix}told_time_vs_eppo"] = ratio(times[TOLD], times["eppo"])[1]
    return ratios


def print_table(title: str, times: Times) -> None:
    """One line per peer, the fastest first; the ratio that counts has a star."""
    print(f"\n{title}")
    print(f"{'':>14}{'ns':>9}{'fastest':>9}{'slowest':>9}   {'decision ÷ theirs':<24}{'with exposure ÷ theirs':<24}")
    for name, values in sorted(times.items(), key=lambda item: statistics.median(item[1])):
        line = f"{name:>14}" + "".join(
            f"{value * 1e3:>9,.0f}" for value in (statistics.median(values), min(values), max(values))
        )
        if name not in OURS:
            for ours in (DECISION, EXPOSED):
                low, middle, high = ratio(times[ours], values)
                star = "*" if ours == ours_beside(name) else " "
                line += f"  {star}{f'{middle:.3f} ({low:.3f}–{high:.3f})':<22}"
        print(line)


def main() -> None:
    """Measure, print, compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a short run, for a look")
    quick = parser.parse_args().quick
    rounds, turn_ms, units = (3, 2.0, stream(500)) if quick else (25, 20.0, stream(10_000))
    peers = available()
    ratios: dict[str, float] = {}
    figures: dict[str, Any] = {}
    for job, prefix, title in (("one", "", "one experiment"), ("five", "five_", "five experiments at once")):
        times = interleaved(chosen(peers, job, units), units, rounds, turn_ms)
        print_table(f"nanoseconds for {title}, medians of {rounds} rounds, quartiles of ratios in brackets", times)
        ratios |= ratios_of(times, prefix)
        figures |= {f"{prefix}ns_{name}": statistics.median(values) * 1e3 for name, values in times.items()}
    print(LEGEND)
    figures |= growth.times(growth.SIZES[: 2 if quick else None], min(rounds, 7), turn_ms)
    figures |= growth.memory(growth.SIZES[1 if quick else -1])
    print_last_line("assignment", ratios, figures)


if __name__ == "__main__":
    main()
