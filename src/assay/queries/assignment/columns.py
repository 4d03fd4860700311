"""The columns of a table of units, as attributes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from assay.model.table import ColumnKind
from assay.queries.assignment.engines import Engine


@dataclass(frozen=True, slots=True)
class Scope:
    """Where SQL is written: the engine, the kind of each attribute that has a column, and the time of the decision."""

    engine: Engine
    columns: Mapping[str, ColumnKind]
    now: datetime

    def kind(self, attribute: str) -> ColumnKind | None:
        """None for an attribute without a column: it is missing for every unit."""
        return self.columns.get(attribute)

    def column(self, attribute: str) -> str:
        """The attribute's column."""
        return self.engine.identifier(attribute)

    def number(self, attribute: str) -> str | None:
        """The column, when it holds numbers."""
        return self.column(attribute) if self.kind(attribute) is ColumnKind.NUMBER else None

    def text_of(self, attribute: str) -> str | None:
        """What is hashed of an attribute, NULL where it has no text; None when it never has one."""
        column, engine = self.column(attribute), self.engine
        if self.kind(attribute) is ColumnKind.TEXT:
            return f"NULLIF({column}, '')"
        if self.kind(attribute) is ColumnKind.NUMBER:
            whole = f"{column} = floor({column}) AND abs({column}) < {2**53}"
            return f"(CASE WHEN {whole} THEN {engine.as_text(engine.whole(column))} END)"
        return None
