"""Quantiles: definitions, intervals, clusters, differences."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom, norm

from assay.errors import InvalidInput
from assay.model.result import Interval, NoEstimate
from assay.model.valuecounts import ValueCounts
from assay.stats.fixed.clustered import ClusteredQuantile
from assay.stats.fixed.quantiles import quantile_difference
from assay.stats.fixed.quantilescore import tail_deviate
from assay.stats.fixed.samplequantile import quantile_interval, sample_quantile
from assay.stats.outcome import Alternative, Outcome

ALTERNATIVES = tuple(Alternative)
METHODS = (
    "inverted_cdf",
    "averaged_inverted_cdf",
    "closest_observation",
    "interpolated_inverted_cdf",
    "hazen",
    "weibull",
    "linear",
    "median_unbiased",
    "normal_unbiased",
)
values = st.lists(st.integers(0, 40), min_size=1, max_size=60)
alphas = st.floats(0.005, 0.3)
shares = st.sampled_from([0.1, 0.25, 0.5, 0.75, 0.9])


def leaves_out(interval: Interval | NoEstimate, number: float) -> bool:
    assert isinstance(interval, Interval)
    below = interval.lower is not None and number < interval.lower
    return below or (interval.upper is not None and number > interval.upper)


@given(values, st.integers(1, 9), st.floats(0, 1))
def test_definitions_are_those_of_numpy(sample: list[int], definition: int, q: float) -> None:
    found = sample_quantile(sample, q, definition=definition)
    ranks = len(sample) * q
    if definition < 4 and abs(2 * ranks - round(2 * ranks)) < 1e-9:
        return  # at a jump either side may round
    assert found == pytest.approx(float(np.quantile(sample, q, method=METHODS[definition - 1])), abs=1e-9)  # type: ignore[call-overload]


@given(values, shares, alphas)
def test_an_interval_covers_as_the_binomial_says(sample: list[int], q: float, alpha: float) -> None:
    found = quantile_interval(sample, q, alpha=alpha)
    assert isinstance(found.interval, Interval)
    assert found.coverage is not None
    assert found.coverage >= 1 - alpha - 1e-12
    lower, upper = found.interval.lower, found.interval.upper
    ordered = sorted(map(float, sample))
    # the ranks nearest the ends that the bounds can have, among ties
    low = 0 if lower is None else ordered.index(lower) + 1
    assert lower is None or float(binom.cdf(low - 1, len(sample), q)) <= alpha / 2 + 1e-9
    assert lower is None or upper is None or lower <= upper
    above = None if upper is None else len(sample) - ordered[::-1].index(upper)
    assert above is None or binom.sf(above - 1, len(sample), q) <= alpha / 2 + 1e-9


def test_the_fewest_observations_for_an_interval() -> None:
    """The docstring's 6 for the median and 368 for the 99th percentile."""
    for q, least in ((0.5, 6), (0.99, 368)):
        for n, closed in ((least - 1, False), (least, True)):
            interval = quantile_interval(np.arange(float(n)), q).interval
            assert isinstance(interval, Interval)
            assert (interval.lower is not None and interval.upper is not None) is closed


@given(values, values, shares, alphas, st.sampled_from(ALTERNATIVES), st.integers(-20, 20))
def test_p_and_interval_agree(t: list[int], c: list[int], q: float, alpha: float, side: Alternative, null: int) -> None:
    outcome = quantile_difference(t, c, q=q, alpha=alpha, alternative=side, null=null)
    if isinstance(outcome.p_value, NoEstimate) or abs(outcome.p_value - alpha) < 1e-9:
        return
    assert (outcome.p_value < alpha) is leaves_out(outcome.interval, null)
    if null == 0 and isinstance(outcome.relative_interval, Interval):
        assert not (outcome.p_value > alpha and leaves_out(outcome.relative_interval, 0.0))
        if outcome.p_value < alpha and min(t) > 0 and min(c) > 0:
            assert leaves_out(outcome.relative_interval, 0.0)


@given(values, values, shares, st.floats(0.1, 10), st.integers(-30, 30))
def test_swapping_scaling_and_shifting(t: list[int], c: list[int], q: float, scale: float, shift: int) -> None:
    one, other = quantile_difference(t, c, q=q), quantile_difference(c, t, q=q)
    if isinstance(one.p_value, NoEstimate):
        assert isinstance(other.p_value, NoEstimate)
        return
    assert one.difference == pytest.approx(-other.difference, abs=1e-12)  # type: ignore[operator]
    assert one.p_value == pytest.approx(other.p_value)
    assert isinstance(one.interval, Interval)
    assert isinstance(other.interval, Interval)
    assert (one.interval.lower is None) is (other.interval.upper is None)
    assert one.interval.lower is None or one.interval.lower == -other.interval.upper  # type: ignore[operator]
    scaled = quantile_difference([scale * x for x in t], [scale * x for x in c], q=q)
    assert scaled.p_value == pytest.approx(one.p_value)
    assert scaled.relative == pytest.approx(one.relative) or isinstance(one.relative, NoEstimate)
    moved = quantile_difference([x + shift for x in t], [x + shift for x in c], q=q)
    assert moved.p_value == pytest.approx(one.p_value)
    assert moved.interval == one.interval


