"""`assay assign` and `assay assign-sql`: whole tables of units."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

import click

from assay.cli.source import DATA, URL, known_experiments
from assay.errors import InvalidInput, NotFound
from assay.model.table import Assigned, BatchQuestion, ColumnKind

if TYPE_CHECKING:
    from assay.model.experiment import Experiment

_KINDS = ", ".join(kind.value for kind in ColumnKind)
_UNIT = click.option("--unit", required=True, metavar="COLUMN", help="The column with the unit; it is read as text.")
_KEEP = click.option("--keep", multiple=True, metavar="COLUMN", help="Hand this column on. Repeatable.")
_NOW = click.option("--now", metavar="TIME", help="The time of the decisions, ISO 8601. Default: now.")
_COLUMN = click.option(
    "--column", "columns", multiple=True, metavar="NAME=KIND", help=f"What a column holds: {_KINDS}. Repeatable."
)


@click.command()
@click.argument("experiment")
@click.argument("file", type=click.Path(path_type=Path))
@_UNIT
@_KEEP
@_NOW
@_COLUMN
@click.option("--output", "-o", type=click.Path(path_type=Path), help="Write here: .parquet, .csv or .jsonl.")
@DATA
@URL
def assign(
    experiment: str,
    file: Path,
    unit: str,
    keep: tuple[str, ...],
    now: str | None,
    columns: tuple[str, ...],
    output: Path | None,
    data: Path | None,
    url: str | None,
) -> None:
    """Give every row of FILE (CSV, Parquet or JSON lines) its variant of EXPERIMENT and the reason.

    Columns of the file are the attributes. No exposure is logged: being assigned is not having met a variant.
    """
    from assay.app.tables import open_batches

    question = _question(experiment, unit, keep, now, columns)
    assigned = open_batches().assign(file, _known(experiment, data, url), question, output)
    click.echo("\n".join(_lines(assigned, output)))


@click.command("assign-sql")
@click.argument("experiment")
@click.option("--dialect", required=True, metavar="ENGINE", help="duckdb, clickhouse, postgres or spark.")
@click.option("--table", required=True, metavar="NAME", help="The table of units, dots between its parts.")
@_UNIT
@_KEEP
@_NOW
@_COLUMN
@DATA
@URL
def assign_sql(
    experiment: str,
    dialect: str,
    table: str,
    unit: str,
    keep: tuple[str, ...],
    now: str | None,
    columns: tuple[str, ...],
    data: Path | None,
    url: str | None,
) -> None:
    """Print the query that assigns a table of units to EXPERIMENT where the units are."""
    from assay.app.tables import open_batches

    question = _question(experiment, unit, keep, now, columns)
    known = _known(experiment, data, url)
    click.echo(open_batches().sql(known, question, dialect=dialect, table=table, columns=question.kinds))
    unread = _unread(known, experiment, question)
    if unread:
        click.echo(f"assay: no --column for {', '.join(unread)}: missing for every unit", err=True)


def _known(experiment: str, data: Path | None, url: str | None) -> Sequence[Experiment]:
    known = known_experiments(data, url)
    if experiment not in {item.key for item in known}:
        raise NotFound("started experiment", experiment, known=[item.key for item in known])
    return known


def _unread(known: Iterable[Experiment], experiment: str, question: BatchQuestion) -> list[str]:
    from assay.assignment.targeting import attributes_read

    read = {name for item in known if item.key == experiment for name in attributes_read(item.audience.condition)}
    return sorted(read - set(question.kinds))


def _question(
    experiment: str, unit: str, keep: tuple[str, ...], now: str | None, columns: Iterable[str]
) -> BatchQuestion:
    return BatchQuestion(experiment=experiment, unit=unit, keep=keep, now=_time(now), kinds=dict(map(_column, columns)))


def _column(text: str) -> tuple[str, ColumnKind]:
    name, equals, kind = text.rpartition("=")
    if not equals or not name or kind not in list(ColumnKind):
        raise InvalidInput("--column", text, f"NAME=KIND with a kind of {_KINDS}")
    return name, ColumnKind(kind)


def _time(text: str | None) -> datetime:
    if text is None:
        return datetime.now(timezone.utc)
    try:
        now = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidInput("--now", text, "a time like 2026-02-05T10:30:00Z") from None
    return now if now.tzinfo is not None else now.replace(tzinfo=timezone.utc)


def _lines(assigned: Assigned, output: Path | None) -> Iterable[str]:
    yield f"{assigned.rows:,} rows" + (f" → {output}" if output is not None else "")
    for variant, reason, count in assigned.counts:
        yield f"  {count:>12,}  {count / assigned.rows:7.2%}  {variant or '–'}  ({reason})"
