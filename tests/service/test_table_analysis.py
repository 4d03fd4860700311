"""A table in, a result out: fields named when wrong, gaps said in words, one failing metric alone."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from assay.adapters.duckdb_tables import DuckdbTables
from assay.errors import InvalidInput
from assay.model.lifecycle import Status
from assay.model.metric import Direction, Hypothesis, MetricKind, Role
from assay.model.plan import Correction, Method, Plan, Spending
from assay.model.result import ExperimentResult, Interval, NoEstimate, Validity
from assay.service.result_rows import notes, result_rows, shows_adjusted
from assay.service.snippets import snippet
from assay.service.table_analysis import TableQuestion, analyze, stable_document
from assay.service.table_metrics import MetricOptions, table_metrics
from assay.service.table_words import rules

NOW = datetime(2026, 2, 5, tzinfo=timezone.utc)
COLUMNS = ["unit", "arm", "y", "z", "a/b", "c", "b/c", "a", "pre", "rate of x"]


def frame_of(n: int = 4_000, **columns: Any) -> pd.DataFrame:
    """Two arms whose y differs (30 % against 40 %) and whose z does not."""
    arms = ["new" if i % 2 else "old" for i in range(n)]
    y = [float((i // 2) % 10 < (4 if i % 2 else 3)) for i in range(n)]
    z = [float(i // 2 % 7) for i in range(n)]
    return pd.DataFrame({"unit": range(n), "arm": arms, "y": y, "z": z} | columns)


def analysed(frame: pd.DataFrame, *metrics: str, **changes: Any) -> ExperimentResult:
    question = TableQuestion(
        **{"unit": "unit", "variant": "arm", "control": "old", "metrics": metrics or ("conversion:y",), **changes}
    )
    return analyze(DuckdbTables(), frame, question, name="My file", at=NOW)


def parsed(*texts: str, covariates: Mapping[str, str] | None = None, lower: tuple[str, ...] = ()) -> list[Any]:
    wanted = {name: (column,) for name, column in (covariates or {}).items()}
    return list(table_metrics(texts, COLUMNS, MetricOptions(covariates=wanted, lower_is_better=lower)))


# --- metrics from short texts -----------------------------------------------------------------------------------


def test_the_first_metric_is_primary_and_the_others_secondary() -> None:
    roles = [item.metric.role for item in parsed("conversion:y", "mean:z", "count:y")]
    assert roles == [Role.PRIMARY, Role.SECONDARY, Role.SECONDARY]


def test_keys_differ_when_a_column_is_used_twice() -> None:
    keys = [item.metric.key for item in parsed("conversion:y", "mean:y", "sum:y", "mean:rate of x")]
    assert keys == ["y", "mean.y", "sum.y", "rate-of-x"]


@pytest.mark.parametrize(("text", "parts"), [("ratio:a/b/z", ("a/b", "z")), ("ratio:a/b/b/c", ("a/b", "b/c"))])
def test_a_ratio_is_cut_where_both_sides_are_columns(text: str, parts: tuple[str, str]) -> None:
    (item,) = parsed(text)
    assert (item.column, item.denominator) == parts
    assert item.metric.kind is MetricKind.RATIO


def test_a_covariate_belongs_to_every_metric_of_its_column_or_to_one_by_its_text() -> None:
    assert [item.covariates for item in parsed("mean:y", "sum:y", "mean:z", covariates={"y": "pre"})] == [
        ("pre",),
        ("pre",),
        (),
    ]
    assert [item.covariates for item in parsed("mean:y", "sum:y", covariates={"sum:y": "pre"})] == [(), ("pre",)]


def test_lower_can_be_better() -> None:
    assert [i.metric.direction for i in parsed("mean:y", "mean:z", lower=("z",))] == [
        Direction.INCREASE,
        Direction.DECREASE,
    ]


@pytest.mark.parametrize(
    ("texts", "options", "field", "words"),
    [
        ((), {}, "metric", "at least one metric"),
        (("y",), {}, "metric", "conversion, count, sum, mean, ratio"),
        (("modus:y",), {}, "metric", "conversion, count, sum, mean, ratio"),
        (("mean:w",), {}, "metric", "unit, arm, y, z"),
        (("ratio:y/w",), {}, "metric", "ratio:numerator/denominator"),
        (("ratio:y",), {}, "metric", "ratio:numerator/denominator"),
        (("ratio:a/b/c",), {}, "metric", "'a' over 'b/c' or 'a/b' over 'c'"),
        (("mean:y", "mean:y"), {}, "metric", "every metric once"),
        (("mean:y",), {"covariates": {"y": "w"}}, "covariate", "unit, arm, y, z"),
        (("mean:y",), {"covariates": {"z": "pre"}}, "covariate", "mean:y"),
        (("median:y",), {"covariates": {"median:y": "pre"}}, "covariate", "not a quantile"),
        (("p0:y",), {}, "metric", "median, p1 to p99"),
        (("ratio:y/z",), {"covariates": {"y": "pre"}}, "covariate", "a column of one of the metrics"),
        (("mean:y",), {"lower": ("z",)}, "lower_is_better", "mean:y"),
    ],
)
def test_a_wrong_metric_names_the_field_and_the_choices(
    texts: tuple[str, ...], options: dict[str, Any], field: str, words: str
) -> None:
    with pytest.raises(InvalidInput) as caught:
        parsed(*texts, **options)
    assert caught.value.field == field
    assert words in str(caught.value)


# --- the question against the table -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"unit": "user"}, "unit", "unit, arm, y, z"),
        ({"variant": "group"}, "variant", "unit, arm, y, z"),
        ({"control": "older"}, "control", "new, old"),
        ({"variant": "unit"}, "variant", "another column than the unit's"),
        ({"variant": "serial"}, "variant", "4,000 different values"),
        ({"weights": {"old": 1.0}}, "weights", "new, old"),
        ({"weights": {"old": 1.0, "new": 0.0}}, "weights.new", "above 0"),
        ({"weights": {"old": 1.0, "new": math.nan}}, "weights.new", "above 0"),
        ({"weights": {"old": 1.0, "new": "half"}}, "weights.new", "above 0"),
        ({"stratum": "arm"}, "stratum", "not that of the variant"),
        ({"stratum": "unit"}, "stratum", "not that of the unit"),
        ({"stratum": "y"}, "stratum", "not that of a metric"),
        ({"options": MetricOptions(covariates={"y": ("serial", "y")})}, "covariate", "not that of the metric itself"),
        ({"options": MetricOptions(covariates={"y": ("arm",)})}, "covariate", "not that of the variant"),
        ({"plan": Plan(method=Method.FIXED, tuning_units=500)}, "tuning_units", "method is sequential or bayesian"),
        ({"plan": Plan(method=Method.FIXED, required_per_variant=500)}, "required_per_variant", "group_sequential"),
        ({"plan": Plan(method=Method.FIXED, spending=Spending.POCOCK)}, "spending", "method is group_sequential"),
    ],
)
def test_a_wrong_question_names_the_field_and_the_choices(changes: dict[str, Any], field: str, words: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        analysed(frame_of(serial=range(4_000)), **changes)
    assert caught.value.field == field
    assert words in str(caught.value)


def test_one_variant_alone_is_refused() -> None:
    with pytest.raises(InvalidInput, match="two or more variants"):
        analysed(frame_of().query("arm == 'old'"))


def test_an_empty_table_says_that_no_row_counts() -> None:
    with pytest.raises(InvalidInput, match="no row has both"):
        analysed(frame_of().iloc[:0])


# --- results ----------------------------------------------------------------------------------------------------


def test_a_finished_file_gives_a_final_fixed_horizon_result() -> None:
    result = analysed(frame_of(), "conversion:y", "mean:z")
    assert (result.experiment, result.status, result.final) == ("my-file", Status.COMPLETED, True)
    assert result.validity is Validity.FIXED
    assert list(result.units) == ["old", "new"]
    primary = result.primary
    assert primary is not None
    comparison = primary.comparisons[0]
    assert comparison.absolute == pytest.approx(0.1)
    assert comparison.relative == pytest.approx(1 / 3)
    assert comparison.better is True
    assert result.recommendation.winner == "new"


def test_sequential_numbers_are_more_careful_than_fixed_ones() -> None:
    fixed = analysed(frame_of(), "conversion:y")
    sequential = analysed(frame_of(), "conversion:y", plan=Plan(method=Method.SEQUENTIAL))
    assert sequential.validity is Validity.ANYTIME
    p_fixed, p_sequential = (r.metrics[0].comparisons[0].p_value for r in (fixed, sequential))
    assert isinstance(p_fixed, float)
    assert isinstance(p_sequential, float)
    assert p_fixed < p_sequential
    assert rules(fixed)[0] != rules(sequential)[0]


def test_lower_is_better_turns_the_verdict() -> None:
    assert analysed(frame_of(), "mean:y", options=MetricOptions(lower_is_better=("y",))).recommendation.winner == "old"


def test_a_cap_bounds_what_one_unit_weighs_and_is_named() -> None:
    frame = frame_of()
    frame.loc[0, "z"] = 1e6
    result = analysed(frame, "mean:z", options=MetricOptions(caps={"z": 6.0}))
    assert analysed(frame, "mean:z").metrics[0].warnings
    assert not result.metrics[0].warnings
    assert result.metrics[0].title == "z (capped at 6)"
    arm = result.metrics[0].arm("old")
    assert arm is not None
    assert arm.value == pytest.approx((sum(i % 7 for i in range(2_000)) + 6) / 2_000)


def test_weights_decide_whether_the_split_is_as_planned() -> None:
    assert not analysed(frame_of()).sample_ratio.mismatch
    skewed = analysed(frame_of(), weights={"old": 9.0, "new": 1.0})
    assert skewed.sample_ratio.mismatch
    assert skewed.recommendation.winner is None


def test_a_planned_variant_without_units_is_a_mismatch() -> None:
    result = analysed(frame_of(), weights={"old": 1.0, "new": 1.0, "lost": 1.0})
    assert result.units["lost"] == 0
    assert result.sample_ratio.mismatch


def test_a_failing_metric_leaves_the_others_standing_with_its_reason() -> None:
    frame = frame_of(text=["word"] * 4_000)
    result = analysed(frame, "conversion:y", "mean:text")
    assert [metric.metric for metric in result.metrics] == ["y"]
    assert "'text' holds" in result.failures["text"]
    assert any("text: not analysed" in note for note in notes(result))


def test_a_failing_primary_gives_no_verdict_and_keeps_the_secondary() -> None:
    result = analysed(frame_of(text=["word"] * 4_000), "mean:text", "mean:z")
    assert result.primary is None
    assert [metric.metric for metric in result.metrics] == ["z"]
    assert result.recommendation.winner is None


def test_a_metric_without_any_value_has_a_reason_in_the_place_of_numbers() -> None:
    result = analysed(frame_of(empty=[math.nan] * 4_000), "conversion:y", "mean:empty")
    metric = result.metric("empty")
    if metric is None:
        assert result.failures["empty"]
    else:
        assert all(isinstance(item.absolute, NoEstimate) for item in metric.comparisons)
        assert any(note.startswith("empty") for note in notes(result))


def test_what_was_left_out_is_said_in_words() -> None:
    frame = frame_of()
    frame.loc[0, "y"] = None
    frame.loc[1, "arm"] = None
    doubled = pd.DataFrame({"unit": [2, 3], "arm": ["new", "new"], "y": [1.0, None], "z": [0.0, 0.0]})
    result = analysed(pd.concat([frame, doubled]), "mean:y")
    warnings = "\n".join(result.recommendation.warnings)
    assert result.quality.units_in_two_variants == 1
    assert "1 units" in warnings
    assert "2 rows without a usable value of 'y'" in warnings
    assert "1 row (0.025 %) without unit or variant" in warnings


def test_a_covariate_narrows_the_interval_and_its_gaps_are_said() -> None:
    noise = [float(i * 7919 % 1000) for i in range(4_000)]
    frame = frame_of(spend=[x + i % 2 for i, x in enumerate(noise)], pre=noise)
    frame.loc[:9, "pre"] = None
    plain, adjusted = (
        analysed(frame, "mean:spend"),
        analysed(frame, "mean:spend", options=MetricOptions(covariates={"spend": ("pre",)})),
    )
    reduction = adjusted.metrics[0].comparisons[0].variance_reduction
    assert plain.metrics[0].comparisons[0].variance_reduction is None
    assert reduction is not None
    assert reduction > 0.95
    assert any("spend, new: CUPED removed 9" in note for note in notes(adjusted))
    assert not notes(plain)
    assert any("10 units without a usable value of 'pre'" in warning for warning in adjusted.metrics[0].warnings)


def test_a_covariate_nobody_has_is_said_and_not_used() -> None:
    result = analysed(frame_of(pre=[math.nan] * 4_000), "mean:z", options=MetricOptions(covariates={"z": ("pre",)}))
    assert result.metrics[0].comparisons[0].variance_reduction is None
    assert any("CUPED was not used" in warning for warning in result.metrics[0].warnings)


def test_the_document_depends_on_the_data_alone() -> None:
    documents = [stable_document(analysed(frame_of(), "conversion:y", "mean:z")) for _ in range(2)]
    assert documents[0] == documents[1]
    assert "at" not in documents[0]
    assert documents[0]["metrics"][0]["metric"] == "y"


# --- rows for people --------------------------------------------------------------------------------------------


def test_rows_put_control_first_and_name_the_metric() -> None:
    rows = result_rows(analysed(frame_of(), "conversion:y", "mean:z"))
    assert [row.variant for row in rows] == ["old (control)", "new"] * 2
    assert [row.metric for row in rows] == ["y", "conversion, primary", "z", "mean, secondary"]
    assert rows[1].difference.startswith("+10.00 pp [")
    assert (rows[0].value, rows[1].value, rows[1].units) == ("30.00 %", "40.00 %", "2,000")
    assert rows[1].lift.startswith("+33.33 % [")
    assert rows[1].better is True


def test_adjusted_p_values_show_when_a_family_has_several() -> None:
    three = frame_of().assign(arm=["old", "new", "newer", "new"] * 1_000)
    weights = {"old": 1.0, "new": 2.0, "newer": 1.0}
    assert not shows_adjusted(analysed(frame_of()))
    result = analysed(three, weights=weights)
    assert shows_adjusted(result)
    assert any("Holm" in rule for rule in rules(result))
    uncorrected = analysed(three, weights=weights, plan=Plan(method=Method.FIXED, correction=Correction.NONE))
    assert not any("adjusted" in rule for rule in rules(uncorrected))


def test_a_file_is_read_as_a_dataframe_is(tmp_path: Path) -> None:
    frame_of().to_csv(tmp_path / "t.csv", index=False)
    question = TableQuestion(unit="unit", variant="arm", control="old", metrics=("conversion:y",))
    result = analyze(DuckdbTables(), tmp_path / "t.csv", question, name="My file", at=NOW)
    assert result == analysed(frame_of(), "conversion:y")


def test_strata_and_several_covariates_take_variance_away() -> None:
    noise = [(i * 7919 % 1_000) / 100 for i in range(4_000)]
    place = ["north" if i * 31 % 10 < 3 else "south" for i in range(4_000)]
    spend = [x + 20 * (p == "north") + (i % 5) + i % 2 for i, (x, p) in enumerate(zip(noise, place, strict=True))]
    frame = frame_of(spend=spend, pre=noise, other=[i % 5 for i in range(4_000)], place=place)
    plain = analysed(frame, "mean:spend").metrics[0].comparisons[0]
    by_place = analysed(frame, "mean:spend", stratum="place")
    comparison = by_place.metrics[0].comparisons[0]
    assert comparison.test == "stratified_welch_t"
    assert comparison.variance_reduction is not None
    assert comparison.variance_reduction > 0.6
    assert any("post-stratification removed" in note for note in notes(by_place))
    both = MetricOptions(covariates={"spend": ("pre", "other")})
    everything = analysed(frame, "mean:spend", stratum="place", options=both).metrics[0].comparisons[0]
    assert everything.variance_reduction is not None
    assert everything.variance_reduction > 0.999
    assert everything.absolute == pytest.approx(1.0, abs=0.01)
    assert isinstance(plain.p_value, float)
    assert isinstance(everything.p_value, float)
    assert everything.p_value < plain.p_value


def test_a_ratio_is_adjusted_by_both_its_parts_before() -> None:
    days = [1 + i * 31 % 4 for i in range(4_000)]
    before = [(i * 7919 % 97) * d / 10 for i, d in enumerate(days)]
    frame = frame_of(above=[b + d + i % 2 for i, (b, d) in enumerate(zip(before, days, strict=True))], days=days)
    frame["pre"], frame["pre_days"] = before, days
    options = MetricOptions(covariates={"ratio:above/days": ("pre", "pre_days")})
    found = analysed(frame, "ratio:above/days", options=options).metrics[0].comparisons[0]
    assert found.test == "cuped_ratio_delta_t"
    assert found.variance_reduction is not None
    assert found.variance_reduction > 0.9


def test_a_bayesian_plan_shows_what_is_believed_beside_the_numbers_that_decide() -> None:
    plan = Plan(method=Method.BAYESIAN, prior_lift_sd=0.1)
    result = analysed(frame_of(), "conversion:y", "mean:z", plan=plan)
    assert result.validity is Validity.ANYTIME
    flat = analysed(frame_of(), "conversion:y", "mean:z", plan=Plan(method=Method.BAYESIAN))
    for metric, plain in zip(result.metrics, flat.metrics, strict=True):
        shrunk, free = metric.comparisons[0].posterior, plain.comparisons[0].posterior
        assert shrunk is not None
        assert free is not None
        assert 0 < shrunk.chance_to_beat < 1
        assert shrunk.interval.upper - shrunk.interval.lower < free.interval.upper - free.interval.lower  # type: ignore[operator]
    assert any("chance to be better than the control" in note for note in notes(result))
    assert analysed(frame_of()).metrics[0].comparisons[0].posterior is None


def group_sequential(required: int = 3_000, **changes: Any) -> ExperimentResult:
    plan = Plan(method=Method.GROUP_SEQUENTIAL, required_per_variant=required, looks=(0.5, 1.0))
    return analysed(frame_of(), plan=plan, **changes)


def test_a_group_sequential_experiment_that_ended_early_spends_what_is_left() -> None:
    going, ended = group_sequential(), group_sequential(ended=True)
    (before,), (after,) = (item.metrics[0].comparisons for item in (going, ended))
    assert isinstance(before.absolute_interval, Interval)
    assert isinstance(after.absolute_interval, Interval)
    assert after.absolute_interval.lower is not None
    assert before.absolute_interval.lower is not None
    assert after.absolute_interval.lower > before.absolute_interval.lower
    assert (going.final, ended.final) == (False, True)
    assert "the last, as the experiment has ended" in rules(ended)[0]
    assert "the last" not in rules(going)[0]


@pytest.mark.parametrize("required", [2_000, 1_990, 1_000, 100])
def test_more_units_than_planned_are_the_last_planned_look(required: int) -> None:
    found = group_sequential(required)
    (item,) = found.metrics[0].comparisons
    assert found.looks == (0.5, 1.0)
    assert found.final
    assert isinstance(item.p_value, float)
    assert isinstance(item.absolute_interval, Interval)


def test_only_a_group_sequential_experiment_has_a_last_look() -> None:
    with pytest.raises(InvalidInput, match="ended: given true; accepted: only with the method group_sequential"):
        analysed(frame_of(), ended=True)


def test_transformed_values_are_not_taken_for_the_column_s() -> None:
    options = MetricOptions(transforms={"z": snippet("transforms", "log1p", {})})
    result = analysed(frame_of(), "mean:z", options=options)
    assert "Value, difference and lift are of the transformed values, not of 'z'." in result.metrics[0].warnings


@pytest.mark.parametrize("test", ["mann_whitney", "brunner_munzel", "kolmogorov_smirnov"])
def test_what_ranks_or_distances_say_is_no_lift_of_the_metric(test: str) -> None:
    rng = random.Random(5)
    frame = frame_of()
    frame["z"] = [rng.gauss(10 + (arm == "new"), 2) for arm in frame["arm"]]
    result = analysed(frame, "mean:z", options=MetricOptions(tests={"z": test}))
    (item,) = result.metrics[0].comparisons
    assert isinstance(item.relative, NoEstimate)
    assert isinstance(item.relative_interval, NoEstimate)
    said = (result.recommendation.sentence, *result.recommendation.reasons)
    assert not any("lift" in text for text in said)
    assert any(item.scale in text for text in said)
    assert f"z, new: the difference is {item.scale} ({test})" in notes(result)


@pytest.mark.parametrize(
    ("changes", "used"),
    [
        ({}, Correction.DUNNETT),
        ({"plan": Plan(method=Method.SEQUENTIAL, correction=Correction.DUNNETT)}, Correction.HOLM),
        ({"options": MetricOptions(margins={"y": (Hypothesis.NON_INFERIORITY, 0.1)})}, Correction.HOLM),
        ({"options": MetricOptions(tests={"y": "newcombe"})}, Correction.HOLM),
    ],
)
def test_where_dunnett_s_correction_does_not_apply_the_result_says_what_stands_in(
    changes: dict[str, Any], used: Correction
) -> None:
    frame = frame_of()
    frame["arm"] = [("old", "new", "newer")[i % 3] for i in range(len(frame))]
    asked = {"plan": Plan(method=Method.FIXED, correction=Correction.DUNNETT), **changes}
    result = analysed(frame, **asked)
    assert result.metrics[0].correction is used
    assert f"p adjusted: {used.value.title()}, over" in rules(result)[-1]
    assert ("Holm's stands in" in rules(result)[-1]) is (used is Correction.HOLM)


def test_corrections_are_called_by_the_names_of_their_authors() -> None:
    frame = frame_of()
    frame["arm"] = [("old", "new", "newer")[i % 3] for i in range(len(frame))]
    plan = Plan(method=Method.FIXED, correction=Correction.BENJAMINI_HOCHBERG)
    assert "p adjusted: Benjamini and Hochberg, over" in rules(analysed(frame, plan=plan))[-1]


def test_strata_that_a_quantile_does_not_use_are_said() -> None:
    frame = frame_of(pre=[i % 3 for i in range(4_000)])
    (metric,) = analysed(frame, "median:z", stratum="pre").metrics
    assert any("strata were not used: difference of quantiles compares" in text for text in metric.warnings)


def test_a_variance_that_strata_enlarge_is_not_said_to_be_removed() -> None:
    rng = random.Random(3)
    frame = frame_of(400, pre=[rng.randrange(12) for _ in range(400)])
    result = analysed(frame, "mean:z", stratum="pre")
    share = result.metrics[0].comparisons[0].variance_reduction
    assert share is not None
    assert share < 0
    assert any("post-stratification added" in note and "−" not in note for note in notes(result))


def test_values_that_are_missing_in_one_variant_more_often_are_told() -> None:
    def told(lacking: Callable[[int], bool]) -> list[str]:
        frame = frame_of()
        frame["z"] = [None if lacking(i) else value for i, value in enumerate(frame["z"])]
        return [text for text in analysed(frame, "mean:z").metrics[0].warnings if "not spread by chance" in text]

    assert told(lambda i: i % 20 < 2) == []
    assert told(lambda i: False) == []
    (text,) = told(lambda i: i % 20 == 1)
    assert "(new 10.0 %; old 0.00 %; p < 0.0001)" in text
    assert len(told(lambda i: i % 2 == 1)) == 1


def test_a_transformation_that_a_value_does_not_have_is_named() -> None:
    options = MetricOptions(transforms={"z": snippet("transforms", "sqrt", {})})
    result = analysed(frame_of(z=[-1.0] * 4_000), "mean:z", options=options)
    assert result.failures["z"].startswith("the square root is not a finite number for every value of column 'z'")


def test_a_lift_of_a_control_below_zero_is_said_to_have_the_other_sign() -> None:
    frame = frame_of()
    frame["z"] = [-10.0 - (arm == "new") - i % 3 for i, arm in enumerate(frame["arm"])]
    (item,) = analysed(frame, "mean:z").metrics[0].comparisons
    assert isinstance(item.relative, float)
    assert isinstance(item.absolute, float)
    assert item.absolute < 0 < item.relative
    assert "the control is below 0, so the lift has the opposite sign of the difference" in item.warnings
    (plain,) = analysed(frame_of(), "mean:z").metrics[0].comparisons
    assert plain.warnings == ()


@pytest.mark.parametrize(("test", "n"), [("two_proportion_z", 1), ("fisher_exact", 0), ("miettinen_nurminen", 0)])
def test_only_the_z_test_is_called_unreliable_with_few_conversions(test: str, n: int) -> None:
    options = MetricOptions(tests={"y": test})
    (metric,) = analysed(frame_of(20), options=options).metrics
    assert sum("z-test" in text for text in metric.warnings) == 2 * n


def test_a_rank_test_does_not_mind_one_large_value() -> None:
    frame = frame_of(z=[1e6 if i == 7 else float(i % 5) for i in range(4_000)])
    for test, n in (("welch_t", 1), ("mann_whitney", 0)):
        (metric,) = analysed(frame, "mean:z", options=MetricOptions(tests={"z": test})).metrics
        assert sum("consider a cap" in text for text in metric.warnings) == n


def test_a_count_of_single_rows_is_told_from_the_column_s_numbers() -> None:
    frame = frame_of()
    said = "Every unit has one row and so counts 1; sum:z adds up the numbers that stand in the column."
    assert said in analysed(frame, "count:z").metrics[0].warnings
    assert said not in analysed(frame, "sum:z").metrics[0].warnings
    more = pd.concat([frame, frame.head(100)])
    assert said not in analysed(more, "count:z").metrics[0].warnings


@pytest.mark.parametrize("test", ["poisson", "negative_binomial"])
def test_counts_that_stand_in_a_column_have_the_tests_of_counts(test: str) -> None:
    options = MetricOptions(tests={"z": test})
    (found,) = analysed(frame_of(), "sum:z", options=options).metrics[0].comparisons
    assert isinstance(found.p_value, float)
    (refused,) = analysed(frame_of(z=[i / 7 for i in range(4_000)]), "sum:z", options=options).metrics[0].comparisons
    assert isinstance(refused.p_value, NoEstimate)
    assert "a whole number of events" in refused.p_value.reason
