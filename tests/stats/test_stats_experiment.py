"""All metrics of an experiment together: families, corrections, failures, cautions, CUPED."""

from __future__ import annotations

import subprocess
import sys

import pytest

from assay.model.metric import Direction, MetricKind, Role
from assay.model.moments import COVARIATE, VALUE, Moments
from assay.model.plan import Correction, Plan
from assay.model.result import Interval, MetricResult, Validity
from assay.stats.experiment import analyse_metrics
from assay.stats.multiple.adjust import adjust
from tests.stats.comparing import analysed, bounds, mean_of, metric_of, rows

ONE = {"c": Moments.of_counts(500, 10_000), "a": Moments.of_counts(560, 10_000), "b": Moments.of_counts(590, 10_000)}
TWO = {"c": mean_of(900, 10, 3), "a": mean_of(900, 10.2, 3), "b": mean_of(900, 10.4, 3)}
METRICS = [
    metric_of(MetricKind.CONVERSION, "first", Role.PRIMARY),
    metric_of(MetricKind.MEAN, "second", Role.SECONDARY),
    metric_of(MetricKind.CONVERSION, "third", Role.SECONDARY),
    metric_of(MetricKind.MEAN, "guard", Role.GUARDRAIL, direction=Direction.DECREASE),
]
MOMENTS = {"first": ONE, "second": TWO, "third": ONE, "guard": TWO}


def all_of(correction: Correction, validity: Validity = Validity.FIXED) -> dict[str, MetricResult]:
    results, failures = analyse_metrics(
        METRICS,
        MOMENTS,
        control="c",
        plan=Plan(correction=correction),
        validity=validity,
        tuning_units=20_000,
    )
    assert not failures
    return {item.metric: item for item in results}


@pytest.mark.parametrize("validity", list(Validity))
@pytest.mark.parametrize("method", list(Correction))
def test_each_role_is_a_family_of_its_own(method: Correction, validity: Validity) -> None:
    results = all_of(method, validity)
    assert {key: item.family_size for key, item in results.items()} == {"first": 2, "second": 4, "third": 4, "guard": 2}
    for keys in (["first"], ["second", "third"], ["guard"]):
        items = [item for key in keys for item in results[key].comparisons]
        raw = [item.p_value for item in items if isinstance(item.p_value, float)]
        if method is not Correction.DUNNETT or validity is Validity.ANYTIME:
            assert [item.p_value_adjusted for item in items] == pytest.approx(adjust(raw, method))
        assert all(item.significant == (item.p_value_adjusted < 0.05) for item in items)  # type: ignore[operator]


@pytest.mark.parametrize("validity", list(Validity))
def test_intervals_are_simultaneous_where_the_plan_corrects(validity: Validity) -> None:
    levels = {}
    for method in Correction:
        interval = all_of(method, validity)["second"].comparisons[0].absolute_interval
        assert isinstance(interval, Interval)
        levels[method] = interval.level
    assert levels[Correction.HOLM] == levels[Correction.BONFERRONI] == pytest.approx(1 - 0.05 / 4)
    assert levels[Correction.NONE] == levels[Correction.BENJAMINI_HOCHBERG] == pytest.approx(0.95)
    wide = bounds(all_of(Correction.HOLM, validity)["first"].comparisons[0].absolute_interval)
    narrow = bounds(all_of(Correction.NONE, validity)["first"].comparisons[0].absolute_interval)
    assert wide[0] < narrow[0] < narrow[1] < wide[1]


@pytest.mark.parametrize("one_sided", [False, True])
@pytest.mark.parametrize("shift", [2.0, 2.2, 2.4, 2.6, 2.8, 3.0, 3.2, 3.4, 3.6])
def test_dunnett_s_intervals_and_p_values_agree_with_few_units(shift: float, one_sided: bool) -> None:
    arms = {"c": mean_of(5, 10, 2), "a": mean_of(6, 10 + shift, 2.5), "b": mean_of(9, 10 + 0.8 * shift, 1.5)}
    (result,), _ = analyse_metrics(
        [metric_of(MetricKind.MEAN, one_sided=one_sided)],
        {"m": arms},
        control="c",
        plan=Plan(correction=Correction.DUNNETT),
        validity=Validity.FIXED,
        tuning_units=1_000,
    )
    for item in result.comparisons:
        assert isinstance(item.absolute_interval, Interval)
        assert isinstance(item.p_value_adjusted, float)
        assert item.absolute_interval.lower is not None
        assert (item.absolute_interval.lower > 0) == (item.p_value_adjusted < 0.05)


def test_better_follows_the_metric_s_direction() -> None:
    arms = {"c": Moments.of_counts(500, 10_000), "t": Moments.of_counts(700, 10_000)}
    assert analysed(MetricKind.CONVERSION, arms).comparisons[0].better is True
    assert analysed(MetricKind.CONVERSION, arms, direction=Direction.DECREASE).comparisons[0].better is False
    swapped = {"c": arms["t"], "t": arms["c"]}
    assert analysed(MetricKind.CONVERSION, swapped).comparisons[0].better is False
    same = {"c": arms["c"], "t": arms["c"]}
    assert analysed(MetricKind.CONVERSION, same).comparisons[0].better is None


