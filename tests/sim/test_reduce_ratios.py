"""CUPED of ratios: false alarms, coverage with heavy tails, power, and own coefficients as the trap."""

from __future__ import annotations

import numpy as np
import pytest

from assay.model.metric import MetricKind
from assay.model.moments import DENOMINATOR, VALUE, Moments, covariate_columns
from assay.model.result import Interval
from assay.stats.arm import Arm
from assay.stats.fixed.core import compare_arms, ratio_t
from assay.stats.outcome import Outcome
from assay.stats.reduction.compared import cuped_ratio_t
from assay.stats.reduction.cuped import Adjustment, adjusted_arm, adjustment
from tests.sim import claims
from tests.sim.test_reduce_covariates import many_moments, missed, significant
from tests.sim.unit_streams import Array

pytestmark = pytest.mark.slow

ALPHA = 0.05
COLUMNS = (VALUE, DENOMINATOR, *covariate_columns(2))
Pair = tuple[Moments, Moments]


def shoppers(rng: np.random.Generator, shape: tuple[int, int], lift: float) -> list[Array]:
    """Spending and visits, now and before: amounts per visit are lognormal by unit, visits differ by unit too."""
    rate, taste = rng.gamma(2.0, 1.0, shape), np.exp(0.8 * rng.standard_normal(shape))
    visits, visits_before = (1.0 + rng.poisson(2 * rate) for _ in range(2))
    now, before = (taste * np.exp(0.4 * rng.standard_normal(shape)) for _ in range(2))
    return [lift * visits * now, visits, visits_before * before, visits_before]


TRUTH = float(np.exp(0.8**2 / 2 + 0.4**2 / 2))
"""Spending per visit, as taste and visits are independent."""


def experiments(lift: float, seed: int, n_t: int = 400, n_c: int = 600) -> list[Pair]:
    sides = []
    for n, times, part in ((n_t, lift, 0), (n_c, 1.0, 1)):
        rng = np.random.default_rng([seed, part])
        items: list[Moments] = []
        for start in range(0, claims.REPLICATIONS, 1_000):
            rows = min(1_000, claims.REPLICATIONS - start)
            items += many_moments(COLUMNS, shoppers(rng, (rows, n), times))
        sides.append(items)
    return list(zip(*sides, strict=True))


def each_for_itself(t: Moments, c: Moments) -> Outcome:
    found = []
    for item in (t, c):
        by = adjustment({"alone": item}, kind=MetricKind.RATIO)
        assert isinstance(by, Adjustment)
        found.append(Arm(item.n, item.mean() / item.mean(DENOMINATOR), adjusted_arm(item, by).unit_variance))
    return compare_arms("own", *found, alpha=ALPHA)


def test_false_alarms_and_the_trap() -> None:
    pairs = experiments(1.0, seed=911)
    claims.error_kept("CUPED of a heavy-tailed ratio", significant([cuped_ratio_t(*pair) for pair in pairs]), ALPHA)
    wrong = significant([each_for_itself(*pair) for pair in pairs[: len(pairs) // 3]])
    claims.error_broken("CUPED of a ratio with own θ and covariate means", wrong, ALPHA)


def test_coverage_and_power() -> None:
    lift = 1.2
    pairs = experiments(lift, seed=912)
    found = [cuped_ratio_t(*pair) for pair in pairs]
    claims.error_kept("CUPED of a ratio covers the difference", missed(found, (lift - 1) * TRUTH), ALPHA)
    relative = [item._replace(interval=item.relative_interval) for item in found]
    assert all(isinstance(item.interval, Interval) for item in relative)
    claims.error_kept("CUPED of a ratio covers the lift", missed(relative, lift - 1), ALPHA)
    claims.found("CUPED of a ratio finds a lift of 20 %", significant(found), 0.75)
    plain = [ratio_t(t.only((VALUE, DENOMINATOR)), c.only((VALUE, DENOMINATOR))) for t, c in pairs]
    assert np.mean(significant(plain)) < 0.7
