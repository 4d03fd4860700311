"""The sequences of assay.stats written a second time, over arrays, so that thousands of streams can be followed.

test_sequence_twin.py checks the two against each other at random looks; nothing here is imported by the package.
"""

from __future__ import annotations

import numpy as np

from tests.sim.unit_streams import Array, Counts, Sums


def radius(m: Array, alpha: float, nu: Array | None = None) -> Array:
    """Squared critical value; infinite while there is none."""
    log_needed = np.log(np.sqrt(m + 1) / alpha)
    if nu is None:
        return 2 * (m + 1) / m * log_needed
    k = np.exp(np.minimum(2 * log_needed / (nu + 1), 700))
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(k < 1 + m, nu * (k - 1) / (1 - k / (1 + m)), np.inf)


def share_rejects(s: Counts, rho_squared: float, alpha: float, difference: float = 0.0) -> Array:
    """Whether the sequence for the difference of two shares leaves `difference` out, per replication and look."""
    usable = (s.n_t >= 2) & (s.n_c >= 2)
    n_t, n_c = np.maximum(s.n_t, 1), np.maximum(s.n_c, 1)
    n = n_t + n_c
    q_t, q_c = (s.x_t + 1) / (n_t + 2), (s.x_c + 1) / (n_c + 2)
    plain = q_t * (1 - q_t) / n_t + q_c * (1 - q_c) / n_c
    base = (s.x_t + s.x_c - n_t * difference) / n
    raised = base + difference
    constrained = raised * (1 - raised) / n_t + base * (1 - base) / n_c
    distance = s.x_t / n_t - s.x_c / n_c - difference
    return usable & (distance**2 > radius(rho_squared * n, alpha) * np.maximum(plain, constrained))


def share_ratio_rejects(s: Counts, rho_squared: float, alpha: float, ratio: float) -> Array:
    """Whether Fieller's set for the ratio of two shares leaves `ratio` out."""
    usable = (s.n_t >= 2) & (s.n_c >= 2)
    n_t, n_c = np.maximum(s.n_t, 1), np.maximum(s.n_c, 1)
    q_t, q_c = (s.x_t + 1) / (n_t + 2), (s.x_c + 1) / (n_c + 2)
    plain = q_t * (1 - q_t) / n_t + ratio**2 * q_c * (1 - q_c) / n_c
    total = s.x_t + s.x_c
    pooled = total / (n_t + n_c)
    constrained = ratio * pooled * (1 - pooled) * (1 / n_t + 1 / n_c)
    distance = s.x_t / n_t - ratio * s.x_c / n_c
    return usable & (distance**2 > radius(rho_squared * (n_t + n_c), alpha) * np.maximum(plain, constrained))


def mean_rejects(s: Sums, rho_squared: float, alpha: float, ratio: float = 1.0, difference: float = 0.0) -> Array:
    """Whether `treatment - ratio · control = difference` is left out; ratio other than 1 is Fieller's set."""
    usable = (s.n_t >= 2) & (s.n_c >= 2)
    n_t, n_c = np.maximum(s.n_t, 2), np.maximum(s.n_c, 2)
    m_t, m_c, v_t, v_c = (np.where(usable, part, 0.0) for part in (s.m_t, s.m_c, s.v_t, s.v_c))
    a, b = v_t / n_t, v_c / n_c
    with np.errstate(divide="ignore", invalid="ignore"):
        nu = np.where(a + b > 0, (a + b) ** 2 / (a**2 / (n_t - 1) + b**2 / (n_c - 1)), n_t + n_c - 2)
    pooled = ((n_t - 1) * v_t + (n_c - 1) * v_c) / (n_t + n_c - 2)
    beside = s.spread * (1 - ratio) ** 2 + s.tilt * (1 - ratio**2)
    variance = np.maximum(a + ratio**2 * b, pooled * (1 / n_t + ratio**2 / n_c)) + beside
    distance = m_t - ratio * m_c - difference
    bound = np.where(variance > 0, radius(rho_squared * (n_t + n_c), alpha, nu) * np.maximum(variance, 1e-300), np.inf)
    return usable & (distance**2 > bound)
