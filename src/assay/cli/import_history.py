"""`assay import`: what happened elsewhere, as exposures and events."""

from __future__ import annotations

import sys
import time
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

import click

from assay.cli.import_view import Report, show_mapping
from assay.cli.source import DATA
from assay.errors import AssayError, InvalidInput

if TYPE_CHECKING:
    from assay.app.importing import Source, Target
    from assay.model.history import HistoryMapping, HistoryRules, MetricColumn, Survey

_ACTOR = "assay import"


@dataclass(frozen=True, slots=True)
class Wish:
    """How it is to be done, apart from the mapping."""

    create: bool
    control: str | None
    max_errors: int | None
    rejects: Path | None


@click.command("import")
@click.argument("file", type=click.Path(path_type=Path), required=False)
@click.option("--from", "address", metavar="URL", help="Instead of FILE: a database's URL, or a SQLite or DuckDB file.")
@click.option("--table", metavar="NAME", help="With --from: the table.")
@click.option("--unit", metavar="COLUMN", help="Column that identifies who it happened to.")
@click.option(
    "--time", "time_", metavar="COLUMN", help="Column with the time: ISO 8601, or s, ms or µs since 1970, told by size."
)
@click.option("--at", metavar="TIME", help="The time of every row, where no column has it.")
@click.option("--type", "type_", metavar="COLUMN", help="Column with the type of event.")
@click.option("--event", metavar="NAME", help="The type of every row.")
@click.option("--variant", metavar="COLUMN", help="Column with the variant: its rows say that the unit met it.")
@click.option("--experiment", metavar="KEY|COLUMN", help="The experiment of the rows, or the column that names it.")
@click.option(
    "--metric",
    "metrics",
    multiple=True,
    metavar="[KIND:]NAME[=COLUMN]",
    help="A number of the row. Without --type and --event each is an event of its own, one table row being a unit. "
    "KIND: conversion, count, sum or mean; a conversion of 0 or false makes no event. Repeatable.",
)
@click.option("--property", "properties", multiple=True, metavar="COLUMN", help="A column to keep with it. Repeatable.")
@click.option("--id", "id_", metavar="COLUMN", help="Column that tells events apart. Default: the content of the row.")
@click.option("--events-only", is_flag=True, help="No exposures, even where there is a variant.")
@click.option(
    "--create", is_flag=True, help="Make the experiment from the rows, begun with the first, ended after all."
)
@click.option("--control", metavar="VARIANT", help="With --create: what the others are compared with.")
@click.option("--dry-run", is_flag=True, help="Show the mapping and the first rows, and stop.")
@click.option("--max-errors", type=click.IntRange(0), metavar="N", help="Stop when more rows than this are refused.")
@click.option(
    "--rejects", type=click.Path(path_type=Path), metavar="FILE", help="Write refused rows there, as JSON lines."
)
@DATA
@click.option("--url", help="Send to the server at this address, under the rules of live events.")
def import_history(
    file: Path | None,
    address: str | None,
    table: str | None,
    unit: str | None,
    time_: str | None,
    at: str | None,
    type_: str | None,
    event: str | None,
    variant: str | None,
    experiment: str | None,
    metrics: tuple[str, ...],
    properties: tuple[str, ...],
    id_: str | None,
    events_only: bool,
    create: bool,
    control: str | None,
    dry_run: bool,
    max_errors: int | None,
    rejects: Path | None,
    data: Path | None,
    url: str | None,
) -> None:
    """Bring in history from FILE (CSV, TSV, Parquet or JSON lines, also packed) or from a table of a database.

    Each row is checked as live events are, without the limit of age; bad rows are named and the others go in. The same
    command goes on where it stopped, and what was imported before counts once.

    \b
    assay import orders.csv --unit customer --time paid_at --event order --metric amount
    assay import cats.csv --unit userid --variant version --experiment cats \\
        --at 2017-01-01 --metric conversion:retention_7 --create --control gate_30
    """
    from assay.app.importing import open_source
    from assay.model.history import HistoryMapping

    if create and url:
        raise InvalidInput("--create", "with --url", "with --data: a server starts what is to be assigned by it")
    with open_source(file, address, table) as source:
        columns = source.history.columns()
        mapping = HistoryMapping(
            unit=unit,
            time=time_,
            at=_moment(at),
            type=type_,
            event=event,
            variant=variant,
            experiment=experiment if experiment not in columns else None,
            experiment_column=experiment if experiment in columns else None,
            metrics=tuple(map(_metric, metrics)),
            properties=properties,
            id=id_,
            exposures=not events_only,
        ).completed(list(columns))
        show_mapping(mapping, columns, source.history.first_rows(5))
        if not dry_run:
            _run(source, mapping, Wish(create, control, max_errors, rejects), data, url)


