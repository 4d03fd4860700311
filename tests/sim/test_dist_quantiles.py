"""Quantiles: coverage with heavy tails, ties and clusters; what ignoring clusters does."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import ndtri

from assay.model.result import Interval, NoEstimate
from assay.stats.fixed.clustered import ClusteredQuantile
from assay.stats.fixed.quantiles import quantile_difference
from assay.stats.fixed.samplequantile import quantile_interval
from tests.sim.claims import REPLICATIONS, error_broken, error_kept, found

pytestmark = pytest.mark.slow

ALPHA = 0.05
Values = NDArray[np.float64]


def outside(interval: Interval | NoEstimate, truth: float) -> bool:
    assert isinstance(interval, Interval)
    below = interval.lower is not None and truth < interval.lower
    return below or (interval.upper is not None and truth > interval.upper)


@pytest.mark.parametrize(("q", "sizes"), [(0.5, (60, 300)), (0.9, (400, 150)), (0.99, (1_500, 1_500))])
def test_lognormal_units(q: float, sizes: tuple[int, int]) -> None:
    """The treatment's values are 1.2 times the control's: both the difference and the lift are covered."""
    rng = np.random.default_rng(801)
    at = math.exp(1.3 * float(ndtri(q)))
    wrong, wrong_lift = [], []
    for _ in range(REPLICATIONS // 4):
        t, c = 1.2 * rng.lognormal(0, 1.3, sizes[0]), rng.lognormal(0, 1.3, sizes[1])
        outcome = quantile_difference(t, c, q=q)
        wrong.append(outside(outcome.interval, 0.2 * at))
        wrong_lift.append(outside(outcome.relative_interval, 0.2))
    error_kept(f"difference of lognormal p{100 * q:g}", np.array(wrong), ALPHA)
    error_kept(f"lift of lognormal p{100 * q:g}", np.array(wrong_lift), ALPHA)


@pytest.mark.parametrize("q", [0.5, 0.95])
def test_tails_without_a_mean_and_ties(q: float) -> None:
    rng = np.random.default_rng(802)
    draws: tuple[Callable[[], Values], ...] = (
        lambda: rng.pareto(0.9, 500),
        lambda: np.round(rng.lognormal(2.5, 0.4, 500)),
        lambda: rng.lognormal(0, 2, 500) * (rng.random(500) < 0.45),
    )
    for name, draw in zip(("Pareto 0.9", "whole numbers", "zeros and lognormal"), draws, strict=True):
        alarms = [quantile_difference(draw(), draw(), q=q).significant() for _ in range(REPLICATIONS // 8)]
        error_kept(f"difference of p{100 * q:g}, {name}", np.array(alarms), ALPHA)


def pages(rng: np.random.Generator, units: int, factor: float = 1.0) -> tuple[NDArray[np.int64], Values]:
    """Loading times: some five pages a unit, slow units slow on every page; half of the variance lies between units."""
    each = rng.geometric(0.2, units)
    unit = np.repeat(np.arange(units), each)
    own = np.repeat(rng.normal(0, 0.7, units), each)
    return unit, factor * np.exp(own + 0.7 * rng.standard_normal(unit.size))


@pytest.mark.parametrize(("q", "units"), [(0.5, (60, 200)), (0.9, (150, 150)), (0.99, (400, 400))])
def test_clusters_are_respected(q: float, units: tuple[int, int]) -> None:
    rng = np.random.default_rng(803)
    at = math.exp(math.sqrt(2) * 0.7 * float(ndtri(q)))
    wrong, naive, one_arm = [], [], []
    for i in range(REPLICATIONS // 4):
        t, c = pages(rng, units[0], 1.1), pages(rng, units[1])
        arms = ClusteredQuantile.of(*t, q), ClusteredQuantile.of(*c, q)
        wrong.append(outside(quantile_difference(*arms, q=q).interval, 0.1 * at))
        one_arm.append(outside(quantile_interval(arms[1], q).interval, at))
        if i % 2 == 0 and q < 0.99:
            naive.append(outside(quantile_difference(t[1], c[1], q=q).interval, 0.1 * at))
    error_kept(f"difference of p{100 * q:g} of pages, by unit", np.array(wrong), ALPHA)
    error_kept(f"p{100 * q:g} of pages, by unit", np.array(one_arm), ALPHA)
    if naive:
        error_broken(f"difference of p{100 * q:g} of pages as if they were units", np.array(naive), ALPHA)


def test_differences_are_found() -> None:
    rng = np.random.default_rng(804)
    hits, clustered = [], []
    for _ in range(REPLICATIONS // 10):
        hits.append(quantile_difference(1.3 * rng.lognormal(0, 1, 800), rng.lognormal(0, 1, 800), q=0.5).significant())
        arms = (ClusteredQuantile.of(*pages(rng, 500, factor), 0.9) for factor in (1.35, 1.0))
        clustered.append(quantile_difference(*arms, q=0.9).significant())
    found("a median 30 % higher", np.array(hits), 0.95)
    found("a 90th percentile of pages 35 % higher", np.array(clustered), 0.9)


def test_exact_intervals_of_one_sample() -> None:
    """Vectorised: the ranks depend on n only. Closed intervals cover as the binomial says, ties only add."""
    rng = np.random.default_rng(805)
    for q, n in ((0.5, 11), (0.9, 90), (0.99, 600)):
        ranks = quantile_interval(np.arange(1.0, n + 1), q)
        assert isinstance(ranks.interval, Interval)
        assert ranks.coverage is not None
        ordered = np.sort(rng.random((REPLICATIONS, n)), axis=1)
        missed = np.zeros(REPLICATIONS, dtype=bool)
        if ranks.interval.lower is not None:
            missed |= ordered[:, int(ranks.interval.lower) - 1] > q
        if ranks.interval.upper is not None:
            missed |= ordered[:, int(ranks.interval.upper) - 1] < q
        error_kept(f"exact interval of p{100 * q:g} of {n}", missed, 1 - ranks.coverage)
        found(f"exact interval of p{100 * q:g} of {n} is no wider than it says", missed, 1 - ranks.coverage)
