"""The everyday tests when they look to one side, against another null, with variances unpooled or pooled."""

from __future__ import annotations

import numpy as np
import pytest

from assay.model.result import Interval, NoEstimate
from assay.stats.fixed.core import student_t, two_proportion_z, welch_t
from assay.stats.outcome import Alternative
from tests.sim.claims import REPLICATIONS, error_broken, exact, found, in_parts, percent
from tests.sim.everyday_rates import (
    ALPHA,
    ARMS,
    MEAN_OF,
    SHARES,
    SIDES,
    VALUES,
    Flags,
    Pair,
    Rates,
    all_moments,
    at_its_rate,
    judged_shares,
    looking,
    rejected,
    up_to,
    z_rates,
)

pytestmark = pytest.mark.slow


def missed(intervals: list[Interval | NoEstimate], truth: float) -> Flags:
    flags = []
    for item in intervals:
        low, high = (item.lower, item.upper) if isinstance(item, Interval) else (None, None)
        flags.append((low is not None and truth < low) or (high is not None and truth > high))
    return np.array(flags)


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize(("share", "arms"), ARMS)
@pytest.mark.parametrize(("p", "n"), SHARES)
def test_shares(p: float, n: int, share: float, arms: str, side: Alternative) -> None:
    n_t = round(n * share)
    rng = np.random.default_rng(941)
    where = f"shares of {percent(p)}, {n:,} units, {arms}, {looking(side)}"
    which = SIDES.index(side)
    equal = Pair(p, n_t, p, n - n_t)
    for pooled, name in ((True, "z-test, pooled"), (False, "z-test, unpooled")):
        outcomes = judged_shares(rng, equal, REPLICATIONS, two_proportion_z, pooled=pooled, alternative=side)
        at_its_rate(f"{name}, {where}: false alarms", rejected(outcomes), z_rates(equal, pooled=pooled)[which])
    lifted = Pair(1.4 * p, n_t, p, n - n_t)
    of_difference = z_rates(lifted, difference=0.4 * p)[which]
    outcomes = judged_shares(rng, lifted, REPLICATIONS, two_proportion_z, alternative=side, null=0.4 * p)
    at_its_rate(f"z-test, {where}: the true difference, +40 %, is rejected", rejected(outcomes), of_difference)
    claim = f"z-test, {where}: interval of the difference misses +40 %"
    at_its_rate(claim, missed([item.interval for item in outcomes], 0.4 * p), of_difference)
    claim = f"z-test, {where}: interval of the lift misses +40 %"
    at_its_rate(claim, missed([item.relative_interval for item in outcomes], 0.4), z_rates(lifted, ratio=1.4)[which])
    outcomes = judged_shares(rng, lifted, REPLICATIONS, two_proportion_z, alternative=side)
    exact(f"z-test, {where}: finds +40 %", rejected(outcomes), z_rates(lifted, pooled=True)[which])


def test_unpooled_shares_with_two_conversions_in_an_arm_are_wrong() -> None:
    pair, rng = Pair(0.001, 2_000, 0.001, 18_000), np.random.default_rng(942)
    what = "shares of 0.1 %, 2 conversions against 18"
    for side in (Alternative.TWO_SIDED, Alternative.LESS):
        outcomes = judged_shares(rng, pair, REPLICATIONS, two_proportion_z, pooled=False, alternative=side)
        error_broken(f"z-test, unpooled, {what}, {looking(side)}: false alarms", rejected(outcomes), ALPHA)


KEPT, HEAVY = Rates(0.05, 0.05, 0.05), "revenue, 5 % buy"
EVEN = {"normal": KEPT, "lognormal": Rates(0.0525, 0.0525, 0.0525), HEAVY: KEPT}
SMALL = {"normal": KEPT, "lognormal": Rates(0.066, 0.05, 0.09), HEAVY: Rates(0.104, 0.05, 0.137)}
"""False alarms of Welch's t with 200 units treated of 2,000, at most: the small arm's mean and variance move alike."""
POWER = {"normal": (0.99, 0.99, 0.99), "lognormal": (0.99, 0.99, 0.98), HEAVY: (0.58, 0.2, 0.42)}
"""Even arms, a tenth treated, a tenth control."""


@pytest.mark.parametrize(("share", "arms"), ARMS)
@pytest.mark.parametrize("name", list(VALUES))
def test_welch_looking_to_one_side(name: str, share: float, arms: str) -> None:
    n_t, draw, truth = round(2_000 * share), VALUES[name], MEAN_OF[name]
    rng = np.random.default_rng(943)

    def flags(rows: int) -> Flags:
        treatment, control = all_moments(draw(rng, (rows, n_t))), all_moments(draw(rng, (rows, 2_000 - n_t)))
        pairs = list(zip(treatment, control, strict=True))
        columns = [rejected([welch_t(t, c, alternative=side) for t, c in pairs]) for side in SIDES]
        columns.append(rejected([welch_t(t, c, alternative="greater", null=-0.5 * truth) for t, c in pairs]))
        return np.stack(columns, axis=1)

    *errors, against = in_parts(flags, part=500).T
    rates = EVEN[name] if share == 0.5 else SMALL[name] if share < 0.5 else SMALL[name].swapped()
    for side, wrong, rate in zip(SIDES, errors, rates, strict=True):
        up_to(f"Welch's t, {name}, 2,000 units, {arms}, {looking(side)}: false alarms", wrong, rate)
    power = POWER[name][[each for each, _ in ARMS].index(share)]
    found(f"Welch's t, {name}, 2,000 units, {arms}: equal means shown to be not half as low", against, power)


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize(("n_t", "n_c"), [(10, 10), (10, 40), (3, 5)])
def test_student_is_exact_for_one_variance_and_wrong_for_two(n_t: int, n_c: int, side: Alternative) -> None:
    rng = np.random.default_rng(944)

    def outcomes(sd: float, shift: float, null: float) -> Flags:
        treatment = all_moments(rng.normal(10 + shift, 3 * sd, (REPLICATIONS, n_t)))
        control = all_moments(rng.normal(10, 3, (REPLICATIONS, n_c)))
        pairs = zip(treatment, control, strict=True)
        return rejected([student_t(t, c, alternative=side, null=null) for t, c in pairs])

    what = f"normal, {n_t} units against {n_c}, {looking(side)}"
    exact(f"Student's t, {what}: false alarms", outcomes(1.0, 0.0, 0.0), ALPHA)
    exact(f"Student's t, {what}: the true difference, 2, is rejected", outcomes(1.0, 2.0, 2.0), ALPHA)
    if n_c == 40:
        error_broken(f"Student's t, {what}, three times the sd in the small arm", outcomes(3.0, 0.0, 0.0), ALPHA)
