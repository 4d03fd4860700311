"""The wiring for reading definitions beside a running server: no warehouse, no inbox."""

from __future__ import annotations

from collections.abc import Mapping
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
from assay.errors import AssayError, NotFound
from assay.model.experiment import Experiment
from assay.model.lifecycle import Status
from assay.service.assign import Assigning
from assay.service.explaining import Explaining
from assay.service.reading import Reading
from assay.service.snapshots import Snapshots


def started_experiments(where: str | Path) -> list[Experiment]:
    """Every experiment that ever started, as evaluators know it: from a server's address, or from a data folder.

    Raises NotFound when the folder is none, AssayError when no server answers.
    """
    if isinstance(where, str) and where.startswith(("http://", "https://")):
        return read_experiments(ask_server(where, "GET", "/api/v1/snapshot"))
    database = Path(where) / "assay.sqlite"
    if not database.exists():
        raise NotFound("data folder of a server that has run", str(where))
    engine = open_database(f"sqlite:///{database}")
    return [item for item in SqlDefinitions(engine).all() if item.status not in (Status.DRAFT, Status.REVIEW)]


def ask_server(
    url: str, method: str, path: str, body: Any = None, *, headers: Mapping[str, str] | None = None, seconds: float = 30
) -> dict[str, Any]:
    """A server's answer; raises AssayError with its own words when it refuses, or when there is none in time."""
    import httpx

    try:
        answer = httpx.request(method, f"{url.rstrip('/')}{path}", json=body, headers=headers, timeout=seconds)
        document: dict[str, Any] = answer.json()
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        raise AssayError(f"no answer from {url} ({error})", hint="is the server running there?") from None
    if answer.is_error:
        raise AssayError(str(document.get("detail", answer.text)))
    return document


def open_explaining(data: Path) -> Explaining:
    """What explains decisions, from a data folder. Several processes may read it at once."""
    engine = open_database(f"sqlite:///{data / 'assay.sqlite'}")
    definitions, plugins = SqlDefinitions(engine), installed_randomizers()
    snapshots = Snapshots(definitions, plugins)
    snapshots.refresh()
    assigning = Assigning(snapshots, MemoryInbox(), PrometheusTelemetry(), UserAgents())
    return Explaining(Reading(definitions, SqlResults(engine)), snapshots, assigning, utc_now, plugins)
