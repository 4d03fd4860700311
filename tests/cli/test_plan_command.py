"""`assay plan` at the terminal: a table for people, one document for machines, errors that name the option."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner, Result

from assay.cli.main import cli
from assay.cli.plan import plan
from assay.http.power_analysis import PowerAnalysisRequest, question_of
from assay.service.power_analysis import power_analysis

USUAL = ("--metric", "conversion", "--baseline", "0.05", "--effect", "0.1")


def run(*arguments: str | Path, width: int = 120) -> Result:
    runner = CliRunner(env={"COLUMNS": str(width), "TERM": "dumb"})
    return runner.invoke(plan, [str(argument) for argument in arguments])


def document(*arguments: str | Path) -> dict[str, Any]:
    result = run(*arguments, "--json")
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    rng = np.random.default_rng(8)
    shop = rng.integers(0, 150, 30_000)
    before = rng.gamma(2.0, 10.0, 30_000)
    value = 0.7 * before + rng.normal(0, 10, 30_000) + rng.normal(0, 3, 150)[shop]
    frame = pd.DataFrame({"shop": [f"s{i}" for i in shop], "before": before, "value": value})
    frame["views"] = 1 + rng.poisson(3, 30_000)
    frame["bought"] = (value > 20).astype(int)
    # Whole numbers but for the very last row: types of a text file must come from all of it.
    frame["late"] = rng.integers(0, 5, 30_000).astype(object)
    frame.loc[29_999, "late"] = 2.5
    frame["word"] = "x"
    return frame


@pytest.fixture(scope="module", params=["csv", "parquet"])
def history(request: pytest.FixtureRequest, frame: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("history")
    frame.to_csv(folder / "past.csv", index=False)
    if request.param == "csv":
        return folder / "past.csv"
    duckdb.sql(f"COPY (FROM read_csv('{folder / 'past.csv'}', sample_size = -1)) TO '{folder / 'past.parquet'}'")
    return folder / "past.parquet"


def test_the_table_says_sizes_effects_days_and_how() -> None:
    result = CliRunner(env={"COLUMNS": "120"}).invoke(cli, ["plan", *USUAL, "--daily-traffic", "4000"])
    assert result.exit_code == 0, result.output
    for words in (
        "31,231 units per variant, 62,462 in all",
        "80.0 %",
        "+10.00 % (5.00 % to 5.50 %)",
        "days                   16",
        "week",
        "Fixed horizon",
        "critical_value 1.95996",
    ):
        assert words in result.output


def test_nothing_is_cut_off_in_a_narrow_terminal() -> None:
    for more in ((), ("--method", "group_sequential", "--variants", "3"), ("--daily-traffic", "100,200")):
        narrow = run(*USUAL, *more, width=60)
        assert narrow.exit_code == 0
        assert "…" not in narrow.output


def test_looks_clusters_margins_and_sizes_are_shown() -> None:
    looks = run(*USUAL, "--method", "group_sequential", "--cluster-size", "20", "--icc", "0.05").output
    assert "stop at z" in looks
    assert "clusters per variant" in looks
    margin = run("--baseline", "0.3", "--effect", "0", "--hypothesis", "non_inferiority", "--margin", "0.02").output
    assert "70,702 units per variant" in margin
    assert "smallest margin shown" in margin
    size = run("--baseline", "0.05", "--sample-size", "20000").output
    assert size.startswith("With 20,000 units per variant")
    assert "smallest effect found" in size
    weeks = run("--baseline", "0.05", "--daily-traffic", "1000,1800,2500,3100,3600,4000,4300").output
    assert weeks.startswith("What could be found")
    assert "week 2: the traffic given covers 7 days" in weeks


@pytest.mark.parametrize(
    ("options", "asked"),
    [
        (USUAL, {"baseline": 0.05, "effect": 0.1}),
        (
            (*USUAL, "--sequential", "--variants", "3", "--daily-traffic", "4000", "--tuning-units", "90000"),
            {
                "baseline": 0.05,
                "effect": 0.1,
                "method": "sequential",
                "num_variants": 3,
                "daily_traffic": 4000,
                "tuning_units": 90_000,
            },
        ),
        (
            (*USUAL, "--method", "group_sequential", "--looks", "0.5,1", "--spending", "pocock", "--weights", "2,1"),
            {
                "baseline": 0.05,
                "effect": 0.1,
                "method": "group_sequential",
                "looks": [0.5, 1],
                "spending": "pocock",
                "weights": [2, 1],
            },
        ),
        (
            (*USUAL, "--method", "group_sequential", "--looks", "3", "--daily-traffic", "9,10"),
            {"baseline": 0.05, "effect": 0.1, "method": "group_sequential", "looks": 3, "daily_traffic": [9, 10]},
        ),
        (
            (
                *("--metric", "mean", "--baseline", "10", "--baseline-sd", "20", "--effect", "-1", "--absolute"),
                *("--one-sided", "--direction", "decrease", "--covariate-correlation", "0.5", "--exact"),
            ),
            {
                "metric_type": "mean",
                "baseline": 10,
                "baseline_sd": 20,
                "effect": -1,
                "scale": "absolute",
                "one_sided": True,
                "direction": "decrease",
                "covariate_correlation": 0.5,
                "form": "exact",
            },
        ),
        (
            (
                *("--metric", "count", "--baseline", "2", "--dispersion", "1.5", "--exposure", "2", "--effect", "0.1"),
                *("--cluster-size", "10", "--icc", "0.1", "--cluster-size-cv", "0.5", "--alpha", "0.01"),
                *("--power", "0.9"),
            ),
            {
                "metric_type": "count",
                "baseline": 2,
                "dispersion": 1.5,
                "exposure": 2,
                "effect": 0.1,
                "clusters": {"mean_size": 10, "icc": 0.1, "size_cv": 0.5},
                "alpha": 0.01,
                "power": 0.9,
            },
        ),
    ],
)
def test_the_terminal_and_http_give_the_same_numbers(options: tuple[str, ...], asked: dict[str, Any]) -> None:
    over_http = power_analysis(question_of(PowerAnalysisRequest(**asked)))
    assert document(*options) == json.loads(json.dumps(over_http))


def test_a_mean_with_its_covariate_from_a_file(history: Path, frame: pd.DataFrame) -> None:
    asked = ("--metric", "mean", "--history", history, "--metric-column", "value", "--effect", "0.03")
    plain, covered = document(*asked), document(*asked, "--covariate-column", "before")
    told = covered["assumptions"]
    assert told["baseline"] == pytest.approx(float(frame["value"].mean()), rel=1e-9)
    assert told["unit_variance_control"] == pytest.approx(float(frame["value"].var()), rel=1e-9)
    rho = float(frame["value"].corr(frame["before"]))
    assert told["covariate_correlation"] == pytest.approx(rho, rel=1e-9)
    sizes = [answer["required_sample_per_variant"] for answer in (plain, covered)]
    assert sizes[1] == pytest.approx(sizes[0] * (1 - rho**2), abs=1)
    assert plain["history"] == {"units": 30_000, "clusters": None}
    assert document(*asked) == plain


def test_ratios_shares_counts_and_clusters_from_a_file(history: Path, frame: pd.DataFrame) -> None:
    asked = ("--history", history, "--effect", "0.05", "--metric-column")
    ratio = document("--metric", "ratio", *asked, "value", "--denominator-column", "views")["assumptions"]
    r = float(frame["value"].mean() / frame["views"].mean())
    assert ratio["baseline"] == pytest.approx(r, rel=1e-9)
    residual = (frame["value"] - r * frame["views"]) / frame["views"].mean()
    assert ratio["unit_variance_control"] == pytest.approx(float(residual.var()), rel=1e-9)
    count = document("--metric", "count", *asked, "views")["assumptions"]
    dispersion = float(frame["views"].var() / frame["views"].mean())
    assert count["unit_variance_control"] == pytest.approx(dispersion / float(frame["views"].mean()), rel=1e-9)
    share = document(*asked, "bought", "--cluster-column", "shop")
    assert share["assumptions"]["baseline"] == pytest.approx(float(frame["bought"].mean()), rel=1e-9)
    assert share["assumptions"]["clusters"]["mean_size"] == pytest.approx(200)
    assert share["assumptions"]["clusters"]["icc"] > 0.005
    assert share["history"] == {"units": 30_000, "clusters": 150}
    shown = run(*asked, "bought", "--cluster-column", "shop").output
    assert "30,000 units in 150 clusters" in shown
    late = document("--metric", "mean", *asked, "late")["assumptions"]
    assert late["baseline"] == pytest.approx(float(frame["late"].astype(float).mean()), rel=1e-9)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--baseline", "1.2"), "--baseline:"),
        (("--effect", "0"), "--effect:"),
        (("--baseline-sd", "3"), "--baseline-sd:"),
        (("--metric", "mean"), "--baseline-sd:"),
        (("--metric", "ratio"), "--unit-variance:"),
        (("--alpha", "2"), "--alpha:"),
        (("--power", "1"), "--power:"),
        (("--margin", "0.1"), "--margin:"),
        (("--variants", "1"), "--variants:"),
        (("--comparisons", "0"), "--comparisons:"),
        (("--weights", "1,x"), "--weights:"),
        (("--weights", "1"), "--weights:"),
        (("--looks", "3"), "--looks:"),
        (("--method", "group_sequential", "--looks", "a"), "--looks:"),
        (("--method", "group_sequential", "--sequential"), "--sequential:"),
        (("--sequential", "--one-sided"), "--one-sided:"),
        (("--tuning-units", "9"), "--tuning-units:"),
        (("--exact",), "--exact:"),
        (("--metric", "count", "--absolute"), "--absolute:"),
        (("--covariate-correlation", "1"), "--covariate-correlation:"),
        (("--icc", "0.1"), "--cluster-size:"),
        (("--cluster-size", "9"), "--icc:"),
        (("--cluster-size", "0", "--icc", "0.1"), "--cluster-size:"),
        (("--cluster-size", "9", "--icc", "2"), "--icc:"),
        (("--cluster-size", "9", "--icc", "0.1", "--cluster-size-cv", "-1"), "--cluster-size-cv:"),
        (("--daily-traffic", "0"), "--daily-traffic:"),
        (("--daily-traffic", "many"), "--daily-traffic:"),
        (("--traffic-share", "0"), "--traffic-share:"),
        (("--sample-size", "1"), "--sample-size:"),
        (("--metric-column", "y"), "--metric-column:"),
    ],
)
def test_a_mistake_names_the_option(options: tuple[str, ...], words: str) -> None:
    result = run(*USUAL, *options)
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    assert words in result.stderr


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ((), "--metric-column:"),
        (("--metric-column", "values"), "--metric-column:"),
        (("--metric-column", "word"), "--metric-column:"),
        (("--metric-column", "value", "--covariate-column", "word"), "--covariate-column:"),
        (("--metric-column", "value", "--cluster-column", "word"), "--cluster-column:"),
        (("--metric-column", "value", "--denominator-column", "views"), "--denominator-column:"),
        (("--metric-column", "value", "--baseline", "3"), "--baseline:"),
        (("--metric-column", "value", "--baseline-sd", "3"), "--baseline-sd:"),
        (
            ("--metric-column", "value", "--covariate-column", "before", "--covariate-correlation", "0.5"),
            "--covariate-correlation:",
        ),
        (
            ("--metric-column", "value", "--cluster-column", "shop", "--cluster-size", "5", "--icc", "0.5"),
            "--cluster-size:",
        ),
    ],
)
def test_a_column_that_does_not_fit_names_the_option(history: Path, options: tuple[str, ...], words: str) -> None:
    result = run("--metric", "mean", "--history", history, "--effect", "0.1", *options)
    assert result.exit_code == 2, result.output
    assert words in result.stderr


def test_without_baseline_or_file_the_way_is_shown(tmp_path: Path) -> None:
    assert "--history" in run("--effect", "0.1").stderr
    missing = run("--history", tmp_path / "nowhere.csv", "--metric-column", "y", "--effect", "0.1")
    assert missing.exit_code == 2
    assert "nowhere.csv" in missing.stderr


def test_help_needs_no_engine() -> None:
    code = (
        "import sys\n"
        "from click.testing import CliRunner\n"
        "from assay.cli.plan import plan\n"
        "assert CliRunner().invoke(plan, ['--help']).exit_code == 0\n"
        "print([name for name in ('numpy', 'scipy', 'duckdb', 'sqlglot', 'pandas', 'rich') if name in sys.modules])\n"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"


def test_the_options_know_every_choice() -> None:
    from assay.service.power_question import CORRECTIONS, METHODS, METRIC_TYPES

    choices = {option.name: tuple(option.type.choices) for option in plan.params if hasattr(option.type, "choices")}
    assert choices["metric_type"] == METRIC_TYPES
    assert choices["method"] == METHODS
    assert choices["correction"] == CORRECTIONS


@pytest.mark.parametrize(
    ("hypothesis", "words"),
    [("equivalence", "largest effect shown equivalent"), ("non_inferiority", "smallest effect shown not worse")],
)
def test_the_edge_of_a_margin_is_called_what_it_is(hypothesis: str, words: str) -> None:
    shown = run("--baseline", "0.05", "--effect", "0", "--hypothesis", hypothesis, "--margin", "0.05").output
    assert "smallest effect found" not in shown
    assert re.search(rf"{words} +0\.00 % \(5\.00 % to 5\.00 %\)", shown)
