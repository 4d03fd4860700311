"""`assay analyze` at the terminal: a table for people, one document for machines, errors that name the field."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from assay.cli.analyze import analyze

HEADER = "unit,arm,y,z,pre,text"


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """2,000 units in two arms, 30 % against 40 % on y; three of them in both."""
    rows = [f"u{i},{'new' if i % 2 else 'old'},{int(i // 2 % 10 < 3 + i % 2)},{i % 7},{i % 5},w" for i in range(2_000)]
    rows += [f"u{i},new,1,1,1,w" for i in (0, 2, 4)]
    path = tmp_path / "shop test.csv"
    path.write_text("\n".join([HEADER, *rows]))
    return path


def run(*arguments: str | Path, width: int = 160) -> Result:
    runner = CliRunner(env={"COLUMNS": str(width), "TERM": "dumb"})
    return runner.invoke(analyze, [str(argument) for argument in arguments])


def usual(table: Path, *more: str, metrics: tuple[str, ...] = ("conversion:y", "mean:z")) -> list[str | Path]:
    chosen = [part for metric in metrics for part in ("--metric", metric)]
    return [table, "--unit", "unit", "--variant", "arm", "--control", "old", *chosen, *more]


def test_the_table_says_verdict_numbers_checks_and_rules(table: Path) -> None:
    result = run(*usual(table))
    assert result.exit_code == 0, result.output
    for words in (
        "Ship new",
        "old (control)",
        "29.79 %",
        "40.00 %",
        "Sample ratio",
        "3 units",
        "Fixed-horizon",
        "combined per unit",
    ):
        assert words in result.output
    assert "p adjusted" not in result.output


def test_nothing_is_cut_off_in_a_narrow_terminal(table: Path) -> None:
    narrow = run(*usual(table), width=60)
    assert narrow.exit_code == 0
    assert "…" not in narrow.output


def test_json_is_one_document_and_the_same_every_time(table: Path) -> None:
    outputs = [run(*usual(table, "--json")).stdout for _ in range(2)]
    document = json.loads(outputs[0])
    assert outputs[0] == outputs[1]
    assert document["experiment"] == "shop-test"
    assert document["validity"] == "fixed"
    assert [metric["metric"] for metric in document["metrics"]] == ["y", "z"]
    assert document["quality"]["units_in_two_variants"] == 3


def test_options_reach_the_plan(table: Path) -> None:
    options = ("--alpha", "0.01", "--correction", "bonferroni", "--sequential", "--tuning-units", "500", "--json")
    document = json.loads(run(*usual(table, *options, "--lower-is-better", "y", "--weights", "old=1,new=1")).stdout)
    assert document["plan"]["alpha"] == 0.01
    assert document["plan"]["correction"] == "bonferroni"
    assert document["plan"]["tuning_units"] == 500
    assert document["validity"] == "anytime"
    assert document["metrics"][0]["direction"] == "decrease"


def test_a_covariate_is_used(table: Path) -> None:
    document = json.loads(run(*usual(table, "--covariate", "z=pre", "--json")).stdout)
    reductions = [metric["comparisons"][0]["variance_reduction"] for metric in document["metrics"]]
    assert reductions[0] is None
    assert reductions[1] is not None


def test_a_failing_metric_stands_beside_the_others(table: Path) -> None:
    result = run(*usual(table, metrics=("conversion:y", "mean:text")))
    assert result.exit_code == 0
    assert "text: not analysed: column 'text' holds VARCHAR" in result.output


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--unit", "user"), ("unit:", "unit, arm, y, z, pre, text")),
        (("--control", "older"), ("control:", "new, old")),
        (("--metric", "modus:y"), ("metric:", "conversion, count, sum, mean, ratio")),
        (("--metric", "mean:w"), ("metric:", "unit, arm, y, z, pre, text")),
        (("--covariate", "z"), ("covariate:", "NAME=VALUE")),
        (("--weights", "old=1,new=x"), ("weights:", "NAME=NUMBER")),
        (("--weights", "old=1"), ("weights:", "new, old")),
        (("--cap", "z=-1"), ("cap:", "above 0")),
        (("--cap", "y2=1"), ("cap:", "mean:z")),
        (("--alpha", "2"), ("alpha:", "above 0")),
        (("--required", "500"), ("required: given 500", "unless method is group_sequential")),
        (("--tuning-units", "500"), ("tuning-units: given 500", "unless method is sequential")),
        (("--method", "bayesian", "--sequential"), ("sequential:", "nothing beside the method bayesian")),
        (("--margin", "z=worse:0.1"), ('margin: given "worse"', "accepted: superiority, non_inferiority, equivalence")),
        (("--margin", "z=equivalence:2%"), ("margin:", "as revenue=non_inferiority:0.02")),
    ],
)
@pytest.mark.parametrize("form", [(), ("--json",)])
def test_an_error_names_the_field_on_stderr(
    table: Path, options: tuple[str, ...], words: tuple[str, ...], form: tuple[str, ...]
) -> None:
    result = run(*usual(table, *options, *form))
    assert result.exit_code == 2
    assert result.stdout == ""
    for word in words:
        assert word in result.stderr


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    result = run(*usual(tmp_path / "nowhere.csv"))
    assert result.exit_code == 2
    assert "no file" in result.stderr
    assert "nowhere.csv" in result.stderr


def test_help_needs_no_engine() -> None:
    code = (
        "import sys\n"
        "from click.testing import CliRunner\n"
        "from assay.cli.analyze import analyze\n"
        "assert CliRunner().invoke(analyze, ['--help']).exit_code == 0\n"
        "print([name for name in ('numpy', 'scipy', 'duckdb', 'sqlglot', 'pandas', 'rich') if name in sys.modules])\n"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"


def test_nothing_analysed_is_a_failure(tmp_path: Path) -> None:
    file = tmp_path / "text.csv"
    file.write_text("unit,arm,y\n" + "".join(f"u{i},{'ab'[i % 2]},hello\n" for i in range(20)))
    command = [sys.executable, "-m", "assay", "analyze", str(file), "--unit", "unit", "--variant", "arm"]
    done = subprocess.run(
        [*command, "--control", "a", "--metric", "mean:y"], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 1
    assert "not numbers" in done.stdout
    assert "no metric could be analysed" in done.stderr
