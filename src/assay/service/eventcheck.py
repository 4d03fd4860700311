"""One event, read: whether it is accepted, and the lines that are kept of it."""

from __future__ import annotations

import math
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from functools import lru_cache

from assay.assignment.snapshot import Snapshot
from assay.model.event import EXPOSURE, EventProblem, microseconds
from assay.model.experiment import data_key
from assay.service.eventform import EventIn, EventRefused
from assay.service.eventlines import EventLine, event_key, key_of_id

MAX_AGE = timedelta(days=90)
MAX_AHEAD = timedelta(minutes=10)
_MAX_TYPE_CHARACTERS = 100
_MAX_METRICS = 100
_KEPT_TYPES = 1_024
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


@dataclass(frozen=True, slots=True)
class CheckedAt:
    """What the events of one request are checked against: what has started, and the clock with what it allows."""

    snapshot: Snapshot
    now: datetime
    earliest: datetime
    latest: datetime

    @classmethod
    def moment(cls, snapshot: Snapshot, now: datetime) -> CheckedAt:
        """now: aware, in UTC."""
        return cls(snapshot, now, now - MAX_AGE, now + MAX_AHEAD)


@lru_cache(_KEPT_TYPES)
def is_plain_type(event_type: str) -> bool:
    """An accepted type that is not the one of exposures."""
    return 0 < len(event_type) <= _MAX_TYPE_CHARACTERS and event_type.lower() != EXPOSURE


def plain_line(event: EventIn, checked_at: CheckedAt) -> EventLine | None:
    """The line of an event as most are: with an id and a time, naming at most one experiment. None of any other, and
    of any that may have to be refused: those are for `lines_of`, which says the same of these, too."""
    at, event_type, experiment = event.timestamp, event.event_type, ""
    if (
        at is None
        or at.tzinfo is not timezone.utc
        or not checked_at.earliest <= at <= checked_at.latest
        or not event.event_id
        or not event.user_id
        or event.consistency_key is not None
        or event.value is not None
        or len(event.metrics) > _MAX_METRICS
    ):
        return None
    if event.experiments:
        kept_under = _kept_under(event, at, checked_at.snapshot)
        if kept_under is None:
            return None
        experiment = kept_under
    elif not is_plain_type(event_type):
        return None
    variant = event.experiments[0].variant_id if event_type == EXPOSURE else None
    since = at - _EPOCH
    return EventLine(
        key_of_id(event.user_id, event.event_id),
        event.user_id,
        event_type,
        experiment,
        variant,
        (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds,
        event.metrics,
        event.properties,
    )


def _kept_under(event: EventIn, at: datetime, snapshot: Snapshot) -> str | None:
    """Under which key an event that names one experiment is kept; None if it names several or is not right."""
    if len(event.experiments) > 1:
        return None
    named = event.experiments[0]
    experiment = snapshot.experiments.get(named.experiment_id)
    if (
        experiment is None
        or (named.variant_id is None and event.event_type == EXPOSURE)
        or (named.variant_id is not None and named.variant_id not in experiment.variants)
        or (named.version is not None and named.version != experiment.version)
        or (experiment.started_at is not None and at < experiment.started_at - MAX_AHEAD)
        or not (event.event_type == EXPOSURE or is_plain_type(event.event_type))
    ):
        return None
    return data_key(named.experiment_id, experiment.version)


def lines_of(event: EventIn, checked_at: CheckedAt) -> tuple[list[EventLine], str]:
    """The lines of an event, one per experiment it names, and its id; raises EventRefused."""
    _check_names(event)
    at = _checked_time(event.timestamp, checked_at)
    snapshot = checked_at.snapshot
    _check_attribution(event, snapshot, at)
    occurred_at = microseconds(at)
    # Without id and time there is nothing to tell a repeat by: each such event is its own.
    event_id = event.event_id or (None if event.timestamp else secrets.token_hex(12))
    metrics = event.metrics if event.value is None else {**event.metrics, "value": event.value}
    unit, properties = event.user_id, event.properties
    if event.consistency_key is not None:
        # Whoever is followed by a key of their own is drawn and counted by it.
        unit, properties = event.consistency_key, {"user_id": event.user_id, **event.properties}
    named = _named(event, snapshot)
    is_exposure = event.event_type == EXPOSURE
    lines = [
        EventLine(
            event_key(unit, event_id, event.event_type, occurred_at, experiment, place),
            unit,
            event.event_type,
            experiment,
            variant if is_exposure else None,
            occurred_at,
            metrics,
            properties,
        )
        for place, (experiment, variant) in enumerate(named)
    ]
    return lines, event_id or f"evt_{lines[0].key}"


def _named(event: EventIn, snapshot: Snapshot) -> list[tuple[str, str | None]]:
    """What the event names, as it is kept, in sorted order; the empty experiment if it names none."""
    known = snapshot.experiments
    named = [
        (data_key(item.experiment_id, known[item.experiment_id].version), item.variant_id) for item in event.experiments
    ]
    # Experiments differ, so variants, of which some may be None, are never compared.
    return sorted(named) if len(named) > 1 else named or [("", None)]


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


def _checked_time(timestamp: datetime | None, checked_at: CheckedAt) -> datetime:
    if timestamp is None:
        return checked_at.now
    at = timestamp.replace(tzinfo=timezone.utc) if timestamp.tzinfo is None else timestamp
    try:
        fits = checked_at.earliest <= at <= checked_at.latest
    except OverflowError:
        fits = False
    if not fits:
        accepted = (
            f"a time from {checked_at.earliest.isoformat(timespec='seconds')} to "
            f"{checked_at.latest.isoformat(timespec='seconds')}: check the sender's clock"
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
