"""Many comparisons at once say what each says alone."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.errors import InvalidInput
from assay.model.moments import COVARIATE, DENOMINATOR, VALUE, Moments
from assay.model.result import Interval
from assay.stats.batch import Column, Columns, Outcomes, many_cuped, many_means, many_ratios, many_shares
from assay.stats.fixed.core import cuped_t, ratio_t, two_proportion_z, welch_t
from assay.stats.inputs import array_moments
from assay.stats.outcome import Outcome


def assert_same(many: Outcomes, i: int, one: Outcome) -> None:
    if not isinstance(one.p_value, float):
        assert many.why[i] == one.p_value
        assert math.isnan(many.p_value[i])
        return
    assert i not in many.why
    assert many.test == one.test
    assert isinstance(one.interval, Interval)
    pairs = [
        (many.difference[i], one.difference),
        (many.lower[i], one.interval.lower),
        (many.upper[i], one.interval.upper),
        (many.p_value[i], one.p_value),
        (many.log_p[i], one.log_p),
        (many.statistic[i], one.statistic),
    ]
    if isinstance(one.relative_interval, Interval) and one.relative_interval.upper is not None:
        pairs += [(many.relative_lower[i], one.relative_interval.lower)]
        pairs += [(many.relative_upper[i], one.relative_interval.upper)]
    else:
        assert math.isnan(many.relative_lower[i])
    for found, expected in pairs:
        assert found == pytest.approx(expected, rel=1e-9, abs=1e-12)


counts = st.integers(0, 5_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@given(st.lists(st.tuples(counts, counts), min_size=1, max_size=8))
def test_shares(pairs: list[tuple[tuple[int, int], tuple[int, int]]]) -> None:
    (x_t, n_t), (x_c, n_c) = zip(*(t for t, _ in pairs), strict=True), zip(*(c for _, c in pairs), strict=True)
    many = many_shares(x_t, n_t, x_c, n_c)
    for i, (t, c) in enumerate(pairs):
        one = two_proportion_z(t, c)
        if isinstance(one.interval, Interval):
            assert_same(many, i, one)


def arms(seed: int, second: str, n_metrics: int = 12) -> list[tuple[Moments, Moments]]:
    rng = np.random.default_rng(seed)
    pairs = []
    for _ in range(n_metrics):
        level = 10 ** rng.uniform(-2, 7)
        sizes = rng.integers(2, 400, size=2)
        made = []
        for n in sizes:
            x = rng.lognormal(1, 1, n) + 0.1
            made.append(array_moments((VALUE, second), (level + x * rng.uniform(0.5, 2) + rng.normal(size=n), x)))
        pairs.append((made[0], made[1]))
    return pairs


def column(moments: list[Moments]) -> Column:
    return Column([m.n for m in moments], [m.means[0] for m in moments], [m.comoments[0] for m in moments])


def columns(moments: list[Moments]) -> Columns:
    return Columns(
        [m.n for m in moments],
        *zip(*(m.means for m in moments), strict=True),
        *zip(*(m.comoments for m in moments), strict=True),
    )


@given(st.integers(0, 10_000))
@settings(max_examples=30)
def test_means_ratios_and_adjusted_means(seed: int) -> None:
    ratios, adjusted = arms(seed, DENOMINATOR), arms(seed, COVARIATE)
    means = many_means(column([t for t, _ in ratios]), column([c for _, c in ratios]))
    of_ratios = many_ratios(columns([t for t, _ in ratios]), columns([c for _, c in ratios]))
    of_adjusted = many_cuped(columns([t for t, _ in adjusted]), columns([c for _, c in adjusted]))
    for i, ((t, c), (a, b)) in enumerate(zip(ratios, adjusted, strict=True)):
        assert_same(means, i, welch_t(t, c))
        assert_same(of_ratios, i, ratio_t(t, c))
        assert_same(of_adjusted, i, cuped_t(a, b))


def test_each_reason_stands_beside_the_others() -> None:
    many = many_means(Column([0, 1, 5, 5, 5], [0, 1, 1, math.nan, 1], [0, 0, 0, 1, 3]), Column(9, 1.0, [4, 4, 0, 4, 4]))
    assert [many.why[i].no_estimate if i in many.why else "" for i in range(5)] == [
        "empty_arm",
        "one_unit",
        "zero_variance",
        "bad_moments",
        "",
    ]
    assert np.isfinite(many.p_value[4])
    zero = many_ratios(Columns(9, 1, [0, 2], 1, 0, 1), Columns(9, 1, 1, 1, 0, 1))
    assert zero.why[0].no_estimate == "zero_denominator"
    assert 1 not in zero.why


def test_far_tails_keep_their_logarithm() -> None:
    many = many_shares([500_000, 5], 1_000_000, [100_000, 5], 1_000_000)
    assert many.log_p[0] == pytest.approx(two_proportion_z((500_000, 1_000_000), (100_000, 1_000_000)).log_p)
    assert many.log_p[1] == 0.0


def test_counts_that_contradict_and_arrays_that_do_not_fit_are_refused() -> None:
    with pytest.raises(InvalidInput, match="converted_t"):
        many_shares([3, 11], 10, 1, 10)
    with pytest.raises(InvalidInput, match="arms"):
        many_means(Column([1, 2, 3], 1.0, 1.0), Column([1, 2], 1.0, 1.0))
