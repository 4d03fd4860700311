"""The Poisson bootstrap: coverage for heavy tails and zeros; resampling observations instead of units."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from assay.model.result import Interval
from assay.model.valuecounts import ValueCounts
from assay.stats.fixed.bootstrap import BootstrapInterval, poisson_bootstrap
from assay.stats.fixed.bootstrapstatistics import MEAN, RATIO, Statistic, quantile_statistic, trimmed_mean_statistic
from assay.stats.fixed.replicates import BootstrapOutcome
from tests.sim.claims import REPLICATIONS, error_broken, error_kept, found

pytestmark = pytest.mark.slow

ALPHA = 0.05
Values = NDArray[np.float64]


def bootstrap(
    t: Values, c: Values, seed: int, statistic: Statistic = MEAN, way: str = BootstrapInterval.PERCENTILE
) -> BootstrapOutcome:
    return poisson_bootstrap(t, c, statistic, replications=399, seed=seed, interval=way)


def outside(outcome: BootstrapOutcome, truth: float, relative: bool = False) -> bool:
    interval = outcome.outcome.relative_interval if relative else outcome.outcome.interval
    assert isinstance(interval, Interval)
    assert interval.lower is not None
    assert interval.upper is not None
    return not interval.lower <= truth <= interval.upper


@pytest.mark.parametrize("way", [BootstrapInterval.PERCENTILE, BootstrapInterval.STUDENTIZED])
def test_normal_means(way: str) -> None:
    rng = np.random.default_rng(901)
    wrong = [
        outside(bootstrap(rng.normal(1, 2, 60), rng.normal(0, 1, 90), i, way=way), 1.0)
        for i in range(REPLICATIONS // 4)
    ]
    error_kept(f"{way} bootstrap of normal means", np.array(wrong), ALPHA)


def test_lognormal_means_and_lifts() -> None:
    """The treatment is 1.2 times the control, whose mean is e^½."""
    rng = np.random.default_rng(902)
    wrong, wrong_lift = [], []
    for i in range(REPLICATIONS // 5):
        outcome = bootstrap(1.2 * rng.lognormal(0, 1, 500), rng.lognormal(0, 1, 500), i)
        wrong.append(outside(outcome, 0.2 * np.exp(0.5)))
        wrong_lift.append(outside(outcome, 0.2, relative=True))
    error_kept("percentile bootstrap of lognormal means", np.array(wrong), ALPHA)
    error_kept("percentile bootstrap of the lift of lognormal means", np.array(wrong_lift), ALPHA)


@pytest.mark.parametrize("base", [0.001, 0.01, 0.05, 0.3])
def test_means_with_many_zeros(base: float) -> None:
    """Some 100 units of an arm have a value, the others 0."""
    rng, n = np.random.default_rng(903), int(100 / base)
    wrong = []
    for i in range(REPLICATIONS // 5):
        arms = []
        for _ in range(2):
            values = np.zeros(rng.binomial(n, base))
            values[:] = rng.gamma(2.0, 1.0, values.size)
            arms.append(values)
        t, c = (_with_zeros(arm, n) for arm in arms)
        outcome = poisson_bootstrap(t, c, replications=399, seed=i)
        wrong.append(outside(outcome, 0.0))
    error_kept(f"percentile bootstrap of means, {base:.1%} of units not 0", np.array(wrong), ALPHA)


def _with_zeros(values: Values, n: int) -> ValueCounts:
    ordered = np.sort(values)
    counts = np.ones(values.size + 1)
    counts[0] = n - values.size
    return ValueCounts(np.concatenate([[0.0], ordered]), counts)  # type: ignore[arg-type]


def test_medians_and_trimmed_means() -> None:
    rng = np.random.default_rng(904)
    for statistic in (quantile_statistic(0.5), trimmed_mean_statistic(0.1)):
        wrong = [
            outside(bootstrap(rng.lognormal(0, 1, 120), rng.lognormal(0, 1, 80), i, statistic), 0.0)
            for i in range(REPLICATIONS // 8)
        ]
        error_kept(f"percentile bootstrap, {statistic.name}", np.array(wrong), ALPHA)


def test_ratios_by_unit_and_by_observation() -> None:
    """Clicks per page: units click at rates of their own. Resampling pages instead of units is wrong."""
    rng = np.random.default_rng(905)
    wrong, naive = [], []
    for i in range(REPLICATIONS // 8):
        rows, single = [], []
        for _ in range(2):
            seen = rng.geometric(0.1, 120)
            clicks = rng.binomial(seen, rng.beta(1, 3, 120))
            rows.append(np.stack([clicks, seen], axis=1).astype(float))
            single.append(np.repeat([1.0, 0.0], [clicks.sum(), seen.sum() - clicks.sum()]))
        wrong.append(outside(bootstrap(rows[0], rows[1], i, RATIO), 0.0))
        naive.append(outside(bootstrap(single[0], single[1], i), 0.0))
    error_kept("percentile bootstrap of a ratio by unit", np.array(wrong), ALPHA)
    error_broken("percentile bootstrap of a ratio by observation", np.array(naive), ALPHA)


def test_where_it_is_too_narrow_it_says_so() -> None:
    """Fifty skewed units against ten times as many: the docstring's 9 %."""
    rng = np.random.default_rng(906)
    wrong, warned = [], []
    for i in range(REPLICATIONS // 2):
        outcome = bootstrap(rng.lognormal(0, 1, 50), rng.lognormal(0, 1, 500), i)
        wrong.append(outside(outcome, 0.0))
        warned.append(bool(outcome.outcome.warnings))
    error_broken("percentile bootstrap of 50 lognormal units against 500", np.array(wrong), ALPHA)
    assert all(warned)


def test_a_higher_mean_is_found() -> None:
    rng = np.random.default_rng(907)
    hits = [
        bootstrap(rng.gamma(2, 1.25, 300), rng.gamma(2, 1.0, 300), i).outcome.significant()
        for i in range(REPLICATIONS // 10)
    ]
    found("bootstrap finds a mean 25 % higher", np.array(hits), 0.9)
