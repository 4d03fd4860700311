"""Where engines differ in the SQL of moments. Text is written for each of them; nothing is opened here."""

from __future__ import annotations

from dataclasses import dataclass

from sqlglot import exp


@dataclass(frozen=True, slots=True)
class Dialect:
    """One engine. share: the SQL of a whole number of 32 bits, spread evenly over the texts of {0}."""

    name: str
    share: str
    double: str = "CAST({0} AS DOUBLE)"
    ending: str = ""

    def text(self, value: str) -> str:
        """A text literal."""
        return exp.Literal.string(value).sql(dialect=self.name)

    def name_of(self, *parts: str) -> str:
        """An identifier, quoted, of one or more parts."""
        return ".".join(exp.to_identifier(part, quoted=True).sql(dialect=self.name) for part in parts)

    def number(self, value: float) -> str:
        """A literal of double precision."""
        return self.double.format(repr(float(value)))


DUCKDB = Dialect("duckdb", share="('0x' || substr(md5({0}), 1, 8))::UBIGINT")
POSTGRES = Dialect(
    "postgres",
    share="('x' || substr(md5({0}), 1, 8))::bit(32)::bigint",
    double="CAST({0} AS DOUBLE PRECISION)",
)
CLICKHOUSE = Dialect(
    "clickhouse",
    share="byteSwap(reinterpretAsUInt32(substring(MD5({0}), 1, 4)))",
    double="CAST({0} AS Nullable(Float64))",
    ending=" SETTINGS join_use_nulls = 1",
)
SPARK = Dialect("spark", share="CAST(conv(substring(md5({0}), 1, 8), 16, 10) AS BIGINT)")
BIGQUERY = Dialect(
    "bigquery",
    share="CAST(CONCAT('0x', SUBSTR(TO_HEX(MD5({0})), 1, 8)) AS INT64)",
    double="CAST({0} AS FLOAT64)",
)
SNOWFLAKE = Dialect("snowflake", share="TO_NUMBER(SUBSTR(MD5({0}), 1, 8), 'XXXXXXXX')")

DIALECTS = {item.name: item for item in (DUCKDB, POSTGRES, CLICKHOUSE, SPARK, BIGQUERY, SNOWFLAKE)}
