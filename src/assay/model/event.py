"""Events as they are accepted at the edge and stored: one line of JSON each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from enum import StrEnum
from typing import Any

EXPOSURE = "exposure"
"""The event type that says: this unit met this variant."""
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_MICROSECOND = timedelta(microseconds=1)


class EventProblem(StrEnum):
    """Why an event was refused."""

    INVALID = "invalid"
    UNKNOWN_EXPERIMENT = "unknown_experiment"
    UNKNOWN_VARIANT = "unknown_variant"
    EXPERIMENT_NOT_STARTED = "experiment_not_started"
    WRONG_VERSION = "wrong_version"
    CLOCK = "clock"
    NOT_A_NUMBER = "not_a_number"
    TOO_LARGE = "too_large"
    RATE_LIMITED = "rate_limited"


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """One event of a request that was not accepted; the others were."""

    index: int
    code: EventProblem
    field: str
    given: str
    accepted: str


@dataclass(frozen=True, slots=True)
class FirstExposure:
    """When a unit first met a variant, and what was known of it then. kept_under: see `experiment.data_key`."""

    kept_under: str
    unit: str
    variant: str
    at: datetime
    context: Mapping[str, Any]


def moment_of(since_epoch: int) -> datetime:
    """The time of microseconds since 1970."""
    return _EPOCH + since_epoch * _MICROSECOND


def microseconds(moment: datetime) -> int:
    """Microseconds since 1970 UTC, exactly. moment: aware."""
    return (moment - _EPOCH) // _MICROSECOND
