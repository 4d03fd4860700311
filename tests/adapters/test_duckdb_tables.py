"""Tables read through DuckDB against the same definitions in plain Python."""

from __future__ import annotations

import gzip
import json
import math
import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pytest

from assay.adapters.duckdb_tables import DuckdbTables
from assay.adapters.duckdb_units import UnitFiles
from assay.errors import InvalidInput, NotFound
from assay.model.metric import Aggregation, Measure, Metric, MetricKind
from assay.model.moments import COVARIATE, DENOMINATOR, VALUE, Moments, covariate_columns
from assay.model.table import TableMetric, TableMoments, TableRequest

Row = dict[str, Any]
TABLES = DuckdbTables()
RELATIVE = 1e-9


def metric(
    kind: MetricKind, column: str, *, below: str | None = None, covariate: str | None = None, cap: float | None = None
) -> TableMetric:
    made = Metric(
        key=f"{kind.value}.{column}",
        kind=kind,
        field=column,
        denominator=Measure(field=below) if below else None,
        aggregation=Aggregation.SUM if below else None,
        cap=cap,
    )
    return TableMetric(metric=made, covariates=(covariate,) if covariate else ())


METRICS = (
    metric(MetricKind.CONVERSION, "y"),
    metric(MetricKind.MEAN, "y", covariate="pre"),
    metric(MetricKind.SUM, "y", cap=1.5e8),
    metric(MetricKind.COUNT, "y"),
    metric(MetricKind.RATIO, "y", below="d"),
)


def request(*metrics: TableMetric) -> TableRequest:
    return TableRequest(unit="unit", variant="arm", metrics=metrics)


# --- the oracle -------------------------------------------------------------------------------------------------


def usable(value: Any) -> bool:
    return value is not None and math.isfinite(value)


def unit_value(item: TableMetric, rows: Sequence[Row]) -> tuple[float, ...] | None:
    """A unit's value (and denominator), or None when it has none: the documented rule, spelled out."""
    below = item.denominator
    if below is not None:
        both = [row for row in rows if usable(row[item.column]) and usable(row[below])]
        return (math.fsum(r[item.column] for r in both), math.fsum(r[below] for r in both)) if both else None
    values = [row[item.column] for row in rows if usable(row[item.column])]
    if item.metric.kind is MetricKind.COUNT:
        return (float(len(values)),)
    if not values:
        return None
    if item.metric.kind is MetricKind.CONVERSION:
        return (float(any(value != 0 for value in values)),)
    total = math.fsum(values)
    value = total if item.metric.kind is MetricKind.SUM else total / len(values)
    return (min(value, item.metric.cap) if item.metric.cap is not None else value,)


def oracle(rows: Sequence[Row], item: TableMetric) -> dict[str, Moments]:
    by_unit: dict[Any, list[Row]] = defaultdict(list)
    for row in rows:
        if row["unit"] is not None and row["arm"] is not None:
            by_unit[row["unit"]].append(row)
    kept = {unit: group for unit, group in by_unit.items() if len({row["arm"] for row in group}) == 1}
    covariates: list[dict[Any, float]] = [{} for _ in item.covariates]
    for name, means in zip(item.covariates, covariates, strict=True):
        for unit, group in kept.items():
            known = [row[name] for row in group if usable(row[name])]
            if known:
                means[unit] = math.fsum(known) / len(known)
    levels = [math.fsum(means.values()) / len(means) if means else 0.0 for means in covariates]
    arms: dict[str, list[tuple[float, ...]]] = defaultdict(list)
    for unit, group in kept.items():
        value = unit_value(item, group)
        if value is not None:
            extra = tuple(means.get(unit, level) for means, level in zip(covariates, levels, strict=True))
            arms[group[0]["arm"]].append((*value, *extra))
    second = (DENOMINATOR,) if item.denominator else ()
    columns = (VALUE, *second, *covariate_columns(len(item.covariates)))
    return {arm: Moments.of(columns, values) for arm, values in arms.items()}


