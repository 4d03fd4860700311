"""The wiring for reading definitions beside a running server: no warehouse, no inbox."""

from __future__ import annotations

from pathlib import Path

from assay.adapters.memory import MemoryInbox
from assay.adapters.prometheus import PrometheusTelemetry
from assay.adapters.sql_definitions import SqlDefinitions
from assay.adapters.sql_results import SqlResults
from assay.adapters.sql_schema import open_database
from assay.adapters.user_agents import UserAgents
from assay.app.plugins import installed_randomizers
from assay.app.server import utc_now
from assay.service.assign import Assigning
from assay.service.explaining import Explaining
from assay.service.reading import Reading
from assay.service.snapshots import Snapshots


def open_explaining(data: Path) -> Explaining:
    """What explains decisions, from a data folder. Several processes may read it at once."""
    engine = open_database(f"sqlite:///{data / 'assay.sqlite'}")
    definitions, plugins = SqlDefinitions(engine), installed_randomizers()
    snapshots = Snapshots(definitions, plugins)
    snapshots.refresh()
    assigning = Assigning(snapshots, MemoryInbox(), PrometheusTelemetry(), UserAgents())
    return Explaining(Reading(definitions, SqlResults(engine)), snapshots, assigning, utc_now, plugins)
