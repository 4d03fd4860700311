"""Moments: merging is the same as one pass, in any order, and large means lose nothing."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.model.moments import COVARIATE, VALUE, Moments

COLUMNS = (VALUE, COVARIATE)
NUMBERS = st.floats(-1e6, 1e6, allow_subnormal=False)
ROWS = st.lists(st.tuples(NUMBERS, NUMBERS), max_size=30)


def close(a: Moments, b: Moments) -> None:
    assert (a.n, a.columns, a.maximum) == (b.n, b.columns, b.maximum)
    assert a.means == pytest.approx(b.means, rel=1e-9, abs=1e-6)
    size = math.sqrt(max(b.comoment(VALUE), 1e-30)), math.sqrt(max(b.comoment(COVARIATE), 1e-30))
    for found, expected, scale in zip(
        a.comoments, b.comoments, (size[0] ** 2, size[0] * size[1], size[1] ** 2), strict=True
    ):
        assert found == pytest.approx(expected, abs=1e-9 * scale + 1e-6)


@given(ROWS, ROWS)
def test_merge_equals_one_pass(first: list[tuple[float, float]], second: list[tuple[float, float]]) -> None:
    merged = Moments.of(COLUMNS, first).merge(Moments.of(COLUMNS, second))
    close(merged, Moments.of(COLUMNS, first + second))


@given(ROWS, ROWS, ROWS)
def test_merge_is_associative(
    first: list[tuple[float, float]], second: list[tuple[float, float]], third: list[tuple[float, float]]
) -> None:
    a, b, c = (Moments.of(COLUMNS, rows) for rows in (first, second, third))
    close(a.merge(b).merge(c), a.merge(b.merge(c)))


@given(st.integers(0, 50), st.integers(0, 50))
def test_counts_and_zeros_are_rows_of_ones_and_zeros(ones: int, zeros: int) -> None:
    rows = [(1.0,)] * ones + [(0.0,)] * zeros
    by_rows, by_counts = Moments.of((VALUE,), rows), Moments.of_counts(ones, ones + zeros)
    assert by_counts.means == pytest.approx(by_rows.means)
    assert by_counts.comoments == pytest.approx(by_rows.comoments)
    assert by_counts.maximum == by_rows.maximum
    merged = Moments.of((VALUE,), rows).merge(Moments.zeros(7, (VALUE,)))
    assert merged.mean() == pytest.approx(ones / (ones + zeros + 7))


def test_a_mean_of_1e8_with_a_deviation_of_1_survives() -> None:
    rng = random.Random(5)
    noise = [rng.gauss(0, 1) for _ in range(4_000)]
    parts = [Moments.of((VALUE,), [(1e8 + x,) for x in noise[i : i + 100]]) for i in range(0, 4_000, 100)]
    merged = parts[0]
    for part in parts[1:]:
        merged = merged.merge(part)
    expected = Moments.of((VALUE,), [(x,) for x in noise]).covariance()
    assert merged.covariance() == pytest.approx(expected, rel=1e-6)


def test_columns_must_fit() -> None:
    with pytest.raises(ValueError, match="columns differ"):
        Moments.zeros(1, (VALUE,)).merge(Moments.zeros(1, COLUMNS))
    with pytest.raises(ValueError, match="2 columns need"):
        Moments(1, COLUMNS, (0.0,), (0.0,))
