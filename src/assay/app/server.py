"""The server's wiring: settings to adapters to services."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone

from assay.adapters.holiday_calendar import HolidayCalendar
from assay.adapters.prometheus import PrometheusTelemetry
from assay.adapters.sql_audit import SqlAuditLog
from assay.adapters.sql_definitions import SqlDefinitions
from assay.adapters.sql_results import SqlResults
from assay.adapters.sql_shared import SqlShared
from assay.adapters.user_agents import UserAgents
from assay.app.parts import LOADS, Parts, open_parts
from assay.app.plugins import installed_randomizers, installed_tests
from assay.app.settings import Settings
from assay.ports import Inbox, Warehouse
from assay.service.activity import Watching
from assay.service.analyse import Analysing
from assay.service.assign import Assigning
from assay.service.editing import Editing
from assay.service.entrance import Entrance
from assay.service.explaining import Explaining
from assay.service.exposures import ExposureLog
from assay.service.filtering import Filtering
from assay.service.forgetting import Forgetting
from assay.service.intake import Intake, Room
from assay.service.lifecycle import Lifecycle
from assay.service.loading import Loading
from assay.service.policy import Policy
from assay.service.privacy import StoredUnits
from assay.service.reading import Reading
from assay.service.retention import Retention
from assay.service.services import Health, Services
from assay.service.sharing import Sharing
from assay.service.snapshots import Snapshots
from assay.service.track import Tracking
from assay.service.unitrates import UnitRates
from assay.service.versions import Versions
from assay.service.watching import Check, Watch


def utc_now() -> datetime:
    """The time now, aware."""
    return datetime.now(timezone.utc)


@dataclass(frozen=True, slots=True)
class App:
    """A running system: its services and what must be closed in the end."""

    services: Services
    parts: Parts

    @property
    def inbox(self) -> Inbox:
        """Where accepted events are."""
        return self.parts.inbox

    @property
    def warehouse(self) -> Warehouse:
        """Where loaded events are."""
        return self.parts.warehouse

    def close(self) -> None:
        """Write what waits, then release files and connections."""
        for close in self.parts.closing:
            close()


def build(settings: Settings) -> App:
    """The parts that the settings name, and the services over them."""
    parts = open_parts(settings)
    definitions, results, shared = SqlDefinitions(parts.engine), SqlResults(parts.engine), SqlShared(parts.engine)
    inbox, warehouse, notices = parts.inbox, parts.warehouse, parts.notices
    telemetry = PrometheusTelemetry()
    plugins, tests = installed_randomizers(), installed_tests()
    snapshots = Snapshots(definitions, plugins, parts.last)
    snapshots.begin()
    reading = Reading(definitions, results)
    policy = _policy(settings, user_agents := UserAgents())
    intake = Intake(inbox, Room(settings.max_waiting_events, settings.max_waiting_bytes))
    telemetry.watch_waiting(intake.waiting)
    assigning = Assigning(snapshots, inbox, telemetry, user_agents, policy, parts.sticky)
    entrance = Entrance(definitions, shared, HolidayCalendar(), plugins)
    lifecycle = Lifecycle(definitions, results, entrance, snapshots, telemetry, utc_now)
    checks: dict[str, Check] = {
        "definitions": lambda: void(definitions.version()),
        "inbox": inbox.check,
        "warehouse": warehouse.check,
        **({} if parts.measured is warehouse else {"sources": parts.measured.check}),
        "sticky": parts.sticky.check,
    }
    loading = Loading(inbox, warehouse)
    analysing = Analysing(
        definitions,
        parts.measured,
        results,
        notices,
        lifecycle,
        telemetry,
        utc_now,
        tests,
        sample_above_units=settings.sample_above_units,
    )
    forgetting = Forgetting(
        loading,
        analysing,
        warehouse,
        assigning,
        definitions,
        shared,
        SqlAuditLog(parts.engine),
        utc_now,
        parts.erasing,
        parts.sticky,
        policy.stored_units,
        loads=settings.role in LOADS,
    )
    services = Services(
        reading=reading,
        editing=Editing(definitions, entrance, telemetry, utc_now, tests),
        versions=Versions(definitions, reading, entrance, snapshots, utc_now, tests),
        sharing=Sharing(shared, definitions, entrance, utc_now),
        explaining=Explaining(reading, snapshots, assigning, utc_now, plugins),
        exposures=ExposureLog(parts.measured, reading, policy.stored_units),
        activity=Watching(warehouse, reading, utc_now),
        forgetting=forgetting,
        lifecycle=lifecycle,
        snapshots=snapshots,
        assigning=assigning,
        tracking=Tracking(snapshots, intake, telemetry, utc_now, policy),
        loading=loading,
        analysing=analysing,
        retention=Retention(warehouse, utc_now, settings.retention_days),
        leases=parts.leases,
        watch=Watch(checks, telemetry),
        notices=notices,
        telemetry=telemetry,
        clock=utc_now,
        health=Health(),
    )
    return App(services, parts)


def void(_: object) -> None:
    """Nothing: of a question only whether it is answered matters."""


def _policy(settings: Settings, user_agents: UserAgents) -> Policy:
    per_second = settings.unit_events_per_second
    return Policy(
        filtering=Filtering(settings.filters, user_agents),
        rates=UnitRates(per_second) if per_second else None,
        stored_units=StoredUnits(settings.unit_hash_key.encode()),
    )
