"""One look fixed in advance: false alarms, coverage and power of the shipped functions."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from assay.model.plan import Correction
from assay.model.result import Interval
from assay.stats.arm import Arm
from assay.stats.fixed.core import compare_arms, two_proportion_z
from assay.stats.multiple.adjust import adjust
from assay.stats.outcome import Outcome
from assay.stats.planning.power import power_mean, power_proportion, sample_size_mean, sample_size_proportion
from tests.sim.claims import REPLICATIONS, error_broken, error_kept, exact, found, in_parts, percent
from tests.sim.unit_streams import Array, Draw, Sums, as_adjusted, as_means, as_ratios, conversions, paired

pytestmark = pytest.mark.slow

ALPHA = 0.05
Flags = NDArray[np.bool_]


def shares(p_t: float, p_c: float, n: int, share: float, seed: int) -> list[Outcome]:
    s = conversions(np.random.default_rng(seed), np.array([n]), REPLICATIONS, p_t, p_c, share)
    rows = zip(*(part[:, 0] for part in (s.n_t, s.x_t, s.n_c, s.x_c)), strict=True)
    return [two_proportion_z((int(x_t), int(n_t)), (int(x_c), int(n_c)), alpha=ALPHA) for n_t, x_t, n_c, x_c in rows]


def judged(treatment: Arm, control: Arm) -> Outcome:
    return compare_arms("means", treatment, control, alpha=ALPHA)


def means(s: Sums) -> list[Outcome]:
    rows = zip(*(part[:, 0] for part in (s.n_t, s.m_t, s.v_t, s.n_c, s.m_c, s.v_c)), strict=True)
    return [judged(Arm(int(a), float(b), float(c)), Arm(int(d), float(e), float(f))) for a, b, c, d, e, f in rows]


def rejected(outcomes: list[Outcome]) -> Flags:
    return np.array([isinstance(item.p_value, float) and item.p_value < ALPHA for item in outcomes])


def missed(intervals: list[object], truth: float) -> Flags:
    flags = []
    for item in intervals:
        assert isinstance(item, Interval)
        assert item.lower is not None
        flags.append(truth < item.lower or (item.upper is not None and truth > item.upper))
    return np.array(flags)


@pytest.mark.parametrize(("p", "n", "share"), [(0.05, 4_000, 0.5), (0.3, 1_000, 0.5), (0.1, 4_000, 0.2)])
def test_z_test(p: float, n: int, share: float) -> None:
    what = f"z-test, shares of {percent(p)}, {n:,} units, each treated with chance {percent(share)}: false alarms"
    exact(what, rejected(shares(p, p, n, share, seed=201)), ALPHA)


def test_share_intervals_cover() -> None:
    outcomes = shares(0.12, 0.1, 6_000, 0.4, seed=202)
    what = "shares of 12 % and 10 %, 6,000 units"
    error_kept(f"{what}: interval of the difference misses", missed([o.interval for o in outcomes], 0.02), ALPHA)
    error_kept(f"{what}: interval of the lift misses", missed([o.relative_interval for o in outcomes], 0.2), ALPHA)


def test_planned_sample_of_a_share_has_the_planned_power() -> None:
    n = sample_size_proportion(0.1, 0.2, power=0.8)
    exact("z-test with the units planned for 80 % power, 10 % + 20 %", rejected(planned(n, seed=203)), 0.8)
    few = n // 3
    promised = power_proportion(0.1, 0.2, few)
    exact("z-test with a third of those units finds what is promised", rejected(planned(few, seed=204)), promised)


def planned(n: int, seed: int) -> list[Outcome]:
    return shares(0.12, 0.1, 2 * n, 0.5, seed)


def normal(rng: np.random.Generator, shape: tuple[int, int]) -> tuple[Array, Array]:
    return 10 + 3 * rng.standard_normal(shape), np.zeros(shape)


def lognormal(rng: np.random.Generator, shape: tuple[int, int]) -> tuple[Array, Array]:
    return np.exp(rng.standard_normal(shape)), np.zeros(shape)


def simulated(draw: Draw, n: int, *, factor: float = 1.0, share: float = 0.5, seed: int) -> Sums:
    return as_means(paired(np.random.default_rng(seed), np.array([n]), REPLICATIONS, draw, factor, share))


@pytest.mark.parametrize(("n", "share"), [(20, 0.5), (100, 0.2)])
def test_welch_is_exact_for_small_normal_samples(n: int, share: float) -> None:
    what = f"Welch's t, normal, {n} units, each treated with chance {percent(share)}: false alarms"
    exact(what, rejected(means(simulated(normal, n, share=share, seed=205))), ALPHA)


def test_welch_holds_when_variances_and_sizes_differ() -> None:
    rng = np.random.default_rng(206)

    def arm(rows: int, sd: float, n: int) -> list[Array]:
        values = rng.normal(0, sd, (rows, n))
        return [np.full((rows, 1), n), values.mean(axis=1, keepdims=True), values.var(axis=1, ddof=1, keepdims=True)]

    flags = in_parts(lambda rows: rejected(means(Sums(*arm(rows, 10.0, 15), *arm(rows, 1.0, 60)))))
    exact("Welch's t, normal, 15 units of sd 10 against 60 of sd 1: false alarms", flags, ALPHA)


def test_lognormal_means_and_lifts() -> None:
    outcomes = means(simulated(lognormal, 2_000, factor=1.2, seed=207))
    what = "Welch's t, lognormal, 2,000 units"
    truth = 0.2 * math.exp(0.5)
    error_kept(f"{what}: interval of the difference misses", missed([o.interval for o in outcomes], truth), ALPHA)
    error_kept(f"{what}: interval of the lift misses", missed([o.relative_interval for o in outcomes], 0.2), ALPHA)
    error_kept(f"{what}: false alarms", rejected(means(simulated(lognormal, 2_000, seed=208))), ALPHA)


def test_planned_sample_of_a_mean_has_the_planned_power() -> None:
    n = sample_size_mean(10, 3, 0.1, power=0.9)
    hits = rejected(means(simulated(normal, 2 * n, factor=1.1, seed=209)))
    # The factor also widens the treatment's spread by a tenth, which costs a little power.
    what = "Welch's t with the units planned for 90 % power, normal, +10 %"
    found(what, hits, power_mean(10, 3 * 1.1, 0.1, n))
    error_kept(f"{what}: not oversized", hits, 0.9)


def sessions(rng: np.random.Generator, shape: tuple[int, int]) -> tuple[Array, Array]:
    visits = 1.0 + rng.poisson(1.5, shape)
    return rng.poisson(visits * rng.gamma(2.0, 0.1, shape)).astype(float), visits


def test_ratios_by_the_delta_method() -> None:
    blocks = np.array([1_000])
    null = means(as_ratios(paired(np.random.default_rng(210), blocks, REPLICATIONS, sessions, 1.0, 0.3)))
    exact("ratio by the delta method, 1,000 units, each treated with chance 30 %: false alarms", rejected(null), ALPHA)
    lifted = means(as_ratios(paired(np.random.default_rng(211), blocks, REPLICATIONS, sessions, 1.25, 0.5)))
    flags = missed([item.relative_interval for item in lifted], 0.25)
    error_kept("ratio by the delta method, 1,000 units: interval of the lift misses", flags, ALPHA)


@pytest.mark.parametrize("rho", [0.5, 0.8])
def test_pooled_adjustment_keeps_the_error_and_removes_variance(rho: float) -> None:
    def draw(rng: np.random.Generator, shape: tuple[int, int]) -> tuple[Array, Array]:
        before = rng.standard_normal(shape)
        return 10 + rho * before + math.sqrt(1 - rho**2) * rng.standard_normal(shape), 3 + before

    null = paired(np.random.default_rng(212), np.array([400]), REPLICATIONS, draw, 1.0, 0.5)
    plain, adjusted = as_means(null), as_adjusted(null)
    exact(f"CUPED, correlation {rho:g}, 400 units: false alarms", rejected(means(adjusted)), ALPHA)
    reduction = 1 - (adjusted.v_t + adjusted.v_c).mean() / (plain.v_t + plain.v_c).mean()
    assert abs(reduction - rho**2) < 0.01
    true_spread = np.var(adjusted.m_t - adjusted.m_c) / np.var(plain.m_t - plain.m_c)
    assert abs(true_spread - (1 - rho**2)) < 0.04


def test_family_error_with_holm_and_bonferroni() -> None:
    """Four treatments against one control: the chance that any is called different."""
    rng = np.random.default_rng(213)
    methods = [Correction.HOLM, Correction.BONFERRONI, Correction.NONE]

    def alarms(rows: int) -> Flags:
        values = rng.standard_normal((rows, 5, 200))
        n, middle, spread = 200, values.mean(axis=2), values.var(axis=2, ddof=1)
        flags = []
        for m, v in zip(middle.tolist(), spread.tolist(), strict=True):
            arms = [Arm(n, *pair) for pair in zip(m, v, strict=True)]
            p_values = [float(judged(arm, arms[0]).p_value) for arm in arms[1:]]  # type: ignore[arg-type]
            flags.append([min(adjust(p_values, method)) < ALPHA for method in methods])
        return np.array(flags)

    holm, bonferroni, none = in_parts(alarms).T
    what = "four treatments against one control: any is called different"
    error_kept(f"Holm, {what}", holm, ALPHA)
    error_kept(f"Bonferroni, {what}", bonferroni, ALPHA)
    error_broken(f"no correction, {what}", none, ALPHA)
