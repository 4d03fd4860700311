"""Assay's own tables in ClickHouse, as the queries read them."""

from __future__ import annotations

from assay.queries.moments.dialects import CLICKHOUSE
from assay.queries.moments.layout import Layout


def _of_map(name: str) -> str:
    key = CLICKHOUSE.text(name)
    # A key that is not there reads as 0.
    return f"if(mapContains(v.metrics, {key}), v.metrics[{key}], NULL)"


CLICKHOUSE_LAYOUT = Layout(
    CLICKHOUSE, "exposures", "(SELECT unit, type, experiment, occurred_at, metrics FROM events FINAL)", _of_map
)
