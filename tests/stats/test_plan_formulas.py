"""Formulas of single tests: limits, agreement with each other, chances that are chances."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.model.result import NoEstimate
from assay.stats.fixed.core import two_proportion_z
from assay.stats.group_sequential.design import group_design
from assay.stats.planning import formulas as f
from assay.stats.planning.answers import power, sample_size
from assay.stats.planning.design import Anytime, Design, GroupSequential
from assay.stats.planning.exact import exact_share_power, power_fisher, t_beyond
from assay.stats.planning.measured import MeanMeasure, RateMeasure
from assay.stats.planning.stopping import ever_beyond
from assay.stats.planning.watching import power_over_looks

SHARES = st.floats(0.0, 1.0)
SIZES = st.integers(2, 300)


@given(SHARES, SHARES, SIZES, SIZES, st.floats(0.001, 0.3), st.sampled_from([1, 2]))
def test_powers_are_chances_and_do_not_depend_on_which_arm_is_which(
    p: float, q: float, n: int, m: int, alpha: float, sides: int
) -> None:
    functions: list[Callable[..., float]] = [f.power_shares, f.power_arcsine, f.power_shares_exact, power_fisher]
    for power_of in functions:
        found = power_of(p, q, n, m, alpha=alpha, sides=sides)
        assert 0 <= found <= 1 + 1e-9, power_of
        if p != q:
            assert found == pytest.approx(power_of(q, p, m, n, alpha=alpha, sides=sides), abs=1e-9), power_of


@given(st.floats(0.05, 2), SIZES, SIZES, st.floats(0.001, 0.2))
def test_more_units_more_power(d: float, n: int, m: int, alpha: float) -> None:
    assert f.power_t(d, n, m, alpha=alpha) <= f.power_t(d, n + 5, m + 5, alpha=alpha) + 1e-12
    assert f.power_mann_whitney(0.5 + d / 5, n, m) <= f.power_mann_whitney(0.5 + d / 5, n + 5, m)
    assert f.power_chi_square(d, n, 3, alpha=alpha) <= f.power_chi_square(d, n + 5, 3, alpha=alpha) + 1e-12


def test_without_an_effect_the_power_is_the_false_alarm_rate() -> None:
    assert f.power_t(0.0, 20, strict=True) == pytest.approx(0.05)
    assert f.power_t(0.0, 20, sides=1) == pytest.approx(0.05)
    assert f.power_shares(0.3, 0.3, 500, strict=True) == pytest.approx(0.05)
    assert f.power_arcsine(0.3, 0.3, 500) == pytest.approx(0.05)
    assert f.power_anova(10, 4, 0.0, 1.0) == pytest.approx(0.05)
    assert f.power_chi_square(0.0, 100, 5) == pytest.approx(0.05)
    assert f.power_mann_whitney(0.5, 40) == pytest.approx(0.025)
    assert f.power_rate_ratio(2.0, 2.0, 40) == pytest.approx(0.025)
    assert f.power_rate_ratio(2.2, 2.0, 40, null_ratio=1.1, sides=1) == pytest.approx(0.05)
    # At the margin equivalence is claimed in at most 5 %.
    assert f.power_equivalence_t(0.5, 0.5, 1.0, 300) == pytest.approx(0.05, abs=1e-6)
    assert f.power_equivalence_t(0.5, 0.5, 1.0, 5) < 0.05
    # Discrete: not exactly 5 %, and Fisher's below.
    assert 0.03 < f.power_shares_exact(0.3, 0.3, 100, strict=True) < 0.06
    assert power_fisher(0.3, 0.3, 100, 100) < 0.025


def test_large_samples_meet_the_normal_curve() -> None:
    assert f.power_t(0.04, 10_000) == pytest.approx(f.power_shares(0.52, 0.5, 10_000), abs=2e-3)
    assert t_beyond(0.025, 1e7, 2.8) == pytest.approx(t_beyond(0.025, 9e5, 2.8), abs=1e-5)
    assert t_beyond(0.025, 5, 500.0) == 1.0
    assert f.power_shares_exact(0.33, 0.3, 4_000) == pytest.approx(f.power_shares(0.33, 0.3, 4_000), abs=3e-3)
    assert f.power_equivalence_t(0, 0.1, 1, 1_500) == pytest.approx(
        power(
            Design(
                measured=MeanMeasure(baseline=0, standard_deviation=1),
                scale="absolute",  # type: ignore[arg-type]
                hypothesis="equivalence",  # type: ignore[arg-type]
                margin=0.1,
            ),
            1_500,
            0.0,
        ),
        abs=1e-3,
    )


def test_two_groups_of_anova_are_the_t_test_and_one_degree_of_chi_square_the_normal() -> None:
    assert f.power_anova(30, 2, 0.5**2 / 2, 1.0) == pytest.approx(f.power_t(0.5, 30, strict=True), abs=1e-8)
    h = 2 * math.asin(math.sqrt(0.6)) - 2 * math.asin(math.sqrt(0.5))
    arcsine = f.power_arcsine(0.6, 0.5, 100)
    assert f.power_chi_square(h, 50, 1) == pytest.approx(arcsine, abs=1e-8)


def test_rates_of_designs_and_of_formulas_agree() -> None:
    design = Design(measured=RateMeasure(baseline=0.5, exposure=2, dispersion=1.3, heterogeneity=0.2))
    rate = f.power_rate_ratio(0.4, 0.5, 800, exposure=2, dispersion=1.3, heterogeneity=0.2)
    assert power(design, 800, -0.2) == pytest.approx(rate, abs=1e-12)


def test_certain_and_impossible_outcomes() -> None:
    assert f.power_shares(1.0, 0.0, 20) == 1.0
    assert f.power_shares_exact(1.0, 0.0, 20) == pytest.approx(1.0)
    # Every unit alike in both arms: nothing to reject.
    assert f.power_shares_exact(0.0, 0.0, 20, strict=True) == 0.0
    assert exact_share_power(
        0.3, 0.2, 10_000, 50, lambda x, y: np.ones(np.broadcast(x, y).shape, bool)
    ) == pytest.approx(1)
    # All against none has no variance of its own: the test has no answer, so the power has none of it.
    assert isinstance(two_proportion_z((20, 20), (0, 20), pooled=False).p_value, NoEstimate)
    assert f.power_shares_exact(1.0, 0.0, 20, pooled=False) == 0.0
    assert f.power_equivalence_t(0, 0.01, 1.0, 5) < 1e-3
    assert f.sample_size_for(lambda n: 0.1, power=0.8) == NoEstimate(
        "too_many_units", "more than a trillion units would be needed"
    )


def test_looks() -> None:
    one = ever_beyond([1.0], [1.96], 2.8)[0]
    assert one == pytest.approx(0.7995, abs=1e-4)
    many = ever_beyond([i / 100 for i in range(1, 101)], [1.96] * 100, 0.0)
    # Both sides: 37 % false alarms in a hundred naive looks (Armitage, McPherson & Rowe 1969: 0.374).
    assert 2 * many[-1] == pytest.approx(0.374, abs=0.006)
    assert all(a <= b for a, b in pairwise(many))
    design = Design(measured=MeanMeasure(baseline=1, standard_deviation=2), method=Anytime())
    watched = power_over_looks(design, 10_000, 0.1, looks=12)
    powers = [row.power for row in watched.looks]
    assert powers == sorted(powers)
    assert powers[-1] >= power(design, 10_000, 0.1)
    assert powers[-1] == pytest.approx(
        power(Design(measured=design.measured, method=Anytime(looks=12)), 10_000, 0.1), abs=1e-9
    )
    assert watched.looks[0].smallest == math.ceil(10_000 / 12)
    assert 10_000 / 12 < watched.expected_smallest < 10_000
    # Nothing to find: the sequence's error is kept at every look, on both sides together.
    null = power_over_looks(design, 10_000, 1e-12, looks=200)
    assert 2 * null.looks[-1].power < 0.05


@pytest.mark.parametrize("looks", [2, 5])
def test_group_sequential_designs_inflate_the_plan(looks: int) -> None:
    """The other room's boundaries and inflation give this room's size its power."""
    boundary = group_design(looks, alpha=0.05, power=0.9)
    measured = MeanMeasure(baseline=100, standard_deviation=30)
    design = Design(measured=measured, method=GroupSequential(inflation=boundary.inflation))
    n = sample_size(design, 0.02, power=0.9).smallest
    bounds = [9.0 if bound is None else bound for bound in boundary.efficacy]
    watched = power_over_looks(design, n, 0.02, looks=looks, critical_values=bounds)
    assert watched.looks[-1].power == pytest.approx(0.9, abs=1e-3)
    assert watched.expected_smallest == pytest.approx(n * boundary.expected_h1, rel=1e-3)
