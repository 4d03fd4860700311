"""Exact sequences of shares, rates and quantiles, looked at after every 100 units: how often do they ever err?

A sequence for a difference errs only at looks where the product of the arms' evidence at the true pair of values has
reached its bound (the least product along the hypothesis is at most that), so only those looks are judged in full.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import betaincc, gammaln

from assay.stats.inputs import Share
from assay.stats.outcome import Alternative
from assay.stats.sequential import counts, shares
from assay.stats.sequential.answers import tuned_kappas
from assay.stats.sequential.evidence import (
    one_arm_m,
    rate_evidence,
    rate_mostly_above,
    rate_mostly_below,
    share_above,
    share_below,
    share_evidence,
    share_mostly_above,
    share_mostly_below,
)
from assay.stats.sequential.joint import difference_evidence
from tests.sim.claims import REPLICATIONS, error_broken, error_kept, found
from tests.sim.unit_streams import Array, Counts, conversions

pytestmark = pytest.mark.slow

ALPHA = 0.05
BASELINES = [0.001, 0.01, 0.05, 0.3]
TWO = Alternative.TWO_SIDED


def every(units: int, horizon: int) -> NDArray[np.int64]:
    return np.full(horizon // units, units)


def ever_rejected(t: Array, c: Array) -> NDArray[np.bool_]:
    """Per replication: whether evidence, as logarithms per look for the one or the other side, ever reaches 2/α."""
    return (np.maximum(t, c) >= math.log(2 / ALPHA)).any(axis=1)


def mixture(x: Array, n: Array, p: float, kappa: float) -> Array:
    """log e of share_evidence a second time, from tables of whole numbers."""
    k = np.arange(int(np.max(n)) + 1)
    hits = gammaln(kappa * p + k) - gammaln(kappa * p) - k * math.log(p)
    others = gammaln(kappa * (1 - p) + k) - gammaln(kappa * (1 - p)) - k * math.log1p(-p)
    units = gammaln(kappa + k) - gammaln(kappa)
    x, n = x.astype(np.int64), n.astype(np.int64)
    return np.asarray(hits[x] + others[n - x] - units[n])


def worth_a_look(s: Counts, p_t: float, p_c: float, kappas: tuple[float, float]) -> NDArray[np.bool_]:
    """Replications and looks at which the evidence at the true shares may reach its bound.

    Leaning evidence is at most the two-sided over the prior's part on that side.
    """
    least = 0.0
    for p, kappa in ((p_t, kappas[0]), (p_c, kappas[1])):
        above = float(betaincc(kappa * p, kappa * (1 - p), p))
        least += math.log(min(above, 1 - above))
    total = mixture(s.x_t, s.n_t, p_t, kappas[0]) + mixture(s.x_c, s.n_c, p_c, kappas[1])
    return np.asarray(total - least >= math.log(2 / ALPHA))


def at_the_truth(s: Counts, p_t: float, p_c: float, kappas: tuple[float, float]) -> NDArray[np.bool_]:
    """Replications and looks at which the evidence at the true shares, to either side, reaches 2/α."""
    chosen = worth_a_look(s, p_t, p_c, kappas)
    x_t, n_t, x_c, n_c = (part[chosen] for part in (s.x_t, s.n_t, s.x_c, s.n_c))
    t, c = (x_t, n_t, p_t, 1 - p_t, kappas[0]), (x_c, n_c, p_c, 1 - p_c, kappas[1])
    greater = share_mostly_above(*t) + share_mostly_below(*c)
    less = share_mostly_below(*t) + share_mostly_above(*c)
    reached = np.zeros(chosen.shape, dtype=bool)
    reached[chosen] = np.maximum(greater, less) >= math.log(2 / ALPHA)
    return reached


def judged(s: Counts, p_t: float, p_c: float, kappas: tuple[float, float]) -> NDArray[np.bool_]:
    """Per replication: whether the sequence for the difference, tuned so, ever leaves the true one out."""
    needed = math.log(2 / ALPHA)
    wrong = np.zeros(len(s.n_t), dtype=bool)
    for i, j in np.argwhere(at_the_truth(s, p_t, p_c, kappas)):
        if not wrong[i]:
            t = shares._side(Share(int(s.x_t[i, j]), int(s.n_t[i, j])), kappas[0])
            c = shares._side(Share(int(s.x_c[i, j]), int(s.n_c[i, j])), kappas[1])
            evidence = difference_evidence(t, c, p_t - p_c), difference_evidence(c, t, p_c - p_t)
            wrong[i] = max(evidence) >= needed
    return wrong


@pytest.mark.parametrize("p", BASELINES)
def test_one_share_is_covered_at_every_look(p: float) -> None:
    rng = np.random.default_rng([401, int(p * 1000)])
    n = np.cumsum(every(100, 6_000))
    x = np.cumsum(rng.binomial(100, p, (REPLICATIONS, n.size)), axis=1)
    units = np.broadcast_to(n, x.shape)
    assert mixture(x[:50], units[:50], p, 300.0) == pytest.approx(share_evidence(x[:50], n, p, 1 - p, 300.0), abs=1e-8)
    for tuning in (500, 10_000):
        kappa = tuning / one_arm_m(ALPHA, two_sided=True)
        wrong = (mixture(x, units, p, kappa) >= math.log(1 / ALPHA)).any(axis=1)
        error_kept(f"share_sequence, share {p:g}, tuned to {tuning}", wrong, ALPHA)
    kappa = 10_000 / one_arm_m(ALPHA, two_sided=False)
    wrong = share_above(x[:, ::4], n[::4], p, 1 - p, kappa) >= math.log(1 / ALPHA)
    error_kept(f"share_sequence, share {p:g}, one-sided", wrong.any(axis=1), ALPHA)


@pytest.mark.parametrize("share", [0.5, 0.1])
@pytest.mark.parametrize("p", BASELINES)
def test_two_shares_without_an_effect(p: float, share: float) -> None:
    rng = np.random.default_rng([402, int(p * 1000), int(share * 10)])
    s = conversions(rng, every(100, 6_000), REPLICATIONS, p, p, share)
    error_kept(
        f"two_share_sequence, share {p:g}, treated {share:g}",
        judged(s, p, p, tuned_kappas(4_000, share, ALPHA, TWO)),
        ALPHA,
    )


def test_two_shares_with_an_effect_are_covered() -> None:
    s = conversions(np.random.default_rng(403), every(100, 6_000), REPLICATIONS, 0.08, 0.05, 0.3)
    error_kept(
        "two_share_sequence, 8 % against 5 %", judged(s, 0.08, 0.05, tuned_kappas(4_000, 0.5, ALPHA, TWO)), ALPHA
    )


def test_two_shares_when_units_follow_the_leading_arm() -> None:
    rng, looks = np.random.default_rng(404), 60
    n = np.zeros((2, REPLICATIONS, looks))
    x = np.zeros((2, REPLICATIONS, looks))
    units, hits = np.full((2, REPLICATIONS), 1.0), np.full((2, REPLICATIONS), 0.5)
    for look in range(looks):
        treated = np.where(hits[0] / units[0] > hits[1] / units[1], 85, 15)
        for arm, new in enumerate((treated, 100 - treated)):
            units[arm] += new
            hits[arm] += rng.binomial(new, 0.05)
            n[arm, :, look], x[arm, :, look] = units[arm] - 1, hits[arm] - 0.5
    s = Counts(n[0], x[0], n[1], x[1])
    error_kept(
        "two_share_sequence, allocation follows the data",
        judged(s, 0.05, 0.05, tuned_kappas(3_000, 0.5, ALPHA, TWO)),
        ALPHA,
    )


@pytest.mark.parametrize(
    ("p", "ratio", "n", "least"), [(0.001, 2.0, 60_000, 0.9), (0.01, 1.5, 20_000, 0.85), (0.3, 1.1, 8_000, 0.8)]
)
def test_a_difference_of_shares_is_found(p: float, ratio: float, n: int, least: float) -> None:
    rng = np.random.default_rng([405, n])
    pairs = zip(rng.binomial(n, ratio * p, 400).tolist(), rng.binomial(n, p, 400).tolist(), strict=True)
    kappas = tuned_kappas(2 * n, 0.5, ALPHA, TWO)
    hits = [
        difference_evidence(shares._side(Share(t, n), kappas[0]), shares._side(Share(c, n), kappas[1]), 0.0)
        >= math.log(2 / ALPHA)
        for t, c in pairs
    ]
    found(f"two_share_sequence, {p:g} times {ratio:g}", np.array(hits), least)


def test_likelihood_ratio_with_plug_in_rates_cries_wolf() -> None:
    """min(1, exp(-LLR)) at every 100 units per arm; each arm's own rate is not fixed before the data."""

    def log_likelihood(x: Array, n: Array, p: Array) -> Array:
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(np.where(x > 0, x * np.log(p), 0.0) + np.where(n > x, (n - x) * np.log1p(-p), 0.0))

    rng = np.random.default_rng(406)
    n = np.cumsum(every(100, 10_000)).astype(float)
    x_t, x_c = (np.cumsum(rng.binomial(100, 0.05, (REPLICATIONS, n.size)), axis=1).astype(float) for _ in range(2))
    pooled = (x_t + x_c) / (2 * n)
    free = log_likelihood(x_t, n, x_t / n) + log_likelihood(x_c, n, x_c / n)
    ratio = free - log_likelihood(x_t, n, pooled) - log_likelihood(x_c, n, pooled)
    error_broken("min(1, exp(-LLR)) with plug-in rates", (np.exp(-ratio) <= ALPHA).any(axis=1), ALPHA)
    s = Counts(np.broadcast_to(n, x_t.shape), x_t, np.broadcast_to(n, x_t.shape), x_c)
    error_kept(
        "two_share_sequence on the same streams", judged(s, 0.05, 0.05, tuned_kappas(10_000, 0.5, ALPHA, TWO)), ALPHA
    )


