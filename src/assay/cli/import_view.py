"""What `assay import` shows: the mapping, how far it is, and the rows it refused."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import IO, TYPE_CHECKING, Any

import click

from assay.errors import InvalidInput
from assay.model.history import HistoryMapping, Reached, RefusedRow, Survey

if TYPE_CHECKING:
    from rich.progress import Progress

_SHOWN_REFUSALS = 5
_SHOWN_COLUMNS = 8
_QUIET_SECONDS = 5.0


def show_mapping(mapping: HistoryMapping, columns: Mapping[str, str], rows: Sequence[tuple[Any, ...]]) -> None:
    """Which column is what, and the first rows."""
    click.echo("Rows are read so:")
    for line in _mapping_lines(mapping):
        click.echo(f"  {line}")
    names = list(columns)[:_SHOWN_COLUMNS]
    more = f" (and {len(columns) - len(names)} more)" if len(columns) > len(names) else ""
    click.echo(f"First rows{more}:")
    for row in ([*names], *rows):
        click.echo("  " + " | ".join("" if cell is None else str(cell)[:30] for cell in row[: len(names)]))


def _mapping_lines(mapping: HistoryMapping) -> Iterator[str]:
    yield f"unit        column {mapping.unit}"
    yield f"time        {_column_or(mapping.time, mapping.at.isoformat() if mapping.at else None)}"
    if mapping.experiment or mapping.experiment_column:
        yield f"experiment  {_column_or(mapping.experiment_column, mapping.experiment)}"
    if mapping.variant and mapping.exposures:
        yield f"variant     column {mapping.variant}: the unit met it then"
    if mapping.type or mapping.event:
        yield f"event       {_column_or(mapping.type, mapping.event)}"
    own = ", an event of its own" if mapping.wide else ""
    for metric in mapping.metrics:
        kind = f", a {metric.kind.value}" if metric.kind else ""
        yield f"metric      {metric.name} from column {metric.column}{kind}{own}"
    for name in mapping.properties:
        yield f"property    column {name}"
    yield f"id          {f'column {mapping.id}' if mapping.id else 'the content of the row'}"


def _column_or(column: str | None, constant: str | None) -> str:
    return f"always {constant}" if constant else f"column {column}"


class Report:
    """Progress on the error output: a bar in a terminal, else a line now and then."""

    def __init__(self, survey: Survey, before: Reached, rejects: Path | None) -> None:
        self._total, self._before = survey.rows, before
        self._shown, self._said_at = 0, time.monotonic()
        self._stack = ExitStack()
        self._rejects = self._open(rejects, append=before.through > 0)
        self._bar: Progress | None = None
        self._began = time.monotonic()

    def __enter__(self) -> Report:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        if self._before.through:
            click.echo(f"going on after row {self._before.through:,}", err=True)
        console = Console(stderr=True)
        if console.is_terminal:
            rate = TextColumn("{task.fields[rate]:,.0f} rows/s")
            self._bar = Progress(
                BarColumn(), MofNCompleteColumn(), rate, TimeRemainingColumn(), console=console, transient=True
            )
            self._stack.enter_context(self._bar)
            self._bar.add_task("rows", total=self._total, completed=self._before.through, rate=0.0)
        return self

    def __exit__(self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None) -> None:
        self._stack.close()

    def seen(self, reached: Reached, refused: Sequence[RefusedRow]) -> None:
        """What is stored by now, and the rows refused since."""
        for row in refused:
            if self._rejects is not None:
                self._rejects.write(json.dumps(asdict(row), ensure_ascii=False, default=str) + "\n")
            if self._shown < _SHOWN_REFUSALS:
                place = "line" if row.field == "line" else "row"
                click.echo(
                    f"{place} {row.number:,} refused: {row.field}: given {row.given}; accepted: {row.accepted}",
                    err=True,
                )
                self._shown += 1
        if refused and self._rejects is not None:
            self._rejects.flush()
        rate = (reached.through - self._before.through) / max(time.monotonic() - self._began, 1e-9)
        if self._bar is not None:
            self._bar.update(self._bar.task_ids[0], completed=reached.through, rate=rate)
        elif time.monotonic() - self._said_at > _QUIET_SECONDS:
            self._said_at = time.monotonic()
            left = (self._total - reached.through) / max(rate, 1e-9)
            click.echo(f"{reached.through:,} of {self._total:,} rows, {rate:,.0f} rows/s, {left:,.0f} s left", err=True)

    def finish(self, reached: Reached, seconds: float) -> None:
        """The whole in one line."""
        rows = reached.through - self._before.through
        click.echo(
            f"{reached.through:,} rows read: {reached.exposures:,} exposures, {reached.events:,} events, "
            f"{reached.refused:,} refused; {rows:,} rows in {seconds:.1f} s ({rows / max(seconds, 1e-9):,.0f} rows/s)"
        )

    def _open(self, path: Path | None, *, append: bool) -> IO[str] | None:
        if path is None:
            return None
        try:
            return self._stack.enter_context(path.open("a" if append else "w", encoding="utf-8"))
        except OSError as error:
            raise InvalidInput("--rejects", str(path), f"a file that can be written ({error.strerror})") from None