@given(values, values, shares)
def test_intervals_nest(t: list[int], c: list[int], q: float) -> None:
    wide, narrow = (quantile_difference(t, c, q=q, alpha=alpha) for alpha in (0.01, 0.2))
    if isinstance(narrow.interval, Interval):
        for bound in (narrow.interval.lower, narrow.interval.upper):
            assert bound is None or not leaves_out(wide.interval, bound)


@given(st.lists(st.integers(0, 30), min_size=2, max_size=40), shares)
def test_one_observation_per_unit_is_no_cluster(sample: list[int], q: float) -> None:
    """The design effect of single observations is n / (n - 1), the unbiased variance's, and 1 in the limit."""
    arm = ClusteredQuantile.of(np.arange(len(sample)), sample, q)
    effect = arm.design_effect
    assert isinstance(effect, float)
    n = len(sample)
    assert effect == 1.0 or effect == pytest.approx(n / (n - 1))


@given(st.lists(st.integers(0, 30), min_size=3, max_size=25), st.integers(2, 8), shares)
def test_copies_add_nothing(sample: list[int], times: int, q: float) -> None:
    """Each unit seen several times with one value is worth one observation."""
    units = np.repeat(np.arange(len(sample)), times)
    arm = ClusteredQuantile.of(units, np.repeat(np.array(sample, dtype=float), times), q)
    assert isinstance(arm.design_effect, float)
    n = len(sample)
    assert arm.design_effect == 1.0 or arm.design_effect == pytest.approx(times * n / (n - 1))


def test_copies_widen_nothing_and_narrow_nothing() -> None:
    rng = np.random.default_rng(33)
    t, c = rng.lognormal(0.3, 1, 400), rng.lognormal(0, 1, 400)
    units = np.repeat(np.arange(400), 6)
    arms = (ClusteredQuantile.of(units, np.repeat(arm, 6), 0.5) for arm in (t, c))
    copied, plain = quantile_difference(*arms), quantile_difference(t, c)
    assert copied.statistic == pytest.approx(plain.statistic, rel=0.05)
    one = quantile_interval(ClusteredQuantile.of(units, np.repeat(t, 6), 0.5), 0.5).interval
    single = quantile_interval(t, 0.5).interval
    assert isinstance(one, Interval)
    assert isinstance(single, Interval)
    assert (one.lower, one.upper) == pytest.approx((single.lower, single.upper), rel=0.05)


def test_a_control_that_may_be_zero_has_no_highest_lift() -> None:
    found = quantile_difference(np.arange(1.0, 41.0), [0.0] * 18 + [float(x) for x in range(1, 23)])
    assert isinstance(found.interval, Interval)
    assert found.interval.upper is not None
    assert isinstance(found.relative_interval, Interval)
    assert found.relative_interval.upper is None
    assert found.relative_interval.lower is not None


def test_labels_may_be_anything_and_parts_merge() -> None:
    rng = np.random.default_rng(31)
    units, seen = rng.integers(0, 50, 400), rng.lognormal(size=400).round(2)
    whole = ClusteredQuantile.of(units, seen, 0.9)
    named = ClusteredQuantile.of([f"user-{unit}" for unit in units], seen, 0.9)
    assert named.design_effect == pytest.approx(whole.design_effect)
    # two passes: the quantile of all, then each part's counts at that value
    parts = []
    for part in (units < 20, units >= 20):
        here = ClusteredQuantile.of(units[part], seen[part], 0.9)
        at = whole.at
        rows = [
            (float((mine <= at).sum()), float((mine < at).sum()), float(mine.size))
            for mine in (seen[part][units[part] == unit] for unit in np.unique(units[part]))
        ]
        parts.append((here.observations, type(here.per_unit).of(here.per_unit.columns, rows)))
    merged = ClusteredQuantile(
        q=0.9,
        observations=parts[0][0].merge(parts[1][0]),
        at=whole.at,
        per_unit=parts[0][1].merge(parts[1][1]),
    )
    assert merged.design_effect == pytest.approx(whole.design_effect)
    other = ClusteredQuantile.of(units, seen * 1.2, 0.9)
    one, two = quantile_difference(other, merged, q=0.9), quantile_difference(other, whole, q=0.9)
    assert one.interval == two.interval
    assert one.p_value == pytest.approx(two.p_value)


