"""The wiring for data at rest elsewhere, which needs no server."""

from __future__ import annotations

from assay.adapters.duckdb_tables import DuckdbTables
from assay.ports import Tables


def open_tables() -> Tables:
    """What reads files and dataframes."""
    return DuckdbTables()
