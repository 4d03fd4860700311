"""A server's clock that jumps: events keep their own times, nothing is counted twice, nothing is thrown away."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from assay.app import server as wiring
from assay.app.server import App, build
from assay.app.settings import Settings
from assay.model.activity import EventsAsked, Grain
from assay.worker.loop import Loop

BEGIN = datetime.now(timezone.utc)


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = BEGIN

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(wiring, "utc_now", clock)
    return clock


def event(number: int, at: datetime | None = None) -> bytes:
    document = {"user_id": f"u{number}", "event_type": "buy", "event_id": f"e{number}"}
    return json.dumps(document | ({"timestamp": at.isoformat()} if at else {})).encode()


async def take(app: App, *events: bytes) -> tuple[int, int]:
    tracking = app.services.tracking
    checked = tracking.check(list(events))
    await tracking.keep(checked)
    return len(checked.event_ids), len(checked.refusals)


async def test_a_clock_that_jumps(tmp_path: Path, clock: Clock) -> None:
    app = build(Settings(data=tmp_path / "data", retention_days=1))
    loop = Loop(app.services, 1.0)
    loop.round()
    assert await take(app, event(1), event(2, BEGIN)) == (2, 0)
    loop.round()
    # Two hours back: what is sent again is the same event, and what comes from the future is refused for its clock.
    clock.now = BEGIN - timedelta(hours=2)
    assert await take(app, event(1), event(3), event(4, BEGIN)) == (2, 1)
    loop.round()
    # Ten years on: old events are no reason to throw away everything that is kept.
    clock.now = BEGIN + timedelta(days=3_650)
    loop.round()
    everything = EventsAsked(since=BEGIN - timedelta(days=1), until=BEGIN + timedelta(days=100_000))
    assert app.warehouse.summary(everything, None, (), approximate=False).n_events == 3
    assert await take(app, event(5), event(6, BEGIN)) == (1, 1)
    loop.round()
    clock.now = BEGIN + timedelta(seconds=1)
    assert await take(app, event(1), event(2, BEGIN), event(3), event(7)) == (4, 0)
    loop.round()
    assert app.warehouse.summary(everything, None, (), approximate=False).n_events == 5
    counted = app.warehouse.activity(everything, Grain.DAY)
    assert sum(item.n_events for item in counted) == 5
    assert not loop.failing
    app.close()


async def test_old_events_are_dropped_by_a_clock_that_runs(tmp_path: Path, clock: Clock) -> None:
    app = build(Settings(data=tmp_path / "data", retention_days=1))
    elapsed = [0.0]
    loop = Loop(app.services, 1.0, elapsed=lambda: elapsed[0])
    loop.round()
    assert await take(app, event(1, BEGIN - timedelta(days=3)), event(2)) == (2, 0)
    loop.round()
    everything = EventsAsked(since=BEGIN - timedelta(days=9), until=BEGIN + timedelta(days=9))
    assert app.warehouse.summary(everything, None, (), approximate=False).n_events == 2
    clock.now, elapsed[0] = BEGIN + timedelta(minutes=61), 3_660.0
    loop.round()
    assert app.warehouse.summary(everything, None, (), approximate=False).n_events == 1
    app.close()