@given(st.integers(1, 400), st.floats(0.01, 0.99))
@settings(max_examples=50)
def test_deviates_are_those_of_the_binomial(n: int, p: float) -> None:
    counts = np.arange(n + 1.0)
    z = tail_deviate(counts, n, p)
    exact = binom.cdf(counts - 1, n, p) + binom.pmf(counts, n, p) / 2
    near = (exact > 1e-14) & (exact < 0.99)
    assert np.allclose(z[near], norm.ppf(exact[near]), atol=1e-6)
    assert (np.diff(z) >= 0).all()
    whole = tail_deviate(counts, n, p, halved=False)
    assert np.allclose(whole[near], norm.ppf(binom.cdf(counts, n, p)[near]), atol=1e-6)


def test_far_tails_a_median_of_zero_and_a_cap() -> None:
    far = quantile_difference(np.arange(100_000.0), 1e6 + np.arange(100_000.0))
    assert isinstance(far.log_p, float)
    # the cheapest common median lies beyond the end of one arm, which has probability 2^-n
    assert far.log_p == pytest.approx(-100_000 * math.log(2), rel=1e-3)
    zeros = quantile_difference([0.0] * 60 + [5.0] * 40, [0.0] * 70 + [9.0] * 30)
    assert zeros.difference == 0
    assert zeros.interval == Interval(0.0, 0.0, 0.95)
    assert isinstance(zeros.relative, NoEstimate)
    # a tenth of all loads stopped at the limit of 30 seconds: the 99th percentile is the limit
    units, capped = np.repeat(np.arange(200), 5), np.tile([1.0, 2.0, 3.0, 4.0, 5.0], 200)
    capped[::10] = 30.0
    arm = ClusteredQuantile.of(units, capped, 0.99)
    assert arm.at == 30.0
    assert isinstance(arm.design_effect, float)
    assert quantile_difference(arm, arm, q=0.99).interval == Interval(0.0, 0.0, 0.95)


def test_few_observations_beyond_the_quantile_are_warned_of() -> None:
    rng = np.random.default_rng(32)
    assert quantile_difference(rng.normal(size=100), rng.normal(size=5000), q=0.99).warnings
    assert not quantile_difference(rng.normal(size=5000), rng.normal(size=5000), q=0.99).warnings
    few = ClusteredQuantile.of(np.repeat(np.arange(15), 50), rng.normal(size=750), 0.5)
    assert any("units" in item for item in quantile_difference(few, few).warnings)


ONE = ClusteredQuantile.of([1, 1], [2.0, 3.0], 0.5)


@pytest.mark.parametrize(
    ("outcome", "code"),
    [
        (quantile_difference([], [1.0]), "empty_arm"),
        (quantile_difference([1.0, 1.0], [1.0]), "zero_variance"),
        (quantile_difference(ONE, ONE), "one_unit"),
        (quantile_difference(ClusteredQuantile.of([], [], 0.5), ONE), "empty_arm"),
    ],
)
def test_what_cannot_be_computed_says_why(outcome: Outcome, code: str) -> None:
    assert isinstance(outcome.p_value, NoEstimate)
    assert outcome.p_value.no_estimate == code


def test_relative_changes_have_limits() -> None:
    below = quantile_difference([-1.0, 2.0, 3.0], [1.0, 2.0, 4.0])
    assert isinstance(below.relative_interval, NoEstimate)
    assert below.relative_interval.no_estimate == "negative_values"
    assert isinstance(quantile_difference([1.0], [2.0]).p_value, NoEstimate)
    assert isinstance(sample_quantile([], 0.5), NoEstimate)
    assert quantile_interval([], 0.5).interval == quantile_interval([], 0.5).value
    assert quantile_interval([3.0], 0.5).interval == Interval(None, None, 0.95)
    assert isinstance(quantile_interval(ONE, 0.5).interval, NoEstimate)


@pytest.mark.parametrize(
    ("call", "field"),
    [
        (lambda: quantile_difference([1.0], [2.0], q=1.0), "q"),
        (lambda: quantile_difference(ONE, ONE, q=0.9), "q"),
        (lambda: quantile_difference(ONE, [1.0]), "control"),
        (lambda: sample_quantile([1.0], 0.5, definition=10), "definition"),
        (lambda: sample_quantile([1.0], 1.5), "q"),
        (lambda: ClusteredQuantile.of([1, 2], [1.0], 0.5), "units"),
        (lambda: quantile_difference(ValueCounts((1.0, 1.0), (1, 1)), [2.0]), "treatment"),
    ],
)
def test_wrong_arguments_are_named(call: object, field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        call()  # type: ignore[operator]
    assert caught.value.field == field
