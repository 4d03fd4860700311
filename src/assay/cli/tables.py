"""A result as a table in the terminal."""

from __future__ import annotations

from typing import Literal

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from assay import wording
from assay.model.result import ExperimentResult, MetricResult
from assay.service.result_rows import HEADINGS, ResultRow, metric_rows, notes, ratio_sentence, shows_adjusted
from assay.service.table_words import rules

_WIDE = 116
"""Columns of a terminal from which a value and its interval fit on one line."""


def print_result(result: ExperimentResult, console: Console) -> None:
    """Print the verdict, the numbers, the checks, what to beware of, and how the numbers were made."""
    console.print(result_view(result, narrow=console.width < _WIDE))


def result_view(result: ExperimentResult, *, narrow: bool = False) -> RenderableType:
    """Everything a person needs of one result, readable without colour. narrow: intervals on a line of their own."""
    recommendation = result.recommendation
    parts: list[RenderableType] = [Text(recommendation.sentence, style="bold"), Text("")]
    for metric in result.metrics:
        parts += [_heading(metric), _table(metric, result, narrow), Text("")]
    parts.append(_line("Sample ratio", ratio_sentence(result), "red bold" if result.sample_ratio.mismatch else ""))
    parts += [_line("Warning", warning, "yellow") for warning in recommendation.warnings]
    parts += [_line("Note", note, "yellow") for note in notes(result)]
    parts += [_line("Why", reason, "") for reason in recommendation.reasons]
    parts += [_line("How", rule, "dim") for rule in rules(result)]
    return Group(*parts)


def _heading(metric: MetricResult) -> Text:
    return Text.assemble((metric.title, "bold"), (f"  {metric.kind.value}, {metric.role.value}", "dim"))


def _table(metric: MetricResult, result: ExperimentResult, narrow: bool) -> Table:
    headings = HEADINGS[1:] if shows_adjusted(result) else HEADINGS[1:-1]
    table = Table(box=None, pad_edge=False, padding=(0, 1 if narrow else 2, 0, 0), header_style="dim")
    level = f"[{wording.level(metric.interval_level or 1 - result.plan.alpha)}]"
    for heading in headings:
        name = f"{heading} {level}" if heading in ("difference", "lift") else heading
        justify: Literal["left", "right"] = "left" if heading == "variant" else "right"
        table.add_column(Text(_broken(name, narrow)), justify=justify, overflow="fold")
    for row in metric_rows(metric):
        cells = row.cells()[1 : len(headings) + 1]
        table.add_row(*(Text(_broken(cell, narrow), style=_style(row)) for cell in cells))
    return table


def _broken(text: str, narrow: bool) -> str:
    return text.replace(" [", "\n[") if narrow else text


def _style(row: ResultRow) -> str:
    return {True: "green", False: "red", None: ""}[row.better]


def _line(label: str, text: str, style: str) -> RenderableType:
    line = Table.grid(padding=(0, 1, 0, 0))
    line.add_column(min_width=12)
    line.add_column(overflow="fold")
    line.add_row(Text(label, style="dim"), Text(text, style=style))
    return line
