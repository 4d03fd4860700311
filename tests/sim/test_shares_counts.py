"""Rates of events and effect sizes: false alarms, coverage and power, with and without overdispersion."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from assay.model.moments import VALUE, Moments
from assay.model.result import Interval
from assay.stats.fixed.counts import poisson_test
from assay.stats.fixed.dispersion import overdispersion
from assay.stats.fixed.effect_spread import cliffs_delta, cohens_d, hedges_g, probability_of_superiority
from assay.stats.fixed.overdispersed import negative_binomial_test
from tests.sim.claims import REPLICATIONS, error_broken, error_kept, found

pytestmark = pytest.mark.slow

ALPHA = 0.05
Floats = NDArray[np.float64]


def missed(interval: object, truth: float) -> bool:
    assert isinstance(interval, Interval), interval
    low, high = interval.lower, interval.upper
    return (low is not None and truth < low) or (high is not None and truth > high)


def poissons(seed: int, mean_t: float, mean_c: float) -> list[tuple[int, int]]:
    rng = np.random.default_rng(seed)
    pairs = np.stack([rng.poisson(mean_t, REPLICATIONS), rng.poisson(mean_c, REPLICATIONS)], axis=1)
    return [(int(x), int(y)) for x, y in pairs]


@pytest.mark.parametrize(("events", "share"), [(8.0, 0.5), (60.0, 0.5), (300.0, 0.2)])
def test_poisson_tests_keep_the_error(events: float, share: float) -> None:
    """Exposures of share and 1 - share; a rate of `events` each."""
    claim = f"{events * share:g} and {events * (1 - share):g} events"
    for method, truth in (("exact", 0.0), ("score", 0.0), ("score", 0.5)):
        pairs = poissons(731, (1 + truth) * events * share, events * (1 - share))
        judged = {(x, y): poisson_test((x, share), (y, 1 - share), null=truth, method=method) for x, y in set(pairs)}
        wrong = np.array([judged[pair].significant() for pair in pairs])
        error_kept(f"Poisson {method}, {claim}, lift {truth:g}", wrong, ALPHA)
        outside = np.array([missed(judged[pair].interval, truth * events) for pair in pairs])
        error_kept(f"interval of a difference of rates, {claim}, lift {truth:g}", outside, ALPHA)


def test_poisson_tests_find_a_difference() -> None:
    pairs = poissons(732, 48, 25)
    for method in ("exact", "score"):
        judged = {pair: poisson_test((pair[0], 1), (pair[1], 1), method=method).significant() for pair in set(pairs)}
        found(f"Poisson {method}, 48 against 25 events", np.array([judged[pair] for pair in pairs]), 0.73)


def gamma_poisson(seed: int, shape: tuple[int, int], mean: float, k: float) -> Floats:
    rng = np.random.default_rng(seed)
    return rng.negative_binomial(1 / k, 1 / (1 + k * mean), shape).astype(np.float64)


def moments(units: Floats) -> list[Moments]:
    n = units.shape[1]
    mean = units.mean(axis=1)
    squares = ((units - mean[:, None]) ** 2).sum(axis=1)
    return [Moments(n, (VALUE,), (m,), (s,)) for m, s in zip(mean.tolist(), squares.tolist(), strict=True)]


@pytest.mark.parametrize(
    ("n_t", "n_c", "mean", "k"),
    [(200, 200, 1.0, 1.0), (200, 100, 5.0, 1.0), (500, 300, 0.5, 4.0), (300, 300, 0.3, 1e-6)],
)
def test_negative_binomial_keeps_the_error_and_poisson_does_not(n_t: int, n_c: int, mean: float, k: float) -> None:
    t = moments(gamma_poisson(733, (REPLICATIONS, n_t), mean, k))
    c = moments(gamma_poisson(734, (REPLICATIONS, n_c), mean, k))
    pairs = list(zip(t, c, strict=True))
    outcomes = [negative_binomial_test(a, b) for a, b in pairs]
    claim = f"mean {mean:g}, k {k:g}, {n_t} and {n_c} units"
    error_kept(f"negative binomial, {claim}", np.array([item.significant() for item in outcomes]), ALPHA)
    outside = np.array([missed(item.interval, 0.0) for item in outcomes])
    error_kept(f"negative binomial's interval of the difference, {claim}", outside, ALPHA)
    warned, wrong = [], []
    for a, b in pairs:
        item = poisson_test(a, b, method="score")
        warned.append(bool(item.warnings))
        wrong.append(item.significant())
    if k > 0.1:
        error_broken(f"a Poisson test of such units, {claim}", np.array(wrong), ALPHA)
        found(f"the warning of it, {claim}", np.array(warned), 0.99)
    else:
        error_kept(f"a Poisson test of Poisson units, {claim}", np.array(wrong), ALPHA)
        error_kept("the warning of overdispersion without any", np.array(warned), 0.01)


@pytest.mark.parametrize(("n", "mean", "k"), [(15, 5.0, 0.3), (20, 20.0, 0.3), (40, 5.0, 1.0), (60, 2.0, 1.0)])
def test_negative_binomial_of_few_units_errs_a_little(n: int, mean: float, k: float) -> None:
    arms = [moments(gamma_poisson(741 + i, (REPLICATIONS, n), mean, k)) for i in range(2)]
    wrong = [negative_binomial_test(a, b).significant() for a, b in zip(*arms, strict=True)]
    error_kept(f"negative binomial, mean {mean:g}, k {k:g}, {n} units an arm (5 % meant)", np.array(wrong), 0.064)


def test_negative_binomial_finds_a_difference() -> None:
    t, c = (gamma_poisson(735 + i, (REPLICATIONS, 400), mean, 1.0) for i, mean in enumerate((1.4, 1.0)))
    pairs = zip(moments(t), moments(c), strict=True)
    hits = [negative_binomial_test(a, b).significant() for a, b in pairs]
    found("negative binomial, 40 % more of 1 event per unit", np.array(hits), 0.85)


def test_the_likeliest_dispersion_keeps_the_error() -> None:
    reps = REPLICATIONS // 10
    t, c = (gamma_poisson(737 + i, (reps, 150), 2.0, 1.5) for i in range(2))
    outcomes = [negative_binomial_test(a, b, dispersion="likelihood") for a, b in zip(t, c, strict=True)]
    error_kept("negative binomial, likeliest k", np.array([item.significant() for item in outcomes]), ALPHA)


def test_index_of_dispersion() -> None:
    rng = np.random.default_rng(739)
    for mean, n, rate in ((0.05, 2_000, 0.063), (1.0, 100, ALPHA), (30.0, 20, ALPHA)):
        units = moments(rng.poisson(mean, (REPLICATIONS, n)).astype(np.float64))
        p = np.array([overdispersion(item).p_value for item in units], dtype=np.float64)
        meant = "" if rate == ALPHA else " (5 % meant)"
        error_kept(f"index of dispersion, mean {mean:g} of {n} units{meant}", p <= ALPHA, rate)
    wild = moments(gamma_poisson(740, (REPLICATIONS, 100), 1.0, 0.6))
    p = np.array([overdispersion(item).p_value for item in wild], dtype=np.float64)
    found("index of dispersion, variance 1.6 times the mean", p <= ALPHA, 0.9)


def covers(claim: str, effect: Callable[..., object], arms: tuple[Floats, Floats], truth: float) -> None:
    wrong = []
    for t, c in zip(*arms, strict=True):
        interval = getattr(effect(t, c), "interval")  # noqa: B009
        wrong.append(missed(interval, truth))
    error_kept(claim, np.array(wrong), ALPHA)


def test_intervals_of_effect_sizes_cover() -> None:
    rng = np.random.default_rng(741)
    reps = REPLICATIONS // 2
    for n_t, n_c, d in ((12, 12, 0.8), (40, 10, 0.0)):
        arms = rng.normal(d, 1, (reps, n_t)), rng.normal(0, 1, (reps, n_c))
        covers(f"Cohen's d of {d:g}, {n_t} and {n_c} units", cohens_d, arms, d)
        covers(f"Hedges' g of {d:g}, {n_t} and {n_c} units", hedges_g, arms, d)
    heavy = np.exp(rng.normal(0.4, 1, (reps, 60))), np.exp(rng.normal(0, 1, (reps, 40)))
    truth = 0.5 * math.erfc(-0.4 / 2)
    covers("probability of superiority, lognormal", probability_of_superiority, heavy, truth)
    covers("Cliff's delta, lognormal", cliffs_delta, heavy, 2 * truth - 1)

    def inflated(p: float, n: int) -> Floats:
        return np.where(rng.random((reps, n)) < p, np.round(np.exp(rng.normal(1, 1, (reps, n)))), 0.0)

    zeros = inflated(0.3, 150), inflated(0.3, 60)
    covers("probability of superiority, 70 % zeros", probability_of_superiority, zeros, 0.5)


def test_an_interval_without_ties_in_the_variance_is_caught() -> None:
    """The variance of continuous values, (n_t + n_c + 1) / (12 n_t n_c), under very different spreads."""
    rng = np.random.default_rng(742)
    t, c = rng.normal(0, 10, (REPLICATIONS, 15)), rng.normal(0, 1, (REPLICATIONS, 90))
    theta = (t[:, :, None] > c[:, None, :]).mean(axis=(1, 2))
    half = 1.96 * math.sqrt(106 / (12 * 15 * 90))
    error_broken("the rank sum's variance for an interval of superiority", np.abs(theta - 0.5) > half, ALPHA)


def test_counting_events_as_units_is_caught() -> None:
    """Conversions of events (three a unit, alike) judged as if events were units."""
    rng = np.random.default_rng(743)
    alarms: Sequence[bool] = [
        poisson_test((3 * int(x), 1), (3 * int(y), 1), method="score").significant()
        for x, y in rng.poisson(100, (REPLICATIONS, 2))
    ]
    error_broken("every unit's event counted three times", np.array(alarms), ALPHA)
