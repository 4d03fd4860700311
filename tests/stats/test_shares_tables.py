"""Chi-square of tables and of many shares: properties, edges and refusals."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from assay.errors import InvalidInput
from assay.model.result import NoEstimate
from assay.stats.fixed.chi_square import chi_square, chi_square_shares
from assay.stats.fixed.chi_tail import chi_square_log_p
from assay.stats.fixed.core import two_proportion_z

tables = st.integers(2, 4).flatmap(
    lambda k: st.lists(st.lists(st.integers(0, 500), min_size=k, max_size=k), min_size=2, max_size=5)
)


@given(tables)
def test_rows_and_columns_can_be_swapped_and_reordered(table: list[list[int]]) -> None:
    array = np.array(table)
    assume(array.sum(axis=0).all() and array.sum(axis=1).all())
    found = chi_square(array)
    for other in (array.T, array[::-1], array[:, ::-1]):
        turned = chi_square(other)
        assert turned.statistic == pytest.approx(found.statistic, rel=1e-9, abs=1e-9)
        assert turned.degrees_of_freedom == found.degrees_of_freedom
        assert isinstance(turned.p_value, NoEstimate) is isinstance(found.p_value, NoEstimate)
    assert isinstance(found.cramers_v, float)
    assert 0 <= found.cramers_v <= 1 + 1e-9
    assert sum(map(sum, found.expected)) == pytest.approx(array.sum())


@given(tables, st.integers(2, 50))
def test_more_of_the_same_scales_the_statistic(table: list[list[int]], factor: int) -> None:
    array = np.array(table)
    assume(array.sum(axis=0).all() and array.sum(axis=1).all())
    for kind in ("pearson", "g"):
        one, more = chi_square(array, statistic=kind), chi_square(array * factor, statistic=kind)
        assert isinstance(one.statistic, float)
        assert more.statistic == pytest.approx(factor * one.statistic, rel=1e-6, abs=1e-6)
    assert chi_square(array).cramers_v == pytest.approx(chi_square(array * factor).cramers_v, rel=1e-9, abs=1e-9)


@given(st.integers(1, 99), st.integers(1, 199))
def test_two_variants_are_the_pooled_z_squared(x: int, y: int) -> None:
    assume(x + y >= 3 and x + y <= 297)
    found, z = chi_square_shares([(x, 100), (y, 200)]), two_proportion_z((x, 100), (y, 200))
    assert z.statistic is not None
    assert found.statistic == pytest.approx(z.statistic**2, rel=1e-9, abs=1e-12)
    if isinstance(found.log_p, float):
        assert found.log_p == pytest.approx(z.log_p, rel=1e-9, abs=1e-9)


@given(st.lists(st.lists(st.integers(1, 60), min_size=2, max_size=2), min_size=2, max_size=2))
def test_yates_is_more_careful(table: list[list[int]]) -> None:
    plain, yates = chi_square(table), chi_square(table, yates=True)
    assert yates.statistic <= plain.statistic  # type: ignore[operator]
    assert yates.cramers_v == plain.cramers_v


@pytest.mark.parametrize(("statistic", "freedom"), [(0.5, 1), (30.0, 3), (1_280.0, 2), (1_330.0, 40), (5_000.0, 900)])
def test_the_tails_logarithm_is_smooth_where_the_float_ends(statistic: float, freedom: int) -> None:
    """Its slope is minus density over tail, which lies between the bounds of Mills' kind for chi-square."""
    here, there = chi_square_log_p(statistic, freedom), chi_square_log_p(statistic + 1e-3, freedom)
    slope = (there - here) / 1e-3
    hazard = 0.5 - max(0.0, (freedom / 2 - 1)) / statistic
    assert -0.5 - 1 / statistic * 2 <= slope <= -min(0.5, hazard) + 0.02


def test_two_degrees_of_freedom_are_an_exponential() -> None:
    for x in (1.0, 100.0, 2_000.0, 1e6):
        assert chi_square_log_p(x, 2) == pytest.approx(-x / 2, rel=1e-12)


def test_cells_expected_to_be_almost_empty_give_no_p_value() -> None:
    found = chi_square([[1, 40], [0, 60]])
    assert isinstance(found.p_value, NoEstimate)
    assert found.p_value.no_estimate == "expected_too_small"
    assert "fisher_exact" in found.p_value.reason
    assert isinstance(found.statistic, float)
    few = chi_square([[3, 40], [4, 60]])
    assert isinstance(few.p_value, float)
    assert "fewer than 5" in few.warnings[0]
    assert not chi_square([[30, 40], [40, 60]]).warnings


def test_empty_rows_columns_and_variants() -> None:
    assert chi_square([[0, 0], [3, 4]]).p_value == chi_square_shares([(0, 0), (3, 7)]).p_value
    empty = chi_square_shares([(0, 0), (3, 7)]).p_value
    assert isinstance(empty, NoEstimate)
    assert empty.no_estimate == "empty_arm"
    same = chi_square_shares([(0, 50), (0, 70), (0, 20)]).p_value
    assert isinstance(same, NoEstimate)
    assert same.no_estimate == "zero_variance"
    left_out = chi_square([[20, 0, 30], [25, 0, 22]])
    assert left_out.p_value == chi_square([[20, 30], [25, 22]]).p_value
    assert left_out.degrees_of_freedom == 1
    assert "1 of 3 columns" in left_out.warnings[0]


def test_far_tails_have_a_logarithm_where_a_float_ends() -> None:
    found = chi_square_shares([(9_000, 10_000), (1_000, 10_000), (5_000, 10_000)])
    assert found.p_value == pytest.approx(2.2250738585072014e-308)
    assert isinstance(found.log_p, float)
    assert found.log_p == pytest.approx(-found.statistic / 2, rel=1e-12)  # type: ignore[operator]
    assert math.isfinite(found.log_p)


@pytest.mark.parametrize(
    ("call", "field"),
    [
        (lambda: chi_square([1, 2, 3]), "table"),
        (lambda: chi_square([[1, 2]]), "table"),
        (lambda: chi_square([[1, 2], [3, -1]]), "table"),
        (lambda: chi_square([[1, 2], [3, 1.5]]), "table"),
        (lambda: chi_square([[1, 2], [3, math.nan]]), "table"),
        (lambda: chi_square([["a", 2], [3, 1]]), "table"),
        (lambda: chi_square([[1, 2, 3], [3, 1, 5]], yates=True), "yates"),
        (lambda: chi_square([[1, 2], [3, 1]], statistic="z"), "statistic"),
        (lambda: chi_square_shares([(1, 2)]), "variants"),
        (lambda: chi_square_shares([(1, 2), (3, 2)]), "variants[1]"),
    ],
)
def test_wrong_arguments_are_named(call: Callable[[], object], field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        call()
    assert caught.value.field == field
