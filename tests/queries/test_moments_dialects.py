"""The SQL for engines that are not here is at least theirs: it parses in their dialect, and means the same in ours."""

from __future__ import annotations

import itertools
from pathlib import Path

import duckdb
import pytest
import sqlglot
from sqlglot import exp

from assay.adapters.printed_sql import described_questions
from assay.errors import InvalidInput
from assay.queries.moments import DIALECTS, answers_of, questions_of
from assay.queries.moments.sources import layout_of
from tests.contract.own_data import rows, sources
from tests.contract.test_own_tables import in_duckdb
from tests.contract.test_warehouse import REQUESTS, assert_same

ELSEWHERE = ["bigquery", "snowflake"]
KNOWN_BY_NAME = {"UNIX_MICROS"}
"""Functions that the parser keeps by their name; they are in the engines' own documentation."""


@pytest.mark.parametrize("dialect", ["bigquery", "snowflake", "spark", "postgres", "clickhouse", "duckdb"])
def test_every_query_parses_in_its_dialect(dialect: str) -> None:
    for question in questions_of(REQUESTS, layout_of(sources(""), DIALECTS[dialect])):
        parsed = sqlglot.parse_one(question.sql.partition(" SETTINGS ")[0], dialect=dialect)
        again = parsed.sql(dialect=dialect)
        assert sqlglot.parse_one(again, dialect=dialect).sql(dialect=dialect) == again
        if dialect in ELSEWHERE:
            unknown = {item.name.upper() for item in parsed.find_all(exp.Anonymous)}
            assert unknown <= KNOWN_BY_NAME


@pytest.mark.parametrize("dialect", ELSEWHERE)
def test_it_means_the_same_when_translated(dialect: str, tmp_path: Path) -> None:
    """By the translator's understanding of both dialects, run on DuckDB."""
    tables, oracle = rows(41)
    path = in_duckdb(tmp_path, tables).removeprefix("duckdb://")
    expected = oracle.moments(REQUESTS)
    with duckdb.connect(path) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        answered = []
        for question in questions_of(REQUESTS, layout_of(sources(""), DIALECTS[dialect])):
            translated = sqlglot.transpile(question.sql, read=dialect, write="duckdb")[0]
            answered.append((question, connection.execute(translated).fetchall()))
    found = answers_of(REQUESTS, answered)
    for request in REQUESTS:
        left, right = found[request.experiment], expected[request.experiment]
        assert (left.units, left.quality) == (right.units, right.quality)
        for metric, variant in itertools.product(request.metrics, request.variants):
            assert_same(left.metrics[metric.key][variant], right.metrics[metric.key][variant])


@pytest.mark.parametrize("dialect", ["duckdb", "clickhouse"])
def test_what_is_printed_is_what_is_asked(dialect: str) -> None:
    printed = described_questions(REQUESTS, dialect, None)
    assert printed[0][0] == "units per variant"
    assert "revenue" in printed[1][0]
    for _, text in printed:
        assert sqlglot.parse_one(text, dialect=dialect) is not None


def test_tables_of_ours_are_in_two_engines_only() -> None:
    with pytest.raises(InvalidInput, match="clickhouse"):
        described_questions(REQUESTS, "snowflake", None)
    with pytest.raises(InvalidInput, match="duckdb"):
        described_questions(REQUESTS, "oracle", None)
