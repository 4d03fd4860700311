"""The server's wiring: settings to adapters to services."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone

from assay.adapters.duckdb_warehouse import DuckdbWarehouse
from assay.adapters.holiday_calendar import HolidayCalendar
from assay.adapters.memory import MemoryNotices
from assay.adapters.prometheus import PrometheusTelemetry
from assay.adapters.sql_audit import SqlAuditLog
from assay.adapters.sql_definitions import SqlDefinitions
from assay.adapters.sql_results import SqlResults
from assay.adapters.sql_schema import open_database
from assay.adapters.sql_shared import SqlShared
from assay.adapters.sqlite_inbox import SqliteInbox
from assay.adapters.user_agents import UserAgents
from assay.app.plugins import installed_randomizers, installed_tests
from assay.app.settings import Settings
from assay.ports import Inbox, Warehouse
from assay.service.analyse import Analysing
from assay.service.assign import Assigning
from assay.service.editing import Editing
from assay.service.entrance import Entrance
from assay.service.explaining import Explaining
from assay.service.exposures import ExposureLog
from assay.service.forgetting import Forgetting
from assay.service.lifecycle import Lifecycle
from assay.service.loading import Loading
from assay.service.reading import Reading
from assay.service.services import Health, Services
from assay.service.sharing import Sharing
from assay.service.snapshots import Snapshots
from assay.service.track import Tracking
from assay.service.versions import Versions


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
    definitions, results, shared = SqlDefinitions(engine), SqlResults(engine), SqlShared(engine)
    warehouse = DuckdbWarehouse(settings.data / "warehouse.duckdb")
    inbox = SqliteInbox(settings.data / "inbox.sqlite")
    telemetry, notices = PrometheusTelemetry(), MemoryNotices()
    plugins, tests = installed_randomizers(), installed_tests()
    snapshots = Snapshots(definitions, plugins)
    snapshots.refresh()
    reading = Reading(definitions, results)
    assigning = Assigning(snapshots, inbox, telemetry, UserAgents())
    entrance = Entrance(definitions, shared, HolidayCalendar(), plugins)
    lifecycle = Lifecycle(definitions, results, entrance, snapshots, telemetry, utc_now)
    loading = Loading(inbox, warehouse)
    analysing = Analysing(definitions, warehouse, results, notices, lifecycle, telemetry, utc_now, tests)
    audit, erasing = SqlAuditLog(engine), (inbox, warehouse)
    services = Services(
        reading=reading,
        editing=Editing(definitions, entrance, telemetry, utc_now, tests),
        versions=Versions(definitions, reading, entrance, snapshots, utc_now, tests),
        sharing=Sharing(shared, definitions, entrance, utc_now),
        explaining=Explaining(reading, snapshots, assigning, utc_now, plugins),
        exposures=ExposureLog(warehouse, reading),
        forgetting=Forgetting(loading, analysing, warehouse, assigning, definitions, shared, audit, utc_now, erasing),
        lifecycle=lifecycle,
        snapshots=snapshots,
        assigning=assigning,
        tracking=Tracking(snapshots, inbox, telemetry, utc_now),
        loading=loading,
        analysing=analysing,
        notices=notices,
        telemetry=telemetry,
        clock=utc_now,
        health=Health(),
    )
    return App(services, inbox, warehouse)
