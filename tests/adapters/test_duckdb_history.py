"""Rows of files as lines of the inbox: formats, times, what is refused, and what makes two rows the same."""

from __future__ import annotations

import gzip
import json
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.adapters.duckdb_history import DuckdbHistory
from assay.errors import InvalidInput, NotFound
from assay.model.event import microseconds
from assay.model.history import (
    HistoryBatch,
    HistoryMapping,
    HistoryRules,
    KnownExperiment,
    MetricColumn,
    RefusedRow,
)
from assay.model.metric import MetricKind
from assay.service.eventlines import event_key

NOW = datetime(2026, 2, 5, 10, 30, tzinfo=timezone.utc)
STARTED = microseconds(datetime(2025, 1, 1, tzinfo=timezone.utc))
RULES = HistoryRules(
    latest=microseconds(NOW),
    known=[
        KnownExperiment("shop", "shop@2", ("control", "green"), STARTED),
        KnownExperiment("old", "old", ("a",), None),
    ],
)
EVENT = HistoryMapping(
    unit="who", time="at", event="buy", metrics=(MetricColumn("amount", "amount"),), properties=("land",)
)
ROWS = [
    {"who": "007", "at": "2026-01-02T03:04:05Z", "amount": "1.5", "land": "DE"},
    {"who": "Zoë 😀", "at": "2026-01-02 03:04:05.25+02:00", "amount": None, "land": 'a "b", c'},
    {"who": "007", "at": "2026-01-02T03:04:05Z", "amount": "1.5", "land": "DE"},
]


def read(path: Path, mapping: HistoryMapping, rules: HistoryRules = RULES, after: int = 0) -> list[HistoryBatch]:
    history = DuckdbHistory(path)
    try:
        return list(history.batches(mapping.completed(list(history.columns())), rules, after))
    finally:
        history.close()


def lines_of(batches: list[HistoryBatch]) -> list[dict[str, Any]]:
    return [json.loads(line) for batch in batches for text in batch.texts for line in text.split("\n")]


def refused(batches: list[HistoryBatch]) -> list[RefusedRow]:
    return [row for batch in batches for row in batch.refused]


def write_csv(path: Path, rows: list[dict[str, Any]], separator: str = ",") -> Path:
    quoted = [['"' + str(v).replace('"', '""') + '"' if v is not None else "" for v in row.values()] for row in rows]
    path.write_text("\n".join(separator.join(row) for row in [list(rows[0]), *quoted]) + "\n", "utf-8")
    return path


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    """The rows in the form that the file's name says."""
    kind = path.name.partition(".")[2]
    if kind.endswith(".gz"):
        plain = write(path.with_suffix(""), rows)
        path.write_bytes(gzip.compress(plain.read_bytes()))
    elif kind in ("csv", "tsv"):
        write_csv(path, rows, "\t" if kind == "tsv" else ",")
    elif kind == "parquet":
        lines = write(path.with_suffix(".jsonl"), rows)
        types = "{" + ", ".join(f"'{name}': 'VARCHAR'" for name in rows[0]) + "}"
        duckdb.sql(f"COPY (FROM read_json('{lines}', columns = {types})) TO '{path}' (FORMAT parquet)")
    else:
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


@pytest.mark.parametrize("kind", ["csv", "tsv", "csv.gz", "parquet", "jsonl", "ndjson", "json", "jsonl.gz"])
def test_every_format_makes_the_same_lines(tmp_path: Path, kind: str) -> None:
    first, second, third = lines_of(read(write(tmp_path / f"rows.{kind}", ROWS), EVENT))
    assert first | {"key": ""} == {
        "key": "",
        "unit": "007",
        "type": "buy",
        "experiment": "",
        "variant": None,
        "occurred_at": microseconds(datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc)),
        "metrics": {"amount": 1.5},
        "properties": {"land": "DE"},
    }
    assert (second["unit"], second["metrics"], second["properties"]) == ("Zoë 😀", {}, {"land": 'a "b", c'})
    assert second["occurred_at"] == microseconds(datetime(2026, 1, 2, 1, 4, 5, 250_000, tzinfo=timezone.utc))
    # Equal rows are two events.
    assert first["key"] != third["key"]
    assert first | {"key": ""} == third | {"key": ""}


def test_a_tabled_file_of_duckdb(tmp_path: Path) -> None:
    with duckdb.connect(str(tmp_path / "shop.duckdb")) as connection:
        connection.execute('CREATE TABLE orders (who BIGINT, "at" TIMESTAMP, amount DECIMAL(9, 2), land VARCHAR)')
        connection.execute("INSERT INTO orders VALUES (7, '2026-01-02 03:04:05', 1.5, 'DE')")
    history = DuckdbHistory(tmp_path / "shop.duckdb", "orders")
    (line,) = lines_of(list(history.batches(EVENT, RULES, 0)))
    assert (line["unit"], line["metrics"]) == ("7", {"amount": 1.5})
    history.close()
    with pytest.raises(NotFound, match="known: orders"):
        DuckdbHistory(tmp_path / "shop.duckdb", "order")


