"""Exposures that an assignment logs: once, and again when writing them failed."""

from __future__ import annotations

from concurrent.futures import Future
from datetime import datetime, timezone

from assay.adapters.memory import MemoryDefinitions, MemoryInbox
from assay.adapters.prometheus import PrometheusTelemetry
from assay.adapters.user_agents import UserAgents
from assay.errors import Unavailable
from assay.service.assign import Assigning
from assay.service.snapshots import Snapshots
from tests.service.test_loop import experiment

NOW = datetime(2026, 2, 5, 12, tzinfo=timezone.utc)


class FullDisk(MemoryInbox):
    """An inbox that fails as long as it is told to."""

    full = True

    def append(self, lines: bytes) -> Future[None]:
        if not self.full:
            return super().append(lines)
        done: Future[None] = Future()
        done.set_exception(Unavailable("no space left"))
        return done


def assigning(inbox: MemoryInbox) -> Assigning:
    definitions = MemoryDefinitions()
    definitions.save(experiment(), action="create", actor="t", at=NOW)
    snapshots = Snapshots(definitions)
    snapshots.refresh()
    return Assigning(snapshots, inbox, PrometheusTelemetry(), UserAgents())


def meet(service: Assigning, unit: str) -> None:
    service.log_exposures(unit, service.assign(unit, {}, ["e"], NOW), {}, NOW)


def waiting(inbox: MemoryInbox) -> int:
    batch = inbox.read(0, max_events=100)
    return len(batch.lines) if batch else 0


def test_a_unit_that_comes_again_is_logged_once() -> None:
    inbox = MemoryInbox()
    service = assigning(inbox)
    for unit in ("u", "u", "v", "u"):
        meet(service, unit)
    assert waiting(inbox) == 2


def test_an_exposure_that_was_not_written_is_logged_again() -> None:
    inbox = FullDisk()
    service = assigning(inbox)
    meet(service, "u")
    inbox.full = False
    assert waiting(inbox) == 0
    meet(service, "u")
    meet(service, "u")
    assert waiting(inbox) == 1
