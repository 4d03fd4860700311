"""Learned covariates: predictions from the own value hide the effect; predictions out of the fold do not."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from assay.stats.fixed.core import cuped_t
from assay.stats.outcome import Outcome
from assay.stats.reduction.learned import LearnedCovariate, learned_covariate
from assay.stats.reduction.rows import unit_moments
from tests.sim import claims
from tests.sim.unit_streams import Array
from tests.stats.test_reduce_learned import NearestNeighbours

pytestmark = pytest.mark.slow

ALPHA, N, EFFECT = 0.05, 160, 0.5
REPLICATIONS = claims.REPLICATIONS // 5
Split = NDArray[np.bool_]


def drawn(seed: int) -> tuple[Array, Array, Split]:
    rng = np.random.default_rng(seed)
    x = rng.uniform(-2, 2, N)
    return x, x**2 + rng.standard_normal(N), rng.random(N) < 0.5


def judged(value: Array, covariate: Array, treated: Split, null: float = 0.0) -> Outcome:
    t, c = (unit_moments(value[who], covariates=[covariate[who]]) for who in (treated, ~treated))
    return cuped_t(t, c, alpha=ALPHA, null=null)


def out_of_fold(x: Array, y: Array, clusters: NDArray[np.int64] | None = None, k: int = 3) -> Array:
    found = learned_covariate(x, y, NearestNeighbours(k), clusters=clusters)
    assert isinstance(found, LearnedCovariate)
    return found.values


def in_sample(x: Array, y: Array) -> Array:
    return NearestNeighbours(3).fit(x[:, None], y).predict(x[:, None])


def test_cross_fitting_keeps_the_error_and_fitting_on_the_own_value_does_not() -> None:
    """The true effect is the hypothesis. A model that saw the unit has taken a third of the effect for granted."""
    kept, alarms, broken, found, quiet = [], [], [], [], []
    for seed in range(REPLICATIONS):
        x, y, treated = drawn(seed)
        moved = y + EFFECT * treated
        honest = out_of_fold(x, moved)
        kept.append(judged(moved, honest, treated, EFFECT).significant())
        found.append(judged(moved, honest, treated).significant())
        broken.append(judged(moved, in_sample(x, moved), treated, EFFECT).significant())
        alarms.append(judged(y, out_of_fold(x, y), treated).significant())
        quiet.append(judged(y, in_sample(x, y), treated).significant())
    claims.error_kept("learned covariate, cross-fitted: the true effect is rejected", kept, ALPHA)
    claims.error_kept("learned covariate, cross-fitted: false alarms", alarms, ALPHA)
    claims.error_broken("learned covariate, in-sample: the true effect is rejected", broken, ALPHA)
    # without any effect a fit that does not know the variant is but a function of what was shuffled
    claims.error_kept("learned covariate, in-sample: false alarms where there is no effect at all", quiet, ALPHA)
    claims.found("learned covariate finds half an sd with 160 units", found, 0.65)


def test_a_model_for_each_variant_inflates() -> None:
    """Residuals of a model of each variant's own: the estimate is the raw one, its error that of an overfit model."""
    wrong = []
    for seed in range(REPLICATIONS):
        x, y, treated = drawn(seed)
        g = np.empty(N)
        for who in (treated, ~treated):
            g[who] = in_sample(x[who], y[who])
        t, c = (unit_moments(y[who] - g[who] + g[who].mean()) for who in (treated, ~treated))
        variance = t.comoment() / (t.n - 1) / t.n + c.comoment() / (c.n - 1) / c.n
        wrong.append(abs(t.mean() - c.mean()) > 1.98 * np.sqrt(variance))
    claims.error_broken("a model for each variant, in-sample: false alarms", wrong, ALPHA)


def test_folds_by_cluster() -> None:
    """Four rows of one unit share its features and its luck; folds that part them let the model see the value."""
    kept: list[bool] = []
    broken: list[bool] = []
    rows = 4
    for seed in range(REPLICATIONS):
        rng = np.random.default_rng([seed, 1])
        x, y, treated = drawn(seed)
        value = np.repeat(y + EFFECT * treated, rows) + 0.3 * rng.standard_normal(rows * N)
        feature, unit = np.repeat(x, rows), np.repeat(np.arange(N), rows)
        for clusters, into in ((unit, kept), (None, broken)):
            g = out_of_fold(feature, value, clusters, k=6)
            by_unit, covariate = (column.reshape(N, rows).mean(axis=1) for column in (value, g))
            into.append(judged(by_unit, covariate, treated, EFFECT).significant())
    claims.error_kept("learned covariate, folds by cluster", kept, ALPHA)
    claims.error_broken("learned covariate, folds that part clusters", broken, ALPHA)
