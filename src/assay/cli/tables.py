"""A result as a table in the terminal."""

from __future__ import annotations

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from assay.model.result import ExperimentResult
from assay.service.result_rows import HEADINGS, ResultRow, notes, ratio_sentence, result_rows, shows_adjusted
from assay.service.table_words import rules

_NUMERIC = ("units", "value", "difference", "lift", "p", "p adjusted")


def print_result(result: ExperimentResult, console: Console) -> None:
    """Print the verdict, the numbers, the checks, what to beware of, and how the numbers were made."""
    console.print(result_view(result))


def result_view(result: ExperimentResult) -> RenderableType:
    """Everything a person needs of one result, readable without colour."""
    recommendation = result.recommendation
    parts: list[RenderableType] = [
        Text(recommendation.sentence, style="bold"),
        Text(""),
        _table(result),
        Text(""),
        _line("Sample ratio", ratio_sentence(result), "red bold" if result.sample_ratio.mismatch else ""),
    ]
    parts += [_line("Warning", warning, "yellow") for warning in recommendation.warnings]
    parts += [_line("Note", note, "yellow") for note in notes(result)]
    parts += [_line("Why", reason, "") for reason in recommendation.reasons]
    parts += [_line("How", rule, "dim") for rule in rules(result)]
    return Group(*parts)


def _table(result: ExperimentResult) -> Table:
    headings = HEADINGS if shows_adjusted(result) else HEADINGS[:-1]
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    level = f"{(1 - result.plan.alpha) * 100:g} %"
    for heading in headings:
        name = f"{heading} [{level}]" if heading in ("difference", "lift") else heading
        table.add_column(Text(name), justify="right" if heading in _NUMERIC else "left", overflow="fold")
    for row in result_rows(result):
        table.add_row(*(Text(cell, style=_style(row)) for cell in row.cells()[: len(headings)]))
    return table


def _style(row: ResultRow) -> str:
    return {True: "green", False: "red", None: ""}[row.better]


def _line(label: str, text: str, style: str) -> RenderableType:
    line = Table.grid(padding=(0, 1, 0, 0))
    line.add_column(min_width=12)
    line.add_column(overflow="fold")
    line.add_row(Text(label, style="dim"), Text(text, style=style))
    return line