@pytest.mark.parametrize(
    ("given", "seconds"),
    [
        ("1767323045", 0),
        ("1767323045.25", 0.25),
        ("1767323045250", 0.25),
        ("1767323045250000", 0.25),
        ("2026-01-02", -11045),
        ("2026-01-02T03:04:05", 0),
        ("2026-01-02 03:04:05.25", 0.25),
        ("2026-01-02T05:04:05+02:00", 0),
        ("100000000", 100_000_000 - 1767323045),
        ("99999999999", None),
        ("99999999", None),
        ("20260102", None),
        ("2030-01-01", None),
        ("1969-12-31", None),
        ("infinity", None),
        ("yesterday", None),
        ("1e9", None),
        ("02/01/2026", None),
        ("", None),
    ],
)
def test_a_time_as_text_is_told_by_its_form_and_size(tmp_path: Path, given: str, seconds: float | None) -> None:
    batches = read(write(tmp_path / "rows.csv", [ROWS[0] | {"at": given}]), EVENT)
    if seconds is None:
        (row,) = refused(batches)
        assert (row.number, row.field, lines_of(batches)) == (1, "at", [])
        assert json.loads(row.given) == (given or None)
    else:
        (line,) = lines_of(batches)
        assert line["occurred_at"] == 1_767_323_045_000_000 + round(seconds * 1_000_000)


@pytest.mark.parametrize(
    "value",
    [
        "TIMESTAMP '2026-01-02 03:04:05'",
        "TIMESTAMPTZ '2026-01-02 05:04:05+02'",
        "TIMESTAMP_NS '2026-01-02 03:04:05'",
        "TIMESTAMP_S '2026-01-02 03:04:05'",
        "1767323045",
        "1767323045000::UBIGINT",
        "1767323045.0::DOUBLE",
        "1767323045::DECIMAL(18, 3)",
        "1767323045000000",
    ],
)
def test_a_time_with_a_type(tmp_path: Path, value: str) -> None:
    path = tmp_path / "rows.parquet"
    duckdb.sql(f"COPY (SELECT 'u' AS who, {value} AS at, 1 AS amount, '' AS land) TO '{path}'")
    (line,) = lines_of(read(path, EVENT))
    assert line["occurred_at"] == 1_767_323_045_000_000


@pytest.mark.parametrize(
    ("changes", "field", "given"),
    [
        ({"who": None}, "who", None),
        ({"who": "x" * 20_001}, "who", "x" * 119),
        ({"amount": "1,5"}, "amount", "1,5"),
        ({"amount": "inf"}, "amount", "inf"),
        ({"amount": "1e999"}, "amount", "1e999"),
        ({"at": "soon"}, "at", "soon"),
        ({"land": "x" * 70_000}, "row", None),
    ],
)
def test_a_bad_row_is_named_and_the_others_go_in(
    tmp_path: Path, changes: dict[str, Any], field: str, given: str | None
) -> None:
    batches = read(write(tmp_path / "rows.csv", [ROWS[0], ROWS[1] | changes, ROWS[2]]), EVENT)
    (row,) = refused(batches)
    assert (row.number, row.field) == (2, field)
    assert row.accepted
    assert row.row == ROWS[1] | changes
    if given is not None:
        assert given in row.given
    assert len(lines_of(batches)) == 2


