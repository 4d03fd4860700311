"""Sequences that rest on large samples, and Wald's tests: how often do they ever err, looked at every 100 units?"""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import stdtr

from assay.stats.sequential.mixture import tuned_rho_squared
from assay.stats.sequential.rules import one_sided_log_e
from assay.stats.sequential.sprt import sprt_means, sprt_shares
from tests.sim.claims import REPLICATIONS, error_broken, error_kept, found
from tests.sim.sequence_twin import mean_rejects, radius
from tests.sim.unit_streams import Array, Sums, as_adjusted, as_means, conversions, looks, paired

pytestmark = pytest.mark.slow

ALPHA = 0.05
Flags = NDArray[np.bool_]


def ever(rejected: Array) -> Flags:
    return np.asarray(rejected.any(axis=1), dtype=bool)


def lognormal(rng: np.random.Generator, shape: tuple[int, int]) -> tuple[Array, Array]:
    values = np.exp(rng.standard_normal(shape, dtype=np.float32)).astype(float)
    return values, values


def spending(rng: np.random.Generator, shape: tuple[int, int]) -> tuple[Array, Array]:
    """95 % of units spend nothing."""
    values = np.where(rng.random(shape, dtype=np.float32) < 0.05, rng.standard_exponential(shape), 0.0)
    return values, values


def correlated(rng: np.random.Generator, shape: tuple[int, int]) -> tuple[Array, Array]:
    before = rng.standard_normal(shape)
    return np.exp(0.5 * (0.8 * before + 0.6 * rng.standard_normal(shape))), before


def distances(s: Sums) -> tuple[Array, Array, Array, Array]:
    """Difference, its variance (Welch's or the pooled, whichever is larger), degrees of freedom, units."""
    usable = (s.n_t >= 2) & (s.n_c >= 2) & (s.v_t + s.v_c > 0)
    n_t, n_c = np.where(usable, s.n_t, 2.0), np.where(usable, s.n_c, 2.0)
    v_t, v_c = np.where(usable, s.v_t, 1.0), np.where(usable, s.v_c, 1.0)
    a, b = v_t / n_t, v_c / n_c
    nu = (a + b) ** 2 / (a**2 / (n_t - 1) + b**2 / (n_c - 1))
    pooled = ((n_t - 1) * v_t + (n_c - 1) * v_c) / (n_t + n_c - 2)
    variance = np.maximum(a + b, pooled * (1 / n_t + 1 / n_c))
    return np.where(usable, s.m_t - s.m_c, 0.0), variance, nu, n_t + n_c


def one_sided_rejects(s: Sums, rho_squared: float) -> Array:
    """The one-sided mixture over arrays."""
    difference, variance, nu, n = distances(s)
    t, m = difference / np.sqrt(variance), rho_squared * n
    log_e = (nu + 1) / 2 * (np.log1p(t * t / nu) - np.log1p(t * t / (nu * (1 + m)))) - np.log1p(m) / 2
    part = stdtr(nu + 1, t * np.sqrt(m / (1 + m)) / np.sqrt((nu + t * t / (1 + m)) / (nu + 1)))
    found = math.log(2) + log_e + np.log(np.maximum(part, 1e-300))
    i = int(np.argmax(np.abs(t[0])))
    assert found[0, i] == pytest.approx(one_sided_log_e(t[0, i], m[0, i], nu[0, i]), rel=1e-9)
    return np.asarray(found >= math.log(1 / ALPHA))


def log_ratio_rejects(s: Sums, rho_squared: float, log_ratio: float = 0.0) -> Array:
    """Whether the sequence on the log scale leaves `log_ratio` out; no look where a mean is not above 0."""
    positive = (np.minimum(s.m_t, s.m_c) > 0) & (np.minimum(s.n_t, s.n_c) >= 2) & (s.v_t + s.v_c > 0)
    m_t, m_c = np.where(positive, s.m_t, 1.0), np.where(positive, s.m_c, 1.0)
    scaled = Sums(s.n_t, np.log(m_t), s.v_t / m_t**2, s.n_c, np.log(m_c), s.v_c / m_c**2)
    difference, variance, nu, n = distances(scaled)
    return np.asarray(positive & ((difference - log_ratio) ** 2 > variance * radius(rho_squared * n, ALPHA, nu)))


def lift_rejects(s: Sums, rho_squared: float) -> Array:
    """The wrong one: a sequence on the lift m_t / m_c - 1 itself, by the delta method."""
    positive = (s.m_t > 0) & (s.m_c > 0)
    m_c = np.where(positive, s.m_c, 1.0)
    variance = s.v_t / np.maximum(s.n_t, 1) / m_c**2 + s.m_t**2 * s.v_c / np.maximum(s.n_c, 1) / m_c**4
    return np.asarray(positive & ((s.m_t / m_c - 1) ** 2 > variance * radius(rho_squared * (s.n_t + s.n_c), ALPHA)))


