"""Where exposures and events are, and how a number of an event is reached."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from assay.queries.moments.dialects import DUCKDB, Dialect


@dataclass(frozen=True, slots=True)
class Layout:
    """What the queries read from.

    exposures: a table or a query in brackets, with experiment, unit, variant and first_at. events: likewise, with unit,
    type, experiment ('' unless the event names one) and occurred_at, each event once. Times are microseconds since
    1970. field: from a name to the SQL of that number of an event under the alias v; NULL where the event has none.
    """

    dialect: Dialect
    exposures: str
    events: str
    field: Callable[[str], str]


def _of_map(name: str) -> str:
    return f"v.metrics[{DUCKDB.text(name)}]"


EMBEDDED = Layout(DUCKDB, "exposures", "events", _of_map)
"""The tables of the embedded warehouse."""