@pytest.mark.parametrize(("rate", "share"), [(0.02, 0.5), (0.5, 0.1), (20.0, 0.5)])
def test_poisson_rates(rate: float, share: float) -> None:
    rng = np.random.default_rng([407, int(rate * 100)])
    exposure = np.cumsum(every(100, 3_000)).astype(float)
    x_t, x_c = (
        np.cumsum(rng.poisson(rate * part * 100, (REPLICATIONS, exposure.size)), axis=1) for part in (share, 1 - share)
    )
    kappa = 1_500 * share / one_arm_m(ALPHA, two_sided=True)
    wrong = (rate_evidence(x_t, share * exposure, rate, kappa) >= math.log(1 / ALPHA)).any(axis=1)
    error_kept(f"rate_sequence, {rate:g}", wrong, ALPHA)
    kappas = tuned_kappas(3_000, share, ALPHA, TWO)
    t, c = (x_t, share * exposure, rate, kappas[0]), (x_c, (1 - share) * exposure, rate, kappas[1])
    greater, less = rate_mostly_above(*t) + rate_mostly_below(*c), rate_mostly_below(*t) + rate_mostly_above(*c)
    error_kept(f"two_rate_sequence, {rate:g}, bound from above", ever_rejected(greater, less), ALPHA)


def test_a_difference_of_rates_is_found() -> None:
    rng = np.random.default_rng(408)
    pairs = zip(rng.poisson(1.4 * 400, 300).tolist(), rng.poisson(400, 300).tolist(), strict=True)
    kappas = tuned_kappas(8_000, 0.5, ALPHA, TWO)
    hits = [
        difference_evidence(counts._side(t, 4_000.0, kappas[0]), counts._side(c, 4_000.0, kappas[1]), 0.0)
        >= math.log(2 / ALPHA)
        for t, c in pairs
    ]
    found("two_rate_sequence, 40 % more events", np.array(hits), 0.85)


