"""The wiring for data at rest elsewhere, which needs no server."""

from __future__ import annotations

from functools import lru_cache

from assay.adapters.duckdb_batch import DuckdbBatches
from assay.adapters.duckdb_tables import DuckdbTables
from assay.ports import Batches, Tables


@lru_cache(maxsize=1)
def open_tables() -> Tables:
    """What reads files and dataframes; one for the process, because it keeps its databases open."""
    return DuckdbTables()


def open_batches() -> Batches:
    """What assigns whole tables of units."""
    return DuckdbBatches()