def _run(source: Source, mapping: HistoryMapping, wish: Wish, data: Path | None, url: str | None) -> None:
    from assay.app.importing import open_folder, open_server
    from assay.app.settings import Settings

    folder = data or Settings.from_environment().data
    if not url and not wish.create and not (folder / "assay.sqlite").exists():
        raise InvalidInput("--data", str(folder), "the data folder of a server that has run, --create, or --url")
    target = open_server(url, folder) if url else open_folder(folder)
    with closing(target):
        try:
            _import(source, mapping, wish, target)
        except KeyboardInterrupt:
            click.echo("\nstopped; the same command goes on from here, and nothing counts twice", err=True)
            sys.exit(130)


def _import(source: Source, mapping: HistoryMapping, wish: Wish, target: Target) -> None:
    from assay.app.importing import bookmark_name
    from assay.app.server import utc_now
    from assay.service.importing import Importing, rules_of

    loose = rules_of(utc_now(), None, as_events=target.definitions is None)
    survey = source.history.survey(mapping, loose)
    rules = _prepared(target, mapping, survey, wish, loose)
    importing = Importing(source.history, target.sink, target.bookmarks, bookmark_name(source, mapping))
    before = importing.reached()
    began = time.monotonic()
    with Report(survey, before, wish.rejects) as report:
        reached = importing.run(mapping, rules, survey, report.seen, max_errors=wish.max_errors)
    report.finish(reached, time.monotonic() - began)
    key, observing = mapping.experiment, target.observing
    if key is not None and observing is not None and wish.create and observing.finish(key, actor=_ACTOR):
        click.echo(f"experiment {key} is ended: a server of this folder computes its final result")
    if survey.rows and not reached.exposures and not reached.events:
        raise AssayError("no row could be imported", hint="see the refused rows, and the mapping")


def _prepared(target: Target, mapping: HistoryMapping, survey: Survey, wish: Wish, loose: HistoryRules) -> HistoryRules:
    """The rules that hold once the rows' experiment is there."""
    from assay.app.server import utc_now
    from assay.service.importing import rules_of

    if target.definitions is None or target.observing is None:
        return loose
    if mapping.experiment is not None and survey.rows:
        target.observing.prepare(
            mapping.experiment, mapping, survey, create=wish.create, control=wish.control, actor=_ACTOR
        )
    elif wish.create and mapping.experiment is None:
        raise InvalidInput("--create", "without an experiment's key", "--experiment KEY, one for all rows")
    return rules_of(utc_now(), target.definitions.all())


def _moment(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidInput("--at", text, "a time like 2026-02-05T10:30:00Z") from None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=timezone.utc)


def _metric(text: str) -> MetricColumn:
    """'conversion:bought=is_buyer' as a name, a column and a kind."""
    from assay.model.history import METRIC_KINDS, MetricColumn

    kinds = {kind.value: kind for kind in METRIC_KINDS}
    first, colon, rest = text.partition(":")
    kind = kinds.get(first) if colon else None
    named = rest if kind is not None else text
    name, equals, column = named.partition("=")
    if not name or (equals and not column):
        raise InvalidInput("--metric", text, f"[KIND:]NAME[=COLUMN] with a kind of {', '.join(kinds)}")
    return MetricColumn(name, column or name, kind)
