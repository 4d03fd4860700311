"""The queries of an analysis as text for people, in any dialect."""

from __future__ import annotations

from collections.abc import Sequence

import sqlglot

from assay.errors import InvalidInput
from assay.model.measurement import MomentsRequest
from assay.model.sources import Sources
from assay.queries.moments import DIALECTS, EMBEDDED, Layout, Question, questions_of
from assay.queries.moments.sources import layout_of


def described_questions(
    requests: Sequence[MomentsRequest], dialect: str, sources: Sources | None
) -> list[tuple[str, str]]:
    """For each query what it asks, and its text. Without sources: over Assay's own tables."""
    if dialect not in DIALECTS:
        raise InvalidInput("dialect", dialect, ", ".join(DIALECTS))
    layout = _own_layout(dialect) if sources is None else layout_of(sources, DIALECTS[dialect])
    return [(_words(item), _pretty(item.sql, dialect)) for item in questions_of(requests, layout)]


def _own_layout(dialect: str) -> Layout:
    """Assay's tables as they are in DuckDB, and in ClickHouse as its adapter reads them."""
    if dialect == "clickhouse":
        from assay.queries.moments.clickhouse_layout import CLICKHOUSE_LAYOUT

        return CLICKHOUSE_LAYOUT
    if dialect != "duckdb":
        raise InvalidInput("dialect", dialect, "duckdb or clickhouse, unless --sources describes tables elsewhere")
    return EMBEDDED


def _words(question: Question) -> str:
    if question.chunk is None:
        return "units per variant"
    names = sorted({metric.key for request in question.chunk.requests for metric in request.metrics})
    what = "values and how many units have them" if question.counts else "moments"
    return f"{what}: {', '.join(names)}"


def _pretty(query: str, dialect: str) -> str:
    return sqlglot.parse_one(query, dialect=dialect).sql(dialect=dialect, pretty=True)