def generated(seed: int, n_rows: int) -> list[Row]:
    """Repeated units, units in two arms, gaps of every sort, and a mean a hundred million times the deviation."""
    rng = random.Random(seed)
    rows = []
    for _ in range(n_rows):
        unit = rng.randrange(n_rows // 3)
        arm = "b" if unit % 2 else "a"
        rows.append(
            {
                "unit": None if rng.random() < 0.01 else unit,
                "arm": None if rng.random() < 0.01 else "a" if rng.random() < 0.01 else arm,
                "y": rng.choice((None, math.nan, math.inf, -math.inf, 0.0))
                if rng.random() < 0.1
                else rng.gauss(1e8, 1),
                "d": None if rng.random() < 0.05 else float(rng.randrange(1, 9)),
                "pre": None if unit % 7 == 0 else 1e8 + unit % 13 + rng.random(),
            }
        )
    return rows


def parquet(path: Path, rows: Sequence[Row], types: str) -> Path:
    with duckdb.connect() as connection:
        connection.execute(f"CREATE TABLE t ({types})")
        connection.executemany(
            f"INSERT INTO t VALUES ({', '.join('?' * len(rows[0]))})", [list(r.values()) for r in rows]
        )
        connection.execute(f"COPY t TO '{path}' (FORMAT parquet)")
    return path


def assert_same(found: Moments, wanted: Moments) -> None:
    assert (found.n, found.columns) == (wanted.n, wanted.columns)
    assert found.maximum == pytest.approx(wanted.maximum, rel=RELATIVE)
    assert found.means == pytest.approx(wanted.means, rel=RELATIVE)
    for a in wanted.columns:
        for b in wanted.columns:
            scale = math.sqrt(wanted.comoment(a) * wanted.comoment(b))
            assert found.comoment(a, b) == pytest.approx(wanted.comoment(a, b), rel=RELATIVE, abs=RELATIVE * scale)


# --- moments ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_moments_equal_the_definitions_in_plain_python(tmp_path: Path, seed: int) -> None:
    rows = generated(seed, 3_000)
    path = parquet(tmp_path / "t.parquet", rows, "unit BIGINT, arm VARCHAR, y DOUBLE, d DOUBLE, pre DOUBLE")
    answer = TABLES.moments(path, request(*METRICS))
    assert answer.failures == {}
    for item in METRICS:
        wanted = oracle(rows, item)
        assert set(answer.metrics[item.metric.key]) == set(wanted)
        for arm, moments in wanted.items():
            assert_same(answer.metrics[item.metric.key][arm], moments)


def test_the_file_formats_and_a_dataframe_give_one_answer(tmp_path: Path) -> None:
    rows = [{**row, "unit": row["unit"] and f"u{row['unit']}"} for row in generated(4, 1_000)]
    rows = [{**row, "y": row["y"] if usable(row["y"]) else None} for row in rows]
    frame = pd.DataFrame(rows)
    frame.to_csv(tmp_path / "t.csv", index=False)
    frame.to_csv(tmp_path / "t.tsv", index=False, sep="\t")
    frame.to_csv(tmp_path / "u.csv", index=False, sep=";", na_rep="NA")
    lines = "\n".join(json.dumps(row) for row in rows)
    (tmp_path / "t.jsonl").write_text(lines)
    (tmp_path / "t.ndjson.gz").write_bytes(gzip.compress(lines.encode()))
    whole = parquet(tmp_path / "t.parquet", rows, "unit VARCHAR, arm VARCHAR, y DOUBLE, d DOUBLE, pre DOUBLE")
    wanted = TABLES.moments(whole, request(*METRICS))
    assert wanted.units
    others = [tmp_path / name for name in ("t.csv", "t.tsv", "u.csv", "t.jsonl", "t.ndjson.gz")]
    for source in [*others, frame]:
        answer = TABLES.moments(source, request(*METRICS))
        assert (answer.rows, answer.rows_without, answer.units) == (wanted.rows, wanted.rows_without, wanted.units)
        assert answer.gaps == wanted.gaps
        for key, arms in wanted.metrics.items():
            for arm, moments in arms.items():
                assert_same(answer.metrics[key][arm], moments)


def test_a_large_common_level_costs_no_digits(tmp_path: Path) -> None:
    deviations = np.random.default_rng(5).normal(0, 1, 200_000).round(6)
    frame = pd.DataFrame({"unit": range(len(deviations)), "arm": "a", "y": 1e8 + deviations, "small": deviations})
    items = (metric(MetricKind.MEAN, "y"), metric(MetricKind.MEAN, "small"))
    answer = TABLES.moments(frame, request(*items)).metrics
    # The only loss is the rounding of the stored numbers themselves, 1e8 * 2**-53 each.
    assert answer["mean.y"]["a"].comoment() == pytest.approx(answer["mean.small"]["a"].comoment(), rel=1e-9)


def test_units_in_two_variants_are_left_out_of_both_and_counted() -> None:
    frame = pd.DataFrame({"unit": [1, 1, 2, 3, 3, 3], "arm": ["a", "b", "a", "b", "b", "b"], "y": [9, 9, 1, 2, 2, 2]})
    answer = TABLES.moments(frame, request(metric(MetricKind.SUM, "y")))
    assert answer.units == {"a": 1, "b": 1}
    assert answer.units_in_two_variants == 1
    assert (answer.rows, answer.rows_without) == (6, 0)
    assert answer.metrics["sum.y"]["b"].mean() == 6


def test_rows_without_unit_or_variant_are_left_out_and_counted(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("unit,arm,y\n1,a,1\n1,,100\n,a,100\n,,100\n2,b,3\n3,,100\n")
    answer = TABLES.moments(path, request(metric(MetricKind.SUM, "y")))
    assert (answer.rows, answer.rows_without, answer.units) == (6, 4, {"a": 1, "b": 1})
    assert answer.metrics["sum.y"]["a"].mean() == 1


def test_gaps_are_counted_by_rows_units_and_covariates() -> None:
    frame = pd.DataFrame(
        {
            "unit": [1, 1, 2, 3, 4],
            "arm": list("aabab"),
            "y": [1.0, None, None, 5.0, 2.0],
            "pre": [None, 3.0, 1.0, None, 5.0],
        }
    )
    answer = TABLES.moments(
        frame, request(metric(MetricKind.MEAN, "y", covariate="pre"), metric(MetricKind.COUNT, "y"))
    )
    gaps = answer.gaps["mean.y"]
    assert (gaps.values, gaps.units, gaps.covariates) == (2, 1, 1)
    assert answer.gaps["count.y"].values == 0
    assert answer.metrics["count.y"]["b"].means == (0.5,)
    # Unit 3 has no covariate and gets the mean of the three that have one (3, 1 and 5), whatever their variant.
    assert answer.metrics["mean.y"]["a"].mean(COVARIATE) == pytest.approx(3.0)


def test_a_covariate_that_no_unit_has_is_dropped() -> None:
    frame = pd.DataFrame({"unit": [1, 2, 3], "arm": ["a", "b", "a"], "y": [1.0, 2.0, 3.0], "pre": [np.nan] * 3})
    answer = TABLES.moments(frame, request(metric(MetricKind.MEAN, "y", covariate="pre")))
    assert {moments.columns for moments in answer.metrics["mean.y"].values()} == {(VALUE,)}
    assert answer.metrics["mean.y"]["a"].means == (2.0,)


# --- failures stay with their metric ----------------------------------------------------------------------------


def test_a_text_column_leaves_the_other_metrics_standing() -> None:
    frame = pd.DataFrame({"unit": [1, 2], "arm": ["a", "b"], "y": [1, 2], "t": ["x", "y"]})
    answer = TABLES.moments(frame, request(metric(MetricKind.MEAN, "y"), metric(MetricKind.MEAN, "t")))
    assert set(answer.metrics) == {"mean.y"}
    assert "'t' holds VARCHAR" in answer.failures["mean.t"]


def test_values_too_large_to_add_up_fail_alone() -> None:
    frame = pd.DataFrame(
        {"unit": [1, 2, 3, 4], "arm": list("abab"), "y": [1, 2, 3, 4], "big": [1e308, -1e308, 1.5e308, 1]}
    )
    answer = TABLES.moments(frame, request(metric(MetricKind.MEAN, "big"), metric(MetricKind.MEAN, "y")))
    assert set(answer.metrics) == {"mean.y"}
    assert "'big' are too large" in answer.failures["mean.big"]


def test_a_column_that_cannot_be_read_fails_alone() -> None:
    # The engine takes an object column's type from a sample of its rows; this one disappoints it later.
    mixed: list[Any] = [1.5] * 5_000
    mixed[4_321] = "surprise"
    frame = pd.DataFrame(
        {"unit": range(5_000), "arm": ["a", "b"] * 2_500, "y": 1.0, "mixed": pd.Series(mixed, dtype=object)}
    )
    answer = TABLES.moments(frame, request(metric(MetricKind.MEAN, "mixed"), metric(MetricKind.MEAN, "y")))
    assert answer.metrics["mean.y"]["a"].n == 2_500
    assert answer.failures["mean.mixed"]
    assert answer.units == {"a": 2_500, "b": 2_500}


# --- names, labels and identities -------------------------------------------------------------------------------


def test_hostile_names_are_only_names(tmp_path: Path) -> None:
    names = {"unit": 'u"; DROP TABLE x; --', "arm": "select", "y": "a'b\"c;d", "d": "sum(1) at [0]"}
    frame = pd.DataFrame(
        {names["unit"]: [1, 2], names["arm"]: ["p';--", 'q"'], names["y"]: [1.0, 2.0], names["d"]: [4, 4]}
    )
    frame.to_csv(tmp_path / "t.csv", index=False)
    items = (
        TableMetric(
            metric=Metric(key="k", kind=MetricKind.RATIO, field=names["y"], denominator=Measure(field=names["d"]))
        ),
    )
    asked = TableRequest(unit=names["unit"], variant=names["arm"], metrics=items)
    for source in (frame, tmp_path / "t.csv"):
        assert TABLES.moments(source, asked).units == {"p';--": 1, 'q"': 1}


def test_columns_may_be_called_like_parts_of_the_query() -> None:
    frame = pd.DataFrame({"variant": [1, 2, 3], "unit": ["a", "b", "a"], "v1": [1.0, 2.0, 3.0], "v0": [5.0, 6.0, 7.0]})
    asked = TableRequest(
        unit="variant", variant="unit", metrics=(metric(MetricKind.MEAN, "v1"), metric(MetricKind.MEAN, "v0"))
    )
    answer = TABLES.moments(frame, asked)
    assert answer.units == {"a": 2, "b": 1}
    assert [answer.metrics[key]["a"].means for key in ("mean.v1", "mean.v0")] == [(2.0,), (6.0,)]


def test_leading_zeros_tell_units_apart_in_text_files(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("unit,arm,y\n007,1,1\n7,2,1\n07,01,1\n")
    assert TABLES.moments(tmp_path / "t.csv", request(metric(MetricKind.SUM, "y"))).units == {"01": 1, "1": 1, "2": 1}


@pytest.mark.parametrize("words", [("true", "false"), ("True", "False"), ("1", "0"), ("2.5", "0.0")])
def test_truth_values_in_text_files_convert(tmp_path: Path, words: tuple[str, str]) -> None:
    yes, no = words
    (tmp_path / "t.csv").write_text(f"unit,arm,y\n1,a,{yes}\n2,a,{no}\n3,b,\n4,b,{yes}\n4,b,{no}\n")
    answer = TABLES.moments(tmp_path / "t.csv", request(metric(MetricKind.CONVERSION, "y")))
    assert answer.failures == {}
    assert {arm: (item.n, item.mean()) for arm, item in answer.metrics["conversion.y"].items()} == {
        "a": (2, 0.5),
        "b": (1, 1.0),
    }


@pytest.mark.parametrize(
    ("labels", "wanted"),
    [
        ([0.0, 1.0, None], {"0": 1, "1": 1}),
        ([0.5, 1.0, math.nan], {"0.5": 1, "1": 1}),
        ([0, 1, 1], {"0": 1, "1": 2}),
        ([False, True, True], {"false": 1, "true": 2}),
        (["x", "", None], {"x": 1}),
    ],
)
def test_variant_labels_read_as_people_write_them(labels: list[Any], wanted: dict[str, int]) -> None:
    frame = pd.DataFrame({"unit": [1, 2, 3], "arm": labels, "y": [1, 1, 1]})
    assert TABLES.moments(frame, request(metric(MetricKind.SUM, "y"))).units == wanted


def test_a_categorical_variant_is_its_text() -> None:
    frame = pd.DataFrame({"unit": ["p", "q"], "arm": pd.Categorical(["a", "b"]), "y": [True, False]})
    answer = TABLES.moments(frame, request(metric(MetricKind.CONVERSION, "y")))
    assert answer.metrics["conversion.y"]["a"].means == (1.0,)


def test_a_file_name_with_pattern_signs_is_that_file(tmp_path: Path) -> None:
    (tmp_path / "d[1]*.csv").write_text("unit,arm,y\n1,right,1\n")
    (tmp_path / "d1x.csv").write_text("unit,arm,y\n1,wrong,1\n")
    assert TABLES.moments(tmp_path / "d[1]*.csv", request(metric(MetricKind.SUM, "y"))).units == {"right": 1}


def test_a_late_odd_value_changes_a_type_and_fails_no_file(tmp_path: Path) -> None:
    lines = [f"{i},{'ab'[i % 2]},1,1" for i in range(60_000)]
    lines[59_999] = "59999,b,1,odd"
    (tmp_path / "t.csv").write_text("unit,arm,y,z\n" + "\n".join(lines))
    answer = TABLES.moments(tmp_path / "t.csv", request(metric(MetricKind.MEAN, "y"), metric(MetricKind.MEAN, "z")))
    assert answer.units == {"a": 30_000, "b": 30_000}
    assert set(answer.failures) == {"mean.z"}


# --- same data, same bytes; and what cannot be read -------------------------------------------------------------


def test_the_same_file_gives_the_same_numbers_to_the_last_bit() -> None:
    rng = np.random.default_rng(6)
    size = 400_000
    frame = pd.DataFrame({"unit": rng.integers(0, size, size), "arm": "a", "y": rng.lognormal(0, 2, size)})
    answers = [TABLES.moments(frame, request(metric(MetricKind.SUM, "y"))) for _ in range(3)]
    assert answers[0] == answers[1] == answers[2]


def test_an_empty_table_has_no_variants(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("unit,arm,y\n")
    answer = TABLES.moments(tmp_path / "t.csv", request(metric(MetricKind.COUNT, "y")))
    assert (answer.rows, answer.units) == (0, {})


def test_columns_come_in_their_order(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("b,a,C c\n1,2,3\n")
    assert TABLES.columns(tmp_path / "t.csv") == ["b", "a", "C c"]


def test_a_missing_file_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"no file .*nowhere\.csv"):
        TABLES.columns(tmp_path / "nowhere.csv")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("t.xlsx", b"PK"),
        ("t.parquet", b"this is not parquet"),
        ("t.jsonl", b'{"a": 1\n{"b"'),
        ("t.csv", b"unit,arm\n\xff\xfe\xfa,a\n"),
    ],
)
def test_a_file_that_cannot_be_read_names_the_file(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InvalidInput) as caught:
        TABLES.columns(tmp_path / name)
    assert caught.value.field == "file"
    assert name in caught.value.message


@pytest.mark.parametrize("source", [3, object(), None, [1, 2]])
def test_what_is_no_table_is_refused(source: Any) -> None:
    with pytest.raises(InvalidInput) as caught:
        TABLES.columns(source)
    assert caught.value.field == "data"


def test_reading_leaves_the_dataframe_alone() -> None:
    frame = pd.DataFrame({"unit": [2, 1], "arm": ["a", "b"], "y": [1.0, np.nan]})
    before = frame.copy(deep=True)
    answer: TableMoments = TABLES.moments(frame, request(metric(MetricKind.SUM, "y")))
    assert answer.rows == 2
    pd.testing.assert_frame_equal(frame, before)


# --- one clean row per unit: the quick way ------------------------------------------------------------------------


def clean_rows(n: int) -> list[Row]:
    rng = random.Random(7)
    return [
        {
            "unit": i,
            "arm": rng.choice(["new", "old"]),
            "y": 1e8 + rng.gauss(0, 1),
            "d": float(rng.randrange(1, 9)),
            "pre": rng.lognormvariate(3, 1),
            "pre2": rng.gauss(0, 1),
            "flag": rng.random() < 0.01,
            "clicks": rng.choice([0, 0, 0, 1, 2]),
        }
        for i in range(n)
    ]


CLEAN = (
    metric(MetricKind.CONVERSION, "flag"),
    metric(MetricKind.CONVERSION, "clicks"),
    metric(MetricKind.MEAN, "y", covariate="pre"),
    metric(MetricKind.SUM, "pre", cap=60.0),
    metric(MetricKind.COUNT, "clicks"),
    metric(MetricKind.RATIO, "clicks", below="d"),
    replace(metric(MetricKind.MEAN, "d"), covariates=("pre", "pre2")),
)


@pytest.mark.parametrize("unit", [None, "unit"])
def test_the_quick_way_agrees_with_the_oracle(unit: str | None, tmp_path: Path) -> None:
    rows = clean_rows(5_000)
    path = tmp_path / "clean.parquet"
    pd.DataFrame(rows).to_parquet(path, row_group_size=1_000)
    asked = replace(request(*CLEAN), unit=unit)
    quick = UnitFiles().moments(path, asked)
    assert quick is not None
    answer = TABLES.moments(path, asked)
    assert answer == quick
    assert answer.units == {arm: sum(row["arm"] == arm for row in rows) for arm in ("new", "old")}
    for item in CLEAN:
        expected = oracle(rows, item)
        for arm, found in answer.metrics[item.metric.key].items():
            assert found.columns == expected[arm].columns
            assert found.means == pytest.approx(expected[arm].means, rel=1e-12)
            assert found.comoments == pytest.approx(expected[arm].comoments, rel=RELATIVE, abs=1e-6)


@pytest.mark.parametrize(
    "spoil",
    [{"y": None}, {"y": math.nan}, {"y": math.inf}, {"unit": 1}, {"pre": None}],
    ids=["empty", "nan", "infinite", "twice", "covariate"],
)
def test_one_odd_row_is_left_to_the_general_way(spoil: Row, tmp_path: Path) -> None:
    rows = clean_rows(400)
    rows[13].update(spoil)
    path = tmp_path / "odd.parquet"
    pd.DataFrame(rows).to_parquet(path)
    asked = request(*CLEAN)
    assert UnitFiles().moments(path, asked) is None
    answer = TABLES.moments(path, asked)
    for item in CLEAN:
        expected = oracle(rows, item)
        for arm, found in answer.metrics[item.metric.key].items():
            assert found.n == expected[arm].n
            assert found.means == pytest.approx(expected[arm].means, rel=1e-12)


def test_nan_is_no_conversion_in_a_column_without_empty_values(tmp_path: Path) -> None:
    path = tmp_path / "nan.parquet"
    with duckdb.connect() as connection:
        connection.execute(
            "COPY (SELECT i AS unit, CASE WHEN i % 2 = 0 THEN 'new' ELSE 'old' END AS arm, CASE WHEN i = 7 THEN "
            f"'nan'::DOUBLE ELSE i % 3 END AS y FROM range(60) AS t(i)) TO '{path}' (FORMAT parquet)"
        )
    answer = TABLES.moments(path, request(metric(MetricKind.CONVERSION, "y")))
    assert {arm: item.n for arm, item in answer.metrics["conversion.y"].items()} == {"new": 30, "old": 29}


def write_whole(path: Path, n: int, largest: int, *, engine_type: str) -> list[Row]:
    """Whole numbers of one type from -largest (0 where unsigned) to largest, in several row groups."""
    low = 0 if engine_type.startswith("U") else -largest
    rng = random.Random(11)
    rows = [
        {
            "unit": i,
            "arm": "new" if i % 3 == 0 else "old",
            "y": largest if i == 0 else low if i == 1 else rng.randint(low, largest),
            "d": rng.randint(1, max(1, largest // 2)),
            "pre": rng.randint(low, largest),
            "flag": rng.randint(0, 1),
            "odd": rng.randint(-1, 1),
        }
        for i in range(n)
    ]
    with duckdb.connect() as connection:
        connection.register("given", pd.DataFrame(rows))
        kinds = ", ".join(f"{name}::{engine_type} AS {name}" for name in ("y", "d", "pre"))
        connection.execute(
            f"COPY (SELECT unit, arm, {kinds}, flag::TINYINT AS flag, odd::INTEGER AS odd FROM given ORDER BY unit) "
            f"TO '{path}' (FORMAT parquet, ROW_GROUP_SIZE 2048)"
        )
    return rows


WHOLE = (
    metric(MetricKind.CONVERSION, "flag"),
    metric(MetricKind.CONVERSION, "odd"),
    metric(MetricKind.COUNT, "odd"),
    metric(MetricKind.MEAN, "y", covariate="pre"),
    metric(MetricKind.SUM, "y", cap=40.5),
    metric(MetricKind.RATIO, "y", below="d"),
)


@pytest.mark.parametrize(
    ("engine_type", "largest"),
    [
        ("TINYINT", 127),
        ("UTINYINT", 255),
        ("SMALLINT", 32_767),
        ("INTEGER", 46_340),
        ("INTEGER", 46_341),
        ("INTEGER", 2**31 - 1),
        ("UINTEGER", 2**32 - 1),
        ("BIGINT", 2**31),
        ("BIGINT", 2**31 + 1),
        ("BIGINT", 2**53),
    ],
)
def test_whole_numbers_are_added_without_overflow_or_loss(tmp_path: Path, engine_type: str, largest: int) -> None:
    path = tmp_path / "whole.parquet"
    rows = write_whole(path, 5_000, largest, engine_type=engine_type)
    answer = UnitFiles().moments(path, request(*WHOLE))
    assert answer is not None
    for item in WHOLE:
        expected = oracle(rows, item)
        for arm, found in answer.metrics[item.metric.key].items():
            assert found.n == expected[arm].n
            assert found.means == pytest.approx(expected[arm].means, rel=1e-12)
            assert found.comoments == pytest.approx(expected[arm].comoments, rel=RELATIVE)


def test_whole_numbers_far_from_zero_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "far.parquet"
    with duckdb.connect() as connection:
        connection.execute(
            "COPY (SELECT i AS unit, CASE WHEN i % 2 = 0 THEN 'new' ELSE 'old' END AS arm, "
            f"(2000000000 + i % 3)::BIGINT AS y FROM range(6000) AS t(i)) TO '{path}' (FORMAT parquet)"
        )
    answer = UnitFiles().moments(path, request(metric(MetricKind.MEAN, "y")))
    assert answer is not None
    for arm in answer.metrics["mean.y"].values():
        assert (arm.means[0], arm.comoment()) == (2_000_000_001.0, 2_000.0)


def test_the_largest_value_is_looked_up_where_one_unit_may_dominate(tmp_path: Path) -> None:
    rows = clean_rows(3_000)
    calm, wild = tmp_path / "calm.parquet", tmp_path / "wild.parquet"
    pd.DataFrame(rows).to_parquet(calm)
    rows[5]["pre"] = 1e6
    pd.DataFrame(rows).to_parquet(wild)
    item = metric(MetricKind.MEAN, "pre2")
    asked = request(metric(MetricKind.MEAN, "pre"), metric(MetricKind.SUM, "pre", cap=900.0), item)
    quiet, loud = UnitFiles().moments(calm, request(item)), UnitFiles().moments(wild, asked)
    assert quiet is not None
    assert loud is not None
    assert {arm.maximum for arm in quiet.metrics["mean.pre2"].values()} == {None}
    for arm in ("new", "old"):
        largest = max(row["pre"] for row in rows if row["arm"] == arm)
        assert loud.metrics["mean.pre"][arm].maximum == largest
        assert loud.metrics["mean.pre2"][arm].maximum is None
        assert loud.metrics["sum.pre"][arm].maximum in (None, min(largest, 900.0))
    assert loud.metrics["sum.pre"][rows[5]["arm"]].maximum == 900.0


def test_a_file_written_anew_is_read_anew(tmp_path: Path) -> None:
    path, files = tmp_path / "again.parquet", UnitFiles()
    for largest in (1, 100):
        rows = write_whole(path, 3_000, largest, engine_type="INTEGER")
        asked = request(metric(MetricKind.MEAN, "y"), metric(MetricKind.CONVERSION, "y"))
        answer = files.moments(path, asked)
        assert answer is not None
        assert files.columns(path) == ["unit", "arm", "y", "d", "pre", "flag", "odd"]
        for item in asked.metrics:
            for arm, expected in oracle(rows, item).items():
                assert answer.metrics[item.metric.key][arm].means == pytest.approx(expected.means, rel=1e-12)


def test_a_variant_of_no_letters_is_none(tmp_path: Path) -> None:
    path = tmp_path / "blank.parquet"
    rows = [{**row, "arm": ["new", "old", "", None][row["unit"] % 4]} for row in clean_rows(400)]
    pd.DataFrame(rows).to_parquet(path)
    asked = request(metric(MetricKind.MEAN, "pre"))
    quick, general = UnitFiles().moments(path, asked), TABLES.moments(pd.DataFrame(rows), asked)
    assert quick is not None
    assert (quick.units, quick.rows_without) == (general.units, general.rows_without) == ({"new": 100, "old": 100}, 200)


def test_without_a_unit_every_row_is_one() -> None:
    frame = pd.DataFrame({"arm": ["a", "a", "b", "b", None], "y": [1.0, 3.0, 5.0, None, 7.0]})
    asked = TableRequest(unit=None, variant="arm", metrics=(metric(MetricKind.MEAN, "y"),))
    answer = TABLES.moments(frame, asked)
    assert answer.units == {"a": 2, "b": 2}
    assert (answer.rows, answer.rows_without) == (5, 1)
    assert answer.metrics["mean.y"]["a"].means == (2.0,)
    assert answer.metrics["mean.y"]["b"].n == 1


def test_strata_add_up_and_value_counts_are_exact() -> None:
    rows = generated(11, 900)
    frame = pd.DataFrame(rows)
    frame["stratum"] = [f"s{(row['unit'] or 0) % 3}" for row in rows]
    item = metric(MetricKind.SUM, "y", covariate="pre")
    asked = replace(request(item), stratum="stratum", value_counts=("sum.y",))
    answer, plain = TABLES.moments(frame, asked), TABLES.moments(frame, request(item))
    assert set(answer.strata["sum.y"]) == {"s0", "s1", "s2"}
    for arm, whole in plain.metrics["sum.y"].items():
        merged = answer.metrics["sum.y"][arm]
        assert merged.n == whole.n == sum(part[arm].n for part in answer.strata["sum.y"].values())
        assert merged.comoments == pytest.approx(whole.comoments, rel=1e-8)
        counts = answer.value_counts["sum.y"][arm]
        assert counts.n == whole.n
        assert list(counts.values) == sorted(set(counts.values))
        mean = math.fsum(v * c for v, c in zip(counts.values, counts.counts, strict=True)) / counts.n
        assert mean == pytest.approx(whole.means[0], rel=1e-12)
