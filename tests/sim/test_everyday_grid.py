"""The everyday tests over baselines, heavy tails and uneven arms: errors kept, intervals covering, effects found."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from assay.stats.batch import Column, Columns, Outcomes, many_cuped, many_means, many_ratios, many_shares
from assay.stats.fixed.margins import share_margin_test
from tests.sim.claims import REPLICATIONS, error_broken, error_kept, found

pytestmark = pytest.mark.slow
ALPHA = 0.05
Floats = NDArray[np.float64]
ARMS = ((0.5, "even arms"), (0.1, "arms 1 to 9"))


def rejects(found_: Outcomes) -> NDArray[np.bool_]:
    return np.asarray(found_.p_value <= ALPHA)


def misses(found_: Outcomes, difference: float, lift: float | None = None) -> NDArray[np.bool_]:
    """The interval of the difference, or of the lift, leaves the truth out."""
    if lift is None:
        return np.asarray((found_.lower > difference) | (found_.upper < difference))
    return np.asarray((found_.relative_lower > lift) | (found_.relative_upper < lift))


@pytest.mark.parametrize(("share", "arms"), ARMS)
@pytest.mark.parametrize(("baseline", "n"), [(0.001, 200_000), (0.01, 40_000), (0.05, 20_000), (0.3, 4_000)])
def test_shares(baseline: float, n: int, share: float, arms: str) -> None:
    rng = np.random.default_rng(931)
    n_t, n_c = round(n * share), n - round(n * share)
    x_c = rng.binomial(n_c, baseline, REPLICATIONS)
    where = f"shares of {baseline:.1%}, {n:,} units, {arms}"
    error_kept(
        f"z-test, {where}: false alarms",
        rejects(many_shares(rng.binomial(n_t, baseline, REPLICATIONS), n_t, x_c, n_c)),
        0.055,
    )
    lifted = many_shares(rng.binomial(n_t, 1.4 * baseline, REPLICATIONS), n_t, x_c, n_c)
    error_kept(f"z-test, {where}: interval of the difference misses", misses(lifted, 0.4 * baseline), ALPHA)
    error_kept(f"z-test, {where}: interval of the lift misses", misses(lifted, 0.0, 0.4), ALPHA)
    found(f"z-test, {where}: finds +40 %", rejects(lifted), 0.3 if share < 0.5 else 0.7)


def test_intervals_of_shares_with_few_conversions_are_too_narrow() -> None:
    rng = np.random.default_rng(932)
    treated, control = rng.binomial(2_000, 0.001, REPLICATIONS), rng.binomial(18_000, 0.001, REPLICATIONS)
    few = many_shares(treated, 2_000, control, 18_000)
    error_kept("z-test, shares of 0.1 %, 2 conversions against 18: false alarms", rejects(few), ALPHA)
    claim = "unpooled interval, shares of 0.1 %, 2 conversions against 18: misses"
    error_broken(claim, misses(few, 0.0), ALPHA)


Draw = Callable[[np.random.Generator, tuple[int, int]], Floats]
VALUES: dict[str, Draw] = {
    "normal": lambda rng, shape: 10 + 3 * rng.standard_normal(shape),
    "lognormal": lambda rng, shape: rng.lognormal(0.0, 1.0, shape),
    "revenue, 5 % buy": lambda rng, shape: np.where(rng.random(shape) < 0.05, rng.lognormal(3.0, 0.8, shape), 0.0),
}


UNEVEN = {"normal": 0.05, "lognormal": 0.07, "revenue, 5 % buy": 0.11}
"""What Welch's t keeps with 200 units against 1,800: the heavier the tail, the less its own 5 %."""
POWER = {"normal": 0.95, "lognormal": 0.95, "revenue, 5 % buy": 0.25}


def column(values: Floats) -> Column:
    means = values.mean(axis=1)
    return Column(values.shape[1], means, ((values - means[:, None]) ** 2).sum(axis=1))


def columns(first: Floats, second: Floats) -> Columns:
    a, b = first - first.mean(axis=1, keepdims=True), second - second.mean(axis=1, keepdims=True)
    means = first.mean(axis=1), second.mean(axis=1)
    return Columns(first.shape[1], *means, (a * a).sum(axis=1), (a * b).sum(axis=1), (b * b).sum(axis=1))


def in_chunks(make: Callable[[np.random.Generator, int], Outcomes], seed: int) -> Outcomes:
    """Replications in parts that fit in memory, put together."""
    rng = np.random.default_rng(seed)
    parts = [make(rng, min(500, REPLICATIONS - start)) for start in range(0, REPLICATIONS, 500)]
    names = [name for name in Outcomes.__dataclass_fields__ if name not in ("test", "why")]
    return Outcomes(test=parts[0].test, **{n: np.concatenate([getattr(p, n) for p in parts]) for n in names})


