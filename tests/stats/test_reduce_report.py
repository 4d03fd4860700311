"""What an adjustment removed: as a share, as a factor of units, and in words."""

from __future__ import annotations

import numpy as np
import pytest

from assay.model.metric import MetricKind
from assay.model.result import NoEstimate
from assay.stats.fixed.core import compare_arms, welch_t
from assay.stats.reduction.reduced import reduced_arms
from assay.stats.reduction.report import NOTHING_LEFT, Reduced, Reduction, reduction_of
from assay.stats.reduction.rows import unit_moments
from tests.stats.test_reduce_covariates import drawn, number


def test_a_value_equal_to_its_covariate_leaves_nothing() -> None:
    x = np.random.default_rng(1).normal(50, 3, 40)
    arms = {"t": unit_moments(x, covariates=[x]), "c": unit_moments(x[::-1] + 1, covariates=[x[::-1] + 1])}
    found = reduced_arms(MetricKind.MEAN, arms)
    assert isinstance(found, Reduced)
    reduction = found.reduction("t", "c")
    assert isinstance(reduction, Reduction)
    assert reduction == Reduction(share_removed=1.0, units_factor=NOTHING_LEFT)
    assert "All" in reduction.sentence()


def test_reduction_in_words_and_numbers() -> None:
    half = reduction_of(4.0, 2.0)
    assert isinstance(half, Reduction)
    assert (half.share_removed, half.units_factor) == (0.5, 2.0)
    assert half.sentence() == "50.0% of the variance was removed, as if there were 2.00 × the units."
    worse = reduction_of(4.0, 5.0)
    assert isinstance(worse, Reduction)
    assert worse.share_removed == -0.25
    assert "leave it out" in worse.sentence()
    assert isinstance(reduction_of(0.0, 0.0), NoEstimate)


def test_reduction_per_comparison_and_arm_agrees_with_the_intervals() -> None:
    arms = drawn(11, noise=0.5)
    found = reduced_arms(MetricKind.MEAN, arms)
    assert isinstance(found, Reduced)
    both, one = found.reduction("t", "c"), found.arm_reduction("t")
    assert isinstance(both, Reduction)
    assert isinstance(one, Reduction)
    raw = welch_t(arms["t"], arms["c"])
    now = compare_arms("x", found.arms["t"], found.arms["c"])
    ratio = number(now.difference) / number(now.statistic) / (number(raw.difference) / number(raw.statistic))
    assert both.units_factor == pytest.approx(1 / ratio**2)
    assert one.share_removed == pytest.approx(1 - found.arms["t"].variance / found.plain["t"].variance)
