"""Who gets what, as SQL: the same decisions as `assay.assignment`, made where the units are."""

from assay.model.table import ColumnKind
from assay.queries.assignment.statement import assignment_sql

__all__ = ["ColumnKind", "assignment_sql"]
