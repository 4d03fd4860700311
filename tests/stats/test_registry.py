"""Every test that a metric can name runs on data of every kind it says it fits, and agrees with itself called alone."""

from __future__ import annotations

import numpy as np
import pytest

from assay.errors import InvalidInput
from assay.model.metric import MetricKind
from assay.model.moments import DENOMINATOR, VALUE, Moments
from assay.model.plan import Correction, Plan
from assay.model.result import Interval, Validity
from assay.model.valuecounts import ValueCounts
from assay.stats.experiment import Beside, analyse_metrics
from assay.stats.inputs import array_moments
from assay.stats.registry import BUILT_IN, DEFAULT_TEST, Needs, chosen_test
from tests.stats.comparing import metric_of

RNG = np.random.default_rng(17)
VALUES = {"c": RNG.poisson(2.0, 300).astype(float), "t": RNG.poisson(4.2, 280).astype(float)}
SHARES = {"c": Moments.of_counts(15, 150), "t": Moments.of_counts(30, 140)}


def moments(kind: MetricKind, arm: str) -> Moments:
    if kind is MetricKind.CONVERSION:
        return SHARES[arm]
    if kind is MetricKind.RATIO:
        return array_moments((VALUE, DENOMINATOR), (VALUES[arm], VALUES[arm] + 1))
    return array_moments((VALUE,), (VALUES[arm],))


@pytest.mark.parametrize("name", sorted(BUILT_IN))
def test_each_test_runs_through_the_product(name: str) -> None:
    test = BUILT_IN[name]
    for kind in test.kinds:
        (result,), failures = analyse_metrics(
            [metric_of(kind, test=name)],
            {"m": {arm: moments(kind, arm) for arm in ("c", "t")}},
            control="c",
            plan=Plan(correction=Correction.NONE),
            validity=Validity.FIXED,
            tuning_units=1_000,
            data=Beside(value_counts={"m": {arm: ValueCounts.of(values) for arm, values in VALUES.items()}}),
        )
        assert not failures
        comparison = result.comparisons[0]
        assert isinstance(comparison.p_value, float)
        assert 0 < comparison.p_value < 0.1
        assert isinstance(comparison.absolute_interval, Interval)
        assert comparison.scale == test.scale
        if not test.is_default:
            data = SHARES if test.needs is Needs.MOMENTS and kind is MetricKind.CONVERSION else None
            arms = data or {arm: moments(kind, arm) for arm in ("c", "t")}
            given = arms if test.needs is Needs.MOMENTS else {a: ValueCounts.of(v) for a, v in VALUES.items()}
            alone = test.compare(given["t"], given["c"], alpha=0.05, alternative="two_sided")
            assert comparison.p_value == alone.p_value


def test_every_kind_has_a_test_of_its_own() -> None:
    assert set(DEFAULT_TEST) == set(MetricKind)
    for kind, name in DEFAULT_TEST.items():
        assert chosen_test(metric_of(kind), {}).name == name
        assert BUILT_IN[name].is_default


def test_a_test_for_another_kind_is_refused_with_those_that_fit() -> None:
    with pytest.raises(InvalidInput, match=r"boschloo_exact, .*two_proportion_z"):
        chosen_test(metric_of(MetricKind.CONVERSION, test="mann_whitney"), {})
