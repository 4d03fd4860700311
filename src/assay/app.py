"""The only wiring: settings to adapters to services."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from assay.adapters.duckdb_warehouse import DuckdbWarehouse
from assay.adapters.memory import MemoryNotices
from assay.adapters.prometheus import PrometheusTelemetry
from assay.adapters.sql_definitions import SqlDefinitions
from assay.adapters.sql_results import SqlResults
from assay.adapters.sql_schema import open_database
from assay.adapters.sqlite_inbox import SqliteInbox
from assay.errors import InvalidInput
from assay.ports import Inbox, Warehouse
from assay.service.analyse import Analysing
from assay.service.assign import Assigning
from assay.service.editing import Editing
from assay.service.lifecycle import Lifecycle
from assay.service.loading import Loading
from assay.service.reading import Reading
from assay.service.services import Services
from assay.service.snapshots import Snapshots
from assay.service.track import Tracking


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything that can be set from outside; each field names its environment variable.

    data: ASSAY_DATA, the folder of the embedded stack. host: API_HOST. port: API_PORT.
    refresh_seconds: ASSAY_REFRESH_SECONDS, the pause between two rounds of load and analyse.
    log_level: LOG_LEVEL.
    """

    data: Path = Path("assay-data")
    host: str = "127.0.0.1"
    port: int = 8000
    refresh_seconds: float = 1.0
    log_level: str = "INFO"

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Settings:
        """Settings from environment variables; raises InvalidInput naming the variable that is wrong."""
        env = os.environ if environment is None else environment
        default = cls()
        return cls(
            data=Path(env.get("ASSAY_DATA", str(default.data))),
            host=env.get("API_HOST", default.host),
            port=int(_number("API_PORT", env.get("API_PORT", str(default.port)), 0, 65_535)),
            refresh_seconds=_number(
                "ASSAY_REFRESH_SECONDS", env.get("ASSAY_REFRESH_SECONDS", str(default.refresh_seconds)), 0.05, 3_600
            ),
            log_level=env.get("LOG_LEVEL", default.log_level).upper(),
        )


def _number(name: str, text: str, low: float, high: float) -> float:
    try:
        value = float(text)
    except ValueError:
        value = low - 1
    if not low <= value <= high:
        raise InvalidInput(name, text, f"a number from {low:g} to {high:g}")
    return value


def utc_now() -> datetime:
    """The time now, aware."""
    return datetime.now(timezone.utc)


@dataclass(frozen=True, slots=True)
class App:
    """A running system: its services and what must be closed in the end."""

    services: Services
    inbox: Inbox
    warehouse: Warehouse

    def close(self) -> None:
        """Write what waits, then release files."""
        self.inbox.close()
        self.warehouse.close()


def build(settings: Settings) -> App:
    """The embedded stack in one data folder."""
    settings.data.mkdir(parents=True, exist_ok=True)
    engine = open_database(f"sqlite:///{settings.data / 'assay.sqlite'}")
    definitions, results = SqlDefinitions(engine), SqlResults(engine)
    inbox = SqliteInbox(settings.data / "inbox.sqlite")
    warehouse = DuckdbWarehouse(settings.data / "warehouse.duckdb")
    telemetry, notices = PrometheusTelemetry(), MemoryNotices()
    snapshots = Snapshots(definitions)
    snapshots.refresh()
    lifecycle = Lifecycle(definitions, snapshots, telemetry, utc_now)
    services = Services(
        reading=Reading(definitions, results),
        editing=Editing(definitions, telemetry, utc_now),
        lifecycle=lifecycle,
        snapshots=snapshots,
        assigning=Assigning(snapshots, inbox, telemetry, utc_now),
        tracking=Tracking(snapshots, inbox, telemetry, utc_now),
        loading=Loading(inbox, warehouse),
        analysing=Analysing(definitions, warehouse, results, notices, lifecycle, telemetry, utc_now),
        notices=notices,
        telemetry=telemetry,
        clock=utc_now,
    )
    return App(services, inbox, warehouse)