def test_clustered_events_are_no_poisson_process() -> None:
    """What the docstring warns of: events in clusters of four vary four times as much."""
    rng = np.random.default_rng(409)
    exposure = np.cumsum(every(100, 3_000)).astype(float)
    x = 4 * np.cumsum(rng.poisson(0.1 * 100, (REPLICATIONS, exposure.size)), axis=1)
    kappa = 3_000 / one_arm_m(ALPHA, two_sided=True)
    wrong = (rate_evidence(x, exposure, 0.4, kappa) >= math.log(1 / ALPHA)).any(axis=1)
    error_broken("rate_sequence on clustered events", wrong, ALPHA)


@pytest.mark.parametrize("quantile", [0.1, 0.5, 0.99])
def test_quantiles_of_any_continuous_values(quantile: float) -> None:
    """Of values below their p-quantile there are Binomial(n, p), whatever the distribution."""
    rng = np.random.default_rng([410, int(100 * quantile)])
    n = np.cumsum(every(100, 6_000))
    t, c = (np.cumsum(rng.binomial(100, quantile, (REPLICATIONS, n.size)), axis=1) for _ in range(2))
    units = np.broadcast_to(n, t.shape)
    kappas = tuned_kappas(4_000, 0.5, ALPHA, TWO)
    s, wrong = Counts(units, t, units, c), np.zeros(t.shape, dtype=bool)
    chosen = worth_a_look(s, quantile, quantile, kappas)
    one, other = ((x[chosen], units[chosen], quantile, 1 - quantile, kappas[0]) for x in (t, c))
    greater, less = share_below(*one) + share_above(*other), share_above(*one) + share_below(*other)
    wrong[chosen] = np.maximum(greater, less) >= math.log(2 / ALPHA)
    error_kept(f"two_quantile_sequence, quantile {quantile:g}, bound from above", wrong.any(axis=1), ALPHA)
    kappa = 2_000 / one_arm_m(ALPHA, two_sided=True)
    single = t[:, ::3], n[::3], quantile, 1 - quantile, kappa
    wrong = ever_rejected(share_below(*single), share_above(*single))
    error_kept(f"quantile_sequence, quantile {quantile:g}", wrong, ALPHA)


def test_a_quantile_among_ties() -> None:
    """60 % zeros: the median is 0, with no unit below it and 60 % at or below it."""
    rng = np.random.default_rng(411)
    n = np.cumsum(every(100, 4_000))
    zeros = np.cumsum(rng.binomial(100, 0.6, (REPLICATIONS, n.size)), axis=1)
    kappa = 2_000 / one_arm_m(ALPHA, two_sided=True)
    none = np.zeros_like(zeros)
    wrong = ever_rejected(share_below(zeros, n, 0.5, 0.5, kappa), share_above(none, n, 0.5, 0.5, kappa))
    error_kept("quantile_sequence, the median of 60 % zeros", wrong, ALPHA)
    share = ever_rejected(share_below(zeros, n, 0.5, 0.5, kappa), share_above(zeros, n, 0.5, 0.5, kappa))
    error_broken("counting ties as below the median", share, ALPHA)
