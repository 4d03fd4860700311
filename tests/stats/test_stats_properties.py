"""What must hold for any data: swapping, scaling, shifting, duality of p-value and interval, nesting."""

from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from assay.model.metric import MetricKind
from assay.model.moments import Moments
from assay.model.plan import Correction
from assay.model.result import Interval, Validity
from assay.stats.multiple.adjust import adjust
from tests.stats.comparing import bounds, compared, mean_of

ARM = st.builds(mean_of, st.integers(2, 5_000), st.floats(-100, 100), st.floats(0.1, 50))
POSITIVE = st.builds(mean_of, st.integers(200, 5_000), st.floats(5, 100), st.floats(0.1, 20))
SHARE = st.tuples(st.integers(2, 20_000), st.floats(0, 1)).map(
    lambda item: Moments.of_counts(round(item[0] * item[1]), item[0])
)
VALIDITY = st.sampled_from(Validity)
P_VALUES = st.lists(st.floats(0, 1), min_size=1, max_size=12)
METHODS = st.sampled_from([Correction.HOLM, Correction.BONFERRONI, Correction.BENJAMINI_HOCHBERG])


@given(ARM, ARM, VALIDITY)
def test_swapping_the_arms_negates(a: Moments, b: Moments, validity: Validity) -> None:
    there, back = (compared(MetricKind.MEAN, x, y, validity) for x, y in ((a, b), (b, a)))
    assert there.absolute == -back.absolute  # type: ignore[operator]
    assert there.p_value == pytest.approx(back.p_value)
    if isinstance(there.absolute_interval, Interval):
        low, high = bounds(back.absolute_interval)
        assert bounds(there.absolute_interval) == pytest.approx((-high, -low), abs=1e-9)


@given(SHARE, SHARE, VALIDITY)
def test_swapping_shares_negates(a: Moments, b: Moments, validity: Validity) -> None:
    there, back = (compared(MetricKind.CONVERSION, x, y, validity) for x, y in ((a, b), (b, a)))
    assert there.absolute == -back.absolute  # type: ignore[operator]
    if isinstance(there.absolute_interval, Interval):
        low, high = bounds(back.absolute_interval)
        assert bounds(there.absolute_interval) == pytest.approx((-high, -low), abs=1e-9)
        assert there.p_value == pytest.approx(back.p_value)


@given(SHARE, SHARE, VALIDITY)
def test_counting_the_others_negates_too(a: Moments, b: Moments, validity: Validity) -> None:
    """Non-conversions instead of conversions."""
    flipped = [Moments.of_counts(item.n - round(item.n * item.mean()), item.n) for item in (a, b)]
    there, other = compared(MetricKind.CONVERSION, a, b, validity), compared(MetricKind.CONVERSION, *flipped, validity)
    if isinstance(there.absolute_interval, Interval):
        low, high = bounds(other.absolute_interval)
        assert bounds(there.absolute_interval) == pytest.approx((-high, -low), abs=1e-7)
        assert there.p_value == pytest.approx(other.p_value, rel=1e-5)


@given(ARM, ARM, st.floats(0.01, 1_000), VALIDITY)
def test_scaling_scales_and_keeps_p(a: Moments, b: Moments, factor: float, validity: Validity) -> None:
    scaled = [mean_of(x.n, x.mean() * factor, math.sqrt(x.covariance() or 0) * factor) for x in (a, b)]
    plain, large = compared(MetricKind.MEAN, a, b, validity), compared(MetricKind.MEAN, *scaled, validity)
    assert large.absolute == pytest.approx(plain.absolute * factor)  # type: ignore[operator]
    assert large.p_value == pytest.approx(plain.p_value, rel=1e-6)
    if isinstance(plain.absolute_interval, Interval):
        expected = [factor * bound for bound in bounds(plain.absolute_interval)]
        assert bounds(large.absolute_interval) == pytest.approx(expected, rel=1e-6, abs=1e-9 * factor)
    if isinstance(plain.relative_interval, Interval) and isinstance(large.relative_interval, Interval):
        assert bounds(large.relative_interval) == pytest.approx(bounds(plain.relative_interval), rel=1e-4, abs=1e-6)


@given(ARM, ARM, st.floats(-1e4, 1e4), VALIDITY)
def test_shifting_leaves_the_difference(a: Moments, b: Moments, shift: float, validity: Validity) -> None:
    shifted = [mean_of(x.n, x.mean() + shift, math.sqrt(x.covariance() or 0)) for x in (a, b)]
    plain, moved = compared(MetricKind.MEAN, a, b, validity), compared(MetricKind.MEAN, *shifted, validity)
    assert moved.absolute == pytest.approx(plain.absolute, abs=1e-9)
    assert moved.p_value == pytest.approx(plain.p_value, rel=1e-5)
    if isinstance(plain.absolute_interval, Interval):
        assert bounds(moved.absolute_interval) == pytest.approx(bounds(plain.absolute_interval), abs=1e-7)


