"""How many events came when, and what their numbers are: asked of the warehouse apart from any experiment's plan."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class Grain(StrEnum):
    """How long one count is."""

    MINUTE = "minute"
    HOUR = "hour"
    DAY = "day"

    @property
    def microseconds(self) -> int:
        """Its length; days are UTC's."""
        return {"minute": 60, "hour": 3_600, "day": 86_400}[self.value] * 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class EventsAsked:
    """Which events. since, until: times of the events, the end not included. type, experiment: only these; an
    experiment's are those that name it, by its data key."""

    since: datetime
    until: datetime
    type: str | None = None
    experiment: str | None = None


@dataclass(frozen=True, slots=True)
class Activity:
    """Events of one type in one span of time. experiment: '' for events that name none."""

    at: datetime
    type: str
    experiment: str
    n_events: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EventsSummary:
    """What the events are together. n_values, mean, quantiles: of the field that was asked for.

    units_error: the standard error of n_units as a share, 0 when it is exact. rank_error: by how much the rank of a
    quantile may be off, as a share of all values; 0 when it is exact.
    """

    n_events: int
    n_units: int
    n_values: int = 0
    mean: float | None = None
    quantiles: Mapping[float, float] = field(default_factory=dict)
    units_error: float = 0.0
    rank_error: float = 0.0
