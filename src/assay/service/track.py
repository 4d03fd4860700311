"""Taking events: each is checked on its own, the good ones go to the inbox together, the others are named."""

from __future__ import annotations

import asyncio
import math
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone

import msgspec

from assay.assignment.snapshot import Snapshot
from assay.model.event import EXPOSURE, EventProblem, Refusal, microseconds
from assay.model.experiment import data_key
from assay.ports import Clock, Inbox, Telemetry
from assay.service.eventform import EventIn, EventRefused, decode_event, too_deep
from assay.service.eventlines import EventLine, encode_line, event_key
from assay.service.snapshots import Snapshots

MAX_AGE = timedelta(days=90)
MAX_AHEAD = timedelta(minutes=10)
_MAX_TYPE_CHARACTERS = 100
_MAX_METRICS = 100


@dataclass(slots=True)
class Checked:
    """What became of the events of one request: lines to store, an id for each accepted event, and refusals."""

    lines: list[bytes] = field(default_factory=list)
    event_ids: list[str] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Tracking:
    """Accepts events durably."""

    snapshots: Snapshots
    inbox: Inbox
    telemetry: Telemetry
    clock: Clock

    async def track(self, raw_events: Sequence[bytes | msgspec.Raw]) -> Checked:
        """Check every event and wait until the accepted ones are on disk; raises Unavailable if they cannot be."""
        checked = self.check(raw_events)
        if checked.lines:
            await asyncio.wrap_future(self.inbox.append(b"\n".join(checked.lines)))
        self.telemetry.events_accepted(len(checked.event_ids))
        if checked.refusals:
            self.telemetry.events_refused(len(checked.refusals))
        return checked

    def check(self, raw_events: Sequence[bytes | msgspec.Raw]) -> Checked:
        """Sort good events from bad; no I/O."""
        checked = Checked()
        snapshot, now = self.snapshots.current, self.clock()
        for index, raw in enumerate(raw_events):
            try:
                event = decode_event(raw)
                lines, event_id = _lines_of(event, snapshot, now)
            except (EventRefused, RecursionError) as error:
                refused = error if isinstance(error, EventRefused) else too_deep()
                checked.refusals.append(
                    Refusal(
                        index=index,
                        code=refused.code,
                        field=refused.field,
                        given=refused.given,
                        accepted=refused.accepted,
                    )
                )
            else:
                checked.lines.extend(lines)
                checked.event_ids.append(event_id)
        return checked


def _lines_of(event: EventIn, snapshot: Snapshot, now: datetime) -> tuple[list[bytes], str]:
    _check_names(event)
    at = _checked_time(event.timestamp, now)
    _check_attribution(event, snapshot, at)
    occurred_at = microseconds(at)
    # Without id and time there is nothing to tell a repeat by: each such event is its own.
    event_id = event.event_id or (None if event.timestamp else secrets.token_hex(12))
    metrics = event.metrics if event.value is None else {**event.metrics, "value": event.value}
    known = snapshot.experiments
    named = sorted(
        (data_key(item.experiment_id, known[item.experiment_id].version), item.variant_id) for item in event.experiments
    )
    unit, properties = event.user_id, event.properties
    if event.consistency_key is not None:
        # Whoever is followed by a key of their own is drawn and counted by it.
        unit, properties = event.consistency_key, {"user_id": event.user_id, **event.properties}
    is_exposure = event.event_type == EXPOSURE
    lines, first_key = [], ""
    for place, (experiment, variant) in enumerate(named or [("", None)]):
        key = event_key(unit, event_id, event.event_type, occurred_at, experiment, place)
        first_key = first_key or key
        line = EventLine(
            key,
            unit,
            event.event_type,
            experiment,
            variant if is_exposure else None,
            occurred_at,
            metrics,
            properties,
        )
        lines.append(encode_line(line))
    return lines, event_id or f"evt_{first_key}"


