"""Claims about error rates, checked against exact binomial bounds and written to one table.

`ASSAY_SIM_REPLICATIONS` makes every simulation larger; `ASSAY_SIM_TABLE` names a file to which each claim adds a
line: claim, nominal, measured, replications, bound (two of them for an exact rate), kind and test.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tests.sim import alarm_bound

REPLICATIONS = alarm_bound.REPLICATIONS
"""How many experiments a simulation replays; 5,000 unless told otherwise."""


PART = 5_000
"""How many of them are held in memory at once."""


def in_parts(
    replay: Callable[[int], NDArray[np.bool_]], replications: int = REPLICATIONS, part: int = PART
) -> NDArray[np.bool_]:
    """What `replay` finds for many replications, some at a time. replay: how many → one row for each."""
    sizes = [min(part, replications - start) for start in range(0, replications, part)]
    return np.concatenate([replay(size) for size in sizes])


def percent(share: float, sign: str = "") -> str:
    """A share as claims name it; sign: "+" to show it. 0.001 is "0.1 %"."""
    return f"{100 * share:{sign}.4g} %"


def error_kept(claim: str, wrong: ArrayLike, nominal: float) -> None:
    """At most `nominal` of replications are wrong. wrong: one true or false per replication.

    For sequential methods "wrong" is ever, at any look. Fails above the count that a true rate of `nominal` exceeds
    with probability 1e-6.
    """
    count, n = _counted(wrong)
    bound = alarm_bound.most_allowed(nominal, n)
    _write(claim, nominal, count, n, bound, "at most")
    assert count <= bound, f"{claim}: {count} of {n} wrong, at most {bound} allowed at {nominal:g}"


def found(claim: str, hits: ArrayLike, at_least: float) -> None:
    """At least `at_least` of replications find what is there."""
    count, n = _counted(hits)
    bound = alarm_bound.least_expected(at_least, n)
    _write(claim, at_least, count, n, bound, "at least")
    assert count >= bound, f"{claim}: {count} of {n} found, at least {bound} expected at {at_least:g}"


def exact(claim: str, wrong: ArrayLike, nominal: float) -> None:
    """The share of replications is `nominal`: neither above nor below by more than chance allows."""
    count, n = _counted(wrong)
    low, high = alarm_bound.least_expected(nominal, n), alarm_bound.most_allowed(nominal, n)
    _write(claim, nominal, count, n, (low, high), "exactly")
    assert low <= count <= high, f"{claim}: {count} of {n}, from {low} to {high} expected at {nominal:g}"


def error_broken(claim: str, wrong: ArrayLike, nominal: float) -> None:
    """A wrong formula exceeds the bound: the simulation is able to catch it."""
    count, n = _counted(wrong)
    bound = alarm_bound.most_allowed(nominal, n)
    _write(claim, nominal, count, n, bound, "exceeds")
    assert count > bound, f"{claim}: {count} of {n}, which does not exceed {bound}: the simulation would miss it"


def _counted(flags: ArrayLike) -> tuple[int, int]:
    array = np.asarray(flags)
    assert array.ndim == 1, "one true or false per replication"
    assert array.dtype == np.bool_, array.dtype
    return int(np.count_nonzero(array)), int(array.size)


def _write(claim: str, nominal: float, count: int, n: int, bound: int | tuple[int, int], kind: str) -> None:
    path = os.environ.get("ASSAY_SIM_TABLE")
    if not path:
        return
    test = os.environ.get("PYTEST_CURRENT_TEST", "").split(" ")[0]
    limit = [each / n for each in bound] if isinstance(bound, tuple) else bound / n
    row = {"claim": claim, "nominal": nominal, "measured": count / n, "replications": n, "bound": limit}
    line = json.dumps({**row, "kind": kind, "test": test}, ensure_ascii=False) + "\n"
    # One write of a few hundred bytes in append mode: lines of several processes do not tear.
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        assert os.write(descriptor, line.encode()) == len(line.encode())
    finally:
        os.close(descriptor)
