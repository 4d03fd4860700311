"""Times for people: a date with its machine-readable twin, and how old an experiment is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone

from assay import wording
from assay.model.document import format_time
from assay.model.experiment import Experiment
from assay.model.lifecycle import Status


@dataclass(frozen=True, slots=True)
class Moment:
    """A time: `iso` for machines, `text` for people (UTC)."""

    iso: str
    text: str


def moment(at: datetime) -> Moment:
    """A time in both writings."""
    utc = at.astimezone(timezone.utc)
    return Moment(format_time(at), f"{utc.day} {utc:%b %Y, %H:%M:%S} UTC")


def age(experiment: Experiment, now: datetime) -> str:
    """How long it has run, or since when it waits: 'running for 3 days', 'created 2 hours ago'."""
    if experiment.started_at is None:
        return "not started" if experiment.created_at is None else f"created {_since(experiment.created_at, now)} ago"
    if experiment.ended_at is None:
        verb = "paused, started" if experiment.status is Status.PAUSED else "running for"
        since = _since(experiment.started_at, now)
        return f"{verb} {since} ago" if experiment.status is Status.PAUSED else f"{verb} {since}"
    return f"ran {_since(experiment.started_at, experiment.ended_at)}, ended {_since(experiment.ended_at, now)} ago"


def _since(then: datetime, now: datetime) -> str:
    return wording.duration((now - then).total_seconds())
