"""Each power formula against the simulated test it speaks of: never off by more than chance and a stated slack."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from assay.stats.planning import formulas as f
from assay.stats.planning.answers import power, power_of_family, sample_size
from assay.stats.planning.design import Anytime, Design, GroupSequential
from assay.stats.planning.exact import power_fisher
from assay.stats.planning.families import dunnett_critical
from assay.stats.planning.measured import MeanMeasure, RateMeasure, ShareMeasure
from assay.stats.planning.simulate import clopper_pearson
from assay.stats.planning.watching import power_over_looks
from assay.stats.sequential.mixture import squared_radius, tuned_rho_squared
from tests.sim.claims import REPLICATIONS, error_broken, error_kept, found

Floats = NDArray[np.float64]


def agrees(claim: str, hits: ArrayLike, formula: float, slack: float = 0.0) -> None:
    """As many hits as the formula says, both ways. slack: how far the formula itself may be off."""
    found(f"{claim}, at least", hits, max(1e-9, formula - slack))
    error_kept(f"{claim}, at most", hits, min(1 - 1e-9, formula + slack))


def pooled_z(x: Floats, y: Floats, n: int, m: int) -> Floats:
    p = (x + y) / (n + m)
    with np.errstate(invalid="ignore"):
        return np.nan_to_num((x / n - y / m) / np.sqrt(p * (1 - p) * (1 / n + 1 / m)))


SHARES = [(0.001, 0.004, 4_000, 4_000), (0.01, 0.02, 1_500, 1_500), (0.05, 0.08, 900, 1_800), (0.3, 0.5, 60, 60)]


@pytest.mark.parametrize(("p_c", "p_t", "n_t", "n_c"), SHARES)
def test_shares(p_c: float, p_t: float, n_t: int, n_c: int) -> None:
    rng = np.random.default_rng(21)
    x, y = (rng.binomial(n, p, REPLICATIONS).astype(float) for n, p in ((n_t, p_t), (n_c, p_c)))
    z = pooled_z(x, y, n_t, n_c)
    where = f"shares {p_c:g} and {p_t:g}"
    agrees(f"{where}, exact", z > 1.959964, f.power_shares_exact(p_t, p_c, n_t, n_c))
    agrees(f"{where}, normal", z > 1.959964, f.power_shares(p_t, p_c, n_t, n_c), 0.03)
    fisher = stats.hypergeom.sf(x - 1, n_t + n_c, x + y, n_t) <= 0.025
    agrees(f"{where}, Fisher", fisher, power_fisher(p_t, p_c, n_t, n_c))
    h = 2 * (np.arcsin(np.sqrt(x / n_t)) - np.arcsin(np.sqrt(y / n_c)))
    agrees(
        f"{where}, arcsine", h * np.sqrt(n_t * n_c / (n_t + n_c)) > 1.959964, f.power_arcsine(p_t, p_c, n_t, n_c), 0.05
    )


@pytest.mark.parametrize(("n_t", "n_c"), [(5, 5), (40, 12)])
def test_t_and_equivalence(n_t: int, n_c: int) -> None:
    rng = np.random.default_rng(22)
    d = 1.0
    x, y = rng.normal(d, 1, (REPLICATIONS, n_t)), rng.normal(0, 1, (REPLICATIONS, n_c))
    p = stats.ttest_ind(x, y, axis=1).pvalue
    agrees(f"t, {n_t} and {n_c}", p <= 0.05, f.power_t(d, n_t, n_c, strict=True))
    greater = stats.ttest_ind(x, y - 0.5, axis=1, alternative="greater").pvalue
    less = stats.ttest_ind(x, y + 2.5, axis=1, alternative="less").pvalue
    both = np.maximum(greater, less) <= 0.05
    agrees(f"equivalence, {n_t} and {n_c}", both, f.power_equivalence_t(0.0, 1.5, 1.0, n_t, n_c))


def test_analysis_of_variance() -> None:
    rng = np.random.default_rng(23)
    means = np.array([0.0, 0.3, 0.9])
    groups = [rng.normal(mean, 1, (REPLICATIONS, 15)) for mean in means]
    p = stats.f_oneway(*groups, axis=1).pvalue
    agrees("analysis of variance", p <= 0.05, f.power_anova(15, 3, float(means.var(ddof=1)), 1.0))


def test_chi_square() -> None:
    rng = np.random.default_rng(24)
    expected, true = np.full(4, 0.25), np.array([0.28, 0.25, 0.25, 0.22])
    counts = rng.multinomial(800, true, REPLICATIONS)
    statistic = ((counts - 800 * expected) ** 2 / (800 * expected)).sum(axis=1)
    w = float(np.sqrt(((true - expected) ** 2 / expected).sum()))
    agrees("chi-square", statistic >= stats.chi2.isf(0.05, 3), f.power_chi_square(w, 800, 3), 0.02)


@pytest.mark.parametrize(("n_t", "n_c"), [(60, 60), (150, 50)])
def test_ranks(n_t: int, n_c: int) -> None:
    rng = np.random.default_rng(25)
    x, y = rng.lognormal(0.4, 1, (REPLICATIONS, n_t)), rng.lognormal(0, 1, (REPLICATIONS, n_c))
    p = stats.mannwhitneyu(x, y, axis=1, method="asymptotic").pvalue
    agrees(
        "ranks of lognormal values",
        p <= 0.05,
        f.power_mann_whitney(float(stats.norm.cdf(0.4 / 2**0.5)), n_t, n_c),
        0.02,
    )


@pytest.mark.parametrize("heterogeneity", [0.0, 0.8])
def test_rates(heterogeneity: float) -> None:
    rng = np.random.default_rng(26)
    design = Design(measured=RateMeasure(baseline=0.4, exposure=2, heterogeneity=heterogeneity))
    n = sample_size(design, 0.25).smallest
    logs, errors = [], []
    for rate in (0.5, 0.4):
        mu = 2 * rate
        if heterogeneity:
            shape = 1 / heterogeneity
            totals = rng.poisson(mu * rng.gamma(n * shape, heterogeneity, REPLICATIONS))
        else:
            totals = rng.poisson(mu * n, REPLICATIONS)
        logs.append(np.log(totals / n / 2))
        errors.append((n / totals + heterogeneity) / n)
    z = (logs[0] - logs[1]) / np.sqrt(errors[0] + errors[1])
    agrees(f"rates, heterogeneity {heterogeneity:g}", z > 1.959964, power(design, n, 0.25), 0.01)
    agrees(
        "rates by the formula",
        z > 1.959964,
        f.power_rate_ratio(0.5, 0.4, n, exposure=2, heterogeneity=heterogeneity),
        0.01,
    )
    if heterogeneity:
        blind = sample_size(Design(measured=RateMeasure(baseline=0.4, exposure=2)), 0.25).smallest
        assert blind < n
        means = [rng.poisson(2 * r * rng.gamma(blind / 0.8, 0.8, REPLICATIONS)) / blind for r in (0.5, 0.4)]
        z = np.log(means[0] / means[1]) / np.sqrt((1 / means[0] + 1 / means[1] + 1.6) / blind)
        error_broken("missed when rates that differ between units are planned as Poisson", z <= 1.959964, 0.2)


def walks(rng: np.random.Generator, looks: int, drift: float) -> Floats:
    """Z at equally spaced looks; its expectation at the last is `drift`."""
    steps = rng.normal(drift / looks, 1 / looks**0.5, (REPLICATIONS, looks))
    return np.asarray(np.cumsum(steps, axis=1) / np.sqrt(np.arange(1, looks + 1) / looks))


@pytest.mark.parametrize("baseline", [0.01, 0.05, 0.3])
@pytest.mark.parametrize("looks", [1, 20])
def test_sequences_on_shares_reach_the_planned_power(baseline: float, looks: int) -> None:
    rng = np.random.default_rng(27)
    design = Design(measured=ShareMeasure(baseline=baseline), method=Anytime(looks=looks))
    n = sample_size(design, 0.2).smallest
    at = np.round(np.arange(1, looks + 1) * n / looks).astype(int)
    parts = np.diff(at, prepend=0)
    x, y = (np.cumsum(rng.binomial(parts, p, (REPLICATIONS, looks)), axis=1) for p in (1.2 * baseline, baseline))
    p_t, p_c = (x + 1) / (at + 2), (y + 1) / (at + 2)
    z = (x - y) / at / np.sqrt((p_t * (1 - p_t) + p_c * (1 - p_c)) / at)
    rho_squared = tuned_rho_squared(2 * n, 0.05)
    squares = np.array([squared_radius(rho_squared * 2 * size, 0.05) for size in at])
    ever = (z > np.sqrt(squares)).any(axis=1)
    agrees(f"sequence at {baseline:g}, {looks} looks", ever, 0.8, 0.02)
    watched = power_over_looks(design, n, 0.2, looks=looks)
    half = looks // 2
    if half:
        early = (z > np.sqrt(squares))[:, :half].any(axis=1)
        agrees(f"sequence at {baseline:g} found by half time", early, watched.looks[half - 1].power, 0.02)


def test_group_sequential_designs_reach_the_planned_power() -> None:
    rng = np.random.default_rng(28)
    # O'Brien and Fleming, five looks: c = 2.040, inflation 1.028 (Jennison & Turnbull 2000, tables 2.3 and 2.4).
    bounds = 2.040 * np.sqrt(5 / np.arange(1, 6))
    design = Design(measured=MeanMeasure(baseline=10, standard_deviation=5), method=GroupSequential(inflation=1.028))
    n = sample_size(design, 0.05).smallest
    z = walks(rng, 5, 0.5 / 5 / (2 / n) ** 0.5)
    agrees("group-sequential design", (z > bounds).any(axis=1), 0.8, 0.005)
    watched = power_over_looks(design, n, 0.05, looks=5, critical_values=bounds.tolist())
    for row in watched.looks:
        agrees(f"group-sequential look {row.look}", (z[:, : row.look] > bounds[: row.look]).any(axis=1), row.power)
    stopped = np.where((z > bounds).any(axis=1), (z > bounds).argmax(axis=1) + 1, 5)
    assert watched.expected_smallest == pytest.approx(n * stopped.mean() / 5, rel=0.01)


def test_many_variants_keep_the_family_error_and_reach_their_power() -> None:
    rng = np.random.default_rng(29)
    weights = (2.0, 1.0, 1.0, 0.5)
    critical = dunnett_critical(weights, 0.05)

    def statistics(effects: ArrayLike, n: float) -> Floats:
        sizes = n * np.array(weights)
        means = rng.normal(0, 1, (REPLICATIONS, 4)) / np.sqrt(sizes)
        means[:, 1:] += np.asarray(effects)
        return np.asarray((means[:, 1:] - means[:, :1]) / np.sqrt(1 / sizes[1:] + 1 / sizes[0]))

    null = np.abs(statistics([0, 0, 0], 100))
    error_kept("any false alarm among three (Dunnett)", (null > critical).any(axis=1), 0.05)
    error_broken("any false alarm among three (uncorrected)", (null > 1.959964).any(axis=1), 0.05)
    found("Dunnett is not wasteful", (null > critical).any(axis=1), 0.045)
    design = Design(
        measured=MeanMeasure(baseline=0, standard_deviation=1),
        scale="absolute",  # type: ignore[arg-type]
        weights=weights,
        correction="dunnett",
    )
    size = sample_size(design, 0.2)
    z = statistics([0.2] * 3, size.smallest / 0.5)
    agrees("the smallest treatment", z[:, 2] > critical, 0.8, 0.01)
    agrees("all treatments", (z > critical).all(axis=1), power_of_family(design, size, [0.2] * 3), 0.005)
    agrees("any treatment", (z > critical).any(axis=1), power_of_family(design, size, [0.2] * 3, which="any"), 0.005)


@pytest.mark.parametrize("true", [0.05, 0.8, 0.99])
def test_the_interval_of_a_simulated_power_covers_it(true: float) -> None:
    counts = np.random.default_rng(30).binomial(400, true, REPLICATIONS)
    intervals = {count: clopper_pearson(int(count), 400, 0.99) for count in np.unique(counts)}
    missed = np.array([not intervals[count][0] <= true <= intervals[count][1] for count in counts])
    error_kept(f"Monte Carlo interval at {true:g}", missed, 0.01)
