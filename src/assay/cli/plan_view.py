"""A plan as a table in the terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from assay import wording

_NOT_ASKED = ""
_EDGES = {"equivalence": "largest effect shown equivalent", "non_inferiority": "smallest effect shown not worse"}
_NOTHING = 1e-5
"""An effect below it is none: units are whole, so the size for no effect at all shows a millionth more or less."""


def plan_view(document: Mapping[str, Any]) -> RenderableType:
    """Everything a person needs of one answer of the planner, readable without colour."""
    parts: list[RenderableType] = [Text(_headline(document), style="bold"), Text("")]
    if not _is_missing(document["sample_size"]["per_variant"]):
        parts += [_numbers(document), Text("")]
    rows = document["detectable_effects"]
    known = [row for row in rows if not _is_missing(row["effect"])]
    if known:
        parts += [_detectable(known, document["assumptions"]), Text("")]
    parts += [_line("Table", _not_known(row), "dim") for row in rows if _is_missing(row["effect"])][:1]
    if document["looks"]:
        parts += [_looks(document), Text("")]
    parts += [_line("Warning", text, "yellow") for text in document["warnings"]]
    parts += [_line("Design", text, "") for text in document["design"]]
    assumed = document["assumptions"]
    parts.append(_line("How", f"{assumed['formula']}.", "dim"))
    parts.append(_line("", _with(assumed), "dim"))
    return Group(*parts)


def _headline(document: Mapping[str, Any]) -> str:
    needed, size = document["required_sample_per_variant"], document["sample_size"]
    if size["source"] == "given":
        return f"With {_units(size['per_variant'])} units per variant"
    if _is_missing(needed):
        return "What could be found"
    total = wording.count(document["total_sample_size"])
    return f"{_units(document['required_sample'])} units per variant, {total} in all"


def _numbers(document: Mapping[str, Any]) -> RenderableType:
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(style="dim")
    grid.add_column(overflow="fold")
    rows: list[tuple[str, str]] = [("needed per variant", _units(document["required_sample"]))]
    if document["required_clusters"] is not None:
        rows.append(("clusters per variant", _units(document["required_clusters"])))
    rows.append(("power", _shown(document["power"], wording.percent)))
    assumed = document["assumptions"]
    rows.append((_edge_of(assumed), _effect(document["minimum_detectable_effect"], assumed)))
    if document["minimum_margin"] is not None:
        rows.append(("smallest margin shown", _shown(document["minimum_margin"], _scaled(document["assumptions"]))))
    rows.append(("days", _shown(document["days_to_completion"], wording.count)))
    if document["assumptions"]["method"] != "fixed":
        rows.append(("on average per variant", _shown(document["expected_sample_per_variant"], wording.count)))
    history = document.get("history")
    if history is not None:
        clusters = "" if history["clusters"] is None else f" in {wording.count(history['clusters'])} clusters"
        rows.append(("history", f"{wording.count(history['units'])} units{clusters}"))
    for label, text in rows:
        if text == _NOT_ASKED:
            continue
        grid.add_row(Text(label), Text(text))
    return grid


def _detectable(rows: Sequence[Mapping[str, Any]], assumed: Mapping[str, Any]) -> RenderableType:
    by_week = rows[0]["weeks"] is not None
    table = _table(*(("week",) if by_week else ()), "units in all", "per variant", _edge_of(assumed))
    for row in rows:
        cells = [str(row["weeks"])] if by_week else []
        cells += [wording.count(row["total_sample_size"]), wording.count(row["sample_per_variant"])]
        table.add_row(*map(Text, (*cells, _effect(row, assumed))))
    return table


def _not_known(row: Mapping[str, Any]) -> str:
    """Why the table ends, or has gaps; the first of them."""
    at = f"week {row['weeks']}" if row["weeks"] is not None else f"{wording.count(row['total_sample_size'])} units"
    return f"{at}: {row['effect']['reason']}."


def _looks(document: Mapping[str, Any]) -> RenderableType:
    table = _table("look", "per variant", "stop at z", "alpha spent", "found by then")
    for number, look in enumerate(document["looks"], start=1):
        bound = "never" if look["critical_value"] is None else f"{look['critical_value']:.3f}"
        spent = wording.percent(look["alpha_spent"])
        found = "" if _is_missing(look["power_by_then"]) else wording.percent(look["power_by_then"])
        per_variant = _shown(look["sample_per_variant"], wording.count)
        table.add_row(*map(Text, (str(number), per_variant, bound, spent, found)))
    return table


def _table(*headings: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for heading in headings:
        table.add_column(Text(heading), justify="right", overflow="fold")
    return table


def _edge_of(assumed: Mapping[str, Any]) -> str:
    """What the effect of a sample size is: the smallest that shows the hypothesis, or the largest for equivalence."""
    return _EDGES.get(assumed["hypothesis"], "smallest effect found")


def _effect(effect: Mapping[str, Any], assumed: Mapping[str, Any]) -> str:
    if _is_missing(effect):
        return _missing(effect)
    show = wording.percent if assumed["metric_type"] == "conversion" else wording.amount
    to = f"{show(assumed['baseline'])} to {show(effect['value'])}"
    if _is_missing(effect["relative"]):
        return to
    relative = 0.0 if abs(effect["relative"]) < _NOTHING else effect["relative"]
    return f"{wording.percent(relative, signed=True)} ({to})"


def _scaled(assumed: Mapping[str, Any]) -> Any:
    if assumed["scale"] == "relative":
        return wording.percent
    return wording.points if assumed["metric_type"] == "conversion" else wording.amount


def _with(assumed: Mapping[str, Any]) -> str:
    names = ("critical_value", "unit_variance_control", "unit_variance_treatment", "variance_factor", "inflation")
    return "; ".join(f"{name} {_shown(assumed[name], _precise)}" for name in names)


def _precise(value: float) -> str:
    return f"{value:.6g}"


def _units(units: Any) -> str:
    if _is_missing(units):
        return _missing(units)
    return wording.count(units[0]) if len(set(units)) == 1 else ", ".join(map(wording.count, units))


def _shown(value: Any, show: Any) -> str:
    return _missing(value) if _is_missing(value) else str(show(value))


def _missing(value: Mapping[str, str]) -> str:
    return _NOT_ASKED if value["no_estimate"] in ("no_effect", "no_traffic") else f"not known: {value['reason']}"


def _is_missing(value: Any) -> bool:
    return isinstance(value, Mapping) and "no_estimate" in value


def _line(label: str, text: str, style: str) -> RenderableType:
    line = Table.grid(padding=(0, 1, 0, 0))
    line.add_column(min_width=8)
    line.add_column(overflow="fold")
    line.add_row(Text(label, style="dim"), Text(text, style=style))
    return line
