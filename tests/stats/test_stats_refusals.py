"""A number that cannot be computed is a typed refusal with a reason, never 0, NaN or p = 1."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.model.metric import MetricKind
from assay.model.moments import COVARIATE, DENOMINATOR, VALUE, Moments
from assay.model.result import Comparison, Interval, NoEstimate, Validity
from tests.stats.comparing import analysed, compared, mean_of, rows

EMPTY = Moments.zeros(0, (VALUE,))
GOOD = mean_of(50, 3.0, 1.0)
VALIDITIES = list(Validity)


def code(item: object) -> str:
    assert isinstance(item, NoEstimate), item
    assert len(item.reason) > 10
    return item.no_estimate


@pytest.mark.parametrize("validity", VALIDITIES)
@pytest.mark.parametrize("kind", [MetricKind.MEAN, MetricKind.SUM, MetricKind.COUNT])
@pytest.mark.parametrize(
    ("treatment", "control", "expected"),
    [
        (EMPTY, GOOD, "empty_arm"),
        (GOOD, EMPTY, "empty_arm"),
        (rows([4.0]), GOOD, "one_unit"),
        (GOOD, rows([4.0]), "one_unit"),
        (rows([0.1] * 7), rows([0.3] * 9), "zero_variance"),
        (Moments(9, (VALUE,), (math.nan,), (1.0,)), GOOD, "bad_moments"),
        (GOOD, Moments(9, (VALUE,), (1.0,), (math.inf,)), "bad_moments"),
        (Moments(9, (VALUE,), (1.0,), (-3.0,)), GOOD, "bad_moments"),
    ],
)
def test_means(kind: MetricKind, treatment: Moments, control: Moments, expected: str, validity: Validity) -> None:
    item = compared(kind, treatment, control, validity)
    assert code(item.p_value) == code(item.p_value_adjusted) == code(item.absolute_interval) == expected
    assert not item.significant
    assert item.better is None


@pytest.mark.parametrize(("converted", "value"), [(0, 0.0), (40, 1.0)])
def test_nobody_or_everybody_converted_at_one_look(converted: int, value: float) -> None:
    item = compared(MetricKind.CONVERSION, Moments.of_counts(converted, 40), Moments.of_counts(converted, 40))
    assert code(item.p_value) == code(item.absolute_interval) == "zero_variance"
    assert item.absolute == 0.0
    if value:
        assert item.relative == 0.0
    else:
        assert code(item.relative) == code(item.relative_interval) == "zero_control"


@pytest.mark.parametrize("converted", [0, 40])
def test_nobody_or_everybody_converted_in_a_sequence_leaves_wide_bounds(converted: int) -> None:
    item = compared(
        MetricKind.CONVERSION, Moments.of_counts(converted, 40), Moments.of_counts(converted, 40), Validity.ANYTIME
    )
    assert isinstance(item.absolute_interval, Interval)
    assert item.absolute_interval.lower is not None
    assert item.absolute_interval.lower < -0.05
    assert not item.significant


@pytest.mark.parametrize("validity", VALIDITIES)
def test_nothing_converted_in_control(validity: Validity) -> None:
    item = compared(MetricKind.CONVERSION, Moments.of_counts(30, 400), Moments.of_counts(0, 400), validity)
    assert item.significant
    assert code(item.relative) == "zero_control"
    if validity is Validity.ANYTIME:
        assert isinstance(item.relative_interval, Interval), "many times the control at least, without an upper bound"
        assert item.relative_interval.upper is None


@pytest.mark.parametrize("validity", VALIDITIES)
def test_a_noisy_control_leaves_the_lift_unbounded_or_refused(validity: Validity) -> None:
    treatment, control = mean_of(400, 9.0, 10.0), mean_of(400, 0.3, 10.0)
    by_sum = compared(MetricKind.SUM, treatment, control, validity)
    assert code(by_sum.relative_interval) == "control_near_zero"
    by_count = compared(MetricKind.COUNT, treatment, control, validity)
    assert isinstance(by_count.relative_interval, Interval)
    assert by_count.relative_interval.upper is None
    assert by_count.relative_interval.lower is not None
    assert by_count.relative_interval.lower > 1


def test_too_few_units_for_a_sequence() -> None:
    item = compared(MetricKind.MEAN, rows([1.0, 2.0]), rows([3.0, 3.5]), Validity.ANYTIME, tuning_units=100_000)
    assert code(item.absolute_interval) == code(item.relative_interval) == "too_few_units"
    assert isinstance(item.p_value, float)
    assert item.p_value > 0.5


def test_a_ratio_without_a_denominator() -> None:
    below = Moments.of((VALUE, DENOMINATOR), [(0.0, 0.0), (0.0, 0.0)])
    fine = Moments.of((VALUE, DENOMINATOR), [(1.0, 2.0), (2.0, 3.0), (1.0, 1.0)])
    assert code(compared(MetricKind.RATIO, below, fine).p_value) == "zero_denominator"
    constant = Moments.of((VALUE, DENOMINATOR), [(0.3, 0.1), (0.6, 0.2), (2.1, 0.7)])
    assert code(compared(MetricKind.RATIO, constant, constant).p_value) == "zero_variance"


def test_cross_moments_beyond_what_is_possible() -> None:
    broken = Moments(10, (VALUE, COVARIATE), (1.0, 1.0), (4.0, 9.0, 4.0))
    fine = Moments(10, (VALUE, COVARIATE), (1.0, 1.0), (4.0, 1.0, 4.0))
    assert code(compared(MetricKind.MEAN, broken, fine).p_value) == "bad_moments"


def test_a_share_outside_0_to_1() -> None:
    assert code(compared(MetricKind.CONVERSION, GOOD, Moments.of_counts(3, 9)).p_value) == "not_a_share"


def test_arms_without_units_and_of_one_unit() -> None:
    result = analysed(MetricKind.MEAN, {"c": rows([2.0]), "t": EMPTY})
    one, empty = result.arms
    assert one.value == 2.0
    assert code(one.standard_deviation) == code(one.standard_error) == code(one.interval) == "one_unit"
    assert code(empty.value) == code(empty.interval) == "empty_arm"


def finite(item: Comparison) -> bool:
    numbers: list[object] = [item.absolute, item.relative, item.p_value, item.p_value_adjusted, item.statistic]
    for interval in (item.absolute_interval, item.relative_interval):
        if isinstance(interval, Interval):
            numbers += [interval.lower, interval.upper]
    return all(math.isfinite(number) for number in numbers if isinstance(number, float))


ANY_NUMBER = st.floats(allow_nan=True, allow_infinity=True)


@given(
    st.sampled_from(MetricKind),
    st.integers(0, 4),
    st.integers(0, 10**9),
    *([ANY_NUMBER] * 4),
    st.sampled_from(Validity),
)
def test_no_moments_whatever_give_a_number_that_is_none(
    kind: MetricKind, n_t: int, n_c: int, mean: float, square: float, cross: float, below: float, validity: Validity
) -> None:
    columns = (VALUE, DENOMINATOR) if kind is MetricKind.RATIO else (VALUE, COVARIATE)
    arms = [Moments(n, columns, (mean, below), (square, cross, below)) for n in (n_t, n_c)]
    item = compared(kind, arms[0], arms[1], validity)
    assert finite(item)
    assert item.p_value != 0