def share_sums(rng: np.random.Generator, horizon: int, p_t: float, p_c: float, share: float) -> Sums:
    s = conversions(rng, np.full(horizon // 100, 100), REPLICATIONS, p_t, p_c, share)
    some_t, some_c = np.maximum(s.n_t, 1), np.maximum(s.n_c, 1)
    m_t, m_c = s.x_t / some_t, s.x_c / some_c
    v_t = m_t * (1 - m_t) * some_t / np.maximum(some_t - 1, 1)
    return Sums(s.n_t, m_t, v_t, s.n_c, m_c, m_c * (1 - m_c) * some_c / np.maximum(some_c - 1, 1))


@pytest.mark.parametrize("share", [0.5, 0.1])
def test_lognormal_means_on_both_scales(share: float) -> None:
    pairs = paired(np.random.default_rng([501, int(10 * share)]), looks(1_500), REPLICATIONS, lognormal, 1.0, share)
    s, rho_squared = as_means(pairs), tuned_rho_squared(1_000, ALPHA)
    error_kept(f"mean_sequence, lognormal, treated {share:g}", ever(mean_rejects(s, rho_squared, ALPHA)), ALPHA)
    error_kept(f"mean_sequence one-sided, lognormal, treated {share:g}", ever(one_sided_rejects(s, rho_squared)), ALPHA)
    error_kept(f"log_ratio_sequence, lognormal, treated {share:g}", ever(log_ratio_rejects(s, rho_squared)), ALPHA)
    lifted = Sums(s.n_t, 1.5 * s.m_t, 2.25 * s.v_t, s.n_c, s.m_c, s.v_c)
    covered = ever(log_ratio_rejects(lifted, rho_squared, math.log(1.5)))
    error_kept(f"log_ratio_sequence, lognormal, a lift of 50 %, treated {share:g}", covered, ALPHA)
    if share == 0.1:
        late = ever(lift_rejects(s, rho_squared)[:, 50:])
        error_broken("delta method on the lift, lognormal, treated 0.1, from 100 units on", late, ALPHA)
    else:
        found("log_ratio_sequence finds a lift of 50 %", ever(log_ratio_rejects(lifted, rho_squared)), 0.9)
        found("mean_sequence one-sided finds it", ever(one_sided_rejects(lifted, rho_squared)), 0.9)
        less = Sums(lifted.n_c, lifted.m_c, lifted.v_c, lifted.n_t, lifted.m_t, lifted.v_t)
        error_kept(
            "mean_sequence one-sided, effect on the other side", ever(one_sided_rejects(less, rho_squared)), ALPHA
        )


def test_zero_inflated_spending() -> None:
    s = as_means(paired(np.random.default_rng(502), looks(1_500), REPLICATIONS, spending))
    rho_squared = tuned_rho_squared(10_000, ALPHA)
    error_kept("mean_sequence, 95 % zeros", ever(mean_rejects(s, rho_squared, ALPHA)), ALPHA)
    error_kept("mean_sequence one-sided, 95 % zeros", ever(one_sided_rejects(s, rho_squared)), ALPHA)
    error_kept("log_ratio_sequence, 95 % zeros", ever(log_ratio_rejects(s, rho_squared)), ALPHA)


def test_adjusted_means() -> None:
    pairs = paired(np.random.default_rng(503), looks(1_000), REPLICATIONS, correlated, 1.0, 0.3)
    rho_squared = tuned_rho_squared(1_000, ALPHA)
    error_kept("mean_sequence, adjusted", ever(mean_rejects(as_adjusted(pairs), rho_squared, ALPHA)), ALPHA)
    error_kept("log_ratio_sequence, adjusted", ever(log_ratio_rejects(as_adjusted(pairs), rho_squared)), ALPHA)
    own = as_adjusted(pairs, own_coefficient=True)
    error_broken("a coefficient and mean for each arm", ever(mean_rejects(own, rho_squared, ALPHA)), ALPHA)


@pytest.mark.parametrize("share", [0.5, 0.1])
@pytest.mark.parametrize(("p", "horizon"), [(0.001, 20_000), (0.01, 10_000), (0.05, 10_000), (0.3, 5_000)])
def test_lifts_of_shares(p: float, horizon: int, share: float) -> None:
    s = share_sums(np.random.default_rng([504, int(1000 * p), int(10 * share)]), horizon, p, p, share)
    rho_squared = tuned_rho_squared(2_000, ALPHA)
    error_kept(f"log_ratio_sequence, share {p:g}, treated {share:g}", ever(log_ratio_rejects(s, rho_squared)), ALPHA)
    if p == 0.01 and share == 0.5:
        error_broken("delta method on the lift, share 0.01", ever(lift_rejects(s, rho_squared)), ALPHA)


def normal_sums(rng: np.random.Generator, start: int, horizon: int, effect: float = 0.0) -> tuple[Array, Array, Array]:
    """Units per arm, difference and its estimated variance, every 2 units per arm at first, later every 100."""
    steps = np.array([start] + [2] * ((100 - start) // 2) + [100] * ((horizon - 100) // 100))
    n = np.cumsum(steps).astype(float)
    sums, squares = [], []
    for mean in (effect, 0.0):
        blocks = rng.standard_normal((REPLICATIONS, steps.size)) * np.sqrt(steps) + mean * steps
        inside = rng.chisquare(np.maximum(steps - 1, 1e-9), (REPLICATIONS, steps.size))
        total = np.cumsum(blocks, axis=1)
        sums.append(total / n)
        squares.append((np.cumsum(inside + blocks**2 / steps, axis=1) - total**2 / n) / (n - 1))
    return n, sums[0] - sums[1], (squares[0] + squares[1]) / n


def msprt_rejects(difference: Array, variance: Array, tau: float) -> Flags:
    log_e = np.log(variance / (variance + tau**2)) / 2 + tau**2 * difference**2 / (2 * variance * (variance + tau**2))
    return ever(log_e >= math.log(1 / ALPHA))


def test_mixture_sprt_with_known_and_estimated_variance() -> None:
    n, difference, estimated = normal_sums(np.random.default_rng(505), 2, 3_000)
    error_kept("msprt, known variance", msprt_rejects(difference, 2 / n + 0 * estimated, 1.0), ALPHA)
    error_broken("msprt, variance estimated from the second unit", msprt_rejects(difference, estimated, 1.0), ALPHA)
    n, difference, estimated = normal_sums(np.random.default_rng(506), 100, 3_000)
    error_kept("msprt, variance estimated from 100 units per arm on", msprt_rejects(difference, estimated, 1.0), ALPHA)
    n, difference, estimated = normal_sums(np.random.default_rng(507), 100, 3_000, 0.15)
    found("msprt finds 0.15 standard deviations", msprt_rejects(difference, estimated, 0.15), 0.95)


def first_exit(ratio: Array, lower: float, upper: float) -> tuple[Flags, Array]:
    """Which replications accept the alternative, and after how many looks each one ends."""
    out = (ratio >= upper) | (ratio <= lower)
    assert out.any(axis=1).all()
    first = np.argmax(out, axis=1)
    return ratio[np.arange(len(ratio)), first] >= upper, first + 1.0


def test_wald_s_test_of_a_share() -> None:
    rng, n = np.random.default_rng(508), 4_000
    plan = sprt_shares((0, 0), hypothesis=0.05, alternative=0.1, alpha=ALPHA, beta=0.2)
    gain, loss = math.log(2), math.log(0.9 / 0.95)
    for p, expected in ((0.05, plan.expected_units_hypothesis), (0.1, plan.expected_units_alternative)):
        x = np.cumsum(rng.random((REPLICATIONS, n), dtype=np.float32) < p, axis=1, dtype=np.int32)
        ratio = x * gain + (np.arange(1, n + 1) - x) * loss
        assert ratio[0, 99] == pytest.approx(
            sprt_shares((int(x[0, 99]), 100), hypothesis=0.05, alternative=0.1).log_likelihood_ratio, rel=1e-6
        )
        accepted, ended = first_exit(ratio, plan.lower, plan.upper)
        if p == 0.05:
            error_kept("sprt_shares, wrong alternative", accepted, ALPHA)
        else:
            found("sprt_shares, right alternative", accepted, 0.8)
        # without the overshoot Wald's number is a little too small; the standard error here is 1.2 %
        assert 0.97 * expected < ended.mean() < 1.15 * expected


def test_wald_s_test_of_a_mean() -> None:
    rng, n = np.random.default_rng(509), 1_500
    plan = sprt_means([], hypothesis=0.0, alternative=0.2, standard_deviation=1.0, alpha=ALPHA, beta=0.1)
    for mean, expected in ((0.0, plan.expected_units_hypothesis), (0.2, plan.expected_units_alternative)):
        values = rng.standard_normal((REPLICATIONS, n), dtype=np.float32).astype(float) + mean
        accepted, ended = first_exit(np.cumsum(0.2 * (values - 0.1), axis=1), plan.lower, plan.upper)
        if mean == 0:
            error_kept("sprt_means, wrong alternative", accepted, ALPHA)
        else:
            found("sprt_means, right alternative", accepted, 0.9)
        assert expected < ended.mean() < 1.15 * expected
