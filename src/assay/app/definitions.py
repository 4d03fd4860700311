"""The wiring for reading definitions beside a running server: no warehouse, no inbox."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from assay.adapters.memory import MemoryInbox
from assay.adapters.prometheus import PrometheusTelemetry
from assay.adapters.sql_definitions import SqlDefinitions
from assay.adapters.sql_results import SqlResults
from assay.adapters.sql_schema import open_database
from assay.adapters.user_agents import UserAgents
from assay.app.plugins import installed_randomizers
from assay.app.server import utc_now
from assay.assignment.portable import read_experiments
from assay.model.experiment import Experiment
from assay.model.lifecycle import Status
from assay.service.assign import Assigning
from assay.service.explaining import Explaining
from assay.service.reading import Reading
from assay.service.snapshots import Snapshots


def read_started(data: Path) -> list[Experiment]:
    """The experiments in a data folder that started, as they are evaluated."""
    engine = open_database(f"sqlite:///{data / 'assay.sqlite'}")
    return [item for item in SqlDefinitions(engine).all() if item.status not in (Status.DRAFT, Status.REVIEW)]


def started_in_document(document: Any) -> list[Experiment]:
    """The same from what a server hands out to evaluators."""
    return read_experiments(document)


def open_explaining(data: Path) -> Explaining:
    """What explains decisions, from a data folder. Several processes may read it at once."""
    engine = open_database(f"sqlite:///{data / 'assay.sqlite'}")
    definitions, plugins = SqlDefinitions(engine), installed_randomizers()
    snapshots = Snapshots(definitions, plugins)
    snapshots.refresh()
    assigning = Assigning(snapshots, MemoryInbox(), PrometheusTelemetry(), UserAgents())
    return Explaining(Reading(definitions, SqlResults(engine)), snapshots, assigning, utc_now, plugins)
