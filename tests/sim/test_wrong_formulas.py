"""Formulas that are often used and do not hold: the simulation must notice each of them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy.special import ndtri, xlogy

from assay.stats.sequential.mixture import tuned_rho_squared
from tests.sim.claims import REPLICATIONS, error_broken, in_parts
from tests.sim.sequence_twin import radius
from tests.sim.unit_streams import Array, Counts, as_adjusted, conversions, paired

pytestmark = pytest.mark.slow

ALPHA = 0.05


def ever(alarms: Callable[[Counts], Array], p: float, seed: int, every: int = 200, horizon: int = 20_000) -> Array:
    """Whether streams without an effect give an alarm at any look. alarms: replications × looks."""
    rng = np.random.default_rng(seed)
    blocks = np.full(horizon // every, every)
    return in_parts(lambda rows: alarms(conversions(rng, blocks, rows, p, p, 0.5)).any(axis=1))


def log_likelihood(x: Array, n: Array, p: Array) -> Array:
    return xlogy(x, p) + xlogy(n - x, 1 - p)


def test_likelihood_ratio_at_the_observed_rates_is_not_an_always_valid_p() -> None:
    def alarms(s: Counts) -> Array:
        pooled = (s.x_t + s.x_c) / (s.n_t + s.n_c)
        free = log_likelihood(s.x_t, s.n_t, s.x_t / s.n_t) + log_likelihood(s.x_c, s.n_c, s.x_c / s.n_c)
        ratio = free - log_likelihood(s.x_t, s.n_t, pooled) - log_likelihood(s.x_c, s.n_c, pooled)
        return np.exp(-ratio) < ALPHA

    flags = ever(alarms, 0.05, seed=301)
    error_broken("min(1, exp(-LLR)) with plug-in rates, 5 % baseline, looked at every 200 units", flags, 2 * ALPHA)


def test_watching_a_fixed_horizon_test_inflates() -> None:
    def alarms(s: Counts) -> Array:
        pooled = (s.x_t + s.x_c) / (s.n_t + s.n_c)
        error = np.sqrt(np.maximum(pooled * (1 - pooled), 1e-12) * (1 / s.n_t + 1 / s.n_c))
        return np.abs(s.x_t / s.n_t - s.x_c / s.n_c) / error > -ndtri(ALPHA / 2)

    flags = ever(alarms, 0.05, seed=302)
    error_broken("fixed-horizon z-test, 5 % baseline, looked at every 200 units", flags, 4 * ALPHA)


@pytest.mark.parametrize(("rho", "times"), [(0.5, 1.0), (0.8, 3.0)])
def test_a_coefficient_and_mean_for_each_arm_inflate(rho: float, times: float) -> None:
    def draw(rng: np.random.Generator, shape: tuple[int, int]) -> tuple[Array, Array]:
        before = rng.standard_normal(shape)
        return rho * before + np.sqrt(1 - rho**2) * rng.standard_normal(shape), before

    pairs = paired(np.random.default_rng(303), np.array([400]), REPLICATIONS, draw)
    s = as_adjusted(pairs, own_coefficient=True)
    t = (s.m_t - s.m_c) / np.sqrt(s.v_t / s.n_t + s.v_c / s.n_c)
    error_broken(
        f"CUPED with a coefficient and mean per arm, rho {rho:g}", (np.abs(t) > 1.97).any(axis=1), times * ALPHA
    )


def test_a_sequence_on_the_lift_by_the_delta_method_inflates() -> None:
    def left_out(s: Counts) -> Array:
        p_t, p_c = s.x_t / s.n_t, s.x_c / s.n_c
        usable = (p_t > 0) & (p_c > 0)
        with np.errstate(divide="ignore", invalid="ignore"):
            lift = p_t / p_c - 1
            variance = p_t * (1 - p_t) / s.n_t / p_c**2 + p_t**2 * p_c * (1 - p_c) / s.n_c / p_c**4
            return usable & (lift**2 > variance * radius(tuned_rho_squared(2_000, ALPHA) * (s.n_t + s.n_c), ALPHA))

    flags = ever(left_out, 0.01, seed=304, every=100)
    error_broken("sequence on the lift by the delta method, 1 % baseline", flags, ALPHA)
