"""The SQL over any table: one scan, quoted names, and a clear refusal of columns that are no numbers."""

from __future__ import annotations

import pytest
import sqlglot
from sqlglot import exp

from assay.model.metric import Aggregation, Measure, Metric, MetricKind
from assay.model.table import TableMetric, TableRequest
from assay.queries.tables import SOURCE, columns_of, is_number, table_moments, unfit

HOSTILE = 'x"; DROP TABLE source_table; --'
TYPES = {
    "unit": "BIGINT",
    "arm": "VARCHAR",
    "y": "DOUBLE",
    "d": "INTEGER",
    "pre": "DOUBLE",
    "t": "VARCHAR",
    HOSTILE: "DOUBLE",
}


def metric(kind: MetricKind, column: str, *, below: str | None = None, covariate: str | None = None) -> TableMetric:
    denominator = Measure(field=below) if below else None
    aggregation = Aggregation.SUM if below else None
    made = Metric(key="m", kind=kind, field=column, denominator=denominator, aggregation=aggregation)
    return TableMetric(metric=made, covariates=(covariate,) if covariate else ())


ALL_KINDS = (
    metric(MetricKind.CONVERSION, "y"),
    metric(MetricKind.MEAN, "y", covariate="pre"),
    metric(MetricKind.SUM, "y"),
    metric(MetricKind.COUNT, "t"),
    metric(MetricKind.RATIO, "y", below="d"),
)


def moments_of(*metrics: TableMetric) -> exp.Expr:
    return table_moments(TableRequest(unit="unit", variant="arm", metrics=metrics), TYPES)


def test_the_source_is_read_once_whatever_the_number_of_metrics() -> None:
    tables = [table.name for table in moments_of(*ALL_KINDS).find_all(exp.Table)]
    assert tables.count(SOURCE) == 1
    assert tables.count("entries") == 1


def test_a_hostile_column_name_stays_a_quoted_identifier() -> None:
    text = moments_of(metric(MetricKind.MEAN, HOSTILE)).sql(dialect="duckdb")
    statements = sqlglot.parse(text, dialect="duckdb")
    assert len(statements) == 1
    named = [column for column in statements[0].find_all(exp.Column) if column.name == HOSTILE]  # type: ignore[union-attr]
    assert named
    assert all(column.this.quoted for column in named)


@pytest.mark.parametrize("dialect", ["postgres", "clickhouse", "spark", "bigquery", "snowflake"])
def test_every_name_in_the_answer_survives_the_change_of_dialect(dialect: str) -> None:
    translated = sqlglot.parse_one(moments_of(*ALL_KINDS).sql(dialect=dialect), dialect=dialect)
    assert isinstance(translated, exp.Select)
    wanted = {
        name for columns in columns_of(ALL_KINDS) for name in (*columns.means, *columns.comoments, columns.n_units)
    }
    assert wanted <= set(translated.named_selects)


@pytest.mark.parametrize(
    ("item", "words"),
    [
        (metric(MetricKind.MEAN, "t"), "'t' holds VARCHAR"),
        (metric(MetricKind.CONVERSION, "t"), "'t' holds VARCHAR"),
        (metric(MetricKind.RATIO, "y", below="t"), "'t' holds VARCHAR"),
        (metric(MetricKind.MEAN, "y", covariate="t"), "'t' holds VARCHAR"),
    ],
)
def test_a_text_column_is_refused_by_name(item: TableMetric, words: str) -> None:
    assert words in (unfit(item, TYPES) or "")


def test_rows_of_a_text_column_can_be_counted() -> None:
    assert unfit(metric(MetricKind.COUNT, "t"), TYPES) is None


@pytest.mark.parametrize("name", ["BOOLEAN", "TINYINT", "UBIGINT", "HUGEINT", "DECIMAL(18,3)", "FLOAT", "DOUBLE"])
def test_numbers_and_truth_values_count_as_numbers(name: str) -> None:
    assert is_number(name)


@pytest.mark.parametrize("name", ["VARCHAR", "DATE", "TIMESTAMP WITH TIME ZONE", "DOUBLE[]", "INTERVAL", "ENUM('1')"])
def test_text_times_and_lists_do_not(name: str) -> None:
    assert not is_number(name)