@pytest.mark.parametrize(("share", "arms"), ARMS)
@pytest.mark.parametrize("name", list(VALUES))
def test_means(name: str, share: float, arms: str) -> None:
    n, draw = 2_000, VALUES[name]
    n_t = round(n * share)
    truth = float(draw(np.random.default_rng(1), (1, 2_000_000)).mean())

    def run(rng: np.random.Generator, rows: int, factor: float) -> Outcomes:
        return many_means(column(factor * draw(rng, (rows, n_t))), column(draw(rng, (rows, n - n_t))))

    null, lifted = in_chunks(lambda r, k: run(r, k, 1.0), 933), in_chunks(lambda r, k: run(r, k, 1.5), 934)
    # A tenth of 2,000 heavy-tailed values is too few for the normal curve: the rate is shown, not hidden.
    nominal = ALPHA if share == 0.5 else UNEVEN[name]
    where = f"{name}, 2,000 units, {arms}"
    error_kept(f"Welch's t, {where}: false alarms", rejects(null), nominal)
    error_kept(f"Welch's t, {where}: interval of the difference misses", misses(lifted, 0.5 * truth), nominal)
    error_kept(f"Welch's t, {where}: interval of the lift misses", misses(lifted, 0.0, 0.5), nominal)
    found(f"Welch's t, {where}: finds +50 %", rejects(lifted), POWER[name] if share == 0.5 else 0.04)


@pytest.mark.parametrize(("share", "arms"), ARMS)
def test_ratios_and_adjusted_means(share: float, arms: str) -> None:
    n = 1_000
    n_t = round(n * share)

    def ratio(rng: np.random.Generator, rows: int, factor: float) -> Outcomes:
        def arm(size: int, by: float) -> Columns:
            visits = 1.0 + rng.poisson(2.0, (rows, size))
            return columns(rng.poisson(by * visits * rng.gamma(4.0, 0.05, (rows, size))).astype(float), visits)

        return many_ratios(arm(n_t, factor), arm(n - n_t, 1.0))

    null, lifted = in_chunks(lambda r, k: ratio(r, k, 1.0), 935), in_chunks(lambda r, k: ratio(r, k, 1.3), 936)
    error_kept(f"ratio by the delta method, 1,000 units, {arms}: false alarms", rejects(null), ALPHA)
    error_kept(
        f"ratio by the delta method, 1,000 units, {arms}: interval of the lift misses", misses(lifted, 0, 0.3), 0.06
    )
    found(f"ratio by the delta method, 1,000 units, {arms}: finds +30 %", rejects(lifted), 0.6 if share == 0.5 else 0.3)

    def adjusted(rng: np.random.Generator, rows: int, effect: float) -> Outcomes:
        def arm(size: int, by: float) -> Columns:
            before = rng.lognormal(0.0, 0.7, (rows, size))
            return columns(by + 2 * before + rng.standard_normal((rows, size)), before)

        return many_cuped(arm(n_t, effect), arm(n - n_t, 0.0))

    null, moved = in_chunks(lambda r, k: adjusted(r, k, 0.0), 937), in_chunks(lambda r, k: adjusted(r, k, 0.35), 938)
    error_kept(f"CUPED, 1,000 units, {arms}: false alarms", rejects(null), ALPHA)
    error_kept(f"CUPED, 1,000 units, {arms}: interval misses", misses(moved, 0.35), ALPHA)
    found(f"CUPED, 1,000 units, {arms}: finds 0.35", rejects(moved), 0.8)


def test_margins_of_shares() -> None:
    rng = np.random.default_rng(939)
    n, baseline, margin = 20_000, 0.05, 0.1
    size = min(REPLICATIONS, 5_000)
    control = rng.binomial(n, baseline, size).tolist()

    def shown(rate: float, hypothesis: str) -> NDArray[np.bool_]:
        treated = rng.binomial(n, rate, size).tolist()
        pairs = zip(treated, control, strict=True)
        answers = [share_margin_test((t, n), (c, n), hypothesis=hypothesis, margin=margin).p_value for t, c in pairs]
        return np.array([isinstance(p, float) and p < ALPHA for p in answers])

    edge, other = baseline * (1 - margin), baseline * (1 + margin)
    error_kept("non-inferiority by 10 %: shown though worse by 10 %", shown(edge, "non_inferiority"), ALPHA)
    error_kept("superiority by 10 %: shown though better by just 10 %", shown(other, "superiority"), ALPHA)
    error_kept("equivalence within 10 %: shown though better by 10 %", shown(other, "equivalence"), ALPHA)
    found("non-inferiority by 10 %: shown of an equal treatment", shown(baseline, "non_inferiority"), 0.7)
    found("superiority by 10 %: shown of +30 %", shown(1.3 * baseline, "superiority"), 0.9)
