"""Disabling a variant that is too poor: by a bound that holds at every look, not by its rate after a few units."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from assay.model.result import Interval
from assay.stats.sequential.shares import share_sequence
from tests.sim.claims import error_broken, error_kept, found

pytestmark = pytest.mark.slow
FLOOR, HORIZON, EVERY, REPLICATIONS = 0.02, 3_000, 20, 5_000


def limits() -> dict[int, int]:
    """Units → the most conversions at which the upper bound of the share is still below the floor; -1: none."""
    answer = {}
    most = -1
    for n in range(EVERY, HORIZON + 1, EVERY):
        while True:
            bounds = share_sequence((most + 1, n), alpha=0.05, alternative="less", tuning_units=1_000).interval
            if not isinstance(bounds, Interval) or bounds.upper is None or bounds.upper >= FLOOR or most + 1 > n:
                break
            most += 1
        answer[n] = most
    return answer


def disabled(rate: float, seed: int, most: dict[int, int]) -> NDArray[np.bool_]:
    """Whether a variant of this rate is ever disabled, looked at after every 20 units."""
    rng = np.random.default_rng(seed)
    seen = np.cumsum(rng.binomial(EVERY, rate, (REPLICATIONS, HORIZON // EVERY)), axis=1)
    return np.asarray((seen <= np.array(list(most.values()))).any(axis=1))


def test_a_good_variant_is_kept_and_a_poor_one_disabled() -> None:
    most = limits()
    for rate in (0.02, 0.03, 0.05):
        error_kept(
            f"disable below 2 % by the anytime bound: a true {rate:.0%} is disabled", disabled(rate, 921, most), 0.05
        )
    found("disable below 2 % by the anytime bound: a true 0.2 % is disabled", disabled(0.002, 922, most), 0.95)


def test_a_low_rate_after_twenty_units_disables_good_variants() -> None:
    after_twenty = np.random.default_rng(923).binomial(20, 0.05, REPLICATIONS) / 20 < FLOOR
    error_broken("disable below 2 % after 20 units: a true 5 % is disabled", after_twenty, 0.05)
