"""`assay assign` and `assay assign-sql`: whole tables of units."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import duckdb
import httpx
import pytest
from click.testing import CliRunner

from assay.cli.main import cli
from assay.errors import InvalidInput, NotFound
from tests.http.conftest import LiveServer, app, live

__all__ = ["app", "live"]
UNITS = [(f"00{number}", "US" if number % 2 else "DE", "01234") for number in range(400)]


@pytest.fixture
def started(live: LiveServer) -> LiveServer:
    body = {
        "id": "checkout",
        "name": "checkout",
        "variants": [{"id": "control"}, {"id": "green"}],
        "primary_metric": {"name": "bought", "type": "conversion", "event": "buy"},
        "audience": {"and": [{"attribute": "country", "value": "US"}, {"attribute": "zip", "value": "01234"}]},
    }
    with httpx.Client(base_url=f"{live.url}/api/v1", trust_env=False) as client:
        client.post("/experiments", json=body).raise_for_status()
        client.post("/experiments/checkout/start").raise_for_status()
    return live


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "units.csv"
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([("user", "country", "zip"), *UNITS])
    return path


def run(*arguments: str) -> str:
    return CliRunner().invoke(cli, [*arguments], catch_exceptions=False).output


@pytest.mark.parametrize("output", ["out.csv", "out.parquet", "out.jsonl"])
def test_a_file_gets_what_the_server_would_give(started: LiveServer, table: Path, tmp_path: Path, output: str) -> None:
    written = tmp_path / output
    question = ["assign", "checkout", str(table), "--unit", "user", "--column", "zip=text", "--keep", "country"]
    shown = run(*question, "-o", str(written), "--url", started.url)
    assert shown.startswith(f"400 rows → {written}")
    assert "200   50.00%  –  (not_in_audience)" in shown
    reader = {"csv": "read_csv('{}', all_varchar=true)", "parquet": "'{}'", "jsonl": "read_json('{}')"}
    source = reader[output.split(".")[1]].format(written)
    rows = duckdb.sql(f'SELECT "user", country, variant, reason FROM {source}').fetchall()
    assert {row[0] for row in rows} == {unit for unit, *_ in UNITS}
    for unit, country, variant, reason in rows[:40]:
        explained = json.loads(
            run(
                "explain",
                "checkout",
                unit,
                "-a",
                f"country={country}",
                "-a",
                'zip="01234"',
                "--json",
                "--url",
                started.url,
            )
        )
        assert (variant, reason) == (explained["variant_id"], explained["reason"])


def test_the_folder_and_the_server_say_the_same(started: LiveServer, table: Path, tmp_path: Path) -> None:
    question = ["assign", "checkout", str(table), "--unit", "user", "--column", "zip=text"]
    assert run(*question, "--url", started.url) == run(*question, "--data", str(tmp_path / "data"))


def test_the_query_runs_where_the_units_are(started: LiveServer, table: Path) -> None:
    columns = ["--column", "country=text", "--column", "zip=text", "--now", "2026-02-05T10:00Z"]
    query = run(
        "assign-sql",
        "checkout",
        "--dialect",
        "duckdb",
        "--table",
        "units",
        "--unit",
        "user",
        *columns,
        "--url",
        started.url,
    )
    with duckdb.connect() as connection:
        connection.read_csv(str(table), all_varchar=True).create_view("units")
        counts = dict(connection.sql(f"SELECT reason, count(*) FROM ({query}) GROUP BY 1").fetchall())
    assert counts == {"assigned": 200, "not_in_audience": 200}


def test_attributes_without_a_column_are_named(started: LiveServer) -> None:
    shown = run("assign-sql", "checkout", "--dialect", "spark", "--table", "a.b", "--unit", "u", "--url", started.url)
    assert "FROM `a`.`b`" in shown
    assert "no --column for country, zip: missing for every unit" in shown


def test_what_is_wrong_is_named(started: LiveServer, table: Path, tmp_path: Path) -> None:
    question = ["assign", "checkout", str(table), "--url", started.url, "--unit"]
    for wrong, error in (
        (["nobody"], "there is no column"),
        (["user", "--keep", "nothing"], "there is no column"),
        (["user", "--column", "zip=colour"], "--column: given"),
        (["user", "--now", "yesterday"], "--now: given"),
        (["user", "-o", str(tmp_path / "out.xlsx")], "output: given"),
        (["user", "-o", str(tmp_path / "none" / "out.csv")], "a folder that exists"),
        (["user", "--column", "country=number"], "column 'country': given \"DE\""),
    ):
        with pytest.raises((InvalidInput, NotFound), match=error):
            run(*question, *wrong)
    with pytest.raises(NotFound, match="known: checkout"):
        run("assign", "nothing", str(table), "--unit", "user", "--url", started.url)
    with pytest.raises(InvalidInput, match="dialect: given"):
        run("assign-sql", "checkout", "--dialect", "oracle", "--table", "t", "--unit", "u", "--url", started.url)