def test_numbers_are_read_however_they_are_written(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    values = "(1::DOUBLE, true, 'True', 2::TINYINT, 0.5::DECIMAL(3, 2)), (NULL, NULL, 'NA', NULL, NULL)"
    duckdb.sql(f"COPY (SELECT 'u' AS user_id, * FROM (VALUES {values}) AS v(a, b, c, d, e)) TO '{path}'")
    mapping = HistoryMapping(at=NOW, event="x", metrics=tuple(MetricColumn(name, name) for name in "abcde"))
    first, second = lines_of(read(path, mapping))
    assert first["metrics"] == {"a": 1, "b": 1, "c": 1, "d": 2, "e": 0.5}
    assert second["metrics"] == {}
    duckdb.sql(f"COPY (SELECT 'u' AS user_id, 'nan'::DOUBLE AS a) TO '{path}'")
    mapping = HistoryMapping(at=NOW, event="x", metrics=(MetricColumn("a", "a"),))
    assert [row.field for row in refused(read(path, mapping))] == ["a"]


def test_ids_of_units_that_became_floats_stay_whole(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    duckdb.sql(f"COPY (SELECT * FROM (VALUES (7.0::DOUBLE), (7.5), (1e300)) AS v(user_id)) TO '{path}'")
    units = [line["unit"] for line in lines_of(read(path, HistoryMapping(at=NOW, event="x")))]
    assert units == ["7", "7.5", "1e+300"]


def test_a_long_table_has_exposures_and_events(tmp_path: Path) -> None:
    names = ("user_id", "timestamp", "event_type", "experiment_id", "variant_id")
    rows = [
        ("ann", "2025-06-01", "exposure", "shop", "green"),
        ("ann", "2025-06-02", "buy", "shop", "green"),
        ("ann", "2025-06-03", "buy", None, None),
        ("bob", "2024-01-01", "exposure", "shop", "green"),
        ("bob", "2024-01-01", "exposure", "old", "a"),
        ("bob", "2025-06-01", "exposure", "shop", None),
        ("bob", "2025-06-01", "Exposure", "shop", "green"),
        ("bob", "2025-06-01", "exposure", "none", "green"),
        ("bob", "2025-06-01", "buy", "shop", "blue"),
        ("bob", "2025-06-01", "buy", None, "green"),
        ("bob", "2025-06-01", None, "shop", "green"),
    ]
    path = write(tmp_path / "rows.csv", [dict(zip(names, row, strict=True)) for row in rows])
    batches = read(path, HistoryMapping())
    made = [(line["unit"], line["type"], line["experiment"], line["variant"]) for line in lines_of(batches)]
    assert made == [
        ("ann", "exposure", "shop@2", "green"),
        ("ann", "exposure", "shop@2", "green"),
        ("ann", "buy", "shop@2", None),
        ("ann", "buy", "", None),
        ("bob", "exposure", "old", "a"),
    ]
    assert [(row.number, row.field) for row in refused(batches)] == [
        (4, "timestamp"),
        (6, "variant_id"),
        (7, "event_type"),
        (8, "experiment_id"),
        (9, "variant_id"),
        (10, "experiment_id"),
        (11, "event_type"),
    ]
    (batch,) = batches
    assert (batch.exposures, batch.events) == (3, 2)
    only_events = lines_of(read(path, HistoryMapping(exposures=False)))
    assert {line["type"] for line in only_events} >= {"buy"}


def test_a_wide_table_is_an_exposure_and_an_event_per_number(tmp_path: Path) -> None:
    rows = [
        {"userid": "1", "arm": "control", "bought": "true", "spent": "9.5"},
        {"userid": "2", "arm": "green", "bought": "false", "spent": "0"},
        {"userid": "3", "arm": "green", "bought": None, "spent": None},
    ]
    metrics = (MetricColumn("bought", "bought", MetricKind.CONVERSION), MetricColumn("money", "spent"))
    mapping = HistoryMapping(at=NOW, experiment="shop", metrics=metrics)
    made = lines_of(read(write(tmp_path / "rows.csv", rows), mapping))
    assert [(line["unit"], line["type"], line["metrics"]) for line in made] == [
        ("1", "exposure", {}),
        ("1", "bought", {"value": 1}),
        ("1", "money", {"value": 9.5}),
        ("2", "exposure", {}),
        ("2", "money", {"value": 0}),
        ("3", "exposure", {}),
    ]
    assert len({line["key"] for line in made}) == len(made)
    assert {line["experiment"] for line in made} == {"shop@2"}


@given(unit=st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), min_size=1), id_=st.integers())
def test_an_event_with_an_id_is_the_same_as_one_sent_live(
    tmp_path_factory: pytest.TempPathFactory, unit: str, id_: int
) -> None:
    path = tmp_path_factory.mktemp("rows") / "rows.jsonl"
    path.write_text(json.dumps({"user_id": unit, "event_id": f"e{id_}"}) + "\n")
    (line,) = lines_of(read(path, HistoryMapping(at=NOW, event="buy")))
    assert line["unit"] == unit
    assert line["key"] == event_key(unit, f"e{id_}", "buy", line["occurred_at"], "")


def test_keys_follow_the_content_not_the_place(tmp_path: Path) -> None:
    first = lines_of(read(write(tmp_path / "a.csv", ROWS), EVENT))
    turned = lines_of(read(write(tmp_path / "b.csv", ROWS[::-1]), EVENT))
    assert {line["key"] for line in first} == {line["key"] for line in turned}
    assert len({line["key"] for line in first}) == 3


