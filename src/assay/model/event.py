"""Events as they are accepted at the edge and stored: one line of JSON each."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from enum import StrEnum

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """One event of a request that was not accepted; the others were."""

    index: int
    code: EventProblem
    field: str
    given: str
    accepted: str


def microseconds(moment: datetime) -> int:
    """Microseconds since 1970 UTC, exactly. moment: aware."""
    return (moment - _EPOCH) // _MICROSECOND
