"""Assignment in process: microseconds per decision, ours beside other SDKs and the bare hash, in one run.

Peers take turns round by round, so a machine that changes speed changes it for all; ratios are medians of the
rounds' own ratios. Run: `make bench-assignment`, or with --quick for a short look.
"""

from __future__ import annotations

import argparse
import gc
import statistics
import sys
import tracemalloc
from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path
from time import perf_counter

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench.peers import KEY, PEERS, Attributes, Decide, bare_md5, definition
from bench.report import print_last_line

_ELSEWHERE = 5
"""One unit in so many is outside the audience."""
_OURS = {"eppo_logged": "assay_logged", "five_md5_floor": "five_assay"}
"""Which of ours does the job of a peer, where it is not plain `assay`."""
_Units = list[tuple[str, Attributes]]


def stream(n_units: int) -> _Units:
    """Distinct units, most of them in the audience."""
    countries = ("US", "CA", "GB", "US", "DE")
    return [(f"user-{i:07d}", {"country": countries[i % _ELSEWHERE], "platform": "web"}) for i in range(n_units)]


def check(name: str, decide: Decide) -> None:
    """Stop unless the peer really decides: about half and half inside the audience, nothing outside."""
    seen = Counter(decide(unit, attributes) for unit, attributes in stream(5_000))
    inside = seen["control"] + seen["treatment"]
    if seen[None] != 1_000 or inside != 4_000 or not 1_800 < seen["control"] < 2_200:
        raise SystemExit(f"{name} does not do the job: {dict(seen)}")


def microseconds(decide: Decide, units: _Units) -> float:
    """Mean time of a decision over the stream, garbage collection off."""
    gc.collect()
    gc.disable()
    started = perf_counter()
    for unit, attributes in units:
        decide(unit, attributes)
    took = perf_counter() - started
    gc.enable()
    return took / len(units) * 1e6


def interleaved(deciders: Mapping[str, Decide], units: _Units, rounds: int) -> dict[str, list[float]]:
    """Times per peer and round."""
    times: dict[str, list[float]] = {name: [] for name in deciders}
    for decide in deciders.values():
        microseconds(decide, units[:500])
    for _ in range(rounds):
        for name, decide in deciders.items():
            times[name].append(microseconds(decide, units))
    return times


def ratios_of(times: Mapping[str, list[float]]) -> dict[str, float]:
    """For every peer, the median over the rounds of ours ÷ theirs, both doing the same job."""
    return {
        f"time_vs_{name}": statistics.median(
            ours / theirs for ours, theirs in zip(times[_OURS.get(name, "assay")], values, strict=True)
        )
        for name, values in times.items()
        if "assay" not in name
    }


def five_at_once() -> dict[str, Decide]:
    """Five experiments for one unit: ours, and five bare hashes."""
    from assay.assignment.evaluate import evaluate
    from assay.assignment.snapshot import compile_snapshot

    keys = tuple(f"{KEY}-{i}" for i in range(5))
    snapshot, now = compile_snapshot([definition(key) for key in keys], 1), datetime.now(timezone.utc)
    floor = bare_md5()

    def ours(unit: str, attributes: Attributes) -> str | None:
        return evaluate(snapshot, unit, attributes, now, keys)[0].variant

    def five_floors(unit: str, attributes: Attributes) -> str | None:
        variants = [floor(unit, attributes) for _ in keys]
        return variants[0]

    return {"five_assay": ours, "five_md5_floor": five_floors}


def growth(sizes: tuple[int, ...], units: _Units, rounds: int) -> dict[str, float]:
    """Time of one named experiment, and memory of the snapshot, as the number of running experiments grows."""
    from assay.assignment.evaluate import evaluate
    from assay.assignment.snapshot import Snapshot, compile_snapshot

    now, key = datetime.now(timezone.utc), (f"{KEY}-0",)

    def decider(snapshot: Snapshot) -> Decide:
        return lambda unit, attributes: evaluate(snapshot, unit, attributes, now, key)[0].variant

    deciders, figures = {}, {}
    for n in sizes:
        definitions = [definition(f"{KEY}-{i}") for i in range(n)]
        tracemalloc.start()
        deciders[f"us_one_of_{n}"] = decider(compile_snapshot(definitions, 1))
        figures[f"mb_of_{n}"] = tracemalloc.get_traced_memory()[0] / 1e6
        tracemalloc.stop()
    times = interleaved(deciders, units, rounds)
    figures |= {name: statistics.median(values) for name, values in times.items()}
    for n in sizes:
        us, megabytes = figures[f"us_one_of_{n}"], figures[f"mb_of_{n}"]
        print(f"{n:>8,} experiments   {us:6.2f} us for one named   snapshot {megabytes:7.2f} MB")
    return figures


def available() -> dict[str, Decide]:
    """The peers that are installed, each checked; a word about the others."""
    deciders = {}
    for name, factory in PEERS.items():
        try:
            deciders[name] = factory()
        except ImportError as error:
            print(f"{name} is left out: {error}")
            continue
        check(name, deciders[name])
    return deciders


def main() -> None:
    """Measure, print, compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a short run, for a look")
    quick = parser.parse_args().quick
    rounds, units = (3, stream(500)) if quick else (25, stream(10_000))
    times = interleaved({**available(), **five_at_once()}, units, rounds)
    print(f"\nmicroseconds per decision, median of {rounds} rounds of {len(units):,} units")
    for name, values in sorted(times.items(), key=lambda item: statistics.median(item[1])):
        print(f"{name:>16}  {statistics.median(values):7.2f}  (fastest {min(values):.2f}, slowest {max(values):.2f})")
    print()
    figures = {f"us_{name}": statistics.median(values) for name, values in times.items()}
    figures |= growth((10, 100) if quick else (10, 100, 1_000, 10_000), units, min(rounds, 7))
    print_last_line("assignment", ratios_of(times), figures)


if __name__ == "__main__":
    main()