def test_one_failing_metric_never_takes_the_others_down() -> None:
    moments = {
        "first": ONE,
        "second": {"a": TWO["a"], "b": TWO["b"]},
        "guard": {"c": TWO["c"]},
    }
    results, failures = analyse_metrics(
        METRICS, moments, control="c", plan=Plan(), validity=Validity.ANYTIME, tuning_units=1_000
    )
    assert [item.metric for item in results] == ["first"]
    assert set(failures) == {"second", "third", "guard"}
    assert "control 'c'" in failures["second"]
    ratio = metric_of(MetricKind.RATIO, "r")
    _, failures = analyse_metrics(
        [ratio], {"r": TWO}, control="c", plan=Plan(), validity=Validity.FIXED, tuning_units=1_000
    )
    assert "columns" in failures["r"]


def test_an_empty_treatment_does_not_shrink_the_others_alpha() -> None:
    result = analysed(MetricKind.MEAN, {**TWO, "new": Moments.zeros(0, (VALUE,))})
    assert result.family_size == 2
    assert [item.variant for item in result.comparisons] == ["a", "b", "new"]
    assert not result.comparisons[2].significant


def test_a_comparison_without_a_p_value_still_counts_in_its_family() -> None:
    nobody = {name: Moments.of_counts(0, 10_000) for name in ("c", "a", "b")}
    results, _ = analyse_metrics(
        METRICS[1:3],
        {"second": TWO, "third": nobody},
        control="c",
        plan=Plan(),
        validity=Validity.FIXED,
        tuning_units=1_000,
    )
    strong = results[0].comparisons[1]
    assert results[0].family_size == 4
    assert strong.p_value_adjusted == pytest.approx(4 * strong.p_value)  # type: ignore[operator]
    assert results[1].comparisons[0].p_value_adjusted == results[1].comparisons[0].p_value


def test_an_outlier_is_named_with_its_share() -> None:
    plain = Moments(44_700, (VALUE,), (52.45626,), (2945812585.5,), 49_854.0)
    arms = {"c": plain, "t": Moments(45_489, (VALUE,), (51.29878,), (485344970.3,), 2_640.0)}
    for validity in Validity:
        (warning,) = analysed(MetricKind.SUM, arms, validity).warnings
        assert "c" in warning
        assert "49,854" in warning
        assert "84 %" in warning
        assert "cap" in warning
    assert not analysed(MetricKind.MEAN, {name: rows([1.0, 2.0, 90.0]) for name in "ct"}).warnings, "few units"


def test_few_conversions_are_named_for_the_z_test() -> None:
    arms = {"c": Moments.of_counts(3, 900), "t": Moments.of_counts(1, 900)}
    assert analysed(MetricKind.CONVERSION, arms).warnings == (
        "Only 3 units of c converted; below 5 the z-test is unreliable.",
        "Only 1 unit of t converted; below 5 the z-test is unreliable.",
    )
    full = {"c": Moments.of_counts(898, 900), "t": Moments.of_counts(800, 900)}
    (warning,) = analysed(MetricKind.CONVERSION, full).warnings
    assert "2 units of c did not convert" in warning
    assert not analysed(MetricKind.CONVERSION, arms, Validity.ANYTIME).warnings


def pair(values: list[tuple[float, float]]) -> Moments:
    return Moments.of((VALUE, COVARIATE), values)


def test_a_constant_covariate_is_refused_and_the_plain_numbers_shown() -> None:
    plain = {"c": rows([1.0, 4.0, 2.0]), "t": rows([6.0, 3.0, 7.0])}
    given = {name: pair([(x, 5.0) for x in values]) for name, values in (("c", [1, 4, 2]), ("t", [6, 3, 7]))}
    for validity in Validity:
        refused, expected = analysed(MetricKind.MEAN, given, validity), analysed(MetricKind.MEAN, plain, validity)
        assert refused.comparisons == expected.comparisons
        (warning,) = refused.warnings
        assert "covariate" in warning
        assert refused.comparisons[0].variance_reduction is None


def test_the_adjustment_is_one_for_all_variants() -> None:
    """A variant that is not compared still moves the coefficient and the covariate's mean."""
    base = {"c": pair([(1, 1), (4, 2), (3, 3), (6, 4)]), "t": pair([(2, 1), (5, 4), (9, 5), (4, 2)])}
    third = pair([(9, 1), (1, 9), (8, 2), (2, 8)])
    alone, together = analysed(MetricKind.MEAN, base), analysed(MetricKind.MEAN, {**base, "x": third})
    assert alone.comparisons[0].absolute != pytest.approx(together.comparisons[0].absolute)
    assert alone.arms == together.arms[:2], "arms show what was measured"


def test_a_perfect_covariate_leaves_nothing_to_chance() -> None:
    arms = {"c": pair([(1, 1), (2, 2), (5, 5)]), "t": pair([(3, 3), (4, 4), (9, 9)])}
    item = analysed(MetricKind.MEAN, arms).comparisons[0]
    assert item.absolute == pytest.approx(0)
    assert item.p_value == item.absolute_interval


def test_importing_the_room_does_not_load_scipy_stats() -> None:
    rooms = "assay.stats.experiment, assay.stats.planning.power, assay.stats.trust.sample_ratio"
    code = f"import sys, {rooms}; print('scipy.stats' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "False"
