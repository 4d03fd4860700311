"""Intervals of single arms that hold at every look."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.model.metric import MetricKind
from assay.model.moments import Moments
from assay.model.result import Validity
from assay.stats.arm import Arm
from assay.stats.armview import share_interval, wilson
from assay.stats.sequential.mixture import squared_radius
from tests.stats.comparing import analysed, bounds, mean_of


def tightest(alpha: float) -> float:
    """The smallest squared radius any tuning can give: c with log(c / α²) = c - 1."""
    c = 9.0
    for _ in range(200):
        c = 1 + math.log(c / alpha**2)
    return c


@pytest.mark.parametrize("alpha", [0.05, 0.001])
def test_an_arm_s_sequence_is_tightest_at_half_the_units_of_two_arms(alpha: float) -> None:
    arm = mean_of(500_000, 10.0, 2.0)
    result = analysed(MetricKind.MEAN, {"c": arm, "t": arm}, Validity.ANYTIME, alpha=alpha, tuning_units=1_000_000)
    low, high = bounds(result.arms[0].interval)
    assert (high - low) / 2 == pytest.approx(2.0 / math.sqrt(500_000) * math.sqrt(tightest(alpha)), rel=1e-4)
    item = result.comparisons[0]
    low, high = bounds(item.absolute_interval)
    assert (high - low) / 2 == pytest.approx(2.0 * math.sqrt(2 / 500_000) * math.sqrt(tightest(alpha)), rel=1e-4)


@given(st.integers(2, 5_000), st.floats(0, 1), st.floats(0.001, 100))
def test_a_share_s_sequence_mirrors_and_contains_wilson_s(n: int, part: float, m: float) -> None:
    x = round(n * part)
    low, high = bounds(share_interval(Arm(n, x / n, 0.0), m, 0.05))
    mirrored = bounds(share_interval(Arm(n, (n - x) / n, 0.0), m, 0.05))
    assert mirrored == pytest.approx((1 - high, 1 - low), abs=1e-9)
    inner = wilson(x / n, n, squared_radius(m, 0.05) or 0.0)
    assert 0 <= low <= inner[0] + 1e-12
    assert inner[1] <= high + 1e-12
    assert high <= 1


@pytest.mark.parametrize("validity", list(Validity))
def test_arms_keep_the_plan_s_level_whatever_the_family(validity: Validity) -> None:
    arms = {key: Moments.of_counts(50 + i, 1_000) for i, key in enumerate("cabd")}
    for arm in analysed(MetricKind.CONVERSION, arms, validity).arms:
        low, high = bounds(arm.interval)
        assert isinstance(arm.value, float)
        assert low < arm.value < high
        assert arm.standard_error == pytest.approx(math.sqrt(arm.value * (1 - arm.value) / 1_000))


def test_an_arm_s_share_is_covered_more_widely_at_every_look_than_at_one() -> None:
    arms = {"c": Moments.of_counts(50, 1_000), "t": Moments.of_counts(60, 1_000)}
    once, always = (
        bounds(analysed(MetricKind.CONVERSION, arms, validity).arms[0].interval)
        for validity in (Validity.FIXED, Validity.ANYTIME)
    )
    assert always[0] < once[0] < once[1] < always[1]