@given(ARM, ARM, st.sampled_from([0.001, 0.05, 0.2]), VALIDITY)
def test_p_below_alpha_is_an_interval_without_zero(a: Moments, b: Moments, alpha: float, validity: Validity) -> None:
    item = compared(MetricKind.MEAN, a, b, validity, alpha=alpha)
    assert isinstance(item.p_value, float)
    assume(abs(item.p_value / alpha - 1) > 1e-6)
    if isinstance(item.absolute_interval, Interval):
        low, high = bounds(item.absolute_interval)
        assert item.significant == (not low <= 0 <= high)
    else:
        assert not item.significant


@given(SHARE, SHARE, st.sampled_from([0.001, 0.05, 0.2]))
def test_the_same_holds_for_sequences_of_shares_and_their_lifts(a: Moments, b: Moments, alpha: float) -> None:
    item = compared(MetricKind.CONVERSION, a, b, Validity.ANYTIME, alpha=alpha)
    assert isinstance(item.p_value, float)
    assume(abs(item.p_value / alpha - 1) > 1e-6)
    low, high = bounds(item.absolute_interval)
    assert item.significant == (not low <= 0 <= high)
    if isinstance(item.relative_interval, Interval):
        lower, upper = item.relative_interval.lower, item.relative_interval.upper
        assert lower is not None
        assert item.significant == (lower > 0 or (upper is not None and upper < 0))


@given(POSITIVE, POSITIVE, VALIDITY)
def test_lift_and_difference_agree_about_no_effect(a: Moments, b: Moments, validity: Validity) -> None:
    item = compared(MetricKind.MEAN, a, b, validity)
    assert isinstance(item.p_value, float)
    assume(abs(item.p_value / 0.05 - 1) > 1e-6)
    low, high = bounds(item.relative_interval)
    assert item.significant == (not low <= 0 <= high)
    assert isinstance(item.relative, float)
    assert low <= item.relative <= high


@given(
    st.one_of(
        st.tuples(st.just(MetricKind.MEAN), POSITIVE, POSITIVE), st.tuples(st.just(MetricKind.CONVERSION), SHARE, SHARE)
    ),
    VALIDITY,
)
def test_intervals_nest_as_alpha_falls(case: tuple[MetricKind, Moments, Moments], validity: Validity) -> None:
    kind, a, b = case
    found = [compared(kind, a, b, validity, alpha=alpha) for alpha in (0.2, 0.05, 0.001)]
    for inner, outer in itertools.pairwise(found):
        for narrow, wide in (
            (inner.absolute_interval, outer.absolute_interval),
            (inner.relative_interval, outer.relative_interval),
        ):
            if validity is Validity.ANYTIME:
                continue  # each level has its own tuning, so sequences of different α need not nest
            if isinstance(narrow, Interval) and isinstance(wide, Interval):
                assert narrow.lower is not None
                assert wide.lower is None or wide.lower <= narrow.lower + 1e-12
                assert wide.upper is None or (narrow.upper is not None and narrow.upper <= wide.upper + 1e-12)


@given(P_VALUES, METHODS)
def test_adjusted_is_never_below_raw_and_keeps_the_order(p_values: list[float], method: Correction) -> None:
    adjusted = adjust(p_values, method)
    assert all(raw <= new <= 1 for raw, new in zip(p_values, adjusted, strict=True))
    by_raw = sorted(range(len(p_values)), key=lambda i: p_values[i])
    assert all(adjusted[i] <= adjusted[j] for i, j in itertools.pairwise(by_raw))


@given(P_VALUES)
def test_holm_is_between_raw_and_bonferroni(p_values: list[float]) -> None:
    holm, bonferroni = adjust(p_values, Correction.HOLM), adjust(p_values, Correction.BONFERRONI)
    assert all(a <= b for a, b in zip(holm, bonferroni, strict=True))
    assert min(holm) == min(bonferroni)
    assert adjust(p_values, Correction.NONE) == p_values


def test_a_mean_of_1e8_with_a_deviation_of_1_is_compared_exactly() -> None:
    item = compared(MetricKind.MEAN, mean_of(1_000, 1e8 + 0.5, 1.0), mean_of(1_000, 1e8, 1.0))
    small = compared(MetricKind.MEAN, mean_of(1_000, 0.5, 1.0), mean_of(1_000, 0.0, 1.0))
    assert item.p_value == pytest.approx(small.p_value, rel=1e-9)
    assert bounds(item.absolute_interval) == pytest.approx(bounds(small.absolute_interval), rel=1e-9)
    low, high = bounds(item.relative_interval)
    assert (low * 1e8, high * 1e8) == pytest.approx(bounds(small.absolute_interval), rel=1e-6)
