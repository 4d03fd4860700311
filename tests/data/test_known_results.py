"""Public experiments against results computed independently of Assay, to the digits they were printed with."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

import assay
from assay.model.result import Comparison, ExperimentResult, Interval

FOLDER = Path(os.environ.get("ASSAY_SHARED_DATA", Path(__file__).parents[3] / "shared" / "data"))
pytestmark = pytest.mark.skipif(
    not (FOLDER / "index.json").is_file(), reason="public data sets not found; set ASSAY_SHARED_DATA to their folder"
)


def known(name: str) -> Any:
    index = json.loads((FOLDER / "index.json").read_text(encoding="utf-8"))
    return next(item["known_results"] for item in index["datasets"] if item["name"] == name)


def printed(value: float) -> Any:
    """Equal to a number printed with six significant digits (half a unit in the last: 5e-6 of it at most)."""
    return pytest.approx(value, rel=5.001e-6)


def comparison_of(result: ExperimentResult, metric: str, variant: str) -> Comparison:
    found = result.metric(metric)
    assert found is not None
    comparison = found.comparison(variant)
    assert comparison is not None
    return comparison


def assert_known(result: ExperimentResult, wanted: dict[str, Any]) -> None:
    """One comparison against a known test: values, difference, 95 % interval, lift, statistic and p-value."""
    metric = result.metric(wanted["metric"])
    assert metric is not None
    control, treatment = metric.arm(wanted["control"]), metric.arm(wanted["treatment"])
    assert control is not None
    assert treatment is not None
    assert (control.n_units, treatment.n_units) == (wanted["n_c"], wanted["n_t"])
    is_share = "rate_c" in wanted
    assert control.value == printed(wanted["rate_c" if is_share else "mean_c"])
    assert treatment.value == printed(wanted["rate_t" if is_share else "mean_t"])
    found = comparison_of(result, wanted["metric"], wanted["treatment"])
    assert found.absolute == printed(wanted["diff"])
    assert found.relative == printed(wanted["rel_lift"])
    assert found.statistic == printed(wanted["z" if is_share else "t"])
    assert found.p_value == printed(wanted["p_ztest_pooled" if is_share else "p_welch"])
    assert isinstance(found.absolute_interval, Interval)
    if metric.family_size == 1 or metric.correction.value == "none":
        assert found.absolute_interval.lower == printed(wanted["ci95"][0])
        assert found.absolute_interval.upper == printed(wanted["ci95"][1])


@pytest.fixture(scope="module")
def cats() -> ExperimentResult:
    return assay.analyze(
        FOLDER / "ex_cookie_cats.parquet",
        unit="userid",
        variant="version",
        control="gate_30",
        metrics=["conversion:retention_7", "conversion:retention_1", "mean:sum_gamerounds"],
        correction="none",
    ).result


def test_cookie_cats_equals_the_known_tests(cats: ExperimentResult) -> None:
    with_outlier = [item for item in known("cookie_cats")["tests"] if "note" not in item]
    assert len(with_outlier) == 3
    for wanted in with_outlier:
        assert_known(cats, wanted)


def test_cookie_cats_split_is_suspicious_and_not_blocked(cats: ExperimentResult) -> None:
    wanted = known("cookie_cats")["srm"]
    assert dict(cats.sample_ratio.observed) == wanted["observed"]
    assert cats.sample_ratio.p_value == printed(wanted["p"])
    assert not cats.sample_ratio.mismatch
    assert any("suspicious" in warning for warning in cats.recommendation.warnings)


def test_cookie_cats_keeps_the_gate_at_30(cats: ExperimentResult) -> None:
    assert cats.recommendation.winner == "gate_30"
    assert "19.0" in "".join(cats.recommendation.reasons)


def test_cookie_cats_outlier_is_named(cats: ExperimentResult) -> None:
    metric = cats.metric("sum_gamerounds")
    assert metric is not None
    assert any("49,854" in warning for warning in metric.warnings)


@pytest.fixture(scope="module")
def emails() -> ExperimentResult:
    return assay.analyze(
        FOLDER / "ex_hillstrom_email.parquet",
        unit="customer_id",
        variant="segment",
        control="No E-Mail",
        metrics=["conversion:visit", "conversion:conversion", "mean:spend"],
        covariates={"visit": "history", "conversion": "history", "spend": "history"},
    ).result


def test_hillstrom_equals_the_known_tests_in_all_three_arms() -> None:
    result = assay.analyze(
        FOLDER / "ex_hillstrom_email.parquet",
        unit="customer_id",
        variant="segment",
        control="No E-Mail",
        metrics=["conversion:visit", "conversion:conversion", "mean:spend"],
        correction="none",
    ).result
    wanted = known("hillstrom_email")
    assert dict(result.sample_ratio.observed) == wanted["srm"]["observed"]
    assert result.sample_ratio.p_value == printed(wanted["srm"]["p"])
    assert len(wanted["tests"]) == 6
    for item in wanted["tests"]:
        assert_known(result, item)


def test_hillstrom_is_adjusted_by_holm_within_each_family() -> None:
    result = assay.analyze(
        FOLDER / "ex_hillstrom_email.parquet",
        unit="customer_id",
        variant="segment",
        control="No E-Mail",
        metrics=["conversion:conversion", "conversion:visit", "mean:spend"],
    ).result
    tests = {(item["metric"], item["treatment"]): item["p_ztest_pooled" if "z" in item else "p_welch"]
             for item in known("hillstrom_email")["tests"]}  # fmt: skip
    for family in (("conversion",), ("visit", "spend")):
        ps = sorted((p, key) for key, p in tests.items() if key[0] in family)
        running = 0.0
        for i, (p, (metric, variant)) in enumerate(ps):
            running = max(running, min(1.0, p * (len(ps) - i)))
            assert comparison_of(result, metric, variant).p_value_adjusted == printed(running)


def test_hillstrom_history_is_a_poor_covariate_and_is_not_praised(emails: ExperimentResult) -> None:
    reductions = [item["var_reduction"] for item in known("hillstrom_email")["cuped_history"]]
    for metric in emails.metrics:
        for comparison in metric.comparisons:
            assert comparison.variance_reduction is not None
            assert 0 <= comparison.variance_reduction <= 1.5 * max(reductions)


def test_udacity_reports_the_units_in_both_groups() -> None:
    analysis = assay.analyze(
        FOLDER / "ex_udacity_ab_data.parquet",
        unit="user_id",
        variant="group",
        control="control",
        metrics=["conversion:converted"],
    )
    raw = known("udacity_ab_data")["raw"]
    result = analysis.result
    assert result.quality.units_in_two_variants == raw["users_in_both_groups"] == 1_895
    assert result.n_units == raw["unique_users"] - raw["users_in_both_groups"]
    assert "1,895 units" in repr(analysis)
    assert not comparison_of(result, "converted", "treatment").significant