def _check_names(event: EventIn) -> None:
    if not event.user_id:
        raise EventRefused(EventProblem.INVALID, "user_id", event.user_id, "text that is not empty")
    if event.consistency_key == "":
        raise EventRefused(EventProblem.INVALID, "consistency_key", "", "text that is not empty, or nothing")
    if not 0 < len(event.event_type) <= _MAX_TYPE_CHARACTERS:
        raise EventRefused(
            EventProblem.INVALID, "event_type", event.event_type, f"text of 1 to {_MAX_TYPE_CHARACTERS} characters"
        )
    if event.event_type.lower() == EXPOSURE and event.event_type != EXPOSURE:
        raise EventRefused(EventProblem.INVALID, "event_type", event.event_type, f"'{EXPOSURE}' in lower case")
    if event.value is not None and "value" in event.metrics:
        raise EventRefused(EventProblem.INVALID, "value", event.value, "either value or metrics.value")
    if len(event.metrics) > _MAX_METRICS:
        raise EventRefused(EventProblem.INVALID, "metrics", f"{len(event.metrics)} numbers", f"at most {_MAX_METRICS}")
    for name, value in event.metrics.items():
        if not math.isfinite(value):
            raise EventRefused(EventProblem.NOT_A_NUMBER, f"metrics.{name}", value, "a finite number")


def _checked_time(timestamp: datetime | None, now: datetime) -> datetime:
    if timestamp is None:
        return now
    at = timestamp.replace(tzinfo=timezone.utc) if timestamp.tzinfo is None else timestamp
    try:
        age = now - at
    except OverflowError:
        age = timedelta.max
    if not -MAX_AHEAD <= age <= MAX_AGE:
        accepted = (
            f"a time from {(now - MAX_AGE).isoformat(timespec='seconds')} to "
            f"{(now + MAX_AHEAD).isoformat(timespec='seconds')}: check the sender's clock"
        )
        raise EventRefused(EventProblem.CLOCK, "timestamp", timestamp.isoformat(), accepted)
    return at


def _check_attribution(event: EventIn, snapshot: Snapshot, at: datetime) -> None:
    if event.event_type == EXPOSURE and not event.experiments:
        raise EventRefused(EventProblem.INVALID, "experiments", [], "the experiment and variant that the unit met")
    if len(event.experiments) > 1 and len({item.experiment_id for item in event.experiments}) < len(event.experiments):
        names = ", ".join(item.experiment_id for item in event.experiments)
        raise EventRefused(EventProblem.INVALID, "experiments", names, "each experiment once")
    for i, item in enumerate(event.experiments):
        path = f"experiments[{i}]"
        experiment = snapshot.experiments.get(item.experiment_id)
        if experiment is None:
            raise EventRefused(
                EventProblem.UNKNOWN_EXPERIMENT,
                f"{path}.experiment_id",
                item.experiment_id,
                "an experiment that has been started",
            )
        if item.variant_id is None and event.event_type == EXPOSURE:
            raise EventRefused(EventProblem.INVALID, f"{path}.variant_id", None, "the variant that the unit met")
        if item.variant_id is not None and item.variant_id not in experiment.variants:
            known = ", ".join(sorted(experiment.variants))
            raise EventRefused(EventProblem.UNKNOWN_VARIANT, f"{path}.variant_id", item.variant_id, f"one of {known}")
        if item.version is not None and item.version != experiment.version:
            raise EventRefused(
                EventProblem.WRONG_VERSION,
                f"{path}.version",
                item.version,
                f"{experiment.version}, the version that runs now: its units were drawn anew",
            )
        if experiment.started_at is not None and at < experiment.started_at - MAX_AHEAD:
            raise EventRefused(
                EventProblem.EXPERIMENT_NOT_STARTED,
                "timestamp",
                at.isoformat(),
                f"a time after the experiment's start, {experiment.started_at.isoformat(timespec='seconds')}",
            )
