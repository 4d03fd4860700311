"""Tests, filters, transformations and aggregations installed beside Assay: the example end to end, and broken ones."""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from structlog.testing import capture_logs

from assay import analyze
from assay.app.plugins import installed_snippets, installed_tests
from assay.errors import InvalidInput
from assay.stats.fixed.core import welch_t

EXAMPLE = Path(__file__).parents[2] / "examples" / "statistics"


def install(folder: Path, name: str, groups: dict[str, dict[str, str]]) -> None:
    """What an installer leaves behind."""
    info = folder / f"{name}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    lines = []
    for group, points in groups.items():
        lines += [f"[{group}]", *(f"{key} = {target}" for key, target in points.items())]
    (info / "entry_points.txt").write_text("\n".join(lines) + "\n")


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    project = tomllib.loads((EXAMPLE / "pyproject.toml").read_text())["project"]
    (tmp_path / "median_test.py").write_text((EXAMPLE / "median_test.py").read_text())
    install(tmp_path, project["name"], project["entry-points"])
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    sys.modules.pop("median_test", None)


def visits() -> pd.DataFrame:
    rng = np.random.default_rng(11)
    n = 2_000
    arm = rng.choice(["old", "new"], n)
    seconds = rng.lognormal(3, 1, n) * np.where(arm == "new", 1.15, 1.0)
    agent = rng.choice(["firefox", "safari", "crawlbot"], n, p=[0.5, 0.4, 0.1])
    seconds = np.where(agent == "crawlbot", 1e6, seconds)
    once = pd.DataFrame({"user": range(n), "arm": arm, "seconds": seconds, "agent": agent})
    return pd.concat([once, once.assign(seconds=once.seconds / 2)])


def question(**more: object) -> dict[str, object]:
    return {"unit": "user", "variant": "arm", "control": "old", "metrics": ["mean:seconds"], **more}


def test_the_example_runs(installed: Path) -> None:
    frame = visits()
    found = analyze(
        frame,
        **question(  # type: ignore[arg-type]
            tests={"seconds": "mood_median"},
            filters="no_bots",
            transforms={"seconds": "log2"},
            aggregations={"seconds": "second_largest"},
        ),
    ).result.metrics[0]
    comparison = found.comparisons[0]
    assert comparison.test == "mood_median"
    assert found.title == "seconds (log2 of 1 + value)"
    people = frame[~frame.agent.str.contains("bot")].sort_values("seconds").drop_duplicates("user")
    values = {arm: np.log2(1 + group.seconds) for arm, group in people.groupby("arm")}
    middle = np.sort(np.concatenate([values["new"], values["old"]]))[(len(people) - 1) // 2]
    expected = (values["new"] > middle).mean() - (values["old"] > middle).mean()
    assert comparison.absolute == pytest.approx(expected)
    assert comparison.significant


def test_a_built_in_transformation_and_aggregation() -> None:
    frame = visits()
    found = analyze(
        frame,
        **question(transforms={"seconds": "log1p"}, aggregations={"seconds": "max"}),  # type: ignore[arg-type]
    ).result.metrics[0]
    largest = frame.groupby(["arm", "user"]).seconds.max()
    expected = welch_t(np.log1p(largest["new"]), np.log1p(largest["old"]))
    assert found.comparisons[0].absolute == pytest.approx(expected.difference)
    assert found.comparisons[0].p_value == pytest.approx(expected.p_value)


@pytest.mark.parametrize(
    ("more", "field", "words"),
    [
        ({"transforms": {"seconds": "log3"}}, "transforms", "log1p"),
        ({"filters": "nobody"}, "filters", "none is installed"),
        ({"aggregations": {"seconds": "worst"}}, "aggregations", "median"),
        ({"tests": {"seconds": "mood_median"}}, "metrics.seconds.test", "welch_t"),
        ({"tests": {"seconds": "fisher_exact"}}, "metrics.seconds.test", "welch_t"),
        ({"tests": {"seconds": "student_t"}, "method": "sequential"}, "metrics.seconds.test", "group_sequential"),
    ],
)
def test_what_does_not_exist_or_fit_is_named(more: dict[str, object], field: str, words: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        analyze(visits(), **question(**more))  # type: ignore[arg-type]
    assert caught.value.field == field
    assert words in str(caught.value)


@pytest.mark.parametrize(
    "sql", ["value; DROP TABLE x", "1, 2", "(SELECT max(y) FROM source_table)", "seconds + 1", "value FROM x"]
)
def test_a_snippet_that_is_more_than_an_expression_is_refused(
    sql: str, installed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (installed / "odd.py").write_text(f"from assay.model.table import Snippet\nODD = Snippet('odd', {sql!r})\n")
    install(installed, "odd", {"assay.transformers": {"odd": "odd:ODD"}})
    with pytest.raises(InvalidInput, match="odd"):
        analyze(visits(), **question(transforms={"seconds": "odd"}))  # type: ignore[arg-type]
    sys.modules.pop("odd", None)


def test_ones_that_do_not_load_leave_the_others_alone(installed: Path) -> None:
    source = (
        "class Half:\n    needs = 'moments'\n    kinds = ('mean',)\nclass Odd:\n    needs = 'luck'\n    kinds = ()\n"
    )
    (installed / "half.py").write_text(source + "    def compare(self, t, c): ...\n")
    points = {"gone": "no_such_module:X", "half": "half:Half", "odd": "half:Odd"}
    install(installed, "broken", {"assay.tests": points, "assay.filters": {"none": "half:Half"}})
    with capture_logs() as logs:
        tests, snippets = installed_tests(), installed_snippets()
    assert set(tests) == {"mood_median"}
    assert set(snippets["filters"]) == {"no_bots"}
    assert {entry["name"] for entry in logs} == {"gone", "half", "odd", "none"}
    sys.modules.pop("half", None)