def test_reading_goes_on_after_any_row(tmp_path: Path) -> None:
    rows = [ROWS[0] | {"amount": str(i % 7)} for i in range(25_000)]
    path = write(tmp_path / "rows.csv", rows)
    whole = lines_of(read(path, EVENT))
    assert len(whole) == len({line["key"] for line in whole}) == 25_000
    for after in (1, 9_999, 10_000, 24_999, 25_000):
        assert lines_of(read(path, EVENT, after=after)) == whole[after:]


def test_lines_that_are_no_rows_are_named(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    lines = [f"u{i},2026-01-02,1,DE" for i in range(50)]
    lines[10], lines[20] = "u10,2026-01-02,1,DE,more", "u20"
    path.write_text("who,at,amount,land\n" + "\n".join(lines) + "\n")
    history = DuckdbHistory(path)
    survey = history.survey(EVENT, RULES)
    assert [row.number for row in survey.unreadable] == [12, 22]
    assert survey.rows == 48
    assert len(lines_of(list(history.batches(EVENT, RULES, 0)))) == 48
    history.close()
    path = tmp_path / "rows.jsonl"
    good = '{"who": "a", "at": "2026-01-02", "amount": 1, "land": {"x": [1]}}'
    path.write_text(f"{good}\nno json\n[1]\n{good}\n")
    batches = read(path, EVENT)
    assert [(row.number, row.field) for row in refused(batches)] == [(2, "row"), (3, "row")]
    assert [line["properties"] for line in lines_of(batches)] == [{"land": {"x": [1]}}] * 2


def test_a_whole_source_is_surveyed(tmp_path: Path) -> None:
    rows = [
        {"user_id": f"u{i}", "ts": f"2026-01-{i:02}", "variant": "ab"[i % 2], "experiment": "shop" if i < 5 else None}
        for i in range(1, 9)
    ]
    rows.append(rows[0] | {"ts": "never"})
    history = DuckdbHistory(write(tmp_path / "rows.csv", rows))
    survey = history.survey(HistoryMapping().completed(list(history.columns())), RULES)
    assert survey.rows == 9
    assert survey.first == microseconds(datetime(2026, 1, 1, tzinfo=timezone.utc))
    assert survey.last == microseconds(datetime(2026, 1, 8, tzinfo=timezone.utc))
    assert survey.variants == {"shop": ("a", "b")}
    history.close()


def test_columns_are_guessed_by_usual_names_and_unknown_ones_named() -> None:
    columns = ["User_ID", "Timestamp", "Event_Type", "variant", "experiment_id", "Event_ID"]
    guessed = HistoryMapping().completed(columns)
    assert guessed.columns() == {
        "unit": "User_ID",
        "time": "Timestamp",
        "type": "Event_Type",
        "variant": "variant",
        "experiment": "experiment_id",
        "id": "Event_ID",
    }
    with pytest.raises(NotFound, match=r"no column \"who\" \(known: User_ID, Timestamp"):
        HistoryMapping(unit="who").completed(columns)
    for mapping, option in (
        (HistoryMapping(), "--unit"),
        (HistoryMapping(unit="x"), "--time"),
        (HistoryMapping(unit="x", at=NOW), "--type"),
        (HistoryMapping(unit="x", at=NOW, variant="y"), "--experiment"),
        (HistoryMapping(unit="x", at=NOW, metrics=(MetricColumn("m", "x"), MetricColumn("m", "y"))), "--metric"),
    ):
        with pytest.raises(InvalidInput, match=option):
            mapping.completed(["x", "y"])


def test_columns_with_any_name_do_no_harm(tmp_path: Path) -> None:
    names = ['a"b', "n", "unit", "moment", "id", "lines", "wrong", "select", "x'y", "r", "p"]
    path = write(tmp_path / "rows.jsonl", [{name: f"{name}-{i}" for name in names} for i in range(2)])
    mapping = HistoryMapping(unit='a"b', at=NOW, event="it's", properties=tuple(names), id="x'y")
    made = lines_of(read(path, mapping))
    assert [line["properties"] for line in made] == [{name: f"{name}-{i}" for name in names} for i in range(2)]
    assert [line["type"] for line in made] == ["it's"] * 2


def test_an_empty_file(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("user_id,ts\n")
    assert read(path, HistoryMapping(event="x")) == []
    for name in ("none.csv", "none.jsonl", "none.parquet"):
        (tmp_path / name).write_text("")
        with pytest.raises(InvalidInput):
            read(tmp_path / name, HistoryMapping(event="x"))
    with pytest.raises(InvalidInput, match=r"accepted: a \.csv"):
        read(write(tmp_path / "rows.xlsx", ROWS), EVENT)
    with pytest.raises(NotFound, match="no file"):
        DuckdbHistory(tmp_path / "missing.csv")
