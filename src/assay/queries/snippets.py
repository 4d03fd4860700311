"""SQL that people add to an analysis: read as one expression, and put where it belongs."""

from __future__ import annotations

from collections.abc import Sequence

import sqlglot
from sqlglot import exp

from assay.errors import InvalidInput
from assay.model.table import Snippet

_DIALECT = "duckdb"


def kept_rows(filters: Sequence[Snippet]) -> str:
    """The WHERE clause of all filters; a row for which one is unknown is left out."""
    conditions = " AND ".join(f"({_expression(item).sql(dialect=_DIALECT)})" for item in filters)
    return f" WHERE {conditions}" if conditions else ""


def put_into(snippet: Snippet, value: str) -> str:
    """A snippet over `value` with the SQL of a value in its place. Raises InvalidInput for one over anything else."""
    parsed = _expression(snippet)
    strangers = sorted({column.name for column in parsed.find_all(exp.Column)} - {"value"})
    if strangers:
        accepted = f"an expression over value alone, not {', '.join(strangers)}"
        raise InvalidInput(snippet.name, snippet.sql, accepted)
    put = sqlglot.parse_one(value, dialect=_DIALECT)
    found = parsed.transform(lambda node: put.copy() if isinstance(node, exp.Column) else node)
    return found.sql(dialect=_DIALECT)


def _expression(snippet: Snippet) -> exp.Expr:
    """The snippet as one expression. Raises InvalidInput for anything else."""
    try:
        statements = sqlglot.parse(f"SELECT {snippet.sql}", dialect=_DIALECT)
    except (sqlglot.errors.SqlglotError, ValueError) as error:
        why = str(error).splitlines()[0]
        raise InvalidInput(snippet.name, snippet.sql, "one SQL expression", hint=why) from error
    select = statements[0] if len(statements) == 1 else None
    if isinstance(select, exp.Select) and {name for name, value in select.args.items() if value} == {"expressions"}:
        (*others, expression) = select.expressions
        if not others and not expression.find(exp.Subquery, exp.Select):
            found: exp.Expr = expression
            return found
    raise InvalidInput(snippet.name, snippet.sql, "one SQL expression without a query of its own")
