"""Deciders measured in turns, round by round, so that a machine that changes speed changes it for all."""

from __future__ import annotations

import gc
import statistics
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from itertools import combinations
from time import perf_counter
from typing import Any, TypeVar

from bench.peers.job import KEYS, Attributes, Five, One

Decide = Callable[[str, Attributes], Any]
T = TypeVar("T", bound=Decide)
Units = list[tuple[str, Attributes]]
_ELSEWHERE = 5
"""One unit in so many is outside the audience."""
_N_CHECKED = 5_000
_FEWEST = 50


def stream(n_units: int) -> Units:
    """Distinct units, most of them in the audience."""
    countries = ("US", "CA", "GB", "US", "DE")
    return [(f"user-{i:07d}", {"country": countries[i % _ELSEWHERE], "platform": "web"}) for i in range(n_units)]


def check(name: str, decide: One) -> None:
    """Stop unless the peer really decides: about half and half inside the audience, nothing outside."""
    _check_split(name, [decide(unit, attributes) for unit, attributes in stream(_N_CHECKED)])


def check_five(name: str, decide: Five) -> None:
    """Stop unless all five experiments split, each of their pairs into four like parts."""
    columns = list(zip(*(decide(unit, attributes) for unit, attributes in stream(_N_CHECKED)), strict=True))
    if len(columns) != len(KEYS):
        raise SystemExit(f"{name} decides {len(columns)} experiments, not {len(KEYS)}")
    for column in columns:
        _check_split(name, column)
    for one, other in combinations(columns, 2):
        parts = Counter(zip(one, other, strict=True))
        del parts[None, None]
        if len(parts) != 4 or not all(850 < n < 1_150 for n in parts.values()):
            raise SystemExit(f"{name} splits two experiments alike: {dict(parts)}")


def _check_split(name: str, variants: Sequence[str | None]) -> None:
    seen = Counter(variants)
    inside = seen["control"] + seen["treatment"]
    outside_right = all(variants[i] is None for i in range(_ELSEWHERE - 1, len(variants), _ELSEWHERE))
    if not outside_right or seen[None] != 1_000 or inside != 4_000 or not 1_800 < seen["control"] < 2_200:
        raise SystemExit(f"{name} does not do the job: {dict(seen)}")


def microseconds(decide: Decide, units: Units) -> float:
    """Mean time of a call over the stream, garbage collection off."""
    gc.collect()
    gc.disable()
    started = perf_counter()
    for unit, attributes in units:
        decide(unit, attributes)
    took = perf_counter() - started
    gc.enable()
    return took / len(units) * 1e6


def fastest(ways: Mapping[str, T], units: Units) -> tuple[str, T]:
    """The way that takes least time, and its name."""
    if len(ways) > 1:
        some = units[:300]
        took = {name: min(microseconds(way, some) for _ in range(3)) for name, way in ways.items()}
        return min(ways.items(), key=lambda item: took[item[0]])
    return next(iter(ways.items()))


def interleaved(deciders: Mapping[str, Decide], units: Units, rounds: int, turn_ms: float) -> dict[str, list[float]]:
    """Times per decider and round. Every turn takes about turn_ms, over as many units as that allows."""
    turns = {}
    for name, decide in deciders.items():
        microseconds(decide, units[:_FEWEST])
        n_units = turn_ms * 1e3 / microseconds(decide, units[: 4 * _FEWEST])
        turns[name] = units[: max(_FEWEST, int(n_units))]
    times: dict[str, list[float]] = {name: [] for name in deciders}
    for _ in range(rounds):
        for name, decide in deciders.items():
            times[name].append(microseconds(decide, turns[name]))
    return times


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> tuple[float, float, float]:
    """Ours ÷ theirs: the median of the rounds' own ratios, between their quartiles."""
    ratios = [one / other for one, other in zip(ours, theirs, strict=True)]
    if len(ratios) < 2:
        return ratios[0], ratios[0], ratios[0]
    low, middle, high = statistics.quantiles(ratios, n=4, method="inclusive")
    return low, middle, high
